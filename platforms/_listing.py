"""Walking a listing of own posts, newest first: the same for every network that pages.

Belongs here: repetition, "until when", what is left out. Does not belong here: fetching a page, mapping a payload.
"""

from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from typing import Any, Protocol, TypeVar

from contracts.ports import PostPage
from contracts.records import Post, PostMetricPoint
from platforms._http import Transport


class Named(Protocol):
    """Something that its network knows by an id."""

    @property
    def id(self) -> str: ...


N = TypeVar("N", bound=Named)


class ToPost(Protocol):
    """One payload as a post, None when it is none."""

    def __call__(self, raw: dict[str, Any], *, observed_at: datetime) -> Post | None: ...


class ToMetrics(Protocol):
    """The counts in one payload."""

    def __call__(self, raw: dict[str, Any], *, observed_at: datetime) -> Iterable[PostMetricPoint]: ...


async def post_pages(
    raw_pages: AsyncIterator[Iterable[dict[str, Any]]],
    transport: Transport,
    to_post: ToPost,
    to_metrics: ToMetrics,
    *,
    since: datetime | None,
) -> AsyncIterator[PostPage]:
    """Pages of posts published at or after `since`, each post once; stops after the first page that is all older.

    Payloads that are no posts are left out. An empty page is no end: some networks send one in the middle.
    """
    seen: set[str] = set()
    async for raws in raw_pages:
        observed_at = await transport.now()
        posts: list[Post] = []
        metrics: list[PostMetricPoint] = []
        is_any_read = is_any_young = False
        for raw in raws:
            post = to_post(raw, observed_at=observed_at)
            if post is None:
                continue
            is_any_read = True
            if since is not None and post.published_at < since:
                continue
            is_any_young = True
            if post.native_id not in seen:
                seen.add(post.native_id)
                posts.append(post)
                metrics += to_metrics(raw, observed_at=observed_at)
        if posts:
            yield PostPage(tuple(posts), tuple(metrics))
        if is_any_read and not is_any_young:
            return


def each_once(found: Iterable[N]) -> list[N]:
    """What a listing holds, in its order, without what it repeats: pages overlap, and some answers come twice."""
    return list({item.id: item for item in found}.values())
