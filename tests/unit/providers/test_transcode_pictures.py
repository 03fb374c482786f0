"""Pictures that a network would refuse come out as ones that policy allows, and what was done is said."""

import io
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from contracts.errors import ProviderError
from contracts.media import PictureLimits
from contracts.networks import ContentFormat, Network
from policy import LIMITS
from policy.limit_shapes import FormatLimits
from policy.media_rules import check_one
from providers.media import LocalMedia
from providers.transcode import LocalMender


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """A picture that compresses badly: noise, scaled up a little."""
    bands = len(Image.new(mode, (1, 1)).getbands())
    small = max(1, width // 2), max(1, height // 2)
    return Image.frombytes(mode, small, Random(7).randbytes(small[0] * small[1] * bands)).resize((width, height))


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def library(tmp_path: Path) -> LocalMedia:
    return LocalMedia(tmp_path)


@pytest.fixture
def mender(library: LocalMedia) -> LocalMender:
    return LocalMender(library)


def broken(media, limits: PictureLimits) -> list[str]:
    form = FormatLimits((1, 1), limits)
    return [violation.rule for violation in check_one(media, form, network="n", what="a post")]


INSTAGRAM = LIMITS[Network.INSTAGRAM].formats[ContentFormat.IMAGE].picture
BLUESKY = LIMITS[Network.BLUESKY].formats[ContentFormat.IMAGE].picture


def test_a_picture_that_fits_is_left_alone(library, mender) -> None:
    media = library.save(encoded(noise(400, 400)), alt_text="a loaf")
    mended = mender.mend_picture(media, INSTAGRAM)
    assert mended.media == media
    assert mended.changes == ()


def test_a_tall_picture_is_cropped_to_four_to_five_around_its_middle(library, mender) -> None:
    image = Image.new("RGB", (800, 1400), "white")
    image.paste("red", (0, 0, 800, 180))
    image.paste("red", (0, 1220, 800, 1400))
    media = library.save(encoded(image), alt_text="a loaf")
    mended = mender.mend_picture(media, INSTAGRAM)
    assert mended.changes == ("Cropped around its middle from 800 x 1400 to 800 x 1000 (4:5).",)
    assert (mended.media.width, mended.media.height, mended.media.alt_text) == (800, 1000, "a loaf")
    with Image.open(io.BytesIO(library.read(mended.media.path))) as cropped:
        assert all(low > 240 for low, _ in cropped.getextrema())  # the red ends are gone
    assert library.read(media.path) == encoded(image)  # the file given is untouched


def test_a_wide_picture_is_cropped_and_a_png_becomes_a_jpeg(library, mender) -> None:
    media = library.save(encoded(noise(1000, 300), "PNG"), alt_text="")
    mended = mender.mend_picture(media, INSTAGRAM)
    assert mended.changes == (
        "Cropped around its middle from 1000 x 300 to 573 x 300 (1.91:1).",
        "Converted from PNG to JPEG.",
    )
    assert mended.media.mime_type == "image/jpeg"
    assert broken(mended.media, INSTAGRAM) == []


def test_transparency_is_kept_where_it_can_be_and_told_where_it_cannot(library, mender) -> None:
    clear = Image.new("RGBA", (400, 400), (0, 128, 128, 0))
    media = library.save(encoded(clear, "WEBP"), alt_text="")
    png = mender.mend_picture(media, PictureLimits(frozenset({"image/png", "image/jpeg"}), 10**6))
    assert (png.media.mime_type, png.changes) == ("image/png", ("Converted from WEBP to PNG.",))
    jpeg = mender.mend_picture(media, INSTAGRAM)
    assert jpeg.changes == ("Converted from WEBP to JPEG.", "What was transparent is white now.")
    with Image.open(io.BytesIO(library.read(jpeg.media.path))) as flat:
        assert flat.getpixel((200, 200)) == (255, 255, 255)


def test_a_photograph_is_turned_as_its_camera_meant_it(library, mender) -> None:
    image = Image.new("RGB", (600, 500), "white")
    image.paste("red", (0, 0, 600, 100))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    exif[0x010F] = "A maker whose name nobody needs"
    media = library.save(encoded(image, exif=exif), alt_text="")
    mended = mender.mend_picture(media, INSTAGRAM)
    assert mended.changes == ("Turned upright, as its camera marked it.",)
    assert (mended.media.width, mended.media.height) == (500, 600)
    with Image.open(io.BytesIO(library.read(mended.media.path))) as upright:
        assert upright.getpixel((450, 300))[2] < 60  # the red edge is at the right
        assert not upright.getexif()
    assert mender.mend_picture(mended.media, INSTAGRAM).changes == ()


def test_a_heavy_picture_loses_quality_first_and_pixels_only_then(library, mender) -> None:
    content = encoded(noise(1200, 1000), quality=98)
    media = library.save(content, alt_text="")
    roomy = PictureLimits(frozenset({"image/jpeg"}), len(content) * 2 // 3)
    mended = mender.mend_picture(media, roomy)
    assert (mended.media.width, mended.media.height) == (1200, 1000)
    assert mended.changes == (f"Compressed from {len(content):,} to {mended.media.size_bytes:,} bytes.",)
    tight = PictureLimits(frozenset({"image/jpeg"}), 100_000)
    mended = mender.mend_picture(media, tight)
    assert mended.media.size_bytes <= 100_000
    assert mended.media.width < 1200
    assert [words.split()[0] for words in mended.changes] == ["Scaled", "Compressed"]


def test_rounding_while_scaling_does_not_put_the_shape_out_of_bounds(library, mender) -> None:
    """771 x 403 is within 1.91:1; the next smaller size, 655 x 342, would not be."""
    image = noise(771, 403)
    media = library.save(encoded(image), alt_text="")
    smallest = len(encoded(image, quality=65, optimize=True, progressive=True))
    limits = PictureLimits(frozenset({"image/jpeg"}), smallest - 2_000, max_ratio=1.91)
    mended = mender.mend_picture(media, limits)
    assert (mended.media.width, mended.media.height) == (653, 342)
    assert broken(mended.media, limits) == []


def test_a_heavy_png_becomes_a_jpeg_only_where_nothing_is_transparent(library, mender) -> None:
    limits = PictureLimits(frozenset({"image/png", "image/jpeg"}), 600_000)
    opaque = mender.mend_picture(library.save(encoded(noise(900, 900), "PNG"), alt_text=""), limits)
    assert opaque.media.mime_type == "image/jpeg"
    assert "Converted from PNG to JPEG, which is smaller." in opaque.changes
    clear = mender.mend_picture(library.save(encoded(noise(900, 900, "RGBA"), "PNG"), alt_text=""), limits)
    assert clear.media.mime_type == "image/png"
    assert clear.media.width < 900
    assert broken(opaque.media, limits) == broken(clear.media, limits) == []


def test_too_many_pixels_are_scaled_down(library, mender) -> None:
    media = library.save(encoded(noise(1200, 900)), alt_text="")
    mended = mender.mend_picture(media, PictureLimits(frozenset({"image/jpeg"}), 10**7, max_pixels=600 * 600))
    assert mended.media.width * mended.media.height <= 600 * 600
    assert mended.changes == (f"Scaled down from 1200 x 900 to {mended.media.width} x {mended.media.height}.",)


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "I;16", "LA", "RGBA"])
def test_pictures_of_any_mode_become_pictures_that_instagram_takes(mode: str, library, mender) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    image = noise(500, 900, "RGBA").convert("L").convert("I;16") if mode == "I;16" else noise(500, 900).convert(mode)
    mended = mender.mend_picture(library.save(encoded(image, kind), alt_text=""), INSTAGRAM)
    assert broken(mended.media, INSTAGRAM) == []
    with Image.open(io.BytesIO(library.read(mended.media.path))) as fitting:
        assert fitting.mode == "RGB"


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    limits=st.sampled_from(
        [f.picture for limits in LIMITS.values() for f in limits.formats.values() if f.picture]
        + [PictureLimits(frozenset({"image/jpeg"}), 120_000, min_ratio=0.8, max_ratio=1.91, max_pixels=250_000)]
    ),
    width=st.integers(320, 1000),
    height=st.integers(320, 1000),
    kind=st.sampled_from(["JPEG", "PNG", "WEBP"]),
)
def test_what_was_mended_is_allowed_and_stays_as_it_is(limits, width, height, kind, library, mender) -> None:
    media = library.save(encoded(noise(width, height), kind), alt_text="a loaf")
    was_broken = broken(media, limits)
    mended = mender.mend_picture(media, limits)
    assert broken(mended.media, limits) == []
    assert bool(mended.changes) == bool(was_broken) == (mended.media != media)
    assert mender.mend_picture(mended.media, limits).changes == ()
    assert mender.mend_picture(media, limits) == mended  # the same again, in the same file


