"""Jobs: the selections that a schedule, an operator or the main job runs as one."""

import dagster as dg

DAILY_LOOP = "daily_loop"
OBSERVE = "observe"
TRAIN = "train_engagement"
PUBLISH = "publish_due"

_SEND = {"ops": {"sent_actions": {"config": {"send": True}}}}
_NEVER_RETRIED = {"dagster/max_retries": "0"}

daily_loop = dg.define_asset_job(
    DAILY_LOOP,
    selection=dg.AssetSelection.all() - dg.AssetSelection.groups("actions") - dg.AssetSelection.assets("models/engagement_model"),
    description="One business day: observe the networks, rebuild gold and features, learn from outcomes, decide about tomorrow.",
)

observe = dg.define_asset_job(
    OBSERVE,
    selection=dg.AssetSelection.assets("bronze/accounts", "bronze/posts", "bronze/post_metrics", "bronze/comments"),
    description="Young posts and new comments, observed again. What follows from them is automation's work.",
)

train_engagement = dg.define_asset_job(
    TRAIN,
    selection=dg.AssetSelection.assets("models/engagement_model"),
    description="Train a challenger on matured posts; it becomes champion only if it is better.",
)

publish_due = dg.define_asset_job(
    PUBLISH,
    selection=dg.AssetSelection.groups("actions"),
    config=_SEND,
    tags=_NEVER_RETRIED,
    description="Drain the outbox. The only job that makes anything visible; Dagster never retries it, the outbox knows better.",
)

ALL_JOBS = [daily_loop, observe, train_engagement, publish_due]
