"""`pulso model`: rounds of training in a real home, one of them once more, and back to the champion before."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from typer.testing import CliRunner

from apps.cli import app
from apps.cli.console import console
from apps.cli.models import FamilyName
from apps.model_rounds import repeat
from assets.models.engagement import engagement_model
from contracts.clock import FixedClock
from contracts.errors import NotReadyError, PulsoError
from contracts.ports import ModelHome
from contracts.settings import Settings
from contracts.tables import POST_FEATURES
from lakehouse import DeltaLake, open_lake
from ml.families import ENGAGEMENT, FAMILIES
from ml.features import post_features
from ml.registry import Round, load_champion, rounds
from operations.store import set_up
from tests.made_up_posts import make_posts

RUN = CliRunner()
NOW = datetime(2026, 5, 30, 6, tzinfo=UTC)

# MLflow's own code warns about its own dependencies; what Pulso calls raises none of these by itself.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("PULSO_HOME", str(tmp_path))
    settings = Settings()
    set_up(settings)
    return settings


@pytest.fixture
def features() -> pl.DataFrame:
    return post_features(make_posts(accounts=4, per_account=150, seed=8)).sort("published_at")


def train(settings: Settings, lake: DeltaLake, *, on: datetime, min_gain: float = 0.02) -> None:
    config = {"ops": {"models__engagement_model": {"config": {"min_gain": min_gain}}}}
    resources = {
        "lake": lake,
        "models": ModelHome(settings.mlflow_uri, settings.mlflow_artifacts_uri),
        "clock": FixedClock(on),
    }
    dg.materialize([engagement_model], resources=resources, run_config=config)


@pytest.fixture
def trained(settings: Settings, features: pl.DataFrame) -> DeltaLake:
    """A first champion from little, one that has learned from all, and a round that won nothing over it."""
    lake = open_lake(settings)
    lake.append(POST_FEATURES, features.head(100))
    train(settings, lake, on=NOW)
    lake.append(POST_FEATURES, features)
    for day in (1, 2):
        train(settings, lake, on=NOW + timedelta(days=day))
    return lake


def said(*words: str) -> str:
    """What a command prints."""
    with console.capture() as captured:
        result = RUN.invoke(app, ["model", *words])
    assert result.exit_code == 0, (result.output, result.exception)
    return " ".join(captured.get().split())


def by_version(settings: Settings) -> dict[str, Round]:
    return {round_.version: round_ for round_ in rounds(ENGAGEMENT, settings.mlflow_uri)}


def test_a_round_is_repeated_to_the_last_bit_and_a_champion_taken_back(
    settings: Settings, trained: DeltaLake, features: pl.DataFrame
) -> None:
    known = by_version(settings)
    assert [(v, known[v].kind, known[v].reign, known[v].is_champion) for v in ("1", "2", "3")] == [
        ("1", "account_median", 1, False),
        ("2", "boosted", 2, True),
        ("3", "boosted", None, False),
    ]
    assert "has to gain 0.02" in known["3"].reasons
    assert "champion" in said("list")
    assert "Limits" in said("card")

    # The table has grown and changed since, and the round is still what it was.
    trained.replace(
        POST_FEATURES, features.with_columns(log_engagement=pl.col("log_engagement") + 1), allow_collapse=True
    )
    assert "Identical" in said("repeat", known["2"].run_id)
    assert "Identical" in said("repeat", known["1"].run_id)
    moved = replace(known["2"], tags={**known["2"].tags, "features_version": str(trained.version(POST_FEATURES))})
    found = repeat(ENGAGEMENT, moved, trained, uri=settings.mlflow_uri)
    assert not found.is_same_frame
    assert "model/mean_absolute_error" in found.differing
    other = repeat(
        ENGAGEMENT, replace(known["2"], tags={**known["2"].tags, "seed": "8"}), trained, uri=settings.mlflow_uri
    )
    assert other.is_same_frame
    assert not other.is_identical

    assert "version 1" in said("rollback", "misreads reels")
    assert load_champion(ENGAGEMENT, settings.mlflow_uri)[1] == "1"
    assert by_version(settings)["2"].withdrawn == "misreads reels"
    refused = RUN.invoke(app, ["model", "rollback", "and this one"])
    assert isinstance(refused.exception, NotReadyError)
    assert "no earlier one" in str(refused.exception)


def test_what_is_not_there_is_told_so(settings: Settings) -> None:
    assert "No engagement model has been trained yet" in said("list")
    assert "No popularity model has been trained yet" in said("list", "--model", "popularity")
    assert {*FamilyName} == {*FAMILIES}, "the option names all that are trained"
    for words, told in (
        (("repeat", "f00"), "no registered engagement model comes from run f00"),
        (("rollback", "because"), "nothing to take back"),
        (("card",), "make run"),
    ):
        result = RUN.invoke(app, ["model", *words])
        assert isinstance(result.exception, PulsoError), result.output
        assert told in str(result.exception)


def test_asking_a_home_that_is_none_makes_no_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSO_HOME", str(tmp_path / "none"))
    assert isinstance(RUN.invoke(app, ["model", "list"]).exception, NotReadyError)
    assert not (tmp_path / "none").exists()
