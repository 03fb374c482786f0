"""From a comment on a network to a row in bronze: signed delivery, kept once, one run for the account concerned and for no other.

The networks are the sandbox's, which signs and packs its deliveries with code of its own; receiver, store, sensor, job and connectors are the
real ones. Who was asked is counted at the networks, by faults that do nothing but count.
"""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import pytest
import uvicorn

from apps.webhooks import Receiver
from contracts.clock import FixedClock
from contracts.networks import Grant, Network
from contracts.records import Account, BrandKit, Client, Token
from contracts.scope import TenantScope
from contracts.settings import App, Settings
from contracts.tables import COMMENTS, POST_METRICS, POSTS, TableSpec
from lakehouse import DeltaLake
from operations import SqlStore, open_store, set_up
from orchestration.resources import ALL_RESOURCES
from orchestration.sensors import when_a_network_calls

pytestmark = pytest.mark.integration

CALLING = (Network.FACEBOOK, Network.INSTAGRAM, Network.LINKEDIN, Network.TIKTOK, Network.X)
EVERYONE = TenantScope.all_clients("a test")
WORD = "the word that was typed into the settings"
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class World:
    """A sandbox, a home whose accounts it serves, and a receiver that it can call."""

    admin: httpx.Client
    settings: Settings
    store: SqlStore
    receiver_url: str
    instance: dg.DagsterInstance

    def get(self, page: str, **params: str) -> Any:
        return self.admin.get(f"/_sandbox/{page}", params=params).raise_for_status().json()

    def post(self, page: str, **body: Any) -> Any:
        return self.admin.post(f"/_sandbox/{page}", json=body).raise_for_status().json()

    def count_calls(self) -> None:
        """Begin to count what each account's token is used for."""
        self.admin.delete("/_sandbox/faults").raise_for_status()
        for account in self.store.accounts(EVERYONE):
            params = {"seconds": 0, "account": account.native_id}
            self.post("faults", network=account.network.value, kind="slow", params=params)

    def asked(self) -> set[str]:
        """Accounts on whose behalf anything was asked since."""
        rules = self.get("faults")["faults"]
        return {f"{rule['network']}:{rule['params']['account']}" for rule in rules if rule["fired"]}

    def tick(self) -> list[dg.RunRequest]:
        """One look of the sensor at the deliveries, with the resources that the daemon gives it."""
        from orchestration.definitions import defs

        resources = {name: ALL_RESOURCES[name] for name in ("store", "clock")}
        with dg.build_sensor_context(instance=self.instance, resources=resources, definitions=defs) as context:
            return list(when_a_network_calls.evaluate_tick(context).run_requests or [])

    def run(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        from orchestration.definitions import defs

        return defs.resolve_job_def("observe_notified").execute_in_process(
            run_config={**request.run_config, **QUIET},
            partition_key=request.partition_key,
            tags=dict(request.tags),
            instance=self.instance,
            raise_on_error=False,
        )


def free_of_proxies(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=60, trust_env=False)


@contextmanager
def running_receiver(settings: Settings, store: SqlStore) -> Iterator[str]:
    """The receiver on a free port, as the sandbox has to reach it over TCP."""
    config = uvicorn.Config(Receiver(settings, store).app(), host="127.0.0.1", port=0, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the receiver did not start"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/webhooks"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def world(running_world: World) -> Iterator[World]:
    """Nobody is subscribed, and no delivery waits."""
    yield running_world
    running_world.admin.delete("/_sandbox/faults").raise_for_status()
    for network in CALLING:
        running_world.admin.delete(f"/_sandbox/webhooks/{network.value}").raise_for_status()


@pytest.fixture(scope="module")
def running_world(tmp_path_factory: pytest.TempPathFactory, project_root: Path) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("webhooks")
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--state-dir", str(folder / "sandbox"), "--crowd", "18"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=project_root) as process:
        assert process.stdout is not None
        url = process.stdout.readline().removeprefix("READY ").strip()
        try:
            with pytest.MonkeyPatch.context() as environment, free_of_proxies(url) as admin:
                listing = [a for a in admin.get("/_sandbox/accounts").json() if not a["is_competitor"]]
                secret = next(a["app_secret"] for a in listing if a["network"] == "x")
                apps = {n: App(app_id="pulso-sandbox", app_secret=secret, verify_token=WORD) for n in CALLING}
                settings = Settings(home=folder / "home", network_base_url=url, apps=apps)
                environment.setenv("PULSO_HOME", str(settings.home))
                environment.setenv("PULSO_NETWORK_BASE_URL", url)
                set_up(settings)
                clock = FixedClock(datetime.fromisoformat(admin.get("/_sandbox/clock").json()["now"]))
                with (
                    open_store(settings, clock=clock) as store,
                    running_receiver(settings, store) as receiver_url,
                    dg.DagsterInstance.ephemeral() as instance,
                ):
                    register(store, listing, url)
                    yield World(admin, settings, store, receiver_url, instance)
        finally:
            process.terminate()


def register(store: SqlStore, listing: list[dict[str, Any]], url: str) -> None:
    brand = BrandKit(voice="", audience="", pillars=(), facts=())
    for known in listing:
        network, slug = Network(known["network"]), known["client_slug"]
        if network not in CALLING:
            continue
        store.save_client(Client(client_id=slug, name=slug, time_zone="UTC", language="en", brand=brand), actor="test")
        account = Account(
            account_id=f"{network.value}:{known['native_id']}",
            client_id=slug,
            network=network,
            native_id=known["native_id"],
            handle=known["handle"],
            base_url=f"{url}/{network.value}",
        )
        store.save_account(account, actor="test")
        token = Token(access_token=known["access_token"], refresh_token=known["refresh_token"])
        store.save_credential(account.account_id, token, actor="test")
        for grant, given in known.get("grants", {}).items():
            more = Token(access_token=given["access_token"], refresh_token=given["refresh_token"])
            store.save_credential(account.account_id, more, actor="test", grant=Grant(grant))


@pytest.mark.parametrize("network", CALLING)
def test_a_comment_is_delivered_kept_once_and_read_and_nobody_else_is_asked(world: World, network: Network) -> None:
    subscribed = world.post(
        "webhooks", network=network.value, url=f"{world.receiver_url}/{network.value}", verify_token=WORD
    )
    assert network.value in subscribed["subscriptions"]
    before = len(world.store.deliveries(EVERYONE))
    for _ in range(200):  # comments come when they come
        world.post("clock", advance_seconds=1800)
        if len(world.store.deliveries(EVERYONE)) > before:
            break
    told = [d for d in world.get("webhooks")["deliveries"] if d["network"] == network.value]
    assert told
    assert {d["status"] for d in told} == {200}
    kept = world.store.deliveries(EVERYONE)[before:]
    assert {d.state for d in kept} == {"received"}

    again = world.post("webhooks/deliver", again=True)
    repeated = [d for d in again["deliveries"] if d["network"] == network.value]
    assert {(d["status"], d["tries"]) for d in repeated} == {(200, 2)}
    assert len(world.store.deliveries(EVERYONE)) == before + len(kept), "the same delivery is kept once"

    concerned = {d.account_id for d in kept}
    [request] = world.tick()
    assert world.tick()[0].run_key == request.run_key, "a tick that got lost is made good, under the same key"
    world.count_calls()
    result = world.run(request)
    assert result.success
    assert world.asked() == concerned

    assert world.tick() == [], "nothing triggers twice"
    assert {d.state for d in world.store.deliveries(EVERYONE)[before:]} == {"collected"}
    lake = DeltaLake(world.settings.lake_path)
    posts, comments, counts = (rows_of(lake, table, network) for table in (POSTS, COMMENTS, POST_METRICS))
    assert {row["account_id"] for rows in (posts, comments, counts) for row in rows} == concerned
    named = {native_id for delivery in kept for native_id in delivery.native_post_ids}
    assert named <= {row["native_id"] for row in posts}
    assert {f"{network.value}:{native_id}" for native_id in named} <= {row["post_id"] for row in counts}
    written = {c["native_id"]: c["text"] for c in world.get("comments", network=network.value, origin="audience")}
    told_of = {native_id for native_id in written if any(native_id in d["body"] for d in told)}
    assert told_of
    assert {native_id: written[native_id] for native_id in told_of}.items() <= {
        row["native_id"]: row["text"] for row in comments
    }.items()


def rows_of(lake: DeltaLake, table: TableSpec, network: Network) -> list[dict[str, Any]]:
    rows = lake.scan(table, scope=EVERYONE).collect().to_dicts()
    return [row for row in rows if row["network"] == network.value]


def test_a_post_of_ones_own_is_told_and_the_account_read(world: World) -> None:
    account = next(a for a in world.store.accounts(EVERYONE) if a.network is Network.X)
    world.post("webhooks", network="x", url=f"{world.receiver_url}/x")
    token = asyncio.run(world.store.tokens.load(account.account_id)).access_token
    published = world.admin.post(
        "/x/2/tweets", json={"text": "Told by ourselves"}, headers={"authorization": f"Bearer {token}"}
    )
    native_id = published.raise_for_status().json()["data"]["id"]
    world.post("webhooks/deliver")
    [delivery] = world.store.deliveries(EVERYONE, states=("received",))
    assert (delivery.account_id, delivery.native_post_ids) == (account.account_id, ())

    [request] = world.tick()
    assert world.run(request).success
    assert world.tick() == []
    posts = DeltaLake(world.settings.lake_path).scan(POSTS, scope=EVERYONE).collect()
    assert native_id in posts["native_id"].to_list()


def test_an_account_that_cannot_be_read_leaves_its_delivery_failed_with_the_reason(world: World) -> None:
    account = next(a for a in world.store.accounts(EVERYONE) if a.network is Network.LINKEDIN)
    world.store.save_credential(account.account_id, Token(access_token="revoked"), actor="test")
    world.post("webhooks", network="linkedin", url=f"{world.receiver_url}/linkedin")
    for _ in range(200):
        world.post("clock", advance_seconds=1800)
        if any(d.account_id == account.account_id for d in world.store.deliveries(EVERYONE, states=("received",))):
            break
    [request] = world.tick()
    assert world.run(request).success, "one account's failure fails no run"
    assert world.tick() == []
    [failed] = world.store.deliveries(EVERYONE, states=("failed",))
    assert failed.account_id == account.account_id
    assert "auth" in str(failed.reason) or "token" in str(failed.reason).lower()


def test_an_address_that_cannot_meet_the_challenge_is_not_subscribed(world: World) -> None:
    wrong = world.admin.post(
        "/_sandbox/webhooks",
        json={"network": "facebook", "url": f"{world.receiver_url}/facebook", "verify_token": "a guess"},
    )
    assert wrong.status_code == 400
    assert "did not meet the challenge: 403" in wrong.json()["error"]
    assert ("facebook", "challenge") in {(r.network, r.reason) for r in world.store.refusals()}
