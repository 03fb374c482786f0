"""YouTube's recorded answers through the connector, and what the connector sends against Google's own description.

What a recorded body says is read from its file and compared with what was mapped from it; nothing of it stands here.
"""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from pydantic import SecretStr

from contracts.networks import ContentFormat, Network
from contracts.records import Account, Media, PublishOptions
from platforms.youtube.client import YouTubeApp, YouTubeConnector, YouTubeDialect

CHANNEL = "UC_x5XG1OV2P6uZZ5FSM9Ttw"
NOT_OURS = {
    "abuse_reasons__": "videoAbuseReportReasons is not called",
    "activities__": "activities is not called: uploads are read from their playlist",
    "captions__": "captions is not called",
    "categories__": "video categories are not read",
    "channel_sections__": "channelSections is not called",
    "channels__update_resp": "channels.update is not called",
    "client_secrets__": "a file that Google hands to developers, no exchange",
    "i18ns__": "languages and regions are not read",
    "members__": "memberships are not read",
    "playlists__": "playlists.list is not called: the playlist of uploads is named by the channel",
    "search__": "search.list is never called: it has a bucket of 100 a day",
    "subscriptions__": "subscriptions is not called",
    "user_profile": "Google's profile of a person, not of a channel",
}
CHANNELS = ("channel_info_single", "channels__info")
PLAYLISTS = tuple(f"playlist_items__playlist_items_{n}" for n in ("filter_video", "paged_1", "single"))
VIDEOS = ("videos__videos_chart_paged_1", "videos__videos_info_single", "videos__videos_myrating_paged_1")
THREADS = ("comment_threads__comment_thread_single", "comment_threads__comment_threads_by_video_paged_1")
COMMENTS = ("comments__comments_by_parent_paged_1", "comments__comments_single")
USED = (*CHANNELS, *PLAYLISTS, *VIDEOS, *THREADS, *COMMENTS, "access_token")
ON_OUR_ENDPOINTS = (
    "channel_info",
    "channels__info",
    "playlist_items__",
    "videos__",
    "comment_threads__",
    "comments__",
    "access_token",
)


@pytest.fixture
def bodies(recorded_exchanges: Path) -> dict[str, Any]:
    """Recorded bodies by the names of their files."""
    paths = (recorded_exchanges / "youtube").glob("apidata__*.json")
    return {p.stem.removeprefix("apidata__"): json.loads(p.read_text())["response"]["body"] for p in paths}


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
    def build(handler):
        wire = exchange(handler)
        app = YouTubeApp(client_id="77", client_secret=SecretStr("s"))
        return YouTubeConnector(wire.transport(YouTubeDialect(app), tokens), media), wire

    return build


def ok(body: Any) -> httpx.Response:
    return httpx.Response(200, json=body)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_every_recorded_exchange_is_used_or_its_omission_explained(bodies):
    unused = {name for name in bodies if name not in USED}
    explained = {name for name in unused if any(name.startswith(prefix) for prefix in NOT_OURS)}
    assert unused == explained
    assert set(USED) <= set(bodies)
    ours = {name for name in bodies if name.startswith(ON_OUR_ENDPOINTS)}
    assert len(set(USED) & ours) >= 0.9 * len(ours)


@pytest.mark.parametrize("name", CHANNELS)
async def test_channels(youtube, account, bodies, name):
    (raw,) = bodies[name]["items"]
    connector, _ = youtube(lambda _: ok(bodies[name]))
    snapshot = await connector.profile(account)
    assert (snapshot.native_id, snapshot.display_name) == (raw["id"], raw["snippet"]["title"])
    assert f"@{snapshot.handle}" == raw["snippet"]["customUrl"]
    said = raw.get("statistics")
    assert snapshot.followers == (int(said["subscriberCount"]) if said else None)
    assert snapshot.posts_count == (int(said["videoCount"]) if said else None)
    assert json.loads(snapshot.raw) == raw


def channel() -> dict[str, Any]:
    return {"items": [{"id": CHANNEL, "contentDetails": {"relatedPlaylists": {"uploads": "UUx"}}}]}


@pytest.mark.parametrize("name", PLAYLISTS)
async def test_playlists_of_uploads(youtube, account, bodies, name):
    listed = bodies[name]["items"]

    def handler(request: httpx.Request) -> httpx.Response:
        match request.url.path.rpartition("/")[2]:
            case "channels":
                return ok(channel())
            case "playlistItems":
                return ok({"items": []} if "pageToken" in request.url.params else bodies[name])
        return ok({"items": []})

    connector, wire = youtube(handler)
    assert [page async for page in connector.posts(account, since=None)] == []
    asked = [r.url.params["id"] for r in wire.requests if r.url.path.endswith("videos")]
    assert asked == [",".join(raw["snippet"]["resourceId"]["videoId"] for raw in listed)]
    tokens = [r.url.params.get("pageToken") for r in wire.requests if r.url.path.endswith("playlistItems")]
    following = bodies[name].get("nextPageToken")
    assert tokens == ([None, following] if following else [None])


