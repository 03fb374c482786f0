"""Publishing on Bluesky: one key for ever, a record that never changes, and reconciliation by that key."""

import json
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat
from contracts.records import PublishOptions, Staging

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
FAN_POST = "at://did:plc:fan/app.bsky.feed.post/3n2vnlln57k2x"
DID = "did:plc:o6y7sm2tpblnupwrfuh7anys"
OWN_POST = f"at://{DID}/app.bsky.feed.post/3n2vnll52qoia"


def blob_of(content: bytes, mime_type: str) -> dict:
    return {"$type": "blob", "ref": {"$link": f"cid-{content.decode()}"}, "mimeType": mime_type, "size": len(content)}


class Pds:
    """A personal data server with one repository, and the video service beside it.

    `lose_answer_to` names a method whose answer never arrives, `refuse_record` a number of writes after which one is refused.
    """

    def __init__(self) -> None:
        self.records: dict[str, dict] = {}
        self.foreign = {
            FAN_POST: {
                "text": "when?",
                "reply": {"root": {"uri": OWN_POST, "cid": "cid-root"}, "parent": {"uri": OWN_POST, "cid": "cid-root"}},
            }
        }
        self.handles = {"ana.bsky.social": "did:plc:ana"}
        self.lose_answer_to: str | None = None
        self.refuse_record: int | None = None
        self.calls: list[str] = []
        self.films: list[bytes] = []
        self.job: dict = {"state": "JOB_STATE_COMPLETED", "blob": blob_of(b"waves", "video/mp4")}
        self.polls_needed = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.rpartition("/")[2]
        self.calls.append(name)
        answer = getattr(self, name.rpartition(".")[2])(request)
        if self.lose_answer_to == name:
            raise httpx.RemoteProtocolError("cut", request=request)
        return answer

    def putRecord(self, request):  # noqa: N802
        body = json.loads(request.content)
        if self.refuse_record == len(self.records) and body["rkey"] not in self.records:
            return httpx.Response(400, json={"error": "InvalidRequest", "message": "no more"})
        self.records[body["rkey"]] = body["record"]
        uri = f"at://{body['repo']}/{body['collection']}/{body['rkey']}"
        return httpx.Response(200, json={"uri": uri, "cid": f"cid-{body['rkey']}"})

    def getRecord(self, request):  # noqa: N802
        p = request.url.params
        uri = f"at://{p['repo']}/{p['collection']}/{p['rkey']}"
        record = self.foreign.get(uri) or self.records.get(p["rkey"])
        if record is None:
            return httpx.Response(400, json={"error": "RecordNotFound", "message": "Could not locate record"})
        return httpx.Response(200, json={"uri": uri, "cid": "cid-x", "value": record})

    def deleteRecord(self, request):  # noqa: N802
        self.records.pop(json.loads(request.content)["rkey"], None)
        return httpx.Response(200, json={})

    def uploadBlob(self, request):  # noqa: N802
        return httpx.Response(200, json={"blob": blob_of(request.content, request.headers["content-type"])})

    def describeServer(self, request):  # noqa: N802
        return httpx.Response(200, json={"did": "did:web:pds.example"})

    def getServiceAuth(self, request):  # noqa: N802
        p = request.url.params
        assert (p["aud"], p["lxm"]) == ("did:web:pds.example", "com.atproto.repo.uploadBlob")
        assert int(p["exp"]) > time.time() + 600
        return httpx.Response(200, json={"token": "service-token"})

    def uploadVideo(self, request):  # noqa: N802
        assert request.url.host == "video.bsky.app"
        assert request.headers["authorization"] == "Bearer service-token"
        assert (request.headers["content-type"], request.url.params["did"]) == ("video/mp4", DID)
        self.films.append(request.content)
        job = {"jobId": f"job-{len(self.films)}", "did": DID, "state": "JOB_STATE_CREATED"}
        return httpx.Response(200, json={"jobStatus": job})

    def getJobStatus(self, request):  # noqa: N802
        assert "authorization" not in request.headers
        self.polls_needed -= 1
        job = self.job if self.polls_needed < 0 else {"state": "JOB_STATE_ENCODING", "progress": 40}
        return httpx.Response(200, json={"jobStatus": {"jobId": request.url.params["jobId"], "did": DID, **job}})

    def resolveHandle(self, request):  # noqa: N802
        did = self.handles.get(request.url.params["handle"])
        if did is None:
            return httpx.Response(400, json={"error": "InvalidRequest", "message": "Unable to resolve handle"})
        return httpx.Response(200, json={"did": did})


