"""The head that params.yaml describes, and whether the device that it names could run it."""

import os
from pathlib import Path

from models.quantum.hardware import (
    check_credentials,
    check_device,
    check_shots,
    find_credentials,
    is_local,
)
from models.quantum.head import HeadConfig, circuit_of
from models.quantum.memory import check_memory
from tasks.errors import InputError
from tasks.params.quantum import BackendParams, QuantumParams


def head_config(params: QuantumParams, *, features: int, classes: int) -> HeadConfig:
    """The head that the settings describe.

    Raises:
        InputError: its parts do not fit together, or memory does not hold a batch.
    """
    try:
        config = HeadConfig(
            features=features,
            classes=classes,
            engine=params.backend.engine,
            device=params.backend.device,
            options=params.backend.options,
            shots=params.backend.shots,
            **params.head.model_dump(),
        )
        check_memory(
            circuit_of(config),
            batch=params.training.batch_size,
            training=True,
            mixed=config.depolarising > 0,
        )
    except ValueError as error:
        raise InputError(f"`quantum.head`: {error}") from None
    return config


def check_backend(backend: BackendParams) -> None:
    """Check that the device is there, has all that it asks for, and knows who asks.

    Raises:
        InputError: it has not; says what to change.
    """
    if backend.engine != "pennylane":
        return
    device = backend.device
    try:
        check_device(device, backend.options)
        check_shots(device, backend.shots)
        check_credentials(device, os.environ, exists=_is_file, configured=_configured(device))
    except ValueError as error:
        raise InputError(f"`quantum.backend`: {error}") from None


def credentials_here(device: str) -> str | None:
    """Where the credentials of a device are, without what they are; None where there are none."""
    return find_credentials(device, os.environ, exists=_is_file, configured=_configured(device))


def _is_file(path: str) -> bool:
    return Path(path).expanduser().is_file()


def _configured(device: str) -> set[str]:
    """Names of options that PennyLane's own configuration file gives a device."""
    if is_local(device):
        return set()
    import pennylane as qml  # costs seconds

    config = qml.default_config
    sections = ("main", f"{device.split('.')[0]}.global", device)
    return {name for section in sections for name in config[section]}
