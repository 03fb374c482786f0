"""Reading LinkedIn: Rest.li on the wire, offset pages, shares apart from UGC posts, UTC days, comments with replies, errors."""

import json
from datetime import UTC, date, datetime, timedelta
from urllib.parse import unquote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat, Network
from contracts.records import Account
from platforms.linkedin import mapping
from platforms.linkedin.client import (
    API_VERSION,
    CAPABILITIES,
    LinkedInApp,
    LinkedInConnector,
    LinkedInDialect,
)
from platforms.linkedin.errors import classify, live_post_in

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
ME = "urn:li:organization:90362860"


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def account_at(base_url: str) -> Account:
    return Account(
        account_id="linkedin:90362860",
        client_id="harbor",
        network=Network.LINKEDIN,
        native_id="90362860",
        handle="harbor",
        base_url=base_url,
    )


@pytest.fixture
def account() -> Account:
    return account_at("https://li.example")


@pytest.fixture
def linkedin(exchange, tokens, media):
    def build(handler, app=None):
        wire = exchange(handler)
        return LinkedInConnector(wire.transport(LinkedInDialect(app), tokens), media), wire

    return build


def ok(body) -> httpx.Response:
    return httpx.Response(200, json=body)


def refused(status: int, **body) -> httpx.Response:
    return httpx.Response(status, json={"status": status, "message": "nein", **body})


def share(n: int, *, age: timedelta = timedelta(hours=2), **changes):
    at = ms(NOW - age)
    fields = {"id": f"urn:li:share:{n}", "author": ME, "commentary": f"Text {n}", "lifecycleState": "PUBLISHED"}
    return {**fields, "publishedAt": at, "createdAt": at, "lastModifiedAt": at, "visibility": "PUBLIC", **changes}


async def collect(connector, account, since=None):
    return [post async for page in connector.posts(account, since=since) for post in page.posts]


# --- the wire ------------------------------------------------------------------------------------------------------------


async def test_every_call_carries_token_version_and_protocol(linkedin, account):
    connector, wire = linkedin(lambda _: ok({"firstDegreeSize": "1200", "vanityName": "harbor", "id": 90362860}))
    snapshot = await connector.profile(account)
    assert (snapshot.followers, snapshot.following, snapshot.handle) == (1200, None, "harbor")
    for request in wire.requests:
        assert request.headers["authorization"] == "Bearer access-1"
        assert request.headers["linkedin-version"] == API_VERSION
        assert request.headers["x-restli-protocol-version"] == "2.0.0"
    assert {r.url.raw_path.decode() for r in wire.requests} == {
        "/rest/organizations/90362860",
        "/rest/networkSizes/urn%3Ali%3Aorganization%3A90362860?edgeType=COMPANY_FOLLOWED_BY_MEMBER",
    }


# --- posts ---------------------------------------------------------------------------------------------------------------


async def test_pages_follow_the_link_past_an_empty_one_and_end_without_it(linkedin, account):
    def following(start):
        return [{"rel": "next", "href": f"/rest/posts?q=author&count=2&start={start}", "type": "application/json"}]

    answers = {
        0: {"elements": [share(1), share(2)], "paging": {"start": 0, "count": 2, "links": following(2)}},
        2: {"elements": [], "paging": {"start": 2, "count": 2, "links": following(4)}},
        4: {"elements": [share(2), share(3), "nonsense", {"id": None}], "paging": {"links": []}},
    }
    connector, wire = linkedin(lambda r: ok(answers[int(r.url.params["start"])]))
    assert [p.native_id for p in await collect(connector, account)] == [f"urn:li:share:{n}" for n in (1, 2, 3)]
    first = wire.requests[0].url.raw_path.decode()
    assert first.startswith("/rest/posts?author=urn%3Ali%3Aorganization%3A90362860&q=author&sortBy=LAST_MODIFIED")


