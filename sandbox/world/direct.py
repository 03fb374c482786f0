"""Who writes to an account alone, and what: some of its regulars, once or twice a day, in the moods of its comments.

Belongs here: the audience's side of conversations. Does not belong here: answers, which come over the wire.
"""

from functools import lru_cache

from sandbox.world import texts
from sandbox.world.audience import person
from sandbox.world.ids import message_id
from sandbox.world.model import DAY_MS, DirectMessage
from sandbox.world.residents import Resident
from sandbox.world.seeding import stream

DAYS = 21
"""How far back conversations reach."""
PEOPLE = 9
"""How many of an account's regulars write to it."""
_MOODS = ("question", "question", "complaint", "compliment")


def messages(seed: int, resident: Resident, now_ms: int) -> list[DirectMessage]:
    """What came by a moment, oldest first. Today's are those that have arrived."""
    today = now_ms // DAY_MS
    found = [m for day in range(today - DAYS, today + 1) for m in _of_day(seed, resident, day)]
    return sorted((m for m in found if m.created_ms <= now_ms), key=lambda m: (m.created_ms, m.native_id))


@lru_cache(maxsize=8192)
def _of_day(seed: int, resident: Resident, day: int) -> tuple[DirectMessage, ...]:
    account = resident.account
    rng = stream(seed, "direct", account.native_id, day)
    found = []
    for index in range(rng.choice((1, 1, 2))):
        author_id, handle = person(seed, account, rng.randrange(PEOPLE))
        created_ms = day * DAY_MS + rng.randrange(DAY_MS)
        found.append(
            DirectMessage(
                native_id=message_id(account.network, account.native_id, created_ms, index),
                person_id=author_id,
                person_handle=handle,
                person_name=handle.split(".")[0],
                text=texts.comment(account.language, rng.choice(_MOODS), resident.brand, rng),
                created_ms=created_ms,
            )
        )
    return tuple(found)
