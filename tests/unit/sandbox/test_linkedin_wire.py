"""LinkedIn over real HTTP: what a bare client is told, and Pulso's connector at work against it, faults included."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from contracts.clock import FixedClock
from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat, Network
from contracts.records import Account, Media, Poll, Post, PublishOptions, PublishRequest, Staging, Token
from platforms._http import Patience, Transport
from platforms.linkedin.client import API_VERSION, LinkedInApp, LinkedInConnector, LinkedInDialect
from platforms.linkedin.little_text import escape, unescape
from platforms.linkedin.restli import query, write
from sandbox.networks import linkedin_restli as restli
from sandbox.networks import linkedin_text as little_text

NOW = datetime(2026, 5, 30, 6, tzinfo=UTC)
MP4 = b"\x00\x00\x00\x18ftypmp42" + bytes(4_194_304 + 500)


class Page:
    """A page of the sandbox's LinkedIn and a bare client that speaks for it."""

    def __init__(self, sandbox: Any, account: dict[str, Any]) -> None:
        self.sandbox, self.account, self.urn = sandbox, account, account["native_id"]

    def ask(self, path: str, method: str = "GET", *, headers: dict[str, str] | None = None, **kwargs: Any) -> Any:
        sent = {
            "authorization": f"Bearer {self.account['access_token']}",
            "linkedin-version": API_VERSION,
            "x-restli-protocol-version": "2.0.0",
        }
        sent = {name: value for name, value in (sent | (headers or {})).items() if value}
        return self.sandbox.http.request(method, f"/linkedin/rest{path}", headers=sent, **kwargs)

    def body(self, text: str = "Hello", **changes: Any) -> dict[str, Any]:
        fields = {"author": self.urn, "commentary": text, "visibility": "PUBLIC", "lifecycleState": "PUBLISHED"}
        channels = {"targetEntities": [], "thirdPartyDistributionChannels": []}
        return {**fields, "distribution": {"feedDistribution": "MAIN_FEED", **channels}, **changes}

    def publish(self, text: str = "Hello", **changes: Any) -> Any:
        return self.ask("/posts", "POST", json=self.body(text, **changes))

    def listing(self, **params: Any) -> Any:
        return self.ask(query("/posts", {"author": self.urn, "q": "author", "sortBy": "LAST_MODIFIED", **params}))

    def api_posts(self) -> list[dict[str, Any]]:
        return self.sandbox.posts(native_account_id=self.urn, origin="api")


def encoded(urn: str) -> str:
    return quote(urn, safe="")


@pytest.fixture(scope="module")
def pages(shared_process: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Iterator[Page]]:
    """Pages of one sandbox with a crowd, each handed out once."""
    sandbox = type(shared_process)(tmp_path_factory.mktemp("linkedin"), "--crowd", "450")
    found = [a for a in sandbox.accounts() if a["network"] == "linkedin" and a["handle"].startswith("crowd")]
    yield iter([Page(sandbox, account) for account in found])
    sandbox.stop()


@pytest.fixture
def page(pages: Iterator[Page]) -> Iterator[Page]:
    """A page that no other test uses; its sandbox's clock is not to be moved."""
    page = next(pages)
    yield page
    page.sandbox.http.delete("/_sandbox/faults")


@pytest.fixture
def own_page(start_sandbox: Callable[..., Any]) -> Callable[..., Page]:
    """A page of a sandbox of the test's own."""

    def start(*options: str) -> Page:
        sandbox = start_sandbox("--crowd", "18", *options)
        return Page(sandbox, sandbox.account("linkedin", "crowd"))

    return start


# --- a bare client -------------------------------------------------------------------------------------------------------


def test_version_protocol_token_and_encoding_are_demanded(page: Page) -> None:
    urn = encoded(page.urn)
    size = f"/networkSizes/{urn}?edgeType=COMPANY_FOLLOWED_BY_MEMBER"
    assert page.ask(size).json()["firstDegreeSize"] > 0
    for headers, status, code in (
        ({"linkedin-version": ""}, 400, "VERSION_MISSING"),
        ({"linkedin-version": "202301"}, 426, "NONEXISTENT_VERSION"),
        ({"linkedin-version": "202699"}, 426, "NONEXISTENT_VERSION"),
        ({"x-restli-protocol-version": ""}, 400, "ILLEGAL_ARGUMENT"),
        ({"authorization": "Bearer nonsense"}, 401, "INVALID_ACCESS_TOKEN"),
        ({"authorization": ""}, 401, "EMPTY_ACCESS_TOKEN"),
    ):
        refusal = page.ask(size, headers=headers)
        assert (refusal.status_code, refusal.json()["status"], refusal.json()["code"]) == (status, status, code)
    assert page.ask(f"/networkSizes/{page.urn}?edgeType=COMPANY_FOLLOWED_BY_MEMBER").status_code == 400
    assert page.ask(f"/posts?q=author&author={page.urn}").status_code == 400
    assert page.ask("/nowhere").json()["code"] == "RESOURCE_NOT_FOUND"


