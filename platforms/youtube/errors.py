"""What YouTube's refusals ask for, by their `reason`: the status alone says 403 to a missing permission, a closed comment
section and a used-up quota alike.

Belongs here: the table, one line a reason. Does not belong here: message texts, which change.
"""

from datetime import UTC, datetime
from typing import Any

from contracts.errors import ErrorClass
from platforms._http import Refusal
from platforms._quotas import Window

AUTH, SCOPE, RATE, INVALID = ErrorClass.AUTH, ErrorClass.SCOPE, ErrorClass.RATE, ErrorClass.INVALID
TRANSIENT = ErrorClass.TRANSIENT

REASONS = {
    "authError": AUTH,
    "required": AUTH,  # [K] no token at all; with status 400 it is a missing parameter, see `_class_of`
    "invalid_grant": AUTH,  # of the token endpoint: the refresh token is revoked or too old
    "invalid_client": AUTH,  # [K]
    "unauthorized_client": AUTH,  # [K]
    "youtubeSignupRequired": AUTH,  # [K] the Google account has no channel
    "UNAUTHENTICATED": AUTH,
    "insufficientPermissions": SCOPE,
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": SCOPE,  # [K]
    "forbidden": SCOPE,
    "accessNotConfigured": SCOPE,  # [K] the project has not enabled this API
    "channelClosed": SCOPE,  # [K] a person must act
    "channelSuspended": SCOPE,  # [K] a person must act
    "PERMISSION_DENIED": SCOPE,
    "quotaExceeded": RATE,
    "dailyLimitExceeded": RATE,
    "rateLimitExceeded": RATE,
    "userRateLimitExceeded": RATE,
    "uploadLimitExceeded": RATE,
    "uploadRateLimitExceeded": RATE,  # [K]
    "RESOURCE_EXHAUSTED": RATE,
    "commentsDisabled": INVALID,
    "videoNotFound": INVALID,
    "backendError": TRANSIENT,
    "internalError": TRANSIENT,
    "processingFailure": TRANSIENT,  # [K] of a comment: at a commit therefore ambiguous
    "UNAVAILABLE": TRANSIENT,
    "INTERNAL": TRANSIENT,
}
"""`error.errors[].reason` -> class; names in capitals are `error.status`, which speaks where no reason is known."""

UNTIL_PACIFIC_MIDNIGHT = frozenset({"quotaExceeded", "dailyLimitExceeded"})
ACCOUNT_DAY = "uploadLimitExceeded"
ACCOUNT_DAY_SECONDS = 86_400.0  # [K] how long an account that uploaded too much has to wait
MINUTE_SECONDS = 60.0  # [K] the other limits count queries per minute


def classify(status: int, body: Any, *, now: datetime | None = None) -> Refusal:
    """The refusal in Pulso's words; its code is the first reason. `now` is the real time (default: now)."""
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, str):  # the token endpoint answers as OAuth says, not as Google's APIs do
        said = body.get("error_description")
        return Refusal(_class_of(status, [error]), error, said if isinstance(said, str) else f"HTTP {status}")
    error = error if isinstance(error, dict) else {}
    names = _names(error)
    code = names[0] if names else None
    error_class = _class_of(status, names)
    said = error.get("message")
    text = said if isinstance(said, str) and said else f"HTTP {status}"
    wait = _wait_seconds(code, now or datetime.now(UTC)) if error_class is RATE else None
    return Refusal(error_class, code, text, retry_after_seconds=wait)


def _names(error: dict[str, Any]) -> list[str]:
    """What the refusal calls itself, the most telling name first."""
    listed = [item for key in ("errors", "details") for item in _dicts(error.get(key))]
    names = [reason for item in listed if isinstance(reason := item.get("reason"), str)]
    if isinstance(status := error.get("status"), str):
        names.append(status)
    return names


def _class_of(status: int, names: list[str]) -> ErrorClass:
    if status >= 500:
        return TRANSIENT
    for name in names:
        if name in REASONS and not (name == "required" and status == 400):
            return REASONS[name]
    return {401: AUTH, 403: SCOPE, 429: RATE, 408: TRANSIENT}.get(status, INVALID)


def _wait_seconds(code: str | None, now: datetime) -> float:
    if code in UNTIL_PACIFIC_MIDNIGHT:
        return (Window.PACIFIC_DAY.bounds(now)[1] - now).total_seconds()
    return ACCOUNT_DAY_SECONDS if code == ACCOUNT_DAY else MINUTE_SECONDS


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
