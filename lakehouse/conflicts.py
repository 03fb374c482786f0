"""Two writers at once: the later one learns of it when it commits, and does its work again on the newer version.

Belongs here: how a conflict is noticed and how often work is redone. Does not belong here: the work itself.

Delta refuses a commit when another one, since the version that it started from, touched what it replaced. It does not
refuse two appends, although both may have found the same key missing. So every write that depends on which keys exist also
claims one application transaction per table, and of two overlapping claims Delta refuses the later.
"""

import random
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from deltalake import CommitProperties, Transaction
from deltalake.exceptions import CommitFailedError

from contracts.errors import PulsoError

T = TypeVar("T")

KEYED_WRITE = "pulso-keyed-write"
ATTEMPTS = 15
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 2.0


def commit_properties(notes: Mapping[str, object], *, is_keyed: bool) -> CommitProperties:
    """What a commit says of itself in the table's history, and its claim if it depends on which keys exist."""
    return CommitProperties(
        custom_metadata={name: str(value) for name, value in notes.items()},
        app_transactions=[Transaction(KEYED_WRITE, version=0)] if is_keyed else None,
    )


def redo_on_conflict(what: str, attempt: Callable[[], T], *, attempts: int = ATTEMPTS) -> T:
    """Run `attempt`, which must open the newest version itself, until its commit meets no other writer.

    Pauses are random and grow, so that many writers spread out. Raises PulsoError after `attempts` conflicts in a row.
    """
    longest = FIRST_PAUSE_SECONDS
    for _ in range(attempts - 1):
        try:
            return attempt()
        except CommitFailedError:
            time.sleep(random.uniform(0, longest))
            longest = min(2 * longest, LONGEST_PAUSE_SECONDS)
    try:
        return attempt()
    except CommitFailedError as error:
        raise PulsoError(
            f"{what}: other writers were faster {attempts} times in a row. Nothing was written; run it again."
        ) from error
