"""Collecting from many accounts: isolation, whole listings, no needless calls, use from anywhere. Through the real connectors."""

import json
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest

from contracts.clock import FixedClock
from contracts.networks import Grant, Network
from contracts.records import Account, Token
from contracts.settings import Settings
from platforms import HttpCollector, HttpNetworks
from platforms._http import Patience
from platforms.exported_rows import metrics_of_row, post_of_row

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


class Tokens:
    def of(self, grant: Grant) -> "Tokens":
        return self

    async def has(self, account_id: str) -> bool:
        return True

    async def load(self, account_id: str) -> Token:
        return Token(access_token=f"token of {account_id}")

    async def save(self, account_id: str, token: Token, *, expected_version: int) -> Token:
        return token


def account(network: Network, name: str) -> Account:
    return Account(
        account_id=f"{network.value}:{name}",
        client_id=f"client-{name}",
        network=network,
        native_id=name,
        handle=name,
        base_url=f"https://{network.value}.example",
    )


IG, IG2 = account(Network.INSTAGRAM, "100"), account(Network.INSTAGRAM, "200")
BSKY = account(Network.BLUESKY, "did:plc:a")


def medium(i: int, age: timedelta) -> dict:
    at = (NOW - age).strftime("%Y-%m-%dT%H:%M:%S+0000")
    return {
        "id": str(i),
        "caption": f"c{i}",
        "media_type": "IMAGE",
        "timestamp": at,
        "like_count": i,
        "comments_count": 1,
    }


