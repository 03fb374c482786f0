"""How a film is cut into the parts in which TikTok takes it.

Belongs here: sizes and ranges. Does not belong here: sending (`publishing.py`).

The last part is the visible one: TikTok publishes when it has all bytes. Every other part is staging.
"""

from dataclasses import dataclass

PART_BYTES = 16 * 1024 * 1024
"""Between TikTok's 5 and 64 MB: small enough to be sent again after a lost answer, large enough for 1,000 parts to be 4 GB."""
MOST_PARTS = 1000


@dataclass(frozen=True)
class UploadPlan:
    """Parts of one film: all of `part_bytes`, but the last one, which takes the rest and is the longest."""

    size: int
    part_bytes: int
    parts: int

    @property
    def last_start(self) -> int:
        """Where the last part begins: with so many bytes sent, only the visible call is left."""
        return (self.parts - 1) * self.part_bytes

    def part_from(self, start: int) -> tuple[int, int]:
        """First and last byte (inclusive) of the part that begins at `start`."""
        end = self.size if start >= self.last_start else start + self.part_bytes
        return start, end - 1

    def begins_part(self, start: int) -> bool:
        """Whether a part begins here, so that the upload can go on from this byte."""
        return 0 <= start <= self.last_start and start % self.part_bytes == 0

    def content_range(self, start: int) -> str:
        """The header of the part that begins at `start`."""
        first, last = self.part_from(start)
        return f"bytes {first}-{last}/{self.size}"


def plan(size: int) -> UploadPlan:
    """How a film of `size` bytes is sent: whole while it fits into one part, else rounded down to whole parts, the rest joining
    the last one, as TikTok counts them."""
    parts = max(1, size // PART_BYTES)
    return UploadPlan(size=size, part_bytes=size if parts == 1 else PART_BYTES, parts=parts)
