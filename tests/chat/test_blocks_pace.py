"""How many requests at a time, and inputs that are settled together."""

import random

from chat.blocks import messages
from chat.blocks.exchange import Exchange, ports
from chat.blocks.exchange.download import Download
from chat.blocks.exchange.pace import Pace
from chat.blocks.exchange.sources import Source
from chat.blocks.exchange.tree import ROOT, Tree
from chat.blocks.limits import OUTSTANDING_LEAST, OUTSTANDING_MAX, STALE_MS
from chat.blocks.sealing import seal_bytes
from tests.chat.blocks_network import MBIT, SECRET, Network, names, put, want


def busy_with(count: int) -> tuple[list[Source], list[Download]]:
    """A file of which so many pieces were asked for at time 0, of one peer."""
    ref, blocks = seal_bytes(random.Random(1).randbytes(1_000_000), SECRET)
    tree = Tree(ref.root)
    tree.learn(ROOT, dict(blocks)[ref.root])
    tree.root_here, tree.checked = True, tree.all
    download = Download(tree, ref.size, False, random.Random(1).random)
    source = Source(names(1)[0], False)
    download.add_holder(source, tree.all.to_bytes(2, "little"), False)
    for piece in range(count):
        download.asked(download.holders[source.peer], piece, 0.0)
    return [source], [download]


def room(pace: Pace, now: float = 0.0) -> int:
    """How many requests may be under way."""
    return next(count for count in range(99) if not pace.has_room(*busy_with(count), now))


def test_who_is_refused_asks_fewer_at_once_and_more_again_when_blocks_come() -> None:
    pace = Pace()
    assert room(pace) == OUTSTANDING_MAX
    pace.refused()
    assert room(pace) == OUTSTANDING_MAX - 1
    for _ in range(50):
        pace.refused()
    assert room(pace) == OUTSTANDING_LEAST
    pace.came()
    pace.came()
    assert room(pace) == OUTSTANDING_LEAST + 1
    for _ in range(50):
        pace.came()
    assert room(pace) == OUTSTANDING_MAX


def test_what_nobody_answers_does_not_count_for_ever() -> None:
    pace = Pace()
    sources, downloads = busy_with(OUTSTANDING_MAX)
    assert not pace.has_room(sources, downloads, STALE_MS - 1)
    assert pace.has_room(sources, downloads, STALE_MS)
    # And whoever waits for that is woken then, although the holder rests.
    sources[0].busy(60_000, 0.0)
    assert downloads[0].next_time(1.0, asking=False) == STALE_MS


def test_a_crowd_that_wants_one_file_is_seldom_refused() -> None:
    """Asking eight at a time, each had 190 refusals for 77 chunks, and 300 questions."""
    network = Network(seed=3)
    origin, *peers = network.add(names(21), 100 * MBIT)
    network.mesh([origin, *peers])
    ref = put(network, origin, random.Random(3).randbytes(5_000_000))
    for peer in peers:
        want(network, peer, ref)
    network.run()
    assert all(ref.root in peer.complete for peer in peers)
    refused = sum(node.sent.get("Refused", 0) for node in peers) / len(peers)
    asked = sum(node.sent["GetBlock"] for node in peers) / len(peers)
    assert refused < 110
    assert asked < 210


def test_what_to_ask_is_settled_after_all_that_was_said() -> None:
    ref, blocks = seal_bytes(b"a cat", SECRET)
    exchange = Exchange(random.Random(0).random)
    ana, bo = names(2)
    for peer in (ana, bo):
        exchange.handle(ports.PeerUp(peer), 0.0)
    (find,) = exchange.handle(ports.Want(ref.root, ref.size), 0.0)
    assert isinstance(find, ports.FindBlocks)
    exchange.handle(ports.BlocksFound(find.request, frozenset()), 0.0)
    for peer, origin in ((ana, True), (bo, False)):
        have = messages.Have(ref.root, b"\x01", origin)
        assert exchange.take(ports.Received(peer, have), 1.0) == []
    asked = [each for each in exchange.settle(1.0) if isinstance(each, ports.SendTo)]
    assert [(each.peer, type(each.message)) for each in asked] == [(bo, messages.GetBlock)]
    assert blocks[0][0] == ref.root
