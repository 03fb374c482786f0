"""The publisher's steps: what each answer of a network leads to, and what is checked again before anything becomes visible."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest

from contracts.clock import FixedClock
from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Network
from contracts.records import Client, ContentItem, PostingRules, PublishRequest, Token, Verdict
from contracts.scope import TenantScope
from operations import IntentState, ItemState, ItemStateError, OutboxPublisher, ParkReason, RetryPlan, SqlStore
from tests.unit.operations.conftest import StoreMaker
from tests.unit.operations.fakes import (
    NOW,
    Crash,
    FakeNetwork,
    FakeNetworks,
    FlyingMachineTime,
    a_client,
    an_account,
    an_item,
    forbid,
    lost_answer,
    refusal,
)

ALL = TenantScope.all_clients("test")
ACCOUNT = "bluesky:did:plc:acme"
Publishers = Callable[[SqlStore], OutboxPublisher]


def queue(store: SqlStore, *content_item_ids: str, **changes: object) -> None:
    store.save_drafts([an_item(content_item_id, **changes) for content_item_id in content_item_ids])
    for content_item_id in content_item_ids:
        store.approve(content_item_id, actor="anna", revision=1)


def at(point: str, act: Callable[[], object]) -> Callable[[str, PublishRequest], None]:
    """A fault that does something once, the first time this point is reached."""
    done = []

    def fault(here: str, request: PublishRequest) -> None:
        del request
        if here == point and not done:
            done.append(True)
            act()

    return fault


def test_an_approved_post_is_published_once_and_its_proof_kept(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers
) -> None:
    queue(store, "item-1")
    publisher = publisher_of(store)
    assert publisher.due() == 1
    report = publisher.drain()
    assert (report.published, report.deferred, publisher.due()) == (1, 0, 0)
    assert [post.text for post in network.posts] == ["Text of item-1"]
    (entry,) = store.outbox(ALL)
    assert (entry.state, entry.native_id, entry.commit_calls) == (IntentState.PUBLISHED, "post-1", 1)
    assert store.item(ALL, "item-1").state is ItemState.PUBLISHED
    assert publisher.drain().published == 0
    trail = [event.action for event in reversed(store.audit(ALL, subject_id=entry.intent_id))]
    assert trail == ["intent_pending", "intent_committing", "intent_published"]


def test_nothing_due_opens_no_network(store: SqlStore, network: FakeNetwork, publisher_of: Publishers) -> None:
    queue(store, "item-1", scheduled_at=NOW + timedelta(hours=1))
    assert publisher_of(store).drain().published == 0
    assert network.calls == []


def test_one_account_is_worked_on_in_the_order_of_its_slots(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers
) -> None:
    for minutes, name in ((3, "first"), (1, "third"), (2, "second")):
        queue(store, name, scheduled_at=NOW - timedelta(minutes=minutes))
    publisher_of(store).drain()
    assert [post.text for post in network.posts] == ["Text of first", "Text of second", "Text of third"]


def test_a_drain_takes_up_no_more_than_its_limit(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers
) -> None:
    queue(store, "a", "b", "c")
    assert publisher_of(store).drain(limit=2).published == 2
    assert publisher_of(store).drain(limit=2).published == 1


# --- checked again at send time ------------------------------------------------------------------------------------------


def test_an_edit_before_the_slot_is_not_sent_until_it_is_approved(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers
) -> None:
    queue(store, "item-1")
    store.edit("item-1", actor="bea", revision=1, text="Better")
    assert publisher_of(store).due() == 0
    publisher_of(store).drain()
    assert network.posts == []
    store.approve("item-1", actor="anna", revision=2)
    publisher_of(store).drain()
    assert [post.text for post in network.posts] == ["Better"]


@pytest.mark.parametrize("act", ["edit", "cancel", "reject", "reschedule", "stop", "stop_all"])
def test_what_happens_while_staging_is_heeded(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers, act: str
) -> None:
    queue(store, "item-1")
    network.fault = at(
        "stage:after",
        {
            "edit": lambda: store.edit("item-1", actor="bea", revision=1, text="Better"),
            "cancel": lambda: store.cancel("item-1", actor="bea"),
            "reject": lambda: store.reject("item-1", actor="bea"),
            "reschedule": lambda: store.reschedule("item-1", actor="bea", scheduled_at=NOW + timedelta(hours=1)),
            "stop": lambda: store.stop(actor="bea", reason="wait", client_id="acme"),
            "stop_all": lambda: store.stop(actor="bea", reason="wait"),
        }[act],
    )
    publisher_of(store).drain()
    assert network.count("commit") == 0
    assert store.outbox(ALL)[0].commit_calls == 0


def test_a_revision_approved_while_the_older_one_was_staged_is_staged_anew(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers
) -> None:
    def edit_and_approve() -> None:
        store.edit("item-1", actor="bea", revision=1, text="Better")
        store.approve("item-1", actor="anna", revision=2)

    queue(store, "item-1")
    network.fault = at("stage:after", edit_and_approve)
    publisher_of(store).drain()
    assert [post.text for post in network.posts] == ["Better"]
    assert len({post.key for post in network.posts}) == 1


def test_a_missed_slot_does_not_fire_late_but_can_be_moved(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers, clock: FixedClock
) -> None:
    queue(store, "item-1")
    clock.at = NOW + timedelta(minutes=91)
    assert publisher_of(store).drain().missed == 1
    (entry,) = store.outbox(ALL)
    assert (entry.state, entry.reason) == (IntentState.MISSED, "the slot was missed by 91 minutes")
    assert store.item(ALL, "item-1").state is ItemState.MISSED
    store.reschedule("item-1", actor="anna", scheduled_at=clock.at)
    assert publisher_of(store).drain().published == 1
    assert store.outbox(ALL)[0].intent_id == entry.intent_id


def test_an_unapproved_revision_misses_its_slot_too(
    store: SqlStore, publisher_of: Publishers, clock: FixedClock
) -> None:
    queue(store, "item-1")
    store.edit("item-1", actor="bea", revision=1, text="Better")
    clock.at = NOW + timedelta(hours=3)
    assert publisher_of(store).drain().missed == 1
    assert store.item(ALL, "item-1").state is ItemState.DRAFT


def test_a_rule_about_content_fails_the_post_and_says_why(
    open_stores: StoreMaker, store: SqlStore, publisher_of: Publishers
) -> None:
    queue(store, "item-1")
    assert publisher_of(open_stores(forbid("a banned word"))).drain().failed == 1
    (entry,) = store.outbox(ALL)
    assert (entry.state, entry.reason_code, entry.reason) == (IntentState.FAILED, "policy", "a banned word")


def test_a_rule_about_time_holds_the_post_until_it_passes_or_its_window_closes(
    open_stores: StoreMaker,
    store: SqlStore,
    network: FakeNetwork,
    publisher_of: Publishers,
    machine: FlyingMachineTime,
    clock: FixedClock,
) -> None:
    queue(store, "item-1")
    strict = open_stores(forbid("quiet hours", only_when_scheduled=True))
    assert publisher_of(strict).drain().deferred == 1
    assert store.outbox(ALL)[0].reason == "quiet hours"
    assert publisher_of(store).due() == 0
    machine.at += timedelta(seconds=61)
    assert publisher_of(store).drain().published == 1

    queue(store, "item-2")
    publisher_of(strict).drain()
    clock.at = NOW + timedelta(hours=2)
    publisher_of(strict).drain()
    missed = store.item(ALL, "item-2")
    assert missed.intent_state is IntentState.MISSED
    assert missed.reason == "the slot was missed by 120 minutes; held before: quiet hours"


@pytest.mark.parametrize(("gap_hours", "is_told"), [(4, False), (96, True)])
def test_rules_are_told_of_earlier_posts_as_far_back_as_any_rule_looks(
    open_stores: StoreMaker,
    store: SqlStore,
    publisher_of: Publishers,
    clock: FixedClock,
    gap_hours: float,
    is_told: bool,
) -> None:
    told: list[tuple[datetime, ...]] = []

    def rules(
        item: ContentItem, client: Client, *, now: datetime, published_times: Sequence[datetime] = (), **known: object
    ) -> Verdict:
        told.append(tuple(published_times))
        return Verdict(is_allowed=True)

    store.save_client(a_client(posting_rules=PostingRules(min_gap_hours=gap_hours)), actor="anna")
    listening = open_stores(rules)
    queue(store, "first")
    publisher_of(listening).drain()
    queue(store, "hours later", scheduled_at=NOW + timedelta(hours=20))
    clock.at = NOW + timedelta(hours=20)
    told.clear()
    publisher_of(listening).drain()
    assert set(told) == {(NOW,)}
    clock.at = NOW + timedelta(days=3)
    queue(store, "days later", scheduled_at=clock.at)
    told.clear()
    publisher_of(listening).drain()
    assert {NOW in times for times in told} == {is_told}


def test_an_inactive_client_publishes_nothing(
    open_stores: StoreMaker, store: SqlStore, network: FakeNetwork, publisher_of: Publishers
) -> None:
    import policy

    queue(store, "item-1")
    store.save_client(a_client(is_active=False), actor="anna")
    publisher_of(open_stores(policy.may_send)).drain()
    assert network.posts == []


# --- answers of the network ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_keyed", [True, False])
def test_a_lost_answer_after_the_post_was_made_is_adopted(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers, is_keyed: bool
) -> None:
    queue(store, "item-1")
    network.is_keyed, network.read_lag_seconds, network.fault = is_keyed, 2.0, lost_answer()
    report = publisher_of(store).drain()
    assert (report.reconciled, report.published) == (1, 0)
    assert len(network.posts) == 1
    assert network.count("commit") == 1
    assert store.outbox(ALL)[0].native_id == "post-1"


@pytest.mark.parametrize("is_keyed", [True, False])
def test_a_lost_answer_before_the_post_was_made_is_sent_again(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers, is_keyed: bool
) -> None:
    queue(store, "item-1")
    network.is_keyed, network.fault = is_keyed, lost_answer("commit:before")
    assert publisher_of(store).drain().published == 1
    assert len(network.posts) == 1
    assert store.outbox(ALL)[0].commit_calls == 2


def test_where_nobody_can_tell_the_post_is_parked_after_bounded_waits(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers, machine: FlyingMachineTime
) -> None:
    queue(store, "item-1", "item-2")
    network.can_tell, network.fault = False, lost_answer("commit:before")
    for _ in range(5):
        publisher_of(store).drain()
        machine.at += timedelta(hours=1)
    first, second = store.outbox(ALL)
    assert (first.state, first.reason_code) == (IntentState.PARKED, ParkReason.UNDECIDED)
    assert first.commit_calls == 1
    assert second.state is IntentState.PUBLISHED, "a parked intent does not hold up its account"
    assert store.item(ALL, "item-1").state is ItemState.PARKED


def test_where_the_network_refuses_duplicates_an_absent_post_is_sent_again_after_all_readings(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers, machine: FlyingMachineTime
) -> None:
    queue(store, "item-1")
    network.has_guard, network.fault = True, lost_answer("commit:before")
    for _ in range(12):
        publisher_of(store).drain()
        machine.at += timedelta(hours=1)
    assert store.outbox(ALL)[0].state is IntentState.PUBLISHED
    assert len(network.posts) == 1
    assert network.count("find") > 1, "not after the first glance"


def test_a_post_that_never_becomes_readable_is_not_doubled_where_the_network_refuses_duplicates(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers, machine: FlyingMachineTime
) -> None:
    queue(store, "item-1")
    network.has_guard, network.shows_posts, network.fault = True, False, lost_answer()
    for _ in range(20):
        publisher_of(store).drain()
        machine.at += timedelta(hours=1)
    (entry,) = store.outbox(ALL)
    assert (entry.state, entry.reason_code) == (IntentState.PARKED, ParkReason.UNFINDABLE_DUPLICATE)
    assert len(network.posts) == 1


def test_after_each_commit_a_post_is_looked_for_as_often_as_after_the_first(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers, machine: FlyingMachineTime
) -> None:
    """The guard fails, and the second commit lands and is shown a moment late."""
    queue(store, "item-1")
    network.has_guard, network.is_guard_on = True, False
    points = iter(["commit:before", "commit:after"])
    expected = [next(points)]

    def fault(here: str, request: PublishRequest) -> None:
        if here != expected[0]:
            return
        expected[0] = next(points, "")
        network.visible_from |= {name: machine.now() + timedelta(seconds=1) for name in network.visible_from}
        raise NetworkError(ErrorClass.AMBIGUOUS, "lost", network="bluesky")

    network.fault = fault
    for _ in range(12):
        publisher_of(store).drain()
        machine.at += timedelta(hours=1)
    (entry,) = store.outbox(ALL)
    assert (entry.state, entry.is_reconciled, entry.commit_calls) == (IntentState.PUBLISHED, True, 2)
    assert len(network.posts) == 1


def test_readings_that_fail_are_no_looks(store: SqlStore, network: FakeNetwork, machine: FlyingMachineTime) -> None:
    """Two readings fail, and three that are answered have to show nothing before the post is sent again."""
    queue(store, "item-1")
    network.has_guard = True
    readings: list[int] = []

    def fault(here: str, request: PublishRequest) -> None:
        if here == "commit:before":
            readings.append(network.count("find"))
            if len(readings) == 1:
                raise NetworkError(ErrorClass.AMBIGUOUS, "lost", network="bluesky")
        if here == "find" and network.count("find") <= 2:
            raise NetworkError(ErrorClass.TRANSIENT, "try again", network="bluesky")

    network.fault = fault
    retries = RetryPlan(max_tries=12, max_readings=3)
    for _ in range(12):
        OutboxPublisher(store, FakeNetworks([network]), machine=machine, retries=retries).drain()
        machine.at += timedelta(hours=1)
    assert store.outbox(ALL)[0].state is IntentState.PUBLISHED
    assert readings == [0, 2 + 3]


def test_a_repost_that_is_called_a_duplicate_and_shown_late_is_found(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers, machine: FlyingMachineTime
) -> None:
    network.has_guard, network.is_guard_on = True, False
    queue(store, "item-1")
    publisher_of(store).drain()
    store.repost("item-1", actor="anna", scheduled_at=NOW)

    def fault(here: str, request: PublishRequest) -> None:
        if here == "commit:after":
            network.visible_from["post-2"] = machine.now() + timedelta(seconds=1)
            raise NetworkError(ErrorClass.DUPLICATE, "duplicate content", network="bluesky")

    network.fault = fault
    for _ in range(12):
        publisher_of(store).drain()
        machine.at += timedelta(hours=1)
    assert [entry.state for entry in store.outbox(ALL)] == [IntentState.PUBLISHED, IntentState.PUBLISHED]
    assert len(network.posts) == 2


def test_a_repost_that_the_network_refuses_fails_and_says_why(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers, machine: FlyingMachineTime
) -> None:
    network.has_guard = True
    queue(store, "item-1")
    publisher_of(store).drain()
    store.repost("item-1", actor="anna", scheduled_at=NOW)
    for _ in range(12):
        publisher_of(store).drain()
        machine.at += timedelta(hours=1)
    first, again = store.outbox(ALL)
    assert (first.state, again.state) == (IntentState.PUBLISHED, IntentState.FAILED)
    assert "same text again" in (again.reason or "")
    assert len(network.posts) == 1


def test_where_nobody_can_tell_but_a_second_commit_is_harmless_it_is_made(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers
) -> None:
    queue(store, "item-1")
    network.is_keyed, network.can_tell, network.read_lag_seconds = True, False, 10_000
    network.fault = lost_answer()
    publisher = publisher_of(store)
    publisher._patience_seconds = 10_000
    publisher.drain()
    assert len(network.posts) == 1
    assert store.outbox(ALL)[0].state is IntentState.PUBLISHED


@pytest.mark.parametrize("error_class", [None, ErrorClass.RATE, ErrorClass.TRANSIENT, ErrorClass.INVALID])
def test_a_living_key_permits_a_repeat_whose_refusal_says_nothing_about_the_first_call(
    store: SqlStore,
    network: FakeNetwork,
    machine: FlyingMachineTime,
    publisher_of: Publishers,
    error_class: ErrorClass | None,
) -> None:
    network.is_keyed, network.key_lives, network.can_tell, network.shows_posts = True, True, False, False
    queue(store, "item-1")
    lost, commits = lost_answer(), []

    def fault(point: str, request: PublishRequest) -> None:
        if point == "commit:before":
            commits.append(point)
            if len(commits) == 2 and error_class is not None:
                raise NetworkError(error_class, "not now", network="bluesky", retry_at=machine.now())
        lost(point, request)

    network.fault = fault
    publisher = publisher_of(store)
    states = set()
    for _ in range(4):
        publisher.drain()
        states.add(store.outbox(ALL)[0].state)
        machine.at += timedelta(hours=1)
    assert states <= {IntentState.COMMITTING, IntentState.PUBLISHED}
    assert store.outbox(ALL)[0].state is IntentState.PUBLISHED
    assert [post.text for post in network.posts] == ["Text of item-1"]
    assert network.count("stage") == 2  # its two steps: what may be live is never staged anew


def test_an_unreadable_answer_to_a_commit_counts_as_lost(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers
) -> None:
    def garbage() -> None:
        raise KeyError("id")

    queue(store, "item-1")
    network.fault = at("commit:after", garbage)
    assert publisher_of(store).drain().reconciled == 1
    assert len(network.posts) == 1


def test_the_network_says_duplicate_and_shows_it(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers
) -> None:
    queue(store, "item-1")
    network.fault = refusal(ErrorClass.DUPLICATE, "commit:after", times=1)
    assert publisher_of(store).drain().reconciled == 1
    assert len(network.posts) == 1


def test_the_network_says_duplicate_and_does_not_show_it(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers, machine: FlyingMachineTime
) -> None:
    queue(store, "item-1")
    network.fault = refusal(ErrorClass.DUPLICATE, "commit:before")
    for _ in range(5):
        publisher_of(store).drain()
        machine.at += timedelta(hours=1)
    (entry,) = store.outbox(ALL)
    assert (entry.state, entry.reason_code) == (IntentState.PARKED, ParkReason.UNFINDABLE_DUPLICATE)
    assert network.count("commit") == 1


def test_a_staging_that_turns_out_to_be_published_is_adopted(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers
) -> None:
    """An earlier commit was proved absent and landed after all: the network says so when the staging is shown to it again."""
    queue(store, "item-1")
    points = iter(["commit:after", "find", "stage:before"])
    expected = [next(points)]

    def fault(here: str, request: PublishRequest) -> None:
        if here != expected[0]:
            return
        expected[0] = next(points, "")
        if here == "commit:after":
            network.visible_from["post-1"] = network.machine.now() + timedelta(seconds=1)
            raise NetworkError(ErrorClass.AMBIGUOUS, "lost", network="bluesky")
        if here == "stage:before":
            network.visible_from["post-1"] = network.machine.now()
            raise NetworkError(ErrorClass.DUPLICATE, "published already", network="bluesky")

    network.fault = fault
    assert publisher_of(store).drain().reconciled == 1
    assert len(network.posts) == 1
    assert network.count("commit") == 1


@pytest.mark.parametrize("point", ["stage:before", "commit:before", "find"])
@pytest.mark.parametrize("error_class", [ErrorClass.AUTH, ErrorClass.SCOPE])
def test_a_refused_account_waits_for_its_connection_and_others_flow(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers, point: str, error_class: ErrorClass
) -> None:
    other = an_account("bluesky:did:plc:other")
    store.save_account(other, actor="anna")
    queue(store, "item-1", "item-2")
    queue(store, "item-3", account_id=other.account_id)
    lost, refused = lost_answer("commit:after", times=1), refusal(error_class, point)

    def fault(here: str, request: PublishRequest) -> None:
        if request.account.account_id == ACCOUNT:
            if point == "find":
                lost(here, request)
            refused(here, request)

    network.fault = fault
    report = publisher_of(store).drain()
    assert (report.parked, report.published) == (1, 1)
    first, second, third = sorted(store.outbox(ALL), key=lambda entry: entry.content_item_id)
    assert (first.state, first.reason_code) == (IntentState.PARKED, ParkReason.RECONNECT)
    assert (second.state, third.state) == (IntentState.PENDING, IntentState.PUBLISHED)
    paused = {connection.account_id: connection.paused_reason for connection in store.connections(ALL)}
    assert paused[other.account_id] is None
    assert error_class.value in (paused[ACCOUNT] or "")
    assert publisher_of(store).due() == 0
    if point != "find":
        with pytest.raises(ItemStateError, match="Connect"):
            store.send_again(first.intent_id, actor="anna")

    network.fault = lambda here, request: None
    store.save_credential(ACCOUNT, Token(access_token="new"), actor="anna")
    publisher_of(store).drain()
    assert {entry.state for entry in store.outbox(ALL)} == {IntentState.PUBLISHED}
    assert len(network.posts) == 3


@pytest.mark.parametrize("point", ["stage:before", "commit:before"])
def test_a_rate_limit_defers_the_account_until_the_named_moment(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers, machine: FlyingMachineTime, point: str
) -> None:
    queue(store, "item-1", "item-2")
    until = machine.at + timedelta(minutes=10)
    network.fault = refusal(ErrorClass.RATE, point, times=1, retry_at=until)
    assert publisher_of(store).drain().deferred == 1
    assert publisher_of(store).due() == 0
    assert publisher_of(store).drain().published == 0
    assert store.outbox(ALL)[0].reason_code == "rate"
    machine.at = until
    assert publisher_of(store).drain().published == 2
    assert len(network.posts) == 2


@pytest.mark.parametrize("point", ["stage:before", "commit:before"])
def test_an_invalid_post_fails_with_its_reason_and_can_be_mended(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers, point: str
) -> None:
    queue(store, "item-1")
    network.fault = refusal(ErrorClass.INVALID, point, times=1)
    assert publisher_of(store).drain().failed == 1
    (entry,) = store.outbox(ALL)
    assert entry.state is IntentState.FAILED
    assert "invalid" in (entry.reason or "")
    store.edit("item-1", actor="bea", revision=1, text="Shorter")
    store.approve("item-1", actor="anna", revision=2)
    assert publisher_of(store).drain().published == 1
    assert [post.text for post in network.posts] == ["Shorter"]
    assert store.outbox(ALL)[0].intent_id == entry.intent_id


@pytest.mark.parametrize("point", ["stage:before", "stage:after", "commit:before"])
def test_trouble_that_passes_is_waited_out(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers, point: str
) -> None:
    queue(store, "item-1")
    network.fault = refusal(ErrorClass.TRANSIENT, point, times=2)
    assert publisher_of(store).drain().published == 1
    assert len(network.posts) == 1


def test_trouble_that_lasts_parks_the_post_and_lets_the_next_try(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers, machine: FlyingMachineTime
) -> None:
    queue(store, "item-1")
    network.fault = refusal(ErrorClass.TRANSIENT, "stage:before")
    for _ in range(6):
        publisher_of(store).drain()
        machine.at += timedelta(hours=1)
    (entry,) = store.outbox(ALL)
    assert (entry.state, entry.reason_code) == (IntentState.PARKED, ParkReason.EXHAUSTED)
    assert "4 tries" in (entry.reason or "")


def test_a_broken_connector_holds_up_nobody_for_ever(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers, machine: FlyingMachineTime
) -> None:
    def broken(here: str, request: PublishRequest) -> None:
        if here == "stage:before" and request.text == "Text of item-1":
            raise FileNotFoundError("media/gone.png")

    queue(store, "item-1", "item-2")
    network.fault = broken
    for _ in range(6):
        publisher_of(store).drain()
        machine.at += timedelta(minutes=5)
    first, second = store.outbox(ALL)
    assert first.state is IntentState.PARKED
    assert "gone.png" in (first.reason or "")
    assert second.state is IntentState.PUBLISHED


def test_a_reply_is_sent_with_what_it_answers(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers, clock: FixedClock
) -> None:
    seen: list[PublishRequest] = []
    network.fault = lambda here, request: seen.append(request)
    reply = {"scheduled_at": None, "reply_to_comment_id": "bluesky:at://c/1", "reply_to_post_id": "bluesky:at://p/1"}
    queue(store, "reply-1", **reply)
    clock.at = NOW + timedelta(days=2)  # a reply has no slot to miss
    assert publisher_of(store).drain().published == 1
    assert (seen[-1].reply_to_native_comment_id, seen[-1].reply_to_native_post_id) == ("at://c/1", "at://p/1")
    assert store.ledger(ALL)[0].action == "reply"


def test_a_deliberate_repost_appears_as_a_second_post(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers
) -> None:
    claims: list[tuple[str, ...]] = []
    network.fault = lambda point, request: claims.append(request.claimed_native_ids) if point == "prepare" else None
    network.is_keyed = True
    queue(store, "item-1")
    with pytest.raises(ItemStateError, match="Only a published post"):
        store.repost("item-1", actor="anna", scheduled_at=NOW)
    publisher_of(store).drain()
    store.repost("item-1", actor="anna", scheduled_at=NOW)
    with pytest.raises(ItemStateError, match="repost"):
        store.edit("item-1", actor="anna", revision=1, text="other")
    assert publisher_of(store).drain().published == 1
    assert [post.text for post in network.posts] == ["Text of item-1"] * 2
    assert claims == [(), (network.posts[0].native_id,)], "the repost knows which post is the other intent's"
    assert [entry.occurrence for entry in store.outbox(ALL)] == [1, 2]


def test_a_cancelled_repost_leaves_the_item_published(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers
) -> None:
    queue(store, "item-1")
    publisher_of(store).drain()
    store.repost("item-1", actor="anna", scheduled_at=NOW + timedelta(hours=1))
    store.cancel("item-1", actor="anna")
    assert store.item(ALL, "item-1").state is ItemState.PUBLISHED
    assert [entry.state for entry in store.outbox(ALL)] == [IntentState.PUBLISHED, IntentState.CANCELLED]


# --- crashes and leases --------------------------------------------------------------------------------------------------


def test_a_lane_that_a_living_publisher_holds_is_left_alone_and_a_dead_ones_is_taken_over(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers, machine: FlyingMachineTime, clock: FixedClock
) -> None:
    def die() -> None:
        raise Crash

    queue(store, "item-1")
    network.fault = at("commit:after", die)
    with pytest.raises(Crash):
        publisher_of(store).drain()
    (entry,) = store.outbox(ALL)
    assert entry.state is IntentState.COMMITTING
    clock.at += timedelta(days=30)  # the networks' clock expires no lease
    assert publisher_of(store).drain().reconciled == 0
    assert store.stop(actor="anna", reason="what is under way?").in_flight == (entry.intent_id,)
    with pytest.raises(ItemStateError, match="being sent"):
        store.edit("item-1", actor="anna", revision=1, text="too late")
    machine.at += timedelta(seconds=61)
    assert publisher_of(store).drain().reconciled == 1, "adopting what is there already is no new commit"
    assert (len(network.posts), network.count("commit")) == (1, 1)


def test_a_publisher_that_lost_its_lane_while_staging_commits_nothing(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers, machine: FlyingMachineTime
) -> None:
    def nap_while_another_publishes() -> None:
        machine.at += timedelta(seconds=61)
        lease = store.sending(machine=machine).lease(ACCOUNT)
        assert lease is not None

    queue(store, "item-1")
    network.fault = at("stage:after", nap_while_another_publishes)
    publisher_of(store).drain()
    assert network.count("commit") == 0


def test_a_receipt_is_kept_even_when_the_lane_was_lost_meanwhile(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers, machine: FlyingMachineTime
) -> None:
    def nap() -> None:
        machine.at += timedelta(seconds=61)
        store.sending(machine=machine).lease(ACCOUNT)

    queue(store, "item-1")
    network.fault = at("commit:after", nap)
    publisher_of(store).drain()
    assert store.outbox(ALL)[0].state is IntentState.PUBLISHED


def test_commits_without_a_credential_pause_the_account(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers
) -> None:
    from contracts.errors import NotReadyError

    def not_connected(here: str, request: PublishRequest) -> None:
        if here == "stage:before":
            raise NotReadyError("not connected")

    queue(store, "item-1")
    network.fault = not_connected
    assert publisher_of(store).drain().parked == 1
    assert store.connections(ALL)[0].paused_reason is not None


def test_networks_do_not_wait_for_each_other(store: SqlStore, network: FakeNetwork, machine: FlyingMachineTime) -> None:
    from tests.unit.operations.fakes import FakeNetworks

    instagram = FakeNetwork(machine, network=Network.INSTAGRAM)
    store.save_account(an_account("instagram:17", "acme"), actor="anna")
    queue(store, "item-1")
    queue(store, "item-2", account_id="instagram:17", network=Network.INSTAGRAM)
    network.fault = refusal(ErrorClass.RATE, "stage:before", retry_at=machine.at + timedelta(hours=1))
    report = OutboxPublisher(store, FakeNetworks([network, instagram]), machine=machine).drain()
    assert (report.published, report.deferred) == (1, 1)
    assert len(instagram.posts) == 1


# --- the emergency stop --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("client_id", ["acme", None])
def test_a_stop_in_mid_burst_permits_no_new_commit(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers, client_id: str | None
) -> None:
    store.save_client(a_client("other"), actor="anna")
    store.save_account(an_account("bluesky:other", "other"), actor="anna")
    queue(store, *(f"item-{n}" for n in range(10)))
    queue(store, "theirs", client_id="other", account_id="bluesky:other")
    commits_at_stop: list[int] = []

    def press(here: str, request: PublishRequest) -> None:
        if here == "commit:after" and network.count("commit") == 4 and not commits_at_stop:
            store.stop(actor="anna", reason="wrong picture", client_id=client_id)
            commits_at_stop.append(sum(post.account_id == ACCOUNT for post in network.posts))

    network.fault = press
    publisher_of(store).drain()
    assert sum(post.account_id == ACCOUNT for post in network.posts) == commits_at_stop[0]
    publisher_of(store).drain()
    theirs = [post for post in network.posts if post.account_id == "bluesky:other"]
    assert len(theirs) == 1 or client_id is None
    assert sum(post.account_id == ACCOUNT for post in network.posts) == commits_at_stop[0]
    (stop,) = store.stops(TenantScope.of("acme"))
    assert (stop.client_id, stop.actor, stop.reason) == (client_id, "anna", "wrong picture")
    assert bool(store.stops(TenantScope.of("other"))) is (client_id is None)

    network.fault = lambda here, request: None
    store.resume(actor="anna", client_id=client_id)
    publisher_of(store).drain()
    assert len(network.posts) == 11
    assert len({post.intent_id for post in network.posts}) == 11


def test_under_a_stop_a_lost_answer_is_read_for_but_not_sent_again(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers
) -> None:
    def lose_and_stop() -> None:
        store.stop(actor="anna", reason="wait")
        raise NetworkError(ErrorClass.AMBIGUOUS, "lost", network="bluesky")

    queue(store, "item-1")
    network.fault = at("commit:before", lose_and_stop)
    publisher_of(store).drain()
    assert (network.count("find"), network.count("commit"), network.posts) == (1, 1, [])
    store.resume(actor="anna")
    publisher_of(store).drain()
    assert len(network.posts) == 1
