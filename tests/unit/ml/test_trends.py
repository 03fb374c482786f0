"""Trends: what counts as one, what is told about it and when; planted rises are found, seasons, clients and gaps make none."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from benchmarks import planted_trends
from contracts.errors import NotReadyError
from ml.trends import alerts, forecast
from ml.trends.definition import TrendDefinition, confirmed, days_to_onset
from ml.trends.growth import PRIOR_PERIODS, GrowthSettings, growth, log_odds_of_growth
from ml.trends.relevance import CONTEXTS_SCHEMA, OWN_TEXTS_SCHEMA, RELEVANCE_SCHEMA, Interests, words
from ml.trends.sightings import SIGHTINGS_SCHEMA
from ml.trends.stages import COUNTS_SCHEMA, STAGES, TRENDS_SCHEMA, Stage, StageSettings, judge, trends

START = date(2026, 1, 5)
HOUR = timedelta(hours=1)


def sightings(days_of: dict[str, list[int]], *, client: str = "acme", source: str = "list") -> pl.DataFrame:
    rows = [
        (client, term, source, START + timedelta(days=day), 1, None, None)
        for term, days in days_of.items()
        for day in days
    ]
    return pl.DataFrame(rows, schema=SIGHTINGS_SCHEMA, orient="row")


# --- what a trend is -------------------------------------------------------------------------------------------------


def test_a_topic_is_a_trend_from_the_day_on_which_the_rule_holds() -> None:
    definition = TrendDefinition(min_days=3)
    rows = confirmed(sightings({"冬奥": [60, 62, 65, 66], "一天": [60], "天天": list(range(80))}), definition)
    rows = rows.with_columns(days_to_onset(rows, definition))
    topic = rows.filter(pl.col("term") == "冬奥")
    assert topic["is_onset"].to_list() == [False, False, True, False], "the third day in seven, and only once"
    assert topic["is_open"].to_list() == [True, True, False, False]
    assert topic["days_to_onset"].to_list() == [5, 3, None, None]
    assert not rows.filter(pl.col("term") == "一天")["is_confirmed"].any()
    always = rows.filter(pl.col("term") == "天天", pl.col("day") >= START + timedelta(days=63))
    assert not always["is_confirmed"].any(), "what was always there has not grown"


def test_sources_are_counted_once_within_the_window() -> None:
    definition = TrendDefinition(min_count=3, min_sources=3)
    one = sightings({"#tag": [60, 61, 62]})
    three = pl.concat([sightings({"#tag": [60 + n]}, source=str(n)) for n in range(3)])
    assert not confirmed(one, definition)["is_confirmed"].any()
    assert confirmed(three, definition)["is_onset"].to_list() == [False, False, True]


def test_another_clients_sightings_count_for_nothing() -> None:
    rows = pl.concat([sightings({"t": [60, 61]}), sightings({"t": [62]}, client="other")])
    assert not confirmed(rows, TrendDefinition(min_days=3))["is_confirmed"].any()


# --- forecasts and alerts --------------------------------------------------------------------------------------------

DEFINITION = TrendDefinition(min_days=3)


@pytest.fixture(scope="module")
def topics() -> pl.DataFrame:
    """Features of 200 days with ten new topics each; those about the cup stay for four days, the others for one."""
    rng = np.random.default_rng(3)
    days_of = {}
    for day in range(200):
        for number in range(10):
            is_cup = number == 0
            name = (
                f"cup {rng.integers(10**6)}"
                if is_cup
                else f"{rng.choice(['rain', 'star', 'shop'])} {rng.integers(10**6)}"
            )
            days_of[name] = list(range(day, day + 4 if is_cup else day + 1))
    return forecast.features(sightings(days_of), DEFINITION)


@pytest.fixture(scope="module")
def forecasts(topics: pl.DataFrame) -> pl.DataFrame:
    cutoff = START + timedelta(days=160)
    model = forecast.fit(topics.filter(pl.col("day") < cutoff), DEFINITION)
    return model.forecast(topics.filter(pl.col("day") >= cutoff))


def test_features_never_change_when_later_days_arrive(topics: pl.DataFrame) -> None:
    until = START + timedelta(days=120)
    raw = topics.select(
        "client_id",
        "term",
        pl.lit("list").alias("source_id"),
        "day",
        pl.lit(1, pl.Int64).alias("count"),
        "rank",
        "recency",
    ).filter(pl.col("day") <= until)
    known = [*forecast.FEATURES, "since", "is_open"]
    then = forecast.features(raw, DEFINITION).select("term", "day", *known)
    assert then.equals(topics.filter(pl.col("day") <= until).select("term", "day", *known))


def test_alerts_tell_the_lasting_topics_on_their_first_day_and_once(forecasts: pl.DataFrame) -> None:
    told = alerts.choose(forecasts, DEFINITION, budget=1)
    assert dict(told.schema) == dict(alerts.ALERTS_SCHEMA)
    assert told.group_by("day").len()["len"].max() == 1
    assert told["term"].n_unique() == told.height, "each is told once while it is fresh"
    of_cup = told.filter(pl.col("term").str.starts_with("cup"))
    assert of_cup.height >= 0.9 * told.height
    assert (of_cup["days_known"] == 0).mean() >= 0.9, "before it has come back"
    reason = of_cup["reason"][0]
    assert "likely to be a trend" in reason
    assert "new today" in reason


def test_more_earliness_ranks_by_the_days_ahead(topics: pl.DataFrame, forecasts: pl.DataFrame) -> None:
    assert (forecasts["score"] - forecasts["probability"] * forecasts["days_ahead"]).abs().max() == pytest.approx(0)
    assert forecasts["days_ahead"].is_between(1, DEFINITION.window_days).all()


def test_too_few_trends_teach_nothing(topics: pl.DataFrame) -> None:
    with pytest.raises(NotReadyError, match="ingest more history"):
        forecast.fit(topics.filter(pl.col("day") < START + timedelta(days=20)), DEFINITION)


# --- growth in streams of counts -------------------------------------------------------------------------------------


def test_growth_of_a_period_never_changes_when_later_periods_arrive() -> None:
    counts = planted_trends.streams(number=4, days=10, quiet_days=4, onsets_per_week=1, seed=1).counts
    whole, part = growth(counts, GrowthSettings()), growth(counts[:, :150], GrowthSettings())
    np.testing.assert_allclose(whole.log_odds[:, :150], part.log_odds)
    np.testing.assert_allclose(whole.expected_of_period[:, :150], part.expected_of_period)


def test_the_posterior_is_that_of_a_simulated_negative_binomial() -> None:
    """Draw growth from the prior's family, keep the draws that give the seen count, and compare the share above the factor."""
    shape, expected, count, factor = 3.0, 5.0, 18, 2.0
    rng = np.random.default_rng(5)
    chance = rng.beta(shape * PRIOR_PERIODS, PRIOR_PERIODS * expected, size=2_000_000)
    kept = chance[rng.negative_binomial(shape, np.clip(chance, 1e-9, 1)) == count]
    share = float((shape * (1 - kept) / kept / expected > factor).mean())
    odds = float(log_odds_of_growth(np.array([18.0]), np.array([expected]), np.array([shape]), factor)[0])
    assert 1 / (1 + np.exp(-odds)) == pytest.approx(share, abs=0.02)


