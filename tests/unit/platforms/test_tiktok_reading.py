"""Reading TikTok: profile, listing, counts that are refused, what only API for Business has, and payloads of any shape."""

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ErrorClass, NetworkError, NotReadyError
from contracts.networks import ContentFormat, Network
from contracts.records import Account
from platforms._http import Call, CallKind
from platforms.tiktok import mapping
from platforms.tiktok.business import TikTokBusinessDialect, address
from platforms.tiktok.client import TikTokConnector, TikTokDialect
from platforms.tiktok.models import BusinessAccount

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
COUNTS = ("like_count", "comment_count", "share_count", "view_count")


def ok(data) -> httpx.Response:
    return httpx.Response(200, json={"data": data, "error": {"code": "ok", "message": "", "log_id": "1"}})


def refused(code: str, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json={"data": {}, "error": {"code": code, "message": "nein", "log_id": "1"}})


def business(data) -> httpx.Response:
    return httpx.Response(200, json={"code": 0, "message": "OK", "request_id": "1", "data": data})


def video(native_id, at: datetime = NOW - timedelta(hours=2), **more) -> dict:
    return {"id": native_id, "create_time": int(at.timestamp()), "video_description": f"Post {native_id}"} | more


@pytest.fixture
def account() -> Account:
    return Account(
        account_id="tiktok:me",
        client_id="harbor",
        network=Network.TIKTOK,
        native_id="me",
        handle="Harbor",
        base_url="https://open.tiktokapis.com",
    )


@pytest.fixture
def connect(exchange, tokens, media):
    def build(handler, *, business_tokens=tokens):
        wire = exchange(handler)
        second = wire.transport(TikTokBusinessDialect(), business_tokens)
        return TikTokConnector(wire.transport(TikTokDialect(), tokens), second, media, media), wire

    return build


async def collect(connector, account, since=None):
    pages = [page async for page in connector.posts(account, since=since)]
    return [p for page in pages for p in page.posts], [m for page in pages for m in page.metrics]


async def test_the_profile(connect, account):
    user = {
        "open_id": "me",
        "username": "harbor",
        "display_name": "The Harbor",
        "follower_count": "1204",
        "following_count": 7,
        "video_count": 33,
        "unknown": [],
    }
    connector, wire = connect(lambda _: ok({"user": user}))
    snapshot = await connector.profile(account)
    assert (snapshot.handle, snapshot.display_name) == ("harbor", "The Harbor")
    assert (snapshot.followers, snapshot.following, snapshot.posts_count) == (1204, 7, 33)
    assert json.loads(snapshot.raw) == user
    assert wire.requests[0].url.path == "/v2/user/info/"
    assert "follower_count" in wire.requests[0].url.params["fields"].split(",")
    assert wire.requests[0].headers["authorization"] == "Bearer access-1"


async def test_the_listing_follows_the_cursor_over_an_empty_page_until_there_is_no_more(connect, account):
    pages = {
        None: {"videos": [video(7109065174526479622, like_count=3)], "cursor": 1655118106000, "has_more": True},
        1655118106000: {"videos": [], "cursor": 1655118105000, "has_more": True},
        1655118105000: {
            "videos": [video("7", view_count="12"), "nonsense", {"id": "8"}],
            "cursor": 1,
            "has_more": False,
        },
    }
    connector, wire = connect(lambda r: ok(pages[json.loads(r.content).get("cursor")]))
    posts, metrics = await collect(connector, account)
    assert [p.native_id for p in posts] == ["7109065174526479622", "7"]
    assert [(m.post_id, m.metric, m.value) for m in metrics] == [
        ("tiktok:7109065174526479622", "likes", 3),
        ("tiktok:7", "views", 12),
    ]
    assert {m.source for m in metrics} == {"video_list"}
    assert all(json.loads(r.content)["max_count"] == 20 for r in wire.requests)


async def test_the_listing_stops_where_it_is_old_enough_and_where_a_cursor_repeats(connect, account):
    connector, wire = connect(lambda _: ok({"videos": [video("1")], "cursor": 5, "has_more": True}))
    posts, _ = await collect(connector, account)
    assert [p.native_id for p in posts] == ["1"]
    assert len(wire.requests) == 2
    connector, wire = connect(lambda _: ok({"videos": [video("1")], "cursor": 5, "has_more": True}))
    assert await collect(connector, account, since=NOW) == ([], [])
    assert len(wire.requests) == 1


