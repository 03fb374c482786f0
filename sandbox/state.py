"""What a restart must find again, in SQLite: published records and media, containers, comments, tokens, blobs, webhooks, the clock.

Every write is committed before the caller gets its answer. With a write-ahead log and `synchronous = NORMAL` a commit
survives the death of the process (kill -9); only a crash of the machine itself could lose the last ones.
Belongs here: tables and durable writes. Does not belong here: what a network would say about them.
"""

import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS records (
    uri TEXT PRIMARY KEY, did TEXT NOT NULL, collection TEXT NOT NULL, rkey TEXT NOT NULL, cid TEXT NOT NULL,
    value TEXT NOT NULL, indexed_ms INTEGER NOT NULL, committed_at REAL NOT NULL, sequence INTEGER NOT NULL,
    posts_before INTEGER NOT NULL, previous_ms INTEGER);
CREATE TABLE IF NOT EXISTS containers (
    container_id TEXT PRIMARY KEY, account_id TEXT NOT NULL, spec TEXT NOT NULL, status TEXT NOT NULL, error TEXT,
    polls INTEGER NOT NULL, created_ms INTEGER NOT NULL, media_id TEXT);
CREATE TABLE IF NOT EXISTS media (
    media_id TEXT PRIMARY KEY, account_id TEXT NOT NULL, container_id TEXT NOT NULL UNIQUE, spec TEXT NOT NULL,
    created_ms INTEGER NOT NULL, committed_at REAL NOT NULL, sequence INTEGER NOT NULL,
    posts_before INTEGER NOT NULL, previous_ms INTEGER);
CREATE TABLE IF NOT EXISTS comments (
    comment_id TEXT PRIMARY KEY, media_id TEXT NOT NULL, parent_id TEXT, account_id TEXT NOT NULL, text TEXT NOT NULL,
    created_ms INTEGER NOT NULL, committed_at REAL NOT NULL, sequence INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS direct_messages (
    message_id TEXT PRIMARY KEY, account_id TEXT NOT NULL, person_id TEXT NOT NULL, text TEXT NOT NULL,
    created_ms INTEGER NOT NULL, committed_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS posts (
    native_id TEXT PRIMARY KEY, network TEXT NOT NULL, account_id TEXT NOT NULL, text TEXT NOT NULL,
    content_format TEXT NOT NULL, media_count INTEGER NOT NULL, created_ms INTEGER NOT NULL, reply_to TEXT,
    idempotency_key TEXT, details TEXT NOT NULL, committed_at REAL NOT NULL, sequence INTEGER NOT NULL,
    posts_before INTEGER NOT NULL, previous_ms INTEGER, UNIQUE (network, account_id, idempotency_key));
CREATE TABLE IF NOT EXISTS uploads (
    upload_id TEXT PRIMARY KEY, network TEXT NOT NULL, account_id TEXT NOT NULL, kind TEXT NOT NULL, spec TEXT NOT NULL,
    status TEXT NOT NULL, polls INTEGER NOT NULL DEFAULT 0, created_ms INTEGER NOT NULL, content BLOB NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS marks (kind TEXT NOT NULL, native_id TEXT NOT NULL, PRIMARY KEY (kind, native_id));
CREATE TABLE IF NOT EXISTS blobs (
    cid TEXT NOT NULL, did TEXT NOT NULL, mime_type TEXT NOT NULL, content BLOB NOT NULL, PRIMARY KEY (cid, did));
CREATE TABLE IF NOT EXISTS objects (name TEXT PRIMARY KEY, mime_type TEXT NOT NULL, content BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS tokens (
    token_id TEXT PRIMARY KEY, network TEXT NOT NULL, account_id TEXT NOT NULL, kind TEXT NOT NULL,
    expires_at REAL NOT NULL, is_expired INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS subscriptions (
    network TEXT PRIMARY KEY, url TEXT NOT NULL, told_until_ms INTEGER NOT NULL, told_sequence INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS webhook_deliveries (
    delivery_id INTEGER PRIMARY KEY, network TEXT NOT NULL, body BLOB NOT NULL, status INTEGER,
    tries INTEGER NOT NULL DEFAULT 0, is_accepted INTEGER NOT NULL DEFAULT 0);
"""

Row = Mapping[str, Any]


class StateMismatchError(RuntimeError):
    """The folder holds another world's state."""


class State:
    """One SQLite file. Used by one process, from one thread."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(folder / "sandbox.db", isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_SCHEMA)
        if self.get("secret") is None:
            self.set("secret", secrets.token_hex(32))

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside become durable together, or none does."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def get(self, key: str) -> str | None:
        """A value of `meta`."""
        row = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row["value"])

    def set(self, key: str, value: str) -> None:
        """Write a value of `meta`."""
        self._connection.execute(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value)
        )

    def pin(self, key: str, value: str) -> str:
        """Remember a fact about the world on first use; raises StateMismatchError when it differs later."""
        known = self.get(key)
        if known is None:
            self.set(key, value)
        elif known != value:
            raise StateMismatchError(
                f"the state folder belongs to a world with {key} = {known}, not {value}: use another --state-dir"
            )
        return value

    def next_number(self, name: str) -> int:
        """1, 2, 3, ...: never the same twice, over restarts too."""
        row = self._connection.execute(
            "INSERT INTO meta VALUES (?, '1') ON CONFLICT (key) DO UPDATE SET value = value + 1 RETURNING value",
            (f"number:{name}",),
        ).fetchone()
        return int(row["value"])

    def insert(self, table: str, **values: Any) -> None:
        """Insert a row; raises sqlite3.IntegrityError when its key is there."""
        columns, marks = ", ".join(values), ", ".join("?" for _ in values)
        self._connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(values.values()))

    def update(self, table: str, where: Mapping[str, Any], **values: Any) -> None:
        """Change the rows that match all of `where`."""
        changes = ", ".join(f"{name} = ?" for name in values)
        matches = " AND ".join(f"{name} = ?" for name in where)
        self._connection.execute(f"UPDATE {table} SET {changes} WHERE {matches}", (*values.values(), *where.values()))

    def delete(self, table: str, **where: Any) -> int:
        """Delete the rows that match; returns how many there were."""
        matches = " AND ".join(f"{name} = ?" for name in where)
        return self._connection.execute(f"DELETE FROM {table} WHERE {matches}", tuple(where.values())).rowcount

    def one(self, table: str, **where: Any) -> Row | None:
        """The row that matches, or None."""
        rows = self.rows(table, **where)
        return rows[0] if rows else None

    def rows(self, table: str, **where: Any) -> list[Row]:
        """Rows that match, in the order in which they were written."""
        matches = " AND ".join(f"{name} = ?" for name in where) or "1"
        found = self._connection.execute(f"SELECT * FROM {table} WHERE {matches} ORDER BY rowid", tuple(where.values()))
        return [dict(row) for row in found]
