"""Every recorded Bluesky exchange on an endpoint that the connector uses, through the connector, against what the file says."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat
from contracts.records import Staging
from platforms._http import Call, CallKind
from platforms.bluesky import mapping
from platforms.bluesky.client import BlueskyDialect

SESSIONS = ("04_refreshSession",)
HANDLES = ("05_resolveHandle",)
WRITTEN = (
    "06_createRecord_text_client_rkey",
    "10_putRecord_first",
    "13_createRecord_image",
    "18_reply_by_other_user",
    "27_reply_to_comment",
)
"""`createRecord` takes the same record as the `putRecord` that we use, and answers the same."""
REFUSED = ("14_createRecord_too_long_400", "16_createRecord_bad_token_400", "17_createRecord_no_auth_401")
STORED = ("08_getRecord_reconcile_found",)
BLOBS = ("12_uploadBlob",)
PROFILES = ("19_getProfile_followers",)
FEEDS = ("20_getAuthorFeed_p1",)
POSTS = ("22_getPosts_metrics",)
THREADS = ("23_getPostThread_comments",)
DELETED = ("29_deleteRecord",)
LIMITS = ("31_ratelimited_server_createAccount_headers",)
USED = (
    *SESSIONS,
    *HANDLES,
    *WRITTEN,
    *REFUSED,
    *STORED,
    *BLOBS,
    *PROFILES,
    *FEEDS,
    *POSTS,
    *THREADS,
    *DELETED,
    *LIMITS,
)

CONNECTING = "accounts are made and connected by people: the connector begins with their tokens"
UNUSED = {
    "01_createAccount": CONNECTING,
    "02_createSession": CONNECTING,
    "03_createSession_badpw_401": CONNECTING,
    "25_listNotifications": "comments are read below the posts",
    "26_getFollowers": "who follows is nobody's business: only the count is read",
}
ON_OUR_ENDPOINTS_BUT_UNUSED: frozenset[str] = frozenset()

Load = Callable[[str], dict[str, Any]]


@pytest.fixture
def exchange_of(recorded_exchanges: Path) -> Load:
    """The request and response of a file."""
    return lambda name: json.loads((recorded_exchanges / "bluesky" / f"{name}.json").read_text())


@pytest.fixture
def answering(bluesky, exchange_of):
    """A connector whose network gives this file's answer to every call."""

    def build(name: str):
        said = exchange_of(name)["response"]
        return bluesky(lambda _: httpx.Response(said["status"], headers=said["headers"], json=said["body"]))

    return build


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_every_file_is_used_or_has_a_reason(recorded_exchanges):
    there = {path.stem for path in (recorded_exchanges / "bluesky").glob("*.json")}
    assert there == set(USED) | set(UNUSED)
    assert not set(USED) & set(UNUSED)
    assert len(USED) / len({*USED, *ON_OUR_ENDPOINTS_BUT_UNUSED}) >= 0.9


# --- writing -------------------------------------------------------------------------------------------------------------


def published(exchange: dict[str, Any], account, request_of, media):
    """The intent and staging that this recorded write comes from."""
    sent = exchange["request"]["body"]
    record = sent["record"]
    handles = {"rkey": sent.get("rkey") or exchange["response"]["body"].get("uri", "x/y").rpartition("/")[2]}
    files = ()
    if "embed" in record:
        (image,) = record["embed"]["images"]
        handles["blob_0"] = json.dumps(image["image"])
        files = (media.picture().model_copy(update={"alt_text": image["alt"]}),)
    if "reply" in record:
        handles |= {f"{part}_{name}": ref[name] for part, ref in record["reply"].items() for name in ("uri", "cid")}
    request = request_of(
        account.model_copy(update={"native_id": sent["repo"], "account_id": f"bluesky:{sent['repo']}"}),
        text=record["text"],
        content_format=ContentFormat.IMAGE if files else ContentFormat.TEXT,
        media=files,
        language=record.get("langs", [None])[0],
        created_at=moment(record["createdAt"]),
    )
    return request, Staging(handles=handles, is_complete=True)


