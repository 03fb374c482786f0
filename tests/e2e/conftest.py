"""A home of its own with a sandbox on a free port, driven by the same main job that `make run` calls."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.settings import Settings


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of an empty home; what the main job exports to the environment is undone afterwards."""
    before = dict(os.environ)
    yield Settings(home=tmp_path_factory.mktemp("home"), sandbox_port=free_port())
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")
