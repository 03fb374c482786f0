"""Direct messages on X between the account and one person.

Belongs here: message events, their mapping, the answer's calls. Does not belong here: posts and answers to them (`client.py`).

X tells the events of the last 30 days [K], of all conversations in one listing. Messages take no key of ours: after a lost answer the
conversation is read, which can prove presence only.
"""

import json
from datetime import datetime
from typing import Any

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Network
from contracts.records import Account, Message
from platforms._shapes import Id, RequiredId, Shape, Text, Time, as_json, read_as, storable
from platforms.x import mapping
from platforms.x.errors import UNNAMED
from platforms.x.models import XPost

EVENT_PARAMS = {
    "event_types": "MessageCreate",
    "dm_event.fields": "id,text,event_type,created_at,dm_conversation_id,entities",
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


class SentEvent(Shape):
    dm_event_id: RequiredId


class Sent(Shape):
    data: SentEvent


def in_its_place(error: NetworkError) -> NetworkError:
    """The refusal, but for a bare 403, which is about this person alone: not everybody takes messages. It says nothing against the
    account."""
    if error.error_class is not ErrorClass.SCOPE or error.code != UNNAMED:
        return error
    message = f"X does not let this account write to that person: {error.message}"
    return NetworkError(ErrorClass.INVALID, message, network=error.network, code=error.code, status=error.status)


def is_same_text(sent: str, message: Message) -> bool:
    """Whether a message's text is what was sent, but for what X does to links, as in posts [K]."""
    shown = read_as(XPost, json.loads(message.raw))
    return shown is not None and mapping.is_same_text(sent, shown)


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
