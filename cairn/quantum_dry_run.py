"""`cairn quantum dry-run`: circuits, shots and cost on a device, without running any."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from models.quantum.dry_run import Work
    from tasks.quantum.plan import Plan


def dry_run(
    rows: Annotated[int, typer.Option(help="Rows that the head would answer.", min=1)] = 100,
    device: Annotated[
        str | None, typer.Option(help="PennyLane's name; that of params.yaml if absent.")
    ] = None,
    shots: Annotated[
        int | None, typer.Option(help="For each circuit; those of params.yaml if absent.", min=1)
    ] = None,
    epoch_rows: Annotated[
        int | None,
        typer.Option(help="Training rows of an epoch; those of the data if absent.", min=1),
    ] = None,
    price_per_task: Annotated[
        float | None, typer.Option(help="Of starting a circuit; params.yaml's if absent.", min=0)
    ] = None,
    price_per_shot: Annotated[
        float | None, typer.Option(help="Of a measurement; params.yaml's if absent.", min=0)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Print what the quantum head would take on a device: circuits, shots, cost; runs nothing."""
    from dataclasses import asdict

    from cairn.console import print_json, print_table
    from tasks.environment import prepare

    prepare()
    from tasks.quantum.plan import planned
    from tasks.workspace import Workspace

    plan = planned(
        Workspace.here(),
        rows=rows,
        device=device,
        shots=shots,
        epoch_rows=epoch_rows,
        price_per_task=price_per_task,
        price_per_shot=price_per_shot,
    )
    if json:
        print_json(asdict(plan))
        return
    print(f"{plan.run.drawing}\n")
    print_table([{"": name, "found": value} for name, value in _facts(plan)], plan.device)
    print_table([_line(work) for work in plan.run.work], "what it would take")
    print(_note(plan))


def _facts(plan: "Plan") -> list[tuple[str, str]]:
    size, shots = plan.run.size, plan.run.shots
    return [
        *plan.ready.items(),
        ("qubits", f"{size.qubits}"),
        ("gates", ", ".join(f"{name} {count:,}" for name, count in size.gates.items())),
        ("gates on two qubits", f"{size.two_qubit:,}"),
        ("depth", f"{size.depth:,}"),
        ("trained weights", f"{size.weights:,}"),
        ("shots of a circuit", "exact" if shots is None else f"{shots:,}"),
        ("circuits of a row's answer", "1"),
        ("circuits of a row's gradient", f"{size.shifted:,}, {size.angles:,} angles are shifted"),
    ]


def _line(work: "Work") -> dict[str, str]:
    return {
        "what": work.what,
        "circuits": f"{work.circuits:,}",
        "shots": "exact" if work.shots is None else f"{work.shots:,}",
        "cost": "no price given" if work.cost is None else _money(work.cost),
    }


def _money(cost: float) -> str:
    return f"{cost:,.2f}" if cost == 0 or cost >= 1 else f"{cost:.3g}"


def _note(plan: "Plan") -> str:
    told = (
        "Nothing was run. A row of training is counted as its answer and its gradient by parameter "
        f"shift, {1 + plan.run.size.shifted:,} circuits."
    )
    if len(plan.run.work) == 1:
        told += " No data yet: --epoch-rows says how many rows an epoch has."
    return told
