"""Accounts and their credentials."""

from typing import Annotated

import typer

from apps.cli.console import EVERYONE, OPERATOR, console, existing_store, scope_of, table_of
from contracts.errors import PulsoError
from contracts.networks import GRANTS, Grant, Network
from contracts.settings import Settings

app = typer.Typer(help="Accounts and their credentials.", no_args_is_help=True)


@app.command("list")
def show(client: Annotated[str, typer.Option(help="Only this client.")] = "") -> None:
    """All accounts and how their connection is."""
    table = table_of("account", "client", "handle", "connection")
    with existing_store(Settings()) as store:
        connections = {c.account_id: c for c in store.connections(scope_of(client))}
        for account in store.accounts(scope_of(client)):
            connection = connections[account.account_id]
            connect = f"`pulso accounts connect {account.account_id}`"
            state = "connected" if connection.is_connected else f"no token: {connect}"
            for grant in connection.missing_grants:
                state += (
                    f"; nothing for {grant.value}: `pulso accounts connect {account.account_id} --grant {grant.value}`"
                )
            if connection.paused_reason:
                state = f"paused: {connection.paused_reason} ({connect})"
            table.add_row(account.account_id, account.client_id, account.handle, state)
    console.print(table if table.row_count else "No accounts yet: `pulso accounts add`.")


@app.command("add")
def add(
    client: Annotated[str, typer.Argument(help="Its client; `pulso client list` shows them.")],
    network: Annotated[Network, typer.Argument()],
    native_id: Annotated[str, typer.Argument(help="The network's own id (a DID on Bluesky).")],
    handle: Annotated[str, typer.Argument()],
    base_url: Annotated[str, typer.Option(help="Where its network answers.")],
) -> None:
    """Add an account of a client."""
    from contracts.records import Account

    account = Account(
        account_id=f"{network.value}:{native_id}",
        client_id=client,
        network=network,
        native_id=native_id,
        handle=handle,
        base_url=base_url,
    )
    with existing_store(Settings()) as store:
        store.save_account(account, actor=OPERATOR)
    console.print(f"Saved. Next: `pulso accounts connect {account.account_id}`.")


@app.command("connect")
def connect(
    account_id: Annotated[str, typer.Argument(help="`pulso accounts list` shows them.")],
    grant: Annotated[
        Grant, typer.Option(help="What the token is for: TikTok's API for Business wants one of its own.")
    ] = Grant.MAIN,
) -> None:
    """Store a new token of an account, encrypted. It is asked for and never echoed."""
    from contracts.records import Token

    with existing_store(Settings()) as store:
        network = {account.account_id: account.network for account in store.accounts(EVERYONE)}.get(account_id)
        if network is None:
            raise PulsoError(f"There is no account {account_id}. `pulso accounts list` shows them.")
        if grant not in GRANTS[network]:
            raise PulsoError(f"Accounts on {network.value} have no credential for {grant.value}.")
        access = typer.prompt("Access token", hide_input=True)
        refresh = typer.prompt("Refresh token (empty: none)", hide_input=True, default="", show_default=False)
        token = Token(access_token=access, refresh_token=refresh or None)
        store.save_credential(account_id, token, actor=OPERATOR, grant=grant)
    console.print("Connected. Intents that waited for it go on with the next publishing run.")
