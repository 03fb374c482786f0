"""Publishing on X: uploads step by step, the one commit, threads, what can and cannot be known after a lost answer, and that all
that is sent fits X's own description of its API."""

import itertools
import json
import re
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path

import httpx
import jsonschema
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat, Network
from contracts.records import Account, Poll, PublishOptions, Staging
from platforms.x import mapping, publishing, uploads
from platforms.x.client import CAPABILITIES, XApp, XConnector, XDialect
from platforms.x.models import XPost

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
ME = "2244994945"


class X:
    """One account's side of X. `lose` holds paths whose answer is lost after the work is done; `answer_with` holds answers to give
    instead of the next creations (None: create)."""

    def __init__(self) -> None:
        self.posts: list[dict] = []
        self.media: dict[str, dict] = {}
        self.calls: list[str] = []
        self.lose: list[str] = []
        self.answer_with: list[httpx.Response | Exception | None] = []
        self.polls_needed = 0
        self.unlisted_for = 0
        self._ids = itertools.count((round(NOW.timestamp() * 1000) - mapping.SNOWFLAKE_EPOCH_MS) << 22)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/2/")
        self.calls.append(f"{request.method} {path}")
        answer = self.answer(request, path)
        if any(self.calls[-1].endswith(lost) for lost in self.lose):
            raise httpx.ReadError("lost", request=request)
        return answer

    def answer(self, request: httpx.Request, path: str) -> httpx.Response:
        if path.startswith("media/"):
            return self.upload(request, path)
        if path == "users/by":
            known = [{"id": "77", "username": "Ana"}]
            return self.ok({"data": known, "errors": [{"type": "https://api.x.com/2/problems/resource-not-found"}]})
        if path.endswith("/tweets"):
            return self.timeline(request)
        if request.method == "DELETE":
            gone = [p for p in self.posts if p["id"] == path.rpartition("/")[2]]
            if not gone:
                return self.refuse(404, "resource-not-found")
            self.posts.remove(gone[0])
            return self.ok({"data": {"deleted": True}})
        return self.create(json.loads(request.content))

    def create(self, body: dict) -> httpx.Response:
        planned = self.answer_with.pop(0) if self.answer_with else None
        if isinstance(planned, Exception):
            raise planned
        if planned is not None:
            return planned
        if any(p["_sent"] == body for p in self.posts):
            detail = "You are not allowed to create a Tweet with duplicate content."
            return httpx.Response(
                403, json={"type": "about:blank", "title": "Forbidden", "status": 403, "detail": detail}
            )
        post = self.shown(body)
        self.posts.append(post)
        return self.ok({"data": {"id": post["id"], "text": post["text"]}}, 201)

    def shown(self, body: dict) -> dict:
        """A post as X shows it: links shortened, signs escaped, a link to the media at the end."""
        text, urls = body["text"].strip(), []
        for i, link in enumerate(re.findall(r"https?://\S+", text)):
            urls.append({"url": f"https://t.co/{i:010d}", "expanded_url": link})
            text = text.replace(link, urls[-1]["url"], 1)
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        post = {"id": str(next(self._ids)), "created_at": "2026-06-01T12:00:00.000Z", "author_id": ME, "_sent": body}
        if media := body.get("media"):
            post["attachments"] = {"media_keys": [f"3_{i}" for i in media["media_ids"]]}
            own = f"https://x.com/harbor/status/{post['id']}/photo/1"
            urls.append({"url": "https://t.co/media00000", "expanded_url": own, "media_key": "3_1"})
            text = f"{text} https://t.co/media00000".strip()
        if reply := body.get("reply"):
            post["referenced_posts"] = [{"type": "replied_to", "id": reply["in_reply_to_tweet_id"]}]
        return post | {"text": text, "entities": {"urls": urls}}

    def timeline(self, request: httpx.Request) -> httpx.Response:
        start = request.url.params.get("start_time", "")
        shown = [] if self.unlisted_for else [p for p in reversed(self.posts) if p["created_at"] >= start]
        self.unlisted_for = max(0, self.unlisted_for - 1)
        return self.ok(
            {"data": shown, "meta": {"result_count": len(shown)}} if shown else {"meta": {"result_count": 0}}
        )

    def upload(self, request: httpx.Request, path: str) -> httpx.Response:
        parts = path.split("/")
        if path == "media/metadata":
            body = json.loads(request.content)
            self.media[body["id"]]["alt"] = body["metadata"]["alt_text"]["text"]
            return self.ok({"data": {"id": body["id"]}})
        if parts[-1] == "initialize":
            media_id = str(next(self._ids))
            self.media[media_id] = json.loads(request.content) | {"segments": {}, "closed": False, "polls": 0}
            return self.ok({"data": {"id": media_id, "expires_after_secs": 86400}})
        medium = self.media.get(request.url.params.get("media_id") or parts[2])
        if medium is None:
            return self.refuse(404, "resource-not-found")
        answered = {"id": request.url.params.get("media_id") or parts[2]}
        if parts[-1] == "append":
            fields = form_of(request)
            medium["segments"][int(fields["segment_index"])] = fields["media"]
            return self.ok({"data": {"expires_at": 1}})
        if parts[-1] == "finalize":
            if medium["closed"]:
                return self.refuse(400, "invalid-request")
            assert sum(map(len, medium["segments"].values())) == medium["total_bytes"]
            medium["closed"] = True
            if medium["media_category"] != "tweet_image":
                answered["processing_info"] = {"state": "pending", "check_after_secs": 1}
            return self.ok({"data": answered})
        medium["polls"] += 1
        state = medium.get("state") or ("succeeded" if medium["polls"] > self.polls_needed else "in_progress")
        return self.ok({"data": answered | {"processing_info": {"state": state, "check_after_secs": 20}}})

    @staticmethod
    def ok(body, status: int = 200) -> httpx.Response:
        return httpx.Response(status, json=body)

    @staticmethod
    def refuse(status: int, problem: str) -> httpx.Response:
        return httpx.Response(
            status, json={"type": f"https://api.x.com/2/problems/{problem}", "title": "no", "detail": "no"}
        )


