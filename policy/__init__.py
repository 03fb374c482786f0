"""Send rules: may this be sent, and if not, why and what would mend it. Pure: no I/O, no clock, no randomness.

Belongs here: rules about content, time and volume that hold whoever wrote the text and whoever sends it.
Does not belong here: approvals and consents (operations), reading a network's own quota (platforms), how a draft is made (ml).
"""

from policy.instance_limits import limits_for, mastodon_limits
from policy.limit_shapes import NetworkLimits
from policy.network_limits import LIMITS
from policy.send import POLICY_VERSION, may_send
from policy.text_folding import find_phrase
from policy.threads import split_into_thread
from policy.timing import is_quiet, local_day

__all__ = [
    "LIMITS",
    "POLICY_VERSION",
    "NetworkLimits",
    "find_phrase",
    "is_quiet",
    "limits_for",
    "local_day",
    "mastodon_limits",
    "may_send",
    "split_into_thread",
]
