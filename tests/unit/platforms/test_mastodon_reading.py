"""Reading Mastodon: paging by `Link`, counts that may be missing, words out of HTML, limits, and refusals by status alone."""

import html
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat, Network
from contracts.records import Account
from platforms._http import Call, CallKind
from platforms.mastodon import mapping, texts
from platforms.mastodon.client import CAPABILITIES, MastodonConnector, MastodonDialect
from platforms.mastodon.errors import classify
from platforms.mastodon.models import Instance
from platforms.mastodon.wire import following_max_id

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
ME = "117020565966271181"
ACCOUNT = Account(
    account_id=f"mastodon:{ME}",
    client_id="harbor",
    network=Network.MASTODON,
    native_id=ME,
    handle="harbor@mastodon.example",
    base_url="https://mastodon.example",
)


@pytest.fixture
def connect(exchange, tokens, media):
    def build(handler):
        wire = exchange(handler)
        return MastodonConnector(wire.transport(MastodonDialect(), tokens), media), wire

    return build


def status(name: str, *, days: float = 1, **more) -> dict:
    return {
        "id": name,
        "created_at": (NOW - timedelta(days=days)).isoformat().replace("+00:00", "Z"),
        "url": f"https://mastodon.example/@harbor/{name}",
        "content": f"<p>post {name}</p>",
        "account": {"id": ME, "acct": "harbor"},
        "favourites_count": 3,
        "replies_count": "2",
        "reblogs_count": 1,
        "reblog": None,
    } | more


async def all_posts(connector, since=None):
    return [post async for page in connector.posts(ACCOUNT, since=since) for post in page.posts]


# --- the instance's own terms ------------------------------------------------------------------------------------------------


async def test_the_limits_of_an_instance_are_kept_in_its_own_words(connect):
    limits = {"statuses": {"max_characters": 5000}, "media_attachments": {"image_matrix_limit": 9}, "polls": {}}
    body = {"version": "4.6.4", "configuration": limits | {"vapid": {"public_key": "long"}}}
    connector, wire = connect(lambda _: httpx.Response(200, json=body))
    found = await connector.terms(ACCOUNT)
    assert (found.account_id, found.configuration, found.read_at) == (ACCOUNT.account_id, limits, NOW)
    assert wire.requests[0].url.path == "/api/v2/instance"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"version": "2.7.2", "max_toot_chars": 3000}, {"statuses": {"max_characters": 3000}}),
        ({"version": "2.7.2"}, {}),
        ({"version": "2.7.2", "configuration": "none"}, {}),
    ],
)
async def test_an_older_server_says_what_it_can(connect, body, expected):
    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(404, text="<p>no</p>") if "/v2/" in request.url.path else httpx.Response(200, json=body)

    connector, _ = connect(handler)
    assert (await connector.terms(ACCOUNT)).configuration == expected


# --- profile -----------------------------------------------------------------------------------------------------------


async def test_a_profile_keeps_the_handle_with_its_domain_and_nothing_private(connect):
    body = {
        "id": ME,
        "acct": "harbor",
        "display_name": "Harbor ⚓",
        "followers_count": "1204",
        "following_count": 7,
        "statuses_count": 88,
        "source": {"note": "private draft"},
        "role": {"permissions": "1"},
    }
    connector, wire = connect(lambda _: httpx.Response(200, json=body))
    found = await connector.profile(ACCOUNT)
    assert (found.followers, found.following, found.posts_count) == (1204, 7, 88)
    assert (found.handle, found.display_name, found.native_id) == ("harbor@mastodon.example", "Harbor ⚓", ME)
    assert {"source", "role"}.isdisjoint(json.loads(found.raw))
    assert wire.requests[0].headers["authorization"] == "Bearer access-1"
    renamed = httpx.Response(200, json=body | {"acct": "quay"})
    connector, _ = connect(lambda _: renamed)
    assert (await connector.profile(ACCOUNT)).handle == "quay"


async def test_counts_that_are_missing_are_unknown(connect):
    connector, _ = connect(lambda _: httpx.Response(200, json={"id": ME}))
    found = await connector.profile(ACCOUNT)
    assert (found.followers, found.posts_count, found.display_name) == (None, None, None)


# --- posts and paging --------------------------------------------------------------------------------------------------


