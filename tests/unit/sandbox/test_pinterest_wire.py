"""Pinterest as the sandbox speaks it: a bare client, the official description as judge, and Pulso's own connector against it."""

import asyncio
import base64
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from contracts.clock import FixedClock
from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat, Network
from contracts.records import Account, Media, PublishOptions, PublishRequest, Staging, Token
from platforms._http import Patience, Transport
from platforms.pinterest import mapping
from platforms.pinterest.client import PinterestApp, PinterestConnector, PinterestDialect
from tests.unit.platforms import openapi_pinterest

NOW = datetime(2026, 5, 30, 6, tzinfo=UTC)
FILM = b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 64
PREFIX = "/pinterest/v5"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    from tests.unit.sandbox.conftest import SandboxProcess

    process = SandboxProcess(tmp_path_factory.mktemp("pinterest"), "--crowd", "360")
    yield process
    process.stop()


@pytest.fixture(autouse=True)
def no_faults_left(sandbox):
    yield
    sandbox.http.delete("/_sandbox/faults")


@pytest.fixture(scope="session")
def judge() -> openapi_pinterest.PinterestOpenApi:
    return openapi_pinterest.load()


class Client:
    """A bare client of one account, every exchange of which is held against the official description."""

    def __init__(self, sandbox: Any, judge: openapi_pinterest.PinterestOpenApi, handle: str = "crowd00000") -> None:
        self._sandbox, self._judge = sandbox, judge
        self.account = sandbox.account("pinterest", handle)

    def __call__(self, method: str, path: str, *, is_strict: bool = True, **kwargs: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.account['access_token']}", **kwargs.pop("headers", {})}
        answer = self._sandbox.http.request(method, f"{PREFIX}{path}", headers=headers, **kwargs)
        if is_strict:
            self._judge.check_request(answer.request, prefix=PREFIX)
        self._judge.check_answer(answer.request, answer, prefix=PREFIX)
        return answer

    @property
    def board_id(self) -> str:
        return self("GET", "/boards").json()["items"][0]["id"]

    def create(self, text: str = "Bread", **changes: Any) -> httpx.Response:
        source = {"source_type": "image_base64", "content_type": "image/png", "data": base64.b64encode(b"png").decode()}
        body = {"board_id": self.board_id, "title": "Today", "description": text, "media_source": source} | changes
        return self("POST", "/pins", json=body)

    def pins(self, **params: str) -> list[dict[str, Any]]:
        """All pins, newest first, page by page."""
        found, bookmark = [], None
        while True:
            page = self("GET", "/pins", params=params | ({"bookmark": bookmark} if bookmark else {})).json()
            found += page["items"]
            bookmark = page["bookmark"]
            if bookmark is None:
                return found


@pytest.fixture
def client(sandbox, judge) -> Client:
    return Client(sandbox, judge)


# --- the wire ------------------------------------------------------------------------------------------------------------


def test_account_and_board(client):
    profile = client("GET", "/user_account").json()
    assert profile["id"] == client.account["native_id"]
    assert (profile["username"], profile["business_name"]) == (client.account["handle"], client.account["display_name"])
    assert profile["follower_count"] > 0
    assert profile["pin_count"] == len(client.pins(page_size="250"))


def test_history_is_paged_newest_first(client, sandbox):
    history = sandbox.posts(native_account_id=client.account["native_id"])
    pins = client.pins(page_size="7")
    assert [pin["id"] for pin in pins] == [post["native_id"] for post in reversed(history)]
    assert [pin["description"] for pin in pins] == [post["text"] for post in reversed(history)]
    assert pins[0]["created_at"] == datetime.fromisoformat(history[-1]["created_at"]).strftime("%Y-%m-%dT%H:%M:%S")
    assert len(client("GET", "/pins").json()["items"]) == min(25, len(history))
    assert client.pins(pin_filter="has_been_promoted") == []


@pytest.mark.parametrize(
    "params",
    [
        {"page_size": "0"},
        {"page_size": "251"},
        {"page_size": "x"},
        {"bookmark": "%"},
        {"pin_filter": "x"},
        {"pin_metrics": "1"},
    ],
)
def test_senseless_parameters_are_refused(client, params):
    answer = client("GET", "/pins", params=params, is_strict=False)
    assert (answer.status_code, answer.json()["code"]) == (400, 1)


