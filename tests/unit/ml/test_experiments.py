"""Each procedure keeps its promise on made-up tests whose truth is known, and a planted fault is seen."""

import numpy as np
import pytest

from ml.experiments.allocation import Allocator, ClassicalTest, EqualSplit, ExploreThenCommit, Thompson, chance_best
from ml.experiments.arms import Arm, Floats, Ints
from ml.experiments.lift import Verdict, log_lift
from ml.experiments.planned import detectable_lift, impressions_per_arm, read, sidak_p
from ml.experiments.prior import Prior, estimate_prior
from ml.experiments.replay import replay, traffic, whole
from ml.experiments.sequential import MIN_CLICKS, always_valid_p, half_width, look
from ml.experiments.split import SplitVerdict, check_split, check_splitter, impressions_to_see
from ml.experiments.winner import shrunken_winner

PRIOR = Prior(rate=0.02, weight=200, spread=0.25)
LOOKS = 20


def arms(*pairs: tuple[int, int]) -> list[Arm]:
    return [Arm(name, *pair) for name, pair in zip("abcdefgh", pairs, strict=False)]


def drawn(tests: int, size: int, impressions: int, seed: int) -> tuple[Floats, Ints]:
    """True rates (tests, arms) drawn as PRIOR says, and clicks of `impressions` on each arm."""
    random = np.random.default_rng(seed)
    level = random.beta(PRIOR.rate * PRIOR.weight, (1 - PRIOR.rate) * PRIOR.weight, size=(tests, 1))
    total = (1 - level) / (level * PRIOR.spread**2) - 1
    rates = random.beta(level * total, (1 - level) * total, size=(tests, size))
    return rates, random.binomial(impressions, rates)


# --- the split


def test_the_gate_judges_against_the_intended_split_and_not_against_equal_shares() -> None:
    uneven = arms((9000, 90), (1000, 10))
    assert check_split(uneven, {"a": 9, "b": 1}).verdict is SplitVerdict.HOLDS
    assert check_split(uneven).verdict is SplitVerdict.BROKEN
    even = arms((5000, 50), (5000, 50))
    assert check_split(even).verdict is SplitVerdict.HOLDS
    check = check_split(even, {"b": 1, "a": 9})
    assert check.verdict is SplitVerdict.BROKEN
    assert check.largest_deviation == pytest.approx(4)
    assert "b got 50.0%" in check.reason
    assert "Do not read this test" in check.reason


def test_the_gate_alarms_as_rarely_as_promised_and_sees_what_it_says_it_sees() -> None:
    random = np.random.default_rng(0)
    weights = {"a": 2.0, "b": 1.0, "c": 1.0}
    total = impressions_to_see(0.05, list(weights.values()), alpha=0.05, power=0.9)
    low = 0.25 * 1.05
    for shares, expected in (((0.5, 0.25, 0.25), 0.05), ((0.5 * (1 - low) / 0.75, low, 0.25 * (1 - low) / 0.75), 0.9)):
        draws = random.multinomial(total, shares, size=400)
        alarms = [
            check_split(arms(*((int(n), 0) for n in draw)), weights, alpha=0.05).verdict is SplitVerdict.BROKEN
            for draw in draws
        ]
        assert np.mean(alarms) == pytest.approx(expected, abs=0.04)


def test_a_small_test_is_not_judged_and_says_what_is_missing() -> None:
    early = check_split(arms((3, 0), (4, 0)))
    assert early.verdict is SplitVerdict.TOO_EARLY
    assert early.further_impressions == impressions_to_see(0.05, [1, 1]) - 7
    assert check_split(arms((0, 0), (0, 0))).verdict is SplitVerdict.TOO_EARLY
    with pytest.raises(ValueError, match="enough impressions"):
        check_splitter([early])


def test_a_faulty_splitter_is_seen_over_its_tests_and_a_single_broken_test_does_not_accuse_it() -> None:
    good, bad = check_split(arms((1000, 9), (1010, 9))), check_split(arms((1000, 9), (1300, 9)))
    assert check_splitter([good] * 20 + [bad]).verdict is SplitVerdict.HOLDS
    assert check_splitter([bad]).p_value == pytest.approx(0.001)
    faulty = check_splitter([good] * 15 + [bad] * 5)
    assert faulty.verdict is SplitVerdict.BROKEN
    assert (faulty.alarms, faulty.tests) == (5, 20)


