"""Publishing on a Facebook Page: unseen uploads, the one visible call, and what can and cannot be known after a lost answer."""

import json
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from urllib.parse import parse_qs

import httpx
import pytest
from pydantic import SecretStr

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat, Network
from contracts.records import Account, Media, PublishOptions, Staging
from platforms._graph import MetaApp
from platforms.facebook.client import FacebookConnector, FacebookDialect

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
ME = "104000000000001"
AT = "2026-06-01T12:00:00+0000"


def fields_of(request: httpx.Request) -> dict[str, str]:
    """The fields of a form, multipart or not; a file's bytes under its name, its media type under `<name>:type`."""
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/"):
        return {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
    parts = message_from_bytes(f"content-type: {kind}\r\n\r\n".encode() + request.content).get_payload()
    found = {}
    for part in parts:
        name = part.get_param("name", header="content-disposition")
        found[name] = part.get_payload(decode=True).decode()
        found[f"{name}:type"] = part.get_content_type()
    return found


class Page:
    """One Page's side of the Graph API. `cut` names a path ending whose answer is lost after the work is done."""

    def __init__(self) -> None:
        self.photos: dict[str, dict] = {}
        self.films: dict[str, dict] = {}
        self.posts: list[dict] = []
        self.stories: list[dict] = []
        self.comments: dict[str, list[dict]] = {}
        self.calls: list[str] = []
        self.urls: list[str] = []
        self.cut: str | None = None
        self.refusal: tuple[str, int, int | None] | None = None
        self.unlisted_for = 0
        self.chunk = 4
        self._ids = iter(str(n) for n in range(100, 10_000))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/v25.0/")
        self.calls.append(f"{request.method} {path}")
        self.urls.append(str(request.url))
        if path.startswith("/rupload/"):
            assert "access_token" not in request.url.params
            assert request.headers["authorization"] == "OAuth access-1"
            answer = self.take_whole(path.rpartition("/")[2], request)
        else:
            assert request.url.params["access_token"] == "access-1"
            answer = self.answer(request, path, fields_of(request) if request.method == "POST" else {})
        if self.cut and path.endswith(self.cut) and request.method == "POST":
            self.cut = None
            raise httpx.ReadError("cut", request=request)
        return answer

    def answer(self, request: httpx.Request, path: str, form: dict) -> httpx.Response:
        node, _, edge = path.partition("/")
        if self.refusal and request.method == "POST" and edge == self.refusal[0]:
            return self.refuse(*self.refusal[1:])
        if request.method == "POST":
            return getattr(self, f"post_{edge}")(node, form)
        if edge == "published_posts":
            listed = [] if self.unlisted_for else self.posts[::-1]
            self.unlisted_for = max(0, self.unlisted_for - 1)
            since = datetime.fromtimestamp(int(request.url.params["since"]), UTC)
            return self.ok({"data": [p for p in listed if datetime.fromisoformat(p["created_time"]) >= since]})
        if edge == "stories":
            return self.ok({"data": self.stories})
        if edge == "comments":
            return self.ok({"data": self.comments.get(node, [])})
        for found in [*self.posts, *self.photos.values(), *self.films.values()]:
            if found["id"] == node:
                return self.ok(found)
        return self.refuse(100, 33)

    def post_photos(self, node: str, form: dict) -> httpx.Response:
        assert form["published"] == "false"
        photo = form | {"id": next(self._ids)}
        self.photos[photo["id"]] = photo
        return self.ok({"id": photo["id"]})

    def post_feed(self, node: str, form: dict) -> httpx.Response:
        ids = [item["media_fbid"] for item in json.loads(form.get("attached_media", "[]"))]
        if not set(ids) <= set(self.photos):
            return self.refuse(100, 33)
        self.show(form.get("message", ""), ids, link=form.get("link"))
        return self.ok({"id": self.posts[-1]["id"]})

    def post_photo_stories(self, node: str, form: dict) -> httpx.Response:
        self.stories.append({"post_id": next(self._ids), "media_id": form["photo_id"], "url": "https://f/s"})
        return self.ok({"success": True, "post_id": self.stories[-1]["post_id"]})

    def post_comments(self, node: str, form: dict) -> httpx.Response:
        comment = self.remark(form["message"])
        self.comments.setdefault(node, []).append(comment)
        return self.ok({"id": comment["id"]})

    def post_videos(self, node: str, form: dict) -> httpx.Response:
        if form["upload_phase"] == "start":
            film = self.open_film(size=int(form["file_size"]))
            return self.ok(
                {"video_id": film["id"], "upload_session_id": f"s{film['id']}", "start_offset": "0"}
                | {"end_offset": str(min(self.chunk, film["size"]))}
            )
        film = self.films[form["upload_session_id"].removeprefix("s")]
        if form["upload_phase"] == "transfer":
            if int(form["start_offset"]) != len(film["content"]):
                return self.refuse(6000, 1363037)
            film["content"] += form["video_file_chunk"]
            start = len(film["content"])
            return self.ok({"start_offset": str(start), "end_offset": str(min(start + self.chunk, film["size"]))})
        film |= {"title": form.get("title"), "place": form.get("place")}
        self.finish(film, form.get("description", ""))
        return self.ok({"success": True})

    def post_video_stories(self, node: str, form: dict) -> httpx.Response:
        if form["upload_phase"] == "start":
            film = self.open_film(size=None)
            return self.ok({"video_id": film["id"], "upload_url": f"https://upload.example/rupload/{film['id']}"})
        film = self.films[form["video_id"]]
        film["status"] |= {"video_status": "ready", "publishing_phase": {"status": "complete"}}
        return self.ok({"success": True, "post_id": next(self._ids)})

    def open_film(self, *, size: int | None) -> dict:
        status = {"video_status": "uploading", "uploading_phase": {"status": "not_started"}}
        film = {"id": next(self._ids), "size": size, "content": "", "status": status}
        self.films[film["id"]] = film
        return film

    def take_whole(self, video_id: str, request: httpx.Request) -> httpx.Response:
        film = self.films[video_id]
        assert int(request.headers["offset"]) == len(film["content"])
        film["content"] += request.content.decode()
        assert int(request.headers["file_size"]) == len(film["content"])
        film["status"]["uploading_phase"] = {"status": "complete"}
        return self.ok({"success": True})

    def finish(self, film: dict, text: str) -> None:
        film["status"] |= {"video_status": "ready", "publishing_phase": {"status": "complete"}}
        self.show(text, [film["id"]])
        film["post_id"] = self.posts[-1]["id"].partition("_")[2]
        film["permalink_url"] = f"/watch/{film['id']}"

    def show(self, text: str, media_ids: list[str], *, link: str | None = None, at: str = AT) -> None:
        """Put a post into the feed."""
        post = {"id": f"{ME}_{next(self._ids)}", "message": text, "created_time": at}
        post["permalink_url"] = f"https://f/{post['id']}"
        if link:
            post["attachments"] = {"data": [{"media_type": "link", "target": {"url": link}}]}
        elif len(media_ids) == 1:
            post["attachments"] = {"data": [{"media_type": "photo", "target": {"id": media_ids[0]}}]}
        elif media_ids:
            parts = [{"media_type": "photo", "target": {"id": media_id}} for media_id in media_ids]
            album = {"media_type": "album", "target": {"id": "album"}, "subattachments": {"data": parts}}
            post["attachments"] = {"data": [album]}
        self.posts.append(post)

    def remark(self, text: str, author: str = ME) -> dict:
        return {"id": next(self._ids), "message": text, "created_time": AT, "from": {"id": author}}

    @staticmethod
    def ok(body) -> httpx.Response:
        return httpx.Response(200, json=body)

    @staticmethod
    def refuse(code: int, subcode: int | None = None) -> httpx.Response:
        return httpx.Response(400, json={"error": {"message": "no", "code": code, "error_subcode": subcode}})


@pytest.fixture
def page() -> Page:
    return Page()


@pytest.fixture
def account() -> Account:
    return Account(
        account_id=f"facebook:{ME}",
        client_id="harbor",
        network=Network.FACEBOOK,
        native_id=ME,
        handle="harbor",
        base_url="https://graph.example",
    )


@pytest.fixture
def facebook(exchange, tokens, media):
    """A connector whose network is `handler`, and the record of what it asked."""

    def build(handler, app: MetaApp | None = None):
        wire = exchange(handler)
        return FacebookConnector(wire.transport(FacebookDialect(app), tokens), media), wire

    return build


@pytest.fixture
def film(media) -> Media:
    picture = media.picture("film")
    media.files["media/film.mp4"] = b"0123456789"
    return picture.model_copy(update={"path": "media/film.mp4", "mime_type": "video/mp4", "size_bytes": 10})


@pytest.fixture
def request_for(request_of, account, media, film):
    """An intent of each format."""

    def build(content_format: ContentFormat = ContentFormat.TEXT, **changes):
        made = {
            ContentFormat.IMAGE: (media.picture("one"),),
            ContentFormat.CAROUSEL: tuple(media.picture(name) for name in ("one", "two", "three")),
            ContentFormat.VIDEO: (film,),
            ContentFormat.STORY: (media.picture("one"),),
        }
        fields = {"text": "Café abierto ☕", "content_format": content_format, "media": made.get(content_format, ())}
        if content_format is ContentFormat.LINK:
            fields["options"] = PublishOptions(link="https://harbor.example/menu")
        return request_of(account, **(fields | changes))

    return build


async def staged(connector, request, staging=None):
    staging = staging or connector.prepare(request)
    while not staging.is_complete:
        # What was persisted is all that survives: stage goes on from a copy of it.
        staging = await connector.stage(request, Staging.model_validate_json(staging.model_dump_json()))
    return staging


async def lost(connector, request, staging):
    """A commit that gets no answer."""
    with pytest.raises(NetworkError) as caught:
        await connector.commit(request, staging)
    assert caught.value.error_class is ErrorClass.AMBIGUOUS


# --- posts ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content_format", [ContentFormat.TEXT, ContentFormat.LINK])
async def test_words_and_links_are_one_call(facebook, page, request_for, content_format):
    connector, _ = facebook(page)
    request = request_for(content_format)
    receipt = await connector.commit(request, await staged(connector, request))
    (post,) = page.posts
    assert post["message"] == "Café abierto ☕"
    assert ("attachments" in post) is (content_format is ContentFormat.LINK)
    assert (receipt.native_id, receipt.permalink, receipt.published_at) == (post["id"], post["permalink_url"], NOW)
    assert [call for call in page.calls if call.startswith("POST")] == [f"POST {ME}/feed"]


@pytest.mark.parametrize("content_format", [ContentFormat.IMAGE, ContentFormat.CAROUSEL])
async def test_pictures_are_uploaded_unseen_each_once_and_then_shown(facebook, page, request_for, content_format):
    request = request_for(content_format)
    connector, _ = facebook(page)
    staging = connector.prepare(request)
    while not staging.is_complete:
        connector, _ = facebook(page)  # a new process for every step
        staging = await connector.stage(request, Staging.model_validate_json(staging.model_dump_json()))
        assert not page.posts
    await connector.commit(request, staging)
    assert [p["source"] for p in page.photos.values()] == [m.media_id for m in request.media]
    assert {p["source:type"] for p in page.photos.values()} == {"image/jpeg"}
    assert [p["alt_text_custom"] for p in page.photos.values()] == [m.alt_text for m in request.media]
    assert page.calls.count(f"POST {ME}/photos") == len(request.media)
    assert page.calls.count(f"POST {ME}/feed") == 1


async def test_a_place_is_named_and_empty_fields_are_not_sent(facebook, page, request_for):
    connector, wire = facebook(page)
    request = request_for(options=PublishOptions(place_id="777"))
    await connector.commit(request, await staged(connector, request))
    (feed,) = [r for r in wire.requests if r.url.path.endswith("/feed")]
    assert fields_of(feed) == {"message": "Café abierto ☕", "place": "777"}


async def test_a_picture_that_did_not_wait_is_uploaded_again(facebook, page, request_for):
    connector, _ = facebook(page)
    request = request_for(ContentFormat.CAROUSEL)
    staging = await staged(connector, request)
    assert await connector.stage(request, staging) == staging
    del page.photos[staging.handles["photo_1"]]
    again = await staged(connector, request, await connector.stage(request, staging))
    assert {k for k in again.handles if again.handles[k] != staging.handles[k]} == {"photo_1"}
    receipt = await connector.commit(request, again)
    assert receipt.native_id == page.posts[0]["id"]


async def test_an_unreadable_permalink_does_not_unpublish(facebook, page, request_for):
    wanted = "id,permalink_url,created_time"
    connector, _ = facebook(lambda r: httpx.Response(500, json={}) if r.url.params.get("fields") == wanted else page(r))
    request = request_for()
    receipt = await connector.commit(request, await staged(connector, request))
    assert (receipt.native_id, receipt.permalink) == (page.posts[0]["id"], None)


@pytest.mark.parametrize(
    "content_format", [ContentFormat.TEXT, ContentFormat.LINK, ContentFormat.IMAGE, ContentFormat.CAROUSEL]
)
async def test_a_lost_answer_is_found_in_the_feed_once_it_is_listed(facebook, page, request_for, content_format):
    connector, _ = facebook(page)
    request = request_for(content_format)
    staging = await staged(connector, request)
    assert (await connector.find_published(request, staging)).outcome == "absent"
    page.cut = "feed"
    await lost(connector, request, staging)
    page.unlisted_for = 1
    assert (await connector.find_published(request, staging)).outcome == "absent", (
        "one look a call: the publisher waits"
    )
    found = await connector.find_published(request, staging)
    assert (found.outcome, found.receipt.native_id, found.receipt.how) == (
        "published",
        page.posts[0]["id"],
        "reconciled",
    )
    assert page.calls.count(f"POST {ME}/feed") == 1


async def test_what_was_never_staged_was_never_published(facebook, page, request_for):
    connector, wire = facebook(page)
    for content_format in (ContentFormat.TEXT, ContentFormat.VIDEO):
        request = request_for(content_format)
        found = await connector.find_published(request, connector.prepare(request))
        assert found.outcome == "not_published"
    assert not wire.requests


async def test_a_link_alone_has_no_guard_and_its_absence_no_weight(facebook, page, request_for):
    connector, _ = facebook(page)
    request = request_for(ContentFormat.LINK, text="")
    assert (await connector.find_published(request, await staged(connector, request))).outcome == "undecided"


async def test_the_same_words_again_are_told_apart_from_the_earlier_post(facebook, page, request_for):
    connector, _ = facebook(page)
    first, second = request_for(), request_for(intent_id="item-1/a/2")
    earlier = await connector.commit(first, await staged(connector, first))
    staging = await staged(connector, second)
    page.cut = "feed"
    await lost(connector, second, staging)
    found = await connector.find_published(second, staging)
    assert found.receipt.native_id == page.posts[1]["id"] != earlier.native_id


async def test_words_that_can_not_be_told_apart_are_undecided_until_one_is_claimed(facebook, page, request_for):
    connector, _ = facebook(page)
    requests = [request_for(intent_id=f"item-1/a/{i}") for i in (1, 2)]
    stagings = [await staged(connector, request) for request in requests]
    for request, staging in zip(requests, stagings, strict=True):
        page.cut = "feed"
        await lost(connector, request, staging)
    assert (await connector.find_published(requests[0], stagings[0])).outcome == "undecided"
    claimed = requests[0].model_copy(update={"claimed_native_ids": (page.posts[1]["id"],)})
    assert (await connector.find_published(claimed, stagings[0])).receipt.native_id == page.posts[0]["id"]


async def test_the_same_picture_post_twice_is_told_apart_by_its_own_uploads(facebook, page, request_for):
    connector, _ = facebook(page)
    requests = [request_for(ContentFormat.IMAGE, intent_id=f"item-1/a/{i}") for i in (1, 2)]
    stagings = [await staged(connector, request) for request in requests]
    for request, staging in zip(requests, stagings, strict=True):
        page.cut = "feed"
        await lost(connector, request, staging)
    found = [await connector.find_published(r, s) for r, s in zip(requests, stagings, strict=True)]
    assert [f.receipt.native_id for f in found] == [post["id"] for post in page.posts]


async def test_older_posts_and_posts_with_other_pictures_are_no_evidence(facebook, page, request_for):
    connector, _ = facebook(page)
    words, picture = request_for(), request_for(ContentFormat.IMAGE)
    stagings = [await staged(connector, request) for request in (words, picture)]
    page.show(words.text, [], at="2026-06-01T11:57:00+0000")
    page.show(words.text, ["someone-elses"])
    for request, staging in zip((words, picture), stagings, strict=True):
        assert (await connector.find_published(request, staging)).outcome == "absent"
    page.show(f"  {words.text}\r\n", [], at="2026-06-01T11:58:30+0000")
    assert (await connector.find_published(words, stagings[0])).receipt.native_id == page.posts[-1]["id"]


@pytest.mark.parametrize(("code", "subcode"), [(506, None), (100, 1366051), (1366051, None)])
async def test_the_networks_own_duplicate_guard_asks_for_reconciliation(facebook, page, request_for, code, subcode):
    connector, _ = facebook(page)
    request = request_for()
    staging = await staged(connector, request)
    page.refusal = ("feed", code, subcode)
    with pytest.raises(NetworkError) as caught:
        await connector.commit(request, staging)
    assert caught.value.error_class is ErrorClass.DUPLICATE


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (1390008, ErrorClass.RATE),
        (368, ErrorClass.SCOPE),
        (1404078, ErrorClass.SCOPE),
        (1366046, ErrorClass.INVALID),
        (1363047, ErrorClass.AMBIGUOUS),
        (1609010, ErrorClass.AMBIGUOUS),
        (2, ErrorClass.AMBIGUOUS),
        (190, ErrorClass.AUTH),
    ],
)
async def test_refused_commits(facebook, page, request_for, code, expected):
    connector, _ = facebook(page)
    request = request_for()
    staging = await staged(connector, request)
    for place in ((code, None), (100, code)) if code > 1000 else ((code, None),):
        page.refusal = ("feed", *place)
        with pytest.raises(NetworkError) as caught:
            await connector.commit(request, staging)
        assert caught.value.error_class is expected


