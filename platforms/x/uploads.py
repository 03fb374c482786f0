"""A post's media on their way to X: initialize -> append (one call a segment) -> finalize -> STATUS until ready -> alternative text.

Belongs here: that order, as steps that can be taken up again after a crash. Does not belong here: which media a post may have
(`publishing.py`).

Everything here is invisible and lives a day. What was reached stands in the staging: `media_<i>` the id, `expires_<i>` when it ends,
`sent_<i>` how many segments are there, `state_<i>` `closed` (being processed) or `ready`, `alt_<i>` that its text is there. A lost
answer leaves the staging as it was and the step is taken again: a segment is known by its index. Where X refuses the repetition
(an upload that was closed cannot be closed again [K]) the upload is begun anew, once (`again_<i>`).
"""

from datetime import datetime, timedelta

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Network
from contracts.ports import MediaReader
from contracts.records import Account, Media, PublishRequest, Staging
from platforms._http import Call, CallKind, Transport
from platforms._media import read_media
from platforms.x.models import Upload

UPLOAD_PATH = "/2/media/upload"
METADATA_PATH = "/2/media/metadata"

SEGMENT_BYTES = 4_000_000  # [K] what one append may carry
LONGEST_ALT_TEXT = 1_000
MEDIA_LIFE = timedelta(hours=24)  # [R] expires_after_secs, where an answer does not say
RENEW_MEDIA_BEFORE = timedelta(minutes=30)

STATUS_POLLS = 6
FIRST_POLL_SECONDS = 1.0
LONGEST_POLL_SECONDS = 6.0
"""However long X asks us to wait: a step must end within the time of a call."""

CLOSED, READY = "closed", "ready"
_OF_ONE_UPLOAD = ("media", "expires", "sent", "state", "alt")


def category_of(media: Media) -> str:
    """X's kind of upload for a medium in a post."""
    if media.mime_type == "image/gif":
        return "tweet_gif"
    return "tweet_video" if media.mime_type.startswith("video/") else "tweet_image"


def media_ids_of(request: PublishRequest, staging: Staging) -> list[str]:
    """Ids of the request's media as far as they are uploaded, in order."""
    return [staging.handles[f"media_{i}"] for i in range(len(request.media)) if f"media_{i}" in staging.handles]


