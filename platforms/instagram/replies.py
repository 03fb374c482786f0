"""Answering: comments below a comment or a post.

Belongs here: the one call that answers, and what reading the answers can prove. Does not belong here: reading the audience's comments
(`client.py`), posts (`publishing.py`).

Comments take no key of ours. After a lost answer the replies are read: ours among them proves that it landed; where it is not,
nobody can tell (it may show up later).
"""

from typing import Any

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Network
from contracts.records import Account, PublishRequest, Receipt, Reconciliation, Staging
from platforms import _graph as graph
from platforms._graph import Created, Page, author_id
from platforms._http import CallKind, Transport
from platforms._listing import each_once
from platforms._shapes import as_json, read_as
from platforms.instagram import mapping
from platforms.instagram.models import IgComment
from platforms.instagram.publishing import CLOCKS_DIFFER_BY

REPLY_FIELDS = "id,text,timestamp,username,like_count"


class Replies:
    """Stage, commit and find of answers, and reading those that are there."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def below(self, account: Account, comment_id: str, *, first: Any = ...) -> list[Any]:
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

    async def stage(self, request: PublishRequest, staging: Staging) -> Staging:
        """Remember which answers like this one are there already."""
        if request.media:
            message = "A reply on Instagram is text only."
            raise NetworkError(ErrorClass.INVALID, message, network=Network.INSTAGRAM.value, code="unfit_media")
        if staging.is_complete:
            return staging
        alike = await self._alike(request)
        return graph.with_handles(staging, {"alike_before": ",".join(c.id for c in alike)}, is_complete=True)

    async def commit(self, request: PublishRequest) -> Receipt:
        """Write the answer."""
        comment_id = request.reply_to_native_comment_id
        path = f"{comment_id}/replies" if comment_id else f"{request.reply_to_native_post_id}/comments"
        call = graph.post(CallKind.COMMIT, "reply", path, {"message": request.text})
        answer = await self._transport.send(request.account, call)
        reply_id = self._transport.parse(Created, answer.body, call).id
        published_at = await self._transport.now()
        return Receipt(
            native_id=reply_id, permalink=None, published_at=published_at, how="answered", raw=as_json(answer.body)
        )

    async def find(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        """An own answer with this text that was not there before the commit."""
        before = {*staging.handles.get("alike_before", "").split(","), *request.claimed_native_ids}
        alike = [reply for reply in await self._alike(request) if reply.id not in before]
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

    async def _alike(self, request: PublishRequest) -> list[IgComment]:
        """Own answers with this text below the comment (or post) answered, not older than the intent."""
        account, comment_id = request.account, request.reply_to_native_comment_id
        if comment_id is not None:
            raws = await self.below(account, comment_id)
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
        return each_once(alike)
