"""The verdict: what the networks' public sees, held against what the store believes and what people were promised.

Belongs here: counting, and which counts break a promise. Does not belong here: printing (`report.py`).
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from benchmarks.chaos.people import People, Plan
from contracts.networks import Network
from operations import IntentState, OutboxEntry
from operations.database import Database
from operations.models import AuditRow

PARKED_ALLOWED = 0.005
REFUSES_EQUAL_TEXTS = frozenset({Network.FACEBOOK, Network.LINKEDIN, Network.X})


@dataclass
class NetworkFigures:
    """What became of the intents of one network."""

    intents: int = 0
    published: int = 0
    reconciled: int = 0
    """Of the published: found by reading the network after a lost answer or a death."""
    cancelled: int = 0
    edited: int = 0
    duplicates: int = 0
    lost: int = 0
    stuck: int = 0
    parked: int = 0
    reposts: int = 0
    reposts_seen: int = 0
    refused: int = 0
    """Deliberate reposts that the network's own guard refuses: they have to fail with its reason, and nothing has to appear."""
    commit_calls: list[int] = field(default_factory=list)
    lateness_seconds: list[float] = field(default_factory=list)
    """From the approval of a post that was due to its receipt; machine time, deaths included."""


@dataclass(frozen=True)
class Verdict:
    """What was counted, and every broken promise."""

    networks: Mapping[str, NetworkFigures]
    kills: int
    stops: int
    reconnections: int
    seconds: float
    parked_cases: Mapping[str, int]
    faults_fired: Mapping[str, int]
    violations: tuple[str, ...]
    kept_in: Path | None = None
    """Where store, networks and journals lie, when there is something to find out."""

    @property
    def is_clean(self) -> bool:
        return not self.violations


def judge(
    people: People,
    entries: Sequence[OutboxEntry],
    seen: Sequence[Mapping[str, Any]],
    database: Database,
    *,
    refuses_equal_texts: bool,
    kills: int,
    problems: Sequence[str],
    faults_fired: Mapping[str, int],
    seconds: float,
) -> Verdict:
    """Count by network, and name every broken promise."""
    visible = Counter(post["text"] for post in seen)
    lateness = _lateness(database)
    by_item: dict[str, list[OutboxEntry]] = defaultdict(list)
    for entry in entries:
        by_item[entry.content_item_id].append(entry)
    figures: dict[str, NetworkFigures] = defaultdict(NetworkFigures)
    violations = [*people.problems, *problems]
    for plan in people.plans:
        own = by_item[plan.item.content_item_id]
        is_guarded = refuses_equal_texts and plan.item.network in REFUSES_EQUAL_TEXTS
        violations += _count(figures[plan.item.network.value], plan, own, visible, lateness, is_guarded=is_guarded)
    violations += _out_of_order(people, by_item, seen)
    totals: list[str] = []
    for name, one in figures.items():
        for what in ("duplicates", "lost", "stuck"):
            if getattr(one, what):
                totals.append(f"{name}: {getattr(one, what)} {what}")
        if one.reposts_seen < one.reposts:
            totals.append(f"{name}: {one.reposts - one.reposts_seen} deliberate reposts are missing")
    parked, intents = (sum(getattr(one, name) for one in figures.values()) for name in ("parked", "intents"))
    if parked > PARKED_ALLOWED * intents:
        totals.append(f"{parked} of {intents} parked")
    cases = Counter(f"{e.network.value}: {e.reason_code}: {e.reason}" for e in entries if e.state is IntentState.PARKED)
    return Verdict(
        networks=dict(sorted(figures.items())),
        kills=kills,
        stops=people.stops,
        reconnections=people.reconnections,
        seconds=seconds,
        parked_cases=cases,
        faults_fired=faults_fired,
        violations=(*totals, *violations),
    )


def _count(
    count: NetworkFigures,
    plan: Plan,
    entries: Sequence[OutboxEntry],
    visible: Counter[str],
    lateness: Mapping[str, float],
    *,
    is_guarded: bool,
) -> Iterator[str]:
    """Add one post to its network's figures; yields the promises that it breaks by itself."""
    item = plan.item
    states = Counter(entry.state for entry in entries)
    published, parked = states[IntentState.PUBLISHED], states[IntentState.PARKED]
    cancelled = states[IntentState.CANCELLED] if plan.wish == "cancel" and plan.is_done else 0
    refused = sum(is_guarded and e.occurrence > 1 and e.state is IntentState.FAILED for e in entries)
    is_edited = plan.wish == "edit" and plan.is_done
    shows = visible[plan.edited_text if is_edited else item.text]
    count.intents += len(entries)
    count.published += published
    count.reconciled += sum(e.state is IntentState.PUBLISHED and e.is_reconciled for e in entries)
    count.cancelled += cancelled
    count.edited += is_edited
    count.parked += parked
    count.refused += refused
    count.stuck += len(entries) - published - parked - cancelled - refused
    # Of a parked intent nobody knows whether it is visible: it may explain one post, or none.
    count.duplicates += max(0, shows - published - parked)
    count.lost += max(0, published - shows)
    if len(entries) > 1 and not is_guarded:
        count.reposts += 1
        count.reposts_seen += shows >= 2 or parked > 0
    count.commit_calls += [entry.commit_calls for entry in entries]
    count.lateness_seconds += [lateness[e.intent_id] for e in entries if e.intent_id in lateness and e.occurrence == 1]
    if cancelled and shows:
        yield f"{item.content_item_id} is visible though it was cancelled"
    if is_edited and visible[item.text]:
        yield f"{item.content_item_id} shows the text from before its edit"
    if plan.wish == "edit" and not plan.is_done and visible[plan.edited_text]:
        yield f"{item.content_item_id} shows an edit that was refused"
    for entry in entries:
        is_settled = entry.state in (IntentState.PUBLISHED, IntentState.PARKED) or cancelled
        if not is_settled and not (is_guarded and entry.occurrence > 1):
            yield f"{item.content_item_id} ended as {entry.state.value}: {entry.reason}"


def _lateness(database: Database) -> Mapping[str, float]:
    """Seconds from the first time that an intent was pending to its receipt, by the audit trail."""
    query = (
        select(AuditRow.subject_id, AuditRow.action, AuditRow.recorded_at)
        .where(AuditRow.action.in_(["intent_pending", "intent_published"]))
        .order_by(AuditRow.audit_id)
    )
    begun: dict[str, Any] = {}
    found: dict[str, float] = {}
    with database.read() as session:
        for intent_id, action, at in session.execute(query).tuples():
            if action == "intent_pending":
                begun.setdefault(intent_id, at)
            elif intent_id in begun:
                found[intent_id] = (at - begun[intent_id]).total_seconds()
    return found


def _out_of_order(
    people: People, by_item: Mapping[str, Sequence[OutboxEntry]], seen: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    """Accounts whose posts did not become visible in the order of their slots. What was edited, parked or posted again may pass others."""
    slots = {
        plan.item.text: (plan.item.account_id, plan.item.scheduled_at)
        for plan in people.plans
        if plan.wish == "publish" and all(e.state is IntentState.PUBLISHED for e in by_item[plan.item.content_item_id])
    }
    last: dict[str, Any] = {}
    broken: set[str] = set()
    for post in seen:
        account_id, slot = slots.get(post["text"], (None, None))
        if account_id is None or account_id in broken:
            continue
        if account_id in last and slot < last[account_id]:
            broken.add(account_id)
            yield f"{account_id}: its posts are out of order"
        last[account_id] = slot
