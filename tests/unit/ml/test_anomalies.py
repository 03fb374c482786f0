"""Bands of the usual: planted faults are found, each as what it is; what is normal is not, on made-up days and on real posts."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.anomalies import (
    HISTORY_DAYS,
    LAWS,
    LAWS_OF_ROWS,
    MIN_BURST_UNITS,
    MIN_DAYS,
    MIN_UNITS,
    UNITS_SCHEMA,
    Finding,
    Measure,
    Rhythm,
    band,
    findings,
)
from sandbox.world.model import DAY_MS, to_datetime, to_ms
from sandbox.world.seeded import SeededWorld

ON = date(2026, 5, 29)
NETWORKS = ("instagram", "bluesky")
METRICS = ("likes", "views")
Fault = Callable[[pl.DataFrame], pl.DataFrame]


def history(*, accounts: int = 20, days: int = HISTORY_DAYS, seed: int = 7) -> pl.DataFrame:
    """Two networks, `accounts` each, with a value of every metric a day: log-normal, quieter on weekends, a tenth of them zero."""
    rng = np.random.default_rng(seed)
    rows = []
    for network in NETWORKS:
        for account in range(accounts):
            size = rng.normal(4, 1)
            for metric in METRICS:
                for back in range(days, -1, -1):
                    day = ON - timedelta(days=back)
                    value = np.floor(np.exp(rng.normal(size - 0.5 * (day.weekday() > 4), 0.7)))
                    value = 0.0 if rng.random() < 0.1 else float(value)
                    name = f"{network}:{account}"
                    rows.append((network, metric, name, name, day, value))
    return pl.DataFrame(rows, schema=UNITS_SCHEMA, orient="row")


def events(*, per_day: float = 60, weekend: float = 0.5, days: int = HISTORY_DAYS, seed: int = 7) -> pl.DataFrame:
    """Posts of 20 accounts of one network: Poisson, fewer on weekends."""
    rng = np.random.default_rng(seed)
    rows = []
    for back in range(days, -1, -1):
        day = ON - timedelta(days=back)
        for number in range(rng.poisson(per_day * (weekend if day.weekday() > 4 else 1))):
            rows.append(("instagram", None, f"instagram:{number % 20}", f"{day}-{number}", day, None))
    return pl.DataFrame(rows, schema=UNITS_SCHEMA, orient="row")


TODAY = pl.col("day") == ON
OF_INSTAGRAM = TODAY & (pl.col("network") == "instagram")
LIKES = OF_INSTAGRAM & (pl.col("metric") == "likes")


def values(where: pl.Expr, value: pl.Expr) -> Fault:
    return lambda units: units.with_columns(value=pl.when(where).then(value).otherwise("value").cast(pl.Float64))


def without(where: pl.Expr) -> Fault:
    return lambda units: units.filter(~where)


def yesterday_again(units: pl.DataFrame) -> pl.DataFrame:
    """One network serves the day before's figures once more."""
    before = units.filter(pl.col("day") == ON - timedelta(days=1), pl.col("network") == "instagram")
    return pl.concat([units.filter(~OF_INSTAGRAM), before.with_columns(day=pl.lit(ON))])


FAULTS: dict[str, tuple[Fault, set[tuple[str, Measure]]]] = {
    "a metric is retired": (without(LIKES), {("likes", Measure.ROWS)}),
    "half of the accounts are missing": (
        without(OF_INSTAGRAM & pl.col("account_id").str.extract(r"(\d+)$").cast(pl.Int64).is_between(0, 9)),
        {("likes", Measure.ROWS), ("views", Measure.ROWS)},
    ),
    "a network is silent": (without(OF_INSTAGRAM), {("likes", Measure.ROWS), ("views", Measure.ROWS)}),
    "only zeros": (
        values(OF_INSTAGRAM, pl.lit(0.0)),
        {("likes", Measure.ZEROS), ("views", Measure.ZEROS)},
    ),
    "values are hidden": (values(LIKES, pl.lit(None)), {("likes", Measure.UNKNOWN)}),
    "values x 1000": (values(LIKES, pl.col("value") * 1000), {("likes", Measure.LEVEL)}),
    "values / 1000": (
        values(LIKES, (pl.col("value") / 1000).round(3)),
        {("likes", Measure.LEVEL)},
    ),
    "yesterday again": (yesterday_again, {("likes", Measure.REPEATS), ("views", Measure.REPEATS)}),
}


