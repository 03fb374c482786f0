"""Metric contracts and what connectors collect are the same, in both directions; and the file refuses what is no contract."""

import importlib
from datetime import date
from pathlib import Path

import pytest

from contracts.errors import PulsoError
from contracts.metrics import METRIC_CONTRACTS, MetricGrain, known_metrics, metric_contracts
from contracts.networks import Capabilities, Network

COLLECTED_TODAY = date(2026, 6, 1)
"""A day on which the connectors as they are collect what is in force."""


def capabilities(network: Network) -> Capabilities:
    return importlib.import_module(f"platforms.{network.value}.client").CAPABILITIES


def promised(network: Network, grain: MetricGrain) -> set[str]:
    return {
        contract.metric
        for contract in metric_contracts().values()
        if (contract.network, contract.grain) == (network, grain) and contract.is_in_force(COLLECTED_TODAY)
    }


@pytest.mark.parametrize("network", Network)
def test_what_is_collected_has_a_contract_and_what_is_promised_is_collected(network: Network) -> None:
    collects = capabilities(network)
    assert promised(network, MetricGrain.POST) == set(collects.post_metrics)
    assert promised(network, MetricGrain.ACCOUNT_DAY) == set(collects.account_metrics)
    assert promised(network, MetricGrain.ACCOUNT) == {"followers"}  # every profile has them
    assert collects.has_account_metrics == bool(collects.account_metrics)


def test_retired_metrics_are_collected_no_more_and_name_what_takes_their_place() -> None:
    retired = [contract for contract in metric_contracts().values() if not contract.is_in_force(COLLECTED_TODAY)]
    assert {(c.network, c.metric) for c in retired} == {
        (Network.FACEBOOK, "impressions"),
        (Network.INSTAGRAM, "impressions"),
    }
    for contract in retired:
        assert contract.metric not in capabilities(contract.network).post_metrics
        assert contract.replaced_by in capabilities(contract.network).post_metrics


@pytest.mark.parametrize(
    ("network", "zone"),
    [("facebook", "America/Los_Angeles"), ("instagram", "America/Los_Angeles"), ("youtube", "America/Los_Angeles")],
)
def test_days_of_meta_and_youtube_end_in_california(network: str, zone: str) -> None:
    zones = {
        contract.day_boundary
        for contract in metric_contracts().values()
        if contract.network == network and contract.grain is MetricGrain.ACCOUNT_DAY
    }
    assert zones == {zone}


def test_every_known_metric_is_the_metric_of_some_network() -> None:
    names = set().union(*(capabilities(network).post_metrics for network in Network))
    assert names <= set(known_metrics(MetricGrain.POST))


SOUND = {
    "network": "bluesky",
    "grain": "account_day",
    "metric": "likes",
    "native_names": "n",
    "meaning": "What it counts.",
    "counts": "total",
    "traffic": "all",
    "day_boundary": "UTC",
    "sent_with": "all",
    "after_days": "0",
    "condition": "",
    "since": "",
    "until": "",
    "replaced_by": "",
    "evidence": "R",
}


def written(file: Path, *rows: dict[str, str]) -> Path:
    lines = [",".join(SOUND), *(",".join({**SOUND, **row}.values()) for row in rows)]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def test_a_sound_row_is_a_contract_in_force_between_its_days(tmp_path: Path) -> None:
    rows = {"since": "2026-01-01", "until": "2026-02-01", "replaced_by": "views"}, {"metric": "views"}
    contracts = metric_contracts(written(tmp_path / "sound.csv", *rows))
    contract = contracts[Network.BLUESKY, MetricGrain.ACCOUNT_DAY, "likes"]
    days = [date(2025, 12, 31), date(2026, 1, 1), date(2026, 1, 31), date(2026, 2, 1)]
    assert [contract.is_in_force(day) for day in days] == [False, True, True, False]


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ({"network": "myspace"}, "network"),
        ({"metric": "Likes"}, "metric"),
        ({"counts": "many"}, "counts"),
        ({"evidence": "X"}, "evidence"),
        ({"day_boundary": "client"}, "day_boundary of account_day is a zone"),
        ({"grain": "post"}, "day_boundary of post is 'client'"),
        ({"day_boundary": "America/Atlantis"}, "no time zone"),
        ({"sent_with": "some"}, "`condition`"),
        ({"since": "2026-02-01", "until": "2026-02-01"}, "ends before it begins"),
        ({"replaced_by": "views"}, "only what has ended"),
        ({"until": "2026-02-01", "replaced_by": "views"}, "has no contract"),
    ],
)
def test_a_broken_row_is_refused_by_name(tmp_path: Path, broken: dict[str, str], why: str) -> None:
    with pytest.raises(PulsoError, match=why):
        metric_contracts(written(tmp_path / "broken.csv", broken))


def test_a_metric_has_one_contract(tmp_path: Path) -> None:
    with pytest.raises(PulsoError, match="line 3: bluesky account_day likes has a contract already"):
        metric_contracts(written(tmp_path / "twice.csv", {}, {}))


def test_the_file_is_kept_in_order() -> None:
    """So that a diff shows a changed contract and nothing else."""
    order = {grain: number for number, grain in enumerate(("account", "post", "account_day"))}
    keys = [(c.network.value, order[c.grain.value]) for c in metric_contracts().values()]
    assert keys == sorted(keys)
    assert METRIC_CONTRACTS.read_text(encoding="utf-8").endswith("\n")