class Uploads:
    """Takes one step of one upload at a time."""

    def __init__(self, transport: Transport, reader: MediaReader) -> None:
        self._transport, self._reader = transport, reader

    async def step(self, request: PublishRequest, staging: Staging) -> Staging | None:
        """The staging after the next step, the same where X still processes, None when all media are ready. Raises `invalid` for
        media that X cannot use."""
        now = await self._transport.now()
        for i, media in enumerate(request.media):
            if _is_over(staging, i, now):
                return _without(staging, i)
            if not _is_done(media, staging, i):
                return await self._step(request.account, media, staging, i, now)
        return None

    async def _step(self, account: Account, media: Media, staging: Staging, i: int, now: datetime) -> Staging:
        if f"media_{i}" not in staging.handles:
            return await self._initialize(account, media, staging, i, now)
        try:
            return await self._continue(account, media, staging, i)
        except NetworkError as error:
            if error.error_class is not ErrorClass.INVALID or error.code == UNUSABLE or f"again_{i}" in staging.handles:
                raise
            return _with(_without(staging, i), **{f"again_{i}": "1"})

    async def _initialize(self, account: Account, media: Media, staging: Staging, i: int, now: datetime) -> Staging:
        body = {"media_type": media.mime_type, "media_category": category_of(media), "total_bytes": media.size_bytes}
        call = Call(CallKind.STAGE, "media_initialize", "POST", f"{UPLOAD_PATH}/initialize", json=body)
        made = (await self._transport.fetch(Upload, account, call)).data
        life = timedelta(seconds=made.expires_after_secs) if made.expires_after_secs else MEDIA_LIFE
        ends = (now + life).isoformat()
        return _with(staging, **{f"media_{i}": made.id, f"expires_{i}": ends, f"sent_{i}": "0"})

    async def _continue(self, account: Account, media: Media, staging: Staging, i: int) -> Staging:
        media_id, state = staging.handles[f"media_{i}"], staging.handles.get(f"state_{i}")
        if state == READY:
            return await self._describe(account, media, staging, i)
        if state == CLOSED:
            return await self._wait(account, media_id, staging, i)
        content, sent = read_media(self._reader, media, Network.X), int(staging.handles[f"sent_{i}"])
        segment = content[sent * SEGMENT_BYTES : (sent + 1) * SEGMENT_BYTES]
        if segment:
            call = Call(
                CallKind.STAGE,
                "media_append",
                "POST",
                f"{UPLOAD_PATH}/{media_id}/append",
                form={"segment_index": str(sent)},
                files={"media": ("media", segment, "application/octet-stream")},
            )
            await self._transport.send(account, call)
            return _with(staging, **{f"sent_{i}": str(sent + 1)})
        call = Call(CallKind.STAGE, "media_finalize", "POST", f"{UPLOAD_PATH}/{media_id}/finalize")
        closed = (await self._transport.fetch(Upload, account, call)).data
        return _with(staging, **{f"state_{i}": CLOSED if closed.processing_info else READY})

    async def _wait(self, account: Account, media_id: str, staging: Staging, i: int) -> Staging:
        """Ask how far it is, at X's pace, and leave the rest for later where it takes long."""
        pause = FIRST_POLL_SECONDS
        for _ in range(STATUS_POLLS):
            params = (("media_id", media_id), ("command", "STATUS"))
            call = Call(CallKind.READ, "media_status", "GET", UPLOAD_PATH, params=params)
            processing = (await self._transport.fetch(Upload, account, call)).data.processing_info
            if processing is None or processing.state == "succeeded":
                return _with(staging, **{f"state_{i}": READY})
            if processing.state == "failed":
                message = "X could not process the media of this post."
                raise NetworkError(ErrorClass.INVALID, message, network=Network.X.value, code=UNUSABLE)
            await self._transport.pause(min(processing.check_after_secs or pause, LONGEST_POLL_SECONDS))
            pause = min(pause * 2, LONGEST_POLL_SECONDS)
        return staging

    async def _describe(self, account: Account, media: Media, staging: Staging, i: int) -> Staging:
        text = media.alt_text[:LONGEST_ALT_TEXT]
        body = {"id": staging.handles[f"media_{i}"], "metadata": {"alt_text": {"text": text}}}
        await self._transport.send(account, Call(CallKind.STAGE, "media_metadata", "POST", METADATA_PATH, json=body))
        return _with(staging, **{f"alt_{i}": "1"})


UNUSABLE = "failed"
"""Code of media that X took and could not process: another upload of the same bytes would not help."""


def _is_done(media: Media, staging: Staging, i: int) -> bool:
    handles = staging.handles
    return handles.get(f"state_{i}") == READY and (f"alt_{i}" in handles or not takes_alt_text(media))


def takes_alt_text(media: Media) -> bool:
    """Pictures and animations carry a text for those who do not see them; films have subtitles instead [K]."""
    return bool(media.alt_text) and media.mime_type.startswith("image/")


def _is_over(staging: Staging, i: int, now: datetime) -> bool:
    ends = staging.handles.get(f"expires_{i}")
    return ends is not None and datetime.fromisoformat(ends) - RENEW_MEDIA_BEFORE <= now


def _without(staging: Staging, i: int) -> Staging:
    gone = {f"{name}_{i}" for name in _OF_ONE_UPLOAD}
    return Staging(handles={name: value for name, value in staging.handles.items() if name not in gone})


def _with(staging: Staging, **handles: str) -> Staging:
    return Staging(handles={**staging.handles, **handles})
