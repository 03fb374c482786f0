"""Advertising has to say that it is advertising.

Belongs here: the rule that the client's disclosure stands in paid content. Does not belong here: deciding what is paid content.
"""

from collections.abc import Iterator

from contracts.records import BrandKit, ContentItem, Violation
from policy.text_folding import find_phrase


def check(item: ContentItem, brand: BrandKit) -> Iterator[Violation]:
    """Advertising without the brand's disclosure, or of a brand that has none, is blocked."""
    if not item.is_advertising:
        return
    if not (brand.disclosure or "").strip():
        yield Violation(
            rule="disclosure",
            message="This is advertising, and the client has no disclosure text.",
            remedy="Set the brand kit's disclosure (for example #ad), then add it to the text.",
        )
    elif not find_phrase(item.text, brand.disclosure or ""):
        yield Violation(
            rule="disclosure",
            message=f"This is advertising, and “{brand.disclosure}” is missing.",
            remedy=f"Add “{brand.disclosure}” to the text.",
        )
