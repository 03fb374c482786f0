"""Publishing on YouTube: sessions and their bytes, lost answers, sessions that are gone, comments, deletion, tokens, quota."""

import itertools
import json
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat, Network
from contracts.records import Account, Media, PublishOptions, Staging
from platforms._http import Call, CallKind
from platforms.youtube import calls, uploads
from platforms.youtube.client import YouTubeApp, YouTubeConnector, YouTubeDialect
from platforms.youtube.errors import classify
from platforms.youtube.quota import COSTS, UNITS, UPLOADS, Quota

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
CHANNEL = "UC_x5XG1OV2P6uZZ5FSM9Ttw"
PART = 4


class Studio:
    """A channel and its upload sessions. `cut` names a call whose answer is lost after it was carried out."""

    def __init__(self) -> None:
        self.sessions: dict[str, dict] = {}
        self.videos: list[dict] = []
        self.comments: list[dict] = []
        self.calls: list[str] = []
        self.cut: str | None = None
        self.holds_back = 0
        """Bytes of each part that are not kept: a session may hold fewer than it was sent."""
        self._ids = (f"video-{n:05d}" for n in itertools.count(1))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        name = f"{request.method} {request.url.path}"
        self.calls.append(name)
        answer = self.answer(request)
        if self.cut is not None and self.cut in f"{name} {request.headers.get('content-range', '')}":
            raise httpx.ReadTimeout("lost", request=request)
        return answer

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/upload/youtube/v3/videos":
            if request.method == "POST":
                return self.open(request)
            return self.upload(request)
        listing = path.removeprefix("/youtube/v3/")
        if request.method == "POST":
            return self.comment(listing, json.loads(request.content)["snippet"])
        if listing == "channels":
            content = {"relatedPlaylists": {"uploads": "UU1"}}
            return ok({"items": [{"id": CHANNEL, "contentDetails": content}]})
        if listing == "playlistItems":
            return ok({"items": [self.listed(video) for video in reversed(self.videos)]})
        if listing == "commentThreads":
            tops = [c for c in self.comments if "parentId" not in c["snippet"]]
            return ok({"items": [{"id": c["id"], "snippet": {"topLevelComment": c}} for c in reversed(tops)]})
        if listing == "comments":
            parent = request.url.params["parentId"]
            return ok({"items": [c for c in self.comments if c["snippet"].get("parentId") == parent]})
        raise AssertionError(f"unexpected {request.method} {path}")

    def open(self, request: httpx.Request) -> httpx.Response:
        session_id = f"session-{len(self.sessions) + 1}"
        size = int(request.headers["x-upload-content-length"])
        self.sessions[session_id] = {
            "resource": json.loads(request.content),
            "size": size,
            "held": b"",
            "video": None,
            "gone": None,
            "params": dict(request.url.params),
            "kind": request.headers["x-upload-content-type"],
        }
        where = f"https://api.example/upload/youtube/v3/videos?uploadType=resumable&upload_id={session_id}"
        return httpx.Response(200, headers={"location": where})

    def upload(self, request: httpx.Request) -> httpx.Response:
        session = self.sessions[request.url.params["upload_id"]]
        if session["gone"]:
            return httpx.Response(session["gone"], text="")
        if session["video"] is not None:
            return ok(session["video"])
        span = re.fullmatch(r"bytes (?:(\d+)-(\d+)|\*)/(\d+)", request.headers["content-range"])
        assert span, request.headers["content-range"]
        assert int(span.group(3)) == session["size"]
        if span.group(1):
            first, last = int(span.group(1)), int(span.group(2))
            assert last - first + 1 == len(request.content)
            assert first <= len(session["held"]), "a gap"
            is_last = last + 1 == session["size"]
            kept = request.content[: len(request.content) - (0 if is_last else self.holds_back)]
            session["held"] = session["held"][:first] + kept
        if len(session["held"]) == session["size"]:
            stamp = {"publishedAt": "2026-06-01T12:00:00Z"}
            video = {"id": next(self._ids), "snippet": {**session["resource"]["snippet"], **stamp}}
            session["video"] = video
            self.videos.append(video)
            return httpx.Response(201, json=video)
        held = len(session["held"])
        return httpx.Response(308, headers={"range": f"bytes=0-{held - 1}"} if held else {})

    def comment(self, listing: str, snippet: dict) -> httpx.Response:
        inner = snippet["topLevelComment"]["snippet"] if listing == "commentThreads" else snippet
        number = len(self.comments) + 1
        comment_id = f"{snippet['parentId']}.{number}" if "parentId" in snippet else f"Ug{number}"
        written = self.remark(comment_id, inner["textOriginal"], parent=snippet.get("parentId"))
        self.comments.append(written)
        return ok(written if listing == "comments" else {"id": comment_id, "snippet": {"topLevelComment": written}})

    @staticmethod
    def remark(comment_id: str, text: str, *, author: str = CHANNEL, parent: str | None = None) -> dict:
        snippet = {
            "authorChannelId": {"value": author},
            "textOriginal": text,
            "publishedAt": "2026-06-01T12:00:00Z",
        }
        return {"id": comment_id, "snippet": {**snippet, **({"parentId": parent} if parent else {})}}

    @staticmethod
    def listed(video: dict) -> dict:
        snippet = {k: video["snippet"][k] for k in ("title", "description", "publishedAt")}
        return {"snippet": {**snippet, "resourceId": {"videoId": video["id"]}}}


