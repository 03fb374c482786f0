"""A model's whole life on the seeded world, in Dagster and MLflow: trained, challenged, worn out by a change of what networks rank up,
trained again because of it, displaced by a simple rule, relearned and promoted, taken back.

Run it as `python -m benchmarks.model_cycle [--home DIR] [--pictures DIR]`. Ends with 1 when a stage did not come to what it has to.
Every round is a run of the job that schedules and sensors start; only the clock is moved by hand. The home is left as it is, for
`pulso ui` and for MLflow's own.

Belongs here: the order of events, and what each has to come to. Does not belong here: the world's change (`sandbox/world`), the watch
(`ml/drift.py`), the gate (`ml/gate.py`), the sensor.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
from rich.console import Console
from rich.table import Table

from apps import mlflow_server as mlflow
from apps.demo.register import clients_without_brand
from apps.home import dagster_home, prepare_home
from apps.main_job import EVERYONE, HISTORY, MORNING, register_world
from apps.pipeline import Pipeline, open_pipeline
from apps.sandbox_process import Sandbox, running_sandbox
from apps.worlds import at_sandbox
from benchmarks.ports import free_port
from benchmarks.screenshots import browser_page, served
from contracts.settings import Settings
from contracts.tables import MODEL_WATCH
from lakehouse import open_lake
from ml.families import ENGAGEMENT
from ml.registry import Round, roll_back, rounds
from orchestration import jobs
from orchestration.sensors import when_a_model_no_longer_holds

SEED = 7
CALM_DAYS = 21
"""From the start to the ranking change."""
ALARM_DAYS = 20
"""From the ranking change to the challenger that it calls for."""
FALLEN_DAYS = 30
"""From there to a week's round that shows the champion to be worse than the account's trailing median."""
RELEARNED_DAYS = 100
"""From there to a week's challenger that has seen enough of what works now."""
CROWD = 36
"""Accounts of four clients besides the demo's: three brands post too little in three months for anything to be learned from."""
LOUDER = {"crowd_rate": 3, "format_sd": 0.6, "pillar_sd": 0.6, "residual_sd": 0.6, "ranking_change_strength": 1.5}
"""Themes and formats matter twice as much as on real panels, and chance less, so that a life is over in six months."""
WORLD = (
    "--crowd",
    str(CROWD),
    *(
        part
        for name, value in (LOUDER | {"ranking_change_day": CALM_DAYS}).items()
        for part in ("--set", f"{name}={value}")
    ),
)


@dataclass
class Life:
    """What has happened so far: a row a stage, and whether each came to what it has to."""

    table: Table
    missed: list[str] = field(default_factory=list)

    def stage(self, when: datetime, what: str, came: str, *, as_expected: bool) -> None:
        self.table.add_row(f"{when:%d %b}", what, came, "yes" if as_expected else "[red]no[/]")
        if not as_expected:
            self.missed.append(what)


def live(settings: Settings, console: Console) -> Life:
    """The whole life, in `settings.home`, which has to be empty."""
    table = Table("day", "stage", "what came of it", "as it has to", title="The engagement model's life")
    life = Life(table)
    prepare_home(settings)
    with (
        running_sandbox(settings, seed=SEED, more=WORLD) as sandbox,
        open_pipeline(settings) as pipeline,
    ):
        crowd = [row for row in sandbox.accounts() if not row["is_competitor"] and row["handle"].startswith("crowd")]
        register_world(settings, sandbox, others=clients_without_brand(crowd, language="en", time_zone="UTC"))
        start = sandbox.now()
        console.print("  observe ninety days of history, build, train")
        pipeline.run_assets(["bronze/account_metrics"], since=start.date() - HISTORY, day=start.date())
        pipeline.run(jobs.REFRESH, day=start.date())
        pipeline.run(jobs.TRAIN)
        first = _newest(settings)
        life.stage(start, "train and register", _told(first), as_expected=first.is_champion)

        console.print("  three calm weeks: forecast what is posted, score it, train the week's challenger")
        _let_pass(pipeline, sandbox, days=CALM_DAYS)
        life.stage(sandbox.now(), "watch", _evidence(settings, first), as_expected=not _asked_for(settings))
        pipeline.run(jobs.TRAIN)
        second = _newest(settings)
        life.stage(sandbox.now(), "challenge", _told(second), as_expected=second.version != first.version)
        reigning = _champion(settings)

        console.print("  what networks rank up changes; three weeks later")
        _let_pass(pipeline, sandbox, days=ALARM_DAYS)
        asked = _asked_for(settings)
        life.stage(sandbox.now(), "drift", _evidence(settings, reigning), as_expected=bool(asked))
        for request in asked:
            pipeline.run(jobs.TRAIN, tags=request.tags)
        third = _newest(settings)
        life.stage(sandbox.now(), "retrain on drift", _told(third), as_expected=third.version != second.version)

        console.print("  a month later: the champion is worse than the account's trailing median")
        rule = _round_after(settings, pipeline, sandbox, days=FALLEN_DAYS)
        stands_in = rule.is_champion and rule.kind == "account_median"
        life.stage(sandbox.now(), "stand in", _told(rule), as_expected=stands_in)

        console.print("  three months later: a week's challenger that knows what works now")
        learned = _round_after(settings, pipeline, sandbox, days=RELEARNED_DAYS)
        relearned = learned.is_champion and learned.kind == "boosted"
        life.stage(sandbox.now(), "promote", _told(learned), as_expected=relearned)

        gone, back = roll_back(ENGAGEMENT, settings.mlflow_uri, reason="shown that it can be taken back")
        came = f"version {gone.version} taken back, version {back.version} is champion"
        life.stage(sandbox.now(), "roll back", came, as_expected=back.version == _champion(settings).version)
    return life


