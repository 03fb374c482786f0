"""What the offline composer drafts can be sent, on every network; where nothing is drafted, that is said beforehand with the reason."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.demo import demo_clients
from apps.demo.drafts import NO_POSTS, NOW
from assets.decisions.ideas import content_ideas
from assets.decisions.options import options_for, title_of, why_not_drafted
from assets.decisions.variants import Desk, choose
from contracts.clock import FixedClock
from contracts.networks import ContentFormat, Network
from contracts.records import Account, AccountTerms, Board, Client, ContentItem
from lakehouse import DeltaLake
from ml.content import FORMATS, NOT_DRAFTED, propose_ideas
from policy import LIMITS, limits_for, may_send
from policy.limit_shapes import TextLimit
from policy.text_measures import CHARACTERS, UTF16
from providers.images import BrandCards
from providers.media import LocalMedia
from tests.assets.fakes import FakeCollector, FakePublisher, FakeStore, House

CLIENTS = demo_clients()
BOARD = Board(board_id="54", name="Recipes", is_public=True)


def account(network: Network, client: Client = CLIENTS[0]) -> Account:
    return Account(
        account_id=f"{network.value}:1",
        client_id=client.client_id,
        network=network,
        native_id="1",
        handle="harbor",
        base_url="http://127.0.0.1:1",
    )


def terms_of(network: Network, **configuration: Any) -> AccountTerms:
    boards = (BOARD,) if network is Network.PINTEREST else ()
    return AccountTerms(account_id=f"{network.value}:1", boards=boards, configuration=configuration, read_at=NOW)


def drafts(
    client: Client, network: Network, terms: AccountTerms, folder: Path
) -> list[tuple[dict[str, Any], ContentItem]]:
    """What the draft asset would write of this client's next ideas."""
    of = account(network, client)
    desk = Desk({client.client_id: client}, {of.account_id: of}, (), NO_POSTS, NOW, {of.account_id: terms})
    found = []
    for idea in propose_ideas(client, network, NO_POSTS, count=3, now=NOW, seed=3):
        row = {
            "idea_id": idea.idea_id,
            "client_id": client.client_id,
            "account_id": of.account_id,
            "network": network.value,
            "content_format": idea.content_format.value,
            "pillar_id": idea.pillar_id,
            "fact_ids": list(idea.fact_ids),
            "angle": idea.angle,
        }
        if variants := desk.write(row, text_model=None, variants=2):
            outlook = [None] * len(variants)
            found.append(choose(row, variants, outlook, image_maker=BrandCards(), media=LocalMedia(folder), now=NOW))
    return found


@pytest.mark.parametrize("network", Network)
def test_a_network_is_drafted_for_or_says_why_not(network: Network) -> None:
    assert bool(FORMATS[network]) != (network in NOT_DRAFTED)
    assert set(FORMATS[network]) <= set(LIMITS[network].formats)


@pytest.mark.parametrize("network", [network for network in Network if network not in NOT_DRAFTED])
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.language)
def test_every_draft_can_be_sent(network: Network, client: Client, tmp_path: Path) -> None:
    made = drafts(client, network, terms_of(network), tmp_path)
    assert made, "nothing was drafted"
    for row, item in made:
        assert row["is_allowed"], row["violations"]
        assert may_send(item, client, now=NOW + timedelta(days=1)).violations == ()


def test_a_pin_goes_to_the_accounts_board(tmp_path: Path) -> None:
    chosen = Board(board_id="77", name="Shop", is_public=False)
    terms = terms_of(Network.PINTEREST).model_copy(update={"boards": (BOARD, chosen), "chosen_board_id": "77"})
    assert {item.options.board_id for _, item in drafts(CLIENTS[0], Network.PINTEREST, terms, tmp_path)} == {"77"}


