"""Pictures of audits: they say in words what the numbers show."""

import pytest

from tasks.federate.figures.privacy import audit_figure, privacy_figure
from tasks.federate.figures.robustness import robustness_figure


def _audit(claim, proved):
    found = {"auc": 0.9, "auc_low": 0.8, "auc_high": 0.95, "epsilon_at_least": proved}
    level = "none" if claim is None else "central_dp"
    return {
        "task": "digits",
        "rounds": 10,
        "privacy": {"level": level, "clip": 1.0, "noise_multiplier": 1.0, "epsilon": claim},
        "canary": {"model": {**found, "guesses": 58, "canaries": 117}},
        "inversion": {view: {"cosine": 0.1} for view in ("upload", "mean", "guess")},
    }


@pytest.mark.parametrize(
    ("claim", "proved", "said"),
    [
        (17.9, 2.45, "the claim stands"),
        (2.0, 2.45, "REFUTED"),
        (None, 2.45, "nothing is claimed, epsilon is at least 2.45"),
    ],
)
def test_audit_figure_gives_the_verdict(claim, proved, said):
    figure = audit_figure(_audit(claim, proved))
    assert said in " ".join(figure.get_suptitle().split())
    # 58 right guesses of 58 bound epsilon by log(q / (1 - q)), q^58 = 0.05: 2.94.
    assert "more than about 2.9" in " ".join(figure.get_supxlabel().split())


def _line(epsilon, accuracy):
    level = "none" if epsilon is None else "central_dp"
    spread = {"mean": accuracy, "mean_low": accuracy - 0.01, "mean_high": accuracy + 0.01}
    canary = {"model": {"auc": 0.7, "auc_low": 0.6, "auc_high": 0.8}}
    return {
        "clients": 1000,
        "level": level,
        "epsilon": epsilon,
        "accuracy": spread,
        "canary": canary,
    }


def test_privacy_figure_names_the_smallest_epsilon_that_costs_little():
    lines = [_line(None, 0.8), _line(1.0, 0.5), _line(3.0, 0.79), _line(10.0, 0.8)]
    figure = privacy_figure({"lines": lines, "rounds": 10, "delta": 1e-5})
    title = " ".join(figure.get_suptitle().split())
    assert "1,000 clients stay within 2 points of no noise down to epsilon 3" in title


def test_robustness_figure_names_the_best_by_its_worst_attack():
    def line(clean, flip, opened=0.5):
        return {
            "clean": {"accuracy": clean, "backdoor": 0.0},
            "sign_flip": {"accuracy": {"mean": flip}, "backdoor": 0.0},
            "backdoor": {"accuracy": clean, "backdoor": {"mean": opened}},
        }

    found = {"fedavg": line(0.95, 0.5), "median": line(0.93, 0.92, 0.2), "krum": line(0.94, 0.8)}
    figure = robustness_figure(found, hostile=0.2)
    title = " ".join(figure.get_suptitle().split())
    assert "median is 3.0 points below clean FedAvg, FedAvg itself 45.0" in title
    assert "the backdoor works on 20% and 50%" in title
    cells = [text.get_text() for text in figure.axes[0].texts]
    assert cells[:3] == ["95.0", "50.0", "95.0"]
