"""The number at the head of a message: its kind, or the version of what follows.

Everything that may get a later kind or version is an array of msgpack with at most 15 members, of
which the first is a number from 1 to 127. So a build can tell what it is too old for from what is
damaged, whatever else is in it.
"""

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
