"""Reading YouTube: numbers as strings, paging, private and failed videos, shorts, reports by header name, comments."""

import json
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat, Network
from contracts.records import Account
from platforms.youtube import mapping
from platforms.youtube.client import CAPABILITIES, YouTubeConnector, YouTubeDialect
from platforms.youtube.errors import REASONS, classify
from platforms.youtube.models import Report

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
CHANNEL = "UC_x5XG1OV2P6uZZ5FSM9Ttw"


@pytest.fixture
def account() -> Account:
    return Account(
        account_id=f"youtube:{CHANNEL}",
        client_id="harbor",
        network=Network.YOUTUBE,
        native_id=CHANNEL,
        handle="harbor",
        base_url="https://api.example",
    )


@pytest.fixture
def youtube(tokens, media, exchange):
    """A connector whose network is `handler`, and the record of what it asked."""

    def build(handler):
        wire = exchange(handler)
        return YouTubeConnector(wire.transport(YouTubeDialect(), tokens), media), wire

    return build


def ok(body) -> httpx.Response:
    return httpx.Response(200, json=body)


def refused(status: int, reason: str | None = None) -> httpx.Response:
    errors = [{"domain": "youtube.x", "reason": reason, "message": "nein"}] if reason else []
    return httpx.Response(status, json={"error": {"code": status, "message": "nein", "errors": errors}})


def channel(**statistics) -> dict:
    return {
        "id": CHANNEL,
        "snippet": {"title": "Harbor", "customUrl": "@harbor"},
        "statistics": {"subscriberCount": "1920000", "videoCount": "5026", "viewCount": "9", **statistics},
        "contentDetails": {"relatedPlaylists": {"uploads": "UUx"}},
    }


def video(video_id: str, published_at: str = "2026-05-30T10:00:00Z", **parts) -> dict:
    return {
        "id": video_id,
        "snippet": {"publishedAt": published_at, "title": "Title", "description": "Words"},
        "status": {"uploadStatus": "processed", "privacyStatus": "public"},
        "contentDetails": {"duration": "PT30S"},
        "player": {"embedWidth": "405", "embedHeight": "720"},
        "statistics": {"viewCount": "90071992547409931", "likeCount": "7", "commentCount": "0", "favoriteCount": "0"},
    } | parts


class Channel:
    """A channel with these videos, in pages of the uploads playlist."""

    def __init__(self, *pages: list[dict]) -> None:
        self.pages = pages
        self.videos = {v["id"]: v for page in pages for v in page}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        params = request.url.params
        match request.url.path.removeprefix("/youtube/v3/"):
            case "channels":
                return ok({"items": [channel()]})
            case "playlistItems":
                number = int(params.get("pageToken", "0"))
                items = [{"contentDetails": {"videoId": v["id"]}} for v in self.pages[number]]
                following = {"nextPageToken": str(number + 1)} if number + 1 < len(self.pages) else {}
                return ok({"items": items, **following})
            case "videos":
                return ok({"items": [self.videos[name] for name in params["id"].split(",") if name in self.videos]})
        raise AssertionError(request.url)


async def collect(connector, account, since=None):
    pages = [page async for page in connector.posts(account, since=since)]
    return [p for page in pages for p in page.posts], [m for page in pages for m in page.metrics]


# --- profile -------------------------------------------------------------------------------------------------------------


async def test_a_profiles_numbers_are_strings(youtube, account):
    connector, wire = youtube(lambda _: ok({"items": [channel()]}))
    snapshot = await connector.profile(account)
    assert (snapshot.followers, snapshot.following, snapshot.posts_count) == (1_920_000, None, 5026)
    assert (snapshot.handle, snapshot.display_name, snapshot.native_id) == ("harbor", "Harbor", CHANNEL)
    assert dict(wire.requests[0].url.params) == {"part": "snippet,statistics,contentDetails", "mine": "true"}


async def test_hidden_subscribers_are_unknown_and_not_none_at_all(youtube, account):
    connector, _ = youtube(lambda _: ok({"items": [channel(hiddenSubscriberCount=True, subscriberCount="0")]}))
    assert (await connector.profile(account)).followers is None


@pytest.mark.parametrize("items", [{}, {"items": []}, {"items": [{"id": "UCother"}]}])
async def test_a_token_of_another_channel_means_connect_again(youtube, account, items):
    connector, _ = youtube(lambda _: ok({"kind": "youtube#channelListResponse", **items}))
    with pytest.raises(NetworkError) as caught:
        await connector.profile(account)
    assert (caught.value.error_class, caught.value.code) == (ErrorClass.AUTH, "other_channel")


