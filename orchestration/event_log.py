"""Dagster's record of runs in SQLite files, as Dagster keeps it, with one engine for each file.

Dagster makes an engine for every event that it writes or reads, and with it compiles every statement anew: a tenth of a daily refresh.
Belongs here: which engine a connection comes from. Does not belong here: what is recorded, and where (apps/home.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from sqlalchemy import Connection, Engine, NullPool, create_engine


class SqliteEventLog(SqliteEventLogStorage):
    """`event_log_storage` of dagster.yaml; its `base_dir` is DAGSTER_HOME."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        # A run has a file of its own, so few are ever in use at a time.
        self._engine = lru_cache(maxsize=8)(self._new_engine)
        super().__init__(str(Path(base_dir) / "history" / "runs"), inst_data)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> "SqliteEventLog":
        """As Dagster calls it."""
        return cls(inst_data=inst_data, **config_value)

    def _new_engine(self, shard: str) -> Engine:
        """Without a pool: engines are kept, connections are not, and another process may have changed the file."""
        address = self.conn_string_for_shard(shard)
        return create_engine(address, poolclass=NullPool, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection
