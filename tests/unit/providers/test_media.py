import hashlib
import io
from pathlib import Path

import pytest
from PIL import Image

from contracts.errors import ProviderError
from providers.media import HttpPutMediaHost, LocalMedia


def picture(kind: str = "JPEG", size: tuple[int, int] = (40, 30)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, "teal").save(buffer, kind)
    return buffer.getvalue()


def test_a_picture_is_kept_under_its_content_and_read_back(tmp_path: Path) -> None:
    media = LocalMedia(tmp_path)
    content = picture()
    record = media.save(content, alt_text="A teal card")
    assert (record.mime_type, record.width, record.height, record.size_bytes) == ("image/jpeg", 40, 30, len(content))
    assert record.sha256 == hashlib.sha256(content).hexdigest()
    assert record.path.startswith("media/")
    assert media.read(record.path) == content


def test_saving_again_changes_nothing_and_leaves_no_scraps(tmp_path: Path) -> None:
    media = LocalMedia(tmp_path)
    first = media.save(picture("PNG"), alt_text="a")
    before = (tmp_path / first.path).stat().st_mtime_ns
    assert media.save(picture("PNG"), alt_text="a") == first
    assert (tmp_path / first.path).stat().st_mtime_ns == before
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == [Path(first.path).name]


@pytest.mark.parametrize("content", [b"", b"<html>", picture()[:40], picture("GIF")])
def test_what_is_no_supported_picture_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ProviderError):
        LocalMedia(tmp_path).save(content, alt_text="x")
    assert not list(tmp_path.rglob("*"))


@pytest.mark.parametrize("path", ["../secret", "/etc/hostname", "media/../../secret", "media/none.jpg", "media"])
def test_reading_stays_inside_and_says_what_is_missing(path: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "media").mkdir(parents=True)
    (tmp_path / "secret").write_text("x")
    with pytest.raises(ProviderError):
        LocalMedia(home).read(path)


async def test_publishing_puts_the_bytes_and_names_their_address(server, answer) -> None:
    server.script(answer(status=201))
    host = HttpPutMediaHost(f"{server.url}/_sandbox/cdn/")
    url = await host.publish(name="abc.jpg", content=b"jpeg", mime_type="image/jpeg")
    assert url == f"{server.url}/_sandbox/cdn/abc.jpg"
    ((method, path, headers, body),) = server.requests
    assert (method, path, body, headers["content-type"]) == ("PUT", "/_sandbox/cdn/abc.jpg", b"jpeg", "image/jpeg")


@pytest.mark.parametrize("name", ["", "a/b.jpg", "../x.jpg", ".hidden"])
async def test_a_name_that_is_none_is_refused(name: str, server) -> None:
    with pytest.raises(ProviderError):
        await HttpPutMediaHost(server.url).publish(name=name, content=b"x", mime_type="image/jpeg")
    assert not server.requests


async def test_refusals_silence_and_absence_are_provider_errors(server, answer) -> None:
    host = HttpPutMediaHost(server.url, timeout_seconds=0.2)
    for scripted, message in (
        (answer(status=403), "403"),
        (answer(delay_seconds=0.6), "Timeout"),
        (answer(hangs_up=True), "Error"),
    ):
        server.script(scripted)
        with pytest.raises(ProviderError, match=message):
            await host.publish(name="a.jpg", content=b"x", mime_type="image/jpeg")
    with pytest.raises(ProviderError):
        await HttpPutMediaHost("http://127.0.0.1:9", timeout_seconds=0.2).publish(
            name="a", content=b"", mime_type="image/jpeg"
        )
