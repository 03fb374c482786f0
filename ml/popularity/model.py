"""The popularity model: from a post's first hours, its final count with an interval and the probability that it ends on top.

Belongs here: fitting, forecasting, saving and loading. A model is a value: once fitted, it never changes.
Does not belong here: reading snapshots (`curves.py`), the rule of thumb (`median_curve.py`), whom to tell about (`alerts.py`).

Two parts, both of the *growth* that a post still has before it, log(1 + final) - log(1 + count so far):

1. *boosting* forecasts the mean growth from the curve so far and the account's level, out of fold for the second part;
2. *neighbours*: of past posts at the same age, alike in having a count or none, those whose forecast was nearest. What they still
   grew is the forecast distribution: its median is the expected growth, its quantiles the interval, and the share of them that
   would lift this post over its account's threshold the probability that it ends on top. Since the forecasts of the neighbours
   were made without them, this is a conformal predictive distribution, calibrated within each cell (Mondrian): see `_Neighbours`.

With too few posts to learn from there is no boosting: every post of the cell is a neighbour, and the expected growth is that of
the median curve.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from sklearn.ensemble import HistGradientBoostingRegressor

from contracts.errors import NotReadyError
from ml import artefact
from ml.popularity.curves import Curves, Floats, Ints, nearest_age
from ml.threads import threads_for

Kind = Literal["boosted", "median_curve"]

AGES = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 9.0, 12.0, 18.0, 24.0, 36.0, 48.0)
"""Hours since publication near to which past posts are learned from (`Curves.near`)."""
FINAL_AGE_HOURS = 72.0
"""Age from which a count is final, as in gold (`mature_after_hours`)."""
TOP_SHARE = 0.05
INTERVAL_LEVEL = 0.8
MIN_POSTS = 20
"""Posts seen near an age and followed to their end, below which nothing is said about that age."""
MIN_POSTS_TO_LEARN = 200
"""Below it boosting is not attempted."""
MIN_OWN_ROWS = 200
"""Past posts of the same network that a cell needs; with fewer, all networks share it."""
NEIGHBOURS = 100
MAX_CELL_ROWS = 4000
FOLDS = 5
LEVEL_PRIOR_POSTS = 20.0
THRESHOLD_PRIOR_POSTS = 100.0
FORECAST_SCHEMA = pl.Schema(
    {
        "post_id": pl.String,
        "age_hours": pl.Float64,
        "compared_at_hours": pl.Float64,
        "expected": pl.Float64,
        "curve": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "probability_top": pl.Float64,
    }
)


@dataclass(frozen=True)
class _Accounts:
    """Where finals (log(1 + count)) of each account lie, and from where on a post of it is on top.

    Level: mean of the account's finals, shrunk to its network's with the weight of LEVEL_PRIOR_POSTS. Threshold: the account's
    quantile of finals at 1 - TOP_SHARE, shrunk with the weight of THRESHOLD_PRIOR_POSTS to its level plus what posts of all accounts
    of the network exceed theirs by at that quantile. A post without any count is never on top.
    """

    levels: dict[str, float]
    thresholds: dict[str, float]
    network_levels: dict[str, float]
    network_thresholds: dict[str, float]
    """What a post of an unknown account is held against; under "" that of an unknown network."""

    @classmethod
    def fit(cls, posts: pl.DataFrame, finals: Floats, *, top_share: float) -> "_Accounts":
        """`posts`: account_id, network; `finals` in parallel."""
        rows = posts.select("account_id", "network", final=pl.Series(finals))
        final, top = pl.col("final"), pl.col("final").quantile(1 - top_share, "linear")
        network_mean = final.mean().over("network")
        rows = rows.with_columns(
            level=(final.sum().over("account_id") + LEVEL_PRIOR_POSTS * network_mean)
            / (pl.len().over("account_id") + LEVEL_PRIOR_POSTS)
        ).with_columns(
            excess=(final - pl.col("level")).quantile(1 - top_share, "linear").over("network"),
        )
        by_account = rows.group_by("account_id").agg(
            pl.col("level").first(),
            threshold=(pl.len() * top + THRESHOLD_PRIOR_POSTS * (pl.col("level") + pl.col("excess")).first())
            / (pl.len() + THRESHOLD_PRIOR_POSTS),
        )
        by_network = rows.group_by("network").agg(final.mean().alias("level"), threshold=top)
        everything = rows.select(final.mean().alias("level"), threshold=top).row(0, named=True)
        networks = {str(row["network"]): row for row in by_network.iter_rows(named=True)} | {"": everything}
        accounts = {str(row["account_id"]): row for row in by_account.iter_rows(named=True)}
        return cls(
            levels={name: row["level"] for name, row in sorted(accounts.items())},
            thresholds={name: row["threshold"] for name, row in sorted(accounts.items())},
            network_levels={name: row["level"] for name, row in sorted(networks.items())},
            network_thresholds={name: row["threshold"] for name, row in sorted(networks.items())},
        )

    def level(self, posts: pl.DataFrame) -> Floats:
        return _of_account(posts, self.levels, self.network_levels)

    def threshold(self, posts: pl.DataFrame) -> Floats:
        return np.maximum(_of_account(posts, self.thresholds, self.network_thresholds), np.log(2.0))


def _of_account(posts: pl.DataFrame, accounts: dict[str, float], networks: dict[str, float]) -> Floats:
    network = posts["network"].replace_strict(networks, default=networks[""], return_dtype=pl.Float64)
    own = posts["account_id"].replace_strict(accounts, default=None, return_dtype=pl.Float64)
    return own.fill_null(network).to_numpy()


@dataclass(frozen=True)
class _Rows:
    """Posts at ages. All arrays in parallel."""

    posts: pl.DataFrame
    """account_id, network, post_id of each row."""
    design: Floats
    """CURVE_FEATURES."""
    age_at: Ints
    """Position of the age that the row is compared at."""
    log_count: Floats

    @classmethod
    def of(cls, curves: Curves, posts: Ints, ages: Floats, age_at: Ints) -> "_Rows":
        features = curves.features(posts, ages)
        return cls(curves.posts[posts], features.to_numpy(), age_at, features["log_count"].to_numpy())

    def take(self, at: Ints) -> "_Rows":
        return _Rows(self.posts[at], self.design[at], self.age_at[at], self.log_count[at])

    def matrix(self, levels: Floats, networks: Sequence[str]) -> Floats:
        """The booster's input: the curve so far, the account's level and how far the count is above it, the network."""
        network = self.posts["network"].to_numpy()
        is_network = [(network == name).astype(np.float64) for name in networks]
        return np.column_stack([self.design, levels, self.log_count - levels, *is_network])


def _cell(network: str, age_at: int, has_count: bool) -> str:
    return f"{network}|{age_at}|{'counted' if has_count else 'uncounted'}"


@dataclass(frozen=True)
class _Neighbours:
    """What past posts still grew, by cell and by what was forecast for them out of fold.

    A cell is a network, an age and having a count or none; with fewer than MIN_OWN_ROWS past posts in it, all networks share one.
    Each holds two rows: forecast growth, in rising order, and the growth that came. At most MAX_CELL_ROWS, evenly taken.
    """

    cells: dict[str, Floats]
    width: int | None
    """Neighbours that are asked; None: the whole cell, where there is no forecast to be near to."""

    @classmethod
    def fit(cls, rows: _Rows, forecast: Floats, growth: Floats, *, is_boosted: bool, seed: int) -> "_Neighbours":
        # Posts without a count have forecasts in common: which of them are asked must not depend on anything about them.
        shuffled = np.random.default_rng(seed).permutation(len(growth))
        rows, forecast, growth = rows.take(shuffled), forecast[shuffled], growth[shuffled]
        networks, has_count = rows.posts["network"].to_numpy(), rows.log_count > 0
        cells = {}
        for age_at in np.unique(rows.age_at):
            at_age = rows.age_at == age_at
            for state in (False, True):
                alike = at_age & (has_count == state)
                # Where nearly every post has a count, or none, the few others are compared with all of the age.
                shared = alike if alike.sum() >= MIN_POSTS else at_age
                cells[_cell("", int(age_at), state)] = _by_forecast(forecast[shared], growth[shared])
                for network in np.unique(networks[alike]):
                    own = alike & (networks == network)
                    if own.sum() >= MIN_OWN_ROWS:
                        cells[_cell(str(network), int(age_at), state)] = _by_forecast(forecast[own], growth[own])
        return cls(cells, NEIGHBOURS if is_boosted else None)

    def growths(self, rows: _Rows, forecast: Floats) -> list[Floats]:
        """For each row the growth of its neighbours, in rising order."""
        networks, has_count = rows.posts["network"].to_list(), rows.log_count > 0
        found = []
        for network, age_at, state, expected in zip(networks, rows.age_at, has_count, forecast, strict=True):
            cell = self.cells[self._cell(network, int(age_at), bool(state))]
            width = cell.shape[1] if self.width is None else min(self.width, cell.shape[1])
            start = int(np.searchsorted(cell[0], expected)) - width // 2
            start = min(max(start, 0), cell.shape[1] - width)
            found.append(np.sort(cell[1, start : start + width]))
        return found

    def medians(self, rows: _Rows) -> Floats:
        """For each row the median growth of its whole cell: what the median curve of the same posts says."""
        names = [
            self._cell(network, int(age_at), bool(state))
            for network, age_at, state in zip(
                rows.posts["network"].to_list(), rows.age_at, rows.log_count > 0, strict=True
            )
        ]
        medians = {name: float(np.median(self.cells[name][1])) for name in set(names)}
        return np.array([medians[name] for name in names])

    def _cell(self, network: str, age_at: int, has_count: bool) -> str:
        own = _cell(network, age_at, has_count)
        return own if own in self.cells else _cell("", age_at, has_count)


def _by_forecast(forecast: Floats, growth: Floats) -> Floats:
    order = np.argsort(forecast, kind="stable")
    if len(order) > MAX_CELL_ROWS:
        order = order[np.linspace(0, len(order) - 1, MAX_CELL_ROWS).round().astype(np.int64)]
    return np.vstack([forecast[order], growth[order]])


def _bounds(growth: Floats, level: float) -> tuple[float, float]:
    """Bounds from sorted growths between which one more of their kind lies with a probability of at least `level`.

    Equal tails, except that what a tie at the lower bound holds beyond its own tail is not needed above: most posts without a count
    stay so, the interval starts there, and only its upper end can miss.
    """
    count = len(growth)
    low = max(int(np.floor((count + 1) * (1 - level) / 2)) - 1, 0)
    below = int(np.searchsorted(growth, growth[low], side="left"))
    high = min(below + int(np.ceil((count + 1) * level)), count - 1)
    return float(growth[low]), float(growth[high])


@dataclass(frozen=True)
class PopularityModel:
    """A fitted model. `kind` is `median_curve` when there were too few posts to learn from."""

    kind: Kind
    ages: tuple[float, ...]
    final_age_hours: float
    interval_level: float
    top_share: float
    trained_posts: int
    networks: tuple[str, ...]
    accounts: _Accounts
    neighbours: _Neighbours
    booster: HistGradientBoostingRegressor | None

    def forecast(self, snapshots: pl.DataFrame, *, age_hours: float | None = None) -> pl.DataFrame:
        """FORECAST_SCHEMA, a row per post by post_id: its final count (median, low, high) and the probability that it ends among
        the top share of its account; `compared_at_hours` is the age of the past posts that it is compared with, `curve` what
        the median curve of the same posts says.

        `snapshots`: as for `fit`. Each post is forecast at the age of its newest snapshot, with `age_hours` of the newest up to that
        age: later ones are then not looked at. Left out: posts whose count is final, and posts at an age that none learned from is
        near to (those younger than any, say).
        """
        curves = Curves.of(snapshots, up_to=age_hours)
        posts, ages = curves.newest()
        age_at = nearest_age(ages, self.ages)
        asked = np.flatnonzero((age_at >= 0) & (ages < self.final_age_hours))
        if not len(asked):
            return pl.DataFrame(schema=FORECAST_SCHEMA)
        ages = ages[asked]
        rows = _Rows.of(curves, posts[asked], ages, age_at[asked])
        growths = self.neighbours.growths(rows, self._expected_growth(rows))
        bounds = np.array([_bounds(growth, self.interval_level) for growth in growths])
        missing = self.accounts.threshold(rows.posts) - rows.log_count - 1e-9
        is_on_top = [float(np.mean(growth >= needed)) for growth, needed in zip(growths, missing, strict=True)]
        return pl.DataFrame(
            {
                "post_id": rows.posts["post_id"],
                "age_hours": ages,
                "compared_at_hours": np.array(self.ages)[rows.age_at],
                "expected": _count(rows.log_count + [float(np.median(growth)) for growth in growths]),
                "curve": _count(rows.log_count + self.neighbours.medians(rows)),
                "low": _count(rows.log_count + bounds[:, 0]),
                "high": _count(rows.log_count + bounds[:, 1]),
                "probability_top": is_on_top,
            },
            schema=FORECAST_SCHEMA,
        )

    def threshold(self, posts: pl.DataFrame) -> pl.Series:
        """The final count from which a post is on top, for rows with account_id and network."""
        return pl.Series("threshold", _count(self.accounts.threshold(posts)))

    def usual(self, posts: pl.DataFrame) -> pl.Series:
        """The final count around which an account's posts lie, for rows with account_id and network."""
        return pl.Series("usual", _count(self.accounts.level(posts)))

    def _expected_growth(self, rows: _Rows) -> Floats:
        if self.booster is None:
            return np.zeros(len(rows.log_count))
        return _predicted(self.booster, rows.matrix(self.accounts.level(rows.posts), self.networks))


