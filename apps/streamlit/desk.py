"""The desk: what one client's calendar shows of the operational store, and every write that a strategist may make.

Belongs here: reads through the client's scope, writes through the store with the actor's name, the send rules run on what is shown.
Does not belong here: drawing, the lake (`data.py`), SQL (`operations`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from contracts.media import MediaMender
from contracts.records import AccountTerms, Client, ContentItem, Forecast, Goal, Trouble, Verdict
from contracts.scope import TenantScope
from operations import ItemView, SqlStore, Stop, StopReceipt
from operations.mending import MendedItem, is_mendable, mend
from operations.states import EDITABLE_ITEM_STATES, IntentState, ItemState
from policy import NetworkLimits, limits_for, may_send

AROUND = timedelta(days=3)
"""How far around a slot other posts are read to judge gaps and quotas; the longest rule looks a day either way."""
LOST_LONG_AGO = timedelta(days=14)
"""A refused or missed post that nobody has cared about for so long is no trouble any more."""


@dataclass(frozen=True)
class ShownForecast:
    """A forecast beside a text. `is_outdated`: it was made for an earlier text, nobody has scored this one."""

    forecast: Forecast
    is_outdated: bool


@dataclass(frozen=True)
class ShownConnection:
    """An account and what keeps it from working: None, or the key of what is wrong."""

    account_id: str
    network: str
    handle: str
    problem: str | None
    reason: str | None
    since: datetime | None


class Desk:
    """One client's desk. All methods stay within that client's scope; writes raise the store's own errors."""

    def __init__(self, store: SqlStore, client: Client, home: Path, mender: MediaMender) -> None:
        self._store = store
        self._mender = mender
        self._scope = TenantScope.of(client.client_id)
        self._home = home
        self.client = client

    # --- reading -------------------------------------------------------------------------------------------------------------

    def between(self, start: datetime, end: datetime) -> tuple[ItemView, ...]:
        """Posts and replies with a slot in [start, end), by slot."""
        return self._store.calendar(self._scope, start=start, end=end)

    def without_slot(self) -> tuple[ItemView, ...]:
        """Drafts that no slot was found for yet."""
        drafts = self._store.calendar(self._scope, states=(ItemState.DRAFT.value,))
        return tuple(view for view in drafts if view.item.scheduled_at is None)

    def parked(self) -> tuple[ItemView, ...]:
        """What waits for a person because no machine can decide it."""
        return self._store.calendar(self._scope, states=(ItemState.PARKED.value,))

    def item(self, content_item_id: str) -> ItemView:
        return self._store.item(self._scope, content_item_id)

    def stops(self) -> tuple[Stop, ...]:
        """Stops in force that hold this client back."""
        return self._store.stops(self._scope)

    def handles(self) -> Mapping[str, str]:
        """Handle of each account."""
        return {account.account_id: account.handle for account in self._store.accounts(self._scope)}

    def rivals(self) -> frozenset[str]:
        """The rivals that the client watches."""
        return frozenset(rival.competitor_id for rival in self._store.competitors(self._scope))

    def goals(self) -> tuple[Goal, ...]:
        """What the client means to reach, as it was last set; how far it has come is in gold."""
        return self._store.goals(self._scope)

    def connections(self) -> tuple[ShownConnection, ...]:
        """Each account, and whether it can be used."""
        accounts = {account.account_id: account for account in self._store.accounts(self._scope)}
        shown = []
        for connection in self._store.connections(self._scope):
            account = accounts[connection.account_id]
            problem = None
            if not connection.is_connected:
                problem = "unconnected"
            elif connection.paused_at is not None:
                problem = "paused"
            shown.append(
                ShownConnection(
                    account.account_id,
                    account.network.value,
                    account.handle,
                    problem,
                    connection.paused_reason,
                    connection.paused_at,
                )
            )
        return tuple(shown)

    def troubles(self, now: datetime) -> tuple[Trouble, ...]:
        """What does not go out by itself, the most costly first; what was lost long ago is history."""
        return self._store.troubles(self._scope, since=now - LOST_LONG_AGO)

    def native_ids(self) -> Mapping[str, str]:
        """The network's own id of each published item's newest post."""
        published = self._store.outbox(self._scope, states=(IntentState.PUBLISHED.value,))
        return {entry.content_item_id: entry.native_id for entry in published if entry.native_id is not None}

    def outbox_counts(self) -> Mapping[str, int]:
        """Intents per state, states without any left out."""
        counts = Counter(entry.state for entry in self._store.outbox(self._scope))
        return {state.value: counts[state] for state in IntentState if counts[state]}

    def needs(self, now: datetime) -> Mapping[str, int]:
        """How many things wait for a person, by kind, most urgent first."""
        views = self._store.calendar(self._scope)
        drafts = [view for view in views if view.state is ItemState.DRAFT]
        upcoming = [view for view in drafts if view.item.scheduled_at is not None and view.item.scheduled_at >= now]
        return {
            "stops": len(self.stops()),
            "parked": sum(view.state is ItemState.PARKED for view in views),
            "stuck": len(self._store.stuck(self._scope)),
            "paused_accounts": sum(connection.problem is not None for connection in self.connections()),
            "approve_soon": sum(view.item.scheduled_at <= now + timedelta(hours=24) for view in upcoming),  # type: ignore[operator]
            "approve": sum(view.item.scheduled_at > now + timedelta(hours=24) for view in upcoming),  # type: ignore[operator]
            "replies": sum(view.item.is_reply and view.item.scheduled_at is None for view in drafts),
            "missed": sum(view.state is ItemState.MISSED for view in views),
            "failed": sum(view.state is ItemState.FAILED for view in views),
        }

    def forecast(self, view: ItemView) -> ShownForecast | None:
        """The forecast of what the item says now, else the newest one of an earlier text, marked as outdated."""
        if view.item.forecast is not None:
            return ShownForecast(view.item.forecast, is_outdated=False)
        if view.item.revision == 1:
            return None
        earlier = [revision.item.forecast for revision in self._store.revisions(self._scope, view.item.content_item_id)]
        known = [forecast for forecast in earlier if forecast is not None]
        return ShownForecast(known[-1], is_outdated=True) if known else None

    def verdict(self, item: ContentItem, *, now: datetime) -> Verdict:
        """The send rules' answer to an item as it is given here, beside what its account has published or promised."""
        slot = item.scheduled_at
        others: Sequence[datetime] = ()
        if slot is not None:
            taken = self._store.taken_slots(self._scope, start=slot - AROUND, end=slot + AROUND)
            own = self.item(item.content_item_id).item.scheduled_at
            others = _without(taken.get(item.account_id, ()), own)
        return may_send(item, self.client, now=now, published_times=others, limits=self.limits(item))

    def limits(self, item: ContentItem) -> NetworkLimits:
        """What the item has to fit: its account's own server's limits, where it states any."""
        return limits_for(item.network, self._store.terms(self._scope).get(item.account_id))

    def boards(self) -> tuple[AccountTerms, ...]:
        """Accounts whose posts go to boards, with the boards that were read."""
        return tuple(terms for terms in self._store.terms(self._scope).values() if terms.boards)

    def can_mend(self, item: ContentItem) -> bool:
        """Whether something of what the item breaks can be mended without changing what it says."""
        return is_mendable(item, limits=self.limits(item))

    def mended(self, item: ContentItem, *, may_shorten: bool) -> MendedItem:
        """The item made to fit, and what was changed. Nothing is saved but the new files, which nobody sees. May take minutes."""
        return mend(item, self._mender, limits=self.limits(item), may_shorten=may_shorten)

    def media_path(self, path: str) -> Path | None:
        """The file of a media path, or None when it is missing or would lie outside the state folder."""
        file = (self._home / path).resolve()
        return file if file.is_relative_to(self._home.resolve()) and file.is_file() else None

    # --- writing -------------------------------------------------------------------------------------------------------------

    def edit(self, view: ItemView, *, text: str, actor: str) -> None:
        """A new revision over the one that was read; its approval and its forecast no longer count."""
        self._own(view)
        self._store.edit(view.item.content_item_id, actor=actor, revision=view.item.revision, text=text)

    def save_mended(self, view: ItemView, mended: ContentItem, *, actor: str) -> None:
        """What was mended as a new revision over the one that was read: it has to be approved again."""
        self._own(view)
        self._store.edit(
            view.item.content_item_id,
            actor=actor,
            revision=view.item.revision,
            text=mended.text,
            media=mended.media,
            content_format=mended.content_format,
            options=mended.options,
        )

    def choose_board(self, account_id: str, board_id: str, *, actor: str) -> None:
        """New drafts of the account go to this board."""
        if account_id in self.handles():
            self._store.choose_board(account_id, board_id, actor=actor)

    def approve(self, view: ItemView, *, actor: str) -> None:
        self._own(view)
        self._store.approve(view.item.content_item_id, actor=actor, revision=view.item.revision)

    def reject(self, view: ItemView, *, actor: str, reason: str) -> None:
        self._own(view)
        self._store.reject(view.item.content_item_id, actor=actor, reason=reason or None)

    def move(self, view: ItemView, *, to: datetime, actor: str) -> None:
        self._own(view)
        self._store.reschedule(view.item.content_item_id, actor=actor, scheduled_at=to)

    def stop(self, *, for_all: bool, actor: str, reason: str) -> StopReceipt:
        """Let nothing new become visible, for this client or for all."""
        return self._store.stop(actor=actor, reason=reason, client_id=None if for_all else self.client.client_id)

    def resume(self, stop: Stop, *, actor: str) -> None:
        self._store.resume(actor=actor, client_id=stop.client_id)

    def adopt(
        self, view: ItemView, *, native_id: str, permalink: str | None, published_at: datetime, actor: str
    ) -> None:
        """The parked post was found on the network: it is this one."""
        self._store.adopt(
            self._parked_intent(view), actor=actor, native_id=native_id, permalink=permalink, published_at=published_at
        )

    def send_again(self, view: ItemView, *, actor: str) -> None:
        """The network shows nothing of the parked post: send it now."""
        self._store.send_again(self._parked_intent(view), actor=actor)

    def drop(self, view: ItemView, *, actor: str, reason: str) -> None:
        """Give the parked post up."""
        self._store.drop(self._parked_intent(view), actor=actor, reason=reason or None)

    def _parked_intent(self, view: ItemView) -> str:
        self._own(view)
        assert view.intent_id is not None, "a parked item has an intent"
        return view.intent_id

    def _own(self, view: ItemView) -> None:
        """The store's writes name an item only: make sure that it is this client's before any."""
        self._store.item(self._scope, view.item.content_item_id)


def is_changeable(view: ItemView) -> bool:
    """Whether a person may still edit or reject the item."""
    return view.state in EDITABLE_ITEM_STATES and view.intent_state is not IntentState.COMMITTING


def is_movable(view: ItemView) -> bool:
    return is_changeable(view) and view.state in (ItemState.DRAFT, ItemState.APPROVED, ItemState.MISSED)


def _without(moments: Sequence[datetime], own: datetime | None) -> tuple[datetime, ...]:
    """`moments` less one occurrence of the item's own."""
    rest = list(moments)
    if own in rest:
        rest.remove(own)
    return tuple(rest)
