"""Declared schemas of the lake's tables: the one place that says what a table's columns are.

Gold tables are declared by dbt contracts instead (`dbt_project/models`), because dbt defines them.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import polars as pl

from contracts.networks import ContentFormat

UTC = pl.Datetime("us", "UTC")


class TableKind(StrEnum):
    """How a table's past may be rewritten."""

    REPORTED = "reported"
    """The network serves past days: a partition is the event's day and may be fetched again."""
    OBSERVED = "observed"
    """The network serves only what is now: a partition is the day of observation; a rerun replays the kept payloads."""
    DERIVED = "derived"
    """Computed from other tables: a partition may be recomputed at any time."""


@dataclass(frozen=True)
class TableSpec:
    """A table's name, columns, key and partitioning.

    `keys` identify a row (merge key, uniqueness). `partition_by` is `day` for all but state tables.
    `tenant_column` is None only for shared records, with the reason in `shared_because`.
    `personal` names columns that hold an audience member's identity or words: kept out of previews, logs and features.
    """

    stage: str
    name: str
    kind: TableKind
    schema: pl.Schema
    keys: tuple[str, ...]
    description: str
    partition_by: str | None = "day"
    tenant_column: str | None = "client_id"
    shared_because: str | None = None
    personal: tuple[str, ...] = field(default=())

    @property
    def key(self) -> str:
        """`stage/name`: asset key, and folder under the lake."""
        return f"{self.stage}/{self.name}"

    def quarantine(self) -> "TableSpec":
        """The table of rows that failed a rule at the boundary: the same columns, plus rule, reason and time."""
        columns: dict[str, Any] = {**self.schema, "rule": pl.String, "reason": pl.String, "quarantined_at": UTC}
        return TableSpec(
            stage=self.stage,
            name=f"quarantined_{self.name}",
            kind=self.kind,
            schema=pl.Schema(columns),
            keys=(*self.keys, "rule"),
            description=f"Rows kept out of `{self.key}`, with the rule that each broke.",
            partition_by=self.partition_by,
            tenant_column=self.tenant_column,
            shared_because=self.shared_because,
            personal=self.personal,
        )


def _spec(
    stage: str, name: str, kind: TableKind, keys: tuple[str, ...], description: str, columns: dict[str, Any], **kw: Any
) -> TableSpec:
    return TableSpec(stage, name, kind, pl.Schema(columns), keys, description, **kw)


CLIENTS = _spec(
    "bronze",
    "clients",
    TableKind.REPORTED,
    ("client_id",),
    "Clients as the operational store has them. Grain: client. Read by silver.",
    {
        "client_id": pl.String,
        "name": pl.String,
        "time_zone": pl.String,
        "language": pl.String,
        "autonomy": pl.String,
        "is_active": pl.Boolean,
        "exported_at": UTC,
    },
    partition_by=None,
)

ACCOUNTS = _spec(
    "bronze",
    "accounts",
    TableKind.OBSERVED,
    ("account_id", "observed_at"),
    "Account profiles and follower counts as observed. Grain: account x observation. Read by silver.",
    {
        "account_id": pl.String,
        "client_id": pl.String,
        "network": pl.String,
        "native_id": pl.String,
        "handle": pl.String,
        "display_name": pl.String,
        "followers": pl.Int64,
        "following": pl.Int64,
        "posts_count": pl.Int64,
        "observed_at": UTC,
        "raw": pl.String,
        "day": pl.Date,
    },
)

ACCOUNT_METRICS = _spec(
    "bronze",
    "account_metrics",
    TableKind.REPORTED,
    ("account_id", "metric", "day"),
    "Daily account metrics as the network reports them. Grain: account x metric x day (the network's own day). Read by silver.",
    {
        "account_id": pl.String,
        "client_id": pl.String,
        "network": pl.String,
        "metric": pl.String,
        "value": pl.Int64,
        "fetched_at": UTC,
        "raw": pl.String,
        "day": pl.Date,
    },
)

POSTS = _spec(
    "bronze",
    "posts",
    TableKind.OBSERVED,
    ("post_id", "observed_at"),
    "Posts as observed, one row whenever a post is new or its content changed. Grain: post x observation. Read by silver.",
    {
        "post_id": pl.String,
        "account_id": pl.String,
        "client_id": pl.String,
        "network": pl.String,
        "native_id": pl.String,
        "permalink": pl.String,
        "text": pl.String,
        "link_url": pl.String,
        "link_title": pl.String,
        "content_format": pl.String,
        "media_count": pl.Int32,
        "published_at": UTC,
        "observed_at": UTC,
        "is_reply": pl.Boolean,
        "content_sha256": pl.String,
        "raw": pl.String,
        "day": pl.Date,
    },
)

