"""Who gets the next impressions of a running test.

Belongs here: allocators, from counts so far to shares of the next batch. Does not belong here: how a batch is served, what the
policy would have won (`replay.py`), whether an arm is better (`planned.py`, `sequential.py`): an allocator wins clicks, it proves
nothing.

Arrays hold arms along the last axis and tests, all with the same number of arms, along the first.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ml.experiments.arms import Floats, Ints
from ml.experiments.lift import log_lift
from ml.experiments.planned import sidak_p
from ml.experiments.prior import Prior

DRAWS = 64


class Allocator(Protocol):
    """Shares of the next batch, shaped like the counts, summing to 1 over the arms. `spent`: part of the traffic used, in [0, 1)."""

    def shares(self, impressions: Ints, clicks: Ints, spent: float, random: np.random.Generator) -> Floats: ...


@dataclass(frozen=True)
class EqualSplit:
    def shares(self, impressions: Ints, clicks: Ints, spent: float, random: np.random.Generator) -> Floats:  # noqa: ARG002
        return np.full(impressions.shape, 1 / impressions.shape[-1])


@dataclass(frozen=True)
class Thompson:
    """Batched Thompson sampling: each arm gets the probability that it is the best, by draws from its Beta posterior.

    With `exploration` the posterior is reshaped (Chapelle and Li, "An Empirical Evaluation of Thompson Sampling", NIPS 2011): its
    variance is multiplied by exploration * (1 - spent)^2, because what is learnt pays only on the traffic that is left. None: plain.
    """

    prior: Prior | None = None
    exploration: float | None = None

    def shares(self, impressions: Ints, clicks: Ints, spent: float, random: np.random.Generator) -> Floats:
        a, b = _posterior(self.prior, impressions, clicks)
        if self.exploration is not None:
            reshaped = self.exploration * (1 - spent) ** 2
            a, b = a / reshaped, b / reshaped
        return chance_best(a, b, random)


@dataclass(frozen=True)
class ExploreThenCommit:
    """Equal shares in the first batch, then all to the arm of the highest posterior mean so far.

    In two batches this is explore-then-commit; with more, the later ones follow the leader, who may change.
    """

    prior: Prior | None = None

    def shares(self, impressions: Ints, clicks: Ints, spent: float, random: np.random.Generator) -> Floats:
        if spent == 0:
            return EqualSplit().shares(impressions, clicks, spent, random)
        a, b = _posterior(self.prior, impressions, clicks)
        return _all_to((a / (a + b)).argmax(-1), impressions)


@dataclass(frozen=True)
class ClassicalTest:
    """Equal shares until the one reading, then all to the best arm if it is significantly better than the others together."""

    alpha: float = 0.05

    def shares(self, impressions: Ints, clicks: Ints, spent: float, random: np.random.Generator) -> Floats:
        equal = EqualSplit().shares(impressions, clicks, spent, random)
        if spent == 0:
            return equal
        others = clicks.sum(-1, keepdims=True) - clicks, impressions.sum(-1, keepdims=True) - impressions
        estimate, variance = log_lift(clicks, impressions, *others)
        p_value = sidak_p(estimate, variance, impressions.shape[-1])
        best = estimate.argmax(-1)
        is_found = np.take_along_axis(p_value, best[..., None], -1) <= self.alpha
        return np.where(is_found, _all_to(best, impressions), equal)


def chance_best(a: Floats, b: Floats, random: np.random.Generator, draws: int = DRAWS) -> Floats:
    """Probability of each arm to have the highest rate under Beta(a, b), from `draws` draws; shaped like `a`."""
    x = random.standard_gamma(np.broadcast_to(a, (draws, *a.shape)).astype(np.float32), dtype=np.float32)
    y = random.standard_gamma(np.broadcast_to(b, (draws, *b.shape)).astype(np.float32), dtype=np.float32)
    winner = (x / (x + y)).argmax(-1)
    return np.stack([(winner == arm).mean(0) for arm in range(a.shape[-1])], axis=-1)


def _posterior(prior: Prior | None, impressions: Ints, clicks: Ints) -> tuple[Floats, Floats]:
    if prior is None:  # Beta(1, 1): nothing known
        return 1 + clicks.astype(np.float64), 1 + (impressions - clicks).astype(np.float64)
    return prior.posterior(impressions, clicks)


def _all_to(arm: Ints, impressions: Ints) -> Floats:
    return np.asarray(np.arange(impressions.shape[-1]) == arm[..., None], dtype=np.float64)
