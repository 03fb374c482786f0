"""One conformance suite for all connectors, against the sandbox: another implementation of the same contracts, written without theirs.

What was published is counted in the network's own state, never in what the connector believes.
"""

import asyncio
import io
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Capabilities, ContentFormat, Grant, Network
from contracts.ports import Connector, ReadsMessages
from contracts.records import (
    Account,
    Media,
    MessageTarget,
    PublishOptions,
    PublishRequest,
    Reconciliation,
    Staging,
    Token,
)
from contracts.settings import App, Settings
from platforms import HttpCollector, HttpNetworks, SandboxClock
from platforms._http import Patience
from platforms.collector import run
from policy import limits_for

pytestmark = pytest.mark.integration


class Tokens:
    """`contracts.ports.TokenStore` of one grant, in memory."""

    def __init__(self, tokens: dict[str, Token]) -> None:
        self.tokens = tokens

    async def has(self, account_id: str) -> bool:
        return account_id in self.tokens

    async def load(self, account_id: str) -> Token:
        return self.tokens[account_id]

    async def claim_renewal(self, account_id: str, *, expected_version: int, seconds: float) -> bool:
        return self.tokens[account_id].version == expected_version

    async def release_renewal(self, account_id: str, *, expected_version: int) -> None:
        pass

    async def save(self, account_id: str, token: Token, *, expected_version: int) -> Token:
        if self.tokens[account_id].version == expected_version:
            self.tokens[account_id] = token.model_copy(update={"version": expected_version + 1})
        return self.tokens[account_id]


def _token(said: dict[str, Any]) -> Token:
    return Token(access_token=said["access_token"], refresh_token=said["refresh_token"])


class Sandbox:
    """A running sandbox: its address, its admin pages, and the ports that connectors need."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.admin = httpx.Client(base_url=url, timeout=30, limits=httpx.Limits(max_keepalive_connections=0))
        self.known = {(a["network"], a["client_slug"]): a for a in self.get("accounts") if not a["is_competitor"]}
        own = {f"{a['network']}:{a['native_id']}": a for a in self.known.values()}
        self.tokens = {name: _token(a) for name, a in own.items()}
        self.business = {name: _token(a["grants"]["business"]) for name, a in own.items() if "grants" in a}
        known = next(a for a in self.known.values() if a["network"] == "x")
        self.app = App(app_id=known["app_id"], app_secret=known["app_secret"])
        self.clock = SandboxClock(url)
        self.files: dict[str, bytes] = {}

    def get(self, page: str, **params: str) -> Any:
        return self.admin.get(f"/_sandbox/{page}", params=params).raise_for_status().json()

    def fault(self, network: str, operation: str, kind: str, **more: Any) -> None:
        body = {"network": network, "operation": operation, "kind": kind, **more}
        self.admin.post("/_sandbox/faults", json=body).raise_for_status()

    def heal(self) -> None:
        self.admin.delete("/_sandbox/faults").raise_for_status()

    def account(self, network: Network, slug: str | None = None) -> Account:
        slug = slug or ("harbor-coffee" if (network.value, "harbor-coffee") in self.known else "crowd-00000")
        known = self.known[network.value, slug]
        return Account(
            account_id=f"{network.value}:{known['native_id']}",
            client_id=slug,
            network=network,
            native_id=known["native_id"],
            handle=known["handle"],
            base_url=f"{self.url}/{network.value}",
        )

    def published(self, account: Account) -> list[dict[str, Any]]:
        return list(self.get("posts", network=account.network.value, native_account_id=account.native_id, origin="api"))

    # the ports
    def of(self, grant: Grant) -> "Tokens":
        return Tokens(self.business if grant is Grant.BUSINESS else self.tokens)

    def read(self, path: str) -> bytes:
        return self.files[path]

    async def publish(self, *, name: str, content: bytes, mime_type: str) -> str:
        async with httpx.AsyncClient() as client:
            url = f"{self.url}/_sandbox/cdn/{name}"
            (await client.put(url, content=content, headers={"content-type": mime_type})).raise_for_status()
        return url

    def picture(self, colour: str) -> Media:
        Image.new("RGB", (640, 640), colour).save(buffer := io.BytesIO(), "JPEG")
        content = buffer.getvalue()
        self.files[f"media/{colour}.jpg"] = content
        return Media(
            media_id=colour,
            path=f"media/{colour}.jpg",
            mime_type="image/jpeg",
            alt_text=f"All {colour}",
            width=640,
            height=640,
            size_bytes=len(content),
            sha256=colour.encode().hex().ljust(64, "0"),
        )

    def film(self, name: str) -> Media:
        """Bytes with the head of an MP4: no network of the sandbox decodes them."""
        content = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp41" + name.encode() * 4096
        self.files[f"media/{name}.mp4"] = content
        return Media(
            media_id=name,
            path=f"media/{name}.mp4",
            mime_type="video/mp4",
            alt_text=name,
            width=1080,
            height=1920,
            size_bytes=len(content),
            sha256=name.encode().hex().ljust(64, "0")[:64],
            duration_seconds=12.0,
        )

    def networks(self) -> HttpNetworks:
        patience = Patience(timeout=3.0, attempts=2, first_backoff=0.01, longest_wait=3.0)
        apps = dict.fromkeys(Network, self.app)
        settings = Settings(network_base_url=self.url, apps=apps, tiktok_business_app=self.app)
        return HttpNetworks(settings, self, self, self, clock=self.clock, patience=patience, quotas=self)

    def options(self, network: Network) -> PublishOptions:
        if network is not Network.PINTEREST:
            return PublishOptions()
        token = self.tokens[self.account(network).account_id].access_token
        headers = {"authorization": f"Bearer {token}"}
        boards = self.admin.get("/pinterest/v5/boards", headers=headers).raise_for_status().json()["items"]
        return PublishOptions(board_id=boards[0]["id"])

    def capabilities(self) -> dict[Network, Capabilities]:
        async def declared() -> dict[Network, Capabilities]:
            async with self.networks().open() as connectors:
                return {network: connector.capabilities for network, connector in connectors.items()}

        return run(declared())

    async def reserve(self, key: str, *, window_start: datetime, units: int, limit: int) -> bool:
        """The networks' own limits are relaxed here, and so are those that we count."""
        return True

    @asynccontextmanager
    async def connector(self, network: Network) -> AsyncIterator[Connector]:
        async with self.networks().open() as connectors:
            yield connectors[network]


