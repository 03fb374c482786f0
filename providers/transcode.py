"""Media that a network would refuse, made to fit: turned, cropped, scaled, converted, compressed, and said so.

Belongs here: what is done to a picture (Pillow) or a film (FFmpeg) to fit limits. Does not belong here: any network's limits
(policy), where files are kept (media), how FFmpeg is run (ffmpeg).
"""

import io
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor, sqrt
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from contracts.errors import ProviderError
from contracts.media import RATIO_TOLERANCE, FilmLimits, Mended, PictureLimits
from contracts.records import Media
from providers.ffmpeg import AUDIO_BITS_PER_SECOND, Encoding, Ffmpeg, FilmFacts
from providers.media import LocalMedia

_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
_QUALITIES = (92, 85, 75, 65)
_SHRINK = 0.85
SMALLEST_SIDE = 320
"""Pixels. A picture that has to be smaller than this to fit is not worth sending."""

PLAYED_EVERYWHERE = {
    "video/mp4": ({"h264", "hevc"}, {None, "aac", "mp3"}),
    "video/quicktime": ({"h264", "hevc"}, {None, "aac", "mp3"}),
    "video/webm": ({"vp8", "vp9", "av1"}, {None, "opus", "vorbis"}),
}
"""Codecs, of pictures and of sound, that networks take in each container. Others are encoded anew."""

_CONTAINER_SHARE = 0.94
"""Of the bytes allowed: the rest is room for the container and for a rate that is not met exactly."""
_FEWEST_VIDEO_BITS = 90_000
"""Per second. Below this a film is not watchable at any size."""
_BITS_PER_PIXEL = 0.03
"""Of one frame. With fewer, a smaller picture looks better."""
_LARGEST_ENLARGEMENT = 2.0


class LocalMender:
    """`contracts.media.MediaMender` over the media on this machine."""

    def __init__(self, library: LocalMedia, ffmpeg: Ffmpeg | None = None) -> None:
        self._library = library
        self._ffmpeg = ffmpeg or Ffmpeg()

    def mend_picture(self, media: Media, limits: PictureLimits) -> Mended:
        """The picture itself when it fits; otherwise a new one and what was changed. Raises ProviderError when none can fit."""
        content = self._library.read(media.path)
        mending = _PictureMending(_open(content, media.path), limits, media.path)
        if not mending.changes and len(content) <= limits.bytes_for(mending.mime_type):
            return Mended(media)
        fitting = mending.encode(old_size=len(content))
        return Mended(self._library.save(fitting, alt_text=media.alt_text), tuple(mending.changes))

    def mend_film(self, media: Media, limits: FilmLimits, *, may_shorten: bool = False) -> Mended:
        """The film itself when it fits; otherwise a new one and what was changed. Raises ProviderError when none can fit."""
        source = self._library.locate(media.path)
        if not source.is_file():
            raise ProviderError(f"The film {media.path} is missing.")
        facts, size = self._ffmpeg.probe(source), source.stat().st_size
        plan = _plan(facts, size, limits, may_shorten=may_shorten, name=media.path)
        if not plan.is_needed:
            return Mended(media)
        with tempfile.TemporaryDirectory(prefix="pulso-film-") as folder:
            target = Path(folder, "film.mp4")
            for rate, filters in plan.attempts():
                self._ffmpeg.encode(source, target, Encoding((*plan.filters, *filters), plan.seconds, rate))
                new_size = target.stat().st_size
                if new_size <= limits.max_bytes:
                    break
            else:
                raise ProviderError(
                    f"{media.path} cannot be compressed to {limits.max_bytes:,} bytes: use a shorter film."
                )
            if new_size < limits.min_bytes:
                raise ProviderError(
                    f"{media.path} would have fewer than {limits.min_bytes:,} bytes: use a longer film."
                )
            new = self._library.save_film(target, alt_text=media.alt_text, ffmpeg=self._ffmpeg)
        if size > limits.max_bytes:
            plan.changes.append(f"Compressed from {size:,} to {new.size_bytes:,} bytes.")
        return Mended(new, tuple(plan.changes))


# --- pictures ----------------------------------------------------------------------------------------------------------


