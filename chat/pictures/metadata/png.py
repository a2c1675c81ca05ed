"""PNG and APNG: chunks of length, type, data and CRC (PNG, third edition).

Kept: the critical chunks, those that say how the pixels look (transparency, gamma, colour space,
background, physical size) and those of animations. Text, time, EXIF and every unknown chunk go.
"""

import zlib

from chat.pictures.errors import Invalid
from chat.pictures.limits import SEGMENTS_MAX
from chat.pictures.metadata.exif import orientation_of, tiff_with

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CRITICAL = frozenset(b"IHDR PLTE IDAT IEND".split())
_LOOKS = frozenset(
    b"tRNS gAMA cHRM sRGB iCCP cICP mDCV cLLI sBIT bKGD hIST pHYs acTL fcTL fdAT".split()
)
_NAMES = {b"eXIf": "EXIF", b"tEXt": "text", b"zTXt": "text", b"iTXt": "text", b"tIME": "time"}


def clean_png(data: bytes) -> tuple[bytes, set[str]]:
    """The PNG without metadata, and what was removed. Raises Invalid."""
    if not data.startswith(_SIGNATURE):
        raise Invalid("the PNG does not begin like one")
    kept: list[bytes] = []
    removed: set[str] = set()
    orientation = 1
    at = len(_SIGNATURE)
    for _ in range(SEGMENTS_MAX):
        kind, body, whole = _chunk(data, at)
        at += len(whole)
        if (not kept) != (kind == b"IHDR"):
            raise Invalid("the PNG does not have exactly one header, at its beginning")
        if kind == b"eXIf":
            orientation = orientation_of(body)
            if body != tiff_with(orientation):
                removed.add("EXIF")
        elif kind in _CRITICAL or kind in _LOOKS:
            kept.append(whole)
        elif not kind[0] & 0x20:
            raise Invalid("the PNG has a part that no decoder here knows")
        else:
            removed.add("XMP" if b"XML:com.adobe.xmp" in body[:32] else _NAMES.get(kind, "other"))
        if kind == b"IEND":
            if at != len(data):
                removed.add("trailer")
            return _assemble(kept, orientation), removed
    raise Invalid("the PNG has more chunks than a picture can need")


def _chunk(data: bytes, at: int) -> tuple[bytes, bytes, bytes]:
    """The chunk at `at`: its type, its data, and all its bytes."""
    length = int.from_bytes(data[at : at + 4], "big")
    whole = data[at : at + 12 + length]
    if len(whole) != 12 + length:
        raise Invalid("the PNG ends early")
    if zlib.crc32(whole[4:-4]) != int.from_bytes(whole[-4:], "big"):
        raise Invalid("the PNG is damaged: a checksum does not fit")
    return whole[4:8], whole[8:-4], whole


def _assemble(kept: list[bytes], orientation: int) -> bytes:
    turned = [_make(b"eXIf", tiff_with(orientation))] if orientation != 1 else []
    return b"".join([_SIGNATURE, kept[0], *turned, *kept[1:]])


def _make(kind: bytes, body: bytes) -> bytes:
    crc = zlib.crc32(kind + body).to_bytes(4, "big")
    return len(body).to_bytes(4, "big") + kind + body + crc
