"""Operations have one form on the wire; anything else is refused with one error."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt import limits, ops
from crdt.errors import Invalid, TooNew
from tests.crdt.operations import SALTS, valid_ops

SALT = SALTS[0]
ID = bytes(limits.ID_BYTES)
FILE = ops.FileInfo(bytes(36), bytes(32), bytes(32), 1, "cat.png", "image/png")


def padded(body: bytes) -> bytes:
    """A payload with this body, whatever it is."""
    size = ops.padded_size(len(body) + 2)
    return (len(body).to_bytes(2, "big") + body).ljust(size, b"\0")


def packed(*values: object) -> bytes:
    return padded(msgspec.msgpack.encode(values))


@given(valid_ops)
def test_every_operation_comes_back_as_it_was(op: ops.AnyOp) -> None:
    payload = ops.encode(op)
    assert ops.decode(payload, ops.part_of(op)) == op
    for part in ops.PARTS:
        if part != ops.part_of(op):
            with pytest.raises(Invalid, match="does not belong"):
                ops.decode(payload, part)


def value_or_invalid(payload: bytes, part: int) -> None:
    try:
        op = ops.decode(payload, part)
    except Invalid:
        return
    # What was accepted keeps the rules that what is written keeps.
    assert ops.part_of(op) == part
    assert ops.decode(ops.encode(op), part) == op


@given(st.binary(max_size=200) | st.binary(max_size=200).map(padded), st.sampled_from(ops.PARTS))
def test_any_bytes_are_a_value_or_one_error(payload: bytes, part: int) -> None:
    value_or_invalid(payload, part)


@given(valid_ops, st.data())
def test_changed_bytes_are_a_value_or_one_error(op: ops.AnyOp, data: st.DataObject) -> None:
    payload = bytearray(ops.encode(op))
    for _ in range(data.draw(st.integers(1, 3))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    value_or_invalid(bytes(payload), ops.part_of(op))
    cut = bytes(payload[: data.draw(st.integers(0, len(payload)))])
    value_or_invalid(cut, ops.part_of(op))


_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=12,
)


@given(
    st.sampled_from((1, 2, 3, 4, 16, 17, 18, 19, 20, 32)) | st.integers(0, 127),
    st.lists(_values, max_size=6),
    st.sampled_from(ops.PARTS),
)
def test_values_of_any_shape_are_a_value_or_one_error(
    kind: int, values: list[object], part: int
) -> None:
    value_or_invalid(packed(kind, *values), part)


@given(st.integers(2, limits.PAYLOAD_MAX_BYTES))
def test_padding_hides_sizes_and_costs_little(size: int) -> None:
    padded_to = ops.padded_size(size)
    assert padded_to >= size
    assert ops.padded_size(padded_to) == padded_to
    if size <= 512:
        assert padded_to % 32 == 0
        assert padded_to - size < 32
    else:
        # Padmé's bound: 12 percent at most, and as many bits of the size as its length has.
        assert padded_to <= size * 1.12
        kept = padded_to.bit_length() - (padded_to & -padded_to).bit_length() + 1
        assert kept <= padded_to.bit_length().bit_length() + 1
    assert ops.padded_size(size + 1) >= padded_to


def test_few_sizes_are_ever_seen() -> None:
    sizes = {ops.padded_size(size) for size in range(2, limits.PAYLOAD_MAX_BYTES + 1)}
    assert len(sizes) < 150


@given(valid_ops, st.data())
def test_padding_is_zeros_of_exactly_the_right_number(op: ops.AnyOp, data: st.DataObject) -> None:
    payload = ops.encode(op)
    end = 2 + int.from_bytes(payload[:2], "big")
    assert len(payload) == ops.padded_size(end)
    assert not any(payload[end:])
    wrong = data.draw(st.integers(-40, 40).filter(bool))
    with pytest.raises(Invalid):
        ops.decode(payload[:wrong] if wrong < 0 else payload + bytes(wrong), ops.part_of(op))
    if end < len(payload):
        spoiled = bytearray(payload)
        spoiled[data.draw(st.integers(end, len(payload) - 1))] = data.draw(st.integers(1, 255))
        with pytest.raises(Invalid, match="padding"):
            ops.decode(bytes(spoiled), ops.part_of(op))


@given(st.integers(0, 127), st.lists(_values, max_size=6), st.sampled_from(ops.PARTS))
def test_an_unknown_kind_needs_a_newer_clowder(kind: int, values: list[object], part: int) -> None:
    if kind in (1, 2, 3, 4, 16, 17, 18, 19, 20, 32):
        kind += 64
    with pytest.raises(TooNew, match=f"{kind} needs a newer"):
        ops.decode(packed(kind, *values), part)


@given(valid_ops)
def test_a_longer_operation_needs_a_newer_clowder(op: ops.AnyOp) -> None:
    values = msgspec.msgpack.decode(msgspec.msgpack.encode(op))
    with pytest.raises(TooNew):
        ops.decode(packed(*values, 1), ops.part_of(op))


@pytest.mark.parametrize(
    "op",
    [
        ops.Post(SALT[1:], ""),
        ops.Post(SALT, "x" * (limits.MESSAGE_TEXT_MAX_CHARS + 1)),
        ops.Post(SALT, "", reply_to=b"short"),
        ops.Post(SALT, "", mentions=(ID[1:],)),
        ops.Post(SALT, "", mentions=(ID,) * (limits.MENTIONS_MAX + 1)),
        ops.Post(SALT, "", files=(FILE,) * (limits.FILES_PER_MESSAGE_MAX + 1)),
        ops.Post(SALT, "", files=(msgspec.structs.replace(FILE, root=bytes(35)),)),
        ops.Post(SALT, "", files=(msgspec.structs.replace(FILE, key=bytes(31)),)),
        ops.Post(SALT, "", files=(msgspec.structs.replace(FILE, size=-1),)),
        ops.Post(SALT, "", files=(msgspec.structs.replace(FILE, size=2**53),)),
        ops.Post(SALT, "", files=(msgspec.structs.replace(FILE, width=2**31),)),
        ops.Post(SALT, "", files=(msgspec.structs.replace(FILE, height=-1),)),
        ops.Post(SALT, "", files=(msgspec.structs.replace(FILE, name="n" * 256),)),
        ops.Post(SALT, "", files=(msgspec.structs.replace(FILE, type="t" * 128),)),
        ops.Post(SALT, "", files=(msgspec.structs.replace(FILE, alt="a" * 1_001),)),
        ops.Post(SALT, "", files=(msgspec.structs.replace(FILE, preview=bytes(16 * 1024 + 1)),)),
        ops.Edit(b"", ""),
        ops.Edit(SALT, "x" * (limits.MESSAGE_TEXT_MAX_CHARS + 1)),
        ops.Edit(SALT, "", mentions=(b"",)),
        ops.Delete(SALT + b"x"),
        ops.React(b"", "👍", True),
        ops.React(ID, "", True),
        ops.React(ID, "x" * (limits.EMOJI_MAX_CHARS + 1), True),
        ops.Topic("x" * (limits.TOPIC_MAX_CHARS + 1)),
        ops.Pin(ID[1:], True),
        ops.Profile("x" * (limits.NICK_MAX_CHARS + 1)),
        ops.Profile("", colour="x" * 33),
        ops.Profile("", picture=bytes(65)),
        ops.Setting("", "x"),
        ops.Setting("x" * 65, ""),
        ops.Setting("x", "x" * 1_025),
        ops.NoteUpdate(b"", ((-1, 0),)),
        ops.NoteUpdate(b"", ((2**53, 0),)),
        ops.NoteUpdate(b"", ((0, 2**31),)),
        ops.NoteUpdate(b"", ((0, 0),) * 4_097),
        ops.NoteUpdate(bytes(limits.PAYLOAD_MAX_BYTES), ()),
    ],
)
def test_what_breaks_a_limit_is_neither_written_nor_read(op: ops.AnyOp) -> None:
    with pytest.raises(Invalid):
        ops.encode(op)
    body = msgspec.msgpack.encode(op)
    if len(body) < 2**16:
        with pytest.raises(Invalid) as raised:
            ops.decode(padded(body), ops.part_of(op))
        assert not isinstance(raised.value, TooNew)


def test_ids_of_messages_are_their_authors() -> None:
    ids = {ops.message_id(member, salt) for member in SALTS for salt in SALTS}
    assert len(ids) == len(SALTS) ** 2
    assert {len(each) for each in ids} == {limits.ID_BYTES}
