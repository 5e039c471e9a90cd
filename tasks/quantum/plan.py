"""What the quantum head would take on a device: counted from params.yaml, nothing is run."""

from dataclasses import dataclass

from models.quantum.dry_run import DryRun, dry_run
from models.quantum.hardware import (
    check_shots,
    how_to_install,
    how_to_sign_in,
    installed_devices,
    known_device,
    missing_options,
)
from models.quantum.head import circuit_of
from tasks.errors import InputError
from tasks.params import QuantumParams, load_params
from tasks.quantum.backend import credentials_here, head_config
from tasks.workspace import Workspace

CIRCUIT_HEADS = 2
"""Heads of the stage that run on the device: the quantum one, and the same without entanglement."""


@dataclass(frozen=True)
class Plan:
    """What would run where.

    Args:
        device: PennyLane's name.
        ready: what the device asks for, and whether it is there.
        run: counts, cost and drawing.
    """

    device: str
    ready: dict[str, str]
    run: DryRun


def planned(
    workspace: Workspace,
    *,
    rows: int,
    device: str | None = None,
    shots: int | None = None,
    epoch_rows: int | None = None,
    price_per_task: float | None = None,
    price_per_shot: float | None = None,
) -> Plan:
    """Count circuits, shots and cost; what is absent is taken from params.yaml.

    Args:
        workspace: whose params.yaml says which head.
        rows: to answer.
        device: another one than that of params.yaml, then without options.
        shots: for each circuit.
        epoch_rows: training rows of an epoch; those of the manifest if absent, where there is one.
        price_per_task, price_per_shot: of the provider.

    Raises:
        InputError: a wrong setting, an unknown device, or no shots on a device that measures.
    """
    params = load_params(workspace.params_file).quantum
    told = params.backend
    own = device is None or device == told.device
    name, options = (told.device, told.options) if own else (str(device), {})
    shots = told.shots if shots is None else shots
    try:
        known_device(name)
        check_shots(name, shots)
    except ValueError as error:
        raise InputError(f"`quantum.backend`: {error}") from None
    # What the circuit is depends neither on the rows nor on the number of classes.
    circuit = circuit_of(head_config(params, features=params.components, classes=2))
    counted = _training_rows(workspace) if epoch_rows is None else epoch_rows
    try:
        run = dry_run(
            circuit,
            shots=shots,
            answers=rows,
            learning={} if counted is None else _learning(params, counted),
            price_per_task=told.price_per_task if price_per_task is None else price_per_task,
            price_per_shot=told.price_per_shot if price_per_shot is None else price_per_shot,
        )
    except ValueError as error:
        raise InputError(str(error)) from None
    here = name in installed_devices()
    missing = missing_options(name, options)
    found = credentials_here(name)
    ready = {
        "plug-in": "installed" if here else f"missing: {how_to_install(name)}",
        "options": f"missing: {', '.join(missing)}" if missing else "complete",
        "credentials": found or f"missing: {how_to_sign_in(name)}",
    }
    return Plan(name, ready, run)


def _learning(params: QuantumParams, rows: int) -> dict[str, int]:
    """Training rows of one epoch, and of all epochs of the stage."""
    told = params.training
    tried = len(told.rates) if len(told.rates) > 1 else 0
    epochs = CIRCUIT_HEADS * (told.seeds + tried) * told.epochs
    return {
        f"one epoch of {rows:,} rows": rows,
        f"the stage's training, {epochs:,} epochs": epochs * rows,
    }


def _training_rows(workspace: Workspace) -> int | None:
    """Labelled training rows of the manifest; None before there is one."""
    if not workspace.manifest.is_file():
        return None
    import pandas as pd

    try:
        found = pd.read_parquet(workspace.manifest, columns=["split", "is_class"])
    except (OSError, ValueError) as error:
        raise InputError(
            f"{workspace.manifest} cannot be read ({error}): give --epoch-rows, or run ingest"
        ) from None
    return int(((found["split"] == "train") & found["is_class"]).sum()) or None
