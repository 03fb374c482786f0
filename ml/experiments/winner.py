"""What the best arm of a finished test will bring, which is less than it brought.

Belongs here: the shrunken claim for a winner. Does not belong here: whether it may be called better (`planned.py`,
`sequential.py`).

The arm that looks best was chosen for looking best: its raw lift over-promises (the winner's curse). The posterior mean under a prior
that earlier tests taught takes back what chance gave (Efron, "Tweedie's Formula and Selection Bias", JASA 2011).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from ml.experiments.allocation import chance_best
from ml.experiments.arms import Arm, counts
from ml.experiments.prior import Prior

DRAWS = 4000
LIKELY = 0.9


@dataclass(frozen=True)
class Winner:
    """The arm to go on with. Lifts are over the mean of all arms, as an equal split would serve them.

    `lift` is what to promise, between `low` and `high` with probability 1 - alpha; `raw_lift` is what the counts show.
    `is_likely_best`: the chance to be the best arm is at least LIKELY.
    """

    arm: str
    reason: str
    lift: float
    low: float
    high: float
    raw_lift: float
    chance_best: float
    is_likely_best: bool


def shrunken_winner(arms: Sequence[Arm], prior: Prior, *, seed: int, alpha: float = 0.1) -> Winner:
    """The arm of the highest posterior mean. `seed` draws the chance to be best. Raises ValueError without any impression."""
    impressions, clicks = counts(arms)
    if not impressions.all():
        raise ValueError("Every arm needs impressions before one can be chosen: show each of them first.")
    a, b = prior.posterior(impressions, clicks)
    mean = a / (a + b)
    best = int(mean.argmax())
    usual = float(mean.mean())
    raw = clicks / impressions
    raw_lift = float(raw[best] / raw.mean() - 1) if clicks.any() else 0.0
    chance = float(chance_best(a, b, np.random.default_rng(seed), DRAWS)[best])
    low, high = (float(bound) / usual - 1 for bound in beta.interval(1 - alpha, a[best], b[best]))
    lift = float(mean[best]) / usual - 1
    name = arms[best].name
    reason = (
        f"{name} showed {raw_lift:+.1%} over the mean arm; expect {lift:+.1%} (between {low:+.1%} and {high:+.1%}), because the best "
        f"of {len(arms)} is partly luck. It is the best arm with probability {chance:.0%}."
    )
    return Winner(name, reason, lift, low, high, raw_lift, chance, chance >= LIKELY)
