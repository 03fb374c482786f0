"""Webhooks: receive what networks call about, and see what became of it."""

from typing import Annotated

import typer

from apps.cli.console import console, existing_store, scope_of, table_of
from contracts.settings import Settings

app = typer.Typer(help="What networks call about: receive it, and see what became of it.", no_args_is_help=True)


@app.command("serve")
def serve(port: Annotated[int, typer.Option(min=1, help="Port on loopback.")] = 8940) -> None:
    """Receive webhooks on loopback until Ctrl-C. A reverse proxy with TLS stands before it (docs/runbooks/webhooks.md)."""
    from apps.webhooks import serve as receive

    settings = Settings()
    with existing_store(settings) as store:
        receive(settings, store, console, port=port)


@app.command("status")
def status(client: Annotated[str, typer.Option(help="Only this client's deliveries.")] = "") -> None:
    """Deliveries by network and state, and what the receiver refused."""
    with existing_store(Settings()) as store:
        counts, refusals = store.delivery_counts(scope_of(client)), () if client else store.refusals()
    table = table_of("network", "state", "deliveries", "newest", "reason of the newest", title="Deliveries")
    for c in counts:
        newest = f"{c.newest_at:%Y-%m-%d %H:%M:%S} UTC"
        table.add_row(c.network.value, c.state.value, f"{c.count:,}", newest, c.reason or "")
    console.print(table if table.row_count else "No delivery yet: docs/runbooks/webhooks.md says how to subscribe.")
    if refusals:
        refused = table_of("day", "network", "reason", "requests", title="Refused, or of no use")
        for r in refusals:
            refused.add_row(r.day.isoformat(), r.network, r.reason, f"{r.count:,}")
        console.print(refused)
