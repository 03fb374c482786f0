"""Spikes in made-up streams: planted ones are told with their evidence, calm ones stay within the budget, the future changes nothing."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from scipy import stats

from ml.streams import negativity, volume
from ml.streams.alerts import Alert, Evidence, Kind, Severity
from ml.streams.budget import Budget, Tail, affordable_rate, tails, within
from ml.streams.detection import Judged, alerts
from ml.streams.negativity import NegativitySettings, beta_binomial_tail
from ml.streams.stream import DAY, Floats, Stream, StreamError
from ml.streams.volume import VolumeSettings

HOUR = timedelta(hours=1)
STARTS_AT = datetime(2026, 1, 5, tzinfo=UTC)
HOURLY = VolumeSettings(windows=(HOUR, 3 * HOUR))


def made_up(weeks: int = 8, per_hour: float = 40, seed: int = 0, every: timedelta = HOUR) -> Stream:
    """Negative binomial counts with a season by day."""
    rng = np.random.default_rng(seed)
    bins = weeks * 7 * (DAY // every)
    days = np.arange(bins) * (every / DAY)
    rates = per_hour * (every / HOUR) * np.exp(0.8 * np.sin(2 * np.pi * days)) * rng.gamma(10, 0.1, bins)
    return Stream("acme", "mentions of acme", STARTS_AT, every, rng.poisson(rates).astype(np.float64))


def changed(stream: Stream, first: int, values: Floats) -> Stream:
    counts = stream.counts.copy()
    counts[first : first + len(values)] = values
    return Stream(stream.client_id, stream.stream_id, stream.starts_at, stream.bin, counts)


def spikes(stream: Stream, a_week: int = 2, settings: VolumeSettings = HOURLY) -> list[Alert]:
    return alerts(stream, volume.judge(stream, settings), Budget(a_week))


def test_a_spike_is_told_in_its_first_hour_with_its_evidence() -> None:
    first = 24 * 40 + 3
    calm = made_up()
    stream = changed(calm, first, np.full(6, 900.0))
    (alert,) = [
        alert
        for alert in spikes(stream, settings=VolumeSettings(windows=(HOUR,)))
        if stream.start_of(first) < alert.raised_at <= stream.start_of(first + 6)
    ]
    evidence = alert.evidence
    assert alert.raised_at == stream.start_of(first + 1)
    assert (alert.client_id, alert.kind, alert.severity) == ("acme", Kind.VOLUME, Severity.CRITICAL)
    assert evidence.window == HOUR
    assert evidence.seen == 900
    assert evidence.expected == pytest.approx(calm.counts[first % 24 :: 24].mean(), rel=0.25)
    assert evidence.surprise >= evidence.threshold
    assert evidence.since <= stream.start_of(first)
    assert evidence.compared_days == 14
    assert alert.sentence.startswith("mentions of acme: 900 in 1 hour, where about ")
    assert "less often than once a year" in alert.sentence
    assert f"High since {evidence.since:%Y-%m-%d %H:%M} UTC" in alert.sentence


def test_where_nothing_happens_the_budget_is_kept_and_used() -> None:
    weeks, runs = 8, 12
    for a_week in (1, 2):
        by_week = np.zeros((runs, weeks))
        for seed in range(runs):
            for alert in spikes(made_up(weeks, seed=seed), a_week):
                by_week[seed, min((alert.raised_at - STARTS_AT) // (7 * DAY), weeks - 1)] += 1
        assert (by_week.mean(axis=1) <= a_week).all()
        assert (by_week <= a_week).mean() >= 0.95
        assert by_week.sum() > 0


def test_a_larger_budget_never_tells_later() -> None:
    stream = changed(made_up(seed=3), 24 * 40, np.full(4, 200.0))
    first = [min(alert.raised_at for alert in spikes(stream, a_week)) for a_week in (1, 2, 4, 7)]
    assert first == sorted(first, reverse=True)
    assert len(spikes(stream, 7)) > len(spikes(stream, 1))


@pytest.mark.parametrize("a_week", [1, 2, 3, 7])
def test_the_rate_that_a_budget_affords_keeps_it_in_95_of_100_weeks(a_week: int) -> None:
    assert stats.poisson.cdf(a_week, affordable_rate(a_week)) == pytest.approx(0.95)
    assert Budget(a_week, streams=4).rate_per_week == pytest.approx(affordable_rate(a_week) / 4)


def test_what_comes_later_changes_no_alert() -> None:
    stream = changed(made_up(seed=5), 24 * 30, np.full(5, 700.0))
    negative = np.minimum(np.floor(stream.counts * 0.2), stream.counts)
    negative[24 * 33 : 24 * 33 + 4] = stream.counts[24 * 33 : 24 * 33 + 4]
    whole = spikes(stream, 3)
    whole_negative = alerts(stream, negativity.judge(stream, negative), Budget(3))
    assert whole
    assert whole_negative
    for bins in (24 * 20 + 7, 24 * 30 + 2, 24 * 33 + 3, 24 * 50):
        past = Stream(stream.client_id, stream.stream_id, stream.starts_at, stream.bin, stream.counts[:bins])
        until = past.end_of(bins - 1)
        assert spikes(past, 3) == [alert for alert in whole if alert.raised_at <= until]
        assert alerts(past, negativity.judge(past, negative[:bins]), Budget(3)) == [
            alert for alert in whole_negative if alert.raised_at <= until
        ]


def judged(surprise: Floats) -> Judged:
    bins = len(surprise)
    return Judged(
        Kind.VOLUME, surprise, np.ones(bins, np.int64), np.full(bins, 50.0), np.ones(bins), None, 14.0, 2, False
    )


def test_one_event_is_told_once_unless_it_becomes_more_severe() -> None:
    stream = made_up(weeks=6)
    surprise = np.zeros(len(stream.counts))
    tail = tails(surprise, 24, silent_days=2)[30]
    notice, warning = tail.height(1 / 3), tail.height(1 / 20)
    surprise[24 * 30 : 24 * 30 + 20] = notice
    assert [alert.severity for alert in alerts(stream, judged(surprise), Budget(2))] == [Severity.NOTICE]
    surprise[24 * 30 + 5 : 24 * 30 + 9] = warning
    told = alerts(stream, judged(surprise), Budget(2))
    assert [alert.severity for alert in told] == [Severity.NOTICE, Severity.WARNING]
    assert told[1].raised_at == stream.end_of(24 * 30 + 5)
    assert told[1].evidence.since == stream.start_of(24 * 30)


def test_what_stays_high_is_one_event() -> None:
    stream = made_up(weeks=6)
    surprise = np.zeros(len(stream.counts))
    surprise[24 * 30 : 24 * 33] = tails(surprise, 24, silent_days=2)[30].height(1 / 3)
    assert len(alerts(stream, judged(surprise), Budget(2))) == 1
    surprise[24 * 32] = 0.0
    assert len(alerts(stream, judged(surprise), Budget(2))) == 2


def test_a_handful_of_mentions_is_no_alert() -> None:
    quiet = Stream("acme", "mentions", STARTS_AT, HOUR, np.zeros(24 * 30))
    assert spikes(changed(quiet, 24 * 25, np.full(1, 4.0))) == []
    assert len(spikes(changed(quiet, 24 * 25, np.full(1, 40.0)))) == 1


def test_the_same_number_is_more_surprising_at_a_quieter_time_of_day() -> None:
    stream = made_up(weeks=6, per_hour=100, seed=1)
    night, day = 24 * 35 + 18, 24 * 35 + 6
    usual_by_day = float(np.median(stream.counts[6::24]))

    def surprise_at(index: int, is_seasonal: bool) -> float:
        settings = VolumeSettings(windows=(HOUR,), is_seasonal=is_seasonal)
        return float(volume.judge(changed(stream, index, np.array([usual_by_day])), settings).surprise[index])

    assert surprise_at(night, True) > 4
    assert abs(surprise_at(day, True)) < 1.5
    assert surprise_at(night, False) == pytest.approx(surprise_at(day, False), abs=0.5)


def test_a_bin_that_was_not_read_is_no_zero() -> None:
    stream = made_up(weeks=6, seed=2)
    gone = changed(stream, 24 * 30, np.full(48, np.nan))
    zeros = changed(stream, 24 * 30, np.zeros(48))
    behind = slice(24 * 32, 24 * 34)
    undisturbed = volume.judge(stream, HOURLY).surprise[behind]
    assert np.abs(volume.judge(gone, HOURLY).surprise[behind] - undisturbed).max() < 1.5
    assert (volume.judge(gone, HOURLY).surprise[24 * 30 : 24 * 32] == 0).all()
    assert volume.judge(zeros, HOURLY).surprise[24 * 30 + 24] < -3


@pytest.mark.parametrize("every", [timedelta(minutes=5), DAY])
def test_bins_of_minutes_and_of_days(every: timedelta) -> None:
    stream = made_up(weeks=4 if every < DAY else 20, per_hour=60, every=every, seed=4)
    first = len(stream.counts) - 2
    spiked = changed(stream, first, stream.counts[first:] * 40 + 40)
    told = alerts(spiked, volume.judge(spiked), Budget(2))
    (news,) = [alert for alert in told if alert.raised_at > spiked.start_of(first)]
    assert news.raised_at == spiked.end_of(first)
    assert news.sentence.endswith(
        "at the same time of day." if every < DAY else "compared with the 56 days before at the same day of the week."
    )


def test_a_tail_says_how_often_daily_maxima_get_so_high() -> None:
    tail = Tail(2.0, 0.5)
    assert tail.per_week(tail.height(0.8)) == pytest.approx(0.8)
    maxima = 2.0 + np.random.default_rng(0).exponential(0.7, 28 * 60)
    estimated = [tails(maxima[n : n + 28], 1, silent_days=0)[-1].height(0.35) for n in range(0, len(maxima), 28)]
    # Two thirds of the weight are the stream's own: between a plain stream's height and the true one, 90 % of days.
    plain, true = Tail(2.0, 0.6).height(0.35), float(np.quantile(maxima, 1 - 0.35 / 7))
    assert plain < np.mean(estimated) < true + 0.1


def alert_at(
    hours: float, weeks: float, kind: Kind = Kind.VOLUME, client: str = "acme", stream: str = "mentions"
) -> Alert:
    at = STARTS_AT + hours * HOUR
    return Alert(client, stream, kind, at, Evidence(9, 1.0, None, HOUR, 5.0, 3.0, weeks, at, 14.0, "time of day"))


def test_a_busy_month_silences_all_but_what_is_rarer() -> None:
    busy = [alert_at(30 * n, 2.0) for n in range(8)]
    assert within(busy, Budget(1)) == busy[:4]
    crisis = alert_at(250, 9.0)
    assert within([*busy, crisis], Budget(1)) == [*busy[:4], crisis]
    later = alert_at(24 * 40, 2.0)
    assert within([*busy, later], Budget(1)) == [*busy[:4], later]


def test_what_says_nothing_new_is_left_out() -> None:
    first = alert_at(0, 2.0)
    assert within([first, first, alert_at(3, 2.0)], Budget(3)) == [first]
    more_severe, elsewhere = alert_at(3, 20.0), alert_at(3, 2.0, stream="mentions of acme in Spain")
    assert len(within([first, more_severe, elsewhere], Budget(3))) == 3
    bad_news = alert_at(3, 2.0, Kind.NEGATIVITY)
    assert within([first, bad_news], Budget(3)) == [first, bad_news]
    assert within([bad_news, alert_at(3, 2.0), alert_at(4, 2.0)], Budget(3)) == [bad_news]


def test_a_budget_is_one_clients() -> None:
    with pytest.raises(ValueError, match="one client"):
        within([alert_at(0, 2.0), alert_at(1, 2.0, client="other")], Budget(2))
    with pytest.raises(ValueError, match="at least one alert"):
        Budget(0)


# --- Negativity


def with_negative(seed: int = 0, share: float = 0.15) -> tuple[Stream, Floats]:
    stream = made_up(weeks=6, seed=seed)
    rng = np.random.default_rng(seed + 100)
    shares = rng.beta(share * 40, (1 - share) * 40, len(stream.counts))
    return stream, rng.binomial(stream.counts.astype(int), shares).astype(np.float64)


def test_the_tail_is_the_beta_binomials() -> None:
    for seen, seen_of, a, b in [(3, 10, 2.0, 8.0), (0, 5, 1.0, 1.0), (40, 40, 3.0, 17.0), (25, 400, 15.0, 285.0)]:
        assert beta_binomial_tail(seen, seen_of, a, b) == pytest.approx(stats.betabinom.sf(seen - 1, seen_of, a, b))


def test_a_larger_share_of_more_mentions_is_told() -> None:
    stream, negative = with_negative()
    first = 24 * 30 + 8
    mentions = changed(stream, first, np.full(3, 120.0))
    negative[first : first + 3] = 70.0
    told = alerts(mentions, negativity.judge(mentions, negative), Budget(2))
    (alert, *_) = [alert for alert in told if alert.raised_at > mentions.start_of(first)]
    assert alert.raised_at == mentions.end_of(first)
    assert (alert.evidence.seen, alert.evidence.seen_of) == (70, 120)
    assert alert.evidence.expected == pytest.approx(0.15 * 120, rel=0.15)
    assert alert.sentence.startswith("mentions of acme: 70 of 120 mentions in 1 hour are negative (58%), where 1")


def test_neither_more_mentions_nor_a_large_share_of_few_is_negativity() -> None:
    stream, negative = with_negative()
    first = 24 * 30 + 8
    more, as_negative = changed(stream, first, np.full(3, 600.0)), negative.copy()
    as_negative[first : first + 3] = 90.0
    assert negativity.judge(more, as_negative).surprise[first] < 1
    few, all_of_them = changed(stream, first, np.full(1, 3.0)), negative.copy()
    all_of_them[first] = 3.0
    assert negativity.judge(few, all_of_them).surprise[first] == pytest.approx(0.0, abs=0.5)


def test_a_share_that_moves_a_lot_is_allowed_to() -> None:
    stream = Stream("acme", "mentions", STARTS_AT, HOUR, np.full(24 * 30, 40.0))
    steady = np.full(24 * 30, 8.0)
    moving = np.where(np.arange(24 * 30) % 5 == 0, 24.0, 4.0)
    steady[-1] = moving[-1] = 24.0
    settings = NegativitySettings(window=HOUR)
    assert negativity.judge(stream, steady, settings).surprise[-1] > 3
    assert negativity.judge(stream, moving, settings).surprise[-1] < 2


# --- What cannot be judged


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"client_id": ""}, "belongs to one client"),
        ({"starts_at": datetime(2026, 1, 5)}, "in UTC"),  # noqa: DTZ001
        ({"bin": timedelta(minutes=7)}, "divide a day"),
        ({"bin": timedelta(days=7)}, "divide a day"),
        ({"counts": np.array([1.0, -1.0])}, "not negative"),
        ({"counts": np.array([1.0, 0.5])}, "whole"),
        ({"counts": np.array([[1.0]])}, "one row of floats"),
    ],
)
def test_a_stream_that_cannot_be_judged_says_why(change: dict[str, object], message: str) -> None:
    good = {"client_id": "acme", "stream_id": "m", "starts_at": STARTS_AT, "bin": HOUR, "counts": np.ones(3)}
    with pytest.raises(StreamError, match=message):
        Stream(**{**good, **change})


def test_negative_mentions_are_some_of_all() -> None:
    stream, negative = with_negative()
    with pytest.raises(StreamError, match="some of all mentions"):
        negativity.judge(stream, stream.counts + 1)
    with pytest.raises(StreamError, match="some of all mentions"):
        negativity.judge(stream, negative[:-1])


def test_a_short_stream_says_nothing() -> None:
    for bins in (0, 1, 30):
        assert spikes(Stream("acme", "m", STARTS_AT, HOUR, np.full(bins, 5.0))) == []
    assert math.isfinite(tails(np.zeros(0), 24, silent_days=2)[0].height(0.5))
