"""Instagram's wire: Graph API calls of one professional account.

Belongs here: tokens, reading, deleting. Does not belong here: publishing (`publishing.py`), answers (`replies.py`), shapes
(`models.py`), mapping, error codes (`errors.py`).
"""

from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Capabilities, ContentFormat, Network
from contracts.ports import MediaHost, MediaReader, PostPage
from contracts.records import (
    Account,
    AccountMetricPoint,
    AccountSnapshot,
    Comment,
    Message,
    Post,
    PostMetricPoint,
    PublishRequest,
    Receipt,
    Reconciliation,
    Staging,
    Token,
)
from platforms import _graph as graph
from platforms._graph import GraphDialect
from platforms._graph_messages import GraphMessages
from platforms._http import Refusal, Transport, all_of
from platforms._listing import post_pages
from platforms.instagram import mapping
from platforms.instagram.containers import Containers
from platforms.instagram.errors import classify
from platforms.instagram.models import Profile
from platforms.instagram.publishing import FILM_FORMATS, Posts
from platforms.instagram.replies import REPLY_FIELDS, Replies

PROFILE_FIELDS = "id,username,name,biography,followers_count,follows_count,media_count,profile_picture_url,website"
POST_FIELDS = (
    "id,caption,media_type,media_product_type,media_url,permalink,thumbnail_url,timestamp,like_count,comments_count,"
    "children{id}"
)
COMMENT_FIELDS = f"{REPLY_FIELDS},replies{{{REPLY_FIELDS}}}"
POST_METRICS = ("views", "reach", "saved", "likes", "comments", "shares")
REEL_METRICS = (*POST_METRICS, "ig_reels_avg_watch_time", "ig_reels_video_view_total_time")
SERIES_METRICS = ("reach", "follower_count")
TOTAL_METRICS = ("likes", "views", "comments", "shares", "saves", "replies")
LONGEST_SERIES_DAYS = 30  # [K]
READ_LAG_SECONDS = 2.0  # [K] how long a published post may be missing from the account's listing

CAPABILITIES = Capabilities(
    network=Network.INSTAGRAM,
    formats=frozenset(
        {
            ContentFormat.IMAGE,
            ContentFormat.CAROUSEL,
            ContentFormat.VIDEO,
            ContentFormat.SHORT_VIDEO,
            ContentFormat.STORY,
        }
    ),
    has_account_metrics=True,
    has_comments=True,
    has_messages=True,
    can_message=True,
    can_reply=True,
    is_commit_idempotent=False,
    is_reply_idempotent=False,
    post_metrics=("likes", "comments", "shares", "saves", "reach", "views", "average_view_seconds", "watch_minutes"),
    account_metrics=("reach", "follower_count", "likes", "views", "comments", "shares", "saves", "replies"),
    options=frozenset({"user_tags", "place_id"}),
    read_lag_seconds=READ_LAG_SECONDS,
)


class InstagramDialect(GraphDialect):
    """The account's own token, exchanged for a longer-lived one while it still works."""

    network = Network.INSTAGRAM

    def classify(self, status: int, body: Any) -> Refusal:
        return classify(status, body)

    def can_renew(self, token: Token, *, is_refused: bool) -> bool:  # noqa: ARG002
        # Only a token that still works can be exchanged: after a refusal the account has to be connected again.
        return self._app is not None and not is_refused

    async def renew(self, transport: Transport, account: Account, token: Token) -> Token:
        access_token, expires_at = await self.exchange(transport, account, token.access_token)
        return Token(access_token=access_token, expires_at=expires_at, version=token.version)


