"""Kill the publisher at random points, lose its answers, and count what the networks' public sees.

`python -m benchmarks.chaos --runs 500 --seed 7 [--accounts 1000] [--guards-off] [--bug resend-on-timeout]`; ends with 1 when a promise was
broken. Full size: `--runs 2000 --posts-per-run 5 --accounts 1000`.

Belongs here: the harness. Real publishers, connectors and store; the sandbox as networks, with faults switched on. Each run has a store of
its own and shares the sandbox with the others. A run: approved posts of several accounts are due; a publisher process drains them and is
killed (SIGKILL) at a seeded step, again and again; the last one is left to finish; one post is then sent once more on purpose; in every fifth run a
person presses the emergency stop in mid-burst. What counts is the sandbox's own list of posts, not what the store believes.
Does not belong here: the property test over a fake network (`tests/unit/operations/test_publisher_crashes.py`).
"""

import argparse
import functools
import hashlib
import itertools
import multiprocessing
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import structlog
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn
from rich.table import Table
from sqlalchemy.orm import Session

from contracts.clock import FixedClock
from contracts.networks import ContentFormat, Network
from contracts.ports import CardRequest, Connector, Networks
from contracts.records import (
    Account,
    BrandKit,
    Client,
    ContentItem,
    Media,
    Pillar,
    PostingRules,
    PublishOptions,
    PublishRequest,
    QuietHours,
    Receipt,
    Reconciliation,
    Staging,
    Token,
)
from contracts.scope import TenantScope
from contracts.settings import App, Settings
from operations import IntentState, OutboxEntry, OutboxPublisher, RetryPlan, SqlStore, set_up
from operations.database import Database
from operations.publisher import Lease, Turn
from platforms._http import Patience
from platforms.networks import HttpNetworks
from providers.images import BrandCards
from providers.media import LocalMedia

LEASE_SECONDS = 1.5
STOP_EVERY = 5
"""One run in so many has a person press the emergency stop."""
MOST_DEATHS = 3
RUN_PATIENCE_SECONDS = 600.0
"""What is not done by then counts as stuck."""
PARKED_ALLOWED = 0.005
FORMATS = {
    Network.INSTAGRAM: ContentFormat.IMAGE,
    Network.PINTEREST: ContentFormat.IMAGE,
    Network.TIKTOK: ContentFormat.SHORT_VIDEO,
    Network.YOUTUBE: ContentFormat.VIDEO,
}
"""What is published where text alone cannot be."""
BUGS = ("resend-on-timeout",)
ALL = TenantScope.all_clients("the chaos harness")

FAULTS: tuple[dict[str, Any], ...] = (
    {"operation": "publish", "kind": "disconnect_after_commit", "probability": 0.15},
    {"operation": "publish", "kind": "disconnect_before_commit", "probability": 0.08},
    {"operation": "publish", "kind": "server_error", "probability": 0.05, "params": {"after_commit": True}},
    {"operation": "publish", "kind": "server_error", "probability": 0.05, "params": {"after_commit": False}},
    {"operation": "publish", "kind": "timeout", "probability": 0.02, "params": {"seconds": 3, "after_commit": True}},
    {"operation": "publish", "kind": "duplicate_answer", "probability": 0.03},
    # Bluesky only: Instagram names its wait in whole minutes, and 500 runs shall end today.
    {
        "network": "bluesky",
        "operation": "publish",
        "kind": "rate_limit",
        "probability": 0.02,
        "params": {"retry_after_seconds": 1},
    },
    {"operation": "stage", "kind": "disconnect_after_commit", "probability": 0.05},
    {"operation": "stage", "kind": "server_error", "probability": 0.03},
    {"operation": "read", "kind": "server_error", "probability": 0.03},
    {"operation": "read", "kind": "slow", "probability": 0.03, "params": {"seconds": 0.2}},
    {"operation": "read", "kind": "read_lag", "probability": 1.0, "params": {"seconds": 0.5}},
)

PROVEN = (Network.BLUESKY, Network.INSTAGRAM)
"""Networks on which every promise has been seen to hold at full size."""
NO_GUARDS: dict[str, Any] = {"operation": "publish", "kind": "guard_off"}
REFUSES_EQUAL_TEXTS = frozenset({Network.FACEBOOK, Network.LINKEDIN, Network.X})