@pytest.fixture(scope="module")
def running_sandbox(tmp_path_factory: pytest.TempPathFactory, project_root: Path) -> Iterator[Sandbox]:
    command = [
        sys.executable,
        "-m",
        "sandbox",
        "--port",
        "0",
        "--state-dir",
        str(tmp_path_factory.mktemp("sandbox")),
        "--crowd",
        "18",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=project_root) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            assert line.startswith("READY "), line
            sandbox = Sandbox(line.split()[1])
            yield sandbox
            sandbox.admin.close()
        finally:
            process.terminate()


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Iterator[Sandbox]:
    yield running_sandbox
    running_sandbox.heal()


@pytest.fixture
def make_request(sandbox: Sandbox) -> Callable[..., PublishRequest]:
    numbers = iter(range(10_000))

    def build(network: Network, text: str, **more: Any) -> PublishRequest:
        is_reply = "reply_to_native_comment_id" in more
        form = ContentFormat.TEXT if is_reply else USUAL_FORMAT.get(network, ContentFormat.TEXT)
        media: tuple[Media, ...] = ()
        if form is ContentFormat.IMAGE:
            media = (sandbox.picture("navy"),)
        elif form in (ContentFormat.VIDEO, ContentFormat.SHORT_VIDEO):
            media = (sandbox.film("waves"),)
        fields: dict[str, Any] = {
            "intent_id": f"{text}/{next(numbers)}",
            "account": sandbox.account(network),
            "text": text,
            "content_format": form,
            "media": media,
            "options": sandbox.options(network) if not is_reply else PublishOptions(),
            "language": "en",
            "created_at": sandbox.clock.now(),
        }
        return PublishRequest(**(fields | more))

    return build


async def staged(connector: Connector, request: PublishRequest) -> Staging:
    staging = connector.prepare(request)
    while not staging.is_complete:
        staging = await connector.stage(request, staging)
    return staging


async def refusal_of(connector: Connector, request: PublishRequest, staging: Staging) -> ErrorClass | None:
    """How a commit ends; None: with a receipt."""
    try:
        await connector.commit(request, staging)
    except NetworkError as error:
        return error.error_class
    return None


ALL = pytest.mark.parametrize("network", list(Network))
LOOKS = 8
USUAL_FORMAT = {
    Network.INSTAGRAM: ContentFormat.IMAGE,
    Network.PINTEREST: ContentFormat.IMAGE,
    Network.TIKTOK: ContentFormat.SHORT_VIDEO,
    Network.YOUTUBE: ContentFormat.VIDEO,
}
"""What is published where text alone cannot be."""
OF_REELS = frozenset({"average_view_seconds", "watch_minutes"})
TELLS_WHEN = frozenset(Network) - {Network.LINKEDIN, Network.TIKTOK, Network.YOUTUBE}
"""Networks whose answers say when a limit resets."""


