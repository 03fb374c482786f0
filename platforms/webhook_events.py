"""What a verified webhook delivery says: which accounts, which of their posts, what kind of event.

Belongs here: pure reading of the four networks' bodies. Does not belong here: verification (`webhooks.py`), what is done about it.

A delivery is a hint where to look, never the data itself: comments and counts are read through the connectors, as always. So a shape that
is not known costs nothing but precision: an event without a post means the whole account, an event of an unknown kind asks for a reading,
and one that names no account is nobody's.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from contracts.networks import Network
from contracts.records import Notice
from platforms._shapes import Id, Items, Object, RequiredId, Shape, Text, as_json, read_as, storable


@dataclass(frozen=True)
class _Event:
    """One event. `account_ids`: names of the one account."""

    network: Network
    account_ids: tuple[str, ...]
    kind: str
    post_id: str | None
    raw: Any
    asks_to_read: bool = True


def notices(network: Network, body: bytes) -> tuple[Notice, ...] | None:
    """One notice for each account that the body tells of; None when the body is no JSON object."""
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(payload, dict):
        return None
    of_account: dict[tuple[Network, tuple[str, ...]], list[_Event]] = {}
    for event in _READERS[network](payload):
        of_account.setdefault((event.network, event.account_ids), []).append(event)
    return tuple(_notice(events) for events in of_account.values())


def _notice(events: list[_Event]) -> Notice:
    asking = [event for event in events if event.asks_to_read]
    posts = [event.post_id for event in asking]
    raws = list({id(event.raw): event.raw for event in events}.values())
    return Notice(
        network=events[0].network,
        native_account_ids=_distinct(events[0].account_ids),
        kinds=_distinct(event.kind for event in events),
        native_post_ids=() if None in posts else _distinct(post for post in posts if post is not None),
        asks_to_read=bool(asking),
        raw=as_json(raws[0] if len(raws) == 1 else raws),
    )


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_text(value) for value in values))


def _text(value: str) -> str:
    """As any database takes it."""
    return storable(value).replace("\0", "")


# --- Meta: Instagram and Facebook Pages ----------------------------------------------------------------------------------

_META_OBJECTS = {"instagram": Network.INSTAGRAM, "page": Network.FACEBOOK}
_META_MESSAGES = frozenset({"messaging", "standby", "messages", "message_reactions", "messaging_seen"})  # [K]
"""Direct messages, which Pulso does not read."""


class _MetaMedia(Shape):
    id: Id = None


class _MetaValue(Shape):
    item: Text = ""  # [K] Facebook: what of the feed changed: comment, reaction, status, photo, ...
    post_id: Id = None  # [K] Facebook
    media: Annotated[_MetaMedia, Object] | None = None  # [K] Instagram, comments
    media_id: Id = None  # [K] Instagram, mentions and story insights


class _MetaChange(Shape):
    field: Text = ""
    value: Annotated[_MetaValue | None, Object] = None


class _MetaEntry(Shape):
    id: RequiredId
    changes: Items = ()
    messaging: Items = ()
    standby: Items = ()


def _of_meta(payload: Mapping[str, Any]) -> Iterator[_Event]:
    network = _META_OBJECTS.get(str(payload.get("object")))
    entries = payload.get("entry")
    if network is None or not isinstance(entries, list):
        return
    for raw in entries:
        entry = read_as(_MetaEntry, raw)
        if entry is None:
            continue
        for raw_change in entry.changes:
            change = read_as(_MetaChange, raw_change) or _MetaChange()
            value = change.value or _MetaValue()
            kind = f"{change.field}/{value.item}" if value.item else change.field
            post_id = value.post_id or (value.media.id if value.media else None) or value.media_id
            yield _Event(network, (entry.id,), kind, post_id, raw, asks_to_read=change.field not in _META_MESSAGES)
        for name in ("messaging", "standby"):
            if getattr(entry, name):
                yield _Event(network, (entry.id,), name, None, raw, asks_to_read=False)
        if not (entry.changes or entry.messaging or entry.standby):  # something that is not known yet
            yield _Event(network, (entry.id,), "", None, raw)


# --- X: account activity -------------------------------------------------------------------------------------------------

_X_UNREAD = frozenset(
    {
        "direct_message_events",
        "direct_message_indicate_typing_events",
        "direct_message_mark_read_events",
        "follow_events",
        "block_events",
        "mute_events",
    }
)  # [K]
"""Direct messages, which Pulso does not read, and people, whom it counts once a day."""


class _XUser(Shape):
    id_str: Id = None


class _XReference(Shape):
    id_str: Id = None
    id: Id = None


class _XItem(Shape):
    """An item of any of the lists: a post, a like with the post liked, a deletion with the post deleted. [K]"""

    user: Annotated[_XUser | None, Object] = None
    in_reply_to_status_id_str: Id = None
    quoted_status_id_str: Id = None
    retweeted_status: Annotated[_XReference | None, Object] = None
    favorited_status: Annotated[_XReference | None, Object] = None
    status: Annotated[_XReference | None, Object] = None

    def post_of(self, account_id: str) -> str | None:
        """The account's post that somebody else did something to; None for its own new posts, and for mere mentions."""
        if self.user is not None and self.user.id_str == account_id:
            return None
        about = (self.retweeted_status, self.favorited_status, self.status)
        named = [reference.id_str or reference.id for reference in about if reference is not None]
        return next(filter(None, (*named, self.in_reply_to_status_id_str, self.quoted_status_id_str)), None)