@dataclass(frozen=True)
class NetworkFigures:
    """What became of the intents of one network."""

    network: str
    intents: int
    published: int
    reconciled: int
    """Of the published: found by reading the network after a lost answer or a death."""
    duplicates: int
    lost: int
    stuck: int
    parked: int
    reposts: int
    reposts_seen: int
    refused: int
    commit_calls: float
    """Mean per intent."""
    most_commit_calls: int
    lateness_median_seconds: float
    """From the start of a run, when all was due, to the receipt; machine time, deaths included."""
    lateness_95_seconds: float


@dataclass(frozen=True)
class ChaosReport:
    """What was counted, and every broken promise."""

    runs: int
    seed: int
    kills: int
    stops: int
    seconds: float
    networks: tuple[NetworkFigures, ...]
    parked_cases: tuple[str, ...]
    faults_fired: Mapping[str, int]
    violations: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        return not self.violations


@dataclass(frozen=True)
class World:
    """The sandbox as every run sees it."""

    url: str
    now: datetime
    home: Path
    """A home whose store is copied for each run."""
    accounts: tuple[Account, ...]
    picture: Media
    picture_url: str
    film: Media
    options: Mapping[str, PublishOptions]
    """What posts of an account need besides, by account (a board on Pinterest)."""
    apps: Mapping[Network, App]


@dataclass(frozen=True)
class RunOutcome:
    """What one run's store believes in the end."""

    entries: tuple[OutboxEntry, ...]
    texts: Mapping[str, str]
    """Text by content item."""
    lateness: Mapping[str, float]
    kills: int
    has_stop: bool
    problems: tuple[str, ...]


# --- the publisher that dies --------------------------------------------------------------------------------------------


@dataclass
class Death:
    """Kills this process at its n-th step. A step is a call to a network, about to be made or just answered, or a transaction."""

    at_step: int | None
    steps: int = 0

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.at_step:
            os.kill(os.getpid(), signal.SIGKILL)


class MortalConnector:
    """A connector whose process may die before any publishing call, and after it."""

    def __init__(self, connector: Connector, death: Death) -> None:
        self._connector, self._death = connector, death
        self.capabilities = connector.capabilities

    def prepare(self, request: PublishRequest) -> Staging:
        return self._connector.prepare(request)

    async def stage(self, request: PublishRequest, staging: Staging) -> Staging:
        self._death.step()
        after = await self._connector.stage(request, staging)
        self._death.step()
        return after

    async def commit(self, request: PublishRequest, staging: Staging) -> Receipt:
        self._death.step()
        receipt = await self._connector.commit(request, staging)
        self._death.step()
        return receipt

    async def find_published(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        self._death.step()
        found = await self._connector.find_published(request, staging)
        self._death.step()
        return found


class MortalNetworks:
    """contracts.ports.Networks whose connectors are mortal."""

    def __init__(self, networks: Networks, death: Death) -> None:
        self._networks, self._death = networks, death

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Mapping[Network, Connector]]:
        async with self._networks.open() as connectors:
            yield {name: MortalConnector(connector, self._death) for name, connector in connectors.items()}  # type: ignore[misc]


class MortalDatabase(Database):
    """A database whose process may die before a transaction becomes durable, and after it."""

    def __init__(self, url: str, death: Death) -> None:
        super().__init__(url)
        self._death = death

    @contextmanager
    def write(self) -> Iterator[Session]:
        with super().write() as session:
            yield session
            session.flush()
            self._death.step()
        self._death.step()


class NoLimit:
    """contracts.ports.Quotas without end: the sandbox's limits are relaxed, and so are those that we count."""

    async def reserve(self, key: str, *, window_start: datetime, units: int, limit: int) -> bool:
        del key, window_start, units, limit
        return True


