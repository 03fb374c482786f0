"""A warm worker: drains the outbox as things fall due, without the start of a run in between.

Scheduled runs do the same work on the same outbox; leases keep the two apart. What the worker did enters the lake with the next run, by the
action ledger.
"""

import asyncio
import signal

from rich.console import Console

from contracts.ports import DrainReport
from contracts.settings import Settings
from operations import OutboxPublisher


def work(settings: Settings, console: Console, *, interval_seconds: float) -> None:
    """Publish what falls due until SIGINT or SIGTERM; posts under way are finished first."""
    from orchestration.resources import http_networks, open_store

    with open_store(settings) as store:
        publisher = OutboxPublisher(store, http_networks(settings, store), lease_seconds=settings.lease_seconds)
        work_until_stopped(publisher, console, interval_seconds=interval_seconds)


def work_until_stopped(publisher: OutboxPublisher, console: Console, *, interval_seconds: float) -> None:
    """The same with a publisher at hand."""

    def tell(report: DrainReport) -> None:
        if said := _in_words(report):
            console.print(said, highlight=False)

    async def until_stopped() -> None:
        stopped = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        await publisher.work(stopped, interval_seconds=interval_seconds, tell=tell)

    console.print("Publishing what falls due. Ctrl-C ends it.")
    asyncio.run(until_stopped())
    console.print("Stopped; nothing is left half-done.")


def _in_words(report: DrainReport) -> str:
    counts = {name: getattr(report, name) for name in DrainReport.__dataclass_fields__ if name != "details"}
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)
