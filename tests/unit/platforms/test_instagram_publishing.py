"""Publishing on Instagram: containers, the one commit, and what can and cannot be known after a lost answer."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import httpx
import pytest
from pydantic import SecretStr

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat
from contracts.records import PublishOptions, Staging
from platforms._graph import MetaApp

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
ME = "17841400008460056"


class Graph:
    """One account's side of the Graph API. `cut` names a path ending whose answer is lost after the work is done."""

    def __init__(self) -> None:
        self.containers: dict[str, dict] = {}
        self.media: list[dict] = []
        self.stories: list[dict] = []
        self.failures: list[str] = []
        """Subcodes with which the next containers end in ERROR."""
        self.replies: dict[str, list[dict]] = {}
        self.calls: list[str] = []
        self.cut: str | None = None
        self.polls_needed = 0
        self.unlisted_for = 0
        self.quota = (3, 50)
        self._ids = iter(str(n) for n in range(100, 10_000))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.url.params["access_token"] == "access-1"
        path = request.url.path.removeprefix("/v25.0/")
        self.calls.append(f"{request.method} {path}")
        form = {k: v[0] for k, v in parse_qs(request.content.decode()).items()}
        answer = self.answer(request.method, path, form, request.url.params)
        if self.cut and path.endswith(self.cut) and request.method == "POST":
            raise httpx.ReadError("cut", request=request)
        return answer

    def answer(self, method: str, path: str, form: dict, params: httpx.QueryParams) -> httpx.Response:
        node, _, edge = path.partition("/")
        if edge == "content_publishing_limit":
            used, total = self.quota
            return self.ok({"data": [{"quota_usage": used, "config": {"quota_total": total}}]})
        if method == "POST" and edge == "media":
            name = next(self._ids)
            self.containers[name] = form | {"polls": 0, "status_code": "IN_PROGRESS"}
            return self.ok({"id": name})
        if edge == "media_publish":
            return self.publish(form["creation_id"])
        if edge == "media":
            listed = [] if self.unlisted_for else self.media[::-1]
            self.unlisted_for = max(0, self.unlisted_for - 1)
            return self.ok({"data": listed})
        if edge == "stories":
            return self.ok({"data": self.stories[::-1]})
        if method == "POST":
            reply = self.remark(form["message"])
            self.replies.setdefault(node, []).append(reply)
            return self.ok({"id": reply["id"]})
        if edge in ("replies", "comments"):
            return self.ok({"data": self.replies.get(node, [])})
        if node in self.containers:
            container = self.containers[node]
            if container["status_code"] == "IN_PROGRESS":
                container["polls"] += 1
                if container["polls"] > self.polls_needed:
                    container["status_code"] = "FINISHED"
                    if self.failures:
                        container["status_code"] = "ERROR"
                        container["status"] = f"Error: Media upload has failed with error code {self.failures.pop(0)}"
            shown = {"id": node, "status_code": container["status_code"], "status": container.get("status", "")}
            return self.ok(shown)
        found = [m for m in (*self.media, *self.stories) if m["id"] == node]
        return self.ok(found[0]) if found else self.refuse(100, 33)

    def publish(self, container_id: str) -> httpx.Response:
        container = self.containers[container_id]
        if container["status_code"] != "FINISHED":
            return self.refuse(9007, 2207027)
        container["status_code"] = "PUBLISHED"
        media_id = next(self._ids)
        kind = container.get("media_type")
        is_film = "video_url" in container
        media = {
            "id": media_id,
            "media_type": "CAROUSEL_ALBUM" if kind == "CAROUSEL" else "VIDEO" if is_film else "IMAGE",
            "permalink": f"https://i/{media_id}",
            "timestamp": "2026-06-01T12:00:00+0000",
        }
        if kind == "STORIES":
            self.stories.append(media)
        else:
            self.media.append(media | {"caption": container["caption"]})
        return self.ok({"id": media_id})

    def remark(self, text: str) -> dict:
        return {"id": next(self._ids), "text": text, "username": "ikroskun", "timestamp": "2026-06-01T12:00:00+0000"}

    @staticmethod
    def ok(body) -> httpx.Response:
        return httpx.Response(200, json=body)

    @staticmethod
    def refuse(code: int, subcode: int) -> httpx.Response:
        return httpx.Response(400, json={"error": {"message": "no", "code": code, "error_subcode": subcode}})


