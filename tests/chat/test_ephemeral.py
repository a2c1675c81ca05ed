"""What is shown and never kept: fixed bytes, hostile bytes, and news from a newer build."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.engine import ephemeral, limits
from chat.engine.ephemeral import Away, CursorAt, Here, Lost, Signed, Writing
from crdt import keys
from crdt.errors import Invalid, TooNew

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors" / "ephemeral.json").read_text(encoding="utf-8")
)
CHANNEL = bytes(range(16))
EXAMPLES: dict[str, ephemeral.AnyPayload] = {
    "writing": Writing(CHANNEL),
    "cursor behind a unit": CursorAt(CHANNEL, bytes((1, 0xAC, 0x02, 7))),
    "cursor at the start": CursorAt(CHANNEL, b"\x01"),
    "cursor hidden": CursorAt(CHANNEL, b""),
}
SIGNED = VECTORS["signed"]
SAYS: dict[str, ephemeral.AnySaid] = {
    "writing": Writing(CHANNEL),
    "cursor at the start": CursorAt(CHANNEL, b"\x01"),
    "online at two addresses": Here(300, ("ws://192.168.1.20:7311", "ws://[fd00::20]:7311")),
    "online, and not to be dialled": Here(300, ()),
    "goodbye": Here(0, ()),
    "another one is lost": Lost(bytes(range(64, 96)), 1_790_000_000_123),
    "away, and why": Away(True, "lunch 🍜"),
    "away": Away(True, ""),
    "back": Away(False, ""),
}
shown = st.builds(Writing, st.binary(min_size=16, max_size=16)) | st.builds(
    CursorAt,
    st.binary(min_size=16, max_size=16),
    st.binary(max_size=limits.PLACE_MAX_BYTES),
)
says = (
    shown
    | st.builds(
        Here,
        st.integers(0, limits.HERE_MAX_SECONDS),
        st.lists(st.text(max_size=40), max_size=8).map(tuple),
    )
    | st.builds(Away, st.just(True), st.text(max_size=limits.AWAY_MAX_CHARS))
    | st.builds(Lost, st.binary(min_size=32, max_size=32), st.integers(1, ephemeral.STAMP_MAX))
)
messages = shown | st.builds(
    Signed,
    st.binary(min_size=32, max_size=32),
    st.integers(1, ephemeral.STAMP_MAX),
    st.integers(0, limits.HOPS_MAX),
    st.binary(max_size=limits.SAID_MAX_BYTES),
    st.binary(min_size=64, max_size=64),
)


def test_vectors() -> None:
    assert {name: ephemeral.encode(each).hex() for name, each in EXAMPLES.items()} == {
        each["about"]: each["bytes"] for each in VECTORS["messages"]
    }
    for each in VECTORS["messages"]:
        assert ephemeral.decode(bytes.fromhex(each["bytes"])) == EXAMPLES[each["about"]]


def test_vectors_of_signed_messages() -> None:
    workspace, seed = bytes.fromhex(SIGNED["workspace"]), bytes.fromhex(SIGNED["seed"])
    device = keys.sign_public(seed)
    assert (SIGNED["device"], SIGNED["prefix"]) == (device.hex(), ephemeral.SIGN_EPHEMERAL.hex())
    assert [each["about"] for each in SIGNED["messages"]] == list(SAYS)
    for each in SIGNED["messages"]:
        said = SAYS[each["about"]]
        stamp, hops = SIGNED["stamp"], SIGNED["hops"]
        signed = ephemeral.sign(workspace, device, seed, stamp=stamp, hops=hops, said=said)
        assert ephemeral.encode(signed).hex() == each["bytes"]
        assert (signed.said.hex(), signed.signature.hex()) == (each["said"], each["signature"])
        read = ephemeral.decode(bytes.fromhex(each["bytes"]))
        assert read == signed
        assert ephemeral.decode_said(signed.said) == said
        ephemeral.verify(workspace, signed)
        passed = msgspec.structs.replace(signed, hops=0)
        ephemeral.verify(workspace, passed)  # Whoever passes it on counts down.
        for change in ({"stamp": stamp + 1}, {"said": signed.said + b"!"}, {"device": bytes(32)}):
            with pytest.raises(Invalid):
                ephemeral.verify(workspace, msgspec.structs.replace(signed, **change))


@pytest.mark.parametrize("vector", VECTORS["refused_said"], ids=lambda v: v["about"])
def test_what_is_signed_is_looked_at_all_the_same(vector: dict[str, str]) -> None:
    with pytest.raises(Invalid) as refused:
        ephemeral.decode_said(bytes.fromhex(vector["said"]))
    assert not isinstance(refused.value, TooNew)


@pytest.mark.parametrize("vector", VECTORS["passed_over_said"], ids=lambda v: v["about"])
def test_what_a_newer_build_signs_is_told_apart(vector: dict[str, str]) -> None:
    with pytest.raises(TooNew):
        ephemeral.decode_said(bytes.fromhex(vector["said"]))


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
def test_every_message_comes_back_as_it_was(message: ephemeral.AnyPayload) -> None:
    data = ephemeral.encode(message)
    assert len(data) <= limits.EPHEMERAL_MAX_BYTES
    assert ephemeral.decode(data) == message


def said_or_invalid(data: bytes) -> None:
    try:
        said = ephemeral.decode_said(data)
    except Invalid:
        return
    assert ephemeral.decode_said(ephemeral.encode(said)) == said


@given(says)
def test_whatever_is_signed_comes_back_as_it_was(said: ephemeral.AnySaid) -> None:
    assert ephemeral.decode_said(ephemeral.encode(said)) == said


@given(st.binary(max_size=400) | says.map(ephemeral.encode), st.data())
def test_any_signed_bytes_are_a_value_or_one_error(given: bytes, data: st.DataObject) -> None:
    changed = bytearray(given)
    for _ in range(data.draw(st.integers(0, 3)) if changed else 0):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    said_or_invalid(bytes(changed))


def value_or_invalid(data: bytes) -> None:
    try:
        message = ephemeral.decode(data)
    except Invalid:
        return
    if isinstance(message, Signed):
        assert (len(message.device), len(message.signature)) == (32, 64)
        said_or_invalid(message.said)
    else:
        assert len(message.channel) == 16
    assert ephemeral.decode(ephemeral.encode(message)) == message


@given(st.binary(max_size=600))
def test_any_bytes_are_a_value_or_one_error(data: bytes) -> None:
    value_or_invalid(data)


@given(messages, st.data())
def test_changed_bytes_are_a_value_or_one_error(
    message: ephemeral.AnyPayload, data: st.DataObject
) -> None:
    changed = bytearray(ephemeral.encode(message))
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    value_or_invalid(bytes(changed))
    value_or_invalid(bytes(changed[: data.draw(st.integers(0, len(changed)))]))


def test_a_long_message_is_refused_unread() -> None:
    newest = msgspec.msgpack.encode([99, bytes(limits.EPHEMERAL_MAX_BYTES)])
    with pytest.raises(Invalid, match="too large"):
        ephemeral.decode(newest)
