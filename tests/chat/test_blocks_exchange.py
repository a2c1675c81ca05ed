"""Stories of the block exchange: real machines on a small virtual network."""

import random
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.blocks import dagcbor, manifest, messages
from chat.blocks.cid import RAW, cid_dag, cid_raw
from chat.blocks.exchange import Exchange, ports
from chat.blocks.exchange.download import Download
from chat.blocks.exchange.sources import Source
from chat.blocks.exchange.tree import ROOT, Tree
from chat.blocks.limits import END_GAME_PATIENCE_MS, LAST_RESORT_PATIENCES, OUTSTANDING_PER_HOLDER
from chat.blocks.sealing import FileReader, FileRef, seal_bytes
from tests.chat.blocks_network import MBIT, SECRET, Network, Node, names, put, want


def picture(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def swarm(
    count: int, size: int, seed: int = 0, rate: float = 100 * MBIT
) -> tuple[Network, Node, list[Node], FileRef]:
    """An origin that holds a file, and `count` peers, all linked with each other."""
    network = Network(seed)
    origin, *peers = network.add(names(count + 1), rate)
    network.mesh([origin, *peers])
    ref = put(network, origin, picture(size))
    network.run(100.0)
    return network, origin, peers, ref


def has_all(node: Node, ref: FileRef, data: bytes) -> bool:
    return FileReader(ref, node.disk.__getitem__).read() == data


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 1_000_000])
def test_two_peers(size: int) -> None:
    network, origin, (ana,), ref = swarm(1, size)
    want(network, ana, ref)
    network.run()
    assert has_all(ana, ref, picture(size))
    assert ref.root in ana.complete
    assert (ana.progress[-1].done, ana.progress[-1].total) == (size, size)
    assert ana.progress[-1].sources == ((origin.name, sum(map(len, ana.disk.values()))),)
    assert origin.blocks_sent == len(ana.disk)
    assert origin.sent.get("Refused", 0) == 0


def test_a_file_that_is_here_already_asks_nobody() -> None:
    network, origin, (ana,), ref = swarm(1, 200_000)
    want(network, origin, ref)
    network.run()
    assert ref.root in origin.complete
    assert origin.sent == {}
    assert ana.sent == {}


def test_five_peers_share_one_copy() -> None:
    network, origin, peers, ref = swarm(5, 1_000_000)
    for peer in peers:
        want(network, peer, ref)
    network.run()
    assert all(has_all(peer, ref, picture(1_000_000)) for peer in peers)
    assert origin.egress_bytes() < 1.1 * 1_000_000
    assert all(len(peer.progress[-1].sources) > 1 for peer in peers)


def test_twenty_peers_five_megabytes_cost_the_origin_one_copy() -> None:
    """Bound for 77 chunks over equal lines: 421 ms; one copy takes 400 ms."""
    size = 5_000_000
    network, origin, peers, ref = swarm(20, size)
    start = network.now
    for peer in peers:
        want(network, peer, ref)
    network.run(done=lambda: all(peer.complete for peer in peers))
    assert all(has_all(peer, ref, picture(size)) for peer in peers)
    last = max(peer.complete[ref.root] for peer in peers) - start
    assert origin.egress_bytes() / size < 1.03
    assert last < 1.45 * size / (100 * MBIT)
    announced = sum(peer.sent["HaveMore"] for peer in peers) / len(peers)
    assert announced < 200, "not every piece to every peer at once"
    news = [names for names in network.frames.values() if "HaveMore" in names]
    along = sum(len(names) > 1 for names in news)
    assert along > len(news) / 3, "rather to whom something else is said"
    assert origin.sent["Refused"] < 900


def test_an_origin_behind_a_slow_line_gives_one_copy_to_many() -> None:
    size = 1_000_000
    network, origin, peers, ref = swarm(8, size)
    origin.up_rate = 20 * MBIT
    start = network.now
    for peer in peers:
        want(network, peer, ref)
    network.run()
    last = max(peer.complete[ref.root] for peer in peers) - start
    assert origin.egress_bytes() / size < 1.03
    assert last < 1.25 * size / origin.up_rate


