import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from apps.demo import demo_clients
from contracts.records import TextLabels
from ml.language import identify_language
from ml.replies import Intent, Urgency, draft_reply, understand
from ml.replies.lexicons import LEXICONS, by_lexicon
from ml.replies.sentiment import sentiment_of

CLIENTS = {client.language: client for client in demo_clients()}


@pytest.mark.parametrize(
    ("language", "text", "intent"),
    [
        ("en", "Absolutely love this place, best coffee ever! ❤", Intent.COMPLIMENT),
        ("es", "¡Me encanta, qué maravilla de receta! 😍", Intent.COMPLIMENT),
        ("pt", "Que aula incrível, amei demais! 🤙", Intent.COMPLIMENT),
        ("en", "What grind do you use for cold brew?", Intent.QUESTION),
        ("es", "¿Cómo conserváis los espárragos?", Intent.QUESTION),
        ("pt", "Qual maré é melhor para começar?", Intent.QUESTION),
        ("en", "How much is a bag of the Huila?", Intent.PURCHASE),
        ("es", "¿Quedan plazas para el sábado?", Intent.PURCHASE),
        ("pt", "Quanto custa a aula?", Intent.PURCHASE),
        ("en", "Waited forty minutes and my cup was cold. Never again.", Intent.COMPLAINT),
        ("es", "Fatal, la comida llegó fría y el camarero fue un maleducado.", Intent.COMPLAINT),
        ("pt", "Péssimo atendimento, ninguém responde.", Intent.COMPLAINT),
        ("en", "My order hasn't arrived, can you help me?", Intent.SUPPORT),
        ("es", "Mi pedido no ha llegado, ¿me ayudáis?", Intent.SUPPORT),
        ("pt", "Minha reserva não chegou no e-mail, me ajudem?", Intent.SUPPORT),
        ("en", "Free followers, check my profile http://x.example", Intent.SPAM),
        ("es", "Gana dinero desde casa, escríbeme por privado", Intent.SPAM),
        ("pt", "Renda extra, link na bio, chama no privado", Intent.SPAM),
        ("en", "@tom Tuesday then", Intent.OTHER),
        ("en", "", Intent.OTHER),
    ],
)
def test_each_intent_is_recognised_in_each_language(language, text, intent) -> None:
    assert understand(text, client_language=language).intent is intent


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "I love you all but I want a refund."),
        ("en", "Great coffee! Is it safe for my peanut allergy?"),
        ("en", "You will hear from my lawyer"),
        ("en", "Amazing. My kid got sick after the cake."),
        ("es", "Me encanta, ¿lleva gluten?"),
        ("es", "Quiero la devolución de mi dinero"),
        ("es", "Voy a denunciar esto"),
        ("pt", "Quero reembolso agora"),
        ("pt", "Adorei! Grávida pode fazer aula?"),
        ("pt", "Vou no Procon"),
    ],
)
def test_sensitive_matters_always_go_to_a_person(language, text) -> None:
    seen = understand(text, client_language=language)
    assert seen.needs_person
    assert seen.confidence <= 0.5
    assert seen.urgency is Urgency.HIGH
    assert draft_reply(text, CLIENTS[language], seed=1).needs_person


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("good", "positive"),
        ("not good", "negative"),
        ("not bad", "neutral"),
        ("so goooood!!", "positive"),
        ("👎👎", "negative"),
        ("the bus stops here", "neutral"),
        ("never been so disappointed", "negative"),
        ("never been so happy", "positive"),
    ],
)
def test_negation_emphasis_and_emoji_count(text, label) -> None:
    assert sentiment_of(text, LEXICONS["en"]).label == label


def labels(sentiment: str, confidence: float = 0.9, *, sure: bool = True, offensive: bool = False) -> TextLabels:
    return TextLabels(
        sentiment=sentiment,
        sentiment_confidence=confidence,
        is_sentiment_sure=sure,
        is_offensive=offensive,
        offensive_confidence=confidence,
        is_offensive_sure=sure,
        labelled_by="english-1",
    )


@pytest.mark.parametrize(
    ("text", "said", "intent"),
    [
        ("Well that was the last time", labels("negative"), Intent.COMPLAINT),
        ("Well that was the last time", labels("negative", 0.4, sure=False), Intent.OTHER),
        ("My heart is full after today", labels("positive"), Intent.COMPLIMENT),
        ("What grind do you use for cold brew?", labels("negative", 0.4, sure=False), Intent.QUESTION),
        ("Terrible, waited an hour.", labels("positive"), Intent.COMPLAINT),
    ],
)
def test_a_labeller_is_believed_where_it_is_sure_and_blame_in_words_counts_all_the_same(text, said, intent) -> None:
    seen = understand(text, client_language="en", labels=said)
    assert seen.intent is intent
    assert seen.labels == said