def ok(body) -> httpx.Response:
    return httpx.Response(200, json=body)


def refused(status: int, reason: str) -> httpx.Response:
    errors = [{"domain": "youtube.x", "reason": reason, "message": "no"}]
    return httpx.Response(status, json={"error": {"code": status, "message": "no", "errors": errors}})


@pytest.fixture
def studio() -> Studio:
    return Studio()


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
    """A connector whose network is `handler`, and the record of what it asked."""

    def build(handler, *args, **options):
        wire = exchange(handler)
        return YouTubeConnector(wire.transport(YouTubeDialect(*args, **options), tokens), media), wire

    return build


@pytest.fixture
def film_request(request_of, account, media, monkeypatch):
    """A film of `size` bytes in parts of four, so that a few bytes are several parts."""
    monkeypatch.setattr(uploads, "CHUNK_BYTES", PART)

    def build(size: int = 10, **changes):
        media.files["media/film.mp4"] = bytes(range(size))
        film = Media(
            media_id="film",
            path="media/film.mp4",
            mime_type="video/mp4",
            alt_text="",
            width=1080,
            height=1920,
            size_bytes=size,
            sha256="0" * 64,
            duration_seconds=20,
        )
        fields = {
            "text": "Café abierto ☕\nDesde hoy.",
            "content_format": ContentFormat.VIDEO,
            "media": (film,),
            "options": PublishOptions(title="Abrimos"),
        }
        return request_of(account, **(fields | changes))

    return build


async def staged(connector, request, staging=None):
    staging = staging or connector.prepare(request)
    is_fresh = False
    while not (staging.is_complete and is_fresh):
        # What was persisted is all that survives: stage goes on from a copy of it.
        staging = await connector.stage(request, Staging.model_validate_json(staging.model_dump_json()))
        is_fresh = True
    return staging


async def class_of(call) -> ErrorClass:
    with pytest.raises(NetworkError) as caught:
        await call
    return caught.value.error_class


# --- uploads -------------------------------------------------------------------------------------------------------------


async def test_a_film_goes_up_in_parts_and_the_last_byte_makes_the_video(youtube, studio, film_request, media):
    connector, _ = youtube(studio)
    request = film_request(10)
    staging = await staged(connector, request)
    (session,) = studio.sessions.values()
    assert (session["held"], studio.videos) == (bytes(range(8)), [])
    receipt = await connector.commit(request, staging)
    assert session["held"] == media.files["media/film.mp4"]
    assert session["params"] == {"uploadType": "resumable", "part": "snippet,status"}
    assert session["kind"] == "video/mp4"
    assert session["resource"]["snippet"]["title"] == "Abrimos"
    assert session["resource"]["snippet"]["description"] == request.text
    assert session["resource"]["status"]["privacyStatus"] == "public"
    (video,) = studio.videos
    assert (receipt.native_id, receipt.how, receipt.published_at) == (video["id"], "answered", NOW)
    assert receipt.permalink == f"https://www.youtube.com/watch?v={video['id']}"