def _open(content: bytes, name: str) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content))
            image.load()
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise ProviderError(f"{name} has more pixels than can be opened safely: scale it down first.") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise ProviderError(f"{name} is not a picture that can be read.") from error
    return image


class _PictureMending:
    """One picture on its way to fit. `changes` grows with every step."""

    def __init__(self, image: Image.Image, limits: PictureLimits, name: str) -> None:
        self._limits, self._name = limits, name
        self.changes: list[str] = []
        self.mime_type = Image.MIME.get(image.format or "", "")
        if getattr(image, "n_frames", 1) > 1 and self.mime_type not in limits.mime_types:
            self.changes.append("Only its first frame is left.")
        upright = ImageOps.exif_transpose(image)
        if image.getexif().get(_ORIENTATION, 1) != 1:
            self.changes.append("Turned upright, as its camera marked it.")
        self._image = upright
        self._crop()
        self._scale_to_pixels()
        self._choose_type()

    def _fitted(self, size: tuple[int, int]) -> tuple[int, int]:
        return _cropped(*size, self._limits.min_ratio, self._limits.max_ratio)

    def _crop(self) -> None:
        width, height = self._image.size
        new = self._fitted((width, height))
        if new != (width, height):
            left, top = (width - new[0]) // 2, (height - new[1]) // 2
            self._image = self._image.crop((left, top, left + new[0], top + new[1]))
            self.changes.append(_crop_words((width, height), new))

    def _trim(self) -> None:
        """After scaling: rounding may have put the ratio out of its bounds by a pixel."""
        self._image = self._image.crop((0, 0, *self._fitted(self._image.size)))

    def _scale_to_pixels(self) -> None:
        width, height = self._image.size
        most = self._limits.max_pixels
        if most is not None and width * height > most:
            self._scale(sqrt(most / (width * height)))
            self._trim()
            self.changes.append(f"Scaled down from {width} x {height} to {self._size_words()}.")

    def _choose_type(self) -> None:
        if self.mime_type in self._limits.mime_types and self.mime_type in _FORMATS:
            return
        if self.mime_type in self._limits.mime_types and not self.changes:
            return  # a type that networks take and Pulso does not write: fine as long as nothing has to be done
        wanted = (
            ("image/png", "image/webp", "image/jpeg")
            if self._has_alpha()
            else ("image/jpeg", "image/webp", "image/png")
        )
        for mime_type in wanted:
            if mime_type in self._limits.mime_types:
                self.changes.append(f"Converted from {_short(self.mime_type)} to {_short(mime_type)}.")
                self.mime_type = mime_type
                return
        raise ProviderError(
            f"{self._name} has to be one of {', '.join(sorted(self._limits.mime_types))}, and Pulso writes none of them."
        )

    def encode(self, *, old_size: int) -> bytes:
        """Bytes within the limit: with less quality first, then with fewer pixels."""
        if self.mime_type not in _FORMATS:  # a large GIF, for example
            raise ProviderError(f"Pulso cannot compress {_short(self.mime_type)} pictures: make {self._name} smaller.")
        most = self._limits.bytes_for(self.mime_type)
        before = self._image.size
        while True:
            for quality in _QUALITIES if self.mime_type != "image/png" else (100,):
                content = self._encoded(quality)
                if len(content) <= most:
                    self._note_shrinking(before, old_size, len(content))
                    return content
            if self.mime_type == "image/png" and not self._has_alpha() and "image/jpeg" in self._limits.mime_types:
                self.mime_type = "image/jpeg"
                self.changes.append("Converted from PNG to JPEG, which is smaller.")
                most = self._limits.bytes_for(self.mime_type)
                continue
            self._scale(_SHRINK)
            self._trim()
            if min(self._image.size) < min(SMALLEST_SIDE, *before):
                raise ProviderError(f"{self._name} cannot be compressed to {most:,} bytes: use another picture.")

    def _note_shrinking(self, before: tuple[int, int], old_size: int, new_size: int) -> None:
        if self._image.size != before:
            self.changes.append(f"Scaled down from {before[0]} x {before[1]} to {self._size_words()}.")
        if old_size > self._limits.bytes_for(self.mime_type):
            self.changes.append(f"Compressed from {old_size:,} to {new_size:,} bytes.")

    def _encoded(self, quality: int) -> bytes:
        image, buffer = self._image, io.BytesIO()
        if self.mime_type == "image/jpeg":
            if self._has_alpha():
                flat = Image.new("RGB", image.size, "white")
                rgba = image.convert("RGBA")
                flat.paste(rgba, mask=rgba.getchannel("A"))
                image = flat
                self._note_once("What was transparent is white now.")
            image.convert("RGB").save(buffer, "JPEG", quality=quality, optimize=True, progressive=True)
        elif self.mime_type == "image/webp":
            image.convert("RGBA" if self._has_alpha() else "RGB").save(buffer, "WEBP", quality=quality, method=4)
        else:
            writable = image if image.mode in ("1", "L", "LA", "P", "RGB", "RGBA") else image.convert("RGB")
            writable.save(buffer, "PNG", optimize=True)
        return buffer.getvalue()

    def _note_once(self, words: str) -> None:
        if words not in self.changes:
            self.changes.append(words)

    def _has_alpha(self) -> bool:
        return self._image.mode in ("RGBA", "LA", "PA") or "transparency" in self._image.info

    def _scale(self, factor: float) -> None:
        width, height = self._image.size
        if self._image.mode in ("P", "1", "PA"):
            self._image = self._image.convert("RGBA" if self._has_alpha() else "RGB")
        wanted = (max(1, floor(width * factor)), max(1, floor(height * factor)))
        self._image = self._image.resize(wanted, Image.Resampling.LANCZOS)

    def _size_words(self) -> str:
        return f"{self._image.width} x {self._image.height}"


