"""The graph as a function of its resources: the same definitions with real ones, with fakes in a test, or with none to look at."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from assets.actions import sent
from assets.bronze import accounts, audience, directory, imports, ledger, operations, posts, rivals
from assets.checks.anomalies import anomaly_checks
from assets.checks.api_versions import api_versions_check
from assets.checks.deliveries import deliveries_check
from assets.checks.freshness import freshness_checks
from assets.checks.metrics import metrics_check
from assets.decisions import drafts, ideas, replies, slots, taking_off
from assets.features import accounts as account_features
from assets.features import comments as comment_features
from assets.features import posts as post_features
from assets.features import snapshots, text_embeddings, text_labels
from assets.learning import alerts, calibration, model_versions, model_watch, posting_time, trends
from assets.learning import popularity as popularity_learning
from assets.models import engagement, hour_effects, kpi_forecasts, popularity
from assets.warehouse import warehouse_assets
from orchestration.automation import automation_sensor, with_automation
from orchestration.jobs import ALL_JOBS
from orchestration.schedules import ALL_SCHEDULES
from orchestration.sensors import ALL_SENSORS

ASSET_MODULES = (
    directory,
    accounts,
    posts,
    audience,
    rivals,
    ledger,
    operations,
    imports,
    post_features,
    account_features,
    snapshots,
    text_labels,
    comment_features,
    text_embeddings,
    engagement,
    popularity,
    kpi_forecasts,
    calibration,
    model_watch,
    model_versions,
    popularity_learning,
    alerts,
    trends,
    hour_effects,
    posting_time,
    ideas,
    drafts,
    slots,
    replies,
    taking_off,
    sent,
)


def build_definitions(resources: Mapping[str, Any], *, manifest: Path) -> dg.Definitions:
    """All assets, checks, jobs, schedules, sensors and automation, bound to `resources`. Reads nothing but the compiled dbt manifest."""
    assets = [*dg.load_assets_from_modules(ASSET_MODULES), warehouse_assets(manifest)]
    return dg.Definitions(
        assets=with_automation(assets),
        asset_checks=[api_versions_check, deliveries_check, freshness_checks, anomaly_checks, metrics_check],
        resources=dict(resources),
        jobs=ALL_JOBS,
        schedules=ALL_SCHEDULES,
        sensors=[automation_sensor, *ALL_SENSORS],
        executor=dg.in_process_executor,
    )
