"""Made-up ids in the form that each network gives them: accounts, posts, comments and their authors.

Belongs here: forms of ids. Does not belong here: who exists, what happens to them.
"""

import base64
from collections.abc import Callable
from hashlib import sha256

from sandbox.world.seeding import identifier, number

TID_ALPHABET = "234567abcdefghijklmnopqrstuvwxyz"
_DIGITS = "0123456789"
_URL_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_TWITTER_EPOCH_MS = 1_288_834_974_657


def tid(moment_ms: int, clock_id: int) -> str:
    """A Bluesky timestamp id: 53 bits of microseconds and 10 bits of clock id in sortable base32."""
    value = (moment_ms * 1000 << 10) | (clock_id & 1023)
    return "".join(TID_ALPHABET[value >> shift & 31] for shift in range(60, -1, -5))


def did_of(handle: str) -> str:
    """A Bluesky identity in the form of the PLC method: 24 characters of base32."""
    return "did:plc:" + base64.b32encode(sha256(f"did:{handle}".encode()).digest()).decode().lower()[:24]


def instagram_id_of(handle: str) -> str:
    """An Instagram business account id: 17 digits."""
    return f"178414{int.from_bytes(sha256(f'ig:{handle}'.encode()).digest()[:8]) % 10**11:011d}"


def snowflake(moment_ms: int, entropy: int) -> str:
    """An id of X: 41 bits of milliseconds, 22 bits besides; beyond 2^53."""
    return str(((moment_ms - _TWITTER_EPOCH_MS) << 22) | (entropy & 0x3FFFFF))


_ACCOUNT: dict[str, Callable[[str], str]] = {
    "bluesky": did_of,
    "facebook": lambda handle: "1" + identifier(_DIGITS, 14, "facebook", handle),
    "instagram": instagram_id_of,
    "linkedin": lambda handle: (
        f"urn:li:organization:{1 + number(0, 'linkedin', handle) % 9}" + identifier(_DIGITS, 7, "linkedin", handle)
    ),
    "mastodon": lambda handle: "11" + identifier(_DIGITS, 16, "mastodon", handle),
    "pinterest": lambda handle: "54" + identifier(_DIGITS, 16, "pinterest", handle),
    "tiktok": lambda handle: "_000" + identifier(_URL_SAFE, 32, "tiktok", handle),
    "x": lambda handle: "1" + identifier(_DIGITS, 18, "x", handle),
    "youtube": lambda handle: "UC" + identifier(_URL_SAFE, 22, "youtube", handle),
}
NETWORKS = tuple(_ACCOUNT)
"""All networks of the sandbox."""


def account_id_of(network: str, handle: str) -> str:
    """The native id of an account, or of a person who comments."""
    return _ACCOUNT[network](handle)


def post_id(network: str, account_id: str, moment_ms: int, *names: object) -> str:
    """The native id of a post. `names` tell it from others of the same account and moment; equal names, equal id."""
    entropy = number(0, network, account_id, moment_ms, *names)
    forms: dict[str, Callable[[], str]] = {
        "bluesky": lambda: f"at://{account_id}/app.bsky.feed.post/{tid(moment_ms, entropy)}",
        "facebook": lambda: f"{account_id}_{10**15 + entropy % 10**15}",
        "instagram": lambda: f"179{entropy % 10**14:014d}",
        "linkedin": lambda: f"urn:li:share:{(moment_ms << 22) | (entropy & 0x3FFFFF)}",
        "mastodon": lambda: str((moment_ms << 16) | (entropy & 0xFFFF)),
        "pinterest": lambda: f"8{entropy % 10**17:017d}",
        "tiktok": lambda: str((moment_ms // 1000 << 32) | (entropy & 0xFFFFFFFF)),
        "x": lambda: snowflake(moment_ms, entropy),
        "youtube": lambda: identifier(_URL_SAFE, 11, network, account_id, moment_ms, *names),
    }
    return forms[network]()


def comment_id(network: str, post_native_id: str, author_id: str, moment_ms: int, index: int) -> str:
    """The native id of the `index`-th comment under a post."""
    entropy = number(0, network, post_native_id, index)
    forms: dict[str, Callable[[], str]] = {
        "bluesky": lambda: f"at://{author_id}/app.bsky.feed.post/{tid(moment_ms, entropy)}",
        "facebook": lambda: f"{post_native_id.rpartition('_')[2]}_{10**14 + entropy % 10**14}",
        "instagram": lambda: f"18{post_native_id[2:]}{index:05d}",
        "linkedin": lambda: f"urn:li:comment:({post_native_id},{(moment_ms << 22) | (entropy & 0x3FFFFF)})",
        "mastodon": lambda: str((moment_ms << 16) | (entropy & 0xFFFF)),
        "pinterest": lambda: str(entropy),
        "tiktok": lambda: str((moment_ms // 1000 << 32) | (entropy & 0xFFFFFFFF)),
        "x": lambda: snowflake(moment_ms, entropy),
        "youtube": lambda: "Ug" + identifier(_URL_SAFE, 24, network, post_native_id, index),
    }
    return forms[network]()


def message_id(network: str, account_id: str, moment_ms: int, index: int) -> str:
    """The native id of a direct message. `index` tells it from others of the same account and moment."""
    entropy = number(0, network, "direct", account_id, moment_ms, index)
    forms: dict[str, Callable[[], str]] = {
        "facebook": lambda: "m_" + identifier(_URL_SAFE, 40, network, account_id, moment_ms, index),
        "instagram": lambda: "aWdfZAG1faXRlbToxOk" + identifier(_URL_SAFE, 40, network, account_id, moment_ms, index),
        "mastodon": lambda: str((moment_ms << 16) | (entropy & 0xFFFF)),
        "x": lambda: snowflake(moment_ms, entropy),
    }
    return forms.get(network, lambda: str(entropy))()
