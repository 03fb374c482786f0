"""What a trend is: a rule on counts that anybody can check afterwards, and the day on which it came true.

Belongs here: the rule and its application. Does not belong here: guessing beforehand (`forecast`), what an alert gained (benchmarks).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from ml.trends.sightings import KEYS, Ledger, by_day


@dataclass(frozen=True)
class TrendDefinition:
    """A term is a trend on a day when the last `window_days` hold all of this.

    `min_days` days with a sighting, `min_count` sightings, by `min_sources` sources, and `min_growth` times as many as a window of the
    `past_days` before it held on average.
    """

    window_days: int = 7
    min_days: int = 1
    min_count: int = 1
    min_sources: int = 1
    min_growth: float = 3.0
    past_days: int = 56


def confirmed(sightings: pl.DataFrame, definition: TrendDefinition) -> pl.DataFrame:
    """`by_day` of the sightings with `is_confirmed` (a trend on this day), `is_onset` (and not in the window before) and `is_open`.

    `is_open`: not confirmed on this day or in the window before it, so that there is something left to find early. Days count from the
    first one of the frame: give as much past as `past_days` before the days that matter.
    """
    daily = by_day(sightings)
    codes, days = daily["code"].to_numpy(), _day_numbers(daily["day"])
    window = definition.window_days
    ledger = Ledger(codes, days, daily["count"].to_numpy())
    first = days - window + 1
    recent = ledger.count(codes, first, days)
    past = ledger.count(codes, first - definition.past_days, first - 1) * window / definition.past_days
    holds = (
        (ledger.rows(codes, first, days) >= definition.min_days)
        & (recent >= definition.min_count)
        & (recent >= definition.min_growth * past)
    )
    sources = _sources_of_window(sightings, daily, window)
    holds &= sources >= definition.min_sources
    held = Ledger(codes[holds], days[holds], np.ones(int(holds.sum()), dtype=np.int64))
    before = held.rows(codes, first, days - 1)
    return daily.with_columns(
        pl.Series("sources_of_window", sources),
        pl.Series("is_confirmed", holds),
        pl.Series("is_onset", holds & (before == 0)),
        pl.Series("is_open", ~holds & (before == 0)),
    )


def days_to_onset(daily: pl.DataFrame, definition: TrendDefinition) -> pl.Series:
    """Days from each row of `confirmed` to the term's next onset within the window; null where none follows."""
    onsets = daily.filter("is_onset").select("client_id", "term", "day", onset="day").sort("day")
    found = (
        daily.select(KEYS)
        .with_row_index("row")
        .with_columns(pl.col("day") + pl.duration(days=1))
        .sort("day")
        .join_asof(onsets, on="day", by=["client_id", "term"], strategy="forward", check_sortedness=False)
        .sort("row")
    )
    ahead = (found["onset"] - found["day"]).dt.total_days() + 1
    return ahead.set(ahead > definition.window_days, None).alias("days_to_onset")


def _day_numbers(days: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return days.to_physical().cast(pl.Int64).to_numpy()


def _sources_of_window(
    sightings: pl.DataFrame, daily: pl.DataFrame, window: int
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Distinct sources in the window that ends on each row's day."""
    if sightings["source_id"].n_unique() <= 1:
        return np.ones(daily.height, dtype=np.int64)
    reach = pl.DataFrame({"later": range(window)}, schema={"later": pl.Int64})
    spread = (
        sightings.select(*KEYS, "source_id")
        .join(reach, how="cross")
        .with_columns(pl.col("day") + pl.duration(days="later"))
        .group_by(KEYS)
        .agg(pl.col("source_id").n_unique().alias("sources_of_window"))
    )
    joined = daily.select(KEYS).join(spread, on=KEYS, how="left", maintain_order="left")
    return joined["sources_of_window"].cast(pl.Int64).to_numpy()
