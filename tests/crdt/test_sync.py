"""Stories of replicas that write, meet, part and meet again."""

import pytest

from crdt import limits
from crdt.sync_messages import Entries, Hello, Receipt, Touched, decode
from tests.crdt.fake_roster import FakeRoster
from tests.crdt.memory_network import Net, Wire
from tests.crdt.memory_replica import Replica, channel_id, same, workspace_of

GENERAL = channel_id("general")
CATS = channel_id("cats")


def kinds(wire: Wire, start: int = 0) -> list[str]:
    """The kinds of the messages on a wire, with the sender's name."""
    return [f"{name} {type(decode(payload)).__name__}" for name, _, payload in wire.sent[start:]]


def test_two_who_wrote_while_apart_meet_and_agree() -> None:
    ana, ben = workspace_of("ana", "ben")
    net = Net()
    net.write(ana, GENERAL, "good morning", 3)
    net.write(ben, GENERAL, "anybody here?", 2)
    net.write(ben, CATS, "look", 200)
    net.connect(ana, ben)
    net.run()
    assert same(ana, ben)
    assert ana.machine.in_sync(1)
    assert ben.machine.in_sync(1)
    assert ana.machine.behind() == 0


def test_a_reconnect_with_nothing_new_costs_one_hello() -> None:
    ana, ben = workspace_of("ana", "ben")
    net = Net()
    for number in range(30):
        net.write(ana, channel_id(str(number)), "hello", 5)
    first = net.connect(ana, ben)
    net.run()
    net.cut(first)
    again = net.connect(ana, ben)
    net.run()
    assert same(ana, ben)
    assert kinds(again) == ["ana Hello", "ben Hello"]
    for replica in (ana, ben):
        assert again.bytes_from(replica) <= limits.HELLO_MAX_BYTES
        assert replica.machine.in_sync(again.number)


def test_what_is_new_since_the_last_meeting_is_pushed_at_once() -> None:
    ana, ben = workspace_of("ana", "ben")
    net = Net()
    net.write(ana, GENERAL, "before", 100)
    first = net.connect(ana, ben)
    net.run()
    net.cut(first)
    net.write(ana, GENERAL, "after", 10)
    again = net.connect(ana, ben)
    net.run()
    assert same(ana, ben)
    assert "ben Want" not in kinds(again)
    pushes = [decode(payload) for name, _, payload in again.sent if name == "ana"]
    runs = [run for push in pushes if isinstance(push, Entries) for run in push.runs]
    assert [len(run.items) for run in runs] == [10]


def test_messages_travel_along_a_line_of_three_and_no_echo_returns() -> None:
    ana, ben, cem = workspace_of("ana", "ben", "cem")
    net = Net()
    left, right = net.connect(ana, ben), net.connect(ben, cem)
    net.run()
    before = len(left.sent), len(right.sent)
    net.write(ana, GENERAL, "pass it on")
    net.run()
    assert same(ana, ben, cem)
    sent = kinds(left, before[0]) + kinds(right, before[1])
    assert [kind for kind in sent if "Entries" in kind][:2] == ["ana Entries", "ben Entries"]
    carried = [
        name
        for wire, start in ((left, before[0]), (right, before[1]))
        for name, _, payload in wire.sent[start:]
        if isinstance(message := decode(payload), Entries) and message.runs
    ]
    assert carried == ["ana", "ben"]


def test_a_triangle_stores_everything_once() -> None:
    ana, ben, cem = workspace_of("ana", "ben", "cem")
    net = Net(seed=4)
    net.connect(ana, ben)
    net.connect(ben, cem)
    net.connect(cem, ana)
    net.run()
    for number in range(20):
        net.write((ana, ben, cem)[number % 3], GENERAL, f"round {number}")
        net.run(5)
    net.run()
    assert same(ana, ben, cem)
    assert cem.store.arrival_max == 20


def test_receipts_reach_the_author_along_the_line() -> None:
    ana, ben, cem = workspace_of("ana", "ben", "cem")
    net = Net()
    net.connect(ana, ben)
    net.connect(ben, cem)
    net.run()
    net.write(ana, GENERAL, "who has this?")
    net.run()
    log = ana.log(GENERAL)
    assert ana.store.receipts(log) == {ben.device: 0, cem.device: 0}


