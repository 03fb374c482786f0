"""The TikTok connector against the sandbox: two readings of one contract. What was published is counted in the sandbox."""

import asyncio
import itertools
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import SecretStr

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat, Network
from contracts.records import Account, Media, PublishOptions, PublishRequest, Staging, Token
from platforms import SandboxClock
from platforms._http import Transport
from platforms.tiktok import mapping
from platforms.tiktok.business import TikTokBusinessApp, TikTokBusinessDialect
from platforms.tiktok.client import TikTokApp, TikTokConnector, TikTokDialect
from platforms.tiktok.uploads import PART_BYTES

FILM = b"\x00\x00\x00\x18ftypmp42".ljust(1000, b"f")


class Tokens:
    """`contracts.ports.TokenStore` of one product, in memory."""

    def __init__(self, known) -> None:
        self.tokens = {
            f"tiktok:{a['native_id']}": Token(access_token=a["access_token"], refresh_token=a["refresh_token"])
            for a in known
        }
        self.claims: set[str] = set()

    async def has(self, account_id: str) -> bool:
        return account_id in self.tokens

    async def load(self, account_id: str) -> Token:
        return self.tokens[account_id]

    async def save(self, account_id: str, token: Token, *, expected_version: int) -> Token:
        if self.tokens[account_id].version == expected_version:
            self.tokens[account_id] = token.model_copy(update={"version": expected_version + 1})
        self.claims.discard(account_id)
        return self.tokens[account_id]

    async def claim_renewal(self, account_id: str, *, expected_version: int, seconds: float) -> bool:
        if account_id in self.claims or self.tokens[account_id].version != expected_version:
            return False
        self.claims.add(account_id)
        return True

    async def release_renewal(self, account_id: str, *, expected_version: int) -> None:
        self.claims.discard(account_id)


class Ports:
    """Tokens, files and a media host over one sandbox; `sent` keeps what was asked."""

    def __init__(self, sandbox, index: int = 0) -> None:
        self.sandbox = sandbox
        accounts = [a for a in sandbox.accounts() if a["network"] == "tiktok" and not a["is_competitor"]]
        self.accounts = accounts[index:]
        self.tokens = Tokens(self.accounts)
        self.business = Tokens([a | a["grants"]["business"] for a in self.accounts])
        self.files: dict[str, bytes] = {}
        self.sent: list[str] = []

    def account(self, index: int = 0) -> Account:
        known = self.accounts[index]
        return Account(
            account_id=f"tiktok:{known['native_id']}",
            client_id=known["client_slug"],
            network=Network.TIKTOK,
            native_id=known["native_id"],
            handle=known["handle"],
            base_url=f"{self.sandbox.url}/tiktok",
        )

    def published(self, account: Account) -> list[dict]:
        return self.sandbox.posts(network="tiktok", native_account_id=account.native_id, origin="api")

    def read(self, path: str) -> bytes:
        return self.files[path]

    async def publish(self, *, name: str, content: bytes, mime_type: str) -> str:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.put(
                f"{self.sandbox.url}/_sandbox/cdn/{name}", content=content, headers={"content-type": mime_type}
            )
        return answer.json()["url"]

    def media(self, name: str, content: bytes, mime_type: str) -> Media:
        self.files[name] = content
        return Media(
            media_id=name,
            path=name,
            mime_type=mime_type,
            alt_text="",
            width=720,
            height=1280,
            size_bytes=len(content),
            sha256=name.encode().hex().ljust(64, "0"),
        )

    def film(self, text: str = "A film", content: bytes = FILM, **changes) -> PublishRequest:
        film = self.media("film.mp4", content, "video/mp4")
        return self.request(text, ContentFormat.SHORT_VIDEO, (film,), **changes)

    def pictures(self, jpeg: bytes, text: str = "Pictures", count: int = 1, **changes) -> PublishRequest:
        media = tuple(self.media(f"{i}.jpg", jpeg, "image/jpeg") for i in range(count))
        return self.request(text, ContentFormat.CAROUSEL if count > 1 else ContentFormat.IMAGE, media, **changes)

    def request(self, text: str, kind: ContentFormat, media: tuple[Media, ...] = (), **changes) -> PublishRequest:
        fields = {
            "intent_id": f"{text}/1",
            "account": self.account(),
            "text": text,
            "content_format": kind,
            "media": media,
            "created_at": SandboxClock(self.sandbox.url).now(),
        }
        return PublishRequest(**(fields | changes))

    @asynccontextmanager
    async def connector(self):
        known = self.accounts[0]
        app = TikTokApp(client_key=known["app_id"], client_secret=SecretStr(known["app_secret"]))
        business_app = TikTokBusinessApp(client_id=known["app_id"], client_secret=SecretStr(known["app_secret"]))
        clock = SandboxClock(self.sandbox.url)
        home = f"{self.sandbox.url}/tiktok"

        async def note(request: httpx.Request) -> None:
            self.sent.append(f"{request.method} {request.url.path}")

        async with httpx.AsyncClient(trust_env=False, event_hooks={"request": [note]}) as client:

            def transport(dialect, tokens) -> Transport:
                return Transport(client, dialect, tokens, clock, base_url=home, sleep=briefly)

            yield TikTokConnector(
                transport(TikTokDialect(app), self.tokens),
                transport(TikTokBusinessDialect(business_app), self.business),
                self,
                self,
            )