async def test_posts_that_the_network_can_not_show_are_refused(facebook, page, request_for, media, film):
    connector, wire = facebook(page)
    picture = media.picture()
    unfit = [
        request_for(text=""),
        request_for(media=(picture,)),
        request_for(text="x" * 63_207),
        request_for(ContentFormat.LINK, options=PublishOptions()),
        request_for(ContentFormat.IMAGE, media=(picture,) * 2),
        request_for(ContentFormat.IMAGE, media=(film,)),
        request_for(ContentFormat.IMAGE, options=PublishOptions(link="https://x.example")),
        request_for(ContentFormat.IMAGE, media=(picture.model_copy(update={"mime_type": "image/webp"}),)),
        request_for(ContentFormat.IMAGE, media=(picture.model_copy(update={"size_bytes": 4_000_001}),)),
        request_for(ContentFormat.CAROUSEL, media=(picture,) * 11),
        request_for(ContentFormat.CAROUSEL, media=(picture, film)),
        request_for(ContentFormat.VIDEO, media=(picture,)),
        request_for(ContentFormat.STORY, media=()),
        request_for(ContentFormat.STORY, options=PublishOptions(place_id="777")),
        request_for(ContentFormat.POLL),
    ]
    for request in unfit:
        with pytest.raises(NetworkError) as caught:
            await connector.stage(request, connector.prepare(request))
        assert caught.value.error_class is ErrorClass.INVALID, request.content_format
    assert not wire.requests