@pytest.mark.parametrize("intended", [{"a": 1.0}, {"a": 1.0, "c": 1.0}, {"a": 1.0, "b": 0.0}])
def test_an_intended_split_of_other_arms_or_of_nothing_is_refused(intended: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="positive weight"):
        check_split(arms((10, 0), (10, 0)), intended)


def test_impossible_counts_and_names_are_refused() -> None:
    with pytest.raises(ValueError, match="at most once"):
        Arm("a", 10, 11)
    for wrong in ([Arm("a", 1, 0)], [Arm("a", 1, 0), Arm("a", 1, 0)]):
        with pytest.raises(ValueError, match="two or more arms"):
            check_split(wrong)


# --- the planned test


def test_a_planned_test_is_not_read_before_its_end_whatever_it_shows() -> None:
    striking = arms((1000, 10), (1000, 60))
    early = read(striking, planned=5000)
    assert early.verdict is Verdict.TOO_EARLY
    assert early.further_impressions == 4000
    assert "4,000 more" in early.reason
    assert {comparison.verdict for comparison in early.comparisons} == {Verdict.TOO_EARLY}
    assert read(striking, planned=1000).verdict is Verdict.BETTER
    assert read(striking[::-1], planned=1000).verdict is Verdict.WORSE
    with pytest.raises(ValueError, match="needs its size"):
        read(striking, planned=0)


@pytest.mark.parametrize(("size", "control"), [(2, "a"), (5, "a"), (5, None)])
def test_planned_tests_keep_their_level_and_their_power(size: int, control: str | None) -> None:
    """Many arms without a correction would alarm in 18 % and more of tests without a difference."""
    random = np.random.default_rng(size)
    planned = impressions_per_arm(0.03, 0.25, arms=size, has_control=control is not None)
    same = random.binomial(planned, 0.03, size=(600, size))
    rates = np.full(size, 0.03)
    rates[-1] *= 1.25
    better = random.binomial(planned, rates, size=(300, size))
    any_found = [read(arms(*((planned, int(c)) for c in row)), planned, control=control).verdict for row in same]
    assert np.mean([verdict is not Verdict.NO_DIFFERENCE_FOUND for verdict in any_found]) == pytest.approx(
        0.05, abs=0.02
    )
    results = [read(arms(*((planned, int(c)) for c in row)), planned, control=control) for row in better]
    found = [result.comparisons[-1] for result in results]
    assert np.mean([comparison.verdict is Verdict.BETTER for comparison in found]) == pytest.approx(0.8, abs=0.07)
    # With one odd arm among the others together, those others are a mixture: only against a control is the lift 25 %.
    if control:
        assert np.mean([comparison.low <= 0.25 <= comparison.high for comparison in found]) >= 0.94


def test_verdict_and_interval_agree_and_arms_keep_their_names() -> None:
    result = read(arms((9000, 90), (9000, 130), (9000, 95)), planned=9000, control="b")
    assert [comparison.arm for comparison in result.comparisons] == ["a", "c"]
    for comparison in result.comparisons:
        assert (comparison.verdict is Verdict.WORSE) == (comparison.high < 0)
    assert "a against b: -30" in result.reason
    with pytest.raises(ValueError, match="no arm 'z'"):
        read(arms((9, 1), (9, 1)), planned=9, control="z")


def test_the_detectable_lift_is_the_inverse_of_the_size() -> None:
    size = impressions_per_arm(0.02, 0.15, arms=4)
    assert detectable_lift(0.02, size, arms=4) == pytest.approx(0.15, rel=1e-3)
    assert impressions_per_arm(0.02, 0.15, arms=4) > impressions_per_arm(0.02, 0.15)
    assert detectable_lift(0.5, 3) == float("inf")
    for rate, lift in ((0.5, 1.0), (0.0, 0.1), (0.5, 0.0)):
        with pytest.raises(ValueError, match="between 0 and 1"):
            impressions_per_arm(rate, lift)


# --- the always-valid test


def test_twenty_looks_fool_the_planned_test_and_not_the_always_valid_one() -> None:
    clicks = np.random.default_rng(3).binomial(2000, 0.02, size=(4000, LOOKS, 2)).cumsum(1)
    size = 2000 * np.arange(1, LOOKS + 1)[None, :]
    estimate, variance = log_lift(clicks[..., 1], size, clicks[..., 0], size)
    assert 0.2 < (sidak_p(estimate, variance, 1) <= 0.05).any(1).mean() < 0.3
    assert (always_valid_p(estimate, variance) <= 0.05).any(1).mean() <= 0.05


