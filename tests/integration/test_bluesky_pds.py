"""The Bluesky connector against a real personal data server (npm `@atproto/dev-env`): PLC and PDS on loopback, no AppView.

What was published is counted by listing the repository itself. `test_bluesky_network.py` has the AppView besides.
"""

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx
import pytest

from benchmarks.bluesky_server import BlueskyServer
from benchmarks.faulty_proxy import Fate, FaultyProxy
from benchmarks.ports import free_port
from contracts.clock import SystemClock
from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat
from contracts.records import PublishOptions, Token
from platforms._http import Call, CallKind, Patience, Transport
from platforms.bluesky import mapping
from platforms.bluesky.client import BlueskyDialect
from tests.integration.bluesky import Person, request_for, running_or_skipped, staged

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server() -> Iterator[BlueskyServer]:
    with running_or_skipped() as server:
        yield server


@pytest.fixture
def person(server: BlueskyServer) -> Callable[[str], Person]:
    return partial(Person, server)


async def test_text_and_pictures_are_published_and_read_back(person: Callable[[str], Person]) -> None:
    brand, fan = person("brand"), person("fan")
    text = f"Café ☕ #açaí https://harbor.example/menú @{fan.account.handle} @nobody.test"
    pictures = (brand.picture("navy"), brand.picture("gold"))
    async with brand.connector() as connector:
        for request in (
            request_for(brand.account, text),
            request_for(brand.account, "pictures", media=pictures, content_format=ContentFormat.CAROUSEL),
        ):
            receipt = await connector.commit(request, await staged(connector, request))
            assert receipt.how == "answered"
        posts = {p.text: p async for page in connector.posts(brand.account, since=None) for p in page.posts}
        snapshot = await connector.profile(brand.account)
    assert (snapshot.native_id, snapshot.handle) == (brand.account.native_id, brand.account.handle)
    assert set(posts) == {text, "pictures"}
    assert (posts["pictures"].content_format, posts["pictures"].media_count) == (ContentFormat.CAROUSEL, 2)
    record = next(r["value"] for r in brand.records() if r["value"]["text"] == text)
    words = [text.encode()[f["index"]["byteStart"] : f["index"]["byteEnd"]].decode() for f in record["facets"]]
    assert words == ["#açaí", "https://harbor.example/menú", f"@{fan.account.handle}"]
    assert record["facets"][2]["features"][0]["did"] == fan.account.native_id


async def test_a_comment_is_answered_in_its_thread(person: Callable[[str], Person]) -> None:
    brand, fan = person("brand"), person("fan")
    async with brand.connector() as ours, fan.connector() as theirs:
        post = request_for(brand.account, "Open today")
        first = await ours.commit(post, await staged(ours, post))
        question = request_for(fan.account, "Until when?", reply_to_native_post_id=first.native_id)
        asked = await theirs.commit(question, await staged(theirs, question))
        answer = request_for(
            brand.account,
            "Until six!",
            reply_to_native_comment_id=asked.native_id,
            reply_to_native_post_id=first.native_id,
        )
        said = await ours.commit(answer, await staged(ours, answer))
        posts = [p async for page in ours.posts(brand.account, since=None) for p in page.posts]
    reply = next(r["value"]["reply"] for r in brand.records() if r["uri"] == said.native_id)
    assert (reply["root"]["uri"], reply["parent"]["uri"]) == (first.native_id, asked.native_id)
    assert {p.text: p.is_reply for p in posts} == {"Open today": False, "Until six!": True}


