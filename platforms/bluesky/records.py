"""The records of an intent: one post, or the posts of a thread.

Belongs here: what is written, a pure function of the intent and its staging, so that writing it twice changes nothing. Does not
belong here: reading what others wrote (`mapping.py`), calls (`publishing.py`).
"""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, timedelta
from typing import Any

from contracts.networks import ContentFormat
from contracts.records import Media, PublishRequest, Staging
from platforms.bluesky import tid
from platforms.bluesky.facets import facets
from platforms.bluesky.mapping import POST_COLLECTION


@dataclass(frozen=True)
class Ref:
    """A record and its exact version."""

    uri: str
    cid: str


@dataclass(frozen=True)
class Answered:
    """What a post answers, and the post at the top of the conversation."""

    root: Ref
    parent: Ref


def texts_of(request: PublishRequest) -> list[str]:
    """Texts of the intent's posts: one, or a thread's in order."""
    return [request.text, *request.options.thread]


def keys_for(request: PublishRequest) -> dict[str, str]:
    """The staging's entries with the record keys of all posts. The same intent always gets the same ones."""
    first = tid.for_intent(request.intent_id, request.created_at)
    followers = {f"rkey_{i}": tid.following(first, i) for i in range(1, len(texts_of(request)))}
    return {"rkey": first} | followers


def keys_of(request: PublishRequest, staging: Staging) -> list[str]:
    """The record keys as they were staged, in the order of the posts."""
    names = ["rkey", *(f"rkey_{i}" for i in range(1, len(texts_of(request))))]
    return [staging.handles[name] for name in names]


def answered_by_first(staging: Staging) -> Answered | None:
    """What the intent answers; None: nothing."""
    handles = staging.handles
    if "parent_uri" not in handles:
        return None
    root = Ref(handles["root_uri"], handles["root_cid"])
    return Answered(root, Ref(handles["parent_uri"], handles["parent_cid"]))


def record_from(request: PublishRequest, staging: Staging, number: int, answered: Answered | None) -> dict[str, Any]:
    """Post number `number`, counted from 0. Media and link are the first one's; a follower is a moment younger than the post before."""
    text = texts_of(request)[number]
    moment = request.created_at.astimezone(UTC) + timedelta(milliseconds=number)
    dids = {k.removeprefix("mention:"): v for k, v in staging.handles.items() if k.startswith("mention:") and v}
    record: dict[str, Any] = {
        "$type": POST_COLLECTION,
        "text": text,
        "createdAt": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    if request.language:
        record["langs"] = [request.language]
    if found := facets(text, dids):
        record["facets"] = found
    if number == 0 and (embed := _embed_of(request, staging)) is not None:
        record["embed"] = embed
    if answered is not None:
        record["reply"] = asdict(answered)
    return record


def is_film(media: Media) -> bool:
    return media.mime_type.startswith("video/")


def _embed_of(request: PublishRequest, staging: Staging) -> dict[str, Any] | None:
    """What the post shows besides text: a film, a link's card, or pictures."""
    blobs = [json.loads(staging.handles[f"blob_{i}"]) for i in range(len(request.media))]
    if request.options.link is not None:
        card: dict[str, Any] = {
            "uri": request.options.link,
            "title": request.options.title or request.options.link,
            "description": "",  # required, and nothing of ours would say more than the post's own text above the card
            **({"thumb": blobs[0]} if blobs else {}),
        }
        return {"$type": "app.bsky.embed.external", "external": card}
    if not blobs:
        return None
    if is_film(request.media[0]):
        (film,) = request.media
        shown = {"video": blobs[0], "alt": film.alt_text, "aspectRatio": _ratio_of(film)}
        return {"$type": "app.bsky.embed.video", **shown}
    images = [
        {"alt": media.alt_text, "image": blob, "aspectRatio": _ratio_of(media)}
        for media, blob in zip(request.media, blobs, strict=True)
    ]
    return {"$type": "app.bsky.embed.images", "images": images}


def _ratio_of(media: Media) -> dict[str, int]:
    return {"width": media.width, "height": media.height}


def is_card(request: PublishRequest) -> bool:
    """The post shows a link's card, and its picture, if any, belongs to that."""
    return request.content_format is ContentFormat.ARTICLE or request.options.link is not None
