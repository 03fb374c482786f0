"""Which terms (hashtags, topics, queries) are rising, how far along they are, and which concern a client.

Belongs here: what a trend is (`definition`), the forecast of trends from daily sightings (`forecast`), bursts in streams of counts and
their stage (`growth`, `stages`), relevance to a client (`relevance`), and all of it for the hashtags of posts (`hashtags`).
Does not belong here: where terms come from, what is done about a trend, strange days of a whole table (`ml/anomalies.py`).
"""
