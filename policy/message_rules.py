"""Rules about direct messages: where they can be sent at all, and for how long after the person last wrote.

Belongs here: a network's window for answers. Does not belong here: how long the text may be (`text_rules.py`).
"""

from collections.abc import Iterator
from datetime import datetime

from contracts.records import ContentItem, Violation
from policy.limit_shapes import NetworkLimits


def check_support(item: ContentItem, limits: NetworkLimits) -> Iterator[Violation]:
    """Whether the network lets programs write messages."""
    if limits.messages is None:
        yield Violation(
            rule="message_unsupported",
            message=f"{item.network.value} takes no direct messages from other programs.",
            remedy="Answer on the network itself.",
        )


def check_window(
    item: ContentItem, limits: NetworkLimits, *, last_received_at: datetime, now: datetime
) -> Iterator[Violation]:
    """Whether the person wrote recently enough. An item that a person has to approve is a person's answer, for which some networks
    leave more time."""
    messages = limits.messages
    if messages is None or messages.window is None:
        return
    window = messages.window
    if item.needs_person and messages.person_window is not None:
        window = messages.person_window
    age = now - last_received_at
    if age <= window:
        return
    remedy = "Answer in the network's own inbox, or wait until they write again."
    if messages.person_window is not None and not item.needs_person and age <= messages.person_window:
        remedy = "Let a person write the answer (`needs_person`), or wait until they write again."
    yield Violation(
        rule="message_window",
        message=(
            f"They last wrote {age.total_seconds() / 3600:.0f} hours ago; {item.network.value} lets an account answer for "
            f"{window.total_seconds() / 3600:.0f}."
        ),
        remedy=remedy,
    )