async def test_a_short_film_takes_one_call_besides_the_session(youtube, studio, film_request):
    connector, _ = youtube(studio)
    request = film_request(PART)
    await connector.commit(request, await connector.stage(request, connector.prepare(request)))
    assert studio.calls == ["POST /upload/youtube/v3/videos", "PUT /upload/youtube/v3/videos"]


async def test_the_address_is_handed_back_before_the_first_byte(youtube, studio, film_request):
    connector, _ = youtube(studio)
    request = film_request()
    staging = await connector.stage(request, connector.prepare(request))
    assert "upload_id=session-1" in staging.handles["session"]
    assert studio.sessions["session-1"]["held"] == b""
    assert not staging.is_complete


async def test_options_become_the_networks_own(youtube, studio, film_request):
    connector, _ = youtube(studio)
    options = PublishOptions(title="T", privacy="unlisted", is_ai_made=True, is_paid_partnership=True)
    await staged(connector, film_request(options=options))
    (session,) = studio.sessions.values()
    assert session["params"]["part"] == "snippet,status,paidProductPlacementDetails"
    status = session["resource"]["status"]
    assert (status["privacyStatus"], status["containsSyntheticMedia"]) == ("unlisted", True)
    assert session["resource"]["paidProductPlacementDetails"] == {"hasPaidProductPlacement": True}


async def test_without_a_title_the_first_line_is_it(film_request):
    plain = film_request(options=PublishOptions())
    assert uploads.title_of(plain) == "Café abierto ☕"
    long = film_request(options=PublishOptions(), text="word " * 40)
    assert uploads.title_of(long) == " ".join(["word"] * 19) + "…"
    assert len(uploads.title_of(long)) <= 100


@pytest.mark.parametrize(
    "changes",
    [
        {"media": ()},
        {"options": PublishOptions(title="x" * 101)},
        {"options": PublishOptions(title=""), "text": ""},
        {"options": PublishOptions(title="T", privacy="friends")},
        {"options": PublishOptions(title="a < b")},
        {"text": "é" * 2501},
    ],
)
async def test_what_the_network_can_not_show_is_refused_before_it_is_asked(youtube, studio, film_request, changes):
    connector, wire = youtube(studio)
    request = film_request(**changes)
    assert await class_of(connector.stage(request, connector.prepare(request))) is ErrorClass.INVALID
    assert not wire.requests


async def test_a_short_has_the_shape_and_length_of_one(youtube, studio, film_request):
    connector, _ = youtube(studio)
    film = film_request().media[0]
    for unfit in ({"width": 1920, "height": 1080}, {"duration_seconds": 181.0}):
        media = (film.model_copy(update=unfit),)
        request = film_request(content_format=ContentFormat.SHORT_VIDEO, media=media)
        assert await class_of(connector.stage(request, connector.prepare(request))) is ErrorClass.INVALID
    await staged(connector, film_request(content_format=ContentFormat.SHORT_VIDEO))


async def test_after_a_crash_the_upload_goes_on_where_the_session_says(youtube, studio, film_request):
    connector, wire = youtube(studio)
    request = film_request(14)
    staging = await connector.stage(request, connector.prepare(request))
    studio.cut = "bytes 0-3/14"
    assert await class_of(connector.stage(request, staging)) is ErrorClass.TRANSIENT
    studio.cut = None
    again, wire = youtube(studio)
    await again.commit(request, await staged(again, request, staging))
    assert len(studio.sessions) == len(studio.videos) == 1
    spans = [r.headers["content-range"] for r in wire.requests]
    assert [span for span in spans if "*" not in span] == ["bytes 4-7/14", "bytes 8-11/14", "bytes 12-13/14"]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.integers(1, 40),
    held_back=st.integers(0, 3),
    trouble=st.lists(st.sampled_from(["fine", "lost before", "lost after", 503]), max_size=30),
)
async def test_whatever_goes_wrong_on_the_way_one_intent_is_one_video(youtube, film_request, size, held_back, trouble):
    studio, ahead = Studio(), iter(trouble)
    studio.holds_back = held_back

    def handler(request: httpx.Request) -> httpx.Response:
        event = next(ahead, "fine")
        if event == "lost before":
            raise httpx.ReadError("lost", request=request)
        if isinstance(event, int):
            return httpx.Response(event)
        answer = studio(request)
        if event == "lost after":
            raise httpx.ReadTimeout("lost", request=request)
        return answer

    request = film_request(size)
    staging, is_announced, receipt = Staging(), False, None
    while receipt is None:
        connector, _ = youtube(handler)  # what was persisted is all that survives
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
    assert [video["id"] for video in studio.videos] == [receipt.native_id]
    (session,) = [session for session in studio.sessions.values() if session["video"]]
    assert session["held"] == bytes(range(size))


