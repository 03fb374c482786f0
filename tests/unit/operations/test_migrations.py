"""The schema's history ends where the models are, on both databases."""

import multiprocessing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from contracts.errors import NotReadyError
from operations import SqlStore, migrate
from operations.database import Database
from operations.migrations import _config
from operations.models import Base


def test_models_and_migrations_agree(empty_url: str) -> None:
    migrate(empty_url)
    database = Database(empty_url)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        differences = compare_metadata(context, Base.metadata)
    database.close()
    assert differences == []


def test_migrating_again_changes_nothing_and_down_again_leaves_nothing(empty_url: str) -> None:
    migrate(empty_url)
    migrate(empty_url)
    database = Database(empty_url)
    with database.connect_for_schema_change() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    with database.engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) == {"alembic_version"}
    database.close()


def test_a_credential_from_before_grants_is_the_main_one(empty_url: str) -> None:
    migrate(empty_url, revision="0002")
    database = Database(empty_url)
    values = "'acme', 'Acme', 'UTC', 'en', 'manual', '{}', '{}', '{}', true"
    with database.connect_for_schema_change() as connection:
        connection.execute(text(f"INSERT INTO clients VALUES ({values})"))
        connection.execute(
            text(
                "INSERT INTO accounts (account_id, client_id, network, native_id, handle, base_url) VALUES ('x:1', 'acme', 'x', '1', 'one', 'https://x.example')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO credentials (account_id, client_id, ciphertext, version) VALUES ('x:1', 'acme', :sealed, 3)"
            ),
            {"sealed": b"sealed"},
        )
    migrate(empty_url)
    with database.engine.connect() as connection:
        rows = connection.execute(text("SELECT account_id, grant_name, version FROM credentials")).all()
    database.close()
    assert [tuple(row) for row in rows] == [("x:1", "main", 3)]


def test_processes_may_migrate_at_once(empty_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=migrate, args=(empty_url,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]


def test_a_store_without_its_schema_says_what_to_run(empty_url: str, tmp_path: Path) -> None:
    database = Database(empty_url)
    with pytest.raises(NotReadyError, match="pulso prepare"):
        SqlStore(empty_url, master_key_path=tmp_path / "master.key", database=database)
    database.close()


def test_a_store_in_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="file"):
        Database("sqlite:///:memory:")
