"""Reading a Facebook Page: forms of posts, both insight shapes, periods, Pacific days, refused metrics, comments, limits."""

import json
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat, Network
from contracts.records import Account
from platforms import _graph
from platforms.facebook import mapping
from platforms.facebook.client import CAPABILITIES, FacebookConnector, FacebookDialect
from platforms.facebook.errors import classify
from platforms.versions import VERSIONS

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
ME = "104000000000001"
AT = "2026-05-30T10:00:00+0000"
ACCOUNT = Account(
    account_id=f"facebook:{ME}",
    client_id="harbor",
    network=Network.FACEBOOK,
    native_id=ME,
    handle="harbor",
    base_url="https://graph.example",
)


@pytest.fixture
def facebook(exchange, tokens, media):
    """A connector whose network is `handler`, and the record of what it asked."""

    def build(handler):
        wire = exchange(handler)
        return FacebookConnector(wire.transport(FacebookDialect(), tokens), media), wire

    return build


def ok(body, **headers: str) -> httpx.Response:
    return httpx.Response(200, json=body, headers=headers)


def refused(code: int, subcode: int | None = None, status: int = 400) -> httpx.Response:
    return httpx.Response(status, json={"error": {"message": "nein", "code": code, "error_subcode": subcode}})


async def collect(connector, since=None):
    pages = [page async for page in connector.posts(ACCOUNT, since=since)]
    return [p for page in pages for p in page.posts], [m for page in pages for m in page.metrics]


def test_both_networks_of_the_graph_speak_its_one_version():
    assert VERSIONS[Network.FACEBOOK].name == VERSIONS[Network.INSTAGRAM].name == _graph.API_VERSION


# --- profile and posts ---------------------------------------------------------------------------------------------------


async def test_followers_are_not_the_people_who_like_the_page(facebook):
    bodies = [
        {"id": ME, "name": "Harbor & Oak", "username": "harbor", "followers_count": "1204", "fan_count": 999},
        {"id": ME, "fan_count": 999},
    ]
    connector, wire = facebook(lambda _: ok(bodies.pop(0)))
    snapshot = await connector.profile(ACCOUNT)
    assert (snapshot.followers, snapshot.handle, snapshot.display_name) == (1204, "harbor", "Harbor & Oak")
    assert wire.requests[0].url.path == f"/v25.0/{ME}"
    assert (await connector.profile(ACCOUNT)).followers is None


def attached(media_type: str, *parts: str) -> dict:
    one = {"media_type": media_type, "type": media_type, "target": {"id": "9"}}
    subs = [{"media_type": "photo", "target": {"id": part}} for part in parts]
    return {"attachments": {"data": [one | ({"subattachments": {"data": subs}} if parts else {})]}}


@pytest.mark.parametrize(
    ("fields", "content_format", "media_count"),
    [
        ({}, ContentFormat.TEXT, 0),
        (attached("photo"), ContentFormat.IMAGE, 1),
        (attached("album", "1", "2", "3"), ContentFormat.CAROUSEL, 3),
        (attached("album"), ContentFormat.CAROUSEL, 1),
        (attached("video"), ContentFormat.VIDEO, 1),
        (attached("link"), ContentFormat.LINK, 0),
        (attached("event"), ContentFormat.TEXT, 0),
        ({"status_type": "added_photos"}, ContentFormat.IMAGE, 1),
        ({"status_type": "added_video", "attachments": []}, ContentFormat.VIDEO, 1),
        ({"status_type": "shared_story", "attachments": {"data": None}}, ContentFormat.LINK, 0),
        ({"status_type": "mobile_status_update"}, ContentFormat.TEXT, 0),
    ],
)
def test_forms_of_posts(fields, content_format, media_count):
    raw = {"id": f"{ME}_7", "created_time": AT, "message": "Hi"} | fields
    post = mapping.remapped_post(ACCOUNT, raw, observed_at=NOW)
    assert (post.content_format, post.media_count, post.text) == (content_format, media_count, "Hi")


