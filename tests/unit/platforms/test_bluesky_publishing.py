"""Publishing on Bluesky: one key for ever, a record that never changes, and reconciliation by that key."""

import json
from datetime import timedelta

import httpx
import pytest

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat
from contracts.records import Staging

FAN_POST = "at://did:plc:fan/app.bsky.feed.post/3n2vnlln57k2x"
OWN_POST = "at://did:plc:o6y7sm2tpblnupwrfuh7anys/app.bsky.feed.post/3n2vnll52qoia"


class Pds:
    """A personal data server with one repository; `lose_answer_to` names a method whose answer never arrives."""

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
        self.calls: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.rpartition("/")[2]
        self.calls.append(name)
        answer = getattr(self, name.rpartition(".")[2])(request)
        if self.lose_answer_to == name:
            raise httpx.RemoteProtocolError("cut", request=request)
        return answer

    def putRecord(self, request):  # noqa: N802
        body = json.loads(request.content)
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
        blob = {
            "$type": "blob",
            "ref": {"$link": f"cid-{request.content.decode()}"},
            "mimeType": request.headers["content-type"],
            "size": len(request.content),
        }
        return httpx.Response(200, json={"blob": blob})

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
    ):
        request = request_of(bluesky_account, media=unfit)
        with pytest.raises(NetworkError) as caught:
            await connector.stage(request, connector.prepare(request))
        assert caught.value.error_class is ErrorClass.INVALID
    assert not wire.requests


async def test_a_picture_that_is_gone_fails_the_post_for_good(bluesky, pds, bluesky_account, request_of, media):
    from contracts.errors import ProviderError

    class Gone:
        def read(self, path: str) -> bytes:
            raise ProviderError(f"no file {path}")

    connector, _ = bluesky(pds)
    connector._media = Gone()
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
