"""Approval by policy: each autonomy, replies, and the rules that are run again."""

from datetime import timedelta

import pytest

from contracts.records import ApprovalPolicy, Autonomy, Forecast
from contracts.scope import TenantScope
from operations import SqlStore
from tests.unit.operations.conftest import StoreMaker
from tests.unit.operations.fakes import NOW, a_client, an_account, an_item, forbid

ALL = TenantScope.all_clients("test")


def ranked(percentile: float | None) -> Forecast:
    return Forecast(
        expected_log_engagement=2.0,
        lower_log_engagement=1.0,
        upper_log_engagement=3.0,
        percentile=percentile,
        model_name="m",
        model_version="1",
        forecast_at=NOW,
    )


def fill(store: SqlStore, autonomy: Autonomy, **policy: float) -> None:
    store.save_client(a_client(autonomy=autonomy, approval_policy=ApprovalPolicy(**policy)), actor="anna")
    store.save_account(an_account(), actor="anna")
    comment = {"scheduled_at": None, "reply_to_post_id": "bluesky:at://p/1"}
    store.save_drafts(
        [
            an_item("good", forecast=ranked(0.9), scheduled_at=NOW + timedelta(hours=3)),
            an_item("weak", forecast=ranked(0.2), scheduled_at=NOW + timedelta(hours=4)),
            an_item("unscored", scheduled_at=NOW + timedelta(hours=5)),
            an_item("unplanned", scheduled_at=None, forecast=ranked(0.9)),
            an_item("personal", scheduled_at=NOW + timedelta(hours=6), forecast=ranked(0.9), needs_person=True),
            an_item("sure-reply", reply_to_comment_id="bluesky:at://c/1", reply_confidence=0.95, **comment),
            an_item("unsure-reply", reply_to_comment_id="bluesky:at://c/2", reply_confidence=0.4, **comment),
            an_item("blind-reply", reply_to_comment_id="bluesky:at://c/3", **comment),
            an_item(
                "hard-reply", reply_to_comment_id="bluesky:at://c/4", reply_confidence=1, needs_person=True, **comment
            ),
        ]
    )


@pytest.mark.parametrize(
    ("autonomy", "expected"),
    [
        (Autonomy.MANUAL, set()),
        (Autonomy.ASSISTED, {"good", "sure-reply"}),
        (Autonomy.AUTONOMOUS, {"good", "weak", "unscored", "sure-reply"}),
    ],
)
def test_what_each_autonomy_lets_the_policy_approve(
    bare_store: SqlStore, autonomy: Autonomy, expected: set[str]
) -> None:
    fill(bare_store, autonomy, min_forecast_percentile=0.5)
    assert bare_store.approve_by_policy(ALL) == len(expected)
    approved = bare_store.content_items(ALL, states=["approved"])
    assert {item.content_item_id for item in approved} == expected
    assert {entry.content_item_id for entry in bare_store.outbox(ALL)} == expected
    assert bare_store.approve_by_policy(ALL) == 0
    for item in approved:
        (approval,) = bare_store.approvals(ALL, item.content_item_id)
        assert (approval.actor, approval.is_by_policy) == ("policy", True)


def test_the_rules_have_the_last_word(open_stores: StoreMaker) -> None:
    store = open_stores(forbid("not like this"))
    fill(store, Autonomy.AUTONOMOUS)
    assert store.approve_by_policy(ALL) == 0


def test_the_rules_are_told_what_is_promised_already(open_stores: StoreMaker) -> None:
    told = []

    def rules(item, client, *, now, published_times=(), limits=None):
        told.append((item.content_item_id, set(published_times)))
        return forbid("full")(item, client, now=now) if len(published_times) >= 1 else open_rules(item, client, now=now)

    from tests.unit.operations.fakes import allow_everything as open_rules

    store = open_stores(rules)
    fill(store, Autonomy.AUTONOMOUS)
    store.approve_by_policy(TenantScope.of("acme"))
    posts = [entry for entry in store.outbox(ALL) if entry.action == "publish"]
    assert [entry.content_item_id for entry in posts] == ["good"]
    assert ("weak", {NOW + timedelta(hours=3)}) in told


def test_a_slot_that_is_too_near_is_left_to_a_person(bare_store: SqlStore) -> None:
    fill(bare_store, Autonomy.AUTONOMOUS, approval_lead_hours=3.5)
    bare_store.approve_by_policy(ALL)
    posts = {entry.content_item_id for entry in bare_store.outbox(ALL) if entry.action == "publish"}
    assert posts == {"weak", "unscored"}


def test_what_a_person_edited_or_rejected_stays_theirs(bare_store: SqlStore) -> None:
    fill(bare_store, Autonomy.AUTONOMOUS)
    bare_store.edit("good", actor="anna", revision=1, text="mine")
    bare_store.reject("weak", actor="anna")
    bare_store.approve_by_policy(ALL)
    assert {e.content_item_id for e in bare_store.outbox(ALL)} == {"unscored", "sure-reply"}


def test_only_clients_of_the_scope_and_active_ones(bare_store: SqlStore) -> None:
    fill(bare_store, Autonomy.AUTONOMOUS)
    assert bare_store.approve_by_policy(TenantScope.of("other")) == 0
    bare_store.save_client(a_client(autonomy=Autonomy.AUTONOMOUS, is_active=False), actor="anna")
    assert bare_store.approve_by_policy(ALL) == 0
