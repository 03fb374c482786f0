"""Facebook's shapes to Pulso's records.

Belongs here: pure mapping, one payload in, records out. Does not belong here: calls (`client.py`, `publishing.py`, `films.py`).
"""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from contracts.networks import ContentFormat, Network
from contracts.records import Account, AccountMetricPoint, AccountSnapshot, Comment, Post, PostMetricPoint
from platforms._graph import Insight, InsightValue, day_ending_at, kept_insight, lifetime_value
from platforms._points import metric_point
from platforms._shapes import as_json, read_as, storable
from platforms.facebook.models import Commenter, FbComment, FbPost, Profile, parts_of

LISTED, INSIGHTS = "published_posts", "post_insights"
LISTED_METRICS = {"reactions": "likes", "comments": "comments", "shares": "shares"}
POST_INSIGHTS = {
    "post_media_view": "views",
    "post_total_media_view_unique": "reach",
    "post_reactions_by_type_total": "likes",
    "post_clicks": "clicks",
    "post_impressions": "impressions",
    "post_impressions_unique": "reach",
}
"""Facebook's name -> Pulso's. The impressions are retired on current versions and still in kept payloads."""
PAGE_INSIGHTS = {
    "page_media_view": "views",
    "page_total_media_view_unique": "reach",
    "page_post_engagements": "post_engagements",
    "page_daily_follows": "follows",
}
LIFETIME, DAY = "lifetime", "day"

_BY_MEDIA_TYPE = {
    "photo": ContentFormat.IMAGE,
    "album": ContentFormat.CAROUSEL,
    "video": ContentFormat.VIDEO,
    "link": ContentFormat.LINK,
}
_MEDIUM_ON_FACEBOOK = re.compile(
    r"^https?://(?:[\w-]+\.)*facebook\.com/(?:([^/?#]+)/)?(?:photos?|videos?|reels?|watch|photo\.php|video\.php)(?:[/?#]|$)",
    re.IGNORECASE,
)
"""A photo or film, and the page that it is of."""
_BY_STATUS_TYPE = {
    "added_photos": ContentFormat.IMAGE,
    "added_video": ContentFormat.VIDEO,
    "shared_story": ContentFormat.LINK,
}


def our_id(native_id: str) -> str:
    return f"{Network.FACEBOOK.value}:{native_id}"


def remapped_post(account: Account, raw: Any, *, observed_at: datetime) -> Post | None:
    """One post; None when the payload is no post: without id or time."""
    post = read_as(FbPost, raw)
    if post is None or post.created_time is None:
        return None
    content_format, media_count = _form_of(post)
    link_url, link_title = _card_of(account, post)
    return Post(
        post_id=our_id(post.id),
        account_id=account.account_id,
        client_id=account.client_id,
        network=Network.FACEBOOK,
        native_id=post.id,
        permalink=post.permalink_url,
        text=storable(post.message),
        link_url=link_url,
        link_title=link_title,
        content_format=content_format,
        media_count=media_count,
        published_at=post.created_time,
        observed_at=observed_at,
        raw=as_json(raw),
    )


def _form_of(post: FbPost) -> tuple[ContentFormat, int]:
    """Form and number of pictures or films: by the first attachment, else by what kind of news it was."""
    if not post.attached:
        content_format = _BY_STATUS_TYPE.get(post.status_type, ContentFormat.TEXT)
        return content_format, int(content_format in (ContentFormat.IMAGE, ContentFormat.VIDEO))
    first = post.attached[0]
    content_format = _BY_MEDIA_TYPE.get(first.media_type, ContentFormat.TEXT)
    if content_format is ContentFormat.CAROUSEL:
        return content_format, max(len(parts_of(first)), 1)
    return content_format, int(content_format in (ContentFormat.IMAGE, ContentFormat.VIDEO))


def _card_of(account: Account, post: FbPost) -> tuple[str | None, str | None]:
    """Address and headline of what is attached. The Page's own photo or film is the post itself, and leads nowhere else; a photo's title
    is its album's name."""
    first = post.attached[0] if post.attached else None
    if first is None:
        return None, None
    medium = _MEDIUM_ON_FACEBOOK.match(first.unshimmed_url or "")
    shown_at = urlsplit(post.permalink_url or "").path.split("/")[1:2]
    own = {name.lower() for name in (account.handle, account.native_id, *shown_at)}
    is_own = medium is not None and (medium[1] is None or medium[1].lower() in own)
    return (
        None if is_own else first.unshimmed_url,
        None if first.media_type in ("photo", "album") else first.title,
    )