def test_a_pin_is_created_shown_listed_and_deleted(client):
    link = "https://harbor.example/?pulso_id=1"
    answer = client.create(link=link, alt_text="Bread")
    assert answer.status_code == 201
    pin = answer.json()
    assert (pin["title"], pin["description"], pin["link"], pin["alt_text"]) == ("Today", "Bread", link, "Bread")
    assert client("GET", f"/pins/{pin['id']}").json() == pin
    assert client("GET", "/pins").json()["items"][0] == pin
    assert client("DELETE", f"/pins/{pin['id']}").status_code == 204
    for method in ("GET", "DELETE"):
        assert client(method, f"/pins/{pin['id']}").status_code == 404


def test_nothing_guards_against_a_second_pin(client):
    first, second = client.create("Twice").json(), client.create("Twice").json()
    assert first["id"] != second["id"]
    assert [pin["id"] for pin in client("GET", "/pins").json()["items"][:2]] == [second["id"], first["id"]]


PICTURE = {"content_type": "image/png", "data": "cG5n"}


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"title": "a" * 101}, 400),
        ({"description": "a" * 801}, 400),
        ({"alt_text": "a" * 501}, 400),
        ({"link": "a" * 2049}, 400),
        ({"board_id": "123"}, 404),
        ({"media_source": None}, 400),
        ({"media_source": {"source_type": "image_base64", "content_type": "image/webp", "data": "cG5n"}}, 400),
        ({"media_source": {"source_type": "image_base64", "content_type": "image/png", "data": "%"}}, 400),
        ({"media_source": {"source_type": "multiple_image_base64", "items": [PICTURE]}}, 400),
        ({"media_source": {"source_type": "multiple_image_base64", "items": [PICTURE] * 6}}, 400),
        ({"media_source": {"source_type": "video_id", "media_id": "123", "cover_image_key_frame_time": 0}}, 400),
        ({"unheard": 1}, 400),
    ],
)
def test_pins_that_break_a_rule_are_refused(client, changes, status):
    before = len(client.pins(page_size="250"))
    source = {"source_type": "image_base64", **PICTURE}
    body = {"board_id": client.board_id, "title": "Today", "media_source": source} | changes
    answer = client("POST", "/pins", json=body, is_strict=False)
    assert answer.status_code == status
    assert len(client.pins(page_size="250")) == before


def test_a_film_is_registered_uploaded_and_processed(client, sandbox):
    registered = client("POST", "/media", json={"media_type": "video"}).json()
    media_id, parameters = registered["media_id"], registered["upload_parameters"]
    assert client("GET", f"/media/{media_id}").json()["status"] == "registered"
    url = registered["upload_url"]
    file = {"file": ("film.mp4", FILM, "video/mp4")}
    assert httpx.post(url, data=parameters | {"policy": "forged"}, files=file, trust_env=False).status_code == 403
    assert httpx.post(url, data=parameters, trust_env=False).status_code == 400
    assert httpx.post(url, data=parameters, files=file, trust_env=False).status_code == 204
    statuses = [client("GET", f"/media/{media_id}").json()["status"] for _ in range(4)]
    assert statuses == ["processing", "processing", "succeeded", "succeeded"]
    source = {"source_type": "video_id", "media_id": media_id}
    assert client.create(media_source=source).status_code == 400
    pin = client.create(media_source=source | {"cover_image_key_frame_time": 0}).json()
    assert pin["media"]["media_type"] == "video"
    other = Client(sandbox, client._judge, "crowd00001")
    assert other("GET", f"/media/{media_id}").status_code == 404


def test_what_is_no_film_fails(client):
    registered = client("POST", "/media", json={"media_type": "video"}).json()
    file = {"file": ("film.mp4", b"not a film", "video/mp4")}
    httpx.post(registered["upload_url"], data=registered["upload_parameters"], files=file, trust_env=False)
    assert client("GET", f"/media/{registered['media_id']}").json()["status"] == "failed"


