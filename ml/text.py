"""What a post's text says about its engagement, judged by the account's own matured past.

Belongs here: tokens, text counts, causal TF-IDF vectors and the text-similarity-weighted mean of matured residuals.
Does not belong here: other features (`ml/features.py`), and anything fitted on a training set (`ml/engagement.py`).

Every quantity of a post depends only on its own text and on posts published before it, so it can be recomputed at any later
time with the same result.
"""

import zlib

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml.history import Timeline

TOKEN_PATTERN = r"[#@]?[\p{L}\p{N}_]{2,}"
EMOJI_PATTERN = r"[\x{203C}-\x{3299}\x{1F000}-\x{1FAFF}]"
LINK_PATTERN = r"https?://|www\.|\b\w+\.(com|org|net|gov|io|br|es)\b"

DIMENSIONS = 512
"""Size of a hashed text vector: chance similarity of unrelated texts is about 1 / sqrt(DIMENSIONS)."""
WINDOW = 2000
"""How many of an account's latest matured posts a text is compared with."""
PRIOR_WEIGHT = 0.2
"""Similarity mass at which the account's own evidence and the prior (no effect) count the same."""
HALF_LIFE_DAYS = 180.0
_CHUNK = 256
_HOST, _PATH = r"^https?://(?:www\.)?([^/?#:]+)", r"^https?://[^/?#]+([^?#]*)"
_WORD_WITH_LETTER = r"[\p{L}\p{N}_]*\p{L}[\p{L}\p{N}_]*"
_MICROSECONDS_PER_DAY = 86_400_000_000


def text_counts(text: pl.Expr) -> list[pl.Expr]:
    """Plain counts of a text column (null counts as empty)."""
    text = text.fill_null("")
    letters = text.str.count_matches(r"\p{L}")
    return [
        text.str.len_chars().cast(pl.Int32).alias("text_length"),
        text.str.count_matches(r"\S+").cast(pl.Int32).alias("word_count"),
        text.str.count_matches(r"#[\p{L}\p{N}_]+").cast(pl.Int32).alias("hashtag_count"),
        text.str.count_matches(r"@[\p{L}\p{N}_]").cast(pl.Int32).alias("mention_count"),
        text.str.contains(LINK_PATTERN).alias("has_link"),
        text.str.contains("?", literal=True).alias("has_question"),
        text.str.count_matches("!", literal=True).cast(pl.Int32).alias("exclamation_count"),
        text.str.count_matches(EMOJI_PATTERN).cast(pl.Int32).alias("emoji_count"),
        pl.when(letters > 0).then(text.str.count_matches(r"\p{Lu}") / letters).otherwise(0.0).alias("uppercase_ratio"),
        text.str.count_matches(r"\p{Nd}").cast(pl.Int32).alias("digit_count"),
        (text.str.count_matches("\n", literal=True) + 1).cast(pl.Int32).alias("line_count"),
    ]


def wording(text: pl.Expr, link_title: pl.Expr) -> pl.Expr:
    """What readers see of a post: its text, if it has one, and the headline of its link card, on a line of its own."""
    return pl.concat_str(pl.when(text != "").then(text), link_title, separator="\n", ignore_nulls=True)


def link_words(url: pl.Expr) -> pl.Expr:
    """An address as words that no text has: its host, and each word of its path that is more than a number. Null without a host."""
    host = "link_host_" + url.str.extract(_HOST).str.replace_all(r"[^\p{L}\p{N}]", "_")
    path = url.str.extract(_PATH).str.extract_all(_WORD_WITH_LETTER).list.eval("link_path_" + pl.element())
    words = pl.concat_str(host, path.list.join(" "), separator=" ", ignore_nulls=True)
    return pl.when(host.is_not_null()).then(words.str.strip_chars())


