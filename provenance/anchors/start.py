"""Start the anchoring worker beside a run: a process of its own, so that no run waits for it."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

from provenance.anchors.config import AnchorConfig
from provenance.anchors.receipt import anchors_folder, read_receipt, receipt_file
from provenance.layout import Layout

SWITCH = "CAIRN_ANCHOR"
"""Environment variable: "off" starts no worker."""

CONFIG = "CAIRN_ANCHOR_CONFIG"
"""Environment variable that hands the configuration on: command lines are for everyone to see."""

_started: list[subprocess.Popen[bytes]] = []


def start_worker(folder: Path, config: AnchorConfig, keys: Path | None = None) -> int | None:
    """Anchor the head of a log in the background. Returns at once and never raises.

    What the worker says goes to `anchors/worker.log` in the log's folder; what becomes of the
    anchors is in the receipts.

    Args:
        folder: of the log.
        config: which chains.
        keys: the key store; by default `default_keys()`.

    Returns:
        the worker's process id, or None if none was started.
    """
    if os.environ.get(SWITCH) == "off" or not config.chains:
        return None
    layout = Layout(folder.absolute())
    environment = {**os.environ, CONFIG: config.to_json()}
    if keys is not None:
        environment["CAIRN_KEYS"] = str(keys.absolute())
    with contextlib.suppress(Exception):
        if not layout.checkpoint.exists() or _nothing_to_do(layout, config):
            return None
        anchors_folder(layout).mkdir(exist_ok=True)
        # Rewritten each time: it is for looking into, the receipts remember.
        with (anchors_folder(layout) / "worker.log").open("wb") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "provenance.anchors", "work", str(layout.folder)],
                cwd=_room(),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C on the run is not meant for it
            )
        # Left to itself; but a process that starts many shall not collect ended ones as zombies.
        _started[:] = [earlier for earlier in _started if earlier.poll() is None] + [worker]
        return worker.pid
    return None


def _nothing_to_do(layout: Layout, config: AnchorConfig) -> bool:
    """Whether the head is final everywhere; nothing is verified here, the worker does that."""
    size = layout.checkpoint.read_text(encoding="utf-8").split("\n")[1]
    return size == "0" or all(_final(layout, chain.name, int(size)) for chain in config.chains)


def _final(layout: Layout, chain: str, size: int) -> bool:
    path = anchors_folder(layout) / receipt_file(chain, size)
    return path.exists() and not read_receipt(path).open


def _room() -> Path:
    """Where `python -m provenance` finds this library, installed or not."""
    return Path(__file__).resolve().parents[2]
