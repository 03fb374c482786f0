"""A real PostgreSQL server for tests: on loopback, with its data in a temporary folder, gone when done.

Belongs here: starting and stopping it. Does not belong here: databases and schemas of tests.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from benchmarks.ports import free_port

POSTGRESQL_PROGRAMS = Path("/usr/lib/postgresql")


def _as_postgres_user() -> list[str]:
    """PostgreSQL refuses to run as root."""
    return ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []


@contextmanager
def running_postgresql() -> Iterator[str]:
    """The URL of a server of one's own on loopback; skips, or fails in CI, saying how to install it."""
    found = sorted(POSTGRESQL_PROGRAMS.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not found:
        message = "PostgreSQL is not installed: apt-get install postgresql"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    programs, prefix = found[-1].parent, _as_postgres_user()
    folder = Path(tempfile.mkdtemp(prefix="pulso-postgresql-"))
    if prefix:
        shutil.chown(folder, "postgres")
    port = free_port()
    data = folder / "data"
    initdb = [
        *prefix,
        str(programs / "initdb"),
        "-D",
        str(data),
        "-U",
        "pulso",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-sync",
    ]
    subprocess.run(initdb, check=True, capture_output=True, cwd=folder)
    server = subprocess.Popen(
        [
            *prefix,
            str(programs / "postgres"),
            "-D",
            str(data),
            "-p",
            str(port),
            "-k",
            str(folder),
            "-c",
            "fsync=off",
            "-c",
            "listen_addresses=127.0.0.1",
        ],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"postgresql+psycopg2://pulso@127.0.0.1:{port}/postgres"
        _wait_until_it_answers(url, server)
        yield url
    finally:
        subprocess.run(
            [*prefix, str(programs / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop"],
            check=False,
            capture_output=True,
            cwd=folder,
        )
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_it_answers(url: str, server: subprocess.Popen[bytes]) -> None:
    engine = create_engine(url)
    try:
        while True:
            try:
                with engine.connect():
                    return
            except Exception:
                if server.poll() is not None:
                    raise
                time.sleep(0.05)
    finally:
        engine.dispose()
