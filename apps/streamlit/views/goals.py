"""Goals: what the client means to reach, how far it has come, whether the pace is enough, and what no network told."""

from calendar import monthrange
from collections.abc import Callable, Mapping
from typing import Any

import polars as pl
import streamlit as st

from apps.streamlit import figures
from apps.streamlit.absences import absences
from apps.streamlit.language import Language
from apps.streamlit.layout import absence, empty, figure, header, section
from apps.streamlit.pacing import FORECAST, Pacing, pacing
from apps.streamlit.workspace import Workspace, current
from contracts.records import GoalMetric

BADGES = {
    "on_track": "green-badge[:material/trending_up:",
    "reached": "green-badge[:material/check_circle:",
    "behind": "orange-badge[:material/trending_down:",
    "missed": "red-badge[:material/cancel:",
    "not_started": "gray-badge[:material/schedule:",
    "no_data": "violet-badge[:material/help:",
}
URGENCY = ("behind", "no_data", "on_track", "reached")
"""Order of running goals: what needs somebody comes first."""


def render(work: Workspace) -> None:
    header(work, "goals")
    goals = work.data.goals()
    _not_built_yet(work, goals)
    if goals.is_empty():
        empty(work, "goals.empty")
        _how_to_set_one(work)
        return
    is_over, is_to_come = pl.col("elapsed_ratio") == 1, pl.col("status") == "not_started"
    running = goals.filter(~is_over & ~is_to_come).sort(
        pl.col("status").replace_strict({status: place for place, status in enumerate(URGENCY)}, return_dtype=pl.Int8),
        "last_day",
        "goal_id",
    )
    section(work.text("goals.running"))
    if running.is_empty():
        empty(work, "goals.none_running")
    else:
        _cards(work, running)
        st.caption(work.text("goals.legend"))
        availability, forecasts, days = work.data.availability(), work.data.kpi_forecasts(), work.data.account_days()
        for goal in running.iter_rows(named=True):
            _goal(work, goal, availability, pacing(goal, forecasts, days))
    for name, others in (("to_come", goals.filter(is_to_come)), ("over", goals.filter(is_over))):
        if not others.is_empty():
            section(work.text(f"goals.{name}"))
            _table(work, others.sort("last_day", "goal_id", descending=[name == "over", False]), name)


def _not_built_yet(work: Workspace, goals: pl.DataFrame) -> None:
    """Goals that were set, or whose target was changed, since gold was built."""
    built = {} if goals.is_empty() else dict(goals.select("goal_id", "target").iter_rows())
    waiting = sum(built.get(goal.goal_id) != goal.target for goal in work.desk.goals())
    if waiting:
        st.info(work.text("goals.waiting", count=waiting), icon=":material/hourglass_top:")


def _how_to_set_one(work: Workspace) -> None:
    first = work.today.replace(day=1)
    last = first.replace(day=monthrange(first.year, first.month)[1])
    st.code(f"pulso goals set {work.client.client_id} engagements 5000 --from {first} --to {last}", language="bash")


def _cards(work: Workspace, running: pl.DataFrame) -> None:
    counts = dict(running["status"].value_counts().iter_rows())
    for column, status in zip(st.columns(len(URGENCY)), URGENCY, strict=True):
        column.metric(
            work.text(f"goals.status_{status}"),
            work.text.number(counts.get(status, 0)),
            border=True,
            height="stretch",
            help=work.text(f"goals.status_{status}_help"),
        )


def _goal(work: Workspace, goal: Mapping[str, Any], availability: pl.DataFrame, ahead: Pacing | None) -> None:
    """One running goal: what it is, a picture, the numbers, where it ends, and what is not in them."""
    text, status, shown = work.text, goal["status"], quantity(work.text, goal["metric"])
    with st.container(border=True, key=f"goal-{goal['goal_id']}"):
        what, picture, numbers = st.columns([1.05, 1.5, 0.9], gap="medium", vertical_alignment="center")
        with what:
            st.markdown(f"**{text('metric.' + goal['metric'])}** · {_accounts(work, goal)}")
            st.caption(
                text("goals.period", start=text.day(goal["first_day"]), end=text.day(goal["last_day"]))
                + " · "
                + _elapsed(work, goal)
            )
            st.markdown(f":{BADGES[status]} {text(f'goals.status_{status}')}]")
        with picture:
            alt = text(
                "goals.alt",
                metric=text("metric." + goal["metric"]),
                actual=shown(goal["actual"]),
                target=shown(goal["target"]),
                elapsed=text.percent(goal["elapsed_ratio"], digits=0),
            )
            figure(figures.goal_progress(goal, text, shown=shown), f"goal-figure-{goal['goal_id']}", alt=alt)
        with numbers:
            if goal["actual"] is None:
                st.markdown(text("goals.unknown_of", target=shown(goal["target"])))
            else:
                st.markdown(text("goals.of", actual=shown(goal["actual"]), target=shown(goal["target"])))
            st.caption("  \n".join(_reckoning(text, goal, shown)))
        if ahead is not None:
            _ending(work, goal, ahead)
        elif goal["metric"] in FORECAST and status != "reached":
            st.caption(f":material/info: {text('goals.no_forecast')}")
        for note in _notes(work, goal, availability):
            st.caption(f":material/info: {note}")


