"""How surprising a day's figure of an account is, up or down: reach, engagements, followers.

Belongs here: the surprise of daily figures. Does not belong here: when it is told (`detection`), whether all rows of a day are there
(`ml/anomalies.py`).

Figures come in proportions, so logarithms are compared, as in `volume`. A flow (what came in a day) is compared with its own days, a stock
(what there is) with the day before and what it usually gains.
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from ml.streams.alerts import Kind
from ml.streams.detection import Judged
from ml.streams.season import season_of, seasonal_shift
from ml.streams.stream import DAY, Floats, Stream, StreamError, means
from ml.streams.volume import spread_of

SILENT_DAYS = 14
MIN_SPREAD_OF_FLOW = 0.15
MIN_SPREAD_OF_STOCK = 0.003
"""Standard deviations under which nothing is drawn: what is told starts at four of them, so at 1.8 times a day's reach, or at a hundredth
of all followers."""


@dataclass(frozen=True)
class LevelSettings:
    """`memory`: the past that a day is compared with; `is_stock`: the figure is a standing count."""

    memory: timedelta = timedelta(days=56)
    is_stock: bool = False


def judge(stream: Stream, settings: LevelSettings | None = None, *, settled_days: int | None = None) -> Judged:
    """The surprise of each day, the same for too much and too little. Silent (0) in the first two weeks. Raises StreamError where a bin is
    no day.

    `settled_days`: so many first days of the stream are final (None: all); of the others a fall says nothing, for figures still grow.
    """
    settings = settings or LevelSettings()
    if stream.bin != DAY:
        raise StreamError(f"Stream {stream.stream_id!r} has bins of {stream.bin}: daily figures are judged by the day.")
    memory = stream.bins(settings.memory)
    logs = np.log1p(stream.counts)
    base = _last_known(logs) if settings.is_stock else np.zeros(len(logs))
    change = logs - base
    usual = means(change, memory, lag=1)
    if not settings.is_stock:
        usual = usual + seasonal_shift(change, stream, memory, lag=1)
    deviation = np.nan_to_num(change - usual, nan=0.0)
    deviation[:7] = 0.0  # there is no level to speak of yet
    expected = np.maximum(np.expm1(np.nan_to_num(base) + usual), 0.0)
    counting = np.sqrt(np.maximum(expected, 1.0)) / (expected + 1)
    least = np.full(len(logs), MIN_SPREAD_OF_STOCK) if settings.is_stock else np.maximum(counting, MIN_SPREAD_OF_FLOW)
    spread = np.maximum(spread_of(deviation, memory, 1), least)
    surprise = np.abs(deviation) / spread
    surprise[:SILENT_DAYS] = 0.0
    if settled_days is not None:
        surprise[settled_days:][deviation[settled_days:] < 0] = 0.0
    return Judged(
        kind=Kind.METRIC,
        surprise=surprise,
        width=np.ones(len(logs), dtype=np.int64),
        seen=np.nan_to_num(stream.counts, nan=0.0),
        expected=expected,
        seen_of=None,
        memory_days=settings.memory / DAY,
        silent_days=SILENT_DAYS,
        season=None if settings.is_stock else season_of(stream, memory),
        spread=spread,
        is_two_sided=True,
    )


def _last_known(logs: Floats) -> Floats:
    """Per day the newest value before it, NaN where there is none."""
    index = np.arange(len(logs))
    known = np.maximum.accumulate(np.where(np.isnan(logs), -1, index))
    before = np.concatenate([[-1], known[:-1]])
    return np.asarray(np.where(before >= 0, logs[np.maximum(before, 0)], np.nan))
