"""One publisher process of a campaign: publishes until it is told to end (SIGTERM), or dies.

Belongs here: how a campaign's publishers are set up, clock skew included. Does not belong here: when they die (`campaign.py`).
"""

import random
from dataclasses import dataclass
from datetime import timedelta

import structlog
from rich.console import Console

from apps.worker import work_until_stopped
from benchmarks.chaos.bugs import Bug
from benchmarks.chaos.faults import ANSWER_SECONDS
from benchmarks.chaos.mortality import Death, MortalConnector, MortalDatabase
from benchmarks.crowd import Crowd
from benchmarks.wrapped import WrappedNetworks
from contracts.clock import FixedClock
from operations import RetryPlan
from operations.machine import SystemMachineTime
from platforms._http import Patience
from platforms._journal import JsonlJournal
from platforms.networks import HttpNetworks
from providers.media import LocalMedia

LEASE_SECONDS = 8.0
LANES_PER_NETWORK = 2
LOOK_EVERY_SECONDS = 0.2
BUSINESS_SKEW_SECONDS = 120.0
"""How far a publisher's business clock may be off, either way."""
MACHINE_SKEW_SECONDS = 0.5
"""How far its machine's clock may be off: less than what a lease is longer than a call."""
RETRIES = RetryPlan(base_seconds=0.25, cap_seconds=4.0, max_tries=40, max_readings=6, rate_seconds=1.0)


class SkewedMachineTime(SystemMachineTime):
    """A machine whose clock is off."""

    def __init__(self, off_by: timedelta) -> None:
        self._off_by = off_by

    def now(self):  # type: ignore[no-untyped-def]
        return super().now() + self._off_by


class NoLimit:
    """contracts.ports.Quotas without end: the sandbox's limits are relaxed, and so are those that we count."""

    async def reserve(self, key: str, *, window_start: object, units: int, limit: int) -> bool:
        del key, window_start, units, limit
        return True


class HostedPicture:
    """contracts.ports.MediaHost of the one picture that posts carry, put there beforehand."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def publish(self, *, name: str, content: bytes, mime_type: str) -> str:
        del name, content, mime_type
        return self._url


@dataclass(frozen=True)
class Life:
    """What one publisher process is born with."""

    seed: str
    dies_at: int | None
    """The step at which it dies; None: it does not by itself."""


def publish(crowd: Crowd, bug: Bug, life: Life) -> None:
    """What the process does."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    chance = random.Random(life.seed)
    death = Death(life.dies_at)
    clock = FixedClock(crowd.now + timedelta(seconds=chance.uniform(-BUSINESS_SKEW_SECONDS, BUSINESS_SKEW_SECONDS)))
    machine = SkewedMachineTime(timedelta(seconds=chance.uniform(-MACHINE_SKEW_SECONDS, MACHINE_SKEW_SECONDS)))
    settings = crowd.settings
    with bug.store(
        settings.resolved_store_url,
        master_key_path=settings.master_key_path,
        clock=clock,
        database=MortalDatabase(settings.resolved_store_url, death),
    ) as store:
        networks = HttpNetworks(
            settings,
            store.tokens,
            HostedPicture(crowd.picture_url),
            LocalMedia(settings.home),
            clock=clock,
            quotas=NoLimit(),
            journal=JsonlJournal(settings.home / "journals" / f"{life.seed.replace('/', '-')}.jsonl"),
            patience=Patience(timeout=ANSWER_SECONDS, attempts=2, first_backoff=0.05, longest_wait=0.2),
        )
        publisher = bug.publisher(
            store,
            WrappedNetworks(networks, lambda connector: MortalConnector(connector, death)),
            lease_seconds=LEASE_SECONDS,
            concurrency=LANES_PER_NETWORK,
            patience_seconds=1.0,
            retries=RETRIES,
            machine=machine,
        )
        work_until_stopped(publisher, Console(quiet=True), interval_seconds=LOOK_EVERY_SECONDS)
