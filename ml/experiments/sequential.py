"""A test that may be looked at as often as one likes, and stopped at any look.

Belongs here: the always-valid reading and what it still needs. Does not belong here: a test of a size fixed in advance
(`planned.py`), which finds the same lift with less traffic.

Formula: mixture sequential probability ratio test with a normal mixture (Robbins, Annals of Mathematical Statistics 1970; Johari,
Koomen, Pekelis and Walsh, "Always Valid Inference", Operations Research 2022). With an estimate e of variance V and true effects
spread like N(0, t^2), the likelihood ratio sqrt(V / (V + t^2)) exp(t^2 e^2 / (2 V (V + t^2))) exceeds 1 / alpha at any look, ever, with
probability alpha at most when there is no effect. Inverted, it gives the confidence sequence. It is exact for normal increments; on
the log ratio of rates it is an approximation, kept honest by MIN_CLICKS.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from ml.experiments.arms import Arm, Floats
from ml.experiments.lift import Comparison, Verdict, comparisons, describe, log_lifts

ALPHA = 0.05
SPREAD = 0.2
"""Standard deviation of true log lifts that the test is quickest for; any value keeps the promise, only the speed depends on it."""
MIN_CLICKS = 10
"""Clicks in each arm before the log ratio is near enough to normal to be read."""


@dataclass(frozen=True)
class SequentialTest:
    """Verdict at this look. `further_impressions`: over all arms, until a lift of the size asked would be found; 0 once one is."""

    verdict: Verdict
    reason: str
    comparisons: tuple[Comparison, ...]
    further_impressions: int


def look(
    arms: Sequence[Arm],
    *,
    control: str | None = None,
    minimum_lift: float = 0.1,
    spread: float = SPREAD,
    alpha: float = ALPHA,
) -> SequentialTest:
    """Look at a running test. Over all looks at all arms, a difference that is not there is found with probability `alpha` at most.

    `control` as in `planned.read`; several arms share alpha equally (union bound). `minimum_lift`: the smallest lift worth finding,
    from which `further_impressions` follows. Raises ValueError for fewer than two arms, an unknown control or a lift of 0 or less.
    """
    if minimum_lift <= 0:
        raise ValueError(f"The smallest lift worth finding must be above 0, not {minimum_lift:+.0%}.")
    names, estimate, variance = log_lifts(arms, control)
    each = alpha / len(names)
    p_value = np.minimum(always_valid_p(estimate, variance, spread) * len(names), 1.0)
    is_final = min(arm.clicks for arm in arms) >= MIN_CLICKS
    found = comparisons(names, estimate, half_width(variance, spread, each), p_value, alpha, is_final=is_final)
    against = control or (arms[0].name if len(arms) == 2 else "the others")
    standout = min(found, key=lambda comparison: (comparison.p_value, -comparison.lift))
    if is_final and standout.verdict is not Verdict.NO_DIFFERENCE_FOUND:
        return SequentialTest(standout.verdict, f"{describe(standout, against)}. The test may stop.", found, 0)
    total = sum(arm.impressions for arm in arms)
    goal = _variance_that_finds(float(np.log1p(minimum_lift)), spread, each)
    further = max(int(np.ceil(total * (float(variance.max()) / goal - 1))), 0)
    if is_final:
        reason = f"{describe(standout, against)} so far. "
        reason += (
            f"A lift of {minimum_lift:.0%} would be found in about {further:,} more impressions."
            if further
            else f"A lift of {minimum_lift:.0%} would have been found by now: stop unless a smaller one is worth the traffic."
        )
        return SequentialTest(Verdict.NO_DIFFERENCE_FOUND, reason, found, further)
    reason = f"An arm has fewer than {MIN_CLICKS} clicks: too few to compare rates. Let the test run on."
    return SequentialTest(Verdict.TOO_EARLY, reason, found, further)


def always_valid_p(estimate: Floats, variance: Floats, spread: float = SPREAD) -> Floats:
    """1 / likelihood ratio, at most 1: ever falls to alpha or below with probability alpha at most, without an effect."""
    total = variance + spread**2
    log_ratio = 0.5 * np.log(variance / total) + spread**2 * estimate**2 / (2 * variance * total)
    return np.asarray(np.exp(-np.maximum(log_ratio, 0.0)))


def half_width(variance: Floats, spread: float = SPREAD, alpha: float = ALPHA) -> Floats:
    """Half width of the confidence sequence around the estimate."""
    total = variance + spread**2
    return np.asarray(np.sqrt(variance * total / spread**2 * (np.log(total / variance) - 2 * np.log(alpha))))


def _variance_that_finds(effect: float, spread: float, alpha: float) -> float:
    """The variance at which the half width equals the effect; the half width grows with the variance."""

    def excess(log_variance: float) -> float:
        return float(half_width(np.array(np.exp(log_variance)), spread, alpha)) - effect

    return float(np.exp(brentq(excess, np.log(effect**2) - 20, np.log(effect**2) + 1)))
