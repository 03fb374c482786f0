"""Public data sets as series in regular steps, for what is forecast of accounts.

Belongs here: reading, counting by step. Does not belong here: methods, scores.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.reference_posts import facebook_posts, instagram_posts
from ml.forecasts.series import WEEK, Floats, Kind, Series

HOUR = timedelta(hours=1)


def page_views(reference_data: Path) -> dict[str, Series]:
    """Daily views of two Wikipedia pages over eight years. The files hold their logarithms; days that they leave out are gaps."""
    found = {}
    for name in ("peyton_manning", "R"):
        raw = pl.read_csv(
            reference_data / "prophet_wiki_pageviews" / f"example_wp_log_{name}.csv", try_parse_dates=True
        )
        days = (
            raw.select(day=pl.col("ds").cast(pl.Date), views=pl.col("y").exp().round())
            .unique("day")
            .sort("day")
            .upsample("day", every="1d")
        )
        values = days["views"].fill_null(float("nan")).to_numpy()
        found[name] = Series(values, Kind.FLOW, first_day=days["day"][0])
    return found


def instagram_days(reference_data: Path) -> dict[str, Series]:
    """Engagements of the posts of each day, 27 accounts over four years."""
    return _by_step(instagram_posts(reference_data), every="1d", season=WEEK)


def instagram_weeks(reference_data: Path) -> dict[str, Series]:
    """The same by week."""
    return _by_step(instagram_posts(reference_data), every="1w", season=1)


def facebook_days(reference_data: Path) -> dict[str, Series]:
    """Engagements of the posts of each day, pages over 16 weeks."""
    return _by_step(facebook_posts(reference_data), every="1d", season=WEEK)


def facebook_weeks(reference_data: Path) -> dict[str, Series]:
    """The same by week."""
    return _by_step(facebook_posts(reference_data), every="1w", season=1)


def mentions_by_hour(reference_data: Path) -> dict[str, Series]:
    """NAB realTweets: mentions of five brands by hour."""
    raw = pl.read_parquet(reference_data / "nab_realtweets" / "realtweets_dev_labelled.parquet")
    hours = raw.group_by("series", pl.col("timestamp").dt.truncate("1h").alias("hour")).agg(
        pl.col("value").sum(), pl.len().alias("bins")
    )
    whole = hours.filter(pl.col("bins") == 12).sort("series", "hour")
    found = {}
    for (name,), rows in whole.group_by("series", maintain_order=True):
        values = rows.upsample("hour", every="1h")["value"].cast(pl.Float64).fill_null(float("nan"))
        found[str(name)] = Series(values.to_numpy(), Kind.FLOW, season=24)
    return found


def _by_step(posts: pl.DataFrame, *, every: str, season: int) -> dict[str, Series]:
    """Sums by whole step in which the account posts; a step without a post is a zero. The steps at either end are left out: they may be cut."""
    step = pl.col("published_at").dt.truncate(every).dt.date().alias("step")
    sums = posts.group_by("account_id", step).agg(pl.col("mature_engagements").sum().cast(pl.Float64))
    last = posts.select(step).to_series().max()
    found = {}
    for account, rows in _groups(sums.sort("account_id", "step")):
        whole = rows.upsample("step", every=every).filter(pl.col("step") < last)[1:]
        if whole.height:
            values = whole["mature_engagements"].fill_null(0.0).to_numpy()
            found[account] = Series(
                values, Kind.FLOW, season=season, first_day=whole["step"][0] if every == "1d" else None
            )
    return found


def _groups(rows: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    for (account,), own in rows.group_by("account_id", maintain_order=True):
        yield str(account), own


def made_up_followers(days: int, *, accounts: int, seed: int) -> dict[str, Series]:
    """No public set at hand holds followers: these are made up, with the growth that channels were seen to have.

    A daily growth of .03 % in the median (log sd 1), noise around it of log sd .65 with a memory from .3 to .95, followers lost on one day in
    twenty; every third account shows three significant digits only, as large channels do.
    """
    rng = np.random.default_rng(seed)
    found = {}
    for account in range(accounts):
        level = float(np.exp(rng.normal(9, 1.5)))
        memory = float(rng.uniform(0.3, 0.95))
        noise = np.empty(days)
        noise[0] = rng.normal()
        for day in range(1, days):
            noise[day] = memory * noise[day - 1] + np.sqrt(1 - memory**2) * rng.normal()
        growth = (
            3e-4 * float(np.exp(rng.normal())) * np.exp(0.65 * noise) * np.where(rng.random(days) < 0.045, -0.5, 1.0)
        )
        followers = np.round(level * np.cumprod(1 + growth))
        found[f"account {account}"] = Series(_rounded(followers) if account % 3 == 0 else followers, Kind.LEVEL)
    return found


def _rounded(counts: Floats) -> Floats:
    unit = 10.0 ** np.maximum(np.floor(np.log10(np.maximum(counts, 1.0))) - 2, 0.0)
    return np.asarray(np.floor(counts / unit) * unit, dtype=np.float64)
