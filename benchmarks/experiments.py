"""Experiment statistics on 3,325 logged headline tests: `python -m benchmarks.experiments`.

Belongs here: the run and its tables. Does not belong here: the statistics (`ml.experiments`).

Everything learnt or chosen (prior, exploration) comes from tests of even weeks; tests of odd weeks are scored. `PULSO_REFERENCE_DATA`
names the folder of public data sets (docs/reference-data.md).
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.reference_data import add_data_option, data_folder
from ml.experiments.allocation import Allocator, ClassicalTest, ExploreThenCommit, Thompson
from ml.experiments.arms import Arm, Floats, Ints
from ml.experiments.lift import log_lift
from ml.experiments.planned import impressions_per_arm, sidak_p
from ml.experiments.prior import Prior, estimate_prior
from ml.experiments.replay import replay, traffic
from ml.experiments.sequential import always_valid_p
from ml.experiments.split import SplitCheck, SplitVerdict, check_split, check_splitter
from ml.experiments.winner import shrunken_winner

FILE = Path("upworthy") / "upworthy_exploratory_packages.parquet"
FAULTY_WEEKS = (201325, 201401)
"""2013-06-25 to 2014-01-10, not randomised say the curators, as the file counts weeks: from the year's first Monday (%Y%W)."""
DEVIATIONS = (0.05, 0.075, 0.1)
EXPLORATIONS = (1.0, 0.5, 0.25, 0.12, 0.06, 0.03)
EXPLORED = (0.05, 0.08, 0.12, 0.2, 0.3, 0.5)
LOOKS = 20


@dataclass(frozen=True)
class HeadlineTest:
    test_id: str
    week: int
    arms: tuple[Arm, ...]
    check: SplitCheck

    @property
    def is_faulty(self) -> bool:
        return FAULTY_WEEKS[0] <= self.week <= FAULTY_WEEKS[1]


@dataclass(frozen=True)
class Logged:
    """Counts of tests with the same number of arms: arrays (tests, arms)."""

    impressions: Ints
    clicks: Ints


def headline_tests(reference_data: Path) -> list[HeadlineTest]:
    rows = (
        pl.read_parquet(reference_data / FILE)
        .group_by("clickability_test_id")
        .agg("impressions", "clicks", pl.col("test_week").min())
        .filter(pl.col("impressions").list.len() > 1)
        .sort("test_week", "clickability_test_id")
    )
    tests = []
    for row in rows.iter_rows(named=True):
        arms = tuple(
            Arm(str(number), *pair)
            for number, pair in enumerate(zip(row["impressions"], row["clicks"], strict=True), start=1)
        )
        tests.append(HeadlineTest(row["clickability_test_id"], row["test_week"], arms, check_split(arms)))
    return tests


def by_size(tests: Iterable[HeadlineTest]) -> list[Logged]:
    sizes: dict[int, list[HeadlineTest]] = {}
    for test in tests:
        sizes.setdefault(len(test.arms), []).append(test)
    return [
        Logged(
            np.array([[arm.impressions for arm in test.arms] for test in group]),
            np.array([[arm.clicks for arm in test.arms] for test in group]),
        )
        for _, group in sorted(sizes.items())
    ]


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, ["---"] * len(header), *rows])


def percent(ratio: float, *, signed: bool = False) -> str:
    return f"{100 * ratio:+.1f} %" if signed else f"{100 * ratio:.1f} %"


