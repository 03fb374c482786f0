"""X's wire: API v2 calls of one account. Everything, uploads too, is on the one host that the account's address names.

Belongs here: calls, their order, limits. Does not belong here: shapes (`models.py`), mapping and the comparison of texts
(`mapping.py`), bodies (`publishing.py`), uploads (`uploads.py`), refusals (`errors.py`), prices (`prices.py`).

X has no key for a post. What is known after a lost answer comes from the account's own timeline: a new post of ours with the text
and exactly the media that were sent (an uploaded medium belongs to one intent) is the post. That none is there is `absent`, a hint and no
proof, since the call may still be on its way; X's refusal of a text posted a moment ago is what keeps a second commit from doubling it.

A **thread** is one commit of several calls, each post answering the one before. It never doubles:

* A refusal of the first post proves that nothing is out: it is the commit's refusal, and the intent may be sent again.
* A post whose answer is lost is looked for, and where it is found the thread goes on. None is ever sent a second time, except one that was
  certainly not written (no connection, a renewed token, a short rate limit).
* Where a lost post is not found, and for any other trouble once the first post is out, `commit` ends `ambiguous`, so that no path leads
  to beginning again. `find_published` follows the answers from the first post on: all are there, published; some are, undecided and
  naming those that are out, because the next one's call may still be on its way. A person finishes the thread or deletes it.

The receipt is the first post's; `raw` names all.
"""

import base64
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Literal

from pydantic import SecretStr

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Capabilities, ContentFormat, Network
from contracts.ports import MediaReader, PostPage
from contracts.records import (
    Account,
    AccountMetricPoint,
    AccountSnapshot,
    Comment,
    Message,
    MessageTarget,
    Post,
    PostMetricPoint,
    PublishRequest,
    Receipt,
    Reconciliation,
    Staging,
    Token,
)
from platforms._budget import Usage
from platforms._http import Call, CallKind, Refusal, Transport, server_time, with_headers
from platforms._listing import each_once, post_pages
from platforms._messages import check as check_message
from platforms._messages import found_among
from platforms._quotas import LocalLimit, Window
from platforms._shapes import as_json, count_or_none, read_as
from platforms.versions import VERSIONS
from platforms.x import mapping, messages, prices, publishing
from platforms.x.errors import APP_LIMIT, FIELD_REFUSED, GONE, UNNAMED, classify
from platforms.x.models import Created, NewToken, One, Page, User, XPost
from platforms.x.prices import CREATE_OPERATION
from platforms.x.uploads import Uploads, media_ids_of

API_VERSION = VERSIONS[Network.X].name

PAGE_SIZE = 100
FEW = 20
"""Page size where hardly any posts are expected."""
POSTS_PER_CALL = 100
FIELDS = "post.fields"
"""The parameter's name since description 2.167; it was `tweet.fields`."""
POST_FIELDS = "attachments,conversation_id,created_at,entities,id,note_post,public_metrics,text"
PRIVATE_FIELDS = f"{POST_FIELDS},non_public_metrics"
MEDIA_FIELDS = "media_key,type"
POST_EXPANSIONS = "attachments.media_keys,attachments.poll_ids,referenced_posts"
COMMENT_EXPANSIONS = f"author_id,{POST_EXPANSIONS}"
PROFILE_FIELDS = "created_at,description,id,name,public_metrics,username,verified"
PRIVATE_COUNTS_LIFE = timedelta(days=30)  # [K] how long X tells clicks
REFRESH_LIFE = timedelta(hours=2)  # [K] of an access token whose answer does not say
READ_LAG_SECONDS = 2.0  # [K] how long a new post may be missing from the account's timeline

FINDING_TRIES = 4
FINDING_PAUSE_SECONDS = 0.75
CLOCKS_DIFFER_BY = timedelta(minutes=10)
"""A post counts as younger than its intent even if the network's clock is this much behind ours."""
FOLLOWER_TRIES = 4
LONGEST_FOLLOWER_WAIT_SECONDS = 6.0

APP_POSTS = "x:app:posts"
MOST_APP_POSTS = 10_000
"""A day, of all accounts of the app together; no header tells what is left of it."""

