"""An arm of a test: what was shown, how often, and how often it worked.

Belongs here: the counts and what makes them impossible. Does not belong here: any judgement of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Arm:
    """One version in a test. `clicks` are the impressions that did what was hoped for: clicked, replied, followed.

    Raises ValueError for counts that can't be.
    """

    name: str
    impressions: int
    clicks: int

    def __post_init__(self) -> None:
        if not 0 <= self.clicks <= self.impressions:
            raise ValueError(
                f"Arm {self.name!r} has {self.clicks} clicks of {self.impressions} impressions: count each impression as "
                "clicked at most once."
            )


def counts(arms: Sequence[Arm]) -> tuple[Ints, Ints]:
    """Impressions and clicks, in the order of the arms. Raises ValueError for fewer than two arms or a name used twice."""
    if len(arms) < 2 or len({arm.name for arm in arms}) < len(arms):
        raise ValueError(f"A test needs two or more arms with different names, not {[arm.name for arm in arms]}.")
    return (
        np.array([arm.impressions for arm in arms], dtype=np.int64),
        np.array([arm.clicks for arm in arms], dtype=np.int64),
    )
