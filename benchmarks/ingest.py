"""One day's refresh of many accounts, as a ratio to a bare httpx loop that asks for the same bytes.

`python -m benchmarks.ingest [--accounts 1000,10000] [--repeats 3] [--seed 7]`

Belongs here: the measured refresh and its report. A day's refresh is what the assets of `bronze` ask of the collector: profiles, the account metrics
of the last days, the posts of the last two weeks with their counts, and the comments of posts that have new ones since the day before.
It runs once against the sandbox, which is a Python server on the same processors and slower than any client, and is written down. Then a
static responder in the sandbox's place serves the very same bytes, and clients take turns, each in a process of its own: Pulso, which has to
end with the rows that it had from the sandbox, and two loops over `httpx.AsyncClient.request` that read the bytes and throw them away, with as
many calls at once: one over a single client, and one over a client per network. The second is the harder measure, because httpcore walks its
whole pool of connections for every request.
Does not belong here: the lake (writing what was read is no part of this), faults (`chaos`).
"""

import argparse
import asyncio
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain, groupby
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
from rich.console import Console
from rich.table import Table

from assets.bronze.accounts import REPORTED_AGAIN_FOR
from assets.bronze.observations import OBSERVED_FOR
from benchmarks.crowd import admin, announced, connect, sandbox
from benchmarks.recorded import SERVED, Asked, Recorder, asked_in
from contracts.clock import FixedClock
from contracts.networks import Network
from contracts.ports import CollectedPosts, Quotas
from contracts.records import Account, CollectionFailure, Post
from contracts.scope import TenantScope
from contracts.settings import Settings
from operations import SqlStore, open_store
from platforms import HttpCollector, HttpNetworks
from platforms.collector import ACCOUNTS_AT_ONCE
from providers.media import HttpPutMediaHost, LocalMedia

SIZES = (1000, 10_000)
GOAL_RATIO = 0.8
CALLS_AT_ONCE = ACCOUNTS_AT_ONCE * len(Network)
"""Of the bare loops: as many as the collector has accounts in hand at any time."""
TIMEOUT_SECONDS = 120.0
ALL = TenantScope.all_clients("the ingest benchmark")

R = TypeVar("R")


@dataclass(frozen=True)
class Known:
    """What was collected up to the day before: the newest post of each account, and comments by post."""

    newest: Mapping[str, datetime]
    comments: Mapping[str, int]


@dataclass(frozen=True)
class World:
    """What a client needs to start."""

    settings: Settings
    now: datetime
    known: Known = Known({}, {})

    @property
    def url(self) -> str:
        return str(self.settings.network_base_url)


@dataclass(frozen=True)
class Measured:
    """What one client did and took."""

    seconds: float
    cpu_seconds: float
    """Of the client's process alone, all threads."""
    rest_bytes: int
    """The process's size before it began."""
    peak_bytes: int
    rows: Mapping[str, int]
    failures: Mapping[str, int]
    """What could not be read, by network and class of error."""


@dataclass(frozen=True)
class Figures:
    """One size: what was asked, and what each client took, turn by turn."""

    accounts: int
    requests: int
    answer_bytes: int
    rows: Mapping[str, int]
    live: Measured
    pulso: tuple[Measured, ...]
    bare: tuple[Measured, ...]
    """Over a single client."""
    split: tuple[Measured, ...]
    """Over a client per network."""

    def ratio(self, loop: Sequence[Measured], of: str = "seconds") -> float:
        """Pulso's throughput over a loop's: the median over the turns."""
        return statistics.median(getattr(b, of) / getattr(p, of) for b, p in zip(loop, self.pulso, strict=True))


# --- what is measured -----------------------------------------------------------------------------------------------------


