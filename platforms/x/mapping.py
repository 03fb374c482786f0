"""X's shapes to Pulso's records, and what makes a post on X the post of an intent.

Belongs here: pure mapping, one payload in, records out. Does not belong here: calls (`client.py`), what is sent (`publishing.py`).
"""

import html
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from contracts.networks import ContentFormat, Network
from contracts.records import Account, AccountSnapshot, Comment, Post, PostMetricPoint
from platforms._points import metric_point
from platforms._shapes import as_json, count_or_none, read_as, storable, web_address_or_none
from platforms.x.models import Includes, MediaItem, Note, Reference, Url, User, XPost

METRICS = {
    "like_count": "likes",
    "reply_count": "comments",
    "retweet_count": "shares",
    "repost_count": "shares",
    "quote_count": "quotes",
    "bookmark_count": "saves",
    "impression_count": "impressions",
    "url_link_clicks": "clicks",
    "user_profile_clicks": "profile_visits",
}
"""X's name -> Pulso's, in every section that X counts in."""
SECTIONS = ("public_metrics", "non_public_metrics", "organic_metrics")
"""Where counts stand, the widest first: `impression_count` is in all three and is taken once."""

SNOWFLAKE_EPOCH_MS = 1_288_834_974_657
FIRST_SNOWFLAKE = 29_700_859_247
"""Ids from here on (November 2010) hold the time of the post; older ones were counted."""

MEDIA_KEYS_END_WITH_MEDIA_ID = True  # [K] recorded for uploads (`3_<id>`); that posts show the same key is not
_FORMATS = {
    "photo": ContentFormat.IMAGE,
    "animated_gif": ContentFormat.IMAGE,
    "video": ContentFormat.VIDEO,
}
_KEY_TYPES = {"3": "photo", "16": "animated_gif", "7": "video", "13": "video"}
"""First part of a media key, for payloads that came without the media themselves. 13 and 16 are recorded, 3 and 7 for uploads."""
_SCHEME = re.compile(r"^https?://", re.IGNORECASE)
_LEADING_MENTIONS = re.compile(r"^(?:@\w{1,15}\s+)+")
_OWN_MEDIA_LINK = re.compile(r"/status/\d+/(photo|video)/\d+$")


def post_id_of(native_id: str) -> str:
    return f"{Network.X.value}:{native_id}"


def permalink_of(native_id: str) -> str:
    """The public page, without the handle: it outlives a change of it."""
    return f"https://x.com/i/status/{native_id}"


def time_of_id(native_id: str) -> datetime | None:
    """The moment that an id was made, to the millisecond; None for ids from before they told."""
    number = count_or_none(native_id)
    if number is None or not FIRST_SNOWFLAKE <= number < 1 << 63:
        return None
    return datetime.fromtimestamp(((number >> 22) + SNOWFLAKE_EPOCH_MS) / 1000, UTC)


def published_at_of(post: XPost) -> datetime | None:
    """`created_at`, or what the id says where the field was not asked for."""
    return post.created_at or time_of_id(post.id)


def with_media(raw: dict[str, Any], includes: Includes | None) -> dict[str, Any]:
    """The post with the media that it refers to beside it, in the answer's own shape: so it can be kept and mapped alone."""
    post = read_as(XPost, raw)
    keys = set(media_keys_of(post)) if post else set()
    items = [m for m in (includes.media if includes else ()) if isinstance(m, dict) and m.get("media_key") in keys]
    return {**raw, "includes": {"media": items}} if items else raw


def media_keys_of(post: XPost) -> list[str]:
    return [key for key in (post.attachments.media_keys if post.attachments else ()) if isinstance(key, str)]


def media_id_of(key: str) -> str:
    """The id under which the medium was uploaded."""
    return key.rpartition("_")[2]


def format_of(post: XPost, raw: Mapping[str, Any]) -> tuple[ContentFormat, int]:
    """Format and number of media."""
    keys = media_keys_of(post)
    if not keys:
        has_poll = post.attachments is not None and len(post.attachments.poll_ids) > 0
        return (ContentFormat.POLL if has_poll else ContentFormat.TEXT), 0
    if len(keys) > 1:
        return ContentFormat.CAROUSEL, len(keys)
    includes = read_as(Includes, raw.get("includes"))
    items = [read_as(MediaItem, item) for item in (includes.media if includes else ())]
    kind = next((item.type for item in items if item and item.media_key == keys[0]), "")
    kind = kind or _KEY_TYPES.get(keys[0].partition("_")[0], "")
    return _FORMATS.get(kind, ContentFormat.IMAGE), 1


