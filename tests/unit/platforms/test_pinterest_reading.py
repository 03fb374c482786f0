"""Reading Pinterest: profile, listings, analytics with their statuses, limits, errors, and payloads of any shape."""

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat
from contracts.records import Account
from platforms.pinterest import mapping
from platforms.pinterest.client import (
    CAPABILITIES,
    MOST_BOARD_PAGES,
    TRIAL_CALLS_PER_DAY,
    PinterestApp,
    PinterestConnector,
    PinterestDialect,
)
from platforms.pinterest.errors import classify
from tests.unit.platforms.pinterest_network import ACCOUNT, NOW, Pinterest, refuse

DAYS = [
    (
        "2026-05-29",
        "READY",
        {"IMPRESSION": 10, "PIN_CLICK": 2, "OUTBOUND_CLICK": 1.0, "SAVE": "3", "VIDEO_MRC_VIEW": 4},
    ),
    ("2026-05-30", "READY", {"IMPRESSION": 5, "PIN_CLICK": 0, "OUTBOUND_CLICK": 0, "SAVE": 1, "VIDEO_MRC_VIEW": 6}),
    ("2026-05-31", "PROCESSING", {"IMPRESSION": 900, "PIN_CLICK": 900, "SAVE": 900}),
    ("2026-06-01", "ESTIMATE", {"IMPRESSION": 900}),
]


@pytest.fixture
def network() -> Pinterest:
    return Pinterest(days=lambda _: DAYS)


@pytest.fixture
def account() -> Account:
    return ACCOUNT


@pytest.fixture
def connect(exchange, tokens, media):
    def build(handler):
        wire = exchange(handler)
        return PinterestConnector(wire.transport(PinterestDialect(), tokens), media), wire

    return build


def pin(number: int, *, age: timedelta = timedelta(days=3), **changes) -> dict:
    created = (NOW - age).strftime("%Y-%m-%dT%H:%M:%S")
    return {
        "id": str(number),
        "created_at": created,
        "title": f"Title {number}",
        "description": f"Pin {number}",
    } | changes


async def collect(connector, account, since=None):
    pages = [page async for page in connector.posts(account, since=since)]
    return [p for page in pages for p in page.posts], [m for page in pages for m in page.metrics]


def values(points) -> dict:
    return {(p.post_id.removeprefix("pinterest:"), p.metric): p.value for p in points}


# --- boards --------------------------------------------------------------------------------------------------------------


async def test_the_boards_are_read_to_their_end_and_secret_ones_marked(connect, account):
    pages = {
        None: {"items": [{"id": 54, "name": "Recipes", "privacy": "PUBLIC"}, "no board"], "bookmark": "b2"},
        "b2": {"items": [{"id": "55", "name": "Ideas", "privacy": "SECRET"}, {"id": "56"}], "bookmark": None},
    }
    connector, wire = connect(lambda request: httpx.Response(200, json=pages[request.url.params.get("bookmark")]))
    found = await connector.terms(account)
    assert (found.account_id, found.read_at, found.configuration) == (account.account_id, NOW, {})
    assert [(b.board_id, b.name, b.is_public) for b in found.boards] == [
        ("54", "Recipes", True),
        ("55", "Ideas", False),
        ("56", "", True),
    ]
    assert [request.url.path for request in wire.requests] == ["/v5/boards"] * 2


async def test_boards_without_end_are_not_read_for_ever(connect, account):
    endless = {"items": [{"id": "54", "name": "Recipes"}], "bookmark": "again"}
    connector, wire = connect(lambda _: httpx.Response(200, json=endless))
    assert len((await connector.terms(account)).boards) == len(wire.requests) == MOST_BOARD_PAGES


# --- profile -------------------------------------------------------------------------------------------------------------


