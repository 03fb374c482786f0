"""The replayed world: everything in the file is served, the last fifth is hidden, immature counts are absent and never zero."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sandbox.networks.facebook_posts import as_post
from sandbox.networks.graph import parse_fields
from sandbox.replay import COLUMNS, ReplayedWorld, ReplayFileError
from sandbox.world.model import DAY_MS, to_ms

FIRST = datetime(2023, 1, 1, 12, tzinfo=UTC)


def table(rows: int = 100, **changes: Any) -> pl.DataFrame:
    """Posts of two Instagram accounts and a Bluesky one, one a day."""
    accounts = [("instagram", "Gov_A", "111"), ("instagram", "gov.b", None), ("bluesky", "town.bsky.test", None)]
    data: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for index in range(rows):
        network, handle, native_id = accounts[index % 3]
        row = {
            "network": network,
            "account_handle": handle,
            "account_native_id": native_id,
            "account_name": "Name",
            "post_native_id": f"180{index:014d}",
            "permalink": f"https://example.test/{index}",
            "published_at": FIRST + timedelta(days=index),
            "text": f"Text {index}",
            "link_url": None,
            "link_title": None,
            "content_format": "image",
            "likes": index,
            "comments": -2 if index == 3 else 1,
            "shares": None,
            "saves": None,
            "views": None,
            "reach": None,
            "followers": None,
            "source_row": index,
        }
        for name, value in row.items():
            data[name].append(changes.get(name, value))
    return pl.DataFrame(data, schema=COLUMNS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    table().write_parquet(tmp_path / "posts.parquet")
    return tmp_path / "posts.parquet"


def test_the_last_fifth_is_hidden_until_the_clock_reveals_it(path: Path) -> None:
    world = ReplayedWorld(path)
    assert world.start_ms == to_ms(FIRST + timedelta(days=79))
    described = world.describe(world.start_ms)["replay"]
    assert (described["rows_in_file"], described["rows_served"]) == (100, 100)
    assert (described["revealed"], described["hidden"], described["hidden_at_start"]) == (80, 20, 20)
    later = world.describe(world.start_ms + 10 * DAY_MS)["replay"]
    assert (later["revealed"], later["hidden"]) == (90, 10)
    visible = [post for account in world.accounts for post in world.posts(account, world.start_ms)]
    assert max(post.created_ms for post in visible) == world.start_ms


def test_counts_are_absent_until_a_week_old_and_never_invented(path: Path) -> None:
    world = ReplayedWorld(path)
    account = next(account for account in world.accounts if account.handle == "Gov_A")
    posts = world.posts(account, world.start_ms)
    negative = posts[1]
    assert world.counts(negative, negative.created_ms + 7 * DAY_MS) == {"likes": 3, "comments": -2}
    assert world.counts(negative, negative.created_ms + 7 * DAY_MS - 1) == {}
    assert world.followers(account, world.start_ms) is None
    assert world.comments(posts[0], world.start_ms) == ()
    assert world.truth(posts[0]) == {}


def test_ids_and_slugs_are_made_up_where_the_file_has_none(path: Path) -> None:
    accounts = {account.handle: account for account in ReplayedWorld(path).accounts}
    assert accounts["Gov_A"].native_id == "111"
    assert accounts["gov.b"].native_id.isdigit()
    assert accounts["town.bsky.test"].native_id.startswith("did:plc:")
    assert {account.client_slug for account in accounts.values()} == {"gov-a", "gov-b", "town"}


def test_pages_that_posts_lead_to_are_the_files_and_never_made_up(tmp_path: Path) -> None:
    known = table(10, network="facebook", content_format="link", link_url="https://a.example/b", link_title="Title")
    unknown = table(10, network="facebook", content_format="link").with_columns(post_native_id="x" + pl.col("text"))
    pl.concat([known, unknown]).write_parquet(tmp_path / "posts.parquet")
    world = ReplayedWorld(tmp_path / "posts.parquet")
    posts = [post for account in world.accounts for post in world.posts(account, to_ms(FIRST) + 99 * DAY_MS)]
    assert {(p.link_url, p.link_title) for p in posts} == {("https://a.example/b", "Title"), (None, None)}
    shown = [
        as_post(p, {}, {}, parse_fields("id,attachments{media_type,unshimmed_url,title}"), "http://x") for p in posts
    ]
    said = {tuple(item["attachments"]["data"][0].values()) for item in shown}
    assert said == {("link", "https://a.example/b", "Title"), ("link",)}


def test_files_from_before_such_pages_were_kept_are_served(tmp_path: Path) -> None:
    table().drop("link_url", "link_title").write_parquet(tmp_path / "posts.parquet")
    world = ReplayedWorld(tmp_path / "posts.parquet")
    assert all(post.link_url is None for account in world.accounts for post in world.posts(account, world.start_ms))


def test_rows_that_cannot_be_served_are_counted_by_reason(tmp_path: Path) -> None:
    good, bad = table(50), table(10, network="myspace")
    untimed = table(5, published_at=None)
    pl.concat([good, good.head(7), bad, untimed]).write_parquet(tmp_path / "posts.parquet")
    replay = ReplayedWorld(tmp_path / "posts.parquet").describe(0)["replay"]
    assert replay["rows_in_file"] == 72
    assert replay["rows_served"] == 50
    assert replay["rows_rejected"] == {"unknown network": 10, "no time, id or account": 5, "duplicate": 7}


def test_followers_of_the_file_are_served_as_last_known(tmp_path: Path) -> None:
    table(followers=500).write_parquet(tmp_path / "posts.parquet")
    world = ReplayedWorld(tmp_path / "posts.parquet")
    assert world.followers(world.accounts[0], world.start_ms) == 500
    assert world.followers(world.accounts[0], to_ms(FIRST) - 1) is None


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.write_bytes(b"rubbish"), "not a readable parquet"),
        (lambda path: table().drop("text", "likes").write_parquet(path), "lacks the columns text, likes"),
        (lambda path: table(network="myspace").write_parquet(path), "no row can be replayed"),
        (lambda path: table().with_columns(likes=pl.lit("many")).write_parquet(path), "another type"),
    ],
    ids=["missing", "no parquet", "columns", "empty", "types"],
)
def test_an_unusable_file_is_refused_with_its_reason(tmp_path: Path, write: Callable[..., Any], message: str) -> None:
    write(tmp_path / "posts.parquet")
    with pytest.raises(ReplayFileError, match=message):
        ReplayedWorld(tmp_path / "posts.parquet")


def test_the_wire_omits_what_the_file_does_not_know(start_sandbox: Callable[..., Any], path: Path) -> None:
    sandbox = start_sandbox("--world", "replayed", "--posts", str(path))
    account = sandbox.account("instagram", "Gov_A")
    fields = "id,caption,permalink,like_count,comments_count"
    listed = sandbox.graph(account, f"{account['native_id']}/media", fields=fields, limit=100).json()["data"]
    young = [item for item in listed if "like_count" not in item]
    assert len(listed) == 27
    assert len(young) == 2, "posts of the last week have no counts yet"
    assert all("comments_count" not in item for item in young)
    assert listed[-2]["comments_count"] == -2, "served as the file has it"
    assert listed[0]["permalink"].startswith("https://example.test/")
    old = listed[-1]["id"]
    insights = sandbox.graph(account, f"{old}/insights", metric="reach,views,saved,likes").json()["data"]
    assert [item["name"] for item in insights] == ["likes"]
    assert sandbox.graph(account, f"{account['native_id']}/insights", metric="reach", period="day").json() == {
        "data": []
    }
    profile = sandbox.graph(account, account["native_id"], fields="id,username,followers_count,media_count").json()
    assert "followers_count" not in profile

    town = sandbox.account("bluesky", "town")
    feed = sandbox.xrpc(town, "app.bsky.feed.getAuthorFeed", params={"actor": town["native_id"], "limit": 100}).json()[
        "feed"
    ]
    assert "likeCount" not in feed[0]["post"]
    assert feed[-1]["post"]["likeCount"] == 2
    assert "repostCount" not in feed[-1]["post"]

    created = sandbox.create(town, "3kaaaaaaaaaa2", "Published in the past").json()["uri"]
    sandbox.advance(30 * 86400)
    view = sandbox.xrpc(town, "app.bsky.feed.getPosts", params={"uris": created}).json()["posts"][0]
    assert "likeCount" not in view, "no outcome is invented"
    world = sandbox.http.get("/_sandbox/world").json()
    assert world["replay"]["hidden"] == 0
    sandbox.restart()
    assert sandbox.http.get("/_sandbox/world").json()["now"] == world["now"]


@pytest.mark.slow
@pytest.mark.reference_data
def test_all_real_posts_are_served_through_the_pages(
    start_sandbox: Callable[..., Any], reference_data: Path, tmp_path: Path
) -> None:
    source = pl.read_parquet(reference_data / "instagram_br_state_gov" / "instagram_br_state_gov.parquet")
    known = {
        "network": pl.lit("instagram"),
        "account_handle": pl.col("account"),
        "account_native_id": pl.col("profile_id"),
        "account_name": pl.col("profile_name"),
        "post_native_id": pl.col("message_id"),
        "permalink": pl.col("link"),
        "published_at": pl.col("published_at").dt.replace_time_zone("UTC"),
        "content_format": pl.lit("image"),
        "text": pl.col("text"),
        "likes": pl.col("likes"),
        "comments": pl.col("comments"),
        "source_row": pl.int_range(pl.len()),
    }
    frame = source.select((known.get(name, pl.lit(None)).cast(kind)).alias(name) for name, kind in COLUMNS.items())
    frame.write_parquet(tmp_path / "real.parquet")
    sandbox = start_sandbox("--world", "replayed", "--posts", str(tmp_path / "real.parquet"))
    served = sandbox.http.get("/_sandbox/world").json()["replay"]
    assert served["rows_served"] + sum(served["rows_rejected"].values()) == source.height
    assert served["hidden"] == pytest.approx(0.2 * source.height, rel=0.001)
    sandbox.http.post("/_sandbox/clock", json={"set": "2025-02-01T00:00:00Z"})
    listed, negative = 0, 0
    for account in sandbox.accounts():
        page = sandbox.graph(account, f"{account['native_id']}/media", fields="id,comments_count", limit=100).json()
        while True:
            listed += len(page["data"])
            negative += sum(item.get("comments_count", 0) < 0 for item in page["data"])
            if "next" not in page.get("paging", {}):
                break
            page = sandbox.http.get(page["paging"]["next"]).json()
    assert listed == served["rows_served"], "all is revealed by now"
    assert negative == source.filter(pl.col("comments") < 0).height
