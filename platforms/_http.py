"""The one transport: tokens, rate budgets, retries, error classes, redaction and the journal, for every network alike.

Belongs here: what is true of any HTTP API. Does not belong here: anything that only one network does; that is its `Dialect`.

What a lost answer means depends on what was asked. A *read* or a *staging* call that got none wrote nothing visible: class
`transient`. A *commit* that got none may have written: class `ambiguous`, whatever the network calls its own trouble. Only a
connection that could never be opened proves that a commit was not sent.
"""

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, Protocol, TypeVar, runtime_checkable
from urllib.parse import urlencode, urlsplit

import httpx
import orjson
from pydantic import BaseModel, ValidationError

from contracts.clock import Clock
from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Network
from contracts.ports import Quotas, TokenStore
from contracts.records import Account, Token
from platforms._breaker import Breaker
from platforms._budget import RateBudget, Usage
from platforms._journal import Journal, redact_text, redact_url
from platforms._quotas import LocalLimit, MemoryQuotas, QuotaCounter
from platforms.clock import SandboxClock

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

BUDGET, LOCAL_LIMIT, CIRCUIT_OPEN = "budget", "local_limit", "circuit_open"
NOT_SENT = frozenset({BUDGET, LOCAL_LIMIT, CIRCUIT_OPEN})
"""Codes of our own refusals: the call never left, and asking again at once would bring the same."""
CLAIM_MARGIN_SECONDS = 10.0
CLAIM_POLL_SECONDS = 0.2

Params = Sequence[tuple[str, str]]


class CallKind(StrEnum):
    """What a call may leave behind."""

    READ = "read"
    """Nothing: it may be repeated."""
    STAGE = "stage"
    """Something invisible, or something that repeating does not change: a lost answer is simply tried again later."""
    COMMIT = "commit"
    """Something that the audience sees: sent once, never repeated here."""
    TOKEN = "token"
    """A new token. Never repeated here: some networks accept a refresh token once."""


@dataclass(frozen=True)
class Call:
    """One request. `operation` is its name in the journal; `path` follows the address of the account's network.

    `url`, where given, is an absolute address that the network itself named (an upload URL) and is asked instead. Statuses in
    `also_answers` (a 308 that tells how far an upload got) are answers too. Without `is_json` the body is not read.
    """

    kind: CallKind
    operation: str
    method: str
    path: str
    params: Params = ()
    json: Any = None
    form: Mapping[str, str] | None = None
    files: Mapping[str, tuple[str, bytes, str]] | None = None
    """Multipart parts: field -> file name, bytes, media type; `form` holds the other fields."""
    content: bytes | None = None
    url: str | None = None
    also_answers: frozenset[int] = frozenset()
    is_json: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)
    is_authorized: bool = True


@dataclass(frozen=True)
class Answer:
    """A 2xx answer. `body` is its decoded JSON."""

    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Refusal:
    """A network's refusal in Pulso's words. `retry_after_seconds` and `limit_key` matter for class `rate` only."""

    error_class: ErrorClass
    code: str | None
    message: str
    retry_after_seconds: float | None = None
    limit_key: str | None = None


class Dialect(Protocol):
    """What one network does its own way."""

    @property
    def network(self) -> Network: ...

    @property
    def renew_before(self) -> timedelta:
        """How long before its expiry a token is renewed."""
        ...

    def authorize(self, call: Call, token: Token) -> Call:
        """The call with the token where this network expects it."""
        ...

    def refusal(self, status: int, body: Any) -> Refusal:
        """Class of a refusal, from status and codes, never from the text of a message."""
        ...

    def limit_keys(self, account: Account, call: Call) -> tuple[str, ...]:
        """Limits that this call counts against."""
        ...

    def usage(self, account: Account, call: Call, headers: Mapping[str, str]) -> tuple[Usage, ...]:
        """What the answer's headers say about limits."""
        ...

    def local_limits(self, account: Account, call: Call) -> tuple[LocalLimit, ...]:
        """Limits that this call takes from and that the network does not tell in headers; counted across processes."""
        ...

    def can_renew(self, token: Token, *, is_refused: bool) -> bool:
        """Whether a new token can be had with this one, also after the network refused it."""
        ...

    async def renew(self, transport: "Transport", account: Account, token: Token) -> Token:
        """A new token from the network, not saved yet. Raises NetworkError."""
        ...


