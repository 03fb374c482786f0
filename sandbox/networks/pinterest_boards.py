"""Boards beside an account's first one, and pins on secret boards, which nobody but their owner sees until they are moved.

Belongs here: what is where. Does not belong here: requests and answers (`pinterest.py`), pins that are public (the feeds have them).
"""

from collections.abc import Mapping
from typing import Any

import orjson

from sandbox.host import Host, Published
from sandbox.networks.pinterest_wire import board_id_of
from sandbox.world.ids import post_id
from sandbox.world.model import Account

PRIVACIES = ("PUBLIC", "PROTECTED", "SECRET")
_NETWORK, _BOARD, _PIN = "pinterest", "board", "secret pin"


class PinterestBoards:
    """Kept in the state's table `uploads`: boards that were made over the wire, and pins on the secret ones."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def of(self, account: Account) -> list[dict[str, Any]]:
        """`id`, `name`, `privacy` of every board, the oldest first."""
        first = {"id": board_id_of(account), "name": account.display_name, "privacy": "PUBLIC"}
        return [first, *(self._row(row) for row in self._rows(account, _BOARD))]

    def privacy(self, account: Account, board_id: str) -> str | None:
        """None: this account has no such board."""
        return next((board["privacy"] for board in self.of(account) if board["id"] == board_id), None)

    def make(self, account: Account, name: str, privacy: str) -> dict[str, Any]:
        """A new board."""
        board_id = f"55{self._host.state.next_number('pinterest board'):016d}"
        self._keep(account, _BOARD, board_id, {"name": name, "privacy": privacy})
        return {"id": board_id, "name": name, "privacy": privacy}

    # --- pins that only their owner sees ---

    def pins_on(self, account: Account, board_id: str) -> list[dict[str, Any]]:
        """Pins on a secret board, newest first."""
        rows = [self._row(row) for row in self._rows(account, _PIN)]
        return [pin for pin in reversed(rows) if pin["details"]["board_id"] == board_id]

    def pin(self, account: Account, pin_id: str) -> dict[str, Any] | None:
        """A pin on a secret board: `id`, `content_format`, `media_count`, `details`, `created_ms`."""
        return next((self._row(row) for row in self._rows(account, _PIN, upload_id=pin_id)), None)

    def hide(
        self, account: Account, *, content_format: str, media_count: int, details: Mapping[str, Any]
    ) -> dict[str, Any]:
        """A new pin on a secret board."""
        now_ms = self._host.clock.now_ms
        pin_id = post_id(_NETWORK, account.native_id, now_ms, "api", self._host.state.next_number("commit"))
        spec = {"content_format": content_format, "media_count": media_count, "details": dict(details)}
        self._keep(account, _PIN, pin_id, spec)
        return {"id": pin_id, "created_ms": now_ms, **spec}

    def show(self, account: Account, pin: Mapping[str, Any], board_id: str) -> Published:
        """Move a pin from a secret board to one that others see: from now on it is published, under the same id."""
        details = {**pin["details"], "board_id": board_id}
        with self._host.state.transaction():
            self._host.state.delete("uploads", upload_id=pin["id"], kind=_PIN)
            published, _ = self._host.publish(
                account,
                details.get("description") or details.get("title") or "",
                content_format=pin["content_format"],
                media_count=pin["media_count"],
                native_id=pin["id"],
                details=details,
            )
        return published

    def drop(self, account: Account, pin_id: str) -> bool:
        """Delete a pin on a secret board; whether there was one."""
        return bool(self._host.state.delete("uploads", upload_id=pin_id, account_id=account.native_id, kind=_PIN))

    # --- rows ---

    def _keep(self, account: Account, kind: str, row_id: str, spec: Mapping[str, Any]) -> None:
        self._host.state.insert(
            "uploads",
            upload_id=row_id,
            network=_NETWORK,
            account_id=account.native_id,
            kind=kind,
            spec=orjson.dumps(spec).decode(),
            status="kept",
            created_ms=self._host.clock.now_ms,
        )

    def _rows(self, account: Account, kind: str, **where: str) -> list[Mapping[str, Any]]:
        return self._host.state.rows("uploads", network=_NETWORK, account_id=account.native_id, kind=kind, **where)

    @staticmethod
    def _row(row: Mapping[str, Any]) -> dict[str, Any]:
        return {"id": row["upload_id"], "created_ms": row["created_ms"], **orjson.loads(row["spec"])}
