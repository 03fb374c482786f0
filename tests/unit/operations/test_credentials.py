"""Credentials: unreadable without the master key, versioned, and readable through every crash of a rotation."""

import stat
from pathlib import Path

import pytest
from sqlalchemy import text, update

from contracts.errors import NotReadyError, PulsoError
from contracts.networks import Grant
from contracts.records import Token
from contracts.scope import TenantScope
from operations import SqlStore, UnknownRecordError, Vault, VaultError
from operations.credentials import SqlTokenStore
from operations.models import CredentialRow
from tests.unit.operations.fakes import FlyingMachineTime, a_client, an_account

ACCOUNT = "bluesky:did:plc:acme"
ALL = TenantScope.all_clients("tests")
TIKTOK = an_account("tiktok:acme")


def test_the_master_key_is_private_and_made_once(tmp_path: Path) -> None:
    path = tmp_path / "home" / "master.key"
    assert Vault(path).create()
    before = path.read_bytes()
    assert not Vault(path).create()
    assert path.read_bytes() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    Vault(path).create()
    path.chmod(0o640)
    with pytest.raises(VaultError, match="chmod 600"):
        Vault(path).new_wrapped_key()


async def test_a_token_comes_back_as_it_was_and_is_not_in_the_database(store: SqlStore) -> None:
    saved = store.save_credential(ACCOUNT, Token(access_token="secret-a", refresh_token="secret-r"), actor="anna")
    assert (await store.tokens.load(ACCOUNT)) == saved
    assert (saved.access_token, saved.refresh_token, saved.version) == ("secret-a", "secret-r", 1)
    with store._database.read() as session:
        for table in ("credentials", "data_keys", "audit_events"):
            assert "secret" not in str(session.execute(text(f"SELECT * FROM {table}")).all())


async def test_of_two_refreshers_the_first_wins_and_the_second_is_handed_the_winner(store: SqlStore) -> None:
    start = store.save_credential(ACCOUNT, Token(access_token="a1", refresh_token="r1"), actor="anna")
    first = await store.tokens.save(ACCOUNT, Token(access_token="a2"), expected_version=start.version)
    second = await store.tokens.save(ACCOUNT, Token(access_token="a3"), expected_version=start.version)
    assert first == second == await store.tokens.load(ACCOUNT)
    assert (second.access_token, second.version) == ("a2", start.version + 1)


async def test_an_account_that_was_never_connected_has_no_token(store: SqlStore) -> None:
    with pytest.raises(NotReadyError, match="not connected"):
        await store.tokens.load(ACCOUNT)
    with pytest.raises(NotReadyError, match="not connected"):
        await store.tokens.save(ACCOUNT, Token(access_token="a"), expected_version=0)
    with pytest.raises(UnknownRecordError):
        store.save_credential("bluesky:did:plc:nobody", Token(access_token="a"), actor="anna")


async def test_a_row_moved_to_another_account_does_not_open(store: SqlStore) -> None:
    other = an_account("bluesky:did:plc:other")
    store.save_account(other, actor="anna")
    store.save_credential(ACCOUNT, Token(access_token="mine"), actor="anna")
    store.save_credential(other.account_id, Token(access_token="theirs"), actor="anna")
    with store._database.write() as session:
        stolen = session.get_one(CredentialRow, (ACCOUNT, "main")).ciphertext
        session.execute(
            update(CredentialRow).where(CredentialRow.account_id == other.account_id).values(ciphertext=stolen)
        )
    with pytest.raises(VaultError, match="another's"):
        await store.tokens.load(other.account_id)


async def test_an_account_has_a_credential_for_each_grant_of_its_network(store: SqlStore) -> None:
    store.save_account(TIKTOK, actor="anna")
    assert store.connections(ALL)[-1].missing_grants == (Grant.BUSINESS,)
    business = store.tokens.of(Grant.BUSINESS)
    main = store.save_credential(TIKTOK.account_id, Token(access_token="first"), actor="anna")
    assert not await business.has(TIKTOK.account_id)
    with pytest.raises(NotReadyError, match="business"):
        await business.load(TIKTOK.account_id)
    second = store.save_credential(TIKTOK.account_id, Token(access_token="second"), actor="anna", grant=Grant.BUSINESS)
    assert await business.has(TIKTOK.account_id)
    assert (await store.tokens.load(TIKTOK.account_id), await business.load(TIKTOK.account_id)) == (main, second)
    renewed = await business.save(TIKTOK.account_id, Token(access_token="third"), expected_version=second.version)
    assert ((await store.tokens.load(TIKTOK.account_id)).version, renewed.version) == (1, 2)
    connection = store.connections(ALL)[-1]
    assert (connection.account_id, connection.is_connected, connection.missing_grants) == (TIKTOK.account_id, True, ())


