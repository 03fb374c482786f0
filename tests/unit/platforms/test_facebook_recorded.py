"""Every recorded Facebook exchange on an endpoint that the connector uses, through the connector, against what the file says."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pydantic import SecretStr

from contracts.networks import ContentFormat, Network
from contracts.records import Account, Staging
from platforms._graph import MetaApp
from platforms.facebook import mapping
from platforms.facebook.client import FacebookConnector, FacebookDialect

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)

PROFILES = (
    "base__object_data",
    "base__object_default",
    "facebook__apidata__pages__single_default_page",
    "facebook__apidata__pages__single_fields_page",
)
FEEDS = (
    "base__full_connecions_p1",
    "facebook__apidata__groups__feed_p1",
    "facebook__apidata__posts__feed_fields_p1",
    "facebook__apidata__posts__feeds_default_fields_p1",
)
POSTS = ("facebook__apidata__posts__single_post_data", "facebook__apidata__posts__single_post_data_fields")
COMMENTS = ("facebook__apidata__comments__comment_info", "facebook__apidata__comments__comments_p1")
REPLIES = ("facebook__apidata__comments__create_resp",)
PAGES = ("base__user_accounts_token", "facebook__apidata__users__user_accounts_p1")
PHOTOS = ("facebook__apidata__photos__photo_info_default", "facebook__apidata__photos__photo_info_fields")
USED = (*PROFILES, *FEEDS, *POSTS, *COMMENTS, *REPLIES, *PAGES, *PHOTOS)

SEVERAL = "several nodes in one call, which the connector never asks for"
GROUPS = "groups are no accounts of ours"
EVENTS = "events are not read"
ALBUMS = "albums are not read: pictures belong to posts"
PEOPLE = "profiles of people are not read"
COMPANY = "apps and businesses are not read"
DIRECT = "direct messages are not read"
OTHER_NETWORK = "another network's exchange, kept in this folder"
UNUSED = {
    "base__basic_display_api_user_token": OTHER_NETWORK,
    "base__connecion_data": "pictures of Pages are not fetched",
    "base__discovery_medias_p1": OTHER_NETWORK,
    "base__objects_default": SEVERAL,
    "base__threads_user_long_lived_token": OTHER_NETWORK,
    "base__threads_user_token": OTHER_NETWORK,
    "facebook__apidata__albums__album_info_default": ALBUMS,
    "facebook__apidata__albums__album_info_fields": ALBUMS,
    "facebook__apidata__albums__albums_info_default": ALBUMS,
    "facebook__apidata__albums__albums_info_fields": ALBUMS,
    "facebook__apidata__albums__albums_list_p1": ALBUMS,
    "facebook__apidata__applications__application_accounts": COMPANY,
    "facebook__apidata__applications__application_info": COMPANY,
    "facebook__apidata__business__business_info": COMPANY,
    "facebook__apidata__business__businesses_info": COMPANY,
    "facebook__apidata__comments__comments_info": SEVERAL,
    "facebook__apidata__conversations__cvs_info": DIRECT,
    "facebook__apidata__events__event_info": EVENTS,
    "facebook__apidata__events__events_info": EVENTS,
    "facebook__apidata__groups__group_default_fields": GROUPS,
    "facebook__apidata__groups__group_fields": GROUPS,
    "facebook__apidata__groups__groups_default_fields": GROUPS,
    "facebook__apidata__groups__groups_fields": GROUPS,
    "facebook__apidata__likes__likes_resp": "who reacted is nobody's business: only the count is read",
    "facebook__apidata__messages__message_info": DIRECT,
    "facebook__apidata__messages__messages_info": DIRECT,
    "facebook__apidata__pages__search_pages": "Pages are not searched for",
    "facebook__apidata__photos__photos_p1": "photos are not listed: they belong to posts",
    "facebook__apidata__pictures__single_picture": "pictures of Pages are not fetched",
    "facebook__apidata__users__user": PEOPLE,
    "facebook__apidata__users__user_businesses": COMPANY,
    "facebook__apidata__users__users_default": PEOPLE,
    "facebook__apidata__users__users_fields": PEOPLE,
}
ON_OUR_ENDPOINTS_BUT_UNUSED: frozenset[str] = frozenset()

Load = Callable[[str], Any]


@pytest.fixture
def body_of(recorded_exchanges: Path) -> Load:
    """The recorded body of a file."""
    return lambda name: json.loads((recorded_exchanges / "facebook" / f"{name}.json").read_text())["response"]["body"]


@pytest.fixture
def account() -> Account:
    return page_account("19292868552")


def page_account(native_id: str) -> Account:
    return Account(
        account_id=f"facebook:{native_id}",
        client_id="harbor",
        network=Network.FACEBOOK,
        native_id=native_id,
        handle="known-handle",
        base_url="https://graph.example",
    )


@pytest.fixture
def answering(exchange, tokens, media):
    """A connector whose network answers these bodies in turn, then empty listings."""

    def build(*bodies: Any, app: MetaApp | None = None):
        left = list(bodies)
        wire = exchange(lambda _: httpx.Response(200, json=left.pop(0) if left else {"data": []}))
        return FacebookConnector(wire.transport(FacebookDialect(app), tokens), media), wire

    return build


def moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").astimezone(UTC)


def test_every_file_is_used_or_has_a_reason(recorded_exchanges):
    there = {path.stem for path in (recorded_exchanges / "facebook").glob("*.json")}
    assert there == set(USED) | set(UNUSED)
    assert not set(USED) & set(UNUSED)
    assert len(USED) / len({*USED, *ON_OUR_ENDPOINTS_BUT_UNUSED}) >= 0.9


@pytest.mark.parametrize("name", PROFILES)
async def test_profiles(answering, account, body_of, name):
    body = body_of(name)
    connector, _ = answering(body)
    snapshot = await connector.profile(account)
    assert (snapshot.native_id, snapshot.display_name) == (body["id"], body["name"])
    assert snapshot.handle == body.get("username", "known-handle")
    assert snapshot.followers == body.get("followers_count")
    assert json.loads(snapshot.raw) == body


FORMS = {"photo": ContentFormat.IMAGE, "link": ContentFormat.LINK, "video": ContentFormat.VIDEO}


def assert_post(post, metrics, item: dict) -> None:
    """The record says what the payload says."""
    assert (post.native_id, post.text) == (item["id"], item.get("message", ""))
    assert post.published_at == moment(item["created_time"])
    assert post.permalink == item.get("permalink_url")
    attachments = item.get("attachments", {}).get("data", [])
    if attachments:
        assert post.content_format is FORMS[attachments[0]["media_type"]]
    said = {
        "likes": item.get("reactions", {}).get("summary", {}).get("total_count"),
        "comments": item.get("comments", {}).get("summary", {}).get("total_count"),
        "shares": item.get("shares", {}).get("count"),
    }
    assert {m.metric: m.value for m in metrics} == {k: v for k, v in said.items() if v is not None}


@pytest.mark.parametrize("name", FEEDS)
async def test_feeds(answering, account, body_of, name):
    body = body_of(name)
    connector, wire = answering(body)
    pages = [page async for page in connector.posts(account, since=None)]
    posts, metrics = pages[0].posts, pages[0].metrics
    assert len(posts) == len(body["data"]) > 0
    for post, item in zip(posts, body["data"], strict=True):
        assert_post(post, [m for m in metrics if m.post_id == post.post_id], item)
    cursor = body.get("paging", {}).get("cursors", {}).get("after")
    assert [r.url.params.get("after") for r in wire.requests] == ([None, cursor] if cursor else [None])


@pytest.mark.parametrize("name", POSTS)
async def test_single_posts(answering, request_of, body_of, name):
    body = body_of(name)
    own = page_account(body["id"].partition("_")[0])
    post = mapping.remapped_post(own, body, observed_at=NOW)
    assert_post(post, mapping.remapped_metrics(own, body, observed_at=NOW), body)
    connector, _ = answering({"id": body["id"]}, body)
    receipt = await connector.commit(request_of(own, text=body["message"]), Staging(is_complete=True))
    assert (receipt.native_id, receipt.permalink) == (body["id"], body.get("permalink_url"))
    assert receipt.published_at == moment(body["created_time"])


@pytest.mark.parametrize("name", COMMENTS)
async def test_comments(answering, account, post_of, body_of, name):
    body = body_of(name)
    items = body.get("data", [body])
    # The recorded page was asked for without ids, which are in the permalinks: without them nothing is taken for a comment.
    without, _ = answering({"data": [{k: v for k, v in item.items() if k != "id"} for item in items]})
    assert [page async for page in without.comments(account, post_of(account, "1"))] == []

    completed = [item | {"id": item.get("id") or id_in(item["permalink_url"])} for item in items]
    connector, _ = answering(body | {"data": completed})
    found = [c async for page in connector.comments(account, post_of(account, "1")) for c in page]
    assert [(c.native_id, c.text, c.likes, c.commented_at) for c in found] == [
        (item["id"], item["message"], item["like_count"], moment(item["created_time"])) for item in completed
    ]
    assert len({c.native_id for c in found}) == len(items)


def id_in(permalink: str) -> str:
    """The id of the comment that a permalink leads to."""
    asked = parse_qs(urlsplit(permalink).query)
    return (asked.get("reply_comment_id") or asked["comment_id"])[0]


@pytest.mark.parametrize("name", REPLIES)
async def test_written_replies(answering, account, request_of, body_of, name):
    body = body_of(name)
    connector, _ = answering(body)
    request = request_of(account, text=body["message"], reply_to_native_post_id="245628824887810_245778718206154")
    receipt = await connector.commit(request, Staging(is_complete=True))
    assert (receipt.native_id, receipt.published_at) == (body["id"], moment(body["created_time"]))


@pytest.mark.parametrize("name", PAGES)
async def test_page_tokens(answering, tokens, body_of, name):
    body = body_of(name)
    app = MetaApp(app_id="77", app_secret=SecretStr("secret"))
    for item in body["data"]:
        connector, _ = answering({"access_token": "user-2"}, body, app=app)
        await connector.refresh_token(page_account(item["id"]))
        assert (tokens.token.access_token, tokens.token.refresh_token) == (item["access_token"], "user-2")
        tokens.token = tokens.token.model_copy(update={"refresh_token": "refresh-1"})


@pytest.mark.parametrize("name", PHOTOS)
async def test_a_photo_that_is_there_stays_staged(answering, account, request_of, media, body_of, name):
    body = body_of(name)
    connector, wire = answering(body)
    request = request_of(account, content_format=ContentFormat.IMAGE, media=(media.picture(),))
    staging = Staging(handles={"photo_0": body["id"]}, is_complete=True)
    assert await connector.stage(request, staging) == staging
    assert wire.requests[0].url.path == f"/v25.0/{body['id']}"
