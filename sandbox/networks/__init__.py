"""One module per network: its paths, authorisation, paging, limits and error bodies. No law of the world stands here."""

from sandbox.networks.bluesky import Bluesky
from sandbox.networks.instagram import Instagram
from sandbox.networks.mastodon import Mastodon

NETWORKS = (Bluesky, Instagram, Mastodon)
"""Everyone who answers, each under `/<network>`."""
