"""Publishing posts, reels and stories: containers first, then the one visible call.

Belongs here: which containers a post needs, staging, the commit, and what reading the network can prove. Does not belong here: how a
container is made (`containers.py`), answers (`replies.py`).

A *container* is invisible and its id known before the commit. After a lost answer its status tells whether the post is live, so
that nothing is ever published twice; which post it became is found in the newest media, or for a story among the newest stories.
"""

from datetime import timedelta

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Capabilities, ContentFormat, Network
from contracts.records import Account, Media, PublishRequest, Receipt, Reconciliation, Staging
from platforms import _graph as graph
from platforms._graph import Created, Page
from platforms._http import CallKind, Transport
from platforms._listing import each_once
from platforms._shapes import as_json, read_as
from platforms.instagram.containers import Containers, failure_of, is_film, tags
from platforms.instagram.errors import PUBLISH_QUOTA_CODE
from platforms.instagram.models import Container, Quota
from platforms.instagram.models import Media as IgMedia

FINDING_FIELDS = "id,caption,media_type,permalink,timestamp"
MOST_CAROUSEL_ITEMS = 10
MOST_TAGS = 20  # [K]
CLOCKS_DIFFER_BY = timedelta(minutes=10)
"""A post counts as younger than its intent even if the network's clock is this much behind ours."""

FILM_FORMATS = frozenset({ContentFormat.VIDEO, ContentFormat.SHORT_VIDEO})
"""Both are published as reels: Instagram has no other films in the feed."""
AGAIN = "again"
"""Entry of the staging: the first container failed for a reason that may pass."""