async def test_films_cards_and_threads_are_taken_as_the_lexicons_want_them(person: Callable[[str], Person]) -> None:
    brand = person("brand")
    card = PublishOptions(link="https://harbor.example/menú", title="The menu")
    thread = PublishOptions(thread=("and #second", "and third"))
    forms = (
        (ContentFormat.VIDEO, (brand.film("waves"),), PublishOptions()),
        (ContentFormat.ARTICLE, (brand.picture("gold"),), card),
        (ContentFormat.LINK, (), PublishOptions(link=card.link)),
        (ContentFormat.THREAD, (brand.picture("navy"),), thread),
    )
    async with brand.connector() as connector:
        for form, media, options in forms:
            request = request_for(brand.account, form.value, content_format=form, media=media, options=options)
            staging = await staged(connector, request)
            receipt = await connector.commit(request, staging)
            again = await connector.commit(request, staging)
            assert again.native_id == receipt.native_id, "and a second commit changes nothing"
            assert (await connector.find_published(request, staging)).outcome == "published"
        posts = {p.text: p async for page in connector.posts(brand.account, since=None) for p in page.posts}
    assert {text: (p.content_format, p.media_count) for text, p in posts.items()} == {
        "video": (ContentFormat.VIDEO, 1),
        "article": (ContentFormat.ARTICLE, 1),
        "link": (ContentFormat.LINK, 0),
        "thread": (ContentFormat.IMAGE, 1),
        "and #second": (ContentFormat.TEXT, 0),
        "and third": (ContentFormat.TEXT, 0),
    }
    records = brand.records()
    assert len(records) == len(posts)
    by_text = {r["value"]["text"]: r for r in records}
    chain = [by_text[text] for text in ("thread", *thread.thread)]
    for above, below in itertools.pairwise(chain):
        assert below["value"]["reply"]["root"] == {"uri": chain[0]["uri"], "cid": chain[0]["cid"]}
        assert below["value"]["reply"]["parent"] == {"uri": above["uri"], "cid": above["cid"]}


async def test_lost_answers_never_make_a_second_post(person: Callable[[str], Person]) -> None:
    brand = person("brand")
    chance = random.Random(11)
    fates, lost = (Fate.PASSED, Fate.CUT_BEFORE, Fate.CUT_AFTER), 0
    is_faulty = True

    def draw(operation: str) -> Fate:
        nonlocal lost
        if not is_faulty or operation != "com.atproto.repo.putRecord":
            return Fate.PASSED
        fate = chance.choices(fates, (0.4, 0.25, 0.35))[0]
        lost += fate is not Fate.PASSED
        return fate

    wanted = 60
    async with (
        FaultyProxy(brand.account.base_url, draw).serving() as url,
        brand.connector() as connector,
    ):
        for i in range(wanted):
            request = request_for(
                brand.at(url), f"post {i // 2}", intent_id=f"item-{i}"
            )  # every text twice, on purpose
            staging = await staged(connector, request)
            while True:
                try:
                    receipt = await connector.commit(request, staging)
                    break
                except NetworkError as error:
                    seen = error.error_class
                assert seen is ErrorClass.AMBIGUOUS
                found = await connector.find_published(request, staging)
                assert found.outcome in ("published", "not_published")
                if found.receipt is not None:
                    receipt = found.receipt
                    break
            assert receipt.native_id.endswith(staging.handles["rkey"])
            if i % 10 == 0:  # and a second commit of what is there already changes nothing
                is_faulty = False
                assert (await connector.commit(request, staging)).native_id == receipt.native_id
                is_faulty = True
    assert lost > wanted / 3
    texts = sorted(r["value"]["text"] for r in brand.records())
    assert texts == sorted(f"post {i // 2}" for i in range(wanted))


async def test_threads_are_whole_and_in_order_however_often_answers_get_lost(person: Callable[[str], Person]) -> None:
    brand = person("brand")
    chance = random.Random(7)
    fates = (Fate.PASSED, Fate.CUT_BEFORE, Fate.CUT_AFTER)

    def draw(operation: str) -> Fate:
        return chance.choices(fates, (0.6, 0.16, 0.24))[0] if operation == "com.atproto.repo.putRecord" else Fate.PASSED

    refusals: list[NetworkError] = []
    wanted = 10
    async with FaultyProxy(brand.account.base_url, draw).serving() as url, brand.connector() as connector:
        for i in range(wanted):
            options = PublishOptions(thread=tuple(f"{i}/{part}" for part in (2, 3, 4)))
            request = request_for(
                brand.at(url), f"{i}/1", content_format=ContentFormat.THREAD, options=options, intent_id=f"thread-{i}"
            )
            staging = await staged(connector, request)
            while (await connector.find_published(request, staging)).outcome != "published":
                try:
                    await connector.commit(request, staging)
                except NetworkError as error:
                    refusals.append(error)
    assert {refusal.error_class for refusal in refusals} == {ErrorClass.AMBIGUOUS}
    assert sum(refusal.code == "partial_thread" for refusal in refusals) > wanted / 2
    records = {r["value"]["text"]: r for r in brand.records()}
    assert len(records) == len(brand.records()) == 4 * wanted
    for i in range(wanted):
        for part in (2, 3, 4):
            above, below = records[f"{i}/{part - 1}"], records[f"{i}/{part}"]
            assert below["value"]["reply"]["parent"] == {"uri": above["uri"], "cid": above["cid"]}