def _ending(work: Workspace, goal: Mapping[str, Any], ahead: Pacing) -> None:
    text, end = work.text, ahead.end
    said = text(
        "goals.ending",
        value=text.number(end["median"]),
        target=text.number(goal["target"]),
        day=text.day(goal["last_day"]),
        level=text.percent(ahead.level, digits=0),
        low=text.number(end["lower"]),
        high=text.number(end["upper"]),
    )
    st.markdown(f"{said} {text('goals.chance_of')}: **{_chance(text, ahead.chance)}**.")
    chart = figures.goal_pacing(ahead.known, ahead.ahead, goal["target"], text, level=ahead.level)
    figure(chart, f"goal-pacing-{goal['goal_id']}", alt=said.replace("*", ""))


def _chance(text: Language, chance: float) -> str:
    """No forecast is surer than 99 in 100."""
    if chance < 0.01:
        return text("goals.chance_below", share=text.percent(0.01, digits=0))
    return (
        text("goals.chance_above", share=text.percent(0.99, digits=0))
        if chance > 0.99
        else text.percent(chance, digits=0)
    )


def _accounts(work: Workspace, goal: Mapping[str, Any]) -> str:
    if goal["account_id"] is not None:
        return f"@{work.desk.handles().get(goal['account_id'], goal['account_id'])}"
    return work.text("network." + goal["network"]) if goal["network"] is not None else work.text("goals.all_accounts")


def _elapsed(work: Workspace, goal: Mapping[str, Any]) -> str:
    if goal["as_of_day"] is None:
        return work.text("goals.nothing_known")
    elapsed = work.text.percent(goal["elapsed_ratio"], digits=0)
    return work.text("goals.elapsed", elapsed=elapsed, day=work.text.short_day(goal["as_of_day"]))


def _reckoning(text: Language, goal: Mapping[str, Any], shown: Callable[[float | None], str]) -> list[str]:
    """How far, how fast, and where it leads: as much of it as is known."""
    lines = []
    if goal["baseline"] is not None:
        lines.append(text("goals.from", baseline=shown(goal["baseline"])))
    if goal["progress_ratio"] is not None:
        lines.append(text("goals.progress", share=text.percent(goal["progress_ratio"], digits=0)))
    if GoalMetric(goal["metric"]).is_rate:
        return lines
    if goal["pace_ratio"] is not None:
        lines.append(text("goals.pace", times=f"{text.number(goal['pace_ratio'], digits=2)}×"))
    if goal["projection"] is not None:
        lines.append(text("goals.projection", value=shown(goal["projection"])))
    return lines


def _notes(work: Workspace, goal: Mapping[str, Any], availability: pl.DataFrame) -> list[str]:
    """Why nothing is known, or of what the figure is not."""
    text = work.text
    if goal["metric"].startswith("followers"):
        return [] if goal["actual"] is not None else [text("goals.followers_unknown")]
    found = absences(
        availability,
        goal["metric"],
        first_day=goal["first_day"],
        last_day=goal["last_day"],
        network=goal["network"],
        account_id=goal["account_id"],
    )
    notes = [absence(text, row) for row in found.iter_rows(named=True)]
    if goal["actual"] is None:
        notes.append(text("goals.no_total" if notes else "goals.nothing_counted"))
    return notes


def _table(work: Workspace, goals: pl.DataFrame, name: str) -> None:
    text = work.text
    rows = [
        {
            "metric": text("metric." + goal["metric"]),
            "accounts": _accounts(work, goal),
            "first_day": goal["first_day"],
            "last_day": goal["last_day"],
            "target": quantity(text, goal["metric"])(goal["target"]),
            "actual": quantity(text, goal["metric"])(goal["actual"]),
            "progress": text.percent(goal["progress_ratio"], digits=0),
            "status": text(f"goals.status_{goal['status']}"),
        }
        for goal in goals.iter_rows(named=True)
    ]
    columns = {
        "metric": st.column_config.TextColumn(text("goals.metric"), width="medium"),
        "accounts": st.column_config.TextColumn(text("goals.accounts")),
        "first_day": st.column_config.DateColumn(text("goals.first_day"), format="YYYY-MM-DD"),
        "last_day": st.column_config.DateColumn(text("goals.last_day"), format="YYYY-MM-DD"),
        "target": st.column_config.TextColumn(text("goals.target"), alignment="right"),
        "actual": st.column_config.TextColumn(
            text("goals.reached"), alignment="right", help=text("goals.reached_help")
        ),
        "progress": st.column_config.TextColumn(text("goals.share"), alignment="right"),
        "status": st.column_config.TextColumn(text("goals.status")),
    }
    hidden = ("actual", "progress", "status") if name == "to_come" else ()
    st.dataframe(
        pl.DataFrame(rows).drop(hidden),
        hide_index=True,
        key=f"goals-{name}",
        column_config=columns,
    )


def quantity(text: Language, metric: str) -> Callable[[float | None], str]:
    """How a value of the metric is written: rates in percent, all else as a count; what is not known as a dash."""
    if GoalMetric(metric).is_rate:
        return lambda value: text.percent(value, digits=2)
    return text.number


render(current())
