"""Erasure: who may make a ciphertext disappear, what then still verifies, and what a liar gains."""

import json
import random
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from crdt import entry as entries
from crdt import ops
from crdt.entry import NO_ENTRY, Entry, LogId, Position, Run, from_run, to_run
from crdt.erasure import OPEN_EPOCH, Erasure, open_key, open_op, statement
from crdt.errors import Invalid
from crdt.ingest import Append, Bare, judge
from crdt.keys import digest
from crdt.ops import PART_STATE
from crdt.sync_messages import Entries, Hello, Want, decode, encode
from crdt.sync_ports import Effect, Misbehaved
from tests.crdt.fake_roster import FakeRoster
from tests.crdt.memory_network import Net, Wire
from tests.crdt.memory_replica import (
    WORKSPACE,
    MemoryStore,
    Replica,
    channel_id,
    same,
    workspace_of,
)

GENERAL = channel_id("general")
REPLACE = msgspec.structs.replace
SALT = bytes(range(16))
ROOT = Path(__file__).parents[2]
VECTORS: dict[str, Any] = json.loads((ROOT / "tests/vectors/erasure.json").read_text("utf-8"))
PAGE = (ROOT / "docs/protocol/erasure.md").read_text("utf-8")


def open_entry(author: Replica, payload: bytes) -> Entry:
    """The next entry of an author's state log under the open epoch, not stored."""
    log = author.log(GENERAL, PART_STATE)
    state = author.store.log_state(log)
    position = Position(0, NO_ENTRY, b"")
    if state is not None:
        position = Position(state.head + 1, state.head_id, state.head_roster)
    author.hlc += 1
    return entries.write(
        WORKSPACE,
        log,
        position,
        payload,
        hlc=author.hlc,
        heads=tuple(author.roster.heads),
        epoch=OPEN_EPOCH,
        channel_key=open_key(WORKSPACE, GENERAL),
        sign_seed=author.keys.sign_seed,
        nonce=digest(b"x1.test", log.device, position.prev)[:24],
    )


def place(author: Replica, seq: int) -> ops.Place:
    return ops.Place(author.device, author.incarnation, seq)


def erase(author: Replica, *seqs: int, of: Replica | None = None) -> list[Effect]:
    """An author states that entries are erased, and erases them, as a node does."""
    places = [place(of or author, seq) for seq in seqs]
    entry = open_entry(author, ops.encode(ops.Erase(SALT, places[0], tuple(places[1:]))))
    arrival = author.store.append([entry])
    found = statement(WORKSPACE, entry, author.roster)
    assert found is not None
    author.store.add_erasure(arrival, found)
    for log, seq in found.places:
        author.store.erase(log, seq)
    return author.machine.local([entry], 0)


def strip(author: Replica, *seqs: int, channel: bytes = GENERAL) -> None:
    """Lose ciphertexts without a word."""
    for seq in seqs:
        author.store.erase(author.log(channel), seq)


def bare(replica: Replica) -> list[tuple[LogId, int]]:
    return [(e.log, e.seq) for e in replica.store.arrivals if e.ciphertext is None]


def run_of(author: Replica, first: int, last: int) -> Run:
    held = author.store.entries(author.log(GENERAL), first, last)
    return to_run(held, () if held[0].heads else tuple(author.roster.heads))


def ends(net: Net) -> list[Effect]:
    return [effect for _, effect in net.log if isinstance(effect, Misbehaved)]


# The statement ----------------------------------------------------------------------------------


def test_a_statement_is_these_bytes() -> None:
    made = VECTORS["statement"]
    author = VECTORS["author"]
    run = entries.decode_run(bytes.fromhex(made["run"]))
    (entry,) = from_run(bytes.fromhex(VECTORS["workspace"]), run)
    assert entry.id.hex() == made["id"]
    assert entry.epoch == OPEN_EPOCH
    assert entry.log.device.hex() == author
    workspace = bytes.fromhex(VECTORS["workspace"])
    assert open_key(workspace, entry.log.channel).hex() == VECTORS["open_key"]
    payload = entries.open_payload(workspace, entry, open_key(workspace, entry.log.channel))
    assert payload.hex() == made["payload"]
    op = open_op(workspace, entry)
    assert ops.encode(op) == payload
    assert op.salt.hex() == made["salt"]
    assert op.post is not None
    assert [op.post.seq, *(each.seq for each in op.others)] == made["seqs"]


