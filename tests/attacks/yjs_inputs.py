"""Updates that end, freeze or fool Yjs implementations, as measured with pycrdt 0.14.13.

Each is well-formed to some reader. P1 to P6 are the kinds of docs/security.md. Where an input names
a root, it is given once with the root it was found with and once with the one that notes have.
"""

import hashlib
import random
from collections.abc import Iterator, Sequence

from crdt.notes import SignedUpdate
from crdt.ops import NoteUpdate
from crdt.yjs_update import varint
from tests.crdt.notes_authors import string

Unit = tuple[int, int]
CLIENT = 5


def struct(
    kind: int,
    content: bytes,
    *,
    left: Unit | None = None,
    right: Unit | None = None,
    root: str = "",
    parent: Unit | None = None,
    key: str = "",
) -> bytes:
    """One block of a client, with everything the format knows."""
    info = kind | (0x80 if left else 0) | (0x40 if right else 0) | (0x20 if key else 0)
    parts = [bytes((info,))]
    parts += [varint(number) for unit in (left, right) if unit for number in unit]
    if left is None and right is None:
        if parent is None:
            parts.append(b"\x01" + string(root or "notes"))
        else:
            parts.append(b"\x00" + varint(parent[0]) + varint(parent[1]))
        if key:
            parts.append(string(key))
    return b"".join((*parts, content))


def document(
    *blocks: tuple[int, int, Sequence[bytes]], deletes: bytes = b"\x00", count: int = 0
) -> bytes:
    """Blocks of clients (client, first clock, structs), then the delete set."""
    parts = [varint(count or len(blocks))]
    for client, clock, structs in blocks:
        parts += [varint(len(structs)), varint(client), varint(clock), *structs]
    return b"".join((*parts, deletes))


def nested(depth: int, root: str = "") -> bytes:
    """An array in an array in an array."""
    return document((CLIENT, 0, [struct(8, b"\x01" + b"\x75\x01" * depth + b"\x7e", root=root)]))


def _types(count: int) -> list[bytes]:
    first = struct(7, varint(1), root="m", key="k")
    return [first, *(struct(7, varint(1), parent=(CLIENT, n), key="k") for n in range(count))]


def _found() -> Iterator[tuple[str, bytes]]:
    yield (
        "P1 a client's block twice",
        bytes.fromhex("020105000401017403616263010500040101740378797a00"),
    )
    yield "P2 a letter beyond U+FFFF in an array", bytes.fromhex("010105000401016104f09f988000")
    yield "P2 a letter cut by an item", bytes.fromhex("010205000401016102c3a9c40500050002c3a900")
    for depth in (1_700, 30_000):
        yield f"P3 values {depth} deep", nested(depth)
    yield "P3 types 2,000 deep", document((CLIENT, 0, _types(2_000)))
    yield (
        "P3 types deep, the root deleted",
        document((CLIENT, 0, _types(2_500)), deletes=b"\x01\x05\x01\x00\x01"),
    )
    for number, data in enumerate(_MAPS):
        yield f"P3 a map's parents crossed, {number}", bytes.fromhex(data)
    yield "P4 a run that fills the clock", document((CLIENT, 0, [struct(1, varint(2**32 - 2))]))
    yield (
        "P4 two runs over the end",
        document((CLIENT, 0, [struct(1, varint(2**31)), struct(1, varint(2**31 + 5))])),
    )
    yield "P4 a gap", document((CLIENT, 10, [struct(4, string("abc"))]))
    yield (
        "P4 a skipped run",
        document((CLIENT, 0, [b"\x0a" + varint(2**32 - 1), struct(4, string("abc"))])),
    )
    yield "P4 garbage to the end", document((CLIENT, 0, [b"\x00" + varint(2**32 - 1)] * 2))
    yield "P5 somebody else's client", document((6, 0, [struct(4, string("squat"))]))
    yield "P5 deletions of somebody's future", b"\x00\x01\x07\x01\x00" + varint(2**32 - 1)
    yield "P5 deletions beyond the end", b"\x00\x01\x07\x01" + varint(2**32 - 1) * 2
    yield "P6 behind itself", document((CLIENT, 0, [struct(4, string("a"), left=(CLIENT, 0))]))
    yield (
        "P6 behind each other",
        document(
            (CLIENT, 0, [struct(4, string("a"), left=(6, 0))]),
            (6, 0, [struct(4, string("a"), left=(5, 0))]),
        ),
    )
    yield (
        "P6 neighbours crossed",
        document(
            (
                CLIENT,
                0,
                [
                    struct(4, string("ab")),
                    struct(4, string("c"), left=(CLIENT, 1), right=(CLIENT, 1)),
                ],
            )
        ),
    )
    yield from _lengths()
    yield from _kinds()


