"""Early popularity on a lake: from counts in bronze to a champion, to forecasts of young posts, and to who is told."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets.decisions.taking_off import posts_taking_off
from assets.features.snapshots import post_snapshots
from assets.learning.popularity import popularity_scores
from assets.models.popularity import popularity_model
from contracts.clock import FixedClock
from contracts.ports import ModelHome
from contracts.scope import TenantScope
from contracts.tables import (
    FORECASTS,
    POPULARITY_SCORES,
    POST_METRICS,
    POST_SNAPSHOTS,
    POSTS_TAKING_OFF,
    SHADOW_FORECASTS,
)
from lakehouse import DeltaLake
from ml.families import POPULARITY
from ml.registry import champion_card, load_champion, rounds

NOW = datetime(2026, 5, 30, 6, tzinfo=UTC)
ALL = TenantScope.all_clients("a test")
POSTS = 150
"""Followed posts of each of two accounts: enough for boosting once a fifth of them is held out."""
LOOKS = (1.0, 2.0, 4.0, 12.0, 24.0, 48.0, 73.0)

# MLflow's own code warns about its own dependencies; what Pulso calls raises none of these by itself.
pytestmark = pytest.mark.filterwarnings("ignore")


def world(*, posts: int = POSTS) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of gold/fct_posts and of bronze/post_metrics: half of the posts are slow, and the first look at a post says which."""
    rng = np.random.default_rng(3)
    rows, counts = [], []

    def add(client: str, name: str, age_now: float, looks: list[tuple[float, float]], final: int | None) -> None:
        published = NOW - timedelta(hours=age_now)
        own = {
            "post_id": f"bluesky:{name}",
            "account_id": f"bluesky:{client}",
            "client_id": client,
            "network": "bluesky",
        }
        is_final = final is not None
        rows.append(
            own
            | {"published_at": published, "is_reply": False, "is_backfilled": False}
            | {"mature_at": published + timedelta(hours=72) if is_final else None, "mature_engagements": final}
            | {"matured_observed_at": published + timedelta(hours=LOOKS[-1]) if is_final else None}
        )
        for age, likes in looks:
            at = published + timedelta(hours=age)
            counts.append(
                own
                | {"metric": "likes", "value": int(likes), "observed_at": at, "is_backfilled": False}
                | {"source": "feed", "raw": "{}", "day": at.date()}
            )

    for at, (client, level) in enumerate((("ana", 3.0), ("ben", 4.0))):
        for number in range(posts):
            final = int(rng.poisson(np.exp(level + 0.6 * rng.standard_normal())))
            half_life = rng.choice([1.0, 12.0])
            arrived = 1 - 0.5 ** (np.array(LOOKS) / half_life)
            looks = list(zip(LOOKS, np.floor(final * arrived / arrived[-1]), strict=True))
            add(client, f"{client}-{number}", 80 + 10 * (posts - number) + at, looks, final)
        add(client, f"{client}-calm", 2.1, [(1.0, 2), (2.0, 3)], None)
    add("ana", "ana-loud", 2.2, [(1.0, 150), (2.0, 240)], None)
    schema = {"mature_at": pl.Datetime("us", "UTC"), "matured_observed_at": pl.Datetime("us", "UTC")}
    return pl.DataFrame(rows, schema_overrides=schema), pl.DataFrame(counts, schema=POST_METRICS.schema)


def lake_of(folder: Path, posts: pl.DataFrame, counts: pl.DataFrame) -> DeltaLake:
    lake = DeltaLake(folder / "lake")
    posts.write_delta(lake.path("gold/fct_posts"), mode="overwrite")
    lake.append(POST_METRICS, counts)
    return lake