class HostedPicture:
    """contracts.ports.MediaHost of the one picture that posts carry, put there beforehand."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def publish(self, *, name: str, content: bytes, mime_type: str) -> str:
        del name, content, mime_type
        return self._url


class ResendOnTimeout(OutboxPublisher):
    """The planted bug: what got no answer is taken for unsent, and sent again from the start."""

    async def _resolve(self, connector: Connector, lease: Lease, turn: Turn, tally: Any) -> None:
        del tally
        if turn.request is not None:
            self._sending.reopen(lease, turn.intent_id, evidence="it timed out")
            self._sending.save_staging(lease, turn.intent_id, turn.request, connector.prepare(turn.request))


def _settings(world: World, home: Path) -> Settings:
    return Settings(home=home, network_base_url=world.url, store_url=None, apps=dict(world.apps))


def _open(world: World, home: Path, database: Database | None = None) -> SqlStore:
    settings = _settings(world, home)
    return SqlStore(
        settings.resolved_store_url,
        master_key_path=settings.master_key_path,
        clock=FixedClock(world.now),
        database=database,
    )


def _publish(world: World, home: Path, dies_at: int | None, bug: str | None) -> None:
    """What the child process does: drain until nothing is left, or die."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    death = Death(dies_at)
    settings = _settings(world, home)
    publisher_type = ResendOnTimeout if bug == "resend-on-timeout" else OutboxPublisher
    with _open(world, home, MortalDatabase(settings.resolved_store_url, death)) as store:
        networks = HttpNetworks(
            settings,
            store.tokens,
            HostedPicture(world.picture_url),
            LocalMedia(world.home),
            clock=FixedClock(world.now),
            quotas=NoLimit(),
            patience=Patience(timeout=1.0, attempts=2, first_backoff=0.05, longest_wait=0.2),
        )
        publisher = publisher_type(
            store,
            MortalNetworks(networks, death),
            lease_seconds=LEASE_SECONDS,
            retries=RetryPlan(base_seconds=0.1, cap_seconds=2.0, max_tries=40, max_readings=6, rate_seconds=1.0),
        )
        while store.outbox(ALL, states=["pending", "committing"]):
            publisher.drain()
            time.sleep(0.2)


# --- one run ------------------------------------------------------------------------------------------------------------


