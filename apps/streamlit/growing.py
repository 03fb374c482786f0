"""Posts that are growing now: what their first hours say, shown on more than one page.

Belongs here: the list of those that take off, and one post's growth with what is forecast of it. Does not belong here: finished posts.
"""

from typing import Any

import polars as pl
import streamlit as st

from apps.streamlit import figures
from apps.streamlit.estimates import usual_growth
from apps.streamlit.layout import figure, link_to, network_badge, one_line, section
from apps.streamlit.workspace import Workspace


def growing_posts(work: Workspace) -> pl.DataFrame:
    """The newest forecast of each post that is not final yet, with its words; those that take off first, then the likeliest."""
    said = work.data.growing()
    if said.is_empty():
        return said
    final_after = pl.duration(hours=work.settings.mature_after_hours)
    young = said.filter(pl.col("published_at") + final_after > work.now.at)
    newest = young.sort("age_hours").unique("post_id", keep="last")
    words = work.data.posts()
    if words.is_empty():
        return newest.clear()
    return newest.join(words.select("post_id", "text", "permalink"), on="post_id").sort(
        "is_taking_off", "probability_top", "post_id", descending=[True, True, False]
    )


def taking_off_list(work: Workspace) -> None:
    """Those that take off, each with its evidence in a line; nothing where none does."""
    text = work.text
    posts = growing_posts(work)
    posts = posts if posts.is_empty() else posts.filter("is_taking_off")
    if posts.is_empty():
        return
    section(text("growing.taking_off"), help=text("growing.taking_off_help"))
    for post in posts.iter_rows(named=True):
        with st.container(border=True, gap="xsmall"):
            st.markdown(
                f":orange-badge[:material/trending_up: {_chance(work, post)}] {network_badge(work, post['network'])}"
            )
            st.markdown(one_line(post["text"] or text("content.no_text"), 130))
            st.caption(_evidence(work, post))
    st.page_link("views/post_growth.py", label=text("growing.see"), icon=":material/arrow_forward:")


def growth_now(work: Workspace) -> None:
    """One growing post at a time: its counts so far, what is forecast, and the usual growth of its account."""
    text = work.text
    section(text("growing.now"), help=text("growing.now_help", hours=work.settings.mature_after_hours))
    posts = growing_posts(work)
    if posts.is_empty():
        st.caption(f":material/info: {text('growing.none', hours=work.settings.mature_after_hours)}")
        return
    rows = {row["post_id"]: row for row in posts.iter_rows(named=True)}
    post = rows[
        st.selectbox(
            text("growing.post"),
            list(rows),
            format_func=lambda post_id: _label(work, rows[post_id]),
            key="growing_post",
        )
    ]
    st.markdown(_evidence(work, post))
    if post["forecast_engagements"] is not None:
        low, high = (text.number(post[f"forecast_{end}_engagements"]) for end in ("lower", "upper"))
        st.markdown(text("growing.before", forecast=text.number(post["forecast_engagements"]), low=low, high=high))
    snapshots = work.data.snapshots()
    usual = usual_growth(
        snapshots.filter(account_id=post["account_id"]), final_after=float(work.settings.mature_after_hours)
    )
    looks = snapshots.filter(pl.col("post_id") == post["post_id"], pl.col("age_hours") <= post["age_hours"])
    chart = figures.growth_forecast(
        looks.sort("age_hours"), usual, post, text, final_hours=work.settings.mature_after_hours
    )
    figure(chart, "growing", alt=text("growing.alt"))
    link = link_to(post["permalink"], text("content.open"))
    notes = [text("growing.legend"), text(f"growing.by_{post['model_kind']}"), *([link] if link else [])]
    st.caption(" · ".join(notes))


def _chance(work: Workspace, post: dict[str, Any]) -> str:
    return work.text("growing.chance", share=work.text.percent(post["probability_top"], digits=0))


def _label(work: Workspace, post: dict[str, Any]) -> str:
    mark = "▲ " if post["is_taking_off"] else ""
    network = work.text("network." + post["network"])
    words = " ".join((post["text"] or work.text("content.no_text")).split())[:70]
    return f"{mark}{network} · {work.moment(post['published_at'])} · {words}"


def _evidence(work: Workspace, post: dict[str, Any]) -> str:
    number = work.text.number
    return work.text(
        "growing.evidence",
        engagements=number(post["engagements"]),
        age=number(post["age_hours"], digits=1),
        expected=number(post["expected_engagements"]),
        level=work.text.percent(post["interval_level"], digits=0),
        low=number(post["lower_engagements"]),
        high=number(post["upper_engagements"]),
        usual=number(post["usual_engagements"]),
        top=number(post["threshold_engagements"]),
        chance=work.text.percent(post["probability_top"], digits=0),
    )
