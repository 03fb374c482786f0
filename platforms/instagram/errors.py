"""What Instagram's error codes ask for. Subcodes are looked at first: code 4 is a rate limit, 4 with 2207051 a spam block.

Belongs here: the table, one line a code. Does not belong here: message texts, which are localised and change.
"""

from typing import Any

from contracts.errors import ErrorClass
from platforms._http import Refusal
from platforms._shapes import count_or_none

AUTH, SCOPE, RATE, INVALID = ErrorClass.AUTH, ErrorClass.SCOPE, ErrorClass.RATE, ErrorClass.INVALID
TRANSIENT, DUPLICATE = ErrorClass.TRANSIENT, ErrorClass.DUPLICATE

SUBCODES = {
    33: INVALID,  # the object is gone, or was never ours
    458: AUTH,  # app removed
    460: AUTH,  # password changed
    463: AUTH,  # expired
    467: AUTH,  # invalid
    2108006: INVALID,  # media older than the account's conversion to a business account: it never has insights
    2207001: TRANSIENT,
    2207003: TRANSIENT,  # the media could not be fetched in time
    2207004: INVALID,  # too big
    2207008: TRANSIENT,  # container expired: staging makes a new one
    2207009: INVALID,  # aspect ratio
    2207010: INVALID,  # caption
    2207020: TRANSIENT,  # container expired
    2207026: INVALID,  # video format
    2207027: TRANSIENT,  # not ready, or published before: at a commit therefore ambiguous, and the container's status tells
    2207032: TRANSIENT,
    2207042: RATE,  # daily publishing quota
    2207050: SCOPE,  # account restricted: a person must act
    2207051: SCOPE,  # action blocked as spam: a person must act
    2207053: TRANSIENT,
}
CODES = {
    -2: TRANSIENT,
    -1: TRANSIENT,
    1: TRANSIENT,
    2: TRANSIENT,
    3: SCOPE,
    4: RATE,
    9: RATE,
    10: SCOPE,
    17: RATE,
    32: RATE,
    100: INVALID,
    102: AUTH,
    104: AUTH,  # [K]
    190: AUTH,
    352: INVALID,
    368: SCOPE,  # blocked for policy violations: a person must act
    506: DUPLICATE,  # [K]
    613: RATE,
    36000: INVALID,
    36003: INVALID,
    80001: RATE,
    80002: RATE,
}
SCOPE_CODES = range(200, 300)
PUBLISH_QUOTA_CODE = "9/2207042"
APP_WIDE_CODES = frozenset({4})


def classify(status: int, body: Any) -> Refusal:
    """The refusal in Pulso's words; its code is `code` or `code/subcode`."""
    error = body.get("error") if isinstance(body, dict) else None
    error = error if isinstance(error, dict) else {}
    code, subcode = count_or_none(error.get("code")), count_or_none(error.get("error_subcode"))
    said = error.get("error_user_msg") or error.get("message")
    name = None if code is None else f"{code}/{subcode}" if subcode is not None else str(code)
    text = said if isinstance(said, str) else f"HTTP {status}"
    return Refusal(_class_of(status, code, subcode, error.get("is_transient") is True), name, text)


def _class_of(status: int, code: int | None, subcode: int | None, is_transient: bool) -> ErrorClass:
    if subcode is not None and subcode in SUBCODES:
        return SUBCODES[subcode]
    if code is not None and code in CODES:
        return CODES[code]
    if code is not None and code in SCOPE_CODES:
        return SCOPE
    if is_transient or status >= 500:
        return TRANSIENT
    return {401: AUTH, 403: SCOPE, 429: RATE}.get(status, INVALID)
