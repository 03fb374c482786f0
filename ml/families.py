"""The families of models that Pulso trains, each under a name of its own: what one learns from, how, and how it becomes a file.

Belongs here: that list, and what every family offers, so that one registry, one asset body and one command serve all of them.
Does not belong here: how a family learns (its training module), where models are kept (`ml/registry.py`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import polars as pl

from contracts.tables import POST_FEATURES, POST_SNAPSHOTS, TableSpec
from ml import engagement, training
from ml.engagement import EngagementModel
from ml.gate import Gate
from ml.popularity import model as popularity
from ml.popularity import training as popularity_training
from ml.popularity.model import PopularityModel

Model = TypeVar("Model")
Model_co = TypeVar("Model_co", covariant=True)


class Trained(Protocol[Model_co]):
    """What a round of training comes to."""

    @property
    def model(self) -> Model_co: ...

    @property
    def gate(self) -> Gate: ...

    @property
    def figures(self) -> Mapping[str, float]:
        """All figures of the round by a name that MLflow takes; those of the model begin with `model/`."""
        ...

    @property
    def parameters(self) -> Mapping[str, str | int | float]:
        """What the model is made of, by name: `kind` and `trained_posts` at least."""
        ...

    def card(self, *, trained_at: datetime) -> str:
        """The model card (Markdown)."""
        ...


class Train(Protocol[Model]):
    """A round of training. The same rows, champion, seed and gain give the same model and figures."""

    def __call__(
        self, rows: pl.DataFrame, /, *, champion: Model | None, seed: int, min_gain: float
    ) -> Trained[Model]: ...


@dataclass(frozen=True)
class Family(Generic[Model]):
    """Models that are rivals for one crown."""

    name: str
    """Of the registered model, of its experiment and of its file."""
    purpose: str
    rule: str
    """The simple rule that stands in where nothing can be learned, and that its champion has to stay nearer to the outcomes than."""
    table: TableSpec
    """What it learns from."""
    train: Train[Model]
    save: Callable[[Model, Path], None]
    load: Callable[[Path], Model]
    reads_texts: bool = False
    """Whether its rows are given their texts' vectors (`ml/text_embeddings.py`) before it learns from them."""


ENGAGEMENT: Family[EngagementModel] = Family(
    name="engagement",
    purpose="Engagement before publication",
    rule="the account's trailing median",
    table=POST_FEATURES,
    train=training.train,
    save=engagement.save,
    load=engagement.load,
    reads_texts=True,
)
POPULARITY: Family[PopularityModel] = Family(
    name="popularity",
    purpose="Final count from the first hours",
    rule="the median curve",
    table=POST_SNAPSHOTS,
    train=popularity_training.train,
    save=popularity.save,
    load=popularity.load,
)
_ALL: tuple[Family[Any], ...] = (ENGAGEMENT, POPULARITY)
FAMILIES: Mapping[str, Family[Any]] = {family.name: family for family in _ALL}
"""All of them, by name."""
