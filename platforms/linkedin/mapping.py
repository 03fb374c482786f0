"""LinkedIn's shapes to Pulso's records, and an intent to LinkedIn's post.

Belongs here: pure mapping, one payload in, records out; URNs and what they say. Does not belong here: calls (`client.py`,
`publishing.py`), little text (`little_text.py`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from contracts.networks import ContentFormat, Network
from contracts.records import (
    Account,
    AccountMetricPoint,
    AccountSnapshot,
    Comment,
    Post,
    PostMetricPoint,
    PublishRequest,
)
from platforms._points import metric_point
from platforms._shapes import as_json, read_as, storable, web_address_or_none
from platforms.linkedin.little_text import escape, unescape
from platforms.linkedin.models import (
    Content,
    NetworkSize,
    Organization,
    PageViews,
    ShareStatistics,
    Statistics,
    WireComment,
    WirePost,
)

SHARE_STATISTICS = "share_statistics"
"""Source of the counts of a post."""
POST_METRICS = ("impressions", "reach", "clicks", "likes", "comments", "shares")
"""Fields of `ShareStatistics`, which bear Pulso's names."""
ACCOUNT_METRICS = (*POST_METRICS, "followers_gained", "page_views")

PUBLISHED = "PUBLISHED"
POLL_DURATIONS = {
    24 * 60: "ONE_DAY",
    3 * 24 * 60: "THREE_DAYS",
    7 * 24 * 60: "SEVEN_DAYS",
    14 * 24 * 60: "FOURTEEN_DAYS",
}
"""Minutes -> LinkedIn's name: a poll is open for one of these."""

_WIRE_NAMES = {name: str(ShareStatistics.model_fields[name].alias) for name in POST_METRICS}


# --- URNs ----------------------------------------------------------------------------------------------------------------


def author_of(account: Account) -> str:
    """The URN under which the account writes. `native_id` is an organization's number, or a whole URN."""
    return account.native_id if account.native_id.startswith("urn:") else f"urn:li:organization:{account.native_id}"


def organization_id_of(account: Account) -> str:
    return account.native_id.rpartition(":")[2]


def kind_of(urn: str) -> str:
    """`share` of `urn:li:share:1`."""
    parts = urn.split(":", 3)
    return parts[2] if len(parts) == 4 else ""


def post_id_of(urn: str) -> str:
    return f"{Network.LINKEDIN.value}:{urn}"


def permalink_of(urn: str) -> str:
    return f"https://www.linkedin.com/feed/update/{urn}/"


def comment_urn(target: str, comment_id: str) -> str:
    return f"urn:li:comment:({target},{comment_id})"


def parts_of_comment(urn: str) -> tuple[str, str]:
    """The thing commented on, and the number of the comment below it. Both empty when the URN is no comment's."""
    if not (urn.startswith("urn:li:comment:(") and urn.endswith(")")):
        return "", ""
    target, _, number = urn.removeprefix("urn:li:comment:(").removesuffix(")").rpartition(",")
    return target, number


# --- reading -------------------------------------------------------------------------------------------------------------


def snapshot_from(
    account: Account, organization: Organization, size: NetworkSize, raw: Any, *, observed_at: datetime
) -> AccountSnapshot:
    """Name and followers. A page follows nobody, and how many posts it has is said nowhere."""
    name = organization.localized_name
    return AccountSnapshot(
        account_id=account.account_id,
        client_id=account.client_id,
        network=Network.LINKEDIN,
        native_id=account.native_id,
        handle=organization.vanity_name or account.handle,
        display_name=storable(name) if name else None,
        followers=size.first_degree_size,
        following=None,
        posts_count=None,
        observed_at=observed_at,
        raw=as_json(raw),
    )


def published_at_of(post: WirePost) -> datetime | None:
    return post.published_at or post.created_at