def test_a_newcomer_brings_the_op_that_admits_it() -> None:
    ana, _ = workspace_of("ana", "ben")
    cem = Replica("cem")
    roster = cem.roster
    assert isinstance(roster, FakeRoster)
    for op_id in ana.roster.missing_from(()):
        roster.add(ana.roster.wire(op_id))
    roster.admit(cem.device)
    net = Net()
    net.write(ana, GENERAL, "secret", 5)
    wire = net.connect(ana, cem)
    net.run()
    assert same(ana, cem)
    unknown = [decode(payload) for name, _, payload in wire.sent[:2] if name == "ana"]
    assert isinstance(unknown[0], Hello)
    assert unknown[0].state == bytes(16)


def test_a_stranger_learns_nothing() -> None:
    ana, _ = workspace_of("ana", "ben")
    eve = Replica("eve")
    for op_id in ana.roster.missing_from(())[:1]:
        eve.roster.add(ana.roster.wire(op_id))
    net = Net()
    net.write(ana, GENERAL, "secret", 5)
    wire = net.connect(ana, eve)
    net.run()
    assert not eve.store.arrivals
    assert {kind for kind in kinds(wire) if kind.startswith("ana")} == {
        "ana Hello",
        "ana RosterHave",
    }


@pytest.mark.parametrize("count", [5, 1_000])
def test_a_cold_joiner_fetches_roster_and_history(count: int) -> None:
    ana, ben = workspace_of("ana", "ben")
    joiner = Replica("cem")
    assert isinstance(ana.roster, FakeRoster)
    ana.roster.admit(joiner.device)
    net = Net()
    net.write(ana, GENERAL, "old", count)
    net.write(ben, GENERAL, "older", 3)
    net.connect(ana, ben)
    net.connect(ana, joiner, known=True)
    net.run()
    assert same(ana, joiner)
    assert joiner.machine.behind() == 0


def full_mesh(net: Net, size: int) -> list[Replica]:
    people = workspace_of(*(f"peer {number}" for number in range(size)))
    for number, left in enumerate(people):
        for right in people[number + 1 :]:
            net.connect(left, right)
    net.run()
    return people


def test_in_a_full_mesh_a_message_is_sent_to_each_once_and_receipts_are_not_relayed() -> None:
    net = Net()
    people = full_mesh(net, 12)
    before = {number: len(wire.sent) for number, wire in net.wires.items()}
    net.write(people[0], GENERAL, "good morning all")
    net.run()
    assert same(*people)
    sent = [
        decode(payload)
        for number, wire in net.wires.items()
        for _, _, payload in wire.sent[before[number] :]
    ]
    pushes = [message for message in sent if isinstance(message, Entries) and message.runs]
    assert len(pushes) == 11
    assert sum(isinstance(message, Receipt) for message in sent) == 11 * 11
    log = people[0].log(GENERAL)
    assert people[0].store.receipts(log) == {peer.device: 0 for peer in people[1:]}
    assert sum(isinstance(message, Touched) for message in sent) == 0


def test_who_should_have_got_it_from_another_and_did_not_is_told_soon() -> None:
    net = Net()
    ana, ben, cem = full_mesh(net, 3)
    [direct] = [wire for wire in net.wires.values() if set(wire.ends) == {ana, cem}]
    net.corrupt = lambda wire, sender, payload: [] if wire is direct else [payload]
    net.write(ana, GENERAL, "lost on one link")
    net.run(limits.MARK_EVERY_MS + 200)
    assert same(ana, ben, cem)


def test_what_was_missed_without_a_trace_comes_to_light_by_itself() -> None:
    ana, ben = workspace_of("ana", "ben")
    net = Net()
    wire = net.connect(ana, ben)
    net.write(ana, GENERAL, "seen", 3)
    net.run()
    net.corrupt = lambda wire, sender, payload: []
    net.write(ana, GENERAL, "swallowed", 3)
    net.run()
    net.corrupt = None
    assert not same(ana, ben)
    net.run(limits.ANTI_ENTROPY_MS)
    assert same(ana, ben)
    assert ben.machine.in_sync(wire.number)
