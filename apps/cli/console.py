"""What all commands share: where they print, who the operator is, and the store of an existing home."""

import os
import sys

import polars as pl
from rich.console import Console
from rich.table import Table

from contracts.errors import NotReadyError
from contracts.scope import TenantScope
from contracts.settings import Settings
from operations import SqlStore

console = Console(
    file=sys.stdout,  # bound now: runs redirect what they print themselves
    width=None if sys.stdout.isatty() else 200,
)
OPERATOR = os.environ.get("USER") or "operator"
EVERYONE = TenantScope.all_clients("an operator's command")


def scope_of(client: str) -> TenantScope:
    """One client's rows, or all clients' when none is named."""
    return TenantScope.of(client) if client else EVERYONE


def existing_store(settings: Settings) -> SqlStore:
    """The store of a home that exists. Raises NotReadyError where there is none: asking makes no empty one."""
    from orchestration.resources import open_store

    require_home(settings)
    return open_store(settings)


def require_home(settings: Settings) -> None:
    """Raises NotReadyError where there is no home yet."""
    if settings.store_url is None and not (settings.home / "store.db").exists():
        raise NotReadyError(
            f"There is no Pulso home at {settings.home} yet: `pulso run` or `pulso client add` makes one, "
            "PULSO_HOME names another."
        )


def table_of(*columns: str, title: str | None = None) -> Table:
    """An empty table whose cells wrap and are never cut: ids are there to be copied."""
    table = Table(title=title)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def print_frame(frame: pl.DataFrame, title: str, *, empty: str) -> None:
    """A frame as a table, or the sentence for none."""
    if frame.is_empty():
        console.print(empty)
        return
    moments = frame.select(pl.selectors.datetime()).columns
    frame = frame.with_columns(pl.col(moments).dt.to_string("%Y-%m-%d %H:%M:%S"))
    table = table_of(*frame.columns, title=title)
    for row in frame.iter_rows():
        table.add_row(*("" if value is None else str(value) for value in row))
    console.print(table)