async def test_a_network_without_such_a_grant_refuses_its_credential(store: SqlStore) -> None:
    with pytest.raises(PulsoError, match="bluesky have no credential for business"):
        store.save_credential(ACCOUNT, Token(access_token="a"), actor="anna", grant=Grant.BUSINESS)
    assert not await store.tokens.of(Grant.BUSINESS).has(ACCOUNT)


async def test_a_row_moved_to_another_grant_does_not_open(store: SqlStore) -> None:
    store.save_account(TIKTOK, actor="anna")
    store.save_credential(TIKTOK.account_id, Token(access_token="business"), actor="anna", grant=Grant.BUSINESS)
    with store._database.write() as session:
        session.execute(update(CredentialRow).values(grant="main"))
    with pytest.raises(VaultError, match="another's"):
        await store.tokens.load(TIKTOK.account_id)


async def test_clients_have_keys_of_their_own(store: SqlStore) -> None:
    store.save_client(a_client("other"), actor="anna")
    other = an_account("bluesky:did:plc:other", "other")
    store.save_account(other, actor="anna")
    store.save_credential(ACCOUNT, Token(access_token="mine"), actor="anna")
    store.save_credential(other.account_id, Token(access_token="theirs"), actor="anna")
    with store._database.write() as session:
        session.execute(
            text("UPDATE credentials SET client_id = 'acme' WHERE account_id = :a"), {"a": other.account_id}
        )
    with pytest.raises(VaultError, match="does not open"):
        await store.tokens.load(other.account_id)


async def test_rotation_changes_the_master_key_and_keeps_every_token(store: SqlStore, master_key_path: Path) -> None:
    store.save_credential(ACCOUNT, Token(access_token="mine"), actor="anna")
    before = master_key_path.read_bytes()
    assert store.tokens.rotate_master_key() == 1
    assert before.strip() not in master_key_path.read_bytes()
    assert len(master_key_path.read_bytes().split()) == 1
    assert stat.S_IMODE(master_key_path.stat().st_mode) == 0o600
    assert (await store.tokens.load(ACCOUNT)).access_token == "mine"
    master_key_path.write_bytes(before)
    with pytest.raises(VaultError, match="No key"):
        await store.tokens.load(ACCOUNT)


async def test_a_rotation_that_died_after_its_first_step_loses_nothing(store: SqlStore, master_key_path: Path) -> None:
    store.save_credential(ACCOUNT, Token(access_token="mine"), actor="anna")
    Vault(master_key_path).add_newest()
    assert (await store.tokens.load(ACCOUNT)).access_token == "mine"
    assert store.tokens.rotate_master_key() == 1
    assert (await store.tokens.load(ACCOUNT)).access_token == "mine"


async def test_a_missing_key_file_is_named(store: SqlStore, master_key_path: Path) -> None:
    store.save_credential(ACCOUNT, Token(access_token="mine"), actor="anna")
    master_key_path.unlink()
    with pytest.raises(NotReadyError, match="pulso prepare"):
        await store.tokens.load(ACCOUNT)


async def test_one_process_at_a_time_may_renew_a_token(store: SqlStore) -> None:
    saved = store.save_credential(ACCOUNT, Token(access_token="a", refresh_token="r"), actor="anna")
    machine = FlyingMachineTime()
    mine, theirs = (SqlTokenStore(store._database, store.tokens._vault, machine=machine) for _ in range(2))
    claim = {"expected_version": saved.version, "seconds": 30.0}
    assert await mine.claim_renewal(ACCOUNT, **claim)
    assert not await theirs.claim_renewal(ACCOUNT, **claim)
    await mine.release_renewal(ACCOUNT, expected_version=saved.version)
    assert await theirs.claim_renewal(ACCOUNT, **claim)
    await machine.sleep(31)
    assert await mine.claim_renewal(ACCOUNT, **claim), "what a crashed process held lapses"
    fresh = await mine.save(ACCOUNT, Token(access_token="b", refresh_token="s"), expected_version=saved.version)
    assert not await theirs.claim_renewal(ACCOUNT, **claim), "that version is over"
    assert await theirs.claim_renewal(ACCOUNT, expected_version=fresh.version, seconds=30.0), "saving ended the claim"
