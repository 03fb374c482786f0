"""The main job: one whole turn of the loop, or several days of it, against a sandbox world.

Ingest, build, train, draft, schedule, approve by policy, publish what is due, move the clock, ingest the outcomes, score the
forecasts. A second run goes on where the first one ended. Everything is done by the same Dagster jobs that schedules start; only
the clock is moved by hand.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from apps.demo import demo_clients
from apps.demo.goals import demo_goals
from apps.demo.register import ACTOR, accounts_of, clients_without_brand, competitors_of
from apps.home import prepare_home
from apps.pipeline import FailedCheck, JobOutcome, Pipeline, open_pipeline
from apps.sandbox_process import Sandbox, running_sandbox
from apps.worlds import at_sandbox, may_become_sandbox
from contracts.clock import FixedClock
from contracts.errors import PulsoError
from contracts.records import Client
from contracts.scope import TenantScope
from contracts.settings import Settings
from orchestration import jobs
from orchestration.resources import open_store

HISTORY = timedelta(days=90)
SLOTS_TOGETHER = timedelta(minutes=45)
"""Slots this close are published in one run: well inside every client's late window, and a run costs a second."""
MORNING = time(6)
EVERYONE = TenantScope.all_clients("the main job serves all clients of the world")


@dataclass
class Turn:
    """What a main job did, for its summary."""

    started_at: datetime
    ended_at: datetime | None = None
    rows: dict[str, int] = field(default_factory=dict)
    failed_checks: dict[tuple[str, str], FailedCheck] = field(default_factory=dict)
    not_ready: dict[str, str] = field(default_factory=dict)
    runs: int = 0

    def took(self, outcome: JobOutcome) -> None:
        """Add one run: rows add up, a check and what had too little to go on count as they stood last."""
        self.runs += 1
        self.not_ready = {a: why for a, why in self.not_ready.items() if a not in outcome.rows} | dict(
            outcome.not_ready
        )
        for asset, rows in outcome.rows.items():
            self.rows[asset] = self.rows.get(asset, 0) + rows
            self.failed_checks = {k: c for k, c in self.failed_checks.items() if k[0] != asset}
        for check in outcome.failed_checks:
            self.failed_checks[(check.asset, check.check)] = check


class Steps:
    """Progress that a person can follow: one line a step, a bar for the whole."""

    def __init__(self, console: Console, total: int) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._console = console
        self._task = self._progress.add_task("starting", total=total)

    def __enter__(self) -> "Steps":
        self._progress.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._progress.stop()

    def step(self, what: str) -> None:
        """Begin the next step."""
        self._progress.update(self._task, description=what, advance=1)
        if not self._console.is_terminal:
            self._console.print(f"  {what}")


def seeded_turn(settings: Settings, console: Console, *, days: int, seed: int, until_outcomes: bool = True) -> Turn:
    """The main job on the seeded world: `days` business days, then some for the outcomes to mature (unless it ends before).

    Raises PulsoError in a home that works with real networks: its clients are never mixed with made-up ones.
    """
    if not may_become_sandbox(settings):
        raise PulsoError(
            f"{settings.home} works with real networks, `pulso run` with a sandbox: `pulso ui` runs the daily loop of this home, "
            "and PULSO_HOME=<another folder> gives the demo its own."
        )
    settings = at_sandbox(settings)
    prepare_home(settings)
    steps = Steps(console, total=3 + 4 * days + 2)
    with steps, running_sandbox(settings, seed=seed) as sandbox:
        steps.step("register clients, accounts and rivals")
        register_world(settings, sandbox)
        with open_pipeline(settings) as pipeline:
            turn = Turn(sandbox.now())
            for number in range(days):
                if number:
                    morning = _next_morning(sandbox.now())
                    steps.step(f"move the clock to {morning:%a %d %b}")
                    sandbox.move_to(morning)
                _business_day(pipeline, sandbox, settings, turn, steps, is_first=number == 0)
            mornings = _mornings_of_outcomes(sandbox.now(), settings) if until_outcomes else ()
            for morning in mornings:
                _publish_due(pipeline, sandbox, settings, turn, until=morning)
                sandbox.move_to(morning)
                steps.step(f"{morning:%a %d %b}: observe outcomes, score forecasts")
                turn.took(pipeline.run(jobs.REFRESH, day=morning.date()))
            _train_popularity(pipeline, turn, steps)
            turn.ended_at = sandbox.now()
    return turn