# --- films ---------------------------------------------------------------------------------------------------------------


async def test_a_film_goes_up_in_the_parts_that_the_network_asks_for(facebook, page, request_for):
    connector, _ = facebook(page)
    request = request_for(ContentFormat.VIDEO, options=PublishOptions(title="Opening", place_id="777"))
    staging = await staged(connector, request)
    assert not page.posts
    receipt = await connector.commit(request, staging)
    (film,) = page.films.values()
    assert (film["content"], film["title"], film["place"]) == ("0123456789", "Opening", "777")
    assert page.posts[0]["message"] == request.text
    assert (receipt.native_id, receipt.permalink) == (page.posts[0]["id"], f"/watch/{film['id']}")
    assert page.calls.count(f"POST {ME}/videos") == 1 + 3 + 1


async def test_films_of_the_real_network_go_to_its_own_host(facebook, page, request_for, account):
    connector, _ = facebook(page)
    real = account.model_copy(update={"base_url": "https://graph.facebook.com"})
    request = request_for(ContentFormat.VIDEO).model_copy(update={"account": real})
    await connector.commit(request, await staged(connector, request))
    hosts = {httpx.URL(url).host for url, call in zip(page.urls, page.calls, strict=True) if call.endswith("/videos")}
    assert hosts == {"graph-video.facebook.com"}


