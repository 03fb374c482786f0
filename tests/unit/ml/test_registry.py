"""Training rounds in a real MLflow on SQLite: the gate moves the alias, and what comes back is what was measured."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from polars.testing import assert_frame_equal

from contracts.errors import NotReadyError
from contracts.ports import Scorer
from ml.card import figures, model_card
from ml.engagement import MIN_POSTS_TO_LEARN, fit
from ml.families import ENGAGEMENT
from ml.features import post_features
from ml.registry import EngagementScorer, champion_card, champion_trained_at, load_champion, register
from ml.rounds import RoundInputs, libraries
from ml.text_embeddings import VECTOR
from ml.training import Gate, Training, train
from tests.made_up_posts import with_topics

NOW = datetime(2026, 5, 30, 6, tzinfo=UTC)
INPUTS = RoundInputs("features/post_features", 3, "0" * 64, 0, 0.02, None, libraries(), embeddings_version=2)

# MLflow's own code warns about its own dependencies; what Pulso calls raises none of these by itself.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


@pytest.fixture(scope="module")
def features(posts_factory: Callable[..., pl.DataFrame]) -> pl.DataFrame:
    return post_features(posts_factory(accounts=4, per_account=180, seed=8))


@pytest.fixture(scope="module")
def first_round(features: pl.DataFrame) -> Training:
    return train(features.sort("published_at").head(600), champion=None, resamples=30)


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('registry') / 'mlflow.db'}"


def test_nothing_trained_yet_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match="make run"):
        load_champion(ENGAGEMENT, f"sqlite:///{tmp_path / 'mlflow.db'}")


def test_a_round_becomes_champion_and_comes_back_unchanged(
    first_round: Training, features: pl.DataFrame, uri: str, tmp_path: Path
) -> None:
    assert first_round.gate.is_passed
    assert first_round.model.kind == "boosted"
    root = Path(uri.removeprefix("sqlite:///")).parent / "artifacts"
    done = register(ENGAGEMENT, first_round, uri=uri, artifact_root=root.as_uri(), trained_at=NOW, inputs=INPUTS)
    assert done.is_champion
    model, version = load_champion(ENGAGEMENT, uri)
    assert version == done.version
    rows = features.tail(30)
    assert_frame_equal(model.forecast(rows), first_round.model.forecast(rows))
    assert champion_trained_at(ENGAGEMENT, uri) == NOW
    assert champion_card(ENGAGEMENT, uri) == model_card(first_round.model, first_round.evaluation, trained_at=NOW)
    assert list(root.rglob("engagement.skops")), "artefacts belong under the given root"

    scorer: Scorer = EngagementScorer(uri, encoder=Remembering({}))  # knows no text: this champion reads no vectors
    assert scorer.model_version == version
    assert_frame_equal(scorer.score(rows), model.forecast(rows))

    from mlflow import MlflowClient

    run = MlflowClient(tracking_uri=uri).get_run(done.run_id)
    assert RoundInputs.of_tags(run.data.tags) == INPUTS
    assert run.data.metrics == first_round.figures
    assert run.data.params["kind"] == "boosted"

    # The same posts again: registered as evidence, but no better than itself, so the champion stays.
    again = train(features.sort("published_at").head(600), champion=model, resamples=30)
    assert not again.gate.is_passed
    assert again.evaluation is not None
    assert again.evaluation.champion == again.evaluation.model
    later = register(ENGAGEMENT, again, uri=uri, artifact_root=root.as_uri(), trained_at=NOW, inputs=INPUTS)
    assert later.version != version
    assert not later.is_champion
    assert load_champion(ENGAGEMENT, uri)[1] == version


class Remembering:
    """Has the vectors that it was given, and remembers how many texts were asked for in each call."""

    version = "given"

    def __init__(self, known: Mapping[str, list[float]]) -> None:
        self.known, self.calls = known, list[int]()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.calls.append(len(texts))
        return np.array([self.known[text] for text in texts], dtype=np.float32)


def test_drafts_are_encoded_in_one_call_for_a_champion_that_reads_vectors(
    features: pl.DataFrame, tmp_path: Path
) -> None:
    rows = with_topics(features.sort("published_at").with_columns(text="said in " + pl.col("post_id")))
    model = fit(rows.head(600), min_vectors=200)
    assert model.reads_vectors
    training = Training(model, None, Gate(is_passed=True, reasons=("a test",)))
    uri, root = f"sqlite:///{tmp_path / 'mlflow.db'}", (tmp_path / "artifacts").as_uri()
    register(ENGAGEMENT, training, uri=uri, artifact_root=root, trained_at=NOW, inputs=INPUTS)
    drafts = rows.tail(20)
    encoder = Remembering(dict(drafts.select("text", VECTOR).iter_rows()))
    twice = pl.concat([drafts, drafts])  # as for two slots each
    scores = EngagementScorer(uri, encoder=encoder).score(twice.drop(VECTOR))
    assert_frame_equal(scores, model.forecast(twice))
    assert encoder.calls == [20]


def test_little_data_still_gives_a_flagged_first_model_but_never_replaces_a_champion(
    features: pl.DataFrame, first_round: Training
) -> None:
    little = features.sort("published_at").head(100)
    assert little.height < MIN_POSTS_TO_LEARN
    first = train(little, champion=None, resamples=20)
    assert first.gate.is_passed
    assert first.model.kind == "account_median"
    assert not train(little, champion=first_round.model, resamples=20).gate.is_passed
    tiny = train(features.sort("published_at").head(60), champion=None, resamples=20)
    assert tiny.model.kind == "account_median"
    with pytest.raises(NotReadyError):
        train(features.sort("published_at").head(10), champion=None)


def test_the_card_states_figures_and_limits(first_round: Training) -> None:
    evaluation = first_round.evaluation
    assert evaluation is not None
    card = model_card(first_round.model, evaluation, trained_at=NOW)
    assert figures(evaluation) in card
    assert f"{evaluation.model.mean_absolute_error:.3f}" in card
    assert f"{evaluation.interval.coverage_ratio:.1%}" in card
    assert "Not measured" in model_card(first_round.model, None, trained_at=NOW)
