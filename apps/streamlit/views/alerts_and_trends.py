"""Alerts and trends: what is unusual around the client's accounts, with its picture and what to do next; and which hashtags rise."""

from datetime import timedelta
from typing import Any

import polars as pl
import streamlit as st

from apps.streamlit import figures
from apps.streamlit.language import NOTHING
from apps.streamlit.layout import empty, figure, header, link_to, network_badge, one_line, plain, section
from apps.streamlit.workspace import Workspace, current
from contracts.alerts import is_open

SEVERITIES = {"critical": ("red", "error"), "warning": ("orange", "warning"), "notice": ("blue", "info")}
"""Colour and icon of each, the most severe first."""
MOST_OPEN = 6
EARLIER_FOR = timedelta(weeks=8)
MOST_POSTS = 3
STAGES = ("emerging", "rising", "peaking", "declining")
TRENDS_FOR = timedelta(days=1)  # a trend that was not judged again since yesterday is no news


def render(work: Workspace) -> None:
    header(work, "alerts")
    watched = work.data.watched_streams()
    if watched.is_empty():
        empty(work, "alerts.empty")
    else:
        _alerts(work, watched)
    _trends(work)


def _alerts(work: Workspace, watched: pl.DataFrame) -> None:
    text, alerts = work.text, work.data.alerts()
    open_now = alerts.filter(is_open(work.now.at)) if alerts.height else alerts
    section(text("alerts.open"), help=text("alerts.open_help"))
    if open_now.is_empty():
        st.markdown(f":green[:material/task_alt:] {text('alerts.calm')}")
    else:
        order = pl.col("severity").replace_strict({name: n for n, name in enumerate(SEVERITIES)})
        for row in open_now.sort(order, "told_at", descending=[False, True]).head(MOST_OPEN).iter_rows(named=True):
            _alert(work, row)
        if open_now.height > MOST_OPEN:
            st.caption(text("calendar.more", count=text.number(open_now.height - MOST_OPEN)))
    st.caption(_watched(work, watched))
    earlier = alerts.filter(~is_open(work.now.at), pl.col("told_at") > work.now.at - EARLIER_FOR)
    if earlier.height:
        _earlier(work, earlier)


def _watched(work: Workspace, watched: pl.DataFrame) -> str:
    """How many streams are watched, and from when on those are judged whose past is still too short."""
    said = work.text("alerts.watched", count=watched.height)
    young = watched.filter(pl.col("judged_from") > pl.col("known_until"))
    if young.is_empty():
        return said
    until: Any = young["judged_from"].max()
    return f"{said} {work.text('alerts.young', count=young.height, day=work.text.day(until))}"


def _alert(work: Workspace, row: dict[str, Any]) -> None:
    """What, where, since when, by which figures, what to do, and the picture."""
    text, kind = work.text, _kind(row)
    colour, icon = SEVERITIES[row["severity"]]
    handle = work.desk.handles().get(row["account_id"], row["account_id"])
    going_on = (
        text("alerts.going_on")
        if row["ended_at"] is None
        else text("alerts.over", moment=_moment(work, row, "ended_at"))
    )
    with st.container(
        border=True, key=f"alert-{row['kind']}-{row['account_id']}-{row['raised_at']:%Y%m%d%H}".replace(":", "-")
    ):
        what, picture = st.columns([1, 1.3], gap="large")
        with what:
            st.markdown(
                f":{colour}[:material/{icon}: **{text(f'alerts.kind.{kind}', measure=_measure(work, row))}**] "
                f"{network_badge(work, row['network'])} @{plain(handle)}  \n"
                f"**{text('alerts.severity.' + row['severity'])}** · {_rarity(work, row)}  \n"
                f":gray[{text('alerts.since', moment=_moment(work, row, 'started_at'))} · {going_on}]"
            )
            st.markdown(_figures(work, row))
            st.markdown(f"**{text('alerts.next')}** {text(f'alerts.todo.{kind}')}")
            _posts_below(work, row)
        with picture:
            figure(
                figures.alert_stream(work.data.alert_bins(row["alert_id"]), row, text, zone=work.zone),
                f"alert-{row['alert_id']}",
                alt=text("alerts.picture_alt"),
            )


def _kind(row: dict[str, Any]) -> str:
    if row["kind"] != "metric":
        return str(row["kind"])
    return "rise" if row["seen"] > row["expected"] else "fall"


def _measure(work: Workspace, row: dict[str, Any]) -> str:
    return work.text(f"metric.{row['measure']}")


def _moment(work: Workspace, row: dict[str, Any], name: str) -> str:
    """A day's figures are about a day of the network, which has no hour."""
    return work.text.day(row[name].date()) if row["kind"] == "metric" else work.moment(row[name])


def _rarity(work: Workspace, row: dict[str, Any]) -> str:
    weeks = row["weeks_between"]
    if weeks > 52:
        return work.text("alerts.rarer_than_a_year")
    return work.text("alerts.once_in", count=max(round(weeks), 1))


