"""How likely a term seen today becomes a trend within the coming window, learned from which terms did.

Belongs here: features of a term and day, fitting and forecasting. Does not belong here: what a trend is (`definition`), bursts within
hours (`growth`): here a row is a day, and what follows is days away.

Every feature of a day uses sightings up to its end. Most terms never trend, and how often a term was seen says little on the first day;
what helps is the rest: what kind of term it is, whether its words are new today, whether it came at this time last year.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression

from contracts.errors import NotReadyError
from ml.text import token_hashes
from ml.threads import threads_for
from ml.trends.definition import TrendDefinition, confirmed, days_to_onset
from ml.trends.sightings import Ledger

Floats = NDArray[np.float64]

MIN_TRENDS = 50
"""Rows that came before an onset, below which nothing is learned."""
FOLDS = 3
"""Words are judged by models that have not seen the term."""
GRAM_CHARACTERS = 2
RECENT_DAYS = 2
YEAR_DAYS = 364
"""A year in whole weeks."""

FEATURES = (
    "count",
    "count_3",
    "count_7",
    "count_28",
    "count_91",
    "active_7",
    "active_28",
    "active_365",
    "days_known",
    "days_since_last",
    "came_last_year",
    "came_two_years_ago",
    "level_last_year",
    "trended_last_year",
    "trended_before",
    "sources",
    "sources_of_window",
    "sources_ever",
    "rank",
    "recency",
    "terms_of_day",
    "term_length",
    "has_digit",
    "gram_heat_max",
    "gram_heat_mean",
    "gram_count_mean",
    "gram_rarity_max",
)


def features(sightings: pl.DataFrame, definition: TrendDefinition) -> pl.DataFrame:
    """`confirmed` of the sightings with the FEATURES, `days_to_onset` (the label; null: no onset within the window) and `since`, the first day of
    the run of sightings without a gap longer than the window. One row per client, term and day.
    """
    daily = confirmed(sightings, definition)
    daily = daily.with_columns(days_to_onset(daily, definition))
    codes = daily["code"].to_numpy()
    days = daily["day"].to_physical().cast(pl.Int64).to_numpy()
    ledger = Ledger(codes, days, daily["count"].to_numpy())
    first = daily.select((pl.col("day") - pl.col("day").min().over("code")).dt.total_days())["day"].to_numpy()
    family = pl.concat_str("client_id", pl.col("term").str.replace_all(r"\p{Nd}", ""), separator="\n")
    families = daily.select(family.cast(pl.Categorical).to_physical().cast(pl.Int64)).to_series().to_numpy()
    kin = Ledger(families, days, daily["count"].to_numpy())
    trended = Ledger(families, days, daily["is_onset"].cast(pl.Int64).to_numpy())
    window = definition.window_days
    columns: dict[str, NDArray[np.generic]] = {
        **{f"count_{n}": ledger.count(codes, days - n + 1, days) for n in (3, 7, 28, 91)},
        **{f"active_{n}": ledger.rows(codes, days - n + 1, days) for n in (7, 28, 365)},
        "days_known": first,
        "days_since_last": ledger.days_since(codes, days),
        "came_last_year": kin.count(families, days - YEAR_DAYS + 1, days - YEAR_DAYS + window),
        "came_two_years_ago": kin.count(families, days - 2 * YEAR_DAYS + 1, days - 2 * YEAR_DAYS + window),
        "level_last_year": kin.count(families, days - YEAR_DAYS - window + 1, days - YEAR_DAYS),
        "trended_last_year": trended.count(families, days - YEAR_DAYS, days - YEAR_DAYS + window),
        "trended_before": trended.count(families, np.zeros_like(days), days),
        "sources_ever": _first_uses(sightings, daily).count(codes, np.zeros_like(days), days),
        **_grams(daily, days),
    }
    is_new_run = pl.col("days_since_last").is_nan() | (pl.col("days_since_last") > window)
    return daily.with_columns(pl.Series(name, values) for name, values in columns.items()).with_columns(
        pl.when(is_new_run).then("day").forward_fill().over("code").alias("since"),
        pl.len().over("client_id", "day").alias("terms_of_day"),
        pl.col("term").str.len_chars().alias("term_length"),
        pl.col("term").str.contains(r"\p{Nd}").alias("has_digit"),
    )


def _first_uses(sightings: pl.DataFrame, daily: pl.DataFrame) -> Ledger:
    """On which day each source was first seen with each term."""
    first = (
        sightings.group_by("client_id", "term", "source_id")
        .agg(pl.col("day").min())
        .join(daily.select("client_id", "term", "code").unique(), on=["client_id", "term"])
    )
    days = first["day"].to_physical().cast(pl.Int64).to_numpy()
    return Ledger(first["code"].to_numpy(), days, np.ones(len(days), dtype=np.int64))


def _grams(daily: pl.DataFrame, days: NDArray[np.int64]) -> dict[str, Floats]:
    """How the pairs of characters of each term fare among all terms of the client: an event shows in many titles at once.

    Heat compares the terms with the pair in the last RECENT_DAYS to its 56 days before, as a log ratio with one pseudo-term.
    """
    grams = (
        daily.select("client_id", "day", "term")
        .with_row_index("row")
        .with_columns(
            gram=pl.concat_list(
                pl.col("term").str.to_lowercase().str.slice(at, GRAM_CHARACTERS) for at in range(24)
            ).list.unique()
        )
        .explode("gram", empty_as_null=False)
        .filter(pl.col("gram").str.len_chars() == GRAM_CHARACTERS)
    )
    rows = grams["row"].to_numpy().astype(np.int64)
    key = pl.concat_str("client_id", "gram", separator="\n").cast(pl.Categorical).to_physical().cast(pl.Int64)
    gram_codes, gram_days = grams.select(key).to_series().to_numpy(), days[rows]
    ledger = Ledger(gram_codes, gram_days, np.ones(len(rows), dtype=np.int64))
    recent = ledger.count(gram_codes, gram_days - RECENT_DAYS + 1, gram_days)
    past = ledger.count(gram_codes, gram_days - RECENT_DAYS - 55, gram_days - RECENT_DAYS)
    ever = ledger.count(gram_codes, np.zeros_like(gram_days), gram_days)
    heat = np.log((recent + 1) / (past * RECENT_DAYS / 56 + 1))
    table = (
        pl.DataFrame({"row": rows, "heat": heat, "recent": np.log(recent), "ever": -np.log(ever)})
        .group_by("row")
        .agg(
            pl.col("heat").max().alias("gram_heat_max"),
            pl.col("heat").mean().alias("gram_heat_mean"),
            pl.col("recent").mean().alias("gram_count_mean"),
            pl.col("ever").max().alias("gram_rarity_max"),
        )
    )
    joined = pl.DataFrame({"row": np.arange(daily.height)}).join(table, on="row", how="left", maintain_order="left")
    return {name: joined[name].to_numpy() for name in table.columns if name != "row"}


@dataclass(frozen=True)
class TrendForecaster:
    """A fitted forecast: whether an onset follows within the definition's window, and how many days it would be ahead."""

    definition: TrendDefinition
    names: tuple[str, ...]
    """The FEATURES that varied in training: where no list is ranked there is no rank."""
    words: tuple[LogisticRegression, ...]
    chance: HistGradientBoostingClassifier
    lead: HistGradientBoostingRegressor
    trained_rows: int
    trained_trends: int

    def forecast(self, rows: pl.DataFrame, *, earliness: float = 1.0) -> pl.DataFrame:
        """`rows` of `features` with `probability` of an onset, `days_ahead` that it would be, and `score` for ranking.

        The score is probability x days_ahead ** earliness: with 0 the surest come first, with 1 those that promise most days of
        warning, with more those whose onset is far away, at the price of more false alerts.
        """
        if rows.is_empty():
            return rows.with_columns(
                *(pl.lit(None, pl.Float64).alias(name) for name in ("probability", "days_ahead", "score"))
            )
        hashed = _hashed(rows["term"])
        words = np.mean([model.decision_function(hashed) for model in self.words], axis=0)
        design = _design(rows, self.names, words)
        with threads_for(rows.height):
            probability, days_ahead = self.chance.predict_proba(design)[:, 1], self.lead.predict(design)
        return rows.with_columns(
            pl.Series("probability", probability),
            pl.Series("days_ahead", days_ahead),
            pl.Series("score", probability * days_ahead**earliness),
        )


