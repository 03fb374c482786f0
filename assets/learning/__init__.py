"""Learning: what yesterday's outcomes say about the forecasts, used by today's decisions."""
