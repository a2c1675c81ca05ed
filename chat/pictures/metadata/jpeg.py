"""JPEG: segments between markers (ITU-T T.81 annex B).

Kept: frame, tables, scans, restart intervals; the JFIF header without its thumbnail; ICC profiles
(APP2); Adobe's colour transform (APP14), without which the colours are wrong. Everything else that
has a length is metadata. The picture ends at its first EOI: what follows is dropped, and with it
the index of further pictures (MPF).
"""

import re

from chat.pictures.errors import Invalid
from chat.pictures.limits import SEGMENTS_MAX
from chat.pictures.metadata.exif import EXIF_HEADER, orientation_of, tiff_with

_SOI, _EOI, _SOS, _COM = 0xD8, 0xD9, 0xDA, 0xFE
_APP0, _APP1, _APP2, _APP13, _APP14, _APP15 = 0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xEF
_PICTURE = frozenset([*range(0xC0, 0xD0), *range(0xDA, 0xE0)]) - {0xC8}
"""Frames (SOFn), tables (DHT, DAC, DQT), SOS, DNL, DRI, DHP, EXP; C8 is reserved."""
_JFIF_BYTES = 14
_SCAN_END = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")
_XMP = (b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0")


def clean_jpeg(data: bytes) -> tuple[bytes, set[str]]:
    """The JPEG without metadata, and what was removed. Raises Invalid."""
    if data[:2] != b"\xff\xd8":
        raise Invalid("the JPEG does not begin like one")
    kept: list[bytes] = []
    removed: set[str] = set()
    orientation = 1
    at = 2
    for _ in range(SEGMENTS_MAX):
        marker, at = _marker(data, at)
        if marker == _EOI:
            if at != len(data):
                removed.add("trailer")
            return _assemble(kept, orientation), removed
        payload, at = _payload(data, at)
        if marker == _APP1 and payload.startswith(EXIF_HEADER):
            orientation = orientation_of(payload)
            if _segment(_APP1, payload) == _orientation_segment(orientation):
                continue
        segment, kind = _keep(marker, payload)
        if kind:
            removed.add(kind)
        if segment:
            kept.append(segment)
        if marker == _SOS:
            end = _SCAN_END.search(data, at)
            if end is None:
                raise Invalid("the JPEG ends in the middle of its pixels")
            kept.append(data[at : end.start()])
            at = end.start()
    raise Invalid("the JPEG has more segments than a picture can need")


def _marker(data: bytes, at: int) -> tuple[int, int]:
    """The marker at `at` (any number of fill bytes before it) and where it ends."""
    if data[at : at + 1] != b"\xff":
        raise Invalid("the JPEG has bytes between its segments")
    while data[at : at + 1] == b"\xff":
        at += 1
    if at >= len(data):
        raise Invalid("the JPEG ends early")
    marker = data[at]
    if marker in (0x00, 0x01, _SOI) or 0xD0 <= marker <= 0xD7:
        raise Invalid("the JPEG has a marker where none may be")
    return marker, at + 1


def _payload(data: bytes, at: int) -> tuple[bytes, int]:
    length = int.from_bytes(data[at : at + 2], "big")
    if length < 2 or at + length > len(data):
        raise Invalid("the JPEG has a segment that is longer than the file")
    return data[at + 2 : at + length], at + length


def _segment(marker: int, payload: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(payload) + 2).to_bytes(2, "big") + payload


def _keep(marker: int, payload: bytes) -> tuple[bytes, str]:
    """What is written for a segment, and the name of what was removed or ""."""
    if marker in _PICTURE:
        return _segment(marker, payload), ""
    if marker == _APP0 and payload.startswith(b"JFIF\0") and len(payload) >= _JFIF_BYTES:
        bare = payload[: _JFIF_BYTES - 2] + b"\0\0"
        return _segment(marker, bare), "thumbnail" if bare != payload else ""
    if marker == _APP2 and payload.startswith(b"ICC_PROFILE\0"):
        return _segment(marker, payload), ""
    if marker == _APP14 and payload.startswith(b"Adobe") and len(payload) >= 12:
        return _segment(marker, payload[:12]), ""
    return b"", _name_of(marker, payload)


def _name_of(marker: int, payload: bytes) -> str:
    if marker == _COM:
        return "comment"
    if marker == _APP1 and payload.startswith(EXIF_HEADER):
        return "EXIF"
    if marker == _APP1 and payload.startswith(_XMP):
        return "XMP"
    if marker == _APP13:
        return "IPTC"
    if marker == _APP2 and payload.startswith(b"MPF\0"):
        return "further pictures"
    return "application data"


def _orientation_segment(orientation: int) -> bytes:
    return _segment(_APP1, EXIF_HEADER + tiff_with(orientation))


def _assemble(kept: list[bytes], orientation: int) -> bytes:
    # EXIF must come first of all; a JFIF header, when there is one, may stand before it.
    head = 1 if kept and kept[0][:2] == b"\xff\xe0" else 0
    turned = [_orientation_segment(orientation)] if orientation != 1 else []
    return b"".join([b"\xff\xd8", *kept[:head], *turned, *kept[head:], b"\xff\xd9"])
