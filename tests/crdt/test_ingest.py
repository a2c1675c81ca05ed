"""Judging runs: what follows is stored, what is known is passed over, what contradicts is kept as
evidence, and whoever may not write is refused."""

import msgspec
import pytest

from crdt.entry import Entry, Run, to_run
from crdt.errors import Invalid
from crdt.ingest import Append, Bare, Fork, Nothing, Prepend, Verdict, Waiting, judge
from tests.crdt.fake_roster import FakeRoster
from tests.crdt.memory_replica import WORKSPACE, MemoryStore, Replica, channel_id, workspace_of

GENERAL = channel_id("general")
REPLACE = msgspec.structs.replace


class Reader:
    """A store and roster that judge what an author wrote."""

    def __init__(self, author: Replica, roster: FakeRoster | None = None) -> None:
        self.author = author
        self.log = author.log(GENERAL)
        self.store = MemoryStore(b"readers!")
        if roster is None:
            roster = FakeRoster()
            for op_id in author.roster.missing_from(()):
                roster.add(author.roster.wire(op_id))
        self.roster = roster

    def run(self, first: int, last: int) -> Run:
        entries = self.author.store.entries(self.log, first, last)
        heads = () if entries[0].heads else self.author.store.head_set(entries[0].roster)
        assert heads is not None
        return to_run(entries, heads)

    def entry_at(self, seq: int) -> Entry | None:
        found = self.store.entries(self.log, seq, seq)
        return found[0] if found else None

    def judge(self, run: Run) -> Verdict:
        held = self.store.log_state(self.log)
        return judge(WORKSPACE, run, held, self.entry_at, self.roster)

    def hold(self, first: int, last: int) -> None:
        verdict = self.judge(self.run(first, last))
        assert isinstance(verdict, Append)
        self.store.append(verdict.entries)


@pytest.fixture
def reader() -> Reader:
    ana, _ = workspace_of("ana", "ben")
    ana.write(GENERAL, "a", count=200)
    return Reader(ana)


def seqs(entries: object) -> list[int]:
    assert isinstance(entries, list)
    return [entry.seq for entry in entries]


def test_a_log_is_taken_forward(reader: Reader) -> None:
    reader.hold(0, 99)
    verdict = reader.judge(reader.run(100, 150))
    assert isinstance(verdict, Append)
    assert seqs(verdict.entries) == list(range(100, 151))
    assert not verdict.below


def test_what_is_known_of_a_run_is_skipped(reader: Reader) -> None:
    reader.hold(50, 99)
    verdict = reader.judge(reader.run(80, 120))
    assert isinstance(verdict, Append)
    assert seqs(verdict.entries) == list(range(100, 121))
    assert isinstance(reader.judge(reader.run(60, 90)), Nothing)
    assert isinstance(reader.judge(reader.run(60, 99)), Nothing)
    both = reader.judge(reader.run(30, 150))
    assert isinstance(both, Append)
    assert seqs(both.below) == list(range(30, 50))


def test_history_needs_no_signature_because_the_chain_names_it(reader: Reader) -> None:
    reader.hold(100, 199)
    run = reader.run(70, 99)
    unsigned = REPLACE(run, items=(*run.items[:-1], REPLACE(run.items[-1], signature=b"")))
    verdict = reader.judge(unsigned)
    assert isinstance(verdict, Prepend)
    assert seqs(verdict.entries) == list(range(70, 100))
    overlapping = reader.judge(reader.run(90, 110))
    assert isinstance(overlapping, Prepend)
    assert seqs(overlapping.entries) == list(range(90, 100))


def test_runs_that_do_not_touch_wait_or_are_passed_over(reader: Reader) -> None:
    reader.hold(50, 99)
    assert reader.judge(reader.run(101, 120)) == Waiting(for_roster=False)
    assert isinstance(reader.judge(reader.run(0, 48)), Nothing)


def test_an_unsigned_end_is_refused(reader: Reader) -> None:
    run = reader.run(0, 20)
    unsigned = REPLACE(run, items=(*run.items[:-1], REPLACE(run.items[-1], signature=b"")))
    with pytest.raises(Invalid, match="neither signed nor known"):
        reader.judge(unsigned)


