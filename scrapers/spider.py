"""The spider that reads rivals' public profiles, newest posts first.

Belongs here: which pages follow which, and what went wrong with a rival. Does not belong here: manners (settings), markup (profile_page).
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import scrapy
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Request, Response, TextResponse
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.python.failure import Failure

from contracts.errors import ErrorClass
from scrapers.profile_page import PublicPost, parse_profile_page


class PublicProfileSpider(scrapy.Spider):
    """Yields plain dicts: `post` rows, and for each target in the end one `done` or `failure`.

    `targets`: dicts with `competitor_id`, `network`, `handle`, `profile_url`, and `since` (ISO time or None): a page that reaches
    back beyond it is the last one that is asked for.
    """

    name = "public_profiles"

    def __init__(self, *, targets: list[dict[str, Any]], max_pages: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._targets = targets
        self._max_pages = max_pages

    async def start(self) -> AsyncIterator[Request | dict[str, Any]]:
        for target in self._targets:
            try:
                yield self._request(target["profile_url"], target, page=1, followers=None)
            except ValueError as error:
                yield _failure(target, ErrorClass.INVALID, f"The profile's address cannot be used: {error}.")

    def _request(self, url: str, target: dict[str, str], *, page: int, followers: int | None) -> Request:
        return Request(
            url,
            callback=self.parse_page,
            errback=self.page_failed,
            cb_kwargs={"target": target, "page": page, "followers": followers},
            dont_filter=True,  # two clients' records may name one address; each gets its rows
        )

    def parse_page(
        self, response: Response, target: dict[str, str], page: int, followers: int | None
    ) -> Iterator[Request | dict[str, Any]]:
        content = parse_profile_page(response.text) if isinstance(response, TextResponse) else None
        if content is None or not (content.is_profile or content.posts):
            yield _failure(target, ErrorClass.INVALID, f"{response.url} is no public profile that can be read.")
            return
        followers = content.followers if content.followers is not None else followers
        for post in content.posts:
            yield {
                "kind": "post",
                "competitor_id": target["competitor_id"],
                "native_id": post.native_id,
                "permalink": post.permalink,
                "text": post.text,
                "published_at": post.published_at.isoformat(),
                "likes": post.likes,
                "comments": post.comments,
                "followers": followers,
                "raw": post.raw,
            }
        if content.unreadable_posts:
            why = "; ".join(content.problems)
            yield _failure(
                target,
                ErrorClass.INVALID,
                f"{content.unreadable_posts} posts on {response.url} could not be read: {why}.",
            )
        following = response.urljoin(content.next_url) if content.next_url else None
        is_more_wanted = bool(content.posts) and not _reaches_back(content.posts, target.get("since"))
        if following and page < self._max_pages and is_more_wanted and _host(following) == _host(target["profile_url"]):
            yield self._request(following, target, page=page + 1, followers=followers)
        else:
            yield {"kind": "done", "competitor_id": target["competitor_id"]}

    def page_failed(self, failure: Failure) -> Iterator[dict[str, Any]]:
        request: Request = failure.request  # type: ignore[attr-defined]
        target = request.cb_kwargs["target"]
        error = failure.value
        if isinstance(error, HttpError):
            status = error.response.status
            yield _failure(target, _class_of(status), f"{request.url} answered with HTTP status {status}.")
        elif isinstance(error, IgnoreRequest):
            yield _failure(target, ErrorClass.SCOPE, f"robots.txt does not allow reading {request.url}.")
        else:
            yield _failure(target, ErrorClass.TRANSIENT, f"{request.url} did not answer: {type(error).__name__}.")


def _reaches_back(posts: Sequence[PublicPost], since: str | None) -> bool:
    """Whether a page, newest first, ends before the moment from which posts are wanted."""
    return since is not None and min(post.published_at for post in posts) < datetime.fromisoformat(since)


def _class_of(status: int) -> ErrorClass:
    if status == 429:
        return ErrorClass.RATE
    if status in (401, 403):
        return ErrorClass.SCOPE
    return ErrorClass.TRANSIENT if status >= 500 or status == 408 else ErrorClass.INVALID


def _failure(target: dict[str, str], error_class: ErrorClass, message: str) -> dict[str, Any]:
    return {
        "kind": "failure",
        "competitor_id": target["competitor_id"],
        "error_class": error_class.value,
        "message": message,
    }


def _host(url: str) -> str:
    return urlsplit(url).netloc
