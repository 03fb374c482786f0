"""No text is encoded twice, and no client's rows hold another client's texts."""

from collections.abc import Sequence

import dagster as dg
import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.features.text_embeddings import text_embeddings
from contracts.tables import TEXT_EMBEDDINGS, TableKind, TableSpec
from ml.kept_texts import text_sha256
from tests.assets.fakes import ALL, House
from tests.made_up_posts import make_posts

POSTS = make_posts(accounts=2, per_account=4).with_columns(
    is_reply=pl.lit(value=False), link_title=pl.lit(None, dtype=pl.String)
)
FCT_POSTS = TableSpec("gold", "fct_posts", TableKind.DERIVED, POSTS.schema, ("post_id",), "posts", partition_by=None)


class CountingEncoder:
    """Vectors of the texts' lengths. Remembers what it was asked."""

    def __init__(self, version: str = "lengths") -> None:
        self.version, self.asked = version, list[str]()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        return np.array([[len(text), 1.0] for text in texts], dtype=np.float32).reshape(len(texts), 2)


def refresh(house: House, posts: pl.DataFrame, encoder: CountingEncoder, **config: int) -> pl.DataFrame:
    house.lake.replace(FCT_POSTS, posts)
    resources = {"lake": house.lake, "clock": house.clock, "text_encoder": encoder}
    run = {"ops": {"features__text_embeddings": {"config": {"min_posts": 1, **config}}}}
    assert dg.materialize([text_embeddings], resources=resources, run_config=run).success
    return house.lake.scan(TEXT_EMBEDDINGS, scope=ALL).collect()


def test_only_new_texts_are_encoded_each_once_and_kept_for_each_client(house: House) -> None:
    text = ["one", "two", "two", "", None, "one", "three", "three"]
    clients = ["a"] * 4 + ["b"] * 4
    posts = POSTS.with_columns(text=pl.Series(text, dtype=pl.String), client_id=pl.Series(clients))
    encoder = CountingEncoder()
    assert refresh(house, posts, encoder, min_posts=9).is_empty()
    assert encoder.asked == []

    kept = refresh(house, posts, encoder)
    assert sorted(encoder.asked) == ["one", "three", "two"]
    digest = dict(zip(("one", "two", "three"), text_sha256(pl.Series(["one", "two", "three"])), strict=True))
    assert {(c, t): v for c, t, _, v in kept.iter_rows()} == {
        ("a", digest["one"]): [3.0, 1.0],
        ("a", digest["two"]): [3.0, 1.0],
        ("b", digest["one"]): [3.0, 1.0],
        ("b", digest["three"]): [5.0, 1.0],
    }

    more = posts.with_columns(text=pl.col("text").replace({"three": "four"}))
    assert refresh(house, more, encoder).height == kept.height + 1
    assert encoder.asked[3:] == ["four"]

    headed = more.with_columns(link_title=pl.when(pl.col("text") == "one").then(pl.lit("A headline")))
    assert refresh(house, headed, encoder).height == kept.height + 3  # of each client that wrote it
    assert encoder.asked[4:] == ["one\nA headline"]

    newer = CountingEncoder("another version")
    newest_first = more.sort("published_at", descending=True).filter(pl.col("text").str.len_chars() > 0)
    refresh(house, more, newer, at_most=1)
    assert newer.asked == newest_first["text"].head(1).to_list()
    assert set(refresh(house, more, newer)["encoder_version"]) == {"lengths", "another version"}
    assert set(newer.asked) == {"four", "one", "two"}
