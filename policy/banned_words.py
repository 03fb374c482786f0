"""Words that a client never wants to be seen with.

Belongs here: the rule over a brand kit's `banned_words`. Does not belong here: how words are found (text_folding).
"""

from collections.abc import Iterator

from contracts.records import BrandKit, ContentItem, Violation
from policy.text_folding import find_phrase


def check(item: ContentItem, brand: BrandKit) -> Iterator[Violation]:
    """One violation for each banned word in the text or in a picture's description."""
    places = {"the text": item.text, "a picture's description": "\n".join(media.alt_text for media in item.media)}
    for word in brand.banned_words:
        for place, text in places.items():
            if find_phrase(text, word):
                yield Violation(
                    rule="banned_word",
                    message=f"“{word}” is a banned word of this client and stands in {place}.",
                    remedy=f"Write it without “{word}”.",
                )
