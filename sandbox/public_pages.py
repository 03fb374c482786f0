"""Public profile pages as a competitor's visitor sees them: clean HTML with JSON-LD, pages of twenty-five, and a robots.txt."""

from html import escape
from math import ceil

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.host import Host
from sandbox.world.model import Account, Post, to_datetime

PAGE_SIZE = 25
ROBOTS = """User-agent: *
Crawl-delay: 0.2
Disallow: /public/members/
Disallow: /_sandbox/
"""


class PublicPages:
    """What anyone can see without logging in."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def routes(self) -> list[BaseRoute]:
        """Where the pages are."""
        return [
            Route("/robots.txt", self._robots),
            Route("/public/members/{handle}", self._members),
            Route("/public/{network}/{handle}", self._profile),
            Route("/public/{network}/{handle}/posts/{key}", self._single),
        ]

    async def _robots(self, request: Request) -> Response:
        del request
        return PlainTextResponse(ROBOTS)

    async def _members(self, request: Request) -> Response:
        """Forbidden to robots: whoever comes here did not read robots.txt, and is counted."""
        self._host.disallowed_hits += 1
        return HTMLResponse(f"<!doctype html><title>Members</title><h1>{escape(request.path_params['handle'])}</h1>")

    def _account(self, request: Request) -> Account | None:
        return self._host.account(request.path_params["network"], request.path_params["handle"])

    @staticmethod
    def _not_found() -> Response:
        return HTMLResponse("<!doctype html><title>Not found</title><h1>This page is not available.</h1>", 404)

    async def _profile(self, request: Request) -> Response:
        account = self._account(request)
        page_text = request.query_params.get("page", "1")
        if account is None or not page_text.isdigit():
            return self._not_found()
        posts = [post for post in reversed(self._host.feed(account).posts) if not post.is_reply]
        pages, page = max(1, ceil(len(posts) / PAGE_SIZE)), int(page_text)
        if page == 0:
            return RedirectResponse(str(request.url.include_query_params(page=1)))
        if page > pages:
            return self._not_found()
        shown = posts[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
        return HTMLResponse(self._page(account, shown, page, pages, len(posts)))

    async def _single(self, request: Request) -> Response:
        account = self._account(request)
        posts = self._host.feed(account).posts if account else ()
        found = next((post for post in posts if _key(post) == request.path_params["key"]), None)
        if account is None or found is None:
            return self._not_found()
        return HTMLResponse(self._page(account, [found], 1, 1, len(posts)))

    def _page(self, account: Account, posts: list[Post], page: int, pages: int, total: int) -> str:
        address = f"/public/{account.network}/{account.handle}"
        followers = self._host.world.followers(account, self._host.clock.now_ms)
        profile = {
            "@context": "https://schema.org",
            "@type": "ProfilePage",
            "mainEntity": {
                "@type": "Organization",
                "name": account.display_name,
                "alternateName": account.handle,
                "identifier": account.native_id,
                "url": f"{self._host.base_url}{address}",
                **({"interactionStatistic": _statistic("FollowAction", followers)} if followers is not None else {}),
            },
        }
        count = (
            "" if followers is None else f'<data class="followers" value="{followers}">{followers:,} followers</data>'
        )
        newer = f'<a rel="prev" href="{address}?page={page - 1}">Newer</a>' if page > 1 else ""
        older = f'<a rel="next" href="{address}?page={page + 1}">Older</a>' if page < pages else ""
        articles = "\n".join(self._article(account, post, address) for post in posts)
        return f"""<!doctype html>
<html lang="{account.language}">
<head>
<meta charset="utf-8">
<title>{escape(account.display_name)} (@{escape(account.handle)})</title>
<link rel="canonical" href="{self._host.base_url}{address}">
<script type="application/ld+json">{_json_ld(profile)}</script>
</head>
<body>
<header class="profile" data-network="{account.network}" data-handle="{escape(account.handle)}" data-native-id="{account.native_id}">
<h1>{escape(account.display_name)}</h1>
<p class="bio">{escape(account.biography)}</p>
{count}
<data class="posts-count" value="{total}">{total:,} posts</data>
<a class="members" href="/public/members/{escape(account.handle)}">Members</a>
</header>
<main>
{articles}
</main>
<nav class="paging" data-page="{page}" data-pages="{pages}">{newer}{older}</nav>
</body>
</html>
"""

    def _article(self, account: Account, post: Post, address: str) -> str:
        counts = self._host.counts(post)
        permalink = f"{self._host.base_url}{address}/posts/{_key(post)}"
        when = to_datetime(post.created_ms).isoformat(timespec="seconds").replace("+00:00", "Z")
        statistics = [
            _statistic(action, counts[metric])
            for action, metric in (("LikeAction", "likes"), ("CommentAction", "comments"))
            if metric in counts
        ]
        linked = {
            "@context": "https://schema.org",
            "@type": "SocialMediaPosting",
            "identifier": post.native_id,
            "url": permalink,
            "datePublished": when,
            "articleBody": post.text,
            "author": {"@type": "Organization", "name": account.display_name, "alternateName": account.handle},
            "interactionStatistic": statistics,
        }
        figures = "".join(
            f'<data class="{name}" value="{counts[name]}">{counts[name]:,} {name}</data>'
            for name in ("likes", "comments")
            if name in counts
        )
        attributes = "".join(f' data-{name}="{counts[name]}"' for name in ("likes", "comments") if name in counts)
        return f"""<article class="post" id="{_key(post)}" data-post-id="{escape(post.native_id)}" data-published-at="{when}"{attributes}>
<p class="text">{escape(post.text)}</p>
<a class="permalink" href="{permalink}"><time datetime="{when}">{when}</time></a>
<footer>{figures}</footer>
<script type="application/ld+json">{_json_ld(linked)}</script>
</article>"""


def _key(post: Post) -> str:
    return post.native_id.rsplit("/", 1)[-1]


def _statistic(action: str, count: int) -> dict[str, object]:
    return {
        "@type": "InteractionCounter",
        "interactionType": f"https://schema.org/{action}",
        "userInteractionCount": count,
    }


def _json_ld(value: object) -> str:
    """JSON that can stand inside a script element: no text can close it."""
    return orjson.dumps(value).decode().replace("<", "\\u003c")
