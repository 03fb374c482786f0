"""How many drafts a second the engagement model scores, against what it can't do without: `python -m benchmarks.scoring`.

Belongs here: timing. Does not belong here: how good forecasts are (`benchmarks.engagement`).

The newest posts of the Facebook set stand for drafts, distinct texts all, scored in one batch, in two tables: by a model that reads no
vectors of texts, against its boosters' own predictions of the same rows, ready made; and by one that reads them, against the encoder alone
on the same texts. `--encode 0` leaves the second out. Vectors to train on are drawn at random, since nothing here depends on what they say.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import polars as pl

from benchmarks.reference_data import add_data_option, data_folder
from benchmarks.reference_posts import facebook_posts
from ml import engagement
from ml.encoder import DIMENSIONS, MiniLm
from ml.features import post_features
from ml.text_embeddings import VECTOR, with_new_vectors
from ml.threads import threads_for

TRAINING_POSTS = 30_000
ROUNDS = 5


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scoring", description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--drafts", type=int, default=10_000)
    parser.add_argument("--encode", type=int, help="so many of the drafts are encoded (default: all)")
    arguments = parser.parse_args()
    posts = facebook_posts(data_folder(arguments.data)).sort("published_at", "post_id")
    rows = post_features(posts.tail(TRAINING_POSTS + 2 * arguments.drafts)).sort("published_at", "post_id")
    drafts = rows.filter(pl.col("text").str.len_chars() > 0).unique("text", keep="last", maintain_order=True)
    drafts = drafts.sort("published_at", "post_id").tail(arguments.drafts)
    training = rows.head(TRAINING_POSTS)
    fitted = engagement.fit(training)
    _without_vectors(fitted, drafts)
    if arguments.encode != 0:
        _with_vectors(_reading_vectors(fitted, training), drafts.tail(arguments.encode or drafts.height))
    return 0


def _without_vectors(model: engagement.EngagementModel, drafts: pl.DataFrame) -> None:
    assert model.stack is not None
    assert model.recipe is not None
    design = model.stack.design(drafts)
    boosters = [model.stack.boosters[model.recipe.target, loss] for loss in model.recipe.losses]

    def bare() -> None:
        with threads_for(1):
            for booster in boosters:
                booster.predict(design)

    _show(
        drafts.height,
        model,
        _least_seconds(
            {
                "the boosters alone, on one thread": bare,
                "forecasts": lambda: model.expected(drafts),
                "forecasts with intervals": lambda: model.forecast(drafts),
            }
        ),
        "the boosters'",
    )


def _with_vectors(model: engagement.EngagementModel, drafts: pl.DataFrame) -> None:
    encoder = MiniLm()
    encoder.encode(["loaded before the clock starts"])
    known = _at_random(drafts)
    encoding = {
        "the encoder alone": lambda: encoder.encode(drafts["text"].to_list()),
        "texts, encoded and scored": lambda: model.expected(with_new_vectors(drafts, encoder)),
    }
    seconds = {
        **_least_seconds(encoding, rounds=1),
        **_least_seconds({"vectors there already": lambda: model.expected(known)}),
    }
    _show(drafts.height, model, seconds, "the encoder's")


def _show(drafts: int, model: engagement.EngagementModel, seconds: dict[str, tuple[float, float]], whose: str) -> None:
    """The table, with the pace of the first row as the measure of all."""
    sys.stdout.write(f"{drafts:,} drafts in one batch, {model.reason}, {pl.thread_pool_size()} threads\n\n")
    sys.stdout.write(f"| what | seconds | of processors | drafts/s | of {whose} pace |\n|---|---|---|---|---|\n")
    measure = next(iter(seconds.values()))[0]
    for name, (took, busy) in seconds.items():
        sys.stdout.write(f"| {name} | {took:.3f} | {busy:.3f} | {drafts / took:,.0f} | {measure / took:.2f} |\n")
    sys.stdout.write("\n")
    sys.stdout.flush()


def _reading_vectors(fitted: engagement.EngagementModel, training: pl.DataFrame) -> engagement.EngagementModel:
    """One that reads vectors: on random ones the choice would fall on none."""
    usable = _at_random(training.filter(pl.col("is_label_mature") & pl.col(engagement.LEVEL).is_not_null()))
    assert fitted.recipe is not None
    stack = engagement._Stack.fit(usable, seed=0, recipes=(fitted.recipe,), with_meaning=True)
    return replace(fitted, stack=stack)


def _at_random(rows: pl.DataFrame) -> pl.DataFrame:
    vectors = np.random.default_rng(0).normal(size=(rows.height, DIMENSIONS)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return rows.with_columns(pl.Series(VECTOR, vectors, dtype=pl.Array(pl.Float32, DIMENSIONS)))


def _least_seconds(
    whats: Mapping[str, Callable[[], object]], *, rounds: int = ROUNDS
) -> dict[str, tuple[float, float]]:
    """Of each the least seconds on the clock and of processors, in rounds of all, so that a busy minute meets all of them."""
    least = dict.fromkeys(whats, (float("inf"), float("inf")))
    for _ in range(rounds):
        for name, what in whats.items():
            started, busy = time.perf_counter(), time.process_time()
            what()
            took = (time.perf_counter() - started, time.process_time() - busy)
            least[name] = (min(least[name][0], took[0]), min(least[name][1], took[1]))
    return least


if __name__ == "__main__":
    raise SystemExit(main())