# --- posts ---------------------------------------------------------------------------------------------------------------


async def test_posts_come_with_their_counts_and_cost_two_calls_a_page(youtube, account):
    connector, wire = youtube(Channel([video("v3"), video("v2")], [], [video("v1", statistics={"viewCount": "5"})]))
    posts, metrics = await collect(connector, account)
    assert [p.native_id for p in posts] == ["v3", "v2", "v1"]
    assert posts[0].permalink == "https://www.youtube.com/watch?v=v3"
    assert posts[0].text == "Title\n\nWords"
    assert {m.metric: m.value for m in metrics if m.post_id == "youtube:v3"} == {
        "views": 90071992547409931,
        "likes": 7,
        "comments": 0,
    }
    assert [(m.metric, m.value) for m in metrics if m.post_id == "youtube:v1"] == [("views", 5)]
    assert {m.source for m in metrics} == {"videos"}
    asked = [r.url.path.rpartition("/")[2] for r in wire.requests]
    assert asked == ["channels", *["playlistItems", "videos"], "playlistItems", *["playlistItems", "videos"]]
    assert "/search" not in str([r.url for r in wire.requests])


async def test_the_uploads_playlist_is_learned_once(youtube, account):
    connector, wire = youtube(Channel([video("v1")]))
    await collect(connector, account)
    await collect(connector, account)
    assert [r.url.path for r in wire.requests].count("/youtube/v3/channels") == 1


async def test_reading_stops_at_the_first_page_that_is_all_older(youtube, account):
    old = "2026-05-01T00:00:00Z"
    connector, wire = youtube(Channel([video("v2"), video("v1", old)], [video("v0", old)], [video("never", old)]))
    posts, _ = await collect(connector, account, since=datetime(2026, 5, 15, tzinfo=UTC))
    assert [p.native_id for p in posts] == ["v2"]
    assert [r.url.params.get("pageToken") for r in wire.requests if "playlistItems" in r.url.path] == [None, "1"]


@pytest.mark.parametrize(
    "parts",
    [
        {"status": {"privacyStatus": "private", "publishAt": "2026-07-01T00:00:00Z"}},
        {"status": {"uploadStatus": "rejected", "rejectionReason": "duplicate", "privacyStatus": "public"}},
        {"status": {"uploadStatus": "failed"}},
        {"snippet": None},
        {"snippet": {"publishedAt": "yesterday"}},
        {"id": None},
    ],
)
def test_what_no_audience_can_see_is_no_post(account, parts):
    assert mapping.post_from(account, video("v1", **parts), observed_at=NOW) is None


async def test_a_channel_without_uploads_has_no_posts(youtube, account):
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("playlistItems"):
            return refused(404, "playlistNotFound")
        return ok({"items": [channel()]})

    connector, _ = youtube(handler)
    assert await collect(connector, account) == ([], [])
    connector, _ = youtube(lambda _: ok({"items": [{"id": CHANNEL}]}))
    assert await collect(connector, account) == ([], [])


@pytest.mark.parametrize(
    ("duration", "player", "expected"),
    [
        ("PT30S", {"embedWidth": "405", "embedHeight": "720"}, ContentFormat.SHORT_VIDEO),
        ("PT3M", {"embedWidth": 720, "embedHeight": 720}, ContentFormat.SHORT_VIDEO),
        ("PT3M1S", {"embedWidth": "405", "embedHeight": "720"}, ContentFormat.VIDEO),
        ("PT30S", {"embedWidth": "1280", "embedHeight": "720"}, ContentFormat.VIDEO),
        ("PT30S", {"embedHtml": "<iframe>"}, ContentFormat.VIDEO),
        ("P0D", {"embedWidth": "405", "embedHeight": "720"}, ContentFormat.VIDEO),
        ("nonsense", {"embedWidth": "405", "embedHeight": "720"}, ContentFormat.VIDEO),
    ],
)
def test_a_short_is_known_by_shape_and_length(account, duration, player, expected):
    raw = video("v1", contentDetails={"duration": duration}, player=player)
    assert mapping.post_from(account, raw, observed_at=NOW).content_format is expected


def test_periods():
    assert mapping.period_of("P1DT2H3M4S") == timedelta(days=1, hours=2, minutes=3, seconds=4)
    assert mapping.period_of("PT15M33S") == timedelta(minutes=15, seconds=33)
    assert mapping.period_of("P") is mapping.period_of("") is mapping.period_of("P" + "9" * 30 + "D") is None