async def briefly(seconds: float) -> None:
    """A wait for a sandbox, which is faster than any network."""
    await asyncio.sleep(seconds / 50)


async def staged(connector, request: PublishRequest, staging: Staging | None = None) -> Staging:
    staging = staging or connector.prepare(request)
    while not staging.is_complete:
        staging = await connector.stage(request, Staging.model_validate_json(staging.model_dump_json()))
    return staging


async def lost(connector, request: PublishRequest, staging: Staging) -> None:
    with pytest.raises(NetworkError) as caught:
        await connector.commit(request, staging)
    assert caught.value.error_class is ErrorClass.AMBIGUOUS


@pytest.fixture(scope="module")
def crowded(shared_process, tmp_path_factory):
    """A sandbox with an account for each test of this file, and how many are taken."""
    process = type(shared_process)(tmp_path_factory.mktemp("tiktok"), "--crowd", "270")
    yield process, itertools.count()
    process.stop()


@pytest.fixture
def ports(crowded):
    sandbox, taken = crowded
    yield Ports(sandbox, next(taken))
    sandbox.http.delete("/_sandbox/faults")


async def test_a_film_is_published_and_read_back(ports):
    request = ports.film("Ñandú 🌊", options=PublishOptions(is_ai_made=True))
    async with ports.connector() as connector:
        receipt = await connector.commit(request, await staged(connector, request))
        pages = [page async for page in connector.posts(request.account, since=request.created_at)]
    (post,) = [post for page in pages for post in page.posts]
    assert (post.native_id, post.text, post.permalink) == (receipt.native_id, "Ñandú 🌊", receipt.permalink)
    assert (post.content_format, post.published_at) == (ContentFormat.SHORT_VIDEO, receipt.published_at)
    assert {m.metric for page in pages for m in page.metrics} == {"likes", "comments", "shares", "views"}
    assert [p["native_id"] for p in ports.published(request.account)] == [receipt.native_id]


async def test_all_history_is_read_with_its_counts_reach_and_days(ports):
    account = ports.account()
    async with ports.connector() as connector:
        snapshot = await connector.profile(account)
        posts = [post async for page in connector.posts(account, since=None) for post in page.posts]
        points = await connector.post_metrics(account, posts[:25])
        day = snapshot.observed_at.date() - timedelta(days=1)
        days = await connector.account_metrics(account, start=day, end=day + timedelta(days=1))
    known = ports.sandbox.posts(network="tiktok", native_account_id=account.native_id)
    assert {post.native_id for post in posts} == {post["native_id"] for post in known}
    assert (snapshot.posts_count, snapshot.handle) == (len(known), account.handle)
    assert snapshot.followers > 0
    by_metric = {metric: {p.post_id for p in points if p.metric == metric} for metric in ("likes", "views", "reach")}
    assert all(ids == {post.post_id for post in posts[:25]} for ids in by_metric.values())
    assert {p.day for p in days} == {day}, "today is not over"
    assert {p.metric for p in days} >= {"followers", "views", "likes", "comments", "shares"}


