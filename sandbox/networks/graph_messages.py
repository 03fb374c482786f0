"""Conversations of the Graph API, which Pages and Instagram accounts share but for the platform's name and how people are called.

Belongs here: what a conversation is, what may be written to whom and when. Does not belong here: paths and paging of one network.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from sandbox.host import Host
from sandbox.networks.graph import Selection, graph_error, graph_time, select, unknown_object
from sandbox.world.model import DAY_MS, Account, DirectMessage
from sandbox.world.seeding import identifier

WINDOW_MS = DAY_MS
"""How long after a person's last message an account may answer."""
PERSON_WINDOW_MS = 7 * DAY_MS
"""How long where a person of the account answers (tag HUMAN_AGENT)."""
MOST_CHARACTERS = {"facebook": 2_000, "instagram": 1_000}
_PLATFORMS = {"facebook": "messenger", "instagram": "instagram"}
_OUTSIDE_WINDOW = 2018278
_DIGITS = "0123456789"


@dataclass(frozen=True)
class Conversation:
    """All messages between an account and one person, newest first."""

    native_id: str
    messages: list[DirectMessage]


class GraphMessages:
    """Reads and writes direct messages of one network."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def conversations(self, me: Account, params: Mapping[str, str], *, lag_seconds: float) -> list[Conversation]:
        """An account's conversations, the latest first. Raises the network's refusal."""
        if params.get("platform", "messenger") != _PLATFORMS[me.network]:
            return []
        found = self._of(me, lag_seconds)
        return sorted(found.values(), key=lambda c: c.messages[0].created_ms, reverse=True)

    def conversation(self, me: Account, native_id: str, *, lag_seconds: float = 0.0) -> Conversation | None:
        return self._of(me, lag_seconds).get(native_id)

    def _of(self, me: Account, lag_seconds: float) -> dict[str, Conversation]:
        found: dict[str, Conversation] = {}
        for message in reversed(self._host.direct_messages(me, lag_seconds=lag_seconds)):
            prefix = "t_" if me.network == "facebook" else "aWdfZAG06"
            native_id = prefix + identifier(_DIGITS, 15, me.native_id, message.person_id)
            found.setdefault(native_id, Conversation(native_id, [])).messages.append(message)
        return found

    def show_conversation(self, me: Account, shown: Conversation, wanted: Mapping[str, Selection]) -> dict[str, Any]:
        newest = shown.messages[0]
        values: dict[str, Callable[[], Any]] = {
            "id": lambda: shown.native_id,
            "updated_time": lambda: graph_time(newest.created_ms),
            "participants": lambda: {"data": [self._person(me, newest), self._account(me)]},
            "message_count": lambda: len(shown.messages),
            "snippet": lambda: newest.text,
        }
        return {"id": shown.native_id} | select(values, wanted, "UnifiedThread")

    def show_message(self, me: Account, message: DirectMessage, wanted: Mapping[str, Selection]) -> dict[str, Any]:
        sides = [self._account(me), self._person(me, message)]
        sender, recipient = sides if message.is_own else sides[::-1]
        values: dict[str, Callable[[], Any]] = {
            "id": lambda: message.native_id,
            "created_time": lambda: graph_time(message.created_ms),
            "from": lambda: sender,
            "to": lambda: {"data": [recipient]},
            "message": lambda: message.text,
        }
        return {"id": message.native_id} | select(values, wanted, "UnifiedMessage")

    def send(self, me: Account, fields: Mapping[str, str]) -> dict[str, Any]:
        """Write to a person who wrote to the account not too long ago. Raises the network's refusal."""
        person_id, text = _part(fields, "recipient", "id"), _part(fields, "message", "text")
        if not 1 <= len(text) <= MOST_CHARACTERS[me.network]:
            raise graph_error("(#100) Length of param message[text] is out of range", 100)
        received = [m for m in self._host.direct_messages(me) if m.person_id == person_id and not m.is_own]
        if not received:
            raise unknown_object(person_id, "post")
        is_tagged = fields.get("messaging_type") == "MESSAGE_TAG" and fields.get("tag") == "HUMAN_AGENT"
        if self._host.clock.now_ms - received[-1].created_ms > (PERSON_WINDOW_MS if is_tagged else WINDOW_MS):
            message = "(#10) This message is sent outside of allowed window."
            raise graph_error(message, 10, subcode=_OUTSIDE_WINDOW)
        return {"recipient_id": person_id, "message_id": self._host.send_direct_message(me, person_id, text)}

    @staticmethod
    def _account(me: Account) -> dict[str, Any]:
        if me.network == "instagram":
            return {"id": me.native_id, "username": me.handle}
        return {"id": me.native_id, "name": me.display_name, "email": f"{me.native_id}@facebook.com"}

    @staticmethod
    def _person(me: Account, message: DirectMessage) -> dict[str, Any]:
        if me.network == "instagram":
            return {"id": message.person_id, "username": message.person_handle}
        email = f"{message.person_id}@facebook.com"
        return {"id": message.person_id, "name": message.person_name, "email": email}


def _part(fields: Mapping[str, str], name: str, key: str) -> str:
    """A part of an object that stands in a form as JSON."""
    try:
        value = orjson.loads(fields.get(name, ""))
    except orjson.JSONDecodeError:
        value = None
    part = value.get(key) if isinstance(value, dict) else None
    if not isinstance(part, str):
        raise graph_error(f"(#100) The parameter {name} is required", 100)
    return part
