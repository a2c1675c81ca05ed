"""WebP: a RIFF file of chunks with a four-letter name (RFC 9649).

Kept: the bitstreams, alpha, animation and colour profile. EXIF, XMP and unknown chunks go, inside
frames too, and the extended header's flags are made to say so.
"""

from collections.abc import Iterator

from chat.pictures.errors import Invalid
from chat.pictures.limits import SEGMENTS_MAX
from chat.pictures.metadata.exif import orientation_of, tiff_with

_PICTURE = frozenset([b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ICCP"])
_FRAME_PARTS = frozenset([b"VP8 ", b"VP8L", b"ALPH"])
_FRAME_HEADER_BYTES = 16
_FLAG_EXIF, _FLAG_XMP = 0x08, 0x04
_NAMES = {b"EXIF": "EXIF", b"XMP ": "XMP"}


def clean_webp(data: bytes) -> tuple[bytes, set[str]]:
    """The WebP without metadata, and what was removed. Raises Invalid."""
    size = int.from_bytes(data[4:8], "little")
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or not 12 <= size + 8 <= len(data):
        raise Invalid("the WebP does not begin like one, or ends early")
    removed: set[str] = set()
    if len(data) > size + 8 + (size & 1):
        removed.add("trailer")
    kept: list[tuple[bytes, bytes]] = []
    orientation = 1
    for name, body in _chunks(data, 12, size + 8):
        if name == b"EXIF":
            orientation = orientation_of(body)
            if body != tiff_with(orientation):
                removed.add("EXIF")
        elif name in _PICTURE or name == b"VP8X":
            kept.append((name, body))
        elif name == b"ANMF":
            kept.append((name, _clean_frame(body, removed)))
        else:
            removed.add(_NAMES.get(name, "other"))
    return _assemble(kept, orientation), removed


def _chunks(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    for _ in range(SEGMENTS_MAX):
        if at == end:
            return
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        stop = at + 8 + length
        if at + 8 > end or stop > end:
            raise Invalid("the WebP has a part that is longer than the file")
        yield data[at : at + 4], data[at + 8 : stop]
        at = min(stop + (length & 1), end)
    raise Invalid("the WebP has more parts than a picture can need")


def _clean_frame(body: bytes, removed: set[str]) -> bytes:
    if len(body) < _FRAME_HEADER_BYTES:
        raise Invalid("the WebP has a frame without a header")
    parts = [body[:_FRAME_HEADER_BYTES]]
    for name, inner in _chunks(body, _FRAME_HEADER_BYTES, len(body)):
        if name in _FRAME_PARTS:
            parts.append(_make(name, inner))
        else:
            removed.add("other")
    return b"".join(parts)


def _make(name: bytes, body: bytes) -> bytes:
    return name + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) & 1)


def _assemble(kept: list[tuple[bytes, bytes]], orientation: int) -> bytes:
    if not kept:
        raise Invalid("the WebP has no picture in it")
    name, header = kept[0]
    if name == b"VP8X":
        if not header:
            raise Invalid("the WebP has an empty header")
        flags = header[0] & ~(_FLAG_EXIF | _FLAG_XMP)
        if orientation != 1:
            flags |= _FLAG_EXIF
        kept[0] = (name, bytes([flags]) + header[1:])
        if orientation != 1:
            kept.append((b"EXIF", tiff_with(orientation)))
    body = b"WEBP" + b"".join(_make(name, chunk) for name, chunk in kept)
    return b"RIFF" + len(body).to_bytes(4, "little") + body