def test_a_log_with_erased_entries_has_the_same_ids() -> None:
    whole = entries.decode_run(bytes.fromhex(VECTORS["log"]["run"]))
    erased = entries.decode_run(bytes.fromhex(VECTORS["log"]["erased_run"]))
    workspace = bytes.fromhex(VECTORS["workspace"])
    assert sum(item.ciphertext is None for item in erased.items) == 2
    ids = [entry.id.hex() for entry in from_run(workspace, whole)]
    assert ids == [entry.id.hex() for entry in from_run(workspace, erased)] == VECTORS["log"]["ids"]
    assert entries.check_signatures(from_run(workspace, erased)) == len(ids)


def test_only_the_authors_own_places_are_named() -> None:
    ana, ben = workspace_of("ana", "ben")
    said = ops.Erase(SALT, place(ben, 3), (place(ana, 4), place(ben, 5)))
    entry = open_entry(ana, ops.encode(said))
    assert statement(WORKSPACE, entry, ana.roster) == Erasure(SALT, None, ((ana.log(GENERAL), 4),))
    roster = ana.roster
    assert isinstance(roster, FakeRoster)
    roster.members = {ana.device: b"one", ben.device: b"one"}
    found = statement(WORKSPACE, entry, roster)
    assert found is not None
    assert [seq for _, seq in found.places] == [3, 4, 5]


@given(
    st.one_of(st.binary(max_size=200), st.builds(ops.encode, st.builds(ops.Delete, st.just(SALT))))
)
def test_any_bytes_under_the_open_epoch_are_a_statement_or_none(payload: bytes) -> None:
    (ana,) = workspace_of("ana")
    entry = open_entry(ana, payload or b"\0")
    assert statement(WORKSPACE, entry, ana.roster) is None


@given(st.binary(max_size=120), st.integers(0, 3))
def test_the_decoder_gives_an_operation_or_one_error(tail: bytes, places: int) -> None:
    body = bytes([0x94, 20]) + tail + bytes(places * 40)
    size = ops.padded_size(len(body) + 2)
    payload = len(body).to_bytes(2, "big") + body + bytes(size - len(body) - 2)
    try:
        op = ops.decode(payload, PART_STATE)
    except Invalid:
        return
    assert isinstance(op, ops.Erase)
    assert ops.decode(ops.encode(op), PART_STATE) == op


# Judging ----------------------------------------------------------------------------------------


@given(
    erased=st.sets(st.integers(0, 149)),
    named=st.sets(st.integers(0, 149)),
    held=st.none() | st.tuples(st.integers(0, 149), st.integers(1, 50)),
)
def test_nothing_is_taken_without_its_ciphertext_unless_it_is_named(
    erased: set[int], named: set[int], held: tuple[int, int] | None
) -> None:
    ana, _ = workspace_of("ana", "ben")
    ana.write(GENERAL, count=150)
    store = MemoryStore(b"readers!")
    log = ana.log(GENERAL)
    have: set[int] = set()
    if held is not None:
        low, head = held[0], min(149, held[0] + held[1])
        store.append(ana.store.entries(log, low, head))
        have = set(range(low, head + 1))
    ids = [entry.id for entry in ana.store.entries(log, 0, 149)]
    strip(ana, *erased)

    def entry_at(seq: int) -> Entry | None:
        return next(iter(store.entries(log, seq, seq)), None)

    def erased_in(first: int, last: int) -> set[int]:
        return {seq for seq in named if first <= seq <= last}

    state = store.log_state(log)
    verdict = judge(WORKSPACE, run_of(ana, 0, 149), state, entry_at, ana.roster, erased_in)
    if erased - have <= named:
        if have == set(range(150)):
            return
        if isinstance(verdict, Append):
            taken = [*verdict.below, *verdict.entries]
        else:
            assert not isinstance(verdict, Bare)
            taken = list(getattr(verdict, "entries", ()))
        assert {entry.seq for entry in taken} == set(range(150)) - have
        assert all(entry.id == ids[entry.seq] for entry in taken)
    else:
        assert isinstance(verdict, Bare)


# Replication ------------------------------------------------------------------------------------


