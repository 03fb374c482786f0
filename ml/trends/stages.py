"""Terms that are rising now: from streams of counts to one judged row a term, with its stage and the evidence for it.

Belongs here: frames of counts in, frames of trends out; episodes and stages. Does not belong here: the probability itself (`growth`),
relevance (`relevance`), whom to tell.

An episode starts when the probability that a term's rate has grown reaches `hot`, and ends once it has stayed under `cold` for the
longest window. Within it, the rate relative to the usual of its hours tells the stage, so that an evening is no rise and a night no fall.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml.trends.growth import Floats, Growth, GrowthSettings, growth

COUNTS_SCHEMA = pl.Schema(
    {"client_id": pl.String(), "term": pl.String(), "period_start": pl.Datetime("us", "UTC"), "count": pl.Int64()}
)
"""One row per client, term and period in which the term was seen; a period without a row is a zero."""

TRENDS_SCHEMA = pl.Schema(
    {
        "client_id": pl.String(),
        "term": pl.String(),
        "stage": pl.String(),
        "score": pl.Float64(),
        "probability": pl.Float64(),
        "since": pl.Datetime("us", "UTC"),
        "growth": pl.Float64(),
        "count": pl.Int64(),
        "expected": pl.Float64(),
        "window_hours": pl.Float64(),
        "peak_growth": pl.Float64(),
        "peak_at": pl.Datetime("us", "UTC"),
        "last_seen_at": pl.Datetime("us", "UTC"),
        "reason": pl.String(),
    }
)
"""One row per client and term.

`probability` that the rate of the last `window_hours` is more than the settings' factor times what is expected at these hours; `score` is
its natural log odds, for ranking. `count` and `expected` are of that window, `growth` is their ratio. `since` is the start of the episode
(null when dormant), `peak_growth` and `peak_at` its highest point so far. `reason` says it in a sentence.
"""


class Stage(StrEnum):
    """How far along a term is."""

    EMERGING = "emerging"
    """The episode has just begun."""
    RISING = "rising"
    PEAKING = "peaking"
    """Still far above the usual, and neither clearly more nor clearly less than before."""
    DECLINING = "declining"
    DORMANT = "dormant"
    """As usual, or not seen at all."""


STAGES = tuple(Stage)


@dataclass(frozen=True)
class StageSettings:
    """`emerging_periods` is how long an episode counts as new. Rates of the last and the previous `compared_periods` tell rise and fall."""

    period: timedelta = timedelta(hours=1)
    growth: GrowthSettings = field(default_factory=GrowthSettings)
    hot: float = 0.95
    cold: float = 0.5
    emerging_periods: int = 3
    compared_periods: int = 4
    rise: float = 1.4
    fall: float = 0.6
    """Of the last compared periods to those before, relative to the usual."""
    over: float = 0.5
    """Below this share of the episode's peak a term declines even where the last hours are level."""


