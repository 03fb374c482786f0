"""How LinkedIn says no: `{status, serviceErrorCode?, code?, message}`.

Belongs here: wordings. Does not belong here: when they are said.
"""

from sandbox.wire import Refusal


def refuse(status: int, message: str, code: str | None = None, service_code: int | None = None) -> Refusal:
    """A refusal; what is not given is not in the body."""
    body: dict[str, object] = {"message": message, "status": status}
    if service_code is not None:
        body["serviceErrorCode"] = service_code
    if code is not None:
        body["code"] = code
    return Refusal(status, body)


def denied(what: str) -> Refusal:
    return refuse(403, f"Not enough permissions to access: {what}", "ACCESS_DENIED", 100)


def not_there(what: str) -> Refusal:
    return refuse(404, f"Could not find entity {what}", "NOT_FOUND")


def missing(*fields: str) -> Refusal:
    lines = "".join(
        f"ERROR :: /{field} :: field is required but not found and has no default value\n" for field in fields
    )
    return refuse(422, lines)


def invalid(field: str, why: str) -> Refusal:
    refusal = refuse(400, f"{field}: {why}", "INVALID_VALUE_FOR_FIELD")
    error = {"description": why, "input": {"inputPath": {"fieldPath": field}}, "code": "INVALID_VALUE_FOR_FIELD"}
    refusal.answer.body["errorDetails"] = {"inputErrors": [error]}
    refusal.answer.body["errorDetailType"] = "com.linkedin.common.error.BadRequest"
    return refusal


def duplicate_of(urn: str) -> Refusal:
    """The native guard: the live post is named in words only."""
    return refuse(422, f"Content is a duplicate of {urn}")
