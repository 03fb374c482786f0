"""Instagram's wire: Graph API calls of one professional account.

Belongs here: calls, their order, limits. Does not belong here: shapes (`models.py`), mapping, error codes (`errors.py`).

Publishing goes through a *container*: invisible, its id known before the commit. After a lost answer its status tells whether
the post is live, so that nothing is ever published twice; which post it became is found in the newest media. Comments have no
such key: after a lost answer the replies are read, and where ours is not among them nobody can tell (it may show up later).
"""

from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from contracts.errors import ErrorClass, NetworkError, ProviderError
from contracts.networks import Capabilities, ContentFormat, Network
from contracts.ports import MediaHost, MediaReader, PostPage
from contracts.records import (
    Account,
    AccountMetricPoint,
    AccountSnapshot,
    Comment,
    Media,
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
from platforms._finding import look_until_found
from platforms._graph import Created, GraphDialect, Page, author_id
from platforms._graph_messages import GraphMessages
from platforms._http import CallKind, Refusal, Transport, all_of
from platforms._listing import post_pages
from platforms._media import read_media
from platforms._shapes import as_json, read_as
from platforms.instagram import mapping
from platforms.instagram.errors import PUBLISH_QUOTA_CODE, classify
from platforms.instagram.models import Container, IgComment, Profile, Quota
from platforms.instagram.models import Media as IgMedia

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
READ_LAG_SECONDS = 2.0  # [K] how long a published post may be missing from the account's listing

CONTAINER_POLLS = 6
FIRST_POLL_SECONDS = 0.5
LONGEST_POLL_SECONDS = 6.0
CLOCKS_DIFFER_BY = timedelta(minutes=10)
"""A post counts as younger than its intent even if the network's clock is this much behind ours."""

CAPABILITIES = Capabilities(
    network=Network.INSTAGRAM,
    formats=frozenset({ContentFormat.IMAGE, ContentFormat.CAROUSEL}),
    has_account_metrics=True,
    has_comments=True,
    has_messages=True,
    can_message=True,
    can_reply=True,
    is_commit_idempotent=False,
    is_reply_idempotent=False,
    post_metrics=("likes", "comments", "shares", "saves", "reach", "views"),
    account_metrics=("reach", "follower_count", "likes", "views", "comments", "shares", "saves", "replies"),
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
        self._transport, self._media, self._host = transport, media, host
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
                    for reply in await self._replies(account, comment.native_id, first=raw.get("replies")):
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
        """One step: a container more, or waiting until the last one is ready. Returns the same staging when it is not yet."""
        if request.message_to is not None:
            return await self._messages.stage(request, request.message_to, staging)
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
        return graph.with_handles(staging, {"alike_before": ",".join(media.id for media in alike)}, is_complete=True)

    async def commit(self, request: PublishRequest, staging: Staging) -> Receipt:
        """Publish the container, or send the reply. The permalink is read afterwards and may stay unknown."""
        if request.message_to is not None:
            return await self._messages.commit(request, request.message_to)
        account = request.account
        if _is_reply(request):
            return await self._commit_reply(request)
        path, form = f"{account.native_id}/media_publish", {"creation_id": staging.handles["container_id"]}
        call = graph.post(CallKind.COMMIT, "media_publish", path, form)
        answer = await self._transport.send(account, call)
        media_id = self._transport.parse(Created, answer.body, call).id
        try:
            media = await self._transport.fetch(
                IgMedia, account, graph.read("media", media_id, fields="id,permalink,timestamp")
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
        if request.message_to is not None:
            return await self._messages.find(request, request.message_to, staging)
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
        await graph.delete(self._transport, account, native_post_id)

    async def refresh_token(self, account: Account) -> None:
        await self._transport.renew_token(account)

    # --- insights --------------------------------------------------------------------------------------------------------

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

    async def _daily(
        self, account: Account, metrics: Sequence[str], start: date, end: date, **params: str
    ) -> list[AccountMetricPoint]:
        path = f"{account.native_id}/insights"
        asked = {"period": "day", **graph.whole_days(start, end), **params}
        raws = await graph.insights(self._transport, account, path, metrics, asked)
        fetched_at = await self._transport.now()
        return list(mapping.daily_points(account, raws, start=start, end=end, fetched_at=fetched_at))

    # --- posts -----------------------------------------------------------------------------------------------------------

    async def _next_container(self, request: PublishRequest, staging: Staging) -> Staging:
        account, handles = request.account, staging.handles
        if len(request.media) == 1:
            fields = {**await self._hosted(request.media[0]), "caption": request.text}
            return graph.with_handles(staging, {"container_id": await self._create_container(account, fields)})
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
        return graph.with_handles(staging, {"container_id": await self._create_container(account, fields)})

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
        call = graph.post(CallKind.STAGE, "container", f"{account.native_id}/media", fields)
        return (await self._transport.fetch(Created, account, call)).id

    async def _container(self, account: Account, container_id: str) -> Container:
        call = graph.read("container_status", container_id, fields="id,status_code,status")
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
            Page, account, graph.read("content_publishing_limit", path, fields="quota_usage,config")
        )
        for raw in page.data:
            quota = read_as(Quota, raw)
            total = quota.config.quota_total if quota else None
            if quota is not None and total is not None and (quota.quota_usage or 0) >= total:
                message = f"The account has used its {total} posts of the last 24 hours."
                raise NetworkError(ErrorClass.RATE, message, network=Network.INSTAGRAM.value, code=PUBLISH_QUOTA_CODE)

    async def _posts_alike(self, request: PublishRequest) -> list[IgMedia]:
        """Among the newest posts, those with this caption that are not older than the intent, newest first."""
        fields = "id,caption,permalink,timestamp"
        path = f"{request.account.native_id}/media"
        call = graph.read("media", path, fields=fields, limit=str(graph.PAGE_SIZE))
        page = await self._transport.fetch(Page, request.account, call)
        media = [m for raw in page.data if (m := read_as(IgMedia, raw)) is not None]
        oldest = request.created_at - CLOCKS_DIFFER_BY
        return [m for m in media if graph.same_text(m.caption, request.text) and m.timestamp and m.timestamp >= oldest]

    async def _find_post(self, request: PublishRequest, staging: Staging, container_id: str) -> Reconciliation:
        """Which post the published container became: the only one alike that was not there before the commit."""
        before = {*staging.handles.get("alike_before", "").split(","), *request.claimed_native_ids}

        async def look() -> list[IgMedia]:
            return [media for media in await self._posts_alike(request) if media.id not in before]

        alike = await look_until_found(self._transport, look)
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

    # --- replies ---------------------------------------------------------------------------------------------------------

    async def _stage_reply(self, request: PublishRequest, staging: Staging) -> Staging:
        if request.media:
            message = "A reply on Instagram is text only."
            raise NetworkError(ErrorClass.INVALID, message, network=Network.INSTAGRAM.value, code="unfit_media")
        if staging.is_complete:
            return staging
        alike = await self._replies_alike(request)
        return graph.with_handles(staging, {"alike_before": ",".join(c.id for c in alike)}, is_complete=True)

    async def _commit_reply(self, request: PublishRequest) -> Receipt:
        comment_id = request.reply_to_native_comment_id
        path = f"{comment_id}/replies" if comment_id else f"{request.reply_to_native_post_id}/comments"
        call = graph.post(CallKind.COMMIT, "reply", path, {"message": request.text})
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

        alike = await look_until_found(self._transport, look)
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
            raws = [
                r
                async for page in graph.pages(self._transport, account, "comments", path, fields=REPLY_FIELDS)
                for r in page
            ]
        oldest = request.created_at - CLOCKS_DIFFER_BY
        alike = []
        for raw in raws:
            reply = read_as(IgComment, raw)
            if reply is None or not graph.same_text(reply.text, request.text):
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
            page = read_as(Page, first)
            if page is None:
                return []
            found, start = [r for r in page.data if isinstance(r, dict)], page.following
            if start is None:
                return found
        async for raws in graph.pages(self._transport, account, "replies", path, fields=REPLY_FIELDS, after=start):
            found += raws
        return found


def _is_reply(request: PublishRequest) -> bool:
    return request.reply_to_native_comment_id is not None or request.reply_to_native_post_id is not None


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
