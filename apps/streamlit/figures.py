"""Figures: frames in, plotly figures out. Every axis names its quantity and unit; what is uncertain shows its interval.

Colours of series that have no meaning of their own come from the theme (`.streamlit/config.toml`).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import plotly.graph_objects as go
import polars as pl

from apps.streamlit.language import Language
from contracts.records import GoalMetric, UnusualDay

NETWORK_COLOURS: Mapping[str, str] = {"bluesky": "#2f7de1", "instagram": "#c2387f"}
MAIN = "#0f766e"
ACCENT = "#e76f51"
QUIET = "#9aa0ab"
BAND = "rgba(15, 118, 110, 0.16)"
GUIDE = "rgba(125, 130, 140, 0.75)"
TRACK = "rgba(125, 130, 140, 0.22)"
INK = "rgb(110, 116, 128)"
"""Seen on a light and on a dark page."""
FEW_TO_MANY = ((0, "#cfe6e2"), (1, "#08524b"))
UNSETTLED = "#c9ccd2"
LESS_TO_MORE = ((0, "#a6480f"), (0.25, "#e39b62"), (0.5, "#f1eee7"), (0.75, "#6bb0a7"), (1, "#0b5f58"))
"""Around one: brown below, teal above. Told apart by those who see no red or no green."""

CONFIG = {"displayModeBar": False, "displaylogo": False}
"""Passed to `st.plotly_chart`: no tool bar, no link elsewhere."""


def network_colour(network: str) -> str:
    return NETWORK_COLOURS.get(network, QUIET)


def followers_trend(daily: pl.DataFrame, names: Mapping[str, str], language: Language) -> go.Figure:
    """Followers per account over days, each as change since the account's first day in `daily`, so that sizes can be compared.

    `daily`: `account_id`, `network`, `day`, `followers`. The hover text carries the absolute count.
    """
    figure = go.Figure()
    for (account_id,), rows in daily.drop_nulls("followers").sort("day").group_by("account_id", maintain_order=True):
        network = rows["network"][0]
        first = rows["followers"][0]
        figure.add_scatter(
            x=rows["day"].to_list(),
            y=(rows["followers"] / first - 1).to_list() if first else [],
            name=names.get(str(account_id), str(account_id)),
            mode="lines",
            line={"color": network_colour(network), "width": 2.4},
            customdata=[
                [language.number(value), language.day(day)]
                for value, day in rows.select("followers", "day").iter_rows()
            ],
            hovertemplate="%{customdata[1]}<br><b>%{customdata[0]}</b> "
            + language("unit.followers")
            + "<extra>%{fullData.name}</extra>",
        )
    _layout(figure, language, y_title=language("figure.followers_change"))
    _date_axis(figure, daily["day"].to_list(), language)
    figure.update_yaxes(tickformat="+.2~%")
    return figure


def weekly_engagement(weeks: pl.DataFrame, language: Language, *, immature_from: date) -> go.Figure:
    """Engagements per week as bars; weeks that end after `immature_from` are still growing and are drawn hollow.

    `weeks`: `week` (Monday), `engagements`, `posts_published`, `mean_engagements_per_post`.
    """
    figure = go.Figure()
    growing = pl.col("week") + timedelta(days=6) >= immature_from
    for rows, name, style in (
        (weeks.filter(~growing), language("figure.final"), {"color": MAIN}),
        (
            weeks.filter(growing),
            language("figure.still_growing"),
            {"color": "rgba(15, 118, 110, 0.22)", "line": {"color": MAIN, "width": 1.4}},
        ),
    ):
        figure.add_bar(
            x=rows["week"].to_list(),
            y=rows["engagements"].to_list(),
            name=name,
            width=5.2 * 24 * 3600 * 1000,  # milliseconds: left to itself a lone bar gets a width of its own
            marker=style,
            customdata=[
                [language.day(week), language.number(total), language.number(posts), language.number(mean, digits=1)]
                for week, total, posts, mean in rows.select(
                    "week", "engagements", "posts_published", "mean_engagements_per_post"
                ).iter_rows()
            ],
            hovertemplate=language("figure.week_hover") + "<extra></extra>",
        )
    _layout(figure, language, x_title=language("figure.week"), y_title=language("figure.engagements_per_week"))
    _date_axis(figure, weeks["week"].to_list(), language)
    figure.update_layout(barmode="overlay", barcornerradius=4)
    return figure


def rivals(profiles: pl.DataFrame, language: Language) -> go.Figure:
    """Likes plus comments per post, median and middle half, of own accounts and rivals.

    `profiles`: `name`, `network`, `is_own`, `posts`, `median`, `low` (25 %), `high` (75 %); drawn in the order given, top first.
    """
    figure = go.Figure()
    for is_own, label in ((True, language("figure.own")), (False, language("figure.rival"))):
        rows = profiles.filter(pl.col("is_own") == is_own)
        figure.add_scatter(
            x=rows["median"].to_list(),
            y=rows["name"].to_list(),
            mode="markers",
            name=label,
            marker={
                "size": 13 if is_own else 11,
                "color": MAIN if is_own else ACCENT,
                "symbol": "circle" if is_own else "diamond",
            },
            error_x={
                "type": "data",
                "symmetric": False,
                "array": (rows["high"] - rows["median"]).to_list(),
                "arrayminus": (rows["median"] - rows["low"]).to_list(),
                "color": MAIN if is_own else ACCENT,
                "thickness": 2.2,
                "width": 0,
            },
            customdata=[
                [language.number(median), language.number(low), language.number(high), language.number(posts)]
                for median, low, high, posts in rows.select("median", "low", "high", "posts").iter_rows()
            ],
            hovertemplate=language("figure.rival_hover") + "<extra>%{y}</extra>",
        )
    _layout(figure, language, x_title=language("figure.likes_and_comments"), height=110 + 34 * profiles.height)
    figure.update_yaxes(categoryorder="array", categoryarray=profiles["name"].to_list()[::-1], title=None)
    figure.update_xaxes(rangemode="tozero")
    return figure


def posts_over_time(posts: pl.DataFrame, language: Language, *, zone: str) -> go.Figure:
    """One mark per post: when it was published and what it gathered (log scale); posts still growing are hollow.

    `posts`: `published_at`, `network`, `engagements`, `is_mature`, `text`.
    """
    figure = go.Figure()
    local = posts.with_columns(pl.col("published_at").dt.convert_time_zone(zone).dt.replace_time_zone(None).alias("at"))
    for network in sorted(posts["network"].unique().to_list()):
        for is_mature in (True, False):
            rows = local.filter((pl.col("network") == network) & (pl.col("is_mature") == is_mature))
            if rows.is_empty():
                continue
            colour = network_colour(network)
            name = language(f"network.{network}") + ("" if is_mature else f" · {language('figure.still_growing')}")
            figure.add_scattergl(
                x=rows["at"].to_list(),
                y=(rows["engagements"] + 1).to_list(),
                mode="markers",
                name=name,
                marker={
                    "size": 8,
                    "opacity": 0.72,
                    "color": colour,
                    "symbol": "circle" if is_mature else "circle-open",
                    "line": {"width": 1.6 if not is_mature else 0},
                },
                customdata=[
                    [language.number(count), _excerpt(text), language.moment(at, zone)]
                    for count, text, at in rows.select("engagements", "text", "published_at").iter_rows()
                ],
                hovertemplate="%{customdata[2]}<br><b>%{customdata[0]}</b> "
                + language("unit.engagements")
                + "<br>%{customdata[1]}<extra></extra>",
            )
    _layout(figure, language, y_title=language("figure.engagements_log"), height=340)
    _date_axis(figure, local["at"].to_list(), language)
    _count_axis(figure, "y", (posts["engagements"] + 1).drop_nulls(), language)
    return figure


def relative_engagement(
    groups: pl.DataFrame, labels: Sequence[str], language: Language, *, title: str, is_vertical: bool = False
) -> go.Figure:
    """Multiple of the account's usual engagement per group, as dots with intervals around the line at 1.

    `groups`: `posts`, `ratio`, `low`, `high` in the order of `labels`. Vertical bars suit ordered groups (hours), horizontal
    ones suit names. A group too small for an interval is drawn faint, without one.
    """
    ratios = groups["ratio"]
    plus = (groups["high"] - ratios).fill_null(0).to_list()
    minus = (ratios - groups["low"]).fill_null(0).to_list()
    faint = groups["low"].is_null().to_list()
    hover = [
        [
            language.times(ratio),
            f"{language.number(low, digits=2)} – {language.number(high, digits=2)}"
            if low is not None
            else language("figure.too_few"),
            language.number(count),
        ]
        for ratio, low, high, count in groups.select("ratio", "low", "high", "posts").iter_rows()
    ]
    error = {
        "type": "data",
        "symmetric": False,
        "array": plus,
        "arrayminus": minus,
        "thickness": 2,
        "width": 0,
        "color": MAIN,
    }
    figure = go.Figure()
    figure.add_scatter(
        x=list(labels) if is_vertical else ratios.to_list(),
        y=ratios.to_list() if is_vertical else list(labels),
        mode="markers",
        showlegend=False,
        marker={
            "size": [float(6 + 2.4 * np.log2(1 + count)) for count in groups["posts"]],
            "color": [QUIET if is_faint else MAIN for is_faint in faint],
            "line": {"width": 0},
        },
        customdata=hover,
        hovertemplate=language("figure.relative_hover") + f"<extra>%{{{'x' if is_vertical else 'y'}}}</extra>",
        **{"error_y" if is_vertical else "error_x": error},
    )
    value_title = language("figure.against_usual")
    if is_vertical:
        figure.add_hline(y=1, line={"color": GUIDE, "dash": "dot", "width": 1.4})
        _layout(figure, language, x_title=title, y_title=value_title, height=330)
        _multiple_axis(figure, "y", groups)
    else:
        figure.add_vline(x=1, line={"color": GUIDE, "dash": "dot", "width": 1.4})
        _layout(figure, language, x_title=value_title, height=90 + 38 * groups.height)
        figure.update_yaxes(title=None, autorange="reversed", type="category")
        _multiple_axis(figure, "x", groups)
    return figure


def posting_heatmap(posts: pl.DataFrame, language: Language) -> go.Figure:
    """How many posts were published per local hour and weekday. `posts`: `local_hour`, `local_weekday` (0 = Monday)."""
    counted = posts.group_by("local_weekday", "local_hour").agg(pl.len().alias("posts"))
    return week_heatmap(counted, "posts", language, unit=language("unit.posts"))


def week_heatmap(rows: pl.DataFrame, count: str, language: Language, *, unit: str) -> go.Figure:
    """The sum of a count per local hour and weekday; an hour without any stays empty.

    `rows`: `local_hour`, `local_weekday` (0 = Monday), `count`, which is in `unit`.
    """
    counts = np.zeros((7, 24), dtype=int)
    for weekday, hour, number in rows.select("local_weekday", "local_hour", count).drop_nulls().iter_rows():
        counts[weekday, hour] += number
    names = [language.weekday(day) for day in range(7)]
    figure = go.Figure(
        go.Heatmap(
            z=np.where(counts == 0, np.nan, counts),
            x=[f"{hour:02d}" for hour in range(24)],
            y=names,
            xgap=2,
            ygap=2,
            colorscale=FEW_TO_MANY,
            colorbar=_colorbar(unit),
            hovertemplate="%{y} %{x}:00<br><b>%{z}</b> " + unit + "<extra></extra>",
        )
    )
    _layout(figure, language, x_title=language("figure.local_hour"), height=330)
    figure.update_yaxes(autorange="reversed", showgrid=False, title=None)
    figure.update_xaxes(showgrid=False, type="category")
    return figure


def hour_strip(effects: pl.DataFrame, names: Mapping[str, str], language: Language) -> go.Figure:
    """What each local hour is worth to each account against its own usual mix of hours, one strip per account.

    `effects`, 24 rows per account in the order of hours: `account_id`, `local_hour`, `posts`, and as ratios `lift`, `low`, `high`.
    """
    parts = effects.partition_by("account_id", maintain_order=True)
    lift = np.array([part["lift"].to_numpy() for part in parts])
    said = [
        [
            [
                language.change(row["lift"]) or "",
                language.percent(row["low"]),
                language.percent(row["high"]),
                row["posts"],
            ]
            for row in part.iter_rows(named=True)
        ]
        for part in parts
    ]
    limit = max(float(np.abs(lift).max()), 0.05)
    figure = go.Figure(
        go.Heatmap(
            z=lift,
            x=[f"{hour:02d}" for hour in range(24)],
            y=[names.get(part["account_id"][0], part["account_id"][0]) for part in parts],
            customdata=said,
            zmin=-limit,
            zmax=limit,
            xgap=2,
            ygap=6,
            colorscale=LESS_TO_MORE,
            colorbar={**_colorbar(language("times.lift")), "tickformat": "+.0%"},
            hovertemplate="%{y} %{x}:00<br><b>%{customdata[0]}</b> (%{customdata[1]} – %{customdata[2]})<br>%{customdata[3]} "
            + language("unit.posts")
            + "<extra></extra>",
        )
    )
    _layout(figure, language, x_title=language("figure.local_hour"), height=120 + 60 * len(parts))
    figure.update_yaxes(autorange="reversed", showgrid=False, title=None)
    figure.update_xaxes(showgrid=False, type="category")
    return figure


def forecast_against_outcome(scores: pl.DataFrame, language: Language) -> go.Figure:
    """Forecast against outcome of each post, with the interval that was stated before publication; both axes in engagements.

    `scores`: `expected_log_engagement`, `lower_log_engagement`, `upper_log_engagement`, `log_engagement`, `is_covered`.
    Axes are log(1 + engagements) with labels in engagements, so that a post without any can be drawn.
    """
    figure = go.Figure()
    limits = [
        0.0,
        float(
            scores.select(
                pl.max_horizontal(pl.col("upper_log_engagement").max(), pl.col("log_engagement").max())
            ).item()
        ),
    ]
    figure.add_scatter(
        x=limits,
        y=limits,
        mode="lines",
        line={"color": GUIDE, "dash": "dot", "width": 1.4},
        name=language("figure.perfect"),
        hoverinfo="skip",
    )
    for is_covered, colour, name in (
        (True, MAIN, language("figure.inside")),
        (False, ACCENT, language("figure.outside")),
    ):
        rows = scores.filter(pl.col("is_covered") == is_covered)
        expected = rows["expected_log_engagement"]
        figure.add_scatter(
            x=expected.to_list(),
            y=rows["log_engagement"].to_list(),
            mode="markers",
            name=name,
            marker={"size": 8, "color": colour, "opacity": 0.85, "symbol": "circle" if is_covered else "x"},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": (rows["upper_log_engagement"] - expected).to_list(),
                "arrayminus": (expected - rows["lower_log_engagement"]).to_list(),
                "thickness": 1,
                "width": 0,
                "color": _faded(colour),
            },
            customdata=[
                [language.number(np.expm1(value)) for value in row]
                for row in rows.select(
                    "expected_log_engagement", "lower_log_engagement", "upper_log_engagement", "log_engagement"
                ).iter_rows()
            ],
            hovertemplate=language("figure.forecast_hover") + "<extra></extra>",
        )
    _layout(figure, language, x_title=language("figure.forecast"), y_title=language("figure.outcome"), height=440)
    ticks = [
        value
        for value in (0, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 1_000_000)
        if np.log1p(value) <= limits[1] * 1.05
    ]
    axis = {
        "tickvals": [float(np.log1p(value)) for value in ticks],
        "ticktext": [language.compact(value) for value in ticks],
    }
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    return figure


def coverage_over_time(coverage: pl.DataFrame, language: Language, *, promised: float, zone: str) -> go.Figure:
    """Share of outcomes inside the forecast's interval as time passes, with its own uncertainty, against what was promised."""
    local = coverage.with_columns(pl.col("mature_at").dt.convert_time_zone(zone).dt.replace_time_zone(None))
    times = local["mature_at"].to_list()
    figure = go.Figure()
    _band(figure, times, local["low"], local["high"], name=language("figure.interval_95"))
    figure.add_scatter(
        x=times,
        y=local["coverage"].to_list(),
        mode="lines",
        name=language("figure.coverage"),
        line={"color": MAIN, "width": 2.4},
        customdata=[
            [language.percent(share, digits=0), language.number(count), language.moment(at, zone)]
            for share, count, at in coverage.select("coverage", "forecasts", "mature_at").iter_rows()
        ],
        hovertemplate=language("figure.coverage_hover") + "<extra></extra>",
    )
    figure.add_scatter(
        x=[times[0], times[-1]],
        y=[promised, promised],
        mode="lines",
        line={"color": GUIDE, "dash": "dot", "width": 1.6},
        name=language("figure.promised", share=language.percent(promised, digits=0)),
        hoverinfo="skip",
    )
    _layout(figure, language, x_title=language("figure.matured"), y_title=language("figure.coverage_axis"), height=405)
    _date_axis(figure, times, language)
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%")
    return figure


