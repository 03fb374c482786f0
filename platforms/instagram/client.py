"""Instagram's wire: Graph API calls of one professional account.

Belongs here: calls, their order, limits. Does not belong here: shapes (`models.py`), mapping, error codes (`errors.py`).

Publishing goes through a *container*: invisible, its id known before the commit. After a lost answer its status tells whether
the post is live, so that nothing is ever published twice; which post it became is found in the newest media. Comments have no
such key: after a lost answer the replies are read, and where ours is not among them nobody can tell (it may show up later).
"""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from pydantic import SecretStr

from contracts.errors import ErrorClass, NetworkError, ProviderError
from contracts.networks import Capabilities, ContentFormat, Network
from contracts.ports import MediaHost, MediaReader, PostPage
from contracts.records import (
    Account,
    AccountMetricPoint,
    AccountSnapshot,
    Comment,
    Media,
    Post,
    PostMetricPoint,
    PublishRequest,
    Receipt,
    Reconciliation,
    Staging,
    Token,
)
from platforms._budget import Usage
from platforms._http import Call, CallKind, Refusal, Transport, all_of
from platforms._listing import post_pages
from platforms._media import read_media
from platforms._quotas import LocalLimit
from platforms._shapes import as_json, count_or_none
from platforms.instagram import mapping
from platforms.instagram.errors import APP_WIDE_CODES, PUBLISH_QUOTA_CODE, classify
from platforms.instagram.models import Container, Created, IgComment, NewToken, Page, Profile, Quota, author_id
from platforms.instagram.models import Media as IgMedia

API_VERSION = "v25.0"

PAGE_SIZE = 100
PROFILE_FIELDS = "id,username,name,biography,followers_count,follows_count,media_count,profile_picture_url,website"
POST_FIELDS = (
    "id,caption,media_type,media_product_type,media_url,permalink,thumbnail_url,timestamp,like_count,comments_count,"
    "children{id}"
)
REPLY_FIELDS = "id,text,timestamp,username,like_count"
COMMENT_FIELDS = f"{REPLY_FIELDS},replies{{{REPLY_FIELDS}}}"
POST_METRICS = ("views", "reach", "saved", "likes", "comments", "shares")
SERIES_METRICS = ("reach", "follower_count")
TOTAL_METRICS = ("likes", "views", "comments", "shares", "saves", "replies")
LONGEST_SERIES_DAYS = 30  # [K]
MOST_CAROUSEL_ITEMS = 10
TOKEN_LIFE = timedelta(days=60)
READ_LAG_SECONDS = 2.0  # [K] how long a published post may be missing from the account's listing

FINDING_TRIES = 4
FINDING_PAUSE_SECONDS = 0.75
CONTAINER_POLLS = 6
FIRST_POLL_SECONDS = 0.5
LONGEST_POLL_SECONDS = 6.0
CLOCKS_DIFFER_BY = timedelta(minutes=10)
"""A post counts as younger than its intent even if the network's clock is this much behind ours."""

APP_LIMIT = "app"

CAPABILITIES = Capabilities(
    network=Network.INSTAGRAM,
    formats=frozenset({ContentFormat.IMAGE, ContentFormat.CAROUSEL}),
    has_account_metrics=True,
    has_comments=True,
    can_reply=True,
    is_commit_idempotent=False,
    is_reply_idempotent=False,
    post_metrics=("likes", "comments", "shares", "saves", "reach", "views"),
    account_metrics=("reach", "follower_count", "likes", "views", "comments", "shares", "saves", "replies"),
    read_lag_seconds=READ_LAG_SECONDS,
)


@dataclass(frozen=True)
class InstagramApp:
    """The Meta app through which accounts are connected. Without it tokens cannot be exchanged for longer-lived ones."""

    app_id: str
    app_secret: SecretStr


