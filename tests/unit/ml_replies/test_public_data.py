"""Figures on public data: floors a little under what was measured, so that a change that makes it worse fails."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from apps.demo import demo_clients
from benchmarks import labelled_texts
from ml.replies import Intent, Urgency, draft_reply, understand
from ml.replies.lexicons import LEXICONS
from ml.replies.sentiment import sentiment_of
from ml.text_labels.labeller import ShippedLabeller

pytestmark = pytest.mark.reference_data

LABELS = ("negative", "neutral", "positive")


@pytest.fixture(scope="module")
def tweets(reference_data: Path) -> pl.DataFrame:
    return pl.read_parquet(reference_data / "tweeteval" / "sentiment.parquet")


def test_sentiment_reaches_a_lexicon_s_level_on_tweets(tweets: pl.DataFrame) -> None:
    recalls = []
    for label in LABELS:
        texts = tweets.filter(pl.col("label_name") == label)["text"].to_list()
        recalls.append(sum(sentiment_of(text, LEXICONS["en"]).label == label for text in texts) / len(texts))
    assert sum(recalls) / 3 >= 0.57  # measured 57.9 %; VADER 57.0 % on the test split


def test_the_confidence_of_a_clear_compliment_is_not_more_than_was_measured(tweets: pl.DataFrame) -> None:
    found = [
        (label, seen.confidence)
        for text, label in tweets.select("text", "label_name").iter_rows()
        if (seen := understand(text, client_language="en")).intent is Intent.COMPLIMENT and not seen.needs_person
    ]
    assert len(found) >= 100
    precision = sum(label == "positive" for label, _ in found) / len(found)
    assert precision >= max(confidence for _, confidence in found)
    assert sum(label == "negative" for label, _ in found) / len(found) <= 0.02


def test_with_labels_fewer_thanks_go_out_alone_and_more_of_them_rightly(reference_data: Path) -> None:
    """On tweets that the labeller never saw. All 2,000: 103 thanks at 96 % where the lexicon alone gives 121 at 90 %; 1 of 459 insults, not 5."""
    labeller, client = ShippedLabeller(), demo_clients()[0]
    scored = labelled_texts.sentiment(reference_data)[1].at(np.arange(1000))
    labels = labeller.label(scored.texts, client_language="en")
    at_least = client.approval_policy.min_reply_confidence
    thanked, confidence = [], []
    for text, said, place in zip(scored.texts, labels, scored.labels, strict=True):
        seen = understand(text, client_language="en", labels=said)
        if not seen.needs_person and seen.intent is Intent.COMPLIMENT and seen.confidence >= at_least:
            thanked.append(scored.classes[place])
            confidence.append(seen.confidence)
    assert len(thanked) >= 40
    assert thanked.count("positive") / len(thanked) >= max(0.9, *confidence)
    assert thanked.count("negative") <= 1

    tweets = labelled_texts.offensive(reference_data)[1]
    insults = [text for text, place in zip(tweets.texts, tweets.labels, strict=True) if place == 1]
    read = labeller.label(insults, client_language="en")
    drafts = [draft_reply(text, client, seed=1, labels=r) for text, r in zip(insults, read, strict=True)]
    assert sum(not draft.needs_person for draft in drafts) <= 2
    assert sum(draft.understanding.urgency is Urgency.HIGH for draft in drafts) >= 0.5 * len(drafts)


def test_people_with_a_problem_are_left_to_people(reference_data: Path) -> None:
    """First messages to customer care of 25 companies: hardly any may be answered without a person."""
    turns = pl.read_parquet(reference_data / "ibm_twitter_customer_care" / "turns.parquet")
    first = turns.filter((pl.col("turn") == 0) & (pl.col("role") == "client"))["message"].to_list()
    client = demo_clients()[0]
    alone = [text for text in first if not draft_reply(text, client, seed=1).needs_person]
    assert len(first) > 500
    assert len(alone) / len(first) <= 0.01


def test_insults_are_hardly_ever_thanked_for(reference_data: Path) -> None:
    tweets = pl.read_parquet(reference_data / "tweeteval" / "offensive.parquet").filter(
        pl.col("label_name") == "offensive"
    )
    client = demo_clients()[0]
    alone = sum(not draft_reply(text, client, seed=1).needs_person for text in tweets["text"].to_list())
    assert alone / tweets.height <= 0.02
