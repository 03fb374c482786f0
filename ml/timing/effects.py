"""The effect of every local hour on an account's engagement: the four steps put together.

Belongs here: which posts count, and the rows of models/hour_effects. Does not belong here: any of the steps.
"""

from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from contracts.tables import HOUR_EFFECTS
from ml.timing.contrasts import hour_contrasts
from ml.timing.habits import HOURS, habits
from ml.timing.outcome import LEVEL, without_the_hour
from ml.timing.pooling import pool

CAUTION = 0.15
"""Posterior deviations by which an effect is drawn towards zero before it is promised: what made promised and realised lift meet best
within the first part of both public sets. The shrinkage of the pooling is the larger part of the caution."""


def hour_effects(features: pl.DataFrame, accounts: pl.DataFrame, *, computed_at: datetime) -> pl.DataFrame:
    """24 rows for each row of `accounts` (`client_id`, `account_id`, `network`, `time_zone`), schema `contracts.tables.HOUR_EFFECTS`.

    `features` are rows of features/post_features, whose `local_hour` is that of the client's zone; only posts whose outcome was known at
    `computed_at` count. Effects are log units against the account's own usual mix of hours: `effect` the posterior mean, with
    `standard_error` its posterior deviation; `cautious_effect` is moved towards zero by CAUTION of those, 0 if it does not reach that
    far, and is what may be promised. An account without posts has the effects of its network in its time zone, without such peers zero.
    """
    accounts = accounts.sort("account_id")
    posts = counted(features, accounts, computed_at)
    known = without_the_hour(posts)
    chance = habits(posts, known)
    residual = (posts["log_engagement"] - posts[LEVEL]).to_numpy() - known
    code = posts["account"].to_numpy()
    found = hour_contrasts(residual, chance, posts["local_hour"].to_numpy(), code, accounts.height)
    group = accounts.select(pl.struct("network", "time_zone").rank("dense") - 1).to_series().cast(pl.Int64).to_numpy()
    pooled = pool(found.effect, found.variance, group)
    cautious = cautious_effects(pooled.effect, pooled.deviation)
    return (
        accounts.select("client_id", "account_id", "network", "time_zone")
        .join(pl.DataFrame({"local_hour": np.arange(HOURS)}), how="cross")
        .with_columns(
            pl.Series("posts", found.posts.ravel()),
            pl.Series("overlap", found.overlap.ravel()),
            pl.Series("effect", pooled.effect.ravel()),
            pl.Series("standard_error", pooled.deviation.ravel()),
            pl.Series("cautious_effect", cautious.ravel()),
            pl.lit(computed_at).alias("computed_at"),
        )
        .select(pl.col(name).cast(kind) for name, kind in HOUR_EFFECTS.schema.items())
    )


def counted(features: pl.DataFrame, accounts: pl.DataFrame, known_at: datetime) -> pl.DataFrame:
    """The posts that count, by time, with the position of their account in `accounts` as `account`."""
    places = accounts.select("account_id").with_row_index("account")
    return (
        features.filter(
            pl.col("is_label_mature")
            & (pl.col("label_known_at") <= known_at)
            & pl.col(LEVEL).is_not_null()
            & pl.col("local_hour").is_not_null()
        )
        .join(places.with_columns(pl.col("account").cast(pl.Int64)), on="account_id")
        .sort("published_at", "post_id")
    )


def cautious_effects(effect: NDArray[np.float64], deviation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Effects moved towards zero by CAUTION deviations; 0 where they do not reach that far."""
    return np.asarray(np.sign(effect) * np.maximum(np.abs(effect) - CAUTION * deviation, 0.0))
