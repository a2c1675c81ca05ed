"""The number at the head of a message: its kind, or the version of what follows.

Everything that may get a later kind or version is an array of msgpack with at most 15 members, of
which the first is a number from 1 to 127. So a build can tell what it is too old for from what is
damaged, whatever else is in it.
"""

from typing import TypeVar

import msgspec

from crdt.errors import Invalid, TooNew

Message = TypeVar("Message")

_ARRAYS = range(0x91, 0xA0)
_NUMBERS = range(1, 0x80)


def leading(data: bytes) -> int:
    """The number at the head; 0 when there is none."""
    if len(data) < 2 or data[0] not in _ARRAYS or data[1] not in _NUMBERS:
        return 0
    return data[1]


def is_newer(data: bytes, last: int) -> bool:
    """Whether the bytes are of a kind, or of a version, after the `last` that is known."""
    return leading(data) > last


def read(
    decoder: msgspec.msgpack.Decoder[Message], data: bytes, *, last: int, most: int, what: str
) -> Message:
    """A message of at most `most` bytes whose kinds are known up to `last`.

    Raises:
        TooNew: of a kind this build does not know.
        Invalid: it is none. Both name `what` it is read as.
    """
    if len(data) > most:
        raise Invalid(f"{what} is too large")
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        if is_newer(data, last):
            raise TooNew(f"{what} needs a newer Clowder") from None
        raise Invalid(f"not a {what}: {error}") from None
