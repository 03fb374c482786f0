"""Publishing on Mastodon: a key for an hour, servers that keep none, threads, polls, and who may see an answer."""

import asyncio
import json
from datetime import datetime, timedelta

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.clock import FixedClock
from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat, Network
from contracts.records import Account, Poll, PublishOptions, PublishRequest, Staging, Token
from platforms._http import Transport
from platforms.mastodon import texts
from platforms.mastodon.client import MastodonConnector, MastodonDialect
from platforms.mastodon.instances import keeps_keys

NOW = datetime.fromisoformat("2026-06-01T12:00:00Z")
ME = "117020565966271181"


class Server:
    """One account's server. `lost` names calls (by position among the status calls, from 0) whose answer never arrives after the
    work is done, `unsent` those that never reach it; `refusals` answers a status call with this status instead."""

    def __init__(self, *, version: str = "4.6.4", keeps: bool = True) -> None:
        self.version, self.keeps = version, keeps
        self.now = NOW
        self.statuses: list[dict] = []
        self.keys: dict[str, tuple[datetime, dict]] = {}
        self.uploads: dict[str, int] = {}
        self.polls_needed = 0
        self.calls: list[str] = []
        self.bodies: list[dict] = []
        self.lost: set[int] = set()
        self.unsent: set[int] = set()
        self.refusals: dict[int, int] = {}
        self.is_token_good = True
        self.has_v2 = True
        self.max_characters = 500
        self._ids = iter(str(n) for n in range(117_020_000_000_000_001, 117_030_000_000_000_000))

    # the clock of Pulso and of the server are the same here
    def pass_time(self, **span: float) -> None:
        self.now += timedelta(**span)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.calls.append(f"{request.method} {path.removeprefix('/api')}")
        if not self.is_token_good and "instance" not in path:
            return httpx.Response(422, html="")
        if path == "/api/v2/instance":
            return self.instance() if self.has_v2 else httpx.Response(404, html="<h1>404 Not Found</h1>")
        if path == "/api/v1/instance":
            return self.instance()
        if path == "/api/v2/media":
            return self.upload(request)
        if path.startswith("/api/v1/media/"):
            return self.media(path.rpartition("/")[2])
        if path == f"/api/v1/accounts/{ME}/statuses":
            return self.listing(request.url.params)
        if path == "/api/v1/accounts/verify_credentials":
            return httpx.Response(200, json={"id": ME, "acct": "harbor"})
        if path == "/api/v1/statuses":
            return self.publish(request)
        found = [s for s in self.statuses if s["id"] == path.rpartition("/")[2]]
        if request.method == "DELETE" and found:
            self.statuses.remove(found[0])
        return httpx.Response(200, json=found[0]) if found else httpx.Response(404, json={"error": "未找到"})

    def instance(self) -> httpx.Response:
        statuses = {
            "max_characters": self.max_characters,
            "max_media_attachments": 4,
            "characters_reserved_per_url": 23,
        }
        media = {
            "supported_mime_types": ["image/jpeg", "video/mp4"],
            "image_size_limit": 1000,
            "video_size_limit": 9000,
        }
        polls = {"max_options": 4, "max_characters_per_option": 50, "min_expiration": 300, "max_expiration": 2629746}
        configuration = {"statuses": statuses, "media_attachments": media, "polls": polls}
        return httpx.Response(200, json={"version": self.version, "configuration": configuration})

    def upload(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["content-type"].startswith("multipart/form-data")
        name = next(self._ids)
        self.uploads[name] = self.polls_needed
        return httpx.Response(202 if self.polls_needed else 200, json={"id": name, "type": "image", "url": None})

    def media(self, name: str) -> httpx.Response:
        if name not in self.uploads:
            return httpx.Response(404, json={"error": "Record not found"})
        self.uploads[name] -= 1
        return httpx.Response(206 if self.uploads[name] >= 0 else 200, json={"id": name, "type": "image"})

    def listing(self, params: httpx.QueryParams) -> httpx.Response:
        shown = [s for s in self.statuses[::-1] if "max_id" not in params or s["id"] < params["max_id"]]
        page = shown[: int(params["limit"])]
        link = {}
        if len(shown) > len(page):
            link = {
                "link": f'<https://other.name/x?max_id={page[-1]["id"]}>; rel="next", <https://x/y?min_id=1>; rel="prev"'
            }
        elif page:
            link = {"link": f'<https://other.name/x?min_id={page[0]["id"]}>; rel="prev"'}
        return httpx.Response(200, json=page, headers=link)

    def publish(self, request: httpx.Request) -> httpx.Response:
        position = len(self.bodies)
        body = json.loads(request.content)
        self.bodies.append(body)
        if position in self.unsent:
            raise httpx.ReadError("reset", request=request)
        if position in self.refusals:
            return httpx.Response(self.refusals[position], json={"error": "無効"})
        key = request.headers["idempotency-key"]
        used_at, status = self.keys.get(key, (None, None))
        if not (self.keeps and used_at and self.now - used_at < timedelta(hours=1)):
            status = self.write(body)
            self.keys[key] = (self.now, status)
        if position in self.lost:
            raise httpx.ReadError("cut", request=request)
        return httpx.Response(200, json=status)

    def write(self, body: dict, *, account: str = ME, acct: str = "harbor") -> dict:
        name = next(self._ids)
        html = body["status"].replace("&", "&amp;").replace("<", "&lt;").replace("\n", "<br />")
        status = {
            "id": name,
            "created_at": self.now.isoformat().replace("+00:00", "Z"),
            "url": f"https://mastodon.example/@harbor/{name}",
            "content": f"<p>{html}</p>",
            "visibility": body.get("visibility", "public"),
            "in_reply_to_id": body.get("in_reply_to_id"),
            "account": {"id": account, "acct": acct},
            "reblog": None,
            "poll": body.get("poll"),
            "media_attachments": [{"id": m, "type": "image"} for m in body.get("media_ids", ())],
            "favourites_count": 0,
        }
        if account == ME or body.get("is_listed", True):
            self.statuses.append(status)
        return status

    @property
    def shown(self) -> list[str]:
        return [texts.plain(s["content"]) for s in self.statuses]


class ServersClock:
    def __init__(self, server: Server) -> None:
        self._server = server

    def now(self) -> datetime:
        return self._server.now


@pytest.fixture
def account() -> Account:
    return Account(
        account_id=f"mastodon:{ME}",
        client_id="harbor",
        network=Network.MASTODON,
        native_id=ME,
        handle="harbor@mastodon.example",
        base_url="https://mastodon.example",
    )


@pytest.fixture
def connect(exchange, tokens, media):
    """A connector to a server that keeps time for both."""

    def build(server: Server) -> MastodonConnector:
        transport = exchange(server).transport(MastodonDialect(), tokens)
        transport._clock = ServersClock(server)
        return MastodonConnector(transport, media)

    return build


async def staged(connector, request, staging=None):
    staging = staging or connector.prepare(request)
    while not staging.is_complete:
        # What was persisted is all that survives: stage goes on from a copy of it.
        after = await connector.stage(request, Staging.model_validate_json(staging.model_dump_json()))
        assert after != staging
        staging = after
    return staging


async def refusal_of(coroutine) -> NetworkError:
    with pytest.raises(NetworkError) as caught:
        await coroutine
    return caught.value


# --- one status --------------------------------------------------------------------------------------------------------


async def test_a_text_goes_out_under_a_key_that_follows_from_the_intent(connect, account, request_of):
    server = Server()
    connector = connect(server)
    request = request_of(account, text="Fish & chips <3\nopen today", options=PublishOptions(privacy="unlisted"))
    staging = await staged(connector, request)
    assert staging.handles["key"] == connector.prepare(request).handles["key"]
    assert datetime.fromisoformat(staging.handles["key_used_from"]) == NOW
    receipt = await connector.commit(request, staging)
    assert server.shown == ["Fish & chips <3\nopen today"]
    assert server.bodies == [{"status": request.text, "visibility": "unlisted", "language": "en"}]
    assert list(server.keys) == [staging.handles["key"]]
    assert (receipt.native_id, receipt.permalink) == (server.statuses[0]["id"], server.statuses[0]["url"])
    assert (receipt.published_at, receipt.how) == (NOW, "answered")


async def test_a_lost_answer_is_found_by_reading(connect, account, request_of):
    server = Server()
    server.lost = {0}
    connector = connect(server)
    request = request_of(account, text="Ahoy @ana@far.example https://x.example/a?b=1 #café")
    staging = await staged(connector, request)
    assert (await refusal_of(connector.commit(request, staging))).error_class is ErrorClass.AMBIGUOUS
    found = await connector.find_published(request, staging)
    assert (found.outcome, found.receipt.how) == ("published", "reconciled")
    assert found.receipt.native_id == server.statuses[0]["id"]


async def test_what_reading_does_not_show_may_be_sent_again_while_the_key_lives(connect, account, request_of):
    server = Server()
    server.unsent = {0}
    connector = connect(server)
    request = request_of(account)
    staging = await staged(connector, request)
    assert (await refusal_of(connector.commit(request, staging))).error_class is ErrorClass.AMBIGUOUS
    found = await connector.find_published(request, staging)
    assert (found.outcome, found.is_repeat_harmless) == ("absent", True)
    first = await connector.commit(request, staging)
    again = await connector.commit(request, staging)
    assert first.native_id == again.native_id
    assert len(server.statuses) == 1


@pytest.mark.parametrize("minutes", [50, 61, 24 * 60])
async def test_a_key_near_or_past_its_end_proves_nothing(connect, account, request_of, minutes):
    server = Server()
    server.unsent = {0}
    connector = connect(server)
    request = request_of(account)
    staging = await staged(connector, request)
    await refusal_of(connector.commit(request, staging))
    server.pass_time(minutes=minutes)
    found = await connector.find_published(request, staging)
    assert (found.outcome, found.is_repeat_harmless) == ("absent", False)


@pytest.mark.parametrize(
    ("version", "keeps"),
    [
        ("4.6.4", True),
        ("4.4.0+glitch", True),
        ("4.7.0-alpha.2+pr-39999-68e5caf", True),
        ("4.0.0 (not true; really snac/2.75)", False),
        ("2.7.2 (compatible; Akkoma 3.10.4)", False),
        ("0.17.3+git-e0e2d8a", False),
        ("", False),
    ],
)
async def test_only_mastodon_itself_is_trusted_to_keep_keys(connect, account, request_of, version, keeps):
    assert keeps_keys(version) is keeps
    server = Server(version=version, keeps=keeps)
    server.unsent = {0}
    connector = connect(server)
    request = request_of(account)
    staging = await staged(connector, request)
    await refusal_of(connector.commit(request, staging))
    found = await connector.find_published(request, staging)
    assert (found.outcome, found.is_repeat_harmless) == ("absent", keeps)


async def test_a_server_that_keeps_no_keys_is_read_too(connect, account, request_of):
    server = Server(version="4.0.0 (not true; really snac/2.75)", keeps=False)
    server.lost = {0}
    connector = connect(server)
    request = request_of(account)
    staging = await staged(connector, request)
    await refusal_of(connector.commit(request, staging))
    assert (await connector.find_published(request, staging)).outcome == "published"


async def test_the_same_words_of_before_of_other_intents_and_of_others_are_no_evidence(connect, account, request_of):
    server = Server()
    connector = connect(server)
    for minutes in (-30, 1):  # older than the intent, and just before it was staged
        server.now = NOW + timedelta(minutes=minutes)
        server.write({"status": "Open today"})
    server.pass_time(minutes=1)
    request = request_of(account)
    staging = await staged(connector, request)
    claimed = server.write({"status": "Open today"})["id"]
    answer = server.write({"status": "Open today", "in_reply_to_id": claimed})["id"]
    server.write({"status": "Open tomorrow"})
    request = request.model_copy(update={"claimed_native_ids": (claimed,)})
    assert (await connector.find_published(request, staging)).outcome == "absent"
    server.lost = {0}
    await refusal_of(connector.commit(request, staging))
    found = await connector.find_published(request, staging)
    assert found.receipt.native_id == server.statuses[-1]["id"] > answer


async def test_two_alike_are_told_apart_by_the_key(connect, account, request_of):
    server = Server()
    server.lost = {0}
    connector = connect(server)
    request = request_of(account)
    staging = await staged(connector, request)
    await refusal_of(connector.commit(request, staging))
    mine = server.statuses[0]["id"]
    server.write({"status": "Open today"})  # a person posts the same words
    found = await connector.find_published(request, staging)
    assert (found.outcome, found.is_repeat_harmless) == ("undecided", True)
    assert (await connector.commit(request, staging)).native_id == mine
    assert len(server.statuses) == 2


async def test_evidence_is_looked_for_over_all_pages_since_the_intent(connect, account, request_of):
    server = Server()
    server.now = NOW - timedelta(hours=1)
    for n in range(50):
        server.write({"status": f"old {n}"})
    server.now = NOW
    connector = connect(server)
    request = request_of(account)
    staging = await staged(connector, request)
    server.lost = {0}
    await refusal_of(connector.commit(request, staging))
    for n in range(90):
        server.write({"status": f"new {n}"})
    server.calls.clear()
    assert (await connector.find_published(request, staging)).outcome == "published"
    assert server.calls.count(f"GET /v1/accounts/{ME}/statuses") == 4  # 91 young ones, then one page that is all old


async def test_failing_to_read_for_reconciliation_is_no_answer(connect, account, request_of):
    server = Server()
    connector = connect(server)
    request = request_of(account)
    staging = await staged(connector, request)
    broken = connect(lambda _: httpx.Response(503, html="<h1>busy</h1>"))
    broken._transport._clock = ServersClock(server)
    assert (await refusal_of(broken.find_published(request, staging))).error_class is ErrorClass.TRANSIENT


async def test_nothing_staged_is_nothing_sent(connect, account, request_of):
    connector = connect(Server())
    request = request_of(account)
    assert (await connector.find_published(request, connector.prepare(request))).outcome == "not_published"


async def test_staging_shown_again_notices_that_it_has_landed(connect, account, request_of):
    server = Server()
    server.lost = {0}
    connector = connect(server)
    request = request_of(account)
    staging = await staged(connector, request)
    server.pass_time(minutes=2)
    again = await connector.stage(request, staging)
    assert again.handles == staging.handles | {"key_used_from": server.now.isoformat()}
    await refusal_of(connector.commit(request, staging))
    assert (await refusal_of(connector.stage(request, staging))).error_class is ErrorClass.DUPLICATE


async def test_a_token_that_a_server_refuses_with_422_has_to_be_replaced(connect, account, request_of):
    server = Server()
    connector = connect(server)
    request = request_of(account)
    staging = await staged(connector, request)
    server.is_token_good = False
    assert (await refusal_of(connector.commit(request, staging))).error_class is ErrorClass.AUTH
    assert (await refusal_of(connector.profile(account))).error_class is ErrorClass.AUTH
    server.is_token_good = True
    server.refusals = {0: 422}
    error = await refusal_of(connector.commit(request, staging))
    assert (error.error_class, error.code) == (ErrorClass.INVALID, "422")
    assert (await refusal_of(connector.refresh_token(account))).error_class is ErrorClass.AUTH


async def test_deleting_twice_is_deleting_but_not_where_the_server_cannot(connect, account, request_of):
    server = Server()
    connector = connect(server)
    request = request_of(account)
    receipt = await connector.commit(request, await staged(connector, request))
    await connector.delete(account, receipt.native_id)
    await connector.delete(account, receipt.native_id)
    assert server.statuses == []

    def cannot_delete(sent: httpx.Request) -> httpx.Response:
        return (
            httpx.Response(404, html="<h1>404</h1>")
            if sent.method == "DELETE"
            else httpx.Response(200, json={"id": "1"})
        )

    assert (await refusal_of(connect_to(cannot_delete, connect).delete(account, "1"))).status == 404


def connect_to(handler, connect) -> MastodonConnector:
    connector = connect(handler)
    connector._transport._clock = FixedClock(NOW)
    return connector


# --- media -------------------------------------------------------------------------------------------------------------


async def test_each_file_is_uploaded_once_even_after_a_crash(connect, account, request_of, media):
    server = Server()
    request = request_of(
        account,
        content_format=ContentFormat.CAROUSEL,
        media=tuple(media.picture(name) for name in ("one", "two", "three")),
    )
    connector = connect(server)
    staging = await connector.stage(request, connector.prepare(request))
    staging = await connector.stage(request, staging)
    again = connect(server)
    await again.commit(request, await staged(again, request, staging))
    assert server.calls.count("POST /v2/media") == 3
    assert server.bodies[0]["media_ids"] == list(server.uploads)


async def test_a_file_is_waited_for_and_then_left_for_later(connect, account, request_of, media):
    server = Server()
    server.polls_needed = 3
    connector = connect(server)
    request = request_of(account, content_format=ContentFormat.IMAGE, media=(media.picture(),))
    staging = await staged(connector, request)
    assert staging.handles["media_0"] in server.uploads
    server.polls_needed = 100
    staging = await connector.stage(request, connector.prepare(request))
    assert await connector.stage(request, staging) == staging


async def test_a_file_that_the_server_lost_is_uploaded_again(connect, account, request_of, media):
    server = Server()
    server.polls_needed = 1
    connector = connect(server)
    request = request_of(account, content_format=ContentFormat.IMAGE, media=(media.picture(),))
    staging = await connector.stage(request, connector.prepare(request))
    server.uploads.clear()
    staging = await staged(connector, request, staging)
    assert [staging.handles["media_0"]] == list(server.uploads)
    server.pass_time(hours=13)  # long enough for a server to have thrown it away
    fresh = await connector.stage(request, staging)
    assert not fresh.is_complete
    assert (await staged(connector, request, fresh)).handles["media_0"] == list(server.uploads)[-1]


async def test_the_very_files_tell_which_of_two_alike_is_ours(connect, account, request_of, media):
    server = Server(version="4.0.0 (compatible; other)", keeps=False)
    server.lost = {0}
    connector = connect(server)
    request = request_of(account, content_format=ContentFormat.IMAGE, media=(media.picture(),))
    staging = await staged(connector, request)
    await refusal_of(connector.commit(request, staging))
    server.write({"status": "Open today", "media_ids": ["999"]})
    found = await connector.find_published(request, staging)
    assert found.receipt.native_id == server.statuses[0]["id"]


async def test_a_server_that_renames_files_is_believed_by_its_words(connect, account, request_of, media):
    server = Server(version="4.0.0 (not true; really snac/2.75)", keeps=False)
    server.lost = {0}
    connector = connect(server)
    request = request_of(account, content_format=ContentFormat.IMAGE, media=(media.picture(),))
    staging = await staged(connector, request)
    await refusal_of(connector.commit(request, staging))
    server.statuses[0]["media_attachments"] = [{"id": "https://x/p/1_0", "type": "image"}]
    assert (await connector.find_published(request, staging)).outcome == "published"
    server.statuses[0]["media_attachments"] = []
    assert (await connector.find_published(request, staging)).outcome == "absent"


# --- what a server accepts ---------------------------------------------------------------------------------------------


async def test_limits_are_the_servers_own(connect, account, request_of):
    server = Server()
    server.has_v2 = False
    server.max_characters = 30
    connector = connect(server)
    fits = request_of(account, text="x" * 6 + " https://long.example/" + "y" * 80)
    assert await staged(connector, fits)
    error = await refusal_of(staged(connector, request_of(account, text="x" * 31)))
    assert (error.error_class, error.code) == (ErrorClass.INVALID, "unfit_text")
    server.max_characters = 5000
    server.pass_time(hours=2)
    assert await staged(connector, request_of(account, text="x" * 31, intent_id="other"))


async def test_a_server_that_names_no_limits_is_left_to_judge(connect, account, request_of):
    server = Server()
    server.instance = lambda: httpx.Response(200, json={"version": "4.6.4", "configuration": None})
    assert await staged(connect(server), request_of(account, text="x" * 10_000))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"options": PublishOptions(title="No")}, "unsupported"),
        ({"options": PublishOptions(is_paid_partnership=True)}, "unsupported"),
        ({"options": PublishOptions(privacy="friends")}, "unsupported"),
        ({"text": "  "}, "unfit_text"),
        ({"options": PublishOptions(thread=("fine", "x" * 501))}, "unfit_text"),
        ({"options": PublishOptions(thread=("",))}, "unfit_text"),
        ({"pictures": 5}, "unfit_media"),
        ({"pictures": 1, "kind": "image/tiff"}, "unfit_media"),
        ({"pictures": 1, "size_bytes": 1001}, "unfit_media"),
        ({"pictures": 2, "kind": "video/mp4"}, "unfit_media"),
        ({"options": PublishOptions(poll=Poll(choices=tuple("abcde"), open_minutes=60))}, "unfit_poll"),
        ({"options": PublishOptions(poll=Poll(choices=("a", "b" * 51), open_minutes=60))}, "unfit_poll"),
        ({"options": PublishOptions(poll=Poll(choices=("a", "b"), open_minutes=4))}, "unfit_poll"),
        ({"options": PublishOptions(poll=Poll(choices=("a", "b"), open_minutes=99_999))}, "unfit_poll"),
        ({"pictures": 1, "options": PublishOptions(poll=Poll(choices=("a", "b"), open_minutes=60))}, "unfit_poll"),
    ],
)
async def test_what_the_server_could_not_show_is_refused_before_anything_is_uploaded(
    connect, account, request_of, media, changes, code
):
    server = Server()
    changes = dict(changes)
    picture = media.picture().model_copy(
        update={"mime_type": changes.pop("kind", "image/jpeg"), "size_bytes": changes.pop("size_bytes", 3)}
    )
    request = request_of(account, media=(picture,) * changes.pop("pictures", 0), **changes)
    error = await refusal_of(staged(connect(server), request))
    assert (error.error_class, error.code) == (ErrorClass.INVALID, code)
    assert set(server.calls) <= {"GET /v2/instance"}


