"""What became of the intents: what the store believes against what the server lists.

Belongs here: counting. Does not belong here: what counts as a broken promise (`run.py`).
"""

import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from benchmarks.bluesky_server import BlueskyServer
from benchmarks.chaos_pds.publisher import ALL
from contracts.records import Account, ContentItem
from operations import IntentState, OutboxEntry, SqlStore

Key = tuple[str, str, int]
"""Account (its DID), text, number of pictures: what the public can tell apart."""


@dataclass(frozen=True)
class PostFigures:
    """What became of the intents of one kind."""

    kind: str
    intents: int
    published: int
    reconciled: int
    """Of the published: found by reading the server after a lost answer or a death."""
    duplicates: int
    lost: int
    stuck: int
    parked: int
    reposts: int
    """Intents with text and pictures that the account has sent before."""
    reposts_seen: int
    commit_calls: float
    """Mean per intent."""
    most_commit_calls: int
    lateness_median_seconds: float
    """From the moment that it was due to the receipt; machine time, deaths included."""
    lateness_95_seconds: float


@dataclass(frozen=True)
class _Group:
    """All intents for one post of the public's, and how often it is to be seen."""

    key: Key
    entries: tuple[OutboxEntry, ...]
    visible: int

    @property
    def has_pictures(self) -> bool:
        return self.key[2] > 0

    def count(self, state: IntentState) -> int:
        return sum(entry.state is state for entry in self.entries)

    @property
    def duplicates(self) -> int:
        # Of a parked intent nobody knows whether it is visible: it may explain one post, or none.
        return max(0, self.visible - self.count(IntentState.PUBLISHED) - self.count(IntentState.PARKED))

    @property
    def lost(self) -> int:
        return max(0, self.count(IntentState.PUBLISHED) - self.visible)

    @property
    def stuck(self) -> int:
        return len(self.entries) - self.count(IntentState.PUBLISHED) - self.count(IntentState.PARKED)


def count(
    server: BlueskyServer, accounts: Sequence[Account], items: Mapping[str, ContentItem], store: SqlStore
) -> tuple[PostFigures, ...]:
    """Figures of the posts of each kind, and of all of them last."""
    seen = _seen(server, accounts)
    asked: dict[Key, list[OutboxEntry]] = defaultdict(list)
    for entry in store.outbox(ALL):
        item = items[entry.content_item_id]
        asked[entry.account_id.removeprefix("bluesky:"), item.text, len(item.media)].append(entry)
    groups = [_Group(key, tuple(asked[key]), seen[key]) for key in seen.keys() | asked.keys()]
    lateness = _lateness(store)
    return (
        _figures("texts", [group for group in groups if not group.has_pictures], lateness),
        _figures("with pictures", [group for group in groups if group.has_pictures], lateness),
        _figures("all", groups, lateness),
    )


def _seen(server: BlueskyServer, accounts: Sequence[Account]) -> Counter[Key]:
    """How often the server lists each post."""
    seen = Counter[Key]()
    for account in accounts:
        for record in server.posts(account.native_id):
            pictures = record["value"].get("embed", {}).get("images", ())
            seen[account.native_id, record["value"]["text"], len(pictures)] += 1
    return seen


def _lateness(store: SqlStore) -> dict[str, float]:
    """Machine seconds by intent, from its becoming pending to its receipt."""
    due: dict[str, datetime] = {}
    lateness = {}
    for event in reversed(store.audit(ALL, limit=10_000_000)):
        if event.action == "intent_pending":
            due.setdefault(event.subject_id, event.recorded_at)
        elif event.action == "intent_published":
            lateness[event.subject_id] = (event.recorded_at - due[event.subject_id]).total_seconds()
    return lateness


def _figures(kind: str, groups: Sequence[_Group], lateness_of: Mapping[str, float]) -> PostFigures:
    entries = [entry for group in groups for entry in group.entries]
    published = [entry for entry in entries if entry.state is IntentState.PUBLISHED]
    calls = [entry.commit_calls for entry in entries] or [0]
    lateness = sorted(lateness_of[entry.intent_id] for entry in published) or [0.0]
    repeated = [group for group in groups if len(group.entries) > 1]
    return PostFigures(
        kind=kind,
        intents=len(entries),
        published=len(published),
        reconciled=sum(entry.is_reconciled for entry in published),
        duplicates=sum(group.duplicates for group in groups),
        lost=sum(group.lost for group in groups),
        stuck=sum(group.stuck for group in groups),
        parked=sum(group.count(IntentState.PARKED) for group in groups),
        reposts=sum(len(group.entries) - 1 for group in repeated),
        reposts_seen=sum(max(0, min(group.visible, len(group.entries)) - 1) for group in repeated),
        commit_calls=statistics.fmean(calls),
        most_commit_calls=max(calls),
        lateness_median_seconds=statistics.median(lateness),
        lateness_95_seconds=lateness[int(0.95 * (len(lateness) - 1))],
    )
