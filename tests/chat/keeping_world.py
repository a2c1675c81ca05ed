"""Machines that keep files in too little room: virtual time, links that come and go, departures.

Each holds whole files only, asks for room now and then, and copies files from linked holders. At
every drop the world looks at all disks at once, which no machine can, and checks the promise of
chat/blocks/keeping: somebody else has the file, or went without its going being known yet.
"""

import heapq
import random
from collections.abc import Callable
from functools import partial

from chat.blocks import messages
from chat.blocks.keeping import Keeping, ports

LOOK_MS = 20_000.0
"""How often a machine looks whether it has room, give or take a half."""


class Keeper:
    """A machine: files on its disk, the one used longest ago first, and a limit."""

    def __init__(self, name: bytes, quota: int) -> None:
        self.name = name
        self.quota = quota
        self.files: dict[bytes, int] = {}
        self.machine = Keeping(self.files.__contains__)
        self.alive = True
        self.wake = 0.0
        self.dropped = 0

    @property
    def excess(self) -> int:
        return sum(self.files.values()) - self.quota


class World:
    """Everything that happens, in the order of its time."""

    def __init__(self, seed: int) -> None:
        self.lot = random.Random(seed)
        self.now = 0.0
        self.keepers: dict[bytes, Keeper] = {}
        self.links: dict[frozenset[bytes], int] = {}
        """Links as both ends know them, with how often each was opened."""
        self.last_copies_lost_by_drop: list[str] = []
        self._opened = 0
        self._lane: dict[tuple[bytes, bytes], float] = {}
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def add(self, quota: int) -> Keeper:
        keeper = Keeper(b"keeper %02d" % len(self.keepers), quota)
        self.keepers[keeper.name] = keeper
        self.after(self.lot.uniform(0, LOOK_MS), partial(self._look, keeper))
        return keeper

    def after(self, delay: float, action: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._queue, (self.now + delay, self._count, action))

    def run(self, until: float) -> None:
        for _ in range(1_000_000):
            if not self._queue or self._queue[0][0] > until:
                self.now = until
                return
            self.now, _, action = heapq.heappop(self._queue)
            action()
        raise AssertionError("the world does not come to rest")

    # Links and departures

    def linked(self, one: Keeper, other: Keeper) -> bool:
        return frozenset((one.name, other.name)) in self.links

    def link(self, one: Keeper, other: Keeper) -> None:
        if one is not other and not self.linked(one, other) and one.alive and other.alive:
            self._opened += 1
            self.links[frozenset((one.name, other.name))] = self._opened
            self.handle(one, ports.PeerUp(other.name))
            self.handle(other, ports.PeerUp(one.name))

    def unlink(self, one: Keeper, other: Keeper) -> None:
        if self.links.pop(frozenset((one.name, other.name)), None) is not None:
            self.handle(one, ports.PeerDown(other.name))
            self.handle(other, ports.PeerDown(one.name))

    def depart(self, keeper: Keeper, unnoticed: float) -> None:
        """A machine goes for good, with its disk; the others notice later."""
        keeper.alive = False
        for other in self.keepers.values():
            if self.linked(keeper, other):
                self.after(unnoticed, partial(self.unlink, keeper, other))

    # Files

    def copies(self, root: bytes) -> list[Keeper]:
        return [each for each in self.keepers.values() if each.alive and root in each.files]

    def copy(self, keeper: Keeper, root: bytes) -> None:
        """A machine fetches a file from one that is linked and has it."""
        holders = [each for each in self.copies(root) if self.linked(each, keeper)]
        if keeper.alive and root not in keeper.files and holders:
            self.put(keeper, root, self.lot.choice(holders).files[root])

    def put(self, keeper: Keeper, root: bytes, size: int) -> None:
        keeper.files[root] = size
        self.handle(keeper, ports.Came(root))

    # The shell of a machine

    def handle(self, keeper: Keeper, event: ports.Input) -> None:
        if not keeper.alive:
            return
        for effect in keeper.machine.handle(event, self.now):
            if isinstance(effect, ports.SendTo):
                self._send(keeper, effect)
            elif isinstance(effect, ports.Drop):
                self._drop(keeper, effect.root)
            elif isinstance(effect, ports.WakeAt):
                keeper.wake = effect.at
                self.after(effect.at - self.now, partial(self._woken, keeper, effect.at))

    def _woken(self, keeper: Keeper, at: float) -> None:
        if keeper.wake == at:
            self.handle(keeper, ports.Tick())

    def _look(self, keeper: Keeper) -> None:
        if keeper.alive:
            self.after(self.lot.uniform(0.5, 1.5) * LOOK_MS, partial(self._look, keeper))
            if keeper.excess > 0:
                files = tuple(keeper.files.items())
                self.handle(keeper, ports.Shed(files, keeper.excess, 2))

    def _drop(self, keeper: Keeper, root: bytes) -> None:
        del keeper.files[root]
        keeper.dropped += 1
        others = [
            each
            for each in self.keepers.values()
            if root in each.files and (each.alive or self.linked(keeper, each))
        ]
        if not others:
            self.last_copies_lost_by_drop.append(f"{keeper.name!r} at {self.now:.0f} ms")
        self.after(0.0, partial(self.handle, keeper, ports.Went(root)))

    def _send(self, sender: Keeper, effect: ports.SendTo) -> None:
        pair = frozenset((sender.name, effect.peer))
        opened = self.links.get(pair)
        data = messages.encode(effect.message)
        receiver = self.keepers[effect.peer]

        def deliver() -> None:
            message = messages.decode(data)
            assert isinstance(message, messages.AskHolding | messages.Holding)
            if self.links.get(pair) == opened:
                self.handle(receiver, ports.Received(sender.name, message))

        # A link keeps the order; behind bulk a message may take long.
        slow = self.lot.choice((1.0, 30.0, 400.0, 45_000.0 if self.lot.random() < 0.02 else 1.0))
        lane = (sender.name, effect.peer)
        arrival = max(self._lane.get(lane, 0.0), self.now + self.lot.uniform(0.2, 1.0) * slow)
        self._lane[lane] = arrival
        if opened is not None:
            self.after(arrival - self.now, deliver)
