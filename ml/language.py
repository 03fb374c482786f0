"""Which of the client languages a short text is written in, by its function words.

Belongs here: word splitting and language identification for en, es and pt. Does not belong here: meaning, sentiment, intent.

Function words are the closed class that no fluent sentence avoids and that brand words, names and hashtags never are, so a dozen
words of text suffice and no model is needed. What carries no function word is honestly `None`.
"""

import unicodedata
from dataclasses import dataclass

import regex

LANGUAGES = ("en", "es", "pt")

_NOISE = regex.compile(r"https?://\S+|[@#][\p{L}\p{N}_.]+")
_WORD = regex.compile(r"\p{L}+(?:['’]\p{L}+)?")

_FUNCTION_WORDS = {
    "en": """the a an and or but of to in on at by for with from is are was were be been it its it's this that these those you your
        we our they their he she his her i my me not no do does did don't have has had what when where how who why which than then
        there here if so as can will would could should just about into out up down off over after before because more most
        us them very any all isn't can't i'm we're you're what's that's""",
    "es": """el la los las un una unos unas y o pero de del al en con por para sin sobre entre desde hasta es son era fue ser está
        están estar hay lo le les se me te nos mi tu su sus mis tus nuestro nuestra nuestros nuestras que qué como cómo cuando
        cuándo donde dónde quien quién este esta estos estas ese esa eso esto muy más ya no sí también solo porque si siempre
        nunca yo tú él ella ellos ustedes usted aquí así cada todo toda todos todas algo nada he ha han tiene tienen hace""",
    "pt": """o a os as um uma uns umas e ou mas de do da dos das no na nos nas ao à aos às em com por pelo pela para pra sem sobre
        entre desde até é são era foi ser está estão estar tá há lhe se me te meu minha seu sua seus suas nosso nossa nossos
        nossas que quê como quando onde quem este esta isso isto esse essa aquele muito mais já não sim também só porque sempre
        nunca eu você vocês ele ela eles gente aqui assim cada tudo todo toda todos todas algo nada tem têm faz vai vou num numa
        dele dela""",
}

FUNCTION_WORDS = {language: frozenset(text.split()) for language, text in _FUNCTION_WORDS.items()}

_UNLIKELY = {"es": regex.compile(r"[ñ¿¡]"), "pt": regex.compile(r"[ãõç]|lh[aeo]\b|nh[aeo]\b")}
"""Spelling that one of the languages has and the other two do not."""


@dataclass(frozen=True)
class LanguageGuess:
    """`language` is None where the text gives no evidence; `confidence` is that language's share of the evidence, 0 to 1."""

    language: str | None
    confidence: float


def words(text: str) -> list[str]:
    """Lower-case words; addresses, mentions and hashtags are no words."""
    return [word.replace("’", "'") for word in _WORD.findall(_NOISE.sub(" ", text).casefold())]


def fold(word: str) -> str:
    """Lower case without accents."""
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def identify_language(text: str) -> LanguageGuess:
    """Share of function-word evidence. A word of several languages counts a part for each, in inverse of how many share it."""
    score = dict.fromkeys(LANGUAGES, 0.0)
    for word in words(text):
        owners = [language for language in LANGUAGES if word in FUNCTION_WORDS[language]]
        for language in owners:
            score[language] += 1 / len(owners) ** 2
    lowered = _NOISE.sub(" ", text).casefold()
    for language, pattern in _UNLIKELY.items():
        score[language] += 0.75 * min(3, len(pattern.findall(lowered)))
    total = sum(score.values())
    if total == 0:
        return LanguageGuess(None, 0.0)
    best = max(LANGUAGES, key=lambda language: score[language])
    if score[best] == sorted(score.values())[-2]:
        return LanguageGuess(None, 0.0)
    return LanguageGuess(best, score[best] / total)
