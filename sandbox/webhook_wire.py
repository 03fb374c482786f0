"""How Meta, X, LinkedIn and TikTok call a webhook: their challenges, their signatures, the bodies of their events.

Belongs here: the wire, as pure functions. Does not belong here: what has happened and whether it was told (`courier.py`).
"""

import base64
import hmac
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from secrets import token_hex
from typing import Any

import orjson

from sandbox.world.model import Account, Comment, Post, to_datetime

LINKEDIN_BATCH = 10


@dataclass(frozen=True)
class Happening:
    """Something to tell: a comment under a post, or (without one) that the account published the post."""

    account: Account
    post: Post
    comment: Comment | None

    @property
    def at_ms(self) -> int:
        return self.comment.created_ms if self.comment else self.post.created_ms


@dataclass(frozen=True)
class Challenge:
    """What an address is asked before it is called, and the answer that proves it."""

    query: Mapping[str, str]
    is_met: Callable[[bytes], bool]


def _digest(secret: str, message: bytes) -> bytes:
    return hmac.new(secret.encode(), message, sha256).digest()


# --- challenges ----------------------------------------------------------------------------------------------------------


def challenge(network: str, secret: str, verify_token: str) -> Challenge | None:
    """A new challenge; None for TikTok, which asks nothing."""
    if network in ("facebook", "instagram"):
        word = str(int(token_hex(4), 16))
        query = {"hub.mode": "subscribe", "hub.challenge": word, "hub.verify_token": verify_token}
        return Challenge(query, lambda body: body.decode(errors="replace") == word)
    if network == "x":
        token = base64.urlsafe_b64encode(token_hex(16).encode()).decode().rstrip("=")
        expected = {"response_token": "sha256=" + base64.b64encode(_digest(secret, token.encode())).decode()}
        return Challenge({"crc_token": token}, lambda body: _json(body) == expected)
    if network == "linkedin":
        code = str(uuid.uuid4())
        answer = {"challengeCode": code, "challengeResponse": _digest(secret, code.encode()).hex()}
        return Challenge({"challengeCode": code}, lambda body: _json(body) == answer)
    return None


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


# --- signatures ----------------------------------------------------------------------------------------------------------


def signature(network: str, secret: str, body: bytes, now_seconds: int) -> Mapping[str, str]:
    """The header that signs a body at a moment (which only TikTok signs too)."""
    if network == "x":
        return {"x-twitter-webhooks-signature": "sha256=" + base64.b64encode(_digest(secret, body)).decode()}
    if network == "linkedin":
        return {"X-LI-Signature": "hmacsha256=" + _digest(secret, b"hmacsha256=" + body).hex()}
    if network == "tiktok":
        signed = str(now_seconds).encode() + b"." + body
        return {"Tiktok-Signature": f"t={now_seconds},s={_digest(secret, signed).hex()}"}
    return {"X-Hub-Signature-256": "sha256=" + _digest(secret, body).hex()}


# --- bodies --------------------------------------------------------------------------------------------------------------


def bodies(network: str, client_id: str, happenings: Sequence[Happening]) -> list[bytes]:
    """The deliveries that tell of all this, as the network packs them. What it has no event for is left out."""
    payloads = _PACKING[network](client_id, happenings)
    return [orjson.dumps(payload) for payload in payloads]


