"""Publishing posts of text, link and pictures, and picture stories.

Belongs here: unpublished photos, the one visible call, and what reading the Page can prove. Does not belong here: films
(`films.py`), answers (`replies.py`).

The feed takes no key of ours. A picture is uploaded first, unpublished, and its id is ours alone: a post or story that shows it
is this intent's, whatever else has its text. A post without pictures is known by its text only, among the posts younger than
the intent that were not there before the commit. That nothing was published can never be proven: that nothing is listed is
`absent`, a hint, where the network's own guard would refuse a second one.
"""

import json
from dataclasses import replace
from datetime import timedelta

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat, Network
from contracts.ports import MediaReader
from contracts.records import Account, Media, PublishRequest, Receipt, Reconciliation, Staging
from platforms import _graph as graph
from platforms._http import CallKind, Transport
from platforms._listing import each_once
from platforms._media import read_media
from platforms._shapes import as_json, read_as
from platforms.facebook.models import FbPost, Finished, StoryItem

FINDING_FIELDS = (
    "id,message,created_time,permalink_url,attachments{media_type,target{id},subattachments{media_type,target{id}}}"
)
STORY_FIELDS = "post_id,media_id,creation_time,url"
CLOCKS_DIFFER_BY = timedelta(seconds=120)
"""A post counts as younger than its intent even if the network's clock is this much behind ours."""

LONGEST_MESSAGE = 63_206
MOST_PHOTOS = 10
LARGEST_PHOTO_BYTES = 4_000_000
PHOTO_TYPES = frozenset({"image/jpeg", "image/png"})