def trends(counts: pl.DataFrame, *, at: datetime, settings: StageSettings | None = None) -> pl.DataFrame:
    """Judge every client's terms (COUNTS_SCHEMA) at the end of the last whole period before `at`; returns TRENDS_SCHEMA by score.

    Clients are judged apart: none's terms change what is expected of another's. Rows from `at` on are left out. Give at least two weeks
    of counts before `at`. Raises ValueError where a period starts off the grid of `settings.period` or a count is negative.
    """
    settings = settings or StageSettings()
    period_us = settings.period // timedelta(microseconds=1)
    end = int(at.timestamp() * 1_000_000) // period_us
    rows = counts.match_to_schema(COUNTS_SCHEMA).with_columns(starts=pl.col("period_start").to_physical())
    if rows.filter((pl.col("starts") % period_us != 0) | (pl.col("count") < 0)).height:
        raise ValueError(
            f"counts must be zero or more and start on whole periods of {settings.period}; group them by period first"
        )
    rows = rows.with_columns(number=pl.col("starts") // period_us).filter(pl.col("number") < end)
    parts = [
        _of_client(str(client_id), part, end, settings)
        for (client_id,), part in rows.sort("client_id", "term").group_by("client_id", maintain_order=True)
    ]
    if not parts:
        return TRENDS_SCHEMA.to_frame()
    return pl.concat(parts).sort(["client_id", "score", "term"], descending=[False, True, False])


def _of_client(client_id: str, rows: pl.DataFrame, end: int, settings: StageSettings) -> pl.DataFrame:
    first = int(rows["number"].min() or 0)  # type: ignore[arg-type]
    codes = rows.select(pl.col("term").rle_id())["term"].to_numpy()
    terms = rows["term"].unique(maintain_order=True)
    counts = np.zeros((len(terms), end - first), dtype=np.int64)
    np.add.at(counts, (codes, rows["number"].to_numpy() - first), rows["count"].to_numpy())
    grown = growth(counts, settings.growth, first_slot=first % settings.growth.season_periods)
    judged = judge(counts, grown, settings)
    now = counts.shape[1] - 1
    period_hours = settings.period / timedelta(hours=1)

    def moment(number: int) -> datetime:
        return datetime.fromtimestamp((first + number) * settings.period.total_seconds(), tz=UTC)

    out = []
    for row, term in enumerate(terms):
        stage = STAGES[judged.stage[row, now]]
        since, peak = int(judged.since[row, now]), int(judged.peak[row, now])
        is_on = since >= 0
        hours = float(grown.window[row, now]) * period_hours
        count, expected = int(grown.count[row, now]), float(grown.expected[row, now])
        seen = np.flatnonzero(counts[row])
        out.append(
            {
                "client_id": client_id,
                "term": term,
                "stage": stage.value,
                "score": float(grown.log_odds[row, now]),
                "probability": float(grown.probability[row, now]),
                "since": moment(since) if is_on else None,
                "growth": count / expected,
                "count": count,
                "expected": expected,
                "window_hours": hours,
                "peak_growth": float(judged.relative[row, peak]) if is_on else None,
                "peak_at": moment(peak) if is_on else None,
                "last_seen_at": moment(int(seen[-1])) if len(seen) else None,
                "reason": _reason(stage, count, expected, hours, moment(since) if is_on else None),
            }
        )
    return pl.DataFrame(out, schema=TRENDS_SCHEMA)


def _reason(stage: Stage, count: int, expected: float, hours: float, since: datetime | None) -> str:
    seen = f"seen {count} times in the last {hours:g} h, {expected:.1f} expected at these hours"
    return f"{stage.value}: {seen}" + (f"; since {since:%Y-%m-%d %H:%M} UTC" if since else "")


@dataclass(frozen=True)
class Judged:
    """Arrays of terms x periods, each known at the end of its period. `since` and `peak` are periods, -1 outside of an episode."""

    stage: NDArray[np.int64]
    """Index into STAGES."""
    since: NDArray[np.int64]
    peak: NDArray[np.int64]
    relative: Floats
    """Rate of the last compared periods relative to the expected one."""


def judge(counts: NDArray[np.int64], grown: Growth, settings: StageSettings) -> Judged:
    """Episodes and stages of every term in every period."""
    terms, periods = counts.shape
    relative = _relative(counts, grown.expected_of_period, settings.compared_periods)
    stage = np.full((terms, periods), STAGES.index(Stage.DORMANT))
    since, peak = np.full((terms, periods), -1), np.full((terms, periods), -1)
    started, found, top, last_warm = (np.full(terms, -1) for _ in range(4))
    every = np.arange(terms)
    patience, compared = settings.growth.windows[-1], settings.compared_periods
    for now in range(periods):
        is_warm = grown.probability[:, now] >= settings.cold
        is_new = (started < 0) & (grown.probability[:, now] >= settings.hot)
        started = np.where(is_new, np.maximum(now - grown.window[:, now] + 1, 0), started)
        found = np.where(is_new, now, found)
        top = np.where(is_new, now, top)
        last_warm = np.where(is_warm, now, last_warm)
        is_over = (started >= 0) & (now - last_warm >= patience)
        started, top = np.where(is_over, -1, started), np.where(is_over, -1, top)
        is_on = started >= 0
        rate = relative[:, now]
        top = np.where(is_on & (rate > relative[every, np.maximum(top, 0)]), now, top)
        before = relative[:, now - compared] if now >= compared else np.ones(terms)
        change = rate / np.maximum(before, 1e-9)
        is_falling = (change <= settings.fall) | (rate < settings.over * relative[every, np.maximum(top, 0)]) | ~is_warm
        told = np.select(
            [~is_on, now - found < settings.emerging_periods, is_falling, change >= settings.rise],
            [STAGES.index(s) for s in (Stage.DORMANT, Stage.EMERGING, Stage.DECLINING, Stage.RISING)],
            STAGES.index(Stage.PEAKING),
        )
        stage[:, now], since[:, now], peak[:, now] = told, started, top
    return Judged(stage, since, peak, relative)


def _relative(counts: NDArray[np.int64], expected: Floats, width: int) -> Floats:
    """Counts of the last `width` periods over what was expected of them, with one count at the usual rate added to both."""
    kernel = np.ones(width)
    seen, usual = (
        np.apply_along_axis(lambda row: np.convolve(row, kernel)[: counts.shape[1]], 1, values)
        for values in (counts.astype(np.float64), expected)
    )
    return np.asarray((seen + 1) / (usual + 1))
