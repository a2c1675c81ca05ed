"""The fixed subset of dag-cbor that manifests use, strict both ways.

Source: RFC 8949 and the dag-cbor specification of IPLD. Kinds: integers of 64 bits, byte strings,
text, lists, maps with text keys, links (tag 42 around a byte string 0x00 || CID). Not here: floats,
simple values, other tags. One value has one encoding: shortest integers and lengths, no indefinite
lengths, map keys sorted (shorter first, then by bytes) and unique, nothing after the value.
`decode` accepts what `encode` gives and nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from chat.blocks.cid import check_cid
from chat.blocks.errors import Invalid
from chat.blocks.limits import CBOR_DEPTH_MAX, CBOR_ITEMS_MAX

_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _LIST, _MAP, _TAG = range(7)
_LINK_TAG = 42


@dataclass(frozen=True, slots=True)
class Link:
    """A reference to another block by its 36-byte id."""

    cid: bytes


Value: TypeAlias = "int | bytes | str | Link | Sequence[Value] | Mapping[str, Value]"
"""What a node holds. Decoding gives lists and dicts; a bool is not a value."""


def encode(value: Value) -> bytes:
    """The one encoding of `value`. Asserts that it is in the subset: values are ours."""
    out = bytearray()
    _write(value, out)
    return bytes(out)


def _write(value: Value, out: bytearray) -> None:
    assert not isinstance(value, bool), "a bool is not in the subset"
    if isinstance(value, int):
        assert -(2**64) <= value < 2**64, "integers have 64 bits"
        _write_head(_UNSIGNED if value >= 0 else _NEGATIVE, value if value >= 0 else ~value, out)
    elif isinstance(value, bytes):
        _write_head(_BYTES, len(value), out)
        out += value
    elif isinstance(value, str):
        raw = value.encode("utf-8")
        _write_head(_TEXT, len(raw), out)
        out += raw
    elif isinstance(value, Link):
        _write_head(_TAG, _LINK_TAG, out)
        _write(b"\0" + value.cid, out)
    elif isinstance(value, Mapping):
        _write_head(_MAP, len(value), out)
        for key in sorted(value, key=_key_order):
            _write(key, out)
            _write(value[key], out)
    else:
        _write_head(_LIST, len(value), out)
        for item in value:
            _write(item, out)


def _key_order(key: str) -> tuple[int, bytes]:
    raw = key.encode("utf-8")
    return len(raw), raw


def _write_head(major: int, argument: int, out: bytearray) -> None:
    if argument < 24:
        out.append(major << 5 | argument)
        return
    for info, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << 8 * width:
            out.append(major << 5 | info)
            out += argument.to_bytes(width, "big")
            return


def decode(data: bytes) -> Value:
    """The value of one complete node.

    Raises:
        Invalid: not in the subset, not in its one encoding, too deep, or bytes left over.
    """
    reader = _Reader(data)
    value = reader.value(CBOR_DEPTH_MAX)
    if reader.at != len(data):
        raise Invalid("bytes follow the node")
    return value


class _Reader:
    """A cursor over one node; every length is checked against what is left before it is used."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._items = 0
        self.at = 0

    def value(self, depth: int) -> Value:
        self._count()
        if depth == 0:
            raise Invalid("the node is nested too deeply")
        major, argument = self._head()
        if major == _UNSIGNED:
            return argument
        if major == _NEGATIVE:
            return ~argument
        if major == _BYTES:
            return self._take(argument)
        if major == _TEXT:
            return self._text(argument)
        if major == _LIST:
            self._at_least(argument)
            return [self.value(depth - 1) for _ in range(argument)]
        if major == _MAP:
            return self._map(argument, depth)
        if major == _TAG and argument == _LINK_TAG:
            return self._link()
        raise Invalid("the node holds a kind that manifests do not use")

    def _count(self) -> None:
        self._items += 1
        if self._items > CBOR_ITEMS_MAX:
            raise Invalid("the node holds too many values")

    def _head(self) -> tuple[int, int]:
        first = self._take(1)[0]
        major, info = first >> 5, first & 31
        if major == 7:
            raise Invalid("the node holds a float or a simple value")
        if info < 24:
            return major, info
        if info > 27:
            raise Invalid("the node has an indefinite or reserved length")
        width = 1 << info - 24
        argument = int.from_bytes(self._take(width), "big")
        if argument < 24 or (width > 1 and argument < 1 << 4 * width):
            raise Invalid("an integer or length is not in its shortest form")
        return major, argument

    def _take(self, count: int) -> bytes:
        self._at_least(count)
        taken = self._data[self.at : self.at + count]
        self.at += count
        return taken

    def _at_least(self, count: int) -> None:
        if count > len(self._data) - self.at:
            raise Invalid("the node ends early")

    def _text(self, count: int) -> str:
        try:
            return self._take(count).decode("utf-8")
        except UnicodeDecodeError:
            raise Invalid("a text is not UTF-8") from None

    def _map(self, count: int, depth: int) -> dict[str, Value]:
        self._at_least(count)
        result: dict[str, Value] = {}
        previous: tuple[int, bytes] = (-1, b"")
        for _ in range(count):
            self._count()
            major, length = self._head()
            if major != _TEXT:
                raise Invalid("a map key is not text")
            key = self._text(length)
            order = _key_order(key)
            if order <= previous:
                raise Invalid("map keys are not sorted and unique")
            previous = order
            result[key] = self.value(depth - 1)
        return result

    def _link(self) -> Link:
        major, count = self._head()
        raw = self._take(count) if major == _BYTES else b""
        if raw[:1] != b"\0":
            raise Invalid("a link is not a byte string that begins with zero")
        return Link(check_cid(raw[1:]))