class Run:
    """One seeded run: its store, its posts, its deaths."""

    def __init__(self, world: World, *, seed: int, number: int, posts: int, bug: str | None) -> None:
        self._world, self._bug = world, bug
        self._chance = random.Random(f"{seed}/{number}")
        self._has_stop = number % STOP_EVERY == 0
        self._home = Path(tempfile.mkdtemp(prefix=f"run-{number}-", dir=world.home.parent))
        for name in ("store.db", "master.key"):
            shutil.copy(world.home / name, self._home / name)
        first = self._chance.randrange(len(world.accounts))
        in_turn = itertools.islice(itertools.cycle(world.accounts), first, first + posts)
        self._items = [self._item(f"chaos-{seed}-{number}-{n}", account) for n, account in enumerate(in_turn)]
        self._problems: list[str] = []
        self._kills = 0
        self._until = time.monotonic() + RUN_PATIENCE_SECONDS

    def live(self) -> RunOutcome:
        """Publish everything through deaths and faults; what is left when the patience ends is stuck."""
        try:
            with _open(self._world, self._home) as store:
                store.save_drafts(self._items)
                for item in self._items:
                    store.approve(item.content_item_id, actor="chaos", revision=1)
            if self._has_stop:
                self._stop_in_mid_burst()
            self._die_and_finish()
            self._repost()
            return self._outcome()
        finally:
            shutil.rmtree(self._home)

    def _item(self, name: str, account: Account) -> ContentItem:
        content_format = FORMATS.get(account.network, ContentFormat.TEXT)
        media = {ContentFormat.IMAGE: (self._world.picture,), ContentFormat.TEXT: ()}.get(
            content_format, (self._world.film,)
        )
        return ContentItem(
            content_item_id=name,
            client_id=account.client_id,
            account_id=account.account_id,
            network=account.network,
            text=f"A post that has to appear once: {name}",
            content_format=content_format,
            media=media,
            options=self._world.options.get(account.account_id, PublishOptions()),
            language="en",
            scheduled_at=self._world.now,
            created_at=self._world.now,
        )

    def _child(self, dies_at: int | None) -> multiprocessing.process.BaseProcess:
        child = multiprocessing.get_context("fork").Process(
            target=_publish, args=(self._world, self._home, dies_at, self._bug)
        )
        child.start()
        return child

    def _wait_for(self, child: multiprocessing.process.BaseProcess) -> None:
        child.join(max(0.0, self._until - time.monotonic()))
        if child.exitcode is None:
            child.kill()
            child.join()
        elif child.exitcode == -signal.SIGKILL:
            self._kills += 1
        elif child.exitcode != 0:
            self._problems.append(f"a publisher ended with {child.exitcode}")

    def _die_and_finish(self) -> None:
        for _ in range(self._chance.randint(1, MOST_DEATHS)):
            self._wait_for(self._child(self._chance.randint(1, 14 * len(self._items))))
        self._wait_for(self._child(None))

    def _repost(self) -> None:
        """Send one published post once more, on purpose, through a death as well."""
        with _open(self._world, self._home) as store:
            published = store.content_items(ALL, states=["published"])
            if published:
                chosen = self._chance.choice(published)
                store.repost(chosen.content_item_id, actor="chaos", scheduled_at=self._world.now)
        if published:
            self._wait_for(self._child(self._chance.randint(1, 14)))
            self._wait_for(self._child(None))

    def _stop_in_mid_burst(self) -> None:
        """Press the stop once a commit was announced; from then on no intent may get another commit call."""
        child = self._child(None)
        with _open(self._world, self._home) as store:
            while child.is_alive() and not any(entry.commit_calls for entry in store.outbox(ALL)):
                time.sleep(0.002)
            time.sleep(self._chance.random() * 0.05)
            store.stop(actor="chaos", reason="pressed in mid-burst")
            at_stop = {entry.intent_id: entry.commit_calls for entry in store.outbox(ALL)}
            time.sleep(1.0)
            child.kill()
            child.join()
            self._kills += 1
            afterwards = store.outbox(ALL)
            late = [entry for entry in afterwards if entry.commit_calls > at_stop[entry.intent_id]]
            self._problems += [f"committed after a stop: {entry.content_item_id}" for entry in late]
            untouched = {e.content_item_id for e in afterwards if e.commit_calls == 0}
            texts = {item.text for item in self._items if item.content_item_id in untouched}
            self._problems += [
                f"visible though never announced: {text}" for text in texts & _seen(self._world.url).keys()
            ]
            store.resume(actor="chaos")

    def _outcome(self) -> RunOutcome:
        with _open(self._world, self._home) as store:
            entries = store.outbox(ALL)
            trail = store.audit(ALL, limit=10_000)
        begun = min(event.recorded_at for event in trail if event.action == "intent_pending")
        lateness = {
            event.subject_id: (event.recorded_at - begun).total_seconds()
            for event in trail
            if event.action == "intent_published" and event.detail["occurrence"] == 1
        }
        texts = {item.content_item_id: item.text for item in self._items}
        return RunOutcome(entries, texts, lateness, self._kills, self._has_stop, tuple(self._problems))


def _live(number: int, world: World, seed: int, posts: int, bug: str | None) -> RunOutcome:
    return Run(world, seed=seed, number=number, posts=posts, bug=bug).live()


# --- the sandbox ----------------------------------------------------------------------------------------------------------


@contextmanager
def _sandbox(folder: Path, seed: int, accounts: int) -> Iterator[str]:
    """A sandbox process of our own on a free port; yields its URL."""
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--state-dir", str(folder), "--seed", str(seed)]
    command += ["--crowd", str(accounts)]
    folder.mkdir(parents=True)
    with (folder / "sandbox.log").open("w") as log:  # it tells of every caller that died in mid-request
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        if process.stdout is None or not (line := process.stdout.readline()).startswith("READY "):
            raise RuntimeError("The sandbox did not start.")
        yield line.split()[1]
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _admin(url: str, method: str, page: str, **request: Any) -> Any:
    answer = httpx.request(method, f"{url}/_sandbox/{page}", timeout=60, trust_env=False, **request)
    return answer.raise_for_status().json()


def _seen(url: str) -> Counter[str]:
    """How often the public sees each text that came through the API: the networks' own state."""
    return Counter(post["text"] for post in _admin(url, "GET", "posts", params={"origin": "api"}))


