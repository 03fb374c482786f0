"""Which hours promise more than an account's usual mix of hours, how sure that is, and what following them has brought.

Belongs here: one section of a page, from models/hour_effects and learning/posting_time_lift. Does not belong here: any estimate.
"""

from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

import polars as pl
import streamlit as st

from apps.streamlit import figures
from apps.streamlit.layout import empty, figure, plain, section
from apps.streamlit.workspace import Workspace

LEVEL = 0.8
"""Of the intervals: outside of it one hour in ten is worse, one better."""
MIN_SHARE = 0.02
"""An hour at which fewer of the account's own posts went out is not recommended: what is known of it is mostly the neighbours'."""
MIN_PROMISE = 0.005
"""Half a percent: anything less is not worth a sentence."""


def best_times(work: Workspace) -> None:
    """The section: a heat strip, a sentence for each account, and promised against realised lift."""
    text = work.text
    section(text("times.section"), help=text("times.help"))
    effects = with_intervals(work.data.hour_effects())
    if effects.is_empty() or effects["posts"].sum() == 0:
        empty(work, "times.empty")
        return
    names = {
        row["account_id"]: f"{text('network.' + row['network'])} · @{row['handle']}"
        for row in work.data.accounts().iter_rows(named=True)
    }
    chart = figures.hour_strip(effects, names, text)
    figure(chart, "hour-strip", alt=text("times.alt"))
    for (account_id,), rows in effects.group_by("account_id", maintain_order=True):
        st.markdown(f"**{plain(names.get(str(account_id), str(account_id)))}** · " + _sentence(work, rows))
    _kept(work)


def with_intervals(effects: pl.DataFrame) -> pl.DataFrame:
    """Rows of models/hour_effects by account and hour, with `lift`, `low`, `high` and `promise` as ratios (.1 means 10 % more)."""
    if effects.is_empty():
        return effects
    reach = NormalDist().inv_cdf((1 + LEVEL) / 2) * pl.col("standard_error")
    return effects.sort("network", "account_id", "local_hour").with_columns(
        (pl.col("effect").exp() - 1).alias("lift"),
        ((pl.col("effect") - reach).exp() - 1).alias("low"),
        ((pl.col("effect") + reach).exp() - 1).alias("high"),
        (pl.col("cautious_effect").exp() - 1).alias("promise"),
    )


def best_hour(rows: pl.DataFrame) -> Mapping[str, Any] | None:
    """The hour of one account with the largest promise among those that it has used enough; None where none promises anything."""
    used = rows.filter(
        (pl.col("posts") > 0)
        & (pl.col("posts") >= MIN_SHARE * pl.col("posts").sum())
        & (pl.col("promise") >= MIN_PROMISE)
    )
    return None if used.is_empty() else used.sort("promise", descending=True).row(0, named=True)


def _sentence(work: Workspace, rows: pl.DataFrame) -> str:
    text, best = work.text, best_hour(rows)
    total = int(rows["posts"].sum())
    if best is None:
        return text("times.none", count=total, shown=text.number(total))
    return text(
        "times.best",
        hour=f"{best['local_hour']:02d}:00",
        promise=text.change(best["promise"]),
        low=text.percent(best["low"]),
        high=text.percent(best["high"]),
        here=text.number(best["posts"]),
        posts=text.number(total),
        overlap=text.percent(best["overlap"], digits=0),
    )


def _kept(work: Workspace) -> None:
    """What recommended slots brought against drawn ones, beside the promise; or that it is too early to say."""
    text, lift = work.text, work.data.posting_time_lift()
    if lift.is_empty():
        st.caption(text("times.no_lift_yet"))
        return
    row = lift.row(0, named=True)
    values = {
        "promised": text.percent(row["promised_lift"]),
        "posts": text.number(row["posts"]),
        "holdouts": text.number(row["holdout_posts"]),
    }
    if row["realised_lift"] is None:
        st.info(text("times.too_few", **values), icon=":material/hourglass_empty:")
        return
    low, high = text.percent(row["realised_low"]), text.percent(row["realised_high"])
    st.info(
        text("times.kept", realised=text.percent(row["realised_lift"]), low=low, high=high, **values),
        icon=":material/balance:",
    )
