"""Reading Instagram: recorded answers, both insight shapes, Pacific days, refused metrics, comments with replies."""

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
from platforms.instagram import mapping

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def refused(code: int, subcode: int | None = None, status: int = 400) -> httpx.Response:
    return httpx.Response(status, json={"error": {"message": "nein", "code": code, "error_subcode": subcode}})


async def collect(connector, account, since=None):
    pages = [page async for page in connector.posts(account, since=since)]
    return [p for page in pages for p in page.posts], [m for page in pages for m in page.metrics]


async def test_recorded_profile(instagram, instagram_account, recorded):
    connector, wire = instagram(lambda _: recorded("instagram", "users__user_fields"))
    snapshot = await connector.profile(instagram_account)
    assert (snapshot.followers, snapshot.following, snapshot.posts_count) == (64363, None, 427)
    assert snapshot.handle == "facebookfordevelopers"
    assert wire.requests[0].url.path == "/v25.0/17841400008460056"


async def test_recorded_listing_follows_the_cursor_and_not_the_url(instagram, instagram_account, recorded):
    pages = [recorded("instagram", "users__medias_p1"), httpx.Response(200, json={"data": []})]
    connector, wire = instagram(lambda _: pages.pop(0))
    posts, metrics = await collect(connector, instagram_account)
    assert [p.native_id for p in posts] == ["17895731045244887", "17896622936197745"]
    assert posts[1].published_at == datetime(2021, 8, 13, 8, 2, 40, tzinfo=UTC)
    assert posts[1].permalink == "https://www.instagram.com/p/CSgdWACBeKr/"
    assert {(m.post_id, m.metric): m.value for m in metrics} == {
        ("instagram:17895731045244887", "likes"): 0,
        ("instagram:17895731045244887", "comments"): 0,
        ("instagram:17896622936197745", "likes"): 2,
        ("instagram:17896622936197745", "comments"): 6,
    }
    assert wire.requests[1].url.host == "graph.example"
    assert wire.requests[1].url.params["after"] == "after"
    assert wire.requests[0].url.params["limit"] == "100"
    assert all(m.is_backfilled for m in metrics)


async def test_recorded_album_is_a_carousel_of_its_children(instagram, instagram_account, recorded):
    body = recorded("instagram", "medias__media_default").json()
    post = mapping.post_from(instagram_account, body, observed_at=NOW)
    assert post is not None
    assert (post.text, post.media_count) == ("ALBUM", len(body["children"]["data"]))
    assert post.content_format is (
        ContentFormat.CAROUSEL if body.get("media_type") == "CAROUSEL_ALBUM" else ContentFormat.IMAGE
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("apidata__medias__insights", {"impressions": 8, "reach": 5, "saves": 0}),
        (
            "manual_05_media_insights_reel",
            {"comments": 7, "likes": 108, "reach": 2006, "saves": 7, "shares": 1}
            | {"average_view_seconds": 13, "watch_minutes": 500},  # 12,549 and 30,017,581 milliseconds
        ),
    ],
)
async def test_recorded_media_insights(instagram, instagram_account, recorded, post_of, name, expected):
    connector, wire = instagram(lambda _: recorded("instagram", name))
    points = await connector.post_metrics(instagram_account, [post_of(instagram_account, "1")])
    assert {p.metric: p.value for p in points} == expected
    assert {p.source for p in points} == {"media_insights"}
    assert wire.requests[0].url.params["metric"] == "views,reach,saved,likes,comments,shares"