def test_planted_trends_are_found_early_and_quiet_streams_are_quiet() -> None:
    planted = planted_trends.streams(number=40, days=40, quiet_days=21, onsets_per_week=0.5, seed=4)
    settings = StageSettings()
    judged = judge(planted.counts, growth(planted.counts, settings.growth), settings)
    delays = []
    for stream, onset in planted.onsets:
        on = np.flatnonzero(judged.since[stream, onset : onset + 48] >= onset - 2)
        delays.append(on[0] + 1 if len(on) else np.inf)
    assert len(delays) > 30
    assert np.median(delays) <= 4
    usual = planted.phase[:, 21 * 24 :] == 0
    is_alarm = np.isin(judged.stage[:, 21 * 24 :], [STAGES.index(Stage.EMERGING), STAGES.index(Stage.RISING)])
    assert is_alarm[usual].mean() < 0.005


# --- stages ----------------------------------------------------------------------------------------------------------


def hourly(
    rate: Callable[[int], float], *, hours: int, term: str = "#süß", client: str = "acme", seed: int = 0
) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    begin = datetime(2026, 1, 5, tzinfo=UTC)
    rows = [(client, term, begin + HOUR * hour, int(rng.poisson(rate(hour)))) for hour in range(hours)]
    return pl.DataFrame(rows, schema=COUNTS_SCHEMA, orient="row").filter(pl.col("count") > 0)


def wave(hour: int) -> float:
    """Five an hour, by day and night as usual; from hour 480 on up to eight times as many within 6 hours, for 10 hours, then gone."""
    season = 5 * (1 + 0.8 * np.sin(2 * np.pi * hour / 24))
    age = hour - 480
    return float(season * (1 if age < 0 else min(1 + age * 1.2, 8) if age < 16 else max(8 * 0.6 ** (age - 15), 1)))


@pytest.fixture(scope="module")
def rising() -> pl.DataFrame:
    return hourly(wave, hours=600)


