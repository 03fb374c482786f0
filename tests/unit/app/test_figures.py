"""What figures show: named axes with units, intervals, and a mark for what is not final."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import plotly.graph_objects as go
import polars as pl
import pytest

from apps.streamlit import figures
from apps.streamlit.language import LANGUAGES, Language, load_language

START = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> Language:
    return load_language(request.param)


def _scores() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "expected_log_engagement": [3.0, 4.0],
            "lower_log_engagement": [2.0, 3.0],
            "upper_log_engagement": [4.0, 5.0],
            "log_engagement": [3.5, 5.5],
            "is_covered": [True, False],
        }
    )


def test_weeks_that_still_grow_are_hollow(language: Language) -> None:
    weeks = pl.DataFrame(
        {
            "week": [date(2026, 5, 11), date(2026, 5, 18), date(2026, 5, 25)],
            "engagements": [10, 20, 5],
            "posts_published": [2, 3, 1],
            "mean_engagements_per_post": [5.0, 6.7, 5.0],
        }
    )
    figure = figures.weekly_engagement(weeks, language, immature_from=date(2026, 5, 24))
    final, growing = figure.data
    assert (list(final.y), list(growing.y)) == ([10], [20, 5])
    assert growing.marker.line.width > 0
    assert figure.layout.yaxis.title.text == language("figure.engagements_per_week")


def test_followers_are_compared_as_change_and_hovered_as_counts(language: Language) -> None:
    days = pl.DataFrame(
        {
            "account_id": ["a", "a", "b", "b"],
            "network": ["bluesky"] * 2 + ["instagram"] * 2,
            "day": [date(2026, 5, 1), date(2026, 5, 2)] * 2,
            "followers": [100, 110, 10_000, None],
        }
    )
    figure = figures.followers_trend(days, {"a": "A"}, language)
    by_name = {trace.name: trace for trace in figure.data}
    assert list(by_name["A"].y) == pytest.approx([0, 0.1])
    assert by_name["A"].customdata[1][0] == "110"
    assert len(by_name["b"].y) == 1, "an unknown count is left out, never drawn as zero"


def test_months_are_named_in_the_readers_language() -> None:
    weeks = pl.DataFrame(
        {"week": [date(2026, 1, 5)], "engagements": [1], "posts_published": [1], "mean_engagements_per_post": [1.0]}
    )
    labels = {
        code: figures.weekly_engagement(
            weeks, load_language(code), immature_from=date(2027, 1, 1)
        ).layout.xaxis.ticktext[0]
        for code in LANGUAGES
    }
    assert labels == {"en": "Jan 5", "es": "5 ene"}


def test_posts_are_drawn_at_the_clients_hour_and_hollow_while_they_grow(language: Language) -> None:
    posts = pl.DataFrame(
        {
            "published_at": [START, START + timedelta(days=1)],
            "network": ["bluesky"] * 2,
            "engagements": [0, 42],
            "is_mature": [True, False],
            "text": ["<b>first</b>", None],
        },
        schema_overrides={"published_at": pl.Datetime("us", "UTC")},
    )
    figure = figures.posts_over_time(posts, language, zone="America/New_York")
    final, growing = figure.data
    assert final.x[0].hour == 8
    assert (final.marker.symbol, growing.marker.symbol) == ("circle", "circle-open")
    assert list(final.y) == [1], "a post without engagement still has a place on the log axis"
    assert "<b>" not in final.customdata[0][1], "a post's text is never markup"


def test_a_group_too_small_for_an_interval_is_faint_and_says_so(language: Language) -> None:
    groups = pl.DataFrame({"posts": [40, 2], "ratio": [1.3, 4.0], "low": [1.1, None], "high": [1.6, None]})
    figure = figures.relative_engagement(groups, ["Video", "Link"], language, title="Format")
    (trace,) = figure.data
    assert list(trace.error_x.array) == pytest.approx([0.3, 0])
    assert trace.marker.color[1] == figures.QUIET
    assert trace.customdata[1][1] == language("figure.too_few")
    assert figure.layout.xaxis.title.text == language("figure.against_usual")
    upright = figures.relative_engagement(groups, ["08", "09"], language, title="Hour", is_vertical=True)
    assert upright.layout.xaxis.title.text == "Hour"
    assert list(upright.data[0].error_y.array) == pytest.approx([0.3, 0])


def test_forecast_and_outcome_are_labelled_in_engagements_with_the_stated_interval(language: Language) -> None:
    figure = figures.forecast_against_outcome(_scores(), language)
    _, inside, outside = figure.data
    assert (list(inside.y), list(outside.y)) == ([3.5], [5.5])
    assert list(inside.error_x.arrayminus) == pytest.approx([1.0])
    assert inside.customdata[0][0] == language.number(np.expm1(3.0))
    assert figure.layout.xaxis.ticktext[0] == "0"
    for axis, key in ((figure.layout.xaxis, "figure.forecast"), (figure.layout.yaxis, "figure.outcome")):
        assert axis.title.text == language(key)


def test_coverage_is_drawn_with_its_own_interval_and_the_promise(language: Language) -> None:
    coverage = pl.DataFrame(
        {
            "mature_at": [START, START + timedelta(days=3)],
            "forecasts": [8, 9],
            "coverage": [0.75, 0.8],
            "low": [0.4, 0.5],
            "high": [0.9, 0.95],
        },
        schema_overrides={"mature_at": pl.Datetime("us", "UTC")},
    )
    figure = figures.coverage_over_time(coverage, language, promised=0.8, zone="UTC")
    assert any(list(trace.y) == [0.8, 0.8] for trace in figure.data)
    assert any(trace.fill == "tonexty" for trace in figure.data)
    assert "%" in figure.layout.yaxis.title.text
    shown = figure.layout.xaxis.ticktext
    assert shown == tuple(language.short_day(START + timedelta(days=day)) for day in (3, 2, 1, 0)), "each day once"


def test_correlations_keep_origins_apart_and_unknown_intervals_empty(language: Language) -> None:
    rows = pl.DataFrame(
        {
            "label": ["Client", "Client", "@a"],
            "origin": ["decision", "shadow", "shadow"],
            "forecasts": [3, 50, 50],
            "correlation": [0.5, 0.2, 0.2],
            "low": [None, -0.1, -0.1],
            "high": [None, 0.5, 0.5],
            "is_mean": [True, True, False],
        }
    )
    figure = figures.correlations(rows, language)
    decision, shadow = figure.data
    assert decision.customdata[0][1] == language("figure.too_few")
    assert list(shadow.marker.symbol) == ["diamond", "circle"]
    assert decision.y[0] != shadow.y[0]
    assert list(figure.layout.yaxis.ticktext) == ["Client", "@a"]


def test_rivals_stand_in_the_order_given(language: Language) -> None:
    profiles = pl.DataFrame(
        {
            "name": ["own", "rival"],
            "network": ["bluesky"] * 2,
            "is_own": [True, False],
            "posts": [9, 5],
            "median": [20.0, 30.0],
            "low": [10.0, 20.0],
            "high": [40.0, 50.0],
        }
    )
    figure = figures.rivals(profiles, language)
    assert figure.layout.yaxis.categoryarray == ("rival", "own")
    assert list(figure.data[0].error_x.array) == [20.0]


def test_habits_count_posts_by_local_hour_and_weekday(language: Language) -> None:
    figure = figures.posting_heatmap(pl.DataFrame({"local_weekday": [0, 0, 6], "local_hour": [9, 9, 23]}), language)
    assert figure.data[0].z[0][9] == 2
    assert figure.data[0].z[6][23] == 1
    assert np.isnan(figure.data[0].z[3][3])


GOAL = {
    "metric": "engagements",
    "status": "behind",
    "target": 100.0,
    "baseline": None,
    "actual": 20.0,
    "elapsed_ratio": 0.5,
    "projection": 40.0,
}


def _goal(**changes: object) -> go.Figure:
    language = load_language("en")
    return figures.goal_progress(GOAL | changes, language, shown=language.number)


def test_a_goal_is_drawn_to_its_target_with_the_pace_that_it_takes_and_where_this_one_leads() -> None:
    track, bar, leads_to = _goal().data
    assert (track.x[0], bar.x[0], leads_to.x[0], leads_to.marker.symbol) == (100, 20, 40, "diamond-open")
    assert [shape.x0 for shape in _goal().layout.shapes] == [50, 100]
    far = _goal(projection=900.0)
    assert far.data[2].marker.symbol == "triangle-right"
    assert far.data[2].x[0] == pytest.approx(130)


def test_a_level_begins_at_its_baseline_and_a_rate_has_no_pace() -> None:
    level = _goal(metric="followers", baseline=60.0, actual=70.0, projection=80.0)
    assert (level.data[0].base[0], level.data[0].x[0], level.data[1].base[0]) == (60, 40, 60)
    assert [shape.x0 for shape in level.layout.shapes] == [80, 100]
    shrinking = _goal(metric="followers", baseline=160.0, actual=150.0, projection=140.0)
    assert shrinking.data[1].base[0] == 0, "a target below where it began is measured from nothing"
    assert len(_goal(metric="engagement_rate_by_reach").layout.shapes) == 1


def test_what_a_goal_has_reached_is_written_as_unknown_and_has_no_bar(language: Language) -> None:
    unknown = GOAL | {"actual": None, "projection": None, "status": "no_data"}
    figure = figures.goal_progress(unknown, language, shown=language.number)
    assert len(figure.data) == 1, "the way to the target, and no bar of zero"
    assert figure.layout.annotations[0].text == language("figure.not_known")


def test_the_mix_counts_posts_and_colours_only_what_is_final(language: Language) -> None:
    monday = date(2026, 5, 18)
    cells = pl.DataFrame(
        {
            "week": [monday, monday, monday + timedelta(days=7)],
            "pillar_id": ["a", None, "a"],
            "posts_published": [2, 0, 1],
            "times_median": [8.0, None, None],
        }
    )
    figure = figures.weekly_mix(cells, "pillar_id", {"a": "A", None: "no theme"}, language)
    unsettled, settled = figure.data
    assert list(settled.y) == ["A", "no theme"]
    assert settled.z[0][0] == 2, "eight times is drawn as four"
    assert settled.text[0][0] == "2"
    assert (np.isnan(settled.z[0][1]), unsettled.z[0][1]) == (True, 1), "posted, and not final"
    assert np.isnan(unsettled.z[1][0])
    assert settled.text[1][0] == ""


def test_shares_stand_beside_what_was_meant_where_somebody_said(language: Language) -> None:
    rows = pl.DataFrame({"label": ["A", "B"], "posts": [3, 1], "share": [0.75, 0.25], "planned": [0.5, None]})
    bars, meant = figures.shares(rows, language).data
    assert list(bars.x) == [0.75, 0.25]
    assert (list(meant.y), list(meant.x)) == (["A"], [0.5])
    assert len(figures.shares(rows.with_columns(planned=pl.lit(None, pl.Float64)), language).data) == 1


def test_growth_says_on_how_many_posts_a_cell_rests_and_why_one_is_empty(language: Language) -> None:
    cells = pl.DataFrame(
        {
            "week": [date(2026, 5, 18)] * 2 + [date(2026, 5, 11)] * 2,
            "age_hours": [1, 24] * 2,
            "value": [0.4, None, None, 0.8],
            "posts_counted": [2, 0, 0, 3],
            "posts_published": [4, 4, 3, 3],
            "unknown": [None, "not_yet", "not_looked", None],
        }
    )
    (heat,) = figures.growth(cells, ["1 h", "24 h"], language, is_share=True).data
    assert list(heat.y) == [language.day(date(2026, 5, 18)), language.day(date(2026, 5, 11))], "the newest on top"
    assert heat.text[0][0] == f"<b>{language.percent(0.4, digits=0)}</b>  2/4"
    assert np.isnan(heat.z[0][1])
    assert heat.text[0][1] == language("figure.cell_not_yet")
    assert heat.customdata[1][0][0] == language("figure.why_not_looked")
