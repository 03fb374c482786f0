"""What the card of the shipped file promises, on sentences written for it and on some validation tweets."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import labelled_texts
from contracts.errors import NotReadyError
from ml.encoder import VERSION
from ml.replies.lexicon_en import LEXICON
from ml.replies.lexicons import LEXICONS_VERSION
from ml.replies.sentiment import sentiment_of
from ml.text_labels.labeller import ENGLISH_VERSION, SHIPPED, SURE_RISK, EnglishLabels, ShippedLabeller

MAX_MEGABYTES = 5


@pytest.fixture(scope="session")
def english() -> EnglishLabels:
    return EnglishLabels.load()


def share(english: EnglishLabels, task: str, label: str, texts: list[str]) -> np.ndarray:
    """Probability of a label, text by text."""
    return english.labels(texts)[task].probabilities[:, english.heads[task].classes.index(label)]


def test_plain_cases_are_understood(english) -> None:
    texts = {
        "positive": ["I love this place, best coffee ever!", "So happy with my new bike, thank you 😍"],
        "negative": ["Worst service ever, I am so angry.", "My order arrived broken and nobody answers 😡"],
        "neutral": ["The shop opens at nine on Monday.", "New menu from Tuesday"],
    }
    labels = english.labels([text for group in texts.values() for text in group])["sentiment"]
    assert [english.heads["sentiment"].classes[place] for place in labels.label] == [
        name for name in texts for _ in range(2)
    ]
    offensive = share(
        english, "offensive", "offensive", ["You are a stupid piece of shit", "Lovely weather in Porto today"]
    )
    assert offensive[0] > 0.7
    assert offensive[1] < 0.2


def test_who_is_mentioned_and_where_a_link_leads_change_nothing(english) -> None:
    labels = english.labels(
        ["@ann this is great https://a.example/1", "@bob_c @dee this is great https://b.example/22"]
    )
    for found in labels.values():
        np.testing.assert_allclose(found.probabilities[0], found.probabilities[1], atol=1e-6)


def test_names_of_people_and_places_change_little(english) -> None:
    texts = [
        f"{name} was at the cafe in {town}, lovely afternoon"
        for name, town in (("Maria", "Lisbon"), ("Fatima", "Lagos"), ("John", "Boston"), ("Wei", "Taipei"))
    ]
    for task, label in (("sentiment", "negative"), ("offensive", "offensive")):
        assert np.ptp(share(english, task, label, texts)) < 0.15


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("The soup was good.", "The soup was not good."),
        ("The staff were friendly.", "The staff were rude."),
        ("See you on Friday!", "See you on Friday 😡"),
        ("I am happy with it.", "I am not happy with it at all."),
    ],
)
def test_blame_and_negation_move_sentiment_down(english, better, worse) -> None:
    found = english.labels([better, worse])["sentiment"].probabilities
    score = found[:, 2] - found[:, 0]
    assert score[1] < score[0] - 0.2


def test_an_insult_makes_a_text_more_offensive(english) -> None:
    found = share(english, "offensive", "offensive", ["Your app is slow.", "Your app is slow, you idiots."])
    assert found[1] > found[0] + 0.2


def test_other_languages_get_the_lexicon_and_are_never_sure(english) -> None:
    texts = [
        "I love it, what a great day!",
        "¡Me encanta, qué maravilla de sitio!",
        "Péssimo atendimento, ninguém responde às mensagens.",
        "Péssimo!",
    ]
    found = ShippedLabeller(lambda: english).label(texts, client_language="en")
    assert [one.labelled_by for one in found] == [ENGLISH_VERSION, *[LEXICONS_VERSION] * 3]
    assert [one.sentiment for one in found[:3]] == ["positive", "positive", "negative"]
    assert [one.is_sentiment_sure for one in found] == [True, False, False, False]
    assert [(one.is_offensive, one.is_offensive_sure) for one in found[1:]] == [(None, False)] * 3


def test_labels_say_what_the_classifier_said_and_are_sure_from_its_threshold_on(english) -> None:
    texts = ["Thank you so much, this made my day!", "It is what it is", "You are a stupid piece of shit", "ok then"]
    found = ShippedLabeller(lambda: english).label(texts, client_language="en")
    labels = english.labels(texts)
    for task, said, confidence, is_sure in (
        ("sentiment", "sentiment", "sentiment_confidence", "is_sentiment_sure"),
        ("offensive", "is_offensive", "offensive_confidence", "is_offensive_sure"),
    ):
        head = english.heads[task]
        names = [head.classes[place] for place in labels[task].label]
        expected = names if task == "sentiment" else [name == "offensive" for name in names]
        assert [getattr(one, said) for one in found] == expected
        assert [getattr(one, confidence) for one in found] == labels[task].confidence.tolist()
        sure = labels[task].confidence >= head.thresholds[SURE_RISK]
        assert [getattr(one, is_sure) for one in found] == sure.tolist()
    assert [one.is_offensive for one in found] == [False, False, True, False]


def test_nothing_to_label_is_no_error_and_without_english_nothing_is_loaded(english) -> None:
    loaded = []

    def load() -> EnglishLabels:
        loaded.append(1)
        return english

    labeller = ShippedLabeller(load)
    assert labeller.label([], client_language="en") == ()
    assert [one.labelled_by for one in labeller.label(["¿Cuándo abre?"], client_language="en")] == [LEXICONS_VERSION]
    assert loaded == []
    assert labeller.label([""], client_language="en")[0].labelled_by == ENGLISH_VERSION
    assert loaded == [1]


def test_the_version_names_the_shipped_file() -> None:
    """Labels by another file must not pass for this one's."""
    assert f"english-{hashlib.sha256(SHIPPED.read_bytes()).hexdigest()[:8]}" == ENGLISH_VERSION


def test_a_saved_classifier_says_the_same_and_one_of_another_format_is_refused(english, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    strided = {
        task: replace(head, word_weights=np.asfortranarray(head.word_weights)) for task, head in english.heads.items()
    }
    EnglishLabels(english.adapter, strided).save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").stat().st_size <= MAX_MEGABYTES * 1e6
    again = EnglishLabels.load(tmp_path / "again.safetensors")
    for task, labels in english.labels(["so so", "never again"]).items():
        np.testing.assert_allclose(again.labels(["so so", "never again"])[task].probabilities, labels.probabilities)
    save_file({"x": np.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(NotReadyError, match="another version"):
        EnglishLabels.load(tmp_path / "other.safetensors")


def test_the_adapted_encoder_s_vectors_cannot_be_taken_for_those_of_the_encoder_as_it_comes(english) -> None:
    assert english.encoder_version != VERSION
    assert SHIPPED.is_file()


@pytest.mark.reference_data
def test_it_beats_the_lexicon_by_far_on_validation_tweets(english, reference_data: Path) -> None:
    scored = labelled_texts.sentiment(reference_data)[1].at(np.arange(400))
    labels = english.labels(scored.texts)["sentiment"]
    by_lexicon = np.array([scored.classes.index(sentiment_of(text, LEXICON).label) for text in scored.texts])

    def recall(label: np.ndarray) -> float:
        return float(np.mean([(label[scored.labels == one] == one).mean() for one in range(3)]))

    assert recall(labels.label) >= recall(by_lexicon) + 0.07
    sure = labels.confidence >= english.heads["sentiment"].thresholds[0.2]
    assert 0.2 < sure.mean() < 0.95
    assert (labels.label[sure] == scored.labels[sure]).mean() >= 0.74  # 81 % of all 2,000
