"""Timestamp identifiers: the record keys of the AT Protocol, chosen by us so that one intent is one record for ever.

Belongs here: encoding and derivation. Does not belong here: what a record holds.
"""

import hashlib
from datetime import UTC, datetime

ALPHABET = "234567abcdefghijklmnopqrstuvwxyz"
LENGTH = 13
_CLOCK_ID_BITS = 10
_LARGEST = (1 << 63) - 1


def encode(microseconds: int, clock_id: int) -> str:
    """13 characters of base32-sortable: 53 bits of microseconds since 1970, 10 bits of clock id."""
    value = ((microseconds << _CLOCK_ID_BITS) | (clock_id & 0x3FF)) & _LARGEST
    digits = []
    for _ in range(LENGTH):
        value, digit = divmod(value, 32)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def decode(tid: str) -> tuple[int, int]:
    """Microseconds and clock id. Raises ValueError for anything that is no TID."""
    if len(tid) != LENGTH or tid[0] not in ALPHABET[:16]:
        raise ValueError(f"not a TID: {tid!r}")
    value = 0
    for character in tid:
        value = value * 32 + ALPHABET.index(character)
    return value >> _CLOCK_ID_BITS, value & 0x3FF


def for_intent(intent_id: str, created_at: datetime) -> str:
    """The key of this intent's record: the same for the same intent, different for different ones.

    The second is the intent's own; the digits below it come from a hash of its id, so that intents taken up in the same
    moment differ (of a thousand in one second, two agree with probability 5e-4 in the whole second's 1e9 keys).
    """
    digest = int.from_bytes(hashlib.sha256(intent_id.encode()).digest()[:8], "big")
    second = int(created_at.astimezone(UTC).timestamp())
    return encode(second * 1_000_000 + digest % 1_000_000, (digest // 1_000_000) & 0x3FF)


def following(first: str, number: int) -> str:
    """The key `number` microseconds after another: a thread's keys stand in the order of its posts."""
    microseconds, clock_id = decode(first)
    return encode(microseconds + number, clock_id)
