"""Instagram's two-step publishing: containers that nobody sees, their checks and life, and the one call that makes them visible.

A container is FINISHED after some polls (images at once, carousels one later, videos two), EXPIRED a day later by the world's
clock, PUBLISHED for ever once it was published: a second `media_publish` of it is refused.
"""

import io
import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
from PIL import Image, UnidentifiedImageError

from sandbox.host import Host, published_media
from sandbox.networks.graph import graph_error, unknown_object
from sandbox.state import Row
from sandbox.wire import Refusal
from sandbox.world.model import DAY_MS, Account

MAX_CAPTION, MAX_HASHTAGS, MAX_MENTIONS = 2200, 30, 20
MAX_IMAGE_BYTES = 8 * 1024 * 1024
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_POLLS_UNTIL_FINISHED = {"image": 0, "story": 0, "carousel": 1, "video": 2}
_STATUS_TEXT = {
    "IN_PROGRESS": "In Progress: Media is still being processed.",
    "FINISHED": "Finished: Media has been uploaded and it is ready to be published.",
    "PUBLISHED": "Published: Media has been published.",
    "EXPIRED": "Expired: Media was not published within 24 hours.",
    "ERROR": "Error: Media upload has failed with error code 2207026",
}
DAILY_PUBLISHING_QUOTA = 50


def already_published() -> Refusal:
    """The answer to a second publish of one container."""
    return graph_error(
        "The media has already been published",
        9007,
        subcode=2207027,
        title="Media ID is not available",
        user_message="This container was published before and can not be published again.",
    )


def check_caption(caption: str) -> None:
    """Refuse a caption past the network's limits."""
    if len(caption) > MAX_CAPTION:
        raise graph_error(
            "The caption was too long.",
            36004,
            subcode=2207010,
            title="Caption too long",
            user_message=f"The caption has {len(caption)} characters; the limit is {MAX_CAPTION}.",
        )
    if len(re.findall(r"#\w+", caption)) > MAX_HASHTAGS or len(re.findall(r"@\w+", caption)) > MAX_MENTIONS:
        raise graph_error(
            "Invalid parameter",
            100,
            subcode=2207040,
            title="Too many tags",
            user_message=f"At most {MAX_HASHTAGS} hashtags and {MAX_MENTIONS} mentions.",
        )


def check_image(content: bytes) -> None:
    """Refuse a picture that the feed does not take: size, format, width, aspect ratio."""
    if len(content) > MAX_IMAGE_BYTES:
        raise graph_error(
            "The image size is too large.",
            36000,
            subcode=2207004,
            title="Image size too large",
            user_message="The image is too large to download. It should be less than 8 MiB.",
        )
    try:
        with Image.open(io.BytesIO(content)) as image:
            kind, (width, height) = image.format, image.size
    except (UnidentifiedImageError, OSError):
        kind, width, height = None, 0, 0
    if kind != "JPEG":
        raise graph_error(
            "The image format is not supported.",
            36001,
            subcode=2207005,
            title="Image format not supported",
            user_message="The image must be a JPEG.",
        )
    if not 0.8 <= round(width / height, 2) <= 1.91 or width < 320:
        raise graph_error(
            "The submitted image with aspect ratio cannot be published.",
            36003,
            subcode=2207009,
            title="Invalid aspect ratio",
            user_message=f"{width} x {height}: the ratio must lie between 4:5 and 1.91:1, the width be 320 or more.",
        )


