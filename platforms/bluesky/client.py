"""Bluesky's wire: XRPC calls of one account to its own PDS, which also relays the AppView's reads.

Belongs here: calls, their order, and what Bluesky's refusals mean. Does not belong here: shapes (`models.py`), mapping.

Publishing is `putRecord` under a key that we chose: writing the same record twice changes nothing, and `getRecord` on the PDS
(never the AppView, which lags by a second) says whether it landed.
"""

import base64
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Capabilities, ContentFormat, Network
from contracts.ports import MediaReader, PostPage
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
from platforms._http import Call, CallKind, Params, Refusal, Transport, server_time, with_headers
from platforms._listing import post_pages
from platforms._media import read_media
from platforms._quotas import LocalLimit
from platforms._shapes import as_json, count_or_none
from platforms.bluesky import mapping, tid
from platforms.bluesky.facets import mentions
from platforms.bluesky.models import (
    Feed,
    Posts,
    Profile,
    Records,
    RepoDescription,
    ResolvedHandle,
    Session,
    StoredRecord,
    Thread,
    UploadedBlob,
    Written,
)

XRPC = "/xrpc"
"""The only version that XRPC has; lexicons evolve by adding fields."""

PAGE_SIZE = 100
POSTS_PER_CALL = 25
THREAD_DEPTH = 1000
LARGEST_BLOB_BYTES = 2_000_000
MOST_IMAGES = 4

CAPABILITIES = Capabilities(
    network=Network.BLUESKY,
    formats=frozenset({ContentFormat.TEXT, ContentFormat.IMAGE, ContentFormat.CAROUSEL}),
    has_account_metrics=False,
    has_comments=True,
    can_reply=True,
    is_commit_idempotent=True,
    is_reply_idempotent=True,
    post_metrics=("likes", "comments", "shares", "quotes", "saves"),
    read_lag_seconds=0.0,
)

_CLASSES = {
    "ExpiredToken": ErrorClass.AUTH,  # [K] with status 400
    "InvalidToken": ErrorClass.AUTH,
    "AuthenticationRequired": ErrorClass.AUTH,
    "AuthMissing": ErrorClass.AUTH,
    "AccountTakedown": ErrorClass.AUTH,
    "AccountDeactivated": ErrorClass.AUTH,  # [K]
    "AccountSuspended": ErrorClass.AUTH,  # [K]
    "RateLimitExceeded": ErrorClass.RATE,
    "UpstreamFailure": ErrorClass.TRANSIENT,
    "UpstreamTimeout": ErrorClass.TRANSIENT,  # [K]
}
_NOT_FOUND = frozenset({"RecordNotFound", "NotFound"})


class BlueskyDialect:
    """Bearer tokens that live two hours, limits per account and per address, errors as `{error, message}`."""

    network = Network.BLUESKY
    renew_before = timedelta(minutes=5)

    def authorize(self, call: Call, token: Token) -> Call:
        return with_headers(call, authorization=f"Bearer {token.access_token}")

    def refusal(self, status: int, body: Any) -> Refusal:
        name = body.get("error") if isinstance(body, dict) else None
        message = body.get("message") if isinstance(body, dict) else None
        code = name if isinstance(name, str) else None
        text = message if isinstance(message, str) and message else f"HTTP {status}"
        return Refusal(_class_of(status, code), code, text)

    def limit_keys(self, account: Account, call: Call) -> tuple[str, ...]:
        host = urlsplit(account.base_url).netloc
        if call.kind is CallKind.READ:
            return (f"host:{host}",)
        if call.kind is CallKind.TOKEN:
            return (f"session:{account.account_id}", f"host:{host}")
        return (f"repo:{account.account_id}", f"host:{host}")

    def usage(self, account: Account, call: Call, headers: Mapping[str, str]) -> tuple[Usage, ...]:
        limit, left = count_or_none(headers.get("ratelimit-limit")), count_or_none(headers.get("ratelimit-remaining"))
        reset = count_or_none(headers.get("ratelimit-reset"))
        if not limit or left is None:
            return ()
        seconds = None if reset is None else reset - server_time(headers).timestamp()
        return (Usage(self.limit_keys(account, call)[0], 1 - left / limit, seconds),)

    def local_limits(self, _account: Account, _call: Call) -> tuple[LocalLimit, ...]:
        return ()

    def can_renew(self, token: Token, *, is_refused: bool) -> bool:  # noqa: ARG002
        return token.refresh_token is not None

    async def renew(self, transport: Transport, account: Account, token: Token) -> Token:
        call = Call(
            CallKind.TOKEN,
            "com.atproto.server.refreshSession",
            "POST",
            _path("com.atproto.server.refreshSession"),
            headers={"authorization": f"Bearer {token.refresh_token}"},
            is_authorized=False,
        )
        session = await transport.fetch(Session, account, call)
        return Token(
            access_token=session.access_jwt,
            refresh_token=session.refresh_jwt,
            expires_at=expiry_of(session.access_jwt),
            version=token.version,
        )


