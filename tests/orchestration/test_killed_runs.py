"""A killed process must not hold a pool's only place for ever."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg

from apps.pipeline import Pipeline, end_runs_of_dead_processes

HOME = """
telemetry: {enabled: false}
concurrency: {pools: {granularity: op, default_limit: 1}}
"""


def pipeline(home: Path, *, hangs: bool) -> tuple[Pipeline, dg.DagsterInstance]:
    @dg.asset(pool="warehouse")
    def gold() -> None:
        (home / "inside").touch()
        time.sleep(600 if hangs else 0)

    job = dg.define_asset_job("build", selection=[gold])
    instance = dg.DagsterInstance.from_config(str(home))
    return Pipeline(dg.Definitions(assets=[gold], jobs=[job]), instance, home / "runs.log"), instance


def test_its_place_in_a_pool_is_free_for_the_next(tmp_path: Path):
    (tmp_path / "dagster.yaml").write_text(HOME)
    program = (
        "from pathlib import Path; from tests.orchestration.test_killed_runs import pipeline; "
        f"pipeline(Path({str(tmp_path)!r}), hangs=True)[0].run('build')"
    )
    doomed = subprocess.Popen([sys.executable, "-c", program], env={**os.environ, "DAGSTER_HOME": str(tmp_path)})
    while not (tmp_path / "inside").exists():
        assert doomed.poll() is None, "it ended before it reached the asset"
        time.sleep(0.05)
    alive, instance = pipeline(tmp_path, hangs=False)
    try:
        end_runs_of_dead_processes(instance)
        assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.STARTED], (
            "a living run is left alone"
        )
        doomed.send_signal(signal.SIGKILL)
        doomed.wait()
        end_runs_of_dead_processes(instance)
        assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.FAILURE]
        assert alive.run("build").run_id
    finally:
        doomed.kill()
        instance.dispose()
