"""Definitions load offline and keep the promises about side effects."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from assets.checks.anomalies import anomaly_checks
from assets.checks.deliveries import deliveries_check
from assets.checks.freshness import freshness_checks
from contracts.clock import FixedClock
from contracts.ports import DrainReport
from orchestration import jobs, schedules

NOW = datetime(2026, 5, 30, 6, 20, tzinfo=UTC)
ACTIONS = [dg.AssetKey(["actions", "published_posts"]), dg.AssetKey(["actions", "sent_replies"])]


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    from orchestration.definitions import defs

    return defs


class Outbox:
    """A publisher with so much to do."""

    def __init__(self, due: int) -> None:
        self._due = due

    def due(self) -> int:
        return self._due

    def drain(self, *, limit: int = 100) -> DrainReport:
        raise AssertionError("a schedule must not send")


def tick(schedule: dg.ScheduleDefinition, **resources: Any) -> dg.RunRequest | dg.SkipReason:
    context = dg.build_schedule_context(scheduled_execution_time=NOW, resources=resources)
    result = schedule(context)
    assert isinstance(result, dg.RunRequest | dg.SkipReason)
    return result


def test_definitions_are_loadable_and_every_job_resolves(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)
    for job in jobs.ALL_JOBS:
        definitions.resolve_job_def(job.name)


def test_only_the_publishing_job_sends_and_dagster_never_retries_it(definitions: dg.Definitions) -> None:
    publishing = definitions.resolve_job_def(jobs.PUBLISH)

    assert publishing.tags["dagster/max_retries"] == "0"
    for job in jobs.ALL_JOBS:
        selected = set(definitions.resolve_job_def(job.name).asset_layer.executable_asset_keys)
        assert bool(selected & set(ACTIONS)) == (job.name == jobs.PUBLISH)


def test_side_effects_have_no_automation_and_no_retry(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for key in ACTIONS:
        assert graph.get(key).automation_condition is None
    for asset in definitions.assets or []:
        if isinstance(asset, dg.AssetsDefinition) and set(asset.keys) & set(ACTIONS):
            assert asset.op.retry_policy is None


def test_the_graph_leads_from_what_was_published_back_to_model_features_and_raw_posts(
    definitions: dg.Definitions,
) -> None:
    graph = definitions.resolve_asset_graph()
    behind = graph.get_ancestor_asset_keys(ACTIONS[0])
    stages = ("bronze/posts", "silver/int_posts", "gold/fct_posts", "features/post_features", "models/engagement_model")
    assert {dg.AssetKey(name.split("/")) for name in (*stages, "decisions/content_drafts")} <= behind
    assert dg.AssetKey(["bronze", "comments"]) in graph.get_ancestor_asset_keys(ACTIONS[1])


def test_what_follows_from_data_is_automated(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    automated = {key for key in graph.get_all_asset_keys() if graph.get(key).automation_condition is not None}
    taking_off = dg.AssetKey(["decisions", "posts_taking_off"])

    assert taking_off in automated
    assert {key.path[0] for key in automated - {taking_off}} == {"silver", "gold", "features", "learning"}


def test_online_features_are_only_made_when_somebody_asks(definitions: dg.Definitions) -> None:
    key = dg.AssetKey(["features", "online_features"])

    assert definitions.resolve_asset_graph().get(key).automation_condition is None
    selecting = {
        job.name
        for job in jobs.ALL_JOBS
        if key in definitions.resolve_job_def(job.name).asset_layer.executable_asset_keys
    }
    assert selecting == {jobs.PUT_ONLINE}


def test_schedules_and_automation_are_on_by_default(definitions: dg.Definitions) -> None:
    assert all(s.default_status is dg.DefaultScheduleStatus.RUNNING for s in schedules.ALL_SCHEDULES)
    assert all(s.default_status is dg.DefaultSensorStatus.RUNNING for s in definitions.sensors or [])


def test_publishing_skips_when_nothing_is_due() -> None:
    skipped = tick(schedules.when_something_is_due, clock=FixedClock(NOW), publisher=Outbox(0))
    requested = tick(schedules.when_something_is_due, clock=FixedClock(NOW), publisher=Outbox(3))

    assert isinstance(skipped, dg.SkipReason)
    assert isinstance(requested, dg.RunRequest)
    assert requested.partition_key == "2026-05-30"


def test_the_loop_runs_once_a_business_day_whatever_the_machine_says() -> None:
    first = tick(schedules.every_business_day, clock=FixedClock(NOW))
    again = tick(schedules.every_business_day, clock=FixedClock(NOW.replace(hour=23)))
    next_day = tick(schedules.every_business_day, clock=FixedClock(NOW.replace(day=31)))

    assert isinstance(first, dg.RunRequest)
    assert isinstance(again, dg.RunRequest)
    assert isinstance(next_day, dg.RunRequest)
    assert first.run_key == again.run_key != next_day.run_key
    assert (first.partition_key, next_day.partition_key) == ("2026-05-30", "2026-05-31")


def test_the_alarm_sounds_after_publishing_and_while_nothing_is_due(definitions: dg.Definitions) -> None:
    alarm = deliveries_check.node_def.name
    sounding = {
        job.name
        for job in jobs.ALL_JOBS
        if alarm in {node.name for node in definitions.resolve_job_def(job.name).nodes}
    }

    assert sounding == {jobs.PUBLISH, jobs.OBSERVE}


def test_lateness_is_watched_without_any_reading_and_strange_days_once_a_day(definitions: dg.Definitions) -> None:
    """A check that rides along with a reading is silent when the reading never comes; and what is judged by the day is judged daily."""
    jobs_with = {
        check.node_def.name: {
            job.name
            for job in jobs.ALL_JOBS
            if check.node_def.name in {node.name for node in definitions.resolve_job_def(job.name).nodes}
        }
        for check in (freshness_checks, anomaly_checks)
    }

    assert jobs_with[freshness_checks.node_def.name] == {jobs.REFRESH, jobs.DAILY_LOOP, jobs.WATCH}
    assert jobs_with[anomaly_checks.node_def.name] == {jobs.REFRESH, jobs.DAILY_LOOP}
    (only,) = definitions.resolve_job_def(jobs.WATCH).nodes
    assert only.name == freshness_checks.node_def.name


def test_sources_are_watched_once_a_business_hour() -> None:
    first = tick(schedules.every_business_hour, clock=FixedClock(NOW))
    again = tick(schedules.every_business_hour, clock=FixedClock(NOW.replace(minute=50)))
    later = tick(schedules.every_business_hour, clock=FixedClock(NOW.replace(hour=7)))

    assert isinstance(first, dg.RunRequest)
    assert isinstance(again, dg.RunRequest)
    assert isinstance(later, dg.RunRequest)
    assert first.run_key == again.run_key != later.run_key


def test_writers_that_exclude_each_other_share_a_pool(definitions: dg.Definitions) -> None:
    pools = {
        key.to_user_string(): asset.op.pool
        for asset in definitions.assets or []
        if isinstance(asset, dg.AssetsDefinition)
        for key in asset.keys
    }

    assert pools["gold/fct_posts"] == pools["silver/int_posts"] == "warehouse"
    assert pools["actions/published_posts"] == "publisher"
    assert pools["bronze/posts"] == "networks"
    assert pools["features/online_features"] == "feature_store"


def test_what_was_just_observed_reaches_the_marts_features_and_learning(definitions: dg.Definitions) -> None:
    """Bronze is kept by days, most of which were never read: that must not hold back what follows from today's."""
    graph, instance = definitions.resolve_asset_graph(), dg.DagsterInstance.ephemeral()
    day = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()

    def report(keys: Iterable[dg.AssetKey]) -> None:
        for key in keys:
            partition = day if graph.get(key).is_partitioned else None
            instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=partition))

    report(graph.materializable_asset_keys)
    before = dg.evaluate_automation_conditions(definitions, instance)
    report([dg.AssetKey(["bronze", name]) for name in ("posts", "post_metrics", "comments")])
    after = dg.evaluate_automation_conditions(definitions, instance, cursor=before.cursor)
    for key in ("gold/fct_posts", "features/post_features", "features/comment_moods", "learning/alerts"):
        assert after.get_num_requested(dg.AssetKey(key.split("/"))) == 1, key
