"""The lift of one rate over another, on the scale where it is nearly normal.

Belongs here: the log ratio of two rates and its variance, which the planned and the always-valid test share, and what they say of
an arm. Does not belong here: when a lift counts as found.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ml.experiments.arms import Arm, Floats, Ints, counts


class Verdict(StrEnum):
    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE_FOUND = "no difference found"
    TOO_EARLY = "too early"


@dataclass(frozen=True)
class Comparison:
    """One arm against what it is compared with. `lift` .1 means a rate 10 % higher; `low` and `high` bound it."""

    arm: str
    verdict: Verdict
    lift: float
    low: float
    high: float
    p_value: float


def log_lift(clicks: Ints, impressions: Ints, other_clicks: Ints, other_impressions: Ints) -> tuple[Floats, Floats]:
    """Log ratio of the rates and its variance, element by element.

    Half a click and half a miss more on either side keep it defined without any (Haldane, Annals of Human Genetics 1956); variance
    by the delta method (Katz et al., Biometrics 1978).
    """
    a, n, b, m = clicks + 0.5, impressions + 1.0, other_clicks + 0.5, other_impressions + 1.0
    return np.log(a / n) - np.log(b / m), 1 / a - 1 / n + 1 / b - 1 / m


def log_lifts(arms: Sequence[Arm], control: str | None) -> tuple[list[str], Floats, Floats]:
    """Names, log lifts and variances of the arms against `control`, or, when that is None, each against all others together.

    Two arms without a control are one comparison: the second against the first. Raises ValueError for an unknown control.
    """
    impressions, clicks = counts(arms)
    names = [arm.name for arm in arms]
    if control is None and len(arms) == 2:
        control = names[0]
    if control is None:
        estimate, variance = log_lift(clicks, impressions, clicks.sum() - clicks, impressions.sum() - impressions)
        return names, estimate, variance
    if control not in names:
        raise ValueError(f"There is no arm {control!r} to compare with: choose one of {names}.")
    at = names.index(control)
    estimate, variance = log_lift(clicks, impressions, clicks[at], impressions[at])
    return [name for name in names if name != control], np.delete(estimate, at), np.delete(variance, at)


def comparisons(
    names: Sequence[str], estimate: Floats, half_width: Floats, p_value: Floats, alpha: float, *, is_final: bool = True
) -> tuple[Comparison, ...]:
    """One comparison per arm from log lifts with half widths and p values already corrected for the number of arms."""
    found = (p_value <= alpha) & is_final
    quiet = Verdict.NO_DIFFERENCE_FOUND if is_final else Verdict.TOO_EARLY
    return tuple(
        Comparison(
            name,
            (Verdict.BETTER if estimate[i] > 0 else Verdict.WORSE) if found[i] else quiet,
            float(np.expm1(estimate[i])),
            float(np.expm1(estimate[i] - half_width[i])),
            float(np.expm1(estimate[i] + half_width[i])),
            float(p_value[i]),
        )
        for i, name in enumerate(names)
    )


def describe(comparison: Comparison, against: str) -> str:
    """One sentence: the arm, its lift and the interval."""
    return (
        f"{comparison.arm} against {against}: {comparison.lift:+.1%} (between {comparison.low:+.1%} and "
        f"{comparison.high:+.1%}), {comparison.verdict}"
    )