def _prepare(url: str, home: Path, networks: Sequence[Network]) -> World:
    """Clients and accounts of the sandbox's world in a store to be copied, and a picture that Instagram can fetch."""
    now = datetime.fromisoformat(_admin(url, "GET", "clock")["now"])
    settings = Settings(home=home, network_base_url=url, store_url=None)
    set_up(settings)
    known = [
        row
        for row in _admin(url, "GET", "accounts")
        if row["handle"].startswith("crowd") and row["network"] in networks
    ]
    accounts = []
    with SqlStore(
        settings.resolved_store_url, master_key_path=settings.master_key_path, clock=FixedClock(now)
    ) as store:
        for client_id in sorted({row["client_slug"] for row in known}):
            store.save_client(_client(client_id), actor="chaos")
        for row in sorted(known, key=lambda row: (row["client_slug"], row["network"])):
            account = Account(
                account_id=f"{row['network']}:{row['native_id']}",
                client_id=row["client_slug"],
                network=row["network"],
                native_id=row["native_id"],
                handle=row["handle"],
                base_url=f"{url}/{row['network']}",
            )
            store.save_account(account, actor="chaos")
            ends = row.get("expires_at")
            token = Token(
                access_token=row["access_token"],
                refresh_token=row["refresh_token"],
                expires_at=datetime.fromisoformat(ends) if ends else None,
            )
            store.save_credential(account.account_id, token, actor="chaos")
            accounts.append(account)
    card = BrandCards().card(
        CardRequest(headline="Pulso", footer="", primary_colour="#1f4e79", secondary_colour="#f4b942")
    )
    picture = LocalMedia(home).save(card, alt_text="A card that says Pulso")
    picture_url = f"{url}/_sandbox/cdn/{Path(picture.path).name}"
    headers = {"Content-Type": picture.mime_type}
    httpx.put(picture_url, content=card, headers=headers, timeout=60, trust_env=False).raise_for_status()
    film = _film(home)
    apps = {
        Network(row["network"]): App(app_id=row["app_id"], app_secret=row["app_secret"])
        for row in known
        if "app_id" in row
    }
    return World(url, now, home, tuple(accounts), picture, picture_url, film, _options(known, url), apps)


def _film(home: Path) -> Media:
    """Bytes with the head of an MP4: no network of the sandbox decodes them."""
    content = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp41" + bytes(range(256)) * 64
    path = home / "media" / "waves.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return Media(
        media_id="waves",
        path="media/waves.mp4",
        mime_type="video/mp4",
        alt_text="Waves",
        width=1080,
        height=1920,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        duration_seconds=12.0,
    )


def _options(known: Sequence[Mapping[str, Any]], url: str) -> dict[str, PublishOptions]:
    """What no post goes without: a board on Pinterest, a title on YouTube."""
    found = {}
    for row in known:
        if row["network"] == "youtube":
            found[f"youtube:{row['native_id']}"] = PublishOptions(title="Chaos")
        if row["network"] == "pinterest":
            headers = {"Authorization": f"Bearer {row['access_token']}"}
            answer = httpx.get(f"{url}/pinterest/v5/boards", headers=headers, timeout=60, trust_env=False)
            board = answer.raise_for_status().json()["items"][0]["id"]
            link = f"https://{row['handle']}.example/"
            found[f"pinterest:{row['native_id']}"] = PublishOptions(board_id=board, title="Chaos", link=link)
    return found


def _client(client_id: str) -> Client:
    return Client(
        client_id=client_id,
        name=client_id,
        time_zone="UTC",
        language="en",
        posting_rules=PostingRules(
            min_gap_hours=0, max_posts_per_day=20, quiet_hours=QuietHours(start_hour=0, end_hour=0)
        ),
        brand=BrandKit(
            voice="plain",
            audience="everyone",
            pillars=(Pillar(pillar_id="chaos", name="Chaos", description="posts that must appear once"),),
            facts=(),
        ),
    )


# --- counting -------------------------------------------------------------------------------------------------------------


@dataclass
class _Count:
    """Sums over the intents of one network."""

    intents: int = 0
    published: int = 0
    reconciled: int = 0
    duplicates: int = 0
    lost: int = 0
    stuck: int = 0
    parked: int = 0
    reposts: int = 0
    reposts_seen: int = 0
    refused: int = 0
    commit_calls: list[int] = field(default_factory=list)
    lateness: list[float] = field(default_factory=list)


