"""One round of training: refuse leaks, fit on the past, measure on held-out rows, decide whether the result may become champion.

Belongs here: the order of those steps and the gate. Does not belong here: where models are kept (`ml/registry.py`).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from contracts.errors import NotReadyError
from ml.engagement import EngagementModel, fit, fit_account_median
from ml.evaluation import MIN_POSTS_PER_ACCOUNT, Evaluation, Metrics, TimeSplit, evaluate, metrics, time_split
from ml.leakage import refuse_leaks

MIN_HELD_OUT_POSTS = 30
MIN_POSTS_PER_ACCOUNT_SMALL = 10
"""With little data no account has enough test posts to be ranked by the usual bar; then this one holds."""


@dataclass(frozen=True)
class Gate:
    """Whether a model may become champion, and each reason in a sentence."""

    is_passed: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Training:
    """A fitted model with its evidence. `champion` are the present champion's figures on the same held-out rows.

    `evaluation` is None when too little has matured to hold anything out.
    """

    model: EngagementModel
    evaluation: Evaluation | None
    champion: Metrics | None
    gate: Gate


def train(
    features: pl.DataFrame,
    *,
    champion: EngagementModel | None,
    seed: int = 0,
    test_share: float = 0.2,
    resamples: int = 200,
) -> Training:
    """Fit on all but the newest `test_share` of matured posts and judge on those.

    The model that is returned is the one that was measured. It never saw the held-out rows, and neither did a champion that an
    earlier round produced from fewer posts, so the two can be compared. Where the model fails the gate and there is no
    champion yet, the account's trailing median is returned instead: plain, flagged by its `kind`, and better than nothing.
    Raises LeakageError when `features` hold what was not known at publication, NotReadyError when not even the median can be
    fitted.
    """
    refuse_leaks(features)
    try:
        split = time_split(features, test_share=test_share)
        model = fit(split.train, seed=seed)
    except NotReadyError:
        return _unmeasured(features, champion)
    if split.test.height < MIN_HELD_OUT_POSTS:
        return _unmeasured(features, champion)
    min_posts = _bar(split)
    evaluation = _evaluated(model, split, features, resamples, seed, min_posts)
    champion_metrics = None if champion is None else _champion_metrics(champion, split, min_posts)
    gate = judge(model, evaluation, champion_metrics)
    if not gate.is_passed and champion is None:
        model = fit_account_median(split.train)
        evaluation = _evaluated(model, split, features, resamples, seed, min_posts)
        gate = Gate(is_passed=True, reasons=(*gate.reasons, "first model: the account's trailing median stands in"))
    return Training(model, evaluation, champion_metrics, gate)


def judge(model: EngagementModel, evaluation: Evaluation, champion: Metrics | None) -> Gate:
    """A learned model passes if its error and rank correlation beat every baseline's and its error the champion's.

    Point figures decide, on the same held-out rows; a rank correlation that cannot be computed decides nothing.
    """
    reasons = []
    if model.kind == "account_median":
        reasons.append("nothing was learned beyond the account's trailing median")
    for name, baseline in evaluation.baselines.items():
        if not evaluation.model.mean_absolute_error < baseline.mean_absolute_error:
            reasons.append(
                f"MAE {evaluation.model.mean_absolute_error:.3f} is not below {baseline.mean_absolute_error:.3f} of {name}"
            )
        if evaluation.model.rank_correlation <= baseline.rank_correlation:
            reasons.append(
                f"rank correlation {evaluation.model.rank_correlation:.3f} is not above "
                f"{baseline.rank_correlation:.3f} of {name}"
            )
    if champion is not None and not evaluation.model.mean_absolute_error < champion.mean_absolute_error:
        reasons.append(
            f"MAE {evaluation.model.mean_absolute_error:.3f} is not below the champion's {champion.mean_absolute_error:.3f}"
        )
    if reasons:
        return Gate(is_passed=False, reasons=tuple(reasons))
    return Gate(is_passed=True, reasons=("better than every baseline" + (" and the champion" if champion else ""),))


def _unmeasured(features: pl.DataFrame, champion: EngagementModel | None) -> Training:
    model = fit_account_median(features.filter(pl.col("is_label_mature")))
    reason = "too few posts have matured to hold some out"
    if champion is None:
        return Training(model, None, None, Gate(is_passed=True, reasons=(f"{reason}: first model, not measured",)))
    return Training(model, None, None, Gate(is_passed=False, reasons=(reason,)))


def _bar(split: TimeSplit) -> int:
    largest = split.test["account_id"].value_counts()["count"].max()
    return MIN_POSTS_PER_ACCOUNT if int(np.asarray(largest)) >= MIN_POSTS_PER_ACCOUNT else MIN_POSTS_PER_ACCOUNT_SMALL


def _evaluated(
    model: EngagementModel, split: TimeSplit, features: pl.DataFrame, resamples: int, seed: int, min_posts: int
) -> Evaluation:
    forecasts = model.forecast(split.test, observed=features)
    return evaluate(split, forecasts, features, resamples=resamples, seed=seed, min_posts=min_posts)


def _champion_metrics(champion: EngagementModel, split: TimeSplit, min_posts: int) -> Metrics:
    return metrics(
        split.test["account_id"].to_numpy().astype(str),
        split.test["log_engagement"].to_numpy(),
        champion.expected(split.test),
        min_posts=min_posts,
    )
