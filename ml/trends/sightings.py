"""Daily sightings of terms, and how often each was seen between two days.

Belongs here: the rows that trend forecasts start from and windowed sums over them. Does not belong here: what is made of the sums.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

SIGHTINGS_SCHEMA = pl.Schema(
    {
        "client_id": pl.String,
        "term": pl.String,
        "source_id": pl.String,
        "day": pl.Date,
        "count": pl.Int64,
        "rank": pl.Int64,
        "recency": pl.Float64,
    }
)
"""One row per client, term, source and day on which the source had the term at all.

`source_id` is who was seen using the term (an account, a list). Where the source is a ranked list, `rank` is the last place seen that day
(1 is the top) and `recency` how late in the day it was last seen (1: at the last reading of the day); else both are null.
"""

KEYS = ["client_id", "term", "day"]


def by_day(sightings: pl.DataFrame) -> pl.DataFrame:
    """One row per client, term and day, in that order: `count`, `sources`, best `rank`, latest `recency`. `code` numbers the terms."""
    return (
        sightings.group_by(KEYS)
        .agg(
            pl.col("count").sum(),
            pl.col("source_id").n_unique().alias("sources"),
            pl.col("rank").min(),
            pl.col("recency").max(),
        )
        .sort(KEYS)
        .with_columns(pl.struct("client_id", "term").rle_id().cast(pl.Int64).alias("code"))
    )


class Ledger:
    """Sums over the days of a code. Days are integers (days since 1970); windows include both of their ends."""

    def __init__(self, codes: NDArray[np.int64], days: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
        order = np.lexsort((days, codes))
        self._first_day = int(days.min()) if len(days) else 0
        self._span = int(days.max()) - self._first_day + 2 if len(days) else 2
        self._codes = codes[order]
        self._days = days[order]
        self._keys = self._codes * self._span + self._days - self._first_day
        self._sums = np.concatenate([[0], np.cumsum(counts[order])])

    def _position(self, codes: NDArray[np.int64], days: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows before this day of this code."""
        offset = np.clip(days - self._first_day, 0, self._span - 1)
        return np.searchsorted(self._keys, codes * self._span + offset, side="left")

    def count(self, codes: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64]) -> NDArray[np.int64]:
        """Sum of the counts on days first..last."""
        return np.asarray(self._sums[self._position(codes, last + 1)] - self._sums[self._position(codes, first)])

    def rows(self, codes: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many rows lie on days first..last: active days, where a code has one row a day."""
        return self._position(codes, last + 1) - self._position(codes, first)

    def days_since(self, codes: NDArray[np.int64], days: NDArray[np.int64]) -> NDArray[np.float64]:
        """Days since the code's last row before each day; nan where there is none."""
        if not len(self._days):
            return np.full(len(codes), np.nan)
        before = self._position(codes, days) - 1
        safe = np.maximum(before, 0)
        is_known = (before >= 0) & (self._codes[safe] == codes)
        return np.where(is_known, days - self._days[safe], np.nan)