@pytest.fixture
def graph() -> Graph:
    return Graph()


@pytest.fixture
def picture_request(request_of, instagram_account, media):
    def build(*names: str, **changes):
        names = names or ("one",)
        kind = ContentFormat.CAROUSEL if len(names) > 1 else ContentFormat.IMAGE
        pictures = tuple(media.picture(name) for name in names)
        return request_of(instagram_account, text="Café abierto ☕", content_format=kind, media=pictures, **changes)

    return build


async def staged(connector, request, staging=None):
    staging = staging or connector.prepare(request)
    while not staging.is_complete:
        # What was persisted is all that survives: stage goes on from a copy of it.
        staging = await connector.stage(request, Staging.model_validate_json(staging.model_dump_json()))
    return staging


async def test_a_picture_is_hosted_contained_and_published(instagram, graph, picture_request, media):
    connector, _ = instagram(graph)
    request = picture_request()
    receipt = await connector.commit(request, await staged(connector, request))
    (container,) = graph.containers.values()
    assert container["caption"] == "Café abierto ☕"
    assert container["alt_text"] == "Picture one"
    assert container["image_url"].startswith("https://cdn.example/")
    assert list(media.published.values()) == [b"one"]
    assert (receipt.native_id, receipt.permalink) == (graph.media[0]["id"], graph.media[0]["permalink"])
    assert receipt.published_at == NOW


async def test_a_carousel_makes_each_child_once_even_after_a_crash(instagram, graph, picture_request):
    connector, _ = instagram(graph)
    request = picture_request("one", "two", "three")
    staging = await connector.stage(request, connector.prepare(request))
    staging = await connector.stage(request, staging)
    again, _ = instagram(graph)
    await again.commit(request, await staged(again, request, staging))
    parents = [c for c in graph.containers.values() if c.get("media_type") == "CAROUSEL"]
    children = [name for name, c in graph.containers.items() if c.get("is_carousel_item") == "true"]
    assert [p["children"] for p in parents] == [",".join(children)]
    assert len(children) == 3


async def test_the_container_id_is_handed_back_before_anything_is_published(instagram, graph, picture_request):
    connector, _ = instagram(graph)
    request = picture_request()
    first = await connector.stage(request, connector.prepare(request))
    assert first.handles["container_id"] in graph.containers
    assert not first.is_complete
    assert not graph.media


async def test_processing_is_waited_for_and_then_left_for_later(instagram, graph, picture_request):
    graph.polls_needed = 3
    connector, wire = instagram(graph)
    request = picture_request()
    await staged(connector, request)
    assert wire.slept == [0.5, 1.0, 2.0]
    graph.polls_needed = 100
    staging = await connector.stage(request, connector.prepare(request))
    assert await connector.stage(request, staging) == staging


@pytest.mark.parametrize("status", ["EXPIRED", "ERROR", "PUBLISHED"])
async def test_a_container_that_can_not_be_published(instagram, graph, picture_request, status):
    connector, _ = instagram(graph)
    request = picture_request()
    staging = await connector.stage(request, connector.prepare(request))
    graph.containers[staging.handles["container_id"]]["status_code"] = status
    if status == "EXPIRED":
        assert await connector.stage(request, staging) == Staging()
        assert (await staged(connector, request, staging)).handles["container_id"] != staging.handles["container_id"]
        return
    with pytest.raises(NetworkError) as caught:
        await connector.stage(request, staging)
    assert caught.value.error_class is {"ERROR": ErrorClass.INVALID, "PUBLISHED": ErrorClass.DUPLICATE}[status]


