"""Content mix: what was posted how often, week by week, against what was meant, and what it earned against the account's own median."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import polars as pl
import streamlit as st

from apps.streamlit import figures
from apps.streamlit.absences import absences
from apps.streamlit.estimates import against_median, median_multiple
from apps.streamlit.language import NOTHING
from apps.streamlit.layout import absence, empty, figure, header, one_of, section
from apps.streamlit.workspace import Workspace, current

WEEKS = {"13": 13, "26": 26, "52": 52, "all": None}


def render(work: Workspace) -> None:
    header(work, "mix")
    formats = work.data.format_weeks()
    if formats.is_empty():
        empty(work, "mix.empty")
        return
    first, last = _period(work, formats["week"].min(), formats["week"].max())  # type: ignore[arg-type]
    within = pl.col("week").is_between(first, last)
    posts = work.data.posts().with_columns(pl.col("published_day").dt.truncate("1w").alias("week")).filter(within)
    posts = against_median(posts)
    by_theme, by_format = st.tabs([work.text("mix.themes"), work.text("mix.formats")])
    with by_theme:
        themes = work.data.pillar_weeks()
        if themes.is_empty():
            empty(work, "mix.empty", place="-themes")
        else:
            _themes(work, themes.filter(within), posts)
    with by_format:
        _formats(work, formats.filter(within), posts)
    st.caption(work.text("mix.note", hours=work.settings.mature_after_hours))
    found = absences(work.data.availability(), "engagements", first_day=first, last_day=last + timedelta(days=6))
    for row in found.iter_rows(named=True):
        st.caption(f":material/info: {absence(work.text, row)}")


def _period(work: Workspace, oldest: date, newest: date) -> tuple[date, date]:
    """Mondays of the first and the last week that the reader chose."""
    chosen = one_of(
        work.text("mix.period"),
        list(WEEKS),
        named=lambda name: work.text("mix.period_all") if name == "all" else work.text("mix.weeks", weeks=name),
        key="mix_period",
    )
    weeks = WEEKS[chosen]
    return (oldest if weeks is None else max(oldest, newest - timedelta(weeks=weeks - 1))), newest


def _themes(work: Workspace, weeks: pl.DataFrame, posts: pl.DataFrame) -> None:
    text, pillars = work.text, work.client.brand.pillars
    if not pillars and weeks["pillar_id"].drop_nulls().is_empty():
        empty(work, "mix.no_themes")
        return
    known = work.data.pillars_of_posts()
    posts = posts.join(known.select("post_id", "pillar_id", "known_by"), on="post_id", how="inner")
    total, unplaced = posts.height, posts["pillar_id"].null_count()
    by = dict(posts["known_by"].value_counts().iter_rows())
    st.markdown(
        text(
            "mix.placed",
            count=total,
            shown=text.number(total),
            draft=text.number(by.get("draft", 0)),
            words=text.number(by.get("words", 0)),
        )
        + " "
        + (
            text(
                "mix.unplaced",
                count=unplaced,
                shown=text.number(unplaced),
                share=text.percent(unplaced / total, digits=0),
            )
            if unplaced
            else text("mix.all_placed")
        )
    )
    names = {pillar.pillar_id: pillar.name for pillar in pillars}
    names |= {
        pillar_id: name or pillar_id
        for pillar_id, name in weeks.select("pillar_id", "pillar_name").drop_nulls("pillar_id").unique().iter_rows()
        if pillar_id not in names
    }
    planned = {pillar.pillar_id: pillar.intended_share for pillar in pillars}
    _mix(work, weeks, posts, "pillar_id", {**names, None: text("mix.no_theme")}, planned)


def _formats(work: Workspace, weeks: pl.DataFrame, posts: pl.DataFrame) -> None:
    text = work.text
    networks = sorted(weeks["network"].unique())
    if len(networks) > 1:
        network = st.pills(
            text("content.network"), networks, format_func=lambda name: text(f"network.{name}"), key="mix_network"
        )
        if network:
            weeks, posts = weeks.filter(pl.col("network") == network), posts.filter(pl.col("network") == network)
    often = (
        weeks.group_by("content_format").agg(pl.col("posts_published").sum()).sort("posts_published", "content_format")
    )
    names = {name: text(f"format.{name}") for name in often["content_format"][::-1]}
    _mix(work, weeks, posts, "content_format", names, {})


def _mix(
    work: Workspace,
    weeks: pl.DataFrame,
    posts: pl.DataFrame,
    by: str,
    names: Mapping[str | None, str],
    planned: Mapping[str | None, float | None],
) -> None:
    """How often and how well, by week, and over the whole period with the numbers beside it.

    `weeks`: `week`, `by`, `posts_published`, `engagements`; `posts`: `week`, `by`, `times_median`; `names` in the order in which to show them.
    """
    text = work.text
    counted = weeks.group_by("week", by).agg(pl.col("posts_published").sum())
    cells = counted.join(median_multiple(posts, "week", by), on=["week", by], how="left", nulls_equal=True)
    section(text(f"mix.weekly_{by}"), help=text("mix.weekly_help"))
    figure(figures.weekly_mix(cells, by, names, text), f"mix-{by}", alt=text("mix.weekly_alt"))
    rows = _totals(weeks, posts, by, list(names))
    left, right = st.columns([1, 1.5], gap="large")
    with left:
        section(text("mix.shares"), help=text("mix.shares_help") if any(planned.values()) else None)
        shares = rows.with_columns(
            pl.Series("planned", [planned.get(name) for name in rows[by]], dtype=pl.Float64),
            pl.Series("label", [names[name] for name in rows[by]], dtype=pl.String),
        )
        figure(figures.shares(shares, text), f"shares-{by}", alt=text("mix.shares_alt"))
        if by == "pillar_id" and not any(planned.values()):
            st.caption(text("mix.no_plan"))
    with right:
        section(text("mix.numbers"))
        _table(work, shares, by)


def _totals(weeks: pl.DataFrame, posts: pl.DataFrame, by: str, order: Sequence[str | None]) -> pl.DataFrame:
    """Over all weeks: `by`, `posts`, `share`, `engagements` (null where a week with posts has none), `times_median`, `final_posts`."""
    totals = weeks.group_by(by).agg(
        pl.col("posts_published").sum().alias("posts"),
        pl.when(((pl.col("posts_published") > 0) & pl.col("engagements").is_null()).any())
        .then(None)
        .otherwise(pl.col("engagements").sum())
        .alias("engagements"),
    )
    everything = pl.DataFrame({by: order}, schema={by: pl.String})
    return (
        everything.join(totals, on=by, how="left", nulls_equal=True, maintain_order="left")
        .join(median_multiple(posts, by), on=by, how="left", nulls_equal=True, maintain_order="left")
        .with_columns(pl.col("posts").fill_null(0))
        .with_columns((pl.col("posts") / pl.col("posts").sum()).alias("share"))
    )


def _table(work: Workspace, rows: pl.DataFrame, by: str) -> None:
    text = work.text
    is_planned = rows["planned"].drop_nulls().len() > 0
    st.dataframe(
        rows.select(
            "label",
            "posts",
            pl.col("share") * 100,
            *(
                [pl.col("planned") * 100, ((pl.col("share") - pl.col("planned")) * 100).alias("gap")]
                if is_planned
                else []
            ),
            "engagements",
            "times_median",
            pl.col("final_posts").fill_null(0),
        ),
        hide_index=True,
        key=f"mix-table-{by}",
        placeholder=NOTHING,
        column_config={
            "label": st.column_config.TextColumn(text("content.pillar" if by == "pillar_id" else "content.format")),
            "posts": st.column_config.NumberColumn(text("mix.posts"), format="localized"),
            "share": st.column_config.NumberColumn(text("mix.share"), format="%.0f %%"),
            "planned": st.column_config.NumberColumn(text("mix.planned"), format="%.0f %%"),
            "gap": st.column_config.NumberColumn(text("mix.gap"), format="%+.0f", help=text("mix.gap_help")),
            "engagements": st.column_config.NumberColumn(
                text("metric.engagements"), format="localized", help=text("mix.engagements_help")
            ),
            "times_median": st.column_config.NumberColumn(
                text("mix.times_median"), format="%.2f×", help=text("mix.times_median_help")
            ),
            "final_posts": st.column_config.NumberColumn(
                text("mix.final_posts"), format="localized", help=text("mix.final_posts_help")
            ),
        },
    )


render(current())
