"""Recorded answers of Mastodon and snac2, each on the way that the connector would take, compared with what the file says."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat, Network
from contracts.records import Account, PublishOptions, PublishRequest, Staging
from platforms._http import Call, CallKind
from platforms.mastodon import mapping, texts
from platforms.mastodon.client import MastodonConnector, MastodonDialect
from platforms.mastodon.instances import Instances, keeps_keys

ID = r"[0-9a-f]+"
ENDPOINTS = {
    "whoami": ("GET", r"/api/v1/accounts/verify_credentials"),
    "publish": ("POST", r"/api/v1/statuses"),
    "status": ("GET", rf"/api/v1/statuses/{ID}"),
    "delete": ("DELETE", rf"/api/v1/statuses/{ID}"),
    "context": ("GET", rf"/api/v1/statuses/{ID}/context"),
    "listing": ("GET", rf"/api/v1/accounts/{ID}/statuses"),
    "upload": ("POST", r"/api/v2/media"),
    "media": ("GET", rf"/api/v1/media/{ID}"),
    "instance": ("GET", r"/api/v[12]/instance/?"),
}
"""What the connector asks."""

UNUSED = {
    r".*/admin/.*": "moderation of a server: Pulso administers none",
    r".*/filters.*": "a reader's own filters",
    r".*/lists.*|.*/timelines/.*|.*/streaming/.*|.*/favourites|.*/bookmarks|/api/v1/directory": "what an account reads",
    r".*/(un)?(block|mute|follow|pin|endorse|favourite|bookmark|reblog)|.*/remove_from_followers": "an account's acts by hand",
    r".*/(favourited_by|reblogged_by|translate)": "who liked what, and translations: personal, and of no use to a figure",
    r".*/accounts/(familiar_followers|lookup|relationships)|.*/accounts/[0-9a-f]+(/(followers|following|lists|note))?": (
        "other people's accounts and whom they follow"
    ),
    r".*/(blocks|domain_blocks|mutes|endorsements|follow_requests.*|suggestions|markers|preferences|followed_tags)": (
        "an account's own settings"
    ),
    r".*/(featured_tags.*|tags/.*|trends/.*|custom_emojis)": "tags, trends and emoji",
    r".*/notifications.*|.*/push/.*": "notifications: comments are read below the posts",
    r"/api/v1/accounts|/api/v1/emails/.*|/api/v1/apps.*|/oauth/.*|/\.well-known/oauth.*": "how an account is made and connected",
    r"/api/v1/instance/.+|/\.well-known/nodeinfo|/nodeinfo/.*|/health|/": "what a server says to visitors",
    r"/api/v1/polls/.*|/api/v1/reports/": "voting and reporting",
}
"""Path -> why Pulso does not ask there."""
EDITED = "PUT /api/v1/statuses: what is published is not edited"

NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Recorded:
    name: str
    method: str
    path: str
    sent: Any
    status: int
    headers: dict[str, str]
    body: Any

    @property
    def kind(self) -> str | None:
        for kind, (method, path) in ENDPOINTS.items():
            if method == self.method and re.fullmatch(path, self.path):
                return kind
        return None

    @property
    def why_not(self) -> str | None:
        if self.method == "PUT" and re.fullmatch(ENDPOINTS["status"][1], self.path):
            return EDITED
        return next((why for path, why in UNUSED.items() if re.fullmatch(path, self.path)), None)

    def answer(self) -> httpx.Response:
        if isinstance(self.body, dict) and "__text" in self.body:
            return httpx.Response(self.status, headers=self.headers, content=self.body["__text"])
        return httpx.Response(self.status, headers=self.headers, json=self.body)


def read(path: Path) -> Recorded:
    kept = json.loads(path.read_text())
    asked, said = kept["request"], kept["response"]
    headers = {k: v for k, v in said["headers"].items() if k.lower() not in ("content-length", "content-encoding")}
    return Recorded(path.name, asked["method"], asked["path"], asked["body"], said["status"], headers, said["body"])


@pytest.fixture
def exchanges(recorded_exchanges) -> list[Recorded]:
    return [read(path) for path in sorted((recorded_exchanges / "mastodon").glob("*.json"))]


@pytest.fixture
def of_kind(exchanges) -> Callable[[str], Iterator[Recorded]]:
    def select(kind: str) -> Iterator[Recorded]:
        found = [recorded for recorded in exchanges if recorded.kind == kind]
        assert found, f"no recorded exchange of {kind}"
        for recorded in found:
            print(recorded.name)  # which one, where an assertion below fails
            yield recorded

    return select


def account_of(native_id: str) -> Account:
    return Account(
        account_id=f"mastodon:{native_id}",
        client_id="harbor",
        network=Network.MASTODON,
        native_id=native_id,
        handle="harbor@mastodon.example",
        base_url="https://mastodon.example",
    )


@pytest.fixture
def connect(exchange, tokens, media):
    """A connector whose network gives this answer to every call, or the one that `others` names for a path's end."""

    def build(recorded: Recorded, **others: Any) -> MastodonConnector:
        def handler(request: httpx.Request) -> httpx.Response:
            found = [answer for ending, answer in others.items() if request.url.path.endswith(ending)]
            return httpx.Response(200, json=found[0]) if found else recorded.answer()

        return MastodonConnector(exchange(handler).transport(MastodonDialect(), tokens, now=NOW), media)

    return build


