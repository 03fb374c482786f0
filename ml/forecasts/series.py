"""A series: one quantity in regular steps, oldest first, with its gaps.

Belongs here: the record, its checks, and how gaps are bridged. Does not belong here: what comes next.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from contracts.errors import PulsoError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WEEK = 7


class SeriesError(PulsoError):
    """A series that nothing can be said of; the message says what to mend."""


class Kind(StrEnum):
    LEVEL = "level"
    """How much there is, as followers: what is not known today is as it was yesterday."""
    FLOW = "flow"
    """How much came in each step, as engagements: steps add up, and each has its place in the season."""


@dataclass(frozen=True, eq=False)
class Series:
    """One quantity: `values[i]` at step i, not negative; NaN: not known, which is not the same as zero.

    `season`: steps after which things repeat (7 where a step is a day, 24 where it is an hour, 1: never). `first_day`: the day of step 0, where
    a step is a day. The first and the last value are known.
    """

    values: Floats
    kind: Kind
    season: int = WEEK
    first_day: date | None = None

    def __post_init__(self) -> None:
        values = self.values
        if values.ndim != 1 or not np.issubdtype(values.dtype, np.floating) or not len(values):
            raise SeriesError("A series has to be one row of floats (NaN where a step is not known), and not empty.")
        if np.isnan(values[[0, -1]]).any():
            raise SeriesError(
                "A series has to begin and to end with a known value: leave out the unknown steps around it."
            )
        if np.isinf(values).any() or np.any(values[~np.isnan(values)] < 0):
            raise SeriesError("The values of a series have to be finite and not negative.")
        if self.season < 1:
            raise SeriesError(f"A season of {self.season} steps: give 1 where nothing repeats.")

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def known(self) -> int:
        """How many steps have a value."""
        return int(np.count_nonzero(~np.isnan(self.values)))

    @cached_property
    def filled(self) -> Floats:
        """The values with each gap bridged from what came before it: of a level the last one, of a flow that of a season ago."""
        lag = 1 if self.kind is Kind.LEVEL else self.season
        filled = self.values.copy()
        for step in np.flatnonzero(np.isnan(filled)):
            before = step - lag if step >= lag else step - 1
            filled[step] = filled[before]
        return filled

    @cached_property
    def totals(self) -> Floats:
        """Sum of the bridged values before each step, one longer than the series."""
        return np.concatenate([[0.0], np.cumsum(self.filled)])
