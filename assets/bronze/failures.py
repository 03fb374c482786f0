"""How failed accounts show: as a failed check with their reason, while every other account's rows are written."""

from collections.abc import Sequence

import dagster as dg

from contracts.records import CollectionFailure
from contracts.tables import TableSpec

CHECK_NAME = "all_accounts_read"

REMEDIES = {
    "auth": "connect the account again",
    "scope": "grant the missing permission and connect again",
    "rate": "wait: the next run reads it",
    "transient": "wait: the next run reads it; look at the network's status page if it lasts",
    "invalid": "look at the account's settings on the network",
}


def accounts_check(table: TableSpec, failures: Sequence[CollectionFailure], *, accounts: int) -> dg.AssetCheckResult:
    """One result for all accounts: passed, or every failed account with its reason and what to do."""
    lines = [
        f"{f.account_id} ({f.client_id}, {f.what}): {f.error_class}: {f.message}; {REMEDIES.get(f.error_class, 'see the log')}"
        for f in failures
    ]
    return dg.AssetCheckResult(
        check_name=CHECK_NAME,
        asset_key=[table.stage, table.name],
        passed=not failures,
        severity=dg.AssetCheckSeverity.WARN,
        description="\n".join(lines) or f"All {accounts} accounts answered.",
        metadata={
            "accounts": accounts,
            "failed_accounts": len({f.account_id for f in failures}),
            "failures": dg.MetadataValue.json([f.model_dump(mode="json") for f in failures]),
        },
    )
