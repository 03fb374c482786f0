"""Forecasts of series: what they may not do whatever the numbers are, and what they find where something was planted."""

import json
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.forecasts import simple, smoothing, yearly
from ml.forecasts.accounts import SCHEMA, forecast_accounts, reviews_of, series_of
from ml.forecasts.backtest import DEAR, Backtest, backtest, origins_of, pool
from ml.forecasts.choice import choose
from ml.forecasts.interval import margins
from ml.forecasts.outlook import outlook, too_short
from ml.forecasts.review import LONGEST_DAYS, SHORTEST_DAYS, Review, refresh
from ml.forecasts.series import Floats, Ints, Kind, Series, SeriesError

MONDAY = date(2026, 1, 5)
counts = st.lists(st.one_of(st.none(), st.integers(0, 10**7)), min_size=30, max_size=110)


def series(values: Floats | list[float], kind: Kind = Kind.FLOW, season: int = 7) -> Series:
    return Series(np.asarray(values, dtype=np.float64), kind, season)


def weekly(days: int, *, level: float = 60, seed: int = 0) -> Floats:
    """Poisson counts with a season by day of the week."""
    rates = level * (1 + 0.6 * np.sin(2 * np.pi * np.arange(days) / 7))
    return np.random.default_rng(seed).poisson(rates).astype(np.float64)


def growing(days: int, *, a_day: float = 5, seed: int = 0) -> Floats:
    return np.round(1000 + np.cumsum(np.random.default_rng(seed).normal(a_day, 2, days)))


@pytest.mark.parametrize("kind", Kind)
@settings(max_examples=25, deadline=None)
@given(values=counts)
def test_whatever_comes_the_interval_holds_the_median_and_nothing_is_below_zero(
    kind: Kind, values: list[int | None]
) -> None:
    values[0] = values[-1] = 3
    found = outlook(series([np.nan if v is None else v for v in values], kind), 40)
    if found is None:
        return
    for path in filter(None, (found.steps, found.totals)):
        assert (path.lower >= 0).all()
        assert (path.lower <= path.median).all()
        assert (path.median <= path.upper).all()
        assert np.isfinite(path.upper).all()
    assert found.totals is None or (np.diff(found.totals.median) >= 0).all()


@pytest.mark.parametrize("days", [40, 150])
def test_another_unit_is_another_unit_of_the_forecast_and_nothing_else(days: int) -> None:
    for kind, values in ((Kind.FLOW, weekly(days)), (Kind.LEVEL, growing(days))):
        one, other = (outlook(series(values * unit, kind), 28) for unit in (1.0, 1000.0))
        assert one is not None
        assert other is not None
        assert one.steps.choice.methods == other.steps.choice.methods
        for name in ("median", "lower", "upper"):
            np.testing.assert_allclose(
                getattr(other.steps, name), 1000 * getattr(one.steps, name), rtol=1e-4, err_msg=name
            )


def test_more_followers_from_the_beginning_on_are_as_many_more_in_the_forecast() -> None:
    low, high = (outlook(series(growing(100) + more, Kind.LEVEL), 28) for more in (0, 50_000))
    assert low is not None
    assert high is not None
    assert low.steps.choice.methods == high.steps.choice.methods
    for name in ("median", "lower", "upper"):
        np.testing.assert_allclose(getattr(high.steps, name), getattr(low.steps, name) + 50_000)


@pytest.mark.parametrize(("kind", "values"), [(Kind.FLOW, weekly(170)), (Kind.LEVEL, growing(170))])
def test_what_is_said_at_an_origin_does_not_know_what_comes_after_it(kind: Kind, values: Floats) -> None:
    past = series(values, kind)
    methods = pool(past)
    assert {"ets", "theta"} <= set(methods), "long enough for all but Prophet"
    origins = origins_of(past)
    known = int(origins[3])
    changed = values.copy()
    changed[known:] = values[known:][::-1] * 7 + 13
    before, after = (backtest(series(v, kind), 28, methods) for v in (values, changed))
    for name in methods:
        np.testing.assert_array_equal(before.said[name][:4], after.said[name][:4], err_msg=name)


