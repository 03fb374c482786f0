"""Webhook deliveries: kept once whoever receives them, gathered into batches that never change, settled by what was read."""

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from contracts.networks import Network
from contracts.records import CollectionFailure, Notice
from contracts.scope import TenantScope
from operations import DeliveryState, SqlStore
from operations.deliveries import MAX_TRIES, RAW_KEPT_FOR
from operations.models import DeliveryRow
from tests.unit.operations.fakes import NOW, a_client, an_account

ALL = TenantScope.all_clients("test")


def notice(native_id: str = "1", *posts: str, asks: bool = True) -> Notice:
    return Notice(
        network=Network.BLUESKY,
        native_account_ids=(native_id,),
        kinds=("comments",),
        native_post_ids=posts,
        asks_to_read=asks,
        raw='{"text": "what somebody wrote"}',
    )


def failure(error_class: str, account_id: str = "bluesky:1") -> CollectionFailure:
    return CollectionFailure(
        client_id="acme",
        account_id=account_id,
        network=Network.BLUESKY,
        what="posts",
        error_class=error_class,
        message="said no",
    )


@pytest.fixture
def two_accounts(bare_store: SqlStore) -> SqlStore:
    """Two clients with an account each, `1` and `2`."""
    for client_id, native_id in (("acme", "1"), ("other", "2")):
        bare_store.save_client(a_client(client_id), actor="anna")
        account = an_account(f"bluesky:{native_id}").model_copy(update={"client_id": client_id, "native_id": native_id})
        bare_store.save_account(account, actor="anna")
    return bare_store


def batch_of(store: SqlStore) -> str:
    [batch_id] = {d.batch_id for d in store.deliveries(ALL, states=("collecting",))}
    assert batch_id is not None
    return batch_id


def test_a_delivery_is_kept_once_and_each_client_sees_its_own(two_accounts: SqlStore) -> None:
    store = two_accounts
    first = store.receive("k", [notice("1", "p"), notice("2"), notice("stranger")], at=NOW)
    assert (first.new, first.repeated, first.unknown) == (2, 0, ("stranger",))
    again = store.receive("k", [notice("1", "p"), notice("2"), notice("stranger")], at=NOW + timedelta(hours=1))
    assert (again.new, again.repeated) == (0, 2)
    [kept] = store.deliveries(TenantScope.of("acme"))
    assert (kept.account_id, kept.native_post_ids, kept.received_at, kept.state) == (
        "bluesky:1",
        ("p",),
        NOW,
        "received",
    )
    assert len(store.deliveries(ALL)) == 2


def test_nothing_is_kept_of_an_account_that_nobody_has(two_accounts: SqlStore) -> None:
    assert two_accounts.receive("k", [notice("stranger")], at=NOW).unknown == ("stranger",)
    assert two_accounts.deliveries(ALL) == ()


def test_an_account_is_found_by_any_of_its_names(two_accounts: SqlStore) -> None:
    named = notice().model_copy(update={"native_account_ids": ("urn:li:organization:1", "1")})
    assert two_accounts.receive("k", [named], at=NOW).new == 1


def _receive_in_process(url: str, key_path: Path, start: Any, results: Any) -> None:
    with SqlStore(url, master_key_path=key_path) as store:
        start.wait()
        results.put([store.receive(f"k{n}", [notice("1"), notice("2")], at=NOW).new for n in range(20)])


def test_two_processes_at_the_same_moment_keep_it_once(
    two_accounts: SqlStore, store_url: str, master_key_path: Path
) -> None:
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(2), context.Queue()
    processes = [
        context.Process(target=_receive_in_process, args=(store_url, master_key_path, start, results)) for _ in range(2)
    ]
    for process in processes:
        process.start()
    news = [results.get(), results.get()]
    for process in processes:
        process.join()
    assert [a + b for a, b in zip(*news, strict=True)] == [2] * 20
    assert len(two_accounts.deliveries(ALL)) == 40


