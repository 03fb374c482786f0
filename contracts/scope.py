"""Tenant scope: every read says whose rows it may see."""

from dataclasses import dataclass

from contracts.errors import TenantScopeError


@dataclass(frozen=True)
class TenantScope:
    """The clients that a read may see. `None` means all, and then a reason is on record."""

    client_ids: frozenset[str] | None
    reason: str

    @classmethod
    def of(cls, *client_ids: str) -> "TenantScope":
        """Only these clients. Raises TenantScopeError when none is named."""
        if not client_ids or not all(client_ids):
            raise TenantScopeError("Name at least one client: TenantScope.of('acme').")
        return cls(frozenset(client_ids), "named clients")

    @classmethod
    def all_clients(cls, reason: str) -> "TenantScope":
        """Every client, for work that spans tenants by design (a pipeline stage, an operator's command)."""
        if not reason:
            raise TenantScopeError("Say why this read spans all clients.")
        return cls(None, reason)

    def allows(self, client_id: str) -> bool:
        return self.client_ids is None or client_id in self.client_ids