def test_a_pin_on_a_secret_board_is_seen_by_its_owner_until_it_is_moved(client, sandbox, judge):
    board = client("POST", "/boards", json={"name": "Not yet", "privacy": "SECRET"}).json()
    assert board["privacy"] == "SECRET"
    assert [b["id"] for b in client("GET", "/boards", params={"privacy": "SECRET"}).json()["items"]] == [board["id"]]
    pin = client.create("Not for everybody yet", board_id=board["id"]).json()
    assert pin["board_id"] == board["id"]
    assert client("GET", f"/pins/{pin['id']}").json() == pin
    assert [p["id"] for p in client("GET", f"/boards/{board['id']}/pins").json()["items"]] == [pin["id"]]
    assert pin["id"] not in {p["id"] for p in client.pins(page_size="250")}
    public = {post["native_id"] for post in sandbox.posts(native_account_id=client.account["native_id"])}
    assert pin["id"] not in public
    assert Client(sandbox, judge, "crowd00001")("GET", f"/pins/{pin['id']}").status_code == 404
    for _ in range(2):  # the second move changes nothing
        moved = client("PATCH", f"/pins/{pin['id']}", json={"board_id": client.board_id})
        assert (moved.status_code, moved.json()["board_id"]) == (200, client.board_id)
    assert [p["id"] for p in client.pins(page_size="250")].count(pin["id"]) == 1
    assert client("GET", f"/boards/{board['id']}/pins").json()["items"] == []
    dropped = client.create("Never mind", board_id=board["id"]).json()["id"]
    assert client("DELETE", f"/pins/{dropped}").status_code == 204
    assert client("GET", f"/pins/{dropped}").status_code == 404


@pytest.mark.parametrize("changes", [{"title": "New"}, {"board_id": "1"}, {}])
def test_moves_that_make_no_sense_are_refused(client, changes):
    pin = client.create().json()
    assert client("PATCH", f"/pins/{pin['id']}", json=changes).status_code in (400, 404)


def test_nobody_sees_or_deletes_anothers_pin(client, sandbox, judge):
    pin_id = client.create().json()["id"]
    other = Client(sandbox, judge, "crowd00001")
    assert other("GET", f"/pins/{pin_id}").status_code == 404
    assert other("DELETE", f"/pins/{pin_id}").status_code == 404


def test_refused_tokens_and_unknown_paths(client, sandbox):
    for headers in ({"authorization": "Bearer nonsense"}, {"authorization": ""}):
        answer = client("GET", "/user_account", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, 2)
    assert sandbox.http.get(f"{PREFIX}/comments").status_code == 404


def test_tokens_are_renewed_for_the_app_only(sandbox, judge):
    shown = sandbox.account("pinterest", "crowd00001")

    def renew(secret: str = shown["app_secret"], **changes: str) -> httpx.Response:
        form = {"grant_type": "refresh_token", "refresh_token": shown["refresh_token"]} | changes
        answer = sandbox.http.post(f"{PREFIX}/oauth/token", data=form, auth=(shown["app_id"], secret))
        judge.check_answer(answer.request, answer, prefix=PREFIX)
        return answer

    answer = renew()
    judge.check_request(answer.request, prefix=PREFIX)
    body = answer.json()
    assert {"refresh_token", "refresh_token_expires_in", "refresh_token_expires_at"} <= body.keys()
    headers = {"authorization": f"Bearer {body['access_token']}"}
    profile = sandbox.http.get(f"{PREFIX}/user_account", headers=headers).json()
    assert profile["id"] == shown["native_id"]
    assert renew(secret="guessed").status_code == 401
    assert renew(refresh_token="spent").status_code == 400
    assert renew(grant_type="password").status_code == 400


