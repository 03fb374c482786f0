"""LinkedIn's wire: calls of one organization's page.

Belongs here: what the network can do, tokens and limits, reading. Does not belong here: shapes (`models.py`), mapping, error codes
(`errors.py`), finders (`finders.py`), publishing (`publishing.py`).

Addresses: `account.base_url` is the API's host (`https://api.linkedin.com`), paths begin with `/rest`. Tokens are renewed at another
host; under any base but the real one, that is `/oauth/v2/accessToken` below it. Uploads go to addresses that the answers name.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from pydantic import SecretStr

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Capabilities, ContentFormat, Network
from contracts.ports import MediaReader, PostPage
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
from platforms._http import Call, CallKind, Refusal, Transport, all_of, with_headers
from platforms._listing import post_pages
from platforms._quotas import LocalLimit, Window
from platforms.linkedin import mapping
from platforms.linkedin.errors import classify
from platforms.linkedin.finders import comments_below, own_posts, pages, read
from platforms.linkedin.models import NetworkSize, NewToken, Organization, WireComment
from platforms.linkedin.publishing import Publishing
from platforms.linkedin.restli import Value, encode, query
from platforms.versions import VERSIONS

API_VERSION = VERSIONS[Network.LINKEDIN].name
PROTOCOL_VERSION = "2.0.0"

API_HOST = "https://api.linkedin.com"
TOKEN_HOST = "https://www.linkedin.com"
TOKEN_PATH = "/oauth/v2/accessToken"

TOKEN_LIFE = timedelta(days=60)  # [K]
HISTORY = timedelta(days=365)
"""Statistics reach back twelve months; asking for more is refused."""
POSTS_PER_CALL = 50  # [K]
READ_LAG_SECONDS = 2.0  # [K] how long a published post may be missing from the account's listing

APP_LIMIT = "app"
APP_CALLS_A_DAY = 100_000  # [K]
MEMBER_CALLS_A_DAY = 2_000  # [K]
READS_STOP_AT = 0.8
"""The last fifth of a limit belongs to publishing."""

CAPABILITIES = Capabilities(
    network=Network.LINKEDIN,
    formats=frozenset(
        {
            ContentFormat.TEXT,
            ContentFormat.IMAGE,
            ContentFormat.CAROUSEL,
            ContentFormat.VIDEO,
            ContentFormat.LINK,
            ContentFormat.ARTICLE,
            ContentFormat.POLL,
        }
    ),
    has_account_metrics=True,
    has_comments=True,
    can_reply=True,
    is_commit_idempotent=False,
    is_reply_idempotent=False,
    post_metrics=mapping.POST_METRICS,
    account_metrics=mapping.ACCOUNT_METRICS,
    options=frozenset({"title", "link", "poll", "privacy"}),
    read_lag_seconds=READ_LAG_SECONDS,
    refuses_duplicates=True,
)


@dataclass(frozen=True)
class LinkedInApp:
    """The app through which pages are connected. Without it tokens cannot be renewed.

    How many calls a day LinkedIn grants it and each member is told nowhere but in the app's portal: to be looked up there.
    """

    client_id: str
    client_secret: SecretStr
    calls_a_day: int = APP_CALLS_A_DAY
    member_calls_a_day: int = MEMBER_CALLS_A_DAY


class LinkedInDialect:
    """Bearer tokens that live sixty days, a version in every call, limits that nobody tells."""

    network = Network.LINKEDIN
    renew_before = timedelta(days=7)

    def __init__(self, app: LinkedInApp | None = None) -> None:
        self._app = app

    def authorize(self, call: Call, token: Token) -> Call:
        return with_headers(
            call,
            authorization=f"Bearer {token.access_token}",
            linkedin_version=API_VERSION,
            x_restli_protocol_version=PROTOCOL_VERSION,
        )

    def refusal(self, status: int, body: Any) -> Refusal:
        return classify(status, body)

    def limit_keys(self, account: Account, call: Call) -> tuple[str, ...]:  # noqa: ARG002
        return (f"account:{account.account_id}", APP_LIMIT)

    def usage(self, account: Account, call: Call, headers: Mapping[str, str]) -> tuple[Usage, ...]:
        """LinkedIn's headers say nothing about limits."""
        del account, call, headers
        return ()

    def local_limits(self, account: Account, call: Call) -> tuple[LocalLimit, ...]:
        """Calls of the app and of the member, by the UTC day. Each page stands for a member of its own: who connected it is not
        known here. Renewals and uploads go elsewhere and are not counted."""
        if not call.is_authorized:
            return ()
        app_calls = self._app.calls_a_day if self._app else APP_CALLS_A_DAY
        member_calls = self._app.member_calls_a_day if self._app else MEMBER_CALLS_A_DAY
        share = READS_STOP_AT if call.kind is CallKind.READ else 1.0
        return (
            LocalLimit(f"linkedin:member:{account.account_id}", int(member_calls * share), Window.UTC_DAY),
            LocalLimit("linkedin:app", int(app_calls * share), Window.UTC_DAY),
        )

    def can_renew(self, token: Token, *, is_refused: bool) -> bool:  # noqa: ARG002
        return self._app is not None and token.refresh_token is not None

    async def renew(self, transport: Transport, account: Account, token: Token) -> Token:
        """A new access token. The refresh token stays the same and its year runs on, unless the answer brings another."""
        if self._app is None or token.refresh_token is None:
            message = "Renewing a token needs the app's id and secret and a refresh token; connect the account again."
            raise NetworkError(ErrorClass.AUTH, message, network=self.network.value, code="no_app")
        form = {
            "grant_type": "refresh_token",
            "refresh_token": token.refresh_token,
            "client_id": self._app.client_id,
            "client_secret": self._app.client_secret.get_secret_value(),
        }
        url = f"{token_host_for(transport.address_of(account))}{TOKEN_PATH}"
        call = Call(CallKind.TOKEN, "accessToken", "POST", TOKEN_PATH, url=url, form=form, is_authorized=False)
        new = await transport.fetch(NewToken, account, call)
        life = timedelta(seconds=new.expires_in) if new.expires_in else TOKEN_LIFE
        return Token(
            access_token=new.access_token,
            refresh_token=new.refresh_token or token.refresh_token,
            expires_at=datetime.now(UTC) + life,
            version=token.version,
        )