POST_METRICS = _spec(
    "bronze",
    "post_metrics",
    TableKind.OBSERVED,
    ("post_id", "metric", "observed_at"),
    "Counts of posts as observed. Grain: post x metric x observation. Read by silver.",
    {
        "post_id": pl.String,
        "account_id": pl.String,
        "client_id": pl.String,
        "network": pl.String,
        "metric": pl.String,
        "value": pl.Int64,
        "observed_at": UTC,
        "is_backfilled": pl.Boolean,
        "source": pl.String,
        "raw": pl.String,
        "day": pl.Date,
    },
)

COMMENTS = _spec(
    "bronze",
    "comments",
    TableKind.OBSERVED,
    ("comment_id",),
    "Comments and replies as first observed. Grain: comment. Read by silver and by reply drafts.",
    {
        "comment_id": pl.String,
        "post_id": pl.String,
        "account_id": pl.String,
        "client_id": pl.String,
        "network": pl.String,
        "native_id": pl.String,
        "parent_comment_id": pl.String,
        "author_native_id": pl.String,
        "author_handle": pl.String,
        "text": pl.String,
        "likes": pl.Int64,
        "commented_at": UTC,
        "observed_at": UTC,
        "is_own": pl.Boolean,
        "raw": pl.String,
        "day": pl.Date,
    },
    personal=("author_native_id", "author_handle", "text", "raw"),
)

MESSAGES = _spec(
    "bronze",
    "messages",
    TableKind.OBSERVED,
    ("message_id",),
    "That a direct message was sent, as first observed: no words and no people, which stay in the operational store. Grain: message. "
    "Read by the next reading.",
    {
        "message_id": pl.String,
        "conversation_id": pl.String,
        "account_id": pl.String,
        "client_id": pl.String,
        "network": pl.String,
        "native_id": pl.String,
        "is_own": pl.Boolean,
        "sent_at": UTC,
        "observed_at": UTC,
        "day": pl.Date,
    },
)

PILLARS = _spec(
    "bronze",
    "pillars",
    TableKind.REPORTED,
    ("client_id", "pillar_id"),
    "Themes of each client's brand kit, with the words that name them and the share of posts that is meant to be about each. Grain: "
    "pillar. Read by silver.",
    {
        "client_id": pl.String,
        "pillar_id": pl.String,
        "name": pl.String,
        "position": pl.Int32,
        "keywords": pl.List(pl.String),
        "intended_share": pl.Float64,
        "is_active": pl.Boolean,
        "exported_at": UTC,
    },
    partition_by=None,
)

GOALS = _spec(
    "bronze",
    "goals",
    TableKind.REPORTED,
    ("goal_id",),
    "What each client means to reach in a period. Grain: goal (metric x period x accounts of a client). Read by silver.",
    {
        "goal_id": pl.String,
        "client_id": pl.String,
        "metric": pl.String,
        "target": pl.Float64,
        "first_day": pl.Date,
        "last_day": pl.Date,
        "network": pl.String,
        "account_id": pl.String,
        "is_active": pl.Boolean,
        "exported_at": UTC,
    },
    partition_by=None,
)

COMPETITORS = _spec(
    "bronze",
    "competitors",
    TableKind.REPORTED,
    ("client_id", "competitor_id"),
    "Which client watches which rival. Grain: client x competitor. Read by silver and the spider.",
    {
        "client_id": pl.String,
        "competitor_id": pl.String,
        "network": pl.String,
        "handle": pl.String,
        "profile_url": pl.String,
        "exported_at": UTC,
    },
    partition_by=None,
)

COMPETITOR_POSTS = _spec(
    "bronze",
    "competitor_posts",
    TableKind.OBSERVED,
    ("competitor_post_id", "observed_at"),
    "Rivals' public posts as their public pages show them. Grain: post x observation. Read by silver.",
    {
        "competitor_post_id": pl.String,
        "competitor_id": pl.String,
        "network": pl.String,
        "handle": pl.String,
        "permalink": pl.String,
        "text": pl.String,
        "published_at": UTC,
        "likes": pl.Int64,
        "comments": pl.Int64,
        "followers": pl.Int64,
        "observed_at": UTC,
        "raw": pl.String,
        "day": pl.Date,
    },
    tenant_column=None,
    shared_because="a rival's public post belongs to no client; bronze/competitors links it to its watchers",
)

