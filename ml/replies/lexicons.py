"""What the lexicons say of a text: how it feels, with the confidence that is stated for all of them.

Belongs here: the lexicons by language and what they say. Does not belong here: the score (sentiment), what a model says (`ml/text_labels`).
"""

from functools import lru_cache

from contracts.records import TextLabels
from ml.language import identify_language
from ml.replies.lexicon import Lexicon
from ml.replies.lexicon_en import LEXICON as ENGLISH
from ml.replies.lexicon_es import LEXICON as SPANISH
from ml.replies.lexicon_pt import LEXICON as PORTUGUESE
from ml.replies.sentiment import sentiment_of

LEXICONS: dict[str, Lexicon] = {"en": ENGLISH, "es": SPANISH, "pt": PORTUGUESE}

LEXICONS_VERSION = "lexicons-1"
"""Raised when an entry or a rule of sentiment changes; labels name it."""

LEXICON_CONFIDENCE = 0.5
"""What a label of the lexicon is worth: about what it reaches on English tweets. In Spanish and Portuguese it was never measured
on public data, so it is never sure."""


@lru_cache(maxsize=8192)  # short comments repeat: "love this", "😍"
def by_lexicon(text: str, *, client_language: str) -> TextLabels:
    """Sentiment in the language that is found in the text, else in the client's; never sure. Whether it is offensive is not answered."""
    lexicon = LEXICONS[identify_language(text).language or client_language]
    return TextLabels(
        sentiment=sentiment_of(text, lexicon).label,
        sentiment_confidence=LEXICON_CONFIDENCE,
        is_sentiment_sure=False,
        labelled_by=LEXICONS_VERSION,
    )
