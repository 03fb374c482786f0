"""Every recorded answer of X on an endpoint that the connector uses, through the connector, compared with what the file says."""

import html
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.networks import Network
from contracts.records import Account, PublishRequest, Staging
from platforms._http import Call, CallKind
from platforms.x import mapping
from platforms.x.client import XConnector, XDialect

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)

PROFILE = ("apis__user__me_resp", "test_client_bookmarks_0", "test_client_get_me_0")
OWN_POSTS = ("apis__timeline__timeline_reverse_chronological", "test_client_get_users_tweets_0")
LOOKUPS = ("test_client_get_tweets_0",)
SEARCHES = ("apis__searches__search_tweets_query", "test_client_search_recent_tweets_0")
CREATED = (
    "apis__tweet__create_tweet_resp",
    "test_client_create_and_delete_tweet_0",
    "test_client_create_tweet_with_community_0",
)
DELETED = ("test_client_create_and_delete_tweet_1",)
USERS = ("test_client_get_users_0",)

SAME_SHAPE = (
    "apis__lists__list_tweets_resp",
    "apis__searches__search_tweets_for_nyc",
    "apis__space__tweets_by_space",
    "apis__timeline__timeline_tweets",
    "apis__tweet__tweet_quote_tweets_resp",
    "apis__tweet__tweets_by_user_bookmark",
    "apis__tweet__tweets_resp",
    "apis__user__user_liked_tweets_resp",
    "test_client_bookmarks_2",
    "test_client_get_home_timeline_0",
    "test_client_get_liked_tweets_0",
    "test_client_get_list_tweets_0",
    "test_client_get_quote_tweets_0",
    "test_client_get_users_mentions_0",
    "test_client_search_all_tweets_0",
)
"""Lists of posts from endpoints that the connector does not use: more of the same shape, read as if they were own posts."""

OTHER_ENDPOINTS: Mapping[str, tuple[str, ...]] = {
    "application-only tokens: accounts are connected with user tokens": ("apis__authflow__",),
    "compliance jobs": ("apis__compliance_jobs__", "test_client_create_and_get_compliance_job"),
    "direct messages: the connector port has none": ("apis__dm_events__", "test_manage_and_lookup_direct_messages_"),
    "lists": (
        *("apis__lists__list_followers", "apis__lists__list_members", "apis__lists__list_resp", "apis__lists__user_"),
        *("test_client_follow_and_unfollow_list_", "test_client_get_followed_lists_", "test_client_get_list_0"),
        *("test_client_get_list_followers_", "test_client_get_list_members", "test_client_get_owned_lists_"),
        "test_client_manage_and_get_pinned_lists_",
    ),
    "API 1.1, whose uploads and posts have another shape": (
        *("apis__media_upload__", "test_api_", "testmediaupload", "testupdatestatus"),
    ),
    "spaces": (*("apis__space__buyers", "apis__space__space", "test_client_get_space", "test_client_search_spaces_"),),
    "trends": ("apis__trends__",),
    "one post by its id: posts are looked up a hundred at a time": (
        "apis__tweet__tweet_resp",
        "test_client_get_tweet_0",
    ),
    "people: who likes, reposts, follows, blocks, mutes; others' profiles": (
        *("apis__tweet__tweet_liking_users", "apis__tweet__tweet_retweet_tweets", "apis__user__block_user"),
        *("apis__user__blocking_users_list", "apis__user__followers", "apis__user__following", "apis__user__muting"),
        *("apis__user__search_users", "apis__user__unblock_user", "apis__user__user_resp", "apis__user__users"),
        *("test_client_follow_and_unfollow_user_", "test_client_get_liking_users_", "test_client_get_retweeters_"),
        *("test_client_get_user_0", "test_client_get_users_followers_", "test_client_get_users_following_"),
        "test_client_mute_get_muted_and_unmute_",
    ),
    "numbers of posts over time": ("test_client_get_all_tweets_count_", "test_client_get_recent_tweets_count_"),
    "bookmarking, hiding, liking, reposting": (
        *("test_client_bookmarks_1", "test_client_bookmarks_3", "test_client_hide_and_unhide_reply_"),
        *("test_client_like_and_unlike_", "test_client_retweet_and_unretweet_"),
    ),
}
MISLABELLED = {"apis__tweet__tweet_retweed_users_resp": "its source files people under GET /2/tweets"}

