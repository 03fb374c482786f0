"""The networks, mapped to Pulso's records: one package per network, one transport for all of them.

Belongs here: wire calls, the networks' shapes, their mapping to `contracts.records`, files that networks export.
Does not belong here: when to call (orchestration), what may be sent (policy), what was promised (operations), KPIs (dbt).
"""

from platforms._http import Patience
from platforms.clock import SandboxClock
from platforms.collector import HttpCollector
from platforms.networks import HttpNetworks

__all__ = ["HttpCollector", "HttpNetworks", "Patience", "SandboxClock"]
