"""A circuit breaker: a host that keeps failing is left alone for a while, so that nobody queues behind it.

Belongs here: when calls to a host stop and when one is let through to try. Does not belong here: what counts as a failure (`_http.py`).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

OPENS_AFTER = 8
"""Failures in a row."""
FIRST_COOLDOWN_SECONDS = 5.0
LONGEST_COOLDOWN_SECONDS = 120.0


@dataclass
class _Circuit:
    failures: int = 0
    cooldown: float = FIRST_COOLDOWN_SECONDS
    open_until: float = 0.0


class Breaker:
    """Circuits by host. Closed: calls pass. Open: they don't. After the cooldown one call is let through; the next cooldown doubles
    when it fails, and the circuit closes when it succeeds. Times are the machine's monotonic time."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._circuits: dict[str, _Circuit] = {}

    def wait_seconds(self, host: str) -> float:
        """Seconds for which no call may go to the host; 0 lets this one through, and while the circuit is open only this one."""
        circuit = self._circuits.get(host)
        if circuit is None or circuit.failures < OPENS_AFTER:
            return 0.0
        now = self._monotonic()
        if now < circuit.open_until:
            return circuit.open_until - now
        circuit.open_until = now + circuit.cooldown  # the others wait for what becomes of this one
        return 0.0

    def failed(self, host: str) -> None:
        """The host did not answer, or not as a working one does."""
        circuit = self._circuits.setdefault(host, _Circuit())
        circuit.failures += 1
        if circuit.failures < OPENS_AFTER:
            return
        if circuit.failures > OPENS_AFTER:
            circuit.cooldown = min(LONGEST_COOLDOWN_SECONDS, circuit.cooldown * 2)
        circuit.open_until = self._monotonic() + circuit.cooldown

    def succeeded(self, host: str) -> None:
        """The host works: whatever it said."""
        self._circuits.pop(host, None)