class RelaxedQuotas:
    """contracts.ports.Quotas, counted in the store as ever, but a thousand times as large: as the sandbox's own limits are, and because waiting
    for a network's minute to end says nothing about a client."""

    def __init__(self, quotas: Quotas) -> None:
        self._quotas = quotas

    async def reserve(self, key: str, *, window_start: datetime, units: int, limit: int) -> bool:
        return await self._quotas.reserve(key, window_start=window_start, units=units, limit=1000 * limit)


@contextmanager
def _collector(
    world: World, transport: httpx.AsyncBaseTransport | None = None
) -> Iterator[tuple[HttpCollector, SqlStore]]:
    """The collector as the assets get it: real store, real credentials, counted quotas. Only the clock stands still."""
    clock = FixedClock(world.now)
    with open_store(world.settings, clock=clock) as store:
        networks = HttpNetworks(
            world.settings,
            store.tokens,
            HttpPutMediaHost(world.settings.resolved_media_host_url, timeout_seconds=1.0),
            LocalMedia(world.settings.home),
            clock=clock,
            quotas=RelaxedQuotas(store.quotas),
            http_transport=transport,
        )
        yield HttpCollector(networks), store


def _posts(collector: HttpCollector, accounts: Sequence[Account], world: World) -> CollectedPosts:
    """As `bronze/posts` asks: what its watermarks leave to read, details for two weeks."""
    since = {account: at - OBSERVED_FOR for account, at in world.known.newest.items()}
    return collector.posts(accounts, since=since, detail_since=world.now - OBSERVED_FOR)


def _with_new_comments(found: CollectedPosts, world: World) -> list[Post]:
    """As `bronze/comments` asks: young posts that report more comments than are known."""
    reported = {point.post_id: point.value for point in found.metrics if point.metric == "comments"}
    return [
        post
        for post in found.posts
        if post.published_at >= world.now - OBSERVED_FOR
        and reported.get(post.post_id, 0) > world.known.comments.get(post.post_id, 0)
    ]


def the_day_before(world: World) -> Known:
    """Read all accounts for the first time."""
    with _collector(world) as (collector, store):
        found = _posts(collector, store.accounts(ALL), world)
    newest: dict[str, datetime] = {}
    for post in found.posts:
        newest[post.account_id] = max(post.published_at, newest.get(post.account_id, post.published_at))
    return Known(newest, {p.post_id: p.value for p in found.metrics if p.metric == "comments"})


def refresh(world: World, record_in: Path | None = None) -> Measured:
    """One day's refresh, asset by asset; what one has read is let go of before the next, as in runs."""
    rows: Counter[str] = Counter()
    failures: Counter[str] = Counter()

    def missed(found: Iterable[CollectionFailure]) -> None:
        failures.update(f"{one.what.partition(' of ')[0]} on {one.network.value}: {one.error_class}" for one in found)

    with _collector(world, Recorder(record_in) if record_in else None) as (collector, store):
        accounts = store.accounts(ALL)
        today = world.now.date()

        def work() -> None:
            profiles = collector.profiles(accounts)
            rows.update({"profiles": len(profiles.rows)})
            missed(profiles.failures)
            del profiles
            reported = collector.account_metrics(accounts, start=today - REPORTED_AGAIN_FOR, end=today)
            rows.update({"account metrics": len(reported.rows)})
            missed(reported.failures)
            del reported
            posts = _posts(collector, accounts, world)
            rows.update({"posts": len(posts.posts), "post metrics": len(posts.metrics)})
            missed(posts.failures)
            wanted = _with_new_comments(posts, world)
            del posts
            comments = collector.comments(accounts, wanted)
            rows.update({"comments": len(comments.rows)})
            missed(comments.failures)

        return _measure(work, rows, failures)


