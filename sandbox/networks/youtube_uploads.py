"""YouTube's resumable uploads: a session takes bytes in order until the last one makes the video.

Belongs here: sessions. Does not belong here: how a video is shown.

A session outlives the server. It keeps whole granules only, tells what it holds with status 308, and answers with its video once it
has become one, so that it becomes one once, whatever is lost or sent again.
"""

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from sandbox.host import Host
from sandbox.networks.rest import RestCall
from sandbox.networks.youtube_films import film_of
from sandbox.networks.youtube_views import LONGEST_TITLE, VIDEO_PARTS, is_short_film
from sandbox.networks.youtube_wire import parts_of, refusal
from sandbox.wire import Answer, Refusal
from sandbox.world.model import Account, Post

GRANULE_BYTES = 256 * 1024
SESSION_SECONDS = 7 * 86_400
LARGEST_FILE_BYTES = 274_877_906_944
LONGEST_DESCRIPTION_BYTES = 5_000
PRIVACIES = ("public", "unlisted", "private")
_SPAN = re.compile(r"bytes (?:(?P<first>\d+)-(?P<last>\d+)|\*)/(?P<size>\d+|\*)")


@dataclass(frozen=True)
class Span:
    """What a PUT says it carries: `first` is None for one that only asks."""

    first: int | None
    last: int
    size: int | None

    @property
    def is_last(self) -> bool:
        return self.first is not None and self.size is not None and self.last + 1 >= self.size


def span_of(header: str | None, length: int) -> Span | None:
    """The span of a `Content-Range`, None when it makes no sense. Without one the body is the whole film."""
    if header is None:
        return Span(0, length - 1, length)
    match = _SPAN.fullmatch(header.strip())
    if match is None:
        return None
    size = None if match["size"] == "*" else int(match["size"])
    if match["first"] is None:
        return Span(None, -1, size)
    first, last = int(match["first"]), int(match["last"])
    return Span(first, last, size) if last - first + 1 == length else None


class Uploads:
    """Sessions and the videos that they become. `show` makes a video's resource of its post."""

    def __init__(self, host: Host, show: Callable[[Account, Post, list[str]], dict[str, Any]]) -> None:
        self._host, self._show = host, show

    async def open(self, call: RestCall) -> Answer:
        """Begin an upload: settings now, the film to the address in `Location`."""
        if call.params.get("uploadType") != "resumable":
            message = "Uploads here are resumable: add uploadType=resumable."
            raise refusal(400, "badRequest", message, domain="global")
        parts = parts_of(call, VIDEO_PARTS)
        resource = call.json() if call.body else {}
        if not isinstance(resource, dict):
            raise refusal(400, "badRequest", "Parse Error", domain="global")
        _check(resource)
        size = call.request.headers.get("x-upload-content-length", "")
        if size and (not size.isdecimal() or int(size) > LARGEST_FILE_BYTES):
            raise refusal(400, "badRequest", "Invalid upload size.", domain="global")
        kind = call.request.headers.get("x-upload-content-type", "application/octet-stream")
        if not kind.startswith("video/") and kind != "application/octet-stream":
            raise refusal(400, "badContent", f"Media type '{kind}' is not supported.", domain="global")
        upload_id = secrets.token_urlsafe(48)
        spec = {"resource": resource, "parts": parts, "size": int(size) if size else None}
        self._host.state.insert(
            "uploads",
            upload_id=upload_id,
            network="youtube",
            account_id=call.caller.native_id,
            kind="session",
            spec=orjson.dumps(spec).decode(),
            status="open",
            created_ms=round(time.time() * 1000),
            content=b"",
        )
        url = call.request.url
        query = f"uploadType=resumable&part={','.join(parts)}&upload_id={upload_id}"
        return Answer(None, content=b"", headers={"location": f"{url.scheme}://{url.netloc}{url.path}?{query}"})

    async def put(self, call: RestCall) -> Answer:
        """Take bytes, or tell how many there are. The last byte publishes."""
        row = self._host.state.one("uploads", upload_id=call.params.get("upload_id", ""), kind="session")
        if row is None or row["account_id"] != call.caller.native_id or _is_over(row):
            raise Refusal(404, {"error": {"code": 404, "message": "Requested entity was not found."}})
        spec = orjson.loads(row["spec"])
        span = span_of(call.request.headers.get("content-range"), len(call.body))
        if span is None or (None not in (span.size, spec["size"]) and span.size != spec["size"]):
            raise refusal(400, "badRequest", "Invalid Content-Range.", domain="global")
        if row["status"] == "complete" and (span.first is None or call.has_guard):
            return self._video_of(call, spec)
        size = spec["size"] if spec["size"] is not None else span.size
        with self._host.state.transaction():  # the video is made and the session closed, or neither
            content = self._take(call, row, span)
            if span.first is None or size is None or len(content) < size:
                return _resume(len(content))
            film = film_of(content)
            published, _ = self._host.publish(
                call.caller,
                _text_of(spec["resource"]),
                content_format="short_video" if is_short_film(film) else "video",
                media_count=1,
                details={"resource": spec["resource"], "film": asdict(film)},
            )
            made = orjson.dumps({**spec, "video_id": published.post.native_id}).decode()
            where = {"upload_id": row["upload_id"]}
            self._host.state.update("uploads", where, status="complete", spec=made, content=b"")
        return Answer(self._show(call.caller, published.post, spec["parts"]), 201)

    def _take(self, call: RestCall, row: Any, span: Span) -> bytes:
        """Keep what is new of these bytes; returns all that are held. A span after a gap brings nothing."""
        content = bytes(row["content"]) if row["content"] else b""
        if span.first is None or span.first > len(content):
            return content
        joined = content[: span.first] + call.body
        if not span.is_last:
            joined = joined[: len(joined) // GRANULE_BYTES * GRANULE_BYTES]
        if len(joined) <= len(content):
            return content
        self._host.state.update("uploads", {"upload_id": row["upload_id"]}, content=joined)
        return joined

    def _video_of(self, call: RestCall, spec: Any) -> Answer:
        post = self._host.post("youtube", spec["video_id"])
        if post is None:  # deleted since
            raise Refusal(410, {"error": {"code": 410, "message": "The upload's video is gone."}})
        return Answer(self._show(call.caller, post, spec["parts"]))


def _resume(held: int) -> Answer:
    return Answer(None, 308, content=b"", headers={"range": f"bytes=0-{held - 1}"} if held else {})


def _is_over(row: Any) -> bool:
    return bool(time.time() - row["created_ms"] / 1000 > SESSION_SECONDS)


def _check(resource: dict[str, Any]) -> None:
    snippet, status = resource.get("snippet") or {}, resource.get("status") or {}
    title, description = snippet.get("title", ""), snippet.get("description", "")
    if not isinstance(title, str) or not title.strip() or len(title) > LONGEST_TITLE or set(title) & set("<>"):
        raise refusal(400, "invalidTitle", "The request metadata specifies an invalid or empty video title.")
    if (
        not isinstance(description, str)
        or len(description.encode()) > LONGEST_DESCRIPTION_BYTES
        or set(description) & set("<>")
    ):
        raise refusal(400, "invalidDescription", "The request metadata specifies an invalid video description.")
    if status.get("privacyStatus", "public") not in PRIVACIES:
        raise refusal(400, "invalidVideoMetadata", "The request metadata is invalid.")


def _text_of(resource: dict[str, Any]) -> str:
    """What the world judges the video by: all that its audience reads."""
    title, description = resource["snippet"]["title"], resource["snippet"].get("description", "")
    return description if description.startswith(title) else f"{title}\n\n{description}".strip()