async def test_the_quota_is_read_and_respected(instagram, graph, picture_request):
    graph.quota = (25, 25)
    connector, _ = instagram(graph)
    request = picture_request()
    with pytest.raises(NetworkError) as caught:
        await connector.stage(request, connector.prepare(request))
    assert caught.value.error_class is ErrorClass.RATE
    assert not graph.containers


async def test_posts_that_the_network_can_not_show_are_refused(instagram, graph, request_of, instagram_account, media):
    connector, wire = instagram(graph)
    picture, film = media.picture(), media.film()
    image, carousel, story, reel = (
        ContentFormat.IMAGE,
        ContentFormat.CAROUSEL,
        ContentFormat.STORY,
        ContentFormat.SHORT_VIDEO,
    )
    for kind, files, options in (
        (ContentFormat.TEXT, (), {}),
        (image, (), {}),
        (image, (film,), {}),
        (image, (picture, picture), {}),
        (image, (picture.model_copy(update={"mime_type": "audio/mpeg"}),), {}),
        (carousel, (picture,) * 11, {}),
        (carousel, (picture,), {}),
        (carousel, (film, film), {"user_tags": ("ana",)}),
        (reel, (picture,), {}),
        (reel, (film,), {"user_tags": ("ana",)}),
        (story, (picture, film), {}),
        (story, (picture,), {"user_tags": ("ana",)}),
        (story, (picture,), {"place_id": "1"}),
        (image, (picture,), {"user_tags": tuple(f"person{i}" for i in range(21))}),
        (image, (picture,), {"title": "A title"}),
    ):
        request = request_of(instagram_account, content_format=kind, media=files, options=PublishOptions(**options))
        with pytest.raises(NetworkError) as caught:
            await connector.stage(request, connector.prepare(request))
        assert caught.value.error_class is ErrorClass.INVALID, (kind, options)
    assert not wire.requests


async def test_a_lost_answer_is_found_by_the_containers_status(instagram, graph, picture_request):
    connector, _ = instagram(graph)
    request = picture_request()
    staging = await staged(connector, request)
    assert (await connector.find_published(request, staging)).outcome == "not_published"
    graph.cut = "media_publish"
    with pytest.raises(NetworkError) as caught:
        await connector.commit(request, staging)
    assert caught.value.error_class is ErrorClass.AMBIGUOUS
    graph.unlisted_for = 1
    assert (await connector.find_published(request, staging)).outcome == "undecided", "one look a call"
    found = await connector.find_published(request, staging)
    assert (found.outcome, found.receipt.native_id, found.receipt.how) == (
        "published",
        graph.media[0]["id"],
        "reconciled",
    )
    assert graph.calls.count(f"POST {ME}/media_publish") == 1


async def test_an_answer_published_before_is_ambiguous_and_then_found(instagram, graph, picture_request):
    connector, _ = instagram(graph)
    request = picture_request()
    staging = await staged(connector, request)
    await connector.commit(request, staging)
    with pytest.raises(NetworkError) as caught:
        await connector.commit(request, staging)
    assert caught.value.error_class is ErrorClass.AMBIGUOUS
    assert (await connector.find_published(request, staging)).outcome == "published"
    assert len(graph.media) == 1


async def test_an_unreadable_permalink_does_not_unpublish(instagram, graph, picture_request):
    connector, _ = instagram(
        lambda r: httpx.Response(500, json={}) if r.url.params.get("fields") == "id,permalink,timestamp" else graph(r)
    )
    request = picture_request()
    receipt = await connector.commit(request, await staged(connector, request))
    assert (receipt.native_id, receipt.permalink) == (graph.media[0]["id"], None)


async def test_the_same_caption_again_is_told_apart_from_the_earlier_post(instagram, graph, picture_request):
    connector, _ = instagram(graph)
    first, second = picture_request(), picture_request(intent_id="item-1/a/2")
    earlier = await connector.commit(first, await staged(connector, first))
    staging = await staged(connector, second)
    graph.cut = "media_publish"
    with pytest.raises(NetworkError):
        await connector.commit(second, staging)
    found = await connector.find_published(second, staging)
    assert found.outcome == "published"
    assert found.receipt.native_id == graph.media[1]["id"] != earlier.native_id