def skill_by_week(weeks: pl.DataFrame, language: Language) -> go.Figure:
    """Share of the baseline's error that a model saved, by week and origin; above zero it was better. Marks grow with the forecasts.

    `weeks`: `week` (Monday), `origin`, `skill_over_baseline` (null: nothing to compare with), `scored_forecasts`.
    """
    figure = go.Figure()
    known = weeks.drop_nulls("skill_over_baseline").sort("week")
    for origin, colour in (("shadow", ACCENT), ("decision", MAIN)):
        rows = known.filter(pl.col("origin") == origin)
        if rows.is_empty():
            continue
        figure.add_scatter(
            x=rows["week"].to_list(),
            y=rows["skill_over_baseline"].to_list(),
            mode="lines+markers",
            name=language(f"origin.{origin}"),
            line={"color": colour, "width": 1.6},
            marker={"size": (6 + 2 * rows["scored_forecasts"].sqrt()).clip(6, 22).to_list(), "color": colour},
            customdata=[
                [language.day(week), language.percent(skill, digits=0), language.number(count)]
                for week, skill, count in rows.select("week", "skill_over_baseline", "scored_forecasts").iter_rows()
            ],
            hovertemplate=language("figure.skill_hover") + "<extra>%{fullData.name}</extra>",
        )
    _layout(figure, language, x_title=language("figure.week"), y_title=language("figure.skill"))
    _date_axis(figure, known["week"].to_list(), language)
    figure.add_hline(y=0, line={"color": GUIDE, "dash": "dot", "width": 1.6})
    figure.update_yaxes(tickformat="+.0%")
    return figure


