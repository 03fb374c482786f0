"""The as-of join by hand: two times, what is overtaken, and time to live, through Feast's own interface.

Feast is imported inside functions: it takes seconds, and each of pytest's workers imports this file.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import polars as pl
import pytest

if TYPE_CHECKING:
    import feast

START = datetime(2026, 3, 2, tzinfo=UTC)


def at(days: float) -> datetime:
    return START + timedelta(days=days)


def store_of(
    folder: Path, rows: list[tuple[str, float, float, int]], *, ttl: timedelta = timedelta(0), name: str = "it's"
) -> "feast.FeatureStore":
    """A Feast store with one view over rows of key, day of the event, day of becoming known, and value."""
    import feast
    from feast.types import Int64, String

    frame = pl.DataFrame(
        [(key, at(happened), at(known), value) for key, happened, known, value in rows],
        schema={
            "key": pl.String,
            "happened": pl.Datetime("us", "UTC"),
            "known": pl.Datetime("us", "UTC"),
            "value": pl.Int64,
        },
        orient="row",
    )
    frame.write_parquet(folder / f"{name}.parquet")
    key = feast.Entity(name="thing", join_keys=["key"], value_type=feast.ValueType.STRING)
    view = feast.FeatureView(
        name="values",
        entities=[key],
        ttl=ttl,
        schema=[feast.Field(name="key", dtype=String), feast.Field(name="value", dtype=Int64)],
        source=feast.FileSource(
            name="rows", path=f"{name}.parquet", timestamp_field="happened", created_timestamp_column="known"
        ),
    )
    store = feast.FeatureStore(
        config=feast.RepoConfig(
            project="by_hand",
            provider="local",
            registry=str(folder / "registry.db"),
            offline_store={"type": "feature_store.as_of.AsOfOfflineStore"},
            online_store={"type": "sqlite", "path": str(folder / "online.db")},
            materialization={"pull_latest_features": True},
            entity_key_serialization_version=3,
            repo_path=folder,
        )
    )
    store.apply([key, view])
    return store


def seen(store: "feast.FeatureStore", *days: float, key: str = "a") -> list[int | None]:
    """The value on each day, in the order of asking; the days at which it was known are never later."""
    asking = pd.DataFrame({"key": key, "event_timestamp": [at(day) for day in days], "note": range(len(days))})
    found = store.get_historical_features(entity_df=asking, features=["values:value"]).to_arrow()
    rows = pl.DataFrame(pl.from_arrow(found))
    assert rows["note"].to_list() == list(range(len(days)))
    assert (rows["values_known_at"] <= rows["event_timestamp"]).drop_nulls().all()
    return rows["value"].to_list()


def online(store: "feast.FeatureStore", day: float) -> int | None:
    """The value that is put online on a day."""
    store.materialize(at(-1000), at(day))
    value: int | None = store.get_online_features(["values:value"], [{"key": "a"}]).to_dict()["value"][0]
    return value


def test_the_newest_value_at_or_before_the_moment(tmp_path: Path) -> None:
    store = store_of(tmp_path, [("a", 1, 1, 10), ("a", 2, 2, 20), ("b", 1.5, 1.5, 99)])
    assert seen(store, 2.5, 0.9, 1, 1.9, 2) == [20, None, 10, 10, 20]
    assert seen(store, 1.4, 1.6, key="b") == [None, 99]
    assert seen(store, 5, key="c") == [None]


def test_what_became_known_late_is_seen_from_then_on(tmp_path: Path) -> None:
    store = store_of(tmp_path, [("a", 1, 1, 10), ("a", 2, 4, 20), ("a", 3, 4.5, 30)])
    assert seen(store, 2.5, 3.9, 4, 4.4, 4.5) == [10, 10, 20, 20, 30]
    assert [online(store, day) for day in (2.5, 3.9, 4.1, 4.6)] == [10, 10, 20, 30]


def test_what_is_overtaken_when_it_becomes_known_is_never_seen(tmp_path: Path) -> None:
    store = store_of(tmp_path, [("a", 3, 3, 30), ("a", 1, 5, 10)])
    assert seen(store, 2, 4, 6) == [None, 30, 30]
    assert online(store, 6) == 30


def test_a_correction_of_the_same_event_replaces_it_once_it_is_known(tmp_path: Path) -> None:
    store = store_of(tmp_path, [("a", 1, 1, 10), ("a", 1, 3, 11), ("a", 2, 2, 20), ("a", 2, 6, 21)])
    assert seen(store, 1.5, 2.5, 3.5, 6.5) == [10, 20, 20, 21]


def test_what_is_known_before_it_happened_counts_from_when_it_happens(tmp_path: Path) -> None:
    store = store_of(tmp_path, [("a", 1, 1, 10), ("a", 5, 2, 50)])
    assert seen(store, 2.5, 5) == [10, 50]


def test_two_values_known_at_one_moment_the_later_event_wins(tmp_path: Path) -> None:
    store = store_of(tmp_path, [("a", 2, 4, 20), ("a", 3, 4, 30), ("a", 1, 4, 10)])
    assert seen(store, 3.9, 4) == [None, 30]


def test_a_value_outlives_its_time_to_live_by_nothing(tmp_path: Path) -> None:
    store = store_of(tmp_path, [("a", 1, 1, 10)], ttl=timedelta(days=2))
    assert seen(store, 2, 3, 3.0001) == [10, 10, None]


def test_the_same_question_twice_is_answered_twice(tmp_path: Path) -> None:
    assert seen(store_of(tmp_path, [("a", 1, 1, 10)]), 2, 2, 2) == [10, 10, 10]


@pytest.mark.parametrize("filtering", [True, False])
def test_no_caller_can_ask_for_what_was_not_known(tmp_path: Path, filtering: bool) -> None:
    store = store_of(tmp_path, [("a", 1, 9, 10)])
    asking = pd.DataFrame({"key": ["a"], "event_timestamp": [at(5)]})
    found = store.get_historical_features(asking, ["values:value"], filter_by_created_timestamp=filtering)
    assert found.to_df()["value"].isna().all()
