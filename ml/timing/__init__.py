"""What publishing at another hour is worth to an account: small, confounded, uncertain, and never read off an in-sample average.

Belongs here: the effect of an hour, the gain of a slot, and what recommended slots brought against randomised ones.
Does not belong here: which slots exist (`ml/slots.py`), who gets which (`ml/scheduling.py`).

Raw averages by hour promise two to four times what later data keep: format, theme, weekday and hour are chosen together, rare hours
carry exceptional posts, and the best of many noisy averages was chosen for its noise. So an effect is estimated in four steps, a file
each: what the post was worth whatever its hour (`outcome.py`), how likely its hour was given what it is (`habits.py`), the doubly
robust contrast of the two (`contrasts.py`), and what the account's network and time zone make of it (`pooling.py`).
"""
