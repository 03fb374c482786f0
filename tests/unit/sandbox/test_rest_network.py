"""The course of a request over a made-up network: caller, faults, limits, durable posts, own keys, a crowd of accounts."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from sandbox.app import DEFAULT_NOW, Options, build_app
from sandbox.clock import WorldClock
from sandbox.credentials import Credentials
from sandbox.faults import FaultPlane
from sandbox.host import Host
from sandbox.limits import RateLimits, Window
from sandbox.networks.rest import Endpoint, RestCall, RestNetwork
from sandbox.state import State
from sandbox.wire import Answer, Refusal
from sandbox.world.ids import NETWORKS, account_id_of, comment_id, post_id
from sandbox.world.model import to_ms
from sandbox.world.residents import crowd
from sandbox.world.seeded import SeededWorld


class Chirp(RestNetwork):
    network = "x"

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint("GET", "/posts", "read", self._posts),
            Endpoint("POST", "/posts", "publish", self._publish),
        )

    def bad_token(self, reason: str) -> Refusal:
        return Refusal(401, {"error": reason})

    def rate_limited(self, call: RestCall, window: Window | None) -> Refusal:
        return Refusal(429, {"error": "slow down"})

    def server_error(self, status: int) -> Refusal:
        return Refusal(status, {"error": "oops"})

    def not_found(self) -> Refusal:
        return Refusal(404, {"error": "no such page"})

    def spend(self, call: RestCall) -> Window:
        return self.host.limits.spend(f"x:{call.token}", 1, 3, 900)

    async def _posts(self, call: RestCall) -> Answer:
        return Answer([post.native_id for post in self.feed(call, call.caller).posts if post.origin == "api"])

    async def _publish(self, call: RestCall) -> Answer:
        body = call.json()
        published, is_new = self.host.publish(
            call.caller, body["text"], content_format="text", key=body.get("key"), reply_to=body.get("reply_to")
        )
        return Answer({"id": published.post.native_id}, 201 if is_new else 200)


@pytest.fixture
def chirp(tmp_path: Path):
    def start(*, factor: int = 1000) -> tuple[TestClient, Chirp]:
        state = State(tmp_path)
        world = SeededWorld(7, to_ms(DEFAULT_NOW), crowd_size=18)
        host = Host(
            world, state, WorldClock(state, world.start_ms), FaultPlane(), RateLimits(factor), "http://localhost"
        )
        network = Chirp(host, Credentials(state))
        return TestClient(Starlette(routes=network.routes())), network

    return start


def bearer(network: Chirp) -> dict[str, str]:
    account = next(a for a in network.host.accounts.values() if a.network == "x" and not a.is_competitor)
    return {"authorization": f"Bearer {network.credentials.grant(account).access}"}


def test_who_calls_is_known_by_the_token(chirp):
    client, network = chirp()
    assert client.get("/x/posts").json() == {"error": "missing"}
    assert client.get("/x/posts", headers={"authorization": "Bearer nonsense"}).json() == {"error": "invalid"}
    headers = bearer(network)
    network.host.faults.add({"network": "x", "operation": "read", "kind": "expire_token", "times": 1})
    assert client.get("/x/posts", headers=headers).json() == {"error": "expired"}
    assert client.get("/x/posts", headers=bearer(network)).json() == []
    assert client.get("/x/elsewhere").status_code == 404


def test_a_post_survives_a_restart_and_its_key_makes_it_once(chirp):
    client, network = chirp()
    headers = bearer(network)
    first = client.post("/x/posts", json={"text": "one", "key": "k"}, headers=headers)
    again = client.post("/x/posts", json={"text": "other", "key": "k"}, headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    answer = client.post("/x/posts", json={"text": "answer", "reply_to": first.json()["id"]}, headers=headers)
    assert first.json() == again.json()
    network.host.state.close()
    client, network = chirp()
    assert client.get("/x/posts", headers=bearer(network)).json() == [first.json()["id"], answer.json()["id"]]
    post = network.host.post("x", first.json()["id"])
    assert [p.native_id for p in network.host.answers(post.native_id)] == [answer.json()["id"]]
    assert network.has_recent_twin(network.host.accounts[post.account_id], "one", within_ms=1000) == post
    network.host.delete(post)
    network.host.state.close()
    client, network = chirp()
    assert client.get("/x/posts", headers=bearer(network)).json() == [answer.json()["id"]]


def test_a_limit_refuses_and_takes_nothing(chirp):
    client, network = chirp(factor=1)
    headers = bearer(network)
    assert [client.get("/x/posts", headers=headers).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_single_use_refresh_tokens_are_gone_after_use(chirp):
    _, network = chirp()
    account = next(a for a in network.host.accounts.values() if a.network == "x" and not a.is_competitor)
    grant = network.credentials.grant(account)
    owner, fresh = network.credentials.renew("x", grant.refresh)
    assert owner == account.native_id
    assert network.credentials.account_of("x", fresh.access) == account.native_id
    with pytest.raises(Exception, match="expired"):
        network.credentials.renew("x", grant.refresh)


def test_the_crowd_is_spread_over_all_networks():
    residents = crowd(90, rate=0.3)
    assert Counter(resident.account.network for resident in residents) == dict.fromkeys(NETWORKS, 10)
    assert len({resident.account.native_id for resident in residents}) == 90
    assert len({resident.account.client_slug for resident in residents}) == 10


@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_has_posts_counts_and_comments(network):
    world = SeededWorld(7, to_ms(DEFAULT_NOW), crowd_size=9)
    account = next(a for a in world.accounts if a.network == network and a.handle.startswith("crowd"))
    posts = world.posts(account, world.start_ms)
    assert len(posts) > 5
    assert len({post.native_id for post in posts}) == len(posts)
    assert all(world.counts(post, world.start_ms)["likes"] >= 0 for post in posts)
    assert account.native_id == account_id_of(network, account.handle)
    assert post_id(network, account.native_id, 1, "a") != post_id(network, account.native_id, 1, "b")
    assert comment_id(network, posts[0].native_id, "them", 1, 0) != comment_id(
        network, posts[0].native_id, "them", 1, 1
    )


def test_the_server_takes_a_crowd(tmp_path: Path):
    app = build_app(Options(base_url="http://localhost", state_dir=tmp_path, crowd=27))
    accounts = TestClient(app).get("/_sandbox/accounts").json()
    crowded = [a for a in accounts if a["handle"].startswith("crowd")]
    assert len(crowded) == 27
    assert all(a["access_token"] for a in crowded)
