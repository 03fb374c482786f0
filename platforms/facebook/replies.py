"""Answering on a Page: comments below a post or below a comment.

Belongs here: the one call that answers, and what reading the answers can prove. Does not belong here: reading the audience's
comments (`client.py`).

Comments take no key of ours. After a lost answer the replies are read: ours among them proves that it landed; where it is not,
nobody can tell (it may show up later).
"""

from datetime import timedelta

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Network
from contracts.records import PublishRequest, Receipt, Reconciliation, Staging
from platforms import _graph as graph
from platforms._http import CallKind, Transport
from platforms._listing import each_once
from platforms._shapes import as_json, read_as
from platforms.facebook.models import FbComment

REPLY_FIELDS = "id,message,created_time,from"
CLOCKS_DIFFER_BY = timedelta(minutes=2)


class Replies:
    """Stage, commit and find of answers."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def stage(self, request: PublishRequest, staging: Staging) -> Staging:
        """Remember which answers like this one are there already."""
        if request.media:
            message = "A reply of Pulso on Facebook is text only."
            raise NetworkError(ErrorClass.INVALID, message, network=Network.FACEBOOK.value, code="unfit_media")
        if staging.is_complete:
            return staging
        alike = await self._alike(request)
        return graph.with_handles(staging, {"alike_before": ",".join(c.id for c in alike)}, is_complete=True)

    async def commit(self, request: PublishRequest, staging: Staging) -> Receipt:  # noqa: ARG002
        """Write the answer."""
        call = graph.post(CallKind.COMMIT, "reply", f"{_target(request)}/comments", {"message": request.text})
        answer = await self._transport.send(request.account, call)
        reply_id = self._transport.parse(graph.Created, answer.body, call).id
        comment = read_as(FbComment, answer.body) or FbComment(id=reply_id)
        return Receipt(
            native_id=reply_id,
            permalink=None,
            published_at=comment.created_time or await self._transport.now(),
            how="answered",
            raw=as_json(answer.body),
        )

    async def find(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        """An own answer with this text that was not there before the commit."""
        before = {*staging.handles.get("alike_before", "").split(","), *request.claimed_native_ids}
        alike = [reply for reply in await self._alike(request) if reply.id not in before]
        if len(alike) != 1:
            found = "No new reply of ours has this text." if not alike else f"{len(alike)} new replies have this text."
            return Reconciliation(outcome="undecided", evidence=f"{found} Facebook gives replies no key of ours.")
        reply = alike[0]
        published_at = reply.created_time or request.created_at
        receipt = Receipt(native_id=reply.id, permalink=None, published_at=published_at, how="reconciled")
        return Reconciliation(outcome="published", receipt=receipt, evidence=f"Reply {reply.id} has this text.")

    async def _alike(self, request: PublishRequest) -> list[FbComment]:
        """Own answers with this text directly below what is answered, not older than the intent."""
        account, oldest = request.account, request.created_at - CLOCKS_DIFFER_BY
        path, params = f"{_target(request)}/comments", {"fields": REPLY_FIELDS, "filter": "toplevel"}
        alike = []
        async for raws in graph.pages(self._transport, account, "comments", path, **params):
            for raw in raws:
                reply = read_as(FbComment, raw)
                if reply is None or graph.author_id(raw) != account.native_id:
                    continue
                is_old = reply.created_time is not None and reply.created_time < oldest
                if graph.same_text(reply.message, request.text) and not is_old:
                    alike.append(reply)
        return each_once(alike)


def _target(request: PublishRequest) -> str:
    return str(request.reply_to_native_comment_id or request.reply_to_native_post_id)
