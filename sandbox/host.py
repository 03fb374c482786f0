"""The running sandbox: a world, its durable state, its clock and faults, and the feeds that all networks read.

Belongs here: what is published where, whoever published it. Does not belong here: any wire format.
"""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson

from sandbox.clock import WorldClock
from sandbox.faults import FaultPlane
from sandbox.limits import RateLimits
from sandbox.state import State
from sandbox.world.ids import comment_id, message_id, post_id
from sandbox.world.model import DAY_MS, HOUR_MS, Account, Comment, Counts, DirectMessage, Post, World


@dataclass(frozen=True)
class Published:
    """A post that came over the wire: the post, and what its network keeps about it."""

    post: Post
    committed_at: float
    """Machine time of the commit, seconds since 1970."""
    sequence: int
    details: Mapping[str, Any]


class Feed:
    """An account's posts at one moment, oldest first, indexed for paging."""

    def __init__(self, posts: Sequence[Post]) -> None:
        self.posts = posts
        self._keys = [(post.created_ms, post.native_id) for post in posts]

    def before(self, position: tuple[int, str] | None, limit: int) -> list[Post]:
        """The next `limit` posts, newest first, older than the position (None: from the newest)."""
        end = len(self.posts) if position is None else bisect_left(self._keys, position)
        return list(reversed(self.posts[max(0, end - limit) : end]))

    def has_before(self, post: Post) -> bool:
        """Whether anything is older than this post."""
        return bisect_left(self._keys, (post.created_ms, post.native_id)) > 0


