"""The `pulso` command: the Makefile's and an operator's way in. Each command says what it did and what to do next.

Belongs here: arguments, calls, printing; one file a group of commands. Does not belong here: anything that another way in
would need too.
"""

import sys

import typer

from apps.cli import (
    accounts,
    clients,
    lake,
    mend,
    messages,
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

app = typer.Typer(help="Pulso: plan, publish, answer and learn for many social accounts.", no_args_is_help=True)
app.add_typer(operate.app)
app.add_typer(mend.app)
app.add_typer(workshop.app)
app.add_typer(sql.app)
app.add_typer(trace.app, name="trace")
app.add_typer(clients.app, name="client")
app.add_typer(accounts.app, name="accounts")
app.add_typer(messages.app, name="messages")
app.add_typer(lake.app, name="lake")
app.add_typer(warehouse.app, name="warehouse")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(sandbox.app, name="sandbox")


def main() -> None:
    """Entry point: errors that Pulso raises on purpose end with their message, all others with a traceback."""
    try:
        app()
    except PulsoError as error:
        console.print(str(error), style="red", highlight=False, markup=False)
        sys.exit(1)
