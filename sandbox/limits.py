"""How much a caller may do: fixed windows of machine time, counted per key.

`real` uses the networks' published numbers. `relaxed`, the default, multiplies them, so that a stress test against one
account is limited by what it tests and not by a quota; the headers tell the numbers in force either way.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

RELAXED_FACTOR = 1000


@dataclass(frozen=True)
class Window:
    """A limiter's state after a request: what the headers say."""

    limit: int
    remaining: int
    resets_at: int
    """Unix seconds."""
    window_seconds: int
    is_exceeded: bool


class RateLimits:
    """Counts points in fixed windows. In memory, like the networks' own: a restart forgives."""

    def __init__(self, factor: int = RELAXED_FACTOR, machine: Callable[[], float] = time.time) -> None:
        self.factor = factor
        self._machine = machine
        self._spent: dict[tuple[str, int], tuple[int, int]] = {}

    def spend(self, key: str, points: int, limit: int, window_seconds: int) -> Window:
        """Take points for a key; when they are not there, nothing is taken and the window says so."""
        now = self._machine()
        index = int(now // window_seconds)
        known_index, spent = self._spent.get((key, window_seconds), (index, 0))
        spent = spent if known_index == index else 0
        allowed = limit * self.factor
        is_exceeded = spent + points > allowed
        if not is_exceeded:
            spent += points
        self._spent[(key, window_seconds)] = (index, spent)
        return Window(allowed, allowed - spent, (index + 1) * window_seconds, window_seconds, is_exceeded)