def test_gaps_are_bridged_from_what_came_before() -> None:
    gap = [1.0, 2, 3, 4, 5, 6, 7, 8, np.nan, np.nan, 11]
    np.testing.assert_array_equal(series(gap, Kind.LEVEL).filled[7:], [8, 8, 8, 11])
    np.testing.assert_array_equal(series(gap, Kind.FLOW).filled[7:], [8, 2, 3, 11])
    holes = weekly(100)
    holes[40:50] = np.nan
    past = backtest(series(holes), 28, {"naive": simple.naive})
    assert (
        np.isnan(past.actual).sum() > np.isnan(backtest(series(weekly(100)), 28, {"naive": simple.naive}).actual).sum()
    )


def test_the_fitted_methods_say_at_the_end_what_their_library_says() -> None:
    from statsmodels.tsa.forecasting.theta import ThetaModel
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    flow, level = series(weekly(150)), series(growing(150), Kind.LEVEL)
    for past, shape in (
        (flow, {"seasonal": "add", "seasonal_periods": 7}),
        (level, {"trend": "add", "damped_trend": True}),
    ):
        scale = past.filled.mean()
        fit = ExponentialSmoothing(past.filled / scale, initialization_method="heuristic", **shape).fit(use_brute=False)
        ours = smoothing.exponential_smoothing(past, np.array([150]), 20)[0]
        # Every seventh day the library itself still uses the season before the last one.
        same = np.arange(1, 21) % 7 != 0 if past is flow else np.full(20, True)
        np.testing.assert_allclose(ours[same], (np.asarray(fit.forecast(20)) * scale)[same])
    theirs = np.asarray(ThetaModel(level.filled, period=7, deseasonalize=False).fit().forecast(20))
    np.testing.assert_allclose(smoothing.theta(level, np.array([150]), 20)[0], theirs)


@pytest.mark.parametrize("days", range(126, 133))
def test_however_long_a_series_is_the_fitted_methods_have_enough_before_its_first_origin(days: int) -> None:
    for kind, values in ((Kind.FLOW, weekly(days)), (Kind.LEVEL, growing(days))):
        found = outlook(series(values, kind), 28)
        assert found is not None
        assert {"ets", "theta"} <= set(pool(series(values, kind)))


def test_a_jump_a_stop_and_zeros_are_survived() -> None:
    jumped = growing(120)
    jumped[100:] += 4000
    after = outlook(series(jumped, Kind.LEVEL), 28)
    assert after is not None
    assert after.steps.lower[-1] <= jumped[-1] + 5 * 28 <= after.steps.upper[-1]
    for values in (np.zeros(90), np.full(90, 12.0)):
        for kind in Kind:
            still = outlook(series(values, kind), 28)
            assert still is not None
            np.testing.assert_array_equal(still.steps.median, values[0])
            np.testing.assert_array_equal(still.steps.upper, values[0])


def test_of_too_few_days_nothing_is_said_and_of_few_little() -> None:
    assert too_short(series(weekly(20)))
    assert outlook(series(weekly(20)), 28) is None
    few, many = (outlook(series(weekly(days, seed=3)), 28) for days in (22, 160))
    assert few is not None
    assert many is not None
    assert few.totals is not None
    assert many.totals is not None
    relative = [(path.upper - path.lower)[-1] / path.median[-1] for path in (few.totals, many.totals)]
    assert relative[0] > relative[1]


def test_intervals_widen_and_hold_what_comes_about_as_often_as_they_say() -> None:
    inside, totals_inside = [], []
    for seed in range(60):
        values = weekly(148, seed=seed)
        found = outlook(series(values[:120]), 28)
        assert found is not None
        assert found.totals is not None
        came = values[120:]
        inside.append(np.mean((found.steps.lower <= came) & (came <= found.steps.upper)))
        totals_inside.append(found.totals.lower[-1] <= came.sum() <= found.totals.upper[-1])
        assert (np.diff(found.totals.upper - found.totals.lower) >= -1e-6).all()
    assert 0.74 <= np.mean(inside) <= 0.92
    assert np.mean(totals_inside) >= 0.7


