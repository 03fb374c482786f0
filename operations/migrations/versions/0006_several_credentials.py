"""Several credentials of one account, and receipts that name the post later."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("credentials") as batch_op:
        batch_op.add_column(sa.Column("grant_name", sa.String(length=255), nullable=False, server_default="main"))
        batch_op.drop_constraint(op.f("pk_credentials"), type_="primary")
        batch_op.create_primary_key(op.f("pk_credentials"), ["account_id", "grant_name"])
    with op.batch_alter_table("credentials") as batch_op:
        batch_op.alter_column("grant_name", server_default=None)
    with op.batch_alter_table("outbox") as batch_op:
        batch_op.add_column(
            sa.Column(
                "unnamed_since",
                sa.DateTime(timezone=True),
                nullable=True,
                comment="set while the network is asked for the id of a published post",
            )
        )
        batch_op.create_index(batch_op.f("ix_outbox_unnamed_since"), ["unnamed_since"])


def downgrade() -> None:
    with op.batch_alter_table("outbox") as batch_op:
        batch_op.drop_index(batch_op.f("ix_outbox_unnamed_since"))
        batch_op.drop_column("unnamed_since")
    op.execute("DELETE FROM credentials WHERE grant_name <> 'main'")
    with op.batch_alter_table("credentials") as batch_op:
        batch_op.drop_constraint(op.f("pk_credentials"), type_="primary")
        batch_op.create_primary_key(op.f("pk_credentials"), ["account_id"])
        batch_op.drop_column("grant_name")
