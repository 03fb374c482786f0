"""What a comment is, how sure that is, and whether a person must see it.

Belongs here: rules over lexicon matches, in order of caution. Does not belong here: the wording of answers (answer).

Confidence is a stated number for each rule, at most what the rule reached on labelled data (tests/unit/ml_replies measures it);
a rule that was not measured stays under every sensible approval threshold.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import regex

from ml.language import identify_language
from ml.replies.lexicon import Lexicon, fold_text
from ml.replies.lexicon_en import LEXICON as ENGLISH
from ml.replies.lexicon_es import LEXICON as SPANISH
from ml.replies.lexicon_pt import LEXICON as PORTUGUESE
from ml.replies.sentiment import Label, sentiment_of

LEXICONS: dict[str, Lexicon] = {"en": ENGLISH, "es": SPANISH, "pt": PORTUGUESE}

_LINK = regex.compile(r"https?://|www\.|\b\w+\.(?:com|net|org|io|ly|me)\b")
_LETTER = regex.compile(r"\p{L}")

_REQUEST = regex.compile(
    r"\b(?:please|pls|plz|can u|can you|could you|i need|i want|fix|add|bring back|wish|should|por favor|puedes|podeis|pueden"
    r"|podrian|necesito|quiero|ojala|deberia\w*|porfa|pode|podem|poderia\w*|preciso|quero|queria|tomara|deveria\w*|arruma\w*"
    r"|conserta\w*)\b"
)
"""Who asks for something wants more than thanks."""

CLEAR_COMPLIMENT_SCORE = 0.6
"""From this sentiment score a text without question or blame counts as a clear compliment."""


class Intent(StrEnum):
    """What the writer of a comment wants."""

    QUESTION = "question"
    COMPLIMENT = "compliment"
    COMPLAINT = "complaint"
    PURCHASE = "purchase"
    SUPPORT = "support"
    SPAM = "spam"
    OTHER = "other"
    """Not understood, or small talk: no rule may answer it alone."""


class Urgency(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


@dataclass(frozen=True)
class Understanding:
    """What was understood. `confidence` is about `intent`, 0 to 1; `reason` is one sentence for a person."""

    language: str | None
    intent: Intent
    sentiment: Label
    urgency: Urgency
    confidence: float
    needs_person: bool
    reason: str


@lru_cache(maxsize=8192)
def mood_of(text: str, *, client_language: str) -> Label:
    """How a comment reads, in the language that `understand` finds in it: its `sentiment` alone, at a fourth of the time."""
    return sentiment_of(text, LEXICONS[identify_language(text).language or client_language]).label


@lru_cache(maxsize=8192)  # short comments repeat: "love this", "😍"
def understand(text: str, *, client_language: str) -> Understanding:
    """Classify one comment. In doubt, a person: complaints, support, money, law, health and insults always need one.

    `client_language` decides where the text itself gives no evidence of a language.
    """
    guess = identify_language(text)
    language = guess.language or client_language
    lexicon = LEXICONS[language]
    folded = fold_text(text)
    sentiment = sentiment_of(text, lexicon)
    # "What a day!" and "¡Qué rico!" open like questions and are none.
    opens_like_one = bool(lexicon.patterns["question"].match(folded.lstrip(" .,-@")))
    is_question = "?" in text or "¿" in text or (opens_like_one and "!" not in text and sentiment.label != "positive")

    def result(intent: Intent, confidence: float, reason: str, *, needs_person: bool = True) -> Understanding:
        is_urgent = bool(lexicon.find("urgent", folded))
        high = is_urgent and intent in (Intent.COMPLAINT, Intent.SUPPORT, Intent.QUESTION, Intent.PURCHASE)
        low = intent in (Intent.COMPLIMENT, Intent.SPAM, Intent.OTHER)
        return Understanding(
            language=guess.language,
            intent=intent,
            sentiment=sentiment.label,
            urgency=Urgency.HIGH if high or reason.startswith("Sensitive") else Urgency.LOW if low else Urgency.NORMAL,
            confidence=confidence,
            needs_person=needs_person,
            reason=reason,
        )

    if not _LETTER.search(text):
        if sentiment.label == "positive":
            return result(Intent.COMPLIMENT, 0.7, "Only friendly emoji.")
        return result(Intent.OTHER, 0.2, "No words to understand.")

    spam = sum(len(lexicon_of.find("spam", folded)) for lexicon_of in LEXICONS.values())
    has_link = bool(_LINK.search(text))
    if spam >= 2 or (spam and has_link):
        return result(Intent.SPAM, 0.9, "Looks like spam: hide or report it, do not answer.")

    complaints, support = lexicon.find("complaint", folded), lexicon.find("support", folded)
    if sensitive := lexicon.find("sensitive", folded):
        intent = (
            Intent.COMPLAINT if complaints or sentiment.label == "negative" else Intent.SUPPORT if support else None
        )
        intent = intent or (Intent.QUESTION if is_question else Intent.OTHER)
        return result(intent, 0.5, f"Sensitive topic: “{sensitive[0]}”.")
    if support and (complaints or sentiment.label == "negative" or is_question):
        return result(Intent.SUPPORT, 0.6, f"Needs help with something of theirs: “{support[0]}”.")
    if complaints or sentiment.label == "negative":
        return result(Intent.COMPLAINT, 0.7 if complaints else 0.5, "Reads as unhappy.")
    if spam or has_link:
        return result(Intent.SPAM, 0.6, "May be spam.")
    if support:
        return result(Intent.SUPPORT, 0.5, f"May need help with something of theirs: “{support[0]}”.")
    if purchase := lexicon.find("purchase", folded):
        if is_question:
            return result(Intent.PURCHASE, 0.7, f"Asks about buying: “{purchase[0]}”.", needs_person=False)
        return result(Intent.PURCHASE, 0.4, f"Mentions buying: “{purchase[0]}”.")
    if is_question:
        sure = "?" in text
        return result(Intent.QUESTION, 0.7 if sure else 0.5, "Asks something.", needs_person=not sure)
    if sentiment.label == "positive":
        is_clear = (
            sentiment.score >= CLEAR_COMPLIMENT_SCORE
            and len(text) <= 200
            and not lexicon.find("negative", folded)
            and not _REQUEST.search(folded)
        )
        if is_clear and language == client_language:
            return result(Intent.COMPLIMENT, 0.85, "A clear compliment.", needs_person=False)
        return result(Intent.COMPLIMENT, 0.6, "Sounds friendly.")
    return result(Intent.OTHER, 0.3, "Not clear what it wants.")
