"""How the Graph shows a post of a Page: its fields, its attachments, its counted edges."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlencode, urlsplit

from sandbox.networks.graph import Selection, graph_time, select
from sandbox.world.model import Post
from sandbox.world.pages import title_at
from sandbox.world.seeding import identifier

_STATUS_TYPES = {
    "text": "mobile_status_update",
    "link": "shared_story",
    "image": "added_photos",
    "carousel": "added_photos",
    "video": "added_video",
}
_DIGITS = "0123456789"
_LOVED = 0.12
"""How many of the reactions are hearts."""


def permalink(post: Post) -> str:
    """Where people see it."""
    return post.permalink or f"https://www.facebook.com/{post.account_id}/posts/{post.native_id.rpartition('_')[2]}"


def as_post(
    post: Post,
    details: Mapping[str, Any],
    counts: Mapping[str, int],
    wanted: Mapping[str, Selection],
    base_url: str,
) -> dict[str, Any]:
    """The asked fields that have a value. `details`: what was kept of a post that came over the wire."""
    values: dict[str, Callable[[], Any]] = {
        "id": lambda: post.native_id,
        "message": lambda: post.text or None,
        "created_time": lambda: graph_time(post.created_ms),
        "updated_time": lambda: graph_time(post.created_ms),
        "permalink_url": lambda: permalink(post),
        "status_type": lambda: _STATUS_TYPES.get(post.content_format, "mobile_status_update"),
        "is_published": lambda: True,
        "from": lambda: {"id": post.account_id},
        "full_picture": lambda: None if post.content_format in ("text", "link") else _picture(base_url, post.native_id),
        "picture": lambda: None if post.content_format in ("text", "link") else _picture(base_url, post.native_id),
        "icon": lambda: None,
        "message_tags": lambda: None,
        # The Graph leaves `shares` out where nobody shared.
        "shares": lambda: {"count": counts["shares"]} if counts.get("shares") else None,
        "attachments": lambda: _attachments(post, details, wanted["attachments"], base_url),
        "comments": lambda: _counted(counts.get("comments"), {"order": "chronological", "can_comment": True}),
        "reactions": lambda: _counted(counts.get("likes"), {"viewer_reaction": "NONE"}),
    }
    for name, asked in wanted.items():
        if asked.name == "reactions" and "type" in asked.modifiers:
            values[name] = partial(_of_type, counts, asked.modifiers["type"].lower())
    return {"id": post.native_id} | select(values, wanted, "PagePost")


def reactions_by_type(likes: int) -> dict[str, int]:
    """The world's likes as the Graph tells them apart; types that nobody used are left out."""
    loved = round(likes * _LOVED)
    return {name: count for name, count in (("like", likes - loved), ("love", loved)) if count}


def _of_type(counts: Mapping[str, int], name: str) -> dict[str, Any] | None:
    if "likes" not in counts:
        return None
    return {"data": [], "summary": {"total_count": reactions_by_type(counts["likes"]).get(name, 0)}}


def _counted(count: int | None, extra: Mapping[str, Any]) -> dict[str, Any] | None:
    return None if count is None else {"data": [], "summary": {"total_count": count, **extra}}


def _picture(base_url: str, name: str) -> str:
    return f"{base_url}/facebook-media/{name}.jpg"


def _attachments(
    post: Post, details: Mapping[str, Any], asked: Selection, base_url: str
) -> dict[str, Sequence[Any]] | None:
    if post.content_format == "link":
        whole = _link(details.get("link") or post.link_url, post.link_title)
    elif post.content_format == "video":
        film_id = details.get("video_id") or identifier(_DIGITS, 15, "film", post.native_id)
        whole = _medium(post, film_id, "video", "video_inline", base_url)
    elif post.content_format in ("image", "carousel"):
        made_up = [identifier(_DIGITS, 15, "photo", post.native_id, index) for index in range(max(1, post.media_count))]
        photos = [_medium(post, photo, "photo", "photo", base_url) for photo in details.get("photos") or made_up]
        whole = photos[0]
        if len(photos) > 1:
            target = {"id": post.native_id.rpartition("_")[2], "url": permalink(post)}
            whole = photos[0] | {"media_type": "album", "type": "album", "target": target}
            whole["subattachments"] = {"data": photos}
    else:
        return None
    return {"data": [_narrowed(whole, asked.fields)]}


def _link(url: str | None, title: str | None) -> dict[str, Any]:
    """A link to a page, under the title that was found there, else under its host. Without what is not known of a real one."""
    whole: dict[str, Any] = {"media_type": "link", "type": "share"}
    if url:
        shimmed = f"https://l.facebook.com/l.php?{urlencode({'u': url})}"
        whole |= {"target": {"url": shimmed}, "unshimmed_url": url, "url": shimmed}
        title = title or title_at(url) or urlsplit(url).hostname or url
    return whole | ({"title": title} if title else {})


def _medium(post: Post, native_id: str, media_type: str, kind: str, base_url: str) -> dict[str, Any]:
    url = f"https://www.facebook.com/{post.account_id}/{media_type}s/{native_id}/"
    image = {"height": 720, "width": 720, "src": _picture(base_url, native_id)}
    return {
        "media": {"image": image},
        "media_type": media_type,
        "target": {"id": native_id, "url": url},
        "type": kind,
        "unshimmed_url": url,
        "url": url,
    }


def _narrowed(value: Any, fields: Mapping[str, Selection]) -> Any:
    """The asked parts of a nested object; everything where none were named."""
    if not fields or not isinstance(value, dict):
        return value
    if isinstance(value.get("data"), list):
        return {"data": [_narrowed(item, fields) for item in value["data"]]}
    return {name: _narrowed(value[name], inner.fields) for name, inner in fields.items() if name in value}
