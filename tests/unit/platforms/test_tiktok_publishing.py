"""Publishing on TikTok: uploads in parts, pictures by address, and what can and cannot be known after a lost answer."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat, Network
from contracts.records import Account, Media, PublishOptions, Staging
from platforms.tiktok import errors, mapping
from platforms.tiktok.business import TikTokBusinessApp, TikTokBusinessDialect
from platforms.tiktok.client import TikTokApp, TikTokConnector, TikTokDialect
from platforms.tiktok.publishing import MOST_RESTARTS
from platforms.tiktok.uploads import MOST_PARTS, PART_BYTES, plan

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
ME = "-000Hqnyyz5UYe39"
UPLOADS = "https://upload.example/video/"
OPEN = "https://open.example"


class TikTok:
    """One account's side of both products. `cut` names a path ending whose answer is lost after the work is done."""

    def __init__(self) -> None:
        self.creator = {
            "privacy_level_options": ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"],
            "comment_disabled": False,
            "duet_disabled": True,
            "stitch_disabled": False,
            "max_video_post_duration_sec": 300,
        }
        self.posts: dict[str, dict] = {}
        self.videos: list[dict] = []
        self.comments: list[dict] = []
        self.calls: list[str] = []
        self.cut: str | None = None
        self.refused_within: tuple[str, str] | None = None
        self.processing_for = 0
        self.moderated = True
        self.fails_with: str | None = None
        self.upload_status: int | None = None
        self._ids = iter(range(7109065174526479622, 7109065174526479999))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.calls.append(f"{request.method} {path}")
        answer = self.upload(request) if request.method == "PUT" else self.answer(path, request)
        if self.cut and path.endswith(self.cut):
            raise httpx.ReadError("cut", request=request)
        return answer

    def answer(self, path: str, request: httpx.Request) -> httpx.Response:
        if path.startswith("/business-api/"):
            assert request.headers["access-token"] == "access-1"
            return self.business(path, request)
        assert request.headers["authorization"] == "Bearer access-1"
        body = json.loads(request.content)
        if self.refused_within and path.endswith(self.refused_within[0]):
            return self.refuse(200, self.refused_within[1])
        if path.endswith("/creator_info/query/"):
            return self.ok(self.creator)
        if path.endswith("/video/init/"):
            publish_id = self.begin(body, "v_pub_file")
            return self.ok({"publish_id": publish_id, "upload_url": f"{UPLOADS}?upload_id={publish_id}&upload_token=s"})
        if path.endswith("/content/init/"):
            publish_id = self.begin(body, "p_pub_url")
            self.publish(publish_id)
            return self.ok({"publish_id": publish_id})
        if path.endswith("/status/fetch/"):
            return self.ok(self.status(body["publish_id"]))
        if path.endswith("/video/query/"):
            wanted = body["filters"]["video_ids"]
            return self.ok({"videos": [v for v in self.videos if str(v["id"]) in wanted]})
        assert path == "/v2/video/list/"
        return self.ok({"videos": self.videos[::-1], "cursor": 1, "has_more": False})

    def begin(self, body: dict, prefix: str) -> str:
        publish_id = f"{prefix}~v2-1.{len(self.posts) + 1}"
        self.posts[publish_id] = body | {"bytes": b"", "id": None, "polls": 0, "status": "PROCESSING_UPLOAD"}
        return publish_id

    def upload(self, request: httpx.Request) -> httpx.Response:
        assert "authorization" not in request.headers
        if self.upload_status:
            return httpx.Response(self.upload_status)
        post = self.posts[request.url.params["upload_id"]]
        first, last, total = (int(n) for n in request.headers["content-range"][6:].replace("/", "-").split("-"))
        if first != len(post["bytes"]):
            return httpx.Response(416)
        assert last - first + 1 == len(request.content)
        assert total == post["source_info"]["video_size"]
        post["bytes"] += request.content
        if len(post["bytes"]) < total:
            return httpx.Response(206)
        self.publish(request.url.params["upload_id"])
        return httpx.Response(201)

    def publish(self, publish_id: str) -> None:
        post = self.posts[publish_id]
        post["status"] = "FAILED" if self.fails_with else "PUBLISH_COMPLETE"
        post["polls"] = self.processing_for
        if self.fails_with:
            return
        post["id"] = next(self._ids)
        info = post["post_info"]
        if self.moderated:
            text = info.get("description") or info["title"]
            self.videos.append({"id": str(post["id"]), "video_description": text, "create_time": int(NOW.timestamp())})

    def status(self, publish_id: str) -> dict:
        post = self.posts[publish_id]
        said = {"status": post["status"], "uploaded_bytes": len(post["bytes"])}
        if post["polls"]:
            post["polls"] -= 1
            return said | {"status": "PROCESSING_UPLOAD" if post["bytes"] else "PROCESSING_DOWNLOAD"}
        if post["status"] == "FAILED":
            return said | {"fail_reason": self.fails_with}
        is_public = post["post_info"]["privacy_level"] == "PUBLIC_TO_EVERYONE"
        return said | {
            "publicaly_available_post_id": [post["id"]] if post["id"] and self.moderated and is_public else []
        }

    def business(self, path: str, request: httpx.Request) -> httpx.Response:
        if path.endswith("/create/"):
            body = json.loads(request.content)
            assert body["business_id"] == ME
            comment = self.remark(body["text"], owner=True)
            self.comments.append(comment)
            return httpx.Response(200, json={"code": 0, "data": {"comment_id": comment["comment_id"]}})
        return httpx.Response(
            200, json={"code": 0, "data": {"comments": self.comments, "has_more": False, "cursor": 9}}
        )

    def remark(self, text: str, *, owner: bool = False) -> dict:
        at = int(NOW.timestamp())
        return {"comment_id": next(self._ids), "text": text, "create_time": at, "owner": owner, "username": "someone"}

    @staticmethod
    def ok(data: dict) -> httpx.Response:
        return httpx.Response(200, json={"data": data, "error": {"code": "ok", "message": "", "log_id": "1"}})

    @staticmethod
    def refuse(status: int, code: str) -> httpx.Response:
        return httpx.Response(status, json={"data": {}, "error": {"code": code, "message": "nein", "log_id": "1"}})


