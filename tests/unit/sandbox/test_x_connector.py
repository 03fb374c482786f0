"""Pulso's connector to X against the sandbox's X: publish and read back, lost answers, threads, tokens, limits. What was published is
counted in the network's own state, never in what the connector believes."""

import asyncio
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from PIL import Image
from pydantic import SecretStr

from contracts.clock import FixedClock
from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat, Network
from contracts.records import Account, Media, PublishOptions, PublishRequest, Staging, Token
from platforms._http import Patience, Transport
from platforms.x.client import XApp, XConnector, XDialect


class Bench:
    """One account of a running sandbox, with the ports that its connector needs."""

    def __init__(self, process: Any, index: int) -> None:
        self.process = process
        self.known = [a for a in process.accounts() if a["network"] == "x" and a["access_token"]][index]
        self.token = Token(access_token=self.known["access_token"], refresh_token=self.known["refresh_token"])
        self.files: dict[str, bytes] = {}
        self.slept: list[float] = []
        self.now = datetime.fromisoformat(process.http.get("/_sandbox/clock").json()["now"])
        self.account = Account(
            account_id=f"x:{self.known['native_id']}",
            client_id="crowd",
            network=Network.X,
            native_id=self.known["native_id"],
            handle=self.known["handle"],
            base_url=f"{process.url}/x",
        )

    async def load(self, account_id: str) -> Token:
        return self.token

    async def save(self, account_id: str, token: Token, *, expected_version: int) -> Token:
        self.token = token.model_copy(update={"version": expected_version + 1})
        return self.token

    async def claim_renewal(self, account_id: str, *, expected_version: int, seconds: float) -> bool:
        return expected_version == self.token.version

    async def release_renewal(self, account_id: str, *, expected_version: int) -> None: ...

    def read(self, path: str) -> bytes:
        return self.files[path]

    def media(self, name: str, content: bytes, mime_type: str) -> Media:
        self.files[name] = content
        return Media(
            media_id=name,
            path=name,
            mime_type=mime_type,
            alt_text=f"All {name}",
            width=640,
            height=640,
            size_bytes=len(content),
            sha256=name.encode().hex().ljust(64, "0"),
        )

    def picture(self, colour: str) -> Media:
        Image.new("RGB", (640, 640), colour).save(buffer := io.BytesIO(), "JPEG")
        return self.media(colour, buffer.getvalue(), "image/jpeg")

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)

    def connector(self, client: httpx.AsyncClient) -> XConnector:
        app = XApp(self.known["app_id"], SecretStr(self.known["app_secret"]))
        transport = Transport(
            client, XDialect(app), self, FixedClock(self.now), patience=Patience(timeout=10.0), sleep=self.sleep
        )
        return XConnector(transport, self)

    def intent(self, text: str, **changes: Any) -> PublishRequest:
        fields: dict[str, Any] = {
            "intent_id": f"{text}/1",
            "account": self.account,
            "text": text,
            "content_format": ContentFormat.TEXT,
            "created_at": self.now,
        }
        return PublishRequest(**(fields | changes))

    def published(self, text: str | None = None) -> list[dict[str, Any]]:
        posts = self.process.posts(network="x", native_account_id=self.account.native_id, origin="api")
        return [p for p in posts if text is None or p["text"] == text]

    def fault(self, operation: str, kind: str, **more: Any) -> None:
        params = {"account": self.account.native_id, **more.pop("params", {})}
        self.process.fault(network="x", operation=operation, kind=kind, params=params, **more)


