"""From a result back to everything behind it."""

from typing import Annotated

import typer

from apps.cli.console import console, existing_store
from contracts.errors import PulsoError
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
    from lakehouse import open_lake

    settings = Settings()
    with existing_store(settings) as store:
        console.print(render(trace_post(open_lake(settings), store, post_id)))


@app.command("cell")
def trace_cell_command(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="A gold table, for example kpi_client_weekly.")],
    client: Annotated[str, typer.Option(help="Whose row.")],
    where: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN=VALUE", help="Which row; once for each part of its key.")
    ] = None,
    column: Annotated[str, typer.Option(help="The column to trace; all of the row when left out.")] = "",
    rows: Annotated[int, typer.Option(min=1, help="Rows of each table that are shown.")] = 5,
    whole: Annotated[bool, typer.Option("--whole", help="Show payloads whole.")] = False,
    personal: Annotated[bool, typer.Option("--personal", help="Show the words and names of people, too.")] = False,
) -> None:
    """Any figure of a gold table, down to the raw rows it was made of; what can be added up is added up again."""
    import json

    from apps.cell_trace import render
    from apps.marts import declared_marts, definitions
    from lakehouse import open_lake
    from lakehouse.analyst import known_client
    from lakehouse.provenance import Provenance

    settings = Settings()
    lake = open_lake(settings)
    scope = known_client(lake, client)
    from orchestration.dbt_cli import current_manifest  # takes seconds: after what can be refused at once

    manifest = json.loads(current_manifest(settings).read_text(encoding="utf-8"))
    with Provenance(lake, declared_marts(manifest), scope, shown=rows, personal=personal) as provenance:
        trace = provenance.cell(table, _values(where or []), column or None)
    console.print(render(trace, definitions(manifest, trace.table), whole=whole))


def _values(where: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in where]
    if bad := [text for text, (name, sign, _) in zip(where, pairs, strict=True) if not (name and sign)]:
        raise PulsoError(f"--where {bad[0]} names no column and value: write --where week=2026-01-05.")
    return {name: value for name, _, value in pairs}
