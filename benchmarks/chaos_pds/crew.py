"""Publishers side by side on one store: whoever dies is replaced.

Belongs here: starting, killing and replacing processes. Does not belong here: what they do (`publisher.py`).
"""

import asyncio
import itertools
import multiprocessing
import signal
from datetime import datetime
from multiprocessing.process import BaseProcess
from pathlib import Path

from benchmarks.chaos_pds.publisher import Errand, publish

IMPORTED_LATE = ("anyio._backends._asyncio", "httpcore", "sqlalchemy.dialects.sqlite.pysqlite", "sqlite3")
"""What a publisher's libraries import at its first call: half of the time that it takes to start."""
DAY_PATIENCE_SECONDS = 3600.0
"""What is not done by then counts as stuck."""


class Crew:
    """At work until nothing is left to publish."""

    def __init__(self, home: Path, size: int, bug: str | None) -> None:
        self._home, self._size, self._bug = home, size, bug
        # Forked from a process that has everything imported, and holds no connection, file or loop of ours.
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload([publish.__module__, *IMPORTED_LATE])
        self._names = itertools.count(1)
        self._alive: dict[str, tuple[BaseProcess, asyncio.Event]] = {}
        self.deaths = 0
        self.problems: list[str] = []

    async def work(self, proxy_url: str, now: datetime) -> None:
        """Publish what is due, through all deaths; past the patience everybody is sent home."""
        try:
            async with asyncio.timeout(DAY_PATIENCE_SECONDS):
                await asyncio.gather(*(self._keep_one_working(proxy_url, now) for _ in range(self._size)))
        except TimeoutError:
            self.problems.append(f"not done after {DAY_PATIENCE_SECONDS:.0f} s")
        finally:
            for name in tuple(self._alive):
                await self.kill(name)

    async def kill(self, name: str) -> bool:
        """SIGKILL. Whether the publisher of that name was alive, and died of it."""
        if name not in self._alive:
            return False
        process, is_gone = self._alive.pop(name)
        process.kill()
        await is_gone.wait()
        process.join()
        return process.exitcode == -signal.SIGKILL

    async def _keep_one_working(self, proxy_url: str, now: datetime) -> None:
        while (code := await self._live(f"publisher-{next(self._names)}", proxy_url, now)) != 0:
            if code != -signal.SIGKILL:
                self.problems.append(f"a publisher ended with {code}")
                return
            self.deaths += 1

    async def _live(self, name: str, proxy_url: str, now: datetime) -> int | None:
        """From its start to its end; its exit code."""
        errand = Errand(self._home, f"{proxy_url}/{name}", now, self._bug)
        process = self._processes.Process(target=publish, args=(errand,))
        process.start()
        loop, is_gone = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(process.sentinel, is_gone.set)
        self._alive[name] = (process, is_gone)
        try:
            await is_gone.wait()
        finally:
            loop.remove_reader(process.sentinel)
            self._alive.pop(name, None)
        process.join()
        return process.exitcode
