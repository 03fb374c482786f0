"""Whether a stated probability is right as often as it says, and how sure one has to be.

Belongs here: the error of stated confidences, the risk of answering only when sure, the threshold for a stated risk. Does not belong
here: where probabilities come from (`head`).
"""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

BINS = 15
DOUBT = 0.1
"""How likely a chosen threshold may be to have a higher risk than the stated one."""


def calibration_error(confidence: Floats, is_right: Flags, bins: int = BINS) -> float:
    """Expected calibration error: |share right - mean confidence|, over bins of equally many texts."""
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return float(sum(len(part) * abs(is_right[part].mean() - confidence[part].mean()) for part in parts) / len(order))


def risk_at(confidence: Floats, is_right: Flags, coverage: float) -> float:
    """Share wrong among the `coverage` (0 to 1) of texts that are surest."""
    kept = np.argsort(-confidence, kind="stable")[: max(round(coverage * len(confidence)), 1)]
    return float(1 - is_right[kept].mean())


def threshold_for(risk: float, confidence: Floats, is_right: Flags) -> float:
    """The lowest confidence from which at most `risk` of the answers are wrong; 1.01 (never) where no confidence is enough.

    Wrong answers are counted by an upper bound (binomial, with DOUBT), from the surest text on until the bound first breaks the risk
    for good, so that a handful of lucky texts promises nothing.
    """
    order = np.argsort(-confidence, kind="stable")
    wrong, asked = np.cumsum(~is_right[order]), np.arange(1, len(order) + 1)
    upper = stats.beta.ppf(1 - DOUBT, wrong + 1, asked - wrong)
    held = np.flatnonzero(np.nan_to_num(upper, nan=1.0) <= risk)
    return float(confidence[order[held[-1]]]) if len(held) else 1.01
