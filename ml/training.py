"""One round of training of the engagement model: refuse leaks, fit on the past, measure on held-out rows, decide about the crown.

Belongs here: the order of those steps. Does not belong here: the gate's rule (`ml/gate.py`), where models are kept (`ml/registry.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from contracts.errors import NotReadyError
from ml.card import model_card
from ml.engagement import EngagementModel, fit, fit_account_median
from ml.evaluation import CHAMPION, MIN_POSTS_PER_ACCOUNT, Evaluation, TimeSplit, evaluate, time_split
from ml.gate import MIN_GAIN, Gate, gate, may_stand_in
from ml.leakage import refuse_leaks

MIN_HELD_OUT_POSTS = 30
ENOUGH_HELD_OUT_POSTS = 1_000
"""So many of the last four weeks tell a better model from luck; a fifth of a long history would only make the model older."""
MIN_POSTS_PER_ACCOUNT_SMALL = 10
"""With little data no account has enough test posts to be ranked by the usual bar; then this one holds."""


@dataclass(frozen=True)
class Training:
    """A fitted model with its evidence: `evaluation` is None when too little has matured to hold anything out."""

    model: EngagementModel
    evaluation: Evaluation | None
    gate: Gate

    @property
    def figures(self) -> dict[str, float]:
        """All figures of the round by a name that MLflow takes. One that cannot be computed (nan) is left out and not zero."""
        tried = self.model.validation_errors.items()
        figures = {f"validation_mae/{name.replace(',', '')}": error for name, error in tried}
        if (found := self.evaluation) is not None:
            figures |= {
                "held_out_posts": float(found.model.rows),
                "coverage_ratio": found.interval.coverage_ratio,
                "interval_score": found.interval.interval_score,
            }
            rivals = {**found.baselines, **({CHAMPION: found.champion} if found.champion else {})}
            for name, metrics in {"model": found.model, **rivals}.items():
                figures[f"{name}/rank_correlation"] = metrics.rank_correlation
                figures[f"{name}/mean_absolute_error"] = metrics.mean_absolute_error
                figures[f"{name}/auc_top_quartile"] = metrics.auc_top_quartile
                figures[f"{name}/pooled_auc_top_quartile"] = metrics.pooled_auc_top_quartile
            for gap in found.differences:
                figures |= {
                    f"against {gap.baseline}/{gap.metric}/{name}": value
                    for name, value in {"difference": gap.difference, "low": gap.low, "high": gap.high}.items()
                }
        return {name: value for name, value in figures.items() if np.isfinite(value)}

    @property
    def parameters(self) -> Mapping[str, str | int | float]:
        """What the model is made of, by name."""
        model, found = self.model, self.evaluation
        return {
            "kind": model.kind,
            "recipe": model.recipe.name if model.recipe else "none",
            "trained_posts": model.trained_posts,
            "trained_accounts": model.trained_accounts,
            "trained_until": model.trained_until.isoformat(),
            "interval_level": model.interval.level,
            **({"cutoff": found.cutoff.isoformat()} if found else {}),
        }

    def card(self, *, trained_at: datetime) -> str:
        """The model card (Markdown)."""
        return model_card(self.model, self.evaluation, trained_at=trained_at)


def train(
    features: pl.DataFrame,
    *,
    champion: EngagementModel | None,
    seed: int = 0,
    test_share: float = 0.2,
    min_gain: float = MIN_GAIN,
    resamples: int = 200,
) -> Training:
    """Fit on all but the newest `test_share` of matured posts (of four weeks, where those are enough) and judge on the rest.

    The model that is returned is the one that was measured. It never saw the held-out rows, and neither did a champion that an
    earlier round produced from fewer posts, so the two can be compared. Where the model fails the gate and there is no
    champion yet, or one that the account's trailing median beats by what any challenger has to, that median is returned instead: plain,
    flagged by its `kind`, and better than a model that no longer holds.
    Raises LeakageError when `features` hold what was not known at publication, NotReadyError when not even the median can be
    fitted.
    """
    refuse_leaks(features)
    try:
        split = time_split(features, test_share=test_share, enough=ENOUGH_HELD_OUT_POSTS)
        model = fit(split.train, seed=seed)
    except NotReadyError:
        return _unmeasured(features, champion)
    if split.test.height < MIN_HELD_OUT_POSTS:
        return _unmeasured(features, champion)
    evaluation = _evaluated(model, split, features, champion, resamples, seed)
    judged = judge(model, evaluation, min_gain=min_gain)
    if judged.is_passed:
        return Training(model, evaluation, judged)
    rule = fit_account_median(split.train)
    of_rule = _evaluated(rule, split, features, champion, resamples, seed)
    if champion is None or may_stand_in(of_rule.differences, min_gain=min_gain):
        fallen = "first model" if champion is None else "better than the champion"
        reasons = (f"{fallen}: the account's trailing median stands in", *judged.reasons)
        return Training(rule, of_rule, Gate(is_passed=True, reasons=reasons))
    return Training(model, evaluation, judged)


def judge(model: EngagementModel, evaluation: Evaluation, *, min_gain: float = MIN_GAIN) -> Gate:
    """A learned model passes if error and rank correlation on the held-out rows pass the gate."""
    is_learned = model.kind != "account_median"
    objections = [] if is_learned else ["nothing was learned beyond the account's trailing median"]
    return gate(evaluation.differences, min_gain=min_gain, objections=objections)


def _unmeasured(features: pl.DataFrame, champion: EngagementModel | None) -> Training:
    model = fit_account_median(features.filter(pl.col("is_label_mature")))
    reason = "too few posts have matured to hold some out"
    if champion is None:
        return Training(model, None, Gate(is_passed=True, reasons=(f"{reason}: first model, not measured",)))
    return Training(model, None, Gate(is_passed=False, reasons=(reason,)))


def _bar(split: TimeSplit) -> int:
    largest = split.test["account_id"].value_counts()["count"].max()
    return MIN_POSTS_PER_ACCOUNT if int(np.asarray(largest)) >= MIN_POSTS_PER_ACCOUNT else MIN_POSTS_PER_ACCOUNT_SMALL


def _evaluated(
    model: EngagementModel,
    split: TimeSplit,
    features: pl.DataFrame,
    champion: EngagementModel | None,
    resamples: int,
    seed: int,
) -> Evaluation:
    return evaluate(
        split,
        model.forecast(split.test, observed=features),
        features,
        champion=None if champion is None else champion.expected(split.test),
        resamples=resamples,
        seed=seed,
        min_posts=_bar(split),
    )
