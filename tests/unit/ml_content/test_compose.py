import dataclasses

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.demo import demo_clients
from contracts.errors import ProviderError
from contracts.networks import ContentFormat, Network
from contracts.ports import Brief, ComposedText
from contracts.records import Fact
from ml.content import SeenTexts, compose
from ml.content.habits import DEFAULT_HABITS, learn_habits
from ml.content.offline_composer import length, shorten
from ml.content.phrasebook import NUMBER

CLIENTS = {client.language: client for client in demo_clients()}


def brief(language: str = "en", **overrides) -> Brief:
    client = overrides.pop("client", CLIENTS[language])
    first = client.brand.facts[0]
    fields = {
        "client": client,
        "network": Network.BLUESKY,
        "content_format": ContentFormat.TEXT,
        "pillar_id": first.pillar_id,
        "fact_ids": tuple(f.fact_id for f in client.brand.facts[:3]),
        "angle": "insight",
        "max_characters": 300,
    }
    return Brief(**{**fields, **overrides})


class Model:
    """A writer that answers what the test says."""

    name = "test-model"

    def __init__(
        self, *texts: str, fact_ids: tuple[str, ...] = ("hc-origins-huila",), error: str | None = None
    ) -> None:
        self.texts, self.fact_ids, self.error = texts, fact_ids, error

    def compose(self, brief: Brief, *, variants: int) -> tuple[ComposedText, ...]:
        if self.error:
            raise ProviderError(self.error)
        return tuple(ComposedText(text, self.fact_ids, "writer-1", self.name) for text in self.texts[:variants])


GOOD = "Did you know that our Huila lot comes from 31 small farms? We love what the growers do."


def test_a_models_text_that_passes_every_check_is_taken_as_it_is() -> None:
    (draft,) = compose(brief(), text_model=Model(GOOD), seed=1, variants=1)
    assert (draft.text, draft.model, draft.prompt_version) == (GOOD, "test-model", "writer-1")
    assert draft.fact_ids == ("hc-origins-huila",)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a" * 301,
        "Our Huila lot comes from 45 small farms.",  # a figure that no fact states
        "Cheap coffee from the farms that we love.",  # a banned word
        "El café de Huila viene de fincas pequeñas que nos gustan mucho.",  # another language
        "Read all about our Huila lot at https://elsewhere.example/x",  # not the client's address
    ],
)
def test_a_models_text_that_fails_a_check_is_replaced_and_that_is_recorded(text: str) -> None:
    (draft,) = compose(brief(), text_model=Model(text), seed=1, variants=1)
    assert draft.text != text
    assert draft.model == "offline-composer (instead of test-model: 1 of 1 texts failed a check)"
    assert draft.prompt_version.endswith("+fallback")


def test_facts_outside_the_brief_are_refused() -> None:
    drafts = compose(brief(), text_model=Model(GOOD, fact_ids=("hc-sust-bike",)), seed=1, variants=1)
    assert drafts[0].text != GOOD


def test_a_failing_model_falls_back_to_the_offline_composer() -> None:
    drafts = compose(brief(), text_model=Model(error="no answer in 20 s"), seed=1, variants=3)
    assert len(drafts) == 3
    assert all(d.model == "offline-composer (instead of test-model: no answer in 20 s)" for d in drafts)


def test_nothing_that_was_seen_comes_again() -> None:
    first = compose(brief(), text_model=None, seed=1, variants=3)
    assert len(first) == 3
    again = compose(brief(), text_model=Model(first[0].text), seed=1, variants=3, seen=[d.text for d in first])
    assert not {d.text for d in first} & {d.text for d in again}


def test_a_client_without_the_facts_of_the_brief_gets_no_draft() -> None:
    assert compose(brief(fact_ids=("gone",)), text_model=None, seed=1) == ()


def test_a_link_post_carries_the_clients_link_and_others_carry_none() -> None:
    for content_format in (ContentFormat.LINK, ContentFormat.TEXT):
        for draft in compose(brief(content_format=content_format), text_model=None, seed=3, variants=5):
            assert ("https://harborandoak.example/today" in draft.text) == (content_format is ContentFormat.LINK)


