"""Indexes for what the publisher asks: what is open, and what an account published lately. Neither grows with the history."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("outbox") as batch_op:
        batch_op.create_index(batch_op.f("ix_outbox_state_scheduled_at"), ["state", "scheduled_at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_outbox_account_id_published_at"), ["account_id", "published_at"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("outbox") as batch_op:
        batch_op.drop_index(batch_op.f("ix_outbox_account_id_published_at"))
        batch_op.drop_index(batch_op.f("ix_outbox_state_scheduled_at"))
