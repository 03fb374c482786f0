"""The encoder: the vectors of the published model, whatever a text is encoded beside."""

import pickle

import numpy as np
import pytest

from contracts.ports import TextEncoder
from ml.encoder import DIMENSIONS, MAX_TOKENS, MiniLm

TEXTS = [
    "The new bakery opens on Saturday at nine.",
    "Our bread shop starts selling this weekend!",
    "Parliament votes on the budget tomorrow.",
    "A nova padaria abre no sábado.",
    "",
]
COSINES = [
    [1.0000, 0.5364, 0.0726, -0.0103, -0.0348],
    [0.5364, 1.0000, 0.1417, 0.0601, 0.1126],
    [0.0726, 0.1417, 1.0000, 0.0679, 0.1744],
    [-0.0103, 0.0601, 0.0679, 1.0000, 0.1264],
    [-0.0348, 0.1126, 0.1744, 0.1264, 1.0000],
]
"""As transformers' BertModel (torch 2.13) has them from the same weights."""
FIRST_VALUES = [0.03292, -0.09334, -0.00386]


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    return MiniLm()


def test_its_vectors_are_those_of_the_published_model(encoder: TextEncoder) -> None:
    vectors = encoder.encode(TEXTS)
    assert (vectors.shape, vectors.dtype) == ((len(TEXTS), DIMENSIONS), np.float32)
    assert vectors @ vectors.T == pytest.approx(np.array(COSINES), abs=1e-4)
    assert vectors[0, :3] == pytest.approx(FIRST_VALUES, abs=1e-5)


def test_a_text_has_one_vector_whatever_stands_beside_it(encoder: TextEncoder) -> None:
    long = "budget " * 200
    together = encoder.encode([long, *TEXTS, long + "and more", "budget " * (MAX_TOKENS - 2)])
    for text, vector in zip(TEXTS, together[1:], strict=False):
        assert encoder.encode([text])[0] == pytest.approx(vector, abs=1e-5)
    for same in (-2, -1):
        assert together[same] == pytest.approx(together[0], abs=1e-5)


def test_nothing_to_encode_loads_nothing() -> None:
    encoder = MiniLm()
    assert encoder.encode([]).shape == (0, DIMENSIONS)
    assert "_loaded" not in vars(encoder)


def test_a_copy_for_another_process_carries_no_weights(encoder: TextEncoder) -> None:
    vectors = encoder.encode(TEXTS[:1])
    packed = pickle.dumps(encoder)
    assert len(packed) < 10_000
    assert np.array_equal(pickle.loads(packed).encode(TEXTS[:1]), vectors)
