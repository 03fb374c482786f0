"""What an account's matured past says at a moment: its level and spread, the effects of its formats, hours and weekdays, followers.

Belongs here: those quantities, asked for at any moments (`AccountPast.at`), and all of them from each moment on at which something
became known (`account_histories`, what the feature store serves).
Does not belong here: what a post brings itself, text similarity (`ml/features.py`), which of two moments comes first (`ml/history.py`).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from contracts.networks import ContentFormat
from contracts.tables import ACCOUNT_HISTORIES
from ml.history import Timeline
from ml.posts import HOUR_BLOCK, account_codes, as_declared, floats, prepared

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEVEL_WINDOW = 30
"""Matured posts whose median is the account's level: forecasts and residuals are relative to it."""
EFFECT_WINDOW = 50
EFFECT_PRIOR = 5.0
"""Matured posts at which a format's or an hour block's own mean residual and zero count the same."""
FOLLOWERS_KNOWN_AFTER_DAYS = 7
"""gold may fill `followers_at_post` from an observation up to this long after the post; only later posts may use it."""
_MICROSECONDS_PER_DAY = 86_400_000_000

_EFFECT_COLUMNS: dict[str, dict[str, str]] = {
    "content_format": {str(name): f"format_effect_{name}" for name in ContentFormat},
    "hour_block": {str(block): f"hour_effect_{block * HOUR_BLOCK:02}" for block in range(24 // HOUR_BLOCK)},
    "local_weekday": {str(weekday): f"weekday_effect_{weekday}" for weekday in range(7)},
}
"""By grouping column and group, the column of ACCOUNT_HISTORIES that holds the group's effect."""


def account_histories(posts: pl.DataFrame) -> pl.DataFrame:
    """What each account's past says from a moment on, schema `contracts.tables.ACCOUNT_HISTORIES`, sorted by account and moment.

    One row for each moment (`known_at`) at which an outcome or a follower count became known; `changed_at` is the newest event
    behind the row, never later. The newest row at or before t says what `ml.features.post_features` says of a post published at
    t: of the effects, which stand here for every format, hour block (named by its first local hour) and weekday, a post has one
    each. Input: rows of `gold/fct_posts`. Raises SchemaMismatchError when a required column is missing.
    """
    posts = prepared(posts)
    codes = account_codes(posts)
    past = AccountPast.of(posts, codes, np.ones(posts.height, dtype=bool))
    owners = posts.select("account_id", "client_id", "network").with_columns(pl.Series("account", codes))
    owners = owners.unique("account", keep="last", maintain_order=True)
    moments = past.moments().join(owners, on="account", how="left", maintain_order="left")
    seen = past.at(moments["account"].to_numpy(), moments["known_at"].to_numpy())
    columns = {"matured_posts": seen.count(), **seen.level(), **seen.followers()}
    columns["changed_at"] = np.fmax(seen.take("newest_mature_at"), columns.pop("followers_known_at"))
    for by, names in _EFFECT_COLUMNS.items():
        effects = past.effects(by)
        for code, column in zip(effects.codes(pl.Series(list(names))), names.values(), strict=True):
            columns[column] = effects.at(seen.accounts, np.full_like(seen.accounts, code), seen.times)
    return moments.with_columns(floats(columns)).select(as_declared(ACCOUNT_HISTORIES.schema))


@dataclass(frozen=True)
class AccountPast:
    """Posts whose outcome is known, grouped by account, in the order in which their outcomes became known.

    `rows` carries the trailing statistics after each of them, and `residual`: the outcome's distance from the level that was known
    at its own publication. `source` are the positions of these posts among the rows that the past was made of.
    """

    rows: pl.DataFrame
    source: Ints
    timeline: Timeline
    follower_counts: pl.DataFrame
    follower_timeline: Timeline

    @classmethod
    def of(cls, posts: pl.DataFrame, codes: Ints, is_history: NDArray[np.bool_]) -> "AccountPast":
        """The past that the history rows of `posts` (`ml.posts.prepared`) make up."""
        source = np.flatnonzero(is_history & posts["log_engagement"].is_not_null().to_numpy())
        known_at = posts["outcome_known_at"].to_physical().fill_null(0).to_numpy()[source]
        timeline = Timeline(codes[source], known_at)
        source = source[timeline.order]
        rows = _with_statistics(posts[source].with_columns(pl.Series("account", codes[source])))
        published_at = rows["published_at"].to_physical().to_numpy()
        level = timeline.take(
            rows["median_30"].to_numpy(), timeline.last_at(codes[source], published_at), codes[source]
        )
        residual = (pl.col("log_engagement") - pl.Series(level)).fill_nan(None)
        rows = rows.with_columns(residual.alias("residual")).with_columns(
            pl.col("residual").abs().rolling_mean(100, min_samples=5).over("account").alias("residual_scale")
        )
        followers = (
            posts.filter(pl.Series(is_history))
            .select(
                pl.Series("account", codes[is_history]),
                (pl.col("published_at").to_physical() + FOLLOWERS_KNOWN_AFTER_DAYS * _MICROSECONDS_PER_DAY).alias(
                    "known_at"
                ),
                pl.col("followers_at_post").log1p().alias("log_followers"),
            )
            .drop_nulls("log_followers")
        )
        follower_timeline = Timeline(followers["account"].to_numpy(), followers["known_at"].to_numpy())
        return cls(rows, source, timeline, followers[follower_timeline.order], follower_timeline)

    def at(self, accounts: Ints, times: Ints) -> "PastSeen":
        """This past as it looked to each account (code) at its moment (microseconds)."""
        return PastSeen(self, accounts, times, self.timeline.last_at(accounts, times))

    def effects(self, by: str) -> "GroupEffects":
        """The effects of the groups in column `by`."""
        return GroupEffects.of(self.rows, by)

    def moments(self) -> pl.DataFrame:
        """Each `account` and microsecond `known_at` at which something became known, sorted."""
        outcomes = self.rows.select("account", pl.col("outcome_known_at").to_physical().alias("known_at"))
        return (
            pl.concat([outcomes, self.follower_counts.select("account", "known_at")])
            .unique()
            .sort("account", "known_at")
        )


@dataclass(frozen=True)
class PastSeen:
    """A past as accounts saw it at moments; every answer has one value for each of them, not-a-number where nothing was known.

    `last` is each one's newest known row.
    """

    past: AccountPast
    accounts: Ints
    times: Ints
    last: Ints

    def first(self) -> Ints:
        """Position of each account's first row."""
        return self.past.timeline.first(self.accounts)

    def take(self, column: str) -> Floats:
        """A column of the past's rows as last known."""
        values = self.past.rows[column].to_physical().cast(pl.Float64).fill_null(np.nan).to_numpy()
        return self.past.timeline.take(values, self.last, self.accounts)

    def count(self) -> Floats:
        """Known outcomes."""
        return (self.last - self.first() + 1).astype(np.float64)

    def level(self) -> dict[str, Floats]:
        """Where the account's outcomes lie, how they spread and move, and how far off its level is."""
        names = ("median_10", "median_30", "median_100", "mean_10", "mean_100", "std_30", "residual_scale")
        columns = {f"history_{name}": self.take(name) for name in names}
        return columns | {"history_trend": columns["history_mean_10"] - columns["history_mean_100"]}

    def followers(self) -> dict[str, Floats]:
        """Log followers as the newest post old enough to be surely observed carries them, and since when they were known."""
        timeline, counts = self.past.follower_timeline, self.past.follower_counts
        last = timeline.last_at(self.accounts, self.times)
        return {
            "log_followers": timeline.take(counts["log_followers"].to_numpy(), last, self.accounts),
            "followers_known_at": timeline.take(counts["known_at"].cast(pl.Float64).to_numpy(), last, self.accounts),
        }

    def effect(self, by: str, groups: pl.Series) -> Floats:
        """The effect of each one's group, as known: see `GroupEffects`."""
        effects = self.past.effects(by)
        return effects.at(self.accounts, effects.codes(groups), self.times)


@dataclass(frozen=True)
class GroupEffects:
    """Shrunken mean residual of an account's last EFFECT_WINDOW known posts of one group (a format, a block of hours, a weekday).

    Formula: sum(residuals) / (count + EFFECT_PRIOR), partial pooling towards the account's level; 0 without any.
    """

    labels: pl.DataFrame
    timeline: Timeline
    values: Floats

    @classmethod
    def of(cls, rows: pl.DataFrame, by: str) -> "GroupEffects":
        """Effects after each of the past's rows, by the groups in column `by`."""
        rows = rows.drop_nulls("residual")
        labels = (
            rows.select(pl.col(by).cast(pl.String).alias("label")).unique(maintain_order=True).with_row_index("code")
        )
        groups = _group(rows["account"].to_numpy(), _codes(rows[by], labels), labels)
        timeline = Timeline(groups, rows["outcome_known_at"].to_physical().to_numpy())
        residual = pl.col("residual")
        values = (
            rows.select(residual, pl.Series("group", groups))[timeline.order]
            .select(
                residual.rolling_sum(EFFECT_WINDOW, min_samples=1).over("group")
                / (pl.int_range(1, pl.len() + 1).clip(upper_bound=EFFECT_WINDOW).over("group") + EFFECT_PRIOR)
            )
            .to_series()
        )
        return cls(labels, timeline, values.to_numpy())

    def codes(self, groups: pl.Series) -> Ints:
        """Groups by their numbers here."""
        return _codes(groups, self.labels)

    def at(self, accounts: Ints, codes: Ints, times: Ints) -> Floats:
        """Each account's effect of a group at a moment."""
        groups = _group(accounts, codes, self.labels)
        return np.nan_to_num(self.timeline.take(self.values, self.timeline.last_at(groups, times), groups), nan=0.0)


def _codes(groups: pl.Series, labels: pl.DataFrame) -> Ints:
    """Position of each group's label; that behind the last for a group that has no row."""
    asked = pl.DataFrame({"label": groups.cast(pl.String)})
    found = asked.join(labels, on="label", how="left", nulls_equal=True, maintain_order="left")
    return found["code"].cast(pl.Int64).fill_null(labels.height).to_numpy()


def _group(accounts: Ints, codes: Ints, labels: pl.DataFrame) -> Ints:
    return accounts * (labels.height + 1) + codes


def _with_statistics(known: pl.DataFrame) -> pl.DataFrame:
    """Trailing statistics of the outcome after each known post, per account, in the order of becoming known."""
    label = pl.col("log_engagement")
    return known.with_columns(
        label.rolling_median(10, min_samples=1).over("account").alias("median_10"),
        label.rolling_median(LEVEL_WINDOW, min_samples=1).over("account").alias("median_30"),
        label.rolling_median(100, min_samples=1).over("account").alias("median_100"),
        label.rolling_mean(10, min_samples=1).over("account").alias("mean_10"),
        label.rolling_mean(100, min_samples=1).over("account").alias("mean_100"),
        label.rolling_std(30, min_samples=3).over("account").alias("std_30"),
        pl.col("mature_at").cum_max().over("account").alias("newest_mature_at"),
    )
