"""Publishing on LinkedIn: media first, then the one visible call, and what can be known after a lost answer.

Belongs here: staging, commit, reconciliation of posts and replies. Does not belong here: the upload itself (`uploads.py`).

LinkedIn takes no key of ours. Three things stand in for one. What was uploaded for a post appears in no other post. A text that
appears in an own post younger than the intent, that was not there before the commit and is no other intent's, is ours. And LinkedIn
refuses a text that it holds already, naming the live post, which is then looked at like any other. None of them proves
absence; that a post with a text is not in the listing is a hint, and for comments, which no guard protects, not even that.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import unquote

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat, Network
from contracts.ports import MediaReader
from contracts.records import PublishRequest, Receipt, Reconciliation, Staging
from platforms._http import Answer, Call, CallKind, Transport
from platforms._shapes import as_json, read_as
from platforms.linkedin import mapping
from platforms.linkedin.errors import live_post_in
from platforms.linkedin.finders import comments_below, comments_path, own_posts, read
from platforms.linkedin.models import WireComment, WirePost
from platforms.linkedin.restli import encode
from platforms.linkedin.uploads import Upload, Uploader

MOST_IMAGES = 20  # [K]
LONGEST_QUESTION = 140  # [K]
LONGEST_CHOICE = 30  # [K]
MOST_CHOICES = 4  # [K]
VISIBILITIES = frozenset({"PUBLIC", "LOGGED_IN"})  # [K] of those that LinkedIn has, the ones that a page can choose

MOST_RESTARTS = 3
CLOCKS_DIFFER_BY = timedelta(minutes=10)
"""A post counts as younger than its intent even if the network's clock is this much behind ours."""


@dataclass(frozen=True)
class _Found:
    """Something of ours on the network that may be what an intent became."""

    urn: str
    at: datetime | None
    raw: dict[str, Any]


