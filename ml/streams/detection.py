"""From surprise to alerts: the threshold of the day, and quiet after an alert.

Belongs here: the rule by which alerts are raised, the same for every kind. Does not belong here: how surprising a bin is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from ml.streams.alerts import REFRACTORY, Alert, Evidence, Kind, severity_of
from ml.streams.budget import Budget, Tail, tails
from ml.streams.stream import Floats, Stream

HIGH = 1.0
"""Standard deviations from which a bin counts as high, for saying since when."""
MIN_SEEN = 5
"""Fewer in a window are never an alert, unless more were expected."""


@dataclass(frozen=True, eq=False)
class Judged:
    """What is known of every bin, from the bins up to it: arrays as long as the stream.

    `surprise` is in standard deviations of a plain stream, 0 where nothing can be said; `seen` and `expected` are about the `width` bins
    that end with the bin; `seen_of` the mentions among which `seen` are, where that differs. Nothing is said in the first `silent_days`.
    """

    kind: Kind
    surprise: Floats
    width: NDArray[np.int64]
    seen: Floats
    expected: Floats
    seen_of: Floats | None
    memory_days: float
    silent_days: int
    season: str | None
    spread: Floats | None = None
    """Standard deviation of log(1 + count) around what is expected; None where no single one says how far the usual reaches."""
    is_two_sided: bool = False
    """Too few are as surprising as too many."""

    def usual(self, height: Floats) -> tuple[Floats, Floats] | None:
        """Lowest and highest value of each bin's window that is less surprising than `height`; None where that cannot be said."""
        if self.spread is None:
            return None
        reach = np.exp(height * self.spread)
        low = (self.expected + 1) / reach - 1 if self.is_two_sided else np.zeros_like(reach)
        return np.maximum(low, 0.0), (self.expected + 1) * reach - 1


def alerts(stream: Stream, judged: Judged, budget: Budget, *, refractory: timedelta = REFRACTORY) -> list[Alert]:
    """All alerts of a stream's history, oldest first; those of the last bin are news.

    An alert is raised where the surprise reaches the height that the budget affords by the stream's own past. Until `refractory` has passed,
    and for as long as the stream is high without a break, it is the same event, and only a higher severity is told again.
    """
    daily = tails(judged.surprise, stream.bins_per_day, silent_days=judged.silent_days)
    threshold = _threshold(daily, judged, stream, budget)
    high_since = _starts_of_runs(judged.surprise >= HIGH)
    is_enough = np.maximum(judged.seen, judged.expected) >= MIN_SEEN
    quiet = stream.bins(refractory)
    raised: list[Alert] = []
    last = -quiet
    for index in np.flatnonzero((judged.surprise >= threshold) & is_enough):
        weeks = 1 / daily[index // stream.bins_per_day].per_week(float(judged.surprise[index]))
        is_same_event = index - last < quiet or high_since[index] <= last
        if is_same_event and severity_of(weeks) <= raised[-1].severity:
            continue
        last = int(index)
        raised.append(
            Alert(
                client_id=stream.client_id,
                stream_id=stream.stream_id,
                kind=judged.kind,
                raised_at=stream.end_of(last),
                evidence=Evidence(
                    seen=round(float(judged.seen[index])),
                    expected=float(judged.expected[index]),
                    seen_of=None if judged.seen_of is None else round(float(judged.seen_of[index])),
                    window=int(judged.width[index]) * stream.bin,
                    surprise=float(judged.surprise[index]),
                    threshold=float(threshold[index]),
                    weeks_between=weeks,
                    since=stream.start_of(int(high_since[index])),
                    compared_days=min(index / stream.bins_per_day, judged.memory_days),
                    season=judged.season,
                ),
            )
        )
    return raised


def thresholds(stream: Stream, judged: Judged, budget: Budget) -> Floats:
    """Per bin the surprise from which it is told."""
    daily = tails(judged.surprise, stream.bins_per_day, silent_days=judged.silent_days)
    return _threshold(daily, judged, stream, budget)


def _threshold(daily: Sequence[Tail], judged: Judged, stream: Stream, budget: Budget) -> Floats:
    affordable = np.array([tail.height(budget.rate_per_week) for tail in daily])
    return np.repeat(affordable, stream.bins_per_day)[: len(judged.surprise)]


def end_of(alert: Alert, stream: Stream, judged: Judged) -> datetime | None:
    """When the stream was as usual again after the alert: the end of its last high bin. None while it is high, and where it is not known."""
    last = (alert.raised_at - stream.starts_at) // stream.bin - 1
    calm = np.flatnonzero(judged.surprise[max(last, 0) :] < HIGH)
    return stream.start_of(max(last, 0) + int(calm[0])) if len(calm) else None


def _starts_of_runs(is_high: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Per bin the first one from which all are high; the next bin where it is not high itself."""
    index = np.arange(len(is_high))
    return np.asarray(np.maximum.accumulate(np.where(is_high, -1, index)) + 1)
