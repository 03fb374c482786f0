"""The replayed world: real posts from a file served through the same wire, the last fifth of them hidden until the clock comes.

Reality has one final count per post and none for posts that it never saw. So a count is served only once the post is a week
old, and is absent (never zero) before; a metric that the file lacks is absent for ever; what is published over the wire here
gets no outcome. No outcome is invented. Counts are served as the file has them, negative ones too: telling is not our task.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from sandbox.world.ids import NETWORKS, account_id_of
from sandbox.world.model import DAY_MS, Account, Comment, Counts, DirectMessage, Post, to_datetime

COLUMNS: dict[str, pl.DataType] = {
    "network": pl.String(),
    "account_handle": pl.String(),
    "account_native_id": pl.String(),
    "account_name": pl.String(),
    "post_native_id": pl.String(),
    "permalink": pl.String(),
    "published_at": pl.Datetime("us", "UTC"),
    "text": pl.String(),
    "link_url": pl.String(),
    "link_title": pl.String(),
    "content_format": pl.String(),
    "likes": pl.Int64(),
    "comments": pl.Int64(),
    "shares": pl.Int64(),
    "saves": pl.Int64(),
    "views": pl.Int64(),
    "reach": pl.Int64(),
    "followers": pl.Int64(),
    "source_row": pl.Int64(),
}
"""What the file must hold: one row per post."""
MAY_LACK = ("link_url", "link_title")
"""Columns that older files do not have."""
COUNTED = ("likes", "comments", "shares", "saves", "views", "reach")
MATURE_MS = 7 * DAY_MS
HIDDEN_SHARE = 0.2
_MEDIA_COUNT = {"text": 0, "link": 0, "carousel": 2}


class ReplayFileError(ValueError):
    """The file can not be replayed; the message says what is missing."""


def _slug(handle: str) -> str:
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in handle.lower())
    return "-".join(part for part in kept.split("-") if part) or "account"


class ReplayedWorld:
    """Implements `World` over a table of real posts."""

    kind = "replayed"
    seed = 0

    def __init__(self, path: Path, start_ms: int | None = None) -> None:
        frame = _read(path)
        usable = (
            frame.filter(
                pl.col("network").is_in(NETWORKS)
                & pl.col("published_at").is_not_null()
                & pl.col("post_native_id").is_not_null()
                & pl.col("account_handle").is_not_null()
            )
            .unique(["network", "account_handle", "post_native_id"], keep="first", maintain_order=True)
            .sort("published_at", "post_native_id")
        )
        self._path = path
        self._rows = frame.height
        self._rejected = {
            "unknown network": frame.filter(~pl.col("network").is_in(NETWORKS).fill_null(value=False)).height,
            "no time, id or account": frame.filter(
                pl.col("published_at").is_null()
                | pl.col("post_native_id").is_null()
                | pl.col("account_handle").is_null()
            ).height,
        }
        if usable.height == 0:
            raise ReplayFileError(f"{path.name}: no row can be replayed ({self._rejected})")
        self._accounts: dict[str, Account] = {}
        self._followers: dict[str, tuple[list[int], list[int]]] = {}
        self._posts: dict[str, list[Post]] = {}
        self._times: dict[str, list[int]] = {}
        self._counts: dict[str, dict[str, int]] = {}
        for (network, handle), rows in usable.group_by(["network", "account_handle"], maintain_order=True):
            self._load(str(network), str(handle), rows)
        moments = sorted(moment for times in self._times.values() for moment in times)
        self._all_times = moments
        self.start_ms = start_ms if start_ms is not None else moments[int(len(moments) * (1 - HIDDEN_SHARE)) - 1]
        self._rejected["duplicate"] = self._rows - usable.height - sum(self._rejected.values())

    def _load(self, network: str, handle: str, rows: pl.DataFrame) -> None:
        given, name = rows["account_native_id"].drop_nulls(), rows["account_name"].drop_nulls()
        native_id = str(given[0]) if len(given) else ""
        if network == "bluesky":
            handle = handle if "." in handle else f"{handle}.bsky.test"
            native_id = native_id if native_id.startswith("did:") else account_id_of(network, handle)
        elif not native_id:
            native_id = account_id_of(network, handle)
        account = Account(
            network=network,
            native_id=native_id,
            handle=handle,
            display_name=str(name[-1]) if len(name) else handle,
            biography="",
            client_slug=_slug(handle.removesuffix(".bsky.test")),
            language="en",
            time_zone="UTC",
        )
        milliseconds = rows["published_at"].dt.epoch("ms").to_list()
        self._accounts[native_id] = account
        self._times[native_id] = milliseconds
        posts = self._posts[native_id] = []
        texts, formats = rows["text"].to_list(), rows["content_format"].to_list()
        ids, links = rows["post_native_id"].to_list(), rows["permalink"].to_list()
        pages, titles = rows["link_url"].to_list(), rows["link_title"].to_list()
        for index, moment in enumerate(milliseconds):
            post_id = ids[index]
            if network == "bluesky" and not post_id.startswith("at://"):
                post_id = f"at://{native_id}/app.bsky.feed.post/{post_id}"
            content_format = formats[index] or "image"
            posts.append(
                Post(
                    post_id,
                    network,
                    native_id,
                    texts[index] or "",
                    moment,
                    content_format,
                    _MEDIA_COUNT.get(content_format, 1),
                    "history",
                    permalink=links[index],
                    link_url=pages[index],
                    link_title=titles[index],
                )
            )
        for metric in COUNTED:
            for post, value in zip(posts, rows[metric].to_list(), strict=True):
                if value is not None:
                    self._counts.setdefault(post.native_id, {})[metric] = value
        known = rows.filter(pl.col("followers").is_not_null())
        self._followers[native_id] = (known["published_at"].dt.epoch("ms").to_list(), known["followers"].to_list())

    @property
    def accounts(self) -> Sequence[Account]:
        return tuple(self._accounts.values())

    def posts(self, account: Account, until_ms: int) -> Sequence[Post]:
        return self._posts[account.native_id][: bisect_right(self._times[account.native_id], until_ms)]

    def counts(self, post: Post, now_ms: int) -> Counts:
        if post.origin != "history" or now_ms - post.created_ms < MATURE_MS:
            return {}
        return self._counts.get(post.native_id, {})

    def comments(self, post: Post, now_ms: int) -> Sequence[Comment]:
        del post, now_ms
        return ()

    def direct_messages(self, account: Account, now_ms: int) -> Sequence[DirectMessage]:
        del account, now_ms
        return ()

    def followers(self, account: Account, now_ms: int) -> int | None:
        times, values = self._followers[account.native_id]
        index = bisect_right(times, now_ms)
        return values[index - 1] if index else None

    def new_followers(self, account: Account, start_ms: int, end_ms: int) -> int | None:
        del account, start_ms, end_ms
        return None

    def idle_reach(self, account: Account, now_ms: int) -> int | None:
        del account, now_ms
        return None

    def truth(self, post: Post) -> dict[str, Any]:
        del post
        return {}

    def describe(self, now_ms: int) -> dict[str, Any]:
        revealed = bisect_right(self._all_times, now_ms)
        at_start = bisect_right(self._all_times, self.start_ms)
        formats = Counter(post.content_format for posts in self._posts.values() for post in posts)
        return {
            "kind": self.kind,
            "seed": self.seed,
            "start": to_datetime(self.start_ms).isoformat(),
            "accounts": len(self._accounts),
            "posts": revealed,
            "replay": {
                "file": self._path.name,
                "rows_in_file": self._rows,
                "rows_served": len(self._all_times),
                "rows_rejected": self._rejected,
                "revealed": revealed,
                "hidden": len(self._all_times) - revealed,
                "hidden_at_start": len(self._all_times) - at_start,
                "first": to_datetime(self._all_times[0]).isoformat(),
                "last": to_datetime(self._all_times[-1]).isoformat(),
                "formats": dict(formats),
                "counts_served_after_days": MATURE_MS // DAY_MS,
            },
            "parameters": {},
        }


def _read(path: Path) -> pl.DataFrame:
    if not path.is_file():
        raise ReplayFileError(f"no such file: {path}")
    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ReplayFileError(f"{path.name} is not a readable parquet file: {error}") from None
    frame = frame.with_columns(
        pl.lit(None, COLUMNS[name]).alias(name) for name in MAY_LACK if name not in frame.columns
    )
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise ReplayFileError(f"{path.name} lacks the columns {', '.join(missing)}")
    try:
        return frame.select(pl.col(name).cast(kind) for name, kind in COLUMNS.items())
    except pl.exceptions.PolarsError as error:
        raise ReplayFileError(f"{path.name} has a column of another type: {error}") from None