ACTION_LEDGER = _spec(
    "bronze",
    "action_ledger",
    TableKind.REPORTED,
    ("ledger_id",),
    "What Pulso did, exported from the outbox. Grain: action; partition: day of the last change. Read by silver.",
    {
        "ledger_id": pl.String,
        "client_id": pl.String,
        "account_id": pl.String,
        "network": pl.String,
        "action": pl.String,
        "content_item_id": pl.String,
        "revision": pl.Int32,
        "occurrence": pl.Int32,
        "state": pl.String,
        "reason": pl.String,
        "post_id": pl.String,
        "permalink": pl.String,
        "scheduled_at": UTC,
        "published_at": UTC,
        "commit_calls": pl.Int32,
        "approved_by": pl.String,
        "approved_at": UTC,
        "text_sha256": pl.String,
        "decision_ids": pl.List(pl.String),
        "pillar_id": pl.String,
        "recorded_at": UTC,
        "day": pl.Date,
    },
)

FORECASTS = _spec(
    "bronze",
    "forecasts",
    TableKind.REPORTED,
    ("forecast_id",),
    "Forecasts made before publication, collected from yesterday's decisions and shadow forecasts through the lake. "
    "Grain: forecast of one post by one model version. Read by silver.",
    {
        "forecast_id": pl.String,
        "client_id": pl.String,
        "account_id": pl.String,
        "post_id": pl.String,
        "content_item_id": pl.String,
        "origin": pl.String,
        "expected_log_engagement": pl.Float64,
        "lower_log_engagement": pl.Float64,
        "upper_log_engagement": pl.Float64,
        "interval_level": pl.Float64,
        "interval_multiplier": pl.Float64,
        "percentile": pl.Float64,
        "model_name": pl.String,
        "model_version": pl.String,
        "forecast_at": UTC,
        "day": pl.Date,
    },
)

IMPORTS = _spec(
    "bronze",
    "imports",
    TableKind.REPORTED,
    ("import_id",),
    "Tables of past posts that a person brought: what was used, what was not and why. Grain: import. Read by people.",
    {
        "import_id": pl.String,
        "client_id": pl.String,
        "file_name": pl.String,
        "file_sha256": pl.String,
        "rows": pl.Int64,
        "used_rows": pl.Int64,
        "rejected_rows": pl.Int64,
        "report": pl.String,
        "imported_at": UTC,
    },
    partition_by=None,
)

QUARANTINED_IMPORTS = _spec(
    "bronze",
    "quarantined_imports",
    TableKind.REPORTED,
    ("file_sha256", "source_row"),
    "Rows of brought tables that could not be read as posts, with the reason. Grain: row of a file. Read by people.",
    {
        "file_sha256": pl.String,
        "file_name": pl.String,
        "source_row": pl.Int64,
        "reason": pl.String,
        "raw": pl.String,
        "quarantined_at": UTC,
    },
    partition_by=None,
    tenant_column=None,
    shared_because="a row without a readable account belongs to no known client",
    personal=("raw",),
)

READINGS = _spec(
    "bronze",
    "readings",
    TableKind.OBSERVED,
    ("source", "client_id", "account_id"),
    "When each account was last asked, answered and brought what it owed, by source. Grain: source x account, own or a rival's (one row "
    "for each client that watches it). Written by every reading; read by the checks `in_time` and the Data health page.",
    {
        "source": pl.String,
        "client_id": pl.String,
        "network": pl.String,
        "account_id": pl.String,
        "first_asked_at": UTC,
        "asked_at": UTC,
        "answered_at": UTC,
        "brought_at": UTC,
        "newest_day": pl.Date,
        "error_class": pl.String,
    },
    partition_by="source",
)

READING_DAYS = _spec(
    "bronze",
    "reading_days",
    TableKind.OBSERVED,
    ("source", "client_id", "account_id", "outcome", "day"),
    "How often each account was asked on a day and what came of it, by source: `answered`, or the class of the error. Grain: source x "
    "account x outcome x day (UTC). Counted from bronze/readings after each reading. Read by silver.",
    {
        "source": pl.String,
        "client_id": pl.String,
        "network": pl.String,
        "account_id": pl.String,
        "outcome": pl.String,
        "readings": pl.Int64,
        "last_asked_at": UTC,
        "day": pl.Date,
    },
)

QUEUE_DEPTHS = _spec(
    "bronze",
    "queue_depths",
    TableKind.OBSERVED,
    ("client_id", "network", "day"),
    "What the outbox held when it was last looked at on a day. Grain: client x network with an account x day (UTC). Read by silver.",
    {
        "client_id": pl.String,
        "network": pl.String,
        "waiting": pl.Int64,
        "overdue": pl.Int64,
        "parked": pl.Int64,
        "observed_at": UTC,
        "day": pl.Date,
    },
)

