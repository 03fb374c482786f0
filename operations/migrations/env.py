"""Alembic's environment: runs revisions on the connection that `operations.migrations.migrate` opened."""

from alembic import context

from operations.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite changes a table only by copying it
)
with context.begin_transaction():
    context.run_migrations()
