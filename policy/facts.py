"""A text may rest only on facts that the client has stated and that still hold on the day it is read.

Belongs here: existence and validity of the facts (and the pillar) that an item names.
Does not belong here: whether the text says what the fact says (a person's or a writer's matter).
"""

from collections.abc import Iterator
from datetime import date

from contracts.records import Client, ContentItem, Violation


def check(item: ContentItem, client: Client, *, on: date) -> Iterator[Violation]:
    """`on`: the client-local day on which the item would be seen."""
    known = {fact.fact_id: fact for fact in client.brand.facts}
    for fact_id in item.fact_ids:
        fact = known.get(fact_id)
        if fact is None:
            yield Violation(
                rule="fact_unknown",
                message=f"The text rests on fact {fact_id}, which the client has not stated (any more).",
                remedy="Rest it on one of the client's facts, or add the fact to the brand kit.",
            )
        elif fact.valid_until and on > fact.valid_until:
            yield Violation(
                rule="fact_expired",
                message=f"Fact {fact_id} held until {fact.valid_until}; the text would be seen on {on}.",
                remedy="Write about a fact that still holds, or extend the fact if it is still true.",
            )
        elif fact.valid_from and on < fact.valid_from:
            yield Violation(
                rule="fact_not_yet_valid",
                message=f"Fact {fact_id} holds from {fact.valid_from}; the text would be seen on {on}.",
                remedy=f"Publish it on {fact.valid_from} or later.",
            )
    if item.pillar_id and item.pillar_id not in {pillar.pillar_id for pillar in client.brand.pillars}:
        yield Violation(
            rule="pillar_unknown",
            message=f"“{item.pillar_id}” is not one of the client's pillars.",
            remedy="Choose one of the client's pillars.",
            severity="warn",
        )
