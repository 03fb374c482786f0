"""One public profile page, read by its schema.org markup (JSON-LD).

Belongs here: markup -> plain rows. Pure. Does not belong here: fetching, identity of the rival, times of observation.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from parsel import Selector


@dataclass(frozen=True)
class PublicPost:
    """A post as the page shows it. A count that the page does not show is None, never zero."""

    native_id: str
    permalink: str
    text: str
    published_at: datetime
    likes: int | None
    comments: int | None
    raw: str


@dataclass(frozen=True)
class ProfilePage:
    """What one page holds. `is_profile` is False where nothing says that this is a profile at all."""

    is_profile: bool
    followers: int | None = None
    posts: tuple[PublicPost, ...] = ()
    unreadable_posts: int = 0
    next_url: str | None = None
    """As the page writes it, relative or absolute."""
    problems: tuple[str, ...] = field(default=())


def parse_profile_page(html: str) -> ProfilePage:
    """Never raises: what cannot be read is counted."""
    selector = Selector(text=html or "<html></html>", type="html")
    is_profile, followers, unreadable = False, None, 0
    posts: list[PublicPost] = []
    problems: list[str] = []
    for script in selector.css('script[type="application/ld+json"]::text').getall():
        try:
            document = json.loads(script)
        except (json.JSONDecodeError, RecursionError) as error:
            unreadable += "SocialMediaPosting" in script
            problems.append(f"markup that is no JSON: {error}")
            continue
        for thing in _things(document):
            kinds = _as_list(thing.get("@type"))
            if "ProfilePage" in kinds:
                is_profile = True
                entity = thing.get("mainEntity")
                followers = _count(entity if isinstance(entity, dict) else thing, "FollowAction")
            elif "SocialMediaPosting" in kinds:
                try:
                    posts.append(_post(thing))
                except (KeyError, TypeError, ValueError) as error:
                    unreadable += 1
                    problems.append(f"a post without a usable {error}")
    return ProfilePage(
        is_profile=is_profile,
        followers=followers,
        posts=tuple(posts),
        unreadable_posts=unreadable,
        next_url=selector.css('a[rel~="next"]::attr(href), link[rel~="next"]::attr(href)').get(),
        problems=tuple(problems[:3]),
    )


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _things(document: Any) -> Iterator[dict[str, Any]]:
    """Objects of a document: itself, the members of a list, or of its @graph."""
    for thing in _as_list(document):
        if isinstance(thing, dict):
            yield from _things(thing["@graph"]) if "@graph" in thing else (thing,)


def _post(thing: dict[str, Any]) -> PublicPost:
    url = _text(thing, "url")
    published_at = datetime.fromisoformat(_text(thing, "datePublished"))
    if published_at.tzinfo is None:
        raise ValueError("datePublished (it names no zone)")
    identifier = thing.get("identifier")
    text = thing.get("articleBody", "")
    return PublicPost(
        native_id=identifier if isinstance(identifier, str) and identifier else url,
        permalink=url,
        text=text if isinstance(text, str) else "",
        published_at=published_at.astimezone(UTC),
        likes=_count(thing, "LikeAction"),
        comments=_count(thing, "CommentAction"),
        raw=json.dumps(thing, ensure_ascii=False, separators=(",", ":")),
    )


def _text(thing: dict[str, Any], name: str) -> str:
    value = thing.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(name)
    return value


def _count(thing: dict[str, Any], action: str) -> int | None:
    """A schema.org InteractionCounter of this action; None when there is none with a whole number."""
    for counter in _as_list(thing.get("interactionStatistic")):
        if not isinstance(counter, dict):
            continue
        kind = counter.get("interactionType")
        name = kind.get("@type") if isinstance(kind, dict) else kind
        if isinstance(name, str) and name.rsplit("/", 1)[-1] == action:
            value = counter.get("userInteractionCount")
            if isinstance(value, str) and value.strip().isdigit():
                return int(value)
            return value if isinstance(value, int) and not isinstance(value, bool) else None
    return None