def evidence_over_days(watch: pl.DataFrame, language: Language, *, alarm: float) -> go.Figure:
    """Evidence against a model day by day (log scale), and the line from which it counts.

    `watch`: `day`, `scored_forecasts`, `drift_evidence`, `decay_evidence`.
    """
    figure = go.Figure()
    days = watch["day"].to_list()
    for kind, colour in (("drift", MAIN), ("decay", ACCENT)):
        figure.add_scatter(
            x=days,
            y=watch[f"{kind}_evidence"].clip(1e-3, 1e6).to_list(),
            mode="lines+markers" if len(days) < 3 else "lines",
            name=language(f"figure.evidence_{kind}"),
            line={"color": colour, "width": 2.2},
            customdata=[
                [language.day(day), language.number(evidence, digits=2), language.number(count)]
                for day, evidence, count in watch.select("day", f"{kind}_evidence", "scored_forecasts").iter_rows()
            ],
            hovertemplate=language("figure.evidence_hover") + "<extra>%{fullData.name}</extra>",
        )
    figure.add_hline(y=alarm, line={"color": GUIDE, "dash": "dot", "width": 1.6})
    figure.add_annotation(
        text=language("figure.evidence_alarm"),
        x=1,
        xref="x domain",
        y=float(np.log10(alarm)),  # an annotation on a log axis wants the exponent
        yanchor="bottom",
        showarrow=False,
        font={"color": INK},
    )
    _layout(figure, language, x_title=language("figure.matured"), y_title=language("figure.evidence"))
    _date_axis(figure, days, language)
    top = max(2.0, float(np.log10(max(watch["drift_evidence"].max(), watch["decay_evidence"].max(), alarm))) + 0.3)
    figure.update_yaxes(type="log", range=[-1.5, min(top, 6.0)], dtick=1)
    return figure


