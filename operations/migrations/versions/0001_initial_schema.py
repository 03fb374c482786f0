"""The schema that the store began with."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_events",
        sa.Column("audit_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False, comment="machine time"),
        sa.Column("client_id", sa.String(length=255), nullable=True),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("action", sa.String(length=255), nullable=False),
        sa.Column("subject_type", sa.String(length=255), nullable=False),
        sa.Column("subject_id", sa.String(length=255), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("audit_id", name=op.f("pk_audit_events")),
    )
    with op.batch_alter_table("audit_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_events_client_id_audit_id"), ["client_id", "audit_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_audit_events_subject_id_audit_id"), ["subject_id", "audit_id"], unique=False
        )

    op.create_table(
        "clients",
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("time_zone", sa.String(length=255), nullable=False),
        sa.Column("language", sa.String(length=255), nullable=False),
        sa.Column("autonomy", sa.String(length=255), nullable=False),
        sa.Column("approval_policy", sa.JSON(), nullable=False),
        sa.Column("posting_rules", sa.JSON(), nullable=False),
        sa.Column("brand", sa.JSON(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_clients")),
    )
    op.create_table(
        "competitors",
        sa.Column("competitor_id", sa.String(length=255), nullable=False),
        sa.Column("network", sa.String(length=255), nullable=False),
        sa.Column("handle", sa.String(length=255), nullable=False),
        sa.Column("profile_url", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("competitor_id", name=op.f("pk_competitors")),
        sa.UniqueConstraint("network", "handle", name=op.f("uq_competitors_network_handle")),
    )
    stops = op.create_table(
        "stops",
        sa.Column("scope_key", sa.String(length=255), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("actor", sa.String(length=255), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("scope_key", name=op.f("pk_stops")),
    )
    op.create_table(
        "accounts",
        sa.Column("account_id", sa.String(length=255), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("network", sa.String(length=255), nullable=False),
        sa.Column("native_id", sa.String(length=255), nullable=False),
        sa.Column("handle", sa.String(length=255), nullable=False),
        sa.Column("base_url", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["clients.client_id"], name=op.f("fk_accounts_client_id_clients")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("network", "native_id", name=op.f("uq_accounts_network_native_id")),
    )
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_accounts_client_id"), ["client_id"], unique=False)

    op.create_table(
        "competitor_watches",
        sa.Column("competitor_id", sa.String(length=255), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name=op.f("fk_competitor_watches_client_id_clients")
        ),
        sa.ForeignKeyConstraint(
            ["competitor_id"],
            ["competitors.competitor_id"],
            name=op.f("fk_competitor_watches_competitor_id_competitors"),
        ),
        sa.PrimaryKeyConstraint("competitor_id", "client_id", name=op.f("pk_competitor_watches")),
    )
    with op.batch_alter_table("competitor_watches", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_competitor_watches_client_id"), ["client_id"], unique=False)

    op.create_table(
        "data_keys",
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["clients.client_id"], name=op.f("fk_data_keys_client_id_clients")),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_data_keys")),
    )
    op.create_table(
        "account_lanes",
        sa.Column("account_id", sa.String(length=255), nullable=False),
        sa.Column("lease_token", sa.String(length=255), nullable=True),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True, comment="machine time"),
        sa.Column(
            "deferred_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="machine time; the network's rate limit",
        ),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_account_lanes_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account_lanes")),
    )
    op.create_table(
        "content_items",
        sa.Column("content_item_id", sa.String(length=255), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("account_id", sa.String(length=255), nullable=False),
        sa.Column("network", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=255), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("scheduled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "is_slot_held", sa.Boolean(), nullable=False, comment="a person chose the slot; planning leaves it alone"
        ),
        sa.Column("is_reply", sa.Boolean(), nullable=False),
        sa.Column("reply_to_comment_id", sa.String(length=255), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('draft', 'approved', 'rejected', 'cancelled', 'published', 'missed', 'failed', 'parked')",
            name=op.f("ck_content_items_state"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_content_items_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(["client_id"], ["clients.client_id"], name=op.f("fk_content_items_client_id_clients")),
        sa.PrimaryKeyConstraint("content_item_id", name=op.f("pk_content_items")),
    )
    with op.batch_alter_table("content_items", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_content_items_account_id_scheduled_at"), ["account_id", "scheduled_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_content_items_client_id_state"), ["client_id", "state"], unique=False)

    op.create_table(
        "conversations",
        sa.Column("conversation_id", sa.String(length=255), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("account_id", sa.String(length=255), nullable=False),
        sa.Column("network", sa.String(length=255), nullable=False),
        sa.Column("last_message_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_conversations_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(["client_id"], ["clients.client_id"], name=op.f("fk_conversations_client_id_clients")),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_conversations")),
    )
    with op.batch_alter_table("conversations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_conversations_client_id"), ["client_id"], unique=False)

    op.create_table(
        "credentials",
        sa.Column("account_id", sa.String(length=255), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_credentials_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(["client_id"], ["clients.client_id"], name=op.f("fk_credentials_client_id_clients")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_credentials")),
    )
    with op.batch_alter_table("credentials", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_credentials_client_id"), ["client_id"], unique=False)

    op.create_table(
        "content_revisions",
        sa.Column("content_item_id", sa.String(length=255), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("edited_by", sa.String(length=255), nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["content_item_id"],
            ["content_items.content_item_id"],
            name=op.f("fk_content_revisions_content_item_id_content_items"),
        ),
        sa.PrimaryKeyConstraint("content_item_id", "revision", name=op.f("pk_content_revisions")),
    )
    op.create_table(
        "messages",
        sa.Column("message_id", sa.String(length=255), nullable=False),
        sa.Column("conversation_id", sa.String(length=255), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["clients.client_id"], name=op.f("fk_messages_client_id_clients")),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.conversation_id"],
            name=op.f("fk_messages_conversation_id_conversations"),
        ),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_messages")),
    )
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_messages_client_id"), ["client_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_messages_conversation_id_sent_at"), ["conversation_id", "sent_at"], unique=False
        )

    op.create_table(
        "outbox",
        sa.Column("intent_id", sa.String(length=255), nullable=False),
        sa.Column("content_item_id", sa.String(length=255), nullable=False),
        sa.Column("account_id", sa.String(length=255), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("network", sa.String(length=255), nullable=False),
        sa.Column("action", sa.String(length=255), nullable=False),
        sa.Column("scheduled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=255), nullable=False),
        sa.Column(
            "revision",
            sa.Integer(),
            nullable=False,
            comment="the revision that is staged or was sent; before that, the approved one",
        ),
        sa.Column("reason_code", sa.String(length=255), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request", sa.JSON(), nullable=True),
        sa.Column("staging", sa.JSON(), nullable=True),
        sa.Column("commit_calls", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False, comment="fruitless tries since the last progress"),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True, comment="machine time"),
        sa.Column(
            "committing_since",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="machine time; set while a commit is unanswered",
        ),
        sa.Column("receipt", sa.JSON(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'committing', 'published', 'missed', 'cancelled', 'failed', 'parked')",
            name=op.f("ck_outbox_state"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_outbox_account_id_accounts")),
        sa.ForeignKeyConstraint(["client_id"], ["clients.client_id"], name=op.f("fk_outbox_client_id_clients")),
        sa.ForeignKeyConstraint(
            ["content_item_id"], ["content_items.content_item_id"], name=op.f("fk_outbox_content_item_id_content_items")
        ),
        sa.PrimaryKeyConstraint("intent_id", name=op.f("pk_outbox")),
        sa.UniqueConstraint(
            "content_item_id", "account_id", "occurrence", name=op.f("uq_outbox_content_item_id_account_id_occurrence")
        ),
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_outbox_account_id_state_scheduled_at"), ["account_id", "state", "scheduled_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_outbox_client_id_changed_at"), ["client_id", "changed_at"], unique=False)

    op.create_table(
        "approvals",
        sa.Column("approval_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("content_item_id", sa.String(length=255), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("verdict", sa.String(length=255), nullable=False),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("is_by_policy", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("verdict IN ('approved', 'rejected')", name=op.f("ck_approvals_verdict")),
        sa.ForeignKeyConstraint(["client_id"], ["clients.client_id"], name=op.f("fk_approvals_client_id_clients")),
        sa.ForeignKeyConstraint(
            ["content_item_id", "revision"],
            ["content_revisions.content_item_id", "content_revisions.revision"],
            name=op.f("fk_approvals_content_item_id_revision_content_revisions"),
        ),
        sa.PrimaryKeyConstraint("approval_id", name=op.f("pk_approvals")),
    )
    with op.batch_alter_table("approvals", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_approvals_client_id"), ["client_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_approvals_content_item_id_revision"), ["content_item_id", "revision"], unique=False
        )

    op.bulk_insert(stops, [{"scope_key": "*", "is_active": False}])  # the switch for all clients


def downgrade() -> None:
    with op.batch_alter_table("approvals", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_approvals_content_item_id_revision"))
        batch_op.drop_index(batch_op.f("ix_approvals_client_id"))

    op.drop_table("approvals")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_outbox_client_id_changed_at"))
        batch_op.drop_index(batch_op.f("ix_outbox_account_id_state_scheduled_at"))

    op.drop_table("outbox")
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_messages_conversation_id_sent_at"))
        batch_op.drop_index(batch_op.f("ix_messages_client_id"))

    op.drop_table("messages")
    op.drop_table("content_revisions")
    with op.batch_alter_table("credentials", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_credentials_client_id"))

    op.drop_table("credentials")
    with op.batch_alter_table("conversations", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_conversations_client_id"))

    op.drop_table("conversations")
    with op.batch_alter_table("content_items", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_content_items_client_id_state"))
        batch_op.drop_index(batch_op.f("ix_content_items_account_id_scheduled_at"))

    op.drop_table("content_items")
    op.drop_table("account_lanes")
    op.drop_table("data_keys")
    with op.batch_alter_table("competitor_watches", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_competitor_watches_client_id"))

    op.drop_table("competitor_watches")
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_accounts_client_id"))

    op.drop_table("accounts")
    op.drop_table("stops")
    op.drop_table("competitors")
    op.drop_table("clients")
    with op.batch_alter_table("audit_events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_events_subject_id_audit_id"))
        batch_op.drop_index(batch_op.f("ix_audit_events_client_id_audit_id"))

    op.drop_table("audit_events")
