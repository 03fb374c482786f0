"""Direct messages on Mastodon: statuses that only those who are named in them see.

Belongs here: conversations and the mapping of their statuses. Does not belong here: posts and answers (`mapping.py`).

A conversation is listed by its newest status; the others are those that it answers and those that answer it.
"""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any

from contracts.errors import NetworkError
from contracts.networks import Network
from contracts.records import Account, Message, PublishRequest
from platforms._shapes import as_json, read_as
from platforms.mastodon.errors import GONE
from platforms.mastodon.mapping import DIRECT, VIEWERS, words_of
from platforms.mastodon.models import Actor, Context, Conversation, Status
from platforms.mastodon.wire import Wire, read


def as_status(request: PublishRequest) -> PublishRequest:
    """An answer to a direct message as what it is here: a direct status that answers it and names its writer."""
    if request.message_to is None:
        return request
    changes = {
        "reply_to_native_comment_id": request.message_to.native_message_id,
        "options": request.options.model_copy(update={"privacy": DIRECT}),
    }
    return request.model_copy(update=changes)


class Messages:
    """Reads an account's conversations."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def read(self, account: Account, *, since: datetime) -> AsyncIterator[tuple[Message, ...]]:
        """Conversations whose newest message was sent since then, each whole as far as it is as young."""
        async for raws in self._wire.pages(account, "conversations", "conversations"):
            for raw in raws:
                conversation = read_as(Conversation, raw)
                newest = read_as(Status, conversation.last_status) if conversation else None
                if conversation is None or newest is None or newest.created_at is None or newest.created_at < since:
                    continue
                people = [person for one in conversation.accounts if (person := read_as(Actor, one)) is not None]
                if len(people) == 1 and people[0].id is not None:
                    found = await self._thread(account, conversation, people[0], newest)
                    if young := tuple(message for message in found if message.sent_at >= since):
                        yield young

    async def _thread(
        self, account: Account, conversation: Conversation, person: Actor, newest: Status
    ) -> list[Message]:
        call = read("context", f"statuses/{newest.id}/context")
        try:
            answer = await self._wire.send(account, call)
        except NetworkError as error:
            if error.status in GONE:
                return []
            raise
        context = self._wire.transport.parse(Context, answer.body, call)
        observed_at = await self._wire.transport.now()
        raws = [*context.ancestors, conversation.last_status, *context.descendants]
        return list(_messages_from(account, conversation.id, person, raws, observed_at=observed_at))


def _messages_from(
    account: Account, conversation_id: str, person: Actor, raws: list[Any], *, observed_at: datetime
) -> Iterator[Message]:
    """The direct ones among these statuses: a private answer may stand below a post for everybody."""
    for raw in raws:
        status = read_as(Status, raw)
        if status is None or status.created_at is None or status.visibility != DIRECT:
            continue
        yield Message(
            message_id=f"{Network.MASTODON.value}:{status.id}",
            conversation_id=f"{Network.MASTODON.value}:{conversation_id}",
            account_id=account.account_id,
            client_id=account.client_id,
            network=Network.MASTODON,
            native_id=status.id,
            participant_native_id=str(person.id),
            participant_handle=person.acct,
            is_own=status.account.id == account.native_id,
            text=words_of(status),
            sent_at=status.created_at,
            observed_at=observed_at,
            raw=as_json({k: v for k, v in raw.items() if k not in VIEWERS - {"account"}}),
        )
