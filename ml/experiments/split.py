"""The gate before every reading of a test: did the arms get the traffic that they were meant to get?

Belongs here: the sample-ratio-mismatch test of one test, of the tests that one splitter served, and its power. Does not belong
here: what the arms achieved; a test whose split is broken has no result.

Source: Pearson's chi-square against the intended shares at p < .001 (Fabijan et al., "Diagnosing Sample Ratio Mismatch in Online
Controlled Experiments", KDD 2019). The threshold is strict because the gate is asked often and its alarm stops a test.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.stats import binomtest, chi2, chisquare, ncx2

from ml.experiments.arms import Arm, Floats, counts

ALPHA = 0.001
MATERIAL_DEVIATION = 0.05
"""An arm that is 5 % over or under its intended traffic: what the gate should be able to see before a result is believed."""
MIN_EXPECTED = 5
"""Impressions that an arm must be due before chi-square's approximation holds (Cochran's rule)."""


class SplitVerdict(StrEnum):
    HOLDS = "holds"
    BROKEN = "broken"
    TOO_EARLY = "too early"


@dataclass(frozen=True)
class SplitCheck:
    """Shares are in the order of the arms and sum to 1. `largest_deviation` is relative to the intended share, with its sign.

    `further_impressions`: more traffic, over all arms, until a deviation of MATERIAL_DEVIATION would be seen with the power asked.
    """

    verdict: SplitVerdict
    reason: str
    p_value: float
    shares: tuple[float, ...]
    intended: tuple[float, ...]
    largest_deviation: float
    further_impressions: int


@dataclass(frozen=True)
class SplitterCheck:
    """Verdict on what deals out the traffic, over tests that ran on it at the same time."""

    verdict: SplitVerdict
    reason: str
    p_value: float
    tests: int
    alarms: int


def check_split(
    arms: Sequence[Arm], intended: Mapping[str, float] | None = None, *, alpha: float = ALPHA, power: float = 0.95
) -> SplitCheck:
    """Compare the arms' impressions with the intended shares (by arm name, any positive weights; None: equal).

    Raises ValueError when `intended` names other arms than the test has, or a weight that is not positive.
    """
    impressions, _ = counts(arms)
    names = [arm.name for arm in arms]
    weights = _weights(names, intended)
    total = int(impressions.sum())
    needed = impressions_to_see(MATERIAL_DEVIATION, weights, alpha=alpha, power=power)
    further = max(needed - total, 0)
    if total * weights.min() < MIN_EXPECTED:
        reason = (
            f"{total:,} impressions are too few to judge a split: wait until every arm is due {MIN_EXPECTED} or more."
        )
        shares = impressions / total if total else np.zeros(len(arms))
        return SplitCheck(SplitVerdict.TOO_EARLY, reason, 1.0, tuple(shares), tuple(weights), 0.0, further)
    shares = impressions / total
    deviation = shares / weights - 1
    worst = int(np.abs(deviation).argmax())
    p_value = float(chisquare(impressions, total * weights).pvalue)
    seen = f"{names[worst]} got {shares[worst]:.1%} of {total:,} impressions where {weights[worst]:.1%} was intended"
    if p_value < alpha:
        verdict = SplitVerdict.BROKEN
        reason = (
            f"{seen}; with a working split chance does this with probability {p_value:.1g}. Do not read this test: look for "
            "arms that load, log or reach people differently, mend that and start it again."
        )
    else:
        verdict = SplitVerdict.HOLDS
        reason = f"{seen}, at most; chance does this with probability {p_value:.2g}."
        if further:
            reason += f" A deviation of {MATERIAL_DEVIATION:.0%} could still hide: {further:,} more impressions would show it."
    return SplitCheck(verdict, reason, p_value, tuple(shares), tuple(weights), float(deviation[worst]), further)


def check_splitter(checks: Sequence[SplitCheck], *, alpha: float = ALPHA) -> SplitterCheck:
    """Judge the splitter by the checks (all made at `alpha`) of the tests that it served together, a week's for instance.

    A fault in the splitter touches all its tests, also those too small to show it alone. Broken when more tests alarm than a
    working splitter would let alarm (exact binomial test at `alpha`). Raises ValueError without a check that has a verdict.
    """
    judged = [check for check in checks if check.verdict is not SplitVerdict.TOO_EARLY]
    if not judged:
        raise ValueError("No test has enough impressions to judge the splitter: wait, or check more tests together.")
    alarms = sum(check.verdict is SplitVerdict.BROKEN for check in judged)
    p_value = float(binomtest(alarms, len(judged), alpha, alternative="greater").pvalue)
    seen = f"{alarms} of {len(judged)} tests got another split than intended, where chance explains {alpha:.1%} of them"
    if p_value < alpha:
        reason = f"{seen}. Do not read any of them, the quiet ones neither: the splitter itself is at fault."
        return SplitterCheck(SplitVerdict.BROKEN, reason, p_value, len(judged), alarms)
    reason = f"{seen}. The splitter works" + ("; stop only the tests that alarm." if alarms else ".")
    return SplitterCheck(SplitVerdict.HOLDS, reason, p_value, len(judged), alarms)


def impressions_to_see(
    deviation: float, intended: Sequence[float] | Floats, *, alpha: float = ALPHA, power: float = 0.95
) -> int:
    """Impressions, over all arms, that show a relative `deviation` of the arm with the smallest share with probability `power`.

    Noncentral chi-square: an arm of share w that gets w (1 + d), while the others share the rest as intended, adds d^2 w / (1 - w)
    to the noncentrality with every impression.
    """
    share = float(np.min(intended) / np.sum(intended))
    freedom = len(intended) - 1
    return int(np.ceil(_noncentrality(freedom, alpha, power) * (1 - share) / share / deviation**2))


@lru_cache
def _noncentrality(freedom: int, alpha: float, power: float) -> float:
    critical = chi2.isf(alpha, freedom)
    return float(brentq(lambda value: ncx2.sf(critical, freedom, value) - power, 1e-9, 1e4))


def _weights(names: Sequence[str], intended: Mapping[str, float] | None) -> Floats:
    if intended is None:
        return np.full(len(names), 1 / len(names))
    if set(intended) != set(names) or min(intended.values()) <= 0:
        raise ValueError(
            f"The intended split must give each of {sorted(names)} a positive weight, not {dict(intended)}."
        )
    weights = np.array([intended[name] for name in names], dtype=np.float64)
    return np.asarray(weights / weights.sum(), dtype=np.float64)
