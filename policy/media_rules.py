"""Are the media ones that the network takes in this format: how many, of which kind, how large, how long, how shaped?

Belongs here: checks of media records against limits. Does not belong here: opening files or mending them (providers).
"""

from collections.abc import Iterator
from fractions import Fraction

from contracts.media import RATIO_TOLERANCE, FilmLimits, PictureLimits
from contracts.records import ContentItem, Media, Violation
from policy.limit_shapes import FormatLimits, NetworkLimits


def is_film(media: Media) -> bool:
    return media.mime_type.startswith("video/")


def ratio_words(ratio: float) -> str:
    """`4:5` or `1.91:1`."""
    near = Fraction(ratio).limit_denominator(16)
    if abs(float(near) - ratio) < 1e-4:
        return f"{near.numerator}:{near.denominator}"
    return f"{ratio:g}:1"


def check(item: ContentItem, limits: NetworkLimits) -> Iterator[Violation]:
    """The format, the number of media, and each of them."""
    network, kind = item.network.value, item.content_format.value
    form = limits.formats.get(item.content_format)
    if form is None:
        yield Violation(
            rule="content_format",
            message=f"Pulso does not publish the format “{kind}” on {network}.",
            remedy="Use one of: " + ", ".join(sorted(f.value for f in limits.formats)) + ".",
        )
        return
    films = sum(map(is_film, item.media))
    if not _is_within(len(item.media), form.media_count) or (
        form.film_count and not _is_within(films, form.film_count)
    ):
        wanted = form.allows_media()
        yield Violation(
            rule="media_count",
            message=f"{len(item.media) - films} pictures and {films} films; a {kind} post on {network} has {wanted}.",
            remedy=f"Attach {wanted}, or choose another format.",
        )
    for media in item.media:
        yield from check_one(media, form, network=network, what=f"a {kind} post on {network}")
        if not is_film(media) and not media.alt_text.strip():
            yield Violation(
                rule="alt_text",
                message=f"{media.path} has no description for people who cannot see it.",
                remedy="Describe the picture in a sentence.",
                severity="warn",
            )
        most = limits.max_alt_text
        if most is not None and len(media.alt_text) > most:
            yield Violation(
                rule="alt_text_length",
                message=f"The description of {media.path} has {len(media.alt_text)} characters; {network} accepts {most}.",
                remedy=f"Remove {len(media.alt_text) - most} characters from the description.",
            )


def check_one(media: Media, form: FormatLimits, *, network: str, what: str) -> Iterator[Violation]:
    """One file against a format's limits. `what`: the kind of post, in words."""
    if is_film(media):
        yield from _film(media, form.film, network, what)
    else:
        yield from _picture(media, form.picture, network, what)


def _is_within(count: int, bounds: tuple[int, int]) -> bool:
    return bounds[0] <= count <= bounds[1]


def _picture(media: Media, limits: PictureLimits | None, network: str, what: str) -> Iterator[Violation]:
    if limits is None:
        yield _wrong_kind(media, "pictures", what)
        return
    yield from _type_and_size(media, limits.mime_types, limits.bytes_for(media.mime_type), network, "picture")
    yield from _ratio(media, limits.min_ratio, limits.max_ratio, network)
    yield from _pixels(media, limits.max_pixels, network)


def _film(media: Media, limits: FilmLimits | None, network: str, what: str) -> Iterator[Violation]:
    if limits is None:
        yield _wrong_kind(media, "films", what)
        return
    yield from _type_and_size(media, limits.mime_types, limits.max_bytes, network, "film")
    if media.size_bytes < limits.min_bytes:
        yield Violation(
            rule="media_size",
            message=f"{media.path} has {media.size_bytes:,} bytes; {network} accepts no fewer than {limits.min_bytes:,}.",
            remedy="Use a longer film, or one of better quality.",
        )
    yield from _duration(media, limits, network)
    yield from _ratio(media, limits.min_ratio, limits.max_ratio, network)
    yield from _pixels(media, limits.max_pixels, network)
    short, long = sorted((media.width, media.height))
    if (limits.min_side and short < limits.min_side) or (limits.max_side and long > limits.max_side):
        bounds = f"{limits.min_side or 1} to {limits.max_side or 'any number of'} pixels"
        yield Violation(
            rule="media_dimensions",
            message=f"{media.path} is {media.width} x {media.height}; {network} accepts sides of {bounds}.",
            remedy=f"Scale the film so that each side has {bounds}.",
        )


def _wrong_kind(media: Media, kind: str, what: str) -> Violation:
    return Violation(
        rule="media_type",
        message=f"{media.path} is {media.mime_type}; {what} takes no {kind}.",
        remedy=f"Choose a format that takes {kind}, or attach something else.",
    )


def _type_and_size(
    media: Media, mime_types: frozenset[str], max_bytes: int, network: str, kind: str
) -> Iterator[Violation]:
    if media.mime_type not in mime_types:
        yield Violation(
            rule="media_type",
            message=f"{media.path} is {media.mime_type}, which {network} does not accept.",
            remedy="Convert it to one of: " + ", ".join(sorted(mime_types)) + ".",
        )
    if media.size_bytes > max_bytes:
        yield Violation(
            rule="media_size",
            message=f"{media.path} has {media.size_bytes:,} bytes; {network} accepts {max_bytes:,}.",
            remedy=f"Make the {kind} smaller or compress it more.",
        )


def _ratio(media: Media, low: float | None, high: float | None, network: str) -> Iterator[Violation]:
    ratio = media.width / media.height if media.height > 0 else 0.0
    is_too_tall = low is not None and ratio < low - RATIO_TOLERANCE
    is_too_wide = high is not None and ratio > high + RATIO_TOLERANCE
    if not (is_too_tall or is_too_wide):
        return
    if low is not None and high is not None:
        bounds = f"{ratio_words(low)} to {ratio_words(high)}"
    else:
        bounds = f"at least {ratio_words(low)}" if low is not None else f"at most {ratio_words(high or 0.0)}"
    yield Violation(
        rule="media_ratio",
        message=f"{media.path} is {media.width} x {media.height}; {network} accepts {bounds} (width to height).",
        remedy=f"Crop it to {bounds}.",
    )


def _pixels(media: Media, most: int | None, network: str) -> Iterator[Violation]:
    if most is not None and media.width * media.height > most:
        yield Violation(
            rule="media_dimensions",
            message=f"{media.path} is {media.width} x {media.height}; {network} accepts {most:,} pixels in all.",
            remedy="Scale it down.",
        )


def _duration(media: Media, limits: FilmLimits, network: str) -> Iterator[Violation]:
    seconds, low, high = media.duration_seconds, limits.min_seconds, limits.max_seconds
    if seconds is None:
        if low or high is not None:
            yield Violation(
                rule="media_duration",
                message=f"Nobody measured how long {media.path} is, and {network} limits it.",
                remedy="Attach the film again, so that it is measured (FFmpeg has to be installed).",
            )
    elif seconds < low:
        yield Violation(
            rule="media_duration",
            message=f"{media.path} lasts {seconds:g} s; {network} accepts no less than {low:g} s.",
            remedy="Use a longer film.",
        )
    elif high is not None and seconds > high:
        yield Violation(
            rule="media_duration",
            message=f"{media.path} lasts {seconds:g} s; {network} accepts {high:g} s.",
            remedy=f"Cut {seconds - high:g} s.",
        )
