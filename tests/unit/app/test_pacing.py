"""Where a goal ends: what came so far and the forecast of its scope, and what is said when there is none."""

from datetime import date, timedelta

import polars as pl
import pytest

from apps.streamlit import figures
from apps.streamlit.kpi_scores import kpi_scores
from apps.streamlit.language import load_language
from apps.streamlit.pacing import chance, pacing

FIRST, LAST = date(2026, 5, 1), date(2026, 5, 31)
AS_OF, NEWEST = date(2026, 5, 10), date(2026, 5, 13)
GOAL = {
    "client_id": "acme",
    "metric": "engagements",
    "network": None,
    "account_id": None,
    "target": 600.0,
    "first_day": FIRST,
    "last_day": LAST,
}


def the_days(first: date = FIRST - timedelta(days=5), last: date = NEWEST) -> pl.DataFrame:
    """Two accounts; ten engagements a day each, of which five are there yet on the days that are not final."""
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return pl.concat(
        [
            pl.DataFrame(
                {
                    "account_id": f"{network}:1",
                    "network": network,
                    "day": days,
                    "posts_published": 1,
                    "engagements": [10 if day <= AS_OF else 5 for day in days],
                    "reach": None,
                    "followers": [1000 + n for n in range(len(days))],
                },
                schema_overrides={"reach": pl.Int64, "engagements": pl.Int64},
            )
            for network in ("x", "bluesky")
        ]
    )


def said(metric: str = "engagements", scope: str = "client", name: str = "acme", reach: int = 40) -> pl.DataFrame:
    """Twenty a day in total, give or take a tenth of it; a level of 2030, give or take thirty. Yesterday's said nothing but zeros."""
    ahead = pl.int_range(1, reach + 1, eager=True).cast(pl.Float64)
    rows = pl.DataFrame(
        {
            "scope": scope,
            "scope_id": name,
            "metric": metric,
            "as_of_day": AS_OF,
            "target_day": [AS_OF + timedelta(days=n) for n in range(1, reach + 1)],
            "median": 2030.0,
            "lower": 2000.0,
            "upper": 2060.0,
            "total_median": 20 * ahead,
            "total_lower": 18 * ahead,
            "total_upper": 22 * ahead,
            "interval_level": 0.8,
            "day": date(2026, 5, 14),
        }
    )
    older = rows.with_columns(pl.lit(0.0).alias("total_median"), pl.lit(date(2026, 5, 13)).alias("day"))
    return pl.concat([older, rows])


def test_a_count_ends_where_its_final_days_and_the_forecast_of_the_rest_add_up_to() -> None:
    found = pacing(GOAL, said(), the_days())
    assert found is not None
    assert found.known["value"][-1] == 10 * 20 + 3 * 10
    assert found.ahead["day"].to_list() == [NEWEST + timedelta(days=n) for n in range(1, 19)]
    assert found.end == {"day": LAST, "median": 200 + 21 * 20, "lower": 200 + 21 * 18, "upper": 200 + 21 * 22}
    assert found.chance == pytest.approx(chance(600, found.end, level=0.8))
    assert 0.5 < found.chance < 0.9


def test_what_has_come_is_not_forecast_away() -> None:
    low = said().with_columns(pl.lit(1.0).alias("total_lower"))
    found = pacing(GOAL, low, the_days())
    assert found is not None
    assert found.end["lower"] == 230


@pytest.mark.parametrize(
    ("changes", "scope", "name"),
    [({}, "client", "acme"), ({"network": "x"}, "network", "x"), ({"account_id": "x:1"}, "account", "x:1")],
)
def test_each_goal_finds_the_forecast_of_its_scope(changes: dict, scope: str, name: str) -> None:
    goal = GOAL | {"metric": "followers", "target": 2030.0} | changes
    found = pacing(goal, said("followers", scope, name), the_days())
    assert found is not None
    assert found.end == {"day": LAST, "median": 2030, "lower": 2000, "upper": 2060}
    assert found.chance == pytest.approx(0.5)
    assert found.known["value"][-1] == (2 if scope == "client" else 1) * (1000 + 17)
    other = said("followers", scope, "another")
    assert pacing(goal, other, the_days()) is None


def test_where_no_forecast_reaches_nothing_is_said() -> None:
    assert pacing(GOAL, said(reach=20), the_days()) is None
    assert pacing(GOAL | {"metric": "views"}, said(), the_days()) is None
    assert pacing(GOAL, pl.DataFrame(), the_days()) is None
    assert pacing(GOAL | {"first_day": date(2026, 5, 12)}, said(), the_days()) is None


def test_the_chance_falls_with_the_target_and_the_interval_holds_what_it_promises() -> None:
    end = {"median": 100.0, "lower": 60.0, "upper": 120.0}
    assert chance(100, end, level=0.8) == pytest.approx(0.5)
    assert chance(120, end, level=0.8) == pytest.approx(0.1)
    assert chance(60, end, level=0.8) == pytest.approx(0.9)
    assert chance(130, end, level=0.8) < 0.1
    sure = {"median": 100.0, "lower": 100.0, "upper": 100.0}
    assert (chance(100, sure, level=0.8), chance(101, sure, level=0.8)) == (1, 0)


def test_the_fan_goes_on_from_what_is_known_to_the_goal_s_last_day() -> None:
    found = pacing(GOAL, said(), the_days())
    assert found is not None
    upper, lower, expected, so_far, target = figures.goal_pacing(
        found.known, found.ahead, 600.0, load_language("en"), level=0.8
    ).data
    assert expected.x[0] == so_far.x[-1] == NEWEST
    assert expected.y[0] == so_far.y[-1] == upper.y[0] == lower.y[0]
    assert (expected.x[-1], expected.y[-1]) == (LAST, found.end["median"])
    assert set(target.y) == {600}


def test_forecasts_whose_day_has_come_are_scored_followers_as_they_stood_and_counts_in_total() -> None:
    days = the_days(last=AS_OF + timedelta(days=12)).with_columns(pl.lit(10).alias("engagements"))
    rows = pl.concat([said("followers", "account", "x:1"), said("engagements", "account", "x:1")])
    rows = rows.filter(pl.col("day") == date(2026, 5, 14)).with_columns(
        pl.when(pl.col("metric") == "followers").then(pl.col(name) / 2).otherwise(name).alias(name)
        for name in ("median", "lower", "upper")
    )
    scores = kpi_scores(rows, days)
    assert scores["metric"].to_list() == ["engagements", "followers"], "28 days ahead have not come"
    count, level = scores.iter_rows(named=True)
    assert (count["ahead"], count["forecasts"], count["inside"]) == (7, 1, 0.0)
    assert count["error"] == pytest.approx((140 - 70) / 70)
    assert level["inside"] == 1.0
    assert level["error"] == pytest.approx(abs(1015 - 1021) / 1021)
    assert kpi_scores(pl.DataFrame(), days).is_empty()
