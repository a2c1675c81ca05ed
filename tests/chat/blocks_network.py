"""A tiny deterministic network for real exchange machines: virtual milliseconds, serial links.

Each node has one uplink and one downlink with a rate; a block occupies both for its length, and is
reported as sent when it has left the uplink. Everything else takes the latency only. The disk takes
a fixed time. Every message crosses as bytes.
"""

import heapq
import random
from collections.abc import Callable, Iterable

from chat.blocks import messages
from chat.blocks.cid import matches
from chat.blocks.exchange import Exchange, ports
from chat.blocks.sealing import FileRef, seal_bytes

SECRET = bytes(range(32))
MBIT = 125.0
"""Bytes a millisecond at 1 Mbit/s."""


class Node:
    """A machine, its disk and its line."""

    def __init__(self, name: bytes, seed: int, rate: float) -> None:
        self.name = name
        self.exchange = Exchange(random.Random(f"{seed} {name.hex()}").random)
        self.disk: dict[bytes, bytes] = {}
        self.disk_failure: str | None = None
        self.up_rate = self.down_rate = rate
        self.up_free = self.down_free = 0.0
        self.alive = True
        self.wake: float | None = None
        self.egress: dict[bytes, int] = {}
        self.sent: dict[str, int] = {}
        self.complete: dict[bytes, float] = {}
        self.failed: dict[bytes, str] = {}
        self.progress: list[ports.Progress] = []
        self.dropped: list[tuple[bytes, bytes]] = []
        self.heard: list[ports.RootHeard] = []
        self.tamper: Callable[[messages.Message], messages.Message | None] = lambda message: message
        """Changes (or swallows) what this node says: a liar."""

    @property
    def blocks_sent(self) -> int:
        return self.sent.get("Block", 0)

    def egress_bytes(self) -> int:
        return sum(self.egress.values())


