"""Posting time on public data: what chosen hours promised and what later posts kept: `python -m benchmarks.timing`.

Belongs here: the run and its table. Does not belong here: the estimate (`ml.timing`), reading the files (`reference_posts`).

Hours are chosen on the first part by time, from outcomes known by its end, and judged on the posts published after it. The judge is doubly
robust too: outcome model and habits are fitted on the later posts alone, the chosen hours count as one arm, and intervals come from a
bootstrap over accounts and, within them, weeks. No constant of `ml.timing` was chosen on later posts. Neither data set says in which zone
its accounts live, so hours are UTC: within an account that is a shift of the clock, except for pages that changed to summer time.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.engagement import SETS
from benchmarks.reference_data import add_data_option, data_folder
from ml.features import post_features
from ml.timing.contrasts import MAX_RESIDUAL
from ml.timing.effects import counted, hour_effects
from ml.timing.habits import HOURS, habits
from ml.timing.outcome import LEVEL, without_the_hour

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FIRST_PART = 0.6
BEST_HOURS = 3
MIN_SHARE = 0.02
"""An hour can be chosen when it held this share of the account's posts in the first part."""
MIN_POSTS_FIRST, MIN_POSTS_LATER = 300, 150
RANDOM_DRAWS = 20
ARM_CLIP = 0.05
"""Propensities of the chosen hours together count as this at least."""


@dataclass(frozen=True)
class Later:
    """Later posts with what the judge knows of them."""

    account: Ints
    week: Ints
    hour: Ints
    residual: Floats
    distance: Floats
    chance: Floats

    @classmethod
    def of(cls, posts: pl.DataFrame) -> "Later":
        expected = without_the_hour(posts)
        distance = (posts["log_engagement"] - posts[LEVEL]).to_numpy().clip(-MAX_RESIDUAL, MAX_RESIDUAL)
        return cls(
            account=posts["account"].to_numpy(),
            week=posts["published_at"].dt.truncate("1w").rank("dense").cast(pl.Int64).to_numpy(),
            hour=posts["local_hour"].cast(pl.Int64).to_numpy(),
            residual=(distance - expected).clip(-MAX_RESIDUAL, MAX_RESIDUAL),
            distance=distance,
            chance=habits(posts, expected),
        )

    def lift(
        self, chosen: NDArray[np.bool_], rng: np.random.Generator, resamples: int, *, is_raw: bool = False
    ) -> Floats:
        """Mean log lift of the accounts' chosen hours (accounts x 24) over their usual mix, and its resamples behind it."""
        is_in = chosen[self.account, self.hour]
        outcome = self.distance if is_raw else self.residual
        chance = np.maximum((self.chance * chosen[self.account]).sum(axis=1), ARM_CLIP)
        weight = is_in / (1.0 if is_raw else chance)
        drawn, estimates = [], []
        for account in range(len(chosen)):
            own = self.account == account
            _, week = np.unique(self.week[own], return_inverse=True)
            parts = [np.bincount(week, v[own]) for v in (weight * outcome, weight, outcome, np.ones(len(outcome)))]
            weeks = np.column_stack(parts)
            counts = np.vstack(
                [np.ones((1, len(weeks))), rng.multinomial(len(weeks), np.full(len(weeks), 1 / len(weeks)), resamples)]
            )
            on, weighed, total, posts = (counts @ weeks).T
            lifts = np.where(weighed > 0, on / np.where(weighed > 0, weighed, 1.0), 0.0) - total / posts
            estimates.append(lifts[0])
            drawn.append(lifts[1:])
        picked = rng.integers(len(chosen), size=(resamples, len(chosen)))
        at = rng.integers(resamples, size=picked.shape)
        return np.r_[np.mean(estimates), np.array(drawn)[picked, at].mean(axis=1)]


@dataclass(frozen=True)
class Row:
    """One way to choose: what it promised (log units; None where it promises nothing), and later lifts, the estimate first."""

    name: str
    promised: float | None
    lifts: Floats

    def cells(self) -> str:
        low, high = np.expm1(np.quantile(self.lifts[1:], [0.025, 0.975]))
        promised = "" if self.promised is None else f"{np.expm1(self.promised):+.1%}"
        kept = "" if not self.promised else f"{self.lifts[0] / self.promised:.2f}"
        return f"| {self.name} | {promised} | {np.expm1(self.lifts[0]):+.1%} | {low:+.1%} to {high:+.1%} | {kept} |"


def run(name: str, reference_data: Path, *, resamples: int, seed: int) -> str:
    """Choose and judge on one data set; returns the figures as Markdown."""
    features = post_features(SETS[name](reference_data))
    return figures(name, features, resamples=resamples, seed=seed)


