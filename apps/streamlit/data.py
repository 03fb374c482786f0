"""What the pages read from the lake, one client at a time: a table's rows are cached until the table has a new version.

Belongs here: which columns a page needs of which table. Does not belong here: the store (`desk.py`), any definition of a KPI.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl
import streamlit as st

from contracts.freshness import Arrival, arrivals
from contracts.scope import TenantScope
from contracts.tables import (
    ALERT_BINS,
    ALERTS,
    CALIBRATION,
    COMMENT_MOODS,
    COMMENTS,
    COMPETITOR_POSTS,
    HOUR_EFFECTS,
    KPI_FORECASTS,
    MODEL_VERSIONS,
    MODEL_WATCH,
    POPULARITY_SCORES,
    POST_SCHEDULE,
    POST_SNAPSHOTS,
    POSTING_TIME_LIFT,
    POSTS_TAKING_OFF,
    READINGS,
    TRENDS,
    WATCHED_STREAMS,
    TableSpec,
)
from lakehouse import DeltaLake

RATES = ("reach", "views", "impressions", "followers")
"""What an engagement rate can be measured by; never mixed."""


@st.cache_data(show_spinner=False, max_entries=256)
def _rows(
    _lake: DeltaLake, root: str, table: str, version: int, client_id: str, columns: tuple[str, ...]
) -> pl.DataFrame:
    """Rows of one table version that belong to one client. `root` stands for `_lake` in the cache's key."""
    del root
    frame = _lake.scan(table, scope=TenantScope.of(client_id), version=version)
    return (frame.select(columns) if columns else frame).collect()


@st.cache_data(show_spinner=False, max_entries=256)
def _sizes(
    _lake: DeltaLake, root: str, table: str, version: int, client_id: str, by: tuple[str, ...], time: str | None
) -> pl.DataFrame:
    """`rows` and `newest` (of the column `time`) per value of `by`, of one table version, one client."""
    del root
    frame = _lake.scan(table, scope=TenantScope.of(client_id), version=version)
    newest = pl.col(time).max() if time else pl.lit(None, pl.Datetime("us", "UTC"))
    sizes = (pl.len().cast(pl.Int64).alias("rows"), newest.alias("newest"))
    return (frame.group_by(by).agg(sizes) if by else frame.select(sizes)).collect()