@pytest.fixture
def tiktok() -> TikTok:
    return TikTok()


@pytest.fixture
def account() -> Account:
    return Account(
        account_id=f"tiktok:{ME}",
        client_id="harbor",
        network=Network.TIKTOK,
        native_id=ME,
        handle="harbor",
        base_url=OPEN,
    )


@pytest.fixture
def connect(exchange, tokens, media):
    def build(handler, app=None, business_app=None):
        wire = exchange(handler)
        business = wire.transport(TikTokBusinessDialect(business_app), tokens)
        return TikTokConnector(wire.transport(TikTokDialect(app), tokens), business, media, media), wire

    return build


@pytest.fixture
def film_request(request_of, account, media):
    def build(size: int = 1000, **changes):
        path = f"media/film-{size}.mp4"
        media.files[path] = bytes(i % 251 for i in range(1000)) * (size // 1000) + b"x" * (size % 1000)
        film = Media(
            media_id="film",
            path=path,
            mime_type="video/mp4",
            alt_text="",
            width=720,
            height=1280,
            size_bytes=size,
            sha256="f" * 64,
            duration_seconds=12.0,
        )
        fields = {"text": "Café abierto ☕", "content_format": ContentFormat.SHORT_VIDEO, "media": (film,)}
        return request_of(account, **(fields | changes))

    return build


@pytest.fixture
def pictures_request(request_of, account, media):
    def build(*names: str, **changes):
        pictures = tuple(media.picture(name) for name in names or ("one",))
        kind = ContentFormat.CAROUSEL if len(pictures) > 1 else ContentFormat.IMAGE
        return request_of(account, **({"text": "Café ☕", "content_format": kind, "media": pictures} | changes))

    return build


async def staged(connector, request, staging=None):
    staging = staging or connector.prepare(request)
    while not staging.is_complete:
        # What was persisted is all that survives: stage goes on from a copy of it.
        staging = await connector.stage(request, Staging.model_validate_json(staging.model_dump_json()))
    return staging


async def lost(connector, request, staging):
    """A commit of which nobody heard."""
    with pytest.raises(NetworkError) as caught:
        await connector.commit(request, staging)
    assert caught.value.error_class is ErrorClass.AMBIGUOUS


# --- films -----------------------------------------------------------------------------------------------------------


async def test_a_film_is_announced_uploaded_and_published_under_its_id(connect, tiktok, film_request, media):
    connector, wire = connect(tiktok)
    options = PublishOptions(is_ai_made=True, is_paid_partnership=True)
    request = film_request(options=options)
    staging = await staged(connector, request)
    assert not tiktok.videos
    receipt = await connector.commit(request, staging)
    (post,) = tiktok.posts.values()
    assert post["post_info"] == {
        "title": "Café abierto ☕",
        "privacy_level": "PUBLIC_TO_EVERYONE",
        "disable_comment": False,
        "disable_duet": True,
        "disable_stitch": False,
        "brand_content_toggle": True,
        "brand_organic_toggle": False,
        "is_aigc": True,
    }
    assert post["source_info"] == {
        "source": "FILE_UPLOAD",
        "video_size": 1000,
        "chunk_size": 1000,
        "total_chunk_count": 1,
    }
    assert post["bytes"] == media.files["media/film-1000.mp4"]
    assert (receipt.native_id, receipt.how, receipt.published_at) == ("7109065174526479622", "answered", NOW)
    assert receipt.permalink == "https://www.tiktok.com/@harbor/video/7109065174526479622"
    assert "upload_token=s" not in str(wire.journal)


async def test_the_publish_id_is_handed_back_before_a_byte_is_sent(connect, tiktok, film_request):
    connector, _ = connect(tiktok)
    request = film_request()
    first = await connector.stage(request, connector.prepare(request))
    assert first.handles["publish_id"] in tiktok.posts
    assert not any(call.startswith("PUT") for call in tiktok.calls)


async def test_a_lost_answer_to_init_shows_nothing_and_is_asked_again(connect, tiktok, film_request):
    connector, _ = connect(tiktok)
    request = film_request()
    tiktok.cut = "/video/init/"
    with pytest.raises(NetworkError) as caught:
        await connector.stage(request, connector.prepare(request))
    assert caught.value.error_class is ErrorClass.TRANSIENT
    tiktok.cut = None
    await connector.commit(request, await staged(connector, request))
    assert len(tiktok.posts) == 2
    assert len(tiktok.videos) == 1


async def test_a_long_film_goes_in_parts_each_once_even_after_a_crash(connect, tiktok, film_request, media):
    connector, _ = connect(tiktok)
    request = film_request(3 * PART_BYTES + 500)
    staging = await connector.stage(request, connector.prepare(request))
    staging = await connector.stage(request, staging)
    assert staging.handles["uploaded_bytes"] == str(PART_BYTES)
    again, wire = connect(tiktok)
    staging = await staged(again, request, staging)
    assert not tiktok.videos, "the last part is the visible one"
    await again.commit(request, staging)
    ranges = [r.headers["content-range"] for r in wire.requests if r.method == "PUT"]
    size = 3 * PART_BYTES + 500
    assert ranges == [
        f"bytes {PART_BYTES}-{2 * PART_BYTES - 1}/{size}",
        f"bytes {2 * PART_BYTES}-{size - 1}/{size}",
    ]
    (post,) = tiktok.posts.values()
    assert post["bytes"] == media.files[request.media[0].path]
    assert post["source_info"]["total_chunk_count"] == 3


async def test_a_part_whose_answer_was_lost_is_not_sent_twice(connect, tiktok, film_request):
    connector, _ = connect(tiktok)
    request = film_request(3 * PART_BYTES)
    staging = await connector.stage(request, connector.prepare(request))
    tiktok.cut = "/video/"
    with pytest.raises(NetworkError) as caught:
        await connector.stage(request, staging)
    assert caught.value.error_class is ErrorClass.TRANSIENT
    tiktok.cut = None
    staging = await connector.stage(request, staging)
    assert staging.handles["uploaded_bytes"] == str(PART_BYTES), "TikTok had it: its own count is believed"
    await connector.commit(request, await staged(connector, request, staging))
    assert len(tiktok.videos) == 1


@pytest.mark.parametrize("status", [403, 404])
async def test_an_upload_that_is_gone_begins_anew_and_gives_up_in_the_end(connect, tiktok, film_request, status):
    connector, _ = connect(tiktok)
    request = film_request(2 * PART_BYTES)
    tiktok.upload_status = status
    with pytest.raises(NetworkError) as caught:
        await staged(connector, request)
    assert caught.value.error_class is ErrorClass.INVALID
    assert len(tiktok.posts) == MOST_RESTARTS + 1
    assert not tiktok.videos


async def test_a_lost_last_answer_is_found_by_the_publish_id(connect, tiktok, film_request):
    connector, _ = connect(tiktok)
    request = film_request()
    staging = await staged(connector, request)
    assert (await connector.find_published(request, staging)).outcome == "not_published"
    tiktok.cut = "/video/"
    await lost(connector, request, staging)
    tiktok.cut = None
    found = await connector.find_published(request, staging)
    assert (found.outcome, found.receipt.how) == ("published", "reconciled")
    assert found.receipt.native_id == tiktok.videos[0]["id"]
    assert sum(call.startswith("PUT") for call in tiktok.calls) == 1


async def test_a_part_that_never_arrived_is_proof_and_sending_it_again_makes_one_post(connect, tiktok, film_request):
    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "PUT":
            raise httpx.ReadTimeout("nothing arrived", request=request)
        return tiktok(request)

    broken, _ = connect(handler)
    connector, _ = connect(tiktok)
    request = film_request(2 * PART_BYTES)
    staging = await staged(connector, request)
    await lost(broken, request, staging)
    found = await connector.find_published(request, staging)
    assert found.outcome == "not_published"
    assert await connector.stage(request, staging) == staging, "the upload still waits for its last part"
    await connector.commit(request, staging)
    assert len(tiktok.videos) == len(tiktok.posts) == 1


async def test_committing_what_is_published_is_ambiguous_and_staging_it_a_duplicate(connect, tiktok, film_request):
    connector, _ = connect(tiktok)
    request = film_request()
    staging = await staged(connector, request)
    await connector.commit(request, staging)
    await lost(connector, request, staging)
    with pytest.raises(NetworkError) as caught:
        await connector.stage(request, staging)
    assert caught.value.error_class is ErrorClass.DUPLICATE
    assert len(tiktok.videos) == 1


@pytest.mark.parametrize("status", [400, 403, 404, 416, 500])
async def test_no_refusal_of_the_upload_host_decides_anything(connect, tiktok, film_request, status):
    connector, _ = connect(tiktok)
    request = film_request()
    staging = await staged(connector, request)
    tiktok.upload_status = status
    await lost(connector, request, staging)
    assert (await connector.find_published(request, staging)).outcome == "not_published"


async def test_an_upload_whose_time_is_over_is_begun_anew(connect, tiktok, film_request):
    connector, _ = connect(tiktok)
    request = film_request()
    staging = await staged(connector, request)
    late = staging.handles | {"upload_until": (NOW - timedelta(seconds=1)).isoformat()}
    staging = staging.model_copy(update={"handles": late})
    assert await connector.stage(request, staging) == Staging()


async def test_published_is_not_the_same_as_having_an_id(connect, tiktok, film_request, account):
    tiktok.moderated = False
    connector, wire = connect(tiktok)
    request = film_request()
    receipt = await connector.commit(request, await staged(connector, request))
    (publish_id,) = tiktok.posts
    assert (receipt.native_id, receipt.permalink) == (publish_id, None)
    assert (mapping.is_publish_id(receipt.native_id), receipt.is_provisional) == (True, True)
    assert wire.slept == [0.5, 1.0, 2.0, 4.0, 4.0]
    assert await connector.named(account, receipt) is None
    tiktok.moderated = True
    named = await connector.named(account, receipt)
    assert (named.native_id, named.is_provisional) == ("7109065174526479622", False)
    assert (named.how, json.loads(named.raw)["publish_id"]) == ("answered", publish_id)


async def test_a_post_for_oneself_never_gets_an_id_and_is_not_waited_for(connect, tiktok, film_request):
    connector, wire = connect(tiktok)
    request = film_request(options=PublishOptions(privacy="SELF_ONLY"))
    receipt = await connector.commit(request, await staged(connector, request))
    assert (mapping.is_publish_id(receipt.native_id), receipt.is_provisional) == (True, False)
    assert wire.slept == []


async def test_processing_is_waited_for_and_then_left_to_reconciliation(connect, tiktok, film_request):
    connector, wire = connect(tiktok)
    request = film_request()
    staging = await staged(connector, request)
    tiktok.processing_for = 2
    receipt = await connector.commit(request, staging)
    assert wire.slept == [0.5, 1.0]
    assert receipt.native_id == "7109065174526479622"

    tiktok.processing_for = 100
    second = film_request(intent_id="item-2/a/1")
    staging = await staged(connector, second)
    await lost(connector, second, staging)
    assert (await connector.find_published(second, staging)).outcome == "undecided"
    with pytest.raises(NetworkError) as caught:
        await connector.stage(second, staging)
    assert caught.value.error_class is ErrorClass.DUPLICATE
    tiktok.posts[staging.handles["publish_id"]]["polls"] = 0
    assert (await connector.find_published(second, staging)).outcome == "published"


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("file_format_check_failed", ErrorClass.INVALID),
        ("duration_check_failed", ErrorClass.INVALID),
        ("spam_risk_user_banned_from_posting", ErrorClass.SCOPE),
        ("auth_removed", ErrorClass.AUTH),
        ("spam_risk_too_many_posts", ErrorClass.RATE),
        ("internal", ErrorClass.TRANSIENT),
        ("unheard_of", ErrorClass.INVALID),
        ("", ErrorClass.INVALID),
    ],
)
async def test_a_failure_that_tiktok_states_is_proof(connect, tiktok, film_request, reason, expected):
    connector, _ = connect(tiktok)
    request = film_request()
    staging = await staged(connector, request)
    tiktok.fails_with = reason or " "
    with pytest.raises(NetworkError) as caught:
        await connector.commit(request, staging)
    assert caught.value.error_class is expected
    assert (await connector.find_published(request, staging)).outcome == "not_published"
    if expected is ErrorClass.TRANSIENT:
        assert await connector.stage(request, staging) == Staging(handles={"restarts": "1"})
    else:
        with pytest.raises(NetworkError) as caught:
            await connector.stage(request, staging)
        assert caught.value.error_class is expected