class Network:
    """Nodes, links and the clock."""

    def __init__(self, seed: int = 0, latency_ms: float = 0.5, disk_ms: float = 0.3) -> None:
        self.seed = seed
        self.latency_ms = latency_ms
        self.disk_ms = disk_ms
        self.now = 0.0
        self.nodes: dict[bytes, Node] = {}
        self.links: set[frozenset[bytes]] = set()
        self.frames: dict[tuple[bytes, bytes, float], list[str]] = {}
        """What one says to another in one moment: that goes out together."""
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def add(self, names: Iterable[bytes], rate: float = 100 * MBIT) -> list[Node]:
        made = [Node(name, self.seed, rate) for name in names]
        self.nodes.update((node.name, node) for node in made)
        return made

    def link(self, one: Node, other: Node, relay: Node | None = None) -> None:
        self.links.add(frozenset((one.name, other.name)))
        for node, peer in ((one, other), (other, one)):
            self.give(node, ports.PeerUp(peer.name, relay is peer))

    def mesh(self, nodes: list[Node]) -> None:
        for index, one in enumerate(nodes):
            for other in nodes[:index]:
                self.link(one, other)

    def unlink(self, one: Node, other: Node) -> None:
        self.links.discard(frozenset((one.name, other.name)))
        for node, peer in ((one, other), (other, one)):
            if node.alive:
                self.give(node, ports.PeerDown(peer.name))

    def kill(self, node: Node) -> None:
        node.alive = False
        for other in self.nodes.values():
            if frozenset((node.name, other.name)) in self.links:
                self.unlink(node, other)

    def after(self, delay: float, action: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._queue, (self.now + delay, self._count, action))

    def give(self, node: Node, event: ports.Input) -> None:
        self.after(0.0, lambda: self._handle(node, event))

    def run(self, until: float = 60_000.0, done: Callable[[], bool] = lambda: False) -> None:
        """Run until nothing is left to do, `until` milliseconds, or `done`."""
        for _ in range(2_000_000):
            if not self._queue or self._queue[0][0] > until or done():
                return
            self.now, _, action = heapq.heappop(self._queue)
            action()
        raise AssertionError("the network does not come to rest")

    def _handle(self, node: Node, event: ports.Input) -> None:
        if not node.alive:
            return
        for effect in node.exchange.handle(event, self.now):
            self._carry_out(node, effect)

    def _carry_out(self, node: Node, effect: ports.Effect) -> None:
        if isinstance(effect, ports.SendTo):
            self._send(node, effect)
        elif isinstance(effect, ports.StoreBlock):
            self.after(self.disk_ms, lambda: self._store(node, effect))
        elif isinstance(effect, ports.ReadBlock):
            answer = ports.BlockRead(effect.request, node.disk.get(effect.cid))
            self.after(0.1, lambda: self._handle(node, answer))
        elif isinstance(effect, ports.FindBlocks):
            here = frozenset(effect.cids) & node.disk.keys()
            self.give(node, ports.BlocksFound(effect.request, here))
        elif isinstance(effect, ports.WakeAt):
            node.wake = at = max(self.now, effect.at)
            self.after(at - self.now, lambda: self._tick(node, at))
        elif isinstance(effect, ports.Complete):
            node.complete[effect.root] = self.now
        elif isinstance(effect, ports.Failed):
            node.failed[effect.root] = effect.reason
        elif isinstance(effect, ports.Progress):
            node.progress.append(effect)
        elif isinstance(effect, ports.SourceDropped):
            node.dropped.append((effect.root, effect.peer))
        else:
            node.heard.append(effect)

    def _tick(self, node: Node, at: float) -> None:
        """Only the last `WakeAt` counts."""
        if node.wake == at:
            node.wake = None
            self._handle(node, ports.Tick())

    def _store(self, node: Node, effect: ports.StoreBlock) -> None:
        wrong = not matches(effect.cid, effect.data)
        if node.disk_failure is None and not wrong:
            node.disk[effect.cid] = effect.data
        failure = None if wrong else node.disk_failure
        self._handle(node, ports.BlockStored(effect.cid, failure, wrong))

    def _send(self, node: Node, effect: ports.SendTo) -> None:
        message = node.tamper(effect.message)
        pair = frozenset((node.name, effect.peer))
        if message is None or pair not in self.links:
            return
        name = type(message).__name__
        node.sent[name] = node.sent.get(name, 0) + 1
        self.frames.setdefault((node.name, effect.peer, self.now), []).append(name)
        peer = self.nodes[effect.peer]
        data = messages.encode(message)
        arrival = self.now
        if isinstance(message, messages.Block):
            node.egress[message.cid] = node.egress.get(message.cid, 0) + len(message.data)
            node.up_free = max(self.now, node.up_free) + len(data) / node.up_rate
            cid = effect.message.cid if isinstance(effect.message, messages.Block) else message.cid
            sent = ports.BlockSent(peer.name, cid)
            self.after(node.up_free - self.now, lambda: self._handle(node, sent))
            earliest = peer.down_free + len(data) / peer.down_rate
            arrival = peer.down_free = max(node.up_free, earliest)
        event = ports.Received(node.name, messages.decode(data))

        def deliver() -> None:
            if pair in self.links:
                self._handle(peer, event)

        self.after(arrival - self.now + self.latency_ms, deliver)


def names(count: int) -> list[bytes]:
    return [b"peer %02d" % number for number in range(count)]


def put(network: Network, node: Node, data: bytes) -> FileRef:
    """Seal a file into a node's disk and say that it is held."""
    ref, blocks = seal_bytes(data, SECRET)
    node.disk.update(blocks)
    network.give(node, ports.Hold(ref.root, ref.size))
    return ref


def want(network: Network, node: Node, ref: FileRef, delay: float = 0.0) -> None:
    network.after(delay, lambda: network.give(node, ports.Want(ref.root, ref.size)))