async def test_a_lost_answer_is_found_by_asking_the_session(youtube, studio, film_request):
    connector, _ = youtube(studio)
    request = film_request()
    staging = await staged(connector, request)
    found = await connector.find_published(request, staging)
    assert found.outcome == "not_published"
    studio.cut = "bytes 8-9/10"
    assert await class_of(connector.commit(request, staging)) is ErrorClass.AMBIGUOUS
    found = await connector.find_published(request, staging)
    assert (found.outcome, found.receipt.how) == ("published", "reconciled")
    assert found.receipt.native_id == studio.videos[0]["id"]
    assert len(studio.videos) == 1


async def test_a_second_commit_of_the_same_upload_is_the_same_video(youtube, studio, film_request):
    connector, _ = youtube(studio)
    request = film_request()
    staging = await staged(connector, request)
    first = await connector.commit(request, staging)
    second = await connector.commit(request, staging)
    assert first.native_id == second.native_id
    assert len(studio.videos) == 1
    assert await class_of(connector.stage(request, staging)) is ErrorClass.DUPLICATE


@pytest.mark.parametrize("status", [308, 500, 503])
async def test_an_unclear_answer_to_the_last_part_is_ambiguous(youtube, studio, film_request, status):
    is_out = False

    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status) if is_out else studio(request)

    connector, wire = youtube(handler)
    request = film_request()
    staging = await staged(connector, request)
    is_out, asked = True, len(wire.requests)
    assert await class_of(connector.commit(request, staging)) is ErrorClass.AMBIGUOUS
    assert len(wire.requests) == asked + 1
    is_out = False
    assert (await connector.find_published(request, staging)).outcome == "not_published"
    await connector.commit(request, await staged(connector, request, staging))
    assert len(studio.sessions) == len(studio.videos) == 1


@pytest.mark.parametrize("status", [404, 410])
async def test_a_session_that_is_gone_before_its_last_part_is_replaced(youtube, studio, film_request, status):
    connector, _ = youtube(studio)
    request = film_request()
    staging = await connector.stage(request, connector.prepare(request))
    studio.sessions["session-1"]["gone"] = status
    assert (await connector.find_published(request, staging)).outcome == "not_published"
    await connector.commit(request, await staged(connector, request, staging))
    assert (len(studio.sessions), len(studio.videos)) == (2, 1)


async def test_a_session_that_is_gone_after_its_last_part_is_looked_for_in_the_listing(youtube, studio, film_request):
    connector, _ = youtube(studio)
    request = film_request()
    staging = await staged(connector, request)
    await connector.commit(request, staging)
    studio.sessions["session-1"]["gone"] = 404
    assert await class_of(connector.commit(request, staging)) is ErrorClass.AMBIGUOUS
    assert await class_of(connector.stage(request, staging)) is ErrorClass.DUPLICATE
    found = await connector.find_published(request, staging)
    assert (found.outcome, found.receipt.native_id) == ("published", studio.videos[0]["id"])

    claimed = request.model_copy(update={"claimed_native_ids": (studio.videos[0]["id"],)})
    assert (await connector.find_published(claimed, staging)).outcome == "absent"
    hidden, studio.videos = studio.videos, []
    assert (await connector.find_published(request, staging)).outcome == "absent"
    studio.videos = [*hidden, {**hidden[0], "id": "another"}]
    assert (await connector.find_published(request, staging)).outcome == "undecided"
    assert len(studio.sessions) == 1


async def test_a_network_that_loses_every_session_does_not_use_up_the_days_uploads(youtube, studio, film_request):
    def handler(request: httpx.Request) -> httpx.Response:
        answer = studio(request)
        for session in studio.sessions.values():
            session["gone"] = 410
        return answer

    connector, _ = youtube(handler)
    request = film_request()
    assert await class_of(staged(connector, request)) is ErrorClass.TRANSIENT
    assert len(studio.sessions) == 3


