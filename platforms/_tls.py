"""What connections to networks trust. Does not belong here: what they send."""

import ssl
from functools import cache

import httpx


@cache
def certificates(*, trust_env: bool) -> ssl.SSLContext:
    """Read once a process: they take longer to load than a request takes to be made."""
    return httpx.create_ssl_context(trust_env=trust_env)
