"""Views over a table's current files: types, empty states, columns newer than every file, pruning."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest
from deltalake import Schema, write_deltalake
from polars.testing import assert_frame_equal

from contracts import tables
from contracts.errors import NotReadyError
from contracts.scope import TenantScope
from contracts.tables import TableSpec
from lakehouse import DeltaLake
from lakehouse.duckdb_views import duckdb_type

DAY, NEXT = date(2026, 5, 1), date(2026, 5, 2)
Build = Callable[..., pl.DataFrame]


@pytest.fixture
def duck() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    return connection


@pytest.mark.parametrize("folder", ["lake", "my o'hara, José #1"])
def test_a_view_shows_what_the_lake_shows(
    tmp_path: Path,
    duck: duckdb.DuckDBPyConnection,
    observations: TableSpec,
    observed: Build,
    everyone: TenantScope,
    folder: str,
) -> None:
    lake = DeltaLake(tmp_path / folder)
    lake.append(observations, pl.concat([observed(DAY, 6), observed(NEXT, 3)]))
    lake.replace_partition(observations, observed(DAY, 4, value=9), day=DAY)  # leaves a removed file in the folder
    duck.execute(lake.view_sql("seen", observations))
    read = lake.scan(observations, scope=everyone).collect()
    assert read.height == 7
    assert_frame_equal(duck.execute("from seen").pl(), read, check_row_order=False)


def test_a_table_without_files_is_an_empty_typed_view(
    lake: DeltaLake, duck: duckdb.DuckDBPyConnection, observations: TableSpec, everyone: TenantScope
) -> None:
    for _ in ("never written", "written empty"):
        duck.execute(lake.view_sql("seen", observations))
        read = duck.execute("from seen").pl()
        assert read.is_empty()
        assert read.schema == observations.schema
        lake.append(observations, pl.DataFrame())


def test_every_declared_table_has_a_view(tmp_path: Path, duck: duckdb.DuckDBPyConnection) -> None:
    lake = DeltaLake(tmp_path)
    for table in tables.ALL_TABLES:
        duck.execute(lake.view_sql("seen", table))
        assert duck.execute("from seen").pl().schema == table.schema


def test_columns_newer_than_some_or_all_files_are_null(
    lake: DeltaLake, duck: duckdb.DuckDBPyConnection, observations: TableSpec, observed: Build
) -> None:
    lake.append(observations, observed(DAY, 2))
    wider = replace(observations, schema=pl.Schema({**observations.schema, "mood": pl.String}))
    duck.execute(lake.view_sql("seen", wider))
    assert duck.execute("select mood from seen").fetchall() == [(None,), (None,)]

    delta = lake.open(observations)
    assert delta is not None
    delta.alter.add_columns(Schema.from_arrow(pl.Schema({"mood": pl.String})).fields)  # in the log, in no file
    duck.execute(lake.view_sql("seen", wider))
    assert duck.execute("select mood from seen").fetchall() == [(None,), (None,)]

    lake.append(wider, observed(NEXT, 1).with_columns(mood=pl.lit("good")))
    duck.execute(lake.view_sql("seen", wider))
    assert sorted(duck.execute("select mood from seen").fetchall(), key=str) == [("good",), (None,), (None,)]


def test_a_day_opens_only_its_files(
    lake: DeltaLake, duck: duckdb.DuckDBPyConnection, observations: TableSpec, observed: Build
) -> None:
    lake.append(observations, pl.concat([observed(date(2026, 5, day), 2) for day in range(1, 11)]))
    duck.execute(lake.view_sql("seen", observations))
    plan = duck.execute("explain select value from seen where day = date '2026-05-03'").fetchall()[0][1]
    assert "Scanning Files: 1/10" in " ".join(plan.replace("│", "").split())
    assert duck.execute("select count(*) from seen where day = date '2026-05-03'").fetchall() == [(2,)]


def test_a_gold_table_has_its_stored_columns(lake: DeltaLake, duck: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(NotReadyError, match="gold/kpi is not in the lake"):
        lake.view_sql("seen", "gold/kpi")
    write_deltalake(lake.path("gold/kpi"), pl.DataFrame({"client_id": ["acme"], 'odd "name"': [1.5]}))
    duck.execute(lake.view_sql('"my view"', "gold/kpi"))
    assert duck.execute('from "my view"').pl().to_dicts() == [{"client_id": "acme", 'odd "name"': 1.5}]


def test_partitions_named_by_text_are_found_by_both_engines(
    lake: DeltaLake, duck: duckdb.DuckDBPyConnection, everyone: TenantScope
) -> None:
    cities = ["a b", "São", "x:y", "50%20", "q?#", "a/b", None]
    frame = pl.DataFrame({"client_id": ["acme"] * len(cities), "city": cities})
    write_deltalake(lake.path("gold/cities"), frame, partition_by="city")
    duck.execute(lake.view_sql("seen", "gold/cities"))
    for read in (lake.scan("gold/cities", scope=everyone).collect(), duck.execute("from seen").pl()):
        assert sorted(read["city"], key=str) == sorted(cities, key=str)


def test_types_that_delta_cannot_hold_are_refused() -> None:
    assert duckdb_type(pl.Decimal(10, 2)) == "DECIMAL(10, 2)"
    assert duckdb_type(pl.Datetime("us")) == "TIMESTAMP"
    with pytest.raises(TypeError, match="Duration"):
        duckdb_type(pl.Duration())
