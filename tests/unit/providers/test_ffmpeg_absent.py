"""Without FFmpeg the message says what to install."""

from pathlib import Path

import pytest

from contracts.errors import ProviderError
from contracts.media import FilmLimits
from contracts.records import Media
from providers.ffmpeg import Ffmpeg
from providers.media import LocalMedia
from providers.transcode import LocalMender


def test_a_missing_program_is_named_with_its_package(tmp_path: Path) -> None:
    absent = Ffmpeg(ffmpeg="no-such-ffmpeg", ffprobe="no-such-ffprobe")
    film = tmp_path / "media" / "a.mp4"
    film.parent.mkdir()
    film.write_bytes(b"film")
    with pytest.raises(ProviderError, match=r"no-such-ffprobe.*apt-get install ffmpeg"):
        LocalMedia(tmp_path).save_film(film, alt_text="", ffmpeg=absent)
    media = Media(
        media_id="m",
        path="media/a.mp4",
        mime_type="video/mp4",
        alt_text="",
        width=1,
        height=1,
        size_bytes=4,
        sha256="0" * 64,
        duration_seconds=1,
    )
    with pytest.raises(ProviderError, match="apt-get install ffmpeg"):
        LocalMender(LocalMedia(tmp_path), absent).mend_film(media, FilmLimits(frozenset({"video/mp4"}), 10))
