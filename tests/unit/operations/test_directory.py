"""Clients, accounts and competitors: idempotent saves, tenant-scoped reads."""

import pytest

from contracts.errors import PulsoError
from contracts.networks import Network
from contracts.records import ApprovalPolicy, Autonomy, Competitor, Token
from contracts.scope import TenantScope
from operations import SqlStore, UnknownRecordError
from tests.unit.operations.fakes import a_client, an_account

ALL = TenantScope.all_clients("test")


def a_rival(*client_ids: str) -> Competitor:
    return Competitor(
        competitor_id="bluesky:rival",
        network=Network.BLUESKY,
        handle="rival.test",
        profile_url="http://127.0.0.1:1/rival",
        client_ids=client_ids,
    )


def test_a_client_is_saved_replaced_and_read_back_whole(bare_store: SqlStore) -> None:
    client = a_client(autonomy=Autonomy.ASSISTED, approval_policy=ApprovalPolicy(min_forecast_percentile=0.5))
    for _ in range(2):
        bare_store.save_client(client, actor="anna")
    assert bare_store.clients(ALL) == (client,)
    assert [event.action for event in bare_store.audit(ALL)] == ["client_saved"]
    changed = client.model_copy(update={"name": "Acme & Sons", "is_active": False})
    bare_store.save_client(changed, actor="anna")
    assert bare_store.clients(ALL) == (changed,)


def test_autonomy_is_changed_with_its_actor(store: SqlStore) -> None:
    store.set_autonomy("acme", Autonomy.AUTONOMOUS, actor="anna")
    assert store.clients(ALL)[0].autonomy is Autonomy.AUTONOMOUS
    newest = store.audit(ALL)[0]
    assert (newest.actor, newest.detail) == ("anna", {"before": "manual", "after": "autonomous"})
    with pytest.raises(UnknownRecordError):
        store.set_autonomy("nobody", Autonomy.MANUAL, actor="anna")


def test_reads_see_only_their_scope(store: SqlStore) -> None:
    store.save_client(a_client("other"), actor="anna")
    store.save_account(an_account("bluesky:did:plc:other", "other"), actor="anna")
    mine = TenantScope.of("acme")
    assert [client.client_id for client in store.clients(mine)] == ["acme"]
    assert [account.client_id for account in store.accounts(mine)] == ["acme"]
    assert [connection.client_id for connection in store.connections(mine)] == ["acme"]
    assert {event.client_id for event in store.audit(mine)} == {"acme"}
    assert len(store.accounts(ALL)) == 2


def test_an_account_is_saved_again_but_never_moves_to_another_client(store: SqlStore) -> None:
    renamed = an_account().model_copy(update={"handle": "new.test"})
    store.save_account(renamed, actor="anna")
    assert store.accounts(ALL) == (renamed,)
    store.save_client(a_client("other"), actor="anna")
    with pytest.raises(PulsoError, match="another client"):
        store.save_account(an_account(client_id="other"), actor="anna")
    with pytest.raises(UnknownRecordError, match="save it first"):
        store.save_account(an_account("bluesky:x", "nobody"), actor="anna")


def test_a_shared_competitor_does_not_tell_who_else_watches_it(store: SqlStore) -> None:
    store.save_client(a_client("other"), actor="anna")
    for _ in range(2):
        store.save_competitor(a_rival("acme", "other"), actor="anna")
    assert store.competitors(ALL) == (a_rival("acme", "other"),)
    assert store.competitors(TenantScope.of("acme")) == (a_rival("acme"),)
    store.save_competitor(a_rival("other"), actor="anna")
    assert store.competitors(TenantScope.of("acme")) == ()


def test_a_connection_tells_whether_a_credential_is_there(store: SqlStore) -> None:
    assert [connection.is_connected for connection in store.connections(ALL)] == [False]
    store.save_credential(an_account().account_id, Token(access_token="a"), actor="anna")
    assert [connection.is_connected for connection in store.connections(ALL)] == [True]