async def test_films_are_asked_for_what_only_they_have(instagram, instagram_account, post_of):
    connector, wire = instagram(lambda _: httpx.Response(200, json={"data": []}))
    kinds = (ContentFormat.IMAGE, ContentFormat.STORY, ContentFormat.VIDEO, ContentFormat.SHORT_VIDEO)
    posts = [post_of(instagram_account, str(i), content_format=kind) for i, kind in enumerate(kinds)]
    await connector.post_metrics(instagram_account, posts)
    asked = {r.url.path.split("/")[2]: "ig_reels_avg_watch_time" in r.url.params["metric"] for r in wire.requests}
    assert asked == {"0": False, "1": False, "2": True, "3": True}


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (("VIDEO", "REELS"), ContentFormat.SHORT_VIDEO),
        (("VIDEO", "FEED"), ContentFormat.VIDEO),
        (("VIDEO", "STORY"), ContentFormat.STORY),
        (("IMAGE", "STORY"), ContentFormat.STORY),
        (("CAROUSEL_ALBUM", "FEED"), ContentFormat.CAROUSEL),
        (("SOMETHING", "NEW"), ContentFormat.IMAGE),
    ],
)
def test_where_a_post_is_shown_says_what_it_is(instagram_account, kinds, expected):
    raw = {"id": "7", "timestamp": "2026-05-30T10:00:00+0000"} | dict(
        zip(("media_type", "media_product_type"), kinds, strict=True)
    )
    post = mapping.post_from(instagram_account, raw, observed_at=NOW)
    assert post is not None
    assert post.content_format is expected


def test_a_kept_watch_time_is_mapped_again_in_the_same_unit(instagram_account, post_of):
    raw = {"name": "ig_reels_avg_watch_time", "period": "lifetime", "values": [{"value": 8_499}]}
    (point,) = mapping.insights_from(instagram_account, post_of(instagram_account, "1"), [raw], observed_at=NOW)
    assert (point.metric, point.value) == ("average_view_seconds", 8)
    assert mapping.metric_value(point.source, point.metric, point.raw) == 8


async def test_the_newer_insight_shape(instagram, instagram_account, post_of):
    data = [
        {"name": "views", "period": "lifetime", "total_value": {"value": "1200", "breakdowns": [{"results": []}]}},
        {"name": "reach", "period": "lifetime", "values": [{"value": 900}], "total_value": None},
        {"name": "saved", "period": "lifetime", "values": []},
        {"name": "shares", "period": "lifetime", "total_value": {}},
        {"name": "unheard_of", "values": [{"value": 1}]},
        "nonsense",
    ]
    connector, _ = instagram(lambda _: httpx.Response(200, json={"data": data}))
    points = await connector.post_metrics(instagram_account, [post_of(instagram_account, "1")])
    assert {p.metric: p.value for p in points} == {"views": 1200, "reach": 900}


class Graph:
    """Answers insights, and refuses any call that names a metric in `retired`, without saying which."""

    def __init__(self, *retired: str) -> None:
        self.retired, self.asked = set(retired), []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        names = request.url.params["metric"].split(",")
        self.asked.append(names)
        if self.retired & set(names):
            return refused(100)
        return httpx.Response(200, json={"data": [{"name": n, "values": [{"value": 1}]} for n in names]})


@pytest.mark.parametrize(
    "retired", [("views",), ("shares",), ("reach", "likes"), ("views", "reach", "saved", "likes", "comments")]
)
async def test_a_refused_metric_is_dropped_the_rest_kept_and_not_asked_for_again(
    instagram, instagram_account, post_of, retired
):
    graph = Graph(*retired)
    connector, _ = instagram(graph)
    points = await connector.post_metrics(instagram_account, [post_of(instagram_account, "1")])
    kept = {"views", "reach", "saved", "likes", "comments", "shares"} - set(retired)
    assert {p.metric for p in points} == {"saves" if n == "saved" else n for n in kept}
    graph.asked.clear()
    await connector.post_metrics(instagram_account, [post_of(instagram_account, "2")])
    assert [set(names) for names in graph.asked] == [kept]


async def test_posts_without_insights_are_left_out_and_other_trouble_is_raised(instagram, instagram_account, post_of):
    def handler(request: httpx.Request) -> httpx.Response:
        media_id = request.url.path.split("/")[2]
        if media_id == "gone":
            return refused(100, 33)
        if media_id == "old":
            return refused(100, 2108006)
        return httpx.Response(200, json={"data": [{"name": "reach", "values": [{"value": 5}]}]})

    connector, _ = instagram(handler)
    posts = [post_of(instagram_account, name) for name in ("gone", "old", "fine")]
    points = await connector.post_metrics(instagram_account, posts)
    assert [(p.post_id, p.value) for p in points] == [("instagram:fine", 5)]
    connector, _ = instagram(lambda _: refused(10, status=403))
    with pytest.raises(NetworkError) as caught:
        await connector.post_metrics(instagram_account, posts)
    assert caught.value.error_class is ErrorClass.SCOPE


