"""Troubles: everything that was promised and does not go out by itself, in one list, with whose problem it is and what to do.

Belongs here: which intents and accounts count, how much each costs, and the words for whoever is woken by it.
Does not belong here: the ways out (`parked.py`, `content.py`, `directory.py`), telling anybody (assets, apps).
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from contracts.networks import Network
from contracts.records import Trouble, TroubleKind
from contracts.scope import TenantScope
from operations.models import AccountRow, ContentItemRow, IntentRow, LaneRow
from operations.parked import OutboxDesk, OutboxEntry, entries
from operations.part import within
from operations.states import IntentState, ItemState, ParkReason

_LOOK = "Look at the network, then say in the calendar whether the post is live, is to be sent again, or is given up."
_WORDS: dict[str, tuple[str, str]] = {
    TroubleKind.PAUSED: (
        "whoever holds the account's login",
        "Connect it again (`pulso accounts connect {account_id}`): what waits then goes on by itself.",
    ),
    TroubleKind.DEFERRED: (
        "whoever answers for limits and budgets",
        "Have the limit or the budget raised, or move the posts behind its end: docs/runbooks/limit-used-up.md.",
    ),
    TroubleKind.STUCK: (
        "whoever runs Pulso",
        "See that something publishes: `pulso worker`, or `pulso ui` with its schedules; `pulso publish` does it once.",
    ),
    ParkReason.UNDECIDED: ("the network, which cannot tell", _LOOK),
    ParkReason.UNFINDABLE_DUPLICATE: ("the network, which cannot tell", _LOOK),
    ParkReason.EXHAUSTED: (
        "the network, which did not answer",
        "Nothing was published. When the network answers again, send it again in the calendar, or give it up.",
    ),
    ParkReason.RECONNECT: (
        "whoever holds the account's login",
        "Connect the account again (`pulso accounts connect {account_id}`), or give the post up in the calendar.",
    ),
    TroubleKind.FAILED: (
        "whoever wrote it",
        "Change in the calendar what the reason names and approve it again, or reject it.",
    ),
    TroubleKind.MISSED: (
        "whoever plans the calendar",
        "Move it to a coming slot in the calendar, or reject it.",
    ),
}


DEFERRED_FOR_LONG = timedelta(hours=1)
"""Shorter waits end by themselves within any client's late window."""


class Troubles(OutboxDesk):
    """The store's face for what needs somebody."""

    def troubles(self, scope: TenantScope, *, since: datetime | None = None) -> tuple[Trouble, ...]:
        """The most costly first: what holds up others, then by posts, then the oldest. `since` bounds what failed or was missed;
        the rest counts for as long as it lasts."""
        with self._database.read() as session:
            paused = tuple(_paused(session, scope))
            deferred = tuple(_deferred(session, scope))
            waiting = {trouble.account_id for trouble in paused}
            posts = tuple(_posts(session, scope, since))
        found = [
            *paused,
            *deferred,
            *(_trouble(TroubleKind.STUCK, entry) for entry in self.stuck(scope)),
            *(
                trouble
                for trouble in posts
                if trouble.account_id not in waiting or trouble.code != ParkReason.RECONNECT.value
            ),
        ]
        return tuple(sorted(found, key=lambda t: (not t.holds_up_others, -t.posts, t.since, t.intent_id or "")))