@pytest.mark.parametrize("kind", ["disconnect_after_commit", "disconnect_before_commit", "server_error"])
async def test_a_lost_last_part_makes_exactly_one_post(ports, kind):
    request = ports.film(content=FILM.ljust(2 * PART_BYTES + 7, b"x"))
    async with ports.connector() as connector:
        staging = await staged(connector, request)
        ports.sandbox.fault(network="tiktok", operation="publish", kind=kind, times=1)
        await lost(connector, request, staging)
        while (found := await connector.find_published(request, staging)).outcome == "undecided":
            pass  # the film is being processed
        if found.outcome == "not_published":
            staging = await staged(connector, request, await connector.stage(request, staging))
            receipt = await connector.commit(request, staging)
        else:
            receipt = found.receipt
    assert (found.outcome == "published") == (kind == "disconnect_after_commit")
    assert [p["native_id"] for p in ports.published(request.account)] == [receipt.native_id]


async def test_a_lost_init_and_a_lost_part_are_done_again_and_show_nothing(ports):
    request = ports.film(content=FILM.ljust(3 * PART_BYTES, b"x"))
    for path, times in (("/video/init/", 2), ("/upload/video/", 1)):
        spec = {"kind": "disconnect_after_commit", "times": times, "params": {"method": path}}
        ports.sandbox.fault(network="tiktok", operation="stage", **spec)
    classes: list[ErrorClass] = []
    async with ports.connector() as connector:
        staging = connector.prepare(request)
        while not staging.is_complete:
            try:
                staging = await connector.stage(request, staging)
            except NetworkError as error:
                classes.append(error.error_class)
        assert classes == [ErrorClass.TRANSIENT] * 3
        assert ports.published(request.account) == []
        receipt = await connector.commit(request, staging)
    assert [p["native_id"] for p in ports.published(request.account)] == [receipt.native_id]
    assert sum(sent.startswith("PUT") for sent in ports.sent) == 4, (
        "two parts and the last, and one that was there already"
    )


async def test_a_lost_init_of_pictures_is_found_once_it_is_listed(ports, jpeg):
    request = ports.pictures(jpeg, count=2)
    async with ports.connector() as connector:
        staging = await staged(connector, request)
        ports.sandbox.fault(network="tiktok", operation="publish", kind="disconnect_after_commit", times=1)
        await lost(connector, request, staging)
        ports.sandbox.fault(network="tiktok", operation="read", kind="read_lag", params={"seconds": 3600})
        assert (await connector.find_published(request, staging)).outcome == "undecided"
        ports.sandbox.http.delete("/_sandbox/faults")
        found = await connector.find_published(request, staging)
    assert [p["native_id"] for p in ports.published(request.account)] == [found.receipt.native_id]


async def test_a_deliberate_repost_is_a_second_post(ports, jpeg):
    first, second = ports.pictures(jpeg), ports.pictures(jpeg, intent_id="Pictures/2")
    async with ports.connector() as connector:
        earlier = await connector.commit(first, await staged(connector, first))
        staging = await staged(connector, second)
        ports.sandbox.fault(network="tiktok", operation="publish", kind="disconnect_after_commit", times=1)
        await lost(connector, second, staging)
        found = await connector.find_published(second, staging)
    native_ids = [p["native_id"] for p in ports.published(first.account)]
    assert sorted(native_ids) == sorted([earlier.native_id, found.receipt.native_id])


async def test_published_without_an_id_yet_is_published(ports):
    request = ports.film()
    async with ports.connector() as connector:
        staging = await staged(connector, request)
        ports.sandbox.fault(network="tiktok", operation="read", kind="read_lag", params={"seconds": 3600})
        receipt = await connector.commit(request, staging)
        assert (mapping.is_publish_id(receipt.native_id), receipt.is_provisional) == (True, True)
        assert await connector.named(request.account, receipt) is None
        ports.sandbox.http.delete("/_sandbox/faults")
        named = await connector.named(request.account, receipt)
    assert [p["native_id"] for p in ports.published(request.account)] == [named.native_id]
    assert (named.is_provisional, named.permalink.rpartition("/")[2]) == (False, named.native_id)


