"""The engagement model: the median of log(1 + mature engagements) of a post before it is published, with an interval.

Belongs here: fitting, forecasting, saving and loading. A model is a value: fitted from features, it never changes.
Does not belong here: features (`ml/features.py`), the time split and metrics (`ml/evaluation.py`), MLflow (`ml/registry.py`).

Parts, each fitted on the training rows only:

1. *text*: ridge regression of the label's distance from the account's level on hashed words, with one shared copy of every
   word and one copy per account (feature augmentation, Daume III 2007), so that accounts share what they have in common;
2. *meaning*, where enough rows have a vector of their text (column `text_vector`, `ml/text_embeddings.py`): ridge regression of the same
   distance on the vectors, shared and then, of what is left, by account. Kept if it helps on the newest part of the training rows;
3. *boosting*: histogram gradient boosting on all features, the account itself as a category, and the text parts' out-of-fold
   forecasts (stacking by blocks of time). Loss and target are chosen on the newest part of the training rows;
4. *interval*: rolling conformal quantiles, per account, of errors on rows that the model had not seen (that same newest
   part, and what has matured since), shrunk to those of all accounts. Formula at `_Interval`.

With too few posts to learn from, the model is the account's trailing median, says so in `kind`, and still has an interval.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge

from contracts.errors import NotReadyError
from ml import artefact
from ml.encoder import DIMENSIONS
from ml.encoder import VERSION as ENCODER_VERSION
from ml.history import Timeline
from ml.text import token_hashes, tokens
from ml.text_embeddings import VECTOR
from ml.threads import forecast_by_slices, threads_for

Floats = NDArray[np.float64]
Kind = Literal["boosted", "account_median"]
Target = Literal["residual", "label"]
Loss = Literal["absolute_error", "squared_error"]

MIN_POSTS = 20
"""Matured posts with some history below which not even an interval can be stated."""
MIN_POSTS_TO_LEARN = 200
"""Matured posts below which boosting is not attempted."""
INTERVAL_LEVEL = 0.8
NEWEST_SHARE = 0.2
"""Part of the training rows, by time, on which loss and target are chosen and the interval is calibrated."""
FOLDS = 5
RIDGE_PENALTY = 3.0
HASH_BITS = 17
SCALE_PRIOR_POSTS = 20.0
ERROR_WINDOW = 200
ERROR_PRIOR_POSTS = 50.0
KNOWN_ACCOUNTS = 254
"""Accounts with most training posts that the boosters know by themselves; of all others they know the features only (bins are bytes)."""
KNOWN_ACCOUNT_POSTS = 300
"""Training posts that such an account has at least: from fewer, what sets it apart is mostly chance."""
LARGE_TREES_FROM_ROWS = 20_000
MIN_VECTORS_TO_LEARN = 2_000
"""Training rows with a vector below which vectors are not learned from: they have 384 dimensions."""
SHARED_VECTOR_PENALTY = 3.0
OWN_VECTOR_PENALTY = 10.0

NUMERIC_FEATURES = (
    "media_count",
    "local_hour",
    "local_weekday",
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
    "days_since_first_post",
    "hours_since_previous_post",
    "posts_last_7d",
    "history_count",
    "history_median_10",
    "history_median_30",
    "history_median_100",
    "history_mean_10",
    "history_mean_100",
    "history_std_30",
    "history_trend",
    "history_residual_scale",
    "history_format_effect",
    "history_hour_effect",
    "history_weekday_effect",
    "history_text_effect",
    "history_text_nearest",
    "log_followers",
)
LEVEL = "history_median_30"


@dataclass(frozen=True)
class _TextRidge:
    """Weights of hashed words: a shared copy and, behind it, the per-account copies."""

    idf: NDArray[np.float32]
    weights: NDArray[np.float32]
    intercept: float

    @classmethod
    def fit(cls, counts: sp.csr_matrix, accounts: NDArray[np.uint32], target: Floats) -> "_TextRidge":
        width = 1 << HASH_BITS
        documents = np.bincount(counts.indices, minlength=width)
        idf = (np.log((1.0 + counts.shape[0]) / (1.0 + documents)) + 1.0).astype(np.float32)
        intercept = float(target.mean())
        ridge = Ridge(RIDGE_PENALTY, fit_intercept=False, solver="sparse_cg", tol=1e-3)
        ridge.fit(_augmented(counts, accounts, idf), (target - intercept).astype(np.float32))
        return cls(idf, ridge.coef_.astype(np.float32), intercept)

    def predict(self, counts: sp.csr_matrix, accounts: NDArray[np.uint32]) -> Floats:
        forecast = _augmented(counts, accounts, self.idf) @ self.weights
        return np.asarray(forecast, dtype=np.float64) + self.intercept


@dataclass(frozen=True)
class _VectorRidge:
    """Weights of text vectors: shared ones, and of each known account those of what the shared ones leave."""

    mean: Floats
    shared: Floats
    intercept: float
    accounts: tuple[str, ...]
    own: Floats
    """A row per account."""

    @classmethod
    def fit(
        cls, vectors: NDArray[np.float32], accounts: NDArray[np.str_], known: Sequence[str], target: Floats
    ) -> "_VectorRidge":
        """Rows without a vector (NaN) teach nothing; without any that has one, nothing is what it says of all."""
        has = ~np.isnan(vectors[:, 0])
        vectors, accounts, target = vectors[has], accounts[has], target[has]
        if not has.any():
            return cls(np.zeros(DIMENSIONS), np.zeros(DIMENSIONS), 0.0, (), np.empty((0, DIMENSIONS)))
        mean, intercept = vectors.mean(axis=0, dtype=np.float64), float(target.mean())
        centred = vectors - mean
        shared = _ridge(centred, target - intercept, SHARED_VECTOR_PENALTY)
        left = target - intercept - centred @ shared
        own = np.zeros((len(known), DIMENSIONS))
        for place, account in enumerate(known):
            rows = accounts == account
            own[place] = _ridge(centred[rows], left[rows], OWN_VECTOR_PENALTY)
        return cls(mean, shared, intercept, tuple(known), own)

    def predict(self, vectors: NDArray[np.float32], accounts: NDArray[np.str_]) -> Floats:
        """NaN where there is no vector."""
        forecast = np.full(len(vectors), np.nan)
        if np.isnan(vectors[:, 0]).all():
            return forecast
        weights = np.vstack([self.own, np.zeros(DIMENSIONS)])
        places = {account: place for place, account in enumerate(self.accounts)}
        place = np.array([places.get(account, -1) for account in accounts.tolist()], dtype=np.int64)
        centred = vectors - self.mean
        forecast[:] = self.intercept + centred @ self.shared
        for one in np.unique(place):
            forecast[place == one] += centred[place == one] @ weights[one]
        return forecast


def _ridge(rows: Floats, target: Floats, penalty: float) -> Floats:
    return np.asarray(np.linalg.solve(rows.T @ rows + penalty * np.eye(rows.shape[1]), rows.T @ target))


def _vectors(features: pl.DataFrame) -> NDArray[np.float32]:
    """Rows x DIMENSIONS; NaN where a row has none."""
    vectors = np.full((features.height, DIMENSIONS), np.nan, dtype=np.float32)
    if VECTOR in features.columns:
        has = features[VECTOR].is_not_null().to_numpy()
        vectors[has] = features[VECTOR].drop_nulls().cast(pl.Array(pl.Float32, DIMENSIONS)).to_numpy()
    return vectors


def _account_names(features: pl.DataFrame) -> NDArray[np.str_]:
    return features["account_id"].to_numpy().astype(np.str_)


def _hashed_counts(features: pl.DataFrame) -> sp.csr_matrix:
    """Sublinear counts of the words of text and link per row over 2**HASH_BITS buckets (columns may repeat within a row; scipy sums them)."""
    counted = tokens(features.select(pl.concat_str("text", "link_words", separator=" ", ignore_nulls=True)).to_series())
    columns = token_hashes(counted["token"]) % (1 << HASH_BITS)
    values = (1.0 + np.log(counted["count"].to_numpy())).astype(np.float32)
    return sp.csr_matrix(
        (values, (counted["row"].to_numpy(), columns.astype(np.int64))), shape=(features.height, 1 << HASH_BITS)
    )


def _augmented(counts: sp.csr_matrix, accounts: NDArray[np.uint32], idf: NDArray[np.float32]) -> sp.csr_matrix:
    """Unit-length TF-IDF rows, followed by the same values at columns that depend on the account too."""
    data = counts.data * idf[counts.indices]
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    norms = np.sqrt(np.bincount(rows, weights=data.astype(np.float64) ** 2, minlength=counts.shape[0]))
    data = (data / norms[rows]).astype(np.float32)
    mixed = (counts.indices.astype(np.uint64) * np.uint64(2_654_435_761)) ^ (
        accounts[rows].astype(np.uint64) * np.uint64(2_246_822_519)
    )
    own = ((mixed >> np.uint64(9)) % np.uint64(1 << HASH_BITS)).astype(np.int64)
    per_account = sp.csr_matrix((data, own, counts.indptr), shape=counts.shape)
    return sp.hstack([sp.csr_matrix((data, counts.indices, counts.indptr), shape=counts.shape), per_account]).tocsr()


def _account_hashes(features: pl.DataFrame) -> NDArray[np.uint32]:
    return token_hashes(features["account_id"]).astype(np.uint32)


@dataclass(frozen=True)
class _Interval:
    """Rolling, per-account conformal interval around the forecast, shrunk to what all accounts have in common.

    Each bound is the forecast plus `(m * own + q * s * pooled) / (m + q)`: `own` the conformal quantile (`_rank`), from that side, of the
    account's last `m` <= ERROR_WINDOW errors (label minus forecast) on rows that the model had not seen, whose labels were known at the
    row's publication; `pooled` that of all calibration errors, each divided by its row's scale; `q` = ERROR_PRIOR_POSTS. Each side leaves
    out (1 - level) / 2. The scale of a row is `s = (n * history_residual_scale + p * pooled_scale) / (n + p)`, `n` the account's matured
    posts (at most 100), `p` = SCALE_PRIOR_POSTS.
    """

    level: float
    lower_quantile: float
    upper_quantile: float
    """These two in units of a row's scale."""
    pooled_scale: float
    accounts: tuple[str, ...]
    """The errors known so far: account, when the label was known (microseconds since 1970, UTC), error; in parallel."""
    known_at: NDArray[np.int64]
    errors: Floats

    @classmethod
    def fit(cls, features: pl.DataFrame, forecast: Floats, *, level: float) -> "_Interval":
        own = features["history_residual_scale"].drop_nulls().to_numpy()
        errors = _label(features) - forecast
        pooled = max(float(np.median(own)) if len(own) else float(np.mean(np.abs(errors))), 1e-3)
        scaled = np.sort(errors / _scale(features, pooled))
        rank = _rank(len(scaled), _one_sided(level))
        return cls(
            level=level,
            lower_quantile=float(scaled[-rank]),
            upper_quantile=float(scaled[rank - 1]),
            pooled_scale=pooled,
            accounts=tuple(features["account_id"].to_list()),
            known_at=features["label_known_at"].to_physical().to_numpy(),
            errors=errors,
        )

    def having_seen(self, observed: pl.DataFrame, forecast: Floats) -> "_Interval":
        """The same with the errors of `observed`, labelled rows from after training; the pooled quantiles stay."""
        return replace(
            self,
            accounts=(*self.accounts, *observed["account_id"].to_list()),
            known_at=np.r_[self.known_at, observed["label_known_at"].to_physical().to_numpy()],
            errors=np.r_[self.errors, _label(observed) - forecast],
        )

    @cached_property
    def _rolling(self) -> tuple[dict[str, int], Timeline, Floats]:
        """Accounts' places, and the rolling quantiles after each error of each account, in the order of the timeline."""
        names, codes = np.unique(np.array(self.accounts, dtype=np.str_), return_inverse=True)
        timeline = Timeline(codes.astype(np.int64), self.known_at)
        starts = np.searchsorted(codes[timeline.order], np.arange(len(names) + 1))
        errors, level = self.errors[timeline.order], _one_sided(self.level)
        parts = [rolling_conformal(errors[at:end], level, window=ERROR_WINDOW) for at, end in pairwise(starts)]
        return {name: place for place, name in enumerate(names.tolist())}, timeline, np.concatenate(parts, axis=1)

    def bounds(self, features: pl.DataFrame, forecast: Floats) -> tuple[Floats, Floats]:
        """Lower and upper bound per row; the forecast lies between them."""
        places, timeline, (lower, upper) = self._rolling
        groups = features["account_id"].replace_strict(places, default=len(places), return_dtype=pl.Int64).to_numpy()
        last = timeline.last_at(groups, features["published_at"].to_physical().to_numpy())
        weight = np.clip(last - timeline.first(groups) + 1, 0, ERROR_WINDOW)
        scale = _scale(features, self.pooled_scale)

        def bound(rolling: Floats, pooled: float) -> Floats:
            own = np.nan_to_num(timeline.take(rolling, last, groups), nan=0.0)
            shrunk = (weight * own + ERROR_PRIOR_POSTS * scale * pooled) / (weight + ERROR_PRIOR_POSTS)
            return np.asarray(forecast + shrunk, dtype=np.float64)

        below = np.clip(bound(lower, self.lower_quantile), 0.0, forecast)
        return below, np.maximum(bound(upper, self.upper_quantile), forecast)


