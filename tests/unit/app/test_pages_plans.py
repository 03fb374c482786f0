"""The pages about plans and growth as Streamlit runs them: what they show of gold, and what they say of what nobody knows."""

from datetime import date

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from apps.streamlit.language import LANGUAGES, load_language
from contracts.clock import FixedClock
from contracts.records import Goal, GoalMetric
from contracts.scope import TenantScope
from contracts.settings import Settings
from lakehouse import DeltaLake
from operations import open_store
from tests.unit.app.demo_home import NOW
from tests.unit.app.running_app import open_page, words_of

SCOPE = TenantScope.of("harbor-coffee")


def _mart(settings: Settings, name: str) -> pl.DataFrame:
    return DeltaLake(settings.lake_path).scan(f"gold/{name}", scope=SCOPE).collect()


def _figures(app: AppTest) -> list[str]:
    return [chart.proto.figure.spec for chart in app.get("plotly_chart")]


@pytest.mark.parametrize("code", LANGUAGES)
def test_goals_show_how_far_each_has_come_and_why_one_is_not_known(at: AppTest, demo_home: Settings, code: str) -> None:
    at.session_state["language"] = code
    text = load_language(code)
    goals = _mart(demo_home, "kpi_goals")
    running = goals.filter(~pl.col("status").is_in(["missed", "not_started"]))

    open_page(at, "goals")

    counts = {metric.label: metric.value for metric in at.metric}
    for status in ("behind", "no_data", "on_track", "reached"):
        assert counts[text(f"goals.status_{status}")] == str(running.filter(status=status).height)
    assert len(at.get("plotly_chart")) == running.height
    words = words_of(at)
    for goal in running.filter(pl.col("metric").is_in(["engagements", "followers"])).iter_rows(named=True):
        target, actual = text.number(goal["target"]), text.number(goal["actual"])
        assert text("goals.of", actual=actual, target=target) in words
        assert text("goals.progress", share=text.percent(goal["progress_ratio"], digits=0)) in words
    assert text("goals.unknown_of", target=text.number(90_000)) in words
    since = text.day(date(2026, 5, 11))
    stopped = text(
        "absence.stopped", network="Instagram", metric=text("metric.views"), since=since, received="", expected=""
    )
    assert stopped in words
    assert text("goals.no_total") in words
    left_out = text(
        "absence.not_offered", network="Bluesky", metric=text("metric.reach"), since="", received="", expected=""
    )
    assert left_out in words, "a total without one network's posts says so"
    (over,) = [frame.value for frame in at.dataframe if "status" in frame.value]
    assert over["status"].tolist() == [text("goals.status_missed")]
    (to_come,) = [frame.value for frame in at.dataframe if "status" not in frame.value]
    assert to_come["target"].tolist() == [text.number(200_000)]


def test_a_goal_that_was_set_since_gold_was_built_is_announced(at: AppTest, demo_home: Settings) -> None:
    waiting = load_language("en")("goals.waiting", count=1)
    open_page(at, "goals")
    assert waiting not in words_of(at)
    with open_store(demo_home, clock=FixedClock(NOW)) as store:
        store.set_goal(
            Goal(
                client_id="harbor-coffee",
                metric=GoalMetric.REACH,
                target=5.0,
                first_day=date(2026, 6, 1),
                last_day=date(2026, 6, 30),
            ),
            actor="test",
        )
    at.run()
    assert waiting in words_of(at)


def test_a_client_without_goals_is_told_how_to_set_one(at: AppTest) -> None:
    at.query_params["client"] = "verde-cocina"
    open_page(at, "goals")
    assert load_language("en")("goals.empty.remedy") in words_of(at)
    assert at.code[0].value == "pulso goals set verde-cocina engagements 5000 --from 2026-05-01 --to 2026-05-31"
