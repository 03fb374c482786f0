"""LinkedIn's listings ("finders"): own posts, comments, statistics, page by page.

Belongs here: how a finder is asked and followed. Does not belong here: what is done with its elements.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from contracts.records import Account
from platforms._http import Call, CallKind, Transport
from platforms.linkedin import mapping
from platforms.linkedin.models import Page
from platforms.linkedin.restli import Value, encode, query

PAGE_SIZE = 100  # [K] the largest that is granted
SORT_BY = "LAST_MODIFIED"  # [K]


def read(operation: str, path: str, params: Mapping[str, Value] | None = None) -> Call:
    return Call(CallKind.READ, operation, "GET", query(path, params or {}))


async def pages(
    transport: Transport,
    account: Account,
    operation: str,
    path: str,
    params: Mapping[str, Value],
    *,
    size: int | None = PAGE_SIZE,
) -> AsyncIterator[list[dict[str, Any]]]:
    """Pages of a finder to its end, an empty one in the middle included. `size` None: as many as LinkedIn likes."""
    start: int | None = 0
    while start is not None:
        paging: dict[str, Value] = {} if size is None else {"count": size}
        if start or size is not None:
            paging["start"] = start
        page = await transport.fetch(Page, account, read(operation, path, {**params, **paging}))
        yield [raw for raw in page.elements if isinstance(raw, dict)]
        start = page.following(start, size)


def own_posts(transport: Transport, account: Account) -> AsyncIterator[list[dict[str, Any]]]:
    """The account's posts, the last written or changed first."""
    params: dict[str, Value] = {"author": mapping.author_of(account), "q": "author", "sortBy": SORT_BY}
    return pages(transport, account, "posts", "/rest/posts", params)


def comments_below(transport: Transport, account: Account, urn: str) -> AsyncIterator[list[dict[str, Any]]]:
    """Comments on a post, or replies to a comment."""
    return pages(transport, account, "comments", comments_path(urn), {})


def comments_path(urn: str) -> str:
    return f"/rest/socialActions/{encode(urn)}/comments"