def test_analytics_of_pins_add_up_to_what_the_listing_says(client):
    pin = next(p for p in client.pins(page_size="250", pin_metrics="true") if p["created_at"] < "2026-05-20")
    created = pin["created_at"][:10]
    params = {
        "start_date": created,
        "end_date": "2026-05-30",
        "metric_types": "IMPRESSION,SAVE,PIN_CLICK,TOTAL_REACTIONS",
    }
    single = client("GET", f"/pins/{pin['id']}/analytics", params=params).json()["all"]
    batch = client("GET", "/pins/analytics", params=params | {"pin_ids": pin["id"]}).json()
    assert batch == {pin["id"]: {"all": single}}
    rows = single["daily_metrics"]
    assert [row["data_status"] for row in rows[-3:]] == ["READY", "PROCESSING", "PROCESSING"]
    assert {value for row in rows[-2:] for value in row["metrics"].values()} == {0.0}
    ready = [row["metrics"]["IMPRESSION"] for row in rows if row["data_status"] == "READY"]
    assert min(ready) >= 0
    lifetime = pin["pin_metrics"]["lifetime_metrics"]
    assert 0 < sum(ready) == single["summary_metrics"]["IMPRESSION"] <= lifetime["impression"]
    assert single["lifetime_metrics"] == {"TOTAL_REACTIONS": lifetime["reaction"]}
    early = client("GET", f"/pins/{pin['id']}/analytics", params=params | {"start_date": "2026-03-10"}).json()["all"]
    assert early["daily_metrics"][0]["data_status"] == "BEFORE_PIN_CREATED"


def test_account_analytics_are_the_sum_of_its_pins(client, sandbox):
    pins = client.pins(page_size="250")
    days = {"start_date": "2026-05-20", "end_date": "2026-05-21"}
    account = client("GET", "/user_account/analytics", params=days).json()["all"]["daily_metrics"]
    params: list[tuple[str, str]] = [("metric_types", "IMPRESSION,SAVE"), *days.items()]
    total = 0
    for start in range(0, len(pins), 100):
        ids = [("pin_ids", pin["id"]) for pin in pins[start : start + 100]]
        batch = client("GET", "/pins/analytics", params=[*params, *ids]).json()
        total += sum(part["all"]["summary_metrics"].get("IMPRESSION", 0) for part in batch.values())
    assert sum(row["metrics"]["IMPRESSION"] for row in account) == total > 0


@pytest.mark.parametrize(
    "changes",
    [
        {"start_date": "2026-02-28"},
        {"start_date": "soon"},
        {"end_date": "2026-05-01"},
        {"metric_types": "LIKES"},
        {"metric_types": "VIDEO_MRC_VIEW"},
    ],
)
def test_senseless_analytics_are_refused(client, changes):
    pin_id = client.pins()[0]["id"]
    params = {"start_date": "2026-05-10", "end_date": "2026-05-12", "metric_types": "SAVE"} | changes
    assert client("GET", f"/pins/{pin_id}/analytics", params=params, is_strict=False).status_code == 400


