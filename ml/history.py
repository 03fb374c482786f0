"""Look-ups into the past: which rows of a group were known at a moment.

Belongs here: the one place that decides what "before" means for features.
Does not belong here: what is computed from those rows.
"""

import numpy as np
from numpy.typing import NDArray


class Timeline:
    """Rows sorted by group, then by time (stable). Positions refer to that order; `order` maps them to the input rows."""

    def __init__(self, groups: NDArray[np.int64], times: NDArray[np.int64]) -> None:
        self.order = np.lexsort((times, groups))
        self._groups = groups[self.order]
        self._times = np.unique(times)
        self._keys = self._key(self._groups, np.searchsorted(self._times, times[self.order], side="left"))

    def _key(self, groups: NDArray[np.int64], ranks: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.asarray(groups, dtype=np.int64) * (len(self._times) + 1) + ranks

    def first(self, groups: NDArray[np.int64]) -> NDArray[np.int64]:
        """Position of the first row of each group (of its would-be place when the group has no rows)."""
        return np.searchsorted(self._groups, groups, side="left")

    def last_at(self, groups: NDArray[np.int64], moments: NDArray[np.int64]) -> NDArray[np.int64]:
        """Position of the last row of each group with time <= moment; smaller than `first` when there is none."""
        ranks = np.searchsorted(self._times, moments, side="right")
        return np.searchsorted(self._keys, self._key(groups, ranks), side="left") - 1

    def last_before(self, groups: NDArray[np.int64], moments: NDArray[np.int64]) -> NDArray[np.int64]:
        """Position of the last row of each group with time < moment; smaller than `first` when there is none."""
        ranks = np.searchsorted(self._times, moments, side="left")
        return np.searchsorted(self._keys, self._key(groups, ranks), side="left") - 1

    def count_before(self, groups: NDArray[np.int64], moments: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many rows of each group have time < moment."""
        return self.last_before(groups, moments) - self.first(groups) + 1

    def take(
        self, values: NDArray[np.float64], positions: NDArray[np.int64], groups: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """`values` (in timeline order) at `positions`; NaN where the group has no row that early."""
        result = np.full(len(positions), np.nan)
        found = positions >= self.first(groups)
        result[found] = values[positions[found]]
        return result