def test_statements_and_erased_logs_replicate_to_whoever_comes_later() -> None:
    ana, ben, cem = workspace_of("ana", "ben", "cem")
    net = Net()
    ana.write(GENERAL, count=300)
    net.connect(ana, ben)
    net.run()
    net.run_effects(ana, erase(ana, 5, 70, 299))
    net.run()
    assert ben.store.named(ana.log(GENERAL), 0, 299) == [5, 70, 299]
    net.cut(net.wires[1])
    net.connect(cem, ana)
    net.run()
    assert same(ana, ben, cem)
    assert [seq for _, seq in bare(cem)]
    assert not ends(net)
    assert sorted(seq for _, seq in bare(cem)) == [5, 70, 299]
    assert cem.machine.behind() == 0


def test_a_page_that_comes_before_the_statement_is_asked_for_again() -> None:
    ana, cem = workspace_of("ana", "cem")
    ana.write(GENERAL, count=400)
    erase(ana, 390, 120)
    net = Net()
    cem.machine.open_channel(GENERAL, net.now)
    net.connect(cem, ana)
    net.run()
    assert same(ana, cem)
    assert cem.machine.behind() == 0
    assert cem.machine.in_sync(1)


def test_who_serves_as_erased_what_nobody_erased_costs_nobody_a_message() -> None:
    ana, liar, ben, cem = workspace_of("ana", "liar", "ben", "cem")
    ana.write(GENERAL, count=200)
    net = Net()
    net.connect(ana, liar)
    net.connect(ana, ben)
    net.run()
    for seq in (3, 150):
        liar.store.erase(ana.log(GENERAL), seq)
    net.cut(net.wires[1])
    net.connect(cem, liar)
    net.run()
    assert bare(cem) == []
    (held,) = cem.store.logs()
    assert held.low > 150, "it has what the liar gave whole, and knows that there is more"
    net.connect(cem, ben)
    net.run()
    assert same(ana, ben, cem)
    assert bare(cem) == []
    assert cem.machine.behind() == 0
    assert not ends(net)


def test_a_statement_and_what_it_names_may_come_in_one_message() -> None:
    ana, cem = workspace_of("ana", "cem")
    net = Net()
    ana.write(GENERAL, count=5)
    net.cut(_settled(net, ana, cem))
    ana.write(GENERAL, count=3)
    erase(ana, 6)
    wire = _settled(net, ana, cem)
    assert same(ana, cem)
    assert [seq for _, seq in bare(cem)] == [6]
    said = [decode(payload) for name, _, payload in wire.sent if name == "cem"]
    assert not [message for message in said if isinstance(message, Want)], "nothing was asked for"


def test_what_came_before_its_statement_is_asked_for_again_when_that_is_here() -> None:
    ana, cem = workspace_of("ana", "cem")
    net = Net()
    ana.write(GENERAL, count=5)
    net.cut(_settled(net, ana, cem))
    ana.write(GENERAL, count=3)
    erase(ana, 6)

    def one_by_one(wire: Wire, sender: Replica, payload: bytes) -> list[bytes]:
        said = decode(payload)
        if not isinstance(said, Entries) or len(said.runs) < 2:
            return [payload]
        runs = sorted(said.runs, key=lambda run: run.part)
        return [encode(REPLACE(said, runs=(run,), mark=None)) for run in runs]

    net.corrupt = one_by_one
    wire = _settled(net, ana, cem)
    said = [decode(payload) for name, _, payload in wire.sent if name == "cem"]
    assert [message for message in said if isinstance(message, Want)]
    assert same(ana, cem)
    assert [seq for _, seq in bare(cem)] == [6]
    assert cem.machine.in_sync(wire.number)


def test_a_liar_is_not_asked_for_ever() -> None:
    ana, liar, cem = workspace_of("ana", "liar", "cem")
    net = Net()
    ana.write(GENERAL, count=3_000)
    _settled(net, ana, liar)
    strip_at(liar, ana, 20)
    wire = net.connect(liar, cem)
    while not cem.store.logs():
        net.run(1)
    net.cut(wire)
    (held,) = cem.store.logs()
    assert held.low > 2_000, "most of it is missing"
    net.write(ana, GENERAL, count=100)
    net.run()
    strip_at(liar, ana, 3_050)
    wire = _settled(net, liar, cem)
    said = [decode(payload) for name, _, payload in wire.sent if name == "cem"]
    assert len([message for message in said if isinstance(message, Want)]) < 40
    assert bare(cem) == []
    behind = cem.machine.behind()
    assert behind is not None
    assert behind > 0, "what the liar keeps back is known to be missing"
    net.connect(cem, ana)
    net.run()
    assert same(ana, cem)


