"""What is needed to look around and to work on Pulso itself: the UI, docs, pictures, chaos, benchmarks."""

import subprocess
import sys
from typing import Annotated

import typer

from apps.cli.console import console
from contracts.settings import Settings

app = typer.Typer()


@app.command()
def ui(dagster_port: int = 3000, app_port: int = 8501) -> None:
    """Dagster and the Streamlit app on loopback, with the sandbox beside them when this home lives in one. Ctrl-C ends all."""
    from apps.ui import serve

    serve(Settings(), console, dagster_port=dagster_port, app_port=app_port)


@app.command()
def prepare() -> None:
    """Create PULSO_HOME and compile the dbt project: what definitions need before they load."""
    from apps.home import prepare_home

    prepare_home(Settings())


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
def chaos(runs: int = 500, seed: int = 7, bug: str = "") -> None:
    """Kill the publisher at random, with faults, and count in the networks' own state."""
    command = [sys.executable, "-m", "benchmarks.chaos", "--runs", str(runs), "--seed", str(seed)]
    raise typer.Exit(subprocess.call([*command, *(["--bug", bug] if bug else [])]))


@app.command()
def bench() -> None:
    """Measure the models, the definitions' load time and the ingest of 1,000 accounts against baselines of the same run."""
    worst = 0
    for module, *options in (
        ("benchmarks.definitions_load",),
        ("benchmarks.engagement",),
        ("benchmarks.ingest", "--accounts", "1000"),
    ):
        console.rule(module)
        worst = max(worst, subprocess.call([sys.executable, "-m", module, *options]))
    raise typer.Exit(worst)


@app.command("bench-ingest")
def bench_ingest(accounts: str = "1000,10000", repeats: int = 3) -> None:
    """Measure one day's refresh of so many accounts against a bare httpx loop that asks for the same bytes."""
    command = [sys.executable, "-m", "benchmarks.ingest", "--accounts", accounts, "--repeats", str(repeats)]
    raise typer.Exit(subprocess.call(command))
