"""Counts of posts over their age, seen at irregular moments: what was known of a post at an age, and what its count came to.

Belongs here: look-ups into snapshots, none of which sees past the moment that is asked about, and the features made of them.
Does not belong here: what is learned from them (`model.py`, `median_curve.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml.columns import demand
from ml.history import Timeline

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SNAPSHOTS_SCHEMA = pl.Schema(
    {
        "account_id": pl.String,
        "network": pl.String,
        "post_id": pl.String,
        "age_hours": pl.Float64,
        "value": pl.Float64,
    }
)
"""One row per post and moment at which its count was seen. A null value is a look that brought no count."""
INTERACTIONS = ("likes", "comments", "shares", "saves", "quotes")
"""The counts whose sum is `engagements` (docs/naming.md)."""
_POST_COLUMNS = (
    "published_at",
    "is_reply",
    "is_backfilled",
    "mature_at",
    "mature_engagements",
    "matured_observed_at",
)
SEEN_WITHIN_RATIO = 0.25
"""A count stands for an age when it was seen within this part of it before, as in `gold/fct_post_counts_at_age`."""
NEAR_RATIO = 1.5
"""Ages are alike when neither is more than this many times the other."""
_MICROSECONDS_PER_HOUR = 3_600_000_000

CURVE_FEATURES = (
    "age_hours",
    "log_count",
    "log_count_at_quarter_age",
    "log_count_at_half_age",
    "log_count_at_three_quarters_age",
    "log_count_hour_before",
    "hours_since_rise",
    "first_seen_hours",
)


def engagement_snapshots(post_metrics: pl.DataFrame, posts: pl.DataFrame) -> pl.DataFrame:
    """Engagements of each post at each moment of observation, schema SNAPSHOTS_SCHEMA, from rows of the lake.

    `post_metrics`: rows of `bronze/post_metrics`; `posts`: rows of `gold/fct_posts`, whose replies and backfilled posts are left
    out. Counts of one round of calls may come moments apart, so each count stands until the network says another; a count that was
    never told is no zero, and a post none of whose counts was told has no row. From a post's maturity on its outcome in gold stands
    alone, so that the final count is the one that every other model and figure has. Raises SchemaMismatchError when a column is
    missing.
    """
    need = "growth curves"
    demand(post_metrics, ("post_id", "metric", "value", "observed_at"), by=need, of="rows of bronze/post_metrics")
    demand(posts, ("post_id", "account_id", "network", *_POST_COLUMNS), by=need, of="rows of gold/fct_posts")
    followed = posts.filter(~pl.any_horizontal(pl.col("is_reply", "is_backfilled").fill_null(value=False))).select(
        "post_id", "account_id", "network", *_POST_COLUMNS
    )
    counted = post_metrics.filter(pl.col("metric").is_in(INTERACTIONS) & (pl.col("value") >= 0))
    wide = counted.pivot(
        on="metric", on_columns=INTERACTIONS, index=["post_id", "observed_at"], values="value", aggregate_function="max"
    ).sort("post_id", "observed_at")
    standing = wide.with_columns(pl.col(INTERACTIONS).forward_fill().over("post_id")).join(followed, on="post_id")
    is_young = pl.col("mature_at").is_null() | (pl.col("observed_at") < pl.col("mature_at"))
    young = standing.filter((pl.col("observed_at") >= pl.col("published_at")) & is_young)
    outcomes = followed.drop_nulls(["mature_engagements", "matured_observed_at"])
    return pl.concat(
        [
            _snapshots(young, "observed_at", pl.sum_horizontal(INTERACTIONS)),
            _snapshots(outcomes, "matured_observed_at", pl.col("mature_engagements")),
        ]
    )


def _snapshots(rows: pl.DataFrame, moment: str, value: pl.Expr) -> pl.DataFrame:
    age = (pl.col(moment) - pl.col("published_at")).dt.total_microseconds() / _MICROSECONDS_PER_HOUR
    columns = rows.select("account_id", "network", "post_id", age_hours=age, value=value)
    return columns.select(pl.col(name).cast(kind) for name, kind in SNAPSHOTS_SCHEMA.items())


@dataclass(frozen=True)
class Curves:
    """Snapshots by post and age. Posts are asked for by their row in `posts` (account_id, network, post_id; sorted by post_id)."""

    posts: pl.DataFrame
    _timeline: Timeline
    _posts: Ints
    """Row in `posts` of each snapshot; like the next three in the timeline's order."""
    _ages: Floats
    _values: Floats
    _rose_at: Floats
    """Age of the newest snapshot up to this one that brought a higher count than the one before; 0 where none did."""

    @classmethod
    def of(cls, snapshots: pl.DataFrame, *, up_to: float | None = None) -> "Curves":
        """Rows of SNAPSHOTS_SCHEMA in any order; with `up_to`, those up to that age (hours) alone. Of several looks at one moment the
        highest count stands.

        Raises SchemaMismatchError when a column is missing, ValueError for an age or a count below zero.
        """
        every_look = "account_id, network, post_id, age_hours and value of each look"
        demand(snapshots, SNAPSHOTS_SCHEMA.names(), by="growth curves", of=every_look)
        rows = snapshots.select(pl.col(name).cast(kind) for name, kind in SNAPSHOTS_SCHEMA.items())
        rows = rows.with_columns(pl.col("value").fill_nan(None)).drop_nulls()
        if up_to is not None:
            rows = rows.filter(pl.col("age_hours") <= up_to)
        if impossible := rows.filter((pl.col("age_hours") < 0) | (pl.col("value") < 0)).height:
            raise ValueError(
                f"{impossible} snapshots have an age or a count below zero; leave out what was not observed"
            )
        rows = rows.group_by("post_id", "age_hours").agg(pl.col("account_id", "network").first(), pl.col("value").max())
        rows = rows.sort("post_id", "age_hours")
        has_risen = pl.col("value") > pl.col("value").shift(1, fill_value=0.0)
        rose_at = pl.when(has_risen).then("age_hours").forward_fill().fill_null(0.0)
        rows = rows.with_columns(
            rose_at=rose_at.over("post_id"), post=pl.col("post_id").rank("dense").cast(pl.Int64) - 1
        )
        return cls(
            posts=rows.select("account_id", "network", "post_id").unique("post_id", keep="first", maintain_order=True),
            _timeline=Timeline(rows["post"].to_numpy(), _microseconds(rows["age_hours"].to_numpy())),
            _posts=rows["post"].to_numpy(),
            _ages=rows["age_hours"].to_numpy(),
            _values=rows["value"].to_numpy(),
            _rose_at=rows["rose_at"].to_numpy(),
        )

    def newest(self) -> tuple[Ints, Floats]:
        """Every post, and the age of its newest snapshot."""
        every = np.arange(self.posts.height)
        return every, self._ages[self._timeline.first(every + 1) - 1]

    def near(self, ages: Sequence[float], *, before: float, seed: int) -> tuple[Ints, Floats, Ints]:
        """For each post and each of `ages` that it was seen near to (`nearest_age`): the post, the age of one of those snapshots, and
        the position of that age. Which one is drawn: posts are asked about at any age, not only at round ones.

        Snapshots from the age `before` on do not count.
        """
        at = np.where(self._ages < before, nearest_age(self._ages, ages), -1)
        drawn = np.random.default_rng(seed).random(len(at))
        looks = pl.DataFrame({"post": self._posts, "age": self._ages, "at": at, "drawn": drawn})
        looks = looks.filter(pl.col("at") >= 0).sort("at", "post", "drawn")
        one = looks.unique(["at", "post"], keep="first", maintain_order=True)
        return one["post"].to_numpy(), one["age"].to_numpy(), one["at"].to_numpy()

    def seen_at(self, age_hours: float) -> Ints:
        """Posts of whose count at an age something was known at that age: see SEEN_WITHIN_RATIO."""
        every = np.arange(self.posts.height)
        seen = self._last_known(self._ages, every, np.full(len(every), age_hours))
        return np.flatnonzero(seen >= age_hours * (1 - SEEN_WITHIN_RATIO))

    def final_counts(self, final_age_hours: float) -> Floats:
        """Each post's first count seen at or after an age; not a number where none was."""
        every = np.arange(self.posts.height)
        before = self._timeline.last_before(every, _microseconds(np.full(len(every), final_age_hours)))
        after = np.minimum(before + 1, len(self._values) - 1)
        return np.where(before + 1 < self._timeline.first(every + 1), self._values[after], np.nan)

    def counts(self, posts: Ints, ages: Floats, *, known_by: Floats) -> Floats:
        """Counts of posts at ages, from snapshots up to the age `known_by` alone.

        Between two of them on a straight line; after the last of them it stands; before the first, from zero at publication.
        """
        at = _microseconds(ages)
        last, end = self._timeline.last_at(posts, at), self._timeline.last_at(posts, _microseconds(known_by))
        before, after = np.maximum(last, 0), np.clip(last + 1, 0, len(self._values) - 1)
        has_before, has_after = last >= self._timeline.first(posts), last + 1 <= end
        age_before = np.where(has_before, self._ages[before], 0.0)
        count_before = np.where(has_before, self._values[before], 0.0)
        span = np.where(has_after, self._ages[after] - age_before, 1.0)
        passed = np.where(has_after, (ages - age_before) / span, 0.0)
        return np.asarray(count_before + passed * (self._values[after] - count_before), dtype=np.float64)

    def features(self, posts: Ints, ages: Floats) -> pl.DataFrame:
        """CURVE_FEATURES of posts as known at ages (hours): nothing in a row moves when only later snapshots do."""

        def log_count(at: Floats) -> Floats:
            return np.log1p(self.counts(posts, at, known_by=ages))

        first = self._ages[np.minimum(self._timeline.first(posts), len(self._ages) - 1)]
        columns = {
            "age_hours": ages,
            "log_count": log_count(ages),
            "log_count_at_quarter_age": log_count(ages / 4),
            "log_count_at_half_age": log_count(ages / 2),
            "log_count_at_three_quarters_age": log_count(ages * 0.75),
            "log_count_hour_before": log_count(np.maximum(ages - 1, 0.0)),
            "hours_since_rise": ages - self._last_known(self._rose_at, posts, ages),
            "first_seen_hours": np.minimum(first, ages),
        }
        return pl.DataFrame({name: columns[name] for name in CURVE_FEATURES})

    def _last_known(self, values: Floats, posts: Ints, ages: Floats) -> Floats:
        """What stood at each post's newest snapshot up to an age; 0 (publication) where there was none."""
        last = self._timeline.last_at(posts, _microseconds(ages))
        return np.nan_to_num(self._timeline.take(values, last, posts), nan=0.0)


def nearest_age(ages: Floats, among: Sequence[float]) -> Ints:
    """Position of the nearest of `among` by ratio, for each age; -1 where none lies within NEAR_RATIO."""
    distance = np.abs(np.log(np.maximum(ages, 1e-9))[:, None] - np.log(among)[None, :])
    return np.where(distance.min(axis=1) <= np.log(NEAR_RATIO) + 1e-9, distance.argmin(axis=1), -1).astype(np.int64)


def _microseconds(hours: Floats) -> Ints:
    return np.rint(hours * _MICROSECONDS_PER_HOUR).astype(np.int64)
