"""Stories of strangers, liars, private channels, copies and forks."""

import msgspec
import pytest

from crdt import keys, limits
from crdt.entry import decode_run, from_run, to_run
from crdt.errors import Invalid
from crdt.sync_messages import (
    Claim,
    Entries,
    Fingerprints,
    Hello,
    Range,
    Receipt,
    RosterOps,
    Seals,
    SealsWant,
    Touched,
    Want,
    decode,
    encode,
)
from crdt.sync_ports import ClaimArrived, Misbehaved, SealsArrived
from crdt.sync_receipt_body import ReceiptBody, receipt_digest
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
SECRET = channel_id("secret")
REPLACE = msgspec.structs.replace


def ended(replica: Replica) -> list[str]:
    return [effect.reason for effect in replica.effects if isinstance(effect, Misbehaved)]


def kinds(wire: Wire, name: str) -> list[str]:
    return [type(decode(payload)).__name__ for sender, _, payload in wire.sent if sender == name]


def twin_of(author: Replica, name: str) -> Replica:
    """A copy of an author's device and log, with a store of its own name."""
    twin = Replica(author.name, FakeRoster(), store=MemoryStore(name.encode().ljust(8)[:8]))
    twin.name = name
    for op_id in author.roster.missing_from(()):
        twin.roster.add(author.roster.wire(op_id))
    for state in author.store.logs():
        twin.store.append(author.store.entries(state.log, 0, state.head))
    twin.store.sets.update(author.store.sets)
    twin.hlc = author.hlc
    twin.restart()
    return twin