async def test_full_pages_without_links_are_followed_and_a_repeated_start_is_not(linkedin, account):
    posts = [share(n) for n in range(250)]

    def handler(request):
        start, count = int(request.url.params["start"]), int(request.url.params["count"])
        return ok({"elements": posts[start : start + count], "paging": {"start": start, "count": count, "links": []}})

    connector, wire = linkedin(handler)
    assert len(await collect(connector, account)) == 250
    assert [r.url.params["start"] for r in wire.requests] == ["0", "100", "200"]

    again = {"links": [{"rel": "next", "href": "/rest/posts?start=0"}]}
    for elements, calls in ((posts[:1], 1), ([], 5)):
        connector, wire = linkedin(lambda _, found=elements: ok({"elements": found, "paging": again}))
        assert len(await collect(connector, account)) == len(elements)
        assert len(wire.requests) == calls


async def test_an_empty_page_may_ask_to_be_read_again(linkedin, account):
    answers = [{"paging": {"links": [{"rel": "next", "href": "/rest/posts?start=0"}]}}, {"elements": [share(1)]}]
    connector, _ = linkedin(lambda _: ok(answers.pop(0)))
    assert len(await collect(connector, account)) == 1


async def test_a_server_that_caps_the_page_is_followed_at_its_own_size(linkedin, account):
    posts = [share(n) for n in range(25)]

    def handler(request):
        start = int(request.url.params["start"])
        return ok({"elements": posts[start : start + 10], "paging": {"start": start, "count": 10}})

    connector, _ = linkedin(handler)
    assert len(await collect(connector, account)) == 25


async def test_reading_stops_behind_since(linkedin, account):
    pages = [[share(1), share(2, age=timedelta(days=3))], [share(3, age=timedelta(days=4))], [share(4)]]

    def handler(request):
        start = int(request.url.params["start"])
        links = [{"rel": "next", "href": f"?start={start + 1}"}]
        return ok({"elements": pages[start], "paging": {"links": links}})

    connector, wire = linkedin(handler)
    posts = await collect(connector, account, since=NOW - timedelta(days=1))
    assert [p.native_id for p in posts] == ["urn:li:share:1"]
    assert len(wire.requests) == 2


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, (ContentFormat.TEXT, 0)),
        ({"media": {"id": "urn:li:image:1", "altText": "x"}}, (ContentFormat.IMAGE, 1)),
        ({"media": {"id": "urn:li:video:1", "title": "x"}}, (ContentFormat.VIDEO, 1)),
        ({"media": {"id": "urn:li:document:1"}}, (ContentFormat.CAROUSEL, 1)),
        ({"multiImage": {"images": [{"id": f"urn:li:image:{i}"} for i in range(3)]}}, (ContentFormat.CAROUSEL, 3)),
        ({"article": {"source": "https://x.example", "title": "t"}}, (ContentFormat.LINK, 0)),
        ({"article": {"source": "https://x.example", "thumbnail": "urn:li:image:1"}}, (ContentFormat.ARTICLE, 1)),
        ({"poll": {"question": "?", "options": []}}, (ContentFormat.POLL, 0)),
        ({"celebration": {"recipient": []}}, (ContentFormat.TEXT, 0)),
        ("nonsense", (ContentFormat.TEXT, 0)),
    ],
)
def test_what_a_post_is(account, content, expected):
    post = mapping.remapped_post(account, share(1, content=content), observed_at=NOW)
    assert (post.content_format, post.media_count) == expected


def test_a_post_says_what_people_see(account):
    raw = share(7243, commentary=r"Abierto \(hoy\) {hashtag|\#|café} con @[Ana](urn:li:person:1)", newField={"a": [1]})
    post = mapping.remapped_post(account, raw, observed_at=NOW)
    assert (post.text, post.native_id) == ("Abierto (hoy) #café con Ana", "urn:li:share:7243")
    assert post.permalink == "https://www.linkedin.com/feed/update/urn:li:share:7243/"
    assert post.published_at == NOW - timedelta(hours=2)
    assert json.loads(post.raw) == raw
    assert mapping.remapped_metrics(account, raw, observed_at=NOW) == ()


def test_drafts_and_failed_posts_are_no_posts(account):
    for state in ("DRAFT", "PUBLISH_REQUESTED", "PUBLISH_FAILED"):
        assert mapping.remapped_post(account, share(1, lifecycleState=state), observed_at=NOW) is None


# --- counts --------------------------------------------------------------------------------------------------------------


