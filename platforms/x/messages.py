"""Direct messages on X between the account and one person.

Belongs here: message events and their mapping. Does not belong here: posts and answers (`client.py`).

X tells the events of the last 30 days [K], of all conversations in one listing.
"""

from datetime import datetime
from typing import Any

from contracts.networks import Network
from contracts.records import Account, Message
from platforms._shapes import Id, RequiredId, Shape, Text, Time, as_json, read_as, storable

EVENT_PARAMS = {
    "event_types": "MessageCreate",
    "dm_event.fields": "id,text,event_type,created_at,dm_conversation_id",
    "expansions": "sender_id",
    "user.fields": "id,username",
    "max_results": "100",
}


class MessageEvent(Shape):
    id: RequiredId
    text: Text = ""
    created_at: Time = None
    sender_id: Id = None
    dm_conversation_id: Text = ""


def participant_of(account: Account, conversation_id: str) -> str | None:
    """The other side: a conversation of two is called after both, `<id>-<id>`; a group has one number."""
    others = [name for name in conversation_id.split("-") if name != account.native_id]
    return others[0] if len(others) == 1 and "-" in conversation_id else None


def message_from(account: Account, raw: Any, handles: dict[str, str], *, observed_at: datetime) -> Message | None:
    """One message; None when the payload is none, or one of a group's."""
    event = read_as(MessageEvent, raw)
    if event is None or event.created_at is None:
        return None
    participant = participant_of(account, event.dm_conversation_id)
    if participant is None:
        return None
    return Message(
        message_id=f"{Network.X.value}:{event.id}",
        conversation_id=f"{Network.X.value}:{event.dm_conversation_id}",
        account_id=account.account_id,
        client_id=account.client_id,
        network=Network.X,
        native_id=event.id,
        participant_native_id=participant,
        participant_handle=handles.get(participant),
        is_own=event.sender_id == account.native_id,
        text=storable(event.text),
        sent_at=event.created_at,
        observed_at=observed_at,
        raw=as_json(raw),
    )
