"""Instagram's two-step publishing: containers that nobody sees, their checks and life, and the one call that makes them visible.

A container is FINISHED after some polls (images at once, carousels one later, films two), EXPIRED a day later by the world's
clock, PUBLISHED for ever once it was published: a second `media_publish` of it is refused. A picture that does not fit is refused
at once; of a film that is found out while it is processed, and its container ends as ERROR.
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

MAX_CAPTION, MAX_HASHTAGS, MAX_MENTIONS, MAX_TAGGED = 2200, 30, 20, 20
MAX_IMAGE_BYTES = 8 * 1024 * 1024
MAX_FILM_BYTES = {"story": 100 * 1024 * 1024, "video": 300 * 1024 * 1024}
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_POLLS_OF_FILM, _POLLS_OF_CAROUSEL = 2, 1
_STATUS_TEXT = {
    "IN_PROGRESS": "In Progress: Media is still being processed.",
    "FINISHED": "Finished: Media has been uploaded and it is ready to be published.",
    "PUBLISHED": "Published: Media has been published.",
    "EXPIRED": "Expired: Media was not published within 24 hours.",
    "ERROR": "Error: Media upload has failed with error code {error}",
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


def check_image(content: bytes, *, is_story: bool) -> None:
    """Refuse a picture that the network does not take: size, format, width and, in the feed, aspect ratio."""
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
    if width < 320 or not (is_story or 0.8 <= round(width / height, 2) <= 1.91):
        raise graph_error(
            "The submitted image with aspect ratio cannot be published.",
            36003,
            subcode=2207009,
            title="Invalid aspect ratio",
            user_message=f"{width} x {height}: the ratio must lie between 4:5 and 1.91:1, the width be 320 or more.",
        )


def film_problem(content: bytes, content_format: str) -> str | None:
    """The subcode with which processing a film fails, or None: no MP4 or MOV, or too heavy for what it is to be."""
    is_film = content[4:8] == b"ftyp"
    return None if is_film and len(content) <= MAX_FILM_BYTES[content_format] else "2207026"


def read_tags(text: str, *, is_film: bool) -> list[dict[str, Any]]:
    """People tagged in one file. Raises the network's refusal: in pictures everybody has a place, from 0 to 1 on both axes."""
    try:
        tags = orjson.loads(text)
    except orjson.JSONDecodeError:
        tags = None
    if not isinstance(tags, list) or len(tags) > MAX_TAGGED:
        raise graph_error(f"(#100) Param user_tags must be an array of at most {MAX_TAGGED}", 100)
    for index, tag in enumerate(tags):
        if not isinstance(tag, dict) or not str(tag.get("username", "")).strip():
            raise graph_error(f"(#100) Param user_tags[{index}] must have a username", 100)
        places = [tag.get(axis) for axis in ("x", "y")]
        if not is_film and not all(isinstance(place, int | float) and 0 <= place <= 1 for place in places):
            raise graph_error(f"(#100) Param user_tags[{index}] needs x and y between 0 and 1", 100)
    return tags


class Containers:
    """Creates, checks, polls and publishes containers of all accounts."""

    def __init__(self, host: Host) -> None:
        self._host = host

    # --- creating ---

    async def create(self, account: Account, params: Mapping[str, str]) -> str:
        """A new container's id. Raises the network's refusal; nothing is visible yet."""
        kind = params.get("media_type", "IMAGE").upper()
        is_item = params.get("is_carousel_item", "").lower() == "true"
        is_film = kind in ("REELS", "VIDEO") or (kind == "STORIES" and "video_url" in params)
        check_caption(params.get("caption", ""))
        error, polls = None, 0
        spec: dict[str, Any] = {"alt_text": params.get("alt_text", ""), "is_carousel_item": is_item}
        if kind == "CAROUSEL":
            spec |= {"content_format": "carousel", "children": self._children(account, params.get("children", ""))}
            polls = _POLLS_OF_CAROUSEL
        elif is_film:
            content = await self._fetch(params, "video_url")
            spec |= {"content_format": "story" if kind == "STORIES" else "video", "media_url": params["video_url"]}
            error, polls = film_problem(content, spec["content_format"]), _POLLS_OF_FILM
        elif kind in ("IMAGE", "STORIES"):
            content = await self._fetch(params, "image_url")
            check_image(content, is_story=kind == "STORIES")
            spec |= {"content_format": "story" if kind == "STORIES" else "image", "media_url": params["image_url"]}
        else:
            raise graph_error("(#100) Param media_type must be one of {IMAGE, VIDEO, REELS, STORIES, CAROUSEL}", 100)
        if kind != "STORIES" and not is_item:
            spec |= {"caption": params.get("caption", ""), "location_id": self._place(params)}
        if "user_tags" in params:
            spec["user_tags"] = read_tags(params["user_tags"], is_film=is_film)
        spec |= {"is_film": is_film, "polls": polls}
        with self._host.state.transaction():
            container_id = f"176{self._host.state.next_number('container'):014d}"
            self._host.state.insert(
                "containers",
                container_id=container_id,
                account_id=account.native_id,
                spec=orjson.dumps(spec).decode(),
                status="IN_PROGRESS" if polls else "FINISHED",
                error=error,
                polls=0,
                created_ms=self._host.clock.now_ms,
            )
        return container_id

    @staticmethod
    def _place(params: Mapping[str, str]) -> str | None:
        place = params.get("location_id")
        if place is not None and not place.isdigit():
            raise graph_error("(#100) Param location_id must be a valid ID", 100)
        return place

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
            if row["polls"] >= orjson.loads(row["spec"])["polls"]:
                status = "ERROR" if row["error"] else "FINISHED"
            self._host.state.update(
                "containers", {"container_id": row["container_id"]}, polls=row["polls"] + 1, status=status
            )
        text = _STATUS_TEXT[status].format(error=row["error"])
        return {"id": row["container_id"], "status_code": status, "status": text}

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
