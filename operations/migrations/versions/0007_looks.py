"""How often a network was read for an unanswered commit, apart from other tries."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("outbox") as batch_op:
        batch_op.add_column(
            sa.Column(
                "looks",
                sa.Integer(),
                nullable=False,
                server_default="0",
                comment="readings that were answered and did not show it, since it was announced out of nothing",
            )
        )
    with op.batch_alter_table("outbox") as batch_op:
        batch_op.alter_column("looks", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("outbox") as batch_op:
        batch_op.drop_column("looks")