async def test_the_profile_with_numbers_as_strings_and_without_them(connect, account):
    body = {
        "id": "549755885175",
        "username": "harbor",
        "business_name": "Harbor",
        "follower_count": "12",
        "pin_count": 7,
    }
    connector, _ = connect(lambda _: httpx.Response(200, json=body | {"new_field": {}, "following_count": None}))
    snapshot = await connector.profile(account)
    assert (snapshot.handle, snapshot.display_name) == ("harbor", "Harbor")
    assert (snapshot.followers, snapshot.following, snapshot.posts_count) == (12, None, 7)
    connector, _ = connect(lambda _: httpx.Response(200, json={}))
    snapshot = await connector.profile(account)
    assert (snapshot.native_id, snapshot.handle, snapshot.followers) == (account.native_id, account.handle, None)


# --- listing -------------------------------------------------------------------------------------------------------------


async def test_pages_follow_the_bookmark_until_there_is_none(connect, network, account):
    network.pins, network.page_size = [pin(n) for n in range(5)], 2
    connector, _ = connect(network)
    posts, _ = await collect(connector, account)
    assert [p.native_id for p in posts] == ["4", "3", "2", "1", "0"]
    assert [r.url.params.get("bookmark") for r in network.requests] == [None, "2", "4"]
    assert {r.url.params["pin_filter"] for r in network.requests} == {"exclude_repins"}


async def test_an_empty_page_is_no_end_and_a_repeated_bookmark_is_one(connect, account):
    pages = [
        {"items": [], "bookmark": "a"},
        {"bookmark": "b"},
        {"items": [pin(1), "not a pin", {"id": None}, pin(2, created_at=None)], "bookmark": "c"},
        {"items": [pin(3), pin(1)], "bookmark": "c"},
        {"items": [pin(4)], "bookmark": "d"},
    ]
    connector, _ = connect(lambda _: httpx.Response(200, json=pages.pop(0)))
    posts, _ = await collect(connector, account)
    assert [p.native_id for p in posts] == ["1", "3"]
    assert len(pages) == 1


async def test_the_listing_ends_where_pins_are_older_than_asked(connect, network, account):
    network.pins, network.page_size = [pin(n, age=timedelta(days=30 - n)) for n in range(20)], 4
    connector, _ = connect(network)
    posts, _ = await collect(connector, account, since=NOW - timedelta(days=14))
    assert [p.native_id for p in posts] == ["19", "18", "17", "16"]
    assert len(network.requests) == 2


async def test_what_a_listed_pin_becomes(account):
    raw = pin(2**60, media={"media_type": "multiple_images", "items": [{}, {}, {}]}, link="https://harbor.example")
    post = mapping.remapped_post(account, raw, observed_at=NOW)
    assert (post.post_id, post.text, post.media_count) == (f"pinterest:{2**60}", f"Pin {2**60}", 3)
    assert post.content_format is ContentFormat.CAROUSEL
    assert post.published_at == datetime(2026, 5, 29, 12, tzinfo=UTC), "a time without a zone is UTC"
    assert post.permalink == f"https://www.pinterest.com/pin/{2**60}/"
    film = mapping.remapped_post(account, pin(1, media={"media_type": "video"}, description=None), observed_at=NOW)
    assert (film.content_format, film.media_count, film.text) == (ContentFormat.VIDEO, 1, "Title 1")
    unknown = mapping.remapped_post(account, pin(1, media={"media_type": "hologram", "items": 3}), observed_at=NOW)
    assert (unknown.content_format, unknown.media_count) == (ContentFormat.IMAGE, 1)


LIFETIME = {"impression": 40, "pin_click": 9, "clickthrough": 3, "save": 2, "reaction": "10", "comment": 2, "new": 1}