def test_everything_of_every_account_is_read(sandbox: Sandbox) -> None:
    collector = HttpCollector(sandbox.networks())
    accounts = [sandbox.account(Network(network), slug) for network, slug in sandbox.known]
    now = sandbox.clock.now()
    snapshots = collector.profiles(accounts)
    assert snapshots.failures == ()
    assert {s.account_id for s in snapshots.rows} == {a.account_id for a in accounts}
    assert all(s.followers and s.observed_at == now for s in snapshots.rows)
    posts = collector.posts(accounts, since={}, detail_since=now - timedelta(days=7))
    assert posts.failures == ()
    for account in accounts:
        truth = sandbox.get("posts", network=account.network.value, native_account_id=account.native_id)
        known = {t["native_id"] for t in truth}
        assert {p.native_id for p in posts.posts if p.account_id == account.account_id} == known
    links = [post for post in posts.posts if post.content_format is ContentFormat.LINK]
    assert {post.network for post in links} == {Network.FACEBOOK}
    assert all(post.link_url and post.link_title for post in links), "each has its card"
    assert all(word in post.text for post in links for word in str(post.link_title).rstrip("…").split())
    assert all(post.link_url is post.link_title is None for post in posts.posts if post not in links)
    metrics = {m.metric for m in posts.metrics if m.network is Network.INSTAGRAM}
    assert metrics == {"likes", "comments", "shares", "saves", "reach", "views", *OF_REELS}
    keys = [(m.post_id, m.metric, m.observed_at) for m in posts.metrics]
    assert len(keys) == len(set(keys))
    commented = [
        p
        for p in posts.posts
        if any(m.post_id == p.post_id and m.metric == "comments" and m.value for m in posts.metrics)
    ]
    comments = collector.comments(accounts, commented[:40])
    assert comments.failures == ()
    assert comments.rows
    end = (now - timedelta(days=2)).date()
    daily = collector.account_metrics(accounts, start=end - timedelta(days=9), end=end)
    assert daily.failures == ()
    for network, declared in sandbox.capabilities().items():
        said = {p.metric for p in daily.rows if p.network is network}
        assert said <= set(declared.account_metrics)
        assert bool(said) is declared.has_account_metrics
        told = {m.metric for m in posts.metrics if m.network is network}
        assert told <= set(declared.post_metrics)
        assert told
    of_instagram = [p for p in daily.rows if p.network is Network.INSTAGRAM]
    assert {p.day for p in of_instagram} == {end - timedelta(days=i) for i in range(10)}


@ALL
async def test_published_once_and_read_back(
    sandbox: Sandbox, make_request: Callable[..., PublishRequest], network: Network
) -> None:
    text = f"Café #abierto https://harbor.example {network.value}"
    request = make_request(network, text)
    if ContentFormat.CAROUSEL in sandbox.capabilities()[network].formats:
        pictures = tuple(sandbox.picture(c) for c in ("navy", "teal", "gold"))
        request = make_request(network, text, media=pictures, content_format=ContentFormat.CAROUSEL)
    async with sandbox.connector(network) as connector:
        receipt = await connector.commit(request, await staged(connector, request))
        pages = [page async for page in connector.posts(request.account, since=request.created_at - timedelta(hours=1))]
    (post,) = [p for page in pages for p in page.posts if p.native_id == receipt.native_id]
    assert "Café" in post.text
    if network is not Network.TIKTOK:  # its listing does not tell pictures from films
        assert (post.content_format, post.media_count) == (request.content_format, len(request.media))
    assert [p["native_id"] for p in sandbox.published(request.account) if p["text"] == text] == [receipt.native_id]
    assert abs(receipt.published_at - request.created_at) < timedelta(minutes=1)


CARD = "https://harbor.example/autumn-menu"
CARDS: list[tuple[Network, ContentFormat, str, dict[str, str], str]] = [
    (Network.BLUESKY, ContentFormat.LINK, "", {"link": CARD, "title": "What we serve"}, "What we serve"),
    (Network.BLUESKY, ContentFormat.ARTICLE, "", {"link": CARD, "title": "What we serve"}, "What we serve"),
    (Network.FACEBOOK, ContentFormat.LINK, "", {"link": CARD}, "Autumn menu"),
    (Network.LINKEDIN, ContentFormat.LINK, "", {"link": CARD, "title": "What we serve"}, "What we serve"),
    (Network.LINKEDIN, ContentFormat.ARTICLE, "", {"link": CARD, "title": "What we serve"}, "What we serve"),
    (Network.MASTODON, ContentFormat.TEXT, f" {CARD}", {}, "Autumn menu"),
    (Network.PINTEREST, ContentFormat.IMAGE, "", {"link": CARD, "title": "What we serve"}, "What we serve"),
    (Network.X, ContentFormat.TEXT, f" {CARD}", {}, "Autumn menu"),
]
"""Network, format, what the text ends with, options, and the headline: given, or what the network finds behind the link."""