def test_a_title_that_the_description_repeats_is_said_once():
    assert mapping.text_of("Open today", "Open today\nfrom nine") == "Open today\nfrom nine"
    assert mapping.text_of("Open", "") == "Open"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.floats(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "id",
                        "snippet",
                        "status",
                        "statistics",
                        "contentDetails",
                        "player",
                        "publishedAt",
                        "title",
                        "viewCount",
                        "duration",
                        "textDisplay",
                        "topLevelComment",
                    ]
                ),
                inner,
                max_size=5,
            )
        ),
    )
)
def test_no_payload_breaks_the_mapping(raw):
    account = Account(
        account_id="youtube:c", client_id="x", network=Network.YOUTUBE, native_id="c", handle="", base_url=""
    )
    payload = raw if isinstance(raw, dict) else {"id": raw, "snippet": raw, "statistics": raw}
    post = mapping.post_from(account, payload, observed_at=NOW)
    points = mapping.listed_metrics_from(account, payload, observed_at=NOW)
    assert post is None or post.native_id
    assert all(isinstance(point.value, int) for point in points)


def test_kept_payloads_map_again_to_the_same(account):
    raw = video("v1")
    post = mapping.post_from(account, raw, observed_at=NOW)
    kept = json.loads(post.raw)
    assert mapping.remapped_post(account, kept, observed_at=NOW) == post
    points = mapping.remapped_metrics(account, kept, observed_at=NOW)
    assert points == mapping.listed_metrics_from(account, raw, observed_at=NOW)
    assert len(points) == 3
    report = Report.model_validate(table(["video", "shares", "estimatedMinutesWatched"], ["v1", 3, 40]))
    points += tuple(mapping.reported_metrics_from(account, report, {"v1": NOW - timedelta(hours=1)}, observed_at=NOW))
    assert len(points) == 5
    for point in points:
        assert mapping.metric_value(point.source, point.metric, point.raw) == point.value
    assert mapping.metric_value("videos", "shares", "{}") is None
    assert mapping.metric_value("analytics", "shares", "[]") is None


# --- reports -------------------------------------------------------------------------------------------------------------


def table(names: list[str], *rows: list) -> dict:
    headers = [{"name": name, "columnType": "METRIC", "dataType": "INTEGER"} for name in names]
    return {"kind": "youtubeAnalytics#resultTable", "columnHeaders": headers, **({"rows": list(rows)} if rows else {})}


async def test_daily_figures_are_read_by_the_names_of_their_columns(youtube, account):
    answer = table(
        ["subscribersLost", "views", "day", "unheard_of", "subscribersGained"],
        [1, 200, "2026-05-28", 9, 4],
        ["2", 150.0, "2026-05-29", 9, None],
        [1, 1, "2026-06-20", 9, 1],
        [1, 1, "no day", 9, 1],
        [1, 1],
    )
    connector, wire = youtube(lambda _: ok(answer))
    points = await connector.account_metrics(account, start=date(2026, 5, 28), end=date(2026, 5, 31))
    assert {(p.day.isoformat(), p.metric): p.value for p in points} == {
        ("2026-05-28", "views"): 200,
        ("2026-05-28", "followers_gained"): 4,
        ("2026-05-28", "followers_lost"): 1,
        ("2026-05-29", "views"): 150,
        ("2026-05-29", "followers_lost"): 2,
    }, "30 and 31 May are not ready: no row, and no zero"
    (asked,) = wire.requests
    assert asked.url.path == "/v2/reports"
    assert (asked.url.params["startDate"], asked.url.params["endDate"]) == ("2026-05-28", "2026-05-31")
    assert (asked.url.params["ids"], asked.url.params["dimensions"]) == ("channel==MINE", "day")


async def test_a_report_without_rows_is_no_data(youtube, account, post_of):
    connector, _ = youtube(lambda _: ok(table(["day", "views"])))
    assert await connector.account_metrics(account, start=date(2026, 5, 1), end=date(2026, 5, 2)) == ()
    connector, _ = youtube(lambda _: ok({}))
    assert await connector.post_metrics(account, [post_of(account, "v1")]) == ()
    assert await connector.post_metrics(account, []) == ()


