"""Is a day's data as usual? Bands from the recent days of the same accounts, for how much there is and for what the values are.

Belongs here: the statistics, as pure functions over frames. Does not belong here: which tables are judged and what their columns mean
(assets/checks/anomalies.py), whose problem it is.

A band is a median and a multiple of the median absolute deviation (MAD), both robust: a bad day in the past moves neither. Each weekday
has a centre of its own where three of its kind are known (gaps may leave fewer). A band is never narrower than counting noise allows, nor than a change that is
worth a look. The constants are chosen on real posts and on the seeded world; docs/runbooks/data-strange.md has the figures.
"""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from statistics import median

import polars as pl

HISTORY_DAYS = 28
"""Four of each weekday."""
MIN_DAYS = 21
"""Nothing is judged before so many days are known: three of each weekday."""
MIN_UNITS = 10
"""A day, or a usual day, with fewer units says nothing: small numbers jump."""
MIN_BURST_UNITS = 30
"""The same where units come in crowds."""
SETTLING_DAYS = 7
"""An account counts for a series when it was there in the first days of the history."""
THRESHOLD = 4.5
"""Standard deviations (1.4826 MAD) from the centre to the band's edges."""
SAME_WEEKDAYS = 3
MAD_TO_SD = 1.4826

UNITS_SCHEMA = pl.Schema(
    {
        "network": pl.String,
        "metric": pl.String,
        "account_id": pl.String,
        "unit_id": pl.String,
        "day": pl.Date,
        "value": pl.Float64,
    }
)
"""One row per unit (a post, an account, a comment), metric and day. `metric` and `value` are null in tables that hold no values."""


class Rhythm(StrEnum):
    """How a table's rows come."""

    STEADY = "steady"
    """Every unit comes every day; a day on which no network has a row was not read at all, and is left out."""
    EVENTS = "events"
    """Units happen, more of them on some days than on others."""
    BURSTS = "bursts"
    """They happen in crowds (comments below a hit): only too few are strange."""


class Measure(StrEnum):
    """What of a day is compared, in the order in which it is told: a later one that follows from an earlier one is not."""

    ROWS = "rows"
    """Units."""
    UNKNOWN = "unknown"
    """Share of units without a value."""
    ZEROS = "zeros"
    """Share of zeros among the known values."""
    REPEATS = "repeats"
    """Share of values, zeros apart, that are the same as the day before's."""
    LEVEL = "level"
    """Median of the known values, compared as log(1 + value)."""


@dataclass(frozen=True)
class Band:
    """What is expected of a day and where the usual ends, in the measure's own unit. None: this side has no end."""

    expected: float
    low: float | None
    high: float | None

    def holds(self, value: float) -> bool:
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


@dataclass(frozen=True)
class Finding:
    """A day that lies outside of its band. `past` are the days of the history, oldest first."""

    network: str
    metric: str | None
    measure: Measure
    day: date
    value: float
    band: Band
    past: tuple[tuple[date, float], ...]

    @property
    def is_low(self) -> bool:
        return self.value < self.band.expected


@dataclass(frozen=True)
class Law:
    """How a measure is compared: on which scale, with how much noise at least, and which change is worth a look.

    `noise` is the standard deviation that counting alone gives, from the centre on the scale and the day's units. `fall` and `rise` are,
    for an expected value, the nearest values that anybody cares about; None: this side is never strange.
    """

    to_scale: Callable[[float], float]
    from_scale: Callable[[float], float]
    noise: Callable[[float, float], float]
    fall: Callable[[float], float] | None
    rise: Callable[[float], float] | None


def _count_law(noise: Callable[[float, float], float], *, fall: float, rise: float | None) -> Law:
    """Counts on the scale 2 sqrt(n), on which Poisson counts have a standard deviation of 1."""
    return Law(
        to_scale=lambda count: 2 * math.sqrt(count),
        from_scale=lambda root: (max(root, 0.0) / 2) ** 2,
        noise=noise,
        fall=lambda expected: expected * fall,
        rise=None if rise is None else lambda expected: expected * rise,
    )


_SHARE = Law(
    to_scale=float,
    from_scale=float,
    noise=lambda share, units: math.sqrt(max(share * (1 - share), 0.0) / units) + 0.02,
    fall=None,
    rise=lambda expected: expected + 0.3,
)
LAWS: Mapping[Measure, Law] = {
    Measure.UNKNOWN: _SHARE,
    Measure.ZEROS: _SHARE,
    Measure.REPEATS: _SHARE,
    Measure.LEVEL: Law(
        to_scale=math.log1p,
        from_scale=math.expm1,
        # Counts of posts spread over some powers of e: the median of n of them is known to about this.
        noise=lambda _, units: 1.5 / math.sqrt(units),
        fall=lambda expected: (1 + expected) / 4 - 1,
        rise=lambda expected: (1 + expected) * 4 - 1,
    ),
}
LAWS_OF_ROWS: Mapping[Rhythm, Law] = {
    Rhythm.STEADY: _count_law(lambda root, _: 0.025 * root, fall=0.7, rise=1.8),  # 5 % of the count
    Rhythm.EVENTS: _count_law(lambda *_: 1.0, fall=0.7, rise=1.8),
    Rhythm.BURSTS: _count_law(lambda *_: 1.0, fall=0.1, rise=None),
}