@pytest.fixture(scope="module")
def crowd(shared_process: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    process = type(shared_process)(tmp_path_factory.mktemp("x-connector"), "--crowd", "27")
    yield process
    process.stop()


@pytest.fixture
def bench(crowd: Any) -> Iterator[Bench]:
    yield Bench(crowd, 0)
    crowd.http.delete("/_sandbox/faults")


@pytest.fixture
async def http() -> Any:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


async def staged(connector: XConnector, request: PublishRequest) -> Staging:
    staging = connector.prepare(request)
    while not staging.is_complete:
        staging = await connector.stage(request, Staging.model_validate_json(staging.model_dump_json()))
    return staging


async def failure(awaitable: Any) -> NetworkError:
    with pytest.raises(NetworkError) as caught:
        await awaitable
    return caught.value


async def listed(connector: XConnector, bench: Bench) -> dict[str, Any]:
    return {p.native_id: p async for page in connector.posts(bench.account, since=None) for p in page.posts}


async def test_history_profile_and_counts(bench: Bench, http: httpx.AsyncClient) -> None:
    connector = bench.connector(http)
    snapshot = await connector.profile(bench.account)
    history = bench.process.posts(network="x", native_account_id=bench.account.native_id)
    found = await listed(connector, bench)
    assert list(found) == [p["native_id"] for p in reversed(history)]
    assert {p["native_id"]: p["text"] for p in history}.items() >= {
        i: p.text for i, p in found.items() if "t.co" not in p.text
    }.items()
    assert (snapshot.posts_count, snapshot.handle) == (len(history), bench.account.handle)
    posts = list(found.values())[:5]
    counted = {(m.post_id, m.metric) for m in await connector.post_metrics(bench.account, posts)}
    assert {metric for _, metric in counted} >= {"likes", "comments", "shares", "quotes", "saves", "impressions"}


async def test_comments_are_those_that_the_audience_wrote(bench: Bench, http: httpx.AsyncClient) -> None:
    connector = bench.connector(http)
    params = {"network": "x", "native_account_id": bench.account.native_id, "origin": "audience"}
    said = bench.process.http.get("/_sandbox/comments", params=params).json()
    newest = max(said, key=lambda c: c["created_at"])
    post = (await listed(connector, bench))[newest["post_native_id"]]
    found = [c async for page in connector.comments(bench.account, post) for c in page]
    assert newest["native_id"] in {c.native_id for c in found}
    assert {c.native_id for c in found} <= {c["native_id"] for c in said}
    assert all(c.author_handle and not c.is_own for c in found)


@pytest.mark.parametrize("kind", ["text", "picture", "several", "film"])
async def test_publish_read_back_and_a_lost_answer(bench: Bench, http: httpx.AsyncClient, kind: str) -> None:
    text = f"Lost {kind} & <found>: https://harbor.example/{kind}"
    film = bench.media("film", b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 100, "video/mp4")
    media = {"text": (), "picture": ("navy",), "several": ("red", "green"), "film": (film,)}[kind]
    request = bench.intent(text, media=tuple(m if isinstance(m, Media) else bench.picture(m) for m in media))
    connector = bench.connector(http)
    staging = await staged(connector, request)
    bench.fault("publish", "disconnect_after_commit", times=1)
    assert (await failure(connector.commit(request, staging))).error_class is ErrorClass.AMBIGUOUS
    again = bench.connector(http)
    found = await again.find_published(request, staging)
    (post,) = bench.published(text)
    assert (found.outcome, found.receipt.native_id) == ("published", post["native_id"])
    shown = (await listed(again, bench))[post["native_id"]]
    assert shown.media_count == len(media)
    assert shown.text.startswith(f"Lost {kind} & <found>: https://t.co/")
    await again.delete(bench.account, post["native_id"])
    await again.delete(bench.account, post["native_id"])
    assert bench.published(text) == []


@pytest.mark.parametrize("kind", ["disconnect_before_commit", "server_error"])
async def test_what_was_never_written_is_not_proven_so(bench: Bench, http: httpx.AsyncClient, kind: str) -> None:
    connector = bench.connector(http)
    request = bench.intent(f"Never written {kind}")
    staging = await staged(connector, request)
    bench.fault("publish", kind, times=1)
    assert (await failure(connector.commit(request, staging))).error_class is ErrorClass.AMBIGUOUS
    assert (await connector.find_published(request, staging)).outcome == "absent"
    assert bench.published(request.text) == []


@pytest.mark.parametrize("kind", ["text", "picture", "thread"])
async def test_a_duplicate_after_a_lost_answer_is_the_first_post(
    bench: Bench, http: httpx.AsyncClient, kind: str
) -> None:
    connector = bench.connector(http)
    text = f"Said once: {kind}"
    media = (bench.picture("teal"),) if kind == "picture" else ()
    options = PublishOptions(thread=(f"{text}, and on",) if kind == "thread" else ())
    request = bench.intent(text, media=media, options=options)
    staging = await staged(connector, request)
    bench.fault("publish", "disconnect_after_commit", times=1)
    if kind == "thread":
        await connector.commit(request, staging)  # it goes on by itself
    else:
        await failure(connector.commit(request, staging))
    assert (await failure(connector.commit(request, staging))).error_class is ErrorClass.DUPLICATE
    (post,) = bench.published(text)
    assert (await connector.find_published(request, staging)).receipt.native_id == post["native_id"]


async def test_a_post_that_lags_is_found_by_a_later_look(bench: Bench, http: httpx.AsyncClient) -> None:
    connector = bench.connector(http)
    request = bench.intent("Seen late")
    staging = await staged(connector, request)
    await connector.commit(request, staging)
    bench.fault("read", "read_lag", times=1, params={"seconds": 600})
    looks = [(await connector.find_published(request, staging)).outcome for _ in range(2)]
    assert looks == ["absent", "published"]


async def test_the_same_text_with_the_guard_off_is_two_posts_told_apart(bench: Bench, http: httpx.AsyncClient) -> None:
    connector = bench.connector(http)
    bench.fault("publish", "guard_off")
    request = bench.intent("Again and again")
    receipts = []
    for _ in range(3):
        staging = await staged(connector, request)
        bench.fault("publish", "disconnect_after_commit", times=1)
        await failure(connector.commit(request, staging))
        receipts.append((await connector.find_published(request, staging)).receipt.native_id)
    assert receipts == [p["native_id"] for p in bench.published("Again and again")]


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("kind", ["disconnect_after_commit", "disconnect_before_commit"])
async def test_a_thread_is_never_begun_twice(bench: Bench, http: httpx.AsyncClient, which: int, kind: str) -> None:
    texts = [f"{name} of {kind} {which}" for name in ("First", "Second", "Third")]
    request = bench.intent(texts[0], options=PublishOptions(thread=tuple(texts[1:])))
    connector = bench.connector(http)
    staging = await staged(connector, request)
    created: list[httpx.Request] = []

    async def cut_when_due(sent: httpx.Request) -> None:
        if sent.url.path.endswith("/2/tweets") and sent.method == "POST":
            created.append(sent)
            if len(created) == which + 1:
                await asyncio.to_thread(bench.fault, "publish", kind, times=1)

    http.event_hooks = {"request": [cut_when_due], "response": []}
    if kind == "disconnect_after_commit":
        out = json.loads((await connector.commit(request, staging)).raw)["ids"]
    else:
        assert (await failure(connector.commit(request, staging))).error_class is ErrorClass.AMBIGUOUS
        found = await connector.find_published(request, staging)
        assert found.outcome == ("undecided" if which else "absent")
        out = [p["native_id"] for p in bench.published() if p["native_id"] in found.evidence]
    posts = [p for p in bench.published() if p["text"] in texts]
    assert [p["native_id"] for p in posts] == out
    assert [p["text"] for p in posts] == texts[: 3 if kind == "disconnect_after_commit" else which]
    assert [p["in_reply_to"] for p in posts] == [None, *out][: len(out)]


async def test_answers_to_the_audience_and_to_strangers(bench: Bench, http: httpx.AsyncClient, crowd: Any) -> None:
    connector = bench.connector(http)
    params = {"network": "x", "native_account_id": bench.account.native_id, "origin": "audience"}
    comment = crowd.http.get("/_sandbox/comments", params=params).json()[0]
    request = bench.intent("Thank you so much", reply_to_native_comment_id=comment["native_id"])
    staging = await staged(connector, request)
    bench.fault("publish", "disconnect_after_commit", times=1)
    await failure(connector.commit(request, staging))
    found = await connector.find_published(request, staging)
    (post,) = bench.published("Thank you so much")
    assert (found.receipt.native_id, post["in_reply_to"]) == (post["native_id"], comment["native_id"])
    other = Bench(crowd, 1)
    theirs = crowd.posts(network="x", native_account_id=other.account.native_id)[-1]
    stranger = bench.intent("Buy ours", reply_to_native_post_id=theirs["native_id"])
    error = await failure(connector.commit(stranger, await staged(connector, stranger)))
    assert error.error_class is ErrorClass.INVALID


async def test_many_calls_on_an_expired_token_renew_it_once(crowd: Any, http: httpx.AsyncClient) -> None:
    bench = Bench(crowd, 2)
    connector = bench.connector(http)
    old = bench.token
    bench.fault("read", "expire_token", times=1)
    await asyncio.gather(*(connector.profile(bench.account) for _ in range(50)))
    assert bench.token.version == old.version + 1
    assert bench.token.refresh_token != old.refresh_token
    assert bench.token.expires_at > datetime.now(UTC)
    bench.fault("publish", "expire_token", times=1)
    request = bench.intent("After the token")
    staging = await staged(connector, request)
    assert (await failure(connector.commit(request, staging))).error_class is ErrorClass.TRANSIENT
    assert bench.published("After the token") == []
    await connector.commit(request, staging)
    assert len(bench.published("After the token")) == 1


async def test_a_limit_waits_for_its_reset(bench: Bench, http: httpx.AsyncClient) -> None:
    connector = bench.connector(http)
    bench.fault("publish", "rate_limit", times=1, params={"retry_after_seconds": 300})
    request = bench.intent("Too many")
    error = await failure(connector.commit(request, await staged(connector, request)))
    assert error.error_class is ErrorClass.RATE
    assert 200 < (error.retry_at - datetime.now(UTC)).total_seconds() < 302
    assert bench.published("Too many") == []


async def test_answers_with_unknown_fields_empty_pages_and_repetitions(bench: Bench, http: httpx.AsyncClient) -> None:
    connector = bench.connector(http)
    plain = await listed(connector, bench)
    for kind in ("unknown_fields", "empty_page", "duplicate_answer"):
        bench.fault("read", kind, times=1)
        assert list(await listed(connector, bench)) == list(plain)
