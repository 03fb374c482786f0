"""Publishing films on a Page: an upload session whose film nobody sees until it is finished.

Belongs here: sessions of `videos` (chunks) and `video_stories` (one upload), and what a film's status proves. Does not belong
here: posts without a film (`publishing.py`).

The film's id is known before the commit, and its own status says later whether it is live: a key in all but name.
"""

from dataclasses import replace

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat, Network
from contracts.ports import MediaReader
from contracts.records import Account, PublishRequest, Receipt, Reconciliation, Staging
from platforms import _graph as graph
from platforms._finding import look_until_found
from platforms._http import Call, CallKind, Transport
from platforms._media import read_media
from platforms._shapes import as_json
from platforms.facebook.errors import CHUNK_MISMATCH
from platforms.facebook.models import Chunk, Film, FilmSession, Finished

FILM_HOSTS = {"https://graph.facebook.com": "https://graph-video.facebook.com"}
"""Where chunks of films go. Elsewhere (the sandbox) the network's one address takes them too, without a prefix."""

UPLOAD = "film_upload"
"""The call that goes to an address named by the network; it wants the token in a header (`FacebookDialect.authorize`)."""

FILM_FIELDS = "id,status,post_id,permalink_url,created_time"
COMPLETE = "complete"  # [K] status of a phase that is over
NEVER_LIVE = frozenset({"error", "expired", "upload_failed"})  # [K] `video_status` of a film that will not appear
UNFINISHED = frozenset({"uploading"})  # [K] `video_status` as long as no one has finished the session


