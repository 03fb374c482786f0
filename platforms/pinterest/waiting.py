"""Pins that wait on a secret board until their commit moves them to their own: created before anybody sees them, known by their id.

Belongs here: the secret board, the pin on it, the move, and what a pin's board tells of the move. Does not belong here: what a pin is
made of (`publishing.py`).

Creating a pin is one visible call without a key, so what became of a lost answer may stay unknown. Moving a pin that has an id is not:
its board tells on which side of the commit it is, and moving it twice changes nothing. What gets lost while it is put on the secret board
leaves at worst a pin there that nobody but the account's owner sees.

Pinterest grants `PATCH /pins` to chosen apps only (it is in beta), and secret boards need scopes of their own (`boards:read_secret`,
`boards:write_secret`, `pins:read_secret`, `pins:write_secret`). [K] that a moved pin reaches as many people as one that was created where it is.
"""

from typing import Any

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Network
from contracts.records import Account
from platforms._http import Answer, Call, CallKind, Transport
from platforms._shapes import read_as
from platforms.pinterest.calls import PAGE_SIZE, api_path, read_call
from platforms.pinterest.models import ListedBoard, Page, Pin

BOARD_NAME = "Pulso: on their way"
SECRET = "SECRET"


class WaitingBoards:
    """The secret boards of accounts, and the pins on them."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def board_of(self, account: Account) -> str:
        """Id of the account's secret board; it is made where there is none."""
        call = read_call("boards", "boards", privacy=SECRET, page_size=str(PAGE_SIZE))
        page = await self._transport.fetch(Page, account, call)
        boards = [board for raw in page.items if (board := read_as(ListedBoard, raw)) is not None]
        if own := [board.id for board in boards if board.name == BOARD_NAME]:
            return own[0]
        body = {"name": BOARD_NAME, "privacy": SECRET}
        call = Call(CallKind.STAGE, "board_create", "POST", api_path("boards"), json=body)
        return (await self._transport.fetch(ListedBoard, account, call)).id

    async def place(self, account: Account, body: dict[str, Any]) -> str:
        """Create a pin on the secret board (the body's `board_id`); returns its id."""
        call = Call(CallKind.STAGE, "pin_create", "POST", api_path("pins"), json=body)
        return (await self._transport.fetch(Pin, account, call)).id

    async def move(self, account: Account, pin_id: str, board_id: str) -> tuple[Pin, Answer]:
        """The commit: from now on others see the pin."""
        call = Call(CallKind.COMMIT, "pin_move", "PATCH", api_path(f"pins/{pin_id}"), json={"board_id": board_id})
        answer = await self._transport.send(account, call)
        return self._transport.parse(Pin, answer.body, call), answer

    async def pin(self, account: Account, pin_id: str) -> Pin | None:
        """The pin, wherever it is; None when it is gone."""
        try:
            return await self._transport.fetch(Pin, account, read_call("pin", f"pins/{pin_id}"))
        except NetworkError as error:
            if error.status == 404:
                return None
            raise


def refuse_when_visible(pin: Pin, board_id: str) -> None:
    """Raises `duplicate` when the pin is on its board already."""
    if pin.board_id == board_id:
        message = "This pin is on its board already: look for it instead of sending it again."
        raise NetworkError(ErrorClass.DUPLICATE, message, network=Network.PINTEREST.value, code="published")