CAPABILITIES = Capabilities(
    network=Network.X,
    formats=frozenset(
        {
            ContentFormat.TEXT,
            ContentFormat.IMAGE,
            ContentFormat.CAROUSEL,
            ContentFormat.VIDEO,
            ContentFormat.THREAD,
            ContentFormat.POLL,
        }
    ),
    has_account_metrics=False,
    has_comments=True,
    has_messages=True,
    can_message=True,
    can_reply=True,
    is_commit_idempotent=False,
    is_reply_idempotent=False,
    post_metrics=("likes", "comments", "shares", "quotes", "saves", "impressions", "clicks", "profile_visits"),
    options=frozenset({"place_id", "user_tags", "poll", "thread", "is_ai_made", "is_paid_partnership"}),
    refuses_duplicates=True,
    read_lag_seconds=READ_LAG_SECONDS,
)


BudgetOf = Callable[[str], Decimal | None]
"""US dollars that a client (by its id) may spend on X in a month; None: no limit."""


@dataclass(frozen=True)
class XApp:
    """The app through which accounts are connected. Public clients have no secret."""

    client_id: str
    client_secret: SecretStr | None = None


class XDialect:
    """Bearer tokens of two hours, refresh tokens that work once, limits per endpoint and account, errors as problems."""

    network = Network.X
    renew_before = timedelta(minutes=10)

    def __init__(self, app: XApp | None = None, *, budget_of: BudgetOf = lambda _: None) -> None:
        self._app, self._budget_of = app, budget_of

    def authorize(self, call: Call, token: Token) -> Call:
        return with_headers(call, authorization=f"Bearer {token.access_token}")

    def refusal(self, status: int, body: Any) -> Refusal:
        return classify(status, body)

    def limit_keys(self, account: Account, call: Call) -> tuple[str, ...]:
        return (f"{call.operation}:{account.account_id}", APP_LIMIT)

    def local_limits(self, account: Account, call: Call) -> tuple[LocalLimit, ...]:
        """The app's posts of a day, and the client's money of a month where it has a budget (in thousandths of a dollar; a read
        takes the most that it may cost)."""
        limits: list[LocalLimit] = []
        if call.operation == CREATE_OPERATION:
            limits.append(LocalLimit(APP_POSTS, MOST_APP_POSTS, Window.UTC_DAY))
        budget, price = self._budget_of(account.client_id), prices.price_of(call)
        if budget is not None and price > 0:
            money = f"x:money:{account.client_id}"
            limits.append(LocalLimit(money, prices.in_mills(budget), Window.MONTH, units=prices.in_mills(price)))
        return tuple(limits)

    def usage(self, account: Account, call: Call, headers: Mapping[str, str]) -> tuple[Usage, ...]:
        """`x-rate-limit-*`: the endpoint's window for this account; the reset is in seconds since 1970."""
        limit = count_or_none(headers.get("x-rate-limit-limit"))
        left = count_or_none(headers.get("x-rate-limit-remaining"))
        reset = count_or_none(headers.get("x-rate-limit-reset"))
        if not limit or left is None:
            return ()
        seconds = None if reset is None else reset - server_time(headers).timestamp()
        return (Usage(self.limit_keys(account, call)[0], 1 - left / limit, seconds),)

    def can_renew(self, token: Token, *, is_refused: bool) -> bool:  # noqa: ARG002
        return self._app is not None and token.refresh_token is not None

    async def renew(self, transport: Transport, account: Account, token: Token) -> Token:
        """Both tokens anew. The old refresh token is spent by this call, whatever becomes of the answer."""
        if self._app is None or token.refresh_token is None:
            message = "Renewing a token needs the app's id and a refresh token; connect the account again."
            raise NetworkError(ErrorClass.AUTH, message, network=self.network.value, code="no_refresh")
        form = {
            "grant_type": "refresh_token",
            "refresh_token": token.refresh_token,
            "client_id": self._app.client_id,
        }
        headers = {}
        if self._app.client_secret is not None:
            pair = f"{self._app.client_id}:{self._app.client_secret.get_secret_value()}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        path = _path("oauth2/token")
        call = Call(CallKind.TOKEN, "oauth2_token", "POST", path, form=form, headers=headers, is_authorized=False)
        new = await transport.fetch(NewToken, account, call)
        life = timedelta(seconds=new.expires_in) if new.expires_in else REFRESH_LIFE
        return Token(
            access_token=new.access_token,
            refresh_token=new.refresh_token or token.refresh_token,
            expires_at=datetime.now(UTC) + life,
            version=token.version,
        )