def card_of(post: XPost) -> tuple[str | None, str | None]:
    """Address and title of the page that the post shows a card of: the last link that X knows a title of [K: which one of
    several]. Where a post shows media or a poll, it shows no card."""
    if media_keys_of(post) or (post.attachments is not None and post.attachments.poll_ids):
        return None, None
    links = [read_as(Url, raw) for raw in entities_of(post)]
    titled = [link for link in links if link is not None and link.title is not None and link.media_key is None]
    if not titled:
        return None, None
    return titled[-1].unwound_url or web_address_or_none(titled[-1].expanded_url), titled[-1].title


def entities_of(post: XPost) -> tuple[Any, ...]:
    """The links in its whole text, as X describes them."""
    note = _note_of(post)
    entities = (note.entities if note else None) or post.entities
    return entities.urls if entities else ()


def _note_of(post: XPost) -> Note | None:
    """What holds the whole text of a long post."""
    return post.note if post.note and post.note.text else None


def references_of(post: XPost) -> dict[str, str]:
    """Kind of reference -> the post referred to."""
    found = [read_as(Reference, raw) for raw in post.references]
    return {reference.type: reference.id for reference in found if reference is not None}


def text_of(post: XPost) -> str:
    """The whole text as people see it: X escapes &, < and > in its answers, and cuts long ones short in `text`."""
    note = _note_of(post)
    return html.unescape(note.text if note else post.text)


def remapped_post(account: Account, raw: dict[str, Any], *, observed_at: datetime) -> Post | None:
    """One post; None when the payload is no post of one's own words: without id or time, or a repost of another's."""
    post = read_as(XPost, raw)
    published_at = published_at_of(post) if post else None
    if post is None or published_at is None or "retweeted" in references_of(post):
        return None
    content_format, media_count = format_of(post, raw)
    link_url, link_title = card_of(post)
    return Post(
        post_id=post_id_of(post.id),
        account_id=account.account_id,
        client_id=account.client_id,
        network=Network.X,
        native_id=post.id,
        permalink=permalink_of(post.id),
        text=storable(text_of(post)),
        link_url=link_url,
        link_title=link_title,
        content_format=content_format,
        media_count=media_count,
        published_at=published_at,
        observed_at=observed_at,
        is_reply="replied_to" in references_of(post) or post.in_reply_to_user_id is not None,
        raw=as_json(raw),
    )


def remapped_metrics(
    account: Account, raw: dict[str, Any], *, observed_at: datetime, source: str = "own_posts"
) -> tuple[PostMetricPoint, ...]:
    """The counts that this payload carries; a count that it lacks has no row."""
    post = read_as(XPost, raw)
    published_at = published_at_of(post) if post else None
    if post is None or published_at is None or "retweeted" in references_of(post):
        return ()
    return tuple(
        metric_point(account, post_id_of(post.id), published_at, metric, value, observed_at, source, {name: value})
        for name, metric, value in _counts(raw)
    )