def made(
    lake: DeltaLake, models: ModelHome, *assets: dg.AssetsDefinition, at: datetime = NOW
) -> dg.ExecuteInProcessResult:
    result = dg.materialize(list(assets), resources={"lake": lake, "models": models, "clock": FixedClock(at)})
    assert result.success
    return result


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[DeltaLake, ModelHome]:
    """A lake with a champion and with what it says."""
    folder = tmp_path_factory.mktemp("popularity")
    models = ModelHome(f"sqlite:///{folder / 'mlflow.db'}", (folder / "artifacts").as_uri())
    lake = lake_of(folder, *world())
    forecast = {"post_id": "bluesky:ana-loud", "client_id": "ana", "account_id": "bluesky:ana", "forecast_at": NOW}
    for table, name, expected in ((SHADOW_FORECASTS, "shadow", 9.0), (FORECASTS, "decision", 20.0)):
        log = float(np.log1p(expected))
        row = forecast | {"model_version": "1", "origin": name, "forecast_id": name, "day": NOW.date()}
        row |= {"expected_log_engagement": log, "lower_log_engagement": log, "upper_log_engagement": log}
        lake.append(table, pl.DataFrame([{n: row.get(n) for n in table.schema}], schema=table.schema))
    made(lake, models, post_snapshots)
    made(lake, models, popularity_model)
    made(lake, models, posts_taking_off)
    return lake, models


def test_the_champion_beat_the_median_curve_and_says_so(home: tuple[DeltaLake, ModelHome]) -> None:
    lake, models = home
    (only,) = rounds(POPULARITY, models.uri)
    assert (only.kind, only.is_champion, only.reasons) == ("boosted", True, "better than every baseline")
    assert only.figures["model/mean_absolute_error"] < only.figures["median_curve/mean_absolute_error"]
    assert only.figures["against median_curve/mean_absolute_error/high"] < 0
    assert 0.6 < only.figures["coverage_ratio"] < 0.95
    assert "median curve" in champion_card(POPULARITY, models.uri)
    snapshots = lake.scan(POST_SNAPSHOTS, scope=ALL).collect()
    assert snapshots.height == 2 * POSTS * len(LOOKS) + 6
    assert snapshots.group_by("client_id").agg(pl.col("account_id").unique()).sort("client_id").rows() == [
        ("ana", ["bluesky:ana"]),
        ("ben", ["bluesky:ben"]),
    ]


def test_young_posts_are_forecast_and_the_loud_one_is_told(home: tuple[DeltaLake, ModelHome]) -> None:
    lake, _ = home
    rows = {row["post_id"]: row for row in lake.scan(POSTS_TAKING_OFF, scope=ALL).collect().iter_rows(named=True)}
    assert set(rows) == {"bluesky:ana-calm", "bluesky:ana-loud", "bluesky:ben-calm"}
    assert {row["post_id"]: row["told_at"] for row in rows.values() if row["is_taking_off"]} == {
        "bluesky:ana-loud": NOW
    }
    loud, calm = rows["bluesky:ana-loud"], rows["bluesky:ben-calm"]
    assert (loud["client_id"], loud["engagements"], loud["age_hours"], loud["compared_at_hours"]) == ("ana", 240, 2, 2)
    assert loud["usual_engagements"] < loud["threshold_engagements"] <= loud["expected_engagements"]
    assert loud["lower_engagements"] <= loud["expected_engagements"] <= loud["upper_engagements"]
    assert loud["forecast_engagements"] == pytest.approx(20), "of a post of Pulso's own, what was decided by"
    assert loud["reason"].startswith("240 engagements after 2.0 hours; ")
    assert "Before publication 20 were forecast" in loud["reason"]
    assert calm["forecast_engagements"] is None
    mine = lake.scan(POSTS_TAKING_OFF, scope=TenantScope.of("ben")).collect()
    assert mine["post_id"].to_list() == ["bluesky:ben-calm"]


def test_a_run_that_is_repeated_says_nothing_new_and_a_new_look_is_spoken_of_once(
    home: tuple[DeltaLake, ModelHome], tmp_path: Path
) -> None:
    lake, models = home
    said, version = lake.scan(POSTS_TAKING_OFF, scope=ALL).collect(), lake.version(POSTS_TAKING_OFF)
    later = NOW + timedelta(hours=1)
    for at in (NOW, later):
        made(lake, models, post_snapshots, posts_taking_off, at=at)
    assert lake.version(POSTS_TAKING_OFF) == version
    assert_frame_equal(lake.scan(POSTS_TAKING_OFF, scope=ALL).collect(), said)

    look = lake.scan(POST_METRICS, scope=ALL).filter(pl.col("post_id") == "bluesky:ana-loud").collect().head(1)
    at = NOW + timedelta(minutes=48)
    lake.append(
        POST_METRICS, look.with_columns(observed_at=pl.lit(at).cast(pl.Datetime("us", "UTC")), value=pl.lit(320))
    )
    made(lake, models, post_snapshots, posts_taking_off, at=later)
    loud = (
        lake.scan(POSTS_TAKING_OFF, scope=ALL)
        .filter(pl.col("post_id") == "bluesky:ana-loud")
        .collect()
        .sort("age_hours")
    )
    assert loud["age_hours"].to_list() == [2.0, 3.0]
    assert loud["told_at"].to_list() == [NOW, NOW], "told once"


