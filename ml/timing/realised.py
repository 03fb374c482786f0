"""What recommended slots brought against randomised ones: the realised lift, beside the one that was promised.

Belongs here: the comparison and its rows of learning/posting_time_lift. Does not belong here: assigning slots (`ml/scheduling.py`, which
moves EXPLORATION_RATE of the posts to a slot drawn evenly from those that were possible and keeps every probability).

The slot that a post was assigned counts, also where a person moved the post later: who moves posts, and why, was not drawn.
"""

import json
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import t

from contracts.tables import POSTING_TIME_LIFT

Floats = NDArray[np.float64]

MIN_HOLDOUTS = 10
"""Posts at drawn slots below which nothing is said about the realised lift."""
LEVEL = 0.95
OUTCOME_COLUMNS = (
    "published_at",
    "log_engagement",
    "history_median_30",
    "history_format_effect",
    "history_text_effect",
)
"""What is read of features/post_features."""


def posting_time_lift(slots: pl.DataFrame, outcomes: pl.DataFrame, *, computed_at: datetime) -> pl.DataFrame:
    """One row per client with matured posts at slots that Pulso assigned, schema `contracts.tables.POSTING_TIME_LIFT`.

    `slots`: rows of decisions/post_schedule. `outcomes`: `post_id`, `content_item_id` and OUTCOME_COLUMNS of the posts. The newest decision made before publication counts.

    With r the distance of a post's outcome from what its account's level, format and text led to expect, p the probability that its slot
    was drawn, and n the slots that were possible, the value of recommended slots is the mean of r weighted by 1/p over posts at the best
    slot, that of randomised ones the mean weighted by 1/(n p) over all (self-normalised inverse propensity; Swaminathan and Joachims,
    NeurIPS 2015). Their difference is the realised lift; its interval is by the delta method, with Student's t of the drawn posts. Null
    with fewer than MIN_HOLDOUTS drawn posts.
    """
    residual = (
        pl.col("log_engagement")
        - pl.col("history_median_30")
        - pl.col("history_format_effect").fill_null(0.0)
        - pl.col("history_text_effect").fill_null(0.0)
    )
    known = (
        slots.select("client_id", "content_item_id", "candidates", "propensity", "is_exploration", "decided_at")
        .join(outcomes.with_columns(residual.alias("residual")), on="content_item_id")
        .filter((pl.col("decided_at") < pl.col("published_at")) & pl.col("residual").is_not_null())
        .sort("decided_at")
        .unique("post_id", keep="last", maintain_order=True)
        .sort("client_id", "published_at", "post_id")
    )
    rows = [
        {"client_id": client, **_lift(posts), "computed_at": computed_at}
        for (client,), posts in known.group_by("client_id", maintain_order=True)
    ]
    return pl.DataFrame(rows, schema=POSTING_TIME_LIFT.schema)


def _lift(posts: pl.DataFrame) -> dict[str, float | int | None]:
    gains = [np.array([candidate["gain"] for candidate in json.loads(row)]) for row in posts["candidates"]]
    holdouts = int(posts["is_exploration"].sum())
    promised = float(np.mean([gain.max() - gain.mean() for gain in gains]))
    row: dict[str, float | int | None] = {
        "posts": posts.height,
        "holdout_posts": holdouts,
        "promised_lift": float(np.expm1(promised)),
        "realised_lift": None,
        "realised_low": None,
        "realised_high": None,
    }
    if holdouts < MIN_HOLDOUTS or holdouts == posts.height:
        return row
    r, p = posts["residual"].to_numpy(), posts["propensity"].to_numpy()
    best = np.where(posts["is_exploration"].to_numpy(), 0.0, 1.0 / p)
    drawn = 1.0 / (np.array([len(gain) for gain in gains]) * p)
    (best_value, best_part), (drawn_value, drawn_part) = _weighted(r, best), _weighted(r, drawn)
    lift = best_value - drawn_value
    error = float(np.sqrt(((best_part - drawn_part) ** 2).sum()))
    half = float(t.ppf((1 + LEVEL) / 2, holdouts - 1)) * error
    low, high = np.expm1([lift - half, lift + half])
    return row | {"realised_lift": float(np.expm1(lift)), "realised_low": float(low), "realised_high": float(high)}


def _weighted(values: Floats, weights: Floats) -> tuple[float, Floats]:
    """The weighted mean and what each value moves it by."""
    mean = float((weights * values).sum() / weights.sum())
    return mean, weights * (values - mean) / weights.sum()