def collector(handler, **options) -> tuple[HttpCollector, list[httpx.Request]]:
    requests: list[httpx.Request] = []

    def record(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return handler(request)

    networks = HttpNetworks(
        options.pop("settings", Settings()),
        Tokens(),
        None,
        None,
        clock=FixedClock(NOW),
        patience=Patience(attempts=2, first_backoff=0.0),
        http_transport=httpx.MockTransport(record),
    )
    return HttpCollector(networks, **options), requests


def instagram_listing(request: httpx.Request) -> httpx.Response:
    path = request.url.path
    if path.endswith("/insights"):
        return httpx.Response(200, json={"data": [{"name": n, "values": [{"value": 9}]} for n in ("reach", "likes")]})
    return httpx.Response(200, json={"data": [medium(3, timedelta(hours=3)), medium(2, timedelta(days=20))]})


def error(code: int, status: int = 400) -> httpx.Response:
    return httpx.Response(status, json={"error": {"message": "no", "code": code}})


def test_a_failing_account_is_named_and_stops_no_other():
    def handler(request: httpx.Request) -> httpx.Response:
        return error(190) if "/200" in request.url.path else instagram_listing(request)

    reading, _ = collector(handler)
    found = reading.posts([IG, IG2], since={}, detail_since=NOW)
    assert {p.account_id for p in found.posts} == {"instagram:100"}
    (failure,) = found.failures
    assert (failure.account_id, failure.client_id, failure.what, failure.error_class) == (
        "instagram:200",
        "client-200",
        "posts",
        "auth",
    )


def test_a_failure_between_networks_stays_in_its_network():
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.host == "bluesky.example":
            raise httpx.ConnectError("down", request=request)
        return httpx.Response(200, json={"id": "100", "username": "x", "followers_count": 5})

    reading, _ = collector(handler)
    found = reading.profiles([BSKY, IG])
    assert [s.account_id for s in found.rows] == ["instagram:100"]
    assert [f.error_class for f in found.failures] == ["transient"]


def test_young_posts_get_insights_old_ones_no_call_and_the_listings_counts_come_first():
    reading, requests = collector(instagram_listing)
    found = reading.posts([IG], since={}, detail_since=NOW - timedelta(days=14))
    assert [r.url.path for r in requests if r.url.path.endswith("/insights")] == ["/v25.0/3/insights"]
    values = {(m.post_id, m.metric): (m.value, m.source) for m in found.metrics}
    assert values["instagram:3", "likes"] == (3, "media")
    assert values["instagram:3", "reach"] == (9, "media_insights")
    assert len(values) == len(found.metrics)
    assert {m.post_id: m.is_backfilled for m in found.metrics} == {"instagram:3": False, "instagram:2": True}


def test_failing_insights_leave_the_listing_standing():
    def handler(request: httpx.Request) -> httpx.Response:
        return error(80002) if request.url.path.endswith("/insights") else instagram_listing(request)

    reading, _ = collector(handler)
    found = reading.posts([IG], since={}, detail_since=NOW - timedelta(days=14))
    assert len(found.posts) == 2
    assert {m.metric for m in found.metrics} == {"likes", "comments"}
    assert [(f.what, f.error_class) for f in found.failures] == [("post_metrics", "rate")]


def test_a_listing_that_breaks_off_is_not_kept_in_half():
    def handler(request: httpx.Request) -> httpx.Response:
        if "after" in request.url.params:
            return error(2, 500)
        body = {"data": [medium(1, timedelta(hours=1))], "paging": {"cursors": {"after": "x"}, "next": "x"}}
        return httpx.Response(200, json=body)

    reading, requests = collector(handler)
    found = reading.posts([IG], since={}, detail_since=NOW)
    assert (found.posts, found.metrics) == ((), ())
    assert [f.error_class for f in found.failures] == ["transient"]
    assert len(requests) == 3


def test_bluesky_listings_need_no_further_calls():
    record = {"text": "x", "createdAt": NOW.isoformat()}
    post = {
        "uri": "at://did:plc:a/app.bsky.feed.post/3n2vnll52qoia",
        "author": {"did": "did:plc:a"},
        "record": record,
        "likeCount": 1,
        "replyCount": 0,
        "repostCount": 0,
        "quoteCount": 0,
        "bookmarkCount": 0,
    }
    reading, requests = collector(lambda _: httpx.Response(200, json={"feed": [{"post": post}]}))
    found = reading.posts([BSKY], since={}, detail_since=NOW - timedelta(days=14))
    assert len(found.metrics) == 5
    assert len(requests) == 1


def test_account_metrics_come_only_from_networks_that_report_them():
    reading, requests = collector(lambda _: httpx.Response(200, json={"data": []}))
    found = reading.account_metrics([IG, BSKY], start=date(2026, 5, 30), end=date(2026, 5, 31))
    assert (found.rows, found.failures) == ((), ())
    assert {r.url.host for r in requests} == {"instagram.example"}


def test_comments_of_one_post_failing_leave_the_others(post_of):
    def handler(request: httpx.Request) -> httpx.Response:
        if "/bad/" in request.url.path:
            return error(100)
        remark = {"id": request.url.path.split("/")[2] + "c", "text": "hi", "timestamp": "2026-05-30T10:00:00+0000"}
        return httpx.Response(200, json={"data": [remark]})

    reading, _ = collector(handler)
    posts = [post_of(IG, "1"), post_of(IG, "bad"), post_of(IG, "2"), post_of(IG2, "3")]
    found = reading.comments([IG], posts)
    assert [c.native_id for c in found.rows] == ["1c", "2c"]
    assert [(f.what, f.error_class) for f in found.failures] == [("comments of instagram:bad", "invalid")]


def test_a_rate_limit_ends_the_reading_of_an_accounts_comments(post_of):
    reading, requests = collector(lambda _: error(80002))
    found = reading.comments([IG], [post_of(IG, str(i)) for i in range(50)])
    assert len(found.failures) == 1
    assert len(requests) <= 2


def test_a_bug_in_one_account_is_a_failure_without_the_payloads_words(caplog):
    def handler(request: httpx.Request) -> httpx.Response:
        if "/200" in request.url.path:
            raise KeyError("somebody's private words")
        return instagram_listing(request)

    reading, _ = collector(handler)
    found = reading.posts([IG, IG2], since={}, detail_since=NOW)
    assert len(found.posts) == 2
    assert [f.error_class for f in found.failures] == ["invalid"]
    assert "private" not in found.failures[0].message


async def test_it_can_be_called_where_an_event_loop_is_running_already():
    reading, _ = collector(instagram_listing)
    assert len(reading.posts([IG], since={}, detail_since=NOW).posts) == 2


def test_no_accounts_open_no_connection():
    reading, requests = collector(instagram_listing)
    assert reading.posts([], since={}, detail_since=NOW).posts == ()
    assert not requests


def test_told_to_use_the_sandbox_it_never_calls_an_accounts_own_address():
    settings = Settings(network_base_url="http://127.0.0.1:8930/")
    reading, requests = collector(instagram_listing, settings=settings)
    reading.posts([IG], since={}, detail_since=NOW)
    assert {str(r.url).split("?")[0] for r in requests} == {"http://127.0.0.1:8930/instagram/v25.0/100/media"}


# --- remapping -----------------------------------------------------------------------------------------------------------


def rows_of(found) -> list[dict]:
    """Bronze rows as the lake returns them."""
    posts = [
        p.model_dump() | {"network": p.network.value, "content_format": p.content_format.value} for p in found.posts
    ]
    return posts + [m.model_dump() | {"network": m.network.value} for m in found.metrics]


@pytest.mark.parametrize("which", [IG, BSKY])
def test_kept_payloads_map_to_what_they_were(which):
    record = {"text": "x", "createdAt": NOW.isoformat()}
    post = {
        "uri": "at://did:plc:a/app.bsky.feed.post/3n2vnll52qoia",
        "author": {"did": "did:plc:a"},
        "record": record,
        "likeCount": 4,
    }

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.host == "bluesky.example":
            return httpx.Response(200, json={"feed": [{"post": post}], "posts": []})
        return instagram_listing(request)

    reading, requests = collector(handler)
    found = reading.posts([which], since={}, detail_since=NOW - timedelta(days=14))
    asked = len(requests)
    again = reading.remap_posts(rows_of(found))
    assert len(requests) == asked
    assert set(again.posts) == set(found.posts)
    assert set(again.metrics) == set(found.metrics)
    naive = [row | {"observed_at": row["observed_at"].replace(tzinfo=None)} for row in rows_of(found)]
    assert set(reading.remap_posts(naive).posts) == set(found.posts)


def test_kept_rows_of_an_export_map_to_what_they_were():
    row = {
        "post_native_id": "9",
        "published_at": NOW - timedelta(days=400),
        "text": "Olá ☀️",
        "content_format": "video",
        "permalink": None,
        "likes": 5,
        "comments": -262,
        "shares": None,
    }
    post = post_of_row(IG, row, observed_at=NOW)
    points = metrics_of_row(IG, row, observed_at=NOW)
    assert {(p.metric, p.value, p.is_backfilled) for p in points} == {("likes", 5, True), ("comments", -262, True)}
    dumped = [post.model_dump() | {"network": "instagram"}] + [
        p.model_dump() | {"network": "instagram"} for p in points
    ]
    reading, _ = collector(instagram_listing)
    again = reading.remap_posts(dumped)
    assert again.posts == (post,)
    assert {(p.metric, p.value) for p in again.metrics} == {("likes", 5), ("comments", -262)}
    assert json.loads(post.raw)["exported_row"]["text"] == "Olá ☀️"


def test_terms_are_read_only_where_accounts_have_terms_of_their_own():
    pin, toot = account(Network.PINTEREST, "p"), account(Network.MASTODON, "m")

    def handler(request: httpx.Request) -> httpx.Response:
        if "boards" in request.url.path:
            return httpx.Response(200, json={"items": [{"id": "1", "name": "Shop"}], "bookmark": None})
        return httpx.Response(401, json={"error": "no"})

    reading, requests = collector(handler)
    found = reading.terms([IG, BSKY, pin, toot])
    assert [(terms.account_id, terms.board.name) for terms in found.rows] == [("pinterest:p", "Shop")]
    assert [(f.account_id, f.what, f.error_class) for f in found.failures] == [("mastodon:m", "terms", "auth")]
    assert {request.url.host for request in requests} == {"pinterest.example", "mastodon.example"}