async def test_counts_that_only_analytics_has(youtube, account, post_of):
    names = ["video", "shares", "estimatedMinutesWatched", "averageViewDuration"]
    connector, wire = youtube(lambda _: ok(table(names, ["v1", 3, 40, 12], ["v9", 1, 1, 1])))
    posts = [post_of(account, "v1"), post_of(account, "v2", published_at=datetime(2026, 5, 20, tzinfo=UTC))]
    points = await connector.post_metrics(account, posts)
    assert {(p.post_id, p.metric): p.value for p in points} == {
        ("youtube:v1", "shares"): 3,
        ("youtube:v1", "watch_minutes"): 40,
        ("youtube:v1", "average_view_seconds"): 12,
    }
    assert {p.source for p in points} == {"analytics"}
    assert {p.metric for p in points} <= set(CAPABILITIES.post_metrics)
    params = wire.requests[0].url.params
    assert (params["filters"], params["startDate"], params["endDate"]) == ("video==v1,v2", "2026-05-19", "2026-06-01")
    assert params["sort"] == "-shares"


class Analytics:
    """Refuses any report that names a retired metric, without saying which."""

    def __init__(self, *retired: str, in_a_200: bool = False) -> None:
        self.retired, self.in_a_200, self.asked = set(retired), in_a_200, []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        names = request.url.params["metrics"].split(",")
        self.asked.append(names)
        if self.retired & set(names):
            return ok({"errors": {"code": "BAD_REQUEST"}}) if self.in_a_200 else refused(400, "badRequest")
        return ok(table(["day", *names], ["2026-05-28", *[5] * len(names)]))


@pytest.mark.parametrize("in_a_200", [False, True])
@pytest.mark.parametrize("retired", [("views",), ("shares", "likes"), ("views", "likes", "comments", "shares")])
async def test_a_refused_metric_is_dropped_the_rest_kept_and_not_asked_for_again(youtube, account, retired, in_a_200):
    analytics = Analytics(*retired, in_a_200=in_a_200)
    connector, _ = youtube(analytics)
    days = {"start": date(2026, 5, 28), "end": date(2026, 5, 28)}
    points = await connector.account_metrics(account, **days)
    kept = {ours for theirs, ours in mapping.DAILY_METRICS.items() if theirs not in retired}
    assert {p.metric for p in points} == kept
    analytics.asked.clear()
    await connector.account_metrics(account, **days)
    assert not {name for names in analytics.asked for name in names} & set(retired)


@pytest.mark.parametrize("retired", list(mapping.REPORTED_METRICS))
async def test_of_three_metrics_two_are_kept_and_the_third_forgotten(youtube, account, post_of, retired):
    analytics = Analytics(retired)
    connector, _ = youtube(analytics)
    for _ in range(2):
        await connector.post_metrics(account, [post_of(account, "v1")])
    assert analytics.asked[-1] == [name for name in mapping.REPORTED_METRICS if name != retired]
    assert analytics.asked.count(list(mapping.REPORTED_METRICS)) == 1


async def test_a_report_that_is_refused_whatever_is_asked_raises_and_is_asked_again(youtube, account):
    analytics = Analytics(*mapping.DAILY_METRICS)
    connector, _ = youtube(analytics)
    for _ in range(2):
        with pytest.raises(NetworkError) as caught:
            await connector.account_metrics(account, start=date(2026, 5, 28), end=date(2026, 5, 28))
        assert caught.value.error_class is ErrorClass.INVALID
    assert analytics.asked.count(list(mapping.DAILY_METRICS)) == 2


async def test_a_missing_permission_is_no_refused_metric(youtube, account):
    connector, wire = youtube(lambda _: refused(403, "insufficientPermissions"))
    with pytest.raises(NetworkError) as caught:
        await connector.account_metrics(account, start=date(2026, 5, 28), end=date(2026, 5, 28))
    assert caught.value.error_class is ErrorClass.SCOPE
    assert len(wire.requests) == 1


# --- comments ------------------------------------------------------------------------------------------------------------


def remark(comment_id: str, text: str = "Hi", *, author: str = "UCsomebody", **fields) -> dict:
    snippet = {
        "authorDisplayName": "@some",
        "authorChannelId": {"value": author},
        "textDisplay": text,
        "likeCount": 2,
        "publishedAt": "2026-05-31T10:00:00Z",
    }
    return {"id": comment_id, "snippet": snippet | fields}


def thread(top: dict, *answers: dict, total: int | None = None) -> dict:
    found = {
        "id": top["id"],
        "snippet": {"topLevelComment": top, "totalReplyCount": len(answers) if total is None else total},
    }
    return found | ({"replies": {"comments": list(answers)}} if answers else {})


