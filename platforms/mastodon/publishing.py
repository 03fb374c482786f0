"""Publishing on Mastodon: one key for one status, and what can be known after a lost answer.

Belongs here: staging, the commit, reconciliation. Does not belong here: what a server accepts (`fitness.py`), calls that reading
needs too (`wire.py`).

**Exactly once.** Each status goes out under an `Idempotency-Key` that follows from its intent. A server that keeps keys (see
`instances.py`) answers a second call within an hour with the first one's status and writes nothing. The hour counts from the
moment in which staging was completed: no call can have used the key earlier unless that moment's reading of the account's
statuses would have shown it. After a lost answer the account's statuses are read; a status that is there is found by what was
uploaded for it, or by its words. Not to see it proves nothing. Then the commit may be repeated while the key is alive, and never
where the server keeps no keys or the hour is over: a person has to look.

**Threads.** A thread is one intent and several statuses, each an answer to the one before, each under its own key. Once the first
one is live, every failure of a later one is `ambiguous`, whatever the server calls it: only reading tells how far the thread got.
Repeating the commit goes through all of them from the start; those that are there come back unchanged, and the rest follows. It
counts as published when all of it is there. So no status of a thread is ever sent without a living key of its own, but once.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Network
from contracts.ports import MediaReader
from contracts.records import Media, PublishRequest, Receipt, Reconciliation, Staging
from platforms._http import Call, CallKind
from platforms._media import read_media
from platforms._shapes import as_json, read_as, time_or_none
from platforms.mastodon import mapping, texts
from platforms.mastodon.errors import GONE
from platforms.mastodon.fitness import VISIBILITIES, check, refused
from platforms.mastodon.instances import Instances, keeps_keys
from platforms.mastodon.models import Attachment, Status
from platforms.mastodon.wire import Wire, read

KEY_LIFE = timedelta(hours=1)
KEY_MARGIN = timedelta(minutes=10)
"""A key this close to its end is no longer relied on: the call that needs it may wait its turn for a while."""
UPLOADS_LAST = timedelta(hours=12)  # [K] servers delete files that no status took up after a day
CLOCKS_DIFFER_BY = timedelta(minutes=10)
"""A status counts as younger than its intent even if the server's clock is this much behind ours."""
MEDIA_POLLS = 6
FIRST_POLL_SECONDS = 0.5
LONGEST_POLL_SECONDS = 6.0
PARTIAL_CONTENT = 206

_UPLOADS = ("media_", "processing_", "uploaded_at")


