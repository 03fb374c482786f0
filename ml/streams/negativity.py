"""How surprising the number of negative mentions is: their share of all, and how many they are.

Belongs here: the surprise of negativity. Does not belong here: what makes a text negative (`ml/replies/sentiment.py`), when it is told
(`detection`).

Both have to be rare, each by an exact tail: the share by a beta-binomial (so three of three at night say little, and a brand whose share
moves a lot is allowed to), the number by a negative binomial. Both laws take mean and spread from
the windows of the past, the number by time of day.
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from scipy import special, stats

from ml.streams.alerts import Kind
from ml.streams.detection import Judged
from ml.streams.season import season_of, seasonal_shift
from ml.streams.stream import DAY, Floats, Stream, StreamError, check_counts, sums

PRIOR_NEGATIVE, PRIOR_MENTIONS = 1.0, 4.0
"""Before anything is known, one of four mentions is negative."""
MIN_CONCENTRATION, MAX_CONCENTRATION = 2.0, 10_000.0
"""Bounds of a + b of the beta distribution of shares; the upper is nearly binomial."""
MAX_SURPRISE = 30.0
SILENT_DAYS = 2


@dataclass(frozen=True)
class NegativitySettings:
    """Negative mentions are counted over `window` and compared with the windows of `memory` before it."""

    window: timedelta = timedelta(hours=1)
    memory: timedelta = timedelta(days=14)


def judge(mentions: Stream, negative: Floats, settings: NegativitySettings | None = None) -> Judged:
    """The surprise of the negative mentions of each window that ends with a bin. Silent (0) in the first two days, or weeks of daily bins.

    `negative`: of each bin's mentions those that are negative; NaN where `mentions` is. Raises StreamError where there are more of them.
    """
    settings = settings or NegativitySettings()
    check_counts(mentions.stream_id, negative)
    total = mentions.counts
    if negative.shape != total.shape or np.any(np.isnan(negative) != np.isnan(total)) or np.any(negative > total):
        raise StreamError(
            f"Stream {mentions.stream_id!r}: negative mentions are some of all mentions, bin by bin; give both from the same texts."
        )
    width, memory = mentions.bins(settings.window), mentions.bins(settings.memory)
    seen, seen_of = sums(negative, width), sums(total, width)
    share = (sums(negative, memory, lag=width) + PRIOR_NEGATIVE) / (sums(total, memory, lag=width) + PRIOR_MENTIONS)
    concentration = _concentration(seen, seen_of, share, memory, width)
    is_more = seen > seen_of * share
    tail = np.ones(len(total))
    by_share = _share_tail(seen[is_more], seen_of[is_more], share[is_more], concentration[is_more])
    tail[is_more] = np.maximum(by_share, _number_tail(seen, mentions, memory, width)[is_more])
    surprise = np.clip(stats.norm.isf(np.maximum(tail, 1e-300)), 0.0, MAX_SURPRISE)
    silent_days = SILENT_DAYS if mentions.bins_per_day > 1 else SILENT_DAYS * 7
    surprise[: silent_days * mentions.bins_per_day] = 0.0
    surprise[np.isnan(total)] = 0.0
    return Judged(
        kind=Kind.NEGATIVITY,
        surprise=surprise,
        width=np.full(len(total), width),
        seen=seen,
        expected=seen_of * share,
        seen_of=seen_of,
        memory_days=settings.memory / DAY,
        silent_days=silent_days,
        season=season_of(mentions, memory),
    )


def _concentration(seen: Floats, seen_of: Floats, share: Floats, memory: int, width: int) -> Floats:
    """a + b of the beta distribution of shares, by moments: how much more past windows differ than drawing alone would make them.

    Of n mentions the negative ones vary by n p (1 - p) (1 + (n - 1) / (a + b + 1)), each window against what was known before it.
    """
    drawn = seen_of * share * (1 - share)
    excess = sums((seen - seen_of * share) ** 2 - drawn, memory, lag=width)
    possible = sums(drawn * np.maximum(seen_of - 1, 0), memory, lag=width)
    correlation = np.clip(excess / np.maximum(possible, 1e-9), 1 / (MAX_CONCENTRATION + 1), 1 / (MIN_CONCENTRATION + 1))
    return np.asarray(1 / correlation - 1)


def _share_tail(seen: Floats, seen_of: Floats, share: Floats, concentration: Floats) -> Floats:
    """P(at least `seen` of `seen_of` are negative), beta-binomial."""
    return np.array(
        [
            beta_binomial_tail(int(k), int(n), p * c, (1 - p) * c)
            for k, n, p, c in zip(seen, seen_of, share, concentration, strict=True)
        ]
    )


def beta_binomial_tail(seen: int, seen_of: int, a: float, b: float) -> float:
    """P(K >= seen) where K of `seen_of` draws succeed and their probability is Beta(a, b)."""
    k = np.arange(seen, seen_of + 1, dtype=np.float64)
    choose = special.gammaln(seen_of + 1) - special.gammaln(k + 1) - special.gammaln(seen_of - k + 1)
    return float(min(np.exp(choose + special.betaln(k + a, seen_of - k + b) - special.betaln(a, b)).sum(), 1.0))


def _number_tail(seen: Floats, mentions: Stream, memory: int, width: int) -> Floats:
    """P(at least `seen` negative mentions in a window), negative binomial: variance m + m^2 / shape around the mean m of past windows."""
    windows = np.maximum(np.minimum(np.arange(len(seen)) - width + 1, memory), 1)
    level = np.maximum(sums(seen, memory, lag=width), 1.0) / windows
    mean = level * np.exp(seasonal_shift(np.log1p(seen), mentions, memory, lag=width))
    excess = sums((seen - mean) ** 2 - mean, memory, lag=width)
    shape = 1 / np.clip(excess / np.maximum(sums(mean**2, memory, lag=width), 1e-9), 1e-4, None)
    return np.asarray(stats.nbinom.sf(seen - 1, shape, shape / (shape + mean)))
