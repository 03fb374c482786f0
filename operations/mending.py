"""Making an item fit its network where that can be done without changing what it says: media refitted, a long text as a thread.

Belongs here: which of an item's violations can be mended, by which tool, and the words for the person who has to agree.
Does not belong here: the rules (policy), the tools (providers), saving the result: it is a new revision that somebody approves.
"""

from dataclasses import dataclass

from contracts.errors import ProviderError
from contracts.media import MediaMender, Mended
from contracts.networks import ContentFormat
from contracts.records import ContentItem, Media
from policy import LIMITS, NetworkLimits, split_into_thread
from policy.limit_shapes import FormatLimits
from policy.media_rules import check_one, is_film


@dataclass(frozen=True)
class MendedItem:
    """An item that breaks fewer rules, with everything that was changed and everything that could not be."""

    item: ContentItem
    changes: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()


def mend(
    item: ContentItem, mender: MediaMender, *, limits: NetworkLimits | None = None, may_shorten: bool = False
) -> MendedItem:
    """The item with media that fit and, where the network has threads, with a text that fits.

    `may_shorten`: films may lose their end. An item without violations that can be mended comes back as it is. The revision is
    not raised, and what was not asked for is left alone: neither words nor the order of media change.
    """
    limits = limits or LIMITS[item.network]
    form = limits.formats.get(item.content_format)
    if form is None:
        return MendedItem(item)
    media: list[Media] = []
    changes: list[str] = []
    failures: list[str] = []
    for one in item.media:
        try:
            mended = _mended(one, form, mender, network=item.network.value, may_shorten=may_shorten)
        except ProviderError as error:
            failures.append(str(error))
            mended = Mended(one)
        media.append(mended.media)
        changes += [f"{one.path}: {words}" for words in mended.changes]
    refitted = item.model_copy(update={"media": tuple(media)})
    try:
        threaded = _threaded(refitted, form, limits)
    except ValueError as error:
        return MendedItem(refitted, tuple(changes), (*failures, str(error)))
    if threaded is not refitted:
        changes.append(f"Split into a thread of {1 + len(threaded.options.thread)} posts.")
    return MendedItem(threaded, tuple(changes), tuple(failures))


def is_mendable(item: ContentItem, *, limits: NetworkLimits | None = None) -> bool:
    """Whether `mend` has anything to try. Asks no tool, so that a page may ask for every item that it shows."""
    limits = limits or LIMITS[item.network]
    form = limits.formats.get(item.content_format)
    if form is None:
        return False
    return any(_is_unfit(one, form, item.network.value) and _has_tool(one, form) for one in item.media) or (
        _may_be_threaded(item, form, limits)
    )


def _is_unfit(media: Media, form: FormatLimits, network: str) -> bool:
    return bool(list(check_one(media, form, network=network, what="the post")))


def _has_tool(media: Media, form: FormatLimits) -> bool:
    """No tool makes a picture of a film, or the other way round."""
    return (form.film if is_film(media) else form.picture) is not None


def _mended(media: Media, form: FormatLimits, mender: MediaMender, *, network: str, may_shorten: bool) -> Mended:
    if not _is_unfit(media, form, network):
        return Mended(media)
    if is_film(media) and form.film:
        return mender.mend_film(media, form.film, may_shorten=may_shorten)
    if not is_film(media) and form.picture:
        return mender.mend_picture(media, form.picture)
    return Mended(media)


def _threaded(item: ContentItem, form: FormatLimits, limits: NetworkLimits) -> ContentItem:
    """The item as a thread whose posts all fit; the item itself where all fit already, or where no thread can carry it."""
    if not _may_be_threaded(item, form, limits):
        return item
    texts = (item.text, *item.options.thread)
    parts = [part for text in texts if text.strip() for part in split_into_thread(text, item.network, limits=limits)]
    return item.model_copy(
        update={
            "text": parts[0],
            "content_format": ContentFormat.THREAD,
            "options": item.options.model_copy(update={"thread": tuple(parts[1:])}),
        }
    )


def _may_be_threaded(item: ContentItem, form: FormatLimits, limits: NetworkLimits) -> bool:
    thread = limits.formats.get(ContentFormat.THREAD)
    texts = (item.text, *item.options.thread)
    if thread is None or item.is_reply or form.required - {"thread"} or not any(_is_too_long(t, limits) for t in texts):
        return False
    return len(item.media) <= thread.media_count[1] and not any(_is_unfit(one, thread, "") for one in item.media)


def _is_too_long(text: str, limits: NetworkLimits) -> bool:
    return any(limit.excess(text) for limit in limits.text)