class Publishing:
    """The three calls of publishing, and finding again what they published."""

    def __init__(self, wire: Wire, media: MediaReader, options: frozenset[str]) -> None:
        self._wire, self._media, self._options = wire, media, options
        self._transport = wire.transport
        self._instances = Instances(wire.transport)

    def prepare(self, request: PublishRequest) -> Staging:
        return Staging(handles={"key": hashlib.sha256(request.intent_id.encode()).hexdigest()[:32]})

    async def stage(self, request: PublishRequest, staging: Staging) -> Staging:
        account, handles = request.account, staging.handles
        if _answered_id(request) is not None and "visibility" not in handles:
            return _with(staging, await self._answered(request))
        now = await self._transport.now()
        instance = await self._instances.of(account, now=now)
        if not keeps_keys(instance.version):
            self._wire.expect_closing(account)  # what cannot be repeated should not be put at risk
        check(request, _texts(request, staging), instance, supported_options=self._options)
        uploaded_at = time_or_none(handles.get("uploaded_at"))
        if uploaded_at is not None and now - uploaded_at > UPLOADS_LAST:
            return Staging(handles={k: v for k, v in handles.items() if not k.startswith(_UPLOADS)})
        for i, media in enumerate(request.media):
            if f"processing_{i}" in handles:
                return await self._wait_until_processed(request, staging, i)
            if f"media_{i}" not in handles:
                return await self._upload(request, staging, i, media, now)
        return await self._complete(request, staging, instance.version, now)

    async def commit(self, request: PublishRequest, staging: Staging) -> Receipt:
        first, *rest = _bodies(request, staging)
        key = staging.handles["key"]
        head = last = await self._publish(request, first, key)
        for i, body in enumerate(rest, start=1):
            try:
                last = await self._publish(request, {**body, "in_reply_to_id": last.id}, f"{key}-{i}")
            except NetworkError as error:
                message = f"{i} of {1 + len(rest)} posts of the thread are live; the next one: {error.message}"
                raise _error(ErrorClass.AMBIGUOUS, message, "partial_thread", status=error.status) from error
        return await self._receipt(head, "answered")

    async def find_published(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        handles = staging.handles
        key_used_from = time_or_none(handles.get("key_used_from"))
        if key_used_from is None:
            return Reconciliation(
                outcome="not_published", evidence="It was never staged to its end, so nothing was sent."
            )
        age = await self._transport.now() - key_used_from
        is_key_alive = keeps_keys(handles["server"]) and -CLOCKS_DIFFER_BY < age < KEY_LIFE - KEY_MARGIN
        recent = await self._recent(request)
        alike = _heads(request, staging, recent)
        whole = 1 + len(request.options.thread)
        live = [alike[0], *_followers(alike[0], request.options.thread, recent)] if len(alike) == 1 else []
        if len(live) == whole:
            receipt = await self._receipt(alike[0], "reconciled")
            evidence = f"The account shows it as status {receipt.native_id}."
            return Reconciliation(outcome="published", receipt=receipt, evidence=evidence)
        if live:
            evidence = f"{len(live)} of {whole} posts of the thread are live."
        elif alike:
            evidence = f"{len(alike)} new statuses of the account look like it."
        else:
            evidence = "No new status of the account looks like it."
        harm = (
            "makes a second call harmless"
            if is_key_alive
            else "protects nothing: it is too old, or the server keeps none"
        )
        return Reconciliation(
            outcome="undecided" if alike else "absent",
            evidence=f"{evidence} Its key {harm}.",
            is_repeat_harmless=is_key_alive,
        )

    # --- staging ---------------------------------------------------------------------------------------------------------

    async def _answered(self, request: PublishRequest) -> dict[str, str]:
        """Whom an answer has to name so that they learn of it, and who may see it: never more people than see what it
        answers."""
        call = read("status", f"statuses/{_answered_id(request)}")
        try:
            answer = await self._wire.send(request.account, call)
        except NetworkError as error:
            if error.status in GONE:
                raise refused("gone", "What this answers is not there any more.") from error
            raise
        status = self._transport.parse(Status, answer.body, call)
        author = status.account
        is_own = author.id == request.account.native_id
        is_named = is_own or author.acct is None or texts.mentions(request.text, author.acct)
        wanted, theirs = request.options.privacy or VISIBILITIES[0], status.visibility
        narrower = theirs if _rank(theirs) > _rank(wanted) else wanted
        return {"mention": "" if is_named else f"@{author.acct}", "visibility": narrower}

    async def _upload(self, request: PublishRequest, staging: Staging, i: int, media: Media, now: datetime) -> Staging:
        content = read_media(self._media, media, Network.MASTODON)
        name = f"{media.sha256[:32]}.{media.mime_type.rpartition('/')[2]}"
        call = Call(
            CallKind.STAGE,
            "upload",
            "POST",
            "/api/v2/media",
            form={"description": media.alt_text} if media.alt_text else None,
            files={"file": (name, content, media.mime_type)},
        )
        answer = await self._wire.send(request.account, call)
        attachment = self._transport.parse(Attachment, answer.body, call)
        state = "media" if answer.status == 200 else "processing"
        first_at = staging.handles.get("uploaded_at", now.isoformat())
        return _with(staging, {f"{state}_{i}": attachment.id, "uploaded_at": first_at})

    async def _wait_until_processed(self, request: PublishRequest, staging: Staging, i: int) -> Staging:
        """With the file ready, or as it was when that takes too long for now. A file that is gone is uploaded again."""
        handles = {k: v for k, v in staging.handles.items() if k != f"processing_{i}"}
        media_id = staging.handles[f"processing_{i}"]
        pause = FIRST_POLL_SECONDS
        for _ in range(MEDIA_POLLS):
            try:
                answer = await self._wire.send(request.account, read("media", f"media/{media_id}"))
            except NetworkError as error:
                if error.status in GONE:
                    return Staging(handles=handles)
                if error.error_class is ErrorClass.INVALID:
                    raise refused("unfit_media", "The server could not process the media of this post.") from error
                raise
            if answer.status != PARTIAL_CONTENT:
                return Staging(handles={**handles, f"media_{i}": media_id})
            await self._transport.pause(pause)
            pause = min(pause * 2, LONGEST_POLL_SECONDS)
        return staging

    async def _complete(self, request: PublishRequest, staging: Staging, version: str, now: datetime) -> Staging:
        """With the statuses alike that are not this intent's, and the moment from which on its key may be used.

        Staging that was complete before is looked at once more: what was sent and refused may have landed all the same, where an
        earlier call of it got no answer.
        """
        alike = [status.id for status in _heads(request, staging, await self._recent(request))]
        if "alike_before" in staging.handles:
            if alike:
                message = "The account shows a new status like this one: look for it instead of sending it again."
                raise _error(ErrorClass.DUPLICATE, message, "alike")
            alike = [name for name in staging.handles["alike_before"].split(",") if name]
        noted = {"alike_before": ",".join(alike), "server": version, "key_used_from": now.isoformat()}
        return _with(staging, noted, is_complete=True)

    # --- statuses --------------------------------------------------------------------------------------------------------

    async def _publish(self, request: PublishRequest, body: dict[str, Any], key: str) -> Status:
        call = Call(CallKind.COMMIT, "publish", "POST", "/api/v1/statuses", json=body, headers={"idempotency-key": key})
        answer = await self._wire.send(request.account, call)
        return self._transport.parse(Status, answer.body, call)

    async def _recent(self, request: PublishRequest) -> list[Status]:
        """The account's statuses that are not older than the intent, newest first, each once even where pages overlap."""
        oldest = request.created_at - CLOCKS_DIFFER_BY
        found: dict[str, Status] = {}
        async for raws in self._wire.own_statuses(request.account):
            statuses = [s for raw in raws if (s := read_as(Status, raw)) is not None]
            young = [s for s in statuses if s.created_at is None or s.created_at >= oldest]
            found.update((s.id, s) for s in young)
            if statuses and not young:
                break
        return list(found.values())

    async def _receipt(self, status: Status, how: Any) -> Receipt:
        return Receipt(
            native_id=status.id,
            permalink=status.url or status.uri,
            published_at=status.created_at or await self._transport.now(),
            how=how,
            raw=as_json(status.model_dump(mode="json", exclude_none=True, include={"id", "created_at", "url", "uri"})),
        )


def _heads(request: PublishRequest, staging: Staging, recent: Iterable[Status]) -> list[Status]:
    """Statuses that may be this intent's first, in the order given: those with the very files that were uploaded for it, else
    those with its words and as many files."""
    known = {*staging.handles.get("alike_before", "").split(","), *request.claimed_native_ids}
    wanted, files = _texts(request, staging)[0], _media_ids(request, staging)
    alike = [
        status
        for status in recent
        if status.id not in known
        and status.in_reply_to_id == _answered_id(request)
        and texts.is_same(mapping.words_of(status), wanted)
        and len(mapping.attachments_of(status)) == len(request.media)
    ]
    certain = [status for status in alike if files and {a.id for a in mapping.attachments_of(status)} == set(files)]
    return certain or alike


def _followers(head: Status, wanted: Sequence[str], recent: Sequence[Status]) -> list[Status]:
    """How far the thread got: its statuses after the first, each an answer to the one before."""
    found: list[Status] = []
    last = head
    for text in wanted:
        answers = [s for s in recent if s.in_reply_to_id == last.id and texts.is_same(mapping.words_of(s), text)]
        if not answers:
            break
        last = answers[-1]
        found.append(last)
    return found


def _texts(request: PublishRequest, staging: Staging) -> list[str]:
    """The words of each status, in order. An answer begins with the name of whom it answers."""
    mention = staging.handles.get("mention", "")
    first = f"{mention} {request.text}" if mention else request.text
    return [first, *request.options.thread]


def _bodies(request: PublishRequest, staging: Staging) -> list[dict[str, Any]]:
    """What is sent: a pure function of the intent and its staging. Followers still lack what they answer."""
    common: dict[str, Any] = {
        "visibility": staging.handles.get("visibility") or request.options.privacy or VISIBILITIES[0],
        **({"language": request.language} if request.language else {}),
    }
    first, *following = _texts(request, staging)
    head: dict[str, Any] = {"status": first, **common}
    if request.media:
        head["media_ids"] = _media_ids(request, staging)
    if (answered := _answered_id(request)) is not None:
        head["in_reply_to_id"] = answered
    if (poll := request.options.poll) is not None:
        head["poll"] = {
            "options": list(poll.choices),
            "expires_in": poll.open_minutes * 60,
            "multiple": poll.allows_several,
        }
    return [head, *({"status": text, **common} for text in following)]


def _media_ids(request: PublishRequest, staging: Staging) -> list[str]:
    names = [f"media_{i}" for i in range(len(request.media))]
    return [staging.handles[name] for name in names if name in staging.handles]


def _answered_id(request: PublishRequest) -> str | None:
    return request.reply_to_native_comment_id or request.reply_to_native_post_id


def _rank(visibility: str) -> int:
    return VISIBILITIES.index(visibility) if visibility in VISIBILITIES else 0


def _with(staging: Staging, handles: Mapping[str, str], *, is_complete: bool = False) -> Staging:
    return Staging(handles={**staging.handles, **handles}, is_complete=is_complete)


def _error(error_class: ErrorClass, message: str, code: str, *, status: int | None = None) -> NetworkError:
    return NetworkError(error_class, message, network=Network.MASTODON.value, code=code, status=status)
