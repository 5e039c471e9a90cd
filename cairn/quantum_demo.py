"""`cairn quantum demo`: an algorithm's circuit, drawn, and its result beside the theory."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from models.quantum.toolbox.demo import Demo

NAMES = (
    "grover", "vqe", "qaoa", "qft", "phase", "amplitude", "bernstein-vazirani", "simon", "hhl",
    "walk", "teleport", "ghz", "w", "noise",
)  # fmt: skip
"""Known without importing PennyLane; a test holds them against those that there are."""
PICTURES = (".png", ".svg", ".pdf")
WIDTH = 150
"""Columns of a drawing before it goes on below."""
GATES = 120
"""A picture of more gates than this is too wide to be seen."""
LEGIBLE = 7.0
"""Points of a letter: PennyLane makes long names as small as their boxes."""


def demo(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(NAMES)}.")],
    qubits: Annotated[
        int | None,
        typer.Option(help="Size: qubits of the item, bits of the reading, nodes of the ring."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Draws what is searched, hidden or sent.", min=0)] = 0,
    picture: Annotated[
        Path | None, typer.Option(help="Also draw the circuit to this file (.png, .svg, .pdf).")
    ] = None,
) -> None:
    """Draw a quantum algorithm's circuit, run it, and show what theory says beside the result.

    The state is simulated on this machine: questions and circuits are counted, but nothing is
    faster than a classical program.
    """
    from cairn.console import print_table
    from tasks.errors import InputError

    if name not in NAMES:
        raise InputError(f"demo {name!r} is not known: take one of {', '.join(NAMES)}")
    if picture is not None:
        _writable(picture)
    from models.quantum.toolbox.demos import demo as run

    try:
        made = run(name, qubits=qubits, seed=seed)
    except ValueError as error:
        raise InputError(str(error)) from None
    if picture is not None:
        _drawable(made)
    print(f"{made.title}\n\n{_text(made)}\n")
    heads = ("figure", "found", "theory")
    print_table([dict(zip(heads, row, strict=True)) for row in made.rows], "result")
    if picture is not None:
        _draw(made, picture)
        print(f"circuit drawn to {picture}")


def _writable(picture: Path) -> None:
    from tasks.errors import InputError

    if picture.suffix not in PICTURES:
        raise InputError(f"--picture {picture}: the name must end in {', '.join(PICTURES)}")
    if not picture.parent.is_dir():
        raise InputError(f"--picture {picture}: there is no folder {picture.parent}")


def _text(made: "Demo") -> str:
    import pennylane as qml

    return str(qml.draw(_measured(made), decimals=2, max_length=WIDTH, show_matrices=False)())


def _drawable(made: "Demo") -> None:
    import pennylane as qml

    from tasks.errors import InputError

    gates = len(qml.tape.make_qscript(made.circuit)().operations)
    if gates > GATES:
        raise InputError(f"--picture of {gates} gates: {GATES} at most; take fewer --qubits")


def _draw(made: "Demo", picture: Path) -> None:
    import re

    import matplotlib as mpl
    import matplotlib.pyplot as plt
    import pennylane as qml

    mpl.use("agg")  # a file needs no screen
    figure, axes = qml.draw_mpl(_measured(made), decimals=2, style="pennylane")()
    for label in axes.texts:
        if label.get_fontsize() < LEGIBLE:
            label.set_text(re.sub(r"(?<=[a-z])(?=[A-Z])", "\n", label.get_text()))
            label.set_fontsize(LEGIBLE)
    partial = picture.with_name(f".{picture.name}.part{picture.suffix}")
    figure.savefig(partial, dpi=150, bbox_inches="tight")
    plt.close(figure)
    partial.replace(picture)


def _measured(made: "Demo") -> Callable[[], object]:
    """The circuit as a function that the drawers take: its gates, then nothing to measure."""

    def run() -> object:
        made.circuit()
        return ()

    return run
