"""The gate: what a model has to show before it may become champion."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from ml.engagement import fit
from ml.evaluation import BASELINES, CHAMPION, Difference, Evaluation, TimeSplit, evaluate, time_split
from ml.features import post_features
from ml.gate import may_stand_in
from ml.training import judge, train

SEED = 5


@pytest.fixture(scope="module")
def features(posts_factory: Callable[..., pl.DataFrame]) -> pl.DataFrame:
    return post_features(posts_factory(accounts=4, per_account=180, seed=8))


@pytest.fixture(scope="module")
def split(features: pl.DataFrame) -> TimeSplit:
    return time_split(features)


@pytest.fixture(scope="module")
def model(split: TimeSplit):
    return fit(split.train)


@pytest.fixture(scope="module")
def forecasts(model, split: TimeSplit) -> pl.DataFrame:
    return model.forecast(split.test)


def saying(
    expected: pl.Series, forecasts: pl.DataFrame, split: TimeSplit, features: pl.DataFrame, champion: pl.Series | None
) -> Evaluation:
    """The evaluation of a model that says this, beside a champion that says that."""
    said = forecasts.with_columns(expected.alias("expected_log_engagement"))
    rival = None if champion is None else champion.to_numpy()
    return evaluate(split, said, features, champion=rival, resamples=60, min_posts=10)


def test_a_model_that_has_learned_something_passes_and_guesses_do_not(model, forecasts, split, features) -> None:
    learned = forecasts["expected_log_engagement"]
    assert judge(model, saying(learned, forecasts, split, features, None)).is_passed
    guesses = pl.Series(np.random.default_rng(SEED).permutation(learned.to_numpy()))
    gate = judge(model, saying(guesses, forecasts, split, features, None))
    assert not gate.is_passed
    assert all(any(name in reason for reason in gate.reasons) for name in BASELINES)


def test_a_worse_model_never_replaces_the_champion(model, forecasts, split, features) -> None:
    learned, label = forecasts["expected_log_engagement"], split.test["log_engagement"]
    noise = np.random.default_rng(SEED).normal(scale=1.5, size=len(label))
    gate = judge(model, saying(learned + noise, forecasts, split, features, learned))
    assert not gate.is_passed
    assert any("against the champion: worse" in reason for reason in gate.reasons)


def test_a_hair_better_on_every_row_is_not_worth_a_change(model, forecasts, split, features) -> None:
    learned, label = forecasts["expected_log_engagement"], split.test["log_engagement"]
    evaluation = saying(learned + 0.01 * (label - learned), forecasts, split, features, learned)
    assert evaluation.champion is not None
    assert evaluation.model.mean_absolute_error < evaluation.champion.mean_absolute_error
    gate = judge(model, evaluation)
    assert [reason for reason in gate.reasons if "has to gain 0.02" in reason]
    assert judge(model, evaluation, min_gain=0.0).is_passed
    assert judge(model, saying(learned + 0.3 * (label - learned), forecasts, split, features, learned)).is_passed


@pytest.mark.parametrize(
    ("rank", "error", "is_passed"),
    [
        pytest.param((0.05, 0.01, 0.09), (-0.01, -0.03, 0.01), True, id="ranks better, errs as much"),
        pytest.param((0.00, -0.02, 0.02), (-0.10, -0.15, -0.05), True, id="ranks as well, errs less"),
        pytest.param((0.05, -0.01, 0.11), (-0.05, -0.11, 0.01), False, id="large gains that may be luck"),
        pytest.param((0.01, 0.005, 0.015), (-0.01, -0.015, -0.005), False, id="small gains that are none"),
        pytest.param((0.05, 0.01, 0.09), (0.10, 0.05, 0.15), False, id="ranks better and errs more"),
        pytest.param((np.nan, np.nan, np.nan), (-0.10, -0.15, -0.05), True, id="no account can be ranked"),
    ],
)
def test_what_a_challenger_has_to_win(model, forecasts, split, features, rank, error, is_passed: bool) -> None:
    learned = forecasts["expected_log_engagement"]
    evaluation = saying(learned, forecasts, split, features, learned)
    won = (Difference(CHAMPION, "rank_correlation", *rank), Difference(CHAMPION, "mean_absolute_error", *error))
    beaten = tuple(d for d in evaluation.differences if d.baseline != CHAMPION)
    assert judge(model, replace(evaluation, differences=(*beaten, *won))).is_passed is is_passed


def test_a_champion_that_has_come_to_be_worse_than_the_median_gives_way_to_it(features: pl.DataFrame) -> None:
    usual = pl.col("history_median_30")
    turned = features.with_columns(log_engagement=2 * usual - pl.col("log_engagement"))  # what was good is bad now
    champion = fit(turned.filter("is_label_mature"))
    noise = pl.Series(np.random.default_rng(SEED).normal(scale=0.4, size=features.height))
    by_chance = features.with_columns(log_engagement=pl.when("is_label_mature").then(usual + noise))

    fallen = train(by_chance, champion=champion, resamples=60)
    assert fallen.gate.is_passed
    assert fallen.model.kind == "account_median"
    assert fallen.gate.reasons[0] == "better than the champion: the account's trailing median stands in"
    assert not train(by_chance, champion=fallen.model, resamples=60).gate.is_passed, "once is enough"

    holding = train(turned, champion=champion, resamples=60)
    assert holding.model.kind == "boosted"
    assert not holding.gate.is_passed


def test_a_rule_that_nobody_compared_with_the_champion_does_not_take_its_place() -> None:
    assert not may_stand_in([])
    assert not may_stand_in([Difference("account_median", "mean_absolute_error", -0.1, -0.2, -0.05)])
    assert may_stand_in([Difference(CHAMPION, "mean_absolute_error", -0.1, -0.2, -0.05)])