def remapped_metrics(account: Account, raw: Any, *, observed_at: datetime) -> tuple[PostMetricPoint, ...]:
    """The counts that a listing carries; a count that it lacks has no row."""
    post = read_as(FbPost, raw)
    if post is None or post.created_time is None:
        return ()
    counts = {"reactions": post.reactions.total, "comments": post.comments.total, "shares": post.shares.count}
    return tuple(
        metric_point(account, our_id(post.id), post.created_time, metric, count, observed_at, LISTED, {name: count})
        for name, metric in LISTED_METRICS.items()
        if (count := counts[name]) is not None
    )


def insights_from(
    account: Account, post: Post, raws: Sequence[Any], *, observed_at: datetime
) -> tuple[PostMetricPoint, ...]:
    """Counts of one post over its life. A metric that comes with several periods is taken once, from the lifetime's item."""
    points: dict[str, PostMetricPoint] = {}
    for raw in raws:
        insight = read_as(Insight, raw)
        metric = POST_INSIGHTS.get(insight.name) if insight else None
        if insight is None or metric is None or metric in points or insight.period not in (LIFETIME, ""):
            continue
        value = lifetime_value(insight)
        if value is not None:
            kept = kept_insight(raw)
            points[metric] = metric_point(
                account, post.post_id, post.published_at, metric, value, observed_at, INSIGHTS, kept
            )
    return tuple(points.values())


def metric_value(source: str, metric: str, raw: str) -> int | None:
    """The value in a kept metric payload (`raw` of a metric point)."""
    payload = json.loads(raw)
    if source == INSIGHTS:
        insight = read_as(Insight, payload)
        return lifetime_value(insight) if insight else None
    names = {ours: theirs for theirs, ours in LISTED_METRICS.items()}
    value = payload.get(names.get(metric, "")) if isinstance(payload, dict) else None
    return value if isinstance(value, int) else None


def daily_points(
    account: Account, raws: Sequence[Any], *, start: date, end: date, fetched_at: datetime
) -> Iterator[AccountMetricPoint]:
    """Points of the daily series within the days asked for. The same metric over weeks or months is another quantity."""
    for raw in raws:
        insight = read_as(Insight, raw)
        metric = PAGE_INSIGHTS.get(insight.name) if insight else None
        if insight is None or metric is None or insight.period != DAY:
            continue
        for raw_value in insight.values:
            value = read_as(InsightValue, raw_value)
            if value is None or value.value is None or value.end_time is None:
                continue
            day = day_ending_at(value.end_time)
            if start <= day <= end:
                yield AccountMetricPoint(
                    account_id=account.account_id,
                    client_id=account.client_id,
                    network=Network.FACEBOOK,
                    metric=metric,
                    day=day,
                    value=value.value,
                    fetched_at=fetched_at,
                    raw=as_json({"name": insight.name, "period": insight.period, **raw_value}),
                )


def snapshot_from(account: Account, profile: Profile, raw: Any, *, observed_at: datetime) -> AccountSnapshot:
    """`fan_count` (people who like the Page) is another quantity than its followers, and stays in `raw`."""
    return AccountSnapshot(
        account_id=account.account_id,
        client_id=account.client_id,
        network=Network.FACEBOOK,
        native_id=profile.id,
        handle=profile.username or account.handle,
        display_name=storable(profile.name) if profile.name else None,
        followers=profile.followers_count,
        following=None,
        posts_count=None,
        observed_at=observed_at,
        raw=as_json(raw),
    )


def comment_from(account: Account, post: Post, raw: Any, *, observed_at: datetime) -> Comment | None:
    """One comment or reply; None when the payload is none."""
    comment = read_as(FbComment, raw)
    if comment is None or comment.created_time is None:
        return None
    author = read_as(Commenter, raw.get("from")) or Commenter()
    return Comment(
        comment_id=our_id(comment.id),
        post_id=post.post_id,
        account_id=account.account_id,
        client_id=account.client_id,
        network=Network.FACEBOOK,
        native_id=comment.id,
        parent_comment_id=our_id(comment.parent.id) if comment.parent.id else None,
        author_native_id=author.id,
        author_handle=author.name,
        text=storable(comment.message),
        likes=comment.like_count,
        commented_at=comment.created_time,
        observed_at=observed_at,
        is_own=author.id == account.native_id,
        raw=as_json(raw),
    )
