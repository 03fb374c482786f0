"""How likely an account was to publish at each hour, given what it published: the propensity of the doubly robust estimate.

Belongs here: smoothed habits. Does not belong here: what an hour is worth.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HOURS = 24
PRIOR_POSTS = 20.0
"""Posts at which a cell's own habit and that of the next coarser one count the same."""
PROMISE_LEVELS = 3


def habits(posts: pl.DataFrame, expected: Floats) -> Floats:
    """Probability of each local hour for each post (posts x 24, rows add up to 1), from its account's habits.

    Counts within ever finer cells, each drawn towards the coarser one with the weight of PRIOR_POSTS: the account; and weekend or
    not; and format; and how promising the content is, by thirds of the account's `expected` (the outcome model's forecast without
    the hour: a prognostic score, Hansen, Biometrika 2008, which stands for all that the text says). The account itself is drawn
    towards the even spread with half a post per hour.
    """
    hour = posts["local_hour"].to_numpy()
    cells = posts.with_columns(pl.Series("expected", expected)).select(
        "account_id",
        (pl.col("local_weekday") >= 5).alias("is_weekend"),
        "content_format",
        ((pl.col("expected").rank("ordinal") - 1) * PROMISE_LEVELS // pl.len()).over("account_id").alias("promise"),
    )
    probability = np.full((posts.height, HOURS), 1 / HOURS)
    weight = HOURS / 2
    for depth in range(1, len(cells.columns) + 1):
        cell = cells.select(pl.struct(cells.columns[:depth]).rank("dense") - 1).to_series().cast(pl.Int64).to_numpy()
        counts = np.zeros((cell.max(initial=-1) + 1, HOURS))
        np.add.at(counts, (cell, hour), 1.0)
        own = counts[cell]
        probability = (own + weight * probability) / (own.sum(axis=1, keepdims=True) + weight)
        weight = PRIOR_POSTS
    return probability
