"""Build silver and gold, on this machine's DuckDB or on Spark, and see whether both say the same."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from apps.cli.console import console, require_home, table_of
from contracts.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.table import Table

    from lakehouse.agreement import Agreement

app = typer.Typer(help="Build silver and gold, and compare engines.", no_args_is_help=True)


class Target(StrEnum):
    """The engines that the dbt project runs on."""

    DUCKDB = "duckdb"
    SPARK = "spark"


@app.command("build")
def build(
    target: Annotated[
        Target, typer.Option(help="Spark builds every table whole, into spark/lake under the home.")
    ] = Target.DUCKDB,
    is_anew: Annotated[
        bool,
        typer.Option("--anew", help="Build and publish every table whole, not only what changed since the last build."),
    ] = False,
) -> None:
    """Build silver and gold from bronze as it is, test them, and publish what passed. Asks no network."""
    settings = Settings()
    require_home(settings)
    if target is Target.DUCKDB:
        _build_on_duckdb(settings, is_anew=is_anew)
        return
    from orchestration.spark_build import build_on_spark

    built = build_on_spark(settings)
    for name, rows in built.rows.items():
        console.print(f"gold/{name}: {rows:,} rows", highlight=False)
    console.print(
        f"Built and tested on Spark in {built.seconds:.0f} s; gold is in {settings.spark_lake_path}. "
        "`pulso warehouse compare` holds it against the lake's.",
        highlight=False,
    )


@app.command("compare")
def compare() -> None:
    """Hold the gold of the last Spark build against the lake's, table by table. Ends with 1 when anything differs."""
    from lakehouse import DeltaLake, open_lake
    from lakehouse.agreement import gold_agreement

    settings = Settings()
    found = gold_agreement(open_lake(settings), DeltaLake(settings.spark_lake_path))
    console.print(agreement_table(found))
    if not all(agreement.is_equal for agreement in found.values()):
        console.print("They differ. Bronze that came in between the two builds is a reason, too: build both again.")
        raise typer.Exit(1)


def agreement_table(found: "Mapping[str, Agreement]") -> "Table":
    """A row for each gold table: rows, columns in common, what differs, and by how much doubles do at most."""
    table = table_of("gold", "rows (DuckDB, Spark)", "columns", "differ", "max relative difference")
    for name, agreement in found.items():
        differing = [*agreement.types, *(f"{column} ({rows:,})" for column, rows in agreement.differences.items())]
        table.add_row(
            name,
            ", ".join(f"{rows:,}" for rows in dict.fromkeys(agreement.rows)),
            str(agreement.columns),
            ", ".join(differing) or ("-" if agreement.is_equal else "rows"),
            f"{agreement.max_relative_difference:.1e}" if agreement.max_relative_difference else "0",
        )
    return table


def _build_on_duckdb(settings: Settings, *, is_anew: bool) -> None:
    from apps.home import prepare_home
    from apps.pipeline import open_pipeline
    from lakehouse.warehouse import forget_builds
    from orchestration import jobs

    prepare_home(settings)
    if is_anew:
        forget_builds(settings.warehouse_path)
    with open_pipeline(settings) as pipeline:
        outcome = pipeline.run(jobs.BUILD_WAREHOUSE)
    for key, rows in sorted(outcome.rows.items()):
        if key.startswith("gold/"):
            console.print(f"{key}: {rows:,} rows", highlight=False)
    for check in outcome.failed_checks:
        console.print(f"{check.asset}: {check.check} failed. {check.description}", markup=False, highlight=False)
    console.print("Built, tested and published on DuckDB.")