def split_gate(tests: Sequence[HeadlineTest], random: np.random.Generator) -> str:
    """How often the gate alarms where the archive is known to be faulty, elsewhere, and on planted faults."""
    judged = [test for test in tests if test.check.verdict is not SplitVerdict.TOO_EARLY]
    faulty = [test for test in judged if test.is_faulty]
    healthy = [test for test in judged if not test.is_faulty]
    broken = {
        week
        for week in {test.week for test in judged}
        if check_splitter([test.check for test in judged if test.week == week]).verdict is SplitVerdict.BROKEN
    }

    def alarms(test: HeadlineTest) -> bool:
        return test.check.verdict is SplitVerdict.BROKEN

    def row(name: str, chosen: Callable[[HeadlineTest], bool], gate: Callable[[HeadlineTest], bool]) -> list[str]:
        cells = [name]
        for group in (faulty, healthy):
            members = [test for test in group if chosen(test)]
            caught = sum(gate(test) for test in members)
            cells.append(f"{caught} of {len(members)} ({percent(caught / len(members))})")
        return cells

    rows = [row("all tests: the test's own gate", lambda _: True, alarms)]
    for deviation in DEVIATIONS:
        rows.append(
            row(
                f"an arm {percent(deviation)} or more off: the test's own gate",
                lambda test, deviation=deviation: abs(test.check.largest_deviation) >= deviation,
                alarms,
            )
        )
    rows.append(
        row("all tests: own gate or its week's splitter", lambda _: True, lambda t: alarms(t) or t.week in broken)
    )
    faulty_weeks, healthy_weeks = ({test.week for test in group} for group in (faulty, healthy))
    rows.append(
        [
            "weeks whose splitter is called broken",
            f"{len(broken & faulty_weeks)} of {len(faulty_weeks)}",
            f"{len(broken & healthy_weeks)} of {len(healthy_weeks)}",
        ]
    )
    lines = [
        "## Sample-ratio mismatch",
        "",
        table(["stopped by the gate (p < .001)", "faulty weeks", "other weeks"], rows),
        "",
    ]
    for deviation in DEVIATIONS:
        by_chance = sum(_chance_of(deviation, test, random) for test in faulty)
        far = [test for test in faulty if abs(test.check.largest_deviation) >= deviation]
        caught = sum(map(alarms, far))
        lines.append(
            f"Of {len(far)} tests of faulty weeks {percent(deviation)} or more off, {by_chance:.1f} would be by chance alone; of the "
            f"excess {percent(min(caught / (len(far) - by_chance), 1))} are caught."
        )
    good = [test for test in healthy if not alarms(test)]
    planted = []
    for deviation in (0.025, *DEVIATIONS):
        caught = sum(check_split(_lose(test.arms, deviation, random)).verdict is SplitVerdict.BROKEN for test in good)
        planted.append([percent(deviation), percent(caught / len(good))])
    return "\n".join([*lines, "", table(["impressions lost by one arm (planted)", "caught"], planted)])


def _chance_of(deviation: float, test: HeadlineTest, random: np.random.Generator, draws: int = 500) -> float:
    total, arms = sum(arm.impressions for arm in test.arms), len(test.arms)
    shares = random.multinomial(total, np.full(arms, 1 / arms), size=draws) / total
    return float((np.abs(shares * arms - 1).max(-1) >= deviation).mean())


def _lose(arms: Sequence[Arm], ratio: float, random: np.random.Generator) -> list[Arm]:
    first, *others = arms
    kept = int(random.binomial(first.impressions, 1 - ratio))
    return [Arm(first.name, kept, min(first.clicks, kept)), *others]


def peeking(logged: Sequence[Logged], random: np.random.Generator) -> str:
    """False positives at LOOKS looks at arms without a difference, and what always-valid costs when there is one."""
    rows = []
    for rate, per_look in ((0.015, 500), (0.015, 2000), (0.1, 200)):
        steps = random.binomial(per_look, rate, size=(4000, LOOKS, 2))
        rows.append([f"A/A, simulated: rate {percent(rate)}, {per_look:,} an arm each look", *_looks(steps, per_look)])
    arm_clicks = np.concatenate([group.clicks.ravel() for group in logged])
    arm_impressions = np.concatenate([group.impressions.ravel() for group in logged])
    arm_clicks, arm_impressions = (counts[arm_impressions >= 2 * LOOKS] for counts in (arm_clicks, arm_impressions))
    per_look = arm_impressions // (2 * LOOKS)
    steps = np.zeros((len(arm_clicks), LOOKS, 2), dtype=np.int64)
    seen, won = np.zeros_like(arm_clicks), np.zeros_like(arm_clicks)
    for look in range(LOOKS):
        for side in range(2):
            got = random.hypergeometric(arm_clicks - won, arm_impressions - seen - arm_clicks + won, per_look)
            steps[:, look, side] = got
            seen, won = seen + per_look, won + got
    rows.append([f"A/A, logged: each of {len(arm_clicks):,} arms against itself", *_looks(steps, per_look)])
    needed = impressions_per_arm(0.015, 0.2)
    for times in (1, 2):
        size = times * needed // LOOKS
        steps = np.stack([random.binomial(size, rate, size=(4000, LOOKS)) for rate in (0.015, 0.018)], axis=-1)
        rows.append(
            [f"lift of 20 %, {times} x the {needed:,} an arm that the planned test needs", *_looks(steps, size)]
        )
    header = [
        "",
        "planned test, peeked at",
        "planned test, read once",
        "always-valid test, peeked at",
        "traffic it used",
    ]
    return f"## {LOOKS} looks, 5 % level: how often a difference is found\n\n{table(header, rows)}"