class InstagramDialect:
    """Tokens in the query, limits in percent of an unknown total, errors as `{error: {code, error_subcode, ...}}`."""

    network = Network.INSTAGRAM
    renew_before = timedelta(days=7)

    def __init__(self, app: InstagramApp | None = None) -> None:
        self._app = app

    def authorize(self, call: Call, token: Token) -> Call:
        # In the query, as recorded. A bearer header is said to work too [K] and would keep tokens out of URLs.
        params = [*call.params, ("access_token", token.access_token)]
        if self._app is not None:
            params.append(("appsecret_proof", app_secret_proof(token.access_token, self._app.app_secret)))
        return replace(call, params=tuple(params))

    def refusal(self, status: int, body: Any) -> Refusal:
        refusal = classify(status, body)
        is_app_wide = refusal.code in {str(code) for code in APP_WIDE_CODES}
        return replace(refusal, limit_key=APP_LIMIT) if is_app_wide else refusal

    def limit_keys(self, account: Account, call: Call) -> tuple[str, ...]:  # noqa: ARG002
        return (f"account:{account.account_id}", APP_LIMIT)

    def usage(self, account: Account, call: Call, headers: Mapping[str, str]) -> tuple[Usage, ...]:
        """`X-App-Usage` and `X-Business-Use-Case-Usage`: percent; the time to regain access is in minutes."""
        account_key, app_key = self.limit_keys(account, call)
        found = []
        app = _json_object(headers.get("x-app-usage"))
        if app:
            found.append(Usage(app_key, _percent(app) / 100))
        cases = [
            case
            for listed in _json_object(headers.get("x-business-use-case-usage")).values()
            for case in _dicts(listed)
        ]
        if cases:
            worst = max(cases, key=_percent)
            minutes = max((count_or_none(c.get("estimated_time_to_regain_access")) or 0 for c in cases), default=0)
            found.append(Usage(account_key, _percent(worst) / 100, minutes * 60.0 if minutes else None))
        return tuple(found)

    def local_limits(self, _account: Account, _call: Call) -> tuple[LocalLimit, ...]:
        return ()

    def can_renew(self, token: Token, *, is_refused: bool) -> bool:  # noqa: ARG002
        # Only a token that still works can be exchanged: after a refusal the account has to be connected again.
        return self._app is not None and not is_refused

    async def renew(self, transport: Transport, account: Account, token: Token) -> Token:
        if self._app is None:
            message = "Renewing a token needs the app's id and secret; connect the account again."
            raise NetworkError(ErrorClass.AUTH, message, network=self.network.value, code="no_app")
        params = (
            ("grant_type", "fb_exchange_token"),
            ("client_id", self._app.app_id),
            ("client_secret", self._app.app_secret.get_secret_value()),
            ("fb_exchange_token", token.access_token),
        )
        path = _path("oauth/access_token")
        call = Call(CallKind.TOKEN, "oauth/access_token", "GET", path, params=params, is_authorized=False)
        new = await transport.fetch(NewToken, account, call)
        life = timedelta(seconds=new.expires_in) if new.expires_in else TOKEN_LIFE
        return Token(access_token=new.access_token, expires_at=datetime.now(UTC) + life, version=token.version)


