"""Where a series of counts goes from here: followers, reach, engagements, each with an interval.

Belongs here: the series (`series`), methods that may say something of it (`simple`, `smoothing`, `yearly`), what each of them would have said
in the past (`backtest`), which of them to believe (`choice`), how far they may be off (`interval`), and the forecast that comes of it
(`outlook`). Does not belong here: forecasts of single posts (`ml/engagement.py`, `ml/popularity`) and of topics (`ml/trends`), goals.

Everything said at a step follows from the steps before it: a longer series never changes what would have been said earlier.
docs/forecasts.md has the measured figures.
"""
