"""An intent as a pin: what Pinterest takes, what is sent, and how the pin is known again after a lost answer.

Belongs here: pure rules, intent in, body or verdict out. Does not belong here: calls (`client.py`), reading counts.

Pinterest takes no key and refuses no duplicate. A pin with a link is known again by an id of ours in that link: the network
returns the link as it was sent, no person writes it by chance, and it is another one for a deliberate repost. A pin without a
link is known only by its words, its board and its time.
"""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat, Network
from contracts.records import Media, PublishOptions, PublishRequest
from platforms.pinterest.models import Pin

TRACKING_PARAMETER = "pulso_id"
"""Not a `utm_` one: brands fill those, and read them."""

FORMATS = frozenset({ContentFormat.IMAGE, ContentFormat.CAROUSEL, ContentFormat.VIDEO})
OPTIONS = frozenset({"title", "link", "board_id"})
PICTURES = frozenset({"image/jpeg", "image/png"})
FILMS = frozenset({"video/mp4", "video/quicktime", "video/x-m4v"})
FEWEST_CAROUSEL_PICTURES, MOST_CAROUSEL_PICTURES = 2, 5
LONGEST_LINK = 2048


def unsupported(what: str) -> NetworkError:
    """The refusal of something that Pinterest has not; `CAPABILITIES` says so before."""
    return NetworkError(ErrorClass.INVALID, what, network=Network.PINTEREST.value, code="unsupported")


def check(request: PublishRequest) -> None:
    """Refuse what the network could not show; policy has said so before, with a remedy."""
    if request.reply_to_native_comment_id is not None or request.reply_to_native_post_id is not None:
        raise unsupported("Pinterest's API knows no comments and so no replies.")
    if request.content_format not in FORMATS:
        raise unsupported(f"Pinterest has no posts of the form {request.content_format.value}.")
    default = PublishOptions()
    for name in PublishOptions.model_fields:
        if name not in OPTIONS and getattr(request.options, name) != getattr(default, name):
            raise unsupported(f"A pin cannot carry the option {name}.")
    if problem := _problem_with_media(request):
        raise NetworkError(ErrorClass.INVALID, problem, network=Network.PINTEREST.value, code="unfit_media")
    if request.options.link is not None:
        _check_link(request.options.link, request.intent_id)


def film_of(request: PublishRequest) -> Media | None:
    """The film of a video pin."""
    return request.media[0] if request.content_format is ContentFormat.VIDEO else None


def pictures_of(request: PublishRequest) -> tuple[Media, ...]:
    """The pictures that go into the body: those of the pin, or the cover of its film."""
    return request.media[1:] if request.content_format is ContentFormat.VIDEO else request.media


def pin_body(
    request: PublishRequest, *, board_id: str, pictures: list[bytes], media_id: str | None = None
) -> dict[str, Any]:
    """The body of `POST /pins`. `pictures`: the bytes of `pictures_of(request)`; `media_id`: of the uploaded film."""
    options, alt_text = request.options, request.media[0].alt_text
    body = {
        "board_id": board_id,
        "title": options.title,
        "description": request.text,
        "alt_text": alt_text,
        "link": tracked_link(options.link, request.intent_id) if options.link else None,
        "media_source": _media_source(request, pictures, media_id),
    }
    return {name: value for name, value in body.items() if value}


def tracking_id(intent_id: str) -> str:
    """Our id of an intent, as it may stand in public."""
    return hashlib.sha256(intent_id.encode()).hexdigest()[:20]


def tracked_link(link: str, intent_id: str) -> str:
    """The link with our id of the intent in its query, in place of one that it was copied with; nothing else is touched."""
    parts = urlsplit(link)
    kept = [part for part in parts.query.split("&") if part and part.partition("=")[0] != TRACKING_PARAMETER]
    query = "&".join([*kept, f"{TRACKING_PARAMETER}={tracking_id(intent_id)}"])
    return urlunsplit(parts._replace(query=query))


def is_tracked(pin: Pin, intent_id: str) -> bool:
    """Whether the pin's link carries our id of the intent."""
    try:
        query = parse_qsl(urlsplit(pin.link or "").query)
    except ValueError:
        return False
    return (TRACKING_PARAMETER, tracking_id(intent_id)) in query


def is_recognisable(request: PublishRequest) -> bool:
    """Whether the pin can be known again at all: by its link, or by words."""
    return bool(request.options.link or _plain(request.options.title or "") or _plain(request.text))


def is_alike(pin: Pin, request: PublishRequest, *, board_id: str) -> bool:
    """Whether a pin without a link has the intent's words and board."""
    if pin.link or (pin.board_id is not None and pin.board_id != board_id):
        return False
    words = _plain(request.options.title or ""), _plain(request.text)
    return (_plain(pin.title), _plain(pin.description)) == words


def _plain(text: str) -> str:
    """Without what a network may change: kinds of line ends, and space around."""
    return text.replace("\r\n", "\n").strip()


def _problem_with_media(request: PublishRequest) -> str | None:
    count, film, pictures = len(request.media), request.content_format is ContentFormat.VIDEO, request.media
    if count == 0:
        return "Pinterest has no posts without a picture or a film."
    if film:
        if request.media[0].mime_type not in FILMS:
            return f"A video pin needs an MP4, MOV or M4V film first, not {request.media[0].mime_type}."
        if count > 2:
            return "A video pin has one film and at most one picture, its cover."
        pictures = request.media[1:]
    elif request.content_format is ContentFormat.IMAGE and count != 1:
        return f"A pin of one picture has one, not {count}: make it a carousel."
    elif request.content_format is ContentFormat.CAROUSEL and not (
        FEWEST_CAROUSEL_PICTURES <= count <= MOST_CAROUSEL_PICTURES
    ):
        return (
            f"A carousel pin has {FEWEST_CAROUSEL_PICTURES} to {MOST_CAROUSEL_PICTURES} pictures; this one has {count}."
        )
    if unfit := [media for media in pictures if media.mime_type not in PICTURES]:
        return f"Pinterest takes JPEG and PNG pictures, not {unfit[0].mime_type}: convert {unfit[0].path}."
    return None


def _check_link(link: str, intent_id: str) -> None:
    try:
        parts = urlsplit(link)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_web = False
    problem = None
    if not is_web:
        problem = "The link of a pin has to be a full web address, with https://."
    elif len(tracked_link(link, intent_id)) > LONGEST_LINK:
        problem = (
            f"The link of a pin may have {LONGEST_LINK} characters, Pulso's own tracking id included: shorten it by "
            f"{len(tracked_link(link, intent_id)) - LONGEST_LINK}."
        )
    if problem:
        raise NetworkError(ErrorClass.INVALID, problem, network=Network.PINTEREST.value, code="unfit_link")


def _media_source(request: PublishRequest, pictures: list[bytes], media_id: str | None) -> dict[str, Any]:
    """Pictures travel in the body: nothing that Pinterest would have to fetch can be out of its reach."""
    described = [
        {"content_type": media.mime_type, "data": base64.b64encode(content).decode()}
        for media, content in zip(pictures_of(request), pictures, strict=True)
    ]
    if media_id is not None:
        cover: dict[str, Any] = (
            {"cover_image_content_type": described[0]["content_type"], "cover_image_data": described[0]["data"]}
            if described
            else {"cover_image_key_frame_time": 0}  # [K] that a frame of the film is accepted in place of a picture
        )
        return {"source_type": "video_id", "media_id": media_id, **cover}
    if len(described) > 1:
        return {"source_type": "multiple_image_base64", "items": described}
    return {"source_type": "image_base64", **described[0]}
