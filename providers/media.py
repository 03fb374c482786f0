"""Bytes of pictures and films: kept on this machine by content, and put where a network can fetch them.

Belongs here: saving, reading and publishing bytes. Does not belong here: making pictures (images), changing them or films
(transcode), deciding what is sent.
"""

import hashlib
import io
import os
import ssl
import tempfile
from functools import cached_property
from pathlib import Path, PurePosixPath

import httpx
from PIL import Image, UnidentifiedImageError

from contracts.errors import ProviderError
from contracts.records import Media
from providers.ffmpeg import Ffmpeg

_EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}
_FILM_EXTENSIONS = {
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "video/x-matroska": "mkv",
    "video/x-msvideo": "avi",
    "video/mp2t": "ts",
    "video/mpeg": "mpg",
}
_PIECE_BYTES = 1 << 20


class LocalMedia:
    """Files under `root` (PULSO_HOME), each named by its content. Implements `contracts.ports.MediaReader`."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def locate(self, path: str) -> Path:
        """Where a file is, by its path relative to the root. Raises ProviderError when that lies outside."""
        target = (self._root / path).resolve()
        if not target.is_relative_to(self._root):
            raise ProviderError(f"The media path {path} leads outside of Pulso's folder.")
        return target

    def read(self, path: str) -> bytes:
        """Bytes of a file by its path relative to the root. Raises ProviderError when it is missing or lies outside."""
        target = self.locate(path)
        try:
            return target.read_bytes()
        except OSError as error:
            raise ProviderError(f"The media file {path} cannot be read: {error.strerror}.") from error

    def save(self, content: bytes, *, alt_text: str) -> Media:
        """Keep a picture; the same content is one file. Raises ProviderError for bytes that are no JPEG, PNG or WebP."""
        try:
            with Image.open(io.BytesIO(content)) as image:
                image.verify()
                mime_type, (width, height) = Image.MIME.get(image.format or "", ""), image.size
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
            raise ProviderError("These bytes are not a picture that can be read.") from error
        if mime_type not in _EXTENSIONS:
            raise ProviderError(f"Pictures of type {mime_type or 'unknown'} are not supported: use JPEG, PNG or WebP.")
        digest = hashlib.sha256(content).hexdigest()
        path = PurePosixPath("media", digest[:2], f"{digest}.{_EXTENSIONS[mime_type]}")
        self._write_once(self._root / path, content)
        return Media(
            media_id=digest[:32],
            path=str(path),
            mime_type=mime_type,
            alt_text=alt_text,
            width=width,
            height=height,
            size_bytes=len(content),
            sha256=digest,
        )

    def save_film(self, source: Path, *, alt_text: str, ffmpeg: Ffmpeg) -> Media:
        """Keep a copy of a film; the same content is one file. Raises ProviderError for what FFmpeg cannot read as a film.

        Films are copied piece by piece: they may be larger than the memory.
        """
        facts = ffmpeg.probe(source)
        extension = _FILM_EXTENSIONS[facts.mime_type]
        folder = self._root / "media"
        folder.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as copy, source.open("rb") as original:
                while piece := original.read(_PIECE_BYTES):
                    digest.update(piece)
                    copy.write(piece)
                size = copy.tell()
            name = digest.hexdigest()
            path = PurePosixPath("media", name[:2], f"{name}.{extension}")
            (self._root / path).parent.mkdir(exist_ok=True)
            Path(temporary).replace(self._root / path)
        except OSError as error:
            raise ProviderError(f"The film {source.name} cannot be kept: {error.strerror}.") from error
        finally:
            Path(temporary).unlink(missing_ok=True)
        return Media(
            media_id=name[:32],
            path=str(path),
            mime_type=facts.mime_type,
            alt_text=alt_text,
            width=facts.width,
            height=facts.height,
            size_bytes=size,
            sha256=name,
            duration_seconds=facts.duration_seconds,
        )

    def _write_once(self, target: Path, content: bytes) -> None:
        """Whole or not at all: another process may read the file at any moment."""
        if target.exists():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


class HttpPutMediaHost:
    """`contracts.ports.MediaHost` over plain HTTP PUT: the sandbox's public store, or any object store behind such a URL.

    `base_url`: the folder that objects are put into and fetched from, for example `http://127.0.0.1:8930/_sandbox/cdn`.
    """

    def __init__(self, base_url: str, *, timeout_seconds: float = 20.0, headers: dict[str, str] | None = None) -> None:
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout_seconds
        self._headers = headers or {}

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Made once: it reads all certificates, which takes tens of milliseconds."""
        return httpx.create_ssl_context()

    async def publish(self, *, name: str, content: bytes, mime_type: str) -> str:
        """PUT the bytes and return their URL. Raises ProviderError; putting the same name and content again is harmless."""
        if not name or "/" in name or name.startswith("."):
            raise ProviderError(f"“{name}” is not a name for a media object.")
        url = str(httpx.URL(f"{self._base_url}/").join(name))
        try:
            async with httpx.AsyncClient(timeout=self._timeout, verify=self._tls) as client:
                answer = await client.put(url, content=content, headers={**self._headers, "Content-Type": mime_type})
        except httpx.HTTPError as error:
            raise ProviderError(f"The media host did not take {name}: {type(error).__name__}.") from error
        if not answer.is_success:
            raise ProviderError(f"The media host refused {name} with HTTP status {answer.status_code}.")
        return url