def test_a_late_joiner_takes_it_from_those_who_fetched_it() -> None:
    network, origin, (ana, ben, cleo), ref = swarm(3, 1_000_000)
    for peer in (ana, ben):
        want(network, peer, ref)
    network.run()
    before = origin.egress_bytes()
    want(network, cleo, ref)
    network.run()
    assert has_all(cleo, ref, picture(1_000_000))
    assert origin.egress_bytes() - before < 500_000


def test_who_arrives_while_it_runs_hears_of_it() -> None:
    network = Network()
    origin, ana, ben = network.add(names(3))
    ref = put(network, origin, picture(500_000))
    network.link(origin, ana)
    want(network, ana, ref)
    want(network, ben, ref)
    network.run(20.0)
    network.link(ana, ben)
    network.run()
    assert has_all(ana, ref, picture(500_000))
    assert has_all(ben, ref, picture(500_000)), "only ana could give it, while she still fetched"


def test_a_liar_is_dropped_and_the_file_comes_from_others() -> None:
    network, origin, (liar, ana), ref = swarm(2, 1_000_000)
    want(network, liar, ref)
    network.run()

    def lie(message: messages.Message) -> messages.Message:
        if isinstance(message, messages.Block):
            return messages.Block(message.cid, b"a dog" + message.data[5:])
        return message

    liar.tamper = lie
    want(network, ana, ref)
    network.run()
    assert has_all(ana, ref, picture(1_000_000))
    assert ana.dropped == [(ref.root, liar.name)]
    # As many as are asked for until the disk has looked at the first.
    assert liar.blocks_sent <= 2 * OUTSTANDING_PER_HOLDER
    assert [peer for peer, _ in ana.progress[-1].sources] == [origin.name]


@pytest.mark.parametrize(
    "bitmap", [b"\xff", b"\xff" * 500, b"\xff" * 2], ids=["short", "long", "bits beyond the end"]
)
def test_a_bitmap_that_does_not_fit_drops_its_sender(bitmap: bytes) -> None:
    network, _, (liar, ana), ref = swarm(2, 600_000)
    want(network, liar, ref)
    network.run()
    liar.tamper = lambda message: (
        messages.Have(message.root, bitmap, False)
        if isinstance(message, messages.Have)
        else message
    )
    want(network, ana, ref)
    network.run()
    assert has_all(ana, ref, picture(600_000))
    assert ana.dropped == [(ref.root, liar.name)]


def test_a_holder_that_never_answers_costs_time_and_nothing_else() -> None:
    network, _, (silent, ana), ref = swarm(2, 600_000)
    want(network, silent, ref)
    network.run()
    silent.tamper = lambda message: None if isinstance(message, messages.Block) else message
    start = network.now
    want(network, ana, ref)
    network.run()
    assert has_all(ana, ref, picture(600_000))
    assert ana.complete[ref.root] - start < 1_000, "the last pieces are asked for twice"


def test_a_slow_last_piece_is_asked_of_the_origin_last() -> None:
    """Ben was asked and is silent, cleo is busy: the origin is left alone for a second."""
    ref, blocks = seal_bytes(picture(70_000), SECRET)
    tree = Tree(ref.root)
    tree.learn(ROOT, dict(blocks)[ref.root])
    tree.root_here, tree.checked = True, tree.all
    tree.add(0)
    download = Download(tree, ref.size, False, random.Random(1).random)
    ben, cleo, origin = (Source(name, False) for name in names(3))
    for source in (ben, cleo, origin):
        download.add_holder(source, b"\x03", source is origin)
    download.asked(download.holders[ben.peer], 1, now=0.0)
    cleo.busy(3_000.0, now=0.0)
    assert download.pick(END_GAME_PATIENCE_MS) is None
    wake = download.next_time(END_GAME_PATIENCE_MS)
    assert wake == LAST_RESORT_PATIENCES * END_GAME_PATIENCE_MS
    assert download.pick(wake) == (download.holders[origin.peer], 1)
    del download.holders[cleo.peer]
    assert download.pick(END_GAME_PATIENCE_MS) == (download.holders[origin.peer], 1)


