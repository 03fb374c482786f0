"""The sandbox's YouTube on the wire: with a bare client, against Google's own description, and through our connector."""

import json
import os
import struct
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from pydantic import SecretStr

from contracts.clock import FixedClock
from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat, Network
from contracts.records import Account, Media, PublishOptions, PublishRequest, Staging, Token
from platforms._http import Patience, Transport
from platforms.youtube import uploads
from platforms.youtube.client import YouTubeApp, YouTubeConnector, YouTubeDialect
from platforms.youtube.quota import Quota

GRANULE = 256 * 1024
OPEN = "upload/youtube/v3/videos"
METADATA = {"snippet": {"title": "Harbour at dawn", "description": "Boats"}, "status": {"privacyStatus": "public"}}


@pytest.fixture(scope="module")
def process(shared_process: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A sandbox with a crowd, two accounts of it on YouTube."""
    started = type(shared_process)(tmp_path_factory.mktemp("youtube"), "--crowd", "18")
    yield started
    started.stop()


@pytest.fixture
def sandbox(process: Any) -> Iterator[Any]:
    yield process
    process.http.delete("/_sandbox/faults")


@pytest.fixture
def owner(sandbox: Any) -> dict[str, Any]:
    return sandbox.account("youtube", "crowd")


@pytest.fixture
def ask(sandbox: Any, owner: dict[str, Any]) -> Callable[..., httpx.Response]:
    """A call with the owner's token to a path below the network's address, or to an address of its own."""

    def call(method: str, path: str, *, token: str | None = None, headers: Any = None, **kwargs: Any) -> httpx.Response:
        bearer = {"authorization": f"Bearer {token or owner['access_token']}", **(headers or {})}
        url = path if path.startswith("http") else f"/youtube/{path}"
        return sandbox.http.request(method, url, headers=bearer, **kwargs)

    return call


@pytest.fixture
def read(ask: Callable[..., httpx.Response]) -> Callable[..., dict[str, Any]]:
    """The body of a list."""

    def call(listing: str, **params: Any) -> dict[str, Any]:
        answer = ask("GET", f"youtube/v3/{listing}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return call


@pytest.fixture
def begin(ask: Callable[..., httpx.Response]) -> Callable[..., str]:
    """Opens a session for `size` bytes; returns its address."""

    def call(size: int, metadata: Any = METADATA) -> str:
        params = {"uploadType": "resumable", "part": "snippet,status"}
        headers = {"x-upload-content-length": str(size), "x-upload-content-type": "video/mp4"}
        answer = ask("POST", OPEN, params=params, json=metadata, headers=headers)
        assert (answer.status_code, answer.content) == (200, b""), answer.text
        return answer.headers["location"]

    return call


@pytest.fixture
def send(ask: Callable[..., httpx.Response]) -> Callable[..., httpx.Response]:
    def call(address: str, content: bytes, span: str) -> httpx.Response:
        return ask("PUT", address, content=content, headers={"content-range": span})

    return call


def reason(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["errors"][0]["reason"]


def uploads_of(channel_id: str) -> str:
    return f"UU{channel_id[2:]}"


class Discovery:
    """Google's description of what its APIs answer."""

    def __init__(self, *documents: dict[str, Any]) -> None:
        shapes = {name: shape for document in documents for name, shape in document["schemas"].items()}
        self._shapes = {name: self._closed(shape) for name, shape in shapes.items()}

    def check(self, kind: str, body: Any) -> None:
        """Assert that a body is one of this kind, with nothing that is not described."""
        Draft202012Validator({"$ref": f"#/$defs/{kind}", "$defs": self._shapes}).validate(body)

    def _closed(self, spec: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in spec:
            return {"$ref": f"#/$defs/{spec['$ref']}"}
        schema: dict[str, Any] = {} if spec.get("type", "any") == "any" else {"type": spec["type"]}
        if "enum" in spec:
            schema["enum"] = spec["enum"]
        if "items" in spec:
            schema["items"] = self._closed(spec["items"])
        if "properties" in spec:
            schema["properties"] = {name: self._closed(inner) for name, inner in spec["properties"].items()}
            schema["additionalProperties"] = False
        return schema


@pytest.fixture(scope="session")
def discovery() -> Discovery:
    data = os.environ.get("PULSO_REFERENCE_DATA")
    folder = Path(data).parent / "specs" if data else None
    if folder is None or not folder.is_dir():
        pytest.skip("set PULSO_REFERENCE_DATA: Google's descriptions stand beside it, in ../specs")
    names = ("youtube.v3", "youtubeAnalytics.v2")
    return Discovery(*(json.loads((folder / f"{name}.json").read_text()) for name in names))


# --- reading -------------------------------------------------------------------------------------------------------------


def test_a_channel_tells_its_numbers_as_strings(read, owner, discovery):
    body = read("channels", part="snippet,statistics,contentDetails", mine="true")
    discovery.check("ChannelListResponse", body)
    (channel,) = body["items"]
    assert channel["id"] == owner["native_id"]
    assert channel["snippet"]["customUrl"] == f"@{owner['handle']}"
    subscribers = channel["statistics"]["subscriberCount"]
    assert subscribers.isdecimal()
    assert len(subscribers) <= 3 or set(subscribers[3:]) == {"0"}, "three figures"
    assert channel["contentDetails"]["relatedPlaylists"]["uploads"] == uploads_of(owner["native_id"])


def test_uploads_are_paged_without_repetition_or_gap(read, owner, sandbox, discovery):
    history = sandbox.posts(native_account_id=owner["native_id"], origin="history")
    found, token = [], None
    while True:
        paging = {"pageToken": token} if token else {}
        body = read(
            "playlistItems",
            part="snippet,contentDetails,status",
            playlistId=uploads_of(owner["native_id"]),
            maxResults=7,
            **paging,
        )
        discovery.check("PlaylistItemListResponse", body)
        found += [item["contentDetails"]["videoId"] for item in body["items"]]
        token = body.get("nextPageToken")
        if token is None:
            break
    assert len(found) == len(set(found)) > 7
    assert {post["native_id"] for post in history} <= set(found)


def test_videos_show_the_parts_that_are_asked_for(read, owner, sandbox, discovery):
    newest = sandbox.posts(native_account_id=owner["native_id"], origin="history")[:3]
    ids = [post["native_id"] for post in newest]
    parts = "snippet,contentDetails,status,statistics,player,processingDetails,paidProductPlacementDetails"
    body = read("videos", part=parts, id=",".join([*ids, "nobody-knows"]), maxHeight=720)
    discovery.check("VideoListResponse", body)
    assert [video["id"] for video in body["items"]] == ids
    for video in body["items"]:
        assert set(parts.split(",")) <= set(video)
        assert video["statistics"]["viewCount"].isdecimal()
        is_tall = int(video["player"]["embedWidth"]) < int(video["player"]["embedHeight"])
        known = next(post for post in newest if post["native_id"] == video["id"])
        assert is_tall == (known["content_format"] == "short_video")
    assert set(read("videos", part="id", id=ids[0])["items"][0]) == {"kind", "etag", "id"}


@pytest.mark.parametrize(
    ("path", "params", "expected"),
    [
        ("youtube/v3/videos", {"part": "snippet"}, (400, "missingRequiredParameter")),
        ("youtube/v3/videos", {"id": "x"}, (400, "missingRequiredParameter")),
        ("youtube/v3/videos", {"id": "x", "part": "nonsense"}, (400, "unknownPart")),
        ("youtube/v3/playlistItems", {"part": "id", "playlistId": "PLnone"}, (404, "playlistNotFound")),
        ("youtube/v3/commentThreads", {"part": "id", "videoId": "none"}, (404, "videoNotFound")),
        ("youtube/v3/comments", {"part": "id", "parentId": "none"}, (404, "commentNotFound")),
        ("v2/reports", {"ids": "channel==UCsomebody"}, (403, "forbidden")),
        ("v2/reports", {"ids": "channel==MINE", "startDate": "1 May"}, (400, "badRequest")),
    ],
)
def test_refusals_name_their_reason(ask, path, params, expected):
    assert reason(ask("GET", path, params=params)) == expected


def test_an_invalid_page_token_is_refused(ask, owner):
    params = {"part": "id", "playlistId": uploads_of(owner["native_id"]), "pageToken": "!!"}
    assert reason(ask("GET", "youtube/v3/playlistItems", params=params)) == (400, "invalidPageToken")


def test_unknown_paths_and_tokens(ask, sandbox):
    assert ask("GET", "youtube/v3/search", params={"part": "id"}).status_code == 404
    refused = ask("GET", "youtube/v3/channels", params={"part": "id", "mine": "true"}, token="nonsense")
    assert reason(refused) == (401, "authError")
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert sandbox.http.get("/youtube/youtube/v3/channels").status_code == 401


# --- uploads -------------------------------------------------------------------------------------------------------------


def test_a_session_tells_how_far_it_got_and_becomes_one_video(begin, send, read, owner, discovery):
    size = 2 * GRANULE + 1000
    film = bytes(size)
    address = begin(size)
    assert send(address, b"", f"bytes */{size}").status_code == 308
    assert "range" not in send(address, b"", f"bytes */{size}").headers
    first = send(address, film[: GRANULE + 9], f"bytes 0-{GRANULE + 8}/{size}")
    assert (first.status_code, first.headers["range"]) == (308, f"bytes=0-{GRANULE - 1}"), "whole granules only"
    gap = send(address, film[-5:], f"bytes {size - 5}-{size - 1}/{size}")
    assert (gap.status_code, gap.headers["range"]) == (308, first.headers["range"])
    last = send(address, film[GRANULE:], f"bytes {GRANULE}-{size - 1}/{size}")
    assert last.status_code == 201
    discovery.check("Video", last.json())
    assert last.json()["snippet"]["title"] == "Harbour at dawn"
    again = send(address, film[GRANULE:], f"bytes {GRANULE}-{size - 1}/{size}")
    asked = send(address, b"", f"bytes */{size}")
    assert again.status_code == asked.status_code == 200
    assert {answer.json()["id"] for answer in (last, again, asked)} == {last.json()["id"]}
    newest = read("playlistItems", part="snippet", playlistId=uploads_of(owner["native_id"]), maxResults=1)["items"]
    assert newest[0]["snippet"]["resourceId"]["videoId"] == last.json()["id"]
    assert newest[0]["snippet"]["description"] == "Boats"


def test_a_film_is_processed_after_it_is_uploaded(begin, send, read):
    video = send(begin(3), b"abc", "bytes 0-2/3").json()
    assert video["status"]["uploadStatus"] == "uploaded"

    def status() -> str:
        return read("videos", part="status", id=video["id"])["items"][0]["status"]["uploadStatus"]

    while status() == "uploaded":
        time.sleep(0.1)
    assert status() == "processed"


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), name) + content


