"""How good a forecast is, on rows that its model has never seen, and whether the difference to a baseline is more than luck.

Belongs here: the time split, the three baselines, metrics, paired bootstrap.
Does not belong here: fitting models (`ml/engagement.py`), text about them (`ml/card.py`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from contracts.errors import NotReadyError
from ml.history import Timeline

MIN_POSTS_PER_ACCOUNT = 30
"""Test posts that an account needs for its own rank correlation to say anything."""
BASELINES = ("account_median", "account_format_median", "account_hour_of_week_mean")
CHAMPION = "champion"
"""What the present champion's figures go by, beside those of the baselines."""
_SHRINKAGE_POSTS = 5.0

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TimeSplit:
    """Rows before the cutoff whose label was known by then, and labelled rows published from the cutoff on."""

    train: pl.DataFrame
    test: pl.DataFrame
    cutoff: datetime


RECENT = timedelta(days=28)


def time_split(features: pl.DataFrame, *, test_share: float = 0.2, enough: int | None = None) -> TimeSplit:
    """The last `test_share` of labelled posts by publication are the test; nothing unknown at the cutoff is trained on.

    `enough`: where the last four weeks hold at least so many labelled posts, and fewer than that share, they alone are the test.

    Posts published before the cutoff that had not matured by it belong to neither side. Raises NotReadyError when a side
    would be empty.
    """
    labelled = features.filter(pl.col("is_label_mature")).sort("published_at", "post_id")
    if labelled.height < 2:
        raise NotReadyError("fewer than two posts have matured; ingest more history and run again")
    at = min(max(round(labelled.height * (1 - test_share)), 1), labelled.height - 1)
    if enough is not None:
        recent = labelled.filter(pl.col("published_at") > labelled["published_at"][-1] - RECENT).height
        at = max(at, labelled.height - recent) if recent >= enough else at
    cutoff: datetime = labelled["published_at"][at]
    train = labelled.filter((pl.col("published_at") < cutoff) & (pl.col("label_known_at") <= cutoff))
    test = labelled.filter(pl.col("published_at") >= cutoff)
    if train.is_empty() or test.is_empty():
        raise NotReadyError(f"no post had matured by {cutoff:%Y-%m-%d}; ingest more history and run again")
    return TimeSplit(train, test, cutoff)


def baseline_forecasts(train: pl.DataFrame, test: pl.DataFrame, features: pl.DataFrame) -> pl.DataFrame:
    """What three simple methods say about each test row, from the same matured past that the model may use.

    - `account_median`: median of the account's last 30 matured posts at publication (the feature itself);
    - `account_format_median`: median of its last 30 matured posts of the same format, else `account_median`;
    - `account_hour_of_week_mean`: mean of its matured posts in the same local hour of the week, shrunk to its matured mean
      with the weight of five posts, else `account_median`.

    `features` holds every labelled row: the last two look up what had matured by each test row's publication. Accounts
    without any past get the training median.
    """
    fallback = float(np.median(train["log_engagement"].to_numpy()))
    level = test["history_median_30"].fill_null(fallback)
    labelled = features.filter(pl.col("is_label_mature"))
    by_format = _trailing(labelled, test, pl.col("content_format"), _rolling_median)
    hour_of_week = pl.col("local_weekday") * 24 + pl.col("local_hour")
    by_slot_sum = _trailing(labelled, test, hour_of_week, pl.Expr.cum_sum)
    by_slot_count = _trailing(labelled, test, hour_of_week, _cumulative_count)
    mean_sum = _trailing(labelled, test, pl.lit(0), pl.Expr.cum_sum)
    mean_count = _trailing(labelled, test, pl.lit(0), _cumulative_count)
    account_mean = mean_sum / mean_count
    count = np.nan_to_num(by_slot_count, nan=0.0)
    slot_mean = (np.nan_to_num(by_slot_sum, nan=0.0) + _SHRINKAGE_POSTS * account_mean) / (count + _SHRINKAGE_POSTS)
    frame = test.select("post_id").with_columns(
        level.alias("account_median"),
        pl.Series("account_format_median", by_format),
        pl.Series("account_hour_of_week_mean", slot_mean),
    )
    return frame.with_columns(pl.col(name).fill_nan(None).fill_null(pl.col("account_median")) for name in BASELINES[1:])


