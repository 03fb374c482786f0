"""Real posts of the public data sets, shared by the model tests."""

from pathlib import Path

import polars as pl
import pytest

from benchmarks.reference_posts import instagram_posts
from ml.engagement import EngagementModel, fit
from ml.evaluation import TimeSplit, time_split
from ml.features import post_features


@pytest.fixture(scope="session")
def real_posts(reference_data: Path) -> pl.DataFrame:
    """Eight accounts' posts of two years: enough to learn from, small enough for a test."""
    posts = instagram_posts(reference_data).filter(pl.col("published_at").dt.year() <= 2022)
    accounts = posts["account_id"].unique().sort().head(8)
    return posts.filter(pl.col("account_id").is_in(accounts.implode()))


@pytest.fixture(scope="session")
def real_features(real_posts: pl.DataFrame) -> pl.DataFrame:
    return post_features(real_posts)


@pytest.fixture(scope="session")
def real_split(real_features: pl.DataFrame) -> TimeSplit:
    return time_split(real_features)


@pytest.fixture(scope="session")
def real_model(real_split: TimeSplit) -> EngagementModel:
    return fit(real_split.train)