async def test_an_expired_or_broken_token_is_renewed_or_refused(person: Callable[[str], Person]) -> None:
    brand = person("brand")
    renewing = brand.token.refresh_token
    async with brand.connector() as connector:
        await connector.refresh_token(brand.account)
    assert brand.token.version == 1
    assert brand.token.expires_at is not None
    assert timedelta(hours=1) < brand.token.expires_at - datetime.now(UTC) < timedelta(hours=3)
    request = request_for(brand.account, "with a broken token")
    brand.token = Token(access_token="not-a-token", refresh_token=renewing, version=1)
    async with brand.connector() as connector:
        staging = await staged(connector, request)
        with pytest.raises(NetworkError) as caught:
            await connector.commit(request, staging)
        assert caught.value.error_class is ErrorClass.TRANSIENT
        assert brand.token.version == 2
        await connector.commit(request, staging)
    brand.token = Token(access_token="not-a-token", refresh_token="neither")
    async with brand.connector() as connector:
        with pytest.raises(NetworkError) as caught:
            await connector.commit(request, staging)
    assert caught.value.error_class is ErrorClass.AUTH
    assert len(brand.records()) == 1


async def test_what_the_server_refuses_for_good(person: Callable[[str], Person]) -> None:
    brand = person("brand")
    async with brand.connector() as connector:
        request = request_for(brand.account, "x" * 301)
        staging = await staged(connector, request)
        with pytest.raises(NetworkError) as caught:
            await connector.commit(request, staging)
        assert (caught.value.error_class, caught.value.code) == (ErrorClass.INVALID, "InvalidRequest")
        assert (await connector.find_published(request, staging)).outcome == "not_published"
        missing = request_for(
            brand.account, "hi", reply_to_native_post_id=mapping.uri_of(brand.account.native_id, "3n2vnll52qoia")
        )
        with pytest.raises(NetworkError) as caught:
            await staged(connector, missing)
        assert caught.value.error_class is ErrorClass.INVALID


async def test_deleting_is_safe_to_repeat(person: Callable[[str], Person]) -> None:
    brand = person("brand")
    async with brand.connector() as connector:
        request = request_for(brand.account, "soon gone")
        receipt = await connector.commit(request, await staged(connector, request))
        await connector.delete(brand.account, receipt.native_id)
        await connector.delete(brand.account, receipt.native_id)
    assert brand.records() == []


async def test_a_server_that_is_gone_took_nothing(person: Callable[[str], Person]) -> None:
    brand = person("brand")
    elsewhere = brand.at(f"http://127.0.0.1:{free_port()}")
    request = request_for(elsewhere, "into the void")
    async with brand.connector() as connector:
        with pytest.raises(NetworkError) as caught:
            await connector.commit(request, await staged(connector, request))
    assert caught.value.error_class is ErrorClass.TRANSIENT
    assert brand.records() == []


async def test_the_servers_own_rate_limit_is_understood() -> None:
    with running_or_skipped({"RATE_LIMITS": "1"}) as server:
        brand = Person(server, "brand")
        login = {"identifier": brand.account.handle, "password": "a-password"}
        call = Call(CallKind.TOKEN, "createSession", "POST", "/xrpc/com.atproto.server.createSession", json=login)
        call = replace(call, is_authorized=False)
        async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:

            async def refusal_after(tries: int) -> NetworkError:
                """From a process that knows nothing yet about the limits."""
                patience = Patience(longest_wait=0.0)
                transport = Transport(client, BlueskyDialect(), brand, SystemClock(), patience=patience)
                for _ in range(tries):
                    try:
                        await transport.send(brand.account, call)
                    except NetworkError as error:
                        return error
                raise AssertionError("never refused")

            foreseen, answered = await refusal_after(40), await refusal_after(1)  # 30 are allowed in five minutes
        assert foreseen.code == "budget", "the server's headers announce the end: the last call need not be sent"
        assert (answered.status, answered.code) == (429, "RateLimitExceeded")
        for refusal in (foreseen, answered):
            assert refusal.error_class is ErrorClass.RATE
            assert refusal.retry_at is not None
            assert timedelta(0) < refusal.retry_at - datetime.now(UTC) <= timedelta(minutes=5, seconds=1)