def token_host_for(address: str) -> str:
    """Where tokens are renewed for an API at this address: a host of its own for the real one, else the same."""
    return TOKEN_HOST if address == API_HOST else address


class LinkedInConnector:
    """`contracts.ports.Connector` for the pages of organizations."""

    def __init__(self, transport: Transport, media: MediaReader) -> None:
        self._transport = transport
        self._publishing = Publishing(transport, media)

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    # --- reading ---------------------------------------------------------------------------------------------------------

    async def profile(self, account: Account) -> AccountSnapshot:
        """Name and followers, observed now."""
        organization_call = read("organization", f"/rest/organizations/{encode(mapping.organization_id_of(account))}")
        size_path = f"/rest/networkSizes/{encode(mapping.author_of(account))}"
        size_call = read("networkSizes", size_path, {"edgeType": "COMPANY_FOLLOWED_BY_MEMBER"})
        organization, size = await all_of(
            [self._transport.send(account, call) for call in (organization_call, size_call)]
        )
        return mapping.snapshot_from(
            account,
            self._transport.parse(Organization, organization.body, organization_call),
            self._transport.parse(NetworkSize, size.body, size_call),
            {"organization": organization.body, "networkSizes": size.body},
            observed_at=await self._transport.now(),
        )

    async def posts(self, account: Account, *, since: datetime | None) -> AsyncIterator[PostPage]:
        """Own posts, newest first. A post that was edited comes as early as a new one."""
        to_post = partial(mapping.remapped_post, account)
        to_metrics = partial(mapping.remapped_metrics, account)
        raws = own_posts(self._transport, account)
        async for page in post_pages(raws, self._transport, to_post, to_metrics, since=since):
            yield page

    async def post_metrics(self, account: Account, posts: Sequence[Post]) -> tuple[PostMetricPoint, ...]:
        """Counts of these posts, some fifty in a call. Shares and UGC posts are asked for apart: LinkedIn refuses one in the
        place of the other. A post of which it knows no counts is left out."""
        known = {post.native_id: post for post in posts}
        batches = []
        for kind, parameter in (("share", "shares"), ("ugcPost", "ugcPosts")):
            urns = [urn for urn in known if mapping.kind_of(urn) == kind]
            batches += [(parameter, urns[i : i + POSTS_PER_CALL]) for i in range(0, len(urns), POSTS_PER_CALL)]
        raws = await all_of([self._statistics_of(account, parameter, urns) for parameter, urns in batches])
        observed_at = await self._transport.now()
        return tuple(
            point for some in raws for point in mapping.post_metrics_from(account, known, some, observed_at=observed_at)
        )

    async def account_metrics(self, account: Account, *, start: date, end: date) -> tuple[AccountMetricPoint, ...]:
        """Daily counts of the page's UTC days: of its posts, its new followers, its visitors. What one of the three is refused
        costs that one only; all three refused is a refusal."""
        now = await self._transport.now()
        first = max(start, (now - HISTORY).date())
        if first > end:
            return ()
        days: dict[str, Value] = {
            "timeRange": {
                "start": mapping.milliseconds_of(first),
                "end": mapping.milliseconds_of(end + timedelta(days=1)),
            },
            "timeGranularityType": "DAY",
        }
        urn = mapping.author_of(account)
        granted, refusals = [], []
        for path, finder in (
            ("organizationalEntityShareStatistics", "organizationalEntity"),
            ("organizationalEntityFollowerStatistics", "organizationalEntity"),
            ("organizationPageStatistics", "organization"),
        ):
            try:
                granted += await self._elements(account, path, {"q": finder, finder: urn, "timeIntervals": days})
            except NetworkError as error:
                if error.error_class not in (ErrorClass.INVALID, ErrorClass.SCOPE):
                    raise
                refusals.append(error)
        if len(refusals) == 3:
            raise refusals[0]
        return tuple(mapping.daily_points(account, granted, start=first, end=end, fetched_at=now))

    async def comments(self, account: Account, post: Post) -> AsyncIterator[tuple[Comment, ...]]:
        """Comments page by page, replies right after the comment that they answer. What is gone has none."""
        async for raws in self._comments_below(account, post.native_id):
            found: list[Comment] = []
            for raw in raws:
                found += await self._with_replies(account, post, raw)
            if found:
                yield tuple(found)

    # --- publishing ------------------------------------------------------------------------------------------------------

    def prepare(self, request: PublishRequest) -> Staging:  # noqa: ARG002
        """LinkedIn takes no key from us."""
        return Staging()

    async def stage(self, request: PublishRequest, staging: Staging) -> Staging:
        return await self._publishing.stage(request, staging)

    async def commit(self, request: PublishRequest, staging: Staging) -> Receipt:
        return await self._publishing.commit(request, staging)

    async def find_published(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        return await self._publishing.find_published(request, staging)

    async def delete(self, account: Account, native_post_id: str) -> None:
        """Delete a post or an own comment. Deleting one that is gone already succeeds."""
        target, number = mapping.parts_of_comment(native_post_id)
        if target:
            path = f"/rest/socialActions/{encode(target)}/comments/{encode(number)}"
            path = query(path, {"actor": mapping.author_of(account)})
        else:
            path = f"/rest/posts/{encode(native_post_id)}"
        call = Call(CallKind.STAGE, "delete", "DELETE", path)
        try:
            await self._transport.send(account, call)
        except NetworkError as error:
            if error.status != 404:
                raise

    async def refresh_token(self, account: Account) -> None:
        await self._transport.renew_token(account)

    # --- parts -----------------------------------------------------------------------------------------------------------

    async def _statistics_of(self, account: Account, parameter: str, urns: Sequence[str]) -> list[dict[str, Any]]:
        """Statistics of these posts. One that LinkedIn refuses (gone by now) fails the whole call without being named, so the list
        is halved until the bad ones stand alone."""
        urn = mapping.author_of(account)
        params: dict[str, Value] = {"q": "organizationalEntity", "organizationalEntity": urn, parameter: list(urns)}
        try:
            return await self._elements(account, "organizationalEntityShareStatistics", params)
        except NetworkError as error:
            if error.error_class is not ErrorClass.INVALID:
                raise
        if len(urns) == 1:
            return []
        middle = len(urns) // 2
        halves = [await self._statistics_of(account, parameter, half) for half in (urns[:middle], urns[middle:])]
        return [raw for half in halves for raw in half]

    async def _elements(self, account: Account, path: str, params: Mapping[str, Value]) -> list[dict[str, Any]]:
        answered = pages(self._transport, account, path, f"/rest/{path}", params, size=None)
        return [raw async for page in answered for raw in page]

    async def _comments_below(self, account: Account, urn: str) -> AsyncIterator[list[dict[str, Any]]]:
        try:
            async for raws in comments_below(self._transport, account, urn):
                yield raws
        except NetworkError as error:
            if error.status != 404:
                raise

    async def _with_replies(self, account: Account, post: Post, raw: dict[str, Any]) -> list[Comment]:
        """The comment and what answers it. A comment that says it has no answers is believed."""
        observed_at = await self._transport.now()
        comment = mapping.comment_from(account, post, raw, below=post.native_id, observed_at=observed_at)
        if comment is None:
            return []
        found = [comment]
        if WireComment.model_validate(raw).replies.total == 0:
            return found
        async for replies in self._comments_below(account, comment.native_id):
            for reply in replies:
                mapped = mapping.comment_from(account, post, reply, below=comment.native_id, observed_at=observed_at)
                if mapped is not None:
                    found.append(mapped)
        return found
