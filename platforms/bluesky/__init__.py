"""Bluesky (AT Protocol): the XRPC wire, its shapes, and their mapping to Pulso's records."""
