"""Bytes of a post's media, as a connector needs them. Does not belong here: keeping, making or hosting pictures."""

from contracts.errors import ErrorClass, NetworkError, ProviderError
from contracts.networks import Network
from contracts.ports import MediaReader
from contracts.records import Media


def read_media(reader: MediaReader, media: Media, network: Network) -> bytes:
    """The file's bytes. A file that is gone makes the post `invalid`: trying again would not bring it back."""
    try:
        return reader.read(media.path)
    except (ProviderError, OSError) as error:
        message = f"The picture {media.path} of this post cannot be read."
        raise NetworkError(ErrorClass.INVALID, message, network=network.value, code="unreadable_media") from error