def test_signatures_stand_at_anchors_and_ends_only(reader: Reader) -> None:
    run = reader.run(60, 70)
    items = list(run.items)
    items[2] = REPLACE(items[2], signature=items[-1].signature)
    with pytest.raises(Invalid, match="neither an anchor"):
        reader.judge(REPLACE(run, items=tuple(items)))
    items = list(run.items)
    items[4] = REPLACE(items[4], signature=b"")
    with pytest.raises(Invalid, match="anchor without"):
        reader.judge(REPLACE(run, items=tuple(items)))
    items = list(run.items)
    items[4] = REPLACE(items[4], signature=items[-1].signature)
    with pytest.raises(Invalid, match="does not verify"):
        reader.judge(REPLACE(run, items=tuple(items)))


def test_unknown_roster_heads_hold_a_run_back(reader: Reader) -> None:
    newcomer = Reader(reader.author, FakeRoster())
    assert newcomer.judge(newcomer.run(0, 10)) == Waiting(for_roster=True)
    for op_id in reader.roster.missing_from(()):
        newcomer.roster.add(reader.roster.wire(op_id))
    assert isinstance(newcomer.judge(newcomer.run(0, 10)), Append)


def test_who_may_not_write_is_refused() -> None:
    ana, ben = workspace_of("ana", "ben")
    assert isinstance(ana.roster, FakeRoster)
    ana.write(GENERAL, count=3)
    ana.roster.admit(ana.device, 200)
    ana.write(GENERAL, count=3)
    reader = Reader(ana)
    reader.hold(0, 2)
    with pytest.raises(Invalid, match="may not write"):
        reader.judge(reader.run(3, 5))
    assert ben.device != ana.device


def test_a_roster_older_than_the_one_before_is_refused() -> None:
    ana, ben = workspace_of("ana", "ben")
    assert isinstance(ana.roster, FakeRoster)
    old = ana.roster
    ana.roster = FakeRoster()
    for op_id in old.missing_from(()):
        ana.roster.add(old.wire(op_id))
    ana.roster.admit(ben.device, 101)
    ana.write(GENERAL, count=2)
    newer = ana.roster
    ana.roster = old
    ana.write(GENERAL, count=2)
    reader = Reader(ana, newer)
    reader.hold(0, 1)
    with pytest.raises(Invalid, match="older"):
        reader.judge(reader.run(2, 3))
    backward = Reader(ana, newer)
    backward.hold(2, 3)
    with pytest.raises(Invalid, match="older"):
        backward.judge(backward.run(0, 1))


def twin(author: Replica, upto: int) -> Replica:
    """The same device with the same log up to a seq, which writes on by itself."""
    other = Replica(author.name, author.roster)
    log = author.log(GENERAL)
    if upto:
        other.store.append(author.store.entries(log, 0, upto - 1))
    other.store.sets.update(author.store.sets)
    other.hlc = author.hlc
    other.write(GENERAL, "the other branch", count=30)
    return other


def test_two_signed_entries_for_one_place_are_a_fork(reader: Reader) -> None:
    reader.hold(0, 120)
    other = Reader(twin(reader.author, 100), reader.roster)
    verdict = reader.judge(other.run(95, 129))
    assert isinstance(verdict, Fork)
    assert verdict.seq == 100
    assert verdict.theirs[0].seq == 100
    assert isinstance(reader.judge(other.run(100, 110)), Fork)


def test_a_branch_seen_only_above_the_head_shows_a_fork_without_evidence(reader: Reader) -> None:
    reader.hold(0, 120)
    other = Reader(twin(reader.author, 100), reader.roster)
    verdict = reader.judge(other.run(121, 129))
    assert isinstance(verdict, Fork)
    assert verdict.seq is None


def test_a_contradiction_without_a_signature_is_refused(reader: Reader) -> None:
    reader.hold(0, 120)
    other = Reader(twin(reader.author, 100), reader.roster)
    run = other.run(100, 110)
    unsigned = REPLACE(run, items=(*run.items[:-1], REPLACE(run.items[-1], signature=b"")))
    with pytest.raises(Invalid, match="unsigned"):
        reader.judge(unsigned)


def test_stripped_content_is_not_stored(reader: Reader) -> None:
    run = reader.run(0, 20)
    entry = reader.author.store.entries(reader.log, 7, 7)[0]
    items = list(run.items)
    items[7] = REPLACE(items[7], ciphertext=None, erased=(entry.ct_hash, entry.ct_len))
    assert isinstance(reader.judge(REPLACE(run, items=tuple(items))), Bare)
