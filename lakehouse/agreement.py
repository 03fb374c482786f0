"""How far two copies of one table agree that were computed by different means: by DuckDB and by Spark.

Belongs here: matching rows without being told a key, exact and relative differences. Does not belong here: what changed between two
versions of a table, row by row (comparison.py).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from contracts.errors import NotReadyError
from contracts.scope import TenantScope
from lakehouse.lake import DeltaLake

GOLD = "gold"

RELATIVE_TOLERANCE = 1e-9
"""For doubles: engines add them up in different orders. All other values have to be the same."""


@dataclass(frozen=True)
class Agreement:
    """What two copies have in common. Counts of `differences` are rows."""

    rows: tuple[int, int]
    columns: int
    """Columns that both have in the same type."""
    types: Mapping[str, tuple[str | None, str | None]]
    """The other columns, with the type that each side gives them; None where it has no such column."""
    differences: Mapping[str, int]
    """Columns in which rows differ, doubles by more than the tolerance."""
    max_relative_difference: float
    """Of all doubles; 0 when there are none, infinite where only one side knows a value."""

    @property
    def is_equal(self) -> bool:
        """The same columns, types and rows."""
        return self.rows[0] == self.rows[1] and not self.types and not self.differences


def gold_agreement(one: DeltaLake, other: DeltaLake) -> dict[str, Agreement]:
    """By table, how the gold of two lakes agrees. Raises NotReadyError where one of them lacks a table of the other, or all."""
    keys = sorted({key for lake in (one, other) for key in lake.tables() if key.startswith(f"{GOLD}/")})
    if not keys:
        raise NotReadyError(f"Neither {one.root} nor {other.root} holds gold: build the warehouse first.")
    scope = TenantScope.all_clients("two builds of the same tables are compared")
    return {
        key.removeprefix(f"{GOLD}/"): agreement(*(lake.scan(key, scope=scope).collect() for lake in (one, other)))
        for key in keys
    }


def agreement(one: pl.DataFrame, other: pl.DataFrame, *, tolerance: float = RELATIVE_TOLERANCE) -> Agreement:
    """Compare two frames. Rows are matched in the order of all columns that are no doubles or lists, which have to tell rows apart."""
    types = {
        name: (
            str(one.schema[name]) if name in one.schema else None,
            str(other.schema[name]) if name in other.schema else None,
        )
        for name in dict.fromkeys([*one.columns, *other.columns])
        if one.schema.get(name) != other.schema.get(name)
    }
    rows, common = (one.height, other.height), [name for name in one.columns if name not in types]
    if one.height != other.height:
        return Agreement(rows, len(common), types, {}, math.inf)
    order = [name for name in common if not (one.schema[name].is_float() or one.schema[name].is_nested())]
    one, other = (frame.select(common).sort(order) if order else frame.select(common) for frame in (one, other))
    differences, largest = {}, 0.0
    for name in common:
        if one.schema[name].is_float():
            apart = _relative_difference(one[name], other[name])
            largest = max(largest, float(apart.max() or 0.0))  # type: ignore[arg-type]
            differing = int((apart > tolerance).sum())
        else:
            differing = int(one[name].ne_missing(other[name]).sum())
        if differing:
            differences[name] = differing
    return Agreement(rows, len(common), types, differences, largest)


def _relative_difference(one: pl.Series, other: pl.Series) -> pl.Series:
    """By row: |a - b| over the larger of |a| and |b|; infinite where only one is known."""
    a, b = pl.col("a"), pl.col("b")
    return (
        pl.DataFrame({"a": one, "b": other})
        .select(
            pl.when(a.eq_missing(b))
            .then(0.0)
            .when(a.is_null() | b.is_null() | a.is_nan() | b.is_nan())
            .then(math.inf)
            .otherwise((a - b).abs() / pl.max_horizontal(a.abs(), b.abs()))
        )
        .to_series()
    )