_ACCOUNT_LEVEL = {
    "history_median_10": pl.Float64,
    "history_median_30": pl.Float64,
    "history_median_100": pl.Float64,
    "history_mean_10": pl.Float64,
    "history_mean_100": pl.Float64,
    "history_std_30": pl.Float64,
    "history_trend": pl.Float64,
    "history_residual_scale": pl.Float64,
}
"""What an account's past says of any post of it: of a post's features and of the account's history alike."""

POST_FEATURES = _spec(
    "features",
    "post_features",
    TableKind.DERIVED,
    ("post_id",),
    "Features of each post, known at its publication, from the matured past alone. Grain: post. Read by models.",
    {
        "post_id": pl.String,
        "account_id": pl.String,
        "client_id": pl.String,
        "network": pl.String,
        "published_at": UTC,
        "content_format": pl.String,
        "text": pl.String,
        "link_words": pl.String,
        "media_count": pl.Int32,
        "local_hour": pl.Int32,
        "local_weekday": pl.Int32,
        "text_length": pl.Int32,
        "word_count": pl.Int32,
        "hashtag_count": pl.Int32,
        "mention_count": pl.Int32,
        "has_link": pl.Boolean,
        "has_question": pl.Boolean,
        "exclamation_count": pl.Int32,
        "emoji_count": pl.Int32,
        "uppercase_ratio": pl.Float64,
        "digit_count": pl.Int32,
        "line_count": pl.Int32,
        "days_since_first_post": pl.Float64,
        "hours_since_previous_post": pl.Float64,
        "posts_last_7d": pl.Int32,
        "history_count": pl.Int32,
        **_ACCOUNT_LEVEL,
        "history_format_effect": pl.Float64,
        "history_hour_effect": pl.Float64,
        "history_weekday_effect": pl.Float64,
        "history_text_effect": pl.Float64,
        "history_text_nearest": pl.Float64,
        "log_followers": pl.Float64,
        "features_known_at": UTC,
        "log_engagement": pl.Float64,
        "label_known_at": UTC,
        "is_label_mature": pl.Boolean,
    },
    partition_by=None,
)

ACCOUNT_HISTORIES = _spec(
    "features",
    "account_histories",
    TableKind.DERIVED,
    ("account_id", "known_at"),
    "What is known of each account's engagement from a moment on, until the next row. Grain: account x moment at which something "
    "became known. Read by the feature store.",
    {
        "account_id": pl.String,
        "client_id": pl.String,
        "network": pl.String,
        "changed_at": UTC,
        "known_at": UTC,
        "matured_posts": pl.Int32,
        **_ACCOUNT_LEVEL,
        "log_followers": pl.Float64,
        **{f"format_effect_{content_format}": pl.Float64 for content_format in ContentFormat},
        **{f"hour_effect_{hour:02}": pl.Float64 for hour in range(0, 24, 4)},
        **{f"weekday_effect_{weekday}": pl.Float64 for weekday in range(7)},
    },
    partition_by=None,
)

TEXT_EMBEDDINGS = _spec(
    "features",
    "text_embeddings",
    TableKind.DERIVED,
    ("client_id", "text_sha256", "encoder_version"),
    "Vectors of the texts of posts, so that none is encoded twice. Grain: client x text x encoder version. Read by models.",
    {
        "client_id": pl.String,
        "text_sha256": pl.String,
        "encoder_version": pl.String,
        "vector": pl.List(pl.Float32),
    },
    partition_by=None,
)

TEXT_LABELS = _spec(
    "features",
    "text_labels",
    TableKind.DERIVED,
    ("client_id", "text_sha256", "labelled_by"),
    "Sentiment and offensiveness of what the audience wrote, each with its confidence and who said so: the classifier of English, or a "
    "lexicon. No text is labelled twice; the words stay in bronze. Grain: client x text x labeller version. Read by comment moods and reply "
    "drafts.",
    {
        "client_id": pl.String,
        "text_sha256": pl.String,
        "sentiment": pl.String,
        "sentiment_confidence": pl.Float64,
        "is_sentiment_sure": pl.Boolean,
        "is_offensive": pl.Boolean,
        "offensive_confidence": pl.Float64,
        "is_offensive_sure": pl.Boolean,
        "labelled_by": pl.String,
    },
    partition_by=None,
)

COMMENT_MOODS = _spec(
    "features",
    "comment_moods",
    TableKind.DERIVED,
    ("comment_id",),
    "How each comment of the audience reads: negative, neutral or positive, how surely, and who said so. The words stay in bronze. Grain: "
    "comment; partition: day on which it was first observed. Read by alerts.",
    {
        "comment_id": pl.String,
        "client_id": pl.String,
        "account_id": pl.String,
        "network": pl.String,
        "post_id": pl.String,
        "mood": pl.String,
        "mood_confidence": pl.Float64,
        "labelled_by": pl.String,
        "commented_at": UTC,
        "day": pl.Date,
    },
)