@pytest.mark.parametrize("text", ["Love you all, best idiots ever!", "Is this open on Sunday?", "🖕", "Great coffee!"])
def test_what_may_be_offensive_goes_to_a_person_and_at_once_where_that_is_sure(text) -> None:
    sure = understand(text, client_language="en", labels=labels("positive", offensive=True))
    assert (sure.needs_person, sure.urgency, sure.reason) == (True, Urgency.HIGH, "Reads as offensive.")
    unsure = understand(text, client_language="en", labels=labels("positive", 0.55, sure=False, offensive=True))
    assert (unsure.needs_person, unsure.reason) == (True, "May be offensive.")
    assert unsure.urgency is not Urgency.HIGH
    assert max(sure.confidence, unsure.confidence) <= 0.5
    assert draft_reply(text, CLIENTS["en"], seed=1, labels=labels("positive", offensive=True)).needs_person


@pytest.mark.parametrize(
    ("said", "alone", "confidence"),
    [
        (labels("positive", 0.95), True, 0.85),
        (labels("positive", 0.75), True, 0.75),
        (labels("positive", 0.6, sure=False), False, 0.6),
        (labels("neutral", 0.9), False, 0.3),
        (labels("negative", 0.6, sure=False), False, 0.6),
    ],
)
def test_thanks_go_out_alone_only_where_words_and_labeller_hear_a_compliment(said, alone, confidence) -> None:
    seen = understand("Absolutely love this place, best coffee ever!", client_language="en", labels=said)
    assert (not seen.needs_person, seen.confidence) == (alone, confidence)


@pytest.mark.parametrize("language", ["en", "es", "pt"])
def test_the_lexicon_s_own_labels_changes_nothing(language) -> None:
    for text in (
        "¡Me encanta, qué maravilla!",
        "Amei demais, que aula incrível!",
        "Love this!",
        "Never again.",
        "",
        "😍",
    ):
        said = by_lexicon(text, client_language=language)
        assert understand(text, client_language=language, labels=said) == understand(text, client_language=language)
        assert (said.is_offensive, said.is_sentiment_sure) == (None, False)


def test_urgency_follows_time_words_in_problems_only() -> None:
    assert understand("My order hasn't arrived, I need it asap!", client_language="en").urgency is Urgency.HIGH
    assert understand("My order hasn't arrived", client_language="en").urgency is Urgency.NORMAL
    assert understand("So lovely, thank you!", client_language="en").urgency is Urgency.LOW


@pytest.mark.parametrize("language", ["en", "es", "pt"])
def test_thanks_are_short_varied_and_in_the_comments_language(language) -> None:
    comment = {
        "en": "Love this so much, best coffee!",
        "es": "¡Me encanta, qué maravilla!",
        "pt": "Amei demais, que aula incrível!",
    }[language]
    drafts = [draft_reply(comment, CLIENTS[language], seed=seed) for seed in range(30)]
    assert len({draft.text for draft in drafts}) >= 5
    for draft in drafts:
        assert draft.text
        assert len(draft.text) <= 150
        assert identify_language(draft.text).language in (language, None)
        assert draft.fact_ids == ()


def test_an_answer_is_a_stated_fact_and_waits_for_a_person() -> None:
    client = CLIENTS["en"]
    draft = draft_reply("How long does cold brew stay in the fridge?", client, seed=1)
    assert draft.fact_ids == ("hc-brewing-cold",)
    fact = next(fact for fact in client.brand.facts if fact.fact_id == "hc-brewing-cold")
    assert draft.text.endswith(fact.text)
    assert draft.needs_person
    assert draft.confidence <= 0.7


def test_nothing_is_said_that_no_fact_says() -> None:
    client = CLIENTS["en"]
    for question in ("Do you ship to Canada?", "Is there parking?", "When do you open on Sunday?"):
        draft = draft_reply(question, client, seed=1)
        assert draft.text is None
        assert draft.needs_person
    assert draft_reply("How long does cold brew stay in the fridge?", client, seed=1, facts=()).text is None


def test_spam_and_small_talk_get_no_text_and_complaints_no_promise() -> None:
    client = CLIENTS["en"]
    assert draft_reply("DM us to be featured, crypto signals", client, seed=1).text is None
    assert draft_reply("@tom Tuesday then", client, seed=1).text is None
    draft = draft_reply("Terrible, waited an hour.", client, seed=1)
    assert draft.needs_person
    assert not regex.search(r"(?i)refund|will|guarantee|compensat|soon|tomorrow|free", draft.text)


def test_a_comment_in_another_language_waits_for_a_person() -> None:
    client = CLIENTS["en"]
    assert draft_reply("¡Me encanta, qué maravilla de sitio!", client, seed=1).needs_person
    draft = draft_reply("¿Cuánto tiempo aguanta el cold brew en la nevera?", client, seed=1)
    assert (draft.text, draft.needs_person) == (None, True)


@given(st.text(max_size=200), st.sampled_from(["en", "es", "pt"]))
def test_any_comment_is_understood_without_an_exception(text: str, language: str) -> None:
    draft = draft_reply(text, CLIENTS[language], seed=0)
    assert 0 < draft.confidence <= 1
    assert draft.reason
    assert draft.text is None or 0 < len(draft.text) <= 150
    assert draft.needs_person or draft.understanding.intent is Intent.COMPLIMENT
