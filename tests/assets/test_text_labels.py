"""No text is labelled twice, moods and reply drafts go by what was labelled, and each row says who did."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import dagster as dg
import polars as pl
import pytest

from assets.decisions.replies import reply_drafts
from assets.features.comments import comment_moods
from assets.features.text_labels import text_labels
from contracts.records import ApprovalPolicy, ContentItem, TextLabels
from contracts.scope import TenantScope
from contracts.tables import COMMENT_MOODS, COMMENTS, REPLY_DRAFTS, TEXT_LABELS
from ml.replies.lexicons import LEXICONS_VERSION, by_lexicon
from ml.streams.watch import HISTORY
from ml.text_labels.moods import UNLABELLED
from tests.assets.fakes import ALL, NOW, FakeStore, House, client

KIND, COLD, INSULT, SPANISH = (
    "Absolutely love this place, best coffee ever!",
    "Well that was the last time",
    "Love you all, best idiots ever!",
    "¡Me encanta, qué maravilla de sitio!",
)


class CountingLabeller:
    """Knows KIND, COLD and INSULT, takes what has ¡ for Spanish. Remembers what it was asked."""

    def __init__(self, version: str = "english-1") -> None:
        self.english, self.asked = version, list[str]()
        self.versions = frozenset({version, LEXICONS_VERSION})

    def label(self, texts: Sequence[str], *, client_language: str) -> tuple[TextLabels, ...]:
        self.asked += texts
        return tuple(self._read(text, client_language) for text in texts)

    def _read(self, text: str, client_language: str) -> TextLabels:
        if "¡" in text:
            return by_lexicon(text, client_language=client_language)
        return TextLabels(
            sentiment="negative" if text == COLD else "positive",
            sentiment_confidence=0.9,
            is_sentiment_sure=True,
            is_offensive=text == INSULT,
            offensive_confidence=0.8,
            is_offensive_sure=True,
            labelled_by=self.english,
        )


@dataclass
class Drafts(FakeStore):
    """Keeps reply drafts; approves nothing."""

    saved: list[ContentItem] = field(default_factory=list)

    def answered_comment_ids(self, _: TenantScope) -> frozenset[str]:
        return frozenset()

    def save_drafts(self, items: Sequence[ContentItem]) -> int:
        self.saved += items
        return len(items)

    def approve_by_policy(self, _: TenantScope) -> int:
        return 0


def write(house: House, texts: Sequence[str | None], *, of: str = "ana", days_ago: int = 0, first: int = 0) -> None:
    """Comments below a post, a minute apart, the first one newest."""
    rows = [
        {
            "comment_id": f"instagram:{of}-c{first + number}",
            "post_id": f"instagram:{of[0]}1-1",
            "account_id": f"instagram:{of[0]}1",
            "client_id": of,
            "network": "instagram",
            "text": text,
            "commented_at": NOW - timedelta(days=days_ago, minutes=number),
            "observed_at": NOW - timedelta(days=days_ago),
            "is_own": False,
            "day": (NOW - timedelta(days=days_ago)).date(),
        }
        for number, text in enumerate(texts)
    ]
    house.lake.append(COMMENTS, pl.DataFrame(rows, schema=COMMENTS.schema))


def run(house: House, labeller: CountingLabeller, *assets: dg.AssetsDefinition, **config: Any) -> None:
    resources = {"lake": house.lake, "store": house.store, "clock": house.clock, "text_labeller": labeller}
    ops = {"features__text_labels": {"config": config}} if config else {}
    result = dg.materialize(
        list(assets),
        resources=resources,
        partition_key=NOW.date().isoformat() if reply_drafts in assets else None,
        run_config={"ops": ops, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    assert result.success


def rows_of(house: House, table: Any, scope: TenantScope = ALL) -> list[dict[str, Any]]:
    return house.lake.scan(table, scope=scope).collect().sort(pl.all().exclude(pl.List)).to_dicts()


def moods_of(house: House) -> dict[str, tuple[str, float, str]]:
    return {
        row["comment_id"].split(":")[1]: (row["mood"], row["mood_confidence"], row["labelled_by"])
        for row in rows_of(house, COMMENT_MOODS)
    }


def test_only_new_texts_are_labelled_each_once_and_kept_for_each_client(house: House) -> None:
    labeller = CountingLabeller()
    run(house, labeller, text_labels)
    assert labeller.asked == []

    write(house, [KIND, COLD, KIND, "", None])
    write(house, [KIND, SPANISH], of="ben")
    write(house, ["older than alerts look back"], days_ago=HISTORY.days + 1, first=10)
    run(house, labeller, text_labels)
    assert sorted(labeller.asked) == sorted([KIND, COLD, SPANISH])
    assert [row["labelled_by"] for row in rows_of(house, TEXT_LABELS, TenantScope.of("ben"))].count("english-1") == 1
    assert len(rows_of(house, TEXT_LABELS, TenantScope.of("ana"))) == 2
    columns = set(TEXT_LABELS.schema)
    assert not columns & {"text", "author_handle", "author_native_id", "raw"}

    write(house, [INSULT, KIND], first=20)
    before = house.lake.version(TEXT_LABELS)
    run(house, labeller, text_labels)
    assert labeller.asked[3:] == [INSULT]
    assert house.lake.version(TEXT_LABELS) == before + 1
    run(house, labeller, text_labels)
    assert house.lake.version(TEXT_LABELS) == before + 1


def test_the_newest_texts_come_first_and_clients_who_write_otherwise_are_asked_apart(house: House) -> None:
    write(house, [KIND, COLD, INSULT])
    labeller = CountingLabeller()
    run(house, labeller, text_labels, at_most=2)
    assert labeller.asked == [KIND, COLD]
    run(house, labeller, text_labels, at_most=2)
    assert labeller.asked[2:] == [INSULT]

    ben = client("ben").model_copy(update={"language": "es"})
    house.store = replace(house.store, known_clients=(client("ana"), ben))
    write(house, [KIND], of="ben")
    run(house, labeller, text_labels)
    assert labeller.asked[3:] == [KIND]


def test_another_classifier_reads_again_and_what_the_former_one_said_stays(house: House) -> None:
    write(house, [KIND, SPANISH])
    run(house, CountingLabeller(), text_labels)
    newer = CountingLabeller("english-2")
    run(house, newer, text_labels)
    assert newer.asked == [KIND], "a lexicon of the same version says the same"
    assert {row["labelled_by"] for row in rows_of(house, TEXT_LABELS)} == {"english-1", "english-2", LEXICONS_VERSION}


def test_moods_say_how_surely_and_by_whom(house: House) -> None:
    write(house, [KIND, COLD, SPANISH, None])
    labeller = CountingLabeller()
    run(house, labeller, text_labels, comment_moods)
    assert moods_of(house) == {
        "ana-c0": ("positive", 0.9, "english-1"),
        "ana-c1": ("negative", 0.9, "english-1"),
        "ana-c2": ("positive", 0.5, LEXICONS_VERSION),
        "ana-c3": ("neutral", 0.5, LEXICONS_VERSION),
    }
    before = house.lake.version(COMMENT_MOODS)
    run(house, labeller, text_labels, comment_moods)
    assert house.lake.version(COMMENT_MOODS) == before


def test_a_mood_without_a_label_is_the_lexicon_s_until_there_is_one(house: House) -> None:
    write(house, [COLD])
    write(house, [COLD, KIND], days_ago=3, first=10)
    labeller = CountingLabeller()
    run(house, labeller, comment_moods)
    assert set(moods_of(house).values()) == {("neutral", 0.5, UNLABELLED), ("positive", 0.5, UNLABELLED)}
    assert labeller.asked == []
    run(house, labeller, text_labels, comment_moods)
    assert moods_of(house) == {
        "ana-c0": ("negative", 0.9, "english-1"),
        "ana-c10": ("negative", 0.9, "english-1"),
        "ana-c11": ("positive", 0.9, "english-1"),
    }


def test_what_alerts_look_back_on_is_read_in_one_way_and_older_moods_stay(house: House) -> None:
    old = HISTORY.days + 1
    house.clock.at = NOW - timedelta(days=old)
    write(house, [COLD], days_ago=old, first=10)
    run(house, CountingLabeller(), text_labels, comment_moods)
    house.clock.at = NOW
    write(house, [COLD], days_ago=HISTORY.days - 1)
    run(house, CountingLabeller(), text_labels, comment_moods)
    write(house, [KIND], first=1)
    run(house, CountingLabeller("english-2"), text_labels, comment_moods)
    assert {name: by for name, (_, _, by) in moods_of(house).items()} == {
        "ana-c10": "english-1",
        "ana-c0": "english-2",
        "ana-c1": "english-2",
    }


@pytest.fixture
def drafting(house: House) -> House:
    house.store = Drafts(house.store.known_clients, house.store.known_accounts)
    return house


def test_reply_drafts_go_by_labels_and_an_insult_is_left_to_a_person_at_once(drafting: House) -> None:
    write(drafting, [KIND, INSULT, COLD, SPANISH, "Never labelled, best idiots ever!"])
    labeller = CountingLabeller()
    run(drafting, labeller, text_labels, reply_drafts)
    drafts = {row["comment_id"].split("-")[1]: row for row in rows_of(drafting, REPLY_DRAFTS)}
    kind, insult, cold, spanish = (drafts[f"c{number}"] for number in range(4))
    assert (kind["intent"], kind["needs_person"], kind["model_version"]) == ("compliment", False, "english-1")
    assert (insult["is_offensive"], insult["needs_person"], insult["urgency"]) == (True, True, "high")
    assert insult["confidence"] < ApprovalPolicy().min_reply_confidence
    assert (cold["intent"], cold["sentiment"], cold["sentiment_confidence"]) == ("complaint", "negative", 0.9)
    assert (spanish["is_offensive"], spanish["model_version"]) == (None, LEXICONS_VERSION)
    assert {item.reply_to_comment_id: item.needs_person for item in drafting.store.saved} == {
        row["comment_id"]: row["needs_person"] for row in drafts.values() if row["text"] is not None
    }
    asked = len(labeller.asked)
    run(drafting, labeller, reply_drafts)
    assert (len(labeller.asked), len(rows_of(drafting, REPLY_DRAFTS))) == (asked, 5)


def test_a_comment_whose_text_was_not_labelled_is_understood_by_the_lexicon(drafting: House) -> None:
    write(drafting, [KIND])
    run(drafting, CountingLabeller(), reply_drafts)
    (draft,) = rows_of(drafting, REPLY_DRAFTS)
    assert (draft["intent"], draft["model_version"]) == ("compliment", LEXICONS_VERSION)
    assert (draft["sentiment_confidence"], draft["is_offensive"]) == (0.5, None)
