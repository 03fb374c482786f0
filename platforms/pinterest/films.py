"""A film on its way to a pin: registered with Pinterest, uploaded to Amazon, processed.

Belongs here: the calls of an upload. Does not belong here: the pin that shows it (`client.py`).
"""

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Network
from contracts.ports import MediaReader
from contracts.records import Account, Media
from platforms._http import Call, CallKind, Transport
from platforms._media import read_media
from platforms.pinterest.calls import api_path, read_call
from platforms.pinterest.models import MediaRegistration, MediaUpload

MEDIA_POLLS = 6
FIRST_POLL_SECONDS = 0.5
LONGEST_POLL_SECONDS = 6.0


class Films:
    """Uploads of films."""

    def __init__(self, transport: Transport, media: MediaReader) -> None:
        self._transport, self._media = transport, media

    async def upload(self, account: Account, film: Media) -> str:
        """Register a film and upload it; returns its id. One step: a registration is worth nothing without its upload, and
        what it answers are credentials, which are not ours to keep."""
        content = read_media(self._media, film, self._transport.network)
        register = Call(CallKind.STAGE, "media_register", "POST", api_path("media"), json={"media_type": "video"})
        registered = await self._transport.fetch(MediaRegistration, account, register)
        upload = Call(
            CallKind.STAGE,
            "media_upload",
            "POST",
            "",
            url=registered.upload_url,
            form={name: str(value) for name, value in registered.upload_parameters.items()},
            files={"file": (film.path.rpartition("/")[2], content, film.mime_type)},
            is_json=False,
            is_authorized=False,
        )
        try:
            await self._transport.send(account, upload)
        except NetworkError as error:
            if error.status != 403:
                raise
            # Amazon's word about this address, not Pinterest's about the account: another registration brings another one.
            message = "The address for the film's upload was refused; the film is registered again."
            raise NetworkError(
                ErrorClass.TRANSIENT, message, network=error.network, code="upload_address", status=error.status
            ) from error
        return registered.media_id

    async def wait_until_processed(self, account: Account, media_id: str) -> str:
        """`succeeded`, `gone`, or what it still is when it takes too long for now. Raises `invalid` when it failed."""
        pause, status = FIRST_POLL_SECONDS, ""
        for _ in range(MEDIA_POLLS):
            try:
                upload = await self._transport.fetch(MediaUpload, account, read_call("media", f"media/{media_id}"))
            except NetworkError as error:
                if error.status == 404:
                    return "gone"
                raise
            status = upload.status
            if status == "succeeded":
                return status
            if status == "failed":
                message = "Pinterest could not process the film of this post."
                raise NetworkError(ErrorClass.INVALID, message, network=Network.PINTEREST.value, code="failed")
            await self._transport.pause(pause)
            pause = min(pause * 2, LONGEST_POLL_SECONDS)
        return status
