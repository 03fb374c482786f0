"""Runs and unread accounts, read from records that Dagster itself wrote."""

from pathlib import Path

import dagster as dg

from apps.streamlit.dagster_record import newest_runs, unread_accounts
from assets.bronze.failures import accounts_check
from contracts.records import CollectionFailure
from contracts.tables import POSTS

FAILURE = CollectionFailure(
    client_id="harbor-coffee",
    account_id="instagram:1",
    network="instagram",
    what="posts",
    error_class="auth",
    message="expired",
)


def _materialize(home: Path, failures: tuple[CollectionFailure, ...]) -> None:
    @dg.asset(key=["bronze", "posts"], check_specs=[dg.AssetCheckSpec("all_accounts_read", asset=["bronze", "posts"])])
    def posts() -> dg.MaterializeResult:
        return dg.MaterializeResult(check_results=[accounts_check(POSTS, failures, accounts=2)])

    folder = home / "dagster"
    folder.mkdir(exist_ok=True)
    (folder / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        assert dg.materialize([posts], instance=instance).success


def test_runs_and_failed_accounts_are_read_and_the_newest_reading_counts(tmp_path: Path) -> None:
    _materialize(tmp_path, (FAILURE,))
    (run,) = newest_runs(tmp_path) or ()
    assert run.status == "SUCCESS"
    assert run.started_at is not None
    assert run.ended_at is not None
    assert run.ended_at >= run.started_at
    assert unread_accounts(tmp_path, "harbor-coffee") == [FAILURE]
    assert unread_accounts(tmp_path, "verde-cocina") == [], "another client's account is none of its business"
    _materialize(tmp_path, ())
    assert unread_accounts(tmp_path, "harbor-coffee") == []
    assert len(newest_runs(tmp_path) or ()) == 2


def test_a_missing_or_foreign_record_is_no_error(tmp_path: Path) -> None:
    assert newest_runs(tmp_path) is None
    assert unread_accounts(tmp_path, "harbor-coffee") == []
    history = tmp_path / "dagster" / "history"
    history.mkdir(parents=True)
    (history / "runs.db").write_bytes(b"not a database at all, just some bytes of the right length" * 50)
    assert newest_runs(tmp_path) is None
