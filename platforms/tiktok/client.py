"""TikTok's wire: the Display half of its first product, and the connector over both products.

Belongs here: the first product's dialect and limits, reading, who does what. Does not belong here: publishing (`publishing.py`), what
only API for Business has (`business.py`), shapes (`models.py`), mapping, error codes (`errors.py`).

HTTP 200 is no success until `error.code` says `ok`. The sandbox serves API for Business in the folder `business-api` below the
first product's address.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from pydantic import SecretStr

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Capabilities, ContentFormat, Network
from contracts.ports import MediaHost, MediaReader, PostPage
from contracts.records import (
    Account,
    AccountMetricPoint,
    AccountSnapshot,
    Comment,
    Post,
    PostMetricPoint,
    PublishRequest,
    Receipt,
    Reconciliation,
    Staging,
    Token,
)
from platforms._budget import Usage
from platforms._http import Call, CallKind, Refusal, Transport, with_headers
from platforms._listing import post_pages
from platforms._quotas import LocalLimit, Window
from platforms.tiktok import errors, mapping
from platforms.tiktok.business import BusinessSide
from platforms.tiktok.models import NewToken, UserInfo, Videos, VideosData
from platforms.tiktok.publishing import VIDEO_FIELDS, Posting, post_json, query_call

PAGE_SIZE = 20
POSTS_PER_CALL = 20
PROFILE_FIELDS = "open_id,union_id,display_name,username,avatar_url,follower_count,following_count,video_count"
TOKEN_LIFE = timedelta(hours=24)
READ_LAG_SECONDS = 3.0  # [K] how long an upload's last bytes may be missing from its status
_UNKNOWN_FIELD = frozenset({"invalid_param", "invalid_params"})

_BASE = {
    "network": Network.TIKTOK,
    "formats": frozenset({ContentFormat.IMAGE, ContentFormat.CAROUSEL, ContentFormat.VIDEO, ContentFormat.SHORT_VIDEO}),
    "is_commit_idempotent": False,
    "is_reply_idempotent": False,
    "can_delete": False,
    "options": frozenset({"title", "privacy", "is_ai_made", "is_paid_partnership"}),
    "read_lag_seconds": READ_LAG_SECONDS,
}
CAPABILITIES = Capabilities(
    **_BASE,
    has_account_metrics=True,
    has_comments=True,
    can_reply=True,
    post_metrics=("likes", "comments", "shares", "views", "reach"),
    account_metrics=("followers", "profile_views", "views", "likes", "comments", "shares"),
)
"""With a credential for API for Business."""
CAPABILITIES_WITHOUT_BUSINESS = Capabilities(
    **_BASE,
    has_account_metrics=False,
    has_comments=False,
    can_reply=False,
    post_metrics=("likes", "comments", "shares", "views"),
)

_CALLS_PER_MINUTE = {"init": 6, "status": 30, "creator_info": 20}
"""What each account may do in a minute. TikTok sends no headers about limits: they are counted here."""
_APP_CALLS_PER_MINUTE = 600
"""What the app may read in a minute, for each operation."""
_LIMIT_OF = {"video_init": "init", "content_init": "init", "status": "status", "creator_info": "creator_info"}
_APP_OPERATIONS = frozenset({"user_info", "video_list", "video_query"})


@dataclass(frozen=True)
class TikTokApp:
    """The app through which accounts are connected. Without it tokens, which live a day, can not be renewed."""

    client_key: str
    client_secret: SecretStr


class TikTokDialect:
    """Bearer tokens of a day, refresh tokens that change with each use, errors as `{error: {code}}` or as OAuth has them."""

    network = Network.TIKTOK
    renew_before = timedelta(minutes=30)

    def __init__(self, app: TikTokApp | None = None) -> None:
        self._app = app

    def authorize(self, call: Call, token: Token) -> Call:
        return with_headers(call, authorization=f"Bearer {token.access_token}")

    def is_refusal(self, body: Any) -> bool:
        return errors.is_refusal(body)

    def refusal(self, status: int, body: Any) -> Refusal:
        return errors.classify(status, body)

    def limit_keys(self, account: Account, call: Call) -> tuple[str, ...]:
        if call.operation in _APP_OPERATIONS:
            return (f"app:{call.operation}",)
        own = f"{_LIMIT_OF.get(call.operation, call.operation)}:{account.account_id}"
        return (own, errors.PUBLISHERS_LIMIT) if _LIMIT_OF.get(call.operation) == "init" else (own,)

    def usage(self, account: Account, call: Call, headers: Mapping[str, str]) -> tuple[Usage, ...]:
        del account, call, headers
        return ()

    def local_limits(self, account: Account, call: Call) -> tuple[LocalLimit, ...]:
        key = self.limit_keys(account, call)[0]
        if call.operation in _APP_OPERATIONS:
            return (LocalLimit(f"{self.network.value}:{key}", _APP_CALLS_PER_MINUTE, Window.MINUTE),)
        calls = _CALLS_PER_MINUTE.get(_LIMIT_OF.get(call.operation, ""))
        return (LocalLimit(f"{self.network.value}:{key}", calls, Window.MINUTE),) if calls else ()

    def can_renew(self, token: Token, *, is_refused: bool) -> bool:  # noqa: ARG002
        return self._app is not None and token.refresh_token is not None

    async def renew(self, transport: Transport, account: Account, token: Token) -> Token:
        """A new token. The refresh token changes with it: the old one must not be used again."""
        if self._app is None or token.refresh_token is None:
            message = "Renewing a token of TikTok needs the app's key and a refresh token; connect the account again."
            raise NetworkError(ErrorClass.AUTH, message, network=self.network.value, code="no_app")
        form = {
            "client_key": self._app.client_key,
            "client_secret": self._app.client_secret.get_secret_value(),
            "grant_type": "refresh_token",
            "refresh_token": token.refresh_token,
        }
        call = Call(CallKind.TOKEN, "token", "POST", "/v2/oauth/token/", form=form, is_authorized=False)
        new = await transport.fetch(NewToken, account, call)
        life = timedelta(seconds=new.expires_in) if new.expires_in else TOKEN_LIFE
        return Token(
            access_token=new.access_token,
            refresh_token=new.refresh_token or token.refresh_token,
            expires_at=datetime.now(UTC) + life,
            version=token.version,
        )


class TikTokConnector:
    """`contracts.ports.Connector`, `DeclaresByAccount` and `NamesPostsLater` for TikTok accounts.

    `business` speaks to API for Business (`TikTokBusinessDialect`), with the credentials that accounts have there. An account
    without one has no comments, no replies and no daily metrics.
    """

    def __init__(self, transport: Transport, business: Transport, media: MediaReader, host: MediaHost) -> None:
        self._transport = transport
        self._posting = Posting(transport, media, host)
        self._business = BusinessSide(business)
        self._refused_counts: set[str] = set()

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    async def capabilities_of(self, account: Account) -> Capabilities:
        return CAPABILITIES if await self._business.is_open_to(account) else CAPABILITIES_WITHOUT_BUSINESS

    # --- reading ---------------------------------------------------------------------------------------------------------

    async def profile(self, account: Account) -> AccountSnapshot:
        """Name and counts, observed now."""
        call = Call(CallKind.READ, "user_info", "GET", "/v2/user/info/", params=(("fields", PROFILE_FIELDS),))
        answer = await self._transport.send(account, call)
        user = self._transport.parse(UserInfo, answer.body, call).data.user
        raw = answer.body["data"]["user"]
        return mapping.snapshot_from(account, user, raw, observed_at=await self._transport.now())

    async def posts(self, account: Account, *, since: datetime | None) -> AsyncIterator[PostPage]:
        """Own public posts, newest first."""
        to_post = partial(mapping.post_from, account)
        to_metrics = partial(mapping.metrics_from, account, source=mapping.LISTING)
        async for page in post_pages(self._pages(account), self._transport, to_post, to_metrics, since=since):
            yield page

    async def _pages(self, account: Account) -> AsyncIterator[list[dict[str, Any]]]:
        """Payloads of own posts, page by page, until there is no more or the network repeats a cursor."""
        cursor: int | None = None
        while True:
            body = {"max_count": PAGE_SIZE, **({"cursor": cursor} if cursor is not None else {})}
            data = await self._with_counts(account, partial(_list_call, body))
            yield [raw for raw in data.videos if isinstance(raw, dict)]
            if not data.has_more or data.cursor is None or data.cursor == cursor:
                return
            cursor = data.cursor

    async def post_metrics(self, account: Account, posts: Sequence[Post]) -> tuple[PostMetricPoint, ...]:
        """Counts of these posts now, and their reach where API for Business tells it. Posts that are gone are left out."""
        points: list[PostMetricPoint] = []
        for start in range(0, len(posts), POSTS_PER_CALL):
            native_ids = [post.native_id for post in posts[start : start + POSTS_PER_CALL]]
            data = await self._with_counts(account, partial(_query_call, native_ids))
            observed_at = await self._transport.now()
            for raw in data.videos:
                if isinstance(raw, dict):
                    points += mapping.metrics_from(account, raw, observed_at=observed_at, source=mapping.QUERY)
        return (*points, *await self._reach(account, posts))

    async def _reach(self, account: Account, posts: Sequence[Post]) -> tuple[PostMetricPoint, ...]:
        """A metric that is not granted to this account is dropped: the counts of the first product stay."""
        if not await self._business.is_open_to(account):
            return ()
        try:
            return await self._business.post_metrics(account, posts)
        except NetworkError as error:
            if error.error_class in (ErrorClass.INVALID, ErrorClass.SCOPE):
                return ()
            raise

    async def account_metrics(self, account: Account, *, start: date, end: date) -> tuple[AccountMetricPoint, ...]:
        """Daily metrics from API for Business."""
        return await (await self._business_of(account)).account_metrics(account, start=start, end=end)

    async def comments(self, account: Account, post: Post) -> AsyncIterator[tuple[Comment, ...]]:
        """Comments from API for Business."""
        async for page in (await self._business_of(account)).comments(account, post):
            yield page

    async def _with_counts(self, account: Account, ask: Callable[[str], Call]) -> VideosData:
        """An answer with all counts that the network grants. One that it does not know any more fails the whole call, so each is
        then tried alone, and the refused ones are not asked for again. Raises when that explains nothing."""
        try:
            return await self._videos(account, ask(self._fields()))
        except NetworkError as error:
            if error.code not in _UNKNOWN_FIELD:
                raise
            refused = await self._refused_now(account)
            if not refused or refused == set(mapping.VIDEO_METRICS):
                raise
            self._refused_counts |= refused
        return await self._videos(account, ask(self._fields()))

    async def _refused_now(self, account: Account) -> set[str]:
        refused = set()
        for count in mapping.VIDEO_METRICS:
            try:
                await self._videos(account, _list_call({"max_count": 1}, f"id,{count}"))
            except NetworkError as error:
                if error.code not in _UNKNOWN_FIELD:
                    raise
                refused.add(count)
        return refused

    def _fields(self) -> str:
        return ",".join(
            [VIDEO_FIELDS, *(count for count in mapping.VIDEO_METRICS if count not in self._refused_counts)]
        )

    async def _videos(self, account: Account, call: Call) -> VideosData:
        return (await self._transport.fetch(Videos, account, call)).data or VideosData()

    # --- publishing ------------------------------------------------------------------------------------------------------

    def prepare(self, request: PublishRequest) -> Staging:  # noqa: ARG002
        """TikTok takes no key from us: the publish_id of an upload, known before the commit, is the key."""
        return Staging()

    async def stage(self, request: PublishRequest, staging: Staging) -> Staging:
        """One step, see `Posting.stage`; of a reply: what has to be known before it."""
        if _is_reply(request):
            return await (await self._business_of(request.account)).stage(request, staging)
        return await self._posting.stage(request, staging)

    async def commit(self, request: PublishRequest, staging: Staging) -> Receipt:
        """The visible call, see `Posting.commit`; or the reply."""
        if _is_reply(request):
            return await (await self._business_of(request.account)).commit(request)
        return await self._posting.commit(request, staging)

    async def find_published(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        """See `Posting.find_published` and `BusinessSide.find_published`."""
        if _is_reply(request):
            return await (await self._business_of(request.account)).find_published(request, staging)
        return await self._posting.find_published(request, staging)

    async def named(self, account: Account, receipt: Receipt) -> Receipt | None:
        """See `Posting.named`."""
        return await self._posting.named(account, receipt)

    async def delete(self, account: Account, native_post_id: str) -> None:
        """TikTok lets no app delete a post."""
        del account, native_post_id
        raise _unsupported("deleting a post")

    async def refresh_token(self, account: Account) -> None:
        await self._transport.renew_token(account)

    async def _business_of(self, account: Account) -> BusinessSide:
        """API for Business; for an account without a credential there a refusal that says how to get one."""
        if await self._business.is_open_to(account):
            return self._business
        message = (
            "This account is not connected to TikTok's API for Business, which comments, replies and daily metrics need: "
            f"`pulso accounts connect {account.account_id} --grant business`."
        )
        raise NetworkError(ErrorClass.INVALID, message, network=Network.TIKTOK.value, code="no_business_credential")


def _list_call(body: dict[str, int], fields: str) -> Call:
    return post_json(CallKind.READ, "video_list", "/v2/video/list/", body, fields=fields)


def _query_call(native_ids: list[str], fields: str) -> Call:
    return query_call(native_ids, fields=fields)


def _is_reply(request: PublishRequest) -> bool:
    return request.reply_to_native_comment_id is not None or request.reply_to_native_post_id is not None


def _unsupported(what: str) -> NetworkError:
    message = f"TikTok has no {what}."
    return NetworkError(ErrorClass.INVALID, message, network=Network.TIKTOK.value, code="unsupported")
