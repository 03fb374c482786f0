"""The directory: clients, their accounts, the competitors they watch, and the connection of an account.

Belongs here: saving these records (again and again with the same result) and reading them within a tenant scope.
Does not belong here: what is written for them (`content.py`).
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from contracts.errors import PulsoError
from contracts.networks import GRANTS, Grant, Network
from contracts.records import Account, Autonomy, Client, Competitor, Token
from contracts.scope import TenantScope
from operations.audit import record_event
from operations.intents import release_reconnected
from operations.models import (
    AccountRow,
    ClientRow,
    CompetitorRow,
    CompetitorWatchRow,
    CredentialRow,
    LaneRow,
    StopRow,
)
from operations.part import StorePart, within
from operations.states import UnknownRecordError


@dataclass(frozen=True)
class Connection:
    """Whether an account can be published to: connected at all, and not paused by a refusal of its network."""

    account_id: str
    client_id: str
    is_connected: bool
    paused_at: datetime | None
    paused_reason: str | None
    deferred_until: datetime | None
    """Machine time; the network asked to wait."""
    missing_grants: tuple[Grant, ...] = ()
    """Credentials that the account could have besides the main one, and has not."""


def client_record(row: ClientRow) -> Client:
    """The contracts record of a row."""
    return Client.model_validate({name: getattr(row, name) for name in Client.model_fields})


def account_record(row: AccountRow) -> Account:
    """The contracts record of a row."""
    return Account.model_validate({name: getattr(row, name) for name in Account.model_fields})


class Directory(StorePart):
    """The store's face for clients, accounts, competitors and credentials."""

    def clients(self, scope: TenantScope) -> tuple[Client, ...]:
        """Inactive ones included, by id."""
        query = select(ClientRow).where(within(scope, ClientRow.client_id)).order_by(ClientRow.client_id)
        with self._database.read() as session:
            return tuple(client_record(row) for row in session.scalars(query))

    def accounts(self, scope: TenantScope) -> tuple[Account, ...]:
        query = select(AccountRow).where(within(scope, AccountRow.client_id)).order_by(AccountRow.account_id)
        with self._database.read() as session:
            return tuple(account_record(row) for row in session.scalars(query))

    def competitors(self, scope: TenantScope) -> tuple[Competitor, ...]:
        """Those that a client of the scope watches. Other watchers of the same rival are not told."""
        query = (
            select(CompetitorRow, CompetitorWatchRow.client_id)
            .join(CompetitorWatchRow, CompetitorWatchRow.competitor_id == CompetitorRow.competitor_id)
            .where(within(scope, CompetitorWatchRow.client_id))
            .order_by(CompetitorRow.competitor_id, CompetitorWatchRow.client_id)
        )
        watchers: dict[str, list[str]] = {}
        rows: dict[str, CompetitorRow] = {}
        with self._database.read() as session:
            for row, client_id in session.execute(query):
                rows[row.competitor_id] = row
                watchers.setdefault(row.competitor_id, []).append(client_id)
            return tuple(
                Competitor.model_validate(
                    {
                        "competitor_id": row.competitor_id,
                        "network": row.network,
                        "handle": row.handle,
                        "profile_url": row.profile_url,
                        "client_ids": tuple(watchers[row.competitor_id]),
                    }
                )
                for row in rows.values()
            )

    def connections(self, scope: TenantScope) -> tuple[Connection, ...]:
        """Every account with the state of its connection."""
        query = (
            select(AccountRow, LaneRow)
            .join(LaneRow, LaneRow.account_id == AccountRow.account_id)
            .where(within(scope, AccountRow.client_id))
            .order_by(AccountRow.account_id)
        )
        granted = select(CredentialRow.account_id, CredentialRow.grant).where(within(scope, CredentialRow.client_id))
        with self._database.read() as session:
            held = {(account_id, Grant(grant)) for account_id, grant in session.execute(granted)}
            return tuple(
                Connection(
                    account.account_id,
                    account.client_id,
                    (account.account_id, Grant.MAIN) in held,
                    lane.paused_at,
                    lane.paused_reason,
                    lane.deferred_until,
                    tuple(
                        grant
                        for grant in sorted(GRANTS[Network(account.network)] - {Grant.MAIN})
                        if (account.account_id, grant) not in held
                    ),
                )
                for account, lane in session.execute(query)
            )

    def save_client(self, client: Client, *, actor: str) -> None:
        """Insert or replace a client's record."""
        values = {name: getattr(client, name) for name in Client.model_fields}
        values["autonomy"] = client.autonomy.value
        now = self._clock.now()
        with self._database.write() as session:
            row = session.get(ClientRow, client.client_id, with_for_update=True)
            if row is not None and client_record(row) == client:
                return
            if row is None:
                session.add(ClientRow(**values))
                session.add(StopRow(scope_key=client.client_id, is_active=False))
            else:
                for name, value in values.items():
                    setattr(row, name, value)
            _record(session, now, client.client_id, actor, "client_saved", ("client", client.client_id))

    def set_autonomy(self, client_id: str, autonomy: Autonomy, *, actor: str) -> None:
        """Say how far Pulso may act for this client. What is approved already stays approved. Raises UnknownRecordError."""
        now = self._clock.now()
        with self._database.write() as session:
            row = session.get(ClientRow, client_id, with_for_update=True)
            if row is None:
                raise UnknownRecordError(f"There is no client {client_id}.")
            if row.autonomy != autonomy.value:
                before, row.autonomy = row.autonomy, autonomy.value
                _record(
                    session,
                    now,
                    client_id,
                    actor,
                    "autonomy_set",
                    ("client", client_id),
                    before=before,
                    after=autonomy.value,
                )

    def save_account(self, account: Account, *, actor: str) -> None:
        """Insert or replace an account. Its client must exist, and it never moves to another client."""
        values = {name: getattr(account, name) for name in Account.model_fields}
        values["network"] = account.network.value
        now = self._clock.now()
        with self._database.write() as session:
            if session.get(ClientRow, account.client_id) is None:
                raise UnknownRecordError(f"There is no client {account.client_id}: save it first.")
            row = session.get(AccountRow, account.account_id, with_for_update=True)
            if row is not None and account_record(row) == account:
                return
            if row is None:
                session.add(AccountRow(**values))
                session.flush()
                session.add(LaneRow(account_id=account.account_id))
            elif row.client_id != account.client_id:
                raise PulsoError(f"{account.account_id} belongs to another client already. Nothing was saved.")
            else:
                for name, value in values.items():
                    setattr(row, name, value)
            _record(session, now, account.client_id, actor, "account_saved", ("account", account.account_id))

    def save_competitor(self, competitor: Competitor, *, actor: str) -> None:
        """Insert or replace a competitor; its watchers become exactly `client_ids`."""
        now = self._clock.now()
        with self._database.write() as session:
            row = session.get(CompetitorRow, competitor.competitor_id, with_for_update=True)
            if row is None:
                row = CompetitorRow(competitor_id=competitor.competitor_id, network="", handle="", profile_url="")
                session.add(row)
            row.network, row.handle = competitor.network.value, competitor.handle
            row.profile_url = competitor.profile_url
            session.flush()
            query = select(CompetitorWatchRow.client_id).where(
                CompetitorWatchRow.competitor_id == competitor.competitor_id
            )
            before, after = set(session.scalars(query)), set(competitor.client_ids)
            session.execute(
                delete(CompetitorWatchRow).where(
                    CompetitorWatchRow.competitor_id == competitor.competitor_id,
                    CompetitorWatchRow.client_id.in_(before - after),
                )
            )
            for client_id in sorted(after - before):
                session.add(CompetitorWatchRow(competitor_id=competitor.competitor_id, client_id=client_id))
            for client_id in sorted(before ^ after):
                action = "competitor_watched" if client_id in after else "competitor_unwatched"
                _record(session, now, client_id, actor, action, ("competitor", competitor.competitor_id))

    def save_credential(self, account_id: str, token: Token, *, actor: str, grant: Grant = Grant.MAIN) -> Token:
        """Connect an account: store its token of one grant, lift its pause, set free what waited for the connection.

        The token's own `version` is ignored. Returns the token as saved. Raises UnknownRecordError, and PulsoError when the
        account's network knows no such grant.
        """
        now = self._clock.now()
        with self._database.write() as session:
            account = session.get(AccountRow, account_id)
            if account is None:
                raise UnknownRecordError(f"There is no account {account_id}.")
            if grant not in GRANTS[Network(account.network)]:
                raise PulsoError(f"Accounts on {account.network} have no credential for {grant.value}.")
            freed = release_reconnected(session, account_id, at=now)
            lane = session.get_one(LaneRow, account_id, with_for_update=True)
            lane.paused_at = lane.paused_reason = lane.deferred_until = None
            saved = self.tokens.of(grant).put(session, account_id, token)
            _record(
                session,
                now,
                account.client_id,
                actor,
                "account_connected",
                ("account", account_id),
                grant=grant.value,
                freed_intents=freed,
            )
            return saved


def _record(
    session: Session, at: datetime, client_id: str, actor: str, action: str, subject: tuple[str, str], **detail: object
) -> None:
    subject_type, subject_id = subject
    record_event(
        session,
        at=at,
        client_id=client_id,
        actor=actor,
        action=action,
        subject_type=subject_type,
        subject_id=subject_id,
        **detail,
    )
