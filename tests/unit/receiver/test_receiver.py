"""The webhook receiver over its ASGI interface: challenges, signatures, size, replays, garbage, and a store that is away."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, text

from apps.webhooks import MAX_BODY_BYTES, Receiver
from contracts.networks import Network
from contracts.records import Account, BrandKit, Client
from contracts.scope import TenantScope
from contracts.settings import App, Settings
from operations import SqlStore, open_store, set_up
from platforms.webhooks import WITH_CHALLENGE, WITH_WEBHOOKS

NOW = datetime(2026, 11, 28, 9, tzinfo=UTC)
ALL = TenantScope.all_clients("a test")
APPS = {
    network: App(app_id="app", app_secret=f"{network.value}-secret", verify_token="word") for network in WITH_WEBHOOKS
}
BODIES = {
    Network.FACEBOOK: {
        "object": "page",
        "entry": [{"id": "1", "changes": [{"field": "feed", "value": {"post_id": "1_9"}}]}],
    },
    Network.INSTAGRAM: {"object": "instagram", "entry": [{"id": "1", "changes": [{"field": "comments", "value": {}}]}]},
    Network.LINKEDIN: {"notifications": [{"organizationalEntity": "urn:li:organization:1", "action": "COMMENT"}]},
    Network.TIKTOK: {"user_openid": "1", "event": "post.publish.complete", "content": "{}"},
    Network.X: {"for_user_id": "1", "tweet_create_events": [{"in_reply_to_status_id_str": "9"}]},
}
networks = pytest.mark.parametrize("network", sorted(WITH_WEBHOOKS))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    """One client with an account `1` on every network that calls."""
    settings = Settings(home=tmp_path)
    set_up(settings)
    brand = BrandKit(voice="", audience="", pillars=(), facts=())
    with open_store(settings) as opened:
        opened.save_client(
            Client(client_id="acme", name="Acme", time_zone="UTC", language="en", brand=brand), actor="t"
        )
        for network in WITH_WEBHOOKS:
            account = Account(
                account_id=f"{network.value}:1",
                client_id="acme",
                network=network,
                native_id="1",
                handle="acme",
                base_url="http://127.0.0.1:9",
            )
            opened.save_account(account, actor="t")
        yield opened


@pytest.fixture
def receiver(store: SqlStore, tmp_path: Path) -> Receiver:
    return Receiver(Settings(home=tmp_path, apps=APPS), store, now=lambda: NOW)


@pytest.fixture
async def client(receiver: Receiver) -> AsyncIterator[httpx.AsyncClient]:
    async with reaching(receiver) as opened:
        yield opened


def reaching(receiver: Receiver) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(receiver.app()), base_url="http://receiver")


def signed(network: Network, body: bytes, *, at: datetime = NOW, secret: str | None = None) -> Mapping[str, str]:
    key = (secret or f"{network.value}-secret").encode()

    def mac(message: bytes) -> bytes:
        return hmac.digest(key, message, hashlib.sha256)

    seconds = int(at.timestamp())
    return {
        Network.FACEBOOK: {"X-Hub-Signature-256": f"sha256={mac(body).hex()}"},
        Network.INSTAGRAM: {"X-Hub-Signature-256": f"sha256={mac(body).hex()}"},
        Network.LINKEDIN: {"X-LI-Signature": mac(b"hmacsha256=" + body).hex()},
        Network.TIKTOK: {"Tiktok-Signature": f"t={seconds},s={mac(f'{seconds}.'.encode() + body).hex()}"},
        Network.X: {"x-twitter-webhooks-signature": f"sha256={base64.b64encode(mac(body)).decode()}"},
    }[network]


async def refused(receiver: Receiver, store: SqlStore) -> dict[tuple[str, str], int]:
    await receiver.flush()
    assert {r.day for r in store.refusals()} <= {NOW.date()}
    return {(r.network, r.reason): r.count for r in store.refusals()}


CHALLENGES = {
    Network.FACEBOOK: {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": "word"},
    Network.INSTAGRAM: {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": "word"},
    Network.X: {"crc_token": "token"},
    Network.LINKEDIN: {"challengeCode": "890e4665-4dfe-4ab1-b689-ed553bceeed0"},
}


async def test_challenges_are_met(client: httpx.AsyncClient) -> None:
    for network in (Network.FACEBOOK, Network.INSTAGRAM):
        meta = await client.get(f"/webhooks/{network.value}", params=CHALLENGES[network])
        assert (meta.status_code, meta.text) == (200, "1158201444")
        assert meta.headers["content-type"].startswith("text/plain"), "it is echoed: never as markup"
    x = await client.get("/webhooks/x", params=CHALLENGES[Network.X])
    expected = base64.b64encode(hmac.digest(b"x-secret", b"token", hashlib.sha256)).decode()
    assert x.json() == {"response_token": f"sha256={expected}"}
    linkedin = await client.get("/webhooks/linkedin", params=CHALLENGES[Network.LINKEDIN])
    code = CHALLENGES[Network.LINKEDIN]["challengeCode"]
    expected = hmac.digest(b"linkedin-secret", code.encode(), hashlib.sha256).hex()
    assert linkedin.json() == {"challengeCode": code, "challengeResponse": expected}


async def test_a_challenge_that_is_none_is_refused_and_counted(
    client: httpx.AsyncClient, receiver: Receiver, store: SqlStore
) -> None:
    guess = {**CHALLENGES[Network.FACEBOOK], "hub.verify_token": "guess"}
    event = {"crc_token": '{"for_user_id": "1"}'}
    for network, query in ((Network.FACEBOOK, guess), (Network.X, event), (Network.LINKEDIN, {})):
        assert (await client.get(f"/webhooks/{network.value}", params=query)).status_code == 403
    assert set(await refused(receiver, store)) == {
        ("facebook", "challenge"),
        ("x", "challenge"),
        ("linkedin", "challenge"),
    }
    assert (await client.get("/webhooks/tiktok")).status_code == 404


@networks
async def test_a_genuine_delivery_is_kept_once_however_often_it_comes(
    client: httpx.AsyncClient, store: SqlStore, network: Network
) -> None:
    body = json.dumps(BODIES[network]).encode()
    for at in (NOW, NOW + timedelta(seconds=60)):  # a repeat is signed again, a replay is not
        answer = await client.post(f"/webhooks/{network.value}", content=body, headers=signed(network, body, at=at))
        assert answer.status_code == 200
    [kept] = store.deliveries(ALL)
    assert (kept.account_id, kept.client_id, kept.state) == (f"{network.value}:1", "acme", "received")
    assert kept.received_at == NOW


async def test_at_the_same_moment_too(client: httpx.AsyncClient, store: SqlStore) -> None:
    body = json.dumps(BODIES[Network.X]).encode()
    headers = signed(Network.X, body)
    answers = await asyncio.gather(*(client.post("/webhooks/x", content=body, headers=headers) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(store.deliveries(ALL)) == 1


@networks
async def test_what_is_not_genuine_leaves_nothing_but_a_count(
    client: httpx.AsyncClient, receiver: Receiver, store: SqlStore, network: Network
) -> None:
    body = json.dumps(BODIES[network]).encode()
    forged = [{}, signed(network, body, secret="guess"), signed(network, body + b" ")]
    if network is Network.TIKTOK:
        forged.append(signed(network, body, at=NOW - timedelta(hours=1)))
    for headers in forged:
        answer = await client.post(f"/webhooks/{network.value}", content=body, headers=headers)
        assert answer.status_code == 401
    assert store.deliveries(ALL) == ()
    assert await refused(receiver, store) == {(network.value, "signature"): len(forged)}


async def test_too_much_is_refused_before_it_is_read_whole(
    client: httpx.AsyncClient, receiver: Receiver, store: SqlStore
) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100 * MAX_BODY_BYTES:
            sent += 1 << 16
            yield b" " * (1 << 16)

    body = b" " * (MAX_BODY_BYTES + 1)
    assert (await client.post("/webhooks/x", content=body, headers=signed(Network.X, body))).status_code == 413
    assert (await client.post("/webhooks/x", content=endless())).status_code == 413
    assert sent < 2 * MAX_BODY_BYTES
    assert await refused(receiver, store) == {("x", "too_large"): 2}


@pytest.mark.parametrize("body", [b"", b"garbage", b"[]", b"\xff", b"[" * 50_000])
async def test_genuine_garbage_is_taken_so_that_it_does_not_come_again(
    client: httpx.AsyncClient, receiver: Receiver, store: SqlStore, body: bytes
) -> None:
    answer = await client.post("/webhooks/facebook", content=body, headers=signed(Network.FACEBOOK, body))
    assert answer.status_code == 200
    assert store.deliveries(ALL) == ()
    assert await refused(receiver, store) == {("facebook", "unreadable"): 1}


async def test_a_strangers_account_is_nobodys_and_the_others_in_the_same_delivery_are_kept(
    client: httpx.AsyncClient, receiver: Receiver, store: SqlStore
) -> None:
    entries = [{"id": native_id, "changes": [{"field": "feed", "value": {}}]} for native_id in ("1", "stranger")]
    for entry in ([entries[1]], entries, []):
        body = json.dumps({"object": "page", "entry": entry}).encode()
        answer = await client.post("/webhooks/facebook", content=body, headers=signed(Network.FACEBOOK, body))
        assert answer.status_code == 200
    assert [d.account_id for d in store.deliveries(ALL)] == ["facebook:1"]
    assert await refused(receiver, store) == {("facebook", "no_account"): 3}


async def test_without_a_secret_nothing_is_believed_and_the_log_says_what_to_set(
    store: SqlStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    apps = {Network.FACEBOOK: App(app_id="app", app_secret="s"), Network.X: App(app_id="app", app_secret="")}
    receiver = Receiver(Settings(home=tmp_path, apps=apps), store, now=lambda: NOW)
    async with reaching(receiver) as client:
        assert (await client.post("/webhooks/linkedin", content=b"{}")).status_code == 503
        assert (await client.post("/webhooks/x", content=b"{}", headers=signed(Network.X, b"{}"))).status_code == 503
        assert (await client.get("/webhooks/facebook", params=CHALLENGES[Network.FACEBOOK])).status_code == 503
        for nowhere in ("bluesky", "pinterest", "elsewhere"):
            assert (await client.post(f"/webhooks/{nowhere}", content=b"{}")).status_code == 404
    logged = capsys.readouterr().out
    for setting in ("linkedin.app_secret", "x.app_secret", "facebook.verify_token"):
        assert f"PULSO_APPS: {setting}" in logged
    assert store.deliveries(ALL) == ()


async def test_every_network_that_has_challenges_is_answered_here() -> None:
    assert set(CHALLENGES) == WITH_CHALLENGE
    assert set(BODIES) == WITH_WEBHOOKS


async def test_what_cannot_be_kept_is_asked_for_again_and_counts_are_not_lost(
    client: httpx.AsyncClient, receiver: Receiver, store: SqlStore, tmp_path: Path
) -> None:
    body = json.dumps(BODIES[Network.X]).encode()
    engine = create_engine(Settings(home=tmp_path).resolved_store_url)

    def run(*statements: str) -> None:
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))

    names = ("webhook_deliveries", "webhook_refusals")
    run(*(f"ALTER TABLE {name} RENAME TO away_{name}" for name in names))
    assert (await client.post("/webhooks/x", content=body, headers=signed(Network.X, body))).status_code == 503
    assert (await client.post("/webhooks/x", content=body)).status_code == 401
    run(*(f"ALTER TABLE away_{name} RENAME TO {name}" for name in names))
    engine.dispose()
    assert (await client.post("/webhooks/x", content=body, headers=signed(Network.X, body))).status_code == 200
    assert len(store.deliveries(ALL)) == 1
    assert await refused(receiver, store) == {("x", "signature"): 1}