def a_backtest(said: dict[str, float], came: Floats) -> Backtest:
    """Constant sayings at as many origins as `came` has rows."""
    shape = came.shape
    return Backtest(
        np.arange(shape[0], dtype=np.int64) * 7 + 14,
        {name: np.full(shape, value) for name, value in said.items()},
        came,
        {name: np.full(shape[1], value) for name, value in said.items()},
    )


def test_one_method_stands_alone_only_when_it_is_better_by_more_than_luck() -> None:
    came = np.random.default_rng(1).normal(100, 1, (12, 7))
    clear = choose(a_backtest({"good": 100.0, "bad": 150.0, "worse": 180.0}, came), Kind.FLOW, horizon=7)
    assert clear.methods == ("good",)
    assert clear.errors["bad"] == pytest.approx(50, abs=1)
    close = choose(a_backtest({"a": 100.3, "b": 99.8, "c": 100.1, "far": 180.0}, came), Kind.FLOW, horizon=7)
    assert set(close.methods) == {"a", "b", "c"}
    first_two = choose(a_backtest({"mean_4": 1.0, "mean_8": 2.0, "best": 100.0}, came[:2]), Kind.FLOW, horizon=7)
    assert first_two.methods == ("mean_4", "mean_8"), "two origins choose nothing"
    np.testing.assert_array_equal(first_two.of({"mean_4": np.ones(3), "mean_8": np.full(3, 2.0)}), [1.5, 1.5, 1.5])


def test_margins_are_those_of_the_errors_wider_where_they_are_few_and_grow_where_none_was_seen() -> None:
    rng = np.random.default_rng(2)
    came = rng.normal(0, 10, (200, 28))
    said = np.zeros_like(came)
    many, few = (margins(said[:n], a_backtest({"zero": 0.0}, came[:n]), growth=1.0, of_totals=False) for n in (200, 6))
    assert many is not None
    assert few is not None
    assert many.above[0] == pytest.approx(12.8, rel=0.15)
    assert few.above[-1] > many.above[-1]
    came[:, 14:] = np.nan
    half = margins(said, a_backtest({"zero": 0.0}, came), growth=1.0, of_totals=False)
    assert half is not None
    assert half.above[27] == pytest.approx(2 * half.above[13])
    assert margins(said, a_backtest({"zero": 0.0}, np.full_like(came, np.nan)), growth=1.0, of_totals=False) is None


def test_totals_that_are_missed_again_and_again_count_for_less() -> None:
    """The same errors in another order: of errors that follow each other fewer are independent, so the margins of totals are wider."""
    rng = np.random.default_rng(4)
    errors = np.sort(rng.normal(0, 10, 40))
    together, apart = (np.repeat(e[:, None], 5, axis=1) for e in (errors, rng.permutation(errors)))
    said = np.zeros_like(apart)

    def width(came: Floats, *, of_totals: bool) -> float:
        found = margins(said, a_backtest({"zero": 0.0}, came), growth=1.0, of_totals=of_totals)
        assert found is not None
        return float((found.below + found.above)[0])

    assert width(together, of_totals=True) > 1.2 * width(apart, of_totals=True)
    assert width(together, of_totals=False) == pytest.approx(width(apart, of_totals=False))


def test_the_interval_of_totals_holds_what_comes_where_errors_follow_each_other() -> None:
    inside = []
    for seed in range(80):
        rng, level = np.random.default_rng(seed), np.zeros(348)
        for hour in range(1, 348):
            level[hour] = 0.95 * level[hour - 1] + 0.31 * rng.normal()
        values = rng.poisson(60 * np.exp(0.4 * level)).astype(np.float64)
        found = outlook(series(values[:300], season=24), 48, kept={})
        assert found is not None
        assert found.totals is not None
        inside.append(found.totals.lower[-1] <= values[300:].sum() <= found.totals.upper[-1])
    assert 0.72 <= np.mean(inside) <= 0.92


# --- refreshes and reviews -------------------------------------------------------------------------------------------------


