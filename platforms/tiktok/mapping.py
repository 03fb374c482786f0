"""TikTok's shapes to Pulso's records.

Belongs here: pure mapping, one payload in, records out. Does not belong here: calls (`client.py`, `business.py`).
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from contracts.networks import ContentFormat, Network
from contracts.records import Account, AccountMetricPoint, AccountSnapshot, Comment, Post, PostMetricPoint
from platforms._points import metric_point
from platforms._shapes import as_json, count_or_none, read_as, storable
from platforms.tiktok.models import BusinessAccount, BusinessComment, BusinessDay, BusinessVideo, User, Video

VIDEO_METRICS = {
    "like_count": "likes",
    "comment_count": "comments",
    "share_count": "shares",
    "view_count": "views",
}
"""The first product's name -> Pulso's."""
BUSINESS_VIDEO_METRICS = {"reach": "reach"}
"""What the second product knows of a post and the first does not."""
BUSINESS_DAY_METRICS = {
    "followers_count": "followers",  # [K] the total at the end of the day, not its change
    "profile_views": "profile_views",
    "video_views": "views",
    "likes": "likes",
    "comments": "comments",
    "shares": "shares",
}
LISTED_TEXT_UNITS = 150  # [K]
"""A listing may cut a post's text after so many UTF-16 units."""
LISTING, QUERY, BUSINESS = "video_list", "video_query", "business_video_list"
"""Sources of counts."""


def post_id_of(native_id: str) -> str:
    return f"{Network.TIKTOK.value}:{native_id}"


def is_publish_id(native_id: str) -> bool:
    """Whether a receipt names the publishing and not the post: the post had no id yet, or never gets one. Ids of posts are
    numbers."""
    return not native_id.isdecimal()


def text_of(video: Video) -> str:
    """The caption: a film has it as its title and description, pictures as their description below a title."""
    return video.video_description or video.title


def format_of(video: Video) -> ContentFormat:
    """Pictures are known by their address only [K]; a film that is taller than wide is a short one."""
    if "/photo/" in (video.share_url or ""):
        return ContentFormat.IMAGE
    is_upright = video.height is not None and video.width is not None and video.height > video.width
    return ContentFormat.SHORT_VIDEO if is_upright else ContentFormat.VIDEO


def post_from(account: Account, raw: dict[str, Any], *, observed_at: datetime) -> Post | None:
    """One post; None when the payload is no post: without id or time. How many pictures it has is not said."""
    video = read_as(Video, raw)
    if video is None or video.create_time is None:
        return None
    return Post(
        post_id=post_id_of(video.id),
        account_id=account.account_id,
        client_id=account.client_id,
        network=Network.TIKTOK,
        native_id=video.id,
        permalink=video.share_url,
        text=storable(text_of(video)),
        content_format=format_of(video),
        media_count=1,
        published_at=video.create_time,
        observed_at=observed_at,
        raw=as_json(raw),
    )


def metrics_from(
    account: Account, raw: dict[str, Any], *, observed_at: datetime, source: str
) -> tuple[PostMetricPoint, ...]:
    """The counts that a payload of the first product carries; a count that it lacks has no row."""
    video = read_as(Video, raw)
    if video is None or video.create_time is None:
        return ()
    counts = {name: getattr(video, name) for name in VIDEO_METRICS}
    return tuple(
        metric_point(
            account,
            post_id_of(video.id),
            video.create_time,
            metric,
            counts[name],
            observed_at,
            source,
            {name: counts[name]},
        )
        for name, metric in VIDEO_METRICS.items()
        if counts[name] is not None
    )


def business_metrics_from(account: Account, post: Post, raw: Any, *, observed_at: datetime) -> list[PostMetricPoint]:
    """The counts of this post that only the second product knows."""
    video = read_as(BusinessVideo, raw)
    if video is None or video.item_id != post.native_id:
        return []
    counts = {name: getattr(video, name) for name in BUSINESS_VIDEO_METRICS}
    return [
        metric_point(
            account,
            post_id_of(post.native_id),
            post.published_at,
            metric,
            counts[name],
            observed_at,
            BUSINESS,
            {name: count},
        )
        for name, metric in BUSINESS_VIDEO_METRICS.items()
        if (count := counts[name]) is not None
    ]


