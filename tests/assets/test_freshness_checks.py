"""The alarm for sources that are late: planted silences, each seen where it is, with whose problem it is; and quiet otherwise."""

import shutil
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from assets.bronze.accounts import account_metrics
from assets.bronze.posts import posts_and_metrics
from assets.bronze.readings import note_reading, own, rivals
from assets.checks.freshness import CHECK_NAME, RUNBOOK, WORDS, freshness_checks
from contracts.freshness import DEADLINES, Deadline, LateCause
from contracts.networks import Network
from contracts.records import Account, AccountMetricPoint, CollectionFailure, Competitor
from contracts.tables import COMPETITOR_POSTS, TableSpec
from lakehouse import DeltaLake
from tests.assets.fakes import NOW, House, account, checks, count, post

RIVAL = Competitor(
    competitor_id="bluesky:r1",
    network=Network.BLUESKY,
    handle="r1",
    profile_url="http://127.0.0.1:1/r1",
    client_ids=("ana",),
)
ANA, BEN = account("ana", "a1"), account("ben", "b1")
SKIES = ANA.model_copy(update={"account_id": "bluesky:a2", "native_id": "a2", "network": Network.BLUESKY})
EVERYBODY = frozenset({ANA.account_id, BEN.account_id, SKIES.account_id, RIVAL.competitor_id})
TABLES = {deadline.table.name: deadline for deadline in DEADLINES}


def read(
    lake: DeltaLake,
    table: TableSpec,
    *,
    at: datetime,
    silent: Collection[str] = (),
    failing: Collection[str] = (),
    error_class: str = "auth",
) -> None:
    """A reading of one source at a moment: everybody is asked; the silent bring no row, the failing do not answer."""
    asked = rivals((RIVAL,)) if table is COMPETITOR_POSTS else own((ANA, BEN, SKIES))
    account = "competitor_id" if table is COMPETITOR_POSTS else "account_id"
    rows = [
        {account: a.account_id, "day": at.date() - timedelta(days=1)}
        for a in asked
        if a.account_id not in {*silent, *failing}
    ]
    failures = [
        CollectionFailure(
            client_id=a.client_id,
            account_id=a.account_id,
            network=a.network,
            what=table.name,
            error_class=error_class,
            message="no",
        )
        for a in asked
        if a.account_id in failing
    ]
    frame = pl.DataFrame(rows, schema={account: pl.String, "day": pl.Date})
    note_reading(lake, table, asked, rows=frame, failures=failures, now=at)


