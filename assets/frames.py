"""Records as frames: one place that turns contract records into rows of a declared table."""

from collections.abc import Iterable
from datetime import date
from enum import Enum
from typing import Any

import polars as pl

from contracts.records import Record
from contracts.tables import TableSpec


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def to_frame(records: Iterable[Record], table: TableSpec, **columns: pl.Expr | date) -> pl.DataFrame:
    """Rows of `records` with exactly the table's columns.

    Columns that the records lack come from `columns` (values, or expressions over the record's own columns), else they are
    null.
    """
    rows = [{name: _plain(getattr(r, name)) for name in type(r).model_fields} for r in records]
    names = list(rows[0]) if rows else []
    schema = {name: table.schema[name] for name in names if name in table.schema}
    frame = pl.DataFrame(
        [{name: row[name] for name in schema} for row in rows] if rows else [],
        schema=schema or dict(table.schema),
        strict=False,
    )
    frame = frame.with_columns(**{n: c if isinstance(c, pl.Expr) else pl.lit(c) for n, c in columns.items()})
    missing = [pl.lit(None, dtype=kind).alias(name) for name, kind in table.schema.items() if name not in frame.columns]
    return frame.with_columns(missing).select(pl.col(name).cast(kind) for name, kind in table.schema.items())
