"""The few shapes that pages are made of: a header, a section, a figure, an empty state."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import plotly.graph_objects as go
import streamlit as st

from apps.streamlit.figures import CONFIG
from apps.streamlit.language import NOTHING, Language
from apps.streamlit.workspace import Workspace

_ANNOUNCEMENT = "announcement"
OPEN_ITEM = "open_item"
"""Key of the session under which the calendar finds the item that is to be open."""

STATE_COLOURS = {
    "draft": "gray",
    "approved": "green",
    "published": "blue",
    "rejected": "red",
    "cancelled": "gray",
    "missed": "orange",
    "failed": "red",
    "parked": "orange",
}
STATE_ICONS = {
    "draft": ":material/edit_note:",
    "approved": ":material/check_circle:",
    "published": ":material/send:",
    "rejected": ":material/cancel:",
    "cancelled": ":material/block:",
    "missed": ":material/schedule:",
    "failed": ":material/error:",
    "parked": ":material/front_hand:",
}


def header(work: Workspace, page: str) -> None:
    """Title of a page, the client's zone and hour, and whatever a reader must know before trusting the page."""
    text = work.text
    st.title(text(f"{page}.title"), anchor=False)
    st.caption(
        text(
            "app.as_of",
            client=work.client.name,
            moment=work.moment(work.now.at),
            zone=text.zone(work.zone, work.now.at),
        )
    )
    if work.now.is_stale:
        st.warning(text("app.clock_stale"), icon=":material/schedule:")
    for stop in work.desk.stops():
        scope = text("stop.everyone") if stop.client_id is None else work.client.name
        st.error(
            text(
                "stop.banner",
                scope=scope,
                actor=plain(stop.actor),
                reason=plain(stop.reason),
                moment=work.moment(stop.at),
            ),
            icon=":material/front_hand:",
        )
    done = st.session_state.pop(_ANNOUNCEMENT, None)
    if done:
        st.toast(done, icon=":material/check_circle:")


def announce(done: str) -> None:
    """Say on the page's next run that something was done."""
    st.session_state[_ANNOUNCEMENT] = done


def open_in_calendar(content_item_id: str) -> None:
    """Leave the page for the calendar, with this item open."""
    st.session_state[OPEN_ITEM] = content_item_id
    st.switch_page("views/calendar.py")


def section(title: str, help: str | None = None) -> None:  # noqa: A002
    st.subheader(title, anchor=False, help=help)


def figure(chart: go.Figure, key: str, *, alt: str) -> None:
    """A plot in the theme's colours. `alt` says in words what it shows, for those who cannot see it."""
    st.plotly_chart(chart, key=key, config=CONFIG, alt=alt)


def one_of(
    label: str,
    options: Sequence[str],
    *,
    key: str,
    named: Callable[[str], str],
    default: str | None = None,
    help: str | None = None,  # noqa: A002
) -> str:
    """One of several options side by side: the first where no other is the `default`. `named` says what people call an option."""
    default = options[0] if default is None else default
    chosen = st.segmented_control(label, options, default=default, required=True, format_func=named, key=key, help=help)
    return chosen or default


def empty(work: Workspace, key: str, *, place: str = "", **values: object) -> None:
    """Where a page has nothing to show: what is missing, and what makes it appear.

    `place` tells two of the same kind on one page apart.
    """
    with st.container(border=True, key=f"empty-{key.replace('.', '-')}{place}"):
        st.markdown(f"**{work.text(f'{key}.title', **values)}**")
        st.markdown(work.text(f"{key}.remedy", **values))


def absence(text: Language, row: Mapping[str, Any]) -> str:
    """A row of `absences.absences` as a sentence."""
    return text(
        f"absence.{row['state']}",
        network=text("network." + row["network"]),
        metric=text("metric." + row["metric"]),
        since=text.day(row["since"]) if row["since"] else NOTHING,
        received=text.number(row["received"]),
        expected=text.number(row["expected"]),
    )


def network_badge(work: Workspace, network: str) -> str:
    """The network's name as a badge, in markdown."""
    colour = {"bluesky": "blue", "instagram": "violet"}.get(network, "gray")
    return f":{colour}-badge[{work.text('network.' + network)}]"


def link_to(url: str | None, label: str) -> str | None:
    """A markdown link to a web address that a network told us; None for anything that is no web address."""
    if url is None or not url.startswith(("https://", "http://")):
        return None
    return f"[{label}]({quote(url, safe=':/?#@!$&*+,;=%~')})"


def one_line(text: str, length: int) -> str:
    """The beginning of a text on one line, with markdown's marks made harmless."""
    flat = " ".join(text.split())
    flat = flat if len(flat) <= length else flat[: length - 1].rstrip() + "…"
    return plain(flat)


def plain(text: str) -> str:
    """A text as markdown that shows it as it is written."""
    for mark in "\\`*_{}[]<>#$~|:":
        text = text.replace(mark, f"\\{mark}")
    return text