@pytest.mark.parametrize(
    ("age_days", "expected"),
    [
        (3, {"likes": 10, "comments": 2}),
        (89, {"likes": 10, "comments": 2}),
        (90, {"likes": 10, "comments": 2, "impressions": 40, "clicks": 9, "link_clicks": 3, "saves": 2}),
    ],
)
async def test_lifetime_counts_stand_where_analytics_do_not_reach(connect, network, account, age_days, expected):
    metrics = {"90d": {"impression": 7}, "lifetime_metrics": LIFETIME}
    network.pins = [pin(1, age=timedelta(days=age_days), pin_metrics=metrics)]
    connector, _ = connect(network)
    _, points = await collect(connector, account)
    assert {p.metric: p.value for p in points} == expected
    assert network.requests[0].url.params["pin_metrics"] == "true"
    for point in points:
        assert mapping.metric_value(point.source, point.metric, point.raw) == point.value
    assert {p.metric for p in points} <= set(CAPABILITIES.post_metrics)


@pytest.mark.parametrize("metrics", [None, [], {}, {"lifetime_metrics": None}, {"lifetime_metrics": {"reaction": "x"}}])
def test_counts_that_are_missing_have_no_row(metrics):
    assert mapping.remapped_metrics(ACCOUNT, pin(1, pin_metrics=metrics), observed_at=NOW) == ()


# --- analytics of pins ---------------------------------------------------------------------------------------------------


@pytest.fixture
def posts_of(post_of):
    def build(*numbers: int, age: timedelta = timedelta(days=3), **changes):
        return [post_of(ACCOUNT, str(n), published_at=NOW - age, **changes) for n in numbers]

    return build


async def test_ready_days_are_summed_and_no_others(connect, network, account, posts_of):
    network.pins = [pin(1), pin(2)]
    connector, _ = connect(network)
    posts = [*posts_of(1), *posts_of(2, content_format=ContentFormat.VIDEO)]
    points = await connector.post_metrics(account, posts)
    common = {"impressions": 15, "clicks": 2, "link_clicks": 1, "saves": 4}
    expected = (
        {("1", m): v for m, v in common.items()} | {("2", m): v for m, v in common.items()} | {("2", "views"): 10}
    )
    assert values(points) == expected
    for point in points:
        assert mapping.metric_value(point.source, point.metric, point.raw) == point.value
    first = network.requests[0].url.params
    assert (first["start_date"], first["end_date"]) == ("2026-05-29", "2026-06-01")
    assert [r.url.params["metric_types"] for r in network.requests] == [
        "IMPRESSION,PIN_CLICK,OUTBOUND_CLICK,SAVE",
        "IMPRESSION,PIN_CLICK,OUTBOUND_CLICK,SAVE,VIDEO_MRC_VIEW",
    ]


async def test_a_pin_without_a_ready_day_has_no_counts_rather_than_zeros(connect, network, account, posts_of):
    network.pins, network.days = [pin(1)], lambda _: DAYS[2:]
    connector, _ = connect(network)
    assert await connector.post_metrics(account, posts_of(1)) == ()


async def test_many_pins_take_few_calls_and_old_ones_none(connect, network, account, posts_of):
    network.pins = [pin(n) for n in range(250)]
    connector, _ = connect(network)
    points = await connector.post_metrics(account, [*posts_of(*range(250)), *posts_of(999, age=timedelta(days=90))])
    assert Counter(network.calls) == {"GET /v5/pins/analytics": 3}
    assert len(values(points)) == 250 * 4
    assert await connector.post_metrics(account, []) == ()


@pytest.mark.parametrize("trouble", ["beta", "gone"])
async def test_pins_are_asked_one_by_one_where_they_can_not_be_together(connect, network, account, posts_of, trouble):
    network.pins = [pin(1), pin(2)]
    network.has_batch_analytics = trouble != "beta"
    posts = posts_of(1, 2) if trouble == "beta" else posts_of(1, 404, 2)
    connector, _ = connect(network)
    points = await connector.post_metrics(account, posts)
    assert {pin_id for pin_id, _ in values(points)} == {"1", "2"}
    assert len(points) == 8


