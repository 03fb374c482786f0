"""Forecast scoreboard: what was forecast before publication against what came, and how far a forecast can be believed."""

import polars as pl
import streamlit as st

from apps.streamlit import figures
from apps.streamlit.estimates import mean_correlation, rank_correlation, rolling_coverage, wilson
from apps.streamlit.kpi_scores import kpi_scores
from apps.streamlit.layout import empty, figure, header, one_line, section
from apps.streamlit.workspace import Workspace, current

WINDOW = 40  # forecasts over which coverage is measured as time passes


def render(work: Workspace) -> None:
    header(work, "forecasts")
    _posts(work)
    _accounts(work)


def _posts(work: Workspace) -> None:
    """Forecasts of single posts."""
    scores = work.data.forecast_scores()
    if scores.is_empty():
        empty(work, "forecasts.empty", hours=work.settings.mature_after_hours)
        return
    scores = _chosen(work, scores)
    if scores.is_empty():
        empty(work, "forecasts.nothing_matches")
        return
    _cards(work, scores)
    left, right = st.columns([1.15, 1], gap="large")
    with left:
        section(work.text("forecasts.scatter"), help=work.text("forecasts.scatter_help"))
        figure(figures.forecast_against_outcome(scores, work.text), "scatter", alt=work.text("forecasts.scatter_alt"))
    with right:
        _coverage(work, scores)
    _correlations(work, scores)
    _growing(work)
    _table(work, scores)


def _chosen(work: Workspace, scores: pl.DataFrame) -> pl.DataFrame:
    text = work.text
    origins = [origin for origin in ("decision", "shadow") if origin in scores["origin"].unique().to_list()]
    versions = scores.sort("forecast_at")["model_version"].unique(maintain_order=True).to_list()[::-1]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="filters"):
        chosen = st.pills(
            text("forecasts.origin"),
            origins,
            selection_mode="multi",
            default=origins,
            format_func=lambda origin: text(f"origin.{origin}"),
            help=text("forecasts.origin_help"),
            key="forecast_origin",
        )
        version = st.selectbox(
            text("forecasts.model"),
            [None, *versions],
            format_func=lambda name: name or text("forecasts.every_model"),
            key="forecast_model",
            width=260,
        )
    scores = scores.filter(pl.col("origin").is_in(chosen))
    return scores.filter(pl.col("model_version") == version) if version else scores


def _cards(work: Workspace, scores: pl.DataFrame) -> None:
    text = work.text
    covered, total = int(scores["is_covered"].sum()), scores.height
    low, high = wilson(covered, total)
    promised = scores["interval_level"].mean()
    average = mean_correlation(rank_correlation(scores))
    first, second, third, fourth = st.columns(4)
    first.metric(
        text("forecasts.scored"), text.number(total), border=True, help=text("forecasts.scored_help"), height="stretch"
    )
    second.metric(
        text("forecasts.coverage"),
        text.percent(covered / total, digits=0),
        text(
            "forecasts.promised",
            share=text.percent(promised, digits=0),
            low=text.percent(low, digits=0),
            high=text.percent(high, digits=0),
        ),  # type: ignore[arg-type]
        delta_color="off",
        delta_arrow="off",
        border=True,
        help=text("forecasts.coverage_help"),
        height="stretch",
    )
    if average.height:
        best = (
            average.row(by_predicate=pl.col("origin") == "decision", named=True)
            if "decision" in average["origin"]
            else average.row(0, named=True)
        )
        origin = text("origin." + best["origin"])
        low, high = (text.number(best[name], digits=2) for name in ("low", "high"))
        span = text("forecasts.between", origin=origin, low=low, high=high) if best["low"] is not None else origin
        third.metric(
            text("forecasts.correlation"),
            text.number(best["correlation"], digits=2),
            span,
            delta_color="off",
            delta_arrow="off",
            border=True,
            help=text("forecasts.correlation_help"),
            height="stretch",
        )
    else:
        third.metric(
            text("forecasts.correlation"), "–", border=True, help=text("forecasts.correlation_help"), height="stretch"
        )
    error = float(scores["absolute_error"].mean())  # type: ignore[arg-type]
    factor = pl.Series([error]).exp()[0]
    fourth.metric(
        text("forecasts.error"),
        text("forecasts.factor", times=text.times(factor)),
        text("forecasts.bias", bias=text.number(float(scores["error"].mean()), digits=2)),  # type: ignore[arg-type]
        delta_color="off",
        delta_arrow="off",
        border=True,
        help=text("forecasts.error_help"),
        height="stretch",
    )


def _coverage(work: Workspace, scores: pl.DataFrame) -> None:
    text = work.text
    section(text("forecasts.over_time"), help=text("forecasts.over_time_help", window=WINDOW))
    coverage = rolling_coverage(scores, window=WINDOW)
    if coverage.is_empty():
        empty(work, "forecasts.too_few")
        return
    promised = float(scores["interval_level"].mean())  # type: ignore[arg-type]
    figure(
        figures.coverage_over_time(coverage, text, promised=promised, zone=work.zone),
        "coverage",
        alt=text("forecasts.over_time_alt"),
    )
    calibration = work.data.calibration()
    multiplier = None if calibration.is_empty() else calibration["interval_multiplier"][-1]
    if multiplier is not None:
        st.caption(text("forecasts.multiplier", times=text.times(multiplier)))


