"""From a graph to one HTML document that needs nothing else: no server, no network, no font.

Everything that comes from the log is escaped by Jinja2 and freed of invisible characters. Beyond
that, the document's own policy (CSP) lets exactly one script and one style sheet run, by digest.
"""

import base64
import functools
import json
from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import hashes

from provenance.checks.verdict import Verdict
from provenance.graph import Graph, build_graph
from provenance.log import Log
from provenance.page.anchors import AnchorRow, anchor_rows
from provenance.page.cards import deal
from provenance.page.figures import number
from provenance.page.picture import draw
from provenance.page.text import bytes_for_people, shorten, visible
from provenance.page.view import entry_views, summary

if TYPE_CHECKING:
    from jinja2 import Template

SMALLEST_SCALE = 0.7
"""A drawing shrinks to fit its page down to this; below, it scrolls."""
PAGE_WIDTH = 1240
"""Pixels that a drawing has on a usual screen."""


def lineage_page(
    log: Log, model: str, version: str | None = None, *, verdicts: Sequence[Verdict] = ()
) -> str:
    """The lineage of a released model as one HTML document.

    Args:
        log: its chain is checked while it is read.
        model: name of the model; or, without a version, whatever `find_subject` takes.
        version: of the model.
        verdicts: of a verification that has just run, to be shown; it is not run here.

    Raises:
        UnknownSubjectError: nothing in the log goes by that name.
        TamperedError: the log is not as it was written.
    """
    asked = model if version is None else f"{model}/{version}"
    return render(build_graph(log, asked), anchor_rows(log), verdicts)


def lineage_json(log: Log, model: str, version: str | None = None) -> str:
    """The same as JSON, schema `cairn.lineage/1` (`Graph.to_dict`); raises as `lineage_page`."""
    graph = build_graph(log, model if version is None else f"{model}/{version}")
    return json.dumps(graph.to_dict(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def render(
    graph: Graph, anchors: Sequence[AnchorRow] = (), verdicts: Sequence[Verdict] = ()
) -> str:
    """The document of a graph; the same arguments always give the same text."""
    # Imported here: whoever only reads or writes the log needs no templates.
    from markupsafe import Markup

    deck = deal(graph)
    picture = draw(deck)
    style = _own("page.css") + f":root{{--least:{round(picture.width * SMALLEST_SCALE)}px}}\n"
    script = _own("page.js")
    return _template().render(
        graph=graph,
        entries=entry_views(graph),
        summary=summary(graph),
        deck=deck,
        picture=picture,
        wide=picture.width * SMALLEST_SCALE > PAGE_WIDTH,
        anchors=anchors,
        verdicts=verdicts,
        # Safe to mark: the first two are our own files, the third has no character that ends a tag.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        island=Markup(_island(graph.to_dict())),  # noqa: S704
        policy=f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; "
        "base-uri 'none'; form-action 'none'",
    )


@functools.cache
def _template() -> "Template":
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    def finalize(value: object) -> object:
        return value if isinstance(value, Markup) else visible(value)

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"size": bytes_for_people, "short": shorten, "number": number}
    return environment.from_string(_own("page.html.j2"))


def _own(name: str) -> str:
    return files("provenance.page").joinpath(name).read_text(encoding="utf-8")


def _island(value: dict[str, Any]) -> str:
    """JSON that no HTML parser can leave early: without <, > and &, and in ASCII."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _digest(text: str) -> str:
    """As a content security policy names a script (CSP level 3, SHA-256 is prescribed)."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(text.encode())
    return f"'sha256-{base64.b64encode(digest.finalize()).decode()}'"
