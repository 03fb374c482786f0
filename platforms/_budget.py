"""Rate budgets: how much of each limit is used, learned from the networks' own headers.

Belongs here: what is known about limits, and who has to wait. Does not belong here: how a network words its headers (the
network's `client.py`), sleeping (`_http.py`). Times are the machine's monotonic time: moving a sandbox clock expires nothing.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

READS_STOP_AT = 0.8
"""The last fifth of every limit belongs to publishing: a slot missed because a listing was long cannot be made up for."""

UNKNOWN_RESET_SECONDS = 60.0
"""How long to hold back where the network does not say when the limit resets."""

LONGEST_BELIEVED_SECONDS = 86_400.0
"""No limit of any network lasts longer than a day: a header that says so is wrong, and must not silence an account."""


@dataclass(frozen=True)
class Usage:
    """What one answer said about one limit. `key` names who shares it: an account, an app, a host."""

    key: str
    used_ratio: float
    resets_in_seconds: float | None = None


class RateBudget:
    """The newest word of each limit."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._limits: dict[str, tuple[float, float]] = {}

    def note(self, usage: Usage) -> None:
        """Remember it until it resets."""
        said = usage.resets_in_seconds
        lasts = UNKNOWN_RESET_SECONDS if said is None else min(max(0.0, said), LONGEST_BELIEVED_SECONDS)
        self._limits[usage.key] = (usage.used_ratio, self._monotonic() + lasts)

    def wait_seconds(self, keys: Iterable[str], *, is_read: bool) -> float:
        """Seconds until none of these limits is exhausted for this kind of call; 0 when it may go now."""
        ceiling = READS_STOP_AT if is_read else 1.0
        now, wait = self._monotonic(), 0.0
        for key in keys:
            used_ratio, until = self._limits.get(key, (0.0, 0.0))
            if used_ratio >= ceiling:
                wait = max(wait, until - now)
        return wait
