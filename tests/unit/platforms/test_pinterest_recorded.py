"""Every recorded exchange of Pinterest on an endpoint that Pulso uses, through the connector, asserted on mapped values."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.networks import ContentFormat
from platforms.pinterest.client import PinterestConnector, PinterestDialect
from tests.unit.platforms.pinterest_network import ACCOUNT

PIN, ACCOUNT_ANALYTICS = "tests__data__pins__pin_data.json", "tests__data__user_account__analytics.json"
USED = {PIN, ACCOUNT_ANALYTICS}
CATALOGS = "shopping catalogs: Pulso sells nothing, so it has no calls for them"
UNUSED = dict.fromkeys(
    (
        f"tests__data__catalogs__{name}_resp.json"
        for name in (
            "create_feed",
            "create_product_group",
            "feed_processing_results",
            "get_catalog_items",
            "get_catalog_items_batch",
            "get_feed",
            "get_product_group",
            "get_product_groups_list",
            "list_catalogs_feed_process_results",
            "list_feeds",
            "perform_operation_item_batch",
            "update_feed",
            "update_product_group",
        )
    ),
    CATALOGS,
)
OF_OUR_ENDPOINTS = USED
"""The recorded exchanges on endpoints that Pulso calls: all of them are used."""


@pytest.fixture
def folder(recorded_exchanges: Path) -> Path:
    return recorded_exchanges / "pinterest"


@pytest.fixture
def body_of(folder: Path):
    return lambda name: json.loads((folder / name).read_text())["response"]["body"]


@pytest.fixture
def connect(exchange, tokens, media):
    def build(body: Any):
        wire = exchange(lambda _: httpx.Response(200, json=body))
        return PinterestConnector(wire.transport(PinterestDialect(), tokens), media), wire

    return build


def test_every_recorded_exchange_is_used_or_listed_with_its_reason(folder):
    files = {path.name for path in folder.iterdir()}
    assert files == USED | UNUSED.keys()
    assert not USED & UNUSED.keys()
    assert len(USED & files) >= 0.9 * len(OF_OUR_ENDPOINTS)


async def test_the_recorded_pin_as_a_listed_post(body_of, connect):
    recorded = body_of(PIN)
    connector, _ = connect({"items": [recorded], "bookmark": None})
    ((post,),) = [page.posts async for page in connector.posts(ACCOUNT, since=None)]
    assert (post.native_id, post.text) == (recorded["id"], recorded["description"])
    assert int(post.native_id) > 2**53
    assert post.published_at == datetime.fromisoformat(recorded["created_at"]).replace(tzinfo=UTC)
    assert (post.content_format, post.media_count) == (ContentFormat(recorded["media"]["media_type"]), 1)
    assert json.loads(post.raw) == recorded


async def test_the_recorded_pin_as_the_answer_to_its_creation(body_of, connect, request_of, media):
    from contracts.records import Staging

    recorded = body_of(PIN)
    connector, _ = connect(recorded)
    request = request_of(ACCOUNT, content_format=ContentFormat.IMAGE, media=(media.picture(),))
    receipt = await connector.commit(request, Staging(handles={"board_id": recorded["board_id"]}, is_complete=True))
    assert receipt.native_id == recorded["id"]
    assert receipt.permalink is not None
    assert recorded["id"] in receipt.permalink
    assert receipt.published_at.replace(tzinfo=None).isoformat() == recorded["created_at"]


async def test_the_recorded_analytics_give_ready_days_only(body_of, connect, exchange, tokens, media):
    recorded = body_of(ACCOUNT_ANALYTICS)
    wire = exchange(lambda _: httpx.Response(200, json=recorded))
    now = datetime(2022, 8, 12, tzinfo=UTC)
    connector = PinterestConnector(wire.transport(PinterestDialect(), tokens, now=now), media)
    points = await connector.account_metrics(ACCOUNT, start=date(2022, 8, 1), end=date(2022, 8, 11))
    names = {"impressions": "IMPRESSION", "clicks": "PIN_CLICK", "link_clicks": "OUTBOUND_CLICK", "saves": "SAVE"}
    rows = recorded["all"]["daily_metrics"]
    ready = {row["date"]: row["metrics"] for row in rows if row["data_status"] == "READY"}
    assert 0 < len(ready) < len(rows)
    assert {(p.day.isoformat(), p.metric): p.value for p in points} == {
        (day, ours): int(metrics[theirs]) for day, metrics in ready.items() for ours, theirs in names.items()
    }
    assert wire.requests[0].url.path == "/v5/user_account/analytics"
