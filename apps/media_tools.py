"""The tools with which people's ways in make media fit: the app and the `pulso` command hand them on.

Belongs here: composition. Does not belong here: what is mended (operations), how (providers).
"""

from pathlib import Path

from contracts.media import MediaMender


def local_mender(home: Path) -> MediaMender:
    """Pillow and FFmpeg over the media of a home. FFmpeg is looked for when a film has to be mended, not before."""
    from providers.media import LocalMedia
    from providers.transcode import LocalMender

    return LocalMender(LocalMedia(home))
