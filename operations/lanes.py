"""Which accounts are worked on at once: so many of each network, whatever becomes of the other networks.

Belongs here: places, and waiting for one. Does not belong here: what is done with an account (`publisher.py`), who may do it (its lease,
`sending.py`).
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Self

from contracts.networks import Network


class Lanes:
    """The lanes under way. A network that hangs fills its own places; lanes of the others never wait for it.

    Leaving the `async with` waits for all lanes; the first unexpected error among them is raised then.
    """

    def __init__(self, places_per_network: int) -> None:
        self._places = defaultdict[Network, asyncio.Semaphore](lambda: asyncio.Semaphore(places_per_network))
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._error: BaseException | None = None

    @property
    def has_failed(self) -> bool:
        """Whether a lane ended with an error."""
        return self._error is not None

    def begin(self, name: str, network: Network, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Do the work once the network has a place. Nothing happens where what has this name waits for one or is worked on already."""
        if name in self._under_way:
            return
        task = asyncio.create_task(self._in_place(network, work))
        self._under_way[name] = task
        task.add_done_callback(lambda done: self._ended(name, done))

    async def _in_place(self, network: Network, work: Callable[[], Coroutine[None, None, None]]) -> None:
        async with self._places[network]:
            await work()

    def _ended(self, name: str, task: asyncio.Task[None]) -> None:
        del self._under_way[name]
        if not task.cancelled() and self._error is None:
            self._error = task.exception()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._under_way:
            await asyncio.wait(self._under_way.values())
            await asyncio.sleep(0)  # the callbacks of the last ones
        if self._error is not None and error is None:
            raise self._error
