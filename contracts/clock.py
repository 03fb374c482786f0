"""Business time. Leases, timeouts and backoff use the machine's own time instead (see docs/architecture.md)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The networks' time: real time in production, the sandbox's movable time in a demo or a test."""

    def now(self) -> datetime:
        """The present moment, timezone-aware UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class FixedClock:
    """A clock that stands still until it is set. For tests and replays."""

    at: datetime

    def now(self) -> datetime:
        return self.at
