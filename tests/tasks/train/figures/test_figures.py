"""Figures say what the numbers say, and every axis is labelled with its unit."""

import numpy as np
import pandas as pd
import pytest

from models.metrics import Interval, Reliability, reliability
from tasks.train.figures import style
from tasks.train.figures.confusion import confusion_figure
from tasks.train.figures.curves import curves_figure
from tasks.train.figures.reliability import reliability_figure
from tasks.train.figures.retrieval import retrieval_figure, retrieval_page
from tasks.train.figures.subsets import subsets_figure

TABLE = np.array([[8, 1, 0], [3, 6, 0], [0, 0, 2]])
ACCURACY = {
    "image": Interval(0.78, 0.74, 0.82),
    "text": Interval(0.87, 0.84, 0.90),
    "audio": Interval(0.39, 0.35, 0.43),
    "image+text": Interval(0.90, 0.87, 0.92),
    "fused": Interval(0.91, 0.88, 0.93),
}
RETRIEVAL = pd.DataFrame(
    {
        "direction": ["speech_to_text", "speech_to_text", "image_to_caption"],
        "language": ["el", "<fr>", "all"],
        "queries": [100, 150, 160],
        "candidates": [100, 200, 8],
        "r1": [0.4, 0.6, 0.2],
        "r5": [0.7, 0.8, 0.4],
        "r10": [0.8, 1.0, 0.6],
    }
)
HISTORY = [
    (1, {"train_loss": 2.0, "val_loss": 1.5, "val_accuracy": 0.5}),
    (2, {"train_loss": 1.0, "val_loss": 1.2, "val_accuracy": 0.7}),
    (3, {"train_loss": 0.5, "val_loss": 1.4, "val_accuracy": 0.6}),
]


def calibrated():
    """Two bins: sure 0.9 and right 1 of 2; sure 0.6 and right 2 of 2. ECE (2*0.4 + 2*0.4) / 4."""
    probability = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]])
    return reliability(probability, np.array([0, 1, 0, 0]), bins=4)


def figures():
    return {
        "confusion": confusion_figure(TABLE, ("animals", "food", "town")),
        "reliability": reliability_figure(calibrated()),
        "subsets": subsets_figure(ACCURACY, majority=0.26),
        "retrieval": retrieval_figure(RETRIEVAL),
        "curves": curves_figure(HISTORY),
    }


def title(figure):
    return " ".join(figure.get_suptitle().split())


def words(axes):
    return [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("name", figures())
def test_every_figure_draws_with_labelled_axes_and_a_title(name, tmp_path):
    figure = figures()[name]
    figure.savefig(tmp_path / "out.png")
    assert (tmp_path / "out.png").stat().st_size > 5000
    assert len(title(figure)) > 20
    assert any(axes.get_xlabel() for axes in figure.axes)
    for axes in figure.axes:
        assert axes.get_ylabel(), "an axis has no label"


def test_no_figure_leaves_global_state():
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    figures()
    assert plt.get_fignums() == before == []


def test_palette_is_told_apart_without_colour_sight():
    """Lightness of the colours that share a figure differs: they survive a grey print.

    Relative luminance as in WCAG 2.2, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance.
    """

    def luminance(colour):
        channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(
            channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
        )
        return float(linear @ [0.2126, 0.7152, 0.0722])

    assert luminance(style.PALE) > 2 * luminance(style.BLUE)
    assert luminance(style.ORANGE) > 2 * luminance(style.BLUE)


def test_confusion_counts_and_names_the_most_frequent_mistake():
    figure = figures()["confusion"]
    # 4 of 20 clips are off the diagonal, 3 of them food taken for animals
    assert title(figure) == (
        "20.0% of 20 clips are put in a wrong class, most often food taken for animals (3)"
    )
    assert sorted(words(figure.axes[0])) == ["1", "2", "3", "6", "8"]


def test_confusion_without_mistakes():
    figure = confusion_figure(np.diag([3, 4]), ("a", "b"))
    assert title(figure) == "All 7 clips are in their right class"


def test_reliability_shows_both_bins_and_their_gap():
    figure = reliability_figure(calibrated())
    upper, lower = figure.axes
    # mean confidence 0.75, accuracy 3 of 4: no gap on average, but 0.4 in each bin
    assert title(figure) == "The model is on average as sure as it is right (ECE 0.400)"
    heights = [bar.get_height() for bar in upper.patches]
    assert heights == pytest.approx([100.0, 50.0])
    assert [bar.get_height() for bar in lower.patches] == [0, 0, 2, 2]


@pytest.mark.parametrize(
    ("accuracy", "sentence"),
    [
        (0.7, "The model is on average 20.0 points surer than it is right (ECE 0.200)"),
        (1.0, "The model is on average 10.0 points less sure than it is right (ECE 0.100)"),
    ],
)
def test_reliability_says_which_way_it_errs(accuracy, sentence):
    found = Reliability(
        confidence=np.array([0.0, 0.9]),
        accuracy=np.array([0.0, accuracy]),
        count=np.array([0, 10]),
        ece=abs(0.9 - accuracy),
    )
    assert title(reliability_figure(found)) == sentence


def test_subsets_are_ranked_with_their_intervals():
    figure = figures()["subsets"]
    (axes,) = figure.axes
    assert title(figure) == (
        "All modalities together: 91.0% right; the best single one, text: 87.0%"
    )
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["audio", "image", "text", "image+text", "image+text+audio"]
    spans = [line.get_xdata() for line in axes.lines if len(line.get_xdata()) == 2]
    assert [74.0, 82.0] in [pytest.approx(list(span)) for span in spans]
    assert "78.0" in words(axes)


def test_retrieval_has_a_panel_for_each_direction():
    figure = figures()["retrieval"]
    assert [axes.get_title("left") for axes in figure.axes] == [
        "speech to text",
        "image to caption",
    ]
    assert title(figure) == (
        "speech to text: the right one of 100 to 200 comes first for 50% of the queries and among "
        "ten for 90% (mean of 2 languages)"
    )
    (chance,) = figure.axes[0].lines
    # 10 of 100 and 10 of 200 candidates
    assert sorted(chance.get_xdata()) == pytest.approx([5.0, 10.0])


def test_retrieval_of_one_language_speaks_of_no_mean():
    figure = retrieval_figure(RETRIEVAL.tail(1))
    assert title(figure) == (
        "image to caption: the right one of 8 comes first for 20% of the queries and among ten for "
        "60%"
    )


def test_retrieval_table_has_all_digits_and_escapes_names():
    page = retrieval_page(RETRIEVAL)
    assert "<td>&lt;fr&gt;</td>" in page
    assert '<td class="number">0.700</td>' in page
    assert page.count("<tr>") == 1 + len(RETRIEVAL)
    # eight candidates: ten draws find them all
    assert '<td class="number">1.000</td></tr>' in page


def test_curves_mark_the_epoch_with_the_lowest_validation_loss():
    figure = figures()["curves"]
    assert title(figure) == "Epoch 2 has the lowest validation loss, 1.200, of epochs 1 to 3"
    upper, lower = figure.axes
    assert [line.get_label() for line in upper.lines][:2] == ["train loss", "val loss"]
    assert list(lower.lines[0].get_ydata()) == pytest.approx([50.0, 70.0, 60.0])


def test_curves_of_a_resumed_run_say_where_the_rest_is():
    figure = curves_figure(HISTORY[1:])
    assert figure.get_supxlabel().endswith("before 2 are in the run that was interrupted.")
