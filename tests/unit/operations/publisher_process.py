"""A publisher in a process of its own, over a network whose true state is a SQLite file that all processes share.

Run as `python -m tests.unit.operations.publisher_process STORE_URL KEY_PATH NETWORK_FILE LEASE_SECONDS`; ends when nothing is left to be done.
"""

import asyncio
import os
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path

from contracts.clock import FixedClock
from contracts.networks import Capabilities, ContentFormat, Network
from contracts.ports import Connector
from contracts.records import PublishRequest, Receipt, Reconciliation, Staging
from contracts.scope import TenantScope
from operations import OutboxPublisher, RetryPlan, SqlStore
from tests.unit.operations.fakes import NOW, allow_everything

SCHEMA = "CREATE TABLE IF NOT EXISTS commits (intent_id TEXT, key TEXT, process INTEGER)"


class FileNetwork:
    """Every commit call makes a post; reading proves absence."""

    capabilities = Capabilities(
        network=Network.BLUESKY,
        formats=frozenset({ContentFormat.TEXT}),
        has_account_metrics=False,
        has_comments=False,
        can_reply=False,
        is_commit_idempotent=False,
        is_reply_idempotent=False,
        post_metrics=(),
    )

    def __init__(self, path: Path) -> None:
        self._path = path

    def prepare(self, request: PublishRequest) -> Staging:
        return Staging(handles={"key": f"{request.intent_id}/{os.getpid()}/{time.monotonic_ns()}"})

    async def stage(self, request: PublishRequest, staging: Staging) -> Staging:
        await asyncio.sleep(0.002)
        return staging.model_copy(update={"is_complete": True})

    async def commit(self, request: PublishRequest, staging: Staging) -> Receipt:
        with closing(self._open()) as connection, connection:
            connection.execute(
                "INSERT INTO commits VALUES (?, ?, ?)", (request.intent_id, staging.handles["key"], os.getpid())
            )
        await asyncio.sleep(0.005)  # made, and not answered yet
        return self._receipt(staging, "answered")

    async def find_published(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        with closing(self._open()) as connection:
            found = connection.execute("SELECT 1 FROM commits WHERE key = ?", (staging.handles["key"],)).fetchone()
        if found is None:
            return Reconciliation(outcome="not_published", evidence="not there")
        return Reconciliation(outcome="published", receipt=self._receipt(staging, "reconciled"), evidence="there")

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=30)

    def _receipt(self, staging: Staging, how: str) -> Receipt:
        return Receipt.model_validate(
            {"native_id": staging.handles["key"], "permalink": None, "published_at": NOW, "how": how}
        )


class FileNetworks:
    def __init__(self, path: Path) -> None:
        self._connector = FileNetwork(path)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Mapping[Network, Connector]]:
        yield {Network.BLUESKY: self._connector}  # type: ignore[dict-item]


def main(url: str, key_path: str, network_file: str, lease_seconds: str) -> None:
    with SqlStore(url, master_key_path=Path(key_path), clock=FixedClock(NOW), rules=allow_everything) as store:
        publisher = OutboxPublisher(
            store,
            FileNetworks(Path(network_file)),
            lease_seconds=float(lease_seconds),
            retries=RetryPlan(base_seconds=0.05),
        )
        scope = TenantScope.all_clients("test")
        while store.outbox(scope, states=["pending", "committing"]):
            publisher.drain(limit=7)
            time.sleep(0.01)


if __name__ == "__main__":
    main(*sys.argv[1:])
