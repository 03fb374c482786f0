"""A campaign: people and publishers at work on one store until everything is settled, with publishers dying all the while.

Belongs here: who runs when, who is killed when, and when it is over. Does not belong here: counting (`verdict.py`).
"""

import multiprocessing
import random
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import mkdtemp

from rich.progress import Progress, TimeElapsedColumn
from sqlalchemy import func, select

from benchmarks.chaos import bugs, faults, publishing
from benchmarks.chaos.people import People, visible_posts
from benchmarks.chaos.verdict import Verdict, judge
from benchmarks.crowd import admin, connect, sandbox
from contracts.networks import Network
from contracts.scope import TenantScope
from contracts.settings import Settings
from operations import IntentState
from operations.database import Database
from operations.models import IntentRow

ALL = TenantScope.all_clients("the chaos harness")
STEPS_A_POST = 18
"""About how many steps a publisher takes for a post; only spreads deaths over a campaign."""
OUTSIDE_SHARE = 0.3
"""Of the deaths: this many come from outside, at any moment, in the middle of a call too."""
BACKLOG = 40
"""Approved posts that wait, for each publisher: more are approved as they go out."""
TICK_SECONDS = 0.1
STUCK_AFTER_SECONDS = 180.0
"""Without any change for so long, what is left counts as stuck."""
OPEN = (IntentState.PENDING.value, IntentState.COMMITTING.value)


@dataclass(frozen=True)
class Settlement:
    """How far the outbox is."""

    open: int
    settled: int


@dataclass(frozen=True)
class Campaign:
    """The size and the hardship of a campaign."""

    posts: int
    accounts: int
    kills: int
    seed: int
    publishers: int = 3
    stops: int = 3
    networks: Sequence[Network] = tuple(Network)
    is_hostile: bool = False
    bug: str | None = None
    may_move_pins: bool = True
    """Pinterest's app has the grant without which a lost pin may stay undecided."""

    def run(self) -> Verdict:
        """Live through it, and count. Where a promise was broken that no planted bug explains, store, networks and journals are kept."""
        folder = Path(mkdtemp(prefix="pulso-chaos-"))
        with sandbox(folder / "sandbox", seed=self.seed, accounts=self.accounts) as url:
            verdict = self._live(url, folder / "home")
        if verdict.is_clean or self.bug:
            shutil.rmtree(folder)
            return verdict
        return replace(verdict, kept_in=folder)

    def _live(self, url: str, home: Path) -> Verdict:
        began = time.monotonic()
        crowd = connect(url, Settings(home=home, store_url=None), self.networks)
        crowd = crowd.with_grants(may_move_pins=self.may_move_pins)
        for rule in faults.rules(is_hostile=self.is_hostile):
            admin(url, "POST", "faults", json=rule)
        database = Database(crowd.settings.resolved_store_url)
        with crowd.open_store() as store:
            chance = random.Random(self.seed)
            people = People(crowd, store, database, chance, self.posts, self.seed)
            bug = bugs.BUGS[self.bug] if self.bug else bugs.NONE
            staff = Staff(self, lambda life: publishing.publish(crowd, bug, life), random.Random(self.seed + 1))
            with Progress(*Progress.get_default_columns(), TimeElapsedColumn(), auto_refresh=False) as progress:
                task = progress.add_task("posts", total=self.posts)
                last, changed_at = -1, time.monotonic()
                while not self._is_over(people, now := self._settlement(database)):
                    if now.settled != last:
                        last, changed_at = now.settled, time.monotonic()
                    if time.monotonic() - changed_at > STUCK_AFTER_SECONDS:
                        break
                    progress.update(task, completed=now.settled, refresh=True)
                    people.approve(max(0, BACKLOG * self.publishers - now.open))
                    people.change_their_minds()
                    people.repost()
                    people.connect_again()
                    if people.stops < self.stops and now.settled > self.posts * (people.stops + 1) / (self.stops + 2):
                        people.stop_for_a_moment()
                    staff.keep_up(now.settled / self.posts)
                    time.sleep(TICK_SECONDS)
            staff.send_home()
            fired: dict[str, int] = {}
            for rule in admin(url, "GET", "faults")["faults"]:
                name = f"{rule['operation']} {rule['kind']}"
                fired[name] = fired.get(name, 0) + rule["fired"]
            return judge(
                people,
                store.outbox(ALL),
                visible_posts(url),
                database,
                refuses_equal_texts=not self.is_hostile,
                kills=staff.kills,
                problems=staff.problems,
                faults_fired=fired,
                seconds=time.monotonic() - began,
            )

    def _is_over(self, people: People, now: Settlement) -> bool:
        return people.is_idle and now.open == 0

    @staticmethod
    def _settlement(database: Database) -> Settlement:
        """Intents by whether anything can still become of them; one that waits for its account's connection is open."""
        query = select(IntentRow.state, IntentRow.reason_code, func.count()).group_by(
            IntentRow.state, IntentRow.reason_code
        )
        with database.read() as session:
            rows = session.execute(query).tuples().all()
        is_open = [state in OPEN or (state == "parked" and code == "reconnect") for state, code, _ in rows]
        counts = [count for _, _, count in rows]
        return Settlement(
            open=sum(count for count, is_ in zip(counts, is_open, strict=True) if is_),
            settled=sum(count for count, is_ in zip(counts, is_open, strict=True) if not is_),
        )


class Staff:
    """The publisher processes: one that died is followed by another."""

    def __init__(self, campaign: Campaign, work: Callable[[publishing.Life], None], chance: random.Random) -> None:
        self._campaign, self._work, self._chance = campaign, work, chance
        self._context = multiprocessing.get_context("fork")
        self._processes: list[BaseProcess] = []
        self._born = 0
        self.kills = 0
        self.problems: list[str] = []

    def keep_up(self, progress: float) -> None:
        """Bury the dead, hire their successors, and kill from outside as often as the campaign's progress allows."""
        for process in [p for p in self._processes if p.exitcode is not None]:
            self._processes.remove(process)
            if process.exitcode == -signal.SIGKILL:
                self.kills += 1
            else:
                self.problems.append(f"a publisher ended with {process.exitcode}")
        while len(self._processes) < self._campaign.publishers:
            self._hire()
        if self.kills < self._campaign.kills * min(1.0, progress + 0.05) and self._chance.random() < OUTSIDE_SHARE:
            self._chance.choice(self._processes).kill()

    def send_home(self) -> None:
        """Let all finish."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join(30)
            if process.exitcode is None:
                process.kill()
                process.join()
                self.problems.append("a publisher did not end when it was told to")

    def _hire(self) -> None:
        self._born += 1
        mean_steps = STEPS_A_POST * self._campaign.posts / max(1, self._campaign.kills)
        is_mortal = self.kills < self._campaign.kills
        dies_at = self._chance.randint(1, round(2 * mean_steps) + 1) if is_mortal else None
        life = publishing.Life(f"{self._campaign.seed}/{self._born}", dies_at)
        process = self._context.Process(target=self._work, args=(life,))
        process.start()
        self._processes.append(process)
