"""Overview: how the client is doing, against last week and against its rivals, and what waits for a person."""

from datetime import timedelta

import polars as pl
import streamlit as st

from apps.streamlit import figures
from apps.streamlit.data import RATES
from apps.streamlit.estimates import against_usual
from apps.streamlit.growing import taking_off_list
from apps.streamlit.language import NOTHING
from apps.streamlit.layout import empty, figure, header, link_to, one_line, section
from apps.streamlit.pacing import newest_forecast
from apps.streamlit.workspace import Workspace, current
from contracts.networks import Network

RECENT_DAYS = 28
# Needs whose reasons, owners and remedies are listed there, whatever week they are from.
SHOWN_IN_DATA_HEALTH = frozenset({"stuck", "paused_accounts", "missed", "failed"})


def render(work: Workspace) -> None:
    header(work, "overview")
    weeks = work.data.weeks()
    if weeks.is_empty():
        empty(work, "overview.empty")
        return
    _cards(work, weeks)
    left, right = st.columns([1.55, 1], gap="large")
    with left:
        _engagement(work, weeks)
        _followers(work)
    with right:
        _needs(work)
        taking_off_list(work)
        _top_posts(work)
    _rivals(work)


def _cards(work: Workspace, weeks: pl.DataFrame) -> None:
    """The last complete week beside the one before it."""
    text = work.text
    complete = weeks.filter(pl.col("week") + timedelta(days=7) <= work.today)
    if complete.is_empty():
        empty(work, "overview.first_week")
        return
    last = complete.row(-1, named=True)
    before = complete.row(-2, named=True) if complete.height > 1 else None
    end = last["week"] + timedelta(days=6)
    section(
        text("overview.last_week", start=text.short_day(last["week"]), end=text.short_day(end)),
        help=text("overview.last_week_help"),
    )
    rate = next(
        (f"engagement_rate_by_{name}" for name in RATES if last.get(f"engagement_rate_by_{name}") is not None), None
    )
    cards = ["followers", "posts_published", "engagements", "mean_engagements_per_post", *([rate] if rate else [])]
    trail = complete.tail(12)
    for column, name in zip(st.columns(len(cards)), cards, strict=True):
        value, previous = last[name], before[name] if before else None
        shown = text.percent(value, digits=2) if name == rate else text.compact(value)
        change = value / previous - 1 if value is not None and previous else None
        column.metric(
            text(f"metric.{name}"),
            shown,
            text.change(change),
            delta_color="off" if name == "posts_published" else "normal",
            help=text(f"metric.{name}_help"),
            border=True,
            height="stretch",
            chart_data=trail[name].drop_nulls().to_list() or None,
            chart_type="bar" if name in ("posts_published", "engagements") else "line",
        )
    if work.today - end <= timedelta(hours=work.settings.mature_after_hours):
        st.caption(text("overview.immature", hours=work.settings.mature_after_hours))


def _engagement(work: Workspace, weeks: pl.DataFrame) -> None:
    section(work.text("overview.engagement"))
    growing_from = work.today - timedelta(hours=work.settings.mature_after_hours)
    chart = figures.weekly_engagement(weeks.tail(26), work.text, immature_from=growing_from)
    figure(chart, "weekly-engagement", alt=work.text("overview.engagement_alt"))


def _followers(work: Workspace) -> None:
    section(work.text("overview.followers"), help=work.text("overview.followers_help"))
    days, accounts = work.data.account_days(), work.data.accounts()
    if days.is_empty() or days["followers"].drop_nulls().is_empty():
        empty(work, "overview.no_followers")
        return
    names = {row["account_id"]: _account_name(work, row) for row in accounts.iter_rows(named=True)}
    figure(figures.followers_trend(days, names, work.text), "followers", alt=work.text("overview.followers_alt"))
    _followers_ahead(work)


def _followers_ahead(work: Workspace) -> None:
    """What all accounts together are expected to have in four weeks."""
    text, client = work.text, work.client.client_id
    said = (
        newest_forecast(work.data.kpi_forecasts(), "followers", scope="client", name=client).head(RECENT_DAYS).tail(1)
    )
    for row in said.iter_rows(named=True):
        values = {name: text.number(row[name]) for name in ("median", "lower", "upper")}
        level = text.percent(row["interval_level"], digits=0)
        st.caption(text("overview.followers_ahead", day=text.day(row["target_day"]), level=level, **values))


def _account_name(work: Workspace, account: dict) -> str:
    network = work.text("network." + account["network"])
    return f"{network} · @{account['handle']}" if account["handle"] else account["account_id"]


def _needs(work: Workspace) -> None:
    text = work.text
    section(text("overview.needs"))
    needs = [(need, count) for need, count in work.desk.needs(work.now.at).items() if count]
    with st.container(border=True, key="needs"):
        if not needs:
            st.markdown(f":green[:material/task_alt:] {text('overview.nothing_needed')}")
        for need, count in needs:
            page = "views/data_health.py" if need in SHOWN_IN_DATA_HEALTH else "views/calendar.py"
            label = f"**{text.number(count)}** {text(f'need.{need}', count=count)}"
            st.page_link(page, label=label, icon=":material/arrow_forward:")


