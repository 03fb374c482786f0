"""`pulso trace cell`: what a person reads of a trace, and what the command refuses, on the demo home."""

import shutil
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

from apps.cell_trace import render
from apps.marts import Definition
from contracts.scope import TenantScope
from contracts.settings import Settings
from lakehouse import DeltaLake
from lakehouse.provenance import Recount, Step
from tests.unit.app.demo_home import write_raw_rows
from tests.unit.app.test_sql import pulso

BUILT = datetime(2026, 5, 4, 12, tzinfo=UTC)
HARBOR = TenantScope.of("harbor-coffee")


def recount(column: str, here: object, below: object, *, rows: int = 1, differing: int = 0) -> Recount:
    shown = pl.DataFrame({"post_id": ["a"] * differing, "here": [here] * differing, "below": [below] * differing})
    return Recount(column, f"sum({column})", rows, rows - differing, shown, (here, below) if rows == 1 else None)


def traced(*, raw: str = "{}", below: int = 5, later: timedelta = timedelta()) -> Step:
    """A week of one post with one count."""
    counts = Step(
        table="bronze/counts",
        version=7,
        written_at=BUILT + later,
        rows=9,
        days=(date(2026, 5, 4), date(2026, 5, 6)),
        columns=("value",),
        key=("post_id", "metric"),
        shown=pl.DataFrame({"client_id": "c", "post_id": "a", "metric": "likes", "value": 5, "raw": raw, "file": "f"}),
        personal=("text",),
    )
    return Step(
        table="gold/kpi",
        version=3,
        written_at=BUILT,
        rows=1,
        days=(),
        columns=("likes",),
        key=("client_id", "week"),
        shown=pl.DataFrame({"client_id": "c", "week": "2026-05-04", "likes": 5, "views": None}),
        recounts=(recount("likes", 5, below, differing=int(below != 5)),),
        beyond=("median",),
        origins=(counts,),
    )


def text_of(trace: Step, **options: bool) -> str:
    console = Console(file=StringIO(), width=500)
    console.print(render(trace, {"likes": Definition("How many.", "sum of likes", "bronze/counts", 2)}, **options))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_a_trace_tells_the_row_the_meaning_and_the_rows_below() -> None:
    text = text_of(traced(raw='{"like_count": 5}'))
    for told in (
        "gold/kpi, version 3 of 2026-05-04 12:00",
        "client_id=c  week=2026-05-04  likes=5  views=null",
        "likes: How many.",
        "formula: sum of likes",
        "source: bronze/counts; definition version 2",
        "likes = 5, and sum(likes) of the rows below gives 5: it adds up",
        "median is more than a sum, count or mean of these rows",
        "bronze/counts, version 7 of 2026-05-04 12:00: 9 rows of 2 days, 2026-05-04 to 2026-05-06; the first 1:",
        "post_id=a  metric=likes  value=5",
        "in f",
        '{"like_count": 5}',
        "withheld: text (--personal shows them)",
    ):
        assert told in text, told
    assert "NOT" not in text


def test_what_does_not_add_up_is_said_with_both_numbers() -> None:
    text = text_of(traced(below=4))
    assert "likes does NOT add up by sum(likes): post_id=a: 5 here, 4 from the rows below" in text
    assert "came to a new version" not in text


def test_newer_raw_rows_are_named_as_a_reason_only_where_something_differs() -> None:
    later = timedelta(hours=1)
    assert "bronze/counts came to a new version after gold/kpi was built" in text_of(traced(below=4, later=later))
    assert "came to a new version" not in text_of(traced(later=later))


def test_payloads_are_cut_unless_asked_for_whole_and_never_steer_the_terminal() -> None:
    raw = '{"text": "\x1b[31m[bold]' + "x" * 400 + '"}'
    cut, whole = text_of(traced(raw=raw)), text_of(traced(raw=raw), whole=True)
    assert "…" in cut
    assert "x" * 400 not in cut
    assert "x" * 400 in whole
    for text in (cut, whole):
        assert r"\x1b[31m[bold]" in text
        assert "\x1b" not in text


@pytest.fixture(scope="module")
def home(demo_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo home with the raw rows behind its gold."""
    home = tmp_path_factory.mktemp("traced") / "home"
    shutil.copytree(demo_template, home)
    write_raw_rows(Settings(home=home))
    return home


@pytest.fixture(scope="module")
def lake(home: Path) -> DeltaLake:
    return DeltaLake(home / "lake")


def test_a_week_goes_down_to_payloads(home: Path, lake: DeltaLake) -> None:
    week = lake.scan("gold/kpi_client_weekly", scope=HARBOR).sort("week").collect().row(-2, named=True)
    arguments = ("--where", f"week={week['week']}", "--column", "engagements", "--rows", "3")
    done = pulso(home, "trace", "cell", "kpi_client_weekly", "--client", "harbor-coffee", *arguments)
    text = " ".join(done.stdout.split())
    assert done.returncode == 0, text
    posts = lake.scan("gold/fct_posts", scope=HARBOR).filter(pl.col("published_day").dt.truncate("1w") == week["week"])
    ids = posts.collect()["post_id"]
    counts = lake.scan("bronze/post_metrics", scope=HARBOR).filter(pl.col("post_id").is_in(ids.implode()))
    newest = counts.sort("observed_at").group_by("post_id", "metric").last().collect()
    value = week["engagements"]
    sums = (
        "case when count(*) filter (where array_contains(missing_counts, 'engagements')) = 0 then sum(engagements) end"
    )
    assert f"engagements = {value}, and {sums} of the rows below gives {value}: it adds up" in text
    assert "sum of engagements over the posts published in the period" in text
    assert f": {ids.len()} rows; the first 3:" in text
    assert f"adds up from the rows below in all {ids.len()} rows" in text
    assert f"bronze/post_metrics, version {lake.version('bronze/post_metrics')}" in text
    assert f": {newest.height} rows of 2026-05-27; the first 3:" in text
    first = newest.sort("post_id", "metric").row(0, named=True)
    assert first["raw"] in text
    assert "in bronze/post_metrics/day=2026-05-27/part-" in text
    assert "verde" not in text


def test_a_number_that_the_raw_rows_do_not_give_is_said_so(home: Path, lake: DeltaLake) -> None:
    """The demo's posts carry followers that no bronze row was written for."""
    post = lake.scan("gold/fct_posts", scope=HARBOR).sort("post_id").collect().row(0, named=True)
    arguments = ("--where", f"post_id={post['post_id']}", "--column", "followers_at_post")
    done = pulso(home, "trace", "cell", "gold/fct_posts", "--client", "harbor-coffee", *arguments)
    text = " ".join(done.stdout.split())
    assert done.returncode == 0, text
    assert f"followers_at_post does NOT add up by any_value(followers): post_id={post['post_id']}" in text
    assert f"{post['followers_at_post']} here, null from the rows below" in text
    assert "bronze/accounts" in text


@pytest.mark.parametrize(
    ("client", "arguments", "told"),
    [
        ("harbor-coffee", (), "A row is known by client_id, week: add --where week=..."),
        ("harbor-coffee", ("--where", "week"), "write --where week=2026-01-05"),
        ("nobody", ("--where", "week=2026-05-18"), "knows no client 'nobody'"),
    ],
)
def test_a_refusal_is_a_message(home: Path, client: str, arguments: tuple[str, ...], told: str) -> None:
    done = pulso(home, "trace", "cell", "kpi_client_weekly", "--client", client, *arguments)
    assert done.returncode == 1
    assert told in " ".join(done.stdout.split())
    assert "Traceback" not in done.stdout