async def test_a_refused_metric_costs_only_itself(connect, network, account, posts_of):
    network.pins, network.refused_metrics = [pin(1), pin(2)], frozenset({"PIN_CLICK"})
    connector, _ = connect(network)
    points = await connector.post_metrics(account, posts_of(1, 2))
    assert {m for _, m in values(points)} == {"impressions", "link_clicks", "saves"}
    assert set(network.calls) == {"GET /v5/pins/analytics"}
    daily = await connector.account_metrics(account, start=date(2026, 5, 29), end=date(2026, 5, 30))
    assert {p.metric for p in daily} == {"impressions", "link_clicks", "saves"}


async def test_other_refusals_are_told(connect, account, posts_of):
    for status, expected in ((403, ErrorClass.SCOPE), (401, ErrorClass.AUTH), (500, ErrorClass.TRANSIENT)):
        connector, _ = connect(lambda _, status=status: refuse(status, 1))
        with pytest.raises(NetworkError) as caught:
            await connector.post_metrics(account, posts_of(1))
        assert caught.value.error_class is expected
    connector, _ = connect(lambda _: refuse(400, 1))
    with pytest.raises(NetworkError) as caught:
        await connector.account_metrics(account, start=date(2026, 5, 29), end=date(2026, 5, 30))
    assert caught.value.error_class is ErrorClass.INVALID


# --- analytics of the account --------------------------------------------------------------------------------------------


async def test_account_days_that_are_ready_within_those_asked_for(connect, network, account):
    connector, _ = connect(network)
    points = await connector.account_metrics(account, start=date(2026, 5, 30), end=date(2026, 6, 3))
    assert {(p.day, p.metric): p.value for p in points} == {
        (date(2026, 5, 30), "impressions"): 5,
        (date(2026, 5, 30), "clicks"): 0,
        (date(2026, 5, 30), "link_clicks"): 0,
        (date(2026, 5, 30), "saves"): 1,
    }
    assert {p.metric for p in points} == set(CAPABILITIES.account_metrics)
    params = network.requests[0].url.params
    assert (params["start_date"], params["end_date"]) == ("2026-05-30", "2026-06-01")


async def test_days_beyond_reach_are_not_asked_for(connect, network, account):
    connector, _ = connect(network)
    await connector.account_metrics(account, start=date(2025, 1, 1), end=date(2026, 5, 30))
    assert network.requests[0].url.params["start_date"] == "2026-03-04"
    assert await connector.account_metrics(account, start=date(2025, 1, 1), end=date(2025, 2, 1)) == ()
    assert len(network.requests) == 1


# --- limits and errors ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reset", "expected"),
    [("30", 30.0), (str(int(NOW.timestamp()) + 45), 45.0), ("soon", None), (None, None)],
)
def test_limits_in_their_headers(reset, expected):
    headers = {
        "x-ratelimit-limit": '1000, 100;w=1;name="user", 1000;w=60;name="org_read"',
        "x-ratelimit-remaining": "250",
        "date": NOW.strftime("%a, %d %b %Y %H:%M:%S GMT"),
    } | ({"x-ratelimit-reset": reset} if reset else {})
    from platforms._http import Call, CallKind

    dialect = PinterestDialect()
    for operation, key in (("pins", "org_read"), ("pin_create", "org_write"), ("pins_analytics", "org_analytics")):
        (usage,) = dialect.usage(ACCOUNT, Call(CallKind.READ, operation, "GET", "/"), headers)
        assert (usage.key, usage.used_ratio) == (f"{key}:{ACCOUNT.account_id}", 0.75)
        assert usage.resets_in_seconds == expected
    assert dialect.usage(ACCOUNT, Call(CallKind.READ, "pins", "GET", "/"), {"x-ratelimit-limit": "many"}) == ()


async def test_a_trial_app_counts_its_calls_of_the_day(exchange, tokens, media, account, network):
    app = PinterestApp(app_id="1234", app_secret=SecretStr("s"), has_trial_access=True)
    wire = exchange(network)
    connector = PinterestConnector(wire.transport(PinterestDialect(app), tokens), media)
    for _ in range(TRIAL_CALLS_PER_DAY):
        await collect(connector, account)
    with pytest.raises(NetworkError) as caught:
        await collect(connector, account)
    assert caught.value.error_class is ErrorClass.RATE
    assert len(wire.requests) == TRIAL_CALLS_PER_DAY
    reviewed = PinterestConnector(wire.transport(PinterestDialect(), tokens), media)
    await collect(reviewed, account)


