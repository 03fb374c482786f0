"""The `pulso` command: the Makefile's and an operator's way in. Each command says what it did and what to do next.

Belongs here: arguments, calls, printing; one file a group of commands. Does not belong here: anything that another way in
would need too.
"""

import sys
from typing import Any, NoReturn

import typer
from pydantic import ValidationError

from apps.cli import (
    accounts,
    clients,
    goals,
    lake,
    mend,
    messages,
    models,
    operate,
    sandbox,
    sql,
    trace,
    warehouse,
    webhooks,
    workshop,
)
from apps.cli.console import console
from contracts.errors import PulsoError
from contracts.settings import Settings

app = typer.Typer(help="Pulso: plan, publish, answer and learn for many social accounts.", no_args_is_help=True)
app.add_typer(operate.app)
app.add_typer(mend.app)
app.add_typer(workshop.app)
app.add_typer(sql.app)
app.add_typer(trace.app, name="trace")
app.add_typer(clients.app, name="client")
app.add_typer(accounts.app, name="accounts")
app.add_typer(goals.app, name="goals")
app.add_typer(messages.app, name="messages")
app.add_typer(models.app, name="model")
app.add_typer(lake.app, name="lake")
app.add_typer(warehouse.app, name="warehouse")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(sandbox.app, name="sandbox")


def main() -> None:
    """Entry point: errors that Pulso raises on purpose end with their message, all others with a traceback."""
    try:
        app()
    except PulsoError as error:
        _end_with(str(error))
    except ValidationError as error:
        if error.title != Settings.__name__:
            raise
        _end_with("\n".join(_in_words(problem) for problem in error.errors(include_input=False, include_url=False)))


def _in_words(problem: Any) -> str:
    """What is wrong with a setting, by its variable."""
    said = str(problem["msg"]).removeprefix("Value error, ")
    return f"PULSO_{str(problem['loc'][0]).upper()}: {said}" if problem["loc"] else said


def _end_with(message: str) -> NoReturn:
    console.print(message, style="red", highlight=False, markup=False)
    sys.exit(1)
