"""Terms of accounts: what their own place on the network allows and offers, as it was read last, and the board that a person chose.

Belongs here: keeping them, one row an account.
Does not belong here: reading them (platforms), what they mean for a text (`policy.limits_for`).
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from contracts.errors import PulsoError
from contracts.networks import Network
from contracts.records import AccountTerms
from contracts.scope import TenantScope
from operations.audit import record_event
from operations.models import AccountRow, TermsRow
from operations.part import StorePart, within
from operations.states import UnknownRecordError
from policy import NetworkLimits, limits_for


class Terms(StorePart):
    """The store's face for the terms of accounts."""

    def terms(self, scope: TenantScope) -> Mapping[str, AccountTerms]:
        """By account_id; absent: never read, or the network has the same terms for everybody."""
        query = (
            select(TermsRow)
            .join(AccountRow, AccountRow.account_id == TermsRow.account_id)
            .where(within(scope, AccountRow.client_id))
        )
        with self._database.read() as session:
            return {row.account_id: row.body for row in session.scalars(query)}

    def keep_terms(self, terms: Sequence[AccountTerms]) -> None:
        """Replace what was read before. A board that a person chose stays chosen. Raises UnknownRecordError."""
        with self._database.write() as session:
            for read in terms:
                if session.get(AccountRow, read.account_id) is None:
                    raise UnknownRecordError(f"There is no account {read.account_id}.")
                row = session.get(TermsRow, read.account_id, with_for_update=True)
                if row is None:
                    session.add(TermsRow(account_id=read.account_id, body=read))
                else:
                    row.body = read.model_copy(update={"chosen_board_id": row.body.chosen_board_id})

    def choose_board(self, account_id: str, board_id: str, *, actor: str) -> AccountTerms:
        """Say where the account's posts go from now on; those that name a board keep it. Raises PulsoError for an unknown board."""
        now = self._clock.now()
        with self._database.write() as session:
            account = session.get(AccountRow, account_id)
            row = session.get(TermsRow, account_id, with_for_update=True)
            if account is None or row is None or not row.body.boards:
                raise PulsoError(
                    f"No boards of {account_id} were read: `pulso accounts boards {account_id}` reads them."
                )
            if board_id not in {board.board_id for board in row.body.boards}:
                known = ", ".join(f"{board.name} ({board.board_id})" for board in row.body.boards)
                raise PulsoError(f"{account_id} has no board {board_id}; it has {known}.")
            if row.body.chosen_board_id != board_id:
                row.body = row.body.model_copy(update={"chosen_board_id": board_id})
                record_event(
                    session,
                    at=now,
                    client_id=account.client_id,
                    actor=actor,
                    action="board_chosen",
                    subject_type="account",
                    subject_id=account_id,
                    board_id=board_id,
                )
            return row.body


def limits_of_account(session: Session, account_id: str, network: Network) -> NetworkLimits:
    """What an account's posts have to fit, within the caller's transaction."""
    row = session.get(TermsRow, account_id)
    return limits_for(network, row.body if row else None)