POST_SNAPSHOTS = _spec(
    "features",
    "post_snapshots",
    TableKind.DERIVED,
    ("post_id", "observed_at"),
    "How each post grew: its engagements at every moment at which they were observed while it was young, and its outcome; replies and "
    "backfilled posts left out. Grain: post x observation. Read by the popularity model, decisions and the page Post growth.",
    {
        "post_id": pl.String,
        "account_id": pl.String,
        "client_id": pl.String,
        "network": pl.String,
        "published_at": UTC,
        "observed_at": UTC,
        "age_hours": pl.Float64,
        "value": pl.Float64,
        "day": pl.Date,
    },
)

SHADOW_FORECASTS = _spec(
    "models",
    "shadow_forecasts",
    TableKind.DERIVED,
    ("post_id", "model_version"),
    "What the champion would have said before publication of posts that Pulso did not publish. Grain: post x model version. "
    "Read by bronze/forecasts the next day.",
    {
        "post_id": pl.String,
        "account_id": pl.String,
        "client_id": pl.String,
        "expected_log_engagement": pl.Float64,
        "lower_log_engagement": pl.Float64,
        "upper_log_engagement": pl.Float64,
        "interval_level": pl.Float64,
        "percentile": pl.Float64,
        "model_name": pl.String,
        "model_version": pl.String,
        "forecast_at": UTC,
    },
    partition_by=None,
)

HOUR_EFFECTS = _spec(
    "models",
    "hour_effects",
    TableKind.DERIVED,
    ("account_id", "local_hour"),
    "What publishing at a local hour is worth against the account's own usual mix of hours: doubly robust, pooled with its network and "
    "time zone, log units. Grain: account x hour of the client's day. Read by the schedule, the learning stage, the app.",
    {
        "client_id": pl.String,
        "account_id": pl.String,
        "network": pl.String,
        "time_zone": pl.String,
        "local_hour": pl.Int32,
        "posts": pl.Int64,
        "overlap": pl.Float64,
        "effect": pl.Float64,
        "standard_error": pl.Float64,
        "cautious_effect": pl.Float64,
        "computed_at": UTC,
    },
    partition_by=None,
)

KPI_FORECASTS = _spec(
    "models",
    "kpi_forecasts",
    TableKind.DERIVED,
    ("client_id", "scope", "scope_id", "metric", "target_day", "day"),
    "Followers, reach and engagements of the days to come: of each account, of a client's accounts on a network, and of all of them (`scope`: "
    "account, network or client), with the interval and what each method erred in the past. Totals are of all days since `as_of_day`; `review` "
    "(JSON, with the first day ahead) is what the next refresh has to know of the last day on which all methods were asked. "
    "Grain: scope x metric x day ahead x day made (`day`, UTC). What was said is kept, to be scored. Read by the pages Goals, Overview and "
    "Forecast scoreboard.",
    {
        "client_id": pl.String,
        "scope": pl.String,
        "scope_id": pl.String,
        "metric": pl.String,
        "as_of_day": pl.Date,
        "target_day": pl.Date,
        "median": pl.Float64,
        "lower": pl.Float64,
        "upper": pl.Float64,
        "total_median": pl.Float64,
        "total_lower": pl.Float64,
        "total_upper": pl.Float64,
        "interval_level": pl.Float64,
        "method": pl.String,
        "backtest_error": pl.Float64,
        "backtest_errors": pl.String,
        "backtest_origins": pl.Int64,
        "total_method": pl.String,
        "review": pl.String,
        "forecast_at": UTC,
        "day": pl.Date,
    },
)

CALIBRATION = _spec(
    "learning",
    "interval_calibration",
    TableKind.DERIVED,
    ("client_id",),
    "How much wider or narrower a client's forecast intervals must be, learned from scored forecasts. Grain: client. "
    "Read by decisions.",
    {
        "client_id": pl.String,
        "scored_forecasts": pl.Int64,
        "coverage_ratio": pl.Float64,
        "coverage_low": pl.Float64,
        "coverage_high": pl.Float64,
        "rank_correlation": pl.Float64,
        "rank_correlation_low": pl.Float64,
        "rank_correlation_high": pl.Float64,
        "mean_absolute_error": pl.Float64,
        "bias": pl.Float64,
        "interval_multiplier": pl.Float64,
        "computed_at": UTC,
    },
    partition_by=None,
)