@pytest.mark.reference_data
def test_answers_have_the_fields_of_the_recordings(page: Page, recorded_exchanges: Any) -> None:
    def recorded(name: str) -> Any:
        return json.loads((recorded_exchanges / "linkedin" / f"{name}.json").read_text())["response"]["body"]

    number, urn = page.urn.rpartition(":")[2], encoded(page.urn)
    organization = page.ask(f"/organizations/{number}").json()
    assert recorded("manual_01_organization_lookup").keys() <= organization.keys()
    sizes = page.ask(f"/networkSizes/{urn}?edgeType=COMPANY_FOLLOWED_BY_MEMBER").json()
    assert sizes.keys() == recorded("manual_04_network_sizes").keys()
    for path, name in (
        ("organizationalEntityFollowerStatistics", "manual_02_follower_statistics_lifetime"),
        ("organizationalEntityShareStatistics", "manual_03_share_statistics_lifetime"),
    ):
        answer = page.ask(f"/{path}?q=organizationalEntity&organizationalEntity={urn}").json()
        expected = recorded(name)
        assert answer.keys() == expected.keys()
        assert answer["elements"][0].keys() == expected["elements"][0].keys()
        inner = expected["elements"][0].get("totalShareStatistics")
        assert inner is None or answer["elements"][0]["totalShareStatistics"].keys() == inner.keys()
    refusal = page.ask(
        "/posts", "POST", json={k: v for k, v in page.body().items() if k not in ("author", "commentary")}
    )
    assert (refusal.status_code, refusal.json()) == (422, recorded("manual_06_err_422_validation"))


def test_a_post_has_an_empty_answer_its_id_in_a_header_and_can_be_read_listed_and_deleted(page: Page) -> None:
    answer = page.publish(r"Aberto \(hoje\) #café")
    urn = answer.headers["x-restli-id"]
    assert (answer.status_code, answer.content, urn.rpartition(":")[0]) == (201, b"", "urn:li:share")
    post = page.ask(f"/posts/{encoded(urn)}").json()
    assert (post["id"], post["author"], post["lifecycleState"]) == (urn, page.urn, "PUBLISHED")
    assert post["commentary"] == r"Aberto \(hoje\) {hashtag|\#|café}"
    assert [shown["text"] for shown in page.api_posts()] == ["Aberto (hoje) #café"]
    assert page.listing(count=1, start=0).json()["elements"] == [post]
    assert page.ask(f"/posts/{encoded(urn)}", "DELETE").status_code == 204
    assert page.ask(f"/posts/{encoded(urn)}").status_code == 404
    assert page.ask(f"/posts/{encoded(urn)}", "DELETE").status_code == 204


def test_what_is_not_escaped_is_cut_off_without_a_word(page: Page) -> None:
    assert page.publish("One (two) three").status_code == 201
    assert [post["text"] for post in page.api_posts()] == ["One "]


def test_pages_lead_through_all_posts_by_offset_and_end(page: Page) -> None:
    seen: list[str] = []
    path: str | None = query("/posts", {"author": page.urn, "q": "author", "count": 7})
    while path:
        answer = page.ask(path).json()
        seen += [post["id"] for post in answer["elements"]]
        links = answer["paging"]["links"]
        path = links[0]["href"].removeprefix("/rest") if links else None
    history = page.sandbox.posts(native_account_id=page.urn)
    assert seen == [post["native_id"] for post in sorted(history, key=lambda p: p["created_at"], reverse=True)]
    assert page.listing(count=101).status_code == 400
    stranger = next(a for a in page.sandbox.accounts() if a["network"] == "linkedin" and a["native_id"] != page.urn)
    refusal = page.ask(query("/posts", {"author": stranger["native_id"], "q": "author"}))
    assert (refusal.status_code, refusal.json()["serviceErrorCode"]) == (403, 100)