def strip_at(liar: Replica, author: Replica, seq: int) -> None:
    liar.store.erase(author.log(GENERAL), seq)


def _settled(net: Net, left: Replica, right: Replica) -> Wire:
    wire = net.connect(left, right)
    net.run()
    return wire


def test_nobody_erases_what_another_wrote() -> None:
    ana, mal, cem = workspace_of("ana", "mal", "cem")
    ana.write(GENERAL, count=80)
    net = Net()
    net.connect(ana, mal)
    net.run()
    forged = open_entry(mal, ops.encode(ops.Erase(SALT, place(ana, 9), ())))
    mal.store.append([forged])
    mal.store.erase(ana.log(GENERAL), 9)
    net.connect(mal, cem)
    net.run()
    assert cem.store.named(ana.log(GENERAL), 0, 79) == []
    assert bare(cem) == []


def test_an_older_build_keeps_its_links_and_all_other_logs() -> None:
    ana, old = workspace_of("ana", "old")
    ana.write(GENERAL, count=10)
    net = Net()

    def forget_flag(wire: Wire, sender: Replica, payload: bytes) -> list[bytes]:
        said = decode(payload)
        if sender is old and isinstance(said, Hello):
            payload = encode(REPLACE(said, flags=said.flags & 3))
        return [payload]

    net.corrupt = forget_flag
    wire = net.connect(ana, old)
    net.run()
    net.cut(wire)
    ana.write(GENERAL, count=20)
    erase(ana, 15)
    wire = net.connect(ana, old)
    net.run(120_000)
    for number in range(60):
        net.write(ana, channel_id(f"other {number % 3}"), count=1)
        net.write(ana, GENERAL, count=1)
        net.run(500)
    net.run()
    assert wire.up
    assert not ends(net)
    sent = [decode(payload) for name, _, payload in wire.sent if name == "ana"]
    runs = [run for said in sent if isinstance(said, Entries) for run in said.runs]
    assert not [item for run in runs for item in run.items if item.ciphertext is None]
    assert old.store.log_state(ana.log(channel_id("other 0"))) is not None
    assert [state.head for state in old.store.logs(GENERAL)] != []


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["write", "erase", "link", "cut", "wait", "restart"]),
        st.integers(0, 2),
        st.integers(0, 60),
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(ACTS, st.integers(0, 1_000), st.integers(1, 300))
def test_any_order_of_entries_and_erasures_ends_in_the_same(
    acts: list[tuple[str, int, int]], seed: int, slow: int
) -> None:
    replicas = workspace_of("ana", "ben", "cem")
    net = Net(seed, (1, slow))
    net.join(*replicas)
    chance = random.Random(seed)
    for kind, who, amount in acts:
        replica = replicas[who]
        log = replica.log(GENERAL)
        state = replica.store.log_state(log)
        if kind == "write":
            net.write(replica, GENERAL, count=amount + 1)
        elif kind == "erase" and state is not None:
            net.run_effects(replica, erase(replica, chance.randint(0, state.head)))
        elif kind == "link":
            net.connect(replica, replicas[(who + 1) % 3])
        elif kind == "cut" and net.wires:
            net.cut(chance.choice(list(net.wires.values())))
        elif kind == "wait":
            net.run(amount * 20)
        elif kind == "restart":
            for wire in net.wires.values():
                if replica in wire.ends:
                    net.cut(wire)
            net.wake.pop(replica.name, None)
            replica.restart()
    for wire in net.wires.values():
        net.cut(wire)
    for number in range(3):
        net.connect(replicas[number], replicas[(number + 1) % 3])
    net.run(90_000)
    assert same(*replicas)
    named = [replica.store.erasures for replica in replicas]
    assert named[0] == named[1] == named[2]
    for replica in replicas:
        assert set(bare(replica)) <= named[0], "erased without a statement"
        assert replica.machine.behind() == 0
    assert not ends(net)
