"""Bringing a post's media to LinkedIn before the post: invisible, step by step, each step kept before the next.

Belongs here: initialize, send, finalize, wait. Does not belong here: the post (`publishing.py`).

A film is sent in parts that may each take long, so what was sent already is part of what is kept. The addresses to send to are named
by the network and prove by themselves that we may: neither the token nor LinkedIn's own headers go there.
"""

from datetime import datetime
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Network
from contracts.ports import MediaReader
from contracts.records import Account, Media
from platforms._http import Call, CallKind, Transport
from platforms._media import read_media
from platforms.linkedin import mapping
from platforms.linkedin.models import AssetState, Initialized, UploadTicket
from platforms.linkedin.restli import encode

PARTS_A_STEP = 4
"""Of some four megabytes each: what is sent before it is kept that it was."""
POLLS = 6
FIRST_POLL_SECONDS = 0.5
LONGEST_POLL_SECONDS = 6.0


class Part(BaseModel):
    """A range of bytes and where it goes. `last` is included; None means to the end."""

    model_config = ConfigDict(frozen=True)

    url: str
    first: int = 0
    last: int | None = None


class Upload(BaseModel):
    """How far one picture or film has come. Kept in the staging."""

    model_config = ConfigDict(frozen=True)

    urn: str
    parts: tuple[Part, ...] = ()
    """Those that are still to be sent."""
    etags: tuple[str, ...] = ()
    """Of those that were sent, in order."""
    token: str = ""
    expires_at: AwareDatetime | None = None
    is_sent: bool = False
    """All bytes are there, and finalized where that is asked for. What is left is LinkedIn's work."""

    @classmethod
    def from_ticket(cls, ticket: UploadTicket, *, now: datetime) -> Self:
        """An expiry that has passed already is of a clock that is not ours, and is not believed."""
        parts = [Part(url=p.url, first=p.first_byte or 0, last=p.last_byte) for p in ticket.parts]
        if ticket.url is not None:
            parts = [Part(url=ticket.url)]
        is_believable = ticket.expires_at is not None and ticket.expires_at > now
        expires_at = ticket.expires_at if is_believable else None
        return cls(urn=ticket.urn, parts=tuple(parts), token=ticket.token, expires_at=expires_at)


class Uploader:
    """Takes one upload forward, one step at a time."""

    def __init__(self, transport: Transport, media: MediaReader) -> None:
        self._transport, self._media = transport, media

    async def advance(self, account: Account, media: Media, upload: Upload | None) -> Upload | None:
        """The upload one step further; unchanged once all is sent (then `state` tells the rest); None when it has to begin
        anew, because its addresses have expired."""
        collection = "videos" if media.mime_type.startswith("video/") else "images"
        if upload is None:
            return await self._initialize(account, media, collection)
        if upload.is_sent:
            return upload
        if upload.expires_at is not None and await self._transport.now() >= upload.expires_at:
            return None
        if upload.parts:
            upload = await self._send_parts(account, media, upload)
            if upload.parts or collection == "videos":
                return upload
        else:
            await self._finalize(account, upload)
        return Upload(urn=upload.urn, is_sent=True)

    async def state(self, account: Account, urn: str) -> str:
        """AVAILABLE; GONE when the network knows nothing of it; PROCESSING when it takes too long for now. Raises `invalid`
        when processing failed."""
        pause = FIRST_POLL_SECONDS
        for _ in range(POLLS):
            status = await self._status(account, urn)
            if status in ("AVAILABLE", "GONE"):
                return status
            if status == "PROCESSING_FAILED":
                raise _invalid("LinkedIn could not process the media of this post.", code=status)
            await self._transport.pause(pause)
            pause = min(pause * 2, LONGEST_POLL_SECONDS)
        return "PROCESSING"

    async def _status(self, account: Account, urn: str) -> str:
        path = f"/rest/{mapping.kind_of(urn)}s/{encode(urn)}"
        try:
            return (await self._transport.fetch(AssetState, account, Call(CallKind.READ, "asset", "GET", path))).status
        except NetworkError as error:
            if error.status == 404:
                return "GONE"
            raise

    async def _initialize(self, account: Account, media: Media, collection: str) -> Upload:
        wanted: dict[str, str | int | bool] = {"owner": mapping.author_of(account)}
        if collection == "videos":
            size = len(read_media(self._media, media, Network.LINKEDIN))
            wanted |= {"fileSizeBytes": size, "uploadCaptions": False, "uploadThumbnail": False}
        path = f"/rest/{collection}?action=initializeUpload"
        call = Call(CallKind.STAGE, "initialize_upload", "POST", path, json={"initializeUploadRequest": wanted})
        ticket = (await self._transport.fetch(Initialized, account, call)).value
        upload = Upload.from_ticket(ticket, now=await self._transport.now())
        if not upload.parts:
            raise _invalid("LinkedIn named no address to upload to.", code="no_upload_address")
        return upload

    async def _send_parts(self, account: Account, media: Media, upload: Upload) -> Upload:
        """The next few parts. A file is read whole each time, so it is not one part at a time."""
        content = read_media(self._media, media, Network.LINKEDIN)
        parts, others = upload.parts[:PARTS_A_STEP], upload.parts[PARTS_A_STEP:]
        etags = [await self._send(account, part, content) for part in parts]
        return upload.model_copy(update={"parts": others, "etags": (*upload.etags, *etags)})

    async def _send(self, account: Account, part: Part, content: bytes) -> str:
        """Send one part; returns its ETag, empty where there is none."""
        call = Call(
            CallKind.STAGE,
            "upload",
            "PUT",
            "",
            url=part.url,
            content=content[part.first : None if part.last is None else part.last + 1],
            headers={"content-type": "application/octet-stream"},
            is_authorized=False,
            is_json=False,
        )
        try:
            answer = await self._transport.send(account, call)
        except NetworkError as error:
            if error.error_class in (ErrorClass.AUTH, ErrorClass.SCOPE, ErrorClass.INVALID):
                # It is the address that was refused, not the account: until it expires, trying later is all there is.
                message = f"The upload was refused: {error.message}"
                raise NetworkError(
                    ErrorClass.TRANSIENT, message, network=Network.LINKEDIN.value, code=error.code, status=error.status
                ) from error
            raise
        return answer.headers.get("etag", "").strip('"')

    async def _finalize(self, account: Account, upload: Upload) -> None:
        wanted = {"video": upload.urn, "uploadToken": upload.token, "uploadedPartIds": list(upload.etags)}
        path = "/rest/videos?action=finalizeUpload"
        call = Call(CallKind.STAGE, "finalize_upload", "POST", path, json={"finalizeUploadRequest": wanted})
        try:
            await self._transport.send(account, call)
        except NetworkError as error:
            # An earlier call may have done it, its answer lost: then the film is no longer waited for.
            if error.error_class is not ErrorClass.INVALID:
                raise
            if await self._status(account, upload.urn) not in ("PROCESSING", "AVAILABLE"):
                raise


def _invalid(message: str, *, code: str) -> NetworkError:
    return NetworkError(ErrorClass.INVALID, message, network=Network.LINKEDIN.value, code=code)