class Statistics:
    """Answers share statistics. Like LinkedIn, it refuses a share among UGC posts (403 code 100) and any unknown post (400)."""

    def __init__(self, *gone: str) -> None:
        self.gone = set(gone)
        self.asked: list[tuple[str, list[str]]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        query = dict(pair.split("=", 1) for pair in request.url.query.decode().split("&"))
        assert query["q"] == "organizationalEntity"
        assert unquote(query["organizationalEntity"]) == ME
        (parameter,) = {"shares", "ugcPosts"} & set(query)
        urns = [unquote(urn) for urn in query[parameter].removeprefix("List(").removesuffix(")").split(",")]
        self.asked.append((parameter, urns))
        kind = {"shares": "share", "ugcPosts": "ugcPost"}[parameter]
        if any(not urn.startswith(f"urn:li:{kind}:") for urn in urns):
            return refused(403, serviceErrorCode=100, code="ACCESS_DENIED")
        if self.gone & set(urns):
            return refused(400, code="INVALID_URN")
        counts = {"impressionCount": 900, "uniqueImpressionsCount": "700", "clickCount": 30, "likeCount": 12}
        counts |= {"commentCount": 3, "shareCount": 2, "engagement": 0.05, "newCount": 4}
        return ok(
            {"elements": [{kind: urn, "organizationalEntity": ME, "totalShareStatistics": counts} for urn in urns]}
        )


async def test_shares_and_ugc_posts_are_asked_for_apart(linkedin, account, post_of):
    network = Statistics()
    connector, _ = linkedin(network)
    urns = ["urn:li:share:1", "urn:li:ugcPost:2", "urn:li:share:3", "urn:li:activity:4"]
    points = await connector.post_metrics(account, [post_of(account, urn) for urn in urns])
    assert sorted(network.asked) == [
        ("shares", ["urn:li:share:1", "urn:li:share:3"]),
        ("ugcPosts", ["urn:li:ugcPost:2"]),
    ]
    assert {p.post_id for p in points} == {f"linkedin:{urn}" for urn in urns[:3]}
    assert {p.metric: p.value for p in points} == {
        "impressions": 900,
        "reach": 700,
        "clicks": 30,
        "likes": 12,
        "comments": 3,
        "shares": 2,
    }
    assert {p.metric for p in points} == set(CAPABILITIES.post_metrics)
    for point in points:
        assert mapping.metric_value(point.source, point.metric, point.raw) == point.value
        assert not point.is_backfilled
    assert mapping.metric_value("elsewhere", "likes", points[0].raw) is None


async def test_many_posts_are_asked_for_in_batches_and_a_refused_one_costs_only_itself(linkedin, account, post_of):
    network = Statistics("urn:li:share:7", "urn:li:share:60")
    connector, _ = linkedin(network)
    points = await connector.post_metrics(account, [post_of(account, f"urn:li:share:{n}") for n in range(70)])
    assert len({p.post_id for p in points}) == 68
    assert max(len(urns) for _, urns in network.asked) == 50


async def test_a_count_that_is_not_there_has_no_row(linkedin, account, post_of):
    element = {"share": "urn:li:share:1", "totalShareStatistics": {"likeCount": 0, "clickCount": None}}
    connector, _ = linkedin(lambda _: ok({"elements": [element, {"totalShareStatistics": {"likeCount": 5}}, None]}))
    points = await connector.post_metrics(account, [post_of(account, "urn:li:share:1")])
    assert [(p.metric, p.value) for p in points] == [("likes", 0)]
    connector, _ = linkedin(lambda _: ok({}))
    assert await connector.post_metrics(account, [post_of(account, "urn:li:share:1")]) == ()


async def test_other_trouble_with_counts_is_raised(linkedin, account, post_of):
    connector, _ = linkedin(lambda _: refused(403, serviceErrorCode=100, code="ACCESS_DENIED"))
    with pytest.raises(NetworkError) as caught:
        await connector.post_metrics(account, [post_of(account, "urn:li:share:1")])
    assert (caught.value.error_class, caught.value.code) == (ErrorClass.SCOPE, "100")


def daily(request: httpx.Request) -> list[dict]:
    day = datetime(2026, 5, 30, tzinfo=UTC)
    path = request.url.path.rpartition("/")[2]
    counts = {
        "organizationalEntityShareStatistics": {"totalShareStatistics": {"impressionCount": 50, "likeCount": 4}},
        "organizationalEntityFollowerStatistics": {
            "followerGains": {"organicFollowerGain": 3, "paidFollowerGain": 2, "new": 1}
        },
        "organizationPageStatistics": {"totalPageStatistics": {"views": {"allPageViews": {"pageViews": "11"}}}},
    }[path]
    ranges = [{"start": ms(day + timedelta(days=i)), "end": ms(day + timedelta(days=i + 1))} for i in range(-1, 3)]
    return [{"timeRange": r, **counts} for r in ranges] + [counts]


async def test_account_metrics_are_of_utc_days_and_only_of_those_asked_for(linkedin, account):
    connector, wire = linkedin(lambda r: ok({"elements": daily(r)}))
    points = await connector.account_metrics(account, start=date(2026, 5, 30), end=date(2026, 5, 31))
    assert sorted((p.day.day, p.metric, p.value) for p in points) == sorted(
        (day, metric, value)
        for day in (30, 31)
        for metric, value in {"impressions": 50, "likes": 4, "followers_gained": 5, "page_views": 11}.items()
    )
    assert {p.metric for p in points} <= set(CAPABILITIES.account_metrics)
    start, end = ms(datetime(2026, 5, 30, tzinfo=UTC)), ms(datetime(2026, 6, 1, tzinfo=UTC))
    expected = f"timeIntervals=(timeRange:(start:{start},end:{end}),timeGranularityType:DAY)"
    assert [expected in r.url.query.decode() for r in wire.requests] == [True] * 3


async def test_statistics_older_than_a_year_are_not_asked_for(linkedin, account):
    connector, wire = linkedin(lambda _: ok({"elements": []}))
    assert await connector.account_metrics(account, start=date(2020, 1, 1), end=date(2020, 2, 1)) == ()
    assert not wire.requests
    await connector.account_metrics(account, start=date(2020, 1, 1), end=date(2026, 5, 31))
    assert f"start:{ms(datetime(2025, 6, 1, tzinfo=UTC))}," in wire.requests[0].url.query.decode()


async def test_one_refused_statistic_leaves_the_others_and_all_refused_is_a_refusal(linkedin, account):
    def handler(request):
        if "FollowerStatistics" in request.url.path:
            return refused(403, serviceErrorCode=100, code="ACCESS_DENIED")
        return ok({"elements": daily(request)})

    connector, _ = linkedin(handler)
    points = await connector.account_metrics(account, start=date(2026, 5, 30), end=date(2026, 5, 30))
    assert {p.metric for p in points} == {"impressions", "likes", "page_views"}
    connector, _ = linkedin(lambda _: refused(400))
    with pytest.raises(NetworkError) as caught:
        await connector.account_metrics(account, start=date(2026, 5, 30), end=date(2026, 5, 30))
    assert caught.value.error_class is ErrorClass.INVALID


# --- comments ------------------------------------------------------------------------------------------------------------


def remark(n: int, *, on: str = "urn:li:activity:9", answers: int | None = 0, **changes):
    summary = {} if answers is None else {"commentsSummary": {"totalFirstLevelComments": answers}}
    fields = {"id": str(n), "commentUrn": f"urn:li:comment:({on},{n})", "actor": f"urn:li:person:p{n}"}
    said = {"created": {"time": ms(NOW)}, "message": {"text": f"t{n} (plain)", "attributes": []}}
    return {**fields, **said, "likesSummary": {"totalLikes": n}, **summary, **changes}


async def test_replies_follow_their_comment_and_are_asked_for_by_its_urn(linkedin, account, post_of):
    first = "urn:li:comment:(urn:li:activity:9,1)"
    answers = {
        "urn:li:ugcPost:5": [remark(1, answers=2), remark(2), remark(3, answers=None), {"id": "4"}, "nonsense"],
        first: [remark(11, parentComment=first), remark(12, actor=ME)],
        "urn:li:comment:(urn:li:activity:9,3)": None,
    }

    def handler(request):
        path = request.url.raw_path.decode().partition("?")[0]
        urn = unquote(path.removeprefix("/rest/socialActions/").removesuffix("/comments"))
        return ok({"elements": answers[urn]}) if answers[urn] is not None else refused(404)

    connector, wire = linkedin(handler)
    post = post_of(account, "urn:li:ugcPost:5")
    found = [c async for page in connector.comments(account, post) for c in page]
    assert [(c.native_id[-3:-1].strip(","), c.parent_comment_id) for c in found] == [
        ("1", None),
        ("11", f"linkedin:{first}"),
        ("12", f"linkedin:{first}"),
        ("2", None),
        ("3", None),
    ]
    assert [c.is_own for c in found] == [False, False, True, False, False]
    assert (found[0].text, found[0].likes, found[0].author_native_id) == ("t1 (plain)", 1, "urn:li:person:p1")
    assert all(c.post_id == post.post_id for c in found)
    path = wire.requests[1].url.raw_path.decode()
    assert path.startswith("/rest/socialActions/urn%3Ali%3Acomment%3A%28urn%3Ali%3Aactivity%3A9%2C1%29/comments")


async def test_a_post_that_is_gone_has_no_comments_and_other_trouble_is_raised(linkedin, account, post_of):
    connector, _ = linkedin(lambda _: refused(404))
    post = post_of(account, "urn:li:share:1")
    assert [page async for page in connector.comments(account, post)] == []
    connector, _ = linkedin(lambda _: refused(403, serviceErrorCode=100))
    with pytest.raises(NetworkError):
        [page async for page in connector.comments(account, post)]


# --- errors and tokens -----------------------------------------------------------------------------------------------------

A, S, R, V, T, D = (
    ErrorClass.AUTH,
    ErrorClass.SCOPE,
    ErrorClass.RATE,
    ErrorClass.INVALID,
    ErrorClass.TRANSIENT,
    ErrorClass.DUPLICATE,
)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, {"serviceErrorCode": 65600}, A),
        (401, {"serviceErrorCode": "65601", "code": "REVOKED_ACCESS_TOKEN"}, A),
        (401, {"serviceErrorCode": 65602}, A),
        (401, None, A),
        (403, {"serviceErrorCode": 100, "code": "ACCESS_DENIED"}, S),
        (403, {}, S),
        (400, {"serviceErrorCode": 100}, V),
        (400, {"code": "FIELD_LENGTH_TOO_LONG"}, V),
        (404, {}, V),
        (422, {"message": "ERROR :: /author :: field is required"}, V),
        (422, {"message": "Content is a duplicate of urn:li:share:684"}, D),
        (422, {"message": "Content is a DUPLICATE of urn:li:person:782bbtaQ"}, D),
        (400, {"message": "Content is a duplicate of urn:li:share:684"}, V),
        (400, {"errorDetails": {"inputErrors": [{"code": "DUPLICATE_POST"}]}}, D),
        (400, {"errorDetails": {"inputErrors": "nonsense"}}, V),
        (409, {}, T),
        (426, {"code": "NONEXISTENT_VERSION"}, V),
        (429, {"serviceErrorCode": 101}, R),
        (500, {"code": "DUPLICATE_POST"}, T),
        (503, None, T),
        (400, {"error": "invalid_grant", "error_description": "x"}, A),
        (401, {"error": "invalid_client"}, A),
        (400, [], V),
        (400, {"code": {}, "serviceErrorCode": {}, "message": []}, V),
    ],
)
def test_error_classes(status, body, expected):
    assert classify(status, body).error_class is expected


