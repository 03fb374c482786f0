"""Chaos: kill publishers at random, lose their answers, change one's mind in mid-burst, and count what the networks' public sees.

Real publishers, connectors and store; the sandbox as all nine networks, with faults switched on. Posts are approved as fast as they go out,
publishers drain the outbox and are killed (SIGKILL) again and again, people cancel, edit, stop, repost and reconnect meanwhile. What counts is
the sandbox's own list of posts, not what the store believes.

Belongs here: the harness; one file a concern. Does not belong here: the property test over a fake network
(`tests/unit/operations/test_publisher_crashes.py`), the same on a real server (`benchmarks/chaos_pds.py`).
"""
