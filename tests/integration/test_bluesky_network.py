"""The Bluesky connector against Bluesky's whole network: PLC, PDS and the AppView that its PDS relays, on loopback.

What is published on the PDS is read back through the AppView, which indexes it a moment later: counts, threads, profiles.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import make_url

from benchmarks.bluesky_server import BlueskyServer
from contracts.networks import ContentFormat
from contracts.ports import Connector
from contracts.records import Account, Comment, Post, Receipt
from tests.integration.bluesky import Person, request_for, running_or_skipped, staged
from tests.postgresql import running_postgresql
from tests.redis import running_redis

pytestmark = [pytest.mark.integration, pytest.mark.slow]

INDEXING_SECONDS = 120.0
"""Past this the AppView is not slow but wrong."""


@pytest.fixture(scope="module")
def network() -> Iterator[BlueskyServer]:
    with running_postgresql() as postgresql_url, running_redis() as redis_host:
        database = make_url(postgresql_url).set(drivername="postgresql").render_as_string(hide_password=False)
        with running_or_skipped({"DB_POSTGRES_URL": database, "REDIS_HOST": redis_host}) as server:
            yield server


async def eventually(read: Callable[[], Awaitable[Any]], is_there: Callable[[Any], bool]) -> tuple[Any, float]:
    """What the AppView shows once it has indexed what is waited for, and after how many seconds."""
    started = time.monotonic()
    while True:
        seen = await read()
        seconds = time.monotonic() - started
        if is_there(seen):
            return seen, seconds
        assert seconds < INDEXING_SECONDS, f"the AppView still shows {seen}"
        await asyncio.sleep(0.05)


@pytest.fixture
def person(network: BlueskyServer) -> Callable[[str], Awaitable[Person]]:
    """Makes an account, and waits until the AppView has heard of it: until then it refuses to show it."""

    async def make(name: str) -> Person:
        someone = Person(network, name)
        query = {"actor": someone.account.native_id}
        await eventually(lambda: asked(network, "app.bsky.actor.getProfile", query), lambda answer: answer.is_success)
        return someone

    return make


async def asked(network: BlueskyServer, method: str, query: dict[str, str]) -> httpx.Response:
    """What the AppView tells somebody who is nobody: its own index, to which no PDS adds the owner's newest posts."""
    async with httpx.AsyncClient(base_url=network.app_view_url or "", timeout=60, trust_env=False) as client:
        return await client.get(f"/xrpc/{method}", params=query)


async def own_posts(connector: Connector, account: Account) -> dict[str, Post]:
    return {post.text: post async for page in connector.posts(account, since=None) for post in page.posts}


async def shown(connector: Connector, account: Account, text: str) -> Post:
    """The account's own post, once its listing has it."""
    posts, _ = await eventually(lambda: own_posts(connector, account), lambda posts: text in posts)
    return posts[text]


async def listed_counts(connector: Connector, account: Account) -> dict[str, float]:
    pages = connector.posts(account, since=None)
    return {point.metric: point.value async for page in pages for point in page.metrics}


async def asked_counts(connector: Connector, account: Account, post: Post) -> dict[str, float]:
    return {point.metric: point.value for point in await connector.post_metrics(account, [post])}


async def comments_below(connector: Connector, account: Account, post: Post) -> dict[str, Comment]:
    return {comment.text: comment async for found in connector.comments(account, post) for comment in found}


async def texts_in_public(network: BlueskyServer, account: Account) -> set[str]:
    answer = await asked(network, "app.bsky.feed.getAuthorFeed", {"actor": account.native_id})
    return {item["post"]["record"]["text"] for item in answer.raise_for_status().json()["feed"]}


