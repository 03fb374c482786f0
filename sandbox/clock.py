"""The networks' business time: it stands still until it is moved forward, and a restart finds it where it was.

Tokens, rate windows and lags use the machine's time instead, so that moving this clock expires none of them.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from sandbox.state import State
from sandbox.world.model import to_datetime, to_ms


class ClockRefusedError(ValueError):
    """The clock was asked to run backwards, or past the machine's today."""


def machine_now() -> datetime:
    """The machine's time, UTC."""
    return datetime.now(UTC)


class WorldClock:
    """A movable clock. Orchestrators refuse partitions after the machine's today, so the clock refuses to go there."""

    def __init__(self, state: State, start_ms: int, machine: Callable[[], datetime] = machine_now) -> None:
        self._state = state
        self._machine = machine
        stored = state.get("now_ms")
        self._now_ms = int(stored) if stored else start_ms
        if stored is None:
            state.set("now_ms", str(start_ms))

    @property
    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return self._now_ms

    def now(self) -> datetime:
        """The present moment of the world, aware UTC."""
        return to_datetime(self._now_ms)

    def advance(self, seconds: float) -> datetime:
        """Move forward by seconds; raises ClockRefusedError."""
        return self._move(self._now_ms + round(seconds * 1000))

    def set(self, moment: datetime) -> datetime:
        """Move forward to a moment; raises ClockRefusedError."""
        return self._move(to_ms(moment))

    def _move(self, target_ms: int) -> datetime:
        target, today = to_datetime(target_ms), self._machine().date()
        if target_ms < self._now_ms:
            raise ClockRefusedError(f"the clock only moves forward: it is {self.now().isoformat()} already")
        if target.date() > today:
            raise ClockRefusedError(
                f"the clock may not pass the machine's today ({today}): {target.isoformat()} is later"
            )
        self._state.set("now_ms", str(target_ms))
        self._now_ms = target_ms
        return target
