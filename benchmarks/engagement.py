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

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.kept_vectors import with_vectors
from benchmarks.reference_data import add_data_option, data_folder
from benchmarks.reference_posts import BACKFILL_MATURE_AFTER_HOURS, facebook_posts, instagram_posts
from ml import card, engagement, evaluation, features

Floats = NDArray[np.float64]
PLAIN_WINDOW = 5_000
"""Errors that plain rolling conformal looks back on where all accounts share them."""
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
            "",
            intervals(model, split, rows, forecasts, seed=seed),
        ]
    )


def intervals(
    model: engagement.EngagementModel,
    split: evaluation.TimeSplit,
    rows: pl.DataFrame,
    forecasts: pl.DataFrame,
    *,
    seed: int,
) -> str:
    """The model's interval beside plain rolling conformal ones around the same forecasts, and what chance alone does to single accounts."""
    test, level = split.test, model.interval.level
    accounts, label = test["account_id"].to_numpy().astype(str), test["log_engagement"].to_numpy()
    expected = forecasts["expected_log_engagement"].to_numpy()
    bounds = {
        "the model's": (forecasts["lower_log_engagement"].to_numpy(), forecasts["upper_log_engagement"].to_numpy())
    }
    for name, by_account, window in (
        (f"rolling conformal, last {PLAIN_WINDOW:,} posts of all accounts", False, PLAIN_WINDOW),
        (f"rolling conformal, last {engagement.ERROR_WINDOW} posts of the account", True, engagement.ERROR_WINDOW),
    ):
        width = _rolling_half_width(model, rows, test, by_account=by_account, window=window)
        bounds[name] = (np.maximum(expected - width, 0.0), expected + width)
    found = {
        name: evaluation.interval_metrics(accounts, label, lower, upper, level=level)
        for name, (lower, upper) in bounds.items()
    }
    ours = found["the model's"]
    counts = np.array([count for name in ours.by_account if (count := int((accounts == name).sum()))])
    draws = np.random.default_rng(seed).binomial(counts, level, size=(2_000, len(counts))) / counts
    lowest = np.quantile(draws, 0.1, axis=1)
    return "\n".join(
        [
            f"Intervals at {level:.0%} around the same forecasts, widths in log units:",
            "",
            "| interval | covers | by account, 10 % and 90 % quantiles | mean width | the model's width to it | interval score |",
            "|---|---|---|---|---|---|",
            *(
                f"| {name} | {one.coverage_ratio:.1%} | {one.by_account_low:.1%} to {one.by_account_high:.1%} | {one.mean_width:.3f} "
                f"| {ours.mean_width / one.mean_width:.3f} | {one.interval_score:.3f} |"
                for name, one in found.items()
            ),
            "",
            (
                f"Were every post covered with a chance of {level:.0%}, independently, the 10 % quantile over these {len(counts)} accounts "
                f"would be {lowest.mean():.1%} ({np.quantile(lowest, 0.05):.1%} to {np.quantile(lowest, 0.95):.1%} in nine draws of ten)."
            ),
        ]
    )


def _rolling_half_width(
    model: engagement.EngagementModel, rows: pl.DataFrame, test: pl.DataFrame, *, by_account: bool, window: int
) -> Floats:
    """Split conformal of the newest `window` absolute errors known at each test row's publication: those that the model was calibrated
    on, and what has matured since. An account without any has the quantile of all calibration errors."""
    level, seen = model.interval.level, model.having_seen(rows).interval
    calibration, errors = np.abs(model.interval.errors), np.abs(seen.errors)
    fallback = float(engagement.rolling_conformal(calibration, level, window=len(calibration))[1, -1])
    width = np.full(test.height, fallback)
    order = np.argsort(seen.known_at, kind="stable")
    published = test["published_at"].to_physical().to_numpy()
    known_of, asking = np.array(seen.accounts), test["account_id"].to_numpy().astype(str)
    for account in np.unique(asking) if by_account else (None,):
        past = order if account is None else order[known_of[order] == account]
        own = np.flatnonzero(asking == account) if account is not None else np.arange(test.height)
        if len(past):
            last = np.searchsorted(seen.known_at[past], published[own], side="right") - 1
            quantiles = engagement.rolling_conformal(errors[past], level, window=window)[1]
            width[own] = np.where(last >= 0, quantiles[np.maximum(last, 0)], fallback)
    return width


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