async def test_trouble_with_reading_the_status_after_the_commit_is_ambiguous(connect, tiktok, film_request):
    connector, _ = connect(
        lambda r: httpx.Response(500, json={}) if r.url.path.endswith("/status/fetch/") else tiktok(r)
    )
    request = film_request()
    await lost(connector, request, await staged(connector, request))
    assert len(tiktok.videos) == 1


async def test_a_film_that_may_not_be_shown_as_asked_is_refused(connect, tiktok, film_request):
    connector, _ = connect(tiktok)
    for change, part in (
        ({"options": PublishOptions(privacy="FOLLOWER_OF_CREATOR")}, "MUTUAL_FOLLOW_FRIENDS"),
        ({"options": PublishOptions(privacy="SELF_ONLY", is_paid_partnership=True)}, "paid partnership"),
        ({"options": PublishOptions(title="A title")}, "no title"),
        ({"text": "🌊" * 1101}, "2202"),
        ({"media": ()}, "one file"),
    ):
        request = film_request(**change)
        with pytest.raises(NetworkError, match=part) as caught:
            await connector.stage(request, connector.prepare(request))
        assert caught.value.error_class is ErrorClass.INVALID
    film = film_request().media[0]
    for fault, part in (
        ({"duration_seconds": 301.0}, "300"),
        ({"duration_seconds": 2.0}, "at least 3"),
        ({"mime_type": "image/gif"}, "MP4"),
        ({"size_bytes": 4_000_000_001}, "bytes"),
    ):
        request = film_request(media=(film.model_copy(update=fault),))
        with pytest.raises(NetworkError, match=part) as caught:
            await connector.stage(request, connector.prepare(request))
        assert caught.value.error_class is ErrorClass.INVALID
    assert not tiktok.posts


