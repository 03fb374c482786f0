"""Tables of the operational store as SQLAlchemy models.

Belongs here: columns, keys, constraints. A change here needs a migration (`migrations/versions`); a test compares the two.
Does not belong here: queries and transitions.

Two kinds of time, named apart: plain `<event>_at` is business time (the networks' clock); columns that serve leases and backoff
are machine time and say so in their comment.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from contracts.records import (
    AccountTerms,
    ApprovalPolicy,
    BrandKit,
    ContentItem,
    Goal,
    Message,
    PostingRules,
    PublishRequest,
    Receipt,
    Staging,
)
from operations.database import RecordJson, UtcDateTime
from operations.states import DeliveryState, IntentState, ItemState

ALL_CLIENTS = "*"
"""Key of the stop switch that holds for every client."""


class Base(DeclarativeBase):
    """Base of all models; constraint names are fixed so that migrations can address them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, dict[str, Any]: JSON, str: String(255)}  # noqa: RUF012


def _values(states: type[ItemState] | type[IntentState] | type[DeliveryState]) -> str:
    return ", ".join(f"'{state.value}'" for state in states)


class ClientRow(Base):
    __tablename__ = "clients"

    client_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    time_zone: Mapped[str]
    language: Mapped[str]
    autonomy: Mapped[str]
    approval_policy: Mapped[ApprovalPolicy] = mapped_column(RecordJson(ApprovalPolicy))
    posting_rules: Mapped[PostingRules] = mapped_column(RecordJson(PostingRules))
    brand: Mapped[BrandKit] = mapped_column(RecordJson(BrandKit))
    is_active: Mapped[bool]


class AccountRow(Base):
    __tablename__ = "accounts"
    __table_args__ = (UniqueConstraint("network", "native_id"),)

    account_id: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id"), index=True)
    network: Mapped[str]
    native_id: Mapped[str]
    handle: Mapped[str]
    base_url: Mapped[str] = mapped_column(Text)


class TermsRow(Base):
    """What the account's own place on its network allows and offers, as it was read last."""

    __tablename__ = "account_terms"

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"), primary_key=True)
    body: Mapped[AccountTerms] = mapped_column(RecordJson(AccountTerms))


class LaneRow(Base):
    """The queue of one account: who drains it, and whether it is held back as a whole."""

    __tablename__ = "account_lanes"

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"), primary_key=True)
    lease_token: Mapped[str | None]
    lease_expires_at: Mapped[datetime | None] = mapped_column(comment="machine time")
    deferred_until: Mapped[datetime | None] = mapped_column(comment="machine time; the network's rate limit")
    paused_at: Mapped[datetime | None]
    paused_reason: Mapped[str | None] = mapped_column(Text)


class CompetitorRow(Base):
    __tablename__ = "competitors"
    __table_args__ = (UniqueConstraint("network", "handle"),)

    competitor_id: Mapped[str] = mapped_column(primary_key=True)
    network: Mapped[str]
    handle: Mapped[str]
    profile_url: Mapped[str] = mapped_column(Text)