async def test_no_upload_begun_is_nothing_published(youtube, studio, film_request):
    connector, wire = youtube(studio)
    request = film_request()
    assert (await connector.find_published(request, connector.prepare(request))).outcome == "not_published"
    assert not wire.requests


async def test_a_film_that_changed_is_not_sent_as_the_rest_of_another(youtube, studio, film_request, media):
    connector, _ = youtube(studio)
    request = film_request()
    staging = await staged(connector, request)
    media.files["media/film.mp4"] = b"another film"
    assert await class_of(connector.stage(request, staging)) is ErrorClass.INVALID
    assert await class_of(connector.commit(request, staging)) is ErrorClass.AMBIGUOUS
    assert not studio.videos


async def test_an_upload_without_an_address_is_tried_again_later(youtube, film_request):
    connector, _ = youtube(lambda _: httpx.Response(200))
    request = film_request()
    assert await class_of(connector.stage(request, connector.prepare(request))) is ErrorClass.TRANSIENT


@pytest.mark.parametrize("sandbox", [None, "http://127.0.0.1:9/youtube"])
async def test_each_host_is_asked_for_its_own_paths(tokens, media, exchange, film_request, account, sandbox):
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            return ok({"access_token": "access-2"})
        location = {"location": f"{request.url.scheme}://{request.url.netloc.decode()}/session"}
        return httpx.Response(200, headers=location, json={"items": [{"id": CHANNEL}]})

    wire = exchange(handler)
    app = YouTubeApp(client_id="77", client_secret=SecretStr("s"))
    transport = wire.transport(YouTubeDialect(app), tokens)
    transport._base_url = sandbox
    connector = YouTubeConnector(transport, media)
    real = account.model_copy(update={"base_url": f"{calls.REAL_API}/"})
    await connector.profile(real)
    await connector.account_metrics(real, start=NOW.date(), end=NOW.date())
    await connector.refresh_token(real)
    request = film_request().model_copy(update={"account": real})
    staging = await connector.stage(request, connector.prepare(request))
    assert (await connector.find_published(request, staging)).outcome == "undecided", "an answer that is no video"
    beside = sandbox or ""
    assert [str(r.url.copy_with(query=None)) for r in wire.requests] == [
        f"{beside or 'https://youtube.googleapis.com'}/youtube/v3/channels",
        f"{beside or 'https://youtubeanalytics.googleapis.com'}/v2/reports",
        f"{beside or 'https://oauth2.googleapis.com'}/token",
        f"{beside or 'https://www.googleapis.com'}/upload/youtube/v3/videos",
        f"{'http://127.0.0.1:9' if sandbox else 'https://www.googleapis.com'}/session",
    ]


# --- comments ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "parent"),
    [
        ({"reply_to_native_comment_id": "Ugx"}, "Ugx"),
        ({"reply_to_native_comment_id": "Ugx.answer"}, "Ugx"),
        ({"reply_to_native_post_id": "video-00001"}, None),
    ],
)
async def test_a_comment_and_its_reconciliation(youtube, studio, request_of, account, target, parent):
    connector, _ = youtube(studio)
    request = request_of(account, text="¡Gracias!", **target)
    studio.comments += [
        studio.remark("old", "¡Gracias!", parent=parent),
        studio.remark("theirs", "¡Gracias!", parent=parent, author="UCsomebody"),
    ]
    staging = await staged(connector, request)
    assert (await connector.find_published(request, staging)).outcome == "absent"
    studio.cut = "POST"
    assert await class_of(connector.commit(request, staging)) is ErrorClass.AMBIGUOUS
    found = await connector.find_published(request, staging)
    assert (found.outcome, found.receipt.native_id) == ("published", studio.comments[-1]["id"])
    studio.cut = None
    answered = await connector.commit(request, staging)
    assert answered.native_id == studio.comments[-1]["id"]
    assert studio.comments[-1]["snippet"].get("parentId") == parent
    assert (await connector.find_published(request, staging)).outcome == "undecided", "two new ones"
    claimed = request.model_copy(update={"claimed_native_ids": (answered.native_id,)})
    assert (await connector.find_published(claimed, staging)).receipt.native_id == studio.comments[-2]["id"]