def test_the_same_text_is_refused_naming_the_live_post_until_the_window_or_the_guard_is_gone(
    own_page: Callable[..., Page],
) -> None:
    page = own_page()
    first = page.publish("Twice").headers["x-restli-id"]
    refusal = page.publish("Twice")
    assert (refusal.status_code, refusal.json()["message"]) == (422, f"Content is a duplicate of {first}")
    page.sandbox.fault(network="linkedin", operation="publish", kind="guard_off", times=1)
    assert page.publish("Twice").status_code == 201
    page.sandbox.advance(3600)
    assert page.publish("Twice").status_code == 201
    assert page.publish("").status_code == page.publish("").status_code == 201
    assert len(page.api_posts()) == 5


@pytest.mark.parametrize(
    "content",
    [
        {"media": {"id": "urn:li:image:unknown"}},
        {"multiImage": {"images": []}},
        {"article": {"source": "https://x.example"}},
        {"poll": {"question": "?", "options": [{"text": "a"}], "settings": {"duration": "ONE_DAY"}}},
        {"poll": {"question": "?", "options": [{"text": "a"}, {"text": "b"}], "settings": {"duration": "ONE_YEAR"}}},
        {"media": {}, "poll": {}},
        {"hologram": {}},
    ],
)
def test_content_that_can_not_be_is_refused(page: Page, content: dict[str, Any]) -> None:
    assert page.publish(content=content).status_code in (400, 422)
    assert page.api_posts() == []


def test_an_image_can_be_named_only_once_it_is_available(page: Page, jpeg: bytes) -> None:
    wanted = {"initializeUploadRequest": {"owner": page.urn}}
    ticket = page.ask("/images?action=initializeUpload", "POST", json=wanted).json()["value"]
    path = f"/images/{encoded(ticket['image'])}"
    assert page.ask(path).json()["status"] == "WAITING_UPLOAD"
    token = {"authorization": f"Bearer {page.account['access_token']}"}
    assert page.sandbox.http.put(ticket["uploadUrl"], content=jpeg, headers=token).status_code == 400
    assert page.sandbox.http.put(ticket["uploadUrl"] + "x", content=jpeg).status_code == 404
    assert page.sandbox.http.put(ticket["uploadUrl"], content=jpeg).status_code == 201
    content = {"media": {"id": ticket["image"], "altText": "navy"}}
    assert page.publish(content=content).status_code == 400
    assert [page.ask(path).json()["status"] for _ in range(3)] == ["PROCESSING", "AVAILABLE", "AVAILABLE"]
    urn = page.publish(content=content).headers["x-restli-id"]
    assert page.ask(f"/posts/{encoded(urn)}").json()["content"] == content
    spoilt = page.ask("/images?action=initializeUpload", "POST", json=wanted).json()["value"]
    page.sandbox.http.put(spoilt["uploadUrl"], content=b"no picture")
    path = f"/images/{encoded(spoilt['image'])}"
    assert [page.ask(path).json()["status"] for _ in range(2)] == ["PROCESSING", "PROCESSING_FAILED"]


def test_a_video_needs_all_its_parts_and_their_etags_in_order(page: Page) -> None:
    wanted = {"owner": page.urn, "fileSizeBytes": len(MP4), "uploadCaptions": False, "uploadThumbnail": False}
    answer = page.ask("/videos?action=initializeUpload", "POST", json={"initializeUploadRequest": wanted})
    ticket = answer.json()["value"]
    parts = ticket["uploadInstructions"]
    assert [(part["firstByte"], part["lastByte"]) for part in parts] == [(0, 4_194_303), (4_194_304, len(MP4) - 1)]

    def finalize(etags: list[str]) -> int:
        body = {"video": ticket["video"], "uploadToken": ticket["uploadToken"], "uploadedPartIds": etags}
        answer = page.ask("/videos?action=finalizeUpload", "POST", json={"finalizeUploadRequest": body})
        return answer.status_code

    assert page.sandbox.http.put(parts[0]["uploadUrl"], content=MP4).status_code == 400, "too long for one part"
    etags = [
        page.sandbox.http.put(p["uploadUrl"], content=MP4[p["firstByte"] : p["lastByte"] + 1])
        .headers["etag"]
        .strip('"')
        for p in parts
    ]
    assert [finalize([]), finalize(etags[::-1]), finalize(etags), finalize(etags)] == [400, 400, 200, 400]
    path = f"/videos/{encoded(ticket['video'])}"
    assert [page.ask(path).json()["status"] for _ in range(4)] == ["PROCESSING"] * 3 + ["AVAILABLE"]
    urn = page.publish("A film", content={"media": {"id": ticket["video"]}}).headers["x-restli-id"]
    assert urn.startswith("urn:li:ugcPost:")
    statistics = {"q": "organizationalEntity", "organizationalEntity": page.urn}
    right = page.ask(query("/organizationalEntityShareStatistics", {**statistics, "ugcPosts": [urn]}))
    assert [element["ugcPost"] for element in right.json()["elements"]] == [urn]
    wrong = page.ask(query("/organizationalEntityShareStatistics", {**statistics, "shares": [urn]}))
    assert (wrong.status_code, wrong.json()["serviceErrorCode"]) == (403, 100)