class Host:
    """Shared by all networks and the admin pages."""

    def __init__(
        self, world: World, state: State, clock: WorldClock, faults: FaultPlane, limits: RateLimits, base_url: str
    ) -> None:
        self.world = world
        self.state = state
        self.clock = clock
        self.faults = faults
        self.limits = limits
        self.base_url = base_url
        self.disallowed_hits = 0
        """Visits to the path that robots.txt forbids."""
        self.accounts = {account.native_id: account for account in world.accounts}
        self._by_handle = {(account.network, account.handle): account for account in world.accounts}
        self._published: dict[str, dict[str, Published]] = {key: {} for key in self.accounts}
        self._by_id: dict[str, Published] = {}
        self._deleted = {row["native_id"] for row in state.rows("marks", kind="deleted")}
        self._removed_comments = Counter(_post_of_comment(native_id) for native_id in self._deleted)
        self._feeds: dict[str, tuple[tuple[int, int], Feed]] = {}
        self.revision = 0
        self.has_own_comments = bool(state.rows("comments"))
        """Whether any account ever commented over the wire: spares a query per post where none did."""
        self._known_comments: dict[str, Comment] = {}
        """Those of the audience's that were listed: whoever shows a conversation asks for each by its id next."""
        self._answers: dict[str, dict[str, Published]] = {}
        self._history_index: dict[str, Post] = {}
        self._indexed_until: dict[str, int] = {}
        self._complete_at: dict[str, int] = {}
        """Per network, the moment up to which all of its history is indexed."""
        for row in state.rows("records", collection="app.bsky.feed.post"):
            self.remember(published_record(row))
        for row in state.rows("media"):
            self.remember(published_media(row))
        for row in state.rows("posts"):
            self.remember(published_post(row))

    # --- accounts ---

    def account(self, network: str, name: str) -> Account | None:
        """An account by native id or handle."""
        found = self.accounts.get(name) or self._by_handle.get((network, name))
        return found if found and found.network == network else None

    # --- posts ---

    def remember(self, published: Published) -> None:
        """Take a committed post into the feeds."""
        self._published[published.post.account_id][published.post.native_id] = published
        self._by_id[published.post.native_id] = published
        parent = _parent_uri(published)
        if parent:
            self._answers.setdefault(parent, {})[published.post.native_id] = published
        self.revision += 1

    def publish(
        self,
        account: Account,
        text: str,
        *,
        content_format: str,
        media_count: int = 0,
        reply_to: str | None = None,
        key: str | None = None,
        native_id: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> tuple[Published, bool]:
        """Commit a post durably, and whether it is new: with a `key` that the account used before, the post of then.

        `reply_to`: native id of the post or comment that it answers. `details`: what its network keeps about it besides.
        """
        if key is not None:
            known = self.state.one("posts", network=account.network, account_id=account.native_id, idempotency_key=key)
            if known is not None:
                return published_post(known), False
        sequence = self.state.next_number("commit")
        before, previous_ms = self.recent_activity(account)
        own = next(reversed(self._published[account.native_id].values()), None)
        # The world's clock may stand still; posts of one account never share a moment, so that listings keep their order.
        now_ms = max(self.clock.now_ms, own.post.created_ms + 1 if own else 0)
        row = {
            "native_id": native_id or post_id(account.network, account.native_id, now_ms, "api", sequence),
            "network": account.network,
            "account_id": account.native_id,
            "text": text,
            "content_format": content_format,
            "media_count": media_count,
            "created_ms": now_ms,
            "reply_to": reply_to,
            "idempotency_key": key,
            "details": orjson.dumps(dict(details or {})).decode(),
            "committed_at": time.time(),
            "sequence": sequence,
            "posts_before": before,
            "previous_ms": previous_ms,
        }
        self.state.insert("posts", **row)
        published = published_post(row)
        self.remember(published)
        return published, True

    def delete(self, post: Post) -> None:
        """Take a post away, durably, whoever published it (networks that keep their posts in `posts`)."""
        self.state.delete("posts", native_id=post.native_id)
        self.forget(post)

    def forget(self, post: Post) -> None:
        """Delete a post, durably for history; the caller has deleted what came over the wire."""
        published = self._published[post.account_id].pop(post.native_id, None)
        self._by_id.pop(post.native_id, None)
        if published is None:
            self.state.insert("marks", kind="deleted", native_id=post.native_id)
            self._deleted.add(post.native_id)
        else:
            self._answers.get(_parent_uri(published), {}).pop(post.native_id, None)
        self.revision += 1

    def published(self, account_id: str) -> Sequence[Published]:
        """What came over the wire for an account, in order of commit."""
        return tuple(self._published[account_id].values())

    def published_post(self, native_id: str, account_id: str) -> Published | None:
        """One of them by id."""
        return self._published.get(account_id, {}).get(native_id)

    def feed(self, account: Account, *, lag_seconds: float = 0.0) -> Feed:
        """All posts of an account at the world's now; with a lag, without the commits of the last seconds."""
        if lag_seconds > 0:
            youngest = time.time() - lag_seconds
            hidden = {item.post.native_id for item in self.published(account.native_id) if item.committed_at > youngest}
            return Feed([post for post in self.feed(account).posts if post.native_id not in hidden])
        key = (self.clock.now_ms, self.revision)
        cached = self._feeds.get(account.native_id)
        if cached is None or cached[0] != key:
            own = [item.post for item in self._published[account.native_id].values()]
            posts = [post for post in self._history(account) if post.native_id not in self._deleted] + own
            posts.sort(key=lambda post: (post.created_ms, post.native_id))
            cached = (key, Feed(posts))
            self._feeds[account.native_id] = cached
        return cached[1]

    def _history(self, account: Account) -> Sequence[Post]:
        posts = self.world.posts(account, self.clock.now_ms)
        known = self._indexed_until.get(account.native_id, 0)
        for post in posts[known:]:
            self._history_index[post.native_id] = post
        self._indexed_until[account.native_id] = max(known, len(posts))
        return posts

    def post(self, network: str, native_id: str) -> Post | None:
        """A visible post by native id, whoever published it."""
        if native_id in self._deleted:
            return None
        published = self._by_id.get(native_id)
        if published is not None:
            return published.post if published.post.network == network else None
        found = self._history_index.get(native_id)
        is_indexed = native_id in self._known_comments or self._complete_at.get(network) == self.clock.now_ms
        if found is None and not is_indexed:
            self._complete_at[network] = self.clock.now_ms
            for account in self.accounts.values():
                if account.network == network:
                    self._history(account)
            found = self._history_index.get(native_id)
        return found if found and found.network == network and found.created_ms <= self.clock.now_ms else None

    def recent_activity(self, account: Account) -> tuple[int, int | None]:
        """Posts in the last 24 hours and the time of the latest, as the law of engagement wants them for a new post."""
        now = self.clock.now_ms
        own = islice(reversed(self._published[account.native_id].values()), 100)
        times = [item.post.created_ms for item in own if not item.post.is_reply]
        times += [post.created_ms for post in self.world.posts(account, now)[-20:]]
        return sum(now - moment < DAY_MS for moment in times), max(times, default=None)

    def write_comment(self, account: Account, post_native_id: str, parent_id: str | None, text: str) -> str:
        """What an account writes under a post, durably (networks whose comments are no posts). Returns its native id."""
        sequence = self.state.next_number("commit")
        native_id = comment_id(account.network, post_native_id, account.native_id, self.clock.now_ms, -sequence)
        self.state.insert(
            "comments",
            comment_id=native_id,
            media_id=post_native_id,
            parent_id=parent_id,
            account_id=account.native_id,
            text=text,
            created_ms=self.clock.now_ms,
            committed_at=time.time(),
            sequence=sequence,
        )
        self.has_own_comments = True
        return native_id

    def own_comments(self, post_native_id: str) -> Sequence[Mapping[str, Any]]:
        """What accounts wrote under a post over the wire, oldest first: rows of the state's table `comments`."""
        return self.state.rows("comments", media_id=post_native_id) if self.has_own_comments else ()

    # --- direct messages ---

    def direct_messages(self, account: Account, *, lag_seconds: float = 0.0) -> list[DirectMessage]:
        """Both sides' messages of an account, oldest first; with a lag, without those sent in the last seconds."""
        received = self.world.direct_messages(account, self.clock.now_ms)
        people = {message.person_id: message for message in received}
        sent = [
            DirectMessage(
                native_id=row["message_id"],
                person_id=row["person_id"],
                person_handle=people[row["person_id"]].person_handle,
                person_name=people[row["person_id"]].person_name,
                text=row["text"],
                created_ms=row["created_ms"],
                is_own=True,
                committed_at=row["committed_at"],
            )
            for row in self.state.rows("direct_messages", account_id=account.native_id)
            if row["person_id"] in people
        ]
        youngest = time.time() - lag_seconds
        shown = [*received, *(message for message in sent if not lag_seconds or message.committed_at <= youngest)]
        return sorted(shown, key=lambda message: (message.created_ms, message.native_id))

    def send_direct_message(self, account: Account, person_id: str, text: str) -> str:
        """What an account writes to a person who wrote to it, durably. Returns its native id."""
        sequence = self.state.next_number("commit")
        native_id = message_id(account.network, account.native_id, self.clock.now_ms, -sequence)
        self.state.insert(
            "direct_messages",
            message_id=native_id,
            account_id=account.native_id,
            person_id=person_id,
            text=text,
            created_ms=self.clock.now_ms,
            committed_at=time.time(),
        )
        return native_id

    # --- what the audience did ---

    def counts(self, post: Post, *, late_hours: float = 0.0) -> Counts:
        """Counts at the world's now, or as they were some hours ago."""
        counts = self.world.counts(post, self.clock.now_ms - round(late_hours * HOUR_MS))
        removed = self._removed_comments[post.native_id]
        return {**counts, "comments": max(0, counts["comments"] - removed)} if removed else counts

    def comments(self, post: Post) -> Sequence[Comment]:
        """The audience's comments that have arrived, oldest first; without those that were deleted."""
        found = [c for c in self.world.comments(post, self.clock.now_ms) if c.native_id not in self._deleted]
        self._known_comments.update((c.native_id, c) for c in found)
        return found

    def comment(self, network: str, native_id: str) -> Comment | None:
        """One of the audience's comments by id, once it has arrived."""
        if native_id not in self._known_comments:
            for post in self._posts_that_may_have(network, native_id):
                self.comments(post)
        found = self._known_comments.get(native_id)
        if found is None or native_id in self._deleted or self.post(network, found.post_id) is None:
            return None
        return found

    def _posts_that_may_have(self, network: str, native_comment_id: str) -> Iterator[Post]:
        """Instagram's ids tell the post; elsewhere it may be any of the network's."""
        if network == "instagram":
            post = self.post(network, _post_of_comment(native_comment_id))
            yield from [post] if post else []
            return
        for account in self.accounts.values():
            if account.network == network and not account.is_competitor:
                yield from self.feed(account).posts

    def parent_of(self, published: Published) -> str | None:
        """Native id of what a post over the wire answers."""
        return _parent_uri(published) or None

    def root_of(self, published: Published) -> str | None:
        """Native id of the post at the top of its conversation, as far as it is known here."""
        record = published.details.get("record", {})
        if "reply" in record:
            return str(record["reply"]["root"]["uri"])
        parent = self.parent_of(published)
        while parent is not None and parent in self._by_id:
            above = self.parent_of(self._by_id[parent])
            if above is None:
                return parent
            parent = above
        if parent is not None and (comment := self.comment(published.post.network, parent)) is not None:
            return comment.post_id
        return parent

    def answers(self, uri: str) -> Sequence[Post]:
        """Posts over the wire that answer this post or comment directly, oldest first (networks whose answers are posts)."""
        return [item.post for item in self._answers.get(uri, {}).values()]

    def is_marked(self, kind: str, native_id: str) -> bool:
        """Whether something of the audience's carries a mark (`hidden`)."""
        return self.state.one("marks", kind=kind, native_id=native_id) is not None

    def mark(self, kind: str, native_id: str, *, is_set: bool) -> None:
        """Set or remove a mark."""
        self.state.delete("marks", kind=kind, native_id=native_id)
        if is_set:
            self.state.insert("marks", kind=kind, native_id=native_id)

    def delete_comment(self, native_id: str) -> None:
        """Take one of the audience's comments on Instagram away."""
        self.state.insert("marks", kind="deleted", native_id=native_id)
        self._deleted.add(native_id)
        self._removed_comments[_post_of_comment(native_id)] += 1


def _post_of_comment(native_id: str) -> str:
    """The Instagram post that an audience comment's id tells of."""
    return f"17{native_id[2:-5]}"


def _parent_uri(published: Published) -> str:
    """What a post answers; empty for those that answer nothing."""
    if published.details.get("reply_to"):
        return str(published.details["reply_to"])
    record = published.details.get("record", {})
    return str(record["reply"]["parent"]["uri"]) if "reply" in record else ""


def published_post(row: Mapping[str, Any]) -> Published:
    """A stored post of a network that keeps nothing but posts."""
    details = orjson.loads(row["details"])
    post = Post(
        native_id=row["native_id"],
        network=row["network"],
        account_id=row["account_id"],
        text=row["text"],
        created_ms=row["created_ms"],
        content_format=row["content_format"],
        media_count=row["media_count"],
        origin="api",
        is_reply=row["reply_to"] is not None,
        posts_before=row["posts_before"],
        previous_ms=row["previous_ms"],
    )
    return Published(post, row["committed_at"], row["sequence"], {**details, "reply_to": row["reply_to"]})


def published_record(row: Mapping[str, Any]) -> Published:
    """A stored Bluesky post as the feeds see it."""
    record = orjson.loads(row["value"])
    embed = record.get("embed", {})
    kind = embed.get("$type", "").removeprefix("app.bsky.embed.")
    kinds = {"images": "image", "external": "link", "video": "video"}
    post = Post(
        native_id=row["uri"],
        network="bluesky",
        account_id=row["did"],
        text=record.get("text", ""),
        created_ms=row["indexed_ms"],
        content_format=kinds.get(kind, "text"),
        media_count=len(embed.get("images", [])) or int(kind == "video"),
        origin="api",
        is_reply="reply" in record,
        posts_before=row["posts_before"],
        previous_ms=row["previous_ms"],
    )
    return Published(post, row["committed_at"], row["sequence"], {"cid": row["cid"], "record": record})


def published_media(row: Mapping[str, Any]) -> Published:
    """A stored Instagram media object as the feeds see it."""
    spec = orjson.loads(row["spec"])
    post = Post(
        native_id=row["media_id"],
        network="instagram",
        account_id=row["account_id"],
        text=spec.get("caption", ""),
        created_ms=row["created_ms"],
        content_format=spec["content_format"],
        media_count=len(spec.get("children", ())) or 1,
        origin="api",
        posts_before=row["posts_before"],
        previous_ms=row["previous_ms"],
    )
    return Published(post, row["committed_at"], row["sequence"], spec)
