"""How TikTok says no, in each of its three voices. Does not belong here: when it does."""

from typing import Any

from sandbox.wire import Refusal

LOG_ID = "20260530060000000000000000000000AB"
OK = {"code": "ok", "message": "", "log_id": LOG_ID}


def refused(status: int, code: str, message: str = "") -> Refusal:
    """The first product: a named code, with the HTTP status that goes with it."""
    said = message or code.replace("_", " ").capitalize()
    return Refusal(status, {"data": {}, "error": {"code": code, "message": said, "log_id": LOG_ID}})


def refused_token(code: str, description: str) -> Refusal:
    """The token endpoint, as OAuth has it, but with HTTP 200."""
    return Refusal(200, {"error": code, "error_description": description, "log_id": LOG_ID})


def refused_by_number(code: int, message: str, *, status: int = 200) -> Refusal:
    """API for Business: a number within HTTP 200."""
    return Refusal(status, {"code": code, "message": message, "request_id": LOG_ID, "data": {}})


def unknown_fields(names: Any) -> Refusal:
    """A field that the first product does not have, or has no more."""
    return refused(400, "invalid_params", f"The fields are invalid: {', '.join(sorted(names))}")
