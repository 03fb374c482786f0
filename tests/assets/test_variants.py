"""A written draft carries what its network asks for beside the text."""

import pytest

from apps.demo import demo_clients
from apps.demo.drafts import NO_POSTS, NOW
from assets.decisions.forecasting import Moment, as_posts
from assets.decisions.variants import Desk
from contracts.networks import ContentFormat, Network
from contracts.records import Account, ContentItem
from ml.content import propose_ideas
from policy import may_send

CLIENT = demo_clients()[0]


def link_post(network: Network) -> ContentItem:
    """A link post for a network as the draft asset writes it."""
    account = Account(
        account_id=f"{network.value}:1",
        client_id=CLIENT.client_id,
        network=network,
        native_id="1",
        handle="harbor",
        base_url="http://127.0.0.1",
    )
    desk = Desk({CLIENT.client_id: CLIENT}, {account.account_id: account}, (), NO_POSTS, NOW)
    ideas = propose_ideas(CLIENT, network, NO_POSTS, count=30, now=NOW, seed=1)
    idea = next(idea for idea in ideas if idea.content_format is ContentFormat.LINK)
    row = {
        "idea_id": idea.idea_id,
        "client_id": CLIENT.client_id,
        "account_id": account.account_id,
        "network": network.value,
        "content_format": idea.content_format.value,
        "pillar_id": idea.pillar_id,
        "fact_ids": list(idea.fact_ids),
        "angle": idea.angle,
    }
    (variant,) = desk.write(row, text_model=None, variants=1)
    return variant.item


@pytest.mark.parametrize(("network", "is_beside_the_text"), [(Network.FACEBOOK, True), (Network.BLUESKY, False)])
def test_a_link_post_has_its_link_where_the_network_wants_it(network: Network, is_beside_the_text: bool) -> None:
    item = link_post(network)
    assert CLIENT.brand.link
    assert CLIENT.brand.link in item.text
    assert item.options.link == (CLIENT.brand.link if is_beside_the_text else None)
    assert may_send(item, CLIENT, now=NOW).violations == ()


def test_a_forecast_knows_where_the_link_of_a_draft_leads() -> None:
    item = link_post(Network.FACEBOOK)
    titled = item.model_copy(update={"options": item.options.model_copy(update={"title": "A headline"})})
    moments = [Moment(item, CLIENT, NOW), Moment(titled, CLIENT, NOW), Moment(link_post(Network.BLUESKY), CLIENT, NOW)]
    cards = as_posts(moments).select("link_url", "link_title").rows()
    assert cards == [(CLIENT.brand.link, None), (CLIENT.brand.link, "A headline"), (None, None)]
