"""Films that a network would refuse come out as ones that policy allows, and what was done is said. Needs FFmpeg."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from contracts.errors import ProviderError
from contracts.media import FilmLimits
from contracts.networks import Network
from contracts.records import Media
from policy import LIMITS
from policy.limit_shapes import FormatLimits
from policy.media_rules import check_one
from providers.ffmpeg import Encoding, Ffmpeg
from providers.media import LocalMedia
from providers.transcode import LocalMender

MP4 = frozenset({"video/mp4"})


@pytest.fixture(scope="session", autouse=True)
def _has_ffmpeg() -> None:
    if shutil.which("ffmpeg") and shutil.which("ffprobe"):
        return
    message = "films need FFmpeg: apt-get install -y ffmpeg"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def make_film(tmp_path_factory: pytest.TempPathFactory):
    """A test film; each kind is encoded once."""
    folder = tmp_path_factory.mktemp("films")

    def make(
        name: str = "film.mp4",
        *,
        size: str = "320x240",
        seconds: float = 2.0,
        codec: tuple[str, ...] = ("libx264", "-pix_fmt", "yuv420p", "-preset", "ultrafast"),
        source: str = "testsrc",
        sound: bool = False,
        extra: tuple[str, ...] = (),
    ) -> Path:
        target = folder / f"{abs(hash((size, seconds, codec, source, sound, extra)))}-{name}"
        if not target.exists():
            tone = ("-f", "lavfi", "-i", f"sine=duration={seconds}") if sound else ()
            subprocess.run(
                (
                    *("ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"{source}=size={size}:rate=24:duration={seconds}"),
                    *(*tone, "-c:v", *codec, *extra, str(target)),
                ),
                check=True,
            )
        return target

    return make


@pytest.fixture
def library(tmp_path: Path) -> LocalMedia:
    return LocalMedia(tmp_path)


@pytest.fixture
def mender(library: LocalMedia) -> LocalMender:
    return LocalMender(library)


@pytest.fixture
def keep(library: LocalMedia):
    return lambda file, alt_text="a film": library.save_film(file, alt_text=alt_text, ffmpeg=Ffmpeg())


def broken(media: Media, limits: FilmLimits) -> list[str]:
    return [v.rule for v in check_one(media, FormatLimits((1, 1), film=limits), network="n", what="a post")]


def test_a_film_is_kept_under_its_content_with_what_it_is(make_film, keep, library, tmp_path) -> None:
    file = make_film(sound=True)
    media = keep(file)
    assert (media.mime_type, media.width, media.height, media.alt_text) == ("video/mp4", 320, 240, "a film")
    assert media.duration_seconds == pytest.approx(2.0, abs=0.1)
    assert library.read(media.path) == file.read_bytes()
    assert media.size_bytes == file.stat().st_size
    assert keep(file) == media
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


@pytest.mark.parametrize(
    ("name", "codec", "mime_type"),
    [
        ("a.mov", ("libx264", "-pix_fmt", "yuv420p"), "video/quicktime"),
        ("a.webm", ("libvpx", "-b:v", "200k"), "video/webm"),
        ("a.mkv", ("libx264",), "video/x-matroska"),
        ("a.avi", ("mpeg4",), "video/x-msvideo"),
        ("a.ts", ("mpeg2video",), "video/mp2t"),
    ],
)
def test_the_type_is_what_is_inside_whatever_the_name_says(name, codec, mime_type, make_film, tmp_path) -> None:
    disguised = tmp_path / "named.mp4"
    shutil.copy(make_film(name, codec=codec), disguised)
    assert Ffmpeg().probe(disguised).mime_type == mime_type


def test_a_film_held_upright_is_as_tall_as_its_viewer_sees_it(make_film, tmp_path) -> None:
    turned = tmp_path / "turned.mp4"
    flat = make_film()
    subprocess.run(
        ("ffmpeg", "-v", "error", "-i", str(flat), "-c", "copy", "-metadata:s:v:0", "rotate=90", str(turned)),
        check=True,
    )
    if Ffmpeg().probe(turned).width == 320:  # FFmpeg 6 and later take the angle as an option of the input
        turned.unlink()
        subprocess.run(
            ("ffmpeg", "-v", "error", "-display_rotation", "90", "-i", str(flat), "-c", "copy", str(turned)), check=True
        )
    facts = Ffmpeg().probe(turned)
    assert (facts.width, facts.height) == (240, 320)


def test_a_film_that_fits_is_left_alone(make_film, keep, mender) -> None:
    media = keep(make_film(sound=True))
    mended = mender.mend_film(media, FilmLimits(MP4, 10**7, min_seconds=1, max_seconds=10))
    assert (mended.media, mended.changes) == (media, ())


def test_another_container_becomes_mp4_with_its_sound(make_film, keep, mender, library) -> None:
    media = keep(make_film("a.mkv", sound=True))
    mended = mender.mend_film(media, FilmLimits(MP4, 10**7))
    assert mended.changes == ("Converted from X-MATROSKA to MP4.",)
    facts = Ffmpeg().probe(library.locate(mended.media.path))
    assert (facts.mime_type, facts.video_codec, facts.audio_codec, facts.pixel_format) == (
        "video/mp4",
        "h264",
        "aac",
        "yuv420p",
    )
    assert mended.media.alt_text == "a film"
    assert library.locate(media.path).is_file()


def test_codecs_that_phones_do_not_play_are_encoded_anew(make_film, keep, mender, library) -> None:
    media = keep(make_film(codec=("libx264", "-pix_fmt", "yuv444p")))
    mended = mender.mend_film(media, FilmLimits(MP4, 10**7))
    assert mended.changes == ("Encoded anew from h264 (yuv444p) to H.264.",)
    assert Ffmpeg().probe(library.locate(mended.media.path)).pixel_format == "yuv420p"


@pytest.mark.parametrize(
    ("size", "limits", "expected"),
    [
        ("320x240", {"max_ratio": 1.0}, (240, 240)),
        ("240x400", {"min_ratio": 1.0}, (240, 240)),
        ("322x242", {"min_ratio": 0.8, "max_ratio": 1.0}, (242, 242)),
        ("200x150", {"min_side": 300}, (400, 300)),
        ("640x480", {"max_side": 320}, (320, 240)),
        ("640x480", {"max_pixels": 320 * 240}, (320, 240)),
    ],
)
def test_films_are_cropped_and_scaled_to_fit(size, limits, expected, make_film, keep, mender) -> None:
    accepted = FilmLimits(MP4, 10**7, **limits)
    media = keep(make_film(size=size))
    assert broken(media, accepted)
    mended = mender.mend_film(media, accepted)
    assert (mended.media.width, mended.media.height) == expected
    assert broken(mended.media, accepted) == []
    (words,) = mended.changes
    assert f"from {media.width} x {media.height} to {expected[0]} x {expected[1]}" in words
    assert mender.mend_film(mended.media, accepted).changes == ()


def test_a_heavy_film_is_compressed_under_the_limit(make_film, keep, mender) -> None:
    lossless = ("libx264", "-pix_fmt", "yuv420p", "-qp", "0", "-preset", "ultrafast")
    media = keep(make_film(size="480x360", seconds=4, codec=lossless, source="testsrc2"))
    accepted = FilmLimits(MP4, 150_000)
    assert media.size_bytes > accepted.max_bytes
    mended = mender.mend_film(media, accepted)
    assert mended.media.size_bytes <= accepted.max_bytes
    assert mended.changes[-1] == f"Compressed from {media.size_bytes:,} to {mended.media.size_bytes:,} bytes."
    assert mended.media.duration_seconds == pytest.approx(4.0, abs=0.1)


def test_a_long_film_is_shortened_only_when_that_is_allowed(make_film, keep, mender) -> None:
    media = keep(make_film(seconds=3.0, sound=True))
    accepted = FilmLimits(MP4, 10**7, min_seconds=1, max_seconds=2)
    with pytest.raises(ProviderError, match=r"lasts 3.*allow that its end is cut off"):
        mender.mend_film(media, accepted)
    mended = mender.mend_film(media, accepted, may_shorten=True)
    assert mended.media.duration_seconds <= 2.0
    assert broken(mended.media, accepted) == []
    assert mended.changes[0].startswith("Its end was cut off: 1.9 s of 3")


def test_what_cannot_be_made_to_fit_is_said(make_film, keep, mender) -> None:
    media = keep(make_film())
    for accepted, message in (
        (FilmLimits(MP4, 10**7, min_seconds=5), "use a longer film"),
        (FilmLimits(MP4, 5_000), "cannot be compressed to 5,000 bytes"),
        (FilmLimits(MP4, 10**7, min_side=700), "too small to be enlarged"),
        (FilmLimits(frozenset({"video/webm"}), 10**7), "Pulso writes MP4 only"),
        (FilmLimits(MP4, 10**7, max_ratio=1.0, min_bytes=10**6), "use a longer film"),
        (FilmLimits(MP4, 10**7, min_side=400, max_side=420), "no scaling makes both its sides fit"),
    ):
        with pytest.raises(ProviderError, match=message):
            mender.mend_film(media, accepted)
    with pytest.raises(ProviderError, match="is missing"):
        mender.mend_film(media.model_copy(update={"path": "media/gone.mp4"}), FilmLimits(MP4, 10**7))
    with pytest.raises(ProviderError, match="outside"):
        mender.mend_film(media.model_copy(update={"path": "../film.mp4"}), FilmLimits(MP4, 10**7))


@pytest.mark.parametrize("network", [n for n in Network if any(f.film for f in LIMITS[n].formats.values())])
def test_one_old_film_is_mended_for_every_network(network, make_film, keep, mender) -> None:
    """An AVI of four seconds, far too wide for most and with a codec that none plays."""
    media = keep(make_film("old.avi", size="900x200", seconds=4.5, codec=("mpeg4",), source="testsrc2", sound=True))
    form = next(f for f in LIMITS[network].formats.values() if f.film)
    accepted = form.film
    assert broken(media, accepted)
    mended = mender.mend_film(media, accepted)
    assert broken(mended.media, accepted) == []
    assert mended.changes


def test_the_same_film_is_mended_to_the_same_bytes_without_its_owner_s_traces(make_film, keep, mender, library) -> None:
    media = keep(make_film("a.mov", extra=("-metadata", "location=+38.7-9.1/", "-metadata", "artist=Ana")))
    one, again = (mender.mend_film(media, FilmLimits(MP4, 10**7)) for _ in range(2))
    assert one == again
    assert b"+38.7" in library.read(media.path)
    assert b"+38.7" not in library.read(one.media.path)


def test_a_playlist_dressed_as_a_film_opens_nothing(make_film, tmp_path, library) -> None:
    shutil.copy(make_film("a.ts", codec=("mpeg2video",)), tmp_path / "secret.ts")
    playlist = tmp_path / "holiday.mp4"
    playlist.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nsecret.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(ProviderError, match="holiday"):
        Ffmpeg().probe(playlist)
    with pytest.raises(ProviderError):
        library.save_film(playlist, alt_text="", ffmpeg=Ffmpeg())
    with pytest.raises(ProviderError):
        Ffmpeg().encode(playlist, tmp_path / "out.mp4", Encoding())
    assert not (tmp_path / "out.mp4").exists()
    assert not (tmp_path / "media").exists()


@pytest.mark.parametrize("content", [b"", b"<html></html>", b"\x00\x00\x00\x18ftypmp42"])
def test_what_is_no_film_is_said_to_be_none(content, tmp_path) -> None:
    file = tmp_path / "-i odd;name.mp4"
    file.write_bytes(content)
    with pytest.raises(ProviderError, match=r"odd;name\.mp4"):
        Ffmpeg().probe(file)


def test_sound_alone_is_no_film(tmp_path) -> None:
    sound = tmp_path / "sound.mp4"
    subprocess.run(("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=duration=1", str(sound)), check=True)
    with pytest.raises(ProviderError, match="not a film"):
        Ffmpeg().probe(sound)


def test_a_film_that_takes_too_long_leaves_nothing(make_film, tmp_path) -> None:
    slow = Ffmpeg(timeout_seconds=0.001)
    with pytest.raises(ProviderError, match="took longer"):
        slow.encode(make_film(), tmp_path / "out.mp4", Encoding())
    assert not (tmp_path / "out.mp4").exists()
