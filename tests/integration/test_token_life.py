"""A refresh token that works once, and many who need it at the same moment: calls of one process, and several processes."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from contracts.clock import SystemClock
from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Network
from contracts.records import Account, BrandKit, Client, Token
from contracts.settings import Settings
from operations import SqlStore, set_up
from operations.store import open_store
from platforms._http import Call, CallKind, Patience, Transport
from platforms.bluesky.client import BlueskyDialect

ACCOUNT = Account(
    account_id="bluesky:did:plc:acme",
    client_id="acme",
    network=Network.BLUESKY,
    native_id="did:plc:acme",
    handle="acme",
    base_url="http://127.0.0.1:9",
)
READ = Call(CallKind.READ, "read", "GET", "/xrpc/read")


class OneTimeRefresh:
    """A network whose refresh tokens work once: a second use ends the whole session, as a thief's would."""

    def __init__(self, *, losing: int = 0) -> None:
        self.refreshes = 0
        self.living, self.refresh = "access-1", "refresh-0"
        self.losing = losing
        """Answers to refreshes that get lost before anything happened."""

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.01)
        token = request.headers["authorization"].removeprefix("Bearer ")
        if not request.url.path.endswith("refreshSession"):
            is_good = token == self.living
            return httpx.Response(200 if is_good else 400, json={} if is_good else {"error": "ExpiredToken"})
        if self.losing:
            self.losing -= 1
            raise httpx.ReadTimeout("lost", request=request)
        if token != self.refresh:
            self.living = "nobody's"
            return httpx.Response(400, json={"error": "ExpiredToken"})
        self.refreshes += 1
        self.living, self.refresh = f"access-{self.refreshes + 1}", f"refresh-{self.refreshes}"
        return httpx.Response(200, json={"accessJwt": self.living, "refreshJwt": self.refresh})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    settings = Settings(home=tmp_path)
    set_up(settings)
    with open_store(settings) as opened:
        brand = BrandKit(voice="", audience="", pillars=(), facts=())
        opened.save_client(
            Client(client_id="acme", name="Acme", time_zone="UTC", language="en", brand=brand), actor="t"
        )
        opened.save_account(ACCOUNT, actor="t")
        opened.save_credential(ACCOUNT.account_id, Token(access_token="old", refresh_token="refresh-0"), actor="t")
        yield opened


def process(store: SqlStore, network: OneTimeRefresh) -> Transport:
    """A transport as another process has it: nothing shared but the store and the network."""
    client = httpx.AsyncClient(transport=httpx.MockTransport(network))
    return Transport(client, BlueskyDialect(), store.tokens, SystemClock(), patience=Patience(first_backoff=0.01))


async def test_two_hundred_calls_refresh_once(store: SqlStore):
    network = OneTimeRefresh()
    transport = process(store, network)
    answers = await asyncio.gather(*(transport.send(ACCOUNT, READ) for _ in range(200)))
    assert {answer.status for answer in answers} == {200}
    assert network.refreshes == 1
    assert (await store.tokens.load(ACCOUNT.account_id)).refresh_token == "refresh-1"


async def test_many_processes_refresh_once(store: SqlStore):
    network = OneTimeRefresh()
    transports = [process(store, network) for _ in range(8)]
    calls = [transport.send(ACCOUNT, READ) for transport in transports for _ in range(25)]
    answers = await asyncio.gather(*calls)
    assert {answer.status for answer in answers} == {200}
    assert network.refreshes == 1


async def test_a_refresh_that_never_arrived_lets_the_next_one_try(store: SqlStore):
    network = OneTimeRefresh(losing=1)
    with pytest.raises(NetworkError) as caught:
        await process(store, network).renew_token(ACCOUNT)
    assert caught.value.error_class is ErrorClass.TRANSIENT
    assert (await process(store, network).send(ACCOUNT, READ)).status == 200
    assert network.refreshes == 1