class FeedPosts:
    """Stage, commit and find of posts that carry no film, and of picture stories."""

    def __init__(self, transport: Transport, media: MediaReader) -> None:
        self._transport, self._media = transport, media

    async def stage(self, request: PublishRequest, staging: Staging) -> Staging:
        """One step: upload one picture, or look at what is there before the commit. A complete one is looked at again: pictures
        that nobody published do not stay for ever."""
        handles = staging.handles
        if staging.is_complete:
            return await self._without_lost_photos(request.account, staging)
        for i, media in enumerate(request.media):
            if f"photo_{i}" not in handles:
                return graph.with_handles(staging, {f"photo_{i}": await self._upload(request.account, media)})
        if request.media:
            return graph.with_handles(staging, {}, is_complete=True)
        alike = await self._posts_alike(request, frozenset())
        return graph.with_handles(staging, {"alike_before": ",".join(post.id for post in alike)}, is_complete=True)

    async def commit(self, request: PublishRequest, staging: Staging) -> Receipt:
        """The one visible call. The permalink is read afterwards and may stay unknown."""
        if request.content_format is ContentFormat.STORY:
            return await self._commit_story(request, staging)
        account = request.account
        call = graph.post(CallKind.COMMIT, "feed", f"{account.native_id}/feed", _form(request, staging))
        answer = await self._transport.send(account, call)
        post_id = self._transport.parse(graph.Created, answer.body, call).id
        try:
            read = graph.read("post", post_id, fields="id,permalink_url,created_time")
            post = await self._transport.fetch(FbPost, account, read)
        except NetworkError:
            post = FbPost(id=post_id)  # it is live: an unreadable permalink must not make it look otherwise
        return Receipt(
            native_id=post_id,
            permalink=post.permalink_url,
            published_at=post.created_time or await self._transport.now(),
            how="answered",
            raw=as_json(answer.body),
        )

    async def find(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        """The post that shows our pictures, else the one new post with this text."""
        if not staging.is_complete:
            return Reconciliation(outcome="not_published", evidence="It was not staged to the end: nothing was sent.")
        if request.content_format is ContentFormat.STORY:
            return await self._find_story(request, staging)
        photos = frozenset(_photos(staging))
        before = {*staging.handles.get("alike_before", "").split(","), *request.claimed_native_ids}
        alike = [post for post in await self._posts_alike(request, photos) if post.id not in before]
        if not alike:
            # Words and pictures are guarded against a second post; a link alone is not.
            is_guarded = bool(request.text.strip() or photos)
            evidence = "No new post has its text or pictures. The feed keeps no key of ours."
            return Reconciliation(outcome="absent" if is_guarded else "undecided", evidence=evidence)
        if len(alike) > 1:
            evidence = f"{len(alike)} new posts are like it. The feed keeps no key of ours."
            return Reconciliation(outcome="undecided", evidence=evidence)
        post = alike[0]
        receipt = Receipt(
            native_id=post.id,
            permalink=post.permalink_url,
            published_at=post.created_time or request.created_at,
            how="reconciled",
            raw=as_json(post.model_dump(mode="json", exclude_none=True)),
        )
        return Reconciliation(
            outcome="published",
            receipt=receipt,
            evidence=f"Post {post.id} {'shows its pictures' if photos else 'has its text'}.",
        )

    # --- pictures --------------------------------------------------------------------------------------------------------

    async def _upload(self, account: Account, media: Media) -> str:
        form = {"published": "false"} | ({"alt_text_custom": media.alt_text} if media.alt_text else {})
        call = graph.post(CallKind.STAGE, "photo", f"{account.native_id}/photos", form)
        content = read_media(self._media, media, Network.FACEBOOK)
        call = replace(call, files={"source": (media.path.rpartition("/")[2], content, media.mime_type)})
        return (await self._transport.fetch(graph.Created, account, call)).id

    async def _without_lost_photos(self, account: Account, staging: Staging) -> Staging:
        """The same staging while all its pictures are there; else without those that are gone, to be uploaded again."""
        kept = dict(staging.handles)
        for name, photo_id in staging.handles.items():
            if name.startswith("photo_"):
                try:
                    await self._transport.send(account, graph.read("photo", photo_id, fields="id"))
                except NetworkError as error:
                    if not graph.is_gone(error):
                        raise
                    del kept[name]
        return staging if kept == staging.handles else Staging(handles=kept)

    async def _posts_alike(self, request: PublishRequest, photos: frozenset[str]) -> list[FbPost]:
        """Posts not older than the intent that show one of these pictures, or, where it has none, that have its text and show
        none either; newest first."""
        oldest = request.created_at - CLOCKS_DIFFER_BY
        path, since = f"{request.account.native_id}/published_posts", str(int(oldest.timestamp()))
        pages = graph.pages(
            self._transport, request.account, "published_posts", path, fields=FINDING_FIELDS, since=since
        )
        alike = []
        async for raws in pages:
            posts = [post for raw in raws if (post := read_as(FbPost, raw)) is not None]
            for post in posts:
                is_old = post.created_time is not None and post.created_time < oldest
                is_same = graph.same_text(post.message, request.text) and not post.media_ids
                if not is_old and (bool(photos & post.media_ids) if photos else is_same):
                    alike.append(post)
        return each_once(alike)

    # --- stories ---------------------------------------------------------------------------------------------------------

    async def _commit_story(self, request: PublishRequest, staging: Staging) -> Receipt:
        (photo_id,) = _photos(staging)
        path = f"{request.account.native_id}/photo_stories"
        call = graph.post(CallKind.COMMIT, "photo_story", path, {"photo_id": photo_id})
        answer = await self._transport.send(request.account, call)
        finished = self._transport.parse(Finished, answer.body, call)
        if finished.success is not True or finished.post_id is None:
            message = "The story was not confirmed as published."
            raise NetworkError(ErrorClass.AMBIGUOUS, message, network=Network.FACEBOOK.value, code="unconfirmed")
        return Receipt(
            native_id=finished.post_id,
            permalink=None,
            published_at=await self._transport.now(),
            how="answered",
            raw=as_json(answer.body),
        )

    async def _find_story(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        """The story whose media is our picture [K]."""
        (photo_id,) = _photos(staging)
        path = f"{request.account.native_id}/stories"
        pages = graph.pages(self._transport, request.account, "stories", path, fields=STORY_FIELDS)
        items = [item async for raws in pages for raw in raws if (item := read_as(StoryItem, raw))]
        found = [item for item in items if item.media_id == photo_id and item.post_id is not None]
        if not found or found[0].post_id is None:
            evidence = f"No story shows picture {photo_id} (yet)."
            return Reconciliation(outcome="undecided", evidence=evidence)
        receipt = Receipt(
            native_id=found[0].post_id,
            permalink=found[0].url,
            published_at=await self._transport.now(),
            how="reconciled",
        )
        return Reconciliation(outcome="published", receipt=receipt, evidence=f"A story shows picture {photo_id}.")


def check(request: PublishRequest) -> None:
    """Refuse what the network could not show; policy has said so before, with a remedy."""
    if problem := _problem(request):
        raise NetworkError(ErrorClass.INVALID, problem, network=Network.FACEBOOK.value, code="unfit_post")


def _problem(request: PublishRequest) -> str | None:
    kind, media, link = request.content_format, request.media, request.options.link
    films = [m for m in media if m.mime_type.startswith("video/")]
    photos = [m for m in media if m.mime_type in PHOTO_TYPES]
    if len(request.text) > LONGEST_MESSAGE:
        return f"A post on Facebook has at most {LONGEST_MESSAGE:,} characters; this one has {len(request.text):,}."
    if len(films) + len(photos) != len(media):
        return "Facebook takes pictures as JPEG or PNG, and films."
    if big := [m for m in photos if m.size_bytes > LARGEST_PHOTO_BYTES]:
        return f"A picture on Facebook may have {LARGEST_PHOTO_BYTES:,} bytes; {big[0].path} has {big[0].size_bytes:,}."
    fits = {
        ContentFormat.TEXT: bool(request.text) and not media,
        ContentFormat.LINK: bool(link) and not media,
        ContentFormat.IMAGE: len(photos) == 1 == len(media),
        ContentFormat.CAROUSEL: 2 <= len(photos) <= MOST_PHOTOS and not films,
        ContentFormat.VIDEO: len(films) == 1 == len(media),
        ContentFormat.STORY: len(media) == 1,
    }
    if kind not in fits:
        return f"Facebook Pages have no posts of the format {kind.value}."
    if not fits[kind]:
        return f"This is no {kind.value}: it has {len(photos)} pictures and {len(films)} films."
    if kind is ContentFormat.STORY and (link or request.options.place_id or request.options.title):
        return "A story on Facebook carries no link, place or title."
    if link and media:
        return "A post on Facebook shows a link or pictures, not both."
    return None


def _form(request: PublishRequest, staging: Staging) -> dict[str, str]:
    """The fields of a post. Empty ones are left out: the network would take them for values."""
    attached = [{"media_fbid": photo_id} for photo_id in _photos(staging)]
    fields = {
        "message": request.text,
        "link": request.options.link,
        "place": request.options.place_id,
        "attached_media": json.dumps(attached, separators=(",", ":")) if attached else None,
    }
    return {name: value for name, value in fields.items() if value}


def _photos(staging: Staging) -> list[str]:
    """Ids of the uploaded pictures, in their order."""
    named = {name: value for name, value in staging.handles.items() if name.startswith("photo_")}
    return [named[f"photo_{i}"] for i in range(len(named))]
