"""Pinterest's shapes to Pulso's records.

Belongs here: pure mapping, one payload in, records out; which of Pinterest's counts can be trusted for which pin. Does not
belong here: calls (`client.py`), building a pin (`publishing.py`).

Two sources tell a pin's counts. *Analytics* give days of the last 90, each with a status: the sum of the days that are READY is
the pin's count so far, as long as it was made within reach. *Lifetime metrics*, which come with the listing, reach back for ever.
Mixing them for one pin could make a count fall, so each count has one source: analytics for young pins, lifetime for old ones,
and lifetime always for reactions and comments, which have no days.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from contracts.networks import ContentFormat, Network
from contracts.records import (
    Account,
    AccountMetricPoint,
    AccountSnapshot,
    AccountTerms,
    Board,
    Post,
    PostMetricPoint,
)
from platforms._points import metric_point
from platforms._shapes import as_json, count_or_none, read_as, storable, title_or_none, web_address_or_none
from platforms.pinterest.models import Analytics, DailyMetrics, ListedBoard, Pin, UserAccount

ANALYTICS_REACH_DAYS = 89
"""Documented as 90 days back "from today"; a day less, because the day may turn between our clock and theirs."""

READY = "READY"
PUBLIC_BOARD = frozenset({"PUBLIC", ""})
"""A board is public unless something else is said."""

DAILY_METRICS = {
    "IMPRESSION": "impressions",
    "PIN_CLICK": "clicks",
    "OUTBOUND_CLICK": "link_clicks",
    "SAVE": "saves",
}
"""Analytics' name -> Pulso's, of pins and accounts alike."""
VIDEO_METRICS = {"VIDEO_MRC_VIEW": "views"}
ANALYTICS_METRICS = {**DAILY_METRICS, **VIDEO_METRICS}
LISTED_METRICS = {
    "impression": "impressions",
    "pin_click": "clicks",
    "clickthrough": "link_clicks",
    "save": "saves",  # [K]: the official example shows the others
    "reaction": "likes",
    "comment": "comments",
}
"""The listing's lifetime metric -> Pulso's."""
_DAYLESS = frozenset({"likes", "comments"})

LISTING, ANALYTICS = "pins", "pins_analytics"
"""Sources of metric points."""

_FORMATS = {
    "image": ContentFormat.IMAGE,
    "video": ContentFormat.VIDEO,
    "multiple_images": ContentFormat.CAROUSEL,
    "multiple_videos": ContentFormat.CAROUSEL,
    "multiple_mixed": ContentFormat.CAROUSEL,
}


def post_id_of(pin_id: str) -> str:
    return f"{Network.PINTEREST.value}:{pin_id}"


def permalink_of(pin_id: str) -> str:
    return f"https://www.pinterest.com/pin/{pin_id}/"


def text_of(pin: Pin) -> str:
    """What a post's text becomes: the description. A pin that has none still says something by its title."""
    return pin.description or pin.title


def remapped_post(account: Account, raw: dict[str, Any], *, observed_at: datetime) -> Post | None:
    """One post out of a listed pin; None when the payload is no pin: without id or time."""
    pin = read_as(Pin, raw)
    if pin is None or pin.created_at is None:
        return None
    media = pin.media
    link_url = web_address_or_none(pin.link)
    has_headline = link_url is not None and bool(pin.description)  # else the title is the text, or no link's
    return Post(
        post_id=post_id_of(pin.id),
        account_id=account.account_id,
        client_id=account.client_id,
        network=Network.PINTEREST,
        native_id=pin.id,
        permalink=permalink_of(pin.id),
        text=storable(text_of(pin)),
        link_url=link_url,
        link_title=title_or_none(pin.title) if has_headline else None,
        content_format=_FORMATS.get(media.media_type, ContentFormat.IMAGE) if media else ContentFormat.IMAGE,
        media_count=max(len(media.items), 1) if media else 1,
        published_at=pin.created_at,
        observed_at=observed_at,
        raw=as_json(raw),
    )


def remapped_metrics(account: Account, raw: dict[str, Any], *, observed_at: datetime) -> tuple[PostMetricPoint, ...]:
    """The lifetime counts of a listed pin, as far as analytics do not tell them better. A count that it lacks has no row."""
    pin = read_as(Pin, raw)
    if pin is None or pin.created_at is None or pin.pin_metrics is None:
        return ()
    is_young = is_within_reach(pin.created_at, observed_at)
    counts = pin.pin_metrics.lifetime_metrics
    return tuple(
        metric_point(
            account, post_id_of(pin.id), pin.created_at, metric, value, observed_at, LISTING, {name: counts[name]}
        )
        for name, metric in LISTED_METRICS.items()
        if not (is_young and metric not in _DAYLESS) and (value := count_or_none(counts.get(name))) is not None
    )


