"""The pure part of the sandbox: who exists, what they post, and how an audience answers.

Belongs here: functions of (parameters, seed, identity, time). Does not belong here: HTTP, files that change, the machine's
clock, anything that a restart could alter.
"""