@pytest.mark.parametrize(
    ("message", "urn"),
    [
        ("Content is a duplicate of urn:li:share:6844785523593134080", "urn:li:share:6844785523593134080"),
        ("duplicate of urn:li:ugcPost:12.", "urn:li:ugcPost:12"),
        ("duplicate of urn:li:activity:9", "urn:li:activity:9"),
        ("Content is a duplicate of urn:li:person:782bbtaQ", None),
    ],
)
def test_only_posts_are_live_posts(message, urn):
    assert live_post_in(message) == urn


@pytest.mark.parametrize(
    ("base_url", "address"),
    [
        ("https://api.linkedin.com", "https://www.linkedin.com/oauth/v2/accessToken"),
        ("http://127.0.0.1:8400/linkedin", "http://127.0.0.1:8400/linkedin/oauth/v2/accessToken"),
    ],
)
async def test_a_token_is_renewed_at_the_token_host_and_keeps_its_refresh_token(linkedin, tokens, base_url, address):
    tokens.token = tokens.token.model_copy(update={"expires_at": datetime.now(UTC) + timedelta(days=2)})
    asked = []

    def handler(request):
        if request.url.path.endswith("/oauth/v2/accessToken"):
            asked.append((str(request.url), request.content.decode()))
            assert "authorization" not in request.headers
            return ok({"access_token": "access-2", "expires_in": 5_184_000, "refresh_token_expires_in": 20_000_000})
        assert request.headers["authorization"] == "Bearer access-2"
        return ok({})

    app = LinkedInApp(client_id="77", client_secret=SecretStr("app-secret"))
    connector, wire = linkedin(handler, app)
    await connector.profile(account_at(base_url))
    ((url, form),) = asked
    assert url == address
    assert form == "grant_type=refresh_token&refresh_token=refresh-1&client_id=77&client_secret=app-secret"
    assert (tokens.token.access_token, tokens.token.refresh_token) == ("access-2", "refresh-1")
    assert "app-secret" not in str(wire.journal)