async def test_comments_come_with_their_answers_and_missing_answers_are_fetched(youtube, account, post_of):
    def handler(request: httpx.Request) -> httpx.Response:
        params = request.url.params
        if request.url.path.endswith("comments"):
            assert params["parentId"] == "B"
            token = params.get("pageToken")
            answers = {None: ["B.1", "B.2"], "2": ["B.3"]}[token]
            return ok({"items": [remark(name) for name in answers], **({} if token else {"nextPageToken": "2"})})
        if "pageToken" not in params:
            own = remark("A.1", author=CHANNEL, textOriginal="Thanks!", textDisplay="Thanks!<br>")
            return ok({"items": [thread(remark("A"), own)], "nextPageToken": "p2"})
        return ok({"items": [thread(remark("B"), remark("B.2"), total=3), "nonsense", {"snippet": {}}]})

    connector, _ = youtube(handler)
    pages = [page async for page in connector.comments(account, post_of(account, "v1"))]
    assert [[c.native_id for c in page] for page in pages] == [["A", "A.1"], ["B", "B.1", "B.2", "B.3"]]
    top, own = pages[0]
    assert (top.comment_id, top.parent_comment_id, top.likes, top.is_own) == ("youtube:A", None, 2, False)
    assert (own.parent_comment_id, own.is_own, own.text) == ("youtube:A", True, "Thanks!")
    assert top.author_native_id == "UCsomebody"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refused(403, "commentsDisabled"), None),
        (refused(404, "videoNotFound"), None),
        (refused(403, "forbidden"), ErrorClass.SCOPE),
        (refused(403, "quotaExceeded"), ErrorClass.RATE),
    ],
)
async def test_a_video_without_comments_has_none_and_other_trouble_is_raised(
    youtube, account, post_of, answer, expected
):
    connector, _ = youtube(lambda _: answer)
    pages = connector.comments(account, post_of(account, "v1"))
    if expected is None:
        assert [page async for page in pages] == []
        return
    with pytest.raises(NetworkError) as caught:
        await anext(pages)
    assert caught.value.error_class is expected


async def test_a_repeated_page_token_ends_a_listing(youtube, account, post_of):
    connector, wire = youtube(lambda _: ok({"items": [], "nextPageToken": "again"}))
    assert [page async for page in connector.comments(account, post_of(account, "v1"))] == []
    assert len(wire.requests) == 2


# --- refusals ------------------------------------------------------------------------------------------------------------

A, S, R, V, T = ErrorClass.AUTH, ErrorClass.SCOPE, ErrorClass.RATE, ErrorClass.INVALID, ErrorClass.TRANSIENT


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        (401, "authError", A),
        (401, "youtubeSignupRequired", A),
        (401, "required", A),
        (400, "required", V),
        (401, None, A),
        (403, "insufficientPermissions", S),
        (403, "forbidden", S),
        (403, None, S),
        (403, "quotaExceeded", R),
        (403, "dailyLimitExceeded", R),
        (403, "rateLimitExceeded", R),
        (403, "userRateLimitExceeded", R),
        (429, "rateLimitExceeded", R),
        (429, None, R),
        (400, "uploadLimitExceeded", R),
        (403, "commentsDisabled", V),
        (404, "videoNotFound", V),
        (400, "invalidTitle", V),
        (400, "invalidVideoMetadata", V),
        (404, None, V),
        (400, "processingFailure", T),
        (500, "backendError", T),
        (503, "quotaExceeded", T),
        (503, None, T),
    ],
)
def test_a_refusals_class_is_its_reasons(status, reason, expected):
    refusal = classify(status, refused(status, reason).json())
    assert (refusal.error_class, refusal.code) == (expected, reason)


def test_every_reason_of_the_table_is_in_force():
    for reason, expected in REASONS.items():
        assert classify(418, {"error": {"errors": [{"reason": reason}]}}).error_class is expected


def test_newer_refusals_name_themselves_in_details_and_status():
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]
    body = {"error": {"code": 403, "status": "PERMISSION_DENIED", "details": details}}
    assert classify(403, body).code == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
    assert classify(400, {"error": {"code": 400, "status": "UNAUTHENTICATED"}}).error_class is A


@pytest.mark.parametrize("error", ["invalid_grant", "invalid_client", "unauthorized_client"])
def test_the_token_endpoint_names_its_refusals_in_a_string(error):
    refusal = classify(400, {"error": error, "error_description": "Bad Request"})
    assert (refusal.error_class, refusal.code, refusal.message) == (A, error, "Bad Request")


@pytest.mark.parametrize(
    "body", [None, [], "text", {}, {"error": []}, {"error": {"errors": {}}}, {"error": {"errors": [1, {"reason": 2}]}}]
)
@pytest.mark.parametrize(("status", "expected"), [(400, V), (500, T), (308, V)])
def test_error_bodies_of_any_shape_are_classified_by_status(status, body, expected):
    assert classify(status, body).error_class is expected
