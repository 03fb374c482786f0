"""Alerts on streams of counts, on labelled and on made-up streams: `python -m benchmarks.anomalies`.

Belongs here: the candidates, how one is chosen without seeing what it is scored on, the made-up streams, the tables.
Does not belong here: the benchmark's series and score (`nab`), the detectors (`ml.streams`).

NAB realTweets, nested leave-one-series-out: for each series, method and parameters are chosen on the other series alone. The method is the
one that does best when its parameters are chosen on all but one of those and scored on that one, each in turn; its parameters
are then chosen on all of them. A handful of windows decides a score, so the best candidate is mostly luck: each parameter takes the value
that is best on average over all values of the others. `PULSO_REFERENCE_DATA` names the folder of public data sets (docs/reference-data.md).
"""

import argparse
import itertools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from benchmarks import nab
from benchmarks.reference_data import add_data_option, data_folder
from ml.streams import budget, detection, negativity, volume
from ml.streams.alerts import Alert
from ml.streams.budget import Budget
from ml.streams.stream import DAY, Floats, Stream, means

MINUTE = timedelta(minutes=1)
QUIET = (timedelta(hours=12), DAY)


@dataclass(frozen=True)
class Candidate:
    """A method with its parameters, and the bins in which it alerts, by series."""

    method: str
    parameters: tuple[str, ...]
    """One value of each of the method's parameters; all combinations are there."""
    alerts: Mapping[str, tuple[int, ...]]


# --- Candidates


def candidates(series: Mapping[str, nab.Labelled]) -> list[Candidate]:
    """Everything that is chosen from, run on every series. No detector reads a label."""
    streams = {name: labelled.stream for name, labelled in series.items()}
    return [*_gaussian(streams), *_fixed(streams), *_budgeted(streams)]


def _gaussian(streams: Mapping[str, Stream]) -> Iterator[Candidate]:
    """The baseline: plain counts of 15 minutes against mean and standard deviation of the days before."""
    for days in (3, 7, 14):
        surprise = {name: _windowed_z(stream, days) for name, stream in streams.items()}
        for threshold, quiet in itertools.product((3.0, 4.0, 5.0, 6.0, 7.0, 8.0), QUIET):
            yield Candidate(
                "windowed Gaussian, fixed threshold",
                (f"{days} days", f"from {threshold}", _hours(quiet)),
                {name: _from(surprise[name], threshold, streams[name].bins(quiet)) for name in streams},
            )


def _windowed_z(stream: Stream, days: int) -> Floats:
    width, memory = 3, days * stream.bins_per_day
    mean = means(stream.counts, memory, lag=width)
    deviation = np.sqrt(np.maximum(means(stream.counts**2, memory, lag=width) - mean**2, 1e-9))
    surprise = (means(stream.counts, width) - mean) / deviation
    surprise[: stream.bins_per_day] = 0.0
    return surprise


def _from(surprise: Floats, threshold: float, quiet: int) -> tuple[int, ...]:
    raised: list[int] = []
    for index in np.flatnonzero(surprise >= threshold):
        if not raised or index - raised[-1] >= quiet:
            raised.append(int(index))
    return tuple(raised)


def _judgements(
    streams: Mapping[str, Stream],
) -> Iterator[tuple[tuple[str, ...], dict[str, detection.Judged]]]:
    for minutes, days, is_seasonal in itertools.product(((5, 15, 60), (30,)), (14, 28), (True, False)):
        settings = volume.VolumeSettings(
            windows=tuple(n * MINUTE for n in minutes), memory=days * DAY, is_seasonal=is_seasonal
        )
        text = (
            f"{'/'.join(map(str, minutes))} minutes",
            f"{days} days",
            "by time of day" if is_seasonal else "at any time of day",
        )
        yield text, {name: volume.judge(stream, settings) for name, stream in streams.items()}


def _fixed(streams: Mapping[str, Stream]) -> Iterator[Candidate]:
    for text, judged in _judgements(streams):
        for threshold, quiet in itertools.product((2.5, 3.0, 3.5, 4.0, 4.5), QUIET):
            yield Candidate(
                "log counts, fixed threshold",
                (*text, f"from {threshold}", _hours(quiet)),
                {name: _from(judged[name].surprise, threshold, streams[name].bins(quiet)) for name in streams},
            )


