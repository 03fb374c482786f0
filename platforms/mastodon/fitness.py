"""What a server accepts, checked before anything is uploaded; policy has said so before, with a remedy.

Belongs here: the intent against the server's own limits. Does not belong here: asking for them (`instances.py`). A limit that a
server does not name is not checked: it will say so itself, before anything is visible. Threads are why this cannot be left to
the server alone: its refusal of the third status comes when two are live.
"""

from collections.abc import Iterator, Sequence

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Network
from contracts.records import Media, Poll, PublishOptions, PublishRequest
from platforms.mastodon import texts
from platforms.mastodon.models import Instance

VISIBILITIES = ("public", "unlisted", "private", "direct")
"""Who sees a status, from everybody to those whom it names."""


def refused(code: str, message: str) -> NetworkError:
    """A refusal for good."""
    return NetworkError(ErrorClass.INVALID, message, network=Network.MASTODON.value, code=code)


def check(
    request: PublishRequest, written: Sequence[str], instance: Instance, *, supported_options: frozenset[str]
) -> None:
    """Raises `invalid` for what this server could not show. `written` are the words of each status."""
    options, nothing = request.options, PublishOptions()
    for name in PublishOptions.model_fields:
        if name not in supported_options and getattr(options, name) != getattr(nothing, name):
            raise refused("unsupported", f"A post on Mastodon has no {name.replace('_', ' ')}.")
    if options.privacy is not None and options.privacy not in VISIBILITIES:
        raise refused("unsupported", f"Mastodon shows posts to {', '.join(VISIBILITIES)}; not to {options.privacy}.")
    problems = (
        ("unfit_text", _in_words(request, written, instance)),
        ("unfit_media", _in_media(request.media, instance)),
        ("unfit_poll", _in_poll(options.poll, request.media, instance) if options.poll else iter(())),
    )
    for code, found in problems:
        for problem in found:
            raise refused(code, problem)


def _in_words(request: PublishRequest, written: Sequence[str], instance: Instance) -> Iterator[str]:
    limits = instance.configuration.statuses
    for i, text in enumerate(written):
        which = f"Post {i + 1} of the thread" if len(written) > 1 else "The post"
        if not text.strip() and not (i == 0 and request.media):
            yield f"{which} has no text."
        size = texts.length(text, characters_per_url=limits.characters_reserved_per_url)
        if instance.max_characters is not None and size > instance.max_characters:
            yield f"{which} has {size} characters; this server accepts {instance.max_characters}."


def _in_media(media: Sequence[Media], instance: Instance) -> Iterator[str]:
    limits, most = instance.configuration.media_attachments, instance.configuration.statuses.max_media_attachments
    if most is not None and len(media) > most:
        yield f"This server shows at most {most} files in a post; this one has {len(media)}."
    if len(media) > 1 and any(not m.mime_type.startswith("image/") for m in media):
        yield "A film stands alone in a post."  # [K]
    for one in media:
        if limits.supported_mime_types and one.mime_type not in limits.supported_mime_types:
            yield f"This server takes no {one.mime_type}."
        largest = limits.image_size_limit if one.mime_type.startswith("image/") else limits.video_size_limit
        if largest is not None and one.size_bytes > largest:
            yield f"A file here may have {largest:,} bytes; {one.path} has {one.size_bytes:,}."
        if limits.description_limit is not None and len(one.alt_text) > limits.description_limit:
            yield f"The description of {one.path} is longer than {limits.description_limit} characters."


def _in_poll(poll: Poll, media: Sequence[Media], instance: Instance) -> Iterator[str]:
    limits, seconds = instance.configuration.polls, poll.open_minutes * 60
    if media:
        yield "A poll on Mastodon has no pictures."  # [K]
    if limits.max_options is not None and len(poll.choices) > limits.max_options:
        yield f"A poll here has at most {limits.max_options} choices; this one has {len(poll.choices)}."
    longest = limits.max_characters_per_option
    if longest is not None and any(len(choice) > longest for choice in poll.choices):
        yield f"A choice may have {longest} characters."
    if limits.min_expiration is not None and seconds < limits.min_expiration:
        yield f"A poll here is open for at least {limits.min_expiration // 60} minutes."
    if limits.max_expiration is not None and seconds > limits.max_expiration:
        yield f"A poll here is open for at most {limits.max_expiration // 60} minutes."
