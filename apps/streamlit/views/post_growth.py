"""Post growth: what the posts of now are coming to, and how those of one week gathered what they have, cohort by cohort."""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import streamlit as st

from apps.streamlit import figures
from apps.streamlit.growing import growth_now
from apps.streamlit.language import NOTHING, Language
from apps.streamlit.layout import empty, figure, header, one_line, one_of, section
from apps.streamlit.workspace import Workspace, current

COUNTS = ("engagements", "reach", "views", "impressions")
COHORTS = 13  # weeks shown


def render(work: Workspace) -> None:
    header(work, "growth")
    growth_now(work)
    cohorts = work.data.cohorts()
    if cohorts.is_empty():
        empty(work, "growth.empty")
        return
    if not cohorts["posts_counted"].sum():
        empty(work, "growth.nothing_counted")
        return
    cohorts, count, measure = _chosen(work, cohorts)
    recent = cohorts["week"].unique().sort().tail(COHORTS)
    cohorts = cohorts.filter(pl.col("week").is_in(recent.implode()))
    looked_at = cohorts.filter(pl.col("posts_counted") > 0)["week"]
    unseen = recent.filter(recent < looked_at.min()) if looked_at.len() else recent.head(0)  # type: ignore[operator]
    cohorts = cohorts.filter(~pl.col("week").is_in(unseen.implode()))
    ages = sorted(cohorts["age_hours"].unique())
    _cards(work, cohorts, count, ages)
    cells = cohorts.select(
        "week",
        "age_hours",
        "posts_published",
        "posts_counted",
        pl.col(f"{measure}_{count}" if measure == "share_of_final" else f"{measure}_{count}_per_post").alias("value"),
        pl.col(f"mean_{count}_per_post").alias("mean"),
    ).with_columns(_why_unknown(work))
    section(
        work.text(f"growth.{measure}", count=work.text(f"metric.{count}")), help=work.text(f"growth.{measure}_help")
    )
    chart = figures.growth(
        cells, [_age(work.text, age) for age in ages], work.text, is_share=measure == "share_of_final"
    )
    figure(chart, "growth", alt=work.text("growth.alt"))
    st.caption(work.text("growth.legend"))
    if unseen.len():
        st.caption(f":material/info: {work.text('growth.unseen', count=unseen.len())}")
    _posts(work, cohorts, count, ages)


def _chosen(work: Workspace, cohorts: pl.DataFrame) -> tuple[pl.DataFrame, str, str]:
    """The cohorts of one network and one format, what is counted, and how it is shown.

    One of each at a time: a cohort of mixed posts would show the mix of its week, not how posts grow.
    """
    text = work.text
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="filters"):
        networks = _most_counted(cohorts, "network")
        network = one_of(
            text("content.network"),
            networks,
            named=lambda name: text(f"network.{name}"),
            key="growth_network",
        )
        cohorts = cohorts.filter(pl.col("network") == network)
        formats = _most_counted(cohorts, "content_format")
        kind = one_of(
            text("content.format"),
            formats,
            named=lambda name: text(f"format.{name}"),
            key=f"growth_format_{network}",
            help=text("growth.one_at_a_time"),
        )
        cohorts = cohorts.filter(pl.col("content_format") == kind)
        told = [name for name in COUNTS if cohorts[f"mean_{name}_per_post"].drop_nulls().len()] or [COUNTS[0]]
        count = one_of(
            text("growth.count"),
            told,
            named=lambda name: text(f"metric.{name}"),
            key=f"growth_count_{network}_{kind}",
            help=text("growth.count_help"),
        )
        measure = one_of(
            text("growth.measure"),
            ["share_of_final", "mean"],
            named=lambda name: text(f"growth.measure_{name}"),
            key="growth_measure",
        )
    return cohorts, count, measure


def _most_counted(cohorts: pl.DataFrame, by: str) -> list[str]:
    """Values of `by`, the one with most posts counted at any age first."""
    return (
        cohorts.group_by(by).agg(pl.col("posts_counted").sum()).sort("posts_counted", by, descending=[True, False])[by]
    ).to_list()