def findings(
    units: pl.DataFrame,
    *,
    on: date,
    rhythm: Rhythm,
    has_values_of_days: bool = False,
    measures: Collection[Measure] = tuple(Measure),
) -> list[Finding]:
    """What is unusual about the day `on` in rows of UNITS_SCHEMA: at most one finding per network and metric, the first of Measure's order.

    Each unit x metric x day is one row. Only accounts that were there at the beginning of the history are compared, so that new ones are
    no growth; who is gone for a good reason has to be left out beforehand, on all days. `has_values_of_days`: a value is about its day
    alone (no standing count), so that the same value twice in a row is rare.
    """
    found: dict[tuple[str, str | None], Finding] = {}
    for network, metric, measure, days in _series(units, on=on, rhythm=rhythm, has_repeats=has_values_of_days):
        if measure not in measures or (network, metric) in found or on not in days:
            continue
        value, count = days[on]
        past = [(day, value) for day, (value, _) in sorted(days.items()) if day < on]
        law = LAWS_OF_ROWS[rhythm] if measure is Measure.ROWS else LAWS[measure]
        usual = band(past, on=on, units=count, law=law)
        least = MIN_BURST_UNITS if rhythm is Rhythm.BURSTS else MIN_UNITS
        if usual is None or (measure is Measure.ROWS and usual.expected < least) or usual.holds(value):
            continue
        found[network, metric] = Finding(network, metric, measure, on, value, usual, tuple(past))
    return [found[key] for key in sorted(found, key=lambda key: (key[0], key[1] or ""))]


def band(past: Sequence[tuple[date, float]], *, on: date, units: float, law: Law) -> Band | None:
    """The usual on the day `on`, from the days before and the number of units of the day; None while there are too few days."""
    if len(past) < MIN_DAYS:
        return None
    scaled = [(day, law.to_scale(value)) for day, value in past]
    overall = median(value for _, value in scaled)
    by_weekday: dict[int, list[float]] = {}
    for day, value in scaled:
        by_weekday.setdefault(day.weekday(), []).append(value)
    centres = {
        weekday: median(values) if len(values) >= SAME_WEEKDAYS else overall for weekday, values in by_weekday.items()
    }
    centre = centres.get(on.weekday(), overall)
    spread = MAD_TO_SD * median(abs(value - centres[day.weekday()]) for day, value in scaled)
    reach = THRESHOLD * max(spread, law.noise(centre, units))
    expected = law.from_scale(centre)
    return Band(
        expected=expected,
        low=None if law.fall is None else min(law.from_scale(centre - reach), law.fall(expected)),
        high=None if law.rise is None else max(law.from_scale(centre + reach), law.rise(expected)),
    )


def _series(
    units: pl.DataFrame, *, on: date, rhythm: Rhythm, has_repeats: bool
) -> Iterator[tuple[str, str | None, Measure, dict[date, tuple[float, float]]]]:
    """Per network, metric and measure: value and number of units by day. The measures of one metric come in Measure's order."""
    window = _settled(units.filter(pl.col("day").is_between(on - timedelta(days=HISTORY_DAYS), on)))
    if window.is_empty():
        return
    read = set(window["day"].unique()) if rhythm is Rhythm.STEADY else None
    repeated = _with_previous(window) if has_repeats else window.with_columns(is_repeat=pl.lit(None, pl.Boolean))
    daily = repeated.group_by("network", "metric", "day").agg(
        pl.len().alias("rows"),
        pl.col("value").is_null().mean().alias("unknown"),
        pl.col("value").count().alias("known"),
        (pl.col("value") == 0).mean().alias("zeros"),
        pl.col("value").median().alias("level"),
        pl.col("is_repeat").count().alias("compared"),
        pl.col("is_repeat").mean().alias("repeats"),
    )
    for (network, metric), rows in daily.sort("day").group_by("network", "metric", maintain_order=True):
        of_day = {row["day"]: row for row in rows.iter_rows(named=True)}
        first = min(of_day)
        days = [first + timedelta(days=n) for n in range((on - first).days + 1)]
        counts = {
            day: float(of_day[day]["rows"]) if day in of_day else 0.0 for day in days if read is None or day in read
        }
        key = (str(network), None if metric is None else str(metric))
        yield *key, Measure.ROWS, {day: (count, count) for day, count in counts.items()}
        if metric is None:
            continue
        for measure, units_of in (
            (Measure.UNKNOWN, "rows"),
            (Measure.ZEROS, "known"),
            (Measure.REPEATS, "compared"),
            (Measure.LEVEL, "known"),
        ):
            yield (
                *key,
                measure,
                {
                    day: (float(row[measure.value]), float(row[units_of]))
                    for day, row in of_day.items()
                    if row[units_of] >= MIN_UNITS
                },
            )


def _settled(window: pl.DataFrame) -> pl.DataFrame:
    """The rows of accounts that were there in the first days of what is known of their network."""
    first = window.group_by("network").agg(pl.col("day").min().alias("first"))
    is_early = pl.col("day") < pl.col("first") + timedelta(days=SETTLING_DAYS)
    return window.join(window.join(first, on="network").filter(is_early), on=["network", "account_id"], how="semi")


def _with_previous(window: pl.DataFrame) -> pl.DataFrame:
    """`is_repeat`: the value is the day before's; null where there is none, or either is zero."""
    keys = ["network", "metric", "unit_id", "day"]
    before = window.select(*keys[:3], pl.col("day") + timedelta(days=1), pl.col("value").alias("previous"))
    is_told = (pl.col("value") != 0) & (pl.col("previous") != 0)
    return window.join(before, on=keys, how="left").with_columns(
        is_repeat=pl.when(is_told).then(pl.col("value") == pl.col("previous"))
    )
