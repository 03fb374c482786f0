"""How soon the watch over a model notices a planted shift, and how often it cries wolf, on real posts: `python -m benchmarks.drift`.

Belongs here: the shifts and the table. Does not belong here: reading the files (`reference_posts`), the evidence (`ml.drift`).

The model is trained on the first 60 % of posts by time and forecasts the rest, as its shadow forecasts would. *Unshifted* runs have the
days of that rest in random order: whatever drifted in the real world is spread evenly, and an alarm is a false one. Shifts are planted
from the middle of such a run on. At last the days as they were.
"""

import argparse
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from benchmarks.engagement import SETS
from benchmarks.reference_data import add_data_option, data_folder
from benchmarks.reference_posts import BACKFILL_MATURE_AFTER_HOURS
from ml import engagement, evaluation, features
from ml.drift import Watch, watch

START = date(2026, 1, 1)
DAYS = 90
LABEL, EXPECTED = pl.col("log_engagement"), pl.col("expected_log_engagement")
SHIFTS: dict[str, pl.Expr] = {  # the outcome that a later row has instead
    "every post gathers 10 % less": LABEL - np.log(1 / 0.9),
    "every post gathers 20 % less": LABEL - np.log(1 / 0.8),
    "every post gathers a third less": LABEL - np.log(1.5),
    "every post gathers half": LABEL - np.log(2),
    "every post gathers double": LABEL + np.log(2),
    "errors half as large again": EXPECTED + 1.5 * (LABEL - EXPECTED),
    "half of the accounts gather half": pl.when(pl.col("account_id").rank("dense") % 2 == 0)
    .then(LABEL - np.log(2))
    .otherwise(LABEL),
}


def shadow_forecasts(posts: pl.DataFrame, *, seed: int) -> pl.DataFrame:
    """What a model of the first 60 % says of the rest, with outcomes: the columns that `ml.drift.watch` reads."""
    rows = features.post_features(posts)
    split = evaluation.time_split(rows, test_share=0.4)
    model = engagement.fit(split.train, seed=seed)
    return split.test.select(
        "account_id", "log_engagement", known_at="label_known_at", rule_log_engagement="history_median_30"
    ).with_columns(pl.Series("expected_log_engagement", model.expected(split.test)))


def shuffled(scores: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """DAYS of the days, drawn in random order."""
    days = scores.select(pl.col("known_at").dt.date().unique().alias("day")).sort("day")["day"]
    drawn = days.gather(rng.permutation(len(days))[:DAYS])
    order = pl.DataFrame({"day": drawn, "new": [START + timedelta(days=n) for n in range(len(drawn))]})
    return (
        scores.with_columns(pl.col("known_at").dt.date().alias("day"))
        .join(order, on="day")
        .with_columns(
            pl.col("new").dt.combine(pl.col("known_at").dt.time()).dt.replace_time_zone("UTC").alias("known_at")
        )
        .drop("day", "new")
    )


def middle(scores: pl.DataFrame) -> date:
    """The day from which on a run is another world."""
    return START + timedelta(days=scores.select(pl.col("known_at").dt.date().n_unique()).item() // 2)


def shifted(scores: pl.DataFrame, shift: pl.Expr) -> pl.DataFrame:
    """The later half of the days in another world."""
    is_later = pl.col("known_at").dt.date() >= middle(scores)
    outcome = pl.when(is_later).then(shift).otherwise(LABEL).clip(lower_bound=0.0)
    return scores.with_columns(outcome.alias("log_engagement"))


def delays(runs: Iterator[Watch], changed: date) -> tuple[float, float, float]:
    """Share of runs with an alarm before the shift, share with one after it, and the median days until that."""
    found = [run.first_alarm("drift") for run in runs]
    late = [(day - changed).days + 1 for day in found if day is not None and day >= changed]
    early = sum(day is not None and day < changed for day in found)
    return early / len(found), len(late) / len(found), float(np.median(late)) if late else float("nan")


def run(name: str, reference_data: Path, *, runs: int, seed: int, console: Console) -> None:
    scores = shadow_forecasts(SETS[name](reference_data, mature_after_hours=BACKFILL_MATURE_AFTER_HOURS), seed=seed)
    days = scores.select(pl.col("known_at").dt.date().n_unique()).item()
    worlds = [shuffled(scores, np.random.default_rng([seed, n])) for n in range(runs)]
    table = Table(
        title=f"{name}: {scores.height:,} scored forecasts on {days} days, {runs} runs of {min(DAYS, days)} days"
    )
    for column in ("shift", "false alarms", "noticed", "days until then, median"):
        table.add_column(column, justify="left" if column == "shift" else "right")
    quiet = [watch(world, seed=n) for n, world in enumerate(worlds)]
    table.add_row("none, drift", f"{np.mean([w.first_alarm('drift') is not None for w in quiet]):.1%}", "", "")
    table.add_row("none, decay", f"{np.mean([w.first_alarm('decay') is not None for w in quiet]):.1%}", "", "")
    for told, shift in SHIFTS.items():
        early, noticed, delay = delays(
            (watch(shifted(world, shift), seed=n) for n, world in enumerate(worlds)), middle(worlds[0])
        )
        table.add_row(told, f"{early:.1%}", f"{noticed:.0%}", f"{delay:.0f}")
    console.print(table)
    real = watch(scores, seed=seed)
    told = ", ".join(
        f"{kind}: {first if (first := real.first_alarm(kind)) else 'no alarm'}" for kind in ("drift", "decay")
    )
    console.print(f"The days as they were, {real.days['day'][0]} to {real.days['day'][-1]}: {told}\n")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drift", description=(__doc__ or "").splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--set", choices=sorted(SETS), action="append", help="default: all")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    data = data_folder(arguments.data)
    for name in arguments.set or sorted(SETS, reverse=True):
        run(name, data, runs=arguments.runs, seed=arguments.seed, console=Console(width=120))
    return 0


if __name__ == "__main__":
    sys.exit(main())
