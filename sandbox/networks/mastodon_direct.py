"""Direct messages of a Mastodon server: statuses that name one account of it, and that only this account sees.

Each message of a person answers nothing and begins a conversation; the account's answers, which are statuses like any other, continue it.
Belongs here: who sees which message, conversations. Does not belong here: how a status is shown (`mastodon_views.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.host import Host
from sandbox.networks.mastodon_views import MastodonViews
from sandbox.world.model import Account, Comment, DirectMessage, Post


@dataclass(frozen=True)
class Conversation:
    """A message of a person with what the account answered."""

    message: DirectMessage
    newest_id: str
    newest_ms: int

    @property
    def native_id(self) -> str:
        return self.message.native_id[-9:]


class MastodonDirect:
    """Reads the messages that people wrote to accounts."""

    def __init__(self, host: Host, views: MastodonViews) -> None:
        self._host, self._views = host, views

    def conversations(self, me: Account, posts: Sequence[Post]) -> list[Conversation]:
        """The account's conversations, the latest first. `posts`: those of its own that this request may see."""
        own = {post.native_id for post in posts}
        found = []
        for message in self._host.direct_messages(me):
            answers = [answer for answer in self._host.answers(message.native_id) if answer.native_id in own]
            newest = answers[-1] if answers else message
            found.append(Conversation(message, newest.native_id, newest.created_ms))
        return sorted(found, key=lambda c: (c.newest_ms, c.newest_id), reverse=True)

    def received(self, me: Account | None, native_id: str) -> dict[str, Any] | None:
        """A message to this account as a status; None for everybody else."""
        found = (m for m in self._host.direct_messages(me) if m.native_id == native_id) if me else iter(())
        message = next(found, None)
        if me is None or message is None:
            return None
        shown = self._views.comment(_as_comment(message, f"@{me.handle} {message.text}"))
        return shown | {"visibility": "direct", "in_reply_to_id": None, "in_reply_to_account_id": None}

    def person(self, message: DirectMessage) -> dict[str, Any]:
        """Who wrote it."""
        return self._views.author_of(_as_comment(message, message.text))


def _as_comment(message: DirectMessage, text: str) -> Comment:
    """In the shape of what a stranger wrote."""
    return Comment(
        native_id=message.native_id,
        post_id="",
        author_id=message.person_id,
        author_handle=message.person_handle,
        author_name=message.person_name,
        text=text,
        kind="direct",
        created_ms=message.created_ms,
        likes=0,
    )
