"""Publishing on Bluesky: records under keys that we chose.

Belongs here: staging, the commit, reconciliation. Does not belong here: what the records hold (`records.py`), how a film becomes a
blob (`films.py`), what is refused beforehand (`fitness.py`).

**Exactly once.** The keys of all of an intent's records follow from the intent and are staged before anything else. `putRecord`
under a key that holds this very record changes nothing, and `getRecord` on the PDS (never the AppView, which lags by a second) says
whether it landed: there is nothing that cannot be decided.

**Threads.** A thread is one intent and several records, each an answer to the one before. A record names its predecessor by content,
and that content is fixed by its own key and text: repeating the commit writes the same records again, of which those that are there
stay as they are. Once the first one is live, every failure of a later one is `ambiguous`, whatever the network calls it, and the
repetition carries on where it stopped. It counts as published when all of it is there.
"""

from datetime import datetime, timedelta
from typing import Any

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Capabilities, Network
from contracts.ports import MediaReader
from contracts.records import Account, Media, PublishRequest, Receipt, Reconciliation, Staging
from platforms._http import Answer, Call, CallKind, Transport
from platforms._media import read_media
from platforms._shapes import as_json, time_or_none
from platforms.bluesky import fitness, mapping, records
from platforms.bluesky.facets import mentions
from platforms.bluesky.films import AGAIN, JOB, Films
from platforms.bluesky.models import Posts, ResolvedHandle, StoredRecord, UploadedBlob, Written
from platforms.bluesky.xrpc import NOT_FOUND, path_of, procedure, query

BLOBS_LAST = timedelta(minutes=30)  # [K] servers delete blobs that no record took up ("minutes", says the lexicon)
_OF_UPLOADS = ("blob_", JOB, AGAIN, "uploaded_at")


