"""Reading X: both vocabularies, tokens that lead to empty pages, errors beside data, private counts, conversations."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat, Network
from contracts.records import Account, Token
from platforms._http import Call, CallKind
from platforms._quotas import LocalLimit, Window
from platforms.x import mapping, prices
from platforms.x.client import XApp, XConnector, XDialect
from platforms.x.errors import classify

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
ME = "2244994945"
NOT_FOUND = {
    "type": "https://api.x.com/2/problems/resource-not-found",
    "title": "Not Found Error",
    "detail": "no",
    "resource_type": "tweet",
}


@pytest.fixture
def account() -> Account:
    return Account(
        account_id=f"x:{ME}",
        client_id="harbor",
        network=Network.X,
        native_id=ME,
        handle="harbor",
        base_url="https://x.example",
    )


@pytest.fixture
def x(exchange, tokens, media):
    def build(handler, app=None):
        wire = exchange(handler)
        return XConnector(wire.transport(XDialect(app), tokens), media), wire

    return build


def ok(body, status=200, headers=None):
    return httpx.Response(status, json=body, headers=headers)


def post(native_id="1346889436626259968", **fields):
    return {"id": native_id, "text": "Hello", "created_at": "2026-05-30T10:00:00.000Z"} | fields


async def collect(connector, account, since=None):
    pages = [page async for page in connector.posts(account, since=since)]
    return [p for page in pages for p in page.posts], [m for page in pages for m in page.metrics]


async def test_profile_in_both_vocabularies(x, account):
    for name in ("post_count", "tweet_count"):
        counts = {"followers_count": "12", "following_count": 3, name: 45, "listed_count": 1}
        body = {"data": {"id": ME, "username": "harbor", "name": "Harbor & Oak", "public_metrics": counts}}
        connector, wire = x(lambda _, body=body: ok(body))
        snapshot = await connector.profile(account)
        assert (snapshot.followers, snapshot.following, snapshot.posts_count) == (12, 3, 45)
        assert snapshot.display_name == "Harbor & Oak"
        assert wire.requests[0].url.path == "/2/users/me"
        assert wire.requests[0].headers["authorization"] == "Bearer access-1"


async def test_a_200_without_data_is_the_refusal_that_it_names(x, account):
    connector, _ = x(lambda _: ok({"errors": [NOT_FOUND]}))
    with pytest.raises(NetworkError) as caught:
        await connector.profile(account)
    assert (caught.value.error_class, caught.value.code) == (ErrorClass.INVALID, "resource-not-found")
    connector, _ = x(lambda _: ok({}))
    with pytest.raises(NetworkError):
        await connector.profile(account)


async def test_counts_have_one_name_whatever_x_calls_them(x, account):
    new = {"like_count": 5, "reply_count": "2", "repost_count": 3, "quote_count": 1, "bookmark_count": 4}
    old = {"like_count": 6, "retweet_count": 7, "impression_count": None}
    data = [post("1346889436626259968", public_metrics=new), post("1346889436626259967", public_metrics=old)]
    connector, _ = x(lambda _: ok({"data": data}))
    _, metrics = await collect(connector, account)
    assert {(m.post_id[-1], m.metric): m.value for m in metrics} == {
        ("8", "likes"): 5,
        ("8", "comments"): 2,
        ("8", "shares"): 3,
        ("8", "quotes"): 1,
        ("8", "saves"): 4,
        ("7", "likes"): 6,
        ("7", "shares"): 7,
    }
    assert all(mapping.metric_value(m.source, m.metric, m.raw) == m.value for m in metrics)
    assert all(m.is_backfilled for m in metrics)


async def test_paging_goes_on_over_an_empty_page_and_ends_with_the_tokens(x, account):
    pages = {
        None: {"data": [post("1346889436626259968")], "meta": {"result_count": 1, "next_token": "a"}},
        "a": {"meta": {"result_count": 0, "next_token": "b"}},
        "b": {"data": [post("1346889436626259967"), post("1346889436626259968")], "meta": {"result_count": 2}},
    }
    connector, wire = x(lambda request: ok(pages[request.url.params.get("pagination_token")]))
    posts, _ = await collect(connector, account)
    assert [p.native_id for p in posts] == ["1346889436626259968", "1346889436626259967"]
    assert len(wire.requests) == 3


async def test_a_repeated_token_ends_the_walk(x, account):
    connector, wire = x(lambda _: ok({"data": [post()], "meta": {"next_token": "a"}}))
    assert len((await collect(connector, account))[0]) == 1
    assert len(wire.requests) == 2


async def test_only_what_is_asked_for_is_paid_for(x, account):
    connector, wire = x(lambda _: ok({"meta": {"result_count": 0}}))
    assert await collect(connector, account, since=NOW - timedelta(days=2)) == ([], [])
    params = wire.requests[0].url.params
    assert params["start_time"] == "2026-05-30T12:00:00Z"
    assert params["exclude"] == "retweets"


@pytest.mark.parametrize(
    ("keys", "items", "expected"),
    [
        ([], [], (ContentFormat.TEXT, 0)),
        (["3_1"], [{"media_key": "3_1", "type": "photo"}], (ContentFormat.IMAGE, 1)),
        (["3_1"], [], (ContentFormat.IMAGE, 1)),
        (["13_1"], [], (ContentFormat.VIDEO, 1)),
        (["7_1"], [{"media_key": "7_1", "type": "video"}], (ContentFormat.VIDEO, 1)),
        (["16_1"], [{"media_key": "16_1", "type": "animated_gif"}], (ContentFormat.IMAGE, 1)),
        (["3_1", "3_2"], [], (ContentFormat.CAROUSEL, 2)),
    ],
)
async def test_formats_and_what_is_kept_of_the_media(x, account, keys, items, expected):
    others = [{"media_key": "3_999", "type": "photo"}]
    attached = {"attachments": {"media_keys": keys}} if keys else {}
    connector, _ = x(lambda _: ok({"data": [post(**attached)], "includes": {"media": items + others}}))
    (found,), _ = await collect(connector, account)
    assert (found.content_format, found.media_count) == expected
    again = mapping.remapped_post(account, json.loads(found.raw), observed_at=found.observed_at)
    assert again == found
    assert "3_999" not in found.raw


async def test_polls_replies_reposts_and_long_texts(x, account):
    data = [
        post("1346889436626259961", attachments={"poll_ids": ["9"]}),
        post("1346889436626259962", referenced_tweets=[{"type": "replied_to", "id": "7"}]),
        post("1346889436626259963", referenced_posts=[{"type": "retweeted", "id": "7"}]),
        post("1346889436626259964", text="cut…", note_tweet={"text": "all of it &amp; more"}),
        post("1346889436626259965", text="a &lt; b", referenced_posts=[{"type": "quoted", "id": "7"}, "nonsense"]),
    ]
    connector, _ = x(lambda _: ok({"data": data}))
    posts, _ = await collect(connector, account)
    assert [(p.native_id[-1], p.content_format, p.is_reply, p.text) for p in posts] == [
        ("1", ContentFormat.POLL, False, "Hello"),
        ("2", ContentFormat.TEXT, True, "Hello"),
        ("4", ContentFormat.TEXT, False, "all of it & more"),
        ("5", ContentFormat.TEXT, False, "a < b"),
    ]
    assert posts[0].permalink == "https://x.com/i/status/1346889436626259961"


def test_an_id_tells_the_time():
    assert mapping.time_of_id("1276035977375477760") == datetime(2020, 6, 25, 6, 14, 19, 265000, tzinfo=UTC)
    assert mapping.time_of_id("20") is None
    assert mapping.time_of_id("nonsense") is None
    assert mapping.time_of_id(str(1 << 70)) is None


async def test_private_counts_of_young_posts_only(x, account, post_of):
    def handler(request):
        ids = request.url.params["ids"].split(",")
        private = {"impression_count": 900, "url_link_clicks": 8, "user_profile_clicks": 3}
        data = [
            post(i, public_metrics={"like_count": 1, "impression_count": 900}, non_public_metrics=private) for i in ids
        ]
        return ok({"data": data, "errors": [NOT_FOUND]})

    connector, wire = x(handler)
    young = post_of(account, "1346889436626259968")
    old = post_of(account, "1346889436626259960", published_at=NOW - timedelta(days=31))
    points = await connector.post_metrics(account, [young, old])
    assert wire.requests[0].url.params["ids"] == young.native_id
    assert {p.metric: p.value for p in points} == {"likes": 1, "impressions": 900, "clicks": 8, "profile_visits": 3}
    assert {p.source for p in points} == {"posts_lookup"}
    assert await connector.post_metrics(account, [old]) == ()
    assert len(wire.requests) == 1


async def test_lookups_take_a_hundred_at_a_time_and_leave_out_what_is_gone(x, account, post_of):
    def handler(request):
        ids = request.url.params["ids"].split(",")
        assert len(ids) <= 100
        data = [post(i, public_metrics={"like_count": 1}) for i in ids if i != "1346889436626259001"]
        return ok({"data": data} if data else {"errors": [NOT_FOUND]})

    connector, wire = x(handler)
    posts = [post_of(account, str(1346889436626259000 + i)) for i in range(150)]
    assert len(await connector.post_metrics(account, posts)) == 149
    assert len(wire.requests) == 2
    assert await connector.post_metrics(account, posts[1:2]) == ()


async def test_a_refused_field_leaves_the_others(x, account, post_of):
    def handler(request):
        if "non_public_metrics" in request.url.params["post.fields"]:
            return ok({"type": "https://api.x.com/2/problems/not-authorized-for-field", "field": "x"}, 403)
        return ok({"data": [post(public_metrics={"like_count": 4})]})

    connector, _ = x(handler)
    points = await connector.post_metrics(account, [post_of(account, "1346889436626259968")])
    assert {p.metric: p.value for p in points} == {"likes": 4}


async def test_x_has_no_past_days_of_accounts(x, account):
    connector, wire = x(lambda _: ok({}))
    assert not connector.capabilities.has_account_metrics
    assert await connector.account_metrics(account, start=date(2026, 5, 1), end=date(2026, 5, 3)) == ()
    assert wire.requests == []


def reply(native_id, parent, author="55", **fields):
    references = [{"type": "replied_to", "id": parent}]
    return post(native_id, author_id=author, conversation_id="100", referenced_posts=references, **fields)


async def test_comments_name_whom_they_answer_and_who_wrote_them(x, account, post_of):
    pages = {
        None: {
            "data": [reply("103", "102", ME), reply("102", "100", public_metrics={"like_count": 2}), post("100")],
            "includes": {"users": [{"id": "55", "username": "ana"}, {"id": ME, "username": "harbor"}]},
            "meta": {"next_token": "n"},
        },
        "n": {"data": [reply("101", "100", "66"), {"text": "no id"}], "meta": {}},
    }
    connector, wire = x(lambda request: ok(pages[request.url.params.get("next_token")]))
    found = [c async for page in connector.comments(account, post_of(account, "100")) for c in page]
    assert [(c.native_id, c.parent_comment_id, c.author_handle, c.likes, c.is_own) for c in found] == [
        ("103", "x:102", "harbor", None, True),
        ("102", None, "ana", 2, False),
        ("101", None, None, None, False),
    ]
    assert wire.requests[0].url.params["query"] == "conversation_id:100"


async def test_below_a_later_post_of_a_thread_only_what_answers_it(x, account, post_of):
    data = [
        reply("107", "106"),
        reply("106", "102"),
        reply("105", "101"),
        reply("104", "102"),
        reply("103", "100"),
        reply("102", "101", ME),
        reply("101", "100", ME),
        reply("109", "108"),
        reply("108", "109"),
    ]
    connector, _ = x(lambda _: ok({"data": data}))
    later = post_of(account, "102", raw=json.dumps({"conversation_id": "100"}))
    found = [c async for page in connector.comments(account, later) for c in page]
    assert [(c.native_id, c.parent_comment_id) for c in found] == [("107", "x:106"), ("106", None), ("104", None)]


async def test_a_spent_window_holds_back_the_next_call_until_its_reset(x, account):
    reset = int(datetime.now(UTC).timestamp()) + 700
    headers = {"x-rate-limit-limit": "75", "x-rate-limit-remaining": "0", "x-rate-limit-reset": str(reset)}
    connector, wire = x(lambda _: ok({"data": {"id": ME}}, headers=headers))
    await connector.profile(account)
    with pytest.raises(NetworkError) as caught:
        await connector.profile(account)
    assert caught.value.error_class is ErrorClass.RATE
    assert abs(caught.value.retry_at.timestamp() - reset) < 5
    assert len(wire.requests) == 1


async def test_a_used_up_quota_stops_the_app_and_not_one_endpoint(x, account):
    body = {"type": "https://api.twitter.com/2/problems/usage-capped", "title": "UsageCapExceeded", "detail": "no"}
    connector, wire = x(lambda _: ok(body, 429))
    with pytest.raises(NetworkError) as caught:
        await connector.profile(account)
    assert caught.value.retry_at - datetime.now(UTC) > timedelta(hours=23)
    with pytest.raises(NetworkError):
        await collect(connector, account)
    assert len(wire.requests) == 1


async def test_an_expired_token_is_renewed_once_and_saved_before_it_is_used(x, account, tokens):
    tokens.token = Token(access_token="old", refresh_token="refresh-1", version=3)

    def handler(request):
        if request.url.path == "/2/oauth2/token":
            form = dict(pair.split("=") for pair in request.content.decode().split("&"))
            assert form == {"grant_type": "refresh_token", "refresh_token": "refresh-1", "client_id": "app"}
            assert request.headers["authorization"] == "Basic YXBwOnNlY3JldA=="
            return ok({"access_token": "new", "refresh_token": "refresh-2", "expires_in": 7200})
        if request.headers["authorization"] == "Bearer old":
            return ok({"title": "Unauthorized", "type": "about:blank", "status": 401, "detail": "Unauthorized"}, 401)
        assert tokens.saves[-1].access_token == "new"
        return ok({"data": {"id": ME}})

    connector, wire = x(handler, XApp("app", SecretStr("secret")))
    await connector.profile(account)
    await connector.profile(account)
    assert [t.refresh_token for t in tokens.saves] == ["refresh-2"]
    assert [r.url.path for r in wire.requests].count("/2/oauth2/token") == 1


async def test_a_spent_refresh_token_asks_for_a_person(x, account):
    body = {"error": "invalid_request", "error_description": "Value passed for the token was invalid."}
    connector, _ = x(lambda _: ok(body, 400), XApp("app"))
    with pytest.raises(NetworkError) as caught:
        await connector.refresh_token(account)
    assert (caught.value.error_class, caught.value.code) == (ErrorClass.AUTH, "invalid_request")
    connector, wire = x(lambda _: ok({}, 401))
    with pytest.raises(NetworkError) as caught:
        await connector.profile(account)
    assert caught.value.error_class is ErrorClass.AUTH
    assert len(wire.requests) == 1


A, S, R, V, T, D = (ErrorClass[n] for n in ("AUTH", "SCOPE", "RATE", "INVALID", "TRANSIENT", "DUPLICATE"))
REFUSALS = [
    (401, {"title": "Unauthorized", "type": "about:blank", "status": 401}, A, "about:blank"),
    (403, {"type": "https://api.twitter.com/2/problems/client-forbidden"}, S, "client-forbidden"),
    (403, {"type": "https://api.x.com/2/problems/not-authorized-for-resource"}, S, "not-authorized-for-resource"),
    (403, {"type": "https://api.x.com/2/problems/disallowed-resource"}, V, "disallowed-resource"),
    (403, {"type": "about:blank", "detail": "Forbidden"}, S, "about:blank"),
    (
        403,
        {"type": "about:blank", "detail": "You are not allowed to create a Tweet with duplicate content."},
        D,
        "duplicate-content",
    ),
    (
        400,
        {"type": "https://api.x.com/2/problems/invalid-request", "detail": "duplicate content"},
        V,
        "invalid-request",
    ),
    (
        400,
        {"errors": [{"message": "bad"}], "type": "https://api.x.com/2/problems/invalid-request"},
        V,
        "invalid-request",
    ),
    (429, {"errors": [{"code": 88, "message": "Rate limit exceeded"}]}, R, "88"),
    (429, {"title": "Too Many Requests", "type": "about:blank", "status": 429}, R, "about:blank"),
    (429, {"type": "https://api.twitter.com/2/problems/usage-capped"}, R, "usage-capped"),
    (402, {"title": "CreditsDepleted"}, R, "402"),
    (403, {"errors": [{"code": 187, "message": "Status is a duplicate."}]}, D, "187"),
    (401, {"errors": [{"code": "89", "message": "expired"}]}, A, "89"),
    (404, {"errors": [NOT_FOUND]}, V, "resource-not-found"),
    (404, {}, V, "404"),
    (500, {"type": "https://api.x.com/2/problems/internal-error"}, T, "internal-error"),
    (503, None, T, "503"),
    (503, {"type": "about:blank"}, T, "about:blank"),
    (400, {"error": "invalid_grant"}, A, "invalid_grant"),
    (500, {"error": "server_error"}, T, "server_error"),
    (400, [], V, "400"),
    (400, {"errors": [[]]}, V, "400"),
    (418, {"errors": {"code": {}}}, V, "418"),
]


@pytest.mark.parametrize(("status", "body", "expected", "code"), REFUSALS)
def test_every_refusal_in_its_class(status, body, expected, code):
    refusal = classify(status, body)
    assert (refusal.error_class, refusal.code) == (expected, code)


def call(operation, *, text=None, **params):
    body = None if text is None else {"text": text}
    return Call(CallKind.READ, operation, "GET", "/", params=tuple(params.items()), json=body)


def test_prices():
    assert prices.price_of(call("create_post", text="Open today. Come in")) == Decimal("0.015")
    assert prices.price_of(call("create_post", text="See https://example.org")) == Decimal("0.20")
    assert prices.price_of(call("create_post", text="See example.org")) == Decimal("0.20")
    assert prices.price_of(call("send_message")) == Decimal("0.015")
    assert prices.price_of(call("own_posts", max_results="100")) == Decimal("0.500")
    assert prices.price_of(call("posts_lookup", ids="1,2,3")) == Decimal("0.015")
    assert prices.price_of(call("media_append")) == 0
    assert prices.spent_on(call("own_posts", max_results="100"), {"data": [{}, {}]}) == Decimal("0.010")
    assert prices.spent_on(call("own_posts", max_results="100"), {"meta": {}}) == 0
    assert prices.price_of_posts(["one", "two: https://a.example"]) == Decimal("0.215")


def test_a_client_with_a_budget_pays_and_the_app_counts_its_posts(account):
    create = call("create_post", text="See example.org")
    read = call("own_posts", max_results="20")
    limits = XDialect(budget_of={"harbor": Decimal("1.50")}.get).local_limits
    assert limits(account, create) == (
        LocalLimit("x:app:posts", 10_000, Window.UTC_DAY),
        LocalLimit("x:money:harbor", 1500, Window.MONTH, units=200),
    )
    assert limits(account, read) == (LocalLimit("x:money:harbor", 1500, Window.MONTH, units=100),)
    assert limits(account, call("media_append")) == ()
    assert XDialect().local_limits(account, read) == ()


async def test_what_the_connector_reads_has_a_price(x, account, post_of):
    """The operations that answer posts are those that the table of prices knows."""
    connector, wire = x(lambda _: ok({"data": [post()]}))
    await collect(connector, account)
    await connector.post_metrics(account, [post_of(account, "1346889436626259968")])
    _ = [c async for c in connector.comments(account, post_of(account, "1346889436626259968"))]
    assert {line["operation"] for line in wire.journal} == prices.READ_OPERATIONS


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = [
    *(
        "id",
        "text",
        "created_at",
        "attachments",
        "media_keys",
        "referenced_posts",
        "referenced_tweets",
        "entities",
        "urls",
    ),
    *("public_metrics", "non_public_metrics", "like_count", "note_post", "includes", "media", "author_id", "type"),
]
SOMETHING = JSON | st.just("2026-05-30T10:00:00.000Z") | st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4)


@given(st.dictionaries(st.sampled_from(FIELDS), SOMETHING, max_size=8))
def test_no_payload_breaks_the_mapping(raw):
    owner = Account(account_id="x:1", client_id="c", network=Network.X, native_id="1", handle="h", base_url="")
    found = mapping.remapped_post(owner, raw, observed_at=NOW)
    assert (found is None) <= (mapping.remapped_metrics(owner, raw, observed_at=NOW) == ())
    if found is not None:
        assert mapping.remapped_post(owner, json.loads(found.raw), observed_at=NOW) is not None
        mapping.comment_from(owner, found, raw, {}, observed_at=NOW)
        mapping.below(found, [raw])