async def refusal_of(coroutine) -> NetworkError:
    with pytest.raises(NetworkError) as caught:
        await coroutine
    return caught.value


def test_every_exchange_is_used_or_has_a_reason(exchanges):
    counts = Counter(r.kind or r.why_not for r in exchanges)
    unknown = [f"{r.name}: {r.method} {r.path}" for r in exchanges if r.kind is None and r.why_not is None]
    assert not unknown
    used, ours = sum(counts[kind] for kind in ENDPOINTS), sum(r.kind is not None for r in exchanges)
    assert used / ours >= 0.9
    assert set(ENDPOINTS) <= set(counts)


async def test_profiles(of_kind, connect):
    for recorded in of_kind("whoami"):
        if recorded.status != 200:
            error = await refusal_of(connect(recorded).profile(account_of("1")))
            assert (error.error_class, error.status) == (ErrorClass.AUTH, recorded.status)
            continue
        said = recorded.body
        found = await connect(recorded).profile(account_of(said["id"]))
        assert (found.followers, found.following, found.posts_count) == (
            said["followers_count"],
            said["following_count"],
            said["statuses_count"],
        )
        assert (found.native_id, found.display_name or "") == (said["id"], said["display_name"])
        assert found.handle == said["acct"]


def assert_is(post, points, said: dict[str, Any]) -> None:
    """The mapped post is what the recorded status says."""
    assert post.native_id == said["id"]
    assert post.published_at == datetime.fromisoformat(said["created_at"])
    assert post.permalink == said["url"]
    assert post.is_reply == (said["in_reply_to_id"] is not None)
    assert post.media_count == len(said["media_attachments"])
    assert {p.metric: p.value for p in points} == {
        ours: said[theirs] for theirs, ours in mapping.METRICS.items() if theirs in said
    }
    kept = json.loads(post.raw)
    assert {k: said[k] for k in kept} == kept


async def read_back(connector, account) -> tuple[list, list]:
    pages = [page async for page in connector.posts(account, since=None)]
    return [p for page in pages for p in page.posts], [m for page in pages for m in page.metrics]


