"""Engagement model against three baselines on public data: `python -m benchmarks.engagement`.

Belongs here: the run and its table. Does not belong here: reading the files (`reference_posts`), metrics (`ml.evaluation`).

The last 20 % of posts by time are scored once. Loss, target and interval are chosen inside the rest. `PULSO_REFERENCE_DATA`
names the folder of public data sets (docs/reference-data.md).
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl

from benchmarks.kept_vectors import with_vectors
from benchmarks.reference_data import add_data_option, data_folder
from benchmarks.reference_posts import BACKFILL_MATURE_AFTER_HOURS, facebook_posts, instagram_posts
from ml import card, engagement, evaluation, features

SETS: dict[str, Callable[..., pl.DataFrame]] = {
    "instagram_br_state_gov": instagram_posts,
    "facebook_pages_2016": facebook_posts,
}


def run(
    name: str,
    reference_data: Path,
    *,
    mature_after_hours: int,
    resamples: int,
    seed: int,
    vectors: Path | None = None,
    encode: int | None = None,
) -> str:
    """Train and evaluate on one data set; returns the figures as Markdown. `vectors`: folder of kept ones, to learn from them too."""
    posts = SETS[name](reference_data, mature_after_hours=mature_after_hours)
    started = time.perf_counter()
    rows = features.post_features(posts)
    if vectors is not None:
        rows = with_vectors(rows, vectors / f"{name}.parquet", newest=encode)
    featured = time.perf_counter()
    split = evaluation.time_split(rows)
    model = engagement.fit(split.train, seed=seed)
    fitted = time.perf_counter()
    forecasts = model.forecast(split.test, observed=rows)
    forecast = time.perf_counter()
    result = evaluation.evaluate(split, forecasts, rows, resamples=resamples, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.skops"
        engagement.save(model, path)
        size = path.stat().st_size
    return "\n".join(
        [
            f"## {name}",
            "",
            (
                f"{rows.height:,} posts of {rows['account_id'].n_unique()} accounts; history matures after "
                f"{mature_after_hours} h. {model.reason}."
            ),
            (
                f"Features {featured - started:.0f} s, training {fitted - featured:.0f} s, forecasting "
                f"{split.test.height:,} posts {forecast - fitted:.1f} s, artefact {size / 1e6:.1f} MB."
            ),
            "",
            card.figures(result),
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engagement", description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--set", choices=sorted(SETS), action="append", help="default: all")
    parser.add_argument("--mature-after-hours", type=int, default=BACKFILL_MATURE_AFTER_HOURS)
    parser.add_argument("--resamples", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--vectors", type=Path, help="learn from text vectors too, which are kept in this folder")
    parser.add_argument(
        "--encode", type=int, help="so many of the newest posts get vectors (default: all; an hour a set)"
    )
    arguments = parser.parse_args()
    data = data_folder(arguments.data)
    for name in arguments.set or sorted(SETS, reverse=True):
        table = run(
            name,
            data,
            mature_after_hours=arguments.mature_after_hours,
            resamples=arguments.resamples,
            seed=arguments.seed,
            vectors=arguments.vectors,
            encode=arguments.encode,
        )
        sys.stdout.write(table + "\n\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