class InstagramConnector:
    """`contracts.ports.Connector` for Instagram professional accounts."""

    def __init__(self, transport: Transport, media: MediaReader, host: MediaHost) -> None:
        self._transport, self._media, self._host = transport, media, host
        self._refused_metrics: dict[str, set[str]] = {}

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    # --- reading ---------------------------------------------------------------------------------------------------------

    async def profile(self, account: Account) -> AccountSnapshot:
        """Name and counts, observed now."""
        call = _read("profile", account.native_id, fields=PROFILE_FIELDS)
        answer = await self._transport.send(account, call)
        profile = self._transport.parse(Profile, answer.body, call)
        return mapping.snapshot_from(account, profile, answer.body, observed_at=await self._transport.now())

    async def posts(self, account: Account, *, since: datetime | None) -> AsyncIterator[PostPage]:
        """Own posts, newest first. Stories are not among them: they are another listing and live 24 hours."""
        raws = self._pages(account, "media", f"{account.native_id}/media", fields=POST_FIELDS)
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
            async for raws in self._pages(account, "comments", path, fields=COMMENT_FIELDS):
                found: list[Comment] = []
                observed_at = await self._transport.now()
                for raw in raws:
                    comment = mapping.comment_from(account, post, raw, parent_id=None, observed_at=observed_at)
                    if comment is None:
                        continue
                    found.append(comment)
                    for reply in await self._replies(account, comment.native_id, first=raw.get("replies")):
                        mapped = mapping.comment_from(
                            account, post, reply, parent_id=comment.native_id, observed_at=observed_at
                        )
                        if mapped is not None:
                            found.append(mapped)
                if found:
                    yield tuple(found)
        except NetworkError as error:
            if not _is_gone(error):
                raise

    # --- publishing ------------------------------------------------------------------------------------------------------

    def prepare(self, request: PublishRequest) -> Staging:  # noqa: ARG002
        """Instagram takes no key from us: its container id, known before the commit, is the key."""
        return Staging()

    async def stage(self, request: PublishRequest, staging: Staging) -> Staging:
        """One step: a container more, or waiting until the last one is ready. Returns the same staging when it is not yet."""
        if _is_reply(request):
            return await self._stage_reply(request, staging)
        _check(request)
        handles = staging.handles
        if "container_id" not in handles:
            if not handles:
                await self._check_quota(request.account)
            return await self._next_container(request, staging)
        status = await self._wait_until_processed(request.account, handles["container_id"])
        if status == "IN_PROGRESS":
            return staging
        if status == "EXPIRED":
            return Staging()
        if status == "PUBLISHED":
            message = "This container is published already: look for the post instead of sending it again."
            raise NetworkError(ErrorClass.DUPLICATE, message, network=Network.INSTAGRAM.value, code="PUBLISHED")
        if staging.is_complete:
            return staging
        alike = await self._posts_alike(request)
        return _with(staging, is_complete=True, alike_before=",".join(media.id for media in alike))

    async def commit(self, request: PublishRequest, staging: Staging) -> Receipt:
        """Publish the container, or send the reply. The permalink is read afterwards and may stay unknown."""
        account = request.account
        if _is_reply(request):
            return await self._commit_reply(request)
        call = _post(CallKind.COMMIT, "media_publish", f"{account.native_id}/media_publish")
        call = replace(call, form={"creation_id": staging.handles["container_id"]})
        answer = await self._transport.send(account, call)
        media_id = self._transport.parse(Created, answer.body, call).id
        try:
            media = await self._transport.fetch(
                IgMedia, account, _read("media", media_id, fields="id,permalink,timestamp")
            )
        except NetworkError:
            media = IgMedia(id=media_id)  # it is live: an unreadable permalink must not make it look otherwise
        return Receipt(
            native_id=media_id,
            permalink=media.permalink,
            published_at=media.timestamp or await self._transport.now(),
            how="answered",
            raw=as_json(answer.body),
        )

    async def find_published(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        """Posts: by the container's status. Replies: by reading the replies, which can prove presence only."""
        if _is_reply(request):
            return await self._find_reply(request, staging)
        container_id = staging.handles.get("container_id")
        if container_id is None:
            return Reconciliation(outcome="not_published", evidence="No container was made, so none was published.")
        container = await self._container(request.account, container_id)
        status = container.status_code
        if status in ("FINISHED", "ERROR", "EXPIRED"):
            return Reconciliation(outcome="not_published", evidence=f"Container {container_id} is {status}.")
        if status != "PUBLISHED":
            return Reconciliation(
                outcome="undecided", evidence=f"Container {container_id} is {status or 'unreadable'}."
            )
        return await self._find_post(request, staging, container_id)

    async def delete(self, account: Account, native_post_id: str) -> None:
        """Delete a comment, or a post where the app may [K]. Deleting one that is gone already succeeds."""
        call = Call(CallKind.STAGE, "delete", "DELETE", _path(native_post_id))
        try:
            await self._transport.send(account, call)
        except NetworkError as error:
            if not _is_gone(error) or await self._exists(account, native_post_id):
                raise

    async def refresh_token(self, account: Account) -> None:
        await self._transport.renew_token(account)

    async def _exists(self, account: Account, native_id: str) -> bool:
        """Whether the object can still be read: one code says both "gone" and "not allowed"."""
        try:
            await self._transport.send(account, _read("exists", native_id, fields="id"))
        except NetworkError as error:
            if _is_gone(error):
                return False
            raise
        return True

    # --- insights --------------------------------------------------------------------------------------------------------

    async def _insights_of(self, account: Account, post: Post) -> tuple[PostMetricPoint, ...]:
        kind = post.content_format.value
        metrics = [m for m in POST_METRICS if m not in self._refused_metrics.get(kind, set())]
        try:
            raws = await self._insights(account, f"{post.native_id}/insights", metrics, refused_for=kind)
        except NetworkError as error:
            if error.error_class is ErrorClass.INVALID:
                return ()
            raise
        return mapping.insights_from(account, post, raws, observed_at=await self._transport.now())

    async def _daily(
        self, account: Account, metrics: Sequence[str], start: date, end: date, **params: str
    ) -> list[AccountMetricPoint]:
        until = mapping.start_of_day(end + timedelta(days=1))
        raws = await self._insights(
            account,
            f"{account.native_id}/insights",
            metrics,
            period="day",
            since=str(int(mapping.start_of_day(start).timestamp())),
            until=str(int(until.timestamp())),
            **params,
        )
        fetched_at = await self._transport.now()
        return list(mapping.daily_points(account, raws, start=start, end=end, fetched_at=fetched_at))

    async def _insights(
        self, account: Account, path: str, metrics: Sequence[str], *, refused_for: str | None = None, **params: str
    ) -> list[Any]:
        """Insights of all metrics that the network grants. One that it refuses fails the whole call without saying which
        (only the message does), so the list is halved until the bad ones stand alone. Raises when it refuses them all."""
        if not metrics:
            return []
        call = _read("insights", path, metric=",".join(metrics), **params)
        try:
            return list((await self._transport.fetch(Page, account, call)).data)
        except NetworkError as error:
            if error.code != "100":
                raise
            if len(metrics) == 1:
                if refused_for is not None:
                    self._refused_metrics.setdefault(refused_for, set()).add(metrics[0])
                raise
            refusal, granted, middle = error, [], len(metrics) // 2
        is_any_granted = False
        for half in (metrics[:middle], metrics[middle:]):
            try:
                granted += await self._insights(account, path, half, refused_for=refused_for, **params)
                is_any_granted = True
            except NetworkError as error:
                if error.code != "100":
                    raise
        if not is_any_granted:
            raise refusal
        return granted

    # --- posts -----------------------------------------------------------------------------------------------------------

    async def _next_container(self, request: PublishRequest, staging: Staging) -> Staging:
        account, handles = request.account, staging.handles
        if len(request.media) == 1:
            fields = {**await self._hosted(request.media[0]), "caption": request.text}
            return _with(staging, container_id=await self._create_container(account, fields))
        for i, media in enumerate(request.media):
            if f"child_{i}" not in handles:
                child = {**await self._hosted(media), "is_carousel_item": "true"}
                made = {f"child_{i}": await self._create_container(account, child)}
                return Staging(handles={**handles, **made})
        children = [handles[f"child_{i}"] for i in range(len(request.media))]
        for child_id in children:
            status = await self._wait_until_processed(account, child_id)
            if status != "FINISHED":
                return Staging() if status == "EXPIRED" else staging
        fields = {"media_type": "CAROUSEL", "children": ",".join(children), "caption": request.text}
        return _with(staging, container_id=await self._create_container(account, fields))

    async def _hosted(self, media: Media) -> dict[str, str]:
        """The fields of a picture that Instagram can fetch. The name holds the content's hash: same picture, same URL."""
        suffix = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}.get(media.mime_type, "bin")
        content = read_media(self._media, media, self._transport.network)
        try:
            url = await self._host.publish(
                name=f"{media.sha256[:32]}.{suffix}", content=content, mime_type=media.mime_type
            )
        except ProviderError as error:
            network = self._transport.network.value
            raise NetworkError(ErrorClass.TRANSIENT, str(error), network=network, code="media_host") from error
        return {"image_url": url, **({"alt_text": media.alt_text} if media.alt_text else {})}

    async def _create_container(self, account: Account, fields: dict[str, str]) -> str:
        call = replace(_post(CallKind.STAGE, "container", f"{account.native_id}/media"), form=fields)
        return (await self._transport.fetch(Created, account, call)).id

    async def _container(self, account: Account, container_id: str) -> Container:
        call = _read("container_status", container_id, fields="id,status_code,status")
        return await self._transport.fetch(Container, account, call)

    async def _wait_until_processed(self, account: Account, container_id: str) -> str:
        """FINISHED, PUBLISHED or EXPIRED; IN_PROGRESS when it takes too long for now. Raises `invalid` for ERROR."""
        pause = FIRST_POLL_SECONDS
        for _ in range(CONTAINER_POLLS):
            container = await self._container(account, container_id)
            if container.status_code in ("FINISHED", "PUBLISHED", "EXPIRED"):
                return container.status_code
            if container.status_code == "ERROR":
                message = "Instagram could not process the media of this post."
                raise NetworkError(ErrorClass.INVALID, message, network=Network.INSTAGRAM.value, code="ERROR")
            await self._transport.pause(pause)
            pause = min(pause * 2, LONGEST_POLL_SECONDS)
        return "IN_PROGRESS"

    async def _check_quota(self, account: Account) -> None:
        """Raises `rate` when the account's publishing quota of the last 24 hours is used up."""
        path = f"{account.native_id}/content_publishing_limit"
        page = await self._transport.fetch(
            Page, account, _read("content_publishing_limit", path, fields="quota_usage,config")
        )
        for raw in page.data:
            quota = mapping.read_as(Quota, raw)
            total = quota.config.quota_total if quota else None
            if quota is not None and total is not None and (quota.quota_usage or 0) >= total:
                message = f"The account has used its {total} posts of the last 24 hours."
                raise NetworkError(ErrorClass.RATE, message, network=Network.INSTAGRAM.value, code=PUBLISH_QUOTA_CODE)

    async def _posts_alike(self, request: PublishRequest) -> list[IgMedia]:
        """Among the newest posts, those with this caption that are not older than the intent, newest first."""
        fields = "id,caption,permalink,timestamp"
        path = f"{request.account.native_id}/media"
        call = _read("media", path, fields=fields, limit=str(PAGE_SIZE))
        page = await self._transport.fetch(Page, request.account, call)
        media = [m for raw in page.data if (m := mapping.read_as(IgMedia, raw)) is not None]
        oldest = request.created_at - CLOCKS_DIFFER_BY
        return [
            m for m in media if mapping.same_text(m.caption, request.text) and m.timestamp and m.timestamp >= oldest
        ]

    async def _find_post(self, request: PublishRequest, staging: Staging, container_id: str) -> Reconciliation:
        """Which post the published container became: the only one alike that was not there before the commit."""
        before = {*staging.handles.get("alike_before", "").split(","), *request.claimed_native_ids}

        async def look() -> list[IgMedia]:
            return [media for media in await self._posts_alike(request) if media.id not in before]

        alike = await self._look_until_found(look)
        evidence = f"Container {container_id} is PUBLISHED; "
        if len(alike) != 1:
            evidence += "its post is not listed yet." if not alike else f"{len(alike)} new posts have its caption."
            return Reconciliation(outcome="undecided", evidence=evidence)
        media = alike[0]
        receipt = Receipt(
            native_id=media.id,
            permalink=media.permalink,
            published_at=media.timestamp or request.created_at,
            how="reconciled",
            raw=as_json(media.model_dump(mode="json", exclude_none=True)),
        )
        return Reconciliation(outcome="published", receipt=receipt, evidence=evidence + f"it is post {media.id}.")

    async def _look_until_found(self, look: Callable[[], Awaitable[list[Any]]]) -> list[Any]:
        """What `look` finds, asking again for as long as listings lag."""
        for attempt in range(FINDING_TRIES):
            if found := await look():
                return found
            if attempt + 1 < FINDING_TRIES:
                await self._transport.pause(FINDING_PAUSE_SECONDS)
        return []

    # --- replies ---------------------------------------------------------------------------------------------------------

    async def _stage_reply(self, request: PublishRequest, staging: Staging) -> Staging:
        if request.media:
            message = "A reply on Instagram is text only."
            raise NetworkError(ErrorClass.INVALID, message, network=Network.INSTAGRAM.value, code="unfit_media")
        if staging.is_complete:
            return staging
        alike = await self._replies_alike(request)
        return _with(staging, is_complete=True, alike_before=",".join(c.id for c in alike))

    async def _commit_reply(self, request: PublishRequest) -> Receipt:
        comment_id = request.reply_to_native_comment_id
        path = f"{comment_id}/replies" if comment_id else f"{request.reply_to_native_post_id}/comments"
        call = replace(_post(CallKind.COMMIT, "reply", path), form={"message": request.text})
        answer = await self._transport.send(request.account, call)
        reply_id = self._transport.parse(Created, answer.body, call).id
        published_at = await self._transport.now()
        return Receipt(
            native_id=reply_id, permalink=None, published_at=published_at, how="answered", raw=as_json(answer.body)
        )

    async def _find_reply(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        before = {*staging.handles.get("alike_before", "").split(","), *request.claimed_native_ids}

        async def look() -> list[IgComment]:
            return [reply for reply in await self._replies_alike(request) if reply.id not in before]

        alike = await self._look_until_found(look)
        if len(alike) != 1:
            evidence = (
                "No new reply of ours has this text." if not alike else f"{len(alike)} new replies have this text."
            )
            return Reconciliation(outcome="undecided", evidence=f"{evidence} Instagram gives replies no key of ours.")
        reply = alike[0]
        receipt = Receipt(
            native_id=reply.id, permalink=None, published_at=reply.timestamp or request.created_at, how="reconciled"
        )
        return Reconciliation(outcome="published", receipt=receipt, evidence=f"Reply {reply.id} has this text.")

    async def _replies_alike(self, request: PublishRequest) -> list[IgComment]:
        """Own answers with this text below the comment (or post) answered, not older than the intent."""
        account, comment_id = request.account, request.reply_to_native_comment_id
        if comment_id is not None:
            raws = await self._replies(account, comment_id)
        else:
            path = f"{request.reply_to_native_post_id}/comments"
            raws = [r async for page in self._pages(account, "comments", path, fields=REPLY_FIELDS) for r in page]
        oldest = request.created_at - CLOCKS_DIFFER_BY
        alike = []
        for raw in raws:
            reply = mapping.read_as(IgComment, raw)
            if reply is None or not mapping.same_text(reply.text, request.text):
                continue
            if reply.timestamp is not None and reply.timestamp < oldest:
                continue
            if mapping.is_own(account, reply.username, author_id(raw)):
                alike.append(reply)
        return alike

    async def _replies(self, account: Account, comment_id: str, *, first: Any = ...) -> list[Any]:
        """All replies to a comment. `first`: the page that came with the comment, None when there was none."""
        if first is None:
            return []
        path = f"{comment_id}/replies"
        start = None
        found: list[Any] = []
        if first is not ...:
            page = mapping.read_as(Page, first)
            if page is None:
                return []
            found, start = [r for r in page.data if isinstance(r, dict)], page.following
            if start is None:
                return found
        async for raws in self._pages(account, "replies", path, fields=REPLY_FIELDS, after=start):
            found += raws
        return found

    async def _pages(
        self, account: Account, operation: str, path: str, *, fields: str, after: str | None = None
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """Pages of a listing until there is no `next`, or the network repeats a cursor."""
        while True:
            paging = {"limit": str(PAGE_SIZE), **({"after": after} if after else {})}
            page = await self._transport.fetch(Page, account, _read(operation, path, fields=fields, **paging))
            yield [raw for raw in page.data if isinstance(raw, dict)]
            if page.following is None or page.following == after:
                return
            after = page.following


def app_secret_proof(access_token: str, app_secret: SecretStr) -> str:
    """Proof that the caller holds the app's secret [K]: hex HMAC-SHA256 of the token."""
    return hmac.new(app_secret.get_secret_value().encode(), access_token.encode(), hashlib.sha256).hexdigest()


def _path(path: str) -> str:
    return f"/{API_VERSION}/{path}"


def _read(operation: str, path: str, **params: str) -> Call:
    return Call(CallKind.READ, operation, "GET", _path(path), params=tuple(params.items()))


def _post(kind: CallKind, operation: str, path: str) -> Call:
    return Call(kind, operation, "POST", _path(path))


def _with(staging: Staging, *, is_complete: bool = False, **handles: str) -> Staging:
    return Staging(handles={**staging.handles, **handles}, is_complete=is_complete)


def _is_reply(request: PublishRequest) -> bool:
    return request.reply_to_native_comment_id is not None or request.reply_to_native_post_id is not None


def _is_gone(error: NetworkError) -> bool:
    return error.code == "100/33"


def _check(request: PublishRequest) -> None:
    """Refuse what the network could not show; policy has said so before, with a remedy."""
    problem: str | None = None
    if not request.media:
        problem = "Instagram has no posts without a picture."
    elif len(request.media) > MOST_CAROUSEL_ITEMS:
        problem = (
            f"An Instagram carousel has at most {MOST_CAROUSEL_ITEMS} pictures; this one has {len(request.media)}."
        )
    elif unfit := [m for m in request.media if not m.mime_type.startswith("image/")]:
        problem = f"Instagram posts of Pulso carry pictures only, not {unfit[0].mime_type}."
    if problem:
        raise NetworkError(ErrorClass.INVALID, problem, network=Network.INSTAGRAM.value, code="unfit_media")


def _json_object(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text) if text else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _percent(usage: Mapping[str, Any]) -> float:
    values = [usage.get(name) for name in ("call_count", "total_cputime", "total_time")]
    return max((float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)), default=0.0)