async def test_a_part_whose_answer_was_lost_costs_a_new_session_once(facebook, page, request_for):
    connector, _ = facebook(page)
    request = request_for(ContentFormat.VIDEO)
    staging = await connector.stage(request, connector.prepare(request))
    page.cut = "videos"
    with pytest.raises(NetworkError) as caught:
        await connector.stage(request, staging)
    assert caught.value.error_class is ErrorClass.TRANSIENT
    again = await staged(connector, request, staging)
    assert again.handles["video_id"] != staging.handles["video_id"]
    await connector.commit(request, again)
    assert [film["content"] for film in page.films.values()] == ["0123", "0123456789"]
    assert len(page.posts) == 1
    page.refusal = ("videos", 6000, 1363037)
    with pytest.raises(NetworkError) as caught:
        await connector.stage(
            request, again.model_copy(update={"is_complete": False, "handles": again.handles | {"start_offset": "0"}})
        )
    assert caught.value.error_class is ErrorClass.INVALID


async def test_a_lost_answer_is_found_by_the_films_own_status(facebook, page, request_for):
    connector, _ = facebook(page)
    requests = [request_for(ContentFormat.VIDEO, intent_id=f"item-1/a/{i}") for i in (1, 2)]
    stagings = [await staged(connector, request) for request in requests]
    assert (await connector.find_published(requests[0], stagings[0])).outcome == "not_published"
    page.cut = "videos"
    await lost(connector, requests[1], stagings[1])
    found = await connector.find_published(requests[1], stagings[1])
    assert found.receipt.native_id == page.posts[0]["id"]
    assert (await connector.find_published(requests[0], stagings[0])).outcome == "not_published"
    with pytest.raises(NetworkError) as caught:
        await connector.stage(requests[1], stagings[1])
    assert caught.value.error_class is ErrorClass.DUPLICATE


