"""One round of training of the popularity model: fit on the past, measure on later posts, and the median curve where nothing is better.

Belongs here: the order of those steps and the figures. Does not belong here: the gate's rule (`ml/gate.py`), fitting (`model.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from contracts.errors import NotReadyError
from ml.columns import demand
from ml.evaluation import CHAMPION, Difference, IntervalMetrics, interval_metrics, paired_differences
from ml.gate import MIN_GAIN, Gate, gate, may_stand_in
from ml.popularity.alerts import TOLD_FROM
from ml.popularity.curves import SNAPSHOTS_SCHEMA, Curves, Floats
from ml.popularity.model import FINAL_AGE_HOURS, PopularityModel, fit

MIN_HELD_OUT_POSTS = 30
MEDIAN_CURVE = "median_curve"
_ERROR = "mean_absolute_error"


@dataclass(frozen=True)
class Evaluation:
    """A model, the median curve and the present champion (where there is one) on the same forecasts of held-out posts."""

    cutoff: datetime
    posts: int
    forecasts: int
    """Of each post one at every age at which it was seen."""
    errors: Mapping[str, float]
    """Mean absolute error in log(1 + count) of `model`, MEDIAN_CURVE and CHAMPION."""
    interval: IntervalMetrics
    differences: tuple[Difference, ...]
    likely: int
    """Forecasts that said TOLD_FROM or more."""
    likely_came_true: float
    """Share of them that came true; not a number where there were none."""


@dataclass(frozen=True)
class Training:
    """A fitted model with its evidence: `evaluation` is None when too few posts were followed to hold any out."""

    model: PopularityModel
    evaluation: Evaluation | None
    gate: Gate

    @property
    def figures(self) -> dict[str, float]:
        """All figures of the round by a name that MLflow takes; one that cannot be computed is left out and not zero."""
        if (found := self.evaluation) is None:
            return {}
        figures = {
            "held_out_posts": float(found.posts),
            "held_out_forecasts": float(found.forecasts),
            "coverage_ratio": found.interval.coverage_ratio,
            "interval_score": found.interval.interval_score,
            "likely_forecasts": float(found.likely),
            "likely_came_true_ratio": found.likely_came_true,
            **{f"{name}/{_ERROR}": error for name, error in found.errors.items()},
        }
        for gap in found.differences:
            for name, value in {"difference": gap.difference, "low": gap.low, "high": gap.high}.items():
                figures[f"against {gap.baseline}/{_ERROR}/{name}"] = value
        return {name: value for name, value in figures.items() if np.isfinite(value)}

    @property
    def parameters(self) -> Mapping[str, str | int | float]:
        """What the model is made of, by name."""
        return {
            "kind": self.model.kind,
            "trained_posts": self.model.trained_posts,
            "ages": ", ".join(f"{age:g}" for age in self.model.ages),
            "interval_level": self.model.interval_level,
            **({"cutoff": self.evaluation.cutoff.isoformat()} if self.evaluation else {}),
        }

    def card(self, *, trained_at: datetime) -> str:
        """The model card (Markdown)."""
        return _card(self, trained_at)


def train(
    snapshots: pl.DataFrame,
    *,
    champion: PopularityModel | None,
    seed: int = 0,
    min_gain: float = MIN_GAIN,
    test_share: float = 0.2,
    resamples: int = 200,
) -> Training:
    """Fit on what was known when the newest `test_share` of followed posts began to be published, and judge on those posts.

    `snapshots`: rows of `features/post_snapshots`. The model that is returned is the one that was measured. It becomes champion if its
    error is smaller than the median curve's and the champion's by more than noise. Where it is not, and no learned model is champion, or one
    that the median curve beats by what any challenger has to, the median curve of the same posts is returned instead, flagged by its
    `kind`: it has an interval and a probability too.
    Raises NotReadyError when too few posts were followed for even that.
    """
    demand(
        snapshots, (*SNAPSHOTS_SCHEMA, "published_at", "observed_at"), by="rounds", of="rows of features/post_snapshots"
    )
    followed = _followed(snapshots)
    at = round(followed.height * (1 - test_share))
    if followed.height - at < MIN_HELD_OUT_POSTS:
        return _unmeasured(snapshots, champion, seed)
    cutoff: datetime = followed["published_at"][at]
    past = snapshots.filter(pl.col("observed_at") < cutoff)
    held_out = snapshots.join(followed.filter(pl.col("published_at") >= cutoff), on="post_id", how="semi")
    try:
        curve = fit(past, seed=seed, is_boosted=False)
    except NotReadyError:
        return _unmeasured(snapshots, champion, seed)
    model = fit(past, seed=seed)

    def measured(candidate: PopularityModel) -> Evaluation | None:
        return _evaluated(candidate, curve, champion, held_out, cutoff, resamples=resamples, seed=seed)

    evaluation = measured(model)
    if evaluation is None:
        return _unmeasured(snapshots, champion, seed)
    objections = [] if model.kind == "boosted" else ["too few posts to learn more than the median curve"]
    judged = gate(evaluation.differences, min_gain=min_gain, objections=objections)
    if judged.is_passed:
        return Training(model, evaluation, judged)
    of_curve = measured(curve)
    if _is_rule(champion) or (of_curve is not None and may_stand_in(of_curve.differences, min_gain=min_gain)):
        reasons = ("the median curve stands in", *judged.reasons)
        return Training(curve, of_curve, Gate(is_passed=True, reasons=reasons))
    return Training(model, evaluation, judged)


def _followed(snapshots: pl.DataFrame) -> pl.DataFrame:
    """Posts that were seen young and to their end, by publication: post_id, published_at."""
    curves = Curves.of(snapshots)
    final = pl.Series(curves.final_counts(FINAL_AGE_HOURS))
    first = snapshots.group_by("post_id").agg(
        pl.col("published_at").min(), is_seen_young=pl.col("age_hours").min() < FINAL_AGE_HOURS
    )
    known = curves.posts.select("post_id").filter(final.is_finite()).join(first.filter("is_seen_young"), on="post_id")
    return known.select("post_id", "published_at").sort("published_at", "post_id")


def _is_rule(champion: PopularityModel | None) -> bool:
    """Nothing learned reigns: an older median curve gives way to one of more posts."""
    return champion is None or champion.kind == "median_curve"


def _unmeasured(snapshots: pl.DataFrame, champion: PopularityModel | None, seed: int) -> Training:
    """The median curve of all posts. Raises NotReadyError."""
    model = fit(snapshots, seed=seed, is_boosted=False)
    reason = "too few posts were followed to hold some out"
    if _is_rule(champion):
        return Training(
            model, None, Gate(is_passed=True, reasons=(f"{reason}: the median curve stands in, not measured",))
        )
    return Training(model, None, Gate(is_passed=False, reasons=(reason,)))


def _evaluated(
    model: PopularityModel,
    curve: PopularityModel,
    champion: PopularityModel | None,
    held_out: pl.DataFrame,
    cutoff: datetime,
    *,
    resamples: int,
    seed: int,
) -> Evaluation | None:
    """All on the same forecasts; None when the held-out posts were not seen near the ages that were learned.

    A champion that speaks about too few of them is not compared.
    """
    curves = Curves.of(held_out)
    outcomes = held_out.group_by("post_id").agg(pl.col("account_id", "network", "published_at").first())
    outcomes = outcomes.join(
        curves.posts.select("post_id", final=pl.Series(curves.final_counts(FINAL_AGE_HOURS))), on="post_id"
    )
    rows = _said(model, held_out).join(outcomes, on="post_id")
    rivals = {MEDIAN_CURVE: curve, **({CHAMPION: champion} if champion else {})}
    compared = []
    for name, rival in rivals.items():
        other = _said(rival, held_out).select("post_id", "age_hours", pl.col("expected").alias(name))
        both = rows.join(other, on=["post_id", "age_hours"])
        if both["post_id"].n_unique() >= MIN_HELD_OUT_POSTS:
            rows = both
            compared.append(name)
    if MEDIAN_CURVE not in compared:
        return None
    rows = rows.with_columns(is_top=pl.col("final") >= model.threshold(rows) - 1e-6).sort("post_id", "age_hours")
    accounts, label = rows["account_id"].to_numpy().astype(str), _log(rows["final"])
    said = {name: _log(rows[column]) for name, column in {"model": "expected", **{n: n for n in compared}}.items()}
    differences = paired_differences(
        accounts,
        rows["published_at"],
        label,
        said["model"],
        {name: said[name] for name in compared},
        resamples=resamples,
        seed=seed,
    )
    likely = rows.filter(pl.col("probability_top") >= TOLD_FROM)
    return Evaluation(
        cutoff=cutoff,
        posts=rows["post_id"].n_unique(),
        forecasts=rows.height,
        errors={name: float(np.mean(np.abs(values - label))) for name, values in said.items()},
        interval=interval_metrics(accounts, label, _log(rows["low"]), _log(rows["high"]), level=model.interval_level),
        # Ranks of one post's forecasts at several ages say nothing: the error alone is compared.
        differences=tuple(gap for gap in differences if gap.metric == _ERROR),
        likely=likely.height,
        likely_came_true=float(likely["is_top"].mean() or 0.0) if likely.height else float("nan"),  # type: ignore[arg-type]
    )


def _said(model: PopularityModel, snapshots: pl.DataFrame) -> pl.DataFrame:
    """Forecasts of each post at every age that the model knows and the post was seen near to, once for each look."""
    parts = [model.forecast(snapshots, age_hours=age) for age in model.ages]
    return pl.concat(parts).unique(["post_id", "age_hours"], keep="first", maintain_order=True)


def _log(counts: pl.Series) -> Floats:
    """log(1 + count), rounded: a bound that equals the outcome holds it."""
    return np.asarray(np.round(np.log1p(counts.to_numpy()), 9), dtype=np.float64)


_NAMES = {"model": "**model**", MEDIAN_CURVE: "median curve", CHAMPION: "present champion"}


def _card(training: Training, trained_at: datetime) -> str:
    model, found = training.model, training.evaluation
    what = (
        f"boosting on {model.trained_posts:,} followed posts"
        if model.kind == "boosted"
        else f"the median curve of {model.trained_posts:,} followed posts: too few to learn more, or learning did not help"
    )
    measured = "Not measured: too few posts were followed to hold some out. Take the forecast as a rough guess."
    if found is not None:
        came = f"{found.likely_came_true:.0%} of them came true" if found.likely else "so nothing is known of them"
        measured = "\n".join(
            [
                (
                    f"Scored on {found.forecasts:,} forecasts of {found.posts:,} posts published from {found.cutoff:%Y-%m-%d %H:%M} UTC on, "
                    "by what was known before. Errors are in units of log(1 + engagements)."
                ),
                "",
                "| method | MAE (log) |",
                "|---|---|",
                *[f"| {_NAMES[name]} | {error:.3f} |" for name, error in found.errors.items()],
                "",
                "Model minus the other, 95 % interval of a paired bootstrap over accounts and weeks:",
                "",
                *[
                    f"- {_NAMES[gap.baseline]}: {gap.difference:+.3f} ({gap.low:+.3f} to {gap.high:+.3f})"
                    for gap in found.differences
                ],
                "",
                (
                    f"The {found.interval.level:.0%} interval covers {found.interval.coverage_ratio:.1%} of outcomes. "
                    f"{found.likely:,} forecasts gave {TOLD_FROM:.0%} or more to ending among the top {model.top_share:.0%}; {came}."
                ),
            ]
        )
    return f"""# Popularity model

Trained {trained_at:%Y-%m-%d %H:%M} UTC: {what}.

## Use
From a post's first hours of counts: its count at {model.final_age_hours:g} hours with an {model.interval_level:.0%} interval, and how likely it
is to end among the top {model.top_share:.0%} of its account (*taking off*). For telling a person which posts deserve a look now. Not
for posts that are not out yet, not for judging people, and no reason to publish by itself.

## Inputs
When each count of likes, comments, shares, saves and quotes was seen, and what it was; nothing later than the age that is asked about. The
artefact holds no words.

## Figures
{measured}

## Limits
- What a count so far says, a median share says nearly as well: the gain is the interval, and a probability that is comparable.
- The median of a post without a count is mostly 0: read its probability, not its expected count.
- Ages near which few posts were followed to their end are not spoken about.
- A network that changes how it counts makes the past misleading until enough posts have matured since.
"""
