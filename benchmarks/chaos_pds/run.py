"""The run: fates are drawn, publishers die, days pass, and the promises are judged.

Belongs here: the order of things, how likely each fate is, what counts as a broken promise. Does not belong here: their parts.
"""

import asyncio
import itertools
import math
import random
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.progress import Progress, TimeElapsedColumn

from benchmarks import bluesky_server
from benchmarks.bluesky_server import BlueskyServer
from benchmarks.chaos_pds.counting import PostFigures, count
from benchmarks.chaos_pds.crew import Crew
from benchmarks.chaos_pds.posts import MOST_FIRST_POSTS_A_DAY, SAME_TEXT_EVERY, Desk, World, prepare
from benchmarks.chaos_pds.publisher import ALL, BUGS, open_store_on
from benchmarks.faulty_proxy import Exchange, Fate, FaultyProxy
from operations import IntentState

COMMIT = "com.atproto.repo.putRecord"
UPLOAD = "com.atproto.repo.uploadBlob"
COMMIT_FATES = {
    Fate.KILL_AFTER: 0.50,
    Fate.KILL_BEFORE: 0.05,
    Fate.CUT_AFTER: 0.10,
    Fate.CUT_BEFORE: 0.05,
    Fate.ERROR_AFTER: 0.04,
    Fate.ERROR_BEFORE: 0.03,
    Fate.LATE_ANSWER: 0.02,
    Fate.LATE_REQUEST: 0.02,
    Fate.PASSED: 0.19,
}
UPLOAD_FATES = {
    Fate.KILL_AFTER: 0.04,
    Fate.CUT_AFTER: 0.03,
    Fate.CUT_BEFORE: 0.03,
    Fate.ERROR_BEFORE: 0.02,
    Fate.PASSED: 0.88,
}
READ_FATES = {Fate.KILL_AFTER: 0.02, Fate.CUT_AFTER: 0.02, Fate.ERROR_BEFORE: 0.03, Fate.PASSED: 0.93}

KINDS = {COMMIT: "commit", UPLOAD: "upload"}
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
"""Of the first business day."""
MOST_POSTS_PER_KILL = 10
PARKED_ALLOWED = 0.005


@dataclass(frozen=True)
class PdsChaosReport:
    """What was counted, and every broken promise."""

    accounts: int
    seed: int
    kills_in_the_gap: int
    """Publishers that died of SIGKILL after the server's 2xx to their commit, still waiting for it."""
    deaths: int
    """Of SIGKILL, at whatever point."""
    answers_to_the_dead: int
    """Further commits that the server wrote for a publisher that was gone by then, or had given up."""
    seconds: float
    posts: tuple[PostFigures, ...]
    fates: Mapping[str, int]
    """How many exchanges met each fate, by kind of call."""
    parked_cases: tuple[str, ...]
    violations: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        return not self.violations


def run_chaos_pds(
    kills: int, *, accounts: int = 40, publishers: int = 2, seed: int = 7, planted_bug: str | None = None
) -> PdsChaosReport:
    """Publish through at least `kills` deaths between commit and answer. Raises NotInstalledError."""
    if planted_bug not in (None, *BUGS):
        raise ValueError(f"Unknown bug {planted_bug}; known: {', '.join(BUGS)}")
    with bluesky_server.running() as server, tempfile.TemporaryDirectory(prefix="pulso-chaos-pds-") as folder:
        world = prepare(server, Path(folder), accounts, NOON)
        run = _Run(server, world, Crew(world.home, publishers, planted_bug), kills=kills, seed=seed)
        return asyncio.run(run.live())