async def test_a_poll_is_asked_as_the_server_wants_it(connect, account, request_of):
    server = Server()
    connector = connect(server)
    poll = Poll(choices=("Tea", "Coffee"), open_minutes=90, allows_several=True)
    request = request_of(account, content_format=ContentFormat.POLL, options=PublishOptions(poll=poll))
    await connector.commit(request, await staged(connector, request))
    assert server.bodies[0]["poll"] == {"options": ["Tea", "Coffee"], "expires_in": 5400, "multiple": True}


# --- answers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("theirs", "wanted", "seen_by"),
    [
        ("public", None, "public"),
        ("public", "unlisted", "unlisted"),
        ("private", None, "private"),
        ("direct", "public", "direct"),
    ],
)
async def test_an_answer_names_whom_it_answers_and_reaches_nobody_else(
    connect, account, request_of, theirs, wanted, seen_by
):
    server = Server()
    connector = connect(server)
    theirs = server.write({"status": "when?", "visibility": theirs}, account="7", acct="ana@far.example")
    request = request_of(
        account, reply_to_native_comment_id=theirs["id"], text="At nine", options=PublishOptions(privacy=wanted)
    )
    server.lost = {0}
    staging = await staged(connector, request)
    await refusal_of(connector.commit(request, staging))
    assert server.bodies[0]["status"] == "@ana@far.example At nine"
    assert server.bodies[0]["visibility"] == seen_by
    assert server.bodies[0]["in_reply_to_id"] == theirs["id"]
    found = await connector.find_published(request, staging)
    assert found.receipt.native_id == server.statuses[-1]["id"]