def correlations(rows: pl.DataFrame, language: Language) -> go.Figure:
    """Rank correlations as dots with intervals, the client's mean and each account, one colour per origin.

    `rows`: `label`, `origin`, `forecasts`, `correlation`, `low`, `high`, `is_mean`; drawn in the order given, top first.
    """
    figure = go.Figure()
    figure.add_vline(x=0, line={"color": GUIDE, "dash": "dot", "width": 1.4})
    labels = rows["label"].unique(maintain_order=True).to_list()
    origins = [origin for origin in ("decision", "shadow") if origin in rows["origin"].to_list()]
    for offset, origin in enumerate(origins):
        group = rows.filter(pl.col("origin") == origin)
        colour = MAIN if origin == "decision" else ACCENT
        shift = (offset - (len(origins) - 1) / 2) * 0.26
        figure.add_scatter(
            x=group["correlation"].to_list(),
            y=[labels.index(label) + shift for label in group["label"]],
            mode="markers",
            name=language(f"origin.{origin}"),
            marker={
                "color": colour,
                "size": [14 if is_mean else 9 for is_mean in group["is_mean"]],
                "symbol": ["diamond" if is_mean else "circle" for is_mean in group["is_mean"]],
            },
            error_x={
                "type": "data",
                "symmetric": False,
                "array": (group["high"] - group["correlation"]).fill_null(0).to_list(),
                "arrayminus": (group["correlation"] - group["low"]).fill_null(0).to_list(),
                "color": colour,
                "thickness": 1.8,
                "width": 0,
            },
            customdata=[
                [
                    language.number(value, digits=2),
                    f"{language.number(low, digits=2)} – {language.number(high, digits=2)}"
                    if low is not None
                    else language("figure.too_few"),
                    language.number(count),
                    label,
                ]
                for value, low, high, count, label in group.select(
                    "correlation", "low", "high", "forecasts", "label"
                ).iter_rows()
            ],
            hovertemplate=language("figure.correlation_hover") + "<extra></extra>",
        )
    _layout(figure, language, x_title=language("figure.rank_correlation"), height=130 + 46 * len(labels))
    lowest = float(rows.select(pl.min_horizontal("correlation", "low").min()).item())
    figure.update_xaxes(range=[max(-1.02, min(-0.3, lowest - 0.05)), 1.02], tickformat=".1f")
    figure.update_yaxes(tickvals=list(range(len(labels))), ticktext=labels, range=[len(labels) - 0.4, -0.6], title=None)
    return figure


