"""Mapping kept payloads again: a mended mapping can be applied to the past without asking a network.

Belongs here: which mapping a bronze row's `raw` needs. Does not belong here: the mappings (one per network, one for exports).
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from contracts.networks import Network
from contracts.ports import CollectedPosts
from contracts.records import Account, Post, PostMetricPoint
from platforms.bluesky import mapping as bluesky
from platforms.exported_rows import metrics_of_row, post_of_row, row_of
from platforms.facebook import mapping as facebook
from platforms.instagram import mapping as instagram
from platforms.linkedin import mapping as linkedin
from platforms.mastodon import mapping as mastodon
from platforms.pinterest import mapping as pinterest
from platforms.tiktok import mapping as tiktok
from platforms.x import mapping as x
from platforms.youtube import mapping as youtube


class NetworkMapping(Protocol):
    """What a network's `mapping` module offers for kept payloads."""

    def remapped_post(self, account: Account, raw: Any, *, observed_at: datetime) -> Post | None: ...

    def remapped_metrics(self, account: Account, raw: Any, *, observed_at: datetime) -> tuple[PostMetricPoint, ...]: ...

    def metric_value(self, source: str, metric: str, raw: str) -> int | None: ...


MAPPINGS: Mapping[Network, NetworkMapping] = {
    Network.BLUESKY: bluesky,
    Network.FACEBOOK: facebook,
    Network.INSTAGRAM: instagram,
    Network.LINKEDIN: linkedin,
    Network.MASTODON: mastodon,
    Network.PINTEREST: pinterest,
    Network.TIKTOK: tiktok,
    Network.X: x,
    Network.YOUTUBE: youtube,
}


def remap(raws: Sequence[Mapping[str, Any]]) -> CollectedPosts:
    """Posts and counts of bronze rows: rows of `bronze/posts` give both, rows of `bronze/post_metrics` (known by their
    column `metric`) the count that they hold. A count that both give is taken once. Rows that no longer map are left out."""
    posts: dict[tuple[str, datetime], Post] = {}
    metrics: dict[tuple[str, str, datetime], PostMetricPoint] = {}
    for row in raws:
        if "metric" in row:
            if (point := _point(row)) is not None:
                metrics[point.post_id, point.metric, point.observed_at] = point
            continue
        post, points = _post(row)
        if post is not None:
            posts[post.post_id, post.observed_at] = post
        for point in points:
            metrics.setdefault((point.post_id, point.metric, point.observed_at), point)
    return CollectedPosts(tuple(posts.values()), tuple(metrics.values()))


def _post(row: Mapping[str, Any]) -> tuple[Post | None, tuple[PostMetricPoint, ...]]:
    account, raw, observed_at = _account(row), json.loads(row["raw"]), _utc(row["observed_at"])
    if (exported := row_of(raw)) is not None:
        return (
            post_of_row(account, exported, observed_at=observed_at),
            metrics_of_row(account, exported, observed_at=observed_at),
        )
    mapping = MAPPINGS[account.network]
    return (
        mapping.remapped_post(account, raw, observed_at=observed_at),
        mapping.remapped_metrics(account, raw, observed_at=observed_at),
    )


def _point(row: Mapping[str, Any]) -> PostMetricPoint | None:
    network, source, metric, raw = Network(row["network"]), row["source"], row["metric"], row["raw"]
    if (exported := row_of(json.loads(raw))) is not None:
        value = exported.get(metric)
    else:
        value = MAPPINGS[network].metric_value(source, metric, raw)
    if not isinstance(value, int):
        return None
    kept = {
        name: row[name] for name in ("post_id", "account_id", "client_id", "metric", "is_backfilled", "source", "raw")
    }
    return PostMetricPoint(**kept, network=network, value=value, observed_at=_utc(row["observed_at"]))


def _account(row: Mapping[str, Any]) -> Account:
    """The row's account as far as a mapping needs it: nothing is called."""
    network, native_id = row["account_id"].split(":", 1)
    return Account(
        account_id=row["account_id"],
        client_id=row["client_id"],
        network=Network(network),
        native_id=native_id,
        handle="",
        base_url="",
    )


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