def form_of(request: httpx.Request) -> dict:
    """The fields of a multipart body."""
    head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode()
    found = {}
    for part in message_from_bytes(head + request.content).get_payload():
        name = part.get_param("name", header="content-disposition")
        value = part.get_payload(decode=True)
        found[name] = value if part.get_filename() else value.decode()
    return found


@pytest.fixture
def account() -> Account:
    return Account(
        account_id=f"x:{ME}",
        client_id="harbor",
        network=Network.X,
        native_id=ME,
        handle="harbor",
        base_url="https://x.example",
    )


@pytest.fixture
def network() -> X:
    return X()


@pytest.fixture
def x(exchange, tokens, media, network):
    """A connector to the fake, with the exchange that keeps its requests."""

    def build(app=None, *, now=NOW):
        wire = exchange(network)
        return XConnector(wire.transport(XDialect(app), tokens, now=now), media), wire

    return build


@pytest.fixture
def intent(request_of, account, media):
    def build(*pictures, text="Café <abierto> & más: https://harbor.example/today", **changes):
        chosen = tuple(p if not isinstance(p, str) else media.picture(p) for p in pictures)
        kind = ContentFormat.IMAGE if chosen else ContentFormat.TEXT
        return request_of(account, text=text, media=chosen, **({"content_format": kind} | changes))

    return build


async def staged(connector, request, staging=None):
    staging = staging or connector.prepare(request)
    while not staging.is_complete:
        # What was persisted is all that survives: stage goes on from a copy of it.
        staging = await connector.stage(request, Staging.model_validate_json(staging.model_dump_json()))
    return staging


async def refused(awaitable) -> NetworkError:
    with pytest.raises(NetworkError) as caught:
        await awaitable
    return caught.value


# --- one post ------------------------------------------------------------------------------------------------------------


async def test_a_text_is_one_visible_call(x, network, intent):
    connector, _ = x()
    receipt = await connector.commit(intent(), await staged(connector, intent()))
    (post,) = network.posts
    assert (receipt.native_id, receipt.permalink) == (post["id"], f"https://x.com/i/status/{post['id']}")
    assert receipt.published_at == NOW
    assert network.calls == [f"GET users/{ME}/tweets", "POST tweets"]


