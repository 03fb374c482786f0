"""What publishing at another hour is worth: small, uncertain, and never read off an in-sample average.

Belongs here: the shrunken hour effect of an account and the predicted gain of a slot.
Does not belong here: which slots exist (`ml/slots.py`), who gets which (`ml/scheduling.py`).

Raw averages by hour promise two to four times what later data keep, because habits are confounded: rare hours carry
exceptional posts. So effects are measured on residuals (label minus the account's level, format and text effects, all known at
publication), pooled towards zero, and counted only as far as they stand out from their own uncertainty.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml.posts import HOUR_BLOCK

MAX_ABSOLUTE_RESIDUAL = 3.0
"""Residuals are clipped here, so that a viral post does not name a best hour."""
CAUTION = 1.0
"""Posterior standard deviations by which an effect is drawn towards zero before it counts."""
HOUR_EFFECTS_SCHEMA = pl.Schema(
    {
        "account_id": pl.String,
        "hour_block": pl.Int32,
        "posts": pl.Int64,
        "effect": pl.Float64,
        "standard_error": pl.Float64,
        "cautious_effect": pl.Float64,
    }
)


def hour_effects(features: pl.DataFrame) -> pl.DataFrame:
    """Effect of each account's local blocks of HOUR_BLOCK hours on log engagement, partially pooled towards zero.

    Formula: with n residuals of mean m and within-block variance v (pooled over accounts), and between-block variance t
    (method of moments, at least 0), `effect = m * t / (t + v / n)`, `standard_error = sqrt(t * (v / n) / (t + v / n))`,
    `cautious_effect` = the effect moved towards zero by CAUTION standard errors, 0 if it does not reach that far.
    Means are taken around the account's own mean residual. Rows: schema HOUR_EFFECTS_SCHEMA; empty without residuals.
    """
    known = features.filter(pl.col("is_label_mature") & pl.col("history_median_30").is_not_null())
    residual = (
        pl.col("log_engagement")
        - pl.col("history_median_30")
        - pl.col("history_format_effect").fill_null(0.0)
        - pl.col("history_text_effect").fill_null(0.0)
    ).clip(-MAX_ABSOLUTE_RESIDUAL, MAX_ABSOLUTE_RESIDUAL)
    rows = known.select(
        "account_id",
        (pl.col("local_hour") // HOUR_BLOCK).cast(pl.Int32).alias("hour_block"),
        residual.alias("residual"),
    ).with_columns(pl.col("residual") - pl.col("residual").mean().over("account_id"))
    blocks = (
        rows.group_by("account_id", "hour_block", maintain_order=True)
        .agg(
            pl.len().cast(pl.Int64).alias("posts"),
            pl.col("residual").mean().alias("mean"),
            pl.col("residual").var(ddof=0).alias("spread"),
        )
        .sort("account_id", "hour_block")
    )
    posts, mean = blocks["posts"].to_numpy(), blocks["mean"].to_numpy()
    degrees = posts.sum() - len(posts)
    if degrees <= 0:
        return pl.DataFrame(schema=HOUR_EFFECTS_SCHEMA)
    within = float((posts * blocks["spread"].to_numpy()).sum() / degrees)
    noise = within / posts
    between = max(float(np.average(mean**2 - noise, weights=posts)), 0.0)
    weight = between / (between + noise) if between > 0 or within > 0 else np.zeros(len(posts))
    effect, error = mean * weight, np.sqrt(noise * weight)
    return blocks.select("account_id", "hour_block", "posts").with_columns(
        pl.Series("effect", effect),
        pl.Series("standard_error", error),
        pl.Series("cautious_effect", np.sign(effect) * np.maximum(np.abs(effect) - CAUTION * error, 0.0)),
    )


def slot_gains(
    expected: NDArray[np.float64], local_hours: NDArray[np.int64], account_id: str, effects: pl.DataFrame
) -> NDArray[np.float64]:
    """Predicted gain (log units) of each item at each slot, over that item's mean slot.

    `expected[i, s]`: the model's forecast of item i at slot s; `local_hours[s]`: the slot's local hour. Two estimates of the
    same small quantity are averaged: the difference between the model's forecasts, and the account's cautious hour effect.
    """
    if expected.size == 0:
        return expected.astype(np.float64)
    own = dict(effects.filter(pl.col("account_id") == account_id).select("hour_block", "cautious_effect").iter_rows())
    habit = np.array([own.get(int(hour) // HOUR_BLOCK, 0.0) for hour in local_hours])
    by_model = expected - expected.mean(axis=1, keepdims=True)
    return np.asarray((by_model + (habit - habit.mean())[None, :]) / 2, dtype=np.float64)