def _scale(features: pl.DataFrame, pooled: float) -> Floats:
    count = features["history_count"].fill_null(0).clip(0, 100).cast(pl.Float64).to_numpy()
    own = features["history_residual_scale"].fill_null(pooled).to_numpy()
    return np.asarray((count * own + SCALE_PRIOR_POSTS * pooled) / (count + SCALE_PRIOR_POSTS), dtype=np.float64)


def _rank(count: int, level: float) -> int:
    """The ceil((n + 1) * level)-th smallest of n errors is their conformal quantile, the largest one where n is too small for the level.

    The next error, if it is like the others, is not above it with a chance of at least `level` (Vovk, Gammerman and Shafer 2005).
    """
    return min(int(np.ceil((count + 1) * level)), count)


def _one_sided(level: float) -> float:
    return 1 - (1 - level) / 2


def rolling_conformal(errors: Floats, level: float, *, window: int) -> Floats:
    """After each error, the conformal quantiles of the last `window` from below and from above: shape (2, errors)."""
    quantiles = np.empty((2, len(errors)))
    last: list[float] = []
    values = errors.tolist()
    for at, error in enumerate(values):
        insort(last, error)
        if at >= window:
            del last[bisect_left(last, values[at - window])]
        rank = _rank(len(last), level)
        quantiles[:, at] = last[-rank], last[rank - 1]
    return quantiles


