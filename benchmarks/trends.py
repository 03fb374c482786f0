"""Trends found early, against plain counts, on public data and on planted streams: `python -m benchmarks.trends`.

Belongs here: the runs and their tables. Does not belong here: reading the files (`reference_terms`), planting (`planted_trends`).

Terms of days: fitted on the first 80 % of the days, scored on the last 20 %, where every rule may tell the same number of terms a day.
Streams: each rule's threshold is the one that gives the allowed number of false alarms on other streams without a trend.
`PULSO_REFERENCE_DATA` names the folder of public data sets (docs/reference-data.md).
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from benchmarks import planted_trends, reference_terms
from benchmarks.reference_data import add_data_option, data_folder
from ml.trends import alerts, forecast
from ml.trends.definition import TrendDefinition, confirmed
from ml.trends.growth import GrowthSettings, growth
from ml.trends.relevance import Interests
from ml.trends.sightings import KEYS
from ml.trends.stages import STAGES, StageSettings, judge

Floats = NDArray[np.float64]

TEST_SHARE = 0.2
LIKELY = 0.6
EARLINESS = {"Pulso": 1.0, "Pulso, early": 3.0}
"""Two points on the way from sure to early."""


@dataclass(frozen=True)
class DailySet:
    """Sightings, what a trend is there, how many alerts a day are allowed, and the plain rules that compete, the count first."""

    read: Callable[[Path], pl.DataFrame]
    definition: TrendDefinition
    budgets: tuple[int, ...]
    plain: Mapping[str, pl.Expr]


LAST_SEEN = 0.9 * pl.col("recency").fill_null(0.0)
"""Below one, so that it orders equal counts only."""

DAILY_SETS = {
    "weibo_hot_search_daily": DailySet(
        read=reference_terms.weibo_topics,
        definition=TrendDefinition(min_days=3),
        budgets=(1, 3, 5),
        plain={
            "days on the list of the last 7, then last seen": pl.col("count_7") + LAST_SEEN,
            "days on the list of the last 7, then rank": pl.col("count_7") - pl.col("rank").fill_null(60) / 100,
            "days on the list of the last 28": pl.col("count_28").cast(pl.Float64),
            "days on the list of the last 365": pl.col("active_365").cast(pl.Float64),
            "last rank": -pl.col("rank").fill_null(60).cast(pl.Float64),
        },
    ),
    "instagram_br_state_gov": DailySet(
        read=reference_terms.instagram_hashtags,
        definition=TrendDefinition(min_count=5, min_sources=3),
        budgets=(1, 2),
        plain={
            "accounts today, then posts": pl.col("sources") + pl.col("count") / 1000,
            "posts of the last 7 days": pl.col("count_7").cast(pl.Float64),
            "accounts of the last 7 days, then posts": pl.col("sources_of_window") + pl.col("count_7") / 1000,
        },
    ),
}


def daily_set(name: str, reference_data: Path, *, resamples: int, seed: int) -> str:
    """Fit, alert and compare on one set of daily sightings; returns the figures as Markdown."""
    of = DAILY_SETS[name]
    window = timedelta(days=of.definition.window_days)
    started = time.perf_counter()
    rows = forecast.features(of.read(reference_data), of.definition)
    featured = time.perf_counter()
    days = rows["day"].unique().sort()
    cutoff, first, last = days[int(len(days) * (1 - TEST_SHARE))], days[0], days[-1] - window
    train = rows.filter(
        pl.col("day").is_between(first + timedelta(days=of.definition.past_days), cutoff, closed="left")
    )
    model = forecast.fit(train, of.definition, seed=seed)
    fitted = time.perf_counter()
    test = rows.filter(pl.col("day").is_between(cutoff, last))
    forecasts = model.forecast(test)
    onsets = test.filter("is_onset").height
    differences: list[str] = []
    lines = [
        f"## {name}",
        "",
        (
            f"{rows.height:,} terms x days; {model.trained_rows:,} learned from, {model.trained_trends:,} of them before an onset. "
            f"Scored from {cutoff} to {last}: {test['day'].n_unique()} days, {onsets} trends begin. "
            f"Features {featured - started:.0f} s, fit {fitted - featured:.0f} s."
        ),
        "",
        "| alerts a day | rule | alerts | precision | trends found | lead of hits, days | days of warning per alert |",
        "|---|---|---|---|---|---|---|",
    ]
    for budget in of.budgets:
        told = {
            rule: _alerts(model.forecast(test, earliness=n), of.definition, budget) for rule, n in EARLINESS.items()
        }
        for rule, score in of.plain.items():
            told[rule] = _alerts(forecasts.with_columns(score.alias("score")), of.definition, budget)
        lines += [f"| {budget} | {rule} | {_figures(made, onsets)} |" for rule, made in told.items()]
        differences += [
            f"| {budget} | {ours} - {rule} | {_difference(told[ours], told[rule], resamples=resamples, seed=seed)} |"
            for ours in EARLINESS
            for rule in of.plain
        ]
    is_likely = pl.col("is_open") & (pl.col("probability") >= LIKELY)
    likely = _alerts(forecasts.with_columns(is_likely.alias("is_open")), of.definition, forecasts.height)
    return "\n".join(
        [
            *lines,
            "",
            f"Differences, with 95 % intervals from {resamples} resamples of weeks:",
            "",
            "| alerts a day | rules | precision | lead of hits, days | days of warning per alert |",
            "|---|---|---|---|---|",
            *differences,
            "",
            f"Alerts with a probability of {LIKELY:.0%} or more: {likely.height}, precision {_share(likely):.2f}.",
        ]
    )


def _alerts(forecasts: pl.DataFrame, definition: TrendDefinition, budget: int) -> pl.DataFrame:
    made = alerts.choose(forecasts, definition, budget=budget)
    return made.join(forecasts.select(*KEYS, "days_to_onset"), on=KEYS, how="left", maintain_order="left")


def _share(made: pl.DataFrame) -> float:
    return float(made["days_to_onset"].is_not_null().mean() or 0.0)  # type: ignore[arg-type]


def _figures(made: pl.DataFrame, onsets: int) -> str:
    leads = made["days_to_onset"].drop_nulls()
    found = made.filter(pl.col("days_to_onset").is_not_null()).select(
        "term", pl.col("day") + pl.duration(days="days_to_onset")
    )
    return (
        f"{made.height} | {_share(made):.3f} | {found.n_unique() / onsets:.2f} | {leads.mean() or float('nan'):.2f} "
        f"| {leads.sum() / made.height:.2f}"
    )


def _difference(ours: pl.DataFrame, plain: pl.DataFrame, *, resamples: int, seed: int) -> str:
    """Paired bootstrap: both rules see the same weeks."""
    weeks = pl.concat([ours, plain])["day"].dt.truncate("1w").unique().sort()
    sums = [_by_week(made, weeks) for made in (ours, plain)]
    draws = np.random.default_rng(seed).integers(len(weeks), size=(resamples, len(weeks)))
    out = []
    for of_week in (_precision, _lead, _warning):
        points = [of_week(part.sum(axis=0)) for part in sums]
        drawn = [of_week(part[draws].sum(axis=1)) for part in sums]
        low, high = np.nanquantile(drawn[0] - drawn[1], [0.025, 0.975])
        out.append(f"{points[0] - points[1]:+.3f} ({low:+.3f} to {high:+.3f})")
    return " | ".join(out)


def _by_week(made: pl.DataFrame, weeks: pl.Series) -> Floats:
    """Weeks x (alerts, hits, days of lead)."""
    sums = made.group_by(pl.col("day").dt.truncate("1w").alias("week")).agg(
        pl.len(), pl.col("days_to_onset").count().alias("hits"), pl.col("days_to_onset").sum().alias("lead")
    )
    joined = weeks.to_frame("week").join(sums, on="week", how="left", maintain_order="left")
    return joined.select("len", "hits", "lead").fill_null(0).cast(pl.Float64).to_numpy()


def _precision(sums: Floats) -> Floats:
    return np.asarray(sums[..., 1] / np.maximum(sums[..., 0], 1))


def _lead(sums: Floats) -> Floats:
    return np.asarray(np.where(sums[..., 1] > 0, sums[..., 2] / np.maximum(sums[..., 1], 1), np.nan))


def _warning(sums: Floats) -> Floats:
    return np.asarray(sums[..., 2] / np.maximum(sums[..., 0], 1))


# --- streams of counts -----------------------------------------------------------------------------------------------

QUIET_DAYS = 21
FALSE_ALARMS_PER_MONTH = (0.1, 0.3, 0.6, 1.0)
REST_HOURS = 24
"""An alarm ends once its rule has been quiet for so long."""
MATCH_HOURS = 48


def planted(*, number: int, days: int, seed: int) -> str:
    """Delay and precision on streams with planted trends, at equal false-alarm rates; and the stages told in each phase."""
    quiet = planted_trends.streams(number=number, days=days, quiet_days=days, onsets_per_week=0, seed=seed)
    test = planted_trends.streams(number=number, days=days, quiet_days=QUIET_DAYS, onsets_per_week=0.25, seed=seed + 1)
    settings = StageSettings()
    grown = growth(test.counts, settings.growth)
    rules = {
        "Pulso": (growth(quiet.counts, settings.growth).log_odds, grown.log_odds),
        "count of the last hour": (_rolling(quiet.counts, 1), _rolling(test.counts, 1)),
        "count of the last 3 hours": (_rolling(quiet.counts, 3), _rolling(test.counts, 3)),
        "3 hours over the week before": (_over_week(quiet.counts), _over_week(test.counts)),
    }
    lines = [
        "## Planted trends",
        "",
        (
            f"{number} streams of {days} days, {len(test.onsets)} onsets after {QUIET_DAYS} days. Delay counts from the first hour of the "
            "climb to the end of the hour of the alarm; a trend that is not found counts as infinitely late."
        ),
        "",
        "| false alarms allowed per stream and month | rule | found | median delay, h | within 4 h | false alarms per stream and month | precision |",
        "|---|---|---|---|---|---|---|",
    ]
    start = QUIET_DAYS * 24
    for allowed in FALSE_ALARMS_PER_MONTH:
        for rule, (calm, seen) in rules.items():
            threshold = _threshold(calm, start, allowed * number * (days - QUIET_DAYS) / 30)
            lines.append(f"| {allowed:g} | {rule} | {_delays(seen, threshold, test, start)} |")
    stage = judge(test.counts, grown, settings).stage[:, start:]
    lines += ["", "| phase | " + " | ".join(STAGES) + " |", "|---" * (len(STAGES) + 1) + "|"]
    for number_of, phase in enumerate(("as usual", "climb", "top", "fall")):
        told = np.bincount(stage[test.phase[:, start:] == number_of], minlength=len(STAGES))
        lines.append(f"| {phase} | " + " | ".join(f"{share:.2f}" for share in told / told.sum()) + " |")
    return "\n".join(lines)


def _rolling(counts: NDArray[np.int64], width: int) -> Floats:
    sums = np.cumsum(np.pad(counts, ((0, 0), (width, 0))), axis=1)
    return (sums[:, width:] - sums[:, :-width]).astype(np.float64)


def _over_week(counts: NDArray[np.int64]) -> Floats:
    """Counts of three hours over three average hours of the week before them, one count added to both."""
    week = 7 * 24
    ratio = np.full(counts.shape, -np.inf)
    ratio[:, week + 3 :] = (_rolling(counts, 3)[:, week + 3 :] + 1) / (
        _rolling(counts, week)[:, week:-3] * 3 / week + 1
    )
    return ratio


def _alarms(score: Floats, threshold: float, start: int, rest: int = REST_HOURS) -> list[tuple[int, int]]:
    """(stream, period) at which a stream reaches the threshold after having been under it for `rest` periods."""
    streams, periods = np.nonzero(score >= threshold)
    is_new = (np.diff(streams, prepend=-1) != 0) | (np.diff(periods, prepend=-rest) >= rest)
    return [
        (int(stream), int(period))
        for stream, period in zip(streams[is_new], periods[is_new], strict=True)
        if period >= start
    ]


def _threshold(score: Floats, start: int, alarms: float, rest: int = REST_HOURS) -> float:
    """The strictest threshold with the most alarms that are allowed, before there are too many for the first time.

    Lower thresholds can give fewer alarms again, as one alarm then lasts for days: those are no choice.
    """
    values = score[:, start:]
    best, most = float(values.max()), 0
    for candidate in np.quantile(values[np.isfinite(values)], 1 - np.geomspace(1e-6, 0.5, 120)):
        number = len(_alarms(score, candidate, start, rest))
        if number > alarms:
            break
        if number > most:
            best, most = float(candidate), number
    return best


def _delays(score: Floats, threshold: float, test: planted_trends.Planted, start: int) -> str:
    delays: dict[int, int] = {}
    false = 0
    for stream, hour in _alarms(score, threshold, start):
        of = [
            index
            for index, (where, onset) in enumerate(test.onsets)
            if where == stream and onset <= hour < onset + MATCH_HOURS
        ]
        if of:
            delays.setdefault(of[0], hour - test.onsets[of[0]][1] + 1)
        elif test.phase[stream, hour] == 0:
            false += 1
    onsets = len(test.onsets)
    late = np.array([delays.get(index, np.inf) for index in range(onsets)])
    months = score.shape[0] * (score.shape[1] - start) / 24 / 30
    return (
        f"{np.isfinite(late).mean():.2f} | {np.median(late):g} | {(late <= 4).mean():.2f} | {false / months:.2f} "
        f"| {len(delays) / max(len(delays) + false, 1):.2f}"
    )


# --- mentions of brands ----------------------------------------------------------------------------------------------


def mentions(reference_data: Path) -> str:
    """Alarms on mentions of brands in 5-minute bins against Numenta's labelled windows, at equal numbers of alarms."""
    raw = reference_terms.brand_mentions(reference_data)
    series = [part for _, part in raw.group_by("series", maintain_order=True)]
    length = min(part.height for part in series)
    counts = np.stack([part["value"].to_numpy()[:length] for part in series])
    is_inside = np.stack([part["in_window"].to_numpy()[:length] for part in series])
    is_label = np.stack([part["is_label"].to_numpy()[:length] for part in series])
    day = 288
    start = int(0.15 * length)
    settings = GrowthSettings(windows=(3, 6, 12, 36), season_periods=day, half_life_periods=14.0 * day)
    usual = np.median(counts[:, :start], axis=1, keepdims=True)
    rules = {
        "Pulso": growth(counts, settings).log_odds,
        "count of the last hour": _rolling(counts, 12),
        "count of the last hour over the first days' median": (_rolling(counts, 12) + 1) / (12 * usual + 1),
    }
    starts = np.argwhere(np.diff(is_inside.astype(int), axis=1, prepend=0) == 1)
    windows = [(s, t, t + int(np.argmin(np.r_[is_inside[s, t:], False]))) for s, t in starts if t >= start]
    moments = [first + int(np.argmax(is_label[s, first:last])) for s, first, last in windows]
    days = len(series) * (length - start) / day
    lines = [
        "## nab_realtweets",
        "",
        f"{len(series)} brands, {days:.0f} brand-days after the first 15 %, {len(windows)} labelled windows.",
        "",
        "| alarms per brand and week | rule | alarms | in a window | windows found | median hours after the labelled moment |",
        "|---|---|---|---|---|---|",
    ]
    for per_week in (0.25, 0.5, 1.0, 2.0):
        for rule, score in rules.items():
            found = _alarms(score, _threshold(score, start, days / 7 * per_week, day), start, day)
            delays: dict[int, float] = {}
            inside = 0
            for stream, at in found:
                hit = [n for n, (s, first, last) in enumerate(windows) if s == stream and first <= at < last]
                inside += bool(hit)
                for n in hit:
                    delays.setdefault(n, (at - moments[n] + 1) / 12)
            middle = f"{np.median(list(delays.values())):.1f}" if delays else ""
            lines.append(
                f"| {per_week:g} | {rule} | {len(found)} | {inside / max(len(found), 1):.2f} | {len(delays) / len(windows):.2f} | {middle} |"
            )
    return "\n".join(lines)