def film(seconds: int, width: int, height: int, *, is_turned: bool = False) -> bytes:
    """The boxes of an MP4 that say how long it is and how large: first a track of sound, which has no size."""
    matrix = (
        (0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30) if is_turned else (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    )
    header = bytes(12) + struct.pack(">II", 600, 600 * seconds) + bytes(80)
    tracks = [bytes(40) + struct.pack(">9iII", *matrix, w << 16, h << 16) for w, h in ((0, 0), (width, height))]
    movie = box(b"mvhd", header) + b"".join(box(b"trak", box(b"tkhd", track)) for track in tracks)
    return box(b"ftyp", b"isom") + box(b"moov", movie) + box(b"mdat", bytes(50))


@pytest.mark.parametrize(
    ("content", "duration", "is_tall"),
    [
        (film(42, 1080, 1920), "PT42S", True),
        (film(42, 1920, 1080, is_turned=True), "PT42S", True),
        (film(600, 1920, 1080), "PT10M", False),
        (film(42, 1080, 1920)[:60], "PT1M", False),
        (b"no film at all", "PT1M", False),
    ],
)
def test_length_and_shape_are_the_files(begin, send, read, content, duration, is_tall):
    size = len(content)
    video = send(begin(size), content, f"bytes 0-{size - 1}/{size}").json()
    (shown,) = read("videos", part="contentDetails,player", id=video["id"], maxHeight=720)["items"]
    assert shown["contentDetails"]["duration"] == duration
    assert (int(shown["player"]["embedWidth"]) < 720) == is_tall


def test_a_session_survives_the_death_of_the_server(start_sandbox):
    sandbox = start_sandbox("--crowd", "18")
    account = sandbox.account("youtube", "crowd")
    headers = {"authorization": f"Bearer {account['access_token']}"}
    size = GRANULE + 10
    params = {"uploadType": "resumable", "part": "snippet"}
    opened = sandbox.http.post(f"/youtube/{OPEN}", params=params, json=METADATA, headers=headers)
    address = opened.headers["location"]
    part = bytes(GRANULE)
    sandbox.http.put(address, content=part, headers={**headers, "content-range": f"bytes 0-{GRANULE - 1}/{size}"})
    sandbox.restart()
    asked = sandbox.http.put(address, content=b"", headers={**headers, "content-range": f"bytes */{size}"})
    assert (asked.status_code, asked.headers["range"]) == (308, f"bytes=0-{GRANULE - 1}")
    rest = {**headers, "content-range": f"bytes {GRANULE}-{size - 1}/{size}"}
    made = sandbox.http.put(address, content=bytes(10), headers=rest)
    sandbox.restart()
    asked = sandbox.http.put(address, content=b"", headers={**headers, "content-range": f"bytes */{size}"})
    assert asked.json()["id"] == made.json()["id"]
    assert [post["native_id"] for post in sandbox.posts(network="youtube", origin="api")] == [made.json()["id"]]


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"snippet": {"title": ""}}, "invalidTitle"),
        ({"snippet": {"title": "x" * 101}}, "invalidTitle"),
        ({"snippet": {"title": "a > b"}}, "invalidTitle"),
        ({"snippet": {"title": "T", "description": "é" * 2501}}, "invalidDescription"),
        ({"snippet": {"title": "T"}, "status": {"privacyStatus": "friends"}}, "invalidVideoMetadata"),
    ],
)
def test_metadata_is_checked_before_a_byte_is_taken(ask, metadata, expected):
    params = {"uploadType": "resumable", "part": "snippet,status"}
    assert reason(ask("POST", OPEN, params=params, json=metadata)) == (400, expected)


