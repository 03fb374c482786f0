"""What all of YouTube's endpoints share: refusals, page tokens, lists, prices.

Belongs here: forms. Does not belong here: any endpoint.
"""

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha1
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from sandbox.host import Host
from sandbox.limits import Window
from sandbox.networks.rest import RestCall
from sandbox.wire import Answer, Refusal

PACIFIC = ZoneInfo("America/Los_Angeles")
"""Where YouTube's days begin: those of quotas, and those of Analytics."""

UNITS_PER_DAY, UPLOADS_PER_DAY = 10_000, 100
LIST_UNITS, WRITE_UNITS = 1, 50
_FOREVER_SECONDS = 10**10
"""A bucket carries its day in its key, so that days end at midnight in California and not at one of UTC."""


def refusal(status: int, reason: str, message: str, *, domain: str = "youtube", **where: str) -> Refusal:
    """An error as Google's older APIs word it: the reason is what tells one from another."""
    listed = {"message": message, "domain": domain, "reason": reason, **where}
    return Refusal(status, {"error": {"code": status, "message": message, "errors": [listed]}})


def missing(parameter: str) -> Refusal:
    """A required parameter is not there."""
    message = f"No filter selected or missing required parameter: {parameter}"
    return refusal(
        400, "missingRequiredParameter", message, location=f"parameters.{parameter}", locationType="parameter"
    )


def spend(host: Host, bucket: str, amount: int) -> Window:
    """Take from the project's quota of this Pacific day. One project stands behind all tokens of the sandbox."""
    day = datetime.now(UTC).astimezone(PACIFIC).date()
    limit = UPLOADS_PER_DAY if bucket == "uploads" else UNITS_PER_DAY
    return host.limits.spend(f"youtube:{bucket}:{day}", amount, limit, _FOREVER_SECONDS)


def parts_of(call: RestCall, known: Sequence[str]) -> list[str]:
    """The parts that are asked for, whichever way they are listed. Raises for none and for unknown ones."""
    asked = [part.strip() for value in call.request.query_params.getlist("part") for part in value.split(",")]
    asked = [part for part in asked if part]
    if not asked:
        raise missing("part")
    if unknown := [part for part in asked if part not in (*known, "id")]:
        raise refusal(400, "unknownPart", f"'{unknown[0]}'", location="part", locationType="parameter")
    return asked


def page_size(call: RestCall, default: int, largest: int) -> int:
    """`maxResults` within its bounds."""
    value = call.params.get("maxResults", str(default))
    if not value.isdecimal() or not 0 <= int(value) <= largest:
        raise refusal(
            400, "invalidParameter", f"Invalid value '{value}'. Values must be within the range: [0, {largest}]"
        )
    return int(value) or default


class PageToken:
    """An opaque place in a listing: what the page goes on after, and how often an empty page stood in for it."""

    def __init__(self, after: Any = None, empty_pages: int = 0) -> None:
        self.after, self.empty_pages = after, empty_pages

    @classmethod
    def of(cls, call: RestCall) -> "PageToken":
        """The place that a request asks for. Raises the network's refusal of a token that is none of its own."""
        token = call.params.get("pageToken")
        if token is None:
            return cls()
        try:
            after, empty_pages = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        except ValueError:
            message = "The request specifies an invalid page token."
            raise refusal(400, "invalidPageToken", message, location="pageToken", locationType="parameter") from None
        return cls(after, empty_pages)

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(orjson.dumps([self.after, self.empty_pages])).decode().rstrip("=")


def listing(call: RestCall, kind: str, items: Sequence[Any], *, size: int, total: int | None, following: Any) -> Answer:
    """A page of a list. `following`: what the next page goes on after; None at the end."""
    token = None if following is None else str(PageToken(following))
    if "empty_page" in call.effects:
        place = PageToken.of(call)
        items, token = [], str(PageToken(place.after, place.empty_pages + 1))
    if "duplicate_answer" in call.effects:
        items = [item for item in items for _ in range(2)]
    info = {"totalResults": total, "resultsPerPage": size} if total is not None else {"resultsPerPage": size}
    body = {"kind": f"youtube#{kind}", "pageInfo": info, "items": list(items)}
    if token is not None:
        body["nextPageToken"] = token
    return Answer(tagged(body))


def tagged(body: Mapping[str, Any]) -> dict[str, Any]:
    """The same with an etag of its content."""
    digest = base64.urlsafe_b64encode(sha1(orjson.dumps(body), usedforsecurity=False).digest()).decode().rstrip("=")
    return {**body, "etag": digest}


def stamp(moment_ms: int) -> str:
    """A moment as YouTube writes it: whole seconds, UTC."""
    return datetime.fromtimestamp(moment_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
