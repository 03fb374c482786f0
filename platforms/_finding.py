"""Looking for something that was just written, while listings may still lag.

Belongs here: how often and how long to look within one call. Does not belong here: what is looked for.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from platforms._http import Transport

T = TypeVar("T")

FINDING_TRIES = 4
FINDING_PAUSE_SECONDS = 0.75


async def look_until_found(transport: Transport, look: Callable[[], Awaitable[list[T]]]) -> list[T]:
    """What `look` finds, asking again for as long as listings lag."""
    for attempt in range(FINDING_TRIES):
        if found := await look():
            return found
        if attempt + 1 < FINDING_TRIES:
            await transport.pause(FINDING_PAUSE_SECONDS)
    return []
