"""The sandbox's movable time. Does not belong here: waiting, leases, anything that is machine time."""

from datetime import UTC, datetime

import httpx

from contracts.errors import NotReadyError
from platforms._tls import certificates


class SandboxClock:
    """`contracts.clock.Clock` that asks the sandbox at every call: another process may have moved the time."""

    def __init__(self, base_url: str, *, timeout: float = 10.0) -> None:
        self._url = f"{base_url.rstrip('/')}/_sandbox/clock"
        # No idle connections: a clock has no end of life at which it could close them.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.Client(
            timeout=timeout, limits=limits, verify=certificates(trust_env=False), trust_env=False
        )

    def now(self) -> datetime:
        """The world's present. Raises NotReadyError when no sandbox answers there."""
        try:
            answer = self._client.get(self._url).raise_for_status().json()
            return datetime.fromisoformat(answer["now"]).astimezone(UTC)
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            problem = f"No sandbox clock at {self._url} ({type(error).__name__}); start it with `python -m sandbox`."
            raise NotReadyError(problem) from error
