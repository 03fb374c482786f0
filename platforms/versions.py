"""The API versions that Pulso speaks, in one place, and when the networks switch them off.

Belongs here: names and dates. Does not belong here: what a version looks like on the wire (each network's package, which takes its version
from here).
"""

from collections.abc import Mapping
from datetime import date

from contracts.networks import Network
from contracts.ports import ApiVersion

VERSIONS: Mapping[Network, ApiVersion] = {
    version.network: version
    for version in (
        ApiVersion(Network.BLUESKY, "xrpc", None),
        ApiVersion(Network.FACEBOOK, "v25.0", date(2028, 2, 1)),  # [K] two years after its release
        ApiVersion(Network.INSTAGRAM, "v25.0", date(2028, 2, 1)),  # [K] as Facebook
        ApiVersion(Network.LINKEDIN, "202605", date(2027, 5, 1)),  # [K] about a year after the month in its name
        ApiVersion(Network.MASTODON, "v1", None),
        ApiVersion(Network.PINTEREST, "v5", None),
        ApiVersion(Network.TIKTOK, "v2", None),
        ApiVersion(Network.X, "2", None),
        ApiVersion(Network.YOUTUBE, "v3", None),
    )
}
