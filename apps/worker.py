"""A warm worker: drains the outbox as things fall due, without the start of a run in between.

Scheduled runs do the same work on the same outbox; leases keep the two apart. What the worker did enters the lake with the next run, by the
action ledger.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from contracts.ports import DrainReport
from contracts.settings import Settings
from orchestration.resources import http_networks, open_store


def work(settings: Settings, console: Console, *, interval_seconds: float) -> None:
    """Drain until SIGINT or SIGTERM; a drain under way is finished first."""
    from operations import OutboxPublisher

    with open_store(settings) as store, _stop_on_signals() as stopped:
        publisher = OutboxPublisher(store, http_networks(settings, store), lease_seconds=settings.lease_seconds)
        console.print("Publishing what falls due. Ctrl-C ends it.")
        while not stopped.is_set():
            report = publisher.drain()
            if said := _in_words(report):
                console.print(said, highlight=False)
            if publisher.due() == 0 or not said:
                stopped.wait(interval_seconds)
    console.print("Stopped; nothing is left half-done.")


def _in_words(report: DrainReport) -> str:
    counts = {name: getattr(report, name) for name in DrainReport.__dataclass_fields__ if name != "details"}
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


@contextmanager
def _stop_on_signals() -> Iterator[threading.Event]:
    stopped = threading.Event()
    before = {number: signal.signal(number, lambda *_: stopped.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