def test_arms_that_are_watched_together_share_one_error() -> None:
    two = arms((9000, 180), (9000, 250))
    alone, together = look(two), look([*two, *(Arm(name, 9000, 180) for name in "cdef")], control="a")
    assert together.comparisons[0].p_value == pytest.approx(5 * alone.comparisons[0].p_value)
    assert together.comparisons[0].low < alone.comparisons[0].low


def test_a_real_lift_is_found_and_until_then_the_missing_traffic_is_told() -> None:
    young = look(arms((400, MIN_CLICKS - 1), (400, 40)))
    assert young.verdict is Verdict.TOO_EARLY
    running = look(arms((10_000, 200), (10_000, 205)), minimum_lift=0.2)
    assert running.verdict is Verdict.NO_DIFFERENCE_FOUND
    grown = 1 + running.further_impressions / 20_000
    size, won = int(10_000 * grown), round(200 * grown)
    promised = look(arms((size, won), (size, round(won * 1.21))), minimum_lift=0.2)
    assert promised.verdict is Verdict.BETTER
    assert promised.comparisons[0].low > 0
    assert look(arms((size, won), (size, round(won * 1.15))), minimum_lift=0.2).verdict is Verdict.NO_DIFFERENCE_FOUND
    with pytest.raises(ValueError, match="above 0"):
        look(arms((400, 20), (400, 40)), minimum_lift=0)


def test_the_confidence_sequence_excludes_zero_exactly_when_the_p_value_says_so() -> None:
    variance = np.geomspace(1e-4, 1, 50)
    edge = half_width(variance, alpha=0.05)
    assert (always_valid_p(edge * 1.0001, variance) <= 0.05).all()
    assert (always_valid_p(edge * 0.9999, variance) > 0.05).all()


# --- the prior and the winner


def test_the_prior_of_made_up_tests_is_found_again() -> None:
    _, clicks = drawn(tests=1500, size=4, impressions=4000, seed=5)
    prior = estimate_prior([arms(*((4000, int(c)) for c in row)) for row in clicks])
    assert prior.rate == pytest.approx(PRIOR.rate, rel=0.1)
    assert prior.spread == pytest.approx(PRIOR.spread, rel=0.1)
    assert prior.weight == pytest.approx(PRIOR.weight, rel=0.3)
    same = np.random.default_rng(6).binomial(4000, 0.02, size=(1500, 4))
    assert estimate_prior([arms(*((4000, int(c)) for c in row)) for row in same]).spread < 0.06
    with pytest.raises(ValueError, match="two or more finished tests"):
        estimate_prior([arms((100, 1), (100, 0))])
    with pytest.raises(ValueError, match="positive weight and spread"):
        Prior(0.02, 100, 0)


def test_the_shrunken_claim_comes_true_and_the_raw_one_does_not() -> None:
    rates, clicks = drawn(tests=300, size=5, impressions=1500, seed=7)
    claims = []
    for true, row in zip(rates, clicks, strict=True):
        winner = shrunken_winner(arms(*((1500, int(c)) for c in row)), PRIOR, seed=0)
        kept = true["abcde".index(winner.arm)] / true.mean() - 1
        claims.append((winner.lift, winner.raw_lift, kept, winner.low <= kept <= winner.high))
    lift, raw, kept, is_inside = np.mean(claims, axis=0)
    assert lift / kept == pytest.approx(1, abs=0.1)
    assert raw / kept > 1.5
    assert is_inside == pytest.approx(0.9, abs=0.05)


def test_a_winner_says_how_sure_it_is() -> None:
    sure = shrunken_winner(arms((9000, 180), (9000, 360)), PRIOR, seed=0)
    assert (sure.arm, sure.is_likely_best) == ("b", True)
    assert 0 < sure.lift < sure.raw_lift
    assert "b showed +33.3%" in sure.reason
    assert not shrunken_winner(arms((100, 2), (100, 3)), PRIOR, seed=0).is_likely_best
    with pytest.raises(ValueError, match="Every arm needs impressions"):
        shrunken_winner(arms((100, 2), (0, 0)), PRIOR, seed=0)


# --- allocation and replay