POSTING_TIME_LIFT = _spec(
    "learning",
    "posting_time_lift",
    TableKind.DERIVED,
    ("client_id",),
    "What recommended slots promised and brought against slots drawn evenly from those that were possible, from matured posts; .1 means "
    "10 % more engagement, null until enough drawn posts have matured. Grain: client. Read by the app.",
    {
        "client_id": pl.String,
        "posts": pl.Int64,
        "holdout_posts": pl.Int64,
        "promised_lift": pl.Float64,
        "realised_lift": pl.Float64,
        "realised_low": pl.Float64,
        "realised_high": pl.Float64,
        "computed_at": UTC,
    },
    partition_by=None,
)

MODEL_WATCH = _spec(
    "learning",
    "model_watch",
    TableKind.DERIVED,
    ("client_id", "model_name", "model_version", "day"),
    "Evidence that a champion no longer holds for a client, from its scored forecasts: 20 is reached by chance in one case of twenty. "
    "Grain: client x model version x day (UTC). Read by the app and analysts.",
    {
        "client_id": pl.String,
        "model_name": pl.String,
        "model_version": pl.String,
        "day": pl.Date,
        "scored_forecasts": pl.Int64,
        "drift_evidence": pl.Float64,
        "decay_evidence": pl.Float64,
        "computed_at": UTC,
    },
    partition_by=None,
)

WATCHED_STREAMS = _spec(
    "learning",
    "watched_streams",
    TableKind.DERIVED,
    ("client_id", "account_id", "measure"),
    "What is watched for alerts: the comments of each account hour by hour, its reach, engagements and followers day by day, and from when "
    "on there is enough to judge by. Grain: client x account x measure. Read by the app.",
    {
        "client_id": pl.String,
        "account_id": pl.String,
        "network": pl.String,
        "measure": pl.String,
        "known_from": UTC,
        "known_until": UTC,
        "judged_from": UTC,
    },
    partition_by=None,
)

ALERTS = _spec(
    "learning",
    "alerts",
    TableKind.DERIVED,
    ("alert_id",),
    "What somebody should be told: far more comments than usual, far more negative ones, or a day's figure far off, each once, with its "
    "evidence and within the client's budget. Nobody's words are in it, only ids of comments. Grain: alert. Read by the app and by the "
    "check `nothing_severe`.",
    {
        "alert_id": pl.String,
        "client_id": pl.String,
        "account_id": pl.String,
        "network": pl.String,
        "kind": pl.String,
        "measure": pl.String,
        "severity": pl.String,
        "started_at": UTC,
        "raised_at": UTC,
        "ended_at": UTC,
        "seen": pl.Int64,
        "expected": pl.Float64,
        "seen_of": pl.Int64,
        "window_seconds": pl.Int64,
        "surprise": pl.Float64,
        "threshold": pl.Float64,
        "weeks_between": pl.Float64,
        "compared_days": pl.Float64,
        "season": pl.String,
        "comment_ids": pl.List(pl.String),
        "told_at": UTC,
    },
    partition_by=None,
)

ALERT_BINS = _spec(
    "learning",
    "alert_bins",
    TableKind.DERIVED,
    ("alert_id", "starts_at"),
    "The stream around each alert, as a picture of it: what came, what was expected and how far the usual reaches. Grain: alert x hour, or "
    "x day for a day's figures. Read by the app.",
    {
        "alert_id": pl.String,
        "client_id": pl.String,
        "starts_at": UTC,
        "seen": pl.Int64,
        "seen_of": pl.Int64,
        "expected": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
    },
    partition_by=None,
)

TRENDS = _spec(
    "learning",
    "trends",
    TableKind.DERIVED,
    ("client_id", "term", "day"),
    "Hashtags that rise, peak or decline among a client's and its rivals' posts, as judged at the beginning of the day: how far along, how "
    "much, who uses them and how near they are to what the client writes. Grain: client x hashtag x day. Read by the app.",
    {
        "client_id": pl.String,
        "term": pl.String,
        "stage": pl.String,
        "probability": pl.Float64,
        "growth": pl.Float64,
        "posts": pl.Int64,
        "expected_posts": pl.Float64,
        "window_days": pl.Int64,
        "since": pl.Date,
        "peak_growth": pl.Float64,
        "peak_day": pl.Date,
        "last_seen_day": pl.Date,
        "sources": pl.Int64,
        "own_posts": pl.Int64,
        "rival_posts": pl.Int64,
        "post_ids": pl.List(pl.String),
        "daily_posts": pl.List(pl.Int64),
        "relevance": pl.Float64,
        "similarity": pl.Float64,
        "shared_words": pl.List(pl.String),
        "judged_at": UTC,
        "day": pl.Date,
    },
)

