"""The one field of EXIF that a picture needs: how it is turned.

Source: EXIF 2.32 section 4.6.2 (a TIFF file: header, first directory, entries of 12 bytes).
"""

from chat.pictures.limits import EXIF_MAX_ENTRIES

_ORIENTATION = 0x0112
_SHORT = 3
EXIF_HEADER = b"Exif\0\0"


def orientation_of(exif: bytes) -> int:
    """The orientation (1 to 8) in a TIFF block, with or without the `Exif` header.

    Whatever is damaged counts as 1, upright: the block is thrown away in any case.
    """
    tiff = exif[len(EXIF_HEADER) :] if exif.startswith(EXIF_HEADER) else exif
    if tiff[:4] == b"II*\0":
        order: str = "little"
    elif tiff[:4] == b"MM\0*":
        order = "big"
    else:
        return 1

    def number(at: int, width: int) -> int:
        return int.from_bytes(tiff[at : at + width], "little" if order == "little" else "big")

    start = number(4, 4)
    for index in range(min(number(start, 2), EXIF_MAX_ENTRIES)):
        at = start + 2 + 12 * index
        if number(at, 2) == _ORIENTATION and number(at + 2, 2) == _SHORT:
            value = number(at + 8, 2)
            return value if 1 <= value <= 8 else 1
    return 1


def tiff_with(orientation: int) -> bytes:
    """A TIFF block with the orientation and nothing else: 26 bytes."""
    entry = b"\x01\x12\x00\x03\x00\x00\x00\x01" + orientation.to_bytes(2, "big") + b"\0\0"
    return b"MM\0*\0\0\0\x08" + b"\0\x01" + entry + b"\0\0\0\0"


EMPTY_TIFF = b"MM\0*\0\0\0\x08" + b"\0\0" + b"\0\0\0\0"
"""A TIFF block with no fields at all: 14 bytes."""
