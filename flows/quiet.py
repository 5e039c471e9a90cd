"""What Prefect writes on the terminal: warnings of its own, but not our errors a second time.

A failure shows up in Prefect's UI with its traceback. On the terminal it is one line, and that line
is ours (flows/ending.py). Logs that go to the API are untouched.
"""

import logging

from flows.ending import debugging

TOLD_ELSEWHERE = ("prefect.flow_runs", "prefect.task_runs")


def quiet_console() -> None:
    """Keep the log lines of flow and task runs off the terminal, unless CAIRN_DEBUG=1."""
    if debugging():
        return
    # Imported here: importing Prefect takes seconds, and also sets up the handlers to change.
    from prefect.logging.handlers import PrefectConsoleHandler

    for logger in (logging.getLogger(), *map(logging.getLogger, TOLD_ELSEWHERE)):
        for handler in logger.handlers:
            if isinstance(handler, PrefectConsoleHandler):
                handler.addFilter(_worth_telling)


def _worth_telling(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING and not record.name.startswith(TOLD_ELSEWHERE)
