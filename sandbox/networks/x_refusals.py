"""How X words its refusals: problems of a type where it has one, `about:blank` with a status everywhere else.

Belongs here: error bodies. Does not belong here: who is refused.
"""

from typing import Any

from sandbox.wire import Refusal

PROBLEMS = "https://api.x.com/2/problems/"


def blank_body(status: int, title: str, detail: str | None = None) -> dict[str, Any]:
    """A problem without a type of its own."""
    return {"title": title, "type": "about:blank", "status": status, "detail": detail or title}


def blank(status: int, title: str) -> Refusal:
    """A status, and nothing more to say about it."""
    return Refusal(status, blank_body(status, title))


def forbidden(detail: str) -> Refusal:
    """What the account or its app may not do; only the text says why."""
    return Refusal(403, blank_body(403, "Forbidden", detail))


def invalid(message: str, parameter: str) -> Refusal:
    """A request that makes no sense, and where."""
    detail = "One or more parameters to your request was invalid."
    problem = {"title": "Invalid Request", "detail": detail, "type": f"{PROBLEMS}invalid-request"}
    return Refusal(400, problem | {"errors": [{"parameters": {parameter: []}, "message": message}]})


def not_found(resource: str, parameter: str, value: str) -> dict[str, Any]:
    """The problem of a thing that is not there."""
    return {
        "type": f"{PROBLEMS}resource-not-found",
        "title": "Not Found Error",
        "detail": f"Could not find {resource} with {parameter}: [{value}].",
        "parameter": parameter,
        "value": value,
        "resource_id": value,
        "resource_type": resource,
    }