def unusual_day(found: UnusualDay, language: Language) -> go.Figure:
    """A strange day at the end of the days before it, over the band of the usual; shares in percent, all else in multiples of the usual."""
    days, values = [day for day, _ in found.past], [value for _, value in found.past]
    shown = language.percent if found.is_share else language.times
    figure = go.Figure()
    top = max(found.value, *values, found.expected) * 1.12 or 1.0
    figure.add_hrect(
        y0=0.0 if found.low is None else found.low,
        y1=top if found.high is None else min(found.high, top),
        fillcolor=BAND,
        line_width=0,
        layer="below",
    )
    for x, y, mode, style, name in (
        (days, values, "lines", {"line": {"color": MAIN, "width": 2}}, language("figure.days_before")),
        ([found.day], [found.value], "markers", {"marker": {"color": ACCENT, "size": 11}}, language("figure.this_day")),
    ):
        figure.add_scatter(
            x=x,
            y=y,
            mode=mode,
            name=name,
            customdata=[[language.day(day), shown(value)] for day, value in zip(x, y, strict=True)],
            hovertemplate="%{customdata[0]}<br><b>%{customdata[1]}</b><extra></extra>",
            **style,
        )
    axis = language("figure.share" if found.is_share else "figure.of_the_usual")
    _layout(figure, language, y_title=axis, height=190)
    _date_axis(figure, [*days, found.day], language, ticks=4)
    figure.update_yaxes(
        range=[0, top], tickformat=".0%" if found.is_share else None, ticksuffix="" if found.is_share else "×"
    )
    return figure


def alert_stream(bins: pl.DataFrame, alert: Mapping[str, Any], language: Language, *, zone: str) -> go.Figure:
    """The stream around an alert: what came, what was expected, how far the usual reaches, and the unusual marked.

    `bins`: rows of learning/alert_bins, oldest first; `alert`: a row of learning/alerts. Hours are shown in `zone`, a day's figures by day.
    Where no single height says where the usual ends (negative comments) there is no band.
    """
    is_daily = alert["kind"] == "metric"
    rows = bins.sort("starts_at")
    local = rows["starts_at"] if is_daily else rows["starts_at"].dt.convert_time_zone(zone)
    times = local.dt.replace_time_zone(None).to_list()
    figure = go.Figure()
    if rows["high"].drop_nulls().len():
        _band(figure, times, rows["low"], rows["high"], name=language("figure.usual_range"))
    figure.add_scatter(
        x=times,
        y=rows["expected"].to_list(),
        mode="lines",
        name=language("figure.expected"),
        line={"color": GUIDE, "dash": "dot", "width": 1.6},
        hoverinfo="skip",
    )
    said = [
        [
            language.day(at) if is_daily else f"{language.short_day(at)}, {at:%H:%M}",
            language.number(seen) + (f" / {language.number(of)}" if of is not None else ""),
            language.number(expected, digits=0 if expected >= 10 else 1),
        ]
        for at, seen, of, expected in zip(times, rows["seen"], rows["seen_of"], rows["expected"], strict=True)
    ]
    hover = language("figure.alert_hover") + "<extra></extra>"
    figure.add_scatter(
        x=times,
        y=rows["seen"].to_list(),
        mode="lines",
        name=language("figure.seen"),
        line={"color": MAIN, "width": 2},
        customdata=said,
        hovertemplate=hover,
    )
    over = alert["ended_at"]
    is_meant = (rows["starts_at"] >= alert["started_at"]) & (True if over is None else rows["starts_at"] < over)
    meant = is_meant.arg_true().to_list()
    figure.add_scatter(
        x=[times[at] for at in meant],
        y=[rows["seen"][at] for at in meant],
        mode="markers",
        name=language("figure.unusual"),
        marker={"color": ACCENT, "size": 9},
        customdata=[said[at] for at in meant],
        hovertemplate=hover,
    )
    _layout(figure, language, y_title=language(f"figure.alert_{alert['kind']}"), height=270)
    _date_axis(figure, times, language, ticks=5)
    figure.update_yaxes(rangemode="tozero")
    return figure


