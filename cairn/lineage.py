"""`cairn lineage`: what a model came from, as one page to hand to an auditor."""

import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from provenance.log import Log
    from provenance.queries import Use

MODEL_HELP = "NAME, NAME/VERSION, a BLAKE3 or a run id; the params' model if absent."


def lineage(
    model: Annotated[str | None, typer.Argument(help=MODEL_HELP)] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="Where to write the page (lineage-MODEL.html if absent), or the JSON."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="The graph as JSON instead.")] = False,
    show: Annotated[bool, typer.Option("--open", help="Show the page in the browser.")] = False,
    uses: Annotated[
        str | None, typer.Option(help="List what used this path or digest, and its models.")
    ] = None,
    commit: Annotated[
        str | None, typer.Option(help="List what ran code of this git commit, and its models.")
    ] = None,
) -> None:
    """Draw what a model came from as one HTML page that needs no server, or as JSON."""
    from provenance import Log
    from tasks.errors import InputError
    from tasks.workspace import Workspace

    if sum(choice is not None for choice in (model, uses, commit)) > 1:
        raise InputError("MODEL, --uses and --commit ask different questions: give one of them")
    if (uses is not None or commit is not None) and (output is not None or show):
        raise InputError("--uses and --commit print a list: leave out --output and --open")
    if json and show:
        raise InputError("--open shows the page: leave out --json")
    workspace = Workspace.here()
    log = Log.open(workspace.provenance, create=False)
    if uses is not None or commit is not None:
        from provenance.queries import models_from_commit, models_using

        found = (
            models_using(log, uses) if uses is not None else models_from_commit(log, commit or "")
        )
        _tell(found, f"used {uses}" if uses is not None else f"from commit {commit}", json)
        return
    asked = model or _default(workspace.params_file)
    if json:
        from provenance.page import lineage_json

        text = lineage_json(log, asked)
        if output is None:
            print(text, end="")
        else:
            _write(output, text)
            print(output)
        return
    _page(log, asked, output, show)


def _default(params: Path) -> str:
    from tasks.params import load_params

    return load_params(params).release.name


def _page(log: "Log", asked: str, output: Path | None, show: bool) -> None:
    from provenance.graph import build_graph
    from provenance.page import render
    from provenance.page.anchors import anchor_rows

    graph = build_graph(log, asked)
    path = output or Path(f"lineage-{file_name(graph.subject.name)}.html")
    _write(path, render(graph, anchor_rows(log)))
    shown = len(graph.entries)
    print(f"{path}  {graph.subject.name}, {shown} of {graph.head.size} entries")
    if graph.gaps:
        many = len(graph.gaps) > 1
        gaps = f"{len(graph.gaps)} gap{'s' if many else ''}"
        print(f"the chain of custody has {gaps}; the page names {'them' if many else 'it'}")
    if show:
        typer.launch(path.absolute().as_uri())


def _write(path: Path, text: str) -> None:
    from tasks.errors import InputError

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; give a file that can be written") from None


def file_name(name: str) -> str:
    """A name that any file system takes: letters, digits, dots and dashes, at most 80.

    >>> file_name("cairn-stamps/1"), file_name("../../etc/passwd"), file_name("\\u202e<b>")
    ('cairn-stamps-1', 'etc-passwd', 'b')
    """
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name)
    return plain.strip("-.")[:80].replace("..", "") or "model"


def _tell(found: Sequence["Use"], title: str, json: bool) -> None:
    from cairn.console import print_json, print_table

    if json:
        print_json([asdict(use) for use in found])
        return
    if not found:
        print("nothing used it")
        return
    rows = [
        {
            "entry": str(use.entry),
            "stage": use.stage or use.kind,
            "id": use.id[:20],
            "of": ", ".join(f"{path} {digest[:8]}".strip() for path, digest in use.matches[:4]),
            "models": ", ".join(use.models) or "none",
        }
        for use in found
    ]
    print_table(rows, title)