def remapped_post(account: Account, raw: dict[str, Any], *, observed_at: datetime) -> Post | None:
    """One post; None when the payload is none: without id or time, or not published (a draft, a failed one)."""
    post = read_as(WirePost, raw)
    published_at = published_at_of(post) if post else None
    if post is None or post.id is None or published_at is None or post.lifecycle_state != PUBLISHED:
        return None
    content_format, media_count = format_of(post.content)
    article = post.content.article
    return Post(
        post_id=post_id_of(post.id),
        account_id=account.account_id,
        client_id=account.client_id,
        network=Network.LINKEDIN,
        native_id=post.id,
        permalink=permalink_of(post.id),
        text=storable(unescape(post.commentary)),
        link_url=web_address_or_none(article.source) if article else None,
        link_title=article.title if article else None,
        content_format=content_format,
        media_count=media_count,
        published_at=published_at,
        observed_at=observed_at,
        raw=as_json(raw),
    )


def remapped_metrics(account: Account, raw: dict[str, Any], *, observed_at: datetime) -> tuple[PostMetricPoint, ...]:
    """None, ever: LinkedIn's posts carry no counts, they are asked for on their own (`post_metrics_from`)."""
    del account, raw, observed_at
    return ()


def format_of(content: Content) -> tuple[ContentFormat, int]:
    """Format and number of media."""
    if images := content.image_ids:
        return ContentFormat.CAROUSEL, len(images)
    if content.media is not None:
        match kind_of(content.media.id or ""):
            case "video":
                return ContentFormat.VIDEO, 1
            case "document":
                return ContentFormat.CAROUSEL, 1  # leafed through like one
            case _:
                return ContentFormat.IMAGE, 1
    if content.article is not None:
        return (ContentFormat.ARTICLE, 1) if content.article.thumbnail else (ContentFormat.LINK, 0)
    return (ContentFormat.POLL if content.poll is not None else ContentFormat.TEXT), 0


def post_metrics_from(
    account: Account, posts: Mapping[str, Post], raws: Sequence[Any], *, observed_at: datetime
) -> Iterator[PostMetricPoint]:
    """Counts of these posts (by URN). Elements about anything else are left out, and so is a count that is not there."""
    for raw in raws:
        statistics = read_as(Statistics, raw)
        post = posts.get(statistics.post_urn or "") if statistics else None
        if statistics is None or post is None:
            continue
        for metric, value in counts_in(statistics.share_statistics):
            yield metric_point(
                account,
                post.post_id,
                post.published_at,
                metric,
                value,
                observed_at,
                SHARE_STATISTICS,
                {_WIRE_NAMES[metric]: value},
            )


def counts_in(statistics: ShareStatistics) -> Iterator[tuple[str, int]]:
    """Metric and value of every count that is there."""
    for metric in POST_METRICS:
        value = getattr(statistics, metric)
        if value is not None:
            yield metric, value


def metric_value(source: str, metric: str, raw: str) -> int | None:
    """The value in a kept metric payload (`raw` of a metric point)."""
    if source != SHARE_STATISTICS:
        return None
    return dict(counts_in(ShareStatistics.model_validate(json.loads(raw)))).get(metric)


def daily_points(
    account: Account, raws: Sequence[Any], *, start: date, end: date, fetched_at: datetime
) -> Iterator[AccountMetricPoint]:
    """Points of the days asked for, from any of the three statistics. LinkedIn's days are UTC days; an element without one
    is about all time and gives no row."""
    for raw in raws:
        statistics = read_as(Statistics, raw)
        begins = statistics.time_range.start if statistics else None
        if statistics is None or begins is None or not start <= begins.date() <= end:
            continue
        for metric, value in _daily_counts(statistics):
            yield AccountMetricPoint(
                account_id=account.account_id,
                client_id=account.client_id,
                network=Network.LINKEDIN,
                metric=metric,
                day=begins.date(),
                value=value,
                fetched_at=fetched_at,
                raw=as_json(raw),
            )


def _daily_counts(statistics: Statistics) -> Iterator[tuple[str, int]]:
    yield from counts_in(statistics.share_statistics)
    gains = statistics.follower_gains
    if gains.organic is not None:
        yield "followers_gained", gains.organic + (gains.paid or 0)
    views: PageViews = statistics.page_statistics.views.all_page_views
    if views.page_views is not None:
        yield "page_views", views.page_views


