"""YouTube's resources as it shows them: channels, videos, playlist items, comments.

Belongs here: one object of the world in, its JSON out. Does not belong here: paging, who may ask.

The length and shape of an uploaded film are its file's; those of a brand's own past films are derived from their ids.
"""

import html
import time
from collections.abc import Mapping
from typing import Any

from sandbox.host import Host, Published
from sandbox.networks.youtube_films import Film
from sandbox.networks.youtube_wire import stamp, tagged
from sandbox.world.model import Account, Comment, Post
from sandbox.world.seeding import number

VIDEO_PARTS = (
    "snippet",
    "contentDetails",
    "status",
    "statistics",
    "player",
    "processingDetails",
    "paidProductPlacementDetails",
)
CHANNEL_PARTS = ("snippet", "statistics", "contentDetails")
OWNER_PARTS = ("processingDetails", "paidProductPlacementDetails")

LONGEST_SHORT_SECONDS = 180

PROCESSING_SECONDS = 2.0
"""Machine time for which an uploaded film is still being processed."""

LONGEST_TITLE = 100


def uploads_playlist(channel_id: str) -> str:
    """The playlist of everything that a channel uploaded."""
    return f"UU{channel_id[2:]}"


def channel_of(playlist_id: str) -> str:
    return f"UC{playlist_id[2:]}"


def title_of(text: str) -> str:
    """The title of a film that its brand uploaded by itself: the first line of what it says."""
    return (text.strip().splitlines() or ["Untitled"])[0][:LONGEST_TITLE]


def is_short_film(film: Film) -> bool:
    """What YouTube shows as a short: no wider than tall, and brief."""
    return film.width <= film.height and film.seconds <= LONGEST_SHORT_SECONDS


