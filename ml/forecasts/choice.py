"""Which method to believe of a series, by how far each was off in its past.

Belongs here: the choice and what was chosen. Does not belong here: the methods, how sure the outcome is (`interval`).

Many series have a best method by chance. The mean of the best few is nearly as good as the best and much seldomer bad, so that a single
method has to be better than it by more than luck to be believed alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml.forecasts.backtest import Backtest
from ml.forecasts.series import Floats, Kind

BEST = 3
"""So many are averaged."""
FEWEST_ORIGINS = 3
"""With fewer, nothing is chosen, and all that is said is the usual."""
USUAL: Mapping[Kind, tuple[str, ...]] = {Kind.LEVEL: ("naive", "drift_30"), Kind.FLOW: ("mean_4", "mean_8")}


@dataclass(frozen=True)
class Choice:
    """The methods that are averaged (one: believed alone), and each method's mean absolute error over the past origins."""

    methods: tuple[str, ...]
    errors: Mapping[str, float]

    @property
    def name(self) -> str:
        return " + ".join(self.methods)

    def of(self, said: Mapping[str, Floats]) -> Floats:
        """What the chosen ones say together."""
        return np.asarray(np.mean([said[name] for name in self.methods], axis=0), dtype=np.float64)


def choose(past: Backtest, kind: Kind, *, horizon: int) -> Choice:
    """By mean absolute error up to `horizon` steps ahead, each origin counting once."""
    every = _errors(np.stack([said[:, :horizon] for said in past.said.values()]), past.actual, horizon)
    by_origin = dict(zip(past.said, every, strict=True))
    judged = np.isfinite(next(iter(by_origin.values())))
    if np.count_nonzero(judged) < FEWEST_ORIGINS:
        return Choice(USUAL[kind], {name: float("nan") for name in by_origin})
    errors = {name: float(error[judged].mean()) for name, error in by_origin.items()}
    ranked = sorted(errors, key=lambda name: errors[name])
    best = tuple(ranked[:BEST])
    together = _errors(Choice(best, errors).of(past.said), past.actual, horizon)[judged]
    lead = together - by_origin[best[0]][judged]
    luck = float(lead.std(ddof=1)) / np.sqrt(len(lead))
    return Choice(best[:1] if float(lead.mean()) > luck else best, errors)


def _errors(said: Floats, actual: Floats, horizon: int) -> Floats:
    """Mean absolute error of each origin, of what was said there by one method or (before the origins' axis) by several; NaN where
    nothing of it is known.
    """
    came = actual[:, :horizon]
    known = ~np.isnan(came)
    off = np.where(known, np.abs(said[..., :horizon] - came), 0.0).sum(axis=-1)
    return np.asarray(np.where(known.any(axis=1), off / np.maximum(known.sum(axis=1), 1), np.nan), dtype=np.float64)
