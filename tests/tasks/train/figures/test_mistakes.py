"""The sheet shows the surest mistakes, one an item, and needs no other file."""

import base64
import io
import re
from html.parser import HTMLParser

import pytest
from PIL import Image

from tasks.train.figures.embed import SIDE, picture_uri, sound_uri
from tasks.train.figures.mistakes import worst_mistakes
from tasks.train.figures.sheet import mistakes_page

VOID = {"meta", "img", "br", "link"}


class Balance(HTMLParser):
    """Notes tags that are closed in the wrong order, and addresses that a browser would fetch."""

    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.sources = [], [], []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


@pytest.fixture
def page(predictions, manifest, media):
    return mistakes_page(worst_mistakes(predictions, manifest, 10), media, wrong=4, clips=6)


def test_surest_first_and_one_for_each_item(predictions, manifest):
    found = worst_mistakes(predictions, manifest, 10)
    # egg/fr 0.9 hides egg/el 0.7; inn/fr 0.7; cat/fr 0.6; house is right
    assert [mistake.id for mistake in found] == ["egg/fr", "inn/fr", "cat/fr"]
    assert found[0].also == ("el",)
    assert found[1].also == ()
    assert [mistake.id for mistake in worst_mistakes(predictions, manifest, 1)] == ["egg/fr"]


def test_a_mistake_knows_what_was_said_and_what_is_true(predictions, manifest):
    first = worst_mistakes(predictions, manifest, 1)[0]
    assert (first.truth, first.answer) == ("food", "animals")
    assert list(first.probabilities.items()) == [("animals", 0.9), ("food", 0.06), ("town", 0.04)]
    assert first.alone["audio"] == ("animals", 0.9)


def test_modalities_that_are_not_there_answer_nothing(predictions, manifest):
    bare = worst_mistakes(predictions, manifest, 10)[1]
    assert (bare.image, bare.text, bare.caption) == (None, None, None)
    assert set(bare.alone) == {"audio"}


def test_page_is_well_formed_and_loads_nothing(page):
    parser = Balance()
    parser.feed(page)
    assert parser.wrong == []
    assert parser.open == []
    assert all(source.startswith("data:") for source in parser.sources)
    assert "<script" not in page
    assert "url(" not in page


def test_texts_are_escaped_and_carry_their_language(page):
    assert "<b>" not in page
    assert 'alt="A &lt;b&gt;&quot;egg&quot;&lt;/b&gt;"' in page
    assert '<span lang="fr" dir="auto">œuf</span>' in page


def test_sounds_are_playable_as_they_are(page, media):
    sounds = re.findall(r'src="data:audio/ogg;base64,([^"]+)"', page)
    assert base64.b64decode(sounds[0]) == (media / "egg_fr.ogg").read_bytes()
    assert page.count("<audio controls") == len(sounds) == 3
    assert 'aria-label="the clip in fr"' in page


def test_pictures_are_made_small(page):
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert len(pictures) == 2
    with Image.open(io.BytesIO(base64.b64decode(pictures[0]))) as image:
        # 640 x 480 with the same shape
        assert image.size == (SIDE, SIDE * 480 // 640)
        assert image.mode == "RGBA"


def test_page_says_how_many_and_what_is_missing(page):
    assert "<h1>The 3 worst mistakes</h1>" in page
    assert "4 of 6 clips of unseen groups (66.7%)" in page
    assert "no picture" in page
    assert "no text" in page
    assert "Also wrong in el" in page


def test_right_class_is_always_listed(predictions, manifest, media):
    """The right class comes fifth: shown are the three surest and it."""
    for place, share in (("p", 0.3), ("q", 0.2), ("r", 0.1)):
        predictions[f"probability:fused:{place}"] = share
    page = mistakes_page(worst_mistakes(predictions, manifest, 1), media, wrong=4, clips=6)
    rows = re.findall(r'<th scope="row">(\w+)', page)
    assert rows == ["animals", "p", "q", "food"]
    assert '<tr class="is-truth"><th scope="row">food<span class="hidden"> (true)</span>' in page


def test_no_mistakes(media):
    page = mistakes_page([], media, wrong=0, clips=6)
    assert "All 6 clips of unseen groups got the right class." in page


def test_sounds_that_browsers_do_not_play_are_named(predictions, manifest, media):
    manifest["audio"] = "clip.aiff"
    page = mistakes_page(worst_mistakes(predictions, manifest, 1), media, wrong=4, clips=6)
    assert sound_uri(media / "clip.aiff") is None
    assert "sound: clip.aiff" in page


def test_clips_without_sound(predictions, manifest, media):
    manifest["audio"] = None
    page = mistakes_page(worst_mistakes(predictions, manifest, 1), media, wrong=4, clips=6)
    assert "no sound" in page
    assert "<audio" not in page


def test_the_same_picture_gives_the_same_bytes(media):
    assert picture_uri(media / "cat.png") == picture_uri(media / "cat.png")
