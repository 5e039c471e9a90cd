"""How `python -m flows.<stage>` runs: checked settings, held workspace, one clear error.

    python -m flows.train        # by hand, or by DVC when the stage is stale

No Prefect API needs to be there: without PREFECT_API_URL Prefect starts one for as long as it runs.
"""

import importlib
import os
import sys
import typing
from collections.abc import Callable
from typing import Any

from flows.ending import ending
from flows.quiet import quiet_console
from flows.record import recorded
from flows.watch import stop_with_holder
from tasks.anchoring import anchor_later
from tasks.environment import prepare
from tasks.lock import workspace_lock
from tasks.params import Params, load_params
from tasks.recovery import recover
from tasks.tracked import PIPELINE
from tasks.workspace import Workspace


def run_stage(name: str) -> None:
    """Run a stage's flow and end the process.

    The flow gets what its parameters ask for by type: `Params`, a section of it, the workspace.

    Args:
        name: of the stage; module `flows.<name>` holds a flow of that name.
    """
    prepare()
    quiet_console()
    sys.exit(ending(lambda: _run(name), tell=PIPELINE not in os.environ))


def _run(name: str) -> None:
    workspace = Workspace.here()
    with workspace_lock(workspace, f"python -m flows.{name}"), recorded(workspace, name):
        stop_with_holder()
        recover(workspace)
        params = load_params(workspace.params_file)
        flow = getattr(importlib.import_module(f"flows.{name}"), name)
        try:
            flow(**arguments(flow.fn, params, workspace))
        finally:
            if PIPELINE not in os.environ:  # else once, at the end of the whole run
                anchor_later(workspace, params.anchor)


def arguments(
    function: Callable[..., Any], params: Params, workspace: Workspace
) -> dict[str, object]:
    """What a flow's function is called with, chosen by the types of its parameters.

    Raises:
        TypeError: it asks for something that is neither settings nor the workspace.
    """
    offered: list[object] = [workspace, params, *(value for _, value in params)]
    given: dict[str, object] = {}
    for name, wanted in typing.get_type_hints(function).items():
        if name == "return":
            continue
        fitting = [value for value in offered if type(value) is wanted]
        if not fitting:
            raise TypeError(f"a stage's flow cannot ask for `{name}: {wanted}`")
        given[name] = fitting[0]
    return given