def test_threads_at_the_same_moment_keep_it_once(two_accounts: SqlStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        receptions = list(pool.map(lambda _: two_accounts.receive("k", [notice("1")], at=NOW), range(40)))
    assert sum(reception.new for reception in receptions) == 1
    assert sum(reception.repeated for reception in receptions) == 39


def test_a_batch_never_changes_and_what_arrives_meanwhile_waits_together(two_accounts: SqlStore) -> None:
    store = two_accounts
    store.receive("a", [notice("1", "p")], at=NOW)
    store.receive("b", [notice("1", "q")], at=NOW)
    assert store.claim_deliveries(at=NOW) == 2
    first = batch_of(store)
    for key in "cd":
        store.receive(key, [notice("1")], at=NOW)
    assert store.claim_deliveries(at=NOW) == 0, "the account is being read"
    store.receive("e", [notice("2")], at=NOW)
    assert store.claim_deliveries(at=NOW) == 1, "another account does not wait for it"
    store.settle_deliveries(first, [], at=NOW)
    assert {d.delivery_key: d.state for d in store.deliveries(TenantScope.of("acme"))} == {
        "a": "collected",
        "b": "collected",
        "c": "received",
        "d": "received",
    }
    assert store.claim_deliveries(at=NOW) == 2


def test_what_asks_for_nothing_is_kept_and_never_claimed(two_accounts: SqlStore) -> None:
    two_accounts.receive("k", [notice("1", asks=False)], at=NOW)
    assert two_accounts.claim_deliveries(at=NOW) == 0
    assert [d.state for d in two_accounts.deliveries(ALL)] == ["kept"]


def test_a_passing_trouble_is_tried_again_later_and_not_for_ever(two_accounts: SqlStore) -> None:
    store, now = two_accounts, NOW
    store.receive("k", [notice("1"), notice("2")], at=now)
    for tries in range(1, MAX_TRIES + 1):
        assert store.claim_deliveries(at=now) == (2 if tries == 1 else 1)
        store.settle_deliveries(batch_of(store), [failure("transient")], at=now)
        assert store.claim_deliveries(at=now) == 0, "not at once"
        now += timedelta(hours=1)
    assert store.claim_deliveries(at=now) == 0
    mine, other = store.deliveries(ALL)
    assert (mine.state, mine.tries, mine.reason) == ("failed", MAX_TRIES, "posts: said no")
    assert (other.state, other.tries, other.reason) == ("collected", 1, None)


@pytest.mark.parametrize("error_class", ["auth", "scope", "invalid"])
def test_what_only_a_person_can_mend_has_failed_at_once(two_accounts: SqlStore, error_class: str) -> None:
    two_accounts.receive("k", [notice("1")], at=NOW)
    two_accounts.claim_deliveries(at=NOW)
    two_accounts.settle_deliveries(batch_of(two_accounts), [failure(error_class)], at=NOW)
    [failed] = two_accounts.deliveries(ALL, states=("failed",))
    assert failed.tries == 1


def test_settling_again_changes_nothing(two_accounts: SqlStore) -> None:
    two_accounts.receive("k", [notice("1")], at=NOW)
    two_accounts.claim_deliveries(at=NOW)
    batch_id = batch_of(two_accounts)
    two_accounts.settle_deliveries(batch_id, [], at=NOW)
    before = two_accounts.deliveries(ALL)
    two_accounts.settle_deliveries(batch_id, [failure("auth")], at=NOW)
    assert two_accounts.deliveries(ALL) == before


def test_words_are_forgotten_in_time_and_a_replay_is_known_for_ever(two_accounts: SqlStore) -> None:
    store = two_accounts
    store.receive("old", [notice("1")], at=NOW)
    store.receive("waiting", [notice("2")], at=NOW)
    store.claim_deliveries(at=NOW)
    store.settle_deliveries(batch_of(store), [failure("transient", "bluesky:2")], at=NOW)
    later = NOW + RAW_KEPT_FOR + timedelta(minutes=1)
    store.receive("new", [notice("1")], at=later)
    store.settle_deliveries("no batch", [], at=later)
    with store._database.read() as session:
        rows = session.execute(select(DeliveryRow.delivery_key, DeliveryRow.raw)).all()
    assert {key for key, raw in rows if raw is None} == {"old"}
    assert store.receive("old", [notice("1")], at=later).new == 0


def test_counts_say_where_things_stand(two_accounts: SqlStore) -> None:
    store = two_accounts
    assert store.delivery_counts(ALL) == ()
    assert store.refusals() == ()
    store.receive("a", [notice("1"), notice("2")], at=NOW)
    store.claim_deliveries(at=NOW)
    store.settle_deliveries(batch_of(store), [failure("auth")], at=NOW)
    counts = {c.state: (c.network, c.count, c.reason) for c in store.delivery_counts(ALL)}
    assert counts == {
        DeliveryState.COLLECTED: (Network.BLUESKY, 1, None),
        DeliveryState.FAILED: (Network.BLUESKY, 1, "posts: said no"),
    }
    assert [c.state for c in store.delivery_counts(TenantScope.of("other"))] == [DeliveryState.COLLECTED]
    today = date(2026, 6, 1)
    store.count_refusals("x", {"signature": 3}, day=today)
    store.count_refusals("x", {"signature": 2, "too_large": 1}, day=today)
    store.count_refusals("x", {"signature": 1}, day=today + timedelta(days=1))
    assert [(r.day.day, r.reason, r.count) for r in store.refusals()] == [
        (2, "signature", 1),
        (1, "signature", 5),
        (1, "too_large", 1),
    ]