MODEL_VERSIONS = _spec(
    "learning",
    "model_versions",
    TableKind.DERIVED,
    ("model_name", "model_version"),
    "Every training round as the model registry has it now: its figures on held-out posts, what the gate said, what became of it. "
    "Grain: version. Read by the app.",
    {
        "model_name": pl.String,
        "model_version": pl.String,
        "run_id": pl.String,
        "kind": pl.String,
        "trained_at": UTC,
        "state": pl.String,
        "reasons": pl.String,
        "withdrawn_because": pl.String,
        "held_out_posts": pl.Int64,
        "mean_absolute_error": pl.Float64,
        "rank_correlation": pl.Float64,
        "baseline": pl.String,
        "baseline_mean_absolute_error": pl.Float64,
        "baseline_rank_correlation": pl.Float64,
        "coverage_ratio": pl.Float64,
        "model_card": pl.String,
        "computed_at": UTC,
    },
    partition_by=None,
    tenant_column=None,
    shared_because="one model learns from all clients' posts; no figure of a round is any one client's",
)

POPULARITY_SCORES = _spec(
    "learning",
    "popularity_scores",
    TableKind.DERIVED,
    ("client_id", "model_version", "compared_at_hours"),
    "What forecasts of growing posts were worth once the posts were final: coverage, error in log units, and how many of those that were told "
    "about came true. Grain: client x model version x age of the posts. Read by the Forecast scoreboard.",
    {
        "client_id": pl.String,
        "model_version": pl.String,
        "compared_at_hours": pl.Float64,
        "scored_forecasts": pl.Int64,
        "interval_level": pl.Float64,
        "coverage_ratio": pl.Float64,
        "mean_absolute_error": pl.Float64,
        "bias": pl.Float64,
        "told_posts": pl.Int64,
        "told_came_true": pl.Int64,
        "computed_at": UTC,
    },
    partition_by=None,
)

_DECISION_COLUMNS = {
    "decision_id": pl.String,
    "client_id": pl.String,
    "account_id": pl.String,
    "chosen": pl.String,
    "candidates": pl.String,
    "propensity": pl.Float64,
    "is_exploration": pl.Boolean,
    "seed": pl.Int64,
    "model_version": pl.String,
    "prompt_version": pl.String,
    "policy_version": pl.String,
    "decided_at": UTC,
    "day": pl.Date,
}

CONTENT_IDEAS = _spec(
    "decisions",
    "content_ideas",
    TableKind.DERIVED,
    ("decision_id",),
    "Which pillar, fact and format to write about next, with every alternative that stood beside it. Grain: idea. Read by drafts.",
    {
        "idea_id": pl.String,
        "network": pl.String,
        "pillar_id": pl.String,
        "fact_ids": pl.List(pl.String),
        "angle": pl.String,
        "content_format": pl.String,
        "reason": pl.String,
        **_DECISION_COLUMNS,
    },
)

CONTENT_DRAFTS = _spec(
    "decisions",
    "content_drafts",
    TableKind.DERIVED,
    ("content_item_id", "revision"),
    "Drafts with their forecast and guardrail verdict. Grain: content item x revision. Read by the schedule, the store, trace.",
    {
        "content_item_id": pl.String,
        "revision": pl.Int32,
        "idea_id": pl.String,
        "network": pl.String,
        "text": pl.String,
        "content_format": pl.String,
        "language": pl.String,
        "pillar_id": pl.String,
        "fact_ids": pl.List(pl.String),
        "is_allowed": pl.Boolean,
        "violations": pl.String,
        "expected_log_engagement": pl.Float64,
        "lower_log_engagement": pl.Float64,
        "upper_log_engagement": pl.Float64,
        "interval_level": pl.Float64,
        "percentile": pl.Float64,
        "model_name": pl.String,
        "feature_row": pl.String,
        **_DECISION_COLUMNS,
    },
)

POST_SCHEDULE = _spec(
    "decisions",
    "post_schedule",
    TableKind.DERIVED,
    ("content_item_id", "day"),
    "The slot chosen for each draft and the predicted gain. Grain: content item x planning day. Read by the store, the calendar.",
    {
        "content_item_id": pl.String,
        "network": pl.String,
        "scheduled_at": UTC,
        "predicted_gain": pl.Float64,
        **_DECISION_COLUMNS,
    },
)

REPLY_DRAFTS = _spec(
    "decisions",
    "reply_drafts",
    TableKind.DERIVED,
    ("content_item_id",),
    "Drafted answers to comments. `model_version`: who read the comment's sentiment. Grain: comment. Read by the store.",
    {
        "content_item_id": pl.String,
        "comment_id": pl.String,
        "post_id": pl.String,
        "network": pl.String,
        "intent": pl.String,
        "sentiment": pl.String,
        "sentiment_confidence": pl.Float64,
        "is_offensive": pl.Boolean,
        "urgency": pl.String,
        "confidence": pl.Float64,
        "needs_person": pl.Boolean,
        "reason": pl.String,
        "text": pl.String,
        **_DECISION_COLUMNS,
    },
    personal=("text",),
)

