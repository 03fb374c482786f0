"""A Spark session for tests: a real one, on two cores of this machine, with no page and no address but loopback.

Belongs here: starting and stopping it. Does not belong here: what is built on it.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import NotReadyError
from lakehouse.spark import open_spark

# Tests plan much and compute little: what starts quickly suits them better than what runs fast, in the JVM as in Spark's own compiler.
_JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:+UseSerialGC"
_SETTINGS = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.shuffle.partitions": "1",
}


@contextmanager
def running_spark(scratch: Path) -> Iterator[Any]:
    """The session that builds of this process find open; skips, or fails in CI, saying how to install what is missing."""
    before = os.environ.get("JDK_JAVA_OPTIONS")
    os.environ["JDK_JAVA_OPTIONS"] = _JAVA_OPTIONS
    try:
        with ExitStack() as stack:
            try:
                session = stack.enter_context(open_spark(scratch, master="local[2]", memory="1g"))
            except NotReadyError as missing:
                if os.environ.get("CI"):
                    pytest.fail(str(missing))
                pytest.skip(str(missing))
            for name, value in _SETTINGS.items():
                session.conf.set(name, value)
            yield session
    finally:
        if before is None:
            del os.environ["JDK_JAVA_OPTIONS"]
        else:
            os.environ["JDK_JAVA_OPTIONS"] = before
