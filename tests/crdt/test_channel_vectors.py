"""The vectors of docs/protocol/channel.md: operations as bytes, and what they merge to."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt import ops
from crdt.channel import Channel
from crdt.timeline import Stamp

ROOT = Path(__file__).parents[2]
VECTORS: dict[str, Any] = json.loads((ROOT / "tests/vectors/channel.json").read_text("utf-8"))
PAGE = (ROOT / "docs/protocol/channel.md").read_text("utf-8")
ANA = bytes.fromhex(VECTORS["member"])
SALT = bytes.fromhex(VECTORS["salt"])
HELLO = ops.message_id(ANA, SALT)
CAT = ops.FileInfo(
    root=bytes(range(36)),
    key=b"\x02" * 32,
    sha256=b"\x03" * 32,
    size=48_211,
    name="cat.jpg",
    type="image/jpeg",
    width=640,
    height=480,
    preview=b"\xff\xd8",
    alt="a cat",
)
OPERATIONS: dict[str, ops.AnyOp] = {
    "post": ops.Post(SALT, "hello"),
    "post with everything": ops.Post(b"\x01" * 16, "look, @bo!", HELLO, (b"\xb0" * 16,), (CAT,)),
    "edit": ops.Edit(SALT, "hello, all"),
    "delete": ops.Delete(b"\x01" * 16),
    "react": ops.React(HELLO, "😼", True),
    "topic": ops.Topic("cats & co"),
    "pin": ops.Pin(HELLO, True),
    "profile": ops.Profile("ana", "teal"),
    "setting": ops.Setting("name", "secret"),
    "erase": ops.Erase(SALT, ops.Place(b"\x0d" * 32, b"\x0e" * 8, 5), ()),
    "hide": ops.Hide(HELLO, True, "off topic"),
    "show again": ops.Hide(HELLO, False),
    "note update": ops.NoteUpdate(b"\x00\x00", ((7, 3),)),
}


def test_operations_are_these_bytes() -> None:
    assert {about: ops.encode(op).hex() for about, op in OPERATIONS.items()} == {
        each["about"]: each["payload"] for each in VECTORS["operations"]
    }
    for each in VECTORS["operations"]:
        assert ops.decode(bytes.fromhex(each["payload"]), each["part"]) == OPERATIONS[each["about"]]


def test_every_kind_has_a_vector() -> None:
    kinds = {type(op) for op in OPERATIONS.values()}
    assert kinds == set(ops.AnyOp.__args__)


@pytest.mark.parametrize(("size", "padded"), VECTORS["padded_sizes"])
def test_padding(size: int, padded: int) -> None:
    assert ops.padded_size(size) == padded


def test_message_id() -> None:
    assert ops.message_id(ANA, SALT).hex() == VECTORS["message_id"]


@given(st.permutations(VECTORS["channel"]["applied"]), st.integers(0, 12))
def test_the_document_is_the_same_in_any_order(
    applied: list[dict[str, Any]], repeated: int
) -> None:
    channel = Channel()
    for each in [*applied, *applied[:repeated]]:
        stamp = Stamp(each["hlc"], bytes.fromhex(each["entry"]))
        channel.apply(stamp, bytes.fromhex(each["member"]), OPERATIONS[each["operation"]])
    expected = VECTORS["channel"]
    assert [message.hex() for message in channel.timeline.order()] == expected["order"]
    shown = {
        message.hex(): state.text
        for message, state in channel.timeline.messages.items()
        if state.post is not None
    }
    assert shown == expected["text"]
    assert channel.canonical().hex() == expected["canonical"]


def test_the_page_quotes_the_vectors() -> None:
    known = json.dumps(VECTORS)
    quoted = re.findall(r"\b[0-9a-f]{32,}\b", PAGE)
    assert len(quoted) >= 2
    assert not [text for text in quoted if text not in known]
