"""Stories of engines: disks that fail, keys that come late, builds that differ, any schedule."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat import effects
from chat.errors import StoreError
from chat.store import Store
from crdt import ops
from crdt.roster_ops import Share
from tests.chat.engine_team import Desk, Team

NAMES = ("ana", "bo", "cid")


class FailingDisk:
    """Lets a store's commit, or its n-th write, fail once."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.writes_left: int | None = None
        self.commit_fails = False
        self.failures = 0
        database = store._database
        write, write_many, commit = database.write, database.write_many, database.commit

        def fail() -> None:
            database.begin()
            database._failed = True
            self.failures += 1
            raise StoreError("The disk is full.")

        def counted() -> None:
            if self.writes_left is not None:
                self.writes_left -= 1
                if self.writes_left < 0:
                    self.writes_left = None
                    fail()

        def failing_write(*arguments: object) -> int:
            counted()
            return write(*arguments)  # type: ignore[arg-type]

        def failing_write_many(*arguments: object) -> int:
            counted()
            return write_many(*arguments)  # type: ignore[arg-type]

        def failing_commit() -> None:
            if self.commit_fails:
                self.commit_fails = False
                fail()
            commit()

        monkeypatch.setattr(database, "write", failing_write)
        monkeypatch.setattr(database, "write_many", failing_write_many)
        monkeypatch.setattr(database, "commit", failing_commit)


# Disks that fail ------------------------------------------------------------------------------


def test_a_commit_that_fails_takes_back_the_whole_message_and_the_next_one_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    team = Team(seed=1)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    team.post(ana, "first")
    team.run()
    disk = FailingDisk(ana.store, monkeypatch)
    disk.commit_fails = True
    with pytest.raises(StoreError):
        team.post(ana, "lost, and said to be lost")
    assert ana.texts() == ["first"]
    assert not team.linked(ana, bo)
    team.post(ana, "second")
    team.mesh()
    team.run()
    assert bo.texts() == ana.texts() == ["first", "second"]
    assert {row.log.incarnation for row in bo.rows()} == {ana.incarnation}


def test_whichever_write_of_a_turn_fails_nothing_of_the_turn_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    team = Team(seed=2)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    disk = FailingDisk(ana.store, monkeypatch)
    shown: list[str] = []
    for nth in range(30):
        before, ops_before = ana.canonical(), len(ana.workspace.store.ops())
        disk.writes_left, text = nth, f"message {nth}"
        try:
            team.post(ana, text)
            team.channel(ana, f"channel-{nth}", bo)
            disk.writes_left = None
        except StoreError:
            if ana.texts() != shown:
                shown.append(text)  # The post was one turn, the channel another.
                before = ana.canonical()
            assert ana.canonical() == before
            assert len(ana.workspace.store.ops()) == ops_before
            assert f"channel-{nth}" not in ana.channels()
        else:
            shown.append(text)
        assert ana.texts() == shown
    assert disk.failures > 10
    team.mesh()
    team.run()
    assert bo.texts() == shown
    assert ana.canonical() == bo.canonical()


def test_a_receiver_whose_disk_fails_gets_everything_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    team = Team(seed=3)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    disk = FailingDisk(bo.store, monkeypatch)
    for nth in range(12):
        disk.writes_left = nth
        team.post(ana, f"message {nth}")
        for _ in range(60):
            try:
                team.mesh()
                team.run()
                break
            except StoreError:
                assert bo.workspace.store.count_entries() == len(_entries(bo))
        disk.writes_left = None
        team.mesh()
        team.run()
        assert bo.texts() == [f"message {each}" for each in range(nth + 1)]
    assert disk.failures > 5
    assert ana.reached("message 3") == (1, 1)


def _entries(desk: Desk) -> list[bytes]:
    return [entry.id for _, entry in desk.workspace.store.since(0, 100_000)]


# Keys and builds ------------------------------------------------------------------------------


def test_entries_that_come_before_their_key_are_read_with_it() -> None:
    team = Team(seed=10)
    ana = team.found("ana")
    bo = team.claim("bo", ana)
    team.do(ana, lambda now: ana.engine.claim_left(bo.workspace.store.claims()[0].wire, now))
    for op in ana.workspace.roster.missing_from(()):
        if not isinstance(ana.workspace.roster.op(op).args, Share):
            bo.workspace.store.add_op(op, ana.workspace.roster.wire(op))
    for number in range(5):
        team.post(ana, f"sealed {number}")
    # All entries come while the key is missing: what brings ops brings nothing new.
    for _, entry in ana.workspace.store.since(0, 100):
        bo.workspace.store.append([entry])
    bo.store.commit()
    team.restart(bo)
    arrived = list(bo.workspace.store.since(0, 100))
    team.do(bo, lambda now: (bo.engine._read_new([e for _, e in arrived], 1, now), ())[1])
    assert bo.workspace.store.count_waiting() == len(arrived)
    assert bo.messages() == 0
    team.link(ana, bo)
    team.run()
    assert bo.texts() == [f"sealed {number}" for number in range(5)]
    assert bo.workspace.store.count_waiting() == 0
    touched = [told for told in bo.told if isinstance(told, effects.MessageTouched) and told.new]
    assert len(touched) == 5


def test_a_projection_of_another_build_is_made_again_at_the_start() -> None:
    team = Team(seed=11)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    first = team.post(ana, "one")
    team.post(bo, "two")
    team.run()
    team.say(bo, lambda talking: talking.react(first, "🐱", True))
    team.say(ana, lambda talking: talking.topic("general", "cats"))
    team.run()
    before, rows = ana.canonical(), ana.rows()
    ana.workspace.store.clear_projection()
    ana.store.commit()
    assert ana.messages() == 0
    team.restart(ana)
    assert not ana.workspace.store.is_stale
    assert (ana.canonical(), ana.rows()) == (before, rows)


