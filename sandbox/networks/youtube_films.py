"""What an uploaded film says of itself: its length and shape, as MP4 and QuickTime files keep them.

Belongs here: reading a file's boxes. Does not belong here: what follows from it (`youtube_views.py`). A file that is none, such as
the few bytes of a test, is taken for a minute of film that is wider than tall.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Film:
    """Seconds, and width to height."""

    seconds: int = 60
    width: int = 16
    height: int = 9


UNREADABLE = Film()


def film_of(content: bytes) -> Film:
    """The film in these bytes."""
    try:
        (movie,) = _boxes(content, b"moov")
        (header,) = _boxes(movie, b"mvhd")
        scale, length = (
            struct.unpack_from(">IQ", header, 20) if header[0] == 1 else struct.unpack_from(">II", header, 12)
        )
        sizes = [_size_of(track) for box in _boxes(movie, b"trak") for track in _boxes(box, b"tkhd")]
        width, height = next(size for size in sizes if all(size))
        return Film(max(1, round(length / scale)), width, height)
    except (ValueError, StopIteration, IndexError, struct.error, ZeroDivisionError):
        return UNREADABLE


def _size_of(track: bytes) -> tuple[int, int]:
    """Width and height as shown: two numbers of 16.16 bits at the end, turned where the film was filmed upright."""
    *matrix, width, height = struct.unpack(">9iII", track[-44:])
    is_turned = matrix[0] == 0 and matrix[1] != 0
    return (height >> 16, width >> 16) if is_turned else (width >> 16, height >> 16)


def _boxes(content: bytes, kind: bytes) -> Iterator[bytes]:
    """Contents of the boxes of a kind at this level."""
    start = 0
    while start + 8 <= len(content):
        size, name = struct.unpack_from(">I4s", content, start)
        head = 8
        if size == 1:
            (size,), head = struct.unpack_from(">Q", content, start + 8), 16
        if size < head:  # 0: to the end of the file; less makes no sense
            size = len(content) - start
        if name == kind:
            yield content[start + head : start + size]
        start += size
