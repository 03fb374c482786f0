"""A store on each database that Pulso supports, empty and migrated, for every test of operations."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from contracts.clock import FixedClock
from operations import OutboxPublisher, RetryPlan, SqlStore, Vault, migrate
from operations.part import SendRules
from tests.postgresql import running_postgresql
from tests.unit.operations.fakes import (
    NOW,
    FakeNetwork,
    FakeNetworks,
    FlyingMachineTime,
    a_client,
    allow_everything,
    an_account,
)


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    with running_postgresql() as url:
        yield url


@pytest.fixture(scope="session")
def postgresql_template(postgresql_url: str) -> str:
    """The name of a database at the current schema, to be copied for each test."""
    _run_sql(postgresql_url, "CREATE DATABASE template_store")
    migrate(_with_database(postgresql_url, "template_store"))
    return "template_store"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a database without any schema."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    server = request.getfixturevalue("postgresql_url")
    name = f"empty_{uuid.uuid4().hex}"
    _run_sql(server, f"CREATE DATABASE {name}")
    return _with_database(server, name)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file at the current schema, to be copied for each test."""
    path = tmp_path_factory.mktemp("template") / "store.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: Path) -> Iterator[str]:
    """URL of a database at the current schema, with nothing in it."""
    if request.param == "sqlite":
        yield f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'store.db')}"
        return
    server = request.getfixturevalue("postgresql_url")
    template = request.getfixturevalue("postgresql_template")
    name = f"store_{uuid.uuid4().hex}"
    _run_sql(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield _with_database(server, name)
    _run_sql(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def clock() -> FixedClock:
    """Business time."""
    return FixedClock(NOW)


@pytest.fixture
def machine() -> FlyingMachineTime:
    """Machine time."""
    return FlyingMachineTime()


@pytest.fixture
def master_key_path(tmp_path: Path) -> Path:
    path = tmp_path / "master.key"
    Vault(path).create()
    return path


@dataclass
class StoreMaker:
    """Opens stores on one database, with the rules that a test wants."""

    url: str
    master_key_path: Path
    clock: FixedClock
    opened: list[SqlStore]

    def __call__(self, rules: SendRules = allow_everything) -> SqlStore:
        store = SqlStore(self.url, master_key_path=self.master_key_path, clock=self.clock, rules=rules)
        self.opened.append(store)
        return store


@pytest.fixture
def open_stores(store_url: str, master_key_path: Path, clock: FixedClock) -> Iterator[StoreMaker]:
    maker = StoreMaker(store_url, master_key_path, clock, [])
    yield maker
    for store in maker.opened:
        store.close()


@pytest.fixture
def bare_store(open_stores: StoreMaker) -> SqlStore:
    """A store with nothing in it."""
    return open_stores()


@pytest.fixture
def store(bare_store: SqlStore) -> SqlStore:
    """A store with one manual client that has one Bluesky account."""
    bare_store.save_client(a_client(), actor="anna")
    bare_store.save_account(an_account(), actor="anna")
    return bare_store


@pytest.fixture
def network(machine: FlyingMachineTime) -> FakeNetwork:
    return FakeNetwork(machine)


@pytest.fixture
def publisher_of(network: FakeNetwork, machine: FlyingMachineTime) -> Callable[[SqlStore], OutboxPublisher]:
    """Makes publishers over the fake network that give up soon."""

    def make(store: SqlStore) -> OutboxPublisher:
        return OutboxPublisher(
            store, FakeNetworks([network]), machine=machine, retries=RetryPlan(max_tries=4, max_readings=3)
        )

    return make


def _with_database(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def _run_sql(url: str, statement: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
