"""Run the pipeline again and again, at the times of a cron line.

The deployment has one fixed name, so that a restart finds the schedule of before instead of making
a second one; and stopping does not pause it.
"""

import os

from prefect import flow, serve
from prefect.client.schemas.schedules import CronSchedule
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron, Schedule
from prefect.types.entrypoint import EntrypointType
from pydantic import ValidationError

from flows.api import prefect_api
from flows.quiet import quiet_console
from flows.run import run_pipeline
from tasks.errors import InputError
from tasks.params import load_params
from tasks.progress import say
from tasks.workspace import Workspace

DEPLOYMENT = "cairn"


@flow(name="scheduled")
def scheduled() -> None:
    """One run, started by the clock; when everything is up to date, it says just that."""
    quiet_console()
    run_pipeline(Workspace.here(), "cairn schedule")


def serve_schedule(workspace: Workspace, cron: str, timezone: str, port: int | None) -> None:
    """Serve until interrupted.

    Args:
        workspace: which pipeline to run.
        cron: five fields, such as "0 3 * * *".
        timezone: name of the clock that the fields speak of, such as "Europe/Athens".
        port: where a Prefect API of our own listens, or None for any free port.

    Raises:
        InputError: `cron` or `timezone` is wrong, PREFECT_API_URL does not answer.
    """
    schedule = read_cron(cron, timezone)
    startup = load_params(workspace.params_file).pipeline.api_startup_seconds
    with prefect_api(workspace, startup, port) as url:
        # Runs are child processes: they find the workspace as this one did.
        os.environ["CAIRN_ROOT"] = str(workspace.root)
        quiet_console()
        deployment = RunnerDeployment.from_flow(
            scheduled, DEPLOYMENT, schedule=schedule, entrypoint_type=EntrypointType.MODULE_PATH
        )
        say(f"runs at `{cron}` ({timezone}); Prefect API {url}; Ctrl-C stops, the schedule stays")
        serve(deployment, pause_on_shutdown=False, print_starting_message=False, limit=1)


def read_cron(cron: str, timezone: str) -> Schedule:
    """A schedule, or one clear error.

    Raises:
        InputError: names what is wrong and what is allowed.
    """
    try:
        CronSchedule(cron=cron, timezone=timezone)
    except ValidationError as error:
        if "timezone" in {str(detail["loc"][0]) for detail in error.errors()}:
            raise InputError(
                f"timezone {timezone!r} is not known; give a name such as UTC or Europe/Athens"
            ) from None
        raise InputError(
            f"cron {cron!r} is no cron line; give five fields: minute hour day month weekday, "
            'such as "0 3 * * *" for every night at three'
        ) from None
    return Cron(cron, timezone=timezone)
