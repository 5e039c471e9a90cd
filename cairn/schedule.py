"""`cairn schedule`: run the pipeline at the times of a cron line, until stopped."""

from typing import Annotated

import typer


def schedule(
    cron: Annotated[
        str, typer.Option(help='Minute, hour, day, month, weekday, such as "0 3 * * *".')
    ],
    timezone: Annotated[str, typer.Option(help="The clock that the cron line speaks of.")] = "UTC",
    port: Annotated[
        int | None, typer.Option(help="Where our own Prefect API listens; any free port if absent.")
    ] = None,
) -> None:
    """Run the pipeline at the times of a cron line; start it again and it goes on."""
    from flows.schedule import serve_schedule
    from tasks.environment import prepare
    from tasks.workspace import Workspace

    prepare()
    try:
        serve_schedule(Workspace.here(), cron, timezone, port)
    except KeyboardInterrupt:
        return  # the wanted end, not an interruption