@pytest.mark.parametrize(("network", "form", "ending", "options", "title"), CARDS)
async def test_a_link_is_published_and_its_card_read_back(
    sandbox: Sandbox,
    make_request: Callable[..., PublishRequest],
    network: Network,
    form: ContentFormat,
    ending: str,
    options: dict[str, str],
    title: str,
) -> None:
    has_picture = form in (ContentFormat.ARTICLE, ContentFormat.IMAGE)
    request = make_request(
        network,
        f"Come and see {form.value}{ending}",
        content_format=form,
        media=(sandbox.picture("navy"),) if has_picture else (),
        options=sandbox.options(network).model_copy(update=options),
    )
    async with sandbox.connector(network) as connector:
        receipt = await connector.commit(request, await staged(connector, request))
        pages = [page async for page in connector.posts(request.account, since=request.created_at - timedelta(hours=1))]
    (post,) = [p for page in pages for p in page.posts if p.native_id == receipt.native_id]
    assert post.link_url is not None
    assert post.link_url.partition("?")[0] == CARD, "Pinterest's carries an id of ours besides"
    assert post.text.startswith(f"Come and see {form.value}")
    assert post.link_title == title


async def looked_for(connector: Connector, request: PublishRequest, staging: Staging) -> Reconciliation:
    """What becomes of it once the network has processed it, as the publisher would find out: look by look."""
    for _ in range(LOOKS):
        found = await connector.find_published(request, staging)
        if found.outcome != "undecided":
            break
    return found


@ALL
@pytest.mark.parametrize(
    ("kind", "params", "lands"),
    [
        ("disconnect_after_commit", {}, True),
        ("disconnect_before_commit", {}, False),
        ("server_error", {"after_commit": True, "status": 502}, True),
        ("server_error", {"status": 500}, False),
        ("timeout", {"seconds": 4, "after_commit": True}, True),
        ("timeout", {"seconds": 4}, False),
        ("duplicate_answer", {}, True),
    ],
)
async def test_a_lost_answer_is_reconciled_without_a_second_post(
    sandbox: Sandbox,
    make_request: Callable[..., PublishRequest],
    network: Network,
    kind: str,
    params: dict[str, Any],
    lands: bool,
) -> None:
    request = make_request(network, f"lost {kind} {params} {network.value}")
    async with sandbox.connector(network) as connector:
        staging = await staged(connector, request)
        sandbox.fault(network.value, "publish", kind, times=1, params=params)
        assert await refusal_of(connector, request, staging) in (
            (ErrorClass.AMBIGUOUS, ErrorClass.DUPLICATE, None)
            if kind == "duplicate_answer"
            else (ErrorClass.AMBIGUOUS,)
        )
        found = await looked_for(connector, request, staging)
        assert found.outcome in (["published"] if lands else ["not_published", "absent"]), found.evidence
        if not lands:
            await connector.commit(request, staging)
            found = await looked_for(connector, request, staging)
    (truth,) = [p for p in sandbox.published(request.account) if p["text"] == request.text]
    assert found.receipt is not None
    assert found.receipt.native_id == truth["native_id"]


@ALL
async def test_deliberate_reposts_of_one_text_all_appear_though_answers_get_lost(
    sandbox: Sandbox, make_request: Callable[..., PublishRequest], network: Network
) -> None:
    text = f"again and again on {network.value}"
    sandbox.fault(network.value, "publish", "disconnect_after_commit", probability=0.5, params={"seed": 3})
    sandbox.fault(network.value, "publish", "guard_off")
    sandbox.fault(network.value, "read", "duplicate_answer")  # and every listing says everything twice
    found: list[str] = []
    async with sandbox.connector(network) as connector:
        for _ in range(12):
            request = make_request(network, text, claimed_native_ids=tuple(found))
            staging = await staged(connector, request)
            try:
                receipt = await connector.commit(request, staging)
            except NetworkError:
                reconciled = (await looked_for(connector, request, staging)).receipt
                assert reconciled is not None
                receipt = reconciled
            found.append(receipt.native_id)
    truth = [p["native_id"] for p in sandbox.published(request.account) if p["text"] == text]
    assert sorted(found) == sorted(truth)
    assert len(set(found)) == 12


