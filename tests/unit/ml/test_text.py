"""Text evidence agrees with the formula computed row by row."""

import re
from collections import Counter
from zlib import crc32

import numpy as np
import polars as pl
import pytest

import ml.text as text_module
from ml.text import DIMENSIONS, causal_vectors, link_words, similar_residuals, token_hashes, tokens


def test_tokens_are_words_hashtags_and_mentions_in_lower_case() -> None:
    found = tokens(pl.Series(["Olá #Mar @ana olá!", None, "a 1"]))
    assert found.rows() == [(0, "#mar", 1), (0, "@ana", 1), (0, "olá", 2)]


def test_an_address_is_its_host_and_the_words_of_its_path() -> None:
    addresses = [
        "https://www.example.com/sport/2016/ready-4-it.html?from=feed#top",
        "http://shop.example:8080",
        "https://exemplo.example/notícias/",
        "mailto:ana@example.com",
        "",
        None,
    ]
    assert pl.select(link_words(pl.Series(addresses, dtype=pl.String))).to_series().to_list() == [
        "link_host_example_com link_path_sport link_path_ready link_path_it link_path_html",
        "link_host_shop_example",
        "link_host_exemplo_example link_path_notícias",
        None,
        None,
        None,
    ]


def test_tokens_are_counted_as_one_by_one_in_order_of_row_and_bytes() -> None:
    words = ["mar", "Ola", "ß", "café", "@ana", "#luz", "日本", "z9", "zz", "Éa", "🌊", "a"]
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(words, size=rng.integers(0, 9))) for _ in range(60)]
    found = tokens(pl.Series(texts))
    expected = [
        (row, word, count)
        for row, text in enumerate(texts)
        for word, count in sorted(
            Counter(re.findall(r"[#@]?\w{2,}", text.lower())).items(), key=lambda c: c[0].encode()
        )
    ]
    assert found.rows() == expected
    assert token_hashes(found["token"]).tolist() == [crc32(word.encode()) for _, word, _ in expected]


def test_texts_without_words_have_no_tokens() -> None:
    for texts in ([], [None, "", "!"]):
        found = tokens(pl.Series(texts, dtype=pl.String))
        assert found.columns == ["row", "token", "count"]
        assert found.height == len(token_hashes(found["token"])) == 0


def test_hashes_are_stable_across_runs() -> None:
    for dtype in (pl.String, pl.Enum(["luz", "mar"])):
        assert token_hashes(pl.Series(["mar", None, "mar"], dtype=dtype)).tolist() == [2107886487, 0, 2107886487]


def test_vectors_have_unit_length_and_do_not_depend_on_later_texts() -> None:
    text = pl.Series(["mar ola", "mar luz", "mar", ""])
    accounts, times = np.ones(4, dtype=np.int64), np.arange(4, dtype=np.int64)
    history = np.ones(4, dtype=bool)
    vectors = causal_vectors(text, accounts, times, history)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1, 0])
    changed = causal_vectors(pl.Series(["mar ola", "mar luz", "cumbre", "mar mar"]), accounts, times, history)
    assert np.allclose(vectors[:2], changed[:2])


def test_a_word_that_every_post_has_weighs_less() -> None:
    text = pl.Series(["mar ola"] * 6 + ["mar luz"])
    vectors = causal_vectors(text, np.ones(7, dtype=np.int64), np.arange(7), np.ones(7, dtype=bool))
    buckets = token_hashes(pl.Series(["mar", "luz"])) % DIMENSIONS
    common, rare = np.abs(vectors[6, buckets])
    assert common < rare


def test_similar_residuals_follow_the_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_module, "WINDOW", 7)
    monkeypatch.setattr(text_module, "_CHUNK", 4)
    rng = np.random.default_rng(0)
    history = rng.standard_normal((30, 5)).astype(np.float32)
    history /= np.linalg.norm(history, axis=1, keepdims=True)
    queries = rng.standard_normal((25, 5)).astype(np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    day = 86_400_000_000
    history_times = np.arange(30) * day
    query_times = 40 * day + np.arange(25) * day
    residuals = np.where(rng.random(30) < 0.2, np.nan, rng.standard_normal(30))
    first = np.where(np.arange(25) < 12, 0, 15)
    last = np.where(first == 0, rng.integers(-1, 15, 25), rng.integers(14, 30, 25))
    effect, nearest = similar_residuals(queries, query_times, last, first, history, history_times, residuals)
    for at in range(25):
        rows = [row for row in range(first[at], last[at] + 1) if row > last[at] - 7]
        if not rows:
            assert np.isnan(effect[at])
            assert np.isnan(nearest[at])
            continue
        cosine = np.array([max(float(queries[at] @ history[row]), 0.0) for row in rows])
        age = (query_times[at] - history_times[rows]) / day
        weight = cosine**2 * 0.5 ** (age / text_module.HALF_LIFE_DAYS)
        known = np.isfinite(residuals[rows])
        wanted = (weight * np.nan_to_num(residuals[rows]))[known].sum() / (
            weight[known].sum() + text_module.PRIOR_WEIGHT
        )
        assert effect[at] == pytest.approx(wanted, abs=1e-5)
        assert nearest[at] == pytest.approx(cosine.max(), abs=1e-6)
