"""Cron lines; the serving itself is tested against a real server in tests/cairn."""

import pytest

from flows.schedule import read_cron, scheduled
from tasks.errors import InputError
from tasks.workspace import Workspace
from tests.flows.conftest import tries


def test_a_good_line() -> None:
    schedule = read_cron("0 3 * * *", "Europe/Athens")
    assert (schedule.cron, schedule.timezone) == ("0 3 * * *", "Europe/Athens")


@pytest.mark.parametrize("cron", ["", "0 3 * *", "61 3 * * *", "every night", "0 3 * * * * * *"])
def test_a_bad_line(cron: str) -> None:
    with pytest.raises(InputError, match=r"is no cron line; give five fields: minute hour day"):
        read_cron(cron, "UTC")


def test_a_bad_clock() -> None:
    with pytest.raises(InputError, match="timezone 'Mars/Base' is not known"):
        read_cron("0 3 * * *", "Mars/Base")


def test_the_clock_starts_an_ordinary_run(ran: Workspace) -> None:
    scheduled.fn()
    assert (ran.mlruns / "last" / "run.json").exists()
    assert tries(ran, "ingest") == 1
