"""How rows enter a bronze table: what passed is written, the rest is quarantined, both show as checks, and who answered is kept."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import dagster as dg
import polars as pl

from assets.bronze.failures import CHECK_NAME as ALL_READ
from assets.bronze.failures import accounts_check
from assets.bronze.readings import Asked, note_reading
from assets.checks.boundary import CHECK_NAME as BOUNDARY
from assets.checks.boundary import Inspected, boundary_check
from assets.checks.expectations import rules_for
from assets.keys import key_of
from assets.results import materialised
from contracts.ports import Lake, WriteResult
from contracts.records import CollectionFailure
from contracts.tables import TableSpec


def checks_of(table: TableSpec) -> list[dg.AssetCheckSpec]:
    """The two checks of every bronze table that is read from outside."""
    return [
        dg.AssetCheckSpec(
            BOUNDARY, asset=key_of(table), description="Rows that may enter; the others stand in quarantine."
        ),
        dg.AssetCheckSpec(ALL_READ, asset=key_of(table), description="Every connected account answered."),
    ]


def enter(
    lake: Lake,
    table: TableSpec,
    part: Inspected,
    *,
    write: Callable[[TableSpec, pl.DataFrame], WriteResult],
    rows: int,
    failures: Sequence[CollectionFailure],
    asked: Sequence[Asked],
    as_of: datetime,
    new: pl.DataFrame | None = None,
    owing: Collection[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> dg.MaterializeResult:
    """Quarantine the bad rows of `part`, then write its good ones, or only `new` among them, with `write` (append or merge).

    `rows` is how many were inspected, `asked` who was asked for them: nobody, where a past day is mapped again;
    `owing` as in `note_reading`.
    """
    lake.append(table.quarantine(), part.quarantined)
    frame = part.good if new is None else new
    written = write(table, frame)
    note_reading(lake, table, asked, rows=part.good, failures=failures, now=as_of, owing=owing)
    return materialised(
        table,
        written,
        frame=frame,
        as_of=as_of,
        metadata=metadata,
        checks=[
            boundary_check(table, part.broken, rows=rows, rules=rules_for(table)),
            accounts_check(table, failures, accounts=len({a.account_id for a in asked})),
        ],
    )
