"""Direct messages: kept once, tenant-scoped."""

from datetime import timedelta

import pytest

from contracts.networks import Network
from contracts.records import Message
from contracts.scope import TenantScope
from operations import SqlStore
from tests.unit.operations.fakes import NOW, a_client, an_account

ALL = TenantScope.all_clients("test")


def a_message(message_id: str, minutes: int = 0, **changes: object) -> Message:
    values: dict[str, object] = {
        "message_id": message_id,
        "conversation_id": "c-1",
        "account_id": "bluesky:did:plc:acme",
        "client_id": "acme",
        "network": Network.BLUESKY,
        "native_id": message_id,
        "participant_native_id": "person-1",
        "participant_handle": "luisbakes7",
        "is_own": False,
        "text": f"message {message_id}",
        "sent_at": NOW + timedelta(minutes=minutes),
        "observed_at": NOW + timedelta(minutes=minutes),
        "raw": "{}",
    }
    return Message.model_validate({**values, **changes})


def test_messages_are_kept_once_and_read_in_order(store: SqlStore) -> None:
    late, early = a_message("m-1", 5), a_message("m-2", 1)
    assert store.save_messages([late, early]) == 2
    assert store.save_messages([late]) == 0
    assert store.messages(ALL, "c-1") == (early, late)
    (thread,) = store.conversations(ALL)
    assert (thread.conversation_id, thread.last_message_at) == ("c-1", late.sent_at)


def test_other_clients_see_nothing_of_them(store: SqlStore) -> None:
    store.save_messages([a_message("m-1")])
    other = TenantScope.of("other")
    assert store.conversations(other) == ()
    assert store.messages(other, "c-1") == ()


def test_a_message_of_a_wrong_account_or_thread_is_refused_whole(store: SqlStore) -> None:
    with pytest.raises(ValueError, match="no account"):
        store.save_messages([a_message("m-1"), a_message("m-2", account_id="bluesky:else")])
    assert store.conversations(ALL) == ()
    store.save_client(a_client("other"), actor="anna")
    store.save_account(an_account("bluesky:other", "other"), actor="anna")
    store.save_messages([a_message("m-1")])
    with pytest.raises(ValueError, match="another account"):
        store.save_messages([a_message("m-3", client_id="other", account_id="bluesky:other")])