async def test_who_is_named_already_or_is_the_account_itself_is_not_named_again(connect, account, request_of):
    server = Server()
    connector = connect(server)
    theirs = server.write({"status": "when?"}, account="7", acct="ana@far.example")["id"]
    own = server.write({"status": "Open today, all day"})["id"]
    for n, (answered, text) in enumerate([(theirs, "At nine, @Ana!"), (own, "At nine")]):
        request = request_of(account, intent_id=f"reply/{n}", reply_to_native_post_id=answered, text=text)
        await connector.commit(request, await staged(connector, request))
    assert [body["status"] for body in server.bodies] == ["At nine, @Ana!", "At nine"]


async def test_answering_what_is_gone_fails_for_good(connect, account, request_of):
    error = await refusal_of(staged(connect(Server()), request_of(account, reply_to_native_comment_id="404")))
    assert (error.error_class, error.code) == (ErrorClass.INVALID, "gone")


# --- threads -----------------------------------------------------------------------------------------------------------


def thread_of(request_of, account, *following: str, **changes):
    options = PublishOptions(thread=following or ("two", "three"))
    return request_of(account, text="one", content_format=ContentFormat.THREAD, options=options, **changes)


async def test_a_thread_is_a_chain_of_answers_each_under_its_own_key(connect, account, request_of):
    server = Server()
    connector = connect(server)
    request = thread_of(request_of, account)
    receipt = await connector.commit(request, await staged(connector, request))
    assert server.shown == ["one", "two", "three"]
    ids = [s["id"] for s in server.statuses]
    assert [s["in_reply_to_id"] for s in server.statuses] == [None, *ids[:2]]
    assert len(server.keys) == 3
    assert receipt.native_id == ids[0]