async def test_pictures_are_uploaded_described_and_attached_in_order(x, network, intent):
    connector, _ = x()
    request = intent("one", "two")
    await connector.commit(request, await staged(connector, request))
    ids = network.posts[0]["_sent"]["media"]["media_ids"]
    assert [network.media[i]["segments"] for i in ids] == [{0: b"one"}, {0: b"two"}]
    assert [network.media[i]["alt"] for i in ids] == ["Picture one", "Picture two"]
    assert {m["media_category"] for m in network.media.values()} == {"tweet_image"}


async def test_a_film_is_cut_into_segments_and_waited_for(x, network, intent, media, monkeypatch):
    monkeypatch.setattr(uploads, "SEGMENT_BYTES", 4)
    network.polls_needed = 2
    film = media.picture("twelve bytes", mime_type="video/mp4").model_copy(update={"duration_seconds": 3.0})
    connector, wire = x()
    await staged(connector, intent(film))
    (uploaded,) = network.media.values()
    assert uploaded["segments"] == {0: b"twel", 1: b"ve b", 2: b"ytes"}
    assert uploaded["media_category"] == "tweet_video"
    assert "alt" not in uploaded
    assert wire.slept == [6, 6]


async def test_a_film_that_takes_long_is_left_for_later_and_one_that_fails_is_refused(x, network, intent, media):
    network.polls_needed = 100
    request = intent(media.picture("film", mime_type="video/mp4"))
    connector, _ = x()
    staging = connector.prepare(request)
    while (after := await connector.stage(request, staging)) != staging:
        staging = after
    assert not staging.is_complete
    next(iter(network.media.values()))["state"] = "failed"
    error = await refused(connector.stage(request, staging))
    assert error.error_class is ErrorClass.INVALID
    assert len(network.media) == 1


@pytest.mark.parametrize("step", ["initialize", "append", "finalize", "metadata"])
async def test_a_lost_answer_while_uploading_is_made_up_for(x, network, intent, step):
    connector, _ = x()
    request = intent("one")
    network.lose = [step]
    staging = connector.prepare(request)
    error = None
    while error is None:
        try:
            staging = await connector.stage(request, staging)
        except NetworkError as lost:
            error = lost
    assert error.error_class is ErrorClass.TRANSIENT
    network.lose = []
    await connector.commit(request, await staged(connector, request, staging))
    (media_id,) = network.posts[0]["_sent"]["media"]["media_ids"]
    assert network.media[media_id]["segments"] == {0: b"one"}


async def test_an_upload_that_x_refuses_twice_is_given_up(x, network, intent):
    connector, _ = x()
    request = intent("one")
    staging = await connector.stage(request, connector.prepare(request))
    network.media.clear()
    staging = await connector.stage(request, staging)
    staging = await connector.stage(request, staging)
    network.media.clear()
    error = await refused(connector.stage(request, staging))
    assert (error.error_class, error.code) == (ErrorClass.INVALID, "resource-not-found")


async def test_media_that_ran_out_are_uploaded_again(x, network, intent):
    connector, _ = x()
    request = intent("one")
    staging = await staged(connector, request)
    assert await connector.stage(request, staging) == staging
    later, _ = x(now=NOW + timedelta(hours=24))
    await later.commit(request, await staged(later, request, await later.stage(request, staging)))
    assert network.posts[0]["_sent"]["media"]["media_ids"] == [list(network.media)[1]]


async def test_all_that_a_post_can_carry(x, network, intent):
    connector, _ = x()
    options = PublishOptions(user_tags=("@ana", "nobody"), place_id="df51", is_ai_made=True, is_paid_partnership=True)
    request = intent("one", options=options)
    await connector.commit(request, await staged(connector, request))
    sent = network.posts[0]["_sent"]
    assert sent["media"]["tagged_user_ids"] == ["77"]
    assert sent["geo"] == {"place_id": "df51"}
    assert (sent["made_with_ai"], sent["paid_partnership"]) == (True, True)
    poll = Poll(choices=("Yes", "No"), open_minutes=60)
    request = intent(text="Open?", options=PublishOptions(poll=poll), content_format=ContentFormat.POLL)
    await connector.commit(request, await staged(connector, request))
    assert network.posts[1]["_sent"] == {"text": "Open?", "poll": {"options": ["Yes", "No"], "duration_minutes": 60}}


