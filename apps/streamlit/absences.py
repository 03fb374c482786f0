"""Why a figure is not known, or stands for a part only: what the networks did not send of it, as gold/metric_availability has it.

Pure. Belongs here: which rows of it explain a figure over a period. Does not belong here: the words (`locales/`), when a count has stopped
(dbt).
"""

from datetime import date, timedelta

import polars as pl

PARTS = ("likes", "comments", "shares", "saves", "quotes")
"""What engagements are summed from, of those that a network tells."""


def absences(
    availability: pl.DataFrame,
    metric: str,
    *,
    first_day: date,
    last_day: date,
    network: str | None = None,
    account_id: str | None = None,
) -> pl.DataFrame:
    """What lacks of a metric of posts published in a period: `network`, `metric`, `state`, `since`, `received`, `expected`.

    One row for each network and count that does not come, or not with every post; none where all came. `state` is `stopped` (the network
    sends it to nobody any more, since `since`), `retired`, `not_offered`, `not_connected` or `partly` (with `received` of `expected` posts).
    Of what engagements are summed from, only what has stopped is named: a network that never tells quotes still has engagements.
    """
    if availability.is_empty():
        return pl.DataFrame()
    is_engagement = metric == "engagements" or metric.startswith("engagement_rate_by_")
    direct = [metric.removeprefix("engagement_rate_by_")]
    monday = first_day - timedelta(days=first_day.weekday())
    rows = availability.filter(
        (pl.col("grain") == "post")
        & pl.col("metric").is_in([*direct, *(PARTS if is_engagement else ())])
        & pl.col("week").is_between(monday, last_day)
    )
    if network is not None:
        rows = rows.filter(pl.col("network") == network)
    if account_id is not None:
        rows = rows.filter(pl.col("account_id") == account_id)
    stopped = (pl.col("state") == "stopped") & pl.col("is_network_wide")
    return (
        rows.group_by("network", "metric")
        .agg(
            pl.when(stopped.any())
            .then(pl.lit("stopped"))
            .when((pl.col("state") == "retired").any())
            .then(pl.lit("retired"))
            .when((pl.col("state") == "not_offered").all())
            .then(pl.lit("not_offered"))
            .when(pl.col("received").sum() == pl.col("expected").sum())
            .then(pl.lit("received"))
            .when(pl.col("received").sum() == 0)
            .then(pl.lit("not_connected"))
            .otherwise(pl.lit("partly"))
            .alias("state"),
            pl.col("since").filter(stopped | (pl.col("state") == "retired")).min(),
            pl.col("received", "expected").sum(),
        )
        .filter((pl.col("state") == "stopped") | (pl.col("metric").is_in(direct) & (pl.col("state") != "received")))
        .sort("network", "metric")
    )
