"""The public sets of labelled texts: reading them, and setting aside what is never learned from.

Belongs here: texts and labels as arrays, and the one split of the training data. Does not belong here: models, scores.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

TWEETS = "tweeteval"
SENTIMENTS = ("negative", "neutral", "positive")
OFFENSIVE = ("not-offensive", "offensive")
SET_ASIDE = {"sentiment": 3000, "offensive": 1200}
"""Training texts that no weight is learned from: probabilities are calibrated, parts weighed and thresholds chosen on them."""
SEED = 0


@dataclass(frozen=True)
class Labelled:
    """Texts and the class of each, as its place among `classes`."""

    texts: tuple[str, ...]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]

    def at(self, rows: NDArray[np.int64]) -> "Labelled":
        return Labelled(tuple(self.texts[row] for row in rows), self.labels[rows], self.classes)


def sentiment(folder: Path) -> tuple[Labelled, Labelled]:
    """TweetEval's sentiment: training (rebuilt from SemEval, without near-duplicates of the other) and validation tweets."""
    train = pl.read_parquet(folder / TWEETS / "sentiment_train_rebuilt_semeval.parquet")
    scored = pl.read_parquet(folder / TWEETS / "sentiment.parquet").filter(pl.col("split") == "val")
    return _labelled(train, SENTIMENTS), _labelled(scored, SENTIMENTS)


def offensive(folder: Path) -> tuple[Labelled, Labelled]:
    """TweetEval's offensive (OLID): training and validation tweets."""
    tweets = pl.read_parquet(folder / TWEETS / "offensive.parquet")
    train, scored = (tweets.filter(pl.col("split") == split) for split in ("train", "val"))
    return _labelled(train, OFFENSIVE), _labelled(scored, OFFENSIVE)


@dataclass(frozen=True)
class Messages:
    """Messages with the intent of each, and messages that have none of these intents."""

    texts: tuple[str, ...]
    intents: tuple[str, ...]
    strange: tuple[str, ...] = ()


def banking(folder: Path) -> Messages:
    """BANKING77's training messages."""
    found = pl.read_parquet(folder / "intents_banking77_clinc150" / "banking77.parquet").filter(
        pl.col("split") == "train"
    )
    return Messages(tuple(found["text"]), tuple(found["category"]))


def clinc(folder: Path) -> tuple[Messages, Messages]:
    """CLINC150's training messages; its validation messages with all out-of-scope ones that came with either."""
    found = pl.read_parquet(folder / "intents_banking77_clinc150" / "clinc150_full.parquet")
    train, scored = (found.filter(pl.col("split") == split) for split in ("train", "val"))
    strange = found.filter(pl.col("split").is_in(["oos_train", "oos_val"]))
    return (
        Messages(tuple(train["text"]), tuple(train["intent"])),
        Messages(tuple(scored["text"]), tuple(scored["intent"]), tuple(strange["text"])),
    )


def set_aside(labelled: Labelled, rows: int) -> tuple[Labelled, Labelled]:
    """Training texts to learn from, and `rows` of them to calibrate and choose on; always the same ones."""
    order = np.random.default_rng(SEED).permutation(len(labelled.texts))
    return labelled.at(np.sort(order[rows:])), labelled.at(np.sort(order[:rows]))


def balanced(labelled: Labelled) -> Labelled:
    """As many texts of each class as there are of the rarest."""
    rng = np.random.default_rng(SEED)
    rarest = np.bincount(labelled.labels).min()
    kept = [
        rng.permutation(np.flatnonzero(labelled.labels == place))[:rarest] for place in range(len(labelled.classes))
    ]
    return labelled.at(np.sort(np.concatenate(kept)))


def _labelled(frame: pl.DataFrame, classes: tuple[str, ...]) -> Labelled:
    return Labelled(tuple(frame["text"]), frame["label"].cast(pl.Int64).to_numpy(), classes)