@ALL
async def test_a_reply_with_a_lost_answer_is_found_among_the_replies(
    sandbox: Sandbox, make_request: Callable[..., PublishRequest], network: Network
) -> None:
    account = sandbox.account(network)
    if not sandbox.capabilities()[network].can_reply:
        pytest.skip(f"{network.value} declares that it takes no replies")
    async with sandbox.connector(network) as connector:
        pages = connector.posts(account, since=sandbox.clock.now() - timedelta(days=30))
        posts = [p async for page in pages for p in page.posts]
        comment = None
        for post in posts:
            theirs = [c async for page in connector.comments(account, post) for c in page if not c.is_own]
            comment = theirs[0] if theirs else None
            if comment is not None:
                break
        assert comment is not None, "no comment in a month of the seeded world"
        target = {"reply_to_native_comment_id": comment.native_id, "reply_to_native_post_id": post.native_id}
        request = make_request(network, f"Thank you! {network.value}", **target)
        staging = await staged(connector, request)
        for operation in ("reply", "publish"):  # where an answer is a post like any other
            sandbox.fault(network.value, operation, "disconnect_after_commit", times=1)
        with pytest.raises(NetworkError) as caught:
            await connector.commit(request, staging)
        assert caught.value.error_class is ErrorClass.AMBIGUOUS
        sandbox.fault(network.value, "read", "duplicate_answer")
        found = await connector.find_published(request, staging)
        sandbox.heal()
        assert found.outcome == "published", found.evidence
        assert found.receipt is not None
        everything = [c async for page in connector.comments(account, post) for c in page]
    answers = [c for c in everything if c.comment_id == f"{network.value}:{found.receipt.native_id}"]
    assert [(a.is_own, a.parent_comment_id) for a in answers] == [(True, comment.comment_id)]


# --- every format of Instagram and Bluesky --------------------------------------------------------------------------------

LINK = "https://harbor.example/menu"
FORMATS = [
    (Network.BLUESKY, ContentFormat.TEXT, "", {}),
    (Network.BLUESKY, ContentFormat.LINK, "", {"link": LINK}),
    (Network.BLUESKY, ContentFormat.ARTICLE, "p", {"link": LINK, "title": "The menu"}),
    (Network.BLUESKY, ContentFormat.IMAGE, "p", {}),
    (Network.BLUESKY, ContentFormat.CAROUSEL, "ppp", {}),
    (Network.BLUESKY, ContentFormat.VIDEO, "f", {}),
    (Network.BLUESKY, ContentFormat.THREAD, "p", {"thread": ("and second", "and third")}),
    (Network.INSTAGRAM, ContentFormat.IMAGE, "p", {"user_tags": ("ana",), "place_id": "106078429431815"}),
    (Network.INSTAGRAM, ContentFormat.CAROUSEL, "pfp", {"user_tags": ("ana", "rui")}),
    (Network.INSTAGRAM, ContentFormat.VIDEO, "f", {}),
    (Network.INSTAGRAM, ContentFormat.SHORT_VIDEO, "f", {"place_id": "106078429431815"}),
    (Network.INSTAGRAM, ContentFormat.STORY, "p", {}),
    (Network.INSTAGRAM, ContentFormat.STORY, "f", {}),
]
"""Network, format, its files (pictures and films), its options."""
EVERY_FORMAT = pytest.mark.parametrize(("network", "form", "files", "options"), FORMATS)
SHOWN_AS = {
    (Network.BLUESKY, ContentFormat.THREAD): ContentFormat.IMAGE,  # its first post, which shows a picture
    (Network.INSTAGRAM, ContentFormat.VIDEO): ContentFormat.SHORT_VIDEO,  # all films are reels
}


@pytest.fixture
def make_post(sandbox: Sandbox, make_request: Callable[..., PublishRequest]) -> Callable[..., PublishRequest]:
    def build(
        network: Network, text: str, form: ContentFormat, files: str, options: dict[str, Any], **more: Any
    ) -> PublishRequest:
        colours, films = iter(("navy", "teal", "gold")), iter(("waves", "sand"))
        media = tuple(sandbox.film(next(films)) if kind == "f" else sandbox.picture(next(colours)) for kind in files)
        fields = {"content_format": form, "media": media, "options": PublishOptions(**options)}
        return make_request(network, text, **fields, **more)

    return build


