"""FFmpeg as a subprocess: what a film is, and one way to encode it. Always with a timeout, never with a shell.

Belongs here: the programs `ffprobe` and `ffmpeg`, their arguments and failures. Does not belong here: what a film should become
(transcode).
"""

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.errors import ProviderError

_CONTAINERS = "mov,matroska,avi,mpegts,mpeg"
_GUARDS = ("-protocol_whitelist", "file", "-format_whitelist", _CONTAINERS)
"""A film that comes from outside is data: a playlist dressed as a film must open no other file and no address."""

_REPEATABLE = ("-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact")
"""The same film gives the same bytes, without the camera's place and owner."""

AUDIO_BITS_PER_SECOND = 128_000


@dataclass(frozen=True)
class FilmFacts:
    """What a film file really is, whatever its name says. Sides are as a viewer sees them, after rotation."""

    mime_type: str
    width: int
    height: int
    duration_seconds: float
    frames_per_second: float
    video_codec: str
    audio_codec: str | None
    pixel_format: str

    @property
    def ratio(self) -> float:
        return self.width / self.height


@dataclass(frozen=True)
class Encoding:
    """How a film is encoded anew: as H.264 and AAC in MP4, with these changes."""

    filters: tuple[str, ...] = ()
    """FFmpeg's video filters, in order."""
    seconds: float | None = None
    """Cut after this many; None: the whole film."""
    video_bits_per_second: int | None = None
    """None: by quality, whatever the size."""


class Ffmpeg:
    """The two programs. `timeout_seconds` bounds each run of either."""

    def __init__(self, *, ffmpeg: str = "ffmpeg", ffprobe: str = "ffprobe", timeout_seconds: float = 900.0) -> None:
        self._ffmpeg, self._ffprobe, self._timeout = ffmpeg, ffprobe, timeout_seconds

    def probe(self, file: Path) -> FilmFacts:
        """Raises ProviderError for a file that is no film, and when FFmpeg is missing or too slow."""
        arguments = (
            "-v",
            "error",
            *_GUARDS,
            "-print_format",
            "json",
            "-show_format",
            "-show_streams",
            "-i",
            _url(file),
        )
        try:
            return _facts(json.loads(self._run(self._ffprobe, arguments, file)))
        except (json.JSONDecodeError, KeyError, ValueError, TypeError, ZeroDivisionError) as error:
            raise ProviderError(f"{file.name} is not a film that can be read.") from error

    def encode(self, source: Path, target: Path, encoding: Encoding) -> None:
        """Write `target`; nothing is left of it after a failure. Raises ProviderError."""
        rate = encoding.video_bits_per_second
        quality = ("-b:v", f"{rate}", "-maxrate", f"{rate}", "-bufsize", f"{rate}") if rate else ("-crf", "20")
        arguments = (
            *("-v", "error", "-nostdin", "-y", *_GUARDS, "-i", _url(source)),
            *("-map", "0:v:0", "-map", "0:a:0?", "-sn", "-dn"),
            *(("-t", f"{encoding.seconds:.3f}") if encoding.seconds is not None else ()),
            *("-vf", ",".join((*encoding.filters, "setsar=1"))),
            *("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", *quality),
            *("-c:a", "aac", "-b:a", f"{AUDIO_BITS_PER_SECOND}", "-ac", "2", *_REPEATABLE),
            *("-movflags", "+faststart", "-f", "mp4", _url(target)),
        )
        try:
            self._run(self._ffmpeg, arguments, source)
        except ProviderError:
            target.unlink(missing_ok=True)
            raise

    def _run(self, program: str, arguments: Sequence[str], file: Path) -> str:
        found = shutil.which(program)
        if found is None:
            raise ProviderError(f"“{program}” is missing, and films need it: install FFmpeg (apt-get install ffmpeg).")
        try:
            done = subprocess.run(  # no shell, and the program was found by its name
                (found, *arguments), capture_output=True, timeout=self._timeout, check=False, stdin=subprocess.DEVNULL
            )
        except subprocess.TimeoutExpired as error:
            raise ProviderError(
                f"FFmpeg took longer than {self._timeout:g} s with {file.name}: use a shorter film."
            ) from error
        except OSError as error:
            raise ProviderError(f"“{program}” cannot be started: {error.strerror}.") from error
        if done.returncode != 0:
            lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
            reason = lines[-1].replace(_url(file), file.name)
            raise ProviderError(f"FFmpeg cannot read or write {file.name}: {reason[:200]}.")
        return done.stdout.decode("utf-8", "replace")


def _url(file: Path) -> str:
    """An absolute path with its protocol, so that no name is taken for an option or an address."""
    return f"file:{file.resolve()}"


def _facts(probed: dict[str, Any]) -> FilmFacts:
    streams, container = probed["streams"], probed["format"]
    video = next((stream for stream in streams if _is_moving(stream)), None)
    if video is None:
        raise ValueError("no moving pictures")
    audio = next((stream for stream in streams if stream["codec_type"] == "audio"), None)
    audio_codec = audio["codec_name"] if audio else None
    width, height = int(video["width"]), int(video["height"])
    if _rotation(video) % 180 == 90:
        width, height = height, width
    duration = float(container.get("duration") or video["duration"])
    top, _, bottom = str(video.get("avg_frame_rate") or "0/1").partition("/")
    if width <= 0 or height <= 0 or not 0 < duration < float("inf"):
        raise ValueError("no size or no length")
    return FilmFacts(
        mime_type=_mime_type(container, video["codec_name"], audio_codec),
        width=width,
        height=height,
        duration_seconds=round(duration, 3),
        frames_per_second=float(top) / float(bottom or 1) if float(bottom or 1) else 0.0,
        video_codec=video["codec_name"],
        audio_codec=audio_codec,
        pixel_format=str(video.get("pix_fmt", "")),
    )


def _is_moving(stream: dict[str, Any]) -> bool:
    """A cover picture within a sound file is a "video" too."""
    return stream["codec_type"] == "video" and not stream.get("disposition", {}).get("attached_pic")


def _rotation(video: dict[str, Any]) -> int:
    for side_data in video.get("side_data_list", ()):
        if "rotation" in side_data:
            return int(side_data["rotation"])
    return int(video.get("tags", {}).get("rotate", 0))


def _mime_type(container: dict[str, Any], video_codec: str, audio_codec: str | None) -> str:
    names = str(container["format_name"]).split(",")
    if "mp4" in names:
        brand = str(container.get("tags", {}).get("major_brand", "")).strip()
        return "video/quicktime" if brand == "qt" else "video/mp4"
    if "webm" in names:
        is_webm = video_codec in ("vp8", "vp9", "av1") and audio_codec in (None, "opus", "vorbis")
        return "video/webm" if is_webm else "video/x-matroska"
    return {"avi": "video/x-msvideo", "mpegts": "video/mp2t", "mpeg": "video/mpeg"}[names[0]]