@pytest.mark.parametrize(
    ("video_status", "publishing", "outcome"),
    [
        ("uploading", "not_started", "not_published"),
        ("error", "error", "not_published"),
        ("expired", "not_started", "not_published"),
        ("processing", "not_started", "undecided"),
        ("ready", "not_started", "undecided"),
        ("ready", "complete", "published"),
        ("new_status", "", "undecided"),
        ("", "", "undecided"),
    ],
)
async def test_what_each_status_of_a_film_proves(facebook, page, request_for, video_status, publishing, outcome):
    connector, _ = facebook(page)
    request = request_for(ContentFormat.VIDEO)
    staging = await staged(connector, request)
    film = page.films[staging.handles["video_id"]]
    film["status"] = {"video_status": video_status, "publishing_phase": {"status": publishing}}
    assert (await connector.find_published(request, staging)).outcome == outcome
    del page.films[film["id"]]
    assert (await connector.find_published(request, staging)).outcome == "undecided"


async def test_a_film_that_is_over_is_uploaded_anew_and_a_broken_one_is_not(facebook, page, request_for):
    connector, _ = facebook(page)
    request = request_for(ContentFormat.VIDEO)
    staging = await staged(connector, request)
    assert await connector.stage(request, staging) == staging
    film = page.films[staging.handles["video_id"]]
    film["status"]["video_status"] = "expired"
    assert await connector.stage(request, staging) == Staging()
    film["status"]["video_status"] = "error"
    with pytest.raises(NetworkError) as caught:
        await connector.stage(request, staging)
    assert caught.value.error_class is ErrorClass.INVALID