@dataclass(frozen=True)
class ClientData:
    """The lake as one client's pages see it. A table that does not exist yet reads as a frame without rows or columns."""

    lake: DeltaLake
    client_id: str

    def read(self, table: str, columns: Sequence[str] = ()) -> pl.DataFrame:
        """This client's rows of `stage/table`, those columns, newest version."""
        version = self.lake.version(table)
        if version is None:
            return pl.DataFrame()
        return _rows(self.lake, self.lake.root, table, version, self.client_id, tuple(columns))

    # --- gold ----------------------------------------------------------------------------------------------------------

    def accounts(self) -> pl.DataFrame:
        return self.read("gold/dim_accounts")

    def posts(self) -> pl.DataFrame:
        """Own posts, replies excluded, newest first, with `is_mature`. `text`: the headline of what is linked where there are no other words."""
        posts = self.read(
            "gold/fct_posts",
            (
                "account_id",
                "network",
                "post_id",
                "native_id",
                "permalink",
                "text",
                "link_title",
                "content_format",
                "is_reply",
                "published_at",
                "published_day",
                "local_hour",
                "local_weekday",
                "content_item_id",
                "is_published_by_pulso",
                "likes",
                "comments",
                "shares",
                "saves",
                "quotes",
                "reach",
                "views",
                "impressions",
                "engagements",
                "mature_engagements",
                "mature_at",
                "age_hours",
                "is_backfilled",
                *(f"engagement_rate_by_{rate}" for rate in RATES),
            ),
        )
        if posts.is_empty():
            return posts
        return (
            posts.filter(~pl.col("is_reply"))
            .with_columns(
                text=pl.when(pl.col("text").str.strip_chars() == "").then("link_title").otherwise("text").fill_null(""),
                is_mature=pl.col("mature_engagements").is_not_null(),
            )
            .drop("link_title")
            .sort("published_at", descending=True)
        )

    def account_days(self) -> pl.DataFrame:
        return self.read("gold/kpi_account_daily")

    def weeks(self) -> pl.DataFrame:
        weeks = self.read("gold/kpi_client_weekly")
        return weeks if weeks.is_empty() else weeks.sort("week")

    def rival_posts(self) -> pl.DataFrame:
        return self.read("gold/fct_competitor_posts")

    def forecast_scores(self) -> pl.DataFrame:
        return self.read("gold/fct_forecast_scores")

    def forecast_skill(self) -> pl.DataFrame:
        return self.read("gold/kpi_forecast_skill")

    def model_quality(self) -> pl.DataFrame:
        """Weeks of each model version's forecasts for this client; one row without values where there are none."""
        return self.read("gold/kpi_model_quality_weekly")

    def goals(self) -> pl.DataFrame:
        return self.read("gold/kpi_goals")

    def pillar_weeks(self) -> pl.DataFrame:
        return self.read("gold/kpi_pillars_weekly")

    def pillars_of_posts(self) -> pl.DataFrame:
        """Which theme each post is about, and by what that is known: its draft, or its words."""
        return self.read("gold/fct_post_pillars", ("post_id", "pillar_id", "known_by"))

    def format_weeks(self) -> pl.DataFrame:
        return self.read("gold/kpi_content_mix_weekly")

    def cohorts(self) -> pl.DataFrame:
        return self.read("gold/kpi_post_cohorts")

    def counts_at_age(self) -> pl.DataFrame:
        return self.read(
            "gold/fct_post_counts_at_age", ("post_id", "age_hours", "engagements", "reach", "views", "impressions")
        )

    def growing(self) -> pl.DataFrame:
        """What was said of posts while they were young, look by look."""
        return self.read(POSTS_TAKING_OFF.key)

    def popularity_scores(self) -> pl.DataFrame:
        """What was said of young posts, scored by how they ended."""
        return self.read(POPULARITY_SCORES.key)

    def snapshots(self) -> pl.DataFrame:
        """Engagements of each post at every moment at which they were observed, and its outcome."""
        return self.read(POST_SNAPSHOTS.key, ("account_id", "post_id", "age_hours", "value"))

    def activity(self) -> pl.DataFrame:
        return self.read("gold/kpi_audience_activity")

    def posting_times(self) -> pl.DataFrame:
        return self.read("gold/kpi_posting_times")

    def availability(self) -> pl.DataFrame:
        """What the networks sent of each count, week by week: what explains a figure that is not there."""
        return self.read(
            "gold/metric_availability",
            (
                "account_id",
                "network",
                "grain",
                "metric",
                "expected",
                "received",
                "state",
                "is_network_wide",
                "since",
                "week",
            ),
        )

    # --- alerts and trends ------------------------------------------------------------------------------------------------

    def watched_streams(self) -> pl.DataFrame:
        """What is watched for alerts, and from when on there is enough to judge by."""
        return self.read(WATCHED_STREAMS.key)

    def alerts(self) -> pl.DataFrame:
        """Every alert that was told; a table without rows where none was."""
        alerts = self.read(ALERTS.key)
        return ALERTS.schema.to_frame() if alerts.is_empty() else alerts

    def alert_bins(self, alert_id: str) -> pl.DataFrame:
        """The stream around an alert, oldest first."""
        return self.read(ALERT_BINS.key).filter(pl.col("alert_id") == alert_id).sort("starts_at")

    def posts_below(self, comment_ids: Collection[str]) -> pl.DataFrame:
        """`post_id` and `comments_meant`: below which posts these comments stand, most first."""
        moods = self.lake.scan(COMMENT_MOODS, scope=TenantScope.of(self.client_id))
        meant = moods.filter(pl.col("comment_id").is_in(list(comment_ids))).select("post_id").collect()
        return (
            meant.group_by("post_id")
            .agg(pl.len().alias("comments_meant"))
            .sort("comments_meant", "post_id", descending=[True, False])
        )

    def trends(self) -> pl.DataFrame:
        return self.read(TRENDS.key)

    # --- learning and decisions ------------------------------------------------------------------------------------------

    def kpi_forecasts(self) -> pl.DataFrame:
        """What was said on each day of the followers, reach and engagements of the days after it."""
        return self.read(
            KPI_FORECASTS.key,
            (
                "scope",
                "scope_id",
                "metric",
                "as_of_day",
                "target_day",
                *("median", "lower", "upper"),
                *("total_median", "total_lower", "total_upper"),
                "interval_level",
                "method",
                "day",
            ),
        )

    def calibration(self) -> pl.DataFrame:
        return self.read(CALIBRATION.key)

    def model_watch(self) -> pl.DataFrame:
        """Evidence against the champions by this client's posts, day by day."""
        watch = self.read(MODEL_WATCH.key)
        return pl.DataFrame(schema=MODEL_WATCH.schema) if watch.is_empty() else watch.sort("day")

    def model_versions(self) -> pl.DataFrame:
        """Every round of training, newest first. Shared: one model serves all clients."""
        versions = self.read(MODEL_VERSIONS.key)
        return versions if versions.is_empty() else versions.sort("trained_at", descending=True)

    def hour_effects(self) -> pl.DataFrame:
        """What each hour of the client's day is worth to each of its accounts."""
        return self.read(HOUR_EFFECTS.key)

    def posting_time_lift(self) -> pl.DataFrame:
        """What recommended slots promised and brought: one row, none before a post at such a slot has matured."""
        return self.read(POSTING_TIME_LIFT.key)

    def slot_gains(self) -> dict[str, float]:
        """Predicted gain of the newest slot decision per content item."""
        slots = self.read(POST_SCHEDULE.key, ("content_item_id", "predicted_gain", "decided_at"))
        if slots.is_empty():
            return {}
        newest = slots.sort("decided_at").group_by("content_item_id").last().drop_nulls("predicted_gain")
        return dict(newest.select("content_item_id", "predicted_gain").iter_rows())

    def comment(self, comment_id: str) -> str | None:
        """What a member of the audience wrote, for whoever approves the answer. Read when asked for, never cached or listed."""
        words = (
            self.lake.scan(COMMENTS, scope=TenantScope.of(self.client_id))
            .filter(pl.col("comment_id") == comment_id)
            .select("text")
            .collect()
        )
        return None if words.is_empty() else str(words["text"][0])

    # --- health ------------------------------------------------------------------------------------------------------------

    def tables(self) -> pl.DataFrame:
        """Every table of the lake: `stage`, `table`, `version`, `rows` (this client's), `newest` (its newest time, if it has one).

        `rows` is null for tables that belong to no client.
        """
        sizes = []
        for key in self.lake.tables():
            stage, table = key.split("/", 1)
            spec = self.lake.declaration(key)
            is_shared = spec is not None and spec.tenant_column is None
            size = None if is_shared else self._sizes(key, time=_time_column(spec) if spec else None)
            rows, newest = (size["rows"][0], size["newest"][0]) if size is not None else (None, None)
            sizes.append((stage, table, self.lake.version(key), rows, newest))
        return pl.DataFrame(
            sizes,
            schema={
                "stage": pl.String,
                "table": pl.String,
                "version": pl.Int64,
                "rows": pl.Int64,
                "newest": pl.Datetime("us", "UTC"),
            },
            orient="row",
        )

    def freshness(self, *, now: datetime, accounts: Collection[str], rivals: Collection[str]) -> pl.DataFrame:
        """How each source of each network stands: `source`, `network`, `accounts`, `late` (of them), `there_until` and `due_at` (of the
        one that is furthest behind), `state` (`contracts.freshness.Arrival`), `cause` (`LateCause`, null when in time).

        Only of the accounts and rivals that are named, which are those that are connected and watched now.
        """
        readings = self.read(READINGS.key)
        if readings.is_empty():
            return pl.DataFrame()
        is_rivals, account = pl.col("source") == COMPETITOR_POSTS.name, pl.col("account_id")
        is_known = pl.when(is_rivals).then(account.is_in(list(rivals))).otherwise(account.is_in(list(accounts)))
        standing = arrivals(readings.filter(is_known), now=now)
        worst = pl.col("due_at").arg_min()
        return (
            standing.group_by("source", "network")
            .agg(
                pl.len().alias("accounts"),
                (pl.col("state") != Arrival.IN_TIME.value).sum().alias("late"),
                *(pl.col(name).get(worst) for name in ("there_until", "due_at", "state", "cause")),
            )
            .sort("source", "network")
        )

    def quarantined(self) -> pl.DataFrame:
        """Rows kept out of bronze: `table`, `rule`, `reason`, `rows`, `newest`, most first."""
        frames = []
        for key in self.lake.tables():
            stage, table = key.split("/", 1)
            if not table.startswith("quarantined_"):
                continue
            sizes = self._sizes(key, by=("rule", "reason"), time="quarantined_at")
            if sizes is not None and not sizes.is_empty():
                source = pl.lit(f"{stage}/{table.removeprefix('quarantined_')}").alias("table")
                frames.append(sizes.select(source, "rule", "reason", "rows", "newest"))
        return pl.concat(frames).sort("rows", descending=True) if frames else pl.DataFrame()

    def newest_observation(self) -> datetime | None:
        """When this client's accounts were last read."""
        accounts = self.accounts()
        return None if accounts.is_empty() else accounts["followers_observed_at"].max()  # type: ignore[return-value]

    def _sizes(self, table: str, *, by: tuple[str, ...] = (), time: str | None) -> pl.DataFrame | None:
        version = self.lake.version(table)
        return None if version is None else _sizes(self.lake, self.lake.root, table, version, self.client_id, by, time)


def _time_column(spec: TableSpec) -> str | None:
    """The column that says when a row of this table was read or made."""
    for name in (
        "observed_at",
        "fetched_at",
        "asked_at",
        "exported_at",
        "recorded_at",
        "forecast_at",
        "decided_at",
        "computed_at",
    ):
        if name in spec.schema:
            return name
    return None
