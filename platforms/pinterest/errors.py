"""Pinterest's error codes in Pulso's classes.

Belongs here: the table of codes. Does not belong here: wording; the text of a message decides nothing. One message is known to
mean "try again" (a picture's URL that Pinterest could not reach); Pulso sends the pictures themselves, so it cannot occur.
"""

from typing import Any

from contracts.errors import ErrorClass
from platforms._http import Refusal
from platforms._shapes import count_or_none

CODES = {
    3: ErrorClass.SCOPE,
    8: ErrorClass.RATE,  # [K]
}
"""Code 2 is not here: it means a refused token with status 401, and many other things with other statuses."""

STATUSES = {
    401: ErrorClass.AUTH,
    403: ErrorClass.SCOPE,
    408: ErrorClass.TRANSIENT,
    429: ErrorClass.RATE,
}


def classify(status: int, body: Any) -> Refusal:
    """The refusal in Pulso's words. Bodies are `{code, message}`."""
    body = body if isinstance(body, dict) else {}
    code, said = count_or_none(body.get("code")), body.get("message")
    text = said if isinstance(said, str) and said else f"HTTP {status}"
    return Refusal(_class_of(status, code), None if code is None else str(code), text)


def _class_of(status: int, code: int | None) -> ErrorClass:
    if status >= 500:
        return ErrorClass.TRANSIENT
    if code is not None and code in CODES:
        return CODES[code]
    return STATUSES.get(status, ErrorClass.INVALID)