class Views:
    """Shows objects of one world."""

    def __init__(self, host: Host) -> None:
        self._host = host

    # --- channels ---

    def channel(self, account: Account, parts: list[str]) -> dict[str, Any]:
        host = self._host
        posts = host.feed(account).posts
        followers = host.world.followers(account, host.clock.now_ms)
        shown: dict[str, Any] = {
            "snippet": {
                "title": account.display_name,
                "description": account.biography,
                "customUrl": f"@{account.handle}",
                "publishedAt": stamp(host.world.start_ms - 86_400_000 * 900),
                "thumbnails": _thumbnails(account.native_id),
                "localized": {"title": account.display_name, "description": account.biography},
            },
            "statistics": {
                "subscriberCount": str(_three_figures(followers or 0)),
                "hiddenSubscriberCount": followers is None,
                "videoCount": str(len(posts)),
            },
            "contentDetails": {"relatedPlaylists": {"likes": "", "uploads": uploads_playlist(account.native_id)}},
        }
        return self._resource("channel", account.native_id, shown, parts)

    # --- videos ---

    def film(self, post: Post) -> Film:
        """The film of a video."""
        published = self._host.published_post(post.native_id, post.account_id)
        if published is not None and "film" in published.details:
            return Film(**published.details["film"])
        drawn = number(0, "length", post.native_id)
        if post.content_format == "short_video":
            return Film(15 + drawn % 45, 9, 16)
        return Film(120 + drawn % 900, 16, 9)

    def watched_seconds(self, post: Post) -> int:
        """How much of it a viewer sees on average."""
        share = 0.25 + number(0, "watched", post.native_id) % 1000 / 2000
        return max(1, round(self.film(post).seconds * share))

    def video(
        self,
        account: Account,
        post: Post,
        parts: list[str],
        counts: Mapping[str, int],
        *,
        max_height: int | None = None,
    ) -> dict[str, Any]:
        published = self._host.published_post(post.native_id, account.native_id)
        texts = self.texts(post)
        resource = published.details.get("resource", {}) if published else {}
        is_processing = published is not None and time.time() - published.committed_at < PROCESSING_SECONDS
        film = self.film(post)
        player: dict[str, Any] = {
            "embedHtml": f'<iframe src="//www.youtube.com/embed/{post.native_id}" allowfullscreen></iframe>'
        }
        if max_height is not None:
            player |= {"embedHeight": str(max_height), "embedWidth": str(round(max_height * film.width / film.height))}
        statistics = {"viewCount": "views", "likeCount": "likes"}
        comments = counts["comments"] + len(self._host.own_comments(post.native_id)) if "comments" in counts else None
        shown: dict[str, Any] = {
            "snippet": {
                "publishedAt": stamp(post.created_ms),
                "channelId": account.native_id,
                **texts,
                "thumbnails": _thumbnails(post.native_id),
                "channelTitle": account.display_name,
                "categoryId": resource.get("snippet", {}).get("categoryId", "22"),
                "liveBroadcastContent": "none",
                "localized": texts,
            },
            "contentDetails": {
                "duration": _period(film.seconds),
                "dimension": "2d",
                "definition": "hd",
                "caption": "false",
                "licensedContent": False,
                "projection": "rectangular",
            },
            "status": {
                "uploadStatus": "uploaded" if is_processing else "processed",
                "privacyStatus": self.privacy(post),
                "license": "youtube",
                "embeddable": True,
                "publicStatsViewable": True,
                "madeForKids": False,
                **{
                    name: value
                    for name, value in resource.get("status", {}).items()
                    if name in ("selfDeclaredMadeForKids", "containsSyntheticMedia")
                },
            },
            "statistics": {
                **{theirs: str(counts[ours]) for theirs, ours in statistics.items() if ours in counts},
                "favoriteCount": "0",
                **({"commentCount": str(comments)} if comments is not None else {}),
            },
            "player": player,
            "processingDetails": {"processingStatus": "processing" if is_processing else "succeeded"},
            "paidProductPlacementDetails": resource.get(
                "paidProductPlacementDetails", {"hasPaidProductPlacement": False}
            ),
        }
        return self._resource("video", post.native_id, shown, parts)

    def texts(self, post: Post) -> dict[str, str]:
        """Title and description."""
        published = self._host.published_post(post.native_id, post.account_id)
        snippet = self._details(published).get("snippet") or {}
        title = snippet.get("title") or title_of(post.text)
        return {"title": title, "description": snippet.get("description", "" if snippet else post.text)}

    def privacy(self, post: Post) -> str:
        published = self._host.published_post(post.native_id, post.account_id)
        return str(self._details(published).get("status", {}).get("privacyStatus", "public"))

    @staticmethod
    def _details(published: Published | None) -> Mapping[str, Any]:
        return published.details.get("resource", {}) if published else {}

    def playlist_item(self, account: Account, post: Post, position: int, parts: list[str]) -> dict[str, Any]:
        playlist_id = uploads_playlist(account.native_id)
        shown = {
            "snippet": {
                "publishedAt": stamp(post.created_ms),
                "channelId": account.native_id,
                **self.texts(post),
                "thumbnails": _thumbnails(post.native_id),
                "channelTitle": account.display_name,
                "playlistId": playlist_id,
                "position": position,
                "resourceId": {"kind": "youtube#video", "videoId": post.native_id},
                "videoOwnerChannelTitle": account.display_name,
                "videoOwnerChannelId": account.native_id,
            },
            "contentDetails": {"videoId": post.native_id, "videoPublishedAt": stamp(post.created_ms)},
            "status": {"privacyStatus": self.privacy(post)},
        }
        return self._resource("playlistItem", f"{playlist_id}.{post.native_id}", shown, parts)

    # --- comments ---

    def audience_comment(self, comment: Comment, *, is_plain: bool) -> dict[str, Any]:
        """Somebody else's words: their original is not shown, as it may be only to its author."""
        author = {
            "authorDisplayName": f"@{comment.author_handle}",
            "authorProfileImageUrl": "https://yt3.ggpht.com/a/default-user=s48",
            "authorChannelUrl": f"http://www.youtube.com/@{comment.author_handle}",
            "authorChannelId": {"value": comment.author_id},
        }
        snippet = {
            **author,
            "videoId": comment.post_id,
            "textDisplay": _displayed(comment.text, is_plain=is_plain),
            **_common(comment.likes, comment.created_ms),
        }
        return tagged({"kind": "youtube#comment", "id": comment.native_id, "snippet": snippet})

    def own_comment(self, row: Mapping[str, Any], *, is_plain: bool, reader: Account) -> dict[str, Any]:
        """What an account wrote over the wire, with its original where its author reads it."""
        author = self._host.accounts[row["account_id"]]
        snippet: dict[str, Any] = {
            "authorDisplayName": f"@{author.handle}",
            "authorProfileImageUrl": "https://yt3.ggpht.com/a/default-user=s48",
            "authorChannelUrl": f"http://www.youtube.com/@{author.handle}",
            "authorChannelId": {"value": author.native_id},
            "textDisplay": _displayed(row["text"], is_plain=is_plain),
            **_common(0, row["created_ms"]),
        }
        if row["parent_id"]:
            snippet["parentId"] = row["parent_id"]
        else:
            snippet["videoId"] = row["media_id"]
        if author.native_id == reader.native_id:
            snippet["textOriginal"] = row["text"]
        return tagged({"kind": "youtube#comment", "id": own_comment_id(row), "snippet": snippet})

    def _resource(self, kind: str, native_id: str, shown: Mapping[str, Any], parts: list[str]) -> dict[str, Any]:
        chosen = {name: value for name, value in shown.items() if name in parts}
        return tagged({"kind": f"youtube#{kind}", "id": native_id, **chosen})


def own_comment_id(row: Mapping[str, Any]) -> str:
    """An answer's id begins with its parent's."""
    native_id = str(row["comment_id"])
    return f"{row['parent_id']}.{native_id[2:]}" if row["parent_id"] else native_id


def stored_comment_id(wire_id: str) -> str:
    """The id under which a comment is kept."""
    _, dot, rest = wire_id.partition(".")
    return f"Ug{rest}" if dot else wire_id


def _common(likes: int, created_ms: int) -> dict[str, Any]:
    moment = stamp(created_ms)
    return {"canRate": True, "viewerRating": "none", "likeCount": likes, "publishedAt": moment, "updatedAt": moment}


def _displayed(text: str, *, is_plain: bool) -> str:
    return text if is_plain else html.escape(text).replace("\n", "<br>")


def _three_figures(count: int) -> int:
    """Subscribers as the API tells them."""
    unit = int(10 ** max(0, len(str(count)) - 3))
    return count // unit * unit


def _period(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    return "PT" + (f"{minutes}M" if minutes else "") + (f"{seconds}S" if seconds or not minutes else "")


def _thumbnails(name: str) -> dict[str, Any]:
    return {"default": {"url": f"https://i.ytimg.com/vi/{name}/default.jpg", "width": 120, "height": 90}}
