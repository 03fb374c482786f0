"""A table's commits, and what differs between versions."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from deltalake import write_deltalake

from contracts.errors import NotReadyError, PulsoError, TenantScopeError
from contracts.scope import TenantScope
from contracts.tables import TableSpec
from lakehouse import DeltaLake
from lakehouse.history import HISTORY, diff, history
from lakehouse.maintenance import compact

DAY, NEXT = date(2026, 5, 1), date(2026, 5, 2)
Build = Callable[..., pl.DataFrame]


def test_history_tells_what_each_commit_did(lake: DeltaLake, events: TableSpec, happened: Build) -> None:
    started = datetime.now(UTC) - timedelta(milliseconds=1)
    lake.append(events, happened({"a": (DAY, 1), "b": (DAY, 2)}))
    lake.merge(events, happened({"a": (DAY, 10), "c": (NEXT, 3)}))
    lake.replace_partition(events, happened({"d": (DAY, 4)}), day=DAY)
    lake.replace(events, happened({"e": (DAY, 5)}))
    told = history(lake, "bronze/events")
    assert told.schema == HISTORY
    assert told.select("version", "operation", "rows_inserted", "rows_updated").rows() == [
        (4, "replace", 1, 0),
        (3, "replace day=2026-05-01", 1, 0),
        (2, "merge", 1, 1),
        (1, "append", 2, 0),
        (0, "create", None, None),
    ]
    assert told["committed_at"].is_between(started, datetime.now(UTC)).all()
    assert history(lake, events, limit=2)["version"].to_list() == [4, 3]


def test_history_of_commits_that_others_made(lake: DeltaLake) -> None:
    write_deltalake(lake.path("gold/kpi"), pl.DataFrame({"client_id": ["acme"]}))
    assert history(lake, "gold/kpi").select("operation", "rows_inserted", "files_added").rows()[0][1:] == (1, 1)


def test_history_of_nothing_says_so(lake: DeltaLake, events: TableSpec) -> None:
    with pytest.raises(NotReadyError, match="bronze/events is not in the lake"):
        history(lake, events)


def test_diff_tells_rows_by_key(lake: DeltaLake, events: TableSpec, happened: Build, everyone: TenantScope) -> None:
    lake.append(events, happened({"a": (DAY, 1), "b": (DAY, None), "c": (NEXT, 3), "same": (DAY, 7)}))
    lake.merge(events, happened({"a": (NEXT, 2), "b": (DAY, 0), "d": (DAY, 4)}))
    lake.replace_partition(events, happened({"a": (NEXT, 2)}), day=NEXT)
    told = diff(lake, events, old=1, scope=everyone)
    assert (told.old_version, told.new_version) == (1, 3)
    rows = {key: (change, sorted(columns)) for key, change, columns in told.rows.iter_rows()}
    assert rows == {
        "a": ("changed", ["day", "value"]),
        "b": ("changed", ["value"]),
        "c": ("removed", []),
        "d": ("added", []),
    }
    assert (told.count("added"), told.count("removed"), told.count("changed")) == (1, 1, 2)
    assert told.columns.is_empty()


def test_diff_backwards_swaps_added_and_removed(
    lake: DeltaLake, events: TableSpec, happened: Build, everyone: TenantScope
) -> None:
    lake.append(events, happened({"a": (DAY, 1)}))
    lake.append(events, happened({"b": (DAY, 1)}))
    told = diff(lake, events, old=2, new=1, scope=everyone)
    assert told.rows.rows() == [("b", "removed", [])]


def test_compaction_changes_no_row(lake: DeltaLake, events: TableSpec, happened: Build, everyone: TenantScope) -> None:
    for key in "abc":
        lake.append(events, happened({key: (DAY, 1)}))
    assert compact(lake)["files_removed"].to_list() == [3]
    assert diff(lake, events, old=3, scope=everyone).rows.is_empty()


def test_diff_compares_nested_columns(
    lake: DeltaLake, observations: TableSpec, observed: Build, everyone: TenantScope
) -> None:
    lake.append(observations, observed(DAY, 4))
    lake.merge(observations, observed(DAY, 4).with_columns(tags=pl.lit(["new"])))
    told = diff(lake, observations, old=1, scope=everyone)
    assert told.rows["changed_columns"].to_list() == [["tags"]] * 4


def test_diff_tells_columns(lake: DeltaLake, observations: TableSpec, observed: Build, everyone: TenantScope) -> None:
    lake.append(observations, observed(DAY, 2))
    schema = {**observations.schema, "mood": pl.String, "value": pl.Float64}
    lake.replace(replace(observations, schema=pl.Schema(schema)), observed(DAY, 2).with_columns(mood=pl.lit("good")))
    told = diff(lake, observations, old=1, scope=everyone)
    assert told.columns.sort("column").rows() == [
        ("mood", "added", None, "String"),
        ("value", "retyped", "Int64", "Float64"),
    ]
    assert told.rows.is_empty()


def test_diff_stays_in_its_scope(lake: DeltaLake, observations: TableSpec, observed: Build) -> None:
    lake.append(observations, observed(DAY, 4))
    lake.append(observations, observed(NEXT, 4))
    told = diff(lake, observations, old=1, scope=TenantScope.of("acme"))
    assert sorted(told.rows["post_id"]) == ["post-0", "post-2"]


def test_tables_without_declared_keys_are_compared_row_by_row(lake: DeltaLake, everyone: TenantScope) -> None:
    path = lake.path("gold/kpi")
    for posts in (1, 2):
        write_deltalake(path, pl.DataFrame({"client_id": ["acme", "bolt"], "posts": [posts, 5]}), mode="overwrite")
    assert diff(lake, "gold/kpi", old=0, scope=everyone).rows.select("client_id", "posts", "change").sort(
        "change"
    ).rows() == [
        ("acme", 2, "added"),
        ("acme", 1, "removed"),
    ]
    by_key = diff(lake, "gold/kpi", old=0, scope=everyone, keys=["client_id"])
    assert by_key.rows.rows() == [("acme", "changed", ["posts"])]
    with pytest.raises(PulsoError, match="nope can't be a key"):
        diff(lake, "gold/kpi", old=0, scope=everyone, keys=["nope"])


def test_diff_of_an_unscoped_table_is_refused_to_named_clients(lake: DeltaLake) -> None:
    write_deltalake(lake.path("gold/odd"), pl.DataFrame({"secret": [1]}))
    with pytest.raises(TenantScopeError):
        diff(lake, "gold/odd", old=0, scope=TenantScope.of("acme"))
    with pytest.raises(NotReadyError):
        diff(lake, "gold/none", old=0, scope=TenantScope.of("acme"))
