"""`cairn quantum demo`: every algorithm is drawn, runs, and agrees with its theory."""

from pathlib import Path

import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from cairn.quantum_demo import NAMES, demo
from models.quantum.toolbox.demos import DEMOS
from tasks.errors import InputError


def told(*arguments: str) -> str:
    app = typer.Typer()
    app.command()(demo)
    found = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert found.exit_code == 0
    return found.stdout


def test_the_names_are_those_that_there_are() -> None:
    assert set(NAMES) == set(DEMOS)


@pytest.mark.parametrize("name", NAMES)
def test_every_demo_draws_its_wires_and_tells_the_theory(name: str) -> None:
    shown = told(name)
    assert "\n0: ─" in shown
    assert "theory" in shown


def test_grover_shows_circuit_result_and_questions() -> None:
    shown = told("grover", "--qubits", "5", "--seed", "1")
    assert "Grover's search among 32 items: one is marked, 4 questions find it" in shown
    assert shown.count("├FlipSign─") == 4 * 3
    assert "0.999182" in shown  # sin^2(9 asin(1 / sqrt 32))
    assert "16.5" in shown


def test_vqe_prints_the_energy_beside_the_exact_one() -> None:
    shown = told("vqe")
    assert "-1.13727" in shown
    assert "exact: -1.13727" in shown


def test_the_same_seed_shows_the_same_and_another_another() -> None:
    first, again, other = (told("bernstein-vazirani", "--seed", seed) for seed in "112")
    assert first == again != other


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_the_circuit_is_drawn_to_a_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"circuit{suffix}"
    assert f"circuit drawn to {path}" in told("w", "--picture", str(path))
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    if suffix == ".png":
        width, height = Image.open(path).size
        assert width > height > 100
    else:
        assert "<svg" in path.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["shor"], r"demo 'shor' is not known: take one of grover, vqe, qaoa, .*noise"),
        (["grover", "--qubits", "40"], r"qubits=40: the demo 'grover' takes from 2 to 14"),
        (["vqe", "--qubits", "3"], r"qubits=3: the demo 'vqe' takes 4"),
        (["ghz", "--picture", "ghz.jpeg"], r"ghz\.jpeg: the name must end in \.png, \.svg, \.pdf"),
        (["ghz", "--picture", "/nowhere/a.png"], r"there is no folder /nowhere"),
    ],
)
def test_what_cannot_be_shown(arguments: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        told(*arguments)


def test_a_picture_of_too_many_gates(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--picture of \d+ gates: 120 at most; take fewer"):
        told("walk", "--qubits", "7", "--picture", str(tmp_path / "a.png"))
