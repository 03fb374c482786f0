"""How a Mastodon server shows accounts, statuses, answers and itself.

Belongs here: the JSON of each. Does not belong here: who may ask (`mastodon.py`), what is written (`mastodon_statuses.py`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from sandbox.faults import Effects
from sandbox.host import Host
from sandbox.networks.mastodon_texts import CHARACTERS_PER_URL, first_link, mentioned, tags, to_html
from sandbox.world.model import Account, Comment, Post, to_datetime
from sandbox.world.pages import title_at
from sandbox.world.seeding import number

VERSION = "4.6.4"
KEYLESS_VERSION = f"{VERSION} (compatible; sandbox)"
"""What a server calls itself that keeps no idempotency keys (fault `guard_off`)."""
MAX_CHARACTERS = 500
MAX_MEDIA = 4
MAX_CHOICES, MAX_CHOICE_CHARACTERS = 4, 50
SHORTEST_POLL_SECONDS, LONGEST_POLL_SECONDS = 300, 2_629_746
IMAGES = ("image/jpeg", "image/png", "image/gif", "image/heic", "image/heif", "image/webp", "image/avif")
FILMS = ("video/webm", "video/mp4", "video/quicktime", "video/ogg")
IMAGE_BYTES, FILM_BYTES = 16_777_216, 103_809_024
SEEN_BY_ALL = ("public", "unlisted")

_COUNTS = {
    "favourites_count": "likes",
    "reblogs_count": "shares",
    "replies_count": "comments",
    "quotes_count": "quotes",
}


def timestamp(moment_ms: int) -> str:
    """A moment in the network's form."""
    return to_datetime(moment_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class MastodonViews:
    """Builds entities from the host's feeds."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._base_url = f"{host.base_url}/mastodon"
        self._shown: dict[str, tuple[tuple[int, int], dict[str, Any]]] = {}
        """Accounts as they are shown at a moment: every status carries one."""

    # --- people ---

    def account(self, account: Account) -> dict[str, Any]:
        """An `Account` that lives on this server."""
        moment = (self._host.clock.now_ms, self._host.revision)
        known = self._shown.get(account.native_id)
        if known is None or known[0] != moment:
            known = self._shown[account.native_id] = (moment, self._account(account))
        return known[1]

    def _account(self, account: Account) -> dict[str, Any]:
        now, posts = self._host.clock.now_ms, self._host.feed(account).posts
        followers = self._host.world.followers(account, now) or 0
        return self._person(account.native_id, account.handle, account.handle, account.display_name) | {
            "note": f"<p>{account.biography}</p>" if account.biography else "",
            "followers_count": followers,
            "following_count": 100 + followers % 400,
            "statuses_count": len(posts),
            "last_status_at": timestamp(posts[-1].created_ms)[:10] if posts else None,
        }

    def credential_account(self, account: Account) -> dict[str, Any]:
        """A `CredentialAccount`: the account as only itself sees it."""
        own = {"privacy": "public", "sensitive": False, "language": account.language, "note": account.biography}
        return self.account(account) | {
            "source": own | {"fields": [], "follow_requests_count": 0},
            "role": {"id": "-99", "name": "", "permissions": "65536", "color": "", "highlighted": False},
        }

    def author_of(self, comment: Comment) -> dict[str, Any]:
        """Whoever answered: every other one lives on another server."""
        is_remote = number(0, "server", comment.author_handle) % 2 == 0
        acct = f"{comment.author_handle}@elsewhere.example" if is_remote else comment.author_handle
        return self._person(comment.author_id, comment.author_handle, acct, comment.author_name)

    def _person(self, native_id: str, username: str, acct: str, name: str) -> dict[str, Any]:
        picture = f"{self._base_url}/avatars/{native_id}.png"
        return {
            "id": native_id,
            "username": username,
            "acct": acct,
            "display_name": name,
            "locked": False,
            "bot": False,
            "discoverable": True,
            "group": False,
            "created_at": "2023-01-01T00:00:00.000Z",
            "note": "",
            "url": f"{self._base_url}/@{acct}",
            "uri": f"{self._base_url}/ap/users/{native_id}",
            "avatar": picture,
            "avatar_static": picture,
            "header": picture,
            "header_static": picture,
            "followers_count": 12,
            "following_count": 34,
            "statuses_count": 56,
            "last_status_at": None,
            "emojis": [],
            "roles": [],
            "fields": [],
        }

    # --- statuses ---

    def details(self, post: Post) -> Mapping[str, Any]:
        """What the network keeps about a post besides; empty for those that nobody sent over the wire."""
        published = self._host.published_post(post.native_id, post.account_id)
        return published.details if published else {}

    def visibility(self, post: Post) -> str:
        """Who sees it."""
        return str(self.details(post).get("visibility", "public"))

    def status(self, post: Post, counts: Mapping[str, int], effects: Effects) -> dict[str, Any]:
        """A `Status` of an account of this server."""
        details, account = self.details(post), self._host.accounts[post.account_id]
        answered = details.get("reply_to")
        shown = self._status(post.native_id, post.created_ms, post.text, self.account(account)) | {
            "in_reply_to_id": answered,
            "in_reply_to_account_id": self._writer_of(answered) if answered else None,
            "visibility": self.visibility(post),
            "language": details.get("language") or account.language,
            "spoiler_text": details.get("spoiler_text", ""),
            "media_attachments": [self.attachment(row) for row in self._files(post, details)],
            "poll": self._poll(post, details["poll"]) if details.get("poll") else None,
            "card": self._card(post),
            "application": {"name": "Sandbox", "website": None} if post.origin == "api" else None,
        }
        retired = effects.param("retired_metric", "metric", "quotes_count") if "retired_metric" in effects else None
        answers = len(self._host.answers(post.native_id))
        numbers = {theirs: counts.get(ours, 0) for theirs, ours in _COUNTS.items()}
        numbers["replies_count"] += answers
        return shown | {name: value for name, value in numbers.items() if name != retired}

    def _card(self, post: Post) -> dict[str, Any] | None:
        """What the server found behind the first link of a text. A status with media has none."""
        url = post.link_url or first_link(post.text)
        title = post.link_title or (title_at(url) if url else None)
        if url is None or title is None or post.media_count:
            return None
        return {
            "url": url,
            "title": title,
            "description": "",
            "language": None,
            "type": "link",
            "author_name": "",
            "author_url": "",
            "provider_name": "",
            "provider_url": "",
            "html": "",
            "width": 0,
            "height": 0,
            "image": None,
            "image_description": "",
            "embed_url": "",
            "blurhash": None,
            "published_at": None,
            "authors": [],
        }

    def deleted(self, status: Mapping[str, Any], text: str) -> dict[str, Any]:
        """A status on its way out: with the words as they were written, so that they can be written anew."""
        return {name: value for name, value in status.items() if name != "content"} | {"text": text}

    def comment(self, comment: Comment) -> dict[str, Any]:
        """A `Status` by one of the audience."""
        shown = self._status(comment.native_id, comment.created_ms, comment.text, self.author_of(comment))
        return shown | {
            "in_reply_to_id": comment.post_id,
            "in_reply_to_account_id": self._writer_of(comment.post_id),
            "favourites_count": comment.likes,
            "reblogs_count": 0,
            "replies_count": len(self._host.answers(comment.native_id)),
            "quotes_count": 0,
        }

    def _status(self, native_id: str, created_ms: int, text: str, account: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "id": native_id,
            "created_at": timestamp(created_ms),
            "in_reply_to_id": None,
            "in_reply_to_account_id": None,
            "sensitive": False,
            "spoiler_text": "",
            "visibility": "public",
            "language": None,
            "uri": f"{account['uri']}/statuses/{native_id}",
            "url": f"{account['url']}/{native_id}",
            "edited_at": None,
            "favourited": False,
            "reblogged": False,
            "muted": False,
            "bookmarked": False,
            "pinned": False,
            "content": to_html(text, self._base_url),
            "filtered": [],
            "reblog": None,
            "application": None,
            "account": account,
            "media_attachments": [],
            "mentions": [self._mention(user, domain) for user, domain in mentioned(text)],
            "tags": [{"name": tag, "url": f"{self._base_url}/tags/{tag}"} for tag in tags(text)],
            "emojis": [],
            "quote": None,
            "card": None,
            "poll": None,
        }

    def _mention(self, user: str, domain: str | None) -> dict[str, Any]:
        known = self._host.account("mastodon", user)
        acct = f"{user}@{domain}" if domain else user
        native_id = known.native_id if known else str(number(0, "mastodon", user) % 10**17)
        return {"id": native_id, "username": user, "acct": acct, "url": f"{self._base_url}/@{acct}"}

    def _writer_of(self, native_id: str) -> str | None:
        post = self._host.post("mastodon", native_id)
        if post is not None:
            return post.account_id
        comment = self._host.comment("mastodon", native_id)
        return comment.author_id if comment else None

    def _files(self, post: Post, details: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        if post.origin == "api":
            rows = [self._host.state.one("uploads", upload_id=name) for name in details.get("media_ids", ())]
            return [row for row in rows if row is not None]
        kind = "video" if post.content_format == "video" else "image"
        spec = orjson.dumps({"description": None}).decode()
        names = [f"{post.native_id}{index}" for index in range(post.media_count)]
        return [{"upload_id": name, "kind": kind, "spec": spec, "status": "attached"} for name in names]

    def attachment(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A `MediaAttachment`; without an address until it is processed."""
        spec = orjson.loads(row["spec"])
        url = f"{self._base_url}/system/media_attachments/{row['upload_id']}/original"
        is_ready = row["status"] != "processing"
        return {
            "id": row["upload_id"],
            "type": row["kind"],
            "url": url if is_ready else None,
            "preview_url": f"{url}?small" if is_ready else None,
            "remote_url": None,
            "preview_remote_url": None,
            "text_url": None,
            "meta": {},
            "description": spec["description"],
            "blurhash": None,
        }

    def _poll(self, post: Post, poll: Mapping[str, Any]) -> dict[str, Any]:
        ends_ms = post.created_ms + int(poll["expires_in"]) * 1000
        return {
            "id": post.native_id,
            "expires_at": timestamp(ends_ms),
            "expired": ends_ms <= self._host.clock.now_ms,
            "multiple": bool(poll.get("multiple")),
            "votes_count": 0,
            "voters_count": 0,
            "options": [{"title": title, "votes_count": 0} for title in poll["options"]],
            "emojis": [],
            "voted": True,
            "own_votes": [],
        }

    # --- the server ---

    def instance(self, *, keeps_keys: bool) -> dict[str, Any]:
        """`/api/v2/instance`."""
        host = self._host.base_url.partition("://")[2]
        return {
            "domain": host,
            "title": "Mastodon",
            "version": VERSION if keeps_keys else KEYLESS_VERSION,
            "source_url": "https://github.com/mastodon/mastodon",
            "description": "",
            "usage": {"users": {"active_month": len(self._host.accounts)}},
            "languages": ["en"],
            "configuration": self._configuration(),
            "registrations": {"enabled": False, "approval_required": False, "message": None, "url": None},
            "api_versions": {"mastodon": 11},
            "contact": {"email": "", "account": None},
            "rules": [],
        }

    def instance_v1(self, *, keeps_keys: bool) -> dict[str, Any]:
        """`/api/v1/instance`."""
        newer = self.instance(keeps_keys=keeps_keys)
        return {
            name: newer[name] for name in ("title", "version", "description", "languages", "configuration", "rules")
        } | {
            "uri": newer["domain"],
            "short_description": "",
            "email": "",
            "urls": {"streaming_api": f"ws://{newer['domain']}"},
            "stats": {"user_count": len(self._host.accounts), "status_count": 0, "domain_count": 1},
            "registrations": False,
            "approval_required": False,
            "invites_enabled": False,
            "contact_account": None,
        }

    def _configuration(self) -> dict[str, Any]:
        return {
            "urls": {"streaming": None},
            "accounts": {"max_featured_tags": 10, "max_pinned_statuses": 5},
            "statuses": {
                "max_characters": MAX_CHARACTERS,
                "max_media_attachments": MAX_MEDIA,
                "characters_reserved_per_url": CHARACTERS_PER_URL,
            },
            "media_attachments": {
                "description_limit": 1500,
                "image_size_limit": IMAGE_BYTES,
                "video_size_limit": FILM_BYTES,
                "supported_mime_types": [*IMAGES, *FILMS],
            },
            "polls": {
                "max_options": MAX_CHOICES,
                "max_characters_per_option": MAX_CHOICE_CHARACTERS,
                "min_expiration": SHORTEST_POLL_SECONDS,
                "max_expiration": LONGEST_POLL_SECONDS,
            },
            "translation": {"enabled": False},
        }
