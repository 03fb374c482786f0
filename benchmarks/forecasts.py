"""Forecasts of series on public data, against every single method of the pool: `python -m benchmarks.forecasts`.

Belongs here: which origins are scored, errors, the tables. Does not belong here: the series (`reference_series`), the methods (`ml.forecasts`).

At each scored origin the whole of Pulso's choice is made anew, on the steps before it alone; what comes after is compared with what was
said. The rival is the method that the baselines name for such data, and then whichever single method turns out best on the very same rows:
nobody could have known that one, so it is the hardest. `PULSO_REFERENCE_DATA` names the folder of public data sets
(docs/reference-data.md).

Pulso's is the forecast of a refresh whose review is REVIEWED steps old (`ml.forecasts.review`), as on most days; that of a day on which all
methods are asked stands beside it. Prices are given in fits of statsmodels' ETS to 200 days, and as the ratio of a day with a review
to the average day.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TypeVar

import numpy as np

from benchmarks import reference_series
from benchmarks.reference_data import add_data_option, data_folder
from ml.forecasts.backtest import FITTED_METHODS
from ml.forecasts.outlook import Outlook, outlook, too_short
from ml.forecasts.review import LONGEST_DAYS, SHORTEST_DAYS, Refreshed, refresh, reviewed
from ml.forecasts.series import Floats, Series
from ml.forecasts.yearly import REFIT_AFTER

REVIEWED = SHORTEST_DAYS - 1
"""Steps from the review to the forecast: more than the average of refreshes, and no series is due by then."""
YARDSTICK = reference_series.made_up_followers(200, accounts=1, seed=0)["account 0"]
REFRESHED = REFIT_AFTER.days - 1
BETWEEN_REVIEWS = (SHORTEST_DAYS + LONGEST_DAYS) / 2

Measure = Callable[[Floats, Floats, float], float]
"""(said, what came, the series' own scale) -> mean error over the known steps."""


def smape(said: Floats, came: Floats, scale: float) -> float:
    """In percent; a step on which both are 0 has no error."""
    del scale
    size = np.abs(said) + np.abs(came)
    return float(200 * np.mean(np.abs(said - came) / np.where(size > 0, size, 1.0)))


def mase(said: Floats, came: Floats, scale: float) -> float:
    """Mean absolute error in units of the seasonal naive's, over the steps before the origin."""
    return float(np.mean(np.abs(said - came)) / scale)


@dataclass(frozen=True)
class Set:
    """Series and how they are scored: `origins` of each, `every` so many steps apart, the last one `horizon` steps before its end."""

    name: str
    series: Callable[[Path], Mapping[str, Series]]
    horizon: int
    origins: int
    every: int
    measure: Measure
    rival: str
    """The best single method of such data by the baselines measured before."""


SETS = {
    "followers-30": Set(
        "made-up followers, 30 days known, 7 ahead", lambda _: _followers(37), 7, 1, 7, smape, "drift_30"
    ),
    "followers-90": Set(
        "made-up followers, 90 days known, 28 ahead", lambda _: _followers(118), 28, 1, 28, smape, "drift_30"
    ),
    "followers-365": Set(
        "made-up followers, a year known, 28 ahead", lambda _: _followers(393), 28, 1, 28, smape, "drift_30"
    ),
    "facebook-weeks": Set(
        "Facebook pages, weekly engagement, 4 weeks", reference_series.facebook_weeks, 4, 1, 4, smape, "mean_8"
    ),
    "facebook-days": Set(
        "Facebook pages, daily engagement, 28 days", reference_series.facebook_days, 28, 1, 28, smape, "seasonal_mean_8"
    ),
    "instagram-weeks": Set(
        "Instagram accounts, weekly engagement, 4 weeks", reference_series.instagram_weeks, 4, 4, 13, smape, "mean_8"
    ),
    "instagram-days": Set(
        "Instagram accounts, daily engagement, 28 days",
        reference_series.instagram_days,
        28,
        4,
        91,
        smape,
        "seasonal_mean_8",
    ),
    "mentions": Set(
        "brand mentions by hour (NAB), 48 hours", reference_series.mentions_by_hour, 48, 8, 72, smape, "seasonal_naive"
    ),
    "page-views": Set("daily page views (Wikipedia), 28 days", reference_series.page_views, 28, 6, 91, mase, "prophet"),
}


def _followers(days: int) -> Mapping[str, Series]:
    return reference_series.made_up_followers(days, accounts=60, seed=5)


@dataclass(frozen=True)
class Scored:
    """One forecast: the error of Pulso's and of each single method, and whether what came lay inside."""

    series: str
    pulso: float
    anew: float
    """Had all methods been asked at the origin."""
    single: Mapping[str, float]
    inside: float
    width: float
    """Of the interval, as a share of what came on average."""
    total_inside: float | None
    total_width: float | None
    chosen: str
    has_review: bool
    """Whether one is kept; of a series that is short none is."""
    drifts: int
    """Reviews before their time, over REVIEWED steps."""
    asked_all: float
    refreshed: float
    fit: float
    """Seconds of processor time: of a forecast for which all are asked, of the refresh, of a fit of ETS."""


def scored(measured: Set, reference_data: Path) -> list[Scored]:
    rows = []
    outlook(YARDSTICK, 1)  # what is imported is nobody's price
    for name, series in measured.series(reference_data).items():
        ends = len(series) - measured.horizon - measured.every * np.arange(measured.origins)
        for end in ends[::-1]:
            past = _until(series, int(end))
            if past is None or too_short(past):
                continue
            came = series.values[len(past) : len(past) + measured.horizon]
            rows.append(_score(name, measured, past, came, _review(name, series, int(end), measured.horizon)))
    return rows


DAY = date(2000, 1, 1)
"""Of the review: refreshes ask how many days ago it was, and nothing else."""


def _review(name: str, series: Series, end: int, horizon: int) -> Refreshed | None:
    """Of REVIEWED steps before, and refreshed once since: what is kept of Prophet is then nearly as old as it may be."""
    past, since = _until(series, end - REVIEWED), _until(series, end - REFRESHED)
    found = None if past is None else outlook(past, horizon)
    review = None if found is None else reviewed(found, DAY)
    if review is None or since is None:
        return None
    return refresh(since, horizon, name=name, today=DAY + timedelta(days=REVIEWED - REFRESHED), review=review)


def _processor_seconds() -> float:
    """Of this process and of those it started (Prophet's)."""
    children = os.times()
    return time.process_time() + children.children_user + children.children_system


def _until(series: Series, end: int) -> Series | None:
    """What was known at an origin; None where that is nothing."""
    known = np.flatnonzero(~np.isnan(series.values[: max(end, 0)]))
    return replace(series, values=series.values[: known[-1] + 1]) if len(known) else None


def _score(name: str, measured: Set, past: Series, came: Floats, earlier: Refreshed | None) -> Scored:
    known = ~np.isnan(came)
    lag = past.season
    scale = float(np.nanmean(np.abs(past.values[lag:] - past.values[:-lag])))
    mean = max(float(np.nanmean(came)), 1e-9)
    seconds = [_processor_seconds()]
    anew = _said(outlook(past, measured.horizon))
    seconds.append(_processor_seconds())
    review = earlier.review if earlier else None
    kept = _said(refresh(past, measured.horizon, name=name, today=DAY + timedelta(days=REVIEWED), review=review))
    seconds.append(_processor_seconds())
    FITTED_METHODS["ets"].learn(YARDSTICK, np.array([len(YARDSTICK)]), None)
    seconds.append(_processor_seconds())
    asked_all, refreshed, fit = np.diff(seconds).tolist()
    steps, totals = kept.outlook.steps, kept.outlook.totals
    total = np.cumsum(came)[-1]

    def error(path: Floats) -> float:
        return measured.measure(path[known], came[known], scale)

    return Scored(
        series=name,
        pulso=error(steps.median),
        anew=error(anew.steps.median),
        single={method: error(path) for method, path in anew.ahead.items()},
        inside=float(np.mean((steps.lower <= came)[known] & (came <= steps.upper)[known])),
        width=float(np.mean(steps.upper - steps.lower)) / mean,
        total_inside=float(totals.lower[-1] <= total <= totals.upper[-1]) if totals and np.isfinite(total) else None,
        total_width=float(totals.upper[-1] - totals.lower[-1]) / total if totals and total > 0 else None,
        chosen=steps.choice.name,
        has_review=review is not None,
        drifts=0 if earlier is None or review is None else int(earlier.is_reviewed) + int(kept.is_reviewed),
        asked_all=asked_all,
        refreshed=refreshed,
        fit=fit,
    )


Said = TypeVar("Said", Outlook, Refreshed)


def _said(found: Said | None) -> Said:
    if found is None:
        raise AssertionError("series that are too short are left out before")
    return found


def difference(
    rows: Sequence[Scored], rival: Callable[[Scored], float], *, resamples: int, seed: int
) -> tuple[float, float, float]:
    """Mean error of Pulso's minus the rival's error, with a 95 % percentile interval: series are drawn, and in each its origins."""
    gaps: dict[str, list[float]] = {}
    for row in rows:
        gaps.setdefault(row.series, []).append(row.pulso - rival(row))
    own = [np.array(values) for values in gaps.values()]
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(resamples):
        drawn = [own[at] for at in rng.integers(len(own), size=len(own))]
        draws.append(
            float(np.mean(np.concatenate([values[rng.integers(len(values), size=len(values))] for values in drawn])))
        )
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(np.mean(np.concatenate(own))), float(low), float(high)


def run(measured: Set, reference_data: Path, *, resamples: int, seed: int) -> tuple[str, str, str, str]:
    """The set's rows of the four tables, as Markdown."""
    rows = scored(measured, reference_data)
    common = sorted(set.intersection(*(set(row.single) for row in rows)))
    errors = {method: float(np.mean([row.single[method] for row in rows])) for method in common}
    best = min(errors, key=lambda method: errors[method])

    def against(rival: str) -> str:
        return f"{rival} {errors[rival]:.2f} | {less_than(lambda row: row.single[rival])}"

    def less_than(rival: Callable[[Scored], float]) -> str:
        gap, low, high = difference(rows, rival, resamples=resamples, seed=seed)
        mark = "**" if high < 0 or low > 0 else ""
        return f"{mark}{gap:+.2f}{mark} ({low:+.2f} to {high:+.2f})"

    mean = float(np.mean([row.pulso for row in rows]))
    count = len({row.series for row in rows})
    unit = "MASE" if measured.measure is mase else "sMAPE"
    total = [row for row in rows if row.total_inside is not None]
    widths = [row.total_width for row in total if row.total_width is not None]
    names = [name for row in rows for name in row.chosen.split(" + ")]
    most = sorted(set(names), key=lambda name: (-names.count(name), name))[:4]
    chosen = ", ".join(f"{name} {names.count(name) / len(rows):.0%}" for name in most)
    alone = np.mean(["+" not in row.chosen for row in rows])
    fit, anew = np.mean([row.fit for row in rows]), np.mean([row.anew for row in rows])
    all_asked, kept = np.mean([row.asked_all for row in rows]), [row for row in rows if row.has_review]
    price = "- | - | - |"
    if light := [row.refreshed for row in kept if not row.drifts]:
        drifts = np.mean([row.drifts for row in kept]) / REVIEWED
        reviews = np.mean([row.asked_all for row in kept]) * (1 / BETWEEN_REVIEWS + drifts)
        average = np.mean(light) + reviews
        price = (
            f"{drifts:.2%} | {np.mean(light) / fit:.2f} | {np.mean([row.asked_all for row in kept]) / average:.1f} |"
        )
    return (
        f"| {measured.name} | {count}, {len(rows)} | {unit} | {mean:.2f} | {against(measured.rival)} | {against(best)} |",
        f"| {measured.name} | {np.mean([row.inside for row in rows]):.1%} | {np.median([row.width for row in rows]):.2f} | "
        + (f"{np.mean([row.total_inside for row in total]):.1%} | {np.median(widths):.2f} |" if total else "- | - |"),
        f"| {measured.name} | {alone:.0%} | {chosen} |",
        f"| {measured.name} | {anew:.2f} | {less_than(lambda row: row.anew)} | {len(kept) / len(rows):.0%} | {all_asked / fit:.2f} | {price}",
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forecasts", description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--only", choices=SETS, action="append", help="default: all")
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    data = data_folder(arguments.data)
    tables = zip(
        *(run(SETS[name], data, resamples=arguments.resamples, seed=arguments.seed) for name in arguments.only or SETS),
        strict=True,
    )
    heads = (
        "| set | series, forecasts | error | Pulso | by the baselines | difference (95 %) | best single, in hindsight | difference (95 %) |",
        "| set | steps inside the 80 % interval | its width, of the mean | totals inside | width, of the total |",
        "| set | one method alone | most chosen |",
        "| set | error, all methods asked | of a refresh minus that (95 %) | have a review | price of all, in ETS fits | days that drift | price of a refresh | a day with a review costs, times the average |",
    )
    for head, body in zip(heads, tables, strict=True):
        sys.stdout.write("\n".join([head, "|" + "---|" * (head.count("|") - 1), *body, "", ""]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