class XConnector:
    """`contracts.ports.Connector` and `ReadsMessages` for X."""

    def __init__(self, transport: Transport, media: MediaReader) -> None:
        self._transport = transport
        self._uploads = Uploads(transport, media)

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    # --- reading ---------------------------------------------------------------------------------------------------------

    async def profile(self, account: Account) -> AccountSnapshot:
        """Name and counts of the account that the token belongs to, observed now."""
        call = _read("profile", "users/me", **{"user.fields": PROFILE_FIELDS})
        answer = await self._transport.send(account, call)
        data = self._data_of(answer.body, call)
        user = self._transport.parse(User, data, call)
        return mapping.snapshot_from(account, user, data, observed_at=await self._transport.now())

    async def posts(self, account: Account, *, since: datetime | None) -> AsyncIterator[PostPage]:
        """Own posts and replies, newest first, without reposts of others. X lists the last 3,200 [K]."""
        to_post = partial(mapping.remapped_post, account)
        to_metrics = partial(mapping.remapped_metrics, account)
        pages = self._own_posts(account, since)
        async for page in post_pages(pages, self._transport, to_post, to_metrics, since=since):
            yield page

    async def post_metrics(self, account: Account, posts: Sequence[Post]) -> tuple[PostMetricPoint, ...]:
        """Counts of these posts now, with the private ones of the younger among them. The listing carries the public ones, so
        posts that X has no more to tell of are not asked for: every post read is paid for. Posts that are gone are left out."""
        young = await self._transport.now() - PRIVATE_COUNTS_LIFE
        asked = [post.native_id for post in posts if post.published_at > young]
        points: list[PostMetricPoint] = []
        for start in range(0, len(asked), POSTS_PER_CALL):
            ids = ",".join(asked[start : start + POSTS_PER_CALL])
            page = await self._lookup(account, ids)
            observed_at = await self._transport.now()
            for raw in page.data:
                if isinstance(raw, dict):
                    points += mapping.remapped_metrics(account, raw, observed_at=observed_at, source="posts_lookup")
        return tuple(points)

    async def _lookup(self, account: Account, ids: str) -> Page:
        """These posts with their private counts, or without where X refuses the field and with it the call."""
        call = _read("posts_lookup", "tweets", ids=ids, **{FIELDS: PRIVATE_FIELDS})
        try:
            return await self._transport.fetch(Page, account, call)
        except NetworkError as error:
            if error.code not in FIELD_REFUSED:
                raise
        call = _read("posts_lookup", "tweets", ids=ids, **{FIELDS: POST_FIELDS})
        return await self._transport.fetch(Page, account, call)

    async def account_metrics(self, account: Account, *, start: date, end: date) -> tuple[AccountMetricPoint, ...]:
        """X reports no past days of an account: followers come from observations alone."""
        del account, start, end
        return ()

    async def comments(self, account: Account, post: Post) -> AsyncIterator[tuple[Comment, ...]]:
        """Replies of the last seven days below a post (X searches no further back), nested ones too. Within somebody else's
        conversation, and below a thread's later posts, only what answers this post."""
        conversation = mapping.conversation_of(post)
        held: list[dict[str, Any]] = []
        handles: dict[str, str] = {}
        params = {
            "query": f"conversation_id:{conversation}",
            "max_results": str(PAGE_SIZE),
            FIELDS: POST_FIELDS,
            "expansions": COMMENT_EXPANSIONS,
            "user.fields": "id,username",
        }
        async for page in self._pages(account, "search_recent", "tweets/search/recent", "next_token", params):
            raws = [raw for raw in page.data if isinstance(raw, dict)]
            handles |= mapping.handles_in(page.includes)
            if conversation != post.native_id:
                held += raws  # who answers whom is known only when all of it is here
            elif found := await self._comments_of(account, post, raws, handles):
                yield found
        if found := await self._comments_of(account, post, mapping.below(post, held), handles):
            yield found

    async def messages(self, account: Account, *, since: datetime) -> AsyncIterator[tuple[Message, ...]]:
        """Direct messages, newest first, until `since`."""
        async for page in self._message_pages(account, "dm_events", since=since):
            yield page

    async def _message_pages(
        self, account: Account, path: str, *, since: datetime
    ) -> AsyncIterator[tuple[Message, ...]]:
        async for page in self._pages(account, "dm_events", path, "pagination_token", messages.EVENT_PARAMS):
            handles = mapping.handles_in(page.includes)
            observed_at = await self._transport.now()
            found = [messages.message_from(account, raw, handles, observed_at=observed_at) for raw in page.data]
            whole = [message for message in found if message is not None]
            if young := tuple(message for message in whole if message.sent_at >= since):
                yield young
            if whole and len(young) < len(whole):
                return

    async def _comments_of(
        self, account: Account, post: Post, raws: Sequence[dict[str, Any]], handles: Mapping[str, str]
    ) -> tuple[Comment, ...]:
        observed_at = await self._transport.now()
        found = [mapping.comment_from(account, post, raw, handles, observed_at=observed_at) for raw in raws]
        return tuple(comment for comment in found if comment is not None)

    # --- publishing ------------------------------------------------------------------------------------------------------

    def prepare(self, request: PublishRequest) -> Staging:  # noqa: ARG002
        """X takes no key from us."""
        return Staging()

    async def stage(self, request: PublishRequest, staging: Staging) -> Staging:
        """One step: of an upload, of finding out who is tagged, and last which posts alike are there already."""
        if request.message_to is not None:
            return await self._stage_message(request, request.message_to, staging)
        publishing.check(request, CAPABILITIES)
        if (stepped := await self._uploads.step(request, staging)) is not None:
            return stepped
        tagged = {publishing.tag_handle(handle) for handle in request.options.user_tags}
        if missing := sorted(tagged - staging.handles.keys()):
            return Staging(handles={**staging.handles, **await self._resolve(request.account, missing)})
        if staging.is_complete or "alike_before" in staging.handles:  # what was there before the first commit counts
            return _with(staging, is_complete=True)
        alike = await self._posts_alike(request, staging)
        return _with(staging, is_complete=True, alike_before=",".join(post.id for post in alike))

    async def commit(self, request: PublishRequest, staging: Staging) -> Receipt:
        """Create the post; for a thread, all of its posts."""
        if request.message_to is not None:
            return await self._send_message(request, request.message_to)
        ids: list[str] = []
        for i in range(len(publishing.texts_of(request))):
            ids.append(await self._publish(request, staging, ids, i))
        return _receipt(ids, mapping.time_of_id(ids[0]) or await self._transport.now(), "answered")

    async def find_published(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        """Look for the intent's post in the account's own timeline. Presence is proof; absence is not."""
        if request.message_to is not None:
            return found_among(await self._messages_alike(request, request.message_to), request, staging)
        if not staging.is_complete:
            evidence = "What the post needs was not complete, so it was not sent."
            return Reconciliation(outcome="not_published", evidence=evidence)
        wanted = len(publishing.texts_of(request))
        alike, ids = await self._find(request, staging)
        if not alike:
            return Reconciliation(outcome="absent", evidence="No new post on the account's timeline is like it.")
        if len(alike) > 1:
            evidence = f"{len(alike)} new posts are like it, and X gives posts no key of ours."
            return Reconciliation(outcome="undecided", evidence=evidence)
        if len(ids) < wanted:
            evidence = f"{len(ids)} of the thread's {wanted} posts are out ({', '.join(ids)}); more may have been sent."
            return Reconciliation(outcome="undecided", evidence=evidence)
        receipt = _receipt(ids, mapping.published_at_of(alike[0]) or request.created_at, "reconciled")
        evidence = f"Post {ids[0]} on the timeline is new and has its text and media."
        return Reconciliation(outcome="published", receipt=receipt, evidence=evidence)

    async def _stage_message(self, request: PublishRequest, target: MessageTarget, staging: Staging) -> Staging:
        check_message(request)
        if staging.is_complete:
            return staging
        alike = await self._messages_alike(request, target)
        return _with(staging, is_complete=True, alike_before=",".join(message.native_id for message in alike))

    async def _send_message(self, request: PublishRequest, target: MessageTarget) -> Receipt:
        path = _path(f"dm_conversations/with/{target.participant_native_id}/messages")
        call = Call(CallKind.COMMIT, prices.MESSAGE_OPERATION, "POST", path, json={"text": request.text})
        try:
            sent = (await self._transport.fetch(messages.Sent, request.account, call)).data
        except NetworkError as error:
            raise messages.in_its_place(error) from error.__cause__
        published_at = mapping.time_of_id(sent.dm_event_id) or await self._transport.now()
        return Receipt(native_id=sent.dm_event_id, permalink=None, published_at=published_at, how="answered")

    async def _messages_alike(self, request: PublishRequest, target: MessageTarget) -> list[Message]:
        """Own messages to this person with this text, not older than the intent."""
        path = f"dm_conversations/with/{target.participant_native_id}/dm_events"
        pages = self._message_pages(request.account, path, since=request.created_at - CLOCKS_DIFFER_BY)
        found = {message.native_id: message async for page in pages for message in page if message.is_own}
        return [message for message in found.values() if messages.is_same_text(request.text, message)]

    async def delete(self, account: Account, native_post_id: str) -> None:
        """Delete a post or a reply. Deleting one that is gone already succeeds."""
        call = Call(CallKind.STAGE, "delete_post", "DELETE", _path(f"tweets/{native_post_id}"))
        try:
            self._data_of((await self._transport.send(account, call)).body, call)
        except NetworkError as error:
            if error.code not in GONE and error.status != 404:
                raise

    async def refresh_token(self, account: Account) -> None:
        await self._transport.renew_token(account)

    async def _create(self, account: Account, body: publishing.Body) -> str:
        call = Call(CallKind.COMMIT, CREATE_OPERATION, "POST", _path("tweets"), json=body)
        return (await self._transport.fetch(Created, account, call)).data.id

    async def _publish(self, request: PublishRequest, staging: Staging, ids: Sequence[str], i: int) -> str:
        """The intent's post number `i`, whose `ids` before it are out."""
        try:
            if i == 0:
                body = publishing.first_body(request, staging, media_ids_of(request, staging))
                return await self._create(request.account, body)
            return await self._follow(request, publishing.following_body(request, i, ids[-1]))
        except NetworkError as error:
            if request.options.thread and error.error_class is ErrorClass.AMBIGUOUS:
                with contextlib.suppress(NetworkError):  # what matters is that the post is not found, not why
                    return await self._found_in_thread(request, staging, i, first=ids[0] if ids else None)
            if i == 0:
                raise _in_its_place(request, error) from error.__cause__
            message = f"{len(ids)} posts of the thread are out ({', '.join(ids)}); then: {error.message}"
            raise NetworkError(
                ErrorClass.AMBIGUOUS, message, network=Network.X.value, code=error.code, status=error.status
            ) from error

    async def _follow(self, request: PublishRequest, body: publishing.Body) -> str:
        """A thread's next post, tried again only where it was certainly not written."""
        for attempt in range(FOLLOWER_TRIES - 1):
            try:
                return await self._create(request.account, body)
            except NetworkError as error:
                if (wait := _wait_before_follower(error, attempt)) is None:
                    raise
            await self._transport.pause(wait)
        return await self._create(request.account, body)

    async def _found_in_thread(self, request: PublishRequest, staging: Staging, i: int, *, first: str | None) -> str:
        """The id of the thread's post number `i`, looked for while listings lag: the posts after it hang on it."""
        for attempt in range(FINDING_TRIES):
            if attempt > 0:
                await self._transport.pause(FINDING_PAUSE_SECONDS)
            _, ids = await self._find(request, staging, first=first)
            if len(ids) > i:
                return ids[i]
        raise NetworkError(ErrorClass.AMBIGUOUS, "The post is not to be seen.", network=Network.X.value)

    async def _find(
        self, request: PublishRequest, staging: Staging, *, first: str | None = None
    ) -> tuple[list[XPost], list[str]]:
        """New posts that could be the intent's first, and ids of the intent's posts that are out, in order, from the `first` on (None:
        known only where one post alone could be it)."""
        before = {*staging.handles.get("alike_before", "").split(","), *request.claimed_native_ids}
        timeline = await self._timeline(request)
        alike = [post for post in timeline if post.id not in before and _is_alike(post, request, staging)]
        start = first or (alike[0].id if len(alike) == 1 else None)
        return alike, [] if start is None else _thread_from(start, request, timeline)

    async def _posts_alike(self, request: PublishRequest, staging: Staging) -> list[XPost]:
        return [post for post in await self._timeline(request) if _is_alike(post, request, staging)]

    async def _timeline(self, request: PublishRequest) -> list[XPost]:
        """Own posts since shortly before the intent: few, because every one of them is paid for."""
        since = request.created_at - CLOCKS_DIFFER_BY
        pages = self._own_posts(request.account, since, page_size=FEW)
        posts = [read_as(XPost, raw) async for raws in pages for raw in raws]
        return each_once(post for post in posts if post is not None)

    async def _resolve(self, account: Account, tags: Sequence[str]) -> dict[str, str]:
        """Ids of the people with these handles; empty for those whom nobody is: they stay untagged."""
        names = [tag.partition(":")[2] for tag in tags]
        call = _read("users_by", "users/by", usernames=",".join(names), **{"user.fields": "id,username"})
        page = await self._transport.fetch(Page, account, call)
        users = [user for raw in page.data if (user := read_as(User, raw)) is not None]
        ids = {user.username.casefold(): user.id for user in users if user.username}
        return {tag: ids.get(name, "") for tag, name in zip(tags, names, strict=True)}

    # --- pages -----------------------------------------------------------------------------------------------------------

    async def _own_posts(
        self, account: Account, since: datetime | None, *, page_size: int = PAGE_SIZE
    ) -> AsyncIterator[list[dict[str, Any]]]:
        params = {
            "max_results": str(page_size),
            "exclude": "retweets",
            FIELDS: POST_FIELDS,
            "expansions": POST_EXPANSIONS,
            "media.fields": MEDIA_FIELDS,
            **({"start_time": _utc_second(since)} if since is not None else {}),
        }
        path = f"users/{account.native_id}/tweets"
        async for page in self._pages(account, "own_posts", path, "pagination_token", params):
            yield [mapping.with_media(raw, page.includes) for raw in page.data if isinstance(raw, dict)]

    async def _pages(
        self, account: Account, operation: str, path: str, token_name: str, params: Mapping[str, str]
    ) -> AsyncIterator[Page]:
        """Pages of a listing until there is no token, or the network repeats one. A page may be empty and not the last."""
        token: str | None = None
        while True:
            call = _read(operation, path, **params, **({token_name: token} if token else {}))
            page = await self._transport.fetch(Page, account, call)
            if not page.data and page.errors:
                self._data_of({"errors": page.errors}, call)
            yield page
            if page.following is None or page.following == token:
                return
            token = page.following

    def _data_of(self, body: Any, call: Call) -> dict[str, Any]:
        """The answer's object. A 200 without one is the refusal that its `errors` name."""
        one = self._transport.parse(One, body, call)
        if one.data is not None:
            return one.data
        refusal = classify(200, {"errors": list(one.errors)})
        raise NetworkError(refusal.error_class, refusal.message, network=Network.X.value, code=refusal.code, status=200)


def _is_alike(post: XPost, request: PublishRequest, staging: Staging) -> bool:
    """The post could be the intent's first one: its text, its media, and an answer to the same post (or to none)."""
    return (
        mapping.is_same_text(request.text, post)
        and mapping.has_same_media(post, media_ids_of(request, staging))
        and mapping.references_of(post).get("replied_to") == publishing.target_of(request)
    )


def _thread_from(first: str, request: PublishRequest, timeline: Sequence[XPost]) -> list[str]:
    """Ids of the intent's posts that are out, in order, from the first one on."""
    ids = [first]
    for text in request.options.thread:
        following = [
            post.id
            for post in timeline
            if mapping.references_of(post).get("replied_to") == ids[-1] and mapping.is_same_text(text, post)
        ]
        if not following:
            break
        ids.append(min(following, key=int))
    return ids


def _wait_before_follower(error: NetworkError, attempt: int) -> float | None:
    """Seconds, where the follower was certainly not written and X can be asked again soon; else None."""
    if error.error_class is ErrorClass.TRANSIENT:
        return float(2**attempt) / 2
    if error.error_class is ErrorClass.RATE and error.retry_at is not None:
        wait = max(0.0, (error.retry_at - datetime.now(UTC)).total_seconds())
        return wait if wait <= LONGEST_FOLLOWER_WAIT_SECONDS else None
    return None


def _in_its_place(request: PublishRequest, error: NetworkError) -> NetworkError:
    """The refusal, but for a bare 403 to an answer, which is about this answer alone: self-serve apps may answer only who mentioned or
    quoted the account. It says nothing against the account's other posts."""
    if error.error_class is not ErrorClass.SCOPE or error.code != UNNAMED or publishing.target_of(request) is None:
        return error
    message = f"X does not let this app answer that post: {error.message}"
    return NetworkError(ErrorClass.INVALID, message, network=error.network, code=error.code, status=error.status)


def _receipt(ids: Sequence[str], published_at: datetime, how: Literal["answered", "reconciled"]) -> Receipt:
    return Receipt(
        native_id=ids[0],
        permalink=mapping.permalink_of(ids[0]),
        published_at=published_at,
        how=how,
        raw=as_json({"ids": list(ids)}),
    )


def _path(path: str) -> str:
    return f"/{API_VERSION}/{path}"


def _read(operation: str, path: str, **params: str) -> Call:
    return Call(CallKind.READ, operation, "GET", _path(path), params=tuple(params.items()))


def _with(staging: Staging, *, is_complete: bool = False, **handles: str) -> Staging:
    return Staging(handles={**staging.handles, **handles}, is_complete=is_complete)


def _utc_second(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