async def test_recorded_account_insights_belong_to_the_pacific_day_before(instagram, instagram_account, recorded):
    def handler(request: httpx.Request) -> httpx.Response:
        is_series = "metric_type" not in request.url.params
        return recorded("instagram", "users__user_insights") if is_series else httpx.Response(200, json={"data": []})

    connector, wire = instagram(handler)
    points = await connector.account_metrics(instagram_account, start=date(2017, 5, 3), end=date(2017, 5, 4))
    assert {(p.metric, p.day.isoformat()): p.value for p in points if p.metric == "reach"} == {
        ("reach", "2017-05-03"): 3,
        ("reach", "2017-05-04"): 36,
    }
    series = [r.url.params for r in wire.requests if "metric_type" not in r.url.params]
    since, until = (datetime.fromtimestamp(int(series[0][name]), UTC) for name in ("since", "until"))
    assert (since.isoformat(), until.isoformat()) == ("2017-05-03T07:00:00+00:00", "2017-05-05T07:00:00+00:00")


@pytest.mark.parametrize(
    ("end_time", "day"),
    [
        ("2017-05-04T07:00:00+0000", date(2017, 5, 3)),  # summer: UTC-7
        ("2017-12-04T08:00:00+0000", date(2017, 12, 3)),  # winter: UTC-8
        ("2026-03-09T07:00:00+0000", date(2026, 3, 8)),  # the short day
        ("2026-11-02T08:00:00+0000", date(2026, 11, 1)),  # the long day
        ("2026-05-30T00:00:00-0700", date(2026, 5, 29)),
    ],
)
def test_end_times_at_both_switches(end_time, day):
    assert _graph.day_ending_at(datetime.fromisoformat(end_time)) == day


@given(st.dates(date(2010, 1, 1), date(2060, 1, 1)))
def test_a_day_ends_where_the_next_begins(day):
    assert _graph.day_ending_at(_graph.start_of_day(day + timedelta(days=1))) == day
    assert _graph.start_of_day(day + timedelta(days=1)) - _graph.start_of_day(day) in {
        timedelta(hours=h) for h in (23, 24, 25)
    }


async def test_daily_totals_are_one_call_a_day_and_long_series_are_cut(instagram, instagram_account):
    def handler(request: httpx.Request) -> httpx.Response:
        p = request.url.params
        if p.get("metric_type") == "total_value":
            day = datetime.fromtimestamp(int(p["since"]), UTC)
            return httpx.Response(200, json={"data": [{"name": "likes", "total_value": {"value": day.day}}]})
        return httpx.Response(200, json={"data": []})

    connector, wire = instagram(handler)
    points = await connector.account_metrics(instagram_account, start=date(2026, 1, 1), end=date(2026, 2, 9))
    assert [(p.day.day, p.value) for p in points] == [(d, d) for d in [*range(1, 32), *range(1, 10)]]
    series = [r for r in wire.requests if "metric_type" not in r.url.params]
    assert len(series) == 2
    assert len(wire.requests) == 42


async def test_a_refused_account_metric_leaves_the_others(instagram, instagram_account):
    graph = Graph("follower_count", "replies")

    def handler(request: httpx.Request) -> httpx.Response:
        answer = graph(request)
        if answer.is_success:
            end = _graph.start_of_day(date(2026, 5, 31)).isoformat()
            data = [{"name": n["name"], "values": [{"value": 4, "end_time": end}]} for n in answer.json()["data"]]
            return httpx.Response(200, json={"data": data})
        return answer

    connector, _ = instagram(handler)
    points = await connector.account_metrics(instagram_account, start=date(2026, 5, 30), end=date(2026, 5, 30))
    assert {p.metric for p in points} == {"reach", "likes", "views", "comments", "shares", "saves"}


async def test_all_account_metrics_refused_is_a_refusal(instagram, instagram_account):
    connector, _ = instagram(lambda _: refused(100))
    with pytest.raises(NetworkError) as caught:
        await connector.account_metrics(instagram_account, start=date(2026, 5, 30), end=date(2026, 5, 30))
    assert caught.value.error_class is ErrorClass.INVALID


