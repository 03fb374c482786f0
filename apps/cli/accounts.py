"""Accounts and their credentials."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from apps.cli.console import EVERYONE, OPERATOR, console, existing_store, require_home, scope_of, table_of
from contracts.errors import PulsoError
from contracts.networks import GRANTS, Grant, Network
from contracts.settings import Settings

if TYPE_CHECKING:
    from contracts.records import Account, AccountTerms
    from operations import SqlStore

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
                state = f"paused: {escape(connection.paused_reason)} ({connect})"
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
        account = _known(store, account_id)
        if grant not in GRANTS[account.network]:
            raise PulsoError(f"Accounts on {account.network.value} have no credential for {grant.value}.")
        access = typer.prompt("Access token", hide_input=True)
        refresh = typer.prompt("Refresh token (empty: none)", hide_input=True, default="", show_default=False)
        token = Token(access_token=access, refresh_token=refresh or None)
        store.save_credential(account_id, token, actor=OPERATOR, grant=grant)
        console.print("Connected. Intents that waited for it go on with the next publishing run.")
        try:
            _read_terms(Settings(), store, account)
        except PulsoError as error:
            console.print(f"Its network could not be asked yet; the next reading tries again. {error}", markup=False)


@app.command("boards")
def boards(account_id: Annotated[str, typer.Argument(help="`pulso accounts list` shows them.")]) -> None:
    """Read the boards of an account from its network (Pinterest), and show where its posts go."""
    from apps.worlds import open_home

    require_home(Settings())
    with open_home(Settings(), console) as settings, existing_store(settings) as store:
        terms = _read_terms(settings, store, _known(store, account_id))
    if terms is None or not terms.boards:
        console.print(f"{account_id} has no boards. On Pinterest, make one first; other networks have none.")
        return
    table = table_of("board", "name", "public", "posts go here")
    for board in terms.boards:
        why = "chosen" if board.board_id == terms.chosen_board_id else "by default"
        goes_here = why if terms.board == board else ""
        table.add_row(board.board_id, board.name, "yes" if board.is_public else "no", goes_here)
    console.print(table)
    if terms.board is None:
        console.print(f"None is public: choose one with `pulso accounts set-board {account_id} BOARD`.")


@app.command("set-board")
def set_board(
    account_id: Annotated[str, typer.Argument(help="`pulso accounts list` shows them.")],
    board_id: Annotated[str, typer.Argument(metavar="BOARD", help="`pulso accounts boards` shows them.")],
) -> None:
    """Say which board an account's new drafts go to. Without it: the only one, or the first public one."""
    with existing_store(Settings()) as store:
        terms = store.choose_board(account_id, board_id, actor=OPERATOR)
    console.print(f"New drafts of {account_id} go to {terms.board.name if terms.board else board_id}.")


def _known(store: "SqlStore", account_id: str) -> "Account":
    for account in store.accounts(EVERYONE):
        if account.account_id == account_id:
            return account
    raise PulsoError(f"There is no account {account_id}. `pulso accounts list` shows them.")


def _read_terms(settings: Settings, store: "SqlStore", account: "Account") -> "AccountTerms | None":
    """Ask the account's network what it allows and offers, and keep the answer. Raises PulsoError with the network's reason."""
    from orchestration.resources import http_networks
    from platforms import HttpCollector

    read = HttpCollector(http_networks(settings, store)).terms([account])
    for failure in read.failures:
        raise PulsoError(failure.message)
    store.keep_terms(read.rows)
    return store.terms(EVERYONE).get(account.account_id)