def _let_pass(pipeline: Pipeline, sandbox: Sandbox, *, days: int) -> None:
    """Days in which nobody looks; then one refresh sees and forecasts what was posted, and the next morning's scores it."""
    first = sandbox.now().date()
    for morning in (days - 1, days):
        sandbox.move_to(datetime.combine(first + timedelta(days=morning), MORNING, tzinfo=sandbox.now().tzinfo))
        pipeline.run(jobs.REFRESH, day=sandbox.now().date())


def _round_after(settings: Settings, pipeline: Pipeline, sandbox: Sandbox, *, days: int) -> Round:
    """What came of the round at the end of those days."""
    _let_pass(pipeline, sandbox, days=days)
    pipeline.run(jobs.TRAIN)
    return _newest(settings)


def _asked_for(settings: Settings) -> list[dg.RunRequest]:
    """What the sensor asks for now."""
    with dg.DagsterInstance.from_config(str(dagster_home(settings))) as instance:
        answer = when_a_model_no_longer_holds(dg.build_sensor_context(instance=instance))
    return [asked for asked in answer if asked.job_name == jobs.TRAIN] if isinstance(answer, list) else []


def _newest(settings: Settings) -> Round:
    return rounds(ENGAGEMENT, settings.mlflow_uri)[0]


def _champion(settings: Settings) -> Round:
    return next(round_ for round_ in rounds(ENGAGEMENT, settings.mlflow_uri) if round_.is_champion)


def _told(round_: Round) -> str:
    return f"version {round_.version} ({round_.kind}): {round_.state.replace('_', ' ')}; {round_.reasons}"


def _evidence(settings: Settings, champion: Round) -> str:
    watched = open_lake(settings).scan(MODEL_WATCH, scope=EVERYONE).collect()
    mine = watched.filter(model_name=ENGAGEMENT.name, model_version=champion.version)
    if mine.is_empty():
        return f"version {champion.version}: nothing scored"
    most = mine.select(pl.col("drift_evidence", "decay_evidence").max()).row(0)
    told = "drift {:.1f}, decay {:.1f}".format(*most)
    return f"version {champion.version}: {told} at most for one client, {mine['day'].n_unique()} days"


@contextmanager
def mlflow_pages(settings: Settings) -> Iterator[str]:
    """MLflow's own web server over the home's registry, by its address on loopback."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    log = settings.home / "logs" / "mlflow.log"
    with served(mlflow.command(settings, port=port), env=mlflow.environment(settings), health=f"{url}/health", log=log):
        yield url


def picture(settings: Settings, output: Path) -> None:
    """What MLflow shows of the life: the versions of the registered model, what the gate said of each, and who is champion."""
    output.mkdir(parents=True, exist_ok=True)
    with mlflow_pages(settings) as url, browser_page(height=800) as page:
        page.goto(f"{url}/#/models/{ENGAGEMENT.name}")
        page.wait_for_selector("text=Version 1")
        page.locator("[data-component-id='mlflow.assistant.chat_panel.close']").click()  # it lies over the page
        page.wait_for_timeout(1_500)
        page.screenshot(path=output / "mlflow-versions.png")
        print(f"wrote {output / 'mlflow-versions.png'}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.model_cycle")
    parser.add_argument("--home", type=Path, help="an empty folder that is kept (default: a temporary one)")
    parser.add_argument("--pictures", type=Path, help="a folder for a picture of MLflow's page")
    options = parser.parse_args(arguments)
    if options.home and options.home.exists() and any(options.home.iterdir()):
        parser.error(f"{options.home} is not empty: a life begins in a home of its own")
    console = Console(width=150)
    with tempfile.TemporaryDirectory() as folder:
        settings = at_sandbox(Settings(home=options.home or Path(folder), sandbox_port=free_port()))
        life = live(settings, console)
        console.print(life.table)
        if options.pictures:
            picture(settings, options.pictures)
    return 1 if life.missed else 0


if __name__ == "__main__":
    sys.exit(main())
