"""Data health: what does not go out and whose problem that is, which source is late, which day looks strange, what could not be read or was kept out, and what the outbox and the pipeline are doing."""

from collections.abc import Collection, Sequence
from datetime import timedelta

import polars as pl
import streamlit as st

from apps.streamlit import figures
from apps.streamlit.dagster_record import newest_runs, unread_accounts, unusual_days
from apps.streamlit.language import NOTHING
from apps.streamlit.layout import empty, figure, header, network_badge, open_in_calendar, plain, section
from apps.streamlit.workspace import Workspace, current
from contracts.freshness import Arrival
from contracts.networks import Network
from contracts.records import AccountTerms, Trouble, TroubleKind, UnusualDay

MOST_UNUSUAL = 6
UNUSUAL_FOR = timedelta(days=7)  # what was strange before that is known, or has become the usual
MOST_TROUBLES = 30  # a list that nobody reads to its end is not drawn to its end
RUN_COLOURS = {"SUCCESS": "green", "FAILURE": "red", "CANCELED": "gray", "STARTED": "blue"}


def render(work: Workspace) -> None:
    header(work, "health")
    connections = work.desk.connections()
    accounts = {connection.account_id for connection in connections}
    freshness = work.data.freshness(now=work.now.at, accounts=accounts, rivals=work.desk.rivals())
    unusual = _recent_unusual_days(work, {Network(connection.network) for connection in connections})
    quarantined = work.data.quarantined()
    troubles = work.desk.troubles(work.now.at)
    _cards(work, freshness, unusual, quarantined, troubles)
    _troubles(work, troubles)
    left, right = st.columns([1.25, 1], gap="large")
    with left:
        _freshness(work, freshness)
        _unusual(work, unusual)
        _quarantined(work, quarantined)
    with right:
        _accounts(work, connections)
        _outbox(work)
        _runs(work)
    _tables(work)


def _recent_unusual_days(work: Workspace, networks: Collection[Network]) -> Sequence[UnusualDay]:
    oldest = work.now.at.date() - UNUSUAL_FOR
    return [found for found in unusual_days(work.settings, networks) if found.day >= oldest]


def _cards(
    work: Workspace,
    freshness: pl.DataFrame,
    unusual: Sequence[UnusualDay],
    quarantined: pl.DataFrame,
    troubles: Sequence[Trouble],
) -> None:
    text = work.text
    late = 0 if freshness.is_empty() else freshness.filter(_is_late()).height
    failing = sum(connection.problem is not None for connection in work.desk.connections())
    kept_out = 0 if quarantined.is_empty() else int(quarantined["rows"].sum())
    counts = {
        "late": late,
        "unusual": len(unusual),
        "failing": failing,
        "quarantined": kept_out,
        "troubles": len(troubles),
    }
    for column, (name, count) in zip(st.columns(len(counts)), counts.items(), strict=True):
        colour, icon = ("green", "check_circle") if count == 0 else ("orange", "error")
        column.metric(
            f":{colour}[:material/{icon}:] {text(f'health.card_{name}')}",
            text.number(count),
            text(f"health.card_{name}_help"),
            delta_color="off",
            delta_arrow="off",
            border=True,
        )


def _troubles(work: Workspace, troubles: Sequence[Trouble]) -> None:
    """One row for each: what, why, whose problem it is, what to do, and the way there."""
    text = work.text
    section(text("health.troubles"), help=text("health.troubles_help"))
    if not troubles:
        st.markdown(f":green[:material/task_alt:] {text('health.no_troubles')}")
        return
    handles = work.desk.handles()
    for trouble in troubles[:MOST_TROUBLES]:
        key = trouble.code if trouble.kind is TroubleKind.PARKED else trouble.kind.value
        colour, icon = ("red", "error") if trouble.holds_up_others else ("orange", "warning")
        with st.container(
            border=True, horizontal=True, vertical_alignment="center", key=f"trouble-{_subject(trouble)}"
        ):
            since = text("health.since", moment=work.moment(trouble.since))
            waiting = f" · {text('health.posts_wait', count=trouble.posts)}" if trouble.posts > 1 else ""
            st.markdown(
                f":{colour}[:material/{icon}: **{text(f'trouble.kind.{trouble.kind.value}')}**] "
                f"{network_badge(work, trouble.network.value)} @{plain(handles.get(trouble.account_id, trouble.account_id))} "
                f":gray[{since}{waiting}]  \n{plain(trouble.reason)}  \n"
                f"**{text(f'trouble.owner.{key}')}** {text(f'trouble.remedy.{key}', account=trouble.account_id.replace('`', ''))}",
                width="stretch",
            )
            if trouble.content_item_id is not None and st.button(
                text("calendar.open"), key=f"open-trouble-{trouble.intent_id}"
            ):
                open_in_calendar(trouble.content_item_id)
    if len(troubles) > MOST_TROUBLES:
        st.caption(text("calendar.more", count=text.number(len(troubles) - MOST_TROUBLES)))


