"""The pages about plans and growth as Streamlit runs them: what they show of gold, and what they say of what nobody knows."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from apps.streamlit.language import LANGUAGES, load_language
from contracts.clock import FixedClock
from contracts.records import Goal, GoalMetric
from contracts.scope import TenantScope
from contracts.settings import Settings
from contracts.tables import HOUR_EFFECTS, POSTS_TAKING_OFF
from lakehouse import DeltaLake
from operations import open_store
from tests.unit.app.demo_home import NOW
from tests.unit.app.running_app import open_page, words_of

SCOPE = TenantScope.of("harbor-coffee")


def _mart(settings: Settings, name: str) -> pl.DataFrame:
    return DeltaLake(settings.lake_path).scan(f"gold/{name}", scope=SCOPE).collect()


def _newest(weeks: pl.DataFrame) -> pl.DataFrame:
    """The quarter that the pages show unasked."""
    return weeks.filter(pl.col("week").is_in(weeks["week"].unique().sort().tail(13).implode()))


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
    ahead = running.filter(pl.col("metric").is_in(["engagements", "followers", "reach"]))
    assert len(at.get("plotly_chart")) == running.height + ahead.height
    words = words_of(at)
    assert sum(text("goals.chance_of") in word for word in words.splitlines()) == ahead.height
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


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_mix_shows_every_theme_against_its_share_and_says_what_is_about_none(
    at: AppTest, demo_home: Settings, code: str
) -> None:
    at.session_state["language"] = code
    text = load_language(code)
    weeks = _newest(_mart(demo_home, "kpi_pillars_weekly"))

    open_page(at, "content_mix")

    themes, formats = (frame.value for frame in at.dataframe)
    shown = dict(zip(themes["label"], themes["posts"], strict=True))
    names = pl.col("pillar_name").fill_null(text("mix.no_theme")).alias("label")
    meant = weeks.group_by(names).agg(pl.col("posts_published", "engagements").sum(), pl.col("intended_share").first())
    assert shown == dict(meant.select("label", "posts_published").iter_rows())
    assert dict(zip(themes["label"], themes["engagements"], strict=True)) == dict(
        meant.select("label", "engagements").iter_rows()
    )
    assert themes["planned"].dropna().tolist() == [30.0, 35.0, 20.0, 15.0]
    no_theme = themes[themes["label"] == text("mix.no_theme")]
    assert no_theme["posts"].tolist() == [1]
    assert no_theme["times_median"].isna().all(), "its only post is not final, and that is no zero"
    share = text.percent(1 / weeks["posts_published"].sum(), digits=0)
    assert text("mix.unplaced", count=1, shown="1", share=share) in words_of(at)
    assert formats["posts"].sum() == weeks["posts_published"].sum()
    assert len(at.get("plotly_chart")) == 4


def test_the_mix_is_of_the_network_and_the_weeks_that_are_chosen(at: AppTest, demo_home: Settings) -> None:
    mix = _mart(demo_home, "kpi_content_mix_weekly").filter(pl.col("network") == "bluesky")
    open_page(at, "content_mix")
    at.pills(key="mix_network").set_value("bluesky").run()
    assert at.dataframe[1].value["posts"].sum() == _newest(mix)["posts_published"].sum()
    at.segmented_control(key="mix_period").set_value("all").run()
    assert not at.exception
    assert at.dataframe[1].value["posts"].sum() == mix["posts_published"].sum()


def test_a_brand_kit_without_themes_is_told_how_to_name_some(at: AppTest, demo_home: Settings) -> None:
    with open_store(demo_home, clock=FixedClock(NOW)) as store:
        (client,) = store.clients(SCOPE)
        bare = client.brand.model_copy(update={"pillars": (), "facts": ()})
        store.save_client(client.model_copy(update={"brand": bare}), actor="test")
    lake = DeltaLake(demo_home.lake_path)
    weeks = _mart(demo_home, "kpi_pillars_weekly")
    weeks.filter(pl.col("pillar_id").is_null()).write_delta(lake.path("gold/kpi_pillars_weekly"), mode="overwrite")
    open_page(at, "content_mix")
    assert load_language("en")("mix.no_themes.remedy") in words_of(at)
    assert len(at.dataframe) == 1, "formats are there all the same"


@pytest.mark.parametrize("code", LANGUAGES)
def test_growth_shows_the_marts_own_shares_and_each_posts_counts(at: AppTest, demo_home: Settings, code: str) -> None:
    at.session_state["language"] = code
    text = load_language(code)
    open_page(at, "post_growth")
    at.segmented_control(key="growth_network").set_value("instagram").run()
    assert not at.exception
    kind = at.segmented_control(key="growth_format_instagram").value
    cohorts = _mart(demo_home, "kpi_post_cohorts").filter(network="instagram", content_format=kind)
    recent = _newest(cohorts)
    a_day = recent.filter(pl.col("age_hours") == 24).drop_nulls("share_of_final_engagements")

    cards = {metric.label: (metric.value, metric.delta) for metric in at.metric}
    weeks, posts = text.number(a_day.height), text.number(a_day["posts_counted"].sum())
    assert cards[text("growth.after", age=text("growth.hours", hours="24"))] == (
        text.percent(a_day["share_of_final_engagements"].median(), digits=0),  # type: ignore[arg-type]
        text("growth.rests_on", count=a_day.height, cohorts=weeks, posts=posts),
    )
    unseen = recent["week"].n_unique() - recent.filter(pl.col("posts_counted") > 0)["week"].n_unique()
    assert text("growth.unseen", count=unseen) in words_of(at), "empty rows are not drawn, but told of"
    (posts_table,) = (frame.value for frame in at.dataframe)
    newest = recent.filter(pl.col("posts_counted") > 0)["week"].max()
    of_week = recent.filter(pl.col("week") == newest)
    assert len(posts_table) == of_week["posts_published"][0]
    for age in (1, 24):
        counted = of_week.filter(pl.col("age_hours") == age)["engagements"].sum()
        assert posts_table[f"at_{age}"].sum() == counted
    assert posts_table["at_672"].isna().all(), "not known yet, and that is no zero"
    reach = at.segmented_control(key=f"growth_count_instagram_{kind}")
    assert list(reach.options) == [text("metric.engagements"), text("metric.reach")]


def test_history_that_was_never_looked_at_while_young_says_so(at: AppTest, demo_home: Settings) -> None:
    lake = DeltaLake(demo_home.lake_path)
    cohorts = _mart(demo_home, "kpi_post_cohorts").with_columns(pl.lit(0, pl.Int64).alias("posts_counted"))
    cohorts.write_delta(lake.path("gold/kpi_post_cohorts"), mode="overwrite")
    open_page(at, "post_growth")
    assert load_language("en")("growth.nothing_counted.remedy") in words_of(at)


@pytest.mark.parametrize("code", LANGUAGES)
def test_posts_that_take_off_are_told_on_the_overview_and_drawn_with_the_evidence(
    at: AppTest, demo_home: Settings, code: str
) -> None:
    at.session_state["language"] = code
    text = load_language(code)
    rows = DeltaLake(demo_home.lake_path).scan(POSTS_TAKING_OFF, scope=TenantScope.of("harbor-coffee")).collect()
    (loud,) = rows.filter("is_taking_off").iter_rows(named=True)
    told = f"{text.number(loud['engagements'])} "
    open_page(at, "overview")
    assert text("growing.taking_off") in [heading.value for heading in at.subheader]
    assert sum(text("growing.chance", share=text.percent(0.83, digits=0)) in shown.value for shown in at.markdown) == 1
    assert any(caption.value.startswith(told) for caption in at.caption)
    open_page(at, "post_growth")
    posts = at.selectbox(key="growing_post")
    assert len(posts.options) == rows["post_id"].n_unique()
    assert posts.options[0].startswith("▲ ")
    assert posts.value == loud["post_id"]
    assert any(shown.value.startswith(told) for shown in at.markdown)
    posts.set_value(rows.filter(~pl.col("is_taking_off"))["post_id"][0]).run()
    assert not at.exception


def test_where_no_post_is_followed_the_pages_say_so_and_alarm_nobody(at: AppTest, demo_home: Settings) -> None:
    text = load_language("en")
    lake = DeltaLake(demo_home.lake_path)
    lake.replace(POSTS_TAKING_OFF, pl.DataFrame(schema=POSTS_TAKING_OFF.schema), allow_collapse=True)
    open_page(at, "overview")
    assert text("growing.taking_off") not in [heading.value for heading in at.subheader]
    open_page(at, "post_growth")
    assert text("growing.none", hours=72) in words_of(at)


def test_audience_activity_is_counted_by_network_and_source_and_claims_nothing(
    at: AppTest, demo_home: Settings
) -> None:
    text = load_language("en")
    activity = _mart(demo_home, "kpi_audience_activity")

    def summary(rows: pl.DataFrame) -> str:
        total = int(rows["activities"].sum())
        zone = text.zone("America/New_York", NOW)
        return text("audience.summary", count=total, shown=text.number(total), zone=zone)

    open_page(at, "audience")
    assert summary(activity) in words_of(at)
    assert text("audience.note") in words_of(at)
    at.segmented_control(key="audience_source").set_value("messages").run()
    at.pills(key="audience_network").set_value(["bluesky"]).run()
    assert not at.exception
    assert summary(activity.filter(source="messages", network="bluesky")) in words_of(at)


def test_best_times_promise_the_cautious_effect_and_say_what_was_kept(at: AppTest, demo_home: Settings) -> None:
    text = load_language("en")
    open_page(at, "audience")
    words = words_of(at)
    promised = text.change(float(np.expm1(0.06 - 0.0075)))
    assert words.count(f"**18:00** promises **{promised}**") == 2, "once for each account"
    kept = {"promised": "4%", "realised": "5%", "low": "-8%", "high": "20%", "posts": "140", "holdouts": "15"}
    assert text("times.kept", **kept) in words
    lake = DeltaLake(demo_home.lake_path)
    silent = lake.scan(HOUR_EFFECTS, scope=TenantScope.all_clients("a test")).with_columns(posts=pl.lit(0, pl.Int64))
    silent.collect().write_delta(lake.path(HOUR_EFFECTS.key), mode="overwrite")
    at.run()
    assert text("times.empty.remedy") in words_of(at)
