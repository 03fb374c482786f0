"""Uploads to X: initialize, append segments, finalize, STATUS until processed; a day later they are gone.

Pictures are ready at once; animations and films are processed, which takes some askings of their status. Belongs here: the life of an
upload. Does not belong here: posts that use it.
"""

import base64
import binascii
from typing import Any

import orjson

from sandbox.host import Host
from sandbox.state import Row
from sandbox.world.ids import snowflake
from sandbox.world.model import Account

LIFE_SECONDS = 86_400
POLLS_UNTIL_READY = 2
CHECK_AFTER_SECONDS = 1
MOST_BYTES = {"tweet_image": 5_242_880, "tweet_gif": 15_728_640, "tweet_video": 536_870_912}
LARGEST_SEGMENT = 5_242_880
_PREFIXES = {"tweet_image": "3", "tweet_gif": "16", "tweet_video": "7"}
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"BM")


class UploadError(ValueError):
    """What is wrong with the request; `parameter` names where."""

    def __init__(self, message: str, parameter: str = "media_id") -> None:
        super().__init__(message)
        self.parameter = parameter


class Media:
    """Media on their way, in the state's table `uploads`: `status` is open, processing, ready or failed."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def initialize(self, owner: Account, category: str, media_type: str, total_bytes: int) -> dict[str, Any]:
        """A new upload; raises UploadError."""
        if category not in MOST_BYTES:
            raise UploadError(
                "The media_category is not one of [tweet_image, tweet_gif, tweet_video].", "media_category"
            )
        if not 0 < total_bytes <= MOST_BYTES[category]:
            raise UploadError(f"File size exceeds {MOST_BYTES[category]} bytes.", "total_bytes")
        now_ms = self._host.clock.now_ms
        media_id = snowflake(now_ms, self._host.state.next_number("x_media"))
        spec = {"media_type": media_type, "total_bytes": total_bytes, "segments": 0}
        self._host.state.insert(
            "uploads",
            upload_id=media_id,
            network="x",
            account_id=owner.native_id,
            kind=category,
            spec=orjson.dumps(spec).decode(),
            status="open",
            created_ms=now_ms,
            content=b"",
        )
        return self._shown(self._row(owner, media_id), with_size=False)

    def append(self, owner: Account, media_id: str, index: int, segment: bytes) -> dict[str, Any]:
        """Take the next segment; one that is there already changes nothing. Raises UploadError."""
        row = self._row(owner, media_id)
        spec = orjson.loads(row["spec"])
        if row["status"] != "open" or index > spec["segments"] or not 0 < len(segment) <= LARGEST_SEGMENT:
            raise UploadError("Segments do not add up to provided total file size.", "segment_index")
        if index == spec["segments"]:
            spec["segments"] += 1
            content = bytes(row["content"]) + segment
            self._host.state.update(
                "uploads", {"upload_id": media_id}, spec=orjson.dumps(spec).decode(), content=content
            )
        return {"expires_at": row["created_ms"] // 1000 + LIFE_SECONDS}

    def finalize(self, owner: Account, media_id: str) -> dict[str, Any]:
        """Close an upload, once. Raises UploadError."""
        row = self._row(owner, media_id)
        spec, content = orjson.loads(row["spec"]), bytes(row["content"])
        if row["status"] != "open" or len(content) != spec["total_bytes"]:
            raise UploadError("Segments do not add up to provided total file size.")
        if row["kind"] != "tweet_video" and not content.startswith(_PICTURES):
            raise UploadError("The media could not be decoded.")
        status = "ready" if row["kind"] == "tweet_image" else "processing"
        self._host.state.update("uploads", {"upload_id": media_id}, status=status)
        return self._shown(self._row(owner, media_id))

    def poll(self, owner: Account, media_id: str) -> dict[str, Any]:
        """How far it is; asking is what makes it go on. Raises UploadError."""
        row = self._row(owner, media_id)
        if row["status"] == "processing":
            polls = row["polls"] + 1
            status = "ready" if polls > POLLS_UNTIL_READY else "processing"
            self._host.state.update("uploads", {"upload_id": media_id}, polls=polls, status=status)
        return self._shown(self._row(owner, media_id))

    def describe(self, owner: Account, media_id: str, alt_text: str) -> None:
        """Keep its alternative text. Raises UploadError."""
        spec = orjson.loads(self._row(owner, media_id)["spec"]) | {"alt_text": alt_text}
        self._host.state.update("uploads", {"upload_id": media_id}, spec=orjson.dumps(spec).decode())

    def usable_keys(self, owner: Account, media_ids: list[str]) -> list[str]:
        """Media keys for a post. Raises UploadError for media that are not there, not ready, or too many of a kind."""
        rows = [self._row(owner, media_id) for media_id in media_ids]
        is_alone = any(row["kind"] != "tweet_image" for row in rows)
        if any(row["status"] != "ready" for row in rows) or len(rows) > (1 if is_alone else 4):
            raise UploadError("Your media IDs are invalid.", "media.media_ids")
        return [_key(row) for row in rows]

    def _row(self, owner: Account, media_id: str) -> Row:
        row = self._host.state.one("uploads", upload_id=media_id, network="x", account_id=owner.native_id)
        if row is None or row["created_ms"] + LIFE_SECONDS * 1000 <= self._host.clock.now_ms:
            raise UploadError("Your media IDs are invalid.")
        return row

    def _shown(self, row: Row, *, with_size: bool = True) -> dict[str, Any]:
        left = LIFE_SECONDS - (self._host.clock.now_ms - row["created_ms"]) // 1000
        body: dict[str, Any] = {"id": row["upload_id"], "media_key": _key(row), "expires_after_secs": left}
        if with_size:
            body["size"] = len(row["content"])
        if row["kind"] == "tweet_video" and with_size:
            body["video"] = {"video_type": orjson.loads(row["spec"])["media_type"]}
        if row["kind"] != "tweet_image" and with_size:
            if row["status"] == "ready":
                body["processing_info"] = {"state": "succeeded", "progress_percent": 100}
            else:
                state = "in_progress" if row["polls"] else "pending"
                body["processing_info"] = {"state": state, "check_after_secs": CHECK_AFTER_SECONDS}
        return body


def _key(row: Row) -> str:
    return f"{_PREFIXES[row['kind']]}_{row['upload_id']}"


def decoded(text: str) -> bytes:
    """Media in a JSON body. Raises UploadError."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise UploadError("media is not base64.", "media") from None