def milliseconds_of(day: date) -> int:
    """When the (UTC) day begins."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000


def comment_from(account: Account, post: Post, raw: Any, *, below: str, observed_at: datetime) -> Comment | None:
    """One comment or reply; None when the payload is none. `below`: the URN whose comments were listed, a post's or a
    comment's. LinkedIn names commenters by URN only."""
    comment = read_as(WireComment, raw)
    urn = urn_of_comment(comment, below) if comment else None
    if comment is None or urn is None or comment.created.time is None:
        return None
    parent = comment.parent or (below if kind_of(below) == "comment" else None)
    return Comment(
        comment_id=post_id_of(urn),
        post_id=post.post_id,
        account_id=account.account_id,
        client_id=account.client_id,
        network=Network.LINKEDIN,
        native_id=urn,
        parent_comment_id=post_id_of(parent) if parent else None,
        author_native_id=comment.actor,
        author_handle=None,
        text=storable(comment.message.text),
        likes=comment.likes.total,
        commented_at=comment.created.time,
        observed_at=observed_at,
        is_own=comment.actor == author_of(account),
        raw=as_json(raw),
    )


def urn_of_comment(comment: WireComment, below: str) -> str | None:
    """The comment's URN; where the answer lacks it, composed of what was commented on and its number there."""
    if comment.urn is not None:
        return comment.urn
    target = parts_of_comment(below)[0] or below
    return comment_urn(target, comment.id) if comment.id else None


# --- publishing ----------------------------------------------------------------------------------------------------------


def body_of(request: PublishRequest, assets: Sequence[str]) -> dict[str, Any]:
    """The post of an intent. `assets`: URNs of its media, in order."""
    body: dict[str, Any] = {
        "author": author_of(request.account),
        "commentary": escape(request.text),
        "visibility": request.options.privacy or "PUBLIC",
        "distribution": {"feedDistribution": "MAIN_FEED", "targetEntities": [], "thirdPartyDistributionChannels": []},
        "lifecycleState": PUBLISHED,
        "isReshareDisabledByAuthor": False,
    }
    if content := _content_of(request, assets):
        body["content"] = content
    return body


def _content_of(request: PublishRequest, assets: Sequence[str]) -> dict[str, Any]:
    options = request.options
    if options.poll is not None:
        return {
            "poll": {
                "question": options.title or request.text,
                "options": [{"text": choice} for choice in options.poll.choices],
                "settings": {"duration": POLL_DURATIONS[options.poll.open_minutes]},
            }
        }
    if options.link is not None:
        thumbnail = {"thumbnail": assets[0]} if assets else {}
        return {"article": {"source": options.link, "title": options.title, **thumbnail}}
    images = [
        {"id": urn, **({"altText": media.alt_text} if media.alt_text else {})}
        for urn, media in zip(assets, request.media, strict=True)
    ]
    if len(images) > 1:
        return {"multiImage": {"images": images}}
    if not images:
        return {}
    if is_film(request):
        return {"media": {"id": assets[0], **({"title": options.title} if options.title else {})}}
    return {"media": images[0]}


def is_film(request: PublishRequest) -> bool:
    return any(media.mime_type.startswith("video/") for media in request.media)


def is_same_post(ours: WirePost, theirs: WirePost) -> bool:
    """Whether both say the same. What was uploaded for a post is in no other one, so that alone decides where there is any;
    a picture that LinkedIn itself finds for a link decides nothing."""
    if ours.content.asset_ids:
        return bool(ours.content.asset_ids & theirs.content.asset_ids)
    return _words_of(ours) == _words_of(theirs) and theirs.content.media is None and theirs.content.multi_image is None


def _words_of(post: WirePost) -> tuple[str, str, str]:
    article, poll = post.content.article, post.content.poll
    link, question = article.source if article else "", poll.question if poll else ""
    return normalized(unescape(post.commentary)), link, normalized(question)


def normalized(text: str) -> str:
    """The text without what networks change by themselves: line ends and surrounding space."""
    return text.replace("\r\n", "\n").strip()
