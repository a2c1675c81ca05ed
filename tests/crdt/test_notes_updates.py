"""Nothing but a plain change of the one text by its own author passes as an update of notes."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt import limits, ops
from crdt.errors import Invalid
from crdt.notes import check, client_id
from crdt.ops import NoteUpdate
from crdt.yjs_update import clean, decode, varint
from tests.crdt.notes_authors import item, string, update

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "notes.json").read_text("utf-8"))


def named(case: dict[str, object]) -> str:
    return str(case["about"])


def op_of(case: dict[str, object]) -> NoteUpdate:
    after = tuple((int(client), int(clock)) for client, clock in case["after"])  # type: ignore[attr-defined]
    return NoteUpdate(bytes.fromhex(str(case["update"])), after)


@pytest.mark.parametrize("case", VECTORS["client_ids"], ids=named)
def test_client_ids(case: dict[str, str]) -> None:
    parts = [bytes.fromhex(case[name]) for name in ("device", "incarnation", "channel")]
    assert str(client_id(*parts)) == case["client"]


@pytest.mark.parametrize("case", VECTORS["accepted"], ids=named)
def test_accepted_vectors(case: dict[str, object]) -> None:
    change = check(op_of(case), int(str(case["client"])))
    assert [change.start, change.end] == case["clocks"]
    assert [part.text for part in change.items] == case["texts"]
    assert [list(each) for each in change.deletes] == case["deletes"]


@pytest.mark.parametrize("case", VECTORS["refused"], ids=named)
def test_refused_vectors(case: dict[str, object]) -> None:
    with pytest.raises(Invalid, match=str(case["because"])):
        check(op_of(case), int(str(case["client"])))


HONEST = update(
    5, 3, [item(string("héllo😀"), 4, (5, 2), (6, 0)), item(varint(4), 1, (5, 9))], {6: [(0, 2)]}
)
KNOWN = {5: 3, 6: 2}


def test_no_byte_can_be_cut_off_or_added() -> None:
    decode(HONEST, 5, KNOWN)
    for size in range(len(HONEST)):
        with pytest.raises(Invalid):
            decode(HONEST[:size], 5, KNOWN)
    with pytest.raises(Invalid):
        decode(HONEST + b"\0", 5, KNOWN)


@given(st.binary(max_size=200), st.dictionaries(st.integers(0, 9), st.integers(1, 9), max_size=3))
def test_any_bytes_are_an_update_or_invalid(data: bytes, known: dict[int, int]) -> None:
    try:
        change = decode(data, 5, known)
    except Invalid:
        return
    assert change.items or change.deletes


@given(st.data())
def test_changed_bytes_are_an_update_or_invalid(data: st.DataObject) -> None:
    changed = bytearray(HONEST)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    try:
        change = decode(bytes(changed), 5, KNOWN)
    except Invalid:
        return
    assert change.client == 5
    assert change.start == 3
    for part in change.items:
        for unit in (part.left, part.right):
            assert unit is None or unit.clock < {**KNOWN, 5: part.clock}[unit.client]
    assert all(end <= {**KNOWN, 5: change.end}[c] for c, _, end in change.deletes)


@given(st.lists(st.tuples(st.integers(-1, 2**54), st.integers(-1, 2**32)), max_size=3))
def test_any_vector_is_in_order_or_invalid(after: list[tuple[int, int]]) -> None:
    try:
        check(NoteUpdate(update(5, 0, [item(string("a"))]), tuple(after)), 5)
    except Invalid:
        return
    assert after == sorted(dict(after).items())
    assert all(clock > 0 for _, clock in after)


def test_bounds() -> None:
    most = [item(string("a"))] * limits.NOTE_ITEMS_MAX
    assert decode(update(5, 0, most), 5, {}).end == limits.NOTE_ITEMS_MAX
    with pytest.raises(Invalid, match="beyond its limit"):
        decode(update(5, 0, [*most, most[0]]), 5, {})
    long = item(varint(limits.NOTE_CLOCK_MAX), 1)
    assert decode(update(5, 0, [long]), 5, {}).end == limits.NOTE_CLOCK_MAX
    with pytest.raises(Invalid, match="over its author's clock"):
        decode(update(5, 0, [long, item(string("a"), 4, (5, 0))]), 5, {})
    ranges = [(2 * number, 1) for number in range(limits.NOTE_DELETES_MAX)]
    known = {6: 2 * limits.NOTE_DELETES_MAX, 7: 1}
    assert len(decode(update(5, 0, [], {6: ranges}), 5, known).deletes) == len(ranges)
    with pytest.raises(Invalid, match="beyond its limit"):
        decode(update(5, 0, [], {6: ranges, 7: [(0, 1)]}), 5, known)
    with pytest.raises(Invalid, match="too large"):
        decode(bytes(limits.NOTE_UPDATE_MAX_BYTES + 1), 5, {})


def test_the_largest_update_fits_an_entry() -> None:
    after = tuple((2**53 - 1 - number, 2**31 - 1) for number in range(limits.NOTE_RECENT_CLIENTS))
    largest = NoteUpdate(bytes(limits.NOTE_UPDATE_MAX_BYTES), tuple(sorted(after)))
    assert len(ops.encode(largest)) <= limits.PAYLOAD_MAX_BYTES


@given(st.text(st.characters(), max_size=50))
def test_cleaned_text_passes(text: str) -> None:
    ours = clean(text)
    assert clean(ours) == ours
    if ours:
        assert decode(update(5, 0, [item(string(ours))]), 5, {}).items[0].text == ours
