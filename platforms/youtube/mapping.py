"""YouTube's shapes to Pulso's records.

Belongs here: pure mapping, one payload in, records out. Does not belong here: calls (`client.py`).
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from pydantic import BaseModel

from contracts.networks import ContentFormat, Network
from contracts.records import Account, AccountMetricPoint, AccountSnapshot, Comment, Post, PostMetricPoint
from platforms._points import metric_point
from platforms._shapes import as_json, count_or_none, read_as, storable
from platforms.youtube.models import Channel, Report, Video, YtComment

M = TypeVar("M", bound=BaseModel)


LISTED, REPORTED = "videos", "analytics"
"""Sources of counts: the video itself, counted live; and Analytics, which follows two or three days later."""

LISTED_METRICS = {"viewCount": "views", "likeCount": "likes", "commentCount": "comments"}
REPORTED_METRICS = {
    "shares": "shares",
    "estimatedMinutesWatched": "watch_minutes",
    "averageViewDuration": "average_view_seconds",
}
"""Counts of a video that only Analytics has: YouTube's name -> Pulso's."""

DAILY_METRICS = {
    "views": "views",
    "likes": "likes",
    "comments": "comments",
    "subscribersGained": "followers_gained",
    "subscribersLost": "followers_lost",
    **REPORTED_METRICS,
}

LONGEST_SHORT = timedelta(minutes=3)  # [K] a short is no wider than tall and no longer than this
NO_POSTS = frozenset({"failed", "rejected", "deleted"})
PRIVATE = "private"

_PERIOD = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


def id_of(native_id: str) -> str:
    """Pulso's id of a video or a comment."""
    return f"{Network.YOUTUBE.value}:{native_id}"


def permalink_of(video_id: str) -> str:
    return f"https://www.youtube.com/watch?v={video_id}"


def post_from(account: Account, raw: dict[str, Any], *, observed_at: datetime) -> Post | None:
    """One video; None when it is no post: without id or time, never processed, or private (its audience is nobody)."""
    video = read_as(Video, raw)
    if video is None or video.snippet is None or video.snippet.published_at is None:
        return None
    if video.status is not None and (video.status.upload in NO_POSTS or video.status.privacy == PRIVATE):
        return None
    return Post(
        post_id=id_of(video.id),
        account_id=account.account_id,
        client_id=account.client_id,
        network=Network.YOUTUBE,
        native_id=video.id,
        permalink=permalink_of(video.id),
        text=text_of(video.snippet.title, video.snippet.description),
        content_format=ContentFormat.SHORT_VIDEO if is_short(video) else ContentFormat.VIDEO,
        media_count=1,
        published_at=video.snippet.published_at,
        observed_at=observed_at,
        raw=as_json(raw),
    )


def text_of(title: str, description: str) -> str:
    """What the audience reads: title and description, once where the description begins with the title."""
    text = description if description.startswith(title) else f"{title}\n\n{description}"
    return storable(text).strip()


def is_short(video: Video) -> bool:
    """Whether YouTube shows it as a short. It says so nowhere: shape and length decide, and what lacks either is none."""
    duration = period_of(video.content.duration) if video.content else None
    player = video.player
    if duration is None or player is None or player.width is None or player.height is None:
        return False
    return player.width <= player.height and timedelta() < duration <= LONGEST_SHORT


def period_of(text: str) -> timedelta | None:
    """An ISO 8601 period as YouTube writes lengths (P1DT2H3M4S), None when it is none."""
    match = _PERIOD.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    days, hours, minutes, seconds = (int(group or 0) for group in match.groups())
    try:
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        return None


def listed_metrics_from(account: Account, raw: dict[str, Any], *, observed_at: datetime) -> tuple[PostMetricPoint, ...]:
    """The counts that a video carries. One that the owner hides is absent and has no row."""
    video = read_as(Video, raw)
    if video is None or video.statistics is None or video.published_at is None:
        return ()
    return tuple(
        metric_point(account, id_of(video.id), video.published_at, metric, value, observed_at, LISTED, {name: counted})
        for name, metric in LISTED_METRICS.items()
        if (value := count_or_none(counted := video.statistics.get(name))) is not None
    )