def _looks(steps: Ints, per_look: int | Ints) -> list[str]:
    """`steps`: clicks (tests, looks, two arms)."""
    clicks = steps.cumsum(1)
    size = np.arange(1, LOOKS + 1)[None, :] * np.atleast_1d(per_look)[:, None]
    estimate, variance = log_lift(clicks[..., 1], size, clicks[..., 0], size)
    planned = sidak_p(estimate, variance, 1) <= 0.05
    found = (always_valid_p(estimate, variance) <= 0.05) & (clicks.min(-1) >= 10)
    used = np.where(found.any(1), found.argmax(1) + 1, LOOKS).mean() / LOOKS
    return [percent(planned.any(1).mean()), percent(planned[:, -1].mean()), percent(found.any(1).mean()), percent(used)]


@dataclass(frozen=True)
class Policy:
    name: str
    allocator: Allocator
    stops: tuple[float, ...]


def batches(number: int) -> tuple[float, ...]:
    return tuple((batch + 1) / number for batch in range(number))


def clicks_per_test(policy: Policy, logged: Sequence[Logged], repeats: int, random: np.random.Generator) -> Floats:
    """Mean clicks that the policy won on each test, over `repeats` orders of its traffic."""
    return np.concatenate(
        [
            np.mean(
                [
                    replay(policy.allocator, group.impressions, group.clicks, policy.stops, random)[1].sum(-1)
                    for _ in range(repeats)
                ],
                axis=0,
            )
            for group in logged
        ]
    )


def equal_split(logged: Sequence[Logged]) -> Floats:
    """Expected clicks of an equal split of the same traffic, exactly."""
    return np.concatenate(
        [traffic(group.impressions) * (group.clicks / group.impressions).mean(-1) for group in logged]
    )


def oracle(logged: Sequence[Logged]) -> Floats:
    """Clicks of all traffic on the arm whose logged rate was the highest: known to nobody in time."""
    return np.concatenate([traffic(group.impressions) * (group.clicks / group.impressions).max(-1) for group in logged])


def knowing_the_rates(logged: Sequence[Logged], prior: Prior, random: np.random.Generator) -> Floats:
    """Expected clicks of one who knows each arm's true rate, as far as the prior and the whole log tell what that is."""
    won = []
    for group in logged:
        a, b = prior.posterior(group.impressions, group.clicks)
        best = np.mean([random.beta(a, b).max(-1) for _ in range(400)], axis=0)
        won.append(traffic(group.impressions) * best)
    return np.concatenate(won)


def interval(won: Floats, usual: Floats, resamples: int, random: np.random.Generator) -> str:
    """Gain over `usual` with its 95 % interval by bootstrap over tests."""
    picks = random.integers(0, len(won), size=(resamples, len(won)))
    gains = won[picks].sum(1) / usual[picks].sum(1) - 1
    low, high = np.quantile(gains, (0.025, 0.975))
    return f"**{percent(won.sum() / usual.sum() - 1, signed=True)}** [{100 * low:.1f}, {100 * high:.1f}]"


def chosen_policies(learnt: Sequence[Logged], prior: Prior, repeats: int, random: np.random.Generator) -> list[Policy]:
    """Of each kind the exploration that won most on the tests that may be learnt from."""

    def best(options: Sequence[Policy]) -> Policy:
        return max(options, key=lambda policy: clicks_per_test(policy, learnt, repeats, random).sum())

    chosen = []
    for number in (6, 20):
        options = [
            Policy(f"Thompson, {number} batches, exploration {value:g}", Thompson(prior, value), batches(number))
            for value in EXPLORATIONS
        ]
        chosen.append(best(options))
    for name, number in (("commit", 1), ("follow the leader", 20)):
        options = [
            Policy(f"explore {percent(part)}, then {name}", ExploreThenCommit(prior), (part, *_rest(part, number)))
            for part in EXPLORED
        ]
        chosen.append(best(options))
    return chosen


def _rest(part: float, number: int) -> tuple[float, ...]:
    """Stops of `number` equal batches after the first `part` of the traffic."""
    return tuple(1 - (1 - part) * (1 - stop) for stop in batches(number))