def _rolling_median(label: pl.Expr) -> pl.Expr:
    return label.rolling_median(30, min_samples=1)


def _cumulative_count(label: pl.Expr) -> pl.Expr:
    return label.cum_count().cast(pl.Float64)


def _trailing(
    labelled: pl.DataFrame, test: pl.DataFrame, by: pl.Expr, statistic: Callable[[pl.Expr], pl.Expr]
) -> Floats:
    """A running statistic of the label per account and `by`, as known at each test row's publication."""
    keys = pl.concat([labelled.select("account_id", by.alias("by")), test.select("account_id", by.alias("by"))])
    codes = keys.select(pl.struct("account_id", "by").rank("dense")).to_series().cast(pl.Int64).to_numpy()
    known_at = labelled["label_known_at"].to_physical().to_numpy()
    timeline = Timeline(codes[: labelled.height], known_at)
    running = (
        pl.DataFrame(
            {
                "label": labelled["log_engagement"].to_numpy()[timeline.order],
                "code": codes[: labelled.height][timeline.order],
            }
        )
        .select(statistic(pl.col("label")).over("code"))
        .to_series()
    )
    groups = codes[labelled.height :]
    return timeline.take(
        running.to_numpy(), timeline.last_at(groups, test["published_at"].to_physical().to_numpy()), groups
    )


# --- metrics -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Metrics:
    """How good one method's forecasts are. Rank measures are nan where no account has enough test posts."""

    rows: int
    pooled_rank_correlation: float
    rank_correlation: float
    """Mean over accounts of the Spearman correlation within the account."""
    ranked_accounts: int
    mean_absolute_error: float
    """In units of log(1 + engagements)."""
    auc_top_quartile: float
    """Mean over accounts of the area under the ROC curve for "among the account's best quarter of test posts"."""
    pooled_auc_top_quartile: float
    """The same for "among the best quarter of all test posts": mostly whose post it is."""


@dataclass(frozen=True)
class IntervalMetrics:
    """How honest and how narrow an interval is. `by_account_low` and `_high` are the 10 % and 90 % quantiles over accounts."""

    level: float
    coverage_ratio: float
    by_account_low: float
    by_account_high: float
    by_account: Mapping[str, float]
    mean_width: float
    interval_score: float
    """Mean width plus 2 / (1 - level) times the distance of every miss (Gneiting and Raftery 2007); smaller is better."""


@dataclass(frozen=True)
class Difference:
    """Model minus baseline (or champion) on the same rows, with a percentile bootstrap interval."""

    baseline: str
    metric: str
    difference: float
    low: float
    high: float

    @property
    def is_known(self) -> bool:
        """False where no account has enough test posts to be ranked."""
        return bool(np.isfinite(self.difference) and np.isfinite(self.low))

    @property
    def gain(self) -> float:
        """The difference, positive where the model is better: a higher correlation, a smaller error."""
        return self.difference if self.metric == "rank_correlation" else -self.difference

    @property
    def is_better(self) -> bool:
        """The interval excludes zero on the good side."""
        return self.low > 0 if self.metric == "rank_correlation" else self.high < 0

    @property
    def is_worse(self) -> bool:
        """The interval excludes zero on the bad side."""
        return self.high < 0 if self.metric == "rank_correlation" else self.low > 0


