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
MOST_REPEATS = 5
"""How often an empty page may ask for itself again: one that does so for ever has nothing to say."""
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
    """Pages of a finder to its end, empty ones in the middle included. `size` None: as many as LinkedIn likes."""
    start: int | None = 0
    repeats = 0
    while start is not None and repeats < MOST_REPEATS:
        paging: dict[str, Value] = {} if size is None else {"count": size}
        if start or size is not None:
            paging["start"] = start
        page = await transport.fetch(Page, account, read(operation, path, {**params, **paging}))
        yield [raw for raw in page.elements if isinstance(raw, dict)]
        following = page.following(start, size)
        repeats = repeats + 1 if following == start else 0
        start = following


def own_posts(transport: Transport, account: Account) -> AsyncIterator[list[dict[str, Any]]]:
    """The account's posts, the last written or changed first."""
    params: dict[str, Value] = {"author": mapping.author_of(account), "q": "author", "sortBy": SORT_BY}
    return pages(transport, account, "posts", "/rest/posts", params)


def comments_below(transport: Transport, account: Account, urn: str) -> AsyncIterator[list[dict[str, Any]]]:
    """Comments on a post, or replies to a comment."""
    return pages(transport, account, "comments", comments_path(urn), {})


def comments_path(urn: str) -> str:
    return f"/rest/socialActions/{encode(urn)}/comments"