@pytest.mark.parametrize("trouble", ["lost", "unsent", 429, 401, 422, 503])
async def test_trouble_after_the_first_status_is_ambiguous_and_a_repeat_completes_the_thread(
    connect, account, request_of, trouble
):
    server = Server()
    connector = connect(server)
    request = thread_of(request_of, account)
    staging = await staged(connector, request)
    if isinstance(trouble, int):
        server.refusals = {1: trouble}
    else:
        setattr(server, trouble, {1})
    error = await refusal_of(connector.commit(request, staging))
    assert (error.error_class, error.code) == (ErrorClass.AMBIGUOUS, "partial_thread")
    if trouble == 429:
        return  # reading waits for the limit; see the next test
    found = await connector.find_published(request, staging)
    assert (found.outcome, found.is_repeat_harmless) == ("undecided", True)
    await connector.commit(request, staging)
    assert server.shown == ["one", "two", "three"]
    assert (await connector.find_published(request, staging)).outcome == "published"


async def test_a_thread_that_meets_its_limit_waits_for_it_and_goes_on(connect, account, request_of):
    server = Server()
    connector = connect(server)
    request = thread_of(request_of, account)
    staging = await staged(connector, request)
    server.refusals = {1: 429}
    await refusal_of(connector.commit(request, staging))
    error = await refusal_of(connector.commit(request, staging))
    assert (error.error_class, error.code) == (ErrorClass.RATE, "budget")
    assert server.shown == ["one"]
    again = connect(server)
    await again.commit(request, staging)
    assert server.shown == ["one", "two", "three"]