def ask_for_bytes(world: World, recording: Path, clients: int) -> Measured:
    """The bare loop: the same requests, as many at a time, the bytes read and thrown away."""
    by_network = groupby(sorted(asked_in(recording), key=_network_of), key=_network_of)
    listed = [list(asked) for _, asked in by_network] if clients > 1 else [asked_in(recording)]
    at_once = CALLS_AT_ONCE // clients

    async def ask(asked: Sequence[Asked]) -> None:
        limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
        async with httpx.AsyncClient(limits=limits, trust_env=False, timeout=TIMEOUT_SECONDS) as client:
            todo = iter(asked)

            async def work() -> None:
                for one in todo:
                    url = f"{world.url}{one.target}"
                    await client.request(one.method, url, headers=one.headers, content=one.content)

            await asyncio.gather(*(work() for _ in range(at_once)))

    async def ask_all() -> None:
        await asyncio.gather(*(ask(asked) for asked in listed))

    return _measure(lambda: asyncio.run(ask_all()), {}, {})


def _network_of(asked: Asked) -> str:
    return asked.target.split("/")[1]


def _measure(work: Callable[[], None], rows: Mapping[str, int], failures: Mapping[str, int]) -> Measured:
    def cpu_seconds() -> float:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return used.ru_utime + used.ru_stime

    rest = _peak_bytes()
    cpu, started = cpu_seconds(), time.perf_counter()
    work()
    return Measured(time.perf_counter() - started, cpu_seconds() - cpu, rest, _peak_bytes(), rows, failures)


def _peak_bytes() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


# --- the run --------------------------------------------------------------------------------------------------------------


def _in_a_process(function: Callable[..., R], *arguments: Any) -> R:
    """The function's result, from a process of its own that nothing else has warmed or filled."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def _connected(url: str, home: Path) -> World:
    # As patient as the bare loops: a sandbox of many accounts may be silent while it makes up what was never asked for.
    settings = Settings(home=home, store_url=None, request_timeout_seconds=TIMEOUT_SECONDS)
    return World(connect(url, settings).settings, _now(url))


def _now(url: str) -> datetime:
    return datetime.fromisoformat(admin(url, "GET", "clock")["now"])


def measure(accounts: int, *, repeats: int, seed: int, say: Callable[[str], None]) -> Figures:
    """All figures of one size. Raises RuntimeError when Pulso's rows are not the same both times, or the responder was asked for others."""
    with tempfile.TemporaryDirectory(prefix="pulso-ingest-") as name:
        folder = Path(name)
        recording = folder / "recording"
        with sandbox(folder / "sandbox", accounts=accounts, seed=seed) as url:
            say(f"{accounts:,} accounts: connecting them")
            world = _in_a_process(_connected, url, folder / "home")
            say(f"{accounts:,} accounts: reading them for the first time")
            world = replace(world, known=_in_a_process(the_day_before, world))
            admin(url, "POST", "clock", json={"advance_seconds": timedelta(days=1).total_seconds()})
            world = replace(world, now=_now(url))
            say(f"{accounts:,} accounts: a day later, against the sandbox")
            live = _in_a_process(refresh, world, recording)
        if live.failures:
            cases = "; ".join(f"{times} x {case}" for case, times in Counter(live.failures).most_common(5))
            raise RuntimeError(f"Readings from the sandbox failed, what follows would compare nothing: {cases}")
        pulso, bare, split = [], [], []
        port = str(urlsplit(url).port)  # the answers name the sandbox's own address
        with announced("benchmarks.recorded", str(recording), "--port", port, log=folder / "responder.log"):
            for number in range(repeats):
                say(f"{accounts:,} accounts: the same bytes again, {number + 1} of {repeats}")
                bare.append(_in_a_process(ask_for_bytes, world, recording, 1))
                split.append(_in_a_process(ask_for_bytes, world, recording, len(Network)))
                pulso.append(_in_a_process(refresh, world))
            served = httpx.get(f"{url}{SERVED.decode()}", trust_env=False, timeout=60).json()
        requests, answer_bytes = _in_a_process(_size_of, recording)
    for again in pulso:
        if again.rows != live.rows or again.failures:
            said = f"Rows from the sandbox {dict(live.rows)}, from the same bytes {dict(again.rows)}."
            raise RuntimeError(f"{said} {dict(again.failures)}")
    if served != {"known": requests * repeats * 3, "unknown": 0}:
        raise RuntimeError(
            f"{requests} requests were recorded; three clients, {repeats} times each, asked for {served}."
        )
    return Figures(accounts, requests, answer_bytes, live.rows, live, tuple(pulso), tuple(bare), tuple(split))


