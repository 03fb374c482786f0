"""The watch over the champion: evidence by client, one check for the model, and a challenger asked for when it fails."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl
import pytest

from assets.learning.model_versions import model_versions
from assets.learning.model_watch import HOLDS, model_watch
from contracts.clock import FixedClock
from contracts.ports import ModelHome
from contracts.scope import TenantScope
from contracts.tables import MODEL_VERSIONS, MODEL_WATCH, POST_FEATURES, POST_SNAPSHOTS, POSTS_TAKING_OFF
from lakehouse import DeltaLake
from ml.families import ENGAGEMENT, POPULARITY
from ml.features import post_features
from ml.popularity.training import train as train_popularity
from ml.registry import Registered, register, roll_back, rounds
from ml.rounds import RoundInputs, frame_sha256, libraries
from ml.training import train
from orchestration.sensors import when_a_model_no_longer_holds
from tests.made_up_posts import make_posts

NOW = datetime(2026, 5, 30, 6, tzinfo=UTC)
ALL = TenantScope.all_clients("a test")
DAYS, CHANGED = 70, 35

# MLflow's own code warns about its own dependencies; what Pulso calls raises none of these by itself.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> ModelHome:
    """A registry with a champion of each family: version 1."""
    folder = tmp_path_factory.mktemp("models")
    home = ModelHome(f"sqlite:///{folder / 'mlflow.db'}", (folder / "artifacts").as_uri())
    features = post_features(make_posts(accounts=2, per_account=90, seed=8))
    inputs = RoundInputs(POST_FEATURES.key, 0, frame_sha256(features), 0, 0.02, None, libraries())
    training = train(features, champion=None)
    register(ENGAGEMENT, training, uri=home.uri, artifact_root=home.artifact_root, trained_at=NOW, inputs=inputs)
    register_curve(home, trained_at=NOW)
    return home


def register_curve(home: ModelHome, *, trained_at: datetime) -> Registered:
    """A round of the popularity model: the median curve of forty posts, which becomes champion."""
    looks = followed_posts()
    inputs = RoundInputs(POST_SNAPSHOTS.key, 0, frame_sha256(looks, POST_SNAPSHOTS.keys), 0, 0.02, None, libraries())
    curve = train_popularity(looks, champion=None)
    return register(
        POPULARITY, curve, uri=home.uri, artifact_root=home.artifact_root, trained_at=trained_at, inputs=inputs
    )


def followed_posts() -> pl.DataFrame:
    """Forty posts seen after an hour and at their end, rows of features/post_snapshots."""
    rows = [
        {
            "post_id": f"bluesky:{post}",
            "account_id": "bluesky:0",
            "client_id": "client-0",
            "network": "bluesky",
            "published_at": (published := NOW - timedelta(days=9, hours=post)),
            "age_hours": age,
            "value": value,
            "observed_at": published + timedelta(hours=age),
            "day": published.date(),
        }
        for post in range(40)
        for age, value in ((1.0, 5.0 + post % 7), (73.0, 10.0 + 2 * (post % 7)))
    ]
    return pl.DataFrame(rows, schema=POST_SNAPSHOTS.schema)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


def lake_of(folder: Path, *, level: float = 0.0, version: str = "1") -> DeltaLake:
    """Ten scored shadow forecasts a day of two clients; from the day CHANGED on they are too high by `level`."""
    rng = np.random.default_rng(5)
    day = np.repeat(np.arange(DAYS), 10)
    scores = pl.DataFrame(
        {
            "client_id": [f"client-{n % 2}" for n in range(len(day))],
            "account_id": [f"instagram:{n % 2}" for n in range(len(day))],
            "post_id": [f"instagram:{n}" for n in range(len(day))],
            "origin": "shadow",
            "model_version": version,
            "log_engagement": 5.0,
            "expected_log_engagement": 5.0 + 0.8 * rng.normal(size=len(day)) + np.where(day >= CHANGED, level, 0.0),
            "mature_at": [NOW - timedelta(days=DAYS - int(d)) for d in day],
        }
    )
    lake = DeltaLake(folder / "lake")
    scores.write_delta(lake.path("gold/fct_forecast_scores"))
    scores.clear().select("post_id", "client_id", "mature_at", mature_engagements="log_engagement").write_delta(
        lake.path("gold/fct_posts")
    )
    return lake


def growing_lake(folder: Path, *, level: float = 0.0, curve: float = 1.2, version: str = "1") -> DeltaLake:
    """Ten posts a day of two clients, each looked at after one and after six hours, final at MATURE; from the day CHANGED on what was said
    after an hour is too high by `level`. The median curve is off by `curve`, either way.
    """
    lake, rng = lake_of(folder), np.random.default_rng(6)
    day = np.repeat(np.arange(DAYS), 10)
    error = 0.6 * rng.normal(size=len(day)) + np.where(day >= CHANGED, level, 0.0)
    posts = pl.DataFrame(
        {
            "post_id": [f"bluesky:{n}" for n in range(len(day))],
            "account_id": [f"bluesky:{n % 2}" for n in range(len(day))],
            "client_id": [f"client-{n % 2}" for n in range(len(day))],
            "mature_at": [NOW - timedelta(days=DAYS - int(d)) for d in day],
            "mature_engagements": 100,
        }
    )
    said = posts.with_columns(
        published_at=pl.col("mature_at") - timedelta(days=3),
        day=(pl.col("mature_at") - timedelta(days=3)).dt.date(),
        compared_at_hours=pl.lit(1.0),
        expected_engagements=pl.Series(101 * np.exp(error) - 1),
        curve_engagements=pl.Series(101 * np.exp(curve * rng.choice([-1.0, 1.0], len(day))) - 1),
        model_version=pl.lit(version),
    )
    # By then it had come right: a later look tells nothing of the first hours.
    later = said.with_columns(compared_at_hours=pl.lit(6.0), expected_engagements=pl.lit(100.0))
    rows = pl.concat([later, said])
    missing = [
        pl.lit(None, kind).alias(name) for name, kind in POSTS_TAKING_OFF.schema.items() if name not in rows.columns
    ]
    lake.append(POSTS_TAKING_OFF, rows.with_columns(missing).select(POSTS_TAKING_OFF.schema.names()))
    posts.write_delta(lake.path("gold/fct_posts"), mode="overwrite", delta_write_options={"schema_mode": "overwrite"})
    return lake


def watched(
    lake: DeltaLake, models: ModelHome, instance: dg.DagsterInstance, family: str = ENGAGEMENT.name
) -> dg.AssetCheckEvaluation:
    result = dg.materialize(
        [model_watch], instance=instance, resources={"lake": lake, "models": models, "clock": FixedClock(NOW)}
    )
    found = {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}
    assert set(found) == {key.name for key in HOLDS.values()}
    return found[HOLDS[family].name]


def asked(instance: dg.DagsterInstance) -> list[tuple[str | None, str | None]]:
    """Job and key of the runs that are asked for."""
    with dg.build_sensor_context(instance=instance) as context:
        found = when_a_model_no_longer_holds(context)
    return [] if isinstance(found, dg.SkipReason) else [(request.job_name, request.run_key) for request in found]


def test_a_champion_that_holds_is_left_alone(tmp_path: Path, models: ModelHome, instance: dg.DagsterInstance) -> None:
    assert asked(instance) == [], "nothing was judged yet"
    lake = lake_of(tmp_path)
    evaluation = watched(lake, models, instance)
    assert evaluation.passed, evaluation.description
    assert evaluation.description == "Version 1 of the engagement model holds, by 700 scored forecasts."
    assert asked(instance) == []
    rows = lake.scan(MODEL_WATCH, scope=ALL).collect()
    assert rows.group_by("client_id").len().sort("client_id").rows() == [("client-0", DAYS), ("client-1", DAYS)]
    assert rows["scored_forecasts"].max() == 350
    watched(lake, models, instance)
    assert (
        lake.scan(MODEL_WATCH, scope=ALL)
        .drop("computed_at")
        .collect()
        .sort("client_id", "day")
        .equals(rows.drop("computed_at").sort("client_id", "day"))
    ), "looked at again, it says the same"


def test_one_that_drifts_is_named_and_one_challenger_asked_for(
    tmp_path: Path, models: ModelHome, instance: dg.DagsterInstance
) -> None:
    lake = lake_of(tmp_path, level=1.0)
    evaluation = watched(lake, models, instance)
    assert not evaluation.passed
    assert "its errors are no longer those of before" in str(evaluation.description)
    challenger = [("train_engagement", "drift-engagement-1")]
    assert asked(instance) == asked(instance) == challenger, "Dagster starts one run for each key"


def test_the_popularity_model_is_watched_by_its_first_looks_against_the_median_curve(
    tmp_path: Path, models: ModelHome, instance: dg.DagsterInstance
) -> None:
    lake = growing_lake(tmp_path)
    evaluation = watched(lake, models, instance, "popularity")
    assert evaluation.passed, evaluation.description
    assert evaluation.description == "Version 1 of the popularity model holds, by 700 scored forecasts."
    assert asked(instance) == []
    rows = lake.scan(MODEL_WATCH, scope=ALL).filter(pl.col("model_name") == "popularity").collect()
    assert rows.group_by("client_id").len().sort("client_id").rows() == [("client-0", DAYS), ("client-1", DAYS)]
    both = lake.scan(MODEL_WATCH, scope=ALL).collect()
    assert both.height == 4 * DAYS, "version 1 of one family is not version 1 of the other"


@pytest.mark.parametrize(
    ("planted", "told"),
    [
        ({"level": 0.8}, "its errors are no longer those of before"),
        ({"curve": 0.1}, "the median curve has come to be nearer to the outcomes"),
    ],
)
def test_a_popularity_model_that_drifts_or_decays_has_a_challenger_trained(
    tmp_path: Path, models: ModelHome, instance: dg.DagsterInstance, planted: dict[str, float], told: str
) -> None:
    evaluation = watched(growing_lake(tmp_path, **planted), models, instance, "popularity")
    assert not evaluation.passed
    assert told in str(evaluation.description)
    challenger = [("train_popularity", "drift-popularity-1")]
    assert asked(instance) == asked(instance) == challenger, "of the other family nothing is asked"


def test_both_families_may_drift_at_once_and_another_version_says_nothing(
    tmp_path: Path, models: ModelHome, instance: dg.DagsterInstance
) -> None:
    lake = growing_lake(tmp_path, level=0.8, version="2")
    evaluation = watched(lake, models, instance, "popularity")
    assert evaluation.passed
    assert evaluation.description == "No forecast of the popularity champion has been scored yet."
    drifting = growing_lake(tmp_path / "both", level=0.8)
    lake_of(tmp_path / "other", level=1.0).scan("gold/fct_forecast_scores", scope=ALL).collect().write_delta(
        drifting.path("gold/fct_forecast_scores"), mode="overwrite"
    )
    watched(drifting, models, instance)
    assert {job for job, _ in asked(instance)} == {"train_engagement", "train_popularity"}


def test_scores_of_another_version_and_nothing_at_all_say_nothing(
    tmp_path: Path, models: ModelHome, instance: dg.DagsterInstance
) -> None:
    lake = lake_of(tmp_path, level=1.0, version="2")
    evaluation = watched(lake, models, instance)
    assert evaluation.passed
    assert evaluation.description == "No forecast of the engagement champion has been scored yet."
    none = ModelHome(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path.as_uri())
    assert watched(lake, none, instance).passed


def test_every_round_stands_in_the_lake_with_what_became_of_it(
    tmp_path: Path, models: ModelHome, instance: dg.DagsterInstance
) -> None:
    lake = DeltaLake(tmp_path / "lake")
    resources = {"lake": lake, "models": models, "clock": FixedClock(NOW)}
    for _ in range(2):
        assert dg.materialize([model_versions], instance=instance, resources=resources).success
    version, curve = (
        lake.scan(MODEL_VERSIONS, scope=TenantScope.of("any client")).sort("model_name").collect().to_dicts()
    )
    assert (curve["model_name"], curve["kind"], curve["state"]) == ("popularity", "median_curve", "champion")
    assert (version["model_version"], version["state"], version["trained_at"]) == ("1", "champion", NOW)
    assert version["model_card"].startswith("# Engagement model")
    assert version["mean_absolute_error"] > 0
    assert version["baseline_mean_absolute_error"] == min(
        figure
        for name, figure in rounds(ENGAGEMENT, models.uri)[0].figures.items()
        if name.startswith("account_") and name.endswith("/mean_absolute_error")
    )


def test_a_round_that_is_known_is_not_read_again_and_what_becomes_of_it_is(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    from mlflow import MlflowClient

    lake = DeltaLake(tmp_path / "lake")
    home = ModelHome(f"sqlite:///{tmp_path / 'mlflow.db'}", (tmp_path / "artifacts").as_uri())
    resources = {"lake": lake, "models": home, "clock": FixedClock(NOW)}

    def refreshed() -> list[tuple[str, str, bool, str | None]]:
        assert dg.materialize([model_versions], instance=instance, resources=resources).success
        rows = lake.scan(MODEL_VERSIONS, scope=ALL).sort("model_version").collect().iter_rows(named=True)
        return [
            (row["model_version"], row["state"], row["model_card"] is not None, row["withdrawn_because"])
            for row in rows
        ]

    first = register_curve(home, trained_at=NOW)
    assert refreshed() == [("1", "champion", True, None)]
    version = lake.version(MODEL_VERSIONS)
    # A round never changes; if the registry were asked for it again, this would be seen.
    MlflowClient(tracking_uri=home.uri).log_metric(first.run_id, "coverage_ratio", 0.123)
    refreshed()
    assert lake.version(MODEL_VERSIONS) == version, "nothing new, nothing written"

    register_curve(home, trained_at=NOW + timedelta(days=7))
    assert refreshed() == [("1", "was_champion", False, None), ("2", "champion", True, None)]
    assert lake.scan(MODEL_VERSIONS, scope=ALL).collect()["coverage_ratio"].to_list() == [None, None]
    roll_back(POPULARITY, home.uri, reason="a test")
    assert refreshed() == [("1", "champion", True, None), ("2", "withdrawn", False, "a test")]


def test_a_registry_without_models_is_an_empty_table(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    lake = DeltaLake(tmp_path / "lake")
    home = ModelHome(f"sqlite:///{tmp_path / 'mlflow.db'}", (tmp_path / "artifacts").as_uri())
    resources = {"lake": lake, "models": home, "clock": FixedClock(NOW)}
    assert dg.materialize([model_versions], instance=instance, resources=resources).success
    assert lake.scan(MODEL_VERSIONS, scope=ALL).collect().is_empty()