async def test_a_comment_with_a_film_is_refused(youtube, studio, film_request):
    connector, _ = youtube(studio)
    request = film_request(reply_to_native_comment_id="Ugx")
    assert await class_of(connector.stage(request, connector.prepare(request))) is ErrorClass.INVALID


@pytest.mark.parametrize(
    ("native_id", "path"),
    [("D-lhorsDlUQ", "/youtube/v3/videos"), ("UgyZ1jqkHKYvi1-ruOZ4AaABAg", "/youtube/v3/comments")],
)
async def test_deleting_what_is_gone_succeeds_and_what_is_not_allowed_does_not(youtube, account, native_id, path):
    answers = [httpx.Response(204), refused(404, "videoNotFound"), refused(403, "forbidden")]
    connector, wire = youtube(lambda _: answers.pop(0))
    await connector.delete(account, native_id)
    await connector.delete(account, native_id)
    assert await class_of(connector.delete(account, native_id)) is ErrorClass.SCOPE
    assert {(r.method, r.url.path, r.url.params["id"]) for r in wire.requests} == {("DELETE", path, native_id)}


# --- tokens --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("replaced", [None, "refresh-2"])
async def test_a_token_is_renewed_and_the_refresh_token_kept_unless_replaced(
    youtube, studio, account, tokens, replaced
):
    tokens.token = tokens.token.model_copy(update={"expires_at": datetime.now(UTC) + timedelta(minutes=1)})
    app = YouTubeApp(client_id="77", client_secret=SecretStr("app-secret"))

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            form = dict(httpx.QueryParams(request.content.decode()))
            assert form == {
                "grant_type": "refresh_token",
                "client_id": "77",
                "client_secret": "app-secret",
                "refresh_token": "refresh-1",
            }
            assert "authorization" not in request.headers
            new = {"access_token": "access-2", "expires_in": 3599, "token_type": "Bearer"}
            return ok({**new, **({"refresh_token": replaced} if replaced else {})})
        assert request.headers["authorization"] == "Bearer access-2"
        return studio(request)

    connector, wire = youtube(handler, app)
    await connector.profile(account)
    assert (tokens.token.access_token, tokens.token.refresh_token) == ("access-2", replaced or "refresh-1")
    left = tokens.token.expires_at - datetime.now(UTC)
    assert timedelta(minutes=50) < left < timedelta(hours=1)
    assert not {"app-secret", "access-2", "refresh-1"} & set(re.findall(r"[\w-]+", str(wire.journal)))


