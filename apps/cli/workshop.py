"""What is needed to look around and to work on Pulso itself: the UI, docs, pictures, chaos, benchmarks."""

import subprocess
import sys
from typing import Annotated

import typer

from apps.cli.console import console, require_home
from contracts.errors import PulsoError
from contracts.settings import Settings

app = typer.Typer()

MODELS = tuple(
    ("benchmarks." + name,)
    for name in (
        "engagement",
        "scoring",
        "drift",
        "popularity",
        "timing",
        "anomalies",
        "trends",
        "experiments",
        "forecasts",
        "texts",
    )
)
"""What `pulso bench-models` runs."""


@app.command()
def ui(dagster_port: int = 3000, app_port: int = 8501, mlflow_port: int = 5000) -> None:
    """Dagster, MLflow and the Streamlit app on loopback, with the sandbox beside them when this home lives in one. Ctrl-C ends all."""
    from apps.ui import serve

    serve(Settings(), console, dagster_port=dagster_port, app_port=app_port, mlflow_port=mlflow_port)


@app.command()
def prepare() -> None:
    """Create PULSO_HOME and compile the dbt project: what definitions need before they load."""
    from apps.home import prepare_home

    prepare_home(Settings())


@app.command("move-store")
def move_store() -> None:
    """Copy the store of this home's file to the empty database of PULSO_STORE_URL. Needs `pulso stop --all` before; see docs/production.md."""
    from operations.moving import copy_store

    settings = Settings()
    if settings.store_url is None:
        raise PulsoError("Set PULSO_STORE_URL to the empty database that the store shall move to.")
    here = settings.model_copy(update={"store_url": None})
    require_home(here)
    copied = copy_store(here.resolved_store_url, settings.resolved_store_url)
    console.print(f"{sum(copied.values()):,} rows copied. `pulso resume --all` lets them be published from there.")


@app.command()
def docs(check: Annotated[bool, typer.Option("--check", help="Write nothing; fail on drift.")] = False) -> None:
    """Generate docs/metrics.md, docs/assets.md, docs/drafts.md and docs/networks.md."""
    from apps.generated_docs import write_docs

    changed = write_docs(check=check)
    console.print("Out of date: " + ", ".join(changed) if changed else "All generated docs are in step.")
    if check and changed:
        raise typer.Exit(1)


@app.command()
def screenshots() -> None:
    """Picture every page of the app and the asset graph into docs/images."""
    raise typer.Exit(subprocess.call([sys.executable, "-m", "benchmarks.screenshots"]))


@app.command()
def chaos(
    posts: Annotated[int, typer.Option(min=9, help="Spread over one account for each ten of them.")] = 10_000,
    seed: int = 7,
    hostile: Annotated[
        bool, typer.Option("--hostile", help="The networks' own guards do nothing, and their reads fail and lag.")
    ] = False,
    bug: Annotated[str, typer.Option(help="Plant a bug; the harness has to notice.")] = "",
) -> None:
    """Kill publishers at random, with faults, over all nine networks, and count in the networks' own state."""
    command = [sys.executable, "-m", "benchmarks.chaos", "--posts", str(posts), "--seed", str(seed)]
    command += ["--accounts", str(max(9, posts // 10)), "--kills", str(max(1, posts // 25))]
    command += [*(["--hostile"] if hostile else []), *(["--bug", bug] if bug else [])]
    raise typer.Exit(subprocess.call(command))


@app.command()
def chaos_pds(kills: int = 1000, seed: int = 7, bug: str = "") -> None:
    """Kill publishers between a real Bluesky server's commit and its answer, and count in its repositories."""
    command = [sys.executable, "-m", "benchmarks.chaos_pds", "--kills", str(kills), "--seed", str(seed)]
    raise typer.Exit(subprocess.call([*command, *(["--bug", bug] if bug else [])]))


@app.command()
def bench() -> None:
    """Measure the models, the definitions' load time and the ingest of 1,000 accounts against baselines of the same run."""
    _measure(("benchmarks.definitions_load",), *MODELS, ("benchmarks.ingest", "--accounts", "1000"))


@app.command("bench-models")
def bench_models() -> None:
    """Measure every model on public data against the simplest thing that could work."""
    _measure(*MODELS)


def _measure(*commands: tuple[str, ...]) -> None:
    """One after the other; ends with the worst of their results."""
    worst = 0
    for module, *options in commands:
        console.rule(module)
        worst = max(worst, subprocess.call([sys.executable, "-m", module, *options]))
    raise typer.Exit(worst)


@app.command()
def bench_burst(posts: int = 5000, accounts: int = 1000, down: str = "instagram") -> None:
    """Publish thousands of posts that are due at once; also with one network down, and by several workers."""
    command = [sys.executable, "-m", "benchmarks.burst", "--posts", str(posts), "--accounts", str(accounts)]
    raise typer.Exit(subprocess.call([*command, "--down", down]))


@app.command("bench-warehouse")
def bench_warehouse(accounts: int = 10_000, days: str = "30,180,360") -> None:
    """Build the warehouse over a generated lake, whole and a day more, against the same marts written by hand in SQL."""
    command = [sys.executable, "-m", "benchmarks.warehouse", "--accounts", str(accounts), "--days", days]
    raise typer.Exit(subprocess.call(command))


@app.command("bench-ingest")
def bench_ingest(accounts: str = "1000,10000", repeats: int = 3) -> None:
    """Measure one day's refresh of so many accounts against a bare httpx loop that asks for the same bytes."""
    command = [sys.executable, "-m", "benchmarks.ingest", "--accounts", accounts, "--repeats", str(repeats)]
    raise typer.Exit(subprocess.call(command))


@app.command("bench-spark")
def bench_spark() -> None:
    """Build gold from all real posts on DuckDB and on Spark, compare it table by table, and say how long each took."""
    raise typer.Exit(subprocess.call([sys.executable, "-m", "benchmarks.spark"]))
