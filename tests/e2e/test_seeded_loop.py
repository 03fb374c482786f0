"""The whole loop on the seeded world: it turns, it goes on where it ended, and it publishes nothing twice."""

import io
from collections import Counter

import polars as pl
import pytest
from rich.console import Console

from apps.main_job import EVERYONE, Turn, seeded_turn
from apps.sandbox_process import running_sandbox
from apps.summary import print_summary
from apps.trace import render, trace_post
from apps.worlds import at_sandbox
from contracts.errors import PulsoError
from contracts.records import LedgerEntry
from contracts.settings import Settings
from contracts.tables import ALL_TABLES
from lakehouse import DeltaLake
from ml.replies.lexicons import LEXICONS_VERSION
from ml.text_labels.labeller import ENGLISH_VERSION
from orchestration.resources import open_store

# A whole run passes through every third party; their own warnings are judged where each is tested alone.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def turns(settings: Settings) -> list[Turn]:
    """Two main jobs, one after the other, in one home. The second ends with its business day: outcomes come after the first."""
    console = Console(quiet=True)
    first = seeded_turn(settings, console, days=1, seed=7)
    return [first, seeded_turn(settings, console, days=1, seed=7, until_outcomes=False)]


@pytest.fixture(scope="module")
def lake(settings: Settings, turns: list[Turn]) -> DeltaLake:
    return DeltaLake(settings.lake_path)


@pytest.fixture(scope="module")
def ledger(settings: Settings, turns: list[Turn]) -> tuple[LedgerEntry, ...]:
    with open_store(at_sandbox(settings), clock=None) as store:
        return store.ledger(EVERYONE)


def rows(lake: DeltaLake, key: str) -> pl.DataFrame:
    return lake.scan(key, scope=EVERYONE).collect()


def test_the_second_job_goes_on_where_the_first_ended(turns: list[Turn]) -> None:
    assert turns[0].ended_at is not None
    assert turns[1].started_at >= turns[0].ended_at


def test_every_stage_has_rows_of_every_client(lake: DeltaLake) -> None:
    for key in (
        "bronze/posts",
        "gold/fct_posts",
        "features/post_features",
        "decisions/content_drafts",
        "gold/kpi_account_daily",
    ):
        assert rows(lake, key)["client_id"].n_unique() == 3, key


def test_every_bronze_post_is_in_gold_once(lake: DeltaLake) -> None:
    gold = rows(lake, "gold/fct_posts")["post_id"]

    assert gold.n_unique() == len(gold)
    assert set(gold) == set(rows(lake, "bronze/posts")["post_id"])


def test_no_table_holds_a_key_twice(lake: DeltaLake) -> None:
    for table in ALL_TABLES:
        if lake.version(table) is not None:
            frame = rows(lake, table.key)
            assert frame.n_unique(list(table.keys)) == frame.height, table.key


def test_published_intents_are_in_the_networks_own_state_exactly_once(
    settings: Settings, ledger: tuple[LedgerEntry, ...]
) -> None:
    with running_sandbox(settings) as sandbox:
        live = Counter(f"{p['network']}:{p['native_id']}" for p in sandbox.posts(origin="api") if not p["is_reply"])
    published = [e for e in ledger if e.state == "published" and e.action == "publish"]

    assert published
    assert {e.post_id: live[e.post_id or ""] for e in published} == {e.post_id: 1 for e in published}
    assert sum(live.values()) == len(published)


def test_only_what_the_clients_autonomy_allows_was_published(ledger: tuple[LedgerEntry, ...]) -> None:
    by_client = Counter(e.client_id for e in ledger if e.state == "published" and e.action == "publish")

    assert by_client["harbor-coffee"] > 0
    assert by_client["brisa-surf"] == 0


def test_forecasts_were_made_before_publication_and_scored_after_it(lake: DeltaLake) -> None:
    scores = rows(lake, "gold/fct_forecast_scores").filter(pl.col("origin") == "decision")

    assert scores.height > 0
    assert scores.filter(pl.col("forecast_at") >= pl.col("published_at")).is_empty()
    assert scores["mature_engagements"].null_count() == 0


def test_learning_reads_the_scores(lake: DeltaLake) -> None:
    calibration = rows(lake, "learning/interval_calibration")

    assert calibration["scored_forecasts"].sum() > 0
    assert calibration["interval_multiplier"].is_between(0.1, 10).all()


def test_every_decision_keeps_its_evidence(lake: DeltaLake) -> None:
    for key in (
        "decisions/content_ideas",
        "decisions/content_drafts",
        "decisions/post_schedule",
        "decisions/reply_drafts",
    ):
        frame = rows(lake, key)
        assert frame.height > 0, key
        assert (
            frame.select("candidates", "propensity", "seed", "prompt_version", "policy_version")
            .null_count()
            .sum_horizontal()
            .item()
            == 0
        )
        assert frame["propensity"].is_between(0, 1, closed="right").all()


def test_what_the_audience_wrote_is_labelled_and_rows_say_by_whom(lake: DeltaLake) -> None:
    labellers = {ENGLISH_VERSION, LEXICONS_VERSION}
    labels = rows(lake, "features/text_labels")

    assert set(labels["labelled_by"]) == labellers
    assert labels.filter(pl.col("is_offensive").is_null())["labelled_by"].unique().to_list() == [LEXICONS_VERSION]
    assert set(rows(lake, "features/comment_moods")["labelled_by"]) == labellers
    assert set(rows(lake, "decisions/reply_drafts")["model_version"]) == labellers


def test_a_published_post_can_be_traced_to_raw_rows(
    settings: Settings, lake: DeltaLake, ledger: tuple[LedgerEntry, ...]
) -> None:
    entry = next(e for e in ledger if e.state == "published" and e.action == "publish")
    with open_store(at_sandbox(settings), clock=None) as store:
        trace = trace_post(lake, store, str(entry.post_id))
        with pytest.raises(PulsoError, match="has not published"):
            trace_post(lake, store, "instagram:no-such-post")

    assert trace.entry.approved_by
    assert trace.entry.forecast is not None
    assert trace.entry.forecast.feature_row
    assert trace.history
    assert all(row["raw"] for row in trace.history)
    assert trace.published_payloads
    console = Console(record=True, file=io.StringIO(), width=200)
    console.print(render(trace))
    assert "feature row" in console.export_text()


def test_the_summary_prints(settings: Settings, turns: list[Turn], lake: DeltaLake) -> None:
    console = Console(record=True, file=io.StringIO(), width=200)

    print_summary(settings, turns[-1], console)

    text = console.export_text()
    assert "published twice, counted in the networks' own state" in text
    assert "Pulso's own posts" in text
