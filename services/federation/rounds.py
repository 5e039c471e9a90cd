"""The server's work: rounds, and what each leaves in the results' folder and tells people.

rounds.jsonl          a line a round: who took part, events, bytes, seconds, digest
memory.safetensors    all that a later process needs to go on after the last round
origin.json           what the rounds began with: others do not go on from them
weights.safetensors   the weights, when all rounds are done
"""

import json
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from flwr.serverapp import Grid

from models.federated.around import Prompt
from models.federated.arrays import digest
from models.federated.events import Event
from models.federated.plan import Round
from models.federated.server import Server
from services.federation.child import end_with_parent
from services.federation.memory import read, read_weights, write
from services.federation.partitions import PartitionError
from services.federation.settings import (
    CLIENTS,
    INITIAL,
    LOOK,
    PLAN,
    RESULTS,
    plan_of,
    plan_text,
)

ROUNDS, MEMORY, WEIGHTS = "rounds.jsonl", "memory.safetensors", "weights.safetensors"
ORIGIN = "origin.json"
SECONDS_BETWEEN_LOOKS = 0.2
SECONDS_FOR_NODES = 60.0


def serve(grid: Grid, settings: Mapping[str, Any]) -> None:
    """All rounds of a run, from where an earlier process left off.

    Args:
        grid: reaches the SuperNodes.
        settings: of the run: see services/federation/settings.py.

    Raises:
        StalledError: too many rounds in a row came to nothing.
    """
    # Its parent ends with the SuperLink. Flower's own way out waits for itself at times (1.41), and
    # a ServerApp that lives on would write beside the one that takes its place.
    end_with_parent(signal.SIGKILL)
    plan, folder = plan_of(str(settings[PLAN])), Path(str(settings[RESULTS]))
    diary = Diary(folder)

    def on_round(found: Round) -> None:
        diary.keep(found, server)

    server = Server(
        plan,
        read_weights(Path(str(settings[INITIAL]))),
        clients=int(settings[CLIENTS]),
        on_round=on_round,
    )
    diary.resume(server)
    _wait_for_nodes(grid, plan.selection.least)
    diary.begin()
    server.run(Prompt(grid, float(settings[LOOK])))
    diary.finish(server)


class Diary:
    """Files of the results.

    Args:
        folder: theirs.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self._since = folder, 0.0

    def begin(self) -> None:
        """The clock of the first round starts."""
        self._since = time.monotonic()

    def resume(self, server: Server) -> None:
        """Go on after the last round whose memory was kept; a line beyond it is taken back.

        Raises:
            PartitionError: the rounds there are of another plan, other weights or other clients.
        """
        self._same_origin(server)
        path = self.folder / MEMORY
        if path.exists():
            server.remember(read(path))
        kept = [line for line in read_rounds(self.folder) if line["round"] <= server.progress.round]
        text = "".join(json.dumps(line, sort_keys=True) + "\n" for line in kept)
        partial = self.folder / f"{ROUNDS}.part"
        partial.write_text(text, encoding="utf-8")
        partial.replace(self.folder / ROUNDS)

    def _same_origin(self, server: Server) -> None:
        """More rounds, or another patience with clients, may be asked for."""
        plan = replace(server.plan, rounds=0, timeout=None, patience=0)
        own = {
            "clients": server.clients,
            "initial": digest(server.arrays),
            "plan": json.loads(plan_text(plan)),
        }
        path = self.folder / ORIGIN
        if not path.exists():
            path.write_text(json.dumps(own, indent=1, sort_keys=True), encoding="utf-8")
            return
        told = json.loads(path.read_text(encoding="utf-8"))
        if other := [name for name, value in own.items() if told.get(name) != value]:
            raise PartitionError(
                f"{self.folder} holds rounds that began otherwise ({', '.join(other)}): "
                "give another folder for the run"
            )

    def keep(self, found: Round, server: Server) -> dict[str, Any]:
        """Write a round down; it counts from when its memory is there.

        Returns:
            its line.
        """
        now = time.monotonic()
        line = {
            "round": found.number,
            "seconds": round(now - self._since, 3),
            "digest": digest(found.arrays),
            "parts": [asdict(part) for part in found.parts],
            "events": [event.plain() for event in found.events],
            "metrics": found.metrics,
            "bytes_up": found.bytes_up,
            "bytes_down": found.bytes_down,
            "epsilon": found.epsilon,
        }
        with (self.folder / ROUNDS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, sort_keys=True) + "\n")
        write(self.folder / MEMORY, server.memory())
        self._since = now
        return line

    def finish(self, server: Server) -> None:
        """All rounds are done."""
        write(self.folder / WEIGHTS, {"arrays": server.arrays})


def read_rounds(folder: Path) -> list[dict[str, Any]]:
    """The rounds so far; a line that is still being written is left out."""
    path = folder / ROUNDS
    if not path.exists():
        return []
    whole = path.read_text(encoding="utf-8").rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines()]


def told(line: Mapping[str, Any]) -> Iterator[str]:
    """A round's line as people read it, and one more for each event."""
    loss = line["metrics"].get("train_loss")
    learned = f", loss {loss:.4f}" if loss is not None else ""
    yield (
        f"round {line['round']}: {len(line['parts'])} clients{learned}, "
        f"{line['bytes_up']} B up, {line['bytes_down']} B down, {line['seconds']:.1f} s"
    )
    for event in line["events"]:
        yield str(Event(**event))


def _wait_for_nodes(grid: Grid, least: int) -> None:
    """Rounds without nodes fail at once, and `patience` of them end a run."""
    until = time.monotonic() + SECONDS_FOR_NODES
    while len(list(grid.get_node_ids())) < least and time.monotonic() < until:
        time.sleep(SECONDS_BETWEEN_LOOKS)