@pytest.fixture
def pds() -> Pds:
    return Pds()


async def staged(connector, request, staging=None):
    staging = staging or connector.prepare(request)
    while not staging.is_complete:
        # What was persisted is all that survives: stage goes on from a copy of it.
        staging = await connector.stage(request, Staging.model_validate_json(staging.model_dump_json()))
    return staging


async def test_text_with_a_mention_a_link_and_a_tag(bluesky, pds, bluesky_account, request_of):
    connector, _ = bluesky(pds)
    request = request_of(bluesky_account, text="Hi @ana.bsky.social & @nobody.example: #café https://x.example")
    staging = await staged(connector, request)
    receipt = await connector.commit(request, staging)
    record = pds.records[staging.handles["rkey"]]
    assert record["text"] == request.text
    assert record["createdAt"] == "2026-06-01T12:00:00.000Z"
    assert record["langs"] == ["en"]
    kinds = [f["features"][0]["$type"].partition("#")[2] for f in record["facets"]]
    assert kinds == ["mention", "tag", "link"]
    assert receipt.native_id.endswith(staging.handles["rkey"])
    assert receipt.how == "answered"
    assert receipt.published_at == request.created_at


async def test_a_carousel_uploads_each_picture_once_even_after_a_crash(
    bluesky, pds, bluesky_account, request_of, media
):
    connector, _ = bluesky(pds)
    pictures = tuple(media.picture(name) for name in ("one", "two", "three"))
    request = request_of(bluesky_account, content_format=ContentFormat.CAROUSEL, media=pictures)
    staging = await connector.stage(request, connector.prepare(request))
    staging = await connector.stage(request, staging)
    again, _ = bluesky(pds)
    staging = await staged(again, request, staging)
    await again.commit(request, staging)
    assert pds.calls.count("com.atproto.repo.uploadBlob") == 3
    images = pds.records[staging.handles["rkey"]]["embed"]["images"]
    assert [i["image"]["ref"]["$link"] for i in images] == ["cid-one", "cid-two", "cid-three"]
    assert images[0]["alt"] == "Picture one"
    assert images[0]["aspectRatio"] == {"width": 320, "height": 200}


async def test_a_reply_names_the_answered_post_and_the_threads_first(bluesky, pds, bluesky_account, request_of):
    connector, _ = bluesky(pds)
    request = request_of(bluesky_account, reply_to_native_comment_id=FAN_POST, reply_to_native_post_id=OWN_POST)
    staging = await staged(connector, request)
    await connector.commit(request, staging)
    assert pds.records[staging.handles["rkey"]]["reply"] == {
        "root": {"uri": OWN_POST, "cid": "cid-root"},
        "parent": {"uri": FAN_POST, "cid": "cid-x"},
    }


async def test_a_lost_answer_is_found_again_and_a_second_commit_changes_nothing(
    bluesky, pds, bluesky_account, request_of
):
    connector, _ = bluesky(pds)
    request = request_of(bluesky_account)
    staging = await staged(connector, request)
    before = await connector.find_published(request, staging)
    assert before.outcome == "not_published"
    pds.lose_answer_to = "com.atproto.repo.putRecord"
    with pytest.raises(NetworkError) as caught:
        await connector.commit(request, staging)
    assert caught.value.error_class is ErrorClass.AMBIGUOUS
    found = await connector.find_published(request, staging)
    assert (found.outcome, found.receipt.how) == ("published", "reconciled")
    first = dict(pds.records)
    pds.lose_answer_to = None
    receipt = await connector.commit(request, staging)
    assert pds.records == first
    assert receipt.native_id == found.receipt.native_id


async def test_different_intents_of_the_same_text_are_different_posts(bluesky, pds, bluesky_account, request_of):
    connector, _ = bluesky(pds)
    for occurrence in (1, 2):
        request = request_of(bluesky_account, intent_id=f"item-1/a/{occurrence}")
        await connector.commit(request, await staged(connector, request))
    assert len(pds.records) == 2


async def test_failing_to_read_for_reconciliation_is_no_answer(bluesky, bluesky_account, request_of):
    connector, _ = bluesky(lambda _: httpx.Response(503, json={}))
    request = request_of(bluesky_account)
    with pytest.raises(NetworkError) as caught:
        await connector.find_published(request, connector.prepare(request))
    assert caught.value.error_class is ErrorClass.TRANSIENT


