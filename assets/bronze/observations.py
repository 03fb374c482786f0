"""What to observe next, derived from what was observed before: watermarks, changed content, honest backfill marks."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import polars as pl

from contracts.networks import ContentFormat, Network
from contracts.ports import Lake
from contracts.records import Account, Post
from contracts.scope import TenantScope
from contracts.tables import COMMENTS, MESSAGES, POST_METRICS, POSTS, TableSpec

OBSERVED_FOR = timedelta(days=14)
"""Posts are observed again for this long: by then their counts hardly move (half-lives of hours, 90 % within two days)."""

FIRST_MESSAGES = timedelta(days=7)
"""How far back direct messages are read at first: no network lets an older one be answered."""

MESSAGES_MAY_COME_LATE = timedelta(hours=6)
"""A message may be listed after a younger one."""

FIRST_SEEN_IN_TIME = timedelta(hours=24)
"""A post first seen later than this after its publication is a backfill: its young counts are unknown."""


Targets = Mapping[str, Collection[str]]
"""By account_id the post_ids concerned; none: the account as a whole. Empty: all accounts."""


def watermarks(lake: Lake, scope: TenantScope, targets: Targets) -> dict[str, datetime]:
    """Per account, from when its listing has to be read again; an account that is missing has never been read.

    Where all posts that are named are known, the listing is read no further back than to the oldest of them.
    """
    newest = lake.scan(POSTS, scope=scope).group_by("account_id").agg(pl.col("published_at").max()).collect()
    since = {account: at - OBSERVED_FOR for account, at in newest.iter_rows()}
    known: dict[str, dict[str, datetime]] = {}
    for post in known_posts(lake, scope, targets):
        known.setdefault(post.account_id, {})[post.post_id] = post.published_at
    for account, published in known.items():
        if published.keys() >= set(targets[account]):
            since[account] = max(since[account], min(published.values()))
    return since


def known_posts(lake: Lake, scope: TenantScope, targets: Targets) -> tuple[Post, ...]:
    """Those of the named posts that were observed before, as last observed, however old."""
    named = [post_id for post_ids in targets.values() for post_id in post_ids]
    if not named:
        return ()
    posts = lake.scan(POSTS, scope=scope).filter(
        pl.col("post_id").is_in(named), pl.col("account_id").is_in(list(targets))
    )
    rows = posts.sort("observed_at").group_by("post_id").last().sort("post_id").collect()
    return tuple(_post(row) for row in rows.iter_rows(named=True))


def messages_since(
    lake: Lake, scope: TenantScope, accounts: Sequence[Account], *, now: datetime
) -> dict[str, datetime]:
    """Per account, from when its direct messages have to be read: shortly before the newest that is known."""
    newest = lake.scan(MESSAGES, scope=scope).group_by("account_id").agg(pl.col("sent_at").max()).collect()
    known = dict(newest.iter_rows())
    return {
        account.account_id: known[account.account_id] - MESSAGES_MAY_COME_LATE
        if account.account_id in known
        else now - FIRST_MESSAGES
        for account in accounts
    }


def with_fingerprint(posts: pl.DataFrame) -> pl.DataFrame:
    """`content_sha256` over what a person would call the post's content.

    A post without a link card keeps the fingerprint that it had before such cards were kept.
    """
    columns = ("text", "content_format", "media_count", "permalink")
    card = ("link_url", "link_title")
    digests = []
    for row in posts.select(*columns, *card).iter_rows():
        parts = row if any(row[len(columns) :]) else row[: len(columns)]
        digests.append(hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest())
    return posts.with_columns(pl.Series("content_sha256", digests, dtype=pl.String))


def only_new(rows: pl.DataFrame, table: TableSpec, lake: Lake, scope: TenantScope) -> pl.DataFrame:
    """Rows whose key was never observed before."""
    keys = list(table.keys)
    known = lake.scan(table, scope=scope).select(keys).collect()
    return rows.join(known, on=keys, how="anti")


def only_changed(posts: pl.DataFrame, lake: Lake, scope: TenantScope) -> pl.DataFrame:
    """Posts that are new or whose content differs from every earlier observation."""
    known = lake.scan(POSTS, scope=scope).select("post_id", "content_sha256").unique().collect()
    return posts.join(known, on=["post_id", "content_sha256"], how="anti")


def with_young_posts(lake: Lake, scope: TenantScope, *, now: datetime) -> frozenset[str]:
    """Accounts with a known post that is young enough to be observed again: their next reading owes counts."""
    since = now - OBSERVED_FOR
    posts = lake.scan(POSTS, scope=scope).filter(pl.col("day") >= since.date(), pl.col("published_at") >= since)
    return frozenset(posts.select("account_id").unique().collect()["account_id"])


def with_backfill_mark(metrics: pl.DataFrame, posts: pl.DataFrame, lake: Lake, scope: TenantScope) -> pl.DataFrame:
    """`is_backfilled` from the first observation of each post, whether in this run or an earlier one."""
    columns = ("post_id", "published_at", "observed_at")
    seen = pl.concat([lake.scan(POSTS, scope=scope).select(columns).collect(), posts.select(columns)])
    late = seen.group_by("post_id").agg(
        is_backfilled=(pl.col("observed_at").min() - pl.col("published_at").min()) > FIRST_SEEN_IN_TIME
    )
    marked = metrics.drop("is_backfilled").join(late, on="post_id", how="left", maintain_order="left")
    return marked.with_columns(pl.col("is_backfilled").fill_null(True)).select(metrics.columns)


def posts_to_ask(lake: Lake, scope: TenantScope, targets: Targets, *, now: datetime) -> tuple[Post, ...]:
    """Posts whose comments are to be read: those that a network named and that are known, whatever their counts say (counts come late);
    of all other accounts those whose counts say so."""
    named = known_posts(lake, scope, targets)
    answered = {post.account_id for post in named}
    counted = posts_with_new_comments(lake, scope, now=now)
    return named + tuple(
        post for post in counted if post.account_id not in answered and (not targets or post.account_id in targets)
    )


def posts_with_new_comments(lake: Lake, scope: TenantScope, *, now: datetime) -> tuple[Post, ...]:
    """Young posts whose comment count is above the number of comments that are stored."""
    posts = lake.scan(POSTS, scope=scope).filter(pl.col("published_at") >= now - OBSERVED_FOR)
    latest = posts.sort("observed_at").group_by("post_id").last()
    counts = (
        lake.scan(POST_METRICS, scope=scope)
        .filter(pl.col("metric") == "comments")
        .sort("observed_at")
        .group_by("post_id")
        .agg(reported=pl.col("value").last())
    )
    stored = lake.scan(COMMENTS, scope=scope).group_by("post_id").agg(stored=pl.len())
    rows = (
        latest.join(counts, on="post_id")
        .join(stored, on="post_id", how="left")
        .filter(pl.col("reported") > pl.col("stored").fill_null(0))
        .sort("post_id")
        .collect()
    )
    return tuple(_post(row) for row in rows.iter_rows(named=True))


def _post(row: dict[str, object]) -> Post:
    fields: dict[str, object] = {name: row[name] for name in Post.model_fields}
    fields |= {"network": Network(str(row["network"])), "content_format": ContentFormat(str(row["content_format"]))}
    return Post.model_validate(fields)