def _correlations(work: Workspace, scores: pl.DataFrame) -> None:
    text = work.text
    section(text("forecasts.ranking"), help=text("forecasts.ranking_help"))
    accounts = rank_correlation(scores)
    if accounts.is_empty():
        empty(work, "forecasts.too_few_to_rank")
        return
    names = {
        row["account_id"]: f"{text('network.' + row['network'])} · @{row['handle']}"
        for row in work.data.accounts().iter_rows(named=True)
    }
    columns = ["label", "origin", "forecasts", "correlation", "low", "high", "is_mean"]
    means = mean_correlation(accounts).with_columns(
        pl.lit(work.client.name).alias("label"), pl.lit(True).alias("is_mean")
    )
    single = accounts.with_columns(pl.col("account_id").replace(names).alias("label"), pl.lit(False).alias("is_mean"))
    rows = pl.concat([means.select(columns), single.sort("account_id").select(columns)], how="vertical_relaxed")
    figure(figures.correlations(rows, text), "correlations", alt=text("forecasts.ranking_alt"))
    st.caption(text("forecasts.ranking_note"))


def _growing(work: Workspace) -> None:
    """What was said of posts while they grew, by their age then; nothing while none of them is final."""
    text = work.text
    scores = work.data.popularity_scores()
    if scores.is_empty():
        return
    section(text("forecasts.growing"), help=text("forecasts.growing_help"))
    forecasts = pl.col("scored_forecasts")
    weighted = (
        (pl.col(name) * forecasts).sum() / forecasts.sum() for name in ("coverage_ratio", "mean_absolute_error")
    )
    ages = scores.group_by("compared_at_hours").agg(
        forecasts.sum(), *weighted, pl.col("told_posts", "told_came_true").sum()
    )
    st.dataframe(
        ages.sort("compared_at_hours").with_columns(pl.col("mean_absolute_error").exp()),
        hide_index=True,
        key="growing-scores",
        column_config={
            "compared_at_hours": st.column_config.NumberColumn(text("forecasts.growing_age"), format="%.1f h"),
            "scored_forecasts": st.column_config.NumberColumn(text("forecasts.scored"), format="localized"),
            "coverage_ratio": st.column_config.NumberColumn(text("forecasts.coverage"), format="percent"),
            "mean_absolute_error": st.column_config.NumberColumn(text("forecasts.error"), format="%.2f ×"),
            "told_posts": st.column_config.NumberColumn(text("forecasts.told"), format="localized"),
            "told_came_true": st.column_config.NumberColumn(text("forecasts.told_came_true"), format="localized"),
        },
    )


def _table(work: Workspace, scores: pl.DataFrame) -> None:
    text = work.text
    with st.expander(text("forecasts.table"), icon=":material/table_rows:"):
        texts = work.data.posts()
        words = dict(texts.select("post_id", "text").iter_rows()) if not texts.is_empty() else {}
        table = scores.sort("published_at", descending=True).select(
            pl.col("published_at").dt.convert_time_zone(work.zone).dt.replace_time_zone(None),
            pl.col("post_id")
            .replace_strict(words, default=None, return_dtype=pl.String)
            .map_elements(lambda words: one_line(words, 90).replace("\\", ""), return_dtype=pl.String)
            .alias("text"),
            pl.col("origin").replace({origin: text(f"origin.{origin}") for origin in ("decision", "shadow")}),
            (pl.col("expected_log_engagement").exp() - 1).alias("expected"),
            (pl.col("lower_log_engagement").exp() - 1).alias("lower"),
            (pl.col("upper_log_engagement").exp() - 1).alias("upper"),
            "mature_engagements",
            "is_covered",
            "model_version",
        )
        st.dataframe(
            table,
            hide_index=True,
            height=360,
            key="scores-table",
            column_config={
                "published_at": st.column_config.DatetimeColumn(text("content.published"), format="YYYY-MM-DD HH:mm"),
                "text": st.column_config.TextColumn(text("content.text"), width="large"),
                "origin": st.column_config.TextColumn(text("forecasts.origin")),
                "expected": st.column_config.NumberColumn(text("forecasts.expected"), format="%.0f"),
                "lower": st.column_config.NumberColumn(text("forecasts.lower"), format="%.0f"),
                "upper": st.column_config.NumberColumn(text("forecasts.upper"), format="%.0f"),
                "mature_engagements": st.column_config.NumberColumn(text("forecasts.outcome"), format="localized"),
                "is_covered": st.column_config.CheckboxColumn(text("forecasts.inside")),
                "model_version": st.column_config.TextColumn(text("forecasts.model")),
            },
        )


def _accounts(work: Workspace) -> None:
    """Forecasts of followers, reach and engagements whose day has come."""
    text = work.text
    scores = kpi_scores(work.data.kpi_forecasts(), work.data.account_days())
    if scores.is_empty():
        return
    section(text("forecasts.accounts"), help=text("forecasts.accounts_help"))
    rows = [
        {
            "metric": text(f"metric.{row['metric']}"),
            "ahead": text("forecasts.days_ahead", days=row["ahead"]),
            "forecasts": row["forecasts"],
            "inside": text.percent(row["inside"], digits=0),
            "promised": text.percent(row["promised"], digits=0),
            "error": text.percent(row["error"]),
        }
        for row in scores.iter_rows(named=True)
    ]
    columns = {
        "metric": st.column_config.TextColumn(text("forecasts.what"), width="medium"),
        "ahead": st.column_config.TextColumn(text("forecasts.ahead")),
        "forecasts": st.column_config.NumberColumn(text("forecasts.scored"), format="localized"),
        "inside": st.column_config.TextColumn(text("forecasts.inside"), alignment="right"),
        "promised": st.column_config.TextColumn(text("forecasts.said_inside"), alignment="right"),
        "error": st.column_config.TextColumn(text("forecasts.median_error"), alignment="right"),
    }
    st.dataframe(pl.DataFrame(rows), hide_index=True, key="account-scores", column_config=columns)


render(current())