async def test_a_revoked_refresh_token_means_connect_again(youtube, account):
    app = YouTubeApp(client_id="77", client_secret=SecretStr("s"))
    body = {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
    connector, _ = youtube(lambda _: httpx.Response(400, json=body), app)
    with pytest.raises(NetworkError) as caught:
        await connector.refresh_token(account)
    assert (caught.value.error_class, caught.value.code) == (ErrorClass.AUTH, "invalid_grant")


async def test_without_an_app_nothing_can_be_renewed(youtube, studio, account):
    connector, _ = youtube(studio)
    assert await class_of(connector.refresh_token(account)) is ErrorClass.AUTH


async def test_a_token_that_expires_at_the_last_part_is_renewed_and_the_publisher_sends_again(
    youtube, studio, film_request
):
    expired = False
    app = YouTubeApp(client_id="77", client_secret=SecretStr("s"))

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            return ok({"access_token": "access-2", "expires_in": 3599})
        if expired and request.headers["authorization"] == "Bearer access-1":
            return refused(401, "authError")
        return studio(request)

    connector, _ = youtube(handler, app)
    request = film_request()
    staging = await staged(connector, request)
    expired = True
    assert await class_of(connector.commit(request, staging)) is ErrorClass.TRANSIENT
    await connector.commit(request, await staged(connector, request, staging))
    assert len(studio.sessions) == len(studio.videos) == 1


# --- quota ---------------------------------------------------------------------------------------------------------------


def test_the_price_list_has_every_operation_and_no_search():
    assert {name: cost.amount for name, cost in COSTS.items() if cost.bucket == UNITS} == {
        **{f"{listing}.list": 1 for listing in ("channels", "playlistItems", "videos", "commentThreads", "comments")},
        **{f"{listing}.insert": 50 for listing in ("commentThreads", "comments")},
        **{f"{listing}.delete": 50 for listing in ("videos", "comments")},
    }
    assert {name: cost.amount for name, cost in COSTS.items() if cost.bucket == UPLOADS} == {"videos.insert": 1}


async def test_reads_stop_before_the_projects_quota_is_used_up(youtube, studio, account):
    connector, wire = youtube(studio, quota=Quota(units=10))
    for _ in range(8):
        await connector.profile(account)
    with pytest.raises(NetworkError) as caught:
        await connector.profile(account)
    assert (caught.value.error_class, caught.value.code) == (ErrorClass.RATE, "local_limit")
    at = caught.value.retry_at.astimezone(ZoneInfo("America/Los_Angeles"))
    assert (at.hour, at.minute, at.second) == (0, 0, 0), "quotas are full again at midnight in California"
    assert caught.value.retry_at > datetime.now(UTC)
    assert len(wire.requests) == 8


async def test_the_last_fifth_of_the_quota_is_for_writing(youtube, studio, account, request_of):
    connector, _ = youtube(studio, quota=Quota(units=100))
    for _ in range(50):
        await connector.profile(account)
    request = request_of(account, text="¡Gracias!", reply_to_native_comment_id="Ugx")
    staging = await connector.stage(request, connector.prepare(request))
    for _ in range(29):
        await connector.profile(account)
    assert await class_of(connector.profile(account)) is ErrorClass.RATE, "51 + 29 + 1"
    connector, _ = youtube(studio, quota=Quota(units=52))
    await connector.profile(account)
    await connector.commit(request, staging)
    assert await class_of(connector.commit(request, staging)) is ErrorClass.RATE
    assert len(studio.comments) == 1


async def test_uploads_have_a_bucket_of_their_own(youtube, studio, film_request, account):
    connector, _ = youtube(studio, quota=Quota(uploads=2))
    for _ in range(2):
        request = film_request()
        await connector.commit(request, await staged(connector, request))
    request = film_request()
    assert await class_of(connector.stage(request, connector.prepare(request))) is ErrorClass.RATE
    await connector.profile(account)
    assert len(studio.sessions) == 2


async def test_a_channel_that_uploaded_too_much_stops_no_other(youtube, studio, film_request, account):
    def handler(request: httpx.Request) -> httpx.Response:
        return refused(400, "uploadLimitExceeded") if request.url.host == "full.example" else studio(request)

    connector, wire = youtube(handler)
    full = account.model_copy(update={"account_id": "youtube:full", "base_url": "https://full.example"})
    request = film_request().model_copy(update={"account": full})
    for _ in range(2):
        assert await class_of(connector.stage(request, connector.prepare(request))) is ErrorClass.RATE
    assert len(wire.requests) == 1, "the second was not sent"
    await connector.stage(film_request(), connector.prepare(film_request()))
    assert len(studio.sessions) == 1


def test_a_refused_call_says_how_long_to_wait():
    noon = datetime(2026, 6, 1, 19, 0, tzinfo=UTC)

    def wait(status: int, reason: str) -> float | None:
        body = {"error": {"code": status, "errors": [{"reason": reason}]}}
        return classify(status, body, now=noon).retry_after_seconds

    assert wait(403, "quotaExceeded") == wait(403, "dailyLimitExceeded") == 12 * 3600
    assert wait(400, "uploadLimitExceeded") == 24 * 3600
    assert wait(403, "userRateLimitExceeded") == wait(429, "rateLimitExceeded") == 60
    assert wait(403, "forbidden") is None


def test_projects_count_apart_and_may_count_nothing(account):
    call = calls.read("videos.list", "/youtube/v3/videos")
    keys = set()
    for name in ("77", "78"):
        dialect = YouTubeDialect(YouTubeApp(client_id=name, client_secret=SecretStr("s")))
        (limit,) = dialect.local_limits(account, call)
        keys.add(limit.key)
    assert keys == {"youtube:77:units", "youtube:78:units"}
    assert YouTubeDialect(quota=None).local_limits(account, call) == ()


def test_the_bytes_of_an_upload_cost_no_quota(account):
    dialect = YouTubeDialect()
    call = Call(CallKind.STAGE, "videos.insert.bytes", "PUT", "", url="https://api.example/x")
    assert dialect.local_limits(account, call) == ()
    assert dialect.limit_keys(account, call) == (f"videos.insert.bytes:{account.account_id}",)
