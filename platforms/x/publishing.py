"""What is sent to X for an intent, and what X could never show.

Belongs here: an intent's posts as request bodies; refusals before anything is sent. Does not belong here: calls (`client.py`).
"""

from collections.abc import Sequence
from typing import Any

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Capabilities, Network
from contracts.records import Media, PublishRequest, Staging

MOST_IMAGES = 4
LARGEST_IMAGE_BYTES = 5_000_000
LARGEST_GIF_BYTES = 15_000_000
LARGEST_VIDEO_BYTES = 512_000_000
SHORTEST_VIDEO_SECONDS, LONGEST_VIDEO_SECONDS = 0.5, 140.0
MOST_CHOICES, LONGEST_CHOICE = 4, 25
SHORTEST_POLL_MINUTES, LONGEST_POLL_MINUTES = 5, 10_080
MOST_TAGS = 10

Body = dict[str, Any]


def texts_of(request: PublishRequest) -> list[str]:
    """Texts of the intent's posts: one, or a thread's in order."""
    return [request.text, *request.options.thread]


def target_of(request: PublishRequest) -> str | None:
    """The post or comment that the intent answers."""
    return request.reply_to_native_comment_id or request.reply_to_native_post_id


def tag_handle(handle: str) -> str:
    """Name of the staging's entry with the id of a tagged person."""
    return f"tag:{handle.removeprefix('@').casefold()}"


def first_body(request: PublishRequest, staging: Staging, media_ids: Sequence[str]) -> Body:
    """The post itself, or a thread's first one: all that the intent carries besides text is on it."""
    options, body = request.options, _body(request, request.text)
    if media_ids:
        tagged = [staging.handles[tag_handle(handle)] for handle in options.user_tags]
        found = [user_id for user_id in tagged if user_id]
        body["media"] = {"media_ids": list(media_ids), **({"tagged_user_ids": found} if found else {})}
    if options.poll is not None:
        body["poll"] = {"options": list(options.poll.choices), "duration_minutes": options.poll.open_minutes}
    if options.place_id is not None:
        body["geo"] = {"place_id": options.place_id}
    if (target := target_of(request)) is not None:
        body["reply"] = {"in_reply_to_tweet_id": target}
    return body


def following_body(request: PublishRequest, number: int, previous_id: str) -> Body:
    """A thread's post number `number`, counted from 0, which answers the one before."""
    return {**_body(request, texts_of(request)[number]), "reply": {"in_reply_to_tweet_id": previous_id}}


def _body(request: PublishRequest, text: str) -> Body:
    """Text and disclosures, which every post of a thread carries: each can be seen alone."""
    body: Body = {"text": text}
    if request.options.is_ai_made:
        body["made_with_ai"] = True
    if request.options.is_paid_partnership:
        body["paid_partnership"] = True
    return body


def check(request: PublishRequest, capabilities: Capabilities) -> None:
    """Refuse what X could not show; policy has said so before, with a remedy. Lengths are left to policy: they depend on what
    the account has subscribed to."""
    lacking = request.options.model_dump(exclude_defaults=True).keys() - capabilities.options
    if request.content_format not in capabilities.formats:
        lacking = {request.content_format.value}
    if lacking:
        message = f"Posts on X have no {', '.join(sorted(lacking))}."
        raise NetworkError(ErrorClass.INVALID, message, network=Network.X.value, code="unsupported")
    problem = _problem_of_media(request.media) or _problem_of_options(request)
    if problem:
        raise NetworkError(ErrorClass.INVALID, problem, network=Network.X.value, code="unfit_post")


def _problem_of_media(media: Sequence[Media]) -> str | None:
    animated = [m for m in media if m.mime_type == "image/gif"]
    films = [m for m in media if m.mime_type.startswith("video/")]
    if unknown := [m for m in media if not m.mime_type.startswith(("image/", "video/"))]:
        return f"Posts on X carry pictures and films, not {unknown[0].mime_type}."
    if len(media) > MOST_IMAGES:
        return f"X shows at most {MOST_IMAGES} pictures in a post; this one has {len(media)}."
    if (animated or films) and len(media) > 1:
        return "A film or an animation stands alone in a post on X."
    for one in media:
        largest = LARGEST_VIDEO_BYTES if films else LARGEST_GIF_BYTES if animated else LARGEST_IMAGE_BYTES
        if one.size_bytes > largest:
            return f"{one.path} has {one.size_bytes:,} bytes; X takes {largest:,}."
        seconds = one.duration_seconds
        if films and seconds is not None and not SHORTEST_VIDEO_SECONDS <= seconds <= LONGEST_VIDEO_SECONDS:
            return (
                f"A film on X lasts {SHORTEST_VIDEO_SECONDS} to {LONGEST_VIDEO_SECONDS:.0f} s; this one has {seconds}."
            )
    return None


def _problem_of_options(request: PublishRequest) -> str | None:
    options, poll = request.options, request.options.poll
    if not request.text and not request.media:
        return "A post on X needs a text or a picture."
    if any(not text.strip() for text in options.thread):
        return "Every post of a thread needs a text."
    if len({text.strip() for text in texts_of(request)}) < len(texts_of(request)):
        return "X refuses a text that was just posted: no two posts of a thread may be the same."
    if options.user_tags and not request.media:
        return "People are tagged in pictures; this post has none."
    if len(options.user_tags) > MOST_TAGS:
        return f"At most {MOST_TAGS} people can be tagged; this post tags {len(options.user_tags)}."
    if poll is None:
        return None
    if request.media:
        return "A post on X has a poll or pictures, not both."  # [K]
    if poll.allows_several:
        return "In a poll on X everybody chooses one answer."
    if len(poll.choices) > MOST_CHOICES or any(not 0 < len(choice) <= LONGEST_CHOICE for choice in poll.choices):
        return f"A poll on X has 2 to {MOST_CHOICES} answers of at most {LONGEST_CHOICE} characters."
    if not SHORTEST_POLL_MINUTES <= poll.open_minutes <= LONGEST_POLL_MINUTES:
        return f"A poll on X is open for {SHORTEST_POLL_MINUTES} to {LONGEST_POLL_MINUTES:,} minutes."
    return None
