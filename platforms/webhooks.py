"""Whether a webhook is the network's own: the signatures and challenges of Meta, X, LinkedIn and TikTok.

Belongs here: pure verification over the raw body, before anything parses it. Does not belong here: what an event says
(`webhook_events.py`), receiving, storing, acting on it. Networks without webhooks (Bluesky, Mastodon, Pinterest, YouTube) are read by asking.

Three rules hold for all four. Signatures are compared in constant time. A missing secret verifies nothing: anybody can sign with
an empty key. And an answer to a challenge signs nothing but a challenge: X and LinkedIn have the receiver sign a text from the
query with the very key that signs events, so a receiver that signs any text would sign forged events for whoever asks.

Only TikTok signs a time, so only there is an old delivery refused by its age. For all of them `delivery_key` tells a repeated
delivery (networks repeat what they think was lost) or a replayed one from a new one: what has been stored once is not stored again.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from pydantic import SecretStr

from contracts.networks import Network
from contracts.settings import App

WITH_WEBHOOKS = frozenset({Network.FACEBOOK, Network.INSTAGRAM, Network.LINKEDIN, Network.TIKTOK, Network.X})
WITH_CHALLENGE = WITH_WEBHOOKS - {Network.TIKTOK}
"""Networks that ask the address to prove itself. TikTok takes it as it is typed in."""

META_HEADER = "x-hub-signature-256"
X_HEADER = "x-twitter-webhooks-signature"
LINKEDIN_HEADER = "x-li-signature"
TIKTOK_HEADER = "tiktok-signature"

META_PREFIX = "sha256="  # [K]
X_PREFIX = "sha256="
LINKEDIN_PREFIX = "hmacsha256="
LINKEDIN_SIGNED_PREFIXES = (LINKEDIN_PREFIX, "")
"""What may stand before the body in what is signed [K]: documentation says the prefix, some receivers report nothing. To take both
is safe because no challenge that is answered here is an event in either form. The header may begin with the prefix or not."""

TIKTOK_WINDOW = timedelta(minutes=5)  # [K] how far the signed time may be from ours

_CRC_TOKEN = re.compile(r"[A-Za-z0-9_+/=.-]{1,256}")
"""No text of this form is a JSON object, so signing it signs no event."""
_CHALLENGE_CODE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
"""A UUID, as LinkedIn makes them."""
_META_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{1,256}")
"""It is echoed to whoever knows the verify token: nothing in it may be markup."""


def delivery_key(network: Network, body: bytes) -> str:
    """What makes a delivery the same as one before: its network and its very bytes (signatures and times differ when repeated)."""
    return hashlib.sha256(network.value.encode() + b"\0" + body).hexdigest()


def is_genuine(network: Network, body: bytes, headers: Mapping[str, str], app: App, *, now: datetime) -> bool:
    """Whether a delivery to the app is its network's own. `headers` finds names in any case; `now` is machine time."""
    secret = app.app_secret
    match network:
        case Network.FACEBOOK | Network.INSTAGRAM:
            return is_from_meta(body, headers.get(META_HEADER), app_secret=secret)
        case Network.X:
            return is_from_x(body, headers.get(X_HEADER), consumer_secret=secret)
        case Network.LINKEDIN:
            return is_from_linkedin(body, headers.get(LINKEDIN_HEADER), client_secret=secret)
        case Network.TIKTOK:
            return is_from_tiktok(body, headers.get(TIKTOK_HEADER), client_secret=secret, now=now)
        case _:
            return False


def challenge_answer(network: Network, query: Mapping[str, str], app: App) -> str | dict[str, str] | None:
    """What proves the address to its network, as text or as JSON; None: refuse it."""
    match network:
        case Network.FACEBOOK | Network.INSTAGRAM:
            return None if app.verify_token is None else meta_challenge_answer(query, verify_token=app.verify_token)
        case Network.X:
            return x_challenge_answer(query, consumer_secret=app.app_secret)
        case Network.LINKEDIN:
            return linkedin_challenge_answer(query, client_secret=app.app_secret)
        case _:
            return None


# --- Meta (Instagram, Facebook) ------------------------------------------------------------------------------------------