def _count(logs: Floats) -> Floats:
    return np.asarray(np.maximum(np.expm1(logs), 0.0), dtype=np.float64)


def fit(
    snapshots: pl.DataFrame,
    *,
    ages: Sequence[float] = AGES,
    final_age_hours: float = FINAL_AGE_HOURS,
    level: float = INTERVAL_LEVEL,
    top_share: float = TOP_SHARE,
    seed: int = 0,
    is_boosted: bool = True,
) -> PopularityModel:
    """Learn from posts that were followed to `final_age_hours` (others are not looked at): rows of `curves.SNAPSHOTS_SCHEMA`.

    Boosting is tried where MIN_POSTS_TO_LEARN such posts are there, unless `is_boosted` is false: that makes the median curve, with an
    interval and a probability. The same rows and seed give the same model. Raises NotReadyError when no age has MIN_POSTS such posts.
    """
    every = Curves.of(snapshots)
    is_followed = np.isfinite(every.final_counts(final_age_hours))
    curves = Curves.of(snapshots.join(every.posts.filter(is_followed), on="post_id", how="semi"))
    posts, looked_at, age_at = curves.near(sorted(ages), before=final_age_hours, seed=seed)
    followed = np.bincount(age_at, minlength=len(ages))
    enough = np.flatnonzero(followed >= MIN_POSTS)
    if not len(enough):
        raise NotReadyError(
            f"not enough followed posts yet: {followed.max()} of {MIN_POSTS} were seen at about the same age in their first hours and again "
            f"at {final_age_hours:g} hours; keep reading young posts (`pulso run`) until some are that old"
        )
    is_kept = np.isin(age_at, enough)
    posts, age_at = posts[is_kept], np.searchsorted(enough, age_at[is_kept])
    rows = _Rows.of(curves, posts, looked_at[is_kept], age_at)
    final = np.log1p(curves.final_counts(final_age_hours))
    growth = final[posts] - rows.log_count
    networks = tuple(curves.posts["network"].unique().sort().to_list())
    is_boosted = is_boosted and curves.posts.height >= MIN_POSTS_TO_LEARN
    forecast, booster = np.zeros(len(posts)), None
    if is_boosted:
        folds = (np.random.default_rng(seed).permutation(curves.posts.height) % FOLDS)[posts]
        # The account's level comes from other folds too: a post's own final must not reach its features.
        levels = np.empty(len(posts))
        for fold in range(FOLDS):
            others = np.unique(posts[folds != fold])
            known = _Accounts.fit(curves.posts[others], final[others], top_share=top_share)
            levels[folds == fold] = known.level(rows.posts.filter(folds == fold))
        matrix = rows.matrix(levels, networks)
        for fold in range(FOLDS):
            is_own = folds == fold
            forecast[is_own] = _predicted(_boosted(matrix[~is_own], growth[~is_own], seed), matrix[is_own])
        booster = _boosted(matrix, growth, seed)
    return PopularityModel(
        kind="boosted" if is_boosted else "median_curve",
        ages=tuple(sorted(ages)[at] for at in enough),
        final_age_hours=final_age_hours,
        interval_level=level,
        top_share=top_share,
        trained_posts=curves.posts.height,
        networks=networks,
        accounts=_Accounts.fit(curves.posts, final, top_share=top_share),
        neighbours=_Neighbours.fit(rows, forecast, growth, is_boosted=is_boosted, seed=seed),
        booster=booster,
    )


