"""The connection to the operational store: SQLite by default, PostgreSQL by URL, one behaviour.

Belongs here: engine settings, the two kinds of transaction, column types that both databases share.
Does not belong here: tables (`models.py`), queries.

Both databases give the same guarantee to a write transaction: what it read under lock cannot change before it commits. SQLite
gives it by `BEGIN IMMEDIATE` (one writer at a time), PostgreSQL by row locks (`with_for_update`, which SQLite ignores). Locks
are always taken in the order content item, intent, account lane, stop switch.

Both know a second kind of commit, which waits for no disk. The death of the process leaves it whole; a power cut may undo it, and then only
together with everything that came after it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import JSON, Connection, DateTime, Dialect, Engine, create_engine, event, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeDecorator

from contracts.errors import ProviderError
from contracts.settings import CONNECT_TIMEOUT_SECONDS

BUSY_TIMEOUT_SECONDS = 30.0

T = TypeVar("T")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment, kept in UTC. A naive one is refused. SQLite has no zones: it holds the UTC wall time."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("Times must be timezone-aware.")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class RecordJson(TypeDecorator[T], Generic[T]):
    """A contracts record (or a tuple of them) as JSON, validated on the way in and on the way out."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def __init__(self, record_type: Any) -> None:
        super().__init__()
        self.record_type = record_type
        self._adapter: TypeAdapter[T] = TypeAdapter(record_type)

    def process_bind_param(self, value: T | None, dialect: Dialect) -> Any:
        del dialect
        return None if value is None else self._adapter.dump_python(value, mode="json")

    def process_result_value(self, value: Any, dialect: Dialect) -> T | None:
        del dialect
        return None if value is None else self._adapter.validate_python(value, strict=False)


class Database:
    """One operational database. Cheap to make: connects on first use. `close()` gives the connections back."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite:
            if not parsed.database or parsed.database == ":memory:":
                raise ValueError("The store needs a file: several processes share it.")
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        make = _sqlite_engine if self.is_sqlite else _postgresql_engine
        self.engine = make(url, is_durable=True)
        self._swift_engine = make(url, is_durable=False)
        self._writing = self.engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")
        self._writing_swiftly = self._swift_engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A consistent view; nothing is written."""
        with Session(self.engine) as session:
            yield session

    @contextmanager
    def read_rows(self) -> Iterator[Connection]:
        """The same without the ORM, whose session costs more than a small query does."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self, *, is_durable: bool = True) -> Iterator[Session]:
        """All or nothing: commits on leaving, rolls back on any exception. `is_durable=False` is for what a power cut may undo, because it
        would only be done again."""
        with Session(self._writing if is_durable else self._writing_swiftly) as session, session.begin():
            yield session

    @contextmanager
    def connect_for_schema_change(self) -> Iterator[Connection]:
        """One connection in one transaction that holds off every other schema change."""
        with self._writing.begin() as connection:
            yield connection

    def require_answer(self) -> None:
        """Raises ProviderError when a server does not answer. A file is not asked."""
        if self.is_sqlite:
            return
        try:
            self.engine.connect().close()
        except OperationalError as error:
            raise ProviderError(f"The database of PULSO_STORE_URL does not answer: {error.orig}".strip()) from error

    def close(self) -> None:
        self.engine.dispose()
        self._swift_engine.dispose()


def _postgresql_engine(url: str, *, is_durable: bool) -> Engine:
    options = "" if is_durable else "-c synchronous_commit=off"
    connect = {"options": options, "connect_timeout": CONNECT_TIMEOUT_SECONDS}
    return create_engine(url, pool_pre_ping=True, connect_args=connect)


def _sqlite_engine(url: str, *, is_durable: bool) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_SECONDS})

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun by the listener below, not by the driver's guess
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        # FULL: a power cut must not undo the announcement of a commit that the network has seen.
        cursor.execute(f"PRAGMA synchronous={'FULL' if is_durable else 'NORMAL'}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN"))

    return engine
