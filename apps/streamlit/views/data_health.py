"""Data health: what does not go out and whose problem that is, how fresh each source is, what could not be read or was kept out, and what the outbox and the pipeline are doing."""

from collections.abc import Sequence
from datetime import timedelta

import polars as pl
import streamlit as st

from apps.streamlit.dagster_record import newest_runs, unread_accounts
from apps.streamlit.language import NOTHING
from apps.streamlit.layout import empty, header, network_badge, open_in_calendar, plain, section
from apps.streamlit.workspace import Workspace, current
from contracts.networks import Network
from contracts.records import AccountTerms, Trouble, TroubleKind

STALE_AFTER = timedelta(hours=36)  # a source is read daily: a day and a half without is worth a look
MOST_TROUBLES = 30  # a list that nobody reads to its end is not drawn to its end
RUN_COLOURS = {"SUCCESS": "green", "FAILURE": "red", "CANCELED": "gray", "STARTED": "blue"}


def render(work: Workspace) -> None:
    header(work, "health")
    freshness, quarantined = work.data.freshness(), work.data.quarantined()
    connections = work.desk.connections()
    troubles = work.desk.troubles(work.now.at)
    _cards(work, freshness, quarantined, troubles)
    _troubles(work, troubles)
    left, right = st.columns([1.25, 1], gap="large")
    with left:
        _freshness(work, freshness)
        _quarantined(work, quarantined)
    with right:
        _accounts(work, connections)
        _outbox(work)
        _runs(work)
    _tables(work)


def _cards(work: Workspace, freshness: pl.DataFrame, quarantined: pl.DataFrame, troubles: Sequence[Trouble]) -> None:
    text = work.text
    stale = 0 if freshness.is_empty() else freshness.filter(_is_stale(work)).height
    failing = sum(connection.problem is not None for connection in work.desk.connections())
    kept_out = 0 if quarantined.is_empty() else int(quarantined["rows"].sum())
    for column, (name, count) in zip(
        st.columns(4),
        {"stale": stale, "failing": failing, "quarantined": kept_out, "troubles": len(troubles)}.items(),
        strict=True,
    ):
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
    text = work.text
    section(text("health.freshness"), help=text("health.freshness_help"))
    if freshness.is_empty():
        empty(work, "health.nothing_read")
        return
    st.dataframe(
        freshness.select(
            pl.col("source").map_elements(
                lambda name: text(f"source.{name}") if text.knows(f"source.{name}") else name, return_dtype=pl.String
            ),
            pl.col("network").replace({network.value: text(f"network.{network.value}") for network in Network}),
            pl.when(~pl.col("is_read_whole"))
            .then(pl.lit(text("health.new_only")))
            .when(_is_stale(work))
            .then(pl.lit(text("health.stale")))
            .otherwise(pl.lit(text("health.fresh")))
            .alias("state"),
            pl.col("newest").map_elements(lambda at: text.age(at, work.now.at), return_dtype=pl.String).alias("age"),
            pl.col("newest").dt.convert_time_zone(work.zone).dt.replace_time_zone(None),
            "rows",
        ),
        hide_index=True,
        key="freshness",
        column_config={
            "source": st.column_config.TextColumn(text("health.source")),
            "network": st.column_config.TextColumn(text("content.network")),
            "state": st.column_config.TextColumn(text("health.state"), help=text("health.stale_help")),
            "age": st.column_config.TextColumn(text("health.age")),
            "newest": st.column_config.DatetimeColumn(text("health.newest"), format="YYYY-MM-DD HH:mm"),
            "rows": st.column_config.NumberColumn(text("health.rows"), format="localized"),
        },
    )


def _is_stale(work: Workspace) -> pl.Expr:
    return pl.col("is_read_whole") & (pl.col("newest") < work.now.at - STALE_AFTER)


def _quarantined(work: Workspace, quarantined: pl.DataFrame) -> None:
    text = work.text
    section(text("health.quarantined"), help=text("health.quarantined_help"))
    if quarantined.is_empty():
        st.markdown(f":green[:material/task_alt:] {text('health.none_quarantined')}")
        return
    st.dataframe(
        quarantined.select("table", "rule", "reason", "rows"),
        hide_index=True,
        key="quarantined",
        column_config={
            "table": st.column_config.TextColumn(text("health.table"), width=140),
            "rule": st.column_config.TextColumn(text("health.rule"), width=170),
            "reason": st.column_config.TextColumn(text("health.reason")),
            "rows": st.column_config.NumberColumn(text("health.rows"), format="localized", width=60),
        },
    )


def _accounts(work: Workspace, connections: tuple) -> None:
    text = work.text
    section(text("health.accounts"))
    boards = {terms.account_id: terms for terms in work.desk.boards()}
    unread = unread_accounts(work.settings.home, work.client.client_id)
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
    runs = newest_runs(work.settings.home)
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
