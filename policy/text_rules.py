"""Is the text one that the network takes: length, hashtags, mentions, characters?

Belongs here: checks of one text against limits. Does not belong here: the limits (network_limits), ways to count (text_measures).
"""

from collections.abc import Iterator, Sequence

from contracts.networks import ContentFormat
from contracts.records import ContentItem, Violation
from policy.limit_shapes import NetworkLimits, TextLimit
from policy.text_entities import CASHTAG, HASHTAG, MENTION
from policy.text_measures import BYTES


def check(item: ContentItem, limits: NetworkLimits) -> Iterator[Violation]:
    """All limits on the item's own text."""
    network = item.network.value
    if not item.text.strip() and not item.media:
        yield Violation(rule="empty_text", message="There is no text.", remedy="Write one.")
    yield from check_length(item.text, text_limits(item, limits), network=network, advice=_advice(item, limits))
    counts = (
        ("hashtag_count", "hashtags", len(HASHTAG.findall(item.text)), limits.max_hashtags),
        ("mention_count", "mentions", len(MENTION.findall(item.text)), limits.max_mentions),
        ("cashtag_count", "cashtags", len(CASHTAG.findall(item.text)), limits.max_cashtags),
    )
    for rule, unit, count, most in counts:
        if most is not None and count > most:
            yield Violation(
                rule=rule,
                message=f"{count} {unit}; {network} accepts {most}.",
                remedy=f"Remove {count - most} {unit}.",
            )
    found = sorted(set(item.text + (item.options.title or "")) & set(limits.forbidden_characters))
    if found:
        yield Violation(
            rule="text_characters",
            message=f"{network} refuses texts and titles with {' and '.join(found)}.",
            remedy=f"Write it without {' and '.join(found)}.",
        )


def text_limits(item: ContentItem, limits: NetworkLimits) -> tuple[TextLimit, ...]:
    """The limits on the item's text: those of an answer, of its format, or of the network, in this order."""
    if item.reply_to_message_id:
        return (limits.messages.text if limits.messages else ()) or limits.text
    if item.is_reply and limits.replies:
        return limits.replies
    own = limits.formats.get(item.content_format)
    return own.text if own and own.text is not None else limits.text


def fullest(item: ContentItem, limits: NetworkLimits) -> tuple[int, TextLimit]:
    """How long the item's text is in the measure that it fills most, and that limit: what a writer has to watch."""
    sizes = [(limit.measure.count(item.text), limit) for limit in text_limits(item, limits)]
    return max(sizes, key=lambda size: size[0] / size[1].most)


def check_length(
    text: str, limits: Sequence[TextLimit], *, network: str, where: str = "", advice: str = ""
) -> Iterator[Violation]:
    """`where`: what is measured, when it is not the item's text ("Part 2"); `advice`: another way out, as a sentence."""
    for limit in limits:
        excess = limit.excess(text)
        if not excess:
            continue
        unit = limit.measure.unit
        message = f"{where + ': ' if where else ''}{limit.most + excess} {unit}; {network} accepts {limit.most}."
        remedy = f"Remove {excess} {unit}.{' ' + advice if advice else ''}"
        if limit.measure is BYTES:
            yield Violation(rule="text_bytes", message=message, remedy=remedy)
        else:
            yield Violation(rule="text_length", message=message, remedy=remedy)


def _advice(item: ContentItem, limits: NetworkLimits) -> str:
    if item.is_reply or ContentFormat.THREAD not in limits.formats or item.content_format is not ContentFormat.TEXT:
        return ""
    return "Or publish it as a thread."