@pytest.mark.parametrize("name", WRITTEN)
async def test_what_is_written_is_what_the_server_took(
    answering, bluesky_account, request_of, media, exchange_of, name
):
    exchange = exchange_of(name)
    request, staging = published(exchange, bluesky_account, request_of, media)
    connector, wire = answering(name)
    receipt = await connector.commit(request, staging)
    assert (receipt.native_id, receipt.how) == (exchange["response"]["body"]["uri"], "answered")
    sent, expected = wire.bodies()[0], exchange["request"]["body"]
    facets, expected_facets = (body["record"].pop("facets", []) for body in (sent, expected))
    assert sent == {"rkey": staging.handles["rkey"], **expected}
    # The recorded client missed the link and was off by one byte with the tag: only what it found is compared.
    found = [facet["features"] for facet in facets]
    assert all(facet["features"] in found for facet in expected_facets)


@pytest.mark.parametrize(
    ("name", "expected"),
    list(zip(REFUSED, (ErrorClass.INVALID, ErrorClass.TRANSIENT, ErrorClass.TRANSIENT), strict=True)),
)
async def test_refused_writes(bluesky, bluesky_account, request_of, media, exchange_of, name, expected):
    """A refused token is renewed; then the publisher may send again."""
    exchange = exchange_of(name)
    said = exchange["response"]
    request, staging = published(exchange, bluesky_account, request_of, media)
    renewed = exchange_of(SESSIONS[0])["response"]["body"]

    def handler(call: httpx.Request) -> httpx.Response:
        is_renewal = call.url.path.endswith("refreshSession")
        return httpx.Response(200, json=renewed) if is_renewal else httpx.Response(said["status"], json=said["body"])

    connector, _ = bluesky(handler)
    with pytest.raises(NetworkError) as caught:
        await connector.commit(request, staging)
    assert (caught.value.error_class, caught.value.code) == (expected, said["body"]["error"])
    own = BlueskyDialect().refusal(said["status"], said["body"])
    assert own.error_class is (ErrorClass.AUTH if expected is ErrorClass.TRANSIENT else expected)


@pytest.mark.parametrize("name", STORED)
async def test_a_stored_record_is_a_receipt_and_can_be_answered(
    answering, bluesky_account, request_of, exchange_of, name
):
    exchange = exchange_of(name)
    said, rkey = exchange["response"]["body"], exchange["request"]["query"]["rkey"]
    connector, wire = answering(name)
    request = request_of(bluesky_account)
    found = await connector.find_published(request, Staging(handles={"rkey": rkey}, is_complete=True))
    assert (found.outcome, found.receipt.native_id) == ("published", said["uri"])
    assert json.loads(found.receipt.raw) == said
    assert dict(wire.requests[0].url.params) == exchange["request"]["query"]
    answer = request.model_copy(update={"reply_to_native_post_id": said["uri"]})
    staging = await connector.stage(answer, connector.prepare(answer))
    refs = {name: staging.handles[name] for name in ("parent_uri", "parent_cid", "root_uri", "root_cid")}
    assert set(refs.values()) == {said["uri"], said["cid"]}


@pytest.mark.parametrize("name", BLOBS)
async def test_uploads(answering, bluesky_account, request_of, media, exchange_of, name):
    request = request_of(bluesky_account, content_format=ContentFormat.IMAGE, media=(media.picture(),))
    connector, _ = answering(name)
    staging = await connector.stage(request, connector.prepare(request))
    assert json.loads(staging.handles["blob_0"]) == exchange_of(name)["response"]["body"]["blob"]


@pytest.mark.parametrize("name", HANDLES)
async def test_mentioned_people(answering, bluesky_account, request_of, exchange_of, name):
    exchange = exchange_of(name)
    handle, did = exchange["request"]["query"]["handle"], exchange["response"]["body"]["did"]
    connector, _ = answering(name)
    request = request_of(bluesky_account, text=f"Hi @{handle}")
    staging = await connector.stage(request, connector.prepare(request))
    assert staging.handles[f"mention:{handle}"] == did


@pytest.mark.parametrize("name", DELETED)
async def test_deletions(answering, bluesky_account, exchange_of, name):
    sent = exchange_of(name)["request"]["body"]
    connector, wire = answering(name)
    await connector.delete(bluesky_account, mapping.uri_of(sent["repo"], sent["rkey"]))
    assert wire.bodies() == [sent]


