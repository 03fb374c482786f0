"""A test read once, at the size that was planned.

Belongs here: how many impressions a test needs, the smallest lift that it can find, and the reading at its end, for two arms and
for many. Does not belong here: reading before the end (`sequential.py`).

Formulas: Wald's test on the log ratio of two rates; many comparisons at Sidak's level 1 - (1 - alpha)^(1/m), which holds for normal
estimates with any correlation (Sidak, JASA 1967), as arms have that share a control. Sidak is chosen over Holm because its intervals
agree with its verdicts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from ml.experiments.arms import Arm, Floats
from ml.experiments.lift import Comparison, Verdict, comparisons, describe, log_lifts

ALPHA = 0.05
POWER = 0.8
MAX_LIFT = 100.0


@dataclass(frozen=True)
class PlannedTest:
    """Verdict on the arm that stands out most. `further_impressions`: per arm, until the plan is met; 0 at its end."""

    verdict: Verdict
    reason: str
    comparisons: tuple[Comparison, ...]
    further_impressions: int


def impressions_per_arm(
    rate: float, lift: float, *, arms: int = 2, has_control: bool = True, alpha: float = ALPHA, power: float = POWER
) -> int:
    """Impressions for each arm so that a true `lift` over `rate` is found with probability `power`.

    `has_control`: each arm is compared with one control; otherwise with all others together. Raises ValueError for a rate outside
    (0, 1), a lift of 0 or below -1, or one that takes the rate to 1 or more.
    """
    better = rate * (1 + lift)
    if not (0 < rate < 1 and 0 < better < 1 and lift):
        raise ValueError(
            f"A lift of {lift:+.0%} over a rate of {rate:.2%} can't be planned for: both rates must lie between 0 and 1."
        )
    sides = 1 if has_control or arms == 2 else arms - 1
    z = norm.isf(_sidak(alpha, _comparisons(arms, has_control)) / 2) + norm.ppf(power)
    return int(np.ceil((z / np.log1p(lift)) ** 2 * ((1 - better) / better + (1 - rate) / rate / sides)))


def detectable_lift(
    rate: float,
    impressions: int,
    *,
    arms: int = 2,
    has_control: bool = True,
    alpha: float = ALPHA,
    power: float = POWER,
) -> float:
    """The smallest lift over `rate` found with probability `power` by `impressions` in each arm; infinite if none is."""

    def missing(lift: float) -> float:
        needed = impressions_per_arm(rate, lift, arms=arms, has_control=has_control, alpha=alpha, power=power)
        return needed - impressions

    most = min(MAX_LIFT, (1 / rate - 1) * 0.999)
    return float(brentq(missing, 1e-4, most, xtol=1e-6)) if missing(most) < 0 else float("inf")


def read(arms: Sequence[Arm], planned: int, *, control: str | None = None, alpha: float = ALPHA) -> PlannedTest:
    """Read a test that was planned for `planned` impressions in each arm. Before that the verdict is TOO_EARLY, whatever is seen.

    `control`: the arm that the others are compared with. None: each arm against all others together (two arms: the second against
    the first). Intervals are simultaneous at 1 - alpha. Raises ValueError for fewer than two arms, an unknown control or no plan.
    """
    if planned < 1:
        raise ValueError("A planned test needs its size: ask impressions_per_arm before it starts.")
    names, estimate, variance = log_lifts(arms, control)
    error = np.sqrt(variance)
    each = _sidak(alpha, len(names))
    p_value = sidak_p(estimate, variance, len(names))
    further = max(planned - min(arm.impressions for arm in arms), 0)
    found = comparisons(names, estimate, norm.isf(each / 2) * error, p_value, alpha, is_final=further == 0)
    against = control or (arms[0].name if len(arms) == 2 else "the others")
    standout = min(found, key=lambda comparison: (comparison.p_value, -comparison.lift))
    if further:
        reason = (
            f"Planned for {planned:,} impressions an arm: {further:,} more are needed before this test may be read. Reading early "
            "finds differences that are not there; a test that must be watched is an always-valid one."
        )
    elif standout.verdict is Verdict.NO_DIFFERENCE_FOUND:
        reason = f"{describe(standout, against)}: every lift in between remains possible."
    else:
        reason = f"{describe(standout, against)}; chance alone goes this far in {standout.p_value:.2%} of such tests."
    return PlannedTest(standout.verdict, reason, found, further)


def sidak_p(estimate: Floats, variance: Floats, comparisons: int) -> Floats:
    """Two-sided p values of log lifts, corrected for the number of comparisons."""
    alone = 2 * norm.sf(np.abs(estimate) / np.sqrt(variance))
    return np.asarray(1 - (1 - alone) ** comparisons)


def _comparisons(arms: int, has_control: bool) -> int:
    return arms - 1 if has_control or arms == 2 else arms


def _sidak(alpha: float, comparisons: int) -> float:
    return float(1 - (1 - alpha) ** (1 / comparisons))
