"""X's upload calls under `/x/2/media`: what they take and answer.

Does not belong here: the life of an upload (`x_media.py`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.datastructures import UploadFile

from sandbox.networks.rest import Endpoint, RestCall
from sandbox.networks.x_media import Media, UploadError, decoded
from sandbox.networks.x_refusals import invalid
from sandbox.wire import Answer


class UploadCalls:
    """Handlers over the media of one network."""

    def __init__(self, media: Media) -> None:
        self._media = media

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint("GET", "/2/media/upload", "stage", self._status),
            Endpoint("POST", "/2/media/upload", "stage", self._whole),
            Endpoint("POST", "/2/media/upload/initialize", "stage", self._initialize),
            Endpoint("POST", "/2/media/upload/{id}/append", "stage", self._append),
            Endpoint("POST", "/2/media/upload/{id}/finalize", "stage", self._finalize),
            Endpoint("POST", "/2/media/metadata", "stage", self._describe),
        )

    async def _initialize(self, call: RestCall) -> Answer:
        body = call.json()
        if not isinstance(body, dict) or not isinstance(body.get("total_bytes"), int):
            raise invalid("total_bytes is required.", "total_bytes")
        category, kind = str(body.get("media_category")), str(body.get("media_type"))
        return self._uploaded(lambda: self._media.initialize(call.caller, category, kind, body["total_bytes"]))

    async def _append(self, call: RestCall) -> Answer:
        fields = await _media_fields(call)
        media, index = fields.get("media"), str(fields.get("segment_index", ""))
        if not isinstance(media, bytes) or not index.isdigit():
            raise invalid("segment_index and media are required.", "segment_index")
        return self._uploaded(lambda: self._media.append(call.caller, call.path("id"), int(index), media))

    async def _finalize(self, call: RestCall) -> Answer:
        return self._uploaded(lambda: self._media.finalize(call.caller, call.path("id")))

    async def _status(self, call: RestCall) -> Answer:
        if set(call.params) - {"media_id", "command"} or call.params.get("command", "STATUS") != "STATUS":
            raise invalid("The `command` query parameter value is not one of [STATUS].", "command")
        return self._uploaded(lambda: self._media.poll(call.caller, call.params.get("media_id", "")))

    async def _whole(self, call: RestCall) -> Answer:
        """A picture in one call."""
        fields = await _media_fields(call)
        media, category = fields.get("media"), str(fields.get("media_category"))
        if not isinstance(media, bytes):
            raise invalid("media is required.", "media")

        def take() -> dict[str, Any]:
            made = self._media.initialize(call.caller, category, "", len(media))
            self._media.append(call.caller, made["id"], 0, media)
            return self._media.finalize(call.caller, made["id"])

        return self._uploaded(take)

    async def _describe(self, call: RestCall) -> Answer:
        body = call.json()
        try:
            media_id, text = str(body["id"]), str(body["metadata"]["alt_text"]["text"])
        except (KeyError, TypeError):
            raise invalid("id and metadata are required.", "id") from None
        if len(text) > 1000:
            raise invalid("The alt text is longer than 1000 characters.", "metadata")

        def take() -> dict[str, Any]:
            self._media.describe(call.caller, media_id, text)
            return {"id": media_id, "associated_metadata": {"alt_text": {"text": text}}}

        return self._uploaded(take)

    def _uploaded(self, take: Callable[[], dict[str, Any]]) -> Answer:
        try:
            return Answer({"data": take()})
        except UploadError as error:
            raise invalid(str(error), error.parameter) from None


async def _media_fields(call: RestCall) -> Mapping[str, Any]:
    """The fields of an upload call, multipart or JSON, with `media` as bytes."""
    body = call.json()
    if isinstance(body, dict):
        try:
            return {**body, "media": decoded(str(body.get("media", "")))}
        except UploadError as error:
            raise invalid(str(error), error.parameter) from None
    fields: dict[str, Any] = {}
    for name, value in (await call.form()).items():
        fields[name] = await value.read() if isinstance(value, UploadFile) else value
    return fields
