"""One count of a post, as every network's mapping hands it on.

Belongs here: what is the same for all counts. Does not belong here: which counts a network has, and how it words them.
"""

from datetime import datetime, timedelta
from typing import Any

from contracts.records import Account, PostMetricPoint
from platforms._shapes import as_json

BACKFILLED_AFTER = timedelta(days=1)
"""A post that is older than this when it is first observed has a past that nobody saw."""


def metric_point(
    account: Account,
    post_id: str,
    published_at: datetime,
    metric: str,
    value: int,
    observed_at: datetime,
    source: str,
    raw: Any,
) -> PostMetricPoint:
    """The count, with the part of the payload that it came from as `raw`."""
    return PostMetricPoint(
        post_id=post_id,
        account_id=account.account_id,
        client_id=account.client_id,
        network=account.network,
        metric=metric,
        value=value,
        observed_at=observed_at,
        is_backfilled=observed_at - published_at > BACKFILLED_AFTER,
        source=source,
        raw=as_json(raw),
    )