def _why_unknown(work: Workspace) -> pl.Expr:
    """Why a cell has no value: `not_yet`, `not_looked`, `not_sent` or `no_final`; null where it has one."""
    today = work.now.at.astimezone(ZoneInfo(work.zone)).replace(tzinfo=None)
    end = pl.col("week").cast(pl.Datetime("us")) + pl.duration(days=7, hours=pl.col("age_hours"))
    return (
        pl.when(pl.col("value").is_not_null())
        .then(None)
        .when((pl.col("posts_counted") == 0) & (end > today))
        .then(pl.lit("not_yet"))
        .when(pl.col("posts_counted") == 0)
        .then(pl.lit("not_looked"))
        .when(pl.col("mean").is_null())
        .then(pl.lit("not_sent"))
        .otherwise(pl.lit("no_final"))
        .alias("unknown")
    )


def _cards(work: Workspace, cohorts: pl.DataFrame, count: str, ages: Sequence[int]) -> None:
    """How much of the final count the middle cohort had at each age."""
    text = work.text
    section(text("growth.typical", count=text(f"metric.{count}")), help=text("growth.typical_help"))
    for column, age in zip(st.columns(len(ages)), ages, strict=True):
        known = cohorts.filter((pl.col("age_hours") == age) & pl.col(f"share_of_final_{count}").is_not_null())
        share: Any = known[f"share_of_final_{count}"].median()
        column.metric(
            text("growth.after", age=_age(text, age)),
            text.percent(share, digits=0),
            text(
                "growth.rests_on",
                count=known.height,
                cohorts=text.number(known.height),
                posts=text.number(known["posts_counted"].sum()),
            )
            if known.height
            else text("growth.rests_on_none"),
            delta_color="off",
            delta_arrow="off",
            border=True,
            height="stretch",
        )


def _age(text: Language, hours: int) -> str:
    if hours < 72:
        return text("growth.hours", hours=text.number(hours))
    return text("growth.days", days=text.number(hours / 24))


def _posts(work: Workspace, cohorts: pl.DataFrame, count: str, ages: Sequence[int]) -> None:
    """The posts of one cohort, each at every age at which it was looked at."""
    text = work.text
    weeks = cohorts.filter(pl.col("posts_counted") > 0)["week"].unique().sort(descending=True).to_list()
    if not weeks:
        return
    section(text("growth.posts"))
    week = st.selectbox(text("growth.week"), weeks, format_func=text.day, key=f"growth_week_{text.code}", width=220)
    one = cohorts.row(0, named=True)
    of_cohort = (
        (pl.col("network") == one["network"])
        & (pl.col("content_format") == one["content_format"])
        & (pl.col("published_day").dt.truncate("1w") == week)
    )
    posts = work.data.posts().filter(of_cohort)
    looked = work.data.counts_at_age().join(posts.select("post_id"), on="post_id", how="semi")
    at_age = {
        age: looked.filter(pl.col("age_hours") == age).select("post_id", pl.col(count).alias(f"at_{age}"))
        for age in ages
    }
    for rows in at_age.values():
        posts = posts.join(rows, on="post_id", how="left", maintain_order="left")
    table = posts.select(
        pl.col("published_at").dt.convert_time_zone(work.zone).dt.replace_time_zone(None),
        pl.col("text").map_elements(lambda words: one_line(words, 90).replace("\\", ""), return_dtype=pl.String),
        *(f"at_{age}" for age in ages),
        pl.when(pl.col("mature_at").is_not_null()).then(pl.col(count)).alias("final"),
    )
    st.dataframe(
        table,
        hide_index=True,
        key="growth-posts",
        placeholder=NOTHING,
        column_config={
            "published_at": st.column_config.DatetimeColumn(text("content.published"), format="YYYY-MM-DD HH:mm"),
            "text": st.column_config.TextColumn(text("content.text"), width="large"),
            **{
                f"at_{age}": st.column_config.NumberColumn(
                    _age(text, age), format="localized", help=text("growth.at_help")
                )
                for age in ages
            },
            "final": st.column_config.NumberColumn(
                text("growth.final"), format="localized", help=text("growth.final_help")
            ),
        },
    )


render(current())