async def test_listings_follow_the_cursor_past_empty_pages_and_stop_where_they_repeat(facebook):
    def post(i: int, **more) -> dict:
        return {"id": f"{ME}_{i}", "message": f"m{i}", "created_time": AT} | more

    counts = {"reactions": {"data": [], "summary": {"total_count": "12"}}, "comments": {"summary": {}}}
    pages = {
        None: {"data": [post(1, **counts, shares={"count": 3}), "nonsense", {"id": None}, {"id": "no time"}]},
        "c1": {},
        "c2": {"data": [post(2, comments={"summary": {"total_count": 0}}), post(1)]},
        "c3": {"data": []},
    }

    def handler(request: httpx.Request) -> httpx.Response:
        after = request.url.params.get("after")
        following = {None: "c1", "c1": "c2", "c2": "c3", "c3": "c3"}[after]
        return ok(pages[after] | {"paging": {"cursors": {"after": following}, "next": "https://elsewhere.example/x"}})

    connector, wire = facebook(handler)
    posts, metrics = await collect(connector)
    assert [p.native_id for p in posts] == [f"{ME}_1", f"{ME}_2"]
    assert {(m.post_id, m.metric, m.source): m.value for m in metrics} == {
        (f"facebook:{ME}_1", "likes", "published_posts"): 12,
        (f"facebook:{ME}_1", "shares", "published_posts"): 3,
        (f"facebook:{ME}_2", "comments", "published_posts"): 0,
    }
    assert len(wire.requests) == 4
    assert {r.url.host for r in wire.requests} == {"graph.example"}
    assert [mapping.metric_value(m.source, m.metric, m.raw) for m in metrics] == [m.value for m in metrics]


# --- insights ------------------------------------------------------------------------------------------------------------


async def test_post_insights_in_both_shapes_with_the_period_that_counts(facebook, post_of):
    data = [
        {"name": "post_media_view", "period": "day", "values": [{"value": 1}]},
        {"name": "post_media_view", "period": "lifetime", "values": [{"value": 400}]},
        {"name": "post_media_view", "period": "lifetime", "values": [{"value": 401}]},
        {"name": "post_total_media_view_unique", "period": "lifetime", "total_value": {"value": "310"}},
        {"name": "post_reactions_by_type_total", "period": "lifetime", "values": [{"value": {"like": 9, "love": 2}}]},
        {"name": "post_clicks", "period": "days_28", "values": [{"value": 5}]},
        {"name": "unheard_of", "period": "lifetime", "values": [{"value": 1}]},
        "nonsense",
    ]
    connector, wire = facebook(lambda _: ok({"data": data}))
    points = await connector.post_metrics(ACCOUNT, [post_of(ACCOUNT, f"{ME}_1")])
    assert {p.metric: p.value for p in points} == {"views": 400, "reach": 310, "likes": 11}
    assert wire.requests[0].url.path == f"/v25.0/{ME}_1/insights"
    assert [mapping.metric_value(p.source, p.metric, p.raw) for p in points] == [p.value for p in points]


def test_reactions_without_any_type_are_no_count(post_of):
    raw = {"name": "post_reactions_by_type_total", "period": "lifetime", "values": [{"value": {}}]}
    assert mapping.insights_from(ACCOUNT, post_of(ACCOUNT, "1"), [raw], observed_at=NOW) == ()


class Graph:
    """Answers insights, and refuses any call that names a metric in `retired`, without saying which."""

    def __init__(self, *retired: str) -> None:
        self.retired, self.asked = set(retired), []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        names = request.url.params["metric"].split(",")
        self.asked.append(names)
        if self.retired & set(names):
            return refused(100)
        period = request.url.params.get("period", "lifetime")
        end = _graph.start_of_day(date(2026, 5, 31)).isoformat()
        return ok({"data": [{"name": n, "period": period, "values": [{"value": 1, "end_time": end}]} for n in names]})


@pytest.mark.parametrize(
    "retired", [("post_clicks",), ("post_media_view",), ("post_clicks", "post_total_media_view_unique")]
)
async def test_a_refused_metric_is_dropped_the_rest_kept_and_not_asked_for_again(facebook, post_of, retired):
    graph = Graph(*retired)
    connector, _ = facebook(graph)
    points = await connector.post_metrics(ACCOUNT, [post_of(ACCOUNT, "1")])
    kept = set(mapping.POST_INSIGHTS) - {"post_impressions", "post_impressions_unique"} - set(retired)
    assert {p.metric for p in points} == {mapping.POST_INSIGHTS[name] for name in kept}
    graph.asked.clear()
    await connector.post_metrics(ACCOUNT, [post_of(ACCOUNT, "2")])
    assert [set(names) for names in graph.asked] == [kept]