async def test_an_answer_without_data_is_an_empty_page(connect, account):
    connector, _ = connect(lambda _: httpx.Response(200, json={"error": {"code": "ok"}}))
    assert await collect(connector, account) == ([], [])


async def test_http_200_is_no_success(connect, account):
    connector, _ = connect(lambda _: refused("scope_not_authorized"))
    with pytest.raises(NetworkError) as caught:
        await connector.profile(account)
    assert (caught.value.error_class, caught.value.code) == (ErrorClass.SCOPE, "scope_not_authorized")
    connector, _ = connect(lambda _: httpx.Response(200, json={"data": {"user": {}}}))
    with pytest.raises(NetworkError) as caught:
        await connector.profile(account)
    assert caught.value.error_class is ErrorClass.INVALID, "no code is no success either"


async def test_trouble_within_http_200_is_tried_again(connect, account):
    answers = [refused("internal_error"), ok({"user": {"open_id": "me"}})]
    connector, wire = connect(lambda _: answers.pop(0))
    assert (await connector.profile(account)).native_id == "me"
    assert len(wire.requests) == 2


class Display:
    """Answers listings and queries, and refuses any call that names a count in `retired`, without saying which."""

    def __init__(self, *retired: str) -> None:
        self.retired, self.asked = set(retired), []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "business-api.tiktok.com":
            return business({"videos": []})
        names = request.url.params["fields"].split(",")
        self.asked.append(names)
        if self.retired & set(names):
            return refused("invalid_params", 400)
        return ok({"videos": [video("7", **{n: 1 for n in names if n in COUNTS})], "has_more": False})


@pytest.mark.parametrize("retired", [("view_count",), ("like_count", "share_count"), COUNTS[:3]])
async def test_a_refused_count_leaves_the_others(connect, account, post_of, retired):
    display = Display(*retired)
    connector, _ = connect(display)
    kept = {mapping.VIDEO_METRICS[name] for name in COUNTS if name not in retired}
    points = await connector.post_metrics(account, [post_of(account, "7")])
    assert {p.metric for p in points} == kept
    display.asked.clear()
    _, metrics = await collect(connector, account)
    assert {m.metric for m in metrics} == kept
    assert len(display.asked) == 1, "what was refused is not asked for again"


async def test_all_counts_refused_is_a_refusal(connect, account, post_of):
    connector, _ = connect(Display(*COUNTS))
    with pytest.raises(NetworkError) as caught:
        await connector.post_metrics(account, [post_of(account, "7")])
    assert caught.value.error_class is ErrorClass.INVALID


async def test_counts_are_asked_for_twenty_posts_at_a_time_and_reach_comes_from_business(connect, account, post_of):
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.host == "business-api.tiktok.com":
            wanted = json.loads(request.url.params["filters"])["video_ids"]
            assert json.loads(request.url.params["fields"]) == ["item_id", "reach"]
            assert request.url.params["business_id"] == "me"
            return business(
                {"videos": [{"item_id": n, "reach": "500"} for n in wanted] + [{"item_id": "999", "reach": 1}]}
            )
        assert request.url.path == "/v2/video/query/"
        wanted = json.loads(request.content)["filters"]["video_ids"]
        return ok({"videos": [video(n, like_count=2, comment_count=0, share_count=None) for n in wanted if n != "3"]})

    connector, wire = connect(handler)
    posts = [post_of(account, str(n)) for n in range(25)]
    points = await connector.post_metrics(account, posts)
    assert len(wire.requests) == 4
    of_one = {(p.metric, p.source): p.value for p in points if p.post_id == "tiktok:4"}
    assert of_one == {
        ("likes", "video_query"): 2,
        ("comments", "video_query"): 0,
        ("reach", "business_video_list"): 500,
    }
    assert {p.metric for p in points if p.post_id == "tiktok:3"} == {"reach"}, "gone from one, known to the other"
    assert not [p for p in points if p.post_id == "tiktok:999"]
    assert all(mapping.metric_value(p.source, p.metric, p.raw) == p.value for p in points)


class NoTokens:
    async def has(self, account_id: str) -> bool:
        return False

    async def load(self, account_id: str):
        raise NotReadyError("not connected")


@pytest.mark.parametrize("code", [40001, 40002])
async def test_reach_that_is_not_granted_leaves_the_counts(connect, account, post_of, code):
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.host == "business-api.tiktok.com":
            return httpx.Response(200, json={"code": code, "message": "no"})
        return ok({"videos": [video("7", like_count=2)]})

    connector, _ = connect(handler)
    assert [p.metric for p in await connector.post_metrics(account, [post_of(account, "7")])] == ["likes"]


