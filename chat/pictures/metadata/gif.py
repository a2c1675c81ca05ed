"""GIF: blocks introduced by one byte (GIF89a specification).

Kept: the screen, images, their timing, texts that are part of the picture, the colour profile and
the number of repetitions. Comments and other application extensions (XMP among them) go.
"""

from chat.pictures.errors import Invalid
from chat.pictures.limits import SEGMENTS_MAX

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_PLAIN_TEXT, _GRAPHIC_CONTROL, _COMMENT, _APPLICATION = 0x01, 0xF9, 0xFE, 0xFF
_LOOPS = frozenset([b"\x0bNETSCAPE2.0", b"\x0bANIMEXTS1.0"])
_PROFILE = b"\x0bICCRGBG1012"
_XMP = b"\x0bXMP DataXMP"


def clean_gif(data: bytes) -> tuple[bytes, set[str]]:
    """The GIF without metadata, and what was removed. Raises Invalid."""
    if data[:6] not in (b"GIF87a", b"GIF89a") or len(data) < 13:
        raise Invalid("the GIF does not begin like one")
    at = 13 + _table_length(data[10])
    kept = [data[:at]]
    removed: set[str] = set()
    for _ in range(SEGMENTS_MAX):
        start = at
        kind = data[at] if at < len(data) else -1
        if kind == _TRAILER:
            if at + 1 != len(data):
                removed.add("trailer")
            return b"".join([*kept, b";"]), removed
        if kind == _IMAGE:
            header = data[at : at + 10]
            if len(header) < 10:
                raise Invalid("the GIF ends early")
            at = _blocks_end(data, at + 10 + _table_length(header[9]) + 1)
            kept.append(data[start:at])
        elif kind == _EXTENSION:
            at = _blocks_end(data, at + 2)
            block, name = _keep(data[start:at])
            kept.append(block)
            if name:
                removed.add(name)
        else:
            raise Invalid("the GIF has a block of an unknown kind, or ends early")
    raise Invalid("the GIF has more blocks than a picture can need")


def _table_length(flags: int) -> int:
    """Bytes of the colour table that the flags announce."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _blocks_end(data: bytes, at: int) -> int:
    """Where the chain of sub-blocks that begins at `at` ends."""
    for _ in range(SEGMENTS_MAX):
        if at >= len(data):
            raise Invalid("the GIF ends early")
        length = data[at]
        at += 1 + length
        if length == 0:
            return at
    raise Invalid("the GIF has more blocks than a picture can need")


def _keep(block: bytes) -> tuple[bytes, str]:
    """What is written for an extension, and the name of what was removed or ""."""
    label, head = block[1], block[2:14]
    if label == _GRAPHIC_CONTROL and block[2:3] == b"\x04":
        # Its one sub-block; a decoder passes over what follows, and a person would not know of it.
        control = block[:7] + b"\0"
        return control, "" if control == block else "other"
    if label == _PLAIN_TEXT:
        return block, ""
    if label == _COMMENT:
        return b"", "comment"
    if label == _APPLICATION and head in _LOOPS and block[14:16] == b"\x03\x01":
        loop = block[:18] + b"\0"
        return loop, "" if loop == block else "other"
    if label == _APPLICATION and head == _PROFILE:
        return block, ""
    return b"", "XMP" if head == _XMP else "other"
