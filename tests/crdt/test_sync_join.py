"""Stories of those who come late: what they see first, and that nothing stops them for good."""

from crdt import limits
from crdt.ops import PART_NOTES, PART_STATE
from crdt.sync_messages import Entries, Page, Want, decode
from tests.crdt.fake_roster import FakeRoster
from tests.crdt.memory_network import Net, Wire
from tests.crdt.memory_replica import Replica, channel_id, same, stored_entries, workspace_of

GENERAL = channel_id("general")
CATS = channel_id("cats")


def admitted(host: Replica, name: str, *, relay: bool = False) -> Replica:
    """A new device that the host's roster names, and that knows nothing yet."""
    joiner = Replica(name, relay=relay)
    assert isinstance(host.roster, FakeRoster)
    host.roster.admit(joiner.device, 250 if relay else 100)
    return joiner


def busy_workspace(net: Net) -> tuple[Replica, Replica]:
    """Two who hold the same long conversation in two channels."""
    ana, ben = workspace_of("ana", "ben")
    for turn in range(20):
        for replica in (ana, ben):
            net.write(replica, GENERAL, f"turn {turn}", 30)
            net.write(replica, CATS, f"cat {turn}", 15)
            net.now += 1_000
    for channel in (GENERAL, CATS):
        effects = ana.write(channel, "notes", count=70, now=net.now, part=PART_NOTES)
        net.run_effects(ana, effects)
        net.run_effects(ana, ana.write(channel, "topic", now=net.now, part=PART_STATE))
    net.connect(ana, ben)
    net.run()
    assert same(ana, ben)
    return ana, ben


def test_the_open_channel_comes_first_newest_page_first_then_backwards() -> None:
    net = Net()
    ana, _ = busy_workspace(net)
    joiner = admitted(ana, "cem")
    net.join(joiner)
    net.run_effects(joiner, joiner.machine.open_channel(CATS, net.now))
    wire = net.connect(ana, joiner, known=True)
    net.run()
    assert same(ana, joiner)
    assert joiner.machine.behind() == 0

    asked = [decode(payload) for name, _, payload in wire.sent if name == "cem"]
    assert isinstance(asked[2], Page), "asked together with the hello"
    stored = stored_entries(joiner.effects)
    newest = sorted(
        (
            entry
            for entry in ana.store.arrivals
            if entry.log.channel == CATS and entry.log.part == 1
        ),
        key=lambda entry: entry.hlc,
    )[-limits.PAGE_ENTRIES :]
    first_page = stored[: limits.PAGE_ENTRIES]
    assert {entry.id for entry in first_page} == {entry.id for entry in newest}
    for part in (PART_STATE, PART_NOTES):
        of_part = [entry.seq for entry in stored if entry.log[:2] == (CATS, part)]
        assert of_part == sorted(of_part), "state and notes come whole and forward"
    places: dict[bytes, list[int]] = {CATS: [], GENERAL: []}
    for place, entry in enumerate(stored):
        if entry.log.part == 1:
            places[entry.log.channel].append(place)
    mean = {channel: sum(found) / len(found) for channel, found in places.items()}
    assert mean[CATS] < mean[GENERAL], "history of the open channel before the others'"


def test_a_join_goes_on_after_a_cut_at_any_message() -> None:
    net = Net()
    ana, _ = busy_workspace(net)
    whole = admitted(ana, "whole")
    net.connect(ana, whole, known=True)
    before = net.delivered
    net.run()
    messages = net.delivered - before
    assert messages > 20
    for cut_after in range(1, messages, 3):
        joiner = Replica(f"joiner {cut_after}")
        roster = joiner.roster
        assert isinstance(ana.roster, FakeRoster)
        assert isinstance(roster, FakeRoster)
        ana.roster.admit(joiner.device)
        net.join(joiner)
        wire = net.connect(ana, joiner, known=True)
        for _ in range(cut_after):
            net.step(net.now + 30_000)
        had = joiner.store.arrival_max
        net.cut(wire)
        if cut_after % 2:
            net.wake.pop(joiner.name, None)
            joiner.restart()
        wire = net.connect(ana, joiner, known=True)
        net.run()
        assert same(ana, joiner), cut_after
        assert joiner.machine.behind() == 0
        net.cut(wire)
        assert joiner.store.arrival_max == ana.store.arrival_max >= had


def test_history_is_fetched_from_several_peers_at_once() -> None:
    net = Net()
    ana, ben = busy_workspace(net)
    for number in range(12):
        net.write(ben, channel_id(str(number)), "and on", 400)
    joiner = admitted(ana, "cem")
    net.run_effects(ana, ana.machine.roster_changed(ana.roster.heads, net.now))
    net.run()
    wires = [net.connect(peer, joiner, known=True) for peer in (ana, ben)]
    net.run()
    assert same(ana, ben, joiner)
    given = [wire.bytes_from(peer) for wire, peer in zip(wires, (ana, ben), strict=True)]
    assert min(given) > 0.2 * max(given)
    assert joiner.store.arrival_max == ana.store.arrival_max, "nothing was stored twice"
    total = sum(len(entry.ciphertext or b"") for entry in ana.store.arrivals)
    assert sum(given) < 1.75 * total


