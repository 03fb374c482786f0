"""Containers: what Instagram has fetched from the media host and holds ready, unseen, until it is published.

Belongs here: what is asked of a container, making one, waiting for it. Does not belong here: which post needs which containers, and
publishing them (`publishing.py`).
"""

import json
import re
from collections.abc import Mapping, Sequence

from contracts.errors import ErrorClass, NetworkError, ProviderError
from contracts.networks import Network
from contracts.ports import MediaHost, MediaReader
from contracts.records import Account, Media
from platforms import _graph as graph
from platforms._graph import Created
from platforms._http import CallKind, Transport
from platforms._media import read_media
from platforms.instagram.errors import SUBCODES
from platforms.instagram.models import Container

POLLS = 6
FIRST_POLL_SECONDS = 0.5
LONGEST_POLL_SECONDS = 6.0

SUFFIXES = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
}
_SUBCODE = re.compile(r"\b2207\d{3}\b")


class Containers:
    """Makes containers and asks for them."""

    def __init__(self, transport: Transport, media: MediaReader, host: MediaHost) -> None:
        self._transport, self._media, self._host = transport, media, host

    async def of_media(self, account: Account, media: Media, fields: Mapping[str, str]) -> str:
        """A new container of one file; its id."""
        source = "video_url" if is_film(media) else "image_url"
        return await self.make(account, {source: await self._hosted(media), **fields})

    async def make(self, account: Account, fields: Mapping[str, str]) -> str:
        """A new container; its id."""
        filled = {name: value for name, value in fields.items() if value}
        call = graph.post(CallKind.STAGE, "container", f"{account.native_id}/media", filled)
        return (await self._transport.fetch(Created, account, call)).id

    async def read(self, account: Account, container_id: str) -> Container:
        """The container as it is now."""
        call = graph.read("container_status", container_id, fields="id,status_code,status")
        return await self._transport.fetch(Container, account, call)

    async def processed(self, account: Account, container_id: str) -> Container:
        """The container once it is in process no more, or as it is when that takes too long for now."""
        pause = FIRST_POLL_SECONDS
        for _ in range(POLLS):
            container = await self.read(account, container_id)
            if container.status_code in ("FINISHED", "PUBLISHED", "EXPIRED", "ERROR"):
                break
            await self._transport.pause(pause)
            pause = min(pause * 2, LONGEST_POLL_SECONDS)
        return container

    async def _hosted(self, media: Media) -> str:
        """Where Instagram can fetch the file. The name holds the content's hash: same file, same URL."""
        name = f"{media.sha256[:32]}.{SUFFIXES.get(media.mime_type, 'bin')}"
        content = read_media(self._media, media, self._transport.network)
        try:
            return await self._host.publish(name=name, content=content, mime_type=media.mime_type)
        except ProviderError as error:
            network = self._transport.network.value
            raise NetworkError(ErrorClass.TRANSIENT, str(error), network=network, code="media_host") from error


def is_film(media: Media) -> bool:
    return media.mime_type.startswith("video/")


def tags(handles: Sequence[str]) -> str:
    """People tagged in a picture, side by side across its middle: pictures want a place for each [K]."""
    names = [handle.removeprefix("@") for handle in handles]
    placed = [
        {"username": name, "x": round(i / (len(names) + 1), 3), "y": 0.5} for i, name in enumerate(names, start=1)
    ]
    return json.dumps(placed, separators=(",", ":")) if placed else ""


def failure_of(container: Container) -> NetworkError:
    """Why a container in `ERROR` failed: its words hold the subcode that a refusal would have had in a field of its own. Without one
    it is `invalid`."""
    found = _SUBCODE.search(container.status)
    known = SUBCODES.get(int(found.group())) if found else None
    message = f"Instagram could not process the media of this post. {container.status}".rstrip()
    code = found.group() if found else "ERROR"
    return NetworkError(known or ErrorClass.INVALID, message, network=Network.INSTAGRAM.value, code=code)