def _size_of(recording: Path) -> tuple[int, int]:
    return len(asked_in(recording)), (recording / "answers").stat().st_size


# --- the report -----------------------------------------------------------------------------------------------------------


def show(sizes: Sequence[Figures], console: Console) -> None:
    """Print the figures for people; the last column is the growth from the first size to the last."""
    table = Table(title="One day's refresh: Pulso, and a bare httpx loop that asks for the same bytes")
    table.add_column("")
    for figures in sizes:
        table.add_column(f"{figures.accounts:,} accounts", justify="right")
    table.add_column("growth", justify="right")

    def row(label: str, value: Callable[[Figures], float], form: str = "{:,.0f}") -> None:
        values = [value(figures) for figures in sizes]
        growth = f"x {values[-1] / values[0]:.2f}" if len(values) > 1 and values[0] else ""
        table.add_row(label, *(form.format(v) for v in values), growth)

    row("requests", lambda f: f.requests)
    for name in dict.fromkeys(chain.from_iterable(figures.rows for figures in sizes)):
        row(f"  {name}", lambda f, name=name: f.rows.get(name, 0))
    row("answers, MB", lambda f: f.answer_bytes / 1e6, "{:,.1f}")
    row("Pulso, s", lambda f: _median(f.pulso, "seconds"), "{:,.2f}")
    row("bare httpx, s", lambda f: _median(f.bare, "seconds"), "{:,.2f}")
    row("  with a client per network, s", lambda f: _median(f.split, "seconds"), "{:,.2f}")
    row("[bold]throughput ratio[/bold]", lambda f: f.ratio(f.bare), "{:.2f}")
    row("  with a client per network", lambda f: f.ratio(f.split), "{:.2f}")
    row("CPU ratio", lambda f: f.ratio(f.bare, "cpu_seconds"), "{:.2f}")
    row("  with a client per network", lambda f: f.ratio(f.split, "cpu_seconds"), "{:.2f}")
    row("Pulso, requests per s", lambda f: f.requests / _median(f.pulso, "seconds"))
    row("Pulso, CPU s per 1,000 requests", lambda f: 1000 * _median(f.pulso, "cpu_seconds") / f.requests, "{:.3f}")
    row("bare httpx, CPU s per 1,000 requests", lambda f: 1000 * _median(f.bare, "cpu_seconds") / f.requests, "{:.3f}")
    row("  with a client per network", lambda f: 1000 * _median(f.split, "cpu_seconds") / f.requests, "{:.3f}")
    row("Pulso, peak memory, MB", lambda f: max(m.peak_bytes for m in f.pulso) / 1e6)
    row("  of it before the refresh, MB", lambda f: max(m.rest_bytes for m in f.pulso) / 1e6)
    row("against the sandbox, s", lambda f: f.live.seconds, "{:,.1f}")
    row("against the sandbox, requests per s", lambda f: f.requests / f.live.seconds)
    console.print(table)


def _median(runs: Sequence[Measured], field: str) -> float:
    return statistics.median(getattr(run, field) for run in runs)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--accounts", default=",".join(map(str, SIZES)), help="sizes with commas (default %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="of the pair on recorded answers (default %(default)s)")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    console = Console()
    sizes = []
    with console.status("") as status:
        for accounts in (int(size) for size in options.accounts.split(",")):
            sizes.append(measure(accounts, repeats=options.repeats, seed=options.seed, say=status.update))
    show(sizes, console)
    worst = min(figures.ratio(figures.bare) for figures in sizes)
    console.print(f"throughput {worst:.2f} of a bare httpx loop at worst; the goal is {GOAL_RATIO}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