async def test_an_unconfirmed_film_is_ambiguous(facebook, page, request_for):
    def handler(request: httpx.Request) -> httpx.Response:
        is_last = request.url.path.endswith("/videos") and fields_of(request)["upload_phase"] == "finish"
        return httpx.Response(200, json={"success": False}) if is_last else page(request)

    connector, _ = facebook(handler)
    request = request_for(ContentFormat.VIDEO)
    await lost(connector, request, await staged(connector, request))


# --- stories -------------------------------------------------------------------------------------------------------------


async def test_a_picture_story_and_its_reconciliation(facebook, page, request_for):
    connector, _ = facebook(page)
    requests = [request_for(ContentFormat.STORY, intent_id=f"item-1/a/{i}") for i in (1, 2)]
    stagings = [await staged(connector, request) for request in requests]
    receipt = await connector.commit(requests[0], stagings[0])
    assert receipt.native_id == page.stories[0]["post_id"]
    assert (await connector.find_published(requests[1], stagings[1])).outcome == "undecided"
    page.cut = "photo_stories"
    await lost(connector, requests[1], stagings[1])
    found = await connector.find_published(requests[1], stagings[1])
    assert found.receipt.native_id == page.stories[1]["post_id"]


async def test_a_film_story_is_uploaded_whole_with_the_token_in_a_header(facebook, page, request_for, film):
    connector, _ = facebook(page)
    request = request_for(ContentFormat.STORY, media=(film,))
    first = await connector.stage(request, connector.prepare(request))
    page.films[first.handles["video_id"]]["content"] = "0123"  # what arrived before the connection broke
    page.films[first.handles["video_id"]]["status"]["uploading_phase"] = {
        "status": "in_progress",
        "bytes_transferred": "4",
    }
    staging = await staged(connector, request, first)
    assert page.films[staging.handles["video_id"]]["content"] == "0123456789"
    page.cut = "video_stories"
    await lost(connector, request, staging)
    assert (await connector.find_published(request, staging)).outcome == "published"