class Films:
    """Stage, commit and find of posts that are a film, and of film stories."""

    def __init__(self, transport: Transport, media: MediaReader) -> None:
        self._transport, self._media = transport, media

    async def stage(self, request: PublishRequest, staging: Staging) -> Staging:
        """One step: open the session, or send one part of the film. A complete one is looked at again: it may be over."""
        handles, account = staging.handles, request.account
        if "video_id" not in handles:
            return await self._open(request, staging)
        if staging.is_complete:
            return await self._looked_at(account, staging)
        if "upload_url" in handles:
            return await self._send_whole(request, staging)
        if handles["start_offset"] == handles["end_offset"]:
            return graph.with_handles(staging, {}, is_complete=True)
        return await self._send_chunk(request, staging)

    async def commit(self, request: PublishRequest, staging: Staging) -> Receipt:
        """Finish the session: the film appears once the network has processed it. Its post's id may not be known before; then
        the receipt holds the film's own."""
        account, handles = request.account, staging.handles
        form = {"upload_phase": "finish", "video_id": handles["video_id"]}
        if "upload_session_id" in handles:
            form = {"upload_phase": "finish", "upload_session_id": handles["upload_session_id"]}
            form |= {"description": request.text} if request.text else {}
            form |= {"title": request.options.title} if request.options.title else {}
            form |= {"place": request.options.place_id} if request.options.place_id else {}  # [K] that films take one
        call = self._post(request, CallKind.COMMIT, "finish_film", form)
        answer = await self._transport.send(account, call)
        finished = self._transport.parse(Finished, answer.body, call)
        if finished.success is not True:
            message = "The film's session was not confirmed as finished."
            raise NetworkError(ErrorClass.AMBIGUOUS, message, network=Network.FACEBOOK.value, code="unconfirmed")
        film = (
            Film(post_id=finished.post_id) if finished.post_id else await self._with_post(account, handles["video_id"])
        )
        return Receipt(
            native_id=_post_id(account, film) or handles["video_id"],
            permalink=film.permalink_url,
            published_at=film.created_time or await self._transport.now(),
            how="answered",
            raw=as_json(answer.body),
        )

    async def find(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        """By the film's own status. While it is being processed nobody can tell whether it was to appear."""
        video_id = staging.handles.get("video_id")
        if video_id is None or not staging.is_complete:
            return Reconciliation(
                outcome="not_published", evidence="The film's upload was not over: none was published."
            )
        try:
            film = await self._film(request.account, video_id)
        except NetworkError as error:
            if graph.is_gone(error):
                return Reconciliation(outcome="undecided", evidence=f"Film {video_id} can not be read any more.")
            raise
        status = film.status.video_status
        evidence = f"Film {video_id} is {status or 'without a status'}, published: {_published(film)}."
        if _published(film):
            receipt = Receipt(
                native_id=_post_id(request.account, film) or video_id,
                permalink=film.permalink_url,
                published_at=film.created_time or request.created_at,
                how="reconciled",
                raw=as_json(film.model_dump(mode="json", exclude_none=True)),
            )
            return Reconciliation(outcome="published", receipt=receipt, evidence=evidence)
        is_proven = status in NEVER_LIVE or status in UNFINISHED
        return Reconciliation(outcome="not_published" if is_proven else "undecided", evidence=evidence)

    # --- steps -----------------------------------------------------------------------------------------------------------

    async def _open(self, request: PublishRequest, staging: Staging) -> Staging:
        size = len(read_media(self._media, request.media[0], Network.FACEBOOK))
        form = {"upload_phase": "start"} | ({"file_size": str(size)} if _is_chunked(request) else {})
        call = self._post(request, CallKind.STAGE, "open_film", form)
        session = await self._transport.fetch(FilmSession, request.account, call)
        handles = {"video_id": session.video_id}
        if _is_chunked(request) and session.upload_session_id is not None:
            start, end = session.start_offset or 0, size if session.end_offset is None else session.end_offset
            handles |= {
                "upload_session_id": session.upload_session_id,
                "start_offset": str(start),
                "end_offset": str(end),
            }
        elif session.upload_url is not None:
            handles |= {"upload_url": session.upload_url}
        else:
            message = "The answer to open_film names neither a session nor an address."
            raise NetworkError(ErrorClass.INVALID, message, network=Network.FACEBOOK.value, code="no_session")
        return graph.with_handles(staging, handles)

    async def _send_chunk(self, request: PublishRequest, staging: Staging) -> Staging:
        """The part that the network asked for. One that it does not expect (the answer to the last one was lost) ends the
        session; a new one is opened, once."""
        handles, media = staging.handles, request.media[0]
        start, end = int(handles["start_offset"]), int(handles["end_offset"])
        content = read_media(self._media, media, Network.FACEBOOK)[start:end]
        form = {
            "upload_phase": "transfer",
            "upload_session_id": handles["upload_session_id"],
            "start_offset": str(start),
        }
        call = self._post(request, CallKind.STAGE, "film_chunk", form)
        call = replace(call, files={"video_file_chunk": (media.path.rpartition("/")[2], content, media.mime_type)})
        try:
            following = await self._transport.fetch(Chunk, request.account, call)
        except NetworkError as error:
            if str(CHUNK_MISMATCH) in (error.code or "").split("/") and "reopened" not in handles:
                return Staging(handles={"reopened": "true"})
            raise
        if following.start_offset is None or following.end_offset is None:
            message = "The answer to film_chunk does not say what comes next."
            raise NetworkError(ErrorClass.INVALID, message, network=Network.FACEBOOK.value, code="no_offset")
        offsets = {"start_offset": str(following.start_offset), "end_offset": str(following.end_offset)}
        return graph.with_handles(staging, offsets)

    async def _send_whole(self, request: PublishRequest, staging: Staging) -> Staging:
        """The rest of the film, from where the network says that it stopped."""
        handles, media = staging.handles, request.media[0]
        uploading = (await self._film(request.account, handles["video_id"])).status.uploading_phase
        if uploading.status != COMPLETE:
            content = read_media(self._media, media, Network.FACEBOOK)
            offset = uploading.bytes_transferred or 0
            headers = {"offset": str(offset), "file_size": str(len(content))}
            call = Call(CallKind.STAGE, UPLOAD, "POST", "", url=handles["upload_url"], headers=headers)
            await self._transport.send(request.account, replace(call, content=content[offset:]))
        return graph.with_handles(staging, {}, is_complete=True)

    async def _looked_at(self, account: Account, staging: Staging) -> Staging:
        """The same staging while the film waits for its commit; an empty one when it is over. Raises `duplicate` when it is live."""
        try:
            film = await self._film(account, staging.handles["video_id"])
        except NetworkError as error:
            if graph.is_gone(error):
                return Staging()
            raise
        if _published(film):
            message = "This film is published already: look for the post instead of sending it again."
            raise NetworkError(ErrorClass.DUPLICATE, message, network=Network.FACEBOOK.value, code="published")
        if film.status.video_status == "error":
            message = "Facebook could not process this film."
            raise NetworkError(ErrorClass.INVALID, message, network=Network.FACEBOOK.value, code="error")
        return Staging() if film.status.video_status in NEVER_LIVE else staging

    async def _with_post(self, account: Account, video_id: str) -> Film:
        """The film once its post is known; an empty one when that takes too long, or it cannot be read: it is on its way."""

        async def look() -> list[Film]:
            film = await self._film(account, video_id)
            return [film] if film.post_id is not None else []

        try:
            found = await look_until_found(self._transport, look)
        except NetworkError:
            return Film()
        return found[0] if found else Film()

    async def _film(self, account: Account, video_id: str) -> Film:
        return await self._transport.fetch(Film, account, graph.read("film", video_id, fields=FILM_FIELDS))

    def _post(self, request: PublishRequest, kind: CallKind, operation: str, form: dict[str, str]) -> Call:
        edge = "videos" if _is_chunked(request) else "video_stories"
        call = graph.post(kind, operation, f"{request.account.native_id}/{edge}", form)
        host = FILM_HOSTS.get(self._transport.address_of(request.account)) if _is_chunked(request) else None
        return replace(call, url=f"{host}{call.path}") if host else call


def _is_chunked(request: PublishRequest) -> bool:
    return request.content_format is ContentFormat.VIDEO


def _published(film: Film) -> bool:
    return film.status.publishing_phase.status == COMPLETE


def _post_id(account: Account, film: Film) -> str | None:
    """The post's id as listings give it: `{page}_{post}`."""
    post_id = film.post_id
    return post_id if post_id is None or "_" in post_id else f"{account.native_id}_{post_id}"
