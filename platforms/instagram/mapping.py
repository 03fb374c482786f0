"""Instagram's shapes to Pulso's records.

Belongs here: pure mapping, one payload in, records out. Does not belong here: calls (`client.py`).
"""

import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

from contracts.networks import ContentFormat, Network
from contracts.records import Account, AccountMetricPoint, AccountSnapshot, Comment, Post, PostMetricPoint
from platforms._graph import Insight, InsightValue, author_id, day_ending_at, kept_insight, lifetime_value
from platforms._points import metric_point
from platforms._shapes import as_json, read_as, storable
from platforms.instagram.models import IgComment, Media, Profile

LISTED_METRICS = {"like_count": "likes", "comments_count": "comments"}
INSIGHT_METRICS = {
    "views": "views",
    "reach": "reach",
    "saved": "saves",
    "saves": "saves",
    "likes": "likes",
    "comments": "comments",
    "shares": "shares",
    "replies": "replies",
    "follower_count": "follower_count",
    "impressions": "impressions",
    "ig_reels_avg_watch_time": "average_view_seconds",
    "ig_reels_video_view_total_time": "watch_minutes",
}
"""Instagram's name -> Pulso's. `impressions` is retired on current versions and still in kept payloads."""
MILLISECONDS_IN = {"ig_reels_avg_watch_time": 1_000, "ig_reels_video_view_total_time": 60_000}
"""Instagram's name -> what one of Pulso's unit is, of metrics that Instagram gives in milliseconds."""

_FORMATS = {"IMAGE": ContentFormat.IMAGE, "CAROUSEL_ALBUM": ContentFormat.CAROUSEL, "VIDEO": ContentFormat.VIDEO}

_PRODUCTS = {"STORY": ContentFormat.STORY, "REELS": ContentFormat.SHORT_VIDEO}
"""Where a post is shown says more than what it is made of."""


def post_id_of(media_id: str) -> str:
    return f"{Network.INSTAGRAM.value}:{media_id}"


def post_from(account: Account, raw: dict[str, Any], *, observed_at: datetime) -> Post | None:
    """One post; None when the payload is no post: without id or time."""
    media = read_as(Media, raw)
    if media is None or media.timestamp is None:
        return None
    content_format = _PRODUCTS.get(media.media_product_type) or _FORMATS.get(media.media_type, ContentFormat.IMAGE)
    children = len(media.children.data) if media.children else 0
    return Post(
        post_id=post_id_of(media.id),
        account_id=account.account_id,
        client_id=account.client_id,
        network=Network.INSTAGRAM,
        native_id=media.id,
        permalink=media.permalink,
        text=storable(media.caption),
        content_format=content_format,
        media_count=max(children, 1),
        published_at=media.timestamp,
        observed_at=observed_at,
        raw=as_json(raw),
    )


def listed_metrics_from(account: Account, raw: dict[str, Any], *, observed_at: datetime) -> tuple[PostMetricPoint, ...]:
    """The counts that a listing carries; a count that it lacks has no row."""
    media = read_as(Media, raw)
    if media is None or media.timestamp is None:
        return ()
    counts = {name: getattr(media, name) for name in LISTED_METRICS}
    return tuple(
        metric_point(
            account,
            post_id_of(media.id),
            media.timestamp,
            metric,
            counts[name],
            observed_at,
            "media",
            {name: counts[name]},
        )
        for name, metric in LISTED_METRICS.items()
        if counts[name] is not None
    )


def insights_from(
    account: Account, post: Post, raws: Sequence[Any], *, observed_at: datetime
) -> tuple[PostMetricPoint, ...]:
    """Counts of one post out of its insights, in either shape; unknown metrics are left in the journal of the network."""
    points = []
    for raw in raws:
        insight = read_as(Insight, raw)
        metric = INSIGHT_METRICS.get(insight.name) if insight else None
        value = _value_of(insight) if insight else None
        if metric is not None and value is not None:
            points.append(
                metric_point(
                    account,
                    post.post_id,
                    post.published_at,
                    metric,
                    value,
                    observed_at,
                    "media_insights",
                    kept_insight(raw),
                )
            )
    return tuple(points)


