"""Actions: nothing is sent unless the run says so, and never for a past day."""

from datetime import timedelta

import pytest

from assets.actions.sent import sent_actions
from tests.assets.fakes import NOW, House

SEND = {"sent_actions": {"config": {"send": True}}}


def test_materialising_by_hand_sends_nothing(house: House) -> None:
    result = house.materialize(sent_actions)

    assert result.success
    assert house.publisher.drains == 0


def test_a_run_that_may_send_drains_the_outbox_once(house: House) -> None:
    house.materialize(sent_actions, config=SEND)

    assert house.publisher.drains == 1


@pytest.mark.parametrize("days", [1, 30])
def test_a_past_day_sends_nothing_even_when_told_to(house: House, days: int) -> None:
    result = house.materialize(sent_actions, day=(NOW - timedelta(days=days)).date(), config=SEND)

    assert result.success
    assert house.publisher.drains == 0