async def test_a_file_that_changed_is_not_uploaded(connect, tiktok, film_request, media):
    connector, _ = connect(tiktok)
    request = film_request()
    staging = await staged(connector, request)
    media.files[request.media[0].path] += b"more"
    with pytest.raises(NetworkError) as caught:
        await connector.commit(request, staging)
    assert caught.value.error_class is ErrorClass.INVALID
    assert not tiktok.videos


@given(st.integers(1, 4_000_000_000))
def test_every_film_is_cut_as_tiktok_counts(size):
    cut = plan(size)
    starts = [i * cut.part_bytes for i in range(cut.parts)]
    assert cut.parts == max(1, size // cut.part_bytes) <= MOST_PARTS
    ends = [cut.part_from(start)[1] for start in starts]
    assert [0, *(end + 1 for end in ends)] == [*starts, size]
    lengths = [end - start + 1 for start, end in zip(starts, ends, strict=True)]
    assert all(5_000_000 <= length <= 64_000_000 for length in lengths[:-1])
    assert lengths[-1] <= 128_000_000
    assert cut.parts > 1 or cut.part_bytes == size
    assert cut.last_start == starts[-1]
    assert all(cut.begins_part(start) for start in starts)
    assert not cut.begins_part(size)


# --- pictures ----------------------------------------------------------------------------------------------------------


async def test_pictures_are_hosted_and_fetched_by_tiktok(connect, tiktok, pictures_request, media):
    connector, _ = connect(tiktok)
    options = PublishOptions(title="Summer", privacy="PUBLIC_TO_EVERYONE")
    request = pictures_request("one", "two", options=options)
    staging = await staged(connector, request)
    assert not tiktok.posts
    receipt = await connector.commit(request, staging)
    (post,) = tiktok.posts.values()
    assert (post["media_type"], post["post_mode"]) == ("PHOTO", "DIRECT_POST")
    assert post["post_info"]["title"] == "Summer"
    assert post["post_info"]["description"] == "Café ☕"
    assert post["source_info"]["source"] == "PULL_FROM_URL"
    assert post["source_info"]["photo_images"] == [f"https://cdn.example/{name}" for name in media.published]
    assert list(media.published.values()) == [b"one", b"two"]
    assert receipt.permalink == "https://www.tiktok.com/@harbor/photo/7109065174526479622"


async def test_a_lost_init_of_pictures_is_found_among_the_newest_posts(connect, tiktok, pictures_request):
    connector, _ = connect(tiktok)
    earlier = pictures_request()
    known = await connector.commit(earlier, await staged(connector, earlier))
    request = pictures_request(intent_id="item-1/a/2")
    staging = await staged(connector, request)
    assert (await connector.find_published(request, staging)).outcome == "undecided", "absence proves nothing"
    tiktok.cut = "/content/init/"
    await lost(connector, request, staging)
    found = await connector.find_published(request, staging)
    assert (found.outcome, found.receipt.native_id) == ("published", tiktok.videos[1]["id"])
    assert found.receipt.native_id != known.native_id
    assert tiktok.calls.count("POST /v2/post/publish/content/init/") == 2


async def test_a_post_that_is_another_intents_is_no_evidence(connect, tiktok, pictures_request):
    connector, _ = connect(tiktok)
    requests = [pictures_request(intent_id=f"item-1/a/{i}") for i in (1, 2)]
    stagings = [await staged(connector, request) for request in requests]
    tiktok.cut = "/content/init/"
    for request, staging in zip(requests, stagings, strict=True):
        await lost(connector, request, staging)
    assert (await connector.find_published(requests[0], stagings[0])).outcome == "undecided"
    claimed = requests[0].model_copy(update={"claimed_native_ids": (tiktok.videos[1]["id"],)})
    found = await connector.find_published(claimed, stagings[0])
    assert found.receipt.native_id == tiktok.videos[0]["id"]


async def test_another_post_of_the_same_text_without_an_id_keeps_it_undecided(connect, tiktok, pictures_request):
    connector, _ = connect(tiktok)
    tiktok.moderated = False
    earlier = pictures_request()
    known = await connector.commit(earlier, await staged(connector, earlier))
    request = pictures_request(intent_id="item-1/a/2", claimed_native_ids=(known.native_id,))
    staging = await staged(connector, request)
    tiktok.cut = "/content/init/"
    await lost(connector, request, staging)
    tiktok.cut = None
    only = tiktok.posts[known.native_id]
    listed = {"video_description": "Café ☕", "create_time": int(NOW.timestamp())}
    tiktok.videos.append(listed | {"id": str(only["id"])})
    assert (await connector.find_published(request, staging)).outcome == "undecided", "it may be the other intent's"
    tiktok.moderated = True
    assert (await connector.find_published(request, staging)).outcome == "undecided", "and so it is"
    tiktok.videos.append(listed | {"id": "7109065174526479623"})
    found = await connector.find_published(request, staging)
    assert (found.outcome, found.receipt.native_id) == ("published", "7109065174526479623")


async def test_pictures_that_tiktok_can_not_fetch_are_tried_again(connect, tiktok, pictures_request):
    connector, _ = connect(tiktok)
    request = pictures_request()
    staging = await staged(connector, request)
    tiktok.fails_with = "photo_pull_failed"
    with pytest.raises(NetworkError) as caught:
        await connector.commit(request, staging)
    assert caught.value.error_class is ErrorClass.TRANSIENT
    tiktok.fails_with = None
    assert await connector.stage(request, staging) == staging
    await connector.commit(request, staging)
    assert len(tiktok.videos) == 1


async def test_pictures_that_tiktok_does_not_take_are_refused(
    connect, tiktok, pictures_request, media, request_of, account
):
    connector, wire = connect(tiktok)
    png = media.picture("png", mime_type="image/png")
    for change, part in (
        ({"media": (png,)}, "JPEG or WebP"),
        ({"media": ()}, "picture"),
        ({"media": (media.picture(),) * 36}, "at most 35"),
        ({"text": "x" * 4001}, "4000"),
        ({"options": PublishOptions(title="x" * 91)}, "90"),
        ({"options": PublishOptions(is_ai_made=True)}, "AI"),
        ({"content_format": ContentFormat.TEXT, "media": ()}, "text"),
    ):
        request = pictures_request(**change)
        with pytest.raises(NetworkError, match=part) as caught:
            await connector.stage(request, connector.prepare(request))
        assert caught.value.error_class is ErrorClass.INVALID
    assert not wire.requests


# --- refusals within HTTP 200 ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("spam_risk_too_many_posts", ErrorClass.RATE),
        ("privacy_level_option_mismatch", ErrorClass.INVALID),
        ("scope_not_authorized", ErrorClass.SCOPE),
        ("internal_error", ErrorClass.AMBIGUOUS),
    ],
)
async def test_http_200_is_no_success(connect, tiktok, pictures_request, code, expected):
    connector, _ = connect(tiktok)
    request = pictures_request()
    staging = await staged(connector, request)
    tiktok.refused_within = ("/content/init/", code)
    with pytest.raises(NetworkError) as caught:
        await connector.commit(request, staging)
    assert (caught.value.error_class, caught.value.code) == (expected, code)
    if expected is ErrorClass.RATE:
        assert caught.value.retry_at - datetime.now(UTC) > timedelta(hours=23)


