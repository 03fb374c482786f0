"""A build of silver and gold by Spark: the same dbt project on `--target spark`, in this process, over the same bronze.

Belongs here: putting session, dbt and publication together. Does not belong here: what a session is and where its tables lie
(lakehouse/spark.py), what is built (dbt_project/), the daily build on DuckDB (assets/warehouse.py).
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from contracts.errors import PulsoError
from contracts.settings import Settings
from lakehouse import open_lake
from lakehouse.spark import GOLD, empty_schemas, open_spark, publish_gold, show_bronze
from orchestration.dbt_cli import dbt_options


@dataclass(frozen=True)
class SparkBuild:
    """What a build made: rows by gold table, seconds by model, and of all of it (the session's start not counted)."""

    rows: dict[str, int]
    model_seconds: dict[str, float]
    seconds: float


def build_on_spark(settings: Settings, *, is_tested: bool = True) -> SparkBuild:
    """Build every model on Spark, test it (unless not `is_tested`), and make gold the newest of `settings.spark_lake_path`.

    Every model is built whole. Raises PulsoError, and leaves the gold of the last build, when a model or a test fails, or while
    another build of this home runs; NotReadyError without Spark or Java.
    """
    folder = settings.spark_path.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with (
            FileLock(folder / "build.lock", timeout=0),
            open_spark(folder / "scratch", master=settings.spark_master, memory=settings.spark_memory) as session,
        ):
            started = time.perf_counter()
            show_bronze(session, open_lake(settings))
            with empty_schemas(session, folder / "build"):
                seconds = _run_dbt(settings, folder / "dbt", is_tested=is_tested)
                rows = publish_gold(folder / "build" / GOLD, settings.spark_lake_path)
            return SparkBuild(rows, seconds, time.perf_counter() - started)
    except Timeout as error:
        raise PulsoError(f"Another Spark build of {settings.home} runs: wait for its end.") from error


def _run_dbt(settings: Settings, target: Path, *, is_tested: bool) -> dict[str, float]:
    """Seconds by model. Raises PulsoError with what failed."""
    from dbt.cli.main import dbtRunner

    line = ["build", "--target", "spark", *dbt_options(settings, target)]
    line += ["--exclude-resource-type", "unit_test", *([] if is_tested else ["test"])]
    outcome = dbtRunner().invoke(["--quiet", "--log-level", "none", *line])
    results: list[Any] = list(getattr(outcome.result, "results", ()))
    if not outcome.success:
        failed = [f"  {r.node.name}: {r.message}" for r in results if r.status in {"error", "fail"}]
        raise PulsoError(
            "\n".join(["dbt failed on Spark; its last gold stays.", *(failed or [f"  {outcome.exception}"])])
        )
    return {r.node.name: r.execution_time for r in results if r.node.resource_type == "model"}
