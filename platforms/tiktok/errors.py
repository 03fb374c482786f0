"""What TikTok's error codes ask for: those of its two products, and the reasons for which a post failed after it was taken.

Belongs here: the tables, one line a code. Does not belong here: message texts, which change.

The first product names its codes (`error.code`), the second numbers them (`code`), and the token endpoint follows OAuth
(`error` is the code itself). Codes come before statuses: 401 also says that a permission is missing.
"""

from dataclasses import dataclass
from typing import Any

from contracts.errors import ErrorClass
from platforms._http import Refusal

AUTH, SCOPE, RATE, INVALID = ErrorClass.AUTH, ErrorClass.SCOPE, ErrorClass.RATE, ErrorClass.INVALID
TRANSIENT = ErrorClass.TRANSIENT

OK = frozenset({"ok", "0"})
"""`ok`; the first version of the API, of which kept answers exist, said 0."""

A_DAY = 86_400.0
PUBLISHERS_LIMIT = "app:publishers"
"""Shared by all accounts of the app: how many of them may publish in a day."""


@dataclass(frozen=True)
class Meaning:
    """What a code asks for; the rest matters for rate limits only."""

    error_class: ErrorClass
    retry_after_seconds: float | None = None
    limit_key: str | None = None


CODES = {
    "access_token_invalid": Meaning(AUTH),
    "auth_removed": Meaning(AUTH),
    "invalid_grant": Meaning(AUTH),
    "invalid_client": Meaning(AUTH),
    "access_denied": Meaning(AUTH),  # [K]
    "scope_not_authorized": Meaning(SCOPE),
    "scope_permission_missed": Meaning(SCOPE),
    "spam_risk_user_banned_from_posting": Meaning(SCOPE),  # a person must act, as with a missing permission
    "rate_limit_exceeded": Meaning(RATE),
    "spam_risk_too_many_posts": Meaning(RATE, A_DAY),
    "spam_risk_too_many_pending_share": Meaning(RATE, A_DAY),  # [K] how long
    "reached_active_user_cap": Meaning(RATE, A_DAY, PUBLISHERS_LIMIT),
    "spam_risk": Meaning(INVALID),  # [K]
    "spam_risk_text": Meaning(INVALID),  # [K]
    "file_format_check_failed": Meaning(INVALID),
    "duration_check_failed": Meaning(INVALID),
    "frame_rate_check_failed": Meaning(INVALID),
    "picture_size_check_failed": Meaning(INVALID),
    "privacy_level_option_mismatch": Meaning(INVALID),
    "url_ownership_unverified": Meaning(INVALID),
    "unaudited_client_can_only_post_to_private_accounts": Meaning(INVALID),
    "publish_cancelled": Meaning(INVALID),  # [K]
    "invalid_publish_id": Meaning(INVALID),  # [K]
    "invalid_param": Meaning(INVALID),
    "invalid_params": Meaning(INVALID),
    "internal": Meaning(TRANSIENT),
    "internal_error": Meaning(TRANSIENT),
    "video_pull_failed": Meaning(TRANSIENT),
    "photo_pull_failed": Meaning(TRANSIENT),  # [K]
    "server_error": Meaning(TRANSIENT),
    "temporarily_unavailable": Meaning(TRANSIENT),
}
"""Codes of the first product, of its token endpoint, and of `fail_reason`."""

BUSINESS_CODES = {
    "40001": Meaning(SCOPE),  # [K]
    "40002": Meaning(INVALID),  # [K]
    "40100": Meaning(RATE, 300.0),  # [K] how long: the limit counts five minutes
    "40102": Meaning(AUTH),  # [K] expired
    "40104": Meaning(AUTH),  # [K] missing
    "40105": Meaning(AUTH),  # [K] invalid or expired
    "40110": Meaning(AUTH),  # [K] an authorisation or refresh token that is spent
    "40133": Meaning(RATE),  # [K]
}
"""Codes of API for Business. They come with HTTP 200 [K]."""

_FIRST_SERVER_CODE = 50_000  # [K]
"""From here on a number says that TikTok itself had trouble."""

_BY_STATUS = {401: AUTH, 403: SCOPE, 416: TRANSIENT, 429: RATE}
"""416 is the upload host's: the part does not follow what it has. Nothing is lost, the upload goes on from there."""


def is_refusal(body: Any) -> bool:
    """Whether the body of an answer with HTTP 200 is a refusal. A body that names no code is judged by who reads it."""
    code = code_of(body)
    return code is not None and code not in OK


def classify(status: int, body: Any) -> Refusal:
    """The refusal in Pulso's words."""
    code = code_of(body)
    code = None if code in OK else code
    meaning = (CODES.get(code) or BUSINESS_CODES.get(code)) if code else None
    if meaning is None:
        is_theirs = status >= 500 or (code is not None and code.isdecimal() and int(code) >= _FIRST_SERVER_CODE)
        meaning = Meaning(TRANSIENT if is_theirs else _BY_STATUS.get(status, INVALID))
    return Refusal(
        meaning.error_class,
        code,
        _message_of(body) or f"HTTP {status}",
        retry_after_seconds=meaning.retry_after_seconds,
        limit_key=meaning.limit_key,
    )


def class_of_failure(reason: str) -> ErrorClass:
    """What the `fail_reason` of a post that TikTok had taken asks for. One that is not known is not tried again."""
    meaning = CODES.get(reason)
    return meaning.error_class if meaning else INVALID


def code_of(body: Any) -> str | None:
    """The code that a body names in one of TikTok's three ways, None when it names none."""
    if not isinstance(body, dict):
        return None
    error = body.get("error")
    code = error.get("code") if isinstance(error, dict) else error if isinstance(error, str) else body.get("code")
    return str(code) if isinstance(code, str | int) and not isinstance(code, bool) and code != "" else None


def _message_of(body: Any) -> str | None:
    if not isinstance(body, dict):
        return None
    error = body.get("error")
    said = error.get("message") if isinstance(error, dict) else body.get("error_description") or body.get("message")
    return said if isinstance(said, str) and said else None
