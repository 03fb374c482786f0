"""The publisher that dies: a process that drains the outbox through the proxy until nothing is left.

Belongs here: what runs in that process, and the bug that can be planted in it. Does not belong here: when it dies (`run.py`), who replaces
it (`crew.py`).
"""

import multiprocessing
import time
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from benchmarks.wrapped import WrappedConnector, WrappedNetworks
from contracts.clock import FixedClock
from contracts.ports import Networks
from contracts.records import PublishRequest, Receipt, Reconciliation, Staging
from contracts.scope import TenantScope
from contracts.settings import Settings
from operations import OutboxPublisher, RetryPlan, SqlStore
from platforms import HttpNetworks
from platforms._http import Patience
from platforms.bluesky import tid
from providers.media import LocalMedia

BUGS = ("resend-on-timeout",)
LEASE_SECONDS = 2.0
CALL_SECONDS = 1.0
LANES_AT_A_TIME = 4
"""Of one publisher: a death holds up this many accounts until their leases run out."""
ALL = TenantScope.all_clients("the chaos harness")


@dataclass(frozen=True)
class Errand:
    """What a publisher process is told."""

    home: Path
    base_url: str
    """The proxy's, with the publisher's name."""
    now: datetime
    bug: str | None


def publish(errand: Errand) -> None:
    """What the process does: drain until nothing is left, or nobody is there to replace it, or it dies."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    settings = Settings(home=errand.home, network_base_url=errand.base_url, store_url=None)
    with open_store_on(errand.home, errand.now) as store:
        networks: Networks = HttpNetworks(
            settings,
            store.tokens,
            NoMediaHost(),
            LocalMedia(errand.home),
            clock=FixedClock(errand.now),
            has_bluesky_app_view=False,
            quotas=store.quotas,
            patience=Patience(timeout=CALL_SECONDS, attempts=2, first_backoff=0.05, longest_wait=0.2),
        )
        publisher = OutboxPublisher(
            store,
            WrappedNetworks(networks, ResendingConnector) if errand.bug else networks,
            lease_seconds=LEASE_SECONDS,
            concurrency=LANES_AT_A_TIME,
            patience_seconds=0.5,
            retries=RetryPlan(base_seconds=0.1, cap_seconds=2.0, max_tries=40, max_readings=6, rate_seconds=1.0),
        )
        harness = multiprocessing.parent_process()
        while store.outbox(ALL, states=["pending", "committing"]):
            if harness is not None and not harness.is_alive():
                return
            publisher.drain()
            time.sleep(0.1)


def open_store_on(home: Path, now: datetime) -> SqlStore:
    """The store of a home, on a business day."""
    settings = Settings(home=home, store_url=None)
    return SqlStore(settings.resolved_store_url, master_key_path=settings.master_key_path, clock=FixedClock(now))


class NoMediaHost:
    """contracts.ports.MediaHost of a network that takes uploads."""

    async def publish(self, *, name: str, content: bytes, mime_type: str) -> str:
        del content, mime_type
        raise AssertionError(f"Bluesky takes uploads: nobody else has to host {name}.")


class ResendingConnector(WrappedConnector):
    """The planted bug: what got no answer is taken for unsent, and sent again under a key of its own."""

    async def commit(self, request: PublishRequest, staging: Staging) -> Receipt:
        rkey = tid.for_intent(uuid.uuid4().hex, request.created_at)
        anew = staging.model_copy(update={"handles": {**staging.handles, "rkey": rkey}})
        return await super().commit(request, anew)

    async def find_published(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        del request, staging
        return Reconciliation(outcome="not_published", evidence="it timed out")