def test_statistics_reach_back_a_year_and_a_retired_one_is_gone(page: Page) -> None:
    def days(start: datetime, end: datetime) -> Any:
        span = {"start": int(start.timestamp() * 1000), "end": int(end.timestamp() * 1000)}
        asked = {"q": "organizationalEntity", "organizationalEntity": page.urn}
        asked |= {"timeIntervals": {"timeRange": span, "timeGranularityType": "DAY"}}
        return page.ask(query("/organizationalEntityShareStatistics", asked))

    week = days(NOW - timedelta(days=7), NOW + timedelta(days=1)).json()["elements"]
    starts = [datetime.fromtimestamp(element["timeRange"]["start"] / 1000, UTC) for element in week]
    assert starts == [datetime(2026, 5, day, tzinfo=UTC) for day in range(24, 30)], "whole and finished UTC days"
    assert sum(element["totalShareStatistics"]["impressionCount"] for element in week) > 0
    assert days(NOW - timedelta(days=400), NOW).status_code == 400
    page.sandbox.fault(network="linkedin", kind="retired_metric", params={"metric": "clickCount"}, times=1)
    shown = days(NOW - timedelta(days=2), NOW).json()["elements"][0]["totalShareStatistics"]
    assert "clickCount" not in shown
    assert "likeCount" in shown


def test_comments_are_answered_below_their_own_urn(page: Page) -> None:
    commented = next(
        post["native_id"]
        for post in page.sandbox.posts(native_account_id=page.urn)
        if page.ask(f"/socialActions/{encoded(post['native_id'])}/comments").json()["elements"]
    )
    path = f"/socialActions/{encoded(commented)}/comments"
    theirs = page.ask(path).json()["elements"][0]
    assert theirs["actor"].startswith("urn:li:person:")
    assert theirs["commentUrn"] == f"urn:li:comment:({commented},{theirs['id']})"
    below = f"/socialActions/{encoded(theirs['commentUrn'])}/comments"
    assert page.ask(below).json()["elements"] == []
    body = {"actor": page.urn, "object": commented, "message": {"text": "Thank you"}}
    assert page.ask(below, "POST", json=body).status_code == 400, "a reply names its parent"
    answer = page.ask(below, "POST", json={**body, "parentComment": theirs["commentUrn"]})
    assert (answer.status_code, answer.headers["x-restli-id"]) == (201, answer.json()["id"])
    assert [c["message"]["text"] for c in page.ask(below).json()["elements"]] == ["Thank you"]
    counted = next(c for c in page.ask(path).json()["elements"] if c["id"] == theirs["id"])
    assert counted["commentsSummary"]["totalFirstLevelComments"] == 1
    actor = f"actor={encoded(page.urn)}"
    assert page.ask(f"{path}/{answer.json()['id']}?{actor}", "DELETE").status_code == 204
    assert page.ask(f"{path}/{answer.json()['id']}?{actor}", "DELETE").status_code == 404
    assert page.ask(below).json()["elements"] == []


def test_limits_are_per_day_and_say_nothing_before(own_page: Callable[..., Page]) -> None:
    page = own_page("--rate-limits", "real")
    path = f"/networkSizes/{encoded(page.urn)}?edgeType=COMPANY_FOLLOWED_BY_MEMBER"
    answers = [page.ask(path) for _ in range(2_001)]
    assert [answer.status_code for answer in answers[-2:]] == [200, 429]
    assert not [name for name in answers[0].headers if "limit" in name or "remaining" in name or name == "retry-after"]
    assert answers[-1].json()["serviceErrorCode"] == 101


