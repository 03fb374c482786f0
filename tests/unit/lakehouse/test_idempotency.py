"""Properties: writing again changes nothing, and any sequence of writes leaves what a plain dictionary would."""

import tempfile
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.scope import TenantScope
from contracts.tables import TableKind, TableSpec
from lakehouse import DeltaLake
from lakehouse.collapse import CollapseGuard

DAYS = [date(2026, 5, day) for day in (1, 2, 3)]
SCHEMA = pl.Schema(
    {"key": pl.String, "client_id": pl.String, "value": pl.Int64, "tags": pl.List(pl.String), "day": pl.Date}
)
BY_KEY = TableSpec("bronze", "by_key", TableKind.REPORTED, SCHEMA, ("key",), "A key may move between days.")
BY_DAY = TableSpec("bronze", "by_day", TableKind.OBSERVED, SCHEMA, ("key", "day"), "A key lies in its day.")
WHOLE = TableSpec("bronze", "whole", TableKind.DERIVED, SCHEMA, ("key",), "No partitions.", partition_by=None)
EVERYONE = TenantScope.all_clients("tests look at everything")
Row = tuple[str, str, int | None, tuple[str, ...] | None, date]

row = st.tuples(
    st.sampled_from("abcde"),
    st.sampled_from(["acme", "bolt"]),
    st.none() | st.integers(-2, 2),
    st.none() | st.lists(st.sampled_from("xy"), max_size=2).map(tuple),
    st.sampled_from(DAYS),
)
write = st.tuples(
    st.sampled_from(["append", "merge", "replace", "replace_partition"]),
    st.lists(row, max_size=6),
    st.sampled_from(DAYS),
)


@pytest.mark.parametrize("table", [BY_KEY, BY_DAY, WHOLE], ids=lambda table: table.name)
@settings(max_examples=30, deadline=None)
@given(writes=st.lists(write, min_size=1, max_size=6))
def test_writes_leave_what_a_dictionary_would_and_running_again_changes_nothing(
    table: TableSpec, writes: list[tuple[str, list[Row], date]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lake = DeltaLake(Path(folder), declared=(table,))
        model: list[Row] = []
        for operation, rows, day in writes:
            if operation == "replace_partition" and table is not BY_DAY:
                operation = "merge"  # elsewhere a key could then come to stand on two days: the caller's to prevent
            if operation == "replace_partition":
                rows = [(*row[:4], day) for row in rows]
            if operation != "append":
                rows = list({_key(table, row): row for row in rows}.values())
            frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
            before, known = model, {_key(table, row): row for row in model}
            model = _expected(table, operation, model, rows, day)

            first = _write(lake, table, operation, frame, day)
            assert _rows(lake, table) == sorted(model, key=repr)
            if operation in ("append", "merge"):
                assert first.inserted == len(model) - len(before)
                changed = [row for row in rows if known.get(_key(table, row), row) != row]
                assert first.updated == (len(changed) if operation == "merge" else 0)

            again = _write(lake, table, operation, frame, day)
            assert _rows(lake, table) == sorted(model, key=repr)
            if operation in ("append", "merge"):
                assert (again.version, again.inserted, again.updated) == (first.version, 0, 0)


@settings(max_examples=100, deadline=None)
@given(before=st.integers(0, 500), after=st.integers(0, 500))
def test_the_guard_lets_growth_through_and_stops_exactly_what_it_says(before: int, after: int) -> None:
    guard = CollapseGuard(min_rows=20, min_ratio=0.5)
    try:
        guard.check("t", before=before, after=after)
        passed = True
    except Exception:
        passed = False
    assert passed == (before < 20 or 2 * after >= before)


def _key(table: TableSpec, row: Row) -> tuple[object, ...]:
    return tuple(dict(zip(SCHEMA, row, strict=True))[name] for name in table.keys)


def _expected(table: TableSpec, operation: str, model: list[Row], rows: list[Row], day: date) -> list[Row]:
    if operation == "replace":
        return rows
    if operation == "replace_partition":
        return [row for row in model if row[4] != day] + rows
    known = {_key(table, row): row for row in model}
    for new in rows:
        if operation == "merge" or _key(table, new) not in known:
            known[_key(table, new)] = new
    return list(known.values())


def _write(lake: DeltaLake, table: TableSpec, operation: str, frame: pl.DataFrame, day: date):
    if operation == "replace_partition":
        return lake.replace_partition(table, frame, day=day)
    return getattr(lake, operation)(table, frame)


def _rows(lake: DeltaLake, table: TableSpec) -> list[Row]:
    rows = lake.scan(table, scope=EVERYONE).collect().rows()
    return sorted(((*row[:3], None if row[3] is None else tuple(row[3]), row[4]) for row in rows), key=repr)
