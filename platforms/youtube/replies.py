"""Comments of our own: answers to somebody's comment, and comments on a video.

Belongs here: writing them, and finding one whose answer was lost. Does not belong here: videos (`uploads.py`).

YouTube gives comments no key of ours. After a lost answer the comments are read; where ours is not among them nobody can tell,
since it may show up later.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Network
from contracts.records import Account, PublishRequest, Receipt, Reconciliation, Staging
from platforms._http import CallKind, Transport
from platforms._listing import each_once
from platforms._shapes import as_json, read_as, storable
from platforms.youtube import calls
from platforms.youtube.mapping import same_text
from platforms.youtube.models import Page, Thread, YtComment

PAGE_SIZE = 100
CLOCKS_DIFFER_BY = timedelta(minutes=10)
"""A comment or a video counts as younger than its intent even if the network's clock is this much behind ours."""


def is_reply(request: PublishRequest) -> bool:
    return request.reply_to_native_comment_id is not None or request.reply_to_native_post_id is not None


def top_comment_id(comment_id: str) -> str:
    """The comment that answers to this one hang from: YouTube nests once, and an answer's id begins with its parent's [K]."""
    return comment_id.partition(".")[0]


async def stage(transport: Transport, request: PublishRequest, staging: Staging) -> Staging:
    """Note which comments of ours have this text already, so that they are not taken for the one to be written."""
    if request.media:
        message = "A comment on YouTube is text only."
        raise NetworkError(ErrorClass.INVALID, message, network=Network.YOUTUBE.value, code="unfit_post")
    if staging.is_complete:
        return staging
    alike = ",".join(comment.id for comment in await _alike(transport, request))
    return Staging(handles={**staging.handles, "alike_before": alike}, is_complete=True)


async def commit(transport: Transport, request: PublishRequest) -> Receipt:
    """Write the comment, once."""
    account, text = request.account, {"textOriginal": storable(request.text)}
    if request.reply_to_native_comment_id is not None:
        listing = "comments"
        body: dict[str, Any] = {"snippet": {"parentId": top_comment_id(request.reply_to_native_comment_id), **text}}
    else:
        listing = "commentThreads"
        target = {"videoId": request.reply_to_native_post_id, "channelId": account.native_id}
        body = {"snippet": {**target, "topLevelComment": {"snippet": text}}}
    path = f"{calls.DATA}{listing}"
    call = calls.write(CallKind.COMMIT, f"{listing}.insert", "POST", path, params={"part": "snippet"}, json=body)
    answer = await transport.send(account, call)
    written = transport.parse(YtComment, answer.body, call)
    return Receipt(
        native_id=written.id,
        permalink=None,
        published_at=await transport.now(),
        how="answered",
        raw=as_json(answer.body),
    )


async def find(transport: Transport, request: PublishRequest, staging: Staging) -> Reconciliation:
    """The only comment of ours with this text that was not there before."""
    before = {*staging.handles.get("alike_before", "").split(","), *request.claimed_native_ids}
    alike = [comment for comment in await _alike(transport, request) if comment.id not in before]
    if not alike:
        evidence = "No new comment of ours has this text, and YouTube gives comments no key of ours."
        return Reconciliation(outcome="absent", evidence=evidence)
    if len(alike) > 1:
        return Reconciliation(outcome="undecided", evidence=f"{len(alike)} new comments of ours have this text.")
    comment = alike[0]
    receipt = Receipt(
        native_id=comment.id,
        permalink=None,
        published_at=(comment.snippet and comment.snippet.published_at) or request.created_at,
        how="reconciled",
    )
    return Reconciliation(outcome="published", receipt=receipt, evidence=f"Comment {comment.id} has this text.")


async def _alike(transport: Transport, request: PublishRequest) -> list[YtComment]:
    """Own comments with this text where this one belongs, not older than the intent."""
    account, oldest = request.account, request.created_at - CLOCKS_DIFFER_BY
    alike: list[YtComment] = []
    async for raws in _where_it_belongs(transport, request):
        comments = [comment for raw in raws if (comment := read_as(YtComment, raw)) is not None and comment.snippet]
        times = [c.snippet.published_at for c in comments if c.snippet and c.snippet.published_at]
        alike += [
            c
            for c in comments
            if c.snippet
            and c.snippet.author_id == account.native_id
            and same_text(c.snippet.text, request.text)
            and (c.snippet.published_at is None or c.snippet.published_at >= oldest)
        ]
        if request.reply_to_native_comment_id is None and times and max(times) < oldest:
            break  # threads come newest first
    return each_once(alike)


async def _where_it_belongs(transport: Transport, request: PublishRequest) -> AsyncIterator[list[Any]]:
    account = request.account
    if request.reply_to_native_comment_id is not None:
        async for raws in of_comment(transport, account, top_comment_id(request.reply_to_native_comment_id)):
            yield raws
        return
    params = {"part": "snippet", "videoId": request.reply_to_native_post_id or "", "order": "time"}
    async for raws in pages(
        transport, account, "commentThreads", maxResults=str(PAGE_SIZE), textFormat="plainText", **params
    ):
        threads = [thread for raw in raws if (thread := read_as(Thread, raw)) is not None]
        yield [thread.snippet.top for thread in threads if thread.snippet]


async def of_comment(transport: Transport, account: Account, comment_id: str) -> AsyncIterator[list[dict[str, Any]]]:
    """Pages of the answers to a comment."""
    params = {"part": "snippet", "parentId": comment_id, "textFormat": "plainText"}
    async for raws in pages(transport, account, "comments", maxResults=str(PAGE_SIZE), **params):
        yield raws


async def pages(
    transport: Transport, account: Account, listing: str, **params: str
) -> AsyncIterator[list[dict[str, Any]]]:
    """Pages of a listing until no token follows, or the network repeats one. An empty page with a token is no end."""
    token: str | None = None
    while True:
        paging = {"pageToken": token} if token else {}
        call = calls.read(f"{listing}.list", f"{calls.DATA}{listing}", **params, **paging)
        page = await transport.fetch(Page, account, call)
        yield [raw for raw in page.items if isinstance(raw, dict)]
        if page.following is None or page.following == token:
            return
        token = page.following
