"""What Instagram's own error codes ask for, beside those of the Graph API (`platforms/_graph.py`).

Belongs here: the table, one line a code. Does not belong here: message texts, which are localised and change.
"""

from typing import Any

from contracts.errors import ErrorClass
from platforms import _graph as graph
from platforms._http import Refusal

AUTH, SCOPE, RATE, INVALID = ErrorClass.AUTH, ErrorClass.SCOPE, ErrorClass.RATE, ErrorClass.INVALID
TRANSIENT = ErrorClass.TRANSIENT

SUBCODES = {
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
    9: RATE,
    352: INVALID,
    36000: INVALID,
    36003: INVALID,
}
PUBLISH_QUOTA_CODE = "9/2207042"


def classify(status: int, body: Any) -> Refusal:
    """The refusal in Pulso's words; its code is `code` or `code/subcode`."""
    return graph.classify(status, body, codes=graph.CODES | CODES, subcodes=graph.SUBCODES | SUBCODES)