def _lengths() -> Iterator[tuple[str, bytes]]:
    huge = varint(2**32 - 1)
    yield "4 billion clients", huge + b"\x00"
    yield "4 billion items", b"\x01" + huge + b"\x05\x00"
    yield "4 billion clients in the delete set", b"\x00" + huge
    yield "4 billion ranges", b"\x00\x01\x05" + huge
    yield "4 billion values", document((CLIENT, 0, [struct(8, huge)]))
    for tag in (0x74, 0x75, 0x76, 0x77):
        yield (
            f"a value of {tag:#x} as long",
            document((CLIENT, 0, [struct(8, b"\x01" + bytes((tag,)) + huge)])),
        )
    yield "a client id of 54 bits", document((2**53, 0, [struct(4, string("abc"))]))
    yield "a clock of 41 bits", document((CLIENT, 2**40, [struct(4, string("abc"))]))
    yield "no minimal number", b"\x01\x81\x00\x05\x00" + struct(4, string("abc")) + b"\x00"
    yield "nothing", b""
    yield "half", b"\x01"
    yield "bytes behind the end", document((CLIENT, 0, [struct(4, string("abc"))])) + b"more"


def _kinds() -> Iterator[tuple[str, bytes]]:
    contents = {
        "JSON": (2, b"\x01" + string("{}")),
        "binary": (3, string("\0\1")),
        "embedded, deep": (5, string("[" * 9_000 + "]" * 9_000)),
        "format": (6, string("bold") + string("true")),
        "XML": (7, varint(3) + string("a")),
        "a weak link": (7, varint(7) + b"\x00\x05\x00\x05\x00"),
        "a document": (9, string("guid") + b"\x76\x00"),
        "a move": (11, b"\x00\x05\x00"),
        "no kind": (30, b"\x01"),
        "broken UTF-8": (4, varint(3) + b"\xff\xfe\xfd"),
        "a surrogate": (4, varint(3) + b"\xed\xa0\x80"),
        "an escape sequence": (4, string("\x1b]52;c;eA==\x07")),
        "a bidirectional override": (4, string("abc\u202edef")),
        "empty text": (4, string("")),
    }
    for name, (kind, content) in contents.items():
        yield f"content: {name}", document((CLIENT, 0, [struct(kind, content)]))
    text = string("abc")
    yield "another root", document((CLIENT, 0, [struct(4, text, root="t")]))
    yield "a root without a name", document((CLIENT, 0, [b"\x04\x01\x00" + text]))
    yield "a map's key", document((CLIENT, 0, [struct(4, text, key="k")]))
    yield (
        "a parent that is text",
        document((CLIENT, 0, [struct(4, text), struct(4, text, parent=(CLIENT, 0))])),
    )
    yield "its own parent", document((CLIENT, 0, [struct(7, varint(1), parent=(CLIENT, 0))]))
    yield (
        "20,000 roots",
        document((CLIENT, 0, [struct(4, string("x"), root=f"r{n}") for n in range(3_000)])),
    )
    yield (
        "3,000 clients at one place",
        document(*((client, 0, [struct(4, string("x"))]) for client in range(3_000, 0, -1))),
    )


_MAPS = (
    "020406008607010162047472756528000500016b01760088070203787e7b00000000000000008405010378797a0207"
    "0084060702c3a94105020100",
    "03050500810500042700060a016b018806000178840503036162634406020161020702480701037b00000000000000"
    "00787d0581050101050500810500042700060a016b0188060001788405030361626344060201610106010506",
)


_ANY_ROOT = ("P1 a client's block twice", "P2 a letter cut by an item")
"""These harm whatever root they name; others are plain text in the right one."""


def _all() -> dict[str, bytes]:
    found = dict(_found())
    for name, data in [each for each in found.items() if each[0] in _ANY_ROOT]:
        for old in (b"\x01\x01t", b"\x01\x01a"):
            if old in data:
                found[f"{name}, in the notes"] = data.replace(old, b"\x01\x05notes")
    return found


INPUTS = _all()


def liars(seed: int, clients: Sequence[int] = (5, 6, 7)) -> list[SignedUpdate]:
    """Updates that each pass the rules, with neighbours and vectors that fit no history."""
    source = random.Random(seed)
    clocks, seqs = dict.fromkeys(clients, 0), dict.fromkeys(clients, 0)
    made: list[SignedUpdate] = []
    for _ in range(source.randrange(4, 24)):
        client = source.choice(clients)
        seen = {each: source.randint(0, clock) for each, clock in clocks.items()}
        seen[client] = clocks[client] - (source.random() < 0.1) * min(1, clocks[client])
        start = clock = seen[client]
        structs: list[bytes] = []
        for _ in range(source.randint(1, 3)):
            known = [(each, k) for each, k in {**seen, client: clock}.items() if k]
            neighbours: list[Unit | None] = [None, None]
            for side in (0, 1):
                if known and source.random() < 0.6:
                    each, end = source.choice(known)
                    neighbours[side] = each, source.randrange(end)
            left, right = neighbours
            if left is not None and left == right:
                right = None
            word = source.choice(("a", "bc", "é", "😀", "def"))
            structs.append(struct(4, string(word), left=left, right=right))
            clock += len(word.encode("utf-16-le")) // 2
        clocks[client] = max(clocks[client], clock)
        made.append(_signed(client, seqs[client], document((client, start, structs)), seen))
        seqs[client] += 1
    return made


def _signed(client: int, seq: int, data: bytes, seen: dict[int, int]) -> SignedUpdate:
    vector = tuple(sorted((each, clock) for each, clock in seen.items() if clock))
    name = hashlib.blake2b(repr((client, seq, data, vector)).encode(), digest_size=32).digest()
    return SignedUpdate(name, client, seq, client.to_bytes(16, "big"), NoteUpdate(data, vector))
