"""From a result back to everything behind it."""

from typing import Annotated

import typer

from apps.cli.console import console, existing_store
from contracts.settings import Settings

app = typer.Typer(help="From a result back to everything behind it.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """From a result back to everything behind it."""


@app.command("post")
def trace_post_command(
    post_id: Annotated[str, typer.Argument(metavar="ID", help="For example instagram:1789…; `pulso posts` lists them")],
) -> None:
    """Approval, forecast, model version, feature row and raw payloads behind a published post."""
    from apps.trace import render, trace_post
    from lakehouse import DeltaLake

    settings = Settings()
    with existing_store(settings) as store:
        console.print(render(trace_post(DeltaLake(settings.lake_path), store, post_id)))
