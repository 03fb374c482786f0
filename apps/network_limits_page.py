"""docs/networks.md: what each network takes, as a table for people, rendered from policy's own figures.

Belongs here: words and layout. Does not belong here: any figure (policy.network_limits).
"""

from collections.abc import Iterator
from datetime import timedelta

from contracts.media import FilmLimits, PictureLimits
from contracts.networks import Network
from policy import LIMITS, NetworkLimits
from policy.limit_shapes import FormatLimits, MessageLimits, PollLimits, TextLimit
from policy.media_rules import ratio_words

_NAMES = {
    Network.BLUESKY: "Bluesky",
    Network.FACEBOOK: "Facebook Pages",
    Network.INSTAGRAM: "Instagram",
    Network.LINKEDIN: "LinkedIn",
    Network.MASTODON: "Mastodon",
    Network.PINTEREST: "Pinterest",
    Network.TIKTOK: "TikTok",
    Network.X: "X",
    Network.YOUTUBE: "YouTube",
}

_INTRODUCTION = """# Networks: formats and limits

What Pulso checks before anything is sent. Generated from `policy/network_limits.py` by `pulso docs`; a test fails when this page
and the table differ. Figures there that no source at hand confirms are marked `# [K]`. An account may be allowed less: TikTok tells
each account its longest film, Instagram its daily quota; the connectors ask. A Mastodon instance states its own limits, which
replace those below: they are read with the account's profile and hold for drafts, the calendar and sending.

A violation says what is wrong and what to change. What can be mended without changing what a post says is mended on request,
and every change is told: pictures are turned, cropped, scaled, converted and compressed; films are cropped, scaled, encoded anew
as H.264 in MP4 and, only if allowed, shortened (this needs FFmpeg); a text that is too long for one post becomes a thread where
the network has threads, cut between sentences or words.

How texts are counted: *characters as seen* are grapheme clusters (a family emoji is one). X counts composed text, any link as 23,
any emoji as 2, and characters from U+1100 on (Chinese, Japanese, Korean and others) as 2, but for common spaces, dashes and
quotation marks. Mastodon counts characters as seen, a link as 23 unless the instance says otherwise, and of `@name@server` only
`@name`. LinkedIn's text format needs an escape before each of `\\ | { } @ [ ] ( ) < > # * _ ~`, and the escapes count.
"""


def render() -> str:
    """The page as Markdown. Depends on the table alone."""
    return "\n".join([_INTRODUCTION, *(line for network in Network for line in _section(network, LIMITS[network]))])


def _section(network: Network, limits: NetworkLimits) -> Iterator[str]:
    yield f"## {_NAMES[network]}\n"
    yield "| Format | Media | Pictures | Films | Carries | Needs |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for content_format, form in sorted(limits.formats.items(), key=lambda pair: pair[0].value):
        carried = (limits.options | form.options) - form.required
        media = form.allows_media() if form.media_count[1] else ""
        cells = (
            content_format.value,
            media,
            _picture(form.picture),
            _film(form.film),
            _list(carried),
            _list(form.required),
        )
        yield f"| {' | '.join(cell or '–' for cell in cells)} |"
    yield ""
    yield from (f"- {line}" for line in _lines(limits))
    yield ""


def _messages(messages: MessageLimits) -> str:
    text = _texts(messages.text) if messages.text else "as posts"
    if messages.window is None:
        return text
    window = f"{text}; for {messages.window // timedelta(hours=1)} hours after the person's last"
    if messages.person_window is None:
        return window
    return f"{window}, {messages.person_window // timedelta(hours=1)} where a person has to approve them"


