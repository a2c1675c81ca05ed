"""The only Yjs updates that are let near a Yjs implementation.

An update in Yjs's first format is client blocks and then a delete set. The format can name other
people's clocks, types inside types, gaps and documents inside documents, and implementations trust
it: a well-formed update can duplicate a block, run a clock over its end, or nest until the stack
ends. So this is a whitelist of what a plain text needs and of what our own clients send:

    update  = 0 | 1 block, then the delete set
    block   = number of items, client, clock of the first, items
    item    = info, [left id], [right id], [1 "notes"], content
    content = 1: length (text that was deleted before it was sent) | 4: string
    deletes = number of clients, each: client, number of ranges, each: clock, length

All numbers are minimal varints. The block's client is the author's own, its clock is where that
author's last update ended, and every id named is one that the author says to have seen. An update
that passes cannot speak for others or about the future; what it may still do is delete text and
choose strange neighbours, and the canonical order (crdt.notes) makes that the same everywhere.

The rules need the update and its vector alone, never a replica's state: the verdict is one for all.
"""

from collections.abc import Mapping
from typing import NamedTuple

from crdt import limits
from crdt.errors import Invalid

ROOT = "notes"
"""The name of the one text in a document."""

_VARINT_MAX_BITS = 53
_HAS_LEFT, _HAS_RIGHT = 0x80, 0x40
_DELETED, _STRING = 1, 4
_ROOT_PARENT = b"\x01" + bytes((len(ROOT),)) + ROOT.encode()

_FORBIDDEN = frozenset(
    {
        *range(0x00, 0x09),
        *range(0x0B, 0x20),
        *range(0x7F, 0xA0),
        0x061C,
        0x200E,
        0x200F,
        *range(0x2028, 0x202F),  # other line ends, bidirectional embeddings and overrides
        *range(0x2066, 0x206A),  # bidirectional isolates
        *range(0xD800, 0xE000),
        *range(0xFFF9, 0xFFFC),  # interlinear annotation
        0xFEFF,
    }
)
_REPLACEMENTS: dict[int, str | None] = {
    **dict.fromkeys(_FORBIDDEN),
    0x2028: "\n",
    0x2029: "\n",
}


class Id(NamedTuple):
    """One UTF-16 unit of somebody's writing."""

    client: int
    clock: int


class Item(NamedTuple):
    """A stretch of one author's writing; `text` is None when it was deleted before it was sent."""

    clock: int
    length: int
    left: Id | None
    right: Id | None
    text: str | None


class Update(NamedTuple):
    """What an accepted update does.

    Attributes:
        start, end: the author's clock before and after it, in UTF-16 units; equal when it only
            deletes.
        deletes: (client, first clock, clock after the last).
    """

    client: int
    start: int
    end: int
    items: tuple[Item, ...]
    deletes: tuple[tuple[int, int, int], ...]


def clean(text: str) -> str:
    """Text as notes may hold it: line ends are U+000A, what steers a terminal is gone."""
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_REPLACEMENTS)


def varint(value: int) -> bytes:
    """An unsigned number, seven bits a byte, the lowest first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class Reader:
    """Takes bytes from the front; whatever does not fit is Invalid."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def byte(self) -> int:
        if self._at >= len(self._data):
            raise Invalid("note update ends early")
        self._at += 1
        return self._data[self._at - 1]

    def take(self, size: int) -> bytes:
        if size > len(self._data) - self._at:
            raise Invalid("note update ends early")
        self._at += size
        return self._data[self._at - size : self._at]

    def varint(self, most: int = 2**_VARINT_MAX_BITS - 1) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
            if shift >= _VARINT_MAX_BITS:
                raise Invalid("note update has an endless number")
        if byte == 0 and shift:
            raise Invalid("note update has a number that is not minimal")
        if value > most:
            raise Invalid("note update has a number beyond its limit")
        return value

    def end(self) -> None:
        if self._at != len(self._data):
            raise Invalid("note update goes on after its end")


def decode(update: bytes, client: int, after: Mapping[int, int]) -> Update:
    """What an update by `client` does that was made when `after` (client: clock) was known.

    Raises:
        Invalid: it is anything but a plain change of the one text by its own author.
    """
    if len(update) > limits.NOTE_UPDATE_MAX_BYTES:
        raise Invalid("note update is too large")
    reader = Reader(update)
    known = dict(after)
    start = known.get(client, 0)
    items: tuple[Item, ...] = ()
    if reader.varint(1):
        items = tuple(_items(reader, client, known))
    deletes = tuple(_deletes(reader, known))
    reader.end()
    if not items and not deletes:
        raise Invalid("note update does nothing")
    return Update(client, start, known.get(client, 0), items, deletes)


def _items(reader: Reader, client: int, known: dict[int, int]) -> list[Item]:
    """The items of the block; moves the author's clock in `known` on, item by item."""
    count = reader.varint(limits.NOTE_ITEMS_MAX)
    if not count:
        raise Invalid("note update has an empty block")
    if reader.varint() != client:
        raise Invalid("note update writes as another client")
    clock = known.get(client, 0)
    if reader.varint() != clock:
        raise Invalid("note update does not start at its author's clock")
    items = []
    for _ in range(count):
        info = reader.byte()
        if info & ~(_HAS_LEFT | _HAS_RIGHT) not in (_DELETED, _STRING):
            raise Invalid("note update holds something that is not text")
        left = _id(reader, known) if info & _HAS_LEFT else None
        right = _id(reader, known) if info & _HAS_RIGHT else None
        if left is None and right is None and reader.take(len(_ROOT_PARENT)) != _ROOT_PARENT:
            raise Invalid("note update names another root")
        if left is not None and left == right:
            raise Invalid("note update puts an item beside itself")
        text = _string(reader) if info & _STRING else None
        if text is None:
            length = reader.varint(limits.NOTE_CLOCK_MAX)
        else:
            length = len(text) + sum(letter > "\uffff" for letter in text)
        if not length:
            raise Invalid("note update holds an empty item")
        items.append(Item(clock, length, left, right, text))
        clock += length
        if clock > limits.NOTE_CLOCK_MAX:
            raise Invalid("note update runs over its author's clock")
        known[client] = clock
    return items


def _id(reader: Reader, known: Mapping[int, int]) -> Id:
    found = Id(reader.varint(), reader.varint())
    if found.clock >= known.get(found.client, 0):
        raise Invalid("note update refers to what its author has not seen")
    return found


def _string(reader: Reader) -> str:
    data = reader.take(reader.varint(limits.NOTE_UPDATE_MAX_BYTES))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Invalid("note update holds text that is not UTF-8") from None
    if not _FORBIDDEN.isdisjoint(map(ord, text)):
        raise Invalid("note update holds control characters")
    return text


def _deletes(reader: Reader, known: Mapping[int, int]) -> list[tuple[int, int, int]]:
    deletes: list[tuple[int, int, int]] = []
    clients: set[int] = set()
    for _ in range(reader.varint(limits.NOTE_DELETES_MAX)):
        client = reader.varint()
        if client in clients:
            raise Invalid("note update lists deletions of a client twice")
        clients.add(client)
        count = reader.varint(limits.NOTE_DELETES_MAX - len(deletes))
        if not count:
            raise Invalid("note update lists no deletion of a client")
        end = -1
        for _ in range(count):
            first, length = reader.varint(), reader.varint()
            # Two ranges that touch are one range to every implementation.
            if not length or first <= end:
                raise Invalid("note update has deletions out of order")
            end = first + length
            if end > known.get(client, 0):
                raise Invalid("note update deletes what its author has not seen")
            deletes.append((client, first, end))
    return deletes
