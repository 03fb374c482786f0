"""Hour effects are shrunk, cautious and silent without evidence."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from ml.features import post_features
from ml.posts import HOUR_BLOCK
from ml.timing import HOUR_EFFECTS_SCHEMA, hour_effects, slot_gains


@pytest.fixture(scope="module")
def features(posts_factory: Callable[..., pl.DataFrame]) -> pl.DataFrame:
    return post_features(posts_factory(accounts=3, per_account=200, seed=6))


def with_evening_bonus(features: pl.DataFrame, bonus: float) -> pl.DataFrame:
    is_evening = pl.col("local_hour") // HOUR_BLOCK == 4
    return features.with_columns(pl.col("log_engagement") + bonus * is_evening.cast(pl.Float64))


def test_a_real_effect_is_found_and_never_overstated(features: pl.DataFrame) -> None:
    effects = hour_effects(with_evening_bonus(features, 1.0))
    assert effects.schema == HOUR_EFFECTS_SCHEMA
    evening = effects.filter(pl.col("hour_block") == 4)
    assert (evening["cautious_effect"] > 0.2).all()
    assert (effects["cautious_effect"].abs() <= effects["effect"].abs()).all()
    assert (evening["effect"] < 1.1).all()


def test_noise_does_not_name_a_best_hour(features: pl.DataFrame) -> None:
    """In-sample best-hour averages look large; the cautious effect of pure noise stays within a few percent."""
    rng = np.random.default_rng(1)
    noise = features.with_columns(
        (pl.col("history_median_30") + pl.Series(rng.standard_normal(features.height))).alias("log_engagement"),
        pl.lit(0.0).alias("history_format_effect"),
        pl.lit(0.0).alias("history_text_effect"),
    )
    effects = hour_effects(noise)
    raw = noise.with_columns(
        r=pl.col("log_engagement") - pl.col("history_median_30"), b=pl.col("local_hour") // HOUR_BLOCK
    )
    naive = raw.group_by("account_id", "b").agg(pl.col("r").mean())["r"].max()
    assert isinstance(naive, float)
    assert naive > 0.12
    assert effects["cautious_effect"].abs().max() < 0.1  # type: ignore[operator]


def test_without_residuals_there_are_no_effects(features: pl.DataFrame) -> None:
    assert hour_effects(features.clear()).is_empty()
    assert hour_effects(features.clear()).schema == HOUR_EFFECTS_SCHEMA
    assert hour_effects(features.head(1)).is_empty()


def test_gain_is_the_mean_of_the_model_and_the_account_evidence() -> None:
    effects = pl.DataFrame(
        {
            "account_id": ["a"],
            "hour_block": [2],
            "posts": [50],
            "effect": [0.5],
            "standard_error": [0.1],
            "cautious_effect": [0.4],
        },
        schema=HOUR_EFFECTS_SCHEMA,
    )
    expected = np.array([[3.0, 3.2], [5.0, 5.0]])
    gains = slot_gains(expected, np.array([9, 20]), "a", effects)
    assert gains == pytest.approx(np.array([[(-0.1 + 0.2) / 2, (0.1 - 0.2) / 2], [0.1, -0.1]]))
    assert slot_gains(expected, np.array([9, 20]), "someone else", effects)[1].tolist() == [0.0, 0.0]
    assert slot_gains(np.empty((0, 2)), np.array([9, 20]), "a", effects).shape == (0, 2)
