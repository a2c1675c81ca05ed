"""Messages about blocks: fixed bytes, and hostile bytes cost one error class."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.blocks import messages
from chat.blocks.cid import cid_dag, cid_raw
from chat.blocks.errors import Invalid
from chat.blocks.limits import (
    BLOCK_MAX_BYTES,
    FILE_MAX_BYTES,
    HOLDING_ROOTS_MAX,
    MESSAGE_MAX_BYTES,
    PIECES_MAX,
    PROMISE_MAX_MS,
)

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors" / "blocks.json").read_text(encoding="utf-8")
)
ROOT, CID = cid_dag(b"root"), cid_raw(b"cat")
EXAMPLES: dict[str, messages.Message] = {
    "want-root": messages.WantRoot(ROOT, False),
    "unwant": messages.Unwant(ROOT),
    "have": messages.Have(ROOT, b"\x05", True),
    "have-not": messages.HaveNot(ROOT, True),
    "have-more": messages.HaveMore(ROOT, (1, 300)),
    "get-block": messages.GetBlock(ROOT, CID, False),
    "block": messages.Block(CID, b"cat"),
    "refused": messages.Refused(ROOT, CID, messages.DEFERRED, 250),
    "cancel": messages.Cancel(ROOT, CID),
    "offer": messages.Offer(ROOT, 150_000),
    "ask-holding": messages.AskHolding(7, (ROOT, CID), 60_000),
    "holding": messages.Holding(7, (CID,), (ROOT,), 60_000),
}


def test_vectors_of_every_message() -> None:
    assert {name: messages.encode(each).hex() for name, each in EXAMPLES.items()} == {
        each["about"]: each["bytes"] for each in VECTORS["messages"]
    }
    for each in VECTORS["messages"]:
        assert messages.decode(bytes.fromhex(each["bytes"])) == EXAMPLES[each["about"]]


def test_the_largest_block_fits() -> None:
    block = messages.Block(CID, bytes(BLOCK_MAX_BYTES))
    assert messages.decode(messages.encode(block)) == block
    assert "1048592 bytes" in repr(block)


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [99, ROOT],
        [1, ROOT],
        [1, ROOT, False, 0],
        [1, ROOT, 0],
        [1, ROOT[:-1], False],
        [1, bytes(36), False],
        [1, ROOT.hex(), False],
        [3, ROOT, b"", True],
        [3, ROOT, bytes(PIECES_MAX // 8 + 2), True],
        [5, ROOT, []],
        [5, ROOT, [-1]],
        [5, ROOT, [PIECES_MAX]],
        [5, ROOT, [0] * 5000],
        [6, ROOT, bytes(36), False],
        [7, CID, bytes(BLOCK_MAX_BYTES + 1)],
        [8, ROOT, CID, 3, 0],
        [8, ROOT, CID, 0, -1],
        [8, ROOT, CID, 0, 10**9],
        [10, ROOT, FILE_MAX_BYTES + 1],
        [11, 7, [], 0],
        [11, 7, [ROOT, bytes(36)], 0],
        [11, 7, [ROOT] * (HOLDING_ROOTS_MAX + 1), 0],
        [11, 2**32, [ROOT], 0],
        [11, 7, [ROOT], PROMISE_MAX_MS + 1],
        [12, 7, [ROOT], [bytes(36)], 0],
        [12, 7, [], [ROOT] * (HOLDING_ROOTS_MAX + 1), 0],
        [12, 7, [ROOT], [], -1],
        {"root": ROOT},
        "want",
    ],
)
def test_fields_out_of_range_are_refused(fields: object) -> None:
    with pytest.raises(Invalid):
        messages.decode(msgspec.msgpack.encode(fields))


def test_overlong_messages_are_refused_unread() -> None:
    with pytest.raises(Invalid):
        messages.decode(bytes(MESSAGE_MAX_BYTES + 1))


@given(st.binary(max_size=100))
def test_any_bytes_are_a_message_or_invalid(data: bytes) -> None:
    try:
        messages.decode(data)
    except Invalid:
        pass


@given(st.sampled_from(sorted(EXAMPLES)), st.data())
def test_a_mutated_message_is_a_message_or_invalid(name: str, data: st.DataObject) -> None:
    raw = bytearray(messages.encode(EXAMPLES[name]))
    at = data.draw(st.integers(0, len(raw) - 1))
    kind = data.draw(st.sampled_from(["flip", "cut", "insert"]))
    if kind == "flip":
        raw[at] ^= data.draw(st.integers(1, 255))
    elif kind == "cut":
        del raw[at:]
    else:
        raw.insert(at, data.draw(st.integers(0, 255)))
    try:
        message = messages.decode(bytes(raw))
    except Invalid:
        return
    assert messages.decode(messages.encode(message)) == message