ON_OUR_ENDPOINTS = (*PROFILE, *OWN_POSTS, *LOOKUPS, *SEARCHES, *CREATED, *DELETED, *USERS)


@pytest.fixture
def folder(recorded_exchanges: Path) -> Path:
    return recorded_exchanges / "x"


@pytest.fixture
def x(folder, exchange, tokens, media):
    """A connector whose network answers with a recorded file, then with the end of the list."""

    def build(name: str) -> tuple[XConnector, Any, dict[str, Any]]:
        kept = json.loads((folder / f"{name}.json").read_text())["response"]
        answers = [httpx.Response(kept["status"], headers=kept["headers"], json=kept["body"])]
        end = httpx.Response(200, json={"meta": {"result_count": 0}})
        wire = exchange(lambda _: answers.pop() if answers else end)
        return XConnector(wire.transport(XDialect(), tokens), media), wire, kept["body"]

    return build


def account_of(native_id: str) -> Account:
    return Account(
        account_id=f"x:{native_id}",
        client_id="c",
        network=Network.X,
        native_id=native_id,
        handle="",
        base_url="https://x.example",
    )


def test_every_file_is_used_or_listed_with_the_reason(folder):
    named = {*ON_OUR_ENDPOINTS, *SAME_SHAPE, *MISLABELLED}
    prefixes = tuple(prefix for group in OTHER_ENDPOINTS.values() for prefix in group)
    names = {path.stem for path in folder.glob("*.json")}
    assert named <= names
    assert {name for name in names - named if not name.startswith(prefixes)} == set()
    assert [prefix for prefix in prefixes if not any(name.startswith(prefix) for name in names - named)] == []
    assert len(ON_OUR_ENDPOINTS) / (len(ON_OUR_ENDPOINTS) + len(MISLABELLED)) >= 0.9


@pytest.mark.parametrize("name", PROFILE)
async def test_profiles(x, name):
    connector, _, body = x(name)
    snapshot = await connector.profile(account_of(body["data"]["id"]))
    said = body["data"]
    assert (snapshot.native_id, snapshot.handle, snapshot.display_name) == (said["id"], said["username"], said["name"])
    assert snapshot.followers is None
    assert json.loads(snapshot.raw) == said