def _budgeted(streams: Mapping[str, Stream]) -> Iterator[Candidate]:
    for text, judged in _judgements(streams):
        for a_week, quiet in itertools.product((1, 2, 3), QUIET):
            yield Candidate(
                "log counts, threshold from the budget",
                (*text, f"{a_week} a week", _hours(quiet)),
                {
                    name: _bins(
                        stream, detection.alerts(stream, judged[name], Budget(alerts_per_week=a_week), refractory=quiet)
                    )
                    for name, stream in streams.items()
                },
            )


def _hours(quiet: timedelta) -> str:
    return f"quiet {quiet // timedelta(hours=1)} h"


def _bins(stream: Stream, alerts: Sequence[Alert]) -> tuple[int, ...]:
    return tuple(round((alert.raised_at - stream.starts_at) / stream.bin) - 1 for alert in alerts)


# --- Choice


Table = Mapping[tuple[int, str], nab.Scored]
"""Candidate (its place) x series -> score."""
Rule = Callable[[Mapping[tuple[str, ...], int], Table, Sequence[str], nab.Profile], int]
"""How one of a method's candidates is chosen: parameters -> place, scores, the series that may be looked at."""


def best_on_average(
    places: Mapping[tuple[str, ...], int], table: Table, names: Sequence[str], profile: nab.Profile
) -> int:
    """Each parameter at the value with the best mean score over all values of the others."""
    scores = {
        values: nab.normalised([table[place, name] for name in names], profile) for values, place in places.items()
    }

    def mean(position: int, value: str) -> float:
        return float(np.mean([score for values, score in scores.items() if values[position] == value]))

    options = [dict.fromkeys(column) for column in zip(*places, strict=True)]
    return places[
        tuple(
            max(values, key=lambda value, position=position: mean(position, value))
            for position, values in enumerate(options)
        )
    ]


def best_alone(places: Mapping[tuple[str, ...], int], table: Table, names: Sequence[str], profile: nab.Profile) -> int:
    """The candidate with the best score, for comparison: what is usually done."""
    return max(places.values(), key=lambda place: nab.normalised([table[place, name] for name in names], profile))


def choose(
    candidates: Sequence[Candidate], table: Table, names: Sequence[str], profile: nab.Profile, rule: Rule
) -> int:
    """The place of the candidate chosen on the series `names` alone: its method validated inside them, its parameters chosen on all."""
    methods: dict[str, dict[tuple[str, ...], int]] = {}
    for place, candidate in enumerate(candidates):
        methods.setdefault(candidate.method, {})[candidate.parameters] = place

    def validated(method: str) -> float:
        held_out = []
        for name in names:
            others = [other for other in names if other != name]
            held_out.append(table[rule(methods[method], table, others, profile), name])
        return nab.normalised(held_out, profile)

    return rule(methods[max(methods, key=validated)], table, names, profile)


@dataclass(frozen=True)
class Nested:
    """What is chosen for each series on the others, and how it then scores."""

    chosen: dict[str, Candidate]
    scored: dict[str, nab.Scored]
    score: float


def nested(
    series: Mapping[str, nab.Labelled],
    candidates: Sequence[Candidate],
    profile: nab.Profile,
    rule: Rule = best_on_average,
) -> Nested:
    """Leave-one-series-out, the choice included."""
    table = {
        (place, name): nab.score(candidate.alerts[name], labelled.windows, labelled.bins, profile)
        for place, candidate in enumerate(candidates)
        for name, labelled in series.items()
    }
    places = {
        name: choose(candidates, table, [other for other in series if other != name], profile, rule) for name in series
    }
    scored = {name: table[place, name] for name, place in places.items()}
    chosen = {name: candidates[place] for name, place in places.items()}
    return Nested(chosen, scored, nab.normalised(list(scored.values()), profile))