@pytest.fixture(scope="module")
def read_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake in which everything was read at NOW."""
    root = tmp_path_factory.mktemp("read") / "lake"
    for deadline in DEADLINES:
        read(DeltaLake(root), deadline.table, at=NOW)
    return root


@pytest.fixture
def watched(house: House, read_once: Path) -> House:
    """Ana has an account on Bluesky besides and watches a rival; everything was read at NOW."""
    house.store.known_accounts = (ANA, BEN, SKIES)
    house.store.known_competitors = (RIVAL,)
    shutil.copytree(read_once, house.lake.root)
    return house


def found(house: House) -> dict[str, dg.AssetCheckEvaluation]:
    """What the checks say now, by source."""
    result = house.check(freshness_checks)
    assert result.success, "a source that is late stops nothing"
    assert {name for _, name in checks(result)} == {CHECK_NAME}
    return {asset.removeprefix("bronze/"): evaluation for (asset, _), evaluation in checks(result).items()}


def failed(house: House) -> set[str]:
    return {source for source, evaluation in found(house).items() if not evaluation.passed}


def line_of(evaluation: dg.AssetCheckEvaluation) -> str:
    (line,) = (evaluation.description or "").splitlines()
    assert line.endswith(RUNBOOK)
    return line


def words(cause: LateCause) -> str:
    return WORDS[cause][0][1:]


def test_what_was_just_read_is_in_time(watched: House) -> None:
    evaluations = found(watched)
    assert set(evaluations) == set(TABLES)
    assert all(evaluation.passed for evaluation in evaluations.values())
    assert evaluations["posts"].description == "All 3 accounts are in time."


def test_before_anything_was_read_there_is_nothing_to_be_late(house: House) -> None:
    assert {(e.passed, e.description) for e in found(house).values()} == {(True, "Nobody was asked yet.")}


@pytest.mark.parametrize("deadline", DEADLINES, ids=lambda d: d.table.name)
def test_a_source_that_nobody_asks_for_any_more_is_late_then_an_error_and_no_other_is(
    watched: House, deadline: Deadline
) -> None:
    source = deadline.table.name
    is_reported = source == "account_metrics"
    there_until = NOW.replace(hour=0) if is_reported else NOW
    for hours, severity in (
        (deadline.hours, None),
        (deadline.hours + 1, dg.AssetCheckSeverity.WARN),
        (deadline.overdue_hours + 1, dg.AssetCheckSeverity.ERROR),
    ):
        watched.clock.at = there_until + timedelta(hours=hours)
        for other in DEADLINES:
            if other is not deadline:
                read(watched.lake, other.table, at=watched.clock.at)
        evaluations = found(watched)
        late = {name for name, evaluation in evaluations.items() if not evaluation.passed}
        assert late == (set() if severity is None else {source})
        if severity is not None:
            assert evaluations[source].severity is severity
            assert all(
                words(LateCause.NOT_ASKED) in line for line in (evaluations[source].description or "").splitlines()
            )


@pytest.mark.parametrize("source", ["accounts", "account_metrics", "post_metrics"])
def test_one_silent_network_is_seen_while_the_others_arrive(watched: House, source: str) -> None:
    deadline = TABLES[source]
    watched.clock.at = NOW + timedelta(hours=deadline.hours + 1)
    read(watched.lake, deadline.table, at=watched.clock.at, silent={SKIES.account_id})

    evaluation = found(watched)[source]

    assert not evaluation.passed
    line = line_of(evaluation)
    assert line.startswith("bluesky: 1 of 1 accounts (ana)")
    assert words(LateCause.SILENT) in line
    assert evaluation.metadata["late_accounts"].value == 1
    (kept,) = evaluation.metadata["late"].value
    assert (kept["account_id"], kept["client_id"], kept["cause"]) == (SKIES.account_id, "ana", "silent")


@pytest.mark.parametrize("source", ["posts", "comments", "messages"])
def test_an_answer_without_rows_is_an_answer_where_only_news_bring_rows(watched: House, source: str) -> None:
    watched.clock.at = NOW + timedelta(hours=TABLES[source].hours + 1)
    read(watched.lake, TABLES[source].table, at=watched.clock.at, silent=EVERYBODY)
    assert source not in failed(watched)


@pytest.mark.parametrize(
    ("error_class", "cause"),
    [("auth", LateCause.REFUSED), ("rate", LateCause.LIMITED), ("transient", LateCause.FAILING)],
)
def test_one_account_that_fails_is_named_with_whose_problem_it_is(
    watched: House, error_class: str, cause: LateCause
) -> None:
    watched.clock.at = NOW + timedelta(days=10)
    for deadline in DEADLINES:
        failing = {RIVAL.competitor_id, ANA.account_id}
        read(watched.lake, deadline.table, at=watched.clock.at, failing=failing, error_class=error_class)

    for source, evaluation in found(watched).items():
        line = line_of(evaluation)
        of = "bluesky: 1 of 1 rivals (ana)" if source == "competitor_posts" else "instagram: 1 of 2 accounts (ana)"
        assert line.startswith(of)
        assert words(cause) in line


def test_accounts_that_are_not_connected_any_more_are_nobodys_trouble(watched: House) -> None:
    watched.clock.at = NOW + timedelta(days=20)
    assert failed(watched) == set(TABLES)
    watched.store.known_accounts = ()
    assert failed(watched) == {"competitor_posts"}
    watched.store.known_competitors = ()
    assert failed(watched) == set()


def test_business_time_is_the_only_time(watched: House) -> None:
    """NOW is no present of any machine, and a sandbox's clock may stand there for long."""
    assert failed(watched) == set()
    watched.clock.at = NOW + timedelta(days=365)
    assert failed(watched) == set(TABLES)


def test_a_network_that_falls_silent_is_seen_through_the_readings_themselves(house: House) -> None:
    """Not through a reading made up here: the assets read an empty listing and no daily figures of one network."""
    house.store.known_accounts = (ANA, BEN, SKIES)
    written = post(SKIES, 1, at=NOW - timedelta(hours=20))
    house.collector.all_posts.append(written)
    house.collector.metrics.append(count(written, "likes", 3))
    house.collector.points = [_reach(a, 1) for a in house.store.known_accounts]
    assert house.materialize(account_metrics, posts_and_metrics).success

    def is_bluesky(row: object) -> bool:
        return getattr(row, "account_id", "") == SKIES.account_id

    house.collector.all_posts = [p for p in house.collector.all_posts if not is_bluesky(p)]
    house.collector.points += [_reach(a, -3) for a in (ANA, BEN)]
    house.clock.at = NOW + timedelta(days=4)
    evaluations = checks(house.materialize(account_metrics, posts_and_metrics, freshness_checks))

    for source in ("account_metrics", "post_metrics"):
        line = line_of(evaluations[f"bronze/{source}", CHECK_NAME])
        assert line.startswith("bluesky: 1 of 1 accounts (ana)")
        assert words(LateCause.SILENT) in line
    assert evaluations["bronze/posts", CHECK_NAME].passed


def _reach(of: Account, days_ago: int) -> AccountMetricPoint:
    day = NOW.date() - timedelta(days=days_ago)
    common = {"account_id": of.account_id, "client_id": of.client_id, "network": of.network}
    return AccountMetricPoint(**common, metric="reach", value=7, day=day, fetched_at=NOW, raw="{}")


def test_every_message_leads_to_a_runbook_that_is_there(project_root: Path) -> None:
    page = (project_root / RUNBOOK).read_text(encoding="utf-8")
    assert set(WORDS) == set(LateCause)
    for cause in LateCause:
        assert f"`{cause.value}`" in page
    for deadline in DEADLINES:
        row = next(line for line in page.splitlines() if line.startswith("|") and f"`{deadline.table.name}`" in line)
        assert f"| {deadline.hours:g} h | {deadline.overdue_hours:g} h |" in row
