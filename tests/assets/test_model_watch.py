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
from contracts.tables import MODEL_VERSIONS, MODEL_WATCH, POST_FEATURES
from lakehouse import DeltaLake
from ml.families import ENGAGEMENT
from ml.features import post_features
from ml.registry import register, rounds
from ml.rounds import RoundInputs, frame_sha256, libraries
from ml.training import train
from orchestration.sensors import when_the_model_no_longer_holds
from tests.made_up_posts import make_posts

NOW = datetime(2026, 5, 30, 6, tzinfo=UTC)
ALL = TenantScope.all_clients("a test")
DAYS, CHANGED = 70, 35

# MLflow's own code warns about its own dependencies; what Pulso calls raises none of these by itself.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> ModelHome:
    """A registry with a champion: version 1."""
    folder = tmp_path_factory.mktemp("models")
    home = ModelHome(f"sqlite:///{folder / 'mlflow.db'}", (folder / "artifacts").as_uri())
    features = post_features(make_posts(accounts=2, per_account=90, seed=8))
    inputs = RoundInputs(POST_FEATURES.key, 0, frame_sha256(features), 0, 0.02, None, libraries())
    training = train(features, champion=None)
    register(ENGAGEMENT, training, uri=home.uri, artifact_root=home.artifact_root, trained_at=NOW, inputs=inputs)
    return home


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
    return lake


def watched(lake: DeltaLake, models: ModelHome, instance: dg.DagsterInstance) -> dg.AssetCheckEvaluation:
    result = dg.materialize(
        [model_watch], instance=instance, resources={"lake": lake, "models": models, "clock": FixedClock(NOW)}
    )
    (evaluation,) = result.get_asset_check_evaluations()
    return evaluation


def asked(instance: dg.DagsterInstance) -> dg.RunRequest | dg.SkipReason:
    with dg.build_sensor_context(instance=instance) as context:
        found = when_the_model_no_longer_holds(context)
    assert isinstance(found, dg.RunRequest | dg.SkipReason)
    return found


def test_a_champion_that_holds_is_left_alone(tmp_path: Path, models: ModelHome, instance: dg.DagsterInstance) -> None:
    assert isinstance(asked(instance), dg.SkipReason), "nothing was judged yet"
    lake = lake_of(tmp_path)
    evaluation = watched(lake, models, instance)
    assert evaluation.passed, evaluation.description
    assert evaluation.description == "Model version 1 holds, by 700 scored forecasts."
    assert isinstance(asked(instance), dg.SkipReason)
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
    first, second = asked(instance), asked(instance)
    assert isinstance(first, dg.RunRequest)
    assert isinstance(second, dg.RunRequest)
    assert first.run_key == second.run_key == "drift-1", "Dagster starts one run for each key"


def test_scores_of_another_version_and_nothing_at_all_say_nothing(
    tmp_path: Path, models: ModelHome, instance: dg.DagsterInstance
) -> None:
    lake = lake_of(tmp_path, level=1.0, version="2")
    evaluation = watched(lake, models, instance)
    assert evaluation.passed
    assert "No forecast of the champion has been scored yet" in str(evaluation.description)
    none = ModelHome(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path.as_uri())
    assert watched(lake, none, instance).passed
    assert HOLDS.name == evaluation.check_name


def test_every_round_stands_in_the_lake_with_what_became_of_it(
    tmp_path: Path, models: ModelHome, instance: dg.DagsterInstance
) -> None:
    lake = DeltaLake(tmp_path / "lake")
    resources = {"lake": lake, "models": models, "clock": FixedClock(NOW)}
    for _ in range(2):
        assert dg.materialize([model_versions], instance=instance, resources=resources).success
    (version,) = lake.scan(MODEL_VERSIONS, scope=TenantScope.of("any client")).collect().to_dicts()
    assert (version["model_version"], version["state"], version["trained_at"]) == ("1", "champion", NOW)
    assert version["model_card"].startswith("# Engagement model")
    assert version["mean_absolute_error"] > 0
    assert version["baseline_mean_absolute_error"] == min(
        figure
        for name, figure in rounds(ENGAGEMENT, models.uri)[0].figures.items()
        if name.startswith("account_") and name.endswith("/mean_absolute_error")
    )


def test_a_registry_without_models_is_an_empty_table(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    lake = DeltaLake(tmp_path / "lake")
    home = ModelHome(f"sqlite:///{tmp_path / 'mlflow.db'}", (tmp_path / "artifacts").as_uri())
    resources = {"lake": lake, "models": home, "clock": FixedClock(NOW)}
    assert dg.materialize([model_versions], instance=instance, resources=resources).success
    assert lake.scan(MODEL_VERSIONS, scope=ALL).collect().is_empty()