def _top_posts(work: Workspace) -> None:
    text = work.text
    section(text("overview.top_posts"), help=text("overview.top_posts_help", days=RECENT_DAYS))
    posts = work.data.posts()
    mature = against_usual(posts).filter("is_mature") if not posts.is_empty() else posts
    if mature.is_empty():
        empty(work, "overview.no_posts")
        return
    start = max(work.today, mature["published_day"].max()) - timedelta(days=RECENT_DAYS)  # type: ignore[type-var]
    recent = mature.filter(pl.col("published_day") > start)
    for post in (
        (recent if recent.height >= 3 else mature)
        .sort("log_against_usual", descending=True)
        .head(4)
        .iter_rows(named=True)
    ):
        with st.container(border=True, gap="xsmall"):
            multiple = pl.Series([post["log_against_usual"]]).exp()[0]
            words = text("overview.multiple", times=text.times(multiple), count=text.number(post["mature_engagements"]))
            st.markdown(f":green-badge[{words}] :gray-badge[{text('network.' + post['network'])}]")
            st.markdown(one_line(post["text"] or text("content.no_text"), 130))
            link = link_to(post["permalink"], text("content.open"))
            st.caption(work.moment(post["published_at"]) + (f" · {link}" if link else ""))


def _rivals(work: Workspace) -> None:
    text = work.text
    section(text("overview.rivals"), help=text("overview.rivals_help", days=RECENT_DAYS))
    profiles = _profiles(work)
    if profiles.is_empty() or profiles["is_own"].all():
        empty(work, "overview.no_rivals")
        return
    left, right = st.columns([0.9, 1], gap="medium", vertical_alignment="center")
    with left:
        figure(figures.rivals(profiles, text), "rivals", alt=text("overview.rivals_alt"))
    right.dataframe(
        profiles.select("name", "followers", "posts_per_week", "median", "per_thousand_followers"),
        hide_index=True,
        placeholder=NOTHING,
        column_config={
            "name": st.column_config.TextColumn(text("rivals.name"), width=205),
            "followers": st.column_config.NumberColumn(text("metric.followers"), format="compact"),
            "posts_per_week": st.column_config.NumberColumn(text("rivals.posts_per_week"), format="%.1f"),
            "median": st.column_config.NumberColumn(
                text("rivals.median"), format="%.0f", help=text("figure.likes_and_comments")
            ),
            "per_thousand_followers": st.column_config.NumberColumn(
                text("rivals.per_thousand"), format="%.1f", help=text("rivals.per_thousand_help")
            ),
        },
    )


def _profiles(work: Workspace) -> pl.DataFrame:
    """Own accounts and rivals over the last weeks, by what both show in public: likes and comments.

    Own first, then rivals, each by median: `name`, `network`, `is_own`, `posts`, `median`, `low`, `high`, `followers`,
    `posts_per_week`, `per_thousand_followers` (likes and comments of the median post per 1,000 followers).
    """
    own, rivals, accounts = work.data.posts(), work.data.rival_posts(), work.data.accounts()
    known = pl.any_horizontal(pl.col("likes", "comments").is_not_null())
    columns = ["handle", "network", "is_own", "published_at", "followers"]
    interactions = pl.when(known).then(pl.sum_horizontal("likes", "comments")).alias("interactions")
    frames = []
    if not own.is_empty() and not accounts.is_empty():
        ours = own.join(accounts.select("account_id", "handle", "followers"), on="account_id")
        frames.append(ours.with_columns(pl.lit(True).alias("is_own")).select(*columns, interactions))
    if not rivals.is_empty():
        frames.append(rivals.with_columns(pl.lit(False).alias("is_own")).select(*columns, interactions))
    if not frames:
        return pl.DataFrame()
    # Posts younger than the maturity age are left out: they would make whoever posted last look weak.
    until = work.now.at - timedelta(hours=work.settings.mature_after_hours)
    recent = pl.col("published_at").is_between(until - timedelta(days=RECENT_DAYS), until)
    networks = {network.value: work.text(f"network.{network.value}") for network in Network}
    return (
        pl.concat(frames)
        .filter(recent & pl.col("interactions").is_not_null())
        .group_by("handle", "network", "is_own")
        .agg(
            pl.len().alias("posts"),
            pl.col("interactions").median().alias("median"),
            pl.col("interactions").quantile(0.25, "linear").alias("low"),
            pl.col("interactions").quantile(0.75, "linear").alias("high"),
            pl.col("followers").max(),
        )
        .with_columns(
            pl.format("@{} · {}", "handle", pl.col("network").replace(networks)).alias("name"),
            (pl.col("posts") * 7 / RECENT_DAYS).alias("posts_per_week"),
            (pl.col("median") * 1000 / pl.col("followers")).alias("per_thousand_followers"),
        )
        .sort("is_own", "median", "name", descending=[True, True, False])
    )


render(current())