def _label(features: pl.DataFrame) -> Floats:
    return features["log_engagement"].to_numpy().astype(np.float64)


def _not_negative(forecast: Floats) -> Floats:
    return np.asarray(np.maximum(forecast, 0.0), dtype=np.float64)


def _level(features: pl.DataFrame, fallback: float) -> Floats:
    return features[LEVEL].fill_null(fallback).to_numpy().astype(np.float64)


@dataclass(frozen=True)
class _Recipe:
    """What the boosters learn: distance from the account's level or the label itself; which losses are averaged."""

    target: Target
    losses: tuple[Loss, ...]

    @property
    def name(self) -> str:
        return f"{self.target}, {' and '.join(self.losses)}"


_WITH_MEANING = ", with text vectors"
_MEDIAN: tuple[Loss, ...] = ("absolute_error",)
_BLEND: tuple[Loss, ...] = ("absolute_error", "squared_error")
RECIPES = (
    _Recipe("residual", _MEDIAN),
    _Recipe("residual", _BLEND),
    _Recipe("label", _MEDIAN),
    _Recipe("label", _BLEND),
)


def _design(
    features: pl.DataFrame,
    names: Sequence[str],
    formats: Sequence[str],
    accounts: Sequence[str],
    texts: Sequence[Floats],
) -> Floats:
    """Numeric features (null as NaN), one indicator per format seen in training, the text parts' forecasts, and last, where accounts are
    known, the account's place among them (NaN for others)."""
    numeric = features.select(pl.col(names).cast(pl.Float64).fill_null(np.nan)).to_numpy()
    indicators = features.select(
        (pl.col("content_format") == name).fill_null(value=False).cast(pl.Float64).alias(name) for name in formats
    ).to_numpy()
    places = {account: float(place) for place, account in enumerate(accounts)}
    account = features["account_id"].replace_strict(places, default=np.nan, return_dtype=pl.Float64).to_numpy()
    return np.column_stack([numeric, indicators, *texts, *([account] if accounts else [])])