async def test_an_exhausted_category_holds_back_its_own_calls_only(connect, network, account, posts_of):
    network.pins = [pin(1)]

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v5/pins/analytics":
            return refuse(429, 8, **{"retry-after": "3600"})
        return network(request)

    connector, _ = connect(handler)
    with pytest.raises(NetworkError) as caught:
        await connector.post_metrics(account, posts_of(1))
    assert caught.value.error_class is ErrorClass.RATE
    assert timedelta(minutes=59) < caught.value.retry_at - datetime.now(UTC) < timedelta(minutes=61)
    assert len((await collect(connector, account))[0]) == 1


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (401, 2, ErrorClass.AUTH),
        (401, None, ErrorClass.AUTH),
        (400, 2, ErrorClass.INVALID),
        (404, 2, ErrorClass.INVALID),
        (403, 3, ErrorClass.SCOPE),
        (403, 29, ErrorClass.SCOPE),
        (400, "3", ErrorClass.SCOPE),
        (429, 8, ErrorClass.RATE),
        (400, 8, ErrorClass.RATE),
        (429, None, ErrorClass.RATE),
        (400, 1, ErrorClass.INVALID),
        (408, None, ErrorClass.TRANSIENT),
        (500, 3, ErrorClass.TRANSIENT),
        (503, None, ErrorClass.TRANSIENT),
    ],
)
def test_every_error_in_its_class_whatever_its_words(status, code, expected):
    for body in ({"code": code, "message": "Réessayez."}, {"code": code, "message": {"no": "text"}}):
        refusal = classify(status, body)
        assert refusal.error_class is expected
        assert refusal.code == (None if code is None else str(code))


@pytest.mark.parametrize("body", [None, [], "text", 5, {"code": {}}, {"code": True}, {"code": "x"}])
def test_error_bodies_of_any_shape_are_classified_by_status(body):
    assert classify(400, body).error_class is ErrorClass.INVALID
    assert classify(502, body).error_class is ErrorClass.TRANSIENT
    assert classify(400, body).code is None


# --- payloads of any shape -----------------------------------------------------------------------------------------------

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
near_pins = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("id", "created_at", "title", "description", "link", "media", "pin_metrics"), anything)
    | {"id": st.just("1"), "created_at": st.just("2026-01-01T00:00:00")},
)
near_days = st.fixed_dictionaries(
    {
        "daily_metrics": st.lists(
            st.fixed_dictionaries({}, optional=dict.fromkeys(("date", "data_status", "metrics"), anything))
        )
    }
)


@given(near_pins)
def test_no_listed_payload_breaks_the_mapping(raw):
    post = mapping.remapped_post(ACCOUNT, raw, observed_at=NOW)
    points = mapping.remapped_metrics(ACCOUNT, raw, observed_at=NOW)
    assert post is not None or not points
    if post is not None:
        json.loads(post.raw)


@given(st.one_of(anything, st.fixed_dictionaries({"all": near_days | anything})))
def test_no_analytics_break_the_mapping(raw):
    (post,) = [mapping.remapped_post(ACCOUNT, pin(1), observed_at=NOW)]
    for point in mapping.analytics_metrics(ACCOUNT, [post], [("1", raw), ("2", raw)], observed_at=NOW):
        assert mapping.metric_value(point.source, point.metric, point.raw) == point.value
    list(mapping.daily_points(ACCOUNT, raw, start=date.min, end=date.max, fetched_at=NOW))


@given(st.text(max_size=9), st.text(max_size=9), anything)
def test_no_kept_payload_breaks_the_remapping(source, metric, raw):
    for known in (source, mapping.LISTING, mapping.ANALYTICS):
        mapping.metric_value(known, metric, json.dumps(raw))