def labelled_streams(reference_data: Path) -> str:
    """NAB realTweets; returns the figures as Markdown."""
    series = nab.read_series(reference_data)
    profiles = nab.read_profiles(reference_data)
    found = candidates(series)
    methods = list(dict.fromkeys(candidate.method for candidate in found))
    rows: list[tuple[str, Callable[[nab.Profile], float]]] = [
        (
            "**nested: method and parameters chosen on the other series**",
            lambda profile: nested(series, found, profile).score,
        ),
        *(
            (f"nested, only {method}", lambda profile, of=method: nested(series, _of(found, of), profile).score)
            for method in methods
        ),
        (
            "nested, by the best single candidate instead of the best average",
            lambda profile: nested(series, found, profile, best_alone).score,
        ),
        ("in sample: the defaults", lambda profile: _defaults(series, profile, is_capped=False)),
        (
            "in sample: the defaults, with four weeks' budget as a cap",
            lambda profile: _defaults(series, profile, is_capped=True),
        ),
        (
            "in sample: the best candidate",
            lambda profile: max(_in_sample(series, candidate, profile) for candidate in found),
        ),
    ]
    bins, windows = (sum(counts) for counts in zip(*((s.bins, len(s.windows)) for s in series.values()), strict=True))
    return "\n".join(
        [
            "## Labelled streams: NAB realTweets",
            "",
            (
                f"{len(series)} series ({', '.join(series)}), {bins:,} five-minute bins, {windows} labelled windows, {len(found)} "
                "candidates. Each profile's choice is its own."
            ),
            "",
            f"| | {' | '.join(profiles)} |",
            f"|---|{'---|' * len(profiles)}",
            *(
                f"| {label} | {' | '.join(f'{of(profile):.1f}' for profile in profiles.values())} |"
                for label, of in rows
            ),
            "",
            *_per_series(series, nested(series, found, profiles["standard"])),
        ]
    )


def _of(found: Sequence[Candidate], method: str) -> list[Candidate]:
    return [candidate for candidate in found if candidate.method == method]


def _in_sample(series: Mapping[str, nab.Labelled], candidate: Candidate, profile: nab.Profile) -> float:
    scores = [
        nab.score(candidate.alerts[name], labelled.windows, labelled.bins, profile) for name, labelled in series.items()
    ]
    return nab.normalised(scores, profile)


def _defaults(series: Mapping[str, nab.Labelled], profile: nab.Profile, *, is_capped: bool) -> float:
    """What Pulso does without any choice: not nested, for its constants were set with these series at hand."""
    allowed = Budget(alerts_per_week=2)
    scores = []
    for labelled in series.values():
        alerts = detection.alerts(labelled.stream, volume.judge(labelled.stream), allowed)
        told = budget.within(alerts, allowed) if is_capped else alerts
        scores.append(nab.score(_bins(labelled.stream, told), labelled.windows, labelled.bins, profile))
    return nab.normalised(scores, profile)


def _per_series(series: Mapping[str, nab.Labelled], result: Nested) -> list[str]:
    """The standard profile's alerts. The labelled moment is the middle of its window."""
    lines = [
        "| series | windows found | false alerts | alerts a day | first alert, hours from the labelled moment | chosen on the others |",
        "|---|---|---|---|---|---|",
    ]
    for name, labelled in series.items():
        candidate, scored = result.chosen[name], result.scored[name]
        counted = [index for index in candidate.alerts[name] if index >= nab.probation(labelled.bins)]
        days = (labelled.bins - nab.probation(labelled.bins)) / labelled.stream.bins_per_day
        hours = [
            f"{(index - (first + last) / 2) * (labelled.stream.bin / timedelta(hours=1)):+.1f}"
            for (first, last), index in sorted(scored.found.items())
        ]
        lines.append(
            f"| {name} | {len(scored.found)} of {scored.windows} | {scored.false_alerts} | {len(counted) / days:.2f} "
            f"| {', '.join(hours) or 'none found'} | {candidate.method}: {', '.join(candidate.parameters)} |"
        )
    return lines


# --- Made-up streams


