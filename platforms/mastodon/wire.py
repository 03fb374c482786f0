"""Calls that reading and publishing share: paging by `Link`, and a refused token behind a 422.

Belongs here: how Mastodon is asked. Does not belong here: what for (`client.py`, `publishing.py`).
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from contracts.errors import ErrorClass, NetworkError
from contracts.records import Account
from platforms._http import Answer, Call, CallKind, Transport, with_headers
from platforms.mastodon.models import Listing

LARGEST_PAGE = 40
UNPROCESSABLE = 422

_LINK = re.compile(r"<([^>]*)>([^<]*)")
_IS_NEXT = re.compile(r";\s*rel=\"?next\"?", re.IGNORECASE)


class Wire:
    """One transport, asked the Mastodon way."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self._closing: set[str] = set()

    def expect_closing(self, account: Account) -> None:
        """From now on each call to the account's server gets a connection of its own.

        Some servers (snac2) close a connection after every answer without saying so. A call that meets it while it closes gets
        no answer: a read is repeated, but a commit would be in doubt for nothing.
        """
        self._closing.add(account.base_url)

    async def send(self, account: Account, call: Call) -> Answer:
        """The answer. Raises NetworkError; a 422 that was about the token and not about the call is class `auth`."""
        if account.base_url in self._closing:
            call = with_headers(call, connection="close")
        try:
            return await self.transport.send(account, call)
        except NetworkError as error:
            if error.status == UNPROCESSABLE and await self._is_token_refused(account, call):
                # Some servers answer a bad token so; Mastodon itself does for a token that belongs to an app and no person.
                message = "The server does not accept the token; connect the account again."
                raise NetworkError(
                    ErrorClass.AUTH, message, network=error.network, code=error.code, status=error.status
                ) from error
            raise

    def own_statuses(self, account: Account) -> AsyncIterator[list[dict[str, Any]]]:
        """Payloads of the account's own statuses and answers, newest first, page by page."""
        path = f"accounts/{account.native_id}/statuses"
        return self.pages(account, "statuses", path, exclude_reblogs="true")

    async def pages(
        self, account: Account, operation: str, path: str, **params: str
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """Pages of a listing, newest first, until `Link` names no next one or the server repeats it."""
        max_id: str | None = None
        while True:
            paging = {"limit": str(LARGEST_PAGE), **params, **({"max_id": max_id} if max_id else {})}
            call = read(operation, path, **paging)
            answer = await self.send(account, call)
            raws = [raw for raw in self.transport.parse(Listing, answer.body, call).root if isinstance(raw, dict)]
            yield raws
            following = following_max_id(answer.headers, raws)
            if following is None or following == max_id:
                return
            max_id = following

    async def _is_token_refused(self, account: Account, refused: Call) -> bool:
        whoami = read("verify_credentials", "accounts/verify_credentials")
        if refused.operation == whoami.operation:
            return True  # it has no parameter that could be wrong
        try:
            await self.transport.send(account, whoami)
        except NetworkError as error:
            return error.error_class is ErrorClass.AUTH or error.status == UNPROCESSABLE
        return False


def following_max_id(headers: Mapping[str, str], raws: Sequence[Mapping[str, Any]]) -> str | None:
    """Where the next page begins; None at the end. Only the id in the link is used: its host may be known by another name.

    Mastodon sends `Link` with every page that holds something. A server that sends none is asked on from the last item.
    """
    link = headers.get("link")
    if link is None:
        last = raws[-1].get("id") if raws else None
        return str(last) if last else None
    for url, parameters in _LINK.findall(link):
        if _IS_NEXT.search(parameters):
            return next(iter(parse_qs(urlsplit(url).query).get("max_id", ())), None)
    return None


def read(operation: str, path: str, **params: str) -> Call:
    return Call(CallKind.READ, operation, "GET", f"/api/v1/{path}", params=tuple(params.items()))