class Posts:
    """Stage, commit and find of whatever is no answer."""

    def __init__(self, transport: Transport, containers: Containers, capabilities: Capabilities) -> None:
        self._transport, self._containers, self._capabilities = transport, containers, capabilities

    async def stage(self, request: PublishRequest, staging: Staging) -> Staging:
        """One step: a container more, or waiting until the last one is ready. Returns the same staging when it is not yet."""
        check(request, self._capabilities)
        handles = staging.handles
        if "container_id" not in handles:
            if not handles:
                await self._check_quota(request.account)
            return await self._next_container(request, staging)
        container = await self._containers.processed(request.account, handles["container_id"])
        if container.status_code == "PUBLISHED":
            message = "This container is published already: look for the post instead of sending it again."
            raise NetworkError(ErrorClass.DUPLICATE, message, network=Network.INSTAGRAM.value, code="PUBLISHED")
        if container.status_code != "FINISHED":
            return _unfinished(container, staging)
        if staging.is_complete:
            return staging
        alike = await self._alike(request)
        return graph.with_handles(staging, {"alike_before": ",".join(media.id for media in alike)}, is_complete=True)

    async def commit(self, request: PublishRequest, staging: Staging) -> Receipt:
        """Publish the container. The permalink is read afterwards and may stay unknown."""
        account = request.account
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

    async def find(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        """By the container's status, and then by which post is new."""
        container_id = staging.handles.get("container_id")
        if container_id is None:
            return Reconciliation(outcome="not_published", evidence="No container was made, so none was published.")
        container = await self._containers.read(request.account, container_id)
        status = container.status_code
        if status in ("FINISHED", "ERROR", "EXPIRED"):
            return Reconciliation(outcome="not_published", evidence=f"Container {container_id} is {status}.")
        if status != "PUBLISHED":
            evidence = f"Container {container_id} is {status or 'unreadable'}."
            return Reconciliation(outcome="undecided", evidence=evidence)
        return await self._find_published(request, staging, container_id)

    # --- containers ------------------------------------------------------------------------------------------------------

    async def _next_container(self, request: PublishRequest, staging: Staging) -> Staging:
        account, handles = request.account, staging.handles
        if request.content_format is not ContentFormat.CAROUSEL:
            (media,) = request.media
            made = await self._containers.of_media(account, media, _fields(request, media))
            return graph.with_handles(staging, {"container_id": made})
        tagged = next((media for media in request.media if not is_film(media)), None)
        for i, media in enumerate(request.media):
            if f"child_{i}" not in handles:
                people = request.options.user_tags if media is tagged else ()
                fields = {**_child_fields(media), "user_tags": tags(people)}
                made = await self._containers.of_media(account, media, fields)
                return graph.with_handles(staging, {f"child_{i}": made})
        children = [handles[f"child_{i}"] for i in range(len(request.media))]
        for child_id in children:
            child = await self._containers.processed(account, child_id)
            if child.status_code != "FINISHED":
                return _unfinished(child, staging)
        fields = {"media_type": "CAROUSEL", "children": ",".join(children), **_words(request)}
        return graph.with_handles(staging, {"container_id": await self._containers.make(account, fields)})

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

    # --- after a lost answer ---------------------------------------------------------------------------------------------

    async def _find_published(self, request: PublishRequest, staging: Staging, container_id: str) -> Reconciliation:
        """Which post the published container became: the only one alike that was not there before the commit."""
        before = {*staging.handles.get("alike_before", "").split(","), *request.claimed_native_ids}
        alike = [media for media in await self._alike(request) if media.id not in before]
        evidence = f"Container {container_id} is PUBLISHED; "
        if len(alike) != 1:
            evidence += "its post is not listed yet." if not alike else f"{len(alike)} new posts are like it."
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

    async def _alike(self, request: PublishRequest) -> list[IgMedia]:
        """Among the newest posts, those of this kind and with this caption that are not older than the intent, newest first. Stories
        are another listing and have no caption."""
        is_story = request.content_format is ContentFormat.STORY
        edge = "stories" if is_story else "media"
        path = f"{request.account.native_id}/{edge}"
        call = graph.read(edge, path, fields=FINDING_FIELDS, limit=str(graph.PAGE_SIZE))
        page = await self._transport.fetch(Page, request.account, call)
        oldest = request.created_at - CLOCKS_DIFFER_BY
        return each_once(
            media
            for raw in page.data
            if (media := read_as(IgMedia, raw)) is not None
            and media.timestamp is not None
            and media.timestamp >= oldest
            and media.media_type in ("", _media_type(request))
            and (is_story or graph.same_text(media.caption, request.text))
        )


def check(request: PublishRequest, capabilities: Capabilities) -> None:
    """Refuse what the network could not show; policy has said so before, with a remedy."""
    lacking = request.options.model_dump(exclude_defaults=True).keys() - capabilities.options
    if request.content_format not in capabilities.formats:
        lacking = {request.content_format.value}
    if lacking:
        message = f"Posts on Instagram have no {', '.join(sorted(lacking))}."
        raise NetworkError(ErrorClass.INVALID, message, network=Network.INSTAGRAM.value, code="unsupported")
    if problem := _problem(request):
        raise NetworkError(ErrorClass.INVALID, problem, network=Network.INSTAGRAM.value, code="unfit_media")


def _problem(request: PublishRequest) -> str | None:
    kind, media, options = request.content_format, request.media, request.options
    films, pictures = [m for m in media if is_film(m)], [m for m in media if m.mime_type.startswith("image/")]
    if len(films) + len(pictures) != len(media):
        return "Posts on Instagram carry pictures and films."
    fits = {
        ContentFormat.IMAGE: len(pictures) == 1 == len(media),
        ContentFormat.CAROUSEL: 2 <= len(media) <= MOST_CAROUSEL_ITEMS,
        ContentFormat.STORY: len(media) == 1,
    } | dict.fromkeys(FILM_FORMATS, len(films) == 1 == len(media))
    if not fits[kind]:
        return f"This is no {kind.value}: it has {len(pictures)} pictures and {len(films)} films."
    if options.user_tags and (kind is ContentFormat.STORY or not pictures):
        return "People are tagged in the pictures of a post; this one has none."
    if len(options.user_tags) > MOST_TAGS:
        return f"At most {MOST_TAGS} people can be tagged; this post tags {len(options.user_tags)}."
    if kind is ContentFormat.STORY and options.place_id:
        return "A story on Instagram carries no place."  # [K]
    return None


def _fields(request: PublishRequest, media: Media) -> dict[str, str]:
    """What the container of a post's only file says. A story shows no caption."""
    if request.content_format is ContentFormat.STORY:
        return {"media_type": "STORIES"}
    if request.content_format in FILM_FORMATS:
        return {"media_type": "REELS", **_words(request)}
    return {"alt_text": media.alt_text, "user_tags": tags(request.options.user_tags), **_words(request)}


def _child_fields(media: Media) -> dict[str, str]:
    kind = (
        {"media_type": "VIDEO"} if is_film(media) else {"alt_text": media.alt_text}
    )  # [K] the type of a carousel's film
    return {"is_carousel_item": "true", **kind}


def _words(request: PublishRequest) -> dict[str, str]:
    return {"caption": request.text, "location_id": request.options.place_id or ""}  # [K] `location_id`


def _media_type(request: PublishRequest) -> str:
    """How a listing will call the post."""
    if request.content_format is ContentFormat.CAROUSEL:
        return "CAROUSEL_ALBUM"
    return "VIDEO" if is_film(request.media[0]) else "IMAGE"


def _unfinished(container: Container, staging: Staging) -> Staging:
    """Where to go on from when a container is not ready: nowhere yet, or from the start. Raises what Instagram found wrong with the
    media, for a failure that may pass only the second time."""
    if container.status_code == "EXPIRED":
        return Staging()
    if container.status_code != "ERROR":
        return staging
    failure = failure_of(container)
    if failure.error_class is ErrorClass.TRANSIENT and AGAIN not in staging.handles:
        return Staging(handles={AGAIN: "1"})
    if failure.error_class is ErrorClass.TRANSIENT:
        raise NetworkError(ErrorClass.INVALID, failure.message, network=failure.network, code=failure.code)
    raise failure