class InstagramConnector:
    """`contracts.ports.Connector` and `ReadsMessages` for Instagram professional accounts."""

    def __init__(self, transport: Transport, media: MediaReader, host: MediaHost) -> None:
        self._transport, self._replies = transport, Replies(transport)
        self._posts = Posts(transport, Containers(transport, media, host), CAPABILITIES)
        self._messages = GraphMessages(transport, "instagram")
        self._refused_metrics: dict[str, set[str]] = {}

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    # --- reading ---------------------------------------------------------------------------------------------------------

    async def profile(self, account: Account) -> AccountSnapshot:
        """Name and counts, observed now."""
        call = graph.read("profile", account.native_id, fields=PROFILE_FIELDS)
        answer = await self._transport.send(account, call)
        profile = self._transport.parse(Profile, answer.body, call)
        return mapping.snapshot_from(account, profile, answer.body, observed_at=await self._transport.now())

    async def posts(self, account: Account, *, since: datetime | None) -> AsyncIterator[PostPage]:
        """Own posts, newest first. Stories are not among them: they are another listing and live 24 hours."""
        raws = graph.pages(self._transport, account, "media", f"{account.native_id}/media", fields=POST_FIELDS)
        to_post = partial(mapping.post_from, account)
        to_metrics = partial(mapping.listed_metrics_from, account)
        async for page in post_pages(raws, self._transport, to_post, to_metrics, since=since):
            yield page

    async def post_metrics(self, account: Account, posts: Sequence[Post]) -> tuple[PostMetricPoint, ...]:
        """Insights of these posts, one call each. A post that has none (gone, or older than the business account) is
        left out; any other refusal is raised."""
        found = await all_of([self._insights_of(account, post) for post in posts])
        return tuple(point for points in found for point in points)

    async def account_metrics(self, account: Account, *, start: date, end: date) -> tuple[AccountMetricPoint, ...]:
        """Daily metrics of Instagram's own (Pacific) days: series where it keeps them, else one total a day."""
        points: list[AccountMetricPoint] = []
        first = start
        while first <= end:
            last = min(end, first + timedelta(days=LONGEST_SERIES_DAYS - 1))
            points += await self._daily(account, SERIES_METRICS, first, last)
            first = last + timedelta(days=1)
        days = [start + timedelta(days=i) for i in range((end - start).days + 1)]
        totals = await all_of(
            [self._daily(account, TOTAL_METRICS, day, day, metric_type="total_value") for day in days]
        )
        return (*points, *(point for day in totals for point in day))

    async def comments(self, account: Account, post: Post) -> AsyncIterator[tuple[Comment, ...]]:
        """Comments page by page, replies right after the comment that they answer. A post that is gone has none."""
        path = f"{post.native_id}/comments"
        try:
            async for raws in graph.pages(self._transport, account, "comments", path, fields=COMMENT_FIELDS):
                found: list[Comment] = []
                observed_at = await self._transport.now()
                for raw in raws:
                    comment = mapping.comment_from(account, post, raw, parent_id=None, observed_at=observed_at)
                    if comment is None:
                        continue
                    found.append(comment)
                    for reply in await self._replies.below(account, comment.native_id, first=raw.get("replies")):
                        mapped = mapping.comment_from(
                            account, post, reply, parent_id=comment.native_id, observed_at=observed_at
                        )
                        if mapped is not None:
                            found.append(mapped)
                if found:
                    yield tuple(found)
        except NetworkError as error:
            if not graph.is_gone(error):
                raise

    async def messages(self, account: Account, *, since: datetime) -> AsyncIterator[tuple[Message, ...]]:
        """Direct messages, conversation by conversation."""
        async for page in self._messages.read(account, since=since):
            yield page

    # --- publishing ------------------------------------------------------------------------------------------------------

    def prepare(self, request: PublishRequest) -> Staging:  # noqa: ARG002
        """Instagram takes no key from us: its container id, known before the commit, is the key."""
        return Staging()

    async def stage(self, request: PublishRequest, staging: Staging) -> Staging:
        """One step: a container more, waiting until the last one is ready, or a look at what is there before the commit."""
        if request.message_to is not None:
            return await self._messages.stage(request, request.message_to, staging)
        if _is_reply(request):
            return await self._replies.stage(request, staging)
        return await self._posts.stage(request, staging)

    async def commit(self, request: PublishRequest, staging: Staging) -> Receipt:
        """Publish the container, or send the reply or the message."""
        if request.message_to is not None:
            return await self._messages.commit(request, request.message_to)
        if _is_reply(request):
            return await self._replies.commit(request)
        return await self._posts.commit(request, staging)

    async def find_published(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        """Posts: by the container's status. Replies: by reading the replies, which can prove presence only."""
        if request.message_to is not None:
            return await self._messages.find(request, request.message_to, staging)
        if _is_reply(request):
            return await self._replies.find(request, staging)
        return await self._posts.find(request, staging)

    async def delete(self, account: Account, native_post_id: str) -> None:
        """Delete a comment, or a post where the app may [K]. Deleting one that is gone already succeeds."""
        await graph.delete(self._transport, account, native_post_id)

    async def refresh_token(self, account: Account) -> None:
        await self._transport.renew_token(account)

    # --- insights --------------------------------------------------------------------------------------------------------

    async def _insights_of(self, account: Account, post: Post) -> tuple[PostMetricPoint, ...]:
        refused = self._refused_metrics.setdefault(post.content_format.value, set())
        asked = REEL_METRICS if post.content_format in FILM_FORMATS else POST_METRICS
        metrics = [m for m in asked if m not in refused]
        try:
            path = f"{post.native_id}/insights"
            raws = await graph.insights(self._transport, account, path, metrics, refused=refused)
        except NetworkError as error:
            if error.error_class is ErrorClass.INVALID:
                return ()
            raise
        return mapping.insights_from(account, post, raws, observed_at=await self._transport.now())

    async def _daily(
        self, account: Account, metrics: Sequence[str], start: date, end: date, **params: str
    ) -> list[AccountMetricPoint]:
        path = f"{account.native_id}/insights"
        asked = {"period": "day", **graph.whole_days(start, end), **params}
        raws = await graph.insights(self._transport, account, path, metrics, asked)
        fetched_at = await self._transport.now()
        return list(mapping.daily_points(account, raws, start=start, end=end, fetched_at=fetched_at))


def _is_reply(request: PublishRequest) -> bool:
    return request.reply_to_native_comment_id is not None or request.reply_to_native_post_id is not None
