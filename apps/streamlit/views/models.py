"""Models: which version speaks for this client's posts, what it has proved here, whether it still holds, and every round of training."""

import re
from typing import Any

import polars as pl
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from apps.streamlit import figures
from apps.streamlit.layout import empty, figure, header, section
from apps.streamlit.workspace import Workspace, current
from contracts.evidence import ALARM

HEADING = re.compile(r"^(?=#)", re.MULTILINE)
ENGAGEMENT, POPULARITY = "engagement", "popularity"
STAND_IN, MEDIAN_CURVE = "account_median", "median_curve"
STATES = ("champion", "was_champion", "withdrawn", "refused")


def render(work: Workspace) -> None:
    header(work, "models")
    versions = work.data.model_versions()
    if versions.is_empty():
        empty(work, "models.empty")
        return
    champions = versions.filter(pl.col("state") == "champion")
    champion = champions.filter(pl.col("model_name") == ENGAGEMENT)
    if champion.is_empty():
        empty(work, "models.no_champion")
    else:
        _champion(work, champion.row(0, named=True))
    section(work.text("models.growing"), help=work.text("models.growing_help"))
    growing = champions.filter(pl.col("model_name") == POPULARITY)
    if growing.is_empty():
        empty(work, "models.no_growing", hours=work.settings.mature_after_hours)
    else:
        _growing(work, growing.row(0, named=True))
    for name, card in champions.sort("model_name").select("model_name", "model_card").drop_nulls().iter_rows():
        with st.expander(
            work.text("models.card", model=work.text(f"models.name_{name}")), icon=":material/description:"
        ):
            st.markdown(HEADING.sub("##", card))  # under the page's own
    _rounds(work, versions)


def _champion(work: Workspace, champion: dict[str, Any]) -> None:
    """The version that speaks for posts before publication."""
    text = work.text
    version = champion["model_version"]
    watch = _watch(work, champion)
    quality = work.data.model_quality().filter((pl.col("model_version") == version) & (pl.col("scored_forecasts") > 0))
    said = "models.stand_in" if champion["kind"] == STAND_IN else "models.champion"
    st.markdown(text(said, version=version, day=text.day(champion["trained_at"].date())))
    _verdict(work, ENGAGEMENT, watch)
    _cards(work, champion, quality)
    left, right = st.columns(2, gap="large")
    with left:
        section(text("models.skill"), help=text("models.skill_help"))
        if quality.drop_nulls("skill_over_baseline").is_empty():
            empty(work, "models.not_scored", hours=work.settings.mature_after_hours)
        else:
            figure(figures.skill_by_week(quality, text), "skill", alt=text("models.skill_alt"))
    with right:
        section(text("models.holds"), help=text("models.holds_help"))
        _evidence(work, ENGAGEMENT, watch)


def _growing(work: Workspace, champion: dict[str, Any]) -> None:
    """The version that forecasts final counts from the first hours."""
    text = work.text
    watch = _watch(work, champion)
    left, right = st.columns(2, gap="large")
    with left:
        said = "models.growing_stand_in" if champion["kind"] == MEDIAN_CURVE else "models.growing_champion"
        st.markdown(text(said, version=champion["model_version"], day=text.day(champion["trained_at"].date())))
        _verdict(work, POPULARITY, watch)
        error, inside = st.columns(2)
        told = text("models.best_baseline", value=text.number(champion["baseline_mean_absolute_error"], digits=2))
        _metric(work, error, "error", text.number(champion["mean_absolute_error"], digits=2), told)
        _metric(work, inside, "coverage", text.percent(champion["coverage_ratio"], digits=0))
    with right:
        _evidence(work, POPULARITY, watch)


def _watch(work: Workspace, champion: dict[str, Any]) -> pl.DataFrame:
    """Evidence against this version from this client's posts, a row a day."""
    return work.data.model_watch().filter(
        (pl.col("model_name") == champion["model_name"]) & (pl.col("model_version") == champion["model_version"])
    )


def _evidence(work: Workspace, name: str, watch: pl.DataFrame) -> None:
    text = work.text
    if watch.is_empty():
        empty(work, "models.not_watched", hours=work.settings.mature_after_hours, place=f"-{name}")
        return
    chart = figures.evidence_over_days(watch, text, alarm=ALARM)
    figure(chart, f"evidence-{name}", alt=text("models.holds_alt"))


