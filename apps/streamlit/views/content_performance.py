"""Content performance: which posts gathered what, by format, theme and hour, with how sure one can be."""

from datetime import timedelta

import polars as pl
import streamlit as st

from apps.streamlit import figures
from apps.streamlit.data import RATES
from apps.streamlit.estimates import against_usual, relative_engagement
from apps.streamlit.language import NOTHING
from apps.streamlit.layout import empty, figure, header, one_of, section
from apps.streamlit.workspace import Workspace, current

PERIODS = {"28": 28, "90": 90, "365": 365, "all": None}


def render(work: Workspace) -> None:
    header(work, "content")
    posts = work.data.posts()
    if posts.is_empty():
        empty(work, "content.empty")
        return
    posts = posts.join(work.data.pillars_of_posts(), on="post_id", how="left")
    shown = _filtered(work, posts)
    if shown.is_empty():
        empty(work, "content.nothing_matches")
        return
    shown = against_usual(shown)
    _summary(work, shown)
    what, when, over_time = st.tabs(
        [work.text("content.what"), work.text("content.when"), work.text("content.over_time")]
    )
    with over_time:
        figure(
            figures.posts_over_time(shown.drop_nulls("engagements"), work.text, zone=work.zone),
            "posts-over-time",
            alt=work.text("content.over_time_alt"),
        )
    with what:
        _what(work, shown)
    with when:
        _when(work, shown)
    _table(work, shown)


def _filtered(work: Workspace, posts: pl.DataFrame) -> pl.DataFrame:
    """The posts that the reader chose."""
    text = work.text
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="filters"):
        period = one_of(
            text("content.period"),
            list(PERIODS),
            default="90",
            named=lambda name: text(f"content.period_{name}"),
            key="content_period",
        )
        networks = sorted(posts["network"].unique().to_list())
        network = st.pills(
            text("content.network"),
            networks,
            selection_mode="multi",
            format_func=lambda name: text(f"network.{name}"),
            key="content_network",
        )
        formats = sorted(posts["content_format"].unique().to_list())
        kinds = st.pills(
            text("content.format"),
            formats,
            selection_mode="multi",
            format_func=lambda name: text(f"format.{name}"),
            key="content_format",
        )
        pillars = {pillar.pillar_id: pillar.name for pillar in work.client.brand.pillars}
        chosen = st.multiselect(
            text("content.pillar"),
            list(pillars),
            format_func=lambda pillar_id: pillars[pillar_id],
            key="content_pillar",
            placeholder=text("content.any"),
            width=240,
        )
        only_mature = st.toggle(text("content.only_final"), help=text("content.only_final_help"), key="content_final")
        only_pulso = st.toggle(text("content.only_pulso"), key="content_pulso")
    days = PERIODS[period]
    if days is not None:
        # Counted back from the newest post where the clock is far ahead of it, as in a replayed history.
        newest = min(work.today, posts["published_day"].max())  # type: ignore[type-var]
        posts = posts.filter(pl.col("published_day") > newest - timedelta(days=days))
    if network:
        posts = posts.filter(pl.col("network").is_in(network))
    if kinds:
        posts = posts.filter(pl.col("content_format").is_in(kinds))
    if chosen:
        posts = posts.filter(pl.col("pillar_id").is_in(chosen))
    if only_mature:
        posts = posts.filter("is_mature")
    if only_pulso:
        posts = posts.filter("is_published_by_pulso")
    return posts


def _summary(work: Workspace, posts: pl.DataFrame) -> None:
    text = work.text
    mature = posts.filter("is_mature")
    growing = posts.height - mature.height
    line = text("content.summary", count=posts.height, shown=text.number(posts.height))
    if not mature.is_empty():
        line += " " + text("content.median", median=text.number(mature["mature_engagements"].median()))  # type: ignore[arg-type]
    if growing:
        line += " " + text(
            "content.growing", count=growing, shown=text.number(growing), hours=work.settings.mature_after_hours
        )
    st.markdown(line)


def _what(work: Workspace, posts: pl.DataFrame) -> None:
    """By format and by theme, each against the account's usual."""
    text = work.text
    if posts["log_against_usual"].drop_nulls().len() < 3:
        empty(work, "content.too_few_final")
        return
    left, right = st.columns(2, gap="large")
    with left:
        section(text("content.by_format"), help=text("content.relative_help"))
        groups = relative_engagement(posts, "content_format").sort("ratio", descending=True)
        labels = [text(f"format.{name}") for name in groups["content_format"]]
        figure(
            figures.relative_engagement(groups, labels, text, title=text("content.format")),
            "by-format",
            alt=text("content.by_format_alt"),
        )
    with right:
        section(text("content.by_pillar"), help=text("content.pillar_help"))
        if posts["pillar_id"].drop_nulls().is_empty():
            empty(work, "content.no_theme_found")
        else:
            _by_pillar(work, posts)
    st.caption(text("content.interval_note"))


