"""A home of its own with a sandbox on a free port, driven by the same main job that `make run` calls."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.ports import free_port
from contracts.settings import Settings


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
