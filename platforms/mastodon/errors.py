"""What Mastodon's refusals ask for: by status alone, since their words are translated and other servers answer with HTML.

Belongs here: the table, one line a status. Does not belong here: message texts.
"""

from typing import Any

from contracts.errors import ErrorClass
from platforms._http import Refusal

CLASSES = {
    401: ErrorClass.AUTH,
    403: ErrorClass.SCOPE,
    408: ErrorClass.TRANSIENT,
    429: ErrorClass.RATE,
}
"""Status -> class. Every other refusal below 500 is `invalid`, every one from 500 on `transient`."""

GONE = frozenset({404, 410})


def classify(status: int, body: Any) -> Refusal:
    """The refusal in Pulso's words; its code is the HTTP status, the only code that Mastodon has."""
    said = body.get("error") if isinstance(body, dict) else None
    text = said if isinstance(said, str) and said else f"HTTP {status}"
    fallback = ErrorClass.TRANSIENT if status >= 500 else ErrorClass.INVALID
    return Refusal(CLASSES.get(status, fallback), str(status), text)
