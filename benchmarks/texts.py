"""Sentiment, offensiveness and intent of texts, on labelled ones: `python -m benchmarks.texts`.

Belongs here: what is scored on what, the baselines, the tables. Does not belong here: reading the sets (`labelled_texts`), making the
shipped file (`texts_training`, started here by `--train`), the models (`ml.text_labels`).

Sentiment and offensiveness: the shipped file, on the validation tweets. Baselines learn from the same training tweets (the encoder as
it comes from `--frozen-rows` of them), and are joined and calibrated on the same tweets set aside. Intents: five folds of the training
messages; out of scope, a threshold from in-scope training messages alone. `PULSO_REFERENCE_DATA` names the folder of public data sets
(docs/reference-data.md).
"""

import argparse
import logging
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import labelled_texts
from benchmarks.kept_vectors import vectors_of
from benchmarks.labelled_texts import Labelled, Messages, set_aside
from benchmarks.reference_data import add_data_option, data_folder
from ml.encoder import MiniLm
from ml.replies.lexicon_en import LEXICON
from ml.replies.sentiment import sentiment_of
from ml.text_labels import head, words
from ml.text_labels.calibration import Floats, calibration_error, risk_at
from ml.text_labels.head import Labels
from ml.text_labels.intents import fit as fit_intents
from ml.text_labels.labeller import SHIPPED, EnglishLabels, taken_for_english
from ml.text_labels.wording import plain_wording

COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.3)
FOLDS = 5
STRANGE_SHARES = (0.02, 0.05, 0.1)
"""Shares of in-scope messages that a threshold may take for out of scope."""


# --- Sentiment and offensiveness


def tweets(task: str, folder: Path, shipped: EnglishLabels, frozen: MiniLm, frozen_rows: int) -> str:
    """One task's tables, as Markdown."""
    train, scored = getattr(labelled_texts, task)(folder)
    learned_from, aside = set_aside(train, labelled_texts.SET_ASIDE[task])
    of_task = shipped.heads[task]
    views = [of_task.views(shipped.encode(part.texts), words.features(part.texts)) for part in (aside, scored)]
    frozen_views = _frozen_views(learned_from, (aside, scored), frozen, frozen_rows)
    by_words = [views[0][1], views[1][1]]
    by_vector = [views[0][0], views[1][0]]

    def joined(vector: Sequence[Floats], use: tuple[bool, bool]) -> Labels:
        mix, offset = head.calibrated(vector[0], by_words[0], aside.labels, use=use)
        return head.decide(head.probabilities(vector[1], by_words[1], mix, offset), of_task.shares, of_task.balance)

    found: dict[str, Labels] = {"always the commonest class": _commonest(of_task.shares, scored)}
    if task == "sentiment":
        found["lexicon (`ml/replies/sentiment.py`)"] = _lexicon(scored)
    found |= {
        "words and letters, linear": joined(by_vector, (False, True)),
        f"encoder as it comes, linear head on {min(frozen_rows, len(learned_from.texts)):,} tweets": joined(
            frozen_views, (True, False)
        ),
        "the same with words and letters": joined(frozen_views, (True, True)),
        "adapted encoder": joined(by_vector, (True, False)),
        "**adapted encoder with words and letters: the shipped file**": of_task.decide(*views[1]),
    }
    english = np.mean([taken_for_english(text, client_language="en") for text in scored.texts])
    lines = [
        f"### {task.capitalize()}: {len(scored.texts):,} validation tweets, learned from {len(learned_from.texts):,}",
        "",
        "| | macro recall | macro F1 | accuracy |",
        "|---|---|---|---|",
        *(f"| {name} | {_scores(labels, scored)} |" for name, labels in found.items()),
        "",
        f"Taken for English, of a client who writes English: {english:.1%}; the others would get the lexicon.",
        "",
        *_calibration(of_task.decide(*views[1]), by_vector[1], scored),
        "",
        *_coverage(of_task.decide(*views[1]), scored, dict(of_task.thresholds)),
    ]
    return "\n".join(lines)


def _frozen_views(learned_from: Labelled, parts: tuple[Labelled, Labelled], frozen: MiniLm, rows: int) -> list[Floats]:
    """Scores of a linear head on the encoder as it comes."""
    from sklearn.linear_model import LogisticRegression

    some = learned_from.at(np.random.default_rng(labelled_texts.SEED).permutation(len(learned_from.texts))[:rows])
    regression = LogisticRegression(C=10.0, max_iter=500).fit(_encoded(frozen, some), some.labels)
    scores = [np.log(regression.predict_proba(_encoded(frozen, part))) for part in parts]
    return [np.asarray(score) for score in scores]


