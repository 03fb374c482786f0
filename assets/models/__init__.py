"""Models: trained from features, tracked, registered, and let loose on posts that Pulso did not write (shadow forecasts)."""
