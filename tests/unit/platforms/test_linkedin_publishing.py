"""Publishing on LinkedIn: uploads step by step, the one visible call, the duplicate guard, and what a lost answer leaves known."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import httpx
import pytest

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat, Network
from contracts.records import Account, Poll, PublishOptions, Receipt, Staging
from platforms.linkedin.client import CAPABILITIES, LinkedInConnector, LinkedInDialect
from platforms.linkedin.little_text import unescape

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
ME = "urn:li:organization:90362860"
PART = 4


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


class LinkedIn:
    """One page's side of LinkedIn. `cut` names a path ending whose answer is lost after the work is done."""

    def __init__(self) -> None:
        self.posts: list[dict] = []
        self.comments: dict[str, list[dict]] = {}
        self.assets: dict[str, dict] = {}
        self.calls: list[str] = []
        self.cut: str | None = None
        self.lose: str | None = None
        self.has_guard = False
        self.unlisted_for = 0
        self.polls_needed = 1
        self.upload_status = 201
        self.expires_in = timedelta(hours=1)
        self.refusals: dict[str, httpx.Response] = {}
        self._numbers = itertools.count(7_000_000_000_000_000_001)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = unquote(request.url.raw_path.decode().partition("?")[0])
        is_upload = request.url.host == "uploads.example"
        assert ("authorization" in request.headers) is not is_upload
        assert ("linkedin-version" in request.headers) is not is_upload
        self.calls.append(f"{request.method} {path}")
        if self.lose and path.endswith(self.lose) and request.method == "POST":
            raise httpx.ReadError("lost on the way there", request=request)
        action = request.url.params.get("action", "")
        for ending, refusal in self.refusals.items():
            if f"{request.method} {path} {action}".rstrip().endswith(ending):
                return refusal
        answer = self.upload(request) if is_upload else self.answer(request, path)
        if self.cut and path.endswith(self.cut) and request.method == "POST":
            raise httpx.ReadError("cut", request=request)
        return answer

    def answer(self, request: httpx.Request, path: str) -> httpx.Response:
        body = json.loads(request.content) if request.content else {}
        match request.method, path.removeprefix("/rest/").split("/", 1):
            case "POST", ["posts"]:
                return self.publish(body)
            case "GET", ["posts"]:
                listed = [] if self.unlisted_for else self.posts[::-1]
                self.unlisted_for = max(0, self.unlisted_for - 1)
                start, count = int(request.url.params["start"]), int(request.url.params["count"])
                return self.ok({"elements": listed[start : start + count], "paging": {"start": start, "count": count}})
            case "GET", ["posts", urn]:
                found = [post for post in self.posts if post["id"] == urn]
                return self.ok(found[0]) if found else self.refuse(404)
            case "DELETE", ["posts", urn]:
                kept = [post for post in self.posts if post["id"] != urn]
                is_gone, self.posts = len(kept) == len(self.posts), kept
                return self.refuse(404) if is_gone else httpx.Response(204)
            case "POST", ["images" | "videos" as collection]:
                return self.prepare(collection, request.url.params["action"], body)
            case "GET", ["images" | "videos", urn]:
                return self.poll(urn)
            case method, ["socialActions", rest]:
                return self.discuss(method, rest.removesuffix("/comments"), body)
        raise AssertionError(f"nobody asks {request.method} {path}")

    def publish(self, body: dict) -> httpx.Response:
        twin = [post for post in self.posts if post["commentary"] == body["commentary"]]
        if self.has_guard and twin:
            return self.refuse(422, message=f"Content is a duplicate of {twin[-1]['id']}")
        urn = f"urn:li:share:{next(self._numbers)}"
        at = ms(NOW)
        self.posts.append({**body, "id": urn, "publishedAt": at, "createdAt": at, "lastModifiedAt": at})
        return httpx.Response(201, headers={"x-restli-id": urn})

    def prepare(self, collection: str, action: str, body: dict) -> httpx.Response:
        if action == "finalizeUpload":
            wanted = body["finalizeUploadRequest"]
            asset = self.assets[wanted["video"]]
            if asset["status"] != "WAITING_UPLOAD" or wanted["uploadToken"] != "token-1":
                return self.refuse(400)
            assert wanted["uploadedPartIds"] == [f"etag-{n}" for n in range(len(asset["urls"]))]
            asset["status"] = "PROCESSING"
            return httpx.Response(200)
        wanted = body["initializeUploadRequest"]
        assert wanted["owner"] == ME
        urn = f"urn:li:{collection.rstrip('s')}:C{next(self._numbers)}"
        self.assets[urn] = asset = {"status": "WAITING_UPLOAD", "polls": 0, "content": b"", "urls": []}
        expires_at = ms(NOW + self.expires_in)
        if collection == "images":
            asset["urls"] = [f"https://uploads.example/{urn}/0"]
            return self.ok({"value": {"uploadUrlExpiresAt": expires_at, "uploadUrl": asset["urls"][0], "image": urn}})
        firsts = range(0, wanted["fileSizeBytes"], PART)
        parts = [
            {
                "uploadUrl": f"https://uploads.example/{urn}/{n}",
                "firstByte": first,
                "lastByte": min(first + PART, wanted["fileSizeBytes"]) - 1,
            }
            for n, first in enumerate(firsts)
        ]
        asset["urls"] = [part["uploadUrl"] for part in parts]
        value = {"uploadUrlsExpireAt": expires_at, "video": urn, "uploadInstructions": parts, "uploadToken": "token-1"}
        return self.ok({"value": value})

    def upload(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["content-type"] == "application/octet-stream"
        urn, _, number = unquote(request.url.path).strip("/").partition("/")
        if self.upload_status >= 400:
            return httpx.Response(self.upload_status, text="<html>no</html>")
        self.assets[urn]["content"] += request.content
        if ":image:" in urn:
            self.assets[urn]["status"] = "PROCESSING"
        return httpx.Response(self.upload_status, headers={"etag": f'"etag-{number}"'}, text="not json")

    def poll(self, urn: str) -> httpx.Response:
        if urn not in self.assets:
            return self.refuse(404)
        asset = self.assets[urn]
        if asset["status"] == "PROCESSING":
            asset["polls"] += 1
            if asset["polls"] > self.polls_needed:
                asset["status"] = "AVAILABLE"
        return self.ok({"id": urn, "status": asset["status"], "owner": ME})

    def discuss(self, method: str, target: str, body: dict) -> httpx.Response:
        if method == "GET":
            return self.ok({"elements": self.comments.get(target, [])})
        if method == "DELETE":
            return httpx.Response(204)
        comment = self.remark(target, body["actor"], body["message"]["text"], body=body)
        return httpx.Response(201, json=comment, headers={"x-restli-id": comment["id"]})

    def remark(self, target: str, actor: str, text: str, *, body: dict | None = None) -> dict:
        on = (body or {}).get("object", target)
        number = str(next(self._numbers))
        comment = {"id": number, "commentUrn": f"urn:li:comment:({on},{number})", "actor": actor}
        comment |= {"message": {"text": text}, "created": {"time": ms(NOW)}, "sent": body}
        self.comments.setdefault(target, []).append(comment)
        return comment

    @staticmethod
    def ok(body) -> httpx.Response:
        return httpx.Response(200, json=body)

    @staticmethod
    def refuse(status: int, **body) -> httpx.Response:
        return httpx.Response(status, json={"status": status, "message": "no", **body})

    def commits(self) -> int:
        return self.calls.count("POST /rest/posts")


@pytest.fixture
def network() -> LinkedIn:
    return LinkedIn()


@pytest.fixture
def account() -> Account:
    return Account(
        account_id="linkedin:90362860",
        client_id="harbor",
        network=Network.LINKEDIN,
        native_id="90362860",
        handle="harbor",
        base_url="https://li.example",
    )


@pytest.fixture
def connect(exchange, tokens, media, network):
    """A connector to the network; each is a process of its own."""

    def build(*, now=NOW):
        wire = exchange(network)
        return LinkedInConnector(wire.transport(LinkedInDialect(), tokens, now=now), media)

    return build


@pytest.fixture
def film(media):
    picture = media.picture("film", mime_type="video/mp4")
    media.files[picture.path] = b"0123456789abcdefghijklm"
    return picture.model_copy(update={"size_bytes": 23})


async def staged(connector, request, staging=None):
    staging = staging or connector.prepare(request)
    while not staging.is_complete:
        # What was persisted is all that survives: stage goes on from a copy of it.
        staging = await connector.stage(request, Staging.model_validate_json(staging.model_dump_json()))
    return staging


async def published(connector, request) -> Receipt:
    return await connector.commit(request, await staged(connector, request))


async def lost(connector, request, staging) -> ErrorClass:
    with pytest.raises(NetworkError) as caught:
        await connector.commit(request, staging)
    return caught.value.error_class


# --- formats -------------------------------------------------------------------------------------------------------------


async def test_a_text_is_escaped_and_its_id_read_from_the_header(connect, network, account, request_of):
    receipt = await published(connect(), request_of(account, text="Aberto (hoje) #café"))
    (post,) = network.posts
    assert post["commentary"] == r"Aberto \(hoje\) {hashtag|\#|café}"
    assert (post["author"], post["visibility"], post["lifecycleState"]) == (ME, "PUBLIC", "PUBLISHED")
    assert post["distribution"] == {
        "feedDistribution": "MAIN_FEED",
        "targetEntities": [],
        "thirdPartyDistributionChannels": [],
    }
    assert "content" not in post
    assert receipt.native_id == post["id"]
    assert receipt.permalink == f"https://www.linkedin.com/feed/update/{post['id']}/"
    assert (receipt.published_at, receipt.how) == (NOW, "answered")


async def test_pictures_are_uploaded_waited_for_and_named_in_order(connect, network, account, request_of, media):
    pictures = tuple(media.picture(name) for name in ("one", "two", "three"))
    request = request_of(account, media=pictures, content_format=ContentFormat.CAROUSEL)
    await published(connect(), request)
    assert [asset["content"] for asset in network.assets.values()] == [b"one", b"two", b"three"]
    expected = [{"id": urn, "altText": p.alt_text} for urn, p in zip(network.assets, pictures, strict=True)]
    assert network.posts[0]["content"] == {"multiImage": {"images": expected}}

    await published(connect(), request_of(account, media=pictures[:1], content_format=ContentFormat.IMAGE))
    assert network.posts[1]["content"] == {"media": {"id": list(network.assets)[3], "altText": "Picture one"}}


async def test_a_film_goes_in_parts_and_is_finalized_with_their_etags(connect, network, account, request_of, film):
    options = PublishOptions(title="Launch")
    request = request_of(account, media=(film,), content_format=ContentFormat.VIDEO, options=options)
    await published(connect(), request)
    ((urn, asset),) = network.assets.items()
    assert asset["content"] == b"0123456789abcdefghijklm"
    assert network.posts[0]["content"] == {"media": {"id": urn, "title": "Launch"}}
    assert sum(call.startswith("PUT") for call in network.calls) == 6


async def test_articles_and_polls(connect, network, account, request_of, media):
    link = PublishOptions(link="https://x.example/a?b=c", title="Read this")
    await published(connect(), request_of(account, content_format=ContentFormat.LINK, options=link))
    await published(
        connect(), request_of(account, content_format=ContentFormat.ARTICLE, options=link, media=(media.picture(),))
    )
    plain, pictured = (post["content"]["article"] for post in network.posts)
    assert plain == {"source": link.link, "title": "Read this"}
    assert pictured == {**plain, "thumbnail": next(iter(network.assets))}

    poll = PublishOptions(poll=Poll(choices=("Yes", "No"), open_minutes=3 * 24 * 60))
    await published(connect(), request_of(account, text="Tea?", content_format=ContentFormat.POLL, options=poll))
    assert network.posts[2]["content"]["poll"] == {
        "question": "Tea?",
        "options": [{"text": "Yes"}, {"text": "No"}],
        "settings": {"duration": "THREE_DAYS"},
    }


async def test_what_linkedin_can_not_show_is_refused_before_anything_is_asked(
    connect, network, account, request_of, media, film
):
    picture = media.picture()

    def poll(**changes):
        return PublishOptions(poll=Poll(**({"choices": ("a", "b"), "open_minutes": 24 * 60} | changes)))

    unfit = [
        {"media": (picture,) * 21},
        {"media": (film, picture)},
        {"media": (picture.model_copy(update={"mime_type": "application/pdf"}),)},
        {"options": PublishOptions(privacy="CONNECTIONS_OF_MARS")},
        {"options": PublishOptions(link="https://x.example")},
        {"options": PublishOptions(link="https://x.example", title="t"), "media": (picture, picture)},
        {"content_format": ContentFormat.ARTICLE},
        {"content_format": ContentFormat.POLL},
        {"options": poll(open_minutes=60)},
        {"options": poll(allows_several=True)},
        {"options": poll(choices=("a", "b", "c", "d", "e"))},
        {"options": poll(choices=("a", "b" * 31))},
        {"options": poll(), "text": "x" * 141},
        {"options": poll(), "media": (picture,)},
        {"reply_to_native_post_id": "urn:li:share:1", "media": (picture,)},
    ]
    connector = connect()
    for changes in unfit:
        request = request_of(account, **changes)
        with pytest.raises(NetworkError) as caught:
            await connector.stage(request, connector.prepare(request))
        assert caught.value.error_class is ErrorClass.INVALID, changes
    assert not network.calls


def test_every_declared_option_is_used_and_no_key_is_claimed():
    assert CAPABILITIES.options == {"title", "link", "poll", "privacy"}
    assert not CAPABILITIES.is_commit_idempotent
    assert not CAPABILITIES.is_reply_idempotent


# --- uploads under trouble -----------------------------------------------------------------------------------------------


async def test_no_part_is_sent_twice_after_a_crash(connect, network, account, request_of, film):
    request = request_of(account, media=(film,), content_format=ContentFormat.VIDEO)
    staging = connect().prepare(request)
    while not staging.is_complete:
        staging = await connect().stage(request, Staging.model_validate_json(staging.model_dump_json()))
    assert len(network.assets) == 1
    sent = [call for call in network.calls if call.startswith("PUT")]
    assert len(sent) == len(set(sent)) == 6
    assert "uploads.example" not in str(staging.handles), "the addresses are secrets, and of no more use"


async def test_an_upload_whose_addresses_expired_begins_anew(connect, network, account, request_of, film):
    request = request_of(account, media=(film,), content_format=ContentFormat.VIDEO)
    staging = await connect().stage(request, connect().prepare(request))
    later = connect(now=NOW + timedelta(hours=2))
    assert await later.stage(request, staging) == Staging(handles={"restarts": "1"})
    network.expires_in = timedelta(hours=3)
    await staged(later, request)
    assert len(network.assets) == 2


async def test_an_address_that_is_born_expired_is_used_all_the_same(connect, network, account, request_of, media):
    network.expires_in = timedelta(hours=-1)
    await published(connect(), request_of(account, media=(media.picture(),)))
    assert len(network.assets) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
async def test_a_refused_upload_is_the_addresss_trouble_and_not_the_accounts(
    connect, network, account, request_of, media, status
):
    network.upload_status = status
    request = request_of(account, media=(media.picture(),))
    connector = connect()
    staging = await connector.stage(request, connector.prepare(request))
    with pytest.raises(NetworkError) as caught:
        await connector.stage(request, staging)
    assert caught.value.error_class is ErrorClass.TRANSIENT
    network.upload_status = 200
    assert (await staged(connector, request, staging)).is_complete


async def test_a_lost_answer_to_finalize_does_not_cost_the_film(connect, network, account, request_of, film):
    network.cut = "/videos"
    request = request_of(account, media=(film,), content_format=ContentFormat.VIDEO)
    connector = connect()
    with pytest.raises(NetworkError) as caught:
        await connector.stage(request, connector.prepare(request))
    assert caught.value.error_class is ErrorClass.TRANSIENT
    network.cut = None
    staging = connector.prepare(request)
    while json.loads(staging.handles.get("media_0", '{"parts": [1]}'))["parts"]:
        staging = await connector.stage(request, staging)
    network.cut = "/videos"
    with pytest.raises(NetworkError):
        await connector.stage(request, staging)
    network.cut = None
    assert (await staged(connector, request, staging)).is_complete


async def test_media_that_take_long_or_fail_or_vanish(connect, network, account, request_of, media):
    network.polls_needed = 100
    request = request_of(account, media=(media.picture(),))
    connector = connect()
    staging = connector.prepare(request)
    for _ in range(2):
        staging = await connector.stage(request, staging)
    assert await connector.stage(request, staging) == staging, "still being worked on"
    (asset,) = network.assets.values()
    asset["status"] = "PROCESSING_FAILED"
    with pytest.raises(NetworkError) as caught:
        await connector.stage(request, staging)
    assert caught.value.error_class is ErrorClass.INVALID
    network.assets.clear()
    assert await connector.stage(request, staging) == Staging(handles={"restarts": "1"})


async def test_media_that_vanish_again_and_again_are_not_uploaded_for_ever(
    connect, network, account, request_of, media
):
    network.refusals = {
        f"GET /rest/images/urn:li:image:C{7_000_000_000_000_000_001 + n}": network.refuse(404) for n in range(9)
    }
    with pytest.raises(NetworkError) as caught:
        await staged(connect(), request_of(account, media=(media.picture(),)))
    assert (caught.value.error_class, caught.value.code) == (ErrorClass.TRANSIENT, "upload_lost")
    assert len(network.assets) == 4


# --- lost answers --------------------------------------------------------------------------------------------------------


async def test_a_lost_answer_is_found_in_the_listing(connect, network, account, request_of):
    request = request_of(account, text="Café (novo) #aberto")
    connector = connect()
    staging = await staged(connector, request)
    network.cut = "/posts"
    assert await lost(connector, request, staging) is ErrorClass.AMBIGUOUS
    network.unlisted_for = 1
    assert (await connect().find_published(request, staging)).outcome == "absent", "each reading is one look"
    found = await connect().find_published(request, staging)
    assert (found.outcome, found.receipt.native_id, found.receipt.how) == (
        "published",
        network.posts[0]["id"],
        "reconciled",
    )
    assert network.commits() == 1


@pytest.mark.parametrize("status", [500, 503, 408, 409])
async def test_trouble_at_the_commit_is_ambiguous_and_absence_is_only_a_hint(
    connect, network, account, request_of, status
):
    request = request_of(account)
    connector = connect()
    staging = await staged(connector, request)
    network.refusals["POST /rest/posts"] = network.refuse(status)
    assert await lost(connector, request, staging) is ErrorClass.AMBIGUOUS
    found = await connector.find_published(request, staging)
    assert (found.outcome, found.receipt) == ("absent", None)


@pytest.mark.parametrize(("text", "outcome"), [("Open today", "absent"), ("", "undecided")])
async def test_only_a_guarded_post_that_is_not_listed_counts_as_absent(
    connect, network, account, request_of, media, text, outcome
):
    request = request_of(account, text=text, media=(media.picture(),))
    connector = connect()
    staging = await staged(connector, request)
    network.lose = "/posts"
    assert await lost(connector, request, staging) is ErrorClass.AMBIGUOUS
    assert (await connector.find_published(request, staging)).outcome == outcome


async def test_an_answer_without_an_id_is_ambiguous(connect, network, account, request_of):
    request = request_of(account)
    connector = connect()
    staging = await staged(connector, request)
    network.refusals["POST /rest/posts"] = httpx.Response(201)
    assert await lost(connector, request, staging) is ErrorClass.AMBIGUOUS


async def test_what_was_never_staged_was_never_sent(connect, account, request_of):
    request = request_of(account)
    found = await connect().find_published(request, connect().prepare(request))
    assert found.outcome == "not_published"


async def test_a_picture_proves_its_post_whatever_became_of_the_text(connect, network, account, request_of, media):
    network.cut = "/posts"
    requests = [request_of(account, media=(media.picture(),), intent_id=f"item/{i}") for i in (1, 2)]
    stagings = []
    for request in requests:
        stagings.append(await staged(connect(), request))
        assert await lost(connect(), request, stagings[-1]) is ErrorClass.AMBIGUOUS
    network.posts[0]["commentary"] = "Open t"
    for request, staging, post in zip(requests, stagings, network.posts, strict=True):
        found = await connect().find_published(request, staging)
        assert found.receipt.native_id == post["id"]


async def test_a_repost_is_told_from_what_was_there_before(connect, network, account, request_of):
    first = await published(connect(), request_of(account))
    again = request_of(account, intent_id="item-1/a/2")
    staging = await staged(connect(), again)
    network.lose = "/posts"
    assert await lost(connect(), again, staging) is ErrorClass.AMBIGUOUS
    assert (await connect().find_published(again, staging)).outcome == "absent"
    network.lose, network.cut = None, "/posts"
    assert await lost(connect(), again, staging) is ErrorClass.AMBIGUOUS
    found = await connect().find_published(again, staging)
    assert found.receipt.native_id == network.posts[1]["id"] != first.native_id


async def test_twins_are_told_apart_only_by_what_is_claimed(connect, network, account, request_of):
    requests = [request_of(account, intent_id=f"item-1/a/{i}") for i in (1, 2)]
    stagings = [await staged(connect(), request) for request in requests]
    network.cut = "/posts"
    for request, staging in zip(requests, stagings, strict=True):
        await lost(connect(), request, staging)
    assert (await connect().find_published(requests[0], stagings[0])).outcome == "undecided"
    claimed = requests[0].model_copy(update={"claimed_native_ids": (network.posts[1]["id"],)})
    found = await connect().find_published(claimed, stagings[0])
    assert found.receipt.native_id == network.posts[0]["id"]


@pytest.mark.parametrize(
    "change",
    [
        {"commentary": "Open today!"},
        {"author": "urn:li:organization:1"},
        {"publishedAt": ms(NOW - timedelta(hours=1)), "createdAt": ms(NOW - timedelta(hours=1))},
        {"content": {"media": {"id": "urn:li:image:other"}}},
        {"content": {"article": {"source": "https://x.example"}}},
    ],
)
async def test_what_is_not_ours_is_not_adopted(connect, network, account, request_of, change):
    request = request_of(account)
    staging = await staged(connect(), request)
    network.cut = "/posts"
    await lost(connect(), request, staging)
    network.posts[0] |= change
    assert (await connect().find_published(request, staging)).outcome == "absent"


async def test_only_as_much_of_the_listing_is_read_as_is_young_enough(connect, network, account, request_of):
    old = ms(NOW - timedelta(days=3))
    for n in range(350):
        network.posts.append(
            {"id": f"urn:li:share:{n}", "author": ME, "commentary": "x", "publishedAt": old, "lastModifiedAt": old}
        )
    await staged(connect(), request_of(account))
    assert network.calls.count("GET /rest/posts") == 1


# --- the duplicate guard -------------------------------------------------------------------------------------------------


async def test_a_duplicate_names_the_live_post_which_is_adopted_even_while_unlisted(
    connect, network, account, request_of
):
    network.has_guard = True
    request = request_of(account)
    connector = connect()
    staging = await staged(connector, request)
    network.cut = "/posts"
    assert await lost(connector, request, staging) is ErrorClass.AMBIGUOUS
    network.cut = None
    assert await lost(connector, request, staging) is ErrorClass.DUPLICATE
    network.unlisted_for = 1000
    found = await connector.find_published(request, staging)
    assert (found.outcome, found.receipt.native_id) == ("published", network.posts[0]["id"])
    assert len(network.posts) == 1


async def test_a_duplicate_of_another_intents_post_is_not_ours(connect, network, account, request_of):
    network.has_guard = True
    await published(connect(), request_of(account))
    again = request_of(account, intent_id="item-1/a/2")
    connector = connect()
    staging = await staged(connector, again)
    assert staging.handles["alike_before"] == network.posts[0]["id"]
    assert await lost(connector, again, staging) is ErrorClass.DUPLICATE
    assert (await connector.find_published(again, staging)).outcome == "absent"
    claimed = again.model_copy(update={"claimed_native_ids": (network.posts[0]["id"],)})
    blind = Staging(handles={"alike_before": ""}, is_complete=True)
    assert (await connector.find_published(claimed, blind)).outcome == "absent"


async def test_a_named_post_of_another_intent_does_not_hide_our_own(connect, network, account, request_of):
    theirs = await published(connect(), request_of(account))
    again = request_of(account, intent_id="item-1/a/2", claimed_native_ids=(theirs.native_id,))
    connector = connect()
    staging = await staged(connector, again)
    network.cut = "/posts"
    await lost(connector, again, staging)
    network.cut = None
    refusal = network.refuse(422, message=f"Content is a duplicate of {theirs.native_id}")
    network.refusals["POST /rest/posts"] = refusal
    assert await lost(connector, again, staging) is ErrorClass.DUPLICATE
    found = await connector.find_published(again, staging)
    assert found.receipt.native_id == network.posts[1]["id"]


@pytest.mark.parametrize("named", ["urn:li:person:782bbtaQ", "urn:li:activity:77", "urn:li:share:1"])
async def test_a_duplicate_of_what_can_not_be_read_is_looked_for_in_the_listing(
    connect, network, account, request_of, named
):
    request = request_of(account)
    connector = connect()
    staging = await staged(connector, request)
    network.cut = "/posts"
    await lost(connector, request, staging)
    network.cut = None
    network.refusals["POST /rest/posts"] = network.refuse(422, message=f"Content is a duplicate of {named}")
    assert await lost(connector, request, staging) is ErrorClass.DUPLICATE
    found = await connector.find_published(request, staging)
    assert found.receipt.native_id == network.posts[0]["id"]
    network.posts.clear()
    assert (await connector.find_published(request, staging)).outcome == "absent"


# --- replies and deletion ------------------------------------------------------------------------------------------------

THEIRS = "urn:li:comment:(urn:li:activity:9,5)"


@pytest.mark.parametrize(
    ("target", "where", "what", "parent"),
    [
        ({"reply_to_native_comment_id": THEIRS}, THEIRS, "urn:li:activity:9", THEIRS),
        ({"reply_to_native_post_id": "urn:li:share:3"}, "urn:li:share:3", "urn:li:share:3", None),
    ],
)
async def test_a_reply_and_its_reconciliation(connect, network, account, request_of, target, where, what, parent):
    request = request_of(account, text="Thanks (really)!", **target)
    network.remark(where, "urn:li:person:x", "Thanks (really)!")
    earlier = network.remark(where, ME, "Thanks (really)!")
    staging = await staged(connect(), request)
    assert staging.handles["alike_before"] == earlier["commentUrn"]
    assert (await connect().find_published(request, staging)).outcome == "undecided"
    network.cut = "/comments"
    assert await lost(connect(), request, staging) is ErrorClass.AMBIGUOUS
    sent = network.comments[where][-1]
    assert sent["sent"]["message"] == {"text": "Thanks (really)!"}, "comments are plain text"
    assert (sent["sent"]["actor"], sent["sent"]["object"], sent["sent"].get("parentComment")) == (ME, what, parent)
    found = await connect().find_published(request, staging)
    assert (found.outcome, found.receipt.native_id) == ("published", sent["commentUrn"])
    network.cut = None
    answered = await connect().commit(request, staging)
    assert answered.native_id == network.comments[where][-1]["commentUrn"]
    assert answered.permalink is None


async def test_a_reply_whose_answer_has_no_body_is_known_by_the_header(connect, network, account, request_of):
    request = request_of(account, reply_to_native_comment_id=THEIRS)
    staging = await staged(connect(), request)
    network.refusals["/comments"] = httpx.Response(201, headers={"x-restli-id": "88"})
    assert (await connect().commit(request, staging)).native_id == "urn:li:comment:(urn:li:activity:9,88)"


async def test_deleting_posts_and_comments_and_what_is_gone(connect, network, account, request_of):
    receipt = await published(connect(), request_of(account))
    await connect().delete(account, receipt.native_id)
    assert network.posts == []
    await connect().delete(account, receipt.native_id)
    await connect().delete(account, THEIRS)
    assert network.calls[-1] == "DELETE /rest/socialActions/urn:li:activity:9/comments/5"
    network.refusals[f"DELETE /rest/posts/{receipt.native_id}"] = network.refuse(403)
    with pytest.raises(NetworkError):
        await connect().delete(account, receipt.native_id)


async def test_what_was_published_reads_back_as_it_was_meant(connect, network, account, request_of, media):
    text = "Preço: 3 * 2 = 6 (seis) #ofertas @loja {x}\nhttps://x.example/a_b"
    request = request_of(account, text=text, media=(media.picture(),), content_format=ContentFormat.IMAGE)
    await published(connect(), request)
    (post,) = [p async for page in connect().posts(account, since=None) for p in page.posts]
    assert (post.text, post.content_format, post.published_at) == (text, ContentFormat.IMAGE, NOW)
    assert unescape(network.posts[0]["commentary"]) == text