async def test_pages_follow_the_link_header_over_an_empty_page_to_the_end(connect):
    base = "http://internal:3000/api/v1/accounts/1/statuses"
    pages = {
        None: (
            [status("9"), status("8", reblog={"id": "1"})],
            f'<{base}?max_id=8>; rel="next", <{base}?min_id=9>; rel="prev"',
        ),
        "8": ([], f'<{base}?limit=40&max_id=5>; rel="next"'),
        "5": ([status("4", days=9), status("3", days=10)], f'<{base}?min_id=4>; rel="prev"'),
    }

    def handler(request: httpx.Request) -> httpx.Response:
        assert request.url.path == f"/api/v1/accounts/{ME}/statuses"
        assert request.url.params["exclude_reblogs"] == "true"
        items, link = pages[request.url.params.get("max_id")]
        return httpx.Response(200, json=items, headers={"link": link})

    connector, wire = connect(handler)
    assert [p.native_id for p in await all_posts(connector)] == ["9", "4", "3"]
    assert [p.native_id for p in await all_posts(connector, since=NOW - timedelta(days=2))] == ["9"]
    assert len(wire.requests) == 6


async def test_a_server_without_links_is_asked_on_from_the_last_item_until_it_repeats_itself(connect):
    pages = {None: ["9", "8"], "8": ["7"], "7": ["7"]}
    connector, wire = connect(
        lambda request: httpx.Response(200, json=[status(n) for n in pages[request.url.params.get("max_id")]])
    )
    assert [p.native_id for p in await all_posts(connector)] == ["9", "8", "7"]
    assert len(wire.requests) == 3


def test_links_are_read_whatever_their_order():
    link = '<https://a/x?min_id=5>; rel="prev", <https://a/x?limit=2&max_id=117020593741189701>; foo="a"; rel="next"'
    assert following_max_id({"link": link}, []) == "117020593741189701"
    assert following_max_id({"link": '<https://a/x?min_id=5>; rel="prev"'}, [{"id": "5"}]) is None
    assert following_max_id({"link": '<https://a/x?page=2>; rel="next"'}, []) is None
    assert following_max_id({}, []) is None


async def test_an_account_without_posts(connect):
    connector, _ = connect(lambda _: httpx.Response(200, json=[]))
    assert await all_posts(connector) == []


async def test_an_answer_that_is_no_listing_is_no_empty_one(connect):
    connector, _ = connect(lambda _: httpx.Response(200, json={"error": "?"}))
    with pytest.raises(NetworkError) as caught:
        await all_posts(connector)
    assert caught.value.error_class is ErrorClass.INVALID


@pytest.mark.parametrize(
    ("more", "content_format", "count"),
    [
        ({}, ContentFormat.TEXT, 0),
        ({"card": {"url": "https://x"}}, ContentFormat.LINK, 0),
        ({"poll": {"id": "2"}}, ContentFormat.POLL, 0),
        ({"media_attachments": [{"id": "1", "type": "image"}]}, ContentFormat.IMAGE, 1),
        ({"media_attachments": [{"id": "1", "type": "gifv"}], "card": {}}, ContentFormat.VIDEO, 1),
        ({"media_attachments": [{"id": "1", "type": "image"}] * 3}, ContentFormat.CAROUSEL, 3),
        ({"media_attachments": [{"id": None}, "x", {"id": 1, "type": "new"}]}, ContentFormat.IMAGE, 1),
    ],
)
def test_forms_of_posts(more, content_format, count):
    post = mapping.post_from(ACCOUNT, status("1", **more), observed_at=NOW)
    assert (post.content_format, post.media_count) == (content_format, count)


def test_a_post_and_its_counts_survive_being_kept():
    raw = status("117020569296803689", days=0.5, quotes_count=4, in_reply_to_id="5", favourited=True)
    post = mapping.post_from(ACCOUNT, raw, observed_at=NOW)
    points = mapping.metrics_from(ACCOUNT, raw, observed_at=NOW, source=mapping.LISTED)
    assert {p.metric: p.value for p in points} == {"likes": 3, "comments": 2, "shares": 1, "quotes": 4}
    assert set(CAPABILITIES.post_metrics) == {p.metric for p in points}
    assert (post.post_id, post.is_reply) == ("mastodon:117020569296803689", True)
    assert not points[0].is_backfilled
    kept = json.loads(post.raw)
    assert {"account", "favourited"}.isdisjoint(kept)
    assert mapping.remapped_post(ACCOUNT, kept, observed_at=NOW) == post
    assert mapping.remapped_metrics(ACCOUNT, kept, observed_at=NOW) == points
    assert [mapping.metric_value(p.source, p.metric, p.raw) for p in points] == [p.value for p in points]
    assert mapping.metric_value("statuses", "quotes", '{"favourites_count": 3}') is None


