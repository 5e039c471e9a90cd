"""The page in a real browser, as auditors see it: offline, with and without JavaScript."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from provenance import Log
from provenance.graph import build_graph
from provenance.page import lineage_page
from tests.conftest import needs_chromium
from tests.provenance.conftest import Bench
from tests.provenance.page import hostile
from tests.provenance.page.story import tell

pytestmark = [
    pytest.mark.slow,
    needs_chromium,
]


@pytest.fixture
def story(bench: Bench) -> Log:
    log = bench.open()
    tell(log)
    return log


def show(browser: Browser, path: Path, text: str, **more: object) -> tuple[Page, list[str]]:
    """Open a page; returns it and what it asked for elsewhere, or said on the console."""
    path.write_text(text, encoding="utf-8")
    page = browser.new_page(**more)  # type: ignore[arg-type]
    said: list[str] = []
    page.on("request", lambda request: said.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(path.as_uri(), wait_until="load")
    return page, [line for line in said if line != path.as_uri()]


def is_open(page: Page, seq: int) -> bool:
    return page.locator(f"#entry-{seq}").is_visible()


def test_click_and_enter_open_an_entry(browser: Browser, story: Log, tmp_path: Path) -> None:
    page, said = show(browser, tmp_path / "page.html", lineage_page(story, "voices"))
    assert said == []
    assert not is_open(page, 0)
    page.locator("[data-card=entry-0]").click()
    assert is_open(page, 0)
    assert "data/clips.tar" in page.locator("#entry-0").inner_text()
    page.locator("[data-card=entry-2]").focus()
    page.keyboard.press("Enter")
    assert is_open(page, 2)
    assert page.evaluate("location.hash") == "#entry-2"
    page.locator("[data-entry='2'] > summary").click()
    assert not is_open(page, 2)
    page.locator("[data-card=entry-2]").click()  # the same address again
    page.wait_for_function("document.querySelector('#entry-2').closest('details').open")
    with page.expect_download() as started:
        page.locator("#save a").click()
    saved = json.loads(started.value.path().read_bytes())
    assert saved == build_graph(story, "voices").to_dict()
    page.close()


def test_without_javascript(browser: Browser, story: Log, tmp_path: Path) -> None:
    page, said = show(
        browser, tmp_path / "page.html", lineage_page(story, "voices"), java_script_enabled=False
    )
    assert said == []
    assert not is_open(page, 2)
    page.locator("[data-card=entry-2]").click()
    page.locator("#entry-2").wait_for(state="visible")
    page.goto(f"{(tmp_path / 'page.html').as_uri()}#entry-4")
    page.locator("#entry-4").wait_for(state="visible")
    page.close()


@pytest.mark.parametrize("width", [400, 1360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_fits_and_follows_the_scheme(
    browser: Browser, story: Log, tmp_path: Path, width: int, scheme: str
) -> None:
    page, _ = show(
        browser,
        tmp_path / "page.html",
        lineage_page(story, "voices"),
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
    )
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(int(part) for part in paper[4:-1].split(",")) > 384) is (scheme == "light")
    page.close()


def test_texts_stay_inside_their_cards(browser: Browser, bench: Bench, tmp_path: Path) -> None:
    log = bench.open()
    last = hostile.tell(log, hostile.HOSTILE)
    page, _ = show(browser, tmp_path / "page.html", lineage_page(log, str(last.body["id"])))
    outside = page.evaluate(
        """() => [...document.querySelectorAll('.card')].flatMap((card) => {
          const face = card.querySelector('.face').getBoundingClientRect();
          return [...card.querySelectorAll('text')]
            .filter((t) => t.getBoundingClientRect().right > face.right + 1)
            .map((t) => t.textContent);
        })"""
    )
    assert outside == []
    overlapping = page.evaluate(
        """() => [...document.querySelectorAll('.digits')].filter((digits) =>
          digits.previousElementSibling.getBoundingClientRect().right
            > digits.getBoundingClientRect().left)
          .map((digits) => digits.previousElementSibling.textContent)"""
    )
    assert overlapping == []
    page.close()


def test_hostile_texts_run_nothing(browser: Browser, bench: Bench, tmp_path: Path) -> None:
    log = bench.open()
    last = hostile.tell(log, hostile.HOSTILE)
    text = lineage_page(log, str(last.body["id"]))
    page, said = show(browser, tmp_path / "page.html", text)
    for seq in (0, 1):
        page.locator(f"[data-card=entry-{seq}]").click()
        assert is_open(page, seq)
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    for link in page.locator("a[href]").all()[:40]:
        link.dispatch_event("click")
    assert page.evaluate("typeof window.hacked") == "undefined"
    assert said == []
    stored = json.loads(page.locator("#lineage").text_content() or "")
    assert stored["activity"][1]["body"] == last.body
    assert "<script>window.hacked=1</script>" in page.locator("#entry-0").inner_text()
    page.close()


def test_even_a_broken_escape_would_run_nothing(
    browser: Browser, story: Log, tmp_path: Path
) -> None:
    """The second wall: what is not our script, by digest, is refused by the document's policy."""
    text = lineage_page(story, "voices")
    attack = "<script>window.hacked=1</script><img src=x onerror=window.hacked=1>"
    page, _ = show(browser, tmp_path / "page.html", text.replace("<main>", f"<main>{attack}"))
    assert page.locator("main > script").count() == 1, "the attack is in the document"
    assert page.evaluate("typeof window.hacked") == "undefined"
    page.close()