def found(units: pl.DataFrame, rhythm: Rhythm = Rhythm.STEADY, *, on: date = ON) -> list[Finding]:
    return findings(units, on=on, rhythm=rhythm, has_values_of_days=rhythm is Rhythm.STEADY)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_as_what_it_is_and_nothing_else_is(fault: str) -> None:
    plant, expected = FAULTS[fault]
    units = history()
    assert found(units) == []
    told = found(plant(units))
    assert {(f.metric, f.measure) for f in told} == expected
    assert {f.network for f in told} == {"instagram"}
    for finding in told:
        assert not finding.band.holds(finding.value)
        assert finding.day == ON
        first = HISTORY_DAYS - (finding.measure is Measure.REPEATS)  # the first day has none before it
        assert [day for day, _ in finding.past] == [ON - timedelta(days=n) for n in range(first, 0, -1)]


def test_rows_that_stand_twice_are_far_more_rows() -> None:
    units = events()
    again = units.filter(TODAY).with_columns(unit_id=pl.col("unit_id") + "-again")
    (finding,) = found(pl.concat([units, again]), Rhythm.EVENTS)
    assert (finding.measure, finding.is_low) == (Measure.ROWS, False)
    assert found(units, Rhythm.EVENTS) == []
    assert found(pl.concat([units, again]), Rhythm.BURSTS) == [], "a crowd below a hit is no fault"


def test_half_of_the_accounts_that_post_nothing_is_seen() -> None:
    units = events(per_day=200)
    is_half = pl.col("account_id").str.extract(r"(\d+)$").cast(pl.Int64) < 10
    (finding,) = found(units.filter(~(TODAY & is_half)), Rhythm.EVENTS)
    assert (finding.measure, finding.is_low) == (Measure.ROWS, True)


def test_a_quiet_weekend_is_usual_and_a_busy_one_is_not() -> None:
    units = events(per_day=200, weekend=0.4)
    saturday = date(2026, 5, 23)
    quiet = units.filter(pl.col("day") <= saturday)
    assert found(quiet, Rhythm.EVENTS, on=saturday) == []
    friday = units.filter(pl.col("day") == saturday - timedelta(days=1)).with_columns(day=pl.lit(saturday))
    (finding,) = found(pl.concat([quiet.filter(pl.col("day") < saturday), friday]), Rhythm.EVENTS, on=saturday)
    assert not finding.is_low


def test_nothing_is_judged_before_there_are_days_enough() -> None:
    plant, _ = FAULTS["only zeros"]
    assert found(plant(history(days=MIN_DAYS))) != []
    assert found(plant(history(days=MIN_DAYS - 1))) == []


def test_small_numbers_raise_no_alarm() -> None:
    for fault, (plant, _) in FAULTS.items():
        assert found(plant(history(accounts=MIN_UNITS - 1))) == [], fault
    rare = events(per_day=MIN_UNITS - 4, weekend=1)
    assert found(rare.filter(~TODAY), Rhythm.EVENTS) == []
    rare = events(per_day=MIN_BURST_UNITS - 8, weekend=1)
    assert found(rare.filter(~TODAY), Rhythm.BURSTS) == []
    assert found(rare.filter(~TODAY), Rhythm.EVENTS) != []


def test_new_accounts_are_no_growth() -> None:
    units = history()
    newcomers = [
        units.filter(pl.col("day") > ON - timedelta(days=3)).with_columns(pl.col("account_id", "unit_id") + f"-new{n}")
        for n in range(3)
    ]
    assert found(pl.concat([units, *newcomers])) == []


def test_a_day_on_which_nothing_at_all_was_read_is_no_finding_and_no_history() -> None:
    units = history()
    assert found(units.filter(~TODAY)) == []
    gaps = [ON - timedelta(days=n) for n in (3, 4, 5, 11)]
    told = found(FAULTS["a metric is retired"][0](units.filter(~pl.col("day").is_in(gaps))))
    assert {(f.metric, f.measure) for f in told} == {("likes", Measure.ROWS)}
    assert len(told[0].past) == HISTORY_DAYS - len(gaps)


def test_one_bad_day_in_the_past_changes_nothing() -> None:
    units = history()
    spoilt = values(pl.col("day") == ON - timedelta(days=7), pl.col("value") * 1000)(units)
    assert found(spoilt) == []
    assert {f.measure for f in found(FAULTS["values x 1000"][0](spoilt))} == {Measure.LEVEL}


# --- the seeded world ------------------------------------------------------------------------------------------------------


