"""Gold from all real posts on both engines: is it the same, table by table, and how long does each take?

`python -m benchmarks.spark [--every 1] [--folder FOLDER]` (needs PULSO_REFERENCE_DATA, and Spark: `make setup-spark`)

Each engine builds all models over the same bronze in a process of its own and publishes gold to Delta, without dbt's tests. Not counted:
the start of Python, of Spark's session, and dbt's first parse. The command fails when a table differs.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from apps.cli.warehouse import agreement_table
from benchmarks import reference_bronze
from benchmarks.reference_data import add_data_option, data_folder
from benchmarks.warehouse.builds import alone, by_dbt
from contracts.settings import Settings
from lakehouse import DeltaLake
from lakehouse.agreement import gold_agreement
from orchestration.spark_build import SparkBuild, build_on_spark


def main() -> int:
    """Print the table and the ratio; 1 where the engines disagree."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--every", type=int, default=1, help="keep one post of so many")
    parser.add_argument(
        "--folder", type=Path, default=None, help="where the lake is made (default: a temporary folder)"
    )
    options = parser.parse_args()
    console = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 140)
    data = data_folder(options.data)
    with tempfile.TemporaryDirectory(prefix="pulso-spark-", dir=options.folder) as folder:
        settings = Settings(home=Path(folder))
        posts = write_real_posts(DeltaLake(settings.lake_path), data, every=options.every)
        console.print(f"{posts:,} posts")
        duckdb = alone(by_dbt, settings.home, True)
        console.print(f"DuckDB: {duckdb.build_seconds:.1f} s to build, {duckdb.publish_seconds:.1f} s to publish")
        spark = alone(build_without_tests, settings)
        slowest = sorted(spark.model_seconds.items(), key=lambda model: -model[1])[:6]
        console.print(
            f"Spark: {spark.seconds:.1f} s; " + ", ".join(f"{name} {seconds:.1f}" for name, seconds in slowest)
        )
        found = gold_agreement(DeltaLake(settings.lake_path), DeltaLake(settings.spark_lake_path))
    console.print(agreement_table(found))
    console.print(f"Spark : DuckDB = {spark.seconds / duckdb.total_seconds:.1f}")
    return 0 if all(agreement.is_equal for agreement in found.values()) else 1


def write_real_posts(lake: DeltaLake, reference_data: Path, *, every: int = 1) -> int:
    """Both public data sets, or one of so many of their posts, as bronze; how many posts these are."""
    written = 0
    for read, counts, time_zone, language in (
        (reference_bronze.instagram_posts, reference_bronze.INSTAGRAM_COUNTS, "America/Sao_Paulo", "pt"),
        (reference_bronze.facebook_posts, reference_bronze.FACEBOOK_COUNTS, "America/New_York", "en"),
    ):
        posts = reference_bronze.possible(read(reference_data), counts).gather_every(every)
        reference_bronze.write(lake, posts, counts, time_zone=time_zone, language=language)
        written += posts.height
    return written


def build_without_tests(settings: Settings) -> SparkBuild:
    """What is timed: the models alone, as on the other side."""
    return build_on_spark(settings, is_tested=False)


if __name__ == "__main__":
    sys.exit(main())
