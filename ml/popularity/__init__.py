"""Early popularity: what a post's first hours of counts say about its final count, and which posts are taking off.

Belongs here: reading irregular snapshots as growth curves (`curves.py`), the median curve (`median_curve.py`), the model (`model.py`), a round
of its training (`training.py`), which posts to tell about (`alerts.py`), what forecasts were worth (`scores.py`).
Does not belong here: forecasts made before publication (`ml/engagement.py`), what is done about a post that takes off.
"""