def figures(name: str, features: pl.DataFrame, *, resamples: int, seed: int) -> str:
    """The same from features."""
    features = features.filter(pl.col(LEVEL).is_not_null() & pl.col("is_label_mature"))
    until = features["published_at"].quantile(FIRST_PART)
    first = features.filter(pl.col("label_known_at") <= until)
    later = features.filter(pl.col("published_at") > until)
    accounts = enough(first, MIN_POSTS_FIRST).join(enough(later, MIN_POSTS_LATER), on="account_id", how="semi")
    accounts = accounts.with_columns(time_zone=pl.lit("unknown")).sort("account_id")
    rng = np.random.default_rng(seed)
    judge = Later.of(counted(later, accounts, later["label_known_at"].max()))

    effects = hour_effects(first, accounts, computed_at=until)
    posts, effect, cautious = (of(effects, column) for column in ("posts", "effect", "cautious_effect"))
    is_supported = posts >= MIN_SHARE * posts.sum(axis=1, keepdims=True)
    best = top(effect, is_supported)
    raw = raw_effects(first, accounts)
    top_raw = top(raw, posts > 0)
    shuffled = first.sort("account_id").with_columns(pl.col("local_hour").shuffle(seed=seed).over("account_id"))
    by_chance = hour_effects(shuffled, accounts, computed_at=until)
    random = np.array([top(rng.random(effect.shape), is_supported) for _ in range(RANDOM_DRAWS)])
    rows = [
        Row("best hours, cautious promise", promise(cautious, best, posts), judge.lift(best, rng, resamples)),
        Row("the same hours, promise without caution", promise(effect, best, posts), judge.lift(best, rng, resamples)),
        Row(
            "top 3 raw averages, judged raw",
            promise(raw, top_raw, posts),
            judge.lift(top_raw, rng, resamples, is_raw=True),
        ),
        Row(
            "top 3 raw averages, judged doubly robust",
            promise(raw, top_raw, posts),
            judge.lift(top_raw, rng, resamples),
        ),
        Row("placebo: 3 random hours", None, averaged([judge.lift(c, rng, resamples) for c in random])),
        Row(
            "placebo: chosen with hours shuffled",
            promise(of(by_chance, "cautious_effect"), top(of(by_chance, "effect"), is_supported), posts),
            judge.lift(top(of(by_chance, "effect"), is_supported), rng, resamples),
        ),
    ]
    return "\n".join(
        [
            f"## {name}",
            "",
            (
                f"{accounts.height} accounts; hours chosen on {int(posts.sum()):,} posts known by {until:%Y-%m-%d}, judged on "
                f"{len(judge.hour):,} later ones."
            ),
            "",
            "| chosen | promised | later | 95 % interval | later / promised |",
            "|---|---|---|---|---|",
            *(row.cells() for row in rows),
        ]
    )


def averaged(lifts: list[Floats]) -> Floats:
    """The mean estimate, with resamples of one draw each: random hours are themselves a draw."""
    return np.r_[np.mean([one[0] for one in lifts]), np.concatenate([one[1:] for one in lifts])]


def enough(features: pl.DataFrame, posts: int) -> pl.DataFrame:
    """Accounts with that many posts: `client_id`, `account_id`, `network`."""
    grouped = features.group_by("account_id").agg(pl.first("client_id"), pl.first("network"), pl.len().alias("count"))
    return grouped.filter(pl.col("count") >= posts).drop("count")


def of(effects: pl.DataFrame, column: str) -> Floats:
    """A column as accounts x 24."""
    return effects[column].cast(pl.Float64).to_numpy().reshape(-1, HOURS)


def raw_effects(first: pl.DataFrame, accounts: pl.DataFrame) -> Floats:
    """What a table of averages shows: mean log engagement by hour minus the account's mean; 0 where nothing was published."""
    own = first.with_columns(pl.col("log_engagement") - pl.col("log_engagement").mean().over("account_id"))
    hours = own.group_by("account_id", "local_hour").agg(pl.col("log_engagement").mean().alias("raw"))
    clock = pl.DataFrame({"local_hour": np.arange(HOURS)}, schema={"local_hour": pl.Int32})
    rows = accounts.select("account_id").join(clock, how="cross")
    return of(
        rows.join(hours, on=["account_id", "local_hour"], how="left", maintain_order="left").fill_null(0.0), "raw"
    )


def top(score: Floats, is_allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The BEST_HOURS best allowed hours of each account, as accounts x 24."""
    ranked = np.argsort(-np.where(is_allowed, score, -np.inf), axis=1)[:, :BEST_HOURS]
    chosen = np.zeros(score.shape, dtype=bool)
    np.put_along_axis(chosen, ranked, values=True, axis=1)
    return chosen & is_allowed


def promise(effect: Floats, chosen: NDArray[np.bool_], posts: Floats) -> float:
    """Mean over accounts of the chosen hours' effects, each hour as often as the account used it."""
    weight = np.where(chosen, posts, 0.0)
    return float(((effect * weight).sum(axis=1) / np.maximum(weight.sum(axis=1), 1.0)).mean())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.timing", description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--set", choices=sorted(SETS), action="append", help="default: all")
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    data = data_folder(arguments.data)
    for name in arguments.set or sorted(SETS, reverse=True):
        sys.stdout.write(run(name, data, resamples=arguments.resamples, seed=arguments.seed) + "\n\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