def test_an_only_holder_that_stalls_is_asked_again_later() -> None:
    network, origin, (ana,), ref = swarm(1, 200_000)
    swallowed: list[messages.Message] = []

    def swallow_three(message: messages.Message) -> messages.Message | None:
        if isinstance(message, messages.Block) and len(swallowed) < 3:
            swallowed.append(message)
            return None
        return message

    origin.tamper = swallow_three
    want(network, ana, ref)
    network.run(120_000.0)
    assert has_all(ana, ref, picture(200_000))


def test_the_sender_dies_half_way_and_a_second_holder_completes() -> None:
    network, origin, (ana, ben), ref = swarm(2, 2_000_000)
    want(network, ben, ref)
    network.run()
    want(network, ana, ref)
    network.run(done=lambda: len(ana.disk) > 15)
    network.kill(origin)
    network.run()
    assert has_all(ana, ref, picture(2_000_000))


def test_after_a_cut_only_the_rest_is_fetched() -> None:
    network, origin, (ana,), ref = swarm(1, 2_000_000)
    want(network, ana, ref)
    network.run(done=lambda: len(ana.disk) > 15)
    network.unlink(origin, ana)
    network.run()
    assert ref.root not in ana.complete
    held = len(ana.disk)
    again = Node(ana.name, 7, 100 * MBIT)
    again.disk = ana.disk
    network.nodes[ana.name] = again
    before = origin.blocks_sent
    network.link(origin, again)
    want(network, again, ref)
    network.run()
    assert has_all(again, ref, picture(2_000_000))
    assert origin.blocks_sent - before == len(again.disk) - held
    assert again.progress[0].done > 0


def test_a_restart_also_works_when_the_manifest_came_first() -> None:
    """Some chunks are on disk, the manifest is not: it is fetched, the chunks are found."""
    network, origin, (ana,), ref = swarm(1, 500_000)
    chunks = [cid for cid in origin.disk if cid != ref.root]
    ana.disk.update((cid, origin.disk[cid]) for cid in chunks[:5])
    want(network, ana, ref)
    network.run()
    assert has_all(ana, ref, picture(500_000))
    assert origin.blocks_sent == len(chunks) - 5 + 1


def test_many_die_half_way_and_the_rest_complete() -> None:
    size = 1_000_000
    network, origin, peers, ref = swarm(10, size, seed=3)
    start = network.now
    for peer in peers:
        want(network, peer, ref)
    network.run(done=lambda: len(origin.egress) > 10)
    for victim in peers[:4]:
        network.kill(victim)
    network.run()
    rest = peers[4:]
    assert all(has_all(peer, ref, picture(size)) for peer in rest)
    assert max(peer.complete[ref.root] for peer in rest) - start < 1_000
    assert origin.egress_bytes() < 1.7 * size


def test_wanters_that_cannot_reach_each_other_are_not_made_to_wait() -> None:
    """A star: each peer says it is alone, so the origin gives each a copy at once."""
    network = Network()
    origin, *peers = network.add(names(4))
    for peer in peers:
        network.link(origin, peer)
    ref = put(network, origin, picture(1_000_000))
    network.run(100.0)
    for peer in peers:
        want(network, peer, ref)
    network.run()
    assert all(has_all(peer, ref, picture(1_000_000)) for peer in peers)
    assert max(peer.complete[ref.root] for peer in peers) - 100 < 1.4 * 3_000_000 / (100 * MBIT)


def test_a_relay_keeps_a_copy_for_who_comes_when_the_origin_has_left() -> None:
    network = Network()
    origin, relay, ana = network.add(names(3))
    network.link(origin, relay, relay=relay)
    ref = put(network, origin, picture(700_000))
    network.run()
    (heard,) = relay.heard
    assert (heard.root, heard.peer, heard.size) == (ref.root, origin.name, 700_000)
    network.give(relay, ports.Want(heard.root, limit=1_000_000, prefetch=True))
    network.run()
    assert ref.root in relay.complete
    network.kill(origin)
    network.link(relay, ana, relay=relay)
    want(network, ana, ref)
    network.run()
    assert has_all(ana, ref, picture(700_000))


