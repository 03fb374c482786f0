"""Every recorded exchange of TikTok on an endpoint that the connector uses, through the connector, on mapped values."""

import json
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from pydantic import SecretStr

from contracts.networks import Network
from contracts.records import Account
from platforms.tiktok import mapping
from platforms.tiktok.business import TikTokBusinessApp, TikTokBusinessDialect
from platforms.tiktok.client import TikTokConnector, TikTokDialect
from platforms.tiktok.models import BusinessProfile, BusinessVideo

USED = {
    "manual_03_get_account_data.json": "business/get",
    "manual_05_get_account_videos.json": "business/video/list",
    "manual_06_get_user_info.json": "user/info",
    "manual_08_refresh_resp.json": "tt_user/oauth2/refresh_token",
}
UNUSED = {
    "manual_01_generate_access_token.json": "the retired first version's token exchange; connecting is no connector's part",
    "manual_02_get_authorize_url.json": "the retired Login Kit's token exchange; connecting is no connector's part",
    "manual_09_revoke_resp.json": "disconnecting an account is no connector's part",
    "manual_11_token_resp.json": "exchanging a code for a token is no connector's part",
}


@pytest.fixture
def folder(recorded_exchanges):
    return recorded_exchanges / "tiktok"


@pytest.fixture
def body(folder):
    return lambda number: json.loads(next(folder.glob(f"manual_{number:02}_*.json")).read_text())["response"]["body"]


@pytest.fixture
def account() -> Account:
    return Account(
        account_id="tiktok:me",
        client_id="harbor",
        network=Network.TIKTOK,
        native_id="me",
        handle="harbor",
        base_url="https://open.tiktokapis.com",
    )


@pytest.fixture
def connect(exchange, tokens, media):
    def build(answer, **options):
        """A connector to which every call gets this answer, but listings of the first product, which are empty."""
        empty = {"data": {"videos": []}, "error": {"code": "ok"}}
        wire = exchange(lambda r: httpx.Response(200, json=empty if r.url.path == "/v2/video/query/" else answer))
        second = wire.transport(TikTokBusinessDialect(options.get("business_app")), tokens)
        return TikTokConnector(wire.transport(TikTokDialect(), tokens), second, media, media), wire, second

    return build


def test_every_recorded_exchange_is_used_or_has_its_reason(folder):
    assert {path.name for path in folder.glob("*.json")} == USED.keys() | UNUSED.keys()
    on_our_endpoints = [name for name, why in UNUSED.items() if "no connector's part" not in why]
    assert len(USED) / (len(USED) + len(on_our_endpoints)) >= 0.9


async def test_a_profile_of_the_first_version_whose_code_is_zero(connect, account, body):
    said = body(6)
    connector, wire, _ = connect(said)
    snapshot = await connector.profile(account)
    user = said["data"]["user"]
    assert said["error"]["code"] == 0
    assert (snapshot.display_name, snapshot.native_id) == (user["display_name"], user["open_id"])
    assert (snapshot.handle, snapshot.followers) == ("harbor", None), "what was not granted is not invented"
    assert json.loads(snapshot.raw) == user
    assert wire.requests[0].url == httpx.URL(
        "https://open.tiktokapis.com/v2/user/info/", params=wire.requests[0].url.params
    )


async def test_a_business_profile_without_daily_metrics_gives_no_rows(connect, account, body):
    said = body(3)
    connector, wire, _ = connect(said)
    assert await connector.account_metrics(account, start=date(2022, 7, 1), end=date(2022, 7, 1)) == ()
    assert (wire.requests[0].url.host, wire.requests[0].url.path) == (
        "business-api.tiktok.com",
        "/open_api/v1.3/business/get/",
    )
    profile = BusinessProfile.model_validate(said).data
    assert (profile.display_name, profile.metrics) == (said["data"]["display_name"], ())


async def test_business_videos_that_carry_only_ids_have_no_reach(connect, account, body, post_of):
    said = body(5)
    listed = [raw["item_id"] for raw in said["data"]["videos"]]
    posts = [post_of(account, native_id) for native_id in listed]
    connector, wire, _ = connect(said)
    assert await connector.post_metrics(account, posts) == ()
    assert json.loads(wire.requests[1].url.params["filters"]) == {"video_ids": listed}
    read = [mapping.read_as(BusinessVideo, raw) for raw in said["data"]["videos"]]
    assert [(v.item_id, v.reach) for v in read if v] == [(native_id, None) for native_id in listed]

    for i, raw in enumerate(said["data"]["videos"]):
        raw["reach"] = 100 + i
    connector, _, _ = connect(said)
    points = await connector.post_metrics(account, posts)
    assert [(p.post_id, p.metric, p.value) for p in points] == [
        (f"tiktok:{native_id}", "reach", 100 + i) for i, native_id in enumerate(listed)
    ]


async def test_a_business_token_is_renewed(connect, account, body, tokens):
    said = body(8)
    app = TikTokBusinessApp(client_id="id", client_secret=SecretStr("s"))
    _, wire, second = connect(said, business_app=app)
    await second.renew_token(account)
    assert tokens.token.access_token == said["data"]["access_token"]
    assert tokens.token.refresh_token == said["data"]["refresh_token"]
    life = tokens.token.expires_at - datetime.now(UTC)
    assert timedelta() < timedelta(seconds=said["data"]["expires_in"]) - life < timedelta(hours=1)
    sent = json.loads(wire.requests[0].content)
    assert (sent["grant_type"], sent["refresh_token"]) == ("refresh_token", "refresh-1")
