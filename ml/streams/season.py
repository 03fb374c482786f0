"""What the time of day and of week is worth in a stream.

Belongs here: the usual difference from the level at a time, drawn to zero while few of its kind are known.
Does not belong here: the level itself, and what is unusual.
"""

from datetime import timedelta

import numpy as np

from ml.streams.stream import Floats, Stream, means

MAX_DEVIATION = 1.5
"""Seasons are learned from log deviations clipped here, so that yesterday's crisis is no season."""
REACH = timedelta(hours=1)
"""The same time is an hour before to an hour after it."""
PRIOR_PERIODS = 3.0
"""A season that was seen so often counts half."""
MIN_WEEKS = 4
"""A time of the week is only told apart when so many weeks fit into the memory."""


def season_of(stream: Stream, memory: int) -> str | None:
    """What a bin is compared by, in a word for people; None: every bin with every other."""
    if memory >= MIN_WEEKS * 7 * stream.bins_per_day:
        return "time of week" if stream.bins_per_day > 1 else "day of the week"
    return "time of day" if stream.bins_per_day > 1 else None


def seasonal_shift(log_rate: Floats, stream: Stream, memory: int, *, lag: int) -> Floats:
    """By how much log rates are usually above their level at each bin's time, from earlier periods among the last `memory` bins.

    `lag`: bins of a rate's own window, which its level must not contain. By time of day (unless a bin is a day), and by time of week
    where the memory holds MIN_WEEKS.
    """
    day, reach = stream.bins_per_day, REACH // stream.bin
    shift = np.zeros(len(log_rate))
    if day > 1:
        shift += _usual(log_rate - means(log_rate, day, lag=1), day, memory // day, reach)
    if memory >= MIN_WEEKS * 7 * day:
        rest = log_rate - means(log_rate, memory, lag=lag) - shift
        shift += _usual(rest, 7 * day, memory // (7 * day), reach)
    return shift


def _usual(deviation: Floats, period: int, periods: int, reach: int) -> Floats:
    """The mean deviation around the same place of the last `periods` periods, drawn to zero where few of them are known."""
    clipped = np.clip(np.nan_to_num(deviation, nan=0.0), -MAX_DEVIATION, MAX_DEVIATION)
    clipped[:period] = 0.0  # the level of the first period is not known yet
    index = np.arange(len(clipped))
    ends = np.concatenate([[0.0], np.cumsum(clipped)])
    first, last = np.clip(index - reach, 0, None), np.clip(index + reach + 1, None, len(clipped))
    around = (ends[last] - ends[first]) / (last - first)
    total = np.zeros(len(clipped))
    known = np.zeros(len(clipped))
    for back in range(period, min(periods * period + 1, len(clipped)), period):
        total[back:] += around[:-back]
        known[back:] += 1
    return total / (known + PRIOR_PERIODS)