@pytest.mark.parametrize(
    ("hour", "stages"),
    [
        (470, {Stage.DORMANT}),
        (484, {Stage.EMERGING}),
        (489, {Stage.RISING, Stage.PEAKING}),
        (495, {Stage.RISING, Stage.PEAKING}),
        (501, {Stage.DECLINING}),
        (560, {Stage.DORMANT}),
    ],
)
def test_a_wave_goes_through_the_stages(rising: pl.DataFrame, hour: int, stages: set[Stage]) -> None:
    at = datetime(2026, 1, 5, tzinfo=UTC) + HOUR * hour
    (row,) = trends(rising, at=at).iter_rows(named=True)
    assert row["stage"] in stages
    if Stage.DORMANT not in stages:
        assert abs((row["since"] - datetime(2026, 1, 25, tzinfo=UTC)) / HOUR) <= 4
        assert row["since"] <= row["peak_at"] < at
        assert f"seen {row['count']} times" in row["reason"]
    else:
        assert row["since"] is None
    assert row["last_seen_at"] < at, "rows from then on are not known"


def test_clients_are_judged_apart(rising: pl.DataFrame) -> None:
    at = datetime(2026, 1, 25, 8, tzinfo=UTC)
    alone = trends(rising, at=at)
    others = [hourly(lambda _: 400.0, hours=600, term=f"t{n}", client="other", seed=n) for n in range(2)]
    both = trends(pl.concat([rising, *others]), at=at)
    assert both.filter(pl.col("client_id") == "acme").equals(alone)


def test_nothing_in_is_nothing_out_with_the_schema() -> None:
    assert trends(COUNTS_SCHEMA.to_frame(), at=datetime(2026, 1, 5, tzinfo=UTC)).schema == TRENDS_SCHEMA
    empty = forecast.features(SIGHTINGS_SCHEMA.to_frame(), DEFINITION)
    assert empty.is_empty()
    own = pl.DataFrame([("acme", "coffee beans", 1.0)], schema=OWN_TEXTS_SCHEMA, orient="row")
    assert Interests.fit(own).relevance(CONTEXTS_SCHEMA.to_frame()).schema == RELEVANCE_SCHEMA


def test_counts_off_the_grid_are_refused() -> None:
    row = [("acme", "t", datetime(2026, 1, 5, 0, 30, tzinfo=UTC), 1)]
    with pytest.raises(ValueError, match="group them by period first"):
        trends(pl.DataFrame(row, schema=COUNTS_SCHEMA, orient="row"), at=datetime(2026, 1, 6, tzinfo=UTC))


# --- relevance -------------------------------------------------------------------------------------------------------


def test_a_term_concerns_the_client_that_writes_about_what_surrounds_it() -> None:
    own = pl.DataFrame(
        [
            ("cafe", "Freshly roasted beans and a slow filter brew", 1.0),
            ("cafe", "Our espresso beans come from small farms", 1.0),
            ("gym", "New strength training plan: squats and rows", 1.0),
            ("gym", "Stretching after training keeps you strong", 1.0),
            ("面馆", "今天的牛肉面很好吃", 1.0),
        ],
        schema=OWN_TEXTS_SCHEMA,
        orient="row",
    )
    contexts = pl.DataFrame(
        [
            (client, term, text)
            for client in ("cafe", "gym", "面馆", "nobody")
            for term, text in (
                ("#coldbrew", "Cold filter brew with roasted beans"),
                ("#legday", "Squats on leg day, a hard training"),
                ("牛肉面", None),
                ("🔥", None),
            )
        ],
        schema=CONTEXTS_SCHEMA,
        orient="row",
    )
    judged = Interests.fit(own).relevance(contexts)
    best = judged.sort("relevance", descending=True).group_by("client_id", maintain_order=True).first()
    assert dict(best.select("client_id", "term").iter_rows()) | {"nobody": None} == {
        "cafe": "#coldbrew",
        "gym": "#legday",
        "面馆": "牛肉面",
        "nobody": None,
    }
    assert judged["relevance"].is_between(0, 1 + 1e-9).all()
    assert judged.filter(pl.col("client_id") == "nobody")["relevance"].to_list() == [0, 0, 0, 0]
    assert judged.filter(pl.col("term") == "🔥")["own_mentions"].to_list() == [0, 0, 0, 0]
    row = judged.row(by_predicate=(pl.col("client_id") == "面馆") & (pl.col("term") == "牛肉面"), named=True)
    assert (row["own_mentions"], row["contexts"], set(row["shared_words"])) == (1, 0, {"牛肉", "肉面"})
    assert set(judged.row(0, named=True)["shared_words"]) == {"filter", "brew", "roasted", "beans"}


def test_words_of_scripts_without_spaces_are_pairs_of_characters() -> None:
    assert words("Café à la #crème https://a.b @me 东京奥运") == ["cafe", "creme", "东京", "京奥", "奥运"]
