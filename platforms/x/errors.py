"""What X's refusals ask for. A problem's `type` is looked at first, then the older numeric codes, then the status.

Belongs here: the tables, one line a case. Does not belong here: message texts, with one exception that the contract names: a
refused duplicate says so nowhere else.
"""

from typing import Any

from contracts.errors import ErrorClass
from platforms._http import Refusal
from platforms._shapes import count_or_none

AUTH, SCOPE, RATE, INVALID = ErrorClass.AUTH, ErrorClass.SCOPE, ErrorClass.RATE, ErrorClass.INVALID
TRANSIENT, DUPLICATE = ErrorClass.TRANSIENT, ErrorClass.DUPLICATE

APP_LIMIT = "app"
"""What the whole app shares: its daily posts, its credit."""

DUPLICATE_DETAIL = "duplicate content"
DUPLICATE_CODE = "duplicate-content"

PROBLEMS = {
    "client-forbidden": SCOPE,
    "unsupported-authentication": SCOPE,
    "not-authorized-for-resource": SCOPE,
    "not-authorized-for-field": SCOPE,
    "field-unauthorized": SCOPE,
    "oauth1-permissions": SCOPE,  # [K]
    "usage-capped": RATE,
    "credits": RATE,  # [K] the prepaid credit is used up
    "invalid-request": INVALID,
    "resource-not-found": INVALID,
    "resource-unavailable": INVALID,
    "disallowed-resource": INVALID,
    "field-hydration-failure": TRANSIENT,
    "internal-error": TRANSIENT,
}
"""Last part of a problem's `type`, which has stood under api.twitter.com and stands under api.x.com."""

CODES = {
    32: AUTH,  # [K] could not authenticate
    64: AUTH,  # [K] suspended
    88: RATE,
    89: AUTH,  # [K] expired
    130: TRANSIENT,  # [K] over capacity
    131: TRANSIENT,  # [K] internal
    185: RATE,  # [K] daily posts
    186: INVALID,  # [K] too long
    187: DUPLICATE,  # [K]
    215: AUTH,  # [K] bad token
    261: SCOPE,  # [K] the app may not write
    324: INVALID,  # [K] media id
    326: AUTH,  # [K] locked: a person must act
    453: SCOPE,  # [K] access level
}
STATUSES = {401: AUTH, 402: RATE, 403: SCOPE, 408: TRANSIENT, 429: RATE}  # [K] 402

APP_WIDE_PROBLEMS = frozenset({"usage-capped", "credits"})
CAPPED_SECONDS = 86_400.0
"""A used-up quota comes back with its billing cycle, whose end no header tells: ask again a day later."""

FIELD_REFUSED = frozenset({"not-authorized-for-field", "field-unauthorized"})
GONE = frozenset({"resource-not-found"})
UNNAMED = "about:blank"
"""Code of a 403 that names no problem."""


def classify(status: int, body: Any) -> Refusal:
    """The refusal in Pulso's words. Its code is the problem's name, else the number, else the status."""
    problem = problem_of(body)
    kind, said = problem.get("type"), problem.get("detail") or problem.get("message") or problem.get("title")
    text = said if isinstance(said, str) and said else f"HTTP {status}"
    if isinstance(oauth := body.get("error") if isinstance(body, dict) else None, str):
        # RFC 6749: the token endpoint's own shape. Whatever is wrong with it, only connecting again mends it.
        description = body.get("error_description")
        error_class = TRANSIENT if status >= 500 else RATE if status == 429 else AUTH
        return Refusal(error_class, oauth, description if isinstance(description, str) else oauth)
    if status == 403 and DUPLICATE_DETAIL in text.lower():
        return Refusal(DUPLICATE, DUPLICATE_CODE, text)
    name = kind.rpartition("/")[2] if isinstance(kind, str) and kind else None
    number = count_or_none(problem.get("code"))
    if name in APP_WIDE_PROBLEMS or status == 402:
        return Refusal(RATE, name or "402", text, retry_after_seconds=CAPPED_SECONDS, limit_key=APP_LIMIT)
    if name is not None and name in PROBLEMS:
        return Refusal(PROBLEMS[name], name, text)
    code = name or (str(number) if number is not None else str(status))
    if number is not None and number in CODES:
        return Refusal(CODES[number], code, text)
    return Refusal(TRANSIENT if status >= 500 else STATUSES.get(status, INVALID), code, text)


def problem_of(body: Any) -> dict[str, Any]:
    """The problem that a body names: itself, or the first of its `errors` where it has no `type` of its own."""
    if not isinstance(body, dict):
        return {}
    errors = body.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    return body if body.get("type") or not first else first