class _Run:
    """One run on one server."""

    def __init__(self, server: BlueskyServer, world: World, crew: Crew, *, kills: int, seed: int) -> None:
        self._server, self._world, self._crew = server, world, crew
        self._kills, self._seed = kills, seed
        self._chance = random.Random(seed)
        self._desk = Desk(world, self._chance)
        self._exchanges: list[Exchange] = []
        self._kills_in_the_gap = 0

    async def live(self) -> PdsChaosReport:
        started = time.monotonic()
        with Progress(*Progress.get_default_columns(), TimeElapsedColumn()) as progress:
            bar = progress.add_task("kills between commit and answer", total=self._kills)

            def tell(exchange: Exchange) -> None:
                self._exchanges.append(exchange)
                if exchange.operation == COMMIT and exchange.is_written and exchange.has_killed:
                    self._kills_in_the_gap += 1
                    progress.advance(bar)

            async with FaultyProxy(self._server.url, self._draw, tell=tell, kill=self._crew.kill).serving() as url:
                for day in itertools.count():
                    if self._is_enough():
                        break
                    await self._live_day(url, NOON + timedelta(days=day))
        return self._report(time.monotonic() - started)

    def _draw(self, operation: str) -> Fate:
        fates = {COMMIT: COMMIT_FATES, UPLOAD: UPLOAD_FATES}.get(operation, READ_FATES)
        return self._chance.choices(tuple(fates), tuple(fates.values()))[0]

    def _is_enough(self) -> bool:
        """Enough died in the gap, or it is clear that they never will."""
        is_hopeless = len(self._desk.items) > MOST_POSTS_PER_KILL * self._kills
        return self._kills_in_the_gap >= self._kills or is_hopeless or bool(self._crew.problems)

    async def _live_day(self, proxy_url: str, now: datetime) -> None:
        share = COMMIT_FATES[Fate.KILL_AFTER]
        wanted = (self._kills - self._kills_in_the_gap) / share / len(self._world.accounts)
        per_account = min(MOST_FIRST_POSTS_A_DAY, max(SAME_TEXT_EVERY, math.ceil(wanted)))
        with open_store_on(self._world.home, now) as store:
            self._desk.approve_posts(store, now, per_account=per_account)
        await self._crew.work(proxy_url, now)
        with open_store_on(self._world.home, now) as store:
            self._desk.repost(store, now)
        await self._crew.work(proxy_url, now)

    def _report(self, seconds: float) -> PdsChaosReport:
        with open_store_on(self._world.home, NOON) as store:
            entries = store.outbox(ALL)
            figures = count(self._server, self._world.accounts, self._desk.items, store)
        violations = list(self._crew.problems)
        if self._kills_in_the_gap < self._kills:
            violations.append(f"only {self._kills_in_the_gap} of {self._kills} kills fell between commit and answer")
        violations += _broken_promises(figures[-1])
        violations += [
            f"{e.content_item_id} ended as {e.state.value}: {e.reason}"
            for e in entries
            if e.state not in (IntentState.PUBLISHED, IntentState.PARKED)
        ]
        return PdsChaosReport(
            accounts=len(self._world.accounts),
            seed=self._seed,
            kills_in_the_gap=self._kills_in_the_gap,
            deaths=self._crew.deaths,
            answers_to_the_dead=sum(
                e.operation == COMMIT and e.is_written and not e.had_caller for e in self._exchanges
            ),
            seconds=seconds,
            posts=figures,
            fates=Counter(f"{KINDS.get(e.operation, 'read')} {e.fate.value}" for e in self._exchanges),
            parked_cases=tuple(f"{e.reason_code}: {e.reason}" for e in entries if e.state is IntentState.PARKED),
            violations=tuple(violations),
        )


def _broken_promises(figures: PostFigures) -> list[str]:
    broken = [f"{n} {what}" for what in ("duplicates", "lost", "stuck") if (n := getattr(figures, what))]
    if figures.parked > PARKED_ALLOWED * figures.intents:
        broken.append(f"{figures.parked} of {figures.intents} parked")
    if figures.reposts_seen < figures.reposts:
        broken.append(f"{figures.reposts - figures.reposts_seen} deliberate reposts are missing")
    return broken
