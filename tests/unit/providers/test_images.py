import io
from dataclasses import replace

import pytest
from PIL import Image

from contracts.errors import ProviderError
from contracts.ports import CardRequest
from providers.images import MAX_BYTES, BrandCards, _font

REQUEST = CardRequest(
    headline="Na previsão, olhe também o período: força, maré e direção.",
    footer="Brisa Surf",
    primary_colour="#0b4f6c",
    secondary_colour="#ffb86b",
    seed=3,
)


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


@pytest.mark.parametrize(("width", "height"), [(1080, 1080), (1080, 1350), (1080, 566), (320, 320), (4096, 4096)])
def test_a_card_is_a_small_jpeg_of_the_asked_size(width, height) -> None:
    content = BrandCards().card(replace(REQUEST, width=width, height=height))
    image = opened(content)
    assert (image.format, image.size, image.mode) == ("JPEG", (width, height), "RGB")
    assert len(content) <= MAX_BYTES


def test_the_same_request_gives_the_same_bytes_and_another_seed_another_card() -> None:
    cards = [BrandCards().card(replace(REQUEST, seed=seed)) for seed in (3, 3, 4, 5, 6)]
    assert cards[0] == cards[1]
    assert len(set(cards)) >= 4


def test_the_card_wears_the_brands_colours() -> None:
    image = opened(BrandCards().card(replace(REQUEST, primary_colour="#802020", secondary_colour="#f0f000")))
    red, green, blue = image.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    assert red > green
    assert red > 1.5 * blue


def test_the_headline_can_be_read_on_dark_and_on_light_brands() -> None:
    for primary in ("#101010", "#fafafa"):
        request = replace(REQUEST, primary_colour=primary, secondary_colour=primary)
        with_text, without = (
            opened(BrandCards().card(r)).convert("L") for r in (request, replace(request, headline=" ", footer=" "))
        )
        box = (80, 160, 1000, 640)
        with_low, with_high = with_text.crop(box).getextrema()
        low, high = without.crop(box).getextrema()
        assert (with_high - with_low) - (high - low) > 80


def test_letters_of_every_client_language_are_in_the_font() -> None:
    missing = _font(40).getmask("\U0010ffff").getbbox()
    for letter in "áéíóúüñçãõâêôàÁÉÑ¿¡ªº€°“”«»…•–—":
        assert _font(40).getmask(letter).getbbox() != missing, letter


@pytest.mark.parametrize(
    "headline",
    ["", "☕🤎", "Donaudampfschifffahrtsgesellschaftskapitän" * 3, "word " * 300, "line\nbreaks\n\nstay calm", "‮abc"],
)
def test_any_headline_is_drawn(headline: str) -> None:
    assert opened(BrandCards().card(replace(REQUEST, headline=headline))).size == (1080, 1080)


@pytest.mark.parametrize(
    "change", [{"primary_colour": "blurple"}, {"secondary_colour": "#12"}, {"width": 0}, {"height": 100_000}]
)
def test_what_cannot_be_drawn_is_a_provider_error(change) -> None:
    with pytest.raises(ProviderError):
        BrandCards().card(replace(REQUEST, **change))
