"""Whether a circuit could run on a PennyLane device, asked before anything is opened.

No plug-in is imported, and of a credential only its name is told, never its value.
"""

import difflib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from importlib import metadata
from typing import Any

from models.quantum.plugins import PLUGINS, UNFIT

SECRET = re.compile(r"token|api_?key|key$|passw|secret|credential|^auth", re.IGNORECASE)
"""Names of options that hold what must not be written down."""
SECRET_URL = re.compile(r"://[^/@\s]*:[^/@\s]*@")
"""A user and a password inside an address."""


def installed_devices() -> frozenset[str]:
    """Names that PennyLane finds here, from the packages' entry points."""
    return frozenset(entry.name for entry in metadata.entry_points(group="pennylane.plugins"))


def check_device(
    name: str, options: Mapping[str, Any], *, installed: Collection[str] | None = None
) -> None:
    """Check that a device can be opened, without opening it.

    Args:
        name: PennyLane's.
        options: for the device.
        installed: names that there are; those of this Python if absent.

    Raises:
        ValueError: no such device, a plug-in that is not installed, an option that is missing, or
            one that looks like a secret.
    """
    known_device(name, installed=installed)
    if name not in (installed_devices() if installed is None else installed):
        raise ValueError(f"device={name!r} is not installed: {how_to_install(name)}")
    check_options(options)
    if missing := missing_options(name, options):
        raise ValueError(f"device={name!r} needs `options` to name {', '.join(missing)}")


def missing_options(name: str, options: Mapping[str, Any]) -> list[str]:
    """Options without which a device does not open."""
    plugin = PLUGINS.get(name)
    return [] if plugin is None else [one for one in plugin.needs if one not in options]


def known_device(name: str, *, installed: Collection[str] | None = None) -> None:
    """Check that there is such a device, here or in a plug-in that could be installed.

    Raises:
        ValueError: there is none, or it cannot run a circuit of qubits.
    """
    there = installed_devices() if installed is None else installed
    if name in UNFIT:
        raise ValueError(f"device={name!r} cannot run a head: {UNFIT[name]}")
    if name in there or name in PLUGINS:
        return
    names = sorted({*there, *PLUGINS} - set(UNFIT))
    close = difflib.get_close_matches(name, names, n=3)
    near = f"did you mean {' or '.join(close)}? " if close else ""
    usable = ", ".join(sorted(set(there) - set(UNFIT)))
    raise ValueError(f"device={name!r} is not known: {near}Installed are {usable}")


def how_to_install(name: str) -> str:
    """The command that brings a device that is known but not here."""
    return f"pip install {PLUGINS[name].package}"


def is_local(name: str) -> bool:
    """Whether a device simulates on this machine; of an unknown one, no is assumed."""
    return name in PLUGINS and PLUGINS[name].access is None


def check_options(options: Mapping[str, Any]) -> None:
    """Check that no option looks like a secret: options are stored with the head and in logs.

    Raises:
        ValueError: one does; names it, not its value.
    """
    for name, value in _named(options):
        if SECRET.search(name.rpartition(".")[2]):
            raise ValueError(
                f"option `{name}` looks like a secret, and options are stored with the head: give "
                "it in the environment (docs/quantum.md says under which name)"
            )
        if isinstance(value, str) and SECRET_URL.search(value):
            raise ValueError(f"option `{name}` holds a password in an address: take it out")


def _named(values: object, before: str = "") -> Iterator[tuple[str, Any]]:
    """Names and values at all depths; a name has those above it in front."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield f"{before}{key}", value
            yield from _named(value, f"{before}{key}.")
    elif isinstance(values, list | tuple):
        for value in values:
            yield before.rstrip("."), value
            yield from _named(value, before)


def check_shots(name: str, shots: int | None) -> None:
    """Check that shots are given where a device measures.

    Raises:
        ValueError: fewer than 1, or none for a device that is no simulator on this machine.
    """
    if shots is not None and shots < 1:
        raise ValueError(f"shots={shots}: must be 1 or more, or null for exact results")
    if shots is None and not is_local(name):
        raise ValueError(
            f"shots=null: device {name!r} measures, it does not know amplitudes: give the number "
            "of measurements of each circuit, such as 1000"
        )


def find_credentials(
    name: str,
    environ: Mapping[str, str],
    *,
    exists: Callable[[str], bool],
    configured: Collection[str] = (),
) -> str | None:
    """Where the provider of a device would find who asks; whether it is let in, it says later.

    Args:
        name: of the device.
        environ: the environment.
        exists: whether there is a file; `~` is the home folder.
        configured: names of options that PennyLane's configuration file gives this device.

    Returns:
        Names of variables or a file, never what they hold; None where there is nothing.
    """
    if is_local(name):
        return "none needed"
    plugin = PLUGINS.get(name)
    if plugin is None or plugin.access is None:
        return "not known for this device"
    access = plugin.access
    for way in access.variables:
        if all(environ.get(variable) for variable in way):
            return " and ".join(way)
    for variable, usual in access.files:
        named = environ.get(variable) if variable else None
        if exists(named or usual):
            return variable if variable and named else usual
    if access.option is not None and access.option in configured:
        return f"{access.option} in PennyLane's configuration file"
    return None


def check_credentials(
    name: str,
    environ: Mapping[str, str],
    *,
    exists: Callable[[str], bool],
    configured: Collection[str] = (),
) -> str:
    """What `find_credentials` finds.

    Raises:
        ValueError: nothing; says how to give them.
    """
    found = find_credentials(name, environ, exists=exists, configured=configured)
    if found is None:
        raise ValueError(
            f"device={name!r} needs credentials, there are none: {how_to_sign_in(name)}"
        )
    return found


def how_to_sign_in(name: str) -> str:
    """How to give the credentials of a device."""
    plugin = PLUGINS.get(name)
    return "" if plugin is None or plugin.access is None else plugin.access.how
