"""The store's schema history, and how to bring a database up to it.

Belongs here: Alembic's environment, one revision a file under `versions/`.
Does not belong here: data fixes that need business rules.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from contracts.errors import NotReadyError
from operations.database import Database

_POSTGRESQL_LOCK = 0x50554C53
"""Advisory lock that keeps two processes from migrating at once. The number only has to be ours."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config


def migrate(url: str, *, revision: str = "head") -> None:
    """Bring the database to `revision`, creating it if need be. All or nothing; safe to call again and at once by many."""
    database = Database(url)
    try:
        with database.connect_for_schema_change() as connection:
            if not database.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRESQL_LOCK})
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    finally:
        database.close()


def require_current(database: Database) -> None:
    """Raises NotReadyError when the schema is not the one that this version of Pulso expects, ProviderError when no database answers."""
    database.require_answer()
    with database.engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    expected = ScriptDirectory.from_config(_config()).get_current_head()
    if found != expected:
        raise NotReadyError(f"The store is at schema {found or 'none'}, not {expected}: run `pulso prepare`.")