@runtime_checkable
class RefusesWithinAnswers(Protocol):
    """A dialect whose network may refuse with HTTP 200: what the body says counts, not the status."""

    def is_refusal(self, body: Any) -> bool:
        """Whether this body of a 2xx answer is a refusal; `Dialect.refusal` then says which."""
        ...


@dataclass(frozen=True)
class Patience:
    """How long a call may take, and how long it may wait. Seconds."""

    timeout: float = 20.0
    attempts: int = 3
    first_backoff: float = 0.5
    longest_wait: float = 15.0
    """A wait longer than this is handed to the caller as class `rate` with `retry_at`."""


class Transport:
    """Sends the calls of one network, over connections of its own and with its own concurrency bound: a slow network holds up no
    other. `base_url`, where given, stands in for every account's own address."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        dialect: Dialect,
        tokens: TokenStore,
        clock: Clock,
        *,
        patience: Patience | None = None,
        concurrency: int = 16,
        journal: Journal | None = None,
        budget: RateBudget | None = None,
        breaker: Breaker | None = None,
        quotas: Quotas | None = None,
        base_url: str | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._client, self._dialect, self._tokens, self._clock = client, dialect, tokens, clock
        self._refuses_within_answers = dialect if isinstance(dialect, RefusesWithinAnswers) else None
        self._headers = dict(client.headers)
        self.patience = patience or Patience()
        self._bulkhead = asyncio.Semaphore(concurrency)
        self._bulkheads: dict[str, asyncio.Semaphore] = {}
        self._places_per_client = max(1, concurrency // 2)
        self._journal = journal
        self._budget = budget or RateBudget()
        self._breaker = breaker or Breaker()
        self._quotas = QuotaCounter(quotas or MemoryQuotas())
        self._base_url = base_url
        self._sleep, self._jitter = sleep, jitter
        self._held: dict[str, Token] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    @property
    def network(self) -> Network:
        return self._dialect.network

    def address_of(self, account: Account) -> str:
        """Where the account's network answers: the sandbox for all accounts, where this process is told to use it."""
        return (self._base_url or account.base_url).rstrip("/")

    async def has_credential(self, account: Account) -> bool:
        """Whether the account was ever connected to what this transport speaks to."""
        return account.account_id in self._held or await self._tokens.has(account.account_id)

    async def now(self) -> datetime:
        """Business time. A clock that asks a server is never asked on the event loop's thread."""
        if isinstance(self._clock, SandboxClock):
            return await asyncio.to_thread(self._clock.now)
        return self._clock.now()

    async def pause(self, seconds: float) -> None:
        """Wait between two polls."""
        await self._sleep(seconds)

    async def send(self, account: Account, call: Call) -> Answer:
        """The answer, or NetworkError. Reads are repeated on trouble that passes; nothing else ever is."""
        attempt = 1
        while True:
            try:
                return await self._send_authorized(account, call, attempt)
            except NetworkError as error:
                wait = self._wait_before_retry(error, attempt)
                if call.kind is not CallKind.READ or attempt >= self.patience.attempts or wait is None:
                    raise
            await self._sleep(wait)
            attempt += 1

    async def fetch(self, model: type[M], account: Account, call: Call) -> M:
        """The answer's body as `model`; an answer that does not fit is no answer."""
        return self.parse(model, (await self.send(account, call)).body, call)

    def parse(self, model: type[M], body: Any, call: Call) -> M:
        """`body` as `model`. A commit whose answer cannot be read is `ambiguous`: it may have landed."""
        try:
            return model.model_validate(body)
        except ValidationError as error:
            places = ", ".join(sorted({".".join(map(str, e["loc"])) or "the body" for e in error.errors()}))
            what = f"The answer to {call.operation} lacks or garbles: {places}."
            raise self._unclear(call, what, is_lasting=True) from None

    async def renew_token(self, account: Account) -> None:
        """Get a new token and save it before anything uses it."""
        async with self._lock(account):
            await self._renew(account, await self._tokens.load(account.account_id))

    # --- tokens ----------------------------------------------------------------------------------------------------------

    async def _send_authorized(self, account: Account, call: Call, attempt: int) -> Answer:
        if not call.is_authorized:
            return await self._exchange(account, call, attempt)
        token = await self._current_token(account)
        try:
            return await self._exchange(account, self._dialect.authorize(call, token), attempt)
        except NetworkError as error:
            if error.error_class is not ErrorClass.AUTH:
                raise
            renewed = await self._token_after_refusal(account, token)
            if renewed is None:
                raise
            if call.kind is CallKind.COMMIT:
                # The refusal proves that nothing was written, but a commit is the publisher's to repeat, never ours.
                message = "The token had expired and is renewed; nothing was written. Send again."
                raise self._error(ErrorClass.TRANSIENT, message, code=error.code, status=error.status) from None
        return await self._exchange(account, self._dialect.authorize(call, renewed), attempt)

    async def _current_token(self, account: Account) -> Token:
        async with self._lock(account):
            token = self._held.get(account.account_id)
            if token is None:
                token = self._held[account.account_id] = await self._tokens.load(account.account_id)
            is_old = token.expires_at is not None and token.expires_at - datetime.now(UTC) < self._dialect.renew_before
            if not is_old or not self._dialect.can_renew(token, is_refused=False):
                return token
            try:
                return await self._renew(account, token)
            except NetworkError as error:
                if error.error_class in (ErrorClass.AUTH, ErrorClass.SCOPE):
                    raise
                return token  # it has not been refused yet; the network decides

    async def _token_after_refusal(self, account: Account, refused: Token) -> Token | None:
        """A token that is worth another try, or None: someone else's newer one, or a renewed one."""
        async with self._lock(account):
            held = self._held.get(account.account_id)
            if held is not None and held.access_token != refused.access_token:
                return held
            stored = await self._tokens.load(account.account_id)
            if stored.access_token != refused.access_token:
                self._held[account.account_id] = stored
                return stored
            if not self._dialect.can_renew(stored, is_refused=True):
                return None
            return await self._renew(account, stored)

    async def _renew(self, account: Account, token: Token) -> Token:
        """A newer token than this one: renewed by us, or by another process while we waited for its claim to end."""
        name, seconds = account.account_id, self.patience.timeout + CLAIM_MARGIN_SECONDS
        waited = 0.0
        while not await self._tokens.claim_renewal(name, expected_version=token.version, seconds=seconds):
            stored = await self._tokens.load(name)
            if stored.version != token.version:
                self._held[name] = stored
                return stored
            if waited > seconds:
                message = "Another process has been renewing this token for too long."
                raise self._error(ErrorClass.TRANSIENT, message, code="renewal")
            await self._sleep(CLAIM_POLL_SECONDS)
            waited += CLAIM_POLL_SECONDS
        try:
            fresh = await self._dialect.renew(self, account, token)
        except NetworkError:
            await self._tokens.release_renewal(name, expected_version=token.version)
            raise
        saved = await self._tokens.save(account.account_id, fresh, expected_version=token.version)
        self._held[account.account_id] = saved
        return saved

    def _lock(self, account: Account) -> asyncio.Lock:
        return self._locks.setdefault(account.account_id, asyncio.Lock())

    # --- one exchange ----------------------------------------------------------------------------------------------------

    async def _exchange(self, account: Account, call: Call, attempt: int) -> Answer:
        await self._wait_for_budget(account, call)
        await self._take_from_local_limits(account, call)
        url = self._url(account, call)
        request = self._request(url, call)
        host = urlsplit(url).netloc
        self._ask_breaker(host, call)
        async with self._bulkhead_of(account), self._bulkhead:
            started = time.monotonic()
            try:
                response = await self._client.send(request)
                if response.status_code >= 500:
                    self._breaker.failed(host)
                else:
                    self._breaker.succeeded(host)
                outcome: Answer | NetworkError = self._read(account, call, response)
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
                # No connection, no request: the one kind of lost answer after which a commit certainly did not happen.
                self._breaker.failed(host)
                what = f"No connection to {host} ({type(error).__name__})."
                outcome = self._error(ErrorClass.TRANSIENT, what)
            except httpx.RequestError as error:
                self._breaker.failed(host)
                outcome = self._unclear(call, f"No answer to {call.operation} ({type(error).__name__}).")
        self._write_journal(account, call, attempt, outcome, time.monotonic() - started)
        if isinstance(outcome, NetworkError):
            raise outcome
        return outcome

    def _request(self, url: str, call: Call) -> httpx.Request:
        """Built without the client, which would add the cookies of other accounts, and read every address twice."""
        if call.params:
            url = f"{url}{'&' if '?' in url else '?'}{urlencode(call.params)}"
        return httpx.Request(
            call.method,
            url,
            json=call.json,
            data=call.form,
            files=call.files,
            content=call.content,
            headers={**self._headers, **{name.lower(): value for name, value in call.headers.items()}},
            extensions={"timeout": httpx.Timeout(self.patience.timeout).as_dict()},
        )

    def _read(self, account: Account, call: Call, response: httpx.Response) -> Answer | NetworkError:
        for usage in self._dialect.usage(account, call, response.headers):
            self._budget.note(usage)
        try:
            body = _decoded(response) if response.content and call.is_json else {}
        except ValueError:
            body = None
        if response.is_success or response.status_code in call.also_answers:
            if body is None:
                return self._unclear(call, f"The answer to {call.operation} is no JSON.", is_lasting=True)
            if self._refuses_within_answers is not None and self._refuses_within_answers.is_refusal(body):
                return self._refused(account, call, response, body, is_within_answer=True)
            return Answer(response.status_code, response.headers, body)
        return self._refused(account, call, response, body)

    def _refused(
        self, account: Account, call: Call, response: httpx.Response, body: Any, *, is_within_answer: bool = False
    ) -> NetworkError:
        status = response.status_code
        refusal = self._dialect.refusal(status, body)
        message = redact_text(refusal.message)
        if call.kind is CallKind.COMMIT and (
            status >= 500
            or status == 408
            or (status < 400 and not is_within_answer)
            or refusal.error_class is ErrorClass.TRANSIENT
        ):
            return self._error(ErrorClass.AMBIGUOUS, message, code=refusal.code, status=status)
        retry_at = None
        if refusal.error_class is ErrorClass.RATE:
            header = retry_after_seconds(response.headers)
            seconds = header if header is not None else refusal.retry_after_seconds
            key = refusal.limit_key or self._dialect.limit_keys(account, call)[0]
            known = self._budget.wait_seconds([key], is_read=True)
            if seconds is not None or known <= 0:
                self._budget.note(Usage(key, 1.0, seconds))
            wait = self._budget.wait_seconds([key], is_read=True)
            retry_at = datetime.now(UTC) + timedelta(seconds=wait)
        return self._error(refusal.error_class, message, code=refusal.code, status=status, retry_at=retry_at)

    def _url(self, account: Account, call: Call) -> str:
        if call.url is not None:
            return self._named_by_the_network(call.url)
        return f"{self.address_of(account)}{call.path}"

    def _named_by_the_network(self, url: str) -> str:
        """An upload URL, unless it would lead a process that is told to use the sandbox to anywhere else."""
        if self._base_url is not None and urlsplit(url).netloc != urlsplit(self._base_url).netloc:
            raise self._error(
                ErrorClass.INVALID, f"The sandbox named an address that is not its own: {redact_url(url)}."
            )
        return url

    def _bulkhead_of(self, account: Account) -> asyncio.Semaphore:
        """At most half of the network's places are one client's: its slow accounts hold up nobody else's."""
        return self._bulkheads.setdefault(account.client_id, asyncio.Semaphore(self._places_per_client))

    def _ask_breaker(self, host: str, call: Call) -> None:
        wait = self._breaker.wait_seconds(host)
        if wait > 0:
            retry_at = datetime.now(UTC) + timedelta(seconds=wait)
            message = f"{host} keeps failing and is left alone for {wait:.0f} s; {call.operation} was not sent."
            raise self._error(ErrorClass.RATE, message, code=CIRCUIT_OPEN, retry_at=retry_at)

    async def _take_from_local_limits(self, account: Account, call: Call) -> None:
        for limit in self._dialect.local_limits(account, call):
            ends_at = await self._quotas.take(limit, now=datetime.now(UTC))
            if ends_at is not None and call.kind is CallKind.READ:
                wait = (ends_at - datetime.now(UTC)).total_seconds()
                if wait <= self.patience.longest_wait:
                    await self._sleep(max(0.0, wait))
                    ends_at = await self._quotas.take(limit, now=datetime.now(UTC))
            if ends_at is not None:
                message = f"Our count of {limit.key} has reached {limit.limit:,}; {call.operation} was not sent."
                raise self._error(ErrorClass.RATE, message, code=LOCAL_LIMIT, retry_at=ends_at)

    async def _wait_for_budget(self, account: Account, call: Call) -> None:
        keys = self._dialect.limit_keys(account, call)
        wait = self._budget.wait_seconds(keys, is_read=call.kind is CallKind.READ)
        if wait <= 0:
            return
        if wait > self.patience.longest_wait:
            retry_at = datetime.now(UTC) + timedelta(seconds=wait)
            message = f"The rate limit is used up for {wait:.0f} s more; {call.operation} was not sent."
            raise self._error(ErrorClass.RATE, message, code=BUDGET, retry_at=retry_at)
        await self._sleep(wait)

    def _wait_before_retry(self, error: NetworkError, attempt: int) -> float | None:
        """Seconds, or None when another try makes no sense or is too far away."""
        if error.error_class is ErrorClass.TRANSIENT:
            ceiling = min(self.patience.longest_wait, self.patience.first_backoff * 2.0**attempt)
            return self._jitter() * ceiling
        if error.error_class is ErrorClass.RATE and error.retry_at is not None and error.code not in NOT_SENT:
            wait = (error.retry_at - datetime.now(UTC)).total_seconds()
            return 0.0 if wait <= self.patience.longest_wait else None  # the budget makes the next try wait
        return None

    def _unclear(self, call: Call, message: str, *, is_lasting: bool = False) -> NetworkError:
        """No answer, or one that cannot be read. `is_lasting`: asking again would bring the same."""
        if call.kind is CallKind.COMMIT:
            return self._error(ErrorClass.AMBIGUOUS, message)
        return self._error(ErrorClass.INVALID if is_lasting else ErrorClass.TRANSIENT, message)

    def _error(
        self,
        error_class: ErrorClass,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        retry_at: datetime | None = None,
    ) -> NetworkError:
        return NetworkError(
            error_class, message, network=self.network.value, code=code, status=status, retry_at=retry_at
        )

    def _write_journal(
        self, account: Account, call: Call, attempt: int, outcome: Answer | NetworkError, seconds: float
    ) -> None:
        if self._journal is None:
            return
        url = self._url(account, call)
        self._journal(
            {
                "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "network": self.network.value,
                "account_id": account.account_id,
                "operation": call.operation,
                "kind": call.kind.value,
                "method": call.method,
                "url": redact_url(f"{url}?{httpx.QueryParams(list(call.params))}" if call.params else url),
                "attempt": attempt,
                "status": outcome.status,
                "outcome": outcome.error_class.value if isinstance(outcome, NetworkError) else "ok",
                "code": outcome.code if isinstance(outcome, NetworkError) else None,
                "seconds": round(seconds, 4),
            }
        )