_ORIENTATION = 0x0112
"""The EXIF tag that says how the camera was held."""


def _short(mime_type: str) -> str:
    return mime_type.removeprefix("image/").removeprefix("video/").upper() or "an unknown type"


def _crop_words(before: tuple[int, int], after: tuple[int, int]) -> str:
    near = Fraction(*after).limit_denominator(16)
    is_near = abs(near - Fraction(*after)) < Fraction(1, 2000)
    shape = f"{near.numerator}:{near.denominator}" if is_near else f"{after[0] / after[1]:.2f}:1"
    return f"Cropped around its middle from {before[0]} x {before[1]} to {after[0]} x {after[1]} ({shape})."


def _cropped(width: int, height: int, low: float | None, high: float | None, *, step: int = 1) -> tuple[int, int]:
    """The largest size within the ratios, in whole steps; the size itself when it is within them."""
    if low is not None and width / height < low - RATIO_TOLERANCE:
        return width, max(step, floor(width / low / step) * step)
    if high is not None and width / height > high + RATIO_TOLERANCE:
        return max(step, floor(height * high / step) * step), height
    return width, height


# --- films -------------------------------------------------------------------------------------------------------------


@dataclass
class _FilmPlan:
    """What has to be done to a film, worked out before anything is encoded."""

    facts: FilmFacts
    limits: FilmLimits
    size: tuple[int, int]
    """Width and height after `filters`."""
    seconds: float | None = None
    filters: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    is_too_large: bool = False

    @property
    def is_needed(self) -> bool:
        return self.is_too_large or bool(self.changes)

    def attempts(self) -> Sequence[tuple[int | None, tuple[str, ...]]]:
        """Rates to try in turn, with the filters that each needs: by quality first, unless the film is too large already."""
        duration = self.seconds or self.facts.duration_seconds
        sound = AUDIO_BITS_PER_SECOND if self.facts.audio_codec else 0
        total = self.limits.max_bytes * 8 * _CONTAINER_SHARE / duration
        by_rate = [int((total - sound) * share) for share in (1.0, 0.8, 0.6)]
        attempts: list[tuple[int | None, tuple[str, ...]]] = [] if self.is_too_large else [(None, ())]
        return attempts + [(rate, self._smaller(rate)) for rate in by_rate if rate >= _FEWEST_VIDEO_BITS]

    def _smaller(self, rate: int) -> tuple[str, ...]:
        width, height = self.size
        affordable = rate / (_BITS_PER_PIXEL * (self.facts.frames_per_second or 30.0))
        factor = min(1.0, sqrt(affordable / (width * height)))
        factor = max(factor, min(1.0, (self.limits.min_side or 240) / min(width, height)))
        return (_scale_filter(*self.scaled(factor)),) if factor < 1.0 else ()

    def scaled(self, factor: float) -> tuple[int, int]:
        """The size times `factor`, even, and within the ratios whatever rounding did."""
        width, height = _even(self.size[0] * factor, self.size[1] * factor, is_up=factor > 1.0)
        return _cropped(width, height, self.limits.min_ratio, self.limits.max_ratio, step=2)


