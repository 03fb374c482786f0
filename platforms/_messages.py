"""Answers to direct messages, as far as networks without a key for them share it.

Belongs here: what such an answer may be, and what a read conversation proves. Does not belong here: calls.
"""

from contracts.errors import ErrorClass, NetworkError
from contracts.records import Message, PublishRequest, Receipt, Reconciliation, Staging


def check(request: PublishRequest) -> None:
    """Refuse what is not sent in messages; policy has said so before, with a remedy."""
    if request.media or request.options.model_dump(exclude_defaults=True) or not request.text.strip():
        network = request.account.network.value
        message = "A direct message of Pulso is text, and nothing else."
        raise NetworkError(ErrorClass.INVALID, message, network=network, code="unfit_message")


def found_among(alike: list[Message], request: PublishRequest, staging: Staging) -> Reconciliation:
    """What the own messages with this text prove: one that is new and nobody else's is this intent's."""
    if not staging.is_complete:
        return Reconciliation(outcome="not_published", evidence="The message was never sent.")
    known = {*staging.handles.get("alike_before", "").split(","), *request.claimed_native_ids}
    new = [message for message in alike if message.native_id not in known]
    if len(new) != 1:
        found = "No new message of ours has this text." if not new else f"{len(new)} new messages have this text."
        return Reconciliation(outcome="undecided", evidence=f"{found} The network gives messages no key of ours.")
    message = new[0]
    receipt = Receipt(native_id=message.native_id, permalink=None, published_at=message.sent_at, how="reconciled")
    evidence = f"Message {message.native_id} has this text."
    return Reconciliation(outcome="published", receipt=receipt, evidence=evidence)
