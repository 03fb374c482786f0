"""What X shows: posts, people, media, with the fields that were asked for, in the words of the question.

Belongs here: bodies. Does not belong here: paths and refusals (`x.py`), the words (`x_words.py`).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import regex

from sandbox.host import Host
from sandbox.networks.x_refusals import PROBLEMS
from sandbox.networks.x_words import OLD_NAMES, Wanted
from sandbox.world.model import DAY_MS, Account, Comment, Counts, Post
from sandbox.world.pages import title_at
from sandbox.world.seeding import identifier, number

PRIVATE_DAYS = 30  # [K] how long the owner is told clicks
_LINK = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?)\]']")
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_GRAPHEME = regex.compile(r"\X")
_EMOJI = regex.compile(r"\p{Extended_Pictographic}|\p{Regional_Indicator}")
_LIGHT = (range(4352), range(8192, 8206), range(8208, 8224), range(8242, 8248))
"""Code points that count one; all others count two."""
LINK_LENGTH = 23


@dataclass(frozen=True)
class Shown:
    """A post of an account or of one of the audience, in one shape."""

    native_id: str
    author_id: str
    author_handle: str
    author_name: str
    text: str
    created_ms: int
    parent_id: str | None
    parent_author_id: str | None
    root_id: str
    counts: Counts
    media_keys: Sequence[str] = ()
    has_poll: bool = False
    is_paid_partnership: bool = False


@dataclass
class Bundle:
    """Posts on their way into an answer, with what they refer to and what could not be told."""

    data: list[dict[str, Any]] = field(default_factory=list)
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    media: dict[str, dict[str, Any]] = field(default_factory=dict)
    posts: dict[str, dict[str, Any]] = field(default_factory=dict)
    errors: list[dict[str, Any]] = field(default_factory=list)

    def body(self, *, is_old: bool, is_single: bool = False) -> dict[str, Any]:
        """`data` is absent where there is nothing; `errors` may stand beside it."""
        shown: dict[str, Any] = {}
        if self.data:
            shown["data"] = self.data[0] if is_single else self.data
        words = "tweets" if is_old else "posts"
        included = {"users": self.users, "media": self.media, words: self.posts}
        includes = {name: list(items.values()) for name, items in included.items() if items}
        if includes:
            shown["includes"] = includes
        if self.errors:
            shown["errors"] = self.errors
        return shown


def x_time(moment_ms: int) -> str:
    """`2026-05-30T06:00:00.000Z`: to the second, with milliseconds that are always zero."""
    return datetime.fromtimestamp(moment_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def weighted_length(text: str) -> int:
    """How long X counts a text: a link is 23, an emoji two however it is composed, most other scripts' characters two."""
    total = 0
    for cluster in _GRAPHEME.findall(_LINK.sub("", text)):
        if _EMOJI.search(cluster) and ord(cluster[0]) > 255:
            total += 2
        else:
            total += sum(1 if any(ord(char) in light for light in _LIGHT) else 2 for char in cluster)
    return total + LINK_LENGTH * len(_LINK.findall(text))


