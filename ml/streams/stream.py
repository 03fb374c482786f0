"""A stream: counts of one thing in regular bins, and sums over its past.

Belongs here: the record, its checks, and the sums that all detectors use. Does not belong here: what is unusual.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from contracts.errors import PulsoError

Floats = NDArray[np.float64]

DAY = timedelta(days=1)
MIN_BIN = timedelta(minutes=1)


class StreamError(PulsoError):
    """A stream that cannot be judged; the message says what to mend."""


@dataclass(frozen=True, eq=False)
class Stream:
    """Counts of one client's stream, oldest first: bin i covers [starts_at + i * bin, starts_at + (i + 1) * bin).

    `counts` are whole and not negative; NaN: this bin was not read, which is not the same as zero. `bin` divides a day, from a minute to a
    day. `stream_id` names it to people ("mentions of acme on bluesky").
    """

    client_id: str
    stream_id: str
    starts_at: datetime
    bin: timedelta
    counts: Floats

    def __post_init__(self) -> None:
        if not self.client_id:
            raise StreamError(f"Stream {self.stream_id!r} has no client_id: every stream belongs to one client.")
        if self.starts_at.utcoffset() != timedelta(0):
            raise StreamError(f"Stream {self.stream_id!r} starts at {self.starts_at}: give a time in UTC.")
        if not MIN_BIN <= self.bin <= DAY or DAY % self.bin:
            raise StreamError(
                f"Stream {self.stream_id!r} has bins of {self.bin}: they have to divide a day, from a minute to a day."
            )
        check_counts(self.stream_id, self.counts)

    @cached_property
    def bins_per_day(self) -> int:
        return DAY // self.bin

    def bins(self, duration: timedelta) -> int:
        """How many bins a duration holds, at least one."""
        return max(round(duration / self.bin), 1)

    def start_of(self, index: int) -> datetime:
        return self.starts_at + index * self.bin

    def end_of(self, index: int) -> datetime:
        """When the bin is complete: the first moment at which it can be judged."""
        return self.start_of(index + 1)


def check_counts(stream_id: str, counts: Floats) -> None:
    """Raises StreamError where counts are no counts."""
    if counts.ndim != 1 or not np.issubdtype(counts.dtype, np.floating):
        raise StreamError(f"Stream {stream_id!r}: counts have to be one row of floats (NaN where a bin was not read).")
    known = counts[~np.isnan(counts)]
    if np.any(known < 0) or np.any(known != np.floor(known)):
        raise StreamError(f"Stream {stream_id!r}: counts have to be whole and not negative.")


def sums(values: Floats, width: int, lag: int = 0) -> Floats:
    """Per bin t the sum of values[t - lag - width + 1 .. t - lag], NaN counting as nothing; shorter at the beginning."""
    ends = np.concatenate([[0.0], np.cumsum(np.nan_to_num(values, nan=0.0))])
    index = np.arange(len(values))
    last = np.clip(index - lag + 1, 0, None)
    return np.asarray(ends[last] - ends[np.clip(last - width, 0, None)], dtype=np.float64)


def means(values: Floats, width: int, lag: int = 0) -> Floats:
    """As `sums`, divided by the number of known values; 0 where there is none."""
    known = sums(np.where(np.isnan(values), 0.0, 1.0), width, lag)
    return sums(values, width, lag) / np.maximum(known, 1.0)