def _by_pillar(work: Workspace, posts: pl.DataFrame) -> None:
    text = work.text
    pillars = {pillar.pillar_id: pillar.name for pillar in work.client.brand.pillars}
    themed = posts.with_columns(pl.col("pillar_id").fill_null("—"))
    groups = relative_engagement(themed, "pillar_id").sort("ratio", descending=True)
    labels = [pillars.get(pillar_id, text("content.no_pillar")) for pillar_id in groups["pillar_id"]]
    figure(
        figures.relative_engagement(groups, labels, text, title=text("content.pillar")),
        "by-pillar",
        alt=text("content.by_pillar_alt"),
    )


def _when(work: Workspace, posts: pl.DataFrame) -> None:
    """By hour of the client's day, and when the client posts at all."""
    text = work.text
    if posts["log_against_usual"].drop_nulls().len() < 3:
        empty(work, "content.too_few_final", place="-when")
        return
    left, right = st.columns(2, gap="large")
    with left:
        section(text("content.by_hour"), help=text("content.relative_help"))
        groups = relative_engagement(posts, "local_hour")
        labels = [f"{hour:02d}" for hour in groups["local_hour"]]
        chart = figures.relative_engagement(groups, labels, text, title=text("figure.local_hour"), is_vertical=True)
        figure(chart, "by-hour", alt=text("content.by_hour_alt"))
    with right:
        section(text("content.habits"), help=text("content.habits_help"))
        figure(figures.posting_heatmap(posts, text), "habits", alt=text("content.habits_alt"))
    st.caption(text("content.hour_note"))


def _table(work: Workspace, posts: pl.DataFrame) -> None:
    text = work.text
    section(text("content.table"))
    carried = [name for name in RATES if posts[f"engagement_rate_by_{name}"].drop_nulls().len()]
    rate = None
    if carried:
        rate = one_of(
            text("content.rate"),
            carried,
            named=lambda name: text(f"rate.{name}"),
            key="content_rate",
            help=text("content.rate_help"),
        )
    rate_column = f"engagement_rate_by_{rate}" if rate else None
    if rate_column:
        carrying = posts[rate_column].drop_nulls().len()
        st.caption(text("content.rate_carried", shown=text.number(carrying), total=text.number(posts.height)))
    pillars = {pillar.pillar_id: pillar.name for pillar in work.client.brand.pillars}
    table = posts.select(
        pl.col("published_at").dt.convert_time_zone(work.zone).dt.replace_time_zone(None),
        pl.col("network").replace_strict(
            {name: text(f"network.{name}") for name in posts["network"].unique()}, return_dtype=pl.String
        ),
        pl.col("content_format").replace_strict(
            {name: text(f"format.{name}") for name in posts["content_format"].unique()}, return_dtype=pl.String
        ),
        pl.col("pillar_id").replace(pillars).alias("pillar"),
        "text",
        "engagements",
        pl.when("is_mature")
        .then(pl.lit(text("content.final")))
        .otherwise(pl.lit(text("content.still_growing")))
        .alias("maturity"),
        pl.col("log_against_usual").exp().alias("against_usual"),
        *([pl.col(rate_column)] if rate_column else []),
        "reach",
        "views",
        pl.when("is_published_by_pulso")
        .then(pl.lit("Pulso"))
        .otherwise(pl.lit(text("content.by_client")))
        .alias("origin"),
        "permalink",
    )
    st.dataframe(
        table,
        hide_index=True,
        height=430,
        key="posts-table",
        placeholder=NOTHING,
        column_config={
            "published_at": st.column_config.DatetimeColumn(
                text("content.published"), format="YYYY-MM-DD HH:mm", width=136, pinned=True
            ),
            "network": st.column_config.TextColumn(text("content.network"), width=84),
            "content_format": st.column_config.TextColumn(text("content.format"), width=80),
            "pillar": st.column_config.TextColumn(text("content.pillar"), width=130),
            "text": st.column_config.TextColumn(text("content.text"), width=240),
            "engagements": st.column_config.NumberColumn(
                text("metric.engagements"), format="localized", help=text("metric.engagements_help")
            ),
            "maturity": st.column_config.TextColumn(
                text("content.maturity"), width="small", help=text("content.only_final_help")
            ),
            "against_usual": st.column_config.NumberColumn(
                text("content.against_usual"), format="%.2f×", help=text("content.relative_help")
            ),
            **(
                {
                    rate_column: st.column_config.NumberColumn(
                        text(f"metric.{rate_column}"), format="percent", help=text(f"metric.{rate_column}_help")
                    )
                }
                if rate_column
                else {}
            ),
            "reach": st.column_config.NumberColumn(text("metric.reach"), format="localized"),
            "views": st.column_config.NumberColumn(text("metric.views"), format="localized"),
            "origin": st.column_config.TextColumn(text("content.origin"), width="small"),
            "permalink": st.column_config.LinkColumn(
                text("content.link"), display_text=text("content.open"), width="small"
            ),
        },
    )


render(current())