async def test_what_the_network_cannot_show_is_refused_before_anything_is_uploaded(
    bluesky, pds, bluesky_account, request_of, media
):
    connector, wire = bluesky(pds)
    picture = media.picture()
    for unfit in (
        (picture,) * 5,
        (picture.model_copy(update={"mime_type": "video/mp4"}),),
        (picture.model_copy(update={"size_bytes": 2_000_001}),),
        (picture.model_copy(update={"mime_type": "audio/mpeg"}),),
    ):
        request = request_of(bluesky_account, media=unfit)
        with pytest.raises(NetworkError) as caught:
            await connector.stage(request, connector.prepare(request))
        assert caught.value.error_class is ErrorClass.INVALID
    film, link = media.film(), "https://harbor.example"
    video, article, thread = ContentFormat.VIDEO, ContentFormat.ARTICLE, ContentFormat.THREAD
    long = ("x" * 301,)
    for kind, files, options in (
        (video, (), {}),
        (video, (film, picture), {}),
        (video, (film.model_copy(update={"size_bytes": 300_000_001}),), {}),
        (video, (film.model_copy(update={"mime_type": "video/quicktime"}),), {}),
        (article, (), {"link": link}),
        (article, (picture, picture), {"link": link, "title": "Menu"}),
        (article, (picture.model_copy(update={"size_bytes": 1_000_001}),), {"link": link, "title": "Menu"}),
        (thread, (), {"thread": long}),
        (thread, (), {"thread": ("fine", " ")}),
        (ContentFormat.TEXT, (), {"place_id": "1"}),
        (ContentFormat.STORY, (picture,), {}),
    ):
        request = request_of(bluesky_account, content_format=kind, media=files, options=PublishOptions(**options))
        with pytest.raises(NetworkError) as caught:
            await connector.stage(request, connector.prepare(request))
        assert caught.value.error_class is ErrorClass.INVALID, (kind, options)
    assert not wire.requests


async def test_a_picture_that_is_gone_fails_the_post_for_good(bluesky, pds, bluesky_account, request_of, media):
    from contracts.errors import ProviderError

    class Gone:
        def read(self, path: str) -> bytes:
            raise ProviderError(f"no file {path}")

    connector, _ = bluesky(pds, Gone())
    request = request_of(bluesky_account, media=(media.picture(),))
    with pytest.raises(NetworkError) as caught:
        await connector.stage(request, connector.prepare(request))
    assert caught.value.error_class is ErrorClass.INVALID


async def test_deleting_twice_is_deleting(bluesky, pds, bluesky_account, request_of):
    connector, _ = bluesky(pds)
    request = request_of(bluesky_account)
    receipt = await connector.commit(request, await staged(connector, request))
    await connector.delete(bluesky_account, receipt.native_id)
    await connector.delete(bluesky_account, receipt.native_id)
    assert pds.records == {}


async def test_the_key_does_not_depend_on_when_it_is_asked_for(bluesky, pds, bluesky_account, request_of):
    connector, _ = bluesky(pds)
    request = request_of(bluesky_account)
    assert connector.prepare(request) == connector.prepare(request)
    later = request_of(bluesky_account, created_at=request.created_at + timedelta(hours=1))
    assert connector.prepare(request) != connector.prepare(later)


# --- links ---------------------------------------------------------------------------------------------------------------


async def test_a_link_of_its_own_is_shown_as_a_card(bluesky, pds, bluesky_account, request_of, media):
    connector, _ = bluesky(pds)
    link = "https://harbor.example/menu"
    article = PublishOptions(link=link, title="The menu")
    for number, (kind, files, options) in enumerate(
        (
            (ContentFormat.ARTICLE, (media.picture(),), article),
            (ContentFormat.LINK, (), PublishOptions(link=link)),
            (ContentFormat.LINK, (), PublishOptions()),
        )
    ):
        request = request_of(
            bluesky_account,
            intent_id=f"i{number}",
            text=f"See {link}",
            content_format=kind,
            media=files,
            options=options,
        )
        await connector.commit(request, await staged(connector, request))
    with_picture, plain, none = pds.records.values()
    assert with_picture["embed"] == {
        "$type": "app.bsky.embed.external",
        "external": {
            "uri": link,
            "title": "The menu",
            "description": "",
            "thumb": blob_of(b"one", "image/jpeg"),
        },
    }
    assert plain["embed"]["external"] == {"uri": link, "title": link, "description": ""}
    assert "embed" not in none
    assert none["facets"][0]["features"][0]["uri"] == link


# --- films ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def film_request(request_of, bluesky_account, media):
    return request_of(bluesky_account, content_format=ContentFormat.VIDEO, media=(media.film(),))


