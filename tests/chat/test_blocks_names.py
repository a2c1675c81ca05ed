"""Content ids and dag-cbor: published vectors, one encoding each, hostile bytes."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chat.blocks import cid, dagcbor
from chat.blocks.errors import Invalid
from chat.blocks.limits import CBOR_DEPTH_MAX

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors" / "blocks.json").read_text(encoding="utf-8")
)

cids = st.binary(min_size=32, max_size=32).flatmap(
    lambda digest: st.sampled_from([cid.RAW, cid.DAG_CBOR]).map(
        lambda codec: bytes([1, codec, 0x12, 0x20]) + digest
    )
)
values = st.recursive(
    st.integers(-(2**64), 2**64 - 1)
    | st.binary(max_size=300)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
    | cids.map(dagcbor.Link),
    lambda children: (
        st.lists(children, max_size=5)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), children, max_size=5)
    ),
    max_leaves=12,
)


def depth(value: dagcbor.Value) -> int:
    if isinstance(value, dict):
        return 1 + max((depth(item) for item in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((depth(item) for item in value), default=0)
    return 1


@pytest.mark.parametrize("vector", VECTORS["cid"], ids=lambda vector: vector["about"])
def test_published_ids(vector: dict[str, str]) -> None:
    block = bytes.fromhex(vector["block"])
    made = cid.cid_raw(block) if vector["codec"] == "raw" else cid.cid_dag(block)
    assert cid.format_cid(made) == vector["cid"]
    assert cid.parse_cid(vector["cid"]) == made
    assert cid.matches(made, block)
    assert not cid.matches(made, block + b"!")


@pytest.mark.parametrize("vector", VECTORS["dagcbor"], ids=lambda vector: vector["about"])
def test_published_nodes(vector: dict[str, object]) -> None:
    block = bytes.fromhex(str(vector["block"]))
    assert dagcbor.encode(vector["value"]) == block  # type: ignore[arg-type]
    assert dagcbor.decode(block) == vector["value"]
    assert cid.format_cid(cid.cid_dag(block)) == vector["cid"]


@pytest.mark.parametrize("vector", VECTORS["dagcbor_refused"], ids=lambda vector: vector["about"])
def test_second_encodings_are_refused(vector: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        dagcbor.decode(bytes.fromhex(vector["block"]))


@given(cids)
def test_an_id_has_one_text(binary: bytes) -> None:
    text = cid.format_cid(binary)
    assert len(text) == 59
    assert cid.parse_cid(text) == binary
    for other in (text.upper(), text + "=", "z" + text[1:], text[:-1], " " + text):
        with pytest.raises(Invalid):
            cid.parse_cid(other)


def test_stray_bits_at_the_end_of_the_text_are_refused() -> None:
    text = cid.format_cid(cid.cid_raw(b""))
    alphabet = "abcdefghijklmnopqrstuvwxyz234567"
    accepted = []
    for letter in alphabet:
        try:
            accepted.append(cid.parse_cid(text[:-1] + letter))
        except Invalid:
            continue
    assert len(accepted) == len(set(accepted)) == 8


@given(st.text(max_size=70) | st.text("abcdefghijklmnop234567", min_size=58, max_size=60))
@example("b" + "é" * 58)
def test_any_text_is_an_id_or_invalid(text: str) -> None:
    try:
        assert cid.format_cid(cid.parse_cid(text)) == text
    except Invalid:
        pass


@given(st.binary(max_size=40))
def test_any_bytes_are_an_id_or_invalid(data: bytes) -> None:
    try:
        assert cid.check_cid(data) == data
        assert len(data) == 36
    except Invalid:
        pass


@given(values)
def test_a_node_decodes_to_what_was_encoded(value: dagcbor.Value) -> None:
    block = dagcbor.encode(value)
    if depth(value) <= CBOR_DEPTH_MAX:
        assert dagcbor.decode(block) == value
    else:
        with pytest.raises(Invalid):
            dagcbor.decode(block)


@given(st.binary(max_size=64))
def test_any_bytes_are_a_node_in_its_one_encoding_or_invalid(data: bytes) -> None:
    try:
        value = dagcbor.decode(data)
    except Invalid:
        return
    assert dagcbor.encode(value) == data


@given(values, st.data())
def test_a_mutated_node_is_canonical_or_invalid(value: dagcbor.Value, data: st.DataObject) -> None:
    block = bytearray(dagcbor.encode(value))
    at = data.draw(st.integers(0, len(block) - 1))
    kind = data.draw(st.sampled_from(["flip", "cut", "insert"]))
    if kind == "flip":
        block[at] ^= data.draw(st.integers(1, 255))
    elif kind == "cut":
        del block[at:]
    else:
        block.insert(at, data.draw(st.integers(0, 255)))
    try:
        decoded = dagcbor.decode(bytes(block))
    except Invalid:
        return
    assert dagcbor.encode(decoded) == bytes(block)


def test_hostile_counts_and_depth_cost_nothing() -> None:
    for block in (b"\x9b" + b"\xff" * 8, b"\xbb" + b"\xff" * 8, b"\x81" * 100_000, b"\x80" * 9):
        with pytest.raises(Invalid):
            dagcbor.decode(block)
    with pytest.raises(Invalid):
        dagcbor.decode(b"\x99\xff\xff" + b"\x00" * 65_535)
