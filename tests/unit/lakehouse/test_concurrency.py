"""Several processes write at once, and nothing is lost; a writer is killed, and the last version stands.

The processes are real (lake_writer.py); they start to write together and meet in most rounds.
"""

import importlib.util
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest
from deltalake.exceptions import CommitFailedError

from contracts.errors import PulsoError
from contracts.scope import TenantScope
from lakehouse import DeltaLake
from lakehouse.conflicts import redo_on_conflict
from lakehouse.history import history
from lakehouse.maintenance import vacuum

WRITER = Path(__file__).parent / "lake_writer.py"
ROUNDS = 12
Start = Callable[..., list[subprocess.Popen[str]]]


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    """The module that the processes run, for its table."""
    spec = importlib.util.spec_from_file_location("lake_writer", WRITER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def shared(tmp_path: Path, writer: ModuleType) -> DeltaLake:
    return DeltaLake(tmp_path / "lake", declared=(writer.ROWS,))


@pytest.fixture
def start(shared: DeltaLake, project_root: Path) -> Iterator[Start]:
    """`start("append", "merge")` starts a process per operation, all ready to write; `go` lets them."""
    running: list[subprocess.Popen[str]] = []

    def launch(*operations: str, rounds: int = ROUNDS) -> list[subprocess.Popen[str]]:
        for number, operation in enumerate(operations):
            command = [sys.executable, str(WRITER), shared.root, str(number), operation, str(rounds)]
            environment = {**os.environ, "PYTHONPATH": str(project_root)}
            pipe = subprocess.PIPE
            running.append(subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True))
        for process in running:
            assert process.stdout is not None
            assert process.stdout.readline() == "READY\n"
        return running

    yield launch
    for process in running:
        process.kill()
        process.communicate()


def go(processes: list[subprocess.Popen[str]]) -> None:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate()
        assert process.returncode == 0, errors


@pytest.fixture
def rows(shared: DeltaLake, writer: ModuleType, everyone: TenantScope) -> Callable[..., pl.DataFrame]:
    return lambda **when: shared.scan(writer.ROWS, scope=everyone, **when).collect()


def test_appends_lose_nothing_and_repeat_nothing(start: Start, rows: Callable[..., pl.DataFrame]) -> None:
    go(start("append", "append", "append"))
    expected = [f"{writer}-{number}" for writer in range(3) for number in range(ROUNDS)]
    expected += [f"shared-{number}" for number in range(ROUNDS)]
    assert Counter(rows()["key"]) == Counter(expected)


def test_merges_lose_nothing_and_repeat_nothing(start: Start, rows: Callable[..., pl.DataFrame]) -> None:
    go(start("merge", "merge", "merge"))
    expected = [f"{writer}-{number}" for writer in range(3) for number in range(ROUNDS)]
    assert Counter(rows()["key"]) == Counter([*expected, "shared"])
    assert rows().filter(pl.col("key") == "shared")["round"].item() == ROUNDS - 1


def test_a_merge_and_an_append_that_race_for_a_key_keep_it_once(
    start: Start, rows: Callable[..., pl.DataFrame]
) -> None:
    go(start("merge", "append"))
    assert rows()["key"].is_unique().all()
    assert rows().height == 2 * ROUNDS + ROUNDS + 1


@pytest.mark.parametrize("operation", ["replace-same-day", "replace-table"])
def test_of_two_replacements_each_version_is_wholly_one(
    start: Start, shared: DeltaLake, rows: Callable[..., pl.DataFrame], writer: ModuleType, operation: str
) -> None:
    go(start(operation, operation))
    commits = history(shared, writer.ROWS).filter(pl.col("operation").str.starts_with("replace"))
    assert commits.height == 2 * ROUNDS  # every replacement is in the table's history
    for version in commits["version"]:
        written = rows(version=version)
        assert written.height == 5
        assert written.select("writer", "round").unique().height == 1


def test_replacements_of_different_days_both_stand(start: Start, rows: Callable[..., pl.DataFrame]) -> None:
    go(start("replace-own-day", "replace-own-day", "replace-own-day"))
    last = rows().group_by("day", "writer").agg(pl.len(), pl.col("round").unique()).sort("day")
    assert last["writer"].to_list() == ["0", "1", "2"]
    assert last["len"].to_list() == [5, 5, 5]
    assert last["round"].to_list() == [[ROUNDS - 1]] * 3


def test_a_replaced_day_and_appends_to_others_both_stand(start: Start, rows: Callable[..., pl.DataFrame]) -> None:
    processes = start("append", "append", "append", "replace-own-day")  # the fourth has a day of its own
    go(processes)
    assert rows().filter(pl.col("writer") == "3").height == 5
    assert Counter(rows()["writer"]).total() == 5 + 4 * ROUNDS


def test_a_writer_killed_before_its_commit_leaves_the_last_version(
    start: Start, shared: DeltaLake, rows: Callable[..., pl.DataFrame], writer: ModuleType
) -> None:
    shared.append(writer.ROWS, writer.frame(["a", "b"], "before", 0, writer.FIRST))
    version, before, folder = shared.version(writer.ROWS), rows(), Path(shared.path(writer.ROWS))
    known = set(folder.rglob("*.parquet*"))
    (process,) = start("replace-large", rounds=1)
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    while not set(folder.rglob("*.parquet*")) - known and process.poll() is None:
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.returncode == -signal.SIGKILL  # it was at work, not done

    assert shared.version(writer.ROWS) == version
    assert rows().equals(before)
    orphans = set(folder.rglob("*.parquet*")) - known
    assert orphans  # it had begun to write

    shared.replace(writer.ROWS, writer.frame(["c"], "after", 0, writer.FIRST))  # the next writer is not held up
    assert rows()["key"].to_list() == ["c"]
    for orphan in orphans:
        os.utime(orphan, (0, 0))
    assert vacuum(shared, retention=timedelta(days=2)).height == len(orphans)
    assert rows()["key"].to_list() == ["c"]


def test_a_lasting_conflict_is_given_up_with_what_to_do() -> None:
    tries = []

    def attempt() -> None:
        tries.append(1)
        raise CommitFailedError("a concurrent transaction")

    with pytest.raises(PulsoError, match=r"bronze/rows: other writers were faster 3 times.*run it again"):
        redo_on_conflict("bronze/rows", attempt, attempts=3)
    assert len(tries) == 3


def test_other_errors_are_not_tried_again() -> None:
    tries = []

    def attempt() -> None:
        tries.append(1)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        redo_on_conflict("bronze/rows", attempt)
    assert len(tries) == 1
