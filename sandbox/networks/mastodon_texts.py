"""How Mastodon treats words: HTML out of plain text, length in its own measure, and refusals in the account's language.

Belongs here: pure functions over strings. Does not belong here: what is stored, who asks.
"""

import re
from collections.abc import Mapping
from html import escape

import regex

CHARACTERS_PER_URL = 23

_TOKEN = re.compile(
    r"(?P<url>https?://[^\s<>\"]*[^\s<>\"'.,;:!?)\]])"
    r"|(?<![\w/@#])@(?P<user>\w[\w.-]*\w|\w)(?:@(?P<domain>[\w-]+(?:\.[\w-]+)*(?::\d+)?))?"
    r"|(?<![\w/&#])#(?P<tag>\w*[^\W\d]\w*)"
)
_SHOWN_OF_URL = 30
_GRAPHEME = regex.compile(r"\X")

MESSAGES: Mapping[str, Mapping[str, str]] = {
    "blank": {
        "en": "Validation failed: Text can't be blank",
        "es": "La validación falló: El texto no puede estar vacío",
        "pt": "A validação falhou: O texto não pode ficar em branco",
    },
    "too_long": {
        "en": "Validation failed: Text character limit of {limit} exceeded",
        "es": "La validación falló: El texto supera el límite de {limit} caracteres",
        "pt": "A validação falhou: O texto passa do limite de {limit} caracteres",
    },
    "too_many_media": {
        "en": "Cannot attach more than {limit} files",
        "es": "No se pueden adjuntar más de {limit} archivos",
        "pt": "Não é possível anexar mais de {limit} ficheiros",
    },
    "mixed_media": {
        "en": "Cannot attach a video to a post that already contains images",
        "es": "No se puede adjuntar un vídeo a una publicación que ya tiene imágenes",
        "pt": "Não é possível anexar um vídeo a uma publicação que já tem imagens",
    },
    "unready_media": {
        "en": "Cannot attach files that have not finished processing. Try again in a moment!",
        "es": "No se pueden adjuntar archivos que aún se están procesando. ¡Inténtalo en un momento!",
        "pt": "Não é possível anexar ficheiros que ainda não foram processados. Tente daqui a pouco!",
    },
    "unknown_media": {
        "en": "Media {ids} not found or already attached to another post",
        "es": "El archivo {ids} no existe o ya está adjunto a otra publicación",
        "pt": "O ficheiro {ids} não existe ou já está anexado a outra publicação",
    },
    "unsupported_media": {
        "en": "Validation failed: File content type is not supported",
        "es": "La validación falló: El tipo de archivo no se admite",
        "pt": "A validação falhou: O tipo de ficheiro não é aceite",
    },
    "bad_poll": {
        "en": "Validation failed: The poll's choices or its end are not acceptable",
        "es": "La validación falló: Las opciones de la encuesta o su fin no son válidos",
        "pt": "A validação falhou: As opções da sondagem ou o seu fim não são válidos",
    },
    "bad_visibility": {
        "en": "Validation failed: Visibility is not included in the list",
        "es": "La validación falló: La visibilidad no está en la lista",
        "pt": "A validação falhou: A visibilidade não está na lista",
    },
    "unscheduled": {
        "en": "Scheduled posts are not offered here",
        "es": "Aquí no se ofrecen publicaciones programadas",
        "pt": "Aqui não há publicações agendadas",
    },
}
"""What is wrong -> language -> words. Clients must not tell refusals apart by them."""


def message(name: str, language: str, **values: object) -> str:
    """A refusal in the language, or in English."""
    known = MESSAGES[name]
    return known.get(language, known["en"]).format(**values)


def counted_length(text: str) -> int:
    """Characters as seen; a link counts a fixed number, a mention without its domain."""

    def short(match: re.Match[str]) -> str:
        if match["url"]:
            return "x" * CHARACTERS_PER_URL
        return f"@{match['user']}" if match["user"] else match[0]

    return len(_GRAPHEME.findall(_TOKEN.sub(short, text)))


def to_html(text: str, base_url: str) -> str:
    """The text as its readers get it: paragraphs, links cut short, mentions and tags as links."""
    pieces, end = [], 0
    for match in _TOKEN.finditer(text):
        pieces += [escape(text[end : match.start()]).replace("&#x27;", "&#39;"), _linked(match, base_url)]
        end = match.end()
    pieces.append(escape(text[end:]).replace("&#x27;", "&#39;"))
    paragraphs = re.split(r"\n{2,}", "".join(pieces).replace("\r\n", "\n").strip())
    return "".join(f"<p>{paragraph.replace(chr(10), '<br />')}</p>" for paragraph in paragraphs if paragraph)


def _linked(match: re.Match[str], base_url: str) -> str:
    if match["user"]:
        address = escape(f"{base_url}/@{match[0].lstrip('@')}")
        name = escape(match["user"])
        return f'<span class="h-card" translate="no"><a href="{address}" class="u-url mention">@<span>{name}</span></a></span>'
    if match["tag"]:
        tag = escape(match["tag"])
        return f'<a href="{base_url}/tags/{tag.lower()}" class="mention hashtag" rel="tag">#<span>{tag}</span></a>'
    url = match["url"]
    scheme = re.match(r"https?://(?:www\.)?", url)
    head = scheme[0] if scheme else ""
    shown, hidden = url[len(head) :][:_SHOWN_OF_URL], url[len(head) :][_SHOWN_OF_URL:]
    return (
        f'<a href="{escape(url)}" target="_blank" rel="nofollow noopener" translate="no">'
        f'<span class="invisible">{escape(head)}</span><span class="{"ellipsis" if hidden else ""}">{escape(shown)}</span>'
        f'<span class="invisible">{escape(hidden)}</span></a>'
    )


def mentioned(text: str) -> list[tuple[str, str | None]]:
    """Whom a text names: user, and domain where it stands."""
    return [(match["user"], match["domain"]) for match in _TOKEN.finditer(text) if match["user"]]


def first_link(text: str) -> str | None:
    """The first address in a text."""
    return next((match["url"] for match in _TOKEN.finditer(text) if match["url"]), None)


def tags(text: str) -> list[str]:
    """Its hashtags, in lower case."""
    return [match["tag"].lower() for match in _TOKEN.finditer(text) if match["tag"]]