def test_a_relay_that_comes_later_is_offered_what_was_put() -> None:
    network = Network()
    origin, relay = network.add(names(2))
    ref = put(network, origin, picture(700_000))
    network.run()
    network.link(origin, relay, relay=relay)
    network.run()
    assert [each.root for each in relay.heard] == [ref.root]


def test_a_wish_reaches_a_relay_that_may_fetch_for_others() -> None:
    network = Network()
    relay, ana = network.add(names(2))
    network.link(relay, ana, relay=relay)
    ref = put(network, Node(b"elsewhere", 0, 1.0), picture(100))
    want(network, ana, ref)
    network.run(5_000.0)
    assert [(each.root, each.size) for each in relay.heard] == [(ref.root, None)]


def test_who_put_it_after_it_was_asked_for_tells() -> None:
    network = Network()
    origin, ana = network.add(names(2))
    network.link(origin, ana)
    elsewhere = Node(b"elsewhere", 0, 1.0)
    network.nodes[elsewhere.name] = elsewhere
    ref = put(network, elsewhere, picture(300_000))
    want(network, ana, ref)
    network.run(1_000.0)
    assert not ana.complete
    put(network, origin, picture(300_000))
    network.run()
    assert has_all(ana, ref, picture(300_000))


def test_putting_a_file_that_is_being_fetched_completes_it() -> None:
    network = Network()
    (ana,) = network.add(names(1))
    ref = put(network, Node(b"elsewhere", 0, 1.0), picture(300_000))
    want(network, ana, ref)
    network.run(1_000.0)
    assert not ana.complete
    put(network, ana, picture(300_000))
    network.run()
    assert ref.root in ana.complete


def test_a_person_goes_before_a_relay_at_the_uplink() -> None:
    """A relay that prefetches over a slow line does not hold back a coworker on the LAN."""
    network = Network()
    origin, relay, ana = network.add(names(3))
    relay.down_rate = 2 * MBIT
    network.link(origin, relay, relay=relay)
    network.link(relay, ana, relay=relay)
    network.link(origin, ana)
    ref = put(network, origin, picture(1_000_000))
    network.run(100.0)
    network.give(relay, ports.Want(ref.root, prefetch=True))
    network.run(150.0)
    want(network, ana, ref)
    network.run(done=lambda: bool(ana.complete))
    assert ana.complete[ref.root] - 150 < 300


def test_a_relay_has_the_whole_line_until_people_ask() -> None:
    size = 2_000_000
    network = Network(latency_ms=5.0)
    origin, relay, ana, ben = network.add(names(4))
    origin.up_rate = 20 * MBIT
    network.link(origin, relay, relay=relay)
    kept, seen = (put(network, origin, picture(size, seed)) for seed in (1, 2))
    network.run(100.0)
    start = network.now
    network.give(relay, ports.Want(kept.root, prefetch=True))
    network.run()
    assert relay.complete[kept.root] - start < 1.1 * size / origin.up_rate

    network.mesh([origin, ana, ben])
    again = put(network, origin, picture(2 * size, seed=3))
    network.give(relay, ports.Want(again.root, prefetch=True))
    network.run(network.now + 300.0)
    start = network.now
    for person in (ana, ben):
        want(network, person, seen)
    network.run(done=lambda: bool(ana.complete and ben.complete))
    last = max(person.complete[seen.root] for person in (ana, ben)) - start
    assert last < 1.6 * size / origin.up_rate, "a place is kept for them"


def test_two_files_come_at_the_same_pace() -> None:
    network, origin, (ana,), first = swarm(1, 1_000_000)
    second = put(network, origin, picture(1_000_000, seed=2))
    network.run(200.0)
    want(network, ana, first)
    want(network, ana, second)
    network.run()
    gap = abs(ana.complete[first.root] - ana.complete[second.root])
    assert gap < 0.2 * 2_000_000 / (100 * MBIT)


