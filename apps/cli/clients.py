"""Clients: the brands that Pulso works for."""

from pathlib import Path
from typing import Annotated

import typer

from apps.cli.console import EVERYONE, OPERATOR, console, existing_store, table_of
from contracts.settings import Settings

app = typer.Typer(help="Clients: the brands that Pulso works for.", no_args_is_help=True)


@app.command("add")
def add(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="YAML, see docs/runbooks.")]) -> None:
    """Add clients from a YAML file, or bring known ones up to date. All of the file is taken, or nothing."""
    from apps.brand_kits import read_clients
    from apps.home import prepare_home
    from orchestration.resources import open_store

    settings = Settings()
    clients = read_clients(file)
    prepare_home(settings)
    with open_store(settings) as store:
        for client in clients:
            store.save_client(client, actor=OPERATOR)
    console.print(f"Saved {', '.join(c.client_id for c in clients)}. Next: `pulso accounts add`.")


@app.command("list")
def show() -> None:
    """All clients."""
    table = table_of("client", "name", "zone", "language", "autonomy", "facts", "active")
    with existing_store(Settings()) as store:
        for c in store.clients(EVERYONE):
            facts = str(len(c.brand.facts))
            table.add_row(
                c.client_id, c.name, c.time_zone, c.language, c.autonomy.value, facts, "yes" if c.is_active else "no"
            )
    console.print(table if table.row_count else "No clients yet: `pulso client add FILE`.")
