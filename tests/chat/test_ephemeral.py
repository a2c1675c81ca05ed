"""What is shown and never kept: fixed bytes, hostile bytes, and news from a newer build."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.engine import ephemeral
from chat.engine.ephemeral import CursorAt, Writing
from crdt.errors import Invalid, TooNew

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors" / "ephemeral.json").read_text(encoding="utf-8")
)
CHANNEL = bytes(range(16))
EXAMPLES: dict[str, ephemeral.AnyEphemeral] = {
    "writing": Writing(CHANNEL),
    "cursor behind a unit": CursorAt(CHANNEL, bytes((1, 0xAC, 0x02, 7))),
    "cursor at the start": CursorAt(CHANNEL, b"\x01"),
    "cursor hidden": CursorAt(CHANNEL, b""),
}
messages = st.builds(Writing, st.binary(min_size=16, max_size=16)) | st.builds(
    CursorAt,
    st.binary(min_size=16, max_size=16),
    st.binary(max_size=ephemeral.PLACE_MAX_BYTES),
)


def test_vectors() -> None:
    assert {name: ephemeral.encode(each).hex() for name, each in EXAMPLES.items()} == {
        each["about"]: each["bytes"] for each in VECTORS["messages"]
    }
    for each in VECTORS["messages"]:
        assert ephemeral.decode(bytes.fromhex(each["bytes"])) == EXAMPLES[each["about"]]


@pytest.mark.parametrize("vector", VECTORS["passed_over"], ids=lambda v: v["about"])
def test_kinds_of_a_newer_build_are_told_apart(vector: dict[str, str]) -> None:
    with pytest.raises(TooNew):
        ephemeral.decode(bytes.fromhex(vector["bytes"]))


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda v: v["about"])
def test_what_breaks_a_rule_is_refused(vector: dict[str, str]) -> None:
    with pytest.raises(Invalid) as refused:
        ephemeral.decode(bytes.fromhex(vector["bytes"]))
    assert not isinstance(refused.value, TooNew)


@given(messages)
def test_every_message_comes_back_as_it_was(message: ephemeral.AnyEphemeral) -> None:
    data = ephemeral.encode(message)
    assert len(data) <= ephemeral.EPHEMERAL_MAX_BYTES
    assert ephemeral.decode(data) == message


def value_or_invalid(data: bytes) -> None:
    try:
        message = ephemeral.decode(data)
    except Invalid:
        return
    assert len(message.channel) == 16
    assert ephemeral.decode(ephemeral.encode(message)) == message


@given(st.binary(max_size=600))
def test_any_bytes_are_a_value_or_one_error(data: bytes) -> None:
    value_or_invalid(data)


@given(messages, st.data())
def test_changed_bytes_are_a_value_or_one_error(
    message: ephemeral.AnyEphemeral, data: st.DataObject
) -> None:
    changed = bytearray(ephemeral.encode(message))
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    value_or_invalid(bytes(changed))
    value_or_invalid(bytes(changed[: data.draw(st.integers(0, len(changed)))]))


def test_a_long_message_is_refused_unread() -> None:
    newest = msgspec.msgpack.encode([99, bytes(ephemeral.EPHEMERAL_MAX_BYTES)])
    with pytest.raises(Invalid, match="too large"):
        ephemeral.decode(newest)
