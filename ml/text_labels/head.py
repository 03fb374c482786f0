"""What a text is, by its vector and by its words: calibrated probabilities, a label, and whether that is sure enough to say.

Belongs here: joining the two views, learning how from texts that neither was learned from, the label and its threshold.
Does not belong here: the encoder that makes vectors, what to do about a label, languages (`english`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from ml.text_labels import words
from ml.text_labels.calibration import Floats, threshold_for

RISKS = (0.05, 0.1, 0.15, 0.2)
"""Shares of wrong answers that a threshold is chosen for."""


@dataclass(frozen=True)
class Labels:
    """Of each text: `probabilities` (texts, classes), the place of its `label`, and the probability of that: its `confidence`."""

    probabilities: Floats
    label: NDArray[np.int64]
    confidence: Floats


@dataclass(frozen=True)
class Head:
    """Tells `classes` apart. Log-odds are `mix[0]` times the vector's and `mix[1]` times the words' scores, plus `offset` by class."""

    classes: tuple[str, ...]
    vector_weights: NDArray[np.float32]
    """(classes, width)"""
    vector_bias: NDArray[np.float32]
    word_weights: NDArray[np.float16]
    """(words.BUCKETS, classes)"""
    mix: Floats
    offset: Floats
    shares: Floats
    """How common each class was where the head was learned: what its probabilities take for granted."""
    balance: float = 0.0
    """0: the label is the likeliest class. 1: the class that became likelier most, so that rare ones are found as well as common ones."""
    thresholds: Mapping[float, float] = field(default_factory=dict)
    """Risk -> the confidence from which at most so many labels are wrong."""

    def views(self, vectors: NDArray[np.float32], rows: Any) -> tuple[Floats, Floats]:
        """Scores of the two views, each (texts, classes). `rows`: the texts' `words.features`."""
        by_vector = np.asarray(vectors @ self.vector_weights.T + self.vector_bias, dtype=np.float64)
        return by_vector, words.scores(self.word_weights, rows)

    def labels(self, vectors: NDArray[np.float32], rows: Any) -> Labels:
        """`vectors`: the texts' unit vectors, of the encoder that the head was learned on; `rows`: their `words.features`."""
        return self.decide(*self.views(vectors, rows))

    def decide(self, by_vector: Floats, by_words: Floats) -> Labels:
        """Labels from the scores of the two views."""
        return decide(probabilities(by_vector, by_words, self.mix, self.offset), self.shares, self.balance)


def probabilities(by_vector: Floats, by_words: Floats, mix: Floats, offset: Floats) -> Floats:
    return np.asarray(special.softmax(mix[0] * by_vector + mix[1] * by_words + offset, axis=1))


def decide(found: Floats, shares: Floats, balance: float) -> Labels:
    label = np.argmax(found / shares**balance, axis=1)
    return Labels(found, label, found[np.arange(len(found)), label])


def calibrated(
    by_vector: Floats, by_words: Floats, labels: NDArray[np.int64], *, use: tuple[bool, bool] = (True, True)
) -> tuple[Floats, Floats]:
    """`mix` and `offset` of the greatest likelihood on texts that neither view was learned from. `use`: which views may count at all.

    As few numbers as classes + 1: they make the probabilities right on average and cannot learn the texts. Each view's weight is at
    least 0.
    """
    classes = by_vector.shape[1]

    is_class = np.eye(classes)[labels]

    def loss(numbers: Floats) -> tuple[float, Floats]:
        scores = numbers[0] * by_vector + numbers[1] * by_words + np.append(numbers[2:], 0.0)
        excess = (special.softmax(scores, axis=1) - is_class) / len(labels)
        slope = [np.sum(excess * by_vector), np.sum(excess * by_words), *excess.sum(0)[:-1]]
        return -float(np.mean(special.log_softmax(scores, axis=1)[is_class == 1])), np.array(slope)

    start = np.concatenate([[1.0 * use[0], 1.0 * use[1]], np.zeros(classes - 1)])
    bounds = [(0.0, None if is_used else 0.0) for is_used in use] + [(-10.0, 10.0)] * (classes - 1)
    found = optimize.minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B")
    return found.x[:2], np.append(found.x[2:], 0.0)


def thresholds(labels: Labels, truth: NDArray[np.int64]) -> dict[float, float]:
    """For each of RISKS, the confidence from which at most so many labels are wrong."""
    is_right = labels.label == truth
    return {risk: threshold_for(risk, labels.confidence, is_right) for risk in RISKS}
