"""Receipts of before a link: listed, asked for once, and complete whatever ends meanwhile."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crdt import limits
from crdt.sync_messages import Message, Receipt, ReceiptsListed, decode, encode
from crdt.sync_ports import Misbehaved
from crdt.sync_receipt_body import receipt_digest
from tests.crdt.memory_network import Net, Wire
from tests.crdt.memory_replica import WORKSPACE, Replica, channel_id, workspace_of

GENERAL = channel_id("general")


def messages(wire: Wire, sender: Replica) -> list[Message]:
    return [decode(payload) for name, _, payload in wire.sent if name == sender.name]


def count(wire: Wire, kind: type, *senders: Replica) -> int:
    return sum(
        isinstance(message, kind) for sender in senders for message in messages(wire, sender)
    )


def talked(net: Net, people: list[Replica]) -> None:
    """Everybody writes, in a line of people, until all have heard of all."""
    for left, right in pairwise(people):
        net.connect(left, right)
    net.run()
    for number, author in enumerate(people * 2):
        net.write(author, GENERAL, f"message {number}")
        net.run(2_000)
    net.run()


def everybody_is_counted(*people: Replica) -> bool:
    """Whether each knows of everybody that they hold what each one wrote."""
    devices = {person.device for person in people}
    return all(
        reader.store.receipts(author.log(GENERAL)).keys()
        >= devices - {author.device, reader.device}
        for author in people
        if author.store.log_state(author.log(GENERAL)) is not None
        for reader in people
    )


def test_whoever_has_them_all_is_sent_a_list_and_no_receipt() -> None:
    people = workspace_of(*(f"peer {number}" for number in range(6)))
    net = Net(seed=2)
    talked(net, people)
    assert everybody_is_counted(*people)
    first, last = people[0], people[-1]
    wire = net.connect(first, last)
    net.run()
    assert count(wire, ReceiptsListed, first, last) == 2
    assert count(wire, Receipt, first, last) == 0
    net.cut(wire)
    again = net.connect(first, last)
    net.run()
    assert count(again, ReceiptsListed, first, last) == 0, "once a process"


def test_a_newcomer_asks_each_receipt_of_one_neighbour_alone() -> None:
    *people, late = workspace_of(*(f"peer {number}" for number in range(6)))
    net = Net(seed=3)
    talked(net, people)
    wires = [net.connect(person, late) for person in people]
    net.run()
    came = [
        message.body
        for wire, person in zip(wires, people, strict=True)
        for message in messages(wire, person)
        if isinstance(message, Receipt)
    ]
    assert len(came) == len(set(came)) > len(people)
    assert everybody_is_counted(*people, late)


def test_few_are_sent_as_they_are() -> None:
    ana, ben, cem = workspace_of("ana", "ben", "cem")
    net = Net()
    net.connect(ana, ben)
    net.run()
    net.write(ana, GENERAL)
    net.run()
    wire = net.connect(ana, cem)
    net.run()
    assert count(wire, Receipt, ana) == 1
    assert count(wire, ReceiptsListed, ana, cem) == 0
    assert cem.store.receipts(ana.log(GENERAL))[ben.device] == 0


def test_what_a_neighbour_listed_and_did_not_give_is_asked_of_the_next() -> None:
    *people, late = workspace_of(*(f"peer {number}" for number in range(5)))
    net = Net(delay_ms=(10, 10))
    talked(net, people)
    wires = [net.connect(person, late) for person in people]
    while not any(count(wire, ReceiptsListed, late) for wire in wires):
        assert net.step(net.now + 1_000)
    net.run(5)  # By now all have listed theirs, and nobody has answered.
    [asked] = [wire for wire in wires if count(wire, ReceiptsListed, late)]
    net.cut(asked)
    net.run()
    assert sum(count(wire, ReceiptsListed, late) for wire in wires) == 2
    assert everybody_is_counted(*people, late)


def test_what_came_and_was_not_new_is_not_asked_for_again() -> None:
    ben, ana, cem, dan = workspace_of("ben", "ana", "cem", "dan")
    net = Net()
    talked(net, [ben, ana, cem, dan])
    net.cut(net.wires[1])
    ben.restart()  # What is in its store it knows; what it was sent it has forgotten.
    first = net.connect(cem, ben)
    net.run()
    second = net.connect(dan, ben)
    net.run()
    for wire, other in ((first, cem), (second, dan)):
        assert count(wire, ReceiptsListed, other) == 1
    assert count(first, ReceiptsListed, ben) == 1
    assert count(second, ReceiptsListed, ben) == 0


def test_names_that_nobody_knows_are_asked_for_once_and_cost_no_more() -> None:
    ana, ben = workspace_of("ana", "ben")
    net = Net()
    wire = net.connect(ana, ben)
    net.run()
    forged = encode(ReceiptsListed(bytes(range(80))))
    for _ in range(3):
        net.run_effects(ben, ben.machine.receive(wire.number, forged, net.now))
    net.run()
    assert count(wire, ReceiptsListed, ben) == 1
    assert count(wire, Receipt, ana) == 0
    assert wire.up


def test_one_link_may_list_so_many_and_spoils_only_its_own_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "RECEIPTS_PER_LINK_MAX", 12)
    ana, ben, cem = workspace_of("ana", "ben", "cem")
    net = Net()
    wire, other = net.connect(ana, ben), net.connect(cem, ben)
    net.run()

    def asked(on: Wire, start: int) -> int:
        before = len(on.sent)
        listed = encode(ReceiptsListed(bytes(range(start, start + 80))))
        net.run_effects(ben, ben.machine.receive(on.number, listed, net.now))
        sent = [decode(payload) for _, _, payload in on.sent[before:]]
        return sum(len(m.names) // 8 for m in sent if isinstance(m, ReceiptsListed))

    assert [asked(wire, start) for start in (0, 80, 160)] == [10, 2, 0]
    assert asked(other, 160) == 10


def test_who_may_not_hold_a_channel_is_neither_listed_nor_given_receipts_about_it() -> None:
    ana, ben, eve = people = workspace_of("ana", "ben", "eve")
    for person in people:
        person.visible = lambda channel, device: channel != GENERAL or device != eve.device
    net = Net()
    between = net.connect(ana, ben)
    net.run()
    for _ in range(4):
        net.write(ana, GENERAL)
        net.write(ben, GENERAL)
        net.run()
    receipts = [m for m in messages(between, ben) if isinstance(m, Receipt)]
    wire = net.connect(ana, eve)
    net.run()
    names = b"".join(receipt_digest(WORKSPACE, receipt.body)[:8] for receipt in receipts)
    asked = encode(ReceiptsListed(names, want=True))
    net.run_effects(ana, ana.machine.receive(wire.number, asked, net.now))
    net.run()
    assert count(wire, ReceiptsListed, ana) == count(wire, Receipt, ana) == 0
    before = len(between.sent)
    net.run_effects(ana, ana.machine.receive(between.number, asked, net.now))
    assert len(between.sent) == before, "his own, he has them"
    net.run_effects(ben, ben.machine.receive(between.number, asked, net.now))
    given = [decode(payload) for _, _, payload in between.sent[before:]]
    assert given
    assert {type(message) for message in given} == {Receipt}


def test_half_a_name_ends_the_link() -> None:
    ana, ben = workspace_of("ana", "ben")
    net = Net()
    wire = net.connect(ana, ben)
    net.run()
    effects = ben.machine.receive(wire.number, encode(ReceiptsListed(bytes(12))), net.now)
    assert any(isinstance(effect, Misbehaved) for effect in effects)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from(["link", "cut", "write", "run"]), st.integers(0, 9)), max_size=24
    ),
    st.integers(0, 2**16),
)
def test_after_any_meetings_everybody_is_counted_in_the_end(
    steps: list[tuple[str, int]], seed: int
) -> None:
    people = workspace_of("ana", "ben", "cem", "dan")
    net = Net(seed=seed)
    net.join(*people)
    pairs = [(a, b) for place, a in enumerate(people) for b in people[place + 1 :]]
    for step, number in steps:
        if step == "link":
            one, other = pairs[number % len(pairs)]
            if not any(wire.up and set(wire.ends) == {one, other} for wire in net.wires.values()):
                net.connect(one, other)
        elif step == "cut" and net.wires:
            net.cut(net.wires[number % len(net.wires) + 1])
        elif step == "write":
            net.write(people[number % len(people)], GENERAL)
        else:
            net.run(number * 20)
    for wire in net.wires.values():
        net.cut(wire)
    for person in people:
        net.write(person, GENERAL, "the last word")
    for left, right in pairwise(people):
        net.connect(left, right)
    net.run(60_000)
    devices = {person.device: person for person in people}
    for author in people:
        log = author.log(GENERAL)
        state = author.store.log_state(log)
        assert state is not None
        counted = author.store.receipts(log)
        assert {counted.get(device) for device in devices if device != author.device} == {
            state.head
        }