class Publishing:
    """The three calls of publishing, for posts and for replies."""

    def __init__(self, transport: Transport, media: MediaReader) -> None:
        self._transport = transport
        self._uploader = Uploader(transport, media)
        self._named: dict[str, str] = {}
        """Live posts that LinkedIn named when it refused an intent's text. Help while listings lag; lost with the process."""

    # --- staging ---------------------------------------------------------------------------------------------------------

    async def stage(self, request: PublishRequest, staging: Staging) -> Staging:
        """One step: an upload taken one call further, or a look at what is there already. The same staging when it is not yet."""
        check(request)
        uploads = _uploads_of(staging)
        for i, media in enumerate(request.media):
            before = uploads.get(i)
            after = await self._uploader.advance(request.account, media, before)
            if after is None:
                return _without_upload(staging, i)
            if after != before:
                return _with_upload(staging, i, after)
        for i, upload in uploads.items():
            state = await self._uploader.state(request.account, upload.urn)
            if state == "GONE":
                return _without_upload(staging, i)
            if state != "AVAILABLE":
                return staging
        if staging.is_complete:
            return staging
        # An upload is evidence enough; texts alike have to be told apart from those that were there before.
        alike = [] if uploads else await self._alike(request, staging)
        return _complete(staging, alike)

    # --- commit ----------------------------------------------------------------------------------------------------------

    async def commit(self, request: PublishRequest, staging: Staging) -> Receipt:
        """Create the post, or the comment. Its id is in a header."""
        if is_reply(request):
            path, body = comments_path(_target_of(request)), _comment_body(request)
            call = Call(CallKind.COMMIT, "comment", "POST", path, json=body)
        else:
            body = mapping.body_of(request, _assets_of(request, staging))
            call = Call(CallKind.COMMIT, "post", "POST", "/rest/posts", json=body)
        try:
            answer = await self._transport.send(request.account, call)
        except NetworkError as error:
            named = live_post_in(error.message) if error.error_class is ErrorClass.DUPLICATE else None
            if named is not None:
                self._named[request.intent_id] = named
            raise
        urn = _written_comment(request, answer) if is_reply(request) else _written_id(answer)
        return Receipt(
            native_id=urn,
            permalink=None if is_reply(request) else mapping.permalink_of(urn),
            published_at=await self._transport.now(),
            how="answered",
            raw=as_json(answer.body),
        )

    # --- after a lost answer ---------------------------------------------------------------------------------------------

    async def find_published(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        """Read own posts (or the comments answered) back to the intent for what is ours."""
        if not staging.is_complete:
            return Reconciliation(outcome="not_published", evidence="Its staging was never complete, so none was sent.")
        before = {*staging.handles.get("alike_before", "").split(), *request.claimed_native_ids}

        found = [alike for alike in await self._candidates(request, staging, before) if alike.urn not in before]
        if len(found) != 1:
            return _not_found(request, count=len(found))
        self._named.pop(request.intent_id, None)
        ours = found[0]
        receipt = Receipt(
            native_id=ours.urn,
            permalink=None if is_reply(request) else mapping.permalink_of(ours.urn),
            published_at=ours.at or request.created_at,
            how="reconciled",
            raw=as_json(ours.raw),
        )
        return Reconciliation(outcome="published", receipt=receipt, evidence=f"{ours.urn} is alike and new.")

    async def _candidates(self, request: PublishRequest, staging: Staging, before: set[str]) -> list[_Found]:
        """A live post that LinkedIn itself named, alone; where it named none that is new, all that is alike."""
        named = self._named.get(request.intent_id)
        if named is not None and named not in before:
            live = await self._named_post(request, staging, named)
            if live is not None and live.urn not in before:
                return [live]
        return await self._alike(request, staging)

    async def _named_post(self, request: PublishRequest, staging: Staging, urn: str) -> _Found | None:
        """The post that LinkedIn named, if it can be read and is what the intent says. (An activity's URN cannot be read.)"""
        call = read("post", f"/rest/posts/{encode(urn)}")
        try:
            answer = await self._transport.send(request.account, call)
        except NetworkError as error:
            if error.error_class in (ErrorClass.INVALID, ErrorClass.SCOPE):
                return None
            raise
        return self._as_alike(request, staging, answer.body)

    async def _alike(self, request: PublishRequest, staging: Staging) -> list[_Found]:
        if is_reply(request):
            return await self._replies_alike(request)
        found = [
            alike
            async for raw in self._recent_posts(request)
            if (alike := self._as_alike(request, staging, raw)) is not None
        ]
        return list({alike.urn: alike for alike in found}.values())

    async def _recent_posts(self, request: PublishRequest) -> AsyncIterator[dict[str, Any]]:
        """Own posts that were written or changed since the intent was taken up."""
        oldest = request.created_at - CLOCKS_DIFFER_BY
        async for raws in own_posts(self._transport, request.account):
            for raw in raws:
                yield raw
            posts = [post for raw in raws if (post := read_as(WirePost, raw)) is not None]
            changes = [post.last_modified_at or mapping.published_at_of(post) for post in posts]
            if changes and all(change is not None and change < oldest for change in changes):
                return

    def _as_alike(self, request: PublishRequest, staging: Staging, raw: Any) -> _Found | None:
        """The payload, if it is an own post that says what the intent says and is not older."""
        post = read_as(WirePost, raw)
        if post is None or post.id is None or post.author != mapping.author_of(request.account):
            return None
        at = mapping.published_at_of(post)
        if at is not None and at < request.created_at - CLOCKS_DIFFER_BY:
            return None
        ours = WirePost.model_validate(mapping.body_of(request, _assets_of(request, staging)))
        return _Found(post.id, at, raw) if mapping.is_same_post(ours, post) else None

    async def _replies_alike(self, request: PublishRequest) -> list[_Found]:
        """Own answers with this text below what is answered, not older than the intent."""
        target, oldest = _target_of(request), request.created_at - CLOCKS_DIFFER_BY
        found: dict[str, _Found] = {}
        async for raws in comments_below(self._transport, request.account, target):
            for raw in raws:
                comment = read_as(WireComment, raw)
                urn = mapping.urn_of_comment(comment, target) if comment else None
                if comment is None or urn is None or comment.actor != mapping.author_of(request.account):
                    continue
                at = comment.created.time
                is_young = at is None or at >= oldest
                if is_young and mapping.normalized(comment.message.text) == mapping.normalized(request.text):
                    found[urn] = _Found(urn, at, raw)
        return list(found.values())


def is_reply(request: PublishRequest) -> bool:
    return request.reply_to_native_comment_id is not None or request.reply_to_native_post_id is not None


def check(request: PublishRequest) -> None:
    """Refuse what the network could not show; policy has said so before, with a remedy."""
    if problem := _problem_of(request):
        raise NetworkError(ErrorClass.INVALID, problem, network=Network.LINKEDIN.value, code="unfit_content")


def _problem_of(request: PublishRequest) -> str | None:
    options, media = request.options, request.media
    kinds = {m.mime_type.partition("/")[0] for m in media}
    if is_reply(request):
        return "A comment on LinkedIn is text only." if media or options.poll or options.link else None
    if not kinds <= {"image", "video"}:
        return f"LinkedIn posts of Pulso carry pictures or one film, not {media[0].mime_type}."
    if "video" in kinds and len(media) > 1:
        return "A film stands alone in a LinkedIn post."
    if len(media) > MOST_IMAGES:
        return f"A LinkedIn post has at most {MOST_IMAGES} pictures; this one has {len(media)}."
    if options.privacy is not None and options.privacy not in VISIBILITIES:
        return f"LinkedIn knows the visibilities {', '.join(sorted(VISIBILITIES))}, not {options.privacy!r}."
    if options.poll is not None:
        return _problem_of_poll(request)
    if request.content_format is ContentFormat.POLL:
        return "A poll needs its choices."
    if options.link is not None:
        return _problem_of_article(request)
    if request.content_format in (ContentFormat.LINK, ContentFormat.ARTICLE):
        return "An article needs the link that it leads to."
    return None


def _problem_of_poll(request: PublishRequest) -> str | None:
    poll, question = request.options.poll, request.options.title or request.text
    if poll is None or request.media or request.options.link:
        return "A LinkedIn poll has neither media nor a link."
    if len(question) > LONGEST_QUESTION:
        return (
            f"A poll's question has at most {LONGEST_QUESTION} characters; give the post a shorter title to ask with."
        )
    if len(poll.choices) > MOST_CHOICES or any(not 0 < len(choice) <= LONGEST_CHOICE for choice in poll.choices):
        return f"A LinkedIn poll has at most {MOST_CHOICES} choices of 1 to {LONGEST_CHOICE} characters."
    if poll.allows_several:
        return "A LinkedIn poll takes one choice of each person."
    if poll.open_minutes not in mapping.POLL_DURATIONS:
        return "A LinkedIn poll is open for 1, 3, 7 or 14 days."
    return None


def _problem_of_article(request: PublishRequest) -> str | None:
    if not request.options.title:
        return "LinkedIn does not look at a link by itself: its title has to be given."
    if len(request.media) > 1 or mapping.is_film(request):
        return "An article on LinkedIn has at most one picture."
    return None


def _uploads_of(staging: Staging) -> dict[int, Upload]:
    found = {
        int(name.removeprefix("media_")): Upload.model_validate_json(value)
        for name, value in staging.handles.items()
        if name.startswith("media_")
    }
    return dict(sorted(found.items()))


def _assets_of(request: PublishRequest, staging: Staging) -> list[str]:
    uploads = _uploads_of(staging)
    return [uploads[i].urn for i in range(len(request.media))]


def _with_upload(staging: Staging, i: int, upload: Upload) -> Staging:
    return Staging(handles={**staging.handles, f"media_{i}": upload.model_dump_json()})


def _without_upload(staging: Staging, i: int) -> Staging:
    """Begin one upload anew. Raises `transient` where that has been of no use before."""
    restarts = int(staging.handles.get("restarts", "0"))
    if restarts >= MOST_RESTARTS:
        message = f"LinkedIn has lost what was uploaded {restarts + 1} times."
        raise NetworkError(ErrorClass.TRANSIENT, message, network=Network.LINKEDIN.value, code="upload_lost")
    handles = {k: v for k, v in staging.handles.items() if k != f"media_{i}"}
    return Staging(handles={**handles, "restarts": str(restarts + 1)})


def _complete(staging: Staging, alike: list[_Found]) -> Staging:
    return Staging(
        handles={**staging.handles, "alike_before": " ".join(found.urn for found in alike)}, is_complete=True
    )


def _not_found(request: PublishRequest, *, count: int) -> Reconciliation:
    """What is known when nothing, or too much, is alike. Only a post with a text is protected by LinkedIn's guard against a second one."""
    kind = "reply" if is_reply(request) else "post"
    seen = f"{count} new ones of ours are alike." if count else f"No new {kind} of ours is alike."
    is_guarded = not is_reply(request) and bool(request.text.strip())
    outcome: Literal["absent", "undecided"] = "absent" if is_guarded and not count else "undecided"
    return Reconciliation(outcome=outcome, evidence=f"{seen} LinkedIn takes no key of ours.")


def _target_of(request: PublishRequest) -> str:
    """What is commented on: the comment answered, else the post."""
    return request.reply_to_native_comment_id or request.reply_to_native_post_id or ""


def _comment_body(request: PublishRequest) -> dict[str, Any]:
    target = _target_of(request)
    commented_on = mapping.parts_of_comment(target)[0]
    body = {
        "actor": mapping.author_of(request.account),
        "object": commented_on or target,
        "message": {"text": request.text},
    }
    return {**body, "parentComment": target} if commented_on else body


def _written_id(answer: Answer) -> str:
    """The new thing's id. Without it nobody knows what was written, though something was."""
    named = answer.headers.get("x-restli-id") or answer.headers.get("x-linkedin-id")
    if not named:
        message = "LinkedIn took the post and did not say under which id."
        raise NetworkError(ErrorClass.AMBIGUOUS, message, network=Network.LINKEDIN.value, status=answer.status)
    return unquote(named)


def _written_comment(request: PublishRequest, answer: Answer) -> str:
    """The new comment's URN: from the body, else of the number in the header."""
    comment = read_as(WireComment, answer.body)
    if comment is not None and (urn := mapping.urn_of_comment(comment, _target_of(request))) is not None:
        return urn
    number = _written_id(answer)
    return mapping.urn_of_comment(WireComment(id=number), _target_of(request)) or number
