"""Intents that a client defines by examples: learned from labelled messages in seconds, and silent about what is none of them.

Belongs here: learning from the vectors of the encoder as it comes and from words, and how strange a message is. Does not belong here:
what comments want in general (`ml/replies/understanding.py`), what to answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.text_labels import head, words
from ml.text_labels.calibration import Floats
from ml.text_labels.head import Labels

Vectors = NDArray[np.float32]

REACH = 1.0
"""gamma of the kernel exp(-gamma |u - v|^2) between unit vectors: messages at a cosine of .5 count for e^-1 of what the same message does."""
RIDGE = 0.2
"""How little each message is trusted alone."""
WORD_COST = 1.0
WORD_TOLERANCE = 0.1
"""Enough for many classes: a tenth of the time."""
FOLDS = 3
"""Folds of the training messages, to join the two views on scores that neither learned."""


@dataclass(frozen=True)
class Intents:
    """Tells `classes` apart by the messages that it was learned from. Log-odds as in `head.Head`: the two views, weighed by `mix`, and `offset`."""

    classes: tuple[str, ...]
    known: Vectors
    """(messages, width): of the messages learned from."""
    message_weights: NDArray[np.float32]
    """(messages, classes): what each of them says for each intent."""
    word_weights: NDArray[np.float16]
    """(words.BUCKETS, classes)"""
    mix: Floats
    offset: Floats
    shares: Floats

    def views(self, vectors: Vectors, rows: Any) -> tuple[Floats, Floats]:
        """Scores by the vectors and by the words, each (messages, classes). `rows`: the messages' `words.features`."""
        return kernel_scores(vectors, self.known, self.message_weights), words.scores(self.word_weights, rows)

    def labels(self, vectors: Vectors, rows: Any) -> tuple[Labels, Floats]:
        """From the messages' vectors and `words.features`: the likeliest intents, and how familiar each message is: at most 1; low where it is like none that was learned."""
        found = head.decide(head.probabilities(*self.views(vectors, rows), self.mix, self.offset), self.shares, 0.0)
        return found, familiarity(found, nearest(vectors, self.known))


def familiarity(found: Labels, nearness: Floats) -> Floats:
    """Sure of an intent and near to a known message, both: their geometric mean."""
    return np.asarray(np.sqrt(found.confidence * np.clip(nearness, 0.0, 1.0)))


def nearest(vectors: Vectors, known: Vectors) -> Floats:
    """Cosine of each vector with the one of `known` that is most like it."""
    parts = [(vectors[start : start + 512] @ known.T).max(axis=1) for start in range(0, len(vectors), 512)]
    return np.concatenate(parts).astype(np.float64)


def kernel_scores(vectors: Vectors, known: Vectors, message_weights: NDArray[np.float32]) -> Floats:
    """How much the messages learned from speak for each class, the nearer the more: (messages, classes)."""
    parts = [
        np.exp(2 * REACH * (vectors[start : start + 512] @ known.T - 1)) @ message_weights
        for start in range(0, len(vectors), 512)
    ]
    return np.vstack(parts).astype(np.float64)


def fit(vectors: Vectors, rows: Any, intents: Sequence[str], *, seed: int = 0) -> Intents:
    """Learn from the messages' unit vectors, their `words.features` and intents; every intent needs at least FOLDS messages."""
    from sklearn.model_selection import StratifiedKFold

    classes, labels = np.unique(np.asarray(intents), return_inverse=True)
    by_vector, by_words = np.empty((2, len(labels), len(classes)))
    for seen, unseen in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(rows, labels):
        message_weights = _message_weights(vectors[seen], labels[seen])
        by_vector[unseen] = kernel_scores(vectors[unseen], vectors[seen], message_weights)
        by_words[unseen] = words.scores(_word_weights(rows[seen], labels[seen]), rows[unseen])
    mix, offset = head.calibrated(by_vector, by_words, labels)
    return Intents(
        classes=tuple(str(name) for name in classes),
        known=vectors,
        message_weights=_message_weights(vectors, labels),
        word_weights=_word_weights(rows, labels),
        mix=mix,
        offset=offset,
        shares=np.bincount(labels) / len(labels),
    )


def _message_weights(vectors: Vectors, labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """Kernel ridge regression of each class's indicator."""
    from sklearn.kernel_ridge import KernelRidge

    indicators = np.eye(labels.max() + 1, dtype=np.float32)[labels]
    found = KernelRidge(kernel="rbf", gamma=REACH, alpha=RIDGE).fit(vectors, indicators)
    return np.asarray(found.dual_coef_, dtype=np.float32)


def _word_weights(rows: Any, labels: NDArray[np.int64]) -> NDArray[np.float16]:
    return words.learn(rows, labels, cost=WORD_COST, tolerance=WORD_TOLERANCE)
