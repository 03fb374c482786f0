"""Methods that learn something before they speak, and what they have learned.

Belongs here: how such a method is called, so that what it learned can be kept. Does not belong here: the methods (`smoothing`, `yearly`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ml.forecasts.series import Floats, Ints, Series

Weights = Mapping[str, Any]
"""What was learned, as JSON has it."""


@dataclass(frozen=True)
class Fitted:
    """Called as any other method (`simple.Method`) it learns anew."""

    learn: Callable[[Series, Ints, Weights | None], Weights]
    """For origins in ascending order, of each from what is known before it alone; what was learned earlier is used as far as it serves."""
    carry: Callable[[Series, Weights, Ints, int], Floats]
    """What follows from it at each origin."""

    def __call__(self, series: Series, origins: Ints, horizon: int) -> Floats:
        return self.carry(series, self.learn(series, origins, None), origins, horizon)