def test_an_entry_that_opens_to_nonsense_is_set_aside_and_stops_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    team = Team(seed=12)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    honest = ops.encode
    monkeypatch.setattr(ops, "encode", lambda op: b"\x00\x03\xff\xff\xff" + bytes(27))
    general = ana.workspace.find_channel("general")
    team.do(ana, lambda now: ana.engine.write(general, ops.Post(bytes(16), "x"), now))
    monkeypatch.setattr(ops, "encode", honest)
    team.post(ana, "after")
    team.run()
    assert bo.texts() == ["after"]
    assert len(bo.workspace.store.quarantined(general)) == 1
    assert team.linked(ana, bo)


# Any schedule ---------------------------------------------------------------------------------

ACTIONS = ("post", "post", "post", "edit", "delete", "react", "topic", "pin", "nick", "private")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(ACTIONS), st.integers(0, 2), st.integers(0, 30)),
        st.tuples(st.sampled_from(("cut", "link")), st.integers(0, 2), st.integers(0, 2)),
        st.tuples(st.just("wait"), st.integers(0, 500), st.just(0)),
        st.tuples(st.sampled_from(("restart", "crash")), st.integers(0, 2), st.just(0)),
    ),
    max_size=40,
)


class Storm:
    """Three members who do anything in any order."""

    def __init__(self, seed: int) -> None:
        self.team = Team(seed)
        ana = self.team.found("ana")
        self.desks = [ana, *(self.team.join(name, ana) for name in NAMES[1:])]
        self.plans = self.team.channel(ana, "plans", self.desks[1])
        self.team.mesh()
        self.team.run()
        self.random = random.Random(seed)
        self.acknowledged: dict[str, str] = {}

    def do(self, what: str, one: int, other: int) -> None:
        if what == "wait":
            self.team.run(one)
            return
        desk = self.desks[one % 3]
        if what in ("cut", "link"):
            self._wires(what, desk, self.desks[other % 3])
        elif what in ("restart", "crash"):
            self.team.restart(desk, clean=what == "restart")
        else:
            self._say(what, desk, other)

    def _wires(self, what: str, desk: Desk, other: Desk) -> None:
        if what == "link":
            self.team.mesh(*{desk, other})
            return
        for wire in list(self.team.wires.values()):
            if {*wire.ends} == {desk, other}:
                self.team.cut(wire)

    def _say(self, what: str, desk: Desk, number: int) -> None:
        team = self.team
        if what == "post":
            text = f"{desk.name} {len(self.acknowledged)}"
            self.acknowledged[team.post(desk, text)] = "general"
        elif what == "private" and "plans" in desk.channels():
            text = f"{desk.name} {len(self.acknowledged)} psst"
            self.acknowledged[team.post(desk, text, "plans")] = "plans"
        elif what == "topic":
            team.say(desk, lambda talking: talking.topic("general", f"topic {number}"))
        elif what == "nick":
            team.say(desk, lambda talking: talking.profile(f"{desk.name}{number}", ""))
        else:
            self._change(what, desk, number)

    def _change(self, what: str, desk: Desk, number: int) -> None:
        rows = [row for row in desk.rows() if not row.deleted]
        mine = [row for row in rows if row.mine]
        chosen = mine if what in ("edit", "delete") else rows
        if not chosen:
            return
        mid = chosen[number % len(chosen)].mid.hex()
        if what == "edit":
            self.team.say(desk, lambda talking: talking.edit(mid, f"edited {number}"))
        elif what == "delete":
            self.team.say(desk, lambda talking: talking.delete(mid))
        elif what == "react":
            self.team.say(desk, lambda talking: talking.react(mid, "🐱", number % 3 > 0))
        elif what == "pin":
            self.team.say(desk, lambda talking: talking.pin(mid, number % 3 > 0))

    def check_reach(self) -> None:
        """What is said to have reached somebody is there."""
        for desk in self.desks:
            for row in desk.workspace.store.messages(limit=1_000):
                holders = sum(
                    other.workspace.store.message(row.mid) is not None
                    for other in self.desks
                    if other.workspace.me != row.member
                )
                assert desk.views.reached(row)[0] <= holders


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**16), steps=STEPS)
def test_whatever_three_members_do_they_end_up_with_the_same_and_lose_nothing(
    seed: int, steps: list[tuple[str, int, int]]
) -> None:
    storm = Storm(seed)
    for step in steps:
        storm.do(*step)
        storm.check_reach()
    storm.team.mesh()
    storm.team.run(60_000)
    ana, bo, cid = storm.desks
    assert ana.canonical() == bo.canonical()
    assert cid.workspace.roster.heads == ana.workspace.roster.heads
    assert cid.channels() == ["general"]
    general = ana.workspace.find_channel("general")
    stores = [desk.workspace.store for desk in storm.desks]
    assert len({str(store.canonical(general)) for store in stores}) == 1
    directory = ana.workspace.directory
    for channel in (general, directory):
        assert stores[0].registers(channel) == stores[2].registers(channel)
    for mid, channel in storm.acknowledged.items():
        there = storm.desks if channel == "general" else storm.desks[:2]
        for desk in there:
            row = desk.workspace.store.message(bytes.fromhex(mid))
            assert row is not None, "an acknowledged message is lost"
            # A device that stops before it has signed for what it holds tells its neighbours
            # later, by being equal, and nobody else: only the author, who is one, counts all.
            if row.mine:
                assert desk.views.reached(row) == (len(there) - 1, len(there) - 1)
    assert cid.workspace.store.logs(storm.plans) == []