def test_a_count_that_the_server_does_not_send_has_no_row():
    raw = status("1", days=3, replies_count=None, reblogs_count="many")
    points = mapping.metrics_from(ACCOUNT, raw, observed_at=NOW, source=mapping.LISTED)
    assert [(p.metric, p.value, p.is_backfilled) for p in points] == [("likes", 3, True)]


async def test_counts_of_single_posts_leave_out_what_is_gone(connect, post_of):
    def handler(request: httpx.Request) -> httpx.Response:
        name = request.url.path.rpartition("/")[2]
        return httpx.Response(200, json=status(name)) if name == "1" else httpx.Response(404, html="<h1>Not Found</h1>")

    connector, _ = connect(handler)
    points = await connector.post_metrics(ACCOUNT, [post_of(ACCOUNT, "1"), post_of(ACCOUNT, "2")])
    assert {(p.post_id, p.metric, p.source) for p in points} == {
        ("mastodon:1", name, "status") for name in ("likes", "comments", "shares")
    }


async def test_there_are_no_past_days(connect):
    connector, wire = connect(lambda _: httpx.Response(500))
    assert await connector.account_metrics(ACCOUNT, start=NOW.date(), end=NOW.date()) == ()
    assert not wire.requests


# --- comments ----------------------------------------------------------------------------------------------------------


async def test_answers_name_what_they_answer(connect, post_of):
    descendants = [
        status("11", in_reply_to_id="1", account={"id": 5, "acct": "ana@far.example"}, favourites_count=2),
        status("12", in_reply_to_id="11"),
        "nonsense",
        {"id": "13"},
    ]
    connector, _ = connect(lambda _: httpx.Response(200, json={"ancestors": [], "descendants": descendants}))
    (found,) = [page async for page in connector.comments(ACCOUNT, post_of(ACCOUNT, "1"))]
    assert [(c.native_id, c.parent_comment_id, c.is_own) for c in found] == [
        ("11", None, False),
        ("12", "mastodon:11", True),
    ]
    assert (found[0].author_native_id, found[0].author_handle, found[0].likes) == ("5", "ana@far.example", 2)
    assert found[0].text == "post 11"


@pytest.mark.parametrize(
    "answer", [httpx.Response(404, html="<h1>404</h1>"), httpx.Response(200, json={"ancestors": []})]
)
async def test_a_post_that_is_gone_or_unanswered_has_no_comments(connect, post_of, answer):
    connector, _ = connect(lambda _: answer)
    assert [page async for page in connector.comments(ACCOUNT, post_of(ACCOUNT, "1"))] == []


# --- words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ("<p>it&#39;s cool guy</p>", "it's cool guy"),
        ("<p>one<br />two</p><p>three</p>", "one\ntwo\n\nthree"),
        ("wire hello<br>", "wire hello"),
        (
            '<p class="quote-inline">RE: <a href="https://x">x</a></p><p><a href="u">@<span>ana</span></a> look &amp; see</p>',
            "@ana look & see",
        ),
        (
            '<p><a href="u"><span class="invisible">https://www.</span><span>x.exa</span><span class="invisible">mple/a</span></a></p>',
            "https://www.x.example/a",
        ),
        ("", ""),
    ],
)
def test_html_to_words(shown, words):
    assert texts.plain(shown) == words


@given(st.text(alphabet='ab é&;<>/p"\n\r\t\u00a0'))
def test_a_single_paragraph_reads_the_same_with_and_without_a_parser(inside):
    assert texts.plain(f"<p>{inside}</p>") == texts.plain(f'<p dir="auto">{inside}</p>')


