"""Dagster jobs run in this process, recorded in the home's own instance so that the UI shows every run afterwards.

What they and dbt print goes to `logs/runs.log` under the home: a person at the terminal sees progress and results instead.
"""

import logging
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import psutil

from apps.home import dagster_home
from assets.results import NOT_READY
from contracts.errors import PulsoError
from contracts.settings import Settings

_RANGE_START = "dagster/asset_partition_range_start"
_RANGE_END = "dagster/asset_partition_range_end"
_PROCESS = "pulso/process"
"""Tag of a run: the process that executes it, as `<host>:<pid>:<start time>`."""


@dataclass(frozen=True)
class FailedCheck:
    """A check that did not pass, with its own words."""

    asset: str
    check: str
    description: str
    severity: str


@dataclass(frozen=True)
class JobOutcome:
    """What one run did: rows by asset, the checks that failed, and of assets that had too little to go on what they said."""

    run_id: str
    rows: Mapping[str, int]
    failed_checks: tuple[FailedCheck, ...]
    not_ready: Mapping[str, str]


class JobFailedError(PulsoError):
    """A run failed. The message names the step, the reason, and where the log is."""


class Pipeline:
    """Runs jobs of the definitions on one instance."""

    def __init__(self, definitions: dg.Definitions, instance: dg.DagsterInstance, log: Path) -> None:
        self._definitions = definitions
        self._instance = instance
        self._log = log

    def run(
        self,
        job: str,
        *,
        day: date | None = None,
        since: date | None = None,
        ops: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> JobOutcome:
        """Run a job to its end, for `day` or for the range `since`..`day` in one run; `tags`: of the run, besides its own.

        Raises JobFailedError; checks that fail without blocking are returned, not raised.
        """
        definition = self._definitions.resolve_job_def(job)
        return self._execute(definition, job, day=day, since=since, ops=ops, tags=tags)

    def run_assets(self, keys: Sequence[str], *, day: date, since: date) -> JobOutcome:
        """Materialise some assets over a range of days in one run. Raises JobFailedError."""
        job = dg.define_asset_job("chosen_assets", selection=dg.AssetSelection.assets(*keys))
        definitions = dg.Definitions.merge(self._definitions, dg.Definitions(jobs=[job]))
        return self._execute(
            definitions.resolve_job_def("chosen_assets"), ", ".join(keys), day=day, since=since, ops=None
        )

    def _execute(
        self,
        definition: dg.JobDefinition,
        name: str,
        *,
        day: date | None,
        since: date | None,
        ops: Mapping[str, Any] | None,
        tags: Mapping[str, str] | None = None,
    ) -> JobOutcome:
        tags = {**(tags or {}), _PROCESS: _this_process()}
        if day is not None and since is not None:
            tags |= {_RANGE_START: since.isoformat(), _RANGE_END: day.isoformat()}
        with self._log.open("a", encoding="utf-8") as log, redirect_stdout(log), redirect_stderr(log):
            result = definition.execute_in_process(
                instance=self._instance,
                partition_key=day.isoformat() if day is not None and since is None else None,
                tags=tags,
                run_config={"ops": dict(ops)} if ops else None,
                raise_on_error=False,
            )
        if not result.success:
            raise JobFailedError(_why(name, result))
        return JobOutcome(result.run_id, dict(_rows(result)), tuple(_failed_checks(result)), dict(_not_ready(result)))


@contextmanager
def open_pipeline(settings: Settings) -> Iterator[Pipeline]:
    """The definitions and the home's instance, closed on leaving."""
    from orchestration.definitions import defs

    for name in ("dagster", "alembic", "httpx", "dbt", "mlflow"):
        logging.getLogger(name).setLevel(logging.ERROR)
    instance = dg.DagsterInstance.from_config(str(dagster_home(settings)))
    try:
        end_runs_of_dead_processes(instance)
        yield Pipeline(defs, instance, settings.home / "logs" / "runs.log")
    finally:
        instance.dispose()


def _this_process() -> str:
    process = psutil.Process()
    return f"{socket.gethostname()}:{process.pid}:{process.create_time():.2f}"


def end_runs_of_dead_processes(instance: dg.DagsterInstance) -> None:
    """A killed process leaves its run as started, and the places that it held in pools taken: nobody else could go on."""
    here = f"{socket.gethostname()}:"
    for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED])):
        process = run.tags.get(_PROCESS, "")
        if process.startswith(here) and not _is_alive(process):
            instance.report_run_failed(run, message="The process that executed this run is gone.")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def _is_alive(process: str) -> bool:
    _, pid, started = process.rsplit(":", 2)
    try:
        return f"{psutil.Process(int(pid)).create_time():.2f}" == started
    except psutil.NoSuchProcess:
        return False


def _why(job: str, result: dg.ExecuteInProcessResult) -> str:
    lines = [f"Job {job} failed (run {result.run_id})."]
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            while error is not None and error.cause is not None:
                error = error.cause
            lines.append(f"  {event.step_key}: {error.message.strip() if error else 'no reason recorded'}")
    lines.append("  The whole log: logs/runs.log under PULSO_HOME, or `pulso ui`, then Runs.")
    return "\n".join(lines)


def _rows(result: dg.ExecuteInProcessResult) -> Iterator[tuple[str, int]]:
    for event in result.get_asset_materialization_events():
        materialisation = event.materialization
        count = materialisation.metadata.get("dagster/row_count")
        yield materialisation.asset_key.to_user_string(), int(count.value) if count is not None else 0


def _not_ready(result: dg.ExecuteInProcessResult) -> Iterator[tuple[str, str]]:
    for event in result.get_asset_materialization_events():
        materialisation = event.materialization
        if (told := materialisation.metadata.get(NOT_READY)) is not None:
            yield materialisation.asset_key.to_user_string(), str(told.value)


def _failed_checks(result: dg.ExecuteInProcessResult) -> Iterator[FailedCheck]:
    for evaluation in result.get_asset_check_evaluations():
        if not evaluation.passed:
            yield FailedCheck(
                evaluation.asset_key.to_user_string(),
                evaluation.check_name,
                evaluation.description or "",
                evaluation.severity.value,
            )
