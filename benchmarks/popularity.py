"""Popularity model against the median curve on public growth curves: `python -m benchmarks.popularity`.

Belongs here: the split, the scoring and its tables. Does not belong here: reading the files (`reference_curves`), the model.

The files hold no dates, but their ids rise with time as far as can be seen, so items are split by id: the second half is scored in blocks,
each by a model of all items before it but the last EMBARGO, which were not final yet when it began. The model's settings were chosen
by cross-validation on the first half. `PULSO_REFERENCE_DATA` names the folder of public data sets (docs/reference-data.md).
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.reference_curves import FINAL_AGE_HOURS, news_curves
from benchmarks.reference_data import add_data_option, data_folder
from ml.popularity.curves import Curves
from ml.popularity.median_curve import MedianCurve
from ml.popularity.model import AGES, TOP_SHARE, PopularityModel, fit, save

Floats = NDArray[np.float64]

SCORED_AGES = (1.0, 3.0, 6.0)
BLOCKS = 5
CURVES = ("curve", "sharper_curve")
"""Columns of the median curve's forecasts: plain, and that of posts with a count."""
EMBARGO = 100
"""About four days of items: some 6,000 of them were gathered over eight months."""
BOOTSTRAP_BLOCK = 50
"""Neighbouring items that are drawn together, about two days: they share events."""


