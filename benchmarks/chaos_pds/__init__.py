"""Chaos on a real Bluesky server: publishers that die between its commit and its answer. `python -m benchmarks.chaos_pds`.

Real publishers side by side on one store, the real connector, the real server; between them a proxy that lets a commit reach the server,
waits for the whole answer and then has the publisher killed (SIGKILL) instead of handing the answer on. A killed publisher is
replaced. Other answers are cut, falsified and withheld. It goes on, one business day after the other, until enough publishers died
at that point. What counts is what the server lists, not what the store believes.

Belongs here: this harness. Does not belong here: the server and the proxy, which tests use too (`benchmarks/bluesky_server.py`,
`benchmarks/faulty_proxy.py`); chaos on all networks at once (`benchmarks/chaos.py`).
"""

from benchmarks.chaos_pds.run import PdsChaosReport, run_chaos_pds

__all__ = ["PdsChaosReport", "run_chaos_pds"]