POSTS_TAKING_OFF = _spec(
    "decisions",
    "posts_taking_off",
    TableKind.DERIVED,
    ("post_id", "compared_at_hours"),
    "What each post's first hours say about its final count, beside what is usual for its account and what was forecast before "
    "publication, and whether it is taking off. Grain: post x age at which past posts are compared (the newest look near to it). Read by "
    "the pages Overview and Post growth.",
    {
        "post_id": pl.String,
        "account_id": pl.String,
        "client_id": pl.String,
        "network": pl.String,
        "published_at": UTC,
        "compared_at_hours": pl.Float64,
        "age_hours": pl.Float64,
        "observed_at": UTC,
        "engagements": pl.Float64,
        "expected_engagements": pl.Float64,
        "curve_engagements": pl.Float64,
        "lower_engagements": pl.Float64,
        "upper_engagements": pl.Float64,
        "interval_level": pl.Float64,
        "usual_engagements": pl.Float64,
        "threshold_engagements": pl.Float64,
        "probability_top": pl.Float64,
        "forecast_engagements": pl.Float64,
        "forecast_lower_engagements": pl.Float64,
        "forecast_upper_engagements": pl.Float64,
        "is_taking_off": pl.Boolean,
        "told_at": UTC,
        "told_probability": pl.Float64,
        "reason": pl.String,
        "model_kind": pl.String,
        "model_name": pl.String,
        "model_version": pl.String,
        "forecast_at": UTC,
        "day": pl.Date,
    },
)

PUBLISHED_POSTS = _spec(
    "actions",
    "published_posts",
    TableKind.DERIVED,
    ("ledger_id",),
    "Posts that Pulso published or tried to, on the day it did. Grain: outbox intent. Read by people; bronze reads the store.",
    dict(ACTION_LEDGER.schema),
)

SENT_REPLIES = _spec(
    "actions",
    "sent_replies",
    TableKind.DERIVED,
    ("ledger_id",),
    "Replies that Pulso sent or tried to, on the day it did. Grain: outbox intent. Read by people; bronze reads the store.",
    dict(ACTION_LEDGER.schema),
)

ALL_TABLES: tuple[TableSpec, ...] = (
    CLIENTS,
    ACCOUNTS,
    ACCOUNT_METRICS,
    POSTS,
    POST_METRICS,
    COMMENTS,
    MESSAGES,
    PILLARS,
    GOALS,
    COMPETITORS,
    COMPETITOR_POSTS,
    ACTION_LEDGER,
    FORECASTS,
    IMPORTS,
    QUARANTINED_IMPORTS,
    READINGS,
    READING_DAYS,
    QUEUE_DEPTHS,
    POST_FEATURES,
    ACCOUNT_HISTORIES,
    TEXT_EMBEDDINGS,
    TEXT_LABELS,
    COMMENT_MOODS,
    POST_SNAPSHOTS,
    SHADOW_FORECASTS,
    HOUR_EFFECTS,
    KPI_FORECASTS,
    CALIBRATION,
    POSTING_TIME_LIFT,
    MODEL_WATCH,
    WATCHED_STREAMS,
    ALERTS,
    ALERT_BINS,
    TRENDS,
    MODEL_VERSIONS,
    POPULARITY_SCORES,
    CONTENT_IDEAS,
    CONTENT_DRAFTS,
    POST_SCHEDULE,
    REPLY_DRAFTS,
    POSTS_TAKING_OFF,
    PUBLISHED_POSTS,
    SENT_REPLIES,
)

IMPORTED_POSTS_COLUMNS: dict[str, pl.DataType] = {
    "network": pl.String(),
    "account_handle": pl.String(),
    "account_native_id": pl.String(),
    "account_name": pl.String(),
    "post_native_id": pl.String(),
    "permalink": pl.String(),
    "published_at": UTC,
    "text": pl.String(),
    "link_url": pl.String(),
    "link_title": pl.String(),
    "content_format": pl.String(),
    "likes": pl.Int64(),
    "comments": pl.Int64(),
    "shares": pl.Int64(),
    "saves": pl.Int64(),
    "views": pl.Int64(),
    "reach": pl.Int64(),
    "followers": pl.Int64(),
    "source_row": pl.Int64(),
}
"""Columns of a normalised table of real posts: what `platforms.exports` writes and the sandbox's replayed world serves."""
