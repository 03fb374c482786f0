"""YouTube's wire: one channel, through the Data API, the Analytics API and Google's token endpoint.

Belongs here: calls, their order, limits. Does not belong here: addresses (`calls.py`), upload sessions (`uploads.py`), answers to
comments (`replies.py`), tables (`reports.py`), prices (`quota.py`), shapes, mapping, error codes.

Publishing sends a film to an upload session whose address was persisted before the first byte: asked again, it tells whether
it has become a video, so that nothing is ever published twice. Comments have no such key.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, Literal

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
from platforms._media import read_media
from platforms._quotas import LocalLimit
from platforms._shapes import as_json, read_as
from platforms.youtube import calls, mapping, replies, uploads
from platforms.youtube.errors import classify
from platforms.youtube.models import Channel, NewToken, Page, PlaylistItem, Thread, Video
from platforms.youtube.quota import COSTS, Quota
from platforms.youtube.reports import Reports

PAGE_SIZE = 50
COMMENTS_PAGE_SIZE = 100
VIDEOS_PER_REPORT = 200  # [K] the most rows of a report by video
VIDEO_PARTS = "snippet,statistics,status,contentDetails,player"
PLAYER_HEIGHT = "720"
"""Asked for so that the player's measures take the film's shape: a short is known by nothing else."""

READ_LAG_SECONDS = 2.0  # [K] how long a new comment may be missing; sessions tell of their video at once
CLOCKS_DIFFER_BY = replies.CLOCKS_DIFFER_BY
MOST_SESSIONS_LOST = 3

CAPABILITIES = Capabilities(
    network=Network.YOUTUBE,
    formats=frozenset({ContentFormat.VIDEO, ContentFormat.SHORT_VIDEO}),
    has_account_metrics=True,
    has_comments=True,
    can_reply=True,
    is_commit_idempotent=False,  # [K] perhaps it is, but nothing depends on it: the session always tells
    is_reply_idempotent=False,
    post_metrics=(*mapping.LISTED_METRICS.values(), *mapping.REPORTED_METRICS.values()),
    account_metrics=tuple(mapping.DAILY_METRICS.values()),
    options=frozenset({"title", "privacy", "is_ai_made", "is_paid_partnership"}),
    read_lag_seconds=READ_LAG_SECONDS,
)

_NOT_THERE = frozenset({"videoNotFound", "commentNotFound", "notFound", "playlistNotFound", "parentCommentNotFound"})
_NO_COMMENTS = _NOT_THERE | {"commentsDisabled"}
_VIDEO_ID_LENGTH = 11


@dataclass(frozen=True)
class YouTubeApp:
    """The Google project through which channels are connected. Without it tokens, which live an hour, cannot be renewed."""

    client_id: str
    client_secret: SecretStr


class YouTubeDialect:
    """Bearer tokens that live an hour, a daily quota that no header tells, errors as `{error: {errors: [{reason}]}}`.

    `quota` is the project's; None counts nothing and leaves it to the network to refuse.
    """

    network = Network.YOUTUBE
    renew_before = timedelta(minutes=5)

    def __init__(self, app: YouTubeApp | None = None, *, quota: Quota | None = Quota()) -> None:  # noqa: B008 - frozen
        self._app, self._quota = app, quota
        self._project = app.client_id if app is not None else "project"

    def authorize(self, call: Call, token: Token) -> Call:
        return with_headers(call, authorization=f"Bearer {token.access_token}")

    def refusal(self, status: int, body: Any) -> Refusal:
        return classify(status, body)

    def limit_keys(self, account: Account, call: Call) -> tuple[str, ...]:
        """A refusal holds back the account that got it, and only calls from the same bucket: some limits are the channel's own.
        What all share, the project's quota, is counted before it is used up (`local_limits`)."""
        cost = COSTS.get(call.operation)
        return (f"{cost.bucket if cost else call.operation}:{account.account_id}",)

    def usage(self, account: Account, call: Call, headers: Mapping[str, str]) -> tuple[Usage, ...]:  # noqa: ARG002
        """YouTube sends no figures."""
        return ()

    def local_limits(self, account: Account, call: Call) -> tuple[LocalLimit, ...]:  # noqa: ARG002 - the project's
        """What the call costs the Google project, in whose quota all its accounts share."""
        if self._quota is None:
            return ()
        limit = self._quota.limit_of(call.operation, project=self._project, is_read=call.kind is CallKind.READ)
        return (limit,) if limit is not None else ()

    def can_renew(self, token: Token, *, is_refused: bool) -> bool:  # noqa: ARG002
        return self._app is not None and token.refresh_token is not None

    async def renew(self, transport: Transport, account: Account, token: Token) -> Token:
        """A new access token. Google keeps the refresh token as it is; where it does send another, that one counts."""
        if self._app is None or token.refresh_token is None:
            message = "Renewing a token needs the Google project's id and secret and a refresh token; connect again."
            raise NetworkError(ErrorClass.AUTH, message, network=self.network.value, code="no_app")
        call = Call(
            CallKind.TOKEN,
            "token",
            "POST",
            calls.TOKEN,
            form={
                "grant_type": "refresh_token",
                "client_id": self._app.client_id,
                "client_secret": self._app.client_secret.get_secret_value(),
                "refresh_token": token.refresh_token,
            },
            is_authorized=False,
        )
        new = await transport.fetch(NewToken, calls.at_host_of(account, call), call)
        return Token(
            access_token=new.access_token,
            refresh_token=new.refresh_token or token.refresh_token,
            expires_at=datetime.now(UTC) + timedelta(seconds=new.expires_in) if new.expires_in else None,
            version=token.version,
        )