@pytest.mark.parametrize("name", VIDEOS)
async def test_videos(youtube, account, bodies, name):
    raws = bodies[name]["items"]

    def handler(request: httpx.Request) -> httpx.Response:
        match request.url.path.rpartition("/")[2]:
            case "channels":
                return ok(channel())
            case "playlistItems":
                return ok({"items": [{"contentDetails": {"videoId": raw["id"]}} for raw in raws]})
        return ok(bodies[name])

    connector, _ = youtube(handler)
    (page,) = [page async for page in connector.posts(account, since=None)]
    assert len(page.posts) == len(raws) > 0
    for post, raw in zip(page.posts, raws, strict=True):
        assert (post.native_id, post.published_at) == (raw["id"], moment(raw["snippet"]["publishedAt"]))
        assert raw["snippet"]["title"] in post.text
        assert raw["snippet"]["description"].strip() in post.text
        assert post.content_format is ContentFormat.VIDEO, "no recorded video tells its shape"
        said = raw.get("statistics", {})
        names = {"viewCount": "views", "likeCount": "likes", "commentCount": "comments"}
        counted = {m.metric: m.value for m in page.metrics if m.post_id == post.post_id}
        assert counted == {ours: int(said[theirs]) for theirs, ours in names.items() if theirs in said}


@pytest.mark.parametrize("name", THREADS)
async def test_comment_threads(youtube, account, post_of, bodies, name):
    raws = bodies[name]["items"]

    def handler(request: httpx.Request) -> httpx.Response:
        is_first = request.url.path.endswith("commentThreads") and "pageToken" not in request.url.params
        return ok(bodies[name] if is_first else {"items": []})

    connector, _ = youtube(handler)
    (found,) = [page async for page in connector.comments(account, post_of(account, "v"))]
    tops = [comment for comment in found if comment.parent_comment_id is None]
    assert len(tops) == len(raws) > 0
    for comment, raw in zip(tops, raws, strict=True):
        check_comment(comment, raw["snippet"]["topLevelComment"])


@pytest.mark.parametrize("name", COMMENTS)
async def test_answers_to_comments(youtube, account, post_of, bodies, name):
    raws = bodies[name]["items"]
    top = {"id": "top", "snippet": {"textOriginal": "?", "publishedAt": "2019-01-01T00:00:00Z"}}
    thread = {"id": "top", "snippet": {"topLevelComment": top, "totalReplyCount": len(raws)}}

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("commentThreads"):
            return ok({"items": [thread]})
        return ok({"items": []} if "pageToken" in request.url.params else bodies[name])

    connector, wire = youtube(handler)
    ((asked, *answers),) = [page async for page in connector.comments(account, post_of(account, "v"))]
    assert len(answers) == len(raws) > 0
    for comment, raw in zip(answers, raws, strict=True):
        check_comment(comment, raw)
        assert comment.parent_comment_id == asked.comment_id
    assert wire.requests[1].url.params["parentId"] == "top"


def check_comment(comment: Any, raw: dict[str, Any]) -> None:
    said = raw["snippet"]
    assert (comment.native_id, comment.text, comment.likes) == (raw["id"], said["textOriginal"], said["likeCount"])
    assert comment.author_native_id == said["authorChannelId"]["value"]
    assert comment.author_handle == said["authorDisplayName"]
    assert comment.commented_at == moment(said["publishedAt"])
    assert comment.is_own is False


async def test_a_recorded_token(youtube, account, bodies, tokens):
    body = bodies["access_token"]
    connector, _ = youtube(lambda _: ok(body))
    before = datetime.now(UTC)
    await connector.refresh_token(account)
    assert (tokens.token.access_token, tokens.token.refresh_token) == (body["access_token"], body["refresh_token"])
    lives = (tokens.token.expires_at - before).total_seconds()
    assert body["expires_in"] <= lives < body["expires_in"] + 60


# --- what the connector sends ---------------------------------------------------------------------------------------------


class Discovery:
    """Google's description of its APIs, as far as it says what a request may hold."""

    def __init__(self, *documents: dict[str, Any]) -> None:
        self._methods = [method for document in documents for method in _methods(document)]
        self._shared = {name for document in documents for name in document["parameters"]}
        shapes = {name: s for document in documents for name, s in document["schemas"].items()}
        self._shapes = {name: _as_json_schema(shape) for name, shape in shapes.items()}

    def check(self, request: httpx.Request, path: str) -> str:
        """Assert that the request is one that the description has; returns the name of its method."""
        method = self._method(request.method, path)
        known = method.get("parameters", {})
        given = {name: request.url.params.get_list(name) for name in request.url.params}
        for name, values in given.items():
            assert name in known or name in self._shared | {"uploadType"}, f"{method['id']} has no {name}"
            for value in values if name in known else ():
                self._check_value(known[name], value, f"{method['id']} {name}")
        missing = [name for name, spec in known.items() if spec.get("required") and name not in given]
        assert not missing, f"{method['id']} lacks {missing}"
        if request.content and "request" in method:
            schema = {"$ref": f"#/$defs/{method['request']['$ref']}", "$defs": self._shapes}
            Draft202012Validator(schema).validate(json.loads(request.content))
        return method["id"]

    def _method(self, verb: str, path: str) -> dict[str, Any]:
        for method in self._methods:
            uploads = [p["path"] for p in method.get("mediaUpload", {}).get("protocols", {}).values()]
            if method["httpMethod"] == verb and path in (f"/{method['path']}", *uploads):
                return method
        raise AssertionError(f"no method {verb} {path}")

    def _check_value(self, spec: dict[str, Any], value: str, where: str) -> None:
        if spec["type"] == "integer":
            assert int(spec.get("minimum", value)) <= int(value) <= int(spec.get("maximum", value)), where
        if spec["type"] == "boolean":
            assert value in ("true", "false"), where
        if "enum" in spec:
            assert value in spec["enum"], where


