"""What differs between networks in how posts do: one law a network, every constant with its meaning.

Instagram and Bluesky as measured on public panels; all others are judgements in between, marked so.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class NetworkLaw:
    """Constants of one network. Shares are medians of a post's interactions; a share of zero: the network has no such thing."""

    formats: Mapping[str, float]
    """What brands post there by themselves, with weights."""
    best_length: int
    """Characters."""
    hashtag_tolerance: int
    """More of them cost engagement."""
    comment_share: float
    share_share: float
    """Shares, reposts, repins; doubled for films."""
    save_share: float
    quote_share: float
    growth_scale_hours: float
    """Scale of the Weibull curve of counts."""
    has_reach: bool
    """The network tells how many people saw a post (unique)."""
    has_views: bool
    """It tells how often a post was seen or played."""
    longest_text: int
    """Characters that a brand's own posts keep to."""
    evidence: str

    def describe(self) -> dict[str, Any]:
        """For the admin page."""
        return asdict(self)


_JUDGED, _MEASURED = "judgement", "measured"
LAWS: Mapping[str, NetworkLaw] = {
    "bluesky": NetworkLaw(
        {"text": 0.52, "image": 0.48}, 150, 2, 0.10, 0.19, 0.03, 0.03, 3.0, False, False, 297, _MEASURED
    ),
    "facebook": NetworkLaw(
        {"text": 0.3, "image": 0.5, "link": 0.2}, 160, 2, 0.12, 0.10, 0.0, 0.0, 10.0, True, True, 2200, _JUDGED
    ),
    "instagram": NetworkLaw(
        {"image": 0.50, "carousel": 0.26, "video": 0.24},
        260,
        6,
        0.045,
        0.06,
        0.07,
        0.0,
        9.1,
        True,
        True,
        2200,
        _MEASURED,
    ),
    "linkedin": NetworkLaw({"text": 0.4, "image": 0.6}, 600, 3, 0.10, 0.05, 0.0, 0.0, 20.0, True, True, 2900, _JUDGED),
    "mastodon": NetworkLaw({"text": 0.6, "image": 0.4}, 200, 3, 0.12, 0.30, 0.0, 0.0, 4.0, False, False, 480, _JUDGED),
    "pinterest": NetworkLaw({"image": 1.0}, 220, 4, 0.0, 0.0, 0.6, 0.0, 200.0, False, True, 780, _JUDGED),
    "tiktok": NetworkLaw({"short_video": 1.0}, 120, 5, 0.03, 0.05, 0.06, 0.0, 30.0, True, True, 2000, _JUDGED),
    "x": NetworkLaw({"text": 0.55, "image": 0.45}, 140, 1, 0.12, 0.15, 0.06, 0.03, 3.0, False, True, 240, _JUDGED),
    "youtube": NetworkLaw(
        {"video": 0.8, "short_video": 0.2}, 400, 3, 0.08, 0.02, 0.0, 0.0, 60.0, False, True, 2900, _JUDGED
    ),
}
