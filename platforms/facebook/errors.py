"""What Facebook's own error codes ask for, beside those of the Graph API (`platforms/_graph.py`).

Belongs here: the table, one line a code. Does not belong here: message texts, which are localised and change.
"""

from typing import Any

from contracts.errors import ErrorClass
from platforms import _graph as graph
from platforms._http import Refusal

OWN = {
    1363037: ErrorClass.INVALID,  # [K] a chunk of a film that the session does not expect: staging opens a new session
    1363047: ErrorClass.TRANSIENT,
    1366046: ErrorClass.INVALID,  # picture too big, or neither JPEG nor PNG
    1366051: ErrorClass.DUPLICATE,  # [K] these pictures were posted before
    1390008: ErrorClass.RATE,  # posting too fast
    1404078: ErrorClass.SCOPE,  # the Page needs a publishing authorization: a person must act
    1609010: ErrorClass.TRANSIENT,
}
"""[K] Whether each stands as `code` or as `error_subcode` is unverified: it is looked up as both."""

CODES = graph.CODES | OWN
SUBCODES = graph.SUBCODES | OWN
CHUNK_MISMATCH = 1363037


def classify(status: int, body: Any) -> Refusal:
    """The refusal in Pulso's words; its code is `code` or `code/subcode`."""
    return graph.classify(status, body, codes=CODES, subcodes=SUBCODES)