@pytest.mark.parametrize("lengths", [(1, 1), (1, 5), (5, 1), (70, 130)])
def test_both_branches_of_a_fork_are_kept_as_evidence_and_peers_come_to_rest(
    lengths: tuple[int, int],
) -> None:
    ana, ben, cem = workspace_of("ana", "ben", "cem")
    net = Net()
    net.write(ana, GENERAL, "before", 100)
    twin = twin_of(ana, "twin")
    net.write(ana, GENERAL, "one story", lengths[0])
    net.write(twin, GENERAL, "another story", lengths[1])
    first, second = net.connect(ana, ben), net.connect(twin, cem)
    net.run()
    net.cut(first)
    net.cut(second)
    wire = net.connect(ben, cem)
    net.run()
    assert not ended(ben)
    assert not ended(cem)
    log = ana.log(GENERAL)
    state = ben.store.log_state(log)
    assert state is not None
    assert state.head == 99 + lengths[0], "what was held first stays"
    for replica in (ben, cem):
        assert replica.machine.in_sync(wire.number)
        assert len(replica.store.forks) == 1
        [(_, seq)] = replica.store.points.items()
        assert seq == 100, "where they part"
        [branches] = replica.store.forks.values()
        proofs = [from_run(WORKSPACE, decode_run(branch)) for branch in branches]
        assert [proof[0].seq for proof in proofs] == [seq, seq]
        assert proofs[0][0].id != proofs[1][0].id
        for proof in proofs:
            keys.verify(log.device, keys.SIGN_ENTRY, proof[-1].id, proof[-1].signature)

    quiet = len(wire.sent)
    net.run(limits.ANTI_ENTROPY_MS // 5)
    assert len(wire.sent) == quiet, "a fork is no reason to go on talking"
    net.write(cem, GENERAL, "life goes on")
    net.run()
    assert ben.store.log_state(cem.log(GENERAL)) is not None


def test_a_log_adopted_after_a_restore_is_continued_not_forked() -> None:
    ana, ben = workspace_of("ana", "ben")
    net = Net()
    net.write(ana, GENERAL, "before", 10)
    restored = twin_of(ana, "restored")
    net.write(ana, GENERAL, "after the backup", 10)
    wire = net.connect(ana, ben)
    net.run()
    net.cut(wire)
    net.connect(restored, ben)
    net.run()
    assert same(restored, ben)


def test_a_restored_store_has_a_new_name_and_is_compared_from_scratch() -> None:
    ana, ben = workspace_of("ana", "ben")
    net = Net()
    for number in range(limits.LISTED_AT_ONCE_LOGS + 10):
        net.write(ana, channel_id(str(number)), "hello")
    wire = net.connect(ana, ben)
    net.run()
    net.cut(wire)
    net.write(ben, GENERAL, "meanwhile", 3)
    old = ben.store
    ben.store = MemoryStore(b"restored")
    for state in list(old.logs())[:-20]:
        ben.store.append(old.entries(state.log, 0, state.head))
    ben.store.sets.update(old.sets)
    ben.store.cursors.update(old.cursors)
    ben.restart()
    again = net.connect(ana, ben)
    net.run()
    assert same(ana, ben)
    assert "Fingerprints" in kinds(again, "ana")


def test_a_cursor_that_names_another_id_is_not_believed() -> None:
    ana, ben = workspace_of("ana", "ben")
    net = Net()
    net.write(ana, GENERAL, "hello", 10)
    wire = net.connect(ana, ben)
    net.run()
    net.cut(wire)
    old = ana.store
    ana.store = MemoryStore(old.replica_id)  # the same name by mistake, another order
    ana.store.sets.update(old.sets)
    net.run_effects(ana, ana.write(SECRET, "first now", count=12))
    ana.store.append(old.entries(ana.log(GENERAL), 0, 9))
    ana.restart()
    net.connect(ana, ben)
    net.run()
    assert same(ana, ben)


def test_two_links_to_copies_of_one_store_are_refused() -> None:
    ana, ben = workspace_of("ana", "ben")
    ben.store = MemoryStore(ana.store.replica_id)
    ben.restart()
    Net().connect(ana, ben)
    net = Net()
    net.connect(ana, ben)
    net.run()
    assert ended(ana) == ["works on a copy of this very store"]


def private(members: set[bytes]) -> object:
    def visible(channel: bytes, device: bytes) -> bool:
        return channel != SECRET or device in members

    return visible


def test_a_private_channel_stays_with_its_members_until_one_is_added() -> None:
    ana, ben, cem = workspace_of("ana", "ben", "cem")
    members = {ana.device, ben.device}
    for replica in (ana, ben, cem):
        replica.visible = lambda channel, device: channel != SECRET or device in members
    net = Net()
    net.write(ana, SECRET, "psst", 20)
    net.write(ana, GENERAL, "hello", 5)
    net.connect(ana, ben)
    wire = net.connect(ben, cem)
    net.run()
    net.write(ana, SECRET, "still between us")
    net.run()
    assert same(ana, ben)
    assert {log.channel for log in cem.store.states} == {GENERAL}
    assert ben.machine.in_sync(wire.number)
    assert not any(SECRET in payload for _, _, payload in wire.sent)

    members.add(cem.device)
    assert isinstance(ben.roster, FakeRoster)
    op_id = ben.roster.admit(cem.device, 101)
    net.run_effects(ben, ben.machine.roster_changed([op_id], net.now))
    net.run()
    assert same(ana, ben, cem)


def test_entries_of_a_channel_that_is_not_ours_are_not_stored() -> None:
    ana, ben = workspace_of("ana", "ben")
    ben.visible = lambda channel, device: channel != SECRET
    net = Net()
    net.write(ana, SECRET, "you should not have this", 3)
    net.connect(ana, ben)
    net.run()
    assert not ben.store.arrivals


def forge(net: Net, wire: Wire, sender: Replica, *messages: object) -> None:
    """Deliver messages that a changed program at `sender` made."""
    receiver = wire.other(sender)
    for message in messages:
        payload = message if isinstance(message, bytes) else encode(message)  # type: ignore[arg-type]
        net.run_effects(receiver, receiver.machine.receive(wire.number, payload, net.now))


def linked_pair() -> tuple[Net, Wire, Replica, Replica]:
    ana, ben = workspace_of("ana", "ben")
    net = Net()
    net.write(ana, GENERAL, "hello", 5)
    wire = net.connect(ana, ben)
    net.run()
    return net, wire, ana, ben


def test_a_bad_signature_costs_the_link_and_nothing_else() -> None:
    net, wire, ana, ben = linked_pair()
    net.corrupt = lambda wire, sender, payload: []
    net.write(ana, GENERAL, "genuine", 2)
    entries = ana.store.entries(ana.log(GENERAL), 5, 6)
    run = to_run(entries, ana.store.sets[entries[0].roster])
    items = (run.items[0], REPLACE(run.items[1], hlc=run.items[1].hlc + 1))
    before = ben.store.contents()
    forge(net, wire, ana, Entries((REPLACE(run, items=items),)))
    assert ended(ben) == ["signature does not verify"]
    assert ben.store.contents() == before
    net.corrupt = None
    net.connect(ana, ben)
    net.run()
    assert same(ana, ben)


def test_what_came_before_the_bad_run_of_a_message_stays() -> None:
    net, wire, ana, ben = linked_pair()
    net.corrupt = lambda wire, sender, payload: []
    net.write(ana, GENERAL, "genuine", 1)
    entries = ana.store.entries(ana.log(GENERAL), 5, 5)
    run = to_run(entries, ana.store.sets[entries[0].roster])
    forge(net, wire, ana, Entries((run, REPLACE(run, channel=SECRET))))
    assert len(ended(ben)) == 1
    state = ben.store.log_state(ana.log(GENERAL))
    assert state is not None
    assert state.head == 5


def test_what_is_no_message_costs_the_link() -> None:
    for payload in (b"", b"\xc1", b"\x91\x63", bytes(limits.SYNC_MESSAGE_MAX_BYTES + 1)):
        net, wire, ana, ben = linked_pair()
        forge(net, wire, ana, payload)
        expected = 0 if payload == b"\x91\x63" else 1
        assert len(ended(ben)) == expected, "an unknown kind is passed over, anything else is not"


def test_another_version_is_refused_with_a_sentence() -> None:
    net, wire, ana, ben = linked_pair()
    hello = decode(wire.sent[0][2])
    assert isinstance(hello, Hello)
    forge(net, wire, ana, REPLACE(hello, version=9))
    assert ended(ben) == ["speaks version 9 of replication, not 1"]


def test_a_flood_of_useless_entries_ends_the_link() -> None:
    net, wire, ana, ben = linked_pair()
    net.write(ana, GENERAL, "much " * 1_000, 6)
    net.run()
    entries = ana.store.entries(ana.log(GENERAL), 0, 10)
    push = Entries((to_run(entries, ()),))
    times = limits.WASTE_MAX_BYTES // len(encode(push)) + 1
    forge(net, wire, ana, *[push] * times)
    assert ended(ben) == ["too much that was not asked for and is of no use"]


def test_runs_that_wait_for_a_roster_are_bounded() -> None:
    net, wire, ana, ben = linked_pair()
    assert isinstance(ana.roster, FakeRoster)
    ana.roster.admit(Replica("dan").device)
    net.corrupt = lambda wire, sender, payload: []
    for number in range(300):
        net.write(ana, channel_id(str(number)), "x" * 7_000)
        entries = ana.store.entries(ana.log(channel_id(str(number))), 0, 0)
        forge(net, wire, ana, Entries((to_run(entries, ()),)))
    take = ben.machine._take
    assert take._held_bytes <= limits.WAITING_MAX_BYTES
    net.corrupt = None
    net.cut(wire)
    assert take._held_bytes == 0
    net.connect(ana, ben)
    net.run()
    assert same(ana, ben)


def test_a_stranger_may_bring_ops_only_up_to_a_bound_and_nothing_else() -> None:
    ana, _ = workspace_of("ana", "ben")
    eve = Replica("eve")
    net = Net()
    net.write(ana, GENERAL, "hello", 5)
    wire = net.connect(ana, eve)
    net.run()
    eve_entries = Replica("eve", ana.roster)
    eve_entries.write(GENERAL, "let me in")
    run = to_run(eve_entries.store.entries(eve_entries.log(GENERAL), 0, 0), ())
    start = len(wire.sent)
    forge(net, wire, eve, Entries((run,)), Fingerprints(()), Want(1, 1, False, ranges_of(ana)))
    assert ana.store.arrival_max == 5
    assert len(wire.sent) == start, "requests of strangers get no answer"
    forge(net, wire, eve, Claim(b"please"))
    assert [e.wire for e in ana.effects if isinstance(e, ClaimArrived)] == [b"please"]
    waiting = msgspec.msgpack.encode(((bytes(32),), bytes(20_000), 100))
    for number in range(60):
        forge(net, wire, eve, RosterOps((waiting.replace(bytes(4), number.to_bytes(4, "big"), 1),)))
    assert ended(ana) == ["too many roster ops from a device nobody knows"]


def ranges_of(replica: Replica) -> tuple[Range, ...]:
    return (Range(*replica.log(GENERAL), 0, 4),)


def test_a_removed_device_loses_its_links() -> None:
    ana, ben, cem = workspace_of("ana", "ben", "cem")
    net = Net()
    net.connect(ana, ben)
    net.connect(ben, cem)
    net.run()
    assert isinstance(ana.roster, FakeRoster)
    op_id = ana.roster.admit(cem.device, 255)
    net.run_effects(ana, ana.machine.roster_changed([op_id], net.now))
    net.run()
    assert ended(ben) == ["removed"]
    net.write(ana, GENERAL, "without cem")
    net.run()
    assert same(ana, ben)
    assert not cem.store.arrivals


def receipt(signer: Replica, said: ReceiptBody, workspace: bytes = WORKSPACE) -> Receipt:
    body = encode(said)
    covered = receipt_digest(workspace, body)
    return Receipt(body, keys.sign(signer.keys.sign_seed, keys.SIGN_HAVE, covered))


def test_a_receipt_counts_only_as_its_device_signed_it() -> None:
    ana, ben, cem = workspace_of("ana", "ben", "cem")
    net = Net()
    net.write(ana, GENERAL, "hello", 5)
    wire = net.connect(ana, ben)
    net.run()
    genuine = [decode(payload) for sender, _, payload in wire.sent if sender == "ben"]
    bodies = [decode_body(message) for message in genuine if isinstance(message, Receipt)]
    log = ana.log(GENERAL)
    said = REPLACE(bodies[0], device=cem.device)
    forge(net, wire, ben, receipt(cem, said))
    assert ana.store.receipts(log)[cem.device] == 4
    row = REPLACE(said.rows[0], head=9)
    forge(net, wire, ben, receipt(ben, REPLACE(said, rows=(row,))))
    assert ended(ana) == ["signature does not verify"]
    assert ana.store.receipts(log)[cem.device] == 4
    wire = net.connect(ana, ben)
    net.run()
    forge(net, wire, ben, receipt(cem, REPLACE(said, rows=(row,)), workspace=bytes(32)))
    assert len(ended(ana)) == 2
    stranger = Replica("eve")
    wire = net.connect(ana, ben)
    net.run()
    forge(net, wire, ben, receipt(stranger, REPLACE(said, device=stranger.device)))
    assert stranger.device not in ana.store.receipts(log)


def decode_body(message: Receipt) -> ReceiptBody:
    return msgspec.msgpack.decode(message.body, type=ReceiptBody)


class MemorySeals:
    """Blocks of seals that belong to the epochs named."""

    def __init__(self, named: list[bytes]) -> None:
        self.named = named
        self.blocks: dict[bytes, bytes] = {}

    def missing(self) -> list[bytes]:
        return [epoch for epoch in self.named if epoch not in self.blocks]

    def seals(self, epoch: bytes) -> bytes | None:
        return self.blocks.get(epoch)

    def add_seals(self, epoch: bytes, block: bytes) -> None:
        if keys.digest(b"x1.seals", block) != epoch:
            raise Invalid("not the block that the op names")
        self.blocks[epoch] = block


def test_seals_travel_to_whoever_lacks_them_also_through_one_who_lacked_them() -> None:
    block = b"seals" * 1_000
    epoch = keys.digest(b"x1.seals", block)
    people = workspace_of("ana", "ben", "cem")
    seals = [MemorySeals([epoch]) for _ in people]
    for replica, own in zip(people, seals, strict=True):
        replica.seals = own
        replica.restart()
    ana, ben, cem = people
    net = Net()
    net.connect(ana, ben)
    wire = net.connect(ben, cem)
    net.run()
    seals[0].blocks[epoch] = block
    net.run_effects(ana, ana.machine.seals_added(epoch, net.now))
    net.run()
    assert seals[2].blocks == {epoch: block}
    assert ben.store.blocks == {epoch: block}
    assert [e.epoch for e in cem.effects if isinstance(e, SealsArrived)] == [epoch]
    cem.seals = MemorySeals([epoch])
    cem.restart()
    net.cut(wire)
    wire = net.connect(ben, cem)
    forge(net, wire, ben, Hello(1, b"12345678", 0, bytes(8), None, *(bytes(16),) * 3, 0))
    forge(net, wire, ben, Seals(epoch, b"garbage"))
    assert ended(cem) == ["not the block that the op names"]


class SealsOfOps(MemorySeals):
    """Blocks that belong to ops: none is missing before its op is here."""

    def __init__(self, replica: Replica) -> None:
        super().__init__([])
        self.replica = replica
        replica.seals = self
        replica.restart()

    def missing(self) -> list[bytes]:
        return [epoch for epoch in super().missing() if self.replica.roster.has(epoch)]

    def add_seals(self, epoch: bytes, block: bytes) -> None:
        if not block.startswith(b"block"):
            raise Invalid("not the block that the op names")
        self.blocks[epoch] = block


def with_seals() -> tuple[Net, Wire, list[Replica], bytes]:
    """Two who are linked, and an op that ana wrote and told nobody of, whose block is named."""
    people = workspace_of("ana", "ben")
    stores = [SealsOfOps(replica) for replica in people]
    net = Net()
    wire = net.connect(*people)
    net.run()
    roster = people[0].roster
    assert isinstance(roster, FakeRoster)
    epoch = roster.admit(keys.digest(b"x1.seals", b"dan"))
    for own in stores:
        own.named.append(epoch)
    stores[0].blocks[epoch] = b"block"
    return net, wire, people, epoch


def test_seals_go_ahead_of_the_op_that_names_them() -> None:
    net, wire, (ana, ben), epoch = with_seals()
    before = len(wire.sent)
    net.run_effects(ana, ana.machine.roster_changed([epoch], net.now))
    net.run()
    sent = [type(decode(payload)) for _, _, payload in wire.sent[before:]]
    assert sent.index(Seals) < sent.index(RosterOps)
    assert SealsWant not in sent, "nobody has to ask"
    assert ben.store.blocks == {epoch: b"block"}
    assert [e.epoch for e in ben.effects if isinstance(e, SealsArrived)] == [epoch]


def test_garbage_sent_ahead_of_an_op_ends_the_link_that_it_came_by() -> None:
    net, wire, (ana, ben), epoch = with_seals()
    forge(net, wire, ana, Seals(epoch, b"garbage"))
    assert not ended(ben), "nothing is judged before its op"
    forge(net, wire, ana, RosterOps((ana.roster.wire(epoch),)))
    assert ended(ben) == ["not the block that the op names"]
    assert ben.roster.has(epoch)
    assert ben.store.blocks == {}


def test_a_flood_of_seals_of_no_op_is_held_within_bounds() -> None:
    net, wire, (ana, ben), epoch = with_seals()
    link = ben.machine._core.links[wire.number]
    unknown = [keys.digest(b"x1.seals", bytes([number])) for number in range(200)]
    forge(net, wire, ana, *(Seals(other, bytes(112)) for other in unknown))
    assert len(link.seals_ahead) == limits.SEALS_AHEAD_MAX
    forge(net, wire, ana, *(Seals(other, bytes(20_000)) for other in unknown[:9]))
    assert sum(len(held.block) for held in link.seals_ahead.values()) == 60_000
    net.run_effects(ana, ana.machine.roster_changed([epoch], net.now))
    net.run()
    assert ben.store.blocks == {epoch: b"block"}


def test_seals_too_large_to_go_unasked_are_asked_of_who_brought_the_op() -> None:
    ana, ben, cem = people = workspace_of("ana", "ben", "cem")
    stores = [SealsOfOps(replica) for replica in people]
    net = Net()
    other, bringer = net.connect(ben, cem), net.connect(ana, cem)
    net.run()
    assert isinstance(ana.roster, FakeRoster)
    epoch = ana.roster.admit(keys.digest(b"x1.seals", b"dan"))
    for own in stores:
        own.named.append(epoch)
    large = stores[0].blocks[epoch] = b"block" * 8_000
    assert len(large) > limits.PUSH_MAX_BYTES
    net.run_effects(ana, ana.machine.roster_changed([epoch], net.now))
    net.run()
    assert "SealsWant" in kinds(bringer, "cem")
    assert "SealsWant" not in kinds(other, "cem"), "ben would have to ask as well"
    assert ben.store.blocks == cem.store.blocks == {epoch: large}


def test_a_peer_that_lies_about_its_heads_is_asked_once() -> None:
    net, wire, ana, ben = linked_pair()
    touched = [decode(payload) for sender, _, payload in wire.sent if sender == "ana"]
    genuine = next(message for message in touched if isinstance(message, Touched))
    channel = genuine.channels[0]
    row = REPLACE(channel.rows[0], head=1_000_000, id=bytes(8))
    before = len(wire.sent)
    forge(net, wire, ana, REPLACE(genuine, channels=(REPLACE(channel, rows=(row,)),), mark=None))
    assert ben.machine.behind() == 999_996
    net.run()
    assert ben.machine.behind() == 0
    asked = [decode(payload) for _, _, payload in wire.sent[before:]]
    assert sum(isinstance(message, Want) for message in asked) < 12
    net.write(ana, GENERAL, "and on")
    net.run()
    assert same(ana, ben)