async def test_what_can_not_be_told_apart_is_undecided(instagram, graph, picture_request):
    connector, _ = instagram(graph)
    requests = [picture_request(intent_id=f"item-1/a/{i}") for i in (1, 2)]
    stagings = [await staged(connector, request) for request in requests]
    graph.cut = "media_publish"
    for request, staging in zip(requests, stagings, strict=True):
        with pytest.raises(NetworkError):
            await connector.commit(request, staging)
    assert (await connector.find_published(requests[0], stagings[0])).outcome == "undecided"

    claimed = requests[0].model_copy(update={"claimed_native_ids": (graph.media[1]["id"],)})
    found = await connector.find_published(claimed, stagings[0])
    assert found.receipt.native_id == graph.media[0]["id"], "the other post is known to be another intent's"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("IN_PROGRESS", "undecided"),
        ("FINISHED", "not_published"),
        ("EXPIRED", "not_published"),
        ("ERROR", "not_published"),
        ("NEW_STATUS", "undecided"),
    ],
)
async def test_what_each_status_proves(instagram, graph, picture_request, status, outcome):
    graph.polls_needed = 100
    connector, _ = instagram(graph)
    request = picture_request()
    staging = await connector.stage(request, connector.prepare(request))
    graph.containers[staging.handles["container_id"]]["status_code"] = status
    assert (await connector.find_published(request, staging)).outcome == outcome
    assert (await connector.find_published(request, connector.prepare(request))).outcome == "not_published"


# --- films, stories, people and places -----------------------------------------------------------------------------------


@pytest.fixture
def post_request(request_of, instagram_account):
    def build(kind, *files, **options):
        return request_of(
            instagram_account,
            text="Olas 🌊",
            content_format=kind,
            media=files,
            options=PublishOptions(**options),
        )

    return build


FORMS = [
    (ContentFormat.SHORT_VIDEO, "film", {"media_type": "REELS", "caption": "Olas 🌊"}),
    (ContentFormat.VIDEO, "film", {"media_type": "REELS", "caption": "Olas 🌊"}),
    (ContentFormat.STORY, "film", {"media_type": "STORIES"}),
    (ContentFormat.STORY, "picture", {"media_type": "STORIES"}),
]


@pytest.mark.parametrize(("kind", "file", "fields"), FORMS)
async def test_films_and_stories(instagram, graph, post_request, media, kind, file, fields):
    graph.polls_needed = 2
    connector, _ = instagram(graph)
    request = post_request(kind, getattr(media, file)("olas"))
    receipt = await connector.commit(request, await staged(connector, request))
    (container,) = graph.containers.values()
    source, suffix = ("video_url", "mp4") if file == "film" else ("image_url", "jpg")
    name = f"{request.media[0].sha256[:32]}.{suffix}"
    sent = {k: v for k, v in container.items() if k not in ("polls", "status_code")}
    assert sent == fields | {source: f"https://cdn.example/{name}"}
    listed = graph.stories if kind is ContentFormat.STORY else graph.media
    assert [m["id"] for m in listed] == [receipt.native_id]


@pytest.mark.parametrize(("kind", "file", "_"), FORMS)
async def test_a_lost_answer_is_found_in_the_listing_where_it_belongs(
    instagram, graph, post_request, media, kind, file, _
):
    connector, _ = instagram(graph)
    request = post_request(kind, getattr(media, file)("olas"))
    other = {"id": "7", "timestamp": "2026-06-01T12:00:00+0000", "caption": "Olas 🌊", "media_type": "CAROUSEL_ALBUM"}
    graph.stories.append(other | {"id": "8", "media_type": "IMAGE" if file == "film" else "VIDEO"})
    graph.stories.append(other | {"id": "9", "media_type": "VIDEO" if file == "film" else "IMAGE"})
    graph.media.append(other)
    staging = await staged(connector, request)
    assert staging.handles["alike_before"] == ("9" if kind is ContentFormat.STORY else "")
    graph.cut = "media_publish"
    with pytest.raises(NetworkError) as caught:
        await connector.commit(request, staging)
    assert caught.value.error_class is ErrorClass.AMBIGUOUS
    found = await connector.find_published(request, staging)
    listed = graph.stories if kind is ContentFormat.STORY else graph.media
    assert (found.outcome, found.receipt.native_id) == ("published", listed[-1]["id"])


