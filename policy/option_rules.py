"""Can the network's posts carry what the item asks for beside text and media, and is it in order?

Belongs here: checks of PublishOptions: titles, links, boards, places, tagged people, polls, threads, audience.
Does not belong here: text and media themselves (text_rules, media_rules).
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from contracts.networks import ContentFormat
from contracts.records import ContentItem, Poll, PublishOptions, Violation
from policy.limit_shapes import FormatLimits, NetworkLimits, PollLimits
from policy.text_entities import links
from policy.text_rules import check_length

_WORDS = {
    "title": "a title",
    "link": "a link of its own",
    "board_id": "a board or playlist",
    "place_id": "a place",
    "user_tags": "tagged people",
    "poll": "a poll",
    "thread": "further parts",
    "privacy": "a choice of who sees it",
    "is_ai_made": "a label for AI-made content",
    "is_paid_partnership": "a label for paid partnerships",
}


def check(item: ContentItem, limits: NetworkLimits) -> Iterator[Violation]:
    """All options of the item. Says nothing where the network does not have the format at all (media_rules does)."""
    form = limits.formats.get(item.content_format)
    if form is None:
        return
    network, kind, options = item.network.value, item.content_format.value, item.options
    carried = limits.options | form.options | form.required
    asked = {name for name in PublishOptions.model_fields if getattr(options, name)}
    for name in sorted(asked - carried):
        yield Violation(
            rule="option_unsupported",
            message=f"A {kind} post on {network} cannot carry {_WORDS[name]}.",
            remedy=f"Remove it ({name}), or choose another format or network.",
        )
    for name in sorted(form.required - asked):
        yield Violation(
            rule="option_missing",
            message=f"A {kind} post on {network} needs {_WORDS[name]}.",
            remedy=f"Add it ({name}).",
        )
    if "title" in asked & carried:
        yield from _title(item, limits, form)
    if "link" in asked & carried:
        yield from _link(options.link or "", limits, network)
    elif (
        item.content_format is ContentFormat.LINK
        and "link" not in form.required
        and not links(item.text, is_scheme_optional=True)
    ):
        yield Violation(
            rule="link_missing",
            message="This is a link post without a link.",
            remedy="Write the link into the text, or publish it as text.",
            severity="warn",
        )
    if limits.max_user_tags is not None and len(options.user_tags) > limits.max_user_tags:
        yield Violation(
            rule="user_tag_count",
            message=f"{len(options.user_tags)} people are tagged; {network} accepts {limits.max_user_tags}.",
            remedy=f"Remove {len(options.user_tags) - limits.max_user_tags} of them.",
        )
    if options.privacy and limits.privacy and options.privacy not in limits.privacy:
        yield Violation(
            rule="privacy",
            message=f"{network} does not know the audience “{options.privacy}”.",
            remedy="Use one of: " + ", ".join(sorted(limits.privacy)) + ".",
        )
    if options.poll and limits.poll and "poll" in carried:
        yield from _poll(options.poll, limits.poll, network)
    if "thread" in carried:
        yield from _thread(item, limits)


def _title(item: ContentItem, limits: NetworkLimits, form: FormatLimits) -> Iterator[Violation]:
    limit, title = form.title or limits.title, item.options.title or ""
    if not title.strip():
        yield Violation(rule="option_missing", message="The title is blank.", remedy="Write one, or remove it.")
    elif limit and (excess := limit.excess(title)):
        yield Violation(
            rule="title_length",
            message=f"The title has {limit.most + excess} {limit.measure.unit}; {item.network.value} accepts {limit.most}.",
            remedy=f"Remove {excess} {limit.measure.unit} from the title.",
        )


def _link(link: str, limits: NetworkLimits, network: str) -> Iterator[Violation]:
    if not _is_web_address(link):
        yield Violation(
            rule="link_address",
            message=f"“{link}” is not the address of a page.",
            remedy="Write the whole address, with https:// and without spaces.",
        )
    if limits.max_link_characters is not None and len(link) > limits.max_link_characters:
        yield Violation(
            rule="link_length",
            message=f"The link has {len(link)} characters; {network} accepts {limits.max_link_characters}.",
            remedy="Use a shorter address.",
        )


def _is_web_address(link: str) -> bool:
    try:
        parts = urlsplit(link)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and not any(c.isspace() for c in link)
    except ValueError:  # an unbalanced bracket in the host
        return False


def _poll(poll: Poll, limits: PollLimits, network: str) -> Iterator[Violation]:
    if len(poll.choices) > limits.most_choices:
        yield Violation(
            rule="poll_choices",
            message=f"{len(poll.choices)} choices; {network} accepts {limits.most_choices}.",
            remedy=f"Remove {len(poll.choices) - limits.most_choices} choices.",
        )
    if len({choice.strip() for choice in poll.choices}) < len(poll.choices):
        yield Violation(
            rule="poll_choices",
            message="Two choices are the same.",
            remedy="Make each choice different from the others.",
        )
    for number, choice in enumerate(poll.choices, 1):
        excess = limits.choice.excess(choice)
        if not choice.strip():
            yield Violation(rule="poll_choices", message=f"Choice {number} is blank.", remedy="Write it, or remove it.")
        elif excess:
            unit = limits.choice.measure.unit
            yield Violation(
                rule="poll_choices",
                message=f"Choice {number} has {limits.choice.most + excess} {unit}; {network} accepts {limits.choice.most}.",
                remedy=f"Remove {excess} {unit} from “{choice}”.",
            )
    if limits.exact_minutes and poll.open_minutes not in limits.exact_minutes:
        days = ", ".join(f"{minutes // 1440}" for minutes in sorted(limits.exact_minutes))
        yield Violation(
            rule="poll_duration",
            message=f"The poll is open for {poll.open_minutes} minutes; {network} accepts whole days: {days}.",
            remedy=f"Keep it open for one of: {days} days.",
        )
    elif not limits.min_minutes <= poll.open_minutes <= limits.max_minutes:
        yield Violation(
            rule="poll_duration",
            message=f"The poll is open for {poll.open_minutes} minutes; {network} accepts {limits.min_minutes} to {limits.max_minutes}.",
            remedy=f"Keep it open for {limits.min_minutes} to {limits.max_minutes} minutes.",
        )
    if poll.allows_several and not limits.allows_several:
        yield Violation(
            rule="poll_choices",
            message=f"A poll on {network} takes one answer a person.",
            remedy="Let people choose one answer only.",
        )


def _thread(item: ContentItem, limits: NetworkLimits) -> Iterator[Violation]:
    for number, part in enumerate(item.options.thread, 2):
        if not part.strip():
            yield Violation(
                rule="thread_part", message=f"Part {number} of the thread is blank.", remedy="Write it, or remove it."
            )
        elif limits.refuses_repeats and part.strip() in {
            text.strip() for text in (item.text, *item.options.thread[: number - 2])
        }:
            yield Violation(
                rule="thread_part",
                message=f"Part {number} says what an earlier part says; {item.network.value} refuses that.",
                remedy="Word it differently, or remove it.",
            )
        yield from check_length(
            part,
            limits.text,
            network=item.network.value,
            where=f"Part {number}",
            advice="Or move words to another part.",
        )
