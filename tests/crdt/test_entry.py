"""Entries on the wire: what follows is left out, and nothing that was signed can be changed."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crdt import entry as entries_module
from crdt import keys, limits
from crdt.entry import (
    NO_ENTRY,
    Entry,
    Item,
    LogId,
    Run,
    associated_data,
    check_signatures,
    decode_run,
    encode_run,
    entry_id,
    from_run,
    header,
    open_payload,
    to_run,
)
from crdt.errors import Invalid
from crdt.ops import PART_TIMELINE
from crdt.ops import decode as decode_op
from tests.crdt.fake_roster import FakeRoster
from tests.crdt.memory_replica import KEY, WORKSPACE, Replica, channel_id, workspace_of

GENERAL = channel_id("general")
REPLACE = msgspec.structs.replace


def written(count: int) -> tuple[Replica, list[Entry]]:
    """A replica and entries it wrote; the roster changed before the third."""
    ana, ben = workspace_of("ana", "ben")
    assert isinstance(ana.roster, FakeRoster)
    ana.write(GENERAL, "first", count=min(count, 2))
    ana.roster.admit(ben.device, 101)
    if count > 2:
        ana.write(GENERAL, "more", count=count - 2)
    return ana, ana.store.entries(ana.log(GENERAL), 0, count - 1)


def run_of(ana: Replica, entries: list[Entry]) -> Run:
    heads = () if entries[0].heads else ana.store.head_set(entries[0].roster)
    assert heads is not None
    return to_run(entries, heads)


def test_header_layout_is_as_documented() -> None:
    ana, entries = written(3)
    first, third = entries[0], entries[2]
    data = header(WORKSPACE, third)
    assert len(data) == 263 + 32 * len(third.heads)
    assert data[0] == 1
    assert data[1:33] == WORKSPACE
    assert data[33:49] == GENERAL
    assert data[49] == 1
    assert data[50:82] == ana.device
    assert data[82:90] == ana.incarnation
    assert int.from_bytes(data[90:98], "big") == 2
    assert data[98:130] == entries[1].id
    assert data[130:162] == keys.digest(b"x1.heads", *third.heads)
    assert int.from_bytes(data[194:202], "big") == third.hlc
    assert third.ciphertext is not None
    assert data[202:234] == keys.digest(b"x1.ct", third.ciphertext)
    assert data[238:262] == third.nonce
    assert associated_data(WORKSPACE, third) == data[:202] + data[234:]
    assert entry_id(data) == third.id
    assert first.prev == NO_ENTRY


def test_a_run_leaves_out_what_follows_and_comes_back_whole() -> None:
    ana, entries = written(130)
    run = run_of(ana, entries)
    assert [number for number, item in enumerate(run.items) if item.signature] == [0, 64, 128, 129]
    back = from_run(WORKSPACE, decode_run(encode_run(run)))
    assert [entry.id for entry in back] == [entry.id for entry in entries]
    assert check_signatures(back) == 130
    assert back[129] == entries[129]
    assert REPLACE(back[7], signature=entries[7].signature) == entries[7]
    op = decode_op(open_payload(WORKSPACE, back[100], KEY), PART_TIMELINE)
    assert "more 98" in repr(op)


def test_a_run_from_the_middle_says_which_roster_it_was_written_under() -> None:
    ana, entries = written(6)
    run = run_of(ana, entries[3:])
    assert run.heads == entries[2].heads
    assert [entry.id for entry in from_run(WORKSPACE, run)] == [entry.id for entry in entries[3:]]
    with pytest.raises(Invalid, match="roster hash"):
        from_run(WORKSPACE, REPLACE(run, heads=()))


def test_a_header_proves_authorship_when_the_ciphertext_is_gone() -> None:
    ana, entries = written(4)
    gone = [REPLACE(entry, ciphertext=None) if entry.seq == 1 else entry for entry in entries]
    back = from_run(WORKSPACE, run_of(ana, gone))
    assert back[3].id == entries[3].id
    assert check_signatures(back) == 4
    with pytest.raises(Invalid, match="erased"):
        open_payload(WORKSPACE, back[1], KEY)


def test_signatures_cover_what_is_before_them_and_nothing_after() -> None:
    _, entries = written(5)
    unsigned = [REPLACE(entry, signature=b"") for entry in entries]
    assert check_signatures(unsigned) == 0
    assert check_signatures([*entries[:3], *unsigned[3:]]) == 3
    forged = [*entries[:4], REPLACE(entries[4], signature=entries[3].signature)]
    with pytest.raises(Invalid):
        check_signatures(forged)


def moved(run: Run, **changes: object) -> list[Entry]:
    return from_run(WORKSPACE, REPLACE(run, **changes))


def test_an_entry_moved_elsewhere_does_not_verify() -> None:
    ana, entries = written(3)
    run = run_of(ana, entries)
    stranger = Replica("eve").device
    elsewhere = [
        moved(run, channel=channel_id("cats")),
        moved(run, part=3),
        moved(run, incarnation=bytes(8)),
        moved(run, device=stranger),
        from_run(bytes(32), run),
    ]
    for entries_there in elsewhere:
        with pytest.raises(Invalid, match="signature"):
            check_signatures(entries_there)
    with pytest.raises(Invalid):
        moved(run, first_seq=1)


def accepted(data: bytes) -> list[Entry]:
    """What a careful reader takes from a run's bytes."""
    entries = from_run(WORKSPACE, decode_run(data))
    return entries[: check_signatures(entries)]