def of_intent(sandbox: Sandbox, account: Account, request: PublishRequest) -> list[dict[str, Any]]:
    """What stands on the network with the intent's words, in the order in which it came; of stories, which have none, all."""
    is_story = request.content_format is ContentFormat.STORY
    words = {"" if is_story else request.text, *request.options.thread}
    found = [post for post in sandbox.published(account) if post["text"] in words]
    return [post for post in found if (post["content_format"] == "story") == is_story]


def test_every_declared_format_of_the_two_is_covered(sandbox: Sandbox) -> None:
    for network in (Network.BLUESKY, Network.INSTAGRAM):
        declared = sandbox.capabilities()[network]
        ours = [entry for entry in FORMATS if entry[0] is network]
        assert {form for _, form, _, _ in ours} == declared.formats
        assert {name for *_, options in ours for name in options} == declared.options


@EVERY_FORMAT
async def test_every_format_is_published_once_and_read_back(
    sandbox: Sandbox,
    make_post: Callable[..., PublishRequest],
    network: Network,
    form: ContentFormat,
    files: str,
    options: dict[str, Any],
) -> None:
    request = make_post(network, f"A {form.value} of {files or 'words'} on {network.value}", form, files, options)
    before = len(of_intent(sandbox, request.account, request))
    async with sandbox.connector(network) as connector:
        receipt = await connector.commit(request, await staged(connector, request))
        pages = [page async for page in connector.posts(request.account, since=request.created_at - timedelta(hours=1))]
    truth = of_intent(sandbox, request.account, request)[before:]
    assert [post["text"] for post in truth] == (
        [""] if form is ContentFormat.STORY else [request.text, *request.options.thread]
    )
    assert truth[0]["native_id"] == receipt.native_id
    assert receipt.permalink
    read = {p.native_id: p for page in pages for p in page.posts}
    if form is ContentFormat.STORY:
        assert receipt.native_id not in read, "another listing"
        return
    post = read[receipt.native_id]
    assert (post.content_format, post.media_count) == (SHOWN_AS.get((network, form), form), len(files) or 0)
    if form is ContentFormat.THREAD:
        answers = [p["in_reply_to"] for p in truth]
        assert answers == [None, truth[0]["native_id"], truth[1]["native_id"]]
        assert all(read[p["native_id"]].is_reply for p in truth[1:])


@EVERY_FORMAT
@pytest.mark.parametrize(
    ("kind", "lands"), [("disconnect_after_commit", True), ("disconnect_before_commit", False), ("server_error", False)]
)
async def test_every_format_survives_a_lost_answer(
    sandbox: Sandbox,
    make_post: Callable[..., PublishRequest],
    network: Network,
    form: ContentFormat,
    files: str,
    options: dict[str, Any],
    kind: str,
    lands: bool,
) -> None:
    if "thread" in options:  # also words that are nobody else's
        options = {"thread": tuple(f"{kind}: {part}" for part in options["thread"])}
    request = make_post(network, f"{kind}: a {form.value} of {files} on {network.value}", form, files, options)
    before = len(of_intent(sandbox, request.account, request))
    async with sandbox.connector(network) as connector:
        staging = await staged(connector, request)
        sandbox.fault(network.value, "publish", kind, times=1)
        assert await refusal_of(connector, request, staging) is ErrorClass.AMBIGUOUS
        found = await connector.find_published(request, staging)
        is_whole = lands and "thread" not in options
        if not is_whole:
            assert found.outcome == ("undecided" if lands else "not_published"), found.evidence
            await connector.commit(request, staging)
            found = await connector.find_published(request, staging)
    truth = of_intent(sandbox, request.account, request)[before:]
    assert len(truth) == 1 + len(request.options.thread)
    assert found.outcome == "published", found.evidence
    assert found.receipt is not None
    assert found.receipt.native_id == truth[0]["native_id"]


@pytest.mark.parametrize("seed", range(4))
async def test_a_long_thread_is_whole_and_in_order_however_often_answers_get_lost(
    sandbox: Sandbox, make_post: Callable[..., PublishRequest], seed: int
) -> None:
    texts = tuple(f"{seed}: part {i}" for i in range(2, 7))
    request = make_post(Network.BLUESKY, f"{seed}: part 1", ContentFormat.THREAD, "", {"thread": texts})
    for operation in ("publish", "reply"):  # to the sandbox a thread's later posts are answers
        for number, kind in enumerate(("disconnect_after_commit", "disconnect_before_commit")):
            params = {"seed": 10 * seed + number}
            sandbox.fault("bluesky", operation, kind, probability=0.3, params=params)
    seen = set()
    async with sandbox.connector(Network.BLUESKY) as connector:
        staging = await staged(connector, request)
        outcome = "not_published"
        while outcome != "published":
            ended = await refusal_of(connector, request, staging)
            assert ended in (None, ErrorClass.AMBIGUOUS)
            outcome = (await connector.find_published(request, staging)).outcome
            assert (outcome == "published") >= (ended is None)
            seen.add(outcome)
    assert "undecided" in seen, "no answer within the thread was lost: another seed would test more"
    truth = of_intent(sandbox, request.account, request)
    assert [post["text"] for post in truth] == [request.text, *texts]
    assert [post["in_reply_to"] for post in truth] == [None, *(post["native_id"] for post in truth[:-1])]


