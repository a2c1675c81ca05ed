"""Proofs of forks: their bytes, where branches part, and what all replicas agree on."""

import json
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crdt import forks, limits, sync_forks
from crdt.entry import LogId, from_run, to_run
from crdt.errors import Invalid, TooNew
from crdt.forks import Branch, Proof
from crdt.sync_messages import ForkPoints, Forks, ForksWant, Want, decode, encode
from crdt.sync_ports import ForkProven, Misbehaved
from tests.crdt.fake_roster import FakeRoster
from tests.crdt.memory_network import Net, Wire
from tests.crdt.memory_replica import WORKSPACE, MemoryStore, Replica, channel_id, workspace_of

GENERAL = channel_id("general")
REPLACE = msgspec.structs.replace
VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "vectors" / "forks.json").read_text()
)
IDS = {"ids": lambda vector: vector["about"]}


def raw(text: str) -> bytes:
    return bytes.fromhex(text)


def twin_of(author: Replica, name: str) -> Replica:
    """A second machine that goes on in the author's logs."""
    assert isinstance(author.roster, FakeRoster)
    twin = Replica(name, author.roster.read_again())
    twin.keys, twin.device, twin.incarnation = author.keys, author.device, author.incarnation
    for state in author.store.logs():
        twin.store.append(author.store.entries(state.log, 0, state.head))
    twin.store.sets.update(author.store.sets)
    twin.hlc = author.hlc + 1_000  # Another time, so that no entry is the same.
    twin.restart()
    return twin


def ended(*replicas: Replica) -> list[str]:
    return [e.reason for r in replicas for e in r.effects if isinstance(e, Misbehaved)]


def meet(net: Net, left: Replica, right: Replica) -> Wire:
    wire = net.connect(left, right)
    net.run()
    net.cut(wire)
    return wire


# Bytes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", VECTORS["proofs"], **IDS)
def test_proofs_are_as_documented(vector: dict[str, Any]) -> None:
    wire, workspace = raw(vector["proof"]), raw(VECTORS["workspace"])
    log = LogId(
        raw(VECTORS["channel"]),
        VECTORS["part"],
        raw(VECTORS["device"]),
        raw(VECTORS["incarnation"]),
    )
    proof = forks.check(workspace, wire)
    assert (proof.log, proof.seq, proof.exact) == (log, vector["seq"], vector["exact"])
    assert proof.wire == wire
    assert forks.place(wire) == (log, vector["seq"])
    assert forks.prove_again(workspace, proof.first, proof.second) == proof
    with pytest.raises(Invalid):
        forks.check(bytes(32), wire)


@pytest.mark.parametrize("vector", VECTORS["refused"], **IDS)
def test_what_proves_nothing_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as caught:
        forks.check(raw(VECTORS["workspace"]), raw(vector["proof"]))
    assert not isinstance(caught.value, TooNew)


@pytest.mark.parametrize("vector", VECTORS["newer"], **IDS)
def test_a_later_version_is_told_apart(vector: dict[str, Any]) -> None:
    with pytest.raises(TooNew):
        forks.check(raw(VECTORS["workspace"]), raw(vector["proof"]))


@pytest.mark.parametrize("vector", VECTORS["void_from"], ids=str)
def test_a_removal_stands_above_a_proof(vector: dict[str, Any]) -> None:
    assert forks.void_from(vector["proven"], vector["pinned"]) == vector["void_from"]


GENUINE = [raw(vector["proof"]) for vector in VECTORS["proofs"]]


@given(st.binary(max_size=300))
def test_any_bytes_are_a_proof_or_invalid(wire: bytes) -> None:
    with pytest.raises(Invalid):
        forks.check(WORKSPACE, wire)


@given(st.sampled_from(GENUINE), st.data())
def test_any_edit_of_a_proof_is_refused_or_the_same_proof(wire: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(wire)))
    until = data.draw(st.integers(at, min(len(wire), at + 8)))
    edited = wire[:at] + data.draw(st.binary(max_size=8)) + wire[until:]
    workspace = raw(VECTORS["workspace"])
    try:
        found = forks.check(workspace, edited)
    except Invalid:
        return
    # Signatures cover all but how numbers are written, and heads that nobody needs.
    honest = forks.check(workspace, wire)
    assert (found.log, found.seq, found.exact) == (honest.log, honest.seq, honest.exact)