def _known_accounts(features: pl.DataFrame) -> tuple[str, ...]:
    """Those with most posts, by name."""
    counted = features["account_id"].value_counts().filter(pl.col("count") >= KNOWN_ACCOUNT_POSTS)
    most = counted.sort(["count", "account_id"], descending=[True, False]).head(KNOWN_ACCOUNTS)
    return tuple(most["account_id"].sort().to_list())


@dataclass(frozen=True)
class _Stack:
    """The text parts and the boosters on top of them, before one recipe is chosen."""

    numeric: tuple[str, ...]
    """Features that had at least one value in training; a column that was always unknown can teach nothing."""
    formats: tuple[str, ...]
    accounts: tuple[str, ...]
    """Known as categories."""
    text: _TextRidge
    boosters: dict[tuple[Target, Loss], HistGradientBoostingRegressor]
    meaning: _VectorRidge | None = None

    @classmethod
    def fit(
        cls, rows: pl.DataFrame, *, seed: int, recipes: Sequence[_Recipe] = RECIPES, with_meaning: bool = False
    ) -> "_Stack":
        label = _label(rows)
        residual = label - rows[LEVEL].to_numpy()
        counts, accounts = _hashed_counts(rows), _account_hashes(rows)
        out_of_fold = np.empty(rows.height)
        for block in np.array_split(np.arange(rows.height), FOLDS):
            rest = np.setdiff1d(np.arange(rows.height), block)
            fold = _TextRidge.fit(counts[rest], accounts[rest], residual[rest])
            out_of_fold[block] = fold.predict(counts[block], accounts[block])
        formats = tuple(sorted(rows["content_format"].drop_nulls().unique().to_list()))
        numeric = tuple(name for name in NUMERIC_FEATURES if rows[name].null_count() < rows.height)
        known = _known_accounts(rows)
        meaning, meanings = _meaning(rows, known, residual) if with_meaning else (None, [])
        design = _design(rows, numeric, formats, known, [out_of_fold, *meanings])
        boosters = {}
        with threads_for(rows.height):
            for target, loss in sorted({(recipe.target, loss) for recipe in recipes for loss in recipe.losses}):
                booster = HistGradientBoostingRegressor(
                    loss=loss,
                    max_iter=300,
                    learning_rate=0.05,
                    max_leaf_nodes=31 if rows.height >= LARGE_TREES_FROM_ROWS else 15,
                    l2_regularization=5.0,
                    min_samples_leaf=int(np.clip(rows.height // 50, 10, 60)),
                    early_stopping=False,
                    categorical_features=[design.shape[1] - 1] if known else None,
                    random_state=seed,
                )
                boosters[target, loss] = booster.fit(design, residual if target == "residual" else label)
        return cls(numeric, formats, known, _TextRidge.fit(counts, accounts, residual), boosters, meaning)

    def predict(self, recipe: _Recipe, rows: pl.DataFrame, fallback: float) -> Floats:
        """Forecasts by one recipe; `fallback` is the level of accounts without any matured past. Never negative."""

        def forecast(part: pl.DataFrame) -> Floats:
            design = self.design(part)
            raw = np.mean([self.boosters[recipe.target, loss].predict(design) for loss in recipe.losses], axis=0)
            return _not_negative(raw + _level(part, fallback) if recipe.target == "residual" else raw)

        return forecast_by_slices(forecast, rows)

    def design(self, rows: pl.DataFrame) -> Floats:
        """What the boosters read of each row."""
        texts = [self.text.predict(_hashed_counts(rows), _account_hashes(rows))]
        if self.meaning is not None:
            texts.append(self.meaning.predict(_vectors(rows), _account_names(rows)))
        return _design(rows, self.numeric, self.formats, self.accounts, texts)


def _meaning(rows: pl.DataFrame, known: Sequence[str], residual: Floats) -> tuple[_VectorRidge, list[Floats]]:
    """The part fitted on all rows, and what it says of each row where it was fitted on the others."""
    vectors, accounts = _vectors(rows), _account_names(rows)
    out_of_fold = np.empty(rows.height)
    with threads_for(rows.height):
        for block in np.array_split(np.arange(rows.height), FOLDS):
            rest = np.setdiff1d(np.arange(rows.height), block)
            fold = _VectorRidge.fit(vectors[rest], accounts[rest], known, residual[rest])
            out_of_fold[block] = fold.predict(vectors[block], accounts[block])
        return _VectorRidge.fit(vectors, accounts, known, residual), [out_of_fold]


def _vector_count(rows: pl.DataFrame) -> int:
    return rows[VECTOR].count() if VECTOR in rows.columns else 0


@dataclass(frozen=True)
class EngagementModel:
    """A fitted model. `kind` is `account_median` when there was too little to learn from, or when learning did not help."""

    kind: Kind
    interval: _Interval
    fallback_level: float
    trained_posts: int
    trained_accounts: int
    trained_until: datetime
    """The newest moment at which a training label became known: rows published from then on are unseen."""
    recipe: _Recipe | None = None
    stack: _Stack | None = None
    validation_errors: dict[str, float] = field(default_factory=dict)
    """Mean absolute error of each candidate on the newest part of the training rows (that the choice was made on)."""

    @property
    def reason(self) -> str:
        """One sentence for people: what the model is and why."""
        if self.kind == "account_median":
            return f"the account's trailing median, from {self.trained_posts} matured posts: too few, or learning did not help"
        recipe = self.recipe.name if self.recipe else ""
        return f"boosting ({recipe}{_WITH_MEANING if self.reads_vectors else ''}) on {self.trained_posts} matured posts"

    @property
    def reads_vectors(self) -> bool:
        """Whether forecasts get better where rows have a vector of their text (`ml/text_embeddings.py`)."""
        return self.stack is not None and self.stack.meaning is not None

    def forecast(self, features: pl.DataFrame, *, observed: pl.DataFrame | None = None) -> pl.DataFrame:
        """`expected_log_engagement`, `lower_log_engagement`, `upper_log_engagement`, `interval_level`: a row per input row.

        `observed`: feature rows of posts published since training; those whose label was known at a row's publication
        sharpen that row's interval (others are not looked at). Without it the interval is as calibrated at training.
        """
        expected = self.expected(features)
        lower, upper = (self if observed is None else self.having_seen(observed)).interval.bounds(features, expected)
        return pl.DataFrame(
            {
                "expected_log_engagement": expected,
                "lower_log_engagement": lower,
                "upper_log_engagement": upper,
                "interval_level": np.full(features.height, self.interval.level),
            }
        )

    def having_seen(self, observed: pl.DataFrame) -> "EngagementModel":
        """The same model with intervals that know of `observed`, as `forecast` takes it: for many calls that see the same posts."""
        since = observed.filter(pl.col("is_label_mature") & (pl.col("published_at") >= self.trained_until))
        return replace(self, interval=self.interval.having_seen(since, self.expected(since)))

    def expected(self, features: pl.DataFrame) -> Floats:
        """Forecast of the median of log(1 + engagements), never negative."""
        if self.stack is None or self.recipe is None or features.is_empty():
            return _not_negative(_level(features, self.fallback_level))
        return self.stack.predict(self.recipe, features, self.fallback_level)


def fit_account_median(features: pl.DataFrame, *, level: float = INTERVAL_LEVEL) -> EngagementModel:
    """The account's trailing median with a calibrated interval: what is left when there is too little to learn from.

    Raises NotReadyError when fewer than MIN_POSTS matured posts have any matured past.
    """
    rows = _usable(features)
    facts = _facts(rows)
    interval = _Interval.fit(rows, _level(rows, facts["fallback_level"]), level=level)
    return EngagementModel(kind="account_median", interval=interval, **facts)


def _usable(features: pl.DataFrame) -> pl.DataFrame:
    """Labelled rows with some matured past, by time. Raises NotReadyError when there are too few."""
    rows = features.filter(pl.col("is_label_mature") & pl.col(LEVEL).is_not_null()).sort("published_at", "post_id")
    if rows.height < MIN_POSTS:
        raise NotReadyError(
            f"only {rows.height} matured posts with a matured past; {MIN_POSTS} are needed: ingest more history "
            "(`pulso run` or `pulso import`), or wait until posts are three days old"
        )
    return rows


def _facts(rows: pl.DataFrame) -> dict[str, Any]:
    return {
        "fallback_level": float(np.median(_label(rows))),
        "trained_posts": rows.height,
        "trained_accounts": rows["account_id"].n_unique(),
        "trained_until": rows["label_known_at"].max(),
    }


def fit(
    features: pl.DataFrame,
    *,
    seed: int = 0,
    level: float = INTERVAL_LEVEL,
    min_vectors: int = MIN_VECTORS_TO_LEARN,
) -> EngagementModel:
    """Fit on the labelled rows of `features` (schema POST_FEATURES). The same rows and seed give the same model.

    Where `min_vectors` of them have a vector (`text_vector`), those are learned from too, and kept if they help.

    Falls back to the account's trailing median where there is too little to learn from. Whether learning helped is the gate's question,
    asked of posts that are newer than any of these: after a change the newest of them teach what the others cannot.
    Raises NotReadyError when fewer than MIN_POSTS matured posts have any matured past.
    """
    rows = _usable(features)
    facts = _facts(rows)
    fallback = facts["fallback_level"]
    cut = round(rows.height * (1 - NEWEST_SHARE))
    started = rows["published_at"][cut]
    older, newest = rows.head(cut).filter(pl.col("label_known_at") <= started), rows.tail(rows.height - cut)
    errors = {"account_median": float(np.mean(np.abs(_label(newest) - _level(newest, fallback))))}
    if older.height < MIN_POSTS_TO_LEARN:
        return replace(fit_account_median(rows, level=level), validation_errors=errors)

    stack = _Stack.fit(older, seed=seed)
    forecasts = {recipe: stack.predict(recipe, newest, fallback) for recipe in RECIPES}
    errors |= {recipe.name: float(np.mean(np.abs(_label(newest) - forecast))) for recipe, forecast in forecasts.items()}
    best = min(RECIPES, key=lambda recipe: errors[recipe.name])
    forecast, error, with_meaning = forecasts[best], errors[best.name], False
    if _vector_count(older) >= min_vectors:
        deeper = _Stack.fit(older, seed=seed, recipes=(best,), with_meaning=True).predict(best, newest, fallback)
        errors[best.name + _WITH_MEANING] = deeper_error = float(np.mean(np.abs(_label(newest) - deeper)))
        if deeper_error < error:
            forecast, error, with_meaning = deeper, deeper_error, True
    interval = _Interval.fit(newest, forecast, level=level)
    return EngagementModel(
        kind="boosted",
        interval=interval,
        recipe=best,
        stack=_Stack.fit(rows, seed=seed, recipes=(best,), with_meaning=with_meaning),
        validation_errors=errors,
        **facts,
    )


# --- the artefact ------------------------------------------------------------------------------------------------------

FORMAT_VERSION = 4


def save(model: EngagementModel, path: Path) -> None:
    """Write the model as one skops file (no pickle inside: loading it runs no code of the file's)."""
    interval = model.interval
    content = {
        "kind": model.kind,
        "fallback_level": model.fallback_level,
        "trained_posts": model.trained_posts,
        "trained_accounts": model.trained_accounts,
        "trained_until": model.trained_until.isoformat(),
        "validation_errors": dict(model.validation_errors),
        "recipe": None if model.recipe is None else [model.recipe.target, *model.recipe.losses],
        "stack": None if model.stack is None else _packed(model.stack),
        "interval": {
            "level": interval.level,
            "lower_quantile": interval.lower_quantile,
            "upper_quantile": interval.upper_quantile,
            "pooled_scale": interval.pooled_scale,
            "accounts": list(interval.accounts),
            "known_at": interval.known_at,
            "errors": interval.errors,
        },
    }
    artefact.write(content, path, format_version=FORMAT_VERSION)


def load(path: Path) -> EngagementModel:
    """Read a model that `save` wrote. Raises NotReadyError when the file is of another format version, or reads vectors of another encoder."""
    trusted = (artefact.TREES, *artefact.CATEGORIES)
    content = artefact.read(path, format_version=FORMAT_VERSION, trusted=trusted, what="engagement model")
    recipe, stack = content["recipe"], content["stack"]
    interval = content["interval"]
    return EngagementModel(
        kind=content["kind"],
        interval=_Interval(**{**interval, "accounts": tuple(interval["accounts"])}),
        fallback_level=content["fallback_level"],
        trained_posts=content["trained_posts"],
        trained_accounts=content["trained_accounts"],
        trained_until=datetime.fromisoformat(content["trained_until"]),
        recipe=None if recipe is None else _Recipe(recipe[0], tuple(recipe[1:])),
        stack=None if stack is None else _unpacked(stack),
        validation_errors=content["validation_errors"],
    )


def _packed(stack: _Stack) -> dict[str, Any]:
    return {
        "numeric": list(stack.numeric),
        "formats": list(stack.formats),
        "accounts": list(stack.accounts),
        "text": [stack.text.idf, stack.text.weights, stack.text.intercept],
        "boosters": [[target, loss, booster] for (target, loss), booster in stack.boosters.items()],
        "meaning": None if (meaning := stack.meaning) is None else _packed_meaning(meaning),
    }


def _packed_meaning(meaning: _VectorRidge) -> dict[str, Any]:
    """The encoder's version stands beside the weights, which fit no other."""
    weights = {
        "mean": meaning.mean,
        "shared": meaning.shared,
        "intercept": meaning.intercept,
        "accounts": list(meaning.accounts),
        "own": meaning.own,
    }
    return {"encoder": ENCODER_VERSION, "weights": weights}


def _unpacked_meaning(content: dict[str, Any] | None) -> _VectorRidge | None:
    """None for models that read no vectors, those of releases before there were any among them."""
    if content is None:
        return None
    if content["encoder"] != ENCODER_VERSION:
        raise NotReadyError(
            f"this engagement model reads vectors of {content['encoder']}, and Pulso makes those of {ENCODER_VERSION}: train it again"
        )
    weights = content["weights"]
    return _VectorRidge(**{**weights, "accounts": tuple(weights["accounts"])})


def _unpacked(content: dict[str, Any]) -> _Stack:
    return _Stack(
        numeric=tuple(content["numeric"]),
        formats=tuple(content["formats"]),
        accounts=tuple(content["accounts"]),
        text=_TextRidge(*content["text"]),
        boosters={(target, loss): booster for target, loss, booster in content["boosters"]},
        meaning=_unpacked_meaning(content.get("meaning")),
    )


def percentiles(forecasts: pl.DataFrame, features: pl.DataFrame, *, window: int = 100) -> pl.Series:
    """Share of each account's last `window` matured posts whose outcome lies below the forecast; null without any.

    `forecasts`: `account_id`, `published_at`, `expected_log_engagement`. Only labels known at `published_at` count.
    """
    known = features.filter(pl.col("is_label_mature")).sort("label_known_at", "post_id")
    past = {
        str(account): (rows["label_known_at"].to_physical().to_numpy(), rows["log_engagement"].to_numpy())
        for (account,), rows in known.group_by("account_id")
    }
    shares: list[float | None] = []
    moments = forecasts["published_at"].cast(pl.Datetime("us", "UTC")).to_physical()
    for account, moment, expected in zip(
        forecasts["account_id"], moments, forecasts["expected_log_engagement"], strict=True
    ):
        known_at, labels = past.get(account, (np.empty(0, dtype=np.int64), np.empty(0)))
        end = int(np.searchsorted(known_at, moment, side="right"))
        recent = labels[max(end - window, 0) : end]
        shares.append(float(np.mean(recent < expected)) if len(recent) else None)
    return pl.Series("percentile", shares, dtype=pl.Float64)
