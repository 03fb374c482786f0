"""Pinterest's wire: API v5 calls of one account.

Belongs here: calls, their order, limits. Does not belong here: shapes (`models.py`), mapping, error codes (`errors.py`), what
a pin is made of (`publishing.py`), films on their way there (`films.py`).

`base_url` is `https://api.pinterest.com`, or the sandbox's `<sandbox>/pinterest`; every path begins with `/v5`. Films go to the
address that the answer to `POST /v5/media` names: Amazon's in reality, `<sandbox>/pinterest/media-upload` in the sandbox.

A film is staged: its upload is invisible until a pin names it. The pin itself is one call without any key, and nothing on the network
tells "it never came" from "it is on its way"; so a lost answer is settled by finding the pin, or not at all. Where the app may move pins,
the pin is staged too, on a secret board (`waiting.py`), and a lost answer is always settled.
"""

import base64
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from pydantic import SecretStr

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Capabilities, ContentFormat, Network
from contracts.ports import MediaReader, PostPage
from contracts.records import (
    Account,
    AccountMetricPoint,
    AccountSnapshot,
    AccountTerms,
    Comment,
    Post,
    PostMetricPoint,
    PublishRequest,
    Receipt,
    Reconciliation,
    Staging,
    Token,
)
from platforms._budget import Usage
from platforms._http import Answer, Call, CallKind, Params, Refusal, Transport, all_of, server_time, with_headers
from platforms._listing import each_once, post_pages
from platforms._media import read_media
from platforms._quotas import LocalLimit, Window
from platforms._shapes import as_json, count_or_none, read_as
from platforms.pinterest import mapping, publishing
from platforms.pinterest.calls import PAGE_SIZE, api_path, read_call
from platforms.pinterest.errors import classify
from platforms.pinterest.films import Films
from platforms.pinterest.models import ListedBoard, NewToken, Page, Pin, UserAccount
from platforms.pinterest.waiting import SECRET, WaitingBoards, refuse_when_visible

PINS_PER_CALL = 100
MOST_BOARD_PAGES = 8  # 2,000 boards, which is as many as an account can have [K]
READ_LAG_SECONDS = 5.0  # [K] how long a new pin may be missing from the account's listing
TOKEN_LIFE = timedelta(days=30)  # [K] where the answer does not say
LATEST_RELATIVE_RESET = 10 * 86_400
"""A larger number in a reset header is a moment (Unix time), not a number of seconds."""

CLOCKS_DIFFER_BY = timedelta(minutes=10)
"""A pin counts as younger than its intent even if the network's clock is this much behind ours."""

CATEGORIES = {
    "pin_create": "org_write",
    "pin_delete": "org_write",
    "pin_move": "org_write",
    "board_create": "org_write",
    "media_register": "org_write",
    "pins_analytics": "org_analytics",
    "pin_analytics": "org_analytics",
    "account_analytics": "org_analytics",
    "media_upload": "upload",
}
"""Operation -> the category whose limit it counts against; every other one is a read."""
READS = "org_read"

CALLS_PER_USER_AND_MINUTE = 6_000
"""Documented as 100 a second per user and app; the second itself is kept by the number of calls that run at once."""
TRIAL_CALLS_PER_DAY = 1_000
"""Of an app with trial access, for all of its users together."""

CAPABILITIES = Capabilities(
    network=Network.PINTEREST,
    formats=publishing.FORMATS,
    has_account_metrics=True,
    has_comments=False,
    can_reply=False,
    is_commit_idempotent=False,
    is_reply_idempotent=False,
    post_metrics=("likes", "comments", "saves", "impressions", "clicks", "link_clicks", "views"),
    account_metrics=tuple(mapping.DAILY_METRICS.values()),
    options=publishing.OPTIONS,
    read_lag_seconds=READ_LAG_SECONDS,
)