def _encoded(frozen: MiniLm, labelled: Labelled) -> NDArray[np.float32]:
    return frozen.encode([plain_wording(text) for text in labelled.texts])


def _commonest(shares: Floats, scored: Labelled) -> Labels:
    return head.decide(np.tile(shares, (len(scored.texts), 1)), shares, 0.0)


def _lexicon(scored: Labelled) -> Labels:
    places = np.array([scored.classes.index(sentiment_of(text, LEXICON).label) for text in scored.texts])
    return Labels(np.eye(len(scored.classes))[places], places, np.ones(len(places)))


def _recall(label: NDArray[np.int64], truth: NDArray[np.int64]) -> float:
    return float(np.mean([(label[truth == one] == one).mean() for one in np.unique(truth)]))


def _scores(labels: Labels, scored: Labelled) -> str:
    from sklearn.metrics import f1_score

    f1 = f1_score(scored.labels, labels.label, average="macro", zero_division=0.0)
    accuracy = (labels.label == scored.labels).mean()
    return f"{100 * _recall(labels.label, scored.labels):.1f} | {100 * f1:.1f} | {100 * accuracy:.1f}"


def _calibration(shipped: Labels, by_vector: Floats, scored: Labelled) -> list[str]:
    raw = head.decide(head.probabilities(by_vector, by_vector, np.array([1.0, 0.0]), np.zeros(1)), np.ones(1), 0.0)
    likeliest = head.decide(shipped.probabilities, np.ones(1), 0.0)
    rows = {
        "adapted encoder's own probabilities, likeliest class": raw,
        "shipped, likeliest class": likeliest,
        "shipped, the label that is given": shipped,
    }
    return [
        "| expected calibration error | mean confidence | share right | ECE |",
        "|---|---|---|---|",
        *(
            f"| {name} | {labels.confidence.mean():.3f} | {(labels.label == scored.labels).mean():.3f}"
            f" | {calibration_error(labels.confidence, labels.label == scored.labels):.3f} |"
            for name, labels in rows.items()
        ),
    ]


def _coverage(labels: Labels, scored: Labelled, thresholds: dict[float, float]) -> list[str]:
    is_right = labels.label == scored.labels
    order = np.argsort(-labels.confidence, kind="stable")
    lines = ["| coverage | share wrong | macro recall | from confidence |", "|---|---|---|---|"]
    for coverage in COVERAGES:
        kept = order[: round(coverage * len(order))]
        lines.append(
            f"| {coverage:.0%} | {risk_at(labels.confidence, is_right, coverage):.3f}"
            f" | {100 * _recall(labels.label[kept], scored.labels[kept]):.1f} | {labels.confidence[kept[-1]]:.2f} |"
        )
    lines += ["", "| stated risk | threshold | coverage | share wrong |", "|---|---|---|---|"]
    for risk, threshold in thresholds.items():
        kept = labels.confidence >= threshold
        wrong = f"{1 - is_right[kept].mean():.3f}" if kept.any() else "-"
        lines.append(f"| {risk:.2f} | {threshold:.2f} | {kept.mean():.1%} | {wrong} |")
    return lines


# --- Intents


def intents(folder: Path, frozen: MiniLm, kept: Path | None) -> str:
    """Accuracy over folds, and what is out of scope; as Markdown. `kept`: the folder where vectors are kept between runs."""
    train, scored = labelled_texts.clinc(folder)
    banking = labelled_texts.banking(folder)

    def encoded(name: str, texts: Sequence[str]) -> NDArray[np.float32]:
        return vectors_of(texts, None if kept is None else kept / f"{name}.parquet", frozen)

    lines = ["### Intents: accuracy over five folds", "", "| | vectors | words | both | ECE |", "|---|---|---|---|---|"]
    vectors = {}
    familiar = np.empty(0)
    for name, messages in (("BANKING77", banking), ("CLINC150", train)):
        vectors[name] = encoded(name.lower(), messages.texts)
        row, familiar = _folds(name, messages, vectors[name])
        lines.append(f"| {name}, {len(messages.texts):,} messages, {len(set(messages.intents))} intents | {row} |")
    model = fit_intents(vectors["CLINC150"], words.features(train.texts), train.intents)
    in_scope, known = model.labels(encoded("clinc150", scored.texts), words.features(scored.texts))
    _, strange = model.labels(encoded("clinc150", scored.strange), words.features(scored.strange))
    is_right = np.array(model.classes)[in_scope.label] == np.array(scored.intents)
    lines += [
        "",
        f"CLINC150's {len(scored.texts):,} validation messages: accuracy {100 * is_right.mean():.1f}.",
        f"Out of scope ({len(scored.strange)} messages), by how many in-scope training messages are under the threshold:",
        "",
        "| given up: in-scope training | in-scope validation | out of scope (recall) | in-scope accuracy, given up counted wrong |",
        "|---|---|---|---|",
    ]
    for share in STRANGE_SHARES:
        threshold = np.quantile(familiar, share)
        lines.append(
            f"| {share:.0%} | {100 * (known < threshold).mean():.1f} | {100 * (strange < threshold).mean():.1f}"
            f" | {100 * (is_right & (known >= threshold)).mean():.1f} |"
        )
    return "\n".join(lines)


