"""Mastodon's shapes to Pulso's records.

Belongs here: pure mapping, one payload in, records out. Does not belong here: calls (`client.py`), words (`texts.py`).
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from contracts.networks import ContentFormat, Network
from contracts.records import Account, AccountSnapshot, Comment, Post, PostMetricPoint
from platforms._points import metric_point
from platforms._shapes import as_json, count_or_none, read_as, storable
from platforms.mastodon import texts
from platforms.mastodon.models import Attachment, Card, Profile, Status, Words

METRICS = {
    "favourites_count": "likes",
    "replies_count": "comments",
    "reblogs_count": "shares",
    "quotes_count": "quotes",
}
"""Mastodon's name -> Pulso's. Nobody is told how often a status was seen, nor how often it was bookmarked."""

LISTED, SINGLE = "statuses", "status"
"""Sources of a count: the listing of the account's statuses, or one status asked for by its id."""

VIEWERS = frozenset({"account", "favourited", "reblogged", "muted", "bookmarked", "filtered"})
"""Fields of an own post that say who reads it, not what it is; the account is known."""
_PRIVATE = frozenset({"source", "role"})

DIRECT = "direct"
"""Visibility of a message: no post, and no answer for everybody's eyes."""

_FORMATS = {
    "image": ContentFormat.IMAGE,
    "video": ContentFormat.VIDEO,
    "gifv": ContentFormat.VIDEO,
    "audio": ContentFormat.VIDEO,
}


def post_id_of(native_id: str) -> str:
    return f"{Network.MASTODON.value}:{native_id}"


def words_of(status: Words) -> str:
    """What the author wrote, as far as the server lets it be known."""
    return storable(status.text if status.text is not None else texts.plain(status.content))


def attachments_of(status: Status) -> list[Attachment]:
    return [a for raw in status.media_attachments if (a := read_as(Attachment, raw)) is not None]


def post_from(account: Account, raw: dict[str, Any], *, observed_at: datetime) -> Post | None:
    """One own post; None when the payload is none: without id or time, somebody else's passed on, or a direct message."""
    status = read_as(Status, raw)
    if status is None or status.created_at is None or status.reblog is not None or status.visibility == DIRECT:
        return None
    content_format, media_count = format_of(status)
    card = status.card or Card()
    return Post(
        post_id=post_id_of(status.id),
        account_id=account.account_id,
        client_id=account.client_id,
        network=Network.MASTODON,
        native_id=status.id,
        permalink=status.url or status.uri,
        text=words_of(status),
        link_url=card.url,
        link_title=card.title,
        content_format=content_format,
        media_count=media_count,
        published_at=status.created_at,
        observed_at=observed_at,
        is_reply=status.in_reply_to_id is not None,
        raw=as_json({k: v for k, v in raw.items() if k not in VIEWERS}),
    )


def metrics_from(
    account: Account, raw: dict[str, Any], *, observed_at: datetime, source: str
) -> tuple[PostMetricPoint, ...]:
    """The counts that this payload carries; a count that it lacks has no row."""
    status = read_as(Status, raw)
    if status is None or status.created_at is None or status.reblog is not None or status.visibility == DIRECT:
        return ()
    return tuple(
        metric_point(
            account, post_id_of(status.id), status.created_at, metric, value, observed_at, source, {name: value}
        )
        for name, metric in METRICS.items()
        if (value := getattr(status, name)) is not None
    )


def remapped_post(account: Account, raw: dict[str, Any], *, observed_at: datetime) -> Post | None:
    """A kept post payload mapped again."""
    return post_from(account, raw, observed_at=observed_at)


def remapped_metrics(account: Account, raw: dict[str, Any], *, observed_at: datetime) -> tuple[PostMetricPoint, ...]:
    """The counts in a kept post payload mapped again: posts are kept out of listings only."""
    return metrics_from(account, raw, observed_at=observed_at, source=LISTED)


def metric_value(source: str, metric: str, raw: str) -> int | None:  # noqa: ARG001
    """The value in a kept metric payload (`raw` of a metric point); both sources keep it alike."""
    payload = json.loads(raw)
    names = {ours: theirs for theirs, ours in METRICS.items()}
    return count_or_none(payload.get(names.get(metric, ""))) if isinstance(payload, dict) else None


def format_of(status: Status) -> tuple[ContentFormat, int]:
    """Format and number of media. A single post of a thread is a post like any other: only its intent knows the thread."""
    attachments = attachments_of(status)
    if status.poll is not None:
        return ContentFormat.POLL, len(attachments)
    if len(attachments) > 1:
        return ContentFormat.CAROUSEL, len(attachments)
    if attachments:
        return _FORMATS.get(attachments[0].type, ContentFormat.IMAGE), 1
    return (ContentFormat.LINK if status.card is not None else ContentFormat.TEXT), 0


def snapshot_from(account: Account, profile: Profile, raw: dict[str, Any], *, observed_at: datetime) -> AccountSnapshot:
    return AccountSnapshot(
        account_id=account.account_id,
        client_id=account.client_id,
        network=Network.MASTODON,
        native_id=profile.id,
        handle=_handle_of(account, profile),
        display_name=storable(profile.display_name) if profile.display_name else None,
        followers=profile.followers_count,
        following=profile.following_count,
        posts_count=profile.statuses_count,
        observed_at=observed_at,
        raw=as_json({k: v for k, v in raw.items() if k not in _PRIVATE}),
    )


def _handle_of(account: Account, profile: Profile) -> str:
    """The handle that we know, domain and all, while the server calls it the same without the domain."""
    known = account.handle.lstrip("@")
    if profile.acct is None or profile.acct.casefold() == known.partition("@")[0].casefold():
        return account.handle
    return profile.acct


def comments_from(account: Account, post: Post, raws: Sequence[Any], *, observed_at: datetime) -> Iterator[Comment]:
    """Every answer below the post, each naming the one that it answers (None: the post itself)."""
    for raw in raws:
        status = read_as(Words, raw)
        if status is None or status.created_at is None or status.visibility == DIRECT:
            continue
        answered = status.in_reply_to_id
        yield Comment(
            comment_id=post_id_of(status.id),
            post_id=post.post_id,
            account_id=account.account_id,
            client_id=account.client_id,
            network=Network.MASTODON,
            native_id=status.id,
            parent_comment_id=None if answered in (None, post.native_id) else post_id_of(str(answered)),
            author_native_id=status.account.id,
            author_handle=status.account.acct,
            text=words_of(status),
            likes=status.favourites_count,
            commented_at=status.created_at,
            observed_at=observed_at,
            is_own=status.account.id == account.native_id,
            raw=as_json({k: v for k, v in raw.items() if k not in VIEWERS - {"account"}}),
        )