def _subject(trouble: Trouble) -> str:
    return trouble.intent_id or trouble.account_id.replace(":", "-")


def _freshness(work: Workspace, freshness: pl.DataFrame) -> None:
    """A table of all sources, and below it, for each that is late, whose problem that is and what to do."""
    text = work.text
    section(text("health.freshness"), help=text("health.freshness_help"))
    if freshness.is_empty():
        empty(work, "health.nothing_read")
        return
    moments = ("there_until", "due_at")
    st.dataframe(
        freshness.select(
            pl.col("source").map_elements(lambda name: text(f"source.{name}"), return_dtype=pl.String),
            pl.col("network").replace({network.value: text(f"network.{network.value}") for network in Network}),
            pl.col("state").replace({state.value: text(f"arrival.{state.value}") for state in Arrival}),
            pl.col("there_until")
            .map_elements(lambda at: text.age(at, work.now.at), return_dtype=pl.String)
            .alias("age"),
            *(pl.col(name).dt.convert_time_zone(work.zone).dt.replace_time_zone(None) for name in moments),
            pl.format("{} / {}", pl.col("accounts") - pl.col("late"), "accounts").alias("accounts"),
        ),
        hide_index=True,
        key="freshness",
        column_config={
            "source": st.column_config.TextColumn(text("health.source")),
            "network": st.column_config.TextColumn(text("content.network")),
            "state": st.column_config.TextColumn(text("health.state"), help=text("health.state_help")),
            "age": st.column_config.TextColumn(text("health.age")),
            "there_until": st.column_config.DatetimeColumn(text("health.there_until"), format="YYYY-MM-DD HH:mm"),
            "due_at": st.column_config.DatetimeColumn(text("health.due_at"), format="YYYY-MM-DD HH:mm"),
            "accounts": st.column_config.TextColumn(text("health.in_time_of"), help=text("health.in_time_of_help")),
        },
    )
    for row in freshness.filter(_is_late()).sort("due_at").iter_rows(named=True):
        colour, icon = ("red", "error") if row["state"] == Arrival.OVERDUE.value else ("orange", "warning")
        st.markdown(
            f":{colour}[:material/{icon}: **{text('source.' + row['source'])}**] {network_badge(work, row['network'])} "
            f":gray[{text('health.since', moment=work.moment(row['there_until']))}]  \n"
            f"{text('late.seen.' + row['cause'])} **{text('late.owner.' + row['cause'])}** {text('late.remedy.' + row['cause'])}"
        )


def _is_late() -> pl.Expr:
    return pl.col("state") != Arrival.IN_TIME.value


def _unusual(work: Workspace, unusual: Sequence[UnusualDay]) -> None:
    """Each strange day with its chart, whose problem it is, and what to do."""
    text = work.text
    section(text("health.unusual"), help=text("health.unusual_help"))
    if not unusual:
        st.markdown(f":green[:material/task_alt:] {text('health.none_unusual')}")
        return
    for number, found in enumerate(unusual[:MOST_UNUSUAL]):
        what = text(f"source.{found.source}") + (f" · {_metric(work, found.metric)}" if found.metric else "")
        with st.container(border=True, key=f"unusual-{number}"):
            st.markdown(
                f":orange[:material/query_stats: **{text(f'unusual.seen.{found.kind}')}**] "
                f"{network_badge(work, found.network.value)} {what} :gray[{text.day(found.day)}]  \n"
                f"{_compared(work, found)} **{text(f'unusual.owner.{found.kind}')}** {text(f'unusual.remedy.{found.kind}')}"
            )
            figure(
                figures.unusual_day(found, text),
                f"unusual-figure-{number}",
                alt=text("health.unusual_alt", what=what, day=text.day(found.day), compared=_compared(work, found)),
            )
    if len(unusual) > MOST_UNUSUAL:
        st.caption(text("calendar.more", count=text.number(len(unusual) - MOST_UNUSUAL)))


def _compared(work: Workspace, found: UnusualDay) -> str:
    """The day's value beside what is usual, in words."""
    text = work.text
    if found.is_share:
        return text(
            "unusual.share", value=text.percent(found.value, digits=0), usual=text.percent(found.expected, digits=0)
        )
    return text("unusual.multiple", value=text.times(found.value))


def _metric(work: Workspace, metric: str) -> str:
    return work.text(f"metric.{metric}") if work.text.knows(f"metric.{metric}") else metric.replace("_", " ")