def long(days: int = 400, *, shift: float = 1.0) -> Series:
    """Counts with a season whose last four weeks are `shift` times as large."""
    values = weekly(days, seed=9)
    values[372:] *= shift
    return series(values)


def a_review(past: Series, day: date = MONDAY) -> Review:
    found = refresh(past, 28, name="a", today=day, review=None)
    assert found is not None
    assert found.is_reviewed
    assert found.review is not None
    return found.review


def test_between_reviews_only_what_was_chosen_of_the_dear_methods_is_asked_with_the_weights_of_then() -> None:
    past = long()
    review = a_review(series(past.values[:390]))
    assert DEAR & set(review.errors) == {"ets", "theta"}
    kept = replace(review, kept={"theta": {"alpha": 0.2}})
    found = refresh(past, 28, name="a", today=MONDAY + timedelta(days=10), review=kept)
    assert found is not None
    assert not found.is_reviewed
    assert found.review == kept, "it is carried on from day to day"
    assert set(found.outlook.ahead) == set(pool(past)) - {"ets"}
    theirs = smoothing.theta.carry(past, {"alpha": 0.2}, np.append(origins_of(past), len(past)), 28)[-1]
    np.testing.assert_array_equal(found.outlook.ahead["theta"], theirs)
    # Of what is asked nothing differs from a day on which all is asked, and the day's choice is the day's.
    all_asked = outlook(past, 28)
    assert all_asked is not None
    for name in set(pool(past)) - DEAR:
        np.testing.assert_array_equal(found.outlook.ahead[name], all_asked.ahead[name])
        assert found.outlook.steps.choice.errors[name] == all_asked.steps.choice.errors[name]


def test_with_all_dear_methods_kept_a_refresh_says_what_a_review_says() -> None:
    past = long()
    methods = {"ets": smoothing.exponential_smoothing, "theta": smoothing.theta}
    kept = {name: method.learn(past, origins_of(past), None) for name, method in methods.items()}
    one, other = outlook(past, 28), outlook(past, 28, kept=kept)
    assert one is not None
    assert other is not None
    np.testing.assert_array_equal(one.steps.upper, other.steps.upper)
    assert one.weights == other.weights == kept


def test_all_methods_are_asked_again_after_some_weeks_of_another_pool_and_after_drift() -> None:
    past, review = long(), a_review(long())

    def is_reviewed(past: Series, days: int, review: Review, name: str = "a") -> bool:
        found = refresh(past, 28, name=name, today=MONDAY + timedelta(days=days), review=review)
        assert found is not None
        return found.is_reviewed

    assert not is_reviewed(past, SHORTEST_DAYS - 1, review)
    assert is_reviewed(past, LONGEST_DAYS, review)
    days = {next(n for n in range(99) if is_reviewed(past, n, review, name)) for name in ("a", "b", "c", "d")}
    assert len(days) > 1, "series that began together do not stay together"
    assert is_reviewed(past, -1, review), "a review of tomorrow is none"
    assert is_reviewed(past, 1, replace(review, version=review.version - 1))
    assert is_reviewed(past, 1, replace(review, errors={"naive": 1.0})), "a method came into the pool"
    assert is_reviewed(long(shift=3), 1, review), "what is off by a quarter more than it was has drifted"


def years(days: int = 800, *, after: int | None = None) -> Series:
    """Counts with a week and a year in them; from step `after` on they are others."""
    season = 1 + 0.5 * np.sin(2 * np.pi * np.arange(days) / 365.25)
    values = np.round(weekly(days, seed=2) * season)
    if after is not None:
        values[after:] = values[after:][::-1] * 5 + 40
    return Series(values, Kind.FLOW, first_day=MONDAY - timedelta(days=900))


def test_prophet_says_what_its_library_says_and_knows_nothing_of_what_comes() -> None:
    import pandas as pd
    from prophet import Prophet

    past, origins = years(), np.array([700, 735, 770, 800])
    said = yearly.prophet(past, origins, 28)
    days = pd.date_range(past.first_day, periods=900)
    model = Prophet(yearly_seasonality=True, weekly_seasonality=True, uncertainty_samples=0)
    model.fit(pd.DataFrame({"ds": days[:800], "y": past.values}), seed=1)
    theirs = model.predict(pd.DataFrame({"ds": days[800:828]}))["yhat"].to_numpy()
    np.testing.assert_allclose(said[-1], theirs, rtol=1e-6)
    changed = yearly.prophet(years(after=770), origins, 28)
    np.testing.assert_array_equal(said[:3], changed[:3])