def test_limits_are_told_and_refuse_by_category(start_sandbox, judge):
    client = Client(start_sandbox("--crowd", "18", "--rate-limits", "real"), judge)
    params = {"start_date": "2026-05-10", "end_date": "2026-05-10", "metric_types": "SAVE"}
    answers = [client("GET", "/user_account/analytics", params=params) for _ in range(301)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert {answer.json()["code"] for answer in refused} == {8}
    assert refused[-1].headers["x-ratelimit-remaining"] == "0"
    assert refused[-1].headers["x-ratelimit-limit"].split(";")[0] in ("300, 300", "100, 100")
    assert 0 <= int(refused[-1].headers["x-ratelimit-reset"]) <= 60


# --- Pulso's connector against it ----------------------------------------------------------------------------------------


class Tokens:
    """A token store in memory."""

    def __init__(self, token: Token) -> None:
        self.token, self.saves = token, 0

    async def load(self, account_id: str) -> Token:
        return self.token

    async def save(self, account_id: str, token: Token, *, expected_version: int) -> Token:
        self.token, self.saves = token.model_copy(update={"version": expected_version + 1}), self.saves + 1
        return self.token

    async def claim_renewal(self, account_id: str, *, expected_version: int, seconds: float) -> bool:
        return expected_version == self.token.version

    async def release_renewal(self, account_id: str, *, expected_version: int) -> None:
        pass


class Files:
    """A media reader in memory."""

    def read(self, path: str) -> bytes:
        return FILM if path.endswith("mp4") else b"\xff\xd8 picture"


class Side:
    """One account's connector, and what it publishes."""

    def __init__(self, sandbox: Any, handle: str = "crowd00000") -> None:
        self.sandbox = sandbox
        self.shown = sandbox.account("pinterest", handle)
        self.account = Account(
            account_id=f"pinterest:{self.shown['native_id']}",
            client_id="crowd",
            network=Network.PINTEREST,
            native_id=self.shown["native_id"],
            handle=self.shown["handle"],
            base_url=f"{sandbox.url}/pinterest",
        )
        self.tokens = Tokens(Token(access_token=self.shown["access_token"], refresh_token=self.shown["refresh_token"]))
        self.slept: list[float] = []

    def run(
        self, work: Callable[[PinterestConnector], Any], *, now: datetime = NOW, may_move_pins: bool = False
    ) -> Any:
        """Run `work(connector)` over a fresh pool of connections, at this business time."""

        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        async def go() -> Any:
            app = PinterestApp(app_id=self.shown["app_id"], app_secret=SecretStr(self.shown["app_secret"]))
            async with httpx.AsyncClient(trust_env=False) as client:
                transport = Transport(
                    client,
                    PinterestDialect(app),
                    self.tokens,
                    FixedClock(now),
                    patience=Patience(timeout=10.0),
                    base_url=f"{self.sandbox.url}/pinterest",
                    sleep=sleep,
                )
                return await work(PinterestConnector(transport, Files(), may_move_pins=may_move_pins))

        return asyncio.run(go())

    def request(self, **changes: Any) -> PublishRequest:
        fields: dict[str, Any] = {
            "intent_id": "item/crowd/1",
            "account": self.account,
            "text": "Fresh bread at seven",
            "content_format": ContentFormat.IMAGE,
            "media": (self.media("one.jpg", "image/jpeg"),),
            "options": PublishOptions(title="Bread", link="https://bakery.example/menu"),
            "created_at": NOW,
        }
        return PublishRequest(**(fields | changes))

    @staticmethod
    def media(path: str, mime_type: str) -> Media:
        return Media(
            media_id=path,
            path=path,
            mime_type=mime_type,
            alt_text="Bread",
            width=1000,
            height=1500,
            size_bytes=100,
            sha256="0" * 64,
        )

    def stage(self, request: PublishRequest, *, may_move_pins: bool = False) -> Staging:
        async def work(connector: PinterestConnector) -> Staging:
            staging = connector.prepare(request)
            while not staging.is_complete:
                staging = await connector.stage(request, staging)
            return staging

        return self.run(work, may_move_pins=may_move_pins)

    def published(self) -> list[dict[str, Any]]:
        """What came over the wire for this account, by the sandbox's own record."""
        return self.sandbox.posts(native_account_id=self.account.native_id, origin="api")


UNUSED = (f"crowd{number:05d}" for number in range(2, 40))
"""Accounts on which nothing was published yet: each test takes one."""


@pytest.fixture
def side(sandbox) -> Side:
    return Side(sandbox, next(UNUSED))


def test_every_format_is_published_and_read_back(side):
    film = side.request(
        intent_id="film",
        text="A film",
        content_format=ContentFormat.VIDEO,
        media=(side.media("film.mp4", "video/mp4"), side.media("cover.jpg", "image/jpeg")),
    )
    album = side.request(
        intent_id="album",
        text="An album",
        content_format=ContentFormat.CAROUSEL,
        media=tuple(side.media(f"{n}.jpg", "image/jpeg") for n in range(3)),
    )
    receipts = []
    for request in (side.request(), film, album):
        staging = side.stage(request)
        receipts.append(side.run(lambda c, r=request, s=staging: c.commit(r, s)))

    async def read(connector):
        return [page async for page in connector.posts(side.account, since=NOW - timedelta(hours=1))]

    posts = [post for page in side.run(read) for post in page.posts]
    assert [p.native_id for p in posts] == [r.native_id for r in reversed(receipts)]
    assert [(p.content_format, p.media_count, p.text) for p in posts] == [
        (ContentFormat.CAROUSEL, 3, "An album"),
        (ContentFormat.VIDEO, 1, "A film"),
        (ContentFormat.IMAGE, 1, "Fresh bread at seven"),
    ]


def test_history_and_its_counts_come_through(side):
    async def read(connector):
        pages = [page async for page in connector.posts(side.account, since=None)]
        posts = [post for page in pages for post in page.posts]
        listed = {(p.post_id, p.metric): p.value for page in pages for p in page.metrics}
        counted = {(p.post_id, p.metric): p.value for p in await connector.post_metrics(side.account, posts)}
        return posts, listed, counted

    posts, listed, counted = side.run(read)
    assert [p.native_id for p in posts] == [
        p["native_id"] for p in reversed(side.sandbox.posts(native_account_id=side.account.native_id))
    ]
    assert {metric for _, metric in listed} == {"likes", "comments"}
    assert {metric for _, metric in counted} == {"impressions", "clicks", "link_clicks", "saves"}
    settled = {p.post_id for p in posts if p.published_at.date() <= date(2026, 5, 28)}
    assert {post_id for post_id, metric in counted if metric == "impressions"} == settled
    assert side.run(lambda c: c.profile(side.account)).followers > 0

    old_posts, old_listed, old_counted = side.run(read, now=NOW + timedelta(days=60))
    young = {p.post_id for p in old_posts if mapping.is_within_reach(p.published_at, NOW + timedelta(days=60))}
    assert 0 < len(young) < len(old_posts)
    assert {post_id for post_id, _ in old_counted} <= young
    lifetime = {post_id: value for (post_id, metric), value in old_listed.items() if metric == "impressions"}
    assert lifetime.keys() == {p.post_id for p in old_posts} - young
    assert all(lifetime[post_id] >= counted[post_id, "impressions"] > 0 for post_id in lifetime)


def test_account_metrics_and_a_retired_metric(side):
    def read(connector):
        return connector.account_metrics(side.account, start=date(2026, 5, 1), end=date(2026, 5, 30))

    points = side.run(read)
    assert {p.metric for p in points} == {"impressions", "clicks", "link_clicks", "saves"}
    assert {p.day for p in points} == {date(2026, 5, day) for day in range(1, 29)}, "the last two days are not settled"
    side.sandbox.fault(network="pinterest", kind="retired_metric", params={"metric": "OUTBOUND_CLICK"})
    without = side.run(read)
    assert [(p.day, p.metric, p.value) for p in sorted(without, key=lambda p: (p.day, p.metric))] == [
        (p.day, p.metric, p.value) for p in sorted(points, key=lambda p: (p.day, p.metric)) if p.metric != "link_clicks"
    ]


@pytest.mark.parametrize("link", ["https://bakery.example/menu", None])
@pytest.mark.parametrize("fault", ["disconnect_after_commit", "server_error"])
def test_a_lost_answer_is_found_and_exactly_one_pin_exists(side, link, fault):
    request = side.request(options=PublishOptions(title="Bread", link=link))
    staging = side.stage(request)
    side.sandbox.fault(
        network="pinterest", operation="publish", kind=fault, times=1, params={"after_commit": True, "status": 503}
    )
    with pytest.raises(NetworkError) as caught:
        side.run(lambda c: c.commit(request, staging))
    assert caught.value.error_class is ErrorClass.AMBIGUOUS
    found = side.run(lambda c: c.find_published(request, staging))
    (pin,) = side.published()
    assert (found.outcome, found.receipt.native_id) == ("published", pin["native_id"])


@pytest.mark.parametrize("kind", ["disconnect_after_commit", "disconnect_before_commit"])
def test_a_lost_move_is_settled_by_the_pins_board(side, kind):
    request = side.request(options=PublishOptions())
    staging = side.stage(request, may_move_pins=True)
    assert side.published() == []
    side.sandbox.fault(network="pinterest", operation="publish", kind=kind, times=1)

    async def work(connector: PinterestConnector) -> Any:
        with pytest.raises(NetworkError) as caught:
            await connector.commit(request, staging)
        assert caught.value.error_class is ErrorClass.AMBIGUOUS
        found = await connector.find_published(request, staging)
        if found.outcome == "published":
            return found.receipt
        assert found.is_repeat_harmless
        return await connector.commit(request, staging)

    receipt = side.run(work, may_move_pins=True)
    assert [post["native_id"] for post in side.published()] == [receipt.native_id]


def test_what_never_arrived_is_absent(side):
    request = side.request()
    staging = side.stage(request)
    side.sandbox.fault(network="pinterest", operation="publish", kind="disconnect_before_commit", times=1)
    with pytest.raises(NetworkError) as caught:
        side.run(lambda c: c.commit(request, staging))
    assert caught.value.error_class is ErrorClass.AMBIGUOUS
    assert side.run(lambda c: c.find_published(request, staging)).outcome == "absent"
    assert side.published() == []


def test_a_listing_that_lags_delays_the_finding_only(side):
    request = side.request()
    staging = side.stage(request)
    side.sandbox.fault(network="pinterest", operation="publish", kind="disconnect_after_commit", times=1)
    with pytest.raises(NetworkError):
        side.run(lambda c: c.commit(request, staging))
    side.sandbox.fault(network="pinterest", operation="read", kind="read_lag", times=1, params={"seconds": 3600})
    assert side.run(lambda c: c.find_published(request, staging)).outcome == "absent"
    assert side.run(lambda c: c.find_published(request, staging)).outcome == "published"


def test_reposts_are_two_pins_and_both_are_known(side):
    first, second = side.request(), side.request(intent_id="item/crowd/2")
    stagings = [side.stage(request) for request in (first, second)]
    receipts = [side.run(lambda c, r=r, s=s: c.commit(r, s)) for r, s in zip((first, second), stagings, strict=True)]
    for request, staging, receipt in zip((first, second), stagings, receipts, strict=True):
        assert side.run(lambda c, r=request, s=staging: c.find_published(r, s)).receipt.native_id == receipt.native_id
    assert len(side.published()) == 2


@pytest.mark.parametrize("kind", ["unknown_fields", "empty_page", "duplicate_answer"])
def test_odd_listings_change_nothing(side, kind):
    async def read(connector):
        return [post.native_id async for page in connector.posts(side.account, since=None) for post in page.posts]

    expected = side.run(read)
    side.sandbox.fault(network="pinterest", operation="read", kind=kind, times=1)
    assert side.run(read) == expected


def test_an_expired_token_is_renewed_and_a_commit_is_left_to_the_publisher(side):
    side.sandbox.fault(network="pinterest", operation="read", kind="expire_token", times=1)
    assert side.run(lambda c: c.profile(side.account)).native_id == side.account.native_id
    assert side.tokens.saves == 1
    request = side.request()
    staging = side.stage(request)
    side.sandbox.fault(network="pinterest", operation="publish", kind="expire_token", times=1)
    with pytest.raises(NetworkError) as caught:
        side.run(lambda c: c.commit(request, staging))
    assert caught.value.error_class is ErrorClass.TRANSIENT
    assert side.published() == []
    side.run(lambda c: c.commit(request, staging))
    assert len(side.published()) == 1
    side.tokens.token = Token(access_token="gone", refresh_token="gone")
    with pytest.raises(NetworkError) as caught:
        side.run(lambda c: c.profile(side.account))
    assert caught.value.error_class is ErrorClass.AUTH


def test_a_rate_limit_says_when_to_come_back(side):
    side.sandbox.fault(
        network="pinterest", operation="publish", kind="rate_limit", times=1, params={"retry_after_seconds": 120}
    )
    request = side.request()
    staging = side.stage(request)
    with pytest.raises(NetworkError) as caught:
        side.run(lambda c: c.commit(request, staging))
    assert caught.value.error_class is ErrorClass.RATE
    assert timedelta(seconds=100) < caught.value.retry_at - datetime.now(UTC) < timedelta(seconds=140)
    assert side.published() == []


def test_pins_and_films_survive_a_restart(start_sandbox):
    sandbox = start_sandbox("--crowd", "18")
    side = Side(sandbox)
    request = side.request(content_format=ContentFormat.VIDEO, media=(side.media("film.mp4", "video/mp4"),))
    staging = side.stage(request)
    sandbox.restart()
    receipt = side.run(lambda c: c.commit(request, staging))
    sandbox.restart()
    assert side.run(lambda c: c.find_published(request, staging)).receipt.native_id == receipt.native_id
