"""The loop on a table of real-looking posts with everything wrong that such tables have: nothing is lost but what is named."""

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

from apps.main_job import EVERYONE, replayed_turn
from apps.worlds import prepare_replay
from contracts.errors import PulsoError
from contracts.settings import Settings
from lakehouse import DeltaLake

# A whole run passes through every third party; their own warnings are judged where each is tested alone.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

START = datetime(2023, 1, 2, 9)  # noqa: DTZ001  (files carry naive times)
POSTS = 240


def table() -> pl.DataFrame:
    """Two accounts, a post every eight hours, with habits that a model can learn."""
    rows = [
        {
            "network": "INSTAGRAM",
            "account": ("padaria", "livraria")[n % 2],
            "profile_id": ("901", "902")[n % 2],
            "message_id": str(70_000 + n),
            "link": f"https://social.example/p/{n}",
            "published_at": (START + timedelta(hours=8 * n)).isoformat(sep=" "),
            "text": f"post {n} " + "pão quente #padaria " * (n % 5),
            "likes": 20 + 15 * (n % 5) + (n * 37) % 11,
            "comments": (n * 13) % 7,
            "media_kind": ("p", "reel")[n % 3 == 0],
            "mood": "?",
        }
        for n in range(POSTS)
    ]
    return pl.DataFrame(rows)


@pytest.fixture(scope="module")
def file(folder: Path) -> Path:
    good = table()
    negative = good.head(1).with_columns(message_id=pl.lit("80001"), comments=pl.lit(-4).cast(pl.Int64))
    duplicate = good.slice(5, 1)
    absurd = good.head(1).with_columns(message_id=pl.lit("80002"), published_at=pl.lit("1970-01-01 00:00:00"))
    timeless = good.head(1).with_columns(message_id=pl.lit("80003"), published_at=pl.lit(None, dtype=pl.String))
    path = folder / "posts.csv"
    pl.concat([good, negative, duplicate, absurd, timeless]).write_csv(path)
    path.write_bytes(path.read_bytes().replace("post 7 pão".encode(), b"post 7 p\xe3o"))  # a stray latin-1 byte
    return path


@pytest.fixture(scope="module")
def home(settings: Settings, file: Path) -> Settings:
    console = Console(quiet=True)
    replay, posts = prepare_replay(settings, file, console)
    replayed_turn(replay, console, posts=posts, language="pt", time_zone="America/Sao_Paulo")
    return replay


def rows(home: Settings, key: str) -> pl.DataFrame:
    return DeltaLake(home.lake_path).scan(key, scope=EVERYONE).collect()


def test_rows_in_the_file_are_rows_in_gold_plus_rows_in_quarantine(home: Settings) -> None:
    unreadable = rows(home, "bronze/quarantined_imports")
    implausible = rows(home, "bronze/quarantined_posts")["post_id"].n_unique()

    assert rows(home, "gold/fct_posts").height + implausible + unreadable.height == POSTS + 4
    assert implausible == 1
    assert unreadable.height >= 3
    assert unreadable["reason"].null_count() == 0


def test_hidden_posts_were_revealed_and_scored_on_forecasts_from_before(home: Settings) -> None:
    scores = rows(home, "gold/fct_forecast_scores")
    posts = rows(home, "gold/fct_posts").sort("published_at")
    hidden = posts.tail(int(0.2 * posts.height))

    assert set(scores["origin"]) == {"shadow"}
    assert scores["post_id"].is_in(hidden["post_id"].implode()).mean() > 0.95
    assert scores.height >= 0.9 * hidden.height


def test_nothing_is_written_for_clients_without_facts(home: Settings) -> None:
    assert (
        DeltaLake(home.lake_path).version("decisions/content_drafts") is None
        or rows(home, "decisions/content_drafts").is_empty()
    )


def test_a_table_without_required_columns_is_refused_and_leaves_nothing(settings: Settings, folder: Path) -> None:
    path = folder / "nothing_useful.csv"
    pl.DataFrame({"text": ["no date"], "likes": [2]}).write_csv(path)

    with pytest.raises(PulsoError, match="published_at"):
        prepare_replay(settings, path, Console(quiet=True))

    assert not any(p.is_file() for p in (settings.home / "worlds").glob("nothing_useful*/**/*"))
