"""What a Page publishes: unpublished photos, posts, stories, and films with their upload sessions.

A photo belongs to one post. A film is processed for one poll after its session was finished; its post is there at once, its id
is told when the film is ready.
"""

import io
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson
from PIL import Image, UnidentifiedImageError

from sandbox.host import Host
from sandbox.networks.facebook_posts import permalink
from sandbox.networks.graph import graph_error, graph_time, unknown_object
from sandbox.state import Row
from sandbox.wire import Refusal
from sandbox.world.model import DAY_MS, Account, Post

LONGEST_MESSAGE = 63_206
MOST_PHOTOS = 10
LARGEST_PHOTO_BYTES = 4 * 1024 * 1024
CHUNK_BYTES = 1024 * 1024
TWIN_WINDOW_MS = 10 * 60_000
"""How long the very same words are refused as a duplicate. The network does not tell."""


def duplicate_post() -> Refusal:
    """The network's own guard: this was posted a moment ago."""
    return graph_error("(#506) Duplicate status message", 506)


def _photos_posted() -> Refusal:
    return graph_error("Invalid parameter", 100, subcode=1366051, title="These photos were already posted.")


class Posts:
    """Photos, posts and picture stories of all Pages."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def take_photo(self, page: Account, fields: Mapping[str, str], content: bytes | None) -> str:
        """Keep a picture that nobody sees yet; returns its id. Raises the network's refusal."""
        content = content if content is not None else self._fetched(fields.get("url", ""))
        try:
            with Image.open(io.BytesIO(content)) as image:
                kind = image.format
        except (UnidentifiedImageError, OSError):
            kind = None
        if kind not in ("JPEG", "PNG") or len(content) > LARGEST_PHOTO_BYTES:
            message = "Photos should be smaller than 4 MB and saved as JPG or PNG."
            raise graph_error("Invalid parameter", 324, subcode=1366046, title="Can't read files", user_message=message)
        photo_id = f"122{self._host.state.next_number('facebook_photo'):015d}"
        spec = {"alt_text": fields.get("alt_text_custom", "")}
        _insert(self._host, photo_id, page, "photo", spec, "staged")
        return photo_id

    def _fetched(self, url: str) -> bytes:
        """A picture by its address, which has to be in the sandbox's own object store."""
        prefix = "/_sandbox/cdn/"
        stored = None
        if url.startswith(f"{self._host.base_url}{prefix}"):
            stored = self._host.state.one("objects", name=urlsplit(url).path.removeprefix(prefix))
        if stored is None:
            raise graph_error("(#324) Missing or invalid image file", 324, subcode=2069019)
        return bytes(stored["content"])

    def photo(self, page: Account, photo_id: str) -> dict[str, Any] | None:
        """A photo of the Page, published or not."""
        row = _row(self._host, page, photo_id, "photo")
        return {"created_time": graph_time(row["created_ms"]), "id": photo_id} if row else None

    def publish(self, page: Account, fields: Mapping[str, str], *, has_guard: bool) -> Post:
        """Commit a post, durably. Raises the network's refusal."""
        message, link, photos = fields.get("message", ""), fields.get("link"), _attached(fields)
        if not (message or link or photos):
            raise graph_error("(#100) Missing message or attachment", 100)
        if len(message) > LONGEST_MESSAGE:
            raise graph_error("(#100) The message is too long", 100)
        if fields.get("published", "true").lower() == "false":
            raise graph_error("(#100) Unpublished posts are not part of this sandbox", 100)
        if len(photos) > MOST_PHOTOS:
            raise graph_error(f"(#100) At most {MOST_PHOTOS} photos can be attached", 100)
        rows = [self._staged(page, photo_id, has_guard=has_guard) for photo_id in photos]
        if has_guard and not rows and self._has_twin(page, message):
            raise duplicate_post()
        pictured = {0: "link" if link else "text", 1: "image"}
        content_format = pictured.get(len(rows), "carousel")
        details = {"photos": photos, "link": link, "place": fields.get("place")}
        return self._commit(page, message, content_format, rows, details)

    def publish_story(self, page: Account, fields: Mapping[str, str], *, has_guard: bool) -> Post:
        """Commit a story of one photo, durably. Raises the network's refusal."""
        photo_id = fields.get("photo_id", "")
        row = self._staged(page, photo_id, has_guard=has_guard)
        return self._commit(page, "", "story", [row], {"media_id": photo_id, "media_type": "photo"})

    def _staged(self, page: Account, photo_id: str, *, has_guard: bool) -> Row:
        row = _row(self._host, page, photo_id, "photo")
        if row is None:
            raise unknown_object(photo_id, "post")
        if row["status"] == "published" and has_guard:
            raise _photos_posted()
        return row

    def _has_twin(self, page: Account, message: str) -> bool:
        youngest = self._host.clock.now_ms - TWIN_WINDOW_MS
        recent = [item.post for item in self._host.published(page.native_id) if item.post.created_ms >= youngest]
        return any(post.text == message and post.media_count == 0 for post in recent)

    def _commit(
        self, page: Account, text: str, content_format: str, rows: list[Row], details: Mapping[str, Any]
    ) -> Post:
        with self._host.state.transaction():
            for row in rows:
                self._host.state.update("uploads", {"upload_id": row["upload_id"]}, status="published")
            published, _ = self._host.publish(
                page, text, content_format=content_format, media_count=len(rows), details=details
            )
        return published.post