def _judge(
    outcomes: Sequence[RunOutcome], seen: Counter[str], *, has_guards: bool
) -> tuple[dict[str, _Count], list[str], list[str]]:
    """Counts by network, parked cases, broken promises: each run's store against what the public sees.

    A network that refuses equal texts refuses a deliberate repost too: that has to fail with its reason, and nothing has to appear.
    """
    counts: dict[str, _Count] = defaultdict(_Count)
    parked_cases: list[str] = []
    violations: list[str] = []
    for outcome in outcomes:
        violations += outcome.problems
        by_item: dict[str, list[OutboxEntry]] = defaultdict(list)
        for entry in outcome.entries:
            by_item[entry.content_item_id].append(entry)
        for item_id, entries in by_item.items():
            count = counts[entries[0].network.value]
            states = Counter(entry.state for entry in entries)
            published, parked = states[IntentState.PUBLISHED], states[IntentState.PARKED]
            refuses = has_guards and entries[0].network in REFUSES_EQUAL_TEXTS
            refused = [e for e in entries if refuses and e.occurrence > 1 and e.state is IntentState.FAILED]
            visible = seen[outcome.texts[item_id]]
            count.intents += len(entries)
            count.published += published
            count.parked += parked
            count.stuck += len(entries) - published - parked - len(refused)
            count.refused += len(refused)
            # Of a parked intent nobody knows whether it is visible: it may explain one post, or none.
            count.duplicates += max(0, visible - published - parked)
            count.lost += max(0, published - visible)
            if len(entries) > 1 and not refuses:
                count.reposts += 1
                count.reposts_seen += visible >= 2
            count.commit_calls += [entry.commit_calls for entry in entries]
            count.lateness += [outcome.lateness[e.intent_id] for e in entries if e.intent_id in outcome.lateness]
            for entry in entries:
                count.reconciled += entry.state is IntentState.PUBLISHED and entry.is_reconciled
                if entry.state is IntentState.PARKED:
                    parked_cases.append(f"{entry.network.value} {entry.reason_code}: {entry.reason}")
                elif entry.state is not IntentState.PUBLISHED and entry not in refused:
                    violations.append(f"{item_id} ended as {entry.state.value}: {entry.reason}")
    for name, count in counts.items():
        for what in ("duplicates", "lost", "stuck"):
            if getattr(count, what):
                violations.append(f"{name}: {getattr(count, what)} {what}")
        if count.parked > PARKED_ALLOWED * count.intents:
            violations.append(f"{name}: {count.parked} of {count.intents} parked")
        if count.reposts_seen < count.reposts:
            violations.append(f"{name}: {count.reposts - count.reposts_seen} deliberate reposts are missing")
    return dict(counts), parked_cases, violations


def run_chaos(
    runs: int,
    seed: int,
    planted_bug: str | None = None,
    *,
    posts_per_run: int = 4,
    workers: int = 8,
    accounts: int = 90,
    networks: Sequence[Network] = PROVEN,
    has_guards: bool = True,
) -> ChaosReport:
    """Live through `runs` seeded runs, `workers` at a time, and count in the networks' own state."""
    if planted_bug not in (None, *BUGS):
        raise ValueError(f"Unknown bug {planted_bug}; known: {', '.join(BUGS)}")
    started = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="pulso-chaos-") as folder,
        _sandbox(Path(folder) / "sandbox", seed, accounts) as url,
    ):
        world = _prepare(url, Path(folder) / "home", networks)
        for fault in (*FAULTS, *(() if has_guards else (NO_GUARDS,))):
            _admin(url, "POST", "faults", json=fault)
        live = functools.partial(_live, world=world, seed=seed, posts=posts_per_run, bug=planted_bug)
        with (
            ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("fork")) as pool,
            Progress(*Progress.get_default_columns(), TimeElapsedColumn()) as progress,
        ):
            outcomes = list(progress.track(pool.map(live, range(runs)), total=runs, description="chaos"))
        fired = Counter[str]()
        for rule in _admin(url, "GET", "faults")["faults"]:
            fired[f"{rule['operation']} {rule['kind']}"] += rule["fired"]
        seen = _seen(url)
    counts, parked_cases, violations = _judge(outcomes, seen, has_guards=has_guards)
    return ChaosReport(
        runs=runs,
        seed=seed,
        kills=sum(outcome.kills for outcome in outcomes),
        stops=sum(outcome.has_stop for outcome in outcomes),
        seconds=time.monotonic() - started,
        networks=tuple(_figures(name, count) for name, count in sorted(counts.items())),
        parked_cases=tuple(parked_cases),
        faults_fired=dict(fired),
        violations=tuple(violations),
    )


