"""Reading Bluesky: recorded answers, paging, and payloads that are not what they should be."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat, Network
from contracts.records import Account
from platforms.bluesky import mapping
from platforms.bluesky.client import BlueskyDialect, expiry_of
from platforms.bluesky.models import PostView, ThreadNode

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
DID = "did:plc:o6y7sm2tpblnupwrfuh7anys"
FAN = "did:plc:5resv5ygelq52isdgajz73xp"
POST = f"at://{DID}/app.bsky.feed.post/3n2vnll52qoia"


def view(i: int, *, did: str = DID, at: datetime = NOW, **changes) -> dict:
    record = {"$type": "app.bsky.feed.post", "text": f"post {i}", "createdAt": at.isoformat()}
    uri = f"at://{did}/app.bsky.feed.post/3n2vnll52q{i:03d}"
    return {
        "uri": uri,
        "cid": f"cid{i}",
        "author": {"did": did, "handle": "h"},
        "record": record,
        "likeCount": i,
    } | changes


async def collect(connector, account, since=None):
    pages = [page async for page in connector.posts(account, since=since)]
    return [p for page in pages for p in page.posts], [m for page in pages for m in page.metrics]


async def test_recorded_profile(bluesky, bluesky_account, recorded):
    connector, wire = bluesky(lambda _: recorded("bluesky", "getProfile_followers"))
    snapshot = await connector.profile(bluesky_account)
    assert (snapshot.followers, snapshot.following, snapshot.posts_count) == (1, 0, 3)
    assert (snapshot.native_id, snapshot.handle) == (DID, "rec51677.test")
    assert wire.requests[0].url.params["actor"] == DID
    assert "viewer" not in json.loads(snapshot.raw)


async def test_recorded_listing_with_counts(bluesky, bluesky_account, recorded):
    pages = [recorded("bluesky", "getAuthorFeed_p1"), httpx.Response(200, json={"feed": []})]
    connector, wire = bluesky(lambda _: pages.pop(0))
    posts, metrics = await collect(connector, bluesky_account)
    picture, text = posts
    assert (picture.content_format, picture.media_count) == (ContentFormat.IMAGE, 1)
    assert (text.content_format, text.media_count, text.is_reply) == (ContentFormat.TEXT, 0, False)
    assert text.text == "hello from the record run #launch https://example.test"
    assert text.post_id == f"bluesky:{POST}"
    assert text.permalink == f"https://bsky.app/profile/{DID}/post/3n2vnll52qoia"
    assert text.published_at == datetime(2026, 11, 22, 12, 47, 58, tzinfo=UTC)
    assert {m.metric: m.value for m in metrics if m.post_id == text.post_id} == {
        "likes": 1,
        "comments": 1,
        "shares": 1,
        "quotes": 0,
        "saves": 0,
    }
    assert {m.source for m in metrics} == {"getAuthorFeed"}
    assert wire.requests[1].url.params["cursor"].startswith("1795351678000__")


async def test_recorded_post_metrics(bluesky, bluesky_account, recorded, post_of):
    connector, wire = bluesky(lambda _: recorded("bluesky", "getPosts_metrics"))
    points = await connector.post_metrics(bluesky_account, [post_of(bluesky_account, POST)])
    assert {p.metric: p.value for p in points}["comments"] == 1
    assert wire.requests[0].url.params.get_list("uris") == [POST]


async def test_metrics_of_many_posts_are_read_twentyfive_at_a_time(bluesky, bluesky_account, post_of):
    def handler(request: httpx.Request) -> httpx.Response:
        uris = request.url.params.get_list("uris")
        assert len(uris) <= 25
        return httpx.Response(200, json={"posts": [view(1) | {"uri": uri} for uri in uris]})

    connector, wire = bluesky(handler)
    posts = [post_of(bluesky_account, f"at://{DID}/app.bsky.feed.post/{i}") for i in range(60)]
    points = await connector.post_metrics(bluesky_account, posts)
    assert len({p.post_id for p in points}) == 60
    assert len(wire.requests) == 3


async def test_recorded_comments(bluesky, bluesky_account, recorded, post_of):
    connector, _ = bluesky(lambda _: recorded("bluesky", "getPostThread_comments"))
    (page,) = [p async for p in connector.comments(bluesky_account, post_of(bluesky_account, POST))]
    (comment,) = page
    assert (comment.text, comment.author_native_id, comment.is_own) == ("love it, when back in stock?", FAN, False)
    assert (comment.parent_comment_id, comment.likes) == (None, 0)


def test_nested_replies_name_the_reply_they_answer_even_below_hidden_ones(bluesky_account, post_of):
    blocked = {"$type": "app.bsky.feed.defs#blockedPost", "uri": "x", "blocked": True}
    tree = {
        "post": view(0),
        "replies": [
            {"post": view(1, did=FAN), "replies": [{"post": view(2), "replies": [{"post": view(3, did=FAN)}]}]},
            blocked,
            {"post": {"uri": "at://x/y/z"}, "replies": [{"post": view(4, did=FAN)}]},
            "nonsense",
        ],
    }
    post = post_of(bluesky_account, POST)
    found = list(mapping.comments_from(bluesky_account, post, ThreadNode.model_validate(tree), observed_at=NOW))
    assert [(c.text, c.is_own) for c in found] == [
        ("post 1", False),
        ("post 2", True),
        ("post 3", False),
        ("post 4", False),
    ]
    assert [c.parent_comment_id for c in found] == [None, found[0].comment_id, found[1].comment_id, None]


def test_a_very_deep_thread_is_walked(bluesky_account, post_of):
    node: dict = {"post": view(999, did=FAN), "replies": []}
    for i in range(300):
        node = {"post": view(i, did=FAN), "replies": [node]}
    thread = ThreadNode(replies=(node,))
    found = list(mapping.comments_from(bluesky_account, post_of(bluesky_account, POST), thread, observed_at=NOW))
    assert len(found) == 301


@pytest.mark.parametrize("error", ["NotFound", "RecordNotFound"])
async def test_comments_of_a_deleted_post_are_none(bluesky, bluesky_account, post_of, error):
    connector, _ = bluesky(lambda _: httpx.Response(400, json={"error": error, "message": "Post not found"}))
    assert [p async for p in connector.comments(bluesky_account, post_of(bluesky_account, POST))] == []


async def test_reposts_strangers_and_repeated_items_are_no_own_posts(bluesky, bluesky_account):
    feed = [
        {"post": view(1)},
        {"post": view(2), "reason": {"$type": "app.bsky.feed.defs#reasonRepost"}},
        {"post": view(3, did=FAN)},
        {"post": view(1)},
        {"post": None},
        "nonsense",
        {},
    ]
    connector, _ = bluesky(lambda _: httpx.Response(200, json={"feed": feed}))
    posts, metrics = await collect(connector, bluesky_account)
    assert [p.text for p in posts] == ["post 1"]
    assert len(metrics) == 1


async def test_paging_goes_on_over_an_empty_page_and_ends_when_a_cursor_repeats(bluesky, bluesky_account):
    pages = {
        None: {"feed": [{"post": view(1)}], "cursor": "a"},
        "a": {"feed": [], "cursor": "b"},
        "b": {"feed": [{"post": view(2)}], "cursor": "b"},
    }
    connector, wire = bluesky(lambda r: httpx.Response(200, json=pages[r.url.params.get("cursor")]))
    posts, _ = await collect(connector, bluesky_account)
    assert [p.text for p in posts] == ["post 1", "post 2"]
    assert len(wire.requests) == 3


async def test_listing_stops_after_the_first_page_that_is_all_too_old(bluesky, bluesky_account):
    def handler(request: httpx.Request) -> httpx.Response:
        page = int(request.url.params.get("cursor", "0"))
        feed = [{"post": view(page * 10 + i, at=NOW - timedelta(days=page * 10 + i))} for i in range(10)]
        return httpx.Response(200, json={"feed": feed, "cursor": str(page + 1)})

    connector, wire = bluesky(handler)
    posts, metrics = await collect(connector, bluesky_account, since=NOW - timedelta(days=14))
    assert [p.text for p in posts] == [f"post {i}" for i in range(15)]
    assert len(metrics) == 15
    assert len(wire.requests) == 3


async def test_a_server_without_an_app_view_lists_its_repository(bluesky, bluesky_account):
    record = {"uri": POST, "cid": "c", "value": {"text": "hi", "createdAt": "2026-05-01T00:00:00Z"}}

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("listRecords"):
            return httpx.Response(
                200,
                json={"records": [record], "cursor": "3n2vnll52qoia"}
                if "cursor" not in request.url.params
                else {"records": []},
            )
        return httpx.Response(200, json={"handle": "h.test", "did": DID, "didDoc": {}})

    connector, _ = bluesky(handler, has_app_view=False)
    posts, metrics = await collect(connector, bluesky_account)
    assert ([p.text for p in posts], metrics) == (["hi"], [])
    snapshot = await connector.profile(bluesky_account)
    assert (snapshot.handle, snapshot.followers) == ("h.test", None)


@pytest.mark.parametrize(
    ("embed", "expected"),
    [
        (None, (ContentFormat.TEXT, 0)),
        ({"$type": "app.bsky.embed.images", "images": [{}, {}]}, (ContentFormat.CAROUSEL, 2)),
        ({"$type": "app.bsky.embed.images"}, (ContentFormat.IMAGE, 1)),
        ({"$type": "app.bsky.embed.video#view"}, (ContentFormat.VIDEO, 1)),
        ({"$type": "app.bsky.embed.external", "external": {}}, (ContentFormat.LINK, 0)),
        ({"$type": "app.bsky.embed.external", "external": {"thumb": {"$type": "blob"}}}, (ContentFormat.ARTICLE, 1)),
        ({"$type": "app.bsky.embed.external", "external": 3}, (ContentFormat.LINK, 0)),
        ({"$type": "app.bsky.embed.record"}, (ContentFormat.TEXT, 0)),
        (
            {"$type": "app.bsky.embed.recordWithMedia", "media": {"$type": "app.bsky.embed.video"}},
            (ContentFormat.VIDEO, 1),
        ),
        ({"$type": "app.bsky.embed.recordWithMedia", "media": 3}, (ContentFormat.TEXT, 0)),
        ({"$type": "something.new"}, (ContentFormat.TEXT, 0)),
        ({"$type": 7}, (ContentFormat.TEXT, 0)),
    ],
)
def test_formats(embed, expected):
    assert mapping.format_of(embed) == expected


def test_a_post_from_the_future_counts_from_when_the_network_saw_it(bluesky_account):
    raw = view(1, at=datetime(2031, 1, 1, tzinfo=UTC), indexedAt="2026-05-30T00:00:00Z")
    post = mapping.post_from(bluesky_account, raw, observed_at=NOW)
    assert post is not None
    assert post.published_at == datetime(2026, 5, 30, tzinfo=UTC)


def test_counts_as_text_are_counts_and_missing_ones_have_no_row(bluesky_account):
    raw = view(1) | {
        "likeCount": "12",
        "replyCount": None,
        "repostCount": "many",
        "quoteCount": 3.0,
        "bookmarkCount": -1,
    }
    points = mapping.metrics_from(bluesky_account, raw, observed_at=NOW, source="getPosts")
    assert {p.metric: p.value for p in points} == {"likes": 12, "quotes": 3, "saves": -1}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = [
    "uri",
    "cid",
    "author",
    "record",
    "likeCount",
    "replyCount",
    "indexedAt",
    "value",
    "embed",
    "text",
    "createdAt",
    "reply",
]


@given(
    st.dictionaries(
        st.sampled_from(FIELDS), JSON | st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=5), max_size=6
    )
)
def test_no_payload_breaks_the_mapping(raw):
    account = Account(
        account_id=f"bluesky:{DID}", client_id="c", network=Network.BLUESKY, native_id=DID, handle="", base_url=""
    )
    post = mapping.post_from(account, raw, observed_at=NOW)
    points = mapping.metrics_from(account, raw, observed_at=NOW, source="getPosts")
    assert (post is None) <= (not points)
    if post is not None:
        post.raw.encode()
        post.text.encode()


def test_view_of_reads_records_and_views_alike():
    assert PostView.model_validate({"uri": "u", "value": {"text": "a"}}).record.text == "a"
    assert PostView.model_validate({"uri": "u", "record": {"text": "b"}}).record.text == "b"


async def test_recorded_session_renewal_is_saved(bluesky, bluesky_account, recorded, tokens):
    connector, wire = bluesky(lambda _: recorded("bluesky", "refreshSession"))
    await connector.refresh_token(bluesky_account)
    assert tokens.token.access_token == "<jwt>"
    assert tokens.token.version == 4
    assert wire.requests[0].headers["authorization"] == "Bearer refresh-1"


def test_expiry_is_read_out_of_a_jwt():
    # {"exp": 1795375487}
    assert expiry_of("e30.eyJleHAiOjE3OTUzNzU0ODd9.sig") == datetime.fromtimestamp(1795375487, UTC)
    for broken in ("", "abc", "a.b.c", "e30.e30.x", "e30.eyJleHAiOiJzb29uIn0.x", "e30.eyJleHAiOjFlNDAwfQ.x"):
        assert expiry_of(broken) is None


def test_recorded_rate_headers(recorded, bluesky_account):
    answer = recorded("bluesky", "ratelimited_server")
    from platforms._http import Call, CallKind

    (usage,) = BlueskyDialect().usage(bluesky_account, Call(CallKind.READ, "r", "GET", "/x"), answer.headers)
    assert usage.used_ratio == pytest.approx(0.01)


async def test_an_answer_without_its_essentials_is_refused_by_name(bluesky, bluesky_account):
    connector, _ = bluesky(lambda _: httpx.Response(200, json=[1, 2]))
    with pytest.raises(NetworkError) as caught:
        await connector.profile(bluesky_account)
    assert caught.value.error_class is ErrorClass.INVALID
