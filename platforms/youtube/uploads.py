"""Resumable uploads: how a film reaches YouTube, and how often it can become a video (once).

Belongs here: sessions and their bytes. Does not belong here: comments, reading, what the publisher makes of an outcome.

A session is opened with the video's title and settings, and its address is known before the first byte is sent. Bytes go to
that address until the last one makes the video. Asked how far it got, a session says so, or answers with the video that it has
become: it becomes one at most. So the address is the key under which a post is published, and a second session is opened only
after the network has said that the first is gone.
"""

import re
from dataclasses import dataclass
from typing import Any

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat, Network
from contracts.records import Account, Media, PublishRequest
from platforms._http import Answer, Call, CallKind, Transport
from platforms._shapes import storable
from platforms.youtube import calls
from platforms.youtube.mapping import LONGEST_SHORT

CHUNK_BYTES = 8 * 2**20
"""Bytes of one call; every part but the last has to be a multiple of 256 KiB [K]."""

LONGEST_TITLE = 100
LONGEST_DESCRIPTION_BYTES = 5_000
LARGEST_FILE_BYTES = 274_877_906_944
NOT_IN_TEXTS = re.compile("[<>]")  # [K] refused as invalidTitle or invalidDescription
PRIVACIES = ("public", "unlisted", "private")
CATEGORY_ID = "22"  # [K] "People & Blogs", which every region has

RESUME = 308
GONE = frozenset({404, 410})
_RANGE = re.compile(r"bytes=0-(\d+)")


@dataclass(frozen=True)
class Session:
    """What a session said of itself: the video that it became, else how many bytes it holds; neither when it is gone."""

    held_bytes: int | None = None
    video: Any = None

    @property
    def is_gone(self) -> bool:
        return self.held_bytes is None and self.video is None


def title_of(request: PublishRequest) -> str:
    """YouTube has no untitled videos: without a title of its own a post's first line is it, cut where it is too long."""
    if request.options.title is not None:
        return request.options.title.strip()
    first = next((line.strip() for line in request.text.splitlines() if line.strip()), "")
    if len(first) <= LONGEST_TITLE:
        return first
    return first[: LONGEST_TITLE - 1].rsplit(" ", 1)[0] + "…"


def check(request: PublishRequest) -> None:
    """Refuse what the network could not show; policy has said so before, with a remedy."""
    title, problem = title_of(request), _problem_of_media(request)
    if problem is None:
        if not title:
            problem = "A YouTube video needs a title."
        elif len(title) > LONGEST_TITLE:
            problem = f"A YouTube title has at most {LONGEST_TITLE} characters; this one has {len(title)}."
        elif len(request.text.encode()) > LONGEST_DESCRIPTION_BYTES:
            problem = f"A YouTube description has at most {LONGEST_DESCRIPTION_BYTES:,} bytes."
        elif NOT_IN_TEXTS.search(title + request.text):
            problem = "YouTube allows neither < nor > in titles and descriptions."
        elif request.options.privacy not in (None, *PRIVACIES):
            problem = f"YouTube's videos are {', '.join(PRIVACIES)}; not {request.options.privacy!r}."
    if problem:
        raise NetworkError(ErrorClass.INVALID, problem, network=Network.YOUTUBE.value, code="unfit_post")


def _problem_of_media(request: PublishRequest) -> str | None:
    if len(request.media) != 1 or not request.media[0].mime_type.startswith("video/"):
        return "A YouTube post is one film."
    film = request.media[0]
    if film.size_bytes > LARGEST_FILE_BYTES:
        return f"A film on YouTube may have {LARGEST_FILE_BYTES:,} bytes; this one has {film.size_bytes:,}."
    if request.content_format is ContentFormat.SHORT_VIDEO:
        if film.width > film.height:
            return "A YouTube short is no wider than tall."
        if film.duration_seconds is not None and film.duration_seconds > LONGEST_SHORT.total_seconds():
            return f"A YouTube short lasts at most {LONGEST_SHORT.total_seconds():.0f} seconds."
    return None


def resource_of(request: PublishRequest) -> dict[str, Any]:
    """The video as the network is told of it before it gets the film. Its parts are named in the call."""
    snippet = {"title": storable(title_of(request)), "description": storable(request.text), "categoryId": CATEGORY_ID}
    if request.language:
        snippet["defaultLanguage"] = request.language
    status: dict[str, Any] = {
        "privacyStatus": request.options.privacy or "public",
        "selfDeclaredMadeForKids": False,
    }
    if request.options.is_ai_made:
        status["containsSyntheticMedia"] = True
    resource: dict[str, Any] = {"snippet": snippet, "status": status}
    if request.options.is_paid_partnership:
        resource["paidProductPlacementDetails"] = {"hasPaidProductPlacement": True}
    return resource


async def open_session(transport: Transport, request: PublishRequest, media: Media, total: int) -> str:
    """The address of a new session. One that is opened and never learned of holds no bytes and becomes nothing."""
    resource = resource_of(request)
    call = calls.write(
        CallKind.STAGE,
        "videos.insert",
        "POST",
        f"{calls.UPLOAD}videos",
        params={"uploadType": "resumable", "part": ",".join(resource)},
        json=resource,
        headers={"x-upload-content-length": str(total), "x-upload-content-type": media.mime_type},
    )
    answer = await transport.send(calls.at_host_of(request.account, call), call)
    address = answer.headers.get("location", "")
    if not address:
        message = "YouTube opened an upload without saying where."
        raise NetworkError(ErrorClass.TRANSIENT, message, network=Network.YOUTUBE.value, code="no_session")
    return address


async def ask(transport: Transport, account: Account, address: str, total: int) -> Session:
    """How far the session got. It may be asked as often as one likes."""
    call = _put(CallKind.READ, "videos.insert.status", address, b"", f"bytes */{total}")
    try:
        return _session_from(await transport.send(account, call))
    except NetworkError as error:
        if error.status in GONE:
            return Session()
        raise


async def send_part(
    transport: Transport, account: Account, address: str, content: bytes, start: int, *, mime_type: str
) -> Session:
    """Send the next bytes from `start` on, but never the last one of `content`, which is the commit's."""
    part = content[start : start + CHUNK_BYTES]
    if start + len(part) >= len(content):
        raise ValueError("the last bytes of a film are sent by the commit")
    span = f"bytes {start}-{start + len(part) - 1}/{len(content)}"
    call = _put(CallKind.STAGE, "videos.insert.bytes", address, part, span, mime_type=mime_type)
    return _session_from(await transport.send(account, call))


def last_part(address: str, content: bytes, start: int, *, mime_type: str) -> Call:
    """The call that makes the video. Sent again it changes nothing: bytes that the session holds are ignored [K], and one
    that has become a video answers with it. Any answer but that video is unclear, also "resume"."""
    rest, total = content[start:], len(content)
    span = f"bytes {start}-{total - 1}/{total}" if rest else f"bytes */{total}"
    return _put(CallKind.COMMIT, "videos.insert.last", address, rest, span, mime_type=mime_type)


def _put(
    kind: CallKind, operation: str, address: str, content: bytes, span: str, *, mime_type: str | None = None
) -> Call:
    headers = {"content-range": span, **({"content-type": mime_type} if mime_type else {})}
    return Call(
        kind, operation, "PUT", "", url=address, content=content, headers=headers, also_answers=frozenset({RESUME})
    )


def _session_from(answer: Answer) -> Session:
    if answer.status != RESUME:
        return Session(video=answer.body)
    held = _RANGE.fullmatch(answer.headers.get("range", "").strip())
    return Session(held_bytes=int(held.group(1)) + 1 if held else 0)
