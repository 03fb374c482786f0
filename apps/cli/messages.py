"""Direct messages: what people wrote to the clients' accounts, and answering them."""

from typing import Annotated

import typer

from apps.cli.console import OPERATOR, console, existing_store, scope_of, table_of
from contracts.settings import Settings

app = typer.Typer(help="Direct messages and answers to them.", no_args_is_help=True)


@app.command("list")
def show(client: Annotated[str, typer.Option(help="Only this client.")] = "") -> None:
    """The newest message of each conversation, the latest first."""
    table = table_of("message", "client", "account", "at", "by", "says")
    scope = scope_of(client)
    with existing_store(Settings()) as store:
        for conversation in store.conversations(scope):
            newest = store.messages(scope, conversation.conversation_id)[-1]
            by = "us" if newest.is_own else newest.participant_handle or newest.participant_native_id
            at = f"{newest.sent_at:%d %b %H:%M}"
            table.add_row(newest.message_id, newest.client_id, newest.account_id, at, by, newest.text)
    console.print(table if table.row_count else "No messages yet: `pulso run` or the job `observe` reads them.")


@app.command("answer")
def answer(message_id: Annotated[str, typer.Argument(help="`pulso messages list` shows them.")]) -> None:
    """Write an answer and approve it: the next publishing run sends it."""
    with existing_store(Settings()) as store:
        store.answer_message(message_id, typer.prompt("Answer"), actor=OPERATOR)
    console.print("Approved. The next publishing run sends it.")
