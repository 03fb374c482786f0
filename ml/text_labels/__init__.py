"""Labels of texts with a probability that can be believed: sentiment, offensiveness, and intents of a client's own.

Belongs here: texts in, labels and their confidence out. Does not belong here: what to do about a label (`ml/replies`), and anything
about who wrote a text.
"""
