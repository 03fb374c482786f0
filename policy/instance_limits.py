"""The limits of one Mastodon instance, as the instance itself states them: every instance may set its own.

Belongs here: reading `configuration` of an instance's own description into limits. Does not belong here: fetching it (platforms).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from contracts.networks import Network
from contracts.records import AccountTerms
from policy.limit_shapes import FormatLimits, NetworkLimits, PollLimits, TextLimit
from policy.network_limits import LIMITS
from policy.text_measures import MASTODON_LINK_LENGTH, mastodon_measure


def limits_for(network: Network, terms: AccountTerms | None) -> NetworkLimits:
    """What an account's posts have to fit: what its own instance states, where that was read, else what its network usually accepts."""
    if network is Network.MASTODON and terms is not None and terms.configuration:
        return mastodon_limits(terms.configuration)
    return LIMITS[network]


def mastodon_limits(configuration: Mapping[str, Any]) -> NetworkLimits:
    """`configuration`: that member of `GET /api/v2/instance`. What it does not say, or says as nonsense, stays as usual."""
    usual = LIMITS[Network.MASTODON]
    statuses, media, polls = (_section(configuration, name) for name in ("statuses", "media_attachments", "polls"))
    link_length = _number(statuses, "characters_reserved_per_url", MASTODON_LINK_LENGTH)
    characters = _number(statuses, "max_characters", usual.text[0].most)
    attachments = _number(statuses, "max_media_attachments", 0)
    return replace(
        usual,
        text=(TextLimit(mastodon_measure(link_length), characters),),
        draft_graphemes=characters,
        max_alt_text=_number(media, "description_limit", usual.max_alt_text or 0) or None,
        poll=_poll(polls, usual.poll),
        formats={kind: _format(form, media, attachments) for kind, form in usual.formats.items()},
    )


def _section(configuration: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = configuration.get(name)
    return section if isinstance(section, Mapping) else {}


def _number(section: Mapping[str, Any], name: str, otherwise: int) -> int:
    value = section.get(name)
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else otherwise


def _format(form: FormatLimits, media: Mapping[str, Any], attachments: int) -> FormatLimits:
    listed = media.get("supported_mime_types")
    types = frozenset(t for t in listed if isinstance(t, str)) if isinstance(listed, list) else frozenset()
    picture, film = form.picture, form.film
    if picture:
        picture = replace(
            picture,
            mime_types=frozenset(t for t in types if t.startswith("image/")) or picture.mime_types,
            max_bytes=_number(media, "image_size_limit", picture.max_bytes),
            max_pixels=_number(media, "image_matrix_limit", picture.max_pixels or 0) or None,
        )
    if film:
        film = replace(
            film,
            mime_types=frozenset(t for t in types if t.startswith("video/")) or film.mime_types,
            max_bytes=_number(media, "video_size_limit", film.max_bytes),
            max_pixels=_number(media, "video_matrix_limit", film.max_pixels or 0) or None,
        )
    low, high = form.media_count
    if attachments and high > 1:
        high = max(low, attachments)
    return replace(form, picture=picture, film=film, media_count=(low, high))


def _poll(polls: Mapping[str, Any], usual: PollLimits | None) -> PollLimits | None:
    if usual is None:
        return None
    return replace(
        usual,
        most_choices=_number(polls, "max_options", usual.most_choices),
        choice=TextLimit(usual.choice.measure, _number(polls, "max_characters_per_option", usual.choice.most)),
        min_minutes=-(-_number(polls, "min_expiration", usual.min_minutes * 60) // 60),
        max_minutes=_number(polls, "max_expiration", usual.max_minutes * 60) // 60,
    )
