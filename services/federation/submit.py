"""Register nodes with a SuperLink, start a run there and show its rounds. On the SuperLink's host.

    python -m services.federation.submit --superlink HOST:PORT --authority ca.crt \\
        --register node-0.pub --register node-1.pub
    python -m services.federation.submit --superlink HOST:PORT --authority ca.crt \\
        --federation FOLDER --results FOLDER      # the rounds; goes on after the last one there
"""

import argparse
import sys
import time
from pathlib import Path

from services.federation.control import Control
from services.federation.federation import INITIAL as WEIGHTS
from services.federation.federation import PLAN as TEXT
from services.federation.journal import DeploymentError
from services.federation.process import SECONDS_BETWEEN_LOOKS
from services.federation.rounds import read_rounds
from services.federation.settings import CLIENTS, INITIAL, LOOK, PLAN, RESULTS


def submit(control: Control, federation: Path, results: Path, clients: int) -> None:
    """Start a run and wait for its end.

    Raises:
        DeploymentError: it was not taken, or failed.
    """
    settings: dict[str, str | int | float] = {
        PLAN: (federation / TEXT).read_text(encoding="utf-8"),
        INITIAL: str((federation / WEIGHTS).resolve()),
        RESULTS: str(results.resolve()),
        CLIENTS: clients,
        LOOK: SECONDS_BETWEEN_LOOKS,
    }
    shown, run = len(read_rounds(results)), control.start(settings).run
    print(f"run {run}, after round {shown}", flush=True)
    while True:
        found = control.outcome(run)
        for line in read_rounds(results)[shown:]:
            shown = line["round"]
            events = ", ".join(event["kind"] for event in line["events"])
            print(f"round {shown}: {len(line['parts'])} clients {events}".strip(), flush=True)
        if found.status == "finished":
            break
        time.sleep(1)
    if not found.good:
        raise DeploymentError("run_failed", found.details)


def main() -> None:
    parser = argparse.ArgumentParser(description="Register nodes and run rounds on a SuperLink.")
    parser.add_argument("--superlink", required=True, metavar="HOST:PORT")
    parser.add_argument("--authority", type=Path, required=True, help="ca.crt")
    parser.add_argument("--register", type=Path, action="append", default=[], metavar="KEY.pub")
    parser.add_argument("--federation", type=Path, help="folder with plan and first weights")
    parser.add_argument("--results", type=Path, help="folder for rounds and weights")
    parser.add_argument("--clients", type=int, help="nodes in all; else as many as are online")
    given = parser.parse_args()
    if (given.federation is None) != (given.results is None):
        parser.error("--federation and --results go together")
    with Control(given.superlink, given.authority) as control:
        for key in given.register:
            print(f"{key.stem}: node {control.register(key, key.stem)}", flush=True)
        if given.federation is not None:
            clients = given.clients or len(control.online())
            try:
                submit(control, given.federation, given.results, clients)
            except DeploymentError as error:
                sys.exit(str(error))


if __name__ == "__main__":
    main()