async def test_what_x_could_not_show_is_refused_before_anything_is_sent(x, network, intent, media):
    connector, _ = x()
    gif, film = (media.picture(kind, mime_type=kind) for kind in ("image/gif", "video/mp4"))
    poll = Poll(choices=("Yes", "No"), open_minutes=60)
    unfit = [
        intent("1", "2", "3", "4", "5"),
        intent(gif, "1"),
        intent(film, film),
        intent(media.picture("pdf", mime_type="application/pdf")),
        intent(media.picture("big").model_copy(update={"size_bytes": 5_000_001})),
        intent(film.model_copy(update={"duration_seconds": 141.0})),
        intent(text=""),
        intent(options=PublishOptions(thread=("two", " "))),
        intent(text="one", options=PublishOptions(thread=("two", "one"))),
        intent(options=PublishOptions(user_tags=("ana",))),
        intent("1", options=PublishOptions(user_tags=("ana",) * 11)),
        intent("1", options=PublishOptions(poll=poll)),
        intent(options=PublishOptions(poll=poll.model_copy(update={"allows_several": True}))),
        intent(options=PublishOptions(poll=poll.model_copy(update={"open_minutes": 4}))),
        intent(options=PublishOptions(poll=poll.model_copy(update={"choices": ("a", "b" * 26)}))),
    ]
    for request in unfit:
        error = await refused(connector.stage(request, connector.prepare(request)))
        assert (error.error_class, error.code) == (ErrorClass.INVALID, "unfit_post"), request
    assert network.calls == []


async def test_what_x_does_not_have_is_refused(x, network, intent):
    connector, _ = x()
    for request in (
        intent(content_format=ContentFormat.STORY),
        intent(options=PublishOptions(title="T", privacy="SELF")),
    ):
        error = await refused(connector.stage(request, connector.prepare(request)))
        assert (error.error_class, error.code) == (ErrorClass.INVALID, "unsupported")
    assert network.calls == []


async def test_a_refused_answer_fails_alone_and_a_missing_scope_stops_the_account(x, network, intent):
    forbidden = httpx.Response(
        403, json={"type": "about:blank", "title": "Forbidden", "status": 403, "detail": "Forbidden"}
    )
    network.answer_with = [forbidden, forbidden]
    connector, _ = x()
    reply = intent(reply_to_native_comment_id="99")
    error = await refused(connector.commit(reply, await staged(connector, reply)))
    assert error.error_class is ErrorClass.INVALID
    error = await refused(connector.commit(intent(), await staged(connector, intent())))
    assert error.error_class is ErrorClass.SCOPE


async def test_deleting_what_is_gone_succeeds(x, network, intent, account):
    connector, _ = x()
    receipt = await connector.commit(intent(), await staged(connector, intent()))
    await connector.delete(account, receipt.native_id)
    await connector.delete(account, receipt.native_id)
    assert network.posts == []


# --- lost answers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["text", "picture", "reply"])
async def test_a_lost_answer_is_found_in_the_timeline(x, network, intent, kind):
    request = {"text": intent(), "picture": intent("one"), "reply": intent(reply_to_native_comment_id="99")}[kind]
    connector, _ = x()
    staging = await staged(connector, request)
    network.lose = ["POST tweets"]
    error = await refused(connector.commit(request, staging))
    assert error.error_class is ErrorClass.AMBIGUOUS
    network.lose = []
    network.unlisted_for = 2
    again, wire = x()
    found = await again.find_published(request, staging)
    assert (found.outcome, found.receipt.native_id, found.receipt.how) == (
        "published",
        network.posts[0]["id"],
        "reconciled",
    )
    assert len(wire.slept) == 2
    assert network.calls.count("POST tweets") == 1


async def test_what_is_not_there_is_not_proven_absent(x, network, intent):
    connector, _ = x()
    staging = await staged(connector, intent())
    network.answer_with = [httpx.Response(503)]
    assert (await refused(connector.commit(intent(), staging))).error_class is ErrorClass.AMBIGUOUS
    assert (await connector.find_published(intent(), staging)).outcome == "absent"
    assert (await connector.find_published(intent(), connector.prepare(intent()))).outcome == "not_published"


async def test_an_answer_without_an_id_is_ambiguous(x, network, intent):
    connector, _ = x()
    staging = await staged(connector, intent())
    for body in ({"data": {}}, {"errors": [{"type": "about:blank"}]}, {}, []):
        network.answer_with = [httpx.Response(201, json=body)]
        assert (await refused(connector.commit(intent(), staging))).error_class is ErrorClass.AMBIGUOUS


