"""How the engagement model behaves on real posts: invariance, direction, minimum function, baselines, coverage."""

import numpy as np
import polars as pl
import pytest

from ml.engagement import EngagementModel
from ml.evaluation import TimeSplit, evaluate
from ml.features import post_features
from ml.leakage import IMPLAUSIBLE_CORRELATION, columns_that_move, find_leaks, outcome_correlations

pytestmark = [pytest.mark.reference_data, pytest.mark.slow]


def expected(model: EngagementModel, rows: pl.DataFrame) -> np.ndarray:
    return model.expected(rows)


def test_it_beats_every_baseline_on_held_out_posts(
    real_model: EngagementModel, real_split: TimeSplit, real_features: pl.DataFrame
) -> None:
    forecasts = real_model.forecast(real_split.test, observed=real_features)
    found = evaluate(real_split, forecasts, real_features, resamples=200)
    assert real_model.kind == "boosted"
    ranks = [item for item in found.differences if item.metric == "rank_correlation"]
    errors = [item for item in found.differences if item.metric == "mean_absolute_error"]
    assert all(item.is_better for item in ranks), ranks
    assert all(item.difference < 0 for item in errors), errors
    assert found.model.rank_correlation > 0.3


def test_the_interval_covers_four_outcomes_of_five(
    real_model: EngagementModel, real_split: TimeSplit, real_features: pl.DataFrame
) -> None:
    forecasts = real_model.forecast(real_split.test, observed=real_features)
    found = evaluate(real_split, forecasts, real_features, resamples=2).interval
    assert 0.75 < found.coverage_ratio < 0.85
    assert min(found.by_account.values()) > 0.68


def test_invariance_names_and_times_of_other_things_do_not_matter(
    real_model: EngagementModel, real_split: TimeSplit
) -> None:
    rows = real_split.test.head(300)
    renamed = rows.with_columns(
        pl.lit("another client").alias("client_id"),
        ("x" + pl.col("post_id")).alias("post_id"),
        pl.lit(None, dtype=pl.Float64).alias("log_engagement"),
        pl.lit(value=False).alias("is_label_mature"),
    )
    assert np.array_equal(expected(real_model, rows), expected(real_model, renamed))
    shuffled = rows.with_row_index().sample(fraction=1.0, shuffle=True, seed=1)
    assert np.allclose(
        expected(real_model, shuffled.drop("index"))[np.argsort(shuffled["index"].to_numpy())],
        expected(real_model, rows),
    )
    shouted = rows.with_columns(
        pl.col("text").str.to_uppercase()
    )  # word weights know no case; the ratio is a feature of its own
    assert np.allclose(expected(real_model, shouted), expected(real_model, rows))


def test_direction_a_higher_level_and_better_similar_texts_raise_the_forecast(
    real_model: EngagementModel, real_split: TimeSplit
) -> None:
    rows = real_split.test.head(500)
    levels = "^history_(median|mean)_.*$"
    raised = expected(real_model, rows.with_columns(pl.col(levels) + 1.0)) - expected(real_model, rows)
    assert np.mean(raised > 0) > 0.95
    assert 0.4 < np.median(raised) < 1.4
    similar = expected(real_model, rows.with_columns(pl.lit(1.0).alias("history_text_effect"))) - expected(
        real_model, rows.with_columns(pl.lit(-1.0).alias("history_text_effect"))
    )
    assert np.mean(similar) > 0
    assert np.mean(similar > 0) > 0.7


def test_minimum_function_obvious_cases_are_right(real_model: EngagementModel, real_split: TimeSplit) -> None:
    rows = real_split.test
    forecast = real_model.forecast(rows)
    assert np.isfinite(forecast.to_numpy()).all()
    label = rows["log_engagement"].to_numpy()
    order = np.argsort(forecast["expected_log_engagement"].to_numpy())
    tenth = len(order) // 10
    assert label[order[-tenth:]].mean() > label[order[:tenth]].mean() + 1.0
    width = (forecast["upper_log_engagement"] - forecast["lower_log_engagement"]).to_numpy()
    assert 1.0 < np.median(width) < 4.0


def test_real_posts_leak_nothing_either(real_posts: pl.DataFrame, real_split: TimeSplit) -> None:
    """Outcomes of the future, replaced by nonsense, change no feature of the past: on real posts, whole pipeline."""
    assert columns_that_move(post_features, real_posts, real_split.cutoff) == ()


def test_real_features_pass_the_check_far_from_its_bar_and_a_planted_leak_does_not(real_features: pl.DataFrame) -> None:
    assert find_leaks(real_features) == ()
    assert outcome_correlations(real_features)["correlation"].abs().max() < IMPLAUSIBLE_CORRELATION - 0.2
    noise = np.random.default_rng(0).normal(0, 0.5, real_features.height)
    planted = real_features.with_columns(likes_in_hindsight=pl.col("log_engagement") + pl.Series(noise))
    assert [leak.column for leak in find_leaks(planted)] == ["likes_in_hindsight"]
