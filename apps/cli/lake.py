"""Look into the lake and keep it tidy."""

from datetime import timedelta
from typing import Annotated

import polars as pl
import typer

from apps.cli.console import EVERYONE, console, print_frame, scope_of
from contracts.settings import Settings
from lakehouse import DeltaLake, maintenance, open_lake
from lakehouse import history as past

app = typer.Typer(help="Look into the lake and keep it tidy.", no_args_is_help=True)

TableName = Annotated[str, typer.Argument(metavar="TABLE", help="<stage>/<table>; `pulso lake tables` lists them.")]


def _lake() -> DeltaLake:
    return open_lake(Settings())


@app.command("tables")
def tables() -> None:
    """All tables with their version and rows."""
    lake = _lake()
    rows = [
        (key, lake.version(key), lake.scan(key, scope=EVERYONE).select(pl.len()).collect().item())
        for key in lake.tables()
    ]
    frame = pl.DataFrame(rows, schema=["table", "version", "rows"], orient="row")
    print_frame(frame, lake.root, empty=f"{lake.root} holds no tables yet: `pulso run` fills it.")


@app.command("history")
def history(table: TableName, limit: Annotated[int, typer.Option(min=1)] = 20) -> None:
    """Versions of a table, newest first."""
    print_frame(past.history(_lake(), table, limit=limit), f"History of {table}", empty=f"{table} has no versions.")


@app.command("diff")
def diff(
    table: TableName,
    old: Annotated[int, typer.Argument(help="Version.")],
    new: Annotated[int | None, typer.Argument(help="Version; the newest when left out.")] = None,
    client: Annotated[str, typer.Option(help="Only this client's rows.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Rows shown.")] = 50,
) -> None:
    """Columns and rows that were added, removed or changed between two versions."""
    found = past.diff(_lake(), table, old=old, new=new, scope=scope_of(client))
    versions = f"{found.table}, version {found.old_version} to {found.new_version}"
    if found.columns.height:
        print_frame(found.columns, f"Columns of {versions}", empty="")
    rows = found.rows.with_columns(pl.col(pl.List(pl.String)).list.join(", "))
    print_frame(rows.head(limit), f"Rows of {versions}", empty=f"{versions}: the same rows.")
    counts = ", ".join(f"{found.count(change):,} {change}" for change in ("added", "removed", "changed"))
    console.print(f"{counts}." + (f" Shown: the first {limit}." if rows.height > limit else ""))


@app.command("compact")
def compact(table: Annotated[list[str] | None, typer.Argument(help="Tables; all when left out.")] = None) -> None:
    """Join many small files into few. Rows do not change."""
    print_frame(maintenance.compact(_lake(), table or None), "Compacted", empty="The lake holds no tables yet.")


@app.command("vacuum")
def vacuum(
    table: Annotated[list[str] | None, typer.Argument(help="Tables; all when left out.")] = None,
    retention_days: Annotated[float, typer.Option(min=0, help="Versions younger than this stay readable.")] = 30,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Delete nothing; say what would go.")] = False,
) -> None:
    """Delete files that no version younger than the retention needs."""
    gone = maintenance.vacuum(_lake(), table or None, retention=timedelta(days=retention_days), dry_run=dry_run)
    megabytes = (gone["size_bytes"].sum() or 0) / 1e6
    console.print(f"{gone.height:,} files, {megabytes:,.1f} MB {'would go' if dry_run else 'deleted'}.")
