"""The warehouse over a generated lake: a full build, a further day, and how both grow, as ratios to the same marts written by hand.

`python -m benchmarks.warehouse [--accounts 10000] [--days 30,180,360] [--folder FOLDER] [--goals]`

For each number of days: a full build by dbt and one by hand (both publish to Delta, neither tests), then one more day, a hundredth of whose
counts belongs to the three days before it, built incrementally. With `--goals` the command fails when the last full build took more than
1.15 times as long as by hand, or a further day more than a twentieth of a full build.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.warehouse.builds import Built, alone, by_dbt, by_hand, content_mix_in_pandas, differences
from benchmarks.warehouse.generated_lake import GeneratedLake

GOAL_FULL = 1.15
GOAL_DAY = 1 / 20


def main() -> int:
    """Print the table; 1 where the two sides disagree, or a goal that was asked for is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--days", default="30,180,360", help="ages of the lake, ascending, with commas")
    parser.add_argument(
        "--folder", type=Path, default=None, help="where the lake is made (default: a temporary folder)"
    )
    parser.add_argument("--goals", action="store_true", help="fail when a goal is missed")
    options = parser.parse_args()
    console = Console(width=170)
    with tempfile.TemporaryDirectory(prefix="pulso-warehouse-", dir=options.folder) as folder:
        return measure(
            Path(folder), options.accounts, [int(day) for day in options.days.split(",")], options.goals, console
        )


def measure(home: Path, accounts: int, ages: list[int], has_goals: bool, console: Console) -> int:
    """Grow a lake under `home` to each age in turn and build over it."""
    lake = GeneratedLake(home / "lake", accounts=accounts)
    table = Table(title=f"{accounts:,} accounts", title_justify="left")
    for column in (
        "days",
        "gold rows",
        "dbt s",
        "by hand s",
        "dbt / by hand",
        "a day s",
        "day / full",
        "peak GiB (dbt, by hand, day)",
        "on disk GiB",
    ):
        table.add_column(column, justify="right")
    known, is_missed = 0, False
    for age in ages:
        with console.status(f"{age} days: generating ..."):
            lake.grow(known, age - 1, told=lambda day: console.print(f"  day {day} is in the lake"))
        with console.status(f"{age} days: building by dbt ..."):
            full = alone(by_dbt, home, True)
        _tell(console, f"{age} days, dbt", full)
        shutil.rmtree(home / "by_hand", ignore_errors=True)
        with console.status(f"{age} days: building by hand ..."):
            hand = alone(by_hand, home)
        _tell(console, f"{age} days, by hand", hand)
        if found := differences(home):
            console.print("The two sides disagree:\n  " + "\n  ".join(found))
            return 1
        sizes = _gib(home / "lake"), _gib(home / "warehouse.duckdb")
        if age == ages[0]:  # it grows as the rows do, and nobody learns more from waiting for it
            pandas = alone(content_mix_in_pandas, home)
            ours = full.seconds["kpi_content_mix_weekly"]
            console.print(
                f"{age} days, kpi_content_mix_weekly in pandas: {pandas:.1f} s, {pandas / ours:.0f} times dbt's model"
            )
        lake.grow(age, age)
        known = age + 1
        with console.status(f"day {age}: building ..."):
            day = alone(by_dbt, home, False)
        _tell(console, f"day {age}", day)
        table.add_row(
            str(age),
            f"{sum(full.rows.values()):,}",
            f"{full.total_seconds:.1f}",
            f"{hand.total_seconds:.1f}",
            f"{full.total_seconds / hand.total_seconds:.2f}",
            f"{day.total_seconds:.1f}",
            f"1/{full.total_seconds / day.total_seconds:.0f}",
            f"{full.peak_gib:.1f}, {hand.peak_gib:.1f}, {day.peak_gib:.1f}",
            f"lake {sizes[0]:.1f}, warehouse {sizes[1]:.1f}",
        )
        is_missed = (
            full.total_seconds > GOAL_FULL * hand.total_seconds or day.total_seconds > GOAL_DAY * full.total_seconds
        )
    console.print(table)
    return 1 if has_goals and is_missed else 0


def _tell(console: Console, what: str, built: Built) -> None:
    slowest = sorted(built.seconds.items(), key=lambda item: -item[1])[:6]
    console.print(
        f"{what}: {built.build_seconds:.1f} s to build, {built.publish_seconds:.1f} s to publish "
        f"{sum((built.published or built.rows).values()):,} rows; "
        + ", ".join(f"{name} {seconds:.1f}" for name, seconds in slowest)
    )


def _gib(path: Path) -> float:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files) / 2**30


if __name__ == "__main__":
    sys.exit(main())
