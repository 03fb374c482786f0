"""The alarm: quiet while all goes out, loud by what it costs, with everything that whoever is woken has to know."""

import dagster as dg
import pytest
import structlog

from assets.checks.deliveries import CHECK_NAME, LINES, deliveries_check
from contracts.networks import Network
from contracts.records import Trouble, TroubleKind
from tests.assets.fakes import NOW, House


def trouble(kind: TroubleKind, number: int = 1, **changes: object) -> Trouble:
    values: dict[str, object] = {
        "kind": kind,
        "client_id": "ana",
        "account_id": "instagram:a1",
        "network": Network.INSTAGRAM,
        "intent_id": f"intent-{number}",
        "content_item_id": f"item-{number}",
        "scheduled_at": NOW,
        "since": NOW,
        "code": None,
        "reason": "the picture is too wide",
        "owner": "whoever wrote it",
        "remedy": "Change it.",
        "posts": 1,
    }
    return Trouble.model_validate({**values, **changes})


def outcome(house: House) -> dg.AssetCheckResult:
    result = deliveries_check(store=house.store, clock=house.clock)
    assert isinstance(result, dg.AssetCheckResult)
    return result


def test_it_is_quiet_while_all_goes_out(house: House) -> None:
    assert outcome(house).passed


@pytest.mark.parametrize(
    ("kind", "severity"),
    [
        (TroubleKind.PAUSED, dg.AssetCheckSeverity.ERROR),
        (TroubleKind.DEFERRED, dg.AssetCheckSeverity.ERROR),
        (TroubleKind.STUCK, dg.AssetCheckSeverity.ERROR),
        (TroubleKind.PARKED, dg.AssetCheckSeverity.WARN),
        (TroubleKind.FAILED, dg.AssetCheckSeverity.WARN),
        (TroubleKind.MISSED, dg.AssetCheckSeverity.WARN),
    ],
)
def test_it_is_as_loud_as_the_trouble_is_costly(house: House, kind: TroubleKind, severity) -> None:
    house.store.all_troubles = (trouble(TroubleKind.MISSED, 2), trouble(kind))
    found = outcome(house)
    assert (found.passed, found.severity) == (False, severity)


def test_it_says_what_whose_problem_it_is_and_what_to_do(house: House) -> None:
    house.store.all_troubles = (trouble(TroubleKind.FAILED), trouble(TroubleKind.PAUSED, 2, posts=7))
    with structlog.testing.capture_logs() as lines:
        found = outcome(house)
    for words in ("instagram:a1", "item-1", "the picture is too wide", "whoever wrote it", "Change it."):
        assert words in (found.description or "")
    assert found.metadata["posts_held_up"].value == 8
    assert [(line["event"], line["kind"], line["content_item_id"]) for line in lines] == [
        ("not_going_out", "failed", "item-1"),
        ("not_going_out", "paused", "item-2"),
    ]


def test_many_are_counted_and_not_all_told(house: House) -> None:
    house.store.all_troubles = tuple(trouble(TroubleKind.FAILED, n) for n in range(LINES + 3))
    found = outcome(house)
    assert (found.description or "").endswith("and 3 more")
    assert found.metadata["troubles"].value == LINES + 3


def test_what_was_lost_before_yesterday_wakes_nobody_any_more(house: House) -> None:
    house.store.all_troubles = (trouble(TroubleKind.MISSED, since=NOW.replace(day=28)),)
    assert outcome(house).passed
    house.store.all_troubles = (trouble(TroubleKind.MISSED, since=NOW.replace(day=29, hour=0)),)
    assert not outcome(house).passed


def test_it_is_a_check_of_what_was_published() -> None:
    (key,) = deliveries_check.check_keys
    assert (key.asset_key.to_user_string(), key.name) == ("actions/published_posts", CHECK_NAME)
