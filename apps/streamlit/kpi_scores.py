"""What was forecast of accounts against what came. Pure: frames in, frames out.

Belongs here: scores of models/kpi_forecasts. Does not belong here: forecasts of single posts (gold/fct_forecast_scores).
"""

from datetime import timedelta

import polars as pl

AHEAD = (7, 28, 91)
"""Days ahead that are scored."""
FINAL_AFTER_DAYS = 4
"""Counts of a day's posts are final from the fourth day after it on."""
LEVEL_METRIC = "followers"
METRICS = (LEVEL_METRIC, "reach", "engagements")


def kpi_scores(forecasts: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    """Per metric and AHEAD: `forecasts` of single accounts whose day has come, the share `inside` the interval, the median `error` relative to
    what came, `promised`. Followers are scored as they stood, all else by its total since the forecast. Columns `metric`, `ahead`, ... .

    `forecasts`: rows of models/kpi_forecasts; `days`: rows of gold/kpi_account_daily, both of one client.
    """
    if forecasts.is_empty() or days.is_empty():
        return pl.DataFrame()
    is_level = pl.col("metric") == LEVEL_METRIC
    ahead = (pl.col("target_day") - pl.col("as_of_day")).dt.total_days()
    said = forecasts.filter(pl.col("scope") == "account", ahead.is_in(AHEAD)).select(
        "metric",
        "as_of_day",
        "target_day",
        pl.col("scope_id").alias("account_id"),
        ahead.alias("ahead"),
        pl.col("interval_level").alias("promised"),
        *(pl.when(is_level).then(name).otherwise(f"total_{name}").alias(name) for name in ("median", "lower", "upper")),
    )
    known = _known(days)
    scored = said.join(
        known, left_on=["account_id", "metric", "target_day"], right_on=["account_id", "metric", "day"]
    ).join(
        known.rename({"total": "total_then", "unknown": "unknown_then"}).drop("value"),
        left_on=["account_id", "metric", "as_of_day"],
        right_on=["account_id", "metric", "day"],
    )
    came = pl.when(is_level).then("value").otherwise(pl.col("total") - pl.col("total_then"))
    is_whole = is_level | (pl.col("unknown") == pl.col("unknown_then"))
    scored = scored.with_columns(came.alias("came")).filter(is_whole, pl.col("came") > 0)
    return (
        scored.group_by("metric", "ahead")
        .agg(
            pl.len().alias("forecasts"),
            pl.col("came").is_between("lower", "upper").mean().alias("inside"),
            ((pl.col("median") - pl.col("came")).abs() / pl.col("came")).median().alias("error"),
            pl.col("promised").mean(),
        )
        .sort("metric", "ahead")
    )


def _known(days: pl.DataFrame) -> pl.DataFrame:
    """By `account_id`, `metric` and final `day`: `value`, its `total` up to the day, and of how many days it is `unknown`."""
    is_level = pl.col("metric") == LEVEL_METRIC
    final = pl.col("day").max() - pl.when(is_level).then(timedelta(0)).otherwise(timedelta(days=FINAL_AFTER_DAYS))
    nothing = (pl.col("posts_published") == 0) & ~is_level
    return (
        days.unpivot(list(METRICS), index=["account_id", "day", "posts_published"], variable_name="metric")
        .filter(pl.col("day") <= final)
        .with_columns(pl.when(nothing).then(pl.col("value").fill_null(0)).otherwise("value").alias("value"))
        .sort("account_id", "metric", "day")
        .select(
            "account_id",
            "metric",
            "day",
            "value",
            pl.col("value").fill_null(0).cum_sum().over("account_id", "metric").alias("total"),
            pl.col("value").is_null().cum_sum().over("account_id", "metric").alias("unknown"),
        )
    )
