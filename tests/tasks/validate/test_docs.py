"""Data Docs say what was found, and load nothing from elsewhere."""

import re

import pytest

from tasks.validate import examine


@pytest.fixture(scope="module")
def site(good, bounds, known, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    examine(good.assign(quality=0.0), "ab" * 32, bounds, known, folder)
    return folder


def test_pages_are_static_and_load_nothing_from_elsewhere(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) == 13  # a page for each of 6 suites and for each of 6 results, and the front
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "<script" not in text, page
        assert "<link" not in text, page
        loaded = re.findall(r"""<(?:img|iframe|source|link|script)[^>]*//[^>]*>|url\(""", text)
        assert loaded == [], page


def test_front_page_names_what_fails_and_links_to_each_suite(site):
    front = (site / "index.html").read_text(encoding="utf-8")
    assert "The manifest fails 1 of 92 expectations" in front
    assert "clips: quality is between 0.05 and 1.0: 36 of 36 rows break this" in front
    links = re.findall(r'href="([^"]+)"', front)
    assert len(links) == 6
    for link in links:
        assert (site / link).is_file(), link


def test_result_pages_carry_our_sentences(site):
    (page,) = (site / "validations" / "groups").rglob("*.html")
    assert "each group is in one split" in page.read_text(encoding="utf-8")


def test_front_page_of_a_good_manifest(good_verdict, good_site):
    assert not good_verdict.failed
    front = (good_site / "index.html").read_text(encoding="utf-8")
    assert "The manifest meets all 92 expectations" in front


def test_ornaments_are_left_out(site):
    """Great Expectations copies 4 MB of tutorial pictures and fonts beside every site."""
    assert sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) < 1_000_000