def test_the_longest_proof_fits_its_bound() -> None:
    ana, _ = workspace_of("ana", "ben")
    roster = ana.roster
    assert isinstance(roster, FakeRoster)
    for number in range(8):  # Every entry lists the most heads there may be.
        side = FakeRoster()
        side.admit(bytes((number,)) * 32)
        for op in side.missing_from(()):
            roster.add(side.wire(op))
    assert len(roster.heads) == limits.ROSTER_PARENTS_MAX + 1
    heads = tuple(roster.heads)[: limits.ROSTER_PARENTS_MAX]
    ana.write(GENERAL, "a", count=limits.ANCHOR_EVERY)
    log = ana.log(GENERAL)
    entries = ana.store.entries(log, 0, limits.ANCHOR_EVERY - 1)
    bare = to_run([REPLACE(entry, ciphertext=None) for entry in entries], heads)
    item = REPLACE(bare.items[0], heads=heads, roster=bytes(32), epoch=bytes(32), hlc=2**63 - 1)
    item = REPLACE(item, erased=(bytes(32), 2**15), signature=b"")
    run = REPLACE(bare, items=(item,) * 63 + (REPLACE(item, signature=bytes(64)),))
    size = len(msgspec.msgpack.encode(run))
    assert 2 * size + 2 <= limits.FORK_PROOF_MAX_BYTES < 3 * size


# Finding ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fork", "one", "other"), [(37, 1_500, 1_200), (0, 300, 1), (63, 1, 700)])
def test_the_place_where_branches_part_is_found_in_a_few_steps(
    fork: int, one: int, other: int
) -> None:
    ana, ben, cem = workspace_of("ana", "ben", "cem")
    net = Net()
    if fork:
        net.write(ana, GENERAL, "before", fork)
    twin = twin_of(ana, "twin")
    net.write(ana, GENERAL, "one story", one)
    net.write(twin, GENERAL, "another story", other)
    meet(net, ana, ben)
    meet(net, twin, cem)
    wire = meet(net, ben, cem)
    log = ana.log(GENERAL)
    assert ben.store.points == cem.store.points == {log: fork}
    for replica in (ben, cem):
        assert forks.prove_again(WORKSPACE, *replica.store.forks[log]) is not None
    probes = [
        decode(payload)
        for name, _, payload in wire.sent
        if name == "ben" and isinstance(decode(payload), Want)
    ]
    assert len(probes) <= 12, "halving, not walking"
    again = meet(net, ben, cem)
    wants = [decode(p) for _, _, p in again.sent if isinstance(decode(p), Want)]
    assert len(wants) <= 2, "what is proven is looked at first"
    assert ended(ben, cem) == []


def test_a_newcomer_that_has_both_ends_finds_where_they_part_when_all_is_here() -> None:
    ana, ben, cem, dan = workspace_of("ana", "ben", "cem", "dan")
    net = Net()
    net.write(ana, GENERAL, "before", 10)
    twin = twin_of(ana, "twin")
    net.write(ana, GENERAL, "one story", 900)
    net.write(twin, GENERAL, "another story", 900)
    meet(net, ana, ben)
    meet(net, twin, cem)
    cem.machine._forks._step = lambda link, log: None  # type: ignore[method-assign]
    log, wire = ana.log(GENERAL), net.connect(ben, dan)
    for _ in range(200):
        if log not in dan.store.states:
            net.step(net.now + 1_000)
    net.cut(wire)
    low = dan.store.states[log].low
    assert low > 10, "it has the newest page, and some more"
    net.connect(cem, dan)
    net.run()
    assert dan.store.points == {log: low}, "further down it sees nothing"
    net.connect(ben, dan)
    net.run()
    assert dan.store.points == {log: 10}
    assert ended(ben, cem, dan) == []


def test_a_peer_that_contradicts_itself_is_not_asked_for_ever() -> None:
    ana, ben, mal = workspace_of("ana", "ben", "mal")
    net = Net()
    net.write(ana, GENERAL, "before", 700)
    twin = twin_of(ana, "twin")
    net.write(ana, GENERAL, "one story", 300)
    net.write(twin, GENERAL, "another story", 400)
    meet(net, ana, ben)
    meet(net, twin, mal)
    honest = mal.store.entries
    source = random.Random(1)
    log = ana.log(GENERAL)

    def lying(asked: LogId, first: int, last: int) -> Any:
        """Now one branch, now the other."""
        store = source.choice((honest, ana.store.entries))
        return store(asked, first, last)

    mal.store.entries = lying  # type: ignore[method-assign]
    wire = net.connect(ben, mal)
    net.run(60_000)
    wants = [decode(p) for name, _, p in wire.sent if name == "ben" and _is(p, Want)]
    assert len(wants) < 2 * sync_forks._STEPS_MAX
    assert all(seq >= 700 for seq in ben.store.points.values())
    assert ben.store.log_state(log) is not None