def test_what_a_person_wants_overtakes_what_is_prefetched() -> None:
    network, origin, (ana,), first = swarm(1, 2_000_000)
    second = put(network, origin, picture(1_000_000, seed=2))
    network.run(200.0)
    network.give(ana, ports.Want(first.root, prefetch=True))
    network.run(60.0)
    want(network, ana, second)
    network.run()
    assert ana.complete[second.root] < ana.complete[first.root]


def test_a_prefetched_file_that_is_opened_becomes_wanted() -> None:
    network, origin, (ana,), first = swarm(1, 2_000_000)
    second = put(network, origin, picture(2_000_000, seed=2))
    network.run(200.0)
    for ref in (first, second):
        network.give(ana, ports.Want(ref.root, prefetch=True))
    network.run(60.0)
    want(network, ana, second)
    network.run()
    assert ana.complete[second.root] < ana.complete[first.root]


def test_stop_stops_and_what_is_here_stays() -> None:
    network, _, (ana,), ref = swarm(1, 2_000_000)
    want(network, ana, ref)
    network.run(done=lambda: len(ana.disk) > 10)
    network.give(ana, ports.Stop(ref.root))
    network.run()
    held = len(ana.disk)
    assert 10 < held < 25
    assert not ana.complete
    want(network, ana, ref)
    network.run()
    assert has_all(ana, ref, picture(2_000_000))


def test_a_full_disk_fails_the_file_with_its_sentence_and_a_retry_works() -> None:
    network, _, (ana,), ref = swarm(1, 500_000)
    ana.disk_failure = "the disk is full; free some space and try again"
    want(network, ana, ref)
    network.run()
    assert ana.failed == {ref.root: ana.disk_failure}
    assert not ana.disk
    ana.disk_failure = None
    want(network, ana, ref)
    network.run()
    assert has_all(ana, ref, picture(500_000))


def test_a_manifest_of_another_size_fails_the_file() -> None:
    network, _, (ana,), ref = swarm(1, 500_000)
    network.give(ana, ports.Want(ref.root, size=499_999))
    network.run()
    assert "another size" in ana.failed[ref.root]


def test_a_file_beyond_the_limit_is_not_fetched() -> None:
    network, origin, (ana,), ref = swarm(1, 500_000)
    network.give(ana, ports.Want(ref.root, limit=400_000, prefetch=True))
    network.run()
    assert "larger" in ana.failed[ref.root]
    assert origin.blocks_sent == 1


def test_a_root_that_is_no_manifest_fails_the_file() -> None:
    network = Network()
    origin, ana = network.add(names(2))
    network.link(origin, ana)
    node = dagcbor.encode({"v": 1, "cat": "meow"})
    root = cid_dag(node)
    # A machine of ours never serves this, so the peer's words are put into its mouth.
    origin.tamper = lambda message: None
    network.give(ana, ports.Want(root))
    network.run(10.0)
    for message in (messages.Have(root, b"\x01", True), messages.Block(root, node)):
        network.give(ana, ports.Received(origin.name, message))
        network.run(network.now + 10)
    assert "cannot be read" in ana.failed[root]


def test_the_manifest_may_come_with_the_message() -> None:
    network, origin, (ana,), ref = swarm(1, 500_000)
    network.give(ana, ports.Want(ref.root, ref.size, manifest=origin.disk[ref.root]))
    network.run()
    assert has_all(ana, ref, picture(500_000))
    assert ref.root not in origin.egress


def test_a_file_of_three_gigabytes_comes_through_its_sub_manifests() -> None:
    """3,073 chunks under 4 sub-manifests; the chunks are tiny, since nobody looks inside."""
    size = (3 << 30) + 1
    chunks = [number.to_bytes(8, "big") for number in range(3_073)]
    root, nodes = manifest.build(size, [cid_raw(chunk) for chunk in chunks])
    network = Network()
    origin, ana, ben = network.add(names(3))
    network.mesh([origin, ana, ben])
    origin.disk.update(nodes)
    origin.disk.update((cid_raw(chunk), chunk) for chunk in chunks)
    network.give(origin, ports.Hold(root, size))
    network.run(100.0)
    for peer in (ana, ben):
        network.give(peer, ports.Want(root, size))
    network.run()
    assert ana.disk == ben.disk == origin.disk
    assert ana.progress[-1].done == size
    assert len(origin.egress) == len(origin.disk)
    given = sum(size for cid, size in origin.egress.items() if cid[1] == RAW)
    assert given < 1.1 * sum(map(len, chunks))


