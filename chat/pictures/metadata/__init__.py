"""Takes EXIF, GPS, XMP, IPTC and comments out of a picture without decoding it.

The file is walked segment by segment, and what is not on a short list of segments that the picture
itself needs is left out: so a kind of metadata that nobody thought of is removed too. The bytes of
the pixels are never touched. Kept: colour profiles (ICC) and the orientation, for which a new EXIF
block of 26 bytes with that one field is written. What follows the end of the picture (motion
photos, hidden files) is dropped.

JPEG, PNG (animated too), WebP and GIF are rewritten. In AVIF and HEIF everything is addressed by
file offsets, so the payloads of the Exif and XMP items are overwritten in place; a file in which
metadata may be anywhere else is refused. Orientation there is a property of the item and stays.
"""

from collections.abc import Callable
from dataclasses import dataclass

from chat.pictures.errors import CannotClean
from chat.pictures.limits import PICTURE_MAX_BYTES
from chat.pictures.metadata.gif import clean_gif
from chat.pictures.metadata.isobmff import clean_isobmff
from chat.pictures.metadata.jpeg import clean_jpeg
from chat.pictures.metadata.png import clean_png
from chat.pictures.metadata.webp import clean_webp

__all__ = ["CLEANED", "Cleaned", "remove"]

_CLEANERS: dict[str, Callable[[bytes], tuple[bytes, set[str]]]] = {
    "image/jpeg": clean_jpeg,
    "image/png": clean_png,
    "image/webp": clean_webp,
    "image/gif": clean_gif,
    "image/avif": clean_isobmff,
    "image/heic": clean_isobmff,
    "image/heif": clean_isobmff,
}
CLEANED = frozenset(_CLEANERS)
"""Media types whose metadata can be removed."""


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A picture without metadata.

    Attributes:
        removed: what was taken out, sorted: "EXIF", "XMP", "comment", "trailer", ...
    """

    data: bytes
    removed: tuple[str, ...]


def remove(data: bytes, media_type: str) -> Cleaned:
    """The same picture without metadata; other files come back as they are.

    Raises:
        Invalid: the bytes are not a whole file of that type.
        CannotClean: metadata may be in there and cannot be removed losslessly.
    """
    if media_type == "image/tiff":
        raise CannotClean(
            "metadata cannot be removed from a TIFF; convert it to PNG, or keep the metadata"
        )
    cleaner = _CLEANERS.get(media_type)
    if cleaner is None:
        return Cleaned(data, ())
    if len(data) > PICTURE_MAX_BYTES:
        raise CannotClean(
            f"metadata is removed from pictures up to {PICTURE_MAX_BYTES >> 20} MiB; "
            "make it smaller, or keep the metadata"
        )
    cleaned, removed = cleaner(data)
    return Cleaned(cleaned, tuple(sorted(removed)))