def test_what_was_said_is_scored_when_the_posts_are_final(home: tuple[DeltaLake, ModelHome], tmp_path: Path) -> None:
    said = home[0].scan(POSTS_TAKING_OFF, scope=ALL).filter(pl.col("forecast_at") == NOW).collect()
    later = said.filter("is_taking_off").with_columns(
        compared_at_hours=pl.lit(6.0), forecast_at=pl.lit(NOW) + timedelta(hours=4)
    )
    finals = {"bluesky:ana-calm": 0, "bluesky:ana-loud": 100_000, "bluesky:ben-calm": None}
    outcomes = said.select("post_id", "client_id", mature_engagements=pl.col("post_id").replace_strict(finals))
    lake = DeltaLake(tmp_path / "lake")
    outcomes.write_delta(lake.path("gold/fct_posts"))
    made(lake, home[1], popularity_scores)
    assert lake.scan(POPULARITY_SCORES, scope=ALL).collect().is_empty(), "nothing was said"
    lake.append(POSTS_TAKING_OFF, pl.concat([said, later]))
    made(lake, home[1], popularity_scores)
    row, after = lake.scan(POPULARITY_SCORES, scope=ALL).collect().sort("compared_at_hours").iter_rows(named=True)
    assert (row["client_id"], row["compared_at_hours"], row["scored_forecasts"], row["coverage_ratio"]) == (
        "ana",
        2,
        2,
        0,
    )
    assert (row["told_posts"], row["told_came_true"]) == (1, 1)
    assert (after["scored_forecasts"], after["told_posts"]) == (1, 0), "an alert counts once"


def test_without_anything_to_learn_from_nothing_is_said_and_little_gives_the_median_curve(tmp_path: Path) -> None:
    models = ModelHome(f"sqlite:///{tmp_path / 'mlflow.db'}", (tmp_path / "artifacts").as_uri())
    posts, counts = world(posts=5)
    lake = lake_of(tmp_path, posts, counts.clear())
    made(lake, models, post_snapshots, posts_taking_off)
    assert lake.scan(POSTS_TAKING_OFF, scope=ALL).collect().is_empty()
    # Counts that make no sense, and too few posts that make sense.
    below_zero = counts.with_columns(
        value=-pl.col("value") - 1, observed_at=pl.col("observed_at") + timedelta(minutes=1)
    )
    before_its_time = counts.with_columns(observed_at=pl.col("observed_at") - timedelta(days=400))
    lake.append(POST_METRICS, pl.concat([below_zero, before_its_time]))
    lake.append(POST_METRICS, counts)
    made(lake, models, post_snapshots)
    kept = lake.scan(POST_SNAPSHOTS, scope=ALL).collect()
    assert kept.height == 2 * 5 * len(LOOKS) + 6
    assert kept.filter((pl.col("value") < 0) | (pl.col("age_hours") < 0)).is_empty()
    result = made(lake, models, popularity_model)
    (event,) = result.get_asset_materialization_events()
    assert "not enough followed posts yet: 10 of 20" in str(event.materialization.metadata["not_ready"].value)
    assert rounds(POPULARITY, models.uri) == ()
    made(lake, models, posts_taking_off)
    assert lake.scan(POSTS_TAKING_OFF, scope=ALL).collect().is_empty()

    more = lake_of(tmp_path / "more", *world(posts=40))
    made(more, models, post_snapshots, popularity_model)
    made(more, models, posts_taking_off)
    model, _ = load_champion(POPULARITY, models.uri)
    assert model.kind == "median_curve"
    assert set(more.scan(POSTS_TAKING_OFF, scope=ALL).collect()["model_kind"]) == {"median_curve"}
