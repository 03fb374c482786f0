"""Direct messages between a client's account and someone of the audience.

Belongs here: keeping messages as they arrive, reading them within a tenant scope. The words stay in the store: never in the lake or a log (`bronze/messages` holds that they were sent, and when).
Does not belong here: answering (a reply is a content item and goes through the outbox).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from contracts.networks import Network
from contracts.records import ContentItem, Message, MessageTarget
from contracts.scope import TenantScope
from operations.models import AccountRow, ConversationRow, MessageRow
from operations.part import StorePart, within


@dataclass(frozen=True)
class Conversation:
    """One thread of messages of one account."""

    conversation_id: str
    client_id: str
    account_id: str
    network: Network
    last_message_at: datetime


def message_target(session: Session, item: ContentItem) -> MessageTarget | None:
    """Where an answer to a direct message goes, by what is known at this moment; None where the item answers none, or none that was
    written to its account."""
    answered = session.get(MessageRow, item.reply_to_message_id) if item.reply_to_message_id else None
    if answered is None or answered.body.account_id != item.account_id or answered.body.is_own:
        return None
    query = select(MessageRow).where(MessageRow.conversation_id == answered.conversation_id)
    received = [row.sent_at for row in session.scalars(query) if not row.body.is_own]
    return MessageTarget(
        native_conversation_id=answered.conversation_id.split(":", 1)[1],
        native_message_id=answered.body.native_id,
        participant_native_id=answered.body.participant_native_id,
        received_at=max(received),
    )


class Conversations(StorePart):
    """The store's face for direct messages."""

    def save_messages(self, messages: Sequence[Message]) -> int:
        """Keep messages; those that are kept already are left alone. Returns how many were new.

        Raises ValueError when a message's account is not its client's, or its conversation is another account's.
        """
        new = 0
        with self._database.write() as session:
            for message in sorted(messages, key=lambda message: message.message_id):
                if session.get(MessageRow, message.message_id) is not None:
                    continue
                account = session.get(AccountRow, message.account_id)
                if account is None or account.client_id != message.client_id:
                    raise ValueError(f"{message.account_id} is no account of {message.client_id}.")
                thread = session.get(ConversationRow, message.conversation_id, with_for_update=True)
                if thread is None:
                    thread = ConversationRow(
                        conversation_id=message.conversation_id,
                        client_id=message.client_id,
                        account_id=message.account_id,
                        network=message.network.value,
                        last_message_at=message.sent_at,
                    )
                    session.add(thread)
                    session.flush()
                elif thread.account_id != message.account_id:
                    raise ValueError(f"{message.conversation_id} is another account's conversation.")
                thread.last_message_at = max(thread.last_message_at, message.sent_at)
                session.add(
                    MessageRow(
                        message_id=message.message_id,
                        conversation_id=message.conversation_id,
                        client_id=message.client_id,
                        sent_at=message.sent_at,
                        body=message,
                    )
                )
                session.flush()
                new += 1
        return new

    def conversations(self, scope: TenantScope) -> tuple[Conversation, ...]:
        """Threads, the latest first."""
        query = (
            select(ConversationRow)
            .where(within(scope, ConversationRow.client_id))
            .order_by(ConversationRow.last_message_at.desc(), ConversationRow.conversation_id)
        )
        with self._database.read() as session:
            return tuple(
                Conversation(
                    row.conversation_id, row.client_id, row.account_id, Network(row.network), row.last_message_at
                )
                for row in session.scalars(query)
            )

    def messages(self, scope: TenantScope, conversation_id: str) -> tuple[Message, ...]:
        """The messages of one thread, oldest first; empty when the scope holds none such."""
        query = (
            select(MessageRow)
            .where(within(scope, MessageRow.client_id), MessageRow.conversation_id == conversation_id)
            .order_by(MessageRow.sent_at, MessageRow.message_id)
        )
        with self._database.read() as session:
            return tuple(row.body for row in session.scalars(query))