def _value_of(insight: Insight) -> int | None:
    """The insight's one number in Pulso's unit."""
    value = lifetime_value(insight)
    return None if value is None else round(value / MILLISECONDS_IN.get(insight.name, 1))


def metric_value(source: str, metric: str, raw: str) -> int | None:
    """The value in a kept metric payload (`raw` of a metric point)."""
    payload = json.loads(raw)
    if source == "media_insights":
        insight = read_as(Insight, payload)
        return _value_of(insight) if insight else None
    names = {ours: theirs for theirs, ours in LISTED_METRICS.items()}
    value = payload.get(names.get(metric, ""))
    return value if isinstance(value, int) else None


def daily_points(
    account: Account, raws: Sequence[Any], *, start: date, end: date, fetched_at: datetime
) -> Iterator[AccountMetricPoint]:
    """Points of a daily series (`values[]` with `end_time`) within the days asked for. A `total_value` counts for the day
    asked for, if it was a single one."""
    for raw in raws:
        insight = read_as(Insight, raw)
        metric = INSIGHT_METRICS.get(insight.name) if insight else None
        if insight is None or metric is None:
            continue
        for raw_value in insight.values:
            value = read_as(InsightValue, raw_value)
            if value is None or value.value is None or value.end_time is None:
                continue
            day = day_ending_at(value.end_time)
            if start <= day <= end:
                yield _account_point(account, metric, day, value.value, fetched_at, {"name": insight.name, **raw_value})
        total = insight.total_value
        if total is not None and total.value is not None and start == end:
            kept = {"name": insight.name, "total_value": raw["total_value"]}
            yield _account_point(account, metric, start, total.value, fetched_at, kept)


def _account_point(
    account: Account, metric: str, day: date, value: int, fetched_at: datetime, raw: Any
) -> AccountMetricPoint:
    return AccountMetricPoint(
        account_id=account.account_id,
        client_id=account.client_id,
        network=Network.INSTAGRAM,
        metric=metric,
        day=day,
        value=value,
        fetched_at=fetched_at,
        raw=as_json(raw),
    )


def snapshot_from(account: Account, profile: Profile, raw: Any, *, observed_at: datetime) -> AccountSnapshot:
    return AccountSnapshot(
        account_id=account.account_id,
        client_id=account.client_id,
        network=Network.INSTAGRAM,
        native_id=profile.id,
        handle=profile.username or account.handle,
        display_name=storable(profile.name) if profile.name else None,
        followers=profile.followers_count,
        following=profile.follows_count,
        posts_count=profile.media_count,
        observed_at=observed_at,
        raw=as_json(raw),
    )


def comment_from(
    account: Account, post: Post, raw: Any, *, parent_id: str | None, observed_at: datetime
) -> Comment | None:
    """One comment or reply; None when the payload is none. `parent_id` is the network's id of the comment answered."""
    comment = read_as(IgComment, raw)
    if comment is None or comment.timestamp is None:
        return None
    author = author_id(raw)
    return Comment(
        comment_id=post_id_of(comment.id),
        post_id=post.post_id,
        account_id=account.account_id,
        client_id=account.client_id,
        network=Network.INSTAGRAM,
        native_id=comment.id,
        parent_comment_id=post_id_of(parent_id) if parent_id else None,
        author_native_id=author,
        author_handle=comment.username,
        text=storable(comment.text),
        likes=comment.like_count,
        commented_at=comment.timestamp,
        observed_at=observed_at,
        is_own=is_own(account, comment.username, author),
        raw=as_json({k: v for k, v in raw.items() if k != "replies"}),
    )


def is_own(account: Account, username: str | None, author: str | None) -> bool:
    """Whether the account itself wrote it."""
    return author == account.native_id or (username is not None and username.casefold() == account.handle.casefold())


remapped_post, remapped_metrics = post_from, listed_metrics_from
"""For kept payloads: the listing's are the ones that bronze keeps."""