def test_blocks_that_vanished_are_admitted_absent() -> None:
    network, origin, (ana,), ref = swarm(1, 500_000)
    want(network, ana, ref)
    network.run(done=lambda: len(ana.disk) > 1)
    lost = next(cid for cid in origin.disk if cid not in ana.disk and cid != ref.root)
    del origin.disk[lost]
    network.run(20_000.0)
    assert not ana.complete
    assert ana.disk.keys() == origin.disk.keys()
    put(network, origin, picture(500_000))
    network.run()
    assert ref.root in ana.complete


def test_many_wishes_at_once_all_come_true() -> None:
    network = Network()
    origin, ana = network.add(names(2))
    network.link(origin, ana)
    refs = [put(network, origin, picture(300, seed)) for seed in range(150)]
    network.run(100.0)
    for ref in refs:
        want(network, ana, ref)
    network.run()
    assert ana.complete.keys() == {ref.root for ref in refs}


ROOTS = [cid_dag(b"%d" % number) for number in range(3)] + [cid_raw(b"cat")]
cids = st.sampled_from([*ROOTS, cid_raw(b"dog")])
pieces = st.integers(0, 70_000)
hostile = st.one_of(
    st.builds(messages.WantRoot, cids, st.booleans()),
    st.builds(messages.Unwant, cids),
    st.builds(messages.Have, cids, st.binary(min_size=1, max_size=12), st.booleans()),
    st.builds(messages.HaveNot, cids, st.booleans()),
    st.builds(messages.HaveMore, cids, st.lists(pieces, min_size=1, max_size=5).map(tuple)),
    st.builds(messages.GetBlock, cids, cids, st.booleans()),
    st.builds(messages.Block, cids, st.sampled_from([b"cat", b"dog", b"", b"0", b"1"])),
    st.builds(messages.Refused, cids, cids, st.integers(0, 2), st.sampled_from([0, 1, 60_000])),
    st.builds(messages.Cancel, cids, cids),
    st.builds(messages.Offer, cids, st.integers(0, 10**9)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(hostile, st.integers(0, 3_000)), max_size=40), st.data())
def test_a_hostile_peer_can_say_anything(
    script: list[tuple[messages.Message, int]], data: st.DataObject
) -> None:
    """Whatever one peer says, in whatever order, the file comes from the honest one."""
    network, _, (liar, ana), ref = swarm(2, 150_000)
    roots = [ref.root, *ROOTS]
    network.give(ana, ports.Want(ROOTS[0]))
    network.give(ana, ports.Want(ROOTS[3]))
    want(network, ana, ref)
    at = network.now
    for message, wait in script:
        at += wait / 100
        if hasattr(message, "root") and data.draw(st.booleans()):
            fields = {name: getattr(message, name) for name in message.__struct_fields__}
            message = type(message)(**{**fields, "root": data.draw(st.sampled_from(roots))})
        event = ports.Received(liar.name, message)
        network.after(at - network.now, partial(network.give, ana, event))
    network.run(120_000.0)
    assert has_all(ana, ref, picture(150_000))


def test_strangers_are_not_listened_to() -> None:
    exchange = Exchange(random.Random(0).random)
    said = ports.Received(b"stranger", messages.WantRoot(ROOTS[0], False))
    assert exchange.handle(said, 0.0) == []
    assert exchange.handle(ports.PeerDown(b"stranger"), 0.0) == []
    assert exchange.handle(ports.BlockSent(b"stranger", ROOTS[0]), 0.0) == []
    assert exchange.handle(ports.BlockStored(ROOTS[0]), 0.0) == []
    assert exchange.handle(ports.BlockRead(9, b""), 0.0) == []
    assert exchange.handle(ports.BlocksFound(9, frozenset()), 0.0) == []
