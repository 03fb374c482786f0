"""The Graph API, as far as Instagram and Facebook Pages share it: version, tokens, usage headers, errors, cursors, insights, days.

Belongs here: what both networks do alike. Does not belong here: nodes, edges, fields and error codes of one of them.
"""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, SecretStr

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Network
from contracts.records import Account, Staging, Token
from platforms._budget import Usage
from platforms._http import Call, CallKind, Refusal, Transport
from platforms._quotas import LocalLimit
from platforms._shapes import Count, Id, Items, Object, RequiredId, Shape, Text, Time, count_or_none, read_as
from platforms.versions import VERSIONS

T = TypeVar("T")

API_VERSION = VERSIONS[Network.FACEBOOK].name
"""Instagram's too: one API, one version."""
PAGE_SIZE = 100
TOKEN_LIFE = timedelta(days=60)
"""Of a long-lived user token, where the network does not say."""


GRAPH_ZONE = ZoneInfo("America/Los_Angeles")
"""Days of insights begin and end at midnight here, wherever the account is."""

APP_LIMIT = "app"

AUTH, SCOPE, RATE, INVALID = ErrorClass.AUTH, ErrorClass.SCOPE, ErrorClass.RATE, ErrorClass.INVALID
TRANSIENT, DUPLICATE = ErrorClass.TRANSIENT, ErrorClass.DUPLICATE

SUBCODES = {
    33: INVALID,  # the object is gone, or was never ours
    458: AUTH,  # app removed
    460: AUTH,  # password changed
    463: AUTH,  # expired
    467: AUTH,  # invalid
    2018278: INVALID,  # [K] a message outside the window in which the account may answer: it says nothing against the account
}
CODES = {
    -2: TRANSIENT,
    -1: TRANSIENT,
    1: TRANSIENT,
    2: TRANSIENT,
    3: SCOPE,
    4: RATE,
    10: SCOPE,
    17: RATE,
    32: RATE,
    100: INVALID,
    102: AUTH,
    104: AUTH,  # [K]
    190: AUTH,
    368: SCOPE,  # blocked for policy violations: a person must act
    506: DUPLICATE,  # [K]
    613: RATE,
    80001: RATE,
    80002: RATE,
}
SCOPE_CODES = range(200, 300)
APP_WIDE_CODES = frozenset({4})
GONE_CODE = "100/33"
REFUSED_METRIC_CODE = "100"


@dataclass(frozen=True)
class MetaApp:
    """The Meta app through which accounts are connected. Without it tokens cannot be exchanged for longer-lived ones."""

    app_id: str
    app_secret: SecretStr


# --- errors --------------------------------------------------------------------------------------------------------------


def classify(
    status: int, body: Any, *, codes: Mapping[int, ErrorClass] = CODES, subcodes: Mapping[int, ErrorClass] = SUBCODES
) -> Refusal:
    """The refusal in Pulso's words; its code is `code` or `code/subcode`. Subcodes are looked at first: code 4 is a rate limit,
    4 with 2207051 a spam block."""
    error = body.get("error") if isinstance(body, dict) else None
    error = error if isinstance(error, dict) else {}
    code, subcode = count_or_none(error.get("code")), count_or_none(error.get("error_subcode"))
    said = error.get("error_user_msg") or error.get("message")
    name = None if code is None else f"{code}/{subcode}" if subcode is not None else str(code)
    text = said if isinstance(said, str) else f"HTTP {status}"
    known = None if subcode is None else subcodes.get(subcode)
    if known is None and code is not None:
        known = codes.get(code)
    if known is None and code is not None and code in SCOPE_CODES:
        known = SCOPE
    if known is None and (error.get("is_transient") is True or status >= 500):
        known = TRANSIENT
    return Refusal(known or {401: AUTH, 403: SCOPE, 429: RATE}.get(status, INVALID), name, text)


def is_gone(error: NetworkError) -> bool:
    """The object is gone, or was never ours: the Graph does not tell which."""
    return error.code == GONE_CODE


# --- the dialect ---------------------------------------------------------------------------------------------------------


