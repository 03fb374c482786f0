"""Compaction and vacuum: fewer files, the same rows, and nothing taken from a reader."""

import os
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from contracts.errors import NotReadyError, PulsoError
from contracts.scope import TenantScope
from contracts.tables import TableSpec
from lakehouse import DeltaLake
from lakehouse.maintenance import LONGEST_READER, compact, vacuum

DAY, NEXT = date(2026, 5, 1), date(2026, 5, 2)
Build = Callable[..., pl.DataFrame]


def test_small_files_are_joined_within_a_day(
    lake: DeltaLake, observations: TableSpec, states: TableSpec, observed: Build, everyone: TenantScope
) -> None:
    for hour in range(4):
        lake.append(observations, observed(DAY, 3, hour=hour))
    lake.append(observations, observed(NEXT, 3))
    lake.append(states, pl.DataFrame())
    done = compact(lake)
    assert done.sort("table").rows() == [("bronze/observations", 6, 4, 1), ("bronze/states", 0, 0, 0)]
    assert lake.scan(observations, scope=everyone).collect().height == 15
    assert compact(lake, [observations])["version"].to_list() == [6]  # nothing left to do


def test_vacuum_takes_only_what_is_older_than_the_retention(
    lake: DeltaLake, observations: TableSpec, observed: Build, everyone: TenantScope
) -> None:
    lake.append(observations, observed(DAY, 3))
    current = lake.replace_partition(observations, observed(DAY, 4), day=DAY).version
    folder = Path(lake.path(observations)) / f"day={DAY}"
    orphans = [folder / name for name in ("part-old-orphan.parquet", "part-young-orphan.parquet")]
    for orphan in orphans:
        orphan.write_bytes(b"left behind by a killed writer")
    week_ago = time.time() - timedelta(days=7).total_seconds()
    os.utime(orphans[0], (week_ago, week_ago))

    planned = vacuum(lake, retention=timedelta(days=6), dry_run=True)
    assert planned.rows() == [("bronze/observations", f"day={DAY}/part-old-orphan.parquet", 30)]
    assert orphans[0].exists()
    assert vacuum(lake, retention=timedelta(days=6)).equals(planned)
    assert not orphans[0].exists()
    assert orphans[1].exists()
    assert lake.scan(observations, scope=everyone, version=current - 1).collect().height == 3
    assert lake.scan(observations, scope=everyone).collect().height == 4


def test_vacuum_takes_files_that_a_killed_writer_had_not_finished(
    lake: DeltaLake, observations: TableSpec, observed: Build, everyone: TenantScope
) -> None:
    lake.append(observations, observed(DAY, 3))
    folder = Path(lake.path(observations)) / f"day={DAY}"
    old, young = (folder / f"part-{age}.parquet#1" for age in ("old", "young"))
    for staged in (old, young):
        staged.write_bytes(b"half")
    os.utime(old, (0, 0))
    assert vacuum(lake, dry_run=True)["file"].to_list() == [f"day={DAY}/part-old.parquet#1"]
    assert old.exists()
    assert vacuum(lake)["size_bytes"].to_list() == [4]
    assert not old.exists()
    assert young.exists()  # a writer may still be at work on it
    assert lake.scan(observations, scope=everyone).collect().height == 3


def test_a_retention_shorter_than_the_longest_reader_is_refused(lake: DeltaLake) -> None:
    with pytest.raises(PulsoError, match="Keep at least 1 day"):
        vacuum(lake, retention=LONGEST_READER - timedelta(seconds=1))


def test_upkeep_of_nothing(lake: DeltaLake, events: TableSpec) -> None:
    assert compact(lake).is_empty()
    assert vacuum(lake).is_empty()
    for upkeep in (compact, vacuum):
        with pytest.raises(NotReadyError):
            upkeep(lake, [events])


def test_a_home_with_a_space_is_vacuumed_too(tmp_path: Path, observations: TableSpec, observed: Build) -> None:
    lake = DeltaLake(tmp_path / "my lake")
    lake.append(observations, observed(DAY, 1))
    orphan = Path(lake.path(observations)) / f"day={DAY}" / "part-orphan.parquet"
    orphan.write_bytes(b"x")
    os.utime(orphan, (0, 0))
    assert vacuum(lake)["size_bytes"].to_list() == [1]
    assert not orphan.exists()
