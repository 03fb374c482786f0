"""SQL sessions: the same rows as the lake's own reads, nothing of other clients, and no way out."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest
from deltalake import write_deltalake
from polars.testing import assert_frame_equal

from contracts.errors import NotReadyError, TenantScopeError
from contracts.scope import TenantScope
from contracts.tables import CLIENTS, TableSpec
from lakehouse import DeltaLake, connect, open_session

DAY, NEXT = date(2026, 5, 1), date(2026, 5, 2)
Build = Callable[..., pl.DataFrame]


@pytest.fixture
def filled(lake: DeltaLake, observations: TableSpec, observed: Build) -> DeltaLake:
    lake.append(observations, pl.concat([observed(DAY, 9), observed(NEXT, 7, value=3)]))
    write_deltalake(lake.path("gold/kpi"), pl.DataFrame({"client_id": ["acme", "bolt"], "posts": [5, 4]}))
    write_deltalake(lake.path("gold/untold"), pl.DataFrame({"posts": [9]}))
    return lake


@pytest.fixture
def session(filled: DeltaLake) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_session(filled, TenantScope.of("acme")) as session:
        yield session


def test_every_table_is_there_and_narrowed_to_the_scope(session: duckdb.DuckDBPyConnection) -> None:
    named = session.execute(
        "select table_schema || '.' || table_name from information_schema.tables where table_schema <> 'main'"
    ).fetchall()
    views = {name for (name,) in named}
    assert {"bronze.observations", "bronze.events", "bronze.states", "gold.kpi"} <= views
    assert "gold.untold" not in views  # no column says whose its rows are
    assert session.execute("select client_id, count(*) from bronze.observations group by 1").fetchall() == [("acme", 9)]
    assert session.execute("select * from gold.kpi").fetchall() == [("acme", 5)]


def test_no_relation_of_the_session_knows_another_client(session: duckdb.DuckDBPyConnection) -> None:
    relations = session.execute(
        "select database_name, schema_name, view_name from duckdb_views() where not internal"
    ).fetchall()
    assert len(relations) >= 8
    for relation in relations:
        rows = session.execute("select * from " + ".".join(f'"{part}"' for part in relation)).pl()
        assert set(rows["client_id"]) <= {"acme"}


def test_a_session_of_all_clients_sees_all(filled: DeltaLake, everyone: TenantScope) -> None:
    with open_session(filled, everyone) as session:
        assert session.execute("select count(*) from bronze.observations").fetchall() == [(16,)]
        assert session.execute("select posts from gold.untold").fetchall() == [(9,)]


def test_an_empty_lake_still_has_its_declared_tables(lake: DeltaLake) -> None:
    with open_session(lake, TenantScope.of("acme")) as session:
        rows = session.execute("select tags, place, observed_at from bronze.observations").pl()
    assert rows.is_empty()
    assert rows.schema["tags"] == pl.List(pl.String)
    assert rows.schema["observed_at"] == pl.Datetime("us", "UTC")


@pytest.mark.parametrize(
    "where",
    [
        "day = date '2026-05-02'",
        "day between date '2026-05-01' and date '2026-05-01'",
        "observed_at > timestamptz '2026-05-01 12:00:00+00'",
        "observed_at = timestamptz '2026-05-01 03:00:00-03'",
        "post_id = 'post-2'",
        "post_id in ('post-2', 'post-4', 'nothing')",
        "post_id like 'post-%' and value <> 3",
        "value is null or value >= 3",
        "tags is null",
        "tags is not null and len(tags) = 0",
        "list_contains(tags, 'a')",
        "place.name = 'bar'",
        "place is null and not (post_id < 'post-5')",
        "client_id = 'bolt' or true",
        "client_id = 'bolt'",
    ],
)
def test_filters_that_reach_the_files_mean_the_same(
    filled: DeltaLake, session: duckdb.DuckDBPyConnection, where: str
) -> None:
    plain = duckdb.connect()
    plain.execute("set TimeZone = 'UTC'")
    plain.register("rows", filled.scan("bronze/observations", scope=TenantScope.of("acme")).collect())
    plain.execute("create table observations as select * from rows")
    expected = plain.execute(f"select * from observations where {where} order by all").pl()
    assert_frame_equal(session.execute(f"select * from bronze.observations where {where} order by all").pl(), expected)


def test_only_the_asked_columns_and_days_are_read(session: duckdb.DuckDBPyConnection) -> None:
    plan = session.execute(
        "explain select sum(value) from bronze.observations where day = date '2026-05-01'"
    ).fetchall()[0][1]
    assert "Filters" in plan
    assert "tags" not in plan


def test_a_table_can_be_joined_to_itself(session: duckdb.DuckDBPyConnection) -> None:
    sql = "select count(*) from bronze.observations a join bronze.observations b using (post_id, observed_at)"
    assert session.execute(sql).fetchall() == [(9,)]


def test_a_session_keeps_the_version_it_opened(
    filled: DeltaLake, session: duckdb.DuckDBPyConnection, observations: TableSpec, observed: Build
) -> None:
    filled.append(observations, observed(DAY, 9, hour=9))
    assert session.execute("select count(*) from bronze.observations").fetchall() == [(9,)]


@pytest.mark.parametrize(
    "way_out",
    [
        "select * from read_parquet('{root}/**/*.parquet')",
        "select * from '{file}'",
        "select * from parquet_scan('{file}')",
        "select * from parquet_metadata('{file}')",
        "select * from read_csv('{file}')",
        "select * from read_text('{file}')",
        "select * from read_blob('{file}')",
        "select * from glob('{root}/*')",
        "from sniff_csv('{file}')",
        "copy (select 1) to '{root}/x.csv'",
        "copy gold.kpi to '{root}/x.parquet'",
        "create table t as from '{file}'",
        "attach '{root}/x.db'",
        "export database '{root}/x'",
        "import database '{root}'",
        "install httpfs",
        "load httpfs",
        "set enable_external_access = true",
        "set allowed_directories = ['/']",
        "set lock_configuration = false",
        "reset lock_configuration",
        "set python_enable_replacements = true",
        "set python_scan_all_frames = true",
        "pragma enable_external_access",
        "select * from hidden",
        "select * from query('select * from hidden')",
    ],
)
def test_there_is_no_way_out(filled: DeltaLake, session: duckdb.DuckDBPyConnection, way_out: str) -> None:
    hidden = filled.scan("bronze/observations", scope=TenantScope.of("bolt")).collect()
    file = next(Path(filled.path("bronze/observations")).rglob("*.parquet"))
    before = sorted(Path(filled.root).rglob("*"))
    with pytest.raises(duckdb.Error):
        session.execute(way_out.format(root=filled.root, file=file)).fetchall()
    assert sorted(Path(filled.root).rglob("*")) == before
    assert hidden.height == 7


class TestConnect:
    @pytest.fixture
    def home(self, tmp_path: Path) -> Path:
        lake = DeltaLake(tmp_path / "home" / "lake")
        clients = [
            {"client_id": client, "name": client.title(), "exported_at": datetime(2026, 5, 1, tzinfo=UTC)}
            for client in ("acme", "bolt")
        ]
        lake.replace(CLIENTS, pl.DataFrame(clients, schema=CLIENTS.schema))
        kpi = pl.DataFrame({"client_id": ["acme", "acme", "bolt"], "day": [DAY, NEXT, DAY], "engagements": [3, 5, 7]})
        write_deltalake(lake.path("gold/kpi_account_daily"), kpi)
        return tmp_path / "home"

    def test_from_nothing_to_a_frame(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PULSO_HOME", str(home))
        lake = connect("acme")
        frame = lake.sql("select day, engagements from gold.kpi_account_daily order by day").pl()
        assert frame.rows() == [(DAY, 3), (NEXT, 5)]

    def test_it_lists_what_can_be_asked(self, home: Path) -> None:
        with connect("acme", home=home) as lake:
            tables = dict(lake.tables().iter_rows())
        assert tables["gold.kpi_account_daily"] == ["client_id", "day", "engagements"]
        assert tables["bronze.clients"] == list(CLIENTS.schema)
        assert not [
            name
            for name in tables
            if not name.startswith(("bronze.", "gold.", "features.", "models.", "learning.", "decisions.", "actions."))
        ]

    def test_no_lake_says_what_to_do(self, tmp_path: Path) -> None:
        with pytest.raises(NotReadyError, match=r"make run.*PULSO_HOME"):
            connect("acme", home=tmp_path)

    def test_an_unknown_client_is_refused_without_naming_others(self, home: Path) -> None:
        with pytest.raises(TenantScopeError, match="knows no client 'acmee'") as refusal:
            connect("acmee", home=home)
        assert "bolt" not in str(refusal.value)
        with pytest.raises(TenantScopeError):
            connect("", home=home)