async def test_an_account_without_a_business_credential_has_the_counts_of_the_first_product(connect, account, post_of):
    connector, _ = connect(lambda _: ok({"videos": [video("7", like_count=2)]}), business_tokens=NoTokens())
    assert [p.metric for p in await connector.post_metrics(account, [post_of(account, "7")])] == ["likes"]


async def test_what_needs_a_business_credential_is_declared_by_account(connect, account, post_of, request_of):
    connector, wire = connect(lambda _: ok({}), business_tokens=NoTokens())
    capabilities = await connector.capabilities_of(account)
    assert (capabilities.has_comments, capabilities.has_account_metrics, capabilities.can_reply) == (False,) * 3
    reply = request_of(account, reply_to_native_comment_id="55", reply_to_native_post_id="7")
    for ask in (
        connector.account_metrics(account, start=NOW.date(), end=NOW.date()),
        anext(connector.comments(account, post_of(account, "7"))),
        connector.stage(reply, connector.prepare(reply)),
    ):
        with pytest.raises(NetworkError, match="--grant business") as caught:
            await ask
        assert (caught.value.error_class, caught.value.code) == (ErrorClass.INVALID, "no_business_credential")
    assert not wire.requests
    connected, _ = connect(lambda _: ok({}))
    assert (await connected.capabilities_of(account)).can_reply


async def test_daily_metrics_are_cut_into_spans_and_days_that_are_not_ready_have_no_row(connect, account):
    def handler(request: httpx.Request) -> httpx.Response:
        p = request.url.params
        assert request.url.path == "/open_api/v1.3/business/get/"
        assert request.headers["access-token"] == "access-1"
        days = [
            {"date": p["start_date"], "followers_count": 90, "video_views": "12", "likes": 3, "audience_activity": []},
            {"date": p["end_date"], "likes": None},
            {"date": "2020-01-01", "likes": 5},
            {"date": "soon"},
            "nonsense",
        ]
        return business({"metrics": days})

    connector, wire = connect(handler)
    points = await connector.account_metrics(account, start=date(2026, 1, 1), end=date(2026, 3, 2))
    spans = [(r.url.params["start_date"], r.url.params["end_date"]) for r in wire.requests]
    assert spans == [("2026-01-01", "2026-03-01"), ("2026-03-02", "2026-03-02")]
    assert {(p.day.isoformat(), p.metric): p.value for p in points} == {
        (day, metric): value
        for day in ("2026-01-01", "2026-03-02")
        for metric, value in (("followers", 90), ("views", 12), ("likes", 3))
    }


async def test_replies_follow_their_comment_each_once_over_all_pages(connect, account, post_of):
    def remark(i, **more):
        return {"comment_id": i, "text": f"t{i}", "create_time": int(NOW.timestamp()), "username": f"u{i}"} | more

    def handler(request: httpx.Request) -> httpx.Response:
        p = request.url.params
        if request.url.path.endswith("/reply/list/"):
            assert p["comment_id"] == "1"
            pages = {
                "0": {"comments": [remark(11), remark(12, username="HARBOR")], "cursor": 2, "has_more": True},
                "2": {"comments": [remark(13, owner=True)], "cursor": 3, "has_more": False},
            }
            return business(pages[p["cursor"]])
        pages = {
            "0": {
                "comments": [remark(1, replies=3, reply_list=[remark(11)]), remark(2, likes="4")],
                "cursor": 30,
                "has_more": True,
            },
            "30": {"comments": [], "cursor": 60, "has_more": True},
            "60": {
                "comments": [remark(2), remark(3, reply_list=[remark(31)]), {"text": "no id"}, "x"],
                "has_more": False,
            },
        }
        return business(pages[p["cursor"]])

    connector, _ = connect(handler)
    found = [c async for page in connector.comments(account, post_of(account, "7")) for c in page]
    assert [(c.native_id, c.parent_comment_id) for c in found] == [
        ("1", None),
        ("11", "tiktok:1"),
        ("12", "tiktok:1"),
        ("13", "tiktok:1"),
        ("2", None),
        ("3", None),
        ("31", "tiktok:3"),
    ]
    assert [c.native_id for c in found if c.is_own] == ["12", "13"]
    assert [c.likes for c in found if c.native_id == "2"] == [4]
    assert "reply_list" not in json.loads(found[0].raw)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"share_url": "https://www.tiktok.com/@x/photo/7"}, ContentFormat.IMAGE),
        ({"height": 1280, "width": 720}, ContentFormat.SHORT_VIDEO),
        ({"height": 720, "width": 1280}, ContentFormat.VIDEO),
        ({}, ContentFormat.VIDEO),
    ],
)
def test_forms_of_posts(account, more, expected):
    post = mapping.post_from(account, video("7", **more), observed_at=NOW)
    assert post is not None
    assert post.content_format is expected
    assert post.text == "Post 7"