def write(person: Person, collection: str, subject: Any) -> None:
    """What Pulso never does, as any client does it: a like, a follow."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    record = {"$type": collection, "subject": subject, "createdAt": now}
    answer = httpx.post(
        f"{person.account.base_url}/xrpc/com.atproto.repo.createRecord",
        json={"repo": person.account.native_id, "collection": collection, "record": record},
        headers={"authorization": f"Bearer {person.token.access_token}"},
        timeout=60,
        trust_env=False,
    )
    answer.raise_for_status()


async def published(connector: Connector, person: Person, text: str, **more: Any) -> Receipt:
    request = request_for(person.account, text, **more)
    return await connector.commit(request, await staged(connector, request))


async def test_what_is_published_is_read_back_with_its_counts(
    network: BlueskyServer, person: Callable[[str], Awaitable[Person]]
) -> None:
    brand, fan = await person("brand"), await person("fan")
    request = request_for(
        brand.account, "Open today", media=(brand.picture("navy"),), content_format=ContentFormat.IMAGE
    )
    async with brand.connector() as ours, fan.connector() as theirs:
        staging = await staged(ours, request)
        receipt = await ours.commit(request, staging)
        found = await ours.find_published(request, staging)
        assert found.outcome == "published", "the PDS knows at once what the AppView still has to hear"
        _, lag = await eventually(
            lambda: texts_in_public(network, brand.account), lambda texts: texts == {"Open today"}
        )
        print(f"the AppView shows a new post after {lag:.2f} s")

        post = await shown(ours, brand.account, "Open today")
        assert (post.native_id, post.permalink) == (receipt.native_id, receipt.permalink)
        assert (post.content_format, post.media_count) == (ContentFormat.IMAGE, 1)
        assert abs((post.published_at - receipt.published_at).total_seconds()) < 0.001
        assert set((await listed_counts(ours, brand.account)).values()) == {0}

        version = next(record["cid"] for record in brand.records())
        write(fan, "app.bsky.feed.like", {"uri": receipt.native_id, "cid": version})
        write(fan, "app.bsky.feed.repost", {"uri": receipt.native_id, "cid": version})
        await published(theirs, fan, "Until when?", reply_to_native_post_id=receipt.native_id)
        expected = {"likes": 1, "comments": 1, "shares": 1, "quotes": 0, "saves": 0}
        asked, _ = await eventually(lambda: asked_counts(ours, brand.account, post), lambda counts: counts == expected)
        assert await listed_counts(ours, brand.account) == asked
        assert (await shown(theirs, fan.account, "Until when?")).is_reply


async def test_a_thread_is_read_as_comments_and_answered(person: Callable[[str], Awaitable[Person]]) -> None:
    brand, fan = await person("brand"), await person("fan")
    async with brand.connector() as ours, fan.connector() as theirs:
        receipt = await published(ours, brand, "Open today")
        post = await shown(ours, brand.account, "Open today")
        await published(theirs, fan, "Until when?", reply_to_native_post_id=receipt.native_id)
        comments, _ = await eventually(lambda: comments_below(ours, brand.account, post), bool)
        question = comments["Until when?"]
        assert (question.author_native_id, question.author_handle) == (fan.account.native_id, fan.account.handle)
        assert (question.is_own, question.parent_comment_id, question.post_id) == (False, None, post.post_id)

        await published(
            ours,
            brand,
            "Until six!",
            reply_to_native_comment_id=question.native_id,
            reply_to_native_post_id=receipt.native_id,
        )
        comments, _ = await eventually(lambda: comments_below(ours, brand.account, post), lambda c: len(c) == 2)
        answer = comments["Until six!"]
        assert (answer.is_own, answer.parent_comment_id) == (True, question.comment_id)
        gone = post.model_copy(update={"native_id": post.native_id[:-1] + "z"})
        assert await comments_below(ours, brand.account, gone) == {}


async def test_followers_are_counted_on_the_profile(person: Callable[[str], Awaitable[Person]]) -> None:
    brand, fan = await person("brand"), await person("fan")
    async with brand.connector() as ours:
        await published(ours, brand, "Open today")
        write(fan, "app.bsky.graph.follow", brand.account.native_id)
        snapshot, _ = await eventually(
            lambda: ours.profile(brand.account), lambda seen: (seen.followers, seen.posts_count) == (1, 1)
        )
    assert (snapshot.native_id, snapshot.handle) == (brand.account.native_id, brand.account.handle)
    assert snapshot.following == 0


async def test_what_is_deleted_leaves_the_feed(person: Callable[[str], Awaitable[Person]]) -> None:
    brand = await person("brand")
    async with brand.connector() as ours:
        receipt = await published(ours, brand, "soon gone")
        await shown(ours, brand.account, "soon gone")
        await ours.delete(brand.account, receipt.native_id)
        await eventually(lambda: own_posts(ours, brand.account), lambda posts: posts == {})
