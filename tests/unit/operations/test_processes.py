"""Real publisher processes side by side, and killed: never two on one row, nothing twice, nothing left behind."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from contracts.scope import TenantScope
from operations import SqlStore
from tests.unit.operations.fakes import an_account, an_item
from tests.unit.operations.publisher_process import SCHEMA

ALL = TenantScope.all_clients("test")
ACCOUNTS = 4
PER_ACCOUNT = 10


@pytest.fixture
def network_file(tmp_path: Path) -> Path:
    path = tmp_path / "network.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(SCHEMA)
    return path


@pytest.fixture
def queued(store: SqlStore) -> SqlStore:
    for n in range(ACCOUNTS):
        store.save_account(an_account(f"bluesky:{n}"), actor="anna")
    items = [an_item(f"{n}-{k:02}", account_id=f"bluesky:{n}") for n in range(ACCOUNTS) for k in range(PER_ACCOUNT)]
    store.save_drafts(items)
    for item in items:
        store.approve(item.content_item_id, actor="anna", revision=1)
    return store


def start(
    url: str, key_path: Path, network_file: Path, lease_seconds: float, project_root: Path
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.unit.operations.publisher_process",
            url,
            key_path,
            network_file,
            str(lease_seconds),
        ],
        cwd=project_root,
    )


def commits(network_file: Path) -> list[tuple[str, int]]:
    with closing(sqlite3.connect(network_file, timeout=30)) as connection:
        return connection.execute("SELECT intent_id, process FROM commits").fetchall()


def test_two_processes_share_the_work_and_no_row(
    queued: SqlStore, store_url: str, master_key_path: Path, network_file: Path, project_root: Path
) -> None:
    processes = [start(store_url, master_key_path, network_file, 60, project_root) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    made = commits(network_file)
    assert Counter(Counter(intent_id for intent_id, _ in made).values()) == {1: ACCOUNTS * PER_ACCOUNT}
    assert {process for _, process in made} == {process.pid for process in processes}, "both have worked"
    assert {entry.state.value for entry in queued.outbox(ALL)} == {"published"}
    assert {entry.commit_calls for entry in queued.outbox(ALL)} == {1}


def test_killed_anywhere_the_next_process_goes_on(
    queued: SqlStore, store_url: str, master_key_path: Path, network_file: Path, project_root: Path
) -> None:
    chance = random.Random(7)
    for _ in range(4):
        process = start(store_url, master_key_path, network_file, 0.5, project_root)
        goal = len(commits(network_file)) + chance.randint(1, 6)
        while process.poll() is None and len(commits(network_file)) < goal:
            time.sleep(0.001)
        time.sleep(chance.random() * 0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert start(store_url, master_key_path, network_file, 0.5, project_root).wait() == 0
    assert Counter(Counter(intent_id for intent_id, _ in commits(network_file)).values()) == {1: ACCOUNTS * PER_ACCOUNT}
    assert {entry.state.value for entry in queued.outbox(ALL)} == {"published"}
