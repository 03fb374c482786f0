"""Ask the lake as one client, in SQL."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from apps.cli.console import console
from contracts.errors import PulsoError
from contracts.settings import Settings

app = typer.Typer()


@app.command("sql")
def sql(
    client: Annotated[str, typer.Option(help="Whose lake: no other client's row can be reached.")],
    query: Annotated[
        str,
        typer.Argument(
            help="A statement over stage.table, or `.tables`; - reads it from stdin. A prompt when left out."
        ),
    ] = "",
    limit: Annotated[int, typer.Option(min=1, help="Rows that are printed.")] = 50,
    output: Annotated[
        Path | None,
        typer.Option(
            help="Write all rows to this file instead: .csv, .parquet or .json. In CSV, a text that a spreadsheet would run as "
            "a formula gets an apostrophe before it."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Let --output overwrite a file.")] = False,
) -> None:
    """Ask a client's lake in SQL: one statement, or at a prompt. Reads only, and nothing but this client's rows."""
    from apps.sql.answers import Answers, ask, statements
    from apps.sql.export import check_target, export
    from apps.sql.prompt import converse, terminal_reader
    from lakehouse import connect

    settings = Settings()
    if query == "-" or not (query or sys.stdin.isatty()):
        query = sys.stdin.read()
        if not query.strip():
            raise PulsoError("There is nothing to ask: stdin is empty.")
    if output is not None:
        if not query:
            raise PulsoError("--output needs a query to write the answer of.")
        check_target(output, force=force)
    with connect(client) as lake:
        answers = Answers(lake, console, limit=limit)
        if output is not None:
            *before, last = list(statements(query)) or [""]
            for statement in before:
                ask(lake, statement)
            relation = ask(lake, last)
            if relation is None:
                raise PulsoError("The last statement answers nothing that could be written.")
            rows = export(relation, output, force=force)
            console.print(f"Wrote {rows:,} row{'' if rows == 1 else 's'} to {output}.", highlight=False, markup=False)
        elif query:
            answers.answer(query)
        else:
            console.print(f"The lake of {client}. `.help` tells how, `.tables` what there is.", highlight=False)
            converse(terminal_reader(lake, settings.home / "sql_history", f"{client}> "), answers, console)
