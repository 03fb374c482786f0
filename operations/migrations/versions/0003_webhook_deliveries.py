"""Webhook deliveries, and counts of what the receiver refused."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhook_deliveries",
        sa.Column("delivery_key", sa.String(length=255), nullable=False),
        sa.Column("account_id", sa.String(length=255), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("network", sa.String(length=255), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False, comment="machine time"),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("native_post_ids", sa.JSON(), nullable=False),
        sa.Column(
            "raw", sa.Text(), nullable=True, comment="the account's part of the body; forgotten in time, the key never"
        ),
        sa.Column("state", sa.String(length=255), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False, comment="machine time"),
        sa.Column("batch_id", sa.String(length=255), nullable=True),
        sa.CheckConstraint(
            "state IN ('received', 'collecting', 'collected', 'failed', 'kept')",
            name=op.f("ck_webhook_deliveries_state"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_webhook_deliveries_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name=op.f("fk_webhook_deliveries_client_id_clients")
        ),
        sa.PrimaryKeyConstraint("delivery_key", "account_id", name=op.f("pk_webhook_deliveries")),
    )
    with op.batch_alter_table("webhook_deliveries", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_webhook_deliveries_state_next_try_at"), ["state", "next_try_at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_webhook_deliveries_client_id_received_at"), ["client_id", "received_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_webhook_deliveries_batch_id"), ["batch_id"], unique=False)
    op.create_table(
        "webhook_refusals",
        sa.Column("network", sa.String(length=255), nullable=False),
        sa.Column("day", sa.Date(), nullable=False, comment="machine time"),
        sa.Column("reason", sa.String(length=255), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("network", "day", "reason", name=op.f("pk_webhook_refusals")),
    )


def downgrade() -> None:
    op.drop_table("webhook_refusals")
    op.drop_table("webhook_deliveries")