def _folds(name: str, messages: Messages, vectors: NDArray[np.float32]) -> tuple[str, Floats]:
    """Accuracies out of fold, and how familiar each message was to the model that had not learned it."""
    from sklearn.model_selection import StratifiedKFold

    truth, rows = np.array(messages.intents), words.features(messages.texts)
    right = {name: np.zeros(len(truth), dtype=bool) for name in ("vectors", "words", "both")}
    confidence, familiar = np.empty(len(truth)), np.empty(len(truth))
    splits = StratifiedKFold(FOLDS, shuffle=True, random_state=labelled_texts.SEED)
    for fold, (seen, unseen) in enumerate(splits.split(truth, truth), start=1):
        started = time.perf_counter()
        model = fit_intents(vectors[seen], rows[seen], truth[seen].tolist())
        labels, familiar[unseen] = model.labels(vectors[unseen], rows[unseen])
        classes = np.array(model.classes)
        by_vector, by_words = model.views(vectors[unseen], rows[unseen])
        for view, place in (
            ("vectors", by_vector.argmax(1)),
            ("words", by_words.argmax(1)),
            ("both", labels.label),
        ):
            right[view][unseen] = classes[place] == truth[unseen]
        confidence[unseen] = labels.confidence
        accuracy, took = right["both"][unseen].mean(), time.perf_counter() - started
        sys.stderr.write(f"{name}, fold {fold} of {FOLDS}: {accuracy:.1%} right, {took:.0f} s\n")
    row = " | ".join(f"{100 * flags.mean():.1f}" for flags in right.values())
    return f"{row} | {calibration_error(confidence, right['both']):.3f}", familiar


# --- Speed


def speed(folder: Path, shipped: EnglishLabels, frozen: MiniLm, repeats: int = 5) -> str:
    """Texts per second of processor time, the encoder alone and both labels, in turns."""
    texts = labelled_texts.sentiment(folder)[1].texts[:500]

    def took(work: Callable[[Sequence[str]], object]) -> float:
        start = time.process_time()
        work(texts)
        return time.process_time() - start

    shipped.labels(texts[:50])
    pairs = [(took(frozen.encode), took(shipped.labels)) for _ in range(repeats)]
    alone, labelled = (len(texts) / float(np.median(times)) for times in zip(*pairs, strict=True))
    ratio = float(np.median([one / other for one, other in pairs]))
    return (
        f"Texts per processor second: encoder alone {alone:.0f}, sentiment and offensiveness {labelled:.0f};"
        f" ratio {ratio:.2f} (median of {repeats})."
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.texts", description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--train", action="store_true", help="make the shipped file again (an hour), then end")
    parser.add_argument("--file", type=Path, default=SHIPPED, help="the classifier's file")
    parser.add_argument("--only", choices=("sentiment", "offensive", "intents", "speed"), action="append")
    parser.add_argument("--vectors", type=Path, help="folder in which vectors of messages are kept between runs")
    parser.add_argument("--frozen-rows", type=int, default=4000, help="training tweets of the baseline's head")
    arguments = parser.parse_args()
    data = data_folder(arguments.data)
    if arguments.train:
        from benchmarks.texts_training import train

        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
        train(data, arguments.file)
        return 0
    frozen, shipped = MiniLm(), EnglishLabels.load(arguments.file)
    of_part = {
        "sentiment": lambda: tweets("sentiment", data, shipped, frozen, arguments.frozen_rows),
        "offensive": lambda: tweets("offensive", data, shipped, frozen, arguments.frozen_rows),
        "intents": lambda: intents(data, frozen, arguments.vectors),
        "speed": lambda: speed(data, shipped, frozen),
    }
    for part in arguments.only or of_part:
        sys.stdout.write(of_part[part]() + "\n\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