async def test_a_thread_cut_short_is_left_alone_where_no_key_protects_it(connect, account, request_of):
    server = Server(version="4.0.0 (not true; really snac/2.75)", keeps=False)
    server.unsent = {2}
    connector = connect(server)
    request = thread_of(request_of, account)
    staging = await staged(connector, request)
    await refusal_of(connector.commit(request, staging))
    found = await connector.find_published(request, staging)
    assert (found.outcome, found.is_repeat_harmless) == ("undecided", False)
    assert "2 of 3" in found.evidence


class OneToken:
    async def load(self, account_id: str) -> Token:
        return Token(access_token="access-1")

    async def save(self, account_id: str, token: Token, *, expected_version: int) -> Token:
        raise AssertionError("Mastodon's tokens are never renewed.")


async def no_pause(seconds: float) -> None:
    del seconds


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    faults=st.lists(st.sampled_from(["", "lost", "unsent", 503]), max_size=9),
    following=st.lists(st.sampled_from(["one", "two"]), max_size=3),
    minutes=st.lists(st.integers(0, 15), min_size=9, max_size=9),
)
def test_whatever_is_lost_a_post_or_thread_is_there_at_most_once(faults, following, minutes):
    """Faults strike the status calls in turn and time passes; the publisher's rule does the rest: read, repeat where that is
    harmless, else leave it. What it calls published is there whole, and nothing is ever there twice."""
    server = Server()
    account = Account(
        account_id=f"mastodon:{ME}",
        client_id="c",
        network=Network.MASTODON,
        native_id=ME,
        handle="h",
        base_url="http://x",
    )
    request = PublishRequest(
        intent_id="item-1/a/1",
        account=account,
        text="one",
        content_format=ContentFormat.THREAD,
        options=PublishOptions(thread=tuple(following)),
        created_at=NOW,
    )
    for position, fault in enumerate(faults):
        if fault == 503:
            server.refusals[position] = fault
        elif fault:
            getattr(server, fault).add(position)

    async def scenario() -> str:
        async with httpx.AsyncClient(transport=httpx.MockTransport(server)) as client:
            transport = Transport(client, MastodonDialect(), OneToken(), ServersClock(server), sleep=no_pause)
            connector = MastodonConnector(transport, media=None)
            staging = await staged(connector, request)
            for span in minutes:
                answered = await asyncio.gather(connector.commit(request, staging), return_exceptions=True)
                if not isinstance(answered[0], NetworkError):
                    return "published"
                assert answered[0].error_class is ErrorClass.AMBIGUOUS
                server.pass_time(minutes=span)
                found = await connector.find_published(request, staging)
                if found.outcome == "published" or not found.is_repeat_harmless:
                    return found.outcome
            return "undecided"

    outcome = asyncio.run(scenario())
    wanted = ["one", *following]
    assert server.shown == wanted[: len(server.shown)]
    if outcome == "published":
        assert server.shown == wanted


async def test_a_server_of_another_make_gets_a_connection_for_each_commit(exchange, tokens, media, account, request_of):
    for version, said in (("4.6.4", "keep-alive"), ("4.0.0 (not true; really snac/2.75)", "close")):
        server = Server(version=version)
        wire = exchange(server)
        connector = MastodonConnector(wire.transport(MastodonDialect(), tokens), media)
        request = request_of(account)
        await connector.commit(request, await staged(connector, request))
        assert {r.headers["connection"] for r in wire.requests if "instance" not in r.url.path} == {said}