def test_changing_any_byte_of_a_run_is_refused_or_changes_nothing() -> None:
    ana, entries = written(4)
    data = encode_run(run_of(ana, entries))
    genuine = [(entry.id, entry.ciphertext, entry.heads) for entry in entries]
    for position in range(len(data)):
        for change in (1, 0x80):
            bad = bytearray(data)
            bad[position] ^= change
            try:
                taken = accepted(bytes(bad))
            except Invalid:
                continue
            kept = [(entry.id, entry.ciphertext, entry.heads) for entry in taken]
            assert kept == genuine[: len(kept)], position


@given(st.binary(max_size=300))
def test_decoding_anything_gives_a_run_or_invalid(data: bytes) -> None:
    with pytest.raises(Invalid):
        from_run(WORKSPACE, decode_run(data))


BYTES = st.one_of(st.binary(max_size=40), st.sampled_from([bytes(8), bytes(16), bytes(32)]))
ITEMS = st.builds(
    Item,
    hlc=st.integers(-1, 2**64 - 1),
    nonce=st.one_of(BYTES, st.just(bytes(24))),
    ciphertext=st.one_of(st.none(), st.binary(max_size=60)),
    epoch=BYTES,
    roster=BYTES,
    heads=st.lists(BYTES, max_size=2).map(tuple),
    signature=st.one_of(BYTES, st.just(bytes(64))),
    erased=st.one_of(st.none(), st.tuples(BYTES, st.integers(-1, 2**40))),
)
RUNS = st.builds(
    Run,
    channel=BYTES,
    part=st.integers(-1, 5),
    device=BYTES,
    incarnation=BYTES,
    first_seq=st.integers(-1, 2**50),
    prev=BYTES,
    items=st.lists(ITEMS, max_size=3).map(tuple),
    heads=st.lists(BYTES, max_size=2).map(tuple),
)


@settings(max_examples=300)
@given(RUNS)
def test_any_fields_give_entries_or_invalid(run: Run) -> None:
    try:
        entries = from_run(WORKSPACE, decode_run(encode_run(run)))
        check_signatures(entries)
    except Invalid:
        return
    assert len(entries) == len(run.items)


def test_sizes_beyond_the_limits_are_refused() -> None:
    ana, entries = written(1)
    run = run_of(ana, entries)
    item = run.items[0]
    big = REPLACE(item, ciphertext=bytes(limits.PAYLOAD_MAX_BYTES + limits.TAG_BYTES + 1))
    for bad in (
        REPLACE(run, items=(big,)),
        REPLACE(run, items=()),
        REPLACE(run, first_seq=limits.SEQ_MAX + 1, prev=bytes(31) + b"x"),
        REPLACE(run, items=(REPLACE(item, erased=(bytes(32), 20)),)),
        REPLACE(run, items=(REPLACE(item, ciphertext=None, erased=(bytes(32), 2**32)),)),
    ):
        with pytest.raises(Invalid):
            from_run(WORKSPACE, bad)


def test_log_of_a_run_names_all_its_fields() -> None:
    ana, entries = written(1)
    assert run_of(ana, entries).log == LogId(GENERAL, 1, ana.device, ana.incarnation)
    assert entries_module.VERSION == 1
