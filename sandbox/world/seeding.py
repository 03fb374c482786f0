"""Random numbers that depend on nothing but a seed and a name, so that a restarted world is the same world."""

import random
from hashlib import blake2b


def stream(seed: int, *names: object) -> random.Random:
    """A generator of its own for this name: equal names give equal numbers, whatever was drawn elsewhere before."""
    return random.Random(number(seed, *names))


def number(seed: int, *names: object) -> int:
    """A 64-bit integer that is uniform over names."""
    key = "\x1f".join(str(part) for part in (seed, *names))
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest())


def identifier(alphabet: str, length: int, *names: object) -> str:
    """A made-up network id: `length` characters of `alphabet`, the same for the same names."""
    generator = stream(0, "identifier", *names)
    return "".join(generator.choice(alphabet) for _ in range(length))
