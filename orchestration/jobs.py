"""Jobs: the selections that a schedule, an operator or the main job runs as one."""

import dagster as dg

from assets.checks.anomalies import anomaly_checks
from assets.checks.deliveries import deliveries_check
from assets.checks.freshness import freshness_checks

REFRESH = "refresh"
DECIDE = "decide"
DAILY_LOOP = "daily_loop"
OBSERVE = "observe"
OBSERVE_NOTIFIED = "observe_notified"
BUILD_WAREHOUSE = "build_warehouse"
TRAIN = "train_engagement"
TRAIN_POPULARITY = "train_popularity"
PUBLISH = "publish_due"
IMPORT = "import_posts"
PUT_ONLINE = "put_features_online"
WATCH = "watch_sources"

_SEND = {"ops": {"sent_actions": {"config": {"send": True}}}}
_NEVER_RETRIED = {"dagster/max_retries": "0"}

_actions = dg.AssetSelection.groups("actions")
# Follows from data alone and binds nobody: it is looked at with every refresh, and not decided once a day.
_taking_off = dg.AssetSelection.assets("decisions/posts_taking_off")
_decisions = dg.AssetSelection.groups("decisions") - _taking_off
_training = dg.AssetSelection.assets("models/engagement_model")
_trained = dg.AssetSelection.assets("learning/model_versions")
_training_popularity = dg.AssetSelection.assets("models/popularity_model")
_imports = dg.AssetSelection.assets("bronze/imports")
_online = dg.AssetSelection.assets("features/online_features")
# The alarm has to sound, and to end, also while nothing is due: an account that is paused has nothing due.
_alarm = dg.AssetSelection.checks(deliveries_check)
# By themselves, because what a reading that never comes would bring along sounds no alarm.
_in_time = dg.AssetSelection.checks(freshness_checks)
# Once a day is enough for what is judged by the day.
_daily_checks = _in_time | dg.AssetSelection.checks(anomaly_checks)
_refreshed = dg.AssetSelection.all() - _actions - _decisions - _training - _training_popularity - _imports - _online

refresh = dg.define_asset_job(
    REFRESH,
    selection=_refreshed,
    description="Observe the networks, rebuild gold and features, learn from outcomes.",
)

decide = dg.define_asset_job(
    DECIDE,
    selection=_decisions,
    description="Ideas, drafts, slots and reply drafts for one business day.",
)

daily_loop = dg.define_asset_job(
    DAILY_LOOP,
    selection=_refreshed | _decisions,
    description="One business day: refresh, then decide.",
)

observe = dg.define_asset_job(
    OBSERVE,
    selection=dg.AssetSelection.assets(
        "bronze/accounts",
        "bronze/posts",
        "bronze/post_metrics",
        "bronze/comments",
        "bronze/messages",
        "bronze/reading_days",
        "bronze/queue_depths",
    )
    - _daily_checks
    | _alarm,
    description="Young posts, new comments and messages, observed again, the queue, and whether all goes out. What follows is automation's "
    "work.",
)

observe_notified = dg.define_asset_job(
    OBSERVE_NOTIFIED,
    selection=dg.AssetSelection.assets("bronze/posts", "bronze/post_metrics", "bronze/comments", "bronze/reading_days")
    - _daily_checks,
    description="What networks have called about by webhook, observed now: the accounts concerned, and only the posts named.",
)

watch_sources = dg.define_asset_job(
    WATCH,
    selection=_in_time,
    description="Is every source there in time? Asks no network; sounds also when no reading runs any more.",
)

import_posts = dg.define_asset_job(
    IMPORT,
    selection=_imports,
    description="Read a table of a client's own past posts into bronze.",
)

build_warehouse = dg.define_asset_job(
    BUILD_WAREHOUSE,
    selection=dg.AssetSelection.groups("silver", "gold"),
    description="Build silver and gold from bronze as it is, test them, publish what passed. Asks no network.",
)

train_engagement = dg.define_asset_job(
    TRAIN,
    selection=_training | _trained,
    description="Train a challenger on matured posts; it becomes champion only if it is better.",
)

train_popularity = dg.define_asset_job(
    TRAIN_POPULARITY,
    selection=_training_popularity | _trained,
    description="Learn anew what the first hours of a post say about its final count; the champion changes only for a better one.",
)

put_features_online = dg.define_asset_job(
    PUT_ONLINE,
    selection=_online,
    description="Put what is known of every account now into the online feature store. A run of its own, because it imports Feast.",
)

publish_due = dg.define_asset_job(
    PUBLISH,
    selection=_actions,
    config=_SEND,
    tags=_NEVER_RETRIED,
    description="Drain the outbox. The only job that makes anything visible; Dagster never retries it, the outbox knows better.",
)

ALL_JOBS = [
    refresh,
    decide,
    daily_loop,
    observe,
    observe_notified,
    watch_sources,
    import_posts,
    build_warehouse,
    train_engagement,
    train_popularity,
    put_features_online,
    publish_due,
]
