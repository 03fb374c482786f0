"""Which posts are told about as taking off, and why.

Belongs here: the rule, its budget of false alarms, and the sentence. Does not belong here: the forecasts that it goes by (`model.py`).

A post is told about when it is as likely as not to end among the top of its account, and even the low end of its interval is more than the
account's posts usually come to. A forecast that means what it says is right with its own probability p whenever it is acted on, at the
first look or at the tenth: what was told turns out to be a false alarm with 1 - p. So these add up to the false alarms to be expected,
and the likeliest posts are told about as long as a client's of one week stay within its budget.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl

from ml.streams.budget import WEEK, affordable_rate

TOLD_FROM = 0.5
FALSE_ALARMS_A_WEEK = 2
"""At most so many for a client, in 19 of 20 weeks (`ml.streams.budget.KEPT_IN`)."""
LEAST_COST = 0.01
"""A probability of one is a hundred neighbours that all ended on top: no more certain than that."""
TOLD_SCHEMA = pl.Schema({"post_id": pl.String(), "told_at": pl.Datetime("us", "UTC"), "told_probability": pl.Float64()})


def told(forecasts: pl.DataFrame, earlier: pl.DataFrame, *, now: datetime) -> pl.DataFrame:
    """Posts of one client that are told about now for the first time, schema TOLD_SCHEMA, likeliest first.

    `forecasts`: `post_id`, `probability_top`, `expected`, `low` and `usual`, one row a post. `earlier`: TOLD_SCHEMA of the posts that were told
    about before, each once.
    """
    # What this very moment told was told by a run that ended early: it counts, and is not told again.
    spent = earlier.filter(pl.col("told_at") > now - WEEK).select(_cost("told_probability").sum()).item()
    candidates = (
        forecasts.filter((pl.col("probability_top") >= TOLD_FROM) & (pl.col("low") > pl.col("usual")))
        .join(earlier, on="post_id", how="anti")
        .sort("probability_top", "expected", "post_id", descending=[True, True, False])
    )
    is_affordable = spent + _cost("probability_top").cum_sum() <= affordable_rate(FALSE_ALARMS_A_WEEK)
    return candidates.filter(is_affordable).select(
        "post_id", told_at=pl.lit(now).cast(TOLD_SCHEMA["told_at"]), told_probability="probability_top"
    )


def _cost(probability: str) -> pl.Expr:
    """The part of a false alarm that telling costs."""
    return pl.max_horizontal(1 - pl.col(probability), LEAST_COST)


def evidence(row: Mapping[str, Any]) -> str:
    """A forecast with what it is held against, for people, in English; `row`: a row of `decisions/posts_taking_off`."""
    sentence = (
        f"{row['engagements']:,.0f} engagements after {row['age_hours']:.1f} hours; {row['expected_engagements']:,.0f} expected in the end "
        f"({row['interval_level']:.0%}: {row['lower_engagements']:,.0f} to {row['upper_engagements']:,.0f}). This account's posts "
        f"usually come to {row['usual_engagements']:,.0f}, its best to {row['threshold_engagements']:,.0f} or more: this one does with a "
        f"probability of {row['probability_top']:.0%}."
    )
    if row["forecast_engagements"] is None:
        return sentence
    return (
        f"{sentence} Before publication {row['forecast_engagements']:,.0f} were forecast "
        f"({row['forecast_lower_engagements']:,.0f} to {row['forecast_upper_engagements']:,.0f})."
    )
