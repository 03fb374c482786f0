"""Adapting a sentence encoder to labels: low-rank corrections (LoRA) of its last layers, and one linear head for each task.

Belongs here: the form of an adapter, learning one, what it adds to the encoder. Does not belong here: what the labels are and where
their texts come from (`benchmarks/texts_training.py`), calibration, the linear model of words (`hashed`).

The layers below stay as they are. An adapter is added to the encoder's own matrices, so it costs nothing when it is used.
"""

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LOG = logging.getLogger(__name__)

UNLABELLED = -100
"""The label of a text that a task says nothing about; torch's losses leave it out."""

CHECKPOINT_STEPS = 200

_CORRECTED = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)


@dataclass(frozen=True)
class AdapterSettings:
    """How an adapter is learned. `layers`: how many of the encoder's last ones are corrected, each matrix by one of `rank`."""

    layers: int = 3
    rank: int = 32
    steps: int = 1400
    batch: int = 32
    learning_rate: float = 1e-3
    dropout: float = 0.1
    threads: int = 2
    seed: int = 0

    def pace(self, step: int) -> float:
        """The share of the learning rate that a step has: up over 50 steps, level, and down over the last third."""
        return min((step + 1) / 50, 1.0, 3 * (self.steps - step) / self.steps)


@dataclass(frozen=True)
class Adapter:
    """Weights by name: `layer.<i>.<matrix>.down` (rank x in), `.up` (out x rank), `head.<task>.weight` (classes x width), `.bias`.

    A head reads the encoder's unit vectors: the mean over a text's tokens, at length 1.
    """

    weights: Mapping[str, NDArray[np.float32]]


def learn(
    encoder: Any,
    tokens: Sequence[Sequence[int]],
    labels: Mapping[str, NDArray[np.int64]],
    settings: AdapterSettings,
    *,
    checkpoint: Callable[[Adapter], None] | None = None,
) -> Adapter:
    """Learn to tell each task's classes 0, 1, .. from texts given as token ids.

    `encoder`: a BERT of transformers; it is changed (its parameters are frozen). `labels`: task -> class of each text, or UNLABELLED.
    `checkpoint` is given what was learned so far, every CHECKPOINT_STEPS steps.
    """
    import torch

    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    encoder.eval()
    for parameter in encoder.parameters():
        parameter.requires_grad_(False)
    first = len(encoder.encoder.layer) - settings.layers
    trained: dict[str, Any] = {}
    hooks = []
    for index in range(first, len(encoder.encoder.layer)):
        for name in _CORRECTED:
            linear = encoder.encoder.layer[index].get_submodule(name)
            down = torch.randn(settings.rank, linear.in_features) / math.sqrt(linear.in_features)
            up = torch.zeros(linear.out_features, settings.rank)
            trained[f"layer.{index}.{name}.down"] = down.requires_grad_()
            trained[f"layer.{index}.{name}.up"] = up.requires_grad_()
            hooks.append(linear.register_forward_hook(_corrected(down, up)))
    width = encoder.config.hidden_size
    for task, classes in labels.items():
        trained[f"head.{task}.weight"] = torch.zeros(int(classes.max()) + 1, width).requires_grad_()
        trained[f"head.{task}.bias"] = torch.zeros(int(classes.max()) + 1).requires_grad_()

    targets = {task: torch.from_numpy(classes) for task, classes in labels.items()}

    def slopes(rows: NDArray[np.int64], kept: Any, batch: int) -> tuple[float, tuple[Any, ...]]:
        with torch.no_grad():
            hidden = encoder.embeddings(torch.tensor([list(tokens[row]) for row in rows]))
            for layer in encoder.encoder.layer[:first]:
                hidden = layer(hidden)
        for layer in encoder.encoder.layer[first:]:
            hidden = layer(hidden)
        vectors = torch.nn.functional.normalize(hidden.mean(1), dim=1) * math.sqrt(width) * kept
        loss = torch.zeros(())
        for task, classes in targets.items():
            logits = vectors @ trained[f"head.{task}.weight"].T + trained[f"head.{task}.bias"]
            loss = loss + torch.nn.functional.cross_entropy(
                logits, classes[rows], ignore_index=UNLABELLED, reduction="sum"
            )
        loss = loss / batch
        return float(loss.detach()), torch.autograd.grad(loss, list(trained.values()))

    optimizer = torch.optim.AdamW(list(trained.values()), lr=settings.learning_rate, weight_decay=0.01)
    batches = _batches([len(ids) for ids in tokens], settings.batch, rng)
    step, mean_loss = 0, 0.0
    with _threads(settings.threads) as threads:
        while step < settings.steps:
            rows = next(batches)
            kept = (torch.rand(len(rows), width) >= settings.dropout) / (1 - settings.dropout)
            parts = [part for part in np.array_split(np.arange(len(rows)), settings.threads) if len(part)]
            done = [
                future.result()
                for future in [threads.submit(slopes, rows[part], kept[part], len(rows)) for part in parts]
            ]
            for weight, *of_parts in zip(trained.values(), *(slope for _, slope in done), strict=True):
                weight.grad = sum(of_parts[1:], of_parts[0])
            torch.nn.utils.clip_grad_norm_(list(trained.values()), 1.0)
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate * settings.pace(step)
            optimizer.step()
            step += 1
            mean_loss += (sum(loss for loss, _ in done) - mean_loss) / min(step, 100)
            if step % 50 == 0:
                LOG.info("step %d of %d, loss %.4f", step, settings.steps, mean_loss)
            if checkpoint is not None and step % CHECKPOINT_STEPS == 0:
                checkpoint(_adapter(trained))
    for hook in hooks:
        hook.remove()
    return _adapter(trained)


def _threads(count: int) -> ThreadPoolExecutor:
    """Each works on its own part of a batch: they wait for each other once a step, not at every product of matrices."""
    import torch

    return ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,))


def corrections(adapter: Adapter) -> dict[str, NDArray[np.float32]]:
    """What the adapter adds to the encoder's matrices, by the names that the encoder's file has for them."""
    return {
        f"encoder.{name.removesuffix('.down')}.weight": np.asarray(
            adapter.weights[name.removesuffix(".down") + ".up"] @ down, dtype=np.float32
        )
        for name, down in adapter.weights.items()
        if name.endswith(".down")
    }


def _corrected(down: Any, up: Any) -> Callable[[Any, Any, Any], Any]:
    return lambda _, inputs, output: output + inputs[0] @ down.T @ up.T


def _batches(lengths: Sequence[int], size: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """All texts in random order, again and again: batches of equally long ones, which need no padding."""
    while True:
        batches = []
        for length in np.unique(lengths):
            order = rng.permutation(np.flatnonzero(np.asarray(lengths) == length))
            batches += [order[start : start + size] for start in range(0, len(order), size)]
        for place in rng.permutation(len(batches)):
            yield batches[place]


def _adapter(trained: Mapping[str, Any]) -> Adapter:
    """Heads are learned on vectors of length sqrt(width), as Adam's steps suit them, and kept for those of length 1."""
    weights = {name: weight.detach().numpy().copy() for name, weight in trained.items()}
    for name, weight in weights.items():
        if name.startswith("head.") and name.endswith(".weight"):
            weights[name] = weight * math.sqrt(weight.shape[1])
    return Adapter(weights)