@dataclass(frozen=True)
class Evaluation:
    """A model, the baselines and the present champion (where there is one) on the same held-out rows."""

    cutoff: datetime
    train_rows: int
    model: Metrics
    interval: IntervalMetrics
    baselines: Mapping[str, Metrics]
    champion: Metrics | None
    differences: tuple[Difference, ...]
    resamples: int
    seed: int

    @property
    def beats_every_baseline(self) -> bool:
        """Both rank correlation and error beat each baseline with intervals that exclude zero."""
        return all(difference.is_better for difference in self.differences if difference.baseline in BASELINES)


def spearman(label: Floats, forecast: Floats) -> float:
    """Spearman's rank correlation with mean ranks for ties; nan when a side is constant or has fewer than two rows."""
    return _correlation(rankdata(label), rankdata(forecast))


def _correlation(first: Floats, second: Floats) -> float:
    if len(first) < 2:
        return float("nan")
    first, second = first - first.mean(), second - second.mean()
    norm = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / norm if norm > 0 else float("nan")


def metrics(
    accounts: NDArray[np.str_], label: Floats, forecast: Floats, *, min_posts: int = MIN_POSTS_PER_ACCOUNT
) -> Metrics:
    """Metrics of one method. A constant forecast within an account ranks nothing: it counts as correlation 0, AUC 0.5."""
    correlations, areas = [], []
    for account in np.unique(accounts):
        own = accounts == account
        if own.sum() < min_posts or np.ptp(label[own]) == 0:
            continue
        correlations.append(np.nan_to_num(spearman(label[own], forecast[own]), nan=0.0))
        areas.append(_auc_top_quartile(label[own], forecast[own]))
    return Metrics(
        rows=len(label),
        pooled_rank_correlation=spearman(label, forecast),
        rank_correlation=float(np.mean(correlations)) if correlations else float("nan"),
        ranked_accounts=len(correlations),
        mean_absolute_error=float(np.mean(np.abs(label - forecast))),
        auc_top_quartile=float(np.mean(areas)) if areas else float("nan"),
        pooled_auc_top_quartile=_auc_top_quartile(label, forecast),
    )


def _auc_top_quartile(label: Floats, forecast: Floats) -> float:
    is_top = label >= np.quantile(label, 0.75)
    return float(roc_auc_score(is_top, forecast)) if 0 < is_top.sum() < len(is_top) else 0.5


def interval_metrics(
    accounts: NDArray[np.str_],
    label: Floats,
    lower: Floats,
    upper: Floats,
    *,
    level: float,
    min_posts: int = MIN_POSTS_PER_ACCOUNT,
) -> IntervalMetrics:
    """Coverage overall and by account (accounts with `min_posts`), width and interval score."""
    is_covered = (label >= lower) & (label <= upper)
    by_account = {
        str(account): float(is_covered[accounts == account].mean())
        for account in np.unique(accounts)
        if (accounts == account).sum() >= min_posts
    }
    shares = list(by_account.values()) or [float("nan")]
    misses = np.maximum(lower - label, 0.0) + np.maximum(label - upper, 0.0)
    return IntervalMetrics(
        level=level,
        coverage_ratio=float(is_covered.mean()),
        by_account_low=float(np.quantile(shares, 0.1)),
        by_account_high=float(np.quantile(shares, 0.9)),
        by_account=by_account,
        mean_width=float(np.mean(upper - lower)),
        interval_score=float(np.mean(upper - lower + 2 / (1 - level) * misses)),
    )


# --- is the difference more than luck? ----------------------------------------------------------------------------------


