"""Sensors: what somebody outside has told us, and what a check has found. What is asked at set times is in `schedules.py`.

A webhook delivery is kept by the receiver and only marked here: deliveries that wait become a batch, a batch becomes one run that is
narrowed to the accounts and posts concerned, and the run's end settles the batch. Every tick starts from what the store and Dagster's
record say, so a tick that dies anywhere is made good by the next: a batch never changes, its run is asked for under its own key, and
Dagster starts one run for each key.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby

import dagster as dg

from assets.learning.model_watch import HOLDS
from contracts.clock import Clock
from contracts.errors import ErrorClass
from contracts.ports import Deliveries
from contracts.records import CollectionFailure, Delivery
from contracts.scope import TenantScope
from ml.families import ENGAGEMENT, POPULARITY
from operations import DeliveryState
from orchestration.jobs import observe_notified, train_engagement, train_popularity

BATCH = "pulso/deliveries"
"""Tag of a run: the batch of deliveries that it reads."""
READ_BY = ("posts_and_metrics", "bronze__comments")
"""The steps of the job that take targets."""
EVERYONE = TenantScope.all_clients("deliveries of all clients are read together")


@dg.sensor(job=observe_notified, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def when_a_network_calls(
    context: dg.SensorEvaluationContext,
    store: dg.ResourceParam[Deliveries],
    clock: dg.ResourceParam[Clock],
) -> list[dg.RunRequest] | dg.SkipReason:
    """One run for all that arrived since the last one; accounts that a run is reading now wait for its end."""
    now = datetime.now(UTC)
    for batch_id, batch in _open_batches(store):
        run = _run_of(context.instance, batch_id)
        if run is not None and run.is_finished:
            store.settle_deliveries(batch_id, _failures(context.instance, run, batch), at=now)
    store.claim_deliveries(at=now)
    day = clock.now().date().isoformat()
    asked = [
        dg.RunRequest(
            run_key=batch_id,
            run_config=_narrowed_to(batch),
            partition_key=day,
            tags={BATCH: batch_id, "pulso/accounts": str(len({delivery.account_id for delivery in batch}))},
        )
        for batch_id, batch in _open_batches(store)
        if _run_of(context.instance, batch_id) is None
    ]
    return asked or dg.SkipReason("No network has called.")


def _open_batches(store: Deliveries) -> Iterator[tuple[str, Sequence[Delivery]]]:
    collecting = store.deliveries(EVERYONE, states=(DeliveryState.COLLECTING.value,))
    for batch_id, batch in groupby(sorted(collecting, key=lambda d: d.batch_id or ""), key=lambda d: d.batch_id):
        if batch_id is not None:
            yield batch_id, tuple(batch)


def _run_of(instance: dg.DagsterInstance, batch_id: str) -> dg.DagsterRun | None:
    return next(iter(instance.get_runs(dg.RunsFilter(tags={BATCH: batch_id}), limit=1)), None)


def _narrowed_to(batch: Sequence[Delivery]) -> Mapping[str, object]:
    """Run configuration: each account with the posts that its deliveries name; as a whole, where one of them names none."""
    posts: dict[str, list[str]] = {}
    for delivery in batch:
        named = [f"{delivery.network.value}:{native_id}" for native_id in delivery.native_post_ids]
        posts.setdefault(delivery.account_id, []).extend(named)
    whole = {delivery.account_id for delivery in batch if not delivery.native_post_ids}
    targets = {account: [] if account in whole else sorted(set(named)) for account, named in sorted(posts.items())}
    config = {"client_ids": sorted({delivery.client_id for delivery in batch}), "targets": targets}
    return {"ops": {step: {"config": config} for step in READ_BY}}


def _failures(
    instance: dg.DagsterInstance, run: dg.DagsterRun, batch: Sequence[Delivery]
) -> Sequence[CollectionFailure]:
    """The accounts that the run could not read: those that its checks name, or all of them when it did not succeed."""
    if run.status is dg.DagsterRunStatus.SUCCESS:
        events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        listed = [
            failure
            for event in events
            if (evaluation := event.asset_check_evaluation) is not None
            for failure in evaluation.metadata.get("failures", dg.MetadataValue.json([])).value
        ]
        return [CollectionFailure.model_validate(failure) for failure in listed]
    return [
        CollectionFailure(
            client_id=delivery.client_id,
            account_id=delivery.account_id,
            network=delivery.network,
            what="run",
            error_class=ErrorClass.TRANSIENT.value,
            message=f"run {run.run_id} ended as {run.status.value}",
        )
        for delivery in batch
    ]


RETRAINED_BY = {ENGAGEMENT.name: train_engagement, POPULARITY.name: train_popularity}
"""The job that trains a challenger of each family of models."""


@dg.sensor(
    jobs=list(RETRAINED_BY.values()), minimum_interval_seconds=300, default_status=dg.DefaultSensorStatus.RUNNING
)
def when_a_model_no_longer_holds(context: dg.SensorEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
    """A challenger at once, and one for each champion: whether it takes over is the gate's to say, and the week's is trained anyway."""
    asked = []
    found = context.instance.event_log_storage.get_latest_asset_check_execution_by_key(list(HOLDS.values()))
    for name, job in RETRAINED_BY.items():
        record = found.get(HOLDS[name])
        evaluation = record.evaluation if record else None
        if evaluation is not None and not evaluation.passed:
            version = evaluation.metadata["model_version"].value
            key = f"drift-{name}-{version}"
            asked.append(dg.RunRequest(run_key=key, job_name=job.name, tags={"pulso/drift": f"{name} {version}"}))
    return asked or dg.SkipReason("The models hold, as far as is known.")


ALL_SENSORS = [when_a_network_calls, when_a_model_no_longer_holds]
