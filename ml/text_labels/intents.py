"""Intents that a client defines by examples: learned from labelled messages in seconds, and silent about what is none of them.

Belongs here: learning a head on the encoder as it comes, and how strange a message is. Does not belong here: what comments want in
general (`ml/replies/understanding.py`), what to answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.text_labels import head, words
from ml.text_labels.calibration import Floats
from ml.text_labels.head import Head, Labels

SHRINKAGE = 0.01
"""How far the vectors' covariance within an intent is drawn to a sphere."""
WORD_COST = 1.0
WORD_TOLERANCE = 0.1
"""Enough for many classes: a tenth of the time."""
FOLDS = 3
"""Folds of the training messages, to join the two views on scores that neither learned."""


@dataclass(frozen=True)
class Intents:
    """A head over the client's intents, and the vectors of the messages that it was learned from."""

    head: Head
    known: NDArray[np.float32]

    def labels(self, vectors: NDArray[np.float32], rows: Any) -> tuple[Labels, Floats]:
        """From the messages' vectors and `words.features`: the likeliest intents, and how familiar each message is: at most 1; low where it is like none that was learned."""
        found = self.head.labels(vectors, rows)
        return found, familiarity(found, nearest(vectors, self.known))


def familiarity(found: Labels, nearness: Floats) -> Floats:
    """Sure of an intent and near to a known message, both: their geometric mean."""
    return np.asarray(np.sqrt(found.confidence * np.clip(nearness, 0.0, 1.0)))


def nearest(vectors: NDArray[np.float32], known: NDArray[np.float32]) -> Floats:
    """Cosine of each vector with the one of `known` that is most like it."""
    parts = [(vectors[start : start + 512] @ known.T).max(axis=1) for start in range(0, len(vectors), 512)]
    return np.concatenate(parts).astype(np.float64)


def fit(vectors: NDArray[np.float32], texts: Sequence[str], intents: Sequence[str], *, seed: int = 0) -> Intents:
    """Learn from unit vectors, messages and their intents; every intent needs at least FOLDS messages."""
    from sklearn.model_selection import StratifiedKFold

    classes, labels = np.unique(np.asarray(intents), return_inverse=True)
    rows = words.features(texts)
    by_vector, by_words = np.empty((2, len(labels), len(classes)))
    for seen, unseen in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(rows, labels):
        weights, bias = _discriminant(vectors[seen], labels[seen])
        by_vector[unseen] = vectors[unseen] @ weights.T + bias
        by_words[unseen] = words.scores(
            words.learn(rows[seen], labels[seen], cost=WORD_COST, tolerance=WORD_TOLERANCE), rows[unseen]
        )
    mix, offset = head.calibrated(by_vector, by_words, labels)
    weights, bias = _discriminant(vectors, labels)
    joined = Head(
        classes=tuple(str(name) for name in classes),
        vector_weights=weights,
        vector_bias=bias,
        word_weights=words.learn(rows, labels, cost=WORD_COST, tolerance=WORD_TOLERANCE),
        mix=mix,
        offset=offset,
        shares=np.bincount(labels) / len(labels),
    )
    return Intents(joined, vectors)


def _discriminant(
    vectors: NDArray[np.float32], labels: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Linear discriminant analysis: weights (classes, width) and bias."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    found = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=SHRINKAGE).fit(vectors, labels)
    return found.coef_.astype(np.float32), found.intercept_.astype(np.float32)