def test_chances_to_be_best_follow_the_evidence() -> None:
    random = np.random.default_rng(8)
    chance = chance_best(np.array([[50.0, 50.0], [80.0, 20.0]]), np.array([[1e3, 1e3], [1e3, 1e3]]), random, 4000)
    assert chance[0] == pytest.approx([0.5, 0.5], abs=0.03)
    assert chance[1, 0] > 0.99
    assert chance.sum(-1) == pytest.approx(1)


def test_allocators_start_equal_and_end_with_the_best() -> None:
    random = np.random.default_rng(9)
    nothing = np.zeros((300, 3), dtype=np.int64)
    for allocator in (EqualSplit(), Thompson(), Thompson(PRIOR, 0.1), ExploreThenCommit(PRIOR), ClassicalTest()):
        assert allocator.shares(nothing, nothing, 0.0, random).mean(0) == pytest.approx([1 / 3] * 3, abs=0.02)
    impressions, clicks = np.full((1, 3), 5000), np.array([[100, 180, 90]])
    for allocator in (Thompson(), Thompson(PRIOR, 0.1), ExploreThenCommit(PRIOR), ClassicalTest()):
        assert allocator.shares(impressions, clicks, 0.5, random)[0].round(2).tolist() == [0, 1, 0]
    unclear = np.array([[100, 105, 98]])
    assert ClassicalTest().shares(impressions, unclear, 0.5, random)[0] == pytest.approx([1 / 3] * 3)
    early = Thompson(PRIOR, 0.5).shares(impressions, unclear, 0.0, random)[0, 1]
    late = Thompson(PRIOR, 0.5).shares(impressions, unclear, 0.9, random)[0, 1]
    assert early < 0.9 < late


def test_a_replay_serves_no_impression_twice() -> None:
    _, clicks = drawn(tests=50, size=4, impressions=600, seed=10)
    impressions = np.full_like(clicks, 600)
    impressions[:, 0] = 700
    random = np.random.default_rng(11)
    served, won = replay(ExploreThenCommit(), impressions, clicks, (0.2, 1), random)
    assert (served.sum(1) == traffic(impressions)).all()
    assert ((won >= 0) & (won <= clicks) & (impressions - served >= clicks - won)).all()

    class AllToTheFirst:
        def shares(self, impressions: Ints, clicks: Ints, spent: float, random: np.random.Generator) -> Floats:
            return np.tile([1.0, 0, 0, 0], (len(impressions), 1))

    everything: Allocator = AllToTheFirst()
    clicks[:, 0] += 5
    impressions[:, 0] = 600
    _, won = replay(everything, impressions, clicks, (0.3, 0.7, 1), random)
    assert (won[:, 0] == clicks[:, 0]).all()
    with pytest.raises(ValueError, match="rise from above 0 to 1"):
        replay(everything, impressions, clicks, (0.5, 0.4, 1), random)


def test_whole_impressions_add_up() -> None:
    shares = np.random.default_rng(12).dirichlet([1, 1, 1], size=100)
    size = np.arange(100)
    batch = whole(shares, size)
    assert (batch.sum(1) == size).all()
    assert (np.abs(batch - shares * size[:, None]) < 1).all()


def test_learning_allocators_win_clicks_and_patience_wins_more() -> None:
    """Equal split is the yardstick; a prior with reshaping beats plain Thompson on short tests; a late test wins least."""
    rates, clicks = drawn(tests=800, size=4, impressions=2500, seed=13)
    impressions = np.full_like(clicks, 2500)
    batches = tuple((batch + 1) / 10 for batch in range(10))

    def gain(allocator: Allocator, stops: tuple[float, ...]) -> float:
        _, won = replay(allocator, impressions, clicks, stops, np.random.default_rng(14))
        return float(won.sum() / clicks.mean(1).sum() - 1)

    assert gain(EqualSplit(), (1,)) == pytest.approx(0, abs=0.01)
    reshaped, plain = gain(Thompson(PRIOR, 0.12), batches), gain(Thompson(), batches)
    committed, late = gain(ExploreThenCommit(PRIOR), (0.2, 1)), gain(ClassicalTest(), (0.5, 1))
    assert reshaped > plain + 0.01
    assert min(plain, committed) > late + 0.01
    assert late > 0
    assert reshaped < rates.max(1).sum() / rates.mean(1).sum() - 1
