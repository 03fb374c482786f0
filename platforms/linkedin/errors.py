"""What LinkedIn's refusals ask for: `{status, serviceErrorCode, code, message[, errorDetails.inputErrors[]]}`.

Belongs here: the table, one line a code. Message texts are read in one case only: that a post is a duplicate, and of which
one, is said in no field.
"""

import re
from typing import Any

from contracts.errors import ErrorClass
from platforms._http import Refusal
from platforms._shapes import count_or_none

AUTH, SCOPE, RATE, INVALID = ErrorClass.AUTH, ErrorClass.SCOPE, ErrorClass.RATE, ErrorClass.INVALID
TRANSIENT, DUPLICATE = ErrorClass.TRANSIENT, ErrorClass.DUPLICATE

DUPLICATE_CODE = "DUPLICATE_POST"
"""Named in `inputErrors` by some answers; also the code that Pulso gives to those that say it in words alone."""

SERVICE_CODES = {
    100: SCOPE,  # also answered when a share is asked for as a UGC post, or the other way round
    65600: AUTH,  # invalid
    65601: AUTH,  # revoked by the user
    65602: AUTH,  # expired [K]
}
"""These count with the statuses 401 and 403 only: numbers repeat between LinkedIn's services."""

NAMES = {
    DUPLICATE_CODE: DUPLICATE,
    # The token endpoint's own (RFC 6749): none of them passes by itself.
    "invalid_grant": AUTH,
    "invalid_request": AUTH,  # [K] what an expired refresh token is answered with
    "invalid_client": AUTH,
    "unauthorized_client": AUTH,
}
STATUSES = {
    401: AUTH,
    403: SCOPE,
    408: TRANSIENT,
    409: TRANSIENT,  # [K] two writes met: "retry"
    429: RATE,
}

_DUPLICATE_OF = re.compile(r"duplicate of\s+urn:li:", re.IGNORECASE)
_LIVE_POST = re.compile(r"urn:li:(?:share|ugcPost|activity):\d+")


def classify(status: int, body: Any) -> Refusal:
    """The refusal in Pulso's words."""
    error = body if isinstance(body, dict) else {}
    service_code = count_or_none(error.get("serviceErrorCode"))
    names = [*_input_error_codes(error), error.get("code"), error.get("error")]
    name = next((n for n in names if isinstance(n, str) and n in NAMES), None)
    said = error.get("message") or error.get("error_description")
    text = said if isinstance(said, str) else f"HTTP {status}"
    if status == 422 and _DUPLICATE_OF.search(text):
        name = DUPLICATE_CODE
    code = name or (None if service_code is None else str(service_code)) or _text(error.get("code"))
    if status < 500 and name is not None:
        return Refusal(NAMES[name], code, text)
    if status in (401, 403) and service_code in SERVICE_CODES:
        return Refusal(SERVICE_CODES[service_code], code, text)
    return Refusal(STATUSES.get(status, TRANSIENT if status >= 500 else INVALID), code, text)


def live_post_in(message: str) -> str | None:
    """The post that a refusal says ours is a duplicate of; None where it names something else (a person)."""
    match = _LIVE_POST.search(message)
    return match.group() if match else None


def _input_error_codes(error: dict[str, Any]) -> list[Any]:
    details = error.get("errorDetails")
    inputs = details.get("inputErrors") if isinstance(details, dict) else None
    return [e.get("code") for e in inputs if isinstance(e, dict)] if isinstance(inputs, list) else []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
