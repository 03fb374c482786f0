"""A person's table of past posts as records: known accounts first, the file's own accounts otherwise.

Belongs here: the port's implementation over `platforms.exports`. Does not belong here: column names and formats (exports).
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import polars as pl

from contracts.networks import Network
from contracts.ports import ExportedTable
from contracts.records import Account, AccountSnapshot
from platforms.exports import export_to_posts, read_export


class TableExportReader:
    """Implements contracts.ports.ExportReader."""

    def read(self, path: Path, *, client_id: str, accounts: Sequence[Account], now: datetime) -> ExportedTable:
        """Read and map the file. Raises ExportError; the row of an unknown account gets an account of this client."""
        reading = read_export(path, now=now)
        missing = export_to_posts(reading.posts, accounts, now).unmatched
        added = [_account(row, client_id) for row in _distinct_accounts(missing)]
        exported = export_to_posts(reading.posts, [*accounts, *added], now)
        return ExportedTable(
            posts=exported.collected.posts,
            metrics=exported.collected.metrics,
            accounts=tuple(
                _snapshot(account, row, now) for account, row in zip(added, _distinct_accounts(missing), strict=True)
            ),
            rejected=reading.rejected,
            rows=reading.report.rows_in_file,
            report=str(reading.report),
        )


def _distinct_accounts(posts: pl.DataFrame) -> list[dict[str, str | None]]:
    columns = ["network", "account_native_id", "account_handle", "account_name"]
    return posts.unique(["network", "account_handle"], keep="first", maintain_order=True).select(columns).to_dicts()


def _account(row: dict[str, str | None], client_id: str) -> Account:
    native_id = row["account_native_id"] or row["account_handle"] or ""
    return Account(
        account_id=f"{row['network']}:{native_id}",
        client_id=client_id,
        network=Network(str(row["network"])),
        native_id=native_id,
        handle=row["account_handle"] or native_id,
        base_url="",
    )


def _snapshot(account: Account, row: dict[str, str | None], now: datetime) -> AccountSnapshot:
    return AccountSnapshot(
        account_id=account.account_id,
        client_id=account.client_id,
        network=account.network,
        native_id=account.native_id,
        handle=account.handle,
        display_name=row["account_name"],
        followers=None,
        following=None,
        posts_count=None,
        observed_at=now,
        raw="{}",
    )
