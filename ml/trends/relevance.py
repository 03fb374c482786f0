"""How much a term concerns a client: the words around it against what the client writes and wants to write about.

Belongs here: a client's interests as word weights and the similarity of a term's contexts to them. Does not belong here: whether a term is
rising, and whether the client may speak about it (`policy`).

Words are weighed by how rare they are among all texts of all clients given, so that what everybody writes counts little. Scripts without
spaces are read in pairs of characters.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import regex
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.special import ndtr
from sklearn.feature_extraction.text import TfidfVectorizer

from contracts.errors import NotReadyError
from ml.language import FUNCTION_WORDS, fold

OWN_TEXTS_SCHEMA = pl.Schema({"client_id": pl.String, "text": pl.String, "weight": pl.Float64})
"""What a client writes (posts, weight 1) and wants to write about (pillars and keywords, with the weight of as many posts)."""
CONTEXTS_SCHEMA = pl.Schema({"client_id": pl.String, "term": pl.String, "text": pl.String})
"""Texts in which a term that the client may care about was seen. A term without any context has a row with a null text."""
RELEVANCE_SCHEMA = pl.Schema(
    {
        "client_id": pl.String(),
        "term": pl.String(),
        "relevance": pl.Float64(),
        "similarity": pl.Float64(),
        "own_mentions": pl.Int64(),
        "contexts": pl.Int64(),
        "shared_words": pl.List(pl.String()),
    }
)
"""One row per client and term.

`relevance` 0 to 1 is how far the client's similarity stands above that of the other clients to the same term (normal distribution; one
half is average): a term about which everybody writes concerns nobody in particular. Evidence: `similarity` of the contexts to the
client's texts (cosine), `own_mentions`, the number of these texts in which the term itself stands (spaces left out), the number of
contexts, and the words that make up most of the similarity.
"""

SHARED_WORDS = 5
MIN_CLIENTS = 10
"""So many clients tell how similar a term usually is to a client; among fewer, relevance is the similarity itself."""
_NOISE = regex.compile(r"https?://\S+|@[\w.]+")
_RUN = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]+|[\p{L}\p{N}]+")
_FUNCTION_WORDS = frozenset(fold(word) for of in FUNCTION_WORDS.values() for word in of)
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]")


def words(text: str) -> list[str]:
    """Folded words of three letters or more, function words left out; runs of scripts without spaces as pairs of characters."""
    out: list[str] = []
    for run in _RUN.findall(_NOISE.sub(" ", fold(text))):
        if _UNSPACED.match(run):
            out.extend(run[at : at + 2] for at in range(max(len(run) - 1, 1)))
        elif len(run) > 2 and run not in _FUNCTION_WORDS:
            out.append(run)
    return out


@dataclass(frozen=True)
class Interests:
    """What each client is about, as unit vectors of word weights."""

    vectorizer: TfidfVectorizer
    clients: tuple[str, ...]
    centres: NDArray[np.float64]
    squeezed: tuple[tuple[str, ...], ...]
    """Each client's texts without anything but letters and digits."""

    @classmethod
    def fit(cls, own_texts: pl.DataFrame) -> "Interests":
        """From OWN_TEXTS_SCHEMA, all clients together. Raises NotReadyError when no text has a word."""
        own = own_texts.match_to_schema(OWN_TEXTS_SCHEMA).drop_nulls("text").sort("client_id", maintain_order=True)
        vectorizer = TfidfVectorizer(analyzer=words, sublinear_tf=True, max_features=50_000)
        try:
            vectors = vectorizer.fit_transform(own["text"].to_list())
        except ValueError as nothing:
            raise NotReadyError("the clients' texts hold no words; ingest posts or describe the pillars") from nothing
        clients = tuple(own["client_id"].unique(maintain_order=True))
        numbers = own.select(pl.col("client_id").rle_id())["client_id"].to_numpy()
        weights = sp.csr_matrix((own["weight"].to_numpy(), (numbers, np.arange(own.height))))
        centres = (weights @ vectors).toarray()
        texts = own.group_by("client_id", maintain_order=True).agg("text")["text"].to_list()
        return cls(vectorizer, clients, _unit(centres), tuple(tuple(map(_squeeze, of)) for of in texts))

    def relevance(self, contexts: pl.DataFrame) -> pl.DataFrame:
        """Judge the terms of CONTEXTS_SCHEMA; returns RELEVANCE_SCHEMA. Terms of clients without texts of their own have relevance 0."""
        rows = contexts.match_to_schema(CONTEXTS_SCHEMA)
        grouped = rows.group_by("client_id", "term", maintain_order=True).agg(pl.col("text").drop_nulls())
        if grouped.is_empty():
            return RELEVANCE_SCHEMA.to_frame()
        names = self.vectorizer.get_feature_names_out()
        known: dict[tuple[str, ...], tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]] = {}
        out = []
        for client_id, term, texts in grouped.iter_rows():
            key = (term, *texts)
            if key not in known:
                known[key] = self._compare(key)
            centre, similarity, relevance = known[key]
            number = self.clients.index(client_id) if client_id in self.clients else None
            parts = np.zeros_like(centre) if number is None else centre * self.centres[number]
            top = np.argsort(-parts)[:SHARED_WORDS]
            own = () if number is None else self.squeezed[number]
            squeezed = _squeeze(term)
            out.append(
                {
                    "client_id": client_id,
                    "term": term,
                    "relevance": 0.0 if number is None else float(relevance[number]),
                    "similarity": 0.0 if number is None else float(similarity[number]),
                    "own_mentions": sum(squeezed in text for text in own) if squeezed else 0,
                    "contexts": len(texts),
                    "shared_words": [str(names[at]) for at in top if parts[at] > 0],
                }
            )
        return pl.DataFrame(out, schema=RELEVANCE_SCHEMA)

    def _compare(self, texts: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Mean vector of the texts, its similarity to each client's, and each client's relevance."""
        centre = _unit(np.asarray(self.vectorizer.transform(texts).mean(axis=0)))[0]
        similarity = self.centres @ centre
        if len(self.clients) < MIN_CLIENTS:
            return centre, similarity, similarity
        spread = max(float(similarity.std()), 1e-9)
        return centre, similarity, np.asarray(ndtr((similarity - similarity.mean()) / spread))


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(norms > 0, norms, 1.0))


def _squeeze(text: str) -> str:
    return "".join(_RUN.findall(fold(text)))