@pytest.mark.parametrize(
    "said", [{}, {"error": None}, {"error": {}}, {"error": {"code": None}}, {"error": {"code": ""}}]
)
async def test_an_answer_without_its_code_proves_nothing(connect, tiktok, pictures_request, said):
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/content/init/"):
            return httpx.Response(200, json={"data": {"publish_id": "p_pub_url~1"}, **said})
        return tiktok(request)

    connector, _ = connect(handler)
    request = pictures_request()
    await lost(connector, request, await staged(connector, request))


# --- replies -----------------------------------------------------------------------------------------------------------


async def test_a_reply_and_its_reconciliation(connect, tiktok, request_of, account):
    connector, _ = connect(tiktok)
    request = request_of(account, text="¡Gracias!", reply_to_native_comment_id="55", reply_to_native_post_id="7")
    tiktok.comments = [tiktok.remark("¡Gracias!", owner=True), tiktok.remark("¡Gracias!")]
    staging = await staged(connector, request)
    old = tiktok.remark("¡Gracias!", owner=True)
    old["create_time"] -= 3600
    tiktok.comments += [tiktok.remark("¡Gracias!"), old]
    assert (await connector.find_published(request, staging)).outcome == "undecided", (
        "another's, or older than the intent"
    )
    tiktok.cut = "/reply/create/"
    await lost(connector, request, staging)
    found = await connector.find_published(request, staging)
    assert (found.outcome, found.receipt.native_id) == ("published", str(tiktok.comments[-1]["comment_id"]))
    tiktok.cut = None
    answered = await connector.commit(request, staging)
    assert answered.native_id == str(tiktok.comments[-1]["comment_id"])