def is_from_meta(body: bytes, signature: str | None, *, app_secret: SecretStr) -> bool:
    """Whether `X-Hub-Signature-256` is the app's signature of these bytes."""
    digest = _hmac(app_secret, body)
    return digest is not None and _is_equal(signature, META_PREFIX + digest.hex())


def meta_challenge_answer(query: Mapping[str, str], *, verify_token: SecretStr) -> str | None:
    """The text with which a subscription is confirmed, to be sent as text/plain; None: refuse it."""
    expected, challenge = verify_token.get_secret_value(), query.get("hub.challenge", "")
    is_meant = query.get("hub.mode") == "subscribe" and bool(expected)
    is_known = _is_equal(query.get("hub.verify_token"), expected)
    return challenge if is_meant and is_known and _META_CHALLENGE.fullmatch(challenge) else None


# --- X -------------------------------------------------------------------------------------------------------------------


def is_from_x(body: bytes, signature: str | None, *, consumer_secret: SecretStr) -> bool:
    """Whether `x-twitter-webhooks-signature` is the app's signature of these bytes."""
    digest = _hmac(consumer_secret, body)
    return digest is not None and _is_equal(signature, X_PREFIX + base64.b64encode(digest).decode())


def x_challenge_answer(query: Mapping[str, str], *, consumer_secret: SecretStr) -> dict[str, str] | None:
    """The JSON with which a challenge-response check is passed; None: refuse it."""
    token = query.get("crc_token", "")
    digest = _hmac(consumer_secret, token.encode()) if _CRC_TOKEN.fullmatch(token) else None
    return None if digest is None else {"response_token": X_PREFIX + base64.b64encode(digest).decode()}


# --- LinkedIn ------------------------------------------------------------------------------------------------------------


def is_from_linkedin(body: bytes, signature: str | None, *, client_secret: SecretStr) -> bool:
    """Whether `X-LI-Signature` is the app's signature of these bytes."""
    given = (signature or "").removeprefix(LINKEDIN_PREFIX)
    digests = (_hmac(client_secret, prefix.encode() + body) for prefix in LINKEDIN_SIGNED_PREFIXES)
    return any(digest is not None and _is_equal(given, digest.hex()) for digest in digests)


def linkedin_challenge_answer(query: Mapping[str, str], *, client_secret: SecretStr) -> dict[str, str] | None:
    """The JSON with which the address is confirmed, at first and every two hours; None: refuse it."""
    code = query.get("challengeCode", "")
    digest = _hmac(client_secret, code.encode()) if _CHALLENGE_CODE.fullmatch(code) else None
    return None if digest is None else {"challengeCode": code, "challengeResponse": digest.hex()}


# --- TikTok --------------------------------------------------------------------------------------------------------------


def is_from_tiktok(body: bytes, signature: str | None, *, client_secret: SecretStr, now: datetime) -> bool:
    """Whether `Tiktok-Signature` (`t=<Unix seconds>,s=<hex>`) is the app's signature of that time and these bytes, and the
    time within the window around `now` (machine time, aware)."""
    pairs = [part.strip().partition("=") for part in (signature or "").split(",")]
    parts = {name: value for name, _, value in pairs}
    signed_at = parts.get("t", "")
    if len(pairs) != len(parts) or not re.fullmatch(r"[0-9]{1,12}", signed_at):
        return False
    digest = _hmac(client_secret, signed_at.encode() + b"." + body)
    is_fresh = abs(now.timestamp() - int(signed_at)) <= TIKTOK_WINDOW.total_seconds()
    return digest is not None and _is_equal(parts.get("s"), digest.hex()) and is_fresh


def _hmac(secret: SecretStr, message: bytes) -> bytes | None:
    """HMAC-SHA256; None without a secret."""
    key = secret.get_secret_value().encode()
    return hmac.new(key, message, hashlib.sha256).digest() if key else None


def _is_equal(given: str | None, expected: str) -> bool:
    """In constant time; as bytes, because a header may hold any."""
    return hmac.compare_digest((given or "").encode("utf-8", "surrogatepass"), expected.encode())