async def test_recorded_comments_without_names_are_nobodys(instagram, instagram_account, recorded, post_of):
    pages = [recorded("instagram", "medias__comments_p1"), httpx.Response(200, json={"data": []})]
    connector, _ = instagram(lambda _: pages.pop(0))
    found = [c async for page in connector.comments(instagram_account, post_of(instagram_account, "1")) for c in page]
    assert [(c.text, c.author_handle, c.likes, c.is_own) for c in found] == [("Beautiful!", None, None, False)] * 2


async def test_replies_follow_their_comment_over_all_their_pages(instagram, instagram_account, post_of):
    def remark(i: int, **more):
        return {"id": str(i), "text": f"t{i}", "timestamp": "2026-05-30T10:00:00+0000", "username": f"u{i}"} | more

    more_replies = {
        "data": [remark(11), remark(12, username="IkrosKun")],
        "paging": {"cursors": {"after": "r1"}, "next": "x"},
    }
    pages = {
        ("/v25.0/1/comments", None): {
            "data": [remark(1, replies=more_replies), remark(2)],
            "paging": {"cursors": {"after": "c1"}, "next": "x"},
        },
        ("/v25.0/1/replies", "r1"): {"data": [remark(13, **{"from": {"id": "17841400008460056"}})]},
        ("/v25.0/1/comments", "c1"): {"data": [remark(3), {"id": None}, "nonsense", {"text": "no id"}]},
    }

    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=pages[request.url.path, request.url.params.get("after")])

    connector, _ = instagram(handler)
    found = [c async for page in connector.comments(instagram_account, post_of(instagram_account, "1")) for c in page]
    assert [(c.native_id, c.parent_comment_id) for c in found] == [
        ("1", None),
        ("11", "instagram:1"),
        ("12", "instagram:1"),
        ("13", "instagram:1"),
        ("2", None),
        ("3", None),
    ]
    assert [c.native_id for c in found if c.is_own] == ["12", "13"]
    assert "replies" not in json.loads(found[0].raw)


async def test_comments_of_a_post_that_is_gone_are_none(instagram, instagram_account, post_of):
    connector, _ = instagram(lambda _: refused(100, 33))
    assert [p async for p in connector.comments(instagram_account, post_of(instagram_account, "1"))] == []


async def test_hidden_likes_have_no_row(instagram_account):
    raw = {
        "id": 7,
        "timestamp": "2026-05-30T10:00:00+0000",
        "media_type": "VIDEO",
        "comments_count": "3",
        "new_field": {},
    }
    post = mapping.post_from(instagram_account, raw, observed_at=NOW)
    assert post is not None
    assert (post.native_id, post.content_format, post.text) == ("7", ContentFormat.VIDEO, "")
    points = mapping.listed_metrics_from(instagram_account, raw, observed_at=NOW)
    assert [(p.metric, p.value) for p in points] == [("comments", 3)]


async def test_negative_counts_are_kept_as_the_network_says_them(instagram_account):
    raw = {"id": "7", "timestamp": "2026-05-30T10:00:00+0000", "comments_count": -262}
    assert [p.value for p in mapping.listed_metrics_from(instagram_account, raw, observed_at=NOW)] == [-262]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = [
    "id",
    "caption",
    "timestamp",
    "media_type",
    "like_count",
    "comments_count",
    "children",
    "values",
    "name",
    "total_value",
    "from",
    "replies",
    "data",
]
SOMETHING = JSON | st.just("2026-05-30T10:00:00+0000") | st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4)


@given(st.dictionaries(st.sampled_from(FIELDS), SOMETHING, max_size=7))
def test_no_payload_breaks_the_mapping(raw):
    account = Account(
        account_id="instagram:1", client_id="c", network=Network.INSTAGRAM, native_id="1", handle="h", base_url=""
    )
    post = mapping.post_from(account, raw, observed_at=NOW)
    assert (post is None) <= (mapping.listed_metrics_from(account, raw, observed_at=NOW) == ())
    list(mapping.daily_points(account, [raw], start=NOW.date(), end=NOW.date(), fetched_at=NOW))
    if post is not None:
        mapping.insights_from(account, post, [raw], observed_at=NOW)
        mapping.comment_from(account, post, raw, parent_id=None, observed_at=NOW)
        post.raw.encode()
