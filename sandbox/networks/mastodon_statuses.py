"""What is written on a Mastodon server: uploads, and statuses under idempotency keys.

Belongs here: what a server accepts, and that the same key makes one status for an hour. Does not belong here: how it is shown.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from sandbox.host import Host
from sandbox.networks.mastodon_texts import counted_length, message
from sandbox.networks.mastodon_views import (
    FILM_BYTES,
    FILMS,
    IMAGE_BYTES,
    IMAGES,
    LONGEST_POLL_SECONDS,
    MAX_CHARACTERS,
    MAX_CHOICE_CHARACTERS,
    MAX_CHOICES,
    MAX_MEDIA,
    SHORTEST_POLL_SECONDS,
)
from sandbox.wire import Refusal
from sandbox.world.ids import post_id
from sandbox.world.model import HOUR_MS, Account, Post

KEY_LIFE_MS = HOUR_MS
"""By the network's own clock, which is the world's."""
POLLS_UNTIL_READY = 2
VISIBILITIES = ("public", "unlisted", "private", "direct")


def record_not_found() -> Refusal:
    """What is not there, or not for the caller's eyes."""
    return Refusal(404, {"error": "Record not found"})


class MastodonStatuses:
    """Writes through the host; everything is durable when a method returns."""

    def __init__(self, host: Host) -> None:
        self._host = host

    # --- files ---

    def upload(self, account: Account, mime_type: str, content: bytes, description: str | None) -> Mapping[str, Any]:
        """Take a file: pictures are ready at once, films are processed for a while."""
        is_film = mime_type in FILMS
        if not content or (not is_film and mime_type not in IMAGES):
            raise self._unprocessable(account, "unsupported_media")
        if len(content) > (FILM_BYTES if is_film else IMAGE_BYTES):
            raise Refusal(413, {"error": "Payload Too Large"})
        now_ms = self._host.clock.now_ms
        sequence = self._host.state.next_number("upload")
        row = {
            "upload_id": post_id("mastodon", account.native_id, now_ms, "upload", sequence),
            "network": "mastodon",
            "account_id": account.native_id,
            "kind": "video" if is_film else "image",
            "spec": orjson.dumps({"description": description}).decode(),
            "status": "processing" if is_film else "ready",
            "polls": 0,
            "created_ms": now_ms,
            "content": content,
        }
        self._host.state.insert("uploads", **row)
        return row

    def poll_upload(self, account: Account, native_id: str) -> Mapping[str, Any]:
        """A file that no status has taken up; each look brings its processing forward."""
        row = self._unattached(account, native_id)
        if row is None:
            raise record_not_found()
        if row["status"] == "processing":
            status = "ready" if row["polls"] + 1 >= POLLS_UNTIL_READY else "processing"
            self._host.state.update("uploads", {"upload_id": native_id}, polls=row["polls"] + 1, status=status)
            if status == "ready":
                return {**row, "status": status}
        return row

    def _unattached(self, account: Account, native_id: str) -> Mapping[str, Any] | None:
        row = self._host.state.one("uploads", upload_id=native_id, network="mastodon", account_id=account.native_id)
        return None if row is None or row["status"] == "attached" else row

    # --- statuses ---

    def publish(self, account: Account, fields: Mapping[str, Any], key: str | None) -> Post:
        """The status; with a key that was used within the hour, the status of then. Raises Refusal."""
        known = self._status_of_key(account, key) if key else None
        if known is not None:
            return known
        media = self._checked_media(account, [str(name) for name in fields.get("media_ids") or ()])
        details = self._checked(account, fields, has_media=bool(media))
        answered = fields.get("in_reply_to_id") or None
        if answered is not None and not self._is_there(account, str(answered)):
            raise record_not_found()
        published, _ = self._host.publish(
            account,
            str(fields.get("status") or ""),
            content_format=_format_of(media, details),
            media_count=len(media),
            reply_to=None if answered is None else str(answered),
            key=key,
            details={**details, "media_ids": [row["upload_id"] for row in media]},
        )
        for row in media:
            self._host.state.update("uploads", {"upload_id": row["upload_id"]}, status="attached")
        return published.post

    def _status_of_key(self, account: Account, key: str) -> Post | None:
        row = self._host.state.one("posts", network="mastodon", account_id=account.native_id, idempotency_key=key)
        if row is None:
            return None
        if self._host.clock.now_ms - row["created_ms"] >= KEY_LIFE_MS:
            self._host.state.update("posts", {"native_id": row["native_id"]}, idempotency_key=None)
            return None
        return self._host.post("mastodon", row["native_id"])

    def _checked(self, account: Account, fields: Mapping[str, Any], *, has_media: bool) -> dict[str, Any]:
        """What is kept about a status besides its words and files."""
        text, poll = str(fields.get("status") or ""), fields.get("poll")
        if fields.get("scheduled_at"):
            raise self._unprocessable(account, "unscheduled")
        if not text.strip() and not has_media:
            raise self._unprocessable(account, "blank")
        spoiler = str(fields.get("spoiler_text") or "")
        if counted_length(text + spoiler) > MAX_CHARACTERS:
            raise self._unprocessable(account, "too_long", limit=MAX_CHARACTERS)
        visibility = fields.get("visibility") or "public"
        if visibility not in VISIBILITIES:
            raise self._unprocessable(account, "bad_visibility")
        details = {"visibility": visibility, "language": fields.get("language"), "spoiler_text": spoiler}
        if poll:
            if has_media or not _is_poll(poll):
                raise self._unprocessable(account, "bad_poll")
            details["poll"] = {name: poll[name] for name in ("options", "expires_in", "multiple") if name in poll}
        return details

    def _checked_media(self, account: Account, names: Sequence[str]) -> list[Mapping[str, Any]]:
        if len(names) > MAX_MEDIA:
            raise self._unprocessable(account, "too_many_media", limit=MAX_MEDIA)
        found = {name: self._unattached(account, name) for name in names}
        missing = [name for name, row in found.items() if row is None]
        if missing:
            raise self._unprocessable(account, "unknown_media", ids=", ".join(missing))
        rows = [row for row in found.values() if row is not None]
        if len(rows) > 1 and any(row["kind"] == "video" for row in rows):
            raise self._unprocessable(account, "mixed_media")
        if any(row["status"] == "processing" for row in rows):
            raise self._unprocessable(account, "unready_media")
        return rows

    def _is_there(self, account: Account, native_id: str) -> bool:
        host = self._host
        if any(message.native_id == native_id for message in host.direct_messages(account)):
            return True
        return host.post("mastodon", native_id) is not None or host.comment("mastodon", native_id) is not None

    def _unprocessable(self, account: Account, name: str, **values: object) -> Refusal:
        return Refusal(422, {"error": message(name, account.language, **values)})


def _is_poll(poll: Any) -> bool:
    if not isinstance(poll, dict) or not isinstance(poll.get("options"), list):
        return False
    choices, seconds = poll["options"], poll.get("expires_in")
    is_timed = str(seconds).isdigit() and SHORTEST_POLL_SECONDS <= int(str(seconds)) <= LONGEST_POLL_SECONDS
    are_fine = all(isinstance(choice, str) and 0 < len(choice) <= MAX_CHOICE_CHARACTERS for choice in choices)
    return is_timed and are_fine and 2 <= len(choices) == len(set(choices)) <= MAX_CHOICES


def _format_of(media: Sequence[Mapping[str, Any]], details: Mapping[str, Any]) -> str:
    if details.get("poll"):
        return "poll"
    if len(media) > 1:
        return "carousel"
    return str(media[0]["kind"]) if media else "text"