class Views:
    """Renders what the host knows."""

    def __init__(self, host: Host) -> None:
        self._host = host

    # --- one shape for everybody's posts ---

    def of_post(self, post: Post, counts: Counts) -> Shown:
        """A post of an account, from its history or over the wire."""
        account = self._host.accounts[post.account_id]
        published = self._host.published_post(post.native_id, post.account_id)
        details: Mapping[str, Any] = published.details if published else {}
        parent = self._host.parent_of(published) if published else None
        answers = len(self._host.answers(post.native_id))
        if published is None:
            prefix = "7" if post.content_format == "video" else "3"
            media_keys = [f"{prefix}_{int(post.native_id) - 1 - i}" for i in range(post.media_count)]
        else:
            media_keys = list(details.get("media_keys", ()))
        return Shown(
            native_id=post.native_id,
            author_id=account.native_id,
            author_handle=account.handle,
            author_name=account.display_name,
            text=post.text,
            created_ms=post.created_ms,
            parent_id=parent,
            parent_author_id=self._author_of(parent) if parent else None,
            root_id=(self._host.root_of(published) if published else None) or post.native_id,
            counts={**counts, "comments": counts.get("comments", 0) + answers} if answers else counts,
            media_keys=media_keys,
            has_poll="poll" in details,
            is_paid_partnership=bool(details.get("paid_partnership")),
        )

    def of_comment(self, comment: Comment) -> Shown:
        """An answer by one of the audience."""
        post = self._host.post("x", comment.post_id)
        return Shown(
            native_id=comment.native_id,
            author_id=comment.author_id,
            author_handle=comment.author_handle,
            author_name=comment.author_name,
            text=comment.text,
            created_ms=comment.created_ms,
            parent_id=comment.post_id,
            parent_author_id=post.account_id if post else None,
            root_id=comment.post_id,
            counts={
                "likes": comment.likes,
                "comments": len(self._host.answers(comment.native_id)),
                "shares": 0,
                "quotes": 0,
                "saves": 0,
                "views": comment.likes * 20,
            },
        )

    def _author_of(self, native_id: str) -> str | None:
        post = self._host.post("x", native_id)
        if post is not None:
            return post.account_id
        comment = self._host.comment("x", native_id)
        return comment.author_id if comment else None

    # --- bodies ---

    def bundle(
        self, items: Iterable[Shown], wanted: Wanted, *, reader_id: str, hidden_metrics: frozenset[str] = frozenset()
    ) -> Bundle:
        """These posts with what was asked for. Private counts are told to their owner only, and not of old posts."""
        made = Bundle()
        for shown in items:
            made.data.append(self._post(shown, wanted, reader_id, hidden_metrics, made))
            if "author_id" in wanted.expansions:
                made.users[shown.author_id] = self._person(shown, wanted)
            if "attachments.media_keys" in wanted.expansions:
                made.media |= {key: _media(key, wanted) for key in shown.media_keys}
            expands = {"referenced_posts", "referenced_tweets.id"} & wanted.expansions
            parent = self._host.post("x", shown.parent_id) if expands and shown.parent_id else None
            if parent is not None:
                above = self.of_post(parent, self._host.counts(parent))
                made.posts[parent.native_id] = self._post(above, wanted, reader_id, hidden_metrics, made)
        return made

    def _post(
        self, shown: Shown, wanted: Wanted, reader_id: str, hidden_metrics: frozenset[str], made: Bundle
    ) -> dict[str, Any]:
        text, urls = _as_shown(shown)
        body: dict[str, Any] = {"id": shown.native_id, "text": text, "edit_history_post_ids": [shown.native_id]}
        fields = wanted.fields
        if "created_at" in fields:
            body["created_at"] = x_time(shown.created_ms)
        if wanted.refers("author_id"):
            body["author_id"] = shown.author_id
        if "conversation_id" in fields:
            body["conversation_id"] = shown.root_id
        if wanted.refers("in_reply_to_user_id") and shown.parent_author_id:
            body["in_reply_to_user_id"] = shown.parent_author_id
        if wanted.has_references and shown.parent_id:
            body["referenced_posts"] = [{"type": "replied_to", "id": shown.parent_id}]
        if "entities" in fields and urls:
            body["entities"] = {"urls": urls}
        if "attachments" in fields or wanted.refers("attachments"):
            attached: dict[str, Any] = {"media_keys": list(shown.media_keys)} if shown.media_keys else {}
            if shown.has_poll:
                attached["poll_ids"] = [str(int(shown.native_id) - 1)]
            if attached:
                body["attachments"] = attached
        if "paid_partnership" in fields:
            body["paid_partnership"] = shown.is_paid_partnership
        if "public_metrics" in fields:
            counted = _public(shown.counts)
            body["public_metrics"] = {name: value for name, value in counted.items() if name not in hidden_metrics}
        if "non_public_metrics" in fields:
            self._add_private(shown, reader_id, body, made)
        return _in_old_words(body) if wanted.is_old else body

    def _add_private(self, shown: Shown, reader_id: str, body: dict[str, Any], made: Bundle) -> None:
        is_old = self._host.clock.now_ms - shown.created_ms > PRIVATE_DAYS * DAY_MS
        if shown.author_id == reader_id and not is_old:
            views = shown.counts.get("views", 0)
            body["non_public_metrics"] = {
                "impression_count": views,
                "user_profile_clicks": views // 125,
                **({"url_link_clicks": views // 100} if _LINK.search(shown.text) else {}),
            }
            return
        made.errors.append(
            {
                "type": f"{PROBLEMS}not-authorized-for-field",
                "title": "Field Authorization Error",
                "detail": f"Sorry, you are not authorized to access 'non_public_metrics' on the Post {shown.native_id}.",
                "field": "non_public_metrics",
                "resource_id": shown.native_id,
                "resource_type": "post",
                "section": "data",
            }
        )

    def user(self, account: Account, wanted: Wanted) -> dict[str, Any]:
        """An account as a person of the network."""
        posts = self._host.feed(account).posts
        values: dict[str, Any] = {
            "created_at": x_time(self._host.world.start_ms - 900 * DAY_MS),
            "description": account.biography,
            "protected": False,
            "verified": False,
            "public_metrics": {
                "followers_count": self._host.world.followers(account, self._host.clock.now_ms) or 0,
                "following_count": 150 + number(0, "following", account.native_id) % 300,
                "post_count": len(posts),
                "listed_count": number(0, "listed", account.native_id) % 40,
                "like_count": 0,
            },
        }
        body = {"id": account.native_id, "name": account.display_name, "username": account.handle}
        body |= {name: value for name, value in values.items() if name in wanted.user_fields}
        return _in_old_words(body) if wanted.is_old else body

    def _person(self, shown: Shown, wanted: Wanted) -> dict[str, Any]:
        account = self._host.accounts.get(shown.author_id)
        if account is not None:
            return self.user(account, wanted)
        return {"id": shown.author_id, "name": shown.author_name, "username": shown.author_handle}


def _public(counts: Counts) -> dict[str, int]:
    return {
        "repost_count": counts.get("shares", 0),
        "reply_count": counts.get("comments", 0),
        "like_count": counts.get("likes", 0),
        "quote_count": counts.get("quotes", 0),
        "bookmark_count": counts.get("saves", 0),
        "impression_count": counts.get("views", 0),
    }


def _in_old_words(body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        OLD_NAMES.get(name, name): _in_old_words(value) if isinstance(value, dict) else value
        for name, value in body.items()
    }


def _as_shown(shown: Shown) -> tuple[str, list[dict[str, Any]]]:
    """The text with short links, a link to the post's media at its end, and &, <, > escaped; and what the links stand for."""
    urls: list[dict[str, Any]] = []

    def shorten(match: re.Match[str]) -> str:
        short = f"https://t.co/{identifier(_BASE62, 10, 'tco', match.group())}"
        url: dict[str, Any] = {
            "url": short,
            "expanded_url": match.group(),
            "display_url": match.group().partition("://")[2],
        }
        if title := title_at(match.group()):  # X has looked at the page
            url |= {"status": 200, "title": title, "description": "", "unwound_url": match.group()}
        urls.append(url)
        return short

    text = _LINK.sub(shorten, shown.text.strip())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if shown.media_keys:
        kind = "photo" if shown.media_keys[0].startswith("3_") else "video"
        short = f"https://t.co/{identifier(_BASE62, 10, 'tco', shown.native_id)}"
        address = f"https://x.com/{shown.author_handle}/status/{shown.native_id}/{kind}/1"
        display = f"pic.x.com/{short[-10:]}"
        urls += [
            {"url": short, "expanded_url": address, "display_url": display, "media_key": key}
            for key in shown.media_keys
        ]
        text = f"{text} {short}".strip()
    for url in urls:
        url["start"] = text.find(url["url"])
        url["end"] = url["start"] + len(url["url"])
    return text, urls


def _media(key: str, wanted: Wanted) -> dict[str, Any]:
    kind = {"3": "photo", "16": "animated_gif"}.get(key.partition("_")[0], "video")
    values = {"width": 1080, "height": 1080}
    return {"media_key": key, "type": kind} | {k: v for k, v in values.items() if k in wanted.media_fields}
