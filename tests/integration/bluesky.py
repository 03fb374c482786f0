"""People with accounts on a real Bluesky server, for the tests of our connector on it.

Belongs here: starting the server or skipping, an account with the ports that its connector needs. Does not belong here: tests.
"""

import io
import os
import random
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from PIL import Image

from benchmarks import bluesky_server
from benchmarks.bluesky_server import BlueskyServer
from contracts.networks import ContentFormat, Grant, Network
from contracts.ports import Connector
from contracts.records import Account, Media, PublishRequest, Staging, Token
from contracts.settings import Settings
from platforms import HttpNetworks
from platforms._http import Patience


@contextmanager
def running_or_skipped(environment: Mapping[str, str] | None = None) -> Iterator[BlueskyServer]:
    """A server of one's own; skips, or fails in CI, saying how to install it."""
    try:
        bluesky_server.installed()
    except bluesky_server.NotInstalledError as error:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(str(error))
    with bluesky_server.running(environment) as server:
        yield server


class Person:
    """An account on the server, with the ports that its connector needs."""

    def __init__(self, server: BlueskyServer, name: str) -> None:
        self._server = server
        handle = f"{name}{random.SystemRandom().randrange(10**8)}.test"
        self.account, self.token = server.create_account(handle, client_id="c")
        self.files: dict[str, bytes] = {}

    def of(self, grant: Grant) -> "Person":
        return self

    async def has(self, account_id: str) -> bool:
        return True

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

    def film(self, name: str) -> Media:
        """Bytes with the head of an MP4: the server looks no further."""
        content = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp41" + name.encode() * 1000
        still = self.picture("navy")
        self.files[name] = content
        return still.model_copy(update={"path": name, "mime_type": "video/mp4", "size_bytes": len(content)})

    @asynccontextmanager
    async def connector(self, *, timeout: float = 20.0) -> AsyncIterator[Connector]:
        patience = Patience(timeout=timeout, attempts=2, first_backoff=0.01, longest_wait=0.5)
        has_app_view = self._server.app_view_url is not None
        networks = HttpNetworks(Settings(), self, self, self, has_bluesky_app_view=has_app_view, patience=patience)
        async with networks.open() as connectors:
            yield connectors[Network.BLUESKY]

    def at(self, base_url: str) -> Account:
        """The account, reached another way."""
        return self.account.model_copy(update={"base_url": base_url})

    def records(self) -> list[dict[str, Any]]:
        """All posts in the repository, by the server's own word."""
        return self._server.posts(self.account.native_id)


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
