"""Thousands of posts due in the same minute: how long until all are out, against the sandbox's own ceiling, and who waits for whom.

`python -m benchmarks.burst --posts 5000 --accounts 1000 [--down instagram] [--store-url postgresql+psycopg2://…]`; ends with 1 when a promise
was broken. A PostgreSQL URL names an empty database on whose server more can be made.

Belongs here: the harness. Real store, policy, worker and connectors; the sandbox's nine networks in a process of their own. All posts are
approved and held by the emergency stop until the workers are warm; lifting the stop is the moment at which all are due. Every scene
starts from the same store and the same networks. Order and number of posts are those of the networks' own state.
Does not belong here: deaths and lost answers (`chaos.py`).

Scenes: *healthy*: one worker. *ceiling*: the very requests that the healthy worker sent to stage and commit, sent again by a bare httpx loop with
as many side by side, without store and policy. *hanging*, *failing*: one network never answers, or answers 503, and comes back once
all others are out; once more beside a healthy one when others came late. *shared*: two workers and scheduled drains on one outbox.
"""

import argparse
import asyncio
import contextvars
import multiprocessing
import pickle
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import structlog
from rich.console import Console
from rich.table import Table
from sqlalchemy import create_engine, make_url, text

from apps.worker import work_until_stopped
from benchmarks.crowd import ENDS_WITHIN_SECONDS, Crowd, admin, connect, sandbox, seen_posts
from benchmarks.wrapped import WrappedConnector, WrappedNetworks
from contracts.clock import FixedClock
from contracts.networks import Network
from contracts.records import ContentItem, PublishRequest, Receipt, Reconciliation, Staging
from contracts.scope import TenantScope
from contracts.settings import Settings
from operations import OutboxPublisher
from operations.publisher import LANES_PER_NETWORK
from platforms.networks import CONCURRENCY_PER_NETWORK, HttpNetworks
from providers.media import HttpPutMediaHost, LocalMedia

SEED = 7
PATIENCE_SECONDS = 7_200.0
"""What is not out by then never will be."""
POLL_SECONDS = 0.5
DRAIN_EVERY_SECONDS = 2.0
NEVER = 3_600.0
TRIES = 3
"""How often others must come late in a row before a network that is down is said to delay them."""
FAULTS: Mapping[str, Mapping[str, Any]] = {
    "hanging": {"kind": "timeout", "params": {"seconds": NEVER}},
    "failing": {"kind": "server_error", "params": {"status": 503}},
}
ALL = TenantScope.all_clients("the burst benchmark")


@dataclass(frozen=True)
class Ground:
    """What every scene starts from: a sandbox's state and a store full of approved posts that a stop holds."""

    folder: Path
    seed: int
    accounts: int
    port: int
    crowd: Crowd
    posts: Mapping[str, ContentItem]
    """By content item, in order of their slots."""


@dataclass(frozen=True)
class Outcome:
    """What became of a scene's posts."""

    name: str
    lateness: Mapping[Network, tuple[float, ...]]
    """Machine seconds from the moment at which all were due to each receipt, ascending."""
    seconds: float
    """Until the last receipt."""
    violations: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def slowest(self, share: float, *, without: Network | None = None) -> float:
        """The lateness that this share of the posts does not exceed, one network left out."""
        late = sorted(x for network, values in self.lateness.items() if network is not without for x in values)
        return late[int(share * (len(late) - 1))] if late else 0.0


@dataclass(frozen=True)
class BurstReport:
    """All scenes, and every broken promise."""

    posts: int
    accounts: int
    store: str
    down: Network
    ceiling: "Ceiling"
    outcomes: Mapping[str, Outcome]
    violations: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        return not self.violations


# --- processes that publish -----------------------------------------------------------------------------------------------


@dataclass
class Exchange:
    """One request and its answer."""

    method: str
    url: str
    headers: list[tuple[str, str]]
    content: bytes
    status: int
    answer_headers: dict[str, str]
    answer: bytes


_ACCOUNT: contextvars.ContextVar[str | None] = contextvars.ContextVar("account", default=None)