def _figures(name: str, count: _Count) -> NetworkFigures:
    lateness = sorted(count.lateness) or [0.0]
    return NetworkFigures(
        network=name,
        intents=count.intents,
        published=count.published,
        reconciled=count.reconciled,
        duplicates=count.duplicates,
        lost=count.lost,
        stuck=count.stuck,
        parked=count.parked,
        reposts=count.reposts,
        reposts_seen=count.reposts_seen,
        refused=count.refused,
        commit_calls=statistics.fmean(count.commit_calls),
        most_commit_calls=max(count.commit_calls),
        lateness_median_seconds=statistics.median(lateness),
        lateness_95_seconds=lateness[int(0.95 * (len(lateness) - 1))],
    )


def show(report: ChaosReport, console: Console) -> None:
    """Print the report for people."""
    table = Table(title=f"{report.runs} runs, seed {report.seed}: counted in the networks' own state")
    table.add_column("")
    for figures in report.networks:
        table.add_column(figures.network, justify="right")
    for label, value in (
        ("intents", lambda f: f"{f.intents:,}"),
        ("published", lambda f: f"{f.published:,}"),
        ("  of them found by reading", lambda f: f"{f.reconciled:,}"),
        ("duplicates", lambda f: f"{f.duplicates}"),
        ("lost", lambda f: f"{f.lost}"),
        ("stuck", lambda f: f"{f.stuck}"),
        ("parked", lambda f: f"{f.parked} ({100 * f.parked / f.intents:.2f} %)"),
        ("deliberate reposts seen", lambda f: f"{f.reposts_seen} of {f.reposts}"),
        ("deliberate reposts refused by the network", lambda f: f"{f.refused}"),
        ("commit calls per intent, mean", lambda f: f"{f.commit_calls:.2f}"),
        ("commit calls per intent, most", lambda f: f"{f.most_commit_calls}"),
        ("lateness, median (s)", lambda f: f"{f.lateness_median_seconds:.1f}"),
        ("lateness, 95 % (s)", lambda f: f"{f.lateness_95_seconds:.1f}"),
    ):
        table.add_row(label, *(value(figures) for figures in report.networks))
    console.print(table)
    console.print(f"{report.kills} kills, {report.stops} emergency stops, {report.seconds:.0f} s")
    console.print("faults fired: " + ", ".join(f"{name} {n}" for name, n in sorted(report.faults_fired.items())))
    for case in report.parked_cases:
        console.print(f"parked: {case}")
    for violation in report.violations[:20]:
        console.print(f"[red]broken promise:[/red] {violation}")
    if len(report.violations) > 20:
        console.print(f"[red]and {len(report.violations) - 20} more[/red]")
    if report.is_clean:
        console.print("[green]every promise kept[/green]")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.chaos", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--bug", choices=BUGS, help="plant a bug; the harness has to notice")
    parser.add_argument("--posts-per-run", type=int, default=4)
    parser.add_argument("--workers", type=int, default=8, help="runs at a time")
    parser.add_argument("--accounts", type=int, default=90, help="spread evenly over the nine networks")
    parser.add_argument(
        "--networks", default=",".join(PROVEN), help=f"names with commas, or all (default {','.join(PROVEN)})"
    )
    parser.add_argument(
        "--guards-off", action="store_true", help="the networks' own guards against duplicates do nothing"
    )
    options = parser.parse_args(arguments)
    report = run_chaos(
        options.runs,
        options.seed,
        options.bug,
        posts_per_run=options.posts_per_run,
        workers=options.workers,
        accounts=options.accounts,
        networks=tuple(Network) if options.networks == "all" else [Network(n) for n in options.networks.split(",")],
        has_guards=not options.guards_off,
    )
    show(report, Console())
    return 0 if report.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