def goal_progress(goal: Mapping[str, Any], language: Language, *, shown: Callable[[float | None], str]) -> go.Figure:
    """How far a goal has come, in its own unit: a bar over the way to the target, where a steady pace would stand, where this one leads.

    `goal`: a row of gold/kpi_goals; `shown` writes its quantities. A level begins at its baseline, where the target lies above it; a rate
    has no pace. What is not known is written out and has no bar.
    """
    target, actual, projection = goal["target"], goal["actual"], goal["projection"]
    baseline = goal["baseline"]
    start = baseline if baseline is not None and target > baseline else 0.0
    is_rate = GoalMetric(goal["metric"]).is_rate
    reach = max(value for value in (target, actual, start + 1.3 * (target - start)) if value is not None)
    length = reach - start
    figure = go.Figure()
    figure.add_bar(
        x=[target - start], y=[0], base=[start], orientation="h", width=0.9, marker={"color": TRACK}, hoverinfo="skip"
    )
    if actual is None:
        figure.add_annotation(
            x=start + length / 100, y=0, xanchor="left", text=language("figure.not_known"), showarrow=False
        )
    else:
        figure.add_bar(
            x=[actual - start],
            y=[0],
            base=[start],
            orientation="h",
            width=0.46,
            marker={"color": ACCENT if goal["status"] in ("behind", "missed") else MAIN},
            hovertemplate=f"{language('figure.reached')} <b>{shown(actual)}</b><extra></extra>",
        )
    if not is_rate:
        steady = start + (target - start) * goal["elapsed_ratio"]
        figure.add_shape(
            type="line", x0=steady, x1=steady, y0=-0.5, y1=0.5, line={"color": INK, "width": 1.6, "dash": "dot"}
        )
    if projection is not None and not is_rate:
        is_beyond = projection > reach
        figure.add_scatter(
            x=[min(max(projection, start), reach)],
            y=[0],
            mode="markers",
            marker={
                "symbol": "triangle-right" if is_beyond else "diamond-open",
                "size": 11,
                "color": INK,
                "line": {"width": 1.8, "color": INK},
            },
            hovertemplate=f"{language('figure.leads_to')} <b>{shown(projection)}</b><extra></extra>",
            cliponaxis=False,
        )
    figure.add_shape(type="line", x0=target, x1=target, y0=-0.62, y1=0.62, line={"color": INK, "width": 3})
    _layout(figure, language, height=96)
    figure.update_layout(barmode="overlay", showlegend=False, margin={"l": 12, "r": 16, "t": 6, "b": 14})
    figure.update_xaxes(
        range=[min(start, actual if actual is not None else start) - length * 0.01, reach + length * 0.02],
        tickvals=[start, target],
        ticktext=[shown(start), shown(target)],
        showgrid=False,
        zeroline=False,
    )
    figure.update_yaxes(visible=False, range=[-0.75, 0.75])
    return figure


def goal_pacing(
    known: pl.DataFrame, ahead: pl.DataFrame, target: float, language: Language, *, level: float
) -> go.Figure:
    """What has come so far (`day`, `value`), the band in which the rest is expected (`day`, `median`, `lower`, `upper`), and the target."""
    figure = go.Figure()
    joined = known.tail(1).select(
        "day", *(pl.col("value").cast(pl.Float64).alias(n) for n in ("median", "lower", "upper"))
    )
    fan = pl.concat([joined, ahead.select("day", "median", "lower", "upper")])
    days = fan["day"].to_list()
    share = language.percent(level, digits=0)
    _band(figure, days, fan["lower"], fan["upper"], name=language("figure.interval_of", share=share))
    figure.add_scatter(
        x=days,
        y=fan["median"].to_list(),
        mode="lines",
        line={"color": MAIN, "width": 2, "dash": "dash"},
        name=language("figure.expected"),
        customdata=[
            [language.day(day), language.number(median), language.number(lower), language.number(upper)]
            for day, median, lower, upper in fan.iter_rows()
        ],
        hovertemplate="%{customdata[0]}<br><b>%{customdata[1]}</b> (%{customdata[2]} – %{customdata[3]})<extra></extra>",
    )
    figure.add_scatter(
        x=known["day"].to_list(),
        y=known["value"].to_list(),
        mode="lines",
        line={"color": MAIN, "width": 2.6},
        name=language("figure.so_far"),
        customdata=[[language.day(day), language.number(value)] for day, value in known.iter_rows()],
        hovertemplate="%{customdata[0]}<br><b>%{customdata[1]}</b><extra></extra>",
    )
    figure.add_scatter(
        x=[min([*known["day"].head(1), days[0]]), days[-1]],
        y=[target, target],
        mode="lines",
        line={"color": INK, "width": 1.8, "dash": "dot"},
        name=language("figure.target"),
        hovertemplate=f"{language('figure.target')} <b>{language.number(target)}</b><extra></extra>",
    )
    _layout(figure, language, height=230)
    _date_axis(figure, [*known["day"], *days], language)
    return figure


