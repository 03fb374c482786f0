"""Publishing on TikTok: films in parts, pictures by address, and what can be known after a lost answer.

Belongs here: the steps of a post and their proof. Does not belong here: reading (`client.py`), replies (`business.py`), how a
film is cut (`uploads.py`).

A *film* is uploaded. `init` gives a `publish_id` and shows nothing: when its answer is lost, nobody has the address to which bytes
could go. The film is published when its last byte arrives, so sending the last part is the commit, and the `publish_id`, persisted before any
byte was sent, tells afterwards what became of it. *Pictures* TikTok fetches itself: their `init` is the commit, and only its
answer holds the `publish_id`. Where that is lost the account's newest posts are read, which can prove presence only.

Published is not the same as having an id: that comes after moderation, and for public posts only. A receipt then names the
`publish_id`, which TikTok goes on answering for (`mapping.is_publish_id`, `Posting.named`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from contracts.errors import ErrorClass, NetworkError, ProviderError
from contracts.networks import ContentFormat, Network
from contracts.ports import MediaHost, MediaReader
from contracts.records import Account, Media, PublishRequest, Receipt, Reconciliation, Staging
from platforms._http import Call, CallKind, Transport
from platforms._listing import each_once
from platforms._media import read_media
from platforms._shapes import as_json, read_as
from platforms.tiktok import mapping
from platforms.tiktok.errors import class_of_failure
from platforms.tiktok.models import Creator, CreatorInfo, Initiated, Progress, Status, Video, Videos
from platforms.tiktok.uploads import MOST_PARTS, UploadPlan, plan

EVERYBODY = "PUBLIC_TO_EVERYONE"
"""The only posts that ever get an id."""
ONLY_ME = "SELF_ONLY"
FILM_FORMATS = (ContentFormat.VIDEO, ContentFormat.SHORT_VIDEO)
FILM_TYPES = frozenset({"video/mp4", "video/quicktime", "video/webm"})
PICTURE_TYPES = {"image/jpeg": "jpg", "image/webp": "webp"}
MOST_PICTURES = 35
LARGEST_FILM_BYTES = 4 * 1000**3
SHORTEST_FILM_SECONDS = 3.0
FILM_TEXT_UNITS = 2200
PICTURE_TITLE_UNITS = 90  # [K]
PICTURE_TEXT_UNITS = 4000  # [K]
PICTURES_CARRY_AI_LABEL = False  # [K] only films have the field

UPLOAD_LIFE = timedelta(minutes=55)  # [K] an upload's address works for an hour
MOST_RESTARTS = 3
STATUS_POLLS = 6
FIRST_POLL_SECONDS = 0.5
LONGEST_POLL_SECONDS = 4.0
CLOCKS_DIFFER_BY = timedelta(minutes=10)
"""A post counts as younger than its intent even if the network's clock is this much behind ours."""
NEWEST = 20
VIDEO_FIELDS = "id,title,video_description,create_time,share_url,duration,height,width"

_GONE_UPLOAD = frozenset({400, 403, 404, 410})  # [K] which of them an upload host sends
_OUT_OF_STEP = 416


@dataclass(frozen=True)
class _Unlisted:
    """What stands for posts that are published and have no id yet."""

    ids: frozenset[str]
    """Ids that other intents' publishings turned out to have."""
    is_any_open: bool
    """Another intent's post of this text may still show up."""


