"""Entries go in at either end of a log and come out as they were, under gap-free numbers."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.errors import StoreError
from chat.store import WorkspaceStore, database
from chat.store.limits import UNHELD_LOGS_MAX
from crdt.entry import Entry, LogId
from crdt.ops import PART_STATE, PART_TIMELINE, Topic
from crdt.sync_messages import log_fingerprint
from tests.chat.store_authors import (
    GENERAL,
    NOW_MS,
    RANDOM,
    WORKSPACE,
    Author,
    in_memory,
    named,
    on_disk,
)
from tests.crdt.memory_replica import MemoryStore


def fresh() -> WorkspaceStore:
    return in_memory().workspace(WORKSPACE)


def same_state(store: WorkspaceStore, memory: MemoryStore) -> None:
    """The store says of every log what the reference says."""
    expected = {state.log: tuple(state) for state in memory.logs()}
    found = {
        s.log: (s.log, s.low, s.head, s.head_id, s.low_prev, s.head_roster, s.head_hlc)
        for s in store.logs()
    }
    assert found == expected
    assert store.fingerprints() == memory.fingerprints()
    assert store.arrival_max == memory.arrival_max
    assert store.since(0, 10_000) == memory.since(0, 10_000)


def test_what_was_appended_comes_out_whole_also_in_a_new_process(tmp_path: Path) -> None:
    ana, bo = Author("ana"), Author("bo")
    mixed = [*ana.posts(3), *bo.posts(2)]
    ana.heads = tuple(sorted((named("op a"), named("op b"))))
    ana.epoch = named("another epoch")
    mixed += ana.posts(2)
    store = on_disk(tmp_path / "store.db")
    workspace = store.workspace(WORKSPACE)
    for number, entry in enumerate(mixed, 1):
        assert workspace.append([entry]) == number
    store.commit()
    store.close()

    again = on_disk(tmp_path / "store.db").workspace(WORKSPACE)
    assert again.arrival_max == 7
    assert again.entries(ana.log(), 0, 100) == ana.written[ana.log()]
    assert again.entries(ana.log(), 2, 3) == ana.written[ana.log()][2:4]
    assert again.since(0, 100) == list(enumerate(mixed, 1))
    assert again.since(4, 2) == [(5, mixed[4]), (6, mixed[5])]
    assert again.entry_at(6) == mixed[5]
    assert again.entry_at(8) is None
    assert again.entry_by_id(mixed[3].id) == mixed[3]
    assert again.entry_by_id(named("none")) is None
    assert again.id_at(3) == mixed[2].id[:8]
    assert again.id_at(0) is None
    assert again.id_at(8) is None
    assert again.head_set(mixed[6].roster) == ana.heads
    assert again.head_set(named("none")) is None


def test_a_log_grows_at_both_ends() -> None:
    ana = Author("ana")
    every = ana.posts(9)
    store = fresh()
    assert store.append(every[5:7]) == 1
    state = store.log_state(ana.log())
    assert state is not None
    assert (state.low, state.head, state.low_prev) == (5, 6, every[4].id)
    assert store.prepend(every[2:5]) == 3
    assert store.append(every[7:]) == 6
    assert store.prepend(every[:2]) == 8
    assert store.entries(ana.log(), 0, 99) == every
    state = store.log_state(ana.log())
    assert state is not None
    assert (state.low, state.head, state.head_id) == (0, 8, every[8].id)
    assert [entry.seq for _, entry in store.since(0, 99)] == [5, 6, 2, 3, 4, 7, 8, 0, 1]
    assert [s.log for s in store.touched_since(8)] == [ana.log()]
    assert store.touched_since(9) == []


def test_gaps_overlaps_and_foreign_chains_are_programmer_errors() -> None:
    ana = Author("ana")
    every = ana.posts(6)
    store = fresh()
    store.append(every[2:4])
    with pytest.raises(AssertionError):
        store.append(every[5:])
    with pytest.raises(AssertionError):
        store.append(every[3:4])
    with pytest.raises(AssertionError):
        store.prepend(every[:1])
    with pytest.raises(AssertionError):
        store.append([every[4], every[4]])


def test_an_erased_entry_keeps_its_header_and_its_place() -> None:
    ana = Author("ana")
    every = ana.posts(3)
    store = fresh()
    store.append(every)
    assert store.erase(ana.log(), [1, 7]) == 1
    assert store.erase(ana.log(), [1]) == 0
    first, erased, last = store.entries(ana.log(), 0, 2)
    assert (first, last) == (every[0], every[2])
    assert erased.ciphertext is None
    assert (erased.ct_hash, erased.ct_len) == (every[1].ct_hash, every[1].ct_len)
    assert (erased.id, erased.prev) == (every[1].id, every[1].prev)
    other = in_memory("other").workspace(WORKSPACE)
    other.append([first, erased, last])
    assert other.entries(ana.log(), 0, 2) == [first, erased, last]


def test_fingerprints_are_equal_exactly_when_heads_are() -> None:
    ana, bo = Author("ana"), Author("bo")
    from_ana, from_bo = ana.posts(5), bo.posts(4)
    topic = ana.write(Topic("cats"), RANDOM)
    one, two = fresh(), fresh()
    one.append(from_ana)
    one.append(from_bo)
    one.append([topic])
    two.append(from_bo[:2])
    two.append([topic])
    two.append(from_ana[3:])
    assert one.fingerprints() != two.fingerprints()
    assert one.fingerprint(RANDOM) == two.fingerprint(RANDOM) == log_fingerprint(topic.id)
    two.append(from_bo[2:])
    assert one.fingerprints() == two.fingerprints()
    assert one.fingerprint(named("no channel", 16)) == 0


def test_the_newest_page_ends_at_the_heads() -> None:
    ana, bo, cid = Author("ana"), Author("bo"), Author("cid")
    store = fresh()
    for step in range(10):
        for author in (ana, bo) if step < 8 else (ana,):
            author.now_ms = NOW_MS + step * 1000
            store.append([author.post()])
    cid.now_ms = NOW_MS - 1000
    store.append([cid.post()])
    page = store.newest(GENERAL, PART_TIMELINE, None, 6)
    assert page == {ana.log(): (6, 9), bo.log(): (6, 7)}
    assert store.newest(GENERAL, PART_STATE, None, 6) == {}
    assert store.newest(RANDOM, PART_TIMELINE, None, 6) == {}
    assert store.newest(GENERAL, PART_TIMELINE, None, 0) == {}
    everything = store.newest(GENERAL, PART_TIMELINE, None, 1000)
    assert everything == {ana.log(): (0, 9), bo.log(): (0, 7), cid.log(): (0, 0)}
    before = ana.written[ana.log()][3].hlc
    assert store.newest(GENERAL, PART_TIMELINE, before, 4) == {ana.log(): (1, 2), bo.log(): (1, 2)}
    assert store.newest(GENERAL, PART_TIMELINE, 1, 4) == {}


def test_of_a_forked_log_the_lowest_evidence_stays() -> None:
    ana, bo = Author("ana"), Author("bo")
    store = fresh()
    store.append(ana.posts(1))
    store.add_fork(ana.log(), 9, b"a", b"b")
    store.add_fork(ana.log(), 4, b"c", b"d")
    store.add_fork(ana.log(), 7, b"e", b"f")
    store.add_fork(bo.log(), 1, b"g", b"h")
    found = {fork.log: (fork.seq, fork.first, fork.second) for fork in store.forks()}
    assert found == {ana.log(): (4, b"c", b"d"), bo.log(): (1, b"g", b"h")}
    assert store.log_state(bo.log()) is None
    assert [state.log for state in store.logs()] == [ana.log()]


def test_two_workspaces_in_one_profile_do_not_meet() -> None:
    store = in_memory()
    other_id = named("other workspace")
    one, two = store.workspace(WORKSPACE), store.workspace(other_id)
    ana, bo = Author("ana"), Author("bo", other_id)
    one.append(ana.posts(3))
    two.append(bo.posts(2))
    one.add_receipt(bo.device, ana.log(), 1)
    assert store.workspaces() == [WORKSPACE, other_id]
    assert (one.arrival_max, two.arrival_max) == (3, 2)
    assert [entry.log for _, entry in two.since(0, 9)] == [bo.log()] * 2
    assert one.log_state(bo.log()) is None
    assert two.receipts(ana.log()) == {}
    assert two.entry_by_id(ana.written[ana.log()][0].id) is None
    assert store.workspace(WORKSPACE) is one


def test_logs_that_only_receipts_name_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert UNHELD_LOGS_MAX >= 20_000
    monkeypatch.setattr("chat.store.logs.UNHELD_LOGS_MAX", 3)
    store, ana = fresh(), Author("ana")
    logs = [LogId(named(f"#{n}", 16), 1, ana.device, ana.incarnation) for n in range(5)]
    assert [store.add_receipt(ana.device, log, 7) for log in logs] == [True] * 3 + [False] * 2
    assert store.add_receipt(ana.device, logs[0], 8)
    assert not store.add_receipt(ana.device, logs[0], 8)
    assert [store.receipts(log) for log in logs[2:4]] == [{ana.device: 7}, {}]


STEPS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 4), st.booleans(), st.booleans()), max_size=25
)


@given(STEPS)
@settings(max_examples=60)
def test_any_growth_matches_the_reference(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int, bool, bool]]
) -> None:
    """Any appends and prepends, some rolled back, read in this process and in the next."""
    authors = [_AUTHORS[number] for number in range(3)]
    memory, store = MemoryStore(b"reference"), in_memory()
    workspace = store.workspace(WORKSPACE)
    ends: dict[int, tuple[int, int]] = {}
    for number, count, up, kept in steps:
        every = authors[number].written[authors[number].log()]
        low, high = ends.get(number, (10, 10))
        batch: list[Entry] = every[high : high + count] if up else every[max(0, low - count) : low]
        if not batch or (not up and number not in ends):
            continue
        for target in (workspace, memory) if kept else (workspace,):
            if up:
                target.append(batch)
            else:
                target.prepend(batch)
        if kept:
            store.commit()
            low, high = min(low, batch[0].seq), max(high, batch[-1].seq + 1)
            ends[number] = (low, high)
        else:
            store.rollback()
        same_state(workspace, memory)
    workspace.forget()
    same_state(workspace, memory)
    for limit in (1, 3, 100):
        page = workspace.newest(GENERAL, PART_TIMELINE, None, limit)
        assert page == memory.newest(GENERAL, PART_TIMELINE, None, limit)


_AUTHORS = [Author(f"author {number}") for number in range(3)]
for _step in range(20):
    for _offset, _author in enumerate(_AUTHORS):
        _author.now_ms = NOW_MS + _step * 1000 + _offset * (7 if _step % 3 else 400)
        _author.post()


def test_a_file_of_an_earlier_build_goes_on_with_its_cipher(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(database, "CIPHERS", ("chacha20",))
        store = on_disk(tmp_path / "db")
        store.put("note", b"kept")
        store.commit()
        store.close()
    store = on_disk(tmp_path / "db")
    assert store.get("note") == b"kept"
    store.put("note", b"again")
    store.commit()
    store.close()
    with monkeypatch.context() as newer:
        newer.setattr(database, "CIPHERS", ("aegis",))
        with pytest.raises(StoreError, match="cannot be read"):
            on_disk(tmp_path / "db")
    store = on_disk(tmp_path / "db")
    assert store.get("note") == b"again"
    store.close()
