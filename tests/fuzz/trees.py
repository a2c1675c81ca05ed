"""Changes to a value of msgpack or JSON that leave it one: the fuzzer's own see only bytes.

msgspec is native code, in which no branch is seen, so a changed byte that is no msgpack any more
teaches nothing. Here a node is changed instead: by a value of another type, a bound and what stands
beside it, one more or one fewer in a row. Half of all changes stay the fuzzer's.
"""

import random
from typing import Any, Literal

import msgspec

Shape = Literal["bytes", "msgpack", "json"]
"""What a target's inputs are written as."""
_BOUNDS = (0, 1, 2, 7, 8, 15, 16, 23, 24, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 1_000, 65_535)
_EDGES = (*_BOUNDS, -1, 2**31 - 1, 2**32, 2**53, 2**63 - 1, 2**63, 2**64 - 1)


def changed(data: bytes, shape: Shape, draw: random.Random) -> bytes | None:
    """Another value in the same form; None when the data is no value, or a bound is passed."""
    codec: Any = msgspec.msgpack if shape == "msgpack" else msgspec.json
    try:
        value = codec.decode(data)
        for _ in range(draw.choice((1, 1, 2, 4))):
            value = _changed(value, draw, text=shape == "json")
        return bytes(codec.encode(value))
    except (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError):
        return None


def _changed(value: Any, draw: random.Random, text: bool) -> Any:
    """The value with a change at one place in it."""
    if isinstance(value, list) and value and draw.random() < 0.85:
        at = draw.randrange(len(value))
        if draw.random() < 0.8:
            return [*value[:at], _changed(value[at], draw, text), *value[at + 1 :]]
        more = draw.choice(([], [value[at]] * 2, [_leaf(draw, text), value[at]]))
        return [*value[:at], *more, *value[at + 1 :]]
    if isinstance(value, dict) and value and draw.random() < 0.85:
        key = draw.choice(list(value))
        if draw.random() < 0.8:
            return {**value, key: _changed(value[key], draw, text)}
        rest = {name: each for name, each in value.items() if name != key}
        return draw.choice((rest, {**value, _leaf(draw, True): value[key]}))
    if isinstance(value, int) and not isinstance(value, bool) and draw.random() < 0.6:
        return draw.choice((value + 1, value - 1, value ^ (1 << draw.randrange(32)), -value))
    if isinstance(value, bytes | str) and value and draw.random() < 0.6:
        at = draw.randrange(len(value))
        return draw.choice((value[:at] + value[at + 1 :], value + value[:1], value[at:]))
    return _leaf(draw, text)


def _leaf(draw: random.Random, text: bool) -> Any:
    """Some value, of any type."""
    size = draw.choice(_BOUNDS)
    made: tuple[Any, ...] = (
        None,
        draw.random() < 0.5,
        draw.choice(_EDGES),
        0.5,
        draw.choice(("a", "\x1b", "\u202e", "😀", "\0")) * size,
        "" if text else draw.randbytes(size),
        [],
        {},
        [[[]]],
    )
    return draw.choice(made)
