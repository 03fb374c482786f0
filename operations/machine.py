"""The machine's own time, for leases, timeouts and backoff: moving the networks' clock must expire no lease."""

import asyncio
from datetime import UTC, datetime
from typing import Protocol


class MachineTime(Protocol):
    """What the publisher needs of the machine's clock; a test may let it fly."""

    def now(self) -> datetime:
        """The machine's present moment, aware UTC."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class SystemMachineTime:
    """The real one. Leases compare wall clocks, because they have to mean the same to every process on every host."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
