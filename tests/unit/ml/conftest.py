"""A small made-up past (`tests/made_up_posts.py`) for all tests of this folder."""

from collections.abc import Callable

import polars as pl
import pytest

from tests.made_up_posts import make_posts


@pytest.fixture(scope="session")
def posts_factory() -> Callable[..., pl.DataFrame]:
    return make_posts


@pytest.fixture(scope="session")
def posts() -> pl.DataFrame:
    return make_posts()
