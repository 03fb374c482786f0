"""Which rows a tenant scope lets through: the one place where a read of the lake is narrowed to clients.

Does not belong here: who may hold which scope (the store and the apps decide that).
"""

import polars as pl

from contracts.errors import TenantScopeError
from contracts.scope import TenantScope
from contracts.tables import TableSpec

TENANT_COLUMN = "client_id"
"""The tenant column of tables that dbt declares (gold): there it is always the first column."""


def scoped(rows: pl.LazyFrame, *, key: str, spec: TableSpec | None, scope: TenantScope) -> pl.LazyFrame:
    """The rows of table `key` that `scope` may see; the filter is pushed down into the scan.

    A table that its declaration shares between tenants is visible to all of them, unless it holds people's words or names.
    Raises TenantScopeError when a scope names clients and nothing tells whose a row is: no row is safer than every row.
    """
    if scope.client_ids is None:
        return rows
    if spec is not None and spec.tenant_column is None and spec.shared_because is not None and not spec.personal:
        return rows
    column = spec.tenant_column if spec is not None else TENANT_COLUMN
    if column is None or column not in rows.collect_schema():
        raise TenantScopeError(
            f"{key} has no column that says which client a row belongs to, so it can't be read for named clients. "
            f"Give it `{TENANT_COLUMN}`; or, where it holds nothing personal, declare it shared (`shared_because`)."
        )
    return rows.filter(pl.col(column).is_in(sorted(scope.client_ids)))
