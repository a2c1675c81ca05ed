"""Hand-made Yjs updates: honest ones, strange ones and broken ones."""

import hashlib
from collections.abc import Mapping, Sequence

from crdt.notes import SignedUpdate
from crdt.ops import NoteUpdate
from crdt.yjs_update import varint

CLIENTS = (5, 6, 7)
Unit = tuple[int, int]


def string(text: str) -> bytes:
    data = text.encode()
    return varint(len(data)) + data


def item(
    content: bytes,
    kind: int = 4,
    left: Unit | None = None,
    right: Unit | None = None,
    root: str = "notes",
) -> bytes:
    info = kind | (0x80 if left else 0) | (0x40 if right else 0)
    parts = [bytes((info,))]
    parts += [varint(number) for unit in (left, right) if unit for number in unit]
    if left is None and right is None:
        parts.append(b"\x01" + string(root))
    return b"".join((*parts, content))


def update(
    client: int,
    clock: int,
    items: Sequence[bytes],
    deletes: Mapping[int, Sequence[tuple[int, int]]] | None = None,
) -> bytes:
    """`deletes` are (first clock, length) by client."""
    parts = [b"\x00"]
    if items:
        parts = [b"\x01", varint(len(items)), varint(client), varint(clock), *items]
    parts.append(varint(len(deletes or {})))
    for other, ranges in (deletes or {}).items():
        parts += [varint(other), varint(len(ranges))]
        parts += [varint(number) for pair in ranges for number in pair]
    return b"".join(parts)


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def signed(
    client: int, seq: int, data: bytes, after: Mapping[int, int], salt: bytes = b""
) -> SignedUpdate:
    vector = tuple(sorted((each, clock) for each, clock in after.items() if clock))
    named = b"".join((data, repr((client, seq, vector)).encode(), salt))
    entry_id = hashlib.blake2b(named, digest_size=32).digest()
    return SignedUpdate(entry_id, client, seq, client.to_bytes(16, "big"), NoteUpdate(data, vector))