def own(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The list's posts that are no reposts, each once."""
    posts = {p["id"]: p for p in body["data"]}
    return [p for p in posts.values() if "retweeted" not in [r["type"] for r in p.get("referenced_tweets", ())]]


@pytest.mark.parametrize("name", [*OWN_POSTS, *SAME_SHAPE])
async def test_lists_of_posts(x, name):
    connector, wire, body = x(name)
    author = body["data"][0].get("author_id", "1")
    pages = [page async for page in connector.posts(account_of(author), since=None)]
    posts = [post for page in pages for post in page.posts]
    metrics = {(m.post_id, m.metric): m.value for page in pages for m in page.metrics}
    said = own(body)
    assert [p.native_id for p in posts] == [p["id"] for p in said]
    assert [p.text for p in posts] == [html.unescape(p["text"]) for p in said]
    assert [p.media_count for p in posts] == [len(p.get("attachments", {}).get("media_keys", ())) for p in said]
    assert [p.is_reply for p in posts] == [
        "in_reply_to_user_id" in p or "replied_to" in [r["type"] for r in p.get("referenced_tweets", ())] for p in said
    ]
    expected = {
        (f"x:{p['id']}", mapping.METRICS[wire_name]): value
        for p in said
        for wire_name, value in p.get("public_metrics", {}).items()
    }
    assert metrics == expected
    for post, raw in zip(posts, said, strict=True):
        # An id tells the time that the answer says, to the second that it is rounded to.
        when = datetime.fromisoformat(raw["created_at"]) if "created_at" in raw else mapping.time_of_id(raw["id"])
        assert post.published_at == when
        assert abs(mapping.time_of_id(raw["id"]) - when) < timedelta(seconds=1)
        again = mapping.remapped_post(account_of(author), json.loads(post.raw), observed_at=NOW)
        assert again == post.model_copy(update={"observed_at": NOW})
    following = body.get("meta", {}).get("next_token")
    assert [r.url.params.get("pagination_token") for r in wire.requests] == [None, following][: len(wire.requests)]
    assert (len(wire.requests) == 2) == (following is not None)


@pytest.mark.parametrize("name", LOOKUPS)
async def test_lookups(x, name, post_of):
    connector, wire, body = x(name)
    owner = account_of("1")
    points = await connector.post_metrics(owner, [post_of(owner, post["id"]) for post in body["data"]])
    assert wire.requests[0].url.params["ids"] == ",".join(post["id"] for post in body["data"])
    assert points == ()  # the recorded answers carry no counts


@pytest.mark.parametrize("name", SEARCHES)
async def test_searches_as_conversations(x, name, post_of):
    connector, _, body = x(name)
    owner = account_of(body["data"][1].get("author_id", "1"))
    found = [c async for page in connector.comments(owner, post_of(owner, "1")) for c in page]
    said, names = body["data"], {u["id"]: u["username"] for u in body.get("includes", {}).get("users", ())}
    assert [c.native_id for c in found] == [p["id"] for p in said]
    assert [c.text for c in found] == [html.unescape(p["text"]) for p in said]
    assert [c.author_native_id for c in found] == [p.get("author_id") for p in said]
    assert [c.author_handle for c in found] == [names.get(p.get("author_id")) for p in said]
    parents = [next((r["id"] for r in p.get("referenced_tweets", ()) if r["type"] == "replied_to"), None) for p in said]
    assert [c.parent_comment_id for c in found] == [f"x:{i}" if i else None for i in parents]
    assert [c.is_own for c in found] == [p.get("author_id") == owner.native_id for p in said]


@pytest.mark.parametrize("name", CREATED)
async def test_creations(x, name, request_of):
    connector, _, body = x(name)
    request: PublishRequest = request_of(account_of("1"), text=body["data"]["text"])
    receipt = await connector.commit(request, Staging(is_complete=True))
    assert receipt.native_id == body["data"]["id"]
    assert receipt.permalink == f"https://x.com/i/status/{body['data']['id']}"
    assert receipt.published_at == (mapping.time_of_id(body["data"]["id"]) or NOW)


@pytest.mark.parametrize("name", DELETED)
async def test_deletions(x, name):
    connector, wire, _ = x(name)
    await connector.delete(account_of("1"), "1456012973835788293")
    assert [line["outcome"] for line in wire.journal] == ["ok"]


@pytest.mark.parametrize("name", USERS)
async def test_people_by_their_handles(x, name, media, request_of):
    connector, _, body = x(name)
    people = {user["username"]: user["id"] for user in body["data"]}
    request = request_of(account_of("1"), media=(media.picture(),), options={"user_tags": tuple(people)})
    done = {"media_0": "5", "sent_0": "1", "state_0": "ready", "alt_0": "1"}
    staging = await connector.stage(request, Staging(handles=done))
    assert {k: v for k, v in staging.handles.items() if k.startswith("tag:")} == {
        f"tag:{username.casefold()}": user_id for username, user_id in people.items()
    }


def test_recorded_limits_are_understood(folder):
    """Every recorded answer carries its window: what was used of it, and the moment in seconds since 1970 when it ends."""
    read = 0
    for path in folder.glob("*.json"):
        headers = json.loads(path.read_text())["response"]["headers"]
        if "x-rate-limit-limit" not in headers:
            continue
        reset = datetime.fromtimestamp(int(headers["x-rate-limit-reset"]), UTC)
        date = (reset - timedelta(seconds=900)).strftime("%a, %d %b %Y %H:%M:%S GMT")
        call = Call(CallKind.READ, "own_posts", "GET", "/")
        (usage,) = XDialect().usage(account_of("1"), call, httpx.Headers({**headers, "date": date}))
        left, limit = int(headers["x-rate-limit-remaining"]), int(headers["x-rate-limit-limit"])
        assert (usage.used_ratio, usage.resets_in_seconds) == (pytest.approx(1 - left / limit), 900)
        read += 1
    assert read > 50