# --- relevance -------------------------------------------------------------------------------------------------------

OWN_DAYS, CONTEXT_DAYS, LATER_DAYS = 40, 7, 14
MIN_OWN_POSTS, MAX_OWN_POSTS = 20, 80


def relevance(reference_data: Path, *, terms: int, seed: int) -> str:
    """Which pages use a word within two weeks after it became a trend elsewhere: by relevance, activity and popularity."""
    texts = reference_terms.facebook_texts(reference_data)
    uses = reference_terms.word_uses(texts)
    definition = TrendDefinition(min_count=8, min_sources=4, min_growth=4.0, past_days=28)
    onsets = (
        confirmed(reference_terms.word_sightings(uses), definition)
        .filter("is_onset")
        .filter(
            pl.col("day").is_between(
                texts["day"].min() + timedelta(days=OWN_DAYS), texts["day"].max() - timedelta(days=LATER_DAYS)
            )
        )
        .sort("day", "term")
        .sample(terms, seed=seed)
    )
    by_term = {str(term): part for (term,), part in uses.join(onsets, on="term", how="semi").group_by("term")}
    parts = []
    for (monday,), group in onsets.sort("day").group_by(pl.col("day").dt.truncate("1w"), maintain_order=True):
        own = texts.filter(pl.col("day").is_between(monday - timedelta(days=OWN_DAYS), monday, closed="left")).filter(
            pl.len().over("account") >= MIN_OWN_POSTS
        )
        active = dict(own.group_by("account").len().iter_rows())
        own = own.filter(pl.int_range(pl.len()).shuffle(seed=seed).over("account") < MAX_OWN_POSTS)
        interests = Interests.fit(own.select(client_id="account", text="text", weight=pl.lit(1.0)))
        for term, day in group.select("term", "day").iter_rows():
            seen = by_term[term]
            recent = seen.filter(pl.col("day").is_between(day - timedelta(days=CONTEXT_DAYS - 1), day))
            past = seen.filter(pl.col("day").is_between(day - timedelta(days=35), day))["account"].unique()
            later = seen.filter(pl.col("day").is_between(day + timedelta(days=1), day + timedelta(days=LATER_DAYS)))[
                "account"
            ]
            contexts = texts.join(recent.select("post"), on="post", how="semi").select("text", term=pl.lit(term))
            clients = pl.DataFrame({"client_id": interests.clients}).filter(~pl.col("client_id").is_in(past.implode()))
            judged = interests.relevance(clients.join(contexts, how="cross"))
            parts.append(
                judged.select(
                    "client_id",
                    "term",
                    pl.lit(day).alias("day"),
                    pl.col("client_id").is_in(later.implode()).alias("used"),
                    "relevance",
                    "similarity",
                    pl.col("client_id").replace_strict(active, return_dtype=pl.Int64).alias("posts of the page"),
                    pl.lit(recent["account"].n_unique()).alias("pages that use the word"),
                )
            )
    rows = pl.concat(parts).with_columns(
        third=(
            pl.col("posts of the page").rank("ordinal").over("term", "day") * 3 / (pl.len().over("term", "day") + 1)
        ).floor()
    )
    lines = [
        "## facebook_pages_2016: relevance",
        "",
        (
            f"{rows['term'].n_unique()} rising words, {rows['client_id'].n_unique()} pages, {rows.height:,} pairs of a word and a page that "
            f"had not used it for five weeks; {rows['used'].mean():.1%} used it within {LATER_DAYS} days."
        ),
        "",
        "| score | AUC over all pairs | AUC within a word | within a word, among pages that post alike (thirds) | AUC within a page |",
        "|---|---|---|---|---|",
    ]
    for score in ("relevance", "similarity", "posts of the page", "pages that use the word"):
        cells = [
            roc_auc_score(rows["used"], rows[score]),
            _mean_auc(rows, ["term", "day"], score, 1),
            _mean_auc(rows, ["term", "day", "third"], score, 1),
            _mean_auc(rows, ["client_id"], score, 5),
        ]
        lines.append(f"| {score} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |")
    return "\n".join(lines)


def _mean_auc(rows: pl.DataFrame, by: list[str], score: str, least: int) -> float:
    """Mean over groups with at least `least` uses."""
    areas = [
        roc_auc_score(group["used"], group[score])
        for _, group in rows.group_by(by)
        if least <= group["used"].sum() < group.height
    ]
    return float(np.mean(areas))


SETS = (*DAILY_SETS, "planted", "nab_realtweets", "relevance")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trends", description=(__doc__ or "").splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--set", choices=SETS, action="append", help="default: all")
    parser.add_argument("--streams", type=int, default=200, help="planted streams")
    parser.add_argument("--terms", type=int, default=160, help="rising words whose relevance is judged")
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    sets = arguments.set or list(SETS)
    data = data_folder(arguments.data) if sets != ["planted"] else None
    for name in sets:
        if name == "planted":
            table = planted(number=arguments.streams, days=60, seed=arguments.seed)
        elif name == "relevance":
            table = relevance(data, terms=arguments.terms, seed=arguments.seed)
        elif name == "nab_realtweets":
            table = mentions(data)
        else:
            table = daily_set(name, data, resamples=arguments.resamples, seed=arguments.seed)
        sys.stdout.write(table + "\n\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
