"""Direct messages over the Graph API, which Pages and Instagram accounts share but for the name of the platform.

Belongs here: conversations, their messages, answering, shapes and mapping. Does not belong here: comments (each network's own).

Messages take no key of ours. After a lost answer the conversation is read: ours among its messages proves that it landed; where
it is not, nobody can tell (it may show up later).
"""

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Annotated, Any

from contracts.records import Account, Message, MessageTarget, PublishRequest, Receipt, Reconciliation, Staging
from platforms import _graph as graph
from platforms._graph import Page, Part
from platforms._http import CallKind, Transport
from platforms._messages import check, found_among
from platforms._shapes import Id, RequiredId, Shape, Text, Time, as_json, read_as, storable

CONVERSATION_FIELDS = "id,updated_time,participants"
MESSAGE_FIELDS = "id,created_time,from,message"
WINDOW = timedelta(hours=24)
"""After that only a person of the account may answer, and the message has to say so."""
CLOCKS_DIFFER_BY = timedelta(minutes=2)


class Person(Shape):
    """One side of a conversation. Pages and their people have names, Instagram accounts usernames."""

    id: Id = None
    username: Id = None
    name: Id = None


class Conversation(Shape):
    id: RequiredId
    updated_time: Time = None
    participants: Annotated[Page, Part] = Page()


class GraphMessage(Shape):
    id: RequiredId
    created_time: Time = None
    message: Text = ""
    """Empty where only a picture or a sticker was sent."""


class Sent(Shape):
    message_id: RequiredId


class GraphMessages:
    """What one account's connector does with conversations. `platform`: the network's name there, `messenger` or `instagram`."""

    def __init__(self, transport: Transport, platform: str) -> None:
        self._transport, self._platform = transport, platform

    async def read(self, account: Account, *, since: datetime) -> AsyncIterator[tuple[Message, ...]]:
        """Conversations that changed since then, and their messages from then on."""
        path = f"{account.native_id}/conversations"
        fields = {"platform": self._platform, "fields": CONVERSATION_FIELDS}
        async for raws in graph.pages(self._transport, account, "conversations", path, **fields):
            for raw in raws:
                conversation = read_as(Conversation, raw)
                if conversation is None or (conversation.updated_time and conversation.updated_time < since):
                    continue
                person = self._participant(account, conversation)
                if person is not None:
                    async for page in self._messages(account, conversation.id, person, since=since):
                        yield page

    async def _messages(
        self, account: Account, conversation_id: str, person: Person, *, since: datetime
    ) -> AsyncIterator[tuple[Message, ...]]:
        """Messages of one conversation, newest first [K], until `since`."""
        path = f"{conversation_id}/messages"
        async for raws in graph.pages(self._transport, account, "messages", path, fields=MESSAGE_FIELDS):
            observed_at = await self._transport.now()
            found = [
                message
                for raw in raws
                if (message := _message_from(account, conversation_id, person, raw, observed_at=observed_at))
            ]
            if young := tuple(message for message in found if message.sent_at >= since):
                yield young
            if found and len(young) < len(found):
                return

    # --- answering -----------------------------------------------------------------------------------------------------

    async def stage(self, request: PublishRequest, target: MessageTarget, staging: Staging) -> Staging:
        """Remember which messages of ours with this text are there already."""
        check(request)
        if staging.is_complete:
            return staging
        alike = await self._alike(request, target)
        return graph.with_handles(staging, {"alike_before": ",".join(m.native_id for m in alike)}, is_complete=True)

    async def commit(self, request: PublishRequest, target: MessageTarget) -> Receipt:
        """Send it, within the window for everybody or, after that, as a person's answer."""
        is_late = await self._transport.now() - target.received_at > WINDOW
        kind = {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"} if is_late else {"messaging_type": "RESPONSE"}
        form = {
            "recipient": json.dumps({"id": target.participant_native_id}),
            "message": json.dumps({"text": request.text}),
            **kind,
        }
        call = graph.post(CallKind.COMMIT, "send_message", f"{request.account.native_id}/messages", form)
        answer = await self._transport.send(request.account, call)
        sent = self._transport.parse(Sent, answer.body, call)
        published_at = await self._transport.now()
        return Receipt(native_id=sent.message_id, permalink=None, published_at=published_at, how="answered")

    async def find(self, request: PublishRequest, target: MessageTarget, staging: Staging) -> Reconciliation:
        """By reading the conversation, which can prove presence only."""
        return found_among(await self._alike(request, target), request, staging)

    async def _alike(self, request: PublishRequest, target: MessageTarget) -> list[Message]:
        """Own messages of the conversation with this text, not older than the intent."""
        person = Person(id=target.participant_native_id)
        since = request.created_at - CLOCKS_DIFFER_BY
        pages = self._messages(request.account, target.native_conversation_id, person, since=since)
        found = {m.native_id: m async for page in pages for m in page if m.is_own}
        return [m for m in found.values() if graph.same_text(m.text, request.text)]

    @staticmethod
    def _participant(account: Account, conversation: Conversation) -> Person | None:
        """The one person on the other side; None in a group."""
        people = [p for raw in conversation.participants.data if (p := read_as(Person, raw)) is not None and p.id]
        others = [person for person in people if not _is_own(account, person)]
        return others[0] if len(others) == 1 else None


def _is_own(account: Account, person: Person) -> bool:
    """Whether this side is the account itself."""
    return person.id == account.native_id or (
        person.username is not None and person.username.casefold() == account.handle.removeprefix("@").casefold()
    )


def _message_from(
    account: Account, conversation_id: str, person: Person, raw: dict[str, Any], *, observed_at: datetime
) -> Message | None:
    """One message; None when the payload is none."""
    said = read_as(GraphMessage, raw)
    sender = read_as(Person, raw.get("from"))
    if said is None or said.created_time is None or sender is None or sender.id is None:
        return None
    network = account.network.value
    return Message(
        message_id=f"{network}:{said.id}",
        conversation_id=f"{network}:{conversation_id}",
        account_id=account.account_id,
        client_id=account.client_id,
        network=account.network,
        native_id=said.id,
        participant_native_id=str(person.id),
        participant_handle=person.username or person.name,
        is_own=_is_own(account, sender),
        text=storable(said.message),
        sent_at=said.created_time,
        observed_at=observed_at,
        raw=as_json(raw),
    )
