"""dbt as Pulso runs it: where the project is, a manifest that is in step with it, and a command line for one home.

Belongs here: how dbt is found, configured and started. Does not belong here: what it builds (dbt_project/), what is done with the
result (assets/warehouse.py).
"""

import hashlib
import importlib.metadata
import json
import subprocess
import sys
import warnings
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import FileLock
from packaging.version import Version, parse

from contracts.errors import PulsoError
from contracts.settings import Settings

with warnings.catch_warnings():  # see assets/warehouse.py
    warnings.filterwarnings("ignore", message="sqlglot")
    from dagster_dbt import DbtCliInvocation, DbtCliResource

PROJECT_DIR = Path(__file__).resolve().parent.parent / "dbt_project"
TARGET_DIR = PROJECT_DIR / "target"
MANIFEST = TARGET_DIR / "manifest.json"

_STAMP = TARGET_DIR / "manifest.sha256"
_QUIET_FILE = ["--log-level-file", "info"]
"""What dbt tells of every query and event takes it a tenth of a build; the queries themselves stand in its target folder."""
_SOURCES = ("models", "macros", "seeds", "tests", "dbt_project.yml")


def dbt_executable() -> Path:
    """The dbt of this environment, whether or not the environment is activated."""
    return Path(sys.executable).with_name("dbt")


def dbt_variables(settings: Settings) -> dict[str, Any]:
    """Settings that dbt has to know, as its variables. Paths are absolute: dbt runs in its own folder."""
    return {
        "pulso_home": str(settings.home.absolute()),
        "mature_after_hours": settings.mature_after_hours,
        "backfill_mature_after_hours": settings.backfill_mature_after_hours,
        "project_sha256": sources_sha256(),
    }


def dbt_options(settings: Settings, target: Path) -> list[str]:
    """Words after any command of dbt: the project, this home's variables, and the folder for artefacts and logs."""
    project = ["--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)]
    folders = ["--target-path", str(target), "--log-path", str(target)]
    return [*project, *folders, "--vars", json.dumps(dbt_variables(settings))]


def current_manifest(settings: Settings) -> Path:
    """The project's manifest; compiled first when it is missing or older than its sources (some seconds, offline).

    Raises PulsoError with dbt's own words when the project does not compile.
    """
    TARGET_DIR.mkdir(exist_ok=True)
    with FileLock(TARGET_DIR / "manifest.lock"):
        stamp = sources_sha256()
        if not (MANIFEST.exists() and _STAMP.exists() and _STAMP.read_text() == stamp):
            _STAMP.unlink(missing_ok=True)
            _parse(settings)
            _STAMP.write_text(stamp)
    return MANIFEST


def sources_sha256() -> str:
    """Of everything that decides what a build computes: the project's files and dbt's version."""
    digest = hashlib.sha256(importlib.metadata.version("dbt-core").encode())
    roots = [PROJECT_DIR / name for name in _SOURCES]
    for path in sorted(
        path for root in roots for path in (root.rglob("*") if root.is_dir() else [root]) if path.is_file()
    ):
        digest.update(f"{path.relative_to(PROJECT_DIR)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _parse(settings: Settings) -> None:
    command = [str(dbt_executable()), "parse", "--quiet", *_QUIET_FILE, *dbt_options(settings, TARGET_DIR)]
    parsed = subprocess.run(command, cwd=PROJECT_DIR, capture_output=True, text=True, check=False)
    if parsed.returncode:
        raise PulsoError(f"The dbt project does not compile:\n{parsed.stdout}{parsed.stderr}")


class HomeDbtCli(DbtCliResource):
    """dbt for one PULSO_HOME: its variables come with every command, its artefacts and logs stay under the home.

    Artefacts are kept in one folder, so that a build parses only what changed since the last one; the warehouse pool sees to it
    that there is one build at a time.
    """

    home: str
    variables: dict[str, Any]

    @cached_property
    def _cli_version(self) -> Version:
        """Without starting `dbt --version`, which takes seconds and asks a package index for the newest release."""
        return parse(importlib.metadata.version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:
        """None: setting it up takes seconds for every build, and nothing here asks it (assets/column_lineage.py asks the warehouse)."""
        del args

    def cli(self, args: Sequence[str], **options: Any) -> DbtCliInvocation:  # type: ignore[override]
        target = Path(self.home) / "dbt"
        target.mkdir(parents=True, exist_ok=True)
        (target / "run_results.json").unlink(missing_ok=True)  # a build that crashes must not be judged by an older one
        return super().cli(
            [*args, *_QUIET_FILE, "--vars", json.dumps(self.variables)], **{"target_path": target, **options}
        )


def home_dbt_cli(settings: Settings) -> HomeDbtCli:
    """The command line for the home that `settings` name."""
    return HomeDbtCli(
        project_dir=PROJECT_DIR,
        profiles_dir=PROJECT_DIR,
        dbt_executable=dbt_executable(),
        home=str(settings.home.absolute()),
        variables=dbt_variables(settings),
    )
