"""How counts grow after publication: a Weibull curve that starts fast and has a long tail."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GrowthCurve:
    """Fraction of the final count reached at an age: 1 - exp(-(age / scale) ^ shape)."""

    scale_hours: float
    shape: float

    def fraction(self, age_hours: float) -> float:
        """Between 0 and 1, never falling; 0 before publication."""
        if age_hours <= 0:
            return 0.0
        return -math.expm1(-math.pow(age_hours / self.scale_hours, self.shape))

    def age_at(self, fraction: float) -> float:
        """Hours after which this fraction (0 to below 1) is reached: the inverse of `fraction`."""
        return self.scale_hours * math.pow(-math.log1p(-fraction), 1 / self.shape)

    def count(self, final: int, age_hours: float) -> int:
        """Whole interactions at an age: monotone because the fraction is."""
        return math.floor(final * self.fraction(age_hours) + 1e-9)
