"""The operational store and the publisher: what Pulso knows about its clients and what it does for them.

Belongs here: state that people and the publisher change (clients, credentials, content, approvals, the outbox), and the one way to a
network's public: draining the outbox.
Does not belong here: facts that were observed (the lake), rules about content (policy), a network's wire (platforms).
"""

from operations.audit import AuditEvent
from operations.content import Approval, ItemView, Revision
from operations.conversations import Conversation
from operations.deliveries import DeliveryCount, Reception, RefusalCount
from operations.directory import Connection
from operations.migrations import migrate
from operations.parked import OutboxEntry
from operations.publisher import OutboxPublisher, RetryPlan
from operations.states import (
    DeliveryState,
    IntentState,
    ItemState,
    ItemStateError,
    LeaseLostError,
    ParkReason,
    UnknownRecordError,
)
from operations.stops import Stop, StopReceipt
from operations.store import SqlStore, open_store, set_up
from operations.vault import Vault, VaultError

__all__ = [
    "Approval",
    "AuditEvent",
    "Connection",
    "Conversation",
    "DeliveryCount",
    "DeliveryState",
    "IntentState",
    "ItemState",
    "ItemStateError",
    "ItemView",
    "LeaseLostError",
    "OutboxEntry",
    "OutboxPublisher",
    "ParkReason",
    "Reception",
    "RefusalCount",
    "RetryPlan",
    "Revision",
    "SqlStore",
    "Stop",
    "StopReceipt",
    "UnknownRecordError",
    "Vault",
    "VaultError",
    "migrate",
    "open_store",
    "set_up",
]
