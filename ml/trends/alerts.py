"""Which forecast trends are told: the likeliest of a day within a budget, none again while it is fresh, each with its evidence.

Belongs here: the choice and what a person reads about it. Does not belong here: the forecast (`forecast`), sending.
"""

from datetime import date

import polars as pl

from ml.text import token_hashes
from ml.trends.definition import TrendDefinition

ALERTS_SCHEMA = pl.Schema(
    {
        "client_id": pl.String,
        "term": pl.String,
        "day": pl.Date,
        "stage": pl.String,
        "score": pl.Float64,
        "probability": pl.Float64,
        "days_ahead": pl.Float64,
        "since": pl.Date,
        "count_7": pl.Int64,
        "count_28": pl.Int64,
        "sources_of_window": pl.Int64,
        "days_known": pl.Int64,
        "came_last_year": pl.Int64,
        "related_growth": pl.Float64,
        "reason": pl.String,
    }
)
"""One row per alert. All are `emerging`: what is a trend already needs no alert.

`score` is what the choice went by, `probability` that the term is a trend within the definition's window and `days_ahead` the days
until then. `since` is the first day of the run of sightings. Evidence: sightings in the last
7 and 28 days, sources that used it in the window, days since it was first seen, sightings in the coming window a year ago, and by which
factor the terms that share characters with it have grown over their 56 days before (the most grown pair).
"""


def choose(forecasts: pl.DataFrame, definition: TrendDefinition, *, budget: int) -> pl.DataFrame:
    """At most `budget` alerts per client and day among the open rows of a forecast, highest `score` first; ALERTS_SCHEMA.

    A term is told once in the definition's window, as far back as the frame reaches: give the window's days before the day that
    matters. Equal scores are taken in an order that depends on the terms alone.
    """
    ranked = (
        forecasts.filter("is_open")
        .with_columns(
            tie=pl.col("term").map_batches(lambda terms: pl.Series(token_hashes(terms)), return_dtype=pl.Int64)
        )
        .sort(["client_id", "day", "score", "tie"], descending=[False, False, True, False], nulls_last=True)
    )
    chosen: list[int] = []
    told: dict[tuple[str, str], date] = {}
    left, current = 0, None
    for index, (client_id, day, term) in enumerate(ranked.select("client_id", "day", "term").iter_rows()):
        if (client_id, day) != current:
            left, current = budget, (client_id, day)
        before = told.get((client_id, term))
        if left == 0 or (before is not None and (day - before).days < definition.window_days):
            continue
        told[client_id, term] = day
        chosen.append(index)
        left -= 1
    picked = ranked[chosen].with_columns(pl.col("gram_heat_max").exp().alias("related_growth"))
    seen = pl.format("seen {} times in 7 days by {} sources", "count_7", "sources_of_window")
    known = (
        pl.when(pl.col("days_known") == 0)
        .then(pl.lit("; new today"))
        .otherwise(pl.format("; first seen {} days ago", "days_known"))
    )
    last_year = (
        pl.when(pl.col("came_last_year") > 0)
        .then(pl.format("; came {} times in this week a year ago", "came_last_year"))
        .otherwise(pl.lit(""))
    )
    related = (
        pl.when(pl.col("related_growth") >= 2)
        .then(pl.format("; related terms x{}", pl.col("related_growth").round(1)))
        .otherwise(pl.lit(""))
    )
    chance = pl.format("{} % likely to be a trend soon: ", (pl.col("probability") * 100).round(0).cast(pl.Int64))
    return picked.with_columns(
        stage=pl.lit("emerging"), reason=pl.concat_str(chance, seen, known, last_year, related)
    ).select(pl.col(name).cast(kind) for name, kind in ALERTS_SCHEMA.items())