class Films:
    """Films of all Pages, from the opened session to the post."""

    def __init__(self, host: Host) -> None:
        self._host = host

    # --- uploading ---

    def open(self, page: Account, fields: Mapping[str, str]) -> dict[str, Any]:
        """Open a session that wants the film in chunks."""
        size = int(fields.get("file_size") or "0")
        if size < 1:
            raise graph_error("(#100) The parameter file_size is required", 100)
        film_id = self._insert(page, "film", {"size": size})
        session = {"video_id": film_id, "upload_session_id": f"6{film_id}"}
        return session | {"start_offset": "0", "end_offset": str(min(size, CHUNK_BYTES))}

    def open_story(self, page: Account, uploads_url: str) -> dict[str, Any]:
        """Open a session that wants the film in one piece."""
        film_id = self._insert(page, "film_story", {})
        return {"video_id": film_id, "upload_url": f"{uploads_url}/{film_id}"}

    def take_chunk(self, page: Account, fields: Mapping[str, str], content: bytes) -> dict[str, str]:
        """The next part of a film; answers what comes after it."""
        row = self._of_session(page, fields.get("upload_session_id", ""))
        held, size = bytes(row["content"]), orjson.loads(row["spec"])["size"]
        if fields.get("start_offset") != str(len(held)):
            message = f"Your video upload is at {len(held)}, not at {fields.get('start_offset')}."
            raise graph_error("There was a problem uploading your video file.", 6000, subcode=1363037, title=message)
        held = (held + content)[:size]
        self._host.state.update("uploads", {"upload_id": row["upload_id"]}, content=held)
        return {"start_offset": str(len(held)), "end_offset": str(min(size, len(held) + CHUNK_BYTES))}

    def take_whole(self, page: Account, film_id: str, content: bytes, offset: int, size: int) -> dict[str, Any]:
        """A film in one piece, or what of it was lacking."""
        row = _row(self._host, page, film_id, "film_story")
        if row is None:
            raise unknown_object(film_id, "post")
        held = bytes(row["content"])
        if offset != len(held) or size != len(held) + len(content):
            raise graph_error("(#100) The offset is not where the upload stands", 100, subcode=1363037)
        spec = orjson.dumps({"size": size}).decode()
        self._host.state.update("uploads", {"upload_id": film_id}, content=held + content, spec=spec)
        return {"success": True}

    # --- publishing ---

    def finish(self, page: Account, session_id: str, fields: Mapping[str, str]) -> dict[str, Any]:
        """Publish a film that is here as a whole."""
        row = self._of_session(page, session_id)
        self._commit(page, row, fields.get("description", ""), "video", {"title": fields.get("title")})
        return {"success": True}

    def finish_story(self, page: Account, film_id: str) -> dict[str, Any]:
        """Publish a film as a story."""
        row = _row(self._host, page, film_id, "film_story")
        if row is None:
            raise unknown_object(film_id, "post")
        details = {"media_id": film_id, "media_type": "video"}
        return {"success": True, "post_id": self._commit(page, row, "", "story", details).native_id}

    def _commit(self, page: Account, row: Row, text: str, content_format: str, details: Mapping[str, Any]) -> Post:
        content, spec = bytes(row["content"]), orjson.loads(row["spec"])
        if row["status"] != "uploading" or len(content) != spec.get("size"):
            raise graph_error("There was a problem uploading your video file.", 6000, subcode=1363030)
        if content[4:8] != b"ftyp":
            raise graph_error("Unsupported video format", 352, subcode=1363024, title="Unsupported Video Format")
        with self._host.state.transaction():
            published, _ = self._host.publish(
                page,
                text,
                content_format=content_format,
                media_count=1,
                details={**details, "video_id": row["upload_id"]},
            )
            kept = orjson.dumps({**spec, "post_id": published.post.native_id}).decode()
            where = {"upload_id": row["upload_id"]}
            self._host.state.update("uploads", where, status="processing", spec=kept, content=b"")
        return published.post

    # --- looking ---

    def show(self, page: Account, film_id: str) -> dict[str, Any] | None:
        """A film with its status; processing gets on with every look."""
        row = _row(self._host, page, film_id, "film") or _row(self._host, page, film_id, "film_story")
        if row is None:
            return None
        spec, status = orjson.loads(row["spec"]), row["status"]
        if status == "uploading" and self._host.clock.now_ms - row["created_ms"] > DAY_MS:
            status = "expired"
        shown = {
            "id": film_id,
            "created_time": graph_time(row["created_ms"]),
            "status": _status(status, len(row["content"]), spec.get("size")),
        }
        if status == "processing":
            self._host.state.update("uploads", {"upload_id": film_id}, status="ready")
        if status == "ready":
            post = self._host.post("facebook", spec["post_id"])
            shown["post_id"] = spec["post_id"].rpartition("_")[2]
            shown |= {"permalink_url": permalink(post)} if post else {}
        return shown

    def _insert(self, page: Account, kind: str, spec: Mapping[str, Any]) -> str:
        film_id = f"77{self._host.state.next_number('facebook_film'):014d}"
        _insert(self._host, film_id, page, kind, spec, "uploading")
        return film_id

    def _of_session(self, page: Account, session_id: str) -> Row:
        row = _row(self._host, page, session_id.removeprefix("6"), "film")
        if row is None:
            raise graph_error("There was a problem uploading your video file.", 6001, subcode=1363033)
        return row


