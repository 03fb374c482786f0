"""Moving a store to another database: every row, as it is, while nothing can be sent.

Belongs here: copying between two databases of one schema. Does not belong here: the schema (migrations/), moving anything but the store.
"""

from contextlib import closing

from sqlalchemy import Connection, delete, func, insert, select, text

from contracts.errors import PulsoError
from operations.database import Database
from operations.migrations import migrate, require_current
from operations.models import ALL_CLIENTS, Base, IntentRow, StopRow
from operations.states import IntentState

_ROWS_AT_ONCE = 1000


def copy_store(source: str, target: str) -> dict[str, int]:
    """Copy all rows of the store at one URL to the empty database at another; returns how many by table. All or nothing.

    Two stores must never publish the same posts, so the source has to be stopped for all clients. It stays so, and so begins the copy,
    until a person resumes it. Raises PulsoError where the source is not stopped or still sends, or the target holds rows; NotReadyError
    for a source of another schema than this version's.
    """
    with closing(Database(source)) as old:
        require_current(old)
        with old.connect_for_schema_change() as reading:  # nobody writes to the source meanwhile
            _require_stopped(reading)
            migrate(target)
            with closing(Database(target)) as new, new.connect_for_schema_change() as writing:
                return _copy(reading, writing, is_sqlite=new.is_sqlite)


def _require_stopped(source: Connection) -> None:
    switch = select(StopRow.is_active).where(StopRow.scope_key == ALL_CLIENTS)
    if not source.execute(switch).scalar_one():
        raise PulsoError("Two stores would publish the same posts: `pulso stop --all` first, and end what works on it.")
    under_way = select(func.count()).where(IntentRow.state == IntentState.COMMITTING.value)
    if count := source.execute(under_way).scalar_one():
        raise PulsoError(
            f"{count} posts are at the networks and have no answer yet: `pulso publish` asks for it. Move when there is none."
        )


def _copy(source: Connection, target: Connection, *, is_sqlite: bool) -> dict[str, int]:
    target.execute(delete(StopRow))  # the switches that a new schema brings along
    copied = {}
    for table in Base.metadata.sorted_tables:
        if target.execute(select(func.count()).select_from(table)).scalar_one():
            raise PulsoError(f"The new database has rows in `{table.name}` already: move into an empty one.")
        copied[table.name] = 0
        for rows in source.execute(select(table)).mappings().partitions(_ROWS_AT_ONCE):
            target.execute(insert(table), [dict(row) for row in rows])
            copied[table.name] += len(rows)
        counter = table.autoincrement_column
        if counter is not None and not is_sqlite:  # PostgreSQL counts on from what it counted itself
            column = {"table": table.name, "column": counter.name}
            last = f"(SELECT max({counter.name}) FROM {table.name})"
            target.execute(text(f"SELECT setval(pg_get_serial_sequence(:table, :column), {last})"), column)
    return copied