class _XActivity(Shape):
    for_user_id: RequiredId


def _of_x(payload: Mapping[str, Any]) -> Iterator[_Event]:
    activity = read_as(_XActivity, payload)
    if activity is None:
        return
    account = (activity.for_user_id,)
    known = [(name, items) for name, items in payload.items() if name.endswith("_events") and isinstance(items, list)]
    for kind, items in known:
        for raw in items or [None]:
            post_id = (read_as(_XItem, raw) or _XItem()).post_of(activity.for_user_id)
            yield _Event(Network.X, account, kind, post_id, payload, asks_to_read=kind not in _X_UNREAD)
    if not known:  # `user_event` (access was taken back), and what is not known yet
        yield _Event(Network.X, account, "user_event" if "user_event" in payload else "", None, payload)


# --- LinkedIn: social actions on an organization's posts -----------------------------------------------------------------

_ORGANIZATION = "urn:li:organization:"


class _LinkedInNotification(Shape):
    entity: RequiredId = Field(alias="organizationalEntity")  # [K]
    action: Text = ""  # [K] LIKE, COMMENT, COMMENT_EDIT, COMMENT_DELETE, SHARE, SHARE_MENTION, ...
    source_post: Id = Field(default=None, alias="sourcePost")  # [K]


def _of_linkedin(payload: Mapping[str, Any]) -> Iterator[_Event]:
    items = payload.get("notifications")  # [K] up to ten at once
    for raw in items if isinstance(items, list) else ():
        notification = read_as(_LinkedInNotification, raw)
        if notification is not None:
            urn = notification.entity
            names = (urn, urn.removeprefix(_ORGANIZATION)) if urn.startswith(_ORGANIZATION) else (urn,)
            yield _Event(Network.LINKEDIN, names, notification.action, notification.source_post, raw)


# --- TikTok --------------------------------------------------------------------------------------------------------------

_TIKTOK_MESSAGES = "im_"  # [K] direct messages, which Pulso does not read, begin so


class _TikTokContent(Shape):
    post_id: Id = None  # [K] post.publish.*, absent until the post has passed moderation
    video_id: Id = None  # [K] comment.update


class _TikTokDelivery(Shape):
    user_openid: RequiredId
    event: Text = ""
    content: Any = None


def _of_tiktok(payload: Mapping[str, Any]) -> Iterator[_Event]:
    delivery = read_as(_TikTokDelivery, payload)
    if delivery is None:
        return
    content = _tiktok_content(delivery.content)
    asks = not delivery.event.startswith(_TIKTOK_MESSAGES)
    post_id = content.post_id or content.video_id
    yield _Event(Network.TIKTOK, (delivery.user_openid,), delivery.event, post_id, payload, asks_to_read=asks)


def _tiktok_content(content: Any) -> _TikTokContent:
    """`content` is an object written as a string; ids in it may be bare numbers beyond 2^53."""
    if isinstance(content, str):
        try:
            content = json.loads(content)
        except (ValueError, RecursionError):
            content = None
    return read_as(_TikTokContent, content) or _TikTokContent()


_READERS: Mapping[Network, Callable[[Mapping[str, Any]], Iterator[_Event]]] = {
    Network.FACEBOOK: _of_meta,
    Network.INSTAGRAM: _of_meta,
    Network.LINKEDIN: _of_linkedin,
    Network.TIKTOK: _of_tiktok,
    Network.X: _of_x,
}
