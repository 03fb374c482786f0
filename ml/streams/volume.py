"""How surprising the number of mentions is: log counts against their level, time of day and spread.

Belongs here: the surprise of volume. Does not belong here: when it is told (`detection`).

Mentions come in proportions: a busy brand doubles as easily as a small one. So counts are compared as logarithms, a standard deviation is
one of log counts over the past, and never under what counting alone gives.
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from ml.streams.alerts import Kind
from ml.streams.detection import Judged
from ml.streams.season import season_of, seasonal_shift
from ml.streams.stream import DAY, Floats, Stream, means, sums

MAX_SPREADS = 3.0
"""A deviation counts as so many standard deviations at most when the next spread is estimated."""
SILENT_DAYS = 2


@dataclass(frozen=True)
class VolumeSettings:
    """`windows`: a bin is judged by the mean surprise of the mentions in these, so that a burst counts as well as what builds up;
    `memory`: the past that they are compared with; `is_seasonal`: by time of day (and of week, where the memory is long enough)."""

    windows: tuple[timedelta, ...] = (timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
    memory: timedelta = timedelta(days=14)
    is_seasonal: bool = True


DAILY = VolumeSettings(windows=(DAY,), memory=timedelta(days=56))
"""Where a bin is a day: eight of each weekday."""


def judge(stream: Stream, settings: VolumeSettings | None = None) -> Judged:
    """The surprise of what came up to each bin. Silent (0) in the first two days, or weeks where a bin is a day.

    What is seen and expected is told of the window in which it is the most surprising.
    """
    settings = settings or (VolumeSettings() if stream.bins_per_day > 1 else DAILY)
    widths = sorted({stream.bins(window) for window in settings.windows})
    each = [_judge_window(stream, width, settings) for width in widths]
    most = np.argmax([surprise for surprise, *_ in each], axis=0)[None]
    silent_days = SILENT_DAYS if stream.bins_per_day > 1 else SILENT_DAYS * 7
    surprise = np.mean([surprise for surprise, *_ in each], axis=0)
    surprise[: silent_days * stream.bins_per_day] = 0.0
    surprise[np.isnan(stream.counts)] = 0.0
    return Judged(
        kind=Kind.VOLUME,
        surprise=surprise,
        width=np.array(widths)[most[0]],
        seen=np.take_along_axis(np.array([seen for _, seen, *_ in each]), most, axis=0)[0],
        expected=np.take_along_axis(np.array([expected for _, _, expected, _ in each]), most, axis=0)[0],
        seen_of=None,
        memory_days=settings.memory / DAY,
        silent_days=silent_days,
        season=season_of(stream, stream.bins(settings.memory)) if settings.is_seasonal else None,
        spread=each[0][3] if len(widths) == 1 and widths[0] == 1 else None,
    )


def _judge_window(stream: Stream, width: int, settings: VolumeSettings) -> tuple[Floats, Floats, Floats, Floats]:
    """Surprise, what was seen and what was expected in the `width` bins up to each, and the spread of log counts."""
    day, memory = stream.bins_per_day, stream.bins(settings.memory)
    known = sums((~np.isnan(stream.counts)).astype(np.float64), width)
    log_rate = np.where(known > 0, np.log1p(means(stream.counts, width)), np.nan)
    expected = means(log_rate, memory, lag=width)
    if settings.is_seasonal:
        expected = expected + seasonal_shift(log_rate, stream, memory, lag=width)
    deviation = np.nan_to_num(log_rate - expected, nan=0.0)
    deviation[: max(day, 7)] = 0.0  # there is no level to speak of yet
    counting = np.sqrt(np.maximum(np.expm1(expected), 1 / width) / width) / np.exp(expected)
    spread = np.maximum(spread_of(deviation, memory, width), counting)
    return deviation / spread, sums(stream.counts, width), np.maximum(np.expm1(expected), 0.0) * known, spread


def spread_of(deviation: Floats, memory: int, lag: int) -> Floats:
    """Standard deviation of the past, in which no single deviation counts more than MAX_SPREADS of them."""
    plain = np.sqrt(means(deviation**2, memory, lag))
    return np.sqrt(means(np.clip(deviation, -MAX_SPREADS * plain, MAX_SPREADS * plain) ** 2, memory, lag))
