"""Choosing between scored candidates so that the choice can be learned from: epsilon-greedy, with its propensity.

Belongs here: the draw and its probability. Does not belong here: what the scores mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Choice:
    """Which candidate was chosen, with which probability, and whether it was not the best one."""

    index: int
    propensity: float
    is_exploration: bool


def epsilon_greedy(scores: Sequence[float | None], *, epsilon: float, seed: int) -> Choice:
    """The best score with probability 1 - epsilon, else a uniform draw over all candidates.

    `propensity` is the probability of the chosen index: epsilon / n, plus 1 - epsilon for the best. Candidates without any score
    (all None) are drawn uniformly, as exploration. Ties go to the first. Raises ValueError without candidates.
    """
    if not scores:
        raise ValueError("Nothing to choose from.")
    random = Random(seed)
    known = [(score, -index) for index, score in enumerate(scores) if score is not None]
    if not known:
        return Choice(random.randrange(len(scores)), 1 / len(scores), is_exploration=True)
    best = -max(known)[1]
    index = random.randrange(len(scores)) if random.random() < epsilon else best
    propensity = epsilon / len(scores) + (1 - epsilon) * (index == best)
    return Choice(index, propensity, is_exploration=index != best)
