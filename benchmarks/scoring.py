"""How many drafts a second the engagement model scores, and what it adds to the encoder: `python -m benchmarks.scoring`.

Belongs here: timing. Does not belong here: how good forecasts are (`benchmarks.engagement`).

The newest posts of the Facebook set stand for drafts, distinct texts all, scored in one batch: with their texts (encoder and model, against
the encoder alone on the same texts in the same run), with vectors that are there already, and without any. Vectors to train on are drawn
at random, since nothing here depends on what they say.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl

from benchmarks.reference_data import add_data_option, data_folder
from benchmarks.reference_posts import facebook_posts
from ml import engagement
from ml.encoder import DIMENSIONS, MiniLm
from ml.features import post_features
from ml.text_embeddings import VECTOR, with_new_vectors

TRAINING_POSTS = 30_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scoring", description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--drafts", type=int, default=10_000)
    arguments = parser.parse_args()
    posts = facebook_posts(data_folder(arguments.data)).sort("published_at")
    rows = post_features(posts.tail(TRAINING_POSTS + 2 * arguments.drafts)).sort("published_at")
    drafts = rows.filter(pl.col("text").str.len_chars() > 0).unique("text", keep="last").sort("published_at")
    drafts = drafts.tail(arguments.drafts)
    model = _model(rows.head(TRAINING_POSTS))
    encoder = MiniLm()
    encoder.encode(["loaded before the clock starts"])
    known = _at_random(drafts)
    bare = _seconds(lambda: encoder.encode(drafts["text"].to_list()))
    seconds = {
        "the encoder alone": bare,
        "texts, encoded and scored": _seconds(lambda: model.expected(with_new_vectors(drafts, encoder))),
        "vectors there already": min(_seconds(lambda: model.expected(known)) for _ in range(3)),
        "no vectors": min(_seconds(lambda: model.expected(drafts)) for _ in range(3)),
    }
    sys.stdout.write(f"{drafts.height:,} drafts in one batch, {model.reason}\n\n")
    sys.stdout.write("| what | seconds | drafts/s | of the encoder's pace |\n|---|---|---|---|\n")
    for name, took in seconds.items():
        pace = drafts.height / took
        sys.stdout.write(f"| {name} | {took:.2f} | {pace:,.0f} | {bare / took:.2f} |\n")
    return 0


def _model(training: pl.DataFrame) -> engagement.EngagementModel:
    """One that reads vectors: on random ones the choice would fall on none."""
    fitted = engagement.fit(training)
    usable = _at_random(training.filter(pl.col("is_label_mature") & pl.col(engagement.LEVEL).is_not_null()))
    assert fitted.recipe is not None
    stack = engagement._Stack.fit(usable, seed=0, recipes=(fitted.recipe,), with_meaning=True)
    return replace(fitted, stack=stack)


def _at_random(rows: pl.DataFrame) -> pl.DataFrame:
    vectors = np.random.default_rng(0).normal(size=(rows.height, DIMENSIONS)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return rows.with_columns(pl.Series(VECTOR, vectors, dtype=pl.Array(pl.Float32, DIMENSIONS)))


def _seconds(what: Callable[[], object]) -> float:
    started = time.perf_counter()
    what()
    return time.perf_counter() - started


if __name__ == "__main__":
    raise SystemExit(main())
