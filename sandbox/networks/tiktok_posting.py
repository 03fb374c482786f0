"""TikTok's Content Posting: uploads of films in parts, pictures that it fetches itself, and what became of them.

A film is visible when its last byte has arrived; an upload address works for an hour of the world's time. Films are processed until the
second question about them, pictures until the first. Posts for everybody have an id once they are listed (fault `read_lag`); all others
never get one. Belongs here: publishing over the wire. Does not belong here: listings (`tiktok.py`), comments.
"""

import hmac
import io
import re
import time
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
from PIL import Image, UnidentifiedImageError

from sandbox.host import Host
from sandbox.networks.rest import RestCall
from sandbox.networks.tiktok_errors import OK, refused
from sandbox.state import Row
from sandbox.wire import Answer, Refusal
from sandbox.world.model import DAY_MS, HOUR_MS, Account

EVERYBODY = "PUBLIC_TO_EVERYONE"
PRIVACY_LEVELS = (EVERYBODY, "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY")
LONGEST_FILM_SECONDS = 600
FILM_TEXT_UNITS, PICTURE_TITLE_UNITS, PICTURE_TEXT_UNITS = 2200, 90, 4000
MOST_PICTURES, MOST_PARTS = 35, 1000
SMALLEST_PART, LARGEST_PART, LARGEST_LAST_PART = 5_000_000, 64_000_000, 128_000_000
POSTS_A_DAY = 15
_HEAD_BYTES = 16
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_POLLS_UNTIL_DONE = {"film": 1, "pictures": 0}


def completes(content_range: str) -> bool:
    """Whether a part with this header is the last one of its film: the one that makes it visible."""
    found = _RANGE.fullmatch(content_range)
    return found is not None and int(found[2]) + 1 == int(found[3])


def ended_upload() -> Refusal:
    """The answer of the upload host to a part that it has already."""
    return Refusal(416, {"error": "the range does not follow what was uploaded"})


def _ok(data: Mapping[str, Any]) -> Answer:
    return Answer({"data": data, "error": OK})


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


