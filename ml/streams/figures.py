"""Which daily figures of an account are watched: how many saw it, what they did, how many follow it.

Belongs here: choosing and adding up what networks report. Does not belong here: KPI definitions for people (dbt_project): what is watched
only has to be the same thing every day.
"""

import polars as pl

from ml.streams.watch import FIGURES_SCHEMA, FOLLOWERS

SEEN_BY = ("reach", "views", "impressions")
"""The first that an account has: they rise and fall together."""
DONE = ("likes", "comments", "shares", "saves", "post_engagements")
"""Engagements that happened on the day, whatever was published when; a day that lacks one that the account has on others is not known."""


def figures(metrics: pl.DataFrame) -> pl.DataFrame:
    """FIGURES_SCHEMA from rows of `client_id, account_id, network, metric, day, value` (gold/fct_account_metrics_daily)."""
    keys = ["client_id", "account_id", "network"]
    seen = metrics.filter(pl.col("metric").is_in(SEEN_BY)).with_columns(
        place=pl.col("metric").replace_strict({name: place for place, name in enumerate(SEEN_BY)}, return_dtype=pl.Int8)
    )
    first = seen.filter(pl.col("place") == pl.col("place").min().over("account_id"))
    done = (
        metrics.filter(pl.col("metric").is_in(DONE))
        .group_by(*keys, "day")
        .agg(pl.col("value").sum(), pl.col("value").count().alias("parts"))
        .filter(pl.col("parts") == pl.col("parts").max().over("account_id"))
        .with_columns(metric=pl.lit("engagements"))
    )
    followers = metrics.filter(pl.col("metric") == FOLLOWERS)
    rows = [
        frame.select(*keys, pl.col("metric").alias("measure"), "day", "value") for frame in (first, done, followers)
    ]
    return (
        pl.concat(rows)
        .drop_nulls("value")
        .unique([*keys, "measure", "day"], keep="first", maintain_order=True)
        .select(pl.col(name).cast(kind) for name, kind in FIGURES_SCHEMA.items())
    )