def fit(rows: pl.DataFrame, definition: TrendDefinition, *, seed: int = 0) -> TrendForecaster:
    """Learn from open rows of `features` whose window has passed within the frame. Raises NotReadyError below MIN_TRENDS."""
    last = rows["day"].max()
    known = rows.filter("is_open", pl.col("day") <= pl.lit(last, pl.Date) - pl.duration(days=definition.window_days))
    comes = known["days_to_onset"].is_not_null().to_numpy()
    if comes.sum() < MIN_TRENDS:
        raise NotReadyError(
            f"only {int(comes.sum())} sightings came before a trend; {MIN_TRENDS} are needed: "
            "ingest more history or loosen the definition"
        )
    with threads_for(known.height):
        models, words = _fit_words(known["term"], comes)
    names = tuple(name for name in FEATURES if known[name].drop_nulls().n_unique() > 1)
    design = _design(known, names, words)
    with threads_for(known.height):
        chance = HistGradientBoostingClassifier(
            learning_rate=0.05,
            max_iter=200,
            max_leaf_nodes=15,
            min_samples_leaf=100,
            l2_regularization=1.0,
            random_state=seed,
        ).fit(design, comes)
    with threads_for(int(comes.sum())):
        lead = HistGradientBoostingRegressor(
            loss="poisson", learning_rate=0.05, max_iter=80, max_leaf_nodes=7, min_samples_leaf=50, random_state=seed
        ).fit(design[comes], known["days_to_onset"].drop_nulls().to_numpy().astype(np.float64))
    return TrendForecaster(definition, names, models, chance, lead, known.height, int(comes.sum()))


def _fit_words(terms: pl.Series, comes: NDArray[np.bool_]) -> tuple[tuple[LogisticRegression, ...], Floats]:
    """One model for each fold of the terms, and what the models say about the terms of the fold that they have not seen."""
    folds = token_hashes(terms) % FOLDS
    hashed = _hashed(terms)
    models, words = [], np.zeros(len(terms))
    for fold in range(FOLDS):
        model = LogisticRegression(max_iter=100).fit(hashed[folds != fold], comes[folds != fold])
        words[folds == fold] = model.decision_function(hashed[folds == fold])
        models.append(model)
    return tuple(models), words


def _hashed(terms: pl.Series) -> sp.csr_matrix:
    """Runs of one to three characters, ends marked by spaces: enough for hashtags and for Chinese."""
    vectorizer = HashingVectorizer(analyzer="char", ngram_range=(1, 3), n_features=2**18, alternate_sign=False)
    return vectorizer.transform((" " + terms.str.to_lowercase() + " ").to_list())


def _design(rows: pl.DataFrame, names: Sequence[str], words: Floats) -> Floats:
    known = rows.select(pl.col(names).cast(pl.Float64).fill_null(float("nan"))).to_numpy()
    return np.column_stack([known, words])
