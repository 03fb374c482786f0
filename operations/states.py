"""The states that a content item and an outbox intent can be in, and what may follow what.

Belongs here: names of states and the sets of them that several modules ask about.
Does not belong here: the transactions that change a state (`content.py`, `outbox.py`, `deliveries.py`).
"""

from enum import StrEnum

from contracts.errors import PulsoError


class ItemState(StrEnum):
    """A content item as an editor sees it. After approval it follows its newest intent."""

    DRAFT = "draft"
    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    PUBLISHED = "published"
    MISSED = "missed"
    FAILED = "failed"
    PARKED = "parked"


class IntentState(StrEnum):
    """An outbox intent as the publisher sees it."""

    PENDING = "pending"
    """Nothing visible was asked for, or the network's own state proved that nothing became visible."""
    COMMITTING = "committing"
    """A commit call was announced and has no clear answer yet: it may have landed."""
    PUBLISHED = "published"
    MISSED = "missed"
    CANCELLED = "cancelled"
    FAILED = "failed"
    PARKED = "parked"
    """Waits for a person, who either resolves it or connects the account again."""


class ParkReason(StrEnum):
    """Why an intent is parked."""

    RECONNECT = "reconnect"
    """The account has to be connected again; saving a credential sets the intent free."""
    UNDECIDED = "undecided"
    """A commit may have landed and the network's state cannot tell."""
    UNFINDABLE_DUPLICATE = "unfindable_duplicate"
    """The network says that it has the post already, and does not show it."""
    EXHAUSTED = "exhausted"
    """Nothing was published, and the bounded number of tries is used up."""


class DeliveryState(StrEnum):
    """What became of a webhook delivery."""

    RECEIVED = "received"
    """Waits for a reading."""
    COLLECTING = "collecting"
    """Is part of a batch whose run has not ended."""
    COLLECTED = "collected"
    FAILED = "failed"
    """Was not read; the reason says why."""
    KEPT = "kept"
    """Asks for nothing that Pulso reads."""


EDITABLE_ITEM_STATES = frozenset(
    {ItemState.DRAFT, ItemState.APPROVED, ItemState.REJECTED, ItemState.CANCELLED, ItemState.MISSED, ItemState.FAILED}
)
UNSENT_INTENT_STATES = frozenset({IntentState.PENDING, IntentState.MISSED, IntentState.CANCELLED, IntentState.FAILED})
"""States in which it is certain that the network shows nothing: the intent may be edited, moved or queued again."""
PROMISED_INTENT_STATES = frozenset(
    {IntentState.PENDING, IntentState.COMMITTING, IntentState.PARKED, IntentState.PUBLISHED}
)


class ItemStateError(PulsoError):
    """The item is not in a state in which this can be done, or it changed since it was read."""


class UnknownRecordError(PulsoError):
    """No such record within the tenant scope."""


class LeaseLostError(PulsoError):
    """Another publisher holds the account by now: this one must stop at once."""