async def test_two_new_stories_are_undecided(instagram, graph, post_request, media):
    connector, _ = instagram(graph)
    request = post_request(ContentFormat.STORY, media.picture())
    staging = await staged(connector, request)
    await connector.commit(request, staging)
    graph.stories.append(graph.stories[0] | {"id": "by hand"})
    assert (await connector.find_published(request, staging)).outcome == "undecided"
    claimed = request.model_copy(update={"claimed_native_ids": ("by hand",)})
    found = await connector.find_published(claimed, staging)
    assert found.receipt.native_id == graph.stories[0]["id"]


async def test_a_carousel_of_pictures_and_films_with_people_and_a_place(instagram, graph, post_request, media):
    graph.polls_needed = 1
    connector, _ = instagram(graph)
    files = (media.film("olas"), media.picture("one"), media.picture("two"))
    request = post_request(ContentFormat.CAROUSEL, *files, user_tags=("@ana", "rui"), place_id="1060784")
    await connector.commit(request, await staged(connector, request))
    film, one, two, parent = graph.containers.values()
    assert (film["media_type"], film["is_carousel_item"], "video_url" in film) == ("VIDEO", "true", True)
    assert json.loads(one["user_tags"]) == [
        {"username": "ana", "x": 0.333, "y": 0.5},
        {"username": "rui", "x": 0.667, "y": 0.5},
    ]
    assert "user_tags" not in two
    assert not any("location_id" in child or "caption" in child for child in (film, one, two))
    assert (parent["location_id"], parent["caption"]) == ("1060784", "Olas 🌊")


async def test_a_picture_carries_its_people_and_place_itself(instagram, graph, post_request, media):
    connector, _ = instagram(graph)
    request = post_request(ContentFormat.IMAGE, media.picture(), user_tags=("ana",), place_id="1060784")
    await staged(connector, request)
    (container,) = graph.containers.values()
    assert json.loads(container["user_tags"]) == [{"username": "ana", "x": 0.5, "y": 0.5}]
    assert container["location_id"] == "1060784"


@pytest.mark.parametrize("kind", [ContentFormat.SHORT_VIDEO, ContentFormat.CAROUSEL])
async def test_processing_that_fails_for_a_reason_that_may_pass_begins_again_once(
    instagram, graph, post_request, media, kind
):
    connector, _ = instagram(graph)
    films = (media.film("one"), media.film("two")) if kind is ContentFormat.CAROUSEL else (media.film("one"),)
    request = post_request(kind, *films)
    graph.failures = ["2207003"]
    await staged(connector, request)
    assert len(graph.containers) == (5 if kind is ContentFormat.CAROUSEL else 2)
    for lasting in (["2207003", "2207003"], ["2207026"], ["something new"]):
        graph.failures = list(lasting)
        with pytest.raises(NetworkError) as caught:
            await staged(connector, request)
        assert caught.value.error_class is ErrorClass.INVALID
        assert lasting[0] in caught.value.message


# --- replies -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [{"reply_to_native_comment_id": "55"}, {"reply_to_native_post_id": "55"}])
async def test_a_reply_and_its_reconciliation(instagram, graph, request_of, instagram_account, target):
    connector, _ = instagram(graph)
    request = request_of(instagram_account, text="¡Gracias!", **target)
    graph.replies["55"] = [graph.remark("¡Gracias!"), {**graph.remark("¡Gracias!"), "username": "somebody"}]
    staging = await staged(connector, request)
    assert (await connector.find_published(request, staging)).outcome == "undecided"
    graph.cut = "replies" if "reply_to_native_comment_id" in target else "comments"
    with pytest.raises(NetworkError) as caught:
        await connector.commit(request, staging)
    assert caught.value.error_class is ErrorClass.AMBIGUOUS
    found = await connector.find_published(request, staging)
    assert (found.outcome, found.receipt.native_id) == ("published", graph.replies["55"][-1]["id"])
    graph.cut = None
    answered = await connector.commit(request, staging)
    assert answered.native_id == graph.replies["55"][-1]["id"]