def days_of_the_world(*, seed: int, crowd: int, days: int) -> dict[str, tuple[Rhythm, pl.DataFrame]]:
    """The last days before the world starts, when its brands post by themselves, as a reading every morning would have seen them."""
    start = datetime(2026, 5, 30, 6, tzinfo=UTC)
    world = SeededWorld(seed, to_ms(start), crowd_size=crowd)
    mornings = [world.start_ms - back * DAY_MS for back in range(days, -1, -1)]
    posts, comments, messages, counts, followers = [], [], [], [], []
    for account in world.accounts:
        if account.is_competitor:
            continue
        of, own = (account.network, None, account.native_id), world.posts(account, world.start_ms)
        for post in own:
            posts.append((*of, post.native_id, to_datetime(post.created_ms).date(), None))
            for comment in world.comments(post, world.start_ms):
                comments.append((*of, comment.native_id, to_datetime(comment.created_ms).date(), None))
        for message in world.direct_messages(account, world.start_ms):
            messages.append((*of, message.native_id, to_datetime(message.created_ms).date(), None))
        for now in mornings:
            day = to_datetime(now).date()
            followers.append((of[0], "followers", of[2], of[2], day, world.followers(account, now)))
            for post in own:
                if now - 14 * DAY_MS <= post.created_ms <= now:
                    for metric, value in world.counts(post, now).items():
                        counts.append((of[0], metric, of[2], post.native_id, day, value))

    def frame(rows: list[tuple]) -> pl.DataFrame:
        return pl.DataFrame(rows, schema=UNITS_SCHEMA, orient="row", strict=False)

    return {
        "posts": (Rhythm.EVENTS, frame(posts)),
        "comments": (Rhythm.BURSTS, frame(comments)),
        "messages": (Rhythm.BURSTS, frame(messages)),
        "post_metrics": (Rhythm.STEADY, frame(counts)),
        "accounts": (Rhythm.STEADY, frame(followers)),
    }


@pytest.mark.slow
def test_on_the_days_of_a_seeded_world_nothing_is_named() -> None:
    tables = days_of_the_world(seed=8, crowd=180, days=HISTORY_DAYS + 20)
    judged, told = 0, []
    for back in range(1, 20):
        day = date(2026, 5, 30) - timedelta(days=back)
        for rhythm, units in tables.values():
            judged += 1
            told += findings(until(units, day), on=day, rhythm=rhythm)
    assert judged == 95
    assert told == []


# --- the band itself -------------------------------------------------------------------------------------------------------


PAST = st.lists(st.floats(0, 1e6), min_size=MIN_DAYS, max_size=HISTORY_DAYS)
ALL_LAWS = [*LAWS_OF_ROWS.values(), *LAWS.values()]


@given(past=PAST, law=st.sampled_from(ALL_LAWS), units=st.integers(MIN_UNITS, 10_000))
def test_the_usual_lies_inside_its_band_and_far_outside_of_it_is_never_usual(past, law, units) -> None:
    is_share = law is LAWS[Measure.ZEROS]
    shares = [value / 1e6 for value in past] if is_share else past
    days = [(ON - timedelta(days=len(past) - n), value) for n, value in enumerate(shares)]
    usual = band(days, on=ON, units=units, law=law)
    assert usual is not None
    assert usual.holds(usual.expected)
    assert min(shares) - 1e-6 <= usual.expected <= max(shares) * (1 + 1e-9) + 1e-6
    if usual.high is not None:
        assert not usual.holds(usual.high * 1.01 + 0.01)
    if usual.low is not None:
        assert not usual.holds(usual.low - abs(usual.low) * 0.01 - 0.01)


@given(past=PAST, outlier=st.floats(0, 1e9), where=st.integers(0, MIN_DAYS - 1))
def test_one_outlier_moves_the_centre_no_further_than_to_a_neighbour(past, outlier, where) -> None:
    law = LAWS[Measure.LEVEL]
    days = [(ON - timedelta(days=len(past) - n), value) for n, value in enumerate(past)]
    spoilt = [(day, outlier if n == where else value) for n, (day, value) in enumerate(days)]
    others = sorted(value for n, (_, value) in enumerate(days) if n != where)
    usual = band(spoilt, on=ON, units=50, law=law)
    assert usual is not None
    assert others[0] - 1e-6 <= usual.expected <= others[-1] * (1 + 1e-9) + 1e-6


# --- real posts ------------------------------------------------------------------------------------------------------------


def real_units(posts: pl.DataFrame, network: str, metrics: tuple[str, ...]) -> pl.DataFrame:
    """Posts by their day, with each of their counts. `posts`: account_id, day, the metrics."""
    posts = posts.with_row_index("unit_id").with_columns(pl.col("unit_id").cast(pl.String), network=pl.lit(network))
    counts = [posts.with_columns(metric=pl.lit(m), value=pl.col(m).cast(pl.Float64)) for m in metrics]
    return pl.concat(counts).select(list(UNITS_SCHEMA)).sort("day")