class GraphDialect:
    """Tokens in the query, limits in percent of an unknown total. Networks add their error codes and how tokens are renewed."""

    network: Network
    renew_before = timedelta(days=7)

    def __init__(self, app: MetaApp | None = None) -> None:
        self._app = app

    def authorize(self, call: Call, token: Token) -> Call:
        # In the query, as recorded. A bearer header is said to work too [K] and would keep tokens out of URLs.
        return replace(call, params=(*call.params, *self.signed(token.access_token)))

    def signed(self, access_token: str) -> tuple[tuple[str, str], ...]:
        """Parameters that carry a token and, where the app is known, the proof that it is used by the app."""
        if self._app is None:
            return (("access_token", access_token),)
        return (
            ("access_token", access_token),
            ("appsecret_proof", app_secret_proof(access_token, self._app.app_secret)),
        )

    def classify(self, status: int, body: Any) -> Refusal:
        """The refusal by the network's own table and the shared one."""
        return classify(status, body)

    def refusal(self, status: int, body: Any) -> Refusal:
        refusal = self.classify(status, body)
        is_app_wide = refusal.code in {str(code) for code in APP_WIDE_CODES}
        return replace(refusal, limit_key=APP_LIMIT) if is_app_wide else refusal

    def limit_keys(self, account: Account, call: Call) -> tuple[str, ...]:  # noqa: ARG002
        return (f"account:{account.account_id}", APP_LIMIT)

    def usage(self, account: Account, call: Call, headers: Mapping[str, str]) -> tuple[Usage, ...]:
        """`X-App-Usage` and `X-Business-Use-Case-Usage`: percent; the time to regain access is in minutes."""
        account_key, app_key = self.limit_keys(account, call)
        found = []
        app = _json_object(headers.get("x-app-usage"))
        if app:
            found.append(Usage(app_key, _percent(app) / 100))
        cases = [
            case
            for listed in _json_object(headers.get("x-business-use-case-usage")).values()
            for case in _dicts(listed)
        ]
        if cases:
            worst = max(cases, key=_percent)
            minutes = max((count_or_none(c.get("estimated_time_to_regain_access")) or 0 for c in cases), default=0)
            found.append(Usage(account_key, _percent(worst) / 100, minutes * 60.0 if minutes else None))
        return tuple(found)

    def local_limits(self, account: Account, call: Call) -> tuple[LocalLimit, ...]:  # noqa: ARG002 - headers tell them
        return ()

    async def exchange(self, transport: Transport, account: Account, user_token: str) -> tuple[str, datetime]:
        """A longer-lived token for a user's that still works, and when it expires. Raises NetworkError."""
        if self._app is None:
            message = "Renewing a token needs the app's id and secret; connect the account again."
            raise NetworkError(AUTH, message, network=self.network.value, code="no_app")
        params = (
            ("grant_type", "fb_exchange_token"),
            ("client_id", self._app.app_id),
            ("client_secret", self._app.app_secret.get_secret_value()),
            ("fb_exchange_token", user_token),
        )
        path = path_of("oauth/access_token")
        call = Call(CallKind.TOKEN, "oauth/access_token", "GET", path, params=params, is_authorized=False)
        new = await transport.fetch(NewToken, account, call)
        life = timedelta(seconds=new.expires_in) if new.expires_in else TOKEN_LIFE
        return new.access_token, datetime.now(UTC) + life


def app_secret_proof(access_token: str, app_secret: SecretStr) -> str:
    """Proof that the caller holds the app's secret [K]: hex HMAC-SHA256 of the token."""
    return hmac.new(app_secret.get_secret_value().encode(), access_token.encode(), hashlib.sha256).hexdigest()


def _json_object(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text) if text else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _percent(usage: Mapping[str, Any]) -> float:
    values = [usage.get(name) for name in ("call_count", "total_cputime", "total_time")]
    return max((float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)), default=0.0)


# --- shapes --------------------------------------------------------------------------------------------------------------


def _amount_or_none(value: Any) -> int | None:
    """A count, or the sum of an object's counts (reactions by type). An object without counts is no amount."""
    if isinstance(value, dict):
        counts = [count for part in value.values() if (count := count_or_none(part)) is not None]
        return sum(counts) if counts else None
    return count_or_none(value)


Amount = Annotated[int | None, BeforeValidator(_amount_or_none)]


Part = BeforeValidator(lambda value: value if isinstance(value, dict) else {})
"""For nested objects of which nothing is required: something else in their place is as good as empty."""


class Cursors(Shape):
    after: Id = None


class Paging(Shape):
    """`next` is a full URL with the token in it: only its absence is used, which means the end."""

    cursors: Annotated[Cursors, Part] = Cursors()
    next: Id = None

    @property
    def following(self) -> str | None:
        """The cursor of the next page, None at the end."""
        return self.cursors.after if self.next else None


class Page(Shape):
    """Any listing."""

    data: Items = ()
    paging: Annotated[Paging | None, Object] = None

    @property
    def following(self) -> str | None:
        return self.paging.following if self.paging else None


class Created(Shape):
    """What was made: only its id is answered."""

    id: RequiredId


class NewToken(Shape):
    access_token: RequiredId
    expires_in: Count = None


class Author(Shape):
    id: Id = None
    username: Id = None


def author_id(raw: dict[str, Any]) -> str | None:
    """`from.id` of a comment, where the permission to see it was granted."""
    source = raw.get("from")
    return Author.model_validate(source).id if isinstance(source, dict) else None


class InsightValue(Shape):
    value: Amount = None
    end_time: Time = None


class Insight(Shape):
    """One metric in either of its shapes: `values[]`, or the newer `total_value`."""

    name: Text = ""
    period: Text = ""
    values: Items = ()
    total_value: Annotated[InsightValue | None, Object] = None


