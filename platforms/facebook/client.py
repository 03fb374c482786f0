"""Facebook Pages' wire: Graph API calls of one Page, with the Page's own token.

Belongs here: the dialect, reading, and which way a post goes. Does not belong here: shapes (`models.py`), mapping, error codes
(`errors.py`), the ways themselves (`publishing.py`, `films.py`, `replies.py`).

Everything is asked at the account's one address, but for films: `films.py` says where they go.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Capabilities, ContentFormat, Network
from contracts.ports import MediaReader, PostPage
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
from platforms._http import Call, CallKind, Refusal, Transport, all_of, with_headers
from platforms._listing import post_pages
from platforms._shapes import read_as
from platforms.facebook import mapping
from platforms.facebook.errors import classify
from platforms.facebook.films import UPLOAD, Films
from platforms.facebook.models import PageToken, Profile
from platforms.facebook.publishing import FeedPosts, check
from platforms.facebook.replies import Replies

PROFILE_FIELDS = "id,name,username,followers_count,fan_count,link,picture"
ATTACHMENT_FIELDS = "media_type,type,target{id}"
POST_FIELDS = (
    "id,message,created_time,permalink_url,status_type,shares,"
    f"attachments{{{ATTACHMENT_FIELDS},title,unshimmed_url,subattachments{{{ATTACHMENT_FIELDS}}}}},"
    "comments.limit(0).summary(true),reactions.limit(0).summary(true)"
)
COMMENT_FIELDS = "id,message,created_time,from,like_count,comment_count,parent{id},permalink_url"
POST_METRICS = ("post_media_view", "post_total_media_view_unique", "post_reactions_by_type_total", "post_clicks")
PAGE_METRICS = ("page_media_view", "page_total_media_view_unique", "page_post_engagements", "page_daily_follows")
LONGEST_SERIES_DAYS = 90  # [K]
READ_LAG_SECONDS = 2.0  # [K] how long a published post may be missing from the Page's listing

CAPABILITIES = Capabilities(
    network=Network.FACEBOOK,
    formats=frozenset(
        {
            ContentFormat.TEXT,
            ContentFormat.LINK,
            ContentFormat.IMAGE,
            ContentFormat.CAROUSEL,
            ContentFormat.VIDEO,
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
    post_metrics=("likes", "comments", "shares", "reach", "views", "clicks"),
    account_metrics=("views", "reach", "post_engagements", "follows"),
    options=frozenset({"link", "place_id", "title"}),
    refuses_duplicates=True,  # [K] codes 506 (words) and 1366051 (pictures); for how long is not told
    read_lag_seconds=READ_LAG_SECONDS,
)


class FacebookDialect(GraphDialect):
    """The Page's token is the access token, its manager's long-lived one the refresh token: Page tokens are had with it."""

    network = Network.FACEBOOK

    def classify(self, status: int, body: Any) -> Refusal:
        return classify(status, body)

    def authorize(self, call: Call, token: Token) -> Call:
        if call.operation == UPLOAD:
            return with_headers(call, authorization=f"OAuth {token.access_token}")
        return super().authorize(call, token)

    def can_renew(self, token: Token, *, is_refused: bool) -> bool:  # noqa: ARG002
        return self._app is not None and token.refresh_token is not None

    async def renew(self, transport: Transport, account: Account, token: Token) -> Token:
        """A longer-lived token of the manager's, and with it the Page's. Raises `auth` when the Page is not theirs any more."""
        if token.refresh_token is None:
            message = "Renewing a Page's token needs its manager's; connect the account again."
            raise NetworkError(ErrorClass.AUTH, message, network=self.network.value, code="no_user_token")
        user_token, expires_at = await self.exchange(transport, account, token.refresh_token)
        path, after = graph.path_of("me/accounts"), ""
        while True:
            paging = (
                ("fields", "id,access_token"),
                ("limit", str(graph.PAGE_SIZE)),
                *((("after", after),) if after else ()),
            )
            params = (*paging, *self.signed(user_token))
            call = Call(CallKind.TOKEN, "me/accounts", "GET", path, params=params, is_authorized=False)
            listed = await transport.fetch(graph.Page, account, call)
            for raw in listed.data:
                page = read_as(PageToken, raw)
                if page is not None and page.id == account.native_id and page.access_token is not None:
                    return Token(
                        access_token=page.access_token,
                        refresh_token=user_token,
                        expires_at=expires_at,
                        version=token.version,
                    )
            if listed.following is None or listed.following == after:
                message = "The Page is not among those of the person who connected it; connect it again."
                raise NetworkError(ErrorClass.AUTH, message, network=self.network.value, code="no_page")
            after = listed.following


class FacebookConnector:
    """`contracts.ports.Connector` and `ReadsMessages` for Facebook Pages."""

    def __init__(self, transport: Transport, media: MediaReader) -> None:
        self._transport = transport
        self._posts, self._films = FeedPosts(transport, media), Films(transport, media)
        self._replies = Replies(transport)
        self._messages = GraphMessages(transport, "messenger")
        self._refused_metrics: dict[str, set[str]] = {}

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    # --- reading ---------------------------------------------------------------------------------------------------------

    async def profile(self, account: Account) -> AccountSnapshot:
        """Name and followers, observed now."""
        call = graph.read("profile", account.native_id, fields=PROFILE_FIELDS)
        answer = await self._transport.send(account, call)
        profile = self._transport.parse(Profile, answer.body, call)
        return mapping.snapshot_from(account, profile, answer.body, observed_at=await self._transport.now())

    async def posts(self, account: Account, *, since: datetime | None) -> AsyncIterator[PostPage]:
        """Posts of the Page, newest first. Stories and reels are not among them: they are other listings."""
        path = f"{account.native_id}/published_posts"
        raws = graph.pages(self._transport, account, "published_posts", path, fields=POST_FIELDS)
        to_post = partial(mapping.remapped_post, account)
        to_metrics = partial(mapping.remapped_metrics, account)
        async for page in post_pages(raws, self._transport, to_post, to_metrics, since=since):
            yield page

    async def post_metrics(self, account: Account, posts: Sequence[Post]) -> tuple[PostMetricPoint, ...]:
        """Insights of these posts, one call each. A post that has none (gone, or of a kind without) is left out; any other
        refusal is raised."""
        found = await all_of([self._insights_of(account, post) for post in posts])
        return tuple(point for points in found for point in points)

    async def account_metrics(self, account: Account, *, start: date, end: date) -> tuple[AccountMetricPoint, ...]:
        """Daily metrics of the Page's own (Pacific) days."""
        points: list[AccountMetricPoint] = []
        first = start
        while first <= end:
            last = min(end, first + timedelta(days=LONGEST_SERIES_DAYS - 1))
            asked = {"period": mapping.DAY, **graph.whole_days(first, last)}
            path = f"{account.native_id}/insights"
            raws = await graph.insights(self._transport, account, path, PAGE_METRICS, asked)
            fetched_at = await self._transport.now()
            points += mapping.daily_points(account, raws, start=first, end=last, fetched_at=fetched_at)
            first = last + timedelta(days=1)
        return tuple(points)

    async def comments(self, account: Account, post: Post) -> AsyncIterator[tuple[Comment, ...]]:
        """All comments of a post, replies among them, oldest first. A post that is gone has none."""
        path = f"{post.native_id}/comments"
        asked = {"fields": COMMENT_FIELDS, "filter": "stream", "order": "chronological"}
        try:
            async for raws in graph.pages(self._transport, account, "comments", path, **asked):
                observed_at = await self._transport.now()
                mapped = [mapping.comment_from(account, post, raw, observed_at=observed_at) for raw in raws]
                if found := tuple(comment for comment in mapped if comment is not None):
                    yield found
        except NetworkError as error:
            if not graph.is_gone(error):
                raise

    async def messages(self, account: Account, *, since: datetime) -> AsyncIterator[tuple[Message, ...]]:
        """Direct messages, conversation by conversation."""
        async for page in self._messages.read(account, since=since):
            yield page

    # --- publishing ------------------------------------------------------------------------------------------------------

    def prepare(self, request: PublishRequest) -> Staging:  # noqa: ARG002
        """Facebook takes no key from us: the ids of what was uploaded unseen are all there is."""
        return Staging()

    async def stage(self, request: PublishRequest, staging: Staging) -> Staging:
        """One invisible step. A story carries no text: its picture or film is all that is sent."""
        if request.message_to is not None:
            return await self._messages.stage(request, request.message_to, staging)
        way = self._way(request)
        if way is not self._replies:
            check(request)
        return await way.stage(request, staging)

    async def commit(self, request: PublishRequest, staging: Staging) -> Receipt:
        """The one visible call. The network's own refusal of a duplicate is class `duplicate`: reconcile."""
        if request.message_to is not None:
            return await self._messages.commit(request, request.message_to)
        return await self._way(request).commit(request, staging)

    async def find_published(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        """What the Page shows of this intent."""
        if request.message_to is not None:
            return await self._messages.find(request, request.message_to, staging)
        return await self._way(request).find(request, staging)

    async def delete(self, account: Account, native_post_id: str) -> None:
        """Delete a post or a comment. Deleting one that is gone already succeeds."""
        await graph.delete(self._transport, account, native_post_id)

    async def refresh_token(self, account: Account) -> None:
        await self._transport.renew_token(account)

    def _way(self, request: PublishRequest) -> FeedPosts | Films | Replies:
        if request.reply_to_native_comment_id is not None or request.reply_to_native_post_id is not None:
            return self._replies
        is_film = any(media.mime_type.startswith("video/") for media in request.media)
        return self._films if is_film else self._posts

    async def _insights_of(self, account: Account, post: Post) -> tuple[PostMetricPoint, ...]:
        refused = self._refused_metrics.setdefault(post.content_format.value, set())
        metrics = [m for m in POST_METRICS if m not in refused]
        try:
            path = f"{post.native_id}/insights"
            raws = await graph.insights(self._transport, account, path, metrics, refused=refused)
        except NetworkError as error:
            if error.error_class is ErrorClass.INVALID:
                return ()
            raise
        return mapping.insights_from(account, post, raws, observed_at=await self._transport.now())