def _lines(limits: NetworkLimits) -> Iterator[str]:
    yield f"Text: {_texts(limits.text)}"
    for content_format, form in sorted(limits.formats.items(), key=lambda pair: pair[0].value):
        yield from _own(content_format.value, form)
    if limits.replies is None:
        yield "Answers: none"
    elif limits.replies:
        yield f"Answers: {_texts(limits.replies)}"
    if limits.messages:
        yield f"Direct messages: {_messages(limits.messages)}"
    if limits.title:
        yield f"Title: {_texts((limits.title,))}"
    counts = (
        ("Hashtags", limits.max_hashtags),
        ("Mentions", limits.max_mentions),
        ("Cashtags", limits.max_cashtags),
        ("Tagged people", limits.max_user_tags),
        ("Characters in a picture's description", limits.max_alt_text),
        ("Characters in a link of its own", limits.max_link_characters),
        ("Posts of an account in 24 hours", limits.max_posts_per_24_hours),
    )
    yield from (f"{what}: at most {most:,}" for what, most in counts if most is not None)
    if limits.forbidden_characters:
        yield f"Not accepted: {' '.join(f'`{character}`' for character in limits.forbidden_characters)}"
    if limits.privacy:
        yield f"Audiences: {_list(limits.privacy)}"
    if limits.poll:
        yield f"Poll: {_poll(limits.poll)}"
    if limits.refuses_repeats:
        yield "No two posts of a thread may say the same"


def _own(name: str, form: FormatLimits) -> Iterator[str]:
    if form.text is not None:
        yield f"Text of {name}: {_texts(form.text)}"
    if form.title is not None:
        yield f"Title of {name}: {_texts((form.title,))}"


def _texts(limits: tuple[TextLimit, ...]) -> str:
    return ", ".join(f"{limit.most:,} {limit.measure.unit}" for limit in limits)


def _list(names: frozenset[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def _types(mime_types: frozenset[str]) -> str:
    names = {"QUICKTIME": "MOV"}
    short = (mime_type.partition("/")[2].upper() for mime_type in mime_types)
    return ", ".join(sorted(names.get(name, name) for name in short))


def _bytes(size: int) -> str:
    for unit, name in ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")):
        if size >= unit:
            return f"{size / unit:.4g} {name}"
    return f"{size} bytes"


def _ratios(low: float | None, high: float | None) -> str | None:
    if low is None and high is None:
        return None
    if low is None or high is None:
        return f"from {ratio_words(low)}" if low is not None else f"up to {ratio_words(high or 0.0)}"
    return f"{ratio_words(low)} to {ratio_words(high)}"


def _picture(limits: PictureLimits | None) -> str:
    if limits is None:
        return ""
    own = (f"{_types(frozenset({kind}))} up to {_bytes(size)}" for kind, size in limits.max_bytes_by_type.items())
    pixels = f"{limits.max_pixels:,} pixels" if limits.max_pixels else None
    parts = (
        _types(limits.mime_types),
        f"up to {_bytes(limits.max_bytes)}",
        *own,
        _ratios(limits.min_ratio, limits.max_ratio),
        pixels,
    )
    return "; ".join(part for part in parts if part)


def _film(limits: FilmLimits | None) -> str:
    if limits is None:
        return ""
    size = (
        f"{_bytes(limits.min_bytes)} to {_bytes(limits.max_bytes)}"
        if limits.min_bytes
        else f"up to {_bytes(limits.max_bytes)}"
    )
    longest = f"{limits.max_seconds:g} s" if limits.max_seconds is not None else "any length"
    length = f"{limits.min_seconds:g} s to {longest}" if limits.min_seconds else f"up to {longest}"
    sides = f"sides of {limits.min_side} to {limits.max_side} pixels" if limits.min_side and limits.max_side else None
    pixels = f"{limits.max_pixels:,} pixels" if limits.max_pixels else None
    has_length = limits.min_seconds or limits.max_seconds is not None
    parts = (
        _types(limits.mime_types),
        size,
        length if has_length else None,
        _ratios(limits.min_ratio, limits.max_ratio),
        sides,
        pixels,
    )
    return "; ".join(part for part in parts if part)


def _poll(limits: PollLimits) -> str:
    if limits.exact_minutes:
        days = [minutes // 1440 for minutes in sorted(limits.exact_minutes)]
        open_for = f"open for {', '.join(map(str, days[:-1]))} or {days[-1]} days"
    else:
        open_for = f"open for {limits.min_minutes:,} to {limits.max_minutes:,} minutes"
    several = "several answers allowed" if limits.allows_several else "one answer a person"
    return f"2 to {limits.most_choices} choices of {_texts((limits.choice,))}, {open_for}, {several}"