async def test_a_refused_token_is_renewed_once_and_a_refused_renewal_means_connect_again(linkedin, account, tokens):
    def handler(request):
        if request.url.path.endswith("accessToken"):
            return httpx.Response(400, json={"error": "invalid_grant", "error_description": "revoked"})
        return refused(401, serviceErrorCode=65602, code="EXPIRED_ACCESS_TOKEN")

    app = LinkedInApp(client_id="77", client_secret=SecretStr("s"))
    connector, wire = linkedin(handler, app)
    with pytest.raises(NetworkError) as caught:
        await collect(connector, account)
    assert caught.value.error_class is ErrorClass.AUTH
    assert [r.url.path.endswith("accessToken") for r in wire.requests] == [False, True]
    connector, wire = linkedin(handler)
    with pytest.raises(NetworkError):
        await connector.refresh_token(account)
    assert not wire.requests, "without an app nothing can be renewed"


async def test_a_rate_limit_without_a_word_is_waited_for(linkedin, account):
    connector, _ = linkedin(lambda _: refused(429, serviceErrorCode=101))
    with pytest.raises(NetworkError) as caught:
        await collect(connector, account)
    assert caught.value.error_class is ErrorClass.RATE
    assert caught.value.retry_at > datetime.now(UTC)


WORDS = st.text("aé7:(,\ud800", max_size=8)


