"""The pieces of the text classifiers, each by itself; no encoder is loaded."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from benchmarks.kept_vectors import vectors_of
from ml.text_labels import head, intents, words
from ml.text_labels.calibration import calibration_error, risk_at, threshold_for
from ml.text_labels.wording import plain_wording


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("@ann_b @carl.d hi", "@user hi"),
        ("See https://a.example/x?y=1 now", "See http now"),
        ("so good 😍😍", "so good smiling face with heart-shaped eyes"),
        ("fish &amp; chips\n  today", "fish & chips today"),
        ("thanks 👍🏽", "thanks thumbs up sign"),
        ("mail me: a@b.example", "mail me: a@user"),
    ],
)
def test_what_only_the_network_knows_is_replaced_and_emoji_get_names(text, written) -> None:
    assert plain_wording(text) == written


def test_confidence_that_is_right_as_often_as_it_says_has_no_calibration_error() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 1.0, 20_000)
    is_right = rng.random(20_000) < confidence
    assert calibration_error(confidence, is_right) < 0.02
    assert calibration_error(np.ones(20_000), is_right) == pytest.approx(0.25, abs=0.02)


def test_a_threshold_keeps_its_risk_on_texts_that_it_was_not_chosen_on() -> None:
    rng = np.random.default_rng(1)
    kept_it = 0
    for _ in range(40):
        confidence = rng.uniform(0.4, 1.0, 4_000)
        is_right = rng.random(4_000) < confidence
        threshold = threshold_for(0.1, confidence[:2_000], is_right[:2_000])
        sure = confidence[2_000:] >= threshold
        assert sure.any()
        kept_it += (~is_right[2_000:][sure]).mean() <= 0.1 + 0.02
    assert kept_it >= 36


def test_no_confidence_is_enough_where_answers_are_wrong_or_hardly_any() -> None:
    assert threshold_for(0.1, np.linspace(0, 1, 500), np.zeros(500, dtype=bool)) > 1
    assert threshold_for(0.1, np.array([0.9, 0.8]), np.array([True, True])) > 1


def test_risk_falls_with_coverage_where_confidence_means_something() -> None:
    rng = np.random.default_rng(2)
    confidence = rng.uniform(0.3, 1.0, 5_000)
    is_right = rng.random(5_000) < confidence
    assert risk_at(confidence, is_right, 1.0) > risk_at(confidence, is_right, 0.5) > risk_at(confidence, is_right, 0.2)


def test_joining_two_views_makes_probabilities_right_and_leaves_noise_out() -> None:
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 3, 6_000)
    telling = 3 * np.eye(3)[truth] * 0.4 + rng.normal(0, 1, (6_000, 3))
    noise = rng.normal(0, 1, (6_000, 3))
    mix, offset = head.calibrated(5 * telling, noise, truth[:6_000])
    assert mix[1] < 0.05 * mix[0] * 5
    found = head.decide(head.probabilities(5 * telling, noise, mix, offset), np.ones(3) / 3, 0.0)
    assert calibration_error(found.confidence, found.label == truth) < 0.03


def test_a_balanced_label_finds_the_rare_class_that_the_likeliest_label_leaves_out() -> None:
    found = np.array([[0.35, 0.65], [0.05, 0.95]])
    shares = np.array([0.1, 0.9])
    assert head.decide(found, shares, 0.0).label.tolist() == [1, 1]
    assert head.decide(found, shares, 1.0).label.tolist() == [0, 1]
    assert head.decide(found, shares, 1.0).confidence.tolist() == [0.35, 0.95]


def test_words_speak_for_the_label_that_they_were_seen_with() -> None:
    texts = ["cold soup again", "cold coffee", "warm welcome", "so warm inside"] * 5
    labels = np.array([0, 0, 1, 1] * 5)
    weights = words.learn(words.features(texts), labels, cost=1.0)
    assert weights.shape == (words.BUCKETS, 2)
    assert words.scores(weights, words.features(["a cold room", "a warm room"])).argmax(1).tolist() == [0, 1]


def test_intents_are_learned_from_examples_and_what_is_like_none_of_them_is_less_familiar() -> None:
    rng = np.random.default_rng(4)
    centres = np.linalg.qr(rng.normal(size=(32, 32)))[0].astype(np.float32)

    def near(centre: int, rows: int) -> np.ndarray:
        around = centres[centre] + 0.08 * rng.normal(size=(rows, 32)).astype(np.float32)
        return around / np.linalg.norm(around, axis=1, keepdims=True)

    names = ["card", "delivery", "opening"]
    texts = [f"about my {name} number {row}" for name in names for row in range(20)]
    model = intents.fit(
        np.vstack([near(place, 20) for place in range(3)]),
        words.features(texts),
        [name for name in names for _ in range(20)],
    )
    asked = words.features(["my delivery please"] * 10)
    labels, familiar = model.labels(near(1, 10), asked)
    assert [model.classes[place] for place in labels.label] == ["delivery"] * 10
    _, strange = model.labels(near(7, 10), words.features(["play some jazz"] * 10))
    assert strange.max() < familiar.min()
    assert [view.shape for view in model.views(near(1, 4), asked[:4])] == [(4, 3)] * 2


def test_nearer_messages_say_more_about_an_intent() -> None:
    known = np.array([[1, 0], [0, 1]], dtype=np.float32)
    scores = intents.kernel_scores(np.array([[1, 0], [0.6, 0.8]], dtype=np.float32), known, np.eye(2, dtype=np.float32))
    np.testing.assert_allclose(scores[0], [1.0, np.exp(-2 * intents.REACH)], rtol=1e-6)
    assert scores[1, 1] > scores[1, 0]


def test_the_benchmark_encodes_a_message_once_and_gives_each_its_own_vector(tmp_path: Path) -> None:
    class Lengths:
        version, asked = "lengths", list[str]()

        def encode(self, texts: Sequence[str]) -> np.ndarray:
            self.asked += texts
            return np.array([[len(text), 1] for text in texts], dtype=np.float32).reshape(len(texts), 2)

    encoder, kept = Lengths(), tmp_path / "new" / "set.parquet"
    assert vectors_of(["one", "three", "one"], kept, encoder)[:, 0].tolist() == [3, 5, 3]
    assert vectors_of(["four", "three"], kept, encoder)[:, 0].tolist() == [4, 5]
    assert encoder.asked == ["one", "three", "four"]
    assert vectors_of(["one"], None, encoder).tolist() == [[3, 1]]