async def test_a_reply_with_a_picture_is_refused(instagram, graph, request_of, instagram_account, media):
    connector, _ = instagram(graph)
    request = request_of(instagram_account, reply_to_native_comment_id="55", media=(media.picture(),))
    with pytest.raises(NetworkError) as caught:
        await connector.stage(request, connector.prepare(request))
    assert caught.value.error_class is ErrorClass.INVALID


# --- deletion, tokens ----------------------------------------------------------------------------------------------------


async def test_deleting_what_is_gone_succeeds_and_what_is_not_allowed_does_not(
    instagram, graph, instagram_account, picture_request
):
    def handler(request: httpx.Request) -> httpx.Response:
        return graph.refuse(100, 33) if request.method == "DELETE" else graph(request)

    connector, _ = instagram(handler)
    await connector.delete(instagram_account, "999")
    request = picture_request()
    receipt = await connector.commit(request, await staged(connector, request))
    with pytest.raises(NetworkError) as caught:
        await connector.delete(instagram_account, receipt.native_id)
    assert caught.value.error_class is ErrorClass.INVALID


async def test_a_token_is_exchanged_in_time_with_the_apps_proof(instagram, instagram_account, tokens):
    tokens.token = tokens.token.model_copy(update={"expires_at": datetime.now(UTC) + timedelta(days=2)})
    app = MetaApp(app_id="77", app_secret=SecretStr("app-secret"))

    def handler(request: httpx.Request) -> httpx.Response:
        p = request.url.params
        if request.url.path == "/v25.0/oauth/access_token":
            assert (p["grant_type"], p["client_id"], p["client_secret"]) == ("fb_exchange_token", "77", "app-secret")
            assert p["fb_exchange_token"] == "access-1"
            return httpx.Response(200, json={"access_token": "long-2", "token_type": "bearer", "expires_in": 5_184_000})
        assert p["access_token"] == "long-2"
        assert p["appsecret_proof"] == hmac.new(b"app-secret", b"long-2", hashlib.sha256).hexdigest()
        return httpx.Response(200, json={"id": ME, "username": "ikroskun"})

    connector, wire = instagram(handler, app)
    await connector.profile(instagram_account)
    assert tokens.token.access_token == "long-2"
    assert tokens.token.expires_at - datetime.now(UTC) > timedelta(days=59)
    assert "app-secret" not in str(wire.journal)
    assert "long-2" not in str(wire.journal)


async def test_an_expired_token_means_connect_again(instagram, instagram_account, graph, tokens):
    connector, wire = instagram(lambda _: graph.refuse(190, 463), MetaApp(app_id="77", app_secret=SecretStr("s")))
    with pytest.raises(NetworkError) as caught:
        await connector.profile(instagram_account)
    assert caught.value.error_class is ErrorClass.AUTH
    assert len(wire.requests) == 1


async def test_without_an_app_nothing_can_be_renewed(instagram, instagram_account, graph):
    connector, _ = instagram(graph)
    with pytest.raises(NetworkError) as caught:
        await connector.refresh_token(instagram_account)
    assert caught.value.error_class is ErrorClass.AUTH


async def test_a_media_host_that_is_down_is_tried_again_later(instagram, graph, picture_request):
    from contracts.errors import ProviderError

    class Down:
        async def publish(self, **_):
            raise ProviderError("The media host did not take it.")

    connector, _ = instagram(graph, host=Down())
    request = picture_request()
    with pytest.raises(NetworkError) as caught:
        await connector.stage(request, connector.prepare(request))
    assert caught.value.error_class is ErrorClass.TRANSIENT