async def test_calls_are_counted_by_member_and_app_and_the_last_ones_kept_for_publishing(linkedin, account):
    app = LinkedInApp(client_id="77", client_secret=SecretStr("s"), calls_a_day=100, member_calls_a_day=10)
    connector, wire = linkedin(lambda _: ok({}), app)
    for _ in range(4):
        await connector.profile(account)
    with pytest.raises(NetworkError) as caught:
        await connector.profile(account)
    assert (caught.value.error_class, caught.value.code) == (ErrorClass.RATE, "local_limit")
    assert caught.value.retry_at.hour == caught.value.retry_at.minute == 0, "a UTC day"
    assert len(wire.requests) == 8
    await connector.delete(account, "urn:li:share:1")
    other = account.model_copy(update={"account_id": "linkedin:2", "native_id": "2"})
    await connector.profile(other)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)
FIELDS = [
    "id",
    "commentary",
    "publishedAt",
    "createdAt",
    "content",
    "media",
    "multiImage",
    "article",
    "poll",
    "share",
    "ugcPost",
]
FIELDS += [
    "totalShareStatistics",
    "timeRange",
    "followerGains",
    "commentUrn",
    "created",
    "message",
    "likesSummary",
    "images",
]
SOMETHING = JSON | st.just(ms(NOW)) | st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4)


@given(st.dictionaries(st.sampled_from(FIELDS), SOMETHING, max_size=8))
def test_no_payload_breaks_the_mapping(raw):
    account = account_at("")
    post = mapping.remapped_post(account, raw, observed_at=NOW)
    list(mapping.daily_points(account, [raw], start=NOW.date(), end=NOW.date(), fetched_at=NOW))
    if post is not None:
        post.raw.encode()
        list(mapping.post_metrics_from(account, {post.native_id: post}, [raw], observed_at=NOW))
        mapping.comment_from(account, post, raw, below=post.native_id, observed_at=NOW)