# --- replies -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [{"reply_to_native_comment_id": "55"}, {"reply_to_native_post_id": "55"}])
async def test_a_reply_and_its_reconciliation(facebook, page, request_for, target):
    connector, _ = facebook(page)
    request = request_for(text="¡Gracias!", **target)
    page.comments["55"] = [page.remark("¡Gracias!"), page.remark("¡Gracias!", author="somebody")]
    staging = await staged(connector, request)
    assert (await connector.find_published(request, staging)).outcome == "undecided"
    page.cut = "comments"
    await lost(connector, request, staging)
    found = await connector.find_published(request, staging)
    assert (found.outcome, found.receipt.native_id) == ("published", page.comments["55"][-1]["id"])
    answered = await connector.commit(request, staging)
    assert answered.native_id == page.comments["55"][-1]["id"]


async def test_a_reply_with_a_picture_is_refused(facebook, page, request_for, media):
    connector, wire = facebook(page)
    request = request_for(reply_to_native_comment_id="55", media=(media.picture(),))
    with pytest.raises(NetworkError) as caught:
        await connector.stage(request, connector.prepare(request))
    assert caught.value.error_class is ErrorClass.INVALID
    assert not wire.requests


# --- deletion, tokens ----------------------------------------------------------------------------------------------------


async def test_deleting_what_is_gone_succeeds_and_what_is_not_allowed_does_not(facebook, page, account):
    connector, _ = facebook(lambda r: page.refuse(100, 33) if r.method == "DELETE" else page(r))
    await connector.delete(account, f"{ME}_999")
    page.show("still here", [])
    with pytest.raises(NetworkError) as caught:
        await connector.delete(account, page.posts[0]["id"])
    assert caught.value.error_class is ErrorClass.INVALID