async def test_replies_that_can_not_be_sent(connect, tiktok, request_of, account, media, exchange, tokens):
    connector, wire = connect(tiktok)
    below = {"reply_to_native_comment_id": "55", "reply_to_native_post_id": "7"}
    for change in (
        below | {"media": (media.picture(),)},
        below | {"text": "x" * 151},
        {"reply_to_native_comment_id": "55"},
    ):
        request = request_of(account, **change)
        with pytest.raises(NetworkError) as caught:
            await connector.stage(request, connector.prepare(request))
        assert caught.value.error_class is ErrorClass.INVALID
    assert not wire.requests


async def test_nothing_can_be_deleted(connect, tiktok, account):
    connector, wire = connect(tiktok)
    with pytest.raises(NetworkError) as caught:
        await connector.delete(account, "7109065174526479622")
    assert caught.value.code == "unsupported"
    assert not connector.capabilities.can_delete
    assert not wire.requests


# --- tokens, errors ------------------------------------------------------------------------------------------------------


async def test_a_token_is_renewed_with_a_refresh_token_that_changes(connect, account, tokens):
    tokens.token = tokens.token.model_copy(update={"expires_at": datetime.now(UTC) + timedelta(minutes=5)})
    app = TikTokApp(client_key="key", client_secret=SecretStr("app-secret"))

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v2/oauth/token/":
            form = {k: v[0] for k, v in parse_qs(request.content.decode()).items()}
            assert form == {
                "client_key": "key",
                "client_secret": "app-secret",
                "grant_type": "refresh_token",
                "refresh_token": "refresh-1",
            }
            return httpx.Response(
                200, json={"access_token": "access-2", "refresh_token": "refresh-2", "expires_in": 86400}
            )
        assert request.headers["authorization"] == "Bearer access-2"
        return TikTok.ok({"user": {"open_id": ME}})

    connector, wire = connect(handler, app)
    await connector.profile(account)
    assert (tokens.token.access_token, tokens.token.refresh_token) == ("access-2", "refresh-2")
    assert tokens.token.expires_at - datetime.now(UTC) > timedelta(hours=23)
    assert "app-secret" not in str(wire.journal)


