"""Estimates with their uncertainty, for plots. Pure: frames in, frames out.

What a KPI is belongs to dbt; here stands only how sure a plot may be of an average, a share or a correlation.
"""

from statistics import NormalDist

import numpy as np
import polars as pl
from scipy.special import stdtrit

LEVEL = 0.95
"""Confidence level of every interval that the app draws around an estimate."""


def against_usual(posts: pl.DataFrame) -> pl.DataFrame:
    """Add `log_against_usual`: log1p(mature engagements) minus its mean over the same account's mature posts in `posts`.

    Accounts differ by far more than hours or formats do, so that an average over accounts of raw engagement shows who posted,
    not what worked. The mean of logs, not the median: engagement is skewed, and against the median every group of posts would
    look better than usual on average. Null where `mature_engagements` is.
    """
    log = pl.col("mature_engagements").log1p()
    return posts.with_columns((log - log.mean().over("account_id")).alias("log_against_usual"))


def relative_engagement(posts: pl.DataFrame, by: str) -> pl.DataFrame:
    """Mean multiple of the account's usual engagement per value of `by`, with its interval.

    Input: mature posts with `log_against_usual`. Output, one row per group: `by`, `posts`, `ratio` (geometric mean multiple),
    `low`, `high` (Student t on the log scale; null with fewer than three posts).
    """
    groups = (
        posts.filter(pl.col("log_against_usual").is_not_null() & pl.col(by).is_not_null())
        .group_by(by)
        .agg(
            pl.len().alias("posts"),
            pl.col("log_against_usual").mean().alias("mean"),
            pl.col("log_against_usual").std().alias("sd"),
        )
        .sort(by)
    )
    counts = groups["posts"].to_numpy()
    with np.errstate(invalid="ignore", divide="ignore"):
        half = stdtrit(counts - 1, 0.5 + LEVEL / 2) * groups["sd"].fill_null(np.nan).to_numpy() / np.sqrt(counts)
    half = pl.Series("half", np.where(counts >= 3, half, np.nan)).fill_nan(None)
    return groups.with_columns(half).select(
        by,
        "posts",
        pl.col("mean").exp().alias("ratio"),
        (pl.col("mean") - pl.col("half")).exp().alias("low"),
        (pl.col("mean") + pl.col("half")).exp().alias("high"),
    )


def against_median(posts: pl.DataFrame) -> pl.DataFrame:
    """Add `times_median`: mature engagements as a multiple of the median of the same account's mature posts in `posts`.

    Null where `mature_engagements` is, and where that median is zero: nothing is a multiple of it.
    """
    usual = pl.col("mature_engagements").median().over("account_id")
    return posts.with_columns(pl.when(usual > 0).then(pl.col("mature_engagements") / usual).alias("times_median"))


def median_multiple(posts: pl.DataFrame, *by: str) -> pl.DataFrame:
    """`by`, `times_median` (the median of the group's) and `final_posts`, the number of posts that it rests on.

    Posts without a value of `by` are a group too.
    """
    known = posts.filter(pl.col("times_median").is_not_null())
    return known.group_by(by).agg(pl.col("times_median").median(), pl.len().alias("final_posts"))


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Wilson's score interval of a share. `trials` must be positive."""
    z = NormalDist().inv_cdf(0.5 + LEVEL / 2)
    share = successes / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * np.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def rolling_coverage(scores: pl.DataFrame, *, window: int, at_least: int = 8) -> pl.DataFrame:
    """Share of outcomes inside the interval over the last `window` forecasts, in order of `mature_at`.

    Output: `mature_at`, `forecasts` (in the window), `coverage`, `low`, `high` (Wilson); from the `at_least`-th forecast on.
    """
    ordered = scores.sort("mature_at")
    hits = ordered["is_covered"].cast(pl.Int64).to_numpy()
    moments = ordered["mature_at"].to_list()
    rows = []
    for end in range(at_least, len(hits) + 1):
        inside = hits[max(0, end - window) : end]
        low, high = wilson(int(inside.sum()), len(inside))
        rows.append((moments[end - 1], len(inside), float(inside.mean()), low, high))
    return pl.DataFrame(
        rows,
        schema={
            "mature_at": pl.Datetime("us", "UTC"),
            "forecasts": pl.Int64,
            "coverage": pl.Float64,
            "low": pl.Float64,
            "high": pl.Float64,
        },
        orient="row",
    )