def replays(
    learnt: Sequence[HeadlineTest],
    scored: Sequence[HeadlineTest],
    *,
    repeats: int,
    resamples: int,
    random: np.random.Generator,
) -> str:
    prior = estimate_prior([test.arms for test in learnt])
    logged = by_size(scored)
    usual = equal_split(logged)
    policies = [
        Policy("classical test at half time", ClassicalTest(), (0.5, 1.0)),
        Policy("Thompson, 6 batches, Beta(1, 1) (reference)", Thompson(), batches(6)),
        Policy("Thompson, 6 batches, prior of earlier tests", Thompson(prior), batches(6)),
        Policy("explore 30 %, then commit (reference)", ExploreThenCommit(), (0.3, 1.0)),
        *chosen_policies(by_size(learnt), prior, repeats, random),
    ]
    rows = [
        [policy.name, interval(clicks_per_test(policy, logged, repeats, random), usual, resamples, random)]
        for policy in policies
    ]
    rows.append(
        ["ceiling: true rates known", interval(knowing_the_rates(logged, prior, random), usual, resamples, random)]
    )
    rows.append(["ceiling: logged clicks known", interval(oracle(logged), usual, resamples, random)])
    return "\n".join(
        [
            (
                f"{len(scored):,} tests, {usual.sum() / len(usual):.0f} clicks each under an equal split; {repeats} replays. Prior from "
                f"{len(learnt):,} other tests: rate {percent(prior.rate)} worth {prior.weight:.0f} impressions, spread between arms "
                f"{percent(prior.spread)}."
            ),
            "",
            table(["policy", "clicks against an equal split"], rows),
        ]
    )


def winners(learnt: Sequence[HeadlineTest], scored: Sequence[HeadlineTest], seed: int) -> str:
    """Half of each arm's traffic is seen, an arm is chosen and a lift claimed; the other half tells what came true."""
    random = np.random.default_rng(seed)
    prior = estimate_prior([test.arms for test in learnt])
    claims = []
    for test in scored:
        halves = [arm.impressions // 2 for arm in test.arms]
        got = [
            int(random.hypergeometric(arm.clicks, arm.impressions - arm.clicks, half))
            for arm, half in zip(test.arms, halves, strict=True)
        ]
        seen = [Arm(arm.name, half, won) for arm, half, won in zip(test.arms, halves, got, strict=True)]
        unseen = np.array(
            [
                (arm.clicks - won) / (arm.impressions - half)
                for arm, half, won in zip(test.arms, halves, got, strict=True)
            ]
        )
        if not unseen.any() or not any(got):
            continue
        winner = shrunken_winner(seen, prior, seed=seed)
        raw = np.array([arm.clicks / arm.impressions for arm in seen])
        kept = [unseen[int(raw.argmax())] / unseen.mean() - 1, unseen[int(winner.arm) - 1] / unseen.mean() - 1]
        claims.append([raw.max() / raw.mean() - 1, kept[0], winner.lift, kept[1]])
    figures = np.array(claims)
    rows = [
        ["raw", *_claim(figures[:, 0], figures[:, 1], random)],
        ["shrunken", *_claim(figures[:, 2], figures[:, 3], random)],
    ]
    order = figures[:, 2].argsort()
    for name, part in zip(("lowest", "middle", "highest"), np.array_split(order, 3), strict=True):
        rows.append([f"shrunken, {name} third of claims", *_claim(figures[part, 2], figures[part, 3], random)])
    header = ["best arm's lift over the mean arm", "claimed on seen half", "came true on unseen half", "ratio [95 %]"]
    return f"## Winner's lift, {len(figures):,} tests\n\n{table(header, rows)}"


def _claim(claimed: Floats, kept: Floats, random: np.random.Generator) -> list[str]:
    picks: NDArray[np.int64] = random.integers(0, len(claimed), size=(1000, len(claimed)))
    low, high = np.quantile(claimed[picks].mean(1) / kept[picks].mean(1), (0.025, 0.975))
    ratio = claimed.mean() / kept.mean()
    return [
        percent(claimed.mean(), signed=True),
        percent(kept.mean(), signed=True),
        f"**{ratio:.2f}** [{low:.2f}, {high:.2f}]",
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.experiments", description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--repeats", type=int, default=6, help="replays of each policy")
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    data = data_folder(arguments.data, holding=FILE)
    random = np.random.default_rng(arguments.seed)
    tests = headline_tests(data)
    sound = [test for test in tests if not test.is_faulty and test.check.verdict is SplitVerdict.HOLDS]
    even = [test for test in sound if test.week % 2 == 0]
    odd = [test for test in sound if test.week % 2 == 1]
    options = {"repeats": arguments.repeats, "resamples": arguments.resamples, "random": random}
    for section in (
        lambda: split_gate(tests, random),
        lambda: peeking(by_size(sound), random),
        lambda: "## Replay: learnt on even weeks, scored on odd ones\n\n" + replays(even, odd, **options),
        lambda: winners(even, odd, arguments.seed),
        lambda: "## Replay with the halves exchanged\n\n" + replays(odd, even, **options),
        lambda: winners(odd, even, arguments.seed) + "\n\n(With the halves exchanged.)",
    ):
        sys.stdout.write(section() + "\n\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
