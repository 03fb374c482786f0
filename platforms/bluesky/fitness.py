"""What Bluesky could never show, refused before anything is uploaded; policy has said so before, with a remedy.

Belongs here: the intent against the lexicons' limits. Does not belong here: calls. The length of a single post is left to the
server; that of a thread's cannot be: its refusal of the third post comes when two are live.
"""

from collections.abc import Iterator

import regex

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Capabilities, ContentFormat, Network
from contracts.records import PublishRequest
from platforms.bluesky.records import is_card, is_film, texts_of

MOST_IMAGES = 4
LARGEST_IMAGE_BYTES = 2_000_000
LARGEST_THUMB_BYTES = 1_000_000
LARGEST_FILM_BYTES = 300_000_000
LARGEST_BLOB_BYTES = 50 * 1024 * 1024
"""Of an upload to the PDS itself, which is where films go when there is no video service."""
MOST_GRAPHEMES, MOST_BYTES = 300, 3_000


def check(request: PublishRequest, capabilities: Capabilities, *, largest_film_bytes: int) -> None:
    """Raises `invalid`."""
    lacking = request.options.model_dump(exclude_defaults=True).keys() - capabilities.options
    if request.content_format not in capabilities.formats:
        lacking = {request.content_format.value}
    if lacking:
        raise _refused("unsupported", f"Posts on Bluesky have no {', '.join(sorted(lacking))}.")
    for problem in _in_media(request, largest_film_bytes):
        raise _refused("unfit_media", problem)
    for problem in _in_words(request):
        raise _refused("unfit_text", problem)


def _in_media(request: PublishRequest, largest_film_bytes: int) -> Iterator[str]:
    media, films = request.media, [m for m in request.media if is_film(m)]
    if len(media) > MOST_IMAGES:
        yield f"Bluesky shows at most {MOST_IMAGES} pictures in a post; this one has {len(media)}."
    if films and len(media) > 1:
        yield "A film stands alone in a post on Bluesky."
    if is_card(request) and (films or len(media) > 1):
        yield "A link's card shows one picture."
    if bool(films) != (request.content_format is ContentFormat.VIDEO):
        yield "A video has a film, and no other post has."
    for one in media:
        if not is_film(one) and not one.mime_type.startswith("image/"):
            yield f"Posts on Bluesky carry pictures and films, not {one.mime_type}."
        if is_film(one) and one.mime_type != "video/mp4":
            yield f"Bluesky takes films as video/mp4, not {one.mime_type}."
        still = LARGEST_THUMB_BYTES if is_card(request) else LARGEST_IMAGE_BYTES
        largest = largest_film_bytes if is_film(one) else still
        if one.size_bytes > largest:
            kind = "film" if is_film(one) else "picture"
            yield f"A {kind} here may have {largest:,} bytes; {one.path} has {one.size_bytes:,}."


def _in_words(request: PublishRequest) -> Iterator[str]:
    if request.content_format is ContentFormat.ARTICLE and not (request.options.link and request.options.title):
        yield "An article needs a link and a title."
    if not request.options.thread:
        return
    for number, text in enumerate(texts_of(request), 1):
        graphemes, size = len(regex.findall(r"\X", text)), len(text.encode())
        if not text.strip() and not (number == 1 and request.media):
            yield f"Post {number} of the thread has no text."
        if graphemes > MOST_GRAPHEMES or size > MOST_BYTES:
            yield (
                f"Post {number} of the thread has {graphemes} characters and {size:,} bytes; Bluesky accepts {MOST_GRAPHEMES} "
                f"and {MOST_BYTES:,}."
            )


def _refused(code: str, message: str) -> NetworkError:
    return NetworkError(ErrorClass.INVALID, message, network=Network.BLUESKY.value, code=code)
