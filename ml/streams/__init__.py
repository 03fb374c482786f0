"""Spikes in streams of counts: how many mentions came, how many of them negative, and which of that somebody should be told.

Belongs here: what is unusual about a bin (`volume`, `negativity`, and `level` for a day's figures), where telling begins (`budget`), what is
told (`alerts`), and all streams of all clients at once, from rows to rows (`figures`, `watch`).
Does not belong here: whether a day's data is complete (`ml/anomalies.py`), where counts come from, who is told and by which way.

Everything is online: what is said of a bin follows from that bin and the ones before it, so a longer history never changes
an earlier alert. docs/alerts.md has the measured figures.
"""