def test_a_session_is_nobody_elses(begin, sandbox, send, ask, owner):
    address = begin(3)
    other = next(a for a in sandbox.accounts() if a["network"] == "youtube" and a["native_id"] != owner["native_id"])
    span = {"content-range": "bytes */3"}
    assert ask("PUT", address, token=other["access_token"], headers=span).status_code == 404
    assert send(f"{address}x", b"", "bytes */3").status_code == 404
    assert send(address, b"abc", "bytes 0-2/4").status_code == 400
    assert send(address, b"abc", "bytes 0-3/3").status_code == 400


def test_private_videos_are_their_owners(begin, send, ask, sandbox, owner):
    video = send(begin(1, {**METADATA, "status": {"privacyStatus": "private"}}), b"a", "bytes 0-0/1").json()
    other = next(a for a in sandbox.accounts() if a["network"] == "youtube" and a["native_id"] != owner["native_id"])
    params = {"part": "status", "id": video["id"]}
    assert len(ask("GET", "youtube/v3/videos", params=params).json()["items"]) == 1
    assert ask("GET", "youtube/v3/videos", params=params, token=other["access_token"]).json()["items"] == []
    assert ask("DELETE", "youtube/v3/videos", params=params, token=other["access_token"]).status_code == 403
    assert ask("DELETE", "youtube/v3/videos", params={"id": video["id"]}).status_code == 204
    assert reason(ask("DELETE", "youtube/v3/videos", params={"id": video["id"]})) == (404, "videoNotFound")