def test_what_prophet_has_learned_is_kept_and_learned_anew_once_a_week() -> None:
    past, origins = years(), np.array([660, 700, 740, 780])
    first = yearly.prophet.learn(series_until(past, 780), origins, None)
    assert len(first["fits"]) == 2
    for later, fits in ((6, 2), (7, 3), (14, 3)):
        until = series_until(past, 780 + later)
        kept = yearly.prophet.learn(until, origins + later, json.loads(json.dumps(first)))
        assert len(kept["fits"]) == fits, "one of now, however long ago the last one was"
        assert kept["fits"][:2] == first["fits"]
    # A fit that no origin needs any more is forgotten, and one that is younger than an origin does not speak there.
    much_later = yearly.prophet.learn(past, np.array([781, 800]), first)
    assert [fit["day"] for fit in much_later["fits"]] == [
        (past.first_day + timedelta(days=at)).isoformat() for at in (780, 800)
    ]
    before = yearly.prophet.learn(past, np.array([600, 800]), first)
    assert before["fits"][0]["day"] == (past.first_day + timedelta(days=600)).isoformat()
    said = [yearly.prophet.carry(past, fits, np.array([781, 790]), 5) for fits in (much_later, first)]
    np.testing.assert_array_equal(said[0], said[1])


def series_until(past: Series, end: int) -> Series:
    return replace(past, values=past.values[:end])


def test_a_series_whose_oldest_origin_stays_where_it_is_is_reviewed_each_day() -> None:
    found = refresh(series(weekly(150)), 28, name="a", today=MONDAY, review=None)
    assert found is not None
    assert found.review is None


def test_a_review_is_read_as_it_was_written() -> None:
    review = a_review(long())
    assert Review.of_text(review.as_text()) == review


def test_drift_goes_on_and_a_season_repeats() -> None:
    at: Ints = np.array([31, 60], dtype=np.int64)
    line = series(np.arange(60) * 2.0, Kind.LEVEL)
    np.testing.assert_allclose(simple.drift(30)(line, at, 3), [[62, 64, 66], [120, 122, 124]])
    np.testing.assert_allclose(simple.steady(28)(line, at, 3), [[62, 64, 66], [120, 122, 124]])
    week = series(np.tile(np.arange(7.0), 9))
    for method in (simple.seasonal_naive, simple.seasonal_mean(4), simple.seasonal_median(8), simple.shaped(1)):
        np.testing.assert_allclose(method(week, np.array([63]), 9)[0], [0, 1, 2, 3, 4, 5, 6, 0, 1])


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([], "not empty"),
        ([np.nan, 1.0], "begin and to end"),
        ([1.0, -1.0, 2.0], "not negative"),
        ([1.0, np.inf, 2.0], "finite"),
    ],
)
def test_what_is_no_series_is_told(values: list[float], told: str) -> None:
    with pytest.raises(SeriesError, match=told):
        series(values)


# --- of accounts ---------------------------------------------------------------------------------------------------------


def daily_rows(days: int = 100, *, joins_on: int = 0) -> pl.DataFrame:
    """Two clients; the first has two accounts on X, of which the second reports no reach and joins on a day."""
    frames = []
    for number, (client, account, first) in enumerate((("a", "x:1", 0), ("a", "x:2", joins_on), ("b", "bluesky:3", 0))):
        flow = weekly(days, seed=number)[first:]
        frames.append(
            pl.DataFrame(
                {
                    "client_id": client,
                    "network": account.split(":")[0],
                    "account_id": account,
                    "day": [MONDAY + timedelta(days=n) for n in range(first, days)],
                    "posts_published": (flow > 0).astype(int),
                    "engagements": [int(v) if v else None for v in flow],
                    "reach": [int(10 * v) if v and number == 0 else None for v in flow],
                    "followers": growing(days, seed=number)[first:].astype(int),
                },
                schema_overrides={"engagements": pl.Int64, "reach": pl.Int64},
            )
        )
    return pl.concat(frames)


