"""Calendar: a week of the client's posts in the client's own hours: see, edit, approve, reject, move, and stop everything."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from math import expm1
from zoneinfo import ZoneInfo

import polars as pl
import streamlit as st

from apps.streamlit.client_time import NoSuchLocalTimeError, moment_of, week_of
from apps.streamlit.desk import ShownForecast, is_changeable, is_movable
from apps.streamlit.layout import (
    OPEN_ITEM,
    STATE_COLOURS,
    STATE_ICONS,
    announce,
    empty,
    header,
    link_to,
    network_badge,
    one_line,
    plain,
    section,
)
from apps.streamlit.workspace import Workspace, current
from contracts.errors import PulsoError
from contracts.records import ContentItem, Media, Verdict, Violation
from operations import ItemView
from operations.mending import MendedItem
from operations.states import ItemState, ParkReason
from policy.media_rules import is_film
from policy.text_rules import fullest

_WEEK = "calendar_week"
_MENDED = "mended"  # what was tried last to make an item fit: with which item and permission, and what came of it
FIRST_WAITING = 5
MOST_WAITING = 50  # a list that nobody reads to its end is not drawn to its end


def render(work: Workspace) -> None:
    header(work, "calendar")
    _toolbar(work)
    _parked(work)
    _week(work)
    _waiting(work)
    opened = st.session_state.get(OPEN_ITEM)
    if opened:
        _open_dialog(work, opened)


# --- the week ----------------------------------------------------------------------------------------------------------------


def _toolbar(work: Workspace) -> None:
    text = work.text
    shift = st.session_state.setdefault(_WEEK, 0)
    monday, _, _ = week_of(work.today + timedelta(weeks=shift), work.zone)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="calendar-toolbar"):
        st.button(
            text("calendar.previous"), icon=":material/chevron_left:", key="week-back", on_click=_turn, args=(-1,)
        )
        st.button(text("calendar.this_week"), key="week-now", on_click=_turn, args=(None,), disabled=shift == 0)
        st.button(
            text("calendar.next"),
            icon=":material/chevron_right:",
            icon_position="right",
            key="week-on",
            on_click=_turn,
            args=(1,),
        )
        st.markdown(f"### {text.short_day(monday)} – {text.day(monday + timedelta(days=6))}", width="stretch")
        stops = work.desk.stops()
        for stop in stops:
            label = text("stop.resume_all") if stop.client_id is None else text("stop.resume", client=work.client.name)
            with st.popover(
                label, icon=":material/play_arrow:", key=f"resume-{'all' if stop.client_id is None else 'client'}"
            ):
                st.markdown(text("stop.resume_question"))
                done = text("stop.resumed")
                if st.button(
                    text("stop.resume_confirm"),
                    type="primary",
                    key=f"resume-confirm-{stop.client_id}",
                    disabled=not work.actor,
                ):
                    _do(work, lambda stop=stop: work.desk.resume(stop, actor=work.actor), done)
        if not any(stop.client_id is None for stop in stops):
            _stop_button(work, only_all=bool(stops))


def _turn(step: int | None) -> None:
    st.session_state[_WEEK] = 0 if step is None else st.session_state.get(_WEEK, 0) + step


def _stop_button(work: Workspace, *, only_all: bool) -> None:
    text = work.text
    with st.popover(text("stop.button"), icon=":material/front_hand:", key="emergency-stop"):
        st.markdown(text("stop.question"))
        scopes = ["all"] if only_all else ["client", "all"]
        names = {"client": text("stop.only", client=work.client.name), "all": text("stop.all")}
        scope = st.radio(text("stop.scope"), scopes, format_func=lambda name: names[name], key="stop-scope")
        reason = st.text_input(text("stop.reason"), key="stop-reason", placeholder=text("stop.reason_example"))
        st.caption(text("stop.reason_needed") if work.actor else text("app.name_needed"))
        if st.button(
            text("stop.confirm"),
            type="primary",
            key="stop-confirm",
            icon=":material/front_hand:",
            disabled=not work.actor,
        ):
            if not reason.strip():
                st.error(text("stop.reason_needed"))
                return
            receipt = work.desk.stop(for_all=scope == "all", actor=work.actor, reason=reason.strip())
            in_flight = len(receipt.in_flight)
            announce(text("stop.done") + (" " + text("stop.in_flight", count=in_flight) if in_flight else ""))
            st.rerun()


def _week(work: Workspace) -> None:
    text = work.text
    monday, start, end = week_of(work.today + timedelta(weeks=st.session_state[_WEEK]), work.zone)
    views = work.desk.between(start, end)
    if not views:
        empty(work, "calendar.empty_week")
    posts = work.data.posts()
    posts = posts if posts.is_empty() else posts.filter(pl.col("published_at").is_between(start, end, closed="left"))
    # A post that went out since the ledger was last read is known by the network's id only.
    native_ids = work.desk.native_ids()
    ours = set(native_ids.values())
    outcomes = {post["native_id"]: post for post in posts.iter_rows(named=True)}
    others = [
        post for post in posts.iter_rows(named=True) if not post["content_item_id"] and post["native_id"] not in ours
    ]
    for index, column in enumerate(st.columns(7, gap="xsmall")):
        day = monday + timedelta(days=index)
        marker = "today" if day == work.today else "past" if day < work.today else "coming"
        with column, st.container(key=f"day-{marker}-{index}", gap="small"):
            st.markdown(f"**{text.weekday(index)}** {text.short_day(day)}", text_alignment="center")
            for view in views:
                at = view.item.scheduled_at
                if at is not None and at.astimezone(ZoneInfo(work.zone)).date() == day:
                    _card(work, view, outcomes.get(native_ids.get(view.item.content_item_id)))
            for post in sorted(others, key=lambda post: post["published_at"]):
                if post["published_day"] == day:
                    _posted_by_client(work, post)


def _card(work: Workspace, view: ItemView, outcome: dict | None) -> None:
    """One post or reply in the week: when, where, what, what is expected of it, and a button to open it."""
    text, item = work.text, view.item
    at = view.published_at or item.scheduled_at
    assert at is not None
    with st.container(border=True, gap="xsmall", key=f"card-{view.state.value}-{item.content_item_id}"):
        icon = " :material/reply:" if item.is_reply else ""
        st.markdown(f"**{text.clock_time(at, work.zone)}**{icon} {network_badge(work, item.network.value)}")
        st.caption(one_line(item.text, 72) or text("content.no_text"))
        figures = (
            text("calendar.outcome", count=text.compact(outcome["engagements"]))
            if outcome and outcome["engagements"] is not None
            else _expected(work, work.desk.forecast(view))
        )
        if figures:
            st.caption(figures)
        st.button(
            text(f"state.{view.state.value}"),
            icon=STATE_ICONS[view.state.value],
            key=f"open-{item.content_item_id}",
            on_click=_open,
            args=(item.content_item_id,),
            width="stretch",
            type="tertiary",
            help=text("calendar.open"),
        )


def _posted_by_client(work: Workspace, post: dict) -> None:
    """A post that people published without Pulso: it counts for gaps and quotas, and stands here so that none is a surprise."""
    text = work.text
    time = text.clock_time(post["published_at"], work.zone)
    st.caption(
        f"{link_to(post['permalink'], time) or time} {text('network.' + post['network'])}, {text('calendar.by_client')}"
    )


def _expected(work: Workspace, shown: ShownForecast | None) -> str | None:
    """`≈ 42 (18 – 95)`, in engagements."""
    if shown is None:
        return None
    text = work.text
    middle, low, high = (
        text.compact(round(max(0.0, expm1(value))))
        for value in (
            shown.forecast.expected_log_engagement,
            shown.forecast.lower_log_engagement,
            shown.forecast.upper_log_engagement,
        )
    )
    words = text("calendar.expected", middle=middle, low=low, high=high)
    return f"{words} :orange[:material/history:]" if shown.is_outdated else words


def _parked(work: Workspace) -> None:
    """Posts whose fate no machine can tell, first of all."""
    parked = work.desk.parked()
    if not parked:
        return
    text = work.text
    section(text("calendar.parked"), help=text("calendar.parked_help"))
    for view in parked:
        with st.container(
            border=True, horizontal=True, vertical_alignment="center", key=f"parked-{view.item.content_item_id}"
        ):
            reason = (
                text(f"park.{view.reason_code}")
                if view.reason_code and text.knows(f"park.{view.reason_code}")
                else view.reason or ""
            )
            st.markdown(
                f":orange[:material/front_hand:] {network_badge(work, view.item.network.value)} **{work.moment(view.item.scheduled_at)}** — "
                f"{one_line(view.item.text, 90)}\n\n:gray[{plain(reason)}]",
                width="stretch",
            )
            st.button(
                text("calendar.resolve"),
                key=f"resolve-{view.item.content_item_id}",
                on_click=_open,
                args=(view.item.content_item_id,),
            )


def _waiting(work: Workspace) -> None:
    """Drafts that stand in no week: posts without a slot, and replies, which are due as soon as they are approved."""
    text = work.text
    waiting = work.desk.without_slot()
    replies = [view for view in waiting if view.item.is_reply]
    posts = [view for view in waiting if not view.item.is_reply]
    for name, views in (("replies", replies), ("slotless", posts)):
        if not views:
            continue
        section(f"{text(f'calendar.{name}')} · {text.number(len(views))}", help=text(f"calendar.{name}_help"))
        for view in views[:FIRST_WAITING]:
            _waiting_row(work, view)
        if rest := views[FIRST_WAITING:]:
            with st.expander(text("calendar.more", count=text.number(len(rest)))):
                for view in rest[:MOST_WAITING]:
                    _waiting_row(work, view)


def _waiting_row(work: Workspace, view: ItemView) -> None:
    content_item_id = view.item.content_item_id
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"waiting-{content_item_id}"):
        st.markdown(f"{network_badge(work, view.item.network.value)} {one_line(view.item.text, 140)}", width="stretch")
        st.button(work.text("calendar.open"), key=f"open-{content_item_id}", on_click=_open, args=(content_item_id,))


# --- one item ------------------------------------------------------------------------------------------------------------------


def _open(content_item_id: str) -> None:
    st.session_state[OPEN_ITEM] = content_item_id


def _close() -> None:
    st.session_state.pop(OPEN_ITEM, None)


def _open_dialog(work: Workspace, content_item_id: str) -> None:
    try:
        view = work.desk.item(content_item_id)
    except PulsoError:
        _close()  # it belongs to the client that was in view before
        return
    title = f"{work.text('network.' + view.item.network.value)} · {work.moment(view.published_at or view.item.scheduled_at)}"
    st.dialog(title, width="large", on_dismiss=_close)(_item)(work, view)


def _item(work: Workspace, view: ItemView) -> None:
    text, item = work.text, view.item
    left, right = st.columns([1.35, 1], gap="large")
    edited = item.text
    with left:
        if item.reply_to_comment_id and (comment := work.data.comment(item.reply_to_comment_id)):
            st.markdown(f"**{text('item.comment')}**")
            st.markdown("> " + plain(comment).replace("\n", "\n> "))
        if is_changeable(view):
            edited = st.text_area(
                text("item.text"), item.text, key=f"text-{item.content_item_id}-{item.revision}", height=230
            )
            _length(work, item.model_copy(update={"text": edited}))
        else:
            st.markdown(f"**{text('item.text')}**")
            st.markdown(plain(item.text).replace("\n", "  \n"))
        _parts(work, item)
        _media(work, item.media)
        if edited != item.text:
            st.caption(f":orange[:material/edit:] {text('item.unsaved')}")
    with right:
        _facts(work, view)
        verdict = work.desk.verdict(item.model_copy(update={"text": edited}), now=work.now.at)
        if view.state not in (ItemState.PUBLISHED, ItemState.REJECTED, ItemState.CANCELLED):
            _guardrails(work, verdict.violations, item)
    if is_changeable(view):
        _mending(work, view, item.model_copy(update={"text": edited}))
    st.divider()
    if not work.actor:
        st.warning(text("app.name_needed"))
    if view.state is ItemState.PARKED:
        _resolution(work, view)
    else:
        _actions(work, view, edited=edited, verdict=verdict)


def _length(work: Workspace, item: ContentItem) -> None:
    """How much of what the network (or the account's own server) takes the text fills, counted as that network counts."""
    count, limit = fullest(item, work.desk.limits(item))
    words = work.text(
        "item.length",
        count=work.text.number(count),
        most=work.text.number(limit.most),
        network=work.text(f"network.{item.network.value}"),
    )
    st.caption(f":red[{words}]" if count > limit.most else words)


def _facts(work: Workspace, view: ItemView) -> None:
    text, item = work.text, view.item
    state = view.state.value
    st.badge(text(f"state.{state}"), icon=STATE_ICONS[state], color=STATE_COLOURS[state])  # type: ignore[arg-type]
    if view.reason and view.state in (ItemState.MISSED, ItemState.FAILED, ItemState.CANCELLED, ItemState.REJECTED):
        st.caption(plain(view.reason))
    handles = work.desk.handles()
    lines = [f"**{text('item.account')}** @{plain(handles.get(item.account_id, item.account_id))}"]
    if item.scheduled_at is not None:
        held = f" :gray[{text('item.held')}]" if view.is_slot_held else ""
        lines.append(f"**{text('item.slot')}** {work.moment(item.scheduled_at)}{held}")
    pillars = {pillar.pillar_id: pillar.name for pillar in work.client.brand.pillars}
    if item.pillar_id:
        lines.append(f"**{text('content.pillar')}** {plain(pillars.get(item.pillar_id, item.pillar_id))}")
    facts = {fact.fact_id: fact.text for fact in work.client.brand.facts}
    for fact_id in item.fact_ids:
        lines.append(f"**{text('item.rests_on')}** {plain(facts.get(fact_id, fact_id))}")
    if view.approval is not None and view.approval.is_in_force and view.approval.verdict == "approved":
        who = text("item.by_policy") if view.approval.is_by_policy else plain(view.approval.actor)
        lines.append(f"**{text('item.approved_by')}** {who}, {work.moment(view.approval.decided_at)}")
    if link := link_to(view.permalink, text("content.open")):
        lines.append(link)
    st.markdown("  \n".join(lines))
    shown = work.desk.forecast(view)
    if shown is None:
        st.caption(text("item.no_forecast"))
        return
    st.markdown(
        f"**{text('item.forecast')}** {_expected(work, shown)}",
        help=text("item.forecast_help", level=text.percent(shown.forecast.interval_level, digits=0)),
    )
    if shown.forecast.percentile is not None:
        st.caption(text("item.percentile", share=text.percent(shown.forecast.percentile, digits=0)))
    if shown.is_outdated:
        st.caption(f":orange[:material/history: {text('item.outdated')}]")


def _parts(work: Workspace, item: ContentItem) -> None:
    """The posts of a thread that follow the first one."""
    for number, part in enumerate(item.options.thread, 2):
        st.markdown(f"**{work.text('item.part', number=work.text.number(number))}**")
        st.markdown(plain(part).replace("\n", "  \n"))


def _media(work: Workspace, files: Sequence[Media]) -> None:
    for media in files:
        file = work.desk.media_path(media.path)
        if file is None:
            st.caption(f":orange[:material/broken_image:] {work.text('item.media_missing', path=media.path)}")
        elif is_film(media):
            st.video(str(file))
        else:
            st.image(str(file), caption=media.alt_text, width=300, alt=media.alt_text)


def _named(work: Workspace, words: str, item: ContentItem) -> str:
    """Words about files with each file called as people see it: files are stored under names that say nothing."""
    for number, media in enumerate(item.media, 1):
        name = media.alt_text.strip() or work.text("item.file", number=work.text.number(number))
        words = words.replace(media.path, f"“{name}”")
    return words


def _guardrails(work: Workspace, violations: Sequence[Violation], item: ContentItem) -> None:
    text = work.text
    if not violations:
        st.markdown(f":green[:material/verified_user:] {text('item.allowed')}")
        return
    for violation in violations:
        colour, icon = ("red", "block") if violation.severity == "block" else ("orange", "warning")
        rule = text(f"rule.{violation.rule}") if text.knows(f"rule.{violation.rule}") else violation.rule
        st.markdown(
            f":{colour}[:material/{icon}: **{rule}**] {plain(_named(work, violation.message, item))} :gray[{plain(violation.remedy)}]"
        )


def _mending(work: Workspace, view: ItemView, shown: ContentItem) -> None:
    """What can be made to fit without changing what the post says: first tried and shown, then saved for another approval."""
    if not work.desk.can_mend(shown):
        return
    text = work.text
    with st.container(border=True, key="mending"):
        st.markdown(f"**{text('mend.title')}**", help=text("mend.help"))
        may_shorten = any(is_film(media) for media in shown.media) and st.checkbox(
            text("mend.may_shorten"), key="mend-shorten"
        )
        asked = (shown, may_shorten)
        if st.button(text("mend.try"), icon=":material/build:", key="mend"):
            with st.spinner(text("mend.working")):
                st.session_state[_MENDED] = (asked, work.desk.mended(shown, may_shorten=may_shorten))
        tried, mended = st.session_state.get(_MENDED, (None, None))
        if tried != asked:  # nothing was tried yet, or the text has changed since
            return
        _mended(work, view, shown, mended)


def _mended(work: Workspace, view: ItemView, shown: ContentItem, mended: MendedItem) -> None:
    """What mending would change, as words and as it would look, and the button that keeps it."""
    text = work.text
    for failure in mended.failures:
        st.markdown(f":orange[:material/warning:] {plain(_named(work, failure, shown))}")
    if not mended.changes:
        st.caption(text("mend.nothing"))
        return
    st.markdown("\n".join(f"- {plain(_named(work, change, shown))}" for change in mended.changes))
    if mended.item.options.thread != shown.options.thread:
        st.markdown(f"**{text('item.part', number=text.number(1))}**")
        st.markdown(plain(mended.item.text).replace("\n", "  \n"))
        _parts(work, mended.item)
    _media(work, [media for media in mended.item.media if media not in shown.media])
    rest = work.desk.verdict(mended.item, now=work.now.at).violations
    st.markdown(f"**{text('mend.rest')}**")
    _guardrails(work, rest, mended.item)
    if st.button(
        text("mend.save"),
        type="primary",
        icon=":material/save:",
        key="mend-save",
        disabled=not work.actor,
        help=text("item.save_help"),
    ):
        _do(work, lambda: work.desk.save_mended(view, mended.item, actor=work.actor), text("item.saved"), stay=True)


def _actions(work: Workspace, view: ItemView, *, edited: str, verdict: Verdict) -> None:
    text, item, can = work.text, view.item, bool(work.actor)
    if not is_changeable(view):
        st.caption(text("item.closed"))
        return
    has_edit = edited != item.text
    with st.container(horizontal=True, gap="small", key="item-actions"):
        if view.state is ItemState.DRAFT and not has_edit:
            is_postable = verdict.is_allowed and (item.scheduled_at is not None or item.is_reply)
            help_text = (
                None
                if is_postable
                else text("item.approve_blocked")
                if not verdict.is_allowed
                else text("item.needs_slot")
            )
            if st.button(
                text("item.approve"),
                type="primary",
                icon=":material/check:",
                key="approve",
                disabled=not (can and is_postable),
                help=help_text,
            ):
                _do(work, lambda: work.desk.approve(view, actor=work.actor), text("item.approved"))
        if has_edit and st.button(
            text("item.save"),
            type="primary",
            icon=":material/save:",
            key="save",
            disabled=not can,
            help=text("item.save_help"),
        ):
            _do(work, lambda: work.desk.edit(view, text=edited, actor=work.actor), text("item.saved"), stay=True)
        if is_movable(view) and not item.is_reply:
            _move(work, view)
        if view.state is not ItemState.REJECTED:
            with st.popover(text("item.reject"), icon=":material/close:", key="reject"):
                st.markdown(text("item.reject_question"))
                reason = st.text_input(text("item.reject_reason"), key="reject-reason")
                if st.button(text("item.reject_confirm"), type="primary", key="reject-confirm", disabled=not can):
                    _do(
                        work,
                        lambda: work.desk.reject(view, actor=work.actor, reason=reason.strip()),
                        text("item.rejected"),
                    )


def _move(work: Workspace, view: ItemView) -> None:
    text, item = work.text, view.item
    with st.popover(text("item.move"), icon=":material/event:", key="move"):
        local = (item.scheduled_at or work.now.at + timedelta(days=1)).astimezone(ZoneInfo(work.zone))
        first = max(local.date(), work.today)  # a missed slot lies in the past
        st.caption(text("item.move_zone", zone=text.zone(work.zone, work.now.at)))
        day = st.date_input(text("item.day"), first, min_value=work.today, key="move-day", format="DD/MM/YYYY")
        clock = st.time_input(
            text("item.hour"),
            local.time().replace(second=0, microsecond=0),
            key="move-time",
            step=timedelta(minutes=15),
        )
        if day is None or clock is None:
            return
        try:
            to: datetime = moment_of(day, clock, work.zone)
        except NoSuchLocalTimeError:
            st.error(text("item.no_such_time"))
            return
        if to < work.now.at:
            st.error(text("item.in_the_past"))
            return
        # The text is judged beside it already; here stands only what the slot itself adds.
        content = work.desk.verdict(item.model_copy(update={"scheduled_at": None}), now=work.now.at).violations
        timing = work.desk.verdict(item.model_copy(update={"scheduled_at": to}), now=work.now.at).violations
        _guardrails(work, [violation for violation in timing if violation not in content], item)
        if st.button(
            text("item.move_confirm"),
            type="primary",
            key="move-confirm",
            disabled=not work.actor or to == item.scheduled_at,
        ):
            _do(work, lambda: work.desk.move(view, to=to, actor=work.actor), text("item.moved", moment=work.moment(to)))


def _resolution(work: Workspace, view: ItemView) -> None:
    """The three ways out of `parked`, for a person who has looked at the network."""
    text, can = work.text, bool(work.actor)
    code = view.reason_code or ""
    st.markdown(f":orange[:material/front_hand:] {text('park.' + code) if text.knows('park.' + code) else ''}")
    st.caption(plain(view.reason or ""))
    with st.container(horizontal=True, gap="small", key="item-resolution"):
        if code != ParkReason.RECONNECT:
            with st.popover(text("park.is_live"), icon=":material/visibility:", key="park-live"):
                _adopt(work, view)
            with st.popover(text("park.is_not_live"), icon=":material/send:", key="park-again"):
                st.markdown(text("park.again_question"))
                if st.button(text("park.again_confirm"), type="primary", key="park-again-confirm", disabled=not can):
                    _do(work, lambda: work.desk.send_again(view, actor=work.actor), text("park.sent_again"))
        with st.popover(text("park.give_up"), icon=":material/delete:", key="park-drop"):
            st.markdown(text("park.drop_question"))
            reason = st.text_input(text("stop.reason"), key="park-drop-reason")
            if st.button(text("park.drop_confirm"), type="primary", key="park-drop-confirm", disabled=not can):
                _do(work, lambda: work.desk.drop(view, actor=work.actor, reason=reason.strip()), text("park.dropped"))


def _adopt(work: Workspace, view: ItemView) -> None:
    """Choose the live post among those that were read from the account around the slot."""
    text, slot = work.text, view.item.scheduled_at or work.now.at
    posts = work.data.posts()
    near = (
        []
        if posts.is_empty()
        else posts.filter(
            (pl.col("account_id") == view.item.account_id)
            & pl.col("content_item_id").is_null()
            & pl.col("published_at").is_between(slot - timedelta(days=1), slot + timedelta(days=3))
        ).to_dicts()
    )
    if not near:
        st.markdown(text("park.none_read"))
        return
    chosen = st.selectbox(
        text("park.which"),
        near,
        format_func=lambda post: f"{work.moment(post['published_at'])} · {post['text'][:60]}",
        key="park-which",
    )
    if st.button(text("park.live_confirm"), type="primary", key="park-live-confirm", disabled=not work.actor):
        write = partial(
            work.desk.adopt,
            view,
            native_id=chosen["native_id"],
            permalink=chosen["permalink"],
            published_at=chosen["published_at"],
            actor=work.actor,
        )
        _do(work, write, text("park.adopted"))


def _do(work: Workspace, write: Callable[[], None], done: str, *, stay: bool = False) -> None:
    """Make one write, say what came of it, and draw the page again. A refusal is shown and changes nothing."""
    try:
        write()
    except PulsoError as refusal:
        st.error(work.text("app.refused", reason=str(refusal)))
        return
    announce(done)
    if not stay:
        _close()
    st.rerun()


render(current())