def _paused(session: Session, scope: TenantScope) -> Iterator[Trouble]:
    """Paused accounts, each with the number of posts that wait for it."""
    held = (
        select(func.count())
        .select_from(IntentRow)
        .where(
            IntentRow.account_id == AccountRow.account_id,
            or_(
                IntentRow.state.in_((IntentState.PENDING.value, IntentState.COMMITTING.value)),
                and_(IntentRow.state == IntentState.PARKED.value, IntentRow.reason_code == ParkReason.RECONNECT.value),
            ),
        )
        .scalar_subquery()
    )
    query = (
        select(AccountRow, LaneRow, held)
        .join(LaneRow, LaneRow.account_id == AccountRow.account_id)
        .where(within(scope, AccountRow.client_id), LaneRow.paused_at.is_not(None))
        .order_by(AccountRow.account_id)
    )
    for account, lane, posts in session.execute(query):
        owner, remedy = _words(TroubleKind.PAUSED, account.account_id)
        yield Trouble(
            kind=TroubleKind.PAUSED,
            client_id=account.client_id,
            account_id=account.account_id,
            network=Network(account.network),
            intent_id=None,
            content_item_id=None,
            scheduled_at=None,
            since=lane.paused_at,
            code=None,
            reason=lane.paused_reason or "the network refuses the account",
            owner=owner,
            remedy=remedy,
            posts=posts,
        )


def _deferred(session: Session, scope: TenantScope) -> Iterator[Trouble]:
    """Accounts that wait for long, each with the posts that are due meanwhile."""
    until = LaneRow.deferred_until
    held = entries(
        session,
        scope,
        and_(
            until > datetime.now(UTC) + DEFERRED_FOR_LONG, LaneRow.paused_at.is_(None), IntentRow.reason_code == "rate"
        ),
    )
    for account_id in dict.fromkeys(entry.account_id for entry in held):
        posts = [entry for entry in held if entry.account_id == account_id]
        owner, remedy = _words(TroubleKind.DEFERRED, account_id)
        yield Trouble(
            kind=TroubleKind.DEFERRED,
            client_id=posts[0].client_id,
            account_id=account_id,
            network=posts[0].network,
            intent_id=None,
            content_item_id=None,
            scheduled_at=posts[0].scheduled_at,
            since=posts[0].scheduled_at,
            code="rate",
            reason=posts[0].reason or "the network asked to wait",
            owner=owner,
            remedy=remedy,
            posts=len(posts),
        )


def _posts(session: Session, scope: TenantScope, since: datetime | None) -> Iterator[Trouble]:
    """Parked intents, and those that failed or were missed while nobody did anything about it yet."""
    later = aliased(IntentRow)
    is_newest = ~(
        select(later.intent_id)
        .where(later.content_item_id == IntentRow.content_item_id, later.occurrence > IntentRow.occurrence)
        .exists()
    )
    # An edit makes a draft of the item; a repost that came to nothing leaves it published, as it was before.
    is_untouched = or_(
        ContentItemRow.state == IntentRow.state,
        and_(IntentRow.occurrence > 1, ContentItemRow.state == ItemState.PUBLISHED.value),
    )
    lost = and_(IntentRow.state.in_((IntentState.FAILED.value, IntentState.MISSED.value)), is_untouched, is_newest)
    if since is not None:
        lost = and_(lost, IntentRow.changed_at >= since)
    for entry in entries(session, scope, or_(IntentRow.state == IntentState.PARKED.value, lost)):
        yield _trouble(TroubleKind(entry.state.value), entry)


def _trouble(kind: TroubleKind, entry: OutboxEntry) -> Trouble:
    owner, remedy = _words((entry.reason_code if kind is TroubleKind.PARKED else None) or kind, entry.account_id)
    return Trouble(
        kind=kind,
        client_id=entry.client_id,
        account_id=entry.account_id,
        network=entry.network,
        intent_id=entry.intent_id,
        content_item_id=entry.content_item_id,
        scheduled_at=entry.scheduled_at,
        since=entry.scheduled_at if kind is TroubleKind.STUCK else entry.changed_at,
        code=entry.reason_code,
        reason=entry.reason or ("nothing took it up" if kind is TroubleKind.STUCK else kind.value),
        owner=owner,
        remedy=remedy,
        posts=1,
    )


def _words(key: str, account_id: str) -> tuple[str, str]:
    owner, remedy = _WORDS[key]
    return owner, remedy.format(account_id=account_id)
