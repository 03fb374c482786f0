"""dbt over any home with the project parsed once: another home has other variables, for which dbt would parse all of it again.

Belongs here: running dbt's commands. Does not belong here: the homes (conftest.py), how dbt is run in production (orchestration/dbt_cli.py).
"""

import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path

from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest

from contracts.settings import Settings
from orchestration.dbt_cli import TARGET_DIR, dbt_options


def run(command: str, *arguments: str, settings: Settings) -> dbtRunnerResult:
    """A command of dbt over the home of these settings, in this process."""
    target = settings.home / "dbt"
    target.mkdir(parents=True, exist_ok=True)
    outcome = dbtRunner(manifest=_project().deepcopy()).invoke([command, *arguments, *dbt_options(settings, target)])
    DuckDBConnectionManager.close_all_connections()
    return outcome


def main() -> None:
    """As a program: the home, the command and its arguments; exits as dbt does."""
    home, command, *arguments = sys.argv[1:]
    sys.exit(0 if run(command, *arguments, settings=Settings(home=Path(home))).success else 1)


@cache
def _project() -> Manifest:
    with tempfile.TemporaryDirectory() as name:
        shutil.copy(TARGET_DIR / "partial_parse.msgpack", name)
        line = ["--quiet", "--log-level-file", "none", "parse", *dbt_options(Settings(), Path(name))]
        outcome = dbtRunner().invoke(line)
    assert isinstance(outcome.result, Manifest), outcome.exception
    return outcome.result
