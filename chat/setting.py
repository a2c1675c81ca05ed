"""One setting of a profile as bytes: a version byte, and an object in JSON with sorted names.

Two of them keep what is a member's alone (`chat.private`, `chat.people`). An absent setting is
empty bytes. What a version means, and the bounds of what is in it, is said where it is read.
"""

from typing import Any, TypeVar

import msgspec

from chat.errors import StoreError

_encoder = msgspec.json.Encoder(order="sorted")
_Value = TypeVar("_Value")


def encode(version: int, value: Any) -> bytes:
    """The bytes of a setting."""
    return bytes((version,)) + _encoder.encode(value)


def decode(
    data: bytes, version: int, decoder: msgspec.json.Decoder[_Value], *, newer: str, damaged: str
) -> _Value | None:
    """What a setting says; None when it was never written.

    Raises:
        StoreError: it is of another version (the sentence `newer`), or damaged (`damaged`).
    """
    if not data:
        return None
    if data[0] != version:
        raise StoreError(newer)
    try:
        return decoder.decode(data[1:])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise StoreError(damaged) from None