class CompetitorWatchRow(Base):
    """Which client watches which competitor."""

    __tablename__ = "competitor_watches"

    competitor_id: Mapped[str] = mapped_column(ForeignKey("competitors.competitor_id"), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id"), primary_key=True, index=True)


class GoalRow(Base):
    """What a client means to reach. The key says metric, period and accounts; the target may change."""

    __tablename__ = "goals"

    goal_id: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id"), index=True)
    body: Mapped[Goal] = mapped_column(RecordJson(Goal))


class DataKeyRow(Base):
    """A client's data key, wrapped under the master key."""

    __tablename__ = "data_keys"

    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id"), primary_key=True)
    wrapped_key: Mapped[bytes] = mapped_column(LargeBinary)


class CredentialRow(Base):
    """An account's token of one grant, encrypted under its client's data key."""

    __tablename__ = "credentials"

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"), primary_key=True)
    grant: Mapped[str] = mapped_column("grant_name", primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id"), index=True)
    ciphertext: Mapped[bytes] = mapped_column(LargeBinary)
    version: Mapped[int]
    renewal_claimed_until: Mapped[datetime | None]
    """Machine time; some process is exchanging this token for a new one."""


class QuotaRow(Base):
    """How much of a limit was taken in a window. Tenant: in the key, where the limit is a client's."""

    __tablename__ = "quotas"

    key: Mapped[str] = mapped_column(primary_key=True)
    window_start: Mapped[datetime] = mapped_column(primary_key=True)
    used: Mapped[int]


class ContentItemRow(Base):
    """The head of a content item: what is queried. What was written is in its revisions."""

    __tablename__ = "content_items"
    __table_args__ = (
        CheckConstraint(f"state IN ({_values(ItemState)})", name="state"),
        Index(None, "client_id", "state"),
        Index(None, "account_id", "scheduled_at"),
    )

    content_item_id: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id"))
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"))
    network: Mapped[str]
    state: Mapped[str]
    revision: Mapped[int]
    scheduled_at: Mapped[datetime | None]
    is_slot_held: Mapped[bool] = mapped_column(comment="a person chose the slot; planning leaves it alone")
    is_reply: Mapped[bool]
    reply_to_comment_id: Mapped[str | None]
    created_at: Mapped[datetime]


class RevisionRow(Base):
    """What a content item said at one revision. Never changed once written."""

    __tablename__ = "content_revisions"

    content_item_id: Mapped[str] = mapped_column(ForeignKey("content_items.content_item_id"), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[ContentItem] = mapped_column(RecordJson(ContentItem))
    edited_by: Mapped[str]
    edited_at: Mapped[datetime]


class ApprovalRow(Base):
    """A yes or a no to one revision. An edit makes a new revision, which has none."""

    __tablename__ = "approvals"
    __table_args__ = (
        ForeignKeyConstraint(
            ["content_item_id", "revision"], ["content_revisions.content_item_id", "content_revisions.revision"]
        ),
        CheckConstraint("verdict IN ('approved', 'rejected')", name="verdict"),
        Index(None, "content_item_id", "revision"),
    )

    approval_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    content_item_id: Mapped[str]
    revision: Mapped[int]
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id"), index=True)
    verdict: Mapped[str]
    actor: Mapped[str]
    is_by_policy: Mapped[bool]
    reason: Mapped[str | None] = mapped_column(Text)
    decided_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class IntentRow(Base):
    """One post that is to be, at most once, for ever: content item x account x occurrence."""

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("content_item_id", "account_id", "occurrence"),
        CheckConstraint(f"state IN ({_values(IntentState)})", name="state"),
        Index(None, "state", "scheduled_at"),
        Index(None, "account_id", "state", "scheduled_at"),
        Index(None, "account_id", "published_at"),
        Index(None, "client_id", "changed_at"),
    )

    intent_id: Mapped[str] = mapped_column(primary_key=True)
    content_item_id: Mapped[str] = mapped_column(ForeignKey("content_items.content_item_id"))
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"))
    occurrence: Mapped[int]
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id"))
    network: Mapped[str]
    action: Mapped[str]
    scheduled_at: Mapped[datetime]
    state: Mapped[str]
    revision: Mapped[int] = mapped_column(
        comment="the revision that is staged or was sent; before that, the approved one"
    )
    reason_code: Mapped[str | None]
    reason: Mapped[str | None] = mapped_column(Text)
    queued_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    request: Mapped[PublishRequest | None] = mapped_column(RecordJson(PublishRequest))
    staging: Mapped[Staging | None] = mapped_column(RecordJson(Staging))
    commit_calls: Mapped[int] = mapped_column(default=0)
    tries: Mapped[int] = mapped_column(default=0, comment="fruitless tries since the last progress")
    looks: Mapped[int] = mapped_column(
        default=0, comment="readings that were answered and did not show it, since it was announced out of nothing"
    )
    next_try_at: Mapped[datetime | None] = mapped_column(comment="machine time")
    committing_since: Mapped[datetime | None] = mapped_column(comment="machine time; set while a commit is unanswered")
    receipt: Mapped[Receipt | None] = mapped_column(RecordJson(Receipt))
    published_at: Mapped[datetime | None]
    unnamed_since: Mapped[datetime | None] = mapped_column(
        index=True, comment="set while the network is asked for the id of a published post"
    )


class StopRow(Base):
    """The emergency stop of one client, or of all. The row always exists, so that a sender can lock it."""

    __tablename__ = "stops"

    scope_key: Mapped[str] = mapped_column(primary_key=True)
    is_active: Mapped[bool]
    actor: Mapped[str | None]
    reason: Mapped[str | None] = mapped_column(Text)
    changed_at: Mapped[datetime | None]


class ConversationRow(Base):
    __tablename__ = "conversations"

    conversation_id: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id"), index=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"))
    network: Mapped[str]
    last_message_at: Mapped[datetime]


class MessageRow(Base):
    __tablename__ = "messages"
    __table_args__ = (Index(None, "conversation_id", "sent_at"),)

    message_id: Mapped[str] = mapped_column(primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.conversation_id"))
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id"), index=True)
    sent_at: Mapped[datetime]
    body: Mapped[Message] = mapped_column(RecordJson(Message))


class DeliveryRow(Base):
    """What one webhook delivery says about one account, once. A delivery that tells of several accounts has a row for each."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        CheckConstraint(f"state IN ({_values(DeliveryState)})", name="state"),
        Index(None, "state", "next_try_at"),
        Index(None, "client_id", "received_at"),
        Index(None, "batch_id"),
    )

    delivery_key: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id"))
    network: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(comment="machine time")
    kinds: Mapped[tuple[str, ...]] = mapped_column(RecordJson(tuple[str, ...]))
    native_post_ids: Mapped[tuple[str, ...]] = mapped_column(RecordJson(tuple[str, ...]))
    raw: Mapped[str | None] = mapped_column(
        Text, comment="the account's part of the body; forgotten in time, the key never"
    )
    state: Mapped[str]
    reason: Mapped[str | None] = mapped_column(Text)
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime] = mapped_column(comment="machine time")
    batch_id: Mapped[str | None]


class WebhookRefusalRow(Base):
    """How many requests to the webhook receiver were refused or led nowhere on a day. They belong to no client and none is kept."""

    __tablename__ = "webhook_refusals"

    network: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True, comment="machine time")
    reason: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]


class AuditRow(Base):
    """Who did what to which record, and when. Only ever added to. `client_id` is null where it concerned all clients."""

    __tablename__ = "audit_events"
    __table_args__ = (Index(None, "client_id", "audit_id"), Index(None, "subject_id", "audit_id"))

    audit_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    recorded_at: Mapped[datetime] = mapped_column(comment="machine time")
    client_id: Mapped[str | None]
    actor: Mapped[str]
    action: Mapped[str]
    subject_type: Mapped[str]
    subject_id: Mapped[str]
    detail: Mapped[dict[str, Any]]
