"""The Bluesky connector against a real personal data server (npm `@atproto/dev-env`): PLC and PDS on loopback, no AppView.

The server's folder (with `node_modules`) is named by PULSO_BLUESKY_SERVER. What was published is counted by listing the
repository itself.
"""

import asyncio
import io
import os
import random
import select
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from contracts.clock import SystemClock
from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat, Grant, Network
from contracts.ports import Connector
from contracts.records import Account, Media, PublishRequest, Staging, Token
from contracts.settings import Settings
from platforms import HttpNetworks
from platforms._http import Call, CallKind, Patience, Transport
from platforms.bluesky import mapping
from platforms.bluesky.client import BlueskyDialect

pytestmark = pytest.mark.integration

START_SECONDS = 60


def server_folder() -> Path:
    """Where the server is installed; skips, or fails in CI, saying how to install it."""
    folder = Path(os.environ.get("PULSO_BLUESKY_SERVER", ""))
    is_there = (
        bool(os.environ.get("PULSO_BLUESKY_SERVER")) and (folder / "node_modules").is_dir() and shutil.which("node")
    )
    if not is_there:
        message = (
            "no real Bluesky server: in a folder of its own run `npm_config_nodedir=/usr npm install @atproto/dev-env`, put "
            "`pds-only.js` there, and set PULSO_BLUESKY_SERVER to the folder"
        )
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_server(folder: Path, **environment: str) -> tuple[subprocess.Popen[str], str]:
    """A server of its own on free ports; its process and its address."""
    ports = {"PLC_PORT": str(free_port()), "PDS_PORT": str(free_port())}
    env = {**os.environ, **ports, **environment, "LOG_ENABLED": "false", "NODE_ENV": "development"}
    process = subprocess.Popen(
        ["node", "pds-only.js"], cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    while select.select([process.stdout], [], [], START_SECONDS)[0]:
        line = process.stdout.readline()
        if line.startswith("READY"):
            return process, f"http://127.0.0.1:{ports['PDS_PORT']}"
        if not line:
            break
    process.kill()
    process.communicate()
    raise AssertionError("the Bluesky server did not start")


@pytest.fixture(scope="module")
def pds_url() -> Iterator[str]:
    process, url = start_server(server_folder())
    yield url
    process.terminate()
    process.communicate(timeout=30)


class Person:
    """An account on the server, with the ports that its connector needs."""

    def __init__(self, pds_url: str, handle: str) -> None:
        body = {"handle": handle, "email": f"{handle}@example.test", "password": "a-password"}
        answer = (
            httpx.post(f"{pds_url}/xrpc/com.atproto.server.createAccount", json=body, timeout=30)
            .raise_for_status()
            .json()
        )
        self.token = Token(access_token=answer["accessJwt"], refresh_token=answer["refreshJwt"])
        self.account = Account(
            account_id=f"bluesky:{answer['did']}",
            client_id="c",
            network=Network.BLUESKY,
            native_id=answer["did"],
            handle=handle,
            base_url=pds_url,
        )
        self.files: dict[str, bytes] = {}

    def of(self, grant: Grant) -> "Person":
        return self

    async def load(self, account_id: str) -> Token:
        return self.token

    async def claim_renewal(self, account_id: str, *, expected_version: int, seconds: float) -> bool:
        return expected_version == self.token.version

    async def release_renewal(self, account_id: str, *, expected_version: int) -> None:
        pass

    async def save(self, account_id: str, token: Token, *, expected_version: int) -> Token:
        self.token = token.model_copy(update={"version": expected_version + 1})
        return self.token

    def read(self, path: str) -> bytes:
        return self.files[path]

    async def publish(self, *, name: str, content: bytes, mime_type: str) -> str:
        raise AssertionError("Bluesky takes uploads")

    def picture(self, colour: str) -> Media:
        Image.new("RGB", (320, 200), colour).save(buffer := io.BytesIO(), "PNG")
        self.files[colour] = buffer.getvalue()
        return Media(
            media_id=colour,
            path=colour,
            mime_type="image/png",
            alt_text=f"All {colour}",
            width=320,
            height=200,
            size_bytes=len(buffer.getvalue()),
            sha256="0" * 64,
        )

    @asynccontextmanager
    async def connector(self, *, timeout: float = 20.0) -> AsyncIterator[Connector]:
        patience = Patience(timeout=timeout, attempts=2, first_backoff=0.01, longest_wait=0.5)
        networks = HttpNetworks(Settings(), self, self, self, has_bluesky_app_view=False, patience=patience)
        async with networks.open() as connectors:
            yield connectors[Network.BLUESKY]

    def at(self, base_url: str) -> Account:
        """The account, reached another way."""
        return self.account.model_copy(update={"base_url": base_url})

    def records(self) -> list[dict[str, Any]]:
        """All posts in the repository, by the server's own word."""
        params = {"repo": self.account.native_id, "collection": mapping.POST_COLLECTION, "limit": "100"}
        answer = httpx.get(f"{self.account.base_url}/xrpc/com.atproto.repo.listRecords", params=params, timeout=30)
        return list(answer.raise_for_status().json()["records"])


@pytest.fixture
def person(pds_url: str) -> Callable[[str], Person]:
    def make(name: str) -> Person:
        return Person(pds_url, f"{name}{random.SystemRandom().randrange(10**8)}.test")

    return make


def request_for(account: Account, text: str, **more: Any) -> PublishRequest:
    fields: dict[str, Any] = {
        "intent_id": f"item/{text}/1",
        "account": account,
        "text": text,
        "content_format": ContentFormat.TEXT,
        "language": "en",
        "created_at": datetime.now(UTC),
    }
    return PublishRequest(**(fields | more))


async def staged(connector: Connector, request: PublishRequest) -> Staging:
    staging = connector.prepare(request)
    while not staging.is_complete:
        staging = await connector.stage(request, staging)
    return staging


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


class LossyProxy:
    """Stands between client and server, and cuts the connection instead of handing back the answer to a commit.

    `loses(n)` says whether the n-th commit's answer is lost; `before` whether it is cut before the server has seen it.
    """

    def __init__(self, upstream: str) -> None:
        self._upstream = httpx.URL(upstream)
        self.loses: Callable[[int], bool] = lambda _: False
        self.before: Callable[[int], bool] = lambda _: False
        self.commits = self.lost = 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
            length = int(next((v for k, v in headers.items() if k.lower() == "content-length"), "0"))
            body = await reader.readexactly(length)
            is_commit = "com.atproto.repo.putRecord" in lines[0]
            number = self.commits
            self.commits += is_commit
            is_lost = is_commit and self.loses(number)
            self.lost += is_lost
            if is_lost and self.before(number):
                return
            kept = [line for line in lines if not line.lower().startswith(("connection:", "host:"))]
            kept.insert(1, f"Host: {self._upstream.netloc.decode()}\r\nConnection: close")
            answers, upstream = await asyncio.open_connection(self._upstream.host, self._upstream.port)
            upstream.write("\r\n".join(kept).encode("latin-1") + body)
            await upstream.drain()
            answer = await answers.read()
            upstream.close()
            await upstream.wait_closed()
            if not is_lost:
                writer.write(answer)
                await writer.drain()
        finally:
            writer.transport.abort()


async def test_lost_answers_never_make_a_second_post(person: Callable[[str], Person]) -> None:
    brand = person("brand")
    proxy = LossyProxy(brand.account.base_url)
    generator = random.Random(11)
    fate = [(generator.random() < 0.6, generator.random() < 0.4) for _ in range(500)]
    proxy.loses, proxy.before = (lambda n: fate[n][0]), (lambda n: fate[n][1])
    wanted = 60
    async with proxy.serving() as url, brand.connector() as connector:
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
                fate[proxy.commits] = (False, False)
                assert (await connector.commit(request, staging)).native_id == receipt.native_id
    assert proxy.lost > wanted / 3
    texts = sorted(r["value"]["text"] for r in brand.records())
    assert texts == sorted(f"post {i // 2}" for i in range(wanted))


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
    process, url = start_server(server_folder(), RATE_LIMITS="1")
    try:
        brand = Person(url, f"brand{random.SystemRandom().randrange(10**8)}.test")
        login = {"identifier": brand.account.handle, "password": "a-password"}
        call = Call(CallKind.TOKEN, "createSession", "POST", "/xrpc/com.atproto.server.createSession", json=login)
        call = replace(call, is_authorized=False)
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:

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
    finally:
        process.terminate()
        process.communicate(timeout=30)
