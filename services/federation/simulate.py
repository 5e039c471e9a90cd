"""A federation's rounds on this machine without a SuperLink: its ClientApp and its server, in Ray.

run/results   rounds, memory, weights, as a deployment leaves them
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Protocol

from flwr.app import Context
from flwr.clientapp import ClientApp

from models.federated.client import client_app, partition_of
from models.federated.learner import Learner
from models.federated.plan import Round
from models.federated.ray_run import run_in_ray
from models.federated.server import Server
from services.federation.federation import Federation, partition_folder
from services.federation.learners import load_learner
from services.federation.rounds import Diary, read_rounds, told
from services.federation.settings import mods_of, plan_text

KEPT = 64
"""Learners that a process keeps; the one that was not asked for longest is read again."""

SECONDS_TO_START = 600.0
"""For Ray: 20 on a machine with nothing else to do, minutes on a busy one."""


class Carrier(Protocol):
    """Takes messages between a server and the clients' app until all rounds are done."""

    def __call__(self, server: Server, app: ClientApp, *, on_start: Callable[[], None]) -> None: ...


@lru_cache(maxsize=KEPT)
def kept_learner(folder: Path) -> Learner:
    """A partition's learner, read when it is first asked for."""
    return load_learner(folder)


@dataclass(frozen=True)
class OnDisk:
    """Finds a client's learner in this process.

    Ray pickles it with every message: it carries a path, and neither data nor the kept learners.

    Args:
        folder: of the federation.
    """

    folder: Path

    def __call__(self, context: Context) -> Learner:
        return kept_learner(partition_folder(self.folder, partition_of(context)))


def app_of(federation: Federation) -> ClientApp:
    """The ClientApp that SuperNodes run, with the clients' partitions read from here."""
    folder = federation.partitions[0].parent.resolve()
    return client_app(OnDisk(folder), mods_of(plan_text(federation.plan)))


def through_ray(cores: int) -> Carrier:
    """Clients in processes of Ray, as many at a time as there are cores for them."""
    return partial(run_in_ray, cores=cores, patience=SECONDS_TO_START)


def simulate(
    folder: Path,
    federation: Federation,
    carry: Carrier,
    *,
    tell: Callable[[str], None] = lambda _: None,
) -> list[dict[str, Any]]:
    """All rounds, from where an earlier run in this folder left off.

    Args:
        folder: of this run.
        federation: whose rounds.
        carry: what the messages go through.
        tell: called with each line for people, from the thread that the server runs in.

    Returns:
        the lines of rounds.jsonl.

    Raises:
        PartitionError: the rounds in this folder are of another federation.
        StalledError: too many rounds in a row came to nothing.
    """
    diary = Diary(folder / "results")

    def on_round(found: Round) -> None:
        for text in told(diary.keep(found, server)):
            tell(text)

    server = Server(
        federation.plan,
        federation.initial,
        clients=len(federation.partitions),
        on_round=on_round,
    )
    diary.resume(server)
    if done := server.progress.round:
        tell(f"resumed: after round {done}; what clients kept for themselves begins anew")
    if done < federation.plan.rounds:
        carry(server, app_of(federation), on_start=diary.begin)
    for event in server.events:
        if event.round > server.progress.round:  # what kept the next round from beginning
            tell(str(event))
    diary.finish(server)
    return read_rounds(diary.folder)
