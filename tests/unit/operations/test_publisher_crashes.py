"""Whatever dies or gets lost, wherever: no post appears twice, none is lost, none is stuck, and a person is asked only about what
nobody can decide. A publisher with a planted bug has to fail this."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.orm import Session

from contracts.clock import FixedClock
from contracts.errors import ErrorClass, NetworkError
from contracts.ports import Connector
from contracts.records import PublishRequest, Reconciliation, Staging
from contracts.scope import TenantScope
from operations import IntentState, OutboxEntry, OutboxPublisher, ParkReason, RetryPlan, SqlStore
from operations.database import Database
from tests.unit.operations.fakes import (
    NOW,
    Crash,
    FakeNetwork,
    FakeNetworks,
    FlyingMachineTime,
    a_client,
    allow_everything,
    an_account,
    an_item,
)

ALL = TenantScope.all_clients("test")
ACCOUNTS = ("bluesky:one", "bluesky:two")

Fate = str
POINTS: Mapping[str, Sequence[Fate]] = {
    "prepare": ("fine", "crash"),
    "stage:before": ("fine", "crash", "transient", "rate"),
    "stage:after": ("fine", "crash", "transient"),
    "commit:before": ("fine", "crash", "lost", "transient", "rate"),
    "commit:after": ("fine", "crash", "lost"),
    "find": ("fine", "crash", "transient", "rate"),
    "transaction:before": ("fine",) * 5 + ("crash",),
    "transaction:after": ("fine",) * 5 + ("crash",),
}
ANY_FATES = st.fixed_dictionaries(
    {
        point: st.lists(st.sampled_from(fates), max_size=20 if point.startswith("transaction") else 5)
        for point, fates in POINTS.items()
    }
)


@dataclass
class Fates:
    """What is to happen at each visit to each point; after that all is fine."""

    left: dict[str, list[Fate]]
    is_armed: bool = False

    def reach(self, point: str, request: PublishRequest | None = None) -> None:
        del request
        if not self.is_armed or not self.left[point]:
            return
        fate = self.left[point].pop(0)
        if fate == "crash":
            raise Crash
        classes = {"lost": ErrorClass.AMBIGUOUS, "transient": ErrorClass.TRANSIENT, "rate": ErrorClass.RATE}
        if fate in classes:
            raise NetworkError(classes[fate], f"{fate} at {point}", network="bluesky")

    def count(self) -> int:
        return sum(len(fates) for fates in self.left.values())


class MortalDatabase(Database):
    """A database whose process may die right before or right after a transaction becomes durable."""

    def __init__(self, url: str, fates: Fates) -> None:
        super().__init__(url)
        self._fates = fates
        # A process dies here, not the machine: what SQLite handed to the system is safe.
        event.listen(self.engine, "connect", lambda connection, _record: connection.execute("PRAGMA synchronous=OFF"))

    @contextmanager
    def write(self, *, is_durable: bool = True) -> Iterator[Session]:
        with super().write(is_durable=is_durable) as session:
            yield session
            self._fates.reach("transaction:before")
        self._fates.reach("transaction:after")


@pytest.fixture(scope="module")
def full_template(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with four approved posts of two accounts."""
    path = tmp_path_factory.mktemp("full") / "store.db"
    shutil.copy(sqlite_template, path)
    with SqlStore(f"sqlite:///{path}", master_key_path=path, clock=FixedClock(NOW), rules=allow_everything) as store:
        store.save_client(a_client(), actor="anna")
        for account_id in ACCOUNTS:
            store.save_account(an_account(account_id), actor="anna")
        names = [f"item-{n}" for n in range(4)]
        store.save_drafts([an_item(name, account_id=ACCOUNTS[n % 2]) for n, name in enumerate(names)])
        for name in names:
            store.approve(name, actor="anna", revision=1)
    return path


class ResendOnTimeout(OutboxPublisher):
    """The planted bug: an unanswered commit is taken for one that never landed."""

    async def _read(self, connector: Connector, request: PublishRequest, staging: Staging) -> Reconciliation:
        return Reconciliation(outcome="not_published", evidence="it timed out, so it cannot be there")


