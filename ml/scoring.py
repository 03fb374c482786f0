"""What scored forecasts teach: how good they were for each client, and how much wider or narrower intervals must be.

Belongs here: the calibration table of the learning stage. Does not belong here: scoring one forecast (gold does that).
"""

from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from contracts.tables import CALIBRATION
from ml.evaluation import spearman

MIN_FORECASTS_TO_RANK = 3
"""As in gold/kpi_forecast_skill: an account with fewer scored forecasts has no rank correlation."""
PRIOR_FORECASTS = 30.0
"""Scored forecasts at which what was observed and "intervals are right as they are" count the same."""
MULTIPLIER_LIMITS = (0.5, 3.0)
RESAMPLES = 500

Floats = NDArray[np.float64]


def calibration(scores: pl.DataFrame, *, computed_at: datetime, seed: int = 0) -> pl.DataFrame:
    """One row per client of `gold/fct_forecast_scores`, schema `contracts.tables.CALIBRATION`; empty without scores.

    `bias` is the mean of label minus forecast. Intervals of coverage and of rank correlation are 95 % percentile bootstraps
    over forecasts, drawn within accounts. Where several forecasts speak of one post (a decision's and a shadow's, or two
    model versions'), the newest made counts.
    """
    known = (
        scores.drop_nulls(["log_engagement", "expected_log_engagement", "lower_log_engagement", "upper_log_engagement"])
        .sort("forecast_at", "forecast_id")
        .unique("post_id", keep="last", maintain_order=True)
        .sort("client_id", "account_id", "published_at", "post_id")
    )
    rows = [
        {"client_id": client, **_client_row(part, seed), "computed_at": computed_at}
        for (client,), part in known.group_by("client_id", maintain_order=True)
    ]
    return pl.DataFrame(rows, schema=CALIBRATION.schema)


def _client_row(scores: pl.DataFrame, seed: int) -> dict[str, float | int | None]:
    label, expected, lower, upper = (
        scores[name].to_numpy()
        for name in ("log_engagement", "expected_log_engagement", "lower_log_engagement", "upper_log_engagement")
    )
    is_covered = (label >= lower) & (label <= upper)
    accounts = scores["account_id"].to_numpy().astype(str)
    groups = [np.flatnonzero(accounts == account) for account in np.unique(accounts)]
    rng = np.random.default_rng(seed)
    coverages, correlations = [], []
    for _ in range(RESAMPLES):
        drawn = [rng.choice(rows, size=len(rows)) for rows in groups]
        coverages.append(float(is_covered[np.concatenate(drawn)].mean()))
        correlations.append(_mean_correlation(label, expected, drawn))
    return {
        "scored_forecasts": scores.height,
        "coverage_ratio": float(is_covered.mean()),
        "coverage_low": _quantile(coverages, 0.025),
        "coverage_high": _quantile(coverages, 0.975),
        "rank_correlation": _known(_mean_correlation(label, expected, groups)),
        "rank_correlation_low": _quantile(correlations, 0.025),
        "rank_correlation_high": _quantile(correlations, 0.975),
        "mean_absolute_error": float(np.mean(np.abs(label - expected))),
        "bias": float(np.mean(label - expected)),
        "interval_multiplier": _learned_multiplier(scores),
    }


def _learned_multiplier(scores: pl.DataFrame) -> float:
    """The multiplier from intervals that no earlier multiplier has touched.

    A decision's stored interval was widened already; learning from it as if it were the model's own would undo itself the day
    after. So only shadow forecasts count, unless a column `interval_multiplier` says what each row was widened by.
    """
    if "interval_multiplier" in scores.columns:
        applied = scores["interval_multiplier"].fill_null(1.0).to_numpy()
    else:
        scores = scores.filter(pl.col("origin") == "shadow")
        applied = np.ones(scores.height)
    if scores.is_empty():
        return 1.0
    expected = scores["expected_log_engagement"].to_numpy()
    return interval_multiplier(
        scores["log_engagement"].to_numpy(),
        expected,
        expected - (expected - scores["lower_log_engagement"].to_numpy()) / applied,
        expected + (scores["upper_log_engagement"].to_numpy() - expected) / applied,
        level=float(scores["interval_level"][-1]),
    )


def interval_multiplier(label: Floats, expected: Floats, lower: Floats, upper: Floats, *, level: float) -> float:
    """Factor for both half-widths of a client's intervals, so that they cover `level` of outcomes. 1 without evidence.

    Formula: r = |label - forecast| / half-width on the side of the miss; m = the conformal `level` quantile of r, the factor
    that would have covered exactly `level` of the scored outcomes; multiplier = exp(n * log(m) / (n + PRIOR_FORECASTS)),
    within MULTIPLIER_LIMITS. With few scores it stays near 1, where no single miss can move it far. The bounds are the
    model's own, before any multiplier.
    """
    half_width = np.where(label >= expected, upper - expected, expected - lower)
    ratios = np.sort(np.abs(label - expected) / np.maximum(half_width, 1e-9))
    if not len(ratios):
        return 1.0
    rank = min(int(np.ceil((len(ratios) + 1) * level)), len(ratios))
    low, high = MULTIPLIER_LIMITS
    wanted = float(np.clip(ratios[rank - 1], low**2, high**2))
    return float(np.clip(np.exp(len(ratios) * np.log(wanted) / (len(ratios) + PRIOR_FORECASTS)), low, high))


def _mean_correlation(label: Floats, expected: Floats, groups: list[NDArray[np.int64]]) -> float:
    known = [
        value
        for rows in groups
        if len(rows) >= MIN_FORECASTS_TO_RANK and np.isfinite(value := spearman(label[rows], expected[rows]))
    ]
    return float(np.mean(known)) if known else float("nan")


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _quantile(values: list[float], at: float) -> float | None:
    known = [value for value in values if np.isfinite(value)]
    return float(np.quantile(known, at)) if known else None
