"""Brand cards: a headline on the brand's colours, drawn by Pillow, the same bytes for the same request.

Belongs here: layout, colour and encoding. Does not belong here: the headline's wording (ml), where the bytes go (media).
"""

import colorsys
import importlib.util
import io
import math
from functools import lru_cache
from pathlib import Path
from random import Random

import regex
from PIL import Image, ImageColor, ImageDraw, ImageFilter, ImageFont

from contracts.errors import ProviderError
from contracts.ports import CardRequest

MAX_BYTES = 2_000_000
"""The strictest network's limit (Bluesky)."""

_SCALE = 2
"""Shapes are drawn at twice the size and reduced, which smooths their edges."""

_EMOJI = regex.compile(r"(?V1)[\p{Extended_Pictographic}--[©®™0-9#*]]\p{M}*|\p{Cf}|[\uFE00-\uFE0F]")

Colour = tuple[int, int, int]


class BrandCards:
    """`contracts.ports.ImageMaker`: JPEG cards."""

    def card(self, request: CardRequest) -> bytes:
        """JPEG bytes of at most MAX_BYTES. Raises ProviderError for a colour or a size that cannot be drawn."""
        if not (100 <= request.width <= 4096 and 100 <= request.height <= 4096):
            raise ProviderError("A card is 100 to 4096 pixels wide and high.")
        try:
            primary, secondary = (_rgb(colour) for colour in (request.primary_colour, request.secondary_colour))
        except ValueError as error:
            raise ProviderError(f"A brand colour cannot be read: {error}.") from error
        random = Random(f"{request.seed}:{request.headline}")
        image = _background(request.width, request.height, primary, secondary, random)
        _write(image, request, primary, secondary)
        return _encode(image)


def _rgb(colour: str) -> Colour:
    red, green, blue = ImageColor.getrgb(colour)[:3]
    return red, green, blue


