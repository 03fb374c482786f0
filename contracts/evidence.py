"""From when evidence against a model counts: shared by the watch that gathers it and the page that shows it."""

ALARM = 20.0
"""Evidence (a stake that began at 1) at which a model is no longer believed to hold: reached by chance in one run of twenty."""