def tokens(text: pl.Series) -> pl.DataFrame:
    """Long frame `row`, `token`, `count` of a text series: words, hashtags and mentions in lower case, by row and token.

    `token` is an Enum of all of them, so that whatever depends on a token alone is found once for each and not once for each row.
    """
    long = (
        pl.DataFrame({"row": np.arange(len(text), dtype=np.int64), "token": text.fill_null("").str.to_lowercase()})
        .with_columns(pl.col("token").str.extract_all(TOKEN_PATTERN))
        .explode("token", empty_as_null=False)
        .drop_nulls()
    )
    vocabulary = pl.Enum(long["token"].unique().sort())
    codes = long["token"].cast(vocabulary).to_physical().to_numpy()
    size = max(len(vocabulary.categories), 1)
    keys, counts = np.unique(long["row"].to_numpy() * size + codes, return_counts=True)
    token = pl.Series("token", (keys % size).astype(np.uint32)).cat.to(vocabulary)
    return pl.DataFrame([pl.Series("row", keys // size), token, pl.Series("count", counts)])


def token_hashes(values: pl.Series) -> NDArray[np.int64]:
    """CRC-32 of each string (null as empty): the same on every machine and in every version."""
    if isinstance(values.dtype, pl.Enum):
        digests = [*(zlib.crc32(value.encode()) for value in values.dtype.categories), zlib.crc32(b"")]
        return np.array(digests, dtype=np.int64).take(values.to_physical().fill_null(len(digests) - 1).to_numpy())
    by_value = {value: zlib.crc32((value or "").encode()) for value in values.unique().to_list()}
    hashed = values.replace_strict(by_value, return_dtype=pl.Int64) if by_value else pl.Series(dtype=pl.Int64)
    return hashed.to_numpy()


def causal_vectors(
    text: pl.Series, accounts: NDArray[np.int64], times: NDArray[np.int64], is_history: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Hashed TF-IDF vectors (rows x DIMENSIONS, unit or zero norm).

    Term frequency is sublinear; document frequencies are those of the account's history rows published strictly before
    the row itself, so a vector never changes when later posts arrive.
    """
    counted = tokens(text)
    codes, digests = counted["token"].to_physical().to_numpy(), token_hashes(counted["token"])
    signs = np.where((digests // DIMENSIONS) % 2 == 0, 1.0, -1.0)
    rows = counted["row"].to_numpy()
    groups = accounts[rows] * (int(codes.max(initial=0)) + 1) + codes
    from_history = is_history[rows]
    frequency = 1.0 + Timeline(groups[from_history], times[rows[from_history]]).count_before(groups, times[rows])
    documents = 1.0 + Timeline(accounts[is_history], times[is_history]).count_before(accounts, times)
    weight = (1.0 + np.log(counted["count"].to_numpy())) * np.log1p(documents[rows] / frequency)
    flat = rows * DIMENSIONS + digests % DIMENSIONS
    summed = np.bincount(flat, weights=weight * signs, minlength=len(text) * DIMENSIONS)
    vectors = summed.reshape(len(text), DIMENSIONS).astype(np.float32)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(norms > 0, norms, 1.0), dtype=np.float32)


def similar_residuals(
    query_vectors: NDArray[np.float32],
    query_times: NDArray[np.int64],
    last_matured: NDArray[np.int64],
    first_of_account: NDArray[np.int64],
    history_vectors: NDArray[np.float32],
    history_times: NDArray[np.int64],
    residuals: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Similarity-weighted mean of matured residuals, shrunk to zero, and the largest similarity, per query.

    History arrays are in timeline order (grouped by account, by maturity within); query `i` may use rows
    `first_of_account[i] .. last_matured[i]`, of which the latest WINDOW count. A weight is the squared cosine, halved every
    HALF_LIFE_DAYS. Formula: Nadaraya-Watson with a pseudo-weight PRIOR_WEIGHT at zero.
    """
    effect = np.full(len(query_times), np.nan)
    nearest = np.full(len(query_times), np.nan)
    order = np.lexsort((last_matured, first_of_account))
    order = order[last_matured[order] >= first_of_account[order]]
    known = np.isfinite(residuals)
    filled = np.where(known, residuals, 0.0).astype(np.float32)
    if not len(order):
        return effect, nearest
    starts = np.flatnonzero(np.r_[True, np.diff(first_of_account[order]) != 0])
    for begin, end in zip(starts, np.r_[starts[1:], len(order)], strict=True):
        for at in range(begin, end, _CHUNK):
            rows = order[at : min(at + _CHUNK, end)]
            high = int(last_matured[rows[-1]]) + 1
            low = max(int(first_of_account[rows[0]]), int(last_matured[rows[0]]) + 1 - WINDOW)
            with np.errstate(invalid="ignore"):  # BLAS may raise the flag for what lies beside a narrow matrix
                similarity = np.maximum(query_vectors[rows] @ history_vectors[low:high].T, 0.0)
            columns = np.arange(low, high)
            allowed = (columns[None, :] <= last_matured[rows][:, None]) & (
                columns[None, :] > last_matured[rows][:, None] - WINDOW
            )
            similarity *= allowed
            age_days = (query_times[rows][:, None] - history_times[None, low:high]) / _MICROSECONDS_PER_DAY
            weight = similarity**2 * np.exp2(-age_days / HALF_LIFE_DAYS).astype(np.float32) * known[None, low:high]
            effect[rows] = (weight @ filled[low:high]) / (weight.sum(axis=1) + PRIOR_WEIGHT)
            nearest[rows] = similarity.max(axis=1)
    return effect, nearest
