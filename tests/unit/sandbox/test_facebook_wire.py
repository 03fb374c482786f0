"""Facebook Pages over real HTTP: the wire by itself, and our connector over it: published once whatever gets lost."""

import hmac
import io
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from pydantic import SecretStr
from starlette.testclient import TestClient

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat, Network
from contracts.records import Account, Media, PublishOptions, PublishRequest, Staging, Token
from platforms import SandboxClock
from platforms._graph import MetaApp
from platforms._http import Patience, Transport
from platforms.facebook.client import CAPABILITIES, POST_FIELDS, FacebookConnector, FacebookDialect
from sandbox.app import Options, build_app

MP4 = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 9000
"""Three chunks."""


def picture(colour: str = "navy", kind: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (320, 200), colour).save(buffer, kind)
    return buffer.getvalue()


class Wire:
    """One Page over bare HTTP."""

    def __init__(self, process: Any, account: dict[str, Any]) -> None:
        self.process, self.account, self.me = process, account, account["native_id"]
        self.token = account["access_token"]

    def __call__(self, path: str, method: str = "GET", **kwargs: Any) -> httpx.Response:
        params = {"access_token": self.token, **kwargs.pop("params", {})}
        return self.process.http.request(method, f"/facebook/v25.0/{path}", params=params, **kwargs)

    def get(self, path: str, **params: Any) -> Any:
        answer = self(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def feed(self, **fields: Any) -> httpx.Response:
        return self(f"{self.me}/feed", "POST", data=fields)

    def photo(self, content: bytes | None = None) -> str:
        files = {"source": ("p.jpg", content or picture(), "image/jpeg")}
        answer = self(f"{self.me}/photos", "POST", data={"published": "false"}, files=files)
        assert answer.status_code == 200, answer.text
        return answer.json()["id"]

    def published(self) -> list[dict[str, Any]]:
        """What came over the wire, in the network's own state."""
        return self.process.posts(network="facebook", native_account_id=self.me, origin="api")


def error(answer: httpx.Response) -> tuple[int, int | None]:
    assert answer.status_code in (400, 403), answer.text
    return answer.json()["error"]["code"], answer.json()["error"].get("error_subcode")


@pytest.fixture(scope="module")
def process(shared_process: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A sandbox with Pages: two of a crowd."""
    running = type(shared_process)(tmp_path_factory.mktemp("facebook"), "--crowd", "18")
    yield running
    running.stop()


@pytest.fixture
def wire(process: Any) -> Iterator[Wire]:
    """The first Page, without faults and without what earlier tests published."""
    wire = Wire(process, process.account("facebook", "crowd00000"))
    yield wire
    process.http.delete("/_sandbox/faults")
    for post in wire.published():
        assert wire(post["native_id"], "DELETE").json() == {"success": True}


# --- the wire by itself --------------------------------------------------------------------------------------------------


@pytest.mark.reference_data
def test_answers_have_the_keys_of_the_recordings(wire: Wire, recorded_exchanges: Path) -> None:
    def recorded(name: str) -> Any:
        path = recorded_exchanges / "facebook" / f"facebook__apidata__{name}.json"
        return json.loads(path.read_text())["response"]["body"]

    page = recorded("pages__single_fields_page")
    assert wire.get(wire.me, fields=",".join(page)).keys() == page.keys()
    feed = recorded("posts__feeds_default_fields_p1")
    fields = f"{POST_FIELDS},full_picture,updated_time".replace("target{id}", "target,media,url")
    shown = wire.get(f"{wire.me}/published_posts", fields=fields, limit=50)
    assert shown.keys() == feed.keys()
    assert shown["paging"]["cursors"].keys() == feed["paging"]["cursors"].keys()
    for media_type in ("photo", "link"):
        mine, theirs = (
            next(
                p for p in page["data"] if p.get("attachments", {}).get("data", [{}])[0].get("media_type") == media_type
            )
            for page in (shown, feed)
        )
        ours = mine["attachments"]["data"][0].keys()
        assert ours - theirs["attachments"]["data"][0].keys() == set()
        assert mine.keys() - theirs.keys() == set()
        assert mine["reactions"].keys() == theirs["reactions"].keys()
        assert mine["reactions"]["summary"].keys() == theirs["reactions"]["summary"].keys()
        assert mine["comments"]["summary"].keys() == theirs["comments"]["summary"].keys()
        assert [len(mine["created_time"]), mine["created_time"][-5:]] == [24, "+0000"]
    comment = recorded("comments__comment_info")
    post = next(p for p in shown["data"] if p["comments"]["summary"]["total_count"])
    below = wire.get(f"{post['id']}/comments", fields=",".join(comment), filter="stream")
    assert below["data"][0].keys() == comment.keys()
    assert len(below["data"]) == min(25, post["comments"]["summary"]["total_count"])


def test_paging_walks_everything_once(wire: Wire) -> None:
    everything = wire.process.posts(network="facebook", native_account_id=wire.me)
    found: list[str] = []
    url: str | None = f"/facebook/v25.0/{wire.me}/published_posts?access_token={wire.token}&limit=7"
    while url:
        page = wire.process.http.get(url).json()
        found += [post["id"] for post in page["data"]]
        url = page.get("paging", {}).get("next")
    assert found == [post["native_id"] for post in sorted(everything, key=lambda p: p["created_at"], reverse=True)]


def test_posts_of_one_standing_moment_are_all_listed_newest_first(wire: Wire) -> None:
    now = int(datetime.fromisoformat(wire.process.http.get("/_sandbox/clock").json()["now"]).timestamp())
    made = [wire.feed(message=f"Number {i}").json()["id"] for i in range(3)]
    listed = wire.get(f"{wire.me}/published_posts", since=now - 120)["data"]
    assert [post["id"] for post in listed][:3] == made[::-1]
    wire.process.fault(network="facebook", operation="read", kind="empty_page", times=1)
    empty = wire.get(f"{wire.me}/published_posts")
    following = wire.get(f"{wire.me}/published_posts", after=empty["paging"]["cursors"]["after"])
    assert (empty["data"], [post["id"] for post in following["data"]][:3]) == ([], made[::-1])
    assert not {p["id"] for p in wire.get(f"{wire.me}/published_posts", until=now - 120)["data"]} & set(made)
    assert error(wire(f"{wire.me}/published_posts", params={"since": "yesterday"})) == (100, None)


def test_tokens_see_their_own_page_only(wire: Wire) -> None:
    other = Wire(wire.process, wire.process.account("facebook", "crowd00001"))
    theirs = other.get(f"{other.me}/published_posts")["data"][0]["id"]
    for path in (other.me, theirs, f"{theirs}/comments", f"{theirs}/insights?metric=post_clicks", f"{other.me}/feed"):
        assert error(wire(path)) == (100, 33)
    assert error(wire(f"{other.me}/feed", "POST", data={"message": "x"})) == (100, 33)
    http = wire.process.http
    assert error(http.get(f"/facebook/v25.0/{wire.me}")) == (104, None)
    assert error(http.get(f"/facebook/v25.0/{wire.me}", params={"access_token": "nonsense"})) == (190, None)
    assert error(wire(f"{wire.me}/elsewhere")) == (2500, None)
    assert error(wire(wire.me, params={"fields": "id,nonsense"})) == (100, None)
    proof = hmac.new(wire.account["app_secret"].encode(), wire.token.encode(), sha256).hexdigest()
    assert wire.get(wire.me, appsecret_proof=proof)["id"] == wire.me
    assert error(wire(wire.me, params={"appsecret_proof": "0" * 64})) == (100, None)
    bearer = http.get("/facebook/v25.0/me", headers={"authorization": f"Bearer {wire.token}"})
    assert bearer.json()["id"] == wire.me


def test_a_user_token_gives_page_tokens(wire: Wire) -> None:
    http, app = wire.process.http, wire.account
    asked = {"grant_type": "fb_exchange_token", "client_id": app["app_id"], "client_secret": app["app_secret"]}
    exchange = "/facebook/v25.0/oauth/access_token"
    answer = http.get(exchange, params={**asked, "fb_exchange_token": app["refresh_token"]}).json()
    assert answer.keys() == {"access_token", "token_type", "expires_in"}
    (page,) = http.get("/facebook/v25.0/me/accounts", params={"access_token": answer["access_token"]}).json()["data"]
    assert page["id"] == wire.me
    assert http.get(f"/facebook/v25.0/{wire.me}", params={"access_token": page["access_token"]}).status_code == 200
    assert error(http.get(exchange, params={**asked, "fb_exchange_token": wire.token})) == (190, None)
    wrong = {**asked, "client_secret": "wrong", "fb_exchange_token": app["refresh_token"]}
    assert error(http.get(exchange, params=wrong)) == (1, None)
    assert error(http.get("/facebook/v25.0/me/accounts", params={"access_token": wire.token})) == (190, None)


def test_photos_stay_unseen_until_a_post_shows_them_and_belong_to_it(wire: Wire) -> None:
    photos = [wire.photo(), wire.photo(picture(kind="PNG"))]
    assert not wire.published()
    attached = json.dumps([{"media_fbid": photo} for photo in photos])
    post_id = wire.feed(message="Two", attached_media=attached).json()["id"]
    shown = wire.get(post_id, fields="message,attachments{media_type,subattachments{media_type,target{id}}}")
    (album,) = shown["attachments"]["data"]
    assert (shown["message"], album["media_type"]) == ("Two", "album")
    assert [part["target"]["id"] for part in album["subattachments"]["data"]] == photos
    assert error(wire.feed(message="Again", attached_media=attached)) == (100, 1366051)
    assert error(wire.feed(message="None", attached_media='[{"media_fbid":"5"}]')) == (100, 33)
    assert error(wire.feed(message="None", attached_media="no json")) == (100, None)
    files = {"source": ("p.gif", picture(kind="GIF"), "image/gif")}
    refused = wire(f"{wire.me}/photos", "POST", data={"published": "false"}, files=files)
    assert error(refused) == (324, 1366046)
    one = wire(f"{wire.me}/photos", "POST", data={"caption": "One"}, files={"source": ("p", picture(), "image/jpeg")})
    assert wire.get(one.json()["post_id"], fields="status_type")["status_type"] == "added_photos"
    assert {post["native_id"] for post in wire.published()} == {post_id, one.json()["post_id"]}


def test_the_guard_refuses_the_same_words_again_unless_it_is_off(wire: Wire) -> None:
    assert wire.feed(message="Only once").status_code == 200
    assert error(wire.feed(message="Only once")) == (506, None)
    assert error(wire.feed()) == (100, None)
    wire.process.fault(network="facebook", operation="publish", kind="guard_off")
    assert wire.feed(message="Only once").status_code == 200
    assert [post["text"] for post in wire.published()] == ["Only once"] * 2


def test_a_film_goes_up_in_chunks_and_is_ready_after_a_look(wire: Wire) -> None:
    def phase(name: str, files: Any = None, **fields: str) -> httpx.Response:
        return wire(f"{wire.me}/videos", "POST", data={"upload_phase": name, **fields}, files=files)

    session = phase("start", file_size=str(len(MP4))).json()
    film, sent = session["video_id"], {"upload_session_id": session["upload_session_id"]}
    assert error(phase("finish", **sent)) == (6000, 1363030)
    start, end = int(session["start_offset"]), int(session["end_offset"])
    while start != end:
        chunk = {"video_file_chunk": ("f.mp4", MP4[start:end], "video/mp4")}
        after = phase("transfer", chunk, start_offset=str(start), **sent).json()
        assert error(phase("transfer", chunk, start_offset=str(start), **sent)) == (6000, 1363037)
        start, end = int(after["start_offset"]), int(after["end_offset"])
    assert wire.get(film, fields="status")["status"]["video_status"] == "uploading"
    assert not wire.published()
    assert phase("finish", description="A film", **sent).json() == {"success": True}
    assert wire.get(film, fields="status,post_id")["status"]["video_status"] == "processing"
    ready = wire.get(film, fields="status,post_id,permalink_url")
    assert ready["status"]["publishing_phase"]["status"] == "complete"
    (post,) = wire.published()
    assert (f"{wire.me}_{ready['post_id']}", "A film") == (post["native_id"], post["text"])


def test_rate_limits_in_both_headers(wire: Wire) -> None:
    wire.process.fault(
        network="facebook", operation="read", kind="rate_limit", times=1, params={"retry_after_seconds": 300}
    )
    refused = wire(wire.me)
    assert error(refused) == (80001, None)
    (case,) = json.loads(refused.headers["x-business-use-case-usage"])[wire.me]
    assert (case["type"], case["call_count"], case["estimated_time_to_regain_access"]) == ("pages", 100, 5)
    wire.process.fault(network="facebook", operation="read", kind="rate_limit", times=1, params={"code": 4})
    app_wide = wire(wire.me)
    assert (error(app_wide), json.loads(app_wide.headers["x-app-usage"])["call_count"]) == ((4, None), 100)
    assert "x-app-usage" in wire(wire.me).headers


def test_a_page_that_used_up_its_day_waits_until_it_ends(tmp_path: Path) -> None:
    app = build_app(Options(base_url="http://localhost", state_dir=tmp_path, crowd=9, has_real_limits=True))
    http = TestClient(app)
    page = next(a for a in http.get("/_sandbox/accounts").json() if a["network"] == "facebook")
    path, params = f"/facebook/v25.0/{page['native_id']}", {"access_token": page["access_token"]}
    app.state.host.limits.spend(f"facebook:{page['native_id']}", 4799, 4800, 86_400)
    last = http.get(path, params=params)
    assert (last.status_code, json.loads(last.headers["x-app-usage"])["call_count"]) == (200, 100)
    refused = http.get(path, params=params)
    assert error(refused) == (80001, None)
    (case,) = json.loads(refused.headers["x-business-use-case-usage"])[page["native_id"]]
    assert 0 < case["estimated_time_to_regain_access"] <= 24 * 60
    app.state.host.state.close()


def test_insights_name_their_periods(wire: Wire) -> None:
    post = wire.get(f"{wire.me}/published_posts")["data"][3]["id"]
    shown = wire.get(f"{post}/insights", metric="post_media_view,post_reactions_by_type_total")["data"]
    assert [(item["name"], item["period"]) for item in shown] == [
        ("post_media_view", "day"),
        ("post_media_view", "lifetime"),
        ("post_reactions_by_type_total", "lifetime"),
    ]
    daily = wire.get(f"{wire.me}/insights", metric="page_media_view")["data"]
    assert [item["period"] for item in daily] == ["day", "week", "days_28"]
    assert daily[0]["values"][-1]["end_time"].endswith("T07:00:00+0000")
    assert error(wire(f"{wire.me}/insights", params={"metric": "page_impressions,page_media_view"})) == (100, None)
    assert error(wire(f"{wire.me}/insights", params={"metric": "page_media_view", "period": "month"})) == (100, None)
    wire.process.fault(network="facebook", kind="retired_metric", params={"metric": "page_media_view"}, times=1)
    assert error(wire(f"{wire.me}/insights", params={"metric": "page_media_view"})) == (100, None)


def test_comments_are_counted_answered_nested_and_deleted(wire: Wire) -> None:
    feed = wire.get(f"{wire.me}/published_posts", fields="id,comments.limit(0).summary(true)", limit=50)["data"]
    post = next(p for p in feed if p["comments"]["summary"]["total_count"] > 1)
    count = post["comments"]["summary"]["total_count"]
    first = wire.get(f"{post['id']}/comments")["data"][0]["id"]
    answer = wire(f"{first}/comments", "POST", data={"message": "Thank you", "fields": "id,message,parent"}).json()
    assert (answer["message"], answer["parent"]["id"]) == ("Thank you", first)
    deeper = wire(f"{answer['id']}/comments", "POST", data={"message": "And more"}).json()["id"]
    assert wire.get(deeper, fields="parent")["parent"]["id"] == first
    assert [c["id"] for c in wire.get(f"{first}/comments")["data"]] == [answer["id"], deeper]
    stream = wire.get(f"{post['id']}/comments", filter="stream", limit=100, summary="1")
    assert stream["summary"]["total_count"] == len(stream["data"]) == count + 2
    for made in (deeper, answer["id"]):
        assert wire(made, "DELETE").json() == {"success": True}
        assert error(wire(made, "DELETE")) == (100, 33)
    left = wire.get(post["id"], fields="comments.limit(0).summary(true)")
    assert left["comments"]["summary"]["total_count"] == count


# --- our connector over it -----------------------------------------------------------------------------------------------


class Home:
    """The ports that a connector needs, for one Page."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.token = Token(access_token=wire.token, refresh_token=wire.account["refresh_token"])
        self.files: dict[str, bytes] = {}
        self.clock = SandboxClock(wire.process.url)
        self.account = Account(
            account_id=f"facebook:{wire.me}",
            client_id="crowd",
            network=Network.FACEBOOK,
            native_id=wire.me,
            handle=wire.account["handle"],
            base_url=f"{wire.process.url}/facebook",
        )

    async def load(self, account_id: str) -> Token:
        return self.token

    async def claim_renewal(self, account_id: str, *, expected_version: int, seconds: float) -> bool:
        return True

    async def release_renewal(self, account_id: str, *, expected_version: int) -> None:
        pass

    async def save(self, account_id: str, token: Token, *, expected_version: int) -> Token:
        self.token = token.model_copy(update={"version": expected_version + 1})
        return self.token

    def read(self, path: str) -> bytes:
        return self.files[path]

    def media(self, name: str, content: bytes, mime_type: str) -> Media:
        self.files[name] = content
        return Media(
            media_id=name,
            path=name,
            mime_type=mime_type,
            alt_text=f"Alt {name}",
            width=320,
            height=200,
            size_bytes=len(content),
            sha256=sha256(content).hexdigest(),
        )

    def request(self, content_format: ContentFormat, **changes: Any) -> PublishRequest:
        photo = [self.media(f"{i}.jpg", picture(colour), "image/jpeg") for i, colour in enumerate(("navy", "red"))]
        film = self.media("film.mp4", MP4, "video/mp4")
        media = {
            ContentFormat.IMAGE: (photo[0],),
            ContentFormat.CAROUSEL: tuple(photo),
            ContentFormat.VIDEO: (film,),
            ContentFormat.STORY: (photo[0],),
        }.get(content_format, ())
        link = "https://example.com/menu" if content_format is ContentFormat.LINK else None
        fields = {
            "intent_id": "item/a/1",
            "account": self.account,
            "text": f"Fresh {content_format.value} ☕",
            "content_format": content_format,
            "media": media,
            "options": PublishOptions(link=link),
            "created_at": self.clock.now(),
        }
        return PublishRequest(**(fields | changes))

    @asynccontextmanager
    async def connector(self) -> AsyncIterator[FacebookConnector]:
        app = MetaApp(app_id=self.wire.account["app_id"], app_secret=SecretStr(self.wire.account["app_secret"]))
        patience = Patience(timeout=5.0, attempts=2, first_backoff=0.01, longest_wait=3.0)
        async with httpx.AsyncClient(trust_env=False) as client:
            transport = Transport(client, FacebookDialect(app), self, self.clock, patience=patience)
            yield FacebookConnector(transport, self)


@pytest.fixture
def home(wire: Wire) -> Home:
    return Home(wire)


async def staged(connector: FacebookConnector, request: PublishRequest) -> Staging:
    staging = connector.prepare(request)
    while not staging.is_complete:
        staging = await connector.stage(request, staging)
    return await connector.stage(request, staging)


LISTED = sorted(CAPABILITIES.formats - {ContentFormat.STORY})


@pytest.mark.parametrize("content_format", LISTED)
async def test_every_format_is_published_and_read_back(home: Home, wire: Wire, content_format: ContentFormat) -> None:
    request = home.request(content_format)
    async with home.connector() as connector:
        receipt = await connector.commit(request, await staged(connector, request))
        pages = [page async for page in connector.posts(home.account, since=request.created_at)]
    (post,) = [p for page in pages for p in page.posts]
    assert [p["native_id"] for p in wire.published()] == [post.native_id] == [receipt.native_id]
    assert (post.text, post.content_format, post.media_count) == (request.text, content_format, len(request.media))
    assert post.permalink == receipt.permalink
    assert wire.published()[0]["text"] == request.text
    is_link = content_format is ContentFormat.LINK
    assert (post.link_url, post.link_title) == (("https://example.com/menu", "Menu") if is_link else (None, None))


@pytest.mark.parametrize("content_format", sorted(CAPABILITIES.formats))
async def test_a_lost_answer_is_found_and_exactly_one_post_is_there(
    home: Home, wire: Wire, content_format: ContentFormat
) -> None:
    request = home.request(content_format)
    async with home.connector() as connector:
        staging = await staged(connector, request)
        wire.process.fault(network="facebook", operation="publish", kind="disconnect_after_commit", times=1)
        with pytest.raises(NetworkError) as caught:
            await connector.commit(request, staging)
        assert caught.value.error_class is ErrorClass.AMBIGUOUS
        listing = "stories" if content_format is ContentFormat.STORY else "published_posts"
        lag = {"seconds": 600, "method": listing}
        wire.process.fault(network="facebook", operation="read", kind="read_lag", times=2, params=lag)
        looks = [await connector.find_published(request, staging) for _ in range(4)]  # it lags, or is being processed
        found = looks[-1]
        assert {look.outcome for look in looks} <= {"absent", "undecided", "published"}
    (post,) = wire.published()
    assert (found.outcome, found.receipt.native_id if found.receipt else None) == ("published", post["native_id"])


@pytest.mark.parametrize("content_format", sorted(CAPABILITIES.formats))
async def test_a_call_that_never_arrived_is_never_called_published(
    home: Home, wire: Wire, content_format: ContentFormat
) -> None:
    request = home.request(content_format)
    async with home.connector() as connector:
        staging = await staged(connector, request)
        wire.process.fault(network="facebook", operation="publish", kind="disconnect_before_commit", times=1)
        with pytest.raises(NetworkError) as caught:
            await connector.commit(request, staging)
        assert caught.value.error_class is ErrorClass.AMBIGUOUS
        found = await connector.find_published(request, staging)
        own_word = {ContentFormat.VIDEO: "not_published", ContentFormat.STORY: "undecided"}
        assert found.outcome == own_word.get(content_format, "absent")
        assert not wire.published()
        await connector.commit(request, staging)
        if (
            content_format is not ContentFormat.VIDEO
        ):  # were the reading wrong, the network's guard would refuse a second one
            with pytest.raises(NetworkError) as caught:
                await connector.commit(request, staging)
            assert caught.value.error_class is ErrorClass.DUPLICATE
        assert len(wire.published()) == 1


async def test_the_networks_guard_is_a_duplicate_and_reconciled(home: Home, wire: Wire) -> None:
    request = home.request(ContentFormat.TEXT)
    async with home.connector() as connector:
        staging = await staged(connector, request)
        wire.process.fault(network="facebook", operation="publish", kind="duplicate_answer", times=1)
        with pytest.raises(NetworkError) as caught:
            await connector.commit(request, staging)
        assert caught.value.error_class is ErrorClass.DUPLICATE
        found = await connector.find_published(request, staging)
    assert found.receipt is not None
    assert [p["native_id"] for p in wire.published()] == [found.receipt.native_id]


async def test_an_expired_token_is_renewed_with_the_managers(home: Home, wire: Wire) -> None:
    request = home.request(ContentFormat.TEXT)
    async with home.connector() as connector:
        wire.process.fault(network="facebook", operation="read", kind="expire_token", times=1)
        assert (await connector.profile(home.account)).handle == wire.account["handle"]
        assert home.token.access_token != wire.token
        assert home.token.expires_at is not None
        assert home.token.expires_at - datetime.now(UTC) > timedelta(days=50)
        staging = await staged(connector, request)
        wire.process.fault(network="facebook", operation="publish", kind="expire_token", times=1)
        with pytest.raises(NetworkError) as caught:
            await connector.commit(request, staging)
        assert caught.value.error_class is ErrorClass.TRANSIENT, "renewed, and nothing was written"
        await connector.commit(request, staging)
    assert len(wire.published()) == 1
    wire.token = home.token.access_token


async def test_a_rate_limit_says_when_to_come_back(home: Home, wire: Wire) -> None:
    wire.process.fault(network="facebook", kind="rate_limit", times=1, params={"retry_after_seconds": 300})
    async with home.connector() as connector:
        for _ in range(2):
            with pytest.raises(NetworkError) as caught:
                await connector.profile(home.account)
            assert caught.value.error_class is ErrorClass.RATE
            assert caught.value.retry_at is not None
            assert caught.value.retry_at - datetime.now(UTC) > timedelta(minutes=4)


async def test_reading_in_bad_weather(home: Home, wire: Wire) -> None:
    """Unknown fields, items twice, empty pages, a retired metric: the same posts, counts and comments."""

    async def read() -> tuple[Any, ...]:
        async with home.connector() as connector:
            pages = [page async for page in connector.posts(home.account, since=None)]
            posts = [p for page in pages for p in page.posts]
            counts = {(m.post_id, m.metric): m.value for page in pages for m in page.metrics}
            details = await connector.post_metrics(home.account, posts[:5])
            day = home.clock.now().date() - timedelta(days=3)
            daily = await connector.account_metrics(home.account, start=day, end=day)
            busiest = max(posts, key=lambda p: counts.get((p.post_id, "comments"), 0))
            comments = [c async for page in connector.comments(home.account, busiest) for c in page]
        return (
            [p.native_id for p in posts],
            counts,
            {(m.post_id, m.metric): m.value for m in details},
            {m.metric: m.value for m in daily},
            {c.native_id for c in comments},
        )

    calm = await read()
    assert len(calm[0]) == len(wire.process.posts(network="facebook", native_account_id=wire.me))
    assert {metric for _, metric in calm[2]} == {"views", "reach", "likes"}
    assert set(calm[3]) == set(CAPABILITIES.account_metrics)
    for spec in (
        {"kind": "unknown_fields"},
        {"kind": "duplicate_answer", "operation": "read"},
        {"kind": "empty_page", "operation": "read", "times": 1},
        {"kind": "retired_metric", "params": {"metric": "post_clicks"}},
    ):
        wire.process.fault(network="facebook", **spec)
    stormy = await read()
    assert stormy == calm


async def test_replies_are_written_once_and_found(home: Home, wire: Wire) -> None:
    async with home.connector() as connector:
        pages = [page async for page in connector.posts(home.account, since=None)]
        counts = {m.post_id: m.value for page in pages for m in page.metrics if m.metric == "comments"}
        post = next(p for page in pages for p in page.posts if counts.get(p.post_id, 0) > 0)
        comments = [c async for page in connector.comments(home.account, post) for c in page]
        request = home.request(ContentFormat.TEXT, text="Gracias!", reply_to_native_comment_id=comments[0].native_id)
        staging = await staged(connector, request)
        wire.process.fault(network="facebook", operation="reply", kind="disconnect_after_commit", times=1)
        with pytest.raises(NetworkError) as caught:
            await connector.commit(request, staging)
        assert caught.value.error_class is ErrorClass.AMBIGUOUS
        found = await connector.find_published(request, staging)
        assert found.receipt is not None
        after = [c async for page in connector.comments(home.account, post) for c in page]
        own = [c for c in after if c.is_own]
        assert [(c.native_id, c.parent_comment_id) for c in own] == [(found.receipt.native_id, comments[0].comment_id)]
        await connector.delete(home.account, own[0].native_id)


async def test_deleting_a_post_takes_it_away(home: Home, wire: Wire) -> None:
    request = home.request(ContentFormat.IMAGE)
    async with home.connector() as connector:
        receipt = await connector.commit(request, await staged(connector, request))
        await connector.delete(home.account, receipt.native_id)
        await connector.delete(home.account, receipt.native_id)
    assert not wire.published()
