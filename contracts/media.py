"""What a media file has to be for a network to take it, and what it means to mend one.

Belongs here: the vocabulary that rules (policy) and media tools (providers) share. Does not belong here: any network's figures.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from contracts.records import Media

RATIO_TOLERANCE = 0.005
"""A ratio may miss its bound by the rounding of whole pixels."""


@dataclass(frozen=True)
class PictureLimits:
    """What a network accepts as a picture. None: it sets no such limit. Ratios are width divided by height."""

    mime_types: frozenset[str]
    max_bytes: int
    max_bytes_by_type: Mapping[str, int] = field(default_factory=dict)
    """Types with a limit of their own."""
    min_ratio: float | None = None
    max_ratio: float | None = None
    max_pixels: int | None = None
    """Width times height."""

    def bytes_for(self, mime_type: str) -> int:
        return self.max_bytes_by_type.get(mime_type, self.max_bytes)


@dataclass(frozen=True)
class FilmLimits:
    """What a network accepts as a film. None: it sets no such limit."""

    mime_types: frozenset[str]
    max_bytes: int
    min_bytes: int = 0
    min_seconds: float = 0.0
    max_seconds: float | None = None
    min_ratio: float | None = None
    max_ratio: float | None = None
    min_side: int | None = None
    """Pixels, of the shorter side."""
    max_side: int | None = None
    """Pixels, of the longer side."""
    max_pixels: int | None = None


@dataclass(frozen=True)
class Mended:
    """A media file that fits, and in words what was done to it. No words: nothing had to be done."""

    media: Media
    changes: tuple[str, ...] = ()


class MediaMender(Protocol):
    """Makes media files fit. The file given is never changed: what was mended is a new one."""

    def mend_picture(self, media: Media, limits: PictureLimits) -> Mended:
        """Raises ProviderError, which says why, when the picture cannot be made to fit."""
        ...

    def mend_film(self, media: Media, limits: FilmLimits, *, may_shorten: bool = False) -> Mended:
        """`may_shorten`: the end may be cut off. Raises ProviderError when the film cannot be made to fit."""
        ...
