"""The sandbox's Mastodon: bare HTTP against what is known of the wire, then our connector through faults, counted in its state."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat, Network
from contracts.records import Account, Media, Poll, PublishOptions, PublishRequest, Staging, Token
from platforms._http import Patience, Transport
from platforms.mastodon.client import MastodonConnector, MastodonDialect

ROOT = Path(__file__).resolve().parents[3]


class Server:
    """A running sandbox, as Mastodon's clients and as a test see it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=f"{url}/mastodon", timeout=30.0, trust_env=False)
        self.admin = httpx.Client(base_url=f"{url}/_sandbox", timeout=30.0, trust_env=False)
        known = [a for a in self.admin.get("/accounts").json() if a["network"] == "mastodon"]
        self.owner, self.other = [a for a in known if not a["is_competitor"]][:2]

    def close(self) -> None:
        self.http.close()
        self.admin.close()

    def fault(self, kind: str, operation: str = "any", *, times: int | None = 1, **params: Any) -> None:
        spec = {"network": "mastodon", "operation": operation, "kind": kind, "times": times, "params": params}
        assert self.admin.post("/faults", json=spec).status_code == 200

    def heal(self) -> None:
        self.admin.delete("/faults")

    def published(self, account: dict | None = None) -> list[dict[str, Any]]:
        """What came over the wire, in the sandbox's own state."""
        native_id = (account or self.owner)["native_id"]
        return self.admin.get("/posts", params={"native_account_id": native_id, "origin": "api"}).json()

    def call(self, method: str, path: str, *, by: dict | None = None, **kwargs: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {(by or self.owner)['access_token']}", **kwargs.pop("headers", {})}
        return self.http.request(method, f"/api/{path}", headers=headers, **kwargs)

    def post(self, status: str, *, key: str | None = None, by: dict | None = None, **fields: Any) -> httpx.Response:
        headers = {"idempotency-key": key} if key else {}
        return self.call("POST", "v1/statuses", by=by, json={"status": status, **fields}, headers=headers)

    def now(self) -> datetime:
        return datetime.fromisoformat(self.admin.get("/clock").json()["now"]).astimezone(UTC)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    state = tmp_path_factory.mktemp("mastodon")
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--port", "0", "--state-dir", str(state), "--crowd", "18"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    server = Server(process.stdout.readline().removeprefix("READY ").strip())
    yield server
    server.close()
    process.terminate()
    process.communicate()


@pytest.fixture
def server(running: Server) -> Iterator[Server]:
    """A sandbox that the tests of this file share: no faults are left in it, and its clock is not to be moved."""
    yield running
    running.heal()


@pytest.fixture
def start(start_sandbox) -> Iterator[Any]:
    """Starts a sandbox of the test's own; calling it again with the same one meets it anew."""
    met: list[Server] = []

    def meet(*options: str, process: Any = None) -> tuple[Server, Any]:
        process = process or start_sandbox("--crowd", "18", *options)
        met.append(Server(process.url))
        return met[-1], process

    yield meet
    for server in met:
        server.close()


# --- the bare wire -----------------------------------------------------------------------------------------------------


def test_a_server_tells_its_limits_to_anybody_with_or_without_a_slash(server):
    newer = server.http.get("/api/v2/instance").json()
    assert newer == server.http.get("/api/v2/instance/").json()
    older = server.http.get("/api/v1/instance/").json()
    assert newer["configuration"] == older["configuration"]
    assert newer["version"] == older["version"] == "4.6.4"
    assert newer["configuration"]["statuses"]["max_characters"] == 500


def test_tokens(server):
    answer = server.call("GET", "v1/accounts/verify_credentials")
    assert answer.json()["id"] == server.owner["native_id"]
    assert answer.json()["source"]["language"] == server.owner["language"]
    bad = server.http.get("/api/v1/accounts/verify_credentials", headers={"authorization": "Bearer x"})
    assert (bad.status_code, bad.json()) == (401, {"error": "The access token is invalid"})
    assert server.http.get("/api/v1/accounts/verify_credentials").status_code == 401


def test_a_listing_is_walked_by_its_links_to_the_end(server):
    history = server.admin.get("/posts", params={"native_account_id": server.owner["native_id"]}).json()
    path = f"/api/v1/accounts/{server.owner['native_id']}/statuses?limit=7&exclude_reblogs=true"
    seen, pages = [], 0
    url = f"{server.url}/mastodon{path}"
    while url:
        answer = server.http.get(url)
        assert len(answer.json()) <= 7
        seen += [status["id"] for status in answer.json()]
        pages += 1
        assert "min_id=" in answer.links.get("prev", {"url": "min_id="})["url"]
        url = answer.links.get("next", {}).get("url")
        assert url is None or "exclude_reblogs=true" in url
    assert pages > 2
    assert seen == sorted({p["native_id"] for p in history}, key=int, reverse=True)
    newer = server.http.get(f"/api/v1/accounts/{server.owner['native_id']}/statuses?limit=2&min_id={seen[5]}")
    assert [status["id"] for status in newer.json()] == seen[3:5]
    since = server.http.get(f"/api/v1/accounts/{server.owner['native_id']}/statuses?limit=2&since_id={seen[5]}")
    assert [status["id"] for status in since.json()] == seen[:2]


def test_statuses_have_the_form_of_recorded_ones(server, recorded_exchanges):
    name = "test_status_0.json"
    recorded = json.loads((recorded_exchanges / "mastodon" / name).read_text())["response"]["body"]
    shown = server.post("Form", language="en").json()
    missing = {"tagged_collections", "quote_approval"}
    assert set(recorded) - set(shown) == missing
    assert set(shown) <= set(recorded)
    assert {
        k for k in shown if shown[k] is not None and recorded[k] is not None and type(shown[k]) is not type(recorded[k])
    } == set()
    assert set(shown["account"]) <= set(recorded["account"])
    assert datetime.fromisoformat(shown["created_at"])


def test_words_become_html(server):
    text = "Café & <b>\nsee https://www.example.test/a/very/long/path/to/something @ana@far.example\n\n#Fresh_bread"
    shown = server.post(text).json()
    assert shown["content"].startswith("<p>Café &amp; &lt;b&gt;<br />see <a href=")
    assert shown["content"].count("<p>") == 2
    assert '<span class="invisible">https://www.</span><span class="ellipsis">example.test/' in shown["content"]
    assert "@<span>ana</span>" in shown["content"]
    assert [m["acct"] for m in shown["mentions"]] == ["ana@far.example"]
    assert [t["name"] for t in shown["tags"]] == ["fresh_bread"]


def test_the_server_shows_what_it_found_behind_the_first_link(server):
    card = server.post("See https://harbor.example/autumn-menu and https://harbor.example/other").json()["card"]
    assert (card["url"], card["title"], card["type"]) == ("https://harbor.example/autumn-menu", "Autumn menu", "link")
    assert server.post("No link").json()["card"] is None
    assert server.post("See https://unknown.com/page").json()["card"] is None, "nothing is known of a real page"


def test_a_key_makes_one_status_per_account(server):
    first, again = server.post("Once", key="k1"), server.post("Other words", key="k1")
    assert first.json()["id"] == again.json()["id"]
    assert server.post("Once", key="k1", by=server.other).json()["id"] != first.json()["id"]
    assert server.post("Once", key="k2").json()["id"] != first.json()["id"]


def test_a_key_lasts_an_hour(start):
    server, sandbox = start()
    first = server.post("Once", key="k").json()["id"]
    sandbox.advance(3500)
    assert server.post("Once", key="k").json()["id"] == first
    sandbox.restart()
    server, _ = start(process=sandbox)
    assert server.post("Once", key="k").json()["id"] == first
    sandbox.advance(200)
    assert server.post("Once", key="k").json()["id"] != first
    assert len(server.published()) == 2


def test_without_its_guard_it_is_a_server_that_keeps_no_keys_and_says_so(server):
    server.fault("guard_off", times=None)
    assert server.post("A", key="k9").json()["id"] != server.post("A", key="k9").json()["id"]
    for version in ("v1", "v2"):
        assert "compatible" in server.http.get(f"/api/{version}/instance").json()["version"]


def test_forms_and_json_mean_the_same(server):
    form = {
        "status": "Which?",
        "poll[options][]": ["Tea", "Coffee"],
        "poll[expires_in]": "3600",
        "poll[multiple]": "true",
    }
    by_form = server.call("POST", "v1/statuses", data=form).json()
    poll = {"options": ["Tea", "Coffee"], "expires_in": 3600, "multiple": True}
    by_json = server.post("Which?", poll=poll).json()
    for shown in (by_form, by_json):
        assert [o["title"] for o in shown["poll"]["options"]] == ["Tea", "Coffee"]
        assert (shown["poll"]["multiple"], shown["poll"]["expired"]) == (True, False)


def upload(server: Server, mime_type: str = "image/jpeg", *, by: dict | None = None) -> httpx.Response:
    file = ("a", b"bytes", mime_type)
    return server.call("POST", "v2/media", files={"file": file}, data={"description": "Alt"}, by=by)


def test_pictures_are_ready_films_are_waited_for_and_each_is_attached_once(server):
    picture = upload(server)
    assert (picture.status_code, picture.json()["description"]) == (200, "Alt")
    film = upload(server, "video/mp4")
    assert (film.status_code, film.json()["url"]) == (202, None)
    name = film.json()["id"]
    assert server.post("Film", media_ids=[name]).status_code == 422
    states = [server.call("GET", f"v1/media/{name}").status_code for _ in range(3)]
    assert states == [206, 200, 200]
    shown = server.post("Film", media_ids=[name]).json()
    assert [(a["id"], a["type"]) for a in shown["media_attachments"]] == [(name, "video")]
    assert server.call("GET", f"v1/media/{name}").status_code == 404
    assert server.post("Again", media_ids=[name]).status_code == 422
    assert upload(server, "text/html").status_code == 422
    stolen = upload(server, by=server.other).json()["id"]
    assert server.post("Not mine", media_ids=[stolen]).status_code == 422


@pytest.mark.parametrize(
    "fields",
    [
        {"status": " "},
        {"status": "x" * 501},
        {"status": "x", "visibility": "friends"},
        {"status": "x", "poll": {"options": ["one"], "expires_in": 300}},
        {"status": "x", "poll": {"options": ["a", "b"], "expires_in": 5}},
        {"status": "x", "poll": {"options": ["a", "a"], "expires_in": 300}},
        {"status": "x", "media_ids": ["1"]},
        {"status": "x", "media_ids": list("12345")},
        {"status": "x", "scheduled_at": "2030-01-01T00:00:00Z"},
    ],
)
def test_refusals_are_in_the_accounts_language(server, fields):
    before = len(server.published()), len(server.published(server.other))
    said = {
        account["language"]: server.call("POST", "v1/statuses", by=account, json=fields)
        for account in (server.owner, server.other)
    }
    assert [answer.status_code for answer in said.values()] == [422, 422]
    assert len({answer.json()["error"] for answer in said.values()}) == 2
    assert (len(server.published()), len(server.published(server.other))) == before


def test_links_count_little(server):
    assert server.post("x" * 470 + " https://example.test/" + "y" * 200).status_code == 200


def test_a_direct_status_is_seen_by_its_author_only(server):
    name = server.post("@ana psst", visibility="direct").json()["id"]
    assert server.call("GET", f"v1/statuses/{name}").status_code == 200
    assert server.call("GET", f"v1/statuses/{name}", by=server.other).status_code == 404
    listing = f"/api/v1/accounts/{server.owner['native_id']}/statuses"
    assert name not in [status["id"] for status in server.http.get(listing).json()]


def test_a_deleted_status_comes_back_with_its_words(server):
    name = server.post("Fish & chips").json()["id"]
    assert server.call("DELETE", f"v1/statuses/{name}", by=server.other).status_code == 404
    gone = server.call("DELETE", f"v1/statuses/{name}").json()
    assert gone["text"] == "Fish & chips"
    assert "content" not in gone
    for method in ("GET", "DELETE"):
        answer = server.call(method, f"v1/statuses/{name}")
        assert (answer.status_code, answer.json()) == (404, {"error": "Record not found"})


def test_trouble_is_a_page_for_people(server):
    server.fault("server_error", status=503)
    for answer in (server.call("GET", "v1/accounts/verify_credentials"), server.call("GET", "v9/nothing")):
        assert answer.status_code in (503, 404)
        assert answer.headers["content-type"].startswith("text/html")
        assert answer.text.startswith("<!DOCTYPE html>")


def test_limits_by_kind_of_call(start):
    server, _ = start("--rate-limits", "real")
    first = server.call("DELETE", "v1/statuses/1")
    assert first.headers["x-ratelimit-limit"] == "30"
    assert first.headers["x-ratelimit-remaining"] == "29"
    reset = datetime.fromisoformat(first.headers["x-ratelimit-reset"])
    assert timedelta(0) < reset - datetime.now(UTC) <= timedelta(minutes=31)
    assert "T" in first.headers["x-ratelimit-reset"]
    for _ in range(29):
        server.call("DELETE", "v1/statuses/1")
    last = server.call("DELETE", "v1/statuses/1")
    assert (last.status_code, last.headers["x-ratelimit-remaining"]) == (429, "0")
    assert server.post("Still").headers["x-ratelimit-limit"] == "300"
    assert server.call("GET", "v1/accounts/verify_credentials").headers["x-ratelimit-remaining"] == str(300 - 33)


# --- our connector -----------------------------------------------------------------------------------------------------


class OneToken:
    def __init__(self, access_token: str) -> None:
        self.access_token = access_token

    async def load(self, account_id: str) -> Token:
        return Token(access_token=self.access_token)

    async def claim_renewal(self, account_id: str, *, expected_version: int, seconds: float) -> bool:
        return True

    async def release_renewal(self, account_id: str, *, expected_version: int) -> None:
        pass


class Folder:
    def read(self, path: str) -> bytes:
        return path.encode()


class WorldClock:
    def __init__(self, server: Server) -> None:
        self._server = server

    def now(self) -> datetime:
        return self._server.now()


@pytest.fixture
async def connected(server: Server):
    """A connector, its account, and a maker of intents."""
    async with httpx.AsyncClient(trust_env=False) as client:
        transport = Transport(
            client,
            MastodonDialect(),
            OneToken(server.owner["access_token"]),
            WorldClock(server),
            patience=Patience(attempts=1, longest_wait=1.0),
            base_url=f"{server.url}/mastodon",
            sleep=no_pause,
        )
        native_id = server.owner["native_id"]
        account = Account(
            account_id=f"mastodon:{native_id}",
            client_id="c",
            network=Network.MASTODON,
            native_id=native_id,
            handle=server.owner["handle"],
            base_url="https://unreachable.invalid",
        )
        numbers = iter(range(1000))

        def intent(text: str, **changes: Any) -> PublishRequest:
            fields = {
                "intent_id": f"{text}/{next(numbers)}",
                "account": account,
                "text": text,
                "content_format": ContentFormat.TEXT,
                "created_at": server.now(),
            }
            return PublishRequest(**(fields | changes))

        yield MastodonConnector(transport, Folder()), account, intent


async def no_pause(seconds: float) -> None:
    del seconds


async def staged(connector: MastodonConnector, request: PublishRequest) -> Staging:
    staging = connector.prepare(request)
    while not staging.is_complete:
        staging = await connector.stage(request, Staging.model_validate_json(staging.model_dump_json()))
    return staging


async def refusal_of(coroutine: Any) -> NetworkError:
    with pytest.raises(NetworkError) as caught:
        await coroutine
    return caught.value


def count_of(server: Server, text: str) -> int:
    return sum(post["text"] == text for post in server.published())


def media(kind: str = "image/jpeg") -> Media:
    shape = {"width": 10, "height": 10, "size_bytes": 5, "sha256": "a" * 64}
    return Media(media_id="m", path="media/m", mime_type=kind, alt_text="Alt", **shape)


async def test_the_world_is_read_as_it_is(server, connected):
    connector, account, _ = connected
    profile = await connector.profile(account)
    assert profile.followers is not None
    pages = [page async for page in connector.posts(account, since=None)]
    posts = {post.native_id: post for page in pages for post in page.posts}
    truth = server.admin.get("/posts", params={"native_account_id": account.native_id}).json()
    assert {p["native_id"]: p["text"] for p in truth if p["origin"] == "history"} == {
        name: post.text
        for name, post in posts.items()
        if name in {p["native_id"] for p in truth if p["origin"] == "history"}
    }
    metrics = {(m.post_id, m.metric): m.value for page in pages for m in page.metrics}
    read = await connector.post_metrics(account, list(posts.values())[:3])
    assert {(m.post_id, m.metric): m.value for m in read}.items() <= metrics.items()
    commented = max(posts.values(), key=lambda p: metrics[p.post_id, "comments"])
    comments = [c async for page in connector.comments(account, commented) for c in page]
    assert len(comments) == metrics[commented.post_id, "comments"] > 0
    assert len({c.native_id for c in comments}) == len(comments)


@pytest.mark.parametrize(
    ("text", "changes", "posts"),
    [
        ("Plain & simple: https://www.example.test/a/very/long/path/to/something #here @ana@far.example", {}, 1),
        ("A picture", {"content_format": ContentFormat.IMAGE, "media": (media(),)}, 1),
        ("A film", {"content_format": ContentFormat.VIDEO, "media": (media("video/mp4"),)}, 1),
        ("A thread", {"options": PublishOptions(thread=("its second", "its third"))}, 3),
        ("Well?", {"options": PublishOptions(poll=Poll(choices=("Yes", "No"), open_minutes=60))}, 1),
        ("For few", {"options": PublishOptions(privacy="direct")}, 1),
    ],
)
@pytest.mark.parametrize("trouble", ["disconnect_after_commit", "disconnect_before_commit", "server_error", "read_lag"])
async def test_whatever_is_published_is_there_once(server, connected, text, changes, posts, trouble):
    connector, _, intent = connected
    text = f"{text} {trouble}"
    request = intent(text, **changes)
    staging = await staged(connector, request)
    before = len(server.published())
    after = {"after_commit": True} if trouble == "server_error" else {}
    server.fault(trouble if trouble != "read_lag" else "disconnect_after_commit", "publish", **after)
    if trouble == "read_lag":
        server.fault("read_lag", "read", times=None, seconds=3600)
    assert (await refusal_of(connector.commit(request, staging))).error_class is ErrorClass.AMBIGUOUS
    found = await connector.find_published(request, staging)
    is_seen = posts == 1 and trouble in ("disconnect_after_commit", "server_error")
    is_begun = posts > 1 and trouble in ("disconnect_after_commit", "server_error")
    assert found.outcome == ("published" if is_seen else "undecided" if is_begun else "absent")
    if not is_seen:
        assert found.is_repeat_harmless
        receipt = await connector.commit(request, staging)
        server.heal()
        found = await connector.find_published(request, staging)
        assert found.receipt.native_id == receipt.native_id
    assert count_of(server, text) == 1
    assert len(server.published()) == before + posts
    shown = server.call("GET", f"v1/statuses/{found.receipt.native_id}").json()
    assert shown["url"] == found.receipt.permalink


async def test_a_server_without_keys_gets_nothing_twice(server, connected):
    connector, _, intent = connected
    server.fault("guard_off", times=None)
    request = intent("No keys")
    staging = await staged(connector, request)
    server.fault("disconnect_after_commit", "publish")
    await refusal_of(connector.commit(request, staging))
    assert (await connector.find_published(request, staging)).outcome == "published"
    request = intent("No keys, not sent")
    staging = await staged(connector, request)
    server.fault("disconnect_before_commit", "publish")
    await refusal_of(connector.commit(request, staging))
    found = await connector.find_published(request, staging)
    assert (found.outcome, found.is_repeat_harmless) == ("absent", False)
    assert count_of(server, "No keys") == 1


async def test_an_answer_is_given_below_the_comment_to_its_author(server, connected):
    connector, account, intent = connected
    pages = [page async for page in connector.posts(account, since=None)]
    found = [
        (post, comment)
        for page in pages
        for post in page.posts
        async for comments in connector.comments(account, post)
        for comment in comments
        if not comment.is_own
    ]
    post, comment = found[0]
    request = intent("Thank you!", reply_to_native_comment_id=comment.native_id, reply_to_native_post_id=post.native_id)
    receipt = await connector.commit(request, await staged(connector, request))
    comments = {c.native_id: c for c in [c async for page in connector.comments(account, post) for c in page]}
    answer = comments[receipt.native_id]
    assert (answer.parent_comment_id, answer.is_own) == (comment.comment_id, True)
    assert answer.text.startswith(f"@{comment.author_handle.partition('@')[0]}")
    ancestors = server.call("GET", f"v1/statuses/{receipt.native_id}/context").json()["ancestors"]
    assert [a["id"] for a in ancestors] == [post.native_id, comment.native_id]


async def test_a_deliberate_repost_is_another_post(server, connected):
    connector, _, intent = connected
    names = []
    for _ in range(2):
        request = intent("Every Monday", claimed_native_ids=tuple(names))
        staging = await staged(connector, request)
        server.fault("disconnect_after_commit", "publish")
        await refusal_of(connector.commit(request, staging))
        names.append((await connector.find_published(request, staging)).receipt.native_id)
    assert len(set(names)) == count_of(server, "Every Monday") == 2


async def test_deleting(server, connected):
    connector, account, intent = connected
    request = intent("Short-lived")
    receipt = await connector.commit(request, await staged(connector, request))
    await connector.delete(account, receipt.native_id)
    await connector.delete(account, receipt.native_id)
    assert count_of(server, "Short-lived") == 0


async def test_a_limit_is_waited_for(server, connected):
    connector, account, _ = connected
    server.fault("rate_limit", "read", retry_after_seconds=600)
    error = await refusal_of(connector.profile(account))
    assert error.error_class is ErrorClass.RATE
    assert timedelta(seconds=500) < error.retry_at - datetime.now(UTC) <= timedelta(seconds=603)
    again = await refusal_of(connector.profile(account))
    assert (again.error_class, again.code) == (ErrorClass.RATE, "budget")


async def test_noise_in_answers_changes_nothing(server, connected):
    connector, account, _ = connected
    quiet = [p async for page in connector.posts(account, since=None) for p in page.posts]
    server.fault("unknown_fields", times=None)
    server.fault("empty_page", "read", method="statuses")
    server.fault("duplicate_answer", "read", times=None)
    noisy = [p async for page in connector.posts(account, since=None) for p in page.posts]
    assert [(p.native_id, p.text) for p in noisy] == [(p.native_id, p.text) for p in quiet]


async def test_a_token_that_ends_has_to_be_replaced_by_a_person(start):
    server, sandbox = start()
    async with httpx.AsyncClient(trust_env=False) as client:
        tokens = OneToken(server.owner["access_token"])
        base_url = f"{server.url}/mastodon"
        transport = Transport(client, MastodonDialect(), tokens, WorldClock(server), base_url=base_url)
        connector = MastodonConnector(transport, Folder())
        account = Account(
            account_id="mastodon:1",
            client_id="c",
            network=Network.MASTODON,
            native_id="1",
            handle="h",
            base_url="http://x",
        )
        server.fault("expire_token", "read")
        assert (await refusal_of(connector.profile(account))).error_class is ErrorClass.AUTH
        assert (await refusal_of(connector.refresh_token(account))).error_class is ErrorClass.AUTH
        tokens.access_token = start(process=sandbox)[0].owner["access_token"]
        assert (await connector.profile(account)).native_id == server.owner["native_id"]