def _status(status: str, held: int, size: int | None) -> dict[str, Any]:
    """How the Graph words the three phases of a film."""
    is_live, is_here = status in ("processing", "ready"), size is not None and held == size
    phases: dict[str, Any] = {
        "uploading_phase": {"status": "complete" if is_live or is_here else "in_progress"},
        "processing_phase": {"status": "complete" if status == "ready" else "not_started"},
        "publishing_phase": {"status": "complete" if status == "ready" else "not_started"},
    }
    if not is_live:
        phases["uploading_phase"]["bytes_transferred"] = held
    if status == "ready":
        phases["publishing_phase"]["publish_status"] = "published"
    return {"video_status": status, **phases}


def _attached(fields: Mapping[str, str]) -> list[str]:
    """Ids out of `attached_media`: a list, or numbered fields with an object each."""
    texts = [fields["attached_media"]] if "attached_media" in fields else []
    texts += [fields[name] for name in sorted(fields) if name.startswith("attached_media[")]
    found: list[Any] = []
    for text in texts:
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise graph_error("(#100) Param attached_media must be an array.", 100) from None
        found += value if isinstance(value, list) else [value]
    try:
        return [str(item["media_fbid"]) for item in found]
    except (KeyError, TypeError):
        raise graph_error("(#100) Param attached_media[0] must have a media_fbid.", 100) from None


def _row(host: Host, page: Account, upload_id: str, kind: str) -> Row | None:
    return host.state.one("uploads", upload_id=upload_id, network="facebook", account_id=page.native_id, kind=kind)


def _insert(host: Host, upload_id: str, page: Account, kind: str, spec: Mapping[str, Any], status: str) -> None:
    host.state.insert(
        "uploads",
        upload_id=upload_id,
        network="facebook",
        account_id=page.native_id,
        kind=kind,
        spec=orjson.dumps(dict(spec)).decode(),
        status=status,
        created_ms=host.clock.now_ms,
        content=b"",
    )