async def test_a_refused_refresh_token_within_http_200_means_connect_again(connect, account, tokens):
    app = TikTokApp(client_key="key", client_secret=SecretStr("s"))
    said = {"error": "invalid_grant", "error_description": "Refresh token is invalid or expired.", "log_id": "1"}
    connector, _ = connect(lambda _: httpx.Response(200, json=said), app)
    with pytest.raises(NetworkError) as caught:
        await connector.refresh_token(account)
    assert (caught.value.error_class, caught.value.code) == (ErrorClass.AUTH, "invalid_grant")
    assert tokens.token.refresh_token == "refresh-1"


async def test_a_business_token_refused_within_http_200_is_renewed_once(connect, account, tokens, post_of):
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/refresh_token/"):
            assert json.loads(request.content)["client_id"] == "business-key"
            fresh = {"access_token": "access-2", "refresh_token": "refresh-2", "expires_in": 86400}
            return httpx.Response(200, json={"code": 0, "data": fresh})
        if request.headers["access-token"] == "access-1":
            return httpx.Response(
                200, json={"code": 40105, "message": "Access token is incorrect or has been revoked."}
            )
        return httpx.Response(200, json={"code": 0, "data": {"comments": [], "has_more": False}})

    app = TikTokBusinessApp(client_id="business-key", client_secret=SecretStr("s"))
    connector, wire = connect(handler, business_app=app)
    assert [page async for page in connector.comments(account, post_of(account, "7"))] == []
    assert [r.url.path.rsplit("/", 3)[-2] for r in wire.requests] == ["list", "refresh_token", "list"]
    assert tokens.token.access_token == "access-2"