class Posting:
    """Takes posts of all accounts."""

    def __init__(self, host: Host, *, secret: str) -> None:
        self._host = host
        self._secret = secret.encode()

    async def creator_info(self, call: RestCall) -> Answer:
        """What the account may publish now."""
        account = call.caller
        return _ok(
            {
                "creator_avatar_url": f"{self._host.base_url}/tiktok/avatar/{account.handle}.webp",
                "creator_username": account.handle,
                "creator_nickname": account.display_name,
                "privacy_level_options": list(PRIVACY_LEVELS),
                "comment_disabled": False,
                "duet_disabled": False,
                "stitch_disabled": False,
                "max_video_post_duration_sec": LONGEST_FILM_SECONDS,
            }
        )

    # --- films ---

    async def begin_film(self, call: RestCall) -> Answer:
        """Announce a film. Nothing is visible; with PULL_FROM_URL it is as soon as the film was fetched."""
        info, source = _parts(call)
        self._check(call.caller, info)
        if _units(str(info.get("title", ""))) > FILM_TEXT_UNITS:
            raise refused(400, "invalid_param", "The title is too long.")
        if source.get("source") == "PULL_FROM_URL":
            content = await self._fetched(str(source.get("video_url", "")))
            publish_id = self._insert(call.caller, "film", {"info": info, "size": len(content or b"")})
            self._finish_film(self._row(publish_id, call.caller), content or b"", call, reason="video_pull_failed")
            return _ok({"publish_id": publish_id})
        size, part, parts = (source.get(name) for name in ("video_size", "chunk_size", "total_chunk_count"))
        if source.get("source") != "FILE_UPLOAD" or not _is_cut_well(size, part, parts):
            raise refused(400, "invalid_param", "The video size, chunk size or chunk count is invalid.")
        publish_id = self._insert(call.caller, "film", {"info": info, "size": size, "part": part, "received": 0})
        query = f"upload_id={publish_id.rpartition('.')[2]}&upload_token={self._upload_token(publish_id)}"
        return _ok({"publish_id": publish_id, "upload_url": f"{self._host.base_url}/tiktok/upload/video/?{query}"})

    def upload_row(self, params: Mapping[str, str]) -> Row | None:
        """The announced film that an upload address belongs to."""
        publish_id = f"v_pub_file~v2-1.{params.get('upload_id', '')}"
        if not hmac.compare_digest(self._upload_token(publish_id), params.get("upload_token", "")):
            return None
        return self._host.state.one("uploads", upload_id=publish_id)

    async def take_part(self, call: RestCall) -> Answer:
        """One part of a film: in order, each once. 206 while some are missing, 201 for the last."""
        row = self.upload_row(call.params)
        if row is None:
            raise Refusal(404, {"error": "no such upload"})
        if self._host.clock.now_ms - row["created_ms"] > HOUR_MS:
            raise Refusal(403, {"error": "the upload address has expired"})
        spec = orjson.loads(row["spec"])
        found = _RANGE.fullmatch(call.request.headers.get("content-range", ""))
        if found is None:
            raise Refusal(400, {"error": "no valid Content-Range"})
        first, last, size = (int(number) for number in found.groups())
        if size != spec["size"] or last - first + 1 != len(call.body):
            raise Refusal(400, {"error": "the range does not fit the film"})
        is_again = last + 1 == size and spec["received"] == size
        if first != spec["received"] and not (is_again and not call.has_guard):
            raise ended_upload()
        expected = size if first // spec["part"] + 1 >= max(1, size // spec["part"]) else first + spec["part"]
        if last + 1 != expected:
            raise Refusal(400, {"error": "a part has another size than was announced"})
        head = bytes(row["content"]) or call.body[:_HEAD_BYTES]
        if last + 1 < size:
            self._keep(row, {**spec, "received": last + 1}, content=head)
            return Answer(None, 206, {"content-range": f"bytes 0-{last}/{size}"}, content=b"")
        self._finish_film(row, head, call)
        return Answer(None, 201, {"content-range": f"bytes 0-{last}/{size}"}, content=b"")

    def _finish_film(self, row: Row, head: bytes, call: RestCall, *, reason: str = "file_format_check_failed") -> None:
        spec = orjson.loads(row["spec"])
        account = self._host.accounts[row["account_id"]]
        if head[4:8] == b"ftyp" or head[:4] == b"\x1a\x45\xdf\xa3":
            self._publish(account, row["upload_id"], str(spec["info"].get("title", "")), "short_video", 1, spec, call)
        else:
            spec["fail_reason"] = reason
        self._keep(row, {**spec, "received": spec["size"]}, content=head)

    # --- pictures ---

    async def publish_pictures(self, call: RestCall) -> Answer:
        """Fetch pictures and publish them. What can not be fetched or shown fails later, under its publish_id."""
        body = call.json()
        info, source = _parts(call)
        if body.get("media_type") != "PHOTO" or body.get("post_mode") != "DIRECT_POST":
            raise refused(400, "invalid_param", "Only photos, posted directly.")
        self._check(call.caller, info)
        title, text = str(info.get("title", "")), str(info.get("description", ""))
        if _units(title) > PICTURE_TITLE_UNITS or _units(text) > PICTURE_TEXT_UNITS:
            raise refused(400, "invalid_param", "The title or description is too long.")
        urls = source.get("photo_images")
        if source.get("source") != "PULL_FROM_URL" or not isinstance(urls, list) or not 1 <= len(urls) <= MOST_PICTURES:
            raise refused(400, "invalid_param", "photo_images must hold 1 to 35 addresses.")
        pictures = [await self._fetched(str(url)) for url in urls]
        publish_id = self._insert(call.caller, "pictures", {"info": info})
        row = self._row(publish_id, call.caller)
        spec = orjson.loads(row["spec"])
        if None in pictures:
            spec["fail_reason"] = "photo_pull_failed"
        elif not all(_is_picture(picture) for picture in pictures if picture is not None):
            spec["fail_reason"] = "file_format_check_failed"
        else:
            kind = "carousel" if len(urls) > 1 else "image"
            self._publish(call.caller, publish_id, text, kind, len(urls), spec, call)
        self._keep(row, spec)
        return _ok({"publish_id": publish_id})

    async def _fetched(self, url: str) -> bytes | None:
        """The bytes behind an address of ours; None when there are none. Raises for addresses that nobody verified."""
        target = urlsplit(url)
        if target.scheme != "http" or target.hostname not in _LOOPBACK:
            raise refused(403, "url_ownership_unverified")
        if url.startswith(f"{self._host.base_url}/_sandbox/cdn/"):
            stored = self._host.state.one("objects", name=target.path.removeprefix("/_sandbox/cdn/"))
            return bytes(stored["content"]) if stored else None
        try:
            async with httpx.AsyncClient(timeout=10.0, trust_env=False) as client:
                answer = await client.get(url)
        except httpx.HTTPError:
            return None
        return answer.content if answer.status_code == 200 else None

    # --- what became of it ---

    async def status(self, call: RestCall) -> Answer:
        """How far a post got; processing gets on with every question."""
        publish_id = str((call.json() or {}).get("publish_id", ""))
        row = self._row(publish_id, call.caller)
        spec = orjson.loads(row["spec"])
        film = {"uploaded_bytes": spec["received"]} if "received" in spec else {}
        if "received" in spec and spec["received"] < spec["size"]:
            return _ok({"status": "PROCESSING_UPLOAD", **film})
        if row["polls"] < _POLLS_UNTIL_DONE[row["kind"]]:
            self._host.state.update("uploads", {"upload_id": publish_id}, polls=row["polls"] + 1)
            return _ok({"status": "PROCESSING_UPLOAD" if film else "PROCESSING_DOWNLOAD", **film})
        if "fail_reason" in spec:
            return _ok({"status": "FAILED", "fail_reason": spec["fail_reason"], **film})
        published = self._host.published_post(spec["post_id"], call.caller.native_id)
        is_listed = published is not None and published.committed_at <= time.time() - call.lag_seconds
        ids = [int(spec["post_id"])] if is_listed and spec["info"]["privacy_level"] == EVERYBODY else []
        return _ok({"status": "PUBLISH_COMPLETE", "publicaly_available_post_id": ids, **film})

    # --- keeping ---

    def _check(self, account: Account, info: Mapping[str, Any]) -> None:
        if info.get("privacy_level") not in PRIVACY_LEVELS:
            raise refused(403, "privacy_level_option_mismatch")
        if info.get("brand_content_toggle") is True and info["privacy_level"] == "SELF_ONLY":
            raise refused(400, "invalid_param", "Branded content can not be private.")
        since = self._host.clock.now_ms - DAY_MS
        used = sum(item.post.created_ms > since for item in self._host.published(account.native_id))
        if used >= POSTS_A_DAY * self._host.limits.factor:
            raise refused(403, "spam_risk_too_many_posts")

    def _insert(self, account: Account, kind: str, spec: Mapping[str, Any]) -> str:
        prefix = "v_pub_file~v2-1" if kind == "film" else "p_pub_url~v2"
        publish_id = f"{prefix}.{7_380_000_000_000_000_000 + self._host.state.next_number('tiktok publish')}"
        self._host.state.insert(
            "uploads",
            upload_id=publish_id,
            network="tiktok",
            account_id=account.native_id,
            kind=kind,
            spec=orjson.dumps(dict(spec)).decode(),
            status="",
            created_ms=self._host.clock.now_ms,
            content=b"",
        )
        return publish_id

    def _row(self, publish_id: str, account: Account) -> Row:
        row = self._host.state.one("uploads", upload_id=publish_id, account_id=account.native_id)
        if row is None:
            raise refused(400, "invalid_publish_id")
        return row

    def _keep(self, row: Row, spec: Mapping[str, Any], *, content: bytes = b"") -> None:
        where = {"upload_id": row["upload_id"]}
        self._host.state.update("uploads", where, spec=orjson.dumps(dict(spec)).decode(), content=content)

    def _publish(
        self,
        account: Account,
        publish_id: str,
        text: str,
        content_format: str,
        media_count: int,
        spec: dict[str, Any],
        call: RestCall,
    ) -> None:
        """Make it visible, once for each publish_id, whatever happens between this write and the next."""
        details = {"privacy_level": spec["info"]["privacy_level"], "title": spec["info"].get("title", "")}
        published, _ = self._host.publish(
            account,
            text,
            content_format=content_format,
            media_count=media_count,
            key=publish_id if call.has_guard else None,
            details=details,
        )
        spec["post_id"] = published.post.native_id

    def _upload_token(self, publish_id: str) -> str:
        return hmac.new(self._secret, publish_id.encode(), sha256).hexdigest()[:32]


def _parts(call: RestCall) -> tuple[dict[str, Any], dict[str, Any]]:
    body = call.json()
    info, source = (body.get(name) if isinstance(body, dict) else None for name in ("post_info", "source_info"))
    if not isinstance(info, dict) or not isinstance(source, dict):
        raise refused(400, "invalid_param", "post_info and source_info are required.")
    return info, source


def _is_cut_well(size: Any, part: Any, parts: Any) -> bool:
    """TikTok's rules for parts: sizes, count rounded down, small films whole."""
    if not all(isinstance(number, int) and number > 0 for number in (size, part, parts)):
        return False
    if parts > MOST_PARTS or parts != max(1, size // part):
        return False
    if parts == 1:
        return part == size and bool(size <= LARGEST_PART)
    last = size - (parts - 1) * part
    return bool(SMALLEST_PART <= part <= LARGEST_PART and last <= LARGEST_LAST_PART)


def _is_picture(content: bytes) -> bool:
    try:
        with Image.open(io.BytesIO(content)) as image:
            return image.format in ("JPEG", "WEBP")
    except (UnidentifiedImageError, OSError):
        return False