@pytest.mark.parametrize("name", SESSIONS)
async def test_sessions(answering, bluesky_account, tokens, exchange_of, name):
    said = exchange_of(name)["response"]["body"]
    connector, _ = answering(name)
    await connector.refresh_token(bluesky_account)
    assert (tokens.token.access_token, tokens.token.refresh_token) == (said["accessJwt"], said["refreshJwt"])


@pytest.mark.parametrize("name", LIMITS)
def test_limits_in_headers(bluesky_account, exchange_of, name):
    headers = {k.lower(): v for k, v in exchange_of(name)["response"]["headers"].items()}
    (usage,) = BlueskyDialect().usage(bluesky_account, Call(CallKind.READ, "r", "GET", "/x"), headers)
    limit, left = int(headers["ratelimit-limit"]), int(headers["ratelimit-remaining"])
    assert usage.used_ratio == pytest.approx(1 - left / limit)


# --- reading -------------------------------------------------------------------------------------------------------------


def assert_post(post, points, said: dict[str, Any]) -> None:
    """The record says what the recorded view says."""
    record = said["record"]
    assert (post.native_id, post.text) == (said["uri"], record["text"])
    assert post.published_at == min(moment(record["createdAt"]), moment(said["indexedAt"]))
    assert post.is_reply == ("reply" in record)
    assert post.media_count == len(record.get("embed", {}).get("images", []))
    names = {"likes": "like", "comments": "reply", "shares": "repost", "quotes": "quote", "saves": "bookmark"}
    assert {p.metric: p.value for p in points} == {ours: said[f"{theirs}Count"] for ours, theirs in names.items()}


@pytest.mark.parametrize("name", PROFILES)
async def test_profiles(answering, bluesky_account, exchange_of, name):
    said = exchange_of(name)["response"]["body"]
    connector, _ = answering(name)
    snapshot = await connector.profile(bluesky_account)
    assert (snapshot.native_id, snapshot.handle) == (said["did"], said["handle"])
    assert (snapshot.followers, snapshot.following, snapshot.posts_count) == (
        said["followersCount"],
        said["followsCount"],
        said["postsCount"],
    )


@pytest.mark.parametrize("name", FEEDS)
async def test_feeds(answering, bluesky_account, exchange_of, name):
    said = exchange_of(name)["response"]["body"]
    connector, wire = answering(name)
    pages = [page async for page in connector.posts(bluesky_account, since=None)]
    posts = [post for page in pages for post in page.posts]
    assert len(posts) == len(said["feed"]) > 0
    for post, item in zip(posts, said["feed"], strict=True):
        points = [m for page in pages for m in page.metrics if m.post_id == post.post_id]
        assert_post(post, points, item["post"])
    assert [r.url.params.get("cursor") for r in wire.requests] == [None, said["cursor"]]


@pytest.mark.parametrize("name", POSTS)
async def test_single_posts(answering, bluesky_account, post_of, exchange_of, name):
    said = exchange_of(name)["response"]["body"]["posts"]
    connector, _ = answering(name)
    points = await connector.post_metrics(bluesky_account, [post_of(bluesky_account, view["uri"]) for view in said])
    for view in said:
        post = mapping.post_from(bluesky_account, view, observed_at=moment(view["indexedAt"]))
        assert_post(post, [p for p in points if p.post_id == post.post_id], view)


@pytest.mark.parametrize("name", THREADS)
async def test_threads(answering, bluesky_account, post_of, exchange_of, name):
    thread = exchange_of(name)["response"]["body"]["thread"]
    connector, _ = answering(name)
    post = post_of(bluesky_account, thread["post"]["uri"])
    found = [comment async for page in connector.comments(bluesky_account, post) for comment in page]
    views = [node["post"] for node in thread["replies"]]
    assert len(views) > 0
    assert [(c.native_id, c.text, c.author_native_id, c.author_handle, c.likes) for c in found] == [
        (v["uri"], v["record"]["text"], v["author"]["did"], v["author"]["handle"], v["likeCount"]) for v in views
    ]
    assert {c.parent_comment_id for c in found} == {None}
