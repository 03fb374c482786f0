"""The anomaly benchmark: its score against cases computed by hand from the published formula, and how a candidate is chosen."""

import math

import pytest

from benchmarks.anomalies import Candidate, Rule, best_alone, best_on_average, choose
from benchmarks.nab import Profile, Scored, normalised, probation, scaled_sigmoid, score

STANDARD = Profile(1.0, 0.11, 1.0)
LOW_FN = Profile(1.0, 0.11, 2.0)
WINDOW = (1000, 1099)
BINS = 4000


def test_the_first_fifteen_percent_do_not_count() -> None:
    assert probation(1000) == 150
    assert probation(5000) == probation(15902) == 750
    assert score([10, 599], [WINDOW], BINS, STANDARD).raw == -1.0
    assert score([600], [WINDOW], BINS, STANDARD).raw == pytest.approx(-1.11)


def test_the_sigmoid_is_the_published_one() -> None:
    assert scaled_sigmoid(-1.0) == pytest.approx(0.98661, abs=1e-5)
    assert scaled_sigmoid(0.0) == 0.0
    assert scaled_sigmoid(1.0) == pytest.approx(-0.98661, abs=1e-5)
    assert scaled_sigmoid(3.01) == -1.0


def test_nothing_gives_0_and_the_windows_beginnings_give_100() -> None:
    windows = [(1000, 1099), (2000, 2199)]
    assert normalised([score([], windows, BINS, STANDARD)], STANDARD) == 0
    assert normalised([score([1000, 2000], windows, BINS, STANDARD)], STANDARD) == pytest.approx(100)
    assert normalised([score([1000, 2000], windows, BINS, LOW_FN)], LOW_FN) == pytest.approx(100)


def test_only_the_first_alert_of_a_window_counts() -> None:
    once = score([1050], [WINDOW], BINS, STANDARD)
    assert score([1050, 1051, 1099], [WINDOW], BINS, STANDARD) == once
    # Half of the window is left: 2 / (1 + e^-2.5) - 1 = 0.84828, of 0.98661 at most.
    assert once.raw == pytest.approx(0.84828 / 0.98661, abs=1e-5)
    assert normalised([once], STANDARD) == pytest.approx((0.85979 + 1) / 2 * 100, abs=1e-2)


def test_the_last_bin_of_a_window_earns_almost_nothing() -> None:
    assert score([1099], [WINDOW], BINS, STANDARD).raw == pytest.approx(
        (2 / (1 + math.exp(-0.05)) - 1) / 0.98661, abs=1e-5
    )


def test_a_false_alert_costs_less_just_behind_a_window() -> None:
    found = score([1000], [WINDOW], BINS, STANDARD).raw
    before = score([900, 1000], [WINDOW], BINS, STANDARD)
    assert before.raw - found == pytest.approx(-0.11)
    assert before.false_alerts == 1
    # 11 bins behind a window of 100: position 11 / 99, 2 / (1 + e^0.5556) - 1 = -0.27084.
    behind = score([1000, 1110], [WINDOW], BINS, STANDARD).raw
    assert behind - found == pytest.approx(-0.11 * 0.27084, abs=1e-5)
    far = score([1000, 3000], [WINDOW], BINS, STANDARD).raw
    assert far - found == pytest.approx(-0.11)


def test_a_missed_window_costs_what_the_profile_says() -> None:
    windows = [(1000, 1099), (2000, 2099)]
    assert score([1000], windows, BINS, STANDARD).raw == pytest.approx(0.0)
    assert normalised([score([1000], windows, BINS, STANDARD)], STANDARD) == pytest.approx(50)
    assert score([1000], windows, BINS, LOW_FN).raw == pytest.approx(-1.0)
    assert normalised([score([1000], windows, BINS, LOW_FN)], LOW_FN) == pytest.approx(50)


def candidate(method: str, parameters: tuple[str, ...]) -> Candidate:
    return Candidate(method, parameters, {})


def raw(value: float) -> Scored:
    return Scored(value, 1, {}, 0)


@pytest.mark.parametrize("rule", [best_on_average, best_alone])
def test_a_choice_reads_no_score_of_the_series_that_is_left_out(rule: Rule) -> None:
    """The table holds only the others: reading another one's score would fail."""
    candidates = [candidate("one", ("low",)), candidate("one", ("high",)), candidate("two", ("low",))]
    table = {(place, name): raw(value) for place, value in enumerate((0.1, 0.9, 0.5)) for name in ("a", "b", "c")}
    assert choose(candidates, table, ["a", "b", "c"], STANDARD, rule) == 1


def test_the_method_is_the_one_whose_choice_holds_on_series_that_it_was_not_chosen_on() -> None:
    """The first method's two candidates each shine on some series, so that what looks best on two fails on the third."""
    candidates = [candidate("fickle", ("p",)), candidate("fickle", ("q",)), candidate("steady", ("p",))]
    scores = {"a": (1.0, -1.0, 0.2), "b": (-1.0, 1.0, 0.2), "c": (0.9, 0.9, 0.2)}
    table = {(place, name): raw(values[place]) for name, values in scores.items() for place in range(3)}
    assert choose(candidates, table, ["a", "b", "c"], STANDARD, best_alone) == 2


def test_a_lucky_candidate_does_not_outweigh_the_average_of_a_parameter() -> None:
    scores = {("low", "x"): 0.9, ("low", "y"): -0.5, ("high", "x"): 0.6, ("high", "y"): 0.5}
    places = {values: place for place, values in enumerate(scores)}
    table = {(place, "a"): raw(score) for place, score in enumerate(scores.values())}
    assert best_alone(places, table, ["a"], STANDARD) == places["low", "x"]
    assert best_on_average(places, table, ["a"], STANDARD) == places["high", "x"]