@dataclass
class Tape(httpx.AsyncBaseTransport):
    """A transport that keeps what each account's staging and committing asks."""

    by_account: dict[str, list[Exchange]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        places = CONCURRENCY_PER_NETWORK * len(Network)
        limits = httpx.Limits(max_connections=places, max_keepalive_connections=places)
        self._wire = httpx.AsyncHTTPTransport(limits=limits, trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        content = await request.aread()
        response = await self._wire.handle_async_request(request)
        answer = await response.aread()
        account = _ACCOUNT.get()
        if account is not None:
            self.by_account[account].append(
                Exchange(
                    request.method,
                    str(request.url),
                    request.headers.multi_items(),
                    content,
                    response.status_code,
                    dict(response.headers),
                    answer,
                )
            )
        return response

    async def aclose(self) -> None:
        await self._wire.aclose()


class TapedConnector(WrappedConnector):
    """A connector whose staging and committing are on tape."""

    async def stage(self, request: PublishRequest, staging: Staging) -> Staging:
        _ACCOUNT.set(request.account.account_id)  # every lane is a task with a context of its own
        return await super().stage(request, staging)

    async def commit(self, request: PublishRequest, staging: Staging) -> Receipt:
        _ACCOUNT.set(request.account.account_id)
        return await super().commit(request, staging)

    async def find_published(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        _ACCOUNT.set(None)
        return await super().find_published(request, staging)


@contextmanager
def _publisher(crowd: Crowd, settings: Settings, tape: Tape | None = None) -> Iterator[OutboxPublisher]:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with crowd.open_store(settings) as store:
        networks = HttpNetworks(
            settings,
            store.tokens,
            HttpPutMediaHost(settings.resolved_media_host_url, timeout_seconds=settings.request_timeout_seconds),
            LocalMedia(settings.home),
            clock=FixedClock(crowd.now),
            quotas=store.quotas,
            http_transport=tape,
        )
        opened = WrappedNetworks(networks, TapedConnector) if tape else networks
        yield OutboxPublisher(store, opened, lease_seconds=settings.lease_seconds)


def _work(crowd: Crowd, settings: Settings, tape_path: Path | None, is_warm: Any) -> None:
    """`pulso worker`, until SIGTERM."""
    tape = Tape() if tape_path else None
    with _publisher(crowd, settings, tape) as publisher:
        is_warm.set()
        before = time.process_time()
        work_until_stopped(publisher, Console(quiet=True), interval_seconds=2.0)
        cpu_seconds = time.process_time() - before
    if tape and tape_path:
        tape_path.write_bytes(pickle.dumps((dict(tape.by_account), cpu_seconds)))


def _drain_on_schedule(crowd: Crowd, settings: Settings, tape_path: Path | None, is_warm: Any) -> None:
    """Scheduled runs: each a publisher of its own, for one pass."""
    del tape_path
    is_warm.set()
    while True:
        with _publisher(crowd, settings) as publisher:
            publisher.drain()
        time.sleep(DRAIN_EVERY_SECONDS)


# --- one scene ------------------------------------------------------------------------------------------------------------


class Scene:
    """One burst: its own copy of the networks and of the store."""

    def __init__(self, ground: Ground, name: str) -> None:
        self._ground, self.name = ground, name
        self.folder = ground.folder / name
        shutil.copytree(ground.folder / "sandbox", self.folder / "sandbox")
        shutil.copytree(ground.crowd.settings.home, self.folder / "home")
        url = ground.crowd.settings.store_url
        self.settings = ground.crowd.settings.model_copy(
            update={
                "home": self.folder / "home",
                "store_url": _copied_database(url.get_secret_value(), name) if url else None,
            }
        )
        self._engine = create_engine(self.settings.resolved_store_url)

    @contextmanager
    def sandbox(self) -> Iterator[str]:
        """The networks as they were, at the address that they had."""
        ground = self._ground
        with sandbox(self.folder / "sandbox", seed=ground.seed, accounts=ground.accounts, port=ground.port) as url:
            yield url

    @contextmanager
    def publishing(
        self, *roles: Callable[[Crowd, Settings, Path | None, Any], None], tape: Path | None = None
    ) -> Iterator[None]:
        """These processes, warm, with all posts due from the moment on at which the body begins."""
        spawn = multiprocessing.get_context("spawn")
        with ExitStack() as running:
            for role in roles:
                is_warm = spawn.Event()
                process = spawn.Process(
                    target=role, args=(self._ground.crowd, self.settings, tape, is_warm), daemon=True
                )
                process.start()
                running.callback(_end, process)
                is_warm.wait()
            time.sleep(POLL_SECONDS)
            with self._ground.crowd.open_store(self.settings) as store:
                store.resume(actor="burst")
            yield

    def wait_until(self, condition: str, what: str) -> None:
        """Until no intent fulfils the condition (over the table `outbox`). Raises TimeoutError."""
        until = time.monotonic() + PATIENCE_SECONDS
        query = text(f"SELECT count(*) FROM outbox WHERE {condition}")
        while True:
            with self._engine.connect() as connection:
                left = connection.execute(query).scalar_one()
            if not left:
                return
            if time.monotonic() > until:
                raise TimeoutError(f"{self.name}: {left} posts, {what}.")
            time.sleep(POLL_SECONDS)

    def outcome(self, url: str, notes: Sequence[str] = (), violations: Sequence[str] = ()) -> Outcome:
        """What the store says of times, and the networks of posts."""
        with self._ground.crowd.open_store(self.settings) as store:
            entries = store.outbox(ALL)
            trail = store.audit(ALL, limit=1_000_000)
        self._engine.dispose()
        due = max(event.recorded_at for event in trail if event.action == "resumed")
        network_of = {entry.intent_id: entry.network for entry in entries}
        lateness: dict[Network, list[float]] = defaultdict(list)
        for event in trail:
            if event.action == "intent_published":
                lateness[network_of[event.subject_id]].append((event.recorded_at - due).total_seconds())
        broken = [*violations, *_broken(self._ground.posts.values(), seen_posts(url))]
        unsent = [entry for entry in entries if entry.state.value != "published"]
        broken += [f"{e.content_item_id} ended as {e.state.value}: {e.reason}" for e in unsent]
        return Outcome(
            name=self.name,
            lateness={network: tuple(sorted(values)) for network, values in sorted(lateness.items())},
            seconds=max((values[-1] for values in map(sorted, lateness.values())), default=0.0),
            violations=tuple(f"{self.name}: {words}" for words in broken),
            notes=tuple(notes),
        )


def _end(process: BaseProcess) -> None:
    process.terminate()
    process.join(ENDS_WITHIN_SECONDS)
    process.kill()
    process.join()


def _broken(expected: Iterator[ContentItem] | Any, seen: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Promises that the networks' own state shows broken: each post once, each account's posts in the order of their slots."""
    wanted: dict[str, list[str]] = defaultdict(list)
    for item in expected:
        wanted[item.account_id].append(item.text)
    shown: dict[str, list[str]] = defaultdict(list)
    for post in seen:
        shown[f"{post['network']}:{post['native_account_id']}"].append(post["text"])
    for account_id, texts in wanted.items():
        there = shown[account_id]
        if len(set(there)) < len(there):
            yield f"{account_id} shows {len(there) - len(set(there))} posts twice"
        if missing := set(texts) - set(there):
            yield f"{account_id} lacks {len(missing)} posts"
        if [t for t in texts if t in set(there)] != list(dict.fromkeys(there)):
            yield f"{account_id} shows its posts in another order than that of their slots"


def _healthy(ground: Ground, name: str = "healthy") -> tuple[Outcome, Path]:
    scene = Scene(ground, name)
    tape = scene.folder / "tape"
    with scene.sandbox() as url:
        with scene.publishing(_work, tape=tape):
            scene.wait_until("state IN ('pending', 'committing')", "still unsent")
        return scene.outcome(url), tape


def _shared(ground: Ground) -> Outcome:
    scene = Scene(ground, "shared")
    with scene.sandbox() as url:
        with scene.publishing(_work, _work, _drain_on_schedule):
            scene.wait_until("state IN ('pending', 'committing')", "still unsent")
        return scene.outcome(url)


def _one_down(ground: Ground, fault: str, down: Network, name: str) -> Outcome:
    """One network is down until all others are out and it was tried with every account; then it comes back."""
    scene, theirs = Scene(ground, name), f"network = '{down.value}'"
    with scene.sandbox() as url:
        admin(url, "POST", "faults", json={**FAULTS[fault], "network": down.value})
        with scene.publishing(_work):
            scene.wait_until(
                f"NOT {theirs} AND state IN ('pending', 'committing')", "of healthy networks, still unsent"
            )
            told = f"SELECT account_id FROM outbox WHERE {theirs} AND reason IS NOT NULL"
            scene.wait_until(f"{theirs} AND account_id NOT IN ({told})", "waiting without a reason")
            with ground.crowd.open_store(scene.settings) as store:
                waiting = [entry for entry in store.outbox(ALL) if entry.network is down]
            broken = [
                f"{entry.content_item_id} became {entry.state.value} while {down.value} was down: {entry.reason}"
                for entry in waiting
                if entry.state.value not in ("pending", "committing")
            ]
            reason = next(entry.reason for entry in waiting if entry.reason)
            admin(url, "DELETE", "faults")
            back = time.monotonic()
            scene.wait_until("state IN ('pending', 'committing')", "still unsent")
            seconds = time.monotonic() - back
        note = (
            f"{len(waiting)} posts of {down.value} waited (“{reason}”) and were out {seconds:.0f} s after it was back"
        )
        return scene.outcome(url, notes=[note], violations=broken)


def _delay(ground: Ground, fault: str, down: Network, healthy: Outcome, tell: Callable[[str], None]) -> list[Outcome]:
    """The scene with one network down. When others came later than in the healthy one, both again: something else may have kept the
    machine busy meanwhile, and a delay that Pulso causes is there each time. The last outcome tells of the delay."""
    usual, outcomes = healthy, list[Outcome]()
    for n in range(1, TRIES + 1):
        if n > 1:
            usual, _ = _healthy(ground, f"healthy-{fault}-{n}")
            outcomes.append(usual)
        outcome = _one_down(ground, fault, down, f"{fault}-{n}" if n > 1 else fault)
        outcomes.append(outcome)
        late = _late(outcome, usual, ground.crowd.settings.request_timeout_seconds, down)
        if not late:
            return outcomes
        tell(late)
    outcomes[-1] = replace(outcome, violations=(*outcome.violations, f"{late}, {TRIES} times in a row"))
    return outcomes


def _late(outcome: Outcome, healthy: Outcome, timeout_seconds: float, down: Network) -> str | None:
    """Whoever waits behind a call that hangs waits for a whole time-out. Less than that, or than half again, a busy machine does too."""
    usual, late = (scene.slowest(0.95, without=down) for scene in (healthy, outcome))
    if late <= max(1.5 * usual, usual + timeout_seconds / 2):
        return None
    return f"{outcome.name}: {down.value} delays 95 % of the others to {late:.1f} s instead of {usual:.1f} s"


# --- the ceiling ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ceiling:
    """What the same requests take without store and policy. CPU seconds do not depend on what else the machine does."""

    requests: int
    seconds: float
    cpu_seconds: float
    worker_cpu_seconds: float
    """Of the healthy worker."""


async def _replay(tape: Mapping[str, Sequence[Exchange]]) -> tuple[float, float]:
    """Send everything again, each account's requests one after the other. Returns seconds, and CPU seconds."""
    places = {network.value: asyncio.Semaphore(LANES_PER_NETWORK) for network in Network}
    most = CONCURRENCY_PER_NETWORK * len(Network)
    limits = httpx.Limits(max_connections=most, max_keepalive_connections=most)

    async def lane(client: httpx.AsyncClient, account_id: str, exchanges: Sequence[Exchange]) -> None:
        async with places[account_id.split(":")[0]]:
            ids = NewIds()
            for known in exchanges:
                answer = await client.request(
                    known.method,
                    ids.in_text(known.url),
                    headers=[(name, ids.in_text(value)) for name, value in known.headers if name != "content-length"],
                    content=ids.in_bytes(known.content),
                )
                if answer.status_code != known.status:
                    raise RuntimeError(f"{known.method} {known.url}: {answer.status_code}, not {known.status}.")
                ids.learn(known, answer)

    started, cpu_before = time.monotonic(), time.process_time()
    async with httpx.AsyncClient(limits=limits, timeout=60, trust_env=False) as client:
        await asyncio.gather(*(lane(client, *entry) for entry in tape.items()))
    return time.monotonic() - started, time.process_time() - cpu_before


class NewIds:
    """What the networks name anew when they are asked again: later requests speak of that."""

    _SHORTEST = 6
    """Shorter values are counts and flags, not names."""

    def __init__(self) -> None:
        self._new: dict[str, str] = {}

    def learn(self, known: Exchange, answer: httpx.Response) -> None:
        """Compare an answer with the one on tape, value by value."""
        for name, value in known.answer_headers.items():
            self._compare(value, answer.headers.get(name))
        try:
            self._compare(orjson.loads(known.answer), orjson.loads(answer.content))
        except orjson.JSONDecodeError:
            return

    def in_text(self, content: str) -> str:
        for old, new in self._new.items():
            content = content.replace(old, new)
        return content

    def in_bytes(self, content: bytes) -> bytes:
        for old, new in self._new.items():
            content = content.replace(old.encode(), new.encode())
        return content

    def _compare(self, old: Any, new: Any) -> None:
        if isinstance(old, dict) and isinstance(new, dict):
            for name in old:
                self._compare(old[name], new.get(name))
        elif isinstance(old, list) and isinstance(new, list):
            for one, other in zip(old, new, strict=False):
                self._compare(one, other)
        elif isinstance(old, str) and isinstance(new, str) and old != new and len(old) >= self._SHORTEST:
            self._new[old] = new
            self._new[quote(old, safe="")] = quote(new, safe="")


def _ceiling(ground: Ground, tape_path: Path) -> tuple[Ceiling, list[str]]:
    scene = Scene(ground, "ceiling")
    tape, worker_cpu_seconds = pickle.loads(tape_path.read_bytes())
    with scene.sandbox() as url:
        seconds, cpu_seconds = asyncio.run(_replay(tape))
        broken = [f"ceiling: {words}" for words in _broken(ground.posts.values(), seen_posts(url))]
    return Ceiling(sum(map(len, tape.values())), seconds, cpu_seconds, worker_cpu_seconds), broken


# --- the ground -----------------------------------------------------------------------------------------------------------


def _prepare(folder: Path, posts: int, accounts: int, store_url: str | None, timeout_seconds: float) -> Ground:
    settings = Settings(
        home=folder / "home",
        store_url=store_url,
        request_timeout_seconds=timeout_seconds,
        youtube_units_per_day=10**9,  # quotas of one Google project and one LinkedIn app: not what is measured
        youtube_uploads_per_day=10**6,
        linkedin_calls_per_day=10**9,
        apps={},
    )
    with sandbox(folder / "sandbox", seed=SEED, accounts=accounts) as url:
        crowd = connect(url, settings)
    due = crowd.now - timedelta(minutes=1)
    items = []
    for n in range(posts):
        account = crowd.accounts[n % len(crowd.accounts)]
        slot = due + timedelta(seconds=60 * n / posts)
        items.append(crowd.post(account, f"burst-{n:05}", f"One of many posts: {n:05}", scheduled_at=slot))
    with crowd.open_store() as store:
        store.stop(actor="burst", reason="held until the workers are warm")
        store.save_drafts(items)
        for item in items:
            store.approve(item.content_item_id, actor="burst", revision=1)
    port = httpx.URL(url).port
    if port is None:
        raise RuntimeError(f"The sandbox names no port: {url}.")
    return Ground(folder, SEED, accounts, port, crowd, {item.content_item_id: item for item in items})


def _copied_database(url: str, name: str) -> str:
    """A copy of a PostgreSQL database that nobody is connected to, beside it."""
    parsed = make_url(url)
    copy = f"{parsed.database}_{name}"
    engine = create_engine(parsed.set(database="template1"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'DROP DATABASE IF EXISTS "{copy}"'))
        connection.execute(text(f'CREATE DATABASE "{copy}" TEMPLATE "{parsed.database}"'))
    engine.dispose()
    return parsed.set(database=copy).render_as_string(hide_password=False)


SCENES = ("healthy", "hanging", "failing", "shared")


def run_burst(
    posts: int,
    accounts: int,
    *,
    down: Network = Network.INSTAGRAM,
    store_url: str | None = None,
    timeout_seconds: float = 20.0,
    scenes: Sequence[str] = SCENES,
    tell: Callable[[str], None] = lambda _: None,
) -> BurstReport:
    """Live through all scenes and compare."""
    with tempfile.TemporaryDirectory(prefix="pulso-burst-") as name:
        tell("preparing …")
        ground = _prepare(Path(name), posts, accounts, store_url, timeout_seconds)
        healthy, tape = _healthy(ground)
        outcomes = [healthy]
        tell(f"healthy: all out after {healthy.seconds:.1f} s")
        ceiling, violations = _ceiling(ground, tape)
        tell(f"ceiling: {ceiling.requests:,} requests in {ceiling.seconds:.1f} s")
        for scene in scenes:
            if scene in FAULTS:
                outcomes += _delay(ground, scene, down, healthy, tell)
            elif scene == "shared":
                outcomes.append(_shared(ground))
            else:
                continue
            tell(f"{scene}: all out after {outcomes[-1].seconds:.1f} s")
    violations += [words for outcome in outcomes for words in outcome.violations]
    return BurstReport(
        posts=posts,
        accounts=accounts,
        store="PostgreSQL" if store_url else "SQLite",
        down=down,
        ceiling=ceiling,
        outcomes={outcome.name: outcome for outcome in outcomes},
        violations=tuple(violations),
    )


def show(report: BurstReport, console: Console) -> None:
    """Print the report for people."""
    healthy = report.outcomes["healthy"]
    table = Table(
        title=f"{report.posts:,} posts of {report.accounts:,} accounts due at once, {report.store}: lateness in seconds, median / 95 % / most"
    )
    table.add_column("network")
    for name in report.outcomes:
        table.add_column(name, justify="right")
    for network in healthy.lateness:
        table.add_row(network.value, *(_spread(o.lateness.get(network, ())) for o in report.outcomes.values()))
    table.add_section()
    others = [
        f"{o.slowest(0.5, without=report.down):.1f} / {o.slowest(0.95, without=report.down):.1f} / {o.slowest(1, without=report.down):.1f}"
        for o in report.outcomes.values()
    ]
    table.add_row(f"all but {report.down.value}", *others)
    ratios = [
        " / ".join(
            f"{o.slowest(share, without=report.down) / max(healthy.slowest(share, without=report.down), 1e-9):.2f}"
            for share in (0.5, 0.95, 1.0)
        )
        for o in report.outcomes.values()
    ]
    table.add_row("  ratio to healthy", *ratios)
    console.print(table)
    ceiling = report.ceiling
    console.print(
        f"All out after {healthy.seconds:.1f} s ({report.posts / healthy.seconds:.0f} posts/s); the same {ceiling.requests:,} requests by a bare "
        f"httpx loop: {ceiling.seconds:.1f} s. Ratio ceiling / drain: {ceiling.seconds / healthy.seconds:.2f}. CPU of the worker: "
        f"{1000 * ceiling.worker_cpu_seconds / report.posts:.0f} ms a post, of the bare loop: {1000 * ceiling.cpu_seconds / report.posts:.0f} ms"
    )
    for outcome in report.outcomes.values():
        for note in outcome.notes:
            console.print(f"{outcome.name}: {note}")
    for violation in report.violations[:20]:
        console.print(f"[red]broken promise:[/red] {violation}")
    if len(report.violations) > 20:
        console.print(f"[red]and {len(report.violations) - 20} more[/red]")
    if report.is_clean:
        console.print("[green]every promise kept[/green]")


def _spread(late: Sequence[float]) -> str:
    if not late:
        return "-"
    return f"{statistics.median(late):.1f} / {late[int(0.95 * (len(late) - 1))]:.1f} / {late[-1]:.1f}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.burst", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--posts", type=int, default=5000)
    parser.add_argument("--accounts", type=int, default=1000, help="spread evenly over the nine networks")
    parser.add_argument("--down", type=Network, default=Network.INSTAGRAM, help="the network that goes down")
    parser.add_argument("--timeout-seconds", type=float, default=20.0, help="how long a call to a network may take")
    parser.add_argument("--store-url", help="PostgreSQL (default: SQLite)")
    parser.add_argument("--scenes", default=",".join(SCENES), help="names with commas; healthy always runs")
    options = parser.parse_args(arguments)
    console = Console()
    report = run_burst(
        options.posts,
        options.accounts,
        down=options.down,
        store_url=options.store_url,
        timeout_seconds=options.timeout_seconds,
        scenes=options.scenes.split(","),
        tell=lambda words: console.print(f"{datetime.now().astimezone():%H:%M:%S} {words}"),
    )
    show(report, console)
    return 0 if report.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
