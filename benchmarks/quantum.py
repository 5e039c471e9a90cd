"""The verdict of a finished run, and what three headlines about quantum computing amount to here.

    python -m benchmarks.quantum --workspace PATH   # a workspace whose quantum stage has run

Run it last: the headlines are read from what quantum_algorithms, quantum_published and quantum_qubo
left in docs/results. Each is stated in a form that a simulator can show. None of them is a shorter
time: the simulator does on a classical computer everything that the circuit is said to save.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks.quantum_tables import QUANTUM_TABLES
from benchmarks.table import RESULTS, keep, show_all
from provenance import Log
from tasks.errors import InputError
from tasks.tracking import connect
from tasks.upstream import upstream
from tasks.workspace import Workspace

NAME = "quantum"
SECONDS = 240.0
"""What the stage may add to a run."""
SHARE, TIMES, SAVED = 0.95, 10.0, 0.5
"""The headlines: accuracy, times fewer, share saved."""


def verdict(workspace: Workspace) -> dict[str, Any]:
    """What the stage found: heads, contrasts, accuracy on a device, and how long it took.

    Raises:
        InputError: the stage has not run.
        TamperedError: its files were changed after they were logged.
    """
    told, heads = (
        json.loads(upstream(workspace, workspace.stage("quantum") / name).verified().read_text())
        for name in ("verdict.json", "metrics.json")
    )
    newest = Log.open(workspace.provenance).newest("mlruns/stages/quantum/verdict.json")
    if newest is None:
        raise InputError("the quantum stage has not run here: `cairn run`")
    run = connect(workspace).MlflowClient().get_run(newest[0].body["id"])
    on_a_device = {
        name: value
        for name, value in run.data.metrics.items()
        if name.startswith(("shots.", "depolarising.", "gradient_variance."))
    }
    commonest = heads.pop("commonest_class")
    seconds = (run.info.end_time - run.info.start_time) / 1000
    return {
        "heads": heads,
        "commonest": commonest,
        "told": told,
        "device": on_a_device,
        "cpu_cost": run.data.metrics["cpu_cost"],
        "seconds": seconds,
        "aim_seconds": SECONDS,
    }


def headlines() -> list[dict[str, Any]]:
    """Each headline in forms that can be measured: found, wanted, met."""
    algorithms, published, qubo = (
        _kept(name) for name in ("quantum_algorithms", "quantum_published", "quantum_qubo")
    )
    return [
        *_fewer(algorithms),
        _accurate(published),
        *_saved(published, algorithms, qubo),
    ]


def _kept(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def _fewer(algorithms: dict[str, Any]) -> list[dict[str, Any]]:
    found = {
        f"questions to an oracle: {name}": one["classical"] / one["calls"]
        for name, one in algorithms["queries"].items()
        if name in ("Grover, 1,024 items", "Bernstein-Vazirani, 10 bits")
    }
    adjoint, shifted = (algorithms["gradients"][way] for way in ("adjoint", "parameter-shift"))
    size = f"{algorithms['gradients']['parameters']} parameters"
    found |= {
        f"circuits a gradient of {size}: adjoint, parameter shift": shifted["circuits"]
        / adjoint["circuits"],
        "CPU time of the same gradient": shifted["seconds"] / adjoint["seconds"],
        "wall clock: Grover's search simulated, a loop over 1,024 items": algorithms["clock"][
            "classical"
        ]
        / algorithms["clock"]["simulated"],
    }
    return [
        {"headline": "10x", "form": form, "found": value, "wanted": TIMES, "unit": "times"}
        for form, value in found.items()
    ]


def _accurate(published: dict[str, Any]) -> dict[str, Any]:
    reached = {
        name
        for model in ("separable kernel", "IQP kernel")
        for name, line in published["exact"][model].items()
        if line["test"] >= SHARE
    }
    listed = {
        name for model in ("separable kernel", "IQP kernel") for name in published["exact"][model]
    }
    for lines in (
        published["trained"][model] for model in ("dressed circuit", "data re-uploading")
    ):
        listed |= set(lines)
        reached |= {name for name, line in lines.items() if line["mean"] >= SHARE}
    own = published["exact"]["SVC"]
    classical = sum(own[name]["test"] >= SHARE for name in listed)
    return {
        "headline": "95%",
        "form": f"published sets, of {len(listed)}, on which a quantum model reaches it "
        f"(a classical support vector machine: {classical})",
        "found": len(reached),
        "wanted": 1,
        "unit": "sets",
    }


def _saved(
    published: dict[str, Any], algorithms: dict[str, Any], qubo: dict[str, Any]
) -> list[dict[str, Any]]:
    once, each = (published["reuse"][way]["circuits"] for way in ("once", "each"))
    adjoint, shifted = (
        algorithms["gradients"][way]["circuits"] for way in ("adjoint", "parameter-shift")
    )
    given = qubo["transfer"]["1"]
    loss = given["difference"]["mean"]
    found = {
        "circuits of a kernel, states kept, same predictions": 1 - once / each,
        "circuits a gradient, adjoint": 1 - adjoint / shifted,
        f"evaluations of QAOA on five decisions, angles passed on (ratio {loss:+.3f})": given[
            "saved"
        ]["mean"],
    }
    return [
        {"headline": "50% less", "form": form, "found": value, "wanted": SAVED, "unit": "share"}
        for form, value in found.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--workspace", type=Path, required=True, help="with a finished run")
    given = parser.parse_args()
    results = verdict(Workspace(given.workspace.resolve())) | {"headlines": headlines()}
    keep(NAME, results)
    show_all(QUANTUM_TABLES, results)


if __name__ == "__main__":
    main()