@dataclass(frozen=True)
class PinterestApp:
    """The Pinterest app through which accounts are connected. Without it tokens cannot be renewed."""

    app_id: str
    app_secret: SecretStr
    has_trial_access: bool = False
    """Not reviewed yet: few calls a day, and its pins are visible to their creator only."""


class PinterestDialect:
    """Bearer tokens, limits per category and user, errors as `{code, message}`."""

    network = Network.PINTEREST
    renew_before = timedelta(days=1)

    def __init__(self, app: PinterestApp | None = None) -> None:
        self._app = app

    def authorize(self, call: Call, token: Token) -> Call:
        return with_headers(call, authorization=f"Bearer {token.access_token}")

    def refusal(self, status: int, body: Any) -> Refusal:
        return classify(status, body)

    def limit_keys(self, account: Account, call: Call) -> tuple[str, ...]:
        category = CATEGORIES.get(call.operation, READS)
        return (f"{category}:{account.account_id}", f"user:{account.account_id}")

    def usage(self, account: Account, call: Call, headers: Mapping[str, str]) -> tuple[Usage, ...]:
        """`X-RateLimit-*` [K]: the first number of each counts, whatever policies are listed after it."""
        limit, left = (
            _first_number(headers.get("x-ratelimit-limit")),
            _first_number(headers.get("x-ratelimit-remaining")),
        )
        reset = _first_number(headers.get("x-ratelimit-reset"))
        if not limit or left is None:
            return ()
        return (Usage(self.limit_keys(account, call)[0], 1 - left / limit, _seconds_until(reset, headers)),)

    def local_limits(self, account: Account, call: Call) -> tuple[LocalLimit, ...]:
        if call.operation == "media_upload":  # Amazon's, not Pinterest's
            return ()
        user = LocalLimit(f"pinterest:user:{account.native_id}", CALLS_PER_USER_AND_MINUTE, Window.MINUTE)
        if self._app is None or not self._app.has_trial_access:
            return (user,)
        return (user, LocalLimit(f"pinterest:app:{self._app.app_id}", TRIAL_CALLS_PER_DAY, Window.UTC_DAY))

    def can_renew(self, token: Token, *, is_refused: bool) -> bool:  # noqa: ARG002
        return self._app is not None and token.refresh_token is not None

    async def renew(self, transport: Transport, account: Account, token: Token) -> Token:
        if self._app is None or token.refresh_token is None:
            message = "Renewing a token needs the app's id and secret and a refresh token; connect the account again."
            raise NetworkError(ErrorClass.AUTH, message, network=self.network.value, code="no_app")
        pair = f"{self._app.app_id}:{self._app.app_secret.get_secret_value()}"
        call = Call(
            CallKind.TOKEN,
            "oauth/token",
            "POST",
            api_path("oauth/token"),
            form={"grant_type": "refresh_token", "refresh_token": token.refresh_token},
            headers={"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"},
            is_authorized=False,
        )
        try:
            new = await transport.fetch(NewToken, account, call)
        except NetworkError as error:
            if error.error_class is not ErrorClass.INVALID:
                raise
            # A refresh token that is not accepted is "invalid" on the wire, but for a person it means: connect again.
            raise NetworkError(
                ErrorClass.AUTH, error.message, network=error.network, code=error.code, status=error.status
            ) from error
        life = timedelta(seconds=new.expires_in) if new.expires_in else TOKEN_LIFE
        return Token(
            access_token=new.access_token,
            refresh_token=new.refresh_token or token.refresh_token,
            expires_at=datetime.now(UTC) + life,
            version=token.version,
        )