WEEKS = 8
STARTS_AT = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass(frozen=True)
class World:
    """A made-up stream: `per_hour` mentions on average, more by day and on weekdays, gamma-distributed rates of `shape` (none: Poisson)."""

    name: str
    bin: timedelta
    per_hour: float
    shape: float | None
    streams: int = 1
    """How many such streams the client has; the budget is for all of them, a spike in one."""

    def rates(self) -> Floats:
        bins = WEEKS * 7 * (DAY // self.bin)
        days = np.arange(bins) * (self.bin / DAY)
        daily = np.exp(0.8 * np.sin(2 * np.pi * (days - 0.4)))
        weekly = np.where(days % 7 < 5, 1.1, 0.75)
        shape = daily * weekly
        return np.asarray(shape / shape.mean() * self.per_hour * (self.bin / timedelta(hours=1)))

    def stream(self, rates: Floats, rng: np.random.Generator, name: str = "mentions") -> Stream:
        drawn = rates if self.shape is None else rates * rng.gamma(self.shape, 1 / self.shape, len(rates))
        return Stream("made-up", name, STARTS_AT, self.bin, rng.poisson(drawn).astype(np.float64))


WORLDS = (
    World("Poisson, 6 an hour", 5 * MINUTE, 6, None),
    World("Poisson, 600 an hour", 5 * MINUTE, 600, None),
    World("negative binomial, 6 an hour", 5 * MINUTE, 6, 3.0),
    World("negative binomial, 60 an hour", 5 * MINUTE, 60, 3.0),
    World("negative binomial, 600 an hour", 5 * MINUTE, 600, 3.0),
    World("negative binomial, hourly, 20 an hour", timedelta(hours=1), 20, 10.0),
    World("five of these, one client", timedelta(hours=1), 20, 10.0, streams=5),
)
SPIKE_FACTORS = (2.0, 3.0, 5.0)
SPIKE = timedelta(hours=3)


def made_up_streams(runs: int, a_week: int, seed: int) -> str:
    """Alerts where nothing happens, and delays where a spike is planted; as Markdown."""
    lines = [
        "## Made-up streams",
        "",
        (
            f"{runs} runs each of {WEEKS} weeks, all of them counted; budget {a_week} a week. A run keeps its budget when its mean "
            f"number of alerts a week is within it. Spikes: the rate times so much for {SPIKE // timedelta(hours=1)} hours of the last week, one a run; found: alerted "
            "in these hours."
        ),
        "",
        "| stream | runs within the budget | weeks within the budget | alerts a week | "
        + " | ".join(f"x{factor:.0f} found | median minutes" for factor in SPIKE_FACTORS)
        + " |",
        "|---|---|---|---|" + "---|---|" * len(SPIKE_FACTORS),
    ]
    for world in WORLDS:
        rng = np.random.default_rng(seed)
        rates = world.rates()
        lines.append(
            _row(
                world.name,
                runs,
                a_week,
                lambda world=world, rates=rates, rng=rng: _alerts_of(world, rates, a_week, rng),
                [
                    lambda world=world, rates=rates, rng=rng, factor=factor: _delay(world, rates, factor, a_week, rng)
                    for factor in SPIKE_FACTORS
                ],
            )
        )
    return "\n".join(lines)


def _alerts_of(world: World, rates: Floats, a_week: int, rng: np.random.Generator) -> list[Alert]:
    """What one client is told; `rates` are those of its first stream."""
    allowed = Budget(a_week, streams=world.streams)
    streams = [world.stream(rates if n == 0 else world.rates(), rng, f"mentions {n}") for n in range(world.streams)]
    raised = [alert for stream in streams for alert in detection.alerts(stream, volume.judge(stream), allowed)]
    return budget.within(raised, allowed)


def _delay(world: World, rates: Floats, factor: float, a_week: int, rng: np.random.Generator) -> float | None:
    """Minutes from the spike's beginning to the end of the bin that alerts in its stream."""
    bins = max(SPIKE // world.bin, 1)
    first = int(rng.integers(len(rates) - 7 * (DAY // world.bin), len(rates) - bins))
    raised = rates.copy()
    raised[first : first + bins] *= factor
    told = [alert for alert in _alerts_of(world, raised, a_week, rng) if alert.stream_id == "mentions 0"]
    return _first_within(told, STARTS_AT + first * world.bin, STARTS_AT + (first + bins) * world.bin)


def _first_within(alerts: Sequence[Alert], begin: datetime, end: datetime) -> float | None:
    return next(((alert.raised_at - begin) / MINUTE for alert in alerts if begin < alert.raised_at <= end), None)


def _row(
    name: str,
    runs: int,
    a_week: int,
    calm: Callable[[], list[Alert]],
    spikes: Sequence[Callable[[], float | None]],
) -> str:
    by_week = np.zeros((runs, WEEKS))
    for run in range(runs):
        for alert in calm():
            by_week[run, min((alert.raised_at - STARTS_AT) // (7 * DAY), WEEKS - 1)] += 1
    cells = [
        f"{np.mean(by_week.mean(axis=1) <= a_week):.0%}",
        f"{np.mean(by_week <= a_week):.1%}",
        f"{by_week.mean():.2f}",
    ]
    for spike in spikes:
        delays = [spike() for _ in range(runs)]
        known = [delay for delay in delays if delay is not None]
        cells += [f"{len(known) / runs:.0%}", f"{np.median(known):.0f}" if known else "none found"]
    return f"| {name} | {' | '.join(cells)} |"


NEGATIVE_SHARE, CONCENTRATION = 0.15, 30.0
SHARES_PLANTED = (0.3, 0.45, 0.6)


def made_up_negativity(runs: int, a_week: int, seed: int) -> str:
    """The same for negative mentions: the share moves from hour to hour, or is planted; the volume stays."""
    allowed = Budget(alerts_per_week=a_week)
    lines = [
        "## Made-up negativity",
        "",
        (
            f"The share of negative mentions is {NEGATIVE_SHARE:.0%} on average, drawn anew each hour (beta, a + b = {CONCENTRATION:.0f}). Spikes: another share "
            f"for {SPIKE // timedelta(hours=1)} hours, with as many mentions as ever or twice as many."
        ),
        "",
        "| stream | runs within the budget | weeks within the budget | alerts a week | "
        + " | ".join(f"{share:.0%} found | median minutes" for share in SHARES_PLANTED)
        + " |",
        "|---|---|---|---|" + "---|---|" * len(SHARES_PLANTED),
    ]
    for world, factor in itertools.product((WORLDS[2], WORLDS[3]), (1.0, 2.0)):
        rng = np.random.default_rng(seed)
        lines.append(
            _row(
                f"{world.name}, x{factor:.0f}",
                runs,
                a_week,
                lambda world=world, rng=rng: _negativity(world, None, 1.0, allowed, rng)[0],
                [
                    lambda world=world, factor=factor, rng=rng, share=share: _first_within(
                        *_negativity(world, share, factor, allowed, rng)
                    )
                    for share in SHARES_PLANTED
                ],
            )
        )
    return "\n".join(lines)


def _negativity(
    world: World, planted: float | None, factor: float, allowed: Budget, rng: np.random.Generator
) -> tuple[list[Alert], datetime, datetime]:
    """Alerts of one made-up stream, and from when to when its mentions were multiplied and their negative share was the planted one."""
    rates = world.rates()
    per_hour = timedelta(hours=1) // world.bin
    usual = rng.beta(NEGATIVE_SHARE * CONCENTRATION, (1 - NEGATIVE_SHARE) * CONCENTRATION, len(rates) // per_hour)
    share = np.repeat(usual, per_hour)
    bins = SPIKE // world.bin
    first = int(rng.integers(len(share) - 7 * (DAY // world.bin), len(share) - bins))
    if planted is not None:
        share[first : first + bins] = planted
        rates[first : first + bins] *= factor
    mentions = world.stream(rates, rng)
    negative = rng.binomial(mentions.counts.astype(int), share).astype(np.float64)
    alerts = detection.alerts(mentions, negativity.judge(mentions, negative), allowed)
    return budget.within(alerts, allowed), mentions.start_of(first), mentions.start_of(first + bins)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.anomalies", description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--only", choices=("labelled", "volume", "negativity"), action="append", help="default: all")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--alerts-per-week", type=int, default=2, help="budget on made-up streams")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    parts = arguments.only or ["labelled", "volume", "negativity"]
    data = data_folder(arguments.data) if "labelled" in parts else None
    of_part = {
        "labelled": lambda: labelled_streams(data),
        "volume": lambda: made_up_streams(arguments.runs, arguments.alerts_per_week, arguments.seed),
        "negativity": lambda: made_up_negativity(arguments.runs, arguments.alerts_per_week, arguments.seed),
    }
    for part in parts:
        sys.stdout.write(of_part[part]() + "\n\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
