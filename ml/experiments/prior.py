"""What earlier tests teach about the next one: how high rates are, and how far the arms of one test lie apart.

Belongs here: the prior, its estimate from finished tests (empirical Bayes) and the posterior of each arm. Does not belong here: what
is decided from it (`allocation.py`, `winner.py`).

Model: the arms of a test have rates Beta(a, b) around the test's own level with relative standard deviation `spread`. The level is
the test's pooled rate, itself drawn towards the usual rate while the test is young.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml.experiments.arms import Arm, Floats, Ints, counts

MIN_SPREAD = 0.01
MIN_CLICKS = 5
"""Clicks per arm below which chi-square's moments say little about a single test."""
MAX_WEIGHT = 1e6
"""Impressions that the usual rate is worth when the tests known so far hardly differ in it."""


@dataclass(frozen=True)
class Prior:
    """`rate`: usual rate of a test; `weight`: impressions that it is worth; `spread`: relative deviation between arms."""

    rate: float
    weight: float
    spread: float

    def __post_init__(self) -> None:
        if not (0 < self.rate < 1 and self.weight > 0 and self.spread > 0):
            raise ValueError(f"A prior needs a rate between 0 and 1 and a positive weight and spread, not {self}.")

    def posterior(self, impressions: Ints, clicks: Ints) -> tuple[Floats, Floats]:
        """Beta parameters (a, b) of each arm's rate; arms along the last axis, tests along any before it."""
        level = (clicks.sum(-1, keepdims=True) + self.weight * self.rate) / (
            impressions.sum(-1, keepdims=True) + self.weight
        )
        # The size of a Beta of mean m and relative deviation s is (1 - m) / (m s^2) - 1; it can't be less than nothing.
        size = np.maximum((1 - level) / (level * self.spread**2) - 1, 1e-6)
        return level * size + clicks, (1 - level) * size + impressions - clicks


def estimate_prior(tests: Sequence[Sequence[Arm]]) -> Prior:
    """Empirical Bayes from finished tests whose split held and whose arms have MIN_CLICKS clicks on average.

    Spread by the method of moments of DerSimonian and Laird (Controlled Clinical Trials 1986) within each test: what homogeneity's
    chi-square has above its degrees of freedom. Its square is averaged over the tests, each counting once, since the next test is
    one of them: weighted by clicks it describes the tests of high rates, whose arms lie closer together. At least MIN_SPREAD. Usual
    rate and weight by the moments of the tests' pooled rates. Raises ValueError without two such tests.
    """
    rates, squares = [], []
    for arms in tests:
        impressions, clicks = counts(arms)
        total, won = int(impressions.sum()), int(clicks.sum())
        if not MIN_CLICKS * len(arms) <= won < total or not impressions.all():
            continue
        rate = won / total
        # One over the variance of the arm's rate relative to the test's, by chance alone.
        weight = impressions * rate / (1 - rate)
        relative = clicks / (impressions * rate) - 1
        excess = (weight * relative**2).sum() - (len(arms) - 1)
        squares.append(excess / (weight.sum() - (weight**2).sum() / weight.sum()))
        rates.append(rate)
    if len(rates) < 2:
        raise ValueError(
            f"A prior needs two or more finished tests with {MIN_CLICKS} clicks an arm: until there are, give one by hand."
        )
    mean, variance = float(np.mean(rates)), float(np.var(rates, ddof=1))
    worth = mean * (1 - mean) / variance - 1 if variance > 0 else float("inf")
    return Prior(mean, min(max(worth, 1.0), MAX_WEIGHT), max(float(np.mean(squares)), MIN_SPREAD**2) ** 0.5)
