"""YouTube's quota: what each call costs a Google project. No answer says what is left, so it is counted here.

Belongs here: the price list and the size of each bucket. Does not belong here: counting (`platforms/_quotas.py`), or which call is
made (`client.py`).

A project shares its quota among all accounts connected through it, which makes it the binding limit long before any rate: at
one unit a list and fifty a write, ten thousand units are one listing of 5,000 accounts. Larger quotas are granted on request.
"""

from dataclasses import dataclass

from platforms._quotas import LocalLimit, Window

UNITS = "units"
UPLOADS = "uploads"

READS_STOP_AT = 0.8
"""The last fifth of the units belongs to comments and deletions: an answer that waits for a listing comes a day late."""


@dataclass(frozen=True)
class Cost:
    """What one call takes out of which bucket."""

    bucket: str
    amount: int


LIST, WRITE = Cost(UNITS, 1), Cost(UNITS, 50)
COSTS = {
    "channels.list": LIST,
    "playlistItems.list": LIST,
    "videos.list": LIST,
    "commentThreads.list": LIST,
    "comments.list": LIST,
    "commentThreads.insert": WRITE,
    "comments.insert": WRITE,
    "comments.delete": WRITE,
    "videos.delete": WRITE,
    "videos.insert": Cost(UPLOADS, 1),
}
"""Price of each operation. What is not here costs nothing of this quota: the bytes of an upload, tokens, and Analytics, which
has a quota of its own [K]. `search.list`, with its bucket of 100 a day, is never called."""


@dataclass(frozen=True)
class Quota:
    """What one Google project may use between two midnights in California."""

    units: int = 10_000
    uploads: int = 100

    def limit_of(self, operation: str, *, project: str, is_read: bool) -> LocalLimit | None:
        """What this operation takes from; None when it is free."""
        cost = COSTS.get(operation)
        if cost is None:
            return None
        size = self.uploads if cost.bucket == UPLOADS else self.units
        return LocalLimit(
            key=f"youtube:{project}:{cost.bucket}",
            limit=round(size * READS_STOP_AT) if is_read else size,
            window=Window.PACIFIC_DAY,
            units=cost.amount,
        )
