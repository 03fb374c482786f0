"""Mastodon and servers that speak its API: the wire, its shapes, and their mapping to Pulso's records."""
