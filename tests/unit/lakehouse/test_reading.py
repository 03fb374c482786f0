"""Scans: empty states, tenant scope, versions, declared columns."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake
from polars.testing import assert_frame_equal

from contracts import tables
from contracts.errors import NotReadyError, PulsoError, TenantScopeError
from contracts.ports import Lake
from contracts.scope import TenantScope
from contracts.tables import TableSpec
from lakehouse import DeltaLake

DAY, NEXT = date(2026, 5, 1), date(2026, 5, 2)
Build = Callable[..., pl.DataFrame]


def test_it_is_the_port(tmp_path: Path) -> None:
    lake: Lake = DeltaLake(tmp_path)
    assert lake.version(tables.POSTS) is None


def test_a_table_never_written_is_empty_with_its_declared_columns(lake: DeltaLake, observations: TableSpec) -> None:
    rows = lake.scan(observations, scope=TenantScope.of("acme")).collect()
    assert rows.schema == observations.schema
    assert rows.is_empty()
    assert lake.tables() == ()
    assert not Path(lake.root).exists()  # reading makes no folder


@pytest.mark.parametrize("key", ["bronze/observations", "bronze/quarantined_observations"])
def test_a_declared_table_and_its_quarantine_can_be_named_by_key(lake: DeltaLake, key: str) -> None:
    assert lake.scan(key, scope=TenantScope.of("acme")).collect().is_empty()


def test_an_undeclared_table_that_is_not_there_says_what_to_do(lake: DeltaLake) -> None:
    with pytest.raises(NotReadyError, match="gold/fct_posts is not in the lake"):
        lake.scan("gold/fct_posts", scope=TenantScope.of("acme"))


def test_nested_values_come_back_as_written(
    lake: DeltaLake, observations: TableSpec, observed: Build, everyone: TenantScope
) -> None:
    frame = observed(DAY, 8)
    lake.append(observations, frame)
    read = lake.scan(observations, scope=everyone).collect()
    assert_frame_equal(read, frame, check_row_order=False)


def test_a_scope_sees_only_its_clients(lake: DeltaLake, observations: TableSpec, observed: Build) -> None:
    lake.append(observations, observed(DAY, 5))
    seen = {
        scope: lake.scan(observations, scope=TenantScope.of(*scope)).collect()["client_id"].to_list()
        for scope in [("acme",), ("bolt",), ("acme", "bolt"), ("nobody",)]
    }
    assert {scope: sorted(set(clients)) for scope, clients in seen.items()} == {
        ("acme",): ["acme"],
        ("bolt",): ["bolt"],
        ("acme", "bolt"): ["acme", "bolt"],
        ("nobody",): [],
    }
    assert [len(clients) for clients in seen.values()] == [3, 2, 5, 0]


def test_scope_and_day_reach_the_files(lake: DeltaLake, observations: TableSpec, observed: Build) -> None:
    for day in (DAY, NEXT):
        lake.append(observations, observed(day, 4))
    plan = lake.scan(observations, scope=TenantScope.of("acme")).filter(pl.col("day") == NEXT).explain()
    assert "SELECTION" in plan
    assert "client_id" in plan
    assert "day=2026-05-02" in plan
    assert "day=2026-05-01" not in plan


def test_a_shared_table_is_seen_by_every_client(tmp_path: Path) -> None:
    lake = DeltaLake(tmp_path)
    row = dict.fromkeys(tables.COMPETITOR_POSTS.schema) | {
        "competitor_post_id": "c:1",
        "observed_at": datetime(2026, 5, 1, tzinfo=UTC),
        "day": DAY,
    }
    lake.append(tables.COMPETITOR_POSTS, pl.DataFrame([row], schema=tables.COMPETITOR_POSTS.schema))
    assert lake.scan("bronze/competitor_posts", scope=TenantScope.of("acme")).collect().height == 1


def test_a_shared_table_with_personal_columns_is_for_operators_only(lake: DeltaLake, everyone: TenantScope) -> None:
    rejected = tables.QUARANTINED_IMPORTS
    assert lake.scan(rejected, scope=everyone).collect().is_empty()
    with pytest.raises(TenantScopeError, match="bronze/quarantined_imports"):
        lake.scan(rejected, scope=TenantScope.of("acme"))


def test_a_table_without_a_tenant_column_is_refused_to_named_clients(lake: DeltaLake, everyone: TenantScope) -> None:
    write_deltalake(lake.path("gold/odd"), pl.DataFrame({"secret": [1]}))
    with pytest.raises(TenantScopeError, match="gold/odd has no column"):
        lake.scan("gold/odd", scope=TenantScope.of("acme"))
    assert lake.scan("gold/odd", scope=everyone).collect().height == 1


def test_a_declaration_without_tenant_or_reason_is_refused(lake: DeltaLake, states: TableSpec) -> None:
    with pytest.raises(TenantScopeError, match="bronze/states"):
        lake.scan(replace(states, tenant_column=None), scope=TenantScope.of("acme"))


def test_a_gold_table_is_narrowed_by_client_id(lake: DeltaLake) -> None:
    write_deltalake(lake.path("gold/kpi"), pl.DataFrame({"client_id": ["acme", "bolt", None], "posts": [1, 2, 3]}))
    assert lake.scan("gold/kpi", scope=TenantScope.of("acme")).collect()["posts"].to_list() == [1]
    assert lake.tables() == ("gold/kpi",)


def test_a_version_and_a_moment_can_be_read_again(
    lake: DeltaLake, observations: TableSpec, observed: Build, everyone: TenantScope
) -> None:
    before = datetime.now(UTC)
    first = lake.append(observations, observed(DAY, 3)).version
    between = datetime.now(UTC)
    assert lake.replace_partition(observations, observed(DAY, 5), day=DAY).version == first + 1

    def rows(**when: object) -> int:
        return lake.scan(observations, scope=everyone, **when).collect().height  # type: ignore[arg-type]

    assert rows() == rows(version=first + 1) == rows(as_of=datetime.now(UTC)) == 5
    assert rows(version=first) == rows(as_of=between) == 3
    assert rows(as_of=between.astimezone(timezone(timedelta(hours=-3)))) == 3
    assert rows(as_of=before - timedelta(seconds=1)) == 0  # declared, but not there yet


def test_a_scan_stays_at_its_version(
    lake: DeltaLake, observations: TableSpec, observed: Build, everyone: TenantScope
) -> None:
    lake.append(observations, observed(DAY, 3))
    rows = lake.scan(observations, scope=everyone)
    lake.replace_partition(observations, observed(DAY, 5), day=DAY)
    assert rows.collect().height == 3


def test_a_moment_before_the_kept_log_is_refused_rather_than_empty(
    lake: DeltaLake, observations: TableSpec, observed: Build, everyone: TenantScope
) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    for hour in range(3):
        lake.append(observations, observed(DAY, 2, hour=hour))
    DeltaTable(lake.path(observations)).create_checkpoint()
    for version in range(3):  # what Delta does to a log that is older than its retention
        (Path(lake.path(observations)) / "_delta_log" / f"{version:020}.json").unlink()
    assert lake.scan(observations, scope=everyone, as_of=datetime.now(UTC)).collect().height == 6
    with pytest.raises(NotReadyError, match="nothing is known of"):
        lake.scan(observations, scope=everyone, as_of=before)
    with pytest.raises(NotReadyError, match="version 1 is no longer in the log"):
        lake.scan(observations, scope=everyone, version=1)


@pytest.mark.parametrize("version", [-1, 2, 99])
def test_a_version_that_is_not_there_names_the_newest(
    lake: DeltaLake, observations: TableSpec, observed: Build, everyone: TenantScope, version: int
) -> None:
    lake.append(observations, observed(DAY, 3))
    with pytest.raises(NotReadyError, match=f"no version {version}; the newest is 1"):
        lake.scan(observations, scope=everyone, version=version)


def test_ambiguous_times_are_refused(
    lake: DeltaLake, observations: TableSpec, observed: Build, everyone: TenantScope
) -> None:
    lake.append(observations, observed(DAY, 1))
    with pytest.raises(ValueError, match="time zone"):
        lake.scan(observations, scope=everyone, as_of=datetime(2026, 5, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="not for both"):
        lake.scan(observations, scope=everyone, version=1, as_of=datetime.now(UTC))


def test_columns_declared_later_read_as_null_before_and_after_the_first_write(
    lake: DeltaLake, observations: TableSpec, observed: Build, everyone: TenantScope
) -> None:
    lake.append(observations, observed(DAY, 2))
    wider = replace(observations, schema=pl.Schema({**observations.schema, "mood": pl.String, "n": pl.List(pl.Int64)}))
    assert lake.scan(wider, scope=everyone).collect()["mood"].to_list() == [None, None]

    lake.append(wider, observed(NEXT, 1).with_columns(mood=pl.lit("good"), n=pl.lit([1])))
    read = lake.scan(wider, scope=everyone).sort("day", "post_id").collect()
    assert read.schema == wider.schema
    assert read["mood"].to_list() == [None, None, "good"]
    assert read["n"].to_list() == [None, None, [1]]


def test_columns_declared_no_more_are_kept_but_not_shown(
    lake: DeltaLake, observations: TableSpec, observed: Build, everyone: TenantScope
) -> None:
    lake.append(observations, observed(DAY, 2, value=7))
    schema = {name: dtype for name, dtype in observations.schema.items() if name != "value"}
    narrower = replace(observations, schema=pl.Schema(schema))
    lake.merge(narrower, observed(DAY, 3).drop("value").with_columns(client_id=pl.lit("core")))
    assert lake.scan(narrower, scope=everyone).collect_schema() == narrower.schema
    stored = DeltaTable(lake.path(observations)).schema().fields
    assert "value" in [field.name for field in stored]


@pytest.mark.parametrize("folder", ["my documents", "José", "o'hara", "a#b?c"])
def test_a_home_with_unusual_characters_works(
    tmp_path: Path, observations: TableSpec, observed: Build, everyone: TenantScope, folder: str
) -> None:
    lake = DeltaLake(tmp_path / folder / "lake")
    lake.append(observations, observed(DAY, 3))
    lake.merge(observations, observed(DAY, 4))
    assert lake.scan(observations, scope=everyone).collect().height == 4


@pytest.mark.parametrize("folder", ["a[1]", "50%20", "k=v", "a|b", "a^b"])
def test_a_home_that_no_engine_could_find_again_is_refused(tmp_path: Path, folder: str) -> None:
    with pytest.raises(PulsoError, match="Move PULSO_HOME"):
        DeltaLake(tmp_path / folder)


@pytest.mark.parametrize("property_", ["delta.enableDeletionVectors", "delta.columnMapping.mode"])
def test_a_table_whose_files_are_not_the_truth_is_refused(
    lake: DeltaLake, states: TableSpec, everyone: TenantScope, property_: str
) -> None:
    value = "name" if property_.endswith("mode") else "true"
    DeltaTable.create(lake.path(states), states.schema, configuration={property_: value})
    with pytest.raises(PulsoError, match="can't be read directly"):
        lake.scan(states, scope=everyone)
    with pytest.raises(PulsoError, match="can't be read directly"):
        lake.view_sql("states", states)
