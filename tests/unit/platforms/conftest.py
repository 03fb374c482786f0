"""A network made of answers: connectors and transports over `httpx.MockTransport`, with ports as simple objects."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.clock import FixedClock
from contracts.networks import ContentFormat, Grant, Network
from contracts.ports import MediaHost, MediaReader
from contracts.records import Account, Media, Post, PublishRequest, Token
from platforms._graph import MetaApp
from platforms._http import Dialect, Patience, Transport
from platforms.bluesky.client import BlueskyConnector, BlueskyDialect
from platforms.instagram.client import InstagramConnector, InstagramDialect

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
DID = "did:plc:o6y7sm2tpblnupwrfuh7anys"

Handler = Callable[[httpx.Request], httpx.Response]


@dataclass
class MemoryTokens:
    """`contracts.ports.TokenStore` in memory. `saves` keeps what was saved, in order."""

    token: Token
    saves: list[Token] = field(default_factory=list)
    is_claimed: bool = False

    def of(self, grant: Grant) -> "MemoryTokens":
        return self

    async def has(self, account_id: str) -> bool:
        return True

    async def load(self, account_id: str) -> Token:
        return self.token

    async def claim_renewal(self, account_id: str, *, expected_version: int, seconds: float) -> bool:
        if expected_version != self.token.version or self.is_claimed:
            return False
        self.is_claimed = True
        return True

    async def release_renewal(self, account_id: str, *, expected_version: int) -> None:
        self.is_claimed = False

    async def save(self, account_id: str, token: Token, *, expected_version: int) -> Token:
        if expected_version != self.token.version:
            return self.token
        self.token = token.model_copy(update={"version": expected_version + 1})
        self.is_claimed = False
        self.saves.append(self.token)
        return self.token


class MediaFolder:
    """`MediaReader` and `MediaHost` over a dict of bytes."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.published: dict[str, bytes] = {}

    def read(self, path: str) -> bytes:
        return self.files[path]

    async def publish(self, *, name: str, content: bytes, mime_type: str) -> str:
        self.published[name] = content
        return f"https://cdn.example/{name}"

    def film(self, name: str = "waves", *, mime_type: str = "video/mp4") -> Media:
        still = self.picture(name)
        path = f"media/{name}.mp4"
        self.files[path] = name.encode()
        return still.model_copy(update={"path": path, "mime_type": mime_type, "duration_seconds": 12.0})

    def picture(self, name: str = "one", *, mime_type: str = "image/jpeg") -> Media:
        path = f"media/{name}.jpg"
        self.files[path] = name.encode()
        return Media(
            media_id=name,
            path=path,
            mime_type=mime_type,
            alt_text=f"Picture {name}",
            width=320,
            height=200,
            size_bytes=len(name),
            sha256=name.encode().hex().ljust(64, "0"),
        )


@dataclass
class Exchange:
    """Answers a connector's requests with `handler` and keeps them."""

    handler: Handler
    requests: list[httpx.Request] = field(default_factory=list)
    journal: list[Mapping[str, Any]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.handler(request)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def transport(self, dialect: Dialect, tokens: MemoryTokens, *, now: datetime = NOW) -> Transport:
        client = httpx.AsyncClient(transport=httpx.MockTransport(self))
        return Transport(
            client,
            dialect,
            tokens,
            FixedClock(now),
            patience=Patience(timeout=5.0, attempts=3, first_backoff=0.5, longest_wait=15.0),
            journal=self.journal.append,
            sleep=self.sleep,
            jitter=lambda: 1.0,
        )

    def bodies(self) -> list[Any]:
        return [json.loads(request.content) if request.content else None for request in self.requests]


@pytest.fixture
def tokens() -> MemoryTokens:
    return MemoryTokens(Token(access_token="access-1", refresh_token="refresh-1", version=3))


@pytest.fixture
def media() -> MediaFolder:
    return MediaFolder()


@pytest.fixture
def exchange() -> Callable[[Handler], Exchange]:
    return Exchange


@pytest.fixture
def bluesky_account() -> Account:
    return Account(
        account_id=f"bluesky:{DID}",
        client_id="harbor",
        network=Network.BLUESKY,
        native_id=DID,
        handle="harbor.bsky.test",
        base_url="https://pds.example",
    )


@pytest.fixture
def instagram_account() -> Account:
    return Account(
        account_id="instagram:17841400008460056",
        client_id="harbor",
        network=Network.INSTAGRAM,
        native_id="17841400008460056",
        handle="ikroskun",
        base_url="https://graph.example",
    )


@pytest.fixture
def bluesky(tokens: MemoryTokens, media: MediaFolder) -> Callable[..., tuple[BlueskyConnector, Exchange]]:
    """A connector whose network is `handler`, and the record of what it asked."""

    def build(
        handler: Handler, reader: MediaReader = media, *, now: datetime = NOW, **options: Any
    ) -> tuple[BlueskyConnector, Exchange]:
        wire = Exchange(handler)
        return BlueskyConnector(wire.transport(BlueskyDialect(), tokens, now=now), reader, **options), wire

    return build


@pytest.fixture
def instagram(tokens: MemoryTokens, media: MediaFolder) -> Callable[..., tuple[InstagramConnector, Exchange]]:
    """A connector whose network is `handler`, and the record of what it asked."""

    def build(
        handler: Handler, app: MetaApp | None = None, host: MediaHost = media
    ) -> tuple[InstagramConnector, Exchange]:
        wire = Exchange(handler)
        return InstagramConnector(wire.transport(InstagramDialect(app), tokens), media, host), wire

    return build


@pytest.fixture
def recorded(recorded_exchanges: Path) -> Callable[[str, str], httpx.Response]:
    """A recorded answer by network and a part of its file's name, as httpx gives it."""

    def load(network: str, name: str) -> httpx.Response:
        (path,) = (recorded_exchanges / network).glob(f"*{name}*.json")
        answer = json.loads(path.read_text())["response"]
        headers = {
            k: v for k, v in answer["headers"].items() if k.lower() not in ("content-length", "content-encoding")
        }
        return httpx.Response(answer["status"], headers=headers, json=answer["body"])

    return load


@pytest.fixture
def request_of() -> Callable[..., PublishRequest]:
    """A publishing intent; keywords replace fields."""

    def build(account: Account, **changes: Any) -> PublishRequest:
        fields: dict[str, Any] = {
            "intent_id": "item-1/a/1",
            "account": account,
            "text": "Open today",
            "content_format": ContentFormat.TEXT,
            "created_at": NOW,
            "language": "en",
        }
        return PublishRequest(**(fields | changes))

    return build


@pytest.fixture
def post_of() -> Callable[..., Post]:
    """A post as it was observed; keywords replace fields."""

    def build(account: Account, native_id: str, **changes: Any) -> Post:
        fields: dict[str, Any] = {
            "post_id": f"{account.network.value}:{native_id}",
            "account_id": account.account_id,
            "client_id": account.client_id,
            "network": account.network,
            "native_id": native_id,
            "permalink": None,
            "text": "",
            "content_format": ContentFormat.IMAGE,
            "media_count": 1,
            "published_at": NOW - timedelta(hours=2),
            "observed_at": NOW,
            "raw": "{}",
        }
        return Post(**(fields | changes))

    return build