def _plan(facts: FilmFacts, size: int, limits: FilmLimits, *, may_shorten: bool, name: str) -> _FilmPlan:
    plan = _FilmPlan(facts, limits, (facts.width, facts.height), is_too_large=size > limits.max_bytes)
    _plan_duration(plan, may_shorten=may_shorten, name=name)
    _plan_shape(plan)
    _plan_sides(plan, name)
    codecs = PLAYED_EVERYWHERE.get(facts.mime_type)
    is_played = codecs is not None and facts.video_codec in codecs[0] and facts.audio_codec in codecs[1]
    is_played = is_played and facts.pixel_format in ("yuv420p", "yuvj420p")
    if facts.mime_type not in limits.mime_types:
        plan.changes.append(f"Converted from {_short(facts.mime_type)} to MP4.")
    elif not is_played:
        plan.changes.append(f"Encoded anew from {facts.video_codec} ({facts.pixel_format}) to H.264.")
    if plan.is_needed and "video/mp4" not in limits.mime_types:
        raise ProviderError(
            f"{name} would have to be encoded anew, and Pulso writes MP4 only, which is not accepted there."
        )
    return plan


def _plan_duration(plan: _FilmPlan, *, may_shorten: bool, name: str) -> None:
    seconds, low, high = plan.facts.duration_seconds, plan.limits.min_seconds, plan.limits.max_seconds
    if seconds < low:
        raise ProviderError(f"{name} lasts {seconds:g} s and needs {low:g} s: use a longer film.")
    if high is None or seconds <= high:
        return
    if not may_shorten:
        raise ProviderError(
            f"{name} lasts {seconds:g} s, {high:g} s are accepted: shorten it, or allow that its end is cut off."
        )
    plan.seconds = max(low, high - _CUT_MARGIN_SECONDS)
    plan.changes.append(f"Its end was cut off: {plan.seconds:g} s of {seconds:g} s are left.")


_CUT_MARGIN_SECONDS = 0.1
"""Sound is encoded in blocks, so that a cut film comes out a little longer than was asked for."""


def _plan_shape(plan: _FilmPlan) -> None:
    size, low, high = plan.size, plan.limits.min_ratio, plan.limits.max_ratio
    new = _cropped(*_even(*size), low, high, step=2)  # H.264 wants even sides; a lost line is no change worth telling
    if new != size:
        plan.filters.append(f"crop={new[0]}:{new[1]}")
        plan.size = new
    if _cropped(*size, low, high) != size:
        plan.changes.append(_crop_words(size, new))


def _plan_sides(plan: _FilmPlan, name: str) -> None:
    width, height = plan.size
    low, high, pixels = plan.limits.min_side, plan.limits.max_side, plan.limits.max_pixels
    factor = 1.0
    if low is not None and min(width, height) < low:
        factor = low / min(width, height)
        if factor > _LARGEST_ENLARGEMENT:
            raise ProviderError(f"{name} is {width} x {height}: too small to be enlarged to sides of {low} pixels.")
    if high is not None and max(width, height) * factor > high:
        factor = high / max(width, height)
    if pixels is not None and width * height * factor**2 > pixels:
        factor = sqrt(pixels / (width * height))
    if low is not None and ceil(min(width, height) * factor) < low:
        raise ProviderError(f"{name} is {width} x {height}: no scaling makes both its sides fit.")
    if factor != 1.0:
        new = plan.scaled(factor)
        plan.filters.append(_scale_filter(*new))
        plan.changes.append(f"Scaled from {width} x {height} to {new[0]} x {new[1]}.")
        plan.size = new


def _even(width: float, height: float, *, is_up: bool = False) -> tuple[int, int]:
    rounded = ceil if is_up else floor
    return max(2, rounded(width / 2) * 2), max(2, rounded(height / 2) * 2)


def _scale_filter(width: int, height: int) -> str:
    return f"scale={width}:{height}:flags=lanczos"
