"""What a connector declares and what policy has rules for are the same, network by network."""

import importlib
from pathlib import Path

import pytest

from apps.network_limits_page import render
from contracts.networks import Network
from policy import LIMITS

PLATFORMS = Path(__file__).resolve().parents[2] / "platforms"
CONNECTED = [network for network in Network if (PLATFORMS / network.value / "client.py").is_file()]


def capabilities(network: Network):
    return importlib.import_module(f"platforms.{network.value}.client").CAPABILITIES


def test_there_are_connectors_to_compare() -> None:
    assert {Network.BLUESKY, Network.INSTAGRAM} <= set(CONNECTED)


@pytest.mark.parametrize("network", CONNECTED)
def test_every_format_that_is_published_has_limits_and_the_other_way_round(network: Network) -> None:
    published, limited = capabilities(network).formats, set(LIMITS[network].formats)
    assert published - limited == set(), "published without limits"
    assert limited - published == set(), "allowed and not published"


@pytest.mark.parametrize("network", CONNECTED)
def test_every_option_that_a_connector_carries_is_carried_by_some_format(network: Network) -> None:
    limits = LIMITS[network]
    allowed = limits.options.union(*(form.options | form.required for form in limits.formats.values()))
    assert capabilities(network).options - allowed == set(), "carried, and refused by policy"
    assert allowed - capabilities(network).options == set(), "allowed, and refused by the connector"


def test_the_page_of_limits_is_in_step_with_the_table() -> None:
    page = PLATFORMS.parent / "docs" / "networks.md"
    assert page.read_text(encoding="utf-8") == render(), "run `pulso docs` and commit the result"


def test_the_page_names_every_network_and_format() -> None:
    sections = render().split("\n## ")[1:]
    assert len(sections) == len(Network)
    for network, section in zip(Network, sections, strict=True):
        rows = [line.split(" | ")[0].removeprefix("| ") for line in section.splitlines() if line.startswith("| ")][2:]
        assert rows == sorted(content_format.value for content_format in LIMITS[network].formats)


@pytest.mark.parametrize("network", CONNECTED)
def test_answers_are_allowed_only_where_they_can_be_given(network: Network) -> None:
    assert capabilities(network).can_reply == (LIMITS[network].replies is not None)


@pytest.mark.parametrize("network", CONNECTED)
def test_messages_are_declared_exactly_where_they_can_be_read(network: Network) -> None:
    module = importlib.import_module(f"platforms.{network.value}.client")
    (connector,) = [
        kind for name, kind in vars(module).items() if name.endswith("Connector") and kind.__module__ == module.__name__
    ]
    assert hasattr(connector, "messages") is capabilities(network).has_messages


@pytest.mark.parametrize("network", CONNECTED)
def test_messages_are_allowed_only_where_they_can_be_sent(network: Network) -> None:
    declared = capabilities(network)
    assert declared.can_message == (LIMITS[network].messages is not None)
    assert declared.has_messages or not declared.can_message