def test_what_was_written_survives_a_kill(own_page: Callable[..., Page]) -> None:
    page = own_page()
    urn = page.publish("Durable").headers["x-restli-id"]
    page.sandbox.restart()
    assert page.ask(f"/posts/{encoded(urn)}").json()["commentary"] == "Durable"
    assert page.publish("Durable").status_code == 422


# --- Pulso's connector at work -------------------------------------------------------------------------------------------


class Tokens:
    """`contracts.ports.TokenStore` in memory."""

    def __init__(self, account: dict[str, Any]) -> None:
        self.token = Token(access_token=account["access_token"], refresh_token=account["refresh_token"])

    async def load(self, account_id: str) -> Token:
        return self.token

    async def save(self, account_id: str, token: Token, *, expected_version: int) -> Token:
        assert expected_version == self.token.version
        self.token = token.model_copy(update={"version": expected_version + 1})
        return self.token

    async def claim_renewal(self, account_id: str, *, expected_version: int, seconds: float) -> bool:
        return expected_version == self.token.version

    async def release_renewal(self, account_id: str, *, expected_version: int) -> None:
        """Nobody else wants it."""


class Files(dict[str, bytes]):
    """`contracts.ports.MediaReader` over a dictionary."""

    def read(self, path: str) -> bytes:
        return self[path]

    def add(self, name: str, content: bytes, mime_type: str) -> Media:
        self[name] = content
        sizes = {"width": 1080, "height": 1080, "size_bytes": len(content), "sha256": "0" * 64}
        return Media(media_id=name, path=name, mime_type=mime_type, alt_text=f"A {name}", **sizes)


@asynccontextmanager
async def connected(page: Page, files: Files | None = None) -> AsyncIterator[tuple[LinkedInConnector, Account, Tokens]]:
    """A connector to the sandbox, as a process of its own."""

    async def at_once(seconds: float) -> None:
        """Polls need no rest here."""

    tokens = Tokens(page.account)
    secret = SecretStr(page.account["app_secret"])
    app = LinkedInApp(client_id=page.account["app_id"], client_secret=secret)
    account = Account(
        account_id=f"linkedin:{page.urn}",
        client_id="harbor",
        network=Network.LINKEDIN,
        native_id=page.urn,
        handle=page.account["handle"],
        base_url=f"{page.sandbox.url}/linkedin",
    )
    async with httpx.AsyncClient(trust_env=False) as client:
        clock, patience = FixedClock(NOW), Patience(timeout=10.0)
        transport = Transport(client, LinkedInDialect(app), tokens, clock, patience=patience, sleep=at_once)
        yield LinkedInConnector(transport, files if files is not None else Files()), account, tokens


def intent(account: Account, text: str, **changes: Any) -> PublishRequest:
    fields: dict[str, Any] = {"intent_id": "i/a/1", "content_format": ContentFormat.TEXT, "created_at": NOW}
    return PublishRequest(account=account, text=text, **(fields | changes))


async def staged(connector: LinkedInConnector, request: PublishRequest) -> Staging:
    staging = connector.prepare(request)
    while not staging.is_complete:
        staging = await connector.stage(request, staging)
    return staging


async def read_back(connector: LinkedInConnector, account: Account) -> list[Post]:
    return [post async for listed in connector.posts(account, since=None) for post in listed.posts]