async def test_statuses_that_were_published_are_receipts_posts_and_evidence(of_kind, connect, media):
    for recorded in of_kind("publish"):
        form = fields_of(recorded.sent)
        files = tuple(media.picture(f"file{i}") for i in range(len(form["media_ids"])))
        staging = Staging(
            handles={
                "key": "k",
                "key_used_from": NOW.isoformat(),
                "server": "4.6.4",
                "alike_before": "",
                **{f"media_{i}": name for i, name in enumerate(form["media_ids"])},
            },
            is_complete=True,
        )
        account = account_of(recorded.body["account"]["id"] if recorded.status == 200 else "1")
        request = PublishRequest(
            intent_id="i",
            account=account,
            text=form["status"],
            content_format=ContentFormat.IMAGE if files else ContentFormat.TEXT,
            media=files,
            options=PublishOptions(privacy=form["visibility"]),
            reply_to_native_post_id=form["in_reply_to_id"],
            created_at=datetime.fromisoformat(recorded.body.get("created_at", NOW.isoformat())),
        )
        if recorded.status != 200:
            error = await refusal_of(connect(recorded, verify_credentials={}).commit(request, staging))
            assert (error.error_class, error.code) == (ErrorClass.INVALID, str(recorded.status))
            assert error.message == recorded.body["error"]
            continue
        said = recorded.body
        receipt = await connect(recorded).commit(request, staging)
        assert (receipt.native_id, receipt.permalink) == (said["id"], said["url"])
        assert receipt.published_at == datetime.fromisoformat(said["created_at"])
        listed = connect(recorded, statuses=[said])
        found = await listed.find_published(request, staging)
        assert (found.outcome, found.receipt.native_id) == ("published", said["id"])
        posts, points = await read_back(listed, account)
        if said["visibility"] == mapping.DIRECT:
            assert (posts, points) == ([], [])  # a message to somebody, and no post
            continue
        (post,) = posts
        assert_is(post, points, said)
        assert texts.is_same(post.text, form["status"])
        expected = ContentFormat.POLL if said["poll"] else ContentFormat.IMAGE if files else ContentFormat.TEXT
        assert post.content_format in (expected, ContentFormat.VIDEO if files else expected)
        other = request.model_copy(update={"text": form["status"] + " not"})
        assert (await listed.find_published(other, staging)).outcome == "absent"


def fields_of(sent: str) -> dict[str, Any]:
    """What a recorded client sent, as a form or as JSON."""
    if sent.startswith("{"):
        fields = json.loads(sent)
    else:
        fields = {name: values[0] for name, values in parse_qs(sent, keep_blank_values=True).items()}
        fields["media_ids"] = parse_qs(sent).get("media_ids[]", [])
    return {
        "status": fields["status"],
        "visibility": fields.get("visibility"),
        "in_reply_to_id": fields.get("in_reply_to_id"),
        "media_ids": fields.get("media_ids", []),
    }


async def test_single_statuses(of_kind, connect, post_of):
    for recorded in of_kind("status"):
        account = account_of("1")
        post = post_of(account, recorded.path.rpartition("/")[2])
        points = await connect(recorded).post_metrics(account, [post])
        if recorded.status == 404:
            assert points == ()
            continue
        said = recorded.body
        mapped = mapping.post_from(account, said, observed_at=NOW)
        assert_is(mapped, points, said)
        assert {p.post_id for p in points} == {f"mastodon:{said['id']}"}


async def test_deletions(of_kind, connect):
    for recorded in of_kind("delete"):
        account, name = account_of("1"), recorded.path.rpartition("/")[2]
        connector = connect(recorded)
        await connector.delete(account, name)  # 404 and not to be read either: gone
        if recorded.status == 404:
            error = await refusal_of(one_by_method(recorded, connect).delete(account, name))
            assert error.status == 404  # 404, but still to be read: not deleted
            continue
        said = recorded.body  # the status that is no more, with the words as they were written
        post = mapping.post_from(account, said, observed_at=NOW)
        if said["reblog"] is not None or said["visibility"] == mapping.DIRECT:
            assert post is None  # somebody else's, passed on, or a message to somebody
            continue
        assert post.text == said["text"]
        assert_is(post, mapping.remapped_metrics(account, said, observed_at=NOW), said)


def one_by_method(recorded: Recorded, connect) -> MastodonConnector:
    connector = connect(recorded)

    def handler(request: httpx.Request) -> httpx.Response:
        return recorded.answer() if request.method == "DELETE" else httpx.Response(200, json={"id": "1"})

    connector._transport._client = httpx.AsyncClient(transport=httpx.MockTransport(handler))
    return connector