def test_without_its_guard_a_session_makes_a_second_video(begin, send, sandbox):
    address = begin(3)
    first = send(address, b"abc", "bytes 0-2/3").json()
    sandbox.fault(network="youtube", operation="publish", kind="guard_off")
    assert send(address, b"abc", "bytes 0-2/3").json()["id"] != first["id"]


# --- comments ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def commented(read, sandbox, owner) -> str:
    """A video of the owner's that its audience has commented on."""
    ids = [post["native_id"] for post in sandbox.posts(native_account_id=owner["native_id"], origin="history")]
    for first in range(0, len(ids), 50):
        for video in read("videos", part="statistics", id=",".join(ids[first : first + 50]))["items"]:
            if int(video["statistics"]["commentCount"]) > 1:
                return str(video["id"])
    raise AssertionError("nobody ever commented")


def test_threads_are_newest_first_and_carry_answers(read, ask, commented, owner, discovery):
    body = read("commentThreads", part="snippet,replies", videoId=commented, maxResults=1)
    discovery.check("CommentThreadListResponse", body)
    tops, token = body["items"], body["nextPageToken"]
    while token:
        body = read("commentThreads", part="snippet,replies", videoId=commented, maxResults=1, pageToken=token)
        tops, token = tops + body["items"], body.get("nextPageToken")
    times = [thread["snippet"]["topLevelComment"]["snippet"]["publishedAt"] for thread in tops]
    assert times == sorted(times, reverse=True)
    assert len({thread["id"] for thread in tops}) == len(tops) > 1
    assert "textOriginal" not in tops[0]["snippet"]["topLevelComment"]["snippet"], "not the reader's words"

    texts = [f"<b>{number}</b>" for number in range(6)]
    for text in texts:
        body = {"snippet": {"parentId": tops[0]["id"], "textOriginal": text}}
        written = ask("POST", "youtube/v3/comments", params={"part": "snippet"}, json=body)
        assert written.status_code == 200
        discovery.check("Comment", written.json())
        assert written.json()["id"].startswith(f"{tops[0]['id']}.")
    threads = read("commentThreads", part="snippet,replies", videoId=commented, maxResults=100)["items"]
    thread = next(t for t in threads if t["id"] == tops[0]["id"])
    assert (thread["snippet"]["totalReplyCount"], len(thread["replies"]["comments"])) == (6, 5)
    body = read("comments", part="snippet", parentId=tops[0]["id"], maxResults=4)
    discovery.check("CommentListResponse", body)
    more = read("comments", part="snippet", parentId=tops[0]["id"], pageToken=body["nextPageToken"])
    found = [c["snippet"] for c in (*body["items"], *more["items"])]
    assert [snippet["textOriginal"] for snippet in found] == texts
    assert found[0]["textDisplay"] == "&lt;b&gt;0&lt;/b&gt;"
    plain = read("comments", part="snippet", parentId=tops[0]["id"], textFormat="plainText")["items"]
    assert plain[0]["snippet"]["textDisplay"] == "<b>0</b>"
    for comment in (*body["items"], *more["items"]):
        assert ask("DELETE", "youtube/v3/comments", params={"id": comment["id"]}).status_code == 204
    assert read("comments", part="snippet", parentId=tops[0]["id"])["items"] == []
    assert reason(ask("DELETE", "youtube/v3/comments", params={"id": tops[0]["id"]})) == (403, "forbidden")