class BlueskyConnector:
    """`contracts.ports.Connector` for Bluesky.

    `has_app_view=False` is for a PDS that stands alone: profile and posts come from the repository, then without counts;
    metrics and other people's replies do not exist there.
    """

    def __init__(self, transport: Transport, media: MediaReader, *, has_app_view: bool = True) -> None:
        self._transport, self._media, self._has_app_view = transport, media, has_app_view

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    # --- reading ---------------------------------------------------------------------------------------------------------

    async def profile(self, account: Account) -> AccountSnapshot:
        """Display name and counts. Observed: Bluesky keeps no history of them."""
        if not self._has_app_view:
            call = _read("com.atproto.repo.describeRepo", repo=account.native_id)
            answer = await self._transport.send(account, call)
            known = self._transport.parse(RepoDescription, answer.body, call)
            profile = Profile(did=known.did, handle=known.handle)
        else:
            call = _read("app.bsky.actor.getProfile", actor=account.native_id)
            answer = await self._transport.send(account, call)
            profile = self._transport.parse(Profile, answer.body, call)
        raw = {k: v for k, v in answer.body.items() if k not in ("viewer", "didDoc")}
        return mapping.snapshot_from(account, profile, raw, observed_at=await self._transport.now())

    async def posts(self, account: Account, *, since: datetime | None) -> AsyncIterator[PostPage]:
        """Own posts and replies, newest first, without reposts of others."""
        source = "getAuthorFeed" if self._has_app_view else "listRecords"
        to_post = partial(mapping.post_from, account)
        to_metrics = partial(mapping.metrics_from, account, source=source)
        async for page in post_pages(self._pages(account), self._transport, to_post, to_metrics, since=since):
            yield page

    async def _pages(self, account: Account) -> AsyncIterator[list[dict[str, Any]]]:
        """Payloads of own posts, page by page, until there is no cursor or the network repeats one."""
        cursor: str | None = None
        while True:
            paging = {"limit": str(PAGE_SIZE), **({"cursor": cursor} if cursor else {})}
            if self._has_app_view:
                call = _read("app.bsky.feed.getAuthorFeed", actor=account.native_id, **paging)
                feed = await self._transport.fetch(Feed, account, call)
                items = [item for item in feed.feed if isinstance(item, dict) and not item.get("reason")]
                raws, following = [i["post"] for i in items if _is_by(i.get("post"), account)], feed.cursor
            else:
                where = {"repo": account.native_id, "collection": mapping.POST_COLLECTION}
                call = _read("com.atproto.repo.listRecords", **where, **paging)
                listed = await self._transport.fetch(Records, account, call)
                raws, following = [r for r in listed.records if isinstance(r, dict)], listed.cursor
            yield raws
            if following is None or following == cursor:
                return
            cursor = following

    async def post_metrics(self, account: Account, posts: Sequence[Post]) -> tuple[PostMetricPoint, ...]:
        """Counts of these posts now. The listing carries the same; this reads them without walking it."""
        if not self._has_app_view:
            return ()
        points: list[PostMetricPoint] = []
        for start in range(0, len(posts), POSTS_PER_CALL):
            uris: Params = [("uris", post.native_id) for post in posts[start : start + POSTS_PER_CALL]]
            call = replace(_read("app.bsky.feed.getPosts"), params=uris)
            answer = await self._transport.fetch(Posts, account, call)
            observed_at = await self._transport.now()
            for raw in answer.posts:
                if isinstance(raw, dict):
                    points += mapping.metrics_from(account, raw, observed_at=observed_at, source="getPosts")
        return tuple(points)

    async def account_metrics(self, account: Account, *, start: date, end: date) -> tuple[AccountMetricPoint, ...]:
        """Bluesky reports no past days: followers come from observations alone."""
        del account, start, end
        return ()

    async def comments(self, account: Account, post: Post) -> AsyncIterator[tuple[Comment, ...]]:
        """All replies below a post, nested ones too. A post that is gone has none."""
        if not self._has_app_view:
            return
        call = _read("app.bsky.feed.getPostThread", uri=post.native_id, depth=str(THREAD_DEPTH), parentHeight="0")
        try:
            answer = await self._transport.fetch(Thread, account, call)
        except NetworkError as error:
            if error.code in _NOT_FOUND:
                return
            raise
        observed_at = await self._transport.now()
        if found := tuple(mapping.comments_from(account, post, answer.thread, observed_at=observed_at)):
            yield found

    # --- publishing ------------------------------------------------------------------------------------------------------

    def prepare(self, request: PublishRequest) -> Staging:
        """Choose the record's key. The same intent always gets the same one."""
        return Staging(handles={"rkey": tid.for_intent(request.intent_id, request.created_at)})

    async def stage(self, request: PublishRequest, staging: Staging) -> Staging:
        """One step: upload one picture, or find out one thing that the record has to name."""
        handles = staging.handles
        account = request.account
        _check(request)
        for i, media in enumerate(request.media):
            if f"blob_{i}" not in handles:
                return _with(staging, **{f"blob_{i}": await self._upload(account, media)})
        for handle in mentions(request.text):
            if f"mention:{handle}" not in handles:
                return _with(staging, **{f"mention:{handle}": await self._resolve(account, handle)})
        target = request.reply_to_native_comment_id or request.reply_to_native_post_id
        if target is not None and "parent_uri" not in handles:
            return _with(staging, **await self._reply_refs(account, target))
        return staging.model_copy(update={"is_complete": True})

    async def commit(self, request: PublishRequest, staging: Staging) -> Receipt:
        """Write the record under its key."""
        call = Call(
            CallKind.COMMIT,
            "com.atproto.repo.putRecord",
            "POST",
            _path("com.atproto.repo.putRecord"),
            json={
                "repo": request.account.native_id,
                "collection": mapping.POST_COLLECTION,
                "rkey": staging.handles["rkey"],
                "record": mapping.record_from(request, staging),
            },
        )
        answer = await self._transport.send(request.account, call)
        written = self._transport.parse(Written, answer.body, call)
        return _receipt(request, written.uri, "answered", answer.body)

    async def find_published(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        """Ask the account's own PDS for the record: it is there or it is not."""
        rkey = staging.handles["rkey"]
        call = _read(
            "com.atproto.repo.getRecord",
            repo=request.account.native_id,
            collection=mapping.POST_COLLECTION,
            rkey=rkey,
        )
        try:
            answer = await self._transport.send(request.account, call)
        except NetworkError as error:
            if error.code in _NOT_FOUND:
                return Reconciliation(outcome="not_published", evidence=f"The PDS has no record {rkey}.")
            raise
        record = self._transport.parse(StoredRecord, answer.body, call)
        receipt = _receipt(request, record.uri, "reconciled", answer.body)
        return Reconciliation(outcome="published", receipt=receipt, evidence=f"The PDS holds record {rkey}.")

    async def delete(self, account: Account, native_post_id: str) -> None:
        """Delete a post. Deleting one that is gone already succeeds."""
        body = {
            "repo": account.native_id,
            "collection": mapping.POST_COLLECTION,
            "rkey": mapping.rkey_of(native_post_id),
        }
        path = _path("com.atproto.repo.deleteRecord")
        await self._transport.send(
            account, Call(CallKind.STAGE, "com.atproto.repo.deleteRecord", "POST", path, json=body)
        )

    async def refresh_token(self, account: Account) -> None:
        await self._transport.renew_token(account)

    async def _upload(self, account: Account, media: Media) -> str:
        call = Call(
            CallKind.STAGE,
            "com.atproto.repo.uploadBlob",
            "POST",
            _path("com.atproto.repo.uploadBlob"),
            content=read_media(self._media, media, Network.BLUESKY),
            headers={"content-type": media.mime_type},
        )
        return as_json((await self._transport.fetch(UploadedBlob, account, call)).blob)

    async def _resolve(self, account: Account, handle: str) -> str:
        """The handle's DID, or an empty string when nobody has it: then the mention stays plain text."""
        try:
            call = _read("com.atproto.identity.resolveHandle", handle=handle)
            return (await self._transport.fetch(ResolvedHandle, account, call)).did
        except NetworkError as error:
            if error.error_class is ErrorClass.INVALID:
                return ""
            raise

    async def _reply_refs(self, account: Account, target_uri: str) -> dict[str, str]:
        """Addresses and versions of the answered post and of its thread's first post."""
        parent = await self._record(account, target_uri)
        refs = parent.value.reply
        root_uri, root_cid = (refs.root.uri, refs.root.cid) if refs and refs.root else (parent.uri, parent.cid)
        return {"parent_uri": parent.uri, "parent_cid": parent.cid, "root_uri": root_uri, "root_cid": root_cid}

    async def _record(self, account: Account, uri: str) -> StoredRecord:
        """A record of anyone's: from our PDS if the author lives there (or it relays), else from the AppView."""
        did, _, path = uri.removeprefix("at://").partition("/")
        collection, _, rkey = path.partition("/")
        call = _read("com.atproto.repo.getRecord", repo=did, collection=collection, rkey=rkey)
        try:
            return await self._transport.fetch(StoredRecord, account, call)
        except NetworkError as error:
            if error.error_class is not ErrorClass.INVALID or not self._has_app_view:
                raise
            missing = error
        call = _read("app.bsky.feed.getPosts", uris=uri)
        for raw in (await self._transport.fetch(Posts, account, call)).posts:
            view = mapping.view_of(raw)
            if view is not None and view.uri == uri and view.cid:
                return StoredRecord(uri=view.uri, cid=view.cid, value=view.record)
        raise missing


def expiry_of(jwt: str) -> datetime | None:
    """`exp` of a JSON Web Token, unverified: it only says when to renew. None when it says nothing."""
    try:
        payload = jwt.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return datetime.fromtimestamp(claims["exp"], UTC)
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, OSError):
        return None


