"""Appends, merges and replacements: what they keep, what they change, what they refuse."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from contracts import tables
from contracts.errors import CollapseError, PulsoError, SchemaMismatchError
from contracts.scope import TenantScope
from contracts.tables import TableSpec
from lakehouse import DeltaLake
from lakehouse.collapse import CollapseGuard

DAY, NEXT, THIRD = date(2026, 5, 1), date(2026, 5, 2), date(2026, 5, 3)
Build = Callable[..., pl.DataFrame]


@pytest.fixture
def values(
    lake: DeltaLake, events: TableSpec, everyone: TenantScope
) -> Callable[[], dict[str, tuple[date, int | None]]]:
    """What the events table holds now; fails on a key that is there twice."""

    def read() -> dict[str, tuple[date, int | None]]:
        rows = lake.scan(events, scope=everyone).collect()
        assert rows["event_id"].is_unique().all()
        return {row["event_id"]: (row["day"], row["value"]) for row in rows.iter_rows(named=True)}

    return read


class TestAppend:
    def test_rows_whose_key_is_there_are_left_as_they_are(
        self, lake: DeltaLake, events: TableSpec, happened: Build, values: Callable
    ) -> None:
        first = lake.append(events, happened({"a": (DAY, 1), "b": (DAY, 2)}))
        again = lake.append(events, happened({"b": (DAY, 99), "c": (NEXT, 3)}))
        assert (first.rows, first.inserted, first.updated) == (2, 2, 0)
        assert (again.rows, again.inserted) == (2, 1)
        assert values() == {"a": (DAY, 1), "b": (DAY, 2), "c": (NEXT, 3)}

    def test_a_key_known_on_another_day_is_not_added_again(
        self, lake: DeltaLake, events: TableSpec, happened: Build, values: Callable
    ) -> None:
        lake.append(events, happened({"a": (DAY, 1)}))
        assert lake.append(events, happened({"a": (NEXT, 2)})).inserted == 0
        assert values() == {"a": (DAY, 1)}

    def test_an_observation_of_each_moment_is_kept(
        self, lake: DeltaLake, observations: TableSpec, observed: Build, everyone: TenantScope
    ) -> None:
        for hour in (6, 7, 6):
            lake.append(observations, observed(DAY, 3, hour=hour))
        assert lake.scan(observations, scope=everyone).collect().height == 6

    def test_running_again_makes_no_version(self, lake: DeltaLake, observations: TableSpec, observed: Build) -> None:
        version = lake.append(observations, observed(DAY, 3)).version
        assert lake.append(observations, observed(DAY, 3)).version == version == lake.version(observations)

    def test_the_first_of_a_repeated_key_counts(
        self, lake: DeltaLake, events: TableSpec, happened: Build, values: Callable
    ) -> None:
        frame = pl.concat([happened({"a": (DAY, 1)}), happened({"a": (DAY, 2)})])
        assert lake.append(events, frame).inserted == 1
        assert values() == {"a": (DAY, 1)}


class TestMerge:
    def test_new_keys_are_inserted_and_known_ones_updated_where_they_are(
        self, lake: DeltaLake, events: TableSpec, happened: Build, values: Callable
    ) -> None:
        lake.append(events, happened({"a": (DAY, 1), "b": (DAY, 2), "c": (NEXT, 3), "d": (THIRD, 4)}))
        result = lake.merge(events, happened({"a": (DAY, None), "b": (DAY, 2), "c": (DAY, 30), "e": (NEXT, 5)}))
        assert (result.rows, result.inserted, result.updated) == (4, 1, 2)
        assert values() == {
            "a": (DAY, None),
            "b": (DAY, 2),
            "c": (DAY, 30),
            "d": (THIRD, 4),
            "e": (NEXT, 5),
        }

    def test_running_again_makes_no_version(self, lake: DeltaLake, observations: TableSpec, observed: Build) -> None:
        version = lake.merge(observations, observed(DAY, 8)).version
        again = lake.merge(observations, observed(DAY, 8))
        assert (again.version, again.inserted, again.updated) == (version, 0, 0)

    def test_days_without_a_change_keep_their_files(
        self, lake: DeltaLake, observations: TableSpec, observed: Build
    ) -> None:
        lake.append(observations, pl.concat([observed(DAY, 3), observed(NEXT, 3)]))
        untouched = [file for file in _files(lake, observations) if f"day={DAY}" in file]
        lake.merge(observations, pl.concat([observed(DAY, 3), observed(NEXT, 3, value=2)]))
        assert [file for file in _files(lake, observations) if f"day={DAY}" in file] == untouched

    def test_a_table_without_partitions(self, lake: DeltaLake, states: TableSpec, everyone: TenantScope) -> None:
        lake.merge(states, pl.DataFrame({"client_id": ["acme", "bolt"], "name": ["Acme", None]}))
        result = lake.merge(states, pl.DataFrame({"client_id": ["bolt", "core"], "name": ["Bolt", "Core"]}))
        assert (result.inserted, result.updated) == (1, 1)
        assert lake.scan(states, scope=everyone).sort("client_id").collect()["name"].to_list() == [
            "Acme",
            "Bolt",
            "Core",
        ]

    def test_nested_columns_are_compared(
        self, lake: DeltaLake, observations: TableSpec, observed: Build, everyone: TenantScope
    ) -> None:
        lake.append(observations, observed(DAY, 4))
        changed = observed(DAY, 4).with_columns(
            tags=pl.when(pl.col("post_id") == "post-3").then(pl.lit(["z"])).otherwise("tags"),
            place=pl.when(pl.col("post_id") == "post-1").then(None).otherwise("place"),
        )
        assert lake.merge(observations, changed).updated == 2
        assert_frame_equal(lake.scan(observations, scope=everyone).collect(), changed, check_row_order=False)

    def test_two_rows_for_one_key_are_refused(self, lake: DeltaLake, events: TableSpec, happened: Build) -> None:
        with pytest.raises(SchemaMismatchError, match="1 rows repeat a key"):
            lake.merge(events, pl.concat([happened({"a": (DAY, 1)}), happened({"a": (DAY, 2)})]))
        assert lake.version(events) is None


class TestReplace:
    def test_one_day_is_replaced_and_others_stay(
        self, lake: DeltaLake, events: TableSpec, happened: Build, values: Callable
    ) -> None:
        lake.append(events, happened({"a": (DAY, 1), "b": (NEXT, 2)}))
        result = lake.replace_partition(events, happened({"c": (DAY, 3), "d": (DAY, 4)}), day=DAY)
        assert (result.rows, result.inserted, result.updated) == (2, 2, 0)
        assert values() == {"b": (NEXT, 2), "c": (DAY, 3), "d": (DAY, 4)}

    def test_a_day_can_become_empty(
        self, lake: DeltaLake, events: TableSpec, happened: Build, values: Callable
    ) -> None:
        lake.append(events, happened({"a": (DAY, 1), "b": (NEXT, 2)}))
        lake.replace_partition(events, pl.DataFrame(), day=DAY)
        assert values() == {"b": (NEXT, 2)}

    def test_rows_of_another_day_are_refused(self, lake: DeltaLake, events: TableSpec, happened: Build) -> None:
        with pytest.raises(SchemaMismatchError, match="1 of 2 rows are of another day than 2026-05-01"):
            lake.replace_partition(events, happened({"a": (DAY, 1), "b": (NEXT, 2)}), day=DAY)

    def test_a_table_without_partitions_has_no_day(self, lake: DeltaLake, states: TableSpec) -> None:
        with pytest.raises(PulsoError, match=r"use replace\(\)"):
            lake.replace_partition(states, states.schema.to_frame(), day=DAY)

    def test_the_whole_table_is_replaced(
        self, lake: DeltaLake, events: TableSpec, happened: Build, values: Callable
    ) -> None:
        lake.append(events, happened({"a": (DAY, 1), "b": (NEXT, 2)}))
        lake.replace(events, happened({"c": (THIRD, 3)}))
        assert values() == {"c": (THIRD, 3)}

    def test_replacing_the_whole_table_changes_a_columns_type(
        self, lake: DeltaLake, states: TableSpec, everyone: TenantScope
    ) -> None:
        lake.append(states, pl.DataFrame({"client_id": ["acme"], "name": ["1"]}))
        retyped = replace(states, schema=pl.Schema({"client_id": pl.String, "name": pl.Int64}))
        frame = pl.DataFrame({"client_id": ["acme"], "name": [1]})
        with pytest.raises(SchemaMismatchError, match=r"stored as String, declared Int64.*replace\(\)"):
            lake.append(retyped, frame)
        lake.replace(retyped, frame)
        assert_frame_equal(lake.scan(retyped, scope=everyone).collect(), frame)


class TestCollapse:
    def test_a_day_that_shrinks_to_less_than_half_is_not_written(
        self, lake: DeltaLake, observations: TableSpec, observed: Build, everyone: TenantScope
    ) -> None:
        version = lake.append(observations, pl.concat([observed(DAY, 40), observed(NEXT, 5)])).version
        for rows in (19, 0):
            with pytest.raises(CollapseError, match=f"{rows} rows would replace 40"):
                lake.replace_partition(observations, observed(DAY, rows), day=DAY)
        assert lake.version(observations) == version
        lake.replace_partition(observations, observed(DAY, 20), day=DAY)
        lake.replace_partition(observations, observed(DAY, 1), day=DAY, allow_collapse=True)
        assert lake.scan(observations, scope=everyone).collect().height == 6

    def test_a_table_that_shrinks_to_less_than_half_is_not_written(
        self, lake: DeltaLake, observations: TableSpec, observed: Build
    ) -> None:
        lake.append(observations, observed(DAY, 40))
        with pytest.raises(CollapseError, match="bronze/observations: 3 rows would replace 40"):
            lake.replace(observations, observed(DAY, 3))
        assert lake.replace(observations, observed(DAY, 3), allow_collapse=True).inserted == 3

    def test_small_days_come_and_go(self, lake: DeltaLake, observations: TableSpec, observed: Build) -> None:
        lake.append(observations, observed(DAY, 19))
        lake.replace_partition(observations, observed(DAY, 0), day=DAY)

    def test_the_threshold_is_the_lakes_to_choose(
        self, tmp_path: Path, observations: TableSpec, observed: Build
    ) -> None:
        strict = DeltaLake(tmp_path, guard=CollapseGuard(min_rows=1, min_ratio=1.0))
        strict.append(observations, observed(DAY, 3))
        with pytest.raises(CollapseError):
            strict.replace_partition(observations, observed(DAY, 2), day=DAY)


class TestFit:
    def test_an_empty_frame_makes_the_table(self, lake: DeltaLake, events: TableSpec, states: TableSpec) -> None:
        for table in (events, states):
            for frame in (pl.DataFrame(), table.schema.to_frame()):
                for write in (lake.append, lake.merge, lake.replace):
                    assert write(table, frame).rows == 0
        assert lake.tables() == ("bronze/events", "bronze/states")

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"extra": pl.lit(1)}, "`extra` is not declared: drop it, or declare it"),
            ({"value": pl.lit("1")}, "`value` is String, declared Int64: convert it before writing"),
            ({"value": pl.lit(1.5)}, "`value` is Float64, declared Int64"),
            ({"observed_at": pl.lit(datetime(2026, 5, 1))}, r"zone.*replace_time_zone"),  # noqa: DTZ001
            ({"observed_at": pl.lit(None, pl.Datetime("ns", "UTC"))}, r"cast_time_unit\('us'\)"),
            ({"tags": pl.lit([1])}, r"`tags` is List\(Int64\), declared List\(String\)"),
            ({"client_id": pl.lit(None, pl.String)}, "`client_id` is null in 2 of 2 rows"),
            ({"post_id": pl.lit(None)}, "`post_id` is null in 2 of 2 rows"),
            ({"day": pl.lit(None)}, "`day` is null in 2 of 2 rows"),
        ],
    )
    def test_a_misfit_is_refused_with_its_mend(
        self, lake: DeltaLake, observations: TableSpec, observed: Build, change: dict, says: str
    ) -> None:
        frame = observed(DAY, 2).with_columns(**change)
        for write in (lake.append, lake.merge, lake.replace):
            with pytest.raises(SchemaMismatchError, match=f"(?s)bronze/observations: .*{says}.*Nothing was written"):
                write(observations, frame)
        assert lake.version(observations) is None

    def test_every_fault_is_named_at_once(self, lake: DeltaLake, events: TableSpec) -> None:
        with pytest.raises(SchemaMismatchError, match=r"(?s)`x`.*`event_id` \(String\) is missing.*`value`"):
            lake.append(events, pl.DataFrame({"x": [1], "client_id": ["acme"]}))

    def test_types_that_lose_nothing_are_converted(
        self, lake: DeltaLake, observations: TableSpec, observed: Build, everyone: TenantScope
    ) -> None:
        frame = observed(DAY, 2)
        lake.append(
            observations,
            frame.select(reversed(frame.columns)).with_columns(
                pl.col("value").cast(pl.UInt32),
                pl.col("observed_at").dt.cast_time_unit("ms").dt.convert_time_zone("America/New_York"),
                pl.col("client_id").cast(pl.Categorical),
                tags=pl.lit([], pl.List(pl.Null)),
                place=pl.lit(None),
            ),
        )
        read = lake.scan(observations, scope=everyone).collect()
        expected = frame.with_columns(tags=pl.lit([], pl.List(pl.String)), place=pl.lit(None, read.schema["place"]))
        assert_frame_equal(read, expected, check_row_order=False)

    def test_an_integer_that_is_too_large_is_refused(self, lake: DeltaLake, states: TableSpec) -> None:
        small = replace(states, schema=pl.Schema({"client_id": pl.String, "name": pl.Int32}))
        with pytest.raises(SchemaMismatchError, match="does not fit"):
            lake.append(small, pl.DataFrame({"client_id": ["acme"], "name": [2**40]}))

    def test_partitions_cannot_change_in_place(self, lake: DeltaLake, events: TableSpec, happened: Build) -> None:
        lake.append(events, happened({"a": (DAY, 1)}))
        with pytest.raises(SchemaMismatchError, match="partitions can't change in place"):
            lake.append(replace(events, partition_by=None), happened({"b": (DAY, 1)}))

    def test_every_declared_table_can_be_made_and_read(self, tmp_path: Path, everyone: TenantScope) -> None:
        lake = DeltaLake(tmp_path)
        specs = {spec.key: spec for table in tables.ALL_TABLES for spec in [table.quarantine()]}
        specs.update({table.key: table for table in tables.ALL_TABLES})  # one quarantine has a declaration of its own
        for spec in specs.values():
            lake.append(spec, pl.DataFrame())
            assert lake.scan(spec.key, scope=everyone).collect().schema == spec.schema
        assert lake.tables() == tuple(sorted(specs))


class TestQuarantine:
    def test_rows_without_key_or_client_and_repeated_ones_are_kept(
        self, lake: DeltaLake, observations: TableSpec, observed: Build, everyone: TenantScope
    ) -> None:
        rows = pl.concat([observed(DAY, 2)] * 2).with_columns(
            client_id=pl.lit(None),
            post_id=pl.lit(None),
            rule=pl.lit("no client"),
            reason=pl.lit("client_id is null"),
            quarantined_at=pl.lit(datetime(2026, 5, 1, tzinfo=UTC)),
        )
        quarantine = observations.quarantine()
        for _ in range(2):
            lake.replace_partition(quarantine, rows, day=DAY)
        assert lake.scan(quarantine, scope=everyone).collect().height == 4
        assert lake.scan(quarantine, scope=TenantScope.of("acme")).collect().is_empty()

    def test_appending_again_adds_nothing_even_without_a_key(
        self, lake: DeltaLake, observations: TableSpec, observed: Build
    ) -> None:
        rows = observed(DAY, 1).with_columns(
            post_id=pl.lit(None),
            rule=pl.lit("no key"),
            reason=pl.lit("-"),
            quarantined_at=pl.lit(datetime(2026, 5, 1, tzinfo=UTC)),
        )
        quarantine = observations.quarantine()
        assert lake.append(quarantine, rows).inserted == 1
        assert lake.append(quarantine, rows).inserted == 0


def _files(lake: DeltaLake, table: TableSpec) -> list[str]:
    delta = lake.open(table)
    assert delta is not None
    return sorted(delta.file_uris())