async def test_a_film_goes_through_the_video_service_once_even_after_a_crash(bluesky, pds, film_request):
    pds.polls_needed = 2
    connector, _ = bluesky(pds)
    uploading = await connector.stage(film_request, connector.prepare(film_request))
    assert uploading.handles["job"] == "job-1"
    again, wire = bluesky(pds)
    staging = await staged(again, film_request, uploading)
    await again.commit(film_request, staging)
    assert wire.slept == [0.5, 1.0]
    assert pds.films == [b"waves"]
    assert pds.records[staging.handles["rkey"]]["embed"] == {
        "$type": "app.bsky.embed.video",
        "video": blob_of(b"waves", "video/mp4"),
        "alt": "Picture waves",
        "aspectRatio": {"width": 320, "height": 200},
    }
    assert "job" not in staging.handles


async def test_a_film_that_takes_long_is_left_for_later(bluesky, pds, film_request):
    pds.polls_needed = 100
    connector, _ = bluesky(pds)
    staging = await connector.stage(film_request, connector.prepare(film_request))
    assert await connector.stage(film_request, staging) == staging
    assert not staging.is_complete


@pytest.mark.parametrize(
    ("failure", "uploads"),
    [("validation_failure", 1), ("encoding_failure", 1), ("generic_failure", 2), ("pds_upload_failure", 2), (None, 2)],
)
async def test_a_failed_job_is_tried_once_more_where_that_can_help(bluesky, pds, film_request, failure, uploads):
    pds.job = {"state": "JOB_STATE_FAILED", "failureCode": failure, "message": "The video is unreadable."}
    connector, _ = bluesky(pds)
    with pytest.raises(NetworkError) as caught:
        await staged(connector, film_request)
    assert caught.value.error_class is ErrorClass.INVALID
    assert "The video is unreadable." in caught.value.message
    assert len(pds.films) == uploads


async def test_a_job_that_nobody_knows_any_more_is_begun_again(bluesky, pds, film_request):
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.params.get("jobId") == "job-1":
            return httpx.Response(400, json={"error": "InvalidRequest", "message": "Job not found"})
        return pds(request)

    connector, _ = bluesky(handler)
    staging = await staged(connector, film_request)
    assert json.loads(staging.handles["blob_0"]) == blob_of(b"waves", "video/mp4")
    assert len(pds.films) == 2


async def test_a_film_that_the_service_has_already_is_taken_as_it_is(bluesky, pds, film_request):
    known = {"jobId": "job-of-then", "did": DID, "state": "JOB_STATE_COMPLETED", "error": "already_exists"}

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("uploadVideo"):
            return httpx.Response(409, json=known)  # the status itself, without a wrapper
        assert request.url.params.get("jobId") in (None, "job-of-then")
        return pds(request)

    connector, _ = bluesky(handler)
    assert "blob_0" in (await staged(connector, film_request)).handles


@pytest.mark.parametrize(
    ("status", "expected"), [(503, ErrorClass.TRANSIENT), (401, ErrorClass.INVALID), (429, ErrorClass.RATE)]
)
async def test_a_video_service_that_refuses_says_nothing_about_the_accounts_session(
    bluesky, pds, film_request, status, expected
):
    def handler(request: httpx.Request) -> httpx.Response:
        is_upload = request.url.path.endswith("uploadVideo")
        return httpx.Response(status, json={"error": "unconfirmed_email"}) if is_upload else pds(request)

    connector, _ = bluesky(handler)
    with pytest.raises(NetworkError) as caught:
        await connector.stage(film_request, connector.prepare(film_request))
    assert caught.value.error_class is expected


async def test_a_server_that_stands_alone_takes_the_film_itself(bluesky, pds, film_request):
    connector, _ = bluesky(pds, has_app_view=False)
    staging = await staged(connector, film_request)
    assert json.loads(staging.handles["blob_0"]) == blob_of(b"waves", "video/mp4")
    assert pds.films == []
    large = film_request.media[0].model_copy(update={"size_bytes": 60_000_000})
    request = film_request.model_copy(update={"media": (large,)})
    with pytest.raises(NetworkError) as caught:
        await connector.stage(request, connector.prepare(request))
    assert caught.value.error_class is ErrorClass.INVALID


