"""How Bluesky's AppView shows profiles, posts and threads."""

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.faults import Effects
from sandbox.host import Host
from sandbox.networks.bluesky_records import POST
from sandbox.networks.cid import blob_cid, record_cid
from sandbox.world.model import Account, Comment, Post, to_datetime

_COUNTS = {
    "likeCount": "likes",
    "replyCount": "comments",
    "repostCount": "shares",
    "quoteCount": "quotes",
    "bookmarkCount": "saves",
}


def timestamp(moment_ms: int) -> str:
    """A moment in the network's form."""
    return to_datetime(moment_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def rkey_of(uri: str) -> str:
    """The record key at the end of an at-uri."""
    return uri.rsplit("/", 1)[-1]


class BlueskyViews:
    """Builds views from the host's feeds."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._records: dict[str, tuple[Mapping[str, Any], str]] = {}

    # --- records ---

    def record(self, post: Post) -> tuple[Mapping[str, Any], str]:
        """A post's record and its cid."""
        published = self._host.published_post(post.native_id, post.account_id)
        if published is not None:
            return published.details["record"], published.details["cid"]
        known = self._records.get(post.native_id)
        if known is None:
            record = self._history_record(post)
            known = (record, record_cid(record))
            self._records[post.native_id] = known
        return known

    def _history_record(self, post: Post) -> Mapping[str, Any]:
        account = self._host.accounts[post.account_id]
        record: dict[str, Any] = {"text": post.text, "$type": POST, "langs": [account.language]}
        if post.content_format in ("image", "carousel"):
            images = [
                {
                    "alt": "",
                    "image": {
                        "$type": "blob",
                        "ref": {"$link": blob_cid(f"{post.native_id}#{index}".encode())},
                        "mimeType": "image/jpeg",
                        "size": 180_000,
                    },
                    "aspectRatio": {"width": 1080, "height": 1080},
                }
                for index in range(min(4, post.media_count))
            ]
            record["embed"] = {"$type": "app.bsky.embed.images", "images": images}
        elif post.content_format == "link":
            card = {"uri": post.link_url or "", "title": post.link_title or "", "description": ""}
            record["embed"] = {"$type": "app.bsky.embed.external", "external": card}
        record["createdAt"] = timestamp(post.created_ms)
        return record

    # --- people ---

    def author(self, did: str, handle: str, display_name: str | None = None) -> dict[str, Any]:
        """A `profileViewBasic`."""
        view: dict[str, Any] = {"did": did, "handle": handle}
        if display_name:
            view["displayName"] = display_name
        return view | {
            "associated": {"activitySubscription": {"allowSubscriptions": "followers"}},
            "viewer": {"muted": False, "blockedBy": False},
            "labels": [],
        }

    def profile(self, account: Account) -> dict[str, Any]:
        """A `profileViewDetailed`; a count that the world does not know is absent."""
        view = self.author(account.native_id, account.handle, account.display_name)
        if account.biography:
            view["description"] = account.biography
        followers = self._host.world.followers(account, self._host.clock.now_ms)
        if followers is not None:
            view["followersCount"] = followers
            view["followsCount"] = 100 + followers % 400
        view["postsCount"] = len(self._host.feed(account).posts)
        return view

    # --- posts ---

    def post(self, post: Post, effects: Effects) -> dict[str, Any]:
        """A `postView`."""
        record, cid = self.record(post)
        account = self._host.accounts[post.account_id]
        view: dict[str, Any] = {
            "uri": post.native_id,
            "cid": cid,
            "author": self.author(account.native_id, account.handle, account.display_name),
            "record": record,
        }
        embed = self._embed_view(record, account.native_id)
        if embed is not None:
            view["embed"] = embed
        return view | self._counts(post, effects) | self._tail(post.created_ms)

    def _counts(self, post: Post, effects: Effects) -> dict[str, int]:
        late = float(effects.param("late_counts", "hours", 24)) if "late_counts" in effects else 0.0
        retired = effects.param("retired_metric", "metric", "bookmarkCount") if "retired_metric" in effects else None
        counts = self._host.counts(post, late_hours=late)
        answered = len(self.answers(post.native_id))
        view = {name: counts[ours] for name, ours in _COUNTS.items() if ours in counts and name != retired}
        if "replyCount" in view:
            view["replyCount"] += answered
        return view

    def _tail(self, indexed_ms: int) -> dict[str, Any]:
        return {
            "indexedAt": timestamp(indexed_ms),
            "viewer": {"bookmarked": False, "threadMuted": False, "embeddingDisabled": False},
            "labels": [],
        }

    def _embed_view(self, record: Mapping[str, Any], did: str) -> dict[str, Any] | None:
        embed = record.get("embed", {})
        if embed.get("$type") == "app.bsky.embed.images":
            base = f"{self._host.base_url}/bluesky/img"
            images = []
            for item in embed["images"]:
                name = f"plain/{did}/{item['image']['ref']['$link']}"
                image = {
                    "thumb": f"{base}/feed_thumbnail/{name}",
                    "fullsize": f"{base}/feed_fullsize/{name}",
                    "alt": item["alt"],
                }
                if "aspectRatio" in item:
                    image["aspectRatio"] = item["aspectRatio"]
                images.append(image)
            return {"$type": "app.bsky.embed.images#view", "images": images}
        if embed.get("$type") == "app.bsky.embed.video":
            cid = embed["video"]["ref"]["$link"]
            base = f"{self._host.base_url}/bluesky/watch/{did}/{cid}"
            view = {"cid": cid, "playlist": f"{base}/playlist.m3u8", "thumbnail": f"{base}/thumbnail.jpg"}
            view |= {name: embed[name] for name in ("alt", "aspectRatio") if name in embed}
            return {"$type": "app.bsky.embed.video#view", **view}
        if embed.get("$type") == "app.bsky.embed.external":
            card = {name: embed["external"].get(name, "") for name in ("uri", "title", "description")}
            if "thumb" in embed["external"]:
                name = f"plain/{did}/{embed['external']['thumb']['ref']['$link']}"
                card["thumb"] = f"{self._host.base_url}/bluesky/img/feed_thumbnail/{name}"
            return {"$type": "app.bsky.embed.external#view", "external": card}
        return None

    def feed_item(self, post: Post, effects: Effects) -> dict[str, Any]:
        """A `feedViewPost`; an answer carries what it answers."""
        item: dict[str, Any] = {"post": self.post(post, effects)}
        record, _ = self.record(post)
        if "reply" in record:
            item["reply"] = {
                part: self._referenced(str(record["reply"][part]["uri"]), effects) for part in ("root", "parent")
            }
        return item

    def _referenced(self, uri: str, effects: Effects) -> dict[str, Any]:
        view = self.any_post(uri, effects)
        if view is None:
            return {"$type": "app.bsky.feed.defs#notFoundPost", "uri": uri, "notFound": True}
        return {"$type": "app.bsky.feed.defs#postView", **view}

    def any_post(self, uri: str, effects: Effects) -> dict[str, Any] | None:
        """A `postView` of a brand's post or of one of the audience's, or None."""
        post = self._host.post("bluesky", uri)
        if post is not None:
            return self.post(post, effects)
        comment = self._host.comment("bluesky", uri)
        return self.comment(comment) if comment else None

    # --- the audience ---

    def comment_record(self, comment: Comment) -> dict[str, Any]:
        """The record of one of the audience's answers."""
        root = self._host.post("bluesky", comment.post_id)
        reference = {"uri": comment.post_id, "cid": self.record(root)[1] if root else record_cid({})}
        return {
            "text": comment.text,
            "$type": POST,
            "reply": {"root": reference, "parent": reference},
            "createdAt": timestamp(comment.created_ms),
        }

    def comment(self, comment: Comment) -> dict[str, Any]:
        """A `postView` of one of the audience's answers."""
        record = self.comment_record(comment)
        return {
            "uri": comment.native_id,
            "cid": record_cid(record),
            "author": self.author(comment.author_id, comment.author_handle, comment.author_name),
            "record": record,
            "bookmarkCount": 0,
            "replyCount": len(self.answers(comment.native_id)),
            "repostCount": 0,
            "likeCount": comment.likes,
            "quoteCount": 0,
            **self._tail(comment.created_ms),
        }

    def answers(self, uri: str) -> Sequence[Post]:
        """Answers over the wire directly under a post or comment, oldest first."""
        return self._host.answers(uri)

    def thread(self, uri: str, depth: int, effects: Effects) -> dict[str, Any] | None:
        """A `threadViewPost` with its replies down to a depth, or None."""
        view = self.any_post(uri, effects)
        if view is None:
            return None
        node: dict[str, Any] = {"$type": "app.bsky.feed.defs#threadViewPost", "post": view, "threadContext": {}}
        if depth > 0:
            post = self._host.post("bluesky", uri)
            children = [comment.native_id for comment in self._host.comments(post)] if post else []
            children += [answer.native_id for answer in self.answers(uri)]
            replies = [self.thread(child, depth - 1, effects) for child in children]
            node["replies"] = [reply for reply in replies if reply is not None]
        return node