def _is(payload: bytes, kind: type) -> bool:
    return isinstance(decode(payload), kind)


# Telling ----------------------------------------------------------------------------------------


def proven(net: Net, ana: Replica, *replicas: Replica) -> None:
    """The replicas come to know a fork of one of Ana's logs, one by one."""
    net.write(ana, GENERAL, "before", 3)
    twin = twin_of(ana, "twin")
    net.write(ana, GENERAL, "one story", 2)
    net.write(twin, GENERAL, "another story", 2)
    for replica in replicas:
        meet(net, ana, replica)
        meet(net, twin, replica)


def test_a_proof_reaches_who_never_saw_a_branch_and_is_told_once() -> None:
    ana, ben, cem, dan = workspace_of("ana", "ben", "cem", "dan")
    net = Net()
    one, two = net.connect(cem, dan), net.connect(ben, cem)
    proven(net, ana, ben)
    net.run()
    log = ana.log(GENERAL)
    assert [replica.store.points for replica in (cem, dan)] == [{log: 3}] * 2
    assert [e for e in dan.effects if isinstance(e, ForkProven)] == [ForkProven(log, 3)]
    for wire in (one, two):
        sent = [(name, type(decode(p))) for name, _, p in wire.sent]
        for kind in (ForkPoints, ForksWant, Forks):
            assert len([name for name, each in sent if each is kind]) == 1
    net.run(limits.ANTI_ENTROPY_MS)
    assert len([p for _, _, p in one.sent if _is(p, Forks)]) == 1


def test_a_proof_waits_for_the_roster_that_names_the_device() -> None:
    ben, cem = workspace_of("ben", "cem")
    net = Net()
    wire = net.connect(ben, cem)
    net.run()
    assert isinstance(ben.roster, FakeRoster)
    ana = Replica("ana", ben.roster.read_again())
    op = ben.roster.admit(ana.device)
    ana.roster.add(ben.roster.wire(op))
    ana.restart()
    log = ana.log(GENERAL)
    ana.write(GENERAL, "before", count=3)
    twin = twin_of(ana, "twin")
    ana.write(GENERAL, "one story")
    twin.write(GENERAL, "another story")
    heads = tuple(ana.roster.heads)
    one, other = (Branch(each.store.entries(log, 3, 3), heads) for each in (ana, twin))
    proof = forks.prove(WORKSPACE, one, other)
    assert proof is not None
    ben.store.add_fork(log, 3, proof.first, proof.second)
    net.run_effects(ben, ben.machine.tick(net.now))
    net.run()
    assert [p for name, _, p in wire.sent if name == "ben" and _is(p, ForkPoints)]
    assert not [p for name, _, p in wire.sent if name == "cem" and _is(p, ForksWant)]
    net.run_effects(ben, ben.machine.roster_changed([op], net.now))
    net.run()
    assert cem.store.points == {log: 3}


def test_what_is_not_for_both_is_not_told_and_not_taken() -> None:
    ana, ben, cem = workspace_of("ana", "ben", "cem")
    net = Net()
    proven(net, ana, ben)
    ben.visible = lambda channel, device: device != cem.device
    wire = meet(net, ben, cem)
    assert cem.store.points == {}
    assert not [p for _, _, p in wire.sent if _is(p, ForkPoints)]
    cem.visible = lambda channel, device: device != ben.device
    ben.visible = lambda channel, device: True
    meet(net, ben, cem)
    assert cem.store.points == {}
    cem.visible = lambda channel, device: True
    meet(net, ben, cem)
    assert cem.store.points == {ana.log(GENERAL): 3}


def test_of_one_device_so_many_proofs_are_kept_and_others_still_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "FORKS_PER_DEVICE_MAX", 2)
    ana, ben, cem = workspace_of("ana", "ben", "cem")
    net = Net()
    for number in range(4):
        net.write(ana, channel_id(str(number)), "before")
    twin = twin_of(ana, "twin")
    for number in range(4):
        net.write(ana, channel_id(str(number)), "one story")
        net.write(twin, channel_id(str(number)), "another story")
    meet(net, ana, ben)
    meet(net, twin, ben)
    meet(net, ben, cem)
    assert len(cem.store.points) == 2
    proven(net, ben, cem)
    assert ben.log(GENERAL) in cem.store.points


