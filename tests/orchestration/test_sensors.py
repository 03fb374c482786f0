"""The webhook sensor: one run for what waits, whatever dies in between; nothing twice, and every end is written down."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest

from contracts.clock import FixedClock
from contracts.networks import Network
from contracts.records import CollectionFailure, Delivery
from contracts.scope import TenantScope
from orchestration.sensors import BATCH, when_a_network_calls

NOW = datetime(2026, 5, 30, 6, 20, tzinfo=UTC)


def delivery(key: str, account: str = "x:1", *posts: str, client: str = "ana") -> Delivery:
    return Delivery(
        delivery_key=key,
        account_id=account,
        client_id=client,
        network=Network.X,
        kinds=("tweet_create_events",),
        native_post_ids=posts,
        state="received",
        reason=None,
        tries=0,
        received_at=NOW,
        batch_id=None,
    )


@dataclass
class FakeDeliveries:
    """`contracts.ports.Deliveries` over a list. Remembers what was settled."""

    all: list[Delivery] = field(default_factory=list)
    settled: list[tuple[str, tuple[CollectionFailure, ...]]] = field(default_factory=list)
    batches: int = 0

    def deliveries(self, scope: TenantScope, *, states: Sequence[str] = ()) -> tuple[Delivery, ...]:
        return tuple(d for d in self.all if scope.allows(d.client_id) and (not states or d.state in states))

    def claim_deliveries(self, *, at: datetime) -> int:
        waiting = [d for d in self.all if d.state == "received"]
        self.batches += bool(waiting)
        claimed = {"state": "collecting", "batch_id": f"batch-{self.batches}"}
        self.all = [d.model_copy(update=claimed) if d in waiting else d for d in self.all]
        return len(waiting)

    def settle_deliveries(self, batch_id: str, failures: Sequence[CollectionFailure], *, at: datetime) -> None:
        self.settled.append((batch_id, tuple(failures)))
        self.all = [d.model_copy(update={"state": "ended"}) if d.batch_id == batch_id else d for d in self.all]


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


def tick(instance: dg.DagsterInstance, store: FakeDeliveries) -> list[dg.RunRequest]:
    resources = {"store": store, "clock": FixedClock(NOW)}
    asked: Any = when_a_network_calls(dg.build_sensor_context(instance=instance, resources=resources))
    return [] if isinstance(asked, dg.SkipReason) else list(asked)


def run(instance: dg.DagsterInstance, request: dg.RunRequest, *failures: CollectionFailure, dies: bool = False) -> None:
    """A run with the request's tags, which ends as told."""

    @dg.asset(key=["bronze", "posts"], check_specs=[dg.AssetCheckSpec("all_accounts_read", asset=["bronze", "posts"])])
    def posts() -> dg.MaterializeResult:
        if dies:
            raise RuntimeError("the disk is full")
        listed = dg.MetadataValue.json([failure.model_dump(mode="json") for failure in failures])
        result = dg.AssetCheckResult(passed=not failures, metadata={"failures": listed})
        return dg.MaterializeResult(check_results=[result])

    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    dg.materialize([posts], instance=instance, tags=dict(request.tags), run_config=quiet, raise_on_error=False)


def test_without_deliveries_nothing_runs(instance: dg.DagsterInstance) -> None:
    store = FakeDeliveries()
    asked: Any = when_a_network_calls(
        dg.build_sensor_context(instance=instance, resources={"store": store, "clock": FixedClock(NOW)})
    )
    assert isinstance(asked, dg.SkipReason)


def test_one_run_for_all_that_waits_narrowed_to_accounts_and_posts(instance: dg.DagsterInstance) -> None:
    store = FakeDeliveries(
        [
            delivery("a", "x:1", "9"),
            delivery("b", "x:1", "9", "8"),
            delivery("c", "x:2", "7", client="ben"),
            delivery("d", "x:2", client="ben"),
        ]
    )
    [request] = tick(instance, store)

    assert request.partition_key == "2026-05-30", "the business day, whatever the machine says"
    assert request.run_key == request.tags[BATCH] == "batch-1"
    config = {"client_ids": ["ana", "ben"], "targets": {"x:1": ["x:8", "x:9"], "x:2": []}}
    ops = request.run_config["ops"]
    assert ops == {"posts_and_metrics": {"config": config}, "bronze__comments": {"config": config}}


def test_the_job_takes_the_configuration(instance: dg.DagsterInstance) -> None:
    from orchestration.definitions import defs

    [request] = tick(instance, FakeDeliveries([delivery("a", "x:1", "9"), delivery("b", "x:2")]))
    job = defs.resolve_job_def("observe_notified")
    assert dg.validate_run_config(job, request.run_config)


def test_a_request_that_got_lost_is_made_again_under_the_same_key_and_only_until_its_run_is_there(
    instance: dg.DagsterInstance,
) -> None:
    store = FakeDeliveries([delivery("a")])
    [first], [again] = tick(instance, store), tick(instance, store)
    assert first.run_key == again.run_key
    store.all.append(delivery("late"))
    assert [request.run_key for request in tick(instance, store)] == ["batch-1", "batch-2"]
    run(instance, first)
    assert [request.run_key for request in tick(instance, store)] == ["batch-2"]
    assert store.settled == [("batch-1", ())]


def test_accounts_that_could_not_be_read_are_told_apart(instance: dg.DagsterInstance) -> None:
    store = FakeDeliveries([delivery("a", "x:1"), delivery("b", "x:2")])
    [request] = tick(instance, store)
    revoked = CollectionFailure(
        client_id="ana",
        account_id="x:1",
        network=Network.X,
        what="posts",
        error_class="auth",
        message="token revoked",
    )
    run(instance, request, revoked)
    assert tick(instance, store) == []
    assert store.settled == [("batch-1", (revoked,))]


def test_a_run_that_failed_fails_all_of_its_deliveries_for_now(instance: dg.DagsterInstance) -> None:
    store = FakeDeliveries([delivery("a", "x:1"), delivery("b", "x:2")])
    [request] = tick(instance, store)
    run(instance, request, dies=True)
    assert tick(instance, store) == []
    [(batch_id, failures)] = store.settled
    assert batch_id == "batch-1"
    assert {f.account_id: f.error_class for f in failures} == {"x:1": "transient", "x:2": "transient"}
    assert all("FAILURE" in f.message for f in failures)


def test_a_run_under_way_is_waited_for(instance: dg.DagsterInstance) -> None:
    store = FakeDeliveries([delivery("a")])
    [request] = tick(instance, store)
    run(instance, request)
    [done] = instance.get_runs()
    instance.delete_run(done.run_id)
    instance.add_run(done.with_status(dg.DagsterRunStatus.STARTED))
    assert tick(instance, store) == []
    assert store.settled == []