class PinterestConnector:
    """`contracts.ports.Connector` for Pinterest. `may_move_pins`: the app is granted `PATCH /pins`, its accounts have secret boards."""

    def __init__(self, transport: Transport, media: MediaReader, *, may_move_pins: bool = False) -> None:
        self._transport, self._media = transport, media
        self._films = Films(transport, media)
        self._waiting, self._may_move_pins = WaitingBoards(transport), may_move_pins

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    # --- reading ---------------------------------------------------------------------------------------------------------

    async def profile(self, account: Account) -> AccountSnapshot:
        """Name and counts, observed now."""
        call = read_call("user_account", "user_account")
        answer = await self._transport.send(account, call)
        profile = self._transport.parse(UserAccount, answer.body, call)
        return mapping.snapshot_from(account, profile, answer.body, observed_at=await self._transport.now())

    async def terms(self, account: Account) -> AccountTerms:
        """The boards that a pin of the account can go to."""
        boards = await self._boards(account)
        return mapping.terms_from(account, boards, read_at=await self._transport.now())

    async def posts(self, account: Account, *, since: datetime | None) -> AsyncIterator[PostPage]:
        """Own pins, newest first, without those saved from others, and with their lifetime counts."""
        raws = self._pages(account, pin_metrics="true", pin_filter="exclude_repins")
        to_post = partial(mapping.remapped_post, account)
        to_metrics = partial(mapping.remapped_metrics, account)
        async for page in post_pages(raws, self._transport, to_post, to_metrics, since=since):
            yield page

    async def post_metrics(self, account: Account, posts: Sequence[Post]) -> tuple[PostMetricPoint, ...]:
        """Analytics of the pins that they reach, many in a call. Of older pins the listing says all that there is. A pin that
        has none (it is gone) is left out."""
        now = await self._transport.now()
        young = [post for post in posts if mapping.is_within_reach(post.published_at, now)]
        points: list[PostMetricPoint] = []
        for group, metrics in _by_metrics(young):
            for start in range(0, len(group), PINS_PER_CALL):
                part = group[start : start + PINS_PER_CALL]
                raws = await self._analytics(account, part, metrics, today=now.date())
                points += mapping.analytics_metrics(account, part, raws, observed_at=await self._transport.now())
        return tuple(points)

    async def account_metrics(self, account: Account, *, start: date, end: date) -> tuple[AccountMetricPoint, ...]:
        """Metrics of the days that are READY. Days beyond analytics' reach are not served, and so not there."""
        today = (await self._transport.now()).date()
        first, last = max(start, today - timedelta(days=mapping.ANALYTICS_REACH_DAYS)), min(end, today)
        if first > last:
            return ()

        def call(metrics: Sequence[str]) -> Call:
            return _analytics_call("account_analytics", "user_account/analytics", metrics, first, last)

        answers = await self._granted(account, call, tuple(mapping.DAILY_METRICS))
        fetched_at = await self._transport.now()
        return tuple(
            point
            for answer in answers
            for point in mapping.daily_points(account, answer.body, start=first, end=last, fetched_at=fetched_at)
        )

    async def comments(self, account: Account, post: Post) -> AsyncIterator[tuple[Comment, ...]]:
        """Refused: Pinterest's API gives nobody's comments, only their number."""
        del account, post
        raise publishing.unsupported("Pinterest's API gives no comments.")
        yield ()

    # --- publishing ------------------------------------------------------------------------------------------------------

    def prepare(self, request: PublishRequest) -> Staging:  # noqa: ARG002
        """Pinterest takes no key from us: what makes a pin known again follows from the intent itself."""
        return Staging()

    async def stage(self, request: PublishRequest, staging: Staging) -> Staging:
        """One step: choose the board, upload the film, wait until it is processed; then put the pin on the secret board, or see which pins
        are alike before ours."""
        publishing.check(request)
        account, handles = request.account, staging.handles
        if "board_id" not in handles:
            return _with(staging, board_id=request.options.board_id or await self._only_board(account))
        if (film := publishing.film_of(request)) is not None:
            if "media_id" not in handles:
                return _with(staging, media_id=await self._films.upload(account, film))
            status = await self._films.wait_until_processed(account, handles["media_id"])
            if status == "gone":
                return Staging(handles={name: value for name, value in handles.items() if name != "media_id"})
            if status != "succeeded":
                return staging
        if self._may_move_pins:
            return await self._wait_unseen(request, staging)
        if staging.is_complete:
            return staging
        if request.options.link is None and "alike_before" not in handles:
            alike = await self._pins_of(request, staging)
            return _with(staging, is_complete=True, alike_before=",".join(pin.id for pin in alike))
        return _with(staging, is_complete=True)

    async def commit(self, request: PublishRequest, staging: Staging) -> Receipt:
        """Move the pin to its board, or create it there."""
        account, handles = request.account, staging.handles
        if (pin_id := handles.get("pin_id")) is not None:
            pin, answer = await self._waiting.move(account, pin_id, handles["board_id"])
            return _receipt(pin, "answered", await self._transport.now(), answer.body)
        call = Call(
            CallKind.COMMIT,
            "pin_create",
            "POST",
            api_path("pins"),
            json=self._body(request, staging, handles["board_id"]),
        )
        answer = await self._transport.send(account, call)
        pin = self._transport.parse(Pin, answer.body, call)
        return _receipt(pin, "answered", pin.created_at or await self._transport.now(), answer.body)

    async def find_published(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        """Look for the pin among the account's newest. Finding it proves that it is live; missing it proves nothing, because
        there is neither a key nor a state that a late commit would have to pass."""
        if not staging.is_complete:
            return Reconciliation(outcome="not_published", evidence="The pin was never ready to be sent.")
        if "pin_id" in staging.handles:
            return await self._find_moved(request, staging)
        if not publishing.is_recognisable(request):
            evidence = "A pin without a link, title or text cannot be told from others."
            return Reconciliation(outcome="undecided", evidence=evidence)
        before = {*staging.handles.get("alike_before", "").split(","), *request.claimed_native_ids}
        found = [pin for pin in await self._pins_of(request, staging) if pin.id not in before]
        what = "our tracking id in its link" if request.options.link is not None else "this title, text and board"
        if not found:
            evidence = f"No new pin has {what}, as far back as the post was taken up."
            return Reconciliation(outcome="absent", evidence=evidence)
        if len(found) > 1 and request.options.link is None:
            return Reconciliation(outcome="undecided", evidence=f"{len(found)} new pins have {what}.")
        pin = found[-1]  # the oldest: a tracking id that was sent twice belongs to the first pin
        receipt = _receipt(
            pin, "reconciled", pin.created_at or request.created_at, pin.model_dump(mode="json", exclude_none=True)
        )
        return Reconciliation(outcome="published", receipt=receipt, evidence=f"Pin {pin.id} has {what}.")

    async def _wait_unseen(self, request: PublishRequest, staging: Staging) -> Staging:
        """One step on the way to a pin on the secret board. One that waits there already is looked at again: it may be gone."""
        account, handles = request.account, staging.handles
        if (pin_id := handles.get("pin_id")) is not None:
            pin = await self._waiting.pin(account, pin_id)
            if pin is None:
                return Staging(handles={name: value for name, value in handles.items() if name != "pin_id"})
            refuse_when_visible(pin, handles["board_id"])
            return staging
        if "waiting_board_id" not in handles:
            return _with(staging, waiting_board_id=await self._waiting.board_of(account))
        body = self._body(request, staging, handles["waiting_board_id"])
        return _with(staging, is_complete=True, pin_id=await self._waiting.place(account, body))

    async def _find_moved(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        """On which side of the commit the pin is. Moving it once more is harmless on either."""
        pin_id, board_id = staging.handles["pin_id"], staging.handles["board_id"]
        pin = await self._waiting.pin(request.account, pin_id)
        if pin is None:
            return Reconciliation(outcome="undecided", evidence=f"Pin {pin_id} is gone: somebody deleted it.")
        if pin.board_id != board_id:
            evidence = f"Pin {pin_id} still waits on board {pin.board_id}."
            return Reconciliation(outcome="absent", evidence=evidence, is_repeat_harmless=True)
        raw = pin.model_dump(mode="json", exclude_none=True)
        receipt = _receipt(pin, "reconciled", pin.created_at or request.created_at, raw)
        return Reconciliation(outcome="published", receipt=receipt, evidence=f"Pin {pin_id} is on board {board_id}.")

    async def delete(self, account: Account, native_post_id: str) -> None:
        """Delete a pin. Deleting one that is gone already succeeds."""
        call = Call(CallKind.STAGE, "pin_delete", "DELETE", api_path(f"pins/{native_post_id}"))
        try:
            await self._transport.send(account, call)
        except NetworkError as error:
            if error.status != 404:
                raise

    async def refresh_token(self, account: Account) -> None:
        await self._transport.renew_token(account)

    # --- analytics -------------------------------------------------------------------------------------------------------

    async def _analytics(
        self, account: Account, posts: Sequence[Post], metrics: Sequence[str], *, today: date
    ) -> list[tuple[str, Any]]:
        """(pin id, its analytics) of these pins: in one call, or one each where the app may not ask for many at once (that
        call is in beta) or one of the pins spoils it."""
        first = min(post.published_at.date() for post in posts)
        ids: Params = [("pin_ids", post.native_id) for post in posts]

        def batch(granted: Sequence[str]) -> Call:
            return _analytics_call("pins_analytics", "pins/analytics", granted, first, today, ids)

        async def single(post: Post) -> list[tuple[str, Any]]:
            def call(granted: Sequence[str]) -> Call:
                path = f"pins/{post.native_id}/analytics"
                return _analytics_call("pin_analytics", path, granted, post.published_at.date(), today)

            try:
                return [(post.native_id, answer.body) for answer in await self._granted(account, call, metrics)]
            except NetworkError as error:
                if error.error_class is ErrorClass.INVALID:
                    return []
                raise

        try:
            answers = await self._granted(account, batch, metrics)
        except NetworkError as error:
            if error.error_class not in (ErrorClass.INVALID, ErrorClass.SCOPE):
                raise
            return [pair for pairs in await all_of([single(post) for post in posts]) for pair in pairs]
        return [pair for answer in answers if isinstance(answer.body, dict) for pair in answer.body.items()]

    async def _granted(
        self, account: Account, call: Callable[[Sequence[str]], Call], metrics: Sequence[str]
    ) -> list[Answer]:
        """Answers that together hold every metric that the network grants. One that it refuses fails the whole call, so the
        list is halved until the bad ones stand alone. Raises when it refuses them all."""
        try:
            return [await self._transport.send(account, call(metrics))]
        except NetworkError as error:
            if error.status != 400 or len(metrics) == 1:
                raise
            refusal, granted, middle = error, [], len(metrics) // 2
        for half in (metrics[:middle], metrics[middle:]):
            try:
                granted += await self._granted(account, call, half)
            except NetworkError as error:
                if error.status != 400:
                    raise
        if not granted:
            raise refusal
        return granted

    # --- pins ------------------------------------------------------------------------------------------------------------

    async def _pages(self, account: Account, **params: str) -> AsyncIterator[list[dict[str, Any]]]:
        """Pages of the account's pins, newest first [K], until there is no bookmark or the network repeats one."""
        bookmark: str | None = None
        while True:
            paging = {"page_size": str(PAGE_SIZE), **({"bookmark": bookmark} if bookmark else {})}
            page = await self._transport.fetch(Page, account, read_call("pins", "pins", **params, **paging))
            yield [raw for raw in page.items if isinstance(raw, dict)]
            if page.bookmark is None or page.bookmark == bookmark:
                return
            bookmark = page.bookmark

    async def _pins_of(self, request: PublishRequest, staging: Staging) -> list[Pin]:
        """Pins, not older than the intent, that can be its: by the tracking id, or by words and board. Newest first."""
        oldest, board_id = request.created_at - CLOCKS_DIFFER_BY, staging.handles["board_id"]
        found: list[Pin] = []
        # Pins on protected boards too: where the pin was sent is no reason to miss it.
        async for raws in self._pages(request.account, include_protected_pins="true"):
            pins = [pin for raw in raws if (pin := read_as(Pin, raw)) is not None]
            young = [pin for pin in pins if pin.created_at is None or pin.created_at >= oldest]
            if request.options.link is not None:
                found += [pin for pin in young if publishing.is_tracked(pin, request.intent_id)]
            else:
                found += [pin for pin in young if publishing.is_alike(pin, request, board_id=board_id)]
            if pins and not young:
                break
        return each_once(found)

    def _body(self, request: PublishRequest, staging: Staging, board_id: str) -> dict[str, Any]:
        pictures = [read_media(self._media, m, self._transport.network) for m in publishing.pictures_of(request)]
        media_id = staging.handles.get("media_id")
        return publishing.pin_body(request, board_id=board_id, pictures=pictures, media_id=media_id)

    async def _boards(self, account: Account) -> list[ListedBoard]:
        """All boards of the account, in the network's order."""
        boards: list[ListedBoard] = []
        bookmark: dict[str, str] = {}
        for _ in range(MOST_BOARD_PAGES):
            call = read_call("boards", "boards", page_size=str(PAGE_SIZE), **bookmark)
            page = await self._transport.fetch(Page, account, call)
            boards += [board for raw in page.items if (board := read_as(ListedBoard, raw)) is not None]
            if page.bookmark is None:
                break
            bookmark = {"bookmark": page.bookmark}
        return boards

    async def _only_board(self, account: Account) -> str:
        """The account's board, where there is no choice. Raises `invalid` where a person has to choose."""
        boards = [board for board in await self._boards(account) if board.privacy != SECRET]
        if len(boards) == 1:
            return boards[0].id
        named = ", ".join(f"{board.name} ({board.id})" for board in boards[:5])
        problem = f"Choose the board of this pin: {named}." if boards else "Make a board first: this account has none."
        raise NetworkError(ErrorClass.INVALID, problem, network=Network.PINTEREST.value, code="no_board")


def _analytics_call(
    operation: str, path: str, metrics: Sequence[str], start: date, end: date, params: Params = ()
) -> Call:
    asked = (("start_date", start.isoformat()), ("end_date", end.isoformat()), ("metric_types", ",".join(metrics)))
    return replace(read_call(operation, path), params=(*params, *asked))


def _by_metrics(posts: Sequence[Post]) -> list[tuple[list[Post], tuple[str, ...]]]:
    """Pins by the metrics that they can have: asking for views of a picture could fail the whole call."""
    films = [post for post in posts if post.content_format is ContentFormat.VIDEO]
    others = [post for post in posts if post.content_format is not ContentFormat.VIDEO]
    return [(others, tuple(mapping.DAILY_METRICS)), (films, tuple(mapping.ANALYTICS_METRICS))]


def _with(staging: Staging, *, is_complete: bool = False, **handles: str) -> Staging:
    return Staging(handles={**staging.handles, **handles}, is_complete=is_complete)


def _receipt(pin: Pin, how: Any, published_at: datetime, body: Any) -> Receipt:
    return Receipt(
        native_id=pin.id,
        permalink=mapping.permalink_of(pin.id),
        published_at=published_at,
        how=how,
        raw=as_json(body),
    )


def _first_number(header: str | None) -> int | None:
    """`100` out of `100, 100;w=1;name="..."`."""
    return count_or_none(header.replace(";", ",").partition(",")[0]) if header else None


def _seconds_until(reset: int | None, headers: Mapping[str, str]) -> float | None:
    """A reset as seconds from now: as it is said, or a moment when it is too large for that [K]."""
    if reset is None:
        return None
    return reset - server_time(headers).timestamp() if reset > LATEST_RELATIVE_RESET else float(reset)
