"""`cairn predict`: ask the champion about a picture, a text, a recording, or several together."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from services.predict import Answer

SHOWN = 3
"""Likeliest categories in the table; --json gives all."""


def predict(
    image: Annotated[Path | None, typer.Option(help="A picture file.")] = None,
    caption: Annotated[str | None, typer.Option(help="What it is, in English.")] = None,
    text: Annotated[
        str | None, typer.Option(help="What it is, in the recording's language.")
    ] = None,
    audio: Annotated[Path | None, typer.Option(help="A sound file that says what it is.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Name the category of something seen, written or heard: give what you have."""
    from cairn.console import print_json
    from provenance import Log
    from services.describe import Question
    from services.loading import load_champion
    from services.predict import Predictor
    from tasks.environment import prepare
    from tasks.params import load_params
    from tasks.workspace import Workspace

    question = Question(
        image=_read(image), caption=caption or None, text=text or None, audio=_read(audio)
    )
    prepare()
    workspace = Workspace.here()
    name = load_params(workspace.params_file).release.name
    log = Log.open(workspace.provenance, create=False)
    answer = Predictor(load_champion(log, workspace.root, name)).answer(question)
    if json:
        print_json(answer.plain())
    else:
        _tell(answer)


def _read(path: Path | None) -> bytes | None:
    from tasks.errors import InputError

    if path is None:
        return None
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; give a readable file") from None
    if not data:
        raise InputError(f"{path}: the file is empty")
    return data


def _tell(answer: "Answer") -> None:
    from cairn.console import print_table

    likeliest = list(answer.probabilities.items())[:SHOWN]
    print_table([{"category": name, "probability": f"{p:.3f}"} for name, p in likeliest], "answer")
    counted = ", ".join(f"{view} {share:.0%}" for view, share in answer.weights.items())
    print(f"counted: {counted}")
    print(f"model blake3 {answer.model}")
