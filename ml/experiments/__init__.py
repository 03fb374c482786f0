"""Experiments: was the split right, is an arm better, who gets the next impressions, what will the winner bring.

Belongs here: statistics of tests between arms, each a pure function of counts that answers with a verdict, its reason in a
sentence, an interval and what is still missing. Does not belong here: where the counts come from, what an arm says, when a
test runs. What each procedure promises, and its source, stands in docs/experiments.md.
"""
