"""The engagement model: learns, states an interval, survives little data, is saved and loaded unchanged."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from contracts.errors import NotReadyError
from ml.engagement import (
    ERROR_PRIOR_POSTS,
    ERROR_WINDOW,
    SCALE_PRIOR_POSTS,
    EngagementModel,
    fit,
    fit_account_median,
    load,
    percentiles,
    rolling_conformal,
    save,
)
from ml.features import post_features
from ml.text_embeddings import VECTOR
from ml.threads import ROWS_PER_SLICE
from tests.made_up_posts import with_topics

Factory = Callable[..., pl.DataFrame]


@pytest.fixture(scope="module")
def features(posts_factory: Factory) -> pl.DataFrame:
    return post_features(posts_factory(accounts=4, per_account=220, seed=2))


@pytest.fixture(scope="module")
def past(features: pl.DataFrame) -> pl.DataFrame:
    return features.sort("published_at").head(700)


@pytest.fixture(scope="module")
def future(features: pl.DataFrame) -> pl.DataFrame:
    return features.sort("published_at").tail(150)


@pytest.fixture(scope="module")
def model(past: pl.DataFrame) -> EngagementModel:
    return fit(past)


def error(forecast: np.ndarray, features: pl.DataFrame) -> float:
    return float(np.mean(np.abs(features["log_engagement"].to_numpy() - forecast)))


def test_it_learns_what_the_median_cannot_know(
    model: EngagementModel, past: pl.DataFrame, future: pl.DataFrame
) -> None:
    assert model.kind == "boosted"
    level = fit_account_median(past)
    assert error(model.expected(future), future) < 0.9 * error(level.expected(future), future)
    # Noise has a standard deviation of 0.5, so no method can have an error under 0.4.
    assert error(model.expected(future), future) > 0.38


def test_the_interval_covers_about_what_it_says(
    model: EngagementModel, future: pl.DataFrame, features: pl.DataFrame
) -> None:
    for observed in (None, features):
        forecast = model.forecast(future, observed=observed)
        label = future["log_engagement"]
        covered = ((label >= forecast["lower_log_engagement"]) & (label <= forecast["upper_log_engagement"])).mean()
        assert isinstance(covered, float)
        assert 0.68 < covered < 0.92


def test_what_only_vectors_say_is_learned_and_a_text_without_one_is_forecast_too(
    features: pl.DataFrame, tmp_path: Path
) -> None:
    rows = with_topics(features.sort("published_at"))
    past, future = rows.head(700), rows.tail(150)
    model = fit(past, min_vectors=200)
    assert model.reads_vectors
    assert "text vectors" in model.reason
    unseen = model.expected(future.drop(VECTOR))
    assert error(model.expected(future), future) < 0.8 * error(unseen, future)
    some = future.with_columns(pl.when(pl.int_range(pl.len()) < 9).then(VECTOR).alias(VECTOR))
    assert model.expected(some)[:9] == pytest.approx(model.expected(future)[:9])
    assert model.expected(some)[9:] == pytest.approx(unseen[9:])

    save(model, tmp_path / "model.skops")
    assert_frame_equal(load(tmp_path / "model.skops").forecast(future), model.forecast(future))


def test_where_a_link_leads_is_learned(features: pl.DataFrame) -> None:
    rows = features.sort("published_at")
    is_wanted = pl.Series(np.random.default_rng(7).random(rows.height) < 0.5)
    rows = rows.with_columns(
        link_words=pl.when(is_wanted)
        .then(pl.lit("link_host_wanted_example"))
        .otherwise(pl.lit("link_host_other_example")),
        log_engagement=pl.col("log_engagement") + pl.when(is_wanted).then(1.5).otherwise(0.0),
    )
    past, future = rows.head(700), rows.tail(150)
    model = fit(past)
    unseen = model.expected(future.with_columns(link_words=pl.lit(None, dtype=pl.String)))
    assert error(model.expected(future), future) < 0.8 * error(unseen, future)


def test_many_drafts_at_once_get_the_forecasts_of_each_alone(model: EngagementModel, future: pl.DataFrame) -> None:
    many = pl.concat([future] * (2 * ROWS_PER_SLICE // future.height + 1))
    assert many.height > 2 * ROWS_PER_SLICE
    alone = np.concatenate([model.expected(future[row]) for row in range(future.height)])
    assert np.array_equal(model.expected(many), np.tile(alone, many.height // future.height))


def test_bounds_enclose_a_forecast_that_is_never_negative(model: EngagementModel, features: pl.DataFrame) -> None:
    quiet = features.with_columns(pl.col("^history_(median|mean)_.*$") * 0.0)
    for rows in (features, quiet):
        forecast = model.forecast(rows)
        assert forecast.height == rows.height
        assert forecast.filter(
            (pl.col("lower_log_engagement") < 0)
            | (pl.col("lower_log_engagement") > pl.col("expected_log_engagement"))
            | (pl.col("upper_log_engagement") < pl.col("expected_log_engagement"))
        ).is_empty()
        assert forecast.null_count().sum_horizontal().item() == 0


def test_a_rolling_conformal_quantile_is_the_rank_among_the_last_errors() -> None:
    errors = np.random.default_rng(0).normal(size=60).round(1)
    lower, upper = rolling_conformal(errors, 0.9, window=20)
    for at in range(60):
        last = sorted(errors[max(0, at - 19) : at + 1])
        rank = min(ceil((len(last) + 1) * 0.9), len(last))
        assert (lower[at], upper[at]) == (last[-rank], last[rank - 1])


def test_an_interval_follows_the_formula(model: EngagementModel, future: pl.DataFrame, features: pl.DataFrame) -> None:
    """Row by row: the account's own known errors, and the quantiles of all in units of the row's scale."""
    rows = future.gather_every(7)
    interval = model.interval
    seen = features.filter(pl.col("is_label_mature") & (pl.col("published_at") >= model.trained_until))
    missed = seen["log_engagement"].to_numpy() - model.expected(seen)
    known = [
        *zip(interval.accounts, interval.known_at.tolist(), interval.errors.tolist(), strict=True),
        *zip(seen["account_id"], seen["label_known_at"].to_physical(), missed.tolist(), strict=True),
    ]
    forecast = model.forecast(rows, observed=features)
    assert_frame_equal(model.having_seen(features).forecast(rows), forecast)
    for row, told in zip(rows.iter_rows(named=True), forecast.iter_rows(named=True), strict=True):
        published = int(row["published_at"].timestamp() * 1e6)
        past = sorted((at, error) for account, at, error in known if account == row["account_id"] and at <= published)
        last = sorted(error for _, error in past[-ERROR_WINDOW:])
        m, n = len(last), min(row["history_count"], 100)
        rank = min(ceil((m + 1) * 0.9), m)
        scale = n * row["history_residual_scale"] + SCALE_PRIOR_POSTS * interval.pooled_scale
        scale /= n + SCALE_PRIOR_POSTS
        centre = told["expected_log_engagement"]
        for name, own, pooled in (
            ("lower_log_engagement", last[-rank], interval.lower_quantile),
            ("upper_log_engagement", last[rank - 1], interval.upper_quantile),
        ):
            away = (m * own + ERROR_PRIOR_POSTS * scale * pooled) / (m + ERROR_PRIOR_POSTS)
            assert told[name] == pytest.approx(max(centre + away, 0.0))


def test_an_account_that_is_hard_to_forecast_gets_a_wider_interval(
    model: EngagementModel, future: pl.DataFrame, features: pl.DataFrame
) -> None:
    wild, calm = future["account_id"].value_counts(sort=True)["account_id"].head(2).to_list()
    rng = np.random.default_rng(3)
    odd = features.with_columns(
        log_engagement=pl.when(pl.col("account_id") == wild)
        .then(pl.col("log_engagement") + pl.Series(5 * rng.standard_normal(features.height)))
        .otherwise("log_engagement")
    )
    widths = {
        name: model.forecast(future, observed=observed)
        .select(pl.col("upper_log_engagement") - pl.col("lower_log_engagement"))
        .to_series()
        .to_numpy()
        for name, observed in (("as it was", features), ("odd", odd))
    }
    grown = widths["odd"] / widths["as it was"]
    by_account = {name: grown[(future["account_id"] == name).to_numpy()] for name in (wild, calm)}
    assert by_account[wild][-10:].min() > 1.2
    assert np.array_equal(by_account[calm], np.ones(len(by_account[calm])))


def test_an_interval_uses_only_what_had_matured(
    model: EngagementModel, future: pl.DataFrame, features: pl.DataFrame
) -> None:
    first = future.sort("published_at").head(20)
    moment = first["published_at"].max()
    shouted = features.with_columns(
        pl.when(pl.col("label_known_at") > moment)
        .then(pl.lit(50.0))
        .otherwise("log_engagement")
        .alias("log_engagement")
    )
    assert_frame_equal(model.forecast(first, observed=features), model.forecast(first, observed=shouted))
    known = features.with_columns(
        pl.when(pl.col("published_at") >= model.trained_until)
        .then(pl.lit(50.0))
        .otherwise("log_engagement")
        .alias("log_engagement")
    )
    late = future.sort("published_at").tail(20)
    honest, told = (model.forecast(late, observed=rows)["upper_log_engagement"] for rows in (features, known))
    assert (told > honest).any()


def test_the_same_rows_and_seed_give_the_same_model(
    past: pl.DataFrame, future: pl.DataFrame, model: EngagementModel
) -> None:
    again = fit(past.sample(fraction=1.0, shuffle=True, seed=9))
    assert_frame_equal(again.forecast(future), model.forecast(future))


def test_a_new_account_and_a_new_format_get_a_forecast(model: EngagementModel, future: pl.DataFrame) -> None:
    strange = future.head(1).with_columns(
        pl.lit("bluesky:never-seen").alias("account_id"),
        pl.lit("story").alias("content_format"),
        pl.col("^history_.*$").cast(pl.Float64) * None,
        pl.lit(None, dtype=pl.String).alias("text"),
    )
    forecast = model.forecast(strange).row(0, named=True)
    assert (
        0 <= forecast["lower_log_engagement"] <= forecast["expected_log_engagement"] <= forecast["upper_log_engagement"]
    )
    assert model.forecast(future.head(0)).height == 0


def test_with_little_to_learn_from_the_account_median_stands_in_and_says_so(past: pl.DataFrame) -> None:
    little = past.head(120)
    model = fit(little)
    assert model.kind == "account_median"
    assert "too few" in model.reason
    assert model.expected(little.tail(10)).tolist() == little.tail(10)["history_median_30"].to_list()
    forecast = model.forecast(little.tail(10))
    assert (forecast["upper_log_engagement"] > forecast["lower_log_engagement"]).all()


def test_where_nothing_can_be_learned_the_median_stays(posts_factory: Factory) -> None:
    """Pure noise around the level: the newest part of the past shows that learning does not help."""
    posts = posts_factory(accounts=2, per_account=250, seed=4)
    rng = np.random.default_rng(0)
    noise = np.expm1(5 + rng.standard_normal(posts.height)).round().astype(np.int64).clip(0)
    blank = posts.with_columns(mature_engagements=pl.Series(noise), text=pl.lit("same"), content_format=pl.lit("image"))
    model = fit(post_features(blank))
    best = min(model.validation_errors, key=lambda name: model.validation_errors[name])
    assert (model.kind == "account_median") == (best == "account_median")


def test_too_few_posts_are_refused_with_what_to_do(past: pl.DataFrame) -> None:
    with pytest.raises(NotReadyError, match="ingest more history"):
        fit(past.head(15))
    with pytest.raises(NotReadyError):
        fit(past.clear())


@pytest.mark.parametrize("kind", ["boosted", "account_median"])
def test_saving_and_loading_change_nothing(
    kind: str, model: EngagementModel, past: pl.DataFrame, future: pl.DataFrame, tmp_path: Path
) -> None:
    saved = model if kind == "boosted" else fit_account_median(past)
    save(saved, tmp_path / "model.skops")
    loaded = load(tmp_path / "model.skops")
    assert_frame_equal(loaded.forecast(future), saved.forecast(future))
    assert (loaded.kind, loaded.reason, loaded.trained_until) == (kind, saved.reason, saved.trained_until)
    assert (tmp_path / "model.skops").stat().st_size < 5_000_000


class Intruder:
    """A type that no honest artefact holds."""


def test_an_artefact_with_any_other_type_is_refused(tmp_path: Path) -> None:
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    skops.io.dump({"format_version": 1, "boosters": Intruder()}, tmp_path / "model.skops")
    with pytest.raises(UntrustedTypesFoundException):
        load(tmp_path / "model.skops")
    skops.io.dump({"format_version": 0}, tmp_path / "old.skops")
    with pytest.raises(NotReadyError, match="train it again"):
        load(tmp_path / "old.skops")


def test_percentile_is_the_share_of_known_past_outcomes_below() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    features = pl.DataFrame(
        {
            "post_id": ["a", "b", "c"],
            "account_id": "x",
            "is_label_mature": True,
            "log_engagement": [1.0, 2.0, 3.0],
            "label_known_at": [start, start + timedelta(days=1), start + timedelta(days=9)],
        }
    ).with_columns(pl.col("label_known_at").cast(pl.Datetime("us", "UTC")))
    asked = pl.DataFrame(
        {
            "account_id": ["x", "x", "x", "y"],
            "expected_log_engagement": [1.5, 1.5, 9.0, 1.0],
            "published_at": [start, start + timedelta(days=1), start + timedelta(days=10), start],
        }
    )
    assert percentiles(asked, features).to_list() == [1.0, 0.5, 1.0, None]
