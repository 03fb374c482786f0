"""One row of a normalised export as Pulso's records.

Belongs here: mapping of a row with the columns of `contracts.tables.IMPORTED_POSTS_COLUMNS`. Does not belong here: reading
files (`exports.py`).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from contracts.networks import ContentFormat
from contracts.records import Account, Post, PostMetricPoint
from platforms._points import metric_point
from platforms._shapes import as_json, time_or_none, title_or_none, web_address_or_none

SOURCE = "export"
COUNTS = ("likes", "comments", "shares", "saves", "views", "reach")
_WRAPPER = "exported_row"


def raw_of(row: Mapping[str, Any]) -> str:
    """The row as bronze keeps it: marked, so that it is never taken for a network's payload."""
    plain = {k: v.isoformat() if isinstance(v, datetime) else v for k, v in row.items() if v is not None}
    return as_json({_WRAPPER: plain})


def row_of(raw: Any) -> dict[str, Any] | None:
    """The row inside a kept payload, or None when the payload is a network's own."""
    row = raw.get(_WRAPPER) if isinstance(raw, dict) else None
    return row if isinstance(row, dict) else None


def post_of_row(account: Account, row: Mapping[str, Any], *, observed_at: datetime) -> Post:
    """The post of an exported row."""
    content_format = ContentFormat(row["content_format"])
    return Post(
        post_id=f"{account.network.value}:{row['post_native_id']}",
        account_id=account.account_id,
        client_id=account.client_id,
        network=account.network,
        native_id=row["post_native_id"],
        permalink=row.get("permalink"),
        text=row.get("text") or "",
        link_url=web_address_or_none(row.get("link_url")),
        link_title=title_or_none(row.get("link_title")),
        content_format=content_format,
        media_count=0 if content_format in (ContentFormat.TEXT, ContentFormat.LINK) else 1,
        published_at=_moment(row["published_at"]),
        observed_at=observed_at,
        raw=raw_of(row),
    )


def metrics_of_row(account: Account, row: Mapping[str, Any], *, observed_at: datetime) -> tuple[PostMetricPoint, ...]:
    """The counts of an exported row: only those that it has."""
    published_at = _moment(row["published_at"])
    return tuple(
        metric_point(
            account,
            f"{account.network.value}:{row['post_native_id']}",
            published_at,
            metric,
            value,
            observed_at,
            SOURCE,
            {_WRAPPER: {metric: value}},
        )
        for metric in COUNTS
        if (value := row.get(metric)) is not None
    )


def _moment(value: Any) -> datetime:
    moment = value if isinstance(value, datetime) else time_or_none(value)
    if moment is None:
        raise ValueError("an exported row without a publication time")
    return moment