def _verdict(work: Workspace, name: str, watch: pl.DataFrame) -> None:
    """One sentence: what the evidence of this client's own posts says."""
    text = work.text
    if watch.is_empty():
        return
    scored = text.number(watch["scored_forecasts"].max())  # type: ignore[arg-type]
    alarms = [
        text(said, day=text.day(days["day"].min()))  # type: ignore[arg-type]
        for kind, said in (("drift", "models.alarm_drift"), ("decay", f"models.alarm_decay_{name}"))
        if (days := watch.filter(pl.col(f"{kind}_evidence") >= ALARM)).height
    ]
    if alarms:
        st.warning(" ".join([*alarms, text("models.alarm_next")]), icon=":material/trending_down:")
    else:
        st.success(text("models.it_holds", scored=scored), icon=":material/check_circle:")


def _cards(work: Workspace, champion: dict[str, Any], quality: pl.DataFrame) -> None:
    """The round's figures, on all clients' held-out posts, and what became of its forecasts of this client's."""
    text = work.text
    with_baseline = quality.drop_nulls("skill_over_baseline")
    scored = int(quality["scored_forecasts"].sum())
    weights = with_baseline["scored_forecasts"]
    skill = (with_baseline["skill_over_baseline"] * weights).sum() / weights.sum() if weights.sum() else None
    covered = (quality["coverage_ratio"] * quality["scored_forecasts"]).sum() / scored if scored else None
    first, second, third, fourth = st.columns(4)
    best = {
        measure: text("models.best_baseline", value=text.number(champion[f"baseline_{measure}"], digits=2))
        for measure in ("rank_correlation", "mean_absolute_error")
    }
    rank, error = (text.number(champion[measure], digits=2) for measure in best)
    _metric(work, first, "rank", rank, best["rank_correlation"])
    _metric(work, second, "error", error, best["mean_absolute_error"])
    told = text("models.scored_here", scored=text.number(scored))
    _metric(work, third, "skill_here", text.percent(skill, digits=0), told)
    told = text("models.held_out", share=text.percent(champion["coverage_ratio"], digits=0))
    _metric(work, fourth, "coverage_here", text.percent(covered, digits=0), told)


def _metric(work: Workspace, column: DeltaGenerator, key: str, value: str, told: str | None = None) -> None:
    text = work.text
    column.metric(
        text(f"models.{key}"),
        value,
        told,
        delta_color="off",
        delta_arrow="off",
        border=True,
        help=text(f"models.{key}_help"),
        height="stretch",
    )


def _rounds(work: Workspace, versions: pl.DataFrame) -> None:
    text = work.text
    section(text("models.rounds"), help=text("models.rounds_help"))
    states = {state: text(f"models.state_{state}") for state in STATES}
    kinds = {kind: text(f"models.kind_{kind}") for kind in versions["kind"].unique()}
    names = {name: text(f"models.name_{name}") for name in versions["model_name"].unique()}
    st.dataframe(
        versions.select(
            pl.col("model_name").replace(names),
            "model_version",
            pl.col("trained_at").dt.convert_time_zone(work.zone).dt.replace_time_zone(None),
            pl.col("state").replace(states),
            pl.col("kind").replace(kinds),
            "rank_correlation",
            "mean_absolute_error",
            "coverage_ratio",
            "held_out_posts",
            pl.coalesce("withdrawn_because", "reasons").alias("why"),
            "run_id",
        ),
        hide_index=True,
        key="rounds",
        column_config={
            "model_name": st.column_config.TextColumn(text("models.model")),
            "model_version": st.column_config.TextColumn(text("models.version"), width="small"),
            "trained_at": st.column_config.DatetimeColumn(text("models.trained"), format="YYYY-MM-DD HH:mm"),
            "state": st.column_config.TextColumn(text("models.state")),
            "kind": st.column_config.TextColumn(text("models.kind")),
            "rank_correlation": st.column_config.NumberColumn(text("models.rank"), format="%.3f"),
            "mean_absolute_error": st.column_config.NumberColumn(text("models.error"), format="%.3f"),
            "coverage_ratio": st.column_config.NumberColumn(text("models.coverage"), format="percent"),
            "held_out_posts": st.column_config.NumberColumn(text("models.held_out_posts"), format="localized"),
            "why": st.column_config.TextColumn(text("models.why"), width="large"),
            "run_id": st.column_config.TextColumn(text("models.run")),
        },
    )
    st.caption(text("models.commands"))


render(current())
