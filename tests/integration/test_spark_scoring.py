"""Drafts scored on Spark get the forecasts that they get here, from a champion that no worker has to look for."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from contracts.errors import NotReadyError
from lakehouse.spark import score_drafts
from ml.engagement import fit
from ml.families import ENGAGEMENT
from ml.features import post_features
from ml.gate import Gate
from ml.registry import EngagementScorer, register
from ml.rounds import RoundInputs, libraries
from ml.text_embeddings import VECTOR
from ml.training import Training
from tests.made_up_posts import make_posts, with_topics
from tests.spark import running_spark

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    # MLflow's own code warns about its own dependencies; what Pulso calls raises none of these by itself.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]
INPUTS = RoundInputs("features/post_features", 3, "0" * 64, 0, 0.02, None, libraries(), embeddings_version=2)


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with running_spark(tmp_path_factory.mktemp("scratch")) as session:
        yield session


@pytest.fixture(scope="module")
def features() -> pl.DataFrame:
    return with_topics(post_features(make_posts(accounts=4, per_account=220, seed=2)).sort("published_at"))


def registered(rows: pl.DataFrame, home: Path) -> str:
    """Address of a registry whose champion was fitted on `rows`."""
    uri = f"sqlite:///{home / 'mlflow.db'}"
    training = Training(fit(rows, min_vectors=200), None, Gate(is_passed=True, reasons=("a test",)))
    root, at = (home / "artifacts").as_uri(), datetime(2026, 5, 30, tzinfo=UTC)
    register(ENGAGEMENT, training, uri=uri, artifact_root=root, trained_at=at, inputs=INPUTS)
    return uri


@pytest.mark.parametrize("reads_vectors", [False, True])
def test_drafts_get_the_forecasts_that_they_get_here(
    reads_vectors: bool, spark: Any, features: pl.DataFrame, tmp_path: Path
) -> None:
    rows = features if reads_vectors else features.drop(VECTOR)
    uri = registered(rows.head(600), tmp_path)
    drafts = rows.tail(200).with_columns(
        text=pl.when(pl.int_range(pl.len()) % 7 > 0).then("text"), log_engagement=pl.lit(None, dtype=pl.Float64)
    )
    here = EngagementScorer(uri, observed=rows).score(drafts)
    assert not here.equals(EngagementScorer(uri).score(drafts))
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "30")
    given = drafts.to_arrow(compat_level=pl.CompatLevel.oldest())
    frame = spark.createDataFrame(given).repartition(3)

    scored = score_drafts(frame, EngagementScorer(uri, observed=rows))

    assert scored.columns == [*drafts.columns, *here.columns]
    found = pl.DataFrame(scored.toArrow())
    expected = pl.concat([drafts.select("post_id", "published_at"), here], how="horizontal").sort("post_id")
    assert_frame_equal(found.select(expected.columns).sort("post_id"), expected, check_exact=not reads_vectors)


def test_without_a_model_nothing_is_sent(spark: Any, tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match="make run"):
        score_drafts(spark.range(1), EngagementScorer(f"sqlite:///{tmp_path / 'mlflow.db'}"))
