"""Who comments and what they say. Moods follow the documented mix; the words are in the brand's own language."""

from functools import lru_cache

from sandbox.world import texts
from sandbox.world.ids import account_id_of, comment_id, tid
from sandbox.world.model import HOUR_MS, Account, Comment, Post
from sandbox.world.outcomes import Outcome
from sandbox.world.parameters import WorldParameters
from sandbox.world.residents import Resident
from sandbox.world.seeding import stream

_FIRST = (
    "ana",
    "luis",
    "mika",
    "jo",
    "sara",
    "teo",
    "nina",
    "bruno",
    "clara",
    "hugo",
    "lia",
    "max",
    "rosa",
    "ivan",
    "dani",
    "eva",
)
_SECOND = (
    "bakes",
    "runs",
    "books",
    "travels",
    "plays",
    "draws",
    "garden",
    "beach",
    "city",
    "north",
    "studio",
    "daily",
    "lens",
)
_REGULARS = 400
"""People of one brand's audience: some comment again and again."""


def comments(
    parameters: WorldParameters, seed: int, resident: Resident, post: Post, outcome: Outcome
) -> tuple[Comment, ...]:
    """All comments that a post will ever get, by time of arrival."""
    return tuple(
        _comment(parameters, seed, resident, post, index, age)
        for index, age in enumerate(outcome.arrival_hours(seed, post))
    )


def person(seed: int, account: Account, index: int) -> tuple[str, str]:
    """Native id and handle of one of an account's regulars."""
    return _person(seed, account.network, account.handle, index)


@lru_cache(maxsize=100_000)  # they comment again and again
def _person(seed: int, network: str, account_handle: str, index: int) -> tuple[str, str]:
    who = stream(seed, "person", account_handle, index)
    handle = f"{who.choice(_FIRST)}{who.choice(_SECOND)}{who.randrange(100)}"
    if network == "bluesky":
        handle = f"{handle}.bsky.test"
    return account_id_of(network, handle), handle


def _comment(parameters: WorldParameters, seed: int, resident: Resident, post: Post, index: int, age: float) -> Comment:
    rng = stream(seed, "comment", post.native_id, index)
    mix = {
        "question": parameters.comment_questions,
        "compliment": parameters.comment_compliments,
        "complaint": parameters.comment_complaints,
        "spam": parameters.comment_spam,
    }
    mix["chatter"] = 1 - sum(mix.values())
    kind = rng.choices(list(mix), list(mix.values()))[0]
    author_id, handle = person(seed, resident.account, int(_REGULARS * rng.random() ** 2))
    created_ms = post.created_ms + round(age * HOUR_MS)
    if post.network == "bluesky":  # the key's clock id comes from the comment's own stream
        native_id = f"at://{author_id}/app.bsky.feed.post/{tid(created_ms, rng.randrange(1024))}"
    else:
        native_id = comment_id(post.network, post.native_id, author_id, created_ms, index)
    return Comment(
        native_id=native_id,
        post_id=post.native_id,
        author_id=author_id,
        author_handle=handle,
        author_name=handle.split(".")[0],
        text=texts.comment(resident.account.language, kind, resident.brand, rng),
        kind=kind,
        created_ms=created_ms,
        likes=min(40, int(rng.paretovariate(1.6)) - 1),
    )