class Posting:
    """The publishing half of the connector. Its methods are those of `contracts.ports.Connector`, for posts."""

    def __init__(self, transport: Transport, media: MediaReader, host: MediaHost) -> None:
        self._transport, self._media, self._host = transport, media, host

    # --- staging -------------------------------------------------------------------------------------------------------

    async def stage(self, request: PublishRequest, staging: Staging) -> Staging:
        """One step: asking what the creator may do and beginning the upload, one more part, one more picture hosted."""
        _check(request)
        if is_film(request):
            return await self._stage_film(request, staging)
        return await self._stage_pictures(request, staging)

    async def _stage_film(self, request: PublishRequest, staging: Staging) -> Staging:
        handles = staging.handles
        if "publish_id" not in handles:
            return await self._begin_upload(request, staging)
        if staging.is_complete:
            return await self._still_waiting(request, staging)
        cut = plan(request.media[0].size_bytes)
        start = int(handles["uploaded_bytes"])
        if start < cut.last_start:
            return await self._send_part(request, staging, cut, start)
        return _with(staging, is_complete=True)

    async def _begin_upload(self, request: PublishRequest, staging: Staging) -> Staging:
        media, creator = request.media[0], await self._creator(request.account)
        privacy = _privacy(request, creator)
        longest = creator.max_video_post_duration_sec
        if media.duration_seconds is not None and longest is not None and media.duration_seconds > longest:
            raise _refuse(
                f"This account may publish films of up to {longest} s; this one has {media.duration_seconds} s."
            )
        cut = plan(media.size_bytes)
        body = {
            "post_info": {
                "title": request.text,
                "privacy_level": privacy,
                "disable_comment": creator.comment_disabled,
                "disable_duet": creator.duet_disabled,
                "disable_stitch": creator.stitch_disabled,
                "brand_content_toggle": request.options.is_paid_partnership,
                "brand_organic_toggle": False,
                "is_aigc": request.options.is_ai_made,
            },
            "source_info": {
                "source": "FILE_UPLOAD",
                "video_size": cut.size,
                "chunk_size": cut.part_bytes,
                "total_chunk_count": cut.parts,
            },
        }
        call = post_json(CallKind.STAGE, "video_init", "/v2/post/publish/video/init/", body)
        begun = (await self._transport.fetch(Initiated, request.account, call)).data
        if begun.upload_url is None:
            raise _error(ErrorClass.TRANSIENT, "TikTok began an upload without saying where to.", code="no_upload_url")
        until = await self._transport.now() + UPLOAD_LIFE
        return _with(
            staging,
            publish_id=begun.publish_id,
            upload_url=begun.upload_url,
            upload_until=until.isoformat(),
            uploaded_bytes="0",
        )

    async def _send_part(self, request: PublishRequest, staging: Staging, cut: UploadPlan, start: int) -> Staging:
        """Send a part that is not the last. What TikTok says it has counts, not what we remember sending."""
        call = self._part(CallKind.STAGE, request, staging, cut, start)
        try:
            await self._transport.send(request.account, call)
        except NetworkError as error:
            if error.status in _GONE_UPLOAD:
                return _restarted(staging, error)
            if error.status != _OUT_OF_STEP:
                raise
            has = (await self._progress(request.account, staging.handles["publish_id"])).uploaded_bytes
            if has is None or has == start or not cut.begins_part(has):
                return _restarted(staging, error)
            return _with(staging, uploaded_bytes=str(has))
        return _with(staging, uploaded_bytes=str(cut.part_from(start)[1] + 1))

    async def _still_waiting(self, request: PublishRequest, staging: Staging) -> Staging:
        """The staging if its upload still waits for the last part, a new one where that can never come any more."""
        progress = await self._progress(request.account, staging.handles["publish_id"])
        if progress.status == "FAILED":
            if class_of_failure(progress.fail_reason) is ErrorClass.TRANSIENT:
                return _restarted(staging, _failure(progress))
            raise _failure(progress)
        if not _is_unfinished(request, progress):
            message = "TikTok has the whole film already: look for the post instead of sending it again."
            raise _error(ErrorClass.DUPLICATE, message, code=progress.status)
        is_over = await self._transport.now() >= datetime.fromisoformat(staging.handles["upload_until"])
        return Staging() if is_over else staging

    async def _stage_pictures(self, request: PublishRequest, staging: Staging) -> Staging:
        if staging.is_complete:
            return staging
        for i, media in enumerate(request.media):
            if f"picture_{i}" not in staging.handles:
                return Staging(handles={**staging.handles, f"picture_{i}": await self._hosted(media)})
        creator = await self._creator(request.account)
        alike = await self._posts_alike(request)
        return _with(
            staging,
            is_complete=True,
            privacy_level=_privacy(request, creator),
            disable_comment=str(creator.comment_disabled).lower(),
            alike_before=",".join(video.id for video in alike),
        )

    async def _hosted(self, media: Media) -> str:
        """A picture's public address. The name holds the content's hash: same picture, same address."""
        content = read_media(self._media, media, Network.TIKTOK)
        name = f"{media.sha256[:32]}.{PICTURE_TYPES[media.mime_type]}"
        try:
            return await self._host.publish(name=name, content=content, mime_type=media.mime_type)
        except ProviderError as error:
            raise _error(ErrorClass.TRANSIENT, str(error), code="media_host") from error

    async def _creator(self, account: Account) -> Creator:
        call = post_json(CallKind.READ, "creator_info", "/v2/post/publish/creator_info/query/", {})
        return (await self._transport.fetch(CreatorInfo, account, call)).data

    # --- the visible call ----------------------------------------------------------------------------------------------

    async def commit(self, request: PublishRequest, staging: Staging) -> Receipt:
        """Send the last part, or have TikTok fetch the pictures; then wait until it says what became of them.

        Not yet known in the end is `ambiguous`; a failure that TikTok states proves that nothing was published.
        """
        if is_film(request):
            publish_id = staging.handles["publish_id"]
            cut = plan(request.media[0].size_bytes)
            call = self._part(CallKind.COMMIT, request, staging, cut, cut.last_start)
            try:
                await self._transport.send(request.account, call)
            except NetworkError as error:
                if error.status is None or error.error_class is ErrorClass.AMBIGUOUS:
                    raise
                # Whatever the upload host means by it, the publish_id knows whether the film was whole.
                raise _error(ErrorClass.AMBIGUOUS, error.message, code=error.code, status=error.status) from error
        else:
            call = post_json(
                CallKind.COMMIT, "content_init", "/v2/post/publish/content/init/", _pictures(request, staging)
            )
            publish_id = (await self._transport.fetch(Initiated, request.account, call)).data.publish_id
        try:
            progress = await self._settled(request, publish_id)
        except NetworkError as error:
            message = f"TikTok took it as {publish_id}; what became of it could not be read: {error.message}"
            raise _error(ErrorClass.AMBIGUOUS, message, code=error.code, status=error.status) from error
        if progress.status == "FAILED":
            raise _failure(progress)
        if progress.status != "PUBLISH_COMPLETE":
            message = f"TikTok took it as {publish_id} and still has it as {progress.status or 'unknown'}."
            raise _error(ErrorClass.AMBIGUOUS, message, code=progress.status)
        return await self._receipt(request, publish_id, progress, "answered")

    async def find_published(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        """Films: by the publish_id. Pictures: by the account's newest posts, which can prove presence only."""
        if not is_film(request):
            return await self._find_pictures(request, staging)
        publish_id = staging.handles.get("publish_id")
        if publish_id is None or not staging.is_complete:
            return Reconciliation(outcome="not_published", evidence="The film was never sent as a whole.")
        progress = await self._progress(request.account, publish_id)
        if _is_unfinished(request, progress):
            evidence = f"TikTok has {progress.uploaded_bytes} of {request.media[0].size_bytes} bytes of {publish_id}."
            return Reconciliation(outcome="not_published", evidence=evidence)
        if progress.status == "PUBLISH_COMPLETE":
            receipt = await self._receipt(request, publish_id, progress, "reconciled")
            evidence = f"TikTok says that {publish_id} is published."
            return Reconciliation(outcome="published", receipt=receipt, evidence=evidence)
        if progress.status == "FAILED":
            evidence = f"TikTok says that {publish_id} failed: {progress.fail_reason or 'no reason given'}."
            return Reconciliation(outcome="not_published", evidence=evidence)
        return Reconciliation(outcome="undecided", evidence=f"{publish_id} is {progress.status or 'unreadable'}.")

    async def named(self, account: Account, receipt: Receipt) -> Receipt | None:
        """A receipt that names the publishing with the id of the post instead; None while moderation goes on. Raises NetworkError where
        TikTok took the post back."""
        publish_id = receipt.native_id
        progress = await self._progress(account, publish_id)
        if progress.status == "FAILED":
            raise _failure(progress)
        post_id = next(iter(progress.publicaly_available_post_id), None)
        if post_id is None:
            return None
        video = await self._details(account, post_id)
        return Receipt(
            native_id=post_id,
            permalink=video.share_url if video else None,
            published_at=(video.create_time if video else None) or receipt.published_at,
            how=receipt.how,
            raw=as_json({"publish_id": publish_id, **progress.model_dump(mode="json", exclude_none=True)}),
        )

    async def _find_pictures(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        if not staging.is_complete:
            return Reconciliation(outcome="not_published", evidence="TikTok was never asked to publish these pictures.")
        unlisted = await self._claimed_publishings(request)
        known = {*staging.handles["alike_before"].split(","), *request.claimed_native_ids, *unlisted.ids}
        alike = [video for video in await self._posts_alike(request) if video.id not in known]
        if len(alike) != 1 or unlisted.is_any_open:
            found = f"{len(alike) or 'No'} new post{'s have' if len(alike) > 1 else ' has'} this text"
            why = "; another of the same text has no id yet" if unlisted.is_any_open else ""
            return Reconciliation(outcome="undecided", evidence=f"{found}{why}. TikTok gives pictures no key of ours.")
        video = alike[0]
        receipt = Receipt(
            native_id=video.id,
            permalink=video.share_url or _permalink(request, video.id),
            published_at=video.create_time or request.created_at,
            how="reconciled",
            raw=as_json(video.model_dump(mode="json", exclude_none=True)),
        )
        return Reconciliation(
            outcome="published", receipt=receipt, evidence=f"Post {video.id} is new and has this text."
        )

    async def _claimed_publishings(self, request: PublishRequest) -> _Unlisted:
        """Receipts of other intents that name a publishing: which posts they became by now."""
        ids: set[str] = set()
        is_any_open = False
        for publish_id in filter(mapping.is_publish_id, request.claimed_native_ids):
            post_id = next(iter((await self._progress(request.account, publish_id)).publicaly_available_post_id), None)
            ids |= {post_id} if post_id else set()
            is_any_open = is_any_open or post_id is None
        return _Unlisted(frozenset(ids), is_any_open)

    async def _posts_alike(self, request: PublishRequest) -> list[Video]:
        """Among the newest posts, those with this text that are not older than the intent, newest first."""
        call = post_json(CallKind.READ, "video_list", "/v2/video/list/", {"max_count": NEWEST}, fields=VIDEO_FIELDS)
        data = (await self._transport.fetch(Videos, request.account, call)).data
        videos = [v for raw in (data.videos if data else ()) if (v := read_as(Video, raw)) is not None]
        oldest = request.created_at - CLOCKS_DIFFER_BY
        return each_once(
            video
            for video in videos
            if mapping.same_text(mapping.text_of(video), request.text)
            and video.create_time is not None
            and video.create_time >= oldest
        )

    # --- what became of it ---------------------------------------------------------------------------------------------

    async def _progress(self, account: Account, publish_id: str) -> Progress:
        body = {"publish_id": publish_id}
        call = post_json(CallKind.READ, "status", "/v2/post/publish/status/fetch/", body)
        return (await self._transport.fetch(Status, account, call)).data

    async def _settled(self, request: PublishRequest, publish_id: str) -> Progress:
        """How far it got once nothing more is to come, or when that takes too long: published (with its id, if it is one for
        everybody) or failed."""
        is_public = _is_public(request)
        pause = FIRST_POLL_SECONDS
        progress = await self._progress(request.account, publish_id)
        for _ in range(STATUS_POLLS - 1):
            is_named = bool(progress.publicaly_available_post_id) or not is_public
            if progress.status == "FAILED" or (progress.status == "PUBLISH_COMPLETE" and is_named):
                break
            await self._transport.pause(pause)
            pause = min(pause * 2, LONGEST_POLL_SECONDS)
            progress = await self._progress(request.account, publish_id)
        return progress

    async def _receipt(
        self, request: PublishRequest, publish_id: str, progress: Progress, how: Literal["answered", "reconciled"]
    ) -> Receipt:
        """The post by its id where it has one, else the publishing by its own."""
        post_id = next(iter(progress.publicaly_available_post_id), None)
        video = await self._details(request.account, post_id) if post_id else None
        at = await self._transport.now() if how == "answered" else request.created_at
        permalink = _permalink(request, post_id) if post_id else None
        return Receipt(
            native_id=post_id or publish_id,
            permalink=(video.share_url if video else None) or permalink,
            published_at=(video.create_time if video else None) or at,
            how=how,
            is_provisional=post_id is None and _is_public(request),
            raw=as_json({"publish_id": publish_id, **progress.model_dump(mode="json", exclude_none=True)}),
        )

    async def _details(self, account: Account, post_id: str) -> Video | None:
        """Address and time of a post. It is live: details that can not be read must not make it look otherwise."""
        call = query_call([post_id], fields=VIDEO_FIELDS)
        try:
            data = (await self._transport.fetch(Videos, account, call)).data
        except NetworkError:
            return None
        videos = [read_as(Video, raw) for raw in (data.videos if data else ())]
        return next((video for video in videos if video is not None and video.id == post_id), None)

    def _part(self, kind: CallKind, request: PublishRequest, staging: Staging, cut: UploadPlan, start: int) -> Call:
        media = request.media[0]
        content = read_media(self._media, media, Network.TIKTOK)
        if len(content) != cut.size:
            raise _refuse(
                f"The film {media.path} has {len(content):,} bytes, not the {cut.size:,} that were announced."
            )
        first, last = cut.part_from(start)
        return Call(
            kind,
            "upload",
            "PUT",
            "",
            url=staging.handles["upload_url"],
            content=content[first : last + 1],
            headers={"content-type": media.mime_type, "content-range": cut.content_range(start)},
            is_authorized=False,
            is_json=False,
        )


def is_film(request: PublishRequest) -> bool:
    return request.content_format in FILM_FORMATS


def post_json(kind: CallKind, operation: str, path: str, body: Any, *, fields: str | None = None) -> Call:
    """A call of the first product; which fields it wants stands in the query, all else in the body."""
    params = (("fields", fields),) if fields else ()
    return Call(kind, operation, "POST", path, params=params, json=body)


def query_call(native_ids: list[str], *, fields: str) -> Call:
    """Asks for posts by their ids (20 at most)."""
    body = {"filters": {"video_ids": native_ids}}
    return post_json(CallKind.READ, "video_query", "/v2/video/query/", body, fields=fields)


def _pictures(request: PublishRequest, staging: Staging) -> dict[str, Any]:
    handles = staging.handles
    return {
        "media_type": "PHOTO",
        "post_mode": "DIRECT_POST",
        "post_info": {
            "title": request.options.title or "",
            "description": request.text,
            "privacy_level": handles["privacy_level"],
            "disable_comment": handles["disable_comment"] == "true",
            "auto_add_music": False,
            "brand_content_toggle": request.options.is_paid_partnership,
            "brand_organic_toggle": False,
        },
        "source_info": {
            "source": "PULL_FROM_URL",
            "photo_cover_index": 0,
            "photo_images": [handles[f"picture_{i}"] for i in range(len(request.media))],
        },
    }


def _privacy(request: PublishRequest, creator: Creator) -> str:
    """Who shall see it, if the account may say so now. Never narrowed or widened by us."""
    wanted = request.options.privacy or EVERYBODY
    if wanted not in creator.privacy_level_options:
        offered = ", ".join(creator.privacy_level_options) or "nothing"
        message = f"This account can not publish for {wanted} now; TikTok offers {offered}."
        raise _error(ErrorClass.INVALID, message, code="privacy_level_option_mismatch")
    return wanted


def _is_public(request: PublishRequest) -> bool:
    return (request.options.privacy or EVERYBODY) == EVERYBODY


def _is_unfinished(request: PublishRequest, progress: Progress) -> bool:
    """TikTok itself says that bytes are missing: nothing was published, and nothing will be before they come."""
    has = progress.uploaded_bytes
    return progress.status == "PROCESSING_UPLOAD" and has is not None and has < request.media[0].size_bytes


def _permalink(request: PublishRequest, post_id: str) -> str:
    kind = "video" if is_film(request) else "photo"
    return f"https://www.tiktok.com/@{request.account.handle.removeprefix('@')}/{kind}/{post_id}"


def _with(staging: Staging, *, is_complete: bool = False, **handles: str) -> Staging:
    return Staging(handles={**staging.handles, **handles}, is_complete=is_complete)


def _restarted(staging: Staging, why: NetworkError) -> Staging:
    """A staging that begins anew, some times; then the reason is raised."""
    restarts = int(staging.handles.get("restarts", "0"))
    if restarts >= MOST_RESTARTS:
        message = f"The upload broke off {restarts + 1} times: {why.message}"
        raise _error(ErrorClass.INVALID, message, code=why.code, status=why.status)
    return Staging(handles={"restarts": str(restarts + 1)})


def _failure(progress: Progress) -> NetworkError:
    reason = progress.fail_reason
    return _error(class_of_failure(reason), f"TikTok did not publish it: {reason or 'no reason given'}.", code=reason)


def _refuse(message: str) -> NetworkError:
    return _error(ErrorClass.INVALID, message, code="unfit_media")


def _error(error_class: ErrorClass, message: str, *, code: str | None, status: int | None = None) -> NetworkError:
    return NetworkError(error_class, message, network=Network.TIKTOK.value, code=code, status=status)


def _check(request: PublishRequest) -> None:
    """Refuse what the network could not show; policy has said so before, with a remedy."""
    problem = _film_problem(request) if is_film(request) else _pictures_problem(request)
    if problem is None and request.options.is_paid_partnership and request.options.privacy == ONLY_ME:
        problem = "A paid partnership on TikTok can not be for the account alone."
    if problem:
        raise _refuse(problem)


def _film_problem(request: PublishRequest) -> str | None:
    if len(request.media) != 1:
        return f"A TikTok film is one file; this post has {len(request.media)}."
    film = request.media[0]
    if film.mime_type not in FILM_TYPES:
        return f"TikTok takes films as MP4, MOV or WebM, not {film.mime_type}."
    if film.size_bytes > LARGEST_FILM_BYTES or plan(film.size_bytes).parts > MOST_PARTS:
        return f"A film on TikTok may have {LARGEST_FILM_BYTES:,} bytes; {film.path} has {film.size_bytes:,}."
    if film.duration_seconds is not None and film.duration_seconds < SHORTEST_FILM_SECONDS:
        return f"A film on TikTok lasts at least {SHORTEST_FILM_SECONDS:.0f} s; this one {film.duration_seconds} s."
    if request.options.title:
        return "A film on TikTok has a caption and no title."
    return _too_long("The caption of a film", request.text, FILM_TEXT_UNITS)


def _pictures_problem(request: PublishRequest) -> str | None:
    if request.content_format not in (ContentFormat.IMAGE, ContentFormat.CAROUSEL):
        return f"TikTok has no posts of the form {request.content_format.value}."
    if not request.media:
        return "TikTok has no posts without a picture or a film."
    if len(request.media) > MOST_PICTURES:
        return f"A TikTok post has at most {MOST_PICTURES} pictures; this one has {len(request.media)}."
    if unfit := [m for m in request.media if m.mime_type not in PICTURE_TYPES]:
        return f"TikTok takes pictures as JPEG or WebP, not {unfit[0].mime_type}."
    if request.options.is_ai_made and not PICTURES_CARRY_AI_LABEL:
        return "TikTok lets films be labelled as made by AI, but not pictures."
    title = _too_long("The title of pictures", request.options.title or "", PICTURE_TITLE_UNITS)
    return title or _too_long("The text of pictures", request.text, PICTURE_TEXT_UNITS)


def _too_long(what: str, text: str, most: int) -> str | None:
    units = mapping.utf16_units(text)
    return f"{what} on TikTok may have {most} UTF-16 units; this one has {units}." if units > most else None