def until(units: pl.DataFrame, day: date) -> pl.DataFrame:
    """The days that `day` is judged by."""
    return units.filter(pl.col("day").is_between(day - timedelta(days=HISTORY_DAYS), day))


def alarms(units: pl.DataFrame) -> tuple[int, set[date]]:
    """Days judged, and those with a finding."""
    days = units["day"].unique().sort().to_list()[MIN_DAYS:]
    return len(days), {day for day in days if findings(until(units, day), on=day, rhythm=Rhythm.EVENTS)}


@pytest.fixture(scope="module")
def brazilian_posts(reference_data: Path) -> pl.DataFrame:
    posts = pl.read_parquet(reference_data / "instagram_br_state_gov" / "instagram_br_state_gov.parquet")
    posts = posts.filter(pl.col("likes") >= 0, pl.col("comments") >= 0)
    posts = posts.select("likes", "comments", account_id="profile_id", day=pl.col("published_at").dt.date())
    return real_units(posts, "instagram", ("likes", "comments"))


@pytest.fixture(scope="module")
def facebook_pages(reference_data: Path) -> pl.DataFrame:
    posts = pl.read_parquet(reference_data / "facebook_pages_2016" / "facebook_pages_2016.parquet")
    counts = {"likes": "num_reactions", "comments": "num_comments", "shares": "num_shares"}
    posts = posts.select(account_id="page_id", day=pl.col("published_at_utc").dt.date(), **counts)
    return real_units(posts, "facebook", tuple(counts))


@pytest.mark.reference_data
@pytest.mark.slow
def test_on_four_years_of_real_posts_only_days_that_were_out_of_the_ordinary_are_named(brazilian_posts) -> None:
    """Not one alarm is a fault of the data, and each day has a name. Ten of the nineteen are one law's."""
    judged, named = alarms(brazilian_posts.filter(pl.col("metric") == "likes"))
    known = {
        date(2021, 9, 7): "Independence Day",
        date(2021, 10, 4): "Instagram itself was down for six hours",
        date(2022, 3, 1): "Carnival",
        date(2022, 4, 15): "Good Friday",
        **{date(2022, 7, day): "before elections governments must not advertise" for day in (*range(2, 11), 22)},
        date(2023, 1, 1): "new governors take office",
        date(2023, 1, 3): "new governors take office",
        date(2023, 2, 19): "Carnival",
        date(2023, 12, 25): "Christmas",
        date(2024, 3, 29): "Good Friday",
    }
    assert judged > 1200
    assert named == set(known)


@pytest.mark.reference_data
@pytest.mark.slow
def test_on_three_months_of_real_pages_nothing_is_named(facebook_pages) -> None:
    judged, named = alarms(facebook_pages)
    assert judged >= 70
    assert named == set()


@pytest.mark.reference_data
@pytest.mark.slow
@pytest.mark.parametrize("data", ["brazilian_posts", "facebook_pages"])
def test_faults_planted_into_real_days_are_found(data: str, request: pytest.FixtureRequest) -> None:
    """On thirty days each. A half of the accounts has half of the posts only on average, so that not every day shows it."""
    units = request.getfixturevalue(data)
    counted = units.group_by("day").agg(pl.len()).filter(pl.col("len") > 100)["day"].sort()
    days = counted.gather_every((len(counted) - HISTORY_DAYS) // 30, HISTORY_DAYS).to_list()[:30]
    caught: Counter[str] = Counter()
    for day in days:
        window, is_day = until(units, day), pl.col("day") == day
        half = window["account_id"].unique().sort().gather_every(2).to_list()
        for fault, planted in {
            "retired": window.filter(~(is_day & (pl.col("metric") == "likes"))),
            "zeros": values(is_day, pl.lit(0.0))(window),
            "x1000": values(is_day, pl.col("value") * 1000)(window),
            "half": window.filter(~(is_day & pl.col("account_id").is_in(half))),
            "twice": pl.concat([window, window.filter(is_day).with_columns(unit_id=pl.col("unit_id") + "-again")]),
        }.items():
            caught[fault] += bool(findings(planted, on=day, rhythm=Rhythm.EVENTS))
    assert len(days) == 30
    assert caught["retired"] == caught["zeros"] == caught["x1000"] == 30, caught
    assert caught["half"] >= 15, caught
    assert caught["twice"] >= 20, caught
