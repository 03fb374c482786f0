"""Dagster's record in SQLite with engines that are kept: the same files, read and written by Dagster's own class beside it."""

from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from apps.home import configure_dagster, dagster_home
from contracts.settings import Settings
from orchestration.event_log import SqliteEventLog


@dg.asset
def gold() -> None:
    """Anything."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings = Settings(home=tmp_path)
    home = dagster_home(settings)
    home.mkdir()
    configure_dagster(settings)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    return home


def test_what_it_writes_dagsters_own_reads_and_the_other_way_round(home: Path) -> None:
    dagsters_own = SqliteEventLogStorage(str(home / "history" / "runs"))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        ours = instance.event_log_storage
        assert isinstance(ours, SqliteEventLog)
        run_id = dg.materialize([gold], instance=instance).run_id
        written = ours.get_logs_for_run(run_id)
        assert any(entry.dagster_event_type is dg.DagsterEventType.ASSET_MATERIALIZATION for entry in written)
        assert dagsters_own.get_logs_for_run(run_id) == written

        dagsters_own.store_event(written[0])
        assert ours.get_logs_for_run(run_id) == [*written, written[0]]


def test_more_runs_than_engines(home: Path) -> None:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        runs = [dg.materialize([gold], instance=instance).run_id for _ in range(10)]
        assert all(instance.event_log_storage.get_logs_for_run(run_id) for run_id in runs)
        assert len(instance.fetch_materializations(gold.key, limit=20).records) == len(runs)