def test_an_instance_that_takes_little_gets_short_drafts_and_one_that_takes_much_may_get_long_ones(
    tmp_path: Path,
) -> None:
    short = terms_of(Network.MASTODON, statuses={"max_characters": 160})
    made = drafts(CLIENTS[0], Network.MASTODON, short, tmp_path)
    assert made
    for row, item in made:
        assert row["is_allowed"], row["violations"]
        assert limits_for(Network.MASTODON, short).text[0].excess(item.text) == 0
        assert len(item.text) <= 160


def test_a_draft_that_an_instance_would_refuse_is_refused_here(tmp_path: Path) -> None:
    no_jpeg = terms_of(Network.MASTODON, media_attachments={"supported_mime_types": ["image/png"]})
    verdicts = {
        item.content_format: (row["is_allowed"], [v["rule"] for v in json.loads(row["violations"])])
        for row, item in drafts(CLIENTS[0], Network.MASTODON, no_jpeg, tmp_path)
    }
    assert verdicts[ContentFormat.TEXT] == (True, [])
    assert verdicts[ContentFormat.IMAGE] == (False, ["media_type"])


@pytest.mark.parametrize(
    ("network", "terms", "words"),
    [
        (Network.YOUTUBE, None, "film"),
        (Network.PINTEREST, None, "pulso accounts boards pinterest:1"),
        (
            Network.PINTEREST,
            AccountTerms(account_id="pinterest:1", read_at=NOW),
            "pulso accounts set-board pinterest:1",
        ),
    ],
)
def test_what_cannot_be_drafted_for_says_why(network: Network, terms: AccountTerms | None, words: str) -> None:
    assert words in (why_not_drafted(account(network), LIMITS[network], terms) or "")


def test_the_run_names_the_accounts_that_get_no_draft_and_drafts_for_the_others(tmp_path: Path) -> None:
    with_ideas = {Network.PINTEREST, Network.BLUESKY}
    store = FakeStore((CLIENTS[0],), tuple(account(n) for n in (*with_ideas, Network.YOUTUBE)))
    store.keep_terms([terms_of(Network.PINTEREST)])
    house = House(DeltaLake(tmp_path), store, FakeCollector(), FakePublisher(), FixedClock(NOW))
    NO_POSTS.write_delta(tmp_path / "gold" / "fct_posts")
    result = house.materialize(content_ideas)
    assert result.success
    (event,) = result.get_asset_materialization_events()
    told = event.materialization.metadata["nothing_drafted_for"].value
    assert told == f"youtube:1: {NOT_DRAFTED[Network.YOUTUBE]}"
    assert {row["network"] for row in house.rows("decisions/content_ideas")} == {n.value for n in with_ideas}


@pytest.mark.parametrize("network", Network)
@pytest.mark.parametrize("content_format", ContentFormat)
def test_options_that_can_be_derived_are_there_for_every_format(
    network: Network, content_format: ContentFormat
) -> None:
    """A film that somebody attaches to a text gets its title the same way."""
    limits = LIMITS[network]
    if content_format not in limits.formats:
        return
    options = options_for(content_format, "Two for one.\nOnly today.", CLIENTS[0], limits, terms_of(network))
    needed = limits.formats[content_format].required & {"title", "link", "board_id"}
    assert {name for name in ("title", "link", "board_id") if getattr(options, name)} == needed


@given(st.text(max_size=400), st.sampled_from([TextLimit(CHARACTERS, 100), TextLimit(UTF16, 90)]))
def test_a_title_is_the_first_line_as_far_as_it_fits(text: str, limit: TextLimit) -> None:
    title = title_of(text, limit, "<>")
    if title is None:
        assert not text.replace("<", "").replace(">", "").strip()
        return
    assert title.strip()
    assert limit.excess(title) == 0
    assert not set(title) & set("<>\n")
    first = next(line.strip() for line in text.translate({60: None, 62: None}).splitlines() if line.strip())
    assert first.startswith(title.removesuffix("…"))
