"""Goals: one for each metric, period and set of accounts of a client; the trail keeps what became of its target."""

from datetime import date

import pytest
from pydantic import ValidationError

from contracts.errors import PulsoError
from contracts.networks import Network
from contracts.records import Goal, GoalMetric
from contracts.scope import TenantScope
from operations import SqlStore
from operations.states import UnknownRecordError
from tests.unit.operations.fakes import a_client

ALL = TenantScope.all_clients("test")
QUARTER = {"first_day": date(2026, 4, 1), "last_day": date(2026, 6, 30)}


def a_goal(**changes: object) -> Goal:
    values = {"client_id": "acme", "metric": GoalMetric.ENGAGEMENTS, "target": 500.0, **QUARTER, **changes}
    return Goal.model_validate(values)


def test_setting_it_again_changes_the_target(store: SqlStore) -> None:
    assert store.set_goal(a_goal(), actor="anna") is None
    assert store.set_goal(a_goal(target=700), actor="anna") == a_goal()
    assert store.set_goal(a_goal(target=700), actor="anna") == a_goal(target=700)
    store.set_goal(a_goal(network=Network.BLUESKY), actor="anna")

    assert [(g.network, g.target) for g in store.goals(ALL)] == [(None, 700), (Network.BLUESKY, 500)]
    trail = [event for event in store.audit(ALL) if event.action == "goal_set"]
    assert sorted(event.detail["after"] for event in trail) == [500, 500, 700], "what changed nothing leaves no trace"


def test_a_dropped_goal_is_gone_and_on_the_trail(store: SqlStore) -> None:
    store.set_goal(a_goal(), actor="anna")
    assert store.drop_goal(a_goal().goal_id, actor="ben") == a_goal()
    assert store.goals(ALL) == ()
    with pytest.raises(UnknownRecordError, match="pulso goals list"):
        store.drop_goal(a_goal().goal_id, actor="ben")
    assert [event.actor for event in store.audit(ALL) if event.action == "goal_dropped"] == ["ben"]


def test_a_goal_is_seen_by_its_client_alone(store: SqlStore) -> None:
    store.save_client(a_client("other"), actor="anna")
    store.set_goal(a_goal(), actor="anna")
    assert store.goals(TenantScope.of("other")) == ()
    assert store.goals(TenantScope.of("acme")) == (a_goal(),)


def test_unknown_clients_and_accounts_and_those_of_others_are_refused(store: SqlStore) -> None:
    store.save_client(a_client("other"), actor="anna")
    with pytest.raises(UnknownRecordError, match="no client nobody"):
        store.set_goal(a_goal(client_id="nobody"), actor="anna")
    with pytest.raises(UnknownRecordError, match="no account bluesky:x"):
        store.set_goal(a_goal(account_id="bluesky:x"), actor="anna")
    with pytest.raises(PulsoError, match="no account of other"):
        store.set_goal(a_goal(client_id="other", account_id="bluesky:did:plc:acme"), actor="anna")
    assert store.goals(ALL) == ()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"target": 0}, "greater than 0"),
        ({"target": float("inf")}, "finite"),
        ({"last_day": date(2026, 3, 31)}, "before it begins"),
        ({"network": Network.X, "account_id": "x:1"}, "not both"),
        ({"metric": "happiness"}, "metric"),
    ],
)
def test_what_is_no_goal_is_refused_with_the_reason(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        a_goal(**changes)