@pytest.mark.parametrize(
    ("network", "form"),
    [
        (Network.BLUESKY, ContentFormat.VIDEO),
        (Network.INSTAGRAM, ContentFormat.SHORT_VIDEO),
        (Network.INSTAGRAM, ContentFormat.STORY),
        (Network.INSTAGRAM, ContentFormat.CAROUSEL),
    ],
)
async def test_a_film_that_can_not_be_processed_is_refused_before_anything_is_published(
    sandbox: Sandbox, make_post: Callable[..., PublishRequest], network: Network, form: ContentFormat
) -> None:
    files = "ff" if form is ContentFormat.CAROUSEL else "f"
    request = make_post(network, f"no film on {network.value}", form, files, {})
    for film in request.media:
        sandbox.files[film.path] = b"these bytes are no film, and no MP4 begins so"
    before = len(sandbox.published(request.account))
    async with sandbox.connector(network) as connector:
        with pytest.raises(NetworkError) as caught:
            await staged(connector, request)
    assert caught.value.error_class is ErrorClass.INVALID
    assert len(sandbox.published(request.account)) == before


@ALL
@pytest.mark.parametrize("kind", [None, "duplicate_answer", "empty_page", "unknown_fields"])
async def test_direct_messages_are_read_where_the_network_allows_it(
    sandbox: Sandbox, network: Network, kind: str | None
) -> None:
    account, since = sandbox.account(network), sandbox.clock.now() - timedelta(days=8)
    async with sandbox.connector(network) as connector:
        assert isinstance(connector, ReadsMessages) is sandbox.capabilities()[network].has_messages
    if not sandbox.capabilities()[network].has_messages:
        return
    if kind is not None:
        sandbox.fault(network.value, "read", kind, **({"times": 1} if kind == "empty_page" else {}))
    found = HttpCollector(sandbox.networks()).messages([account], since={account.account_id: since})
    assert found.failures == ()
    truth = sandbox.get("messages", network=network.value, native_account_id=account.native_id)
    wanted = {t["native_id"]: t for t in truth if datetime.fromisoformat(t["created_at"]) >= since}
    assert {m.native_id for m in found.rows} == set(wanted)
    assert len(wanted) >= 8
    for message in found.rows:
        said = wanted[message.native_id]
        assert said["text"] in message.text
        assert (message.participant_native_id, message.is_own) == (said["person_native_id"], said["is_own"])
        assert (message.account_id, message.client_id) == (account.account_id, account.client_id)
    assert all(m.participant_handle for m in found.rows if not m.is_own)


@ALL
@pytest.mark.parametrize("is_lost", [False, True])
async def test_a_direct_message_is_answered_once_though_its_answer_gets_lost(
    sandbox: Sandbox, make_request: Callable[..., PublishRequest], network: Network, is_lost: bool
) -> None:
    if not sandbox.capabilities()[network].can_message:
        pytest.skip(f"{network.value} declares that it takes no direct messages")
    account, text = sandbox.account(network), f"Of course! {network.value} {is_lost} https://harbor.example"
    async with sandbox.connector(network) as connector:
        assert isinstance(connector, ReadsMessages)
        pages = connector.messages(account, since=sandbox.clock.now() - timedelta(days=2))
        received = max([m async for page in pages for m in page if not m.is_own], key=lambda m: m.sent_at)
        target = MessageTarget(
            native_conversation_id=received.conversation_id.partition(":")[2],
            native_message_id=received.native_id,
            participant_native_id=received.participant_native_id,
            received_at=received.sent_at,
        )
        request = make_request(network, text, message_to=target, content_format=ContentFormat.TEXT, media=())
        request = request.model_copy(update={"options": PublishOptions()})
        staging = await staged(connector, request)
        if is_lost:
            for operation in ("reply", "publish"):  # on Mastodon a message is a status like any other
                sandbox.fault(network.value, operation, "disconnect_after_commit", times=1)
            assert await refusal_of(connector, request, staging) is ErrorClass.AMBIGUOUS
            found = await connector.find_published(request, staging)
            assert found.outcome == "published", found.evidence
            receipt = found.receipt
        else:
            receipt = await connector.commit(request, staging)
        assert receipt is not None
        pages = connector.messages(account, since=sandbox.clock.now() - timedelta(days=2))
        own = [m async for page in pages for m in page if m.is_own and text in m.text]
        posts = [p async for page in connector.posts(account, since=request.created_at) for p in page.posts]
    assert [(m.native_id, m.conversation_id) for m in own] == [(receipt.native_id, received.conversation_id)]
    assert all(text not in post.text for post in posts), "a message is no post"