async def test_posts_without_insights_are_left_out_and_other_trouble_is_raised(facebook, post_of):
    connector, _ = facebook(lambda r: refused(100, 33) if "gone" in r.url.path else Graph()(r))
    points = await connector.post_metrics(ACCOUNT, [post_of(ACCOUNT, name) for name in ("gone", "fine")])
    assert {p.post_id for p in points} == {"facebook:fine"}
    connector, _ = facebook(lambda _: refused(10, status=403))
    with pytest.raises(NetworkError) as caught:
        await connector.post_metrics(ACCOUNT, [post_of(ACCOUNT, "1")])
    assert caught.value.error_class is ErrorClass.SCOPE


async def test_daily_series_take_the_day_and_not_the_week_and_belong_to_the_pacific_day(facebook):
    values = [
        {"value": "40", "end_time": "2026-05-30T07:00:00+0000"},
        {"value": 50, "end_time": "2026-05-31T07:00:00+0000"},
        {"value": 60},
        {"value": 7, "end_time": "2026-06-05T07:00:00+0000"},
    ]
    data = [{"name": "page_media_view", "period": period, "values": values} for period in ("week", "day", "days_28")]
    connector, wire = facebook(lambda _: ok({"data": data}))
    points = await connector.account_metrics(ACCOUNT, start=date(2026, 5, 29), end=date(2026, 5, 30))
    assert [(p.metric, p.day, p.value) for p in points] == [
        ("views", date(2026, 5, 29), 40),
        ("views", date(2026, 5, 30), 50),
    ]
    asked = wire.requests[0].url.params
    since, until = (datetime.fromtimestamp(int(asked[name]), UTC) for name in ("since", "until"))
    assert (since.isoformat(), until.isoformat()) == ("2026-05-29T07:00:00+00:00", "2026-05-31T07:00:00+00:00")
    assert asked["period"] == "day"


async def test_long_spans_are_cut_and_a_refused_account_metric_leaves_the_others(facebook):
    connector, wire = facebook(Graph("page_daily_follows"))
    points = await connector.account_metrics(ACCOUNT, start=date(2026, 2, 1), end=date(2026, 5, 30))
    assert {(p.metric, p.day) for p in points} == {
        (name, date(2026, 5, 30)) for name in CAPABILITIES.account_metrics if name != "follows"
    }
    spans = {(int(r.url.params["since"]), int(r.url.params["until"])) for r in wire.requests}
    (first, second) = sorted(spans)
    assert first[1] == second[0]
    connector, _ = facebook(lambda _: refused(100))
    with pytest.raises(NetworkError) as caught:
        await connector.account_metrics(ACCOUNT, start=date(2026, 5, 30), end=date(2026, 5, 30))
    assert caught.value.error_class is ErrorClass.INVALID


def test_every_declared_metric_is_one_that_can_come():
    listed, insights = set(mapping.LISTED_METRICS.values()), set(mapping.POST_INSIGHTS.values())
    assert set(CAPABILITIES.post_metrics) <= listed | insights
    assert set(CAPABILITIES.account_metrics) == set(mapping.PAGE_INSIGHTS.values())


# --- comments ------------------------------------------------------------------------------------------------------------


async def test_replies_stand_among_the_comments_and_name_what_they_answer(facebook, post_of):
    def remark(i: int, **more) -> dict:
        return {"id": f"7_{i}", "message": f"t{i}", "created_time": AT, "like_count": i} | more

    pages = {
        None: {
            "data": [remark(1, **{"from": {"id": "5", "name": "Ana"}}), remark(2, parent={"id": "7_1"})],
            "paging": {"cursors": {"after": "c1"}, "next": "x"},
        },
        "c1": {"data": [remark(3, **{"from": {"id": ME}, "parent": "nobody"}), {"message": "no id"}, 7]},
    }
    connector, wire = facebook(lambda r: ok(pages[r.url.params.get("after")]))
    found = [c async for page in connector.comments(ACCOUNT, post_of(ACCOUNT, f"{ME}_7")) for c in page]
    assert [(c.native_id, c.parent_comment_id, c.author_handle, c.is_own, c.likes) for c in found] == [
        ("7_1", None, "Ana", False, 1),
        ("7_2", "facebook:7_1", None, False, 2),
        ("7_3", None, None, True, 3),
    ]
    assert wire.requests[0].url.params["filter"] == "stream"