def wants(wire: Wire, name: str) -> list[Want]:
    sent = [decode(payload) for sender, _, payload in wire.sent if sender == name]
    return [message for message in sent if isinstance(message, Want)]


def test_a_silent_peer_loses_its_requests_to_another() -> None:
    net = Net()
    ana, ben = busy_workspace(net)
    joiner = admitted(ana, "cem")
    for op_id in ana.roster.missing_from(ben.roster.heads):
        ben.roster.add(ana.roster.wire(op_id))
    silent = net.connect(ana, joiner, known=True)

    def swallow(wire: Wire, sender: Replica, payload: bytes) -> list[bytes]:
        answers = isinstance(message := decode(payload), Entries) and message.answers
        return [] if wire is silent and sender is ana and answers else [payload]

    net.corrupt = swallow
    net.run(2_000)
    assert wants(silent, "cem") or silent.sent
    net.connect(ben, joiner, known=True)
    net.run(60_000)
    assert same(ana, joiner)


def test_history_passes_through_a_relay_that_joined_itself() -> None:
    net = Net()
    ana, _ = busy_workspace(net)
    relay = admitted(ana, "relay", relay=True)
    joiner = Replica("cem")
    assert isinstance(ana.roster, FakeRoster)
    ana.roster.admit(joiner.device)
    net.connect(ana, relay, known=True)
    net.connect(relay, joiner, known=True)
    net.run(60_000)
    assert same(ana, relay, joiner)
    assert joiner.machine.behind() == 0


def test_the_largest_entries_pass_from_hand_to_hand_within_the_bounds() -> None:
    ana, _ = workspace_of("ana", "ben")
    net = Net()
    for kilobytes in (45, 1, 20, 45, 9) * 30:
        effects = ana.write(GENERAL, payload=bytes(kilobytes * 1024), now=net.now)
        net.run_effects(ana, effects)
    relay, joiner = admitted(ana, "relay", relay=True), admitted(ana, "cem")
    first = net.connect(ana, relay, known=True)
    net.run(60_000)
    net.cut(first)
    second = net.connect(relay, joiner, known=True)
    net.run(60_000)
    assert same(ana, relay, joiner)
    for wire in (first, second):
        assert max(len(payload) for _, _, payload in wire.sent) <= limits.SYNC_MESSAGE_MAX_BYTES
    content = sum(entry.ct_len for entry in ana.store.arrivals)
    assert first.bytes_from(ana) < 1.1 * content
    assert second.bytes_from(relay) < 1.1 * content


def test_a_history_of_large_entries_comes_once_and_closes_no_link() -> None:
    """One answer holds fewer of them than one request asks for, so what was asked for behind it
    would not follow."""
    ana, _ = workspace_of("ana", "ben")
    net = Net()
    net.join(ana)
    net.run_effects(ana, ana.write(GENERAL, count=700, payload=bytes(20_000)))
    joiner = admitted(ana, "cem")
    wire = net.connect(ana, joiner, known=True)
    net.run(120_000)
    assert same(ana, joiner)
    assert wire.up
    content = sum(entry.ct_len for entry in ana.store.arrivals)
    assert wire.bytes_from(ana) < 1.1 * content


def test_a_long_absence_is_made_up_for_forward_in_anchored_ranges() -> None:
    ana, ben = workspace_of("ana", "ben")
    net = Net()
    net.write(ana, GENERAL, "before", 10)
    wire = net.connect(ana, ben)
    net.run()
    net.cut(wire)
    net.write(ana, GENERAL, "while ben was away", 1_000)
    again = net.connect(ana, ben)
    net.run()
    assert same(ana, ben)
    ends = [asked.last for want in wants(again, "ben") for asked in want.ranges]
    assert ends[-1] == 1_009
    assert all(end % limits.ANCHOR_EVERY == 0 for end in ends[:-1])


def test_behind_is_unknown_alone_and_counts_down_to_nothing() -> None:
    net = Net()
    ana, _ = busy_workspace(net)
    joiner = admitted(ana, "cem")
    assert joiner.machine.behind() is None
    wire = net.connect(ana, joiner, known=True)
    seen: list[int] = []
    while net.step(net.now + 30_000):
        behind = joiner.machine.behind(wire.number)
        if behind is not None:
            seen.append(behind)
    assert seen[0] > 1_000
    assert seen[-1] == 0
    assert seen == sorted(seen, reverse=True)