class YouTubeConnector:
    """`contracts.ports.Connector` for YouTube channels."""

    def __init__(self, transport: Transport, media: MediaReader) -> None:
        self._transport, self._media = transport, media
        self._reports = Reports(transport)
        self._uploads_playlists: dict[str, str] = {}

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    # --- reading ---------------------------------------------------------------------------------------------------------

    async def profile(self, account: Account) -> AccountSnapshot:
        """Name and counts, observed now. The number of subscribers is rounded, and unknown where the channel hides it."""
        channel, raw = await self._channel(account)
        return mapping.snapshot_from(account, channel, raw, observed_at=await self._transport.now())

    async def posts(self, account: Account, *, since: datetime | None) -> AsyncIterator[PostPage]:
        """Own videos that anybody can see, newest first. Two units a page of fifty: the playlist of uploads, then its videos."""
        to_post = partial(mapping.post_from, account)
        to_metrics = partial(mapping.listed_metrics_from, account)
        async for page in post_pages(self._videos(account), self._transport, to_post, to_metrics, since=since):
            yield page

    async def post_metrics(self, account: Account, posts: Sequence[Post]) -> tuple[PostMetricPoint, ...]:
        """Counts that only Analytics has, over each video's whole life. Videos of the last days are not in it yet."""
        points: list[PostMetricPoint] = []
        for first in range(0, len(posts), VIDEOS_PER_REPORT):
            batch = {post.native_id: post.published_at for post in posts[first : first + VIDEOS_PER_REPORT]}
            today = (await self._transport.now()).date()
            tables = await self._reports.tables(
                account,
                tuple(mapping.REPORTED_METRICS),
                dimensions="video",
                filters=f"video=={','.join(batch)}",
                startDate=(min(batch.values()).date() - timedelta(days=1)).isoformat(),
                endDate=today.isoformat(),
                maxResults=str(VIDEOS_PER_REPORT),
            )
            observed_at = await self._transport.now()
            for table in tables:
                points += mapping.reported_metrics_from(account, table, batch, observed_at=observed_at)
        return tuple(points)

    async def account_metrics(self, account: Account, *, start: date, end: date) -> tuple[AccountMetricPoint, ...]:
        """Daily figures of YouTube's own (Pacific) days. Days that are not ready, or that nothing happened on, are absent."""
        tables = await self._reports.tables(
            account,
            tuple(mapping.DAILY_METRICS),
            dimensions="day",
            startDate=start.isoformat(),
            endDate=end.isoformat(),
        )
        fetched_at = await self._transport.now()
        return tuple(
            point
            for table in tables
            for point in mapping.daily_points(account, table, start=start, end=end, fetched_at=fetched_at)
        )

    async def comments(self, account: Account, post: Post) -> AsyncIterator[tuple[Comment, ...]]:
        """Comments page by page, answers right after the comment that they answer. A video that is gone, or whose comments are
        closed, has none."""
        paging = {"videoId": post.native_id, "part": "snippet,replies", "textFormat": "plainText"}
        try:
            async for raws in self._pages(account, "commentThreads", maxResults=str(COMMENTS_PAGE_SIZE), **paging):
                observed_at = await self._transport.now()
                threads = [t for raw in raws if (t := read_as(Thread, raw)) is not None and t.snippet]
                answers = await all_of([self._answers(account, thread) for thread in threads])
                found: list[Comment] = []
                for thread, answered in zip(threads, answers, strict=True):
                    top = thread.snippet.top if thread.snippet else None
                    comment = mapping.comment_from(account, post, top, parent_id=None, observed_at=observed_at)
                    if comment is None:
                        continue
                    found.append(comment)
                    mapped = (
                        mapping.comment_from(account, post, raw, parent_id=comment.native_id, observed_at=observed_at)
                        for raw in answered
                    )
                    found += [answer for answer in mapped if answer is not None]
                if found:
                    yield tuple(found)
        except NetworkError as error:
            if error.code not in _NO_COMMENTS:
                raise

    # --- publishing ------------------------------------------------------------------------------------------------------

    def prepare(self, request: PublishRequest) -> Staging:  # noqa: ARG002
        """YouTube takes no key from us: the address of the upload session, known before its first byte, is the key."""
        return Staging()

    async def stage(self, request: PublishRequest, staging: Staging) -> Staging:
        """One step: open the session, or send one more part of the film. Complete when only the part with the last byte, which
        makes the video, is left."""
        if replies.is_reply(request):
            return await replies.stage(self._transport, request, staging)
        uploads.check(request)
        account, handles = request.account, staging.handles
        content = read_media(self._media, request.media[0], Network.YOUTUBE)
        if "session" not in handles:
            return await self._open_session(request, staging, content)
        self._check_unchanged(content, handles, ErrorClass.INVALID)
        session = await uploads.ask(self._transport, account, handles["session"], len(content))
        if session.is_gone and staging.is_complete and (await self._find_listed(request)).outcome == "published":
            raise _uploaded("The upload session is gone and a video like this post is listed")
        if session.is_gone:
            return Staging(handles={"sessions_lost": str(int(handles.get("sessions_lost", "0")) + 1)})
        if session.video is not None:
            raise _uploaded("This upload has become a video already")
        start = session.held_bytes or 0
        if len(content) - start > uploads.CHUNK_BYTES:
            kind = request.media[0].mime_type
            session = await uploads.send_part(
                self._transport, account, handles["session"], content, start, mime_type=kind
            )
            start = session.held_bytes or 0
        is_last = len(content) - start <= uploads.CHUNK_BYTES
        return Staging(handles={**handles, "start": str(start)}, is_complete=is_last)

    async def commit(self, request: PublishRequest, staging: Staging) -> Receipt:
        """Send the part with the last byte, or the answer to a comment."""
        if replies.is_reply(request):
            return await replies.commit(self._transport, request)
        account, film, handles = request.account, request.media[0], staging.handles
        try:
            content = read_media(self._media, film, Network.YOUTUBE)
        except NetworkError as error:
            raise _unclear(error.message) from error
        self._check_unchanged(content, handles, ErrorClass.AMBIGUOUS)
        call = uploads.last_part(handles["session"], content, int(handles["start"]), mime_type=film.mime_type)
        try:
            answer = await self._transport.send(account, call)
        except NetworkError as error:
            if error.status in uploads.GONE:
                raise _unclear("The upload session is gone.") from error
            raise
        video = self._transport.parse(Video, answer.body, call)
        return _receipt(request, video.id, video.published_at, answer.body, how="answered")

    async def find_published(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        """Videos: the session says whether it became one. Answers: by reading them, which can prove presence only."""
        if replies.is_reply(request):
            return await replies.find(self._transport, request, staging)
        address, total = staging.handles.get("session"), staging.handles.get("total", "0")
        if address is None:
            return Reconciliation(outcome="not_published", evidence="No upload was begun, so nothing was published.")
        session = await uploads.ask(self._transport, request.account, address, int(total))
        if session.video is not None:
            video = read_as(Video, session.video)
            if video is None:
                return Reconciliation(outcome="undecided", evidence="The upload's video cannot be read.")
            receipt = _receipt(request, video.id, video.published_at, session.video, how="reconciled")
            return Reconciliation(outcome="published", receipt=receipt, evidence=f"The upload became video {video.id}.")
        if not session.is_gone:
            evidence = f"The upload holds {session.held_bytes} of {total} bytes and is no video yet."
            return Reconciliation(outcome="not_published", evidence=evidence)
        if not staging.is_complete:
            evidence = "The upload is gone, and its last bytes were never sent."
            return Reconciliation(outcome="not_published", evidence=evidence)
        return await self._find_listed(request)

    async def delete(self, account: Account, native_post_id: str) -> None:
        """Delete a video, or a comment (their ids are longer [K]). Deleting one that is gone already succeeds."""
        kind = "videos" if len(native_post_id) == _VIDEO_ID_LENGTH else "comments"
        call = calls.write(
            CallKind.STAGE,
            f"{kind}.delete",
            "DELETE",
            f"{calls.DATA}{kind}",
            params={"id": native_post_id},
        )
        try:
            await self._transport.send(account, call)
        except NetworkError as error:
            if error.code not in _NOT_THERE and error.status != 404:
                raise

    async def refresh_token(self, account: Account) -> None:
        await self._transport.renew_token(account)

    # --- channel and videos ----------------------------------------------------------------------------------------------

    async def _channel(self, account: Account) -> tuple[Channel, Any]:
        """The channel that the token speaks for. Raises `auth` when that is another one, or none."""
        call = calls.read(
            "channels.list", f"{calls.DATA}channels", part="snippet,statistics,contentDetails", mine="true"
        )
        page = await self._transport.fetch(Page, account, call)
        for raw in page.items:
            channel = read_as(Channel, raw)
            if channel is not None and channel.id == account.native_id:
                if channel.content is not None and channel.content.playlists.uploads is not None:
                    self._uploads_playlists[account.account_id] = channel.content.playlists.uploads
                return channel, raw
        message = "The token speaks for no channel or for another one; connect the account again."
        raise NetworkError(ErrorClass.AUTH, message, network=Network.YOUTUBE.value, code="other_channel")

    async def _playlist_items(self, account: Account) -> AsyncIterator[list[dict[str, Any]]]:
        """Pages of the playlist that holds all uploads, newest first."""
        if account.account_id not in self._uploads_playlists:
            await self._channel(account)
        playlist_id = self._uploads_playlists.get(account.account_id)
        if playlist_id is None:
            return
        paging = {"part": "snippet,contentDetails", "playlistId": playlist_id, "maxResults": str(PAGE_SIZE)}
        try:
            async for raws in self._pages(account, "playlistItems", **paging):
                yield raws
        except NetworkError as error:
            if error.code != "playlistNotFound":  # [K] a channel without uploads
                raise

    async def _videos(self, account: Account) -> AsyncIterator[list[dict[str, Any]]]:
        """Pages of own videos. The playlist lacks counts, lengths and who may see them."""
        async for raws in self._playlist_items(account):
            items = [item for raw in raws if (item := read_as(PlaylistItem, raw)) is not None]
            ids = list(dict.fromkeys(item.video_id for item in items if item.video_id is not None))
            if not ids:
                yield []
                continue
            params = {"part": VIDEO_PARTS, "id": ",".join(ids), "maxHeight": PLAYER_HEIGHT}
            call = calls.read("videos.list", f"{calls.DATA}videos", **params)
            page = await self._transport.fetch(Page, account, call)
            yield [raw for raw in page.items if isinstance(raw, dict)]

    async def _answers(self, account: Account, thread: Thread) -> list[Any]:
        """All answers in a thread: those that came with it, unless it has more."""
        came = [raw for raw in thread.replies.comments if isinstance(raw, dict)]
        if thread.id is None or thread.snippet is None or (thread.snippet.replies or 0) <= len(came):
            return came
        return [raw async for raws in replies.of_comment(self._transport, account, thread.id) for raw in raws]

    def _pages(self, account: Account, listing: str, **params: str) -> AsyncIterator[list[dict[str, Any]]]:
        return replies.pages(self._transport, account, listing, **params)

    # --- uploads ---------------------------------------------------------------------------------------------------------

    async def _open_session(self, request: PublishRequest, staging: Staging, content: bytes) -> Staging:
        if not content:
            message = "The film of this post is empty."
            raise NetworkError(ErrorClass.INVALID, message, network=Network.YOUTUBE.value, code="unfit_post")
        if int(staging.handles.get("sessions_lost", "0")) >= MOST_SESSIONS_LOST:
            # Each session costs one of the project's few uploads of the day, which are everybody's.
            message = f"YouTube lost {MOST_SESSIONS_LOST} upload sessions of this post."
            raise NetworkError(ErrorClass.TRANSIENT, message, network=Network.YOUTUBE.value, code="no_session")
        address = await uploads.open_session(self._transport, request, request.media[0], len(content))
        handles = {**staging.handles, "session": address, "total": str(len(content)), "start": "0"}
        return Staging(handles=handles, is_complete=len(content) <= uploads.CHUNK_BYTES)

    def _check_unchanged(self, content: bytes, handles: Mapping[str, str], error_class: ErrorClass) -> None:
        if str(len(content)) != handles["total"]:
            message = "The film has changed since its upload began."
            raise NetworkError(error_class, message, network=Network.YOUTUBE.value, code="unreadable_media")

    async def _find_listed(self, request: PublishRequest) -> Reconciliation:
        """The session is gone although its last bytes were sent: look for its video among the uploads since. A listing that lacks
        it proves nothing, since nobody says how soon a video is listed."""
        title, oldest = uploads.title_of(request), request.created_at - CLOCKS_DIFFER_BY
        alike: list[tuple[str, datetime]] = []
        async for raws in self._playlist_items(request.account):
            items = [item for raw in raws if (item := read_as(PlaylistItem, raw)) is not None]
            times = [item.snippet.published_at for item in items if item.snippet and item.snippet.published_at]
            alike += [
                (item.video_id, item.snippet.published_at)
                for item in items
                if item.video_id is not None
                and item.video_id not in request.claimed_native_ids
                and item.snippet is not None
                and item.snippet.published_at is not None
                and item.snippet.published_at >= oldest
                and mapping.same_text(item.snippet.title, title)
                and mapping.same_text(item.snippet.description, request.text)
            ]
            if times and max(times) < oldest:
                break
        if not alike:
            evidence = "The upload session is gone, and no new upload is like this post."
            return Reconciliation(outcome="absent", evidence=evidence)
        if len(alike) > 1:
            evidence = f"The upload session is gone, and {len(alike)} new uploads are like this post."
            return Reconciliation(outcome="undecided", evidence=evidence)
        video_id, published_at = alike[0]
        receipt = _receipt(request, video_id, published_at, {"id": video_id}, how="reconciled")
        evidence = f"The upload session is gone; video {video_id} is the only new one like this post."
        return Reconciliation(outcome="published", receipt=receipt, evidence=evidence)


def _receipt(
    request: PublishRequest,
    video_id: str,
    published_at: datetime | None,
    body: Any,
    *,
    how: Literal["answered", "reconciled"],
) -> Receipt:
    return Receipt(
        native_id=video_id,
        permalink=mapping.permalink_of(video_id),
        published_at=published_at or request.created_at,
        how=how,
        raw=as_json(body),
    )


def _uploaded(message: str) -> NetworkError:
    message = f"{message}: look for it instead of sending it again."
    return NetworkError(ErrorClass.DUPLICATE, message, network=Network.YOUTUBE.value, code="uploaded")


def _unclear(message: str) -> NetworkError:
    """Of a commit whose call may be a repetition: only the network's state can tell whether an earlier one landed."""
    return NetworkError(ErrorClass.AMBIGUOUS, message, network=Network.YOUTUBE.value, code="unclear")
