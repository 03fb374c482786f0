"""Bluesky's shapes to Pulso's records.

Belongs here: pure mapping, one payload in, records out. Does not belong here: calls (`client.py`), what is written (`records.py`).
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from contracts.networks import ContentFormat, Network
from contracts.records import Account, AccountSnapshot, Comment, Post, PostMetricPoint
from platforms._points import metric_point
from platforms._shapes import as_json, read_as, storable
from platforms.bluesky.models import Card, PostView, Profile, ThreadNode

POST_COLLECTION = "app.bsky.feed.post"
METRICS = {
    "like_count": ("likes", "likeCount"),
    "reply_count": ("comments", "replyCount"),
    "repost_count": ("shares", "repostCount"),
    "quote_count": ("quotes", "quoteCount"),
    "bookmark_count": ("saves", "bookmarkCount"),
}
"""Field of the model -> Pulso's metric and the wire's name."""


def uri_of(did: str, rkey: str) -> str:
    return f"at://{did}/{POST_COLLECTION}/{rkey}"


def rkey_of(uri: str) -> str:
    return uri.rpartition("/")[2]


def permalink_of(uri: str) -> str:
    """The public page. By DID, which outlives a change of handle."""
    did = uri.removeprefix("at://").partition("/")[0]
    return f"https://bsky.app/profile/{did}/post/{rkey_of(uri)}"


def post_id_of(uri: str) -> str:
    return f"{Network.BLUESKY.value}:{uri}"


def published_at_of(view: PostView) -> datetime | None:
    """`createdAt`, which clients may set at will, but never later than the AppView first saw the post."""
    written, indexed = view.record.created_at, view.indexed_at
    if written is not None and indexed is not None:
        return min(written, indexed)
    return written or indexed


def view_of(raw: Any) -> PostView | None:
    """The payload as a post, or None when it is none: without address or time."""
    try:
        view = PostView.model_validate(raw)
    except ValidationError:
        return None
    return view if published_at_of(view) is not None else None


def post_from(account: Account, raw: dict[str, Any], *, observed_at: datetime) -> Post | None:
    """One post out of a post view or a listed record; None when the payload is no post."""
    view = view_of(raw)
    published_at = published_at_of(view) if view else None
    if view is None or published_at is None:
        return None
    content_format, media_count = format_of(view.record.embed)
    card = card_of(view.record.embed)
    return Post(
        post_id=post_id_of(view.uri),
        account_id=account.account_id,
        client_id=account.client_id,
        network=Network.BLUESKY,
        native_id=view.uri,
        permalink=permalink_of(view.uri),
        text=storable(view.record.text),
        link_url=card.uri,
        link_title=card.title,
        content_format=content_format,
        media_count=media_count,
        published_at=published_at,
        observed_at=observed_at,
        is_reply=view.record.reply is not None,
        raw=as_json({k: v for k, v in raw.items() if k != "viewer"}),
    )


def metrics_from(
    account: Account, raw: dict[str, Any], *, observed_at: datetime, source: str
) -> tuple[PostMetricPoint, ...]:
    """The counts that this payload carries; a count that it lacks has no row."""
    view = view_of(raw)
    published_at = published_at_of(view) if view else None
    if view is None or published_at is None:
        return ()
    return tuple(
        metric_point(
            account, post_id_of(view.uri), published_at, metric, value, observed_at, source, {wire_name: value}
        )
        for name, (metric, wire_name) in METRICS.items()
        if (value := getattr(view, name)) is not None
    )


remapped_post = post_from


def remapped_metrics(account: Account, raw: dict[str, Any], *, observed_at: datetime) -> tuple[PostMetricPoint, ...]:
    """The counts in a kept post payload, whichever listing it came from."""
    source = "listRecords" if "value" in raw else "getAuthorFeed"
    return metrics_from(account, raw, observed_at=observed_at, source=source)


def metric_value(_source: str, metric: str, raw: str) -> int | None:
    """The value in a kept metric payload (`raw` of a metric point)."""
    payload = json.loads(raw)
    wire_name = next(wire for name, wire in METRICS.values() if name == metric)
    value = payload.get(wire_name)
    return value if isinstance(value, int) else None


def format_of(embed: dict[str, Any] | None) -> tuple[ContentFormat, int]:
    """Format and number of media, from the record's embed."""
    kind = _kind_of(embed)
    if embed is None or kind == "app.bsky.embed.record":
        return ContentFormat.TEXT, 0
    if kind == "app.bsky.embed.recordWithMedia":
        media = embed.get("media")
        return format_of(media if isinstance(media, dict) else None)
    if kind == "app.bsky.embed.images":
        images = embed.get("images")
        count = len(images) if isinstance(images, list) else 1
        return (ContentFormat.CAROUSEL if count > 1 else ContentFormat.IMAGE), count
    if kind == "app.bsky.embed.video":
        return ContentFormat.VIDEO, 1
    if kind == "app.bsky.embed.external":
        card = embed.get("external")
        has_picture = isinstance(card, dict) and bool(card.get("thumb"))
        return (ContentFormat.ARTICLE, 1) if has_picture else (ContentFormat.LINK, 0)
    return ContentFormat.TEXT, 0


def card_of(embed: dict[str, Any] | None) -> Card:
    """The page that a post leads to, also where it quotes another post besides; an empty card where there is none."""
    if _kind_of(embed) == "app.bsky.embed.recordWithMedia":
        embed = embed.get("media") if embed else None
    if not isinstance(embed, dict) or _kind_of(embed) != "app.bsky.embed.external":
        return Card()
    return read_as(Card, embed.get("external")) or Card()


def _kind_of(embed: Any) -> str:
    return str(embed.get("$type", "")).partition("#")[0] if isinstance(embed, dict) else ""


def snapshot_from(account: Account, profile: Profile, raw: Any, *, observed_at: datetime) -> AccountSnapshot:
    return AccountSnapshot(
        account_id=account.account_id,
        client_id=account.client_id,
        network=Network.BLUESKY,
        native_id=profile.did or account.native_id,
        handle=profile.handle or account.handle,
        display_name=storable(profile.display_name) if profile.display_name else None,
        followers=profile.followers_count,
        following=profile.follows_count,
        posts_count=profile.posts_count,
        observed_at=observed_at,
        raw=as_json(raw),
    )


def comments_from(account: Account, post: Post, thread: ThreadNode, *, observed_at: datetime) -> Iterator[Comment]:
    """Every reply below the post, each naming the reply that it answers (None: the post itself). Walks without recursion:
    a thread may be deeper than Python's stack."""
    waiting: list[tuple[Any, str | None]] = [(node, None) for node in reversed(thread.replies)]
    while waiting:
        raw_node, parent = waiting.pop()
        try:
            node = ThreadNode.model_validate(raw_node)
        except ValidationError:
            continue
        view = view_of(node.post) if node.post else None
        commented_at = published_at_of(view) if view else None
        if view is not None and commented_at is not None:
            yield Comment(
                comment_id=post_id_of(view.uri),
                post_id=post.post_id,
                account_id=account.account_id,
                client_id=account.client_id,
                network=Network.BLUESKY,
                native_id=view.uri,
                parent_comment_id=parent,
                author_native_id=view.author.did,
                author_handle=view.author.handle,
                text=storable(view.record.text),
                likes=view.like_count,
                commented_at=commented_at,
                observed_at=observed_at,
                is_own=view.author.did == account.native_id,
                raw=as_json(node.post),
            )
        here = post_id_of(view.uri) if view is not None else parent
        waiting.extend((child, here) for child in reversed(node.replies))