def weekly_mix(cells: pl.DataFrame, by: str, names: Mapping[str | None, str], language: Language) -> go.Figure:
    """How often each group was posted in each week (the number) and how well (the colour, against the account's median).

    `cells`: `week`, `by`, `posts_published`, `times_median`; rows in the order of `names`. Grey: posted, and no post is final yet. No
    colour and no number: nothing was posted.
    """
    weeks = sorted(set(cells["week"]))
    order = list(names)
    posts, times = np.zeros((len(order), len(weeks))), np.full((len(order), len(weeks)), np.nan)
    for week, name, count, multiple in cells.select("week", by, "posts_published", "times_median").iter_rows():
        place = order.index(name), weeks.index(week)
        posts[place] = count
        times[place] = np.nan if multiple is None else multiple
    said = [
        [
            [
                language.day(weeks[column]),
                language.number(posts[row, column]),
                language("figure.no_final") if np.isnan(times[row, column]) else language.times(times[row, column]),
            ]
            for column in range(len(weeks))
        ]
        for row in range(len(order))
    ]
    common = {
        "x": list(range(len(weeks))),
        "y": [names[name] for name in order],
        "xgap": 2,
        "ygap": 2,
        "text": [[language.number(count) if count else "" for count in row] for row in posts],
        "texttemplate": "%{text}",
        "customdata": said,
        "hovertemplate": language("figure.mix_hover") + "<extra>%{y}</extra>",
    }
    figure = go.Figure()
    figure.add_heatmap(
        z=np.where((posts > 0) & np.isnan(times), 1.0, np.nan),
        colorscale=[[0, UNSETTLED], [1, UNSETTLED]],
        showscale=False,
        **common,
    )
    with np.errstate(divide="ignore"):
        figure.add_heatmap(
            z=np.clip(np.log2(times), -2, 2),
            zmin=-2,
            zmax=2,
            colorscale=LESS_TO_MORE,
            colorbar=_colorbar(
                language("figure.times_median"), tickvals=[-2, -1, 0, 1, 2], ticktext=["≤ ¼×", "½×", "1×", "2×", "≥ 4×"]
            ),
            **common,
        )
    _layout(figure, language, x_title=language("figure.week"), height=110 + 40 * len(order))
    step = -(-len(weeks) // 14)
    figure.update_xaxes(
        tickvals=list(range(0, len(weeks), step)),
        ticktext=[language.short_day(week) for week in weeks[::step]],
        showgrid=False,
        zeroline=False,
    )
    figure.update_yaxes(autorange="reversed", showgrid=False, zeroline=False, title=None)
    return figure


def shares(rows: pl.DataFrame, language: Language) -> go.Figure:
    """Share of all posts of each group as bars, with a line where it was meant to be.

    `rows`: `label`, `posts`, `share`, `planned` (null where nobody said); drawn in the order given, top first.
    """
    figure = go.Figure()
    figure.add_bar(
        x=rows["share"].to_list(),
        y=rows["label"].to_list(),
        orientation="h",
        name=language("figure.share_of_posts"),
        marker={"color": MAIN},
        width=0.55,
        customdata=[
            [language.percent(share, digits=0), language.number(posts)]
            for share, posts in rows.select("share", "posts").iter_rows()
        ],
        hovertemplate=language("figure.share_hover") + "<extra>%{y}</extra>",
    )
    planned = rows.filter(pl.col("planned").is_not_null())
    if planned.height:
        figure.add_scatter(
            x=planned["planned"].to_list(),
            y=planned["label"].to_list(),
            mode="markers",
            name=language("figure.planned"),
            marker={"symbol": "line-ns", "size": 24, "line": {"width": 3.4, "color": ACCENT}},
            customdata=[[language.percent(share, digits=0)] for share in planned["planned"]],
            hovertemplate=f"{language('figure.planned')} <b>%{{customdata[0]}}</b><extra>%{{y}}</extra>",
        )
    _layout(figure, language, x_title=language("figure.share_of_posts"), height=110 + 36 * rows.height)
    figure.update_yaxes(autorange="reversed", title=None, type="category")
    figure.update_xaxes(rangemode="tozero", tickformat=".0%")
    return figure


def growth(cells: pl.DataFrame, ages: Sequence[str], language: Language, *, is_share: bool) -> go.Figure:
    """Cohorts by age: a row for each week, the newest on top, a column for each age, in every cell the value and the posts it rests on.

    `cells`: `week`, `age_hours`, `value` (a share of the final count, or a mean per post), `posts_counted`, `posts_published`, `unknown`
    (why there is no value). `ages` are the names of the ages in ascending order. What is not known has no colour.
    """
    weeks = sorted(set(cells["week"]), reverse=True)
    hours = sorted(set(cells["age_hours"]))
    values = np.full((len(weeks), len(hours)), np.nan)
    words = [["" for _ in hours] for _ in weeks]
    said = [[["", ""] for _ in hours] for _ in weeks]
    for cell in cells.iter_rows(named=True):
        row, column, value = weeks.index(cell["week"]), hours.index(cell["age_hours"]), cell["value"]
        counted, published = language.number(cell["posts_counted"]), language.number(cell["posts_published"])
        if value is None:
            shown = language(f"figure.cell_{cell['unknown']}")
            words[row][column], why = shown, language(f"figure.why_{cell['unknown']}")
        else:
            values[row, column] = value
            shown = (
                language.percent(value, digits=0)
                if is_share
                else language.number(value, digits=0 if value >= 10 else 1)
            )
            words[row][column], why = f"<b>{shown}</b>  {counted}/{published}", shown
        said[row][column] = [why, language("figure.counted_of", counted=counted, published=published)]
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=list(ages),
            y=[language.day(week) for week in weeks],
            zmin=0,
            zmax=1 if is_share else None,
            xgap=2,
            ygap=2,
            text=words,
            texttemplate="%{text}",
            customdata=said,
            hovertemplate="%{y} · %{x}<br><b>%{customdata[0]}</b><br>%{customdata[1]}<extra></extra>",
            hoverongaps=True,
            colorscale=FEW_TO_MANY,
            colorbar=_colorbar(
                language("figure.of_final" if is_share else "figure.mean_per_post"),
                tickformat=".0%" if is_share else None,
            ),
        )
    )
    _layout(
        figure,
        language,
        x_title=language("figure.age"),
        y_title=language("figure.cohort"),
        height=110 + 34 * len(weeks),
    )
    figure.update_yaxes(autorange="reversed", showgrid=False, type="category")
    figure.update_xaxes(showgrid=False, type="category", side="top")
    return figure