class Containers:
    """Creates, checks, polls and publishes containers of all accounts."""

    def __init__(self, host: Host) -> None:
        self._host = host

    # --- creating ---

    async def create(self, account: Account, params: Mapping[str, str]) -> str:
        """A new container's id. Raises the network's refusal; nothing is visible yet."""
        kind = params.get("media_type", "IMAGE").upper()
        caption = params.get("caption", "")
        check_caption(caption)
        spec: dict[str, Any] = {"caption": caption, "alt_text": params.get("alt_text", "")}
        if params.get("is_carousel_item", "").lower() == "true":
            spec |= {"is_carousel_item": True, "caption": ""}
        status, error = "FINISHED", None
        if kind == "CAROUSEL":
            spec |= {"content_format": "carousel", "children": self._children(account, params.get("children", ""))}
        elif kind in ("REELS", "VIDEO") or (kind == "STORIES" and "video_url" in params):
            content = await self._fetch(params, "video_url")
            spec |= {"content_format": "story" if kind == "STORIES" else "video", "media_url": params["video_url"]}
            if content[4:8] != b"ftyp":
                status, error = "ERROR", "2207026"
        elif kind in ("IMAGE", "STORIES"):
            content = await self._fetch(params, "image_url")
            check_image(content)
            spec |= {"content_format": "story" if kind == "STORIES" else "image", "media_url": params["image_url"]}
        else:
            raise graph_error("(#100) Param media_type must be one of {IMAGE, VIDEO, REELS, STORIES, CAROUSEL}", 100)
        if status == "FINISHED" and _POLLS_UNTIL_FINISHED[spec["content_format"]]:
            status = "IN_PROGRESS"
        with self._host.state.transaction():
            container_id = f"176{self._host.state.next_number('container'):014d}"
            self._host.state.insert(
                "containers",
                container_id=container_id,
                account_id=account.native_id,
                spec=orjson.dumps(spec).decode(),
                status=status,
                error=error,
                polls=0,
                created_ms=self._host.clock.now_ms,
            )
        return container_id

    def _children(self, account: Account, text: str) -> list[dict[str, str]]:
        names = [name.strip(' "[]') for name in text.split(",") if name.strip(' "[]')]
        if not 2 <= len(names) <= 10:
            raise graph_error("Invalid parameter", 100, subcode=2207028, title="A carousel needs 2 to 10 items")
        children = []
        for name in names:
            row = self._host.state.one("containers", container_id=name, account_id=account.native_id)
            spec = orjson.loads(row["spec"]) if row else {}
            if row is None or not spec.get("is_carousel_item"):
                raise unknown_object(name, "post")
            if self.status(row) != "FINISHED":
                raise self.not_ready()
            children.append({"id": name, "media_url": spec["media_url"], "content_format": spec["content_format"]})
        return children

    async def _fetch(self, params: Mapping[str, str], name: str) -> bytes:
        url = params.get(name)
        if not url:
            raise graph_error(f"(#100) The parameter {name} is required", 100)
        problem = graph_error(
            "Only photo or video can be accepted as media type.",
            9004,
            subcode=2207052,
            title="The media could not be fetched",
            user_message=f"The media could not be fetched from this URI: {url}",
        )
        target = urlsplit(url)
        if target.scheme != "http" or target.hostname not in _LOOPBACK:
            raise problem
        if url.startswith(f"{self._host.base_url}/_sandbox/cdn/"):
            stored = self._host.state.one("objects", name=target.path.removeprefix("/_sandbox/cdn/"))
            if stored is None:
                raise problem
            return bytes(stored["content"])
        try:
            async with httpx.AsyncClient(timeout=10.0, trust_env=False) as client:
                answer = await client.get(url)
        except httpx.HTTPError:
            raise problem from None
        if answer.status_code != 200:
            raise problem
        return answer.content

    # --- polling ---

    def status(self, row: Row) -> str:
        """Status code of a stored container at the world's now."""
        if row["status"] in ("FINISHED", "IN_PROGRESS") and self._host.clock.now_ms - row["created_ms"] > DAY_MS:
            return "EXPIRED"
        return str(row["status"])

    def poll(self, row: Row) -> dict[str, str]:
        """What a status request shows; processing gets on with every poll."""
        status = self.status(row)
        if status == "IN_PROGRESS":
            needed = _POLLS_UNTIL_FINISHED[orjson.loads(row["spec"])["content_format"]]
            done = row["polls"] >= needed
            status = "FINISHED" if done else "IN_PROGRESS"
            self._host.state.update(
                "containers", {"container_id": row["container_id"]}, polls=row["polls"] + 1, status=status
            )
        return {"id": row["container_id"], "status_code": status, "status": _STATUS_TEXT[status]}

    @staticmethod
    def not_ready() -> Refusal:
        """The answer to a publish of a container that is still being processed."""
        return graph_error(
            "Media ID is not available",
            9007,
            subcode=2207027,
            title="Media ID is not available",
            user_message="The media is not ready for publishing, please wait for a moment.",
        )

    # --- publishing ---

    def quota(self, account: Account) -> tuple[int, int]:
        """Publications of the last 24 hours by the world's clock, and how many are allowed."""
        since = self._host.clock.now_ms - DAY_MS
        used = sum(item.post.created_ms > since for item in self._host.published(account.native_id))
        return used, DAILY_PUBLISHING_QUOTA * self._host.limits.factor

    def publish(self, account: Account, container_id: str) -> str:
        """Make a container visible: durable when this returns. Raises the network's refusal."""
        row = self._host.state.one("containers", container_id=container_id, account_id=account.native_id)
        if row is None:
            raise graph_error(
                "The requested resource does not exist",
                24,
                subcode=2207006,
                title="Media not found",
                user_message=f"The media with {container_id} cannot be found.",
            )
        status = self.status(row)
        if status == "PUBLISHED":
            raise already_published()
        if status == "EXPIRED":
            raise graph_error(
                "The requested resource does not exist",
                24,
                subcode=2207008,
                title="Media builder expired",
                user_message=f"Media builder with creation id = {container_id} has been expired.",
            )
        if status == "ERROR":
            raise graph_error(
                "The video format is not supported.",
                352,
                subcode=2207026,
                title="Unsupported video format",
                user_message="The video format is not supported. Upload a MOV or MP4.",
            )
        if status != "FINISHED":
            raise self.not_ready()
        used, allowed = self.quota(account)
        if used >= allowed:
            raise graph_error(
                "Application request limit reached",
                9,
                subcode=2207042,
                title="Publishing limit reached",
                user_message=f"At most {allowed} posts in 24 hours.",
            )
        posts_before, previous_ms = self._host.recent_activity(account)
        with self._host.state.transaction():
            sequence = self._host.state.next_number("commit")
            media = {
                "media_id": f"178{self._host.state.next_number('media'):014d}",
                "account_id": account.native_id,
                "container_id": container_id,
                "spec": row["spec"],
                "created_ms": self._host.clock.now_ms,
                "committed_at": time.time(),
                "sequence": sequence,
                "posts_before": posts_before,
                "previous_ms": previous_ms,
            }
            self._host.state.insert("media", **media)
            self._host.state.update(
                "containers", {"container_id": container_id}, status="PUBLISHED", media_id=media["media_id"]
            )
        self._host.remember(published_media(media))
        return str(media["media_id"])
