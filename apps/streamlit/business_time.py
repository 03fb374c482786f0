"""What time it is for the networks: the machine's time, or the sandbox's movable clock in a demo.

Belongs here: asking the demo's clock, and what stands in for it while it does not answer. Does not belong here: moving it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

TIMEOUT_SECONDS = 1.5


@dataclass(frozen=True)
class Now:
    """The networks' present moment (UTC). `is_stale`: the demo's clock did not answer and the last reading stands in."""

    at: datetime
    is_stale: bool = False


class NetworkClock:
    """The clock of the networks that Pulso is set to speak to: the sandbox's at `base_url`, the machine's when that is None."""

    def __init__(self, base_url: str | None) -> None:
        self._base_url = base_url
        # No idle connections: nothing tells this clock when to close them.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._http = httpx.Client(timeout=TIMEOUT_SECONDS, limits=limits, trust_env=False) if base_url else None
        self._last: datetime | None = None

    def now(self) -> datetime:
        """The present moment, UTC. Never fails: an emergency stop must be possible while the demo's clock is down.

        Then the last answer stands in, and before any answer the machine's time.
        """
        return self._ask() or self._last or datetime.now(UTC)

    def read(self, *, last_known: Callable[[], datetime | None]) -> Now:
        """The present moment to look at. Where the demo's clock is silent, the newest observation stands in (`last_known`)."""
        answer = self._ask()
        return Now(answer) if answer else Now(last_known() or self.now(), is_stale=True)

    def _ask(self) -> datetime | None:
        if self._http is None:
            return datetime.now(UTC)
        try:
            answer = self._http.get(f"{self._base_url}/_sandbox/clock").raise_for_status()
            self._last = datetime.fromisoformat(answer.json()["now"]).astimezone(UTC)
        except (httpx.HTTPError, ValueError, KeyError):
            return None
        return self._last
