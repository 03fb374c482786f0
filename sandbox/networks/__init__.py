"""One module per network: its paths, authorisation, paging, limits and error bodies. No law of the world stands here."""

from sandbox.networks.bluesky import Bluesky
from sandbox.networks.facebook import Facebook
from sandbox.networks.instagram import Instagram
from sandbox.networks.linkedin import LinkedIn
from sandbox.networks.mastodon import Mastodon
from sandbox.networks.pinterest import Pinterest
from sandbox.networks.tiktok import TikTok
from sandbox.networks.x import X
from sandbox.networks.youtube import YouTube

NETWORKS = (Bluesky, Facebook, Instagram, LinkedIn, Mastodon, Pinterest, TikTok, X, YouTube)
"""Everyone who answers, each under `/<network>`."""