def _class_of(status: int, code: str | None) -> ErrorClass:
    if code is not None and code in _CLASSES:
        return _CLASSES[code]
    if status == 429:
        return ErrorClass.RATE
    if status >= 500:
        return ErrorClass.TRANSIENT
    return {401: ErrorClass.AUTH, 403: ErrorClass.SCOPE}.get(status, ErrorClass.INVALID)


def _path(nsid: str) -> str:
    return f"{XRPC}/{nsid}"


def _read(nsid: str, **params: str) -> Call:
    return Call(CallKind.READ, nsid, "GET", _path(nsid), params=tuple(params.items()))


def _with(staging: Staging, **handles: str) -> Staging:
    return Staging(handles={**staging.handles, **handles})


def _is_by(raw: Any, account: Account) -> bool:
    author = raw.get("author") if isinstance(raw, dict) else None
    return isinstance(author, dict) and author.get("did") == account.native_id


def _check(request: PublishRequest) -> None:
    """Refuse what the network could not show; policy has said so before, with a remedy."""
    problem = None
    if len(request.media) > MOST_IMAGES:
        problem = f"Bluesky shows at most {MOST_IMAGES} pictures in a post; this one has {len(request.media)}."
    elif unfit := [m for m in request.media if not m.mime_type.startswith("image/")]:
        problem = f"Bluesky posts of Pulso carry pictures only, not {unfit[0].mime_type}."
    elif big := [m for m in request.media if m.size_bytes > LARGEST_BLOB_BYTES]:
        problem = (
            f"A picture on Bluesky may have {LARGEST_BLOB_BYTES:,} bytes; {big[0].path} has {big[0].size_bytes:,}."
        )
    if problem:
        raise NetworkError(ErrorClass.INVALID, problem, network=Network.BLUESKY.value, code="unfit_media")


def _receipt(request: PublishRequest, uri: str, how: Any, body: Any) -> Receipt:
    return Receipt(
        native_id=uri,
        permalink=mapping.permalink_of(uri),
        published_at=request.created_at,
        how=how,
        raw=as_json(body),
    )