def test_a_lie_about_a_fork_costs_the_link() -> None:
    ana, ben = workspace_of("ana", "ben")
    net = Net()
    net.write(ana, GENERAL, "hello", 2)
    wire = net.connect(ana, ben)
    net.run()
    bad = raw(VECTORS["refused"][-1]["proof"])
    run = forks._decode(bad).first
    run = REPLACE(run, device=ana.device)
    lie = forks.join(msgspec.msgpack.encode(run), msgspec.msgpack.encode(run))
    net.run_effects(ben, ben.machine.receive(wire.number, _message(lie), net.now))
    assert len(ended(ben)) == 1
    assert ben.store.points == {}


def _message(*proofs: bytes) -> bytes:
    return encode(Forks(proofs))


# Agreeing ---------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 150), st.integers(1, 90)), min_size=2, max_size=3),
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=2, max_size=9),
    st.integers(0, 5),
)
def test_in_any_order_all_agree_on_the_lowest_fork_and_on_what_is_below(
    branches: list[tuple[int, int]], visits: list[tuple[int, int]], seed: int
) -> None:
    """Up to three copies of one device part from its log anywhere, and talk to replicas in any
    order. In the end all know the lowest place at which any two branches that somebody honest
    holds differ, and hold the same below it."""
    ana, *honest = workspace_of("ana", "ben", "cem", "dan")
    net = Net(seed)
    net.write(ana, GENERAL, "before", 150)
    log = ana.log(GENERAL)
    liars = [ana]
    for number, (fork, length) in enumerate(branches):
        liar = twin_of(ana, f"liar {number}")
        liar.store.arrivals, liar.store.held, liar.store.states = [], {}, {}
        liar.store.prints, liar.store.last_arrival = {}, {}
        if fork:
            liar.store.append(ana.store.entries(log, 0, fork - 1))
        liar.hlc += number * 10_000
        net.write(liar, GENERAL, f"story {number}", length)
        liars.append(liar)
    for who, what in visits:
        if what < len(liars):
            meet(net, liars[what], honest[who])
        else:
            meet(net, honest[who], honest[(who + 1) % 3])
    for _ in range(2):
        wires = [net.connect(honest[a], honest[b]) for a, b in ((0, 1), (1, 2), (0, 2))]
        net.run()
        for wire in wires:
            net.cut(wire)
    assert ended(*honest) == []
    held = [replica.store.contents().get(log, []) for replica in honest]
    parts = [_parts(one, other) for one in held for other in held]
    points = [replica.store.points.get(log) for replica in honest]
    assert points[0] == points[1] == points[2]
    if points[0] is None:
        assert held[0] == held[1] == held[2]
    else:
        assert min(fork for fork, _ in branches) <= points[0] <= min(parts)
        assert held[0][: points[0]] == held[1][: points[0]] == held[2][: points[0]]


def _parts(one: list[bytes], other: list[bytes]) -> int:
    """The first place at which two branches have another entry."""
    for place, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return place
    return limits.SEQ_MAX


PROOFS = [
    Proof(LogId(GENERAL, 1, bytes((device,)) * 32, bytes(8)), seq, True, b"", b"")
    for device in range(3)
    for seq in (9, 4, 1, 7)
]


@given(st.permutations(PROOFS * 2), st.integers(1, 24))
def test_the_order_of_proofs_does_not_matter(proofs: list[Proof], size: int) -> None:
    store = MemoryStore(b"proofs!!")
    for proof in proofs[:size]:
        store.add_fork(proof.log, proof.seq, proof.first, proof.second)
    for proof in proofs:
        store.add_fork(proof.log, proof.seq, proof.first, proof.second)
    assert store.points == {proof.log: 1 for proof in PROOFS}


def test_two_branches_prove_the_same_whichever_comes_first() -> None:
    ana, _ = workspace_of("ana", "ben")
    ana.write(GENERAL, "before", count=2)
    twin = twin_of(ana, "twin")
    ana.write(GENERAL, "one story", count=3)
    twin.write(GENERAL, "another story", count=3)
    log = ana.log(GENERAL)
    one, other = (
        Branch(each.store.entries(log, 2, 4), tuple(each.roster.heads)) for each in (ana, twin)
    )
    proof = forks.prove(WORKSPACE, one, other)
    assert proof is not None
    assert forks.prove(WORKSPACE, other, one) == proof
    assert (proof.seq, proof.exact) == (2, True)
    assert len(from_run(WORKSPACE, forks._decode(proof.wire).first)) == 1, "up to a signature"
    with pytest.raises(Invalid):
        forks.prove(WORKSPACE, one, one)
    unsigned = [REPLACE(entry, signature=b"") for entry in one.entries]
    assert forks.prove(WORKSPACE, Branch(unsigned, one.heads), other) is None
