"""One module per network: its paths, authorisation, paging, limits and error bodies. No law of the world stands here."""

from sandbox.networks.bluesky import Bluesky
from sandbox.networks.instagram import Instagram
from sandbox.networks.tiktok import TikTok

NETWORKS = (Bluesky, Instagram, TikTok)
"""Everyone who answers, each under `/<network>`."""