async def test_without_an_app_nothing_can_be_renewed(connect, tiktok, account):
    connector, wire = connect(tiktok)
    with pytest.raises(NetworkError) as caught:
        await connector.refresh_token(account)
    assert caught.value.error_class is ErrorClass.AUTH
    assert not wire.requests


CONTRACT = [
    (401, "access_token_invalid", ErrorClass.AUTH),
    (200, "auth_removed", ErrorClass.AUTH),
    (401, "scope_not_authorized", ErrorClass.SCOPE),
    (200, "scope_permission_missed", ErrorClass.SCOPE),
    (403, "spam_risk_user_banned_from_posting", ErrorClass.SCOPE),
    (429, "rate_limit_exceeded", ErrorClass.RATE),
    (403, "spam_risk_too_many_posts", ErrorClass.RATE),
    (403, "spam_risk_too_many_pending_share", ErrorClass.RATE),
    (403, "reached_active_user_cap", ErrorClass.RATE),
    (400, "file_format_check_failed", ErrorClass.INVALID),
    (400, "duration_check_failed", ErrorClass.INVALID),
    (400, "frame_rate_check_failed", ErrorClass.INVALID),
    (400, "picture_size_check_failed", ErrorClass.INVALID),
    (403, "privacy_level_option_mismatch", ErrorClass.INVALID),
    (403, "url_ownership_unverified", ErrorClass.INVALID),
    (403, "unaudited_client_can_only_post_to_private_accounts", ErrorClass.INVALID),
    (200, "internal", ErrorClass.TRANSIENT),
    (200, "video_pull_failed", ErrorClass.TRANSIENT),
    (200, "unheard_of", ErrorClass.INVALID),
    (429, "unheard_of", ErrorClass.RATE),
    (500, "unheard_of", ErrorClass.TRANSIENT),
    (401, None, ErrorClass.AUTH),
    (403, None, ErrorClass.SCOPE),
    (503, None, ErrorClass.TRANSIENT),
    (416, None, ErrorClass.TRANSIENT),
    (404, None, ErrorClass.INVALID),
]


@pytest.mark.parametrize(("status", "code", "expected"), CONTRACT)
def test_every_code_of_the_first_product_has_its_class(status, code, expected):
    refusal = TikTokDialect().refusal(status, {"error": {"code": code, "message": "nein"}})
    assert (refusal.error_class, refusal.code) == (expected, code)
    is_app_wide = code == "reached_active_user_cap"
    assert refusal.limit_key == (errors.PUBLISHERS_LIMIT if is_app_wide else None)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (40100, ErrorClass.RATE),
        (40105, ErrorClass.AUTH),
        (40001, ErrorClass.SCOPE),
        (40002, ErrorClass.INVALID),
        (51234, ErrorClass.TRANSIENT),
        (49999, ErrorClass.INVALID),
    ],
)
def test_numbers_of_the_second_product_come_with_http_200(code, expected):
    body = {"code": code, "message": "no", "request_id": "1"}
    dialect = TikTokBusinessDialect()
    assert dialect.is_refusal(body)
    assert not dialect.is_refusal({"code": 0, "message": "OK"})
    assert dialect.refusal(200, body).error_class is expected


@pytest.mark.parametrize("body", [None, [], "text", {}, {"error": []}, {"error": {"code": {}}}, {"code": True}])
def test_bodies_of_any_shape_are_classified_by_status(body):
    assert not errors.is_refusal(body)
    assert errors.classify(400, body).error_class is ErrorClass.INVALID
    assert errors.classify(502, body).error_class is ErrorClass.TRANSIENT