def growth_forecast(
    looks: pl.DataFrame, usual: pl.DataFrame, post: Mapping[str, Any], language: Language, *, final_hours: float
) -> go.Figure:
    """A growing post: what was seen so far, the fan in which it is forecast to end, how its account's posts usually grow, and the count from
    which it would be among the best.

    `looks`: `age_hours`, `value` by age; `usual`: `age_hours`, `usual`; `post`: a row of `decisions/posts_taking_off`.
    """
    figure = go.Figure()
    if usual.height:
        _line(
            figure,
            [0.0, *usual["age_hours"]],
            [0.0, *usual["usual"]],
            language("figure.usual_growth"),
            language,
            line={"color": QUIET, "width": 2, "dash": "dash"},
        )
    age, count = post["age_hours"], post["engagements"]
    figure.add_scatter(
        x=[age, final_hours, final_hours],
        y=[count, post["upper_engagements"], post["lower_engagements"]],
        fill="toself",
        fillcolor=BAND,
        mode="lines",
        line={"width": 0},
        name=language("figure.ends_within", level=language.percent(post["interval_level"], digits=0)),
        hoverinfo="skip",
    )
    _line(
        figure,
        [age, final_hours],
        [count, post["expected_engagements"]],
        language("figure.expected_end"),
        language,
        line={"color": MAIN, "width": 2, "dash": "dot"},
    )
    _line(
        figure,
        [0.0, *looks["age_hours"]],
        [0.0, *looks["value"]],
        language("figure.seen_so_far"),
        language,
        mode="lines+markers",
        line={"color": MAIN, "width": 3},
    )
    figure.add_hline(
        y=post["threshold_engagements"],
        line={"color": ACCENT, "dash": "dot", "width": 1.6},
        annotation_text=language("figure.best_from"),
        annotation_position="top left",
    )
    _layout(figure, language, x_title=language("figure.hours_since"), y_title=language("unit.engagements"), height=360)
    figure.update_xaxes(range=[0, final_hours * 1.02], tickvals=list(range(0, int(final_hours) + 1, 12)))
    figure.update_yaxes(rangemode="tozero")
    return figure


def _line(
    figure: go.Figure,
    ages: Sequence[float],
    counts: Sequence[float],
    name: str,
    language: Language,
    *,
    mode: str = "lines",
    **style: Any,
) -> None:
    """Counts over hours since publication."""
    figure.add_scatter(
        x=ages,
        y=counts,
        mode=mode,
        name=name,
        customdata=[
            [language.number(age, digits=1), language.number(count)] for age, count in zip(ages, counts, strict=True)
        ],
        hovertemplate="%{customdata[0]} h<br><b>%{customdata[1]}</b><extra>%{fullData.name}</extra>",
        **style,
    )


# --- the look that all figures share ---------------------------------------------------------------------------------------


def _layout(
    figure: go.Figure, language: Language, *, x_title: str | None = None, y_title: str | None = None, height: int = 310
) -> None:
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 12, "t": 34 if len(figure.data) > 1 else 8, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "title": None},
        separators=language.separators,
        hoverlabel={"align": "left"},
    )
    figure.update_xaxes(title=x_title, automargin=True)
    figure.update_yaxes(title=y_title, automargin=True)


def _band(figure: go.Figure, x: Sequence[Any], low: pl.Series, high: pl.Series, *, name: str) -> None:
    """The area between `low` and `high`, without edges of its own."""
    edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    figure.add_scatter(x=x, y=high.to_list(), showlegend=False, **edge)
    figure.add_scatter(x=x, y=low.to_list(), fill="tonexty", fillcolor=BAND, name=name, **edge)


def _colorbar(title: str, **ticks: object) -> dict[str, object]:
    """The key of a heat map's colours; `ticks` as plotly names them."""
    return {"title": {"text": title, "side": "top"}, "thickness": 10, "outlinewidth": 0, **ticks}


def _date_axis(figure: go.Figure, days: Sequence[date | datetime], language: Language, *, ticks: int = 6) -> None:
    """Label a time axis in the reader's language (plotly itself knows English month names only)."""
    if not days:
        return
    if isinstance(days[0], datetime):
        first, last = min(days), max(days)
        even = [first + (last - first) / ticks * index for index in range(ticks + 1)]
        marks = list({mark.date(): mark for mark in reversed(even)}.values())  # one a day: the label says no more
    else:  # one value per day or week: marks stand on values that there are
        values = sorted(set(days))
        marks = values[:: -(-len(values) // ticks)]
    figure.update_xaxes(tickvals=marks, ticktext=[language.short_day(mark) for mark in marks])


def _count_axis(figure: go.Figure, axis: str, values: pl.Series, language: Language) -> None:
    """A log axis of `count + 1`, labelled with counts."""
    top = float(values.max() or 1)
    ticks = [
        count
        for count in (0, 2, 5, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 1_000_000)
        if count <= top * 1.3
    ]
    figure.update_layout(
        {
            f"{axis}axis": {
                "type": "log",
                "tickvals": [count + 1 for count in ticks],
                "ticktext": [language.compact(count) for count in ticks],
            }
        }
    )


def _multiple_axis(figure: go.Figure, axis: str, groups: pl.DataFrame) -> None:
    """A log axis of multiples, cut where the intervals of tiny groups would squeeze the rest."""
    known = groups.filter(pl.col("low").is_not_null())
    low = min(0.5, float(known["low"].min()) if known.height else 0.5)
    high = max(2.0, float(known["high"].max()) if known.height else 2.0, float(groups["ratio"].max() or 2.0))
    low, high = max(low, 0.1), min(high, 10.0)
    ticks = [0.1, 0.2, 0.5, 1, 2, 5, 10]
    figure.update_layout(
        {
            f"{axis}axis": {
                "type": "log",
                "range": [float(np.log10(low)) - 0.06, float(np.log10(high)) + 0.06],
                "tickvals": ticks,
                "ticktext": [f"{tick:g}×" for tick in ticks],
            }
        }
    )


def _faded(colour: str) -> str:
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.28)"


def _excerpt(text: str | None, length: int = 70) -> str:
    flat = " ".join((text or "").split())
    flat = flat if len(flat) <= length else flat[: length - 1] + "…"
    return flat.replace("<", "&lt;")