def _boosted(matrix: Floats, growth: Floats, seed: int) -> HistGradientBoostingRegressor:
    booster = HistGradientBoostingRegressor(
        max_iter=120,
        learning_rate=0.05,
        max_leaf_nodes=6,
        l2_regularization=5.0,
        min_samples_leaf=int(np.clip(len(growth) // 50, 10, 60)),
        early_stopping=False,
        random_state=seed,
    )
    with threads_for(len(growth)):
        return booster.fit(matrix, growth)


def _predicted(booster: HistGradientBoostingRegressor, matrix: Floats) -> Floats:
    with threads_for(len(matrix)):
        return np.asarray(booster.predict(matrix), dtype=np.float64)


# --- the artefact ------------------------------------------------------------------------------------------------------

FORMAT_VERSION = 1


def save(model: PopularityModel, path: Path) -> None:
    """Write the model as one skops file (no pickle inside: loading it runs no code of the file's)."""
    content = {
        **{name: value for name, value in vars(model).items() if name not in ("accounts", "neighbours")},
        "accounts": vars(model.accounts),
        "neighbours": vars(model.neighbours),
    }
    artefact.write(content, path, format_version=FORMAT_VERSION)


def load(path: Path) -> PopularityModel:
    """Read a model that `save` wrote. Raises NotReadyError when the file is of another format version."""
    content = artefact.read(path, format_version=FORMAT_VERSION, trusted=(artefact.TREES,), what="popularity model")
    accounts, neighbours = _Accounts(**content.pop("accounts")), _Neighbours(**content.pop("neighbours"))
    return PopularityModel(accounts=accounts, neighbours=neighbours, **content)