def live_through(
    template: Path,
    fates: Mapping[str, Sequence[Fate]],
    *,
    is_keyed: bool,
    can_tell: bool,
    has_guard: bool = False,
    publisher_type: type[OutboxPublisher],
) -> None:
    """Publish four posts and a deliberate repost through these fates, restarting after each death; then judge the network's state."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{shutil.copy(template, Path(folder) / 'store.db')}"
        fate = Fates({point: list(visits) for point, visits in fates.items()})
        clock, machine = FixedClock(NOW), FlyingMachineTime()
        network = FakeNetwork(
            machine,
            is_keyed=is_keyed,
            can_tell=can_tell,
            has_guard=has_guard,
            read_lag_seconds=2.0,
            fault=fate.reach,
        )
        database = MortalDatabase(url, fate)
        with SqlStore(
            url, master_key_path=Path(folder) / "key", clock=clock, rules=allow_everything, database=database
        ) as store:

            def drain_until_quiet() -> None:
                fate.is_armed = True
                for _ in range(fate.count() + 20):
                    publisher = publisher_type(
                        store,
                        FakeNetworks([network]),
                        machine=machine,
                        retries=RetryPlan(max_tries=1_000, max_readings=3, cap_seconds=30),
                    )
                    with suppress(Crash):
                        publisher.drain()
                    machine.at += timedelta(seconds=61)
                    if not store.outbox(ALL, states=["pending", "committing"]):
                        break
                fate.is_armed = False

            drain_until_quiet()
            published = store.content_items(ALL, states=["published"])
            if published:
                store.repost(published[0].content_item_id, actor="anna", scheduled_at=NOW)
                drain_until_quiet()
            entries = store.outbox(ALL)
            judge(network, entries)


def judge(network: FakeNetwork, entries: Sequence[OutboxEntry]) -> None:
    seen = Counter(post.intent_id for post in network.posts)
    assert max(seen.values(), default=0) <= 1, "a post appeared twice"
    for entry in entries:
        if network.has_guard and entry.occurrence > 1:
            if entry.state is IntentState.FAILED:
                assert "same text" in (entry.reason or "")
            else:  # an earlier answer got lost: nobody can tell its post from the one that the network means
                assert (entry.state, entry.reason_code) == (IntentState.PARKED, ParkReason.UNFINDABLE_DUPLICATE)
                assert entry.commit_calls > 1
            continue
        assert entry.state in (IntentState.PUBLISHED, IntentState.PARKED), f"stuck or given up: {entry}"
        if entry.state is IntentState.PUBLISHED:
            assert seen[entry.intent_id] == 1, "a post was lost"
        else:
            assert entry.reason_code == ParkReason.UNDECIDED, entry
            assert not network.can_tell, "parked although the network could tell"
            assert entry.commit_calls >= 1, "parked without any commit that could have landed"
    assert set(seen) <= {entry.intent_id for entry in entries}


NETWORKS = pytest.mark.parametrize(
    ("is_keyed", "can_tell", "has_guard"),
    [(True, True, False), (False, True, False), (False, False, False), (False, True, True)],
    ids=["native key", "state proves absence", "nobody can tell", "guard against duplicates"],
)


@NETWORKS
@given(fates=ANY_FATES)
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_through_any_deaths_and_losses_each_post_appears_once(
    full_template: Path, fates: dict[str, list[Fate]], is_keyed: bool, can_tell: bool, has_guard: bool
) -> None:
    live_through(
        full_template,
        fates,
        is_keyed=is_keyed,
        can_tell=can_tell,
        has_guard=has_guard,
        publisher_type=OutboxPublisher,
    )


def test_the_property_catches_a_publisher_that_resends_on_timeout(full_template: Path) -> None:
    @given(fates=ANY_FATES)
    @settings(max_examples=60, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
    def search(fates: dict[str, list[Fate]]) -> None:
        live_through(full_template, fates, is_keyed=False, can_tell=True, publisher_type=ResendOnTimeout)

    with pytest.raises(AssertionError, match="a post appeared twice"):
        search()