def _decoded(response: httpx.Response) -> Any:
    """The body's JSON. Raises ValueError. What is beside the standard (a lone surrogate, NaN) only the slower parser reads; integers of
    more than 64 bits, which no network sends as numbers, lose their last digits."""
    try:
        return orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return response.json()


def with_headers(call: Call, **headers: str) -> Call:
    """The call with these headers added; underscores stand for hyphens."""
    return replace(call, headers={**call.headers, **{k.replace("_", "-"): v for k, v in headers.items()}})


async def all_of(coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Results of all, in order, run at once; the first failure cancels the rest and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(coroutine) for coroutine in coroutines]
    except BaseExceptionGroup as group_error:
        raise group_error.exceptions[0] from None
    return [task.result() for task in tasks]


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """`Retry-After` in either of its forms (RFC 9110, 10.2.3)."""
    value = headers.get("retry-after")
    if value is None:
        return None
    try:
        seconds = float(value)
        return max(0.0, seconds) if math.isfinite(seconds) else None
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - server_time(headers)).total_seconds())
    except (TypeError, ValueError):
        return None


def server_time(headers: Mapping[str, str]) -> datetime:
    """The server's own time where it says so: reset times are its, and clocks differ."""
    try:
        return parsedate_to_datetime(headers["date"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError):
        return datetime.now(UTC)