async def test_a_duplicate_is_not_an_older_post_of_the_same_text(x, network, intent):
    connector, _ = x()
    await connector.commit(intent(), await staged(connector, intent()))
    staging = await staged(connector, intent())
    error = await refused(connector.commit(intent(), staging))
    assert error.error_class is ErrorClass.DUPLICATE
    assert (await connector.find_published(intent(), staging)).outcome == "absent"


async def test_posts_of_other_intents_are_no_evidence(x, network, intent):
    connector, _ = x()
    staging = await staged(connector, intent())
    await connector.commit(intent(), staging)
    claimed = intent(claimed_native_ids=(network.posts[0]["id"],))
    assert (await connector.find_published(claimed, staging)).outcome == "absent"
    network.posts.append(network.shown(network.posts[0]["_sent"]))
    assert (await connector.find_published(claimed, staging)).receipt.native_id == network.posts[1]["id"]
    two = await connector.find_published(intent(), staging)
    assert (two.outcome, two.receipt) == ("undecided", None)


async def test_a_picture_tells_two_posts_of_one_text_apart(x, network, intent):
    connector, _ = x()
    request = intent("one")
    first, second = await staged(connector, request), await staged(connector, request)
    await connector.commit(request, first)
    await connector.commit(request, second)
    for staging, post in zip((first, second), network.posts, strict=True):
        assert (await connector.find_published(request, staging)).receipt.native_id == post["id"]
    assert (await connector.find_published(intent(), Staging(is_complete=True))).outcome == "absent"


async def test_an_answer_to_another_post_is_no_evidence(x, network, intent):
    connector, _ = x()
    one, other = intent(reply_to_native_comment_id="1"), intent(reply_to_native_comment_id="2")
    staging = await staged(connector, other)
    await connector.commit(one, await staged(connector, one))
    assert (await connector.find_published(other, staging)).outcome == "absent"


async def test_a_token_that_expired_at_the_commit_is_renewed_and_nothing_was_written(x, network, intent):
    connector, wire = x(XApp("app"))
    request = intent()
    staging = await staged(connector, request)
    network.answer_with = [httpx.Response(401, json={"type": "about:blank", "status": 401})]
    create = network.create

    def answer(request, path, serve=network.answer):
        if path == "oauth2/token":
            return network.ok({"access_token": "access-2", "refresh_token": "refresh-2", "expires_in": 7200})
        return serve(request, path)

    network.answer = answer
    error = await refused(connector.commit(request, staging))
    assert error.error_class is ErrorClass.TRANSIENT
    assert network.posts == []
    await connector.commit(request, await staged(connector, request, staging))
    assert wire.requests[-1].headers["authorization"] == "Bearer access-2"
    assert create == network.create


# --- threads -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def thread(intent):
    def build(*pictures):
        options = PublishOptions(thread=("two & more", "three"), is_ai_made=True)
        return intent(*pictures, text="one", options=options, content_format=ContentFormat.THREAD)

    return build


async def test_a_thread_answers_itself_and_its_receipt_is_the_first_post(x, network, thread):
    connector, _ = x()
    request = thread("one")
    receipt = await connector.commit(request, await staged(connector, request))
    sent = [p["_sent"] for p in network.posts]
    ids = [p["id"] for p in network.posts]
    assert [s["text"] for s in sent] == ["one", "two & more", "three"]
    assert [s.get("reply", {}).get("in_reply_to_tweet_id") for s in sent] == [None, ids[0], ids[1]]
    assert ["media" in s for s in sent] == [True, False, False]
    assert all(s["made_with_ai"] for s in sent)
    assert (receipt.native_id, json.loads(receipt.raw)["ids"]) == (ids[0], ids)


async def test_a_thread_that_is_out_is_found_whole(x, network, thread):
    connector, _ = x()
    staging = await staged(connector, thread())
    await connector.commit(thread(), staging)
    found = await connector.find_published(thread(), staging)
    assert json.loads(found.receipt.raw)["ids"] == [p["id"] for p in network.posts]


