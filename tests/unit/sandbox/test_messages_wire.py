"""Direct messages on the wire: who may be written to, and for how long after they wrote."""

import json
from datetime import datetime, timedelta

import httpx
import pytest

GRAPH = pytest.mark.parametrize("network", ["facebook", "instagram"])
LATE = {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}


class Inbox:
    """One account's direct messages."""

    def __init__(self, sandbox, network: str) -> None:
        self.sandbox, self.network = sandbox, network
        known = (a for a in sandbox.accounts() if a["network"] == network and not a["is_competitor"])
        self.account = next(known)
        self.now = datetime.fromisoformat(sandbox.http.get("/_sandbox/clock").json()["now"])

    def truth(self) -> list[dict]:
        where = {"network": self.network, "native_account_id": self.account["native_id"]}
        return self.sandbox.http.get("/_sandbox/messages", params=where).json()

    def person_last_heard(self, shortest: timedelta, longest: timedelta) -> str:
        """A person who last wrote so long ago."""
        last = {
            m["person_native_id"]: self.now - datetime.fromisoformat(m["created_at"])
            for m in self.truth()
            if not m["is_own"]
        }
        return next(person for person, age in last.items() if shortest < age < longest)

    def write(self, person: str, text: str = "Hello", **more: str) -> httpx.Response:
        form = {"recipient": json.dumps({"id": person}), "message": json.dumps({"text": text}), **more}
        token = {"access_token": self.account["access_token"]}
        path = f"/{self.network}/v25.0/{self.account['native_id']}/messages"
        return self.sandbox.http.post(path, data=form | token)


@pytest.fixture(scope="module")
def crowded(shared_process, tmp_path_factory):
    process = type(shared_process)(tmp_path_factory.mktemp("messages"), "--crowd", "9")
    yield process
    process.stop()


@pytest.fixture
def inbox(crowded, network):
    return Inbox(crowded, network)


@GRAPH
def test_who_wrote_within_a_day_is_answered(inbox):
    person = inbox.person_last_heard(timedelta(0), timedelta(hours=24))
    answer = inbox.write(person)
    assert answer.status_code == 200
    assert answer.json()["recipient_id"] == person
    assert [m["text"] for m in inbox.truth() if m["is_own"] and m["native_id"] == answer.json()["message_id"]] == [
        "Hello"
    ]


@GRAPH
def test_after_a_day_an_answer_has_to_be_a_persons_and_after_a_week_there_is_none(inbox):
    late = inbox.person_last_heard(timedelta(hours=24), timedelta(days=7))
    refused = inbox.write(late)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, 10)
    assert refused.json()["error"]["error_subcode"] == 2018278
    assert inbox.write(late, **LATE).status_code == 200


@GRAPH
def test_a_stranger_and_a_text_that_is_too_long_are_refused(inbox):
    assert inbox.write("12345").json()["error"]["error_subcode"] == 33
    person = inbox.person_last_heard(timedelta(0), timedelta(hours=24))
    assert inbox.write(person, "x" * 2_001).json()["error"]["code"] == 100


@pytest.mark.parametrize("network", ["x"])
def test_on_x_words_that_it_does_not_know_and_strangers_are_refused(inbox):
    http, headers = inbox.sandbox.http, {"authorization": f"Bearer {inbox.account['access_token']}"}
    assert http.get("/x/2/dm_events", params={"dm_event.fields": "mood"}, headers=headers).status_code == 400
    stranger = http.post("/x/2/dm_conversations/with/99/messages", json={"text": "Hello"}, headers=headers)
    assert stranger.status_code == 403


@pytest.mark.parametrize("network", ["mastodon"])
def test_on_mastodon_nobody_else_sees_a_message(inbox):
    http, headers = inbox.sandbox.http, {"authorization": f"Bearer {inbox.account['access_token']}"}
    first = http.get("/mastodon/api/v1/conversations", headers=headers).json()[0]["last_status"]
    assert first["visibility"] == "direct"
    path = f"/mastodon/api/v1/statuses/{first['id']}"
    assert http.get(path, headers=headers).status_code == 200
    assert http.get(path).status_code == 404
