"""Publishing: one atomic commit a table, or none; what must not reach the lake is refused before anything is written."""

import subprocess
import sys
from pathlib import Path

import duckdb
import polars as pl
import pytest
from deltalake import DeltaTable

from contracts.errors import CollapseError, NotReadyError, PulsoError, SchemaMismatchError
from contracts.scope import TenantScope
from lakehouse import DeltaLake
from lakehouse.warehouse import WarehousePublisher, forget_builds

ALL = TenantScope.all_clients("a test")


class Warehouse:
    """A warehouse file that a test fills by hand."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "warehouse.duckdb"
        self.lake = DeltaLake(folder / "lake")
        self.publisher = WarehousePublisher(self.path, folder / "lake")

    def table(self, name: str, select: str) -> None:
        with duckdb.connect(str(self.path)) as connection:
            connection.execute("create schema if not exists gold")
            connection.execute(f"create or replace table gold.{name} as {select}")

    def read(self, name: str) -> pl.DataFrame:
        return self.lake.scan(f"gold/{name}", scope=ALL).collect()


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path)


def rows(count: int) -> str:
    return f"select 'c' || i % 3 as client_id, i as value, timestamptz '2026-03-08 06:59:59+00' as seen_at from range({count}) t(i)"


def test_a_table_becomes_a_delta_table_with_its_types(warehouse) -> None:
    warehouse.table(
        "t", "select 'c' as client_id, 1::integer as n, timestamptz '2026-03-08 06:59:59+00' as seen_at, ['a'] as ids"
    )
    written = warehouse.publisher.publish(["t"], invocation_id="build-1")["t"]

    assert (written.table, written.rows, written.inserted, written.version) == ("gold/t", 1, 1, 0)
    assert warehouse.read("t").schema == pl.Schema(
        {"client_id": pl.String, "n": pl.Int32, "seen_at": pl.Datetime("us", "UTC"), "ids": pl.List(pl.String)}
    )
    assert warehouse.read("t")["seen_at"][0].isoformat() == "2026-03-08T06:59:59+00:00"
    assert DeltaTable(written.path).history(1)[0]["dbt_invocation_id"] == "build-1"
    assert DeltaTable(written.path).protocol().min_reader_version == 1


def test_it_says_which_columns_there_are_in_their_order(warehouse) -> None:
    warehouse.table("t", "select 'c' as client_id, 1::integer as n, ['a'] as ids")
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("create view gold.v as select n from gold.t")

    columns = warehouse.publisher.columns()

    assert columns == {
        "gold": {"t": {"client_id": "VARCHAR", "n": "INTEGER", "ids": "VARCHAR[]"}, "v": {"n": "INTEGER"}}
    }
    assert list(columns["gold"]["t"]) == ["client_id", "n", "ids"]


def test_rows_are_sorted_by_tenant(warehouse) -> None:
    warehouse.table("t", rows(50))
    warehouse.publisher.publish(["t"], invocation_id="b")
    assert warehouse.read("t")["client_id"].is_sorted()


def test_unchanged_rows_make_no_new_version(warehouse) -> None:
    warehouse.table("t", rows(50))
    warehouse.publisher.publish(["t"], invocation_id="b1")
    warehouse.table("t", f"select * from ({rows(50)}) order by value desc")  # the order of rows is no content
    again = warehouse.publisher.publish(["t"], invocation_id="b2")["t"]
    assert (again.version, again.rows, again.inserted) == (0, 50, 0)


@pytest.mark.parametrize(
    "changed",
    [
        f"select client_id, value + (value = 7)::int as value, seen_at from ({rows(50)})",
        f"select * from ({rows(50)}) union all select * from ({rows(1)})",
        f"select *, null::varchar as more from ({rows(50)})",
        f"select client_id, value::integer as value, seen_at from ({rows(50)})",
    ],
    ids=["a value", "a row twice", "a column more", "another type"],
)
def test_any_change_makes_one_new_version(warehouse, changed: str) -> None:
    warehouse.table("t", rows(50))
    warehouse.publisher.publish(["t"], invocation_id="b1")
    warehouse.table("t", changed)
    written = warehouse.publisher.publish(["t"], invocation_id="b2")["t"]
    assert written.version == 1
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        assert warehouse.read("t").columns == connection.table("gold.t").columns
        assert warehouse.read("t").height == connection.execute("select count(*) from gold.t").fetchone()[0]


def test_readers_keep_the_version_that_they_opened(warehouse) -> None:
    warehouse.table("t", rows(50))
    warehouse.publisher.publish(["t"], invocation_id="b1")
    opened = warehouse.lake.scan("gold/t", scope=ALL)
    warehouse.table("t", f"select client_id, value + 100 as value, seen_at from ({rows(50)})")
    warehouse.publisher.publish(["t"], invocation_id="b2")
    assert opened.collect()["value"].max() == 49
    assert warehouse.read("t")["value"].max() == 149


@pytest.mark.parametrize(
    ("column", "word"),
    [
        ("sum(i)", "HUGEINT"),
        ("max(timestamp '2026-01-01')", "TIMESTAMP"),
        ("list(timestamp '2026-01-01')", "TIMESTAMP"),
    ],
)
def test_types_that_do_not_belong_in_the_lake_are_refused_before_any_write(warehouse, column: str, word: str) -> None:
    warehouse.table("good", rows(50))
    warehouse.table("bad", f"select 'c' as client_id, {column} as odd from range(3) t(i)")
    with pytest.raises(SchemaMismatchError, match=f"gold/bad: `odd` is {word}"):
        warehouse.publisher.publish(["good", "bad"], invocation_id="b")
    assert warehouse.lake.tables() == ()


def test_a_collapse_is_refused_before_any_write(warehouse) -> None:
    for name in ("one", "two"):
        warehouse.table(name, rows(50))
    warehouse.publisher.publish(["one", "two"], invocation_id="b1")
    warehouse.table("one", f"select client_id, value + 1 as value, seen_at from ({rows(50)})")
    warehouse.table("two", rows(10))
    with pytest.raises(CollapseError, match="gold/two: 10 rows would replace 50"):
        warehouse.publisher.publish(["one", "two"], invocation_id="b2")
    assert (warehouse.lake.version("gold/one"), warehouse.lake.version("gold/two")) == (0, 0)

    allowed = warehouse.publisher.publish(["two"], invocation_id="b3", allow_collapse=True)["two"]
    assert (allowed.rows, allowed.version) == (10, 1)


def test_what_was_not_built_is_said(warehouse) -> None:
    with pytest.raises(NotReadyError, match="build the warehouse first"):
        warehouse.publisher.publish(["t"], invocation_id="b")
    warehouse.table("t", rows(1))
    with pytest.raises(NotReadyError, match="gold/other is not in the warehouse"):
        warehouse.publisher.publish(["t", "other"], invocation_id="b")
    assert warehouse.publisher.publish([], invocation_id="b") == {}


def test_the_file_is_free_again_afterwards(warehouse) -> None:
    warehouse.table("t", rows(1))
    warehouse.publisher.publish(["t"], invocation_id="b")
    warehouse.table("t", rows(2))  # would fail if a reader still held the file


def test_what_is_remembered_of_builds_is_not_forgotten_under_a_build_that_runs(warehouse) -> None:
    forget_builds(warehouse.path)
    assert not warehouse.path.exists()
    warehouse.table("t", rows(1))
    holding = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", holding, str(warehouse.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as build:
        assert build.stdout is not None
        assert build.stdout.readline() == b"open\n"
        with pytest.raises(PulsoError, match="is in use"):
            forget_builds(warehouse.path)
    forget_builds(warehouse.path)
    warehouse.publisher.publish(["t"], invocation_id="b")