def test_each_scope_of_a_goal_has_its_forecast_up_to_the_last_final_day() -> None:
    today = MONDAY + timedelta(days=100)
    found = forecast_accounts(daily_rows(), today=today, horizon=28)
    assert found.rows.schema == SCHEMA
    assert (found.too_short, found.series) == (0, 17)
    ends = found.rows.group_by("metric").agg(pl.col("as_of_day").unique()).sort("metric")
    assert [days.to_list() for days in ends["as_of_day"]] == [
        [MONDAY + timedelta(days=96)],
        [MONDAY + timedelta(days=99)],
        [MONDAY + timedelta(days=96)],
    ]
    of_a = found.rows.filter(pl.col("client_id") == "a", pl.col("metric") == "followers")
    last = of_a.filter(pl.col("target_day") == pl.col("target_day").max())
    said = {(scope, name): value for scope, name, value in last.select("scope", "scope_id", "median").iter_rows()}
    assert set(said) == {("client", "a"), ("network", "x"), ("account", "x:1"), ("account", "x:2")}
    assert said["client", "a"] == said["network", "x"], "the network's accounts are the client's"
    assert said["client", "a"] == pytest.approx(said["account", "x:1"] + said["account", "x:2"], rel=0.02)
    assert found.rows.filter(pl.col("metric") == "followers")["total_median"].null_count() == 28 * 7
    reach = found.rows.filter(pl.col("metric") == "reach", pl.col("scope") == "account")
    assert reach["scope_id"].unique().to_list() == ["x:1"], "what a network does not report is not forecast"


def test_an_account_that_joins_is_no_growth_and_one_that_left_is_not_counted_on() -> None:
    today = MONDAY + timedelta(days=100)
    rows = daily_rows(joins_on=60)
    sums = {
        scope: (first, values) for scope, first, values in series_of(rows, today=today) if scope[:2] == ("a", "client")
    }
    first, values = sums["a", "client", "a", "followers"]
    assert first == MONDAY + timedelta(days=60)
    assert np.abs(np.diff(values)).max() < 40
    left = rows.filter((pl.col("account_id") != "x:2") | (pl.col("day") < MONDAY + timedelta(days=80)))
    (client,) = [v for s, _, v in series_of(left, today=today) if s == ("a", "client", "a", "followers")]
    (account,) = [v for s, _, v in series_of(left, today=today) if s == ("a", "account", "x:1", "followers")]
    np.testing.assert_array_equal(client, account)


def test_choices_are_kept_from_one_day_to_the_next_and_each_tenant_has_its_own() -> None:
    rows, today = daily_rows(300), MONDAY + timedelta(days=298)
    first = forecast_accounts(rows.filter(pl.col("day") < today), today=today, horizon=7)
    assert first.reviewed > 0
    kept = reviews_of(first.rows.with_columns(day=today))
    assert {scope[:2] for scope in kept} >= {("a", "account"), ("b", "account")}
    tomorrow = today + timedelta(days=1)
    again = forecast_accounts(rows.filter(pl.col("day") < tomorrow), today=tomorrow, horizon=7, reviews=kept)
    assert (again.series, again.reviewed) == (first.series, 0)
    assert reviews_of(again.rows.with_columns(day=tomorrow)) == kept
    assert again.rows["as_of_day"].max() == today, "the forecast itself is the day's"


def test_no_days_are_no_forecasts() -> None:
    none = forecast_accounts(daily_rows().clear(), today=MONDAY)
    assert none.rows.is_empty()
    assert (none.series, none.too_short) == (0, 0)
    new = forecast_accounts(daily_rows(15), today=MONDAY + timedelta(days=15))
    assert new.rows.is_empty()
    assert new.too_short == new.series > 0
    assert forecast_accounts(daily_rows(), today=MONDAY + timedelta(days=130)).series == 0, "of a month ago"
