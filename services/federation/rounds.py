"""The ServerApp's work: rounds over the SuperLink, and what each leaves in the results' folder.

rounds.jsonl          a line a round: who took part, events, bytes, seconds, digest
memory.safetensors    all that a later process needs to go on after the last round
weights.safetensors   the weights, when all rounds are done
"""

import json
import signal
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from flwr.app import Message
from flwr.serverapp import Grid

from models.federated.around import Around
from models.federated.arrays import digest
from models.federated.plan import Round
from models.federated.server import Server
from services.federation.child import end_with_parent
from services.federation.memory import read, read_weights, write
from services.federation.settings import CLIENTS, INITIAL, LOOK, PLAN, RESULTS, plan_of

ROUNDS, MEMORY, WEIGHTS = "rounds.jsonl", "memory.safetensors", "weights.safetensors"
SECONDS_BETWEEN_LOOKS = 0.2
SECONDS_FOR_NODES = 60.0


class Prompt(Around):
    """A grid that hands replies on soon after they come.

    Args:
        inner: reaches the nodes.
        seconds: between looks; Flower's own grid takes 3.
    """

    def __init__(self, inner: Grid, seconds: float) -> None:
        super().__init__(inner)
        self.seconds = seconds

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterator[Message]:
        waiting = set(self.inner.push_messages(list(messages)))
        until = None if timeout is None else time.monotonic() + timeout
        while waiting:
            for reply in self.inner.pull_messages(waiting):
                waiting.discard(reply.metadata.reply_to_message_id)
                yield reply
            if not waiting or (until is not None and time.monotonic() > until):
                return
            time.sleep(self.seconds)


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
    server = Server(
        plan,
        read_weights(Path(str(settings[INITIAL]))),
        clients=int(settings[CLIENTS]),
        on_round=lambda found: diary.keep(found, server),
    )
    diary.resume(server)
    _wait_for_nodes(grid, plan.selection.least)
    diary.begin()
    server.run(Prompt(grid, float(settings[LOOK])))
    write(folder / WEIGHTS, {"arrays": server.arrays})


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
        """Go on after the last round whose memory was kept; a line beyond it is taken back."""
        path = self.folder / MEMORY
        if path.exists():
            server.remember(read(path))
        kept = [line for line in read_rounds(self.folder) if line["round"] <= server.progress.round]
        text = "".join(json.dumps(line, sort_keys=True) + "\n" for line in kept)
        partial = self.folder / f"{ROUNDS}.part"
        partial.write_text(text, encoding="utf-8")
        partial.replace(self.folder / ROUNDS)

    def keep(self, found: Round, server: Server) -> None:
        """Write a round down; it counts from when its memory is there."""
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


def read_rounds(folder: Path) -> list[dict[str, Any]]:
    """The rounds so far; a line that is still being written is left out."""
    path = folder / ROUNDS
    if not path.exists():
        return []
    whole = path.read_text(encoding="utf-8").rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines()]


def _wait_for_nodes(grid: Grid, least: int) -> None:
    """Rounds without nodes fail at once, and `patience` of them end a run."""
    until = time.monotonic() + SECONDS_FOR_NODES
    while len(list(grid.get_node_ids())) < least and time.monotonic() < until:
        time.sleep(SECONDS_BETWEEN_LOOKS)