def replayed_turn(settings: Settings, console: Console, *, posts: Path, language: str, time_zone: str) -> Turn:
    """The main job on real posts: everything up to the present of the replay, then all that was hidden is revealed and scored."""
    settings = at_sandbox(settings)
    prepare_home(settings)
    with Steps(console, total=10) as steps, running_sandbox(settings, posts=posts) as sandbox:
        steps.step("register the accounts of the file")
        _register_replay(settings, sandbox, language=language, time_zone=time_zone)
        with open_pipeline(settings) as pipeline:
            turn = Turn(sandbox.now())
            steps.step(f"{sandbox.now():%d %b %Y}: ingest the past and build")
            turn.took(pipeline.run(jobs.REFRESH, day=sandbox.now().date()))
            steps.step("train the engagement model on it")
            turn.took(pipeline.run(jobs.TRAIN))
            steps.step("decide")
            turn.took(pipeline.run(jobs.DECIDE, day=sandbox.now().date()))
            steps.step("publish what is due")
            turn.took(pipeline.run(jobs.PUBLISH, day=sandbox.now().date()))
            last = datetime.fromisoformat(sandbox.world()["replay"]["last"])
            mature = last + timedelta(hours=settings.backfill_mature_after_hours, days=1)
            sandbox.move_to(max(mature, sandbox.now()))
            steps.step(
                f"{sandbox.now():%d %b %Y}: reveal the hidden posts, forecast them from what was known before each"
            )
            turn.took(pipeline.run(jobs.REFRESH, day=sandbox.now().date()))
            sandbox.move_to(_next_morning(sandbox.now()))
            steps.step(f"{sandbox.now():%d %b %Y}: score the forecasts")
            turn.took(pipeline.run(jobs.REFRESH, day=sandbox.now().date()))
            _train_popularity(pipeline, turn, steps)
            turn.ended_at = sandbox.now()
    return turn


def register_world(settings: Settings, sandbox: Sandbox, *, others: Iterable[Client] = ()) -> None:
    """Demo clients, and `others`, with their goals and the accounts that the world gives them. Known ones are left as people changed them."""
    _register(settings, sandbox, [*demo_clients(), *others])


def _register_replay(settings: Settings, sandbox: Sandbox, *, language: str, time_zone: str) -> None:
    _register(settings, sandbox, clients_without_brand(sandbox.accounts(), language=language, time_zone=time_zone))


def _register(settings: Settings, sandbox: Sandbox, clients: Iterable[Client]) -> None:
    listing = sandbox.accounts()
    with open_store(settings, clock=FixedClock(sandbox.now())) as store:
        known_clients = {c.client_id for c in store.clients(EVERYONE)}
        known_accounts = {a.account_id for a in store.accounts(EVERYONE)}
        for client in clients:
            if client.client_id not in known_clients:
                store.save_client(client, actor=ACTOR)
                for goal in demo_goals(client.client_id, today=sandbox.now().date()):
                    store.set_goal(goal, actor=ACTOR)
        for account, tokens in accounts_of(listing, settings.sandbox_url):
            if account.account_id not in known_accounts:
                store.save_account(account, actor=ACTOR)
                for grant, token in tokens.items():
                    store.save_credential(account.account_id, token, actor=ACTOR, grant=grant)
        for competitor in competitors_of(listing):
            store.save_competitor(competitor, actor=ACTOR)


def _business_day(
    pipeline: Pipeline, sandbox: Sandbox, settings: Settings, turn: Turn, steps: Steps, *, is_first: bool
) -> None:
    now = sandbox.now()
    day, label = now.date(), f"{now:%a %d %b}"
    steps.step(f"{label}: observe, build gold and features")
    if is_first:
        turn.took(pipeline.run_assets(["bronze/account_metrics"], since=day - HISTORY, day=day))
    turn.took(pipeline.run(jobs.REFRESH, day=day))
    if is_first:
        steps.step(f"{label}: train the engagement model")
        turn.took(pipeline.run(jobs.TRAIN))
    steps.step(f"{label}: ideas, drafts, forecasts, slots, replies")
    turn.took(pipeline.run(jobs.DECIDE, day=day))
    steps.step(f"{label}: publish what is due")
    _publish_due(pipeline, sandbox, settings, turn, until=_next_morning(now))


def _train_popularity(pipeline: Pipeline, turn: Turn, steps: Steps) -> None:
    steps.step("train the popularity model on posts that were followed to their end")
    turn.took(pipeline.run(jobs.TRAIN_POPULARITY))


def _publish_due(pipeline: Pipeline, sandbox: Sandbox, settings: Settings, turn: Turn, *, until: datetime) -> None:
    for moment in _publishing_moments(settings, sandbox.now(), until=until):
        sandbox.move_to(moment)
        turn.took(pipeline.run(jobs.PUBLISH, day=moment.date()))


def _publishing_moments(settings: Settings, now: datetime, *, until: datetime) -> Iterator[datetime]:
    """Now (for replies and what is late), then the end of each cluster of slots."""
    yield now
    with open_store(settings, clock=FixedClock(now)) as store:
        taken = store.taken_slots(EVERYONE, start=now, end=until)
    cluster: list[datetime] = []
    for slot in sorted({slot for slots in taken.values() for slot in slots if slot > now}):
        if cluster and slot - cluster[0] > SLOTS_TOGETHER:
            yield cluster[-1]
            cluster = []
        cluster.append(slot)
    if cluster:
        yield cluster[-1]


def _mornings_of_outcomes(now: datetime, settings: Settings) -> tuple[datetime, ...]:
    """Tomorrow, so that the last posts are first seen young, and the morning on which all of them are mature."""
    tomorrow = _next_morning(now)
    return tomorrow, tomorrow + timedelta(hours=settings.mature_after_hours)


def _next_morning(now: datetime) -> datetime:
    """The first 06:00 UTC after now: every post of the day is then younger than a day, so it is first seen in time."""
    today = datetime.combine(now.date(), MORNING, tzinfo=UTC)
    return today if now < today else today + timedelta(days=1)