async def test_every_format_is_published_and_reads_back_as_meant(page: Page, jpeg: bytes) -> None:
    files = Files()
    pictures = [files.add(name, jpeg, "image/jpeg") for name in ("one", "two")]
    film = files.add("film", MP4, "video/mp4")
    link = PublishOptions(link="https://x.example/a_b", title="Read (this)")
    poll = PublishOptions(poll=Poll(choices=("Yes", "No"), open_minutes=24 * 60))
    texts = {format_: f"{format_} * (all) #{format_} @x <y>" for format_ in ContentFormat}
    wanted: list[tuple[ContentFormat, dict[str, Any]]] = [
        (ContentFormat.TEXT, {}),
        (ContentFormat.IMAGE, {"media": pictures[:1]}),
        (ContentFormat.CAROUSEL, {"media": pictures}),
        (ContentFormat.VIDEO, {"media": [film]}),
        (ContentFormat.LINK, {"options": link}),
        (ContentFormat.ARTICLE, {"options": link, "media": pictures[:1]}),
        (ContentFormat.POLL, {"options": poll}),
    ]
    async with connected(page, files) as (connector, account, _):
        assert {format_ for format_, _ in wanted} == connector.capabilities.formats
        receipts = {}
        for format_, changes in wanted:
            request = intent(account, texts[format_], content_format=format_, intent_id=format_.value, **changes)
            receipts[format_] = await connector.commit(request, await staged(connector, request))
        found = {post.native_id: post for post in await read_back(connector, account)}
        for format_, receipt in receipts.items():
            post = found[receipt.native_id]
            assert (post.content_format, post.text, post.permalink) == (format_, texts[format_], receipt.permalink)
        points = await connector.post_metrics(account, list(found.values()))
        assert {point.post_id for point in points} == {post.post_id for post in found.values()}
        await connector.delete(account, receipts[ContentFormat.TEXT].native_id)
        assert len(await read_back(connector, account)) == len(found) - 1


async def test_profile_counts_days_and_comments_are_the_worlds(page: Page) -> None:
    async with connected(page) as (connector, account, _):
        snapshot = await connector.profile(account)
        assert (snapshot.handle, snapshot.native_id) == (page.account["handle"], page.urn)
        assert snapshot.followers
        posts = await read_back(connector, account)
        truth = {post["native_id"]: post for post in page.sandbox.posts(native_account_id=page.urn)}
        assert {post.native_id: post.text for post in posts} == {urn: post["text"] for urn, post in truth.items()}
        points = await connector.post_metrics(account, posts[:60])
        assert {point.metric for point in points} == set(connector.capabilities.post_metrics)
        days = await connector.account_metrics(account, start=date(2026, 5, 20), end=date(2026, 5, 29))
        assert {point.metric for point in days} == set(connector.capabilities.account_metrics)
        assert len({point.day for point in days}) == 10
        counted = {point.post_id: point.value for point in points if point.metric == "comments"}
        for post in posts[-5:]:
            found = [c async for page_ in connector.comments(account, post) for c in page_]
            assert all(not comment.is_own and comment.text for comment in found)
            assert post.post_id not in counted or len(found) <= counted[post.post_id]


async def test_awkward_answers_lose_and_double_nothing(page: Page) -> None:
    async with connected(page) as (connector, account, _):
        expected = [post.native_id for post in await read_back(connector, account)]
        for kind in ("empty_page", "duplicate_answer", "unknown_fields"):
            page.sandbox.fault(network="linkedin", operation="read", kind=kind, times=1)
            assert [post.native_id for post in await read_back(connector, account)] == expected


@pytest.mark.parametrize("fault", ["disconnect_after_commit", "server_error"])
@pytest.mark.parametrize("is_guarded", [True, False])
async def test_a_lost_answer_leaves_exactly_one_post(page: Page, fault: str, is_guarded: bool) -> None:
    if not is_guarded:
        page.sandbox.fault(network="linkedin", operation="publish", kind="guard_off")
    async with connected(page) as (connector, account, _):
        request = intent(account, "Only (once) #ever")
        staging = await staged(connector, request)
        params = {"after_commit": True} if fault == "server_error" else {}
        page.sandbox.fault(network="linkedin", operation="publish", kind=fault, times=1, params=params)
        with pytest.raises(NetworkError) as caught:
            await connector.commit(request, staging)
        assert caught.value.error_class is ErrorClass.AMBIGUOUS
    async with connected(page) as (connector, account, _):
        found = await connector.find_published(request, staging)
    assert found.outcome == "published"
    assert [post["native_id"] for post in page.api_posts()] == [found.receipt.native_id]


async def test_a_commit_cut_before_it_landed_is_not_invented(page: Page) -> None:
    async with connected(page) as (connector, account, _):
        request = intent(account, "Never there")
        staging = await staged(connector, request)
        page.sandbox.fault(network="linkedin", operation="publish", kind="disconnect_before_commit", times=1)
        with pytest.raises(NetworkError):
            await connector.commit(request, staging)
        assert (await connector.find_published(request, staging)).outcome == "absent"
        assert page.api_posts() == []


