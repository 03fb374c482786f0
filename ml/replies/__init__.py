"""Understanding comments and drafting answers, in the client's three languages, by rules.

Belongs here: what a comment wants, how sure that is, and an answer that says nothing but thanks or a fact of the client's.
Does not belong here: who may approve an answer (operations), sending it (the publisher), the audience's identity (nothing here needs it).
"""

from ml.replies.answer import REPLIES_VERSION, ReplyDraft, draft_reply
from ml.replies.understanding import Intent, Understanding, Urgency, understand

__all__ = [
    "REPLIES_VERSION",
    "Intent",
    "ReplyDraft",
    "Understanding",
    "Urgency",
    "draft_reply",
    "understand",
]
