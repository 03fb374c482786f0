"""Where Pinterest's API is: its version, its pages, and calls to it. Does not belong here: which calls are made when."""

from platforms._http import Call, CallKind

API_VERSION = "v5"
PAGE_SIZE = 250


def api_path(path: str) -> str:
    """The path below the account's address."""
    return f"/{API_VERSION}/{path}"


def read_call(operation: str, path: str, **params: str) -> Call:
    """A GET that leaves nothing behind."""
    return Call(CallKind.READ, operation, "GET", api_path(path), params=tuple(params.items()))