async def test_what_was_uploaded_long_ago_is_uploaded_again(bluesky, pds, bluesky_account, request_of, media):
    request = request_of(bluesky_account, content_format=ContentFormat.IMAGE, media=(media.picture(),))
    connector, _ = bluesky(pds)
    staging = await staged(connector, request)
    assert await connector.stage(request, staging) == staging
    later, _ = bluesky(pds, now=NOW + timedelta(hours=1))
    emptied = await later.stage(request, staging)
    assert (emptied.handles, emptied.is_complete) == ({"rkey": staging.handles["rkey"]}, False)
    fresh = await staged(later, request, emptied)
    assert fresh.handles["blob_0"] == staging.handles["blob_0"], "named by its content: the record stays the same"
    assert pds.calls.count("com.atproto.repo.uploadBlob") == 2


# --- threads -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def thread_request(request_of, bluesky_account, media):
    options = PublishOptions(thread=("Second #part", "Third"))
    return request_of(
        bluesky_account, text="First", content_format=ContentFormat.THREAD, media=(media.picture(),), options=options
    )


def keys_of(staging: Staging) -> list[str]:
    return [staging.handles[name] for name in ("rkey", "rkey_1", "rkey_2")]


async def test_a_thread_is_a_chain_of_records_whose_keys_were_known_before(bluesky, pds, thread_request):
    connector, _ = bluesky(pds)
    prepared = connector.prepare(thread_request)
    keys = keys_of(prepared)
    assert keys == sorted(set(keys)), "three, and in the order of the posts"
    receipt = await connector.commit(thread_request, await staged(connector, thread_request, prepared))
    assert list(pds.records) == keys
    first, second, third = pds.records.values()
    root = {"uri": f"at://{DID}/app.bsky.feed.post/{keys[0]}", "cid": f"cid-{keys[0]}"}
    middle = {"uri": f"at://{DID}/app.bsky.feed.post/{keys[1]}", "cid": f"cid-{keys[1]}"}
    assert [r.get("reply") for r in (first, second, third)] == [
        None,
        {"root": root, "parent": root},
        {"root": root, "parent": middle},
    ]
    assert [r["text"] for r in (first, second, third)] == ["First", "Second #part", "Third"]
    assert ["embed" in r for r in (first, second, third)] == [True, False, False]
    assert second["facets"][0]["features"][0]["tag"] == "part"
    assert first["createdAt"] < second["createdAt"] < third["createdAt"]
    assert receipt.native_id == root["uri"]


async def test_a_thread_that_answers_stays_in_the_conversation(bluesky, pds, thread_request):
    connector, _ = bluesky(pds)
    request = thread_request.model_copy(update={"reply_to_native_comment_id": FAN_POST})
    await connector.commit(request, await staged(connector, request))
    first, second, _ = pds.records.values()
    assert first["reply"]["parent"]["uri"] == FAN_POST
    assert [r["reply"]["root"]["uri"] for r in (first, second)] == [OWN_POST, OWN_POST]
    assert second["reply"]["parent"]["uri"].endswith(next(iter(pds.records)))


@pytest.mark.parametrize("live", [0, 1, 2])
async def test_a_thread_that_stops_is_carried_on_and_nothing_is_written_twice(bluesky, pds, thread_request, live):
    connector, _ = bluesky(pds)
    staging = await staged(connector, thread_request)
    pds.refuse_record = live
    with pytest.raises(NetworkError) as caught:
        await connector.commit(thread_request, staging)
    assert caught.value.error_class is (ErrorClass.AMBIGUOUS if live else ErrorClass.INVALID)
    assert len(pds.records) == live
    found = await connector.find_published(thread_request, staging)
    assert (found.outcome, found.is_repeat_harmless) == (("undecided", True) if live else ("not_published", False))
    written = dict(pds.records)
    pds.refuse_record = None
    await connector.commit(thread_request, staging)
    assert {key: pds.records[key] for key in written} == written
    assert list(pds.records) == keys_of(staging)
    found = await connector.find_published(thread_request, staging)
    assert (found.outcome, found.receipt.native_id.endswith(staging.handles["rkey"])) == ("published", True)


async def test_every_lost_answer_within_a_thread_is_found_out(bluesky, pds, thread_request):
    connector, _ = bluesky(pds)
    staging = await staged(connector, thread_request)
    pds.lose_answer_to = "com.atproto.repo.putRecord"
    with pytest.raises(NetworkError) as caught:
        await connector.commit(thread_request, staging)
    assert caught.value.error_class is ErrorClass.AMBIGUOUS
    assert len(pds.records) == 1, "what was not answered is not built upon"
    assert (await connector.find_published(thread_request, staging)).outcome == "undecided"
    pds.lose_answer_to = None
    await connector.commit(thread_request, staging)
    assert len(pds.records) == 3
    assert (await connector.find_published(thread_request, staging)).outcome == "published"
