"""A process for each call, forked from one that has done the imports: a `pulso` or `dbt` of its own without the seconds of a start.

Belongs here: starting it, its folder, environment, input and output. Does not belong here: what is called.
"""

import importlib
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from subprocess import CompletedProcess

_SERVER = multiprocessing.get_context("forkserver")
# Only what starts no thread by being imported: a thread does not live on in a fork.
_SERVER.set_forkserver_preload(
    [
        "alembic.command",
        "dagster",
        "dbt.parser.manifest",
        "dbt.task.build",
        "httpx",
        "pydantic_settings",
        "sqlalchemy.orm",
        "typer",
    ]
)


def call(
    entry_point: str,
    *arguments: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    answers: str = "",
) -> CompletedProcess[str]:
    """Run `module:function` as a console script would, in this environment and what `env` adds, fed with `answers`.

    Returns its exit code, and what it printed to stdout and stderr together.
    """
    words = [entry_point, *map(str, arguments)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").write_text(answers)
        process = _SERVER.Process(
            target=_become, args=(words, {**os.environ, **(env or {})}, cwd or Path.cwd(), folder)
        )  # type: ignore[attr-defined]
        process.start()
        process.join()
        return CompletedProcess(words, int(process.exitcode or 0), stdout=(folder / "out").read_text())


def _become(words: list[str], env: Mapping[str, str], cwd: Path, folder: Path) -> None:
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    with (folder / "in").open() as answers, (folder / "out").open("w") as printed:
        for stream, number in ((answers, 0), (printed, 1), (printed, 2)):
            os.dup2(stream.fileno(), number)
    sys.stdin = os.fdopen(0)
    sys.argv = words
    module, function = words[0].split(":")
    sys.exit(getattr(importlib.import_module(module), function)())
