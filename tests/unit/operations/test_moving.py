"""A store moved to another database: the same rows and the same answers, never two stores that send, and ids that go on."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect, select, update

from contracts.clock import FixedClock
from contracts.errors import PulsoError
from contracts.scope import TenantScope
from operations import SqlStore
from operations.database import Database
from operations.models import Base, IntentRow
from operations.moving import copy_store
from tests.unit.operations.conftest import StoreMaker
from tests.unit.operations.fakes import a_client, an_account, an_item

ALL = TenantScope.all_clients("test")


@pytest.fixture
def old_url(tmp_path: Path, sqlite_template: Path) -> str:
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'old.db')}"


@pytest.fixture
def old(old_url: str, master_key_path: Path, clock: FixedClock) -> Iterator[SqlStore]:
    """A store with a client, its account and an approved item."""
    maker = StoreMaker(old_url, master_key_path, clock, [])
    store = maker()
    store.save_client(a_client(), actor="anna")
    store.save_account(an_account(), actor="anna")
    store.save_drafts([an_item()])
    store.approve("item-1", actor="anna", revision=1)
    yield store
    store.close()


def rows(url: str) -> dict[str, list[tuple[object, ...]]]:
    database = Database(url)
    try:
        with database.read_rows() as connection:
            return {
                table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
                for table in Base.metadata.sorted_tables
            }
    finally:
        database.close()


def test_everything_moves_and_goes_on_from_there(
    old: SqlStore, old_url: str, empty_url: str, master_key_path: Path, clock: FixedClock
) -> None:
    with pytest.raises(PulsoError, match="pulso stop --all"):
        copy_store(old_url, empty_url)
    old.stop(actor="anna", reason="moving")
    copied = copy_store(old_url, empty_url)
    before = rows(old_url)
    assert rows(empty_url) == before
    assert copied == {name: len(found) for name, found in before.items()}
    assert min(copied[name] for name in ("clients", "accounts", "content_items", "approvals", "audit_events")) > 0

    maker = StoreMaker(empty_url, master_key_path, clock, [])
    new = maker()
    assert new.clients(ALL) == old.clients(ALL)
    assert new.content_items(ALL) == old.content_items(ALL)
    assert [stop.reason for stop in new.stops(ALL)] == ["moving"]
    new.resume(actor="anna")  # an audit row with the next id
    assert len(new.audit(ALL)) == len(old.audit(ALL)) + 1
    assert [stop.reason for stop in old.stops(ALL)] == ["moving"], "the old one stays stopped"
    new.close()
    with pytest.raises(PulsoError, match=r"has rows in .* already"):
        copy_store(old_url, empty_url)


def test_nothing_moves_while_an_answer_is_awaited(old: SqlStore, old_url: str, empty_url: str) -> None:
    old.stop(actor="anna", reason="moving")
    with old._database.write() as session:
        session.execute(update(IntentRow).values(state="committing"))
    with pytest.raises(PulsoError, match="1 posts are at the networks"):
        copy_store(old_url, empty_url)
    database = Database(empty_url)
    assert inspect(database.engine).get_table_names() == []
    database.close()