class Meta:
    """Token exchange and the list of Pages; everything else answers a profile to the newest Page token only."""

    def __init__(self, *pages: str) -> None:
        self.pages, self.asked = pages, []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        p, path = request.url.params, request.url.path.removeprefix("/v25.0/")
        self.asked.append(path)
        if path == "oauth/access_token":
            assert (p["grant_type"], p["client_id"], p["client_secret"]) == ("fb_exchange_token", "77", "app-secret")
            assert p["fb_exchange_token"] == "refresh-1"
            return httpx.Response(200, json={"access_token": "user-2", "expires_in": 5_184_000})
        if path == "me/accounts":
            assert (p["access_token"], "appsecret_proof" in p) == ("user-2", True)
            at = int(p.get("after", "0"))
            following = {"cursors": {"after": str(at + 1)}, "next": "x"} if at + 1 < len(self.pages) else {}
            data = [{"id": self.pages[at], "access_token": f"page-{self.pages[at]}"}, {"name": "no id"}]
            return httpx.Response(200, json={"data": data, "paging": following})
        if p["access_token"] != f"page-{ME}":
            return Page.refuse(190, 463)
        return httpx.Response(200, json={"id": ME, "username": "harbor"})


APP = MetaApp(app_id="77", app_secret=SecretStr("app-secret"))


async def test_a_page_token_is_had_with_its_managers_even_after_a_refusal(facebook, account, tokens):
    meta = Meta("1", ME)
    connector, wire = facebook(meta, APP)
    assert (await connector.profile(account)).handle == "harbor"
    assert meta.asked == [ME, "oauth/access_token", "me/accounts", "me/accounts", ME]
    assert (tokens.token.access_token, tokens.token.refresh_token) == (f"page-{ME}", "user-2")
    assert tokens.token.expires_at - datetime.now(UTC) > timedelta(days=59)
    assert not {"app-secret", "user-2", "refresh-1"} & set(str(wire.journal).replace("'", " ").split())


async def test_a_page_that_was_given_away_has_to_be_connected_again(facebook, account, tokens):
    connector, _ = facebook(Meta("1", "2"), APP)
    with pytest.raises(NetworkError) as caught:
        await connector.refresh_token(account)
    assert (caught.value.error_class, caught.value.code) == (ErrorClass.AUTH, "no_page")
    assert not tokens.saves


@pytest.mark.parametrize("lacking", ["app", "manager"])
async def test_without_an_app_or_its_managers_token_nothing_can_be_renewed(facebook, account, page, tokens, lacking):
    if lacking == "manager":
        tokens.token = tokens.token.model_copy(update={"refresh_token": None})
    connector, wire = facebook(lambda _: page.refuse(190, 463), APP if lacking == "manager" else None)
    for attempt in (connector.refresh_token, connector.profile):
        with pytest.raises(NetworkError) as caught:
            await attempt(account)
        assert caught.value.error_class is ErrorClass.AUTH
    assert len(wire.requests) == 1