def _methods(resource: dict[str, Any]) -> list[dict[str, Any]]:
    inner = [method for child in resource.get("resources", {}).values() for method in _methods(child)]
    return [*resource.get("methods", {}).values(), *inner]


def _as_json_schema(spec: dict[str, Any]) -> dict[str, Any]:
    """The same in JSON Schema, and closed: what is not described is an error."""
    if "$ref" in spec:
        return {"$ref": f"#/$defs/{spec['$ref']}"}
    schema: dict[str, Any] = {} if spec.get("type", "any") == "any" else {"type": spec["type"]}
    if "enum" in spec:
        schema["enum"] = spec["enum"]
    if "items" in spec:
        schema["items"] = _as_json_schema(spec["items"])
    if "properties" in spec:
        schema["properties"] = {name: _as_json_schema(inner) for name, inner in spec["properties"].items()}
        schema["additionalProperties"] = False
    return schema


@pytest.fixture
def discovery(reference_data: Path) -> Discovery:
    folder = reference_data.parent / "specs"
    if not folder.is_dir():
        pytest.skip("needs the folder `specs` beside PULSO_REFERENCE_DATA")
    return Discovery(
        *(json.loads((folder / f"{name}.json").read_text()) for name in ("youtube.v3", "youtubeAnalytics.v2"))
    )


async def test_everything_that_is_sent_fits_googles_description(
    youtube, account, discovery, post_of, request_of, media
):
    media.files["film"] = b"film"
    film = Media(
        media_id="film",
        path="film",
        mime_type="video/mp4",
        alt_text="",
        width=9,
        height=16,
        size_bytes=4,
        sha256="0" * 64,
    )

    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and "upload" in request.url.path:
            return httpx.Response(200, headers={"location": "https://api.example/session"})
        if request.method == "PUT":
            return ok({"id": "v1"})
        if request.method == "POST":
            return ok({"id": "c1"})
        if request.url.path.endswith("channels"):
            return ok(channel())
        if request.url.path.endswith("playlistItems"):
            return ok({"items": [{"contentDetails": {"videoId": "v1"}}]})
        snippet = {"topLevelComment": {"id": "c"}, "totalReplyCount": 9}
        return ok({"items": [{"id": "c", "snippet": snippet}]})

    connector, wire = youtube(handler)
    post = post_of(account, "v1")
    await connector.profile(account)
    _ = [page async for page in connector.posts(account, since=None)]
    _ = [page async for page in connector.comments(account, post)]
    await connector.post_metrics(account, [post])
    await connector.account_metrics(account, start=date(2026, 5, 1), end=date(2026, 5, 2))
    options = PublishOptions(title="T", is_ai_made=True, is_paid_partnership=True, privacy="unlisted")
    upload = request_of(account, content_format=ContentFormat.VIDEO, media=(film,), options=options)
    await connector.commit(upload, await connector.stage(upload, connector.prepare(upload)))
    for target in ({"reply_to_native_comment_id": "c"}, {"reply_to_native_post_id": "v1"}):
        reply = request_of(account, **target)
        await connector.commit(reply, await connector.stage(reply, connector.prepare(reply)))
    await connector.delete(account, "v" * 11)
    await connector.delete(account, "c" * 26)

    sent = {discovery.check(r, r.url.path) for r in wire.requests if r.url.path != "/session"}
    lists = {f"youtube.{name}.list" for name in ("channels", "playlistItems", "videos", "commentThreads", "comments")}
    assert sent == lists | {
        "youtubeAnalytics.reports.query",
        *(f"youtube.{name}.insert" for name in ("videos", "comments", "commentThreads")),
        *(f"youtube.{name}.delete" for name in ("videos", "comments")),
    }


@pytest.mark.parametrize(
    "request_",
    [
        httpx.Request("GET", "https://api.example/youtube/v3/videos", params={"id": "v"}),
        httpx.Request("GET", "https://api.example/youtube/v3/videos", params={"part": "id", "madeUp": "1"}),
        httpx.Request("GET", "https://api.example/youtube/v3/videos", params={"part": "id", "maxResults": "51"}),
        httpx.Request("POST", "https://api.example/youtube/v3/comments", params={"part": "id"}, json={"madeUp": 1}),
    ],
)
def test_the_check_finds_what_google_does_not_describe(discovery, request_):
    with pytest.raises(Exception, match=r"lacks|has no|maxResults|madeUp"):
        discovery.check(request_, request_.url.path)
