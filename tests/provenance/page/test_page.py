"""The page: complete, self-contained, inert, and the same each time."""

import base64
import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance import Log, Reason
from provenance.anchors.chain import Mode, Sent
from provenance.anchors.receipt import AnchorReceipt, write_receipt
from provenance.checks.verdict import Category, failed, not_checked, passed
from provenance.graph import build_graph
from provenance.layout import Layout
from provenance.page import lineage_json, lineage_page
from provenance.report import Finding
from tests.provenance.conftest import Bench
from tests.provenance.page import hostile
from tests.provenance.page.story import WEIGHTS, digest, tell


class Document(HTMLParser):
    """What a parser of HTML finds in a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self.text = ""
        self._in: str | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self._in = tag if tag in self.raw else None

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002  # the parser's signature
        self._in = None

    def handle_data(self, data: str) -> None:
        if self._in:
            self.raw[self._in].append(data)
        else:
            self.text += data

    def values(self, name: str) -> list[str]:
        return [value for _, attribute, value in self.attributes if attribute == name]


@pytest.fixture
def story(bench: Bench) -> Log:
    log = bench.open()
    tell(log)
    return log


def test_self_contained_and_every_link_leads_somewhere(story: Log) -> None:
    found = Document(lineage_page(story, "voices", "1"))
    assert not set(found.tags) & {"link", "img", "iframe", "object", "embed", "base", "form"}
    assert found.values("src") == []
    ids = found.values("id")
    assert len(ids) == len(set(ids))
    links = found.values("href")
    assert links
    assert {link[1:] for link in links} <= set(ids)
    assert all(link.startswith("#") for link in links)
    urls = re.findall(r"url\(([^)]*)\)", str(found.attributes + found.raw["style"]))
    assert {url.split("-")[0] for url in urls} == {"#tip", "#inside"}
    assert "@import" not in found.raw["style"][0]
    assert ("html", "lang", "en") in found.attributes
    assert [tag for tag in found.tags if tag == "h1"] == ["h1"]


def test_policy_names_exactly_our_script_and_style(story: Log) -> None:
    found = Document(lineage_page(story, "voices"))
    (policy,) = [v for v in found.values("content") if v.startswith("default-src")]
    island, script = found.raw["script"]

    def named(text: str) -> str:
        hashed = hashes.Hash(hashes.SHA256())
        hashed.update(text.encode())
        return f"'sha256-{base64.b64encode(hashed.finalize()).decode()}'"

    style = found.raw["style"][0]
    assert policy == (
        f"default-src 'none'; script-src {named(script)}; style-src {named(style)}; "
        "base-uri 'none'; form-action 'none'"
    )
    assert json.loads(island) == build_graph(story, "voices").to_dict()
    assert json.loads(island) == json.loads(lineage_json(story, "voices"))
    # Inline styles and handlers would be refused by it.
    assert not [name for _, name, _ in found.attributes if name == "style" or name[:2] == "on"]


def test_shows_what_an_auditor_asks_for(story: Log) -> None:
    found = Document(lineage_page(story, "voices"))
    head = story.head()
    for wanted in (
        head.checkpoint.origin,
        head.checkpoint.root.hex(),
        head.signer,
        digest(WEIGHTS),
        digest("data/clips.tar"),
        "test.accuracy",
        "model.width",
        "e3b09adde992d46dc8b98c6b5d22524130b9fe5b",
        "cairn verify voices/1",
        "A page proves nothing by itself",
        "Champion: better.",
    ):
        assert wanted in found.text, wanted
    for entry in build_graph(story, "voices").entries:
        assert entry.hash in found.text
        assert f"entry-{entry.seq}" in found.values("id")
    assert found.values("href").count("#entry-2") >= 2, "from the drawing and from tables"


def test_the_way_to_check_a_leaf_works(story: Log, bench: Bench, tmp_path: Path) -> None:
    text = Document(lineage_page(story, "voices")).text
    commands = re.findall(r"^\(printf .*b3sum$", text, re.MULTILINE)
    assert len(commands) == 4
    # b3sum is BLAKE3's own tool; this stands for it where it is not installed.
    tool = tmp_path / "bin" / "b3sum"
    tool.parent.mkdir()
    tool.write_text(
        f"#!{sys.executable}\nimport sys, blake3\n"
        "print(blake3.blake3(sys.stdin.buffer.read()).hexdigest() + '  -')\n"
    )
    tool.chmod(0o755)
    for command, entry in zip(commands, build_graph(story, "voices").entries, strict=True):
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=bench.root,
            env={"PATH": f"{tool.parent}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.split()[0] == entry.hash


def test_same_log_same_bytes(story: Log, bench: Bench) -> None:
    first = lineage_page(story, "voices")
    assert first == lineage_page(bench.open(), "voices")
    assert lineage_json(story, "voices") == lineage_json(bench.open(), "voices", "1").replace(
        '"asked": "voices/1"', '"asked": "voices"'
    )


def test_gaps_and_withdrawals_are_said_first(story: Log) -> None:
    withdrawn = {"path": "x", "blake3": digest("data/clips.tar")}
    story.append(
        {"kind": "revoked", "id": "revoked-1", "artifacts": [withdrawn], "reason": "why so"}
    )
    text = Document(lineage_page(story, "voices")).text
    alarm = text.index("Withdrawn.")
    assert alarm < text.index("What this was drawn from")
    assert "why so" in text
    assert "1 file here was withdrawn" in " ".join(text.split())


def test_verdicts_are_shown_and_never_made_better(story: Log) -> None:
    finding = Finding(Reason.ARTIFACT_CHANGED, "w.bin was <b>changed</b>")
    verdicts = (
        passed(Category.AUTHENTICITY, "signed by c210"),
        failed(Category.INTEGRITY, finding),
        not_checked(Category.PERFORMANCE, Reason.NOT_ASKED, "nobody asked"),
    )
    found = Document(lineage_page(story, "voices", verdicts=verdicts))
    assert "w.bin was <b>changed</b>" in found.text
    for said in ("pass", "fail", "not checked", "ARTIFACT_CHANGED", "NOT_ASKED"):
        assert said in found.text
    assert "Verification" not in Document(lineage_page(story, "voices")).text


def test_anchors_are_compared_with_the_log(story: Log, bench: Bench) -> None:
    assert "Until a head is anchored" in lineage_page(story, "voices")
    head = story.head().checkpoint
    folder = bench.folder / "anchors"
    folder.mkdir()
    sent = Sent(chain_id="1", tx="0xabc", sender="0xdef", mode=Mode.CALLDATA, contract=None)
    good = AnchorReceipt(
        "ethereum", "evm", head.origin, head.size, head.root.hex(), "2026", sent=sent
    )
    write_receipt(Layout(bench.folder), good)
    found = Document(lineage_page(story, "voices"))
    text = " ".join(found.text.split())
    assert "head of 5 entries, covers this one, queued fits this log" in text
    assert "0xabc" in text
    assert "contradicts" not in text

    (folder / "polygon-3.json").write_text('{"chain":"<b>evm</b>","size":3}')
    (folder / "bsc-3.json").write_text("[" * 60_000)
    text = " ".join(Document(lineage_page(story, "voices")).text.split())
    assert "3 receipts" in text
    assert text.count("is no anchor receipt") >= 2
    assert "contradicts" not in text, "a damaged receipt is no proof of another history"

    write_receipt(Layout(bench.folder), replace(good, chain="solana", root="00" * 32, size=2))
    text = " ".join(Document(lineage_page(story, "voices")).text.split())
    assert "An anchor contradicts this log." in text
    assert "does not fit this log" in text


STRANGE = st.text(max_size=40) | st.sampled_from(hostile.HOSTILE)


@settings(max_examples=25, deadline=None)
@given(st.lists(STRANGE, min_size=4, max_size=8).filter(lambda texts: texts[0] and texts[-1]))
def test_hostile_texts_stay_texts(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    texts = [text.encode(errors="replace").decode() for text in texts]  # the log refuses surrogates
    folder = tmp_path_factory.mktemp("hostile")
    log = Log.open(folder / "log", keys=folder.parent / f"{folder.name}-keys")
    if texts[0][:200] == texts[-1][:200]:
        texts[-1] = "other" + texts[-1]
    last = hostile.tell(log, texts)
    page = lineage_page(log, str(last.body["id"]))
    found = Document(page)
    assert found.tags.count("script") == 2
    assert found.tags.count("style") == 1
    assert set(found.tags) <= OURS
    assert not [name for _, name, _ in found.attributes if name[:2] == "on" or name == "style"]
    assert all(link.startswith("#") for link in found.values("href"))
    assert json.loads(found.raw["script"][0])["activity"][-1]["body"] == last.body
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b-\u200f\u2028\u2029\ufeff]", page)


OURS = set(
    re.findall(
        r"\w+",
        "html head meta title style body a header p h1 h2 h3 bdi time main section dl div dt dd "
        "code pre strong svg defs marker clippath path g rect text line ul li details summary span "
        "table thead tbody tr th td footer script input label",
    )
)


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_contrast_is_enough_for_everybody(theme: int) -> None:
    """WCAG 2.2, criterion 1.4.3: 4.5 to 1 for text, 1.4.11: 3 to 1 for what carries meaning."""
    style = (Path(lineage_page.__code__.co_filename).parent / "page.css").read_text()
    blocks = re.findall(r":root \{([^}]*--paper[^}]*)\}", style)
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})\b", blocks[theme]))

    def contrast(one: str, other: str) -> float:
        lights = sorted((luminance(colours[one]), luminance(colours[other])))
        return (lights[1] + 0.05) / (lights[0] + 0.05)

    for text in ("ink", "soft", "link", "bad", "release", "code"):
        for ground in ("paper", "card", "wash"):
            assert contrast(text, ground) >= 4.5, (text, ground, contrast(text, ground))
    for text in ("ink", "soft", "bad", "link", "code"):
        assert contrast(text, "bad-wash") >= 4.5, (text, contrast(text, "bad-wash"))
    for mark in ("stage", "source", "word", "release", "bad"):
        assert contrast(mark, "card") >= 3, mark
