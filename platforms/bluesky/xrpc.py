"""How Bluesky is called: XRPC methods by their names. Does not belong here: which calls are made when."""

from typing import Any

from platforms._http import Call, CallKind

XRPC = "/xrpc"
"""The only version that XRPC has; lexicons evolve by adding fields."""

NOT_FOUND = frozenset({"RecordNotFound", "NotFound"})


def path_of(nsid: str) -> str:
    """The path of a method below the server's address."""
    return f"{XRPC}/{nsid}"


def query(nsid: str, **params: str) -> Call:
    """A method that leaves nothing behind."""
    return Call(CallKind.READ, nsid, "GET", path_of(nsid), params=tuple(params.items()))


def procedure(kind: CallKind, nsid: str, body: Any) -> Call:
    """A method that takes JSON and changes something."""
    return Call(kind, nsid, "POST", path_of(nsid), json=body)