def rank_correlation(scores: pl.DataFrame) -> pl.DataFrame:
    """Spearman's rank correlation of forecast and outcome for each account and origin.

    Output: `account_id`, `origin`, `forecasts`, `correlation`, `standard_error`, `low`, `high`. The interval is Fisher's z with
    Bonett and Wright's (2000) variance for ranks, and needs more than three forecasts; the correlation needs three.
    """
    groups = scores.group_by("account_id", "origin").agg(
        pl.len().alias("forecasts"),
        pl.corr("expected_log_engagement", "log_engagement", method="spearman").fill_nan(None).alias("correlation"),
    )
    groups = groups.filter((pl.col("forecasts") >= 3) & pl.col("correlation").is_not_null()).sort(
        "origin", "account_id"
    )
    z_error = ((1 + pl.col("correlation") ** 2 / 2) / (pl.col("forecasts") - 3)).sqrt()
    quantile = NormalDist().inv_cdf(0.5 + LEVEL / 2)
    z = pl.col("correlation").clip(-0.999, 0.999).arctanh()
    known = pl.col("forecasts") > 3
    return groups.with_columns(
        pl.when(known).then((1 - pl.col("correlation") ** 2) * z_error).alias("standard_error"),
        pl.when(known).then((z - quantile * z_error).tanh()).alias("low"),
        pl.when(known).then((z + quantile * z_error).tanh()).alias("high"),
    )


def mean_correlation(accounts: pl.DataFrame) -> pl.DataFrame:
    """Mean over accounts of `rank_correlation`'s rows, per origin, each account counting once.

    Output: `origin`, `accounts`, `forecasts`, `correlation`, `low`, `high`; the interval is null unless every account has one.
    """
    quantile = NormalDist().inv_cdf(0.5 + LEVEL / 2)
    groups = accounts.group_by("origin").agg(
        pl.len().alias("accounts"),
        pl.col("forecasts").sum(),
        pl.col("correlation").mean(),
        pl.when(pl.col("standard_error").null_count() == 0)
        .then((pl.col("standard_error") ** 2).sum().sqrt() / pl.len())
        .alias("error"),
    )
    return groups.select(
        "origin",
        "accounts",
        "forecasts",
        "correlation",
        (pl.col("correlation") - quantile * pl.col("error")).clip(-1, 1).alias("low"),
        (pl.col("correlation") + quantile * pl.col("error")).clip(-1, 1).alias("high"),
    ).sort("origin")


USUAL_AT_HOURS = (1.0, 2.0, 4.0, 8.0, 12.0, 24.0, 36.0, 48.0)


def usual_growth(snapshots: pl.DataFrame, *, final_after: float) -> pl.DataFrame:
    """How posts usually grow: the median count at some ages and in the end, from posts that were followed to the end.

    Input: `post_id`, `age_hours`, `value` of one account's posts. Output: `age_hours`, `usual`, `posts` by age; no row for an age at which
    fewer than three of them were seen (not earlier than a quarter of the age before it).
    """
    followed = snapshots.filter(pl.col("age_hours").max().over("post_id") >= final_after)
    parts = [
        followed.filter(pl.col("age_hours") >= final_after)
        .group_by("post_id")
        .agg(pl.col("value").sort_by("age_hours").first())
    ]
    for age in USUAL_AT_HOURS:
        seen = followed.filter(pl.col("age_hours").is_between(age * 0.75, age))
        parts.append(seen.group_by("post_id").agg(pl.col("value").sort_by("age_hours").last()))
    ages = (final_after, *USUAL_AT_HOURS)
    counts = pl.concat([part.with_columns(age_hours=pl.lit(age)) for part, age in zip(parts, ages, strict=True)])
    usual = counts.group_by("age_hours").agg(pl.col("value").median().alias("usual"), pl.len().alias("posts"))
    return usual.filter(pl.col("posts") >= 3).sort("age_hours")
