"""Credentials of accounts: encrypted at rest, versioned, saved before they are used.

Belongs here: what reads and writes tokens, and the rotation of the master key over all data keys.
Does not belong here: how a network refreshes a token (platforms), the key file (`vault.py`).
"""

from datetime import timedelta

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from contracts.errors import NotReadyError
from contracts.networks import Grant
from contracts.records import Record, Token
from operations.database import Database
from operations.machine import MachineTime, SystemMachineTime
from operations.models import AccountRow, ClientRow, CredentialRow, DataKeyRow
from operations.states import UnknownRecordError
from operations.vault import Vault, VaultError


class _Sealed(Record):
    """What is encrypted: a token, whose it is and for what, so that a row moved elsewhere does not open."""

    account_id: str
    grant: Grant = Grant.MAIN
    token: Token


_STORED = (
    select(CredentialRow.ciphertext, CredentialRow.version, DataKeyRow.wrapped_key)
    .join(DataKeyRow, DataKeyRow.client_id == CredentialRow.client_id)
    .where(CredentialRow.account_id == bindparam("account_id"), CredentialRow.grant == bindparam("grant"))
)
"""A credential with its client's key, past the ORM: a refresh loads one for each of thousands of accounts."""


class SqlTokenStore:
    """Implements contracts.ports.TokenStore, for one grant of each account.

    Refresh tokens of some networks can be used once. Several publishers may refresh one account at the same moment: each saves with
    the version that it started from, the first one wins, and the others are handed the winner's token to go on with.
    The calls touch one row and do not yield to the event loop.
    """

    def __init__(
        self, database: Database, vault: Vault, *, grant: Grant = Grant.MAIN, machine: MachineTime | None = None
    ) -> None:
        self._database = database
        self._vault = vault
        self._grant = grant
        self._machine = machine or SystemMachineTime()

    def of(self, grant: Grant) -> "SqlTokenStore":
        return SqlTokenStore(self._database, self._vault, grant=grant, machine=self._machine)

    async def has(self, account_id: str) -> bool:
        with self._database.read() as session:
            return self._row(session, account_id) is not None

    async def load(self, account_id: str) -> Token:
        """Raises NotReadyError when the account was never connected."""
        asked = {"account_id": account_id, "grant": self._grant.value}
        with self._database.read_rows() as connection:
            found = connection.execute(_STORED, asked).one_or_none()
        if found is None:
            raise self._not_connected(account_id)
        ciphertext, version, wrapped_key = found
        return self._unseal(self._vault.open_data_key(wrapped_key), account_id, ciphertext, version)

    async def save(self, account_id: str, token: Token, *, expected_version: int) -> Token:
        """Raises NotReadyError when the account was never connected: a refresh needs something to refresh."""
        with self._database.write() as session:
            row = self._row(session, account_id, for_update=True)
            if row is None:
                raise self._not_connected(account_id)
            if row.version != expected_version:
                return self._open(session, row)
            return self.put(session, account_id, token)

    async def claim_renewal(self, account_id: str, *, expected_version: int, seconds: float) -> bool:
        """One process at a time may exchange a token; what a crashed one held lapses."""
        now = self._machine.now()
        with self._database.write() as session:
            row = self._row(session, account_id, for_update=True)
            if row is None or row.version != expected_version:
                return False
            if row.renewal_claimed_until is not None and row.renewal_claimed_until > now:
                return False
            row.renewal_claimed_until = now + timedelta(seconds=seconds)
            return True

    async def release_renewal(self, account_id: str, *, expected_version: int) -> None:
        """Let others try."""
        with self._database.write() as session:
            row = self._row(session, account_id, for_update=True)
            if row is not None and row.version == expected_version:
                row.renewal_claimed_until = None

    def put(self, session: Session, account_id: str, token: Token) -> Token:
        """Replace an account's credential of this grant whatever it was (a person connects the account), within the caller's
        transaction."""
        account = session.get(AccountRow, account_id)
        if account is None:
            raise UnknownRecordError(f"There is no account {account_id}.")
        row = self._row(session, account_id, for_update=True)
        saved = token.model_copy(update={"version": (row.version if row else 0) + 1})
        sealed = _Sealed(account_id=account_id, grant=self._grant, token=saved)
        ciphertext = self._data_key(session, account.client_id).encrypt(sealed.model_dump_json().encode())
        if row is None:
            session.add(
                CredentialRow(
                    account_id=account_id,
                    grant=self._grant.value,
                    client_id=account.client_id,
                    ciphertext=ciphertext,
                    version=saved.version,
                )
            )
        else:
            row.ciphertext, row.version, row.renewal_claimed_until = ciphertext, saved.version, None
        return saved

    def rotate_master_key(self) -> int:
        """Wrap every data key under a new master key. A crash at any point leaves all of them readable. Returns how many."""
        self._vault.add_newest()
        with self._database.write() as session:
            # Whoever makes a data key holds its client's row: none can appear under the old master key while this runs.
            session.execute(select(ClientRow.client_id).order_by(ClientRow.client_id).with_for_update())
            rows = session.scalars(select(DataKeyRow)).all()
            for row in rows:
                row.wrapped_key = self._vault.rewrap(row.wrapped_key)
        self._vault.drop_old()
        return len(rows)

    def _row(self, session: Session, account_id: str, *, for_update: bool = False) -> CredentialRow | None:
        return session.get(CredentialRow, (account_id, self._grant.value), with_for_update=for_update)

    def _not_connected(self, account_id: str) -> NotReadyError:
        if self._grant is Grant.MAIN:
            return NotReadyError(f"{account_id} is not connected: save its credential first.")
        return NotReadyError(f"{account_id} has no credential for {self._grant.value}: save it first.")

    def _data_key(self, session: Session, client_id: str) -> Fernet:
        row = session.get(DataKeyRow, client_id)
        if row is None:
            session.get(ClientRow, client_id, with_for_update=True)
            row = session.get(DataKeyRow, client_id, populate_existing=True)
        if row is None:
            row = DataKeyRow(client_id=client_id, wrapped_key=self._vault.new_wrapped_key())
            session.add(row)
        return self._vault.open_data_key(row.wrapped_key)

    def _open(self, session: Session, row: CredentialRow) -> Token:
        return self._unseal(self._data_key(session, row.client_id), row.account_id, row.ciphertext, row.version)

    def _unseal(self, key: Fernet, account_id: str, ciphertext: bytes, version: int) -> Token:
        try:
            sealed = _Sealed.model_validate_json(key.decrypt(ciphertext))
        except InvalidToken as error:
            raise VaultError(f"The credential of {account_id} does not open: connect the account again.") from error
        if (sealed.account_id, sealed.grant, sealed.token.version) != (account_id, self._grant, version):
            raise VaultError(f"The stored credential of {account_id} is another's: connect the account again.")
        return sealed.token
