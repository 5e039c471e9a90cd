"""The command line for people: one file a command, nothing heavy imported before it is needed."""

import sys
from typing import NoReturn

import click
import typer

from cairn.anchor import anchor_app
from cairn.approve import approve
from cairn.compare import compare
from cairn.compress import compress
from cairn.explain import explain
from cairn.federate import federate_app
from cairn.keys import keys_app
from cairn.lineage import lineage
from cairn.predict import predict
from cairn.quantum import quantum_app
from cairn.run import run
from cairn.schedule import schedule
from cairn.ui import ui
from cairn.verify import verify
from flows.ending import INTERRUPTED, ending
from tasks.errors import InputError

app = typer.Typer(
    name="cairn",
    help="From a folder of images, text and sound to a model you can prove things about.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    suggest_commands=False,  # click does, typer would say it a second time
)
for command in (
    run, schedule, explain, compare, verify, approve, lineage, compress, predict, ui
):  # fmt: skip
    app.command()(command)
app.add_typer(keys_app, name="keys")
app.add_typer(anchor_app)
app.add_typer(federate_app)
app.add_typer(quantum_app)


def main() -> NoReturn:
    """Entry of the `cairn` script."""
    code = 0

    def work() -> None:
        nonlocal code
        try:
            code = app(standalone_mode=False, prog_name="cairn") or 0
        except click.ClickException as error:
            asked = (
                error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else ""
            )
            raise InputError(
                f"{error.format_message()} (see `{asked or 'cairn'} --help`)"
            ) from None
        if code == INTERRUPTED:
            raise KeyboardInterrupt  # Typer swallows it, and with it the place where to say so

    failed = ending(work)
    sys.stdout.flush()
    sys.exit(failed or code)
