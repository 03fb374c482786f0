"""A linear model of words and letters: which label a text's words, word pairs and runs of letters speak for.

Belongs here: the features and learning their weights. Does not belong here: what a text means to an encoder, probabilities (`head`).

Features are hashed, so a model is an array of numbers and holds none of the words that it was learned from.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.text_labels.wording import plain_wording

BITS = 17
"""Words and letters have 2 ** BITS buckets each."""
BUCKETS = 2 * 2**BITS
_TOKEN = r"\w+|[^\w\s]"


def features(texts: Sequence[str]) -> Any:
    """A sparse matrix, (len(texts), BUCKETS): which words and pairs, and which runs of 2 to 5 letters inside words, a text has.

    Each of the two halves of a row has length 1.
    """
    from scipy import sparse
    from sklearn.feature_extraction.text import HashingVectorizer

    if not texts:
        return sparse.csr_matrix((0, BUCKETS))
    written = [plain_wording(text).lower() for text in texts]
    halves = [
        HashingVectorizer(
            analyzer=analyzer,
            ngram_range=runs,
            n_features=2**BITS,
            alternate_sign=False,
            binary=True,
            norm="l2",
            lowercase=False,
            token_pattern=_TOKEN,
        ).transform(written)
        for analyzer, runs in (("word", (1, 2)), ("char_wb", (2, 5)))
    ]
    return sparse.hstack(halves, format="csr")


def learn(
    rows: Any, labels: NDArray[np.int64], *, cost: float, tolerance: float = 1e-4, seed: int = 0
) -> NDArray[np.float16]:
    """Weights, (BUCKETS, classes): one linear support vector machine for each class against the others. `cost`: of an error."""
    from sklearn.svm import LinearSVC

    machine = LinearSVC(C=cost, tol=tolerance, fit_intercept=False, random_state=seed).fit(rows, labels)
    columns = machine.coef_ if len(machine.coef_) > 1 else np.vstack([-machine.coef_, machine.coef_])
    return np.ascontiguousarray(columns.T, dtype=np.float16)


def scores(weights: NDArray[np.float16], rows: Any) -> NDArray[np.float64]:
    """How much the words speak for each class, (texts, classes)."""
    return np.asarray(rows @ weights.astype(np.float32), dtype=np.float64)