@pytest.mark.parametrize(
    ("left", "right", "is_same"),
    [
        ("Hi @ana@far.example!", "hi  @ana!", True),
        ("a\r\nb", "a b", True),
        ("mail me: a@b.example", "mail me: a", False),
        ("Open today", "Open today!", False),
    ],
)
def test_when_two_texts_are_the_same(left, right, is_same):
    assert texts.is_same(left, right) is is_same


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("x" * 10, 10),
        ("👩‍👩‍👧‍👦é", 2),
        ("https://example.com/" + "y" * 100, 23),
        ("See http://a.example/b.", 4 + 23 + 1),
        ("@ana@a.very.long.domain.example hi", 7),
    ],
)
def test_length_as_the_server_counts(text, size):
    assert texts.length(text, characters_per_url=23) == size


def test_a_link_is_as_long_as_it_is_where_the_server_names_no_number():
    assert texts.length("http://a.example", characters_per_url=None) == 16


# --- refusals and limits -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "error_class"),
    [
        (401, ErrorClass.AUTH),
        (403, ErrorClass.SCOPE),
        (404, ErrorClass.INVALID),
        (410, ErrorClass.INVALID),
        (422, ErrorClass.INVALID),
        (429, ErrorClass.RATE),
        (500, ErrorClass.TRANSIENT),
        (503, ErrorClass.TRANSIENT),
    ],
)
def test_classes_follow_from_the_status_whatever_is_said(code, error_class):
    for body in ({"error": "Thrashing: このアクセストークンは無効です"}, None, {"error": 5}, []):
        assert classify(code, body).error_class is error_class
        assert classify(code, body).code == str(code)
    assert classify(422, {"error": "Die Umfrage ist zu Ende"}).message == "Die Umfrage ist zu Ende"


async def test_a_used_up_limit_waits_for_a_reset_in_words_and_holds_back_only_its_kind(connect):
    reset = (datetime.now(UTC) + timedelta(minutes=20)).isoformat().replace("+00:00", "Z")
    headers = {"x-ratelimit-limit": "30", "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset}

    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE":
            return httpx.Response(429, json={"error": "Zu viele Anfragen"}, headers=headers)
        return httpx.Response(200, json={"id": ME})

    connector, wire = connect(handler)
    for code in ("429", "budget"):
        with pytest.raises(NetworkError) as caught:
            await connector.delete(ACCOUNT, "1")
        assert (caught.value.error_class, caught.value.code) == (ErrorClass.RATE, code)
        assert timedelta(minutes=19) < caught.value.retry_at - datetime.now(UTC) <= timedelta(minutes=20)
    assert len(wire.requests) == 1
    await connector.profile(ACCOUNT)


@pytest.mark.parametrize(
    ("operation", "key"),
    [("upload", "media:mastodon:1"), ("publish", "statuses:mastodon:1"), ("status", "account:mastodon:1")],
)
def test_limits_by_kind_of_call(operation, key):
    account = ACCOUNT.model_copy(update={"account_id": "mastodon:1"})
    call = Call(CallKind.STAGE, operation, "POST", "/x")
    headers = {
        "x-ratelimit-limit": "300",
        "x-ratelimit-remaining": "75",
        "x-ratelimit-reset": "2026-08-01T15:00:00.210523Z",
        "date": "Sat, 01 Aug 2026 14:59:00 GMT",
    }
    (usage,) = MastodonDialect().usage(account, call, headers)
    assert (usage.key, usage.used_ratio) == (key, 0.75)
    assert usage.resets_in_seconds == pytest.approx(60.21, abs=0.01)
    assert MastodonDialect().usage(account, call, {}) == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = [
    "id",
    "created_at",
    "content",
    "text",
    "account",
    "reblog",
    "poll",
    "card",
    "media_attachments",
    "favourites_count",
    "in_reply_to_id",
    "configuration",
    "version",
]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(st.sampled_from(FIELDS), JSON | st.just("2026-05-30T10:00:00Z") | st.just("<p>a<br"), max_size=9)
)
def test_no_payload_breaks_the_mapping(raw):
    post = mapping.post_from(ACCOUNT, raw, observed_at=NOW)
    assert (post is None) <= (mapping.remapped_metrics(ACCOUNT, raw, observed_at=NOW) == ())
    Instance.model_validate(raw)
    if post is not None:
        list(mapping.comments_from(ACCOUNT, post, [raw], observed_at=NOW))
        post.raw.encode()


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=60))
def test_what_is_written_is_the_same_when_it_is_shown(text):
    shown = "<p>" + html.escape(text).replace("\n", "<br />") + "</p>"
    assert texts.is_same(texts.plain(shown), text)