async def test_comments_of_a_post_that_is_gone_are_none(facebook, post_of):
    connector, _ = facebook(lambda _: refused(100, 33))
    assert [p async for p in connector.comments(ACCOUNT, post_of(ACCOUNT, "1"))] == []


# --- limits, errors ------------------------------------------------------------------------------------------------------


async def test_a_used_up_business_limit_silences_reads_for_its_minutes(facebook):
    business = {ME: [{"type": "pages", "call_count": 97, "total_cputime": 1, "estimated_time_to_regain_access": 5}]}
    headers = {"x-business-use-case-usage": json.dumps(business), "x-app-usage": '{"call_count":3}'}
    connector, wire = facebook(lambda _: ok({"id": ME}, **headers))
    await connector.profile(ACCOUNT)
    with pytest.raises(NetworkError) as caught:
        await connector.profile(ACCOUNT)
    assert (caught.value.error_class, len(wire.requests)) == (ErrorClass.RATE, 1)
    assert timedelta(minutes=4) < caught.value.retry_at - datetime.now(UTC) <= timedelta(minutes=5)


@pytest.mark.parametrize(
    ("code", "subcode", "expected"),
    [
        (190, 463, ErrorClass.AUTH),
        (102, None, ErrorClass.AUTH),
        (10, None, ErrorClass.SCOPE),
        (200, None, ErrorClass.SCOPE),
        (368, None, ErrorClass.SCOPE),
        (1404078, None, ErrorClass.SCOPE),
        (100, 1404078, ErrorClass.SCOPE),
        (4, None, ErrorClass.RATE),
        (32, None, ErrorClass.RATE),
        (80001, None, ErrorClass.RATE),
        (1390008, None, ErrorClass.RATE),
        (100, 1390008, ErrorClass.RATE),
        (506, None, ErrorClass.DUPLICATE),
        (100, 1366051, ErrorClass.DUPLICATE),
        (100, None, ErrorClass.INVALID),
        (100, 33, ErrorClass.INVALID),
        (324, 1366046, ErrorClass.INVALID),
        (1, None, ErrorClass.TRANSIENT),
        (2, 1363047, ErrorClass.TRANSIENT),
        (100, 1609010, ErrorClass.TRANSIENT),
        (123456, None, ErrorClass.INVALID),
    ],
)
def test_error_codes(code, subcode, expected):
    body = {"error": {"message": "Ungültig", "code": code, "error_subcode": subcode}}
    assert classify(400, body).error_class is expected


@pytest.mark.parametrize("body", [None, [], "text", {}, {"error": []}, {"error": {"code": {}}}])
def test_error_bodies_of_any_shape_are_classified_by_status(body):
    assert classify(400, body).error_class is ErrorClass.INVALID
    assert classify(500, body).error_class is ErrorClass.TRANSIENT
    assert classify(429, body).error_class is ErrorClass.RATE


# --- any payload ---------------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = [
    "id",
    "message",
    "created_time",
    "attachments",
    "subattachments",
    "target",
    "media_type",
    "status_type",
    "reactions",
    "summary",
    "shares",
    "count",
    "values",
    "name",
    "period",
    "total_value",
    "from",
    "parent",
    "data",
]
SOMETHING = (
    JSON
    | st.sampled_from([AT, "post_media_view", "page_media_view", "day", "lifetime", "album"])
    | st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4)
)


@given(st.dictionaries(st.sampled_from(FIELDS), SOMETHING, max_size=8))
def test_no_payload_breaks_the_mapping(raw):
    post = mapping.remapped_post(ACCOUNT, raw, observed_at=NOW)
    assert (post is None) <= (mapping.remapped_metrics(ACCOUNT, raw, observed_at=NOW) == ())
    list(mapping.daily_points(ACCOUNT, [raw], start=NOW.date(), end=NOW.date(), fetched_at=NOW))
    if post is not None:
        mapping.insights_from(ACCOUNT, post, [raw], observed_at=NOW)
        mapping.comment_from(ACCOUNT, post, raw, observed_at=NOW)
        post.raw.encode()
        assert mapping.remapped_post(ACCOUNT, json.loads(post.raw), observed_at=NOW) == post
