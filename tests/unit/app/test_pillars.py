"""Which theme a post is placed under."""

from apps.streamlit.pillars import pillar_of, pillars_of
from contracts.records import Pillar

PILLARS = (
    Pillar(pillar_id="origins", name="Origins", description="", keywords=("farm", "harvest")),
    Pillar(pillar_id="brewing", name="Brewing", description="", keywords=("brew", "cold brew", "grind")),
)


def test_most_keywords_win_and_the_first_pillar_wins_a_tie() -> None:
    assert pillar_of("Grind finer and brew again, says the farm", PILLARS) == "brewing"
    assert pillar_of("Brew from this farm", PILLARS) == "origins"


def test_words_count_whole_inflected_and_in_any_case() -> None:
    assert pillar_of("FARMS and their coffee", PILLARS) == "origins"
    assert pillar_of("a farmhouse in the hills", PILLARS) is None
    assert pillar_of("", PILLARS) is None


def test_a_draft_keeps_the_theme_it_was_written_for() -> None:
    found = pillars_of(["brew", "brew", None], ["item", None, None], pillars=PILLARS, drafted={"item": "origins"})
    assert found == ["origins", "brewing", None]
