"""How a call to YouTube is addressed: one network on four hosts.

Belongs here: hosts and paths. Does not belong here: when to call, what to make of an answer.

Each host's paths begin differently, so one server can stand in for all four: an account whose `base_url` is not the real one
(a sandbox) has every call sent below its `base_url`, under the very same paths. There are no prefixes to agree on.
"""

from collections.abc import Mapping
from typing import Any

from contracts.networks import Network
from contracts.records import Account
from platforms._http import Call, CallKind
from platforms.versions import VERSIONS

API_VERSION = VERSIONS[Network.YOUTUBE].name
REAL_API = "https://youtube.googleapis.com"
HOSTS = {
    f"/youtube/{API_VERSION}/": REAL_API,
    f"/upload/youtube/{API_VERSION}/": "https://www.googleapis.com",
    "/v2/reports": "https://youtubeanalytics.googleapis.com",
    "/token": "https://oauth2.googleapis.com",
}
"""Beginning of a path -> the real host that serves it."""

DATA, UPLOAD, REPORTS, TOKEN = HOSTS


def at_host_of(account: Account, call: Call) -> Account:
    """The account with the address of the host that serves this call."""
    if account.base_url.rstrip("/") != REAL_API:
        return account
    host = next(host for beginning, host in HOSTS.items() if call.path.startswith(beginning))
    return account.model_copy(update={"base_url": host})


def read(operation: str, path: str, **params: str) -> Call:
    """A call that changes nothing; `operation` is also what it is priced by."""
    return Call(CallKind.READ, operation, "GET", path, params=tuple(params.items()))


def write(
    kind: CallKind,
    operation: str,
    method: str,
    path: str,
    *,
    params: Mapping[str, str],
    json: Any = None,
    headers: Mapping[str, str] | None = None,
) -> Call:
    """A call that changes something."""
    return Call(kind, operation, method, path, params=tuple(params.items()), json=json, headers=headers or {})