def _counts(raw: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    """X's name, Pulso's name and value of each count, every metric once."""
    seen: set[str] = set()
    for section in SECTIONS:
        counts = raw.get(section)
        if not isinstance(counts, dict):
            continue
        for name, metric in METRICS.items():
            value = count_or_none(counts.get(name))
            if value is not None and metric not in seen:
                seen.add(metric)
                yield name, metric, value


def metric_value(source: str, metric: str, raw: str) -> int | None:  # noqa: ARG001
    """The value in a kept metric payload (`raw` of a metric point), whatever its source."""
    payload = json.loads(raw)
    if not isinstance(payload, dict):
        return None
    values = (count_or_none(payload[name]) for name, ours in METRICS.items() if ours == metric and name in payload)
    return next(values, None)


def snapshot_from(account: Account, user: User, raw: Any, *, observed_at: datetime) -> AccountSnapshot:
    counts = user.public_metrics
    return AccountSnapshot(
        account_id=account.account_id,
        client_id=account.client_id,
        network=Network.X,
        native_id=user.id,
        handle=user.username or account.handle,
        display_name=storable(user.name) if user.name else None,
        followers=counts.followers_count if counts else None,
        following=counts.following_count if counts else None,
        posts_count=counts.post_count if counts else None,
        observed_at=observed_at,
        raw=as_json(raw),
    )


def comment_from(
    account: Account, post: Post, raw: Any, users: Mapping[str, str], *, observed_at: datetime
) -> Comment | None:
    """One reply; None when the payload is none, or the post itself. `users`: id -> handle of those the answer names."""
    reply = read_as(XPost, raw)
    commented_at = published_at_of(reply) if reply else None
    if reply is None or commented_at is None or reply.id == post.native_id:
        return None
    parent = references_of(reply).get("replied_to")
    counts = raw.get("public_metrics")
    return Comment(
        comment_id=post_id_of(reply.id),
        post_id=post.post_id,
        account_id=account.account_id,
        client_id=account.client_id,
        network=Network.X,
        native_id=reply.id,
        parent_comment_id=post_id_of(parent) if parent is not None and parent != post.native_id else None,
        author_native_id=reply.author_id,
        author_handle=users.get(reply.author_id or ""),
        text=storable(text_of(reply)),
        likes=count_or_none(counts.get("like_count")) if isinstance(counts, dict) else None,
        commented_at=commented_at,
        observed_at=observed_at,
        is_own=reply.author_id == account.native_id,
        raw=as_json(raw),
    )


def below(post: Post, raws: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of a conversation's posts that answer this one, directly or through others of them."""
    parents: dict[str, str] = {}
    for raw in raws:
        if (reply := read_as(XPost, raw)) is not None and (parent := references_of(reply).get("replied_to")):
            parents[reply.id] = parent
    under: dict[str, bool] = {post.native_id: True}
    for start in parents:
        path: list[str] = []
        here: str | None = start
        while here is not None and here not in under:
            under[here] = False  # a circle, which only a broken answer has, ends here
            path.append(here)
            here = parents.get(here)
        verdict = here is not None and under[here]
        under.update(dict.fromkeys(path, verdict))
    return [raw for raw in raws if str(raw.get("id")) != post.native_id and under.get(str(raw.get("id")), False)]


def conversation_of(post: Post) -> str:
    """Id of the conversation that the post belongs to, as it was kept; its own where that is unknown."""
    try:
        kept = json.loads(post.raw)
    except ValueError:
        return post.native_id
    conversation = kept.get("conversation_id") if isinstance(kept, dict) else None
    return conversation if isinstance(conversation, str) and conversation else post.native_id


def handles_in(includes: Includes | None) -> dict[str, str]:
    """Id -> handle of the people that an answer names."""
    users = [read_as(User, raw) for raw in (includes.users if includes else ())]
    return {user.id: user.username for user in users if user is not None and user.username is not None}


# --- is this post that intent's? -----------------------------------------------------------------------------------------


def is_same_text(sent: str, post: XPost) -> bool:
    """Whether the post's text is what was sent, but for what X does to it: links become t.co links (its entities tell what of),
    links to the post's own media are added at the end, an answer's mentions at the beginning, &, < and > are escaped, space
    around is dropped."""
    note = _note_of(post)
    shown, entities = (note.text, note.entities) if note else (post.text, post.entities)
    written: dict[str, str | None] = {}
    for raw in entities.urls if entities else ():
        url = read_as(Url, raw)
        if url is None or url.url is None:
            continue
        if url.media_key or (url.expanded_url and _OWN_MEDIA_LINK.search(url.expanded_url)):
            shown = shown.replace(url.url, "")
        else:
            written[url.url] = url.expanded_url
    sent = _folded(sent)
    if "replied_to" in references_of(post):
        sent, shown = _LEADING_MENTIONS.sub("", sent), _LEADING_MENTIONS.sub("", shown)
    parts = re.split("(" + "|".join(map(re.escape, written)) + ")", shown.strip()) if written else [shown.strip()]
    pattern = "".join(r"(\S+)" if part in written else re.escape(_folded(html.unescape(part))) for part in parts)
    match = re.fullmatch(pattern, sent.strip())
    links = [written[part] for part in parts if part in written]
    return match is not None and all(map(_is_same_url, match.groups(), links))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).replace("\r\n", "\n")


def _is_same_url(sent: str, expanded: str | None) -> bool:
    """X adds a scheme to what was written without one. An answer that does not say what a link was proves nothing against it."""
    if expanded is None:
        return True
    return _bare(sent) == _bare(expanded)


def _bare(url: str) -> str:
    return _SCHEME.sub("", url).rstrip("/").casefold()


def has_same_media(post: XPost, media_ids: Sequence[str]) -> bool:
    """Whether the post carries exactly these media. An uploaded medium belongs to one intent, so this alone tells it from any
    other post."""
    keys = media_keys_of(post)
    if not MEDIA_KEYS_END_WITH_MEDIA_ID:
        return len(keys) == len(media_ids)
    return sorted(media_id_of(key) for key in keys) == sorted(media_ids)