def remapped_post(account: Account, raw: dict[str, Any], *, observed_at: datetime) -> Post | None:
    """The post in a kept payload (`raw` of a post)."""
    return post_from(account, raw, observed_at=observed_at)


def remapped_metrics(account: Account, raw: dict[str, Any], *, observed_at: datetime) -> tuple[PostMetricPoint, ...]:
    """The counts in a kept payload of a post, which came from the listing."""
    return metrics_from(account, raw, observed_at=observed_at, source=LISTING)


def metric_value(source: str, metric: str, raw: str) -> int | None:
    """The value in a kept metric payload (`raw` of a metric point)."""
    payload = json.loads(raw)
    names = BUSINESS_VIDEO_METRICS if source == BUSINESS else VIDEO_METRICS
    wire_name = next((theirs for theirs, ours in names.items() if ours == metric), None)
    return count_or_none(payload.get(wire_name)) if wire_name and isinstance(payload, dict) else None


def snapshot_from(account: Account, user: User, raw: Any, *, observed_at: datetime) -> AccountSnapshot:
    return AccountSnapshot(
        account_id=account.account_id,
        client_id=account.client_id,
        network=Network.TIKTOK,
        native_id=user.open_id or account.native_id,
        handle=user.username or account.handle,
        display_name=storable(user.display_name) if user.display_name else None,
        followers=user.follower_count,
        following=user.following_count,
        posts_count=user.video_count,
        observed_at=observed_at,
        raw=as_json(raw),
    )


def daily_points(
    account: Account, profile: BusinessAccount, *, start: date, end: date, fetched_at: datetime
) -> Iterator[AccountMetricPoint]:
    """Daily metrics of a business account within the days asked for. A day that is not ready lacks its figures: no row."""
    for raw in profile.metrics:
        entry = read_as(BusinessDay, raw)
        day = _day(entry.date) if entry else None
        if entry is None or day is None or not start <= day <= end:
            continue
        for name, metric in BUSINESS_DAY_METRICS.items():
            value = getattr(entry, name)
            if value is None:
                continue
            yield AccountMetricPoint(
                account_id=account.account_id,
                client_id=account.client_id,
                network=Network.TIKTOK,
                metric=metric,
                day=day,
                value=value,
                fetched_at=fetched_at,
                raw=as_json({"date": entry.date, name: value}),
            )


def comment_from(
    account: Account, post: Post, raw: Any, *, parent_id: str | None, observed_at: datetime
) -> Comment | None:
    """One comment or reply; None when the payload is none. `parent_id` is the network's id of the comment answered."""
    comment = read_as(BusinessComment, raw)
    if comment is None or comment.create_time is None:
        return None
    return Comment(
        comment_id=post_id_of(comment.comment_id),
        post_id=post.post_id,
        account_id=account.account_id,
        client_id=account.client_id,
        network=Network.TIKTOK,
        native_id=comment.comment_id,
        parent_comment_id=post_id_of(parent_id) if parent_id else None,
        author_native_id=comment.unique_identifier or comment.user_id,
        author_handle=comment.username,
        text=storable(comment.text),
        likes=comment.likes,
        commented_at=comment.create_time,
        observed_at=observed_at,
        is_own=is_own(account, comment),
        raw=as_json({k: v for k, v in raw.items() if k != "reply_list"}),
    )


def is_own(account: Account, comment: BusinessComment) -> bool:
    """Whether the account itself wrote it."""
    return comment.owner or (
        comment.username is not None and comment.username.casefold() == account.handle.removeprefix("@").casefold()
    )


def same_text(listed: str, sent: str) -> bool:
    """Whether a listed text is the one that was sent: equal but for line ends and surrounding space, or cut short."""
    listed, sent = _normal(listed), _normal(sent)
    return listed == sent or (utf16_units(listed) >= LISTED_TEXT_UNITS and sent.startswith(listed))


def utf16_units(text: str) -> int:
    """Length as TikTok counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _normal(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def _day(text: str) -> date | None:
    """A business day [K: of UTC] out of `2026-05-30` or `2026-05-30 00:00:00`."""
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=UTC).date()
    except ValueError:
        return None