@pytest.mark.parametrize(
    ("snippet", "expected"),
    [
        ({"textOriginal": "Hi"}, (400, "parentIdMissing")),
        ({"parentId": "nobody", "textOriginal": "Hi"}, (404, "commentNotFound")),
    ],
)
def test_an_answer_needs_a_comment(ask, snippet, expected):
    answer = ask("POST", "youtube/v3/comments", params={"part": "snippet"}, json={"snippet": snippet})
    assert reason(answer) == expected


# --- reports -------------------------------------------------------------------------------------------------------------


def report(ask: Any, **params: str) -> httpx.Response:
    return ask("GET", "v2/reports", params={"ids": "channel==MINE", **params})


def test_days_come_late_and_empty_days_not_at_all(ask, discovery, process):
    now = datetime.fromisoformat(process.http.get("/_sandbox/clock").json()["now"]).date()
    answer = report(
        ask,
        startDate=(now - timedelta(days=40)).isoformat(),
        endDate=now.isoformat(),
        dimensions="day",
        metrics="subscribersGained,views,estimatedMinutesWatched,averageViewDuration",
    )
    assert answer.status_code == 200, answer.text
    body = answer.json()
    discovery.check("QueryResponse", body)
    names = [header["name"] for header in body["columnHeaders"]]
    assert names == ["day", "subscribersGained", "views", "estimatedMinutesWatched", "averageViewDuration"]
    days = [date.fromisoformat(row[0]) for row in body["rows"]]
    assert days == sorted(days)
    assert now - timedelta(days=4) <= max(days) <= now - timedelta(days=2)
    assert all(any(row[1:]) for row in body["rows"])
    future = report(ask, startDate=now.isoformat(), endDate=now.isoformat(), dimensions="day", metrics="views").json()
    assert "rows" not in future


def test_a_report_by_video_needs_a_bound_and_an_order(ask, sandbox, owner):
    ids = [post["native_id"] for post in sandbox.posts(native_account_id=owner["native_id"], origin="history")][-5:]
    params = {
        "startDate": "2020-01-01",
        "endDate": "2026-06-01",
        "dimensions": "video",
        "metrics": "shares,views",
        "filters": f"video=={','.join(ids)}",
    }
    assert reason(report(ask, **params)) == (400, "badRequest")
    rows = report(ask, **params, maxResults="3", sort="-views").json()["rows"]
    assert len(rows) == 3
    assert {row[0] for row in rows} <= set(ids)
    assert [row[2] for row in rows] == sorted((row[2] for row in rows), reverse=True)


def test_a_retired_metric_fails_the_whole_report(ask, sandbox):
    params = {"startDate": "2026-05-01", "endDate": "2026-05-02", "dimensions": "day", "metrics": "views,shares"}
    sandbox.fault(network="youtube", operation="read", kind="retired_metric", params={"metric": "shares"})
    assert reason(report(ask, **params)) == (400, "badRequest")
    assert report(ask, **{**params, "metrics": "views"}).status_code == 200


# --- tokens and limits ---------------------------------------------------------------------------------------------------


def test_a_token_is_renewed_and_its_refresh_token_stays_good(sandbox, owner):
    form = {
        "grant_type": "refresh_token",
        "client_id": owner["app_id"],
        "client_secret": owner["app_secret"],
        "refresh_token": owner["refresh_token"],
    }
    for _ in range(2):
        new = sandbox.http.post("/youtube/token", data=form).json()
        assert new["token_type"] == "Bearer"
        assert "refresh_token" not in new
        headers = {"authorization": f"Bearer {new['access_token']}"}
        params = {"part": "id", "mine": "true"}
        assert sandbox.http.get("/youtube/youtube/v3/channels", params=params, headers=headers).status_code == 200
    refused = sandbox.http.post("/youtube/token", data={**form, "refresh_token": "nonsense"})
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    refused = sandbox.http.post("/youtube/token", data={**form, "client_secret": "guess"})
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


