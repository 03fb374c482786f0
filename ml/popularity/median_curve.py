"""The median curve: the share of its final count that the median post of a network has reached at an age.

Belongs here: the rule of thumb that a model has to beat, count so far divided by that share.
Does not belong here: intervals and alerts (`model.py`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from contracts.errors import NotReadyError
from ml.popularity.curves import Curves, Floats, Ints


@dataclass(frozen=True)
class _Point:
    """What posts of one network had reached at one age."""

    share: float
    """Median of count / final over posts that ended with any count; 0 where most of them had none yet."""
    share_once_counted: float
    """The same over posts that had a count at this age."""
    final_of_uncounted: float
    """Median final of posts that had none."""


@dataclass(frozen=True)
class MedianCurve:
    """Shares by network and age (hours)."""

    points: dict[tuple[str, float], _Point]

    @classmethod
    def fit(cls, curves: Curves, *, ages: Sequence[float], final_age_hours: float) -> "MedianCurve":
        """From posts whose final count is known. Raises NotReadyError where a network had no counted post at an age."""
        networks, final = curves.posts["network"].to_numpy(), curves.final_counts(final_age_hours)
        points = {}
        for age in ages:
            seen = curves.seen_at(age)
            seen = seen[np.isfinite(final[seen])]
            counts = curves.counts(seen, np.full(len(seen), age), known_by=np.full(len(seen), age))
            for network in np.unique(networks[seen]):
                own = networks[seen] == network
                points[str(network), age] = _point(str(network), age, counts[own], final[seen][own])
        return cls(points)

    def forecast(self, curves: Curves, posts: Ints, age: float) -> Floats:
        """Count so far / median share: a post without any count is to stay without.

        Where the median share is 0 nothing can be divided by it: the share of posts that had a count stands in.
        """
        return self._scaled(curves, posts, age, lambda point: (point.share or point.share_once_counted, 0.0))

    def forecast_once_counted(self, curves: Curves, posts: Ints, age: float) -> Floats:
        """The sharper form: shares of posts that had a count; a post without gets the median final of such posts."""
        return self._scaled(curves, posts, age, lambda point: (point.share_once_counted, point.final_of_uncounted))

    def _scaled(self, curves: Curves, posts: Ints, age: float, rule: Callable[[_Point], tuple[float, float]]) -> Floats:
        counts = curves.counts(posts, np.full(len(posts), age), known_by=np.full(len(posts), age))
        networks = curves.posts["network"].to_numpy()[posts]
        finals = np.empty(len(posts))
        for network in np.unique(networks):
            share, uncounted = rule(self.points[str(network), age])
            own = networks == network
            finals[own] = np.where(counts[own] > 0, counts[own] / share, uncounted)
        return finals


def _point(network: str, age: float, counts: Floats, final: Floats) -> _Point:
    has_count, has_final = counts > 0, final > 0
    if not (has_count & has_final).any():
        raise NotReadyError(
            f"no post of {network} had a count at {age:g} hours; follow more posts until they are final"
        )
    return _Point(
        share=float(np.median(counts[has_final] / final[has_final])),
        share_once_counted=float(np.median(counts[has_count & has_final] / final[has_count & has_final])),
        final_of_uncounted=float(np.median(final[~has_count])) if not has_count.all() else 0.0,
    )