async def test_a_named_duplicate_is_adopted_while_the_listing_lags(page: Page) -> None:
    async with connected(page) as (connector, account, _):
        request = intent(account, "Slow to show")
        staging = await staged(connector, request)
        page.sandbox.fault(network="linkedin", operation="publish", kind="duplicate_answer", times=1)
        page.sandbox.fault(network="linkedin", operation="read", kind="read_lag", params={"seconds": 3600})
        with pytest.raises(NetworkError) as caught:
            await connector.commit(request, staging)
        assert caught.value.error_class is ErrorClass.DUPLICATE
        found = await connector.find_published(request, staging)
    assert found.outcome == "published"
    assert [post["native_id"] for post in page.api_posts()] == [found.receipt.native_id]


async def test_a_reply_whose_answer_is_lost_is_found(page: Page) -> None:
    async with connected(page) as (connector, account, _):
        for post in reversed(await read_back(connector, account)):
            comments = [c async for found in connector.comments(account, post) for c in found]
            if comments:
                break
        request = intent(account, "Thanks (a lot)!", reply_to_native_comment_id=comments[0].native_id)
        staging = await staged(connector, request)
        page.sandbox.fault(network="linkedin", operation="reply", kind="disconnect_after_commit", times=1)
        with pytest.raises(NetworkError) as caught:
            await connector.commit(request, staging)
        assert caught.value.error_class is ErrorClass.AMBIGUOUS
        found = await connector.find_published(request, staging)
        own = [c async for listed in connector.comments(account, post) for c in listed if c.is_own]
        assert [(c.native_id, c.text, c.parent_comment_id) for c in own] == [
            (found.receipt.native_id, "Thanks (a lot)!", comments[0].comment_id)
        ]
        await connector.delete(account, own[0].native_id)
        left = [c async for listed in connector.comments(account, post) for c in listed if c.is_own]
        assert left == []


async def test_an_expired_token_is_renewed_and_a_commit_left_to_be_sent_again(page: Page) -> None:
    async with connected(page) as (connector, account, tokens):
        request = intent(account, "After renewal")
        staging = await staged(connector, request)
        page.sandbox.fault(network="linkedin", operation="publish", kind="expire_token", times=1)
        with pytest.raises(NetworkError) as caught:
            await connector.commit(request, staging)
        assert caught.value.error_class is ErrorClass.TRANSIENT
        assert tokens.token.version == 1
        assert tokens.token.refresh_token == page.account["refresh_token"]
        await connector.commit(request, staging)
        page.sandbox.fault(network="linkedin", operation="read", kind="expire_token", times=1)
        await connector.profile(account)
        assert tokens.token.version == 2
    assert [post["text"] for post in page.api_posts()] == ["After renewal"]


async def test_a_rate_limit_at_the_commit_says_when_and_writes_nothing(page: Page) -> None:
    async with connected(page) as (connector, account, _):
        request = intent(account, "Later")
        staging = await staged(connector, request)
        params = {"retry_after_seconds": 90}
        page.sandbox.fault(network="linkedin", operation="publish", kind="rate_limit", times=1, params=params)
        with pytest.raises(NetworkError) as caught:
            await connector.commit(request, staging)
        assert (caught.value.error_class, caught.value.code) == (ErrorClass.RATE, "101")
        assert caught.value.retry_at > datetime.now(UTC) + timedelta(seconds=60)
    assert page.api_posts() == []


# --- two readings of one format ------------------------------------------------------------------------------------------

TEXTS = st.text(st.sampled_from("ab1 é#_\\|{}@[]()<>*~\n"), max_size=40)
VALUES = st.recursive(
    st.text("aé:(),%&=+ '", max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab:", min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(TEXTS)
def test_what_the_connector_escapes_the_network_shows_whole(text: str) -> None:
    assert little_text.read(escape(text))[0] == text


@given(TEXTS)
def test_what_was_written_by_hand_reads_the_same(text: str) -> None:
    assert unescape(little_text.write(text)) == text


@given(VALUES)
def test_what_the_connector_writes_the_network_reads(value: Any) -> None:
    assert restli.read(write(value)) == value


@pytest.mark.parametrize(
    "text", ["urn:li:share:1", "List(a", "(a)", "(a:b", "a)", "List(a,b))", "List(urn:li:share:1)"]
)
def test_what_is_no_restli_is_refused(text: str) -> None:
    with pytest.raises(restli.RestliError):
        restli.read(text)