def test_real_quotas_are_the_projects(start_sandbox):
    sandbox = start_sandbox("--crowd", "18", "--rate-limits", "real")
    accounts = [a for a in sandbox.accounts() if a["network"] == "youtube" and a["access_token"]]

    def call(number: int, method: str, path: str, **kwargs: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {accounts[number % 2]['access_token']}"}
        return sandbox.http.request(method, f"/youtube/{path}", headers=headers, **kwargs)

    params = {"uploadType": "resumable", "part": "snippet"}
    statuses = [call(n, "POST", OPEN, params=params, json=METADATA).status_code for n in range(100)]
    assert set(statuses) == {200}
    assert reason(call(0, "POST", OPEN, params=params, json=METADATA)) == (403, "quotaExceeded")
    for number in range(200):  # 50 units each, answered or refused
        call(number, "DELETE", "youtube/v3/videos", params={"id": "none"})
    refused = call(0, "GET", "youtube/v3/channels", params={"part": "id", "mine": "true"})
    assert reason(refused) == (403, "quotaExceeded")
    assert refused.json()["error"]["errors"][0]["domain"] == "youtube.quota"
    assert "retry-after" not in refused.headers


# --- our connector -------------------------------------------------------------------------------------------------------


class Ports:
    """What a connector needs: a token, and bytes of a film."""

    def __init__(self, token: Token) -> None:
        self.token = token
        self.files = {"film": bytes(range(250))}

    async def load(self, account_id: str) -> Token:
        return self.token

    async def claim_renewal(self, account_id: str, *, expected_version: int, seconds: float) -> bool:
        return True

    async def release_renewal(self, account_id: str, *, expected_version: int) -> None:
        return None

    async def save(self, account_id: str, token: Token, *, expected_version: int) -> Token:
        self.token = token.model_copy(update={"version": expected_version + 1})
        return self.token

    def read(self, path: str) -> bytes:
        return self.files[path]


@pytest.fixture
def account(sandbox: Any, owner: dict[str, Any]) -> Account:
    return Account(
        account_id=f"youtube:{owner['native_id']}",
        client_id="crowd",
        network=Network.YOUTUBE,
        native_id=owner["native_id"],
        handle=owner["handle"],
        base_url=f"{sandbox.url}/youtube",
    )


@pytest.fixture
def now(sandbox: Any) -> datetime:
    return datetime.fromisoformat(sandbox.http.get("/_sandbox/clock").json()["now"]).astimezone(UTC)


@pytest.fixture
def ports(owner: dict[str, Any]) -> Ports:
    return Ports(Token(access_token=owner["access_token"], refresh_token=owner["refresh_token"]))


@pytest.fixture
def connected(sandbox: Any, owner: dict[str, Any], now: datetime, ports: Ports) -> Any:
    """A connector of ours on the sandbox."""

    @asynccontextmanager
    async def connect(quota: Quota | None = None) -> AsyncIterator[YouTubeConnector]:
        app = YouTubeApp(client_id=owner["app_id"], client_secret=SecretStr(owner["app_secret"]))
        async with httpx.AsyncClient(trust_env=False) as client:
            transport = Transport(
                client,
                YouTubeDialect(app, quota=quota),
                ports,
                FixedClock(now),
                patience=Patience(timeout=30.0, attempts=3, first_backoff=0.01, longest_wait=1.0),
                base_url=f"{sandbox.url}/youtube",
            )
            yield YouTubeConnector(transport, ports)

    return connect


@pytest.fixture
def film_request(account: Account, now: datetime, ports: Ports, monkeypatch: pytest.MonkeyPatch) -> PublishRequest:
    """A film of several parts."""
    monkeypatch.setattr(uploads, "CHUNK_BYTES", GRANULE)
    ports.files["film"] = os.urandom(3 * GRANULE + 17)
    film = Media(
        media_id="film",
        path="film",
        mime_type="video/mp4",
        alt_text="",
        width=1920,
        height=1080,
        size_bytes=3 * GRANULE + 17,
        sha256="0" * 64,
        duration_seconds=60,
    )
    return PublishRequest(
        intent_id="item/a/1",
        account=account,
        text=f"From the harbour {os.urandom(4).hex()}\nAll day",
        content_format=ContentFormat.VIDEO,
        media=(film,),
        options=PublishOptions(title="Harbour", is_ai_made=True),
        created_at=now,
    )


async def staged(connector: YouTubeConnector, request: PublishRequest, staging: Staging | None = None) -> Staging:
    staging = staging or connector.prepare(request)
    is_shown = False
    while not (staging.is_complete and is_shown):
        staging, is_shown = await connector.stage(request, staging), True
    return staging


async def class_of(call: Any) -> ErrorClass:
    with pytest.raises(NetworkError) as caught:
        await call
    return caught.value.error_class


def made_of(sandbox: Any, request: PublishRequest) -> list[str]:
    found = sandbox.posts(network="youtube", origin="api")
    return [post["native_id"] for post in found if request.text in post["text"]]


async def test_published_and_read_back(connected, film_request, account, sandbox, now):
    async with connected() as connector:
        receipt = await connector.commit(film_request, await staged(connector, film_request))
        posts = [p async for page in connector.posts(account, since=now - timedelta(days=1)) for p in page.posts]
        post = next(p for p in posts if p.native_id == receipt.native_id)
        assert post.text == f"Harbour\n\n{film_request.text}"
        assert post.published_at == receipt.published_at
        assert post.content_format is ContentFormat.VIDEO
        await connector.delete(account, receipt.native_id)
        await connector.delete(account, receipt.native_id)
    assert made_of(sandbox, film_request) == []


async def test_history_counts_comments_and_reports_are_read(connected, account, sandbox, owner, now):
    known = {p["native_id"]: p for p in sandbox.posts(native_account_id=owner["native_id"], origin="history")}
    async with connected() as connector:
        assert (await connector.profile(account)).native_id == owner["native_id"]
        pages = [page async for page in connector.posts(account, since=None)]
        posts = {p.native_id: p for page in pages for p in page.posts}
        assert set(known) <= set(posts)
        counted = {m.metric for page in pages for m in page.metrics}
        assert counted == {"views", "likes", "comments"}
        for name, raw in known.items():
            assert raw["text"].strip() == posts[name].text
            assert raw["content_format"] == posts[name].content_format.value
        details = await connector.post_metrics(account, [posts[name] for name in known])
        assert {m.metric for m in details} == {"shares", "watch_minutes", "average_view_seconds"}
        days = await connector.account_metrics(account, start=now.date() - timedelta(days=9), end=now.date())
        assert {p.metric for p in days} == set(connector.capabilities.account_metrics)
        totals = {m.post_id: m.value for page in pages for m in page.metrics if m.metric == "comments"}
        busiest = posts[max(known, key=lambda name: totals[f"youtube:{name}"])]
        comments = [c async for page in connector.comments(account, busiest) for c in page]
        assert len(comments) == totals[busiest.post_id] > 0


async def test_a_short_is_read_back_as_one(connected, film_request, account, ports, now):
    ports.files["film"] = film(20, 1080, 1920)
    upright = film_request.media[0].model_copy(
        update={"width": 1080, "height": 1920, "size_bytes": len(ports.files["film"])}
    )
    request = film_request.model_copy(update={"media": (upright,), "content_format": ContentFormat.SHORT_VIDEO})
    async with connected() as connector:
        receipt = await connector.commit(request, await staged(connector, request))
        posts = [p async for page in connector.posts(account, since=now - timedelta(days=1)) for p in page.posts]
    assert {p.native_id: p.content_format for p in posts}[receipt.native_id] is ContentFormat.SHORT_VIDEO


@pytest.mark.parametrize("kind", ["disconnect_after_commit", "server_error", "disconnect_before_commit"])
async def test_a_lost_answer_to_the_last_part_leaves_one_video(connected, film_request, sandbox, kind):
    async with connected() as connector:
        staging = await staged(connector, film_request)
        params = {"after_commit": True, "status": 503} if kind == "server_error" else {}
        sandbox.fault(network="youtube", operation="publish", kind=kind, times=1, params=params)
        assert await class_of(connector.commit(film_request, staging)) is ErrorClass.AMBIGUOUS
        found = await connector.find_published(film_request, staging)
        if kind == "disconnect_before_commit":
            assert found.outcome == "not_published"
            await connector.commit(film_request, await staged(connector, film_request, staging))
            found = await connector.find_published(film_request, staging)
        assert (found.outcome, found.receipt.how) == ("published", "reconciled")
    assert made_of(sandbox, film_request) == [found.receipt.native_id]


async def test_under_many_faults_every_intent_is_one_video(connected, film_request, sandbox, ports):
    """As the publisher works: what was persisted is all that survives a failure, and an announced commit is asked about first."""
    for operation, kind, probability, params in (
        ("publish", "disconnect_after_commit", 0.3, {}),
        ("publish", "disconnect_before_commit", 0.2, {}),
        ("publish", "server_error", 0.2, {"after_commit": True}),
        ("stage", "disconnect_after_commit", 0.1, {}),
        ("stage", "server_error", 0.1, {}),
        ("read", "server_error", 0.1, {"status": 503}),
        ("any", "expire_token", 0.05, {}),
        ("any", "guard_off", 1.0, {}),
    ):
        sandbox.fault(network="youtube", operation=operation, kind=kind, probability=probability, params=params)
    ports.files["film"] = os.urandom(GRANULE + 5)
    film = film_request.media[0].model_copy(update={"size_bytes": GRANULE + 5})
    for number in range(25):
        request = film_request.model_copy(update={"text": f"{film_request.text} {number:02d}", "media": (film,)})
        staging, is_announced, receipt = Staging(), False, None
        while receipt is None:
            was_announced = is_announced
            async with connected() as connector:
                try:
                    if is_announced:
                        found = await connector.find_published(request, staging)
                        receipt, is_announced = found.receipt, found.outcome != "not_published"
                        continue
                    is_shown = False
                    while not (staging.is_complete and is_shown):
                        staging, is_shown = await connector.stage(request, staging), True
                    is_announced = True
                    receipt = await connector.commit(request, staging)
                except NetworkError as error:
                    if error.error_class not in (ErrorClass.TRANSIENT, ErrorClass.AMBIGUOUS):
                        raise
                    is_announced = was_announced or error.error_class is ErrorClass.AMBIGUOUS
        assert made_of(sandbox, request) == [receipt.native_id]


async def test_parts_that_get_lost_are_sent_again(connected, film_request, sandbox):
    async with connected() as connector:
        staging = await connector.stage(film_request, connector.prepare(film_request))
        for kind in ("disconnect_before_commit", "disconnect_after_commit"):
            sandbox.fault(network="youtube", operation="stage", kind=kind, times=1)
            assert await class_of(connector.stage(film_request, staging)) is ErrorClass.TRANSIENT
        receipt = await connector.commit(film_request, await staged(connector, film_request, staging))
    assert made_of(sandbox, film_request) == [receipt.native_id]


async def test_a_token_that_expires_is_renewed_on_the_way(connected, film_request, sandbox, ports):
    async with connected() as connector:
        sandbox.fault(network="youtube", operation="stage", kind="expire_token", times=1)
        staging = await staged(connector, film_request)
        assert ports.token.version == 1
        sandbox.fault(network="youtube", operation="publish", kind="expire_token", times=1)
        assert await class_of(connector.commit(film_request, staging)) is ErrorClass.TRANSIENT
        assert ports.token.version == 2
        receipt = await connector.commit(film_request, await staged(connector, film_request, staging))
    assert made_of(sandbox, film_request) == [receipt.native_id]


async def test_a_rate_limit_says_when_to_come_back(connected, account, sandbox):
    async with connected() as connector:
        params = {"retry_after_seconds": 120}
        sandbox.fault(network="youtube", operation="read", kind="rate_limit", times=1, params=params)
        with pytest.raises(NetworkError) as caught:
            await connector.profile(account)
        assert (caught.value.error_class, caught.value.code) == (ErrorClass.RATE, "userRateLimitExceeded")
        assert caught.value.retry_at > datetime.now(UTC)


async def test_an_answer_to_a_comment_that_gets_lost_is_found(connected, account, sandbox, commented, now):
    async with connected() as connector:
        threads = sandbox.http.get(
            "/youtube/youtube/v3/commentThreads",
            params={"part": "id", "videoId": commented},
            headers={"authorization": f"Bearer {(await connector._transport._tokens.load('')).access_token}"},
        ).json()["items"]
        request = PublishRequest(
            intent_id="reply/a/1",
            account=account,
            text="¡Gracias!",
            content_format=ContentFormat.TEXT,
            reply_to_native_comment_id=threads[0]["id"],
            created_at=now,
        )
        staging = await staged(connector, request)
        sandbox.fault(network="youtube", operation="reply", kind="disconnect_after_commit", times=1)
        sandbox.fault(network="youtube", operation="read", kind="read_lag", times=1, params={"seconds": 60})
        assert await class_of(connector.commit(request, staging)) is ErrorClass.AMBIGUOUS
        assert (await connector.find_published(request, staging)).outcome == "absent", "the first look comes too early"
        found = await connector.find_published(request, staging)
        await connector.delete(account, found.receipt.native_id)
        assert (await connector.find_published(request, staging)).outcome == "absent"


@pytest.mark.parametrize("kind", ["empty_page", "unknown_fields", "duplicate_answer"])
async def test_odd_listings_are_read_whole_and_once(connected, account, sandbox, kind):
    async with connected() as connector:
        plain = [p.native_id async for page in connector.posts(account, since=None) for p in page.posts]
        sandbox.fault(
            network="youtube", operation="read", kind=kind, times=2, params={"method": "/youtube/v3/playlistItems"}
        )
        odd = [p.native_id async for page in connector.posts(account, since=None) for p in page.posts]
        assert odd == plain
        assert len(plain) == len(set(plain))
