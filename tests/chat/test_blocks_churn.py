"""Random teams on random networks: links come and go, somebody lies, everybody gets every file."""

import random
from functools import partial

import pytest

from chat.blocks import messages
from chat.blocks.exchange import ports
from chat.blocks.sealing import FileReader, FileRef
from tests.chat.blocks_network import MBIT, Network, Node, names, put

SIZES = (10, 60_000, 70_000, 400_000, 1_500_000)


def lie(kind: str, message: messages.Message) -> messages.Message | None:
    if kind == "wrong bytes" and isinstance(message, messages.Block):
        return messages.Block(message.cid, message.data[:-1] + b"x")
    if kind == "silence" and isinstance(message, messages.Block):
        return None
    if kind == "boasting" and isinstance(message, messages.Have):
        return messages.Have(message.root, b"\xff" * len(message.bitmap), False)
    return message


class Team:
    """Three to eight peers and one who posts; the graph is connected without the liar."""

    def __init__(self, seed: int) -> None:
        self.lot = lot = random.Random(seed)
        latency, disk = lot.choice([0.5, 5.0, 25.0]), lot.choice([0.2, 3.0, 20.0])
        self.network = Network(seed, latency, disk)
        self.nodes = self.network.add(names(lot.randrange(4, 10)), lot.choice([5, 20, 100]) * MBIT)
        self.relay = lot.choice(self.nodes[1:]) if lot.random() < 0.5 else None
        self.liar = self.nodes[-1] if lot.random() < 0.4 else None
        honest = [node for node in self.nodes if node is not self.liar]
        for index in range(1, len(honest)):
            self.link(honest[index], lot.choice(honest[:index]))
        for _ in range(lot.randrange(2, 9)):
            self.link(*lot.sample(self.nodes, 2))
        if self.liar is not None:
            kind = lot.choice(["wrong bytes", "silence", "boasting"])
            self.liar.tamper = partial(lie, kind)

    def link(self, one: Node, other: Node) -> None:
        if frozenset((one.name, other.name)) not in self.network.links:
            relay = self.relay if self.relay in (one, other) else None
            self.network.link(one, other, relay)

    def cut_for_a_while(self, one: Node, other: Node) -> None:
        if frozenset((one.name, other.name)) in self.network.links:
            self.network.unlink(one, other)
            self.network.after(300.0, partial(self.link, one, other))


@pytest.mark.parametrize("seed", range(25))
def test_everybody_gets_every_file(seed: int) -> None:
    team = Team(seed)
    network, lot = team.network, team.lot
    files: list[tuple[FileRef, bytes]] = []
    for _ in range(lot.randrange(1, 4)):
        data = lot.randbytes(lot.choice(SIZES))
        files.append((put(network, lot.choice(team.nodes[:2]), data), data))
    network.run(50.0)
    for node in team.nodes:
        for ref, _ in files:
            wish = ports.Want(ref.root, ref.size, prefetch=node is team.relay)
            network.after(lot.uniform(0, 800), partial(network.give, node, wish))
    for _ in range(lot.randrange(6)):
        cut = partial(team.cut_for_a_while, *lot.sample(team.nodes, 2))
        network.after(lot.uniform(0, 1_500), cut)
    honest = [node for node in team.nodes if node is not team.liar]
    network.run(120_000.0, lambda: all(len(node.complete) == len(files) for node in honest))
    for node in honest:
        for ref, data in files:
            assert ref.root in node.complete, f"{node.name!r} is left without"
            assert FileReader(ref, node.disk.__getitem__).read() == data
