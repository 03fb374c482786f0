"""What a post was worth whatever its hour: the outcome model of the doubly robust estimate.

Belongs here: cross-fitted forecasts that never see an hour. Does not belong here: forecasts for people (`ml/engagement.py`), which
may use the hour.
"""

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from ml.text import token_hashes, tokens

Floats = NDArray[np.float64]

LEVEL = "history_median_30"
FOLDS = 5
"""Stretches of time; each is forecast by a model of the others."""
PENALTY = 3.0
WORD_BITS = 16
KNOWN_BEFORE = (
    "history_median_10",
    "history_median_30",
    "history_median_100",
    "history_mean_10",
    "history_mean_100",
    "history_trend",
    "history_format_effect",
    "history_weekday_effect",
    "history_text_effect",
    "history_text_nearest",
    "hours_since_previous_post",
    "posts_last_7d",
    "media_count",
    "text_length",
    "word_count",
    "hashtag_count",
    "mention_count",
    "has_link",
    "has_question",
    "exclamation_count",
    "emoji_count",
    "uppercase_ratio",
    "digit_count",
    "line_count",
)
"""Features known at publication that do not say at which hour it was."""
MAX_STANDARDISED = 5.0


def without_the_hour(posts: pl.DataFrame) -> Floats:
    """Expected log engagement of each post minus the account's level (`history_median_30`), by a model that never saw that post.

    `posts`: matured rows of features/post_features with a level, sorted by time. Ridge regression of the distance from the level on
    the features of KNOWN_BEFORE, format, weekday, and hashed words, every word once for all and once for its account (feature
    augmentation, Daume III 2007). Cross-fitted over FOLDS stretches of time, so that a post never explains itself (Chernozhukov et
    al., "Double/debiased machine learning", Econometrics Journal 2018).
    """
    distance = (posts["log_engagement"] - posts[LEVEL]).to_numpy()
    expected = np.zeros(posts.height)
    if posts.height < 2 * FOLDS:
        return expected
    design = sp.hstack([sp.csr_matrix(_known(posts)), _words(posts)]).tocsr()
    for held_out in np.array_split(np.arange(posts.height), FOLDS):
        rest = np.ones(posts.height, dtype=bool)
        rest[held_out] = False
        ridge = Ridge(PENALTY, solver="sparse_cg", tol=1e-3).fit(design[rest], distance[rest])
        expected[held_out] = ridge.predict(design[held_out])
    return expected


def _known(posts: pl.DataFrame) -> Floats:
    """Standardised features; unknown values stand at the mean."""
    numeric = posts.select(pl.col(KNOWN_BEFORE).cast(pl.Float64)).to_numpy()
    known = np.isfinite(numeric)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, numeric, 0.0).sum(axis=0) / count
    centred = np.where(known, numeric - mean, 0.0)
    scale = np.sqrt((centred**2).sum(axis=0) / count)
    standard = np.clip(centred / np.where(scale > 0, scale, 1.0), -MAX_STANDARDISED, MAX_STANDARDISED)
    marks = posts.select("content_format", pl.col("local_weekday").cast(pl.String)).to_dummies().cast(pl.Float64)
    return np.column_stack([standard, marks.to_numpy()])


def _words(posts: pl.DataFrame) -> sp.csr_matrix:
    """Unit-length TF-IDF of hashed words, followed by the same at columns that depend on the account too."""
    width = 1 << WORD_BITS
    counted = tokens(posts["text"])
    row, digest = counted["row"].to_numpy(), token_hashes(counted["token"])
    column = digest % width
    documents = np.bincount(column, minlength=width)
    value = (1.0 + np.log(counted["count"].to_numpy())) * (
        np.log((1.0 + posts.height) / (1.0 + documents[column])) + 1.0
    )
    norm = np.sqrt(np.bincount(row, value**2, minlength=posts.height))
    value = value / norm[row]
    account = token_hashes(posts["account_id"])[row]
    own = (digest * 2_654_435_761 ^ account * 2_246_822_519) % width
    return sp.csr_matrix(
        (np.r_[value, value], (np.r_[row, row], np.r_[column, own + width])), shape=(posts.height, 2 * width)
    )
