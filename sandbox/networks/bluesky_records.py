"""What a Bluesky repository accepts: record keys, post records, facets and embeds. Messages as the real server words them."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import regex

POST = "app.bsky.feed.post"
MAX_GRAPHEMES, MAX_BYTES, MAX_IMAGES, MAX_IMAGE_BYTES = 300, 3000, 4, 2_000_000
MAX_THUMB_BYTES, MAX_FILM_BYTES = 1_000_000, 300_000_000
_TID = re.compile(r"^[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}$")
_NSID = re.compile(r"^[a-zA-Z][a-zA-Z0-9-]*(\.[a-zA-Z][a-zA-Z0-9-]*){2,}$")
_URI = re.compile(r"^at://[^/]+/[^/]+/[^/]+$")
_WEB_URI = re.compile(r"^\w+:(//)?\S+$")
_MAGIC = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png", b"GIF8": "image/gif"}
_GRAPHEME = regex.compile(r"\X")


class InvalidRecordError(ValueError):
    """The record breaks its lexicon; the message is the network's."""


def _fail(message: str) -> InvalidRecordError:
    return InvalidRecordError(f"Invalid {POST} record: {message}")


def is_collection(name: Any) -> bool:
    """Whether a name is a valid NSID."""
    return isinstance(name, str) and _NSID.match(name) is not None


def check_rkey(collection: str, rkey: str) -> None:
    """A post's record key must be a TID. Raises InvalidRecordError."""
    if collection == POST and not _TID.match(rkey):
        raise InvalidRecordError(f'Invalid record key for collection {collection}: expected a "tid", got "{rkey}"')


def check_post(record: Mapping[str, Any]) -> None:
    """Check a post against its lexicon. Raises InvalidRecordError."""
    text = record.get("text")
    if text is None:
        raise _fail('Missing required key "text" at $.record')
    if not isinstance(text, str):
        raise _fail("Expected string value type at $.record.text")
    size, graphemes = len(text.encode()), len(_GRAPHEME.findall(text))
    if size > MAX_BYTES:
        raise _fail(f"string too big (maximum {MAX_BYTES}, got {size}) at $.record.text")
    if graphemes > MAX_GRAPHEMES:
        raise _fail(f"grapheme too big (maximum {MAX_GRAPHEMES}, got {graphemes}) at $.record.text")
    _check_datetime(record)
    if len(record.get("langs", ())) > 3:
        raise _fail("array too big (maximum 3) at $.record.langs")
    for index, facet in enumerate(record.get("facets", ())):
        _check_facet(facet, index)
    if "reply" in record:
        _check_reply(record["reply"])
    if "embed" in record:
        _check_embed(record["embed"])


def _check_datetime(record: Mapping[str, Any]) -> None:
    created = record.get("createdAt")
    if created is None:
        raise _fail('Missing required key "createdAt" at $.record')
    try:
        moment = datetime.fromisoformat(str(created))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise _fail("Invalid datetime at $.record.createdAt")


def _check_facet(facet: Any, index: int) -> None:
    where = f"$.record.facets[{index}]"
    try:
        start, end = facet["index"]["byteStart"], facet["index"]["byteEnd"]
        features = facet["features"]
    except (KeyError, TypeError) as error:
        raise _fail(f"Missing required key {error} at {where}") from None
    if not isinstance(start, int) or not isinstance(end, int) or start < 0 or end < 0:
        raise _fail(f"Expected integer value type at {where}.index")
    if not isinstance(features, list) or any("$type" not in feature for feature in features):
        raise _fail(f'Expected an object which includes the "$type" property at {where}.features')


def _check_reply(reply: Any) -> None:
    for part in ("root", "parent"):
        reference = reply.get(part) if isinstance(reply, dict) else None
        if not isinstance(reference, dict) or "cid" not in reference or not _URI.match(str(reference.get("uri"))):
            raise _fail(f'Missing required key "{part}" at $.record.reply')


def _check_embed(embed: Any) -> None:
    if not isinstance(embed, dict) or "$type" not in embed:
        raise _fail('Expected an object which includes the "$type" property at $.record.embed')
    match embed["$type"]:
        case "app.bsky.embed.images":
            _check_images(embed)
        case "app.bsky.embed.video":
            where = "$.record.embed"
            _check_blob(embed, "video", "video/mp4", MAX_FILM_BYTES, where)
            if not isinstance(embed.get("alt", ""), str):
                raise _fail(f"Expected string value type at {where}.alt")
        case "app.bsky.embed.external":
            _check_card(embed.get("external"))


def _check_images(embed: Mapping[str, Any]) -> None:
    images = embed.get("images")
    if not isinstance(images, list):
        raise _fail('Missing required key "images" at $.record.embed')
    if len(images) > MAX_IMAGES:
        raise _fail(f"array too big (maximum {MAX_IMAGES}, got {len(images)}) at $.record.embed.images")
    for index, image in enumerate(images):
        where = f"$.record.embed.images[{index}]"
        if "alt" not in image:
            raise _fail(f'Missing required key "alt" at {where}')
        _check_blob(image, "image", "image/", MAX_IMAGE_BYTES, where)


def _check_card(card: Any) -> None:
    where = "$.record.embed.external"
    if not isinstance(card, dict):
        raise _fail('Missing required key "external" at $.record.embed')
    for name in ("uri", "title", "description"):
        if name not in card:
            raise _fail(f'Missing required key "{name}" at {where}')
        if not isinstance(card[name], str):
            raise _fail(f"Expected string value type at {where}.{name}")
    if not _WEB_URI.match(card["uri"]):
        raise _fail(f"Invalid uri at {where}.uri")
    if "thumb" in card:
        _check_blob(card, "thumb", "image/", MAX_THUMB_BYTES, where)


def _check_blob(holder: Mapping[str, Any], name: str, kind: str, most: int, where: str) -> None:
    if name not in holder:
        raise _fail(f'Missing required key "{name}" at {where}')
    blob = holder[name]
    if not isinstance(blob, dict) or blob.get("$type") != "blob":
        raise _fail(f"Expected blob value type at {where}.{name}")
    if not str(blob.get("mimeType", "")).startswith(kind):
        raise _fail(f'mimeType not accepted (got "{blob.get("mimeType")}") at {where}.{name}')
    if int(blob.get("size", 0)) > most:
        raise _fail(f"blob too big (maximum {most}, got {blob['size']}) at {where}.{name}")


def sniffed_mime_type(content: bytes) -> str | None:
    """What the bytes themselves say: the server believes them more than the caller's Content-Type."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if content[4:8] == b"ftyp":
        return "video/mp4"
    return next((kind for magic, kind in _MAGIC.items() if content.startswith(magic)), None)


def blobs_of(record: Any) -> list[str]:
    """Identifiers of all blobs that a record refers to."""
    if isinstance(record, dict):
        if record.get("$type") == "blob":
            return [record["ref"]["$link"]]
        return [cid for value in record.values() for cid in blobs_of(value)]
    if isinstance(record, list):
        return [cid for value in record for cid in blobs_of(value)]
    return []
