"""What an account's posts brought at an hour against its own usual mix of hours: doubly robust, before any pooling.

Belongs here: the estimate of one hour, or of a set of hours, of one account and its variance. Does not belong here: shrinkage.

Augmented inverse propensity weighting (Robins, Rotnitzky, Zhao, JASA 1994), self-normalised (Hajek 1971). With `g(x)` the expected
outcome whatever the hour, `e(h, x)` the probability of hour h, and residuals `r = y - g(x)`, the value of hour h minus that of the
usual mix is

    effect(h) = sum over posts at h of w r / sum over posts at h of w - mean of r over all posts,    w = 1 / max(e(h, x), CLIP).

It is right where either `g` or `e` is: where `g` knows what else made posts good, `r` owes nothing to the content; where `e` knows
how content and hour go together, the weights undo it. As `g` is one forecast for all hours, the augmentation of hour h and that of the
usual mix are the same and cancel.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.timing.habits import HOURS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CLIP = 0.02
"""Propensities below this count as this: no post speaks for more than fifty."""
MAX_RESIDUAL = 3.0
"""Residuals are clipped here, so that a viral post does not name a best hour."""
VARIANCE_PRIOR_POSTS = 20.0
"""Posts at which an account's own residual variance and that of all accounts count the same."""


@dataclass(frozen=True)
class Contrasts:
    """Accounts x 24 hours: effect (log units), its variance (infinite where nothing was published), posts, and overlap, the share of
    the account's posts that had a propensity of CLIP or more at that hour."""

    effect: Floats
    variance: Floats
    posts: Ints
    overlap: Floats


def hour_contrasts(residual: Floats, propensity: Floats, hour: Ints, account: Ints, accounts: int) -> Contrasts:
    """The effect of every hour in every account; `account` are codes 0 .. accounts - 1, `propensity` is posts x 24."""
    r = np.clip(residual, -MAX_RESIDUAL, MAX_RESIDUAL)
    size = np.bincount(account, minlength=accounts)
    r = r - (np.bincount(account, r, accounts) / np.maximum(size, 1))[account]
    w = 1.0 / np.maximum(propensity[np.arange(len(hour)), hour], CLIP)
    cell = account * HOURS + hour

    def total(values: Floats) -> Floats:
        return np.asarray(np.bincount(cell, values, accounts * HOURS).reshape(accounts, HOURS), dtype=np.float64)

    weight = total(w)
    is_seen = weight > 0
    squares = np.bincount(account, r**2, accounts)
    pooled = float(squares.sum() / max(len(r) - accounts, 1))
    spread = (squares + VARIANCE_PRIOR_POSTS * pooled) / (size + VARIANCE_PRIOR_POSTS)
    safe = np.where(is_seen, weight, 1.0)
    reachable = np.zeros((accounts, HOURS))
    np.add.at(reachable, account, propensity >= CLIP)
    return Contrasts(
        effect=np.where(is_seen, total(w * r) / safe, 0.0),
        variance=np.where(is_seen, spread[:, None] * total(w**2) / safe**2, np.inf),
        posts=np.bincount(cell, minlength=accounts * HOURS).reshape(accounts, HOURS),
        overlap=reachable / np.maximum(size, 1)[:, None],
    )