def is_within_reach(published_at: datetime, now: datetime) -> bool:
    """Whether analytics know every day of this pin."""
    return published_at.date() >= now.date() - timedelta(days=ANALYTICS_REACH_DAYS)


def analytics_metrics(
    account: Account, posts: Sequence[Post], raws: Iterable[tuple[str, Any]], *, observed_at: datetime
) -> tuple[PostMetricPoint, ...]:
    """Counts of pins within reach out of (pin id, its analytics): sums of READY days. A metric without such a day has no row:
    it is not known yet, which is not zero."""
    known = {post.native_id: post for post in posts}
    points: dict[tuple[str, str], PostMetricPoint] = {}
    for pin_id, raw in raws:
        if (post := known.get(pin_id)) is None:
            continue
        rows = list(_rows(raw))
        for name, metric in ANALYTICS_METRICS.items():
            daily = {row.date: [row.data_status, row.metrics[name]] for row in rows if name in row.metrics}
            if (value := _sum_of_ready(daily)) is not None:
                kept = {"name": name, "daily": daily}
                points[pin_id, metric] = metric_point(
                    account, post_id_of(pin_id), post.published_at, metric, value, observed_at, ANALYTICS, kept
                )
    return tuple(points.values())


def metric_value(source: str, metric: str, raw: str) -> int | None:
    """The value in a kept metric payload (`raw` of a metric point)."""
    payload = json.loads(raw)
    if not isinstance(payload, dict):
        return None
    if source == ANALYTICS:
        is_its = ANALYTICS_METRICS.get(str(payload.get("name"))) == metric
        return _sum_of_ready(payload.get("daily")) if is_its else None
    return next((count_or_none(payload.get(name)) for name, ours in LISTED_METRICS.items() if ours == metric), None)


def daily_points(
    account: Account, raw: Any, *, start: date, end: date, fetched_at: datetime
) -> Iterator[AccountMetricPoint]:
    """Account metrics of the READY days asked for."""
    for row in _rows(raw):
        if row.data_status != READY or (day := _day(row.date)) is None or not start <= day <= end:
            continue
        for name, metric in DAILY_METRICS.items():
            if (value := count_or_none(row.metrics.get(name))) is not None:
                yield AccountMetricPoint(
                    account_id=account.account_id,
                    client_id=account.client_id,
                    network=Network.PINTEREST,
                    metric=metric,
                    day=day,
                    value=value,
                    fetched_at=fetched_at,
                    raw=as_json({"date": row.date, "data_status": row.data_status, name: row.metrics[name]}),
                )


def snapshot_from(account: Account, profile: UserAccount, raw: Any, *, observed_at: datetime) -> AccountSnapshot:
    """`posts_count` counts saved pins too: Pinterest tells them apart nowhere."""
    return AccountSnapshot(
        account_id=account.account_id,
        client_id=account.client_id,
        network=Network.PINTEREST,
        native_id=profile.id or account.native_id,
        handle=profile.username or account.handle,
        display_name=storable(profile.business_name) if profile.business_name else None,
        followers=profile.follower_count,
        following=profile.following_count,
        posts_count=profile.pin_count,
        observed_at=observed_at,
        raw=as_json(raw),
    )


def terms_from(account: Account, boards: Sequence[ListedBoard], *, read_at: datetime) -> AccountTerms:
    """Where a pin of the account can go, in the network's order."""
    found = tuple(
        Board(board_id=board.id, name=board.name, is_public=board.privacy in PUBLIC_BOARD) for board in boards
    )
    return AccountTerms(account_id=account.account_id, boards=found, read_at=read_at)


def _rows(raw: Any) -> Iterator[DailyMetrics]:
    """The days of an analytics answer: a part named `all`, or several if it was split, which Pulso never asks for."""
    for part in raw.values() if isinstance(raw, dict) else ():
        if (analytics := read_as(Analytics, part)) is not None:
            yield from (row for day in analytics.daily_metrics if (row := read_as(DailyMetrics, day)) is not None)


def _sum_of_ready(daily: Any) -> int | None:
    """Sum of `{date: [status, value]}` over the days that are READY; None when none is."""
    rows = daily.values() if isinstance(daily, dict) else ()
    values = [
        value
        for row in rows
        if isinstance(row, list) and len(row) == 2 and row[0] == READY and (value := count_or_none(row[1])) is not None
    ]
    return sum(values) if values else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
