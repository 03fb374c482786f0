"""Direct messages of X: events of the last 30 days, and writing to one person.

Belongs here: events and conversations of two. Does not belong here: posts (`x.py`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.host import Host
from sandbox.networks.rest import Endpoint, RestCall
from sandbox.networks.x_refusals import forbidden, invalid
from sandbox.networks.x_views import x_time
from sandbox.networks.x_words import USER_FIELDS
from sandbox.wire import Answer
from sandbox.world.model import DAY_MS, Account, DirectMessage

DAYS = 30
MOST_CHARACTERS = 10_000
_FIELDS = frozenset(["attachments", "created_at", "dm_conversation_id", "entities", "event_type", "id", "text"])
_EXPANSIONS = frozenset(["attachments.media_keys", "participant_ids", "referenced_posts", "sender_id"])
_KNOWN = {
    "dm_event.fields": _FIELDS,
    "expansions": _EXPANSIONS,
    "user.fields": USER_FIELDS,
    "event_types": frozenset({"MessageCreate", "ParticipantsJoin", "ParticipantsLeave"}),
}


class MessageCalls:
    """Reads and writes messages of all accounts."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def endpoints(self) -> Sequence[Endpoint]:
        one = "/2/dm_conversations/with/{participant_id}/"
        return (
            Endpoint("GET", "/2/dm_events", "read", self._events),
            Endpoint("GET", one + "dm_events", "read", self._events_with),
            Endpoint("POST", one + "messages", "reply", self._send),
        )

    async def _events(self, call: RestCall) -> Answer:
        return self._listing(call, self._recent(call))

    async def _events_with(self, call: RestCall) -> Answer:
        person_id = call.path("participant_id")
        return self._listing(call, [m for m in self._recent(call) if m.person_id == person_id])

    def _recent(self, call: RestCall) -> list[DirectMessage]:
        since = self._host.clock.now_ms - DAYS * DAY_MS
        found = self._host.direct_messages(call.caller, lag_seconds=call.lag_seconds)
        return [message for message in reversed(found) if message.created_ms > since]

    def _listing(self, call: RestCall, messages: Sequence[DirectMessage]) -> Answer:
        """A page, newest first; the token of the next is where it begins."""
        asked = _asked(call.params)
        size, token = call.params.get("max_results", "100"), call.params.get("pagination_token", "0" * 16)
        if not size.isdecimal() or not 1 <= int(size) <= 100:
            raise invalid("The `max_results` query parameter is not between 1 and 100", "max_results")
        if not token.isdecimal() or len(token) < 16:
            raise invalid("The `pagination_token` query parameter is not valid", "pagination_token")
        start = int(token)
        shown = list(messages[start : start + int(size)])
        if "empty_page" in call.effects:
            shown = []
        end = start + len(shown)
        meta: dict[str, Any] = {"result_count": len(shown)}
        if end < len(messages):
            meta["next_token"] = f"{end:016d}"
        data = [self._event(call.caller, message, asked) for message in shown]
        if "duplicate_answer" in call.effects:
            data = [event for event in data for _ in range(2)]
        body: dict[str, Any] = {"meta": meta} | ({"data": data} if data else {})
        if "sender_id" in asked["expansions"] and shown:
            senders = {m.person_id: m.person_handle for m in shown if not m.is_own}
            if any(message.is_own for message in shown):
                senders[call.caller.native_id] = call.caller.handle
            users = [{"id": native_id, "username": handle, "name": handle} for native_id, handle in senders.items()]
            body["includes"] = {"users": users}
        return Answer(body)

    @staticmethod
    def _event(me: Account, message: DirectMessage, asked: Mapping[str, frozenset[str]]) -> dict[str, Any]:
        fields = asked["dm_event.fields"]
        event: dict[str, Any] = {"id": message.native_id, "event_type": "MessageCreate", "text": message.text}
        if "created_at" in fields:
            event["created_at"] = x_time(message.created_ms)
        if "dm_conversation_id" in fields:
            event["dm_conversation_id"] = conversation_id(me, message.person_id)
        if "sender_id" in asked["expansions"]:
            event["sender_id"] = me.native_id if message.is_own else message.person_id
        return event

    async def _send(self, call: RestCall) -> Answer:
        body, person_id = call.json(), call.path("participant_id")
        text = body.get("text") if isinstance(body, dict) else None
        if not isinstance(text, str) or not 1 <= len(text) <= MOST_CHARACTERS:
            raise invalid("$.text: must have 1 to 10000 characters", "text")
        if person_id not in {message.person_id for message in self._host.direct_messages(call.caller)}:
            raise forbidden("You do not have permission to DM one or more participants.")
        event_id = self._host.send_direct_message(call.caller, person_id, text)
        made = {"dm_conversation_id": conversation_id(call.caller, person_id), "dm_event_id": event_id}
        return Answer({"data": made}, 201)


def conversation_id(me: Account, person_id: str) -> str:
    """What a conversation of two is called: both ids, the smaller first."""
    return "-".join(sorted((me.native_id, person_id), key=int))


def _asked(params: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """The words of a request by parameter. Raises X's refusal for any that it does not know."""
    asked = {name: frozenset(params[name].split(",")) if name in params else frozenset[str]() for name in _KNOWN}
    if unknown := sorted(set(params) - {*_KNOWN, "max_results", "pagination_token"}):
        raise invalid(f"The query parameter [{unknown[0]}] is not known", unknown[0])
    for name, words in asked.items():
        if strange := sorted(words - _KNOWN[name]):
            raise invalid(f"The `{name}` query parameter value [{strange[0]}] is not known", name)
    return asked