def lifetime_value(insight: Insight) -> int | None:
    """The one number of an insight that has one: `total_value`, else the last of `values`."""
    if insight.total_value is not None and insight.total_value.value is not None:
        return insight.total_value.value
    values = [v.value for raw in insight.values if (v := read_as(InsightValue, raw)) is not None]
    return values[-1] if values else None


def kept_insight(raw: Mapping[str, Any]) -> dict[str, Any]:
    """What of an insight bronze keeps: all but titles and descriptions."""
    return {name: raw[name] for name in ("name", "period", "values", "total_value") if name in raw}


# --- days ----------------------------------------------------------------------------------------------------------------


def day_ending_at(end_time: datetime) -> date:
    """The day that ends at this moment: 2017-05-04T07:00Z is midnight in California and closes 3 May."""
    return (end_time.astimezone(GRAPH_ZONE) - timedelta(seconds=1)).date()


def start_of_day(day: date) -> datetime:
    """The moment at which a day begins, in UTC (07:00Z in summer, 08:00Z in winter)."""
    return datetime.combine(day, time(), GRAPH_ZONE).astimezone(UTC)


def whole_days(start: date, end: date) -> dict[str, str]:
    """`since` and `until` of the days from `start` to `end`, both inclusive."""
    until = start_of_day(end + timedelta(days=1))
    return {"since": str(int(start_of_day(start).timestamp())), "until": str(int(until.timestamp()))}


# --- calls ---------------------------------------------------------------------------------------------------------------


def path_of(path: str) -> str:
    return f"/{API_VERSION}/{path}"


def read(operation: str, path: str, **params: str) -> Call:
    return Call(CallKind.READ, operation, "GET", path_of(path), params=tuple(params.items()))


def post(kind: CallKind, operation: str, path: str, form: Mapping[str, str]) -> Call:
    return Call(kind, operation, "POST", path_of(path), form=form)


async def pages(
    transport: Transport, account: Account, operation: str, path: str, *, after: str | None = None, **params: str
) -> AsyncIterator[list[dict[str, Any]]]:
    """Pages of a listing until there is no `next`, or the network repeats a cursor."""
    while True:
        paging = {"limit": str(PAGE_SIZE), **({"after": after} if after else {})}
        page = await transport.fetch(Page, account, read(operation, path, **params, **paging))
        yield [raw for raw in page.data if isinstance(raw, dict)]
        if page.following is None or page.following == after:
            return
        after = page.following


async def insights(
    transport: Transport,
    account: Account,
    path: str,
    metrics: Sequence[str],
    params: Mapping[str, str] | None = None,
    *,
    refused: set[str] | None = None,
) -> list[Any]:
    """Insights of all metrics that the network grants. One that it refuses fails the whole call without saying which (only
    the message does), so the list is halved until the bad ones stand alone; those are added to `refused`. Raises NetworkError
    when it refuses them all."""
    if not metrics:
        return []
    call = read("insights", path, metric=",".join(metrics), **(params or {}))
    try:
        return list((await transport.fetch(Page, account, call)).data)
    except NetworkError as error:
        if error.code != REFUSED_METRIC_CODE:
            raise
        if len(metrics) == 1:
            if refused is not None:
                refused.add(metrics[0])
            raise
        refusal, granted, middle = error, [], len(metrics) // 2
    is_any_granted = False
    for half in (metrics[:middle], metrics[middle:]):
        try:
            granted += await insights(transport, account, path, half, params, refused=refused)
            is_any_granted = True
        except NetworkError as error:
            if error.code != REFUSED_METRIC_CODE:
                raise
    if not is_any_granted:
        raise refusal
    return granted


def with_handles(staging: Staging, handles: Mapping[str, str], *, is_complete: bool = False) -> Staging:
    """The staging with these handles added."""
    return Staging(handles={**staging.handles, **handles}, is_complete=is_complete)


async def delete(transport: Transport, account: Account, native_id: str) -> None:
    """Delete an object. Deleting one that is gone already succeeds; one that can still be read was not ours to delete."""
    try:
        await transport.send(account, Call(CallKind.STAGE, "delete", "DELETE", path_of(native_id)))
    except NetworkError as error:
        if not is_gone(error) or await _exists(transport, account, native_id):
            raise


async def _exists(transport: Transport, account: Account, native_id: str) -> bool:
    """Whether the object can still be read: one code says both "gone" and "not allowed"."""
    try:
        await transport.send(account, read("exists", native_id, fields="id"))
    except NetworkError as error:
        if is_gone(error):
            return False
        raise
    return True


def same_text(left: str, right: str) -> bool:
    """Equal but for what the Graph itself normalises: line ends and surrounding space."""
    return left.replace("\r\n", "\n").strip() == right.replace("\r\n", "\n").strip()
