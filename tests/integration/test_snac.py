"""Our connector on a real server that speaks Mastodon's API: snac2, as Debian packages it.

A smoke test, no canon: snac keeps no idempotency keys, has no second version of `instance`, answers in HTML where it refuses, and renames
uploads. What is published here is published through those differences.
"""

import asyncio
import json
import os
import shutil
import struct
import subprocess
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from benchmarks.ports import free_port
from contracts.clock import SystemClock
from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat, Network
from contracts.records import Account, Media, PublishOptions, PublishRequest, Staging, Token
from platforms._http import Patience, Transport
from platforms.mastodon.client import MastodonConnector, MastodonDialect

INSTALL = (
    "apt-get install -t bookworm-backports snac2   (Debian backports; plain `apt-get install snac2` from Debian 13 on)"
)
USER = "harbor"
CALLBACK = "http://localhost:9/callback"

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Snac:
    """A running server with one user."""

    url: str
    token: str
    user_id: str


def run(*command: str, answers: str = "") -> str:
    return subprocess.run(command, input=answers, capture_output=True, text=True, check=True).stdout


def authorised(client: httpx.Client, password: str) -> str:
    """A token by the way a person takes: an app, a login, a code, a token."""
    wanted = {"client_name": "pulso", "redirect_uris": CALLBACK, "scopes": "read write"}
    app = client.post("/api/v1/apps", data=wanted).json()
    login = {
        "login": USER,
        "passwd": password,
        "redir": CALLBACK,
        "cid": app["client_id"],
        "state": "s",
        "scope": "read write",
    }
    redirected = client.post("/oauth/x-snac-login", data=login)
    assert redirected.status_code == 303, redirected.text
    code = parse_qs(urlsplit(redirected.headers["location"]).query)["code"][0]
    grant = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": app["client_id"],
        "client_secret": app["client_secret"],
        "redirect_uri": CALLBACK,
    }
    return str(client.post("/oauth/token", data=grant).json()["access_token"])


@pytest.fixture(scope="module")
def snac(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snac]:
    program = shutil.which("snac")
    if program is None:
        message = f"needs the server snac2: {INSTALL}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    folder, port = tmp_path_factory.mktemp("snac") / "data", free_port()
    run(program, "init", str(folder), answers=f"127.0.0.1\n{port}\nlocalhost:{port}\n\n\n")
    settings = folder / "server.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"protocol": "http"}))
    password = run(program, "adduser", str(folder), USER).partition("User password is ")[2].split()[0]
    process = subprocess.Popen([program, "httpd", str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        # snac closes every connection after one answer, and does not say so
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", headers={"connection": "close"}, trust_env=False
        ) as client:
            wait_until_up(client, process)
            token = authorised(client, password)
            headers = {"authorization": f"Bearer {token}"}
            user = client.get("/api/v1/accounts/verify_credentials", headers=headers).json()
        yield Snac(f"http://127.0.0.1:{port}", token, user["id"])
    finally:
        process.terminate()
        process.communicate()


def wait_until_up(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            client.get("/api/v1/instance")
        except httpx.ConnectError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"snac ended by itself with {process.returncode}")


class CuttableTransport(httpx.AsyncBaseTransport):
    """The real way to the server, on which the answer to the next status can get lost after it was written."""

    def __init__(self) -> None:
        self._way = httpx.AsyncHTTPTransport()
        self.loses_next_status = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._way.handle_async_request(request)
        if self.loses_next_status and request.method == "POST" and request.url.path == "/api/v1/statuses":
            self.loses_next_status = False
            await response.aread()
            await response.aclose()
            raise httpx.ReadError("cut", request=request)
        return response

    async def aclose(self) -> None:
        await self._way.aclose()


class OneToken:
    def __init__(self, access_token: str) -> None:
        self.access_token = access_token

    async def load(self, account_id: str) -> Token:
        return Token(access_token=self.access_token)


class Pictures:
    """Any path is a grey picture of 8 by 8."""

    def read(self, path: str) -> bytes:
        def chunk(kind: bytes, data: bytes) -> bytes:
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

        header = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0))
        rows = zlib.compress((b"\x00" + b"\x80" * 8) * 8)
        return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@dataclass
class Desk:
    """The connector on this server, and what it takes to use it."""

    connector: MastodonConnector
    account: Account
    tokens: OneToken
    way: CuttableTransport

    def intent(self, text: str, **changes: object) -> PublishRequest:
        fields = {
            "intent_id": f"snac/{text}",
            "account": self.account,
            "text": text,
            "content_format": ContentFormat.TEXT,
            "created_at": datetime.now(UTC),
        }
        return PublishRequest.model_validate(fields | changes)

    async def staged(self, request: PublishRequest) -> Staging:
        staging = self.connector.prepare(request)
        while not staging.is_complete:
            staging = await self.connector.stage(request, staging)
        return staging

    async def posts(self) -> dict[str, str]:
        """What the account shows: words by id."""
        pages = [page async for page in self.connector.posts(self.account, since=None)]
        return {post.native_id: post.text for page in pages for post in page.posts}