async def test_a_thread_goes_on_after_lost_answers(x, network, thread):
    connector, wire = x()
    staging = await staged(connector, thread("one"))
    network.lose = ["POST tweets"]
    network.unlisted_for = 2
    receipt = await connector.commit(thread("one"), staging)
    assert [p["_sent"]["text"] for p in network.posts] == ["one", "two & more", "three"]
    assert json.loads(receipt.raw)["ids"] == [p["id"] for p in network.posts]
    assert network.calls.count("POST tweets") == 3
    assert len(wire.slept) == 2


@pytest.mark.parametrize("out", [0, 1, 2])
@pytest.mark.parametrize(
    "trouble",
    [httpx.Response(400, json={}), httpx.Response(500), httpx.ReadError("lost"), httpx.Response(403, json={})],
)
async def test_an_interrupted_thread_never_begins_again(x, network, thread, out, trouble):
    connector, _ = x()
    staging = await staged(connector, thread())
    network.answer_with = [*[None] * out, trouble]
    error = await refused(connector.commit(thread(), staging))
    is_clear = isinstance(trouble, httpx.Response) and trouble.status_code < 500
    assert (error.error_class is ErrorClass.AMBIGUOUS) == (out > 0 or not is_clear)
    assert len(network.posts) == out
    found = await connector.find_published(thread(), staging)
    assert found.outcome == ("undecided" if out else "absent")
    assert all(p["id"] in found.evidence for p in network.posts)


@pytest.mark.parametrize("trouble", [httpx.ConnectError("no"), "rate"])
async def test_a_follower_that_was_certainly_not_written_is_sent_again(x, network, thread, trouble):
    if trouble == "rate":
        trouble = httpx.Response(429, headers={"retry-after": "0"}, json={"type": "about:blank"})
    connector, wire = x()
    staging = await staged(connector, thread())
    network.answer_with = [None, trouble, None, trouble]
    await connector.commit(thread(), staging)
    assert [p["_sent"]["text"] for p in network.posts] == ["one", "two & more", "three"]
    assert wire.slept


async def test_a_follower_that_may_not_be_sent_for_long_is_left_to_a_person(x, network, thread):
    connector, _ = x()
    staging = await staged(connector, thread())
    network.answer_with = [None, httpx.Response(429, headers={"retry-after": "600"}, json={})]
    error = await refused(connector.commit(thread(), staging))
    assert error.error_class is ErrorClass.AMBIGUOUS
    assert len(network.posts) == 1


# --- texts ---------------------------------------------------------------------------------------------------------------


@given(
    st.lists(
        st.text(alphabet="ab &<>;\n.é@", max_size=6)
        | st.sampled_from(["https://a.example/x?y=1&z", "http://b.example"])
    )
)
@example(["&amp; <b> ", " ", "https://a.example/x?y=1&z", " "])
def test_a_text_is_known_again_and_no_other_is(words):
    text = " ".join(words).strip()
    shown = XPost.model_validate(X().shown({"text": text, "media": {"media_ids": ["1"]}}))
    assert mapping.is_same_text(text, shown)
    assert not mapping.is_same_text(f"{text}!", shown)
    assert not mapping.is_same_text(f"x{text}", shown)


def test_links_are_compared_with_what_they_lead_to():
    def shown(expanded):
        entities = {"urls": [{"url": "https://t.co/1", **({"expanded_url": expanded} if expanded else {})}]}
        return XPost.model_validate({"id": "1", "text": "see https://t.co/1.", "entities": entities})

    assert mapping.is_same_text("see Harbor.example/.", shown("http://harbor.example"))
    assert not mapping.is_same_text("see other.example.", shown("http://harbor.example"))
    assert mapping.is_same_text("see anything.", shown(None))


def test_mentions_before_an_answer_are_not_its_text():
    reply = {"id": "2", "text": "@ana @bo thanks", "referenced_tweets": [{"type": "replied_to", "id": "1"}]}
    assert mapping.is_same_text("thanks", XPost.model_validate(reply))
    assert not mapping.is_same_text("thanks", XPost.model_validate(reply | {"referenced_tweets": []}))


# --- X's own description -------------------------------------------------------------------------------------------------


