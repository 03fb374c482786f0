"""Audience activity: in which hours of the week people wrote, when the client posted, and which hours promise more than the usual."""

import polars as pl
import streamlit as st

from apps.streamlit import figures
from apps.streamlit.best_times import best_times
from apps.streamlit.layout import empty, figure, header, one_of, section
from apps.streamlit.workspace import Workspace, current


def render(work: Workspace) -> None:
    header(work, "audience")
    _activity(work)
    best_times(work)


def _activity(work: Workspace) -> None:
    activity = work.data.activity()
    if activity.is_empty():
        empty(work, "audience.empty")
        return
    text = work.text
    activity, times = _chosen(work, activity, work.data.posting_times())
    if activity.is_empty():
        empty(work, "audience.nothing_matches")
        return
    total = int(activity["activities"].sum())
    st.markdown(text("audience.summary", count=total, shown=text.number(total), zone=text.zone(work.zone, work.now.at)))
    left, right = st.columns(2, gap="large")
    with left:
        section(text("audience.when"), help=text("audience.when_help"))
        chart = figures.week_heatmap(activity, "activities", text, unit=text("unit.activities"))
        figure(chart, "activity", alt=text("audience.when_alt"))
    with right:
        section(text("audience.posted"), help=text("audience.posted_help"))
        if times.is_empty():
            empty(work, "audience.nothing_posted")
        else:
            chart = figures.week_heatmap(times, "posts_published", text, unit=text("unit.posts"))
            figure(chart, "posted", alt=text("content.habits_alt"))
    st.info(text("audience.note"), icon=":material/info:")


def _chosen(work: Workspace, activity: pl.DataFrame, times: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What people wrote and when was posted, of the accounts and the source that the reader chose."""
    text = work.text
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="filters"):
        networks = sorted(activity["network"].unique())
        chosen = st.pills(
            text("content.network"),
            networks,
            selection_mode="multi",
            format_func=lambda name: text(f"network.{name}"),
            key="audience_network",
        )
        source = one_of(
            text("audience.source"),
            ["all", "comments", "messages"],
            named=lambda name: text(f"audience.source_{name}"),
            key="audience_source",
        )
    if chosen:
        activity = activity.filter(pl.col("network").is_in(chosen))
        times = times.filter(pl.col("network").is_in(chosen)) if times.height else times
    return (activity if source == "all" else activity.filter(pl.col("source") == source)), times


render(current())