async def test_answers_below_a_post(of_kind, connect, post_of):
    for recorded in of_kind("context"):
        said = recorded.body["descendants"]
        account = account_of(said[0]["account"]["id"] if said else "1")
        post = post_of(account, recorded.path.split("/")[-2])
        found = [c async for page in connect(recorded).comments(account, post) for c in page]
        assert [(c.native_id, c.author_native_id, c.likes) for c in found] == [
            (s["id"], s["account"]["id"], s["favourites_count"]) for s in said
        ]
        for comment, status in zip(found, said, strict=True):
            is_direct = status["in_reply_to_id"] == post.native_id
            assert comment.parent_comment_id == (None if is_direct else f"mastodon:{status['in_reply_to_id']}")
            assert comment.text == status.get("text", texts.plain(status["content"]))
            assert comment.is_own


async def test_listings(of_kind, connect):
    for recorded in of_kind("listing"):
        account = account_of(recorded.path.split("/")[-2])
        posts, points = await read_back(connect(recorded), account)
        assert len(posts) == len(recorded.body)
        for post, said in zip(posts, recorded.body, strict=True):
            assert_is(post, [p for p in points if p.post_id == post.post_id], said)


async def test_uploads_and_their_processing(of_kind, connect, media, request_of):
    request = request_of(account_of("1"), content_format=ContentFormat.IMAGE, media=(media.picture(),))
    instance = {"version": "4.6.4"}
    for recorded in of_kind("upload"):
        connector = connect(recorded, instance=instance)
        staging = await connector.stage(request, connector.prepare(request))
        state = {200: "media_0", 202: "processing_0"}[recorded.status]
        assert staging.handles[state] == recorded.body["id"]
        assert (recorded.body["url"] is None) == (recorded.status == 202)
    for recorded in of_kind("media"):
        waiting = Staging(handles={"key": "k", "processing_0": recorded.body["id"]})
        staging = await connect(recorded, instance=instance).stage(request, waiting)
        assert staging.handles == {"key": "k", "media_0": recorded.body["id"]}


async def test_servers_and_their_limits(of_kind, connect):
    for recorded in of_kind("instance"):
        connector = connect(recorded)
        found = await Instances(connector._transport).of(account_of("1"), now=NOW)
        said = recorded.body["configuration"]
        assert found.version == recorded.body["version"]
        assert keeps_keys(found.version) == ("snac" not in found.version)
        assert found.max_characters == said["statuses"]["max_characters"]
        limits = found.configuration
        assert limits.statuses.max_media_attachments == said["statuses"]["max_media_attachments"]
        assert limits.statuses.characters_reserved_per_url == said["statuses"]["characters_reserved_per_url"]
        assert limits.media_attachments.image_size_limit == said["media_attachments"]["image_size_limit"]
        assert list(limits.media_attachments.supported_mime_types) == said["media_attachments"]["supported_mime_types"]
        assert limits.polls.max_expiration == said["polls"]["max_expiration"]


def test_limits_in_headers(exchanges):
    told = 0
    for recorded in exchanges:
        for name, operation in (
            ("publish", "publish"),
            ("upload", "upload"),
            ("delete", "delete"),
            ("whoami", "whoami"),
        ):
            if recorded.kind != name or "x-ratelimit-limit" not in recorded.headers:
                continue
            call = Call(CallKind.STAGE, operation, recorded.method, recorded.path)
            (usage,) = MastodonDialect().usage(account_of("1"), call, recorded.headers)
            limit, left = (int(recorded.headers[f"x-ratelimit-{part}"]) for part in ("limit", "remaining"))
            assert usage.used_ratio == pytest.approx(1 - left / limit)
            reset = datetime.fromisoformat(recorded.headers["x-ratelimit-reset"])
            assert usage.resets_in_seconds == pytest.approx((reset - datetime.now(UTC)).total_seconds(), abs=60)
            told += 1
    assert told