def _of_meta(kind: str, change: Callable[[Happening], Mapping[str, Any] | None]) -> Callable[..., Iterator[Any]]:
    """Meta sends all changes since the last delivery together, one entry an account."""

    def pack(client_id: str, happenings: Sequence[Happening]) -> Iterator[Any]:
        del client_id
        entries: dict[str, list[Any]] = defaultdict(list)
        newest = 0
        for happening in happenings:
            told = change(happening)
            if told is not None:
                entries[happening.account.native_id].append(told)
                newest = max(newest, happening.at_ms // 1000)
        if entries:
            entry = [{"id": account, "time": newest, "changes": changes} for account, changes in entries.items()]
            yield {"object": kind, "entry": entry}

    return pack


def _instagram_change(happening: Happening) -> Mapping[str, Any] | None:
    comment = happening.comment
    if comment is None:
        return None
    value = {
        "from": {"id": comment.author_id, "username": comment.author_handle},
        "media": {"id": happening.post.native_id, "media_product_type": "FEED"},
        "id": comment.native_id,
        "text": comment.text,
    }
    return {"field": "comments", "value": value}


def _facebook_change(happening: Happening) -> Mapping[str, Any]:
    post, comment = happening.post, happening.comment
    value: dict[str, Any] = {
        "item": "comment" if comment else "status",
        "verb": "add",
        "post_id": post.native_id,
        "created_time": happening.at_ms // 1000,
        "message": comment.text if comment else post.text,
        "from": {"id": comment.author_id, "name": comment.author_name}
        if comment
        else {"id": happening.account.native_id},
    }
    if comment:
        value |= {"comment_id": comment.native_id, "parent_id": post.native_id}
    return {"field": "feed", "value": value}


def _of_x(client_id: str, happenings: Sequence[Happening]) -> Iterator[Any]:
    del client_id
    for happening in happenings:
        account, post, comment = happening.account, happening.post, happening.comment
        native_id = comment.native_id if comment else post.native_id
        tweet: dict[str, Any] = {
            "created_at": to_datetime(happening.at_ms).strftime("%a %b %d %H:%M:%S +0000 %Y"),
            "id": int(native_id),
            "id_str": native_id,
            "text": comment.text if comment else post.text,
            "user": {
                "id_str": comment.author_id if comment else account.native_id,
                "screen_name": comment.author_handle if comment else account.handle,
            },
            "in_reply_to_status_id_str": post.native_id if comment else None,
            "in_reply_to_user_id_str": account.native_id if comment else None,
        }
        yield {"for_user_id": account.native_id, "user_has_blocked": False, "tweet_create_events": [tweet]}


def _of_linkedin(client_id: str, happenings: Sequence[Happening]) -> Iterator[Any]:
    """Others' actions only: a page's own posts are no news to it."""
    del client_id
    told = [
        {
            "notificationId": int(sha256(happening.comment.native_id.encode()).hexdigest()[:15], 16),
            "organizationalEntity": happening.account.native_id,
            "action": "COMMENT",
            "sourcePost": happening.post.native_id,
            "generatedActivity": happening.comment.native_id,
            "decoratedGeneratedActivity": {"comment": {"text": happening.comment.text}},
            "lastModifiedAt": happening.at_ms,
        }
        for happening in happenings
        if happening.comment is not None
    ]
    for start in range(0, len(told), LINKEDIN_BATCH):
        part = told[start : start + LINKEDIN_BATCH]
        yield {"type": "ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS", "notifications": part}


def _of_tiktok(client_id: str, happenings: Sequence[Happening]) -> Iterator[Any]:
    """What is told stands in `content`, an object written as a string; a comment's text is not told."""
    for happening in happenings:
        post, comment = happening.post, happening.comment
        common = {
            "client_key": client_id,
            "user_openid": happening.account.native_id,
            "create_time": happening.at_ms // 1000,
        }
        if comment is not None:
            content: dict[str, Any] = {
                "comment_id": int(comment.native_id),
                "video_id": int(post.native_id),
                "comment_type": "comment",
                "comment_action": "insert",
                "timestamp": comment.created_ms // 1000,
            }
            yield common | {"event": "comment.update", "content": orjson.dumps(content).decode()}
            continue
        content = {"publish_id": f"v_pub_file~v2-1.{post.native_id}", "publish_type": "DIRECT_PUBLISH"}
        yield common | {"event": "post.publish.complete", "content": orjson.dumps(content).decode()}
        content |= {"post_id": post.native_id}
        yield common | {"event": "post.publish.publicly_available", "content": orjson.dumps(content).decode()}


_PACKING: Mapping[str, Callable[[str, Sequence[Happening]], Iterator[Any]]] = {
    "facebook": _of_meta("page", _facebook_change),
    "instagram": _of_meta("instagram", _instagram_change),
    "linkedin": _of_linkedin,
    "tiktok": _of_tiktok,
    "x": _of_x,
}
NETWORKS = tuple(_PACKING)
"""Networks that call."""


def now_seconds() -> int:
    """The machine's time: signatures are judged by it."""
    return int(datetime.now(UTC).timestamp())
