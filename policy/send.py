"""The one question that drafting and sending ask: may this be sent?

Belongs here: which rules apply to an item, and in which order their answers are told.
Does not belong here: the rules themselves (one module each beside this one).
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from contracts.records import Client, ContentItem, Verdict, Violation
from policy import banned_words, disclosure, facts, message_rules, network_limits, timing
from policy.limit_shapes import NetworkLimits
from policy.network_limits import LIMITS

POLICY_VERSION = "2026.3"
"""Raised whenever a rule changes what may be sent; stored with every decision."""


def may_send(
    item: ContentItem,
    client: Client,
    *,
    now: datetime,
    published_times: Sequence[datetime] = (),
    limits: NetworkLimits | None = None,
    last_received_at: datetime | None = None,
) -> Verdict:
    """Judge one content item of one client.

    Without `scheduled_at` the item is a draft: only rules about content apply. With it, rules about time apply too, at the later
    of `now` and the slot: ahead of the slot this judges the plan, after it the sending.

    `published_times`: when the same account published or has promised to publish, this item itself excluded.
    Replies are conversation, not posts: gap, quota and quiet hours do not hold them back.
    `limits`: what the account's own server accepts (Mastodon), in place of what the network usually does.
    `last_received_at`: when the person whose message this answers last wrote; None while that is not asked.

    Raises ValueError for a time without a zone.
    """
    if any(moment.tzinfo is None for moment in (now, *published_times)):
        raise ValueError("Times must be timezone-aware.")
    violations = tuple(
        _violations(
            item, client, now.astimezone(UTC), [t.astimezone(UTC) for t in published_times], limits, last_received_at
        )
    )
    return Verdict(is_allowed=all(v.severity != "block" for v in violations), violations=violations)


def _violations(
    item: ContentItem,
    client: Client,
    now: datetime,
    published_times: Sequence[datetime],
    limits: NetworkLimits | None,
    last_received_at: datetime | None,
) -> Iterator[Violation]:
    yield from _tenant(item, client)
    yield from network_limits.check(item, limits)
    yield from banned_words.check(item, client.brand)
    yield from disclosure.check(item, client.brand)
    if last_received_at is not None:
        yield from message_rules.check_window(
            item, limits or LIMITS[item.network], last_received_at=last_received_at, now=now
        )

    slot = item.scheduled_at.astimezone(UTC) if item.scheduled_at else None
    moment = max(now, slot) if slot else now
    yield from facts.check(item, client, on=timing.local_day(moment, client.time_zone))

    if slot is None:
        return
    rules = client.posting_rules
    yield from timing.check_late_window(slot, rules, now=now)
    if item.is_reply:
        return
    yield from timing.check_quiet_hours(moment, rules, client.time_zone)
    yield from timing.check_min_gap(moment, rules, published_times)
    yield from timing.check_daily_quota(moment, rules, client.time_zone, published_times)
    yield from network_limits.check_platform_cap(item.network, moment, published_times)


def _tenant(item: ContentItem, client: Client) -> Iterator[Violation]:
    if item.client_id != client.client_id:
        yield Violation(
            rule="wrong_client",
            message=f"The item belongs to {item.client_id}, not to {client.client_id}.",
            remedy="Send it with its own client's rules.",
        )
    if not client.is_active:
        yield Violation(
            rule="inactive_client",
            message=f"{client.name} is not active.",
            remedy="Activate the client first, or cancel the item.",
        )