def test_kept_payloads_are_mapped_again(account):
    raw = video(7109065174526479622, title="T", like_count=3, share_count=0)
    post = mapping.remapped_post(account, raw, observed_at=NOW)
    assert post is not None
    assert json.loads(post.raw) == raw
    points = mapping.remapped_metrics(account, json.loads(post.raw), observed_at=NOW)
    assert [(p.metric, p.value, p.is_backfilled) for p in points] == [("likes", 3, False), ("shares", 0, False)]
    assert mapping.metric_value("video_query", "likes", '{"like_count": "4"}') == 4
    assert mapping.metric_value("video_query", "reach", '{"like_count": 4}') is None
    assert mapping.metric_value("business_video_list", "reach", '{"reach": 4}') == 4


@pytest.mark.parametrize(
    ("listed", "sent", "expected"),
    [
        ("a\r\nb ", "a\nb", True),
        ("x" * 150, "x" * 400, True),
        ("x" * 149, "x" * 400, False),
        ("🌊" * 75, "🌊" * 80, True),
        ("", "x", False),
    ],
)
def test_texts_that_a_listing_cut_short(listed, sent, expected):
    assert mapping.same_text(listed, sent) is expected


def test_both_products_have_their_address():
    assert address("https://open.tiktokapis.com/") == "https://business-api.tiktok.com"
    assert address("http://127.0.0.1:8801/tiktok") == "http://127.0.0.1:8801/tiktok/business-api"


def test_every_call_counts_against_the_limit_that_it_has(account):
    def limits(operation: str) -> dict[str, int]:
        call = Call(CallKind.READ, operation, "GET", "/")
        return {limit.key: limit.limit for limit in TikTokDialect().local_limits(account, call)}

    assert limits("video_init") == limits("content_init") == {"tiktok:init:tiktok:me": 6}
    assert limits("status") == {"tiktok:status:tiktok:me": 30}
    assert limits("creator_info") == {"tiktok:creator_info:tiktok:me": 20}
    assert limits("video_list") == {"tiktok:app:video_list": 600}
    assert limits("video_query") == {"tiktok:app:video_query": 600}
    assert limits("upload") == limits("token") == {}


async def test_a_seventh_init_within_a_minute_is_not_sent(connect, account):
    connector, wire = connect(lambda _: ok({"publish_id": "v_pub_file~1", "upload_url": "https://u.example"}))
    call = Call(CallKind.STAGE, "video_init", "POST", "/v2/post/publish/video/init/", json={})
    refusals = []
    for _ in range(20):
        try:
            await connector._transport.send(account, call)
        except NetworkError as error:
            refusals.append(error)
    assert {(error.error_class, error.code) for error in refusals} == {(ErrorClass.RATE, "local_limit")}
    assert all(error.retry_at is not None for error in refusals)
    by_minute = Counter(line["at"][:16] for line in wire.journal)
    assert by_minute
    assert max(by_minute.values()) <= 6


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = [
    "id",
    "title",
    "video_description",
    "create_time",
    "share_url",
    "height",
    "width",
    *COUNTS,
    "item_id",
    "reach",
    "comment_id",
    "owner",
    "username",
    "reply_list",
    "metrics",
    "date",
]
SOMETHING = JSON | st.just(1655118106) | st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4)


@given(st.dictionaries(st.sampled_from(FIELDS), SOMETHING, max_size=9))
def test_no_payload_breaks_the_mapping(raw):
    account = Account(
        account_id="tiktok:1", client_id="c", network=Network.TIKTOK, native_id="1", handle="h", base_url=""
    )
    post = mapping.remapped_post(account, raw, observed_at=NOW)
    assert (post is None) <= (mapping.remapped_metrics(account, raw, observed_at=NOW) == ())
    profile = mapping.read_as(BusinessAccount, raw)
    if profile is not None:
        list(mapping.daily_points(account, profile, start=NOW.date(), end=NOW.date(), fetched_at=NOW))
    if post is not None:
        mapping.business_metrics_from(account, post, raw, observed_at=NOW)
        mapping.comment_from(account, post, raw, parent_id=None, observed_at=NOW)
        post.raw.encode()