def reported_metrics_from(
    account: Account, report: Report, published_at: Mapping[str, datetime], *, observed_at: datetime
) -> Iterator[PostMetricPoint]:
    """Counts of the videos in `published_at` (by id) out of a report with one row a video."""
    for row in rows_of(report):
        video_id = row.get("video")
        if not isinstance(video_id, str) or video_id not in published_at:
            continue
        for name, metric in REPORTED_METRICS.items():
            if (value := count_or_none(row.get(name))) is not None:
                kept = {"video": video_id, name: row[name]}
                yield metric_point(
                    account, id_of(video_id), published_at[video_id], metric, value, observed_at, REPORTED, kept
                )


def remapped_post(account: Account, raw: dict[str, Any], *, observed_at: datetime) -> Post | None:
    """The post in a kept payload."""
    return post_from(account, raw, observed_at=observed_at)


def remapped_metrics(account: Account, raw: dict[str, Any], *, observed_at: datetime) -> tuple[PostMetricPoint, ...]:
    """The counts in a kept payload of a post."""
    return listed_metrics_from(account, raw, observed_at=observed_at)


def metric_value(source: str, metric: str, raw: str) -> int | None:
    """The value in a kept metric payload (`raw` of a metric point)."""
    payload = json.loads(raw)
    names = REPORTED_METRICS if source == REPORTED else LISTED_METRICS
    name = next((theirs for theirs, ours in names.items() if ours == metric), None)
    return count_or_none(payload.get(name)) if name is not None and isinstance(payload, dict) else None


def rows_of(report: Report) -> Iterator[dict[str, Any]]:
    """Rows by the names of their columns: YouTube may order and drop columns as it likes. Rows of another width are none."""
    names = [header.name for header in report.headers]
    for row in report.rows:
        if isinstance(row, list | tuple) and len(row) == len(names):
            yield dict(zip(names, row, strict=True))


def daily_points(
    account: Account, report: Report, *, start: date, end: date, fetched_at: datetime
) -> Iterator[AccountMetricPoint]:
    """Points of a report with one row a day, within the days asked for. A day without a row has none: it is not ready, or
    nothing happened, and nobody can tell which."""
    for row in rows_of(report):
        day = _day_or_none(row.get("day"))
        if day is None or not start <= day <= end:
            continue
        for name, metric in DAILY_METRICS.items():
            if (value := count_or_none(row.get(name))) is not None:
                yield AccountMetricPoint(
                    account_id=account.account_id,
                    client_id=account.client_id,
                    network=Network.YOUTUBE,
                    metric=metric,
                    day=day,
                    value=value,
                    fetched_at=fetched_at,
                    raw=as_json({"day": row["day"], name: row[name]}),
                )


def _day_or_none(value: Any) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def snapshot_from(account: Account, channel: Channel, raw: Any, *, observed_at: datetime) -> AccountSnapshot:
    """The channel's figures. Subscribers that it hides are unknown, whatever number is sent for them."""
    snippet, statistics = channel.snippet, channel.statistics
    hides = statistics is not None and statistics.hides_subscribers is True
    handle = snippet.custom_url.removeprefix("@") if snippet and snippet.custom_url else account.handle
    return AccountSnapshot(
        account_id=account.account_id,
        client_id=account.client_id,
        network=Network.YOUTUBE,
        native_id=channel.id,
        handle=handle,
        display_name=storable(snippet.title) if snippet and snippet.title else None,
        followers=statistics.subscribers if statistics and not hides else None,
        following=None,
        posts_count=statistics.videos if statistics else None,
        observed_at=observed_at,
        raw=as_json(raw),
    )


def comment_from(
    account: Account, post: Post, raw: Any, *, parent_id: str | None, observed_at: datetime
) -> Comment | None:
    """One comment or answer; None when the payload is none. `parent_id` is the network's id of the comment answered."""
    comment = read_as(YtComment, raw)
    if comment is None or comment.snippet is None or comment.snippet.published_at is None:
        return None
    snippet = comment.snippet
    return Comment(
        comment_id=id_of(comment.id),
        post_id=post.post_id,
        account_id=account.account_id,
        client_id=account.client_id,
        network=Network.YOUTUBE,
        native_id=comment.id,
        parent_comment_id=id_of(parent_id) if parent_id else None,
        author_native_id=snippet.author_id,
        author_handle=snippet.author_name,
        text=storable(snippet.text),
        likes=snippet.likes,
        commented_at=snippet.published_at,
        observed_at=observed_at,
        is_own=snippet.author_id == account.native_id,
        raw=as_json(raw),
    )


def same_text(left: str, right: str) -> bool:
    """Equal but for what YouTube itself normalises: line ends and surrounding space [K]."""
    return left.replace("\r\n", "\n").strip() == right.replace("\r\n", "\n").strip()
