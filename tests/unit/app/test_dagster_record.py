"""Runs, unread accounts and strange days, read from records that Dagster itself wrote."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import dagster as dg

from apps.streamlit.dagster_record import newest_runs, unread_accounts, unusual_days
from assets.bronze.failures import accounts_check
from assets.checks.anomalies import CHECK_NAME, UNUSUAL_DAYS
from contracts.networks import Network
from contracts.records import CollectionFailure, UnusualDay
from contracts.settings import Settings
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
    settings = Settings(home=tmp_path)
    _materialize(tmp_path, (FAILURE,))
    (run,) = newest_runs(settings) or ()
    assert run.status == "SUCCESS"
    assert run.started_at is not None
    assert run.ended_at is not None
    assert run.ended_at >= run.started_at
    assert unread_accounts(settings, "harbor-coffee") == [FAILURE]
    assert unread_accounts(settings, "verde-cocina") == [], "another client's account is none of its business"
    _materialize(tmp_path, ())
    assert unread_accounts(settings, "harbor-coffee") == []
    assert len(newest_runs(settings) or ()) == 2


def judge(home: Path, **unusual: tuple[UnusualDay, ...]) -> None:
    """Evaluations of `as_usual`, kept by Dagster as the real check leaves them."""

    @dg.multi_asset_check(specs=[dg.AssetCheckSpec(CHECK_NAME, asset=["bronze", table]) for table in unusual])
    def as_usual() -> Iterator[dg.AssetCheckResult]:
        for table, days in unusual.items():
            yield dg.AssetCheckResult(
                passed=not days,
                check_name=CHECK_NAME,
                asset_key=["bronze", table],
                metadata={UNUSUAL_DAYS: dg.MetadataValue.json([day.model_dump(mode="json") for day in days])},
            )

    job = dg.define_asset_job("judge", selection=dg.AssetSelection.checks(as_usual))
    folder = home / "dagster"
    folder.mkdir(exist_ok=True)
    (folder / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        definitions = dg.Definitions(asset_checks=[as_usual], jobs=[job])
        assert definitions.resolve_job_def("judge").execute_in_process(instance=instance).success


def strange(network: Network = Network.INSTAGRAM, *, day: date = date(2026, 5, 26)) -> UnusualDay:
    return UnusualDay(
        source="posts",
        network=network,
        metric=None,
        kind="fewer",
        day=day,
        is_share=False,
        value=0.4,
        expected=1.0,
        low=0.7,
        high=None,
        past=((day - timedelta(days=1), 1.0),),
    )


def test_strange_days_are_read_by_network_the_newest_first_and_the_newest_evaluation_counts(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    older = strange(day=date(2026, 5, 24))
    judge(tmp_path, posts=(older, strange(Network.BLUESKY)), comments=(strange(),))
    assert unusual_days(settings, {Network.INSTAGRAM}) == [strange(), older]
    assert unusual_days(settings, {Network.X}) == [], "another network is none of this client's business"
    judge(tmp_path, posts=())
    assert unusual_days(settings, set(Network)) == [strange()], "comments were not judged again"


def test_a_missing_or_foreign_record_is_no_error(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert newest_runs(settings) is None
    assert unread_accounts(settings, "harbor-coffee") == []
    assert unusual_days(settings, set(Network)) == []
    history = tmp_path / "dagster" / "history"
    history.mkdir(parents=True)
    (history / "runs.db").write_bytes(b"not a database at all, just some bytes of the right length" * 50)
    assert newest_runs(settings) is None
