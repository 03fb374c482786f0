"""Does a model still hold? Evidence against it that grows with every scored forecast and may be looked at as often as one likes.

Belongs here: the evidence, as pure functions of scored forecasts. Does not belong here: which forecasts, whether to train again.

Two questions, each with an e-process: a stake that is multiplied with every outcome, and does not grow in expectation while all is well.
By Ville's inequality it ever reaches 20 in at most 5 % of the runs in which nothing is wrong, however long they last.

- *drift*: are the errors still those of before? Conformal test martingale: each day's error has its place among those of all days so far,
  uniform while days are exchangeable; the Simple Jumper bets that it is not (Vovk, Petej, Nouretdinov, Ahlberg, Carlsson and Gammerman,
  "Retrain or not retrain: conformal test martingales for change-point detection", 2021). The signed error (a level that moved)
  and its size (a spread that grew) are bet on with half of the stake each. Days and not posts are the unit: what happens on a day
  happens to many posts at once, and a post alone would be taken for a witness of its own.
- *decay*: is the forecast still nearer to the outcome than the simple rule that stands in where nothing can be learned? The stake is on its being farther (betting on
  a bounded mean: Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", 2024), post by post.
"""

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from contracts.evidence import ALARM

JUMPS = 0.05
"""How much of the stake changes its bet with every day."""
BETS = (-1.9, -1.0, 0.0, 1.0, 1.9)
FRACTIONS = (0.1, 0.25, 0.5)
"""Shares of the stake that are laid on decay, an equal part of it on each."""
LARGEST_DIFFERENCE = 2.0
"""Log units: how much nearer or farther than the rule one outcome may count."""

SCORES = ("account_id", "known_at", "log_engagement", "expected_log_engagement", "rule_log_engagement")
WATCH_SCHEMA = pl.Schema(
    {"day": pl.Date, "scored_forecasts": pl.Int64, "drift_evidence": pl.Float64, "decay_evidence": pl.Float64}
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Watch:
    """What the evidence says so far."""

    days: pl.DataFrame
    """Schema WATCH_SCHEMA, a row a day with outcomes, ascending; forecasts and evidence as of the end of the day."""

    def first_alarm(self, kind: str) -> date | None:
        """The first day on which the evidence of this kind (`drift`, `decay`) reached ALARM; None if it never did."""
        found = self.days.filter(pl.col(f"{kind}_evidence") >= ALARM)
        return None if found.is_empty() else found["day"][0]


def watch(scores: pl.DataFrame, *, seed: int = 0) -> Watch:
    """Evidence against one model version from its scored forecasts (columns SCORES, one row a post).

    `known_at`: when the outcome could be known (UTC); errors are in log units; `rule_log_engagement` is what the family's simple
    rule had said (null: the row says nothing of decay). Rows without an outcome are left out. The same rows and seed give the same evidence.
    """
    known = scores.drop_nulls(["log_engagement", "expected_log_engagement"]).sort("known_at", "account_id")
    if known.is_empty():
        return Watch(pl.DataFrame(schema=WATCH_SCHEMA))
    error = pl.col("expected_log_engagement") - pl.col("log_engagement")
    nearer = (pl.col("rule_log_engagement") - pl.col("log_engagement")).abs() - error.abs()
    posts = known.select(
        pl.col("known_at").dt.date().alias("day"), error.alias("error"), nearer.fill_null(0.0).alias("nearer")
    )
    days = (
        posts.with_columns(pl.Series("decay_evidence", decay(posts["nearer"].to_numpy())))
        .group_by("day", maintain_order=True)
        .agg(
            pl.len().alias("posts"),
            pl.col("error").mean(),
            pl.col("error").abs().mean().alias("size"),
            pl.col("decay_evidence").last(),
        )
    )
    # Each with chance of its own: what was said of a day must not depend on how many came after it.
    signed, size = (
        martingale(places(days[name].to_numpy(), np.random.default_rng([seed, at])))
        for at, name in enumerate(("error", "size"))
    )
    return Watch(
        days.select(
            "day",
            pl.col("posts").cum_sum().cast(pl.Int64).alias("scored_forecasts"),
            pl.Series("drift_evidence", (signed + size) / 2),
            "decay_evidence",
        )
    )


def places(values: Floats, rng: np.random.Generator) -> Floats:
    """Each value's place among all so far and itself, from 0 (the largest) to 1; equal ones are placed at random.

    Formula (smoothed conformal p-value): (#larger + u * #equal) / n with u uniform. Uniform and independent while the values are
    exchangeable.
    """
    seen: list[float] = []
    found = np.empty(len(values))
    for at, value in enumerate(values.tolist()):
        insort(seen, value)
        low, high = bisect_left(seen, value), bisect_right(seen, value)
        found[at] = (len(seen) - high + rng.random() * (high - low)) / len(seen)
    return found


def martingale(placed: Floats) -> Floats:
    """The Simple Jumper's stake after each place: 1 + e * (p - 1/2) is won by the part of it that bets on e."""
    bets = np.array(BETS)
    stakes = np.full(len(bets), 1 / len(bets))
    found = np.empty(len(placed))
    for at, place in enumerate(placed):
        stakes = (1 - JUMPS) * stakes + JUMPS * stakes.sum() / len(bets)
        stakes = stakes * (1 + bets * (place - 0.5))
        found[at] = stakes.sum()
    return found


def decay(nearer: Floats) -> Floats:
    """The stake after each difference (baseline's error minus the model's): does not grow in expectation while that is not negative."""
    lost = -np.clip(nearer, -LARGEST_DIFFERENCE, LARGEST_DIFFERENCE) / LARGEST_DIFFERENCE
    return np.asarray(np.mean([np.cumprod(1 + fraction * lost) for fraction in FRACTIONS], axis=0))