def paired_differences(
    accounts: NDArray[np.str_],
    published_at: pl.Series,
    label: Floats,
    forecast: Floats,
    baselines: Mapping[str, Floats],
    *,
    resamples: int,
    seed: int,
    min_posts: int = MIN_POSTS_PER_ACCOUNT,
) -> tuple[Difference, ...]:
    """Model minus each baseline in rank correlation and MAE, with 95 % percentile intervals from one paired bootstrap.

    Two levels: accounts are drawn with replacement, and within a drawn account its ISO weeks of posts (posts of a week share
    events and level, so single posts would be too optimistic). Every method sees the same draws.
    """
    rng = np.random.default_rng(seed)
    weeks = published_at.dt.truncate("1w").to_physical().to_numpy()
    blocks = []
    for account in np.unique(accounts):
        rows = np.flatnonzero(accounts == account)
        blocks.append([rows[weeks[rows] == week] for week in np.unique(weeks[rows])])
    methods = {"model": forecast, **baselines}
    draws: dict[str, list[tuple[float, float]]] = {name: [] for name in methods}
    for _ in range(resamples):
        drawn = []
        for account in rng.integers(len(blocks), size=len(blocks)):
            own = blocks[account]
            drawn.append(np.concatenate([own[week] for week in rng.integers(len(own), size=len(own))]))
        everything = np.concatenate(drawn)
        ranked = [(rows, rankdata(label[rows])) for rows in drawn if len(rows) >= min_posts]
        for name, values in methods.items():
            draws[name].append(
                (
                    _mean_correlation(values, ranked),
                    float(np.mean(np.abs(label[everything] - values[everything]))),
                )
            )
    point = {name: metrics(accounts, label, values, min_posts=min_posts) for name, values in methods.items()}
    differences = []
    for name in baselines:
        gaps = np.array(draws["model"]) - np.array(draws[name])
        for at, metric in enumerate(("rank_correlation", "mean_absolute_error")):
            known = gaps[np.isfinite(gaps[:, at]), at]
            low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (float("nan"), float("nan"))
            gap = getattr(point["model"], metric) - getattr(point[name], metric)
            differences.append(Difference(name, metric, float(gap), float(low), float(high)))
    return tuple(differences)


def _mean_correlation(forecast: Floats, groups: list[tuple[NDArray[np.int64], Floats]]) -> float:
    """Over groups of rows, each with the ranks of its labels."""
    if not groups:
        return float("nan")
    correlations = [_correlation(label_ranks, rankdata(forecast[rows])) for rows, label_ranks in groups]
    return float(np.mean(np.nan_to_num(correlations, nan=0.0)))


def evaluate(
    split: TimeSplit,
    forecasts: pl.DataFrame,
    features: pl.DataFrame,
    *,
    champion: Floats | None = None,
    resamples: int = 500,
    seed: int = 0,
    min_posts: int = MIN_POSTS_PER_ACCOUNT,
) -> Evaluation:
    """Score forecasts of `split.test` (same row order) against the label, the baselines and the champion on the same rows.

    `features` holds every labelled row, for what the baselines may know at each test row's publication. `champion`: what the present
    champion says of the test rows.
    """
    test = split.test
    accounts = test["account_id"].to_numpy().astype(str)
    label = test["log_engagement"].to_numpy()
    expected = forecasts["expected_log_engagement"].to_numpy()
    simple = baseline_forecasts(split.train, test, features)
    baselines = {name: simple[name].to_numpy() for name in BASELINES}
    rivals = baselines if champion is None else {**baselines, CHAMPION: champion}
    return Evaluation(
        cutoff=split.cutoff,
        train_rows=split.train.height,
        model=metrics(accounts, label, expected, min_posts=min_posts),
        interval=interval_metrics(
            accounts,
            label,
            forecasts["lower_log_engagement"].to_numpy(),
            forecasts["upper_log_engagement"].to_numpy(),
            level=float(forecasts["interval_level"][0]),
            min_posts=min_posts,
        ),
        baselines={name: metrics(accounts, label, values, min_posts=min_posts) for name, values in baselines.items()},
        champion=None if champion is None else metrics(accounts, label, champion, min_posts=min_posts),
        differences=paired_differences(
            accounts,
            test["published_at"],
            label,
            expected,
            rivals,
            resamples=resamples,
            seed=seed,
            min_posts=min_posts,
        ),
        resamples=resamples,
        seed=seed,
    )