async def test_an_upload_that_expired_begins_anew(start_sandbox):
    ports = Ports(start_sandbox("--crowd", "9"))
    request = ports.film()
    async with ports.connector() as connector:
        staging = await staged(connector, request)
        ports.sandbox.advance(3700)
        await lost(connector, request, staging)
        assert (await connector.find_published(request, staging)).outcome == "not_published"
        staging = await staged(connector, request, await connector.stage(request, staging))
        await connector.commit(request, staging)
    assert len(ports.published(request.account)) == 1


async def test_what_is_no_film_is_refused_for_good(ports):
    request = ports.film(content=b"x" * 1000)
    async with ports.connector() as connector:
        staging = await staged(connector, request)
        with pytest.raises(NetworkError) as caught:
            await connector.commit(request, staging)
    assert (caught.value.error_class, caught.value.code) == (ErrorClass.INVALID, "file_format_check_failed")
    assert ports.published(request.account) == []


async def test_an_expired_token_is_renewed_once_for_many_calls_on_both_products(ports):
    account = ports.account()
    async with ports.connector() as connector:
        posts = [post async for page in connector.posts(account, since=None) for post in page.posts][:2]
        ports.sandbox.fault(network="tiktok", operation="read", kind="expire_token", times=1)
        snapshots = await asyncio.gather(*(connector.profile(account) for _ in range(20)))
        assert {snapshot.native_id for snapshot in snapshots} == {account.native_id}
        assert ports.sent.count("POST /tiktok/v2/oauth/token/") == 1
        ports.sandbox.fault(network="tiktok", operation="read", kind="expire_token", times=1)
        found = [page async for page in connector.comments(account, posts[0])]
        assert all(comment.post_id == posts[0].post_id for page in found for comment in page)
        assert sum("refresh_token" in sent for sent in ports.sent) == 1
        await connector.profile(account)
    versions = [store.tokens[account.account_id].version for store in (ports.tokens, ports.business)]
    assert versions == [1, 1], "each product has tokens of its own"


async def test_a_reply_is_written_and_a_lost_one_is_found(ports):
    account = ports.account()
    async with ports.connector() as connector:
        posts = [post async for page in connector.posts(account, since=None) for post in page.posts]
        by_post = {post: [c async for page in connector.comments(account, post) for c in page] for post in posts[:20]}
        post, comments = next((post, found) for post, found in by_post.items() if found)
        reply = ports.request(
            "¡Gracias!",
            ContentFormat.TEXT,
            reply_to_native_post_id=post.native_id,
            reply_to_native_comment_id=comments[0].native_id,
        )
        staging = await staged(connector, reply)
        ports.sandbox.fault(network="tiktok", operation="reply", kind="disconnect_after_commit", times=1)
        await lost(connector, reply, staging)
        found = await connector.find_published(reply, staging)
        listed = [c async for page in connector.comments(account, post) for c in page if c.is_own]
    assert [(c.native_id, c.text, c.parent_comment_id) for c in listed] == [
        (found.receipt.native_id, "¡Gracias!", comments[0].comment_id)
    ]


async def test_a_rate_limit_is_waited_for_and_an_outage_is_no_refusal(ports):
    account = ports.account()
    async with ports.connector() as connector:
        ports.sandbox.fault(network="tiktok", operation="read", kind="server_error", times=1)
        assert (await connector.profile(account)).native_id == account.native_id
        ports.sandbox.fault(network="tiktok", operation="read", kind="rate_limit", times=1)
        with pytest.raises(NetworkError) as caught:
            await connector.profile(account)
    assert caught.value.error_class is ErrorClass.RATE
    assert caught.value.retry_at > datetime.now(UTC)


async def test_a_retired_count_leaves_the_others(ports):
    account = ports.account()
    ports.sandbox.fault(network="tiktok", operation="read", kind="retired_metric", params={"metric": "share_count"})
    async with ports.connector() as connector:
        pages = [page async for page in connector.posts(account, since=None)]
    assert {m.metric for page in pages for m in page.metrics} == {"likes", "comments", "views"}