def test_a_fact_longer_than_the_network_allows_is_never_cut_into_a_draft() -> None:
    client = CLIENTS["en"]
    long = Fact(fact_id="long", pillar_id="origins", text="We roast " + "slowly and " * 40 + "well.")
    client = client.model_copy(update={"brand": client.brand.model_copy(update={"facts": (long,)})})
    assert compose(brief(client=client, fact_ids=("long",)), text_model=None, seed=1) == ()


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["en", "es", "pt"]),
    st.integers(120, 400),
    st.integers(0, 10_000),
    st.sampled_from(["insight", "how_to", "round_up", "number", "invitation", "nonsense"]),
    st.sampled_from(list(Network)),
)
def test_any_brief_is_written_within_its_length(language, limit, seed, angle, network) -> None:
    asked = brief(language, max_characters=limit, angle=angle, network=network)
    for draft in compose(asked, text_model=None, seed=seed, variants=2):
        assert 0 < length(draft.text) <= limit
        assert "{" not in draft.text
        assert draft.text == draft.text.strip()
        assert "  " not in draft.text


@given(st.text(max_size=80), st.integers(0, 90))
def test_shortening_never_splits_what_a_reader_sees_as_one(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert length(short) <= max(limit, 0)
    kept = regex.findall(r"\X", short.removesuffix("…"))
    assert kept == regex.findall(r"\X", text)[: len(kept)] or length(text) <= limit


def test_shortening_keeps_families_whole_and_words_too() -> None:
    assert shorten("Olá 👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 6) == "Olá 👩‍👩‍👧‍👦…" or shorten("Olá 👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 6).startswith("Olá")
    assert shorten("uno dos tres cuatro", 13) == "uno dos tres…"


def test_habits_follow_the_best_posts_and_start_from_the_house_style() -> None:
    assert learn_habits([], Network.BLUESKY) == DEFAULT_HABITS[Network.BLUESKY]
    asking = ["Ready for the weekend? We are. ☕☕☕ #a #b #c #d #e"] * 40
    habits = learn_habits(asking, Network.BLUESKY)
    assert habits.question_opening_share > 0.8
    assert 4.5 < habits.hashtags <= 5
    assert 2.5 < habits.emoji <= 3
    assert habits.line_break_share < 0.1


def test_learned_habits_shape_the_drafts() -> None:
    def drafts(texts: tuple[str, ...]) -> list[str]:
        asked = brief(best_past_texts=texts, angle="insight")
        return [d.text for seed in range(25) for d in compose(asked, text_model=None, seed=seed, variants=1)]

    bare = drafts(("We opened early today and the bar was full of friends.",) * 40)
    tagged = drafts(("Morning! How was yours?\n\nOurs was good. #a #b #c #d",) * 40)
    assert sum(t.count("#") for t in tagged) > 4 * sum(t.count("#") for t in bare)
    assert sum("\n" in t for t in tagged) > sum("\n" in t for t in bare)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("comes from 31 small farms, above 1,700 metres", "31"),
        ("uses 2.4 tonnes", "2.4 tonnes"),
        ("10 °C pierde", "10 °C"),
        ("at 11:00 sharp", None),
        ("às 8h e às 10h", None),
        ("between 6 and 12", "12"),
        ("roupa de 3/2 mm", None),
    ],
)
def test_a_headline_figure_can_stand_alone(text: str, number: str | None) -> None:
    found = NUMBER.search(text)
    assert (found.group() if found else None) == number


def test_a_seen_text_inside_a_longer_one_counts_as_the_same() -> None:
    seen = SeenTexts(["We roast every Tuesday morning before the bar opens."])
    assert (
        seen.closest("News! We roast every Tuesday morning before the bar opens. Come by and see it for yourself.")
        == 1.0
    )
    assert seen.closest("An entirely different sentence about compost.") == 0.0
    assert SeenTexts().closest("anything") == 0.0
    assert dataclasses.is_dataclass(brief())
