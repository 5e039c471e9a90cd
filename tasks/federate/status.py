"""The newest federated run, as the provenance log has it."""

from dataclasses import dataclass

from provenance import Entry, Log
from tasks.errors import InputError
from tasks.federate.record import KIND
from tasks.workspace import Workspace


@dataclass(frozen=True)
class Run:
    """A run's rounds, oldest first, and one sentence on how it stands."""

    rounds: list[Entry]
    state: str


def newest_run(workspace: Workspace) -> Run:
    """The rounds of the newest run, also those that it went on from after a kill.

    Raises:
        InputError: no round was ever logged.
    """
    log = Log.open(workspace.provenance, create=False)
    rounds: list[Entry] = []
    ended = ""
    for entry in log.entries():
        body = entry.body
        if body["kind"] == KIND:
            if body["round"]["number"] == 1:
                rounds = []
            rounds.append(entry)
            ended = ""
        elif body.get("stage") == "federate" and body["kind"] == "run":
            ended = f"finished: entry {entry.seq}, model in mlruns/stages/federate"
        elif body.get("stage") == "federate" and body["kind"] == "failure":
            ended = f"failed: {body['error']}"
    if not rounds:
        raise InputError("no federated round is in the log: `cairn run` makes the federate stage")
    last = rounds[-1].body["round"]
    going = f"round {last['number']} of {last['of']} is done, the run has not ended; it goes on "
    return Run(rounds, ended or going + "from there with `cairn run`")