def _luminance(colour: Colour) -> float:
    """Relative luminance, 0 to 1 (WCAG 2)."""
    parts = [c / 255 / 12.92 if c / 255 <= 0.03928 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def _contrast(one: Colour, two: Colour) -> float:
    """Contrast ratio, 1 to 21 (WCAG 2)."""
    high, low = sorted((_luminance(one), _luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _shade(colour: Colour, factor: float) -> Colour:
    """The colour with its lightness multiplied."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*(c / 255 for c in colour))
    red, green, blue = colorsys.hls_to_rgb(hue, min(1.0, lightness * factor), saturation)
    return round(red * 255), round(green * 255), round(blue * 255)


def _ink(background: Colour) -> Colour:
    """Off-white or near-black, whichever reads better on the background."""
    light, dark = (255, 252, 246), (22, 24, 28)
    return light if _contrast(light, background) >= _contrast(dark, background) else dark


def _background(width: int, height: int, primary: Colour, secondary: Colour, random: Random) -> Image.Image:
    """A diagonal gradient of the primary colour with one motif in the secondary, kept out of the text's way."""
    gradient = (
        Image.linear_gradient("L")
        .rotate(random.choice((0, 90, 180, 270)))
        .resize((width, height), Image.Resampling.BICUBIC)
    )
    across = Image.linear_gradient("L").rotate(90).resize((width, height), Image.Resampling.BICUBIC)
    blend = Image.blend(gradient, across, 0.5)
    image = Image.composite(
        Image.new("RGB", (width, height), _shade(primary, 1.35)),
        Image.new("RGB", (width, height), _shade(primary, 0.8)),
        blend,
    )
    size = (width * _SCALE, height * _SCALE)
    mask = Image.new("L", size, 0)  # how much of the secondary colour covers each point
    motif = random.choice((_circles, _waves, _sun, _tiles))
    motif(ImageDraw.Draw(mask), *size, random)
    image.paste(secondary, (0, 0), mask.reduce(_SCALE))
    glow = Image.new("L", (width, height), 0)
    ImageDraw.Draw(glow).ellipse((-width * 0.3, -height * 0.5, width * 0.7, height * 0.4), fill=46)
    image.paste((255, 255, 255), (0, 0), glow.filter(ImageFilter.GaussianBlur(min(width, height) / 5)))
    return image


def _circles(draw: ImageDraw.ImageDraw, width: int, height: int, random: Random) -> None:
    x, y = width * random.uniform(0.82, 1.0), height * random.uniform(0.86, 1.02)
    unit = min(width, height)
    for ring in range(5, 0, -1):
        radius = unit * 0.075 * ring
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=60 + 24 * (5 - ring), width=unit // 110)
    radius = unit * 0.06
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=235)


def _waves(draw: ImageDraw.ImageDraw, width: int, height: int, random: Random) -> None:
    phase = random.uniform(0, math.tau)
    for layer in range(4):
        top = height * (0.80 + 0.055 * layer)
        amplitude = height * 0.022 * (1 + 0.2 * layer)
        crest = [
            (x, top + amplitude * math.sin(phase + layer * 1.3 + x / width * math.tau * (1.1 + 0.25 * layer)))
            for x in range(0, width + 16, 16)
        ]
        draw.polygon([(0, height), *crest, (width, height)], fill=62 + 34 * layer)


def _sun(draw: ImageDraw.ImageDraw, width: int, height: int, random: Random) -> None:
    unit = min(width, height)
    x, y, radius = width * random.uniform(0.76, 0.86), height * 0.9, unit * 0.2
    for ray in range(24):
        angle = math.tau * ray / 24
        inner, outer = radius * 1.2, radius * (1.65 if ray % 2 else 1.42)
        draw.line(
            (
                x + inner * math.cos(angle),
                y + inner * math.sin(angle),
                x + outer * math.cos(angle),
                y + outer * math.sin(angle),
            ),
            fill=190,
            width=unit // 110,
        )
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=225)


def _tiles(draw: ImageDraw.ImageDraw, width: int, height: int, random: Random) -> None:
    side = min(width, height) // 11
    for row in range(3):
        for column in range(width // side + 1):
            x, y = width - (column + 1) * side, height - (row + 1) * side
            fade = 1 - (column + row * 1.5) / (width / side)
            if fade <= 0.05:
                continue
            alpha = round(215 * fade)
            start = random.choice((0, 90, 180, 270))
            corner_x = x if start in (0, 270) else x + side
            corner_y = y if start in (0, 90) else y + side
            draw.pieslice(
                (corner_x - side, corner_y - side, corner_x + side, corner_y + side),
                start,
                start + 90,
                fill=alpha,
            )


@lru_cache(maxsize=64)
def _font(size: int, *, is_bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans as matplotlib ships it: the same file on every machine. Pillow's own font has no accented letters."""
    package = importlib.util.find_spec("matplotlib")  # found, not imported: only its font files are used
    if package is None or package.origin is None:
        raise ProviderError("The font of brand cards is missing: install matplotlib, which ships it.")
    folder = Path(package.origin).parent / "mpl-data" / "fonts" / "ttf"
    try:
        return ImageFont.truetype(folder / ("DejaVuSans-Bold.ttf" if is_bold else "DejaVuSans.ttf"), size)
    except OSError as error:
        raise ProviderError(f"The font of brand cards cannot be read from {folder}.") from error


def _wrap(text: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """Lines no wider than `width`; a word that is wider alone is cut."""
    lines: list[str] = []
    for paragraph in text.splitlines():
        line = ""
        for word in paragraph.split():
            while font.getlength(word) > width and len(word) > 1:
                cut = max(1, next((n for n in range(len(word), 0, -1) if font.getlength(word[:n]) <= width), 1))
                if line:
                    lines.append(line)
                    line = ""
                lines.append(word[:cut])
                word = word[cut:]
            longer = f"{line} {word}".strip()
            if font.getlength(longer) <= width or not line:
                line = longer
            else:
                lines.append(line)
                line = word
        if line:
            lines.append(line)
    return lines


def _write(image: Image.Image, request: CardRequest, primary: Colour, secondary: Colour) -> None:
    """Headline in the upper part in the largest size that fits, a rule in the accent colour, the footer below."""
    width, height = image.size
    draw = ImageDraw.Draw(image)
    ink = _ink(primary)
    accent = secondary if _contrast(secondary, primary) >= 1.8 else ink
    margin = round(min(width, height) * 0.09)
    room, tallest = width - 2 * margin, height * 0.56
    headline = " ".join(_EMOJI.sub("", request.headline).split()) or " ".join(request.footer.split())
    unit = min(width, height)
    for size in range(round(unit * 0.085), round(unit * 0.03), -2):
        font = _font(size, is_bold=True)
        lines = _wrap(headline, font, room)
        if len(lines) * size * 1.24 <= tallest:
            break
    else:
        lines = lines[: int(tallest / (size * 1.24))]
        lines[-1] = lines[-1].rstrip(" .,;:") + "…"
    top = margin * 1.25
    draw.rounded_rectangle((margin, top, margin + unit * 0.11, top + unit * 0.014), radius=unit * 0.007, fill=accent)
    y = top + unit * 0.06
    for line in lines:
        draw.text((margin, y), line, font=font, fill=ink)
        y += size * 1.24
    footer = " ".join(_EMOJI.sub("", request.footer).split())
    if footer:
        font = _font(round(unit * 0.036))
        line = _wrap(footer, font, room * 0.6)[0]
        box = draw.textbbox((margin, height - margin), line, font=font, anchor="ls")
        pad = unit * 0.02
        draw.rounded_rectangle(
            (box[0] - pad, box[1] - pad * 0.8, box[2] + pad, box[3] + pad * 0.8),
            radius=unit * 0.03,
            fill=_shade(primary, 0.62),
        )
        draw.text((margin, height - margin), line, font=font, fill=_ink(_shade(primary, 0.62)), anchor="ls")


def _encode(image: Image.Image) -> bytes:
    for quality in (90, 80, 65, 50):
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality, optimize=True, progressive=True)
        if buffer.tell() <= MAX_BYTES:
            return buffer.getvalue()
    raise ProviderError("The card cannot be made small enough: ask for fewer pixels.")