class Publishing:
    """The three calls of publishing. `films` None: there is no video service, and the PDS takes films like pictures."""

    def __init__(
        self,
        transport: Transport,
        media: MediaReader,
        capabilities: Capabilities,
        films: Films | None,
        *,
        has_app_view: bool,
    ) -> None:
        self._transport, self._media, self._capabilities = transport, media, capabilities
        self._films, self._has_app_view = films, has_app_view

    def prepare(self, request: PublishRequest) -> Staging:
        return Staging(handles=records.keys_for(request))

    async def stage(self, request: PublishRequest, staging: Staging) -> Staging:
        """One step: of an upload, or find out one thing that the record has to name."""
        handles, account = staging.handles, request.account
        most = fitness.LARGEST_FILM_BYTES if self._films else fitness.LARGEST_BLOB_BYTES
        fitness.check(request, self._capabilities, largest_film_bytes=most)
        if request.media and (stepped := await self._uploaded(request, staging)) is not None:
            return stepped
        for handle in dict.fromkeys(name for text in records.texts_of(request) for name in mentions(text)):
            if f"mention:{handle}" not in handles:
                return _with(staging, **{f"mention:{handle}": await self._resolve(account, handle)})
        target = request.reply_to_native_comment_id or request.reply_to_native_post_id
        if target is not None and "parent_uri" not in handles:
            return _with(staging, **await self._reply_refs(account, target))
        return staging.model_copy(update={"is_complete": True})

    async def commit(self, request: PublishRequest, staging: Staging) -> Receipt:
        """Write the record under its key; for a thread all its records, in order."""
        keys = records.keys_of(request, staging)
        answered = records.answered_by_first(staging)
        answer, first = await self._put(request, staging, 0, keys[0], answered)
        top, last = answered.root if answered else first, first
        for number, key in enumerate(keys[1:], 1):
            try:
                _, last = await self._put(request, staging, number, key, records.Answered(top, last))
            except NetworkError as error:
                message = f"{number} of {len(keys)} posts of the thread are live; the next one: {error.message}"
                raise _error(ErrorClass.AMBIGUOUS, message, "partial_thread", status=error.status) from error
        return _receipt(request, first.uri, "answered", answer.body)

    async def find_published(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        """Ask the account's own PDS for the records: each is there or it is not."""
        keys = records.keys_of(request, staging)
        bodies = [body for key in keys if (body := await self._stored(request.account, key)) is not None]
        if not bodies:
            return Reconciliation(outcome="not_published", evidence=f"The PDS has no record {keys[0]}.")
        if len(bodies) < len(keys):
            evidence = (
                f"The PDS holds {len(bodies)} of the {len(keys)} records of the thread that begins with {keys[0]}."
            )
            return Reconciliation(outcome="undecided", evidence=evidence, is_repeat_harmless=True)
        receipt = _receipt(request, mapping.uri_of(request.account.native_id, keys[0]), "reconciled", bodies[0])
        evidence = f"The PDS holds record {keys[0]}." if len(keys) == 1 else f"The PDS holds all {len(keys)} records."
        return Reconciliation(outcome="published", receipt=receipt, evidence=evidence)

    # --- records ---------------------------------------------------------------------------------------------------------

    async def _put(
        self, request: PublishRequest, staging: Staging, number: int, key: str, answered: records.Answered | None
    ) -> tuple[Answer, records.Ref]:
        body = {
            "repo": request.account.native_id,
            "collection": mapping.POST_COLLECTION,
            "rkey": key,
            "record": records.record_from(request, staging, number, answered),
        }
        call = procedure(CallKind.COMMIT, "com.atproto.repo.putRecord", body)
        answer = await self._transport.send(request.account, call)
        written = self._transport.parse(Written, answer.body, call)
        return answer, records.Ref(written.uri, written.cid)

    async def _stored(self, account: Account, key: str) -> Any:
        """A record of our own as the PDS holds it; None: it does not."""
        where = {"repo": account.native_id, "collection": mapping.POST_COLLECTION, "rkey": key}
        call = query("com.atproto.repo.getRecord", **where)
        try:
            answer = await self._transport.send(account, call)
        except NetworkError as error:
            if error.code in NOT_FOUND:
                return None
            raise
        self._transport.parse(StoredRecord, answer.body, call)
        return answer.body

    # --- what a record names ---------------------------------------------------------------------------------------------

    async def _uploaded(self, request: PublishRequest, staging: Staging) -> Staging | None:
        """The staging one upload further; None: everything is there. What was uploaded too long ago is uploaded again, which gives the
        same blobs: they are named by their content."""
        now = await self._transport.now()
        uploaded_at = time_or_none(staging.handles.get("uploaded_at"))
        if uploaded_at is not None and now - uploaded_at > BLOBS_LAST:
            return Staging(handles={k: v for k, v in staging.handles.items() if not k.startswith(_OF_UPLOADS)})
        for i, media in enumerate(request.media):
            if f"blob_{i}" not in staging.handles:
                if self._films is not None and records.is_film(media):
                    return _dated(await self._films.step(request.account, media, staging), now)
                return _dated(_with(staging, **{f"blob_{i}": await self._upload(request.account, media)}), now)
        return None

    async def _upload(self, account: Account, media: Media) -> str:
        nsid = "com.atproto.repo.uploadBlob"
        call = Call(
            CallKind.STAGE,
            nsid,
            "POST",
            path_of(nsid),
            content=read_media(self._media, media, Network.BLUESKY),
            headers={"content-type": media.mime_type},
        )
        return as_json((await self._transport.fetch(UploadedBlob, account, call)).blob)

    async def _resolve(self, account: Account, handle: str) -> str:
        """The handle's DID, or an empty string when nobody has it: then the mention stays plain text."""
        try:
            call = query("com.atproto.identity.resolveHandle", handle=handle)
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
        call = query("com.atproto.repo.getRecord", repo=did, collection=collection, rkey=rkey)
        try:
            return await self._transport.fetch(StoredRecord, account, call)
        except NetworkError as error:
            if error.error_class is not ErrorClass.INVALID or not self._has_app_view:
                raise
            missing = error
        call = query("app.bsky.feed.getPosts", uris=uri)
        for raw in (await self._transport.fetch(Posts, account, call)).posts:
            view = mapping.view_of(raw)
            if view is not None and view.uri == uri and view.cid:
                return StoredRecord(uri=view.uri, cid=view.cid, value=view.record)
        raise missing


def _with(staging: Staging, **handles: str) -> Staging:
    return Staging(handles={**staging.handles, **handles})


def _dated(staging: Staging, now: datetime) -> Staging:
    """With the moment of the first upload: from then on what is uploaded can be gone."""
    return _with(staging, uploaded_at=staging.handles.get("uploaded_at", now.isoformat()))


def _receipt(request: PublishRequest, uri: str, how: Any, body: Any) -> Receipt:
    return Receipt(
        native_id=uri,
        permalink=mapping.permalink_of(uri),
        published_at=request.created_at,
        how=how,
        raw=as_json(body),
    )


def _error(error_class: ErrorClass, message: str, code: str, *, status: int | None) -> NetworkError:
    return NetworkError(error_class, message, network=Network.BLUESKY.value, code=code, status=status)