def test_what_cannot_be_made_to_fit_is_said(library, mender, tmp_path) -> None:
    media = library.save(encoded(noise(400, 400)), alt_text="")
    with pytest.raises(ProviderError, match="cannot be compressed to 500 bytes"):
        mender.mend_picture(media, PictureLimits(frozenset({"image/jpeg"}), 500))
    with pytest.raises(ProviderError, match="Pulso writes none of them"):
        mender.mend_picture(media, PictureLimits(frozenset({"image/avif"}), 10**6))
    with pytest.raises(ProviderError, match="cannot be read"):
        mender.mend_picture(media.model_copy(update={"path": "media/gone.jpg"}), INSTAGRAM)
    (tmp_path / "media" / "odd.jpg").write_bytes(b"<html>")
    with pytest.raises(ProviderError, match="not a picture"):
        mender.mend_picture(media.model_copy(update={"path": "media/odd.jpg"}), INSTAGRAM)


def test_a_picture_that_would_fill_the_memory_is_not_opened(library, mender, tmp_path) -> None:
    media = library.save(encoded(noise(400, 400)), alt_text="")
    (tmp_path / "media" / "bomb.png").write_bytes(encoded(Image.new("1", (15_000, 13_000)), "PNG"))
    with pytest.raises(ProviderError, match="more pixels than can be opened safely"):
        mender.mend_picture(media.model_copy(update={"path": "media/bomb.png"}), INSTAGRAM)