def _quarantined(work: Workspace, quarantined: pl.DataFrame) -> None:
    text = work.text
    section(text("health.quarantined"), help=text("health.quarantined_help"))
    if quarantined.is_empty():
        st.markdown(f":green[:material/task_alt:] {text('health.none_quarantined')}")
        return
    st.dataframe(
        quarantined.select(
            "table",
            "rule",
            "reason",
            "rows",
            pl.col("newest").map_elements(lambda at: text.age(at, work.now.at), return_dtype=pl.String),
        ),
        hide_index=True,
        key="quarantined",
        column_config={
            "table": st.column_config.TextColumn(text("health.table"), width=140),
            "rule": st.column_config.TextColumn(text("health.rule"), width=170),
            "reason": st.column_config.TextColumn(text("health.reason")),
            "rows": st.column_config.NumberColumn(text("health.rows"), format="localized", width=60),
            "newest": st.column_config.TextColumn(text("health.newest"), width=100),
        },
    )


def _accounts(work: Workspace, connections: tuple) -> None:
    text = work.text
    section(text("health.accounts"))
    boards = {terms.account_id: terms for terms in work.desk.boards()}
    unread = unread_accounts(work.settings, work.client.client_id)
    if not connections:
        empty(work, "health.no_accounts")
        return
    with st.container(border=True, gap="small"):
        for connection in connections:
            mark = ":green[:material/check_circle:]" if connection.problem is None else ":red[:material/error:]"
            st.markdown(f"{mark} **{text('network.' + connection.network)}** · @{plain(connection.handle)}")
            if connection.problem is not None:
                st.caption(
                    text(
                        f"health.account_{connection.problem}",
                        reason=plain(connection.reason or ""),
                        moment=work.moment(connection.since),
                    )
                )
            if connection.account_id in boards:
                _board(work, boards[connection.account_id])
        for failure in unread:
            st.markdown(
                f":orange[:material/warning:] {text('health.unread', what=plain(failure.what), account=plain(failure.account_id))}"
            )
            st.caption(f"{plain(failure.error_class)}: {plain(failure.message)}")


def _board(work: Workspace, terms: AccountTerms) -> None:
    """Where the account's new drafts go, and the choice."""
    text = work.text
    names = {board.board_id: board.name for board in terms.boards}
    key = f"board-{terms.account_id}"

    def choose() -> None:
        work.desk.choose_board(terms.account_id, st.session_state[key], actor=work.actor)

    st.selectbox(
        text("health.board"),
        list(names),
        index=list(names).index(terms.board.board_id) if terms.board else None,
        format_func=names.__getitem__,
        placeholder=text("health.board_missing"),
        help=text("health.board_help"),
        key=key,
        on_change=choose,
        disabled=not work.actor,
    )


def _outbox(work: Workspace) -> None:
    text = work.text
    section(text("health.outbox"), help=text("health.outbox_help"))
    counts = work.desk.outbox_counts()
    if not counts:
        st.markdown(text("health.outbox_empty"))
        return
    colours = {
        "pending": "blue",
        "committing": "violet",
        "published": "green",
        "parked": "orange",
        "failed": "red",
        "missed": "orange",
        "cancelled": "gray",
    }
    st.markdown(
        " ".join(
            f":{colours[state]}-badge[{text(f'intent.{state}')} · {text.number(count)}]"
            for state, count in counts.items()
        )
    )


def _runs(work: Workspace) -> None:
    text = work.text
    section(text("health.runs"), help=text("health.runs_help"))
    runs = newest_runs(work.settings)
    if not runs:
        st.caption(text("health.no_runs"))
        return
    with st.container(border=True, gap="xsmall"):
        for run in runs:
            status = text(f"run.{run.status}") if text.knows(f"run.{run.status}") else run.status
            badge = f":{RUN_COLOURS.get(run.status, 'gray')}-badge[{status}]"
            took = (
                text("health.took", seconds=text.number((run.ended_at - run.started_at).total_seconds()))
                if run.started_at and run.ended_at
                else ""
            )
            partition = f" · {run.partition}" if run.partition else ""
            st.markdown(f"{badge} **{plain(run.job)}**{partition} :gray[{work.moment(run.started_at)} {took}]")


def _tables(work: Workspace) -> None:
    text = work.text
    section(text("health.tables"), help=text("health.tables_help"))
    tables = work.data.tables()
    if tables.is_empty():
        empty(work, "health.no_tables")
        return
    st.dataframe(
        tables.with_columns(pl.col("newest").dt.convert_time_zone(work.zone).dt.replace_time_zone(None)),
        hide_index=True,
        height=380,
        key="tables",
        placeholder=NOTHING,
        column_config={
            "stage": st.column_config.TextColumn(text("health.stage"), width="small"),
            "table": st.column_config.TextColumn(text("health.table")),
            "version": st.column_config.NumberColumn(text("health.version"), help=text("health.version_help")),
            "rows": st.column_config.NumberColumn(
                text("health.rows_client"), format="localized", help=text("health.rows_client_help")
            ),
            "newest": st.column_config.DatetimeColumn(text("health.newest"), format="YYYY-MM-DD HH:mm"),
        },
    )


render(current())