async def test_an_expired_session_is_renewed_on_the_way(sandbox: Sandbox) -> None:
    account = sandbox.account(Network.BLUESKY)
    before = sandbox.tokens[account.account_id]
    sandbox.fault("bluesky", "read", "expire_token", times=1)
    async with sandbox.connector(Network.BLUESKY) as connector:
        await connector.profile(account)
    assert sandbox.tokens[account.account_id].access_token != before.access_token
    assert sandbox.tokens[account.account_id].version == before.version + 1
    assert (sandbox.tokens[account.account_id].expires_at or datetime.max.replace(tzinfo=UTC)) > datetime.now(UTC)


@ALL
async def test_a_rate_limit_says_until_when(sandbox: Sandbox, network: Network) -> None:
    sandbox.fault(network.value, "read", "rate_limit", params={"retry_after_seconds": 600})
    async with sandbox.connector(network) as connector:
        with pytest.raises(NetworkError) as caught:
            await connector.profile(sandbox.account(network))
    assert caught.value.error_class is ErrorClass.RATE
    assert caught.value.retry_at is not None
    if network in TELLS_WHEN:
        assert timedelta(minutes=8) < caught.value.retry_at - datetime.now(UTC) < timedelta(minutes=16)


def test_accounts_terms_are_read_where_they_have_their_own(sandbox: Sandbox) -> None:
    accounts = [sandbox.account(network) for network in Network]
    found = HttpCollector(sandbox.networks()).terms(accounts)
    assert found.failures == ()
    terms = {read.account_id: read for read in found.rows}
    assert {account_id.partition(":")[0] for account_id in terms} == {"mastodon", "pinterest"}
    pins, toots = sandbox.account(Network.PINTEREST), sandbox.account(Network.MASTODON)
    assert terms[pins.account_id].board is not None
    assert terms[pins.account_id].board.board_id == sandbox.options(Network.PINTEREST).board_id
    limits = limits_for(Network.MASTODON, terms[toots.account_id])
    assert limits.text[0].most == terms[toots.account_id].configuration["statuses"]["max_characters"]


def test_a_retired_metric_is_missing_and_nothing_else(sandbox: Sandbox) -> None:
    account = sandbox.account(Network.INSTAGRAM)
    since = sandbox.clock.now() - timedelta(days=7)
    sandbox.fault("instagram", "read", "retired_metric", params={"metric": "reach"})
    found = HttpCollector(sandbox.networks()).posts([account], since={account.account_id: since}, detail_since=since)
    assert found.failures == ()
    assert {m.metric for m in found.metrics} - OF_REELS == {"likes", "comments", "shares", "saves", "views"}


@ALL
@pytest.mark.parametrize("kind", ["unknown_fields", "duplicate_answer", "slow", "empty_page", "server_error"])
def test_odd_answers_change_nothing_that_is_read(sandbox: Sandbox, network: Network, kind: str) -> None:
    account = sandbox.account(network)
    collector = HttpCollector(sandbox.networks())

    def read() -> set[tuple[str, str]]:
        found = collector.posts([account], since={}, detail_since=sandbox.clock.now())
        assert found.failures == ()
        assert len(found.posts) == len({p.post_id for p in found.posts})
        return {(p.post_id, p.text) for p in found.posts}

    expected = read()
    once: dict[str, Any] = {"times": 1} if kind in ("slow", "empty_page", "server_error") else {}
    if kind == "empty_page" and network is Network.YOUTUBE:
        once["params"] = {"method": "playlistItems"}  # the channel itself is no page of anything
    sandbox.fault(network.value, "read", kind, **once)
    assert read() == expected


async def test_many_accounts_at_once_share_the_connections(sandbox: Sandbox) -> None:
    account = sandbox.account(Network.BLUESKY)
    async with sandbox.connector(Network.BLUESKY) as connector:
        found = await asyncio.gather(*(connector.profile(account) for _ in range(60)))
    assert {s.native_id for s in found} == {account.native_id}
