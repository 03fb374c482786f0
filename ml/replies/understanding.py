"""What a comment is, how sure that is, and whether a person must see it.

Belongs here: rules over lexicon matches and over what a text labeller said, in order of caution. Does not belong here: the wording of
answers (answer), labelling (`ml/text_labels`).

How a comment feels: as the labeller says where it is sure, by lexicon elsewhere. A person is asked of what may be offensive, and thanks
that go out alone need both to hear a compliment. Confidence is a stated number for each rule, at most what the rule reached on labelled
data (tests/unit/ml_replies measures it), and at most the labeller's; a rule that was not measured stays under every sensible approval
threshold.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import regex

from contracts.records import TextLabels
from ml.language import identify_language
from ml.replies.lexicon import fold_text
from ml.replies.lexicons import LEXICONS, LEXICONS_VERSION, by_lexicon
from ml.replies.sentiment import sentiment_of

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
CLEAR_COMPLIMENT_CONFIDENCE = 0.85


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
    labels: TextLabels
    urgency: Urgency
    confidence: float
    needs_person: bool
    reason: str


@lru_cache(maxsize=8192)  # short comments repeat: "love this", "😍"
def understand(text: str, *, client_language: str, labels: TextLabels | None = None) -> Understanding:
    """Classify one comment. In doubt, a person: complaints, support, money, law, health and insults always need one.

    `client_language` decides where the text itself gives no evidence of a language. `labels`: what a text labeller said of it; None: it
    was not asked, and the lexicon speaks alone.
    """
    guess = identify_language(text)
    language = guess.language or client_language
    lexicon = LEXICONS[language]
    folded = fold_text(text)
    by_words = sentiment_of(text, lexicon)
    said = labels or by_lexicon(text, client_language=client_language)
    feeling = said.sentiment if said.is_sentiment_sure else by_words.label
    is_second_opinion = said.labelled_by != LEXICONS_VERSION
    # "What a day!" and "¡Qué rico!" open like questions and are none.
    opens_like_one = bool(lexicon.patterns["question"].match(folded.lstrip(" .,-@")))
    is_question = "?" in text or "¿" in text or (opens_like_one and "!" not in text and feeling != "positive")

    def result(
        intent: Intent, confidence: float, reason: str, *, needs_person: bool = True, is_grave: bool = False
    ) -> Understanding:
        is_urgent = bool(lexicon.find("urgent", folded))
        high = is_urgent and intent in (Intent.COMPLAINT, Intent.SUPPORT, Intent.QUESTION, Intent.PURCHASE)
        low = intent in (Intent.COMPLIMENT, Intent.SPAM, Intent.OTHER)
        return Understanding(
            language=guess.language,
            intent=intent,
            labels=said,
            urgency=Urgency.HIGH if high or is_grave else Urgency.LOW if low else Urgency.NORMAL,
            confidence=confidence,
            needs_person=needs_person,
            reason=reason,
        )

    if not _LETTER.search(text) and not said.is_offensive:
        if feeling == "positive":
            return result(Intent.COMPLIMENT, 0.7, "Only friendly emoji.")
        return result(Intent.OTHER, 0.2, "No words to understand.")

    spam = sum(len(lexicon_of.find("spam", folded)) for lexicon_of in LEXICONS.values())
    has_link = bool(_LINK.search(text))
    if spam >= 2 or (spam and has_link):
        return result(Intent.SPAM, 0.9, "Looks like spam: hide or report it, do not answer.")

    complaints, support = lexicon.find("complaint", folded), lexicon.find("support", folded)
    sensitive = lexicon.find("sensitive", folded)
    if sensitive or said.is_offensive:
        intent = Intent.COMPLAINT if complaints or feeling == "negative" else Intent.SUPPORT if support else None
        intent = intent or (Intent.QUESTION if is_question else Intent.OTHER)
        if sensitive:
            return result(intent, 0.5, f"Sensitive topic: “{sensitive[0]}”.", is_grave=True)
        if said.is_offensive_sure:
            return result(intent, 0.5, "Reads as offensive.", is_grave=True)
        return result(intent, 0.4, "May be offensive.")
    if support and (complaints or feeling == "negative" or is_question):
        return result(Intent.SUPPORT, 0.6, f"Needs help with something of theirs: “{support[0]}”.")
    if complaints or feeling == "negative":
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
    if feeling == "positive":
        is_clear = (
            by_words.score >= CLEAR_COMPLIMENT_SCORE
            and (not is_second_opinion or said.is_sentiment_sure)
            and len(text) <= 200
            and not lexicon.find("negative", folded)
            and not _REQUEST.search(folded)
        )
        if is_clear and language == client_language:
            at_most = said.sentiment_confidence if is_second_opinion else 1.0
            confidence = min(CLEAR_COMPLIMENT_CONFIDENCE, at_most)
            return result(Intent.COMPLIMENT, confidence, "A clear compliment.", needs_person=False)
        return result(Intent.COMPLIMENT, 0.6, "Sounds friendly.")
    return result(Intent.OTHER, 0.3, "Not clear what it wants.")