@pytest.fixture
async def desk(snac: Snac) -> AsyncIterator[Desk]:
    account = Account(
        account_id=f"mastodon:{snac.user_id}",
        client_id="harbor",
        network=Network.MASTODON,
        native_id=snac.user_id,
        handle=USER,
        base_url=snac.url,
    )
    tokens, way = OneToken(snac.token), CuttableTransport()
    async with httpx.AsyncClient(transport=way) as client:
        transport = Transport(client, MastodonDialect(), tokens, SystemClock(), patience=Patience(first_backoff=0.01))
        yield Desk(MastodonConnector(transport, Pictures()), account, tokens, way)


async def test_a_post_is_published_and_read_back(desk: Desk) -> None:
    profile = await desk.connector.profile(desk.account)
    assert (profile.native_id, profile.handle) == (desk.account.native_id, USER)
    request = desk.intent("Café & *fresh* bread\nfrom nine, see https://example.test/a?b=1")
    receipt = await desk.connector.commit(request, await desk.staged(request))
    posts = await desk.posts()
    assert posts[receipt.native_id] == request.text
    found = [post async for page in desk.connector.posts(desk.account, since=None) for post in page.posts]
    points = await desk.connector.post_metrics(desk.account, found)
    assert {p.metric: p.value for p in points if p.post_id == f"mastodon:{receipt.native_id}"} == {
        "likes": 0,
        "comments": 0,
        "shares": 0,
    }


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("The answer gets lost, *with* stars & links: https://example.test/", {}),
        (
            "The answer gets lost, with a picture",
            {
                "content_format": ContentFormat.IMAGE,
                "media": (
                    Media(
                        media_id="m",
                        path="grey",
                        mime_type="image/png",
                        alt_text="Grey",
                        width=8,
                        height=8,
                        size_bytes=80,
                        sha256="a" * 64,
                    ),
                ),
            },
        ),
        ("The answer gets lost, for few", {"options": PublishOptions(privacy="unlisted")}),
    ],
)
async def test_a_lost_answer_is_survived_without_a_second_post(
    desk: Desk, text: str, changes: dict[str, object]
) -> None:
    request = desk.intent(text, **changes)
    staging = await desk.staged(request)
    assert "snac" in staging.handles["server"]
    desk.way.loses_next_status = True
    with pytest.raises(NetworkError) as caught:
        await desk.connector.commit(request, staging)
    assert caught.value.error_class is ErrorClass.AMBIGUOUS
    found = await desk.connector.find_published(request, staging)
    assert found.outcome == "published", found.evidence
    posts = await desk.posts()
    assert list(posts.values()).count(text) == 1
    assert found.receipt is not None
    assert posts[found.receipt.native_id] == text


async def test_what_was_never_sent_is_not_sent_again_by_itself(desk: Desk) -> None:
    request = desk.intent("Never sent")
    found = await desk.connector.find_published(request, await desk.staged(request))
    assert (found.outcome, found.is_repeat_harmless) == ("absent", False)


async def test_a_thread_and_its_answers(desk: Desk) -> None:
    request = desk.intent("First of three", options=PublishOptions(thread=("second of three", "third of three")))
    staging = await desk.staged(request)
    receipt = await desk.connector.commit(request, staging)
    (post,) = [
        post
        async for page in desk.connector.posts(desk.account, since=None)
        for post in page.posts
        if post.native_id == receipt.native_id
    ]
    below = [c async for page in desk.connector.comments(desk.account, post) for c in page]
    assert [(c.text, c.parent_comment_id, c.is_own) for c in below] == [
        ("second of three", None, True)
    ]  # snac shows no more
    assert list((await desk.posts()).values())[:3] == ["third of three", "second of three", "First of three"]
    found = await desk.connector.find_published(request, staging)
    assert found.receipt is not None
    assert found.receipt.native_id == receipt.native_id


async def test_a_bad_token_is_told_from_a_bad_post(desk: Desk) -> None:
    request = desk.intent("With a bad token")
    staging = await desk.staged(request)
    desk.tokens.access_token = "nonsense"
    fresh = MastodonConnector(
        Transport(desk.connector._transport._client, MastodonDialect(), desk.tokens, SystemClock()), Pictures()
    )
    for refused in (fresh.profile(desk.account), fresh.commit(request, staging)):
        with pytest.raises(NetworkError) as caught:
            await refused
        assert caught.value.error_class is ErrorClass.AUTH


async def test_a_deletion_that_the_server_only_claims_is_not_believed(desk: Desk) -> None:
    request = desk.intent("Short-lived")
    receipt = await desk.connector.commit(request, await desk.staged(request))
    answers = await asyncio.gather(desk.connector.delete(desk.account, receipt.native_id), return_exceptions=True)
    is_there = receipt.native_id in await desk.posts()
    assert is_there == isinstance(answers[0], NetworkError)
    await desk.connector.delete(desk.account, "1795352088a060ef31c3c8a6a589ba2c8f2fee5615")  # never was