def scored(snapshots: pl.DataFrame, *, seed: int) -> tuple[pl.DataFrame, PopularityModel]:
    """A row per item, network and scored age of the second half, with all forecasts of its final count; and the last model."""
    items = snapshots["item_id"].unique().sort().to_numpy()
    parts, model = [], None
    for block in np.array_split(np.arange(len(items) // 2, len(items)), BLOCKS):
        past = snapshots.filter(pl.col("item_id") < items[block[0] - EMBARGO])
        asked = snapshots.filter(pl.col("item_id").is_between(items[block[0]], items[block[-1]]))
        model = fit(past, final_age_hours=FINAL_AGE_HOURS, seed=seed)
        curve = MedianCurve.fit(Curves.of(past), ages=SCORED_AGES, final_age_hours=FINAL_AGE_HOURS)
        curves = Curves.of(asked)
        final = pl.DataFrame({"post_id": curves.posts["post_id"], "final": curves.final_counts(FINAL_AGE_HOURS)})
        # What an item is called top by, and when it got there: looked up in its whole curve, for scoring alone.
        known = asked.join(final, on="post_id").with_columns(threshold=model.threshold(asked))
        reached = pl.col("age_hours").filter(pl.col("value") >= pl.col("threshold") - 1e-6).min()
        outcome = known.group_by("post_id", "network", "item_id", "final", "threshold").agg(reached_at=reached)
        for age in SCORED_AGES:
            posts = curves.seen_at(age)
            ages = np.full(len(posts), age)
            simple = pl.DataFrame(
                {
                    "post_id": curves.posts["post_id"][posts],
                    "count": curves.counts(posts, ages, known_by=ages),
                    "curve": curve.forecast(curves, posts, age),
                    "sharper_curve": curve.forecast_once_counted(curves, posts, age),
                }
            )
            said = model.forecast(asked, age_hours=age).with_columns(age_hours=pl.lit(age))
            parts.append(said.join(simple, on="post_id").join(outcome, on="post_id"))
    rows = pl.concat(parts).drop_nans("final").sort("age_hours", "network", "item_id")
    if model is None:
        raise ValueError("no items to score")
    return rows.with_columns(is_top=pl.col("final") >= pl.col("threshold") - 1e-6), model


# --- errors ------------------------------------------------------------------------------------------------------------


def log_error(rows: pl.DataFrame, forecast: str) -> Floats:
    """Absolute error of log(1 + final)."""
    return np.abs(np.log1p(rows[forecast].to_numpy()) - np.log1p(rows["final"].to_numpy()))


def relative_error(rows: pl.DataFrame, forecast: str) -> float:
    """Median of |forecast - final| / final over items that ended with any count."""
    ended = rows.filter(pl.col("final") > 0)
    return float(np.median(np.abs(ended[forecast].to_numpy() / ended["final"].to_numpy() - 1)))


def symmetric_error(rows: pl.DataFrame, forecast: str) -> float:
    """sMAPE: mean of 2 |forecast - final| / (forecast + final), 0 where both are 0; from 0 to 2."""
    said, final = rows[forecast].to_numpy(), rows["final"].to_numpy()
    return float(np.mean(2 * np.abs(said - final) / np.where(said + final > 0, said + final, 1.0)))


def bootstrap_interval(
    items: NDArray[np.int64], statistic: Callable[[NDArray[np.int64]], float], *, resamples: int, seed: int
) -> tuple[float, float]:
    """95 % percentile interval of a statistic of row positions, drawing blocks of neighbouring items with replacement."""
    blocks = np.unique(items, return_inverse=True)[1] // BOOTSTRAP_BLOCK
    members = [np.flatnonzero(blocks == block) for block in range(int(blocks.max()) + 1)]
    rng = np.random.default_rng(seed)
    draws = [
        statistic(np.concatenate([members[at] for at in rng.integers(len(members), size=len(members))]))
        for _ in range(resamples)
    ]
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return float(low), float(high)


def error_table(rows: pl.DataFrame, *, resamples: int, seed: int) -> list[str]:
    """Errors by network and age, on all items and on those that have a count by then."""
    lines = [
        "| network | age | items | log error: model | median curve | difference (95 %) | sharper curve | difference (95 %) |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (network, age), own in _groups(rows):
        for what, part in (("all", own), ("with a count", own.filter(pl.col("count") > 0))):
            errors = {name: log_error(part, name) for name in ("expected", *CURVES)}
            cells = [f"{errors['expected'].mean():.3f}"]
            for name in CURVES:
                gap = errors["expected"] - errors[name]
                low, high = bootstrap_interval(
                    part["item_id"].to_numpy(),
                    lambda at, gap=gap: float(gap[at].mean()),
                    resamples=resamples,
                    seed=seed,
                )
                mark = "**" if high < 0 else ""
                cells += [f"{errors[name].mean():.3f}", f"{mark}{gap.mean():+.3f}{mark} ({low:+.3f} to {high:+.3f})"]
            lines.append(f"| {network} | {age:g} h | {part.height:,} {what} | {' | '.join(cells)} |")
    return lines


def relative_table(rows: pl.DataFrame) -> list[str]:
    """Relative error and sMAPE by network and age."""
    lines = [
        (
            "| network | age | items that ended with a count | relative error: model | median curve | sharper curve "
            "| sMAPE: model | median curve | sharper curve |"
        ),
        "|---|---|---|---|---|---|---|---|---|",
    ]
    names = ("expected", *CURVES)
    for (network, age), own in _groups(rows):
        cells = [f"{relative_error(own, name):.2f}" for name in names]
        cells += [f"{symmetric_error(own, name):.3f}" for name in names]
        ended = own.filter(pl.col("final") > 0).height
        lines.append(f"| {network} | {age:g} h | {ended:,} of {own.height:,} | {' | '.join(cells)} |")
    return lines


def interval_table(rows: pl.DataFrame) -> list[str]:
    """Coverage and width of the interval by network, age and count so far."""
    lines = ["| network | age | count so far | items | covered | mean width (log) |", "|---|---|---|---|---|---|"]
    states = {
        "0": pl.col("count") == 0,
        "1 to 9": pl.col("count").is_between(1, 9),
        "10 and more": pl.col("count") >= 10,
    }
    for (network, age), own in _groups(rows):
        for what, is_so in {"any": pl.lit(value=True), **states}.items():
            part = own.filter(is_so)
            if part.height < 20:
                continue
            is_in = pl.col("final").is_between(pl.col("low") - 1e-6, pl.col("high") + 1e-6)
            width = (pl.col("high").log1p() - pl.col("low").log1p()).mean()
            covered, mean_width = part.select(is_in.mean().alias("covered"), width.alias("width")).row(0)
            lines.append(f"| {network} | {age:g} h | {what} | {part.height:,} | {covered:.1%} | {mean_width:.2f} |")
    return lines


# --- alerts ------------------------------------------------------------------------------------------------------------


def alerted(rows: pl.DataFrame, by: Sequence[str]) -> Floats:
    """How much of each row is alerted when TOP_SHARE of them is, highest first: those tied for the last places share them."""
    budget = round(rows.height * TOP_SHARE)
    ahead = rows.select(pl.struct(by).rank("min", descending=True)).to_series().to_numpy() - 1.0
    tied = rows.select(pl.len().over(by)).to_series().to_numpy()
    return np.clip((budget - ahead) / tied, 0.0, 1.0)


def alert_row(name: str, rows: pl.DataFrame, *, resamples: int, seed: int) -> str:
    """Precision, recall and lead time of the rules with as many alerts, and how surely the precisions differ."""
    rows = rows.with_columns((pl.col(rule) / pl.col("threshold")).alias(f"{rule}_over") for rule in CURVES)
    is_top, budget = rows["is_top"].to_numpy(), round(rows.height * TOP_SHARE)
    lead = rows["reached_at"].fill_null(np.nan).to_numpy() - rows["age_hours"].to_numpy()
    right = alerted(rows, ("probability_top", "expected")) * is_top
    cells = []
    for hit in (right, *(alerted(rows, (f"{rule}_over",)) * is_top for rule in CURVES)):
        is_ahead = (hit > 0) & (lead > 0)
        hours = f"{weighted_median(lead[is_ahead], hit[is_ahead]):.1f} h" if is_ahead.any() else "-"
        cells.append(
            f"{hit.sum() / budget:.0%}, {hit.sum() / is_top.sum():.0%}, {hit[is_ahead].sum() / hit.sum():.0%}, {hours}"
        )
        if hit is not right:
            gap = (right - hit) * rows.height / budget
            low, high = bootstrap_interval(
                rows["item_id"].to_numpy(), lambda at, gap=gap: float(gap[at].mean()), resamples=resamples, seed=seed
            )
            mark = "**" if low > 0 else ""
            cells.append(f"{mark}{gap.mean():+.1%}{mark} ({low:+.1%} to {high:+.1%})")
    return f"| {name} | {budget} of {rows.height:,} | {' | '.join(cells)} |"


def weighted_median(values: Floats, weights: Floats) -> float:
    order = np.argsort(values)
    reached = np.cumsum(weights[order]) >= weights.sum() / 2
    return float(values[order][reached.argmax()])


def alert_table(rows: pl.DataFrame, *, resamples: int, seed: int) -> list[str]:
    """Alerts for the TOP_SHARE of items: by network and age, by age on all networks together, and on everything together.

    Of each rule: precision, recall, the share of right alerts that came before the threshold was reached, by how long in the median.
    """
    what = "precision, recall, ahead of time, by"
    lines = [
        f"| posts | alerts | model: {what} | median curve: {what} | precision (95 %) | sharper curve: {what} | precision (95 %) |",
        "|---|---|---|---|---|---|---|",
    ]
    groups = [(f"{network}, {age:g} h", own) for (network, age), own in _groups(rows)]
    groups += [(f"all networks, {age:g} h", rows.filter(pl.col("age_hours") == age)) for age in SCORED_AGES]
    groups.append(("all networks and ages", rows))
    return lines + [alert_row(name, own, resamples=resamples, seed=seed) for name, own in groups]


def reliability_table(rows: pl.DataFrame) -> list[str]:
    """Said probabilities of ending on top beside how often it came to that."""
    edges = [0.0, 0.02, 0.1, 0.3, 0.5, 0.7]
    lower = np.array(edges)[np.digitize(rows["probability_top"].to_numpy(), edges) - 1]
    binned = rows.group_by(pl.Series("said", lower)).agg(
        pl.len(), pl.col("probability_top").mean(), pl.col("is_top").mean()
    )
    return [
        "| said | items | mean said | came true |",
        "|---|---|---|---|",
        *[
            f"| {low:.0%} and more | {count:,} | {said:.1%} | {came:.1%} |"
            for low, count, said, came in binned.sort("said").iter_rows()
        ],
    ]


def _groups(rows: pl.DataFrame) -> list[tuple[tuple[str, float], pl.DataFrame]]:
    keys = rows.select("network", "age_hours").unique().sort("network", "age_hours")
    return [
        ((network, age), rows.filter((pl.col("network") == network) & (pl.col("age_hours") == age)))
        for network, age in keys.iter_rows()
    ]


def run(reference_data: Path, *, resamples: int, seed: int) -> str:
    """Train and score; returns the figures as Markdown."""
    snapshots = news_curves(reference_data)
    started = time.perf_counter()
    rows, model = scored(snapshots, seed=seed)
    seconds = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.skops"
        save(model, path)
        size = path.stat().st_size
    return "\n".join(
        [
            (
                f"{snapshots['item_id'].n_unique():,} items, {snapshots['post_id'].n_unique():,} curves; learned at "
                f"{', '.join(f'{age:g}' for age in AGES if age < FINAL_AGE_HOURS)} h, the final count is that of 48 h. {BLOCKS} models, "
                f"{seconds:.0f} s in all; the last learned from {model.trained_posts:,} curves, artefact {size / 1e6:.1f} MB. "
                f"Intervals from {resamples:,} draws of blocks of {BOOTSTRAP_BLOCK} neighbouring items; bold: better."
            ),
            "",
            "### Error of the final count, in log(1 + count)",
            "",
            *error_table(rows, resamples=resamples, seed=seed),
            "",
            *relative_table(rows),
            "",
            f"### The {model.interval_level:.0%} interval",
            "",
            *interval_table(rows),
            "",
            f"### Alerts: the {TOP_SHARE:.0%} of posts most likely to end in the top {TOP_SHARE:.0%}",
            "",
            *alert_table(rows, resamples=resamples, seed=seed),
            "",
            *reliability_table(rows),
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.popularity", description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    data = data_folder(arguments.data)
    sys.stdout.write(run(data, resamples=arguments.resamples, seed=arguments.seed) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
