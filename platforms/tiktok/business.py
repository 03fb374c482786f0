"""TikTok's second product, API for Business: comments, replies and daily metrics of accounts that granted it.

Belongs here: its dialect, its calls. Does not belong here: everything that the first product does (`client.py`, `publishing.py`).

It has its own host, its own app and its own tokens. A reply has no key of ours: after a lost answer the replies are read, and
where ours is not among them nobody can tell.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Network
from contracts.records import (
    Account,
    AccountMetricPoint,
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
from platforms._quotas import LocalLimit
from platforms._shapes import as_json, read_as
from platforms.tiktok import errors, mapping
from platforms.tiktok.models import (
    BusinessComment,
    BusinessCommented,
    BusinessComments,
    BusinessCommentsData,
    BusinessProfile,
    BusinessToken,
    BusinessVideos,
)

M = TypeVar("M", bound=BaseModel)

API = "/open_api/v1.3"
ADDRESSES = {"https://open.tiktokapis.com": "https://business-api.tiktok.com"}
"""The first product's real address -> the second's. Elsewhere (the sandbox) it is the folder `business-api` below it."""

DAY_FIELDS = ("followers_count", "profile_views", "video_views", "likes", "comments", "shares")
VIDEO_FIELDS = ("item_id", "reach")
VIDEOS_PER_CALL = 20
COMMENTS_PER_PAGE = 30  # [K]
LONGEST_SPAN_DAYS = 60  # [K]
REPLY_UNITS = 150
TOKEN_LIFE = timedelta(hours=24)
CLOCKS_DIFFER_BY = timedelta(minutes=10)


def address(base_url: str) -> str:
    """Where API for Business answers for an account whose first product answers at `base_url`."""
    base_url = base_url.rstrip("/")
    return ADDRESSES.get(base_url, f"{base_url}/business-api")


@dataclass(frozen=True)
class TikTokBusinessApp:
    """The app of API for Business through which accounts are connected. Without it tokens can not be renewed."""

    client_id: str
    client_secret: SecretStr


class TikTokBusinessDialect:
    """`Access-Token` as a header of its own, errors as numbers within HTTP 200, no word about limits."""

    network = Network.TIKTOK
    renew_before = timedelta(minutes=30)

    def __init__(self, app: TikTokBusinessApp | None = None) -> None:
        self._app = app

    def authorize(self, call: Call, token: Token) -> Call:
        return with_headers(call, access_token=token.access_token)

    def is_refusal(self, body: Any) -> bool:
        return errors.is_refusal(body)

    def refusal(self, status: int, body: Any) -> Refusal:
        return errors.classify(status, body)

    def limit_keys(self, account: Account, call: Call) -> tuple[str, ...]:  # noqa: ARG002
        return (f"business:{account.account_id}", "business:app")

    def usage(self, account: Account, call: Call, headers: Mapping[str, str]) -> tuple[Usage, ...]:
        del account, call, headers
        return ()

    def local_limits(self, _account: Account, _call: Call) -> tuple[LocalLimit, ...]:
        return ()

    def can_renew(self, token: Token, *, is_refused: bool) -> bool:  # noqa: ARG002
        return self._app is not None and token.refresh_token is not None

    async def renew(self, transport: Transport, account: Account, token: Token) -> Token:
        """A new token. The refresh token changes with it."""
        if self._app is None or token.refresh_token is None:
            message = "Renewing a token of TikTok's API for Business needs its app and a refresh token; connect again."
            raise NetworkError(ErrorClass.AUTH, message, network=self.network.value, code="no_app")
        body = {
            "client_id": self._app.client_id,
            "client_secret": self._app.client_secret.get_secret_value(),
            "grant_type": "refresh_token",
            "refresh_token": token.refresh_token,
        }
        path = f"{API}/tt_user/oauth2/refresh_token/"
        call = Call(CallKind.TOKEN, "business_refresh_token", "POST", path, json=body, is_authorized=False)
        new = (await transport.fetch(BusinessToken, account, _at_business(transport, account, call))).data
        life = timedelta(seconds=new.expires_in) if new.expires_in else TOKEN_LIFE
        return Token(
            access_token=new.access_token,
            refresh_token=new.refresh_token or token.refresh_token,
            expires_at=datetime.now(UTC) + life,
            version=token.version,
        )


class BusinessSide:
    """What the connector does through API for Business. `business_id` is the account's own id [K]."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def is_open_to(self, account: Account) -> bool:
        """Whether the account has a credential here."""
        return await self._transport.has_credential(account)

    # --- reading -------------------------------------------------------------------------------------------------------

    async def account_metrics(self, account: Account, *, start: date, end: date) -> tuple[AccountMetricPoint, ...]:
        """Daily metrics of the days asked for, `end` inclusive."""
        points: list[AccountMetricPoint] = []
        first = start
        while first <= end:
            last = min(end, first + timedelta(days=LONGEST_SPAN_DAYS - 1))
            call = _read(account, "business_get", "business/get/", start_date=first, end_date=last, fields=DAY_FIELDS)
            profile = (await self._fetch(BusinessProfile, account, call)).data
            fetched_at = await self._transport.now()
            points += mapping.daily_points(account, profile, start=first, end=last, fetched_at=fetched_at)
            first = last + timedelta(days=1)
        return tuple(points)

    async def post_metrics(self, account: Account, posts: Sequence[Post]) -> tuple[PostMetricPoint, ...]:
        """The counts of these posts that the first product does not know."""
        points: list[PostMetricPoint] = []
        for begin in range(0, len(posts), VIDEOS_PER_CALL):
            some = {post.native_id: post for post in posts[begin : begin + VIDEOS_PER_CALL]}
            call = _read(
                account,
                "business_video_list",
                "business/video/list/",
                fields=VIDEO_FIELDS,
                filters={"video_ids": list(some)},
                max_count=VIDEOS_PER_CALL,
            )
            data = (await self._fetch(BusinessVideos, account, call)).data
            observed_at = await self._transport.now()
            for raw in data.videos if data else ():
                post = some.get(str(raw.get("item_id"))) if isinstance(raw, dict) else None
                if post is not None:
                    points += mapping.business_metrics_from(account, post, raw, observed_at=observed_at)
        return tuple(points)

    async def comments(self, account: Account, post: Post) -> AsyncIterator[tuple[Comment, ...]]:
        """Comments page by page, each once, replies right after the comment that they answer."""
        seen: set[str] = set()
        async for raws in self._comment_pages(account, video_id=post.native_id):
            found: list[Comment] = []
            observed_at = await self._transport.now()
            for raw in raws:
                comment = mapping.comment_from(account, post, raw, parent_id=None, observed_at=observed_at)
                if comment is None or comment.native_id in seen:
                    continue
                seen.add(comment.native_id)
                found.append(comment)
                for reply in await self._replies_below(account, post.native_id, raw):
                    answer = mapping.comment_from(
                        account, post, reply, parent_id=comment.native_id, observed_at=observed_at
                    )
                    if answer is not None and answer.native_id not in seen:
                        seen.add(answer.native_id)
                        found.append(answer)
            if found:
                yield tuple(found)

    async def _replies_below(self, account: Account, video_id: str, raw: dict[str, Any]) -> list[Any]:
        """All replies of a listed comment: those that came with it, where these are all, else their own listing."""
        comment = read_as(BusinessComment, raw)
        if comment is None or (comment.replies or 0) <= len(comment.reply_list):
            return list(comment.reply_list) if comment else []
        pages = self._comment_pages(account, video_id=video_id, comment_id=comment.comment_id)
        return [reply async for page in pages for reply in page]

    async def _comment_pages(
        self, account: Account, *, video_id: str, comment_id: str | None = None
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """Pages of a post's comments, or of one comment's replies. A short or empty page is no end: `has_more` is."""
        operation, path = "business_comment_list", "business/comment/list/"
        where: dict[str, Any] = {"video_id": video_id, "include_replies": "true"}
        if comment_id is not None:
            operation, path = "business_reply_list", "business/comment/reply/list/"
            where = {"video_id": video_id, "comment_id": comment_id}
        cursor = 0
        while True:
            call = _read(account, operation, path, **where, cursor=cursor, max_count=COMMENTS_PER_PAGE)
            data = (await self._fetch(BusinessComments, account, call)).data or BusinessCommentsData()
            yield [raw for raw in data.comments if isinstance(raw, dict)]
            if not data.has_more or data.cursor is None or data.cursor == cursor:
                return
            cursor = data.cursor

    # --- replies -------------------------------------------------------------------------------------------------------

    async def stage(self, request: PublishRequest, staging: Staging) -> Staging:
        """Remember which answers of ours with this text are there already."""
        problem = None
        if request.media:
            problem = "A reply on TikTok is text only."
        elif mapping.utf16_units(request.text) > REPLY_UNITS:
            problem = f"A reply on TikTok has at most {REPLY_UNITS} characters."
        elif request.reply_to_native_post_id is None:
            problem = "A reply on TikTok needs the post below which the comment stands."
        if problem:
            raise NetworkError(ErrorClass.INVALID, problem, network=Network.TIKTOK.value, code="unfit_reply")
        if staging.is_complete:
            return staging
        alike = await self._alike(request)
        return Staging(handles={"alike_before": ",".join(c.comment_id for c in alike)}, is_complete=True)

    async def commit(self, request: PublishRequest) -> Receipt:
        account, comment_id = request.account, request.reply_to_native_comment_id
        body = {
            "business_id": account.native_id,
            "video_id": request.reply_to_native_post_id,
            **({"comment_id": comment_id} if comment_id else {}),
            "text": request.text,
        }
        path = "business/comment/reply/create/" if comment_id else "business/comment/create/"  # [K] the latter
        call = Call(CallKind.COMMIT, "business_reply", "POST", f"{API}/{path}", json=body)
        answer = await self._transport.send(account, _at_business(self._transport, account, call))
        made = self._transport.parse(BusinessCommented, answer.body, call).data
        return Receipt(
            native_id=made.comment_id,
            permalink=None,
            published_at=await self._transport.now(),
            how="answered",
            raw=as_json(answer.body),
        )

    async def find_published(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        """By reading the replies, which can prove presence only."""
        if not staging.is_complete:
            return Reconciliation(outcome="not_published", evidence="The reply was never sent.")
        known = {*staging.handles["alike_before"].split(","), *request.claimed_native_ids}
        alike = [comment for comment in await self._alike(request) if comment.comment_id not in known]
        if len(alike) != 1:
            what = "No new reply of ours has this text." if not alike else f"{len(alike)} new replies have this text."
            return Reconciliation(outcome="undecided", evidence=f"{what} TikTok gives replies no key of ours.")
        reply = alike[0]
        receipt = Receipt(
            native_id=reply.comment_id,
            permalink=None,
            published_at=reply.create_time or request.created_at,
            how="reconciled",
        )
        evidence = f"Reply {reply.comment_id} has this text."
        return Reconciliation(outcome="published", receipt=receipt, evidence=evidence)

    async def _alike(self, request: PublishRequest) -> list[BusinessComment]:
        """Own answers with this text below the comment (or post) answered, not older than the intent."""
        pages = self._comment_pages(
            request.account,
            video_id=request.reply_to_native_post_id or "",
            comment_id=request.reply_to_native_comment_id,
        )
        oldest = request.created_at - CLOCKS_DIFFER_BY
        found: dict[str, BusinessComment] = {}
        async for raws in pages:
            for comment in (read_as(BusinessComment, raw) for raw in raws):
                if comment is None or not mapping.same_text(comment.text, request.text):
                    continue
                is_old = comment.create_time is not None and comment.create_time < oldest
                if not is_old and mapping.is_own(request.account, comment):
                    found[comment.comment_id] = comment
        return list(found.values())

    async def _fetch(self, model: type[M], account: Account, call: Call) -> M:
        return await self._transport.fetch(model, account, _at_business(self._transport, account, call))


def _at_business(transport: Transport, account: Account, call: Call) -> Call:
    """The call at this product's own address."""
    return replace(call, url=f"{address(transport.address_of(account))}{call.path}")


def _read(account: Account, operation: str, path: str, **params: Any) -> Call:
    """A reading call. Lists and objects go into the query as JSON."""
    query = [("business_id", account.native_id)]
    for name, value in params.items():
        is_structure = isinstance(value, list | tuple | dict)
        query.append((name, json.dumps(value, separators=(",", ":")) if is_structure else str(value)))
    return Call(CallKind.READ, operation, "GET", f"{API}/{path}", params=tuple(query))