class Description:
    """X's OpenAPI document, as far as it says what a request may look like."""

    def __init__(self, path: Path) -> None:
        self.document = json.loads(path.read_text())
        self.patterns = {
            re.compile("^" + re.sub(r"\{[^}]+\}", "[^/]+", name) + "$"): name
            for name in sorted(self.document["paths"], key=lambda name: "{" in name)
        }

    def check(self, request: httpx.Request) -> str:
        """Assert that the request is one that X describes; returns the operation's name."""
        name = next(name for pattern, name in self.patterns.items() if pattern.match(request.url.path))
        operation = self.document["paths"][name][request.method.lower()]
        known = {p["name"]: p for p in map(self.resolved, operation.get("parameters", ()))}
        sent = dict(request.url.params)
        assert set(sent) <= set(known), f"{name} has no parameters {set(sent) - set(known)}"
        assert {n for n, p in known.items() if p.get("required") and p["in"] == "query"} <= set(sent)
        for parameter, value in sent.items():
            schema = self.resolved(known[parameter]["schema"])
            typed = (
                value.split(",") if schema["type"] == "array" else int(value) if schema["type"] == "integer" else value
            )
            self.validate(schema, typed)
        if "requestBody" in operation:
            kind = request.headers["content-type"].partition(";")[0]
            schema = operation["requestBody"]["content"][kind]["schema"]
            if kind == "multipart/form-data":
                fields = form_of(request)
                self.validate(schema, {"media": "", "segment_index": int(fields.pop("segment_index"))})
                assert set(fields) == {"media"}
            else:
                self.validate(schema, json.loads(request.content))
        else:
            assert not request.content
        return operation["operationId"]

    def resolved(self, value):
        if "$ref" not in value:
            return value
        target = self.document
        for part in value["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return target

    def validate(self, schema, value) -> None:
        jsonschema.Draft202012Validator({**schema, "components": self.document["components"]}).validate(value)


@pytest.fixture
def description(reference_data: Path) -> Description:
    path = reference_data.parent / "specs" / "x-openapi.json"
    if not path.is_file():
        pytest.skip(f"X's description is not at {path}")
    return Description(path)


async def test_all_that_is_sent_is_described_by_x(x, intent, thread, account, media, post_of, description):
    connector, wire = x()
    film = media.picture("film", mime_type="video/mp4")
    gif = media.picture("gif", mime_type="image/gif")
    tagged = intent("one", options=PublishOptions(user_tags=("ana",), place_id="1", is_paid_partnership=True))
    poll = intent(text="Open?", options=PublishOptions(poll=Poll(choices=("Yes", "No"), open_minutes=60)))
    for request in (tagged, poll, thread(), intent(film), intent(gif), intent(reply_to_native_post_id="12")):
        staging = await staged(connector, request)
        receipt = await connector.commit(request, staging)
        await connector.find_published(request, staging)
    await connector.delete(account, receipt.native_id)
    wire.handler = lambda _: httpx.Response(200, json={"data": [], "meta": {"next_token": "abc"}})
    post = post_of(account, "12")
    _ = [page async for page in connector.posts(account, since=NOW)]
    _ = [page async for page in connector.comments(account, post)]
    await connector.post_metrics(account, [post])
    wire.handler = lambda _: httpx.Response(200, json={"data": {"id": ME}})
    await connector.profile(account)
    assert {description.check(request) for request in wire.requests} == {
        *("createPosts", "deletePosts", "getPostsByIds", "getUsersPosts", "searchPostsRecent", "getUsersMe"),
        *("initializeMediaUpload", "appendMediaUpload", "finalizeMediaUpload", "getMediaUploadStatus"),
        *("createMediaMetadata", "getUsersByUsernames"),
    }


def test_the_limits_of_x_are_the_described_ones(description):
    schemas = description.document["components"]["schemas"]
    poll = schemas["CreatePostsPoll"]["properties"]
    assert poll["options"]["maxItems"] == publishing.MOST_CHOICES
    assert poll["options"]["items"]["maxLength"] == publishing.LONGEST_CHOICE
    minutes = poll["duration_minutes"]
    assert (
        minutes["minimum"],
        minutes["maximum"],
    ) == (publishing.SHORTEST_POLL_MINUTES, publishing.LONGEST_POLL_MINUTES)
    assert schemas["CreatePostsMedia"]["properties"]["media_ids"]["maxItems"] == publishing.MOST_IMAGES
    assert schemas["CreatePostsMedia"]["properties"]["tagged_user_ids"]["maxItems"] == publishing.MOST_TAGS
    assert "thread" in CAPABILITIES.options