def _figures(work: Workspace, row: dict[str, Any]) -> str:
    text = work.text
    return text(
        f"alerts.said.{row['kind']}",
        measure=_measure(work, row),
        seen=text.number(row["seen"]),
        seen_of=text.number(row["seen_of"]),
        expected=text.number(row["expected"], digits=0 if row["expected"] >= 10 else 1),
        day=text.day(row["started_at"].date()),
        days=text.number(row["compared_days"]),
    )


def _posts_below(work: Workspace, row: dict[str, Any]) -> None:
    """The posts below which most of the meant comments stand. What people wrote is not listed here."""
    counted = work.data.posts_below(row["comment_ids"])
    posts = (
        counted.join(work.data.posts(), on="post_id", how="inner", maintain_order="left") if counted.height else counted
    )
    if posts.is_empty():
        return
    lines = [
        f"- {one_line(post['text'], 60)} ({work.text('alerts.comments', count=post['comments_meant'])}) "
        f"{link_to(post['permalink'], work.text('content.open')) or ''}"
        for post in posts.head(MOST_POSTS).iter_rows(named=True)
    ]
    st.markdown("\n".join([work.text("alerts.below"), "", *lines]))


def _earlier(work: Workspace, alerts: pl.DataFrame) -> None:
    text = work.text
    section(text("alerts.earlier"))
    rows = alerts.sort("raised_at", descending=True)
    handles = work.desk.handles()
    st.dataframe(
        pl.DataFrame(
            [
                {
                    "since": _moment(work, row, "started_at"),
                    "what": text(f"alerts.kind.{_kind(row)}", measure=_measure(work, row)),
                    "account": "@" + handles.get(row["account_id"], row["account_id"]),
                    "severity": text(f"alerts.severity.{row['severity']}"),
                    "seen": row["seen"],
                    "expected": row["expected"],
                }
                for row in rows.iter_rows(named=True)
            ]
        ),
        hide_index=True,
        key="earlier-alerts",
        column_config={
            "since": st.column_config.TextColumn(text("alerts.began")),
            "what": st.column_config.TextColumn(text("alerts.what"), width="large"),
            "account": st.column_config.TextColumn(text("alerts.account")),
            "severity": st.column_config.TextColumn(text("alerts.how_severe")),
            "seen": st.column_config.NumberColumn(text("figure.seen"), format="localized"),
            "expected": st.column_config.NumberColumn(text("figure.expected"), format="%.1f"),
        },
    )


def _trends(work: Workspace) -> None:
    text = work.text
    section(text("trends.title"), help=text("trends.help"))
    if work.data.rival_posts().is_empty():
        empty(work, "trends.no_rivals")
        return
    trends = work.data.trends()
    if trends.height:
        newest = pl.col("day") == pl.col("day").max()
        trends = trends.filter(newest, pl.col("day") >= work.now.at.date() - TRENDS_FOR)
    if trends.is_empty():
        st.markdown(text("trends.nothing_rises"))
        return
    order = pl.col("stage").replace_strict({name: n for n, name in enumerate(STAGES)})
    trends = trends.sort(order, pl.col("relevance").fill_null(0), "term", descending=[False, True, False])
    st.dataframe(
        trends.select(
            pl.concat_str(pl.lit("#"), "term").alias("term"),
            pl.col("stage").replace({stage: text(f"trends.stage.{stage}") for stage in STAGES}),
            pl.col("relevance"),
            pl.col("growth"),
            "daily_posts",
            "sources",
            "rival_posts",
            "own_posts",
            pl.col("since"),
            pl.col("shared_words").list.join(", "),
        ),
        hide_index=True,
        key="trends",
        placeholder=NOTHING,
        column_config={
            "term": st.column_config.TextColumn(text("trends.hashtag")),
            "stage": st.column_config.TextColumn(text("trends.how_far"), help=text("trends.how_far_help")),
            "relevance": st.column_config.ProgressColumn(
                text("trends.relevance"), help=text("trends.relevance_help"), min_value=0, max_value=1, format="%.2f"
            ),
            "growth": st.column_config.NumberColumn(
                text("trends.growth"), help=text("trends.growth_help"), format="%.1f×"
            ),
            "daily_posts": st.column_config.BarChartColumn(text("trends.daily"), y_min=0),
            "sources": st.column_config.NumberColumn(text("trends.accounts"), help=text("trends.accounts_help")),
            "rival_posts": st.column_config.NumberColumn(text("trends.rivals")),
            "own_posts": st.column_config.NumberColumn(text("trends.own")),
            "since": st.column_config.DateColumn(text("trends.since"), format="YYYY-MM-DD"),
            "shared_words": st.column_config.TextColumn(text("trends.words"), help=text("trends.words_help")),
        },
    )
    st.caption(text("trends.next"))


render(current())
